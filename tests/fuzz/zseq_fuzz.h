//  What the fuzz targets share. A target is fuzz_NAME.c and is built twice:
//  with libFuzzer, and with zseq_replay.c, which any compiler builds.

#ifndef ZSEQ_FUZZ_H_INCLUDED
#define ZSEQ_FUZZ_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  libFuzzer's interface: takes one input. A violation ends the process.
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

//  libFuzzer's interface: mutates data in place, whose room is size_max.
//  Returns the new size. A target may have one of its own, which may call the
//  default one.
size_t LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t size_max,
                                unsigned int seed);
size_t LLVMFuzzerMutate (uint8_t *data, size_t size, size_t size_max);

//  Input that is taken bit by bit. At its end everything is 0.
typedef struct {
    const uint8_t *bytes;
    size_t left;
} zseq_fuzz_t;

uint8_t zseq_fuzz_byte (zseq_fuzz_t *self);

//  A number below bound (1..256).
uint8_t zseq_fuzz_below (zseq_fuzz_t *self, unsigned int bound);

//  A number of any size, where the limits of all fields are likely.
uint64_t zseq_fuzz_number (zseq_fuzz_t *self);

//  The same from value_min to value_max.
uint64_t zseq_fuzz_within (zseq_fuzz_t *self, uint64_t value_min,
                           uint64_t value_max);

//  Up to size_max bytes in memory of their own, so that a byte read too far is
//  noticed. The caller frees them.
uint8_t *zseq_fuzz_bytes (zseq_fuzz_t *self, size_t size_max, size_t *size_p);

//  The same as a text without NUL inside.
char *zseq_fuzz_text (zseq_fuzz_t *self);

//  Mutates one value of the MessagePack in data, so that it stays MessagePack:
//  a number becomes another one, an array has an element more or less, a text
//  is longer. Returns the new size; 0 if that is no MessagePack.
size_t zseq_fuzz_mutate_message (uint8_t *data, size_t size, size_t size_max,
                                 uint64_t seed);

#endif
