//  Tests the node's record: its first state and its identity.

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "zseq_record.h"

static zseq_members_t
s_members (void)
{
    static const zseq_member_t list[] = {{"c", "tcp://10.0.0.3:19001"},
                                         {"a", "tcp://10.0.0.1:19001"},
                                         {"b", "tcp://10.0.0.2:19001"}};
    zseq_members_t members;
    cr_assert_eq (zseq_members_init (&members, list, 3), ZSEQ_OK);
    return members;
}

static zseq_record_t
s_record (void)
{
    zseq_members_t members = s_members ();
    zseq_record_t record;
    memset (&record, 0xa5, sizeof record);
    cr_assert_eq (
      zseq_record_init (&record, "prod", "b", &members, 11072869122414935808u),
      ZSEQ_OK);
    return record;
}

//  The example of wire.md, section 3.2.
static zseq_record_t
s_formed (void)
{
    zseq_record_t record = s_record ();
    record.vector.incarnation[0] =
      (zseq_incarnation_t){1, 1234605616436508552u};
    record.vector.incarnation[2] = (zseq_incarnation_t){1, 7};
    return record;
}

Test (record, of_a_new_node_has_one_incarnation_and_no_vote)
{
    zseq_record_t record = s_record ();
    cr_expect_str_eq (record.cluster, "prod");
    cr_expect_eq (record.identity, 0);
    cr_expect_eq (record.members.n, 3);
    cr_expect_eq (record.self, 1);
    cr_expect_eq (record.vector.n, 3);
    cr_expect_eq (record.vector.incarnation[1].counter, 1);
    cr_expect_eq (record.vector.incarnation[1].random, 11072869122414935808u);
    cr_expect_eq (record.vector.incarnation[0].counter, 0);
    cr_expect_eq (record.vector.incarnation[2].counter, 0);
    cr_expect (!record.voting);
    cr_expect_eq (record.floor, 1);
    cr_expect_eq (record.floor_reserved, 1);
}

Test (record, refuses_a_bad_cluster_and_a_name_that_is_no_members)
{
    zseq_members_t members = s_members ();
    zseq_record_t record;
    cr_expect_eq (zseq_record_init (&record, "", "a", &members, 1),
                  ZSEQ_EINVAL);
    cr_expect_eq (zseq_record_init (&record, "a b", "a", &members, 1),
                  ZSEQ_EINVAL);
    cr_expect_eq (zseq_record_init (&record, "x", "-", &members, 1),
                  ZSEQ_EINVAL);
    cr_expect_eq (zseq_record_init (&record, "x", "d", &members, 1),
                  ZSEQ_EINVAL);
}

Test (record, identity_is_that_of_the_wire_document)
{
    zseq_record_t record = s_formed ();
    cr_expect_eq (zseq_record_identity (&record), 4815899689673949952u);
}

Test (record, identity_changes_with_everything_that_is_in_it)
{
    zseq_record_t record = s_formed ();
    uint64_t identity = zseq_record_identity (&record);
    strcpy (record.cluster, "proe");
    cr_expect_neq (zseq_record_identity (&record), identity);
    for (uint8_t node = 0; node < 3; node++) {
        record = s_formed ();
        record.members.member[node].name[0] = 'x';
        cr_expect_neq (zseq_record_identity (&record), identity);
        record = s_formed ();
        record.vector.incarnation[node].random ^= 1;
        cr_expect_neq (zseq_record_identity (&record), identity);
        record = s_formed ();
        record.vector.incarnation[node].random ^= (uint64_t) 1 << 63;
        cr_expect_neq (zseq_record_identity (&record), identity);
    }
    //  Names must not run into each other in the hash.
    record = s_formed ();
    strcpy (record.cluster, "proda");
    record.members.member[0].name[0] = 0;
    cr_expect_neq (zseq_record_identity (&record), identity);
}

Test (record, identity_does_not_change_with_what_may_move)
{
    zseq_record_t record = s_formed ();
    uint64_t identity = zseq_record_identity (&record);
    strcpy (record.members.member[0].endpoint, "ipc:///elsewhere");
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
    record.members.n = record.vector.n = ZSEQ_NODES_MAX;
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++) {
        memset (record.members.member[node].name, '0' + node, ZSEQ_LABEL_MAX);
        record.vector.incarnation[node] = (zseq_incarnation_t){1, UINT64_MAX};
    }
    cr_expect_neq (zseq_record_identity (&record), 0);
}

Test (record, has_no_identity_before_all_have_met, .signal = SIGABRT)
{
    zseq_record_t record = s_record ();
    zseq_record_identity (&record);
}
