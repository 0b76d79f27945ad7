//  How long the parts of the key-value store wait for each other, where one
//  must outlast another, or several add up. Source: lib/doc/kv.md, K6 and K8,
//  and lib/doc/wire.md, section 6.10.
//
//  A client that reaches a node which reaches a majority is served within
//  ZSEQ_KV_SERVED_US, whatever else is cut, as long as round trips and disks
//  take a few milliseconds. Its call may wait in vain, one after the other, for
//  nodes that answer no read, and then for coordinators that have lost their
//  majority. Each of these has half as long as the one before.

#ifndef ZSEQ_KV_TIMES_H_INCLUDED
#define ZSEQ_KV_TIMES_H_INCLUDED

//  How long a coordinator holds an op at most, of which a condition does not
//  hold.
#define ZSEQ_KV_HELD_US 20000
//  How long a coordinator may be silent, at least, before a client asks another
//  one: it may have to take a ballot, and its disk may stall for a moment.
#define ZSEQ_KV_SILENCE_US 50000
//  The same for a node to which a coordinator has passed an op on.
#define ZSEQ_KV_PASSED_US 50000
//  How long a client waits for a coordinator that is heard and does not answer,
//  at least, if it is the first that its call waits for.
#define ZSEQ_KV_LIMIT_US 250000
//  How long a read waits for a node that has not answered any read yet.
#define ZSEQ_KV_UNMEASURED_US 500000

#define ZSEQ_KV_SERVED_US 1000000

//  An op that is held is not taken for lost.
_Static_assert(2 * ZSEQ_KV_HELD_US < ZSEQ_KV_SILENCE_US, "held too long");
_Static_assert(2 * ZSEQ_KV_HELD_US < ZSEQ_KV_PASSED_US, "held too long");
//  A read by too few nodes counts as the first wait. Of the coordinators that
//  follow, all but the last may be in vain, and the last one may pass the op on
//  in vain, too. Limits are at least a silence.
_Static_assert(ZSEQ_KV_UNMEASURED_US + ZSEQ_KV_LIMIT_US / 2 +
                   ZSEQ_KV_LIMIT_US / 4 + 2 * ZSEQ_KV_SILENCE_US +
                   ZSEQ_KV_PASSED_US <
                 ZSEQ_KV_SERVED_US,
               "5 nodes: served too late");

#endif
