//  Requests and replies. They are made from the input, near to what the node
//  has and expects, or they are bytes of the input as they are.
//
//  fuzz_fill_request and fuzz_fill_reply draw the fields of a message. The
//  s_near functions draw a value next to one that the node knows, because most
//  values that matter are equal to it or differ by one; or any value.
//  fuzz_take_request and fuzz_take_reply deliver the bytes: if they decode, the
//  request is noted for the checks, and the reply for the state of its peer
//  (fuzz_node_peers.c). A reply that no peer could send is not delivered.

#include "fuzz_node.h"

#define OPS 10
static const zseq_op_t s_ops[OPS] = {
  ZSEQ_OP_CLAIM,  ZSEQ_OP_READ,  ZSEQ_OP_RAISE,     ZSEQ_OP_LIST,
  ZSEQ_OP_HELLO,  ZSEQ_OP_FENCE, ZSEQ_OP_INTRODUCE, ZSEQ_OP_COPY,
  ZSEQ_OP_STATUS, ZSEQ_OP_INFO};

static zseq_item_t s_items[WORDS];

//  Draws a name.
static zseq_slice_t
s_word (void)
{
    return fuzz_words[zseq_fuzz_below (&run.input, WORDS)];
}

//  Draws an identity, mostly the node's.
static uint64_t
s_cluster (void)
{
    uint8_t which = zseq_fuzz_below (&run.input, 16);
    if (which < 14)
        return zseq_node_record (run.node)->identity;
    return which == 14 ? IDENTITY : zseq_fuzz_number (&run.input);
}

//  Draws an incarnation near the given one, or any.
static void
s_near_incarnation (zseq_incarnation_t *incarnation)
{
    uint8_t which = zseq_fuzz_below (&run.input, 8);
    if (which == 1)
        incarnation->counter++;
    else if (which == 2)
        incarnation->random++;
    else if (which == 3) {
        incarnation->counter = zseq_fuzz_number (&run.input);
        incarnation->random = zseq_fuzz_number (&run.input);
    }
}

//  Fills in the cluster's names and members, mostly as the node has them.
static void
s_fill_cluster (zseq_msg_t *msg)
{
    const zseq_record_t *record = zseq_node_record (run.node);
    uint8_t which = zseq_fuzz_byte (&run.input);
    msg->vector = record->vector;
    for (uint8_t node = 0; node < record->members.n; node++)
        if (which >> node & 1)
            s_near_incarnation (&msg->vector.incarnation[node]);
    if (which >> 5 == 7)
        msg->vector.n = zseq_fuzz_below (&run.input, ZSEQ_NODES_MAX) + 1;
    zseq_msg_members_t members = {
      .cluster_name = fuzz_text (which >> 5 == 6 ? "another" : record->cluster),
      .member = run.members,
      .member_count = msg->vector.n,
    };
    static const char *const names[] = {"a", "b", "c", "d", "e",
                                        "f", "g", "h", "i"};
    for (uint8_t node = 0; node < msg->vector.n; node++) {
        run.members[node].name = fuzz_text (names[node]);
        run.members[node].endpoint = fuzz_text ("tcp://127.0.0.1:1");
    }
    zseq_state_t state = (zseq_state_t) (zseq_fuzz_below (&run.input, 6) + 1);
    uint64_t process = zseq_fuzz_number (&run.input);
    if (msg->op == ZSEQ_OP_HELLO) {
        msg->hello.label = fuzz_text (which & 1 ? "web-17" : "");
        msg->hello.members = members;
        msg->hello.state = state;
    }
    else if (msg->op == ZSEQ_OP_INTRODUCE) {
        msg->introduce.members = members;
        msg->introduce.state = state;
        msg->introduce.process = process;
    }
}

//  Draws a member of the vector in msg, mostly the likely one if that is not
//  any.
static uint8_t
s_member (const zseq_msg_t *msg, uint8_t likely)
{
    uint8_t which = zseq_fuzz_below (&run.input, 16);
    if (which < msg->vector.n)
        return which;
    return (uint8_t) (likely % msg->vector.n);
}

//  Fills in FENCE or COPY, for an incarnation near one that the node knows.
static void
s_fill_recovery (zseq_msg_t *msg)
{
    const zseq_record_t *record = zseq_node_record (run.node);
    msg->node = zseq_fuzz_below (&run.input, record->members.n);
    zseq_msg_recovery_t recovery = {.incarnation =
                                      record->vector.incarnation[msg->node]};
    s_near_incarnation (&recovery.incarnation);
    if (recovery.incarnation.counter == 0)
        recovery.incarnation.counter = 1;
    zseq_slice_t after = {"", 0};
    if (zseq_fuzz_byte (&run.input) & 1)
        after = s_word ();
    uint8_t how = run.speaks_2 ? zseq_fuzz_byte (&run.input) : 0;
    msg->version = how & 1 ? 2 : 1;
    recovery.forced = how & 2;
    if (msg->op == ZSEQ_OP_FENCE)
        msg->fence.recovery = recovery;
    else {
        msg->copy.recovery = recovery;
        msg->copy.after = after;
    }
}

void
fuzz_fill_request (zseq_msg_t *msg)
{
    memset (msg, 0, sizeof *msg);
    uint8_t which = zseq_fuzz_below (&run.input, run.has_keys ? 2 * OPS : OPS);
    msg->request = zseq_fuzz_within (&run.input, 1, UINT64_MAX);
    msg->cluster = s_cluster ();
    if (which >= OPS) {
        fuzz_keys_fill_request (msg);
        return;
    }
    msg->op = s_ops[which];
    msg->name = s_word ();
    switch (msg->op) {
    case ZSEQ_OP_CLAIM: {
        const fuzz_file_t *file = fuzz_file_of (msg->name.data, msg->name.size);
        uint64_t near = file->answered;
        uint64_t number = zseq_fuzz_number (&run.input);
        msg->claim.first = number < 128 ? near + number : number;
        if (msg->claim.first < 1 || msg->claim.first > ZSEQ_ID_MAX)
            msg->claim.first = ZSEQ_ID_MAX;
        msg->claim.count = zseq_fuzz_within (&run.input, 1, ZSEQ_COUNT_MAX);
        break;
    }
    case ZSEQ_OP_RAISE:
        msg->raise.to = zseq_fuzz_within (&run.input, 1, ZSEQ_NEXT_MAX);
        break;
    case ZSEQ_OP_LIST:
        msg->list.prefix = msg->name;
        if (zseq_fuzz_byte (&run.input) & 3)
            msg->list.prefix.size = zseq_fuzz_below (&run.input, 2);
        msg->list.after = s_word ();
        msg->list.count = zseq_fuzz_within (&run.input, 1, UINT64_MAX);
        break;
    case ZSEQ_OP_INTRODUCE:
        s_fill_cluster (msg);
        msg->node = s_member (msg, 0);
        break;
    case ZSEQ_OP_FENCE:
    case ZSEQ_OP_COPY:
        s_fill_recovery (msg);
        break;
    default:
        break;
    }
}

//  Draws a start near the given one, or any.
static void
s_near_start (zseq_start_t *start)
{
    uint8_t which = zseq_fuzz_below (&run.input, 8);
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
        start->counter = zseq_fuzz_number (&run.input);
        start->random = zseq_fuzz_number (&run.input);
    }
}

//  Draws a floor above the given one, or any.
static uint64_t
s_near_floor (uint64_t floor)
{
    uint64_t more = zseq_fuzz_byte (&run.input);
    if (more == 255)
        return zseq_fuzz_within (&run.input, 1, ZSEQ_NEXT_MAX);
    if (more == 254)
        return 1;
    return floor > ZSEQ_NEXT_MAX - more ? ZSEQ_NEXT_MAX : floor + more;
}

//  Fills in what a peer of version 2 adds. It knows about the node what is on
//  the node's disk.
static void
s_fill_extras (zseq_msg_t *msg)
{
    uint8_t how = run.speaks_2 ? zseq_fuzz_byte (&run.input) : 7;
    if ((how & 7) == 7)
        return;
    msg->extended = true;
    if (msg->op == ZSEQ_OP_HELLO) {
        msg->hello.speaks = (how & 1 ? 3u : 2u) + run.has_keys;
        msg->hello.holds_vote = how & 2;
    }
    if (msg->vector.n == run.disk.members.n)
        msg->vector.start[run.disk.self] = run.disk.vector.start[run.disk.self];
    if (how & 8)
        s_near_start (&msg->vector.start[run.disk.self]);
    if ((how & 0x30) == 0x10)
        s_near_start (&msg->vector.start[zseq_fuzz_below (&run.input, 9)]);
    uint64_t met =
      (how & 0x30) == 0x20 ? zseq_fuzz_number (&run.input) : run.process;
    uint64_t floor = run.disk.floor;
    uint64_t floor_reserved = run.disk.floor_reserved;
    if (how >> 6 == 3) {
        floor = s_near_floor (floor);
        floor_reserved = s_near_floor (floor_reserved);
    }
    if (msg->op == ZSEQ_OP_INTRODUCE) {
        msg->introduce.seen = met;
        msg->introduce.floor = floor;
        msg->introduce.floor_reserved = floor_reserved;
    }
    if (msg->op == ZSEQ_OP_INTRODUCE && run.has_keys && how & 4) {
        msg->introduce.speaks = ZSEQ_WIRE_VERSION;
        //  K17: a position that is not durable shows a journal without its end.
        msg->introduce.heard = run.position + (how >> 6 == 2);
    }
}

void
fuzz_fill_reply (zseq_msg_t *msg, uint8_t peer)
{
    uint8_t slot = run.has_keys ? zseq_fuzz_below (&run.input, 8) : 0;
    if (slot >= SLOTS || !run.asked[peer][slot].op)
        slot = 0;
    const fuzz_asked_t *asked = &run.asked[peer][slot];
    memset (msg, 0, sizeof *msg);
    msg->op = asked->op;
    msg->reply = true;
    msg->request = asked->request;
    s_fill_cluster (msg);
    msg->cluster = s_cluster ();
    msg->node = s_member (msg, peer);
    uint8_t status = zseq_fuzz_byte (&run.input);
    msg->status = status < 192 ? ZSEQ_OK : -(status - 192);
    s_fill_extras (msg);
    if (fuzz_keys_fill_reply (msg, asked, false))
        return;
    if (msg->op == ZSEQ_OP_FENCE) {
        msg->fence.floor = zseq_fuzz_within (&run.input, 1, ZSEQ_NEXT_MAX);
        msg->fence.floor_reserved =
          zseq_fuzz_within (&run.input, 1, ZSEQ_NEXT_MAX);
        msg->fence.sequences = zseq_fuzz_number (&run.input);
    }
    if (msg->op == ZSEQ_OP_COPY) {
        zseq_msg_page_t *page = &msg->copy.page;
        uint8_t which = zseq_fuzz_byte (&run.input);
        for (size_t index = 0; index < WORDS; index++) {
            if (!(which >> index & 1))
                continue;
            s_items[page->item_count].name = fuzz_words[index];
            s_items[page->item_count++].next =
              zseq_fuzz_within (&run.input, 1, ZSEQ_NEXT_MAX);
        }
        page->items = s_items;
        page->more = page->item_count && which & 0x80;
    }
}

//  Notes what the checks need to know of a request.
static void
s_note_request (fuzz_request_t *request, const zseq_msg_t *msg)
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
        request->incarnation = zseq_msg_recovery (msg)->incarnation;
        break;
    default:
        break;
    }
    if (run.has_keys && msg->op >= ZSEQ_OP_KV_READ)
        fuzz_keys_note_request (request, msg);
    else if (name.size)
        request->file = fuzz_file_of (name.data, name.size);
}

void
fuzz_take_request (uint8_t *bytes, size_t size)
{
    static zseq_codec_t codec;
    zseq_msg_t msg;
    int rc = zseq_codec_decode_request (&codec, bytes, size, &msg);
    if ((rc == ZSEQ_OK || msg.request) && run.request_count < REQUESTS_MAX &&
        !run.ended) {
        size_t index = run.request_count++;
        fuzz_request_t *request = &run.requests[index];
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
        fuzz_step (&event);
        fuzz_keys_check_watch (request);
    }
    memset (bytes, 0xa5, size);
    free (bytes);
}

void
fuzz_take_reply (uint8_t *bytes, size_t size, uint8_t peer, bool answers)
{
    static zseq_codec_t codec;
    zseq_msg_t msg;
    if (zseq_codec_decode_reply (&codec, bytes, size, &msg) == ZSEQ_OK &&
        fuzz_can_be (&msg)) {
        if (answers)
            msg.request = run.asked_request[peer];
        fuzz_note_reply (&msg, peer);
        zseq_event_t event = {.type = ZSEQ_EVENT_PEER_REPLY,
                              .sender = zseq_sender_peer (peer),
                              .msg = &msg};
        fuzz_step (&event);
    }
    memset (bytes, 0xa5, size);
    free (bytes);
}

uint8_t *
fuzz_encode (const zseq_msg_t *msg, size_t *size_p)
{
    *size_p = zseq_codec_encode (msg, run.bytes, sizeof run.bytes);
    assert (*size_p);
    uint8_t *bytes = malloc (*size_p);
    assert (bytes);
    memcpy (bytes, run.bytes, *size_p);
    return bytes;
}

uint8_t *
fuzz_raw (size_t *size_p)
{
    size_t size_max = zseq_fuzz_byte (&run.input);
    return zseq_fuzz_bytes (&run.input, size_max, size_p);
}

uint8_t
fuzz_peer (void)
{
    uint8_t peer = zseq_fuzz_below (&run.input, run.disk.members.n);
    if (peer != run.disk.self)
        return peer;
    return (uint8_t) ((peer + 1) % run.disk.members.n);
}
