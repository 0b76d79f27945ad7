//  Fuzzes one node by a script of messages, time, writes and crashes. The node
//  votes, recovers, or waits for its cluster to form. Whatever its peers and
//  clients send, it keeps its promises to those that it has answered.
//
//  An input begins with a byte for the kind of node; with SPEAKS_2 another byte
//  follows (s_begin). Then come events, a byte each with its arguments
//  (s_play). Messages are made from the input, near to what the node expects,
//  or are bytes of the input as they are. Without SPEAKS_2 all peers speak
//  version 1. With HAS_KEYS the node has a key-value store. The rules are
//  checked in fuzz_node_check.c and fuzz_node_check_keys.c, at each reply and
//  each write. Each run ends with a crash and a restart, which must find all
//  that was acknowledged.

#include "fuzz_node.h"

#define SPEAKS_2 0x20
#define HAS_KEYS 0x08

fuzz_run_t run;

static char s_long_name[ZSEQ_NAME_MAX];
static uint64_t s_processes;

const zseq_slice_t fuzz_words[WORDS] = {{"\x01\xff", 2},
                                        {"invoices", 8},
                                        {"o", 1},
                                        {"orders", 6},
                                        {s_long_name, sizeof s_long_name}};

//  Decodes a reply as its client does, and checks it.
static void
s_reply (const zseq_action_t *action)
{
    static zseq_codec_t codec;
    size_t size = zseq_codec_encode (action->msg, run.bytes, sizeof run.bytes);
    assert (size);
    zseq_msg_t msg;
    int rc = zseq_codec_decode_reply (&codec, run.bytes, size, &msg);
    assert (rc == ZSEQ_OK);
    fuzz_check_reply (fuzz_request_of (action), &msg);
}

//  Forgets the answers to HELLO, because the recovery begins anew.
static void
s_forget_hello (void)
{
    run.incarnation_begun = false;
    for (uint8_t node = 0; node < run.disk.members.n; node++)
        run.peers[node].holds = run.peers[node].forgot = false;
}

//  Checks a question to a peer, and notes it.
static void
s_ask (const zseq_action_t *action)
{
    static zseq_codec_t codec;
    size_t size = zseq_codec_encode (action->msg, run.bytes, sizeof run.bytes);
    assert (size);
    zseq_msg_t msg;
    int rc = zseq_codec_decode_request (&codec, run.bytes, size, &msg);
    assert (rc == ZSEQ_OK);
    assert (action->peer < run.disk.members.n);
    assert (action->peer != run.disk.self);
    //  S4: a fence is for an incarnation that is on disk and cannot be
    //  forgotten. K2: a node that votes may ask what others have promised.
    if (zseq_msg_recovery (&msg) &&
        !(msg.op == ZSEQ_OP_KV_PROMISES && run.disk.voting)) {
        assert (!run.disk.voting);
        const zseq_msg_recovery_t *recovery = zseq_msg_recovery (&msg);
        assert (!zseq_incarnation_compare (
          &recovery->incarnation, &run.disk.vector.incarnation[run.disk.self]));
        assert (zseq_incarnation_compare (&recovery->incarnation,
                                          &run.first_incarnation) > 0);
    }
    if (msg.op >= ZSEQ_OP_KV_READ)
        fuzz_keys_check_ask (&msg, action->peer);
    //  Nobody answers that.
    if (msg.op == ZSEQ_OP_KV_CHOSEN)
        return;
    if (msg.version > 1)
        assert (zseq_msg_recovery (&msg)->forced && run.is_forced &&
                run.peers[action->peer].speaks > 1);
    if (msg.op == ZSEQ_OP_INTRODUCE) {
        assert (msg.introduce.process &&
                (!run.process || run.process == msg.introduce.process));
        run.process = msg.introduce.process;
    }
    if (msg.op == ZSEQ_OP_HELLO && run.incarnation_begun)
        s_forget_hello ();
    size_t slot = fuzz_keys_slot (msg.op);
    fuzz_asked_t *asked = &run.asked[action->peer][slot];
    asked->op = msg.op;
    asked->request = msg.request;
    asked->open = true;
    asked->size = size;
    memcpy (asked->bytes, run.bytes, size);
    if (slot > 0)
        return;
    run.asked_op[action->peer] = msg.op;
    run.asked_request[action->peer] = msg.request;
    run.asked_open[action->peer] = true;
}

//  Carries out an action of the node.
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
        fuzz_persist (action);
        break;
    case ZSEQ_ACTION_PERSIST_RECORD:
        fuzz_check_record (action->record);
        fuzz_persist_record (action);
        break;
    case ZSEQ_ACTION_PERSIST_KV:
        fuzz_persist_keys (action);
        break;
    case ZSEQ_ACTION_EXIT:
        assert (action->status < 0);
        run.ended = true;
        //  fallthrough
    case ZSEQ_ACTION_LOG:
        assert (action->text[0]);
        break;
    }
}

//  Makes the record of a node that was formatted in a cluster of n.
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

//  Lets so much time pass that the node asks again. If answered, its peers
//  answer.
static void
s_go_on (bool answered)
{
    run.now_us += (uint64_t) 60000 << 5 * zseq_fuzz_below (&run.input, 2);
    fuzz_event (ZSEQ_EVENT_TICK);
    if (answered)
        fuzz_confirm ();
}

//  Starts a process on the contents of the disk.
static void
s_start (bool requested, const zseq_force_t *force)
{
    zseq_node_limits_t limits = {.names_max = NAMES_MAX,
                                 .waiting_max = WAITING_MAX,
                                 .reserve_us = run.now_us & 1 ? 1000000 : 0,
                                 .kv_bytes_max = fuzz_keys_bytes_max ()};
    s_processes++;
    run.node =
      zseq_node_new (&run.disk, &limits, s_processes << 32, s_act, NULL);
    assert (run.node);
    for (size_t index = 0; index < run.file_count; index++) {
        const fuzz_file_t *file = &run.files[index];
        //  S8: no crash has undone a write that was acknowledged.
        assert (file->answered <= file->limit ||
                file->answered <= run.disk.floor);
        if (file->limit == 0)
            continue;
        int rc = zseq_node_load (run.node, file->name, file->size, file->next,
                                 file->limit);
        assert (rc == ZSEQ_OK);
    }
    fuzz_keys_load ();
    if (requested)
        zseq_node_recover (run.node, "it was told to", force);
    run.ended = false;
    run.starting = run.disk.voting && !requested;
    run.may_form = run.start_heard = run.incarnation_begun = false;
    run.is_forced = force != NULL;
    run.process = 0;
    run.began_us = run.now_us;
    run.void_incarnation = (zseq_incarnation_t){0, 0};
    run.first_incarnation = run.disk.vector.incarnation[run.disk.self];
    run.first_start = run.disk.vector.start[run.disk.self];
    run.first_voted = run.disk.start_voted;
    run.newest = run.disk.vector;
    memset (run.asked_op, 0, sizeof run.asked_op);
    memset (run.asked_open, 0, sizeof run.asked_open);
    for (size_t node = 0; node < ZSEQ_NODES_MAX; node++)
        for (size_t slot = 0; slot < SLOTS; slot++) {
            run.asked[node][slot].op = 0;
            run.asked[node][slot].open = false;
        }
    memset (run.peers, 0, sizeof run.peers);
    fuzz_event (ZSEQ_EVENT_TICK);
}

//  Of the groups in flight the first ones arrive.
static void
s_end_groups (uint8_t arrived)
{
    for (size_t index = 0; index < run.write_count; index++) {
        const zseq_kv_group_t *group = run.writes[index].group;
        if (group && !(arrived >> index % 8 & 1))
            return;
        if (group)
            fuzz_keys_written (group);
    }
}

//  Ends the process. Each write in flight has arrived or not, as the input
//  says.
static void
s_crash (void)
{
    uint8_t arrived = zseq_fuzz_byte (&run.input);
    s_end_groups (arrived);
    zseq_node_destroy (&run.node);
    for (size_t index = 0; index < run.write_count; index++) {
        const fuzz_write_t *write = &run.writes[index];
        if (!(arrived >> index % 8 & 1) || write->group)
            continue;
        if (write->is_record) {
            run.disk = write->record;
            run.maybe_disk.members.n = 0;
            continue;
        }
        write->file->next = write->next;
        write->file->limit = write->limit;
        write->file->refused = 0;
    }
    for (size_t index = 0; index < run.file_count; index++) {
        fuzz_file_t *file = &run.files[index];
        if (file->refused && arrived & 1)
            file->limit = file->next = file->refused;
        file->refused = 0;
    }
    if (run.maybe_disk.members.n && arrived & 2)
        run.disk = run.maybe_disk;
    run.maybe_disk.members.n = 0;
    run.write_count = 0;
    for (size_t index = 0; index < run.request_count; index++)
        run.requests[index].known = false;
}

//  Delivers a message. Of eight messages three are requests, three are replies,
//  and two are any bytes.
static void
s_receive (uint8_t what)
{
    zseq_msg_t msg;
    size_t size;
    uint8_t *bytes;
    if (what < 3) {
        fuzz_fill_request (&msg);
        bytes = fuzz_encode (&msg, &size);
        fuzz_take_request (bytes, size);
        return;
    }
    if (what == 3) {
        bytes = fuzz_raw (&size);
        fuzz_take_request (bytes, size);
        return;
    }
    uint8_t peer = fuzz_peer ();
    if (what < 7 && run.asked[peer][0].op) {
        fuzz_fill_reply (&msg, peer);
        bytes = fuzz_encode (&msg, &size);
        fuzz_take_reply (bytes, size, peer, false);
    }
    else if (what == 7 && peer != run.disk.self) {
        bytes = fuzz_raw (&size);
        fuzz_take_reply (bytes, size, peer, zseq_fuzz_byte (&run.input) & 1);
    }
}

//  Kills the process, and starts another.
static void
s_restart (void)
{
    s_crash ();
    uint8_t how = zseq_fuzz_below (&run.input, 8);
    bool forced = run.speaks_2 && how == 3;
    s_start (how == 1 || forced, forced ? &run.force : NULL);
    if (run.starting && how != 2)
        fuzz_confirm ();
}

//  Plays one event.
static void
s_play (void)
{
    uint8_t how;
    uint8_t what = zseq_fuzz_below (&run.input, 16);
    switch (what) {
    case 8:
    case 9:
        run.now_us += (uint64_t) zseq_fuzz_byte (&run.input) << 14;
        fuzz_event (ZSEQ_EVENT_TICK);
        break;
    case 10:
        fuzz_event (ZSEQ_EVENT_FLUSH);
        break;
    case 11:
        fuzz_written (zseq_fuzz_below (&run.input, 16) == 15);
        break;
    case 12:
    case 13:
        fuzz_write_all ();
        break;
    case 14:
        how = zseq_fuzz_below (&run.input, 8);
        if (how == 0)
            fuzz_event (ZSEQ_EVENT_STOP);
        else if (run.speaks_2 && how < 7)
            s_go_on (how > 3);
        break;
    case 15:
        s_restart ();
        break;
    default:
        s_receive (what);
    }
}

//  Puts names on the disk.
static void
s_fill_disk (void)
{
    for (size_t index = 0; index + 1 < WORDS; index++) {
        fuzz_file_t *file =
          fuzz_file_of (fuzz_words[index].data, fuzz_words[index].size);
        file->next = 10 * index + 1;
        file->limit = file->answered = file->next + index;
    }
}

//  Fills in what the node and its peers have noted: nothing, as before version
//  2; or starts, where the last one was voted in or not; and floors.
static void
s_fill_starts (uint8_t which)
{
    if (which == 0)
        return;
    for (uint8_t node = 0; node < run.disk.members.n; node++)
        run.disk.vector.start[node] = (zseq_start_t){4, 77u + node};
    run.disk.start_voted = which != 2;
    if (which == 3)
        run.disk.floor = run.disk.floor_reserved = 50;
}

//  Fills the disk as the first bytes of the input say, and starts a process.
static void
s_begin (void)
{
    memset (s_long_name, 'x', sizeof s_long_name);
    run.file_count = 0;
    run.write_count = 0;
    run.request_count = 0;
    s_processes = 0;
    fuzz_keys_begin_checks ();
    run.maybe_disk.members.n = 0;
    uint8_t kind = zseq_fuzz_byte (&run.input);
    run.now_us = 1000000 + (kind >> 7);
    bool confirmed = !(kind & 0x40);
    run.speaks_2 = kind & SPEAKS_2;
    run.has_keys = kind & HAS_KEYS;
    uint8_t more = run.speaks_2 ? zseq_fuzz_byte (&run.input) : 0;
    kind &= 7;
    static const uint8_t sizes[] = {3, 3, 4, 5};
    s_record (&run.disk, kind == 6 ? 1 : kind == 7 ? 2 : sizes[more >> 2 & 3]);
    run.force = (zseq_force_t){
      .floor = 500, .wait_us = 1000000, .lost = (uint16_t) (more >> 4)};
    bool forced = false;
    switch (kind) {
    case 0:  //  Votes
    case 1:  //  Votes, and is told to recover
    case 2:  //  Recovers: its last recovery did not end
        for (uint8_t node = 0; node < run.disk.members.n; node++)
            run.disk.vector.incarnation[node] =
              (zseq_incarnation_t){1, 7u + node};
        run.disk.identity = IDENTITY;
        run.disk.voting = kind < 2;
        s_fill_disk ();
        s_fill_starts (more & 3);
        break;
    case 3:  //  Lost all it had
        zseq_record_reset (&run.disk, 0);
        break;
    case 4:  //  The same, by force with the peers it reaches
        zseq_record_reset (&run.disk, IDENTITY);
        forced = true;
        break;
    default:  //  Was formatted: one of three, alone, one of two
        if (more & 1 && run.disk.members.n > 1)  //  ... and was about to form
            run.disk.vector.start[run.disk.self] = (zseq_start_t){1, 77};
        break;
    }
    s_start (kind == 1 || forced, forced ? &run.force : NULL);
    if (run.starting && confirmed)
        fuzz_confirm ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    run.input = (zseq_fuzz_t){data, size};
    s_begin ();
    //  A single message names fewer sequences than this leaves free.
    while (run.input.left && run.file_count < FILES_MAX / 2 &&
           run.key_count < FILES_MAX / 2) {
        if (run.ended) {
            s_crash ();
            s_start (false, NULL);
            if (run.ended)
                break;
        }
        s_play ();
    }
    //  Whatever the node has said must hold after a power cut now.
    s_crash ();
    s_start (false, NULL);
    zseq_node_destroy (&run.node);
    fuzz_keys_term ();
    return 0;
}
