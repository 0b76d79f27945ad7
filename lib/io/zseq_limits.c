//  Opens the descriptors and runs the threads, all at once, and ends them
//  again: a look at the limits alone would miss those of the user, of the
//  control group and of the system, and what they count.

#include "zseq_limits.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zseq_io_texts.h"

//  Opens count descriptors and closes them. Returns 0, or the error.
static int
s_try_descriptors (size_t count)
{
    int fds[ZSEQ_LIMITS_MAX];
    size_t opened = 0;
    int error = 0;
    while (opened < count && !error) {
        fds[opened] = eventfd (0, EFD_CLOEXEC);
        if (fds[opened] == -1)
            error = errno;
        else
            opened++;
    }
    while (opened)
        close (fds[--opened]);
    return error;
}

//  A thread that only waits until all of them run.
typedef struct {
    pthread_mutex_t *lock;
    pthread_t thread;
    pid_t id;
} s_thread_t;

static void *
s_wait (void *arg)
{
    s_thread_t *self = arg;
    self->id = (pid_t) syscall (SYS_gettid);
    pthread_mutex_lock (self->lock);
    pthread_mutex_unlock (self->lock);
    return NULL;
}

//  The system still counts a thread for a moment after it was joined.
static void
s_join (const s_thread_t *self)
{
    pthread_join (self->thread, NULL);
    while (syscall (SYS_tgkill, getpid (), self->id, 0) == 0)
        (void) sched_yield ();
}

//  Runs count threads and ends them. Returns 0, or the error.
static int
s_try_threads (size_t count)
{
    s_thread_t threads[ZSEQ_LIMITS_MAX];
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    size_t begun = 0;
    int error = 0;
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    pthread_mutex_lock (&lock);
    while (begun < count && !error) {
        threads[begun].lock = &lock;
        error = pthread_create (&threads[begun].thread, NULL, s_wait,
                                &threads[begun]);
        begun += error == 0;
    }
    pthread_mutex_unlock (&lock);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    while (begun)
        s_join (&threads[--begun]);
    pthread_mutex_destroy (&lock);
    return error;
}

bool
zseq_limits_leave (size_t descriptors, size_t threads, char *text,
                   size_t text_size)
{
    assert (descriptors <= ZSEQ_LIMITS_MAX);
    assert (threads <= ZSEQ_LIMITS_MAX);
    assert (text);

    //  Threads first: they take longer, and meanwhile the process may open
    //  descriptors.
    int error = s_try_threads (threads);
    if (error) {
        snprintf (text, text_size, ZSEQ_TEXT_THREADS_LACKING, threads,
                  strerror (error));
        return false;
    }
    error = s_try_descriptors (descriptors);
    if (error) {
        struct rlimit limit = {0};
        (void) getrlimit (RLIMIT_NOFILE, &limit);
        snprintf (text, text_size, ZSEQ_TEXT_DESCRIPTORS_LACKING, descriptors,
                  strerror (error), (unsigned long long) limit.rlim_cur);
        return false;
    }
    return true;
}
