//  The table of cases: what each one measures, and its floor.

#include "zseq_bench_case.h"

#include "zseq.h"

#include <assert.h>
#include <fnmatch.h>
#include <string.h>

//  --quick leaves out cases with more names than this.
#define QUICK_NAMES_MAX 1000
//  Crowds take long: a pattern has to begin so to mean them.
#define CONTENTION_PREFIX "contention"
//  Recovery needs a majority of voting peers.
#define RECOVERY_NODES_MIN 3
//  The nodes that run must be a majority.
#define STOPPED_NODES_MIN 3

//  A row: its name, kind and cluster, and the other fields by name.
#define CASE(text, what, cluster, ...)                                         \
    {                                                                          \
        .name = text, .kind = ZSEQ_BENCH_KIND_##what,                          \
        .where = ZSEQ_BENCH_ON_##cluster, __VA_ARGS__                          \
    }
#define FLOOR(name) ZSEQ_BENCH_FLOOR_##name

//  A crowd.
#define CONTENTION(text, what, p, t, floor_name)                               \
    CASE (CONTENTION_PREFIX "-" text, what, MAIN, .batch = 1, .processes = p,  \
          .threads = t, .floor = FLOOR (floor_name), .share = 1)

//  In this order: a cluster's names become ever more.
static const zseq_bench_case_t s_cases[] = {
  CASE ("batch-1-single", DRAW, MAIN, .batch = 1, .processes = 1, .threads = 1,
        .floor = FLOOR (ASK), .share = 1),
  CASE ("batch-1-threads-8", DRAW, MAIN, .batch = 1, .processes = 1,
        .threads = 8, .floor = FLOOR (ASK), .share = 8),
  CASE ("batch-1-threads-32", DRAW, MAIN, .batch = 1, .processes = 1,
        .threads = 32, .floor = FLOOR (ASK), .share = 32),
  CASE ("batch-1-processes-8", DRAW, MAIN, .batch = 1, .processes = 8,
        .threads = 1, .floor = FLOOR (ECHO_8), .share = 1),
  CASE ("batch-1-processes-32", DRAW, MAIN, .batch = 1, .processes = 32,
        .threads = 1, .floor = FLOOR (ECHO_32), .share = 1),
  CASE ("batch-1-sequences-8", OWN, MAIN, .batch = 1, .processes = 8,
        .threads = 1, .floor = FLOOR (ECHO_8), .share = 1),
  CASE ("batch-1-sequences-32", OWN, MAIN, .batch = 1, .processes = 32,
        .threads = 1, .floor = FLOOR (ECHO_32), .share = 1),
  CASE ("batch-2-single", DRAW, MAIN, .batch = 2, .processes = 1, .threads = 1,
        .floor = FLOOR (ASK), .share = 2),
  CASE ("batch-2-threads-8", DRAW, MAIN, .batch = 2, .processes = 1,
        .threads = 8, .floor = FLOOR (ASK), .share = 8),
  CASE ("batch-2-threads-32", DRAW, MAIN, .batch = 2, .processes = 1,
        .threads = 32, .floor = FLOOR (ASK), .share = 32),
  CASE ("batch-2-processes-8", DRAW, MAIN, .batch = 2, .processes = 8,
        .threads = 1, .floor = FLOOR (ECHO_8), .share = 2),
  CASE ("batch-2-processes-32", DRAW, MAIN, .batch = 2, .processes = 32,
        .threads = 1, .floor = FLOOR (ECHO_32), .share = 2),
  CASE ("batch-1024-single", DRAW, MAIN, .batch = 1024, .processes = 1,
        .threads = 1, .floor = FLOOR (ASK), .share = 1024),
  CASE ("batch-1024-threads-8", DRAW, MAIN, .batch = 1024, .processes = 1,
        .threads = 8, .floor = FLOOR (ASK), .share = 1024),
  CASE ("batch-1024-threads-32", DRAW, MAIN, .batch = 1024, .processes = 1,
        .threads = 32, .floor = FLOOR (ASK), .share = 1024),
  CASE ("batch-1024-processes-8", DRAW, MAIN, .batch = 1024, .processes = 8,
        .threads = 1, .floor = FLOOR (ECHO_8), .share = 1024),
  CASE ("batch-1024-processes-32", DRAW, MAIN, .batch = 1024, .processes = 32,
        .threads = 1, .floor = FLOOR (ECHO_32), .share = 1024),
  CASE ("batch-auto-single", DRAW, MAIN, .batch = ZSEQ_BATCH_AUTO,
        .processes = 1, .threads = 1, .floor = FLOOR (ATOMIC_1), .share = 1),
  CASE ("batch-auto-threads-2", DRAW, MAIN, .batch = ZSEQ_BATCH_AUTO,
        .processes = 1, .threads = 2, .floor = FLOOR (ATOMIC_2), .share = 1),
  CASE ("batch-auto-threads-8", DRAW, MAIN, .batch = ZSEQ_BATCH_AUTO,
        .processes = 1, .threads = 8, .floor = FLOOR (ATOMIC_2), .share = 1),
  CASE ("batch-auto-threads-32", DRAW, MAIN, .batch = ZSEQ_BATCH_AUTO,
        .processes = 1, .threads = 32, .floor = FLOOR (ATOMIC_2), .share = 1),
  CASE ("batch-auto-processes-8", DRAW, MAIN, .batch = ZSEQ_BATCH_AUTO,
        .processes = 8, .threads = 1, .floor = FLOOR (ATOMIC_1), .share = 1),
  CASE ("batch-auto-processes-32", DRAW, MAIN, .batch = ZSEQ_BATCH_AUTO,
        .processes = 32, .threads = 1, .floor = FLOOR (ATOMIC_1), .share = 1),
  CASE ("stopped-1-single", STOPPED, MAIN, .batch = 1, .processes = 1,
        .threads = 1, .floor = FLOOR (ASK), .share = 1),
  CASE ("stopped-1-processes-8", STOPPED, MAIN, .batch = 1, .processes = 8,
        .threads = 1, .floor = FLOOR (ECHO_8), .share = 1),
  CASE ("reserve-1-single", PAIR, MAIN, .batch = 1, .processes = 1,
        .threads = 1, .floor = FLOOR (ASK), .share = 1),
  CASE ("reserve-1-threads-32", PAIR, MAIN, .batch = 1, .processes = 1,
        .threads = 32, .floor = FLOOR (ASK), .share = 32),
  CASE ("reserve-1-processes-8", PAIR, MAIN, .batch = 1, .processes = 8,
        .threads = 1, .floor = FLOOR (ECHO_8), .share = 1),
  CASE ("reserve-1024-single", PAIR, MAIN, .batch = 1024, .processes = 1,
        .threads = 1, .floor = FLOOR (ASK), .share = 1024),
  CASE ("transport-1-single", TRANSPORT, NATIVE, .batch = 1, .processes = 1,
        .threads = 1, .floor = FLOOR (PLAIN), .share = 1),
  CASE ("transport-1-threads-32", TRANSPORT, NATIVE, .batch = 1, .processes = 1,
        .threads = 32, .floor = FLOOR (PLAIN), .share = 32),
  CASE ("transport-1-processes-32", TRANSPORT, NATIVE, .batch = 1,
        .processes = 32, .threads = 1, .floor = FLOOR (PLAIN_32), .share = 1),
  CASE ("transport-1-sequences-32", TRANSPORT, NATIVE, .batch = 1, .own = true,
        .processes = 32, .threads = 1, .floor = FLOOR (PLAIN_32), .share = 1),
  CASE ("transport-1024-single", TRANSPORT, NATIVE, .batch = 1024,
        .processes = 1, .threads = 1, .floor = FLOOR (PLAIN), .share = 1024),
  CASE ("transport-auto-threads-32", TRANSPORT, NATIVE,
        .batch = ZSEQ_BATCH_AUTO, .processes = 1, .threads = 32,
        .floor = FLOOR (ATOMIC_2), .share = 1),
  CASE ("mem-single", SCHEME, MAIN, .batch = 1, .processes = 1, .threads = 1,
        .floor = FLOOR (ATOMIC_1), .share = 1, .scheme = "mem:"),
  CASE ("mem-threads-2", SCHEME, MAIN, .batch = 1, .processes = 1, .threads = 2,
        .floor = FLOOR (ATOMIC_2), .share = 1, .scheme = "mem:"),
  CASE ("mem-threads-32", SCHEME, MAIN, .batch = 1, .processes = 1,
        .threads = 32, .floor = FLOOR (ATOMIC_2), .share = 1, .scheme = "mem:"),
  CASE ("file-1-single", SCHEME, MAIN, .batch = 1, .processes = 1, .threads = 1,
        .floor = FLOOR (RENAME), .share = 1, .scheme = "file:"),
  CASE ("file-1-threads-32", SCHEME, MAIN, .batch = 1, .processes = 1,
        .threads = 32, .floor = FLOOR (RENAME), .share = 1, .scheme = "file:"),
  CASE ("file-1024-single", SCHEME, MAIN, .batch = 1024, .processes = 1,
        .threads = 1, .floor = FLOOR (RENAME), .share = 1024,
        .scheme = "file:"),
  CASE ("flake-single", SCHEME, MAIN, .batch = 1, .processes = 1, .threads = 1,
        .floor = FLOOR (CLOCK), .share = 1, .scheme = "flake:1"),
  CASE ("flake-wide-single", SCHEME, MAIN, .batch = 1, .processes = 1,
        .threads = 1, .floor = FLOOR (CLOCK), .share = 1,
        .scheme = "flake:1?bits=36/5/22"),
  CASE ("flake-wide-threads-2", SCHEME, MAIN, .batch = 1, .processes = 1,
        .threads = 2, .floor = FLOOR (CLOCK), .share = 1,
        .scheme = "flake:1?bits=36/5/22"),
  CASE ("flake-cluster-single", SCHEME, MAIN, .batch = 1, .processes = 1,
        .threads = 1, .floor = FLOOR (CLOCK), .share = 1, .scheme = "flake+"),
  CASE ("flake-cluster-processes-8", SCHEME, MAIN, .batch = 1, .processes = 8,
        .threads = 1, .floor = FLOOR (CLOCK), .share = 1, .scheme = "flake+"),
  CASE ("cold-names", FRESH, MAIN, .batch = 1, .processes = 1, .threads = 1,
        .floor = FLOOR (RENAME_N), .share = 1),
  CASE ("names-10", MANY_NAMES, NAMES, .batch = 1, .processes = 1, .threads = 1,
        .names = 10, .floor = FLOOR (RENAME_N), .share = 1),
  CASE ("names-1000", MANY_NAMES, NAMES, .batch = 1, .processes = 1,
        .threads = 1, .names = 1000, .floor = FLOOR (RENAME_N), .share = 1),
  CASE ("recovery-1000", RECOVER, NAMES, .processes = 1, .threads = 1,
        .names = 1000, .floor = FLOOR (RENAME), .share = 1),
  CASE ("recovery-10000", RECOVER, NAMES, .processes = 1, .threads = 1,
        .names = 10000, .floor = FLOOR (RENAME), .share = 1),
  CASE ("names-100000", MANY_NAMES, NAMES, .batch = 1, .processes = 1,
        .threads = 1, .names = 100000, .floor = FLOOR (RENAME_N), .share = 1),
  CASE ("recovery-100000", RECOVER, NAMES, .processes = 1, .threads = 1,
        .names = 100000, .floor = FLOOR (RENAME), .share = 1),
  CASE ("names-1000-one-node", MANY_NAMES, ONE, .batch = 1, .processes = 1,
        .threads = 1, .names = 1000, .floor = FLOOR (RENAME), .share = 1),
  CASE ("start-1000", START, ONE, .processes = 1, .threads = 1, .names = 1000,
        .floor = FLOOR (READ), .share = 1),
  CASE ("names-1000000-one-node", MANY_NAMES, ONE, .batch = 1, .processes = 1,
        .threads = 1, .names = 1000000, .floor = FLOOR (RENAME), .share = 1),
  CASE ("start-1000000", START, ONE, .processes = 1, .threads = 1,
        .names = 1000000, .floor = FLOOR (READ), .share = 1),
  CASE ("start-1000000-cold", COLD, ONE, .processes = 1, .threads = 1,
        .names = 1000000, .floor = FLOOR (READ), .share = 1),
  CONTENTION ("burst-1", BURST, 1, 1, ECHO_1),
  CONTENTION ("burst-32", BURST, 1, 32, ECHO_32),
  CONTENTION ("burst-100", BURST, 1, 100, ECHO_100),
  CONTENTION ("burst-300", BURST, 2, 150, ECHO_300),
  CONTENTION ("burst-1000", BURST, 4, 250, ECHO_1000),
  CONTENTION ("burst-2000", BURST, 8, 250, ECHO_2000),
  CONTENTION ("burst-warm-1", BURST_WARM, 1, 1, ECHO_1),
  CONTENTION ("burst-warm-32", BURST_WARM, 1, 32, ECHO_32),
  CONTENTION ("burst-warm-100", BURST_WARM, 1, 100, ECHO_100),
  CONTENTION ("burst-warm-300", BURST_WARM, 2, 150, ECHO_300),
  CONTENTION ("burst-warm-1000", BURST_WARM, 4, 250, ECHO_1000),
  CONTENTION ("burst-warm-2000", BURST_WARM, 8, 250, ECHO_2000),
  CONTENTION ("steady-1", STEADY, 1, 1, ECHO_1),
  CONTENTION ("steady-32", STEADY, 1, 32, ECHO_32),
  CONTENTION ("steady-100", STEADY, 1, 100, ECHO_100),
  CONTENTION ("steady-300", STEADY, 2, 150, ECHO_300),
  CONTENTION ("steady-1000", STEADY, 4, 250, ECHO_1000),
  CONTENTION ("steady-2000", STEADY, 8, 250, ECHO_2000),
  CONTENTION ("restart-32", RESTART, 1, 32, ECHO_32),
  CONTENTION ("restart-300", RESTART, 2, 150, ECHO_300),
  CONTENTION ("restart-1000", RESTART, 4, 250, ECHO_1000),
  CONTENTION ("burst-processes-32", BURST, 32, 1, ECHO_32),
  CONTENTION ("burst-processes-100", BURST, 100, 1, ECHO_100P),
  CONTENTION ("burst-processes-300", BURST, 300, 1, ECHO_300P),
  CONTENTION ("burst-processes-1000", BURST, 1000, 1, ECHO_1000P),
  CONTENTION ("burst-processes-2000", BURST, 2000, 1, ECHO_2000P),
  CONTENTION ("burst-warm-processes-32", BURST_WARM, 32, 1, ECHO_32),
  CONTENTION ("burst-warm-processes-100", BURST_WARM, 100, 1, ECHO_100P),
  CONTENTION ("burst-warm-processes-300", BURST_WARM, 300, 1, ECHO_300P),
  CONTENTION ("burst-warm-processes-1000", BURST_WARM, 1000, 1, ECHO_1000P),
  CONTENTION ("burst-warm-processes-2000", BURST_WARM, 2000, 1, ECHO_2000P),
  CONTENTION ("steady-processes-32", STEADY, 32, 1, ECHO_32),
  CONTENTION ("steady-processes-100", STEADY, 100, 1, ECHO_100P),
  CONTENTION ("steady-processes-300", STEADY, 300, 1, ECHO_300P),
  CONTENTION ("steady-processes-1000", STEADY, 1000, 1, ECHO_1000P),
  CONTENTION ("steady-processes-2000", STEADY, 2000, 1, ECHO_2000P),
  CONTENTION ("restart-processes-32", RESTART, 32, 1, ECHO_32),
  CONTENTION ("restart-processes-300", RESTART, 300, 1, ECHO_300P),
  CONTENTION ("restart-processes-1000", RESTART, 1000, 1, ECHO_1000P),
};
#define CASES (sizeof s_cases / sizeof s_cases[0])

size_t
zseq_bench_case_count (void)
{
    return CASES;
}

const zseq_bench_case_t *
zseq_bench_case_at (size_t index)
{
    assert (index < CASES);
    return &s_cases[index];
}

const char *
zseq_bench_case_name (size_t index)
{
    assert (index < CASES);
    return s_cases[index].name;
}

bool
zseq_bench_case_is_contention (const zseq_bench_case_t *self)
{
    assert (self);
    return self->kind >= ZSEQ_BENCH_KIND_BURST;
}

bool
zseq_bench_case_has_mutex (const zseq_bench_case_t *self)
{
    assert (self);
    bool file = self->scheme && strcmp (self->scheme, "file:") == 0;
    return self->kind != ZSEQ_BENCH_KIND_TRANSPORT &&
           self->processes * self->threads > 1 &&
           (file || self->batch == ZSEQ_BATCH_AUTO);
}

bool
zseq_bench_case_chosen (size_t index, const zseq_bench_plan_t *plan)
{
    assert (index < CASES);
    assert (plan);
    const zseq_bench_case_t *one = &s_cases[index];
    if (plan->pattern && fnmatch (plan->pattern, one->name, 0) != 0)
        return false;
    if (zseq_bench_case_is_contention (one))
        return plan->pattern && strncmp (plan->pattern, CONTENTION_PREFIX,
                                         strlen (CONTENTION_PREFIX)) == 0;
    if (plan->uri && one->kind != ZSEQ_BENCH_KIND_DRAW &&
        one->kind != ZSEQ_BENCH_KIND_OWN)
        return false;
    if (one->kind == ZSEQ_BENCH_KIND_STOPPED && plan->nodes < STOPPED_NODES_MIN)
        return false;
    if (plan->quick && one->names > QUICK_NAMES_MAX)
        return false;
    if (one->kind == ZSEQ_BENCH_KIND_PAIR && plan->reserve_s <= 0)
        return false;
    return one->kind != ZSEQ_BENCH_KIND_RECOVER ||
           plan->nodes >= RECOVERY_NODES_MIN;
}
