//  A set of a cluster's nodes, a bit each by index. A set is a value: 0 is the
//  empty one, and |, & and ~ are its union, intersection and complement.

#ifndef ZSEQ_NODE_SET_H_INCLUDED
#define ZSEQ_NODE_SET_H_INCLUDED

#include <assert.h>

#include "zseq.h"

typedef uint32_t zseq_node_set_t;

//  The nodes below n (at most ZSEQ_NODES_MAX).
static inline zseq_node_set_t
zseq_node_set_first (uint8_t n)
{
    assert (n <= ZSEQ_NODES_MAX);
    return ((zseq_node_set_t) 1 << n) - 1;
}

//  Adds a node, or removes it.
static inline void
zseq_node_set_add (zseq_node_set_t *self, uint8_t node)
{
    assert (node < ZSEQ_NODES_MAX);
    *self |= (zseq_node_set_t) 1 << node;
}

static inline void
zseq_node_set_remove (zseq_node_set_t *self, uint8_t node)
{
    assert (node < ZSEQ_NODES_MAX);
    *self &= ~((zseq_node_set_t) 1 << node);
}

//  Adds a node if is_in is true; removes it if not.
static inline void
zseq_node_set_put (zseq_node_set_t *self, uint8_t node, bool is_in)
{
    if (is_in)
        zseq_node_set_add (self, node);
    else
        zseq_node_set_remove (self, node);
}

static inline bool
zseq_node_set_has (zseq_node_set_t self, uint8_t node)
{
    assert (node < ZSEQ_NODES_MAX);
    return self >> node & 1;
}

//  Whether every node of part is in the set.
static inline bool
zseq_node_set_includes (zseq_node_set_t self, zseq_node_set_t part)
{
    return !(part & ~self);
}

static inline uint8_t
zseq_node_set_count (zseq_node_set_t self)
{
    uint8_t count = 0;
    for (; self; self &= self - 1)
        count++;
    return count;
}

#endif
