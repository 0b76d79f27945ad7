#include "zseq_request_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_batcher_private.h"

//  Schedules.

//  A line is in one schedule at most: without flights, there is nothing to look
//  at.
void
zseq_request_queue_put (zseq_schedule_t *schedule, zseq_line_t *line)
{
    assert (schedule);
    assert (line);

    if (line->queued)
        return;
    line->queued = true;
    line->queue = NULL;
    *schedule->end = line;
    schedule->end = &line->queue;
}

void
zseq_request_queue_schedule (zseq_line_t *line)
{
    assert (line);
    zseq_request_queue_put (&line->batcher->queued, line);
}

zseq_line_t *
zseq_request_queue_take (zseq_schedule_t *schedule)
{
    assert (schedule);

    zseq_line_t *line = schedule->first;
    if (!line)
        return NULL;
    schedule->first = line->queue;
    if (!schedule->first)
        schedule->end = &schedule->first;
    line->queued = false;
    return line;
}

static void
s_remove (zseq_schedule_t *schedule, const zseq_line_t *line)
{
    zseq_line_t **place = &schedule->first;
    while (*place && *place != line)
        place = &(*place)->queue;
    if (!*place)
        return;
    *place = line->queue;
    if (!*place)
        schedule->end = place;
}

//  Queues.

zseq_line_t *
zseq_line_new (zseq_batcher_t *batcher, const char *name, size_t size)
{
    assert (batcher);
    assert (name);
    assert (size >= 1);

    zseq_line_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->batcher = batcher;
    self->name = (zseq_slice_t){name, size};
    self->waiting_end = &self->waiting;
    zseq_delegation_init_name (&self->delegation, self->name);
    return self;
}

bool
zseq_line_idle (const zseq_line_t *self)
{
    assert (self);
    return !self->riders && !self->flights;
}

void
zseq_line_free (zseq_line_t **self_p)
{
    assert (self_p);

    zseq_line_t *self = *self_p;
    if (!self)
        return;
    assert (zseq_line_idle (self));
    if (self->queued) {
        s_remove (&self->batcher->queued, self);
        s_remove (&self->batcher->lined_up, self);
    }
    free (self);
    *self_p = NULL;
}

void
zseq_line_add (zseq_line_t *self, zseq_rider_t *rider)
{
    assert (self);
    assert (rider);
    assert (rider->count_min >= 1);
    assert (rider->count_min <= rider->count);
    assert (rider->count <= ZSEQ_COUNT_MAX);

    zseq_batcher_t *batcher = self->batcher;
    rider->line = self;
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
s_leave (zseq_line_t *line)
{
    if (--line->riders)
        return;
    *line->busy_p = line->busy;
    if (line->busy)
        line->busy->busy_p = line->busy_p;
}

//  A rider that is in no list any more.
static void
s_end (zseq_rider_t *rider, int status)
{
    zseq_batcher_t *self = rider->line->batcher;
    rider->status = status;
    s_leave (rider->line);
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

//  Takes a rider out of a list of its line.
static void
s_unlink (zseq_rider_t **place)
{
    zseq_rider_t *rider = *place;
    zseq_line_t *line = rider->line;
    if (line->waiting_end == &rider->next)
        line->waiting_end = place;
    *place = rider->next;
}

//  Flights.

zseq_inflight_t *
zseq_request_queue_launch (zseq_line_t *line)
{
    assert (line);

    zseq_batcher_t *self = line->batcher;
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
    flight->line = line;
    flight->node = ZSEQ_NOBODY;
    flight->place = self->flight_count;
    self->flights[self->flight_count++] = flight;
    zseq_inflight_t **end = &line->flights;
    while (*end)
        end = &(*end)->behind;
    *end = flight;
    line->flight_count++;
    return flight;
}

void
zseq_request_queue_retire (zseq_inflight_t *flight)
{
    assert (flight);

    zseq_batcher_t *self = flight->line->batcher;
    const zseq_claim_t *claim = &flight->claim;
    self->stats.claims += claim->claims;
    self->stats.conflicts += claim->conflicts;
    self->stats.late += claim->attempt.late;
    self->stats.burnt += claim->burnt;

    zseq_line_t *line = flight->line;
    zseq_inflight_t **place = &line->flights;
    while (*place != flight)
        place = &(*place)->behind;
    *place = flight->behind;
    line->flight_count--;
    zseq_inflight_t *last = self->flights[--self->flight_count];
    self->flights[flight->place] = last;
    last->place = flight->place;
    flight->behind = self->free_flights;
    self->free_flights = flight;
    zseq_request_queue_schedule (line);
}

void
zseq_request_queue_abandon (zseq_inflight_t *flight)
{
    assert (flight);
    assert (!flight->riders);

    const zseq_claim_t *claim = &flight->claim;
    if (zseq_inflight_delegated (flight) ||
        (claim->attempt.request && !claim->reading))
        flight->line->batcher->stats.burnt += claim->count;
    zseq_request_queue_retire (flight);
}

static void
s_abandon_empty (zseq_line_t *line)
{
    for (zseq_inflight_t *flight = line->flights, *behind; flight;
         flight = behind) {
        behind = flight->behind;
        if (!flight->riders)
            zseq_request_queue_abandon (flight);
    }
}

void
zseq_line_cancel (zseq_rider_t *rider)
{
    assert (rider);

    zseq_line_t *line = rider->line;
    zseq_rider_t **place = &line->waiting;
    while (*place && *place != rider)
        place = &(*place)->next;
    for (zseq_inflight_t *flight = line->flights; flight && !*place;
         flight = flight->behind) {
        place = &flight->riders;
        while (*place && *place != rider)
            place = &(*place)->next;
    }
    assert (*place);
    s_unlink (place);
    s_leave (line);
    s_abandon_empty (line);
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
    for (zseq_line_t *line = batcher->busy, *busy; line; line = busy) {
        busy = line->busy;
        for (zseq_inflight_t *flight = line->flights; flight;
             flight = flight->behind)
            s_expire_list (&flight->riders, now_us, &deadline_us);
        s_expire_list (&line->waiting, now_us, &deadline_us);
        s_abandon_empty (line);
    }
    batcher->deadline_us = deadline_us;
}

//  S7: no request joins a claim that was sent. One that does not fit into what
//  is left of the sequence stays behind, to be refused alone.
bool
zseq_request_queue_assign (zseq_inflight_t *flight, uint64_t room)
{
    assert (flight);

    zseq_line_t *line = flight->line;
    zseq_rider_t *all = flight->riders;
    zseq_rider_t **end = &all;
    while (*end)
        end = &(*end)->next;
    *end = line->waiting;

    //  Less is better than none only where the sequence ends.
    bool ends = room < ZSEQ_COUNT_MAX;
    uint64_t count = 0;
    uint64_t count_min = ZSEQ_COUNT_MAX;
    zseq_rider_t **riding = &flight->riders;
    zseq_rider_t **waiting = &line->waiting;
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
    line->waiting_end = waiting;
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

    zseq_batcher_t *self = flight->line->batcher;
    uint64_t served = flight->line->riders;
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
zseq_request_queue_end (zseq_line_t *line, int status)
{
    assert (line);

    zseq_rider_t *riders = line->waiting;
    line->waiting = NULL;
    line->waiting_end = &line->waiting;
    s_end_all (riders, status);
    for (zseq_inflight_t *flight = line->flights; flight;
         flight = flight->behind)
        zseq_request_queue_refuse (flight, status);
    s_abandon_empty (line);
}

const zseq_attempt_t *
zseq_line_attempt (const zseq_line_t *self, uint8_t *node_p)
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
