//  What the command line of zseqd says: the options of its commands, and the
//  text that explains them. See lib/man/zseqd.8.

#ifndef ZSEQD_OPTIONS_H_INCLUDED
#define ZSEQD_OPTIONS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

//  What zseqd --help prints.
extern const char zseqd_usage[];

typedef struct {
    const char *data;
    const char *name;     //  NULL: not given
    const char *cluster;  //  ... as the following
    const char *members;
    const char *bind;
    uint64_t names_max;
    uint64_t memory_max_mib;
    uint64_t reserve_us;
    uint64_t scrub_us;
    bool insecure;
    bool unsafe;
    bool force;
    uint64_t floor;    //  0: not given
    const char *lost;  //  NULL: not given
    uint64_t wait_s;
} zseqd_options_t;

//  Reads the options that follow a command, argv[0], which are not copied; those
//  that were not given have their defaults. Returns 0; or 1, having said on
//  stderr what is wrong.
int zseqd_options_read (zseqd_options_t *self, int argc, char **argv);

//  Says on stderr what is wrong with the command line. The format takes one text.
//  Returns 1, the exit status.
int zseqd_bad_use (const char *format, const char *text)
  __attribute__ ((format (printf, 1, 0)));

#endif
