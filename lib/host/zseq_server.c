//  The server's loop waits for its sockets, for the store and for whatever the
//  caller has added. Each round takes what the store has written, then
//  requests, then replies of peers, steps the node with each, and flushes once,
//  so that the store writes the round's changes together. It ticks the node by
//  its wake_us, and at least every TICK_US.
//
//  P6: messages that libzmq holds for the node cost memory; s_guard bounds
//  that.
//
//  See zseq_server.h for how to use it.

#include "zseq_server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zseq_clock.h"
#include "zseq_codec.h"
#include "zseq_detail.h"
#include "zseq_host.h"
#include "zseq_host_texts.h"
#include "zseq_io_texts.h"
#include "zseq_loop.h"
#include "zseq_pack.h"
#include "zseq_packer.h"
#include "zseq_resolver.h"
#include "zseq_transport.h"

//  Messages taken from one socket before the next socket is served.
#define BURST_MAX 1024
#define TICK_US 20000
//  How often the memory is checked, and how soon after all connections were
//  closed: closing them frees the memory bit by bit.
#define GUARD_US 100000
#define GUARD_AGAIN_US 1000000
//  How often the log repeats that sockets cannot be opened again.
#define GUARD_LOG_US 10000000
//  How long descriptors must have been left until the log says so.
#define EXHAUSTED_US 5000000
//  How long STATUS tells that all connections were closed.
#define CLOSED_US 60000000
//  How often the log tells, for each reason, that connections were closed.
#define CLOSED_LOG_US 60000000
#define NAME_BYTES 1024          //  Memory of a name, at most
#define KEYS_FACTOR 2            //  Memory of keys by what they count, at most
#define WHY_MAX 1024             //  Bytes of the reason why a node must recover
#define LOG_MAX (WHY_MAX + 128)  //  Bytes of a line

struct zseq_server {
    const zseq_server_options_t *options;
    char why[WHY_MAX];  //  Why the node must recover; or empty
    zseq_force_t force;
    zseq_loop_t *loop;  //  What run waits in
    int stop_fd;        //  Polls readable when to stop
    zseq_transport_t *transport;
    char bound[ZSEQ_ENDPOINT_MAX + 1];  //  What s_endpoint resolved to
    zseq_packer_t *packer;
    zseq_host_t *host;
    zseq_node_t *node;  //  The host's, once it is loaded
    zseq_codec_t codec;
    uint64_t tick_us;   //  When to tick next
    uint64_t guard_us;  //  When to check the memory next
    int statm_fd;       //  Stays open: connections may use up all descriptors
    uint64_t exhausted_us;  //  When no descriptor was left last; 0: some are
    bool closed;  //  Sockets were closed for memory, and will be reopened
    uint64_t closed_us;  //  When that was last; 0: never
    //  Connections that were closed, as the log has it, by reason.
    uint64_t logged[ZSEQ_REFUSALS];
    uint64_t logged_us[ZSEQ_REFUSALS];  //  When; 0: never
    bool stopping;
    bool stopped_voting;  //  The node voted when it was stopped
    uint8_t bytes[ZSEQ_MESSAGE_MAX];
};

//  The node's name: the directory's, else the options'; NULL: not known.
static const char *
s_name (const zseq_server_t *self)
{
    if (!self->host)
        return self->options->name;
    const zseq_record_t *record = zseq_host_record (self->host);
    return record->members.n ? record->members.member[record->self].name
                             : self->options->name;
}

static void
s_log_text (const zseq_server_t *self, zseq_log_level_t level,
            const char *event, const char *text)
{
    zseq_log_line_t line = {
      .level = level, .event = event, .node = s_name (self), .text = text};
    self->options->log (&line, self->options->arg);
}

__attribute__ ((format (printf, 4, 5))) static void
s_log (const zseq_server_t *self, zseq_log_level_t level, const char *event,
       const char *format, ...)
{
    char text[LOG_MAX];
    va_list list;
    va_start (list, format);
    vsnprintf (text, sizeof text, format, list);
    va_end (list);
    s_log_text (self, level, event, text);
}

zseq_server_t *
zseq_server_new (const zseq_server_options_t *options)
{
    assert (options);
    assert (options->directory);
    assert (options->log);

    zseq_server_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->options = options;
    self->statm_fd = -1;
    self->loop = zseq_loop_new ();
    if (!self->loop)
        zseq_server_destroy (&self);
    return self;
}

void
zseq_server_destroy (zseq_server_t **self_p)
{
    assert (self_p);

    zseq_server_t *self = *self_p;
    if (!self)
        return;
    zseq_packer_destroy (&self->packer);
    zseq_transport_destroy (&self->transport);
    if (self->statm_fd >= 0)
        close (self->statm_fd);
    zseq_host_destroy (&self->host);
    zseq_loop_destroy (&self->loop);
    free (self);
    *self_p = NULL;
}

//  Sends a message of the node.
static void
s_act (const zseq_action_t *action, void *arg)
{
    zseq_server_t *self = arg;
    size_t size =
      zseq_codec_encode (action->msg, self->bytes, ZSEQ_MESSAGE_MAX);
    assert (size);
    //  A client that has gone or does not read gets no reply, and asks again if
    //  it still wants one.
    if (action->type == ZSEQ_ACTION_REPLY)
        zseq_packer_reply (self->packer, &action->sender->route,
                           action->sender->packed, self->bytes, size);
    //  The node asks again.
    else if (action->packs)
        zseq_packer_send (self->packer, action->peer, self->bytes, size);
    else if (zseq_transport_send (self->transport, action->peer, self->bytes,
                                  size) != ZSEQ_OK)
        zseq_node_note_unreached (self->node, action->peer);
}

static void
s_log_line (const zseq_log_line_t *line, void *arg)
{
    s_log_text (arg, line->level, line->event, line->text);
}

//  Opening.

//  The directory must have the members that the options name.
static int
s_check_members (const zseq_server_t *self)
{
    const zseq_server_options_t *options = self->options;
    const zseq_record_t *record = zseq_host_record (self->host);
    if (options->members->n != record->members.n)
        return zseq_detail_fail (ZSEQ_EFOREIGN, ZSEQ_TEXT_DIRECTORY_MEMBERS,
                                 options->directory, record->members.n,
                                 options->members->n);
    for (uint8_t node = 0; node < record->members.n; node++) {
        const char *name = record->members.member[node].name;
        if (zseq_members_find (options->members, name) == options->members->n)
            return zseq_detail_fail (ZSEQ_EFOREIGN, ZSEQ_TEXT_DIRECTORY_MEMBER,
                                     options->directory, name);
    }
    return ZSEQ_OK;
}

//  The directory must have the identity that the options name. Endpoints may
//  differ.
static int
s_check_identity (const zseq_server_t *self)
{
    const zseq_server_options_t *options = self->options;
    const zseq_record_t *record = zseq_host_record (self->host);
    const char *name = record->members.member[record->self].name;
    if (options->name && strcmp (options->name, name))
        return zseq_detail_fail (ZSEQ_EFOREIGN, ZSEQ_TEXT_DIRECTORY_NODE,
                                 options->directory, name, options->name);
    if (options->cluster && strcmp (options->cluster, record->cluster))
        return zseq_detail_fail (ZSEQ_EFOREIGN, ZSEQ_TEXT_DIRECTORY_CLUSTER,
                                 options->directory, record->cluster,
                                 options->cluster);
    return options->members ? s_check_members (self) : ZSEQ_OK;
}

//  Takes over the endpoints of the member list. Returns how many have changed.
static size_t
s_move_members (zseq_server_t *self)
{
    const zseq_members_t *members = self->options->members;
    size_t moved = 0;
    for (uint8_t index = 0; members && index < members->n; index++)
        moved += zseq_node_move (self->node, &members->member[index]);
    return moved;
}

//  Opens a directory that is empty, or whose node's record is damaged.
static int
s_open_lost (zseq_server_t *self, int why)
{
    const zseq_server_options_t *options = self->options;
    snprintf (self->why, sizeof self->why, "%s", zseq_detail ());
    if (!options->name || !options->cluster || !options->members)
        return zseq_detail_fail (why, ZSEQ_TEXT_DIRECTORY_WHICH, self->why,
                                 why == ZSEQ_EAGAIN ? ZSEQ_TEXT_DIRECTORY_NEW
                                                    : "");
    zseq_record_t record;
    int rc = zseq_record_init (&record, options->cluster, options->name,
                               options->members, 0);
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc, ZSEQ_TEXT_DIRECTORY_NOT_MEMBER,
                                 options->name);
    return zseq_host_open_lost (self->host, &record);
}

//  Marks the members whose directories are gone, as the operator says.
static int
s_mark_lost (zseq_server_t *self)
{
    const zseq_record_t *record = zseq_node_record (self->node);
    const char *at = self->options->lost;
    while (at) {
        size_t size = strcspn (at, ",");
        uint8_t node = 0;
        while (node < record->members.n &&
               (strlen (record->members.member[node].name) != size ||
                memcmp (record->members.member[node].name, at, size)))
            node++;
        if (node == record->members.n || node == record->self)
            return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_LOST_NOT_PEER,
                                     (int) size, at,
                                     record->members.member[record->self].name);
        zseq_node_set_add (&self->force.lost, node);
        at = at[size] ? at + size + 1 : NULL;
    }
    return ZSEQ_OK;
}

//  Has the node recover if its directory is empty or damaged, or if the options
//  say so.
static int
s_maybe_recover (zseq_server_t *self)
{
    const zseq_server_options_t *options = self->options;
    int rc = ZSEQ_OK;
    if (options->force) {
        self->force = *options->force;
        rc = s_mark_lost (self);
    }
    if (!self->why[0] && zseq_host_damage (self->host))
        snprintf (self->why, sizeof self->why, ZSEQ_TEXT_RECOVER_DAMAGED);
    if (!self->why[0] && options->recover)
        snprintf (self->why, sizeof self->why, ZSEQ_TEXT_RECOVER_REQUESTED);
    if (self->why[0])
        zseq_node_recover (self->node, self->why,
                           options->force ? &self->force : NULL);
    return rc;
}

static int
s_open_host (zseq_server_t *self)
{
    const zseq_server_options_t *options = self->options;
    zseq_host_options_t own = {.directory = options->directory,
                               .names_max = options->names_max,
                               .reserve_us = options->reserve_us,
                               .kv_bytes_max = options->kv_bytes_max,
                               .scrub_us = options->scrub_us,
                               .wait_us = ZSEQ_PREDECESSOR_US,
                               .unsafe = options->unsafe,
                               .guarded = true,
                               .log = s_log_line,
                               .act = s_act,
                               .arg = self};
    self->host = zseq_host_new (&own);
    if (!self->host)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_NODE);
    int rc = zseq_host_open (self->host);
    if (rc == ZSEQ_OK)
        rc = s_check_identity (self);
    else if (rc == ZSEQ_EAGAIN || rc == ZSEQ_EDAMAGED)
        rc = s_open_lost (self, rc);
    if (rc == ZSEQ_OK)
        rc = zseq_host_load (self->host);
    if (rc == ZSEQ_EFULL)
        return zseq_detail_fail (rc, ZSEQ_TEXT_NAMES_MANY_RAISE,
                                 options->directory, options->names_max);
    if (rc != ZSEQ_OK)
        return rc;
    self->node = zseq_host_node (self->host);
    rc = s_maybe_recover (self);
    return rc == ZSEQ_OK ? zseq_host_start (self->host) : rc;
}

static const char *
s_endpoint (const zseq_server_t *self)
{
    const zseq_record_t *record = zseq_node_record (self->node);
    return self->options->bind ? self->options->bind
                               : record->members.member[record->self].endpoint;
}

//  Resolves the name of a host that is to be bound, once: the loop must not
//  wait for a name server.
static int
s_resolve (zseq_server_t *self)
{
    const char *endpoint = s_endpoint (self);
    char why[ZSEQ_RESOLVER_WHY_MAX];
    int rc = zseq_resolver_bindable (endpoint, self->bound, why);
    const char *port = strrchr (endpoint, ':');
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc, ZSEQ_TEXT_BIND_UNRESOLVED, endpoint, why,
                                 port, port);
    if (!strcmp (endpoint, self->bound))
        return ZSEQ_OK;
    if (zseq_endpoint_local (self->bound) && !zseq_endpoint_local (endpoint))
        s_log (self, ZSEQ_LOG (BOUND_ONLY_HERE), endpoint, self->bound);
    else
        s_log (self, ZSEQ_LOG (BOUND), endpoint, self->bound);
    return ZSEQ_OK;
}

//  A socket's descriptor reports only what came after the socket was found
//  empty; the run loop has emptied each socket before it waits.
static void
s_note_socket (int fd, short revents, void *arg)
{
    zseq_server_t *self = arg;
    struct pollfd ready = {.fd = fd, .revents = revents};
    zseq_transport_note_ready (self->transport, &ready, 1);
}

//  Waits in the transport, which may need one system call less.
static int
s_poll (struct pollfd *fds, size_t count, const struct timespec *timeout,
        void *arg)
{
    zseq_server_t *self = arg;
    return zseq_transport_poll (self->transport, fds, count, timeout);
}

static int
s_watch_sockets (zseq_server_t *self)
{
    struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
    size_t count = zseq_transport_fds (self->transport, fds);
    int rc = ZSEQ_OK;
    for (size_t at = 0; at < count && rc == ZSEQ_OK; at++)
        rc = zseq_loop_add (self->loop, fds[at].fd, fds[at].events,
                            s_note_socket, self);
    return rc;
}

//  Closes all connections and sockets, and stops watching them.
static void
s_close_sockets (zseq_server_t *self)
{
    struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
    size_t count = zseq_transport_fds (self->transport, fds);
    for (size_t at = 0; at < count; at++)
        zseq_loop_remove (self->loop, fds[at].fd);
    zseq_transport_reset (self->transport);
}

static int
s_open_sockets (zseq_server_t *self)
{
    const zseq_record_t *record = zseq_node_record (self->node);
    int rc = zseq_transport_bind (self->transport, self->bound);
    for (uint8_t node = 0; node < record->members.n && rc == ZSEQ_OK; node++)
        if (node != record->self)
            rc = zseq_transport_link (self->transport, node,
                                      record->members.member[node].endpoint);
    if (rc == ZSEQ_OK)
        rc = s_watch_sockets (self);
    if (rc != ZSEQ_OK)
        s_close_sockets (self);
    return rc;
}

static int
s_open_transport (zseq_server_t *self)
{
    zseq_transport_options_t sockets = {
      .kind = zseq_transport_kind_choose (self->options->transport),
      .connections_max = self->options->connections_max,
      .source_max = self->options->source_max};
    if (sockets.kind != ZSEQ_TRANSPORT_NATIVE &&
        (sockets.connections_max || sockets.source_max))
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_CONNECTIONS_UNCOUNTED);
    if (sockets.connections_max && !sockets.source_max)
        sockets.source_max = (sockets.connections_max + 3) / 4;
    if (sockets.kind == ZSEQ_TRANSPORT_NONE)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_TRANSPORT_UNKNOWN,
                                 getenv ("ZSEQ_TRANSPORT"));
    self->transport = zseq_transport_new (&sockets);
    if (!self->transport)
        return zseq_detail_fail (ZSEQ_ENOMEM,
                                 ZSEQ_TEXT_NO_MEMORY_SERVER_SOCKETS);
    zseq_transport_watch (self->transport, zseq_host_fd (self->host));
    zseq_loop_set_poll (self->loop, s_poll, self);
    self->packer = zseq_packer_new (self->transport);
    if (!self->packer)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_NODE);

    const char *endpoint = s_endpoint (self);
    if (!self->options->insecure && !zseq_endpoint_local (endpoint))
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_BIND_UNPROTECTED,
                                 endpoint);
    int rc = s_resolve (self);
    if (rc != ZSEQ_OK)
        return rc;
    do
        rc = s_open_sockets (self);
    while (
      zseq_host_await (self->host, rc, zseq_transport_text (self->transport)));
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc, "%s",
                                 zseq_transport_text (self->transport));
    return ZSEQ_OK;
}

static int
s_open (zseq_server_t *self)
{
    if (sodium_init () == -1)
        return zseq_detail_fail (ZSEQ_EIO, ZSEQ_TEXT_HOST_NO_RANDOMNESS);
    int rc = s_open_host (self);
    if (rc != ZSEQ_OK)
        return rc;
    size_t moved = s_move_members (self);
    self->statm_fd = open ("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    //  The descriptor only ends the wait: each round takes what was written.
    rc =
      zseq_loop_add (self->loop, zseq_host_fd (self->host), POLLIN, NULL, NULL);
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc, ZSEQ_TEXT_NO_MEMORY_NODE);
    rc = s_open_transport (self);
    if (rc == ZSEQ_OK && moved)
        s_log (self, ZSEQ_LOG (ENDPOINTS_CHANGED));
    return rc;
}

//  Logs that the node cannot go on, as zseq_detail says, unless the host has.
static int
s_fail (zseq_server_t *self, int rc)
{
    const char *why = zseq_detail ();
    if (self->host && zseq_host_exit (self->host))
        return rc;
    if (rc == ZSEQ_EAGAIN && self->node)
        s_log (self, ZSEQ_LOG (ENDS), why);
    else
        s_log (self, ZSEQ_LOG (FAILS), zseq_strerror (rc), why);
    return rc;
}

int
zseq_server_open (zseq_server_t *self)
{
    assert (self);
    assert (!self->host);

    int rc = s_open (self);
    return rc == ZSEQ_OK ? rc : s_fail (self, rc);
}

//  Running.

//  Steps the node with the requests of a frame. Returns how many there were; a
//  frame without any counts as one.
static size_t
s_take_request_frame (zseq_server_t *self, const zseq_route_t *route,
                      const uint8_t *bytes, size_t size)
{
    size_t count = 0;
    zseq_unpacker_t unpacker;
    zseq_unpacker_init (&unpacker, bytes, size);
    zseq_event_t event = {
      .sender = {.route = *route, .packed = unpacker.packed}};
    while (zseq_unpacker_next (&unpacker, &bytes, &size)) {
        zseq_msg_t msg;
        count++;
        int rc = zseq_codec_decode_request (&self->codec, bytes, size, &msg);
        if (rc != ZSEQ_OK && !msg.request)
            continue;
        event.type = rc == ZSEQ_OK ? ZSEQ_EVENT_REQUEST : ZSEQ_EVENT_MALFORMED;
        event.msg = &msg;
        zseq_host_step (self->host, &event);
    }
    return count ? count : 1;
}

static size_t
s_take_requests (zseq_server_t *self)
{
    size_t count = 0;
    zseq_route_t route;
    const uint8_t *bytes;
    size_t size;
    while (count < BURST_MAX &&
           zseq_transport_recv_request (self->transport, &route, &bytes,
                                        &size) == ZSEQ_OK)
        count += s_take_request_frame (self, &route, bytes, size);
    return count;
}

//  Steps the node with the replies of a peer's frame.
static void
s_take_reply_frame (zseq_server_t *self, uint8_t peer, const uint8_t *bytes,
                    size_t size)
{
    zseq_packer_note_heard (self->packer, peer);
    zseq_unpacker_t unpacker;
    zseq_unpacker_init (&unpacker, bytes, size);
    while (zseq_unpacker_next (&unpacker, &bytes, &size)) {
        zseq_msg_t msg;
        if (zseq_codec_decode_reply (&self->codec, bytes, size, &msg) !=
            ZSEQ_OK)
            continue;
        zseq_event_t event = {.type = ZSEQ_EVENT_PEER_REPLY,
                              .sender = zseq_sender_peer (peer),
                              .msg = &msg};
        zseq_host_step (self->host, &event);
    }
}

static size_t
s_take_replies (zseq_server_t *self)
{
    size_t count = 0;
    uint8_t n = zseq_host_record (self->host)->members.n;
    for (uint8_t peer = 0; peer < n; peer++) {
        const uint8_t *bytes;
        size_t size;
        for (size_t burst = 0; burst < BURST_MAX &&
                               zseq_transport_recv (self->transport, peer,
                                                    &bytes, &size) == ZSEQ_OK;
             burst++) {
            count++;
            s_take_reply_frame (self, peer, bytes, size);
        }
    }
    return count;
}

//  When to tick next.
static uint64_t
s_wake_us (const zseq_server_t *self)
{
    uint64_t wake_us = zseq_node_wake_us (self->node);
    return wake_us < self->tick_us ? wake_us : self->tick_us;
}

//  Resident memory of the process, in bytes; 0 if /proc cannot be read.
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

//  Memory that the process may take.
static uint64_t
s_memory_max (const zseq_server_t *self)
{
    const zseq_registers_t *registers = zseq_node_registers (self->node);
    uint64_t keys = registers ? zseq_registers_bytes (registers) : 0;
    return self->options->memory_max +
           NAME_BYTES * zseq_node_count (self->node) + KEYS_FACTOR * keys;
}

//  Logs when no descriptor is left, which libzmq tells nobody, and when some
//  have been left for a while.
static void
s_watch_descriptors (zseq_server_t *self, uint64_t now_us)
{
    int fd = fcntl (self->statm_fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0)
        close (fd);
    else if (errno == EMFILE || errno == ENFILE) {
        if (self->exhausted_us == 0)
            s_log (self, ZSEQ_LOG (DESCRIPTORS_USED_UP));
        self->exhausted_us = now_us;
    }
    if (self->exhausted_us == 0 || now_us - self->exhausted_us < EXHAUSTED_US)
        return;
    self->exhausted_us = 0;
    s_log (self, ZSEQ_LOG (DESCRIPTORS_FREE));
}

//  Has STATUS tell what the log has told, while it lasts. While the sockets are
//  closed nobody can ask, so that they were is told for a while.
static void
s_set_trouble (zseq_server_t *self, uint64_t now_us)
{
    const char *text = NULL;
    if (self->exhausted_us)
        text = ZSEQ_TEXT_STATUS_DESCRIPTORS;
    else if (self->closed_us && now_us - self->closed_us < CLOSED_US)
        text = ZSEQ_TEXT_STATUS_CLOSED;
    zseq_node_set_trouble (self->node, text);
}

//  P6: libzmq queues what others send, and holds a message until all of it has
//  come. When that takes too much memory, ends the connections that take most.
//  Where these are not known, closes all, which frees it, and opens the sockets
//  again later.
static void
s_guard (zseq_server_t *self, uint64_t now_us)
{
    if (self->closed && s_open_sockets (self) == ZSEQ_OK) {
        self->closed = false;
        s_log (self, ZSEQ_LOG (CONNECTIONS_ACCEPTED));
        self->guard_us = now_us + GUARD_AGAIN_US;
    }
    if (now_us < self->guard_us)
        return;
    if (self->closed) {
        self->guard_us = now_us + GUARD_LOG_US;
        s_log (self, ZSEQ_LOG (CONNECTIONS_REFUSED),
               zseq_transport_text (self->transport));
        return;
    }
    self->guard_us = now_us + GUARD_US;
    s_watch_descriptors (self, now_us);
    uint64_t max = s_memory_max (self);
    if (s_resident (self) <= max)
        return;
    //  The allocator may still hold what was freed.
    malloc_trim (0);
    if (s_resident (self) <= max)
        return;
    size_t ended = zseq_transport_shed (self->transport);
    if (ended) {
        s_log (self, ZSEQ_LOG (CONNECTIONS_ENDED), ended);
        self->guard_us = now_us + GUARD_AGAIN_US;
        return;
    }
    s_log (self, ZSEQ_LOG (MEMORY_FULL));
    s_close_sockets (self);
    self->closed = true;
    self->closed_us = now_us;
    self->guard_us = now_us + GUARD_AGAIN_US;
}

static void
s_stop (zseq_server_t *self)
{
    if (self->stopping)
        return;
    self->stopping = true;
    zseq_loop_remove (self->loop, self->stop_fd);
    zseq_transport_unwatch (self->transport, self->stop_fd);
    self->stopped_voting = zseq_node_state (self->node) == ZSEQ_STATE_VOTING;
    zseq_event_t event = {.type = ZSEQ_EVENT_STOP};
    zseq_host_step (self->host, &event);
}

static void
s_maybe_stop (int fd, short revents, void *arg)
{
    zseq_server_t *self = arg;
    const zseq_server_options_t *options = self->options;
    (void) revents;
    if (!options->stops || options->stops (fd, options->arg))
        s_stop (self);
}

//  Tells the node what has gone over its sockets.
static void
s_count_traffic (zseq_server_t *self)
{
    const zseq_traffic_t *traffic = zseq_transport_traffic (self->transport);
    zseq_counters_t *counters = zseq_node_counters (self->node);
    counters->frames_received = traffic->frames_received;
    counters->bytes_received = traffic->bytes_received;
    counters->frames_sent = traffic->frames_sent;
    counters->bytes_sent = traffic->bytes_sent;
    const zseq_refusal_t *refusals = zseq_transport_refusals (self->transport);
    counters->closed_full = refusals[ZSEQ_REFUSAL_FULL].count;
    counters->closed_source = refusals[ZSEQ_REFUSAL_SOURCE].count;
    counters->closed_handshake = refusals[ZSEQ_REFUSAL_HANDSHAKE].count;
    counters->closed_protocol = refusals[ZSEQ_REFUSAL_PROTOCOL].count;
    counters->closed_memory = refusals[ZSEQ_REFUSAL_MEMORY].count;
}

//  Logs which connections were closed since it said so last, and why.
static void
s_log_closed (zseq_server_t *self, uint64_t now_us)
{
    static const char *const why[] = {
      [ZSEQ_REFUSAL_FULL] = ZSEQ_TEXT_CLOSED_FULL,
      [ZSEQ_REFUSAL_SOURCE] = ZSEQ_TEXT_CLOSED_SOURCE,
      [ZSEQ_REFUSAL_HANDSHAKE] = ZSEQ_TEXT_CLOSED_HANDSHAKE,
      [ZSEQ_REFUSAL_PROTOCOL] = ZSEQ_TEXT_CLOSED_PROTOCOL,
      [ZSEQ_REFUSAL_MEMORY] = ZSEQ_TEXT_CLOSED_MEMORY,
    };
    const zseq_refusal_t *refusals = zseq_transport_refusals (self->transport);
    for (size_t reason = 0; reason < ZSEQ_REFUSALS; reason++) {
        uint64_t count = refusals[reason].count;
        if (count == self->logged[reason] ||
            (self->logged_us[reason] &&
             now_us - self->logged_us[reason] < CLOSED_LOG_US))
            continue;
        s_log (self, ZSEQ_LOG (CONNECTIONS_CLOSED),
               (unsigned long long) (count - self->logged[reason]),
               refusals[reason].host, why[reason]);
        self->logged[reason] = count;
        self->logged_us[reason] = now_us;
    }
}

static void
s_tick (zseq_server_t *self, uint64_t now_us)
{
    self->tick_us = now_us + TICK_US;
    s_count_traffic (self);
    zseq_event_t event = {.type = ZSEQ_EVENT_TICK};
    zseq_host_step (self->host, &event);
    s_guard (self, now_us);
    s_log_closed (self, now_us);
    s_set_trouble (self, now_us);
}

//  Waits for an event, or until there is something to tick or to send.
static void
s_wait (zseq_server_t *self)
{
    uint64_t until_us = zseq_packer_wake_us (self->packer);
    if (until_us > s_wake_us (self))
        until_us = s_wake_us (self);
    zseq_loop_wait (self->loop, until_us);
}

int
zseq_server_run (zseq_server_t *self, int stop_fd)
{
    assert (self);
    assert (self->transport);

    self->stop_fd = stop_fd;
    int rc = zseq_loop_add (self->loop, stop_fd, POLLIN, s_maybe_stop, self);
    if (rc != ZSEQ_OK)
        return s_fail (self,
                       zseq_detail_fail (rc, ZSEQ_TEXT_NO_MEMORY_DESCRIPTOR));
    zseq_transport_watch (self->transport, stop_fd);
    s_tick (self, zseq_clock_now_us ());
    while (!zseq_host_exit (self->host)) {
        uint64_t now_us = zseq_clock_now_us ();
        bool due = now_us >= s_wake_us (self);
        //  A busy server polls its descriptors here only.
        if (due)
            zseq_loop_wait (self->loop, 0);
        size_t taken = zseq_host_take_written (self->host);
        taken += s_take_requests (self);
        taken += s_take_replies (self);
        //  Messages before timers: a reply that has arrived is not late.
        if (due)
            s_tick (self, now_us);
        zseq_host_flush (self->host);
        zseq_packer_flush (self->packer, zseq_node_congested (self->node),
                           now_us);
        if (self->options->recover &&
            zseq_node_state (self->node) == ZSEQ_STATE_VOTING)
            s_stop (self);
        if (self->stopping && zseq_node_idle (self->node))
            break;
        if (taken == 0)
            s_wait (self);
    }
    rc = zseq_host_exit (self->host);
    if (rc == ZSEQ_OK && self->options->recover && !self->stopped_voting)
        return s_fail (
          self, zseq_detail_fail (ZSEQ_EAGAIN, ZSEQ_TEXT_RECOVERY_STOPPED));
    if (rc == ZSEQ_OK && self->options->recover)
        s_log (self, ZSEQ_LOG (RECOVERED));
    else if (rc == ZSEQ_OK)
        s_log (self, ZSEQ_LOG (STOPPED));
    return rc;
}
