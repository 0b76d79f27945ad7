//  What the files of zseq, the command line, share: the job that they do, and
//  how they say what is wrong.

#ifndef ZSEQ_CLI_JOB_H_INCLUDED
#define ZSEQ_CLI_JOB_H_INCLUDED

#include <signal.h>

#include "zseq.h"

//  Exit codes; the manual page lists them too.
enum {
    ZSEQ_CLI_DONE = 0,
    //  Bad use, bad input to import, or the output could not be written
    ZSEQ_CLI_MISUSED = 1,
    ZSEQ_CLI_FAILED = 2,  //  Unavailable, timed out, or refused by the cluster
    //  Status: IDs are handed out, but not all nodes vote, or their member
    //  lists differ
    ZSEQ_CLI_DEGRADED = 3,
    ZSEQ_CLI_NO_KEY = 4,         //  The key has no value
    ZSEQ_CLI_OTHER_VERSION = 5,  //  The key has another version
    ZSEQ_CLI_UNKNOWN = 6,        //  The write may have been done
};

//  Room for any text that is printed, escaped.
#define ZSEQ_CLI_TEXT_MAX 4096

typedef struct zseq_cli_command zseq_cli_command_t;

typedef struct {
    const zseq_cli_command_t *command;
    const char *uri;
    char **argument;      //  What follows the command's name
    int arguments;        //  How many
    char given[32];       //  Letters of the options that were given
    uint64_t timeout_ms;  //  0 if not given
    uint64_t count;       //  0 if not given
    uint64_t batch;       //  0 if not given
    uint64_t delay_ms;
    uint64_t add;        //  0 if not given
    const char *output;  //  NULL if not given
    bool partial;
    bool replace;
    bool stale;
    uint64_t expected;  //  0 if not given, too
    uint64_t after;     //  0 if not given
    bool values;
    bool json;
    bool raw;  //  --write-out raw
    bool help;
    bool version;
    zseq_client_t *client;
    bool unwritable;  //  Set by list when stdout failed
} zseq_cli_job_t;

struct zseq_cli_command {
    const char *name;
    const char *usage;
    const char *help;
    const char *options;  //  Letters that it takes beside -u, -t, -h
    int arguments_min;
    int arguments_max;
    int (*run) (zseq_cli_job_t *job);
};

//  A signal has ended a stream.
extern volatile sig_atomic_t zseq_cli_stopped;

//  The command has taken IDs: those that it cannot print are burnt.
extern bool zseq_cli_took;

//  These say on stderr what is wrong, and return the exit code: the command
//  line is; a call of the library failed with rc.
int zseq_cli_misused (const zseq_cli_job_t *job, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));
int zseq_cli_failed (const zseq_cli_job_t *job, int rc);

//  The same of a call that was started, and has failed.
int zseq_cli_ended (const zseq_cli_job_t *job, const zseq_ended_t *ended);

//  The exit code of a call that failed with rc.
int zseq_cli_exit_code (int rc);

//  Reads a whole number in min..max. Returns false when text is not one,
//  having said so.
bool zseq_cli_number (const zseq_cli_job_t *job, const char *what,
                      const char *text, uint64_t min, uint64_t max,
                      uint64_t *value_p);

//  The floor: where sequences begin of which no IDs were taken. The name of
//  none is asked for. Returns what zseq_peek does.
int zseq_cli_floor (const zseq_cli_job_t *job, uint64_t *floor_p);

#endif
