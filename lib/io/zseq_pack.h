//  Several messages in one frame. A frame costs the sender, the receiver and
//  the network more than the messages in it, so what goes to the same place at
//  the same time is packed. Source: lib/doc/wire.md, section 1.7.
//
//  A pack collects encoded messages; _frame then gives the frame: one message
//  as it is, several as an array of them. The unpacker walks a frame of either
//  kind.

#ifndef ZSEQ_PACK_H_INCLUDED
#define ZSEQ_PACK_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZSEQ_PACK_COUNT_MAX 256  //  Messages in a frame
#define ZSEQ_PACK_SIZE_MAX 8192  //  Bytes that a pack collects
#define ZSEQ_PACK_HEADER_MAX 3   //  Bytes of the array's header

typedef struct {
    size_t count;
    size_t size;  //  Of the messages
    uint8_t bytes[ZSEQ_PACK_HEADER_MAX + ZSEQ_PACK_SIZE_MAX];
} zseq_pack_t;

//  Adds a message. False: it does not fit, and nothing was added.
bool zseq_pack_add (zseq_pack_t *self, const uint8_t *message, size_t size);

//  Empties the pack and gives its frame, which is valid until the next _add.
//  The pack must not be empty.
size_t zseq_pack_take (zseq_pack_t *self, const uint8_t **frame_p);

typedef struct {
    const uint8_t *at;
    size_t size;
    size_t left;  //  Messages
    bool packed;  //  The frame is an array of messages
} zseq_unpacker_t;

//  Begins to walk a frame, which must stay.
void zseq_unpacker_init (zseq_unpacker_t *self, const uint8_t *frame,
                         size_t size);

//  Gives the frame's next message, which may be malformed. False: there is
//  none, or the rest is not MessagePack.
bool zseq_unpacker_next (zseq_unpacker_t *self, const uint8_t **message_p,
                         size_t *size_p);

#endif
