#include "zseq_codec.h"

#include <assert.h>
#include <string.h>

#include <msgpack.h>

#include "zseq_seq.h"

//  Elements of a message before its body.
#define REQUEST_HEAD 4
#define REPLY_HEAD 7

#define OP_MAX 255
#define STATUS_MAX 255

//  Elements of a message's body; -1 if the op is unknown.
static int
s_body_size (zseq_op_t op, bool reply)
{
    switch (op) {
    case ZSEQ_OP_HELLO:
        return reply ? 3 : 0;
    case ZSEQ_OP_READ:
        return 1;
    case ZSEQ_OP_CLAIM:
        return reply ? 4 : 3;
    case ZSEQ_OP_RAISE:
        return reply ? 1 : 2;
    case ZSEQ_OP_NEXT:
        return 4;
    case ZSEQ_OP_LIST:
        return reply ? 2 : 3;
    case ZSEQ_OP_STATUS:
        return reply ? 6 : 0;
    case ZSEQ_OP_INTRODUCE:
        return reply ? 2 : 6;
    case ZSEQ_OP_FENCE:
        return 3;
    case ZSEQ_OP_COPY:
        return reply ? 2 : 4;
    }
    return -1;
}

//  Only FENCE and COPY are ever of version 2.
static uint8_t
s_version (const zseq_msg_t *msg)
{
    return (msg->op == ZSEQ_OP_FENCE || msg->op == ZSEQ_OP_COPY) &&
               msg->version == 2
             ? 2
             : 1;
}

//  A request of version 2 has an element more.
static int
s_request_size (const zseq_msg_t *msg)
{
    int size = s_body_size (msg->op, false);
    return s_version (msg) == 2 ? size + 1 : size;
}

//  Elements that a node which speaks version 2 adds to the body of a reply.
static int
s_extension_size (zseq_op_t op)
{
    switch (op) {
    case ZSEQ_OP_HELLO:
        return 2;
    case ZSEQ_OP_FENCE:
        return 1;
    case ZSEQ_OP_INTRODUCE:
        return 4;
    default:
        return 0;
    }
}

static bool
s_extended (const zseq_msg_t *msg)
{
    switch (msg->op) {
    case ZSEQ_OP_HELLO:
        return msg->speaks > 1;
    case ZSEQ_OP_INTRODUCE:
    case ZSEQ_OP_FENCE:
        return msg->extended;
    default:
        return false;
    }
}

static bool
s_bytes_valid (zseq_slice_t slice, size_t size_min, size_t size_max)
{
    return slice.size >= size_min && slice.size <= size_max &&
           (slice.size == 0 || !memchr (slice.data, 0, slice.size));
}

static bool
s_label_valid (zseq_slice_t slice)
{
    if (!s_bytes_valid (slice, 1, ZSEQ_LABEL_MAX))
        return false;
    char text[ZSEQ_LABEL_MAX + 1];
    memcpy (text, slice.data, slice.size);
    text[slice.size] = 0;
    return zseq_label_valid (text);
}

//  Whether a comes before b in byte order.
static bool
s_ascending (zseq_slice_t a, zseq_slice_t b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = memcmp (a.data, b.data, shared);
    return order < 0 || (order == 0 && a.size < b.size);
}

//  Writing. What does not fit is remembered and seen at the end.

typedef struct {
    uint8_t *bytes;
    size_t size;
    size_t used;
    bool full;
} s_buffer_t;

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

static void
s_put_uint (msgpack_packer *packer, uint64_t value, uint64_t value_min,
            uint64_t value_max)
{
    assert (value >= value_min);
    assert (value <= value_max);
    msgpack_pack_uint64 (packer, value);
}

static void
s_put_bool (msgpack_packer *packer, bool value)
{
    if (value)
        msgpack_pack_true (packer);
    else
        msgpack_pack_false (packer);
}

static void
s_put_name (msgpack_packer *packer, zseq_slice_t name, size_t size_min)
{
    assert (s_bytes_valid (name, size_min, ZSEQ_NAME_MAX));
    msgpack_pack_bin_with_body (packer, name.data, name.size);
}

static void
s_put_text (msgpack_packer *packer, zseq_slice_t text, size_t size_min,
            size_t size_max)
{
    assert (s_bytes_valid (text, size_min, size_max));
    msgpack_pack_str_with_body (packer, text.data, text.size);
}

static void
s_put_label (msgpack_packer *packer, zseq_slice_t label)
{
    assert (s_label_valid (label));
    msgpack_pack_str_with_body (packer, label.data, label.size);
}

static void
s_put_state (msgpack_packer *packer, zseq_state_t state)
{
    s_put_uint (packer, state, ZSEQ_STATE_BIRTH, ZSEQ_STATE_STARTING);
}

static void
s_put_vector (msgpack_packer *packer, const zseq_vector_t *vector)
{
    assert (vector->n >= 1);
    assert (vector->n <= ZSEQ_NODES_MAX);

    msgpack_pack_array (packer, 2u * vector->n);
    for (uint8_t node = 0; node < vector->n; node++) {
        msgpack_pack_uint64 (packer, vector->life[node].counter);
        msgpack_pack_uint64 (packer, vector->life[node].random);
    }
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

static void
s_put_members (msgpack_packer *packer, const zseq_msg_t *msg)
{
    assert (msg->member_count == msg->vector.n);

    msgpack_pack_array (packer, msg->member_count);
    for (size_t index = 0; index < msg->member_count; index++) {
        const zseq_msg_member_t *member = &msg->member[index];
        assert (index == 0 || s_ascending (member[-1].name, member->name));
        if (msg->op == ZSEQ_OP_HELLO) {
            msgpack_pack_array (packer, 2);
            s_put_label (packer, member->name);
            s_put_text (packer, member->endpoint, 1, ZSEQ_ENDPOINT_MAX);
        }
        else
            s_put_label (packer, member->name);
    }
}

static void
s_put_items (msgpack_packer *packer, const zseq_msg_t *msg)
{
    assert (msg->item_count <= ZSEQ_PAGE_MAX);
    assert (msg->item_count > 0 || !msg->more);

    msgpack_pack_array (packer, msg->item_count);
    for (size_t index = 0; index < msg->item_count; index++) {
        const zseq_item_t *item = &msg->items[index];
        assert (index == 0 || s_ascending (item[-1].name, item->name));
        msgpack_pack_array (packer, 2);
        s_put_name (packer, item->name, 1);
        s_put_uint (packer, item->next, 1, ZSEQ_NEXT_MAX);
    }
}

//  Who recovers, and in which life.
static void
s_put_life (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_uint (packer, msg->node, 0, ZSEQ_NODES_MAX - 1);
    s_put_uint (packer, msg->life.counter, 1, UINT64_MAX);
    msgpack_pack_uint64 (packer, msg->life.random);
}

static void
s_put_request_body (msgpack_packer *packer, const zseq_msg_t *msg)
{
    switch (msg->op) {
    case ZSEQ_OP_HELLO:
    case ZSEQ_OP_STATUS:
        break;
    case ZSEQ_OP_READ:
        s_put_name (packer, msg->name, 1);
        break;
    case ZSEQ_OP_CLAIM:
        s_put_name (packer, msg->name, 1);
        s_put_uint (packer, msg->first, 1, ZSEQ_ID_MAX);
        s_put_uint (packer, msg->count, 1, ZSEQ_COUNT_MAX);
        break;
    case ZSEQ_OP_RAISE:
        s_put_name (packer, msg->name, 1);
        s_put_uint (packer, msg->next, 1, ZSEQ_NEXT_MAX);
        break;
    case ZSEQ_OP_NEXT:
        s_put_name (packer, msg->name, 1);
        s_put_uint (packer, msg->count, 1, ZSEQ_COUNT_MAX);
        s_put_uint (packer, msg->count_min, 1, msg->count);
        s_put_uint (packer, msg->patience_us, 1, UINT64_MAX);
        break;
    case ZSEQ_OP_LIST:
        s_put_name (packer, msg->name, 0);
        s_put_name (packer, msg->after, 0);
        s_put_uint (packer, msg->count, 1, UINT64_MAX);
        break;
    case ZSEQ_OP_INTRODUCE:
        assert (msg->member_count > 0);
        s_put_uint (packer, msg->node, 0, msg->member_count - 1);
        s_put_label (packer, msg->cluster_name);
        s_put_members (packer, msg);
        s_put_state (packer, msg->state);
        s_put_vector (packer, &msg->vector);
        msgpack_pack_uint64 (packer, msg->process);
        break;
    case ZSEQ_OP_FENCE:
        s_put_life (packer, msg);
        break;
    case ZSEQ_OP_COPY:
        s_put_life (packer, msg);
        s_put_name (packer, msg->after, 0);
        break;
    }
    if (s_version (msg) == 2)
        s_put_bool (packer, msg->forced);
}

//  What a node that speaks version 2 adds.
static void
s_put_extension (msgpack_packer *packer, const zseq_msg_t *msg)
{
    if (msg->op == ZSEQ_OP_HELLO) {
        s_put_uint (packer, msg->speaks, 2, UINT64_MAX);
        s_put_bool (packer, msg->holds_vote);
        return;
    }
    s_put_starts (packer, &msg->vector);
    if (msg->op == ZSEQ_OP_FENCE)
        return;
    msgpack_pack_uint64 (packer, msg->met);
    s_put_uint (packer, msg->floor, 1, ZSEQ_NEXT_MAX);
    s_put_uint (packer, msg->floor_reserved, 1, ZSEQ_NEXT_MAX);
}

static void
s_put_reply_body (msgpack_packer *packer, const zseq_msg_t *msg)
{
    switch (msg->op) {
    case ZSEQ_OP_HELLO:
        s_put_label (packer, msg->cluster_name);
        s_put_members (packer, msg);
        s_put_state (packer, msg->state);
        break;
    case ZSEQ_OP_READ:
    case ZSEQ_OP_RAISE:
        s_put_uint (packer, msg->next, 1, ZSEQ_NEXT_MAX);
        break;
    case ZSEQ_OP_CLAIM:
        s_put_uint (packer, msg->next, 1, ZSEQ_NEXT_MAX);
        s_put_uint (packer, msg->first, 1, ZSEQ_ID_MAX);
        s_put_uint (packer, msg->count, 1, ZSEQ_COUNT_MAX);
        s_put_bool (packer, msg->crowded);
        break;
    case ZSEQ_OP_NEXT:
        s_put_uint (packer, msg->first, 1, ZSEQ_ID_MAX);
        s_put_uint (packer, msg->count, 1, ZSEQ_COUNT_MAX);
        s_put_uint (packer, msg->served, 1, UINT64_MAX);
        s_put_bool (packer, msg->crowded);
        break;
    case ZSEQ_OP_LIST:
    case ZSEQ_OP_COPY:
        s_put_items (packer, msg);
        s_put_bool (packer, msg->more);
        break;
    case ZSEQ_OP_STATUS:
        s_put_state (packer, msg->state);
        s_put_text (packer, msg->reason, 0, ZSEQ_REASON_MAX);
        msgpack_pack_uint64 (packer, msg->sequences);
        msgpack_pack_uint64 (packer, msg->claims);
        msgpack_pack_uint64 (packer, msg->conflicts);
        msgpack_pack_uint64 (packer, msg->burnt);
        break;
    case ZSEQ_OP_INTRODUCE:
        s_put_state (packer, msg->state);
        msgpack_pack_uint64 (packer, msg->process);
        break;
    case ZSEQ_OP_FENCE:
        s_put_uint (packer, msg->floor, 1, ZSEQ_NEXT_MAX);
        s_put_uint (packer, msg->floor_reserved, 1, ZSEQ_NEXT_MAX);
        msgpack_pack_uint64 (packer, msg->sequences);
        break;
    }
}

size_t
zseq_codec_encode (const zseq_msg_t *msg, uint8_t *bytes, size_t size)
{
    assert (msg);
    assert (bytes || size == 0);

    bool body = !msg->reply || zseq_msg_has_body (msg->op, msg->status);
    bool extended = msg->reply && body && s_extended (msg);
    int body_size = 0;
    if (body)
        body_size =
          msg->reply ? s_body_size (msg->op, true) : s_request_size (msg);
    assert (body_size >= 0);
    if (extended)
        body_size += s_extension_size (msg->op);
    int head_size = msg->reply ? REPLY_HEAD : REQUEST_HEAD;

    s_buffer_t buffer = {.bytes = bytes, .size = size};
    msgpack_packer packer;
    msgpack_packer_init (&packer, &buffer, s_write);
    msgpack_pack_array (&packer, (size_t) (head_size + body_size));
    msgpack_pack_uint64 (&packer, s_version (msg));
    s_put_uint (&packer, msg->op, 1, OP_MAX);
    s_put_uint (&packer, msg->request, 1, UINT64_MAX);
    msgpack_pack_uint64 (&packer, msg->cluster);
    if (msg->reply) {
        assert (msg->status <= 0);
        assert (msg->node < msg->vector.n);
        s_put_uint (&packer, (uint64_t) -msg->status, 0, STATUS_MAX);
        s_put_uint (&packer, msg->node, 0, ZSEQ_NODES_MAX - 1);
        s_put_vector (&packer, &msg->vector);
        if (body)
            s_put_reply_body (&packer, msg);
        if (extended)
            s_put_extension (&packer, msg);
    }
    else
        s_put_request_body (&packer, msg);
    return buffer.full ? 0 : buffer.used;
}

//  Reading. msgpack-c's unpacker allocates what an array's header declares,
//  before the elements arrive and whether or not they ever do. So a cursor
//  walks the frame instead: it allocates nothing, does not recurse, and takes
//  no more than the bytes that are there.

typedef struct {
    const uint8_t *at;
    size_t left;
} s_cursor_t;

typedef enum {
    TOKEN_OTHER,  //  Of no use to any message
    TOKEN_NEVER,  //  Not MessagePack
    TOKEN_BOOL,
    TOKEN_UINT,
    TOKEN_INT,
    TOKEN_BYTES,
    TOKEN_ARRAY,
    TOKEN_MAP,
    TOKEN_EXT,
} s_token_type_t;

typedef struct {
    s_token_type_t type;
    uint64_t value;       //  Number, size in bytes, or count of elements
    const uint8_t *data;  //  TOKEN_BYTES: where they are
} s_token_t;

//  The formats 0xc0 to 0xdf: what they are, the bytes of the number that
//  follows, and bytes of no interest after that.
static const struct {
    s_token_type_t type;
    uint8_t width;
    uint8_t skip;
} s_formats[32] = {
  {TOKEN_OTHER, 0, 0},   //  nil
  {TOKEN_NEVER, 0, 0},   //  unused
  {TOKEN_BOOL, 0, 0},    //  false
  {TOKEN_BOOL, 0, 0},    //  true
  {TOKEN_BYTES, 1, 0},   //  bin 8
  {TOKEN_BYTES, 2, 0},   //  bin 16
  {TOKEN_BYTES, 4, 0},   //  bin 32
  {TOKEN_EXT, 1, 1},     //  ext 8, with its type
  {TOKEN_EXT, 2, 1},     //  ext 16
  {TOKEN_EXT, 4, 1},     //  ext 32
  {TOKEN_OTHER, 0, 4},   //  float 32
  {TOKEN_OTHER, 0, 8},   //  float 64
  {TOKEN_UINT, 1, 0},    //  uint 8
  {TOKEN_UINT, 2, 0},    //  uint 16
  {TOKEN_UINT, 4, 0},    //  uint 32
  {TOKEN_UINT, 8, 0},    //  uint 64
  {TOKEN_INT, 1, 0},     //  int 8
  {TOKEN_INT, 2, 0},     //  int 16
  {TOKEN_INT, 4, 0},     //  int 32
  {TOKEN_INT, 8, 0},     //  int 64
  {TOKEN_OTHER, 0, 2},   //  fixext 1, with its type
  {TOKEN_OTHER, 0, 3},   //  fixext 2
  {TOKEN_OTHER, 0, 5},   //  fixext 4
  {TOKEN_OTHER, 0, 9},   //  fixext 8
  {TOKEN_OTHER, 0, 17},  //  fixext 16
  {TOKEN_BYTES, 1, 0},   //  str 8
  {TOKEN_BYTES, 2, 0},   //  str 16
  {TOKEN_BYTES, 4, 0},   //  str 32
  {TOKEN_ARRAY, 2, 0},   //  array 16
  {TOKEN_ARRAY, 4, 0},   //  array 32
  {TOKEN_MAP, 2, 0},     //  map 16
  {TOKEN_MAP, 4, 0},     //  map 32
};

static bool
s_jump (s_cursor_t *self, uint64_t size)
{
    if (size > self->left)
        return false;
    self->at += size;
    self->left -= (size_t) size;
    return true;
}

static bool
s_number (s_cursor_t *self, uint8_t width, uint64_t *value_p)
{
    const uint8_t *bytes = self->at;
    if (!s_jump (self, width))
        return false;
    uint64_t value = 0;
    for (uint8_t index = 0; index < width; index++)
        value = value << 8 | bytes[index];
    *value_p = value;
    return true;
}

//  The formats from 0xc0 to 0xdf, which say in a table how they go on.
static bool
s_take_format (s_cursor_t *self, uint8_t tag, s_token_t *token)
{
    uint8_t width = s_formats[tag - 0xc0].width;
    token->type = s_formats[tag - 0xc0].type;
    if (token->type == TOKEN_NEVER)
        return false;
    if (token->type == TOKEN_BOOL)
        token->value = tag & 1;
    else if (!s_number (self, width, &token->value))
        return false;

    if (token->type == TOKEN_INT)
        token->type =
          token->value >> (8 * width - 1) ? TOKEN_OTHER : TOKEN_UINT;
    return s_jump (self, s_formats[tag - 0xc0].skip);
}

//  The next token: an array or a map without its elements, anything else as a
//  whole.
static bool
s_take (s_cursor_t *self, s_token_t *token)
{
    if (self->left == 0)
        return false;
    uint8_t tag = *self->at++;
    self->left--;
    token->type = TOKEN_OTHER;
    token->value = 0;
    if (tag <= 0x7f) {
        token->type = TOKEN_UINT;
        token->value = tag;
    }
    else if (tag <= 0x8f) {
        token->type = TOKEN_MAP;
        token->value = tag & 0x0f;
    }
    else if (tag <= 0x9f) {
        token->type = TOKEN_ARRAY;
        token->value = tag & 0x0f;
    }
    else if (tag <= 0xbf) {
        token->type = TOKEN_BYTES;
        token->value = tag & 0x1f;
    }
    else if (tag <= 0xdf && !s_take_format (self, tag, token))
        return false;

    token->data = self->at;
    if (token->type == TOKEN_BYTES || token->type == TOKEN_EXT)
        return s_jump (self, token->value);
    return true;
}

//  Passes over count values, however they are nested. Each takes a byte at
//  least, so that the bytes bound the loop, whatever the headers declare.
static bool
s_skip (s_cursor_t *self, uint64_t count)
{
    uint64_t pending = count;
    while (pending > 0) {
        s_token_t token;
        if (!s_take (self, &token))
            return false;
        pending--;
        if (token.type == TOKEN_ARRAY)
            pending += token.value;
        else if (token.type == TOKEN_MAP)
            pending += 2 * token.value;
    }
    return true;
}

static bool
s_take_uint (s_cursor_t *self, uint64_t value_min, uint64_t value_max,
             uint64_t *value_p)
{
    s_token_t token;
    if (!s_take (self, &token) || token.type != TOKEN_UINT ||
        token.value < value_min || token.value > value_max)
        return false;
    *value_p = token.value;
    return true;
}

static bool
s_take_bool (s_cursor_t *self, bool *value_p)
{
    s_token_t token;
    if (!s_take (self, &token) || token.type != TOKEN_BOOL)
        return false;
    *value_p = token.value;
    return true;
}

static bool
s_take_array (s_cursor_t *self, size_t size_min, size_t size_max,
              size_t *size_p)
{
    s_token_t token;
    if (!s_take (self, &token) || token.type != TOKEN_ARRAY ||
        token.value < size_min || token.value > size_max)
        return false;
    *size_p = (size_t) token.value;
    return true;
}

static bool
s_take_bytes (s_cursor_t *self, size_t size_min, size_t size_max,
              zseq_slice_t *slice_p)
{
    s_token_t token;
    if (!s_take (self, &token) || token.type != TOKEN_BYTES)
        return false;
    zseq_slice_t slice = {(const char *) token.data, (size_t) token.value};
    if (!s_bytes_valid (slice, size_min, size_max))
        return false;
    *slice_p = slice;
    return true;
}

static bool
s_take_label (s_cursor_t *self, zseq_slice_t *slice_p)
{
    return s_take_bytes (self, 1, ZSEQ_LABEL_MAX, slice_p) &&
           s_label_valid (*slice_p);
}

static bool
s_take_node (s_cursor_t *self, uint8_t *node_p)
{
    uint64_t node;
    if (!s_take_uint (self, 0, ZSEQ_NODES_MAX - 1, &node))
        return false;
    *node_p = (uint8_t) node;
    return true;
}

static bool
s_take_state (s_cursor_t *self, zseq_state_t *state_p)
{
    uint64_t state;
    if (!s_take_uint (self, ZSEQ_STATE_BIRTH, ZSEQ_STATE_STARTING, &state))
        return false;
    *state_p = (zseq_state_t) state;
    return true;
}

static bool
s_take_vector (s_cursor_t *self, zseq_vector_t *vector)
{
    size_t size;
    if (!s_take_array (self, 2, 2 * ZSEQ_NODES_MAX, &size) || size % 2)
        return false;
    vector->n = (uint8_t) (size / 2);
    for (uint8_t node = 0; node < vector->n; node++) {
        zseq_incarnation_t *life = &vector->life[node];
        if (!s_take_uint (self, 0, UINT64_MAX, &life->counter) ||
            !s_take_uint (self, 0, UINT64_MAX, &life->random))
            return false;
        vector->start[node] = (zseq_start_t){0, 0};
    }
    return true;
}

static bool
s_take_starts (s_cursor_t *self, zseq_vector_t *vector)
{
    size_t size;
    if (!s_take_array (self, 2, 2 * ZSEQ_NODES_MAX, &size) ||
        size != 2u * vector->n)
        return false;
    for (uint8_t node = 0; node < vector->n; node++) {
        zseq_start_t *start = &vector->start[node];
        if (!s_take_uint (self, 0, UINT64_MAX, &start->counter) ||
            !s_take_uint (self, 0, UINT64_MAX, &start->random))
            return false;
    }
    return true;
}

static bool
s_take_life (s_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_node (self, &msg->node) &&
           s_take_uint (self, 1, UINT64_MAX, &msg->life.counter) &&
           s_take_uint (self, 0, UINT64_MAX, &msg->life.random);
}

//  Strictly ascending, so that no name is there twice.
static bool
s_take_members (s_cursor_t *self, zseq_msg_t *msg)
{
    if (!s_take_array (self, 1, ZSEQ_NODES_MAX, &msg->member_count))
        return false;
    for (size_t index = 0; index < msg->member_count; index++) {
        zseq_msg_member_t *member = &msg->member[index];
        size_t size;
        if (msg->op == ZSEQ_OP_HELLO && !s_take_array (self, 2, 2, &size))
            return false;
        if (!s_take_label (self, &member->name))
            return false;
        if (msg->op == ZSEQ_OP_HELLO &&
            !s_take_bytes (self, 1, ZSEQ_ENDPOINT_MAX, &member->endpoint))
            return false;
        if (index > 0 && !s_ascending (member[-1].name, member->name))
            return false;
    }
    return true;
}

//  Strictly ascending, so that whoever pages through gets on.
static bool
s_take_items (s_cursor_t *self, zseq_item_t *items, size_t *count_p)
{
    size_t count;
    if (!s_take_array (self, 0, ZSEQ_PAGE_MAX, &count))
        return false;
    for (size_t index = 0; index < count; index++) {
        zseq_item_t *item = &items[index];
        size_t size;
        if (!s_take_array (self, 2, 2, &size) ||
            !s_take_bytes (self, 1, ZSEQ_NAME_MAX, &item->name) ||
            !s_take_uint (self, 1, ZSEQ_NEXT_MAX, &item->next))
            return false;
        if (index > 0 && !s_ascending (item[-1].name, item->name))
            return false;
    }
    *count_p = count;
    return true;
}

//  What no field of the message fills in must still be read as absent. The
//  member and life arrays are large, and what is past their count is not read.
static void
s_clear (zseq_msg_t *msg, bool reply)
{
    static const zseq_slice_t none = {"", 0};
    msg->op = 0;
    msg->reply = reply;
    msg->version = 0;
    msg->request = 0;
    msg->cluster = 0;
    msg->status = ZSEQ_OK;
    msg->node = 0;
    msg->vector.n = 0;
    msg->name = none;
    msg->after = none;
    msg->first = 0;
    msg->count = 0;
    msg->count_min = 0;
    msg->patience_us = 0;
    msg->served = 0;
    msg->crowded = false;
    msg->next = 0;
    msg->more = false;
    msg->items = NULL;
    msg->item_count = 0;
    msg->life.counter = 0;
    msg->life.random = 0;
    msg->floor = 0;
    msg->floor_reserved = 0;
    msg->cluster_name = none;
    msg->member_count = 0;
    msg->state = 0;
    msg->reason = none;
    msg->sequences = 0;
    msg->claims = 0;
    msg->conflicts = 0;
    msg->burnt = 0;
    msg->process = 0;
    msg->extended = false;
    msg->met = 0;
    msg->speaks = 1;
    msg->holds_vote = false;
    msg->forced = false;
}

//  What every message begins with. Once it could be read, msg says so, even if
//  the version is another one.
static bool
s_take_head (s_cursor_t *self, zseq_msg_t *msg, size_t *elements_p)
{
    uint64_t version;
    uint64_t op;
    uint64_t request;
    uint64_t cluster;
    if (self->left > ZSEQ_MESSAGE_MAX ||
        !s_take_array (self, REQUEST_HEAD, UINT32_MAX, elements_p) ||
        !s_take_uint (self, 0, UINT64_MAX, &version) ||
        !s_take_uint (self, 1, OP_MAX, &op) ||
        !s_take_uint (self, 1, UINT64_MAX, &request) ||
        !s_take_uint (self, 0, UINT64_MAX, &cluster))
        return false;

    msg->op = (zseq_op_t) op;
    msg->request = request;
    msg->cluster = cluster;
    msg->version = version == 2 ? 2 : 1;
    return version == s_version (msg);
}

static bool
s_take_request_body (s_cursor_t *self, zseq_msg_t *msg)
{
    switch (msg->op) {
    case ZSEQ_OP_HELLO:
    case ZSEQ_OP_STATUS:
        return true;
    case ZSEQ_OP_READ:
        return s_take_bytes (self, 1, ZSEQ_NAME_MAX, &msg->name);
    case ZSEQ_OP_CLAIM:
        return s_take_bytes (self, 1, ZSEQ_NAME_MAX, &msg->name) &&
               s_take_uint (self, 1, ZSEQ_ID_MAX, &msg->first) &&
               s_take_uint (self, 1, ZSEQ_COUNT_MAX, &msg->count);
    case ZSEQ_OP_RAISE:
        return s_take_bytes (self, 1, ZSEQ_NAME_MAX, &msg->name) &&
               s_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->next);
    case ZSEQ_OP_NEXT:
        return s_take_bytes (self, 1, ZSEQ_NAME_MAX, &msg->name) &&
               s_take_uint (self, 1, ZSEQ_COUNT_MAX, &msg->count) &&
               s_take_uint (self, 1, msg->count, &msg->count_min) &&
               s_take_uint (self, 1, UINT64_MAX, &msg->patience_us);
    case ZSEQ_OP_LIST:
        return s_take_bytes (self, 0, ZSEQ_NAME_MAX, &msg->name) &&
               s_take_bytes (self, 0, ZSEQ_NAME_MAX, &msg->after) &&
               s_take_uint (self, 1, UINT64_MAX, &msg->count);
    case ZSEQ_OP_INTRODUCE:
        return s_take_node (self, &msg->node) &&
               s_take_label (self, &msg->cluster_name) &&
               s_take_members (self, msg) && s_take_state (self, &msg->state) &&
               s_take_vector (self, &msg->vector) &&
               s_take_uint (self, 0, UINT64_MAX, &msg->process) &&
               msg->node < msg->member_count &&
               msg->vector.n == msg->member_count;
    case ZSEQ_OP_FENCE:
        return s_take_life (self, msg) &&
               (msg->version != 2 || s_take_bool (self, &msg->forced));
    case ZSEQ_OP_COPY:
        return s_take_life (self, msg) &&
               s_take_bytes (self, 0, ZSEQ_NAME_MAX, &msg->after) &&
               (msg->version != 2 || s_take_bool (self, &msg->forced));
    }
    return false;
}

static bool
s_take_extension (s_cursor_t *self, zseq_msg_t *msg)
{
    if (msg->op == ZSEQ_OP_HELLO)
        return s_take_uint (self, 2, UINT64_MAX, &msg->speaks) &&
               s_take_bool (self, &msg->holds_vote);
    msg->extended = true;
    if (!s_take_starts (self, &msg->vector))
        return false;
    return msg->op == ZSEQ_OP_FENCE ||
           (s_take_uint (self, 0, UINT64_MAX, &msg->met) &&
            s_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->floor) &&
            s_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->floor_reserved));
}

static bool
s_take_reply_body (s_cursor_t *self, zseq_codec_t *codec, zseq_msg_t *msg)
{
    switch (msg->op) {
    case ZSEQ_OP_HELLO:
        return s_take_label (self, &msg->cluster_name) &&
               s_take_members (self, msg) && s_take_state (self, &msg->state) &&
               msg->member_count == msg->vector.n;
    case ZSEQ_OP_READ:
    case ZSEQ_OP_RAISE:
        return s_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->next);
    case ZSEQ_OP_CLAIM:
        return s_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->next) &&
               s_take_uint (self, 1, ZSEQ_ID_MAX, &msg->first) &&
               s_take_uint (self, 1, ZSEQ_COUNT_MAX, &msg->count) &&
               s_take_bool (self, &msg->crowded);
    case ZSEQ_OP_NEXT:
        return s_take_uint (self, 1, ZSEQ_ID_MAX, &msg->first) &&
               s_take_uint (self, 1, ZSEQ_COUNT_MAX, &msg->count) &&
               s_take_uint (self, 1, UINT64_MAX, &msg->served) &&
               s_take_bool (self, &msg->crowded);
    case ZSEQ_OP_LIST:
    case ZSEQ_OP_COPY:
        msg->items = codec->items;
        return s_take_items (self, codec->items, &msg->item_count) &&
               s_take_bool (self, &msg->more) &&
               (msg->item_count > 0 || !msg->more);
    case ZSEQ_OP_STATUS:
        return s_take_state (self, &msg->state) &&
               s_take_bytes (self, 0, ZSEQ_REASON_MAX, &msg->reason) &&
               s_take_uint (self, 0, UINT64_MAX, &msg->sequences) &&
               s_take_uint (self, 0, UINT64_MAX, &msg->claims) &&
               s_take_uint (self, 0, UINT64_MAX, &msg->conflicts) &&
               s_take_uint (self, 0, UINT64_MAX, &msg->burnt);
    case ZSEQ_OP_INTRODUCE:
        return s_take_state (self, &msg->state) &&
               s_take_uint (self, 0, UINT64_MAX, &msg->process);
    case ZSEQ_OP_FENCE:
        return s_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->floor) &&
               s_take_uint (self, 1, ZSEQ_NEXT_MAX, &msg->floor_reserved) &&
               s_take_uint (self, 0, UINT64_MAX, &msg->sequences);
    }
    return false;
}

static bool
s_take_verdict (s_cursor_t *self, zseq_msg_t *msg)
{
    uint64_t status;
    if (!s_take_uint (self, 0, STATUS_MAX, &status) ||
        !s_take_node (self, &msg->node) ||
        !s_take_vector (self, &msg->vector) || msg->node >= msg->vector.n)
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
    s_cursor_t cursor = {bytes, size};
    size_t elements;
    if (!s_take_head (&cursor, msg, &elements))
        return ZSEQ_EPROTOCOL;

    int body_size = s_request_size (msg);
    if (body_size < 0 || elements != (size_t) (REQUEST_HEAD + body_size) ||
        !s_take_request_body (&cursor, msg) || cursor.left > 0)
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
    s_cursor_t cursor = {bytes, size};
    size_t elements;
    if (!s_take_head (&cursor, msg, &elements) || elements < REPLY_HEAD ||
        !s_take_verdict (&cursor, msg))
        return ZSEQ_EPROTOCOL;

    size_t taken = REPLY_HEAD;
    if (zseq_msg_has_body (msg->op, msg->status)) {
        int body_size = s_body_size (msg->op, true);
        if (body_size < 0 || elements < (size_t) (REPLY_HEAD + body_size) ||
            !s_take_reply_body (&cursor, self, msg))
            return ZSEQ_EPROTOCOL;
        taken += (size_t) body_size;
        size_t extension = (size_t) s_extension_size (msg->op);
        if (extension > 0 && elements - taken >= extension) {
            if (!s_take_extension (&cursor, msg))
                return ZSEQ_EPROTOCOL;
            taken += extension;
        }
    }
    //  A later version of the document may add elements at the end.
    if (!s_skip (&cursor, elements - taken) || cursor.left > 0)
        return ZSEQ_EPROTOCOL;
    return ZSEQ_OK;
}
