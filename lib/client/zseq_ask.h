//  Asks the nodes and waits for the answer. Under the reactor's lock, which is
//  given up meanwhile, with its session opened.

#ifndef ZSEQ_ASK_H_INCLUDED
#define ZSEQ_ASK_H_INCLUDED

#include "zseq_msg.h"
#include "zseq_query.h"

//  Sets the outcome and, on ZSEQ_OK, the value of a query without done.
void zseq_ask_query (zseq_reactor_t *reactor, zseq_query_t *query);

//  What each node says of itself until the deadline. outcome is ZSEQ_OK if any
//  node could be reached.
void zseq_ask_status (zseq_reactor_t *reactor, uint64_t deadline_us,
                      zseq_status_t *status, zseq_outcome_t *outcome);

//  A merged page: some names, ascending, with what is next of each.
typedef struct {
    size_t count;
    bool more;  //  There may be names above the last one
    struct {
        uint64_t next;
        char name[ZSEQ_NAME_MAX + 1];
    } item[ZSEQ_NODES_MAX * ZSEQ_PAGE_MAX];
} zseq_page_t;

//  The names above after ("" for all) that begin with prefix, as many as one
//  round of questions finds, agreed on by R nodes.
void zseq_ask_page (zseq_reactor_t *reactor, const char *prefix,
                    const char *after, uint64_t deadline_us, zseq_page_t *page,
                    zseq_outcome_t *outcome);

#endif
