#include "zseq_kvstate.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "zseq_fixture.h"
#include "zseq_kvstore_format.h"
#include "zseq_kvstore_private.h"

//  What all groups remember of KVSTATE_PEER. So the store writes it with the
//  first one, and then only because segments may be deleted.
#define HEARD 77

static char s_text[16 * ZSEQ_STORE_TEXT_MAX];

zseq_slice_t
kvstate_key (size_t key)
{
    static const char *const keys[KVSTATE_KEYS] = {
      "apples", "beans", "cherries", "dates", "eggs", "figs", "grapes", "hops"};
    return (zseq_slice_t){keys[key], strlen (keys[key])};
}

static size_t
s_index (zseq_slice_t key)
{
    for (size_t i = 0; i < KVSTATE_KEYS; i++)
        if (zseq_kvstore_key_compare (kvstate_key (i), key) == 0)
            return i;
    assert (false);
    return 0;
}

void
kvstate_term (kvstate_t *self)
{
    for (size_t i = 0; i < KVSTATE_KEYS; i++)
        zseq_register_release (&self->reg[i]);
}

static bool
s_drops (unsigned counter)
{
    return counter % 5 == 0 && counter % 2 == 1;
}

kvstate_counters_t
kvstate_count (const kvstate_t *self)
{
    kvstate_counters_t counters = {{0}};
    for (size_t i = 0; i < KVSTATE_KEYS; i++)
        if (self->reg[i])
            counters.counter[i] = (uint16_t) self->reg[i]->record.version;
    for (size_t i = 0; i < KVSTATE_PROMISES; i++)
        counters.counter[KVSTATE_KEYS + i] =
          (uint16_t) self->promise[zseq_kv_shard (kvstate_key (i))].round;
    return counters;
}

void
kvstate_set_small (zseq_kvstore_t *kv)
{
    zseq_kvstore_sizes_t sizes = {
      .segment = 4096, .payload = 1024, .piece = 512, .ahead = 1024};
    zseq_kvstore_set_sizes (kv, &sizes);
}

//  Bytes of a value: known from its version.
static void
s_fill (char *value, size_t key, uint64_t version, size_t size)
{
    for (size_t i = 0; i < size; i++)
        value[i] = (char) (31 * key + 7 * version + i);
}

zseq_register_t *
kvstate_register (size_t key, uint64_t version, size_t size)
{
    char value[ZSEQ_VALUE_MAX];
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, kvstate_key (key), 0);
    record.proposal = (zseq_proposal_t){{1, 0xb0b01}, version};
    record.tombstone = version % 7 == 0;
    record.copied = version % 11 == 0;
    record.version = version;
    record.from = version / 2;
    record.dedup_count = (uint8_t) (version % 4);
    for (size_t i = 0; i < record.dedup_count; i++)
        record.dedup[i] = (zseq_dedup_t){1000 * version + i, version - i};
    s_fill (value, key, version, size);
    if (!record.tombstone)
        record.value = (zseq_slice_t){value, size};
    zseq_register_t *reg = zseq_register_new (&record);
    assert (reg);
    return reg;
}

//  What a script says was dropped where a ballot was promised.
static uint64_t
s_dropped (const zseq_ballot_t *promise)
{
    return 3 * (uint64_t) promise->round;
}

//  Loading.

static int
s_take_promise (uint8_t shard, const zseq_ballot_t *ballot, uint64_t dropped,
                void *arg)
{
    assert (dropped == s_dropped (ballot));
    ((kvstate_t *) arg)->promise[shard] = *ballot;
    return ZSEQ_OK;
}

//  Aborts unless the record is exactly what the script writes.
static void
s_assert_whole (const zseq_kv_record_t *record)
{
    size_t key = s_index (record->key);
    zseq_register_t *expected =
      kvstate_register (key, record->version, record->value.size);
    assert (record->tombstone == expected->record.tombstone);
    assert (record->copied == expected->record.copied);
    assert (record->from == expected->record.from);
    assert (record->dedup_count == expected->record.dedup_count);
    assert (memcmp (record->dedup, expected->record.dedup,
                    sizeof record->dedup) == 0);
    assert (record->value.size == expected->record.value.size);
    assert (record->value.size == 0 ||
            memcmp (record->value.data, expected->record.value.data,
                    record->value.size) == 0);
    zseq_register_release (&expected);
}

static int
s_take_record (uint8_t shard, const zseq_kv_record_t *record, void *arg)
{
    kvstate_t *state = arg;
    size_t key = s_index (record->key);
    assert (shard == zseq_kv_shard (record->key));
    s_assert_whole (record);
    zseq_register_release (&state->reg[key]);
    state->reg[key] = zseq_register_new (record);
    assert (state->reg[key]);
    return ZSEQ_OK;
}

static int
s_take_dropped (uint8_t shard, zseq_slice_t key,
                const zseq_proposal_t *proposal, uint64_t version, void *arg)
{
    kvstate_t *state = arg;
    (void) shard;
    assert (proposal->seq > 0);
    assert (version == proposal->seq);
    zseq_register_release (&state->reg[s_index (key)]);
    return ZSEQ_OK;
}

static int
s_take_cleared (uint8_t shard, void *arg)
{
    kvstate_t *state = arg;
    state->promise[shard] = (zseq_ballot_t){0, 0};
    for (size_t i = 0; i < KVSTATE_KEYS; i++)
        if (zseq_kv_shard (kvstate_key (i)) == shard)
            zseq_register_release (&state->reg[i]);
    return ZSEQ_OK;
}

static int
s_take_heard (uint8_t node, const zseq_journal_end_t *end, void *arg)
{
    kvstate_t *state = arg;
    assert (node == KVSTATE_PEER);
    assert (end->incarnation.counter == 3);
    assert (end->incarnation.random == 0xdead);
    (void) zseq_journal_end_raise (&state->heard, end);
    return ZSEQ_OK;
}

static void
s_take_damage (const char *text, void *arg)
{
    (void) arg;
    assert (text[0]);
    size_t size = strlen (s_text);
    snprintf (s_text + size, sizeof s_text - size, "%s\n", text);
}

int
kvstate_open (zseq_store_t **store_p, zseq_kvstore_t **kv_p, uint64_t heard,
              kvstate_t *state, zseq_kvstore_load_result_t *result)
{
    const zseq_kvstore_load_callbacks_t callbacks = {
      s_take_promise, s_take_record, s_take_dropped, s_take_cleared,
      s_take_heard,   s_take_damage, state};
    memset (state, 0, sizeof *state);
    memset (result, 0, sizeof *result);
    s_text[0] = 0;
    *store_p = zseq_store_new (fixture_node ());
    *kv_p = NULL;
    int rc = fixture_load (*store_p, NULL);
    if (rc == ZSEQ_OK) {
        *kv_p = zseq_kvstore_new (*store_p);
        kvstate_set_small (*kv_p);
        rc = zseq_kvstore_load (*kv_p, FIXTURE_IDENTITY, 1, heard, &callbacks,
                                result);
        if (rc != ZSEQ_OK)
            snprintf (s_text, sizeof s_text, "%s", zseq_kvstore_text (*kv_p));
    }
    else
        snprintf (s_text, sizeof s_text, "%s", fixture_text ());
    if (rc == ZSEQ_OK && result->damaged == 0) {
        //  Whatever segment it was written to, which may be deleted.
        assert (state->heard.position == HEARD || result->position == 0);
        return ZSEQ_OK;
    }
    if (rc == ZSEQ_OK)
        return ZSEQ_EDAMAGED;
    kvstate_term (state);
    zseq_kvstore_destroy (kv_p);
    zseq_store_destroy (store_p);
    return rc;
}

const char *
kvstate_text (void)
{
    return s_text;
}

int
kvstate_check (uint64_t heard, kvstate_counters_t *counters,
               zseq_kvstore_load_result_t *result)
{
    zseq_store_t *store;
    zseq_kvstore_t *kv;
    kvstate_t state;
    zseq_kvstore_load_result_t mine;
    int rc = kvstate_open (&store, &kv, heard, &state, result ? result : &mine);
    if (rc == ZSEQ_OK && counters)
        *counters = kvstate_count (&state);
    kvstate_term (&state);
    zseq_kvstore_destroy (&kv);
    zseq_store_destroy (&store);
    return rc;
}

//  The script.

typedef struct {
    zseq_kvstore_t *kv;
    kvstate_report_t *report;
    kvstate_t state;
    uint16_t counter[KVSTATE_COUNTERS];
    unsigned seed;
    zseq_register_t **shot;  //  Registers of the snapshot under way
    size_t shot_count;
    zseq_kv_group_t *held[64];  //  Groups that are not complete
    size_t held_count;
    uint64_t collected;
    void (*on_durable) (uint64_t position, void *arg);
    void *arg;
} s_script_t;

static int
s_compare_registers (const void *a, const void *b)
{
    const zseq_register_t *x = *(zseq_register_t *const *) a;
    const zseq_register_t *y = *(zseq_register_t *const *) b;
    return zseq_kvstore_key_compare (x->record.key, y->record.key);
}

static void
s_answer_due (s_script_t *self, uint8_t shard)
{
    self->shot = calloc (KVSTATE_KEYS, sizeof (zseq_register_t *));
    assert (self->shot);
    self->shot_count = 0;
    for (size_t i = 0; i < KVSTATE_KEYS; i++)
        if (self->state.reg[i] && zseq_kv_shard (kvstate_key (i)) == shard)
            self->shot[self->shot_count++] =
              zseq_register_own (self->state.reg[i]);
    qsort (self->shot, self->shot_count, sizeof *self->shot,
           s_compare_registers);
    zseq_kvstore_snapshot (self->kv, shard, &self->state.promise[shard],
                           s_dropped (&self->state.promise[shard]), self->shot,
                           self->shot_count);
}

static void
s_release_shot (s_script_t *self)
{
    for (size_t i = 0; i < self->shot_count; i++)
        zseq_register_release (&self->shot[i]);
    free (self->shot);
    self->shot = NULL;
    self->shot_count = 0;
}

static void
s_note_written (s_script_t *self, const zseq_kvstore_done_t *done)
{
    kvstate_report_t *report = self->report;
    assert (done->position > self->collected);
    self->collected = done->position;
    report->refused += done->status == ZSEQ_ENOSPACE;
    report->fatal += done->status == ZSEQ_EIO;
    if (report->fatal > 0 && done->status != ZSEQ_EIO)
        report->after_fatal = true;
    if (done->status != ZSEQ_OK)
        return;
    report->durable = done->position;
    if (self->on_durable)
        self->on_durable (done->position, self->arg);
}

static void
s_note (s_script_t *self, const zseq_kvstore_done_t *done)
{
    kvstate_report_t *report = self->report;
    switch (done->type) {
    case ZSEQ_KVSTORE_WRITTEN:
        s_note_written (self, done);
        break;
    case ZSEQ_KVSTORE_DUE:
        s_answer_due (self, done->shard);
        break;
    case ZSEQ_KVSTORE_SNAPPED:
        report->snapshots += done->status == ZSEQ_OK;
        report->refused += done->status == ZSEQ_ENOSPACE;
        s_release_shot (self);
        break;
    case ZSEQ_KVSTORE_CHECKED:
        report->checked++;
        report->pieces = done->pieces;
        if (done->status == ZSEQ_EDAMAGED && report->damaged++ == 0)
            zseq_kvstore_check_text (self->kv, report->damage);
        break;
    case ZSEQ_KVSTORE_FAILED:
        report->fatal++;
        break;
    }
}

//  Waits until all groups up to position are complete, and takes what else
//  there is.
static void
s_wait (s_script_t *self, uint64_t position)
{
    while (true) {
        zseq_kvstore_done_t done[4];
        size_t count = zseq_kvstore_collect (self->kv, done, 4);
        for (size_t i = 0; i < count; i++)
            s_note (self, &done[i]);
        if (count > 0)
            continue;
        if (self->collected >= position)
            return;
        struct pollfd fd = {zseq_kvstore_fd (self->kv), POLLIN, 0};
        int rc = poll (&fd, 1, -1);
        assert (rc == 1);
    }
}

//  Changes a key or a promise at random.
static zseq_kv_change_t
s_change (s_script_t *self)
{
    size_t what = (size_t) rand_r (&self->seed) % KVSTATE_COUNTERS;
    unsigned counter = ++self->counter[what];
    zseq_kv_change_t change = {.type = ZSEQ_KV_CHANGE_PROMISE};
    if (what >= KVSTATE_KEYS) {
        change.shard = zseq_kv_shard (kvstate_key (what - KVSTATE_KEYS));
        change.promise = (zseq_ballot_t){counter, 0xb0b01};
        change.dropped = s_dropped (&change.promise);
        self->state.promise[change.shard] = change.promise;
        return change;
    }
    zseq_register_t **reg = &self->state.reg[what];
    if (s_drops (counter) && *reg) {
        change.type = ZSEQ_KV_CHANGE_DROPPED;
        change.accepted = *reg;
        *reg = NULL;
        return change;
    }
    zseq_register_release (reg);
    *reg =
      kvstate_register (what, counter, (size_t) rand_r (&self->seed) % 150);
    change.type = ZSEQ_KV_CHANGE_RECORD;
    change.accepted = zseq_register_own (*reg);
    return change;
}

//  Makes a group of changes, which becomes an owner of their registers in place
//  of the caller.
static zseq_kv_group_t *
s_make_group (uint64_t position, const zseq_kv_change_t *changes, size_t count)
{
    zseq_kv_group_t *group = zseq_kv_group_new (position, count);
    assert (group);
    for (size_t i = 0; i < count; i++)
        group->changes[group->count++] = changes[i];
    group->heard[KVSTATE_PEER] = (zseq_journal_end_t){{3, 0xdead}, HEARD};
    return group;
}

//  Submits changes at the next position.
static void
s_submit_changes (s_script_t *self, const zseq_kv_change_t *changes,
                  size_t count)
{
    kvstate_report_t *report = self->report;
    uint64_t position = report->submitted + 1;
    assert (position < KVSTATE_POSITIONS);
    assert (self->held_count < sizeof self->held / sizeof *self->held);
    zseq_kv_group_t *group = s_make_group (position, changes, count);
    self->held[self->held_count++] = group;
    report->after[position] = kvstate_count (&self->state);
    report->submitted = position;
    int rc = zseq_kvstore_submit (self->kv, group);
    assert (rc == ZSEQ_OK);
}

//  Submits a group.
static void
s_submit (s_script_t *self)
{
    zseq_kv_change_t changes[3];
    size_t count = 1 + (size_t) rand_r (&self->seed) % 3;
    for (size_t i = 0; i < count; i++)
        changes[i] = s_change (self);
    s_submit_changes (self, changes, count);
}

//  After a refusal: all that the node holds, in groups of its own, so that what
//  was refused is durable after all.
static void
s_submit_all (s_script_t *self)
{
    for (size_t i = 0; i < KVSTATE_KEYS + KVSTATE_PROMISES; i++) {
        zseq_kv_change_t change = {.type = ZSEQ_KV_CHANGE_PROMISE};
        if (i >= KVSTATE_KEYS) {
            change.shard = zseq_kv_shard (kvstate_key (i - KVSTATE_KEYS));
            change.promise = self->state.promise[change.shard];
            change.dropped = s_dropped (&change.promise);
        }
        else if (self->state.reg[i]) {
            change.type = ZSEQ_KV_CHANGE_RECORD;
            change.accepted = zseq_register_own (self->state.reg[i]);
        }
        else {
            change.type = ZSEQ_KV_CHANGE_DROPPED;
            change.accepted = kvstate_register (i, 1, 1);
        }
        s_submit_changes (self, &change, 1);
    }
}

static void
s_step (s_script_t *self)
{
    kvstate_report_t *report = self->report;
    size_t refused = report->refused;
    size_t groups = rand_r (&self->seed) % 4 == 0 ? 3 : 1;
    for (size_t i = 0; i < groups; i++)
        s_submit (self);
    s_wait (self, report->submitted);
    if (report->refused > refused && !report->fatal) {
        refused = report->refused;
        s_submit_all (self);
        s_wait (self, report->submitted);
    }
    while (self->held_count > 0)
        zseq_kv_group_destroy (&self->held[--self->held_count]);
    if (!report->fatal && report->refused == refused)
        report->acknowledged = report->submitted;
}

//  Opens the directory.
static s_script_t *
s_script_new (kvstate_report_t *report, zseq_store_t **store_p)
{
    s_script_t *self = calloc (1, sizeof *self);
    assert (self);
    self->report = report;
    self->seed = 4711 + (unsigned) report->submitted;
    zseq_kvstore_load_result_t result;
    int rc = kvstate_open (store_p, &self->kv, 0, &self->state, &result);
    if (rc != ZSEQ_OK)
        fprintf (stderr, "%d: %s\n", rc, s_text);
    assert (rc == ZSEQ_OK);
    kvstate_counters_t counters = kvstate_count (&self->state);
    memcpy (self->counter, counters.counter, sizeof self->counter);
    rc = zseq_kvstore_start (self->kv);
    assert (rc == ZSEQ_OK);
    return self;
}

static void
s_script_destroy (s_script_t **self_p, zseq_store_t **store_p)
{
    s_script_t *self = *self_p;
    if (self->report->fatal && !zseq_kvstore_text (self->kv)[0])
        self->report->after_fatal = true;
    zseq_kvstore_destroy (&self->kv);
    zseq_store_destroy (store_p);
    s_release_shot (self);
    while (self->held_count > 0)
        zseq_kv_group_destroy (&self->held[--self->held_count]);
    kvstate_term (&self->state);
    free (self);
    *self_p = NULL;
}

void
kvstate_play (kvstate_report_t *report, size_t snapshots, size_t groups,
              void (*on_durable) (uint64_t position, void *arg), void *arg)
{
    zseq_store_t *store;
    s_script_t *self = s_script_new (report, &store);
    self->on_durable = on_durable;
    self->arg = arg;
    uint64_t first = report->submitted;
    while (
      !report->fatal && report->submitted < KVSTATE_POSITIONS - 50 &&
      (report->snapshots < snapshots || report->submitted - first < groups))
        s_step (self);
    s_script_destroy (&self, &store);
}

//  Reads back the next piece.
static void
s_read_back (s_script_t *self)
{
    size_t checked = self->report->checked;
    zseq_kvstore_check (self->kv);
    while (self->report->checked == checked) {
        zseq_kvstore_done_t done;
        while (zseq_kvstore_collect (self->kv, &done, 1) > 0)
            s_note (self, &done);
        struct pollfd fd = {zseq_kvstore_fd (self->kv), POLLIN, 0};
        int rc = self->report->checked == checked ? poll (&fd, 1, -1) : 1;
        assert (rc == 1);
    }
}

void
kvstate_read_back (kvstate_report_t *report, size_t groups,
                   void (*change) (void *arg), void *arg)
{
    zseq_store_t *store;
    s_script_t *self = s_script_new (report, &store);
    while (groups-- > 0)
        s_step (self);
    change (arg);
    size_t damaged = report->damaged;
    for (size_t clean = 0; clean <= 2 * report->pieces + ZSEQ_SHARDS; clean++) {
        s_read_back (self);
        if (report->damaged > damaged)
            clean = 0;
        damaged = report->damaged;
    }
    s_script_destroy (&self, &store);
}

void
kvstate_read_back_in_use (kvstate_report_t *report, size_t pieces)
{
    zseq_store_t *store;
    s_script_t *self = s_script_new (report, &store);
    while (pieces-- > 0) {
        s_step (self);
        s_read_back (self);
    }
    s_script_destroy (&self, &store);
}

kvstate_report_t *
kvstate_report_new (void)
{
    kvstate_report_t *report =
      mmap (NULL, sizeof *report, PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert (report != MAP_FAILED);
    return report;
}

int
kvstate_write (zseq_kvstore_t *kv, uint64_t position,
               const zseq_kv_change_t *changes, size_t count)
{
    zseq_kv_group_t *group = s_make_group (position, changes, count);
    for (size_t i = 0; i < count; i++)
        if (group->changes[i].accepted)
            (void) zseq_register_own (group->changes[i].accepted);
    int rc = zseq_kvstore_submit (kv, group);
    assert (rc == ZSEQ_OK);
    zseq_kvstore_done_t done = {.type = ZSEQ_KVSTORE_FAILED};
    while (done.type != ZSEQ_KVSTORE_WRITTEN || done.position != position) {
        struct pollfd fd = {zseq_kvstore_fd (kv), POLLIN, 0};
        rc = poll (&fd, 1, -1);
        assert (rc == 1);
        (void) zseq_kvstore_collect (kv, &done, 1);
    }
    zseq_kv_group_destroy (&group);
    return done.status;
}
