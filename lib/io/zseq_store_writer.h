//  The thread that writes: its queue of writes, its completions, and the checks
//  that it runs when there is nothing to write. zseq_store_writer.c has
//  zseq_store_start, _submit, _check, _fd and _collect of zseq_store.h. Private
//  to the store.
//
//  Callers queue jobs under the mutex. The thread takes all queued jobs at
//  once, hands them to zseq_store_group_write, a group at a time, and appends a
//  completion for each. _submit has reserved the memory for the completions. An
//  eventfd is readable while there are completions.

#ifndef ZSEQ_STORE_WRITER_H_INCLUDED
#define ZSEQ_STORE_WRITER_H_INCLUDED

#include "zseq_store.h"

//  Ends the thread, if it was started, after it has written all submitted
//  writes, and frees the queue. Uncollected completions are discarded.
void zseq_store_writer_term (zseq_store_t *self);

#endif
