#include "zseq_sim_cluster.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_codec.h"
#include "zseq_quorum.h"

#define TICK_US 20000
#define FLUSH_US 500
#define CROWD_US 20000
#define NAMES_MAX 1000
#define WORDS_MAX 512
#define WALL_MS 1800000000000u  //  What wall clocks show at time 0
#define NOBODY 0                //  No process

typedef struct {
    zseq_sequence_t *sequence;  //  NULL: the node's record
    zseq_record_t *record;      //  ... which it is, to be freed
    bool deferred;
    uint64_t next;
    uint64_t limit;
    uint64_t version;
} s_write_t;

//  A process, from its start to its end.
typedef struct {
    zseq_sim_cluster_t *cluster;
    uint32_t id;
    uint8_t index;
    zseq_node_t *node;
    zseq_sim_disk_t *disk;
    s_write_t *write;  //  Submitted, not arrived
    size_t write_count;
    size_t write_capacity;
    bool write_due;
    bool flush_due;
    uint64_t wake_us;  //  When it is woken next, or was last
    bool deaf;         //  Its peers do not reach it, nor it them
    uint64_t began_us;
    bool born;       //  It has been born
    bool recovered;  //  It has recovered
    bool forced;     //  ... by force
    uint16_t lost;   //  ... and these were named as lost, a bit each
    bool voted;      //  It has voted
    bool watched;    //  Its owner is asked whether it may go on
    uint8_t guard;   //  A peer that it certainly hears; or its own index
    uint32_t met;    //  Peers that its introductions have reached, a bit each
    bool stopping;
    uint64_t paused_us;       //  Until then
    uint64_t stuck_us;        //  Until then none of its writes arrives
    uint64_t clock_us;        //  What its clock showed at time 0
    uint64_t clock_rate;      //  In a thousandth of time's
    const zseq_msg_t *asked;  //  The request that it is stepped with
    int ended;
} s_process_t;

typedef struct {
    uint32_t from;  //  A process; or NOBODY: a client
    uint32_t to;    //  The same
    uint16_t client;
    uint8_t node;  //  Who was asked
    bool reply;
    size_t size;
    uint8_t bytes[];
} s_message_t;

typedef enum {
    DUE_MESSAGE,
    DUE_TICK,
    DUE_WAKE,
    DUE_FLUSH,
    DUE_WRITE,
    DUE_ALARM
} s_kind_t;

typedef struct {
    uint64_t at_us;
    uint64_t order;  //  Of two at the same time, the first made is first
    s_kind_t kind;
    uint32_t whom;  //  A process; or what an alarm is about
    s_message_t *message;
} s_due_t;

//  A node, whatever processes it has.
typedef struct {
    zseq_sim_disk_t *disk;
    uint32_t process;  //  The one with the endpoint
    uint32_t older;    //  Of two, the other
    bool copied;       //  ... which was started on a copy of the disk
    int ended;
    char words[WORDS_MAX];
    uint64_t full_us;          //  Until then, no room is left on the disk
    bool failing;              //  Its next write fails
    zseq_incarnation_t begun;  //  The newest life that it has begun
    zseq_incarnation_t voted;  //  ... in which it has voted
    uint64_t start;            //  The highest counter of a start of its own
    zseq_record_t unborn;      //  As it was formatted first
    uint64_t changed_us;  //  When its disk was last lost, replaced or damaged
    uint64_t forced_us;   //  One that was forced began to vote, last
    uint64_t forced_vote_us;  //  ... or had its vote on disk, at least
} s_place_t;

struct zseq_sim_cluster {
    size_t n;
    uint64_t seed;
    uint64_t random;
    bool trace;
    bool born;  //  Somebody has voted
    uint64_t now_us;
    uint64_t order;
    uint64_t steps;
    uint64_t messages;
    uint64_t claimed;  //  No node has claimed above, as a coordinator
    uint64_t promised[ZSEQ_SIM_NAMES];  //  No node has answered more
    zseq_faults_t faults;
    zseq_member_t member[ZSEQ_NODES_MAX];
    s_place_t place[ZSEQ_NODES_MAX];
    uint8_t cut[ZSEQ_NODES_MAX][ZSEQ_NODES_MAX];  //  A bit for each zseq_cut_t
    bool cut_client[ZSEQ_SIM_CLUSTER_CLIENTS][ZSEQ_NODES_MAX];
    s_process_t **process;  //  By number; NULL: it has ended
    uint32_t process_count;
    size_t process_capacity;
    s_due_t *due;  //  A heap
    size_t due_count;
    size_t due_capacity;
    zseq_sim_cluster_hooks_t hooks;
    zseq_codec_t codec;
};

//  Small things.

static void *
s_grow (void *items, size_t *capacity_p, size_t count, size_t size)
{
    if (count < *capacity_p)
        return items;
    *capacity_p = *capacity_p ? *capacity_p * 2 : 16;
    items = realloc (items, *capacity_p * size);
    assert (items);
    return items;
}

//  Splitmix64.
static uint64_t
s_random (zseq_sim_cluster_t *self)
{
    uint64_t z = self->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t
zseq_sim_cluster_draw (zseq_sim_cluster_t *self, uint64_t bound)
{
    assert (bound);
    return s_random (self) % bound;
}

bool
zseq_sim_cluster_chance (zseq_sim_cluster_t *self, uint32_t in_thousand)
{
    return in_thousand && s_random (self) % 1000 < in_thousand;
}

uint64_t
zseq_sim_cluster_now_us (const zseq_sim_cluster_t *self)
{
    return self->now_us;
}

uint64_t
zseq_sim_cluster_steps (const zseq_sim_cluster_t *self)
{
    return self->steps;
}

uint64_t
zseq_sim_cluster_messages (const zseq_sim_cluster_t *self)
{
    return self->messages;
}

void
zseq_sim_cluster_say (const zseq_sim_cluster_t *self, const char *format, ...)
{
    if (!self->trace)
        return;
    va_list list;
    va_start (list, format);
    printf ("%10.6f  ", (double) self->now_us / 1e6);
    vprintf (format, list);
    putchar ('\n');
    va_end (list);
}

void
zseq_sim_cluster_broken (const zseq_sim_cluster_t *self, const char *format,
                         ...)
{
    char text[512];
    va_list list;
    va_start (list, format);
    vsnprintf (text, sizeof text, format, list);
    va_end (list);
    zseq_sim_cluster_say (self, "BROKEN: %s", text);
    self->hooks.broken (text, self->hooks.arg);
    abort ();
}

//  What is due.

static bool
s_before (const s_due_t *a, const s_due_t *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void
s_add_due (zseq_sim_cluster_t *self, uint64_t at_us, s_kind_t kind,
           uint32_t whom, s_message_t *message)
{
    self->due = s_grow (self->due, &self->due_capacity, self->due_count,
                        sizeof *self->due);
    s_due_t due = {at_us, self->order++, kind, whom, message};
    size_t at = self->due_count++;
    for (; at > 0 && s_before (&due, &self->due[(at - 1) / 2]);
         at = (at - 1) / 2)
        self->due[at] = self->due[(at - 1) / 2];
    self->due[at] = due;
}

static s_due_t
s_take_due (zseq_sim_cluster_t *self)
{
    s_due_t first = self->due[0];
    s_due_t last = self->due[--self->due_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->due_count)
            break;
        if (child + 1 < self->due_count &&
            s_before (&self->due[child + 1], &self->due[child]))
            child++;
        if (!s_before (&self->due[child], &last))
            break;
        self->due[at] = self->due[child];
        at = child;
    }
    self->due[at] = last;
    return first;
}

void
zseq_sim_cluster_alarm (zseq_sim_cluster_t *self, uint64_t at_us, uint32_t what)
{
    s_add_due (self, at_us, DUE_ALARM, what, NULL);
}

//  Processes.

static s_process_t *
s_process (const zseq_sim_cluster_t *self, uint32_t id)
{
    return id < self->process_count ? self->process[id] : NULL;
}

static s_process_t *
s_at (const zseq_sim_cluster_t *self, uint8_t node)
{
    return s_process (self, self->place[node].process);
}

static s_process_t *
s_older (const zseq_sim_cluster_t *self, uint8_t node)
{
    return s_process (self, self->place[node].older);
}

//  A node's letter in the alphabet, for people.
static char
s_letter (uint8_t node)
{
    return (char) ('a' + node);
}

static unsigned long long
s_life (const zseq_vector_t *vector, uint8_t node)
{
    return vector->life[node].counter;
}

static unsigned long long
s_start (const zseq_vector_t *vector, uint8_t node)
{
    return vector->start[node].counter;
}

//  S5: what a record may say.
static void
s_check_record (const s_process_t *process, const zseq_record_t *record)
{
    const zseq_sim_cluster_t *self = process->cluster;
    char node = s_letter (process->index);
    if (record->voting && zseq_sim_disk_harmed (process->disk))
        zseq_sim_cluster_broken (
          self, "S5: node %c votes on a damaged directory", node);
    for (uint8_t other = 0; other < self->n; other++)
        if (zseq_incarnation_compare (&record->vector.life[other],
                                      &self->place[other].begun) > 0 ||
            record->vector.start[other].counter > self->place[other].start)
            zseq_sim_cluster_broken (self,
                                     "P6: node %c writes down life %llu of %c, "
                                     "start %llu, which has never begun",
                                     node, s_life (&record->vector, other),
                                     s_letter (other),
                                     s_start (&record->vector, other));
    if (!record->voting || self->born)
        return;
    //  The birth: all have written down all. (One whose directory is put back as
    //  it was formatted does so again.)
    for (uint8_t other = 0; other < self->n; other++)
        if (other != process->index &&
            self->place[other].changed_us <= process->began_us &&
            !zseq_vector_equal (&self->place[other].disk->record.vector,
                                &record->vector))
            zseq_sim_cluster_broken (
              self,
              "S5: node %c votes at the birth, and %c has "
              "not written down the same nodes",
              node, s_letter (other));
}

static void
s_write_record (s_process_t *process, const zseq_record_t *record)
{
    zseq_sim_cluster_t *self = process->cluster;
    s_place_t *place = &self->place[process->index];
    const zseq_incarnation_t *life = &record->vector.life[process->index];
    uint64_t start = record->vector.start[process->index].counter;
    if (zseq_incarnation_compare (life, &place->begun) > 0)
        place->begun = *life;
    if (start > place->start)
        place->start = start;
    s_check_record (process, record);
    self->born |= record->voting;
    zseq_sim_disk_write_record (process->disk, record);
    if (record->voting && zseq_incarnation_compare (life, &place->voted) > 0)
        place->voted = *life;
    if (record->voting && process->forced)
        place->forced_vote_us = self->now_us;
    zseq_sim_cluster_say (self, "%c#%u writes its record: life %llu%s",
                          s_letter (process->index), process->id,
                          s_life (&record->vector, process->index),
                          record->voting ? ", votes" : "");
}

//  Whether a peer was forced at the same time. Each may have been told by the other
//  that it recovers, and the first of the two that votes does not know the second's
//  new life. An operator is told to force one after the other.
static bool
s_forced_beside (const s_process_t *process, uint8_t peer)
{
    return process->forced &&
           process->cluster->place[peer].forced_vote_us >= process->began_us;
}

//  How many peers of a node know on disk what it begins to vote with: its life,
//  and unless it has recovered, its start. What lost its disk meanwhile may have
//  known; and after a recovery, what does not vote has to learn it all anyway.
static uint8_t
s_noted (const s_process_t *process)
{
    const zseq_sim_cluster_t *self = process->cluster;
    uint8_t node = process->index;
    const zseq_vector_t *mine = &process->disk->record.vector;
    uint8_t noted = 0;
    for (uint8_t peer = 0; peer < self->n; peer++) {
        const s_place_t *place = &self->place[peer];
        const zseq_record_t *its = &place->disk->record;
        int order =
          zseq_incarnation_compare (&its->vector.life[node], &mine->life[node]);
        bool knows = order >= 0;
        if (!process->recovered && order == 0)
            knows =
              zseq_start_equal (&its->vector.start[node], &mine->start[node]);
        bool excused =
          place->changed_us > process->began_us ||
          (process->recovered && !its->voting) ||
          (process->recovered &&
           zseq_sim_cluster_state (self, peer) == ZSEQ_STATE_RECOVERING) ||
          s_forced_beside (process, peer) || process->lost >> peer & 1;
        if (peer != node && (knows || excused))
            noted++;
    }
    return noted;
}

static uint8_t
s_count_bits (uint32_t bits)
{
    uint8_t count = 0;
    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

//  S11: a process begins to vote. Enough peers have met this very process where
//  they look for the node, and remember it; and no other one of this life does.
static void
s_check_voter (s_process_t *process)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint8_t node = process->index;
    const s_place_t *place = &self->place[node];
    uint8_t majority = zseq_quorum_majority ((uint8_t) self->n);
    uint8_t need = (uint8_t) (majority - 1);
    if (self->n > 1 && (process->born || process->recovered))
        need = majority < self->n ? majority : (uint8_t) (self->n - 1);
    uint32_t other_id =
      place->process == process->id ? place->older : place->process;
    const s_process_t *other = s_process (self, other_id);
    process->voted = true;
    if (process->forced)
        self->place[node].forced_us = self->now_us;
    if (other && zseq_node_state (other->node) == ZSEQ_STATE_VOTING &&
        !zseq_incarnation_compare (&other->disk->record.vector.life[node],
                                   &process->disk->record.vector.life[node]))
        zseq_sim_cluster_broken (self,
                                 "S11: two processes of node %c vote in life "
                                 "%llu",
                                 s_letter (node),
                                 s_life (&process->disk->record.vector, node));
    if (s_noted (process) < need)
        zseq_sim_cluster_broken (
          self,
          "S11: node %c begins to vote, and %u of %u peers "
          "have it in writing",
          s_letter (node), s_noted (process), need);
    if (!process->recovered && s_count_bits (process->met) + 1 < majority)
        zseq_sim_cluster_broken (
          self,
          "S11: node %c begins to vote, and %u peers have "
          "met it",
          s_letter (node), s_count_bits (process->met));
}

//  A write arrives on the disk.
static void
s_apply (s_process_t *process, const s_write_t *write)
{
    if (!write->sequence) {
        s_write_record (process, write->record);
        return;
    }
    zseq_sim_disk_write (
      process->disk, (size_t) (zseq_sequence_name (write->sequence)[0] - 'A'),
      write->next, write->limit, write->deferred);
    zseq_sim_cluster_say (
      process->cluster, "%c#%u writes %s: next %llu, limit %llu%s",
      s_letter (process->index), process->id,
      zseq_sequence_name (write->sequence), (unsigned long long) write->next,
      (unsigned long long) write->limit, write->deferred ? ", deferred" : "");
}

//  S8: nothing that was promised is ever taken back.
static void
s_check_disk (const s_process_t *process)
{
    const zseq_sim_disk_t *disk = process->disk;
    size_t name = zseq_sim_disk_forgotten (disk);
    if (name < ZSEQ_SIM_NAMES)
        zseq_sim_cluster_broken (
          process->cluster,
          "S8: node %c promised %llu of %c, its disk has %llu",
          s_letter (process->index), (unsigned long long) disk->promised[name],
          (char) ('A' + name),
          (unsigned long long) zseq_sim_disk_durable (disk, name));
}

//  Of the writes under way some arrive.
static void
s_end (s_process_t *process, bool power_cut)
{
    zseq_sim_cluster_t *self = process->cluster;
    zseq_sim_disk_t *disk = process->disk;
    for (size_t index = 0; index < process->write_count; index++) {
        if (s_random (self) % 2)
            s_apply (process, &process->write[index]);
        free (process->write[index].record);
    }
    zseq_sim_disk_end (disk, power_cut, s_random (self));
    s_check_disk (process);
    s_place_t *place = &self->place[process->index];
    if (place->process == process->id)
        place->process = NOBODY;
    if (place->older == process->id) {
        place->older = NOBODY;
        place->copied = false;
    }
    if (disk != place->disk)
        free (disk);
    zseq_node_destroy (&process->node);
    self->process[process->id] = NULL;
    free (process->write);
    free (process);
}

//  A process ends by itself.
static void
s_exit (s_process_t *process, int status, const char *text)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint8_t node = process->index;
    s_place_t *place = &self->place[node];
    //  Of two processes under one name the older one says nothing of the place.
    if (place->process == process->id) {
        place->ended = status;
        snprintf (place->words, sizeof place->words, "%s", text);
    }
    zseq_sim_cluster_say (self, "%c#%u ENDS: %s", s_letter (node), process->id,
                          text);
    process->ended = status;
}

static void
s_want_flush (s_process_t *process)
{
    zseq_sim_cluster_t *self = process->cluster;
    if (process->flush_due)
        return;
    process->flush_due = true;
    s_add_due (self, self->now_us + s_random (self) % FLUSH_US, DUE_FLUSH,
               process->id, NULL);
}

static void
s_want_write (s_process_t *process)
{
    zseq_sim_cluster_t *self = process->cluster;
    if (process->write_due || process->write_count == 0)
        return;
    process->write_due = true;
    uint64_t at_us = self->now_us;
    if (at_us < process->stuck_us)
        at_us = process->stuck_us;
    s_add_due (self, at_us + s_random (self) % (self->faults.write_us + 1),
               DUE_WRITE, process->id, NULL);
}

//  A node is woken when it asks for it, if it did not wake before.
static void
s_want_wake (s_process_t *process, uint64_t local_us)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint64_t wake_us = zseq_node_wake_us (process->node);
    if (wake_us == UINT64_MAX || local_us + TICK_US <= wake_us)
        return;
    uint64_t wait_us = wake_us < local_us ? 0 : wake_us - local_us;
    uint64_t at_us = self->now_us + wait_us * 1000 / process->clock_rate + 1;
    if (process->wake_us > self->now_us && process->wake_us <= at_us)
        return;
    process->wake_us = at_us;
    s_add_due (self, at_us, DUE_WAKE, process->id, NULL);
}

//  What a step may have come to.
static void
s_look_at (s_process_t *process)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint8_t node = process->index;
    zseq_state_t state = zseq_node_state (process->node);
    if (state == ZSEQ_STATE_RECOVERING)
        process->recovered = true;
    if (state == ZSEQ_STATE_VOTING && !process->voted)
        s_check_voter (process);
    if (!process->watched)
        return;
    bool covered = self->hooks.covered (node, self->hooks.arg);
    process->watched =
      covered && state != ZSEQ_STATE_VOTING && state != ZSEQ_STATE_RECOVERING;
    if (covered)
        return;
    zseq_sim_cluster_say (self, "%c#%u has lost its cover, and is killed",
                          s_letter (node), process->id);
    s_end (process, false);
    self->hooks.ended (node, self->hooks.arg);
}

static void
s_step (s_process_t *process, zseq_event_t event)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint8_t node = process->index;
    event.now_us =
      process->clock_us + self->now_us * process->clock_rate / 1000;
    event.wall_ms = WALL_MS + self->now_us / 1000;
    process->asked = event.type == ZSEQ_EVENT_REQUEST ? event.msg : NULL;
    self->steps++;
    zseq_node_step (process->node, &event);
    process->asked = NULL;
    if (process->ended) {
        s_end (process, false);
        self->hooks.ended (node, self->hooks.arg);
        return;
    }
    if (event.type == ZSEQ_EVENT_FLUSH && process->stopping &&
        zseq_node_idle (process->node)) {
        zseq_sim_cluster_say (self, "%c#%u has stopped", s_letter (node),
                              process->id);
        s_end (process, true);
        return;
    }
    if (event.type != ZSEQ_EVENT_FLUSH)
        s_want_flush (process);
    s_want_write (process);
    s_want_wake (process, event.now_us);
    s_look_at (process);
}

//  Messages.

static const char *
s_op_text (zseq_op_t op)
{
    static const char *text[] = {"?",         "HELLO", "READ", "CLAIM",
                                 "RAISE",     "NEXT",  "LIST", "STATUS",
                                 "INTRODUCE", "FENCE", "COPY"};
    return op <= ZSEQ_OP_COPY ? text[op] : "?";
}

//  Who is at an end of a message: a process, or a client.
static const char *
s_who (const zseq_sim_cluster_t *self, uint32_t id, uint16_t client, char *text,
       size_t size)
{
    const s_process_t *process = s_process (self, id);
    if (process)
        snprintf (text, size, "%c#%u", s_letter (process->index), id);
    else if (id == NOBODY)
        snprintf (text, size, "client %u", client);
    else
        snprintf (text, size, "#%u", id);
    return text;
}

static void
s_tell_message (const zseq_sim_cluster_t *self, const s_message_t *message,
                const zseq_msg_t *msg)
{
    if (!self->trace)
        return;
    char from[20];
    char values[100] = "";
    bool sequence = msg->op == ZSEQ_OP_READ || msg->op == ZSEQ_OP_CLAIM ||
                    msg->op == ZSEQ_OP_RAISE;
    if (sequence && !msg->reply)
        snprintf (values, sizeof values, " %.*s %llu+%llu",
                  (int) msg->name.size, msg->name.data,
                  (unsigned long long) (msg->first | msg->next),
                  (unsigned long long) msg->count);
    else if (msg->op == ZSEQ_OP_NEXT && !msg->reply)
        snprintf (values, sizeof values, " %.*s %llu", (int) msg->name.size,
                  msg->name.data, (unsigned long long) msg->count);
    else if (msg->op == ZSEQ_OP_NEXT && msg->status == ZSEQ_OK)
        snprintf (values, sizeof values, " %llu+%llu",
                  (unsigned long long) msg->first,
                  (unsigned long long) msg->count);
    else if (sequence)
        snprintf (values, sizeof values, " next %llu",
                  (unsigned long long) msg->next);
    else if (msg->op == ZSEQ_OP_FENCE && !msg->reply)
        snprintf (values, sizeof values, " life %llu",
                  (unsigned long long) msg->life.counter);
    else if (msg->op == ZSEQ_OP_COPY && msg->reply)
        snprintf (values, sizeof values, " of %zu names", msg->item_count);
    bool known = message->to != NOBODY || message->reply;
    char to[20] = {s_letter (message->node), 0};
    if (known)
        (void) s_who (self, message->to, message->client, to, sizeof to);
    zseq_sim_cluster_say (
      self, "%s -> %s: %s%s%s%s%s",
      s_who (self, message->from, message->client, from, sizeof from), to,
      s_op_text (msg->op), msg->reply ? " reply" : "", values,
      msg->reply && msg->status ? ": " : "",
      msg->reply && msg->status ? zseq_strerror (msg->status) : "");
}

//  Whether of two processes one is watched and is to hear the other.
static bool
s_sure (const zseq_sim_cluster_t *self, const s_message_t *head)
{
    const s_process_t *from = s_process (self, head->from);
    const s_process_t *to = s_process (self, head->to);
    return from && to &&
           ((from->watched && from->guard == to->index) ||
            (to->watched && to->guard == from->index));
}

static void
s_post (zseq_sim_cluster_t *self, const s_message_t *head,
        const zseq_msg_t *msg, bool cut)
{
    static uint8_t bytes[ZSEQ_MESSAGE_MAX];
    bool sure = s_sure (self, head);
    bool doubled = zseq_sim_cluster_chance (self, self->faults.doubled);
    if (cut || (zseq_sim_cluster_chance (self, self->faults.lost) && !sure)) {
        self->messages += !cut;
        return;
    }
    self->messages += doubled;
    size_t size = zseq_codec_encode (msg, bytes, sizeof bytes);
    assert (size);
    for (int copies = doubled ? 2 : 1; copies; copies--) {
        s_message_t *message = malloc (sizeof *message + size);
        assert (message);
        *message = *head;
        message->reply = msg->reply;
        message->size = size;
        memcpy (message->bytes, bytes, size);
        uint64_t lag_us = self->faults.lag_us;
        if (zseq_sim_cluster_chance (self, self->faults.late) && !sure) {
            self->messages++;
            lag_us = self->faults.late_us;
        }
        s_add_due (self, self->now_us + s_random (self) % (lag_us + 1),
                   DUE_MESSAGE, 0, message);
    }
}

//  Whether two nodes' processes do not hear each other now.
static bool
s_cut (const zseq_sim_cluster_t *self, const s_process_t *from, uint8_t to,
       const zseq_msg_t *msg)
{
    uint8_t cut = self->cut[from->index][to];
    return from->deaf || (cut & 1u << ZSEQ_CUT_ALL) ||
           (msg->op != ZSEQ_OP_HELLO && (cut & 1u << ZSEQ_CUT_BUT_HELLO)) ||
           (!msg->reply && (cut & 1u << ZSEQ_CUT_QUESTIONS));
}

static bool
s_cut_client (const zseq_sim_cluster_t *self, size_t client, uint8_t node)
{
    return client < ZSEQ_SIM_CLUSTER_CLIENTS && self->cut_client[client][node];
}

//  S5: what only a node that votes may say.
static void
s_check_vote (const s_process_t *process, const zseq_msg_t *msg)
{
    const zseq_sim_disk_t *disk = process->disk;
    const zseq_record_t *record = &disk->record;
    bool votes = zseq_msg_has_body (msg->op, msg->status);
    if (msg->op == ZSEQ_OP_HELLO || msg->op == ZSEQ_OP_INTRODUCE)
        votes = msg->status == ZSEQ_OK && msg->state == ZSEQ_STATE_VOTING;
    if (votes &&
        (!disk->formatted || disk->damaged || !record->voting ||
         zseq_incarnation_compare (&record->vector.life[process->index],
                                   &msg->vector.life[process->index])))
        zseq_sim_cluster_broken (
          process->cluster,
          "S5: node %c answers %s though its record does not "
          "say that it votes",
          s_letter (process->index), s_op_text (msg->op));
    zseq_state_t state = zseq_node_state (process->node);
    //  A recovery by force takes also what a node holds that starts.
    bool forced =
      state == ZSEQ_STATE_STARTING && process->asked && process->asked->forced;
    if (votes && state != ZSEQ_STATE_VOTING && state != ZSEQ_STATE_STOPPING &&
        !forced)
        zseq_sim_cluster_broken (
          process->cluster, "S5: node %c answers %s though it does not vote",
          s_letter (process->index), s_op_text (msg->op));
}

//  What is said to be in force is on the disk.
static void
s_check_fence (const s_process_t *process, const zseq_msg_t *msg)
{
    const zseq_msg_t *asked = process->asked;
    if (msg->op == ZSEQ_OP_FENCE && msg->status == ZSEQ_OK && asked &&
        zseq_incarnation_compare (
          &process->disk->record.vector.life[asked->node], &asked->life))
        zseq_sim_cluster_broken (
          process->cluster,
          "S5: node %c says that a life of %c is in force, "
          "which its disk does not know",
          s_letter (process->index), s_letter (asked->node));
}

//  S8: what is answered would survive a power cut now; and S1: what was once
//  answered is not given again.
static void
s_check_durable (s_process_t *process, const zseq_msg_t *msg, size_t name)
{
    zseq_sim_disk_t *disk = process->disk;
    uint64_t durable = zseq_sim_disk_durable (disk, name);
    if (msg->status != ZSEQ_OK)
        return;
    if (durable < msg->next)
        zseq_sim_cluster_broken (
          process->cluster,
          "S8: node %c answers %s with %llu of %c, and %llu is durable",
          s_letter (process->index), s_op_text (msg->op),
          (unsigned long long) msg->next, (char) ('A' + name),
          (unsigned long long) durable);
    if (msg->op == ZSEQ_OP_READ && msg->next < disk->promised[name])
        zseq_sim_cluster_broken (
          process->cluster, "S1: node %c answers %llu of %c, and has told %llu",
          s_letter (process->index), (unsigned long long) msg->next,
          (char) ('A' + name), (unsigned long long) disk->promised[name]);
    if (disk->promised[name] < msg->next)
        disk->promised[name] = msg->next;
    if (process->cluster->promised[name] < msg->next)
        process->cluster->promised[name] = msg->next;
}

//  Where a request came from, as a routing ID.
typedef struct {
    uint32_t process;
    uint16_t client;
    uint8_t name;  //  Of which sequence, for the check of the reply
} s_origin_t;

//  Notes how far a coordinator has come.
static void
s_note_claimed (zseq_sim_cluster_t *self, const zseq_msg_t *msg)
{
    bool claims = msg->op == ZSEQ_OP_CLAIM && !msg->reply;
    bool serves =
      msg->op == ZSEQ_OP_NEXT && msg->reply && msg->status == ZSEQ_OK;
    if ((claims || serves) && self->claimed < msg->first + msg->count)
        self->claimed = msg->first + msg->count;
}

//  Half of the time nodes tell of a crowd, so that clients turn to coordinators,
//  and back, at any moment: there are never enough of them for a real one.
static bool
s_crowded (const zseq_sim_cluster_t *self, uint8_t node)
{
    uint64_t phase = self->now_us / CROWD_US + node;
    return (self->seed ^ phase * 0x9e3779b97f4a7c15u) >> 63;
}

static void
s_act_reply (s_process_t *process, const zseq_action_t *action)
{
    zseq_sim_cluster_t *self = process->cluster;
    s_note_claimed (self, action->msg);
    s_origin_t origin;
    memcpy (&origin, action->route->id, sizeof origin);
    const zseq_msg_t *msg = action->msg;
    s_check_vote (process, msg);
    s_check_fence (process, msg);
    if (msg->op == ZSEQ_OP_READ || msg->op == ZSEQ_OP_CLAIM ||
        msg->op == ZSEQ_OP_RAISE)
        s_check_durable (process, msg, origin.name);
    s_message_t head = {.from = process->id,
                        .to = origin.process,
                        .client = origin.client,
                        .node = process->index};
    bool cut = s_cut_client (self, origin.client, process->index);
    if (origin.process != NOBODY) {
        const s_process_t *to = s_process (self, origin.process);
        cut = !to || to->deaf || s_cut (self, process, to->index, msg);
    }
    zseq_msg_t told = *msg;
    told.crowded = s_crowded (self, process->index);
    s_post (self, &head, &told, cut);
}

static void
s_act_ask (s_process_t *process, const zseq_action_t *action)
{
    zseq_sim_cluster_t *self = process->cluster;
    s_note_claimed (self, action->msg);
    const s_process_t *to = s_at (self, action->peer);
    s_message_t head = {
      .from = process->id, .to = to ? to->id : NOBODY, .node = action->peer};
    s_post (self, &head, action->msg,
            !to || to->deaf ||
              s_cut (self, process, action->peer, action->msg));
}

static void
s_act_persist (s_process_t *process, const zseq_action_t *action)
{
    process->write = s_grow (process->write, &process->write_capacity,
                             process->write_count, sizeof *process->write);
    s_write_t *write = &process->write[process->write_count++];
    *write = (s_write_t){.sequence = action->sequence,
                         .deferred = action->deferred,
                         .limit = action->limit,
                         .version = action->version};
    if (action->record) {
        write->record = malloc (sizeof *write->record);
        assert (write->record);
        *write->record = *action->record;
        return;
    }
    uint64_t next = action->sequence->seq.next;
    write->next = next < action->limit ? next : action->limit;
}

static void
s_act (const zseq_action_t *action, void *arg)
{
    s_process_t *process = arg;
    switch (action->type) {
    case ZSEQ_ACTION_REPLY:
        s_act_reply (process, action);
        break;
    case ZSEQ_ACTION_ASK:
        s_act_ask (process, action);
        break;
    case ZSEQ_ACTION_PERSIST:
    case ZSEQ_ACTION_PERSIST_RECORD:
        s_act_persist (process, action);
        break;
    case ZSEQ_ACTION_EXIT:
        s_exit (process, action->status, action->text);
        break;
    case ZSEQ_ACTION_LOG:
        zseq_sim_cluster_say (process->cluster, "%c#%u: %s",
                              s_letter (process->index), process->id,
                              action->text);
        break;
    }
}

//  Whoever listens where the message was sent to by now.
static s_process_t *
s_receiver (const zseq_sim_cluster_t *self, const s_message_t *message)
{
    s_process_t *process = s_process (self, message->to);
    return process || message->reply ? process : s_at (self, message->node);
}

static void
s_read_message (zseq_sim_cluster_t *self, s_process_t *process,
                const s_message_t *message)
{
    zseq_msg_t msg;
    int rc = message->reply
               ? zseq_codec_decode_reply (&self->codec, message->bytes,
                                          message->size, &msg)
               : zseq_codec_decode_request (&self->codec, message->bytes,
                                            message->size, &msg);
    assert (rc == ZSEQ_OK);
    s_tell_message (self, message, &msg);
    s_process_t *from = s_process (self, message->from);
    if (process && from && msg.op == ZSEQ_OP_INTRODUCE && message->reply &&
        msg.status == ZSEQ_OK)
        from->met |= 1u << process->index;
    if (!process) {
        if (message->client < ZSEQ_SIM_CLUSTER_CLIENTS)
            self->hooks.reply (message->client, &msg, self->hooks.arg);
        return;
    }
    zseq_event_t event = {
      .type = ZSEQ_EVENT_PEER_REPLY, .peer = message->node, .msg = &msg};
    if (!message->reply) {
        s_origin_t origin = {.process = message->from,
                             .client = message->client};
        if (msg.name.size)
            origin.name = (uint8_t) (msg.name.data[0] - 'A');
        event.type = ZSEQ_EVENT_REQUEST;
        event.route.size = sizeof origin;
        memcpy (event.route.id, &origin, sizeof origin);
    }
    s_step (process, event);
}

static void
s_deliver (zseq_sim_cluster_t *self, s_message_t *message)
{
    bool to_client = message->reply && message->to == NOBODY;
    s_process_t *process = to_client ? NULL : s_receiver (self, message);
    if (process && self->now_us < process->paused_us) {
        s_add_due (self, process->paused_us, DUE_MESSAGE, 0, message);
        return;
    }
    if (process || to_client)
        s_read_message (self, process, message);
    free (message);
}

static void
s_write_one (s_process_t *process)
{
    zseq_sim_cluster_t *self = process->cluster;
    s_place_t *place = &self->place[process->index];
    process->write_due = false;
    if (self->now_us < process->stuck_us) {
        s_want_write (process);
        return;
    }
    s_write_t write = process->write[0];
    process->write_count--;
    memmove (process->write, process->write + 1,
             process->write_count * sizeof *process->write);
    bool refused = self->now_us < place->full_us;
    bool failed = place->failing;
    //  What was refused, or failed, may have happened all the same.
    bool arrives = !refused && !failed;
    if (!arrives && !write.deferred && (write.sequence || failed))
        arrives = s_random (self) % 2;
    if (arrives)
        s_apply (process, &write);
    free (write.record);
    if (failed) {
        //  As zseq_server.c does it: without another word.
        uint8_t node = process->index;
        place->failing = false;
        s_exit (process, ZSEQ_EIO, "a write has failed");
        s_end (process, false);
        self->hooks.ended (node, self->hooks.arg);
        return;
    }
    s_check_disk (process);
    zseq_event_t event = {.type = write.sequence ? ZSEQ_EVENT_PERSISTED
                                                 : ZSEQ_EVENT_RECORD_PERSISTED,
                          .sequence = write.sequence,
                          .limit = write.limit,
                          .version = write.version,
                          .status = refused ? ZSEQ_ENOSPACE : ZSEQ_OK};
    if (refused)
        zseq_sim_cluster_say (self, "%c#%u: the disk is full",
                              s_letter (process->index), process->id);
    s_step (process, event);
}

static void
s_happen_to (s_process_t *process, s_kind_t kind)
{
    zseq_sim_cluster_t *self = process->cluster;
    if (self->now_us < process->paused_us) {
        s_add_due (self, process->paused_us, kind, process->id, NULL);
        return;
    }
    switch (kind) {
    case DUE_TICK:
        s_add_due (self, self->now_us + TICK_US * 1000 / process->clock_rate,
                   DUE_TICK, process->id, NULL);
        s_step (process, (zseq_event_t){.type = ZSEQ_EVENT_TICK});
        break;
    case DUE_WAKE:
        s_step (process, (zseq_event_t){.type = ZSEQ_EVENT_TICK});
        break;
    case DUE_FLUSH:
        process->flush_due = false;
        s_step (process, (zseq_event_t){.type = ZSEQ_EVENT_FLUSH});
        break;
    default:
        assert (kind == DUE_WRITE);
        s_write_one (process);
    }
}

void
zseq_sim_cluster_run (zseq_sim_cluster_t *self, uint64_t until_us)
{
    while (self->due_count && self->due[0].at_us <= until_us) {
        s_due_t due = s_take_due (self);
        self->now_us = due.at_us;
        if (due.kind == DUE_MESSAGE)
            s_deliver (self, due.message);
        else if (due.kind == DUE_ALARM)
            self->hooks.alarm (due.whom, self->hooks.arg);
        else if (s_process (self, due.whom))
            s_happen_to (s_process (self, due.whom), due.kind);
    }
    self->now_us = until_us;
}

//  The whole.

zseq_sim_cluster_t *
zseq_sim_cluster_new (size_t n, uint64_t seed, bool trace,
                      const zseq_sim_cluster_hooks_t *hooks)
{
    zseq_sim_cluster_t *self = calloc (1, sizeof *self);
    assert (self);
    self->n = n;
    self->seed = seed;
    self->random = seed;
    self->trace = trace;
    self->now_us = 1000000;
    self->hooks = *hooks;
    self->faults =
      (zseq_faults_t){.lag_us = 100, .write_us = 100, .waiting_max = NAMES_MAX};
    self->process =
      s_grow (NULL, &self->process_capacity, 0, sizeof *self->process);
    self->process[self->process_count++] = NULL;
    for (size_t node = 0; node < n; node++) {
        zseq_member_t *member = &self->member[node];
        snprintf (member->name, sizeof member->name, "%c", (char) ('a' + node));
        snprintf (member->endpoint, sizeof member->endpoint,
                  "tcp://127.0.0.1:%zu", 1000 + node);
    }
    for (size_t node = 0; node < n; node++) {
        zseq_sim_cluster_format (self, (uint8_t) node);
        self->place[node].unborn = self->place[node].disk->record;
    }
    return self;
}

void
zseq_sim_cluster_destroy (zseq_sim_cluster_t **self_p)
{
    zseq_sim_cluster_t *self = *self_p;
    if (!self)
        return;
    for (uint32_t id = 0; id < self->process_count; id++)
        if (self->process[id])
            s_end (self->process[id], false);
    for (size_t index = 0; index < self->due_count; index++)
        free (self->due[index].message);
    for (size_t node = 0; node < self->n; node++)
        free (self->place[node].disk);
    free (self->process);
    free (self->due);
    free (self);
    *self_p = NULL;
}

void
zseq_sim_cluster_faults (zseq_sim_cluster_t *self, const zseq_faults_t *faults)
{
    self->faults = *faults;
}

void
zseq_sim_cluster_damage (zseq_sim_cluster_t *self, uint8_t node)
{
    s_place_t *place = &self->place[node];
    place->disk->damaged = true;
    place->changed_us = self->now_us;
}

void
zseq_sim_cluster_wipe (zseq_sim_cluster_t *self, uint8_t node)
{
    assert (!s_at (self, node));
    s_place_t *place = &self->place[node];
    s_process_t *older = s_older (self, node);
    if (!older || older->disk != place->disk)
        free (place->disk);
    place->disk = calloc (1, sizeof *place->disk);
    assert (place->disk);
    place->changed_us = self->now_us;
}

void
zseq_sim_cluster_put (zseq_sim_cluster_t *self, uint8_t node,
                      const zseq_sim_disk_t *disk)
{
    zseq_sim_cluster_wipe (self, node);
    *self->place[node].disk = *disk;
}

void
zseq_sim_cluster_unborn (const zseq_sim_cluster_t *self, uint8_t node,
                         zseq_sim_disk_t *disk)
{
    memset (disk, 0, sizeof *disk);
    disk->formatted = true;
    disk->record = self->place[node].unborn;
}

void
zseq_sim_cluster_format (zseq_sim_cluster_t *self, uint8_t node)
{
    zseq_sim_cluster_wipe (self, node);
    s_place_t *place = &self->place[node];
    place->disk->formatted = true;
    int rc =
      zseq_record_init (&place->disk->record, "test", self->member[node].name,
                        self->member, self->n, s_random (self));
    assert (rc == ZSEQ_OK);
    const zseq_incarnation_t *life = &place->disk->record.vector.life[node];
    if (zseq_incarnation_compare (life, &place->begun) > 0)
        place->begun = *life;
}

static s_process_t *
s_new_process (zseq_sim_cluster_t *self, uint8_t node,
               const zseq_record_t *record)
{
    self->process = s_grow (self->process, &self->process_capacity,
                            self->process_count, sizeof *self->process);
    s_process_t *process = calloc (1, sizeof *process);
    assert (process);
    process->cluster = self;
    process->id = self->process_count;
    process->index = node;
    process->disk = self->place[node].disk;
    process->began_us = self->now_us;
    process->born = !record->identity;
    process->clock_us = s_random (self) % ((uint64_t) 1 << 40);
    process->clock_rate = 1000 - self->faults.drift +
                          s_random (self) % (2 * self->faults.drift + 1);
    zseq_node_limits_t limits = {.names_max = NAMES_MAX,
                                 .waiting_max = self->faults.waiting_max,
                                 .reserve_us = self->faults.reserve_us};
    process->node =
      zseq_node_new (record, &limits, s_random (self), s_act, process);
    assert (process->node);
    self->process[self->process_count++] = process;
    return process;
}

static void
s_load (s_process_t *process)
{
    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++) {
        const zseq_sim_file_t *file = &process->disk->file[name];
        char text = (char) ('A' + name);
        if (file->damaged || !file->there)
            continue;
        int rc =
          zseq_node_load (process->node, &text, 1, file->next, file->limit);
        assert (rc == ZSEQ_OK);
    }
}

//  As zseq_server.c does it.
void
zseq_sim_cluster_start (zseq_sim_cluster_t *self, uint8_t node, bool recover,
                        const zseq_force_t *force)
{
    assert (!s_at (self, node));
    s_place_t *place = &self->place[node];
    zseq_sim_disk_t *disk = place->disk;
    bool lost = !disk->formatted || disk->damaged;
    zseq_record_t record = disk->record;
    if (lost) {
        int rc = zseq_record_init (&record, "test", self->member[node].name,
                                   self->member, self->n, 0);
        assert (rc == ZSEQ_OK);
        zseq_record_lose (&record, 0);
    }
    place->ended = ZSEQ_OK;
    s_process_t *process = s_new_process (self, node, &record);
    place->process = process->id;
    s_load (process);
    const char *why = recover ? "it was told to" : NULL;
    if (zseq_sim_disk_harmed (disk))
        why = "its directory is damaged";
    if (lost)
        why = "its record is lost";
    if (!record.identity && why)
        zseq_node_adopt (process->node, disk->identity);
    zseq_sim_cluster_say (self, "%c#%u starts%s%s%s", s_letter (node),
                          process->id, why ? ": " : "", why ? why : "",
                          force ? ", by force" : "");
    if (why)
        zseq_node_recover (process->node, why, force);
    process->forced = force != NULL;
    process->lost = force ? force->lost : 0;
    //  At times there is something else to write first.
    if (s_random (self) % 8 == 0) {
        zseq_member_t member = self->member[s_random (self) % self->n];
        snprintf (member.endpoint, sizeof member.endpoint, "ipc:///moved/%llu",
                  (unsigned long long) self->order);
        (void) zseq_node_move (process->node, &member);
    }
    s_add_due (self, self->now_us, DUE_TICK, process->id, NULL);
}

void
zseq_sim_cluster_double (zseq_sim_cluster_t *self, uint8_t node)
{
    s_place_t *place = &self->place[node];
    s_process_t *older = s_at (self, node);
    assert (older);
    assert (!s_older (self, node));
    older->deaf = true;
    older->watched = false;
    place->older = older->id;
    place->process = NOBODY;
    place->disk = calloc (1, sizeof *place->disk);
    assert (place->disk);
    place->changed_us = self->now_us;
    zseq_sim_cluster_say (self, "%c is doubled", s_letter (node));
    zseq_sim_cluster_start (self, node, false, NULL);
}

void
zseq_sim_cluster_copy (zseq_sim_cluster_t *self, uint8_t node)
{
    s_place_t *place = &self->place[node];
    s_process_t *first = s_at (self, node);
    assert (first);
    assert (!s_older (self, node));
    zseq_sim_disk_t *copy = malloc (sizeof *copy);
    assert (copy);
    *copy = *first->disk;
    zseq_sim_disk_end (copy, s_random (self) % 2, s_random (self));
    zseq_sim_cluster_say (self, "%c's disk is copied elsewhere",
                          s_letter (node));
    place->process = NOBODY;
    place->disk = copy;
    zseq_sim_cluster_start (self, node, false, NULL);
    place->older = place->process;
    place->copied = true;
    place->process = first->id;
    place->disk = first->disk;
}

bool
zseq_sim_cluster_copied (const zseq_sim_cluster_t *self, uint8_t node)
{
    return s_older (self, node) && self->place[node].copied;
}

void
zseq_sim_cluster_watch (zseq_sim_cluster_t *self, uint8_t node, uint8_t peer)
{
    s_process_t *process = s_at (self, node);
    assert (process);
    process->watched = true;
    process->guard = peer;
}

void
zseq_sim_cluster_undouble (zseq_sim_cluster_t *self, uint8_t node,
                           bool with_endpoint)
{
    s_place_t *place = &self->place[node];
    s_process_t *older = s_older (self, node);
    if (!older)
        return;
    zseq_sim_cluster_say (self, "the older %c#%u is back%s", s_letter (node),
                          older->id,
                          with_endpoint ? ", with the endpoint" : "");
    older->deaf = false;
    if (!with_endpoint || place->copied)
        return;
    //  Of a newer one that has ended, nobody keeps the disk.
    if (!s_at (self, node))
        free (place->disk);
    place->older = place->process;
    place->process = older->id;
    place->disk = older->disk;
    place->changed_us = self->now_us;
}

bool
zseq_sim_cluster_doubled (const zseq_sim_cluster_t *self, uint8_t node)
{
    return s_older (self, node) != NULL;
}

void
zseq_sim_cluster_kill_older (zseq_sim_cluster_t *self, uint8_t node)
{
    if (!s_older (self, node))
        return;
    zseq_sim_cluster_say (self, "the older %c is killed", s_letter (node));
    s_end (s_older (self, node), true);
}

void
zseq_sim_cluster_kill (zseq_sim_cluster_t *self, uint8_t node, bool power_cut)
{
    zseq_sim_cluster_kill_older (self, node);
    if (!s_at (self, node))
        return;
    zseq_sim_cluster_say (self, "%c is killed%s", s_letter (node),
                          power_cut ? " by a power cut" : "");
    s_end (s_at (self, node), power_cut);
}

void
zseq_sim_cluster_stop (zseq_sim_cluster_t *self, uint8_t node)
{
    s_process_t *process = s_at (self, node);
    if (!process || process->stopping)
        return;
    zseq_sim_cluster_say (self, "%c is told to stop", s_letter (node));
    process->stopping = true;
    s_step (process, (zseq_event_t){.type = ZSEQ_EVENT_STOP});
}

void
zseq_sim_cluster_pause (zseq_sim_cluster_t *self, uint8_t node,
                        uint64_t until_us)
{
    if (!s_at (self, node))
        return;
    zseq_sim_cluster_say (self, "%c pauses", s_letter (node));
    s_at (self, node)->paused_us = until_us;
}

void
zseq_sim_cluster_stick (zseq_sim_cluster_t *self, uint8_t node,
                        uint64_t until_us)
{
    if (s_at (self, node))
        s_at (self, node)->stuck_us = until_us;
}

void
zseq_sim_cluster_fill (zseq_sim_cluster_t *self, uint8_t node,
                       uint64_t until_us)
{
    self->place[node].full_us = until_us;
}

void
zseq_sim_cluster_fail (zseq_sim_cluster_t *self, uint8_t node)
{
    self->place[node].failing = true;
}

bool
zseq_sim_cluster_up (const zseq_sim_cluster_t *self, uint8_t node)
{
    return s_at (self, node) != NULL;
}

uint32_t
zseq_sim_cluster_process (const zseq_sim_cluster_t *self, uint8_t node)
{
    const s_process_t *process = s_at (self, node);
    return process ? process->id : NOBODY;
}

static bool
s_listens (const s_process_t *process)
{
    return process && process->paused_us <= process->cluster->now_us &&
           !process->deaf && !process->stopping;
}

bool
zseq_sim_cluster_hear (const zseq_sim_cluster_t *self, uint8_t node,
                       uint8_t peer)
{
    const s_process_t *process = s_at (self, node);
    return (!process || s_listens (process)) && s_listens (s_at (self, peer)) &&
           !self->cut[node][peer] && !self->cut[peer][node];
}

zseq_state_t
zseq_sim_cluster_state (const zseq_sim_cluster_t *self, uint8_t node)
{
    const s_process_t *process = s_at (self, node);
    return process ? zseq_node_state (process->node) : 0;
}

const zseq_record_t *
zseq_sim_cluster_record (const zseq_sim_cluster_t *self, uint8_t node)
{
    const s_process_t *process = s_at (self, node);
    return process ? zseq_node_record (process->node) : NULL;
}

uint64_t
zseq_sim_cluster_forced_us (const zseq_sim_cluster_t *self, uint8_t node)
{
    return self->place[node].forced_us;
}

int
zseq_sim_cluster_ended (const zseq_sim_cluster_t *self, uint8_t node)
{
    return self->place[node].ended;
}

const char *
zseq_sim_cluster_last_words (const zseq_sim_cluster_t *self, uint8_t node)
{
    return self->place[node].words;
}

zseq_sim_disk_t *
zseq_sim_disk (zseq_sim_cluster_t *self, uint8_t node)
{
    return self->place[node].disk;
}

zseq_incarnation_t
zseq_sim_cluster_voted (const zseq_sim_cluster_t *self, uint8_t node)
{
    return self->place[node].voted;
}

void
zseq_sim_cluster_cut (zseq_sim_cluster_t *self, uint8_t from, uint8_t to,
                      zseq_cut_t cut)
{
    self->cut[from][to] |= (uint8_t) (1u << cut);
}

void
zseq_sim_cluster_join (zseq_sim_cluster_t *self, uint8_t node, uint8_t peer)
{
    self->cut[node][peer] = self->cut[peer][node] = 0;
}

void
zseq_sim_cluster_cut_client (zseq_sim_cluster_t *self, size_t client,
                             uint8_t node)
{
    self->cut_client[client][node] = true;
}

void
zseq_sim_cluster_mend (zseq_sim_cluster_t *self)
{
    memset (self->cut, 0, sizeof self->cut);
    memset (self->cut_client, 0, sizeof self->cut_client);
}

bool
zseq_sim_cluster_send (zseq_sim_cluster_t *self, size_t client, uint8_t node,
                       const zseq_msg_t *msg)
{
    const s_process_t *to = s_at (self, node);
    if (s_older (self, node) && s_random (self) % 2)
        to = s_older (self, node);
    s_message_t head = {
      .to = to ? to->id : NOBODY, .client = (uint16_t) client, .node = node};
    s_post (self, &head, msg, s_cut_client (self, client, node));
    return to != NULL;
}

uint64_t
zseq_sim_cluster_claimed (const zseq_sim_cluster_t *self)
{
    return self->claimed;
}

uint64_t
zseq_sim_cluster_promised (const zseq_sim_cluster_t *self, size_t name)
{
    return self->promised[name];
}

uint64_t
zseq_sim_cluster_identity (const zseq_sim_cluster_t *self)
{
    for (size_t node = 0; node < self->n; node++)
        if (self->place[node].disk->record.identity)
            return self->place[node].disk->record.identity;
    return 0;
}
