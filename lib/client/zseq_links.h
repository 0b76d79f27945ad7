//  A client's links to the nodes of a cluster: it learns who the members are
//  from whoever answers, finds them where they have moved to, and keeps a link
//  to each. Source: lib/doc/wire.md, section 3.5. Or its link to the one node
//  that is embedded in the process, which is known and ready at once.
//
//  Belongs to whoever holds the engine's lock.

#ifndef ZSEQ_LINKS_H_INCLUDED
#define ZSEQ_LINKS_H_INCLUDED

#include <poll.h>

#include "zseq_detail.h"
#include "zseq_msg.h"
#include "zseq_quorum.h"
#include "zseq_uri.h"

#define ZSEQ_NEVER UINT64_MAX

typedef struct zseq_links zseq_links_t;

//  Opens links to the endpoints of uri, which must outlive it. Request IDs
//  begin above request. Errors, with zseq_detail set: ZSEQ_ENOMEM, ZSEQ_EIO,
//  ZSEQ_EURI. For a directory it waits, for uri's timeout and three seconds at
//  most, until it can be used; errors also: ZSEQ_EQUORUM and those of
//  zseq_embedded_open.
int zseq_links_new (zseq_links_t **self_p, const zseq_uri_t *uri,
                    uint64_t request);
void zseq_links_destroy (zseq_links_t **self_p);

//  What has been learnt. Members are ascending by name; 0 of them: nothing.
uint8_t zseq_links_n (const zseq_links_t *self);
const zseq_member_t *zseq_links_member (const zseq_links_t *self, uint8_t node);

//  The highest version of the protocol that the node has said to speak, 0 if it
//  has said nothing yet.
uint64_t zseq_links_speaks (const zseq_links_t *self, uint8_t node);

const char *zseq_links_cluster_name (const zseq_links_t *self);
uint64_t zseq_links_cluster (const zseq_links_t *self);  //  0: not born yet
const zseq_quorum_t *zseq_links_quorum (const zseq_links_t *self);

//  Whether the members are known, and whether they can be worked with: then
//  the cluster is born too. Neither before all listed endpoints have said who
//  they are, or had a little while to do so.
bool zseq_links_known (const zseq_links_t *self);
bool zseq_links_ready (const zseq_links_t *self);

//  Why it can never be worked with; or NULL.
const zseq_outcome_t *zseq_links_fatal (const zseq_links_t *self);

//  Why nobody could be found so far.
void zseq_links_explain (const zseq_links_t *self, zseq_outcome_t *outcome);

//  A request ID that was never used.
uint64_t zseq_links_draw_request (zseq_links_t *self);

//  Sends to a node. Errors: ZSEQ_EAGAIN (not now).
int zseq_links_send (zseq_links_t *self, uint8_t node, const uint8_t *bytes,
                     size_t size);

//  Says HELLO where that is due; restless: a node could not be reached.
void zseq_links_tick (zseq_links_t *self, uint64_t now_us, bool restless);
uint64_t zseq_links_wake_us (const zseq_links_t *self);

//  Takes the next reply that is not to a HELLO, whose node is below n; it is
//  valid until the next call. False: every socket is empty. seen_p is set when
//  anything at all was taken, or when something that could not be sent can be.
bool zseq_links_recv (zseq_links_t *self, zseq_msg_t *msg, bool *seen_p);

//  As zseq_transport_fds, or zseq_embedded_fds; changes counts up when there are
//  others.
size_t zseq_links_fds (const zseq_links_t *self, struct pollfd *fds);
unsigned zseq_links_changes (const zseq_links_t *self);

//  As zseq_transport_heed.
void zseq_links_heed (zseq_links_t *self, const struct pollfd *fds,
                      size_t count);

#endif
