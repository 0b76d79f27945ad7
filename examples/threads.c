//  Eight threads share one handle. Threads that wait at the same time share
//  one claim, and no two threads get the same ID.
//
//      example-threads [URI]

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "zseq.h"

#define THREADS 8
#define IDS 100

typedef struct {
    pthread_t thread;
    zseq_t *tickets;   //  The handle, shared
    uint64_t id[IDS];  //  What this thread was handed
    int rc;
} worker_t;

static const char *
s_uri (int argc, char **argv)
{
    if (argc > 1)
        return argv[1];
    const char *uri = getenv ("ZSEQ_URI");
    return uri ? uri : "tcp://127.0.0.1:19001";
}

static void *
s_work (void *arg)
{
    worker_t *self = arg;
    for (int taken = 0; taken < IDS && self->rc == ZSEQ_OK; taken++)
        self->rc = zseq_next (self->tickets, &self->id[taken]);
    if (self->rc != ZSEQ_OK)
        fprintf (stderr, "%s: %s\n", zseq_strerror (self->rc), zseq_detail ());
    return NULL;
}

static int
s_compare (const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *) one;
    uint64_t b = *(const uint64_t *) other;
    return (a > b) - (a < b);
}

static int
s_run (worker_t *workers)
{
    int started = 0;
    while (started < THREADS && pthread_create (&workers[started].thread, NULL,
                                                s_work, &workers[started]) == 0)
        started++;
    int failures = started < THREADS ? 1 : 0;
    for (int index = 0; index < started; index++) {
        pthread_join (workers[index].thread, NULL);
        if (workers[index].rc != ZSEQ_OK)
            failures++;
    }
    return failures;
}

//  Sorts all IDs and counts those that occur twice.
static int
s_duplicates (const worker_t *workers)
{
    static uint64_t all[THREADS * IDS];
    for (int index = 0; index < THREADS; index++)
        for (int taken = 0; taken < IDS; taken++)
            all[index * IDS + taken] = workers[index].id[taken];
    qsort (all, THREADS * IDS, sizeof all[0], s_compare);
    int duplicates = 0;
    for (int index = 1; index < THREADS * IDS; index++)
        duplicates += all[index] == all[index - 1];
    return duplicates;
}

int
main (int argc, char **argv)
{
    zseq_client_t *client = zseq_client_new (s_uri (argc, argv));
    if (!client) {
        fprintf (stderr, "%s\n", zseq_detail ());
        return 1;
    }
    zseq_t *tickets = zseq_new (client, "tickets");
    static worker_t workers[THREADS];
    for (int index = 0; index < THREADS; index++)
        workers[index].tickets = tickets;
    int failures = tickets ? s_run (workers) : 1;
    int duplicates = failures ? 0 : s_duplicates (workers);
    if (failures == 0)
        printf ("%d threads took %d IDs, %d duplicates\n", THREADS,
                THREADS * IDS, duplicates);
    zseq_destroy (&tickets);
    zseq_client_destroy (&client);
    return failures || duplicates ? 1 : 0;
}
