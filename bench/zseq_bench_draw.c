//  The load of most cases: each thread draws the IDs of a sequence, one by one.

#include "zseq_bench_draw.h"

#include "zseq.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

typedef struct {
    zseq_client_t *client;
    zseq_t *sequence;
    _Atomic uint64_t timeouts;  //  Calls that were repeated
} s_draw_t;

//  Writes an error of the library. Returns -1.
static int
s_text (char *text, const char *what, int rc)
{
    const char *detail = zseq_detail ();
    snprintf (text, ZSEQ_BENCH_TEXT_MAX, "%s: %s%s%s", what, zseq_strerror (rc),
              *detail ? ": " : "", detail);
    return -1;
}

static void
s_draw_close (void *context)
{
    s_draw_t *self = context;
    zseq_destroy (&self->sequence);
    zseq_client_destroy (&self->client);
    free (self);
}

//  Opens a client and its sequence, once in each process of the load.
static int
s_draw_open (const void *arg, size_t process, void **context_p, char *text)
{
    const zseq_bench_draw_t *draw = arg;
    s_draw_t *self = calloc (1, sizeof *self);
    if (!self)
        return s_text (text, "client", ZSEQ_ENOMEM);
    char name[ZSEQ_NAME_MAX + 1];
    snprintf (name, sizeof name, "%s", draw->name);
    if (draw->own)
        snprintf (name, sizeof name, "%s/%zu", draw->name, process);
    self->client = zseq_client_new (draw->uri);
    if (self->client)
        self->sequence = zseq_new (self->client, name);
    int rc = self->sequence ? zseq_set_batch (self->sequence, draw->batch)
                            : zseq_errno ();
    if (rc != ZSEQ_OK) {
        s_text (text, draw->uri, rc);
        s_draw_close (self);
        return -1;
    }
    *context_p = self;
    return 0;
}

//  Draws count IDs. Repeats a call that timed out.
static int
s_draw_repeat (void *context, size_t count, uint64_t *last, char *text)
{
    s_draw_t *self = context;
    for (size_t done = 0; done < count;) {
        uint64_t id;
        int rc = zseq_next (self->sequence, &id);
        if (rc == ZSEQ_ETIMEOUT) {
            atomic_fetch_add (&self->timeouts, 1);
            continue;
        }
        if (rc != ZSEQ_OK)
            return s_text (text, "zseq_next", rc);
        if (id <= *last) {
            snprintf (text, ZSEQ_BENCH_TEXT_MAX,
                      "an ID is not above the one before");
            return -1;
        }
        *last = id;
        done++;
    }
    return 0;
}

static void
s_draw_count (void *context, zseq_bench_counts_t *counts)
{
    s_draw_t *self = context;
    zseq_stats_t stats;
    if (zseq_client_stats (self->client, &stats) != ZSEQ_OK)
        return;
    counts->claims = stats.claims;
    counts->conflicts = stats.conflicts;
    counts->burnt = stats.burnt;
    counts->timeouts = atomic_load (&self->timeouts);
}

const zseq_bench_operation_t zseq_bench_draw = {
  .open = s_draw_open,
  .repeat = s_draw_repeat,
  .count = s_draw_count,
  .close = s_draw_close,
};

//  A question to the cluster and the answers, in memory shared with a child.
typedef struct {
    const char *uri;
    size_t n;
    size_t w;
} s_question_t;

//  Reports an error of the library. Returns -1.
static int
s_fail (const char *what, int rc)
{
    char text[ZSEQ_BENCH_TEXT_MAX];
    (void) s_text (text, what, rc);
    return zseq_bench_fail ("%s", text);
}

//  Asks the cluster for its nodes and quorum. Fails if fewer than W nodes vote.
static int
s_question_status (s_question_t *self, zseq_client_t *client)
{
    zseq_status_t status;
    int rc = zseq_client_status (client, &status);
    if (rc != ZSEQ_OK)
        return s_fail (self->uri, rc);
    size_t voting = 0;
    for (size_t i = 0; i < status.nodes; i++)
        if (status.node[i].reachable && status.node[i].voting)
            voting++;
    if (voting < status.w)
        return zseq_bench_fail ("%s: %zu of %zu nodes vote, %zu are needed",
                                self->uri, voting, status.nodes, status.w);
    self->n = status.nodes;
    self->w = status.w;
    return 0;
}

//  Runs the child that asks the cluster.
static int
s_question_run (void *arg)
{
    s_question_t *self = arg;
    zseq_client_t *client = zseq_client_new (self->uri);
    int rc = client ? s_question_status (self, client)
                    : s_fail (self->uri, zseq_errno ());
    zseq_client_destroy (&client);
    return rc == 0 ? 0 : 1;
}

int
zseq_bench_draw_quorum (zseq_bench_children_t *children, const char *uri,
                        size_t *n_p, size_t *w_p)
{
    assert (children);
    assert (uri);
    assert (n_p);
    assert (w_p);
    s_question_t *question =
      mmap (NULL, sizeof *question, PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (question == MAP_FAILED)
        return zseq_bench_fail ("out of memory");
    question->uri = uri;
    pid_t pid = zseq_bench_children_fork (
      children, "the question for the status", s_question_run, question);
    int rc = pid > 0 ? zseq_bench_children_finish (children, pid) : -1;
    if (rc == 0) {
        *n_p = question->n;
        *w_p = question->w;
    }
    munmap (question, sizeof *question);
    return rc;
}
