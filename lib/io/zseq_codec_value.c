#include "zseq_codec_private.h"

#include <assert.h>
#include <string.h>

#include "zseq_seq.h"

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
    return zseq_slice_compare (a, b) < 0;
}

void
zseq_codec_put_uint (msgpack_packer *packer, uint64_t value, uint64_t value_min,
                     uint64_t value_max)
{
    assert (value >= value_min);
    assert (value <= value_max);
    msgpack_pack_uint64 (packer, value);
}

bool
zseq_codec_take_uint (zseq_codec_cursor_t *self, uint64_t value_min,
                      uint64_t value_max, uint64_t *value_p)
{
    zseq_codec_token_t token;
    if (!zseq_codec_cursor_take (self, &token) ||
        token.type != ZSEQ_TOKEN_UINT || token.value < value_min ||
        token.value > value_max)
        return false;
    *value_p = token.value;
    return true;
}

void
zseq_codec_put_bool (msgpack_packer *packer, bool value)
{
    if (value)
        msgpack_pack_true (packer);
    else
        msgpack_pack_false (packer);
}

bool
zseq_codec_take_bool (zseq_codec_cursor_t *self, bool *value_p)
{
    zseq_codec_token_t token;
    if (!zseq_codec_cursor_take (self, &token) || token.type != ZSEQ_TOKEN_BOOL)
        return false;
    *value_p = token.value;
    return true;
}

bool
zseq_codec_take_array (zseq_codec_cursor_t *self, size_t size_min,
                       size_t size_max, size_t *size_p)
{
    zseq_codec_token_t token;
    if (!zseq_codec_cursor_take (self, &token) ||
        token.type != ZSEQ_TOKEN_ARRAY || token.value < size_min ||
        token.value > size_max)
        return false;
    *size_p = (size_t) token.value;
    return true;
}

bool
zseq_codec_take_bytes (zseq_codec_cursor_t *self, size_t size_min,
                       size_t size_max, zseq_slice_t *slice_p)
{
    zseq_codec_token_t token;
    if (!zseq_codec_cursor_take (self, &token) ||
        token.type != ZSEQ_TOKEN_BYTES)
        return false;
    zseq_slice_t slice = {(const char *) token.data, (size_t) token.value};
    if (!s_bytes_valid (slice, size_min, size_max))
        return false;
    *slice_p = slice;
    return true;
}

void
zseq_codec_put_blob (msgpack_packer *packer, zseq_slice_t blob, size_t size_min,
                     size_t size_max)
{
    assert (blob.size >= size_min);
    assert (blob.size <= size_max);
    msgpack_pack_bin_with_body (packer, blob.data, blob.size);
}

bool
zseq_codec_take_blob (zseq_codec_cursor_t *self, size_t size_min,
                      size_t size_max, zseq_slice_t *slice_p)
{
    zseq_codec_token_t token;
    if (!zseq_codec_cursor_take (self, &token) ||
        token.type != ZSEQ_TOKEN_BYTES || token.value < size_min ||
        token.value > size_max)
        return false;
    *slice_p = (zseq_slice_t){(const char *) token.data, (size_t) token.value};
    return true;
}

void
zseq_codec_put_name (msgpack_packer *packer, zseq_slice_t name, size_t size_min)
{
    assert (s_bytes_valid (name, size_min, ZSEQ_NAME_MAX));
    msgpack_pack_bin_with_body (packer, name.data, name.size);
}

void
zseq_codec_put_text (msgpack_packer *packer, zseq_slice_t text, size_t size_min,
                     size_t size_max)
{
    assert (s_bytes_valid (text, size_min, size_max));
    msgpack_pack_str_with_body (packer, text.data, text.size);
}

//  The name of a cluster or a node.
static void
s_put_label (msgpack_packer *packer, zseq_slice_t label)
{
    assert (s_label_valid (label));
    msgpack_pack_str_with_body (packer, label.data, label.size);
}

static bool
s_take_label (zseq_codec_cursor_t *self, zseq_slice_t *slice_p)
{
    return zseq_codec_take_bytes (self, 1, ZSEQ_LABEL_MAX, slice_p) &&
           s_label_valid (*slice_p);
}

void
zseq_codec_put_state (msgpack_packer *packer, zseq_state_t state)
{
    zseq_codec_put_uint (packer, state, ZSEQ_STATE_FORMING,
                         ZSEQ_STATE_STARTING);
}

bool
zseq_codec_take_state (zseq_codec_cursor_t *self, zseq_state_t *state_p)
{
    uint64_t state;
    if (!zseq_codec_take_uint (self, ZSEQ_STATE_FORMING, ZSEQ_STATE_STARTING,
                               &state))
        return false;
    *state_p = (zseq_state_t) state;
    return true;
}

bool
zseq_codec_take_node (zseq_codec_cursor_t *self, uint8_t *node_p)
{
    uint64_t node;
    if (!zseq_codec_take_uint (self, 0, ZSEQ_NODES_MAX - 1, &node))
        return false;
    *node_p = (uint8_t) node;
    return true;
}

void
zseq_codec_put_vector (msgpack_packer *packer, const zseq_vector_t *vector)
{
    assert (vector->n >= 1);
    assert (vector->n <= ZSEQ_NODES_MAX);

    msgpack_pack_array (packer, 2u * vector->n);
    for (uint8_t node = 0; node < vector->n; node++) {
        msgpack_pack_uint64 (packer, vector->incarnation[node].counter);
        msgpack_pack_uint64 (packer, vector->incarnation[node].random);
    }
}

bool
zseq_codec_take_vector (zseq_codec_cursor_t *self, zseq_vector_t *vector)
{
    size_t size;
    if (!zseq_codec_take_array (self, 2, 2 * ZSEQ_NODES_MAX, &size) || size % 2)
        return false;
    vector->n = (uint8_t) (size / 2);
    for (uint8_t node = 0; node < vector->n; node++) {
        zseq_incarnation_t *incarnation = &vector->incarnation[node];
        if (!zseq_codec_take_uint (self, 0, UINT64_MAX,
                                   &incarnation->counter) ||
            !zseq_codec_take_uint (self, 0, UINT64_MAX, &incarnation->random))
            return false;
        vector->start[node] = (zseq_start_t){0, 0};
    }
    return true;
}

void
zseq_codec_put_cluster (msgpack_packer *packer,
                        const zseq_msg_members_t *members, bool endpoints)
{
    s_put_label (packer, members->cluster_name);
    msgpack_pack_array (packer, members->member_count);
    for (size_t index = 0; index < members->member_count; index++) {
        const zseq_msg_member_t *member = &members->member[index];
        assert (index == 0 || s_ascending (member[-1].name, member->name));
        if (endpoints)
            msgpack_pack_array (packer, 2);
        s_put_label (packer, member->name);
        if (endpoints)
            zseq_codec_put_text (packer, member->endpoint, 1,
                                 ZSEQ_ENDPOINT_MAX);
    }
}

//  Strictly ascending, so no name appears twice.
static bool
s_take_members (zseq_codec_cursor_t *self, size_t *count_p, bool endpoints)
{
    size_t count;
    if (!zseq_codec_take_array (self, 1, ZSEQ_NODES_MAX, &count))
        return false;
    for (size_t index = 0; index < count; index++) {
        zseq_msg_member_t *member = &self->storage->members[index];
        size_t size;
        *member = (zseq_msg_member_t){{"", 0}, {"", 0}};
        if (endpoints && !zseq_codec_take_array (self, 2, 2, &size))
            return false;
        if (!s_take_label (self, &member->name))
            return false;
        if (endpoints && !zseq_codec_take_bytes (self, 1, ZSEQ_ENDPOINT_MAX,
                                                 &member->endpoint))
            return false;
        if (index > 0 && !s_ascending (member[-1].name, member->name))
            return false;
    }
    *count_p = count;
    return true;
}

bool
zseq_codec_take_cluster (zseq_codec_cursor_t *self, zseq_msg_members_t *members,
                         bool endpoints)
{
    members->member = self->storage->members;
    return s_take_label (self, &members->cluster_name) &&
           s_take_members (self, &members->member_count, endpoints);
}

void
zseq_codec_put_endpoints (msgpack_packer *packer,
                          const zseq_msg_members_t *members)
{
    msgpack_pack_array (packer, members->member_count);
    for (size_t index = 0; index < members->member_count; index++)
        zseq_codec_put_text (packer, members->member[index].endpoint, 1,
                             ZSEQ_ENDPOINT_MAX);
}

bool
zseq_codec_take_endpoints (zseq_codec_cursor_t *self,
                           zseq_msg_members_t *members)
{
    size_t count;
    if (!zseq_codec_take_array (self, 1, ZSEQ_NODES_MAX, &count))
        return false;
    for (size_t index = 0; index < count; index++) {
        zseq_msg_member_t *member = &self->storage->members[index];
        *member = (zseq_msg_member_t){{"", 0}, {"", 0}};
        if (!zseq_codec_take_bytes (self, 1, ZSEQ_ENDPOINT_MAX,
                                    &member->endpoint))
            return false;
    }
    members->member = self->storage->members;
    members->member_count = count;
    return true;
}

static void
s_put_items (msgpack_packer *packer, const zseq_msg_page_t *page)
{
    assert (page->item_count <= ZSEQ_PAGE_MAX);
    assert (page->item_count > 0 || !page->more);

    msgpack_pack_array (packer, page->item_count);
    for (size_t index = 0; index < page->item_count; index++) {
        const zseq_item_t *item = &page->items[index];
        assert (index == 0 || s_ascending (item[-1].name, item->name));
        msgpack_pack_array (packer, 2);
        zseq_codec_put_name (packer, item->name, 1);
        zseq_codec_put_uint (packer, item->next, 1, ZSEQ_NEXT_MAX);
    }
}

void
zseq_codec_put_page (msgpack_packer *packer, const zseq_msg_page_t *page)
{
    s_put_items (packer, page);
    zseq_codec_put_bool (packer, page->more);
}

//  Strictly ascending, so a reader of pages makes progress.
static bool
s_take_items (zseq_codec_cursor_t *self, zseq_item_t *items, size_t *count_p)
{
    size_t count;
    if (!zseq_codec_take_array (self, 0, ZSEQ_PAGE_MAX, &count))
        return false;
    for (size_t index = 0; index < count; index++) {
        zseq_item_t *item = &items[index];
        size_t size;
        if (!zseq_codec_take_array (self, 2, 2, &size) ||
            !zseq_codec_take_bytes (self, 1, ZSEQ_NAME_MAX, &item->name) ||
            !zseq_codec_take_uint (self, 1, ZSEQ_NEXT_MAX, &item->next))
            return false;
        if (index > 0 && !s_ascending (item[-1].name, item->name))
            return false;
    }
    *count_p = count;
    return true;
}

bool
zseq_codec_take_page (zseq_codec_cursor_t *self, zseq_msg_page_t *page)
{
    page->items = self->storage->items;
    return s_take_items (self, self->storage->items, &page->item_count) &&
           zseq_codec_take_bool (self, &page->more) &&
           (page->item_count > 0 || !page->more);
}
