//  Fuzzes the mechanism CURVE: an end of a connection, whose other end is
//  genuine, and someone in between who changes, repeats and adds anything. The
//  end becomes ready only if nothing was changed, and takes what the other end
//  has sealed, as it was and once each, and nothing else. The events do not
//  depend on how the bytes come in. Keys and randomness are fixed.
//
//  An input is a byte, 0 for a client, else a server; then steps: a byte for
//  what, one for how many bytes follow, and those.

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_fuzz.h"
#include "zseq_zmtp.h"

#define MESSAGE_MAX 512
#define FRAME_MAX 1024

enum {
    STEP_HANDSHAKE,  //  The other end's next command; the bytes change it
    STEP_SEALED,     //  A sealed frame: its flags and contents
    STEP_CHANGED,    //  ... of which a byte is changed
    STEP_AGAIN,      //  What came last once more
    STEP_CLEAR,      //  A command with these bytes
    STEPS
};

typedef struct {
    zseq_zmtp_t zmtp;
    zseq_curve_t curve;
} s_end_t;

typedef struct {
    s_end_t fuzzed;
    s_end_t genuine;
    uint8_t last[FRAME_MAX];  //  The frame that came last
    size_t last_size;
    const uint8_t *contents;  //  Of the sealed frame that came last
    size_t contents_size;
    size_t piece;   //  Bytes that come at once
    bool tampered;  //  Something was changed, repeated or added
    bool failed;
    uint64_t digest;  //  Of the events
} s_case_t;

static zseq_curve_keys_t s_keys[2];
static uint32_t s_drawn;

static const char *
s_source_name (void)
{
    return "fuzz";
}

static void
s_source_fill (void *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++)
        ((uint8_t *) bytes)[at] = (uint8_t) (7 * s_drawn++ + 1);
}

static uint32_t
s_source_word (void)
{
    return s_drawn++;
}

static void
s_set_up (void)
{
    static randombytes_implementation source = {.implementation_name =
                                                  s_source_name,
                                                .random = s_source_word,
                                                .buf = s_source_fill};
    s_drawn = 0;
    if (s_keys[0].pair.secret_key[0])
        return;
    randombytes_set_implementation (&source);
    int rc = sodium_init ();
    assert (rc >= 0);
    for (size_t index = 0; index < 2; index++) {
        zseq_curve_pair_t *pair = &s_keys[index].pair;
        memset (pair->secret_key, (int) index + 1, sizeof pair->secret_key);
        crypto_scalarmult_base (pair->public_key, pair->secret_key);
    }
}

static void
s_mix (s_case_t *self, uint64_t value)
{
    self->digest = (self->digest ^ value) * 0x9e3779b97f4a7c15u;
    self->digest ^= self->digest >> 29;
}

//  Both ends have greeted each other.
static void
s_greet (s_end_t *self, const s_end_t *other, bool server)
{
    uint8_t greeting[ZSEQ_ZMTP_GREETING_SIZE];
    zseq_zmtp_put_greeting (&other->zmtp, greeting);
    zseq_zmtp_event_t event =
      zseq_zmtp_next (&self->zmtp, greeting, sizeof greeting);
    assert (event.type == ZSEQ_ZMTP_GREETED);
    if (server)
        zseq_curve_init_server (&self->curve, &s_keys[1]);
    else
        zseq_curve_init_client (&self->curve, &s_keys[0],
                                s_keys[1].pair.public_key);
    zseq_zmtp_set_curve (&self->zmtp, &self->curve);
}

static void
s_begin (s_case_t *self, bool server, size_t piece)
{
    memset (self, 0, sizeof *self);
    self->piece = piece;
    s_end_t *client = server ? &self->genuine : &self->fuzzed;
    s_end_t *other = server ? &self->fuzzed : &self->genuine;
    zseq_zmtp_init (&client->zmtp, ZSEQ_ZMTP_DEALER, ZSEQ_ZMTP_CURVE,
                    MESSAGE_MAX);
    zseq_zmtp_init (&other->zmtp, ZSEQ_ZMTP_ROUTER, ZSEQ_ZMTP_CURVE,
                    MESSAGE_MAX);
    s_greet (client, other, false);
    s_greet (other, client, true);
}

//  Gives the genuine end what the fuzzed one answers.
static void
s_answer (s_case_t *self)
{
    uint8_t bytes[ZSEQ_ZMTP_HANDSHAKE_MAX];
    size_t size = zseq_zmtp_put_handshake (&self->fuzzed.zmtp, bytes);
    if (size && !self->tampered)
        (void) zseq_zmtp_next (&self->genuine.zmtp, bytes, size);
}

static void
s_check (s_case_t *self, const zseq_zmtp_event_t *event)
{
    s_mix (self, event->type);
    s_mix (self, event->size);
    self->failed = event->type == ZSEQ_ZMTP_FAILED;
    if (self->failed) {
        s_mix (self, self->fuzzed.zmtp.error);
        return;
    }
    if (event->type == ZSEQ_ZMTP_HANDSHAKE)
        return;
    assert (!self->tampered);
    if (event->type == ZSEQ_ZMTP_READY)
        return;
    assert (self->contents);
    size_t before = self->contents_size - event->size;
    assert (before == 0 || event->type == ZSEQ_ZMTP_PING);
    assert (!event->size ||
            !memcmp (event->bytes, self->contents + before, event->size));
    self->contents = NULL;
}

//  Takes as much as there is of a frame, which lies in an allocation of exactly
//  its size. Returns whether it was taken.
static bool
s_take (s_case_t *self, const uint8_t *frame, size_t size)
{
    uint8_t *bytes = malloc (size);
    assert (bytes);
    memcpy (bytes, frame, size);
    zseq_zmtp_event_t event = zseq_zmtp_next (&self->fuzzed.zmtp, bytes, size);
    bool taken = event.type != ZSEQ_ZMTP_SHORT;
    if (taken) {
        assert (event.type == ZSEQ_ZMTP_FAILED || event.taken == size);
        s_check (self, &event);
        s_answer (self);
    }
    free (bytes);
    return taken;
}

//  Gives the fuzzed end a frame, which comes in pieces.
static void
s_give (s_case_t *self, const uint8_t *frame, size_t size)
{
    memmove (self->last, frame, size);
    self->last_size = size;
    size_t there = 0;
    bool taken = false;
    while (!taken && there < size) {
        there = size - there > self->piece ? there + self->piece : size;
        taken = s_take (self, self->last, there);
    }
    assert (taken);
}

static void
s_give_handshake (s_case_t *self, const uint8_t *changes, size_t count)
{
    uint8_t bytes[ZSEQ_ZMTP_HANDSHAKE_MAX];
    size_t size = zseq_zmtp_put_handshake (&self->genuine.zmtp, bytes);
    if (size == 0)
        return;
    //  The frame's head stays, and the highest bit of a key, which means
    //  nothing. The first two bytes say where the changes begin.
    size_t at = count > 1 ? (size_t) changes[0] << 8 | changes[1] : size;
    for (size_t index = 2; index < count; index++, at++)
        if (at > ZSEQ_ZMTP_HEAD_MAX && at < size && changes[index] & 0x7f) {
            bytes[at] ^= changes[index] & 0x7f;
            self->tampered = true;
        }
    s_give (self, bytes, size);
}

static void
s_give_sealed (s_case_t *self, const uint8_t *frame, size_t count, bool changed)
{
    if (count == 0 || !zseq_curve_ready (&self->genuine.curve) ||
        !zseq_curve_ready (&self->fuzzed.curve))
        return;
    uint8_t bytes[FRAME_MAX] = {0};
    size_t size = count - 1 + ZSEQ_CURVE_OVERHEAD;
    size_t head = zseq_zmtp_put_head (bytes, size);
    bool sealed = zseq_curve_seal (&self->genuine.curve, frame[0], frame + 1,
                                   count - 1, bytes + head);
    assert (sealed);
    if (changed) {
        bytes[head + frame[0] % size] ^= 1;
        self->tampered = true;
    }
    self->contents = frame + 1;
    self->contents_size = count - 1;
    s_give (self, bytes, head + size);
}

static void
s_give_clear (s_case_t *self, const uint8_t *contents, size_t count)
{
    uint8_t bytes[FRAME_MAX] = {4, (uint8_t) count};
    memcpy (bytes + 2, contents, count);
    self->tampered = true;
    s_give (self, bytes, 2 + count);
}

static void
s_step (s_case_t *self, uint8_t what, const uint8_t *bytes, size_t count)
{
    switch (what % STEPS) {
    case STEP_HANDSHAKE:
        s_give_handshake (self, bytes, count);
        break;
    case STEP_SEALED:
        s_give_sealed (self, bytes, count, false);
        break;
    case STEP_CHANGED:
        s_give_sealed (self, bytes, count, true);
        break;
    case STEP_AGAIN:
        self->tampered = true;
        if (self->last_size)
            s_give (self, self->last, self->last_size);
        break;
    default:
        s_give_clear (self, bytes, count);
    }
}

//  Returns a digest of the events.
static uint64_t
s_run (const uint8_t *data, size_t size, size_t piece)
{
    s_case_t self;
    s_set_up ();
    s_begin (&self, data[0], piece);
    //  A client speaks first.
    s_answer (&self);
    for (size_t at = 1; at + 2 <= size && !self.failed;) {
        size_t count = data[at + 1];
        if (count > size - at - 2)
            count = size - at - 2;
        s_step (&self, data[at], data + at + 2, count);
        at += 2 + count;
    }
    zseq_curve_term (&self.fuzzed.curve);
    zseq_curve_term (&self.genuine.curve);
    return self.digest;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint64_t whole = s_run (data, size, SIZE_MAX);
    uint64_t parts = s_run (data, size, 1);
    assert (whole == parts);
    return 0;
}
