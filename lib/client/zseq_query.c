//  The kinds of operation: a query (peek or raise), a page of names, the nodes'
//  status, and what they know of a name. Each kind is a table of functions that
//  zseq_operation.c calls: tick starts the operation or sends again, request
//  makes the message, receive takes a reply, fail explains a failure, and ended
//  reports the end. zseq_query_post starts a query without waiting; zseq_ask.c
//  starts and waits for all kinds.

#include "zseq_query.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_client_texts.h"
#include "zseq_clock.h"
#include "zseq_reactor_private.h"

static zseq_slice_t
s_slice (const char *text)
{
    zseq_slice_t slice = {text, strlen (text)};
    return slice;
}

static zseq_timing_t
s_timing (zseq_reactor_t *reactor, uint64_t deadline_us)
{
    zseq_timing_t timing = {
      .rtt_us = zseq_batcher_stats (reactor->names.batcher)->rtt_us,
      .deadline_us = deadline_us,
      .seed = reactor->seed++};
    return timing;
}

//  A query: steps of zseq_peek, which also raises.

static zseq_do_t
s_query_tick (zseq_reactor_t *reactor, zseq_operation_t *operation, bool starts,
              uint64_t now_us)
{
    zseq_query_operation_t *self = (zseq_query_operation_t *) operation;
    if (starts) {
        //  The operation ends at its own deadline; the peek has none.
        zseq_timing_t timing = s_timing (reactor, ZSEQ_NEVER);
        zseq_peek_init (&self->peek, zseq_session_quorum (reactor->session),
                        self->query->value, &timing);
    }
    return zseq_peek_tick (&self->peek, now_us);
}

static void
s_query_request (zseq_reactor_t *reactor, zseq_operation_t *operation,
                 zseq_msg_t *msg)
{
    zseq_query_operation_t *self = (zseq_query_operation_t *) operation;
    zseq_do_t todo = zseq_peek_request (
      &self->peek, zseq_session_draw_request (reactor->session),
      zseq_reactor_now_us (reactor), msg);
    assert (todo == ZSEQ_DO_SEND);
    msg->name = s_slice (self->query->name);
}

static zseq_do_t
s_query_receive (zseq_reactor_t *reactor, zseq_operation_t *operation,
                 const zseq_msg_t *msg, uint64_t now_us)
{
    (void) reactor;
    zseq_query_operation_t *self = (zseq_query_operation_t *) operation;
    return zseq_peek_reply (&self->peek, msg, now_us);
}

static void
s_query_fail (zseq_reactor_t *reactor, zseq_operation_t *operation)
{
    zseq_query_operation_t *self = (zseq_query_operation_t *) operation;
    zseq_progress_t progress = zseq_operation_progress (operation);
    zseq_explain (reactor->session, &progress, ZSEQ_QUORUM_WRITE,
                  self->peek.given ? ZSEQ_TEXT_RAISE_PENDING
                                   : ZSEQ_TEXT_NOTHING_CHANGED,
                  &self->query->outcome);
}

//  Takes over the result; wakes the waiting thread or calls done.
static void
s_query_ended (zseq_operation_t *operation)
{
    zseq_query_operation_t *self = (zseq_query_operation_t *) operation;
    zseq_query_t *query = self->query;
    if (query->outcome.rc == ZSEQ_OK) {
        assert (self->peek.done);
        query->value = self->peek.value;
    }
    if (!query->done) {
        zseq_waiter_wake (&operation->waiter);
        return;
    }
    query->operation = NULL;
    free (self);
    query->done (query);
}

const zseq_operation_kind_t zseq_query_kind = {
  .may_start = zseq_session_ready,
  .tick = s_query_tick,
  .request = s_query_request,
  .receive = s_query_receive,
  .fail = s_query_fail,
  .ended = s_query_ended,
};

int
zseq_query_post (zseq_reactor_t *reactor, zseq_query_t *self)
{
    assert (reactor);
    assert (self);
    assert (self->done);
    assert (!self->operation);

    zseq_query_operation_t *operation = calloc (1, sizeof *operation);
    if (!operation)
        return ZSEQ_ENOMEM;
    operation->operation.kind = &zseq_query_kind;
    operation->operation.attempt = &operation->peek.attempt;
    operation->operation.deadline_us = self->deadline_us;
    operation->query = self;
    self->operation = operation;
    self->outcome.rc = ZSEQ_OK;
    zseq_operation_start (reactor, &operation->operation);
    return ZSEQ_OK;
}

void
zseq_query_cancel (zseq_reactor_t *reactor, zseq_query_t *self)
{
    assert (reactor);
    assert (self);
    zseq_query_operation_t *operation = self->operation;
    if (!operation)
        return;
    zseq_operation_retire (reactor, &operation->operation);
    self->operation = NULL;
    free (operation);
}

//  A page of names.

static zseq_do_t
s_page_tick (zseq_reactor_t *reactor, zseq_operation_t *operation, bool starts,
             uint64_t now_us)
{
    zseq_attempt_t *attempt = operation->attempt;
    if (starts) {
        zseq_timing_t timing = s_timing (reactor, operation->deadline_us);
        zseq_attempt_init (attempt, zseq_session_quorum (reactor->session),
                           &timing);
    }
    if (zseq_attempt_overdue (attempt, now_us)) {
        zseq_attempt_end (attempt, false);
        zseq_attempt_pause (attempt, now_us);
    }
    return zseq_attempt_due (attempt, now_us) ? ZSEQ_DO_SEND : ZSEQ_DO_WAIT;
}

static void
s_page_request (zseq_reactor_t *reactor, zseq_operation_t *operation,
                zseq_msg_t *msg)
{
    zseq_page_operation_t *self = (zseq_page_operation_t *) operation;
    *msg = (zseq_msg_t){
      .op = ZSEQ_OP_LIST,
      .request = zseq_session_draw_request (reactor->session),
      .list = {.prefix = s_slice (self->prefix),
               .after = s_slice (self->after),
               .count = ZSEQ_PAGE_MAX},
    };
    zseq_attempt_begin (&self->attempt, msg->request, true,
                        zseq_reactor_now_us (reactor));
}

//  Copies a node's reply to its page; an error empties the page.
static void
s_take_page (zseq_node_page_t *page, const zseq_msg_t *msg)
{
    const zseq_msg_page_t *answer = &msg->list.page;
    page->count = 0;
    page->more = false;
    if (msg->status != ZSEQ_OK)
        return;
    page->count = answer->item_count;
    page->more = answer->more && answer->item_count;
    for (size_t index = 0; index < answer->item_count; index++) {
        const zseq_item_t *item = &answer->items[index];
        page->item[index].next = item->next;
        memcpy (page->item[index].name, item->name.data, item->name.size);
        page->item[index].name[item->name.size] = 0;
    }
}

static zseq_do_t
s_page_receive (zseq_reactor_t *reactor, zseq_operation_t *operation,
                const zseq_msg_t *msg, uint64_t now_us)
{
    (void) reactor;
    zseq_page_operation_t *self = (zseq_page_operation_t *) operation;
    zseq_attempt_t *attempt = &self->attempt;
    if (msg->op != ZSEQ_OP_LIST || !zseq_attempt_add (attempt, msg))
        return ZSEQ_DO_WAIT;
    s_take_page (&self->node_pages[msg->node], msg);
    if (zseq_attempt_reached (attempt, ZSEQ_QUORUM_READ)) {
        zseq_attempt_end (attempt, true);
        self->done = true;
        return ZSEQ_DO_DONE;
    }
    if (zseq_attempt_hopeless (attempt, ZSEQ_QUORUM_READ)) {
        zseq_attempt_end (attempt, true);
        zseq_attempt_pause (attempt, now_us);
    }
    return ZSEQ_DO_WAIT;
}

static void
s_page_fail (zseq_reactor_t *reactor, zseq_operation_t *operation)
{
    zseq_page_operation_t *self = (zseq_page_operation_t *) operation;
    zseq_progress_t progress = zseq_operation_progress (operation);
    zseq_explain (reactor->session, &progress, ZSEQ_QUORUM_READ,
                  ZSEQ_TEXT_NOTHING_CHANGED, self->outcome);
}

const zseq_operation_kind_t zseq_query_page_kind = {
  .may_start = zseq_session_ready,
  .tick = s_page_tick,
  .request = s_page_request,
  .receive = s_page_receive,
  .fail = s_page_fail,
};

//  The nodes' status. Works with a cluster that is not ready, too.

static zseq_do_t
s_status_tick (zseq_reactor_t *reactor, zseq_operation_t *operation,
               bool starts, uint64_t now_us)
{
    (void) now_us;
    zseq_status_operation_t *self = (zseq_status_operation_t *) operation;
    if (!starts)
        return ZSEQ_DO_WAIT;
    self->missing = zseq_node_set_first (zseq_session_n (reactor->session));
    return ZSEQ_DO_SEND;
}

static void
s_status_request (zseq_reactor_t *reactor, zseq_operation_t *operation,
                  zseq_msg_t *msg)
{
    (void) operation;
    *msg =
      (zseq_msg_t){.op = ZSEQ_OP_STATUS,
                   .request = zseq_session_draw_request (reactor->session)};
}

static zseq_do_t
s_status_receive (zseq_reactor_t *reactor, zseq_operation_t *operation,
                  const zseq_msg_t *msg, uint64_t now_us)
{
    zseq_status_operation_t *self = (zseq_status_operation_t *) operation;
    if (msg->op != ZSEQ_OP_STATUS || msg->request != operation->request ||
        msg->status != ZSEQ_OK || !zseq_node_set_has (self->missing, msg->node))
        return ZSEQ_DO_WAIT;
    zseq_node_set_remove (&self->missing, msg->node);
    zseq_node_status_t *node = &self->status->node[msg->node];
    node->reachable = true;
    node->voting = msg->node_status.state == ZSEQ_STATE_VOTING;
    zseq_slice_t reason = msg->node_status.reason;
    snprintf (
      node->state, sizeof node->state, "%s%s%.*s", node->voting ? "voting" : "",
      node->voting && reason.size ? ", " : "", (int) reason.size, reason.data);
    node->incarnation = msg->vector.incarnation[msg->node].counter;
    node->sequences = msg->node_status.sequences;
    node->burnt = msg->node_status.burnt;
    node->rtt_us = now_us - operation->sent_us;
    node->version = zseq_session_speaks (reactor->session, msg->node);
    node->claims = msg->node_status.claims;
    node->conflicts = msg->node_status.conflicts;
    node->counters = msg->node_status.counter_count;
    for (size_t index = 0; index < node->counters; index++) {
        const zseq_msg_counter_t *counter = &msg->node_status.counter[index];
        snprintf (node->counter[index].name, sizeof node->counter[index].name,
                  "%.*s", (int) counter->name.size, counter->name.data);
        node->counter[index].value = counter->value;
    }
    return self->missing ? ZSEQ_DO_WAIT : ZSEQ_DO_DONE;
}

const zseq_operation_kind_t zseq_query_status_kind = {
  .may_start = zseq_session_known,
  .tick = s_status_tick,
  .request = s_status_request,
  .receive = s_status_receive,
};

//  What the nodes know of a name.

static zseq_do_t
s_info_tick (zseq_reactor_t *reactor, zseq_operation_t *operation, bool starts,
             uint64_t now_us)
{
    (void) now_us;
    zseq_info_operation_t *self = (zseq_info_operation_t *) operation;
    if (!starts)
        return ZSEQ_DO_WAIT;
    self->missing = zseq_operation_nodes (reactor, operation);
    return self->missing ? ZSEQ_DO_SEND : ZSEQ_DO_DONE;
}

static void
s_info_request (zseq_reactor_t *reactor, zseq_operation_t *operation,
                zseq_msg_t *msg)
{
    zseq_info_operation_t *self = (zseq_info_operation_t *) operation;
    *msg = (zseq_msg_t){.op = ZSEQ_OP_INFO,
                        .request = zseq_session_draw_request (reactor->session),
                        .name = s_slice (self->name)};
}

//  A refusal is an answer, too: of a node that does not vote.
static zseq_do_t
s_info_receive (zseq_reactor_t *reactor, zseq_operation_t *operation,
                const zseq_msg_t *msg, uint64_t now_us)
{
    (void) reactor;
    (void) now_us;
    zseq_info_operation_t *self = (zseq_info_operation_t *) operation;
    if (msg->op != ZSEQ_OP_INFO || msg->request != operation->request ||
        !zseq_node_set_has (self->missing, msg->node))
        return ZSEQ_DO_WAIT;
    zseq_node_set_remove (&self->missing, msg->node);
    if (msg->status == ZSEQ_OK) {
        zseq_node_info_t *node = &self->info->node[msg->node];
        node->known = true;
        node->next = msg->info.next;
        node->rate = msg->info.rate;
        node->since_us = msg->info.since_us;
        zseq_slice_t claimant = msg->info.claimant;
        snprintf (node->claimant, sizeof node->claimant, "%.*s",
                  (int) claimant.size, claimant.data);
    }
    return self->missing ? ZSEQ_DO_WAIT : ZSEQ_DO_DONE;
}

const zseq_operation_kind_t zseq_query_info_kind = {
  .speaks = 3,
  .may_start = zseq_session_ready,
  .tick = s_info_tick,
  .request = s_info_request,
  .receive = s_info_receive,
};

//  A page of keys.

static zseq_do_t
s_kv_page_tick (zseq_reactor_t *reactor, zseq_operation_t *operation,
                bool starts, uint64_t now_us)
{
    zseq_kv_page_operation_t *self = (zseq_kv_page_operation_t *) operation;
    if (starts) {
        zseq_timing_t timing = s_timing (reactor, operation->deadline_us);
        zseq_kv_list_begin (self->list, zseq_session_n (reactor->session),
                            self->ask, &timing);
    }
    return zseq_kv_list_tick (self->list, now_us);
}

static void
s_kv_page_request (zseq_reactor_t *reactor, zseq_operation_t *operation,
                   zseq_msg_t *msg)
{
    zseq_kv_page_operation_t *self = (zseq_kv_page_operation_t *) operation;
    zseq_kv_list_request (self->list,
                          zseq_session_draw_request (reactor->session),
                          zseq_reactor_now_us (reactor), msg);
}

static zseq_do_t
s_kv_page_receive (zseq_reactor_t *reactor, zseq_operation_t *operation,
                   const zseq_msg_t *msg, uint64_t now_us)
{
    (void) reactor;
    zseq_kv_page_operation_t *self = (zseq_kv_page_operation_t *) operation;
    return zseq_kv_list_reply (self->list, msg, now_us);
}

static void
s_kv_page_fail (zseq_reactor_t *reactor, zseq_operation_t *operation)
{
    zseq_kv_page_operation_t *self = (zseq_kv_page_operation_t *) operation;
    zseq_kv_query_explain (reactor, operation, self->outcome);
}

const zseq_operation_kind_t zseq_query_kv_page_kind = {
  .speaks = 4,
  .may_start = zseq_session_ready,
  .tick = s_kv_page_tick,
  .request = s_kv_page_request,
  .receive = s_kv_page_receive,
  .fail = s_kv_page_fail,
};
