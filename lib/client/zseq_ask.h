//  Asks the nodes and waits for the answer. Call all functions under the
//  reactor's lock, with the session opened. They release the lock while they
//  wait.

#ifndef ZSEQ_ASK_H_INCLUDED
#define ZSEQ_ASK_H_INCLUDED

#include "zseq_kv_list.h"
#include "zseq_msg.h"
#include "zseq_query.h"

//  Runs a query without done. Sets its outcome and, on ZSEQ_OK, its value.
void zseq_ask_query (zseq_reactor_t *reactor, zseq_query_t *query);

//  Sets status to what each node reports of itself by the deadline. outcome is
//  ZSEQ_OK if any node has answered.
void zseq_ask_status (zseq_reactor_t *reactor, uint64_t deadline_us,
                      zseq_status_t *status, zseq_outcome_t *outcome);

//  Sets info to what each node that speaks version 3 knows of a name by the
//  deadline. outcome is ZSEQ_OK if any of them has answered.
void zseq_ask_info (zseq_reactor_t *reactor, const char *name,
                    uint64_t deadline_us, zseq_info_t *info,
                    zseq_outcome_t *outcome);

//  A merged page: some names, ascending, and the next of each.
typedef struct {
    size_t count;
    bool more;  //  There may be names above the last one
    struct {
        uint64_t next;
        char name[ZSEQ_NAME_MAX + 1];
    } item[ZSEQ_NODES_MAX * ZSEQ_PAGE_MAX];
} zseq_page_t;

//  Sets page to names above after ("" for all) that begin with prefix, as many
//  as one LIST to each node finds. The answers of R nodes count.
void zseq_ask_page (zseq_reactor_t *reactor, const char *prefix,
                    const char *after, uint64_t deadline_us, zseq_page_t *page,
                    zseq_outcome_t *outcome);

//  Has list done with the page of keys that ask wants; or outcome says why not.
void zseq_ask_kv_page (zseq_reactor_t *reactor, zseq_kv_list_t *list,
                       const zseq_kv_list_ask_t *ask, uint64_t deadline_us,
                       zseq_outcome_t *outcome);

#endif
