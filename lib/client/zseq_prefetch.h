//  A handle's buffer, and how it is kept ahead of whoever takes IDs from it.
//  When half of the current range is gone, the next one is claimed in the
//  background; if that has proven too late, two are. An automatic batch follows
//  the rate at which IDs are taken.
//
//  To hand out an ID: take one that is at hand with _take_ahead, without a
//  lock. If there is none, enter the reactor, and either wait with _wait_for_id,
//  or add a waiter, call _fill, and be called back.

#ifndef ZSEQ_PREFETCH_H_INCLUDED
#define ZSEQ_PREFETCH_H_INCLUDED

#include "zseq_client_private.h"

//  Makes the handle's buffer, which is empty, for a batch of 1.
void zseq_prefetch_init (zseq_t *handle);

//  Sets the batch: up to 2^32, or ZSEQ_BATCH_AUTO. True: with that one there is
//  no buffer, but one that has to be dropped.
bool zseq_prefetch_set_batch (zseq_t *handle, uint64_t batch);

//  Whether the handle has a buffer by now, and whether it may come to have one:
//  an automatic batch begins at 1.
bool zseq_prefetch_buffered (zseq_t *handle);
bool zseq_prefetch_enabled (zseq_t *handle);

//  Takes an ID that is at hand, and sends for more in time. The first is called
//  with the reactor's lock held, and what it sends for may take until
//  deadline_us; the second without, and it enters the reactor if need be. False:
//  none is.
bool zseq_prefetch_take (zseq_t *handle, uint64_t deadline_us, uint64_t *id_p);
bool zseq_prefetch_take_ahead (zseq_t *handle, uint64_t *id_p);

//  Keeps the buffer ahead of its consumer, who does not wait for it: to be
//  called when zseq_buffer_take says that it is time. Reactor's lock not held.
void zseq_prefetch_keep_ahead (zseq_t *handle);

//  Sends for the next ranges, unless they are on their way; then those may take
//  until deadline_us at least. Reactor's lock held.
void zseq_prefetch_fill (zseq_t *handle, uint64_t deadline_us);

//  Waits for an ID. Reactor's lock held, but given up meanwhile. Errors, with
//  the outcome set: those of a fill that failed, and of zseq_name_queue_explain
//  once deadline_us has passed. ZSEQ_EAGAIN, outcome not set: the handle has no
//  buffer any more.
int zseq_prefetch_wait_for_id (zseq_t *handle, uint64_t deadline_us,
                               uint64_t *id_p, zseq_outcome_t *outcome);

//  Adds a waiter behind all others, and takes it out again. Reactor's lock
//  held.
void zseq_prefetch_add_waiter (zseq_t *handle, zseq_buffer_waiter_t *waiter);
void zseq_prefetch_remove_waiter (zseq_t *handle, zseq_buffer_waiter_t *waiter);

//  Empties the buffer and calls fills off; the waiters are called back.
//  Returns how many IDs are burnt by that. Reactor's lock held.
uint64_t zseq_prefetch_drop (zseq_t *handle);

//  An ID, or range, came that was in no buffer. Reactor's lock held.
void zseq_prefetch_note_issued (zseq_t *handle, uint64_t first, uint64_t count);

//  The handle's sequence was raised: no handle of its client hands out less
//  from now on. Reactor's lock held.
void zseq_prefetch_raised (zseq_t *handle, uint64_t id);

#endif
