//  Messages as text, in the notation of the wire document, section 1.5, and as
//  bytes: packed and read by msgpack-c, which the codec is compared with.

#ifndef TEST_CODEC_NOTATION_H_INCLUDED
#define TEST_CODEC_NOTATION_H_INCLUDED

#include "zseq_codec.h"

//  All ops.
extern const zseq_op_t test_ops[];
extern const size_t test_op_count;

//  Text and bytes that grow.
typedef struct {
    uint8_t *data;
    size_t size;
    size_t room;
} test_bytes_t;

void test_append (test_bytes_t *self, const void *data, size_t size);
__attribute__ ((format (printf, 2, 3))) void
test_print (test_bytes_t *self, const char *format, ...);
const char *test_text (test_bytes_t *self);
void test_free (test_bytes_t *self);

//  Whether msgpack-c reads these bytes as one value; text is that value.
bool test_msgpack_reads (const uint8_t *bytes, size_t size, test_bytes_t *text);

//  Writes a message that is given in that notation, where moreover
//    n12    is a bin of 12 bytes, s12 a str of 12 letters
//    x0a0b  is the bytes 0a 0b as they are, counted as one element
void test_pack (test_bytes_t *bytes, const char *notation);

//  A decoded message with the bytes that it points at: exactly its bytes, so
//  that the sanitizer sees a read past their end.
typedef struct {
    uint8_t *bytes;
    zseq_codec_t codec;
    zseq_msg_t msg;
    int rc;
} test_decoded_t;

void test_decode (test_decoded_t *self, bool reply, const uint8_t *bytes,
                  size_t size);
void test_decoded_term (test_decoded_t *self);

//  Decodes a message in that notation. Returns what the codec says; request_p
//  is the request that it read, or 0.
int test_decode_notation (bool reply, const char *notation,
                          uint64_t *request_p);

//  The same notation from a message, by what the document says of each op.
void test_print_msg (test_bytes_t *text, const zseq_msg_t *msg);

#endif
