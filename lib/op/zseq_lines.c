#include "zseq_lines.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  Claims of one name that may be on their way at once, and of all names when one
//  more sets out: a node keeps a thousand replies for a connection, and what is
//  more is lost.
#define FLIGHTS_MAX 2
#define OUT_MAX 512
//  What a round trip is taken for before there was one, and at least.
#define RTT_US 1000
#define RTT_US_MIN 20
//  How long a coordinator may take: it may have to claim twice, and its disk may
//  stall for a moment, while two coordinators of one name are in each other's
//  way.
#define PATIENCE_US_MIN 50000
#define PATIENCE_US_MAX 1000000
#define PATIENCE_TRIPS 8
//  After so many replies that served nobody else a client claims for itself
//  again. If that was too soon, it waits for twice as many.
#define ALONE_MIN 64
#define ALONE_MAX 4096
#define NOBODY UINT8_MAX

//  A claim or a NEXT: on its way, or to be made again.
typedef struct s_flight {
    zseq_claim_t claim;  //  Of a NEXT, what is wanted
    uint8_t node;        //  Whom the NEXT was sent; or NOBODY
    uint64_t request;    //  The NEXT's ID
    uint64_t until_us;   //  When its patience ends
    size_t company;      //  How many of its line were out at once with it
    zseq_rider_t *riders;
    zseq_line_t *line;
    uint64_t began_us;        //  When it was sent last
    bool due;                 //  It is to be sent with the next flush
    size_t place;             //  In the array of all
    struct s_flight *behind;  //  In the line's list, or the free one
} s_flight_t;

struct zseq_line {
    zseq_lines_t *lines;
    const char *name;
    size_t name_size;
    zseq_known_t known;
    size_t riders;  //  All that have not ended
    zseq_rider_t *waiting;
    zseq_rider_t **waiting_end;
    s_flight_t *flights;  //  In the order in which they began
    size_t flight_count;
    bool coordinated;    //  Others claim this name too: it is left to one node
    uint32_t alone;      //  How often in a row there were no others
    uint32_t alone_min;  //  ... until that is believed
    bool ordered;
    uint8_t order[ZSEQ_NODES_MAX];
    bool queued;
    zseq_line_t *queue;  //  Next in the queue that it is in
    zseq_line_t *busy;   //  Next of those with riders
    zseq_line_t **busy_p;
};

typedef struct {
    zseq_line_t *first;
    zseq_line_t **end;
} s_queue_t;

struct zseq_lines {
    zseq_lines_hooks_t hooks;
    zseq_quorum_t quorum;  //  n 0: not open
    bool coordinates;
    zseq_rendezvous_t rendezvous;
    uint64_t errand_us;  //  A typical round trip of a NEXT; 0: not known
    uint32_t crowded;    //  Nodes that were when they answered last, a bit each
    zseq_lines_stats_t stats;
    uint64_t deadline_us;  //  No rider's is before
    s_queue_t queued;      //  Lines that are to be looked at
    s_queue_t lined_up;    //  Those with riders and no flight, in their order
    zseq_line_t *busy;
    s_flight_t **flights;  //  All of them
    size_t flight_count;
    size_t flight_size;
    s_flight_t *free_flights;
};

zseq_lines_t *
zseq_lines_new (const zseq_lines_hooks_t *hooks)
{
    assert (hooks);
    assert (hooks->ask);
    assert (hooks->done);
    assert (hooks->draw);

    zseq_lines_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->hooks = *hooks;
    self->stats.rtt_us = RTT_US;
    self->deadline_us = UINT64_MAX;
    self->queued.end = &self->queued.first;
    self->lined_up.end = &self->lined_up.first;
    return self;
}

void
zseq_lines_open (zseq_lines_t *self, const zseq_quorum_t *quorum,
                 const zseq_rendezvous_t *rendezvous)
{
    assert (self);
    assert (quorum);
    assert (!self->quorum.n);

    self->quorum = *quorum;
    //  A coordinator goes by the majority.
    self->coordinates =
      rendezvous && quorum->w == zseq_quorum_majority (quorum->n);
    if (self->coordinates)
        self->rendezvous = *rendezvous;
}

//  Lines.

//  It is in one queue at most: without flights, there is nothing to look at.
static void
s_put (s_queue_t *queue, zseq_line_t *line)
{
    if (line->queued)
        return;
    line->queued = true;
    line->queue = NULL;
    *queue->end = line;
    queue->end = &line->queue;
}

static void
s_queue (zseq_line_t *line)
{
    s_put (&line->lines->queued, line);
}

static zseq_line_t *
s_take (s_queue_t *queue)
{
    zseq_line_t *line = queue->first;
    if (!line)
        return NULL;
    queue->first = line->queue;
    if (!queue->first)
        queue->end = &queue->first;
    line->queued = false;
    return line;
}

static void
s_remove (s_queue_t *queue, const zseq_line_t *line)
{
    zseq_line_t **place = &queue->first;
    while (*place && *place != line)
        place = &(*place)->queue;
    if (!*place)
        return;
    *place = line->queue;
    if (!*place)
        queue->end = place;
}

zseq_line_t *
zseq_line_new (zseq_lines_t *lines, const char *name, size_t size)
{
    assert (lines);
    assert (name);
    assert (size >= 1);

    zseq_line_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->lines = lines;
    self->name = name;
    self->name_size = size;
    self->waiting_end = &self->waiting;
    self->alone_min = ALONE_MIN;
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
        s_remove (&self->lines->queued, self);
        s_remove (&self->lines->lined_up, self);
    }
    free (self);
    *self_p = NULL;
}

//  Riders.

void
zseq_line_add (zseq_line_t *self, zseq_rider_t *rider)
{
    assert (self);
    assert (rider);
    assert (rider->count_min >= 1);
    assert (rider->count_min <= rider->count);
    assert (rider->count <= ZSEQ_COUNT_MAX);

    zseq_lines_t *lines = self->lines;
    rider->line = self;
    rider->next = NULL;
    *self->waiting_end = rider;
    self->waiting_end = &rider->next;
    if (self->riders++ == 0) {
        self->busy = lines->busy;
        self->busy_p = &lines->busy;
        if (self->busy)
            self->busy->busy_p = &self->busy;
        lines->busy = self;
    }
    if (lines->deadline_us > rider->deadline_us)
        lines->deadline_us = rider->deadline_us;
    s_queue (self);
}

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
    zseq_lines_t *self = rider->line->lines;
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

static s_flight_t *
s_new_flight (zseq_lines_t *self, zseq_line_t *line)
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
    flight->node = NOBODY;
    flight->place = self->flight_count;
    self->flights[self->flight_count++] = flight;
    s_flight_t **end = &line->flights;
    while (*end)
        end = &(*end)->behind;
    *end = flight;
    line->flight_count++;
    return flight;
}

//  It ends, won or not.
static void
s_free_flight (zseq_lines_t *self, s_flight_t *flight)
{
    const zseq_claim_t *claim = &flight->claim;
    self->stats.claims += claim->claims;
    self->stats.conflicts += claim->conflicts;
    self->stats.late += claim->attempt.late;
    self->stats.burnt += claim->burnt;

    zseq_line_t *line = flight->line;
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
    s_queue (line);
}

static bool
s_is_errand (const s_flight_t *flight)
{
    return flight->node != NOBODY;
}

//  Nobody rides it any more.
static void
s_abandon (zseq_lines_t *self, s_flight_t *flight)
{
    const zseq_claim_t *claim = &flight->claim;
    if (s_is_errand (flight) || (claim->attempt.request && !claim->reading))
        self->stats.burnt += claim->count;
    s_free_flight (self, flight);
}

static void
s_abandon_empty (zseq_lines_t *self, zseq_line_t *line)
{
    for (s_flight_t *flight = line->flights, *behind; flight; flight = behind) {
        behind = flight->behind;
        if (!flight->riders)
            s_abandon (self, flight);
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
    for (s_flight_t *flight = line->flights; flight && !*place;
         flight = flight->behind) {
        place = &flight->riders;
        while (*place && *place != rider)
            place = &(*place)->next;
    }
    assert (*place);
    s_unlink (place);
    s_leave (line);
    s_abandon_empty (line->lines, line);
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

static void
s_expire (zseq_lines_t *self, uint64_t now_us)
{
    if (now_us < self->deadline_us)
        return;
    uint64_t deadline_us = UINT64_MAX;
    for (zseq_line_t *line = self->busy, *busy; line; line = busy) {
        busy = line->busy;
        for (s_flight_t *flight = line->flights; flight;
             flight = flight->behind)
            s_expire_list (&flight->riders, now_us, &deadline_us);
        s_expire_list (&line->waiting, now_us, &deadline_us);
        s_abandon_empty (self, line);
    }
    self->deadline_us = deadline_us;
}

//  Chooses whom the claim about to be sent is for, in the order in which they
//  came (S7: none joins a claim that was sent). One that does not fit into what
//  is left of the sequence stays behind, to be refused alone.
static bool
s_board (s_flight_t *flight, uint64_t room)
{
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

//  Hands out what was won, in the order in which the riders came.
static void
s_hand_out (zseq_lines_t *self, s_flight_t *flight, uint64_t first,
            uint64_t left)
{
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

//  Weight of a new round trip in the typical one: 1 / 8, as TCP has it
//  (RFC 6298).
static void
s_note_trip (zseq_lines_t *self, uint64_t trip_us)
{
    self->stats.trips++;
    self->stats.rtt_us = (7 * self->stats.rtt_us + trip_us + 7) / 8;
    if (self->stats.rtt_us < RTT_US_MIN)
        self->stats.rtt_us = RTT_US_MIN;
}

//  Whom to leave a name to.

//  Whether there is anybody else is not known, only that nobody was met.
static void
s_was_alone (zseq_line_t *line)
{
    if (++line->alone < line->alone_min)
        return;
    line->alone = 0;
    if (line->coordinated) {
        line->coordinated = false;
        if (line->alone_min < ALONE_MAX)
            line->alone_min *= 2;
    }
    else if (line->alone_min > ALONE_MIN)
        line->alone_min /= 2;
}

static void
s_was_not_alone (zseq_lines_t *self, zseq_line_t *line)
{
    line->alone = 0;
    if (line->coordinated || !self->coordinates)
        return;
    line->coordinated = true;
}

//  The node that is asked to claim that name now; n if all are passed over.
static uint8_t
s_coordinator (zseq_line_t *line)
{
    const zseq_rendezvous_t *rendezvous = &line->lines->rendezvous;
    if (!line->ordered)
        zseq_rendezvous_order (rendezvous, line->name, line->name_size,
                               line->order);
    line->ordered = true;
    return zseq_rendezvous_choose (rendezvous, line->order);
}

static void
s_note_crowd (zseq_lines_t *self, const zseq_msg_t *msg)
{
    uint32_t bit = 1u << msg->node;
    self->crowded = msg->crowded ? self->crowded | bit : self->crowded & ~bit;
}

//  Whether one node is to claim the name for all, if any is left that does. In a
//  crowd that is less work for everybody, unless only those nodes are crowded
//  that need not be waited for.
static bool
s_leaves (zseq_line_t *line)
{
    const zseq_lines_t *self = line->lines;
    if (line->coordinated)
        return true;
    if (!self->coordinates || !self->crowded)
        return false;
    uint32_t crowded = 0;
    for (uint8_t node = 0; node < self->quorum.n; node++)
        crowded += self->crowded >> node & 1;
    uint8_t node = s_coordinator (line);
    return crowded >= self->quorum.w &&
           (node == self->quorum.n || self->crowded >> node & 1);
}

//  A NEXT is over, and its request may go on elsewhere.
static void
s_give_up_errand (zseq_lines_t *self, s_flight_t *flight, uint64_t now_us)
{
    zseq_rendezvous_pass (&self->rendezvous, flight->node, now_us);
    flight->node = NOBODY;
    flight->request = 0;
    flight->company = 0;
    flight->due = true;
    s_queue (flight->line);
}

//  A node has not answered in time: nor will it what it was asked later.
static void
s_give_up_node (zseq_lines_t *self, uint8_t node, uint64_t now_us)
{
    for (size_t place = 0; place < self->flight_count; place++) {
        s_flight_t *flight = self->flights[place];
        if (flight->node != node)
            continue;
        self->stats.late++;
        self->stats.burnt += flight->claim.count;
        s_give_up_errand (self, flight, now_us);
    }
}

//  Those that are passed over are asked whether they answer by now. What is next
//  of the name is as good a question as any.
static void
s_probe (zseq_lines_t *self, zseq_line_t *line, uint64_t now_us)
{
    for (uint8_t at = 0; at < self->quorum.n; at++) {
        uint8_t node = line->order[at];
        if (!self->rendezvous.candidate[node].passed)
            return;
        if (!zseq_rendezvous_doubtful (&self->rendezvous, node, now_us))
            continue;
        zseq_msg_t msg;
        msg.op = ZSEQ_OP_READ;
        msg.reply = false;
        msg.request = self->hooks.draw (self->hooks.arg);
        msg.name = (zseq_slice_t){line->name, line->name_size};
        zseq_rendezvous_probe (&self->rendezvous, node, msg.request, now_us);
        (void) self->hooks.ask (self->hooks.arg, node, &msg);
    }
}

//  How many NEXTs a coordinator may have in hand that are the line's own.
static void
s_count_company (zseq_line_t *line)
{
    size_t errands = 0;
    for (s_flight_t *flight = line->flights; flight; flight = flight->behind)
        errands += s_is_errand (flight);
    for (s_flight_t *flight = line->flights; flight; flight = flight->behind)
        if (flight->company < errands)
            flight->company = errands;
}

//  Asks a coordinator. False: there is none.
static bool
s_send_errand (zseq_lines_t *self, s_flight_t *flight, uint64_t now_us)
{
    zseq_line_t *line = flight->line;
    uint64_t trip_us = self->errand_us ? self->errand_us : self->stats.rtt_us;
    uint64_t patience_us = PATIENCE_TRIPS * trip_us;
    if (patience_us < PATIENCE_US_MIN)
        patience_us = PATIENCE_US_MIN;
    if (patience_us > PATIENCE_US_MAX)
        patience_us = PATIENCE_US_MAX;
    //  P3: there must be time left to do without it.
    for (const zseq_rider_t *rider = flight->riders; rider;
         rider = rider->next) {
        uint64_t left_us =
          rider->deadline_us > now_us ? rider->deadline_us - now_us : 0;
        if (patience_us > left_us / 4)
            patience_us = left_us / 4 + 1;
    }

    zseq_msg_t msg;
    msg.op = ZSEQ_OP_NEXT;
    msg.reply = false;
    msg.request = self->hooks.draw (self->hooks.arg);
    msg.name = (zseq_slice_t){line->name, line->name_size};
    msg.count = flight->claim.count;
    msg.count_min = flight->claim.count_min;
    msg.patience_us = patience_us;
    uint8_t node;
    while ((node = s_coordinator (line)) != self->quorum.n) {
        if (self->hooks.ask (self->hooks.arg, node, &msg)) {
            flight->node = node;
            flight->request = msg.request;
            flight->began_us = now_us;
            flight->until_us = now_us + patience_us;
            s_count_company (line);
            self->stats.claims++;
            break;
        }
        zseq_rendezvous_pass (&self->rendezvous, node, now_us);
    }
    s_probe (self, line, now_us);
    return s_is_errand (flight);
}

//  Whether its reply is one that the protocol has for it.
static bool
s_serves (const s_flight_t *flight, const zseq_msg_t *msg)
{
    return msg->status == ZSEQ_OK && msg->first >= 1 &&
           msg->count >= flight->claim.count_min &&
           msg->count <= flight->claim.count &&
           msg->first <= ZSEQ_NEXT_MAX - msg->count;
}

static void
s_errand_reply (zseq_lines_t *self, s_flight_t *flight, const zseq_msg_t *msg,
                uint64_t now_us)
{
    zseq_line_t *line = flight->line;
    if (s_serves (flight, msg)) {
        uint64_t trip_us = now_us - flight->began_us;
        if (!self->errand_us)
            self->errand_us = trip_us;
        self->errand_us = (7 * self->errand_us + trip_us + 7) / 8;
        self->stats.trips++;
        s_note_crowd (self, msg);
        for (uint8_t node = 0; node < self->quorum.n; node++)
            if (line->known.next[node] < msg->first + msg->count)
                line->known.next[node] = msg->first + msg->count;
        zseq_rendezvous_meet (&self->rendezvous, flight->node);
        if (msg->served > flight->company)
            s_was_not_alone (self, line);
        else
            s_was_alone (line);
        s_hand_out (self, flight, msg->first, msg->count);
    }
    else if (msg->status == ZSEQ_EEXHAUSTED) {
        zseq_rider_t *riders = flight->riders;
        flight->riders = NULL;
        s_end_all (riders, ZSEQ_EEXHAUSTED);
    }
    else {
        s_give_up_errand (self, flight, now_us);
        return;
    }
    s_free_flight (self, flight);
}

//  Claims.

//  The claim has ended.
static void
s_land (zseq_lines_t *self, s_flight_t *flight)
{
    zseq_line_t *line = flight->line;
    const zseq_claim_t *claim = &flight->claim;
    //  Of claims on their way at once, each has learnt something.
    for (size_t node = 0; node < ZSEQ_NODES_MAX; node++)
        if (line->known.next[node] < claim->known.next[node])
            line->known.next[node] = claim->known.next[node];
    if (claim->rc == ZSEQ_OK) {
        if (!claim->conflicts)
            s_was_alone (line);
        s_hand_out (self, flight, claim->first, claim->count);
    }
    else {
        assert (claim->rc == ZSEQ_EEXHAUSTED);
        zseq_rider_t *riders = flight->riders;
        flight->riders = NULL;
        s_end_all (riders, claim->rc);
    }
    s_free_flight (self, flight);
}

static void
s_follow (zseq_lines_t *self, s_flight_t *flight, zseq_do_t what,
          uint32_t conflicts)
{
    zseq_line_t *line = flight->line;
    if (flight->claim.conflicts != conflicts)
        s_was_not_alone (self, line);
    if (what == ZSEQ_DO_DONE) {
        s_land (self, flight);
        return;
    }
    //  A coordinator need not wait.
    bool turns = flight->claim.conflicts != conflicts && s_leaves (line) &&
                 s_coordinator (line) != self->quorum.n;
    if (what == ZSEQ_DO_SEND || turns) {
        flight->due = true;
        s_queue (line);
    }
}

static void
s_ask_claim (zseq_lines_t *self, s_flight_t *flight, zseq_msg_t *msg,
             uint32_t nodes)
{
    zseq_attempt_t *attempt = &flight->claim.attempt;
    //  The node's own answer may come at once, and be all that it takes.
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        uint32_t bit = 1u << node;
        if (!(nodes & bit) || attempt->request != msg->request)
            continue;
        if (self->hooks.ask (self->hooks.arg, node, msg))
            attempt->absent &= ~bit;
        else
            attempt->absent |= bit;
    }
}

static void
s_send (zseq_lines_t *self, s_flight_t *flight, uint64_t now_us)
{
    zseq_line_t *line = flight->line;
    flight->due = false;
    if (s_leaves (line) && s_board (flight, ZSEQ_COUNT_MAX) &&
        s_send_errand (self, flight, now_us))
        return;
    if (!s_board (flight, zseq_claim_room (&flight->claim))) {
        s_abandon (self, flight);
        return;
    }
    flight->began_us = now_us;
    zseq_msg_t msg;
    if (zseq_claim_request (&flight->claim, self->hooks.draw (self->hooks.arg),
                            now_us, &msg) == ZSEQ_DO_DONE) {
        s_land (self, flight);
        return;
    }
    msg.name = (zseq_slice_t){line->name, line->name_size};
    s_ask_claim (self, flight, &msg, UINT32_MAX);
}

//  Lets a further claim begin where the last one is going to end, if that is
//  known.
static s_flight_t *
s_begin (zseq_lines_t *self, zseq_line_t *line)
{
    zseq_known_t known = line->known;
    s_flight_t *last = line->flights;
    while (last && last->behind)
        last = last->behind;
    if (line->flight_count == FLIGHTS_MAX)
        return NULL;
    if (last && (!s_leaves (line) || s_coordinator (line) == self->quorum.n)) {
        if (s_is_errand (last) || last->claim.reading ||
            !last->claim.attempt.request)
            return NULL;
        for (uint8_t node = 0; node < self->quorum.n; node++)
            if (known.next[node] < last->claim.first + last->claim.count)
                known.next[node] = last->claim.first + last->claim.count;
    }
    s_flight_t *flight = s_new_flight (self, line);
    if (!flight)
        return NULL;
    zseq_pace_t pace = {.rtt_us = self->stats.rtt_us,
                        .deadline_us = UINT64_MAX,
                        .seed = self->hooks.draw (self->hooks.arg)};
    zseq_claim_init (&flight->claim, &self->quorum, &known, 1, 1, &pace);
    return flight;
}

//  How many claims may set out. Those that pause take up nothing.
static size_t
s_room (const zseq_lines_t *self)
{
    if (self->flight_count < OUT_MAX)
        return OUT_MAX - self->flight_count;
    size_t out = 0;
    for (size_t place = 0; place < self->flight_count; place++)
        out += s_is_errand (self->flights[place]) ||
               self->flights[place]->claim.attempt.request;
    return out < OUT_MAX ? OUT_MAX - out : 0;
}

//  Returns whether a claim did: those who waited may have gone.
static bool
s_set_out (zseq_lines_t *self, zseq_line_t *line, uint64_t now_us)
{
    s_flight_t *flight = line->waiting ? s_begin (self, line) : NULL;
    if (flight)
        s_send (self, flight, now_us);
    return flight != NULL;
}

//  Sends what is due to be sent again, lets a second claim of a name set out unless
//  others wait for their first, and has the name wait with them if it has none.
static void
s_look_at (zseq_lines_t *self, zseq_line_t *line, uint64_t now_us)
{
    for (s_flight_t *flight = line->flights, *behind; flight; flight = behind) {
        behind = flight->behind;
        if (flight->due)
            s_send (self, flight, now_us);
    }
    if (line->waiting && !line->flights)
        s_put (&self->lined_up, line);
    else if (line->waiting && !self->lined_up.first && s_room (self))
        (void) s_set_out (self, line, now_us);
}

void
zseq_lines_flush (zseq_lines_t *self, uint64_t now_us)
{
    assert (self);

    if (!self->quorum.n)
        return;
    //  A node's own vote may end a claim at once.
    zseq_line_t *line;
    do {
        while ((line = s_take (&self->queued)))
            s_look_at (self, line, now_us);
        for (size_t room = s_room (self); room && self->lined_up.first;)
            room -= s_set_out (self, s_take (&self->lined_up), now_us);
    } while (self->queued.first);
}

//  Calls.

bool
zseq_lines_reply (zseq_lines_t *self, const zseq_msg_t *msg, uint64_t now_us)
{
    assert (self);
    assert (msg);

    if (zseq_rendezvous_hear (&self->rendezvous, msg->node, msg->request,
                              msg->status))
        return true;
    for (size_t place = 0; place < self->flight_count; place++) {
        s_flight_t *flight = self->flights[place];
        zseq_claim_t *claim = &flight->claim;
        if (s_is_errand (flight)) {
            if (flight->request != msg->request || flight->node != msg->node ||
                msg->op != ZSEQ_OP_NEXT)
                continue;
            s_errand_reply (self, flight, msg, now_us);
            return true;
        }
        if (claim->attempt.request != msg->request)
            continue;
        uint32_t trips = claim->attempt.trips;
        uint32_t conflicts = claim->conflicts;
        if (msg->op == ZSEQ_OP_CLAIM &&
            zseq_msg_has_body (msg->op, msg->status))
            s_note_crowd (self, msg);
        zseq_do_t what = zseq_claim_reply (claim, msg, now_us);
        if (claim->attempt.trips != trips)
            s_note_trip (self, now_us - flight->began_us);
        s_follow (self, flight, what, conflicts);
        return true;
    }
    return false;
}

//  Whether it could not be sent to a node.
static bool
s_is_absent (const s_flight_t *flight)
{
    return flight->claim.attempt.request && flight->claim.attempt.absent;
}

//  Sends what it could not to those who can be reached by now, in the order in
//  which it set out: the second claim begins where the first ends.
static void
s_reach (zseq_lines_t *self, zseq_line_t *line)
{
    for (s_flight_t *flight = line->flights, *behind; flight; flight = behind) {
        behind = flight->behind;
        if (!s_is_absent (flight))
            continue;
        zseq_msg_t msg;
        zseq_claim_repeat (&flight->claim, &msg);
        msg.name = (zseq_slice_t){line->name, line->name_size};
        s_ask_claim (self, flight, &msg, flight->claim.attempt.absent);
    }
}

static void
s_tick_flights (zseq_lines_t *self, uint64_t now_us)
{
    //  From the last on: whoever ends gives its place to one seen already.
    for (size_t place = self->flight_count; place-- > 0;) {
        s_flight_t *flight = self->flights[place];
        if (s_is_errand (flight)) {
            if (now_us >= flight->until_us)
                s_give_up_node (self, flight->node, now_us);
        }
        else if (!flight->due) {
            uint32_t conflicts = flight->claim.conflicts;
            zseq_do_t what = zseq_claim_tick (&flight->claim, now_us);
            s_follow (self, flight, what, conflicts);
        }
    }
}

void
zseq_lines_tick (zseq_lines_t *self, uint64_t now_us)
{
    assert (self);

    //  First who is late, so that nobody else waits for it.
    s_tick_flights (self, now_us);
    s_expire (self, now_us);
    if (!zseq_lines_restless (self))
        return;
    for (zseq_line_t *line = self->busy, *busy; line; line = busy) {
        busy = line->busy;
        s_reach (self, line);
    }
}

uint64_t
zseq_lines_wake_us (const zseq_lines_t *self)
{
    assert (self);

    uint64_t wake_us = self->busy ? self->deadline_us : UINT64_MAX;
    for (size_t place = 0; place < self->flight_count; place++) {
        const s_flight_t *flight = self->flights[place];
        uint64_t at_us = s_is_errand (flight)
                           ? flight->until_us
                           : zseq_claim_wake_us (&flight->claim);
        if (wake_us > at_us)
            wake_us = at_us;
    }
    return wake_us;
}

const zseq_attempt_t *
zseq_line_attempt (const zseq_line_t *self, uint8_t *node_p)
{
    assert (self);
    assert (node_p);

    *node_p = self->lines->quorum.n;
    if (!self->flights)
        return NULL;
    if (s_is_errand (self->flights))
        *node_p = self->flights->node;
    return &self->flights->claim.attempt;
}

void
zseq_lines_end (zseq_lines_t *self, int status)
{
    assert (self);

    while (self->busy) {
        zseq_line_t *line = self->busy;
        zseq_rider_t *riders = line->waiting;
        line->waiting = NULL;
        line->waiting_end = &line->waiting;
        s_end_all (riders, status);
        for (s_flight_t *flight = line->flights; flight;
             flight = flight->behind) {
            riders = flight->riders;
            flight->riders = NULL;
            s_end_all (riders, status);
        }
        s_abandon_empty (self, line);
    }
}

bool
zseq_lines_restless (const zseq_lines_t *self)
{
    assert (self);

    for (size_t place = 0; place < self->flight_count; place++)
        if (s_is_absent (self->flights[place]))
            return true;
    return false;
}

bool
zseq_lines_busy (const zseq_lines_t *self)
{
    assert (self);
    return self->busy || self->flight_count;
}

const zseq_lines_stats_t *
zseq_lines_stats (const zseq_lines_t *self)
{
    assert (self);
    return &self->stats;
}

void
zseq_lines_destroy (zseq_lines_t **self_p)
{
    assert (self_p);

    zseq_lines_t *self = *self_p;
    if (!self)
        return;
    for (size_t place = 0; place < self->flight_count; place++)
        free (self->flights[place]);
    for (s_flight_t *flight = self->free_flights, *behind; flight;
         flight = behind) {
        behind = flight->behind;
        free (flight);
    }
    free (self->flights);
    free (self);
    *self_p = NULL;
}
