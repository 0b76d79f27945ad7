#include "zseq_codec_private.h"

#include <assert.h>

//  HELLO.

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

const zseq_codec_op_t zseq_codec_op_status = {
  .put_reply = s_put_status_reply,
  .take_reply = s_take_status_reply,
  .reply_size = 6,
};
