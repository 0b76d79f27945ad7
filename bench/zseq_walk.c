//  Takes IDs one at a time from a library built with -finstrument-functions,
//  and prints what its functions did in each call:
//
//      zseq_walk URI CALLS
//
//      call              a call of zseq_next begins
//      > THREAD ADDRESS  a function of the library is entered
//      < THREAD ADDRESS  ... returns
//      = THREAD ADDRESS  it reads the clock, and goes on at that address
//      ~ THREAD ADDRESS  it polls, and goes on at that address
//
//  Addresses are offsets in the library's file. bench/walk.sh builds and runs
//  it.

#include <assert.h>
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "zseq.h"

#define EXPORT __attribute__ ((visibility ("default")))

//  Calls before the first one that counts. They make the connections, and the
//  client learns the next of the name.
#define WARM_UP 200
//  How long the third node has to reply. The next call takes that reply.
#define PAUSE_US 3000
#define STEPS_MAX 100000

typedef struct {
    char kind;
    unsigned thread;
    void *address;
} s_step_t;

static s_step_t s_steps[STEPS_MAX];
static atomic_size_t s_count;
static atomic_bool s_on;
static atomic_uint s_threads;
static _Thread_local unsigned s_thread;

//  Notes a step of the thread.
static void
s_note (char kind, void *address)
{
    if (!s_on)
        return;
    if (!s_thread)
        s_thread = ++s_threads;
    size_t index = s_count++;
    assert (index < STEPS_MAX);
    s_steps[index] = (s_step_t){kind, s_thread, address};
}

EXPORT void
__cyg_profile_func_enter (void *function, void *site)
{
    (void) site;
    s_note ('>', function);
}

EXPORT void
__cyg_profile_func_exit (void *function, void *site)
{
    (void) site;
    s_note ('<', function);
}

//  Replaces libc's function for every library of this process.
EXPORT int
clock_gettime (clockid_t clock, struct timespec *now)
{
    s_note ('=', __builtin_return_address (0));
    return (int) syscall (SYS_clock_gettime, clock, now);
}

//  The same. Linux updates the timeout, and libc does not.
EXPORT int
ppoll (struct pollfd *fds, nfds_t count, const struct timespec *timeout,
       const sigset_t *mask)
{
    s_note ('~', __builtin_return_address (0));
    struct timespec left;
    if (timeout)
        left = *timeout;
    return (int) syscall (SYS_ppoll, fds, count, timeout ? &left : NULL, mask,
                          (size_t) _NSIG / 8);
}

//  Prints the steps of one call that are the library's own.
static void
s_print (const void *library)
{
    puts ("call");
    for (size_t index = 0; index < s_count; index++) {
        const s_step_t *step = &s_steps[index];
        Dl_info info;
        if (dladdr (step->address, &info) && info.dli_fbase == library)
            printf ("%c %u %td\n", step->kind, step->thread,
                    (char *) step->address - (char *) info.dli_fbase);
    }
    s_count = 0;
}

int
main (int argc, char **argv)
{
    if (argc != 3) {
        fprintf (stderr, "usage: zseq_walk URI CALLS\n");
        return 2;
    }
    Dl_info info;
    if (!dladdr ((void *) (uintptr_t) zseq_next, &info))
        return 1;
    zseq_client_t *client = zseq_client_new (argv[1]);
    zseq_t *walk = client ? zseq_new (client, "walk") : NULL;
    int calls = WARM_UP + atoi (argv[2]);
    int rc = walk ? ZSEQ_OK : zseq_errno ();
    for (int call = 0; call < calls && rc == ZSEQ_OK; call++) {
        uint64_t id;
        s_on = call >= WARM_UP;
        rc = zseq_next (walk, &id);
        s_on = false;
        if (call >= WARM_UP)
            s_print (info.dli_fbase);
        usleep (PAUSE_US);
    }
    if (rc != ZSEQ_OK)
        fprintf (stderr, "%s: %s\n", zseq_strerror (rc), zseq_detail ());
    zseq_destroy (&walk);
    zseq_client_destroy (&client);
    return rc != ZSEQ_OK;
}
