//  Messages as text, in the notation of the wire document (section 1.5), and as
//  bytes. msgpack-c packs and reads the bytes, so that the codec is compared
//  with an independent implementation.

#ifndef TEST_CODEC_NOTATION_H_INCLUDED
#define TEST_CODEC_NOTATION_H_INCLUDED

#include "zseq_codec.h"

//  All ops.
extern const zseq_op_t test_ops[];
extern const size_t test_op_count;

//  A buffer that grows, for text or bytes.
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

//  Returns whether msgpack-c reads these bytes as exactly one value, and
//  appends the value to text.
bool test_msgpack_reads (const uint8_t *bytes, size_t size, test_bytes_t *text);

//  Packs a message given in the notation, which has two additions:
//    n12, s12  a bin of 12 bytes, a str of 12 letters
//    x0a0b     the bytes 0a 0b as they are, counted as one element
void test_pack (test_bytes_t *bytes, const char *notation);

//  A decoded message with its bytes. They are allocated to size, so that the
//  sanitizer detects a read past their end.
typedef struct {
    uint8_t *bytes;
    zseq_codec_t codec;
    zseq_msg_t msg;
    int rc;
} test_decoded_t;

void test_decode (test_decoded_t *self, bool reply, const uint8_t *bytes,
                  size_t size);
void test_decoded_term (test_decoded_t *self);

//  Decodes a message given in the notation. Returns the codec's result.
//  request_p is the request ID of the message, or 0.
int test_decode_notation (bool reply, const char *notation,
                          uint64_t *request_p);

//  Whether a reply to op with that status has the op's body.
bool test_has_body (zseq_op_t op, int status);

//  Prints a message in the notation, field by field as the document orders
//  them.
void test_print_msg (test_bytes_t *text, const zseq_msg_t *msg);

#endif
