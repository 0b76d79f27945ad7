//  zseq status: how the nodes of a cluster are, as a table or as JSON.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "zseq_cli_commands.h"
#include "zseq_cli_output.h"
#include "zseq_cli_texts.h"
#include "zseq_text.h"

#define COLUMNS 11  //  Of status

typedef struct {
    char cell[COLUMNS][4 * ZSEQ_ENDPOINT_MAX + 1];
} s_row_t;

//  Whether the cluster hands out IDs, and how many of its nodes vote. Each
//  claim needs R votes, and then W.
static bool
s_available (const zseq_status_t *status, size_t *voting_p)
{
    *voting_p = 0;
    for (size_t node = 0; node < status->nodes; node++)
        *voting_p += status->node[node].reachable && status->node[node].voting;
    return *voting_p >= status->r && *voting_p >= status->w;
}

//  Whether the node's member list differs from a peer's.
static bool
s_differs (const zseq_node_status_t *node)
{
    for (size_t index = 0; node->reachable && index < node->counters; index++)
        if (!strcmp (node->counter[index].name, "member_lists_differ"))
            return node->counter[index].value > 0;
    return false;
}

//  Whether all nodes have one member list, as far as they say. Where lists
//  differ, not all nodes reach each other, and the loss of fewer nodes than it
//  seems stops the cluster.
static bool
s_agreed (const zseq_status_t *status)
{
    for (size_t node = 0; node < status->nodes; node++)
        if (s_differs (&status->node[node]))
            return false;
    return true;
}

//  The verdict in words, and as an exit code.
static const char *
s_verdict (const zseq_status_t *status, int *code_p)
{
    size_t voting;
    *code_p = ZSEQ_CLI_FAILED;
    if (!s_available (status, &voting))
        return ZSEQ_TEXT_STATUS_UNAVAILABLE;
    *code_p = ZSEQ_CLI_DEGRADED;
    if (voting < status->nodes)
        return ZSEQ_TEXT_STATUS_DEGRADED;
    if (!s_agreed (status))
        return ZSEQ_TEXT_STATUS_LISTS_DIFFER;
    *code_p = ZSEQ_CLI_DONE;
    return ZSEQ_TEXT_STATUS_AVAILABLE;
}

//  Writes a counter of a node; "-" if the node does not have it.
static void
s_print_counter (const zseq_node_status_t *node, const char *name, char *text,
                 size_t size)
{
    (void) snprintf (text, size, "-");
    for (size_t index = 0; index < node->counters; index++)
        if (!strcmp (node->counter[index].name, name))
            (void) snprintf (text, size, "%" PRIu64,
                             node->counter[index].value);
}

//  Writes the sum of the counters of connections that a node has closed.
static void
s_print_closed (const zseq_node_status_t *node, char *text, size_t size)
{
    static const char prefix[] = "closed_";
    uint64_t sum = 0;
    bool found = false;
    for (size_t index = 0; index < node->counters; index++)
        if (!strncmp (node->counter[index].name, prefix, sizeof prefix - 1)) {
            sum += node->counter[index].value;
            found = true;
        }
    (void) snprintf (text, size, "-");
    if (found)
        (void) snprintf (text, size, "%" PRIu64, sum);
}

static void
s_status_row (const zseq_node_status_t *node, s_row_t *row)
{
    size_t size = sizeof row->cell[0];
    zseq_text_escape (node->name, row->cell[0], size);
    zseq_text_escape (node->endpoint, row->cell[1], size);
    if (!node->reachable) {
        (void) snprintf (row->cell[2], size, "unreachable");
        for (size_t index = 3; index < COLUMNS; index++)
            (void) snprintf (row->cell[index], size, "-");
        return;
    }
    zseq_text_escape (node->state, row->cell[2], size);
    (void) snprintf (row->cell[3], size, "%" PRIu64, node->incarnation);
    (void) snprintf (row->cell[4], size, "%" PRIu64, node->sequences);
    (void) snprintf (row->cell[5], size, "%" PRIu64, node->burnt);
    (void) snprintf (row->cell[6], size, "%" PRIu64, node->version);
    (void) snprintf (row->cell[7], size, "%" PRIu64 " us", node->rtt_us);
    s_print_counter (node, "ids_per_second", row->cell[8], size);
    s_print_counter (node, "active_connections", row->cell[9], size);
    s_print_closed (node, row->cell[10], size);
}

static int
s_status_table (const zseq_status_t *status, const char *verdict)
{
    static s_row_t row[1 + ZSEQ_NODES_MAX] = {
      {{"NODE", "ENDPOINT", "STATE", "INCARNATION", "SEQUENCES", "BURNT",
        "VERSION", "ROUND TRIP", "IDS/S", "CONNECTIONS", "CLOSED"}},
    };
    for (size_t node = 0; node < status->nodes; node++)
        s_status_row (&status->node[node], &row[1 + node]);
    char cluster[4 * ZSEQ_LABEL_MAX + 1];
    zseq_text_escape (status->cluster, cluster, sizeof cluster);
    char identity[32];
    (void) snprintf (identity, sizeof identity, "identity %016" PRIx64,
                     status->identity);
    if (printf ("cluster %s, %s, N %zu, R %zu, W %zu\n%s\n", cluster,
                status->identity ? identity : ZSEQ_TEXT_STATUS_NOT_FORMED,
                status->nodes, status->r, status->w, verdict) < 0)
        return zseq_cli_unwritable ();
    return zseq_cli_print_table (row[0].cell[0], sizeof row[0].cell[0],
                                 1 + status->nodes, COLUMNS);
}

static json_t *
s_counters (const zseq_node_status_t *node)
{
    json_t *json = json_object ();
    json_object_set_new (json, "claims", zseq_cli_json_number (node->claims));
    json_object_set_new (json, "conflicts",
                         zseq_cli_json_number (node->conflicts));
    for (size_t index = 0; index < node->counters; index++) {
        char name[4 * ZSEQ_COUNTER_NAME_MAX + 1];
        zseq_text_escape (node->counter[index].name, name, sizeof name);
        json_object_set_new (json, name,
                             zseq_cli_json_number (node->counter[index].value));
    }
    return json;
}

static json_t *
s_status_node (const zseq_node_status_t *node)
{
    s_row_t row;
    s_status_row (node, &row);
    json_t *json = json_pack (
      "{s:s, s:s, s:b, s:b, s:s, s:n, s:n, s:n, s:n, s:n}", "name", row.cell[0],
      "endpoint", row.cell[1], "reachable", node->reachable, "voting",
      node->reachable && node->voting, "state", row.cell[2], "incarnation",
      "sequences", "burnt", "version", "rtt_us");
    if (json && node->reachable) {
        json_object_set_new (json, "incarnation", json_string (row.cell[3]));
        json_object_set_new (json, "sequences", json_string (row.cell[4]));
        json_object_set_new (json, "burnt", json_string (row.cell[5]));
        json_object_set_new (json, "version",
                             json_integer ((json_int_t) node->version));
        json_object_set_new (json, "rtt_us",
                             json_integer ((json_int_t) node->rtt_us));
        json_object_set_new (json, "counters", s_counters (node));
    }
    return json;
}

static int
s_status_json (const zseq_status_t *status)
{
    char cluster[4 * ZSEQ_LABEL_MAX + 1];
    char identity[17];
    zseq_text_escape (status->cluster, cluster, sizeof cluster);
    (void) snprintf (identity, sizeof identity, "%016" PRIx64,
                     status->identity);
    size_t voting;
    bool available = s_available (status, &voting);
    bool degraded = available && (voting < status->nodes || !s_agreed (status));
    json_t *nodes = json_array ();
    for (size_t node = 0; node < status->nodes; node++)
        json_array_append_new (nodes, s_status_node (&status->node[node]));
    json_t *json = json_pack (
      "{s:s, s:s?, s:b, s:b, s:I, s:I, s:I, s:o}", "cluster", cluster,
      "identity", status->identity ? identity : NULL, "available", available,
      "degraded", degraded, "n", (json_int_t) status->nodes, "r",
      (json_int_t) status->r, "w", (json_int_t) status->w, "nodes", nodes);
    return zseq_cli_print_json (json);
}

int
zseq_cli_status (zseq_cli_job_t *job)
{
    zseq_status_t status;
    int rc = zseq_client_status (job->client, &status);
    if (rc != ZSEQ_OK)
        return zseq_cli_failed (job, rc);
    int verdict;
    const char *text = s_verdict (&status, &verdict);
    rc = job->json ? s_status_json (&status) : s_status_table (&status, text);
    if (rc == ZSEQ_CLI_DONE)
        rc = zseq_cli_flush ();
    return rc == ZSEQ_CLI_DONE ? verdict : rc;
}
