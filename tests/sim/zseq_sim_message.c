//  The network of a simulated cluster: messages that come late, twice or never.

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_sim_cluster_private.h"

const char *
zseq_sim_op_text (zseq_op_t op)
{
    static const char *text[] = {
      [ZSEQ_OP_HELLO] = "HELLO",
      [ZSEQ_OP_READ] = "READ",
      [ZSEQ_OP_CLAIM] = "CLAIM",
      [ZSEQ_OP_RAISE] = "RAISE",
      [ZSEQ_OP_NEXT] = "NEXT",
      [ZSEQ_OP_LIST] = "LIST",
      [ZSEQ_OP_STATUS] = "STATUS",
      [ZSEQ_OP_INTRODUCE] = "INTRODUCE",
      [ZSEQ_OP_FENCE] = "FENCE",
      [ZSEQ_OP_COPY] = "COPY",
      [ZSEQ_OP_INFO] = "INFO",
      [ZSEQ_OP_KV_READ] = "KV-READ",
      [ZSEQ_OP_KV_WRITE] = "KV-WRITE",
      [ZSEQ_OP_KV_SETTLE] = "KV-SETTLE",
      [ZSEQ_OP_KV_LIST] = "KV-LIST",
      [ZSEQ_OP_KV_WATCH] = "KV-WATCH",
      [ZSEQ_OP_KV_PROMISE] = "KV-PROMISE",
      [ZSEQ_OP_KV_FETCH] = "KV-FETCH",
      [ZSEQ_OP_KV_ACCEPT] = "KV-ACCEPT",
      [ZSEQ_OP_KV_CHOSEN] = "KV-CHOSEN",
      [ZSEQ_OP_KV_COPY] = "KV-COPY",
      [ZSEQ_OP_KV_PROMISES] = "KV-PROMISES",
    };
    return op < sizeof text / sizeof *text && text[op] ? text[op] : "?";
}

//  Names an end of a message: a process, or a client.
static const char *
s_who (const zseq_sim_cluster_t *self, uint32_t id, uint16_t client, char *text,
       size_t size)
{
    const zseq_sim_process_t *process = zseq_sim_process (self, id);
    if (process)
        snprintf (text, size, "%c#%u", zseq_sim_letter (process->index), id);
    else if (id == ZSEQ_SIM_NO_PROCESS)
        snprintf (text, size, "client %u", client);
    else
        snprintf (text, size, "#%u", id);
    return text;
}

void
zseq_sim_trace_message (const zseq_sim_cluster_t *self,
                        const zseq_sim_message_t *message,
                        const zseq_msg_t *msg)
{
    if (!self->trace)
        return;
    char from[20];
    char values[100] = "";
    bool sequence = msg->op == ZSEQ_OP_READ || msg->op == ZSEQ_OP_CLAIM ||
                    msg->op == ZSEQ_OP_RAISE;
    uint64_t first = 0;
    uint64_t count = 0;
    if (msg->op == ZSEQ_OP_CLAIM) {
        first = msg->claim.first;
        count = msg->claim.count;
    }
    if (msg->op == ZSEQ_OP_RAISE)
        first = msg->raise.to;
    if (sequence && !msg->reply)
        snprintf (values, sizeof values, " %.*s %llu+%llu",
                  (int) msg->name.size, msg->name.data,
                  (unsigned long long) first, (unsigned long long) count);
    else if (msg->op == ZSEQ_OP_NEXT && !msg->reply)
        snprintf (values, sizeof values, " %.*s %llu", (int) msg->name.size,
                  msg->name.data, (unsigned long long) msg->next.count);
    else if (msg->op == ZSEQ_OP_NEXT && msg->status == ZSEQ_OK)
        snprintf (values, sizeof values, " %llu+%llu",
                  (unsigned long long) msg->next.first,
                  (unsigned long long) msg->next.count);
    else if (sequence)
        snprintf (values, sizeof values, " next %llu",
                  (unsigned long long) zseq_msg_next (msg));
    else if (msg->op == ZSEQ_OP_FENCE && !msg->reply)
        snprintf (values, sizeof values, " incarnation %llu",
                  (unsigned long long) msg->fence.recovery.incarnation.counter);
    else if (msg->op == ZSEQ_OP_COPY && msg->reply)
        snprintf (values, sizeof values, " of %zu names",
                  msg->copy.page.item_count);
    else if (msg->op == ZSEQ_OP_KV_COPY && msg->reply)
        snprintf (values, sizeof values, " of %zu keys",
                  msg->kv_copy.record_count);
    else if (msg->op == ZSEQ_OP_KV_COPY)
        snprintf (values, sizeof values, " of shard %u", msg->kv_copy.shard);
    bool known = message->to != ZSEQ_SIM_NO_PROCESS || message->reply;
    char to[20] = {zseq_sim_letter (message->node), 0};
    if (known)
        (void) s_who (self, message->to, message->client, to, sizeof to);
    zseq_sim_cluster_say (
      self, "%s -> %s: %s%s%s%s%s",
      s_who (self, message->from, message->client, from, sizeof from), to,
      zseq_sim_op_text (msg->op), msg->reply ? " reply" : "", values,
      msg->reply && msg->status ? ": " : "",
      msg->reply && msg->status ? zseq_strerror (msg->status) : "");
}

//  Returns whether one end is a watched process and the other its guard.
static bool
s_sure (const zseq_sim_cluster_t *self, const zseq_sim_message_t *head)
{
    const zseq_sim_process_t *from = zseq_sim_process (self, head->from);
    const zseq_sim_process_t *to = zseq_sim_process (self, head->to);
    return from && to &&
           ((from->watched && from->guard == to->index) ||
            (to->watched && to->guard == from->index));
}

//  Returns when a message of a link arrives, not before those sent earlier.
static uint64_t
s_in_order (zseq_sim_cluster_t *self, const zseq_sim_message_t *head,
            bool reply, uint64_t at_us)
{
    uint32_t id = reply ? head->to : head->from;
    const zseq_sim_process_t *end = zseq_sim_process (self, id);
    bool client =
      id == ZSEQ_SIM_NO_PROCESS && head->client < ZSEQ_SIM_CLUSTER_CLIENTS;
    if (!self->faults.ordered || (!end && !client))
        return at_us;
    size_t index = end ? end->index : (size_t) ZSEQ_NODES_MAX + head->client;
    uint64_t *arrives_us = &self->arrives_us[reply][head->node][index];
    if (*arrives_us < at_us)
        *arrives_us = at_us;
    return *arrives_us;
}

void
zseq_sim_post (zseq_sim_cluster_t *self, const zseq_sim_message_t *head,
               const zseq_msg_t *msg, bool cut)
{
    static uint8_t bytes[ZSEQ_MESSAGE_MAX];
    bool sure = s_sure (self, head);
    //  A connection delivers a request once at most, and a client relies on
    //  that where a busy node refuses to write a key.
    bool doubled = zseq_sim_cluster_chance (self, self->faults.doubled) &&
                   (msg->reply || (msg->op != ZSEQ_OP_KV_WRITE &&
                                   msg->op != ZSEQ_OP_KV_SETTLE));
    if (cut || (zseq_sim_cluster_chance (self, self->faults.lost) && !sure)) {
        self->messages += !cut;
        return;
    }
    self->messages += doubled;
    size_t size = zseq_codec_encode (msg, bytes, sizeof bytes);
    assert (size);
    for (int copies = doubled ? 2 : 1; copies; copies--) {
        zseq_sim_message_t *message = malloc (sizeof *message + size);
        assert (message);
        *message = *head;
        message->reply = msg->reply;
        message->served = false;
        message->size = size;
        memcpy (message->bytes, bytes, size);
        uint64_t lag_us = self->faults.lag_us;
        if (zseq_sim_cluster_chance (self, self->faults.late) && !sure) {
            self->messages++;
            lag_us = self->faults.late_us;
        }
        uint64_t at_us = self->now_us + zseq_sim_random (self) % (lag_us + 1);
        zseq_sim_add_due (self, s_in_order (self, head, msg->reply, at_us),
                          ZSEQ_SIM_DUE_MESSAGE, 0, message);
    }
}

//  Returns whether two nodes' processes do not hear each other now.
bool
zseq_sim_cut (const zseq_sim_cluster_t *self, const zseq_sim_process_t *from,
              uint8_t to, const zseq_msg_t *msg)
{
    uint8_t cut = self->cut[from->index][to];
    return from->deaf || (cut & 1u << ZSEQ_CUT_ALL) ||
           (msg->op != ZSEQ_OP_HELLO && (cut & 1u << ZSEQ_CUT_BUT_HELLO)) ||
           (!msg->reply && (cut & 1u << ZSEQ_CUT_QUESTIONS));
}

bool
zseq_sim_cut_client (const zseq_sim_cluster_t *self, size_t client,
                     uint8_t node)
{
    return client < ZSEQ_SIM_CLUSTER_CLIENTS && self->cut_client[client][node];
}
