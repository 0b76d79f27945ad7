#include "zseq_store_signals.h"

#include <errno.h>
#include <time.h>

//  The set of SIGXFSZ alone.
static void
s_set (sigset_t *set)
{
    sigemptyset (set);
    sigaddset (set, SIGXFSZ);
}

void
zseq_store_signals_block (zseq_store_signals_t *self)
{
    sigset_t set;
    sigset_t waiting;
    s_set (&set);
    pthread_sigmask (SIG_BLOCK, &set, &self->before);
    self->pending =
      sigpending (&waiting) == 0 && sigismember (&waiting, SIGXFSZ) == 1;
}

void
zseq_store_signals_restore (const zseq_store_signals_t *self)
{
    const struct timespec now = {0};
    sigset_t set;
    s_set (&set);
    if (!self->pending)
        while (sigtimedwait (&set, NULL, &now) == SIGXFSZ || errno == EINTR)
            ;
    pthread_sigmask (SIG_SETMASK, &self->before, NULL);
}
