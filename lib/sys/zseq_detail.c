#include "zseq_detail.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zseq_sys_texts.h"

static _Thread_local char s_text[1024];
static _Thread_local int s_rc;
static _Thread_local bool s_unknown;

int
zseq_detail_fail (int rc, const char *format, ...)
{
    va_list list;
    va_start (list, format);
    vsnprintf (s_text, sizeof s_text, format, list);
    va_end (list);
    s_rc = rc;
    s_unknown = false;
    return rc;
}

int
zseq_detail_fail_closed (void)
{
    return zseq_detail_fail (ZSEQ_ECLOSED, ZSEQ_TEXT_CLIENT_DESTROYED);
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
zseq_detail_set_unknown (void)
{
    s_unknown = true;
}

bool
zseq_kv_unknown (void)
{
    return s_unknown;
}

static void
s_print (zseq_outcome_t *self, size_t used, const char *format, va_list list)
{
    vsnprintf (self->detail + used, sizeof self->detail - used, format, list);
}

void
zseq_outcome_set (zseq_outcome_t *self, int rc, const char *format, ...)
{
    assert (self);

    self->rc = rc;
    va_list list;
    va_start (list, format);
    s_print (self, 0, format, list);
    va_end (list);
}

void
zseq_outcome_add (zseq_outcome_t *self, const char *format, ...)
{
    assert (self);

    va_list list;
    va_start (list, format);
    s_print (self, strlen (self->detail), format, list);
    va_end (list);
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
