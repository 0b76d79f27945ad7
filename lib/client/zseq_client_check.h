//  What the client's public calls have in common: their arguments are checked,
//  their timeouts become deadlines, and their failures the thread's detail. All
//  calls are thread-safe.

#ifndef ZSEQ_CLIENT_CHECK_H_INCLUDED
#define ZSEQ_CLIENT_CHECK_H_INCLUDED

#include "zseq_detail.h"

//  Whether the client is of this process. Errors, with zseq_detail set:
//  ZSEQ_EFORKED.
int zseq_client_check (const zseq_client_t *self);

//  Whether that is a timeout, a count or an ID to raise to that zseq.h allows.
//  Errors, with zseq_detail set: ZSEQ_EINVAL.
int zseq_client_check_timeout (int timeout_ms);
int zseq_client_check_count (uint64_t count);
int zseq_client_check_id (uint64_t id);

//  When a call that begins now has to end, by the monotonic clock.
uint64_t zseq_client_deadline_us (int timeout_ms);

//  Returns the outcome's rc; sets zseq_detail to its detail if that is an
//  error.
int zseq_client_report (const zseq_outcome_t *outcome);

#endif
