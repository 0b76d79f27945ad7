#include "zseq_fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_seq.h"

static const uint64_t s_limits[] = {
  0,
  1,
  ZSEQ_NODES_MAX,
  UINT8_MAX,
  UINT8_MAX + 1,
  UINT32_MAX,
  ZSEQ_COUNT_MAX,
  ZSEQ_ID_MAX,
  ZSEQ_NEXT_MAX,
  UINT64_MAX,
};

#define LIMITS (sizeof s_limits / sizeof s_limits[0])

uint8_t
zseq_fuzz_byte (zseq_fuzz_t *self)
{
    if (self->left == 0)
        return 0;
    self->left--;
    return *self->bytes++;
}

uint8_t
zseq_fuzz_below (zseq_fuzz_t *self, unsigned int bound)
{
    assert (bound >= 1);
    assert (bound <= 256);
    return (uint8_t) (zseq_fuzz_byte (self) % bound);
}

uint64_t
zseq_fuzz_number (zseq_fuzz_t *self)
{
    uint8_t kind = zseq_fuzz_byte (self);
    if (kind < 128)
        return kind;
    uint64_t value = 0;
    if (kind < 192)
        for (int byte = 0; byte <= kind % 8; byte++)
            value = value << 8 | zseq_fuzz_byte (self);
    else
        //  A number up to two below or above a limit.
        value = s_limits[kind % LIMITS] + (uint64_t) (kind / LIMITS % 5) - 2;
    return value;
}

uint64_t
zseq_fuzz_within (zseq_fuzz_t *self, uint64_t value_min, uint64_t value_max)
{
    assert (value_min <= value_max);
    uint64_t value = zseq_fuzz_number (self);
    if (value < value_min)
        return value_min;
    return value > value_max ? value_max : value;
}

uint8_t *
zseq_fuzz_bytes (zseq_fuzz_t *self, size_t size_max, size_t *size_p)
{
    size_t size = self->left < size_max ? self->left : size_max;
    uint8_t *bytes = malloc (size ? size : 1);
    assert (bytes);
    if (size)
        memcpy (bytes, self->bytes, size);
    self->bytes += size;
    self->left -= size;
    *size_p = size;
    return bytes;
}

char *
zseq_fuzz_text (zseq_fuzz_t *self)
{
    char *text = malloc (self->left + 1);
    assert (text);
    size_t size = 0;
    while (self->left) {
        uint8_t byte = zseq_fuzz_byte (self);
        if (byte)
            text[size++] = (char) byte;
    }
    text[size] = 0;
    char *exact = realloc (text, size + 1);
    assert (exact);
    return exact;
}

//  MessagePack as a row of tokens. A container is only its header; its elements
//  are the next tokens.

#define TOKENS_MAX 1024

typedef enum { TOKEN_NUMBER, TOKEN_TEXT, TOKEN_ARRAY, TOKEN_PLAIN } s_type_t;

typedef struct {
    s_type_t type;
    size_t at;
    size_t size;     //  Bytes, with the header
    uint64_t value;  //  A number, the size of a text, or an array's length
} s_token_t;

//  Reads the token at self->at. width is the size of the number that follows
//  the tag, and rest the size of what follows the number.
static bool
s_token (s_token_t *self, const uint8_t *data, size_t size)
{
    uint8_t tag = data[self->at];
    size_t width = 0;
    size_t rest = 0;
    self->type = TOKEN_PLAIN;
    if (tag <= 0x7f || tag >= 0xe0) {
        self->type = TOKEN_NUMBER;
        self->value = tag;
    }
    else if (tag >= 0x90 && tag <= 0x9f) {
        self->type = TOKEN_ARRAY;
        self->value = tag & 0x0f;
    }
    else if (tag >= 0xa0 && tag <= 0xbf) {
        self->type = TOKEN_TEXT;
        rest = self->value = tag & 0x1f;
    }
    else if ((tag >= 0xc4 && tag <= 0xc6) || (tag >= 0xd9 && tag <= 0xdb)) {
        self->type = TOKEN_TEXT;
        width = (size_t) 1 << (tag >= 0xd9 ? tag - 0xd9 : tag - 0xc4);
    }
    else if (tag >= 0xcc && tag <= 0xd3) {
        self->type = TOKEN_NUMBER;
        width = (size_t) 1 << (tag & 3);
    }
    else if (tag == 0xdc || tag == 0xdd) {
        self->type = TOKEN_ARRAY;
        width = tag == 0xdc ? 2 : 4;
    }
    else if (tag != 0xc0 && tag != 0xc2 && tag != 0xc3)
        return false;

    if (self->at + 1 + width > size)
        return false;
    if (width) {
        self->value = 0;
        for (size_t index = 1; index <= width; index++)
            self->value = self->value << 8 | data[self->at + index];
        if (self->type == TOKEN_TEXT)
            rest = (size_t) self->value;
    }
    self->size = 1 + width + rest;
    return self->at + self->size <= size;
}

static size_t
s_tokens (s_token_t *tokens, const uint8_t *data, size_t size)
{
    size_t count = 0;
    for (size_t at = 0; at < size; at += tokens[count++].size) {
        if (count == TOKENS_MAX)
            return 0;
        tokens[count].at = at;
        if (!s_token (&tokens[count], data, size))
            return 0;
    }
    return count;
}

//  Writes a number in the shortest format, or in the longest.
static size_t
s_put_number (uint8_t *bytes, uint64_t value, bool shortest)
{
    if (shortest && value < 0x80) {
        bytes[0] = (uint8_t) value;
        return 1;
    }
    bytes[0] = 0xcf;
    for (int index = 0; index < 8; index++)
        bytes[1 + index] = (uint8_t) (value >> (56 - 8 * index));
    return 9;
}

static size_t
s_put_array (uint8_t *bytes, uint64_t elements)
{
    bytes[0] = 0xdc;
    bytes[1] = (uint8_t) (elements >> 8);
    bytes[2] = (uint8_t) elements;
    return 3;
}

static size_t
s_put_text (uint8_t *bytes, const uint8_t *text, size_t size, uint64_t seed)
{
    static const uint16_t sizes[] = {0, 1, 63, 64, 127, 128, 255, 256};
    size_t wanted = seed & 1 ? sizes[seed / 2 % 8] : seed / 2 % (size + 2);
    bytes[0] = seed & 0x100 ? 0xc5 : 0xda;
    bytes[1] = (uint8_t) (wanted >> 8);
    bytes[2] = (uint8_t) wanted;
    memset (bytes + 3, 'x', wanted);
    memcpy (bytes + 3, text, size < wanted ? size : wanted);
    if (wanted && seed & 0x200)
        bytes[3 + seed / 0x400 % wanted] = (uint8_t) (seed >> 32);
    return 3 + wanted;
}

//  Replaces data[at..at + old) by the given bytes.
static size_t
s_replace (uint8_t *data, size_t size, size_t size_max, size_t at, size_t old,
           const uint8_t *bytes, size_t bytes_size)
{
    if (size - old + bytes_size > size_max)
        return 0;
    memmove (data + at + bytes_size, data + at + old, size - at - old);
    memcpy (data + at, bytes, bytes_size);
    return size - old + bytes_size;
}

//  Adds an element to an array, or removes its first one if that is no
//  container.
static size_t
s_mutate_array (uint8_t *data, size_t size, size_t size_max,
                const s_token_t *array, const s_token_t *first, uint64_t seed)
{
    uint8_t bytes[16];
    bool less = seed & 1 && first && first->type != TOKEN_ARRAY && array->value;
    size_t old = array->size + (less ? first->size : 0);
    size_t used =
      s_put_array (bytes, less ? array->value - 1 : array->value + 1);
    if (!less)
        used += s_put_number (bytes + used, seed >> 8 & 0x7f, true);
    return s_replace (data, size, size_max, array->at, old, bytes, used);
}

size_t
zseq_fuzz_mutate_message (uint8_t *data, size_t size, size_t size_max,
                          uint64_t seed)
{
    static s_token_t tokens[TOKENS_MAX];
    size_t count = s_tokens (tokens, data, size);
    if (count == 0)
        return 0;
    size_t chosen = (size_t) (seed % count);
    seed /= count;
    const s_token_t *token = &tokens[chosen];
    uint8_t bytes[3 + 512];
    size_t used = 0;
    switch (token->type) {
    case TOKEN_NUMBER: {
        uint64_t near = token->value + seed / 4 % 5 - 2;
        uint64_t limit = s_limits[seed / 4 % LIMITS] + seed / 64 % 3 - 1;
        used = s_put_number (bytes, seed & 1 ? near : limit, !(seed & 2));
        break;
    }
    case TOKEN_TEXT:
        if (token->value > 256)
            return 0;
        used = s_put_text (bytes, data + token->at + token->size - token->value,
                           (size_t) token->value, seed);
        break;
    case TOKEN_ARRAY:
        return s_mutate_array (data, size, size_max, token,
                               chosen + 1 < count ? token + 1 : NULL, seed);
    case TOKEN_PLAIN:
        bytes[used++] = seed & 1 ? 0xc2 : 0xc3;
        break;
    }
    return s_replace (data, size, size_max, token->at, token->size, bytes,
                      used);
}
