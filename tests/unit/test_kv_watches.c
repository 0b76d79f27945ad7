//  Tests the watches that wait at a node.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_kv_watches.h"

static zseq_kv_watches_t *s_watches;
static uint64_t s_requests[8];
static size_t s_count;

static void
s_hint (const zseq_sender_t *sender, uint64_t request, uint64_t version,
        void *arg)
{
    (void) sender;
    (void) version;
    (void) arg;
    s_requests[s_count++ % 8] = request;
}

static zseq_sender_t
s_sender (uint8_t id)
{
    return (zseq_sender_t){.route = {.size = 1, .id = {id}}};
}

static int
s_add (uint8_t id, uint64_t request, const char *key, uint64_t above,
       uint64_t until_us)
{
    zseq_sender_t sender = s_sender (id);
    zseq_slice_t slice = {key, strlen (key)};
    return zseq_kv_watches_add (s_watches, &sender, request, slice, above,
                                until_us);
}

static void
s_note (const char *key, uint64_t version)
{
    s_count = 0;
    zseq_kv_watches_note (s_watches, (zseq_slice_t){key, strlen (key)}, version,
                          s_hint, NULL);
}

static void
s_init (void)
{
    s_watches = zseq_kv_watches_new ();
    cr_assert (s_watches);
}

static void
s_term (void)
{
    zseq_kv_watches_destroy (&s_watches);
}

TestSuite (kv_watches, .init = s_init, .fini = s_term);

Test (kv_watches, end_with_a_version_above_theirs)
{
    cr_assert_eq (s_add (1, 7, "k", 5, 100), ZSEQ_OK);
    cr_assert_eq (s_add (2, 8, "k", 6, 100), ZSEQ_OK);
    cr_assert_eq (s_add (1, 9, "kk", 1, 100), ZSEQ_OK);
    s_note ("k", 5);
    cr_assert_eq (s_count, 0);
    s_note ("k", 6);
    cr_assert_eq (s_count, 1);
    cr_assert_eq (s_requests[0], 7);
    s_note ("k", 9);
    cr_assert_eq (s_count, 1);
    cr_assert_eq (s_requests[0], 8);
    cr_assert_eq (zseq_kv_watches_count (s_watches), 1);
}

Test (kv_watches, end_all_of_a_key_at_once)
{
    for (uint64_t request = 1; request <= 5; request++)
        cr_assert_eq (s_add ((uint8_t) request, request, "k", 0, 100), ZSEQ_OK);
    s_note ("k", 1);
    cr_assert_eq (s_count, 5);
    cr_assert_eq (zseq_kv_watches_count (s_watches), 0);
}

Test (kv_watches, are_dropped_when_their_time_is_over)
{
    (void) s_add (1, 7, "k", 5, 100);
    (void) s_add (1, 8, "k", 5, 300);
    (void) s_add (1, 9, "k", 5, 200);
    zseq_kv_watches_expire (s_watches, 99);
    cr_assert_eq (zseq_kv_watches_count (s_watches), 3);
    zseq_kv_watches_expire (s_watches, 200);
    cr_assert_eq (zseq_kv_watches_count (s_watches), 1);
    s_note ("k", 6);
    cr_assert_eq (s_requests[0], 8);
}

Test (kv_watches, are_bounded_for_each_sender)
{
    for (uint64_t request = 0; request < ZSEQ_KV_WATCHES_SENDER_MAX; request++)
        cr_assert_eq (s_add (1, request, "k", 5, 100), ZSEQ_OK);
    cr_assert_eq (s_add (1, 7, "l", 5, 100), ZSEQ_EBUSY);
    cr_assert_eq (s_add (2, 7, "l", 5, 100), ZSEQ_OK);
    s_note ("k", 6);
    cr_assert_eq (s_add (1, 7, "l", 5, 100), ZSEQ_OK);
}

Test (kv_watches, are_bounded_in_all)
{
    size_t senders = ZSEQ_KV_WATCHES_MAX / ZSEQ_KV_WATCHES_SENDER_MAX;
    for (size_t index = 0; index < ZSEQ_KV_WATCHES_MAX; index++)
        cr_assert_eq (s_add ((uint8_t) (index % senders), index, "k", 5, 100),
                      ZSEQ_OK);
    cr_assert_eq (s_add ((uint8_t) senders, 7, "k", 5, 100), ZSEQ_EBUSY);
    zseq_kv_watches_expire (s_watches, 100);
    cr_assert_eq (s_add ((uint8_t) senders, 7, "k", 5, 100), ZSEQ_OK);
}
