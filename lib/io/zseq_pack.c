#include "zseq_pack.h"

#include <assert.h>
#include <string.h>

#include "zseq_codec_private.h"

//  Formats of MessagePack.
#define FIXARRAY 0x90
#define FIXARRAY_COUNT_MAX 15
#define ARRAY_16 0xdc

bool
zseq_pack_add (zseq_pack_t *self, const uint8_t *message, size_t size)
{
    assert (self);
    assert (message);
    assert (size);

    if (self->count == ZSEQ_PACK_COUNT_MAX ||
        size > ZSEQ_PACK_SIZE_MAX - self->size)
        return false;
    memcpy (self->bytes + ZSEQ_PACK_HEADER_MAX + self->size, message, size);
    self->size += size;
    self->count++;
    return true;
}

size_t
zseq_pack_take (zseq_pack_t *self, const uint8_t **frame_p)
{
    assert (self);
    assert (self->count);
    assert (frame_p);

    uint8_t *frame = self->bytes + ZSEQ_PACK_HEADER_MAX;
    size_t size = self->size;
    if (self->count > FIXARRAY_COUNT_MAX) {
        *--frame = (uint8_t) self->count;
        *--frame = (uint8_t) (self->count >> 8);
        *--frame = ARRAY_16;
        size += 3;
    }
    else if (self->count > 1) {
        *--frame = (uint8_t) (FIXARRAY | self->count);
        size++;
    }
    *frame_p = frame;
    self->count = 0;
    self->size = 0;
    return size;
}

//  Whether the next value is an array.
static bool
s_at_array (const zseq_codec_cursor_t *cursor)
{
    zseq_codec_cursor_t ahead = *cursor;
    zseq_codec_token_t token;
    return zseq_codec_cursor_take (&ahead, &token) &&
           token.type == ZSEQ_TOKEN_ARRAY;
}

void
zseq_unpacker_init (zseq_unpacker_t *self, const uint8_t *frame, size_t size)
{
    assert (self);
    assert (frame || size == 0);

    *self = (zseq_unpacker_t){.at = frame, .size = size, .left = 1};
    zseq_codec_cursor_t cursor = {.at = frame, .left = size};
    size_t count;
    if (!zseq_codec_take_array (&cursor, 1, ZSEQ_PACK_COUNT_MAX, &count) ||
        !s_at_array (&cursor))
        return;
    *self = (zseq_unpacker_t){
      .at = cursor.at, .size = cursor.left, .left = count, .packed = true};
}

bool
zseq_unpacker_next (zseq_unpacker_t *self, const uint8_t **message_p,
                    size_t *size_p)
{
    assert (self);
    assert (message_p);
    assert (size_p);

    if (!self->left)
        return false;
    *message_p = self->at;
    *size_p = self->size;
    //  The last one has all that is left: the codec refuses bytes behind it.
    if (self->left > 1) {
        zseq_codec_cursor_t cursor = {.at = self->at, .left = self->size};
        if (!zseq_codec_cursor_skip (&cursor, 1)) {
            self->left = 0;
            return false;
        }
        *size_p = self->size - cursor.left;
        self->at = cursor.at;
        self->size = cursor.left;
    }
    self->left--;
    return true;
}
