//  The member list: fills it into messages, compares it with a message's, and
//  changes a member's endpoint.

#include "zseq_node_private.h"

#include <assert.h>
#include <string.h>

static zseq_slice_t
s_slice (const char *text)
{
    zseq_slice_t slice = {text, strlen (text)};
    return slice;
}

void
zseq_node_fill_members (zseq_node_t *self, zseq_msg_members_t *members)
{
    members->cluster_name = s_slice (self->record.cluster);
    members->member = self->members;
    members->member_count = self->record.members.n;
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        self->members[node].name =
          s_slice (self->record.members.member[node].name);
        self->members[node].endpoint =
          s_slice (self->record.members.member[node].endpoint);
    }
}

static bool
s_same (zseq_slice_t slice, const char *text)
{
    return slice.size == strlen (text) &&
           !memcmp (slice.data, text, slice.size);
}

bool
zseq_node_members_same (const zseq_node_t *self,
                        const zseq_msg_members_t *members)
{
    if (!s_same (members->cluster_name, self->record.cluster) ||
        members->member_count != self->record.members.n)
        return false;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (!s_same (members->member[node].name,
                     self->record.members.member[node].name))
            return false;
    return true;
}

bool
zseq_node_move (zseq_node_t *self, const zseq_member_t *member)
{
    assert (self);
    assert (member);
    assert (!self->begun);

    for (uint8_t node = 0; node < self->record.members.n; node++) {
        zseq_member_t *known = &self->record.members.member[node];
        if (strcmp (known->name, member->name) ||
            !strcmp (known->endpoint, member->endpoint))
            continue;
        *known = *member;
        self->version++;
        return true;
    }
    return false;
}
