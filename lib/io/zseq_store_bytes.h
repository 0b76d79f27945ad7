//  Puts and gets what lies on the disk: little-endian numbers, texts and
//  checksums. A reading never runs past its bytes: what does not fit sets bad
//  and reads as 0, and the caller checks bad once, at the end. Private to the
//  store.

#ifndef ZSEQ_STORE_BYTES_H_INCLUDED
#define ZSEQ_STORE_BYTES_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZSEQ_STORE_CHECKSUM_SIZE 8

typedef struct {
    uint8_t *bytes;
    size_t size;  //  Bytes that were put
} zseq_store_writing_t;

void zseq_store_put (zseq_store_writing_t *self, const void *bytes,
                     size_t size);
void zseq_store_put_number (zseq_store_writing_t *self, uint64_t number,
                            size_t size);
void zseq_store_put_text (zseq_store_writing_t *self, const char *text,
                          size_t size);

//  Puts the checksum of all bytes that were put before.
void zseq_store_put_checksum (zseq_store_writing_t *self);

typedef struct {
    const uint8_t *bytes;
    size_t left;
    bool bad;  //  Something did not fit; later reads give 0
} zseq_store_reading_t;

//  Takes size bytes; NULL if fewer are left.
const uint8_t *zseq_store_get (zseq_store_reading_t *self, size_t size);
uint64_t zseq_store_get_number (zseq_store_reading_t *self, size_t size);

//  Reads a text of at most size_max bytes without NUL, and terminates it.
void zseq_store_get_text (zseq_store_reading_t *self, char *text,
                          size_t size_max);

//  Whether the last bytes are the checksum of the bytes before them.
bool zseq_store_checksum_ok (const uint8_t *bytes, size_t size);

#endif
