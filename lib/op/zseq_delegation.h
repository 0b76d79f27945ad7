//  When a client leaves its claims of a name to a coordinator, and to which
//  node. A client that meets another client's claim, or that a node tells of
//  one, delegates that name: it sends NEXT to the name's coordinator instead of
//  CLAIM to all nodes. It claims for itself again after a number of replies in
//  a row that served no other client. While the nodes are congested it
//  delegates all names.
//
//  A node does the same for the NEXTs that it gets: it passes them on to the
//  name's coordinator while that is up, so that one node claims for all clients
//  whichever node they reach. NEXTs only go up in the name's ranking, which is
//  the same everywhere, so they come to an end.
//
//  zseq_delegation_t holds what all names share: the candidates, which of them
//  are down or silent, which nodes are congested, and how long a coordinator
//  takes.
//  zseq_delegation_name_t holds what is known of one name. The owner reports
//  what the replies say, asks _wanted and _coordinator before it sends, and
//  sends the probes that _probes_due names. Source: lib/doc/wire.md, section
//  6.9.

#ifndef ZSEQ_DELEGATION_H_INCLUDED
#define ZSEQ_DELEGATION_H_INCLUDED

#include "zseq_coordinator_rank.h"
#include "zseq_detector.h"
#include "zseq_msg.h"
#include "zseq_quorum.h"

typedef struct {
    zseq_quorum_t quorum;
    bool possible;  //  There are coordinators
    zseq_coordinator_rank_t rank;
    zseq_node_set_t congested;  //  Nodes whose last reply said so
    uint64_t round_trip_us;     //  A typical one of a NEXT; 0: not known
    zseq_detector_t detector[ZSEQ_NODES_MAX];
} zseq_delegation_t;

typedef struct {
    zseq_slice_t name;
    bool contended;        //  Other clients claim this name, too
    uint64_t hints_us;     //  When nodes are believed again that say so
    uint32_t uncontended;  //  Results in a row that met no other client
    uint32_t
      uncontended_min;        //  ... until the client believes that it is alone
    zseq_node_set_t refused;  //  Nodes that refuse this name, not others
    uint64_t refused_until_us;  //  When that is forgotten
    bool ranked;
    uint8_t ranking[ZSEQ_NODES_MAX];  //  Nodes in the name's own order
} zseq_delegation_name_t;

//  self is all zero before. rank, which is copied, ranks the candidates;
//  NULL: there are none. There are none either if W is not the majority.
void zseq_delegation_open (zseq_delegation_t *self, const zseq_quorum_t *quorum,
                           const zseq_coordinator_rank_t *rank);

//  A name, which is not copied, that the client claims for itself.
void zseq_delegation_init_name (zseq_delegation_name_t *name,
                                zseq_slice_t bytes);

//  A node says that other clients ask for that name.
void zseq_delegation_note_hint (const zseq_delegation_t *self,
                                zseq_delegation_name_t *name, uint64_t now_us);

//  A result of that name has met no other client, or it has met one.
void zseq_delegation_note_uncontended (zseq_delegation_name_t *name,
                                       uint64_t now_us);
void zseq_delegation_note_contended (const zseq_delegation_t *self,
                                     zseq_delegation_name_t *name);

//  A node has refused a NEXT of that name, for a reason that does not concern
//  other names. And the nodes that have done so of late: no NEXT of the name
//  should go to them.
void zseq_delegation_note_refused (zseq_delegation_name_t *name, uint8_t node,
                                   uint64_t now_us);
zseq_node_set_t zseq_delegation_refused (zseq_delegation_name_t *name,
                                         uint64_t now_us);

//  A reply to CLAIM or NEXT says whether its node is congested.
void zseq_delegation_note_congestion (zseq_delegation_t *self,
                                      const zseq_msg_t *reply);

//  Whether a coordinator is to claim that name, if there is one that is up.
bool zseq_delegation_wanted (const zseq_delegation_t *self,
                             zseq_delegation_name_t *name);

//  The name's first candidate that is up; n: all are down.
uint8_t zseq_delegation_coordinator (const zseq_delegation_t *self,
                                     zseq_delegation_name_t *name);

//  How long a coordinator may be silent before it is probed; rtt_us is a
//  claim's typical round trip, and counts until a coordinator has replied.
uint64_t zseq_delegation_silence_us (const zseq_delegation_t *self,
                                     uint64_t rtt_us);

//  A coordinator has served a NEXT after that time; or it did not, and is down
//  until it answers a probe.
void zseq_delegation_note_served (zseq_delegation_t *self, uint8_t node,
                                  uint64_t round_trip_us);
void zseq_delegation_note_failed (zseq_delegation_t *self, uint8_t node,
                                  uint64_t now_us);

//  Writes the nodes to probe now, in the name's order: those that are down and
//  rank before its coordinator, which is the first one that is neither down nor
//  among the unreachable. Returns how many. _coordinator was called for that
//  name before.
uint8_t zseq_delegation_probes_due (const zseq_delegation_t *self,
                                    const zseq_delegation_name_t *name,
                                    zseq_node_set_t unreachable,
                                    uint64_t now_us,
                                    uint8_t nodes[ZSEQ_NODES_MAX]);

//  A probe goes to a node under that request ID.
void zseq_delegation_note_probe (zseq_delegation_t *self, uint8_t node,
                                 uint64_t request, uint64_t now_us);

//  Returns whether a reply answers a probe; its node is then up if it said
//  ZSEQ_OK.
bool zseq_delegation_reply (zseq_delegation_t *self, const zseq_msg_t *reply);

#endif
