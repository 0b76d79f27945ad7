//  Asks for an ID where there is nobody to give it.

#include <stdio.h>

#include <zseq.h>

int
main (void)
{
    int major;
    int minor;
    zseq_version (&major, &minor, NULL);
    if (major != ZSEQ_VERSION_MAJOR || minor != ZSEQ_VERSION_MINOR)
        return 1;
    zseq_client_t *client = zseq_client_new ("tcp://127.0.0.1:1?timeout=100");
    if (!client)
        return 2;
    zseq_t *orders = zseq_new (client, "orders");
    uint64_t id;
    int rc = orders ? zseq_next (orders, &id) : zseq_errno ();
    zseq_destroy (&orders);
    zseq_client_destroy (&client);
    if (rc != ZSEQ_EUNAVAILABLE)
        return 3;
    printf ("%s\n", zseq_strerror (rc));
    return 0;
}
