//  The detail of a thread's last failure, behind zseq_detail and zseq_errno.

#ifndef ZSEQ_DETAIL_H_INCLUDED
#define ZSEQ_DETAIL_H_INCLUDED

#include "zseq.h"

//  Keeps rc and the formatted detail for this thread. Returns rc.
int zseq_detail_fail (int rc, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));

//  The call that has just failed was a write that may have been done:
//  zseq_kv_unknown says so until this thread's next failed call.
void zseq_detail_set_unknown (void);

//  Fails with ZSEQ_ECLOSED.
int zseq_detail_fail_closed (void);

#define ZSEQ_DETAIL_MAX 512  //  Bytes of a failure's detail

//  How an operation ended: its error, and the detail for a person.
typedef struct {
    int rc;
    char detail[ZSEQ_DETAIL_MAX];
} zseq_outcome_t;

//  Sets both.
void zseq_outcome_set (zseq_outcome_t *self, int rc, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

//  Adds to the detail.
void zseq_outcome_add (zseq_outcome_t *self, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));

#endif
