//  Tests what threads of one handle wait for. The handle is that of a local
//  node, in a temporary directory.

#include <criterion/criterion.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "zseq_client_check.h"
#include "zseq_client_private.h"
#include "zseq_reactor_private.h"

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
    bool enough;
    do {
        s_next (&id);
        pthread_mutex_lock (&s_handle->lock);
        uint64_t low_water = s_handle->handle_locked.batch / 2;
        enough = zseq_buffer_left (&s_handle->buffer) >= low_water + 200;
        pthread_mutex_unlock (&s_handle->lock);
    } while (!enough);

    s_handle->look_us = UINT64_MAX;
    pthread_mutex_lock (&s_handle->lock);
    for (int i = 0; i < 150; i++)
        s_next (&id);
    pthread_mutex_unlock (&s_handle->lock);
}

//  Calls to a local node rarely sleep. Without an order a thread could make
//  them over and over, while others wait for the reactor's lock.
Test (prefetch, lets_calls_to_a_local_node_in_by_turns)
{
    uint64_t first;
    s_next (&first);
    zseq_reactor_t *reactor = s_client->reactor;
    cr_assert_eq (zseq_reactor_enter (reactor), ZSEQ_OK);
    pthread_t thread;
    uint64_t id = 0;
    cr_assert_eq (pthread_create (&thread, NULL, s_next, &id), 0);
    size_t waiters = 0;
    while (!waiters) {
        sched_yield ();
        pthread_mutex_lock (&reactor->entrance.mutex);
        waiters = reactor->entrance.waiters;
        reactor->entrance.turn_us = 0;
        pthread_mutex_unlock (&reactor->entrance.mutex);
    }
    zseq_reactor_leave (reactor);
    uint64_t mine;
    s_next (&mine);
    pthread_join (thread, NULL);
    cr_assert_eq (id, first + 1);
    cr_assert_eq (mine, first + 2);
}

static void *
s_sleep (void *arg)
{
    zseq_reactor_t *reactor = s_client->reactor;
    cr_assert_eq (zseq_reactor_enter (reactor), ZSEQ_OK);
    zseq_reactor_wait (reactor, arg, zseq_client_deadline_us (60000));
    zseq_reactor_leave (reactor);
    return NULL;
}

//  One of the two threads polls, the other one sleeps.
Test (prefetch, lets_calls_in_while_others_sleep)
{
    uint64_t id;
    s_next (&id);
    zseq_reactor_t *reactor = s_client->reactor;
    pthread_t thread[2];
    zseq_waiter_t waiter[2];
    for (int i = 0; i < 2; i++) {
        zseq_waiter_init (&waiter[i]);
        cr_assert_eq (pthread_create (&thread[i], NULL, s_sleep, &waiter[i]),
                      0);
    }
    size_t asleep = 0;
    while (asleep < 2) {
        sched_yield ();
        cr_assert_eq (zseq_reactor_enter (reactor), ZSEQ_OK);
        asleep = 0;
        for (zseq_waiter_t *at = reactor->waiters; at; at = at->next)
            asleep++;
        zseq_reactor_leave (reactor);
    }
    cr_assert_eq (zseq_reactor_enter (reactor), ZSEQ_OK);
    for (int i = 0; i < 2; i++)
        zseq_waiter_wake (&waiter[i]);
    zseq_reactor_leave (reactor);
    for (int i = 0; i < 2; i++) {
        pthread_join (thread[i], NULL);
        zseq_waiter_term (&waiter[i]);
    }
}
