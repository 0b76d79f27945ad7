//  The wall clock in milliseconds since the epoch of a flake layout. All calls
//  are thread-safe.

#ifndef ZSEQ_FLAKE_CLOCK_H_INCLUDED
#define ZSEQ_FLAKE_CLOCK_H_INCLUDED

#include "zseq_flake.h"

//  The millisecond that the clock shows; 0 up to the epoch.
uint64_t zseq_flake_clock_now_ms (const zseq_flake_layout_t *layout);

//  Sleeps until the clock shows until_ms, but for 10 ms at most: the clock may
//  be set meanwhile, so the caller reads it again. Errors, with zseq_detail
//  set: ZSEQ_ECLOCK (the clock will show until_ms only after deadline_us of the
//  monotonic clock).
int zseq_flake_clock_wait (const zseq_flake_layout_t *layout, uint64_t until_ms,
                           uint64_t deadline_us);

//  Returns ZSEQ_ECLOCK with zseq_detail set: the clock has not reached the
//  layout's epoch.
int zseq_flake_clock_fail_early (const zseq_flake_layout_t *layout);

//  Returns ZSEQ_EEXHAUSTED with zseq_detail set: the layout has no milliseconds
//  left.
int zseq_flake_clock_fail_used_up (const zseq_flake_layout_t *layout);

#endif
