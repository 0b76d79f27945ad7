//  Floors: the work of a case, done with the least code.
//
//  Echo processes stand for nodes. One process asks all of them and waits for w
//  replies (s_ask_repeat); in the echo floors 1 to 32 processes ask a single
//  one. Plain floors do both without libzmq. Floors for the disk replace a
//  small file durably, or read it. Floors for memory are atomic counters and
//  the clock. Each floor is a function that does one operation, and an entry in
//  the table at the end; the loop, the clock and the histogram are those of
//  zseq_bench_load. zseq_bench_floors_measure adds one sample to a floor.

#include "zseq_bench_floor.h"

#include "zseq_bench_plain.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define NODES_MAX 9
#define ENDPOINT_MAX 64
#define SAMPLES_MAX 1000

//  How often a floor is measured until an operation is done, and how many times
//  longer than the time before.
#define TRIES 3
#define LONGER 4

//  Bytes as those of a case's CLAIM and its reply, which carries an incarnation
//  of every node, and of its record; give or take two. See lib/doc/wire.md,
//  section 9, and lib/doc/disk.md.
#define REQUEST_SIZE 54
#define REPLY_SIZE(n) (35 + 10 * (n))
#define RECORD_SIZE 76

//  Connections that may wait to be accepted: of all clients at once.
#define BACKLOG 4096

//  In memory shared with the echo processes.
typedef struct {
    char endpoint[NODES_MAX][ENDPOINT_MAX];
    _Atomic size_t bound;  //  How many endpoints are set
} s_shared_t;

struct zseq_bench_floors {
    zseq_bench_children_t *children;
    size_t n;
    size_t w;
    const char *directory;
    pid_t pid[NODES_MAX];
    pid_t plain_pid[NODES_MAX];
    uint16_t plain_port[NODES_MAX];
    s_shared_t *shared;
    zseq_bench_sample_t *sample;  //  Scratch
    struct {
        double ns[SAMPLES_MAX];  //  Per operation
        size_t samples;
        zseq_bench_histogram_t waits;
    } result[ZSEQ_BENCH_FLOORS];
};

//  Notes why an operation failed. Returns -1.
static int
s_text (char *text, const char *what, const char *why)
{
    snprintf (text, ZSEQ_BENCH_TEXT_MAX, "%s: %s", what, why);
    return -1;
}

//  A plain node: echoes, in the size of a reply, until it is killed.

typedef struct {
    zseq_bench_floors_t *floors;
    size_t index;
} s_echo_t;

//  Takes a request, and sends a reply of that size.
static int
s_echo_once (void *router, size_t reply_size)
{
    zmq_msg_t route;
    zmq_msg_t request;
    zmq_msg_t reply;
    zmq_msg_init (&route);
    zmq_msg_init (&request);
    if (zmq_msg_recv (&route, router, 0) < 0 ||
        zmq_msg_recv (&request, router, 0) < 0)
        return errno == EINTR ? 0 : -1;
    if (zmq_msg_size (&request) == REQUEST_SIZE &&
        zmq_msg_init_size (&reply, reply_size) == 0) {
        memset (zmq_msg_data (&reply), 0, reply_size);
        memcpy (zmq_msg_data (&reply), zmq_msg_data (&request),
                sizeof (uint64_t));
        if (zmq_msg_send (&route, router, ZMQ_SNDMORE) < 0 ||
            zmq_msg_send (&reply, router, 0) < 0)
            return -1;
    }
    zmq_msg_close (&request);
    return 0;
}

//  Runs an echo process.
static int
s_echo_run (void *arg)
{
    s_echo_t *self = arg;
    zseq_bench_floors_t *floors = self->floors;
    void *context = zmq_ctx_new ();
    void *router = context ? zmq_socket (context, ZMQ_ROUTER) : NULL;
    int backlog = BACKLOG;
    if (!router ||
        zmq_setsockopt (router, ZMQ_BACKLOG, &backlog, sizeof backlog) != 0 ||
        zmq_bind (router, "tcp://127.0.0.1:*") != 0)
        return 1;
    size_t size = ENDPOINT_MAX;
    if (zmq_getsockopt (router, ZMQ_LAST_ENDPOINT,
                        floors->shared->endpoint[self->index], &size) != 0)
        return 1;
    atomic_fetch_add (&floors->shared->bound, 1);
    zseq_bench_children_ring (floors->children);
    while (s_echo_once (router, REPLY_SIZE (floors->n)) == 0)
        continue;
    return 1;
}

//  Asks n plain nodes over a DEALER each, and goes on with the first w replies.
//  With n = w = 1 this is the plain round trip.

typedef struct {
    void *context;
    void *dealer[NODES_MAX];
    size_t n;
    size_t w;
    uint64_t request;
} s_ask_t;

#define ASK_TIMEOUT_MS 10000

static void
s_ask_close (void *arg)
{
    s_ask_t *self = arg;
    for (size_t i = 0; i < self->n; i++)
        if (self->dealer[i])
            zmq_close (self->dealer[i]);
    if (self->context)
        zmq_ctx_term (self->context);
    free (self);
}

//  Connects to n echo processes, for operations that wait for w replies.
static int
s_ask_open (const zseq_bench_floors_t *floors, size_t n, size_t w,
            void **context_p, char *text)
{
    s_ask_t *self = calloc (1, sizeof *self);
    if (!self)
        return s_text (text, "libzmq", "out of memory");
    self->n = n;
    self->w = w;
    self->context = zmq_ctx_new ();
    for (size_t i = 0; self->context && i < n; i++) {
        int zero = 0;
        int timeout_ms = ASK_TIMEOUT_MS;
        void *dealer = zmq_socket (self->context, ZMQ_DEALER);
        self->dealer[i] = dealer;
        if (!dealer ||
            zmq_setsockopt (dealer, ZMQ_LINGER, &zero, sizeof zero) != 0 ||
            zmq_setsockopt (dealer, ZMQ_RCVTIMEO, &timeout_ms,
                            sizeof timeout_ms) != 0 ||
            zmq_connect (dealer, floors->shared->endpoint[i]) != 0)
            break;
    }
    if (!self->context || !self->dealer[n - 1]) {
        s_ask_close (self);
        return s_text (text, "libzmq", zmq_strerror (errno));
    }
    *context_p = self;
    return 0;
}

static int
s_ask_open_quorum (const void *arg, size_t process, void **context_p,
                   char *text)
{
    (void) process;
    const zseq_bench_floors_t *floors = arg;
    return s_ask_open (floors, floors->n, floors->w, context_p, text);
}

static int
s_ask_open_echo (const void *arg, size_t process, void **context_p, char *text)
{
    (void) process;
    return s_ask_open (arg, 1, 1, context_p, text);
}

//  Takes a reply of a node. Returns 1 if it answers the current request; 0 if
//  it is late, or there is none.
static int
s_ask_take (s_ask_t *self, void *dealer, int flags, char *text)
{
    uint8_t reply[REPLY_SIZE (NODES_MAX)];
    int size = zmq_recv (dealer, reply, sizeof reply, flags);
    if (size < 0)
        return errno == EAGAIN && flags == ZMQ_DONTWAIT
                 ? 0
                 : s_text (text, "echo", zmq_strerror (errno));
    return memcmp (reply, &self->request, sizeof self->request) == 0;
}

//  Gathers w replies.
static int
s_ask_gather (s_ask_t *self, char *text)
{
    zmq_pollitem_t items[NODES_MAX];
    for (size_t i = 0; i < self->n; i++)
        items[i] = (zmq_pollitem_t){
          .socket = self->dealer[i],
          .events = ZMQ_POLLIN,
        };
    for (size_t got = 0; got < self->w;) {
        if (zmq_poll (items, (int) self->n, ASK_TIMEOUT_MS) <= 0)
            return s_text (text, "echo", "no reply");
        for (size_t i = 0; i < self->n; i++)
            if (items[i].revents) {
                int answers =
                  s_ask_take (self, items[i].socket, ZMQ_DONTWAIT, text);
                if (answers < 0)
                    return -1;
                got += (size_t) answers;
            }
    }
    return 0;
}

//  Asks all echo processes and waits for the replies, count times.
static int
s_ask_repeat (void *context, size_t count, uint64_t *last, char *text)
{
    s_ask_t *self = context;
    (void) last;
    for (size_t done = 0; done < count; done++) {
        uint8_t request[REQUEST_SIZE] = {0};
        self->request++;
        memcpy (request, &self->request, sizeof self->request);
        for (size_t i = 0; i < self->n; i++)
            if (zmq_send (self->dealer[i], request, sizeof request, 0) < 0)
                return s_text (text, "echo", zmq_strerror (errno));
        int rc = self->n > 1 ? s_ask_gather (self, text)
                             : s_ask_take (self, self->dealer[0], 0, text);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static const zseq_bench_operation_t s_ask = {
  .open = s_ask_open_quorum,
  .repeat = s_ask_repeat,
  .close = s_ask_close,
};

static const zseq_bench_operation_t s_echo = {
  .open = s_ask_open_echo,
  .per_thread = true,
  .repeat = s_ask_repeat,
  .close = s_ask_close,
};

//  The same over plain TCP.

typedef struct {
    zseq_bench_plain_t plain;
    int listener;
} s_plain_t;

static zseq_bench_plain_t
s_plain_sizes (const zseq_bench_floors_t *floors)
{
    return (zseq_bench_plain_t){REQUEST_SIZE, REPLY_SIZE (floors->n)};
}

//  Runs a plain echo process.
static int
s_plain_run (void *arg)
{
    const s_plain_t *self = arg;
    return zseq_bench_plain_serve (&self->plain, self->listener);
}

static int
s_plain_open (const void *arg, size_t process, void **context_p, char *text)
{
    (void) process;
    const zseq_bench_floors_t *floors = arg;
    zseq_bench_plain_t plain = s_plain_sizes (floors);
    return zseq_bench_plain_open (&plain, floors->plain_port, floors->n,
                                  floors->w, context_p, text);
}

static int
s_plain_open_echo (const void *arg, size_t process, void **context_p,
                   char *text)
{
    (void) process;
    const zseq_bench_floors_t *floors = arg;
    zseq_bench_plain_t plain = s_plain_sizes (floors);
    return zseq_bench_plain_open (&plain, floors->plain_port, 1, 1, context_p,
                                  text);
}

static const zseq_bench_operation_t s_plain = {
  .open = s_plain_open,
  .repeat = zseq_bench_plain_repeat,
  .close = zseq_bench_plain_close,
};

static const zseq_bench_operation_t s_plain_echo = {
  .open = s_plain_open_echo,
  .per_thread = true,
  .repeat = zseq_bench_plain_repeat,
  .close = zseq_bench_plain_close,
};

//  An atomic add on a word that all threads of a process share.

static int
s_atomic_open (const void *arg, size_t process, void **context_p, char *text)
{
    (void) process;
    (void) arg;
    *context_p = aligned_alloc (64, 64);
    if (!*context_p)
        return s_text (text, "atomic add", "out of memory");
    atomic_init ((_Atomic uint64_t *) *context_p, 0);
    return 0;
}

static int
s_atomic_repeat (void *context, size_t count, uint64_t *last, char *text)
{
    (void) text;
    _Atomic uint64_t *word = context;
    uint64_t taken = 0;
    for (size_t i = 0; i < count; i++)
        taken = atomic_fetch_add (word, 1);
    *last = taken;
    return 0;
}

static int
s_clock_repeat (void *context, size_t count, uint64_t *last, char *text)
{
    (void) context;
    (void) text;
    struct timespec now = {0};
    for (size_t i = 0; i < count; i++)
        clock_gettime (CLOCK_REALTIME, &now);
    *last = (uint64_t) now.tv_nsec;
    return 0;
}

static const zseq_bench_operation_t s_clock = {
  .open = s_atomic_open,
  .repeat = s_clock_repeat,
  .close = free,
};

static const zseq_bench_operation_t s_atomic = {
  .open = s_atomic_open,
  .repeat = s_atomic_repeat,
  .close = free,
};

//  A small file is replaced durably, in the order of lib/doc/disk.md. Every
//  process has a directory of its own.

typedef struct {
    char path[PATH_MAX];
    int directory;
} s_rename_t;

static void
s_rename_close (void *arg)
{
    s_rename_t *self = arg;
    if (self->directory >= 0) {
        unlinkat (self->directory, "floor", 0);
        close (self->directory);
    }
    rmdir (self->path);
    free (self);
}

//  Makes a directory for the files of the operation.
static int
s_rename_open (const void *arg, size_t process, void **context_p, char *text)
{
    (void) process;
    const zseq_bench_floors_t *floors = arg;
    s_rename_t *self = calloc (1, sizeof *self);
    if (!self)
        return s_text (text, "rename", "out of memory");
    snprintf (self->path, sizeof self->path, "%s/floor-%d", floors->directory,
              (int) getpid ());
    self->directory = -1;
    if (mkdir (self->path, 0700) == 0)
        self->directory = open (self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->directory < 0) {
        s_text (text, "rename", strerror (errno));
        s_rename_close (self);
        return -1;
    }
    *context_p = self;
    return 0;
}

//  Replaces a file durably.
static int
s_rename_once (int directory, const uint8_t *record)
{
    int file = openat (directory, "floor.tmp",
                       O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return -1;
    bool written =
      write (file, record, RECORD_SIZE) == RECORD_SIZE && fsync (file) == 0;
    if (close (file) != 0 || !written ||
        renameat (directory, "floor.tmp", directory, "floor") != 0)
        return -1;
    return fsync (directory);
}

static int
s_rename_repeat (void *context, size_t count, uint64_t *last, char *text)
{
    s_rename_t *self = context;
    for (size_t i = 0; i < count; i++) {
        uint8_t record[RECORD_SIZE] = {0};
        memcpy (record, last, sizeof *last);
        ++*last;
        if (s_rename_once (self->directory, record) != 0)
            return s_text (text, "rename", strerror (errno));
    }
    return 0;
}

static const zseq_bench_operation_t s_rename = {
  .open = s_rename_open,
  .repeat = s_rename_repeat,
  .close = s_rename_close,
};

//  A small file is opened, read and closed.

//  Makes a directory with a file to read.
static int
s_read_open (const void *arg, size_t process, void **context_p, char *text)
{
    if (s_rename_open (arg, process, context_p, text) != 0)
        return -1;
    s_rename_t *self = *context_p;
    uint8_t record[RECORD_SIZE] = {0};
    if (s_rename_once (self->directory, record) == 0)
        return 0;
    s_text (text, "read", strerror (errno));
    s_rename_close (self);
    return -1;
}

static int
s_read_repeat (void *context, size_t count, uint64_t *last, char *text)
{
    s_rename_t *self = context;
    (void) last;
    for (size_t i = 0; i < count; i++) {
        uint8_t record[RECORD_SIZE + 1];
        int file = openat (self->directory, "floor", O_RDONLY | O_CLOEXEC);
        if (file < 0)
            return s_text (text, "read", strerror (errno));
        ssize_t size = read (file, record, sizeof record);
        close (file);
        if (size != RECORD_SIZE)
            return s_text (text, "read", "a record is cut short");
    }
    return 0;
}

static const zseq_bench_operation_t s_read = {
  .open = s_read_open,
  .repeat = s_read_repeat,
  .close = s_rename_close,
};

//  All floors.

static const struct {
    const char *name;
    const char *text;
    const zseq_bench_operation_t *operation;
    size_t processes;  //  0: as many as nodes
    size_t threads;
    size_t stretch;
} s_floor[ZSEQ_BENCH_FLOORS] = {
  [ZSEQ_BENCH_FLOOR_ASK] = {"ask", "libzmq: ask N, wait for W", &s_ask, 1, 1,
                            1},
  [ZSEQ_BENCH_FLOOR_ECHO_1] = {"echo-1", "libzmq: one ROUTER, 1 client",
                               &s_echo, 1, 1, 1},
  [ZSEQ_BENCH_FLOOR_ECHO_8] = {"echo-8", "libzmq: one ROUTER, 8 clients",
                               &s_echo, 8, 1, 1},
  [ZSEQ_BENCH_FLOOR_ECHO_32] = {"echo-32", "libzmq: one ROUTER, 32 clients",
                                &s_echo, 32, 1, 1},
  [ZSEQ_BENCH_FLOOR_PLAIN] = {"plain", "epoll: ask N, wait for W", &s_plain, 1,
                              1, 1},
  [ZSEQ_BENCH_FLOOR_PLAIN_1] = {"plain-1", "epoll: one server, 1 client",
                                &s_plain_echo, 1, 1, 1},
  [ZSEQ_BENCH_FLOOR_PLAIN_32] = {"plain-32", "epoll: one server, 32 clients",
                                 &s_plain_echo, 32, 1, 1},
  [ZSEQ_BENCH_FLOOR_ATOMIC_1] = {"atomic-1", "atomic add, 1 thread", &s_atomic,
                                 1, 1, 1024},
  [ZSEQ_BENCH_FLOOR_ATOMIC_2] = {"atomic-2", "atomic add, 2 threads", &s_atomic,
                                 1, 2, 1024},
  [ZSEQ_BENCH_FLOOR_CLOCK] = {"clock", "clock_gettime, wall clock", &s_clock, 1,
                              1, 1024},
  [ZSEQ_BENCH_FLOOR_RENAME] = {"rename", "write, fsync, rename, fsync",
                               &s_rename, 1, 1, 1},
  [ZSEQ_BENCH_FLOOR_RENAME_N] = {"rename-n", "the same, N processes at once",
                                 &s_rename, 0, 1, 1},
  [ZSEQ_BENCH_FLOOR_READ] = {"read", "open, read, close a small file", &s_read,
                             1, 1, 1},
  [ZSEQ_BENCH_FLOOR_ECHO_100] = {"echo-100", "libzmq: one ROUTER, 100 clients",
                                 &s_echo, 1, 100, 1},
  [ZSEQ_BENCH_FLOOR_ECHO_300] = {"echo-300", "libzmq: one ROUTER, 300 clients",
                                 &s_echo, 2, 150, 1},
  [ZSEQ_BENCH_FLOOR_ECHO_1000] = {"echo-1000",
                                  "libzmq: one ROUTER, 1000 clients", &s_echo,
                                  4, 250, 1},
  [ZSEQ_BENCH_FLOOR_ECHO_2000] = {"echo-2000",
                                  "libzmq: one ROUTER, 2000 clients", &s_echo,
                                  8, 250, 1},
  [ZSEQ_BENCH_FLOOR_ECHO_100P] = {"echo-100p",
                                  "libzmq: one ROUTER, 100 processes", &s_echo,
                                  100, 1, 1},
  [ZSEQ_BENCH_FLOOR_ECHO_300P] = {"echo-300p",
                                  "libzmq: one ROUTER, 300 processes", &s_echo,
                                  300, 1, 1},
  [ZSEQ_BENCH_FLOOR_ECHO_1000P] = {"echo-1000p",
                                   "libzmq: one ROUTER, 1000 processes",
                                   &s_echo, 1000, 1, 1},
  [ZSEQ_BENCH_FLOOR_ECHO_2000P] = {"echo-2000p",
                                   "libzmq: one ROUTER, 2000 processes",
                                   &s_echo, 2000, 1, 1},
};

//  Starts a plain echo process.
static int
s_start_plain (zseq_bench_floors_t *self, size_t index)
{
    s_plain_t plain = {s_plain_sizes (self), -1};
    plain.listener = zseq_bench_plain_listen (&self->plain_port[index]);
    if (plain.listener < 0)
        return zseq_bench_fail ("the plain echo process did not start: %s",
                                strerror (errno));
    self->plain_pid[index] = zseq_bench_children_fork (
      self->children, "plain echo process", s_plain_run, &plain);
    close (plain.listener);
    if (self->plain_pid[index] < 0)
        return -1;
    zseq_bench_children_need (self->children, self->plain_pid[index]);
    return 0;
}

//  Starts the echo processes, and waits until they are ready.
static int
s_start (zseq_bench_floors_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        if (s_start_plain (self, i) != 0)
            return -1;
    for (size_t i = 0; i < self->n; i++) {
        s_echo_t echo = {.floors = self, .index = i};
        self->pid[i] = zseq_bench_children_fork (self->children, "echo process",
                                                 s_echo_run, &echo);
        if (self->pid[i] < 0)
            return -1;
        zseq_bench_children_need (self->children, self->pid[i]);
    }
    uint64_t until_ns =
      zseq_bench_now_ns () + ZSEQ_BENCH_WAIT_S * 1000000000ull;
    while (atomic_load (&self->shared->bound) < self->n) {
        if (zseq_bench_children_wait (self->children, until_ns) != 0)
            return -1;
        if (zseq_bench_now_ns () >= until_ns)
            return zseq_bench_fail ("the echo processes did not start");
    }
    return 0;
}

zseq_bench_floors_t *
zseq_bench_floors_new (zseq_bench_children_t *children, size_t n, size_t w,
                       const char *directory)
{
    assert (children);
    assert (n >= 1);
    assert (n <= NODES_MAX);
    assert (w >= 1);
    assert (w <= n);
    assert (directory);
    zseq_bench_floors_t *self = calloc (1, sizeof *self);
    if (!self) {
        zseq_bench_fail ("out of memory");
        return NULL;
    }
    self->children = children;
    self->n = n;
    self->w = w;
    self->directory = directory;
    self->shared = mmap (NULL, sizeof *self->shared, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    self->sample = zseq_bench_sample_new ();
    if (self->shared == MAP_FAILED || !self->sample || s_start (self) != 0)
        zseq_bench_floors_destroy (&self);
    return self;
}

void
zseq_bench_floors_destroy (zseq_bench_floors_t **self_p)
{
    assert (self_p);
    zseq_bench_floors_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->n; i++) {
        if (self->pid[i] > 0)
            zseq_bench_children_end (self->children, self->pid[i]);
        if (self->plain_pid[i] > 0)
            zseq_bench_children_end (self->children, self->plain_pid[i]);
    }
    if (self->shared != MAP_FAILED)
        munmap (self->shared, sizeof *self->shared);
    free (self->sample);
    free (self);
    *self_p = NULL;
}

int
zseq_bench_floors_measure (zseq_bench_floors_t *self, zseq_bench_floor_t floor,
                           double seconds, double *ns_p, double *p50_us_p)
{
    assert (self);
    assert (floor < ZSEQ_BENCH_FLOORS);
    assert (ns_p);
    assert (p50_us_p);
    zseq_bench_load_t load = {
      .operation = s_floor[floor].operation,
      .arg = self,
      .processes =
        s_floor[floor].processes > 0 ? s_floor[floor].processes : self->n,
      .threads = s_floor[floor].threads,
      .stretch = s_floor[floor].stretch,
      .seconds = seconds,
      .together = s_floor[floor].operation->per_thread,
      .limit_s = ZSEQ_BENCH_WAIT_S,  //  A thousand connections take a while
    };
    //  A busy machine may leave no time for even one in a short slice.
    int rc = 0;
    self->sample->done = 0;
    for (int i = 0; rc == 0 && self->sample->done == 0 && i < TRIES; i++) {
        rc = zseq_bench_load_run (&load, self->children, self->sample);
        load.seconds *= LONGER;
    }
    if (rc != 0)
        return -1;
    if (self->sample->done == 0)
        return zseq_bench_fail ("floor %s: nothing was done in %g s",
                                s_floor[floor].name, load.seconds / LONGER);
    *ns_p = (double) self->sample->window_ns / (double) self->sample->done;
    *p50_us_p =
      (double) zseq_bench_histogram_percentile (&self->sample->waits, 50) / 1e3;
    assert (self->result[floor].samples < SAMPLES_MAX);
    self->result[floor].ns[self->result[floor].samples++] = *ns_p;
    zseq_bench_histogram_merge (&self->result[floor].waits,
                                &self->sample->waits);
    return 0;
}

const char *
zseq_bench_floor_name (zseq_bench_floor_t floor)
{
    assert (floor < ZSEQ_BENCH_FLOORS);
    return s_floor[floor].name;
}

zseq_bench_floor_result_t
zseq_bench_floors_result (const zseq_bench_floors_t *self,
                          zseq_bench_floor_t floor)
{
    assert (self);
    assert (floor < ZSEQ_BENCH_FLOORS);
    zseq_bench_floor_result_t result = {
      .name = s_floor[floor].name,
      .text = s_floor[floor].text,
      .samples = self->result[floor].samples,
      .waits = &self->result[floor].waits,
    };
    if (result.samples > 0) {
        double sorted[SAMPLES_MAX];
        memcpy (sorted, self->result[floor].ns, sizeof sorted);
        result.ns_per_op = zseq_bench_median (sorted, result.samples);
        result.ns_spread[0] = sorted[0];
        result.ns_spread[1] = sorted[result.samples - 1];
    }
    return result;
}
