//  Tests an outbox whose bytes several threads add and send.

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zseq.h"
#include "zseq_outbox.h"

#define THREADS 4
#define MESSAGES 20000u
#define WAIT_MS 10000
#define MAX 4096          //  Bytes that may wait
#define MESSAGES_MAX 100  //  Messages that may

typedef struct {
    uint32_t thread;
    uint32_t number;
} s_message_t;

static zseq_outbox_t s_outbox;
static int s_reader;
static int s_epoll;

static void
s_open (void)
{
    int fds[2];
    cr_assert_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    s_reader = fds[0];
    s_epoll = epoll_create1 (EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 7};
    cr_assert_eq (epoll_ctl (s_epoll, EPOLL_CTL_ADD, fds[1], &event), 0);
    zseq_outbox_init (&s_outbox, 0);
    zseq_outbox_open (&s_outbox, fds[1], s_epoll, 7, MESSAGES_MAX);
}

static void
s_close (void)
{
    zseq_outbox_term (&s_outbox);
    close (s_reader);
    close (s_epoll);
}

TestSuite (outbox, .init = s_open, .fini = s_close);

//  Adds and sends messages. A full outbox empties while the test reads.
static void *
s_send (void *arg)
{
    s_message_t message = {.thread = (uint32_t) (uintptr_t) arg};
    const uint8_t *bytes = (const uint8_t *) &message;
    for (; message.number < MESSAGES; message.number++) {
        while (zseq_outbox_put (&s_outbox, bytes, 4, bytes + 4, 4, MAX) !=
               ZSEQ_OK)
            zseq_outbox_flush (&s_outbox);
        zseq_outbox_flush (&s_outbox);
    }
    return NULL;
}

//  Waits until there is something to read, and sends on what was blocked.
static void
s_wait (void)
{
    struct pollfd fds[2] = {{.fd = s_reader, .events = POLLIN},
                            {.fd = s_epoll, .events = POLLIN}};
    cr_assert_gt (poll (fds, 2, WAIT_MS), 0, "bytes were left behind");
    struct epoll_event event;
    if (epoll_wait (s_epoll, &event, 1, 0) == 1) {
        cr_assert_eq (event.data.u64, 7);
        zseq_outbox_flush (&s_outbox);
    }
}

//  Each thread's messages come whole and in order, and none stays behind when
//  its thread found another one writing.
Test (outbox, sends_all_that_threads_add_in_their_order)
{
    pthread_t threads[THREADS];
    for (uintptr_t index = 0; index < THREADS; index++)
        cr_assert_eq (
          pthread_create (&threads[index], NULL, s_send, (void *) index), 0);
    uint32_t next[THREADS] = {0};
    s_message_t message;
    size_t size = 0;
    for (size_t count = 0; count < THREADS * MESSAGES;) {
        ssize_t rc =
          read (s_reader, (uint8_t *) &message + size, sizeof message - size);
        if (rc == -1) {
            cr_assert_eq (errno, EAGAIN);
            s_wait ();
            continue;
        }
        size += (size_t) rc;
        if (size < sizeof message)
            continue;
        size = 0;
        count++;
        cr_assert_lt (message.thread, THREADS);
        cr_assert_eq (message.number, next[message.thread]);
        next[message.thread]++;
    }
    for (size_t index = 0; index < THREADS; index++)
        pthread_join (threads[index], NULL);
    cr_assert_eq (zseq_outbox_size (&s_outbox), 0);
}

Test (outbox, takes_no_more_messages_than_its_maximum)
{
    for (int times = 0; times < 2; times++) {
        for (size_t count = 0; count < MESSAGES_MAX; count++) {
            cr_assert (zseq_outbox_fits (&s_outbox, 1, MAX));
            cr_assert_eq (zseq_outbox_put (&s_outbox, (const uint8_t *) "x", 1,
                                           NULL, 0, MAX),
                          ZSEQ_OK);
        }
        cr_assert (!zseq_outbox_fits (&s_outbox, 1, MAX));
        cr_assert_eq (
          zseq_outbox_put (&s_outbox, (const uint8_t *) "x", 1, NULL, 0, MAX),
          ZSEQ_EAGAIN);
        zseq_outbox_flush (&s_outbox);
    }
}

Test (outbox, takes_no_more_than_its_maximum)
{
    static const uint8_t bytes[MAX];
    cr_assert_eq (zseq_outbox_put (&s_outbox, bytes, 9, bytes, MAX - 9, MAX),
                  ZSEQ_OK);
    cr_assert_eq (zseq_outbox_put (&s_outbox, bytes, 1, NULL, 0, MAX),
                  ZSEQ_EAGAIN);
    cr_assert_eq (zseq_outbox_size (&s_outbox), MAX);
    zseq_outbox_flush (&s_outbox);
    cr_assert_eq (zseq_outbox_size (&s_outbox), 0);
    cr_assert_eq (zseq_outbox_put (&s_outbox, bytes, 1, NULL, 0, MAX), ZSEQ_OK);
}

Test (outbox, drops_what_is_left_when_it_is_closed)
{
    cr_assert_eq (
      zseq_outbox_put (&s_outbox, (const uint8_t *) "abc", 3, NULL, 0, MAX),
      ZSEQ_OK);
    zseq_outbox_close (&s_outbox);
    cr_assert_eq (zseq_outbox_size (&s_outbox), 0);
    char byte;
    cr_assert_eq (read (s_reader, &byte, 1), 0);
    zseq_outbox_flush (&s_outbox);
}
