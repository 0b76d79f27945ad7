#include "zseq_loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include "zseq.h"
#include "zseq_clock.h"

#define CAPACITY_MIN 16

typedef struct {
    zseq_loop_fn *handler;
    void *arg;
} s_entry_t;

//  The descriptors are an array of their own, because poll takes one.
struct zseq_loop {
    struct pollfd *fds;  //  fd -1: removed; poll skips it
    s_entry_t *entry;    //  Of the same index
    size_t count;
    size_t capacity;
    bool removed;  //  fds has removed ones
    zseq_loop_poll_fn *poll;
    void *poll_arg;
};

static int
s_ppoll (struct pollfd *fds, size_t count, const struct timespec *timeout,
         void *arg)
{
    (void) arg;
    return ppoll (fds, count, timeout, NULL);
}

zseq_loop_t *
zseq_loop_new (void)
{
    zseq_loop_t *self = calloc (1, sizeof *self);
    if (self)
        self->poll = s_ppoll;
    return self;
}

void
zseq_loop_set_poll (zseq_loop_t *self, zseq_loop_poll_fn *poll, void *arg)
{
    assert (self);
    assert (poll);
    self->poll = poll;
    self->poll_arg = arg;
}

void
zseq_loop_destroy (zseq_loop_t **self_p)
{
    assert (self_p);

    zseq_loop_t *self = *self_p;
    if (!self)
        return;
    free (self->fds);
    free (self->entry);
    free (self);
    *self_p = NULL;
}

static int
s_grow (zseq_loop_t *self)
{
    size_t capacity = self->capacity ? 2 * self->capacity : CAPACITY_MIN;
    struct pollfd *fds = realloc (self->fds, capacity * sizeof *fds);
    if (!fds)
        return ZSEQ_ENOMEM;
    self->fds = fds;
    s_entry_t *entry = realloc (self->entry, capacity * sizeof *entry);
    if (!entry)
        return ZSEQ_ENOMEM;
    self->entry = entry;
    self->capacity = capacity;
    return ZSEQ_OK;
}

int
zseq_loop_add (zseq_loop_t *self, int fd, short events, zseq_loop_fn *handler,
               void *arg)
{
    assert (self);
    assert (fd >= 0);

    if (self->count == self->capacity && s_grow (self) != ZSEQ_OK)
        return ZSEQ_ENOMEM;
    self->fds[self->count] = (struct pollfd){.fd = fd, .events = events};
    self->entry[self->count] = (s_entry_t){.handler = handler, .arg = arg};
    self->count++;
    return ZSEQ_OK;
}

//  A handler may be running, so the other entries keep their index.
void
zseq_loop_remove (zseq_loop_t *self, int fd)
{
    assert (self);
    assert (fd >= 0);

    for (size_t index = 0; index < self->count; index++)
        if (self->fds[index].fd == fd) {
            self->fds[index] = (struct pollfd){.fd = -1};
            self->removed = true;
        }
}

//  Closes the gaps that removed descriptors have left.
static void
s_compact (zseq_loop_t *self)
{
    size_t kept = 0;
    for (size_t index = 0; index < self->count; index++)
        if (self->fds[index].fd >= 0) {
            self->fds[kept] = self->fds[index];
            self->entry[kept] = self->entry[index];
            kept++;
        }
    self->count = kept;
    self->removed = false;
}

//  Returns whether there are events.
static bool
s_poll (zseq_loop_t *self, uint64_t until_us)
{
    int rc;
    do {
        uint64_t now_us = zseq_clock_now_us ();
        struct timespec timeout =
          zseq_clock_timespec (until_us > now_us ? until_us - now_us : 0);
        rc = self->poll (self->fds, self->count, &timeout, self->poll_arg);
        assert (rc >= 0 || errno == EINTR);
    } while (rc < 0);
    return rc > 0;
}

void
zseq_loop_wait (zseq_loop_t *self, uint64_t until_us)
{
    assert (self);

    if (self->removed)
        s_compact (self);
    if (!s_poll (self, until_us))
        return;
    //  Handlers may add and remove; added entries have an index from count on.
    size_t count = self->count;
    for (size_t index = 0; index < count; index++) {
        struct pollfd ready = self->fds[index];
        s_entry_t entry = self->entry[index];
        if (ready.revents && entry.handler)
            entry.handler (ready.fd, ready.revents, entry.arg);
    }
}
