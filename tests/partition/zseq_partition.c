//  zseq-partition cuts | partial | pauses | clocks | disks [NODES]
//
//  Real nodes on a network of their own, and what can go wrong between them:
//  partitions, slow links, nodes that sleep or whose clocks jump, disks that
//  are lost meanwhile; and networks in which some links only are cut, so that
//  few nodes, or clients, see a majority. A client that reaches a majority is
//  served; a client that reaches none gets errors and no IDs; afterwards all
//  clients are served again. In the suite a few kinds come, on one cluster;
//  with ZSEQ_LONG=1 at random, on many. ZSEQ_TEST_SEED repeats the choices of a
//  run.

#include "zseq_netcluster.h"
#include "zseq_history.h"
#include "zseq_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_LONG_S 450      //  For one of the five, with ZSEQ_LONG=1
#define S_LONG_ROUNDS 20  //  On one cluster, then
#define S_FLAPS_MAX 6
#define S_PAUSE_MS_MAX 30000
#define S_PARTIAL_MS 2500  //  How long a partial cut lasts
#define S_PARTIAL_LONG_MS 20000

static zseq_netcluster_t *s_netcluster;
static bool s_long;

//  A number below bound, from the seed.
static uint64_t
s_below (uint64_t bound)
{
    return zseq_netcluster_below (s_netcluster, bound);
}

//  True once in so many times.
static bool
s_chance (uint64_t one_in)
{
    return s_below (one_in) == 0;
}

//  From 1 ms to most, each order of magnitude as likely as another.
static uint64_t
s_some_ms (uint64_t least, uint64_t most)
{
    uint64_t bound = least;
    while (bound < most && !s_chance (4))
        bound *= 2;
    return least + s_below ((bound < most ? bound : most) - least + 1);
}

static size_t
s_hosts (void)
{
    return zseq_netcluster_nodes (s_netcluster) + ZSEQ_NETCLUSTER_STANDS;
}

//  How many nodes are a majority.
static size_t
s_majority (void)
{
    return zseq_netcluster_nodes (s_netcluster) / 2 + 1;
}

//  Sides. A host on side S_MIDDLE is on all of them.

#define S_MIDDLE 2

typedef struct {
    int side[ZSEQ_NETNS_HOSTS_MAX];
} s_sides_t;

//  Prints which hosts are on which side.
static void
s_print_sides (const char *what, const s_sides_t *sides)
{
    static const char *const between[] = {"", " | ", " middle "};
    printf ("%s: ", what);
    for (int side = 0; side <= S_MIDDLE; side++) {
        bool any = false;
        for (size_t host = 0; host < s_hosts (); host++)
            if (sides->side[host] == side) {
                printf ("%s%c", any ? "" : between[side],
                        (int) (host < zseq_netcluster_nodes (s_netcluster)
                                 ? 'a' + host
                                 : '0' + host -
                                     zseq_netcluster_nodes (s_netcluster)));
                any = true;
            }
    }
    printf ("\n");
}

//  Nodes on two sides, neither without one, and clients on either.
static s_sides_t
s_split (void)
{
    s_sides_t sides = {0};
    size_t n = zseq_netcluster_nodes (s_netcluster);
    size_t one = s_below (n);
    size_t other = (one + 1 + s_below (n - 1)) % n;
    for (size_t node = 0; node < n; node++)
        sides.side[node] = (int) s_below (2);
    sides.side[one] = 0;
    sides.side[other] = 1;
    for (size_t stand = 0; stand < ZSEQ_NETCLUSTER_STANDS; stand++)
        sides.side[n + stand] = (int) (stand < 2 ? stand : s_below (2));
    return sides;
}

//  Loses what goes from one side to the other, and not what comes back.
static void
s_block (const s_sides_t *sides, int from, int to)
{
    for (size_t one = 0; one < s_hosts (); one++)
        for (size_t other = 0; other < s_hosts (); other++)
            if (sides->side[one] == from && sides->side[other] == to)
                zseq_netns_block (zseq_netcluster_netns (s_netcluster), one,
                                  other);
}

//  Removes all cuts.
static void
s_heal (void)
{
    zseq_netns_unblock_all (zseq_netcluster_netns (s_netcluster));
    zseq_netns_apply (zseq_netcluster_netns (s_netcluster));
}

//  Splits the hosts in two; neither side reaches the other.
static void
s_cut_full (void)
{
    s_sides_t sides = s_split ();
    s_print_sides ("full", &sides);
    s_block (&sides, 0, 1);
    s_block (&sides, 1, 0);
    zseq_netns_apply (zseq_netcluster_netns (s_netcluster));
}

//  Splits the hosts in two; the first side does not reach the other.
static void
s_cut_one_way (void)
{
    s_sides_t sides = s_split ();
    s_print_sides ("one way", &sides);
    s_block (&sides, 0, 1);
    zseq_netns_apply (zseq_netcluster_netns (s_netcluster));
}

//  One node, and clients, see both sides.
static void
s_cut_bridge (void)
{
    s_sides_t sides = s_split ();
    size_t n = zseq_netcluster_nodes (s_netcluster);
    size_t middle = s_below (n);
    size_t one = (middle + 1 + s_below (n - 1)) % n;
    size_t other = one;
    while (other == one || other == middle)
        other = s_below (n);
    sides.side[one] = 0;
    sides.side[other] = 1;
    sides.side[middle] = S_MIDDLE;
    sides.side[n + ZSEQ_NETCLUSTER_STANDS - 1] = S_MIDDLE;
    s_print_sides ("bridge", &sides);
    s_block (&sides, 0, 1);
    s_block (&sides, 1, 0);
    zseq_netns_apply (zseq_netcluster_netns (s_netcluster));
}

//  Makes one of the cuts.
static void
s_cut (void)
{
    switch (s_below (3)) {
    case 0:
        s_cut_full ();
        break;
    case 1:
        s_cut_one_way ();
        break;
    default:
        s_cut_bridge ();
        break;
    }
}

//  Clients that can be served are; the others get errors.
static void
s_hold (void)
{
    zseq_netcluster_watch (s_netcluster);
    zseq_netcluster_hold (s_netcluster);
    if (s_long)
        zseq_netcluster_last (s_some_ms (1, 8000));
    zseq_netcluster_watch_end (s_netcluster);
}

//  Cuts that come and go.
static void
s_flap (void)
{
    for (uint64_t flaps = 3 + s_below (S_FLAPS_MAX - 2); flaps > 0; flaps--) {
        s_cut ();
        zseq_netcluster_last (s_some_ms (10, 700));
        s_heal ();
        zseq_netcluster_last (s_below (200));
    }
}

//  Links of some hosts are down, of nodes and of clients.
static void
s_links_down (void)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    zseq_netns_t *netns = zseq_netcluster_netns (s_netcluster);
    size_t node = s_below (n);
    size_t host = n + s_below (ZSEQ_NETCLUSTER_STANDS);
    printf ("down: %c and %zu\n", (int) ('a' + node), host - n);
    zseq_netns_set_up (netns, node, false);
    zseq_netns_set_up (netns, host, false);
    s_hold ();
    zseq_netns_set_up (netns, node, true);
    zseq_netns_set_up (netns, host, true);
}

//  Fewer nodes than a majority, and a host of clients, are slow.
static void
s_some_slow (void)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    zseq_netns_t *netns = zseq_netcluster_netns (s_netcluster);
    size_t nodes = 1 + s_below (n - s_majority ());
    size_t first = s_below (n);
    size_t stand = n + s_below (ZSEQ_NETCLUSTER_STANDS);
    unsigned kbit = (unsigned) s_some_ms (32, 1024);
    printf ("slow: %zu nodes from %c on and %zu, %u kbit/s\n", nodes,
            (int) ('a' + first), stand - n, kbit);
    bool done = zseq_netns_set_speed (netns, stand, kbit);
    for (size_t index = 0; done && index < nodes; index++)
        done = zseq_netns_set_speed (netns, (first + index) % n, kbit);
    if (!done) {
        printf ("skipped: no slow links, this kernel has no tbf\n");
        return;
    }
    zseq_netcluster_set_slow (s_netcluster, stand, true);
    s_hold ();
    zseq_netcluster_set_slow (s_netcluster, stand, false);
    zseq_netns_set_speed (netns, stand, 0);
    for (size_t index = 0; index < nodes; index++)
        zseq_netns_set_speed (netns, (first + index) % n, 0);
}

//  All clients are served alike. Keys take more bytes than IDs.
static void
s_all_slow (void)
{
    zseq_netns_t *netns = zseq_netcluster_netns (s_netcluster);
    unsigned kbit = (unsigned) s_some_ms (2048, 16384);
    printf ("slow: all, %u kbit/s\n", kbit);
    for (size_t host = 0; host < s_hosts (); host++)
        if (!zseq_netns_set_speed (netns, host, kbit)) {
            printf ("skipped: no slow links, this kernel has no tbf\n");
            return;
        }
    s_hold ();
    for (size_t host = 0; host < s_hosts (); host++)
        zseq_netns_set_speed (netns, host, 0);
}

//  A round of a test of cuts.
static void
s_round_cuts (uint64_t kind)
{
    switch (kind) {
    case 0:
        s_cut_full ();
        s_hold ();
        break;
    case 1:
        s_cut_one_way ();
        s_hold ();
        break;
    case 2:
        s_cut_bridge ();
        s_hold ();
        break;
    case 3:
        s_flap ();
        break;
    case 4:
        s_links_down ();
        break;
    case 5:
        s_some_slow ();
        break;
    default:
        s_all_slow ();
        break;
    }
    s_heal ();
}

//  Some links are cut: the three partial partitions of Ng and others (Omni-
//  Paxos, EuroSys 2023), and clients that do not agree on who is there.

//  Nodes in random order.
typedef struct {
    size_t node[ZSEQ_NODES_MAX];
} s_order_t;

static s_order_t
s_shuffle (void)
{
    s_order_t order = {0};
    size_t n = zseq_netcluster_nodes (s_netcluster);
    for (size_t index = 0; index < n; index++) {
        size_t place = s_below (index + 1);
        order.node[index] = order.node[place];
        order.node[place] = index;
    }
    return order;
}

//  Loses what two hosts send each other.
static void
s_cut_link (size_t one, size_t other)
{
    zseq_netns_t *netns = zseq_netcluster_netns (s_netcluster);
    zseq_netns_block (netns, one, other);
    zseq_netns_block (netns, other, one);
}

//  Lets the clients of a host reach only these nodes, one bit each.
static void
s_see_only (size_t stand, size_t nodes)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    printf ("  %zu sees", stand);
    for (size_t node = 0; node < n; node++)
        if (nodes >> node & 1)
            printf (" %c", (int) ('a' + node));
        else
            s_cut_link (n + stand, node);
    printf ("\n");
}

//  The first clients see all nodes, others only the one, the last ones some.
static void
s_see (size_t one)
{
    size_t all = ((size_t) 1 << zseq_netcluster_nodes (s_netcluster)) - 1;
    s_see_only (1, (size_t) 1 << one);
    s_see_only (2, 1 + s_below (all));
}

//  It lasts, and clients that can be served are, all the time.
static void
s_hold_partial (void)
{
    zseq_netns_apply (zseq_netcluster_netns (s_netcluster));
    zseq_netcluster_watch (s_netcluster);
    zseq_netcluster_hold_keys (s_netcluster,
                               s_long ? S_PARTIAL_LONG_MS : S_PARTIAL_MS);
    zseq_netcluster_hold (s_netcluster);
    zseq_netcluster_watch_end (s_netcluster);
}

//  Each node sees only its neighbours in a row.
static void
s_chained (void)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    s_order_t order = s_shuffle ();
    printf ("chained:");
    for (size_t one = 0; one < n; one++) {
        printf (" %c", (int) ('a' + order.node[one]));
        for (size_t other = one + 2; other < n; other++)
            s_cut_link (order.node[one], order.node[other]);
    }
    printf ("\n");
    s_see (order.node[n / 2]);
    s_hold_partial ();
}

//  Loses what nodes send each other that are not the hub.
static void
s_leave_hub (size_t hub)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    for (size_t one = 0; one < n; one++)
        for (size_t other = 0; other < one; other++)
            if (one != hub && other != hub)
                s_cut_link (one, other);
}

//  All nodes see one node, and no other.
static void
s_quorum_loss (void)
{
    size_t hub = s_below (zseq_netcluster_nodes (s_netcluster));
    printf ("quorum loss: all see %c\n", (int) ('a' + hub));
    s_leave_hub (hub);
    s_see (hub);
    s_hold_partial ();
}

//  A node that has missed what another one coordinated becomes the only one
//  that sees a majority, when that one is cut off.
static void
s_constrained (void)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    s_order_t order = s_shuffle ();
    size_t hub = order.node[0];
    size_t gone = order.node[1];
    printf ("constrained: %c misses what %c does\n", (int) ('a' + hub),
            (int) ('a' + gone));
    s_cut_link (hub, gone);
    s_hold_partial ();
    printf ("  then %c is gone, and all others see %c\n", (int) ('a' + gone),
            (int) ('a' + hub));
    for (size_t node = 0; node < n; node++)
        if (node != gone)
            s_cut_link (node, gone);
    s_leave_hub (hub);
    s_see (hub);
    s_hold_partial ();
}

//  Nodes see each other, and clients take different ones for the first.
static void
s_duel (void)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    size_t node = s_below (n);
    printf ("duel: half of the clients do not see %c\n", (int) ('a' + node));
    s_cut_link (n + 1, node);
    if (s_chance (2))
        s_cut_link (n + 2, (node + 1) % n);
    s_hold_partial ();
}

//  A round of a test of partial cuts.
static void
s_round_partial (uint64_t kind)
{
    switch (kind) {
    case 0:
        s_chained ();
        break;
    case 1:
        s_quorum_loss ();
        break;
    case 2:
        s_constrained ();
        break;
    default:
        s_duel ();
        break;
    }
    s_heal ();
}

//  Some nodes are stopped for a while, and a client; in a partition, too.

//  Pauses neighbouring nodes and a client for a time, perhaps in a cut.
static void
s_pause (size_t count, uint64_t ms, bool cut)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    size_t first = s_below (n);
    size_t client = s_below (ZSEQ_NETCLUSTER_CLIENTS);
    if (cut)
        s_cut ();
    printf ("pause: %zu nodes from %c on, and client %zu, %lu ms\n", count,
            (int) ('a' + first), client, ms);
    zseq_netcluster_pause_client (s_netcluster, client, true);
    for (size_t index = 0; index < count; index++)
        zseq_netcluster_pause (s_netcluster, (first + index) % n, true);
    zseq_netcluster_watch (s_netcluster);
    zseq_netcluster_last (ms);
    //  Short pauses end before any client gets an error.
    if (count < s_majority () || ms > 2000)
        zseq_netcluster_hold (s_netcluster);
    zseq_netcluster_watch_end (s_netcluster);
    for (size_t index = 0; index < count; index++)
        zseq_netcluster_pause (s_netcluster, (first + index) % n, false);
    zseq_netcluster_pause_client (s_netcluster, client, false);
    s_heal ();
}

//  A round of a test of pauses.
static void
s_round_pauses (uint64_t kind)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    uint64_t most = s_long ? S_PAUSE_MS_MAX : 1000;
    switch (kind) {
    case 0:
        s_pause (1 + s_below (n - s_majority ()), s_some_ms (100, most), false);
        break;
    case 1:
        s_pause (s_majority (), s_some_ms (100, most), false);
        break;
    case 2:
        s_pause (n, 100 + s_below (900), false);
        break;
    case 3:
        //  Until connections are given up.
        s_pause (s_majority (), 3500, false);
        break;
    default:
        s_pause (1, s_some_ms (100, most), true);
        break;
    }
}

//  Wall clocks jump, there and back, under load; a node is killed meanwhile
//  and comes back in another year.

//  Sets the clock of a node to another time.
static void
s_jump (void)
{
    static const int64_t jumps_s[] = {1, 60, 3600, 86400, 31536000, 315360000};
    size_t n = zseq_netcluster_nodes (s_netcluster);
    size_t node = s_below (n);
    int64_t offset_s = jumps_s[s_below (sizeof jumps_s / sizeof *jumps_s)];
    if (s_chance (2))
        offset_s = -offset_s;
    printf ("clock: %c %+ld s\n", (int) ('a' + node), offset_s);
    zseq_netcluster_set_clock (s_netcluster, node, offset_s);
}

//  A round of a test of clocks.
static void
s_round_clocks (uint64_t kind)
{
    size_t node = s_below (zseq_netcluster_nodes (s_netcluster));
    for (size_t jumps = 2 + s_below (6); jumps > 0; jumps--) {
        s_jump ();
        zseq_netcluster_last (s_below (100));
    }
    switch (kind) {
    case 0:
        s_hold ();
        break;
    case 1:
        zseq_netcluster_restart (s_netcluster, node, ZSEQ_NETCLUSTER_KEPT);
        s_jump ();
        zseq_netcluster_must_vote (s_netcluster, node);
        s_hold ();
        break;
    case 2:
        zseq_netcluster_restart (s_netcluster, node, ZSEQ_NETCLUSTER_LOST);
        s_jump ();
        zseq_netcluster_must_vote (s_netcluster, node);
        s_hold ();
        break;
    default:
        s_cut ();
        zseq_netcluster_watch (s_netcluster);
        s_jump ();
        zseq_netcluster_hold (s_netcluster);
        s_jump ();
        zseq_netcluster_watch_end (s_netcluster);
        s_heal ();
        break;
    }
}

//  A node is killed during a partition, and with its disk, or the one that it
//  had before, or none, it votes again in it or after it.

//  The node, so many peers and two hosts of clients on one side.
static void
s_cut_around (size_t node, size_t peers)
{
    s_sides_t sides = {0};
    size_t n = zseq_netcluster_nodes (s_netcluster);
    for (size_t index = 0; index < n; index++)
        sides.side[(node + index) % n] = index > peers;
    sides.side[n + s_below (ZSEQ_NETCLUSTER_STANDS)] = 1;
    s_print_sides ("full", &sides);
    s_block (&sides, 0, 1);
    s_block (&sides, 1, 0);
}

//  Only so many peers both hear it and are heard.
static void
s_cut_one_way_around (size_t node, size_t peers)
{
    zseq_netns_t *netns = zseq_netcluster_netns (s_netcluster);
    size_t n = zseq_netcluster_nodes (s_netcluster);
    bool deaf = s_chance (2);
    printf ("%c %s all but %zu peers\n", (int) ('a' + node),
            deaf ? "does not hear" : "is not heard by", peers);
    for (size_t index = peers + 1; index < n; index++) {
        size_t peer = (node + index) % n;
        zseq_netns_block (netns, deaf ? peer : node, deaf ? node : peer);
    }
}

//  The others do not see each other.
static void
s_cut_star (size_t node)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    printf ("%c is the only node that others reach\n", (int) ('a' + node));
    for (size_t one = 0; one < n; one++)
        for (size_t other = 0; other < n; other++)
            if (one != other && one != node && other != node)
                zseq_netns_block (zseq_netcluster_netns (s_netcluster), one,
                                  other);
}

//  Clients do not hear it: its answers are on their way when its incarnation
//  ends, and arrive in the next one.
static void
s_cut_answers (size_t node)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    printf ("%c is not heard by clients\n", (int) ('a' + node));
    for (size_t stand = 0; stand < ZSEQ_NETCLUSTER_STANDS; stand++)
        zseq_netns_block (zseq_netcluster_netns (s_netcluster), node,
                          n + stand);
}

//  Restarts a node with that disk. It must vote if it can, and must not else.
static void
s_restart (size_t node, zseq_netcluster_disk_t disk)
{
    static const char *const disks[] = {"kept", "lost", "an old one"};
    zseq_netns_apply (zseq_netcluster_netns (s_netcluster));
    zseq_netcluster_last (s_below (200));
    bool can = zseq_netcluster_can_vote (s_netcluster, node, disk);
    printf ("disk of %c: %s, it %s vote\n", (int) ('a' + node), disks[disk],
            can ? "can" : "cannot");
    zseq_netcluster_restart (s_netcluster, node, disk);
    if (can)
        zseq_netcluster_must_vote (s_netcluster, node);
    s_hold ();
    zseq_netcluster_may_not_vote (s_netcluster, node);
}

//  ... while partitions come and go, and it is killed again, or loses its
//  disk again, before it is done.
static void
s_lose_and_flap (size_t node)
{
    zseq_netcluster_restart (s_netcluster, node, ZSEQ_NETCLUSTER_LOST);
    s_flap ();
    zseq_netcluster_restart (
      s_netcluster, node,
      (zseq_netcluster_disk_t) s_below (ZSEQ_NETCLUSTER_OLD + 1));
    s_flap ();
}

//  The incarnation on the disk that is put back has ended: the peers know a
//  newer one.
static void
s_put_back (size_t node, size_t peers)
{
    zseq_netcluster_restart (s_netcluster, node, ZSEQ_NETCLUSTER_LOST);
    zseq_netcluster_must_vote (s_netcluster, node);
    zseq_netcluster_must_progress (s_netcluster);
    s_cut_around (node, peers);
    s_restart (node, ZSEQ_NETCLUSTER_OLD);
    s_heal ();
    zseq_netcluster_must_recover (s_netcluster, node);
}

//  A round of a test of lost and old disks.
static void
s_round_disks (uint64_t kind)
{
    size_t n = zseq_netcluster_nodes (s_netcluster);
    size_t node = s_below (n);
    switch (kind) {
    case 0:
        s_cut_around (node, s_majority ());
        s_restart (node, ZSEQ_NETCLUSTER_LOST);
        break;
    case 1:
        s_cut_around (node, s_below (s_majority ()));
        s_restart (node, ZSEQ_NETCLUSTER_LOST);
        break;
    case 2:
        s_cut_one_way_around (node, s_below (s_majority ()));
        s_restart (node, ZSEQ_NETCLUSTER_LOST);
        break;
    case 3:
        s_cut_star (node);
        s_restart (node, ZSEQ_NETCLUSTER_LOST);
        break;
    case 4:
        s_cut_answers (node);
        s_restart (node, ZSEQ_NETCLUSTER_LOST);
        break;
    case 5:
        s_cut_around (node, s_below (n - s_majority ()));
        s_restart (node, ZSEQ_NETCLUSTER_KEPT);
        break;
    case 6:
        s_cut_around (node, n - s_majority ());
        s_restart (node, ZSEQ_NETCLUSTER_KEPT);
        break;
    case 7:
        s_put_back (node, s_below (s_majority ()));
        break;
    default:
        s_lose_and_flap (node);
        break;
    }
    s_heal ();
    zseq_netcluster_must_vote (s_netcluster, node);
}

typedef struct {
    const char *name;
    size_t nodes;     //  In the suite
    uint64_t rounds;  //  The same
    uint64_t kinds;   //  Of rounds
    void (*round) (uint64_t kind);
} s_mode_t;

static const s_mode_t s_modes[] = {{"cuts", 3, 7, 7, s_round_cuts},
                                   {"partial", 5, 4, 4, s_round_partial},
                                   {"pauses", 3, 5, 5, s_round_pauses},
                                   {"clocks", 3, 3, 4, s_round_clocks},
                                   {"disks", 5, 6, 9, s_round_disks}};

//  Rounds on one cluster, of so many nodes if that is not 0.
static bool
s_run (const s_mode_t *mode, size_t nodes, uint64_t seed)
{
    printf ("seed %lu\n", seed);
    if (nodes == 0)
        nodes = s_long ? 3 + seed % 3 : mode->nodes;
    s_netcluster =
      zseq_netcluster_new (nodes, seed, !strcmp (mode->name, "clocks"));
    uint64_t rounds = s_long ? S_LONG_ROUNDS : mode->rounds;
    uint64_t first = s_below (mode->kinds);
    for (uint64_t round = 0; round < rounds; round++) {
        mode->round (s_long ? s_below (mode->kinds)
                            : (first + round) % mode->kinds);
        zseq_netcluster_must_progress (s_netcluster);
    }
    bool good = zseq_netcluster_judge (s_netcluster);
    if (good)
        zseq_netcluster_destroy (&s_netcluster);
    return good;
}

int
main (int argc, char **argv)
{
    const s_mode_t *mode = NULL;
    size_t nodes = argc == 3 ? strtoul (argv[2], NULL, 10) : 0;
    bool many = nodes == 0 || (nodes >= 3 && nodes <= ZSEQ_NODES_MAX);
    for (size_t index = 0; index < sizeof s_modes / sizeof *s_modes; index++)
        if (argc >= 2 && strcmp (argv[1], s_modes[index].name) == 0)
            mode = &s_modes[index];
    if (!mode || argc > 3 || (argc == 3 && nodes == 0) || !many) {
        fprintf (stderr, "usage: zseq-partition cuts|partial|pauses|clocks|"
                         "disks [NODES]\n");
        return 2;
    }
    setvbuf (stdout, NULL, _IOLBF, 0);
    if (!strcmp (mode->name, "clocks") && !zseq_netcluster_has_clocks ())
        return ZSEQ_NETNS_SKIPPED;
    const char *value = getenv ("ZSEQ_LONG");
    s_long = value && strcmp (value, "1") == 0;
    uint64_t start_ns = zseq_history_now_ns ();
    value = getenv ("ZSEQ_TEST_SEED");
    uint64_t seed = value ? strtoull (value, NULL, 10) : start_ns;
    printf ("ZSEQ_TEST_SEED=%lu\n", seed);
    bool good;
    do
        good = s_run (mode, nodes, seed++);
    while (good && s_long &&
           zseq_history_now_ns () - start_ns < S_LONG_S * 1000000000ul);
    zseq_netcluster_print ();
    return good ? 0 : 1;
}
