//  A script of messages, time, writes and crashes against one node: one that
//  votes, one that recovers, one at its birth. Whatever anybody sends, a node
//  keeps its promises to those that it has answered.
//
//  An input is the kind of node, a byte, with SPEAKS_2 another one; then events,
//  a byte each with what it needs (s_play). Messages are made from the input, or
//  are its bytes as they are. Without SPEAKS_2 all peers speak version 1.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_flake.h"
#include "zseq_codec.h"
#include "zseq_fuzz.h"
#include "zseq_node.h"
#include "zseq_quorum.h"

#define IDENTITY 0x1122334455667788u
#define NAMES_MAX 12
#define FILES_MAX 1024  //  Names that anybody has spoken of
#define WAITING_MAX 4
#define REQUESTS_MAX 512
#define OPS 9
#define SPEAKS_2 0x20
#define START_WAIT_US 1000000

static const zseq_op_t s_ops[OPS] = {
  ZSEQ_OP_CLAIM, ZSEQ_OP_READ,      ZSEQ_OP_RAISE, ZSEQ_OP_LIST,  ZSEQ_OP_HELLO,
  ZSEQ_OP_FENCE, ZSEQ_OP_INTRODUCE, ZSEQ_OP_COPY,  ZSEQ_OP_STATUS};

static char s_long_name[ZSEQ_NAME_MAX];

//  Ascending.
#define WORDS 5
static const zseq_slice_t s_words[WORDS] = {{"\x01\xff", 2},
                                            {"invoices", 8},
                                            {"o", 1},
                                            {"orders", 6},
                                            {s_long_name, sizeof s_long_name}};

//  What the node's disk holds of a name, and what was said of it.
typedef struct {
    char name[ZSEQ_NAME_MAX];
    size_t size;
    uint64_t next;
    uint64_t limit;     //  0: there is no record
    uint64_t refused;   //  The limit may be this one instead, if it is not 0
    uint64_t answered;  //  The highest next that was acknowledged
} s_file_t;

typedef struct {
    bool is_record;
    zseq_sequence_t *sequence;
    s_file_t *file;
    uint64_t next;
    uint64_t limit;
    zseq_record_t record;
    uint64_t version;
} s_write_t;

typedef struct {
    zseq_op_t op;
    uint64_t request;
    bool known;     //  By this process of the node
    bool answered;  //  At most once
    bool malformed;
    uint8_t version;
    bool forced;
    uint8_t node;
    zseq_incarnation_t life;
    s_file_t *file;
    uint64_t first;
    uint64_t count;
    uint64_t next;
    size_t after_size;
    char after[ZSEQ_NAME_MAX];
} s_request_t;

//  What a peer has told this process of the node.
typedef struct {
    bool heard;     //  Anything at all
    bool recovers;  //  So it said last
    bool confirms;  //  That it does not recover, and the next five
    bool extended;
    zseq_vector_t vector;
    uint64_t met;
    uint64_t floor;
    uint64_t floor_reserved;
    uint64_t process;  //  That has last answered at its endpoint

    uint64_t cluster;  //  Whose floors the next two are, the highest
    uint64_t floor_told;
    uint64_t floor_reserved_told;

    uint64_t speaks;  //  At most, by HELLO; like the next three
    uint64_t voter_of;
    bool holds;   //  It votes or starts, by the last HELLO
    bool forgot;  //  It recovers and has no vote on its disk, by that one
    zseq_incarnation_t fenced;  //  The lives of the node that it has answered
    zseq_incarnation_t copied;  //  FENCE to, and whose copy is whole
} s_peer_t;

static zseq_fuzz_t s_input;
static zseq_node_t *s_node;
static bool s_ended;
static uint64_t s_now_us;
static uint64_t s_processes;
static zseq_record_t s_disk;        //  The record that is durable
static zseq_record_t s_maybe_disk;  //  ... or it is this one: refused, n not 0
static s_file_t s_files[FILES_MAX];
static size_t s_file_count;
static s_write_t s_writes[NAMES_MAX + 1];
static size_t s_write_count;
static s_request_t s_requests[REQUESTS_MAX];
static size_t s_request_count;
static zseq_op_t s_asked_op[ZSEQ_NODES_MAX];  //  0: nothing
static uint64_t s_asked_request[ZSEQ_NODES_MAX];
static bool s_asked_open[ZSEQ_NODES_MAX];  //  It was not answered yet
static s_peer_t s_peers[ZSEQ_NODES_MAX];
static bool s_speaks_2;                  //  Peers may speak version 2
static bool s_starting;                  //  Too few have noted its start yet
static bool s_bearable;                  //  Enough to be born
static bool s_start_told;                //  Peers said that a new life started
static bool s_life_begun;                //  No HELLO was asked since
static uint64_t s_process;               //  What it calls itself; 0: not known
static uint64_t s_began_us;              //  When it began
static zseq_incarnation_t s_void_life;   //  It must not vote in this one
static zseq_incarnation_t s_first_life;  //  The one that it began with
static zseq_start_t s_first_start;       //  The start that it found on disk
static bool s_first_voted;               //  ... in which there was a vote
static bool s_is_forced;                 //  It recovers by force
static zseq_force_t s_force;
static zseq_vector_t s_newest;  //  Of what it was told
static uint8_t s_bytes[ZSEQ_MESSAGE_MAX];

static int
s_compare (const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp (a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

//  What is known of a name.
static s_file_t *
s_file (const char *name, size_t size)
{
    for (size_t index = 0; index < s_file_count; index++)
        if (!s_compare (s_files[index].name, s_files[index].size, name, size))
            return &s_files[index];
    assert (s_file_count < FILES_MAX);
    s_file_t *file = &s_files[s_file_count++];
    memset (file, 0, sizeof *file);
    memcpy (file->name, name, size);
    file->size = size;
    return file;
}

//  The least next that a name has after a power cut now, whatever becomes of
//  what is being written.
static uint64_t
s_durable (const s_file_t *file)
{
    uint64_t limit = file->limit;
    if (file->refused && file->refused < limit)
        limit = file->refused;
    for (size_t index = 0; index < s_write_count; index++)
        if (s_writes[index].file == file && s_writes[index].limit < limit)
            limit = s_writes[index].limit;
    return limit > s_disk.floor ? limit : s_disk.floor;
}

//  The least next that a peer has to copy, so that nothing is lost that was
//  accepted.
static uint64_t
s_accepted (const s_file_t *file)
{
    uint64_t next = file->answered;
    for (size_t index = 0; index < s_write_count; index++)
        if (s_writes[index].file == file && s_writes[index].next > next)
            next = s_writes[index].next;
    return next;
}

//  Replies.

static s_request_t *
s_request_of (const zseq_action_t *action)
{
    size_t index;
    assert (action->sender->route.size == sizeof index);
    memcpy (&index, action->sender->route.id, sizeof index);
    assert (index < s_request_count);
    s_request_t *request = &s_requests[index];
    assert (request->known);
    assert (!request->answered);
    request->answered = true;
    assert (action->msg->op == request->op);
    assert (action->msg->request == request->request);
    return request;
}

//  S11: the start that this process takes.
static zseq_start_t
s_own_start (void)
{
    if (s_first_start.counter && !s_first_voted)
        return s_first_start;
    return (zseq_start_t){s_first_start.counter + 1, s_process};
}

//  S4, S11: whether a peer has noted that start on its disk, and knows nothing
//  better.
static bool
s_has_noted (uint8_t node)
{
    const s_peer_t *peer = &s_peers[node];
    uint8_t self = s_disk.self;
    zseq_start_t start = s_own_start ();
    if (!peer->confirms || zseq_incarnation_compare (&peer->vector.life[node],
                                                     &s_newest.life[node]))
        return false;
    return !peer->extended ||
           (zseq_start_equal (&peer->vector.start[self], &start) &&
            zseq_start_equal (&s_disk.vector.start[self], &start) &&
            !zseq_incarnation_compare (&peer->vector.life[self],
                                       &s_disk.vector.life[self]) &&
            peer->met == s_process && peer->floor <= s_disk.floor &&
            peer->floor_reserved <= s_disk.floor_reserved);
}

//  Looks before each step whether enough peers have noted the start.
static void
s_consider (void)
{
    uint8_t noted = 0;
    bool all_heard = s_now_us - s_began_us >= START_WAIT_US;
    uint8_t unheard = 0;
    uint8_t recovering = 0;
    for (uint8_t node = 0; node < s_disk.members.n; node++) {
        noted = (uint8_t) (noted + s_has_noted (node));
        unheard = (uint8_t) (unheard + !s_peers[node].heard);
        recovering = (uint8_t) (recovering + s_peers[node].recovers);
    }
    all_heard = all_heard || unheard == 1;
    uint8_t majority = zseq_quorum_majority (s_disk.members.n);
    zseq_start_t start = s_own_start ();
    if (s_disk.members.n == 1 ||
        (noted >= majority - 1 && all_heard && s_disk.start_voted &&
         zseq_start_equal (&s_disk.vector.start[s_disk.self], &start)))
        s_starting = false;
    //  Where all peers are needed, those that recover need not note it.
    bool all = majority == s_disk.members.n - 1 &&
               noted + recovering >= majority && noted >= majority - 1;
    if (noted >= majority || noted == s_disk.members.n - 1 || all)
        s_bearable = true;
}

//  S5, S11: a node votes by its record; by one that it found when it began, only
//  once enough peers have noted its start; never in a life or a start that has
//  ended, and never below a floor that it was told.
static void
s_check_votes (void)
{
    assert (s_disk.voting);
    assert (s_disk.start_voted || s_disk.members.n == 1);
    assert (zseq_incarnation_compare (&s_disk.vector.life[s_disk.self],
                                      &s_void_life) > 0);
    assert (!s_starting);
    for (uint8_t node = 0; node < s_disk.members.n; node++) {
        if (s_peers[node].cluster != s_disk.identity)
            continue;
        assert (s_disk.floor >= s_peers[node].floor_told);
        assert (s_disk.floor_reserved >= s_peers[node].floor_reserved_told);
    }
}

//  Only what starts may be copied by force, too.
static void
s_check_source (const s_request_t *request)
{
    if (!request->forced || zseq_node_state (s_node) != ZSEQ_STATE_STARTING)
        s_check_votes ();
}

//  What peers count on is on disk.
static void
s_check_introduced (const s_request_t *request, const zseq_msg_t *msg)
{
    assert (zseq_vector_equal (&msg->vector, &s_disk.vector));
    assert (msg->extended);
    for (uint8_t node = 0; node < s_disk.members.n; node++)
        assert (zseq_start_equal (&msg->vector.start[node],
                                  &s_disk.vector.start[node]));
    assert (msg->introduce.floor == s_disk.floor);
    assert (msg->introduce.floor_reserved == s_disk.floor_reserved);
    assert (msg->introduce.met == s_peers[request->node].process);
}

//  S1, S5, S8.
static void
s_check_granted (const s_request_t *request, const zseq_msg_t *msg)
{
    s_file_t *file = request->file;
    uint64_t next = zseq_msg_next (msg);
    s_check_votes ();
    assert (next <= s_durable (file));
    assert (next >= file->answered);
    assert (next >= s_disk.floor);
    if (msg->op == ZSEQ_OP_CLAIM) {
        assert (msg->claim.first == request->first);
        assert (msg->claim.count == request->count);
        assert (msg->claim.first >= file->answered);
        assert (msg->claim.first >= s_disk.floor);
        assert (next == msg->claim.first + msg->claim.count);
    }
    if (msg->op == ZSEQ_OP_RAISE)
        assert (next >= request->next);
    file->answered = next;
}

//  Of a page that a recovering node copies nothing may be missing: S4 needs
//  all that was accepted.
static void
s_check_page (const s_request_t *request, const zseq_msg_t *msg)
{
    s_check_source (request);
    const zseq_msg_page_t *page = zseq_msg_page (msg);
    const zseq_slice_t *last =
      page->item_count ? &page->items[page->item_count - 1].name : NULL;
    for (size_t index = 0; index < s_file_count; index++) {
        const s_file_t *file = &s_files[index];
        const zseq_item_t *found = NULL;
        for (size_t item = 0; item < page->item_count; item++)
            if (!s_compare (file->name, file->size, page->items[item].name.data,
                            page->items[item].name.size))
                found = &page->items[item];
        uint64_t least =
          msg->op == ZSEQ_OP_LIST ? file->answered : s_accepted (file);
        if (msg->op == ZSEQ_OP_LIST && found)
            assert (found->next <= s_durable (file));
        if (found || msg->op == ZSEQ_OP_LIST)
            assert (!found || found->next >= least);
        else if (s_compare (file->name, file->size, request->after,
                            request->after_size) > 0 &&
                 (!page->more || s_compare (file->name, file->size, last->data,
                                            last->size) < 0))
            assert (least <= s_disk.floor);
    }
}

//  S5: also the word of a vote is that of the disk.
static void
s_check_state (zseq_state_t state)
{
    if (state == ZSEQ_STATE_VOTING)
        s_check_votes ();
}

static void
s_check_reply (const s_request_t *request, const zseq_msg_t *msg)
{
    for (uint8_t node = 0; node < msg->vector.n; node++)
        assert (zseq_incarnation_compare (&msg->vector.life[node],
                                          &s_disk.vector.life[node]) >= 0);
    if (request->malformed)
        assert (msg->status == ZSEQ_EPROTOCOL);
    if (msg->status == ZSEQ_ECONFLICT) {
        s_check_votes ();
        assert (msg->claim.next > request->first &&
                msg->claim.next >= request->file->answered);
    }
    if (msg->status != ZSEQ_OK)
        return;
    switch (msg->op) {
    case ZSEQ_OP_READ:
    case ZSEQ_OP_CLAIM:
    case ZSEQ_OP_RAISE:
        s_check_granted (request, msg);
        break;
    case ZSEQ_OP_LIST:
        s_check_page (request, msg);
        break;
    case ZSEQ_OP_COPY:
        s_check_page (request, msg);
        //  fallthrough
    case ZSEQ_OP_FENCE:
        s_check_source (request);
        //  S4: what is answered to a life is in force on disk.
        assert (!zseq_incarnation_compare (&request->life,
                                           &s_disk.vector.life[request->node]));
        assert (msg->version == request->version);
        break;
    case ZSEQ_OP_INTRODUCE:
        s_check_state (msg->introduce.state);
        s_check_introduced (request, msg);
        break;
    case ZSEQ_OP_HELLO:
        s_check_state (msg->hello.state);
        assert (msg->hello.speaks == ZSEQ_WIRE_VERSION);
        assert (msg->hello.holds_vote == s_disk.voting);
        break;
    case ZSEQ_OP_STATUS:
        s_check_state (msg->node_status.state);
        break;
    default:
        break;
    }
}

static void
s_reply (const zseq_action_t *action)
{
    static zseq_codec_t codec;
    size_t size = zseq_codec_encode (action->msg, s_bytes, sizeof s_bytes);
    assert (size);
    zseq_msg_t msg;
    int rc = zseq_codec_decode_reply (&codec, s_bytes, size, &msg);
    assert (rc == ZSEQ_OK);
    s_check_reply (s_request_of (action), &msg);
}

//  An attempt to recover begins anew.
static void
s_forget_hello (void)
{
    s_life_begun = false;
    for (uint8_t node = 0; node < s_disk.members.n; node++)
        s_peers[node].holds = s_peers[node].forgot = false;
}

static void
s_ask (const zseq_action_t *action)
{
    static zseq_codec_t codec;
    size_t size = zseq_codec_encode (action->msg, s_bytes, sizeof s_bytes);
    assert (size);
    zseq_msg_t msg;
    int rc = zseq_codec_decode_request (&codec, s_bytes, size, &msg);
    assert (rc == ZSEQ_OK);
    assert (action->peer < s_disk.members.n);
    assert (action->peer != s_disk.self);
    //  S4: a fence shows no life that could be forgotten.
    if (msg.op == ZSEQ_OP_FENCE || msg.op == ZSEQ_OP_COPY) {
        assert (!s_disk.voting);
        const zseq_msg_recovery_t *recovery = zseq_msg_recovery (&msg);
        assert (!zseq_incarnation_compare (&recovery->life,
                                           &s_disk.vector.life[s_disk.self]));
        assert (zseq_incarnation_compare (&recovery->life, &s_first_life) > 0);
    }
    if (msg.version > 1)
        assert (zseq_msg_recovery (&msg)->forced && s_is_forced &&
                s_peers[action->peer].speaks > 1);
    if (msg.op == ZSEQ_OP_INTRODUCE) {
        assert (msg.introduce.process &&
                (!s_process || s_process == msg.introduce.process));
        s_process = msg.introduce.process;
    }
    if (msg.op == ZSEQ_OP_HELLO && s_life_begun)
        s_forget_hello ();
    s_asked_op[action->peer] = msg.op;
    s_asked_request[action->peer] = msg.request;
    s_asked_open[action->peer] = true;
}

//  Writes.

static s_write_t *
s_write (void)
{
    assert (s_write_count < sizeof s_writes / sizeof s_writes[0]);
    s_write_t *write = &s_writes[s_write_count++];
    memset (write, 0, sizeof *write);
    return write;
}

static void
s_persist (const zseq_action_t *action)
{
    const zseq_sequence_t *sequence = action->sequence;
    s_file_t *file = s_file (zseq_sequence_name (sequence),
                             zseq_sequence_name_size (sequence));
    assert (file);
    for (size_t index = 0; index < s_write_count; index++)
        assert (s_writes[index].file != file);
    //  S8: what was acknowledged is not lowered.
    assert (action->limit >= 1);
    assert (action->limit <= ZSEQ_NEXT_MAX);
    assert (action->limit >= file->answered || file->answered <= s_disk.floor);
    assert (!sequence->journaled || file->limit);
    assert (!action->deferred || !s_disk.voting);
    s_write_t *write = s_write ();
    write->sequence = action->sequence;
    write->file = file;
    write->limit = action->limit;
    write->next =
      sequence->seq.next < action->limit ? sequence->seq.next : action->limit;
}

//  S11: a process takes one start, and another one than the last only if that one
//  has been voted in. What is noted of a peer is never changed but for a later
//  start; or, as there are two with one counter, for one that is nobody's.
static void
s_check_starts (const zseq_record_t *record)
{
    uint8_t self = s_disk.self;
    const zseq_start_t *start = &record->vector.start[self];
    zseq_start_t own = s_own_start ();
    if (zseq_incarnation_compare (&record->vector.life[self], &s_first_life))
        assert (!record->voting || !start->counter || s_start_told);
    else
        assert (zseq_start_equal (start, &s_first_start) ||
                zseq_start_equal (start, &own));
    for (uint8_t node = 0; node < record->members.n; node++) {
        if (zseq_incarnation_compare (&record->vector.life[node],
                                      &s_disk.vector.life[node]))
            continue;
        const zseq_start_t *before = &s_disk.vector.start[node];
        const zseq_start_t *after = &record->vector.start[node];
        assert (after->counter > before->counter ||
                zseq_start_equal (after, before) ||
                (after->counter == before->counter && !after->random &&
                 node != self));
        assert (node != self || record->start_voted || !s_disk.start_voted ||
                after->counter > before->counter);
    }
}

//  S11: who recovers by force passes over nobody that holds something, and binds
//  as many peers as answer any recovery.
static void
s_check_force (const zseq_record_t *record)
{
    uint8_t bound = 0;
    const zseq_incarnation_t *life = &record->vector.life[record->self];
    for (uint8_t node = 0; node < record->members.n; node++) {
        const s_peer_t *peer = &s_peers[node];
        if (node == record->self)
            continue;
        bool copied = !zseq_incarnation_compare (&peer->copied, life);
        assert (copied || !peer->holds || peer->voter_of != record->identity);
        if (copied || peer->forgot || s_force.lost >> node & 1)
            bound++;
    }
    assert (bound >= zseq_quorum_majority (record->members.n) ||
            bound == record->members.n - 1);
}

//  S5: the vote is the last thing to be written, and is one's own.
static void
s_check_vote (const zseq_record_t *record)
{
    const zseq_incarnation_t *life = &record->vector.life[record->self];
    assert (s_write_count == 0);
    assert (record->identity);
    assert (life->counter);
    assert (record->start_voted || record->members.n == 1);
    assert (zseq_incarnation_compare (life, &s_void_life) > 0);
    //  S11: a node is born only with so many peers that have noted its start that
    //  of any that are asked when it is born again one is the same.
    if (!s_disk.identity && life->counter == 1)
        assert (s_bearable || record->members.n == 1);
    if (s_is_forced)
        s_check_force (record);
}

static void
s_persist_record (const zseq_action_t *action)
{
    const zseq_record_t *record = action->record;
    for (size_t index = 0; index < s_write_count; index++)
        assert (!s_writes[index].is_record);
    //  Nothing in it is ever lowered.
    assert (!s_disk.identity || record->identity == s_disk.identity);
    assert (record->floor >= s_disk.floor);
    assert (record->floor_reserved >= s_disk.floor_reserved);
    for (uint8_t node = 0; node < record->members.n; node++)
        assert (zseq_incarnation_compare (&record->vector.life[node],
                                          &s_disk.vector.life[node]) >= 0);
    s_check_starts (record);
    if (record->voting && !s_disk.voting)
        s_check_vote (record);
    s_write_t *write = s_write ();
    write->is_record = true;
    write->record = *record;
    write->version = action->version;
}

static void
s_act (const zseq_action_t *action, void *arg)
{
    (void) arg;
    switch (action->type) {
    case ZSEQ_ACTION_REPLY:
        s_reply (action);
        break;
    case ZSEQ_ACTION_ASK:
        s_ask (action);
        break;
    case ZSEQ_ACTION_PERSIST:
        s_persist (action);
        break;
    case ZSEQ_ACTION_PERSIST_RECORD:
        s_persist_record (action);
        break;
    case ZSEQ_ACTION_EXIT:
        assert (action->status < 0);
        s_ended = true;
        //  fallthrough
    case ZSEQ_ACTION_LOG:
        assert (action->text[0]);
        break;
    }
}

static void
s_step (zseq_event_t *event)
{
    if (s_ended)
        return;
    event->now_us = s_now_us;
    event->wall_ms = ZSEQ_FLAKE_EPOCH_MS + s_now_us / 1000;
    s_consider ();
    if (zseq_node_state (s_node) == ZSEQ_STATE_VOTING)
        s_is_forced = false;
    zseq_node_step (s_node, event);
}

static void
s_event (zseq_event_type_t type)
{
    zseq_event_t event = {.type = type};
    s_step (&event);
}

static void
s_record_written (const zseq_record_t *record)
{
    s_starting = s_starting && record->voting;
    if (zseq_incarnation_compare (&record->vector.life[s_disk.self],
                                  &s_disk.vector.life[s_disk.self]))
        s_life_begun = true;
    s_disk = *record;
    zseq_vector_merge (&s_newest, &record->vector);
    s_maybe_disk.members.n = 0;
}

//  The first write arrives, or is refused.
static void
s_written (bool refused)
{
    if (s_write_count == 0 || s_ended)
        return;
    s_write_t write = s_writes[0];
    memmove (s_writes, s_writes + 1, --s_write_count * sizeof *s_writes);
    zseq_event_t event = {.type = write.is_record ? ZSEQ_EVENT_RECORD_PERSISTED
                                                  : ZSEQ_EVENT_PERSISTED,
                          .sequence = write.sequence,
                          .limit = write.limit,
                          .version = write.version,
                          .status = refused ? ZSEQ_ENOSPACE : ZSEQ_OK};
    s_file_t *file = write.file;
    if (refused && write.is_record)
        s_maybe_disk = write.record;
    else if (refused)
        file->refused = write.limit;
    else if (write.is_record) {
        s_record_written (&write.record);
    }
    else {
        file->next = write.next;
        file->limit = write.limit;
        file->refused = 0;
    }
    s_step (&event);
}

//  Starting.

static void
s_record (zseq_record_t *record, size_t n)
{
    static const zseq_member_t members[] = {{"a", "tcp://127.0.0.1:19001"},
                                            {"b", "tcp://127.0.0.1:19002"},
                                            {"c", "ipc:///run/zseq/c"},
                                            {"d", "tcp://127.0.0.1:19004"},
                                            {"e", "tcp://127.0.0.1:19005"}};
    zseq_members_t all;
    int rc = zseq_members_init (&all, members, n);
    assert (rc == ZSEQ_OK);
    rc = zseq_record_init (record, "test", n > 1 ? "b" : "a", &all, 7);
    assert (rc == ZSEQ_OK);
}

//  What a peer's reply means to a node that does not recover: nothing more is
//  taken from one that is of no use.

//  Whether it is of the node's cluster; before its birth a node cannot know.
static bool
s_is_kin (const zseq_msg_t *msg, uint8_t peer)
{
    uint64_t identity = zseq_node_record (s_node)->identity;
    return msg->node == peer && msg->vector.n == s_disk.members.n &&
           (!identity || msg->cluster == identity);
}

//  Whether the peer waits for its birth in the life that the node knows.
static bool
s_is_unborn (const zseq_msg_t *msg, uint8_t peer)
{
    const zseq_record_t *record = zseq_node_record (s_node);
    return record->identity && msg->node == peer &&
           msg->vector.n == s_disk.members.n && !msg->cluster &&
           msg->introduce.state == ZSEQ_STATE_COMPLETE &&
           !zseq_incarnation_compare (&msg->vector.life[peer],
                                      &record->vector.life[peer]);
}

//  Whether it was moreover born with a node that starts.
static bool
s_is_born_with (const zseq_msg_t *msg, uint8_t peer)
{
    bool first = true;
    for (uint8_t node = 0; node < s_disk.members.n; node++)
        first = first && msg->vector.life[node].counter == 1;
    return first && s_is_unborn (msg, peer) &&
           zseq_node_state (s_node) == ZSEQ_STATE_STARTING &&
           zseq_vector_equal (&msg->vector, &zseq_node_record (s_node)->vector);
}

//  S11: whether it shows that the life or the start of this node has ended.
static bool
s_ends_life (const zseq_msg_t *msg)
{
    uint8_t self = s_disk.self;
    const zseq_start_t *mine = &zseq_node_record (s_node)->vector.start[self];
    const zseq_start_t *theirs = &msg->vector.start[self];
    int order = zseq_incarnation_compare (&msg->vector.life[self],
                                          &s_disk.vector.life[self]);
    return (order > 0 && msg->cluster) ||
           (order == 0 && msg->status == ZSEQ_OK && msg->extended &&
            theirs->counter >= mine->counter &&
            !zseq_start_equal (theirs, mine));
}

//  Whether the peer shows a life of its own that can be its newest.
static bool
s_is_newest (const zseq_msg_t *msg, uint8_t peer)
{
    const zseq_incarnation_t *life = &msg->vector.life[peer];
    const zseq_incarnation_t *known[] = {
      &s_newest.life[peer], &zseq_node_record (s_node)->vector.life[peer]};
    for (size_t index = 0; index < 2; index++) {
        int order = zseq_incarnation_compare (life, known[index]);
        if (order < 0 || (order > 0 && !life->counter) ||
            (order > 0 && known[index]->counter && life->counter == 1))
            return false;
    }
    return true;
}

static void
s_note_floors (const zseq_msg_t *msg, s_peer_t *peer)
{
    uint64_t identity = zseq_node_record (s_node)->identity;
    if (!msg->extended || !identity || identity != msg->cluster)
        return;
    if (peer->cluster != msg->cluster)
        peer->floor_told = peer->floor_reserved_told = 0;
    peer->cluster = msg->cluster;
    if (msg->introduce.floor > peer->floor_told)
        peer->floor_told = msg->introduce.floor;
    if (msg->introduce.floor_reserved > peer->floor_reserved_told)
        peer->floor_reserved_told = msg->introduce.floor_reserved;
}

static void
s_note_introduced (const zseq_msg_t *msg, uint8_t index)
{
    s_peer_t *peer = &s_peers[index];
    bool born_with = s_is_born_with (msg, index);
    bool unborn = s_is_unborn (msg, index);
    bool kin = s_is_kin (msg, index);
    if (msg->status != ZSEQ_OK) {
        bool dead =
          msg->status == ZSEQ_EREFORMATTED || msg->status == ZSEQ_ESUPERSEDED;
        if (dead && kin && s_ends_life (msg))
            s_void_life = s_disk.vector.life[s_disk.self];
        return;
    }
    if (msg->node == index && (kin || !msg->cluster))
        peer->heard = true;
    if (peer->heard)
        peer->recovers = msg->introduce.state == ZSEQ_STATE_RECOVERING;
    if (kin || unborn)
        peer->process = msg->introduce.process;
    if (!kin && !unborn)
        return;
    if (s_ends_life (msg)) {
        s_void_life = s_disk.vector.life[s_disk.self];
        return;
    }
    if (!kin && !born_with)
        return;
    if (!born_with && !s_is_newest (msg, index))
        return;
    peer->confirms = msg->introduce.state != ZSEQ_STATE_RECOVERING;
    peer->extended = msg->extended;
    peer->vector = msg->vector;
    peer->met = msg->introduce.met;
    peer->floor = msg->introduce.floor;
    peer->floor_reserved = msg->introduce.floor_reserved;
    if (born_with)
        return;
    s_note_floors (msg, peer);
    if (zseq_incarnation_compare (&s_newest.life[index],
                                  &msg->vector.life[index]) < 0)
        s_newest.life[index] = msg->vector.life[index];
    if (zseq_node_record (s_node)->identity)
        zseq_vector_merge (&s_newest, &msg->vector);
}

static bool
s_is_text (zseq_slice_t slice, const char *text)
{
    return slice.size == strlen (text) &&
           !memcmp (slice.data, text, slice.size);
}

static bool
s_same_members (const zseq_msg_members_t *members)
{
    for (uint8_t node = 0; node < s_disk.members.n; node++)
        if (!s_is_text (members->member[node].name,
                        s_disk.members.member[node].name))
            return false;
    return s_is_text (members->cluster_name, s_disk.cluster);
}

//  ... and to one that recovers.
static void
s_note_recovery (const zseq_msg_t *msg, uint8_t index)
{
    s_peer_t *peer = &s_peers[index];
    const zseq_record_t *record = zseq_node_record (s_node);
    const zseq_incarnation_t *life = &record->vector.life[record->self];
    if (msg->status != ZSEQ_OK || msg->node != index ||
        msg->vector.n != s_disk.members.n)
        return;
    if (msg->op == ZSEQ_OP_HELLO) {
        if (!s_same_members (&msg->hello.members))
            return;
        peer->voter_of = msg->cluster;
        if (msg->hello.speaks > peer->speaks)
            peer->speaks = msg->hello.speaks;
        //  What is told after that life was begun is told too late.
        peer->holds =
          !s_life_begun && (msg->hello.state == ZSEQ_STATE_VOTING ||
                            msg->hello.state == ZSEQ_STATE_STARTING ||
                            msg->hello.state == ZSEQ_STATE_STOPPING);
        peer->forgot = msg->hello.state == ZSEQ_STATE_RECOVERING &&
                       msg->hello.speaks > 1 && !msg->hello.holds_vote;
        return;
    }
    if (msg->extended && msg->vector.start[s_disk.self].counter >
                           s_disk.vector.start[s_disk.self].counter)
        s_start_told = true;
    if (msg->op == ZSEQ_OP_FENCE)
        peer->fenced = *life;
    else if (!msg->copy.page.more &&
             !zseq_incarnation_compare (&peer->fenced, life))
        peer->copied = *life;
}

static void
s_note_reply (const zseq_msg_t *msg, uint8_t peer)
{
    zseq_state_t state = zseq_node_state (s_node);
    if (!s_asked_open[peer] || msg->op != s_asked_op[peer] ||
        msg->request != s_asked_request[peer] || state == ZSEQ_STATE_STOPPING)
        return;
    s_asked_open[peer] = false;
    bool introduced = msg->op == ZSEQ_OP_INTRODUCE;
    if (introduced && state != ZSEQ_STATE_RECOVERING)
        s_note_introduced (msg, peer);
    else if (!introduced && state == ZSEQ_STATE_RECOVERING)
        s_note_recovery (msg, peer);
}

//  Whether somebody can have said that: nobody knows a start that has not been on
//  the node's disk, and none has had all that there are.
static bool
s_can_be (const zseq_msg_t *msg)
{
    uint8_t self = s_disk.self;
    const zseq_start_t *start = &msg->vector.start[self];
    if (s_ended)
        return true;
    if (!msg->extended || msg->vector.n != s_disk.members.n)
        return true;
    if (start->counter == UINT64_MAX)
        return false;
    return zseq_start_equal (start, &s_disk.vector.start[self]) ||
           !zseq_start_equal (start,
                              &zseq_node_record (s_node)->vector.start[self]);
}

static void
s_write_all (void)
{
    s_event (ZSEQ_EVENT_FLUSH);
    while (s_write_count && !s_ended)
        s_written (false);
}

static zseq_slice_t
s_text (const char *text)
{
    return (zseq_slice_t){text, strlen (text)};
}

static zseq_msg_member_t s_members[ZSEQ_NODES_MAX];

//  What a peer answers that votes, or waits for the same birth, and knows what
//  the node has on disk.
static void
s_answer_introduce (zseq_msg_introduce_t *introduce, uint8_t peer)
{
    introduce->state =
      s_disk.identity || !s_speaks_2 ? ZSEQ_STATE_VOTING : ZSEQ_STATE_COMPLETE;
    introduce->process = 100u + peer;
    if (!s_speaks_2)
        return;
    introduce->met = s_process;
    introduce->floor = s_disk.floor;
    introduce->floor_reserved = s_disk.floor_reserved;
}

static void
s_answer_hello (zseq_msg_hello_t *hello)
{
    for (uint8_t node = 0; node < s_disk.members.n; node++)
        s_members[node].name = s_text (s_disk.members.member[node].name);
    hello->members = (zseq_msg_members_t){
      .cluster_name = s_text (s_disk.cluster),
      .member = s_members,
      .member_count = s_disk.members.n,
    };
    hello->state = ZSEQ_STATE_VOTING;
    hello->speaks = ZSEQ_WIRE_VERSION;
}

static void
s_answer (zseq_msg_t *msg, uint8_t peer)
{
    *msg = (zseq_msg_t){.op = s_asked_op[peer],
                        .reply = true,
                        .request = s_asked_request[peer],
                        .cluster = s_disk.identity,
                        .node = peer,
                        .vector = s_disk.vector};
    if (msg->op == ZSEQ_OP_INTRODUCE)
        s_answer_introduce (&msg->introduce, peer);
    else if (msg->op == ZSEQ_OP_HELLO)
        s_answer_hello (&msg->hello);
    else if (msg->op == ZSEQ_OP_FENCE) {
        msg->fence.floor = s_disk.floor;
        msg->fence.floor_reserved = s_disk.floor_reserved;
    }
    if (!s_speaks_2)
        return;
    msg->extended = true;
    if (msg->op != ZSEQ_OP_INTRODUCE && !msg->cluster)
        msg->cluster = IDENTITY;
    for (uint8_t node = 0; node < s_disk.members.n; node++)
        if (!msg->vector.life[node].counter)
            msg->vector.life[node] = (zseq_incarnation_t){1, 7u + node};
}

//  Every peer answers so, once the start is on disk.
static void
s_confirm (void)
{
    s_write_all ();
    for (uint8_t peer = 0; peer < s_disk.members.n; peer++) {
        if (!s_asked_open[peer] || s_ended ||
            (s_asked_op[peer] != ZSEQ_OP_INTRODUCE && !s_speaks_2))
            continue;
        zseq_msg_t msg;
        s_answer (&msg, peer);
        if (!s_can_be (&msg))
            continue;
        s_note_reply (&msg, peer);
        zseq_event_t event = {.type = ZSEQ_EVENT_PEER_REPLY,
                              .sender = zseq_sender_peer (peer),
                              .msg = &msg};
        s_step (&event);
    }
    s_write_all ();
}

//  So much time passes that the node asks again; and its peers answer.
static void
s_go_on (bool answered)
{
    s_now_us += (uint64_t) 60000 << 5 * zseq_fuzz_below (&s_input, 2);
    s_event (ZSEQ_EVENT_TICK);
    if (answered)
        s_confirm ();
}

//  A process begins, with what is on the disk.
static void
s_start (bool told, const zseq_force_t *force)
{
    zseq_node_limits_t limits = {.names_max = NAMES_MAX,
                                 .waiting_max = WAITING_MAX,
                                 .reserve_us = s_now_us & 1 ? 1000000 : 0};
    s_processes++;
    s_node = zseq_node_new (&s_disk, &limits, s_processes << 32, s_act, NULL);
    assert (s_node);
    for (size_t index = 0; index < s_file_count; index++) {
        const s_file_t *file = &s_files[index];
        //  S8: no crash has undone what was acknowledged.
        assert (file->answered <= file->limit ||
                file->answered <= s_disk.floor);
        if (file->limit == 0)
            continue;
        int rc = zseq_node_load (s_node, file->name, file->size, file->next,
                                 file->limit);
        assert (rc == ZSEQ_OK);
    }
    if (told)
        zseq_node_recover (s_node, "it was told to", force);
    s_ended = false;
    s_starting = s_disk.voting && !told;
    s_bearable = s_start_told = s_life_begun = false;
    s_is_forced = force != NULL;
    s_process = 0;
    s_began_us = s_now_us;
    s_void_life = (zseq_incarnation_t){0, 0};
    s_first_life = s_disk.vector.life[s_disk.self];
    s_first_start = s_disk.vector.start[s_disk.self];
    s_first_voted = s_disk.start_voted;
    s_newest = s_disk.vector;
    memset (s_asked_op, 0, sizeof s_asked_op);
    memset (s_asked_open, 0, sizeof s_asked_open);
    memset (s_peers, 0, sizeof s_peers);
    s_event (ZSEQ_EVENT_TICK);
}

//  The process ends; each write that was under way has arrived or not.
static void
s_crash (void)
{
    zseq_node_destroy (&s_node);
    uint8_t arrived = zseq_fuzz_byte (&s_input);
    for (size_t index = 0; index < s_write_count; index++) {
        const s_write_t *write = &s_writes[index];
        if (!(arrived >> index % 8 & 1))
            continue;
        if (write->is_record) {
            s_disk = write->record;
            s_maybe_disk.members.n = 0;
            continue;
        }
        write->file->next = write->next;
        write->file->limit = write->limit;
        write->file->refused = 0;
    }
    for (size_t index = 0; index < s_file_count; index++) {
        s_file_t *file = &s_files[index];
        if (file->refused && arrived & 1)
            file->limit = file->next = file->refused;
        file->refused = 0;
    }
    if (s_maybe_disk.members.n && arrived & 2)
        s_disk = s_maybe_disk;
    s_maybe_disk.members.n = 0;
    s_write_count = 0;
    for (size_t index = 0; index < s_request_count; index++)
        s_requests[index].known = false;
}

//  Messages.

static zseq_slice_t
s_word (void)
{
    return s_words[zseq_fuzz_below (&s_input, WORDS)];
}

static uint64_t
s_cluster (void)
{
    uint8_t which = zseq_fuzz_below (&s_input, 16);
    if (which < 14)
        return zseq_node_record (s_node)->identity;
    return which == 14 ? IDENTITY : zseq_fuzz_number (&s_input);
}

static void
s_life (zseq_incarnation_t *life)
{
    uint8_t which = zseq_fuzz_below (&s_input, 8);
    if (which == 1)
        life->counter++;
    else if (which == 2)
        life->random++;
    else if (which == 3) {
        life->counter = zseq_fuzz_number (&s_input);
        life->random = zseq_fuzz_number (&s_input);
    }
}

//  As the node sees the cluster, or otherwise.
static void
s_fill_cluster (zseq_msg_t *msg)
{
    const zseq_record_t *record = zseq_node_record (s_node);
    uint8_t which = zseq_fuzz_byte (&s_input);
    msg->vector = record->vector;
    for (uint8_t node = 0; node < record->members.n; node++)
        if (which >> node & 1)
            s_life (&msg->vector.life[node]);
    if (which >> 5 == 7)
        msg->vector.n = zseq_fuzz_below (&s_input, ZSEQ_NODES_MAX) + 1;
    zseq_msg_members_t members = {
      .cluster_name = s_text (which >> 5 == 6 ? "another" : record->cluster),
      .member = s_members,
      .member_count = msg->vector.n,
    };
    static const char *const names[] = {"a", "b", "c", "d", "e",
                                        "f", "g", "h", "i"};
    for (uint8_t node = 0; node < msg->vector.n; node++) {
        s_members[node].name = s_text (names[node]);
        s_members[node].endpoint = s_text ("tcp://127.0.0.1:1");
    }
    zseq_state_t state = (zseq_state_t) (zseq_fuzz_below (&s_input, 6) + 1);
    uint64_t process = zseq_fuzz_number (&s_input);
    if (msg->op == ZSEQ_OP_HELLO) {
        msg->hello.members = members;
        msg->hello.state = state;
    }
    else if (msg->op == ZSEQ_OP_INTRODUCE) {
        msg->introduce.members = members;
        msg->introduce.state = state;
        msg->introduce.process = process;
    }
}

static uint8_t
s_member (const zseq_msg_t *msg, uint8_t likely)
{
    uint8_t which = zseq_fuzz_below (&s_input, 16);
    if (which < msg->vector.n)
        return which;
    return (uint8_t) (likely % msg->vector.n);
}

static void
s_fill_request (zseq_msg_t *msg)
{
    memset (msg, 0, sizeof *msg);
    msg->op = s_ops[zseq_fuzz_below (&s_input, OPS)];
    msg->request = zseq_fuzz_within (&s_input, 1, UINT64_MAX);
    msg->cluster = s_cluster ();
    msg->name = s_word ();
    switch (msg->op) {
    case ZSEQ_OP_CLAIM: {
        const s_file_t *file = s_file (msg->name.data, msg->name.size);
        uint64_t near = file->answered;
        uint64_t number = zseq_fuzz_number (&s_input);
        msg->claim.first = number < 128 ? near + number : number;
        if (msg->claim.first < 1 || msg->claim.first > ZSEQ_ID_MAX)
            msg->claim.first = ZSEQ_ID_MAX;
        msg->claim.count = zseq_fuzz_within (&s_input, 1, ZSEQ_COUNT_MAX);
        break;
    }
    case ZSEQ_OP_RAISE:
        msg->raise.to = zseq_fuzz_within (&s_input, 1, ZSEQ_NEXT_MAX);
        break;
    case ZSEQ_OP_LIST:
        msg->list.prefix = msg->name;
        if (zseq_fuzz_byte (&s_input) & 3)
            msg->list.prefix.size = zseq_fuzz_below (&s_input, 2);
        msg->list.after = s_word ();
        msg->list.count = zseq_fuzz_within (&s_input, 1, UINT64_MAX);
        break;
    case ZSEQ_OP_INTRODUCE:
        s_fill_cluster (msg);
        msg->node = s_member (msg, 0);
        break;
    case ZSEQ_OP_FENCE:
    case ZSEQ_OP_COPY: {
        const zseq_record_t *record = zseq_node_record (s_node);
        msg->node = zseq_fuzz_below (&s_input, record->members.n);
        zseq_msg_recovery_t recovery = {.life = record->vector.life[msg->node]};
        s_life (&recovery.life);
        if (recovery.life.counter == 0)
            recovery.life.counter = 1;
        zseq_slice_t after = {"", 0};
        if (zseq_fuzz_byte (&s_input) & 1)
            after = s_word ();
        uint8_t how = s_speaks_2 ? zseq_fuzz_byte (&s_input) : 0;
        msg->version = how & 1 ? 2 : 1;
        recovery.forced = how & 2;
        if (msg->op == ZSEQ_OP_FENCE)
            msg->fence.recovery = recovery;
        else {
            msg->copy.recovery = recovery;
            msg->copy.after = after;
        }
        break;
    }
    default:
        break;
    }
}

//  A start near that one.
static void
s_near_start (zseq_start_t *start)
{
    uint8_t which = zseq_fuzz_below (&s_input, 8);
    if (which < 3)
        start->counter += which;
    else if (which == 3)
        start->random++;
    else if (which == 4)
        start->counter -= start->counter > 0;
    else if (which == 5) {
        start->counter++;
        start->random++;
    }
    else {
        start->counter = zseq_fuzz_number (&s_input);
        start->random = zseq_fuzz_number (&s_input);
    }
}

//  A floor above that one, or any.
static uint64_t
s_near_floor (uint64_t floor)
{
    uint64_t more = zseq_fuzz_byte (&s_input);
    if (more == 255)
        return zseq_fuzz_within (&s_input, 1, ZSEQ_NEXT_MAX);
    if (more == 254)
        return 1;
    return floor > ZSEQ_NEXT_MAX - more ? ZSEQ_NEXT_MAX : floor + more;
}

//  What a peer that speaks version 2 adds. It knows of the node what is on its
//  disk.
static void
s_fill_extras (zseq_msg_t *msg)
{
    uint8_t how = s_speaks_2 ? zseq_fuzz_byte (&s_input) : 7;
    if ((how & 7) == 7)
        return;
    msg->extended = true;
    if (msg->op == ZSEQ_OP_HELLO) {
        msg->hello.speaks = how & 1 ? 3 : 2;
        msg->hello.holds_vote = how & 2;
    }
    if (msg->vector.n == s_disk.members.n)
        msg->vector.start[s_disk.self] = s_disk.vector.start[s_disk.self];
    if (how & 8)
        s_near_start (&msg->vector.start[s_disk.self]);
    if ((how & 0x30) == 0x10)
        s_near_start (&msg->vector.start[zseq_fuzz_below (&s_input, 9)]);
    uint64_t met =
      (how & 0x30) == 0x20 ? zseq_fuzz_number (&s_input) : s_process;
    uint64_t floor = s_disk.floor;
    uint64_t floor_reserved = s_disk.floor_reserved;
    if (how >> 6 == 3) {
        floor = s_near_floor (floor);
        floor_reserved = s_near_floor (floor_reserved);
    }
    if (msg->op == ZSEQ_OP_INTRODUCE) {
        msg->introduce.met = met;
        msg->introduce.floor = floor;
        msg->introduce.floor_reserved = floor_reserved;
    }
}

static zseq_item_t s_items[WORDS];

//  The answer to what the node has last asked that peer.
static void
s_fill_reply (zseq_msg_t *msg, uint8_t peer)
{
    memset (msg, 0, sizeof *msg);
    msg->op = s_asked_op[peer];
    msg->reply = true;
    msg->request = s_asked_request[peer];
    s_fill_cluster (msg);
    msg->cluster = s_cluster ();
    msg->node = s_member (msg, peer);
    uint8_t status = zseq_fuzz_byte (&s_input);
    msg->status = status < 192 ? ZSEQ_OK : -(status - 192);
    s_fill_extras (msg);
    if (msg->op == ZSEQ_OP_FENCE) {
        msg->fence.floor = zseq_fuzz_within (&s_input, 1, ZSEQ_NEXT_MAX);
        msg->fence.floor_reserved =
          zseq_fuzz_within (&s_input, 1, ZSEQ_NEXT_MAX);
        msg->fence.sequences = zseq_fuzz_number (&s_input);
    }
    if (msg->op == ZSEQ_OP_COPY) {
        zseq_msg_page_t *page = &msg->copy.page;
        uint8_t which = zseq_fuzz_byte (&s_input);
        for (size_t index = 0; index < WORDS; index++) {
            if (!(which >> index & 1))
                continue;
            s_items[page->item_count].name = s_words[index];
            s_items[page->item_count++].next =
              zseq_fuzz_within (&s_input, 1, ZSEQ_NEXT_MAX);
        }
        page->items = s_items;
        page->more = page->item_count && which & 0x80;
    }
}

//  Bytes arrive, in memory that is gone after the step.

static void
s_note_request (s_request_t *request, const zseq_msg_t *msg)
{
    zseq_slice_t name = msg->name;
    request->version = msg->version;
    request->node = msg->node;
    switch (msg->op) {
    case ZSEQ_OP_CLAIM:
        request->first = msg->claim.first;
        request->count = msg->claim.count;
        break;
    case ZSEQ_OP_RAISE:
        request->next = msg->raise.to;
        break;
    case ZSEQ_OP_LIST:
        name = msg->list.prefix;
        break;
    case ZSEQ_OP_COPY:
        request->after_size = msg->copy.after.size;
        memcpy (request->after, msg->copy.after.data, msg->copy.after.size);
        //  fallthrough
    case ZSEQ_OP_FENCE:
        request->forced = zseq_msg_recovery (msg)->forced;
        request->life = zseq_msg_recovery (msg)->life;
        break;
    default:
        break;
    }
    if (name.size)
        request->file = s_file (name.data, name.size);
}

static void
s_take_request (uint8_t *bytes, size_t size)
{
    static zseq_codec_t codec;
    zseq_msg_t msg;
    int rc = zseq_codec_decode_request (&codec, bytes, size, &msg);
    if ((rc == ZSEQ_OK || msg.request) && s_request_count < REQUESTS_MAX &&
        !s_ended) {
        size_t index = s_request_count++;
        s_request_t *request = &s_requests[index];
        memset (request, 0, sizeof *request);
        request->op = msg.op;
        request->request = msg.request;
        request->known = true;
        request->malformed = rc != ZSEQ_OK;
        if (rc == ZSEQ_OK)
            s_note_request (request, &msg);
        zseq_event_t event = {.type = rc == ZSEQ_OK ? ZSEQ_EVENT_REQUEST
                                                    : ZSEQ_EVENT_MALFORMED,
                              .sender.route.size = sizeof index,
                              .msg = &msg};
        memcpy (event.sender.route.id, &index, sizeof index);
        s_step (&event);
    }
    memset (bytes, 0xa5, size);
    free (bytes);
}

static void
s_take_reply (uint8_t *bytes, size_t size, uint8_t peer, bool answers)
{
    static zseq_codec_t codec;
    zseq_msg_t msg;
    if (zseq_codec_decode_reply (&codec, bytes, size, &msg) == ZSEQ_OK &&
        s_can_be (&msg)) {
        if (answers)
            msg.request = s_asked_request[peer];
        s_note_reply (&msg, peer);
        zseq_event_t event = {.type = ZSEQ_EVENT_PEER_REPLY,
                              .sender = zseq_sender_peer (peer),
                              .msg = &msg};
        s_step (&event);
    }
    memset (bytes, 0xa5, size);
    free (bytes);
}

static uint8_t *
s_encode (const zseq_msg_t *msg, size_t *size_p)
{
    *size_p = zseq_codec_encode (msg, s_bytes, sizeof s_bytes);
    assert (*size_p);
    uint8_t *bytes = malloc (*size_p);
    assert (bytes);
    memcpy (bytes, s_bytes, *size_p);
    return bytes;
}

//  Bytes as they are, their size before them.
static uint8_t *
s_raw (size_t *size_p)
{
    size_t size_max = zseq_fuzz_byte (&s_input);
    return zseq_fuzz_bytes (&s_input, size_max, size_p);
}

//  A peer; the node itself if it has none.
static uint8_t
s_peer (void)
{
    uint8_t peer = zseq_fuzz_below (&s_input, s_disk.members.n);
    if (peer != s_disk.self)
        return peer;
    return (uint8_t) ((peer + 1) % s_disk.members.n);
}

static void
s_play (void)
{
    zseq_msg_t msg;
    size_t size;
    uint8_t *bytes;
    uint8_t peer;
    uint8_t how;
    bool forced;
    switch (zseq_fuzz_below (&s_input, 16)) {
    case 0:
    case 1:
    case 2:
        s_fill_request (&msg);
        bytes = s_encode (&msg, &size);
        s_take_request (bytes, size);
        break;
    case 3:
        bytes = s_raw (&size);
        s_take_request (bytes, size);
        break;
    case 4:
    case 5:
    case 6:
        peer = s_peer ();
        if (!s_asked_op[peer])
            break;
        s_fill_reply (&msg, peer);
        bytes = s_encode (&msg, &size);
        s_take_reply (bytes, size, peer, false);
        break;
    case 7:
        peer = s_peer ();
        if (peer == s_disk.self)
            break;
        bytes = s_raw (&size);
        s_take_reply (bytes, size, peer, zseq_fuzz_byte (&s_input) & 1);
        break;
    case 8:
    case 9:
        s_now_us += (uint64_t) zseq_fuzz_byte (&s_input) << 14;
        s_event (ZSEQ_EVENT_TICK);
        break;
    case 10:
        s_event (ZSEQ_EVENT_FLUSH);
        break;
    case 11:
        s_written (zseq_fuzz_below (&s_input, 16) == 15);
        break;
    case 12:
    case 13:
        s_event (ZSEQ_EVENT_FLUSH);
        while (s_write_count && !s_ended)
            s_written (false);
        break;
    case 14:
        how = zseq_fuzz_below (&s_input, 8);
        if (how == 0)
            s_event (ZSEQ_EVENT_STOP);
        else if (s_speaks_2 && how < 7)
            s_go_on (how > 3);
        break;
    case 15:
        s_crash ();
        how = zseq_fuzz_below (&s_input, 8);
        forced = s_speaks_2 && how == 3;
        s_start (how == 1 || forced, forced ? &s_force : NULL);
        if (s_starting && how != 2)
            s_confirm ();
        break;
    }
}

//  The names that a node has from before.
static void
s_fill_disk (void)
{
    for (size_t index = 0; index + 1 < WORDS; index++) {
        s_file_t *file = s_file (s_words[index].data, s_words[index].size);
        file->next = 10 * index + 1;
        file->limit = file->answered = file->next + index;
    }
}

//  What it and its peers have noted: nothing, as before version 2; starts, the
//  last of them voted in or not; and floors.
static void
s_fill_starts (uint8_t which)
{
    if (which == 0)
        return;
    for (uint8_t node = 0; node < s_disk.members.n; node++)
        s_disk.vector.start[node] = (zseq_start_t){4, 77u + node};
    s_disk.start_voted = which != 2;
    if (which == 3)
        s_disk.floor = s_disk.floor_reserved = 50;
}

static void
s_begin (void)
{
    memset (s_long_name, 'x', sizeof s_long_name);
    s_file_count = 0;
    s_write_count = 0;
    s_request_count = 0;
    s_processes = 0;
    s_maybe_disk.members.n = 0;
    uint8_t kind = zseq_fuzz_byte (&s_input);
    s_now_us = 1000000 + (kind >> 7);
    bool confirmed = !(kind & 0x40);
    s_speaks_2 = kind & SPEAKS_2;
    uint8_t more = s_speaks_2 ? zseq_fuzz_byte (&s_input) : 0;
    kind &= 7;
    static const uint8_t sizes[] = {3, 3, 4, 5};
    s_record (&s_disk, kind == 6 ? 1 : kind == 7 ? 2 : sizes[more >> 2 & 3]);
    s_force = (zseq_force_t){
      .floor = 500, .wait_us = 1000000, .lost = (uint16_t) (more >> 4)};
    bool forced = false;
    switch (kind) {
    case 0:  //  Votes
    case 1:  //  Votes, and is told to recover
    case 2:  //  Recovers, since its last recovery was not finished
        for (uint8_t node = 0; node < s_disk.members.n; node++)
            s_disk.vector.life[node] = (zseq_incarnation_t){1, 7u + node};
        s_disk.identity = IDENTITY;
        s_disk.voting = kind < 2;
        s_fill_disk ();
        s_fill_starts (more & 3);
        break;
    case 3:  //  Lost all it had
        zseq_record_reset (&s_disk, 0);
        break;
    case 4:  //  The same, and is to go on with whomever it reaches
        zseq_record_reset (&s_disk, IDENTITY);
        forced = true;
        break;
    default:  //  Was formatted: one of three, alone, one of two
        if (more & 1 && s_disk.members.n > 1)  //  ... and was about to be born
            s_disk.vector.start[s_disk.self] = (zseq_start_t){1, 77};
        break;
    }
    s_start (kind == 1 || forced, forced ? &s_force : NULL);
    if (s_starting && confirmed)
        s_confirm ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    s_input = (zseq_fuzz_t){data, size};
    s_begin ();
    //  A message names fewer than what is left free.
    while (s_input.left && s_file_count < FILES_MAX / 2) {
        if (s_ended) {
            s_crash ();
            s_start (false, NULL);
            if (s_ended)
                break;
        }
        s_play ();
    }
    //  Whatever was said holds after a power cut now.
    s_crash ();
    s_start (false, NULL);
    zseq_node_destroy (&s_node);
    return 0;
}
