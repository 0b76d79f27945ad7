//  Blocks SIGXFSZ while the store writes in a thread that is not its own. A
//  write beyond the process's file size limit (ulimit -f) raises the signal,
//  which would kill the process. Private to the store.

#ifndef ZSEQ_STORE_SIGNALS_H_INCLUDED
#define ZSEQ_STORE_SIGNALS_H_INCLUDED

#include <signal.h>
#include <stdbool.h>

typedef struct {
    sigset_t before;  //  The thread's mask
    bool pending;     //  A SIGXFSZ was pending already
} zseq_store_signals_t;

//  Blocks SIGXFSZ in the calling thread, so that a write fails with EFBIG.
void zseq_store_signals_block (zseq_store_signals_t *self);

//  Discards a SIGXFSZ that has come since, and restores the mask.
void zseq_store_signals_restore (const zseq_store_signals_t *self);

#endif
