//  A counter under a mutex, in memory that the processes of the load share.

#include "zseq_bench_mutex.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

typedef struct {
    pthread_mutex_t lock;
    uint64_t next;
} s_counter_t;

//  What a load is handed.
typedef struct {
    s_counter_t *counter;
} s_mutex_t;

static int
s_mutex_open (const void *arg, size_t process, void **context_p, char *text)
{
    (void) process;
    (void) text;
    const s_mutex_t *mutex = arg;
    *context_p = mutex->counter;
    return 0;
}

static int
s_mutex_repeat (void *context, size_t count, uint64_t *last, char *text)
{
    (void) text;
    s_counter_t *counter = context;
    for (size_t i = 0; i < count; i++) {
        pthread_mutex_lock (&counter->lock);
        *last = counter->next++;
        pthread_mutex_unlock (&counter->lock);
    }
    return 0;
}

static void
s_mutex_close (void *context)
{
    (void) context;
}

static const zseq_bench_operation_t s_mutex = {
  .open = s_mutex_open,
  .repeat = s_mutex_repeat,
  .close = s_mutex_close,
};

//  Makes a mutex that processes share.
static int
s_init (pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    int rc = pthread_mutexattr_init (&attributes);
    if (rc == 0) {
        rc = pthread_mutexattr_setpshared (&attributes, PTHREAD_PROCESS_SHARED);
        if (rc == 0)
            rc = pthread_mutex_init (lock, &attributes);
        pthread_mutexattr_destroy (&attributes);
    }
    return rc == 0 ? 0 : zseq_bench_fail ("mutex: %s", strerror (rc));
}

int
zseq_bench_mutex_run (const zseq_bench_load_t *load,
                      zseq_bench_children_t *children,
                      zseq_bench_sample_t *sample)
{
    assert (load);
    assert (children);
    assert (sample);
    s_mutex_t mutex = {
      .counter = mmap (NULL, sizeof *mutex.counter, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0),
    };
    if (mutex.counter == MAP_FAILED)
        return zseq_bench_fail ("out of memory");
    zseq_bench_load_t same = *load;
    same.operation = &s_mutex;
    same.arg = &mutex;
    int rc = s_init (&mutex.counter->lock);
    if (rc == 0)
        rc = zseq_bench_load_run (&same, children, sample);
    munmap (mutex.counter, sizeof *mutex.counter);
    return rc;
}
