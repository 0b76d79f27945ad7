#include "zseq_codec_private.h"

//  HELLO.

static void
s_put_hello_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_label (packer, msg->cluster_name);
    zseq_codec_put_members (packer, msg);
    zseq_codec_put_state (packer, msg->state);
}

static bool
s_take_hello_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_label (self, &msg->cluster_name) &&
           zseq_codec_take_members (self, msg) &&
           zseq_codec_take_state (self, &msg->state) &&
           msg->member_count == msg->vector.n;
}

static bool
s_hello_extended (const zseq_msg_t *msg)
{
    return msg->speaks > 1;
}

static void
s_put_hello_extension (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->speaks, 2, UINT64_MAX);
    zseq_codec_put_bool (packer, msg->holds_vote);
}

static bool
s_take_hello_extension (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 2, UINT64_MAX, &msg->speaks) &&
           zseq_codec_take_bool (self, &msg->holds_vote);
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
    zseq_codec_put_state (packer, msg->state);
    zseq_codec_put_text (packer, msg->reason, 0, ZSEQ_REASON_MAX);
    msgpack_pack_uint64 (packer, msg->sequences);
    msgpack_pack_uint64 (packer, msg->claims);
    msgpack_pack_uint64 (packer, msg->conflicts);
    msgpack_pack_uint64 (packer, msg->burnt);
}

static bool
s_take_status_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_state (self, &msg->state) &&
           zseq_codec_take_bytes (self, 0, ZSEQ_REASON_MAX, &msg->reason) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->sequences) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->claims) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->conflicts) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->burnt);
}

const zseq_codec_op_t zseq_codec_op_status = {
  .put_reply = s_put_status_reply,
  .take_reply = s_take_status_reply,
  .reply_size = 6,
};
