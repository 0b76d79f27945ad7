//  Time, random numbers and the trace of a simulated cluster.

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "zseq_sim_cluster_private.h"

void *
zseq_sim_grow (void *items, size_t *capacity_p, size_t count, size_t size)
{
    if (count < *capacity_p)
        return items;
    *capacity_p = *capacity_p ? *capacity_p * 2 : 16;
    items = realloc (items, *capacity_p * size);
    assert (items);
    return items;
}

//  Splitmix64.
uint64_t
zseq_sim_random (zseq_sim_cluster_t *self)
{
    uint64_t z = self->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t
zseq_sim_cluster_draw (zseq_sim_cluster_t *self, uint64_t bound)
{
    assert (bound);
    return zseq_sim_random (self) % bound;
}

bool
zseq_sim_cluster_chance (zseq_sim_cluster_t *self, uint32_t in_thousand)
{
    return in_thousand && zseq_sim_random (self) % 1000 < in_thousand;
}

uint64_t
zseq_sim_cluster_now_us (const zseq_sim_cluster_t *self)
{
    return self->now_us;
}

void
zseq_sim_cluster_say (const zseq_sim_cluster_t *self, const char *format, ...)
{
    if (!self->trace)
        return;
    va_list list;
    va_start (list, format);
    printf ("%10.6f  ", (double) self->now_us / 1e6);
    vprintf (format, list);
    putchar ('\n');
    va_end (list);
}

void
zseq_sim_cluster_broken (const zseq_sim_cluster_t *self, const char *format,
                         ...)
{
    char text[512];
    va_list list;
    va_start (list, format);
    vsnprintf (text, sizeof text, format, list);
    va_end (list);
    zseq_sim_cluster_say (self, "BROKEN: %s", text);
    self->hooks.broken (text, self->hooks.arg);
    abort ();
}

//  Returns whether a is due before b.
static bool
s_before (const zseq_sim_due_t *a, const zseq_sim_due_t *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void
zseq_sim_add_due (zseq_sim_cluster_t *self, uint64_t at_us,
                  zseq_sim_kind_t kind, uint32_t target,
                  zseq_sim_message_t *message)
{
    assert (at_us >= self->now_us);
    self->due = zseq_sim_grow (self->due, &self->due_capacity, self->due_count,
                               sizeof *self->due);
    zseq_sim_due_t due = {at_us, self->order++, kind, target, message};
    size_t at = self->due_count++;
    for (; at > 0 && s_before (&due, &self->due[(at - 1) / 2]);
         at = (at - 1) / 2)
        self->due[at] = self->due[(at - 1) / 2];
    self->due[at] = due;
}

zseq_sim_due_t
zseq_sim_take_due (zseq_sim_cluster_t *self)
{
    zseq_sim_due_t first = self->due[0];
    zseq_sim_due_t last = self->due[--self->due_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->due_count)
            break;
        if (child + 1 < self->due_count &&
            s_before (&self->due[child + 1], &self->due[child]))
            child++;
        if (!s_before (&self->due[child], &last))
            break;
        self->due[at] = self->due[child];
        at = child;
    }
    self->due[at] = last;
    return first;
}

void
zseq_sim_cluster_alarm (zseq_sim_cluster_t *self, uint64_t at_us, uint32_t what)
{
    //  It may be overdue: whoever sets it looked late at its clock.
    if (at_us < self->now_us)
        at_us = self->now_us;
    zseq_sim_add_due (self, at_us, ZSEQ_SIM_DUE_ALARM, what, NULL);
}

zseq_sim_process_t *
zseq_sim_process (const zseq_sim_cluster_t *self, uint32_t id)
{
    return id < self->process_count ? self->process[id] : NULL;
}

zseq_sim_process_t *
zseq_sim_at (const zseq_sim_cluster_t *self, uint8_t node)
{
    return zseq_sim_process (self, self->slot[node].process);
}

zseq_sim_process_t *
zseq_sim_older (const zseq_sim_cluster_t *self, uint8_t node)
{
    return zseq_sim_process (self, self->slot[node].older);
}

//  Returns a node's letter for messages.
char
zseq_sim_letter (uint8_t node)
{
    return (char) ('a' + node);
}
