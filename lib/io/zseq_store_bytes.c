#include "zseq_store_bytes.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void
zseq_store_put (zseq_store_writing_t *self, const void *bytes, size_t size)
{
    memcpy (self->bytes + self->size, bytes, size);
    self->size += size;
}

void
zseq_store_put_number (zseq_store_writing_t *self, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        self->bytes[self->size++] = (uint8_t) (number >> (8 * i));
}

void
zseq_store_put_text (zseq_store_writing_t *self, const char *text, size_t size)
{
    assert (size <= UINT8_MAX);
    zseq_store_put_number (self, size, 1);
    zseq_store_put (self, text, size);
}

void
zseq_store_put_checksum (zseq_store_writing_t *self)
{
    zseq_store_put_number (self, XXH3_64bits (self->bytes, self->size),
                           ZSEQ_STORE_CHECKSUM_SIZE);
}

const uint8_t *
zseq_store_get (zseq_store_reading_t *self, size_t size)
{
    if (self->bad || size > self->left) {
        self->bad = true;
        return NULL;
    }
    const uint8_t *bytes = self->bytes;
    self->bytes += size;
    self->left -= size;
    return bytes;
}

uint64_t
zseq_store_get_number (zseq_store_reading_t *self, size_t size)
{
    const uint8_t *bytes = zseq_store_get (self, size);
    uint64_t number = 0;
    for (size_t i = 0; bytes && i < size; i++)
        number |= (uint64_t) bytes[i] << (8 * i);
    return number;
}

void
zseq_store_get_text (zseq_store_reading_t *self, char *text, size_t size_max)
{
    size_t size = (size_t) zseq_store_get_number (self, 1);
    const uint8_t *bytes = zseq_store_get (self, size);
    if (!bytes || size > size_max || memchr (bytes, 0, size)) {
        self->bad = true;
        return;
    }
    memcpy (text, bytes, size);
    text[size] = 0;
}

bool
zseq_store_checksum_ok (const uint8_t *bytes, size_t size)
{
    assert (size >= ZSEQ_STORE_CHECKSUM_SIZE);
    size_t covered = size - ZSEQ_STORE_CHECKSUM_SIZE;
    zseq_store_reading_t reading = {bytes + covered, ZSEQ_STORE_CHECKSUM_SIZE,
                                    false};
    return zseq_store_get_number (&reading, ZSEQ_STORE_CHECKSUM_SIZE) ==
           XXH3_64bits (bytes, covered);
}
