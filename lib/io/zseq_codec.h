//  Messages to bytes and back: only the files of the codec know MessagePack.
//  The bytes are specified in lib/doc/wire.md.

#ifndef ZSEQ_CODEC_H_INCLUDED
#define ZSEQ_CODEC_H_INCLUDED

#include "zseq_msg.h"

//  Room for what a decoded message points at beside its frame.
typedef struct {
    zseq_item_t items[ZSEQ_PAGE_MAX];
} zseq_codec_t;

//  Writes msg into bytes[0..size), allocating nothing. Returns how many bytes
//  were written, or 0 when they do not fit (ours never exceed
//  ZSEQ_MESSAGE_MAX, as the node cuts its pages). The message must be valid:
//  what the other side would refuse is our mistake and asserted.
size_t zseq_codec_encode (const zseq_msg_t *msg, uint8_t *bytes, size_t size);

//  Reads a request or a reply from bytes, allocating nothing and believing no
//  declared size. On ZSEQ_OK msg points into bytes and self, and fields that
//  its op does not have are 0 or empty. Errors: ZSEQ_EPROTOCOL: msg holds op,
//  request and cluster if they could be read, and nothing else of it may be
//  used; else its request is 0, and the frame gets no answer at all. For a
//  request whose version or op is unknown, op is set to what it said (1..255),
//  so that the refusal can echo it. Source: wire.md, section 5.
int zseq_codec_decode_request (zseq_codec_t *self, const uint8_t *bytes,
                               size_t size, zseq_msg_t *msg);
int zseq_codec_decode_reply (zseq_codec_t *self, const uint8_t *bytes,
                             size_t size, zseq_msg_t *msg);

#endif
