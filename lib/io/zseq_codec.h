//  The codec: messages to bytes and back. Only the files zseq_codec* know
//  MessagePack. lib/doc/wire.md specifies the bytes.

#ifndef ZSEQ_CODEC_H_INCLUDED
#define ZSEQ_CODEC_H_INCLUDED

#include "zseq_msg.h"

//  Storage for the lists of a decoded message; the rest lies in its frame.
typedef struct {
    zseq_item_t items[ZSEQ_PAGE_MAX];
    zseq_msg_member_t members[ZSEQ_NODES_MAX];
    zseq_msg_counter_t counters[ZSEQ_COUNTERS_MAX];
    zseq_slice_t keys[ZSEQ_PAGE_MAX];
    zseq_kv_record_t records[ZSEQ_PAGE_MAX];
    zseq_kv_answer_t answers[ZSEQ_PAGE_MAX];
    zseq_kv_chosen_t chosen[ZSEQ_PAGE_MAX];
    zseq_ballot_t promises[ZSEQ_SHARDS];
    uint64_t dropped[ZSEQ_SHARDS];
} zseq_codec_t;

//  Writes msg into bytes[0..size) without allocating. Returns how many bytes
//  were written, or 0 if they do not fit (ours never exceed ZSEQ_MESSAGE_MAX,
//  as the node limits its pages). The message must be valid: asserts whatever
//  the other side would refuse.
size_t zseq_codec_encode (const zseq_msg_t *msg, uint8_t *bytes, size_t size);

//  Reads a request or a reply from bytes, without allocating and without
//  trusting any declared size. On ZSEQ_OK msg points into bytes and self, and
//  fields that its op does not have are 0 or empty. Errors: ZSEQ_EPROTOCOL: msg
//  holds op, request and cluster if they could be read, and nothing else of msg
//  may be used; otherwise its request is 0, and the frame gets no answer. If a
//  request's version or op is unknown, op is set to the value in the frame
//  (1..255), so that the refusal can echo it. Source: wire.md, section 5.
int zseq_codec_decode_request (zseq_codec_t *self, const uint8_t *bytes,
                               size_t size, zseq_msg_t *msg);
int zseq_codec_decode_reply (zseq_codec_t *self, const uint8_t *bytes,
                             size_t size, zseq_msg_t *msg);

#endif
