//  Checks what clients see of one name, call by call.

#include "zseq_checker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
zseq_checker_init (zseq_checker_t *self)
{
    memset (self, 0, sizeof *self);
    self->reached = 1;
}

void
zseq_checker_term (zseq_checker_t *self)
{
    free (self->grant);
    memset (self, 0, sizeof *self);
}

//  Notes that a call has shown the sequence at value.
static void
s_reach (zseq_checker_t *self, uint64_t value)
{
    self->calls++;
    if (self->reached < value)
        self->reached = value;
}

const char *
zseq_checker_claim (zseq_checker_t *self, uint64_t reached, uint64_t first,
                    uint64_t count)
{
    if (self->grant_count == self->grant_capacity) {
        self->grant_capacity = self->grant_capacity * 2 + 64;
        self->grant =
          realloc (self->grant, self->grant_capacity * sizeof *self->grant);
        assert (self->grant);
    }
    size_t at = self->grant_count;
    while (at > 0 && self->grant[at - 1].first > first)
        at--;
    if (at > 0 && self->grant[at - 1].first + self->grant[at - 1].count > first)
        return "P1: an ID was handed out twice";
    if (at < self->grant_count && self->grant[at].first < first + count)
        return "P1: an ID was handed out twice";
    if (first < reached)
        return "P2: an ID lies below one of a call that had returned";
    memmove (self->grant + at + 1, self->grant + at,
             (self->grant_count - at) * sizeof *self->grant);
    self->grant[at] = (zseq_grant_t){first, count};
    self->grant_count++;
    s_reach (self, first + count);
    return NULL;
}

const char *
zseq_checker_peek (zseq_checker_t *self, uint64_t reached, uint64_t value)
{
    if (value < reached)
        return "P2: a peek went back";
    s_reach (self, value);
    return NULL;
}

void
zseq_checker_raise (zseq_checker_t *self, uint64_t value)
{
    s_reach (self, value);
}
