//  Tests which answers to a recovery count, and when they are enough.

#include <criterion/criterion.h>

#include "zseq_recovery.h"

enum { A, B, C, D, E };

//  Begins the recovery of node a, of five.
static zseq_recovery_t
s_begin (void)
{
    static const zseq_member_t list[] = {
      {"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}};
    zseq_members_t members;
    cr_assert_eq (zseq_members_init (&members, list, 5), ZSEQ_OK);
    zseq_record_t record;
    cr_assert_eq (zseq_record_init (&record, "test", "a", &members, 1),
                  ZSEQ_OK);
    zseq_recovery_t self;
    zseq_recovery_init (&self, &record);
    return self;
}

//  Delivers a peer's reply in that incarnation.
static void
s_see (zseq_recovery_t *self, uint8_t peer, uint64_t incarnation)
{
    zseq_vector_t vector = {.n = 5};
    vector.incarnation[peer] = (zseq_incarnation_t){incarnation, 1};
    cr_assert (zseq_recovery_see (self, peer, &vector));
}

Test (recovery_answers, are_the_sets_of_peers_that_gave_them)
{
    zseq_recovery_t self = s_begin ();
    cr_expect_eq (zseq_recovery_asked (&self), 0);
    s_see (&self, B, 1);
    self.answers[B].asked = true;
    s_see (&self, E, 1);
    self.answers[E].asked = self.answers[E].complete = true;
    cr_expect_eq (zseq_recovery_asked (&self), 1u << B | 1u << E);
    cr_expect_eq (zseq_recovery_complete (&self), 1u << E);
}

Test (recovery_answers, of_an_incarnation_that_has_ended_do_not_count)
{
    zseq_recovery_t self = s_begin ();
    s_see (&self, B, 1);
    self.answers[B].asked = self.answers[B].complete = true;
    s_see (&self, B, 2);
    cr_expect_eq (zseq_recovery_asked (&self), 0);
    cr_expect_eq (zseq_recovery_complete (&self), 0);
}

Test (recovery_answers, of_a_majority_are_enough)
{
    zseq_recovery_t self = s_begin ();
    cr_expect (!zseq_recovery_reached (&self, 0));
    cr_expect (!zseq_recovery_reached (&self, 1u << B | 1u << C));
    cr_expect (zseq_recovery_reached (&self, 1u << B | 1u << C | 1u << E));
}
