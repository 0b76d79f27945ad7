#include "zseq_coordinator.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  Names of which it is kept what is known, in case they are asked for again;
//  more only as long as they are in use.
#define QUEUES_MAX 4096
//  How many of them are looked at for one that can go, and at a tick for those
//  that nothing was won of.
#define LOOKS_MAX 16
#define TICK_LOOKS_MAX 256

//  How long a client may be waited for, whatever it says.
#define TIMEOUT_US_MAX 60000000

//  Senders that are distinguished.
#define SENDERS_MAX 4096
//  One sender may hold a SENDER_SHARE-th of all places.
#define SENDER_SHARE 4

//  A NEXT that a client has sent.
typedef struct s_next {
    zseq_request_t request;  //  First: a pointer to it points to the NEXT
    zseq_sender_t sender;
    const zseq_sequence_t *sequence;
    uint64_t request_id;
    struct s_next *next_free;  //  In the list of free ones
} s_next_t;

struct zseq_coordinator {
    zseq_coordinator_hooks_t hooks;
    zseq_batcher_t *batcher;
    zseq_sequence_t **sequences;  //  Those that have a queue
    size_t entry_count;
    size_t entry_size;
    size_t hand;  //  Where to look next for one that can go
    size_t requests;
    size_t requests_max;
    s_next_t *free_nexts;
    uint32_t waiting[SENDERS_MAX];  //  NEXTs of the senders with that hash
};

static bool
s_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    zseq_coordinator_t *self = arg;
    return self->hooks.ask (self->hooks.arg, node, msg);
}

static uint64_t
s_draw (void *arg)
{
    zseq_coordinator_t *self = arg;
    return self->hooks.draw (self->hooks.arg);
}

static size_t
s_sender_slot (const zseq_sender_t *sender)
{
    return zseq_sender_hash (sender) % SENDERS_MAX;
}

static void
s_done (void *arg, zseq_request_t *request)
{
    zseq_coordinator_t *self = arg;
    s_next_t *next = (s_next_t *) request;
    self->waiting[s_sender_slot (&next->sender)]--;
    //  A client that has given up is not answered.
    if (request->status != ZSEQ_ETIMEOUT) {
        zseq_msg_t msg = {
          .op = ZSEQ_OP_NEXT,
          .reply = true,
          .request = next->request_id,
          .status = request->status,
          .name = {zseq_sequence_name (next->sequence),
                   zseq_sequence_name_size (next->sequence)},
          .next = {.first = request->first,
                   .count = request->count,
                   .served = request->served},
        };
        self->hooks.answer (self->hooks.arg, &next->sender, &msg);
    }
    next->next_free = self->free_nexts;
    self->free_nexts = next;
    self->requests--;
}

zseq_coordinator_t *
zseq_coordinator_new (const zseq_coordinator_rank_t *rank, size_t requests_max,
                      const zseq_coordinator_hooks_t *hooks)
{
    assert (rank);
    assert (hooks);
    assert (hooks->ask);
    assert (hooks->answer);
    assert (hooks->draw);
    assert (hooks->untouched);
    assert (hooks->forget);

    zseq_coordinator_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->hooks = *hooks;
    self->requests_max = requests_max;
    zseq_batcher_hooks_t inner = {
      .arg = self, .ask = s_ask, .done = s_done, .draw = s_draw};
    self->batcher = zseq_batcher_new (&inner);
    if (!self->batcher) {
        free (self);
        return NULL;
    }
    zseq_quorum_t quorum;
    int rc = zseq_quorum_init (&quorum, rank->n, 0, 0);
    assert (rc == ZSEQ_OK);
    zseq_batcher_open (self->batcher, &quorum, rank);
    return self;
}

//  Frees the queue of a place that is not in use, and its sequence, if no NEXT
//  has won anything of it.
static void
s_clear_place (zseq_coordinator_t *self, zseq_sequence_t *sequence)
{
    zseq_request_queue_free (&sequence->queue);
    if (self->hooks.untouched (self->hooks.arg, sequence))
        self->hooks.forget (self->hooks.arg, sequence);
}

//  Clears places of names that nothing was won of: a flood of such names must
//  not take the memory of others.
static void
s_sweep (zseq_coordinator_t *self)
{
    size_t looks =
      self->entry_count < TICK_LOOKS_MAX ? self->entry_count : TICK_LOOKS_MAX;
    for (; looks; looks--) {
        if (self->hand >= self->entry_count)
            self->hand = 0;
        zseq_sequence_t *sequence = self->sequences[self->hand];
        if (!zseq_request_queue_idle (sequence->queue) ||
            !self->hooks.untouched (self->hooks.arg, sequence)) {
            self->hand++;
            continue;
        }
        self->sequences[self->hand] = self->sequences[--self->entry_count];
        s_clear_place (self, sequence);
    }
}

//  A place for a further queue: that of a name that is not in use, or a new
//  one.
static zseq_sequence_t **
s_new_place (zseq_coordinator_t *self)
{
    for (size_t look = 0; look < LOOKS_MAX && self->entry_count >= QUEUES_MAX;
         look++) {
        self->hand = (self->hand + 1) % self->entry_count;
        zseq_sequence_t **place = &self->sequences[self->hand];
        if (!zseq_request_queue_idle ((*place)->queue))
            continue;
        s_clear_place (self, *place);
        return place;
    }
    if (self->entry_count == self->entry_size) {
        size_t size = self->entry_size ? 2 * self->entry_size : 16;
        zseq_sequence_t **sequences =
          realloc (self->sequences, size * sizeof (zseq_sequence_t *));
        if (!sequences)
            return NULL;
        self->sequences = sequences;
        self->entry_size = size;
    }
    return &self->sequences[self->entry_count++];
}

static bool
s_make_queue (zseq_coordinator_t *self, zseq_sequence_t *sequence)
{
    zseq_request_queue_t *queue =
      zseq_request_queue_new (self->batcher, zseq_sequence_name (sequence),
                              zseq_sequence_name_size (sequence));
    zseq_sequence_t **place = queue ? s_new_place (self) : NULL;
    if (!place) {
        zseq_request_queue_free (&queue);
        return false;
    }
    sequence->queue = queue;
    *place = sequence;
    return true;
}

bool
zseq_coordinator_has_none (const zseq_coordinator_t *self,
                           const zseq_sender_t *sender)
{
    assert (self);
    assert (sender);
    return self->waiting[s_sender_slot (sender)] == 0;
}

uint64_t
zseq_coordinator_retry_us (const zseq_coordinator_t *self)
{
    assert (self);
    return zseq_batcher_stats (self->batcher)->rtt_us + 1;
}

bool
zseq_coordinator_has_capacity (const zseq_coordinator_t *self,
                               const zseq_sender_t *sender)
{
    assert (self);
    assert (sender);
    return self->requests < self->requests_max &&
           self->waiting[s_sender_slot (sender)] <=
             self->requests_max / SENDER_SHARE;
}

int
zseq_coordinator_next (zseq_coordinator_t *self, zseq_sequence_t *sequence,
                       const zseq_sender_t *sender, const zseq_msg_t *msg,
                       uint64_t now_us)
{
    assert (self);
    assert (sequence);
    assert (sender);
    assert (msg);

    if (!zseq_coordinator_has_capacity (self, sender) ||
        (!sequence->queue && !s_make_queue (self, sequence)))
        return ZSEQ_EBUSY;
    s_next_t *next = self->free_nexts;
    if (next)
        self->free_nexts = next->next_free;
    else
        next = malloc (sizeof *next);
    if (!next)
        return ZSEQ_EBUSY;
    self->requests++;
    self->waiting[s_sender_slot (sender)]++;
    next->sender = *sender;
    next->sequence = sequence;
    next->request_id = msg->request;
    next->request.count = msg->next.count;
    next->request.count_min = msg->next.count_min;
    next->request.deadline_us =
      now_us + (msg->next.timeout_us < TIMEOUT_US_MAX ? msg->next.timeout_us
                                                      : TIMEOUT_US_MAX);
    zseq_request_queue_add (sequence->queue, &next->request);
    return ZSEQ_OK;
}

void
zseq_coordinator_stats (const zseq_coordinator_t *self,
                        zseq_batcher_stats_t *stats)
{
    assert (self);
    assert (stats);
    *stats = *zseq_batcher_stats (self->batcher);
}

void
zseq_coordinator_flush (zseq_coordinator_t *self, uint64_t now_us)
{
    assert (self);
    zseq_batcher_flush (self->batcher, now_us);
}

void
zseq_coordinator_reply (zseq_coordinator_t *self, const zseq_msg_t *msg,
                        uint64_t now_us)
{
    assert (self);
    (void) zseq_batcher_reply (self->batcher, msg, now_us);
}

void
zseq_coordinator_tick (zseq_coordinator_t *self, uint64_t now_us)
{
    assert (self);
    zseq_batcher_tick (self->batcher, now_us);
    s_sweep (self);
}

uint64_t
zseq_coordinator_wake_us (const zseq_coordinator_t *self)
{
    assert (self);
    return zseq_batcher_wake_us (self->batcher);
}

void
zseq_coordinator_end (zseq_coordinator_t *self, int status)
{
    assert (self);
    zseq_batcher_end (self->batcher, status);
}

void
zseq_coordinator_destroy (zseq_coordinator_t **self_p)
{
    assert (self_p);

    zseq_coordinator_t *self = *self_p;
    if (!self)
        return;
    //  Requests go without an answer.
    self->hooks.answer = NULL;
    zseq_batcher_end (self->batcher, ZSEQ_ETIMEOUT);
    for (size_t index = 0; index < self->entry_count; index++)
        zseq_request_queue_free (&self->sequences[index]->queue);
    zseq_batcher_destroy (&self->batcher);
    while (self->free_nexts) {
        s_next_t *next = self->free_nexts;
        self->free_nexts = next->next_free;
        free (next);
    }
    free (self->sequences);
    free (self);
    *self_p = NULL;
}
