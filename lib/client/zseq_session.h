//  A client's session with a cluster: who the members are, what is known of the
//  cluster, and a way to send to each node and receive from it. There are two
//  kinds, behind a table of functions:
//
//  - zseq_session_cluster.c has connections to zseqd nodes, and finds the
//    members by asking whoever answers.
//  - zseq_session_local.c has the local node: the one inside this process,
//    which is known and ready at once.
//
//  Make one with _new, then tick, poll and receive until it is ready; send to
//  the nodes below n from then on. It belongs to whoever holds the reactor's
//  lock.

#ifndef ZSEQ_SESSION_H_INCLUDED
#define ZSEQ_SESSION_H_INCLUDED

#include <poll.h>

#include "zseq_detail.h"
#include "zseq_members.h"
#include "zseq_msg.h"
#include "zseq_uri.h"

#define ZSEQ_NEVER UINT64_MAX

typedef struct zseq_session zseq_session_t;

//  What the two kinds differ in. Each is as the function zseq_session_* of that
//  name, which checks the arguments.
typedef struct {
    void (*destroy) (zseq_session_t *self);
    zseq_node_set_t (*send) (zseq_session_t *self, zseq_node_set_t nodes,
                             const uint8_t *bytes, size_t size);
    bool (*recv) (zseq_session_t *self, zseq_msg_t *msg, bool *seen_p);
    void (*tick) (zseq_session_t *self, uint64_t now_us, bool has_unsent);
    uint64_t (*wake_us) (const zseq_session_t *self);
    size_t (*fds) (const zseq_session_t *self, struct pollfd *fds);
    void (*note_ready) (zseq_session_t *self, const struct pollfd *fds,
                        size_t count);
    //  Only for a session that is not fatal.
    void (*explain) (const zseq_session_t *self, zseq_outcome_t *outcome);
} zseq_session_ops_t;

//  What both kinds begin with. They write it; others only call the functions.
struct zseq_session {
    const zseq_session_ops_t *ops;
    const zseq_uri_t *uri;
    uint64_t request;  //  Drawn last
    unsigned changes;  //  Of sockets
    uint64_t cluster;  //  Identity
    char cluster_name[ZSEQ_LABEL_MAX + 1];
    zseq_members_t members;  //  n 0: not known yet; quorum: as of uri
    uint64_t speaks[ZSEQ_NODES_MAX];
    bool known;
    bool ready;
    bool touched;          //  See zseq_session_touched
    zseq_outcome_t fatal;  //  ZSEQ_OK: not fatal
};

//  Opens connections to the endpoints of uri, which must outlive it. Request
//  IDs begin above request. Errors, with zseq_detail set: ZSEQ_ENOMEM,
//  ZSEQ_EIO, ZSEQ_EURI. For a directory it waits, for uri's timeout and three
//  seconds at most, until it can be used; errors also: ZSEQ_EQUORUM and those
//  of zseq_local_open.
int zseq_session_new (zseq_session_t **self_p, const zseq_uri_t *uri,
                      uint64_t request);
void zseq_session_destroy (zseq_session_t **self_p);

//  The two kinds, for zseq_session_new.
int zseq_session_cluster_new (zseq_session_t **self_p, const zseq_uri_t *uri,
                              uint64_t request);
int zseq_session_local_new (zseq_session_t **self_p, const zseq_uri_t *uri,
                            uint64_t request);

//  What has been learnt. Members are ascending by name; 0 of them: nothing.
uint8_t zseq_session_n (const zseq_session_t *self);
const zseq_member_t *zseq_session_member (const zseq_session_t *self,
                                          uint8_t node);

//  The highest version of the protocol that the node has said to speak, 0 if it
//  has said nothing yet.
uint64_t zseq_session_speaks (const zseq_session_t *self, uint8_t node);

const char *zseq_session_cluster_name (const zseq_session_t *self);
uint64_t zseq_session_cluster (const zseq_session_t *self);  //  0: not born yet
const zseq_quorum_t *zseq_session_quorum (const zseq_session_t *self);

//  Whether the members are known, and whether they can be worked with: then
//  the cluster is born too. Neither before all listed endpoints have said who
//  they are, or had a little while to do so.
bool zseq_session_known (const zseq_session_t *self);
bool zseq_session_ready (const zseq_session_t *self);

//  Why it can never be worked with; or NULL.
const zseq_outcome_t *zseq_session_fatal (const zseq_session_t *self);

//  Why nobody could be found so far.
void zseq_session_explain (const zseq_session_t *self, zseq_outcome_t *outcome);

//  count request IDs in a row that were never used; returns the first.
static inline uint64_t
zseq_session_draw_requests (zseq_session_t *self, uint64_t count)
{
    //  0 is no request ID.
    if (self->request > UINT64_MAX - count)
        self->request = 0;
    uint64_t first = self->request + 1;
    self->request += count;
    return first;
}

static inline uint64_t
zseq_session_draw_request (zseq_session_t *self)
{
    return zseq_session_draw_requests (self, 1);
}

//  Sends to nodes, a bit each. Returns those that could be reached now.
zseq_node_set_t zseq_session_send (zseq_session_t *self, zseq_node_set_t nodes,
                                   const uint8_t *bytes, size_t size);

//  Says HELLO where that is due; has_unsent: a node could not be reached.
void zseq_session_tick (zseq_session_t *self, uint64_t now_us, bool has_unsent);
uint64_t zseq_session_wake_us (const zseq_session_t *self);

//  Takes the next reply that is not to a HELLO, whose node is below n; it is
//  valid until the next call. False: every socket is empty. seen_p is set when
//  anything at all was taken, or when something that could not be sent can be.
bool zseq_session_recv (zseq_session_t *self, zseq_msg_t *msg, bool *seen_p);

//  Whether anything was sent or looked at since every socket was found empty:
//  receive again before polling.
static inline bool
zseq_session_touched (const zseq_session_t *self)
{
    return self->touched;
}

//  As zseq_transport_fds, or zseq_local_fds; changes counts up when there
//  are others.
size_t zseq_session_fds (const zseq_session_t *self, struct pollfd *fds);
unsigned zseq_session_changes (const zseq_session_t *self);

//  As zseq_transport_note_ready.
void zseq_session_note_ready (zseq_session_t *self, const struct pollfd *fds,
                              size_t count);

#endif
