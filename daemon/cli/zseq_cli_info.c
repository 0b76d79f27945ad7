//  zseq info: what the nodes of a cluster know of a sequence, as a table or as
//  JSON.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "zseq_cli_commands.h"
#include "zseq_cli_output.h"
#include "zseq_cli_texts.h"
#include "zseq_text.h"

#define COLUMNS 6

typedef struct {
    char cell[COLUMNS][4 * ZSEQ_LABEL_MAX + 1];
} s_row_t;

//  The highest next that is known.
static uint64_t
s_highest (const zseq_info_t *info, uint64_t next)
{
    for (size_t node = 0; node < info->nodes; node++)
        if (info->node[node].known && info->node[node].next > next)
            next = info->node[node].next;
    return next;
}

static void
s_info_row (const zseq_node_info_t *node, uint64_t highest, s_row_t *row)
{
    size_t size = sizeof row->cell[0];
    zseq_text_escape (node->name, row->cell[0], size);
    for (size_t index = 1; index < COLUMNS; index++)
        (void) snprintf (row->cell[index], size, "-");
    if (!node->known)
        return;
    (void) snprintf (row->cell[1], size, "%" PRIu64, node->next);
    (void) snprintf (row->cell[2], size, "%" PRIu64, highest - node->next);
    (void) snprintf (row->cell[3], size, "%" PRIu64, node->rate);
    if (node->since_us)
        (void) snprintf (row->cell[4], size, "%" PRIu64 ".%03" PRIu64 " s ago",
                         node->since_us / 1000000,
                         node->since_us / 1000 % 1000);
    if (node->claimant[0])
        zseq_text_escape (node->claimant, row->cell[5], size);
}

//  next: 0 if it is not known.
static int
s_info_table (const char *name, const zseq_info_t *info, uint64_t next)
{
    static s_row_t row[1 + ZSEQ_NODES_MAX] = {
      {{"NODE", "NEXT", "BEHIND", "IDS/S", "LAST CLAIM", "LAST CLAIM BY"}},
    };
    uint64_t highest = s_highest (info, next);
    for (size_t node = 0; node < info->nodes; node++)
        s_info_row (&info->node[node], highest, &row[1 + node]);
    char text[ZSEQ_CLI_TEXT_MAX];
    zseq_text_escape (name, text, sizeof text);
    char number[24];
    (void) snprintf (number, sizeof number, "%" PRIu64, next);
    if (printf ("sequence %s, next %s\n", text,
                next ? number : ZSEQ_TEXT_INFO_NOT_KNOWN) < 0)
        return zseq_cli_unwritable ();
    return zseq_cli_print_table (row[0].cell[0], sizeof row[0].cell[0],
                                 1 + info->nodes, COLUMNS);
}

static json_t *
s_info_node (const zseq_node_info_t *node, uint64_t highest)
{
    char name[4 * ZSEQ_LABEL_MAX + 1];
    zseq_text_escape (node->name, name, sizeof name);
    json_t *json =
      json_pack ("{s:s, s:n, s:n, s:n, s:n, s:n}", "name", name, "next",
                 "behind", "ids_per_second", "last_claim_us", "last_claim_by");
    if (json && node->known) {
        json_object_set_new (json, "next", zseq_cli_json_number (node->next));
        json_object_set_new (json, "behind",
                             zseq_cli_json_number (highest - node->next));
        json_object_set_new (json, "ids_per_second",
                             zseq_cli_json_number (node->rate));
        if (node->since_us)
            json_object_set_new (json, "last_claim_us",
                                 zseq_cli_json_number (node->since_us));
        if (node->claimant[0])
            zseq_cli_json_bytes (json, "last_claim_by", node->claimant,
                                 strlen (node->claimant));
    }
    return json;
}

static int
s_info_json (const char *name, const zseq_info_t *info, uint64_t next)
{
    uint64_t highest = s_highest (info, next);
    json_t *nodes = json_array ();
    for (size_t node = 0; node < info->nodes; node++)
        json_array_append_new (nodes, s_info_node (&info->node[node], highest));
    json_t *json = json_object ();
    if (json)
        zseq_cli_json_bytes (json, "sequence", name, strlen (name));
    json_object_set_new (json, "next",
                         next ? zseq_cli_json_number (next) : json_null ());
    json_object_set_new (json, "nodes", nodes);
    return zseq_cli_print_json (json);
}

int
zseq_cli_info (zseq_cli_job_t *job)
{
    const char *name = job->argument[0];
    zseq_t *seq = zseq_new (job->client, name);
    if (!seq)
        return zseq_cli_failed (job, zseq_errno ());
    zseq_info_t info;
    int status = ZSEQ_CLI_DONE;
    int rc = zseq_info (seq, &info);
    if (rc != ZSEQ_OK)
        status = zseq_cli_failed (job, rc);
    else {
        //  What some nodes know is worth printing without a quorum, too.
        uint64_t next = 0;
        rc = zseq_peek (seq, &next);
        if (rc != ZSEQ_OK)
            status = zseq_cli_failed (job, rc);
        int printed = job->json ? s_info_json (name, &info, next)
                                : s_info_table (name, &info, next);
        if (printed != ZSEQ_CLI_DONE)
            status = printed;
    }
    zseq_destroy (&seq);
    return status;
}
