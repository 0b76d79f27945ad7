//  Tests the members of a cluster: their labels, endpoints and order, and the
//  texts that list them.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_members.h"

Test (members, labels_are_short_plain_words)
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

Test (members, labels_have_63_bytes_at_most)
{
    char text[ZSEQ_LABEL_MAX + 2];
    memset (text, 'x', sizeof text);
    text[ZSEQ_LABEL_MAX] = 0;
    cr_expect (zseq_label_valid (text));
    text[ZSEQ_LABEL_MAX] = 'x';
    text[ZSEQ_LABEL_MAX + 1] = 0;
    cr_expect (!zseq_label_valid (text));
}

Test (members, are_ascending_by_name_in_whatever_order_they_came)
{
    static const zseq_member_t list[] = {{"b", "1"}, {"a-", "2"}, {"a", "3"},
                                         {"B", "4"}, {"a0", "5"}, {"10", "6"},
                                         {"9", "7"}};
    static const zseq_member_t ascending[] = {
      {"10", "6"}, {"9", "7"},  {"B", "4"}, {"a", "3"},
      {"a-", "2"}, {"a0", "5"}, {"b", "1"}};
    zseq_members_t members;
    cr_assert_eq (zseq_members_init (&members, list, 7), ZSEQ_OK);
    cr_expect_eq (members.n, 7);
    for (size_t index = 0; index < 7; index++) {
        cr_expect_str_eq (members.member[index].name, ascending[index].name);
        cr_expect_str_eq (members.member[index].endpoint,
                          ascending[index].endpoint);
    }
}

Test (members, are_1_to_9_with_the_smallest_quorums)
{
    zseq_member_t list[ZSEQ_NODES_MAX + 1];
    for (size_t index = 0; index <= ZSEQ_NODES_MAX; index++) {
        snprintf (list[index].name, sizeof list->name, "n%zu", index);
        snprintf (list[index].endpoint, sizeof list->endpoint, "tcp://h%zu:1",
                  index);
    }
    zseq_members_t members;
    for (size_t n = 1; n <= ZSEQ_NODES_MAX; n++) {
        cr_expect_eq (zseq_members_init (&members, list, n), ZSEQ_OK);
        cr_expect_eq (members.n, n);
        cr_expect_eq (members.quorum.n, n);
        cr_expect_eq (members.quorum.w, n / 2 + 1);
        cr_expect_eq (members.quorum.r, n - n / 2);
    }
    cr_expect_eq (zseq_members_init (&members, list, 0), ZSEQ_EINVAL);
    cr_expect_eq (zseq_members_init (&members, list, ZSEQ_NODES_MAX + 1),
                  ZSEQ_EINVAL);
    cr_expect_eq (members.n, ZSEQ_NODES_MAX);
}

Test (members, have_good_labels_and_endpoints)
{
    zseq_members_t members;
    zseq_member_t label[] = {{"a", "1"}, {"b c", "2"}};
    cr_expect_eq (zseq_members_init (&members, label, 2), ZSEQ_EINVAL);
    zseq_member_t nowhere[] = {{"a", "1"}, {"b", ""}};
    cr_expect_eq (zseq_members_init (&members, nowhere, 2), ZSEQ_EINVAL);
}

Test (members, are_not_listed_twice)
{
    zseq_members_t members;
    zseq_member_t names[] = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
    cr_expect_eq (zseq_members_init (&members, names, 3), ZSEQ_EDUPLICATE);
    zseq_member_t endpoints[] = {{"a", "1"}, {"b", "2"}, {"c", "1"}};
    cr_expect_eq (zseq_members_init (&members, endpoints, 3), ZSEQ_EDUPLICATE);
}

Test (members, are_found_by_name)
{
    static const zseq_member_t list[] = {{"c", "3"}, {"a", "1"}, {"b", "2"}};
    zseq_members_t members;
    cr_assert_eq (zseq_members_init (&members, list, 3), ZSEQ_OK);
    cr_expect_eq (zseq_members_find (&members, "a"), 0);
    cr_expect_eq (zseq_members_find (&members, "c"), 2);
    cr_expect_eq (zseq_members_find (&members, ""), 3);
    cr_expect_eq (zseq_members_find (&members, "ab"), 3);
}

Test (members, are_read_from_a_text_in_any_order)
{
    zseq_members_t members;
    char why[ZSEQ_MEMBERS_WHY_MAX];
    cr_assert_eq (
      zseq_members_parse (&members, "b=ipc:///b,a=tcp://10.0.0.1:19001", why),
      ZSEQ_OK);
    cr_expect_eq (members.n, 2);
    cr_expect_eq (members.quorum.n, 2);
    cr_expect_str_eq (members.member[0].name, "a");
    cr_expect_str_eq (members.member[0].endpoint, "tcp://10.0.0.1:19001");
    cr_expect_str_eq (members.member[1].name, "b");
    cr_expect_str_eq (members.member[1].endpoint, "ipc:///b");
}

Test (members, say_what_is_wrong_with_a_text_and_stay_as_they_were)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
      {"", "member 1 is not NAME=ENDPOINT"},
      {"a=ipc:///a,b", "member 2 is not NAME=ENDPOINT"},
      {"a=ipc:///a,b=x", "the endpoint of b is not"},
      {"b=ipc:///a,a=ipc:///b,b=ipc:///c", "names b twice"},
      {"b=ipc:///a,a=ipc:///a", "gives ipc:///a to b and to a"},
    };
    for (size_t index = 0; index < sizeof bad / sizeof *bad; index++) {
        zseq_members_t members = {.n = 77};
        char why[ZSEQ_MEMBERS_WHY_MAX];
        cr_expect_eq (zseq_members_parse (&members, bad[index].text, why),
                      ZSEQ_EINVAL);
        cr_expect (strstr (why, bad[index].why), "%s", why);
        cr_expect_eq (members.n, 77);
    }
}

Test (members, knows_an_endpoint_with_a_name_from_one_with_an_address)
{
    static const char *const named[] = {"tcp://localhost:1", "tcp://a.b-c:9",
                                        "tcp://1a:2", "tcp://10.0.0.1.nip:3"};
    for (size_t at = 0; at < sizeof named / sizeof *named; at++)
        cr_expect (zseq_endpoint_named (named[at]), "%s", named[at]);
    static const char *const others[] = {
      "tcp://10.0.0.1:1", "tcp://[::1]:1", "tcp://*:1", "tcp://:1",
      "tcp://",           "ipc://name:1",  "",          "tcp"};
    for (size_t at = 0; at < sizeof others / sizeof *others; at++)
        cr_expect (!zseq_endpoint_named (others[at]), "%s", others[at]);
}
