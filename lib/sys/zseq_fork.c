#include "zseq_fork.h"

#include <pthread.h>
#include <stddef.h>

#include "zseq_detail.h"
#include "zseq_sys_texts.h"

unsigned zseq_fork_count;

static void
s_count (void)
{
    zseq_fork_count++;
}

static void
s_watch (void)
{
    (void) pthread_atfork (NULL, NULL, s_count);
}

void
zseq_fork_watch (void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void) pthread_once (&once, s_watch);
}

int
zseq_fork_check (unsigned count)
{
    if (count == zseq_fork_count)
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EFORKED, ZSEQ_TEXT_CLIENT_FORKED);
}
