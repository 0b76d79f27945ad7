//  What clients, test and judge of zseq_keys share.

#ifndef ZSEQ_KEYS_PRIVATE_H_INCLUDED
#define ZSEQ_KEYS_PRIVATE_H_INCLUDED

#include "zseq_keys.h"

#include <stdatomic.h>
#include <sys/types.h>

#define ZSEQ_KEYS_LOG_MAX 4096  //  Calls of a thread that the judge lacks
#define ZSEQ_KEYS_NAME_MAX 64

//  The calls of one thread, in a ring.
typedef struct {
    //  No call that is not counted yet began, or will begin, before that.
    _Atomic uint64_t bound_ns;
    _Atomic uint64_t count;   //  Calls noted that have ended
    _Atomic uint64_t taken;   //  ... of which the judge has taken in
    _Atomic uint64_t begun;   //  ... and one more is noted with an unknown
                              //  outcome while it is under way
    _Atomic uint64_t reads;   //  zseq_keys_progress_t
    _Atomic uint64_t writes;  //  The same
    _Atomic uint64_t failures;
    _Atomic uint64_t read_ns;
    _Atomic uint64_t write_ns;
    zseq_kv_history_op_t op[ZSEQ_KEYS_LOG_MAX];
} zseq_keys_log_t;

struct zseq_keys {
    zseq_keys_options_t options;
    char name[ZSEQ_KEYS_NAME_MAX];
    pid_t judge;
    size_t size;  //  Bytes of all this
    _Atomic bool stop;
    _Atomic bool over;  //  No call will be noted any more
    _Atomic uint32_t handles;
    _Atomic uint32_t processes;  //  Client processes so far
    _Atomic uint64_t unknown;    //  zseq_keys_counts_t
    _Atomic uint64_t refused;
    zseq_kv_verdict_t verdict;
    uint32_t logs;  //  The last one is that of zseq_keys_ask_all
    zseq_keys_log_t log[];
};

//  The bound of a thread that has ended.
#define ZSEQ_KEYS_ENDED (UINT64_MAX / 2)

//  A key's name.
void zseq_keys_name (const zseq_keys_t *self, uint32_t key, char *text,
                     size_t size);

#endif
