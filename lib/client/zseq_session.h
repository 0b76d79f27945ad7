//  A client's session with a cluster: the members, the cluster's identity, and
//  the connections to the nodes. There are two kinds, behind a table of
//  functions:
//
//  - zseq_session_cluster.c connects to zseqd nodes, and learns the members
//    from the first node that answers.
//  - zseq_session_local.c runs the local node inside this process; its session
//    is known and ready at once.
//
//  Make a session with _new. Then tick, poll and receive until the session is
//  ready; from then on, send to the nodes below n. The reactor's lock guards
//  the session.

#ifndef ZSEQ_SESSION_H_INCLUDED
#define ZSEQ_SESSION_H_INCLUDED

#include <poll.h>

#include "zseq_detail.h"
#include "zseq_members.h"
#include "zseq_msg.h"
#include "zseq_uri.h"

#define ZSEQ_NEVER UINT64_MAX

typedef struct zseq_session zseq_session_t;

//  The functions of a kind. The function zseq_session_* of the same name checks
//  the arguments, and has the contract.
typedef struct {
    void (*destroy) (zseq_session_t *self);
    zseq_node_set_t (*send) (zseq_session_t *self, zseq_node_set_t nodes,
                             const uint8_t *bytes, size_t size);
    bool (*reaches) (zseq_session_t *self, uint8_t node);
    bool (*recv) (zseq_session_t *self, zseq_msg_t *msg, bool *seen_p);
    void (*tick) (zseq_session_t *self, uint64_t now_us, bool has_unsent);
    uint64_t (*wake_us) (const zseq_session_t *self);
    size_t (*fds) (const zseq_session_t *self, struct pollfd *fds);
    //  NULL: as ppoll.
    int (*poll) (zseq_session_t *self, struct pollfd *fds, size_t count,
                 const struct timespec *timeout);
    void (*watch) (zseq_session_t *self, int fd);  //  NULL: does not
    void (*note_ready) (zseq_session_t *self, const struct pollfd *fds,
                        size_t count);
    void (*flush) (zseq_session_t *self);            //  NULL: sends at once
    bool (*unflushed) (const zseq_session_t *self);  //  NULL: never
    //  Called only for a session that is not fatal.
    void (*explain) (const zseq_session_t *self, zseq_outcome_t *outcome);
} zseq_session_ops_t;

//  Both kinds begin with this struct and write it. All others use only the
//  functions below.
struct zseq_session {
    const zseq_session_ops_t *ops;
    const zseq_uri_t *uri;
    uint64_t request;  //  Drawn last
    unsigned changes;  //  Of the set of sockets
    uint64_t cluster;  //  Identity
    char cluster_name[ZSEQ_LABEL_MAX + 1];
    zseq_members_t members;  //  n 0: not known yet; quorum: as of uri
    uint64_t speaks[ZSEQ_NODES_MAX];
    bool known;
    bool ready;
    bool touched;          //  See zseq_session_touched
    zseq_outcome_t fatal;  //  ZSEQ_OK: not fatal
};

//  Opens connections to the endpoints of uri, which must outlive the session.
//  Request IDs begin above request. Errors, with zseq_detail set: ZSEQ_ENOMEM,
//  ZSEQ_EIO, ZSEQ_EURI. For a directory, _new waits until the local node votes:
//  at most for uri's timeout, and at most three seconds. Further errors then:
//  ZSEQ_EQUORUM and those of zseq_local_open.
int zseq_session_new (zseq_session_t **self_p, const zseq_uri_t *uri,
                      uint64_t request);
void zseq_session_destroy (zseq_session_t **self_p);

//  The two kinds, for zseq_session_new.
int zseq_session_cluster_new (zseq_session_t **self_p, const zseq_uri_t *uri,
                              uint64_t request);
int zseq_session_local_new (zseq_session_t **self_p, const zseq_uri_t *uri,
                            uint64_t request);

//  What the session has learnt. Members ascend by name; 0 members: nothing yet.
uint8_t zseq_session_n (const zseq_session_t *self);
const zseq_member_t *zseq_session_member (const zseq_session_t *self,
                                          uint8_t node);

//  The highest protocol version that the node has announced; 0: none yet.
uint64_t zseq_session_speaks (const zseq_session_t *self, uint8_t node);

const char *zseq_session_cluster_name (const zseq_session_t *self);
//  The cluster's identity; 0: the cluster is not formed yet.
uint64_t zseq_session_cluster (const zseq_session_t *self);
const zseq_quorum_t *zseq_session_quorum (const zseq_session_t *self);

//  Known: the session knows the members, and every listed endpoint has
//  identified its node or has used up its grace period. Ready: the cluster is
//  formed, too, and requests may start.
bool zseq_session_known (const zseq_session_t *self);
bool zseq_session_ready (const zseq_session_t *self);

//  Why the session can never become ready, or work again; NULL: it can.
const zseq_outcome_t *zseq_session_fatal (const zseq_session_t *self);

//  Makes the session fatal: it is closed.
void zseq_session_close (zseq_session_t *self);

//  Why the session is not ready yet.
void zseq_session_explain (const zseq_session_t *self, zseq_outcome_t *outcome);

//  Draws count unused request IDs in a row; returns the first.
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

//  Sends to the nodes of a set. Returns the nodes that the message was sent to.
zseq_node_set_t zseq_session_send (zseq_session_t *self, zseq_node_set_t nodes,
                                   const uint8_t *bytes, size_t size);

//  Whether a message can be sent to a node now. If not, what it owes an answer
//  to it does not answer any more, as a rule: the connection is lost.
bool zseq_session_reaches (zseq_session_t *self, uint8_t node);

//  Sends each HELLO that is due. has_unsent: a message is still unsent, because
//  its node could not be reached.
void zseq_session_tick (zseq_session_t *self, uint64_t now_us, bool has_unsent);
//  When to tick next at the latest.
uint64_t zseq_session_wake_us (const zseq_session_t *self);

//  Takes the next reply to a message other than HELLO, from a node below n. The
//  reply is valid until the next call. False: every socket is empty. Sets
//  seen_p when it took any frame, or when a connection that could not send now
//  can.
bool zseq_session_recv (zseq_session_t *self, zseq_msg_t *msg, bool *seen_p);

//  Whether a socket was used since the last receive found all of them empty:
//  then receive again before polling.
static inline bool
zseq_session_touched (const zseq_session_t *self)
{
    return self->touched;
}

//  As zseq_transport_fds, or zseq_local_fds. changes counts up whenever the set
//  of descriptors changes.
size_t zseq_session_fds (const zseq_session_t *self, struct pollfd *fds);
unsigned zseq_session_changes (const zseq_session_t *self);

//  As zseq_transport_poll and _watch. _poll may be called without the reactor's
//  lock.
int zseq_session_poll (zseq_session_t *self, struct pollfd *fds, size_t count,
                       const struct timespec *timeout);
void zseq_session_watch (zseq_session_t *self, int fd);

//  Notes the result of a poll, as zseq_transport_note_ready does.
void zseq_session_note_ready (zseq_session_t *self, const struct pollfd *fds,
                              size_t count);

//  As zseq_transport_flush and _unflushed. _flush may be called without the
//  reactor's lock.
void zseq_session_flush (zseq_session_t *self);
bool zseq_session_unflushed (const zseq_session_t *self);

#endif
