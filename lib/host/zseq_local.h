//  A durable single node inside the process: no server, no socket. Its
//  directory is that of a zseqd node in a cluster of one, and zseqd may serve it
//  when no process uses it like this.
//
//  One thread at a time may use it, whichever it is: hand it over under a lock.

#ifndef ZSEQ_LOCAL_H_INCLUDED
#define ZSEQ_LOCAL_H_INCLUDED

#include <poll.h>

#include "zseq_msg.h"

//  What a directory that it makes is formatted for.
#define ZSEQ_LOCAL_CLUSTER "file"
#define ZSEQ_LOCAL_NODE "local"
#define ZSEQ_LOCAL_ENDPOINT "tcp://127.0.0.1:19001"

typedef struct zseq_local zseq_local_t;

//  A local node that has done nothing yet. With unsafe, its directory may be on
//  a file system whose locks or syncs are not to be trusted. NULL: no memory.
zseq_local_t *zseq_local_new (const char *directory, bool unsafe);

//  Writes down the exact values, and gives the directory back. Waits for the
//  disk. Not in a forked child: it would do so to its parent's directory.
void zseq_local_destroy (zseq_local_t **self_p);

//  Opens the directory, making it, but not its parents, if there is none, and
//  formatting it if it is empty. Returns when the node votes. Afterwards, also
//  when it has failed, only _destroy is left of a node that does not. Errors,
//  with zseq_detail saying which file and what to do: ZSEQ_ELOCKED (a process
//  has it, and did not end within wait_us), ZSEQ_EFOREIGN (it is of a node
//  with peers, or of a format that is not known; it is left as it is),
//  ZSEQ_EDAMAGED (there are no peers to recover from; it is left as it is),
//  ZSEQ_EINVAL (its file system is not to be trusted, or not all of it is on one),
//  ZSEQ_ETIMEOUT (the disk took longer than wait_us), ZSEQ_ENOSPACE,
//  ZSEQ_EIO, ZSEQ_EFULL, ZSEQ_ENOMEM.
int zseq_local_open (zseq_local_t *self, uint64_t wait_us);

//  The node's record. This and the others only after _open has succeeded.
const zseq_record_t *zseq_local_record (const zseq_local_t *self);

//  Hands it a request; whatever is no request is dropped. Errors: ZSEQ_EAGAIN
//  (the node has ended).
int zseq_local_send (zseq_local_t *self, const uint8_t *bytes, size_t size);

//  Takes the next reply, which is valid until the next call of this. False: there
//  is none yet. seen_p is set when anything has happened.
bool zseq_local_recv (zseq_local_t *self, zseq_msg_t *msg, bool *seen_p);

//  Lets time pass.
void zseq_local_tick (zseq_local_t *self, uint64_t now_us);

//  When to tick and receive next at the latest.
uint64_t zseq_local_wake_us (const zseq_local_t *self);

//  Fills fds with what to poll for POLLIN before it is received from. Returns how
//  many: 1.
size_t zseq_local_fds (const zseq_local_t *self, struct pollfd *fds);

//  Why the node has ended and answers nothing more, and the text; or ZSEQ_OK.
int zseq_local_failure (const zseq_local_t *self, const char **text_p);

#endif
