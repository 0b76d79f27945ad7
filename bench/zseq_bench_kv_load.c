//  Each client has a handle of its own. Clients of a connection share a
//  zseq_client_t. The value of a key is a number and padding; a cas adds one
//  to it, so that afterwards the number can be checked against the successes.

#include "zseq_bench_kv_load.h"

#include "zseq.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CONNECTIONS_MAX ZSEQ_BENCH_THREADS_MAX
#define KEY_SIZE 24
#define LIMIT_S 600  //  Of a burst, and of getting ready

//  Tries to store a key before the window; and how many are stored at once.
#define FILL_TRIES 20
#define FILL_AT_ONCE 50

//  In memory that all processes share.
typedef struct {
    _Atomic uint64_t mark_ns;  //  Gaps count that end later; 0: none do
    _Atomic uint64_t gap_ns;
    _Atomic uint64_t sum;        //  Increments that were done, whenever
    _Atomic uint64_t sum_maybe;  //  ... and that may have been done
} s_shared_t;

typedef struct {
    const zseq_bench_kv_load_t *load;
    s_shared_t *shared;
    pthread_mutex_t lock;  //  Of what follows, which each process has
    zseq_client_t *client[CONNECTIONS_MAX];
    size_t users[CONNECTIONS_MAX];
} s_group_t;

//  One client.
typedef struct {
    s_group_t *group;
    size_t index;
    zseq_client_t *client;  //  Its connection
    zseq_kv_t *kv;
    uint64_t random;
    uint64_t success_ns;  //  When the last operation succeeded
    zseq_bench_counts_t counts;
    char value[ZSEQ_VALUE_MAX];
} s_user_t;

static void
s_make_key (const zseq_bench_kv_case_t *one, size_t index, char *key)
{
    int size = snprintf (key, KEY_SIZE + 1, "zseq-kv/%06zu/%09zu", one->size,
                         index % 1000000000);
    assert (size == KEY_SIZE);
}

//  Makes a value that begins with a number.
static void
s_make_value (char *value, size_t size, uint64_t number)
{
    char text[32];
    int digits =
      snprintf (text, sizeof text, "%llu ", (unsigned long long) number);
    assert ((size_t) digits <= size);
    memset (value, '.', size);
    memcpy (value, text, (size_t) digits);
}

//  Handles.

//  The connection of a client, which is made by the first of its users.
static zseq_client_t *
s_take_connection (s_group_t *group, size_t index)
{
    pthread_mutex_lock (&group->lock);
    if (!group->client[index])
        group->client[index] = zseq_client_new (group->load->uri);
    zseq_client_t *client = group->client[index];
    group->users[index] += client != NULL;
    pthread_mutex_unlock (&group->lock);
    return client;
}

static void
s_drop_connection (s_group_t *group, size_t index)
{
    pthread_mutex_lock (&group->lock);
    if (--group->users[index] == 0)
        zseq_client_destroy (&group->client[index]);
    pthread_mutex_unlock (&group->lock);
}

static zseq_kv_t *
s_kv_new (zseq_client_t *client, int timeout_ms)
{
    zseq_kv_t *kv = client ? zseq_kv_new (client) : NULL;
    if (kv && zseq_kv_set_timeout (kv, timeout_ms) != ZSEQ_OK)
        zseq_kv_destroy (&kv);
    return kv;
}

//  The operations. Each returns what the library does.

static int
s_put (s_user_t *self, const char *key)
{
    size_t size = self->group->load->one->size;
    s_make_value (self->value, size, 0);
    return zseq_kv_put (self->kv, key, KEY_SIZE, self->value, size, NULL);
}

static int
s_get (s_user_t *self, const char *key, zseq_kv_info_t *info)
{
    return zseq_kv_get (self->kv, key, KEY_SIZE, self->value,
                        sizeof self->value, info);
}

//  One try. ZSEQ_EVERSION: somebody else was faster, and this is what the key
//  has now.
static int
s_try_increment (s_user_t *self, const char *key, zseq_kv_info_t *info)
{
    uint64_t number = strtoull (self->value, NULL, 10);
    s_make_value (self->value, info->size, number + 1);
    return zseq_kv_cas_or_get (self->kv, key, KEY_SIZE, info->version,
                               self->value, info->size, self->value,
                               sizeof self->value, info);
}

static int
s_increment (s_user_t *self, const char *key)
{
    zseq_kv_info_t info;
    int rc = s_get (self, key, &info);
    if (rc != ZSEQ_OK)
        return rc;
    while ((rc = s_try_increment (self, key, &info)) == ZSEQ_EVERSION) {
        self->counts.conflicts++;
        if (zseq_kv_unknown ())
            atomic_fetch_add (&self->group->shared->sum_maybe, 1);
    }
    if (rc == ZSEQ_OK)
        atomic_fetch_add (&self->group->shared->sum, 1);
    else if (zseq_kv_unknown ())
        atomic_fetch_add (&self->group->shared->sum_maybe, 1);
    return rc;
}

//  Chooses a key. Xorshift (George Marsaglia, 2003).
static size_t
s_choose (s_user_t *self)
{
    size_t keys = self->group->load->one->keys;
    if (keys == 0)
        return self->index;
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return (size_t) (self->random % keys);
}

static int
s_operate (s_user_t *self)
{
    const zseq_bench_kv_case_t *one = self->group->load->one;
    char key[KEY_SIZE + 1];
    zseq_kv_info_t info;
    s_make_key (one, s_choose (self), key);
    switch (one->op) {
    case ZSEQ_BENCH_KV_GET:
        return s_get (self, key, &info);
    case ZSEQ_BENCH_KV_STALE:
        return zseq_kv_stale (self->kv, key, KEY_SIZE, self->value,
                              sizeof self->value, &info);
    case ZSEQ_BENCH_KV_CAS:
        return s_increment (self, key);
    case ZSEQ_BENCH_KV_PUT:
    default:
        return s_put (self, key);
    }
}

//  The operation of zseq_bench_load.

static void
s_user_close (void *context)
{
    s_user_t *self = context;
    zseq_kv_destroy (&self->kv);
    s_drop_connection (self->group,
                       self->index % self->group->load->one->connections);
    free (self);
}

//  Connects, and does the operation once: that is no part of a burst.
static int
s_user_open (const void *arg, size_t index, void **context_p, char *text)
{
    //  Only the fields under the lock change.
    s_group_t *group = *(s_group_t *const *) arg;
    s_user_t *self = calloc (1, sizeof *self);
    if (!self) {
        snprintf (text, ZSEQ_BENCH_TEXT_MAX, "out of memory");
        return -1;
    }
    self->group = group;
    self->index = index;
    self->random = (index + 1) * 0x9E3779B97F4A7C15u;
    self->client =
      s_take_connection (group, index % group->load->one->connections);
    self->kv = s_kv_new (self->client, group->load->timeout_ms);
    if (!self->kv) {
        snprintf (text, ZSEQ_BENCH_TEXT_MAX, "%s: %s", group->load->uri,
                  zseq_detail ());
        return -1;
    }
    (void) s_operate (self);
    self->success_ns = zseq_bench_now_ns ();
    *context_p = self;
    return 0;
}

//  Notes how long the client has been without a success.
static void
s_note_gap (s_user_t *self, uint64_t now_ns)
{
    s_shared_t *shared = self->group->shared;
    uint64_t mark_ns = atomic_load (&shared->mark_ns);
    if (mark_ns == 0 || now_ns < mark_ns)
        return;
    uint64_t gap_ns = now_ns - self->success_ns;
    uint64_t longest_ns = atomic_load (&shared->gap_ns);
    while (longest_ns < gap_ns &&
           !atomic_compare_exchange_weak (&shared->gap_ns, &longest_ns, gap_ns))
        continue;
}

static int
s_user_repeat (void *context, size_t count, uint64_t *last, char *text)
{
    s_user_t *self = context;
    (void) last;
    assert (count == 1);
    int rc = s_operate (self);
    uint64_t now_ns = zseq_bench_now_ns ();
    s_note_gap (self, now_ns);
    if (rc == ZSEQ_OK) {
        self->success_ns = now_ns;
        return 0;
    }
    if (rc == ZSEQ_EPROTOCOL || rc == ZSEQ_ENOKEY) {
        snprintf (text, ZSEQ_BENCH_TEXT_MAX, "%s: %s", zseq_strerror (rc),
                  zseq_detail ());
        return -1;
    }
    assert (rc < 0 && rc > -ZSEQ_BENCH_ERRORS);
    self->counts.failed[-rc]++;
    self->counts.unknown += zseq_kv_unknown ();
    return 1;
}

static void
s_user_count (void *context, zseq_bench_counts_t *counts)
{
    const s_user_t *self = context;
    *counts = self->counts;
}

static const zseq_bench_operation_t s_user = {
  .open = s_user_open,
  .per_thread = true,
  .repeat = s_user_repeat,
  .count = s_user_count,
  .close = s_user_close,
};

//  What children do before and after.

//  Stores the value of a key, in several tries: a new cluster may be busy.
static int
s_store (s_user_t *self, size_t index)
{
    char key[KEY_SIZE + 1];
    s_make_key (self->group->load->one, index, key);
    int rc = ZSEQ_EINVAL;
    for (int i = 0; i < FILL_TRIES && rc != ZSEQ_OK && rc != ZSEQ_EPROTOCOL;
         i++)
        rc = s_put (self, key);
    if (rc == ZSEQ_OK)
        return 0;
    return zseq_bench_fail ("a key cannot be stored: %s: %s",
                            zseq_strerror (rc), zseq_detail ());
}

//  A child's function on a handle of its own.
typedef struct {
    s_group_t *group;
    int (*run) (s_user_t *self);
} s_task_t;

static int
s_task_run (void *arg)
{
    const s_task_t *task = arg;
    s_user_t *self = calloc (1, sizeof *self);
    if (!self) {
        zseq_bench_fail ("out of memory");
        return 1;
    }
    self->group = task->group;
    self->client = zseq_client_new (self->group->load->uri);
    self->kv = s_kv_new (self->client, self->group->load->timeout_ms);
    int rc = self->kv ? task->run (self)
                      : zseq_bench_fail ("%s: %s", self->group->load->uri,
                                         zseq_detail ());
    zseq_kv_destroy (&self->kv);
    zseq_client_destroy (&self->client);
    free (self);
    return rc == 0 ? 0 : 1;
}

static int
s_run_task (s_group_t *group, zseq_bench_children_t *children, const char *what,
            int (*run) (s_user_t *self))
{
    s_task_t task = {group, run};
    pid_t pid = zseq_bench_children_fork (children, what, s_task_run, &task);
    return pid > 0 ? zseq_bench_children_finish (children, pid) : -1;
}

//  Starts to store so many keys.
static int
s_fill_start (s_user_t *self, size_t first, size_t count)
{
    size_t size = self->group->load->one->size;
    int rc = ZSEQ_OK;
    s_make_value (self->value, size, 0);
    for (size_t i = first; i < first + count && rc == ZSEQ_OK; i++) {
        char key[KEY_SIZE + 1];
        s_make_key (self->group->load->one, i, key);
        rc = zseq_start_kv_put (self->kv, key, KEY_SIZE, self->value, size, i);
    }
    return rc == ZSEQ_OK
             ? 0
             : zseq_bench_fail ("keys cannot be stored: %s", zseq_detail ());
}

//  Waits until they are stored; what failed is tried again.
static int
s_fill_finish (s_user_t *self, size_t count)
{
    int rc = 0;
    while (count > 0 && rc == 0) {
        zseq_ended_t ended;
        struct pollfd fd = {zseq_client_fd (self->client), POLLIN, 0};
        if (zseq_client_collect (self->client, &ended, 1) == 0)
            (void) poll (&fd, 1, -1);
        else {
            count--;
            if (ended.rc != ZSEQ_OK)
                rc = s_store (self, (size_t) ended.tag);
        }
    }
    return rc;
}

//  Stores all keys, some at once.
static int
s_fill (s_user_t *self)
{
    const zseq_bench_kv_case_t *one = self->group->load->one;
    size_t left = one->keys > 0 ? one->keys : one->clients;
    int rc = 0;
    while (left > 0 && rc == 0) {
        size_t count = left < FILL_AT_ONCE ? left : FILL_AT_ONCE;
        left -= count;
        rc = s_fill_start (self, left, count);
        if (rc == 0)
            rc = s_fill_finish (self, count);
    }
    return rc;
}

//  Sets the counter to 0.
static int
s_reset (s_user_t *self)
{
    return s_store (self, 0);
}

//  No increment may be lost, and none done twice.
static int
s_check_sum (s_user_t *self)
{
    char key[KEY_SIZE + 1];
    zseq_kv_info_t info;
    s_make_key (self->group->load->one, 0, key);
    int rc = s_get (self, key, &info);
    if (rc != ZSEQ_OK)
        return zseq_bench_fail ("the counter: %s: %s", zseq_strerror (rc),
                                zseq_detail ());
    uint64_t found = strtoull (self->value, NULL, 10);
    uint64_t sum = atomic_load (&self->group->shared->sum);
    uint64_t maybe = atomic_load (&self->group->shared->sum_maybe);
    if (found >= sum && found <= sum + maybe)
        return 0;
    return zseq_bench_fail ("increments: %llu done, %llu unknown, %llu found",
                            (unsigned long long) sum,
                            (unsigned long long) maybe,
                            (unsigned long long) found);
}

//  The bench's own process.

static int
s_group_init (s_group_t *self, const zseq_bench_kv_load_t *load)
{
    *self = (s_group_t){.load = load};
    pthread_mutex_init (&self->lock, NULL);
    self->shared = mmap (NULL, sizeof *self->shared, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return self->shared == MAP_FAILED ? zseq_bench_fail ("out of memory") : 0;
}

static void
s_group_term (s_group_t *self)
{
    munmap (self->shared, sizeof *self->shared);
    pthread_mutex_destroy (&self->lock);
}

int
zseq_bench_kv_load_fill (const zseq_bench_kv_load_t *self,
                         zseq_bench_children_t *children)
{
    assert (self);
    assert (children);
    s_group_t group;
    if (s_group_init (&group, self) != 0)
        return -1;
    int rc = s_run_task (&group, children, "who stores the keys", s_fill);
    s_group_term (&group);
    return rc;
}

static void
s_midway (void *arg)
{
    const s_group_t *group = arg;
    atomic_store (&group->shared->mark_ns, zseq_bench_now_ns ());
    group->load->midway (group->load->midway_arg);
}

static int
s_run (s_group_t *group, zseq_bench_children_t *children,
       zseq_bench_kv_sample_t *sample)
{
    const zseq_bench_kv_load_t *self = group->load;
    zseq_bench_load_t load = {
      .operation = &s_user,
      .arg = &group,
      .processes = 1,
      .threads = self->one->clients,
      .stretch = 1,
      .seconds = self->one->requests > 0 ? LIMIT_S : self->seconds,
      .burst = self->one->requests / self->one->clients,
      .limit_s = self->one->requests > 0 ? LIMIT_S : 0,
      .nodes = self->nodes,
      .node_count = self->node_count,
      .midway = self->midway ? s_midway : NULL,
      .midway_arg = group,
    };
    bool counter = self->one->op == ZSEQ_BENCH_KV_CAS;
    if (counter &&
        s_run_task (group, children, "who resets the counter", s_reset) != 0)
        return -1;
    if (zseq_bench_load_run (&load, children, &sample->load) != 0)
        return -1;
    sample->gap_ns = atomic_load (&group->shared->gap_ns);
    return counter ? s_run_task (group, children, "who checks the counter",
                                 s_check_sum)
                   : 0;
}

int
zseq_bench_kv_load_run (const zseq_bench_kv_load_t *self,
                        zseq_bench_children_t *children,
                        zseq_bench_kv_sample_t *sample)
{
    assert (self);
    assert (self->one->clients <= ZSEQ_BENCH_THREADS_MAX);
    assert (children);
    assert (sample);
    s_group_t group;
    if (s_group_init (&group, self) != 0)
        return -1;
    int rc = s_run (&group, children, sample);
    s_group_term (&group);
    return rc;
}
