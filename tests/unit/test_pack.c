//  Tests several messages in one frame: zseq_pack and its unpacker.

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_pack.h"

//  A READ of the name "a", whose request is one byte.
static size_t
s_message (uint8_t request, uint8_t *bytes)
{
    const uint8_t message[] = {0x95, 1, 2, request, 0, 0xc4, 1, 'a'};
    memcpy (bytes, message, sizeof message);
    return sizeof message;
}

//  Packs count messages. Returns a copy of the frame, which the caller frees.
static uint8_t *
s_pack (size_t count, size_t *size_p)
{
    zseq_pack_t *pack = calloc (1, sizeof *pack);
    uint8_t message[16];
    for (size_t index = 0; index < count; index++) {
        size_t size = s_message ((uint8_t) (1 + index % 100), message);
        cr_assert (zseq_pack_add (pack, message, size));
    }
    const uint8_t *frame;
    *size_p = zseq_pack_take (pack, &frame);
    cr_assert_eq (pack->count, 0);
    //  Of exactly that size, so that a sanitizer sees who reads beyond it.
    uint8_t *copy = malloc (*size_p);
    memcpy (copy, frame, *size_p);
    free (pack);
    return copy;
}

//  Unpacks a frame of messages that s_pack has packed. Returns how many.
static size_t
s_unpack (const uint8_t *frame, size_t size)
{
    zseq_unpacker_t unpacker;
    zseq_unpacker_init (&unpacker, frame, size);
    size_t count = 0;
    const uint8_t *message;
    size_t message_size;
    while (zseq_unpacker_next (&unpacker, &message, &message_size)) {
        uint8_t expected[16];
        cr_assert_eq (message_size,
                      s_message ((uint8_t) (1 + count % 100), expected));
        cr_assert_eq (memcmp (message, expected, message_size), 0);
        count++;
    }
    return count;
}

Test (pack, sends_one_message_as_it_is)
{
    size_t size;
    uint8_t *frame = s_pack (1, &size);
    uint8_t message[16];
    cr_assert_eq (size, s_message (1, message));
    cr_assert_eq (memcmp (frame, message, size), 0);
    zseq_unpacker_t unpacker;
    zseq_unpacker_init (&unpacker, frame, size);
    cr_assert_not (unpacker.packed);
    cr_assert_eq (s_unpack (frame, size), 1);
    free (frame);
}

Test (pack, sends_several_messages_as_the_shortest_array)
{
    static const struct {
        size_t count;
        uint8_t header[3];
        size_t header_size;
    } cases[] = {{2, {0x92}, 1},
                 {15, {0x9f}, 1},
                 {16, {0xdc, 0, 16}, 3},
                 {ZSEQ_PACK_COUNT_MAX, {0xdc, 1, 0}, 3}};
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        size_t size;
        uint8_t *frame = s_pack (cases[at].count, &size);
        uint8_t message[16];
        cr_assert_eq (size, cases[at].header_size +
                              cases[at].count * s_message (1, message));
        cr_assert_eq (memcmp (frame, cases[at].header, cases[at].header_size),
                      0);
        zseq_unpacker_t unpacker;
        zseq_unpacker_init (&unpacker, frame, size);
        cr_assert (unpacker.packed);
        cr_assert_eq (s_unpack (frame, size), cases[at].count);
        free (frame);
    }
}

Test (pack, takes_no_more_than_fits)
{
    zseq_pack_t *pack = calloc (1, sizeof *pack);
    uint8_t message[16];
    size_t size = s_message (1, message);
    for (size_t count = 0; count < ZSEQ_PACK_COUNT_MAX; count++)
        cr_assert (zseq_pack_add (pack, message, size));
    cr_assert_not (zseq_pack_add (pack, message, size));
    cr_assert_eq (pack->count, ZSEQ_PACK_COUNT_MAX);

    *pack = (zseq_pack_t){.count = 0};
    static uint8_t large[ZSEQ_PACK_SIZE_MAX + 1];
    cr_assert_not (zseq_pack_add (pack, large, sizeof large));
    cr_assert (zseq_pack_add (pack, large, ZSEQ_PACK_SIZE_MAX));
    cr_assert_not (zseq_pack_add (pack, large, 1));
    const uint8_t *frame;
    cr_assert_eq (zseq_pack_take (pack, &frame), ZSEQ_PACK_SIZE_MAX);
    free (pack);
}

//  Whatever a frame holds, the unpacker ends, stays within it, and gives at
//  most as many messages as the array says.
Test (pack, ends_where_a_frame_is_cut)
{
    size_t size;
    uint8_t *frame = s_pack (3, &size);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc (cut ? cut : 1);
        memcpy (part, frame, cut);
        zseq_unpacker_t unpacker;
        zseq_unpacker_init (&unpacker, part, cut);
        const uint8_t *message;
        size_t message_size;
        size_t count = 0;
        while (zseq_unpacker_next (&unpacker, &message, &message_size))
            count++;
        //  The header alone cannot be told from a message. The last message
        //  is what is left, cut or whole.
        size_t whole = cut ? (cut - 1) / 8 : 0;
        size_t expected = cut <= 1 ? 1 : whole < 2 ? whole : 3;
        cr_assert_eq (count, expected, "cut at %zu", cut);
        free (part);
    }
    free (frame);
}

Test (pack, gives_the_values_of_a_frame_of_one_array_of_arrays)
{
    //  A pack in a pack is a value like any other: no message, but no more than
    //  one either.
    const uint8_t nested[] = {0x92, 0x91, 0x91, 1, 0x91, 2};
    zseq_unpacker_t unpacker;
    zseq_unpacker_init (&unpacker, nested, sizeof nested);
    const uint8_t *message;
    size_t size;
    cr_assert (zseq_unpacker_next (&unpacker, &message, &size));
    cr_assert (message == nested + 1 && size == 3);
    cr_assert (zseq_unpacker_next (&unpacker, &message, &size));
    cr_assert (message == nested + 4 && size == 2);
    cr_assert_not (zseq_unpacker_next (&unpacker, &message, &size));

    //  Bytes behind the array belong to the last message, which the codec then
    //  refuses.
    const uint8_t longer[] = {0x92, 0x91, 1, 0x91, 2, 7};
    zseq_unpacker_init (&unpacker, longer, sizeof longer);
    cr_assert (zseq_unpacker_next (&unpacker, &message, &size));
    cr_assert (zseq_unpacker_next (&unpacker, &message, &size));
    cr_assert (message == longer + 3 && size == 3);

    //  More than a pack may hold: the frame counts as one message, which no
    //  codec accepts.
    const uint8_t many[] = {0xdc, 1, 1, 0x91, 1};
    zseq_unpacker_init (&unpacker, many, sizeof many);
    cr_assert_not (unpacker.packed);
}
