//  SIGXFSZ, which a file beyond the process's limit (ulimit -f) costs, and which
//  would end a process that is not ours. Private to the store.

#ifndef ZSEQ_STORE_SIGNALS_H_INCLUDED
#define ZSEQ_STORE_SIGNALS_H_INCLUDED

#include <signal.h>
#include <stdbool.h>

typedef struct {
    sigset_t before;  //  The thread's mask
    bool pending;     //  Somebody else's SIGXFSZ waits already
} zseq_store_signals_t;

//  Blocks SIGXFSZ in the calling thread, so that a write fails with EFBIG.
void zseq_store_signals_block (zseq_store_signals_t *self);

//  Takes what has come since, and sets the mask to what it was.
void zseq_store_signals_restore (const zseq_store_signals_t *self);

#endif
