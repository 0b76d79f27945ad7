//  Fuzzes the unpacker: any bytes as a frame. It reads nothing outside the
//  bytes, and the messages that it gives lie in them one behind the other. When
//  they are packed again, their frame holds the same messages.
//
//  An input is the bytes of the frame.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_codec.h"
#include "zseq_fuzz.h"
#include "zseq_pack.h"

//  Walks a frame and checks each message. Packs as many as fit, but no empty
//  one. Returns how many it has packed.
static size_t
s_walk (const uint8_t *frame, size_t size, zseq_pack_t *pack)
{
    zseq_unpacker_t unpacker;
    zseq_unpacker_init (&unpacker, frame, size);
    assert (unpacker.left <= ZSEQ_PACK_COUNT_MAX);
    const uint8_t *end = unpacker.at;
    assert (unpacker.packed || (end == frame && unpacker.left == 1));
    const uint8_t *message;
    size_t message_size;
    size_t count = 0;
    bool fits = true;
    while (zseq_unpacker_next (&unpacker, &message, &message_size)) {
        assert (message == end);
        end = message + message_size;
        assert (end <= frame + size);
        zseq_codec_t codec;
        zseq_msg_t msg;
        (void) zseq_codec_decode_request (&codec, message, message_size, &msg);
        (void) zseq_codec_decode_reply (&codec, message, message_size, &msg);
        fits =
          fits && message_size && zseq_pack_add (pack, message, message_size);
        count += fits;
    }
    return count;
}

//  The frame holds the first count messages of another one.
static void
s_compare (const uint8_t *frame, size_t size, const uint8_t *other,
           size_t other_size, size_t count)
{
    zseq_unpacker_t unpacker[2];
    zseq_unpacker_init (&unpacker[0], frame, size);
    zseq_unpacker_init (&unpacker[1], other, other_size);
    assert (unpacker[0].packed && unpacker[0].left == count);
    for (size_t index = 0; index < count; index++) {
        const uint8_t *message[2];
        size_t message_size[2];
        for (size_t of = 0; of < 2; of++) {
            bool there = zseq_unpacker_next (&unpacker[of], &message[of],
                                             &message_size[of]);
            assert (there);
        }
        assert (message_size[0] == message_size[1]);
        assert (!memcmp (message[0], message[1], message_size[0]));
    }
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
    uint8_t *frame = malloc (size ? size : 1);
    assert (frame);
    if (size)
        memcpy (frame, data, size);
    static zseq_pack_t pack;
    size_t count = s_walk (frame, size, &pack);
    if (count) {
        const uint8_t *again;
        size_t again_size = zseq_pack_take (&pack, &again);
        //  A message alone is sent as it is.
        if (count > 1)
            s_compare (again, again_size, frame, size, count);
    }
    free (frame);
    return 0;
}
