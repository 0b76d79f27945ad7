//  A node as a process: the core's node with a store, sockets and a clock.

#ifndef ZSEQ_SERVER_H_INCLUDED
#define ZSEQ_SERVER_H_INCLUDED

#include "zseq_loop.h"
#include "zseq_node.h"

typedef struct zseq_server zseq_server_t;

//  Takes a line for the operator, without its end.
typedef void (zseq_server_log_fn) (const char *text, void *arg);

typedef struct {
    const char *directory;  //  The node's data
    const char *bind;       //  Where to bind; NULL: as the member entry says
    //  What the directory must agree with, or NULL: its node's name, its
    //  cluster's, and its members, whose endpoints may have moved.
    const char *name;
    const char *cluster;
    const zseq_member_t *members;
    size_t member_count;
    bool insecure;        //  May bind where other machines reach it
    bool unsafe;          //  The directory may be on any file system
    size_t names_max;     //  Sequences that the node holds at most
    uint64_t memory_max;  //  Bytes that the process may have, besides 1 KiB for
                          //  each name: above that, all connections are closed
    uint64_t reserve_us;  //  How many IDs are reserved ahead on disk: what is
                          //  claimed in this time; 0: none
    uint64_t scrub_us;    //  How long it takes to read back all that the disk
                          //  holds; 0: that is not done
    bool recover;         //  Recover, whatever the directory says, and end with
                          //  the node's vote
    const zseq_force_t *force;  //  ... with however few peers; or NULL
    //  ... members whose directories are gone for good, names with commas between
    //  them; or NULL
    const char *lost;
    //  Called when stop_fd polls readable: whether that means to stop. NULL: it
    //  does.
    bool (*stops) (int stop_fd, void *arg);
    zseq_server_log_fn *log;
    void *arg;
} zseq_server_options_t;

//  A server that has done nothing yet. Options are not copied and must stay.
zseq_server_t *zseq_server_new (const zseq_server_options_t *options);

//  What it waits in. Others may add descriptors of their own: their handlers
//  are called between two steps of the node, and must not wait.
zseq_loop_t *zseq_server_loop (zseq_server_t *self);

//  Releases everything, the directory's lock last.
void zseq_server_destroy (zseq_server_t **self_p);

//  Opens the directory, loads it and binds. A node whose directory is empty,
//  or damaged, is going to recover from its peers; if nothing is left that says
//  which node it is, options must. Errors, with zseq_detail saying which file
//  or endpoint: ZSEQ_EINVAL, ZSEQ_EAGAIN (there is nothing, and options lack
//  name, cluster or members), ZSEQ_EDAMAGED (the same, of a directory whose
//  node's record is damaged), ZSEQ_EFOREIGN (it belongs to another node or
//  cluster than options say; it is left untouched), ZSEQ_ELOCKED (another
//  process has the directory or the endpoint, and has not ended within three
//  seconds), ZSEQ_ENOSPACE, ZSEQ_EIO, ZSEQ_EFULL, ZSEQ_ENOMEM.
int zseq_server_open (zseq_server_t *self);

//  Serves until stop_fd polls readable and options do not say otherwise, then takes part in nothing more,
//  finishes what is on its way to the disk and returns ZSEQ_OK; the same with
//  recover, when the node votes. Errors, also logged: ZSEQ_EIO and
//  ZSEQ_ENOSPACE (the disk failed), ZSEQ_EMEMBERS, ZSEQ_EREFORMATTED,
//  ZSEQ_ESUPERSEDED, ZSEQ_EFOREIGN, ZSEQ_EUNAVAILABLE, ZSEQ_EFULL (what the
//  peers say forbids to vote), ZSEQ_EAGAIN (stopped before it had recovered).
int zseq_server_run (zseq_server_t *self, int stop_fd);

#endif
