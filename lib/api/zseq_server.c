#include "zseq_server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "zseq_codec.h"
#include "zseq_config.h"
#include "zseq_detail.h"
#include "zseq_node.h"
#include "zseq_store.h"
#include "zseq_transport.h"

//  Messages taken from one socket before the others have their turn.
#define BURST_MAX 1024
#define WRITTEN_MAX 256
#define TICK_US 20000
#define WAITING_MAX 65536
//  How often the memory is looked at, and how soon after all connections were
//  closed, for what is freed goes one by one.
#define GUARD_US 100000
#define GUARD_AGAIN_US 1000000
//  How often it is told that sockets cannot be opened again.
#define GUARD_TELL_US 10000000
//  How long the one who had the directory and the endpoint before may take to
//  go: a process that was killed holds both until the system has freed it.
#define PREDECESSOR_US 3000000
#define PREDECESSOR_LOOK_US 10000
#define NAME_BYTES 1024  //  That a name takes at most
#define DAMAGES_MAX 20   //  Lines about damage; the rest is only counted

struct zseq_server {
    const zseq_server_options_t *options;
    zseq_record_t record;           //  As it was read, or that of a lost node
    char why[ZSEQ_STORE_TEXT_MAX];  //  Why it must recover; or empty
    size_t damages;
    zseq_store_t *store;
    zseq_transport_t *transport;
    zseq_node_t *node;
    zseq_codec_t codec;
    zseq_write_t *writes;  //  Gathered during a step, handed over at its end
    size_t write_count;
    size_t write_size;
    uint64_t tick_us;    //  When to tick next
    uint64_t guard_us;   //  When to look at the memory next
    int statm_fd;        //  Stays open: connections may use up all descriptors
    bool awaits;         //  Someone else has what it needs: it was told
    uint64_t opened_us;  //  When it was begun to open
    bool closed;         //  It was too much: sockets are to be opened again
    bool stopping;
    bool stopped_voting;  //  It voted until then
    int exit;             //  Why to end at once; or ZSEQ_OK
    uint8_t bytes[ZSEQ_MESSAGE_MAX];
};

static uint64_t
s_now_us (void)
{
    struct timespec now;
    int rc = clock_gettime (CLOCK_MONOTONIC, &now);
    assert (rc == 0);
    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

//  Unix milliseconds; 0 when the clock was never set.
static uint64_t
s_wall_ms (void)
{
    struct timespec now;
    int rc = clock_gettime (CLOCK_REALTIME, &now);
    assert (rc == 0);
    if (now.tv_sec < 0)
        return 0;
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static void
s_log (zseq_server_t *self, const char *text)
{
    self->options->log (text, self->options->arg);
}

static void
s_exit (zseq_server_t *self, int rc, const char *text)
{
    if (self->exit)
        return;
    self->exit = rc;
    s_log (self, text);
    (void) zseq_detail_fail (rc, "%s", text);
}

zseq_server_t *
zseq_server_new (const zseq_server_options_t *options)
{
    assert (options);
    assert (options->directory);
    assert (options->log);

    zseq_server_t *self = calloc (1, sizeof *self);
    if (self) {
        self->options = options;
        self->statm_fd = -1;
    }
    return self;
}

void
zseq_server_destroy (zseq_server_t **self_p)
{
    assert (self_p);

    zseq_server_t *self = *self_p;
    if (!self)
        return;
    zseq_transport_destroy (&self->transport);
    if (self->statm_fd >= 0)
        close (self->statm_fd);
    zseq_store_destroy (&self->store);
    zseq_node_destroy (&self->node);
    free (self->writes);
    free (self);
    *self_p = NULL;
}

//  What the node wants done.

static void
s_add_write (zseq_server_t *self, const zseq_write_t *write)
{
    if (self->write_count == self->write_size) {
        size_t size = self->write_size ? self->write_size * 2 : 64;
        zseq_write_t *writes = realloc (self->writes, size * sizeof *writes);
        if (!writes) {
            s_exit (self, ZSEQ_ENOMEM, "out of memory: the node ends");
            return;
        }
        self->writes = writes;
        self->write_size = size;
    }
    self->writes[self->write_count++] = *write;
}

//  What the record says of next; the reserve begins there.
static uint64_t
s_next (const zseq_entry_t *entry, uint64_t limit)
{
    return entry->seq.next < limit ? entry->seq.next : limit;
}

static void
s_act (const zseq_action_t *action, void *arg)
{
    zseq_server_t *self = arg;
    size_t size;
    switch (action->type) {
    case ZSEQ_ACTION_REPLY:
        size = zseq_codec_encode (action->msg, self->bytes, ZSEQ_MESSAGE_MAX);
        assert (size);
        //  Whoever has gone, or does not read, asks again or not at all.
        (void) zseq_transport_reply (self->transport, action->route,
                                     self->bytes, size);
        break;
    case ZSEQ_ACTION_ASK:
        size = zseq_codec_encode (action->msg, self->bytes, ZSEQ_MESSAGE_MAX);
        assert (size);
        //  The node asks again.
        (void) zseq_transport_send (self->transport, action->peer, self->bytes,
                                    size);
        break;
    case ZSEQ_ACTION_PERSIST: {
        zseq_write_t write = {.name = action->entry->name,
                              .name_size = action->entry->name_size,
                              .journaled = action->entry->journaled,
                              .deferred = action->deferred,
                              .next = s_next (action->entry, action->limit),
                              .limit = action->limit,
                              .owner = action->entry};
        s_add_write (self, &write);
        break;
    }
    case ZSEQ_ACTION_PERSIST_RECORD: {
        zseq_write_t write = {.record = action->record, .tag = action->version};
        s_add_write (self, &write);
        break;
    }
    case ZSEQ_ACTION_LOG:
        s_log (self, action->text);
        break;
    case ZSEQ_ACTION_EXIT:
        s_exit (self, action->status, action->text);
        break;
    }
}

//  Opening.

static int
s_check_members (const zseq_server_t *self)
{
    const zseq_server_options_t *options = self->options;
    const zseq_record_t *record = &self->record;
    if (options->member_count != record->n)
        return zseq_detail_fail (
          ZSEQ_EFOREIGN,
          "directory %s was formatted for %u members, --members has %zu",
          options->directory, record->n, options->member_count);
    for (uint8_t node = 0; node < record->n; node++) {
        bool found = false;
        for (size_t index = 0; index < options->member_count; index++)
            found |=
              !strcmp (options->members[index].name, record->member[node].name);
        if (!found)
            return zseq_detail_fail (
              ZSEQ_EFOREIGN,
              "directory %s was formatted with a member %s, which --members "
              "does not name",
              options->directory, record->member[node].name);
    }
    return ZSEQ_OK;
}

//  The directory must be what the options say it is. Only endpoints may move.
static int
s_check_owner (zseq_server_t *self)
{
    const zseq_server_options_t *options = self->options;
    const zseq_record_t *record = &self->record;
    const char *name = record->member[record->self].name;
    if (options->name && strcmp (options->name, name))
        return zseq_detail_fail (ZSEQ_EFOREIGN,
                                 "directory %s belongs to node %s, not to %s",
                                 options->directory, name, options->name);
    if (options->cluster && strcmp (options->cluster, record->cluster))
        return zseq_detail_fail (
          ZSEQ_EFOREIGN, "directory %s belongs to cluster %s, not to %s",
          options->directory, record->cluster, options->cluster);
    return options->members ? s_check_members (self) : ZSEQ_OK;
}

//  Takes over where members have moved to. Returns how many have.
static size_t
s_move_members (zseq_server_t *self)
{
    size_t moved = 0;
    for (size_t index = 0; index < self->options->member_count; index++)
        moved += zseq_node_move (self->node, &self->options->members[index]);
    return moved;
}

//  Loading.

static int
s_load_name (const char *name, size_t size, uint64_t next, uint64_t limit,
             void *arg)
{
    zseq_server_t *self = arg;
    return zseq_node_load (self->node, name, size, next, limit);
}

static void
s_load_damage (const char *text, void *arg)
{
    zseq_server_t *self = arg;
    if (self->damages == 0 && !self->why[0])
        snprintf (self->why, sizeof self->why, "its directory is damaged");
    if (++self->damages <= DAMAGES_MAX)
        s_log (self, text);
}

static void
s_load_progress (size_t count, size_t total, void *arg)
{
    char text[80];
    snprintf (text, sizeof text, "loading: %zu of %zu names", count,
              total > count ? total : count);
    s_log (arg, text);
}

static int
s_load (zseq_server_t *self)
{
    zseq_store_loader_t loader = {.name = s_load_name,
                                  .damage = s_load_damage,
                                  .progress = s_load_progress,
                                  .arg = self};
    zseq_store_found_t found;
    int rc = zseq_store_load (self->store, &loader, &found);
    if (rc == ZSEQ_EFULL)
        return zseq_detail_fail (
          rc, "directory %s holds more than %zu sequences: raise --names-max",
          self->options->directory, self->options->names_max);
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc, "%s", zseq_store_text (self->store));
    if (self->damages > DAMAGES_MAX) {
        char text[80];
        snprintf (text, sizeof text, "%zu more are damaged",
                  self->damages - DAMAGES_MAX);
        s_log (self, text);
    }
    if (!self->record.identity && self->why[0])
        zseq_node_adopt (self->node, found.identity);
    if (self->options->recover && !self->why[0])
        snprintf (self->why, sizeof self->why, "it was told to");
    if (self->why[0])
        zseq_node_recover (self->node, self->why, self->options->force);
    return ZSEQ_OK;
}

//  Whether to try again what the one before may hold still. Looks only now and
//  then: there is nothing to wait on that would tell.
static bool
s_await_predecessor (zseq_server_t *self, int rc, const char *why)
{
    uint64_t now_us = s_now_us ();
    if (rc != ZSEQ_ELOCKED || now_us - self->opened_us >= PREDECESSOR_US)
        return false;
    if (!self->awaits) {
        char text[ZSEQ_STORE_TEXT_MAX + 64];
        snprintf (text, sizeof text, "%s; waiting %d s for it to end", why,
                  PREDECESSOR_US / 1000000);
        s_log (self, text);
    }
    self->awaits = true;
    (void) usleep (PREDECESSOR_LOOK_US);
    return true;
}

//  A directory that is empty, or whose node's record is gone.
static int
s_open_lost (zseq_server_t *self, int why)
{
    const zseq_server_options_t *options = self->options;
    snprintf (self->why, sizeof self->why, "%s", zseq_store_text (self->store));
    if (!options->name || !options->cluster || !options->members)
        return zseq_detail_fail (
          why,
          "%s. To recover it from its peers, say which node it is: --name, "
          "--cluster and --members",
          self->why);
    int rc = zseq_record_init (&self->record, options->cluster, options->name,
                               options->members, options->member_count, 0);
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc,
                                 "node %s is not among the members, or the "
                                 "cluster's name is not one",
                                 options->name);
    zseq_record_lose (&self->record, 0);
    do
        rc = zseq_store_open_lost (self->store, self->record.self);
    while (s_await_predecessor (self, rc, zseq_store_text (self->store)));
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc, "%s", zseq_store_text (self->store));
    return ZSEQ_OK;
}

static int
s_open_store (zseq_server_t *self)
{
    self->store = zseq_store_new (self->options->directory);
    if (!self->store)
        return zseq_detail_fail (ZSEQ_ENOMEM, "out of memory");
    int rc;
    do
        rc = zseq_store_open (self->store, &self->record);
    while (s_await_predecessor (self, rc, zseq_store_text (self->store)));
    if (rc == ZSEQ_OK)
        rc = s_check_owner (self);
    else if (rc == ZSEQ_EAGAIN || rc == ZSEQ_EDAMAGED)
        rc = s_open_lost (self, rc);
    else
        rc = zseq_detail_fail (rc, "%s", zseq_store_text (self->store));
    if (rc != ZSEQ_OK)
        return rc;

    zseq_node_limits_t limits = {.names_max = self->options->names_max,
                                 .waiting_max = WAITING_MAX,
                                 .reserve_us = self->options->reserve_us};
    uint64_t seed;
    randombytes_buf (&seed, sizeof seed);
    self->node = zseq_node_new (&self->record, &limits, seed, s_act, self);
    if (!self->node)
        return zseq_detail_fail (ZSEQ_ENOMEM, "out of memory");
    rc = s_load (self);
    if (rc != ZSEQ_OK)
        return rc;
    rc = zseq_store_start (self->store);
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc, "%s", zseq_store_text (self->store));
    return ZSEQ_OK;
}

static const char *
s_endpoint (const zseq_server_t *self)
{
    const zseq_record_t *record = zseq_node_record (self->node);
    return self->options->bind ? self->options->bind
                               : record->member[record->self].endpoint;
}

static int
s_open_sockets (zseq_server_t *self)
{
    const zseq_record_t *record = zseq_node_record (self->node);
    int rc = zseq_transport_bind (self->transport, s_endpoint (self));
    for (uint8_t node = 0; node < record->n && rc == ZSEQ_OK; node++)
        if (node != record->self)
            rc = zseq_transport_link (self->transport, node,
                                      record->member[node].endpoint);
    if (rc != ZSEQ_OK)
        zseq_transport_reset (self->transport);
    return rc;
}

static int
s_open_transport (zseq_server_t *self)
{
    self->transport = zseq_transport_new ();
    if (!self->transport)
        return zseq_detail_fail (ZSEQ_ENOMEM, "cannot make a ZeroMQ context");

    const char *endpoint = s_endpoint (self);
    if (!self->options->insecure && !zseq_config_endpoint_local (endpoint))
        return zseq_detail_fail (
          ZSEQ_EINVAL,
          "%s can be reached from other machines, and nothing protects it: "
          "bind a loopback or ipc endpoint, or say --insecure on a network "
          "that you trust",
          endpoint);
    int rc;
    do
        rc = s_open_sockets (self);
    while (
      s_await_predecessor (self, rc, zseq_transport_text (self->transport)));
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc, "%s",
                                 zseq_transport_text (self->transport));
    return ZSEQ_OK;
}

int
zseq_server_open (zseq_server_t *self)
{
    assert (self);
    assert (!self->store);

    if (sodium_init () == -1)
        return zseq_detail_fail (ZSEQ_EIO, "no source of randomness");
    self->opened_us = s_now_us ();
    int rc = s_open_store (self);
    if (rc != ZSEQ_OK)
        return rc;
    size_t moved = s_move_members (self);
    self->statm_fd = open ("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    rc = s_open_transport (self);
    if (rc == ZSEQ_OK && moved)
        s_log (self, "endpoints of the member list have moved");
    return rc;
}

//  Serving.

static void
s_step (zseq_server_t *self, zseq_event_t *event)
{
    if (self->exit)
        return;
    event->now_us = s_now_us ();
    event->wall_ms = s_wall_ms ();
    zseq_node_step (self->node, event);
}

static size_t
s_take_requests (zseq_server_t *self)
{
    size_t count = 0;
    zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST};
    const uint8_t *bytes;
    size_t size;
    while (count < BURST_MAX &&
           zseq_transport_recv_request (self->transport, &event.route, &bytes,
                                        &size) == ZSEQ_OK) {
        zseq_msg_t msg;
        count++;
        int rc = zseq_codec_decode_request (&self->codec, bytes, size, &msg);
        if (rc != ZSEQ_OK && !msg.request)
            continue;
        event.type = rc == ZSEQ_OK ? ZSEQ_EVENT_REQUEST : ZSEQ_EVENT_MALFORMED;
        event.msg = &msg;
        s_step (self, &event);
    }
    return count;
}

static size_t
s_take_replies (zseq_server_t *self)
{
    size_t count = 0;
    for (uint8_t peer = 0; peer < self->record.n; peer++) {
        const uint8_t *bytes;
        size_t size;
        for (size_t burst = 0; burst < BURST_MAX &&
                               zseq_transport_recv (self->transport, peer,
                                                    &bytes, &size) == ZSEQ_OK;
             burst++) {
            zseq_msg_t msg;
            count++;
            if (zseq_codec_decode_reply (&self->codec, bytes, size, &msg) !=
                ZSEQ_OK)
                continue;
            zseq_event_t event = {
              .type = ZSEQ_EVENT_PEER_REPLY, .peer = peer, .msg = &msg};
            s_step (self, &event);
        }
    }
    return count;
}

static size_t
s_take_written (zseq_server_t *self)
{
    zseq_written_t written[WRITTEN_MAX];
    size_t count = zseq_store_collect (self->store, written, WRITTEN_MAX);
    for (size_t index = 0; index < count; index++) {
        const zseq_written_t *done = &written[index];
        if (done->status == ZSEQ_EIO) {
            //  S8: nothing more may be acknowledged.
            s_exit (self, ZSEQ_EIO, zseq_store_text (self->store));
            break;
        }
        zseq_event_t event = {.type = done->record ? ZSEQ_EVENT_RECORD_PERSISTED
                                                   : ZSEQ_EVENT_PERSISTED,
                              .entry = done->owner,
                              .limit = done->limit,
                              .version = done->tag,
                              .status = done->status};
        s_step (self, &event);
    }
    return count;
}

static void
s_flush (zseq_server_t *self)
{
    zseq_event_t event = {.type = ZSEQ_EVENT_FLUSH};
    s_step (self, &event);
    if (self->write_count && !self->exit &&
        zseq_store_submit (self->store, self->writes, self->write_count) !=
          ZSEQ_OK)
        s_exit (self, ZSEQ_ENOMEM, "out of memory: the node ends");
    self->write_count = 0;
}

//  When to tick.
static uint64_t
s_wake_us (const zseq_server_t *self)
{
    uint64_t wake_us = zseq_node_wake_us (self->node);
    return wake_us < self->tick_us ? wake_us : self->tick_us;
}

//  Sleeps until there is something to do. A socket's descriptor tells only of
//  what came after the socket was found empty, which it was.
static void
s_wait (zseq_server_t *self, int stop_fd)
{
    struct pollfd fds[ZSEQ_LINKS_MAX + 3];
    size_t count = zseq_transport_fds (self->transport, fds);
    fds[count].fd = zseq_store_fd (self->store);
    fds[count++].events = POLLIN;
    if (!self->stopping) {
        fds[count].fd = stop_fd;
        fds[count++].events = POLLIN;
    }
    uint64_t now_us = s_now_us ();
    uint64_t wake_us = s_wake_us (self);
    uint64_t left_us = wake_us > now_us ? wake_us - now_us : 0;
    struct timespec timeout = {.tv_sec = (time_t) (left_us / 1000000),
                               .tv_nsec = (long) (left_us % 1000000) * 1000};
    int rc = ppoll (fds, count, &timeout, NULL);
    assert (rc >= 0 || errno == EINTR);
    if (rc > 0)
        zseq_transport_heed (self->transport, fds, count);
}

//  Resident memory of the process, in bytes; 0 if /proc does not tell.
static uint64_t
s_resident (const zseq_server_t *self)
{
    char text[128];
    ssize_t size = pread (self->statm_fd, text, sizeof text - 1, 0);
    unsigned long pages = 0;
    text[size > 0 ? size : 0] = 0;
    if (sscanf (text, "%*u %lu", &pages) != 1)
        return 0;
    return pages * (uint64_t) sysconf (_SC_PAGESIZE);
}

//  P6: what others send waits in libzmq's queues, and messages without an end
//  wait there for it. When that takes too much memory, all of it goes.
static void
s_guard (zseq_server_t *self, uint64_t now_us)
{
    if (self->closed && s_open_sockets (self) == ZSEQ_OK) {
        self->closed = false;
        self->guard_us = now_us + GUARD_AGAIN_US;
    }
    if (now_us < self->guard_us)
        return;
    if (self->closed) {
        self->guard_us = now_us + GUARD_TELL_US;
        s_log (self, zseq_transport_text (self->transport));
        return;
    }
    self->guard_us = now_us + GUARD_US;
    uint64_t max =
      self->options->memory_max + NAME_BYTES * zseq_node_count (self->node);
    if (s_resident (self) <= max)
        return;
    //  What was freed may still be held.
    malloc_trim (0);
    if (s_resident (self) <= max)
        return;
    s_log (self, "messages that wait take too much memory (--memory-max): all "
                 "connections are closed, and may begin anew");
    zseq_transport_reset (self->transport);
    self->closed = true;
    self->guard_us = now_us + GUARD_AGAIN_US;
}

static void
s_stop (zseq_server_t *self)
{
    if (self->stopping)
        return;
    self->stopping = true;
    self->stopped_voting = zseq_node_state (self->node) == ZSEQ_STATE_VOTING;
    zseq_event_t event = {.type = ZSEQ_EVENT_STOP};
    s_step (self, &event);
}

static void
s_check_stop (zseq_server_t *self, int stop_fd)
{
    struct pollfd fd = {.fd = stop_fd, .events = POLLIN};
    if (poll (&fd, 1, 0) == 1)
        s_stop (self);
}

int
zseq_server_run (zseq_server_t *self, int stop_fd)
{
    assert (self);
    assert (self->transport);

    while (!self->exit) {
        uint64_t now_us = s_now_us ();
        if (now_us >= s_wake_us (self)) {
            self->tick_us = now_us + TICK_US;
            zseq_event_t event = {.type = ZSEQ_EVENT_TICK};
            s_step (self, &event);
            //  Also when there is never nothing to do.
            s_check_stop (self, stop_fd);
            s_guard (self, now_us);
        }
        size_t taken = s_take_written (self);
        taken += s_take_requests (self);
        taken += s_take_replies (self);
        s_flush (self);
        if (self->options->recover &&
            zseq_node_state (self->node) == ZSEQ_STATE_VOTING)
            s_stop (self);
        if (self->stopping && zseq_node_idle (self->node))
            break;
        if (taken == 0) {
            s_wait (self, stop_fd);
            s_check_stop (self, stop_fd);
        }
    }
    if (!self->exit && self->options->recover && !self->stopped_voting)
        return zseq_detail_fail (ZSEQ_EAGAIN,
                                 "stopped before the node had recovered");
    return self->exit;
}
