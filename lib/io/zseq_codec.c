#include "zseq_codec.h"

#include <assert.h>
#include <string.h>

#include "zseq_codec_private.h"

//  Elements of a message before its body.
#define REQUEST_HEAD 4
#define REPLY_HEAD 7

#define OP_MAX 255
#define STATUS_MAX 255

//  NULL: unknown.
static const zseq_codec_op_t *
s_find_op (zseq_op_t op)
{
    switch (op) {
    case ZSEQ_OP_HELLO:
        return &zseq_codec_op_hello;
    case ZSEQ_OP_READ:
        return &zseq_codec_op_read;
    case ZSEQ_OP_CLAIM:
        return &zseq_codec_op_claim;
    case ZSEQ_OP_RAISE:
        return &zseq_codec_op_raise;
    case ZSEQ_OP_NEXT:
        return &zseq_codec_op_next;
    case ZSEQ_OP_LIST:
        return &zseq_codec_op_list;
    case ZSEQ_OP_STATUS:
        return &zseq_codec_op_status;
    case ZSEQ_OP_INTRODUCE:
        return &zseq_codec_op_introduce;
    case ZSEQ_OP_FENCE:
        return &zseq_codec_op_fence;
    case ZSEQ_OP_COPY:
        return &zseq_codec_op_copy;
    case ZSEQ_OP_INFO:
        return &zseq_codec_op_info;
    case ZSEQ_OP_KV_READ:
        return &zseq_codec_op_kv_read;
    case ZSEQ_OP_KV_WRITE:
        return &zseq_codec_op_kv_write;
    case ZSEQ_OP_KV_SETTLE:
        return &zseq_codec_op_kv_settle;
    case ZSEQ_OP_KV_LIST:
        return &zseq_codec_op_kv_list;
    case ZSEQ_OP_KV_WATCH:
        return &zseq_codec_op_kv_watch;
    case ZSEQ_OP_KV_PROMISE:
        return &zseq_codec_op_kv_promise;
    case ZSEQ_OP_KV_FETCH:
        return &zseq_codec_op_kv_fetch;
    case ZSEQ_OP_KV_ACCEPT:
        return &zseq_codec_op_kv_accept;
    case ZSEQ_OP_KV_CHOSEN:
        return &zseq_codec_op_kv_chosen;
    case ZSEQ_OP_KV_COPY:
        return &zseq_codec_op_kv_copy;
    case ZSEQ_OP_KV_PROMISES:
        return &zseq_codec_op_kv_promises;
    }
    return NULL;
}

//  The protocol version that a message needs.
static uint8_t
s_version (const zseq_codec_op_t *op, const zseq_msg_t *msg)
{
    return op && op->forcible && msg->version == 2 ? 2 : 1;
}

//  A request of version 2 has one more element, and so may one of version 1
//  have whose op has an addition.
static size_t
s_request_size (const zseq_codec_op_t *op, const zseq_msg_t *msg)
{
    return op->request_size + (s_version (op, msg) == 2) +
           (op->has_request_addition && op->has_request_addition (msg));
}

//  Writing. Overflow is remembered and checked at the end.

typedef struct {
    uint8_t *bytes;
    size_t size;
    size_t used;
    bool full;
} s_buffer_t;

//  The packer's callback: appends bytes to the buffer.
static int
s_write (void *data, const char *bytes, size_t size)
{
    s_buffer_t *buffer = data;
    if (size == 0)
        return 0;
    if (buffer->full || size > buffer->size - buffer->used) {
        buffer->full = true;
        return -1;
    }
    memcpy (buffer->bytes + buffer->used, bytes, size);
    buffer->used += size;
    return 0;
}

//  Whether a reply without a body has an element that says more.
static bool
s_has_refusal (const zseq_codec_op_t *op, const zseq_msg_t *msg)
{
    return op && op->has_refusal && op->has_refusal (msg);
}

//  Whether a reply with that op and status carries the op's body: a refused
//  CLAIM still tells next, and a write that was not made the key's version.
//  Source: wire.md, section 1.4.
static bool
s_has_body (zseq_op_t op, int status)
{
    if (op == ZSEQ_OP_CLAIM &&
        (status == ZSEQ_ECONFLICT || status == ZSEQ_EEXHAUSTED))
        return true;
    if (op == ZSEQ_OP_KV_WRITE &&
        (status == ZSEQ_EVERSION || status == ZSEQ_EFORGOTTEN))
        return true;
    if (status == ZSEQ_ENOKEY)
        return op == ZSEQ_OP_KV_WRITE || op == ZSEQ_OP_KV_SETTLE;
    return status == ZSEQ_OK;
}

//  How many additions a reply has whose body is extended.
static size_t
s_additions (const zseq_codec_op_t *op, const zseq_msg_t *msg)
{
    size_t count = 0;
    while (count < ZSEQ_ADDITIONS_MAX && op->addition[count].has &&
           op->addition[count].has (msg))
        count++;
    return count;
}

size_t
zseq_codec_encode (const zseq_msg_t *msg, uint8_t *bytes, size_t size)
{
    assert (msg);
    assert (bytes || size == 0);

    bool body = !msg->reply || s_has_body (msg->op, msg->status);
    const zseq_codec_op_t *op = s_find_op (msg->op);
    assert (op || !body);
    assert (!msg->reply || !body || op->put_reply);
    bool extended = msg->reply && body && op->put_extension &&
                    (!op->extended || op->extended (msg));
    size_t additions = extended ? s_additions (op, msg) : 0;
    bool refusal = msg->reply && !body && s_has_refusal (op, msg);
    size_t elements = msg->reply ? REPLY_HEAD : REQUEST_HEAD;
    if (body)
        elements += msg->reply ? op->reply_size : s_request_size (op, msg);
    if (extended)
        elements += op->extension_size + additions;
    if (refusal)
        elements++;

    s_buffer_t buffer = {.bytes = bytes, .size = size};
    msgpack_packer packer;
    msgpack_packer_init (&packer, &buffer, s_write);
    msgpack_pack_array (&packer, elements);
    msgpack_pack_uint64 (&packer, s_version (op, msg));
    zseq_codec_put_uint (&packer, msg->op, 1, OP_MAX);
    zseq_codec_put_uint (&packer, msg->request, 1, UINT64_MAX);
    msgpack_pack_uint64 (&packer, msg->cluster);
    if (msg->reply) {
        assert (msg->status <= 0);
        assert (msg->node < msg->vector.n);
        zseq_codec_put_uint (&packer, (uint64_t) -msg->status, 0, STATUS_MAX);
        zseq_codec_put_uint (&packer, msg->node, 0, ZSEQ_NODES_MAX - 1);
        zseq_codec_put_vector (&packer, &msg->vector);
        if (body)
            op->put_reply (&packer, msg);
        if (extended)
            op->put_extension (&packer, msg);
        for (size_t index = 0; index < additions; index++)
            op->addition[index].put (&packer, msg);
        if (refusal)
            op->put_refusal (&packer, msg);
    }
    else {
        if (op->put_request)
            op->put_request (&packer, msg);
        if (op->has_request_addition && op->has_request_addition (msg))
            op->put_request_addition (&packer, msg);
    }
    return buffer.full ? 0 : buffer.used;
}

//  Reading.

//  Clears msg, so that absent fields read as absent.
static void
s_clear (zseq_msg_t *msg, bool reply)
{
    *msg = (zseq_msg_t){.reply = reply, .name = {"", 0}};
}

//  Reads the beginning that all messages share. msg holds each part that could
//  be read, even if the version is unknown.
static bool
s_take_head (zseq_codec_cursor_t *self, zseq_msg_t *msg, size_t *elements_p)
{
    uint64_t version;
    uint64_t op;
    uint64_t request;
    uint64_t cluster;
    if (self->left > ZSEQ_MESSAGE_MAX ||
        !zseq_codec_take_array (self, REQUEST_HEAD, UINT32_MAX, elements_p) ||
        !zseq_codec_take_uint (self, 0, UINT64_MAX, &version) ||
        !zseq_codec_take_uint (self, 1, OP_MAX, &op) ||
        !zseq_codec_take_uint (self, 1, UINT64_MAX, &request) ||
        !zseq_codec_take_uint (self, 0, UINT64_MAX, &cluster))
        return false;

    msg->op = (zseq_op_t) op;
    msg->request = request;
    msg->cluster = cluster;
    msg->version = version == 2 ? 2 : 1;
    return version == s_version (s_find_op (msg->op), msg);
}

//  Reads the head of a reply after the part that all messages share: status,
//  node and vector.
static bool
s_take_verdict (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    uint64_t status;
    if (!zseq_codec_take_uint (self, 0, STATUS_MAX, &status) ||
        !zseq_codec_take_node (self, &msg->node) ||
        !zseq_codec_take_vector (self, &msg->vector) ||
        msg->node >= msg->vector.n)
        return false;
    msg->status = -(int) status;
    return true;
}

int
zseq_codec_decode_request (zseq_codec_t *self, const uint8_t *bytes,
                           size_t size, zseq_msg_t *msg)
{
    assert (self);
    assert (bytes || size == 0);
    assert (msg);

    s_clear (msg, false);
    zseq_codec_cursor_t cursor = {bytes, size, self};
    size_t elements;
    if (!s_take_head (&cursor, msg, &elements))
        return ZSEQ_EPROTOCOL;

    const zseq_codec_op_t *op = s_find_op (msg->op);
    if (!op)
        return ZSEQ_EPROTOCOL;
    size_t size_min = REQUEST_HEAD + s_request_size (op, msg);
    bool addition = op->take_request_addition && elements == size_min + 1;
    if ((elements != size_min && !addition) ||
        (op->take_request && !op->take_request (&cursor, msg)) ||
        (addition && !op->take_request_addition (&cursor, msg)) ||
        cursor.left > 0)
        return ZSEQ_EPROTOCOL;
    return ZSEQ_OK;
}

int
zseq_codec_decode_reply (zseq_codec_t *self, const uint8_t *bytes, size_t size,
                         zseq_msg_t *msg)
{
    assert (self);
    assert (bytes || size == 0);
    assert (msg);

    s_clear (msg, true);
    zseq_codec_cursor_t cursor = {bytes, size, self};
    size_t elements;
    if (!s_take_head (&cursor, msg, &elements) || elements < REPLY_HEAD ||
        !s_take_verdict (&cursor, msg))
        return ZSEQ_EPROTOCOL;

    size_t taken = REPLY_HEAD;
    const zseq_codec_op_t *op = s_find_op (msg->op);
    if (s_has_body (msg->op, msg->status)) {
        if (!op || !op->take_reply || elements < taken + op->reply_size ||
            !op->take_reply (&cursor, msg))
            return ZSEQ_EPROTOCOL;
        taken += op->reply_size;
        if (op->take_extension && elements - taken >= op->extension_size) {
            if (!op->take_extension (&cursor, msg))
                return ZSEQ_EPROTOCOL;
            taken += op->extension_size;
            for (size_t index = 0; index < ZSEQ_ADDITIONS_MAX &&
                                   op->addition[index].take && elements > taken;
                 index++, taken++)
                if (!op->addition[index].take (&cursor, msg))
                    return ZSEQ_EPROTOCOL;
        }
    }
    else if (s_has_refusal (op, msg) && elements > taken) {
        if (!op->take_refusal (&cursor, msg))
            return ZSEQ_EPROTOCOL;
        taken++;
    }
    //  A later version of the document may add elements at the end.
    if (!zseq_codec_cursor_skip (&cursor, elements - taken) || cursor.left > 0)
        return ZSEQ_EPROTOCOL;
    return ZSEQ_OK;
}
