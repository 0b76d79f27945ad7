//  The detail of a thread's last failure, behind zseq_detail and zseq_errno.

#ifndef ZSEQ_DETAIL_H_INCLUDED
#define ZSEQ_DETAIL_H_INCLUDED

#include "zseq.h"

//  Notes rc and the formatted detail for this thread, and returns rc.
int zseq_detail_fail (int rc, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));

#endif
