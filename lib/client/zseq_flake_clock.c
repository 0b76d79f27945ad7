#include "zseq_flake_clock.h"

#include <assert.h>
#include <time.h>

#include "zseq_client_texts.h"
#include "zseq_clock.h"
#include "zseq_detail.h"

//  Unix time; 0 before 1970.
static uint64_t
s_now_ns (void)
{
    struct timespec now;
    int rc = clock_gettime (CLOCK_REALTIME, &now);
    assert (rc == 0);
    if (now.tv_sec < 0)
        return 0;
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

uint64_t
zseq_flake_clock_now_ms (const zseq_flake_layout_t *layout)
{
    assert (layout);
    return zseq_flake_ms (layout, s_now_ns () / 1000000);
}

int
zseq_flake_clock_wait (const zseq_flake_layout_t *layout, uint64_t until_ms,
                       uint64_t deadline_us)
{
    assert (layout);

    uint64_t now_ns = s_now_ns ();
    //  A time that fits in nanoseconds is late enough.
    uint64_t until_unix_ms = layout->epoch_ms + until_ms;
    if (until_unix_ms > UINT64_MAX / 1000000)
        until_unix_ms = UINT64_MAX / 1000000;
    uint64_t until_ns = until_unix_ms * 1000000;
    if (until_ns <= now_ns)
        return ZSEQ_OK;
    uint64_t left_ns = until_ns - now_ns;
    uint64_t now_us = zseq_clock_now_us ();
    bool late = now_us + left_ns / 1000 > deadline_us;
    if (late && now_ns / 1000000 < layout->epoch_ms)
        return zseq_flake_clock_fail_early (layout);
    if (late)
        return zseq_detail_fail (ZSEQ_ECLOCK, ZSEQ_TEXT_CLOCK_BEHIND,
                                 (unsigned long long) (left_ns / 1000000 + 1));
    //  The clock may be set during the sleep: return soon.
    if (left_ns > 10000000)
        left_ns = 10000000;
    struct timespec time = {.tv_nsec = (long) left_ns};
    (void) nanosleep (&time, NULL);
    return ZSEQ_OK;
}

int
zseq_flake_clock_fail_early (const zseq_flake_layout_t *layout)
{
    assert (layout);

    return zseq_detail_fail (ZSEQ_ECLOCK, ZSEQ_TEXT_CLOCK_BEFORE_EPOCH,
                             (unsigned long long) layout->epoch_ms);
}

int
zseq_flake_clock_fail_used_up (const zseq_flake_layout_t *layout)
{
    assert (layout);

    return zseq_detail_fail (ZSEQ_EEXHAUSTED, ZSEQ_TEXT_CLOCK_USED_UP,
                             layout->time_bits);
}
