//  A small node that only writes: for the test that watches it with strace.
//
//      zseq-strace-node DIR format
//      zseq-strace-node DIR write NAME...    new names, one group each

#include <stdio.h>
#include <string.h>

#include "zseq_collect.h"

static int
s_format (zseq_store_t *store)
{
    const zseq_member_t member = {"a", "tcp://127.0.0.1:19001"};
    zseq_members_t members;
    zseq_record_t record;
    int rc = zseq_members_init (&members, &member, 1);
    if (rc == ZSEQ_OK)
        rc = zseq_record_init (&record, "test", "a", &members, 1);
    if (rc != ZSEQ_OK)
        return rc;
    record.identity = zseq_record_identity (&record);
    return zseq_store_format (store, &record);
}

static int
s_write (zseq_store_t *store, char **names)
{
    zseq_record_t record;
    zseq_store_load_callbacks_t callbacks = {.name = collect_skip_name};
    zseq_store_load_result_t found;
    int rc = zseq_store_open (store, &record);
    if (rc == ZSEQ_OK)
        rc = zseq_store_load (store, &callbacks, &found);
    if (rc == ZSEQ_OK && found.damaged > 0)
        rc = ZSEQ_EDAMAGED;
    if (rc == ZSEQ_OK)
        rc = zseq_store_start (store);
    for (; rc == ZSEQ_OK && *names; names++) {
        zseq_write_t write = {.name = *names,
                              .name_size = (uint8_t) strlen (*names),
                              .next = 1,
                              .durable_to = 10};
        zseq_written_t written;
        rc = zseq_store_submit (store, &write, 1);
        if (rc == ZSEQ_OK)
            collect_wait (store, &written, 1);
        if (rc == ZSEQ_OK)
            rc = written.status;
        if (rc == ZSEQ_OK)
            printf ("%s is durable\n", *names);
    }
    return rc;
}

int
main (int argc, char **argv)
{
    if (argc < 3)
        return 2;
    setvbuf (stdout, NULL, _IOLBF, 0);
    zseq_store_t *store = zseq_store_new (argv[1]);
    if (!store)
        return 2;
    int rc = strcmp (argv[2], "format") == 0 ? s_format (store)
                                             : s_write (store, argv + 3);
    if (rc != ZSEQ_OK)
        fprintf (stderr, "%s\n", zseq_store_text (store));
    zseq_store_destroy (&store);
    return rc == ZSEQ_OK ? 0 : 1;
}
