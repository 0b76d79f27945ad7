//  The host of a node: the node with its clocks and its stores, of sequences
//  and of keys, but without sockets. A server (zseq_server) and a local node
//  (zseq_local) both have one.
//
//  Call _new, _open (or _open_or_format, _open_lost), check the record, then
//  _load and _start. From then on, the caller's loop waits for _fd, and calls
//  _take_written, _step with each event, and _flush after a batch of steps. The
//  node's replies and questions come back through options.act. When _exit is an
//  error, the node has ended, and the caller destroys the host.
//
//  One thread at a time may use a host. The store has a thread that writes, and
//  that of the keys has another.

#ifndef ZSEQ_HOST_H_INCLUDED
#define ZSEQ_HOST_H_INCLUDED

#include "zseq_node.h"

#define ZSEQ_NAMES_MAX_DEFAULT 4000000
#define ZSEQ_RESERVE_US_DEFAULT 1000000
#define ZSEQ_SCRUB_US_DEFAULT (24 * UINT64_C (3600000000))
#define ZSEQ_KV_BYTES_MAX_DEFAULT (UINT64_C (1) << 30)
//  How long to wait for the predecessor, the process that still has the
//  directory. A killed process holds it until the system has freed its memory.
#define ZSEQ_PREDECESSOR_US 3000000

typedef struct zseq_host zseq_host_t;

typedef struct {
    const char *directory;  //  Must stay
    size_t names_max;       //  Sequences that the node holds at most
    uint64_t scrub_us;      //  How long it takes to read back all that the disk
                            //  holds; 0: never reads back
    uint64_t reserve_us;    //  As zseq_node_limits_t
    uint64_t kv_bytes_max;  //  The same; 0: the default
    uint64_t wait_us;       //  How long to wait for the predecessor
    bool unsafe;            //  The directory may be on any file system
    bool guarded;           //  Refuse a directory that others may write
    //  Logs a line for the operator, whose node is NULL; or NULL.
    void (*log) (const zseq_log_line_t *line, void *arg);
    //  Sends a message: ZSEQ_ACTION_REPLY or ZSEQ_ACTION_ASK.
    zseq_action_fn *act;
    void *arg;
} zseq_host_options_t;

//  Makes a host and does no I/O. wait_us counts from here. NULL: no memory.
zseq_host_t *zseq_host_new (const zseq_host_options_t *options);

//  Waits until the stores have ended their writes, then releases everything;
//  the directory's lock last.
void zseq_host_destroy (zseq_host_t **self_p);

//  Every function that fails sets zseq_detail.

//  Locks the directory and reads the node's record, which the caller checks
//  before it goes on. Errors: those of zseq_store_open, ZSEQ_ENOMEM.
int zseq_host_open (zseq_host_t *self);

//  As _open, but makes a missing directory, and formats a missing or empty one
//  with the record first.
int zseq_host_open_or_format (zseq_host_t *self, const zseq_record_t *first);

//  After _open has failed with ZSEQ_EAGAIN or ZSEQ_EDAMAGED: opens the
//  directory of a node that has lost its record. record says which node that
//  is. Errors: those of zseq_store_open_lost.
int zseq_host_open_lost (zseq_host_t *self, const zseq_record_t *record);

//  The record that _open has read, or that _open_lost was given.
const zseq_record_t *zseq_host_record (const zseq_host_t *self);

//  Makes the node and loads what the directory holds. Sequences are tidied up
//  if none is damaged (zseq_store_load), and keys if none is
//  (zseq_kvstore_load); else nothing of these is changed. Errors: those of
//  zseq_store_load and zseq_kvstore_load, ZSEQ_EFULL.
int zseq_host_load (zseq_host_t *self);

//  After _load: a line that names the first damaged file and its damage; or
//  NULL.
const char *zseq_host_damage (const zseq_host_t *self);

//  After _load: the node.
zseq_node_t *zseq_host_node (zseq_host_t *self);

//  After _load: starts the stores' writing. Errors: ZSEQ_ENOMEM, ZSEQ_EIO.
int zseq_host_start (zseq_host_t *self);

//  Whether to try again to get what the predecessor may still hold: rc is
//  ZSEQ_ELOCKED and wait_us has not passed. Then sleeps a little first, and
//  logs why once.
bool zseq_host_await (zseq_host_t *self, int rc, const char *why);

//  The rest is for after _start.

//  Sets the event's times and steps the node; does nothing once the node has
//  ended.
void zseq_host_step (zseq_host_t *self, zseq_event_t *event);

//  Steps the node with what the stores have written or read back since the last
//  call. Returns how many of these there were.
size_t zseq_host_take_written (zseq_host_t *self);

//  Steps the node with a FLUSH, hands its writes to the stores, and reads back
//  from the disk when that is due.
void zseq_host_flush (zseq_host_t *self);

//  Why the node has ended and acknowledges nothing more; ZSEQ_OK while it runs.
//  The text was logged.
int zseq_host_exit (const zseq_host_t *self);
const char *zseq_host_exit_text (const zseq_host_t *self);

//  A descriptor that polls readable when _take_written has work.
int zseq_host_fd (const zseq_host_t *self);

#endif
