//  What an instance remembers of all nodes, in memory and on disk; and what the
//  checker remembers, in order to know which peers have to warn an old copy.

#include "walks.h"

const char *
walks_number_text (int incarnation)
{
    static char text[4][16];
    static unsigned turn;
    char *place = text[turn++ % 4];
    snprintf (place, sizeof text[0], "%d.%02x", incarnation >> COUNTER_SHIFT,
              (unsigned) incarnation & 0xff);
    return place;
}

const char *
walks_name_of (const walks_instance_t *self)
{
    static char text[4][24];
    static unsigned turn;
    char *place = text[turn++ % 4];
    snprintf (place, sizeof text[0], "%c%ld", 'a' + self->node,
              (long) (self - walk.instance));
    return place;
}

void
walks_remember (walks_memory_t *self, uint8_t node, int16_t incarnation,
                int16_t start)
{
    if (self->incarnation.of[node] < incarnation) {
        self->incarnation.of[node] = incarnation;
        self->start.of[node] = start;
    }
    else if (self->incarnation.of[node] == incarnation &&
             walks_counter (self->start.of[node]) < walks_counter (start))
        self->start.of[node] = start;
    else if (self->incarnation.of[node] == incarnation &&
             walk.broken != FIRST_START_STAYS &&
             walks_counter (self->start.of[node]) == walks_counter (start) &&
             self->start.of[node] != start)
        self->start.of[node] |= DISPUTED;
}

void
walks_remember_all (walks_instance_t *self, const walks_memory_t *other)
{
    if (walk.broken == ONE_EPOCH) {
        walks_merge (&self->memory.incarnation, &other->incarnation);
        return;
    }
    for (uint8_t node = 0; node < walk.n; node++)
        if (node != self->node)
            walks_remember (&self->memory, node, other->incarnation.of[node],
                            other->start.of[node]);
    if (walks_own_incarnation (self) < other->incarnation.of[self->node]) {
        self->memory.incarnation.of[self->node] =
          other->incarnation.of[self->node];
        self->memory.start.of[self->node] = 0;
    }
}

void
walks_witness (walks_memory_t *self, uint8_t node, int16_t incarnation,
               int16_t start)
{
    if (!walk.genuine[start & 0xff])
        return;
    if (self->incarnation.of[node] < incarnation ||
        (self->incarnation.of[node] == incarnation &&
         (self->start.of[node] & 0xff) < (start & 0xff))) {
        self->incarnation.of[node] = incarnation;
        self->start.of[node] = start;
    }
}

bool
walks_has_witnessed (const walks_memory_t *witness,
                     const walks_instance_t *self)
{
    return witness->incarnation.of[self->node] ==
             walks_own_incarnation (self) &&
           (witness->start.of[self->node] & 0xff) > self->serial;
}

void
walks_write (walks_instance_t *self)
{
    if (!self->running)
        return;
    if (self->phase == ASKING ||
        (self->phase == COPYING && !walks_votes (self))) {
        //  A recovery by force changes nothing on disk before it begins its
        //  incarnation.
        if (!self->forced)
            self->disk_votes = false;
        return;
    }
    self->disk = self->memory;
    self->disk_floor = self->floor;
    for (uint8_t node = 0; node < walk.n; node++)
        if (node != self->node &&
            walk.current[self->node] == self - walk.instance)
            walks_witness (&walk.noted[self->node], node,
                           self->disk.incarnation.of[node],
                           self->disk.start.of[node]);
}
