#include "zseq_codec_private.h"

#include "zseq_seq.h"

//  READ and CLAIM say whether other clients ask for the name, too.

static void
s_put_contended (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_bool (packer, msg->contended);
}

static bool
s_take_contended (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_bool (self, &msg->contended);
}

//  READ.

static void
s_put_read_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_name (packer, msg->name, 1);
}

static bool
s_take_read_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_bytes (self, 1, ZSEQ_NAME_MAX, &msg->name);
}

static void
s_put_read_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->read.next, 1, ZSEQ_NEXT_MAX);
}

static bool
s_take_read_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->read.next);
}

static void
s_put_read_extension (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_contended (packer, msg);
    zseq_codec_put_bool (packer, msg->read.none_waits);
}

static bool
s_take_read_extension (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_contended (self, msg) &&
           zseq_codec_take_bool (self, &msg->read.none_waits);
}

const zseq_codec_op_t zseq_codec_op_read = {
  .put_request = s_put_read_request,
  .take_request = s_take_read_request,
  .request_size = 1,
  .put_reply = s_put_read_reply,
  .take_reply = s_take_read_reply,
  .reply_size = 1,
  .put_extension = s_put_read_extension,
  .take_extension = s_take_read_extension,
  .extension_size = 2,
};

//  CLAIM.

static void
s_put_claim_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_name (packer, msg->name, 1);
    zseq_codec_put_uint (packer, msg->claim.first, 1, ZSEQ_ID_MAX);
    zseq_codec_put_uint (packer, msg->claim.count, 1, ZSEQ_COUNT_MAX);
}

static bool
s_take_claim_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_bytes (self, 1, ZSEQ_NAME_MAX, &msg->name) &&
           zseq_codec_take_uint (self, 1, ZSEQ_ID_MAX, &msg->claim.first) &&
           zseq_codec_take_uint (self, 1, ZSEQ_COUNT_MAX, &msg->claim.count);
}

static void
s_put_claim_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->claim.next, 1, ZSEQ_NEXT_MAX);
    zseq_codec_put_uint (packer, msg->claim.first, 1, ZSEQ_ID_MAX);
    zseq_codec_put_uint (packer, msg->claim.count, 1, ZSEQ_COUNT_MAX);
    zseq_codec_put_bool (packer, msg->congested);
}

static bool
s_take_claim_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->claim.next) &&
           zseq_codec_take_uint (self, 1, ZSEQ_ID_MAX, &msg->claim.first) &&
           zseq_codec_take_uint (self, 1, ZSEQ_COUNT_MAX, &msg->claim.count) &&
           zseq_codec_take_bool (self, &msg->congested);
}

static void
s_put_claim_extension (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_contended (packer, msg);
    zseq_codec_put_uint (packer, msg->claim.last_count, 0, ZSEQ_COUNT_MAX);
}

static bool
s_take_claim_extension (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_contended (self, msg) &&
           zseq_codec_take_uint (self, 0, ZSEQ_COUNT_MAX,
                                 &msg->claim.last_count);
}

const zseq_codec_op_t zseq_codec_op_claim = {
  .put_request = s_put_claim_request,
  .take_request = s_take_claim_request,
  .request_size = 3,
  .put_reply = s_put_claim_reply,
  .take_reply = s_take_claim_reply,
  .reply_size = 4,
  .put_extension = s_put_claim_extension,
  .take_extension = s_take_claim_extension,
  .extension_size = 2,
};

//  RAISE.

static void
s_put_raise_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_name (packer, msg->name, 1);
    zseq_codec_put_uint (packer, msg->raise.to, 1, ZSEQ_NEXT_MAX);
}

static bool
s_take_raise_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_bytes (self, 1, ZSEQ_NAME_MAX, &msg->name) &&
           zseq_codec_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->raise.to);
}

static void
s_put_raise_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->raise.next, 1, ZSEQ_NEXT_MAX);
}

static bool
s_take_raise_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->raise.next);
}

const zseq_codec_op_t zseq_codec_op_raise = {
  .put_request = s_put_raise_request,
  .take_request = s_take_raise_request,
  .request_size = 2,
  .put_reply = s_put_raise_reply,
  .take_reply = s_take_raise_reply,
  .reply_size = 1,
};

//  NEXT.

static void
s_put_next_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_name (packer, msg->name, 1);
    zseq_codec_put_uint (packer, msg->next.count, 1, ZSEQ_COUNT_MAX);
    zseq_codec_put_uint (packer, msg->next.count_min, 1, msg->next.count);
    zseq_codec_put_uint (packer, msg->next.timeout_us, 1, UINT64_MAX);
}

static bool
s_take_next_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_bytes (self, 1, ZSEQ_NAME_MAX, &msg->name) &&
           zseq_codec_take_uint (self, 1, ZSEQ_COUNT_MAX, &msg->next.count) &&
           zseq_codec_take_uint (self, 1, msg->next.count,
                                 &msg->next.count_min) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX, &msg->next.timeout_us);
}

static void
s_put_next_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->next.first, 1, ZSEQ_ID_MAX);
    zseq_codec_put_uint (packer, msg->next.count, 1, ZSEQ_COUNT_MAX);
    zseq_codec_put_uint (packer, msg->next.served, 1, UINT64_MAX);
    zseq_codec_put_bool (packer, msg->congested);
}

static bool
s_take_next_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 1, ZSEQ_ID_MAX, &msg->next.first) &&
           zseq_codec_take_uint (self, 1, ZSEQ_COUNT_MAX, &msg->next.count) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX, &msg->next.served) &&
           zseq_codec_take_bool (self, &msg->congested);
}

static bool
s_next_busy (const zseq_msg_t *msg)
{
    return msg->status == ZSEQ_EBUSY;
}

static void
s_put_next_retry (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->next.retry_us, 0, UINT64_MAX);
}

static bool
s_take_next_retry (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->next.retry_us);
}

const zseq_codec_op_t zseq_codec_op_next = {
  .put_request = s_put_next_request,
  .take_request = s_take_next_request,
  .request_size = 4,
  .put_reply = s_put_next_reply,
  .take_reply = s_take_next_reply,
  .reply_size = 4,
  .has_refusal = s_next_busy,
  .put_refusal = s_put_next_retry,
  .take_refusal = s_take_next_retry,
};

//  LIST.

static void
s_put_list_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_name (packer, msg->list.prefix, 0);
    zseq_codec_put_name (packer, msg->list.after, 0);
    zseq_codec_put_uint (packer, msg->list.count, 1, UINT64_MAX);
}

static bool
s_take_list_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_bytes (self, 0, ZSEQ_NAME_MAX, &msg->list.prefix) &&
           zseq_codec_take_bytes (self, 0, ZSEQ_NAME_MAX, &msg->list.after) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX, &msg->list.count);
}

static void
s_put_list_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_page (packer, &msg->list.page);
}

static bool
s_take_list_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_page (self, &msg->list.page);
}

const zseq_codec_op_t zseq_codec_op_list = {
  .put_request = s_put_list_request,
  .take_request = s_take_list_request,
  .request_size = 3,
  .put_reply = s_put_list_reply,
  .take_reply = s_take_list_reply,
  .reply_size = 2,
};

//  INFO.

static void
s_put_info_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->info.next, 1, ZSEQ_NEXT_MAX);
    zseq_codec_put_uint (packer, msg->info.rate, 0, UINT64_MAX);
    zseq_codec_put_uint (packer, msg->info.since_us, 0, UINT64_MAX);
}

static bool
s_take_info_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->info.next) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->info.rate) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->info.since_us);
}

static bool
s_has_claimant (const zseq_msg_t *msg)
{
    return msg->info.claimant.size > 0;
}

static void
s_put_claimant (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_text (packer, msg->info.claimant, 1, ZSEQ_LABEL_MAX);
}

static bool
s_take_claimant (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_bytes (self, 1, ZSEQ_LABEL_MAX, &msg->info.claimant);
}

//  The request is that of a READ.
const zseq_codec_op_t zseq_codec_op_info = {
  .put_request = s_put_read_request,
  .take_request = s_take_read_request,
  .request_size = 1,
  .put_reply = s_put_info_reply,
  .take_reply = s_take_info_reply,
  .reply_size = 3,
  .extended = s_has_claimant,
  .put_extension = s_put_claimant,
  .take_extension = s_take_claimant,
  .extension_size = 1,
};
