//  What the fuzz targets share. A target is a file fuzz_NAME.c, which is built
//  twice: with libFuzzer, and with zseq_replay.c, for which any compiler will
//  do.

#ifndef ZSEQ_FUZZ_H_INCLUDED
#define ZSEQ_FUZZ_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  libFuzzer's interface: takes one input. A violation ends the process.
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

//  libFuzzer's interface: mutates data in place, in a buffer of size_max bytes.
//  Returns the new size. A target may define its own, and call the default one
//  there.
size_t LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t size_max,
                                unsigned int seed);
size_t LLVMFuzzerMutate (uint8_t *data, size_t size, size_t size_max);

//  Input that is consumed step by step. At its end every value is 0.
typedef struct {
    const uint8_t *bytes;
    size_t left;
} zseq_fuzz_t;

uint8_t zseq_fuzz_byte (zseq_fuzz_t *self);

//  Takes a number below bound (1..256).
uint8_t zseq_fuzz_below (zseq_fuzz_t *self, unsigned int bound);

//  Takes a number of any size. The limits of all fields are likely.
uint64_t zseq_fuzz_number (zseq_fuzz_t *self);

//  The same, from value_min to value_max.
uint64_t zseq_fuzz_within (zseq_fuzz_t *self, uint64_t value_min,
                           uint64_t value_max);

//  Takes up to size_max bytes, into an allocation of exactly their size, so
//  that a sanitizer sees a read past them. The caller frees them.
uint8_t *zseq_fuzz_bytes (zseq_fuzz_t *self, size_t size_max, size_t *size_p);

//  The same as a text without NUL inside.
char *zseq_fuzz_text (zseq_fuzz_t *self);

//  Mutates one value of the MessagePack in data, which stays MessagePack:
//  changes a number, adds or removes an element, or lengthens a text. Returns
//  the new size; 0: data is no MessagePack.
size_t zseq_fuzz_mutate_message (uint8_t *data, size_t size, size_t size_max,
                                 uint64_t seed);

#endif
