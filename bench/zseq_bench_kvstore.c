//  zseq-bench-kvstore DIRECTORY [SECONDS]
//
//  Times groups of the key-value store's disk: how long a group of 1 and of 32
//  records (256 bytes each with all that a node keeps of them) takes until it
//  is durable, with one store and with three at once, each a process of its own
//  with a directory of its own below DIRECTORY, which it makes and removes.
//
//  Prints for each case the median and the 99th percentile in microseconds, and
//  records a second of all stores.

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zseq_clock.h"
#include "zseq_kvstore.h"

#define STORES_MAX 3
#define RECORDS_MAX 32
#define KEYS 4096
#define SAMPLES_MAX (1u << 20)
#define VALUE_SIZE 200
#define IDENTITY 0x1122334455667788u
#define SECONDS 5

//  What a process has measured, in shared memory.
typedef struct {
    size_t count;
    uint64_t snapshots;
    uint64_t elapsed_us;
    uint32_t us[SAMPLES_MAX];
} s_samples_t;

//  The store that a process times, and what its node holds.
typedef struct {
    zseq_store_t *store;
    zseq_kvstore_t *kv;
    zseq_register_t *reg[KEYS];
    zseq_register_t **shot;
    size_t shot_count;
    s_samples_t *samples;
} s_node_t;

static void
s_fail (const char *what, const char *why)
{
    fprintf (stderr, "%s: %s\n", what, why);
    exit (1);
}

//  Makes a node of a formed cluster.
static void
s_format (const char *directory)
{
    const zseq_member_t member = {"a", "tcp://127.0.0.1:19001"};
    zseq_members_t members;
    zseq_record_t record;
    int rc = zseq_members_init (&members, &member, 1);
    assert (rc == ZSEQ_OK);
    rc = zseq_record_init (&record, "bench", "a", &members, 1);
    assert (rc == ZSEQ_OK);
    record.identity = IDENTITY;
    zseq_store_t *store = zseq_store_new (directory);
    assert (store);
    if (zseq_store_format (store, &record) != ZSEQ_OK)
        s_fail (directory, zseq_store_text (store));
    zseq_store_destroy (&store);
}

//  The directory is new: there is nothing to take.
static int
s_take_name (const char *name, size_t size, uint64_t next, uint64_t durable_to,
             void *arg)
{
    (void) name;
    (void) size;
    (void) next;
    (void) durable_to;
    (void) arg;
    return ZSEQ_OK;
}

static int
s_take_promise (uint8_t shard, const zseq_ballot_t *ballot, uint64_t dropped,
                void *arg)
{
    (void) shard;
    (void) ballot;
    (void) dropped;
    (void) arg;
    return ZSEQ_OK;
}

static int
s_take_record (uint8_t shard, const zseq_kv_record_t *record, void *arg)
{
    (void) shard;
    (void) record;
    (void) arg;
    return ZSEQ_OK;
}

static int
s_take_dropped (uint8_t shard, zseq_slice_t key,
                const zseq_proposal_t *proposal, uint64_t version, void *arg)
{
    (void) shard;
    (void) key;
    (void) proposal;
    (void) version;
    (void) arg;
    return ZSEQ_OK;
}

static int
s_take_cleared (uint8_t shard, void *arg)
{
    (void) shard;
    (void) arg;
    return ZSEQ_OK;
}

static void
s_open (s_node_t *self, const char *directory)
{
    const zseq_store_load_callbacks_t names = {.name = s_take_name};
    const zseq_kvstore_load_callbacks_t keys = {.promise = s_take_promise,
                                                .record = s_take_record,
                                                .dropped = s_take_dropped,
                                                .cleared = s_take_cleared};
    zseq_record_t record;
    zseq_store_load_result_t loaded;
    zseq_kvstore_load_result_t kv_loaded;
    self->store = zseq_store_new (directory);
    assert (self->store);
    if (zseq_store_open (self->store, &record) != ZSEQ_OK ||
        zseq_store_load (self->store, &names, &loaded) != ZSEQ_OK)
        s_fail (directory, zseq_store_text (self->store));
    self->kv = zseq_kvstore_new (self->store);
    assert (self->kv);
    if (zseq_kvstore_load (self->kv, IDENTITY, 0, 0, &keys, &kv_loaded) !=
          ZSEQ_OK ||
        zseq_kvstore_start (self->kv) != ZSEQ_OK)
        s_fail (directory, zseq_kvstore_text (self->kv));
}

//  Writes a key's next record.
static zseq_register_t *
s_write (s_node_t *self, size_t index, uint64_t version)
{
    static const char value[VALUE_SIZE] = "a value";
    char key[32];
    int size = snprintf (key, sizeof key, "bench/%06zu", index);
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, (zseq_slice_t){key, (size_t) size}, 0);
    record.proposal = (zseq_proposal_t){{1, 1}, version};
    record.version = version;
    record.dedup_count = 1;
    record.dedup[0] = (zseq_dedup_t){version, version};
    record.value = (zseq_slice_t){value, sizeof value};
    zseq_register_release (&self->reg[index]);
    self->reg[index] = zseq_register_new (&record);
    assert (self->reg[index]);
    return zseq_register_own (self->reg[index]);
}

//  Keys have one length and ascend with their index.
static void
s_snap (s_node_t *self, uint8_t shard)
{
    const zseq_ballot_t promise = {1, 1};
    self->shot = calloc (KEYS, sizeof (zseq_register_t *));
    assert (self->shot);
    self->shot_count = 0;
    for (size_t i = 0; i < KEYS; i++)
        if (self->reg[i] && zseq_kv_shard (self->reg[i]->record.key) == shard)
            self->shot[self->shot_count++] = zseq_register_own (self->reg[i]);
    zseq_kvstore_snapshot (self->kv, shard, &promise, 0, self->shot,
                           self->shot_count);
}

static void
s_release_shot (s_node_t *self)
{
    for (size_t i = 0; i < self->shot_count; i++)
        zseq_register_release (&self->shot[i]);
    free (self->shot);
    self->shot = NULL;
    self->shot_count = 0;
}

//  Takes what there is. Returns whether the group at position is durable.
static bool
s_collect (s_node_t *self, uint64_t position)
{
    zseq_kvstore_done_t done;
    bool durable = false;
    while (zseq_kvstore_collect (self->kv, &done, 1) == 1) {
        if (done.status != ZSEQ_OK)
            s_fail ("the store", zseq_strerror (done.status));
        durable |=
          done.type == ZSEQ_KVSTORE_WRITTEN && done.position == position;
        if (done.type == ZSEQ_KVSTORE_DUE)
            s_snap (self, done.shard);
        if (done.type == ZSEQ_KVSTORE_SNAPPED) {
            s_release_shot (self);
            self->samples->snapshots++;
        }
    }
    return durable;
}

//  Submits a group and waits until it is durable. Returns the time.
static uint64_t
s_time_group (s_node_t *self, uint64_t position, size_t records)
{
    zseq_kv_group_t *group = zseq_kv_group_new (position, records);
    assert (group);
    for (size_t i = 0; i < records; i++)
        group->changes[group->count++] = (zseq_kv_change_t){
          .type = ZSEQ_KV_CHANGE_RECORD,
          .accepted =
            s_write (self, (position * records + i) % KEYS, position)};
    uint64_t start = zseq_clock_now_us ();
    int rc = zseq_kvstore_submit (self->kv, group);
    assert (rc == ZSEQ_OK);
    while (!s_collect (self, position)) {
        struct pollfd fd = {zseq_kvstore_fd (self->kv), POLLIN, 0};
        (void) poll (&fd, 1, -1);
    }
    uint64_t us = zseq_clock_now_us () - start;
    zseq_kv_group_destroy (&group);
    return us;
}

//  Times groups for some seconds.
static void
s_run (const char *directory, size_t records, uint64_t seconds,
       s_samples_t *samples)
{
    s_node_t *self = calloc (1, sizeof *self);
    assert (self);
    self->samples = samples;
    s_format (directory);
    s_open (self, directory);
    uint64_t start = zseq_clock_now_us ();
    uint64_t position = 0;
    do {
        samples->us[samples->count++] =
          (uint32_t) s_time_group (self, ++position, records);
        samples->elapsed_us = zseq_clock_now_us () - start;
    } while (samples->elapsed_us < seconds * 1000000 &&
             samples->count < SAMPLES_MAX);
    zseq_kvstore_destroy (&self->kv);
    zseq_store_destroy (&self->store);
    s_release_shot (self);
    for (size_t i = 0; i < KEYS; i++)
        zseq_register_release (&self->reg[i]);
    free (self);
}

static int
s_compare (const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *) a;
    uint32_t y = *(const uint32_t *) b;
    return (x > y) - (x < y);
}

static int
s_remove (const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void) info;
    (void) type;
    (void) walk;
    return remove (path);
}

//  Runs that many stores at once and prints what they measured.
static void
s_measure (const char *parent, size_t stores, size_t records, uint64_t seconds)
{
    s_samples_t *samples[STORES_MAX];
    pid_t child[STORES_MAX];
    char directory[STORES_MAX][4096];
    for (size_t i = 0; i < stores; i++) {
        snprintf (directory[i], sizeof directory[i], "%.4000s/bench-%ld-%zu",
                  parent, (long) getpid (), i);
        samples[i] = mmap (NULL, sizeof *samples[i], PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert (samples[i] != MAP_FAILED);
        child[i] = fork ();
        if (child[i] == 0) {
            s_run (directory[i], records, seconds, samples[i]);
            _exit (0);
        }
    }
    double rate = 0;
    uint64_t snapshots = 0;
    for (size_t i = 0; i < stores; i++) {
        int status;
        if (waitpid (child[i], &status, 0) != child[i] || status != 0)
            s_fail (directory[i], "its process failed");
        (void) nftw (directory[i], s_remove, 16, FTW_DEPTH | FTW_PHYS);
        rate += (double) (samples[i]->count * records) * 1e6 /
                (double) samples[i]->elapsed_us;
        snapshots += samples[i]->snapshots;
    }
    size_t count = samples[0]->count;
    qsort (samples[0]->us, count, sizeof samples[0]->us[0], s_compare);
    printf ("%zu at once, %2zu records a group: p50 %u us, p99 %u us, "
            "%.0f records/s, %lu snapshots\n",
            stores, records, samples[0]->us[count / 2],
            samples[0]->us[count - 1 - count / 100], rate, snapshots);
    for (size_t i = 0; i < stores; i++)
        munmap (samples[i], sizeof *samples[i]);
}

int
main (int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf (stderr, "usage: zseq-bench-kvstore DIRECTORY [SECONDS]\n");
        return 1;
    }
    uint64_t seconds = argc == 3 ? strtoull (argv[2], NULL, 10) : SECONDS;
    setvbuf (stdout, NULL, _IOLBF, 0);
    for (size_t stores = 1; stores <= STORES_MAX; stores += 2) {
        s_measure (argv[1], stores, 1, seconds);
        s_measure (argv[1], stores, RECORDS_MAX, seconds);
    }
    return 0;
}
