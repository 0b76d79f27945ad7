//  Claims of many names by one process. It uses only the codec and the
//  transport of the library, so that the client does not limit what the nodes
//  can do.
//
//  A window of claims is in flight (s_claim_t), each sent to all nodes. A claim
//  is done when a majority has accepted it, and its slot is free when all nodes
//  have answered. s_fill begins claims for free slots, s_receive takes the
//  replies, and s_look sends claims again that have no answer for long. A claim
//  that too many nodes refused begins again above them. zseq_bench_many_names
//  is this as an operation of the load, for names that exist.
//  zseq_bench_many_names_fill claims one ID of each new name.

#include "zseq_bench_many_names.h"

#include "zseq_codec.h"
#include "zseq_transport.h"

#include <assert.h>
#include <stdatomic.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 64
#define LOOK_NS 1000000000ull    //  Interval of the search for lost messages
#define AGAIN_NS 15000000000ull  //  When to send a claim again
#define SILENCE_S 60             //  When to give up
#define OPEN_S 10

//  A slot of the window. A claim that is done waits for the slower nodes.
typedef struct {
    uint64_t request;  //  0: the slot is free
    uint64_t number;   //  Of its name
    uint64_t first;
    uint64_t begun_ns;
    uint64_t sent_ns;   //  When it was last sent
    unsigned answered;  //  A bit per node
    size_t accepted;
    size_t refused;
    bool done;
} s_claim_t;

typedef struct {
    zseq_bench_many_names_t many_names;
    zseq_transport_t *transport;
    zseq_codec_t codec;
    size_t n;
    size_t w;
    uint64_t cluster;  //  Identity
    uint64_t round;    //  Makes request IDs unique
    uint64_t random;
    s_claim_t claim[ZSEQ_BENCH_MANY_NAMES_MAX];
    size_t free[ZSEQ_BENCH_MANY_NAMES_MAX];  //  Indexes of claims
    size_t free_count;
    uint64_t wait_ns[ZSEQ_BENCH_MANY_NAMES_MAX];  //  Done, not reported yet
    size_t done_count;
    uint64_t last_ns;   //  The wait reported last
    uint64_t look_ns;   //  When to look for lost messages
    uint64_t heard_ns;  //  When the last reply came
    //  Read by other threads while they change.
    _Atomic uint64_t claims;
    _Atomic uint64_t conflicts;
    _Atomic uint64_t timeouts;
} s_many_names_t;

//  Notes why an operation failed. Returns -1.
static int
s_text (char *text, const char *what, const char *why)
{
    snprintf (text, ZSEQ_BENCH_TEXT_MAX, "%s: %s", what, why);
    return -1;
}

//  Marsaglia's xorshift64, which is good enough to draw names.
static uint64_t
s_random (s_many_names_t *self)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random;
}

//  Sending. A message that is not sent now is sent again by s_look.

//  Sends a message to a node. If it is lost, it is sent again later.
static void
s_send_msg (s_many_names_t *self, size_t node, const zseq_msg_t *msg)
{
    uint8_t bytes[NAME_SIZE + 128];
    size_t size = zseq_codec_encode (msg, bytes, sizeof bytes);
    assert (size > 0);
    (void) zseq_transport_send (self->transport, node, bytes, size);
}

//  Sends a claim to all nodes, with a new request ID.
static void
s_send (s_many_names_t *self, s_claim_t *claim, uint64_t now_ns)
{
    char name[NAME_SIZE];
    int size = snprintf (name, sizeof name, "%s%" PRIu64,
                         self->many_names.prefix, claim->number);
    assert (size > 0 && (size_t) size < sizeof name);
    claim->request = ++self->round * ZSEQ_BENCH_MANY_NAMES_MAX +
                     (uint64_t) (claim - self->claim);
    if (self->many_names.next)
        claim->first = self->many_names.next[claim->number]++;
    claim->sent_ns = now_ns;
    claim->answered = 0;
    claim->accepted = 0;
    claim->refused = 0;
    zseq_msg_t msg = {
      .op = ZSEQ_OP_CLAIM,
      .request = claim->request,
      .cluster = self->cluster,
      .name = {.data = name, .size = (size_t) size},
      .claim = {.first = claim->first, .count = 1},
    };
    for (size_t i = 0; i < self->n; i++)
        s_send_msg (self, i, &msg);
}

//  Draws the number of the next name. Returns false if there is none.
static bool
s_draw (s_many_names_t *self, uint64_t *number_p)
{
    *number_p = self->many_names.fresh
                  ? atomic_fetch_add (self->many_names.fresh, 1)
                  : s_random (self) % self->many_names.limit;
    return *number_p < self->many_names.limit;
}

//  Begins claims of the next names, until the window is full.
static void
s_fill (s_many_names_t *self)
{
    uint64_t now_ns = zseq_bench_now_ns ();
    uint64_t number;
    while (self->free_count > 0 && s_draw (self, &number)) {
        s_claim_t *claim = &self->claim[self->free[--self->free_count]];
        *claim = (s_claim_t){.number = number, .first = 1, .begun_ns = now_ns};
        s_send (self, claim, now_ns);
    }
}

//  Receiving.

//  Notes that a node has refused a claim. If too many have, the claim begins
//  again above them.
static void
s_refused (s_many_names_t *self, s_claim_t *claim, uint64_t next,
           uint64_t now_ns)
{
    uint64_t *known = self->many_names.next
                        ? &self->many_names.next[claim->number]
                        : &claim->first;
    claim->refused++;
    if (*known < next)
        *known = next;
    if (claim->done || self->n - claim->refused >= self->w)
        return;
    atomic_fetch_add_explicit (&self->conflicts, 1, memory_order_relaxed);
    s_send (self, claim, now_ns);
}

//  Takes a reply to a claim.
static int
s_take (s_many_names_t *self, size_t node, const zseq_msg_t *msg,
        uint64_t now_ns, char *text)
{
    s_claim_t *claim = &self->claim[msg->request % ZSEQ_BENCH_MANY_NAMES_MAX];
    if (msg->op != ZSEQ_OP_CLAIM || claim->request != msg->request ||
        claim->answered & 1u << node)
        return 0;
    claim->answered |= 1u << node;
    self->heard_ns = now_ns;
    if (msg->status == ZSEQ_OK)
        claim->accepted++;
    else if (msg->status == ZSEQ_ECONFLICT)
        s_refused (self, claim, zseq_msg_next (msg), now_ns);
    else
        return s_text (text, "a node refused", zseq_strerror (msg->status));

    if (claim->accepted >= self->w && !claim->done) {
        claim->done = true;
        self->wait_ns[self->done_count++] = now_ns - claim->begun_ns;
        atomic_fetch_add_explicit (&self->claims, 1, memory_order_relaxed);
    }
    if (claim->accepted + claim->refused == self->n) {
        claim->request = 0;
        self->free[self->free_count++] = (size_t) (claim - self->claim);
    }
    return 0;
}

//  Takes all messages that have arrived. Returns how many, or -1. It is called
//  only when no claim is done and unreported, and does not fill slots that
//  become free, so that each claim is done at most once.
static int
s_receive (s_many_names_t *self, char *text)
{
    int count = 0;
    uint64_t now_ns = zseq_bench_now_ns ();
    const uint8_t *bytes;
    size_t size;
    zseq_msg_t msg;
    for (size_t i = 0; i < self->n; i++)
        while (zseq_transport_recv (self->transport, i, &bytes, &size) ==
               ZSEQ_OK) {
            count++;
            if (zseq_codec_decode_reply (&self->codec, bytes, size, &msg) ==
                  ZSEQ_OK &&
                s_take (self, i, &msg, now_ns, text) != 0)
                return -1;
        }
    return count;
}

//  Sends the claims again that have no answer for long.
static int
s_look (s_many_names_t *self, char *text)
{
    uint64_t now_ns = zseq_bench_now_ns ();
    if (now_ns < self->look_ns)
        return 0;
    self->look_ns = now_ns + LOOK_NS;
    if (now_ns - self->heard_ns > SILENCE_S * 1000000000ull)
        return s_text (text, "the nodes", "no reply");
    for (size_t i = 0; i < self->many_names.claims; i++) {
        s_claim_t *claim = &self->claim[i];
        if (!claim->request || now_ns - claim->sent_ns < AGAIN_NS)
            continue;
        atomic_fetch_add_explicit (&self->timeouts, 1, memory_order_relaxed);
        s_send (self, claim, now_ns);
    }
    return 0;
}

//  Sleeps until there may be messages.
static void
s_sleep (s_many_names_t *self, int timeout_ms)
{
    struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
    size_t count = zseq_transport_fds (self->transport, fds);
    if (poll (fds, count, timeout_ms) > 0)
        zseq_transport_note_ready (self->transport, fds, count);
}

//  Takes the messages that have arrived, or sleeps a little.
static int
s_run_once (s_many_names_t *self, char *text)
{
    int count = s_receive (self, text);
    if (count < 0 || s_look (self, text) != 0)
        return -1;
    if (count == 0)
        s_sleep (self, 1000);
    return 0;
}

//  Opening.

//  Returns whether all nodes are connected.
static bool
s_linked (s_many_names_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        if (!zseq_transport_ready (self->transport, i))
            return false;
    return true;
}

//  Connects to all nodes.
static int
s_link (s_many_names_t *self, char *text)
{
    char uri[ZSEQ_NODES_MAX * (ZSEQ_ENDPOINT_MAX + 1)];
    snprintf (uri, sizeof uri, "%s", self->many_names.uri);
    char *rest;
    for (char *endpoint = strtok_r (uri, ",", &rest); endpoint;
         endpoint = strtok_r (NULL, ",", &rest)) {
        assert (self->n < ZSEQ_NODES_MAX);
        if (zseq_transport_link (self->transport, self->n++, endpoint) !=
            ZSEQ_OK)
            return s_text (text, endpoint,
                           zseq_transport_text (self->transport));
    }
    self->w = self->n / 2 + 1;
    uint64_t until_ns = zseq_bench_now_ns () + OPEN_S * 1000000000ull;
    while (!s_linked (self)) {
        if (zseq_bench_now_ns () >= until_ns)
            return s_text (text, self->many_names.uri, "cannot be reached");
        s_sleep (self, 10);
    }
    return 0;
}

//  Asks the first node for the cluster's identity.
static int
s_hello (s_many_names_t *self, char *text)
{
    zseq_msg_t msg = {.op = ZSEQ_OP_HELLO, .request = ++self->round};
    s_send_msg (self, 0, &msg);
    uint64_t until_ns = zseq_bench_now_ns () + OPEN_S * 1000000000ull;
    const uint8_t *bytes;
    size_t size;
    while (zseq_transport_recv (self->transport, 0, &bytes, &size) != ZSEQ_OK) {
        if (zseq_bench_now_ns () >= until_ns)
            return s_text (text, self->many_names.uri, "no reply");
        s_sleep (self, 10);
    }
    if (zseq_codec_decode_reply (&self->codec, bytes, size, &msg) != ZSEQ_OK ||
        msg.op != ZSEQ_OP_HELLO || msg.status != ZSEQ_OK)
        return s_text (text, self->many_names.uri, "HELLO was not understood");
    self->cluster = msg.cluster;
    return 0;
}

static void
s_many_names_close (void *context)
{
    s_many_names_t *self = context;
    zseq_transport_destroy (&self->transport);
    free (self);
}

static int
s_many_names_open (const void *arg, size_t process, void **context_p,
                   char *text)
{
    (void) process;
    const zseq_bench_many_names_t *many_names = arg;
    assert (many_names->claims >= 1);
    assert (many_names->claims <= ZSEQ_BENCH_MANY_NAMES_MAX);
    s_many_names_t *self = calloc (1, sizeof *self);
    if (!self)
        return s_text (text, "many names", "out of memory");
    self->many_names = *many_names;
    self->random = zseq_bench_now_ns () | 1;
    self->heard_ns = zseq_bench_now_ns ();
    for (size_t i = 0; i < many_names->claims; i++)
        self->free[self->free_count++] = i;
    self->transport = zseq_transport_new (NULL);
    int rc = self->transport ? s_link (self, text)
                             : s_text (text, "many names", "out of memory");
    if (rc == 0)
        rc = s_hello (self, text);
    if (rc != 0) {
        s_many_names_close (self);
        return -1;
    }
    *context_p = self;
    return 0;
}

//  Runs until another claim is done.
static int
s_many_names_repeat (void *context, size_t count, uint64_t *last, char *text)
{
    s_many_names_t *self = context;
    (void) last;
    assert (count == 1);
    while (self->done_count == 0) {
        s_fill (self);
        if (s_run_once (self, text) != 0)
            return -1;
    }
    self->last_ns = self->wait_ns[--self->done_count];
    return 0;
}

static uint64_t
s_many_names_wait_ns (void *context)
{
    s_many_names_t *self = context;
    return self->last_ns;
}

static void
s_many_names_count (void *context, zseq_bench_counts_t *counts)
{
    s_many_names_t *self = context;
    counts->claims = atomic_load (&self->claims);
    counts->conflicts = atomic_load (&self->conflicts);
    counts->timeouts = atomic_load (&self->timeouts);
}

const zseq_bench_operation_t zseq_bench_many_names = {
  .open = s_many_names_open,
  .repeat = s_many_names_repeat,
  .wait_ns = s_many_names_wait_ns,
  .count = s_many_names_count,
  .close = s_many_names_close,
};

int
zseq_bench_many_names_fill (const zseq_bench_many_names_t *many_names,
                            zseq_bench_histogram_t *waits,
                            zseq_bench_counts_t *counts, char *text)
{
    assert (many_names);
    assert (many_names->fresh);
    assert (waits);
    assert (counts);
    assert (text);
    void *context;
    if (s_many_names_open (many_names, 0, &context, text) != 0)
        return -1;
    s_many_names_t *self = context;
    int rc = 0;
    //  Until all slots are free and no new name is left.
    for (s_fill (self); rc == 0 && self->free_count < many_names->claims;
         s_fill (self)) {
        rc = s_run_once (self, text);
        while (self->done_count > 0)
            zseq_bench_histogram_record (waits,
                                         self->wait_ns[--self->done_count], 1);
    }
    s_many_names_count (self, counts);
    s_many_names_close (self);
    return rc;
}
