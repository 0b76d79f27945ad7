//  Fuzzes the codec: any bytes as a request and as a reply. The decoder reads
//  nothing outside the bytes, and a message that it accepts encodes to the same
//  meaning.
//
//  An input is the bytes of the message.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_codec.h"
#include "zseq_fuzz.h"

typedef int (s_decode_fn) (zseq_codec_t *, const uint8_t *, size_t,
                           zseq_msg_t *);

static void
s_check (const uint8_t *bytes, size_t size, s_decode_fn *decode)
{
    zseq_codec_t codec;
    zseq_msg_t msg;
    if (decode (&codec, bytes, size, &msg) != ZSEQ_OK)
        return;

    //  The encoder's own bytes stay the same when they are read and encoded.
    static uint8_t once[ZSEQ_MESSAGE_MAX];
    static uint8_t twice[ZSEQ_MESSAGE_MAX];
    size_t once_size = zseq_codec_encode (&msg, once, sizeof once);
    assert (once_size);
    int rc = decode (&codec, once, once_size, &msg);
    assert (rc == ZSEQ_OK);
    size_t twice_size = zseq_codec_encode (&msg, twice, sizeof twice);
    assert (twice_size == once_size);
    assert (!memcmp (once, twice, once_size));
}

//  Mostly mutates in ways that keep the input valid MessagePack.
size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t size_max,
                         unsigned int seed)
{
    size_t mutated = 0;
    if (seed % 4)
        mutated = zseq_fuzz_mutate_message (data, size, size_max,
                                            seed * 0x9e3779b97f4a7c15u);
    return mutated ? mutated : LLVMFuzzerMutate (data, size, size_max);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    //  An allocation of exactly this size lets the sanitizer see a read past
    //  it.
    uint8_t *bytes = malloc (size ? size : 1);
    assert (bytes);
    if (size)
        memcpy (bytes, data, size);
    s_check (bytes, size, zseq_codec_decode_request);
    s_check (bytes, size, zseq_codec_decode_reply);
    free (bytes);
    return 0;
}
