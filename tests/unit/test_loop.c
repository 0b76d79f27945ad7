//  Tests a loop over pipes.

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "zseq.h"
#include "zseq_clock.h"
#include "zseq_loop.h"

#define PIPES 40
#define LONG_US 60000000

//  A pipe whose reading end is in the loop.
typedef struct {
    int reader;
    int writer;
    int calls;
    int order;  //  Number of its last call, among all calls
    short revents;
    int removes;  //  Descriptor that its handler removes; -1: none
    int adds;     //  ... or adds, with this pipe as the argument
} s_pipe_t;

static zseq_loop_t *s_loop;
static s_pipe_t s_pipe[PIPES];
static int s_calls;

static void
s_handle (int fd, short revents, void *arg)
{
    s_pipe_t *self = arg;
    self->calls++;
    self->order = ++s_calls;
    self->revents = revents;
    if (self->removes >= 0)
        zseq_loop_remove (s_loop, self->removes);
    if (self->adds >= 0)
        cr_assert_eq (
          zseq_loop_add (s_loop, self->adds, POLLIN, s_handle, self), ZSEQ_OK);
    self->adds = -1;
    (void) fd;
}

static void
s_new (void)
{
    s_loop = zseq_loop_new ();
    cr_assert (s_loop);
    for (size_t index = 0; index < PIPES; index++) {
        int ends[2];
        cr_assert_eq (pipe (ends), 0);
        s_pipe[index] = (s_pipe_t){
          .reader = ends[0], .writer = ends[1], .removes = -1, .adds = -1};
    }
}

static void
s_destroy (void)
{
    zseq_loop_destroy (&s_loop);
    cr_assert_null (s_loop);
    for (size_t index = 0; index < PIPES; index++) {
        close (s_pipe[index].reader);
        close (s_pipe[index].writer);
    }
}

static void
s_add (size_t index)
{
    cr_assert_eq (zseq_loop_add (s_loop, s_pipe[index].reader, POLLIN, s_handle,
                                 &s_pipe[index]),
                  ZSEQ_OK);
}

static void
s_write (size_t index)
{
    cr_assert_eq (write (s_pipe[index].writer, "x", 1), 1);
}

//  Waits for an event that must come, far longer than a test lasts.
static void
s_wait (void)
{
    zseq_loop_wait (s_loop, zseq_clock_now_us () + LONG_US);
}

TestSuite (loop, .init = s_new, .fini = s_destroy);

Test (loop, calls_the_handler_of_what_is_readable)
{
    s_add (0);
    s_add (1);
    s_write (1);
    s_wait ();
    cr_assert_eq (s_pipe[0].calls, 0);
    cr_assert_eq (s_pipe[1].calls, 1);
    cr_assert_eq (s_pipe[1].revents, POLLIN);
}

Test (loop, calls_again_until_it_was_read)
{
    s_add (0);
    s_write (0);
    s_wait ();
    s_wait ();
    cr_assert_eq (s_pipe[0].calls, 2);
    char byte;
    cr_assert_eq (read (s_pipe[0].reader, &byte, 1), 1);
    zseq_loop_wait (s_loop, 0);
    cr_assert_eq (s_pipe[0].calls, 2);
}

Test (loop, calls_handlers_in_the_order_of_addition)
{
    for (size_t index = PIPES; index > 0; index--)
        s_add (index - 1);
    for (size_t index = 0; index < PIPES; index++)
        s_write (index);
    s_wait ();
    for (size_t index = 0; index < PIPES; index++)
        cr_assert_eq (s_pipe[index].order, PIPES - (int) index);
}

Test (loop, reports_an_end_that_was_not_waited_for)
{
    s_add (0);
    close (s_pipe[0].writer);
    s_wait ();
    cr_assert_eq (s_pipe[0].revents & POLLHUP, POLLHUP);
    s_pipe[0].writer = dup (s_pipe[1].writer);
}

Test (loop, waits_for_the_events_it_was_given)
{
    //  An empty pipe is writable.
    cr_assert_eq (
      zseq_loop_add (s_loop, s_pipe[0].writer, POLLOUT, s_handle, &s_pipe[0]),
      ZSEQ_OK);
    s_add (1);
    s_wait ();
    cr_assert_eq (s_pipe[0].revents, POLLOUT);
    cr_assert_eq (s_pipe[1].calls, 0);
}

Test (loop, waits_no_longer_than_until_us)
{
    s_add (0);
    uint64_t until_us = zseq_clock_now_us () + 20000;
    zseq_loop_wait (s_loop, until_us);
    cr_assert_geq (zseq_clock_now_us (), until_us);
    cr_assert_lt (zseq_clock_now_us (), until_us + LONG_US);
    cr_assert_eq (s_calls, 0);
}

Test (loop, only_polls_when_the_time_has_passed)
{
    s_add (0);
    zseq_loop_wait (s_loop, 0);
    cr_assert_eq (s_calls, 0);
    s_write (0);
    zseq_loop_wait (s_loop, 0);
    cr_assert_eq (s_calls, 1);
}

Test (loop, ends_the_wait_without_a_handler)
{
    cr_assert_eq (zseq_loop_add (s_loop, s_pipe[0].reader, POLLIN, NULL, NULL),
                  ZSEQ_OK);
    s_write (0);
    uint64_t began_us = zseq_clock_now_us ();
    s_wait ();
    cr_assert_lt (zseq_clock_now_us (), began_us + LONG_US);
}

Test (loop, forgets_what_was_removed)
{
    s_add (0);
    s_add (1);
    zseq_loop_remove (s_loop, s_pipe[0].reader);
    s_write (0);
    s_write (1);
    s_wait ();
    cr_assert_eq (s_pipe[0].calls, 0);
    cr_assert_eq (s_pipe[1].calls, 1);
    //  The descriptor can be added again.
    s_add (0);
    s_wait ();
    cr_assert_eq (s_pipe[0].calls, 1);
}

Test (loop, ignores_the_removal_of_an_unknown_descriptor)
{
    s_add (0);
    zseq_loop_remove (s_loop, s_pipe[1].reader);
    s_write (0);
    s_wait ();
    cr_assert_eq (s_pipe[0].calls, 1);
}

Test (loop, lets_a_handler_remove_itself)
{
    s_add (0);
    s_add (1);
    s_pipe[0].removes = s_pipe[0].reader;
    s_write (0);
    s_write (1);
    s_wait ();
    s_wait ();
    cr_assert_eq (s_pipe[0].calls, 1);
    cr_assert_eq (s_pipe[1].calls, 2);
}

Test (loop, does_not_handle_what_a_handler_removed)
{
    s_add (0);
    s_add (1);
    s_pipe[0].removes = s_pipe[1].reader;
    s_write (0);
    s_write (1);
    s_wait ();
    cr_assert_eq (s_pipe[0].calls, 1);
    cr_assert_eq (s_pipe[1].calls, 0);
}

Test (loop, handles_what_a_handler_added_in_the_next_wait)
{
    //  The loop has to grow for so many descriptors.
    for (size_t index = 0; index < 16; index++)
        s_add (index);
    s_pipe[0].adds = s_pipe[20].reader;
    s_write (0);
    s_write (20);
    s_wait ();
    cr_assert_eq (s_pipe[0].calls, 1);
    s_wait ();
    cr_assert_eq (s_pipe[0].calls, 3);
}

static void
s_on_signal (int number)
{
    (void) number;
}

//  Interrupts the other thread repeatedly, and writes at the end.
static void *
s_interrupt (void *arg)
{
    pthread_t *waiter = arg;
    for (int count = 0; count < 20; count++) {
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep (&pause, NULL);
        pthread_kill (*waiter, SIGUSR1);
    }
    s_write (0);
    return NULL;
}

Test (loop, goes_on_when_interrupted)
{
    struct sigaction action = {.sa_handler = s_on_signal};
    sigaction (SIGUSR1, &action, NULL);
    s_add (0);
    pthread_t waiter = pthread_self ();
    pthread_t other;
    cr_assert_eq (pthread_create (&other, NULL, s_interrupt, &waiter), 0);
    s_wait ();
    cr_assert_eq (s_pipe[0].calls, 1);
    pthread_join (other, NULL);
}
