//  A transport that speaks ZMTP itself: its epoll, its timer and its turns.

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_limits.h"
#include "zseq_native.h"

//  How often epoll is asked in a row: it begins with those that waited longest.
#define LOOKS_MAX 64
#define DESCRIPTORS 2
//  How long it may go without asking epoll. A client between two calls does not
//  poll, and has to learn that a node has hung up before it sends to it.
#define LOOK_US 1000

uint64_t
zseq_native_now_us (void)
{
    struct timespec now;
    int rc = clock_gettime (CLOCK_MONOTONIC, &now);
    assert (rc == 0);
    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

bool
zseq_native_watch (zseq_native_t *self, int operation, int fd, uint32_t events,
                   uint64_t key)
{
    assert (self);
    struct epoll_event event = {.events = events, .data.u64 = key};
    return epoll_ctl (self->epoll, operation, fd, &event) == 0;
}

int
zseq_native_fail_watch (zseq_native_t *self, const char *endpoint)
{
    assert (self);
    assert (endpoint);
    return zseq_transport_fail (&self->transport, ZSEQ_EIO,
                                ZSEQ_TEXT_SOCKET_UNWATCHED, endpoint,
                                strerror (errno));
}

int
zseq_native_open (zseq_native_t *self)
{
    assert (self);

    if (self->epoll >= 0)
        return ZSEQ_OK;
    if (!zseq_limits_leave (DESCRIPTORS, 0, self->transport.text,
                            sizeof self->transport.text))
        return ZSEQ_EIO;
    self->epoll = epoll_create1 (EPOLL_CLOEXEC);
    self->timer = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int rc = ZSEQ_OK;
    if (self->epoll == -1 || self->timer == -1)
        rc = zseq_transport_fail (&self->transport, ZSEQ_EIO,
                                  ZSEQ_TEXT_SOCKET_FAILED, strerror (errno));
    else if (!zseq_native_watch (self, EPOLL_CTL_ADD, self->timer, EPOLLIN,
                                 zseq_native_key (ZSEQ_NATIVE_TIMER, 0, 0)))
        rc = zseq_native_fail_watch (self, ZSEQ_TEXT_SOCKET_TIMER);
    self->armed_us = ZSEQ_NATIVE_NEVER;
    if (rc == ZSEQ_OK)
        return rc;
    if (self->epoll >= 0)
        close (self->epoll);
    if (self->timer >= 0)
        close (self->timer);
    self->epoll = self->timer = -1;
    return rc;
}

//  Does what is due, and sets the timer to what is due next. That a link has
//  connected is due at once: whoever looked in passing, to send over another
//  link, does not know, and nothing is left in the socket to poll for.
static void
s_keep_time (zseq_native_t *self, uint64_t now_us)
{
    uint64_t due_us = zseq_native_router_expire (self, now_us);
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        uint64_t link_us = zseq_native_link_expire (self, index, now_us);
        if (link_us < due_us)
            due_us = link_us;
    }
    self->untimed = false;
    if (self->connected)
        due_us = ZSEQ_NATIVE_AT_ONCE;
    if (due_us == self->armed_us)
        return;
    self->armed_us = due_us;
    //  Not at a time but after one: libfaketime takes a time for one of the
    //  clock that it changes.
    struct itimerspec after = {{0, 0}, {0, 0}};
    if (due_us != ZSEQ_NATIVE_NEVER) {
        uint64_t us = due_us > now_us ? due_us - now_us : 1;
        after.it_value.tv_sec = (time_t) (us / 1000000);
        after.it_value.tv_nsec = (long) (us % 1000000) * 1000;
    }
    int rc = timerfd_settime (self->timer, 0, &after, NULL);
    assert (rc == 0);
}

static void
s_take_event (zseq_native_t *self, const struct epoll_event *event)
{
    uint64_t key = event->data.u64;
    uint32_t index = (uint32_t) (key >> 32 & 0xffffff);
    switch ((zseq_native_owner_t) (key >> 56)) {
    case ZSEQ_NATIVE_LISTENER:
        if (self->router.fd >= 0)
            zseq_native_router_accept (self);
        break;
    case ZSEQ_NATIVE_CONNECTION:
        zseq_native_router_event (self, index, (uint32_t) key, event->events);
        break;
    case ZSEQ_NATIVE_LINK:
        zseq_native_link_event (self, index, (uint32_t) key, event->events);
        break;
    case ZSEQ_NATIVE_TIMER:
    case ZSEQ_NATIVE_WATCHED:
        break;
    }
}

//  Asks epoll what is new.
static void
s_look (zseq_native_t *self)
{
    if (self->epoll == -1)
        return;
    struct epoll_event events[ZSEQ_NATIVE_EVENTS_MAX];
    int count = ZSEQ_NATIVE_EVENTS_MAX;
    for (size_t looks = 0; looks < LOOKS_MAX && count == ZSEQ_NATIVE_EVENTS_MAX;
         looks++) {
        do
            count = epoll_wait (self->epoll, events, ZSEQ_NATIVE_EVENTS_MAX, 0);
        while (count == -1 && errno == EINTR);
        assert (count >= 0);
        for (int at = 0; at < count; at++)
            s_take_event (self, &events[at]);
    }
    self->looked_us = zseq_native_now_us ();
    self->quiet = true;
    s_keep_time (self, self->looked_us);
}

static int
s_op_bind (zseq_transport_t *transport, const char *endpoint)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    int rc = zseq_native_open (self);
    return rc == ZSEQ_OK ? zseq_native_router_bind (self, endpoint) : rc;
}

static void
s_op_unlink (zseq_transport_t *transport, size_t index)
{
    zseq_native_link_close ((zseq_native_t *) transport, index);
}

static void
s_op_reset (zseq_transport_t *transport)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    zseq_native_router_close (self);
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        s_op_unlink (transport, index);
}

static int
s_op_link (zseq_transport_t *transport, size_t index, const char *endpoint)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    int rc = zseq_native_open (self);
    if (rc == ZSEQ_OK)
        rc = zseq_native_link_open (self, index, endpoint);
    if (rc == ZSEQ_OK)
        s_keep_time (self, zseq_native_now_us ());
    return rc;
}

//  Looks if there may be something new.
static void
s_maybe_look (zseq_native_t *self)
{
    if (!self->quiet || zseq_native_now_us () - self->looked_us > LOOK_US)
        s_look (self);
}

static int
s_op_send (zseq_transport_t *transport, size_t index, const uint8_t *bytes,
           size_t size)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    s_maybe_look (self);
    return zseq_native_link_send (self, index, bytes, size);
}

static int
s_op_reply (zseq_transport_t *transport, const zseq_route_t *route,
            const uint8_t *bytes, size_t size)
{
    return zseq_native_router_reply ((zseq_native_t *) transport, route, bytes,
                                     size);
}

static bool
s_op_ready (zseq_transport_t *transport, size_t index)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    s_maybe_look (self);
    return zseq_native_link_ready (self, index);
}

//  Frees what the frames that were given lay in: they are valid until now.
static void
s_release_given (zseq_native_t *self)
{
    while (self->retired_count)
        free (self->retired[--self->retired_count]);
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        self->link[index].given = false;
}

static int
s_op_recv (zseq_transport_t *transport, size_t index, const uint8_t **bytes_p,
           size_t *size_p)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    s_release_given (self);
    s_maybe_look (self);
    int rc = zseq_native_link_recv (self, index, bytes_p, size_p);
    self->link[index].given = rc == ZSEQ_OK;
    if (self->untimed)
        s_keep_time (self, zseq_native_now_us ());
    return rc;
}

//  Looks once in a turn, at its beginning: a sender that comes meanwhile does
//  not have to wait until all others' bytes are used up.
static int
s_op_recv_request (zseq_transport_t *transport, zseq_route_t *route_p,
                   const uint8_t **bytes_p, size_t *size_p)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    s_release_given (self);
    if (!self->looked && (!self->quiet || TAILQ_FIRST (&self->router.queue)))
        s_look (self);
    self->looked = true;
    return zseq_native_router_recv (self, route_p, bytes_p, size_p);
}

static const uint8_t *
s_op_sender (zseq_transport_t *transport)
{
    return zseq_native_router_sender ((const zseq_native_t *) transport);
}

static const char *
s_op_trouble (zseq_transport_t *transport, size_t index)
{
    return zseq_native_link_trouble ((const zseq_native_t *) transport, index);
}

static size_t
s_op_drain (zseq_transport_t *transport, zseq_frame_t frames[ZSEQ_FRAMES_MAX])
{
    zseq_native_t *self = (zseq_native_t *) transport;
    s_release_given (self);
    s_maybe_look (self);
    size_t count = 0;
    size_t empty = 0;
    while (empty < ZSEQ_LINKS_MAX && count < ZSEQ_FRAMES_MAX) {
        zseq_frame_t *frame = &frames[count];
        frame->index = self->next_link;
        if (zseq_native_link_recv (self, self->next_link, &frame->bytes,
                                   &frame->size) != ZSEQ_OK) {
            self->next_link = (self->next_link + 1) % ZSEQ_LINKS_MAX;
            empty++;
            continue;
        }
        self->link[self->next_link].given = true;
        empty = 0;
        count++;
    }
    if (self->untimed)
        s_keep_time (self, zseq_native_now_us ());
    return count;
}

static size_t
s_op_fds (const zseq_transport_t *transport, struct pollfd *fds)
{
    const zseq_native_t *self = (const zseq_native_t *) transport;
    if (self->epoll == -1)
        return 0;
    fds[0] = (struct pollfd){.fd = self->epoll, .events = POLLIN};
    return 1;
}

static void
s_op_watch (zseq_transport_t *transport, int fd)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    struct epoll_event event = {
      .events = EPOLLIN,
      .data.u64 = zseq_native_key (ZSEQ_NATIVE_WATCHED, (uint32_t) fd, 0)};
    if (self->watched_count < ZSEQ_NATIVE_WATCHED_MAX &&
        zseq_native_open (self) == ZSEQ_OK &&
        epoll_ctl (self->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        self->watched[self->watched_count++] = fd;
}

static void
s_op_unwatch (zseq_transport_t *transport, int fd)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    for (size_t at = 0; at < self->watched_count; at++)
        if (self->watched[at] == fd) {
            self->watched[at] = self->watched[--self->watched_count];
            (void) epoll_ctl (self->epoll, EPOLL_CTL_DEL, fd, NULL);
            return;
        }
}

//  Whether fds are epoll and all that is watched, and no others.
static bool
s_are_watched (const zseq_native_t *self, const struct pollfd *fds,
               size_t count)
{
    size_t found = 0;
    bool has_epoll = false;
    for (size_t at = 0; at < count; at++) {
        has_epoll |= fds[at].fd == self->epoll;
        for (size_t other = 0; other < self->watched_count; other++)
            found += self->watched[other] == fds[at].fd;
    }
    return has_epoll && found == self->watched_count && count == found + 1;
}

//  Waits in epoll itself: the events are then at hand for _note_ready, which
//  else would have to ask for them.
static int
s_op_poll (zseq_transport_t *transport, struct pollfd *fds, size_t count,
           const struct timespec *timeout)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    self->found_count = 0;
    if (!s_are_watched (self, fds, count))
        return ppoll (fds, count, timeout, NULL);
    int found = epoll_pwait2 (self->epoll, self->found, ZSEQ_NATIVE_EVENTS_MAX,
                              timeout, NULL);
    if (found == -1 && errno == ENOSYS)
        return ppoll (fds, count, timeout, NULL);
    if (found <= 0)
        return found;
    self->found_count = (size_t) found;
    int ready = 0;
    for (size_t at = 0; at < count; at++) {
        fds[at].revents = 0;
        for (size_t event = 0; event < self->found_count; event++) {
            uint64_t key = self->found[event].data.u64;
            bool own = key >> 56 != ZSEQ_NATIVE_WATCHED;
            if (own ? fds[at].fd == self->epoll
                    : fds[at].fd == (int) (key >> 32 & 0xffffff))
                fds[at].revents = POLLIN;
        }
        ready += fds[at].revents != 0;
    }
    return ready;
}

static void
s_op_note_ready (zseq_transport_t *transport, const struct pollfd *fds,
                 size_t count)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    bool ready = false;
    for (size_t at = 0; at < count; at++)
        ready |= fds[at].revents && fds[at].fd == self->epoll;
    if (!ready)
        return;
    self->quiet = self->looked = false;
    if (!self->found_count && !self->connected)
        return;
    for (size_t at = 0; at < self->found_count; at++)
        s_take_event (self, &self->found[at]);
    if (self->found_count) {
        self->quiet = self->looked = self->found_count < ZSEQ_NATIVE_EVENTS_MAX;
        self->looked_us = zseq_native_now_us ();
    }
    self->found_count = 0;
    //  Its owner looks at all of them now.
    self->connected = false;
    s_keep_time (self, zseq_native_now_us ());
}

static void
s_op_flush (zseq_transport_t *transport)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    //  Only a node has a ROUTER, and one thread.
    if (self->router.fd >= 0) {
        self->looked = false;
        zseq_native_router_flush (self);
    }
    if (atomic_load (&self->dirty_links) == 0)
        return;
    unsigned links = atomic_exchange (&self->dirty_links, 0);
    for (size_t index = 0; index < ZSEQ_LINKS_MAX && links >> index; index++)
        if (links >> index & 1)
            zseq_outbox_flush (&self->link[index].channel.outbox);
}

static size_t
s_op_shed (zseq_transport_t *transport)
{
    return zseq_native_router_shed ((zseq_native_t *) transport);
}

static bool
s_op_unflushed (const zseq_transport_t *transport)
{
    const zseq_native_t *self = (const zseq_native_t *) transport;
    return atomic_load (&self->dirty_links) != 0 ||
           (self->router.fd >= 0 && TAILQ_FIRST (&self->router.dirty));
}

static void
s_op_destroy (zseq_transport_t *transport)
{
    zseq_native_t *self = (zseq_native_t *) transport;
    s_op_flush (transport);
    s_release_given (self);
    s_op_reset (transport);
    s_release_given (self);
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        zseq_native_link_term (&self->link[index]);
    if (self->epoll >= 0)
        close (self->epoll);
    if (self->timer >= 0)
        close (self->timer);
    free (self);
}

zseq_transport_t *
zseq_transport_native_new (void)
{
    static const zseq_transport_ops_t ops = {
      .destroy = s_op_destroy,
      .bind = s_op_bind,
      .reset = s_op_reset,
      .link = s_op_link,
      .unlink = s_op_unlink,
      .send = s_op_send,
      .reply = s_op_reply,
      .ready = s_op_ready,
      .recv = s_op_recv,
      .recv_request = s_op_recv_request,
      .sender = s_op_sender,
      .trouble = s_op_trouble,
      .drain = s_op_drain,
      .fds = s_op_fds,
      .poll = s_op_poll,
      .watch = s_op_watch,
      .unwatch = s_op_unwatch,
      .note_ready = s_op_note_ready,
      .flush = s_op_flush,
      .shed = s_op_shed,
      .unflushed = s_op_unflushed,
    };
    zseq_native_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->transport.ops = &ops;
    self->epoll = self->timer = -1;
    self->armed_us = ZSEQ_NATIVE_NEVER;
    zseq_native_router_init (self);
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        zseq_native_link_init (&self->link[index]);
    return &self->transport;
}
