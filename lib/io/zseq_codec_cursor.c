#include "zseq_codec_private.h"

//  The formats 0xc0 to 0xdf: the token, the size of the number that follows in
//  bytes, and the bytes to skip after that.
static const struct {
    zseq_codec_token_type_t type;
    uint8_t width;
    uint8_t skip;
} s_formats[32] = {
  {ZSEQ_TOKEN_OTHER, 0, 0},   //  nil
  {ZSEQ_TOKEN_NEVER, 0, 0},   //  unused
  {ZSEQ_TOKEN_BOOL, 0, 0},    //  false
  {ZSEQ_TOKEN_BOOL, 0, 0},    //  true
  {ZSEQ_TOKEN_BYTES, 1, 0},   //  bin 8
  {ZSEQ_TOKEN_BYTES, 2, 0},   //  bin 16
  {ZSEQ_TOKEN_BYTES, 4, 0},   //  bin 32
  {ZSEQ_TOKEN_EXT, 1, 1},     //  ext 8, with its type
  {ZSEQ_TOKEN_EXT, 2, 1},     //  ext 16
  {ZSEQ_TOKEN_EXT, 4, 1},     //  ext 32
  {ZSEQ_TOKEN_OTHER, 0, 4},   //  float 32
  {ZSEQ_TOKEN_OTHER, 0, 8},   //  float 64
  {ZSEQ_TOKEN_UINT, 1, 0},    //  uint 8
  {ZSEQ_TOKEN_UINT, 2, 0},    //  uint 16
  {ZSEQ_TOKEN_UINT, 4, 0},    //  uint 32
  {ZSEQ_TOKEN_UINT, 8, 0},    //  uint 64
  {ZSEQ_TOKEN_INT, 1, 0},     //  int 8
  {ZSEQ_TOKEN_INT, 2, 0},     //  int 16
  {ZSEQ_TOKEN_INT, 4, 0},     //  int 32
  {ZSEQ_TOKEN_INT, 8, 0},     //  int 64
  {ZSEQ_TOKEN_OTHER, 0, 2},   //  fixext 1, with its type
  {ZSEQ_TOKEN_OTHER, 0, 3},   //  fixext 2
  {ZSEQ_TOKEN_OTHER, 0, 5},   //  fixext 4
  {ZSEQ_TOKEN_OTHER, 0, 9},   //  fixext 8
  {ZSEQ_TOKEN_OTHER, 0, 17},  //  fixext 16
  {ZSEQ_TOKEN_BYTES, 1, 0},   //  str 8
  {ZSEQ_TOKEN_BYTES, 2, 0},   //  str 16
  {ZSEQ_TOKEN_BYTES, 4, 0},   //  str 32
  {ZSEQ_TOKEN_ARRAY, 2, 0},   //  array 16
  {ZSEQ_TOKEN_ARRAY, 4, 0},   //  array 32
  {ZSEQ_TOKEN_MAP, 2, 0},     //  map 16
  {ZSEQ_TOKEN_MAP, 4, 0},     //  map 32
};

//  Skips size bytes. False: fewer are left.
static bool
s_jump (zseq_codec_cursor_t *self, uint64_t size)
{
    if (size > self->left)
        return false;
    self->at += size;
    self->left -= (size_t) size;
    return true;
}

//  Reads a big-endian number of width bytes.
static bool
s_number (zseq_codec_cursor_t *self, uint8_t width, uint64_t *value_p)
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

//  Reads a format from 0xc0 to 0xdf, by the table.
static bool
s_take_format (zseq_codec_cursor_t *self, uint8_t tag,
               zseq_codec_token_t *token)
{
    uint8_t width = s_formats[tag - 0xc0].width;
    token->type = s_formats[tag - 0xc0].type;
    if (token->type == ZSEQ_TOKEN_NEVER)
        return false;
    if (token->type == ZSEQ_TOKEN_BOOL)
        token->value = tag & 1;
    else if (!s_number (self, width, &token->value))
        return false;

    if (token->type == ZSEQ_TOKEN_INT)
        token->type =
          token->value >> (8 * width - 1) ? ZSEQ_TOKEN_OTHER : ZSEQ_TOKEN_UINT;
    return s_jump (self, s_formats[tag - 0xc0].skip);
}

bool
zseq_codec_cursor_take (zseq_codec_cursor_t *self, zseq_codec_token_t *token)
{
    if (self->left == 0)
        return false;
    uint8_t tag = *self->at++;
    self->left--;
    token->type = ZSEQ_TOKEN_OTHER;
    token->value = 0;
    if (tag <= 0x7f) {
        token->type = ZSEQ_TOKEN_UINT;
        token->value = tag;
    }
    else if (tag <= 0x8f) {
        token->type = ZSEQ_TOKEN_MAP;
        token->value = tag & 0x0f;
    }
    else if (tag <= 0x9f) {
        token->type = ZSEQ_TOKEN_ARRAY;
        token->value = tag & 0x0f;
    }
    else if (tag <= 0xbf) {
        token->type = ZSEQ_TOKEN_BYTES;
        token->value = tag & 0x1f;
    }
    else if (tag <= 0xdf && !s_take_format (self, tag, token))
        return false;

    token->data = self->at;
    if (token->type == ZSEQ_TOKEN_BYTES || token->type == ZSEQ_TOKEN_EXT)
        return s_jump (self, token->value);
    return true;
}

//  Each value takes at least a byte, so the bytes bound the loop, whatever the
//  headers declare.
bool
zseq_codec_cursor_skip (zseq_codec_cursor_t *self, uint64_t count)
{
    uint64_t pending = count;
    while (pending > 0) {
        zseq_codec_token_t token;
        if (!zseq_codec_cursor_take (self, &token))
            return false;
        pending--;
        if (token.type == ZSEQ_TOKEN_ARRAY)
            pending += token.value;
        else if (token.type == ZSEQ_TOKEN_MAP)
            pending += 2 * token.value;
    }
    return true;
}
