#include "zseq_client_check.h"

#include "zseq_client_private.h"
#include "zseq_client_texts.h"
#include "zseq_clock.h"
#include "zseq_fork.h"
#include "zseq_seq.h"

//  How long a question waits for slow nodes, at most.
#define STATUS_MS_MAX 1000

int
zseq_client_check (const zseq_client_t *self)
{
    if (self->forks != zseq_fork_count)
        return zseq_fork_check (self->forks);
    return self->closed ? zseq_detail_fail_closed () : ZSEQ_OK;
}

int
zseq_client_check_timeout (int timeout_ms)
{
    if (timeout_ms >= 1 && timeout_ms <= ZSEQ_TIMEOUT_MS_MAX)
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_TIMEOUT_RANGE, timeout_ms,
                             ZSEQ_TIMEOUT_MS_MAX);
}

int
zseq_client_check_count (uint64_t count)
{
    if (count >= 1 && count <= ZSEQ_COUNT_MAX)
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_COUNT_RANGE,
                             (unsigned long long) count);
}

int
zseq_client_check_id (uint64_t id)
{
    if (id >= 1 && id <= ZSEQ_NEXT_MAX)
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_ID_RANGE,
                             (unsigned long long) id);
}

uint64_t
zseq_client_deadline_us (int timeout_ms)
{
    return zseq_clock_now_us () + (uint64_t) timeout_ms * 1000;
}

uint64_t
zseq_client_status_us (int timeout_ms)
{
    return zseq_client_deadline_us (timeout_ms < STATUS_MS_MAX ? timeout_ms
                                                               : STATUS_MS_MAX);
}

int
zseq_client_report (const zseq_outcome_t *outcome)
{
    if (outcome->rc == ZSEQ_OK)
        return ZSEQ_OK;
    return zseq_detail_fail (outcome->rc, "%s", outcome->detail);
}
