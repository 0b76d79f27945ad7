//  Tests the arithmetic of quorums against an enumeration of all sets.

#include <criterion/criterion.h>

#include "zseq_quorum.h"

//  Returns whether some set of a nodes and some set of b nodes, of n, have no
//  node in common. Tries all sets.
static bool
s_disjoint (size_t n, size_t a, size_t b)
{
    for (unsigned left = 0; left < 1u << n; left++) {
        if ((size_t) __builtin_popcount (left) != a)
            continue;
        for (unsigned right = 0; right < 1u << n; right++)
            if ((size_t) __builtin_popcount (right) == b && !(left & right))
                return true;
    }
    return false;
}

//  Returns the smallest size at which any two sets share a node.
static size_t
s_smallest (size_t n)
{
    size_t size = 1;
    while (s_disjoint (n, size, size))
        size++;
    return size;
}

Test (quorum, majority_is_the_smallest_that_intersects_itself)
{
    for (size_t n = 1; n <= ZSEQ_NODES_MAX; n++)
        cr_expect_eq (zseq_quorum_majority ((uint8_t) n), s_smallest (n),
                      "n %zu", n);
}

//  S2: two writes share a node, and so do a read and a write, whatever w
//  another client uses.
Test (quorum, takes_exactly_what_intersects)
{
    for (size_t n = 1; n <= ZSEQ_NODES_MAX; n++) {
        size_t majority = s_smallest (n);
        for (size_t r = 1; r <= n + 1; r++)
            for (size_t w = 1; w <= n + 1; w++) {
                bool safe = r <= n && w <= n && !s_disjoint (n, w, w) &&
                            !s_disjoint (n, r, majority);
                zseq_quorum_t quorum = {77, 78, 79};
                int rc = zseq_quorum_init (&quorum, n, r, w);
                cr_expect_eq (rc, safe ? ZSEQ_OK : ZSEQ_EQUORUM,
                              "n %zu r %zu w %zu", n, r, w);
                if (safe)
                    cr_expect (quorum.n == n && quorum.r == r && quorum.w == w);
                else
                    cr_expect (quorum.n == 77 && quorum.r == 78 &&
                               quorum.w == 79);
            }
    }
}

Test (quorum, any_two_that_it_takes_intersect)
{
    for (size_t n = 1; n <= ZSEQ_NODES_MAX; n++)
        for (size_t r = 0; r <= n; r++)
            for (size_t w = 0; w <= n; w++) {
                zseq_quorum_t quorum;
                if (zseq_quorum_init (&quorum, n, r, w) != ZSEQ_OK)
                    continue;
                cr_expect (!s_disjoint (n, quorum.w, quorum.w));
                cr_expect (!s_disjoint (n, quorum.r, quorum.w));
            }
}

Test (quorum, zero_stands_for_the_smallest_that_is_safe)
{
    for (size_t n = 1; n <= ZSEQ_NODES_MAX; n++) {
        zseq_quorum_t quorum;
        cr_assert_eq (zseq_quorum_init (&quorum, n, 0, 0), ZSEQ_OK);
        cr_expect_eq (quorum.n, n);
        cr_expect_eq (quorum.w, s_smallest (n));
        cr_expect (!s_disjoint (n, quorum.r, quorum.w));
        cr_expect (s_disjoint (n, quorum.r - 1u, quorum.w));

        cr_assert_eq (zseq_quorum_init (&quorum, n, n, 0), ZSEQ_OK);
        cr_expect (quorum.r == n && quorum.w == s_smallest (n));
    }
}

Test (quorum, refuses_a_cluster_without_nodes_or_with_too_many)
{
    zseq_quorum_t quorum = {77, 78, 79};
    cr_expect_eq (zseq_quorum_init (&quorum, 0, 0, 0), ZSEQ_EQUORUM);
    cr_expect_eq (zseq_quorum_init (&quorum, ZSEQ_NODES_MAX + 1, 0, 0),
                  ZSEQ_EQUORUM);
    cr_expect_eq (zseq_quorum_init (&quorum, 256 + 3, 2, 2), ZSEQ_EQUORUM);
    cr_expect_eq (zseq_quorum_init (&quorum, 3, 256 + 2, 2), ZSEQ_EQUORUM);
    cr_expect_eq (zseq_quorum_init (&quorum, 3, 2, 256 + 2), ZSEQ_EQUORUM);
    cr_expect (quorum.n == 77 && quorum.r == 78 && quorum.w == 79);
}

//  All sets of nodes, where nodes from n on are not members.
Test (quorum, is_reached_by_every_set_that_has_enough_members)
{
    for (uint8_t n = 1; n <= 5; n++)
        for (uint8_t r = 0; r <= n; r++)
            for (uint8_t w = 0; w <= n; w++) {
                zseq_quorum_t quorum;
                if (zseq_quorum_init (&quorum, n, r, w) != ZSEQ_OK)
                    continue;
                for (zseq_node_set_t nodes = 0; nodes < 1u << 7; nodes++) {
                    int members =
                      __builtin_popcount (nodes & zseq_node_set_first (n));
                    bool reads = members >= quorum.r;
                    bool writes = members >= quorum.w;
                    cr_expect_eq (
                      zseq_quorum_reached (&quorum, ZSEQ_QUORUM_READ, nodes),
                      reads);
                    cr_expect_eq (
                      zseq_quorum_reached (&quorum, ZSEQ_QUORUM_WRITE, nodes),
                      writes);
                    cr_expect_eq (
                      zseq_quorum_reached (&quorum, ZSEQ_QUORUM_BOTH, nodes),
                      reads && writes);
                }
            }
}

Test (quorum, has_the_size_of_its_smallest_set)
{
    zseq_quorum_t quorum;
    cr_assert_eq (zseq_quorum_init (&quorum, 5, 4, 3), ZSEQ_OK);
    cr_expect_eq (zseq_quorum_size (&quorum, ZSEQ_QUORUM_READ), 4);
    cr_expect_eq (zseq_quorum_size (&quorum, ZSEQ_QUORUM_WRITE), 3);
    cr_expect_eq (zseq_quorum_size (&quorum, ZSEQ_QUORUM_BOTH), 4);
    cr_assert_eq (zseq_quorum_init (&quorum, 5, 3, 5), ZSEQ_OK);
    cr_expect_eq (zseq_quorum_size (&quorum, ZSEQ_QUORUM_BOTH), 5);
}

Test (quorum, knows_whether_any_majority_may_write)
{
    zseq_quorum_t quorum;
    cr_assert_eq (zseq_quorum_init (&quorum, 5, 5, 0), ZSEQ_OK);
    cr_expect (zseq_quorum_writes_by_majority (&quorum));
    cr_assert_eq (zseq_quorum_init (&quorum, 5, 0, 4), ZSEQ_OK);
    cr_expect (!zseq_quorum_writes_by_majority (&quorum));
}
