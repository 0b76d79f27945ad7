#include "zseq_coordinator.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  Claims of one name that may be on their way at once.
#define FLIGHTS_MAX 2
//  Names that nobody asks for any more, of which it is kept what is known.
#define IDLE_MAX 4096
//  What a round trip is taken for before there was one, and at least.
#define RTT_US 1000
#define RTT_US_MIN 100

//  A NEXT that waits, or rides a claim.
typedef struct s_rider {
    zseq_route_t route;
    uint64_t request;
    uint64_t count;
    uint64_t count_min;
    uint64_t deadline_us;
    struct s_rider *next;
} s_rider_t;

//  A claim: on its way, or to be made again.
typedef struct s_flight {
    zseq_claim_t claim;
    s_rider_t *riders;
    struct zseq_line *line;
    uint64_t began_us;        //  When it was sent last
    bool due;                 //  It is to be sent with the next flush
    size_t place;             //  In the array of all
    struct s_flight *behind;  //  In the line's list, or the free one
} s_flight_t;

//  A name that is asked for.
struct zseq_line {
    zseq_entry_t *entry;
    zseq_known_t known;
    s_rider_t *waiting;
    s_rider_t **waiting_end;
    s_flight_t *flights;  //  In the order in which they began
    size_t flight_count;
    bool queued;
    struct zseq_line *queue;  //  Next of those to be looked at
    struct zseq_line *older;  //  In the list of all
    struct zseq_line **older_p;
};

struct zseq_coordinator {
    zseq_coordinator_hooks_t hooks;
    zseq_quorum_t quorum;
    size_t requests;
    size_t requests_max;
    size_t idle;  //  Lines without riders and flights
    uint64_t rtt_us;
    uint64_t wake_us;
    struct zseq_line *queued;
    struct zseq_line **queued_end;
    struct zseq_line *lines;
    s_flight_t **flights;  //  All of them
    size_t flight_count;
    size_t flight_size;
    s_flight_t *free_flights;
    s_rider_t *free_riders;
};

zseq_coordinator_t *
zseq_coordinator_new (size_t n, size_t requests_max,
                      const zseq_coordinator_hooks_t *hooks)
{
    assert (hooks);
    assert (hooks->ask);
    assert (hooks->answer);
    assert (hooks->draw);

    zseq_coordinator_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    int rc = zseq_quorum_init (&self->quorum, n, 0, 0);
    assert (rc == ZSEQ_OK);
    self->hooks = *hooks;
    self->requests_max = requests_max;
    self->rtt_us = RTT_US;
    self->wake_us = UINT64_MAX;
    self->queued_end = &self->queued;
    return self;
}

//  Riders.

static s_rider_t *
s_new_rider (zseq_coordinator_t *self)
{
    s_rider_t *rider = self->free_riders;
    if (rider)
        self->free_riders = rider->next;
    else
        rider = malloc (sizeof *rider);
    if (rider)
        self->requests++;
    return rider;
}

static void
s_free_rider (zseq_coordinator_t *self, s_rider_t *rider)
{
    rider->next = self->free_riders;
    self->free_riders = rider;
    self->requests--;
}

//  Answers a rider, which is gone then.
static void
s_answer (zseq_coordinator_t *self, s_rider_t *rider, int status,
          uint64_t first, uint64_t count, uint64_t served)
{
    zseq_msg_t msg;
    msg.op = ZSEQ_OP_NEXT;
    msg.reply = true;
    msg.request = rider->request;
    msg.status = status;
    msg.first = first;
    msg.count = count;
    msg.served = served;
    self->hooks.answer (self->hooks.arg, &rider->route, &msg);
    s_free_rider (self, rider);
}

static void
s_answer_all (zseq_coordinator_t *self, s_rider_t *riders, int status)
{
    while (riders) {
        s_rider_t *rider = riders;
        riders = rider->next;
        s_answer (self, rider, status, 0, 0, 0);
    }
}

//  Lines.

static void
s_queue (zseq_coordinator_t *self, struct zseq_line *line)
{
    if (line->queued)
        return;
    line->queued = true;
    line->queue = NULL;
    *self->queued_end = line;
    self->queued_end = &line->queue;
}

static bool
s_is_idle (const struct zseq_line *line)
{
    return !line->waiting && !line->flights;
}

static struct zseq_line *
s_new_line (zseq_coordinator_t *self, zseq_entry_t *entry)
{
    struct zseq_line *line = calloc (1, sizeof *line);
    if (!line)
        return NULL;
    line->entry = entry;
    line->waiting_end = &line->waiting;
    line->older = self->lines;
    line->older_p = &self->lines;
    if (line->older)
        line->older->older_p = &line->older;
    self->lines = line;
    self->idle++;
    entry->line = line;
    return line;
}

static void
s_free_line (zseq_coordinator_t *self, struct zseq_line *line)
{
    assert (s_is_idle (line));
    assert (!line->queued);
    *line->older_p = line->older;
    if (line->older)
        line->older->older_p = line->older_p;
    line->entry->line = NULL;
    self->idle--;
    free (line);
}

//  Flights.

static s_flight_t *
s_new_flight (zseq_coordinator_t *self, struct zseq_line *line)
{
    if (self->flight_count == self->flight_size) {
        size_t size = self->flight_size ? 2 * self->flight_size : 16;
        s_flight_t **flights = realloc (self->flights, size * sizeof *flights);
        if (!flights)
            return NULL;
        self->flights = flights;
        self->flight_size = size;
    }
    s_flight_t *flight = self->free_flights;
    if (flight)
        self->free_flights = flight->behind;
    else
        flight = malloc (sizeof *flight);
    if (!flight)
        return NULL;
    memset (flight, 0, sizeof *flight);
    flight->line = line;
    flight->place = self->flight_count;
    self->flights[self->flight_count++] = flight;
    s_flight_t **end = &line->flights;
    while (*end)
        end = &(*end)->behind;
    *end = flight;
    line->flight_count++;
    return flight;
}

static void
s_free_flight (zseq_coordinator_t *self, s_flight_t *flight)
{
    struct zseq_line *line = flight->line;
    s_flight_t **place = &line->flights;
    while (*place != flight)
        place = &(*place)->behind;
    *place = flight->behind;
    line->flight_count--;
    s_flight_t *last = self->flights[--self->flight_count];
    self->flights[flight->place] = last;
    last->place = flight->place;
    flight->behind = self->free_flights;
    self->free_flights = flight;
}

//  Lets go of those whose clients have given up.
static void
s_expire (zseq_coordinator_t *self, s_rider_t **list, uint64_t now_us)
{
    while (*list) {
        s_rider_t *rider = *list;
        if (now_us < rider->deadline_us) {
            list = &rider->next;
            continue;
        }
        *list = rider->next;
        s_free_rider (self, rider);
    }
}

//  Chooses whom the claim about to be sent is for, in the order in which they
//  came (S7: none joins a claim that was sent). One that does not fit into what
//  is left of the sequence stays behind, to be refused alone.
static bool
s_board (zseq_coordinator_t *self, s_flight_t *flight, uint64_t now_us)
{
    struct zseq_line *line = flight->line;
    s_rider_t *all = flight->riders;
    s_rider_t **end = &all;
    while (*end)
        end = &(*end)->next;
    *end = line->waiting;
    s_expire (self, &all, now_us);

    uint64_t room = zseq_claim_room (&flight->claim);
    uint64_t count = 0;
    uint64_t count_min = ZSEQ_COUNT_MAX;
    s_rider_t **riding = &flight->riders;
    s_rider_t **waiting = &line->waiting;
    *riding = *waiting = NULL;
    while (all) {
        s_rider_t *rider = all;
        all = rider->next;
        rider->next = NULL;
        //  If none fits, the last one finds out for certain.
        bool boards = rider->count_min <= room - count || (!all && !count);
        s_rider_t ***list = boards ? &riding : &waiting;
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

//  Hands out what was won, in the order in which the riders came.
static void
s_hand_out (zseq_coordinator_t *self, s_flight_t *flight)
{
    uint64_t served = 0;
    for (const s_rider_t *rider = flight->riders; rider; rider = rider->next)
        served++;
    uint64_t first = flight->claim.first;
    uint64_t left = flight->claim.count;
    while (flight->riders) {
        s_rider_t *rider = flight->riders;
        flight->riders = rider->next;
        if (rider->count_min > left) {
            s_answer (self, rider, ZSEQ_EEXHAUSTED, 0, 0, 0);
            continue;
        }
        uint64_t count = rider->count < left ? rider->count : left;
        s_answer (self, rider, ZSEQ_OK, first, count, served);
        first += count;
        left -= count;
    }
}

//  The claim has ended.
static void
s_land (zseq_coordinator_t *self, s_flight_t *flight, uint64_t now_us)
{
    struct zseq_line *line = flight->line;
    const zseq_claim_t *claim = &flight->claim;
    //  Of claims on their way at once, each has learnt something.
    for (size_t node = 0; node < ZSEQ_NODES_MAX; node++)
        if (line->known.next[node] < claim->known.next[node])
            line->known.next[node] = claim->known.next[node];
    if (claim->rc == ZSEQ_OK) {
        uint64_t rtt_us = now_us - flight->began_us;
        self->rtt_us = (7 * self->rtt_us + rtt_us) / 8;
        if (self->rtt_us < RTT_US_MIN)
            self->rtt_us = RTT_US_MIN;
        s_hand_out (self, flight);
    }
    else if (claim->rc == ZSEQ_EEXHAUSTED)
        s_answer_all (self, flight->riders, claim->rc);
    else
        //  All their clients have given up by now.
        s_expire (self, &flight->riders, UINT64_MAX);
    flight->riders = NULL;
    s_free_flight (self, flight);
    if (s_is_idle (line))
        self->idle++;
    s_queue (self, line);
}

static void
s_follow (zseq_coordinator_t *self, s_flight_t *flight, zseq_do_t what,
          uint64_t now_us)
{
    if (what == ZSEQ_DO_DONE)
        s_land (self, flight, now_us);
    else if (what == ZSEQ_DO_SEND) {
        flight->due = true;
        s_queue (self, flight->line);
    }
}

static void
s_send (zseq_coordinator_t *self, s_flight_t *flight, uint64_t now_us)
{
    flight->due = false;
    if (!s_board (self, flight, now_us)) {
        struct zseq_line *line = flight->line;
        s_free_flight (self, flight);
        if (s_is_idle (line))
            self->idle++;
        return;
    }
    const zseq_entry_t *entry = flight->line->entry;
    uint64_t request = self->hooks.draw (self->hooks.arg);
    zseq_msg_t msg;
    flight->began_us = now_us;
    if (zseq_claim_request (&flight->claim, request, now_us, &msg) ==
        ZSEQ_DO_DONE) {
        s_land (self, flight, now_us);
        return;
    }
    msg.name = (zseq_slice_t){entry->name, entry->name_size};
    //  The node's own answer may come at once, and be all that it takes.
    for (uint8_t node = 0; node < self->quorum.n; node++)
        if (flight->claim.attempt.request == request)
            self->hooks.ask (self->hooks.arg, node, &msg);
}

//  Lets a further claim begin where the last one is going to end, if that is
//  known.
static s_flight_t *
s_begin (zseq_coordinator_t *self, struct zseq_line *line)
{
    zseq_known_t known = line->known;
    s_flight_t *last = line->flights;
    while (last && last->behind)
        last = last->behind;
    if (last && (last->claim.reading || !last->claim.attempt.request ||
                 line->flight_count == FLIGHTS_MAX))
        return NULL;
    for (uint8_t node = 0; last && node < self->quorum.n; node++)
        if (known.next[node] < last->claim.first + last->claim.count)
            known.next[node] = last->claim.first + last->claim.count;
    s_flight_t *flight = s_new_flight (self, line);
    if (!flight)
        return NULL;
    uint64_t deadline_us = 0;
    for (const s_rider_t *rider = line->waiting; rider; rider = rider->next)
        if (deadline_us < rider->deadline_us)
            deadline_us = rider->deadline_us;
    zseq_pace_t pace = {.rtt_us = self->rtt_us,
                        .deadline_us = deadline_us,
                        .seed = self->hooks.draw (self->hooks.arg)};
    zseq_claim_init (&flight->claim, &self->quorum, &known, 1, 1, &pace);
    return flight;
}

void
zseq_coordinator_flush (zseq_coordinator_t *self, uint64_t now_us)
{
    assert (self);

    while (self->queued) {
        struct zseq_line *line = self->queued;
        self->queued = line->queue;
        if (!self->queued)
            self->queued_end = &self->queued;
        line->queued = false;
        for (s_flight_t *flight = line->flights, *behind; flight;
             flight = behind) {
            behind = flight->behind;
            if (flight->due)
                s_send (self, flight, now_us);
        }
        s_flight_t *flight = line->waiting ? s_begin (self, line) : NULL;
        if (flight)
            s_send (self, flight, now_us);
        if (s_is_idle (line) && !line->queued && self->idle > IDLE_MAX)
            s_free_line (self, line);
    }
}

//  Calls.

int
zseq_coordinator_next (zseq_coordinator_t *self, zseq_entry_t *entry,
                       const zseq_route_t *route, const zseq_msg_t *msg,
                       uint64_t now_us)
{
    assert (self);
    assert (entry);
    assert (route);
    assert (msg);

    if (self->requests == self->requests_max)
        return ZSEQ_EBUSY;
    struct zseq_line *line = entry->line;
    if (!line)
        line = s_new_line (self, entry);
    s_rider_t *rider = line ? s_new_rider (self) : NULL;
    if (!rider)
        return ZSEQ_EBUSY;
    rider->route = *route;
    rider->request = msg->request;
    rider->count = msg->count;
    rider->count_min = msg->count_min;
    rider->deadline_us = msg->patience_us < UINT64_MAX - now_us
                           ? now_us + msg->patience_us
                           : UINT64_MAX;
    rider->next = NULL;
    if (s_is_idle (line))
        self->idle--;
    *line->waiting_end = rider;
    line->waiting_end = &rider->next;
    s_queue (self, line);
    return ZSEQ_OK;
}

void
zseq_coordinator_reply (zseq_coordinator_t *self, const zseq_msg_t *msg,
                        uint64_t now_us)
{
    assert (self);
    assert (msg);

    for (size_t place = 0; place < self->flight_count; place++) {
        s_flight_t *flight = self->flights[place];
        if (flight->claim.attempt.request != msg->request)
            continue;
        s_follow (self, flight, zseq_claim_reply (&flight->claim, msg, now_us),
                  now_us);
        return;
    }
}

void
zseq_coordinator_tick (zseq_coordinator_t *self, uint64_t now_us)
{
    assert (self);

    //  From the last on: whoever ends gives its place to one seen already.
    for (size_t place = self->flight_count; place-- > 0;) {
        s_flight_t *flight = self->flights[place];
        s_follow (self, flight, zseq_claim_tick (&flight->claim, now_us),
                  now_us);
    }
}

uint64_t
zseq_coordinator_wake_us (const zseq_coordinator_t *self)
{
    assert (self);

    uint64_t wake_us = UINT64_MAX;
    for (size_t place = 0; place < self->flight_count; place++) {
        uint64_t at_us = zseq_claim_wake_us (&self->flights[place]->claim);
        if (wake_us > at_us)
            wake_us = at_us;
    }
    return wake_us;
}

void
zseq_coordinator_end (zseq_coordinator_t *self, int status)
{
    assert (self);

    while (self->flight_count) {
        s_flight_t *flight = self->flights[0];
        s_answer_all (self, flight->riders, status);
        s_free_flight (self, flight);
    }
    for (struct zseq_line *line = self->lines, *older; line; line = older) {
        older = line->older;
        s_answer_all (self, line->waiting, status);
        line->waiting = NULL;
        line->waiting_end = &line->waiting;
        line->entry->line = NULL;
        free (line);
    }
    self->lines = NULL;
    self->idle = 0;
    self->queued = NULL;
    self->queued_end = &self->queued;
}

size_t
zseq_coordinator_waiting (const zseq_coordinator_t *self)
{
    assert (self);
    return self->requests;
}

void
zseq_coordinator_destroy (zseq_coordinator_t **self_p)
{
    assert (self_p);

    zseq_coordinator_t *self = *self_p;
    if (!self)
        return;
    for (size_t place = 0; place < self->flight_count; place++)
        for (s_rider_t *rider = self->flights[place]->riders, *next; rider;
             rider = next) {
            next = rider->next;
            free (rider);
        }
    for (size_t place = 0; place < self->flight_count; place++)
        free (self->flights[place]);
    for (struct zseq_line *line = self->lines, *older; line; line = older) {
        older = line->older;
        for (s_rider_t *rider = line->waiting, *next; rider; rider = next) {
            next = rider->next;
            free (rider);
        }
        free (line);
    }
    for (s_flight_t *flight = self->free_flights, *behind; flight;
         flight = behind) {
        behind = flight->behind;
        free (flight);
    }
    for (s_rider_t *rider = self->free_riders, *next; rider; rider = next) {
        next = rider->next;
        free (rider);
    }
    free (self->flights);
    free (self);
    *self_p = NULL;
}
