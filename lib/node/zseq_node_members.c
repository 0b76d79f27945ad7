//  The member list: fills it into messages, compares it with a message's, and
//  changes a member's endpoint.
//
//  Nodes may disagree on endpoints, and the cluster then works with fewer
//  connections than it seems to have: one node less is enough to stop it. So a
//  node compares the lists that its peers say at their endpoints with its own.

#include "zseq_node_private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_texts.h"

//  Bytes of a member list as --members takes it.
#define LIST_MAX (ZSEQ_NODES_MAX * (ZSEQ_LABEL_MAX + ZSEQ_ENDPOINT_MAX + 2))

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

//  Copies an endpoint, which a peer may have said. What has a meaning to a
//  shell or a terminal becomes a '?', which no endpoint has.
static void
s_copy_clean (char text[ZSEQ_ENDPOINT_MAX + 1], zseq_slice_t endpoint)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789:/.-_[]%@+=~";
    size_t size = 0;
    for (; size < endpoint.size && size < ZSEQ_ENDPOINT_MAX; size++)
        text[size] =
          strchr (plain, endpoint.data[size]) ? endpoint.data[size] : '?';
    text[size] = 0;
}

//  The members to which a peer gives another endpoint; none if it has not said
//  its list.
static zseq_node_set_t
s_different (const zseq_node_t *self, const zseq_msg_members_t *members)
{
    zseq_node_set_t different = 0;
    for (uint8_t node = 0;
         node < self->record.members.n && node < members->member_count; node++)
        if (members->member[node].endpoint.size &&
            !s_same (members->member[node].endpoint,
                     self->record.members.member[node].endpoint))
            zseq_node_set_add (&different, node);
    return different;
}

static uint8_t
s_first (zseq_node_set_t set)
{
    uint8_t node = 0;
    while (!zseq_node_set_has (set, node))
        node++;
    return node;
}

//  Appends to text, and cuts off what does not fit.
static void __attribute__ ((format (printf, 3, 4)))
s_append (char *text, size_t size, const char *format, ...)
{
    size_t used = strlen (text);
    va_list list;
    va_start (list, format);
    vsnprintf (text + used, size - used, format, list);
    va_end (list);
}

//  Logs what differs, and the commands that end it. The node does not know
//  which of the two lists is right.
static void
s_log_differs (zseq_node_t *self, uint8_t index,
               const zseq_msg_members_t *members)
{
    char differs[LIST_MAX * 2] = "";
    char ours[LIST_MAX] = "";
    char theirs[LIST_MAX] = "";
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        const char *name = zseq_node_name (self, node);
        char our[ZSEQ_ENDPOINT_MAX + 1];
        char their[ZSEQ_ENDPOINT_MAX + 1];
        s_copy_clean (our,
                      s_slice (self->record.members.member[node].endpoint));
        s_copy_clean (their, members->member[node].endpoint);
        s_append (ours, sizeof ours, "%s%s=%s", node ? "," : "", name, our);
        s_append (theirs, sizeof theirs, "%s%s=%s", node ? "," : "", name,
                  their);
        if (zseq_node_set_has (self->peer[index].differs, node))
            s_append (differs, sizeof differs, ZSEQ_TEXT_MEMBER_IS_AT,
                      *differs ? ", " : "", name, our, their);
    }
    const char *peer = zseq_node_name (self, index);
    zseq_node_log (self, ZSEQ_LOG (MEMBERS_DIFFER), peer, differs, theirs, peer,
                   ours);
}

void
zseq_node_members_compare (zseq_node_t *self, uint8_t index,
                           const zseq_msg_members_t *members)
{
    zseq_peer_t *peer = &self->peer[index];
    zseq_node_set_t different = s_different (self, members);
    if (!different) {
        if (peer->differs)
            zseq_node_log (self, ZSEQ_LOG (MEMBERS_AGREE),
                           zseq_node_name (self, index));
        peer->differs = 0;
        return;
    }
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];
    s_copy_clean (endpoint, members->member[s_first (different)].endpoint);
    if (different == peer->differs && !strcmp (endpoint, peer->endpoint))
        return;
    peer->differs = different;
    strcpy (peer->endpoint, endpoint);
    s_log_differs (self, index, members);
}

zseq_node_set_t
zseq_node_members_differ (const zseq_node_t *self)
{
    zseq_node_set_t peers = 0;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        zseq_node_set_put (&peers, node, self->peer[node].differs != 0);
    return peers;
}

void
zseq_node_members_reason (const zseq_node_t *self, char *text, size_t size)
{
    zseq_node_set_t peers = zseq_node_members_differ (self);
    if (!peers)
        return;
    s_append (text, size, ZSEQ_TEXT_STATUS_MEMBERS, *text ? "; " : "");
    uint8_t first = s_first (peers);
    for (uint8_t node = first; node < self->record.members.n; node++)
        if (zseq_node_set_has (peers, node))
            s_append (text, size, "%s%s's", node == first ? "" : ", ",
                      zseq_node_name (self, node));
    uint8_t member = s_first (self->peer[first].differs);
    s_append (text, size, ": %s", zseq_node_name (self, member));
    //  Half an endpoint would be a wrong one. The log has both.
    char endpoints[2 * ZSEQ_ENDPOINT_MAX + 32];
    snprintf (endpoints, sizeof endpoints, ZSEQ_TEXT_STATUS_MEMBER_AT,
              self->record.members.member[member].endpoint,
              self->peer[first].endpoint);
    if (strlen (text) + strlen (endpoints) < size)
        s_append (text, size, "%s", endpoints);
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
