//  A local node: one durable node inside this process, without a server and
//  without sockets (file:). Its directory is like that of a zseqd node in a
//  cluster of one; zseqd may serve the directory while no local node has it.
//
//  Call _new and _open. Then hand requests over with _send, take replies with
//  _recv, call _tick by _wake_us, and poll _fds while there is nothing to take.
//  _failure says why the node has ended.
//
//  Only one thread at a time may use a local node, under the caller's lock.

#ifndef ZSEQ_LOCAL_H_INCLUDED
#define ZSEQ_LOCAL_H_INCLUDED

#include <poll.h>

#include "zseq_msg.h"

//  What _open formats a new directory for.
#define ZSEQ_LOCAL_CLUSTER "file"
#define ZSEQ_LOCAL_NODE "local"
#define ZSEQ_LOCAL_ENDPOINT "tcp://127.0.0.1:19001"

typedef struct zseq_local zseq_local_t;

//  Makes a local node and does no I/O. With unsafe, the directory may be on a
//  file system whose locks and syncs cannot be trusted. NULL: no memory.
zseq_local_t *zseq_local_new (const char *directory, bool unsafe);

//  Writes the exact values, so that nothing is burnt, and releases the
//  directory. Waits for the disk. Never call it in a forked child: the child
//  would write to the directory of its parent.
void zseq_local_destroy (zseq_local_t **self_p);

//  Opens the directory, and returns when the node votes. Makes a directory that
//  is missing, but not its parents; formats one that is empty. After an error,
//  only _destroy may be called. Errors, with zseq_detail saying which file and
//  what to do: ZSEQ_ELOCKED (another process has the directory and did not end
//  within wait_us), ZSEQ_EFOREIGN (the directory belongs to a node with peers,
//  or its format is unknown; it is unchanged), ZSEQ_EDAMAGED (there are no
//  peers to recover from; it is unchanged), ZSEQ_EINVAL (its file system cannot
//  be trusted, or it spans several), ZSEQ_ETIMEOUT (the disk took longer than
//  wait_us), ZSEQ_ENOSPACE, ZSEQ_EIO, ZSEQ_EFULL, ZSEQ_ENOMEM.
int zseq_local_open (zseq_local_t *self, uint64_t wait_us);

//  The node's record. Call this and the rest only after _open has succeeded.
const zseq_record_t *zseq_local_record (const zseq_local_t *self);

//  Hands the node a request; drops bytes that are none. Errors: ZSEQ_EAGAIN
//  (the node has ended).
int zseq_local_send (zseq_local_t *self, const uint8_t *bytes, size_t size);

//  Takes the next reply, which is valid until the next call of _recv. False:
//  there is none yet. Sets *seen_p when anything has happened.
bool zseq_local_recv (zseq_local_t *self, zseq_msg_t *msg, bool *seen_p);

//  Steps the node with the time, if that is due.
void zseq_local_tick (zseq_local_t *self, uint64_t now_us);

//  When to tick and receive next, at the latest.
uint64_t zseq_local_wake_us (const zseq_local_t *self);

//  Fills fds with what to poll while there is nothing to receive. Returns how
//  many: 1.
size_t zseq_local_fds (const zseq_local_t *self, struct pollfd *fds);

//  Why the node has ended and answers nothing more, with the text; ZSEQ_OK
//  while it runs.
int zseq_local_failure (const zseq_local_t *self, const char **text_p);

#endif
