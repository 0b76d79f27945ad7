//  Tests what threads of one handle wait for. The handle is that of a local
//  node, in a temporary directory.

#include <criterion/criterion.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "zseq_client_private.h"

static char s_directory[] = "/tmp/zseq-prefetch-XXXXXX";
static zseq_client_t *s_client;
static zseq_t *s_handle;

static void
s_set_up (void)
{
    cr_assert (mkdtemp (s_directory));
    char uri[64];
    snprintf (uri, sizeof uri, "file:%s/node?timeout=60000", s_directory);
    s_client = zseq_client_new (uri);
    cr_assert (s_client, "%s", zseq_detail ());
    s_handle = zseq_new (s_client, "orders");
    cr_assert (s_handle);
}

static int
s_remove (const char *path, const struct stat *status, int type,
          struct FTW *walk)
{
    (void) status;
    (void) type;
    (void) walk;
    return remove (path);
}

static void
s_tear_down (void)
{
    zseq_destroy (&s_handle);
    zseq_client_destroy (&s_client);
    nftw (s_directory, s_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

TestSuite (prefetch, .init = s_set_up, .fini = s_tear_down, .timeout = 120);

static void *
s_next (void *arg)
{
    uint64_t *id_p = arg;
    cr_assert_eq (zseq_next (s_handle, id_p), ZSEQ_OK, "%s", zseq_detail ());
    return NULL;
}

//  Many IDs share one look at the time. If each look took the lock, a thread
//  that is suspended while it has the lock would stop all others.
Test (prefetch, takes_no_lock_before_it_is_time_to_look)
{
    uint64_t id;
    cr_assert_eq (zseq_set_batch (s_handle, ZSEQ_BATCH_AUTO), ZSEQ_OK);
    uint64_t low_water;
    do {
        s_next (&id);
        low_water = s_handle->handle_locked.batch / 2;
    } while (zseq_buffer_left (&s_handle->buffer) < low_water + 200);

    s_handle->look_us = UINT64_MAX;
    pthread_mutex_lock (&s_handle->lock);
    for (int i = 0; i < 150; i++)
        s_next (&id);
    pthread_mutex_unlock (&s_handle->lock);
}
