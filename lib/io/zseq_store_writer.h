//  The thread that writes: its queue of writes, its completions, and what is
//  read back when nothing is to be written. zseq_store_start, _submit, _check,
//  _fd and _collect of zseq_store.h are here. Private to the store.
//
//  The caller's threads queue jobs under the mutex. The thread takes up all
//  that are queued at once, hands them to zseq_store_group_write, a group at a
//  time, and appends a completion for each, for which _submit has made room. An
//  eventfd is readable while there are completions.

#ifndef ZSEQ_STORE_WRITER_H_INCLUDED
#define ZSEQ_STORE_WRITER_H_INCLUDED

#include "zseq_store.h"

//  Ends the thread, if it was started, after it has written what was submitted,
//  and frees the queue. Completions that were not collected are lost.
void zseq_store_writer_term (zseq_store_t *self);

#endif
