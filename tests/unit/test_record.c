//  The node's record: labels, members, identity.

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "zseq_record.h"

static const zseq_member_t s_members[] = {{"c", "tcp://10.0.0.3:19001"},
                                          {"a", "tcp://10.0.0.1:19001"},
                                          {"b", "tcp://10.0.0.2:19001"}};

static zseq_record_t
s_record (void)
{
    zseq_record_t record;
    memset (&record, 0xa5, sizeof record);
    cr_assert_eq (zseq_record_init (&record, "prod", "b", s_members, 3,
                                    11072869122414935808u),
                  ZSEQ_OK);
    return record;
}

//  The example of wire.md, section 3.2.
static zseq_record_t
s_born (void)
{
    zseq_record_t record = s_record ();
    record.vector.life[0] = (zseq_incarnation_t){1, 1234605616436508552u};
    record.vector.life[2] = (zseq_incarnation_t){1, 7};
    return record;
}

Test (record, labels_are_short_plain_words)
{
    static const char *valid[] = {"a",         "Z",   "0",  "node-1",
                                  "eu.prod_2", "a--", "a.", "9_"};
    for (size_t index = 0; index < sizeof valid / sizeof *valid; index++)
        cr_expect (zseq_label_valid (valid[index]), "%s", valid[index]);

    static const char *invalid[] = {"",    "-a",    "_a",  ".a",       " a",
                                    "a b", "a/b",   "a\n", "a:b",      "a@",
                                    "a[",  "a`",    "a{",  "\xc3\xa4", "a\x7f",
                                    "a,b", "a\x80", "..",  "a;",       "a%41"};
    for (size_t index = 0; index < sizeof invalid / sizeof *invalid; index++)
        cr_expect (!zseq_label_valid (invalid[index]), "%s", invalid[index]);
}

Test (record, labels_have_63_bytes_at_most)
{
    char text[ZSEQ_LABEL_MAX + 2];
    memset (text, 'x', sizeof text);
    text[ZSEQ_LABEL_MAX] = 0;
    cr_expect (zseq_label_valid (text));
    text[ZSEQ_LABEL_MAX] = 'x';
    text[ZSEQ_LABEL_MAX + 1] = 0;
    cr_expect (!zseq_label_valid (text));
}

Test (record, of_a_new_node_has_one_life_and_no_vote)
{
    zseq_record_t record = s_record ();
    cr_expect_str_eq (record.cluster, "prod");
    cr_expect_eq (record.identity, 0);
    cr_expect_eq (record.n, 3);
    cr_expect_eq (record.self, 1);
    cr_expect_eq (record.vector.n, 3);
    cr_expect_eq (record.vector.life[1].counter, 1);
    cr_expect_eq (record.vector.life[1].random, 11072869122414935808u);
    cr_expect_eq (record.vector.life[0].counter, 0);
    cr_expect_eq (record.vector.life[2].counter, 0);
    cr_expect (!record.voting);
    cr_expect_eq (record.floor, 1);
    cr_expect_eq (record.floor_reserved, 1);
}

Test (record, has_its_members_ascending_by_name)
{
    zseq_record_t record = s_record ();
    cr_expect_str_eq (record.member[0].name, "a");
    cr_expect_str_eq (record.member[1].name, "b");
    cr_expect_str_eq (record.member[2].name, "c");
    cr_expect_str_eq (record.member[0].endpoint, "tcp://10.0.0.1:19001");
    cr_expect_str_eq (record.member[2].endpoint, "tcp://10.0.0.3:19001");

    static const zseq_member_t members[] = {
      {"b", "1"},  {"a-", "2"}, {"a", "3"}, {"B", "4"},
      {"a0", "5"}, {"10", "6"}, {"9", "7"}};
    static const char *ascending[] = {"10", "9", "B", "a", "a-", "a0", "b"};
    cr_assert_eq (zseq_record_init (&record, "x", "a0", members, 7, 1),
                  ZSEQ_OK);
    for (size_t index = 0; index < 7; index++)
        cr_expect_str_eq (record.member[index].name, ascending[index]);
    cr_expect_eq (record.self, 5);
}

Test (record, takes_1_to_9_members)
{
    zseq_member_t members[ZSEQ_NODES_MAX + 1];
    for (size_t index = 0; index <= ZSEQ_NODES_MAX; index++) {
        snprintf (members[index].name, sizeof members->name, "n%zu", index);
        snprintf (members[index].endpoint, sizeof members->endpoint,
                  "tcp://h%zu:1", index);
    }
    zseq_record_t record;
    for (size_t n = 1; n <= ZSEQ_NODES_MAX; n++)
        cr_expect_eq (zseq_record_init (&record, "x", "n0", members, n, 1),
                      ZSEQ_OK);
    cr_expect_eq (zseq_record_init (&record, "x", "n0", members, 0, 1),
                  ZSEQ_EINVAL);
    cr_expect_eq (
      zseq_record_init (&record, "x", "n0", members, ZSEQ_NODES_MAX + 1, 1),
      ZSEQ_EINVAL);
}

Test (record, refuses_bad_labels_and_empty_endpoints)
{
    zseq_record_t record;
    cr_expect_eq (zseq_record_init (&record, "", "a", s_members, 3, 1),
                  ZSEQ_EINVAL);
    cr_expect_eq (zseq_record_init (&record, "a b", "a", s_members, 3, 1),
                  ZSEQ_EINVAL);
    cr_expect_eq (zseq_record_init (&record, "x", "-", s_members, 3, 1),
                  ZSEQ_EINVAL);
    cr_expect_eq (zseq_record_init (&record, "x", "d", s_members, 3, 1),
                  ZSEQ_EINVAL);
    zseq_member_t members[] = {{"a", "1"}, {"b c", "2"}};
    cr_expect_eq (zseq_record_init (&record, "x", "a", members, 2, 1),
                  ZSEQ_EINVAL);
    zseq_member_t nowhere[] = {{"a", "1"}, {"b", ""}};
    cr_expect_eq (zseq_record_init (&record, "x", "a", nowhere, 2, 1),
                  ZSEQ_EINVAL);
}

Test (record, refuses_a_member_that_is_listed_twice)
{
    zseq_record_t record;
    zseq_member_t names[] = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
    cr_expect_eq (zseq_record_init (&record, "x", "a", names, 3, 1),
                  ZSEQ_EDUPLICATE);
    zseq_member_t endpoints[] = {{"a", "1"}, {"b", "2"}, {"c", "1"}};
    cr_expect_eq (zseq_record_init (&record, "x", "a", endpoints, 3, 1),
                  ZSEQ_EDUPLICATE);
}

Test (record, identity_is_that_of_the_wire_document)
{
    zseq_record_t record = s_born ();
    cr_expect_eq (zseq_record_identity (&record), 4815899689673949952u);
}

Test (record, identity_changes_with_everything_that_is_in_it)
{
    zseq_record_t record = s_born ();
    uint64_t identity = zseq_record_identity (&record);
    strcpy (record.cluster, "proe");
    cr_expect_neq (zseq_record_identity (&record), identity);
    for (uint8_t node = 0; node < 3; node++) {
        record = s_born ();
        record.member[node].name[0] = 'x';
        cr_expect_neq (zseq_record_identity (&record), identity);
        record = s_born ();
        record.vector.life[node].random ^= 1;
        cr_expect_neq (zseq_record_identity (&record), identity);
        record = s_born ();
        record.vector.life[node].random ^= (uint64_t) 1 << 63;
        cr_expect_neq (zseq_record_identity (&record), identity);
    }
    //  The end of one name is not the beginning of the next.
    record = s_born ();
    strcpy (record.cluster, "proda");
    record.member[0].name[0] = 0;
    cr_expect_neq (zseq_record_identity (&record), identity);
}

Test (record, identity_does_not_change_with_what_may_move)
{
    zseq_record_t record = s_born ();
    uint64_t identity = zseq_record_identity (&record);
    strcpy (record.member[0].endpoint, "ipc:///elsewhere");
    record.self = 0;
    record.voting = true;
    record.identity = 5;
    record.floor = 9;
    cr_expect_eq (zseq_record_identity (&record), identity);
}

Test (record, identity_holds_the_longest_names)
{
    zseq_record_t record;
    memset (&record, 0, sizeof record);
    memset (record.cluster, 'x', ZSEQ_LABEL_MAX);
    record.n = record.vector.n = ZSEQ_NODES_MAX;
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++) {
        memset (record.member[node].name, '0' + node, ZSEQ_LABEL_MAX);
        record.vector.life[node] = (zseq_incarnation_t){1, UINT64_MAX};
    }
    cr_expect_neq (zseq_record_identity (&record), 0);
}

Test (record, has_no_identity_before_all_have_met, .signal = SIGABRT)
{
    zseq_record_t record = s_record ();
    zseq_record_identity (&record);
}
