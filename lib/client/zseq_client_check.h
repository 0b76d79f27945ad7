//  What the public calls of a client have in common: they check their
//  arguments, turn a timeout into a deadline, and report a failure as the
//  thread's detail. All of this is thread-safe.

#ifndef ZSEQ_CLIENT_CHECK_H_INCLUDED
#define ZSEQ_CLIENT_CHECK_H_INCLUDED

#include "zseq_detail.h"

//  Whether this process has made the client, and not destroyed it. Errors, with
//  zseq_detail set: ZSEQ_EFORKED, ZSEQ_ECLOSED.
int zseq_client_check (const zseq_client_t *self);

//  Whether zseq.h allows that timeout, that count, or that ID to raise to.
//  Errors, with zseq_detail set: ZSEQ_EINVAL.
int zseq_client_check_timeout (int timeout_ms);
int zseq_client_check_count (uint64_t count);
int zseq_client_check_id (uint64_t id);

//  The deadline of a call that begins now, by the monotonic clock.
uint64_t zseq_client_deadline_us (int timeout_ms);

//  The deadline of a question that waits for slow nodes only for a second.
uint64_t zseq_client_status_us (int timeout_ms);

//  Returns the outcome's rc, and sets zseq_detail to its detail if rc is an
//  error.
int zseq_client_report (const zseq_outcome_t *outcome);

#endif
