//  What a client knows of the nodes that answer for the key-value store: which
//  node coordinates the writes of a key, which nodes are silent, and how fast
//  each answers. All calls of a client share it. Source: lib/doc/wire.md,
//  section 6.10.

#ifndef ZSEQ_KV_NODES_H_INCLUDED
#define ZSEQ_KV_NODES_H_INCLUDED

#include "zseq_coordinator_rank.h"
#include "zseq_kv.h"
#include "zseq_node_set.h"

typedef struct {
    uint64_t heard_us;  //  When it last replied, to any call
    uint64_t down_us;   //  Until then other nodes are asked first
    uint64_t pause_us;  //  How long that was last; 0: it has served since
    uint64_t rtt_us;    //  A typical round trip of a read; 0: not known
    bool silent;        //  A read has waited for it in vain, and nothing was
                        //  heard of it since
} zseq_kv_node_t;

typedef struct {
    uint8_t n;
    //  Whether a node can be sent to now; NULL: nobody knows. Costs system
    //  calls.
    bool (*reaches) (void *arg, uint8_t node);
    void *arg;
    zseq_coordinator_rank_t rank;
    zseq_kv_node_t node[ZSEQ_NODES_MAX];
    uint64_t served_us;  //  How long a coordinator typically takes; 0: not
                         //  known
} zseq_kv_nodes_t;

//  n nodes (1..ZSEQ_NODES_MAX), whose names and reaches are still to be set.
void zseq_kv_nodes_init (zseq_kv_nodes_t *self, uint8_t n);
void zseq_kv_nodes_set_name (zseq_kv_nodes_t *self, uint8_t node,
                             const char *name, size_t size);

//  The node to ask to coordinate a key of that shard: the first of the shard's
//  ranking that is not down; or, if all others were passed over, the first that
//  is. Nodes of passed are left out. n: all are.
uint8_t zseq_kv_nodes_coordinator (const zseq_kv_nodes_t *self, uint8_t shard,
                                   zseq_node_set_t passed, uint64_t now_us);

//  A node for a stale read: of two random ones that are not down, the one that
//  answers faster. Source: Mitzenmacher, "The Power of Two Choices in
//  Randomized Load Balancing" (IEEE TPDS 12(10), 2001).
uint8_t zseq_kv_nodes_near (const zseq_kv_nodes_t *self, uint64_t random,
                            uint64_t now_us);

//  How long a coordinator may be silent before another node is asked.
uint64_t zseq_kv_nodes_silence_us (const zseq_kv_nodes_t *self);

//  Whether the connection to a node is lost, so that nothing comes of what it
//  was asked.
bool zseq_kv_nodes_lost (const zseq_kv_nodes_t *self, uint8_t node);

//  A node has replied; to a read, after that time; as coordinator, after that
//  time.
void zseq_kv_nodes_heard (zseq_kv_nodes_t *self, uint8_t node, uint64_t now_us);
void zseq_kv_nodes_note_read (zseq_kv_nodes_t *self, uint8_t node,
                              uint64_t rtt_us);
void zseq_kv_nodes_note_served (zseq_kv_nodes_t *self, uint8_t node,
                                uint64_t served_us);
//  A coordinator that was given up has answered after all: it is asked again.
//  If all are slow, calls have to wait for longer. But one that has lost its
//  majority, and regained it, may be slower than all others. So that counts for
//  little, and once it is silent again, it is down for longer.
void zseq_kv_nodes_note_served_late (zseq_kv_nodes_t *self, uint8_t node,
                                     uint64_t served_us);

//  Reads have waited for these nodes in vain. And the nodes of which nothing
//  was heard since: a read need not wait for them as long again.
void zseq_kv_nodes_note_silent (zseq_kv_nodes_t *self, zseq_node_set_t nodes);
zseq_node_set_t zseq_kv_nodes_silent (const zseq_kv_nodes_t *self);

//  A node was silent, or does not take part: it is down for a while, which
//  doubles each time.
void zseq_kv_nodes_note_failed (zseq_kv_nodes_t *self, uint8_t node,
                                uint64_t now_us);

#endif
