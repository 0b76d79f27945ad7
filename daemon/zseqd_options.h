//  What the command line of zseqd says: the options of its commands, and the
//  text that explains them. See lib/man/zseqd.8.

#ifndef ZSEQD_OPTIONS_H_INCLUDED
#define ZSEQD_OPTIONS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "zseq_log.h"
#include "zseq_transport.h"

//  What zseqd --help prints.
extern const char zseqd_usage[];

//  The options, a bit each.
enum {
    ZSEQD_DATA = 1 << 0,
    ZSEQD_NAME = 1 << 1,
    ZSEQD_CLUSTER = 1 << 2,
    ZSEQD_MEMBERS = 1 << 3,
    ZSEQD_BIND = 1 << 4,
    ZSEQD_NAMES_MAX = 1 << 5,
    ZSEQD_MEMORY_MAX = 1 << 6,
    ZSEQD_RESERVE = 1 << 7,
    ZSEQD_SCRUB = 1 << 8,
    ZSEQD_INSECURE = 1 << 9,
    ZSEQD_UNSAFE = 1 << 10,
    ZSEQD_FORCE = 1 << 11,
    ZSEQD_FLOOR = 1 << 12,
    ZSEQD_LOST = 1 << 13,
    ZSEQD_WAIT = 1 << 14,
    ZSEQD_LOG_LEVEL = 1 << 15,
    ZSEQD_LOG_FORMAT = 1 << 16,
    ZSEQD_KV_MEMORY = 1 << 17,
    ZSEQD_TRANSPORT = 1 << 18,
    ZSEQD_CORES = 1 << 19,
    ZSEQD_CONNECTIONS_MAX = 1 << 20,
    ZSEQD_SOURCE_MAX = 1 << 21,
};

typedef struct {
    int given;  //  Which of the options
    const char *data;
    const char *name;     //  NULL: not given
    const char *cluster;  //  ... as the following
    const char *members;
    const char *bind;
    zseq_transport_kind_t transport;  //  NONE: not given
    uint64_t names_max;
    uint64_t memory_max_mib;
    uint64_t kv_memory_mib;
    uint64_t connections_max;  //  0: not given
    uint64_t source_max;       //  ... as this
    uint64_t reserve_us;
    uint64_t scrub_us;
    bool insecure;
    bool unsafe;
    bool cores;
    bool force;
    bool help;         //  Only the help is wanted; the rest was not checked
    uint64_t floor;    //  0: not given
    const char *lost;  //  NULL: not given
    uint64_t wait_s;
    zseq_log_level_t log_level;
    bool log_json;
} zseqd_options_t;

//  Reads the options that follow a command, argv[0], which are not copied;
//  those that were not given have their defaults. Returns 0; or 1, having said
//  on stderr what is wrong.
int zseqd_options_read (zseqd_options_t *self, int argc, char **argv);

//  Says on stderr what is wrong with the command line. The format takes one
//  text. Returns 1, the exit status.
int zseqd_bad_use (const char *format, const char *text)
  __attribute__ ((format (printf, 1, 0)));

#endif
