//  Sequences: answers READ, CLAIM and RAISE of clients, and pages of names for
//  LIST and COPY; tells what it knows of a name (INFO). A claim changes the
//  sequence in memory (zseq_seq_accept) and marks it dirty; zseq_node_queue
//  sends the reply when durable_to covers the claim (S8). This file knows
//  sequences only; another kind of stored object would get a file beside it.

#include "zseq_node_private.h"
#include "zseq_node_texts.h"

//  Bytes of names in a LIST reply. A client that does not read its replies has
//  as many of them waiting as the queue is long.
#define PAGE_BYTES_MAX 8192
#define PAGE_ITEM_BYTES 16

static zseq_slice_t
s_name (const zseq_sequence_t *sequence)
{
    zseq_slice_t name = {zseq_sequence_name (sequence),
                         zseq_sequence_name_size (sequence)};
    return name;
}

//  A name's next, which is at least its floor. sequence: or NULL.
static zseq_seq_t
s_seq (const zseq_node_t *self, zseq_slice_t name,
       const zseq_sequence_t *sequence)
{
    zseq_seq_t seq = {.next = zseq_node_floor (self, name)};
    if (sequence)
        zseq_seq_raise (&seq, sequence->seq.next);
    return seq;
}

//  Whether a sequence's next would survive a power cut: durable_to covers it,
//  or it is the name's floor.
static bool
s_durable (const zseq_node_t *self, const zseq_sequence_t *sequence)
{
    return sequence->seq.next <= sequence->durable_to ||
           sequence->seq.next <= zseq_node_floor (self, s_name (sequence));
}

//  The highest next of a sequence that is durable.
static uint64_t
s_durable_next (const zseq_node_t *self, const zseq_sequence_t *sequence)
{
    if (s_durable (self, sequence))
        return s_seq (self, s_name (sequence), sequence).next;
    uint64_t floor = zseq_node_floor (self, s_name (sequence));
    return sequence->durable_to > floor ? sequence->durable_to : floor;
}

//  The reply to a READ, CLAIM or RAISE, to send now or when it is durable.
static zseq_waiting_t
s_granted (zseq_node_t *self, const zseq_event_t *event, uint64_t next)
{
    const zseq_msg_t *msg = event->msg;
    zseq_waiting_t granted = {
      .sender = event->sender,
      .op = msg->op,
      .request = msg->request,
      .next = next,
      .name_hash = zseq_node_contention_note (self, &event->sender, msg->name),
    };
    if (msg->op == ZSEQ_OP_CLAIM) {
        granted.first = msg->claim.first;
        granted.count = msg->claim.count;
    }
    return granted;
}

//  S8: answers now if the reply is durable, else once it is. The queue must
//  have capacity. claimed: how many IDs a CLAIM took, or 0.
static void
s_grant (zseq_node_t *self, const zseq_event_t *event,
         zseq_sequence_t *sequence, uint64_t claimed)
{
    zseq_waiting_t granted =
      s_granted (self, event, s_seq (self, s_name (sequence), sequence).next);
    if (claimed)
        zseq_node_contention_note_claim (self, granted.name_hash, claimed);
    if (s_durable (self, sequence)) {
        zseq_node_queue_answer (self, &event->sender, &granted, ZSEQ_OK);
        return;
    }
    zseq_node_queue_wait (self, sequence, &granted);
}

bool
zseq_node_seq_admit (zseq_node_t *self, const zseq_event_t *event, uint64_t end)
{
    if (!zseq_node_admit (self, event))
        return false;
    const zseq_slice_t *name = &event->msg->name;
    if (!zseq_flake_reserved (name->data, name->size))
        return true;
    zseq_flake_layout_t layout;
    uint32_t worker;
    int rc = zseq_flake_parse (name->data, name->size, &layout, &worker);
    if (rc == ZSEQ_OK && end &&
        !zseq_flake_claimable (&layout, end, self->wall_ms))
        rc = ZSEQ_ECLOCK;
    if (rc != ZSEQ_OK)
        zseq_node_refuse (self, event, rc);
    return rc == ZSEQ_OK;
}

static zseq_sequence_t *
s_find (const zseq_node_t *self, const zseq_msg_t *msg)
{
    return zseq_sequence_find (self->table, msg->name.data, msg->name.size);
}

//  Names go only if nothing was ever claimed of them.
static void
s_note_full (zseq_node_t *self)
{
    if (!self->names_full)
        zseq_node_log (self, ZSEQ_LOG (NAMES_FULL),
                       zseq_table_count (self->table));
    self->names_full = true;
}

bool
zseq_node_seq_untouched (const zseq_node_t *self,
                         const zseq_sequence_t *sequence)
{
    return zseq_node_seq_fresh (sequence) && !sequence->waiting &&
           !sequence->queued && !sequence->writing && !sequence->listed &&
           self->disk.refused != sequence &&
           sequence->seq.next <= zseq_node_floor (self, s_name (sequence));
}

zseq_sequence_t *
zseq_node_seq_obtain (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    zseq_sequence_t *sequence = s_find (self, msg);
    if (sequence)
        return sequence;
    int rc = zseq_sequence_insert (self->table, msg->name.data, msg->name.size,
                                   &sequence);
    if (rc == ZSEQ_EFULL)
        s_note_full (self);
    if (rc != ZSEQ_OK) {
        zseq_node_refuse (self, event,
                          rc == ZSEQ_EFULL ? ZSEQ_EFULL : ZSEQ_EBUSY);
        return NULL;
    }
    zseq_seq_init (&sequence->seq, zseq_node_floor (self, msg->name));
    return sequence;
}

//  Answers at once with next, and grants nothing.
static void
s_answer_next (zseq_node_t *self, const zseq_event_t *event, uint64_t next,
               int status)
{
    zseq_waiting_t granted = s_granted (self, event, next);
    zseq_node_queue_answer (self, &event->sender, &granted, status);
}

void
zseq_node_seq_read (zseq_node_t *self, const zseq_event_t *event)
{
    if (!zseq_node_seq_admit (self, event, 0))
        return;
    zseq_sequence_t *sequence = s_find (self, event->msg);
    if (!sequence)
        s_answer_next (self, event, zseq_node_floor (self, event->msg->name),
                       ZSEQ_OK);
    else if (!s_durable (self, sequence) &&
             !zseq_node_queue_has_capacity (self, sequence, &event->sender))
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
    else
        s_grant (self, event, sequence, 0);
}

void
zseq_node_seq_claim (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (!zseq_node_seq_admit (self, event, msg->claim.first + msg->claim.count))
        return;

    //  The claim is tried on a copy first: a refused claim changes nothing.
    zseq_sequence_t *sequence = s_find (self, msg);
    zseq_seq_t seq = s_seq (self, msg->name, sequence);
    int rc = zseq_seq_accept (&seq, msg->claim.first, msg->claim.count);
    if (rc != ZSEQ_OK) {
        if (rc == ZSEQ_ECONFLICT)
            self->stats.conflicts++;
        s_answer_next (self, event, seq.next, rc);
        return;
    }
    if (!zseq_node_queue_has_capacity (self, sequence, &event->sender)) {
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
        return;
    }
    sequence = zseq_node_seq_obtain (self, event);
    if (!sequence)
        return;
    sequence->seq = seq;
    zseq_reservation_note_claim (&sequence->reservation, msg->claim.count);
    s_grant (self, event, sequence, msg->claim.count);
    zseq_node_reservation_ahead (self, sequence);
}

void
zseq_node_seq_raise (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (!zseq_node_seq_admit (self, event, msg->raise.to))
        return;
    if (!zseq_node_queue_has_capacity (self, s_find (self, msg),
                                       &event->sender)) {
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
        return;
    }
    uint64_t floor = zseq_node_floor (self, msg->name);
    if (msg->raise.to <= floor && !s_find (self, msg)) {
        s_answer_next (self, event, floor, ZSEQ_OK);
        return;
    }
    zseq_sequence_t *sequence = zseq_node_seq_obtain (self, event);
    if (!sequence)
        return;
    zseq_seq_raise (&sequence->seq, msg->raise.to);
    s_grant (self, event, sequence, 0);
}

void
zseq_node_answer_page (zseq_node_t *self, const zseq_event_t *event,
                       zseq_slice_t prefix, size_t wanted)
{
    const zseq_msg_t *msg = event->msg;
    bool copy = msg->op == ZSEQ_OP_COPY;
    zseq_entry_t *entries[ZSEQ_PAGE_MAX + 1];
    zseq_slice_t after = copy ? msg->copy.after : msg->list.after;
    size_t count = 0;
    bool more = true;
    while (more && count == 0) {
        size_t found =
          zseq_table_page (self->table, prefix.data, prefix.size, after.data,
                           after.size, entries, wanted + 1);
        more = found > wanted;
        size_t bytes = 0;
        for (size_t index = 0; index < found && index < wanted; index++) {
            const zseq_sequence_t *sequence =
              (const zseq_sequence_t *) entries[index];
            after = s_name (sequence);
            if (!sequence->durable_to && !copy)
                continue;
            bytes += zseq_sequence_name_size (sequence) + PAGE_ITEM_BYTES;
            if (bytes > PAGE_BYTES_MAX) {
                more = true;
                break;
            }
            self->page[count].name = after;
            self->page[count].next = copy ? s_seq (self, after, sequence).next
                                          : s_durable_next (self, sequence);
            count++;
        }
    }
    zseq_msg_t *reply = zseq_node_reply (self, msg->op, msg->request, ZSEQ_OK);
    reply->version = msg->version;
    zseq_msg_page_t page = {
      .items = self->page, .item_count = count, .more = more};
    if (copy)
        reply->copy.page = page;
    else
        reply->list.page = page;
    zseq_node_send (self, &event->sender);
}

void
zseq_node_seq_list (zseq_node_t *self, const zseq_event_t *event)
{
    if (!zseq_node_admit (self, event))
        return;
    const zseq_msg_list_t *list = &event->msg->list;
    zseq_node_answer_page (self, event, list->prefix,
                           list->count < ZSEQ_PAGE_MAX ? (size_t) list->count
                                                       : ZSEQ_PAGE_MAX);
}

//  Asks nothing of the name that would make it seem contended.
void
zseq_node_seq_info (zseq_node_t *self, const zseq_event_t *event)
{
    if (!zseq_node_seq_admit (self, event, 0))
        return;
    const zseq_msg_t *msg = event->msg;
    const zseq_sequence_t *sequence = s_find (self, msg);
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_INFO, msg->request, ZSEQ_OK);
    reply->info.next = sequence ? s_durable_next (self, sequence)
                                : zseq_node_floor (self, msg->name);
    zseq_node_contention_info (self, msg->name, &reply->info);
    zseq_node_send (self, &event->sender);
}
