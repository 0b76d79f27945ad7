//  How processes begin and end, and what happens to their disks, which are
//  lost, copied, put back, or started elsewhere.

#include "walks.h"

bool
walks_has_old_incarnations (void)
{
    return walk.broken != ONE_EPOCH;
}

//  Returns whether old incarnations of node may answer. There are either copies
//  of the directory of one node, or old incarnations of all nodes, which
//  remember what they accepted.
static bool
s_may_be_old (uint8_t node)
{
    return walks_has_old_incarnations () &&
           (walk.copied == NODES_MAX || walk.copied == node);
}

void
walks_begin_process (walks_instance_t *self)
{
    self->running = true;
    self->superseded = false;
    self->started = false;
    self->warned = false;
    self->heard = self->together = 0;
    self->formed_peers = self->identified = 0;
    self->unreachable =
      walks_chance (2) ? 0 : (uint8_t) walks_draw (1u << walk.n);
    self->process = ++walk.process_count;
    self->forced = false;
    self->holding = self->answered = 0;
    self->bound = self->gone = 0;
    self->met_floor = false;
    self->next = self->disk_next;
    self->floor = self->disk_floor;
    self->memory = self->disk;
    memset (&self->peer_answers, 0, sizeof self->peer_answers);
    memset (&self->seen, 0, sizeof self->seen);
    self->base = walks_counter (walks_own_start (self));
    if (!self->disk_started && walk.broken != START_PER_PROCESS)
        self->base--;
}

void
walks_restart (walks_instance_t *self)
{
    if ((walk.current[self->node] != self - walk.instance &&
         !s_may_be_old (self->node)) ||
        walk.start_count == STARTS_MAX || self->ended)
        return;
    //  A restored node is not started before its floor has been forced.
    if (self->forced && self->phase == ASKING && !walk.floor_known)
        return;
    walks_drop (self);
    walks_begin_process (self);
    bool votes = self->disk_votes;
    if (walk.broken == VOTES_AFTER_RESTART &&
        walks_own_incarnation (self) > FIRST_INCARNATION)
        votes = true;
    self->phase = ASKING;
    if (!self->formed && walks_own_incarnation (self))
        self->phase = FORMATTED;
    if (votes)
        self->phase = walk.confirms ? STARTING : VOTING;
    walk.sum.restarted++;
    TRACE_OF (self, "restarts%s, next %u",
              self->phase == ASKING ? " to recover" : "", self->next);
    if (self->phase == STARTING)
        walks_take_start (self);
}

void
walks_format (walks_instance_t *self, uint8_t node, bool votes)
{
    memset (self, 0, sizeof *self);
    self->node = node;
    self->disk_next = 1;
    self->disk_votes = self->formed = votes;
    self->disk_started = true;
    for (uint8_t other = 0; other < walk.n && votes; other++) {
        self->disk.incarnation.of[other] = FIRST_INCARNATION;
        self->disk.start.of[other] = (int16_t) (1 << COUNTER_SHIFT | other);
    }
    walks_begin_process (self);
    self->phase = votes ? VOTING : ASKING;
}

void
walks_lose_disk (uint8_t node, bool goes_on)
{
    if (walk.instance_count == INSTANCES_MAX)
        return;
    walks_instance_t *old = &walk.instance[walk.current[node]];
    TRACE_OF (old, "its disk is lost");
    if (!goes_on || !s_may_be_old (node)) {
        walks_drop (old);
        old->running = false;
    }
    memset (&walk.noted[node], 0, sizeof walk.noted[node]);
    walk.current[node] = walk.instance_count++;
    walks_format (&walk.instance[walk.current[node]], node,
                  walk.broken == VOTES_AT_ONCE);
    walk.sum.lost++;
}

void
walks_keep_copy (void)
{
    const walks_instance_t *self = &walk.instance[walk.current[walk.copied]];
    if (!self->disk_votes || self->stale)
        return;
    walk.kept = *self;
    walk.kept.serial = (uint8_t) walk.start_count;
    walk.kept_noted = walk.noted[walk.copied];
    walk.kept_counted = walk.counted[walk.copied];
    TRACE_OF (self, "its directory is copied, next %u", self->disk_next);
}

void
walks_put_back (bool goes_on)
{
    walks_instance_t *now = &walk.instance[walk.current[walk.copied]];
    if (walk.instance_count == INSTANCES_MAX)
        return;
    if (!goes_on) {
        walks_drop (now);
        now->running = false;
    }
    walk.current[walk.copied] = walk.instance_count++;
    walks_instance_t *self = &walk.instance[walk.current[walk.copied]];
    *self = walk.kept;
    self->stale =
      walks_own_incarnation (&walk.kept) >= walk.newest_voter[walk.copied];
    walk.noted[walk.copied] = walk.kept_noted;
    walk.counted[walk.copied] = walk.kept_counted;
    TRACE_OF (self, "an old copy of its directory is put back");
    walk.sum.put_back++;
    walks_restart (self);
}

void
walks_start_elsewhere (void)
{
    if (walk.instance_count == INSTANCES_MAX)
        return;
    walks_instance_t *self = &walk.instance[walk.instance_count++];
    *self = walk.kept;
    self->elsewhere = true;
    TRACE_OF (self, "a copy of its directory is started elsewhere");
    walk.sum.elsewhere++;
    walks_restart (self);
}

void
walks_move_in (walks_instance_t *self, bool goes_on)
{
    walks_instance_t *now = &walk.instance[walk.current[self->node]];
    if (!self->elsewhere || now == self)
        return;
    if (!goes_on) {
        walks_drop (now);
        now->running = false;
    }
    self->elsewhere = false;
    self->stale =
      walks_own_incarnation (&walk.kept) >= walk.newest_voter[self->node];
    walk.current[self->node] = (uint8_t) (self - walk.instance);
    walk.noted[self->node] = walk.kept_noted;
    walk.counted[self->node] = walk.kept_counted;
    TRACE_OF (self, "takes its node's endpoint");
}
