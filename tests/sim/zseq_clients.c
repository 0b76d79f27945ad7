//  The clients of the simulated cluster.
//
//  Each client is a caller with a batcher of the library. An alarm of the
//  cluster starts its next call, which is drawn: a request for IDs, a peek or a
//  raise. From then on replies and further alarms move the call on
//  (s_go_on_requests, s_go_on_peek), until it ends and the outcome goes to the
//  checker of its name. A client has one call at a time, but a call for IDs may
//  add further requests to it (s_sim_request).

#include "zseq_clients.h"

#include <assert.h>
#include <string.h>

//  A sequence this near to the last ID may be exhausted, because reservations
//  burn IDs.
#define END_NEAR (ZSEQ_NEXT_MAX - ((uint64_t) 1 << 32))

//  Draws a number below bound.
static uint64_t
s_draw (zseq_clients_t *self, uint64_t bound)
{
    return zseq_sim_cluster_draw (self->cluster, bound);
}

//  Returns the index of a client.
static size_t
s_index (const zseq_clients_t *self, const zseq_caller_t *caller)
{
    return (size_t) (caller - self->caller);
}

//  Sets the alarm of a client. The client may take the alarm late.
static void
s_wake_at (zseq_clients_t *self, const zseq_caller_t *caller, uint64_t at_us)
{
    zseq_sim_cluster_alarm (self->cluster,
                            at_us + s_draw (self, self->manners.late_us + 1),
                            (uint32_t) s_index (self, caller));
}

//  Returns when the call of a client has to go on without a reply.
static uint64_t
s_wake_us (const zseq_caller_t *caller)
{
    return caller->call == ZSEQ_CALL_CLAIM
             ? zseq_batcher_wake_us (caller->batcher)
             : zseq_peek_wake_us (&caller->peek);
}

uint64_t
zseq_clients_highest (const zseq_clients_t *self)
{
    assert (self);
    uint64_t claimed = zseq_sim_cluster_claimed (self->cluster);
    return self->highest > claimed ? self->highest : claimed;
}

//  The batcher of a client.

//  Sends a request of the library to a node, and notes the highest ID that it
//  asks for.
static bool
s_ask_node (void *arg, uint8_t node, zseq_msg_t *msg)
{
    zseq_caller_t *caller = arg;
    zseq_clients_t *self = caller->clients;
    msg->cluster = zseq_sim_cluster_identity (self->cluster);
    self->delegated += msg->op == ZSEQ_OP_NEXT;
    if (msg->op == ZSEQ_OP_CLAIM &&
        self->highest < msg->claim.first + msg->claim.count)
        self->highest = msg->claim.first + msg->claim.count;
    return zseq_sim_cluster_send (self->cluster, s_index (self, caller), node,
                                  msg);
}

//  Returns a new request ID, which is never 0.
static uint64_t
s_draw_request (void *arg)
{
    zseq_caller_t *caller = arg;
    zseq_clients_t *self = caller->clients;
    self->request += self->request == UINT64_MAX ? 2 : 1;
    return self->request;
}

static void s_end_sim_request (void *arg, zseq_request_t *request);

//  Frees the state of a client, as if its process had ended.
static void
s_forget (zseq_caller_t *caller)
{
    for (size_t index = 0; index < ZSEQ_CLIENTS_REQUESTS; index++) {
        zseq_sim_request_t *sim_request = &caller->sim_request[index];
        if (sim_request->pending)
            zseq_request_queue_cancel (&sim_request->request);
        sim_request->pending = false;
    }
    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++)
        zseq_request_queue_free (&caller->queue[name]);
    zseq_batcher_destroy (&caller->batcher);
}

//  Gives a client the state of a new process.
static void
s_learn (zseq_caller_t *caller)
{
    zseq_clients_t *self = caller->clients;
    zseq_batcher_hooks_t hooks = {.arg = caller,
                                  .ask = s_ask_node,
                                  .done = s_end_sim_request,
                                  .draw = s_draw_request};
    zseq_coordinator_rank_t rank;
    zseq_coordinator_rank_init (&rank, self->n);
    for (uint8_t node = 0; node < self->n; node++) {
        char letter = (char) ('a' + node);
        zseq_coordinator_rank_set_name (&rank, node, &letter, 1);
    }
    static const char names[] = "ABCDEFGH";
    caller->batcher = zseq_batcher_new (&hooks);
    assert (caller->batcher);
    bool alone = s_draw (self, 100) < self->manners.alone;
    zseq_batcher_open (caller->batcher, &caller->quorum, alone ? NULL : &rank);
    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++) {
        caller->queue[name] =
          zseq_request_queue_new (caller->batcher, &names[name], 1);
        assert (caller->queue[name]);
    }
}

void
zseq_clients_init (zseq_clients_t *self, zseq_sim_cluster_t *cluster, uint8_t n)
{
    assert (self);

    memset (self, 0, sizeof *self);
    self->cluster = cluster;
    self->n = n;
    self->highest = 1;
    self->request = s_draw (self, UINT64_MAX);
    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++)
        zseq_checker_init (&self->checker[name]);
    for (size_t index = 0; index < ZSEQ_CLIENTS_MAX; index++) {
        zseq_caller_t *caller = &self->caller[index];
        caller->clients = self;
        int rc = zseq_quorum_init (&caller->quorum, n, 0, 0);
        assert (rc == ZSEQ_OK);
    }
}

void
zseq_clients_term (zseq_clients_t *self)
{
    assert (self);
    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++)
        zseq_checker_term (&self->checker[name]);
    for (size_t index = 0; index < ZSEQ_CLIENTS_MAX; index++)
        if (self->caller[index].batcher)
            s_forget (&self->caller[index]);
}

void
zseq_clients_begin (zseq_clients_t *self, const zseq_manners_t *manners)
{
    assert (self);
    assert (manners->clients <= ZSEQ_CLIENTS_MAX);

    self->manners = *manners;
    self->manners.calls_max += self->calls;
    for (size_t index = 0; index < manners->clients; index++) {
        zseq_caller_t *caller = &self->caller[index];
        zseq_quorum_t *quorum = &caller->quorum;
        uint8_t more = (uint8_t) (quorum->n - quorum->w + 1);
        if (manners->large_quorums && s_draw (self, 2)) {
            quorum->w = (uint8_t) (quorum->w + s_draw (self, more));
            quorum->r = (uint8_t) (quorum->r + s_draw (self, more));
        }
        if (caller->batcher)
            s_forget (caller);
        s_learn (caller);
        s_wake_at (self, caller, zseq_sim_cluster_now_us (self->cluster));
    }
}

//  Outcomes of calls.

void
zseq_clients_won_claim (zseq_clients_t *self, size_t client, size_t name,
                        uint64_t reached, uint64_t first, uint64_t count)
{
    const char *broken =
      zseq_checker_claim (&self->checker[name], reached, first, count);
    char letter = (char) ('A' + name);
    zseq_sim_cluster_say (self->cluster, "client %zu has %llu+%llu of %c",
                          client, (unsigned long long) first,
                          (unsigned long long) count, letter);
    if (broken)
        zseq_sim_cluster_broken (
          self->cluster,
          "%s: client %zu has %llu+%llu of %c, and %llu had been reached "
          "before it began",
          broken, client, (unsigned long long) first,
          (unsigned long long) count, letter, (unsigned long long) reached);
}

void
zseq_clients_won_peek (zseq_clients_t *self, size_t client, size_t name,
                       uint64_t reached, uint64_t value)
{
    const char *broken =
      zseq_checker_peek (&self->checker[name], reached, value);
    char letter = (char) ('A' + name);
    if (self->highest < value)
        self->highest = value;
    zseq_sim_cluster_say (self->cluster, "client %zu peeks %llu of %c", client,
                          (unsigned long long) value, letter);
    if (broken)
        zseq_sim_cluster_broken (
          self->cluster,
          "%s: client %zu peeks %llu of %c, and %llu had been "
          "reached before it began",
          broken, client, (unsigned long long) value, letter,
          (unsigned long long) reached);
}

//  Counts a call that failed. It may fail as exhausted only near the last ID.
static void
s_failed (zseq_clients_t *self, const zseq_caller_t *caller, size_t name,
          int rc)
{
    self->lost++;
    zseq_sim_cluster_say (self->cluster, "client %zu fails: %s",
                          s_index (self, caller), zseq_strerror (rc));
    if (rc == ZSEQ_EEXHAUSTED && zseq_clients_highest (self) < END_NEAR)
        zseq_sim_cluster_broken (
          self->cluster,
          "P5: client %zu reads that %c is at its end, and "
          "no ID above %llu was ever asked for",
          s_index (self, caller), (char) ('A' + name),
          (unsigned long long) zseq_clients_highest (self));
    if (rc == ZSEQ_EEXHAUSTED)
        self->lost--;
}

static void
s_end_sim_request (void *arg, zseq_request_t *request)
{
    zseq_caller_t *caller = arg;
    zseq_clients_t *self = caller->clients;
    zseq_sim_request_t *sim_request = (zseq_sim_request_t *) request;
    sim_request->pending = false;
    if (request->status != ZSEQ_OK) {
        s_failed (self, caller, sim_request->name, request->status);
        return;
    }
    uint64_t end = request->first + request->count;
    if (self->highest < end)
        self->highest = end;
    self->won++;
    self->claims++;
    zseq_clients_won_claim (self, s_index (self, caller), sim_request->name,
                            sim_request->reached, request->first,
                            request->count);
}

//  Returns whether a request for IDs is pending.
static bool
s_sim_requests (const zseq_caller_t *caller)
{
    for (size_t index = 0; index < ZSEQ_CLIENTS_REQUESTS; index++)
        if (caller->sim_request[index].pending)
            return true;
    return false;
}

//  Ends a peek or raise.
static void
s_end_call (zseq_clients_t *self, zseq_caller_t *caller)
{
    int rc = caller->peek.rc;
    size_t index = s_index (self, caller);
    self->won += rc == ZSEQ_OK;
    if (rc != ZSEQ_OK)
        s_failed (self, caller, caller->name, rc);
    else if (caller->call == ZSEQ_CALL_PEEK)
        zseq_clients_won_peek (self, index, caller->name, caller->reached,
                               caller->peek.value);
    else {
        zseq_sim_cluster_say (self->cluster, "client %zu has raised %c to %llu",
                              index, (char) ('A' + caller->name),
                              (unsigned long long) caller->value);
        zseq_checker_raise (&self->checker[caller->name], caller->value);
    }
}

//  Calls.

//  Draws how many IDs: few, many, or very many.
static uint64_t
s_draw_count (zseq_clients_t *self)
{
    uint64_t luck = s_draw (self, 16);
    if (luck < 11)
        return 1 + s_draw (self, 3);
    return 1 + s_draw (self, luck < 15 ? 1000 : (uint64_t) 1 << 20);
}

//  Adds a request for IDs of that name, if the client may have one more.
static void
s_sim_request (zseq_clients_t *self, zseq_caller_t *caller, size_t name)
{
    for (size_t index = 0; index < ZSEQ_CLIENTS_REQUESTS; index++) {
        zseq_sim_request_t *sim_request = &caller->sim_request[index];
        if (sim_request->pending)
            continue;
        sim_request->pending = true;
        sim_request->name = name;
        sim_request->reached = self->checker[name].reached;
        sim_request->request.count = s_draw_count (self);
        sim_request->request.count_min =
          1 + s_draw (self, sim_request->request.count);
        sim_request->request.deadline_us = caller->deadline_us;
        zseq_request_queue_add (caller->queue[name], &sim_request->request);
        return;
    }
}

//  Draws the next call of a client, and begins it.
static void
s_begin_call (zseq_clients_t *self, zseq_caller_t *caller)
{
    uint64_t now_us = zseq_sim_cluster_now_us (self->cluster);
    const zseq_manners_t *manners = &self->manners;
    zseq_timing_t timing = {.rtt_us = 1 + s_draw (self, manners->rtt_us),
                            .deadline_us =
                              now_us + manners->operation_min_us +
                              s_draw (self, manners->operation_us + 1),
                            .seed = s_draw (self, UINT64_MAX)};
    self->calls++;
    caller->name = s_draw (self, manners->names);
    caller->reached = self->checker[caller->name].reached;
    uint64_t luck = s_draw (self, 10);
    if (luck < 7) {
        caller->call = ZSEQ_CALL_CLAIM;
        caller->deadline_us = timing.deadline_us;
        s_sim_request (self, caller, caller->name);
        return;
    }
    caller->call = luck < 9 ? ZSEQ_CALL_PEEK : ZSEQ_CALL_RAISE;
    caller->value = 0;
    if (caller->call == ZSEQ_CALL_RAISE) {
        caller->value = caller->reached + s_draw (self, 20);
        if (manners->ends && s_draw (self, 8) == 0)
            caller->value = ZSEQ_NEXT_MAX - s_draw (self, 2000);
        if (caller->value > ZSEQ_NEXT_MAX)
            caller->value = ZSEQ_NEXT_MAX;
        if (self->highest < caller->value)
            self->highest = caller->value;
    }
    zseq_peek_init (&caller->peek, &caller->quorum, caller->value, &timing);
}

//  Carries out what a peek or raise asks for until it waits. Returns whether it
//  is over.
static bool
s_go_on_peek (zseq_clients_t *self, zseq_caller_t *caller, zseq_do_t what)
{
    if (what == ZSEQ_DO_SEND) {
        zseq_msg_t msg;
        memset (&msg, 0, sizeof msg);
        char name = (char) ('A' + caller->name);
        what =
          zseq_peek_request (&caller->peek, s_draw_request (caller),
                             zseq_sim_cluster_now_us (self->cluster), &msg);
        msg.name = (zseq_slice_t){&name, 1};
        for (uint8_t node = 0; what == ZSEQ_DO_SEND && node < self->n; node++)
            if (!s_ask_node (caller, node, &msg))
                caller->peek.attempt.absent |= 1u << node;
    }
    if (what == ZSEQ_DO_DONE)
        s_end_call (self, caller);
    return what == ZSEQ_DO_DONE;
}

//  The same for requests. Sometimes adds one, which may join a claim that is
//  not sent yet (S7), or be of another name.
static bool
s_go_on_requests (zseq_clients_t *self, zseq_caller_t *caller)
{
    if (s_draw (self, 8) == 0)
        s_sim_request (self, caller,
                       s_draw (self, 4) ? caller->name
                                        : s_draw (self, self->manners.names));
    zseq_batcher_flush (caller->batcher,
                        zseq_sim_cluster_now_us (self->cluster));
    return !s_sim_requests (caller);
}

//  Sets the alarm for the call, or for the next call if it is over.
static void
s_go_on (zseq_clients_t *self, zseq_caller_t *caller, bool over)
{
    if (!over) {
        s_wake_at (self, caller, s_wake_us (caller));
        return;
    }
    caller->call = ZSEQ_CALL_NONE;
    //  Calls come in bursts, with pauses between them.
    uint64_t pause_us =
      s_draw (self, 2) ? self->manners.pause_us : self->manners.rtt_us;
    s_wake_at (self, caller,
               zseq_sim_cluster_now_us (self->cluster) +
                 s_draw (self, pause_us + 1));
}

void
zseq_clients_alarm (zseq_clients_t *self, size_t client)
{
    assert (client < ZSEQ_CLIENTS_MAX);
    zseq_caller_t *caller = &self->caller[client];
    bool begins = caller->call == ZSEQ_CALL_NONE;
    if (begins) {
        if (self->calls >= self->manners.calls_max)
            return;
        s_begin_call (self, caller);
    }
    //  The call may have gone on since the alarm was set.
    uint64_t now_us = zseq_sim_cluster_now_us (self->cluster);
    if (!begins && s_wake_us (caller) > now_us)
        return;
    if (caller->call == ZSEQ_CALL_CLAIM) {
        zseq_batcher_tick (caller->batcher, now_us);
        s_go_on (self, caller, s_go_on_requests (self, caller));
    }
    else
        s_go_on (
          self, caller,
          s_go_on_peek (self, caller, zseq_peek_tick (&caller->peek, now_us)));
}

void
zseq_clients_reply (zseq_clients_t *self, size_t client, const zseq_msg_t *msg)
{
    assert (client < ZSEQ_CLIENTS_MAX);
    zseq_caller_t *caller = &self->caller[client];
    uint64_t now_us = zseq_sim_cluster_now_us (self->cluster);
    if (!caller->batcher ||
        msg->cluster != zseq_sim_cluster_identity (self->cluster))
        return;
    if (caller->call == ZSEQ_CALL_NONE) {
        (void) zseq_batcher_reply (caller->batcher, msg, now_us);
        return;
    }
    uint64_t wake_us = s_wake_us (caller);
    if (caller->call == ZSEQ_CALL_CLAIM) {
        if (zseq_batcher_reply (caller->batcher, msg, now_us))
            s_go_on (self, caller, s_go_on_requests (self, caller));
        else if (s_wake_us (caller) != wake_us)
            s_wake_at (self, caller, s_wake_us (caller));
        return;
    }
    zseq_do_t what = zseq_peek_reply (&caller->peek, msg, now_us);
    if (what != ZSEQ_DO_WAIT)
        s_go_on (self, caller, s_go_on_peek (self, caller, what));
    else if (s_wake_us (caller) != wake_us)
        s_wake_at (self, caller, s_wake_us (caller));
}

void
zseq_clients_crash (zseq_clients_t *self, size_t client)
{
    assert (client < ZSEQ_CLIENTS_MAX);
    zseq_caller_t *caller = &self->caller[client];
    zseq_sim_cluster_say (self->cluster, "client %zu crashes", client);
    if (caller->call != ZSEQ_CALL_NONE)
        s_wake_at (self, caller, zseq_sim_cluster_now_us (self->cluster));
    caller->call = ZSEQ_CALL_NONE;
    if (!caller->batcher)
        return;
    s_forget (caller);
    s_learn (caller);
}

bool
zseq_clients_idle (const zseq_clients_t *self)
{
    if (self->calls < self->manners.calls_max)
        return false;
    for (size_t index = 0; index < ZSEQ_CLIENTS_MAX; index++)
        if (self->caller[index].call != ZSEQ_CALL_NONE)
            return false;
    return true;
}
