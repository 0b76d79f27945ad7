//  Checks what the node may answer and write. Each check names the rule of
//  lib/doc/design.md (S1 to S11) that it guards.
//
//  fuzz_check_reply gets every reply together with the request it answers.
//  fuzz_check_record gets every record before its write begins, compares it
//  with the record on disk, and checks the node's vote, its starts and its
//  recovery. fuzz_note_confirmations runs before each step: by the peers'
//  answers so far (fuzz_node_peers.c) it decides whether the node may vote or
//  form in that step. The checks know nothing else of the node than its record
//  and its state. A violation is a failed assertion.

#include "fuzz_node.h"

fuzz_request_t *
fuzz_request_of (const zseq_action_t *action)
{
    size_t index;
    assert (action->sender->route.size == sizeof index);
    memcpy (&index, action->sender->route.id, sizeof index);
    assert (index < run.request_count);
    fuzz_request_t *request = &run.requests[index];
    assert (request->known);
    assert (!request->answered);
    request->answered = true;
    assert (action->msg->op == request->op);
    assert (action->msg->request == request->request);
    return request;
}

//  S11: returns the start that this process takes.
static zseq_start_t
s_own_start (void)
{
    if (run.first_start.counter && !run.first_voted)
        return run.first_start;
    return (zseq_start_t){run.first_start.counter + 1, run.process};
}

//  S4, S11: returns whether a peer has noted that start on its disk, and knows
//  no newer one.
static bool
s_has_noted (uint8_t node)
{
    const fuzz_peer_t *peer = &run.peers[node];
    uint8_t self = run.disk.self;
    zseq_start_t start = s_own_start ();
    if (!peer->confirms ||
        zseq_incarnation_compare (&peer->vector.incarnation[node],
                                  &run.newest.incarnation[node]))
        return false;
    return !peer->extended ||
           (zseq_start_equal (&peer->vector.start[self], &start) &&
            zseq_start_equal (&run.disk.vector.start[self], &start) &&
            !zseq_incarnation_compare (&peer->vector.incarnation[self],
                                       &run.disk.vector.incarnation[self]) &&
            peer->seen == run.process && peer->floor <= run.disk.floor &&
            peer->floor_reserved <= run.disk.floor_reserved);
}

void
fuzz_note_confirmations (void)
{
    uint8_t noted = 0;
    bool all_heard = run.now_us - run.began_us >= START_WAIT_US;
    uint8_t unheard = 0;
    uint8_t recovering = 0;
    for (uint8_t node = 0; node < run.disk.members.n; node++) {
        noted = (uint8_t) (noted + s_has_noted (node));
        unheard = (uint8_t) (unheard + !run.peers[node].heard);
        recovering = (uint8_t) (recovering + run.peers[node].recovers);
    }
    all_heard = all_heard || unheard == 1;
    uint8_t majority = zseq_quorum_majority (run.disk.members.n);
    zseq_start_t start = s_own_start ();
    if (run.disk.members.n == 1 ||
        (noted >= majority - 1 && all_heard && run.disk.start_voted &&
         zseq_start_equal (&run.disk.vector.start[run.disk.self], &start)))
        run.starting = false;
    //  If all peers are needed, recovering peers need not note it.
    bool all = majority == run.disk.members.n - 1 &&
               noted + recovering >= majority && noted >= majority - 1;
    if (noted >= majority || noted == run.disk.members.n - 1 || all)
        run.may_form = true;
}

//  S5, S11: checks that the node votes by its record only. If that was on disk
//  when the process began, enough peers must have noted the start. The node
//  never votes in an incarnation or a start that has ended, or below a floor
//  that it was told.
void
fuzz_check_votes (void)
{
    assert (run.disk.voting);
    assert (run.disk.start_voted || run.disk.members.n == 1);
    assert (
      zseq_incarnation_compare (&run.disk.vector.incarnation[run.disk.self],
                                &run.void_incarnation) > 0);
    assert (!run.starting);
    for (uint8_t node = 0; node < run.disk.members.n; node++) {
        if (run.peers[node].cluster != run.disk.identity)
            continue;
        assert (run.disk.floor >= run.peers[node].floor_heard);
        assert (run.disk.floor_reserved >=
                run.peers[node].floor_reserved_heard);
    }
}

//  Checks that the node may be copied: it votes, or it starts and the recovery
//  is by force.
static void
s_check_source (const fuzz_request_t *request)
{
    if (!request->forced || zseq_node_state (run.node) != ZSEQ_STATE_STARTING)
        fuzz_check_votes ();
}

//  Checks that what peers rely on is on disk.
static void
s_check_introduced (const fuzz_request_t *request, const zseq_msg_t *msg)
{
    assert (zseq_vector_equal (&msg->vector, &run.disk.vector));
    assert (msg->extended);
    for (uint8_t node = 0; node < run.disk.members.n; node++)
        assert (zseq_start_equal (&msg->vector.start[node],
                                  &run.disk.vector.start[node]));
    assert (msg->introduce.floor == run.disk.floor);
    assert (msg->introduce.floor_reserved == run.disk.floor_reserved);
    assert (msg->introduce.seen == run.peers[request->node].process);
}

//  S1, S5, S8: checks a claim that was granted.
static void
s_check_granted (const fuzz_request_t *request, const zseq_msg_t *msg)
{
    fuzz_file_t *file = request->file;
    uint64_t next = zseq_msg_next (msg);
    fuzz_check_votes ();
    assert (next <= fuzz_durable_next (file));
    assert (next >= file->answered);
    assert (next >= run.disk.floor);
    if (msg->op == ZSEQ_OP_CLAIM) {
        assert (msg->claim.first == request->first);
        assert (msg->claim.count == request->count);
        assert (msg->claim.first >= file->answered);
        assert (msg->claim.first >= run.disk.floor);
        assert (next == msg->claim.first + msg->claim.count);
    }
    if (msg->op == ZSEQ_OP_RAISE)
        assert (next >= request->next);
    file->answered = next;
}

//  S4: checks that no accepted claim is missing in a page for a recovering
//  node.
static void
s_check_page (const fuzz_request_t *request, const zseq_msg_t *msg)
{
    s_check_source (request);
    const zseq_msg_page_t *page = zseq_msg_page (msg);
    const zseq_slice_t *last =
      page->item_count ? &page->items[page->item_count - 1].name : NULL;
    for (size_t index = 0; index < run.file_count; index++) {
        const fuzz_file_t *file = &run.files[index];
        const zseq_item_t *found = NULL;
        for (size_t item = 0; item < page->item_count; item++)
            if (!fuzz_compare (file->name, file->size,
                               page->items[item].name.data,
                               page->items[item].name.size))
                found = &page->items[item];
        uint64_t least =
          msg->op == ZSEQ_OP_LIST ? file->answered : fuzz_accepted_next (file);
        if (msg->op == ZSEQ_OP_LIST && found)
            assert (found->next <= fuzz_durable_next (file));
        if (found || msg->op == ZSEQ_OP_LIST)
            assert (!found || found->next >= least);
        else if (fuzz_compare (file->name, file->size, request->after,
                               request->after_size) > 0 &&
                 (!page->more || fuzz_compare (file->name, file->size,
                                               last->data, last->size) < 0))
            assert (least <= run.disk.floor);
    }
}

//  S5: checks that the node says that it votes only if its disk says so, too.
static void
s_check_state (zseq_state_t state)
{
    if (state == ZSEQ_STATE_VOTING)
        fuzz_check_votes ();
}

void
fuzz_check_reply (const fuzz_request_t *request, const zseq_msg_t *msg)
{
    for (uint8_t node = 0; node < msg->vector.n; node++)
        assert (zseq_incarnation_compare (&msg->vector.incarnation[node],
                                          &run.disk.vector.incarnation[node]) >=
                0);
    if (request->malformed)
        assert (msg->status == ZSEQ_EPROTOCOL);
    if (msg->op == ZSEQ_OP_CLAIM && msg->status == ZSEQ_ECONFLICT) {
        fuzz_check_votes ();
        assert (msg->claim.next > request->first &&
                msg->claim.next >= request->file->answered);
    }
    if (msg->status != ZSEQ_OK)
        return;
    if (msg->op == ZSEQ_OP_KV_COPY || msg->op == ZSEQ_OP_KV_PROMISES)
        s_check_source (request);
    //  K14.
    else if (msg->op >= ZSEQ_OP_KV_READ)
        fuzz_check_votes ();
    if (fuzz_keys_check_reply (request, msg))
        return;
    switch (msg->op) {
    case ZSEQ_OP_READ:
    case ZSEQ_OP_CLAIM:
    case ZSEQ_OP_RAISE:
        s_check_granted (request, msg);
        break;
    case ZSEQ_OP_INFO:
        fuzz_check_votes ();
        assert (msg->info.next <= fuzz_durable_next (request->file));
        assert (msg->info.next >= request->file->answered);
        break;
    case ZSEQ_OP_LIST:
        s_check_page (request, msg);
        break;
    case ZSEQ_OP_COPY:
        s_check_page (request, msg);
        //  fallthrough
    case ZSEQ_OP_FENCE:
        s_check_source (request);
        //  S4: a node answers for an incarnation that is in force on its disk.
        assert (!zseq_incarnation_compare (
          &request->incarnation, &run.disk.vector.incarnation[request->node]));
        assert (msg->version == request->version);
        break;
    case ZSEQ_OP_INTRODUCE:
        s_check_state (msg->introduce.state);
        s_check_introduced (request, msg);
        break;
    case ZSEQ_OP_HELLO:
        s_check_state (msg->hello.state);
        assert (msg->hello.speaks == ZSEQ_WIRE_VERSION);
        assert (msg->hello.holds_vote == run.disk.voting);
        break;
    case ZSEQ_OP_STATUS:
        s_check_state (msg->node_status.state);
        break;
    default:
        break;
    }
}

//  S11: checks the starts in a record. A process takes one start, and a new one
//  only if the node has voted in the last. A peer's start only changes to a
//  later one; of two with one counter, to a disputed one.
static void
s_check_starts (const zseq_record_t *record)
{
    uint8_t self = run.disk.self;
    const zseq_start_t *start = &record->vector.start[self];
    zseq_start_t own = s_own_start ();
    if (zseq_incarnation_compare (&record->vector.incarnation[self],
                                  &run.first_incarnation))
        assert (!record->voting || !start->counter || run.start_heard);
    else
        assert (zseq_start_equal (start, &run.first_start) ||
                zseq_start_equal (start, &own));
    for (uint8_t node = 0; node < record->members.n; node++) {
        if (zseq_incarnation_compare (&record->vector.incarnation[node],
                                      &run.disk.vector.incarnation[node]))
            continue;
        const zseq_start_t *before = &run.disk.vector.start[node];
        const zseq_start_t *after = &record->vector.start[node];
        assert (after->counter > before->counter ||
                zseq_start_equal (after, before) ||
                (after->counter == before->counter && !after->random &&
                 node != self));
        assert (node != self || record->start_voted || !run.disk.start_voted ||
                after->counter > before->counter);
    }
}

//  S11: checks a recovery by force. It skips no peer that holds a vote, and
//  binds as many peers as answer any recovery.
static void
s_check_force (const zseq_record_t *record)
{
    uint8_t bound = 0;
    const zseq_incarnation_t *incarnation =
      &record->vector.incarnation[record->self];
    for (uint8_t node = 0; node < record->members.n; node++) {
        const fuzz_peer_t *peer = &run.peers[node];
        if (node == record->self)
            continue;
        bool copied = !zseq_incarnation_compare (&peer->copied, incarnation);
        assert (copied || !peer->holds || peer->voter_of != record->identity);
        if (copied || peer->forgot || run.force.lost >> node & 1)
            bound++;
    }
    assert (bound >= zseq_quorum_majority (record->members.n) ||
            bound == record->members.n - 1);
}

//  S5: checks that the node writes its vote last, and only its own.
static void
s_check_vote (const zseq_record_t *record)
{
    const zseq_incarnation_t *incarnation =
      &record->vector.incarnation[record->self];
    assert (run.write_count == 0);
    fuzz_keys_check_vote (record);
    assert (record->identity);
    assert (incarnation->counter);
    assert (record->start_voted || record->members.n == 1);
    assert (zseq_incarnation_compare (incarnation, &run.void_incarnation) > 0);
    //  S11: a node forms only if so many peers have noted its start that one of
    //  them takes part in any later formation.
    if (!run.disk.identity && incarnation->counter == 1)
        assert (run.may_form || record->members.n == 1);
    if (run.is_forced)
        s_check_force (record);
}

void
fuzz_check_record (const zseq_record_t *record)
{
    for (size_t index = 0; index < run.write_count; index++)
        assert (!run.writes[index].is_record);
    //  The record lowers no value.
    assert (!run.disk.identity || record->identity == run.disk.identity);
    assert (record->floor >= run.disk.floor);
    assert (record->floor_reserved >= run.disk.floor_reserved);
    for (uint8_t node = 0; node < record->members.n; node++)
        assert (zseq_incarnation_compare (&record->vector.incarnation[node],
                                          &run.disk.vector.incarnation[node]) >=
                0);
    s_check_starts (record);
    if (record->voting && !run.disk.voting)
        s_check_vote (record);
}
