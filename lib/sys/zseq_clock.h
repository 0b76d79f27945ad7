//  The clock that waits are measured by.

#ifndef ZSEQ_CLOCK_H_INCLUDED
#define ZSEQ_CLOCK_H_INCLUDED

#include <stdint.h>
#include <time.h>

//  Microseconds of the monotonic clock. Thread-safe.
uint64_t zseq_clock_now_us (void);

//  That many microseconds, for system calls.
struct timespec zseq_clock_timespec (uint64_t us);

#endif
