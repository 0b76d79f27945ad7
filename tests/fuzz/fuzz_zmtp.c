//  Fuzzes the parser of ZMTP: any bytes as what the other end of a connection
//  has sent. The parser reads nothing outside the bytes; its events do not
//  depend on how the bytes came in; each of them takes something; it never asks
//  for more than a frame may have; and after an error there is nothing.
//
//  An input is a byte: 0 for a DEALER, else a ROUTER, with bit 1 set: our own
//  greeting and READY come first. Then two that say after how many bytes the
//  stream, which is the rest, comes in a second piece.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_fuzz.h"
#include "zseq_zmtp.h"

//  Bytes of a message: a small limit, which the fuzzer finds.
#define MESSAGE_MAX 512
#define LIMIT (ZSEQ_ZMTP_HEAD_MAX + ZSEQ_ZMTP_COMMAND_MAX)

//  A digest of the events, and how far they went.
typedef struct {
    uint64_t digest;
    size_t taken;
    bool failed;
} s_walk_t;

static void
s_mix (s_walk_t *self, uint64_t value)
{
    self->digest = (self->digest ^ value) * 0x9e3779b97f4a7c15u;
    self->digest ^= self->digest >> 29;
}

static void
s_note (s_walk_t *self, const zseq_zmtp_event_t *event, const uint8_t *bytes,
        size_t size)
{
    assert (event->taken > 0 && event->taken <= size);
    assert (event->size <= event->taken);
    s_mix (self, event->type);
    s_mix (self, event->size);
    if (event->size)
        assert (event->bytes >= bytes &&
                event->bytes + event->size <= bytes + event->taken);
    for (size_t at = 0; at < event->size; at++)
        s_mix (self, event->bytes[at]);
    if (event->type != ZSEQ_ZMTP_PING)
        return;
    uint8_t pong[ZSEQ_ZMTP_PONG_MAX];
    size_t pong_size = zseq_zmtp_put_pong (pong, event);
    assert (pong_size <= sizeof pong);
}

//  Takes all events of the first size bytes, which lie in an allocation of
//  exactly their number.
static void
s_take (s_walk_t *self, zseq_zmtp_t *zmtp, const uint8_t *stream, size_t size)
{
    size_t left = size - self->taken;
    uint8_t *bytes = malloc (left ? left : 1);
    assert (bytes);
    if (left)
        memcpy (bytes, stream + self->taken, left);
    uint8_t *at = bytes;
    while (!self->failed) {
        zseq_zmtp_event_t event = zseq_zmtp_next (zmtp, at, left);
        if (event.type == ZSEQ_ZMTP_SHORT) {
            assert (event.needed > left && event.needed <= LIMIT);
            break;
        }
        self->failed = event.type == ZSEQ_ZMTP_FAILED;
        if (self->failed)
            break;
        s_note (self, &event, at, left);
        at += event.taken;
        left -= event.taken;
        self->taken += event.taken;
    }
    free (bytes);
}

//  Parses the stream, of which cut bytes come first.
static s_walk_t
s_walk (zseq_zmtp_socket_t socket, uint8_t *stream, size_t size, size_t cut)
{
    zseq_zmtp_t zmtp;
    zseq_zmtp_init (&zmtp, socket, ZSEQ_ZMTP_NULL, MESSAGE_MAX);
    s_walk_t self = {0};
    if (cut < size)
        s_take (&self, &zmtp, stream, cut);
    if (!self.failed)
        s_take (&self, &zmtp, stream, size);
    assert (self.failed == (zmtp.error != ZSEQ_ZMTP_OK));
    if (self.failed) {
        zseq_zmtp_event_t event = zseq_zmtp_next (&zmtp, stream, size);
        assert (event.type == ZSEQ_ZMTP_FAILED && event.taken == 0);
        s_mix (&self, zmtp.error);
    }
    return self;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    zseq_zmtp_socket_t socket =
      data[0] & 1 ? ZSEQ_ZMTP_ROUTER : ZSEQ_ZMTP_DEALER;
    size_t cut = (size_t) data[1] << 8 | data[2];
    size_t before = 0;
    uint8_t *stream =
      malloc (ZSEQ_ZMTP_GREETING_SIZE + ZSEQ_ZMTP_READY_MAX + size);
    assert (stream);
    if (data[0] & 2) {
        memcpy (stream, zseq_zmtp_greeting, ZSEQ_ZMTP_GREETING_SIZE);
        before = ZSEQ_ZMTP_GREETING_SIZE;
        before += zseq_zmtp_put_ready (
          stream + before,
          socket == ZSEQ_ZMTP_ROUTER ? ZSEQ_ZMTP_DEALER : ZSEQ_ZMTP_ROUTER);
    }
    memcpy (stream + before, data + 3, size - 3);
    size_t total = before + size - 3;
    s_walk_t whole = s_walk (socket, stream, total, total);
    s_walk_t parts = s_walk (socket, stream, total, cut);
    assert (whole.taken == parts.taken && whole.failed == parts.failed);
    assert (whole.digest == parts.digest);
    free (stream);
    return 0;
}
