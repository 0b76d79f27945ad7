//  The detail of a thread's last failure, behind zseq_detail and zseq_errno.

#ifndef ZSEQ_DETAIL_H_INCLUDED
#define ZSEQ_DETAIL_H_INCLUDED

#include "zseq.h"

//  Notes rc and the formatted detail for this thread, and returns rc.
int zseq_detail_fail (int rc, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));

#define ZSEQ_DETAIL_MAX 512  //  Bytes of a failure's detail

//  How something ended, with what a person should know.
typedef struct {
    int rc;
    char detail[ZSEQ_DETAIL_MAX];
} zseq_outcome_t;

void zseq_outcome_set (zseq_outcome_t *self, int rc, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

//  Adds to the detail.
void zseq_outcome_add (zseq_outcome_t *self, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));

#endif
