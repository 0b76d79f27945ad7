//  A node as a process: the core's node with a store, sockets and a clock.

#ifndef ZSEQ_SERVER_H_INCLUDED
#define ZSEQ_SERVER_H_INCLUDED

#include "zseq_record.h"

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
    bool insecure;     //  May bind where other machines reach it
    size_t names_max;  //  Sequences that the node holds at most
    zseq_server_log_fn *log;
    void *arg;
} zseq_server_options_t;

//  A server that has done nothing yet. Options are not copied and must stay.
zseq_server_t *zseq_server_new (const zseq_server_options_t *options);

//  Releases everything, the directory's lock last.
void zseq_server_destroy (zseq_server_t **self_p);

//  Opens the directory, loads it and binds. Errors, with zseq_detail saying
//  which file or endpoint: ZSEQ_EINVAL, ZSEQ_EAGAIN (the directory is empty:
//  it would have to be recovered from the peers), ZSEQ_EFOREIGN (it belongs to
//  another node or cluster than the options say), ZSEQ_EDAMAGED, ZSEQ_ELOCKED,
//  ZSEQ_ENOSPACE, ZSEQ_EIO, ZSEQ_EFULL, ZSEQ_ENOMEM.
int zseq_server_open (zseq_server_t *self);

//  Serves until stop_fd polls readable, then takes part in nothing more,
//  finishes what is on its way to the disk and returns ZSEQ_OK. Errors, also
//  logged: ZSEQ_EIO and ZSEQ_ENOSPACE (the disk failed), ZSEQ_EMEMBERS,
//  ZSEQ_EREFORMATTED, ZSEQ_ESUPERSEDED (what the peers say forbids to vote).
int zseq_server_run (zseq_server_t *self, int stop_fd);

#endif
