#include "zseq_detail.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char s_text[1024];
static _Thread_local int s_rc;

int
zseq_detail_fail (int rc, const char *format, ...)
{
    va_list list;
    va_start (list, format);
    vsnprintf (s_text, sizeof s_text, format, list);
    va_end (list);
    s_rc = rc;
    return rc;
}

const char *
zseq_detail (void)
{
    return s_text;
}

int
zseq_errno (void)
{
    return s_rc;
}

void
zseq_version (int *major_p, int *minor_p, int *patch_p)
{
    if (major_p)
        *major_p = ZSEQ_VERSION_MAJOR;
    if (minor_p)
        *minor_p = ZSEQ_VERSION_MINOR;
    if (patch_p)
        *patch_p = ZSEQ_VERSION_PATCH;
}
