#include "zseq_codec_private.h"

#include <assert.h>

//  HELLO.

static bool
s_has_label (const zseq_msg_t *msg)
{
    return msg->hello.label.size > 0;
}

static void
s_put_label (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_text (packer, msg->hello.label, 1, ZSEQ_LABEL_MAX);
}

static bool
s_take_label (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_bytes (self, 1, ZSEQ_LABEL_MAX, &msg->hello.label);
}

static void
s_put_hello_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    assert (msg->hello.members.member_count == msg->vector.n);
    zseq_codec_put_cluster (packer, &msg->hello.members, true);
    zseq_codec_put_state (packer, msg->hello.state);
}

static bool
s_take_hello_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    //  Unless the extension, which follows, says more.
    msg->hello.speaks = 1;
    return zseq_codec_take_cluster (self, &msg->hello.members, true) &&
           zseq_codec_take_state (self, &msg->hello.state) &&
           msg->hello.members.member_count == msg->vector.n;
}

static bool
s_hello_extended (const zseq_msg_t *msg)
{
    return msg->hello.speaks > 1;
}

static void
s_put_hello_extension (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->hello.speaks, 2, UINT64_MAX);
    zseq_codec_put_bool (packer, msg->hello.holds_vote);
}

static bool
s_take_hello_extension (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 2, UINT64_MAX, &msg->hello.speaks) &&
           zseq_codec_take_bool (self, &msg->hello.holds_vote);
}

const zseq_codec_op_t zseq_codec_op_hello = {
  .has_request_addition = s_has_label,
  .put_request_addition = s_put_label,
  .take_request_addition = s_take_label,
  .put_reply = s_put_hello_reply,
  .take_reply = s_take_hello_reply,
  .reply_size = 3,
  .extended = s_hello_extended,
  .put_extension = s_put_hello_extension,
  .take_extension = s_take_hello_extension,
  .extension_size = 2,
};

//  STATUS.

static void
s_put_status_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_state (packer, msg->node_status.state);
    zseq_codec_put_text (packer, msg->node_status.reason, 0, ZSEQ_REASON_MAX);
    msgpack_pack_uint64 (packer, msg->node_status.sequences);
    msgpack_pack_uint64 (packer, msg->node_status.claims);
    msgpack_pack_uint64 (packer, msg->node_status.conflicts);
    msgpack_pack_uint64 (packer, msg->node_status.burnt);
}

static bool
s_take_status_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_state (self, &msg->node_status.state) &&
           zseq_codec_take_bytes (self, 0, ZSEQ_REASON_MAX,
                                  &msg->node_status.reason) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX,
                                 &msg->node_status.sequences) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX,
                                 &msg->node_status.claims) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX,
                                 &msg->node_status.conflicts) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->node_status.burnt);
}

static bool
s_has_counters (const zseq_msg_t *msg)
{
    return msg->node_status.counter_count > 0;
}

static void
s_put_counters (msgpack_packer *packer, const zseq_msg_t *msg)
{
    size_t count = msg->node_status.counter_count;
    assert (count <= ZSEQ_COUNTERS_MAX);
    msgpack_pack_array (packer, 2 * count);
    for (size_t index = 0; index < count; index++) {
        const zseq_msg_counter_t *counter = &msg->node_status.counter[index];
        zseq_codec_put_text (packer, counter->name, 1, ZSEQ_COUNTER_NAME_MAX);
        msgpack_pack_uint64 (packer, counter->value);
    }
}

//  Reads the counters, whatever their names are: a later version has others.
static bool
s_take_counters (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    size_t size;
    if (!zseq_codec_take_array (self, 0, UINT32_MAX, &size) || size % 2)
        return false;
    size_t count = size / 2;
    size_t kept = count;
    if (kept > ZSEQ_COUNTERS_MAX)
        kept = ZSEQ_COUNTERS_MAX;
    for (size_t index = 0; index < kept; index++) {
        zseq_msg_counter_t *counter = &self->storage->counters[index];
        if (!zseq_codec_take_bytes (self, 1, ZSEQ_COUNTER_NAME_MAX,
                                    &counter->name) ||
            !zseq_codec_take_uint (self, 0, UINT64_MAX, &counter->value))
            return false;
    }
    msg->node_status.counter = self->storage->counters;
    msg->node_status.counter_count = kept;
    return zseq_codec_cursor_skip (self, 2 * (count - kept));
}

const zseq_codec_op_t zseq_codec_op_status = {
  .put_reply = s_put_status_reply,
  .take_reply = s_take_status_reply,
  .reply_size = 6,
  .extended = s_has_counters,
  .put_extension = s_put_counters,
  .take_extension = s_take_counters,
  .extension_size = 1,
};
