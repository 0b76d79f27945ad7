//  A node with its store and its clocks, and without sockets: what a server and
//  a local node share.

#ifndef ZSEQ_HOST_H_INCLUDED
#define ZSEQ_HOST_H_INCLUDED

#include "zseq_node.h"

#define ZSEQ_NAMES_MAX_DEFAULT 4000000
#define ZSEQ_RESERVE_US_DEFAULT 1000000
#define ZSEQ_SCRUB_US_DEFAULT (24 * UINT64_C (3600000000))
//  How long the process that had the directory before may take to go: one that
//  was killed holds it until the system has freed its memory.
#define ZSEQ_PREDECESSOR_US 3000000

typedef struct zseq_host zseq_host_t;

typedef struct {
    const char *directory;  //  Must stay
    size_t names_max;       //  Sequences that the node holds at most
    uint64_t scrub_us;      //  How long it takes to read back all that the disk
                            //  holds; 0: that is not done
    uint64_t reserve_us;    //  As zseq_node_limits_t
    uint64_t wait_us;       //  How long who had the directory before may take
    bool unsafe;            //  The directory may be on any file system
    //  Takes a line for the operator, without its end; or NULL.
    void (*log) (const char *text, void *arg);
    //  Takes what is to be sent: ZSEQ_ACTION_REPLY and ZSEQ_ACTION_ASK.
    zseq_action_fn *act;
    void *arg;
} zseq_host_options_t;

//  A host that has done nothing yet. Its wait limit for a predecessor begins now. NULL: no memory.
zseq_host_t *zseq_host_new (const zseq_host_options_t *options);

//  Ends the store's writing, then releases everything, the directory's lock
//  last.
void zseq_host_destroy (zseq_host_t **self_p);

//  Functions that fail have called zseq_detail_fail.

//  Locks the directory and reads the node's record, which the caller checks
//  before it goes on. Errors: those of zseq_store_open, ZSEQ_ENOMEM.
int zseq_host_open (zseq_host_t *self);

//  The same, but makes and formats with first what is not there, or empty.
int zseq_host_open_or_format (zseq_host_t *self, const zseq_record_t *first);

//  After _open has failed with ZSEQ_EAGAIN or ZSEQ_EDAMAGED: for a node that has
//  lost its record, and is the one that record says. Errors: those of
//  zseq_store_open_lost.
int zseq_host_open_lost (zseq_host_t *self, const zseq_record_t *record);

//  The record as _open has read it, or _open_lost was given it.
const zseq_record_t *zseq_host_record (const zseq_host_t *self);

//  Makes the node and loads what the directory holds. When nothing is damaged
//  it then tidies the directory up (zseq_store_load); else nothing is changed.
//  Errors: those of zseq_store_load, ZSEQ_EFULL.
int zseq_host_load (zseq_host_t *self);

//  After _load: the first thing that was found damaged, a line that names the
//  file; or NULL.
const char *zseq_host_damage (const zseq_host_t *self);

//  After _load: the node.
zseq_node_t *zseq_host_node (zseq_host_t *self);

//  After _load: starts the store's writing. Errors: ZSEQ_ENOMEM, ZSEQ_EIO.
int zseq_host_start (zseq_host_t *self);

//  Whether to try again what the process before may still hold: rc is
//  ZSEQ_ELOCKED, as why says, and the wait limit has not passed. Sleeps a little first.
bool zseq_host_await (zseq_host_t *self, int rc, const char *why);

//  These take part after _start.

//  Steps the node, unless it has ended, setting the event's times.
void zseq_host_step (zseq_host_t *self, zseq_event_t *event);

//  Tells the node what has been written. Returns how much was.
size_t zseq_host_take_written (zseq_host_t *self);

//  Steps the node with a FLUSH, and hands what is to be written to the store.
void zseq_host_flush (zseq_host_t *self);

//  Why the node has ended, and nothing more is acknowledged: an error, which
//  the log has; or ZSEQ_OK.
int zseq_host_exit (const zseq_host_t *self);
const char *zseq_host_exit_text (const zseq_host_t *self);

//  Polls readable when _take_written has something to take.
int zseq_host_fd (const zseq_host_t *self);

#endif
