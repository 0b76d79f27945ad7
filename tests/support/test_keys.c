//  Clients that use keys, and their judge: against the store in a client's own
//  memory, which is lost with the client.

#include "zseq_keys.h"
#include "zseq_process.h"

#include <criterion/criterion.h>
#include <signal.h>

#define S_CALLS 2000

static zseq_keys_t *s_keys;

static void
s_open (void)
{
    zseq_keys_options_t options = {.name = "test",
                                   .clients = 1,
                                   .threads = 3,
                                   .keys = 16,
                                   .value_max = ZSEQ_VALUE_MAX,
                                   .timeout_ms = 1000,
                                   .seed = 1};
    s_keys = zseq_keys_new (&options);
}

static void
s_close (void)
{
    zseq_keys_destroy (&s_keys);
}

TestSuite (keys, .init = s_open, .fini = s_close);

//  A client process: its status is 0 if all its calls were good.
static int
s_client_run (void *arg)
{
    zseq_keys_t *keys = arg;
    zseq_client_t *client = zseq_client_new ("mem:");
    zseq_keys_client_t *threads = zseq_keys_client_new (keys, 0, client);
    int rc = zseq_keys_client_end (&threads);
    if (rc == ZSEQ_OK)
        rc = zseq_keys_ask_all (keys, client, 1000);
    zseq_client_destroy (&client);
    return rc == ZSEQ_OK ? 0 : 1;
}

static pid_t
s_start (void)
{
    pid_t pid = zseq_process_fork (s_client_run, s_keys);
    zseq_keys_await (s_keys, S_CALLS);
    return pid;
}

static void
s_stop (pid_t pid)
{
    zseq_keys_stop (s_keys);
    cr_assert_eq (zseq_process_wait (pid), 0);
    zseq_keys_reap (s_keys, 0);
}

static void
s_kill (pid_t pid)
{
    kill (pid, SIGKILL);
    cr_assert_eq (zseq_process_wait (pid), 128 + SIGKILL);
    zseq_keys_reap (s_keys, 0);
}

Test (keys, are_used_and_judged)
{
    s_stop (s_start ());
    zseq_keys_progress_t progress = zseq_keys_progress (s_keys, 0);
    cr_assert_gt (progress.reads, 0);
    cr_assert_gt (progress.writes, 0);
    cr_assert_gt (progress.write_ns, 0);
    uint64_t calls = zseq_keys_counts (s_keys).calls;
    const zseq_kv_verdict_t *verdict = zseq_keys_judge (s_keys);
    cr_assert_eq (verdict->violations, 0, "%s", verdict->text);
    cr_assert_eq (verdict->operations, calls);
    cr_assert_eq (verdict->keys, 16);
    cr_assert_gt (verdict->clients, 3);
}

Test (keys, of_a_client_that_is_killed_are_judged)
{
    s_kill (s_start ());
    uint64_t calls = zseq_keys_counts (s_keys).calls;
    const zseq_kv_verdict_t *verdict = zseq_keys_judge (s_keys);
    cr_assert_eq (verdict->violations, 0, "%s", verdict->text);
    cr_assert_eq (verdict->operations, calls);
    cr_assert_leq (verdict->unknown, 3);
}

Test (keys, that_were_lost_are_found)
{
    s_kill (s_start ());
    s_stop (s_start ());
    const zseq_kv_verdict_t *verdict = zseq_keys_judge (s_keys);
    cr_assert_gt (verdict->violation[ZSEQ_KV_RULE_ORDER], 0);
    cr_assert_gt (verdict->violation[ZSEQ_KV_RULE_VERSION], 0);
}
