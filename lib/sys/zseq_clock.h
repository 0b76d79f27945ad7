//  The monotonic clock, by which all waits are measured.

#ifndef ZSEQ_CLOCK_H_INCLUDED
#define ZSEQ_CLOCK_H_INCLUDED

#include <stdint.h>
#include <time.h>

//  Microseconds of the monotonic clock. Thread-safe.
uint64_t zseq_clock_now_us (void);

//  Microseconds as the timespec that system calls take.
struct timespec zseq_clock_timespec (uint64_t us);

#endif
