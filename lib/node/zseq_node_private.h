//  What the files of a node share: its struct, and the functions that each file
//  offers to the others, in the order in which files may call each other. Only
//  zseq_node*.c include this header.

#ifndef ZSEQ_NODE_PRIVATE_H_INCLUDED
#define ZSEQ_NODE_PRIVATE_H_INCLUDED

#include "zseq_busy.h"
#include "zseq_coordinator.h"
#include "zseq_flake.h"
#include "zseq_kv_coordinator.h"
#include "zseq_kv_watches.h"
#include "zseq_node.h"
#include "zseq_recovery.h"
#include "zseq_registers.h"

#define WHY_MAX 256
#define REFUSAL_MAX 64
//  Connections that are distinguished.
#define ZSEQ_CALLERS_MAX 1024
//  Names whose contention is distinguished.
#define ZSEQ_CONTENTION_SLOTS 4096
//  Senders whose requests for new names are counted apart.
#define ZSEQ_FRESH_SENDERS 4096
//  Connections whose labels are kept.
#define ZSEQ_LABELS 1024
//  The oldest is ten seconds old or a little older.
#define ZSEQ_SAMPLES 11
//  Bits that tell connections apart: of 1,000 connections, 8 are taken for
//  others.
#define ZSEQ_HEARD_BITS 65536

//  A request that was granted and whose reply waits for the disk.
typedef struct {
    zseq_sender_t sender;
    zseq_op_t op;
    uint64_t request;
    uint64_t next;  //  To be answered, and to be durable before that
    uint64_t first;
    uint64_t count;
    uint64_t name_hash;  //  Of zseq_node_contention
    uint32_t following;  //  Next in the sequence's queue, or in the free list
    bool fresh;          //  The sequence was on no disk when it began to wait
} zseq_waiting_t;

//  Whether a peer answers, as far as the log has said.
typedef enum { PRESENCE_UNKNOWN, PRESENCE_UP, PRESENCE_DOWN } zseq_presence_t;

//  What a peer last said of itself, and the question under way to it.
typedef struct {
    uint64_t request;   //  The question under way; 0 if none
    zseq_op_t op;       //  What it asks
    uint64_t ask_us;    //  When to ask next
    uint64_t asked_us;  //  When that was asked
    uint64_t heard_us;  //  When it last answered anything
    bool unreached;     //  The last message to it could not be sent
    uint64_t wait_us;   //  How long to wait for the answer; 0: as usual
    uint64_t cluster;   //  Whose voter it is, to a node that does not know its
                        //  own cluster; 0: it has not said
    bool asked_soon;    //  A message says that the answer has changed
    zseq_vector_t vector;
    zseq_state_t state;  //  0: it has said nothing since this process began
    bool confirms;  //  It has answered, and knows no newer incarnation of us
    bool packs;     //  It reads packed frames
    bool extended;  //  It speaks version 2, and has said the next three
    uint64_t seen;  //  The process that it saw at our endpoint
    uint64_t floor;
    uint64_t floor_reserved;
    uint64_t speaks;   //  The highest version that it speaks; 0: not known
    bool holds_vote;   //  Its record on disk says that it votes
    int last_warning;  //  Last logged about it; ZSEQ_OK: none
    zseq_presence_t presence;  //  Of zseq_node_watch, as the next two
    uint64_t down_us;          //  Since when it has been down
    zseq_state_t logged_state;

    //  An incarnation of the peer that a FENCE claimed and the peer has not
    //  confirmed yet; none if the counter is 0.
    zseq_incarnation_t claimed;
    bool checking;   //  The question under way was asked since
    bool disproved;  //  It answered in an older incarnation

    //  Of zseq_node_members: the members to which it gives another endpoint
    //  than this node's list, and which one it gives to the first of them.
    zseq_node_set_t differs;
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];

    uint64_t process;    //  Of the process that answers at its endpoint
    uint64_t duplicate;  //  Of another one that introduces itself in its name;
                         //  0: none
    bool duplicate_checking;   //  The question under way was asked since
    bool duplicate_disproved;  //  Another one answered
} zseq_peer_t;

//  The phase of a recovery.
typedef enum {
    PHASE_ASK,    //  Asks which incarnations are known
    PHASE_BEGIN,  //  Its new incarnation is being written
    PHASE_COPY,   //  Fences, and copies
    PHASE_SETTLE  //  What was copied is being written, the vote last
} zseq_phase_t;

//  What the record on disk holds. zseq_node_disk writes it; zseq_node_start
//  clears start_voted.
typedef struct {
    zseq_vector_t vector;
    uint64_t floor;
    uint64_t floor_reserved;
    bool start_voted;
    bool voting;
    uint64_t version;  //  Of the record that is there
} zseq_node_durable_t;

//  Of zseq_node_disk: writes in flight.
typedef struct {
    bool record_writing;       //  A write of the record is in flight
    bool record_refused;       //  The last one was, as the disk is full
    uint64_t record_us;        //  It is not written before that
    zseq_sequence_t *refused;  //  The sequence that was refused last; NULL: the
                               //  disk takes sequences
    uint64_t refused_us;       //  When that was
    char refusal[REFUSAL_MAX];  //  Why, while anything is refused
    zseq_record_t snapshot;     //  What that write holds
    size_t writing;             //  Entries whose write is in flight
    size_t fresh_writing;       //  ... and whose names are on no disk
    zseq_busy_t busy;           //  While there are any
} zseq_node_disk_t;

//  Of zseq_node_queue; zseq_node_disk empties dirty, and fresh bit by bit.
typedef struct {
    zseq_waiting_t *waiting;  //  Slot 0 is unused
    uint32_t waiting_size;
    uint32_t waiting_free;  //  First of the free slots; 0 if none
    size_t waiting_count;
    size_t waiting_max;
    zseq_sequence_t *dirty;  //  Entries to be written at the next flush
    zseq_sequence_t **dirty_end;
    zseq_sequence_t *fresh;  //  The same, of names that are on no disk
    zseq_sequence_t **fresh_end;
    size_t fresh_waiting;  //  Requests for such names that wait
    uint32_t fresh_of[ZSEQ_FRESH_SENDERS];  //  ... of the senders with that
                                            //  hash
} zseq_node_queue_t;

//  Of zseq_node_reservation.
typedef struct {
    uint64_t ahead_us;       //  How long one may last at most; 0: none
    zseq_sequence_t *first;  //  Entries with a reservation
    zseq_sequence_t **end;
    size_t count;       //  Of them
    size_t due;         //  First of them that this round has not looked at
    uint64_t round_us;  //  When the next round begins
} zseq_node_reservation_t;

//  Of zseq_node_congestion; zseq_node_reply reads until_us.
typedef struct {
    uint64_t callers;  //  Connections with requests since the last flush
    uint64_t caller[ZSEQ_CALLERS_MAX / 64];
    uint64_t waiting;  //  How many wait at once, typically, in CONGESTION_UNITs
    uint64_t until_us;  //  The node is congested until then
} zseq_node_congestion_t;

//  Of zseq_node_labels.
typedef struct {
    uint8_t size;  //  0: not known
    char text[ZSEQ_LABEL_MAX];
} zseq_label_t;

typedef struct {
    uint64_t sender;  //  A hash of the connection
    zseq_label_t label;
} zseq_node_label_t;

//  Of zseq_node_contention: the names' last requests, by the names' hashes.
typedef struct {
    uint64_t name;        //  A hash of the name of the last request
    uint64_t sender;      //  A hash of who made it
    uint64_t last_us;     //  When that was
    uint64_t until_us;    //  The name is contended until then
    uint64_t claimed;     //  IDs of the last claim that was accepted; 0: none
    uint64_t claimed_us;  //  When a claim became durable last; 0: none has
    uint64_t second_us;   //  When the second began in which it counts IDs
    uint64_t second_ids;  //  IDs of the claims that did in this second
    uint64_t second_before;  //  ... and in the one before
    zseq_label_t claimant;   //  Who made the last claim that did
} zseq_node_contention_t;

//  A reply of the key-value store: sent at once, or when all that it shows is
//  durable.
typedef struct zseq_kv_reply {
    struct zseq_kv_reply *following;  //  That waits for the same group
    zseq_sender_t sender;
    zseq_op_t op;
    uint64_t request;
    uint64_t shards;  //  PROMISE
    uint64_t first;   //  Positions of the groups that it waits for, the lowest
    uint64_t last;    //  and the highest; 0: none
    size_t count;
    zseq_slice_t through;     //  LIST: points into a register, as it is sent at
                              //  once
    zseq_register_t **shown;  //  READ, FETCH, LIST: owned, as the records
                              //  point into them; NULL: absent or refused
    zseq_kv_record_t *records;  //  READ, FETCH, LIST
    zseq_kv_answer_t answers[];
} zseq_kv_reply_t;

//  A group of changes to registers, and the replies that wait for it.
typedef struct zseq_kv_pending {
    struct zseq_kv_pending *following;
    uint64_t position;
    zseq_kv_group_t *group;  //  NULL: the open group
    zseq_kv_reply_t *replies;
    zseq_kv_reply_t **replies_end;
} zseq_kv_pending_t;

//  Of zseq_node_kv, _kv_disk, _kv_ends, _kv_queue and _kv_watch.
typedef struct {
    zseq_registers_t *registers;  //  NULL: the node has no key-value store
    zseq_kv_coordinator_t *coordinator;  //  zseq_node_kv_delegation; or NULL
    zseq_kv_watches_t *watches;          //  zseq_node_kv_watch; or NULL
    zseq_node_set_t ask;         //  Peers to be asked what they have promised
    zseq_kv_pending_t *pending;  //  By position; the open group is the last
    size_t waiting_count;        //  Replies that wait
    size_t writing_bytes;        //  Of the groups in flight
    size_t writing_count;        //  Groups in flight
    uint64_t durable;            //  Position of the last group that is durable
    zseq_journal_end_t heard[ZSEQ_NODES_MAX];  //  Of peers, by their indexes
    uint64_t refused;     //  Position of the group that has what the disk has
                          //  refused; 0: it has refused nothing
    bool retry;           //  It is time to try again
    uint64_t refused_us;  //  When that was
    char refusal[REFUSAL_MAX];  //  Why
} zseq_node_kv_t;
//  Of zseq_node_rates. What had happened at a time.
typedef struct {
    uint64_t at_us;
    uint64_t ids;
    uint64_t claims;
    uint64_t refusals;
} zseq_node_sample_t;

typedef struct {
    zseq_node_sample_t sample[ZSEQ_SAMPLES];  //  The last ones
    size_t next_sample;                       //  How many were taken
    uint64_t sample_us;                       //  When to take the next one
    uint64_t heard[2][ZSEQ_HEARD_BITS / 64];  //  Connections, by their hashes
    size_t period;       //  Which of heard is of this period
    uint64_t period_us;  //  When it ends
} zseq_node_rates_t;

//  Of zseq_node_recovery and zseq_node_recovery_reply.
typedef struct {
    bool requested;     //  The operator asked for it
    char why[WHY_MAX];  //  Why it recovers
    uint64_t identity;  //  The cluster's, as far as it is known
    zseq_phase_t phase;
    zseq_recovery_t attempt;   //  The attempt under way
    zseq_kv_cursor_t settled;  //  Registers up to there were handed over
    uint32_t attempts;
    uint64_t begun_version;  //  Of the record with the new incarnation
    uint64_t progress_us;    //  When the last answer was of use
    uint64_t logged_us;      //  When the progress was last logged
    uint64_t logged_copied;  //  How far that was
    bool forced;             //  zseq_node_force
    zseq_force_t force;
} zseq_node_recovery_t;

//  Of zseq_node_watch.
typedef struct {
    bool quorum;        //  So many members vote that claims succeed
    uint64_t short_us;  //  Since when too few have voted; 0: enough do, or
                        //  never did
} zseq_node_watch_t;

struct zseq_node {
    //  The step: zseq_node.
    uint64_t now_us;
    uint64_t wall_ms;  //  As of the step
    bool begun;        //  The first tick is over
    uint64_t begun_us;
    bool stopping;
    bool ended;  //  It has logged that it must end
    zseq_action_fn *act;
    void *arg;

    //  The record. Every change adds one to version.
    zseq_record_t record;  //  As it is to be
    uint64_t version;      //  Of record; one up with every change
    zseq_node_durable_t durable;
    zseq_node_disk_t disk;

    //  Whether it votes, or what else it does: zseq_node_state, _start,
    //  _formation, _recovery.
    bool voting;    //  S5: the record on disk says so
    bool starting;  //  It does, but the directory may be an old copy
    bool forming;   //  About to vote first: peers are to note it
    uint64_t forming_identity;  //  ... in the cluster of that identity
    bool recovering;            //  It has lost records, and does not vote
    uint32_t superseded;        //  How often a peer knew more of this node
    zseq_node_recovery_t recovery;

    //  Names and requests for them.
    zseq_table_t *table;
    zseq_node_queue_t queue;
    zseq_node_reservation_t reservation;
    zseq_node_congestion_t congestion;
    zseq_node_contention_t contention[ZSEQ_CONTENTION_SLOTS];
    zseq_node_stats_t stats;  //  But for sequences, which the table counts
    zseq_counters_t counters;
    zseq_node_rates_t rates;
    zseq_node_label_t labels[ZSEQ_LABELS];
    bool logged_burnt;    //  stats.burnt was logged
    bool names_full;      //  A name was refused, as there is no room
    const char *trouble;  //  See zseq_node_set_trouble
    zseq_coordinator_t *coordinator;  //  zseq_node_delegation

    //  Keys and requests for them.
    zseq_node_kv_t kv;

    //  Peers: zseq_node_ask, _introduce, _fence, _recovery_reply, _watch.
    zseq_peer_t peer[ZSEQ_NODES_MAX];
    zseq_node_watch_t watch;
    uint64_t next_request;
    uint64_t process;          //  Tells this process from others under its name
    uint64_t unknown_node_us;  //  When to log a refused introduction again
    uint64_t disbelieved_us;   //  ... and a reply that was not believed
    uint64_t unreached_us;  //  ... and a peer that does not reach this process

    zseq_msg_t reply;                           //  Scratch
    zseq_item_t page[ZSEQ_PAGE_MAX];            //  Scratch
    zseq_msg_member_t members[ZSEQ_NODES_MAX];  //  Scratch
};

//  zseq_node_log.c.

//  Logs a line about that kind of event.
__attribute__ ((format (printf, 4, 5))) void
zseq_node_log (zseq_node_t *self, zseq_log_level_t level, const char *kind,
               const char *format, ...);

//  Logs why the node ends, with status, and ends it.
__attribute__ ((format (printf, 3, 4))) void
zseq_node_end (zseq_node_t *self, int status, const char *format, ...);

//  The name of a member, by its index.
const char *zseq_node_name (const zseq_node_t *self, uint8_t node);

//  Whether to log a warning about a peer: it differs from the last one. ZSEQ_OK
//  is no warning.
bool zseq_node_log_changed (zseq_node_t *self, uint8_t peer, int warning);

//  zseq_node_congestion.c.

//  Counts a request from sender.
void zseq_node_congestion_note_request (zseq_node_t *self,
                                        const zseq_sender_t *sender,
                                        zseq_op_t op);

//  All waiting requests were stepped.
void zseq_node_congestion_note_flush (zseq_node_t *self);

//  zseq_node_rates.c.

//  Time has passed.
void zseq_node_rates_tick (zseq_node_t *self);

//  A request has come from sender.
void zseq_node_rates_note_request (zseq_node_t *self,
                                   const zseq_sender_t *sender);

//  Brings the rates and active_connections among the counters up to date.
void zseq_node_rates_fill (zseq_node_t *self);

//  zseq_node_labels.c.

//  Notes what the client of a connection calls itself, 0 to ZSEQ_LABEL_MAX
//  bytes, where none changes nothing; that the connection is a peer's. Senders
//  of other kinds have no label.
void zseq_node_labels_note (zseq_node_t *self, const zseq_sender_t *sender,
                            zseq_slice_t label);
void zseq_node_labels_note_peer (zseq_node_t *self, const zseq_sender_t *sender,
                                 uint8_t peer);

//  The label of sender, or an empty one.
zseq_label_t zseq_node_labels_find (const zseq_node_t *self,
                                    const zseq_sender_t *sender);

//  zseq_node_contention.c.

//  Notes that sender asks for a name. Returns the name's hash, by which the
//  others know it.
uint64_t zseq_node_contention_note (zseq_node_t *self,
                                    const zseq_sender_t *sender,
                                    zseq_slice_t name);

//  Notes that a claim of that name was accepted; that one has become durable,
//  made by sender; that the coordinator has served sender.
void zseq_node_contention_note_claim (zseq_node_t *self, uint64_t name_hash,
                                      uint64_t count);
void zseq_node_contention_note_durable (zseq_node_t *self,
                                        const zseq_sender_t *sender,
                                        uint64_t name_hash, uint64_t count);
void zseq_node_contention_note_served (zseq_node_t *self,
                                       const zseq_sender_t *sender,
                                       zseq_slice_t name);

//  How many IDs the last claim took that was accepted; 0: not known.
uint64_t zseq_node_contention_claimed (const zseq_node_t *self,
                                       uint64_t name_hash);

//  Fills in how many IDs of a name were claimed durably in the last second,
//  about, how long ago the last claim was, and who made it. claimant is valid
//  until the next step.
void zseq_node_contention_info (const zseq_node_t *self, zseq_slice_t name,
                                zseq_msg_info_t *info);

//  Whether several clients ask for that name.
bool zseq_node_contended (const zseq_node_t *self, uint64_t name_hash);

//  zseq_node_reply.c.

//  A reply that the caller completes and then sends. It is valid until the next
//  one.
zseq_msg_t *zseq_node_reply (zseq_node_t *self, zseq_op_t op, uint64_t request,
                             int status);

//  Sends the reply to a connection, the local client, or the own coordinator.
void zseq_node_send (zseq_node_t *self, const zseq_sender_t *sender);

//  Answers a request with nothing but status, which is not ZSEQ_OK.
void zseq_node_refuse (zseq_node_t *self, const zseq_event_t *event,
                       int status);

//  zseq_node_queue.c.

//  Has the next flush write a sequence.
void zseq_node_mark_dirty (zseq_node_t *self, zseq_sequence_t *sequence);

//  Whether one more request of that sender for that sequence, or for a new name
//  (NULL), may wait. Requests for names that are on no disk yet may take half
//  of the places, and those of one sender half of these. Allocates its slot.
bool zseq_node_queue_has_capacity (zseq_node_t *self,
                                   const zseq_sequence_t *sequence,
                                   const zseq_sender_t *sender);

//  Whether a sequence waits to be written.
bool zseq_node_queue_dirty (const zseq_node_t *self);

//  Answers a request that was granted, or refused with a next.
void zseq_node_queue_answer (zseq_node_t *self, const zseq_sender_t *sender,
                             const zseq_waiting_t *granted, int status);

//  Queues a granted request until sequence is written. The queue must have
//  capacity.
void zseq_node_queue_wait (zseq_node_t *self, zseq_sequence_t *sequence,
                           const zseq_waiting_t *granted);

//  Answers the requests that wait for no more than durable_to, if the node
//  votes.
void zseq_node_release (zseq_node_t *self, zseq_sequence_t *sequence,
                        uint64_t durable_to, int status);

//  zseq_node_kv_ends.c.

//  Tells in a message how far this node's journal is durable, and in a request
//  who tells it.
void zseq_node_kv_say_end (const zseq_node_t *self, zseq_msg_t *msg);

//  Remembers what a node has told in a request, or in a reply.
void zseq_node_kv_hear (zseq_node_t *self, uint8_t node,
                        const zseq_journal_end_t *end);
void zseq_node_kv_hear_reply (zseq_node_t *self, const zseq_msg_t *msg);

//  The highest position that a peer has told in an incarnation; 0: none is
//  remembered.
uint64_t zseq_node_kv_heard (const zseq_node_t *self, uint8_t node,
                             const zseq_incarnation_t *incarnation);

//  zseq_node_kv_watch.c.

//  Answers a KV_WATCH at once, or has it wait.
void zseq_node_kv_watch (zseq_node_t *self, const zseq_event_t *event);

//  A group is durable: answers the watches of its keys.
void zseq_node_kv_watch_note (zseq_node_t *self, const zseq_kv_group_t *group);

//  Time has passed: drops the watches that have waited long enough.
void zseq_node_kv_watch_tick (zseq_node_t *self);

//  zseq_node_kv_queue.c.

//  A reply to the event's request, with count answers (1 or more) that are all
//  ZSEQ_OK and absent. NULL: too much waits, and the request was refused as
//  busy.
zseq_kv_reply_t *zseq_node_kv_reply_new (zseq_node_t *self,
                                         const zseq_event_t *event,
                                         size_t count);

//  A reply shows what the group with that position makes durable; 0: it is.
void zseq_node_kv_reply_need (zseq_kv_reply_t *reply, uint64_t position);

//  Sends a reply, when all that it needs is durable. Takes the reply over.
void zseq_node_kv_answer (zseq_node_t *self, zseq_kv_reply_t **reply_p);

//  Hands the open group, which has changes, over to the disk. False: no memory.
bool zseq_node_kv_submit (zseq_node_t *self);

//  Whether a reply waits for the open group.
bool zseq_node_kv_open_waits (const zseq_node_t *self);

//  The first group in flight has ended with that status: answers the replies
//  that wait for it, if the node votes. If it was refused, so are the replies
//  that wait for later groups, too.
void zseq_node_kv_release (zseq_node_t *self, uint64_t position, int status);

//  Drops all replies that wait, without an answer.
void zseq_node_kv_drop (zseq_node_t *self);

//  The node is destroyed: frees all of the key-value store.
void zseq_node_kv_term (zseq_node_t *self);

//  zseq_node_state.c.

//  Votes from now on. The record on disk must say so.
void zseq_node_vote (zseq_node_t *self);

//  Ceases to vote at once. Requests that wait for the disk are not answered.
void zseq_node_suspend (zseq_node_t *self);

//  Whether the node votes, in the cluster of the request; else it has refused.
bool zseq_node_admit (zseq_node_t *self, const zseq_event_t *event);

//  zseq_node_members.c.

//  Fills in the cluster's name and members, valid until the next call.
void zseq_node_fill_members (zseq_node_t *self, zseq_msg_members_t *members);

//  Whether a message has the same cluster name and the same members by name.
bool zseq_node_members_same (const zseq_node_t *self,
                             const zseq_msg_members_t *members);

//  Compares the endpoints of a peer's member list with this node's, and logs
//  when they begin to differ and when they no longer do. The peer must have
//  said them at its endpoint; members without any: it has not said them. This
//  node's list remains as it is: only an operator changes it.
void zseq_node_members_compare (zseq_node_t *self, uint8_t index,
                                const zseq_msg_members_t *members);

//  The peers whose member lists differ.
zseq_node_set_t zseq_node_members_differ (const zseq_node_t *self);

//  Adds to the reason in text, which may be empty, that member lists differ, if
//  any does.
void zseq_node_members_reason (const zseq_node_t *self, char *text,
                               size_t size);

//  zseq_node_reservation.c.

//  Lists a sequence that has a reservation, so that a tick revisits it.
void zseq_node_reservation_list (zseq_node_t *self, zseq_sequence_t *sequence);

//  Marks a sequence dirty when half of its reservation is used, so that no
//  claim has to wait for the disk.
void zseq_node_reservation_ahead (zseq_node_t *self, zseq_sequence_t *sequence);

//  S8: from now on claims above the lower durable_to wait for the next write;
//  only then may the disk hold it. No write of the sequence may be in flight.
void zseq_node_reservation_shrink (zseq_node_t *self, zseq_sequence_t *sequence,
                                   uint64_t durable_to);

//  Time has passed: adapts reservations to the rates of their sequences.
void zseq_node_reservation_revisit (zseq_node_t *self);

//  The node stops: shrinks every reservation to nothing.
void zseq_node_reservation_shrink_all (zseq_node_t *self);

//  The durable_to to write of a sequence: at least what is durable, or what its
//  reservation has just shrunk to.
uint64_t zseq_node_reservation_target (zseq_node_t *self,
                                       zseq_sequence_t *sequence);

//  zseq_node_disk.c.

//  Writes the record if it has changed.
void zseq_node_disk_write_record (zseq_node_t *self);

//  Time has passed: writes again what the disk has refused.
void zseq_node_disk_tick (zseq_node_t *self);

//  Writes all sequences that are dirty.
void zseq_node_disk_write_entries (zseq_node_t *self);

//  The write of a sequence has ended: the event is PERSISTED.
void zseq_node_disk_entry_written (zseq_node_t *self,
                                   const zseq_event_t *event);

//  The write of the record has ended: the event is RECORD_PERSISTED. Returns
//  whether it is on disk.
bool zseq_node_disk_record_written (zseq_node_t *self,
                                    const zseq_event_t *event);

//  The disk has lost what it held: the event is DAMAGED.
void zseq_node_disk_damaged (zseq_node_t *self, const zseq_event_t *event);

//  zseq_node_kv_disk.c.

//  Hands the open group over, unless the disk has refused what it holds and
//  nobody waits for it.
void zseq_node_kv_flush (zseq_node_t *self);

//  Whether more must not be handed over now: too much is in flight.
bool zseq_node_kv_busy (const zseq_node_t *self);

//  Writes what a recovery has copied, as far as the disk keeps up, from cursor
//  on, which it moves.
void zseq_node_kv_settle (zseq_node_t *self, zseq_kv_cursor_t *cursor);

//  Whether all of that is durable.
bool zseq_node_kv_settled (const zseq_node_t *self,
                           const zseq_kv_cursor_t *cursor);

//  Whether so much waits for the disk that an ACCEPT must be refused, and why;
//  ZSEQ_OK: no.
int zseq_node_kv_capacity (const zseq_node_t *self);

//  The open group has grown: hands it over if it is large.
void zseq_node_kv_flush_large (zseq_node_t *self);

//  The write of a group has ended: the event is KV_PERSISTED.
void zseq_node_kv_written (zseq_node_t *self, const zseq_event_t *event);

//  Time has passed: has what the disk has refused written again.
void zseq_node_kv_tick (zseq_node_t *self);

//  zseq_node_floor.c.

//  The floor of a name. Reserved names count milliseconds, each from its own
//  epoch.
uint64_t zseq_node_floor (const zseq_node_t *self, zseq_slice_t name);

//  Takes over higher floors of a peer. A floor that an operator has forced
//  binds every node that learns of it: this node does not vote until the floor
//  is durable.
void zseq_node_floor_take (zseq_node_t *self, uint8_t peer,
                           const zseq_msg_t *msg);

//  Raises the floors to the operator's and, by S10, that of reserved names
//  above all that other nodes may have accepted by now.
void zseq_node_floor_force (zseq_node_t *self);

//  zseq_node_seq.c.

//  Whether a request for a name is admitted; else refuses it. end: the end of
//  the IDs that it claims, 0 if none. S10: a reserved name's milliseconds must
//  not run far ahead of this node's clock, so that no client can use up
//  another's.
bool zseq_node_seq_admit (zseq_node_t *self, const zseq_event_t *event,
                          uint64_t end);

//  The sequence of the request's name, made if need be. NULL: refused.
//  Whether the name of a sequence is on no disk, and no write of it was done.
static inline bool
zseq_node_seq_fresh (const zseq_sequence_t *sequence)
{
    return sequence->durable_to == 0 && !sequence->journaled;
}

//  Whether a sequence is as zseq_node_seq_obtain makes it, and nothing refers
//  to it but its queue at the coordinator.
bool zseq_node_seq_untouched (const zseq_node_t *self,
                              const zseq_sequence_t *sequence);

zseq_sequence_t *zseq_node_seq_obtain (zseq_node_t *self,
                                       const zseq_event_t *event);

//  Answers a READ. The sender may be the own coordinator.
void zseq_node_seq_read (zseq_node_t *self, const zseq_event_t *event);

//  Answers a CLAIM. The sender may be the own coordinator.
void zseq_node_seq_claim (zseq_node_t *self, const zseq_event_t *event);

//  Answers a RAISE.
void zseq_node_seq_raise (zseq_node_t *self, const zseq_event_t *event);

//  Answers with at most wanted names that begin with prefix and are above
//  after. A LIST shows what is durable: a name whose first claim is not durable
//  may vanish. A COPY shows all that is in memory.
void zseq_node_answer_page (zseq_node_t *self, const zseq_event_t *event,
                            zseq_slice_t prefix, size_t wanted);

//  Answers a LIST.
void zseq_node_seq_list (zseq_node_t *self, const zseq_event_t *event);

//  Answers an INFO.
void zseq_node_seq_info (zseq_node_t *self, const zseq_event_t *event);

//  zseq_node_delegation.c.

//  A coordinator whose hooks are this node. NULL: no memory.
zseq_coordinator_t *zseq_node_delegation_new (zseq_node_t *self,
                                              size_t requests_max);

//  Takes in a NEXT.
void zseq_node_delegation_next (zseq_node_t *self, const zseq_event_t *event);

//  Handles a peer's reply to a READ or CLAIM. S3: a peer votes only for itself,
//  and only in its cluster.
void zseq_node_delegation_reply (zseq_node_t *self, const zseq_event_t *event);

//  zseq_node_kv.c.

//  Whether the node has a store that it can answer from, votes, and is in the
//  request's cluster; else it has refused, but for CHOSEN, which has no reply.
bool zseq_node_kv_admit (zseq_node_t *self, const zseq_event_t *event);

//  Answers a request to the acceptor: KV_READ, KV_LIST, KV_WATCH, or one of a
//  proposer.
void zseq_node_kv_request (zseq_node_t *self, const zseq_event_t *event);

//  A peer's reply to KV_PROMISES, which this node has asked while it votes.
void zseq_node_kv_hear_promises (zseq_node_t *self, uint8_t peer,
                                 const zseq_msg_t *msg);

//  zseq_node_kv_delegation.c.

//  A coordinator of keys for this node. NULL: no memory.
zseq_kv_coordinator_t *zseq_node_kv_delegation_new (zseq_node_t *self,
                                                    size_t requests_max);

//  The node begins: tells the coordinator which promises it has given.
void zseq_node_kv_delegation_begin (zseq_node_t *self);

//  Answers a KV_WRITE or KV_SETTLE.
void zseq_node_kv_delegation_write (zseq_node_t *self,
                                    const zseq_event_t *event);

//  A peer's reply to the coordinator. Counts only if it is from that peer, and
//  only in its cluster.
void zseq_node_kv_delegation_reply (zseq_node_t *self,
                                    const zseq_event_t *event);

//  zseq_node_ask.c.

//  How long after its answer a peer is asked again who it is, during formation
//  and later. The interval doubles while the peer does not answer.
#define FORMATION_ASK_US 50000
#define ASK_US 1000000
#define ASK_US_MAX 8000000

//  A new question to a peer, which the caller completes and sends. It replaces
//  the question under way to that peer.
zseq_msg_t *zseq_node_ask_question (zseq_node_t *self, uint8_t peer,
                                    zseq_op_t op);

//  Sends the question.
void zseq_node_ask_send (zseq_node_t *self, uint8_t peer);

//  A message says that a peer's answer has changed: asks it soon.
void zseq_node_ask_soon (zseq_node_t *self, uint8_t node);

//  Time has passed: asks each peer that is due who it is.
void zseq_node_ask_all (zseq_node_t *self);

//  The version of the protocol that has the key-value store. An older node does
//  not know its ops: wire.md, section 19.
#define KV_VERSION 4

//  Whether a reply answers the question under way to a peer; ends the question.
bool zseq_node_ask_answered (zseq_node_t *self, uint8_t index,
                             const zseq_msg_t *msg);

//  All nodes but this one.
static inline zseq_node_set_t
zseq_node_peer_set (const zseq_node_t *self)
{
    zseq_node_set_t peers = zseq_node_set_first (self->record.members.n);
    zseq_node_set_remove (&peers, self->record.self);
    return peers;
}

//  zseq_node_start.c.

//  Takes a new start, unless no process has voted in the last one.
void zseq_node_start_take (zseq_node_t *self);

//  Whether start is this node's or an earlier one.
bool zseq_node_start_fits (const zseq_node_t *self, const zseq_start_t *start);

//  S11: whether that peer has noted this start, and knows no later one.
bool zseq_node_start_noted (const zseq_node_t *self, uint8_t index);

//  The peers that have noted this start.
zseq_node_set_t zseq_node_start_noted_by (const zseq_node_t *self);

//  Whether every peer has answered, or the wait for silent peers is over.
bool zseq_node_start_all_heard (const zseq_node_t *self);

//  Whether those peers suffice to note a node's first start: a quorum, or all
//  peers. Any two such sets share a peer. And how many peers that takes.
bool zseq_node_start_first_reached (const zseq_node_t *self,
                                    zseq_node_set_t peers);
uint8_t zseq_node_start_first_need (const zseq_node_t *self);

//  Whether those peers suffice to note a later start: with the node they are a
//  quorum.
bool zseq_node_start_reached (const zseq_node_t *self, zseq_node_set_t peers);

//  Votes if the node starts and enough peers have noted that.
void zseq_node_start_maybe_vote (zseq_node_t *self);

//  S5, S11: the record says that the node votes. The node asks its peers
//  whether it still may.
void zseq_node_start_begin (zseq_node_t *self);

//  S11: notes a start that a peer has shown at its endpoint.
void zseq_node_start_note (zseq_node_t *self, uint8_t peer,
                           const zseq_start_t *start);

//  zseq_node_formation.c.

//  Votes for the first time if the cluster is formed and enough peers have
//  noted the start.
void zseq_node_formation_maybe_vote (zseq_node_t *self);

//  zseq_node_status.c.

//  Answers a HELLO.
void zseq_node_status_hello (zseq_node_t *self, const zseq_event_t *event);

//  Why the node does not vote, or what it refuses although it votes, and whose
//  member list differs, for a person; empty if there is nothing to say.
void zseq_node_reason (const zseq_node_t *self, char *text, size_t size);

//  Answers a STATUS.
void zseq_node_status_answer (zseq_node_t *self, const zseq_event_t *event);

//  zseq_node_force.c.

//  Whether a forced recovery has waited long enough for peers.
bool zseq_node_force_waited (const zseq_node_t *self);

//  Whether enough peers know of this recovery; else ends the node.
bool zseq_node_force_heard_enough (zseq_node_t *self);

//  Whether all peers that answered and hold sequences were copied from, and
//  enough peers know of this recovery; else ends the node.
bool zseq_node_force_passes_over_nobody (zseq_node_t *self);

//  zseq_node_recovery.c.

//  How often the node logs which peers it waits for.
#define WAITING_US 10000000

//  Begins a new attempt.
void zseq_node_recovery_attempt (zseq_node_t *self);

//  Votes no more, and recovers, for the reason in why.
void zseq_node_recovery_begin (zseq_node_t *self);

//  Finds the cluster's identity: a quorum of voters that agree or, with any,
//  one voter.
void zseq_node_recovery_find_cluster (zseq_node_t *self, bool any);

//  Goes on to the next phase if enough peers have answered.
void zseq_node_recovery_maybe_proceed (zseq_node_t *self);

//  Forgets all registers that were copied, and copies again from all peers.
void zseq_node_recovery_copy_keys_again (zseq_node_t *self);

//  Writes registers that were copied, when nothing is copied any more.
void zseq_node_recovery_settle_keys (zseq_node_t *self);

//  Asks for the record with the vote, when all else of a recovery is written.
void zseq_node_recovery_maybe_vote (zseq_node_t *self);

//  Asks every peer that is due its next question, if there is one.
void zseq_node_recovery_request_all (zseq_node_t *self);

//  Logs the progress, or the peers that the node waits for.
void zseq_node_recovery_log (zseq_node_t *self);

//  The record was written: begins to copy if it holds the new incarnation.
void zseq_node_recovery_record_written (zseq_node_t *self);

//  zseq_node_old_copy.c.

//  Handles a reply that shows another incarnation of this node than its own.
//  Before formation that is impossible; later a newer one means that this
//  directory is an old copy or that another process has taken over. Returns
//  whether the node has ended or recovers.
bool zseq_node_old_copy_superseded (zseq_node_t *self, uint8_t peer,
                                    const zseq_vector_t *vector);

//  S11: handles a peer that has noted a start of this incarnation that this
//  directory does not know. Returns whether the node has ended or recovers.
bool zseq_node_old_copy_outrun (zseq_node_t *self, uint8_t peer,
                                const zseq_msg_t *msg);

//  K17: handles a peer that was told of a position of this incarnation which
//  the journal of the key-value store does not have: its end is lost. Returns
//  whether the node recovers.
bool zseq_node_old_copy_shortened (zseq_node_t *self, uint8_t peer,
                                   const zseq_msg_t *msg);

//  A peer has found another process at this node's endpoint: ends the node.
void zseq_node_old_copy_duplicate (zseq_node_t *self, uint8_t peer);

//  zseq_node_introduce.c.

//  Answers an INTRODUCE.
void zseq_node_introduce_answer (zseq_node_t *self, const zseq_event_t *event);

//  A peer's reply to INTRODUCE: what it says of itself.
void zseq_node_introduce_reply (zseq_node_t *self, uint8_t index,
                                const zseq_msg_t *msg);

//  zseq_node_fence.c.

//  Answers a FENCE.
void zseq_node_fence_answer (zseq_node_t *self, const zseq_event_t *event);

//  Answers a COPY.
void zseq_node_fence_copy (zseq_node_t *self, const zseq_event_t *event);

//  Answers a KV_COPY, and a KV_PROMISES.
void zseq_node_fence_copy_keys (zseq_node_t *self, const zseq_event_t *event);
void zseq_node_fence_promises (zseq_node_t *self, const zseq_event_t *event);

//  zseq_node_recovery_reply.c.

//  A peer's reply to a recovering node.
void zseq_node_recovery_reply (zseq_node_t *self, uint8_t index,
                               const zseq_msg_t *msg);

//  zseq_node_watch.c.

//  Time has passed: logs which peers have gone or come, and whether the quorum
//  was lost or regained.
void zseq_node_watch_tick (zseq_node_t *self);

//  zseq_node_peers.c.

//  Answers an INTRODUCE, or what a recovering peer asks.
void zseq_node_peers_request (zseq_node_t *self, const zseq_event_t *event);

//  A reply to a question of this node's.
void zseq_node_peers_reply (zseq_node_t *self, const zseq_event_t *event);

//  Whether a peer's reply may be true: it shows no incarnation that no recovery
//  could have begun. Logs it at times.
bool zseq_node_peers_believes (zseq_node_t *self, const zseq_event_t *event);

//  Time has passed.
void zseq_node_peers_tick (zseq_node_t *self);

//  The record was written.
void zseq_node_peers_record_written (zseq_node_t *self);

//  What was dirty is being written.
void zseq_node_peers_flushed (zseq_node_t *self);

#endif
