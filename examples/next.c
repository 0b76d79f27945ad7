//  Takes one ID of the sequence "orders" and prints it.
//
//      example-next [URI]

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "zseq.h"

static const char *
s_uri (int argc, char **argv)
{
    if (argc > 1)
        return argv[1];
    const char *uri = getenv ("ZSEQ_URI");
    return uri ? uri : "tcp://127.0.0.1:19001";
}

int
main (int argc, char **argv)
{
    zseq_client_t *client = zseq_client_new (s_uri (argc, argv));
    if (!client) {
        fprintf (stderr, "%s\n", zseq_detail ());
        return 1;
    }
    zseq_t *orders = zseq_new (client, "orders");
    uint64_t id;
    int rc = orders ? zseq_next (orders, &id) : zseq_errno ();
    if (rc == ZSEQ_OK)
        printf ("%" PRIu64 "\n", id);
    else
        fprintf (stderr, "%s: %s\n", zseq_strerror (rc), zseq_detail ());
    zseq_destroy (&orders);
    zseq_client_destroy (&client);
    return rc == ZSEQ_OK ? 0 : 1;
}
