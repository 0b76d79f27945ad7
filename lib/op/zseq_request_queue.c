#include "zseq_request_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_batcher_private.h"

//  Schedules.

//  A queue is in one schedule at most: a queue that waits for its first claim
//  has no claim in flight that a flush could serve.
void
zseq_request_queue_put (zseq_schedule_t *schedule, zseq_request_queue_t *queue)
{
    assert (schedule);
    assert (queue);

    if (queue->queued)
        return;
    queue->queued = true;
    queue->next_scheduled = NULL;
    *schedule->end = queue;
    schedule->end = &queue->next_scheduled;
}

void
zseq_request_queue_schedule (zseq_request_queue_t *queue)
{
    assert (queue);
    zseq_request_queue_put (&queue->batcher->queued, queue);
}

zseq_request_queue_t *
zseq_request_queue_take (zseq_schedule_t *schedule)
{
    assert (schedule);

    zseq_request_queue_t *queue = schedule->first;
    if (!queue)
        return NULL;
    schedule->first = queue->next_scheduled;
    if (!schedule->first)
        schedule->end = &schedule->first;
    queue->queued = false;
    return queue;
}

static void
s_remove (zseq_schedule_t *schedule, const zseq_request_queue_t *queue)
{
    zseq_request_queue_t **slot = &schedule->first;
    while (*slot && *slot != queue)
        slot = &(*slot)->next_scheduled;
    if (!*slot)
        return;
    *slot = queue->next_scheduled;
    if (!*slot)
        schedule->end = slot;
}

//  Queues.

zseq_request_queue_t *
zseq_request_queue_new (zseq_batcher_t *batcher, const char *name, size_t size)
{
    assert (batcher);
    assert (name);
    assert (size >= 1);

    zseq_request_queue_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->batcher = batcher;
    self->name = (zseq_slice_t){name, size};
    self->waiting_end = &self->waiting;
    self->share_max = SIZE_MAX;
    zseq_delegation_init_name (&self->delegation, self->name);
    return self;
}

bool
zseq_request_queue_idle (const zseq_request_queue_t *self)
{
    assert (self);
    return !self->requests && !self->inflight;
}

void
zseq_request_queue_free (zseq_request_queue_t **self_p)
{
    assert (self_p);

    zseq_request_queue_t *self = *self_p;
    if (!self)
        return;
    assert (zseq_request_queue_idle (self));
    if (self->queued) {
        s_remove (&self->batcher->queued, self);
        s_remove (&self->batcher->lined_up, self);
    }
    free (self);
    *self_p = NULL;
}

void
zseq_request_queue_add (zseq_request_queue_t *self, zseq_request_t *request)
{
    assert (self);
    assert (request);
    assert (request->count_min >= 1);
    assert (request->count_min <= request->count);
    assert (request->count <= ZSEQ_COUNT_MAX);

    zseq_batcher_t *batcher = self->batcher;
    request->queue = self;
    request->next = NULL;
    *self->waiting_end = request;
    self->waiting_end = &request->next;
    if (self->requests++ == 0) {
        self->busy = batcher->busy;
        self->busy_p = &batcher->busy;
        if (self->busy)
            self->busy->busy_p = &self->busy;
        batcher->busy = self;
    }
    if (batcher->deadline_us > request->deadline_us)
        batcher->deadline_us = request->deadline_us;
    zseq_request_queue_schedule (self);
}

//  Requests.

static void
s_leave (zseq_request_queue_t *queue)
{
    if (--queue->requests)
        return;
    *queue->busy_p = queue->busy;
    if (queue->busy)
        queue->busy->busy_p = queue->busy_p;
}

//  Ends a request that is in no list any more.
static void
s_end (zseq_request_t *request, int status)
{
    zseq_batcher_t *self = request->queue->batcher;
    request->status = status;
    s_leave (request->queue);
    self->hooks.done (self->hooks.arg, request);
}

static void
s_end_all (zseq_request_t *requests, int status)
{
    while (requests) {
        zseq_request_t *request = requests;
        requests = request->next;
        s_end (request, status);
    }
}

//  Takes a request out of a list of its queue.
static void
s_unlink (zseq_request_t **slot)
{
    zseq_request_t *request = *slot;
    zseq_request_queue_t *queue = request->queue;
    if (queue->waiting_end == &request->next)
        queue->waiting_end = slot;
    *slot = request->next;
}

//  Claims in flight.

zseq_inflight_t *
zseq_request_queue_launch (zseq_request_queue_t *queue)
{
    assert (queue);

    zseq_batcher_t *self = queue->batcher;
    if (self->inflight_count == self->inflight_size) {
        size_t size = self->inflight_size ? 2 * self->inflight_size : 16;
        zseq_inflight_t **grown =
          realloc (self->inflight, size * sizeof *grown);
        if (!grown)
            return NULL;
        self->inflight = grown;
        self->inflight_size = size;
    }
    zseq_inflight_t *inflight = self->free_inflight;
    if (inflight)
        self->free_inflight = inflight->behind;
    else
        inflight = malloc (sizeof *inflight);
    if (!inflight)
        return NULL;
    memset (inflight, 0, sizeof *inflight);
    inflight->queue = queue;
    inflight->node = ZSEQ_NO_NODE;
    inflight->index = self->inflight_count;
    self->inflight[self->inflight_count++] = inflight;
    zseq_inflight_t **end = &queue->inflight;
    while (*end)
        end = &(*end)->behind;
    *end = inflight;
    queue->inflight_count++;
    return inflight;
}

void
zseq_request_queue_retire (zseq_inflight_t *inflight)
{
    assert (inflight);

    zseq_batcher_t *self = inflight->queue->batcher;
    const zseq_claim_t *claim = &inflight->claim;
    self->stats.claims += claim->claims;
    self->stats.conflicts += claim->conflicts;
    self->stats.late += claim->attempt.late;
    self->stats.burnt += claim->burnt;

    zseq_request_queue_t *queue = inflight->queue;
    zseq_inflight_t **slot = &queue->inflight;
    while (*slot != inflight)
        slot = &(*slot)->behind;
    *slot = inflight->behind;
    queue->inflight_count--;
    zseq_inflight_t *last = self->inflight[--self->inflight_count];
    self->inflight[inflight->index] = last;
    last->index = inflight->index;
    inflight->behind = self->free_inflight;
    self->free_inflight = inflight;
    zseq_request_queue_schedule (queue);
}

void
zseq_request_queue_abandon (zseq_inflight_t *inflight)
{
    assert (inflight);
    assert (!inflight->requests);

    const zseq_claim_t *claim = &inflight->claim;
    if (zseq_inflight_delegated (inflight) ||
        (claim->attempt.request && !claim->reading))
        inflight->queue->batcher->stats.burnt += claim->count;
    zseq_request_queue_retire (inflight);
}

static void
s_abandon_empty (zseq_request_queue_t *queue)
{
    for (zseq_inflight_t *inflight = queue->inflight, *behind; inflight;
         inflight = behind) {
        behind = inflight->behind;
        if (!inflight->requests)
            zseq_request_queue_abandon (inflight);
    }
}

void
zseq_request_queue_cancel (zseq_request_t *request)
{
    assert (request);

    zseq_request_queue_t *queue = request->queue;
    zseq_request_t **slot = &queue->waiting;
    while (*slot && *slot != request)
        slot = &(*slot)->next;
    for (zseq_inflight_t *inflight = queue->inflight; inflight && !*slot;
         inflight = inflight->behind) {
        slot = &inflight->requests;
        while (*slot && *slot != request)
            slot = &(*slot)->next;
    }
    assert (*slot);
    s_unlink (slot);
    s_leave (queue);
    s_abandon_empty (queue);
}

static void
s_expire_list (zseq_request_t **list, uint64_t now_us, uint64_t *deadline_us)
{
    while (*list) {
        zseq_request_t *request = *list;
        if (request->deadline_us <= now_us) {
            s_unlink (list);
            s_end (request, ZSEQ_ETIMEOUT);
            continue;
        }
        if (*deadline_us > request->deadline_us)
            *deadline_us = request->deadline_us;
        list = &request->next;
    }
}

void
zseq_request_queue_expire (zseq_batcher_t *batcher, uint64_t now_us)
{
    assert (batcher);

    if (now_us < batcher->deadline_us)
        return;
    uint64_t deadline_us = UINT64_MAX;
    for (zseq_request_queue_t *queue = batcher->busy, *busy; queue;
         queue = busy) {
        busy = queue->busy;
        for (zseq_inflight_t *inflight = queue->inflight; inflight;
             inflight = inflight->behind)
            s_expire_list (&inflight->requests, now_us, &deadline_us);
        s_expire_list (&queue->waiting, now_us, &deadline_us);
        s_abandon_empty (queue);
    }
    batcher->deadline_us = deadline_us;
}

//  S7: no request joins a claim that was sent. A request that does not fit into
//  the rest of the sequence stays in the queue, to be refused alone.
bool
zseq_request_queue_assign (zseq_inflight_t *inflight, uint64_t capacity,
                           size_t requests_max)
{
    assert (inflight);
    assert (requests_max);

    zseq_request_queue_t *queue = inflight->queue;
    zseq_request_t *all = inflight->requests;
    zseq_request_t **end = &all;
    while (*end)
        end = &(*end)->next;
    *end = queue->waiting;
    zseq_request_t **all_end = *end ? queue->waiting_end : end;

    //  count_min suffices only where the sequence ends.
    bool ends = capacity < ZSEQ_COUNT_MAX;
    uint64_t count = 0;
    uint64_t count_min = ZSEQ_COUNT_MAX;
    inflight->request_count = 0;
    zseq_request_t **assigned = &inflight->requests;
    zseq_request_t **waiting = &queue->waiting;
    *assigned = *waiting = NULL;
    while (all && inflight->request_count < requests_max) {
        zseq_request_t *request = all;
        all = request->next;
        request->next = NULL;
        //  If none fits, a claim for the last one decides.
        uint64_t need = ends ? request->count_min : request->count;
        bool fits = need <= capacity - count || (!all && !count);
        zseq_request_t ***list = fits ? &assigned : &waiting;
        **list = request;
        *list = &request->next;
        if (!fits)
            continue;
        inflight->request_count++;
        uint64_t left = capacity - count;
        count += request->count_min <= left && request->count > left
                   ? left
                   : request->count;
        if (request->count_min < count_min)
            count_min = request->count_min;
    }
    *waiting = all;
    queue->waiting_end = all ? all_end : waiting;
    if (!inflight->requests)
        return false;
    zseq_claim_resize (&inflight->claim, count, count_min);
    return true;
}

void
zseq_request_queue_hand_out (zseq_inflight_t *inflight, uint64_t first,
                             uint64_t left, uint64_t others)
{
    assert (inflight);

    zseq_batcher_t *self = inflight->queue->batcher;
    uint64_t served = inflight->queue->requests + others;
    zseq_request_t *requests = inflight->requests;
    inflight->requests = NULL;
    self->stats.won++;
    while (requests) {
        zseq_request_t *request = requests;
        requests = request->next;
        if (request->count_min > left) {
            s_end (request, ZSEQ_EEXHAUSTED);
            continue;
        }
        if (request->count > left)
            request->count = left;
        request->first = first;
        request->served = served;
        first += request->count;
        left -= request->count;
        s_end (request, ZSEQ_OK);
    }
    //  IDs of requests that were cancelled meanwhile.
    self->stats.burnt += left;
}

void
zseq_request_queue_refuse (zseq_inflight_t *inflight, int status)
{
    assert (inflight);

    zseq_request_t *requests = inflight->requests;
    inflight->requests = NULL;
    s_end_all (requests, status);
}

void
zseq_request_queue_end (zseq_request_queue_t *queue, int status)
{
    assert (queue);

    zseq_request_t *requests = queue->waiting;
    queue->waiting = NULL;
    queue->waiting_end = &queue->waiting;
    s_end_all (requests, status);
    for (zseq_inflight_t *inflight = queue->inflight; inflight;
         inflight = inflight->behind)
        zseq_request_queue_refuse (inflight, status);
    s_abandon_empty (queue);
}

const zseq_attempt_t *
zseq_request_queue_attempt (const zseq_request_queue_t *self, uint8_t *node_p)
{
    assert (self);
    assert (node_p);

    *node_p = self->batcher->quorum.n;
    if (!self->inflight)
        return NULL;
    if (zseq_inflight_delegated (self->inflight))
        *node_p = self->inflight->node;
    return &self->inflight->claim.attempt;
}
