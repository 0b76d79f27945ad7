#include "zseq_clock.h"

#include <assert.h>

uint64_t
zseq_clock_now_us (void)
{
    struct timespec now;
    int rc = clock_gettime (CLOCK_MONOTONIC, &now);
    assert (rc == 0);
    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

struct timespec
zseq_clock_timespec (uint64_t us)
{
    struct timespec time = {.tv_sec = (time_t) (us / 1000000),
                            .tv_nsec = (long) (us % 1000000) * 1000};
    return time;
}
