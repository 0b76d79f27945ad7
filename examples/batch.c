//  Takes 10000 IDs through a buffer of 1000. The client claims about a dozen
//  ranges in the background, and an ID costs nanoseconds.
//
//      example-batch [URI]

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "zseq.h"

#define IDS 10000
#define BATCH 1000

static const char *
s_uri (int argc, char **argv)
{
    if (argc > 1)
        return argv[1];
    const char *uri = getenv ("ZSEQ_URI");
    return uri ? uri : "tcp://127.0.0.1:19001";
}

static int
s_take (zseq_t *events)
{
    int rc = zseq_set_batch (events, BATCH);
    uint64_t first = 0;
    uint64_t last = 0;
    for (int taken = 0; taken < IDS && rc == ZSEQ_OK; taken++) {
        uint64_t id;
        rc = zseq_next (events, &id);
        if (rc != ZSEQ_OK)
            break;
        //  The IDs of one handle always rise.
        if (id <= last)
            abort ();
        last = id;
        if (taken == 0)
            first = id;
    }
    if (rc == ZSEQ_OK)
        printf ("%d IDs from %" PRIu64 " to %" PRIu64 "\n", IDS, first, last);
    return rc;
}

int
main (int argc, char **argv)
{
    zseq_client_t *client = zseq_client_new (s_uri (argc, argv));
    if (!client) {
        fprintf (stderr, "%s\n", zseq_detail ());
        return 1;
    }
    zseq_t *events = zseq_new (client, "events");
    int rc = events ? s_take (events) : zseq_errno ();
    zseq_stats_t stats;
    if (rc == ZSEQ_OK)
        rc = zseq_client_stats (client, &stats);
    if (rc == ZSEQ_OK)
        printf ("%" PRIu64 " claims\n", stats.claims);
    else
        fprintf (stderr, "%s: %s\n", zseq_strerror (rc), zseq_detail ());
    zseq_destroy (&events);
    zseq_client_destroy (&client);
    return rc == ZSEQ_OK ? 0 : 1;
}
