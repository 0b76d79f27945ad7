#include "zseq_collect.h"

#include <assert.h>
#include <poll.h>

int
collect_skip_name (const char *name, size_t size, uint64_t next,
                   uint64_t durable_to, void *arg)
{
    (void) name;
    (void) size;
    (void) next;
    (void) durable_to;
    (void) arg;
    return ZSEQ_OK;
}

void
collect_wait (zseq_store_t *store, zseq_written_t *written, size_t count)
{
    size_t done = zseq_store_collect (store, written, count);
    while (done < count) {
        struct pollfd fd = {zseq_store_fd (store), POLLIN, 0};
        int rc = poll (&fd, 1, -1);
        assert (rc == 1);
        done += zseq_store_collect (store, written + done, count - done);
    }
}
