//  Bytes that no client of zseq sends, from plain TCP sockets to a node's port:
//  the node stays up, its memory stays bounded, and others are served. With
//  $ZSEQ_TRANSPORT=native, that of the native transport, which gives way less.

#include "zseq_cluster.h"
#include "zseq_process.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MIB ((size_t) 1 << 20)

//  What a node may grow by, in bytes, whatever it has received and cannot use:
//  --memory-max, 512 MiB by default; and as much again, because the node checks
//  its memory ten times a second, and frees it bit by bit. Thread sanitizer
//  makes the node slower, and takes memory for each byte.
#ifdef ZSEQ_TSAN
#define GROWTH_MAX (2048 * MIB)
#else
#define GROWTH_MAX (1024 * MIB)
#endif

//  A connection that has said nothing, or a part of a greeting: libzmq's
//  reactor and session, the kernel's buffers not among them.
#define GROWTH_OPEN_MAX ((size_t) 24 << 10)
//  ... and one of the native transport.
#define GROWTH_OPEN_NATIVE_MAX ((size_t) 5 << 10)

//  The limit that a common shell gives to a process.
#define FILES_COMMON 1024
#define FILES_FEW 512
#define FILES_IPC 64

#define FLOODS 8
#define HEAVY 940  //  Connections that hold a message each

static zseq_cluster_t *s_cluster;
static zseq_client_t *s_client;
static zseq_t *s_orders;
static size_t s_before;  //  Bytes that the node took before

//  The node.

static bool
s_is_native (void)
{
    const char *kind = getenv ("ZSEQ_TRANSPORT");
    return kind && !strcmp (kind, "native");
}

//  VmRSS, what it takes now, or VmHWM, the most that it ever took.
static size_t
s_memory (const char *which)
{
    char path[64];
    snprintf (path, sizeof path, "/proc/%d/status",
              zseq_cluster_pid (s_cluster, 0));
    char *text = zseq_process_read (path, 0);
    const char *line = strstr (text, which);
    cr_assert (line, "%s", text);
    size_t size = strtoul (line + strlen (which) + 1, NULL, 10) << 10;
    free (text);
    return size;
}

static size_t
s_files (void)
{
    char path[64];
    snprintf (path, sizeof path, "/proc/%d/fd",
              zseq_cluster_pid (s_cluster, 0));
    DIR *stream = opendir (path);
    cr_assert (stream, "%s: %s", path, strerror (errno));
    size_t count = 0;
    while (readdir (stream))
        count++;
    closedir (stream);
    return count;
}

static void
s_assert_grown (size_t growth_max)
{
    size_t most = s_memory ("VmHWM");
    cr_assert_leq (most, s_before + growth_max,
                   "the node took %zu MiB, then %zu MiB", s_before / MIB,
                   most / MIB);
}

//  How many files this process may open, of those that are wanted.
static size_t
s_raise_files (size_t wanted)
{
    struct rlimit limit;
    cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

//  A node that may open that many files, and a client that knows it.
static void
s_open_with (size_t files)
{
    (void) s_raise_files (files);
    s_cluster = zseq_cluster_new ("net", 1, NULL);
    zseq_cluster_start_all (s_cluster);
    s_client = zseq_client_new (zseq_cluster_uri (s_cluster));
    s_orders = zseq_new (s_client, "orders");
    cr_assert (s_orders, "%s", zseq_detail ());
    uint64_t id;
    cr_assert_eq (zseq_next (s_orders, &id), ZSEQ_OK, "%s", zseq_detail ());
    s_before = s_memory ("VmRSS");
}

static void
s_open (void)
{
    s_open_with (FILES_COMMON);
}

static void
s_close (void)
{
    zseq_destroy (&s_orders);
    zseq_client_destroy (&s_client);
    cr_assert_eq (zseq_cluster_stop (s_cluster, 0, SIGTERM), 0);
    zseq_cluster_destroy (&s_cluster);
}

//  Checks that an old client is served, and a new one, with a name for which
//  the node has to open files.
static void
s_assert_served (void)
{
    static unsigned int names;
    char name[16];
    snprintf (name, sizeof name, "new-%u", names++);
    uint64_t id = 0;
    int rc = zseq_next (s_orders, &id);
    cr_assert_eq (rc, ZSEQ_OK, "%s: %s", zseq_strerror (rc), zseq_detail ());
    zseq_client_t *client = zseq_client_new (zseq_cluster_uri (s_cluster));
    zseq_t *seq = zseq_new (client, name);
    rc = zseq_next (seq, &id);
    cr_assert_eq (rc, ZSEQ_OK, "%s: %s", zseq_strerror (rc), zseq_detail ());
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
}

//  What the node's status says, as the old client is told.
static const char *
s_state (void)
{
    static zseq_status_t status;
    int rc = zseq_client_status (s_client, &status);
    cr_assert_eq (rc, ZSEQ_OK, "%s: %s", zseq_strerror (rc), zseq_detail ());
    return status.node[0].state;
}

//  Connections.

//  Begins to connect. Sending may have to wait until that is done.
static int
s_connect (void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    const char *port = strrchr (zseq_cluster_endpoint (s_cluster, 0), ':') + 1;
    address.sin_port = htons ((uint16_t) strtoul (port, NULL, 10));
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_neq (fd, -1, "%s", strerror (errno));
    int rc = connect (fd, (struct sockaddr *) &address, sizeof address);
    cr_assert (rc == 0 || errno == EINPROGRESS, "%s", strerror (errno));
    return fd;
}

//  Waits until the connection can be written to, or read from; false if the
//  node has hung up, and bytes that it has not taken keep that from us.
static bool
s_wait (int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int rc = poll (&poll_fd, 1, ZSEQ_PROCESS_WAIT_MS);
    cr_assert_eq (rc, 1, "the node neither takes bytes nor hangs up");
    return !(poll_fd.revents & POLLRDHUP);
}

//  Sends bytes; false if the node has hung up.
static bool
s_send (int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = send (fd, at, size, MSG_NOSIGNAL);
        if (sent >= 0) {
            at += sent;
            size -= (size_t) sent;
        }
        else if (errno != EAGAIN || !s_wait (fd, POLLOUT | POLLRDHUP))
            return false;
    }
    return true;
}

//  Receives exactly that many bytes; false if the node has hung up.
static bool
s_receive (int fd, void *bytes, size_t size)
{
    char *at = bytes;
    while (size > 0) {
        ssize_t got = recv (fd, at, size, 0);
        if (got == 0 || (got == -1 && errno != EAGAIN))
            return false;
        if (got == -1)
            (void) s_wait (fd, POLLIN);
        else {
            at += got;
            size -= (size_t) got;
        }
    }
    return true;
}

//  Waits until the node hangs up.
static void
s_await_end (int fd)
{
    char byte;
    while (s_receive (fd, &byte, 1))
        ;
    close (fd);
}

//  ZMTP 3.0, as RFC 23 has it: a greeting, then READY.

static const char s_greeting[64] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0NULL";
static const char s_ready[] = "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
                              "DEALER";

//  False if the node has hung up.
static bool
s_shake_hands (int fd)
{
    char greeting[64];
    char ready[2];
    char rest[255];
    return s_send (fd, s_greeting, sizeof s_greeting) &&
           s_receive (fd, greeting, sizeof greeting) &&
           s_send (fd, s_ready, sizeof s_ready - 1) &&
           s_receive (fd, ready, sizeof ready) &&
           s_receive (fd, rest, (uint8_t) ready[1]) &&
           !memcmp (rest, "\x05READY", 6);
}

static int
s_connect_zmtp (void)
{
    int fd = s_connect ();
    cr_assert (s_shake_hands (fd));
    return fd;
}

//  HELLO, request 7, to any cluster; and how a frame with its answer begins:
//  longer than 255 bytes it is not. Heartbeats come before it.
static void
s_assert_answers (int fd)
{
    static const char hello[] = "\0\x05\x94\x01\x01\x07";
    cr_assert (s_send (fd, hello, sizeof hello));
    char head[2];
    char body[255] = {0};
    do {
        cr_assert (s_receive (fd, head, sizeof head));
        cr_assert (s_receive (fd, body, (uint8_t) head[1]));
    } while (head[0] == 4);
    cr_assert_eq (head[0], 0);
    cr_assert_eq (memcmp (body + 1, "\x01\x01\x07", 3), 0);
}

//  Sends the same bytes over and over, while others are served. Returns false
//  if the node has hung up.
static bool
s_pour (int fd, const char *bytes, size_t size, size_t total)
{
    for (size_t poured = 0; poured < total; poured += size) {
        if (!s_send (fd, bytes, size))
            return false;
        if (poured / (4 * MIB) != (poured + size) / (4 * MIB))
            s_assert_grown (GROWTH_MAX);
        if (poured / (64 * MIB) != (poured + size) / (64 * MIB))
            s_assert_served ();
    }
    return true;
}

//  A megabyte of copies of the pattern.
static char *
s_repeat (const char *pattern, size_t size, size_t *size_p)
{
    *size_p = MIB / size * size;
    char *bytes = malloc (*size_p);
    cr_assert (bytes);
    for (size_t at = 0; at < *size_p; at += size)
        memcpy (bytes + at, pattern, size);
    return bytes;
}

static void
s_pour_pattern (const char *pattern, size_t pattern_size, size_t total)
{
    size_t size;
    char *bytes = s_repeat (pattern, pattern_size, &size);
    int fd = s_connect_zmtp ();
    (void) s_pour (fd, bytes, size, total);
    s_assert_grown (GROWTH_MAX);
    s_assert_served ();
    close (fd);
    free (bytes);
}

//  A process that floods the node until the test ends it. When the node hangs
//  up, it connects again.
typedef struct {
    const char *bytes;
    size_t size;
} s_flood_t;

static int
s_flood (void *arg)
{
    const s_flood_t *flood = arg;
    for (;;) {
        int fd = s_connect ();
        if (s_shake_hands (fd))
            while (s_send (fd, flood->bytes, flood->size))
                ;
        close (fd);
    }
    return 0;
}

//  Checks that others are served while several processes flood the node.
static void
s_serve_in_flood (const char *pattern, size_t pattern_size)
{
    s_flood_t flood;
    char *bytes = s_repeat (pattern, pattern_size, &flood.size);
    flood.bytes = bytes;
    pid_t pids[FLOODS];
    for (size_t index = 0; index < FLOODS; index++)
        pids[index] = zseq_process_fork (s_flood, &flood);
    for (size_t round = 0; round < 10; round++) {
        s_assert_served ();
        s_assert_grown (GROWTH_MAX);
    }
    for (size_t index = 0; index < FLOODS; index++) {
        kill (pids[index], SIGKILL);
        (void) zseq_process_wait (pids[index]);
    }
    free (bytes);
}

TestSuite (hostile, .init = s_open, .fini = s_close);

//  Bytes that are not ZMTP, or not the one that a node speaks.

Test (hostile, survives_bytes_that_are_not_zmtp)
{
    static const struct {
        const char *bytes;
        size_t size;
    } kinds[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27},
      {"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 11},
      {"SSH-2.0-OpenSSH_9.2\r\n", 21},
      {"\0", 1},
      {"\x01\0", 2},
      {"\xff", 1},
      {"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9},
      {"\xff\0\0\0\0\0\0\0\x01\x7f\x01", 11},
      {"\xff\0\0\0\0\0\0\0\0\x7f\x03\0XXXX", 16},
    };
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        size_t size;
        char *bytes = s_repeat (kinds[kind].bytes, kinds[kind].size, &size);
        int fd = s_connect ();
        //  It may hang up or not, as some of this is ZMTP 1.0.
        (void) s_pour (fd, bytes, size, 8 * MIB);
        s_assert_served ();
        close (fd);
        free (bytes);
    }
    s_assert_grown (GROWTH_MAX);
}

Test (hostile, hangs_up_on_other_mechanisms)
{
    static const char *const mechanisms[] = {"PLAIN", "CURVE", "GSSAPI", "",
                                             "NULLX"};
    for (size_t index = 0; index < sizeof mechanisms / sizeof mechanisms[0];
         index++) {
        char greeting[64];
        memcpy (greeting, s_greeting, sizeof greeting);
        memset (greeting + 12, 0, 20);
        memcpy (greeting + 12, mechanisms[index], strlen (mechanisms[index]));
        int fd = s_connect ();
        (void) s_send (fd, greeting, sizeof greeting);
        s_await_end (fd);
    }
    s_assert_served ();
}

Test (hostile, hangs_up_on_half_greetings_and_keeps_nothing_of_them)
{
    size_t files = s_files ();
    int fds[sizeof s_greeting];
    for (size_t size = 0; size < sizeof s_greeting; size++) {
        fds[size] = s_connect ();
        (void) s_send (fds[size], s_greeting, size);
    }
    s_assert_served ();
    for (size_t size = 0; size < sizeof s_greeting; size++)
        s_await_end (fds[size]);
    //  The clients of s_assert_served have disconnected, or soon will.
    s_assert_served ();
    cr_assert_leq (s_files (), files + 4);
    s_assert_grown (sizeof s_greeting * GROWTH_OPEN_MAX + MIB);
}

//  Frames.

Test (hostile, answers_after_the_longest_message)
{
    static char frame[9 + 65536] = "\x02\0\0\0\0\0\x01";
    int fd = s_connect_zmtp ();
    cr_assert (s_send (fd, frame, sizeof frame));
    s_assert_answers (fd);
    close (fd);
}

Test (hostile, hangs_up_on_longer_ones_before_they_come)
{
    static const char *const heads[] = {
      "\x02\0\0\0\0\0\x01\0\x01", "\x02\0\0\0\x01\0\0\0\0",
      "\x02\x7f\xff\xff\xff\xff\xff\xff\xff",
      "\x02\xff\xff\xff\xff\xff\xff\xff\xff", "\x06\0\0\0\x7f\xff\xff\xff\xff"};
    for (size_t index = 0; index < sizeof heads / sizeof heads[0]; index++) {
        int fd = s_connect_zmtp ();
        cr_assert (s_send (fd, heads[index], 9));
        s_await_end (fd);
    }
    s_assert_grown (MIB);
    s_assert_served ();
}

//  Its last frame would be a request of its own, 8.
Test (hostile, drops_messages_of_several_frames)
{
    int fd = s_connect_zmtp ();
    cr_assert (s_send (fd, "\x01\0\x01\x01x\0\x05\x94\x01\x01\x08", 12));
    s_assert_answers (fd);
    close (fd);
}

Test (hostile, endless_message_of_empty_frames_costs_bounded_memory)
{
    s_pour_pattern ("\x01\0", 2, 64 * MIB);
}

Test (hostile, endless_message_of_small_frames_costs_bounded_memory)
{
    s_pour_pattern ("\x01\x22..................................", 36,
                    256 * MIB);
    //  The native transport keeps none of the frames.
    if (s_is_native ()) {
        cr_assert_str_eq (s_state (), "voting");
        return;
    }
    cr_assert (strstr (s_state (), "voting, closed all connections within"),
               "%s", s_state ());
    cr_assert (
      zseq_cluster_logged (s_cluster, 0, "closing all connections, which may"));
}

Test (hostile, endless_message_of_long_frames_costs_bounded_memory)
{
    size_t size = 9 + 65536;
    char *frame = calloc (1, size);
    cr_assert (frame);
    memcpy (frame, "\x03\0\0\0\0\0\x01", 7);
    s_pour_pattern (frame, size, 2048 * MIB);
    free (frame);
}

Test (hostile, others_are_served_in_a_flood_of_endless_messages)
{
    s_serve_in_flood ("\x01\0", 2);
}

//  Floods of complete messages that are of no use.

Test (hostile, others_are_served_in_a_flood_of_messages_of_several_frames)
{
    s_serve_in_flood ("\x01\0\x01\0\0\0", 6);
}

Test (hostile, others_are_served_in_a_flood_of_messages_that_are_none)
{
    s_serve_in_flood ("\0\x01?", 3);
}

Test (hostile, others_are_served_in_a_flood_of_commands)
{
    s_serve_in_flood ("\x04\x04\x03???\x04\x0b\x09SUBSCRIBEx", 19);
}

Test (hostile, others_are_served_in_a_flood_of_requests)
{
    s_serve_in_flood ("\0\x05\x94\x01\x01\x07\0", 7);
}

Test (hostile, others_are_served_in_a_flood_of_packed_requests)
{
    //  As many HELLOs as a frame may hold.
    char frame[9 + 3 + 5 * 256];
    size_t size = sizeof frame - 9;
    memcpy (frame, "\x02\0\0\0\0\0\0", 7);
    frame[7] = (char) (size >> 8);
    frame[8] = (char) size;
    memcpy (frame + 9, "\xdc\x01\0", 3);
    for (size_t at = 12; at < sizeof frame; at += 5)
        memcpy (frame + at, "\x94\x01\x01\x07\0", 5);
    s_serve_in_flood (frame, sizeof frame);
}

Test (hostile, others_are_served_in_a_flood_of_long_messages)
{
    size_t size = 9 + 65536;
    char *frame = calloc (1, size);
    cr_assert (frame);
    memcpy (frame, "\x02\0\0\0\0\0\x01", 7);
    s_serve_in_flood (frame, size);
    free (frame);
}

//  Where heartbeats are on, libzmq 4.3.4 aborts at a PING that came behind
//  messages that wait, if its sender has hung up.
Test (hostile, survives_pings_behind_messages_of_a_closed_connection)
{
    static const char ping[] = "\x04\x07\x04PING\0\0";
    static char bytes[1100 * 3 + 400 * 9];
    for (size_t index = 0; index < 1100; index++)
        memcpy (bytes + index * 3, "\0\x01?", 3);
    for (size_t index = 0; index < 400; index++)
        memcpy (bytes + 1100 * 3 + index * 9, ping, 9);
    struct linger linger = {.l_onoff = 1};
    for (size_t round = 0; round < 300; round++) {
        int fd = s_connect_zmtp ();
        for (size_t times = 0; times <= round % 8; times++)
            (void) s_send (fd, bytes, sizeof bytes);
        //  With what was not read yet, every other time.
        if (round % 2)
            setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        close (fd);
    }
    s_assert_served ();
}

//  At the endpoint of a node that is down, a listener sees its peers connect.
static int
s_listen (size_t node)
{
    const char *port =
      strrchr (zseq_cluster_endpoint (s_cluster, node), ':') + 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    address.sin_port = htons ((uint16_t) strtoul (port, NULL, 10));
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    cr_assert_eq (bind (fd, (struct sockaddr *) &address, sizeof address), 0,
                  "%s", strerror (errno));
    cr_assert_eq (listen (fd, 10), 0);
    return fd;
}

//  After the suite's own.
static void
s_open_three (void)
{
    s_close ();
    s_cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (s_cluster);
    s_client = zseq_client_new (zseq_cluster_uri (s_cluster));
    s_orders = zseq_new (s_client, "orders");
    zseq_cluster_kill (s_cluster, 1);
}

Test (hostile, survives_another_server_at_a_peer_s_endpoint,
      .init = s_open_three)
{
    static const char ready[] = "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
                                "ROUTER";
    static char bytes[2000 * 3 + 9];
    for (size_t index = 0; index < 2000; index++)
        memcpy (bytes + index * 3, "\0\x01?", 3);
    memcpy (bytes + 2000 * 3, "\x04\x07\x04PING\0\0", 9);
    struct linger linger = {.l_onoff = 1};
    int listener = s_listen (1);
    for (size_t round = 0; round < 60; round++) {
        cr_assert (s_wait (listener, POLLIN));
        int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        cr_assert_neq (fd, -1);
        char greeting[64];
        char head[2];
        char rest[255];
        if (s_send (fd, s_greeting, sizeof s_greeting) &&
            s_receive (fd, greeting, sizeof greeting) &&
            s_send (fd, ready, sizeof ready - 1) &&
            s_receive (fd, head, sizeof head) &&
            s_receive (fd, rest, (uint8_t) head[1]))
            (void) s_send (fd, bytes, sizeof bytes);
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        close (fd);
    }
    close (listener);
    s_assert_served ();
}

//  Requests that the node answers, from a client that does not read.
Test (hostile, unread_answers_cost_bounded_memory)
{
    size_t size;
    char *bytes = s_repeat ("\0\x05\x94\x01\x01\x07\0", 7, &size);
    int fd = s_connect_zmtp ();
    //  The node may stop reading; then this ends here, too.
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    for (size_t sent = 0; sent < 64 * MIB && poll (&poll_fd, 1, 1000) == 1;) {
        ssize_t rc = send (fd, bytes, size, MSG_NOSIGNAL);
        if (rc == -1)
            break;
        sent += (size_t) rc;
    }
    s_assert_grown (GROWTH_MAX);
    s_assert_served ();
    close (fd);
    free (bytes);
}

//  Connections that say nothing.

//  Opens as many connections as it may; returns how many.
static size_t
s_connect_many (int **fds_p, size_t count)
{
    size_t most = s_raise_files (count + 256);
    if (most < count + 256) {
        fprintf (stderr, "only %zu files may be opened, not %zu\n", most,
                 count + 256);
        count = most - 256;
    }
    *fds_p = calloc (count, sizeof **fds_p);
    cr_assert (*fds_p);
    for (size_t index = 0; index < count; index++)
        (*fds_p)[index] = s_connect ();
    return count;
}

Test (hostile, serves_others_beside_10000_half_open_connections)
{
    int *fds;
    size_t count = s_connect_many (&fds, 10000);
    s_assert_served ();
    s_assert_grown (
      count * (s_is_native () ? GROWTH_OPEN_NATIVE_MAX : GROWTH_OPEN_MAX) +
      16 * MIB);
    //  A client learns that the node's queue had no slot for its connection
    //  only when it sends something: here the beginning of a greeting.
    for (size_t index = 0; index < count; index++)
        if (s_send (fds[index], s_greeting, 1))
            s_await_end (fds[index]);
        else
            close (fds[index]);
    s_assert_served ();
    free (fds);
}

//  A node that may open no more files than that.
static void
s_open_few (void)
{
    struct rlimit limit = {.rlim_cur = FILES_FEW, .rlim_max = FILES_FEW};
    cr_assert_eq (
      prlimit (zseq_cluster_pid (s_cluster, 0), RLIMIT_NOFILE, &limit, NULL),
      0);
}

//  With libzmq, the node can neither write nor accept connections without
//  descriptors. The native transport leaves some to the disk, and those who say
//  nothing give way to others.
Test (hostile, serves_again_after_more_connections_than_it_has_files,
      .init = s_open_few)
{
    int *fds;
    size_t count = s_connect_many (&fds, 3000);
    while (!s_is_native () && s_files () < FILES_FEW)
        continue;
    while (!s_is_native () &&
           !strstr (s_state (), "voting, all descriptors are used up"))
        continue;
    if (s_is_native ()) {
        s_assert_served ();
        cr_assert_str_eq (s_state (), "voting");
    }
    zseq_t *seq = zseq_new (s_client, "beside");
    uint64_t id;
    (void) zseq_next (seq, &id);
    zseq_destroy (&seq);
    for (size_t index = 0; index < count; index++)
        close (fds[index]);
    free (fds);
    s_assert_served ();
}

//  A node on an ipc endpoint.

static char s_ipc[ZSEQ_ENDPOINT_MAX + 1];

//  Starts the node again with an option.
static pid_t
s_start_with (const char *option, const char *value)
{
    cr_assert_eq (zseq_cluster_stop (s_cluster, 0, SIGTERM), 0);
    const char *log = zseq_cluster_log (s_cluster, 0);
    off_t before = zseq_process_size (log);
    const char *argv[] = {zseq_cluster_zseqd (s_cluster),
                          "start",
                          "--data",
                          zseq_cluster_directory (s_cluster, 0),
                          option,
                          value,
                          NULL};
    pid_t pid = zseq_process_exec (argv, log);
    cr_assert (zseq_process_says (pid, log, before, "votes"));
    return pid;
}

//  Stops that node, and starts the one that the suite stops.
static void
s_start_without (pid_t pid)
{
    cr_assert_eq (kill (pid, SIGTERM), 0);
    cr_assert_eq (zseq_process_wait (pid), 0);
    zseq_cluster_start (s_cluster, 0);
}

//  Starts the node again, on an ipc endpoint and with FILES_IPC files at most.
static pid_t
s_start_ipc (void)
{
    int size = snprintf (s_ipc, sizeof s_ipc, "ipc://%s/socket",
                         zseq_cluster_path (s_cluster));
    cr_assert_lt ((size_t) size, sizeof s_ipc);
    pid_t pid = s_start_with ("--bind", s_ipc);
    struct rlimit limit = {.rlim_cur = FILES_IPC, .rlim_max = FILES_IPC};
    cr_assert_eq (prlimit (pid, RLIMIT_NOFILE, &limit, NULL), 0);
    return pid;
}

//  Connects, and waits until the node greets or hangs up. Returns whether it
//  greets.
static bool
s_greeted (int *fd_p)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy (address.sun_path, s_ipc + strlen ("ipc://"));
    *fd_p = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_neq (*fd_p, -1, "%s", strerror (errno));
    cr_assert_eq (
      connect (*fd_p, (const struct sockaddr *) &address, sizeof address), 0,
      "%s", strerror (errno));
    char byte;
    return read (*fd_p, &byte, 1) == 1;
}

//  A client of the ipc endpoint.
static void
s_assert_served_by_ipc (void)
{
    zseq_client_t *client = zseq_client_new (s_ipc);
    zseq_t *seq = zseq_new (client, "new");
    uint64_t id = 0;
    int rc = zseq_next (seq, &id);
    cr_assert_eq (rc, ZSEQ_OK, "%s: %s", zseq_strerror (rc), zseq_detail ());
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
}

static void
s_assert_logged (const char *text)
{
    bool logged = false;
    for (int look = 0; look < 1000 && !logged; look++) {
        poll (NULL, 0, 10);
        logged = zseq_cluster_logged (s_cluster, 0, text);
    }
    cr_assert (logged, "%s", text);
}

//  The native transport hangs up on the oldest ones instead, and has files for
//  others left.
Test (hostile, hangs_up_on_an_ipc_connection_for_which_it_has_no_file)
{
    pid_t pid = s_start_ipc ();
    int fds[2 * FILES_IPC];
    size_t greeted = 0;
    for (size_t index = 0; index < 2 * FILES_IPC; index++)
        greeted += s_greeted (&fds[index]);
    if (s_is_native ())
        s_assert_served_by_ipc ();
    else
        cr_assert (greeted > 0 && greeted < FILES_IPC, "%zu", greeted);
    //  The node looks for it ten times a second.
    bool logged = false;
    for (int look = 0; look < 1000 && !logged && !s_is_native (); look++) {
        poll (NULL, 0, 10);
        logged = zseq_cluster_logged (s_cluster, 0, "descriptors are used up");
    }
    cr_assert (logged || s_is_native ());
    if (s_is_native ())
        s_assert_logged ("hold all descriptors");
    for (size_t index = 0; index < 2 * FILES_IPC; index++)
        close (fds[index]);

    s_assert_served_by_ipc ();
    s_start_without (pid);
}

//  Connections with a part of a message each, which together are too much.
Test (hostile, native_ends_the_connections_that_take_most)
{
    if (!s_is_native ())
        cr_skip_test ("libzmq does not tell what a connection takes");
    pid_t pid = s_start_with ("--memory-max", "64");
    static char part[9 + 65535] = "\x02\0\0\0\0\0\x01";
    int *fds;
    size_t count = s_connect_many (&fds, HEAVY);
    for (size_t index = 0; index < count; index++)
        if (s_shake_hands (fds[index]))
            (void) s_send (fds[index], part, sizeof part);
    s_assert_logged ("heaviest connections:");
    s_assert_logged ("they took too much memory");
    s_assert_served ();
    for (size_t index = 0; index < count; index++)
        close (fds[index]);
    free (fds);
    s_start_without (pid);
}
