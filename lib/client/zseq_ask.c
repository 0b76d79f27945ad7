//  Operations whose caller waits: a query, the nodes' status, what they know of
//  a name, a page of names merged from the nodes' pages, and a page of keys.
//  See zseq_query.c for the operations.

#include "zseq_ask.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_client_texts.h"
#include "zseq_reactor_private.h"

//  Starts an operation, and waits until it has ended.
static void
s_run (zseq_reactor_t *reactor, zseq_operation_t *operation)
{
    zseq_waiter_init (&operation->waiter);
    zseq_operation_start (reactor, operation);
    while (!operation->waiter.woken) {
        zseq_reactor_wait (reactor, &operation->waiter, operation->deadline_us);
        //  The tick after the deadline ends the operation.
        zseq_reactor_run_once (reactor);
    }
    zseq_waiter_term (&operation->waiter);
}

void
zseq_ask_query (zseq_reactor_t *reactor, zseq_query_t *query)
{
    assert (reactor);
    assert (query);
    assert (!query->done);

    zseq_query_operation_t op = {
      .operation.kind = &zseq_query_kind,
      .operation.attempt = &op.peek.attempt,
      .operation.deadline_us = query->deadline_us,
      .query = query,
    };
    query->outcome.rc = ZSEQ_OK;
    s_run (reactor, &op.operation);
}

void
zseq_ask_status (zseq_reactor_t *reactor, uint64_t deadline_us,
                 zseq_status_t *status, zseq_outcome_t *outcome)
{
    assert (reactor);
    assert (status);
    assert (outcome);

    memset (status, 0, sizeof *status);
    zseq_status_operation_t op = {
      .operation.kind = &zseq_query_status_kind,
      .operation.deadline_us = deadline_us,
      .status = status,
    };
    s_run (reactor, &op.operation);

    uint8_t n = zseq_session_n (reactor->session);
    bool reachable = false;
    for (uint8_t node = 0; node < n; node++) {
        const zseq_member_t *member =
          zseq_session_member (reactor->session, node);
        strcpy (status->node[node].name, member->name);
        strcpy (status->node[node].endpoint, member->endpoint);
        reachable |= status->node[node].reachable;
    }
    outcome->rc = ZSEQ_OK;
    if (!reachable || zseq_session_fatal (reactor->session)) {
        //  One node's answer would have been enough.
        zseq_attempt_t none = {.quorum = {.n = n, .r = 1, .w = 1}};
        zseq_progress_t progress = zseq_operation_progress (&op.operation);
        progress.attempt = &none;
        zseq_explain (reactor->session, &progress, ZSEQ_QUORUM_READ,
                      ZSEQ_TEXT_NOTHING_CHANGED, outcome);
        return;
    }
    const zseq_quorum_t *quorum = zseq_session_quorum (reactor->session);
    strcpy (status->cluster, zseq_session_cluster_name (reactor->session));
    status->identity = zseq_session_cluster (reactor->session);
    status->nodes = quorum->n;
    status->r = quorum->r;
    status->w = quorum->w;
}

void
zseq_ask_info (zseq_reactor_t *reactor, const char *name, uint64_t deadline_us,
               zseq_info_t *info, zseq_outcome_t *outcome)
{
    assert (reactor);
    assert (name);
    assert (info);
    assert (outcome);

    memset (info, 0, sizeof *info);
    zseq_info_operation_t op = {
      .operation.kind = &zseq_query_info_kind,
      .operation.deadline_us = deadline_us,
      .name = name,
      .info = info,
    };
    s_run (reactor, &op.operation);

    uint8_t n = zseq_session_n (reactor->session);
    bool known = false;
    bool older = false;
    for (uint8_t node = 0; node < n; node++) {
        uint64_t speaks = zseq_session_speaks (reactor->session, node);
        strcpy (info->node[node].name,
                zseq_session_member (reactor->session, node)->name);
        known |= info->node[node].known;
        older |= speaks && speaks < zseq_query_info_kind.speaks;
    }
    info->nodes = n;
    outcome->rc = ZSEQ_OK;
    if (known && !zseq_session_fatal (reactor->session))
        return;
    //  One node's answer would have been enough.
    zseq_attempt_t none = {.quorum = {.n = n, .r = 1, .w = 1}};
    zseq_progress_t progress = zseq_operation_progress (&op.operation);
    progress.attempt = &none;
    zseq_explain (reactor->session, &progress, ZSEQ_QUORUM_READ,
                  ZSEQ_TEXT_NOTHING_CHANGED, outcome);
    if (older && outcome->rc == ZSEQ_EUNAVAILABLE)
        zseq_outcome_set (outcome, ZSEQ_EPROTOCOL, ZSEQ_TEXT_ASK_OLD_NODES);
}

//  Adds the lowest name of all node pages that count to page, and moves past
//  the name in each node page that has it. Returns false if no name is left up
//  to bound.
static bool
s_merge_next (const zseq_reactor_t *reactor, const zseq_page_operation_t *op,
              size_t *at, const char *bound, zseq_page_t *page)
{
    const char *lowest = NULL;
    for (uint8_t node = 0; node < zseq_session_n (reactor->session); node++) {
        const zseq_node_page_t *node_page = &op->node_pages[node];
        if (zseq_tally_counts (&op->attempt.tally, node) &&
            at[node] < node_page->count &&
            (!lowest || strcmp (node_page->item[at[node]].name, lowest) < 0))
            lowest = node_page->item[at[node]].name;
    }
    if (!lowest || (bound && strcmp (lowest, bound) > 0))
        return false;

    size_t index = page->count++;
    strcpy (page->item[index].name, lowest);
    page->item[index].next = 0;
    for (uint8_t node = 0; node < zseq_session_n (reactor->session); node++) {
        const zseq_node_page_t *node_page = &op->node_pages[node];
        if (!zseq_tally_counts (&op->attempt.tally, node) ||
            at[node] >= node_page->count ||
            strcmp (node_page->item[at[node]].name, page->item[index].name))
            continue;
        if (node_page->item[at[node]].next > page->item[index].next)
            page->item[index].next = node_page->item[at[node]].next;
        at[node]++;
    }
    return true;
}

//  Merges the node pages that count.
static void
s_merge (const zseq_reactor_t *reactor, const zseq_page_operation_t *op,
         zseq_page_t *page)
{
    //  Of the pages with more names to come, the one that ends lowest is the
    //  bound: above its end, a node's names are unknown.
    const char *bound = NULL;
    for (uint8_t node = 0; node < zseq_session_n (reactor->session); node++) {
        const zseq_node_page_t *node_page = &op->node_pages[node];
        if (!zseq_tally_counts (&op->attempt.tally, node) || !node_page->more)
            continue;
        const char *last = node_page->item[node_page->count - 1].name;
        if (!bound || strcmp (last, bound) < 0)
            bound = last;
    }
    page->more = bound != NULL;
    size_t at[ZSEQ_NODES_MAX] = {0};
    while (s_merge_next (reactor, op, at, bound, page))
        continue;
}

void
zseq_ask_page (zseq_reactor_t *reactor, const char *prefix, const char *after,
               uint64_t deadline_us, zseq_page_t *page, zseq_outcome_t *outcome)
{
    assert (reactor);
    assert (prefix);
    assert (after);
    assert (page);
    assert (outcome);

    page->count = 0;
    page->more = false;
    zseq_page_operation_t op = {
      .operation.kind = &zseq_query_page_kind,
      .operation.attempt = &op.attempt,
      .operation.deadline_us = deadline_us,
      .prefix = prefix,
      .after = after,
      .outcome = outcome,
      .node_pages = calloc (ZSEQ_NODES_MAX, sizeof (zseq_node_page_t)),
    };
    outcome->rc = ZSEQ_OK;
    if (!op.node_pages) {
        zseq_outcome_set (outcome, ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_PAGE);
        return;
    }
    s_run (reactor, &op.operation);
    if (outcome->rc == ZSEQ_OK) {
        assert (op.done);
        s_merge (reactor, &op, page);
    }
    free (op.node_pages);
}

void
zseq_ask_kv_page (zseq_reactor_t *reactor, zseq_kv_list_t *list,
                  const zseq_kv_list_ask_t *ask, uint64_t deadline_us,
                  zseq_outcome_t *outcome)
{
    assert (reactor);
    assert (list);
    assert (ask);
    assert (outcome);

    zseq_kv_page_operation_t op = {
      .operation.kind = &zseq_query_kv_page_kind,
      .operation.attempt = zseq_kv_list_attempt (list),
      .operation.deadline_us = deadline_us,
      .list = list,
      .ask = ask,
      .outcome = outcome,
    };
    outcome->rc = ZSEQ_OK;
    s_run (reactor, &op.operation);
}
