//  A node's PERSIST actions are gathered during its steps and go to the store
//  together in _flush; what the store has done comes back as events in
//  _take_written (S8: the node answers only then). In between, the host reads
//  back what the disk holds, one thing at a time, spread over scrub_us. Damage
//  that is found is logged, and the node writes that thing again.
//
//  A PERSIST_KV action goes to the store of the keys at once. That store needs
//  the identity of the cluster: it is loaded with the sequences; or, if the
//  node's record had no identity then, once a record that has one is durable,
//  and before the node hears of that.
//
//  See zseq_host.h for how to use it.

#include "zseq_host.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "zseq_clock.h"
#include "zseq_detail.h"
#include "zseq_host_kv.h"
#include "zseq_host_texts.h"
#include "zseq_store.h"
#include "zseq_store_disk.h"

#define LOG_MAX (ZSEQ_STORE_TEXT_MAX + 128)  //  Bytes of a line
#define WRITTEN_MAX 256
#define WAITING_MAX 65536
#define PREDECESSOR_RETRY_US 10000
#define DAMAGES_MAX 20  //  Lines logged about damage; the rest is counted

//  The shortest and longest time between two things that are read back.
#define SCRUB_US_MIN 50000
#define SCRUB_US_MAX 60000000

//  Reads back what is on the disk, one thing at a time: all sequences in the
//  order of their names, the node's record, the journals, and again.
typedef struct {
    zseq_check_type_t type;     //  What is read next
    uint64_t next_us;           //  When it is read
    bool waiting;               //  A check is under way
    bool overtaken;             //  ... and its name was written meanwhile
    zseq_sequence_t *sequence;  //  Checked now, or last; NULL: none yet
} s_scrub_t;

//  The same of the files of the keys, beside it.
typedef struct {
    uint64_t next_us;
    bool waiting;
    size_t pieces;  //  Of all files, when the last one was read
} s_scrub_keys_t;

struct zseq_host {
    zseq_host_options_t options;
    zseq_record_t record;  //  As it was read, or that of a lost node
    bool lost;             //  ... the latter
    size_t damages;
    char damage[ZSEQ_STORE_TEXT_MAX];  //  The first of them
    zseq_store_t *store;
    zseq_host_kv_t *kv;
    bool kv_loaded;       //  It is open
    uint64_t kv_version;  //  Else of the first record with an identity; 0:
                          //  there is none yet
    int poll_fd;          //  Readable while either store has completions
    zseq_node_t *node;
    zseq_write_t *writes;  //  Gathered by steps, handed over by _flush
    size_t write_count;
    size_t write_size;
    s_scrub_t scrub;
    s_scrub_keys_t scrub_keys;
    bool await_logged;   //  The wait for a predecessor is in the log
    uint64_t opened_us;  //  When wait_us begins to count
    int exit;            //  Why to end at once; or ZSEQ_OK
    char exit_text[ZSEQ_STORE_TEXT_MAX];
};

//  Unix milliseconds; 0 when the clock shows a time before 1970.
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

__attribute__ ((format (printf, 4, 5))) static void
s_log (const zseq_host_t *self, zseq_log_level_t level, const char *event,
       const char *format, ...)
{
    char text[LOG_MAX];
    va_list list;
    va_start (list, format);
    vsnprintf (text, sizeof text, format, list);
    va_end (list);
    zseq_log_line_t line = {.level = level, .event = event, .text = text};
    if (self->options.log)
        self->options.log (&line, self->options.arg);
}

//  Ends the node: logs why and keeps it. Only the first reason counts.
static void
s_exit (zseq_host_t *self, int rc, const char *text)
{
    if (self->exit)
        return;
    self->exit = rc;
    snprintf (self->exit_text, sizeof self->exit_text, "%s", text);
    s_log (self, ZSEQ_LOG (NODE_ENDS), text);
    (void) zseq_detail_fail (rc, "%s", text);
}

zseq_host_t *
zseq_host_new (const zseq_host_options_t *options)
{
    assert (options);
    assert (options->directory);
    assert (options->act);

    zseq_host_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->options = *options;
    self->poll_fd = -1;
    self->opened_us = zseq_clock_now_us ();
    self->store = zseq_store_new (options->directory);
    if (!self->store)
        zseq_host_destroy (&self);
    if (self && options->unsafe)
        zseq_store_allow_unsafe (self->store);
    if (self && options->guarded)
        zseq_store_refuse_shared (self->store);
    return self;
}

void
zseq_host_destroy (zseq_host_t **self_p)
{
    assert (self_p);

    zseq_host_t *self = *self_p;
    if (!self)
        return;
    zseq_host_kv_destroy (&self->kv);
    zseq_store_destroy (&self->store);
    zseq_node_destroy (&self->node);
    if (self->poll_fd >= 0)
        close (self->poll_fd);
    free (self->writes);
    free (self);
    *self_p = NULL;
}

//  The node's actions.

static void
s_add_write (zseq_host_t *self, const zseq_write_t *write)
{
    if (self->write_count == self->write_size) {
        size_t size = self->write_size ? self->write_size * 2 : 64;
        zseq_write_t *writes = realloc (self->writes, size * sizeof *writes);
        if (!writes) {
            s_exit (self, ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_WRITES);
            return;
        }
        self->writes = writes;
        self->write_size = size;
    }
    self->writes[self->write_count++] = *write;
}

//  The next of the sequence's record on disk: what is reserved begins there.
static uint64_t
s_next (const zseq_sequence_t *sequence, uint64_t durable_to)
{
    return sequence->seq.next < durable_to ? sequence->seq.next : durable_to;
}

static void
s_act (const zseq_action_t *action, void *arg)
{
    zseq_host_t *self = arg;
    switch (action->type) {
    case ZSEQ_ACTION_REPLY:
    case ZSEQ_ACTION_ASK:
        self->options.act (action, self->options.arg);
        break;
    case ZSEQ_ACTION_PERSIST: {
        if (action->sequence == self->scrub.sequence)
            self->scrub.overtaken = true;
        zseq_write_t write = {
          .name = zseq_sequence_name (action->sequence),
          .name_size = zseq_sequence_name_size (action->sequence),
          .journaled = action->sequence->journaled,
          .deferred = action->deferred,
          .next = s_next (action->sequence, action->durable_to),
          .durable_to = action->durable_to,
          .owner = action->sequence};
        s_add_write (self, &write);
        break;
    }
    case ZSEQ_ACTION_PERSIST_RECORD: {
        if (action->record->identity && self->kv_version == 0)
            self->kv_version = action->version;
        zseq_write_t write = {.record = action->record, .tag = action->version};
        s_add_write (self, &write);
        break;
    }
    case ZSEQ_ACTION_PERSIST_KV:
        assert (self->kv_loaded);
        if (!self->exit &&
            zseq_host_kv_submit (self->kv, action->group) != ZSEQ_OK)
            s_exit (self, ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_WRITES);
        break;
    case ZSEQ_ACTION_LOG:
        s_log (self, action->level, action->kind, "%s", action->text);
        break;
    case ZSEQ_ACTION_EXIT:
        s_exit (self, action->status, action->text);
        break;
    }
}

//  Opening.

//  The system does not signal that a lock is free, so the caller retries.
bool
zseq_host_await (zseq_host_t *self, int rc, const char *why)
{
    assert (self);
    assert (why);

    uint64_t now_us = zseq_clock_now_us ();
    if (rc != ZSEQ_ELOCKED || now_us - self->opened_us >= self->options.wait_us)
        return false;
    if (!self->await_logged)
        s_log (self, ZSEQ_LOG (WAITS_FOR_OTHER), why,
               (unsigned long long) self->options.wait_us / 1000000);
    self->await_logged = true;
    (void) usleep (PREDECESSOR_RETRY_US);
    return true;
}

//  Sets zseq_detail to the store's text. Returns rc.
static int
s_fail_store (const zseq_host_t *self, int rc)
{
    return zseq_detail_fail (rc, "%s", zseq_store_text (self->store));
}

int
zseq_host_open_or_format (zseq_host_t *self, const zseq_record_t *first)
{
    assert (self);
    assert (!self->node);

    int rc;
    do
        rc = zseq_store_open_or_format (self->store, first, &self->record);
    while (zseq_host_await (self, rc, zseq_store_text (self->store)));
    return rc == ZSEQ_OK ? rc : s_fail_store (self, rc);
}

int
zseq_host_open (zseq_host_t *self)
{
    return zseq_host_open_or_format (self, NULL);
}

int
zseq_host_open_lost (zseq_host_t *self, const zseq_record_t *record)
{
    assert (self);
    assert (record);
    assert (!self->node);

    self->record = *record;
    zseq_record_reset (&self->record, 0);
    self->lost = true;
    int rc;
    do
        rc = zseq_store_open_lost (self->store, self->record.self);
    while (zseq_host_await (self, rc, zseq_store_text (self->store)));
    return rc == ZSEQ_OK ? rc : s_fail_store (self, rc);
}

const zseq_record_t *
zseq_host_record (const zseq_host_t *self)
{
    assert (self);
    return &self->record;
}

//  Loading.

static int
s_load_name (const char *name, size_t size, uint64_t next, uint64_t durable_to,
             void *arg)
{
    zseq_host_t *self = arg;
    return zseq_node_load (self->node, name, size, next, durable_to);
}

static void
s_load_damage (const char *text, void *arg)
{
    zseq_host_t *self = arg;
    if (self->damages == 0)
        snprintf (self->damage, sizeof self->damage, "%s", text);
    if (++self->damages <= DAMAGES_MAX)
        s_log (self, ZSEQ_LOG (DAMAGE), text);
}

static void
s_load_progress (size_t count, size_t total, void *arg)
{
    s_log (arg, ZSEQ_LOG (LOADING), count, total > count ? total : count);
}

//  Loads the keys, if the disk has some of that cluster. What a repair makes is
//  loaded when it is made.
static int
s_load_kv (zseq_host_t *self, uint64_t identity)
{
    bool repaired = self->lost || self->damages;
    self->kv = zseq_host_kv_new (self->store, self->node);
    if (!self->kv)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_KEYS);
    //  A node that its cluster has not formed yet has no keys.
    if (repaired ? !zseq_host_kv_is_there (self->kv) : identity == 0)
        return ZSEQ_OK;
    uint64_t found = identity;
    int rc = zseq_host_kv_load (self->kv, &found, self->record.self,
                                s_load_damage, self);
    if (rc == ZSEQ_OK && identity == 0 && found)
        zseq_node_adopt (self->node, found);
    self->kv_loaded = rc == ZSEQ_OK && found;
    return rc;
}

//  Loads the sequences. identity_p: that of the cluster; 0: not known.
static int
s_load_sequences (zseq_host_t *self, uint64_t *identity_p)
{
    zseq_store_load_callbacks_t callbacks = {.name = s_load_name,
                                             .damage = s_load_damage,
                                             .progress = s_load_progress,
                                             .arg = self};
    zseq_store_load_result_t found;
    int rc = zseq_store_load (self->store, &callbacks, &found);
    if (rc == ZSEQ_EFULL)
        return zseq_detail_fail (rc, ZSEQ_TEXT_NAMES_MANY,
                                 self->options.directory,
                                 self->options.names_max);
    if (rc != ZSEQ_OK)
        return s_fail_store (self, rc);
    if (found.converted)
        s_log (self, ZSEQ_LOG (CONVERTED), self->options.directory,
               found.converted);
    *identity_p = self->record.identity;
    if (!self->record.identity && (self->lost || self->damages)) {
        *identity_p = found.identity;
        zseq_node_adopt (self->node, found.identity);
    }
    return ZSEQ_OK;
}

int
zseq_host_load (zseq_host_t *self)
{
    assert (self);
    assert (!self->node);

    zseq_node_limits_t limits = {.names_max = self->options.names_max,
                                 .waiting_max = WAITING_MAX,
                                 .reserve_us = self->options.reserve_us,
                                 .kv_bytes_max = self->options.kv_bytes_max
                                                   ? self->options.kv_bytes_max
                                                   : ZSEQ_KV_BYTES_MAX_DEFAULT};
    uint64_t seed;
    randombytes_buf (&seed, sizeof seed);
    self->node = zseq_node_new (&self->record, &limits, seed, s_act, self);
    if (!self->node)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_NODE);
    uint64_t identity = 0;
    int rc = s_load_sequences (self, &identity);
    if (rc == ZSEQ_OK)
        rc = s_load_kv (self, identity);
    if (rc == ZSEQ_OK && self->damages > DAMAGES_MAX)
        s_log (self, ZSEQ_LOG (DAMAGES_MORE), self->damages - DAMAGES_MAX);
    return rc;
}

const char *
zseq_host_damage (const zseq_host_t *self)
{
    assert (self);
    return self->damages ? self->damage : NULL;
}

zseq_node_t *
zseq_host_node (zseq_host_t *self)
{
    assert (self);
    assert (self->node);
    return self->node;
}

//  Has poll_fd report what a store reports. Errors: ZSEQ_EIO.
static int
s_watch (zseq_host_t *self, int fd)
{
    struct epoll_event events = {.events = EPOLLIN};
    if (epoll_ctl (self->poll_fd, EPOLL_CTL_ADD, fd, &events) == 0)
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EIO, ZSEQ_TEXT_HOST_NO_POLL,
                             self->options.directory, strerror (errno));
}

static int
s_start_kv (zseq_host_t *self)
{
    int rc = zseq_host_kv_start (self->kv);
    return rc == ZSEQ_OK ? s_watch (self, zseq_host_kv_fd (self->kv)) : rc;
}

int
zseq_host_start (zseq_host_t *self)
{
    assert (self);
    assert (self->node);

    int rc = zseq_store_start (self->store);
    if (rc != ZSEQ_OK)
        return s_fail_store (self, rc);
    self->poll_fd = zseq_store_above_standard (epoll_create1 (EPOLL_CLOEXEC));
    if (self->poll_fd < 0)
        return zseq_detail_fail (ZSEQ_EIO, ZSEQ_TEXT_HOST_NO_POLL,
                                 self->options.directory, strerror (errno));
    rc = s_watch (self, zseq_store_fd (self->store));
    if (rc == ZSEQ_OK && self->kv_loaded)
        rc = s_start_kv (self);
    return rc;
}

//  Running.

void
zseq_host_step (zseq_host_t *self, zseq_event_t *event)
{
    assert (self);
    assert (event);

    if (self->exit)
        return;
    event->now_us = zseq_clock_now_us ();
    event->wall_ms = s_wall_ms ();
    zseq_node_step (self->node, event);
}

//  Reading back.

static uint64_t
s_scrub_interval_us (const zseq_host_t *self, uint64_t things)
{
    uint64_t interval_us = self->options.scrub_us / things;
    if (interval_us > SCRUB_US_MAX)
        return SCRUB_US_MAX;
    return interval_us < SCRUB_US_MIN ? SCRUB_US_MIN : interval_us;
}

//  Chooses what to read back next. False: nothing this time.
static bool
s_scrub_choose (zseq_host_t *self, zseq_check_t *check)
{
    s_scrub_t *scrub = &self->scrub;
    *check = (zseq_check_t){.type = scrub->type};
    if (scrub->type != ZSEQ_CHECK_SEQUENCE)
        return true;
    zseq_sequence_t *sequence = scrub->sequence;
    sequence = sequence
                 ? zseq_node_above (self->node, zseq_sequence_name (sequence),
                                    zseq_sequence_name_size (sequence))
                 : zseq_node_above (self->node, "", 0);
    scrub->sequence = sequence;
    if (!sequence) {
        scrub->type = ZSEQ_CHECK_NODE;
        return false;
    }
    check->name = zseq_sequence_name (sequence);
    check->name_size = zseq_sequence_name_size (sequence);
    check->durable_to = sequence->durable_to;
    check->owner = sequence;
    //  A sequence that is being written is read in the next round.
    return sequence->journaled && !sequence->writing && !sequence->queued;
}

//  Starts to read back one thing, if that is due.
static void
s_scrub_sequences (zseq_host_t *self, uint64_t now_us)
{
    s_scrub_t *scrub = &self->scrub;
    if (scrub->waiting || now_us < scrub->next_us)
        return;
    bool first = scrub->next_us == 0;
    scrub->next_us =
      now_us + s_scrub_interval_us (self, zseq_node_count (self->node) + 2);
    zseq_check_t check;
    if (first || !s_scrub_choose (self, &check))
        return;
    scrub->overtaken = false;
    scrub->waiting = zseq_store_check (self->store, &check) == ZSEQ_OK;
}

static void
s_scrub_keys (zseq_host_t *self, uint64_t now_us)
{
    s_scrub_keys_t *scrub = &self->scrub_keys;
    if (!self->kv_loaded || scrub->waiting || now_us < scrub->next_us)
        return;
    scrub->waiting = scrub->next_us > 0;
    scrub->next_us = now_us + s_scrub_interval_us (self, scrub->pieces + 1);
    if (scrub->waiting)
        zseq_host_kv_check (self->kv);
}

static void
s_scrub (zseq_host_t *self)
{
    if (self->options.scrub_us == 0 || self->exit ||
        zseq_node_state (self->node) != ZSEQ_STATE_VOTING)
        return;
    uint64_t now_us = zseq_clock_now_us ();
    s_scrub_sequences (self, now_us);
    s_scrub_keys (self, now_us);
}

//  Goes on to the next kind of thing when the last of this kind was read.
static void
s_scrub_move_on (s_scrub_t *scrub, bool more)
{
    if (scrub->type == ZSEQ_CHECK_NODE)
        scrub->type = ZSEQ_CHECK_JOURNAL;
    else if (scrub->type == ZSEQ_CHECK_JOURNAL && !more)
        scrub->type = ZSEQ_CHECK_SEQUENCE;
}

//  Takes the result of a check. If what was read back is not what was written,
//  logs that, and has the node write it again.
static void
s_take_checked (zseq_host_t *self, const zseq_written_t *done)
{
    s_scrub_t *scrub = &self->scrub;
    zseq_check_type_t type = scrub->type;
    scrub->waiting = false;
    s_scrub_move_on (scrub, done->more);
    if (done->status != ZSEQ_EDAMAGED || scrub->overtaken)
        return;
    s_log (self, ZSEQ_LOG (SCRUB_DAMAGE), zseq_store_check_text (self->store),
           type == ZSEQ_CHECK_JOURNAL ? "" : ZSEQ_TEXT_SCRUB_REPAIRS);
    if (type == ZSEQ_CHECK_JOURNAL)
        return;
    zseq_event_t event = {.type = ZSEQ_EVENT_DAMAGED, .sequence = done->owner};
    zseq_host_step (self, &event);
}

//  Takes the result for a piece of the files of the keys.
static void
s_take_checked_keys (zseq_host_t *self, const zseq_kvstore_done_t *done)
{
    char text[ZSEQ_STORE_TEXT_MAX];
    self->scrub_keys.waiting = false;
    self->scrub_keys.pieces = done->pieces;
    if (done->status != ZSEQ_EDAMAGED)
        return;
    zseq_host_kv_check_text (self->kv, text);
    s_log (self, ZSEQ_LOG (SCRUB_DAMAGE), text, ZSEQ_TEXT_SCRUB_REPAIRS);
}

//  Opens the store of the keys that came with the identity of the cluster.
static void
s_open_kv (zseq_host_t *self)
{
    bool recovers = zseq_node_state (self->node) == ZSEQ_STATE_RECOVERING;
    const zseq_record_t *record = zseq_node_record (self->node);
    int rc = zseq_host_kv_load_new (self->kv, record->identity, record->self,
                                    recovers);
    if (rc == ZSEQ_OK)
        rc = s_start_kv (self);
    if (rc != ZSEQ_OK) {
        char text[ZSEQ_STORE_TEXT_MAX];
        snprintf (text, sizeof text, "%s", zseq_detail ());
        s_exit (self, rc, text);
        return;
    }
    self->kv_loaded = true;
}

//  Steps the node with a write that has ended.
static void
s_take_write (zseq_host_t *self, const zseq_written_t *done)
{
    char why[ZSEQ_STORE_TEXT_MAX];
    zseq_event_t event = {.type = done->record ? ZSEQ_EVENT_RECORD_PERSISTED
                                               : ZSEQ_EVENT_PERSISTED,
                          .sequence = done->owner,
                          .durable_to = done->durable_to,
                          .version = done->tag,
                          .status = done->status};
    if (done->status != ZSEQ_OK) {
        zseq_store_refusal (self->store, why);
        event.why = why;
    }
    else if (done->record && !self->kv_loaded && self->kv_version &&
             done->tag >= self->kv_version)
        s_open_kv (self);
    zseq_host_step (self, &event);
}

static size_t
s_take_sequences (zseq_host_t *self)
{
    zseq_written_t written[WRITTEN_MAX];
    size_t count = zseq_store_collect (self->store, written, WRITTEN_MAX);
    for (size_t index = 0; index < count; index++) {
        const zseq_written_t *done = &written[index];
        if (done->status == ZSEQ_EIO) {
            //  S8: the node may acknowledge nothing more.
            s_exit (self, ZSEQ_EIO, zseq_store_text (self->store));
            break;
        }
        if (done->check)
            s_take_checked (self, done);
        else
            s_take_write (self, done);
    }
    return count;
}

static size_t
s_take_keys (zseq_host_t *self)
{
    if (!self->kv_loaded)
        return 0;
    char why[ZSEQ_STORE_TEXT_MAX];
    zseq_kvstore_done_t written[WRITTEN_MAX];
    size_t count = zseq_host_kv_collect (self->kv, written, WRITTEN_MAX);
    for (size_t index = 0; index < count; index++) {
        const zseq_kvstore_done_t *done = &written[index];
        if (done->status == ZSEQ_EIO) {
            //  S8: the node may acknowledge nothing more.
            s_exit (self, ZSEQ_EIO, zseq_host_kv_text (self->kv));
            break;
        }
        if (done->type == ZSEQ_KVSTORE_CHECKED)
            s_take_checked_keys (self, done);
        if (done->type != ZSEQ_KVSTORE_WRITTEN)
            continue;
        zseq_event_t event = {.type = ZSEQ_EVENT_KV_PERSISTED,
                              .position = done->position,
                              .status = done->status};
        if (done->status != ZSEQ_OK) {
            zseq_host_kv_refusal (self->kv, why);
            event.why = why;
        }
        zseq_host_step (self, &event);
    }
    return count;
}

size_t
zseq_host_take_written (zseq_host_t *self)
{
    assert (self);

    size_t count = s_take_sequences (self);
    return count + s_take_keys (self);
}

void
zseq_host_flush (zseq_host_t *self)
{
    assert (self);

    zseq_event_t event = {.type = ZSEQ_EVENT_FLUSH};
    zseq_host_step (self, &event);
    if (self->write_count && !self->exit &&
        zseq_store_submit (self->store, self->writes, self->write_count) !=
          ZSEQ_OK)
        s_exit (self, ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_NODE);
    self->write_count = 0;
    //  What a recovery has cleared in memory still counts on disk until it is
    //  written: a snapshot that is due waits.
    if (self->kv_loaded && !self->exit &&
        zseq_node_state (self->node) != ZSEQ_STATE_RECOVERING)
        zseq_host_kv_flush (self->kv);
    s_scrub (self);
}

int
zseq_host_exit (const zseq_host_t *self)
{
    assert (self);
    return self->exit;
}

const char *
zseq_host_exit_text (const zseq_host_t *self)
{
    assert (self);
    return self->exit_text;
}

int
zseq_host_fd (const zseq_host_t *self)
{
    assert (self);
    return self->poll_fd;
}
