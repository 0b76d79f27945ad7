#include "zseq_request_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_batcher_private.h"

//  Schedules.

//  A queue is in one schedule at most: without flights, there is nothing to look
//  at.
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
    zseq_request_queue_t **place = &schedule->first;
    while (*place && *place != queue)
        place = &(*place)->next_scheduled;
    if (!*place)
        return;
    *place = queue->next_scheduled;
    if (!*place)
        schedule->end = place;
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
    zseq_delegation_init_name (&self->delegation, self->name);
    return self;
}

bool
zseq_request_queue_idle (const zseq_request_queue_t *self)
{
    assert (self);
    return !self->riders && !self->flights;
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
zseq_request_queue_add (zseq_request_queue_t *self, zseq_rider_t *rider)
{
    assert (self);
    assert (rider);
    assert (rider->count_min >= 1);
    assert (rider->count_min <= rider->count);
    assert (rider->count <= ZSEQ_COUNT_MAX);

    zseq_batcher_t *batcher = self->batcher;
    rider->queue = self;
    rider->next = NULL;
    *self->waiting_end = rider;
    self->waiting_end = &rider->next;
    if (self->riders++ == 0) {
        self->busy = batcher->busy;
        self->busy_p = &batcher->busy;
        if (self->busy)
            self->busy->busy_p = &self->busy;
        batcher->busy = self;
    }
    if (batcher->deadline_us > rider->deadline_us)
        batcher->deadline_us = rider->deadline_us;
    zseq_request_queue_schedule (self);
}

//  Riders.

static void
s_leave (zseq_request_queue_t *queue)
{
    if (--queue->riders)
        return;
    *queue->busy_p = queue->busy;
    if (queue->busy)
        queue->busy->busy_p = queue->busy_p;
}

//  A rider that is in no list any more.
static void
s_end (zseq_rider_t *rider, int status)
{
    zseq_batcher_t *self = rider->queue->batcher;
    rider->status = status;
    s_leave (rider->queue);
    self->hooks.done (self->hooks.arg, rider);
}

static void
s_end_all (zseq_rider_t *riders, int status)
{
    while (riders) {
        zseq_rider_t *rider = riders;
        riders = rider->next;
        s_end (rider, status);
    }
}

//  Takes a rider out of a list of its queue.
static void
s_unlink (zseq_rider_t **place)
{
    zseq_rider_t *rider = *place;
    zseq_request_queue_t *queue = rider->queue;
    if (queue->waiting_end == &rider->next)
        queue->waiting_end = place;
    *place = rider->next;
}

//  Flights.

zseq_inflight_t *
zseq_request_queue_launch (zseq_request_queue_t *queue)
{
    assert (queue);

    zseq_batcher_t *self = queue->batcher;
    if (self->flight_count == self->flight_size) {
        size_t size = self->flight_size ? 2 * self->flight_size : 16;
        zseq_inflight_t **flights =
          realloc (self->flights, size * sizeof *flights);
        if (!flights)
            return NULL;
        self->flights = flights;
        self->flight_size = size;
    }
    zseq_inflight_t *flight = self->free_flights;
    if (flight)
        self->free_flights = flight->behind;
    else
        flight = malloc (sizeof *flight);
    if (!flight)
        return NULL;
    memset (flight, 0, sizeof *flight);
    flight->queue = queue;
    flight->node = ZSEQ_NOBODY;
    flight->place = self->flight_count;
    self->flights[self->flight_count++] = flight;
    zseq_inflight_t **end = &queue->flights;
    while (*end)
        end = &(*end)->behind;
    *end = flight;
    queue->flight_count++;
    return flight;
}

void
zseq_request_queue_retire (zseq_inflight_t *flight)
{
    assert (flight);

    zseq_batcher_t *self = flight->queue->batcher;
    const zseq_claim_t *claim = &flight->claim;
    self->stats.claims += claim->claims;
    self->stats.conflicts += claim->conflicts;
    self->stats.late += claim->attempt.late;
    self->stats.burnt += claim->burnt;

    zseq_request_queue_t *queue = flight->queue;
    zseq_inflight_t **place = &queue->flights;
    while (*place != flight)
        place = &(*place)->behind;
    *place = flight->behind;
    queue->flight_count--;
    zseq_inflight_t *last = self->flights[--self->flight_count];
    self->flights[flight->place] = last;
    last->place = flight->place;
    flight->behind = self->free_flights;
    self->free_flights = flight;
    zseq_request_queue_schedule (queue);
}

void
zseq_request_queue_abandon (zseq_inflight_t *flight)
{
    assert (flight);
    assert (!flight->riders);

    const zseq_claim_t *claim = &flight->claim;
    if (zseq_inflight_delegated (flight) ||
        (claim->attempt.request && !claim->reading))
        flight->queue->batcher->stats.burnt += claim->count;
    zseq_request_queue_retire (flight);
}

static void
s_abandon_empty (zseq_request_queue_t *queue)
{
    for (zseq_inflight_t *flight = queue->flights, *behind; flight;
         flight = behind) {
        behind = flight->behind;
        if (!flight->riders)
            zseq_request_queue_abandon (flight);
    }
}

void
zseq_request_queue_cancel (zseq_rider_t *rider)
{
    assert (rider);

    zseq_request_queue_t *queue = rider->queue;
    zseq_rider_t **place = &queue->waiting;
    while (*place && *place != rider)
        place = &(*place)->next;
    for (zseq_inflight_t *flight = queue->flights; flight && !*place;
         flight = flight->behind) {
        place = &flight->riders;
        while (*place && *place != rider)
            place = &(*place)->next;
    }
    assert (*place);
    s_unlink (place);
    s_leave (queue);
    s_abandon_empty (queue);
}

static void
s_expire_list (zseq_rider_t **list, uint64_t now_us, uint64_t *deadline_us)
{
    while (*list) {
        zseq_rider_t *rider = *list;
        if (rider->deadline_us <= now_us) {
            s_unlink (list);
            s_end (rider, ZSEQ_ETIMEOUT);
            continue;
        }
        if (*deadline_us > rider->deadline_us)
            *deadline_us = rider->deadline_us;
        list = &rider->next;
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
        for (zseq_inflight_t *flight = queue->flights; flight;
             flight = flight->behind)
            s_expire_list (&flight->riders, now_us, &deadline_us);
        s_expire_list (&queue->waiting, now_us, &deadline_us);
        s_abandon_empty (queue);
    }
    batcher->deadline_us = deadline_us;
}

//  S7: no request joins a claim that was sent. One that does not fit into what
//  is left of the sequence stays behind, to be refused alone.
bool
zseq_request_queue_assign (zseq_inflight_t *flight, uint64_t room)
{
    assert (flight);

    zseq_request_queue_t *queue = flight->queue;
    zseq_rider_t *all = flight->riders;
    zseq_rider_t **end = &all;
    while (*end)
        end = &(*end)->next;
    *end = queue->waiting;

    //  Less is better than none only where the sequence ends.
    bool ends = room < ZSEQ_COUNT_MAX;
    uint64_t count = 0;
    uint64_t count_min = ZSEQ_COUNT_MAX;
    zseq_rider_t **riding = &flight->riders;
    zseq_rider_t **waiting = &queue->waiting;
    *riding = *waiting = NULL;
    while (all) {
        zseq_rider_t *rider = all;
        all = rider->next;
        rider->next = NULL;
        //  If none fits, the last one finds out for certain.
        uint64_t need = ends ? rider->count_min : rider->count;
        bool boards = need <= room - count || (!all && !count);
        zseq_rider_t ***list = boards ? &riding : &waiting;
        **list = rider;
        *list = &rider->next;
        if (!boards)
            continue;
        uint64_t left = room - count;
        count +=
          rider->count_min <= left && rider->count > left ? left : rider->count;
        if (rider->count_min < count_min)
            count_min = rider->count_min;
    }
    queue->waiting_end = waiting;
    if (!flight->riders)
        return false;
    zseq_claim_resize (&flight->claim, count, count_min);
    return true;
}

void
zseq_request_queue_hand_out (zseq_inflight_t *flight, uint64_t first,
                             uint64_t left)
{
    assert (flight);

    zseq_batcher_t *self = flight->queue->batcher;
    uint64_t served = flight->queue->riders;
    zseq_rider_t *riders = flight->riders;
    flight->riders = NULL;
    self->stats.won++;
    while (riders) {
        zseq_rider_t *rider = riders;
        riders = rider->next;
        if (rider->count_min > left) {
            s_end (rider, ZSEQ_EEXHAUSTED);
            continue;
        }
        if (rider->count > left)
            rider->count = left;
        rider->first = first;
        rider->served = served;
        first += rider->count;
        left -= rider->count;
        s_end (rider, ZSEQ_OK);
    }
    //  Of those who gave up meanwhile.
    self->stats.burnt += left;
}

void
zseq_request_queue_refuse (zseq_inflight_t *flight, int status)
{
    assert (flight);

    zseq_rider_t *riders = flight->riders;
    flight->riders = NULL;
    s_end_all (riders, status);
}

void
zseq_request_queue_end (zseq_request_queue_t *queue, int status)
{
    assert (queue);

    zseq_rider_t *riders = queue->waiting;
    queue->waiting = NULL;
    queue->waiting_end = &queue->waiting;
    s_end_all (riders, status);
    for (zseq_inflight_t *flight = queue->flights; flight;
         flight = flight->behind)
        zseq_request_queue_refuse (flight, status);
    s_abandon_empty (queue);
}

const zseq_attempt_t *
zseq_request_queue_attempt (const zseq_request_queue_t *self, uint8_t *node_p)
{
    assert (self);
    assert (node_p);

    *node_p = self->batcher->quorum.n;
    if (!self->flights)
        return NULL;
    if (zseq_inflight_delegated (self->flights))
        *node_p = self->flights->node;
    return &self->flights->claim.attempt;
}
