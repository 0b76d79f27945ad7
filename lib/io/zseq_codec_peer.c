#include "zseq_codec_private.h"

#include <assert.h>

#include "zseq_seq.h"

//  What INTRODUCE and FENCE share: the starts, which version 2 adds.

//  Whether a reply carries the starts of version 2.
static bool
s_extended (const zseq_msg_t *msg)
{
    return msg->extended;
}

static void
s_put_starts (msgpack_packer *packer, const zseq_vector_t *vector)
{
    msgpack_pack_array (packer, 2u * vector->n);
    for (uint8_t node = 0; node < vector->n; node++) {
        msgpack_pack_uint64 (packer, vector->start[node].counter);
        msgpack_pack_uint64 (packer, vector->start[node].random);
    }
}

static bool
s_take_starts (zseq_codec_cursor_t *self, zseq_vector_t *vector)
{
    size_t size;
    if (!zseq_codec_take_array (self, 2, 2 * ZSEQ_NODES_MAX, &size) ||
        size != 2u * vector->n)
        return false;
    for (uint8_t node = 0; node < vector->n; node++) {
        zseq_start_t *start = &vector->start[node];
        if (!zseq_codec_take_uint (self, 0, UINT64_MAX, &start->counter) ||
            !zseq_codec_take_uint (self, 0, UINT64_MAX, &start->random))
            return false;
    }
    return true;
}

//  INTRODUCE.

static void
s_put_introduce_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    const zseq_msg_members_t *members = &msg->introduce.members;
    assert (members->member_count > 0);
    assert (members->member_count == msg->vector.n);
    zseq_codec_put_uint (packer, msg->node, 0, members->member_count - 1);
    zseq_codec_put_cluster (packer, members, false);
    zseq_codec_put_state (packer, msg->introduce.state);
    zseq_codec_put_vector (packer, &msg->vector);
    msgpack_pack_uint64 (packer, msg->introduce.process);
}

static bool
s_take_introduce_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    zseq_msg_members_t *members = &msg->introduce.members;
    return zseq_codec_take_node (self, &msg->node) &&
           zseq_codec_take_cluster (self, members, false) &&
           zseq_codec_take_state (self, &msg->introduce.state) &&
           zseq_codec_take_vector (self, &msg->vector) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX,
                                 &msg->introduce.process) &&
           msg->node < members->member_count &&
           msg->vector.n == members->member_count;
}

static void
s_put_introduce_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_state (packer, msg->introduce.state);
    msgpack_pack_uint64 (packer, msg->introduce.process);
}

static bool
s_take_introduce_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_state (self, &msg->introduce.state) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->introduce.process);
}

static void
s_put_introduce_extension (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_starts (packer, &msg->vector);
    msgpack_pack_uint64 (packer, msg->introduce.seen);
    zseq_codec_put_uint (packer, msg->introduce.floor, 1, ZSEQ_NEXT_MAX);
    zseq_codec_put_uint (packer, msg->introduce.floor_reserved, 1,
                         ZSEQ_NEXT_MAX);
}

static bool
s_take_introduce_extension (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    msg->extended = true;
    return s_take_starts (self, &msg->vector) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->introduce.seen) &&
           zseq_codec_take_uint (self, 1, ZSEQ_NEXT_MAX,
                                 &msg->introduce.floor) &&
           zseq_codec_take_uint (self, 1, ZSEQ_NEXT_MAX,
                                 &msg->introduce.floor_reserved);
}

//  Whether the node says which version it speaks. Nodes that speak version 2
//  do not.
static bool
s_says_version (const zseq_msg_t *msg)
{
    return msg->introduce.speaks > 2;
}

static void
s_put_speaks (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->introduce.speaks, 3, UINT64_MAX);
}

static bool
s_take_speaks (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 3, UINT64_MAX, &msg->introduce.speaks);
}

//  Whether the node says its member list. Those who say no version do not.
static bool
s_says_endpoints (const zseq_msg_t *msg)
{
    return s_says_version (msg) && msg->introduce.members.member_count > 0;
}

static void
s_put_endpoints (msgpack_packer *packer, const zseq_msg_t *msg)
{
    assert (msg->introduce.members.member_count == msg->vector.n);
    zseq_codec_put_endpoints (packer, &msg->introduce.members);
}

static bool
s_take_endpoints (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_endpoints (self, &msg->introduce.members) &&
           msg->introduce.members.member_count == msg->vector.n;
}

//  Whether the node says what it has heard of the journal of the one that asks.
//  Only those who say that they know the key-value store do.
static bool
s_says_heard (const zseq_msg_t *msg)
{
    return s_says_endpoints (msg) && msg->introduce.speaks > 3;
}

static void
s_put_heard (msgpack_packer *packer, const zseq_msg_t *msg)
{
    msgpack_pack_uint64 (packer, msg->introduce.heard);
}

static bool
s_take_heard (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    //  Of version 3 it would be something that is not known.
    if (msg->introduce.speaks < 4)
        return zseq_codec_cursor_skip (self, 1);
    return zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->introduce.heard);
}

const zseq_codec_op_t zseq_codec_op_introduce = {
  .put_request = s_put_introduce_request,
  .take_request = s_take_introduce_request,
  .request_size = 6,
  .put_reply = s_put_introduce_reply,
  .take_reply = s_take_introduce_reply,
  .reply_size = 2,
  .extended = s_extended,
  .put_extension = s_put_introduce_extension,
  .take_extension = s_take_introduce_extension,
  .extension_size = 4,
  .addition = {{s_says_version, s_put_speaks, s_take_speaks},
               {s_says_endpoints, s_put_endpoints, s_take_endpoints},
               {s_says_heard, s_put_heard, s_take_heard}},
};

//  What FENCE and COPY share.

void
zseq_codec_put_recovery (msgpack_packer *packer, const zseq_msg_t *msg)
{
    const zseq_incarnation_t *incarnation =
      &zseq_msg_recovery (msg)->incarnation;
    zseq_codec_put_uint (packer, msg->node, 0, ZSEQ_NODES_MAX - 1);
    zseq_codec_put_uint (packer, incarnation->counter, 1, UINT64_MAX);
    msgpack_pack_uint64 (packer, incarnation->random);
}

bool
zseq_codec_take_recovery (zseq_codec_cursor_t *self, uint8_t *node_p,
                          zseq_msg_recovery_t *recovery)
{
    zseq_incarnation_t *incarnation = &recovery->incarnation;
    return zseq_codec_take_node (self, node_p) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX, &incarnation->counter) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &incarnation->random);
}

//  The extra element of a request of version 2.
static void
s_put_forced (msgpack_packer *packer, const zseq_msg_t *msg)
{
    if (msg->version == 2)
        zseq_codec_put_bool (packer, zseq_msg_recovery (msg)->forced);
}

static bool
s_take_forced (zseq_codec_cursor_t *self, uint8_t version, bool *forced_p)
{
    return version != 2 || zseq_codec_take_bool (self, forced_p);
}

//  FENCE.

static void
s_put_fence_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_recovery (packer, msg);
    s_put_forced (packer, msg);
}

static bool
s_take_fence_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_recovery (self, &msg->node, &msg->fence.recovery) &&
           s_take_forced (self, msg->version, &msg->fence.recovery.forced);
}

static void
s_put_fence_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->fence.floor, 1, ZSEQ_NEXT_MAX);
    zseq_codec_put_uint (packer, msg->fence.floor_reserved, 1, ZSEQ_NEXT_MAX);
    msgpack_pack_uint64 (packer, msg->fence.sequences);
}

static bool
s_take_fence_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->fence.floor) &&
           zseq_codec_take_uint (self, 1, ZSEQ_NEXT_MAX,
                                 &msg->fence.floor_reserved) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->fence.sequences);
}

static void
s_put_fence_extension (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_starts (packer, &msg->vector);
}

static bool
s_take_fence_extension (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    msg->extended = true;
    return s_take_starts (self, &msg->vector);
}

const zseq_codec_op_t zseq_codec_op_fence = {
  .put_request = s_put_fence_request,
  .take_request = s_take_fence_request,
  .request_size = 3,
  .put_reply = s_put_fence_reply,
  .take_reply = s_take_fence_reply,
  .reply_size = 3,
  .extended = s_extended,
  .put_extension = s_put_fence_extension,
  .take_extension = s_take_fence_extension,
  .extension_size = 1,
  .forcible = true,
};

//  COPY.

static void
s_put_copy_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_recovery (packer, msg);
    zseq_codec_put_name (packer, msg->copy.after, 0);
    s_put_forced (packer, msg);
}

static bool
s_take_copy_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_recovery (self, &msg->node, &msg->copy.recovery) &&
           zseq_codec_take_bytes (self, 0, ZSEQ_NAME_MAX, &msg->copy.after) &&
           s_take_forced (self, msg->version, &msg->copy.recovery.forced);
}

static void
s_put_copy_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_page (packer, &msg->copy.page);
}

static bool
s_take_copy_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_page (self, &msg->copy.page);
}

const zseq_codec_op_t zseq_codec_op_copy = {
  .put_request = s_put_copy_request,
  .take_request = s_take_copy_request,
  .request_size = 4,
  .put_reply = s_put_copy_reply,
  .take_reply = s_take_copy_reply,
  .reply_size = 2,
  .forcible = true,
};
