//  Tests a page of a listing of keys, one step at a time: which keys it has,
//  and which are disputed.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_kv_list.h"

#define NOW 1000000u
#define ITEMS_MAX 8

typedef struct {
    zseq_kv_list_t *list;
    zseq_kv_list_ask_t ask;
    uint8_t n;
    zseq_msg_t sent;
    uint64_t request;
    uint64_t now_us;
    char keys[ITEMS_MAX][2];
    zseq_kv_record_t records[ITEMS_MAX];
} s_fixture_t;

static s_fixture_t s_self;

static zseq_do_t
s_drive (zseq_do_t todo)
{
    if (todo == ZSEQ_DO_SEND) {
        zseq_kv_list_request (s_self.list, ++s_self.request, s_self.now_us,
                              &s_self.sent);
        return ZSEQ_DO_WAIT;
    }
    return todo;
}

static zseq_do_t
s_tick (uint64_t now_us)
{
    s_self.now_us = now_us;
    return s_drive (zseq_kv_list_tick (s_self.list, now_us));
}

static void
s_page (zseq_slice_t after)
{
    s_self.ask.after = after;
    zseq_timing_t timing = {
      .rtt_us = 200, .deadline_us = NOW + 5000000u, .seed = 1};
    zseq_kv_list_begin (s_self.list, s_self.n, &s_self.ask, &timing);
    cr_assert_eq (s_tick (s_self.now_us), ZSEQ_DO_WAIT);
    cr_assert_eq (s_self.sent.op, ZSEQ_OP_KV_LIST);
}

//  Begins a listing of n nodes.
static void
s_begin (uint8_t n, const char *prefix)
{
    memset (&s_self, 0, sizeof s_self);
    s_self.list = zseq_kv_list_new ();
    s_self.n = n;
    s_self.now_us = NOW;
    s_self.ask =
      (zseq_kv_list_ask_t){.prefix = {prefix, strlen (prefix)}, .values = true};
    s_page ((zseq_slice_t){"", 0});
}

static zseq_msg_t
s_message (uint8_t node, int status)
{
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = ZSEQ_OP_KV_LIST;
    msg.reply = true;
    msg.request = s_self.sent.request;
    msg.status = status;
    msg.node = node;
    msg.vector.n = s_self.n;
    for (uint8_t index = 0; index < msg.vector.n; index++)
        msg.vector.incarnation[index] = (zseq_incarnation_t){1, 1000u + index};
    return msg;
}

//  A node's page. Each key of text is a letter and the digit of its proposal; a
//  '-' behind it makes it a tombstone, a '+' a copy.
static zseq_msg_t
s_made (uint8_t node, const char *text, const char *through)
{
    zseq_msg_t msg = s_message (node, ZSEQ_OK);
    size_t count = 0;
    for (const char *at = text; *at; count++) {
        zseq_kv_record_t *record = &s_self.records[count];
        char *key = s_self.keys[count];
        key[0] = *at++;
        uint64_t seq = (uint64_t) (*at++ - '0');
        *record = (zseq_kv_record_t){.key = {key, 1},
                                     .proposal = {{7, 1}, seq},
                                     .version = 100 + seq,
                                     .value = {"value", 5}};
        record->tombstone = *at == '-';
        record->copied = *at == '+';
        if (record->tombstone)
            record->value.size = 0;
        at += record->tombstone || record->copied;
    }
    msg.kv_list = (zseq_msg_kv_list_t){.records = s_self.records,
                                       .record_count = count,
                                       .through = {through, strlen (through)}};
    return msg;
}

static zseq_do_t
s_hear (uint8_t node, const char *text, const char *through)
{
    zseq_msg_t msg = s_made (node, text, through);
    return s_drive (zseq_kv_list_reply (s_self.list, &msg, s_self.now_us));
}

//  Asserts what is listed: each key with the digit of its version, or '?' if it
//  is disputed.
static void
s_assert_listed (const char *expected)
{
    char text[64] = "";
    zseq_kv_list_entry_t entry;
    while (zseq_kv_list_next (s_self.list, &entry)) {
        size_t used = strlen (text);
        snprintf (text + used, sizeof text - used, "%.*s%c",
                  (int) entry.key.size, entry.key.data,
                  entry.disputed ? '?' : (char) ('0' + entry.version - 100));
        cr_assert_eq (entry.value.size, entry.disputed ? 0 : 5);
    }
    cr_assert_str_eq (text, expected);
}

static void
s_assert_end (const char *after)
{
    zseq_slice_t end = {"", 0};
    cr_assert_eq (zseq_kv_list_more (s_self.list, &end), *after != '\0');
    if (*after)
        cr_assert_eq (*end.data, *after);
}

static void
s_term (void)
{
    zseq_kv_list_destroy (&s_self.list);
}

TestSuite (kv_list, .fini = s_term);

Test (kv_list, lists_what_a_quorum_agrees_on)
{
    s_begin (3, "");
    cr_assert_eq (s_hear (0, "a1b2c3-", ""), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (2, "a1b2c3-", ""), ZSEQ_DO_DONE);
    s_assert_listed ("a1b2");
    s_assert_end ("");
}

Test (kv_list, lists_all_of_one_node)
{
    s_begin (1, "");
    cr_assert_eq (s_hear (0, "a1b2", ""), ZSEQ_DO_DONE);
    s_assert_listed ("a1b2");
}

Test (kv_list, waits_for_others_where_nodes_do_not_agree)
{
    s_begin (3, "");
    (void) s_hear (0, "a1b2", "");
    cr_assert_eq (s_hear (1, "a1b3", ""), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (2, "a1b3", ""), ZSEQ_DO_DONE);
    s_assert_listed ("a1b3");
}

Test (kv_list, leaves_what_stays_disputed_to_the_reader)
{
    s_begin (3, "");
    (void) s_hear (0, "a1b2", "");
    cr_assert_eq (s_hear (1, "a1b3", ""), ZSEQ_DO_WAIT);
    cr_assert_eq (s_tick (NOW + 19999), ZSEQ_DO_WAIT);
    cr_assert_eq (s_tick (NOW + 20000), ZSEQ_DO_DONE);
    s_assert_listed ("a1b?");
}

Test (kv_list, does_not_wait_for_nodes_that_it_cannot_reach)
{
    s_begin (3, "");
    zseq_node_set_add (&zseq_kv_list_attempt (s_self.list)->absent, 2);
    (void) s_hear (0, "a1", "");
    cr_assert_eq (s_hear (1, "a2", ""), ZSEQ_DO_DONE);
    s_assert_listed ("a?");
}

//  K7: a copy is no vote, and an absence is no tombstone.
Test (kv_list, counts_neither_copies_nor_absences_with_tombstones)
{
    s_begin (3, "");
    (void) s_hear (0, "a1+b1-c1", "");
    (void) s_hear (1, "a1c1", "");
    cr_assert_eq (s_hear (2, "a1+b2-", ""), ZSEQ_DO_DONE);
    s_assert_listed ("a?b?c1");
}

Test (kv_list, takes_a_key_for_absent_that_a_quorum_does_not_have)
{
    s_begin (3, "");
    (void) s_hear (0, "a1", "");
    (void) s_hear (1, "", "");
    cr_assert_eq (s_hear (2, "", ""), ZSEQ_DO_DONE);
    s_assert_listed ("");
}

//  A key behind the end of a page is not absent.
Test (kv_list, ends_where_the_first_page_ends)
{
    s_begin (3, "");
    (void) s_hear (0, "a1b2", "b");
    cr_assert_eq (s_hear (1, "a1b2c3d4", "d"), ZSEQ_DO_DONE);
    s_assert_listed ("a1b2");
    s_assert_end ("b");
    zseq_slice_t after;
    (void) zseq_kv_list_more (s_self.list, &after);
    s_page (after);
    cr_assert_eq (s_self.sent.kv_list.after.size, 1);
    cr_assert_eq (*s_self.sent.kv_list.after.data, 'b');
    (void) s_hear (0, "c3d4", "");
    cr_assert_eq (s_hear (1, "c3d4", ""), ZSEQ_DO_DONE);
    s_assert_listed ("c3d4");
    s_assert_end ("");
}

Test (kv_list, goes_on_behind_a_page_that_is_empty)
{
    s_begin (1, "");
    cr_assert_eq (s_hear (0, "", "k"), ZSEQ_DO_DONE);
    s_assert_listed ("");
    s_assert_end ("k");
}

Test (kv_list, counts_no_page_that_answers_another_question)
{
    s_begin (3, "b");
    s_page ((zseq_slice_t){"bb", 2});
    (void) s_hear (0, "", "");
    (void) s_hear (1, "c1", "");
    cr_assert_eq (s_hear (2, "", "b"), ZSEQ_DO_WAIT);
    zseq_msg_t msg = s_made (2, "", "");
    cr_assert_eq (zseq_kv_list_reply (s_self.list, &msg, s_self.now_us),
                  ZSEQ_DO_WAIT);
}

//  S4: a node that is known to have a newer incarnation does not count.
Test (kv_list, counts_no_page_of_an_old_incarnation)
{
    s_begin (3, "");
    (void) s_hear (0, "a1", "");
    zseq_msg_t msg = s_made (1, "a1", "");
    msg.vector.incarnation[0].counter = 2;
    cr_assert_eq (zseq_kv_list_reply (s_self.list, &msg, s_self.now_us),
                  ZSEQ_DO_WAIT);
    msg = s_made (2, "a2", "");
    msg.vector.incarnation[0].counter = 2;
    cr_assert_eq (zseq_kv_list_reply (s_self.list, &msg, s_self.now_us),
                  ZSEQ_DO_DONE);
    s_assert_listed ("a?");
}

Test (kv_list, asks_again_when_too_few_nodes_vote)
{
    s_begin (3, "");
    uint64_t request = s_self.request;
    zseq_msg_t msg = s_message (0, ZSEQ_ENOTVOTING);
    (void) zseq_kv_list_reply (s_self.list, &msg, NOW);
    msg = s_message (1, ZSEQ_ENOTVOTING);
    cr_assert_eq (zseq_kv_list_reply (s_self.list, &msg, NOW), ZSEQ_DO_WAIT);
    zseq_attempt_t *attempt = zseq_kv_list_attempt (s_self.list);
    cr_assert_eq (s_tick (zseq_attempt_wake_us (attempt)), ZSEQ_DO_WAIT);
    cr_assert_eq (s_self.request, request + 1);
    (void) s_hear (0, "a1", "");
    cr_assert_eq (s_hear (1, "a1", ""), ZSEQ_DO_DONE);
    s_assert_listed ("a1");
}
