//  Tests what a handle on the key-value store remembers of the versions that it
//  has seen.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_kv_seen.h"

#define ROUND (1ull << 32)

static zseq_kv_seen_t s_seen;

static void
s_set_up (void)
{
    zseq_kv_seen_init (&s_seen);
}

static void
s_tear_down (void)
{
    zseq_kv_seen_term (&s_seen);
}

TestSuite (kv_seen, .init = s_set_up, .fini = s_tear_down);

static zseq_slice_t
s_key (const char *text)
{
    return (zseq_slice_t){text, strlen (text)};
}

static zseq_kv_ask_t
s_prepare (zseq_slice_t key)
{
    zseq_kv_ask_t ask = {.key = key};
    (void) zseq_kv_seen_prepare (&s_seen, &ask);
    return ask;
}

//  A call of its own that tells a version.
static void
s_note (zseq_slice_t key, uint64_t version, uint64_t floor)
{
    zseq_kv_ask_t ask = {.key = key};
    uint64_t forgotten = zseq_kv_seen_prepare (&s_seen, &ask);
    zseq_kv_seen_note (&s_seen, key, forgotten, version, floor);
}

Test (kv_seen, knows_nothing_at_first)
{
    zseq_kv_ask_t ask = s_prepare (s_key ("key"));
    cr_assert_eq (ask.least, 0);
    cr_assert_eq (ask.op.since, 0);
}

Test (kv_seen, remembers_the_highest_version_of_a_key)
{
    s_note (s_key ("key"), ROUND + 5, ROUND);
    s_note (s_key ("key"), ROUND + 3, ROUND);
    zseq_kv_ask_t ask = s_prepare (s_key ("key"));
    cr_assert_eq (ask.least, ROUND + 5);
    cr_assert_eq (ask.op.since, ROUND + 5);
    s_note (s_key ("key"), ROUND + 7, ROUND);
    cr_assert_eq (s_prepare (s_key ("key")).least, ROUND + 7);
}

//  Finds another key of the same shard, in a slot of its own or in the same
//  one.
static zseq_slice_t
s_other (zseq_slice_t key, char text[16], bool same_slot)
{
    zseq_kv_seen_t seen;
    for (int index = 0;; index++) {
        snprintf (text, 16, "%d", index);
        zseq_slice_t other = s_key (text);
        if (zseq_kv_shard (other) != zseq_kv_shard (key))
            continue;
        zseq_kv_seen_init (&seen);
        zseq_kv_seen_note (&seen, key, 0, 1, 0);
        zseq_kv_seen_note (&seen, other, 0, 1, 0);
        zseq_kv_ask_t ask = {.key = key};
        uint64_t forgotten = zseq_kv_seen_prepare (&seen, &ask);
        zseq_kv_seen_term (&seen);
        if ((forgotten != 0) == same_slot)
            return other;
    }
}

Test (kv_seen, tells_other_keys_of_the_shard_only_the_floor)
{
    char text[16];
    zseq_slice_t other = s_other (s_key ("key"), text, false);
    s_note (s_key ("key"), 3 * ROUND + 5, ROUND);
    zseq_kv_ask_t ask = s_prepare (other);
    cr_assert_eq (ask.least, 0);
    cr_assert_eq (ask.op.since, 3 * ROUND);
}

Test (kv_seen, does_not_go_back_when_a_key_has_lost_its_slot)
{
    char text[16];
    zseq_slice_t other = s_other (s_key ("key"), text, true);
    s_note (s_key ("key"), ROUND + 5, ROUND);
    s_note (other, ROUND + 1, ROUND);
    cr_assert_eq (s_prepare (s_key ("key")).least, ROUND + 5);
    //  A key that comes back gets its own version.
    s_note (s_key ("key"), ROUND + 6, ROUND);
    s_note (other, ROUND + 2, ROUND);
    cr_assert_eq (s_prepare (other).least, ROUND + 2);
}

Test (kv_seen, does_not_go_back_by_a_call_that_began_before_a_slot_was_lost)
{
    char text[16];
    zseq_slice_t other = s_other (s_key ("key"), text, true);
    zseq_kv_ask_t ask = {.key = s_key ("key")};
    uint64_t forgotten = zseq_kv_seen_prepare (&s_seen, &ask);
    s_note (s_key ("key"), ROUND + 9, ROUND);
    s_note (other, ROUND + 1, ROUND);
    zseq_kv_seen_note (&s_seen, s_key ("key"), forgotten, ROUND + 5, ROUND);
    cr_assert_eq (s_prepare (s_key ("key")).least, ROUND + 9);
}
