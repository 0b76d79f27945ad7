//  A server: a node as a process of its own, with a store, sockets, a clock and
//  a loop. zseqd is one.
//
//      zseq_server_t *server = zseq_server_new (&options);
//      if (zseq_server_open (server) == ZSEQ_OK)
//          rc = zseq_server_run (server, stop_fd);
//      zseq_server_destroy (&server);
//
//  One thread has a server. The store's own thread writes.

#ifndef ZSEQ_SERVER_H_INCLUDED
#define ZSEQ_SERVER_H_INCLUDED

#include "zseq_node.h"
#include "zseq_transport.h"

typedef struct zseq_server zseq_server_t;

//  Logs a line for the operator.
typedef void (zseq_server_log_fn) (const zseq_log_line_t *line, void *arg);

typedef struct {
    const char *directory;  //  The node's data
    const char *bind;       //  Where to bind; NULL: its member entry's endpoint
    //  The identity that the directory must have, each or NULL: the node's
    //  name, the cluster's name, and the members, whose endpoints may have
    //  changed.
    const char *name;
    const char *cluster;
    const zseq_members_t *members;
    zseq_transport_kind_t transport;  //  NONE: as $ZSEQ_TRANSPORT says
    int connections_max;              //  Of the native kind; 0: the default
    int source_max;       //  ... from one other host; 0: a quarter of these
    bool insecure;        //  May bind where other machines can reach it
    bool unsafe;          //  The directory may be on any file system
    size_t names_max;     //  Sequences that the node holds at most
    uint64_t memory_max;  //  Bytes that the process may use, besides what names
                          //  and keys take: above that, closes all connections
    uint64_t kv_bytes_max;  //  Memory that keys may take
    uint64_t reserve_us;    //  Reserves on disk as many IDs as are claimed in
                            //  this time; 0: none
    uint64_t scrub_us;      //  How long it takes to read back all that the disk
                            //  holds; 0: never reads back
    bool recover;  //  Recover, whatever the directory says, and end when
                   //  the node votes
    const zseq_force_t *force;  //  ... with however few peers; or NULL
    //  ... without the members whose directories are gone for good: their
    //  names, with commas between them; or NULL.
    const char *lost;
    //  Called when stop_fd polls readable: whether to stop. NULL: always stops.
    bool (*stops) (int stop_fd, void *arg);
    zseq_server_log_fn *log;
    void *arg;
} zseq_server_options_t;

//  Makes a server and does no I/O. Does not copy options: they must stay. NULL:
//  no memory.
zseq_server_t *zseq_server_new (const zseq_server_options_t *options);

//  Releases everything; the directory's lock last.
void zseq_server_destroy (zseq_server_t **self_p);

//  Opens the directory, loads it and binds. A node whose directory is empty or
//  damaged will recover from its peers; if the directory does not say which
//  node it is, options must. Errors, also logged, with zseq_detail saying which
//  file or endpoint: ZSEQ_EINVAL, ZSEQ_EAGAIN (the directory is empty, and
//  options lack name, cluster or members), ZSEQ_EDAMAGED (the node's record is
//  damaged, and options lack these), ZSEQ_EFOREIGN (the directory belongs to
//  another node or cluster than options say; it is unchanged), ZSEQ_ELOCKED
//  (another process has the directory or the endpoint, and has not ended within
//  three seconds), ZSEQ_ENOSPACE, ZSEQ_EIO, ZSEQ_EFULL, ZSEQ_ENOMEM.
int zseq_server_open (zseq_server_t *self);

//  Serves until stop_fd polls readable and options.stops agrees; with recover,
//  also until the node votes. Then the node serves no more, finishes its
//  writes, and the call returns ZSEQ_OK; the log says so. Errors, also logged:
//  ZSEQ_EIO and ZSEQ_ENOSPACE (the disk failed); ZSEQ_EMEMBERS,
//  ZSEQ_EREFORMATTED, ZSEQ_ESUPERSEDED, ZSEQ_EFOREIGN, ZSEQ_EUNAVAILABLE and
//  ZSEQ_EFULL (the node may not vote, by what its peers say); ZSEQ_EAGAIN
//  (stopped before the node had recovered); ZSEQ_ENOMEM.
int zseq_server_run (zseq_server_t *self, int stop_fd);

#endif
