//  Tests how replies are counted by node and incarnation.

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "test_random.h"
#include "zseq_tally.h"

//  Makes a READ's reply of node in a cluster of n. All nodes are in their first
//  incarnation.
static zseq_msg_t
s_reply (uint8_t n, uint8_t node, int status, uint64_t next)
{
    zseq_msg_t reply;
    memset (&reply, 0, sizeof reply);
    reply.op = ZSEQ_OP_READ;
    reply.reply = true;
    reply.request = 7;
    reply.status = status;
    reply.node = node;
    reply.read.next = next;
    reply.vector.n = n;
    for (uint8_t index = 0; index < n; index++)
        reply.vector.incarnation[index] = (zseq_incarnation_t){1, index};
    return reply;
}

static bool
s_add (zseq_tally_t *tally, zseq_msg_t reply)
{
    return zseq_tally_add (tally, &reply);
}

Test (tally, begins_with_nothing)
{
    for (uint8_t n = 1; n <= ZSEQ_NODES_MAX; n++) {
        zseq_tally_t tally;
        memset (&tally, 0xa5, sizeof tally);
        zseq_tally_init (&tally, n);
        for (uint8_t node = 0; node < n; node++)
            cr_expect (!zseq_tally_counts (&tally, node));
        cr_expect_eq (zseq_tally_nodes (&tally, ZSEQ_OK), 0);
    }
}

//  S3
Test (tally, counts_a_node_once_however_often_it_replies)
{
    zseq_tally_t tally;
    zseq_tally_init (&tally, 3);
    for (int round = 0; round < 5; round++)
        cr_expect_eq (s_add (&tally, s_reply (3, 1, ZSEQ_OK, 10)), round == 0);
    cr_expect_eq (zseq_tally_nodes (&tally, ZSEQ_OK), 1u << 1);
    cr_expect (zseq_tally_counts (&tally, 1));
    cr_expect (!zseq_tally_counts (&tally, 0));
}

Test (tally, has_a_set_of_nodes_for_each_status)
{
    zseq_tally_t tally;
    zseq_tally_init (&tally, 5);
    s_add (&tally, s_reply (5, 0, ZSEQ_OK, 10));
    s_add (&tally, s_reply (5, 4, ZSEQ_OK, 11));
    s_add (&tally, s_reply (5, 2, ZSEQ_ENOTVOTING, 0));
    cr_expect_eq (zseq_tally_nodes (&tally, ZSEQ_OK), 1u << 0 | 1u << 4);
    cr_expect_eq (zseq_tally_nodes (&tally, ZSEQ_ENOTVOTING), 1u << 2);
    cr_expect_eq (zseq_tally_nodes (&tally, ZSEQ_ECONFLICT), 0);
}

Test (tally, keeps_no_reply_that_does_not_fit)
{
    zseq_tally_t tally;
    zseq_tally_init (&tally, 3);
    cr_expect (!s_add (&tally, s_reply (4, 3, ZSEQ_OK, 10)));
    cr_expect (!s_add (&tally, s_reply (3, 3, ZSEQ_OK, 10)));
    cr_expect (!s_add (&tally, s_reply (2, 0, ZSEQ_OK, 10)));
    cr_expect (!s_add (&tally, s_reply (4, 0, ZSEQ_OK, 10)));
    cr_expect_eq (zseq_tally_nodes (&tally, ZSEQ_OK), 0);
}

//  S4
Test (tally, drops_a_reply_when_another_shows_a_newer_incarnation_of_its_node)
{
    zseq_tally_t tally;
    zseq_tally_init (&tally, 3);
    s_add (&tally, s_reply (3, 0, ZSEQ_OK, 10));
    cr_expect (zseq_tally_counts (&tally, 0));

    zseq_msg_t other = s_reply (3, 1, ZSEQ_OK, 10);
    other.vector.incarnation[0] = (zseq_incarnation_t){2, 0};
    s_add (&tally, other);
    cr_expect (!zseq_tally_counts (&tally, 0));
    cr_expect (zseq_tally_counts (&tally, 1));
    cr_expect_eq (zseq_tally_nodes (&tally, ZSEQ_OK), 1u << 1);
}

Test (tally, drops_a_reply_that_comes_after_its_newer_incarnation_was_shown)
{
    zseq_tally_t tally;
    zseq_tally_init (&tally, 3);
    zseq_msg_t other = s_reply (3, 1, ZSEQ_ENOTVOTING, 0);
    other.vector.incarnation[0] = (zseq_incarnation_t){1, 1};
    s_add (&tally, other);
    s_add (&tally, s_reply (3, 0, ZSEQ_OK, 10));
    cr_expect (!zseq_tally_counts (&tally, 0));
    cr_expect_eq (zseq_tally_nodes (&tally, ZSEQ_OK), 0);
}

Test (tally, an_older_incarnation_elsewhere_does_no_harm)
{
    zseq_tally_t tally;
    zseq_tally_init (&tally, 3);
    zseq_msg_t newer = s_reply (3, 0, ZSEQ_OK, 10);
    newer.vector.incarnation[0] = (zseq_incarnation_t){2, 0};
    s_add (&tally, s_reply (3, 1, ZSEQ_OK, 10));
    s_add (&tally, newer);
    s_add (&tally, s_reply (3, 2, ZSEQ_OK, 10));
    cr_expect_eq (zseq_tally_nodes (&tally, ZSEQ_OK), 7);
}

Test (tally, keeps_the_newer_incarnation_of_two_replies_of_one_node)
{
    zseq_msg_t old = s_reply (3, 0, ZSEQ_OK, 10);
    zseq_msg_t new = s_reply (3, 0, ZSEQ_ECONFLICT, 20);
    new.vector.incarnation[0] = (zseq_incarnation_t){2, 0};

    zseq_tally_t tally;
    zseq_tally_init (&tally, 3);
    cr_expect (s_add (&tally, old));
    cr_expect (s_add (&tally, new));
    cr_expect_eq (tally.vote[0].status, ZSEQ_ECONFLICT);
    cr_expect (zseq_tally_counts (&tally, 0));

    zseq_tally_init (&tally, 3);
    cr_expect (s_add (&tally, new));
    cr_expect (!s_add (&tally, old));
    cr_expect_eq (tally.vote[0].status, ZSEQ_ECONFLICT);
    cr_expect (zseq_tally_counts (&tally, 0));
}

//  A reply in an old incarnation still shows the incarnations of other nodes.
Test (tally, learns_from_a_reply_that_it_does_not_keep)
{
    zseq_msg_t new = s_reply (3, 0, ZSEQ_OK, 10);
    new.vector.incarnation[0] = (zseq_incarnation_t){2, 0};
    zseq_msg_t old = s_reply (3, 0, ZSEQ_OK, 10);
    old.vector.incarnation[1] = (zseq_incarnation_t){2, 0};

    zseq_tally_t tally;
    zseq_tally_init (&tally, 3);
    s_add (&tally, s_reply (3, 1, ZSEQ_OK, 10));
    s_add (&tally, new);
    cr_expect (!s_add (&tally, old));
    cr_expect (!zseq_tally_counts (&tally, 1));
    cr_expect (zseq_tally_counts (&tally, 0));
}

Test (tally, keeps_the_first_of_two_replies_of_one_incarnation)
{
    //  A claim that arrived twice was granted, and then refused because of
    //  itself.
    zseq_tally_t tally;
    zseq_tally_init (&tally, 3);
    cr_expect (s_add (&tally, s_reply (3, 0, ZSEQ_OK, 10)));
    cr_expect (!s_add (&tally, s_reply (3, 0, ZSEQ_ECONFLICT, 20)));
    cr_expect_eq (zseq_tally_nodes (&tally, ZSEQ_OK), 1u << 0);
    cr_expect_eq (tally.vote[0].next, 10);
}

Test (tally, keeps_the_next_of_each_reply_that_has_a_body)
{
    zseq_tally_t tally;
    zseq_tally_init (&tally, 3);
    s_add (&tally, s_reply (3, 0, ZSEQ_ENOTVOTING, 0));
    cr_expect_eq (tally.vote[0].next, 0);

    zseq_msg_t reply = s_reply (3, 1, ZSEQ_ECONFLICT, 0);
    reply.op = ZSEQ_OP_CLAIM;
    reply.claim = (zseq_msg_claim_t){.first = 7, .count = 2, .next = 99};
    s_add (&tally, reply);
    cr_expect_eq (tally.vote[1].next, 99);

    reply = s_reply (3, 2, ZSEQ_ENOSPACE, 0);
    reply.op = ZSEQ_OP_CLAIM;
    s_add (&tally, reply);
    cr_expect_eq (tally.vote[2].next, 0);
}

//  Compares the tally with an array of all replies, which is searched each
//  time.

#define REPLIES 24

typedef struct {
    uint8_t n;
    size_t count;
    zseq_msg_t reply[REPLIES];
} s_dumb_t;

//  Returns the reply of node that counts: the first one in its newest
//  incarnation.
static const zseq_msg_t *
s_dumb_kept (const s_dumb_t *self, uint8_t node)
{
    const zseq_msg_t *kept = NULL;
    for (size_t index = 0; index < self->count; index++) {
        const zseq_msg_t *reply = &self->reply[index];
        if (reply->node == node &&
            (!kept ||
             zseq_incarnation_compare (&reply->vector.incarnation[node],
                                       &kept->vector.incarnation[node]) > 0))
            kept = reply;
    }
    return kept;
}

static bool
s_dumb_counts (const s_dumb_t *self, uint8_t node)
{
    const zseq_msg_t *kept = s_dumb_kept (self, node);
    if (!kept)
        return false;
    for (size_t index = 0; index < self->count; index++)
        if (zseq_incarnation_compare (
              &self->reply[index].vector.incarnation[node],
              &kept->vector.incarnation[node]) > 0)
            return false;
    return true;
}

static void
s_check_against_dumb (const zseq_tally_t *tally, const s_dumb_t *dumb,
                      uint64_t seed)
{
    static const int statuses[] = {ZSEQ_OK, ZSEQ_ECONFLICT, ZSEQ_ENOTVOTING};
    zseq_node_set_t expected[3] = {0};
    for (uint8_t node = 0; node < dumb->n; node++) {
        bool counts = s_dumb_counts (dumb, node);
        cr_assert_eq (zseq_tally_counts (tally, node), counts,
                      "seed %" PRIu64 " node %u", seed, node);
        const zseq_msg_t *kept = s_dumb_kept (dumb, node);
        for (size_t index = 0; index < 3; index++)
            if (counts && kept->status == statuses[index])
                zseq_node_set_add (&expected[index], node);
    }
    for (size_t index = 0; index < 3; index++)
        cr_assert_eq (zseq_tally_nodes (tally, statuses[index]),
                      expected[index], "seed %" PRIu64, seed);
}

Test (tally, counts_what_looking_through_all_replies_counts)
{
    static const int statuses[] = {ZSEQ_OK, ZSEQ_OK, ZSEQ_ECONFLICT,
                                   ZSEQ_ENOTVOTING};
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        uint64_t state = seed;
        static s_dumb_t dumb;
        memset (&dumb, 0, sizeof dumb);
        dumb.n = (uint8_t) (1 + test_random_below (&state, ZSEQ_NODES_MAX));
        zseq_tally_t tally;
        zseq_tally_init (&tally, dumb.n);
        for (int step = 0; step < REPLIES; step++) {
            uint8_t node = (uint8_t) test_random_below (&state, dumb.n);
            int status = statuses[test_random_below (&state, 4)];
            zseq_msg_t reply = s_reply (dumb.n, node, status, 1);
            for (uint8_t index = 0; index < dumb.n; index++)
                if (test_random_below (&state, 12) == 0)
                    reply.vector.incarnation[index] =
                      (zseq_incarnation_t){1 + test_random_below (&state, 2),
                                           test_random_below (&state, 12)};
            dumb.reply[dumb.count++] = reply;
            zseq_tally_add (&tally, &reply);
            s_check_against_dumb (&tally, &dumb, seed);
        }
    }
}

//  S4: a newer incarnation that was learnt elsewhere takes a vote away, and a
//  reply in that incarnation brings another.
Test (tally, counts_no_vote_of_an_incarnation_that_was_learnt_to_have_ended)
{
    zseq_tally_t tally;
    zseq_tally_init (&tally, 3);
    cr_assert (s_add (&tally, s_reply (3, 0, ZSEQ_OK, 5)));
    cr_assert (s_add (&tally, s_reply (3, 1, ZSEQ_OK, 5)));
    zseq_vector_t seen = s_reply (3, 2, ZSEQ_OK, 5).vector;
    zseq_tally_learn (&tally, &seen);
    cr_assert_eq (zseq_node_set_count (zseq_tally_nodes (&tally, ZSEQ_OK)), 2);
    seen.incarnation[1].counter++;
    zseq_tally_learn (&tally, &seen);
    cr_assert (zseq_tally_counts (&tally, 0));
    cr_assert (!zseq_tally_counts (&tally, 1));
    zseq_msg_t reply = s_reply (3, 1, ZSEQ_OK, 5);
    reply.vector = seen;
    cr_assert (s_add (&tally, reply));
    cr_assert_eq (zseq_node_set_count (zseq_tally_nodes (&tally, ZSEQ_OK)), 2);
}
