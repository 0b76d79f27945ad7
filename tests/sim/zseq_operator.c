#include "zseq_operator.h"

#include <assert.h>
#include <string.h>

#define SECOND_US UINT64_C (1000000)
#define SETTLE_US (150 * SECOND_US)
//  The operator waits that long before he uses force.
#define PATIENCE_US (40 * SECOND_US)
#define LOOK_US (SECOND_US / 10)
//  Above all that was ever asked for.
#define FLOOR_MARGIN 4000000

static uint64_t
s_draw (zseq_operator_t *self, uint64_t bound)
{
    return zseq_storm_draw (self->storm, bound);
}

void
zseq_operator_init (zseq_operator_t *self, zseq_storm_t *storm,
                    const zseq_crowd_t *crowd, uint8_t n, uint32_t alarm)
{
    assert (self);
    memset (self->is_kept, 0, sizeof self->is_kept);
    self->storm = storm;
    self->crowd = crowd;
    self->n = n;
    self->down_us = 0;
    self->disaster = false;
    self->alarm = alarm;
}

//  What a node knows: in memory if it is up, else on disk.
static const zseq_record_t *
s_knows (zseq_operator_t *self, uint8_t node)
{
    const zseq_record_t *record = zseq_storm_record (self->storm, node);
    return record ? record : &zseq_storm_disk (self->storm, node)->record;
}

//  Whether somebody knows a newer life of node than life. who_p: who does.
static bool
s_outlived (zseq_operator_t *self, uint8_t node, const zseq_incarnation_t *life,
            uint8_t *who_p)
{
    for (uint8_t other = 0; other < self->n; other++) {
        const zseq_record_t *record = s_knows (self, other);
        *who_p = other;
        if (record->vector.n &&
            zseq_incarnation_compare (life, &record->vector.life[node]) < 0)
            return true;
    }
    return false;
}

bool
zseq_operator_intact (zseq_operator_t *self, uint8_t node)
{
    const zseq_storm_disk_t *disk = zseq_storm_disk (self->storm, node);
    const zseq_record_t *memory = zseq_storm_record (self->storm, node);
    uint8_t who;
    return disk->formatted && !zseq_storm_disk_harmed (disk) &&
           disk->record.voting && (!memory || memory->voting) &&
           zseq_storm_state (self->storm, node) != ZSEQ_STATE_RECOVERING &&
           !zseq_storm_doubled (self->storm, node) &&
           !s_outlived (self, node, &disk->record.vector.life[node], &who);
}

//  Whether the others can bring a node back.
static bool
s_may_lose (zseq_operator_t *self, uint8_t node)
{
    unsigned others = 0;
    for (uint8_t other = 0; other < self->n; other++)
        others += other != node && zseq_operator_intact (self, other);
    return self->n >= 3 && others >= zseq_quorum_majority (self->n);
}

//  The same; or force can.
static bool
s_may_lose_part (zseq_operator_t *self, uint8_t node)
{
    return self->n <= 2 ? zseq_operator_intact (self, node)
                        : s_may_lose (self, node);
}

void
zseq_operator_ended (zseq_operator_t *self, uint8_t node)
{
    zseq_storm_alarm (self->storm,
                      zseq_storm_now_us (self->storm) +
                        s_draw (self, self->down_us + 1),
                      self->alarm + node);
}

void
zseq_operator_kill (zseq_operator_t *self, uint8_t node, bool power_cut)
{
    if (!zseq_storm_up (self->storm, node))
        return;
    zseq_storm_kill (self->storm, node, power_cut);
    zseq_operator_ended (self, node);
}

static void
s_start_by_force (zseq_operator_t *self, uint8_t node)
{
    zseq_force_t force = {.floor =
                            zseq_crowd_highest (self->crowd) + FLOOR_MARGIN,
                          .wait_us = s_draw (self, 3 * SECOND_US)};
    zseq_storm_start (self->storm, node, true, &force);
}

void
zseq_operator_start (zseq_operator_t *self, uint8_t node)
{
    if (zseq_storm_up (self->storm, node))
        return;
    int ended = zseq_storm_ended (self->storm, node);
    if (self->n <= 2 && (ended == ZSEQ_EQUORUM || ended == ZSEQ_EUNAVAILABLE))
        s_start_by_force (self, node);
    else
        zseq_storm_start (self->storm, node, ended == ZSEQ_EREFORMATTED, NULL);
}

bool
zseq_operator_wipe (zseq_operator_t *self, uint8_t node)
{
    bool by_force = self->n == 2 && zseq_operator_intact (self, 0) &&
                    zseq_operator_intact (self, 1);
    if (!by_force && !s_may_lose (self, node))
        return false;
    zseq_operator_kill (self, node, false);
    zseq_storm_say (self->storm, "%c loses its disk", 'a' + node);
    zseq_storm_wipe (self->storm, node);
    return true;
}

bool
zseq_operator_damage (zseq_operator_t *self, uint8_t node)
{
    if (!s_may_lose_part (self, node))
        return false;
    zseq_operator_kill (self, node, s_draw (self, 2));
    zseq_storm_disk_t *disk = zseq_storm_disk (self->storm, node);
    size_t name = s_draw (self, ZSEQ_STORM_NAMES);
    bool record = self->n > 2 && s_draw (self, 4) == 0;
    if (record)
        disk->damaged = true;
    else if (disk->file[name].there)
        disk->file[name].damaged = disk->synced[name].damaged = true;
    else
        return false;
    zseq_storm_say (self->storm, "%c: %s is damaged or removed", 'a' + node,
                    record ? "its own record" : "the record of a sequence");
    return true;
}

bool
zseq_operator_format (zseq_operator_t *self, uint8_t node)
{
    if (!s_may_lose (self, node))
        return false;
    zseq_operator_kill (self, node, false);
    zseq_storm_say (self->storm, "%c is formatted again", 'a' + node);
    zseq_storm_format (self->storm, node);
    return true;
}

bool
zseq_operator_double (zseq_operator_t *self, uint8_t node)
{
    if (!s_may_lose (self, node) || !zseq_storm_up (self->storm, node) ||
        zseq_storm_doubled (self->storm, node))
        return false;
    zseq_storm_double (self->storm, node);
    return true;
}

bool
zseq_operator_recover (zseq_operator_t *self, uint8_t node)
{
    if (!s_may_lose (self, node))
        return false;
    zseq_storm_kill (self->storm, node, false);
    zseq_storm_start (self->storm, node, true, NULL);
    return true;
}

bool
zseq_operator_keep (zseq_operator_t *self, uint8_t node)
{
    if (!zseq_storm_disk (self->storm, node)->record.identity)
        return false;
    //  What a machine's snapshot holds is what a power cut leaves.
    zseq_storm_disk_t *copy = &self->kept[node];
    *copy = *zseq_storm_disk (self->storm, node);
    zseq_storm_disk_end (copy, true, s_draw (self, UINT64_MAX));
    self->is_kept[node] = true;
    return true;
}

//  Whether too few nodes would know that this one's life has ended, for it to
//  be found out before it votes: disk is what it would start with.
static bool
s_unnoticed (zseq_operator_t *self, uint8_t node, const zseq_storm_disk_t *disk,
             uint8_t replaced, const zseq_storm_disk_t *replacement)
{
    const zseq_incarnation_t *life = &disk->record.vector.life[node];
    zseq_incarnation_t voted = zseq_storm_voted (self->storm, node);
    if (!disk->formatted || disk->damaged || !disk->record.voting ||
        zseq_incarnation_compare (life, &voted) >= 0)
        return false;
    unsigned unaware = 0;
    for (uint8_t other = 0; other < self->n; other++) {
        const zseq_storm_disk_t *its = other == replaced
                                         ? replacement
                                         : zseq_storm_disk (self->storm, other);
        unaware +=
          other != node && its->record.voting &&
          zseq_incarnation_compare (&its->record.vector.life[node], life) <= 0;
    }
    return unaware + zseq_quorum_majority (self->n) >= self->n;
}

bool
zseq_operator_put_back (zseq_operator_t *self, uint8_t node)
{
    zseq_storm_disk_t *copy = &self->kept[node];
    if (!self->is_kept[node] || !s_may_lose (self, node))
        return false;
    zseq_incarnation_t voted = zseq_storm_voted (self->storm, node);
    if (!copy->damaged && copy->record.voting &&
        zseq_incarnation_compare (&voted, &copy->record.vector.life[node]) <= 0)
        return false;
    for (uint8_t other = 0; other < self->n; other++) {
        const zseq_storm_disk_t *disk =
          other == node ? copy : zseq_storm_disk (self->storm, other);
        if (s_unnoticed (self, other, disk, node, copy))
            return false;
    }
    zseq_operator_kill (self, node, false);
    zseq_storm_say (
      self->storm, "%c's old disk, of life %llu, is put back", 'a' + node,
      (unsigned long long) copy->record.vector.life[node].counter);
    zseq_storm_wipe (self->storm, node);
    *zseq_storm_disk (self->storm, node) = *copy;
    self->is_kept[node] = false;
    return true;
}

bool
zseq_operator_ruin (zseq_operator_t *self, uint8_t keeps)
{
    if (self->n < 3 || self->disaster || !zseq_operator_intact (self, keeps))
        return false;
    for (uint8_t node = 0; node < self->n; node++) {
        if (zseq_storm_doubled (self->storm, node))
            return false;
        const zseq_storm_disk_t *disk = zseq_storm_disk (self->storm, node);
        uint8_t who;
        if (disk->record.voting &&
            s_outlived (self, node, &disk->record.vector.life[node], &who))
            return false;
    }
    self->disaster = true;
    uint8_t lost = 0;
    for (uint8_t node = 0; node < self->n; node++) {
        uint8_t left = (uint8_t) (self->n - node);
        bool must = lost + left <= zseq_quorum_majority (self->n);
        if (node == keeps || (!must && s_draw (self, 2)))
            continue;
        lost++;
        zseq_operator_kill (self, node, false);
        zseq_storm_say (self->storm, "%c loses its disk", 'a' + node);
        zseq_storm_wipe (self->storm, node);
    }
    //  No copy of a life that nobody remembers is put back.
    memset (self->is_kept, 0, sizeof self->is_kept);
    return true;
}

void
zseq_operator_begin (zseq_operator_t *self)
{
    for (uint8_t node = 0; node < self->n; node++)
        zseq_storm_start (self->storm, node, false, NULL);
}

static bool
s_settled (zseq_operator_t *self)
{
    uint8_t who;
    for (uint8_t node = 0; node < self->n; node++)
        if (zseq_storm_state (self->storm, node) != ZSEQ_STATE_VOTING ||
            s_outlived (
              self, node,
              &zseq_storm_record (self->storm, node)->vector.life[node], &who))
            return false;
    return true;
}

//  After a disaster: one node after the other that its peers cannot bring back,
//  those that hold nothing before those that only start.
static void
s_use_force (zseq_operator_t *self)
{
    unsigned voting = 0;
    uint8_t chosen = self->n;
    for (uint8_t node = 0; node < self->n; node++) {
        zseq_state_t state = zseq_storm_state (self->storm, node);
        voting += state == ZSEQ_STATE_VOTING;
        if (state != ZSEQ_STATE_RECOVERING && state != ZSEQ_STATE_STARTING)
            continue;
        if (chosen == self->n ||
            (state == ZSEQ_STATE_RECOVERING &&
             zseq_storm_state (self->storm, chosen) == ZSEQ_STATE_STARTING))
            chosen = node;
    }
    if (chosen == self->n || voting >= zseq_quorum_majority (self->n))
        return;
    zseq_storm_kill (self->storm, chosen, false);
    s_start_by_force (self, chosen);
}

static void
s_complain (zseq_operator_t *self, const char *when)
{
    static const char *states[] = {
      "is down",       "waits for its birth", "is complete", "votes",
      "is recovering", "is stopping",         "is starting"};
    for (uint8_t node = 0; node < self->n; node++) {
        zseq_state_t state = zseq_storm_state (self->storm, node);
        uint8_t who;
        if (state != ZSEQ_STATE_VOTING)
            zseq_storm_broken (self->storm,
                               "liveness: %llu s %s node %c %s; it last ended "
                               "with '%s'",
                               (unsigned long long) (SETTLE_US / SECOND_US),
                               when, 'a' + node, states[state],
                               zseq_storm_last_words (self->storm, node));
        const zseq_vector_t *vector =
          &zseq_storm_record (self->storm, node)->vector;
        if (s_outlived (self, node, &vector->life[node], &who))
            zseq_storm_broken (self->storm,
                               "S5: node %c votes in life %llu, and %c knows a "
                               "newer one",
                               'a' + node,
                               (unsigned long long) vector->life[node].counter,
                               'a' + who);
    }
}

void
zseq_operator_settle (zseq_operator_t *self, const char *when)
{
    uint64_t now_us = zseq_storm_now_us (self->storm);
    uint64_t end_us = now_us + SETTLE_US;
    uint64_t force_us = now_us + PATIENCE_US;
    while (now_us < end_us && !s_settled (self)) {
        now_us += LOOK_US;
        zseq_storm_run (self->storm, now_us);
        for (uint8_t node = 0; node < self->n; node++)
            zseq_operator_start (self, node);
        if (self->disaster && now_us >= force_us) {
            s_use_force (self);
            force_us = now_us + PATIENCE_US / 4;
        }
    }
    if (!s_settled (self))
        s_complain (self, when);
}
