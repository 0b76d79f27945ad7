//  A handle's buffer, and how it stays ahead of the threads that take IDs from
//  it. When half of the current range is gone, a fill claims the next range in
//  the background; if the last fill came too late, two fills do. An automatic
//  batch follows the rate at which IDs are taken (zseq_usage.h).
//
//  To hand out an ID, call _take_ahead, which needs no lock. If it finds none,
//  enter the reactor, and either block in _wait_for_id, or add a buffer waiter,
//  call _fill, and be called back.

#ifndef ZSEQ_PREFETCH_H_INCLUDED
#define ZSEQ_PREFETCH_H_INCLUDED

#include "zseq_client_private.h"

//  Makes the handle's empty buffer, for a batch of 1.
void zseq_prefetch_init (zseq_t *handle);

//  Sets the batch: up to 2^32, or ZSEQ_BATCH_AUTO. True: this batch needs no
//  buffer, and the caller must _drop the one that there is.
bool zseq_prefetch_set_batch (zseq_t *handle, uint64_t batch);

//  Whether the handle buffers now, and whether it may later: an automatic batch
//  begins at 1.
bool zseq_prefetch_buffered (zseq_t *handle);
bool zseq_prefetch_enabled (zseq_t *handle);

//  Takes an ID from the buffer, and claims more in time. False: there is none.
//  Call _take with the reactor's lock held; its fills may take until
//  deadline_us. Call _take_ahead without; it enters the reactor if it has to.
bool zseq_prefetch_take (zseq_t *handle, uint64_t deadline_us, uint64_t *id_p);
bool zseq_prefetch_take_ahead (zseq_t *handle, uint64_t *id_p);

//  Claims more if the buffer runs low, without waiting for it. To be called
//  when zseq_buffer_take reports another level than ZSEQ_BUFFER_ENOUGH.
//  Reactor's lock not held.
void zseq_prefetch_keep_ahead (zseq_t *handle, zseq_buffer_level_t level);

//  Starts the fills that the buffer lacks. Fills in flight may take until
//  deadline_us from now on, if that is later. Reactor's lock held.
void zseq_prefetch_fill (zseq_t *handle, uint64_t deadline_us);

//  Waits for an ID. Reactor's lock held, but released while the thread sleeps.
//  Errors, with the outcome set: those of a failed fill, and of
//  zseq_name_queue_explain once deadline_us has passed. ZSEQ_EAGAIN, outcome
//  not set: the handle no longer buffers.
int zseq_prefetch_wait_for_id (zseq_t *handle, uint64_t deadline_us,
                               uint64_t *id_p, zseq_outcome_t *outcome);

//  Adds a waiter behind all others, and removes it. Reactor's lock held.
void zseq_prefetch_add_waiter (zseq_t *handle, zseq_buffer_waiter_t *waiter);
void zseq_prefetch_remove_waiter (zseq_t *handle, zseq_buffer_waiter_t *waiter);

//  Burns the buffer, cancels the fills, and calls the waiters back. Returns how
//  many IDs it burnt. Reactor's lock held.
uint64_t zseq_prefetch_drop (zseq_t *handle);

//  Notes that the IDs of the request were handed out beside the buffer.
//  Reactor's lock held.
void zseq_prefetch_note_issued (zseq_t *handle,
                                const zseq_id_request_t *request);

//  The handle's sequence was raised to id: burns what lies below in the buffers
//  of all of the client's handles on it. Reactor's lock held.
void zseq_prefetch_raised (zseq_t *handle, uint64_t id);

#endif
