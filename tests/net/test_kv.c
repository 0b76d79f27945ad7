//  The key-value store, through the library. The tests of EVERYWHERE run
//  against each kind of store.

#include "zseq_cluster.h"
#include "zseq_history.h"
#include "zseq_process.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zseq.h"

static zseq_cluster_t *s_cluster;
static char s_uri[512];
static zseq_client_t *s_client;
static zseq_kv_t *s_kv;

static void
s_open (const char *uri)
{
    s_client = zseq_client_new (uri);
    cr_assert (s_client, "%s", zseq_detail ());
    s_kv = zseq_kv_new (s_client);
    cr_assert (s_kv, "%s", zseq_detail ());
}

static void
s_open_mem (void)
{
    s_open ("mem:");
}

//  A cluster of three, and a directory of this process's own in its place.
static void
s_open_cluster (void)
{
    s_cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (s_cluster);
    s_open (zseq_cluster_uri (s_cluster));
}

static void
s_open_file (void)
{
    s_cluster = zseq_cluster_new ("net", 1, NULL);
    snprintf (s_uri, sizeof s_uri, "file:%s/local",
              zseq_cluster_path (s_cluster));
    s_open (s_uri);
}

static void
s_close (void)
{
    zseq_kv_destroy (&s_kv);
    zseq_client_destroy (&s_client);
    zseq_cluster_destroy (&s_cluster);
}

TestSuite (kv_mem, .init = s_open_mem, .fini = s_close);
TestSuite (kv_cluster, .init = s_open_cluster, .fini = s_close);
TestSuite (kv_file, .init = s_open_file, .fini = s_close);

#define EVERYWHERE(name)                                                       \
    static void s_test_##name (void);                                          \
    Test (kv_mem, name)                                                        \
    {                                                                          \
        s_test_##name ();                                                      \
    }                                                                          \
    Test (kv_cluster, name)                                                    \
    {                                                                          \
        s_test_##name ();                                                      \
    }                                                                          \
    Test (kv_file, name)                                                       \
    {                                                                          \
        s_test_##name ();                                                      \
    }                                                                          \
    static void s_test_##name (void)

#define ASSERT_RC(call, expected)                                              \
    do {                                                                       \
        int rc_ = (call);                                                      \
        cr_assert_eq (rc_, expected, "%s: %s (%s)", #call,                     \
                      zseq_strerror (rc_), zseq_detail ());                    \
    } while (0)

//  A put that is sent twice because nodes are slow has an answer all the same.
static uint64_t
s_put (const char *key, const char *value)
{
    uint64_t version = 0;
    ASSERT_RC (
      zseq_kv_put (s_kv, key, strlen (key), value, strlen (value), &version),
      ZSEQ_OK);
    return version;
}

//  Asserts that the last call's detail says that.
static void
s_assert_detail (const char *words)
{
    cr_assert (strstr (zseq_detail (), words), "%s", zseq_detail ());
}

//  Asserts that a get shows that value at that version.
static void
s_assert_value (const char *key, const char *value, uint64_t version)
{
    char buffer[ZSEQ_VALUE_MAX];
    zseq_kv_info_t info;
    ASSERT_RC (
      zseq_kv_get (s_kv, key, strlen (key), buffer, sizeof buffer, &info),
      ZSEQ_OK);
    cr_assert_eq (info.version, version);
    cr_assert_eq (info.size, strlen (value));
    cr_assert (memcmp (buffer, value, info.size) == 0);
}

EVERYWHERE (gets_what_was_put)
{
    uint64_t version = s_put ("key", "one");
    cr_assert_geq (version, 1);
    s_assert_value ("key", "one", version);
    uint64_t later = s_put ("key", "two");
    cr_assert_gt (later, version);
    s_assert_value ("key", "two", later);
}

EVERYWHERE (has_no_version_of_a_key_that_was_never_used)
{
    zseq_kv_info_t info = {.size = 9, .version = 9};
    ASSERT_RC (zseq_kv_get (s_kv, "key", 3, NULL, 0, &info), ZSEQ_ENOKEY);
    cr_assert_eq (info.version, 0);
    s_assert_detail ("nothing is stored under it");
    cr_assert_eq (info.size, 0);
    cr_assert (!zseq_kv_unknown ());
}

EVERYWHERE (keeps_the_version_of_a_deletion)
{
    uint64_t version = s_put ("key", "one");
    uint64_t deletion = 0;
    ASSERT_RC (zseq_kv_del (s_kv, "key", 3, ZSEQ_KV_ANY, &deletion), ZSEQ_OK);
    cr_assert_gt (deletion, version);
    zseq_kv_info_t info;
    ASSERT_RC (zseq_kv_get (s_kv, "key", 3, NULL, 0, &info), ZSEQ_ENOKEY);
    cr_assert_eq (info.version, deletion);
    s_assert_detail ("it was deleted at version ");
    ASSERT_RC (zseq_kv_del (s_kv, "key", 3, ZSEQ_KV_ANY, &version),
               ZSEQ_ENOKEY);
    cr_assert_eq (version, deletion);
    cr_assert_gt (s_put ("key", "two"), deletion);
}

EVERYWHERE (replaces_only_the_expected_version)
{
    uint64_t first = s_put ("key", "one");
    uint64_t second = 0;
    ASSERT_RC (zseq_kv_cas (s_kv, "key", 3, first, "two", 3, &second), ZSEQ_OK);
    uint64_t found = 0;
    ASSERT_RC (zseq_kv_cas (s_kv, "key", 3, first, "three", 5, &found),
               ZSEQ_EVERSION);
    char words[80];
    (void) snprintf (words, sizeof words, "it is at version %llu, not %llu",
                     (unsigned long long) second, (unsigned long long) first);
    s_assert_detail (words);
    cr_assert_eq (found, second);
    cr_assert (!zseq_kv_unknown ());
    s_assert_value ("key", "two", second);
}

EVERYWHERE (gets_what_is_there_in_place_of_the_expected_version)
{
    char buffer[8] = "won";
    zseq_kv_info_t info;
    ASSERT_RC (zseq_kv_cas_or_get (s_kv, "key", 3, 7, "won", 3, buffer,
                                   sizeof buffer, &info),
               ZSEQ_ENOKEY);
    cr_assert_eq (info.size, 0);
    cr_assert_eq (info.version, 0);
    ASSERT_RC (zseq_kv_cas_or_get (s_kv, "key", 3, 0, "first", 5, buffer,
                                   sizeof buffer, &info),
               ZSEQ_OK);
    cr_assert_eq (info.size, 5);
    uint64_t first = info.version;
    cr_assert (memcmp (buffer, "won", 3) == 0);
    //  The buffer may be that of the data.
    ASSERT_RC (zseq_kv_cas_or_get (s_kv, "key", 3, 0, buffer, 3, buffer,
                                   sizeof buffer, &info),
               ZSEQ_EVERSION);
    cr_assert_eq (info.size, 5);
    cr_assert_eq (info.version, first);
    cr_assert (memcmp (buffer, "first", 5) == 0);
    cr_assert (!zseq_kv_unknown ());
    ASSERT_RC (zseq_kv_cas_or_get (s_kv, "key", 3, 0, "", 0, buffer, 4, &info),
               ZSEQ_EVERSION);
    cr_assert_eq (info.size, 5);
    cr_assert (memcmp (buffer, "first", 5) == 0);
}

EVERYWHERE (creates_only_what_is_not_there)
{
    uint64_t first = 0;
    ASSERT_RC (zseq_kv_cas (s_kv, "key", 3, 0, "one", 3, &first), ZSEQ_OK);
    uint64_t found = 0;
    ASSERT_RC (zseq_kv_cas (s_kv, "key", 3, 0, "two", 3, &found),
               ZSEQ_EVERSION);
    s_assert_detail ("it is there already, at version ");
    cr_assert_eq (found, first);
    ASSERT_RC (zseq_kv_cas (s_kv, "other", 5, first, "two", 3, &found),
               ZSEQ_ENOKEY);
}

EVERYWHERE (deletes_only_the_expected_version)
{
    uint64_t first = s_put ("key", "one");
    uint64_t second = s_put ("key", "two");
    ASSERT_RC (zseq_kv_del (s_kv, "key", 3, first, NULL), ZSEQ_EVERSION);
    ASSERT_RC (zseq_kv_del (s_kv, "key", 3, second, NULL), ZSEQ_OK);
}

EVERYWHERE (takes_keys_and_values_of_any_bytes)
{
    uint64_t version = 0;
    ASSERT_RC (zseq_kv_put (s_kv, "a\0b", 3, "\0\xff\n", 3, &version), ZSEQ_OK);
    s_put ("a", "other");
    char buffer[8];
    zseq_kv_info_t info;
    ASSERT_RC (zseq_kv_get (s_kv, "a\0b", 3, buffer, sizeof buffer, &info),
               ZSEQ_OK);
    cr_assert_eq (info.size, 3);
    cr_assert (memcmp (buffer, "\0\xff\n", 3) == 0);
}

EVERYWHERE (takes_empty_values)
{
    uint64_t version = s_put ("key", "");
    s_assert_value ("key", "", version);
    ASSERT_RC (zseq_kv_put (s_kv, "key", 3, NULL, 0, &version), ZSEQ_OK);
    s_assert_value ("key", "", version);
}

EVERYWHERE (takes_keys_and_values_up_to_their_limits)
{
    static char value[ZSEQ_VALUE_MAX + 1];
    static char buffer[ZSEQ_VALUE_MAX];
    char key[ZSEQ_KEY_MAX + 1];
    memset (key, 'k', sizeof key);
    memset (value, 'v', sizeof value);
    ASSERT_RC (
      zseq_kv_put (s_kv, key, ZSEQ_KEY_MAX, value, ZSEQ_VALUE_MAX, NULL),
      ZSEQ_OK);
    zseq_kv_info_t info;
    ASSERT_RC (
      zseq_kv_get (s_kv, key, ZSEQ_KEY_MAX, buffer, sizeof buffer, &info),
      ZSEQ_OK);
    cr_assert_eq (info.size, ZSEQ_VALUE_MAX);
    cr_assert (memcmp (buffer, value, info.size) == 0);
    ASSERT_RC (zseq_kv_put (s_kv, key, sizeof key, "", 0, NULL), ZSEQ_EINVAL);
    ASSERT_RC (zseq_kv_put (s_kv, "", 0, "", 0, NULL), ZSEQ_EINVAL);
    ASSERT_RC (zseq_kv_put (s_kv, "k", 1, value, sizeof value, NULL),
               ZSEQ_EVALUE);
    ASSERT_RC (zseq_kv_del (s_kv, "k", 1, 0, NULL), ZSEQ_EINVAL);
}

EVERYWHERE (leaves_a_buffer_alone_that_is_too_small)
{
    uint64_t version = s_put ("key", "value");
    char buffer[4] = "abc";
    zseq_kv_info_t info;
    ASSERT_RC (zseq_kv_get (s_kv, "key", 3, buffer, sizeof buffer, &info),
               ZSEQ_EVALUE);
    s_assert_detail ("the value has 5 bytes, and the buffer 4");
    cr_assert_eq (info.size, 5);
    cr_assert_eq (info.version, version);
    cr_assert_str_eq (buffer, "abc");
}

EVERYWHERE (gets_what_this_handle_has_put_from_one_node_too)
{
    for (int round = 0; round < 20; round++) {
        uint64_t version = s_put ("key", "one");
        char buffer[16];
        zseq_kv_info_t info;
        ASSERT_RC (zseq_kv_stale (s_kv, "key", 3, buffer, sizeof buffer, &info),
                   ZSEQ_OK);
        cr_assert_geq (info.version, version);
    }
}

static void *
s_increment (void *arg)
{
    zseq_kv_t *kv = arg;
    for (int round = 0; round < 50; round++) {
        int rc = ZSEQ_EVERSION;
        while (rc == ZSEQ_EVERSION) {
            int count = 0;
            zseq_kv_info_t info = {.version = 0};
            rc = zseq_kv_get (kv, "count", 5, &count, sizeof count, &info);
            cr_assert (rc == ZSEQ_OK || rc == ZSEQ_ENOKEY, "%s",
                       zseq_detail ());
            uint64_t expected = rc == ZSEQ_OK ? info.version : 0;
            count++;
            rc = zseq_kv_cas (kv, "count", 5, expected, &count, sizeof count,
                              NULL);
        }
        ASSERT_RC (rc, ZSEQ_OK);
    }
    return NULL;
}

EVERYWHERE (lets_threads_count_by_compare_and_set)
{
    pthread_t thread[4];
    zseq_kv_t *kv[4];
    for (int index = 0; index < 4; index++) {
        kv[index] = zseq_kv_new (s_client);
        pthread_create (&thread[index], NULL, s_increment, kv[index]);
    }
    for (int index = 0; index < 4; index++) {
        pthread_join (thread[index], NULL);
        zseq_kv_destroy (&kv[index]);
    }
    int count = 0;
    zseq_kv_info_t info;
    ASSERT_RC (zseq_kv_get (s_kv, "count", 5, &count, sizeof count, &info),
               ZSEQ_OK);
    cr_assert_eq (count, 200);
}

EVERYWHERE (writes_above_a_version_that_was_noted)
{
    uint64_t version = (UINT64_C (1) << 44) + 7;
    ASSERT_RC (zseq_kv_note (s_kv, "key", 3, 0), ZSEQ_EINVAL);
    s_assert_detail ("a version is 1 to 2^63 - 1, not 0");
    ASSERT_RC (zseq_kv_note (s_kv, "", 0, version), ZSEQ_EINVAL);
    ASSERT_RC (zseq_kv_note (s_kv, "key", 3, version), ZSEQ_OK);
    uint64_t later = s_put ("key", "one");
    cr_assert_gt (later, version);
    s_assert_value ("key", "one", later);
    uint64_t other = s_put ("other", "one");
    ASSERT_RC (zseq_kv_note (s_kv, "other", 5, version * 2), ZSEQ_OK);
    zseq_ended_t ended;
    ASSERT_RC (zseq_start_kv_cas (s_kv, "other", 5, other, "two", 3, 7),
               ZSEQ_OK);
    struct pollfd fd = {.fd = zseq_client_fd (s_client), .events = POLLIN};
    while (zseq_client_collect (s_client, &ended, 1) == 0)
        (void) poll (&fd, 1, 100);
    ASSERT_RC (ended.rc, ZSEQ_OK);
    cr_assert_gt (ended.value, version * 2);
}

//  The asynchronous form.

//  Waits until that many calls have ended, and collects them.
static void
s_collect (zseq_ended_t *ended, size_t count)
{
    uint64_t end_ns =
      zseq_history_now_ns () + (uint64_t) ZSEQ_PROCESS_WAIT_MS * 1000000;
    struct pollfd fd = {.fd = zseq_client_fd (s_client), .events = POLLIN};
    size_t got = 0;
    while (got < count) {
        cr_assert_lt (zseq_history_now_ns (), end_ns);
        (void) poll (&fd, 1, 100);
        got += zseq_client_collect (s_client, ended + got, count - got);
    }
}

EVERYWHERE (starts_calls)
{
    zseq_ended_t ended[1];
    char value[] = "one";
    ASSERT_RC (zseq_start_kv_put (s_kv, "key", 3, value, 3, 7), ZSEQ_OK);
    value[0] = '-';
    s_collect (ended, 1);
    ASSERT_RC (ended->rc, ZSEQ_OK);
    cr_assert_eq (ended->tag, 7);
    uint64_t version = ended->value;
    s_assert_value ("key", "one", version);

    char buffer[16];
    ASSERT_RC (zseq_start_kv_get (s_kv, "key", 3, buffer, sizeof buffer, 8),
               ZSEQ_OK);
    s_collect (ended, 1);
    ASSERT_RC (ended->rc, ZSEQ_OK);
    cr_assert_eq (ended->value, version);
    cr_assert_eq (ended->size, 3);
    cr_assert (memcmp (buffer, "one", 3) == 0);

    ASSERT_RC (zseq_start_kv_stale (s_kv, "key", 3, buffer, sizeof buffer, 8),
               ZSEQ_OK);
    s_collect (ended, 1);
    ASSERT_RC (ended->rc, ZSEQ_OK);
    ASSERT_RC (zseq_start_kv_cas (s_kv, "key", 3, 0, "two", 3, 9), ZSEQ_OK);
    s_collect (ended, 1);
    cr_assert_eq (ended->rc, ZSEQ_EVERSION);
    cr_assert_eq (ended->value, version);
    cr_assert (!ended->unknown);
    cr_assert (strstr (ended->detail, "there already"), "%s", ended->detail);
    memset (buffer, 0, sizeof buffer);
    ASSERT_RC (zseq_start_kv_cas_or_get (s_kv, "key", 3, 0, "two", 3, buffer,
                                         sizeof buffer, 9),
               ZSEQ_OK);
    s_collect (ended, 1);
    cr_assert_eq (ended->rc, ZSEQ_EVERSION);
    cr_assert_eq (ended->value, version);
    cr_assert_eq (ended->size, 3);
    cr_assert (memcmp (buffer, "one", 3) == 0);
    ASSERT_RC (zseq_start_kv_del (s_kv, "key", 3, ZSEQ_KV_ANY, 10), ZSEQ_OK);
    s_collect (ended, 1);
    ASSERT_RC (ended->rc, ZSEQ_OK);
    cr_assert_gt (ended->value, version);
}

EVERYWHERE (starts_no_call_with_wrong_arguments)
{
    ASSERT_RC (zseq_start_kv_put (s_kv, "", 0, "one", 3, 7), ZSEQ_EINVAL);
    ASSERT_RC (zseq_start_kv_del (s_kv, "key", 3, 0, 7), ZSEQ_EINVAL);
    zseq_ended_t ended;
    cr_assert_eq (zseq_client_collect (s_client, &ended, 1), 0);
}

EVERYWHERE (has_many_calls_at_once)
{
    enum { COUNT = 500 };
    static zseq_ended_t ended[COUNT];
    for (uint64_t index = 0; index < COUNT; index++)
        ASSERT_RC (zseq_start_kv_put (s_kv, &index, sizeof index, &index,
                                      sizeof index, index),
                   ZSEQ_OK);
    s_collect (ended, COUNT);
    for (size_t index = 0; index < COUNT; index++)
        cr_assert_eq (ended[index].rc, ZSEQ_OK, "%s", ended[index].detail);
    static uint64_t values[COUNT];
    for (uint64_t index = 0; index < COUNT; index++)
        ASSERT_RC (zseq_start_kv_get (s_kv, &index, sizeof index,
                                      &values[index], sizeof values[index],
                                      index),
                   ZSEQ_OK);
    s_collect (ended, COUNT);
    for (uint64_t index = 0; index < COUNT; index++)
        cr_assert_eq (values[index], index);
}

EVERYWHERE (fails_in_a_forked_child)
{
    s_put ("key", "one");
    pid_t child = fork ();
    if (child == 0) {
        zseq_kv_info_t info;
        int rc = zseq_kv_get (s_kv, "key", 3, NULL, 0, &info);
        zseq_kv_destroy (&s_kv);
        _exit (rc == ZSEQ_EFORKED ? 0 : 1);
    }
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert_eq (status, 0);
}

EVERYWHERE (fails_once_the_client_is_destroyed)
{
    zseq_client_destroy (&s_client);
    zseq_kv_info_t info;
    ASSERT_RC (zseq_kv_get (s_kv, "key", 3, NULL, 0, &info), ZSEQ_ECLOSED);
}

//  What a restart leaves.

//  Puts many keys, and deletes some of them again.
static void
s_fill (uint64_t *versions, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        char key[32];
        snprintf (key, sizeof key, "key-%zu", index);
        versions[index] = s_put (key, key);
        if (index % 5 == 0)
            ASSERT_RC (zseq_kv_del (s_kv, key, strlen (key), versions[index],
                                    &versions[index]),
                       ZSEQ_OK);
    }
}

//  Asserts that all is as _fill has left it.
static void
s_assert_filled (const uint64_t *versions, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        char key[32];
        snprintf (key, sizeof key, "key-%zu", index);
        if (index % 5) {
            s_assert_value (key, key, versions[index]);
            continue;
        }
        zseq_kv_info_t info;
        ASSERT_RC (zseq_kv_get (s_kv, key, strlen (key), NULL, 0, &info),
                   ZSEQ_ENOKEY);
        cr_assert_eq (info.version, versions[index]);
    }
}

Test (kv_cluster, keeps_all_when_all_nodes_stop)
{
    uint64_t versions[100];
    s_fill (versions, 100);
    for (size_t node = 0; node < 3; node++)
        cr_assert_eq (zseq_cluster_stop (s_cluster, node, SIGTERM), 0);
    for (size_t node = 0; node < 3; node++)
        cr_assert_eq (
          zseq_cluster_run (s_cluster, node, "verify", "--data",
                            zseq_cluster_directory (s_cluster, node), NULL),
          0);
    zseq_cluster_start_all (s_cluster);
    s_assert_filled (versions, 100);
    s_fill (versions, 100);
    s_assert_filled (versions, 100);
}

Test (kv_cluster, keeps_all_when_all_nodes_are_killed)
{
    uint64_t versions[100];
    for (int round = 0; round < 3; round++) {
        s_fill (versions, 100);
        for (size_t node = 0; node < 3; node++)
            zseq_cluster_kill (s_cluster, node);
        zseq_cluster_start_all (s_cluster);
        s_assert_filled (versions, 100);
    }
}

Test (kv_cluster, goes_on_without_one_node)
{
    uint64_t versions[100];
    s_fill (versions, 100);
    zseq_cluster_kill (s_cluster, 0);
    s_assert_filled (versions, 100);
    s_fill (versions, 100);
    zseq_cluster_start (s_cluster, 0);
    zseq_cluster_kill (s_cluster, 1);
    s_assert_filled (versions, 100);
}

//  Node c has lost what it has accepted, and b has never had it: until c has
//  copied it from a, the two must not pass for a quorum that has nothing.
Test (kv_cluster, counts_no_node_that_has_lost_its_keys)
{
    zseq_cluster_kill (s_cluster, 1);
    uint64_t version = s_put ("key", "one");
    zseq_cluster_kill (s_cluster, 2);
    zseq_cluster_lose (s_cluster, 2);
    zseq_cluster_start (s_cluster, 1);
    cr_assert_eq (zseq_cluster_run (s_cluster, 2, "recover", "--data",
                                    zseq_cluster_directory (s_cluster, 2),
                                    "--name", "c", "--cluster", "net",
                                    "--members",
                                    zseq_cluster_members (s_cluster), NULL),
                  0);
    zseq_cluster_start (s_cluster, 2);
    s_assert_value ("key", "one", version);

    zseq_cluster_kill (s_cluster, 0);
    snprintf (s_uri, sizeof s_uri, "%s?timeout=1000",
              zseq_cluster_uri (s_cluster));
    zseq_client_t *client = zseq_client_new (s_uri);
    zseq_kv_t *kv = zseq_kv_new (client);
    zseq_kv_info_t info;
    int rc = zseq_kv_get (kv, "key", 3, NULL, 0, &info);
    cr_assert_neq (rc, ZSEQ_ENOKEY);
    if (rc == ZSEQ_OK)
        cr_assert_eq (info.version, version);
    zseq_kv_destroy (&kv);
    zseq_client_destroy (&client);
    zseq_cluster_start (s_cluster, 0);
    s_assert_value ("key", "one", version);
}

Test (kv_file, keeps_all_when_the_client_is_closed)
{
    uint64_t versions[100];
    s_fill (versions, 100);
    zseq_kv_destroy (&s_kv);
    zseq_client_destroy (&s_client);
    s_open (s_uri);
    s_assert_filled (versions, 100);
}

//  Without a store.

Test (kv_none, flakes_have_no_store)
{
    zseq_client_t *client = zseq_client_new ("flake:1");
    cr_assert_null (zseq_kv_new (client));
    cr_assert_eq (zseq_errno (), ZSEQ_EINVAL);
    cr_assert (strstr (zseq_detail (), "file:"), "%s", zseq_detail ());
    zseq_client_destroy (&client);
}

Test (kv_none, is_unavailable_without_nodes)
{
    zseq_client_t *client = zseq_client_new ("tcp://127.0.0.1:1?timeout=100");
    zseq_kv_t *kv = zseq_kv_new (client);
    cr_assert (kv);
    zseq_kv_info_t info;
    ASSERT_RC (zseq_kv_get (kv, "key", 3, NULL, 0, &info), ZSEQ_EUNAVAILABLE);
    ASSERT_RC (zseq_kv_put (kv, "key", 3, "one", 3, NULL), ZSEQ_EUNAVAILABLE);
    cr_assert (!zseq_kv_unknown ());
    cr_assert (strstr (zseq_detail (), "nothing was written"), "%s",
               zseq_detail ());
    zseq_kv_destroy (&kv);
    zseq_client_destroy (&client);
}

//  Listing.

typedef struct {
    char text[256];
    size_t count;
    size_t most;  //  Ends the listing; 0: never
} s_listed_t;

//  Adds an entry to the text, as key=value.
static int
s_add (const zseq_kv_entry_t *entry, void *arg)
{
    s_listed_t *listed = arg;
    size_t used = strlen (listed->text);
    cr_assert_geq (entry->version, 1);
    if (used < sizeof listed->text - 32)
        snprintf (listed->text + used, sizeof listed->text - used, "%.*s=%.*s ",
                  (int) entry->key_size, (const char *) entry->key,
                  (int) entry->size,
                  entry->data ? (const char *) entry->data : "");
    cr_assert (entry->data || entry->size == 0);
    return ++listed->count == listed->most;
}

static void
s_assert_list (const char *prefix, const char *after, const char *expected)
{
    s_listed_t listed = {.count = 0};
    ASSERT_RC (zseq_kv_list (s_kv, prefix, strlen (prefix), after,
                             strlen (after), s_add, &listed),
               ZSEQ_OK);
    cr_assert_str_eq (listed.text, expected);
}

EVERYWHERE (lists_keys_with_their_values)
{
    s_put ("b", "2");
    s_put ("a", "1");
    s_put ("ab", "");
    s_put ("gone", "3");
    ASSERT_RC (zseq_kv_del (s_kv, "gone", 4, ZSEQ_KV_ANY, NULL), ZSEQ_OK);
    s_assert_list ("", "", "a=1 ab= b=2 ");
    s_assert_list ("a", "", "a=1 ab= ");
    s_assert_list ("", "a", "ab= b=2 ");
    s_assert_list ("a", "a", "ab= ");
    s_assert_list ("c", "", "");
    s_listed_t listed = {.count = 0};
    ASSERT_RC (zseq_kv_keys (s_kv, "b", 1, "", 0, s_add, &listed), ZSEQ_OK);
    cr_assert_str_eq (listed.text, "b= ");
}

EVERYWHERE (ends_a_listing_when_asked_to)
{
    s_put ("a", "1");
    s_put ("b", "2");
    s_listed_t listed = {.most = 1};
    ASSERT_RC (zseq_kv_list (s_kv, "", 0, "", 0, s_add, &listed), ZSEQ_OK);
    cr_assert_str_eq (listed.text, "a=1 ");
}

EVERYWHERE (lists_more_keys_than_a_page_has)
{
    enum { COUNT = 700 };
    static zseq_ended_t ended[COUNT];
    for (uint64_t index = 0; index < COUNT; index++)
        ASSERT_RC (zseq_start_kv_put (s_kv, &index, sizeof index, &index,
                                      sizeof index, index),
                   ZSEQ_OK);
    s_collect (ended, COUNT);
    s_listed_t listed = {.count = 0};
    ASSERT_RC (zseq_kv_list (s_kv, NULL, 0, NULL, 0, s_add, &listed), ZSEQ_OK);
    cr_assert_eq (listed.count, COUNT);
}

EVERYWHERE (lists_nothing_with_wrong_arguments)
{
    char key[ZSEQ_KEY_MAX + 1] = "";
    s_listed_t listed = {.count = 0};
    ASSERT_RC (zseq_kv_list (s_kv, key, sizeof key, NULL, 0, s_add, &listed),
               ZSEQ_EINVAL);
    s_assert_detail (
      "the prefix or the key after which to begin is longer than 255 bytes");
    ASSERT_RC (zseq_kv_keys (s_kv, NULL, 0, key, sizeof key, s_add, &listed),
               ZSEQ_EINVAL);
}

//  Watching.

EVERYWHERE (watch_returns_at_once_what_is_newer)
{
    uint64_t version = s_put ("key", "one");
    char buffer[8];
    zseq_kv_info_t info;
    ASSERT_RC (
      zseq_kv_watch (s_kv, "key", 3, version - 1, buffer, sizeof buffer, &info),
      ZSEQ_OK);
    cr_assert_eq (info.version, version);
    cr_assert_eq (info.size, 3);
    uint64_t deletion;
    ASSERT_RC (zseq_kv_del (s_kv, "key", 3, version, &deletion), ZSEQ_OK);
    ASSERT_RC (zseq_kv_watch (s_kv, "key", 3, version, NULL, 0, &info),
               ZSEQ_ENOKEY);
    cr_assert_eq (info.version, deletion);
}

EVERYWHERE (watch_ends_at_its_deadline)
{
    uint64_t version = s_put ("key", "one");
    ASSERT_RC (zseq_kv_set_timeout (s_kv, 100), ZSEQ_OK);
    zseq_kv_info_t info;
    ASSERT_RC (zseq_kv_watch (s_kv, "key", 3, version, NULL, 0, &info),
               ZSEQ_ETIMEOUT);
    s_assert_detail ("it had no version above ");
    ASSERT_RC (zseq_kv_watch (s_kv, "none", 4, 0, NULL, 0, &info),
               ZSEQ_ETIMEOUT);
}

//  Counts a key up to 100.
static void *
s_count_up (void *arg)
{
    zseq_kv_t *kv = arg;
    for (int count = 1; count <= 100; count++)
        ASSERT_RC (zseq_kv_put (kv, "key", 3, &count, sizeof count, NULL),
                   ZSEQ_OK);
    return NULL;
}

EVERYWHERE (watch_follows_a_key_to_its_last_version)
{
    pthread_t thread;
    zseq_kv_t *kv = zseq_kv_new (s_client);
    pthread_create (&thread, NULL, s_count_up, kv);
    int count = 0;
    zseq_kv_info_t info = {.version = 0};
    while (count < 100) {
        int before = count;
        uint64_t version = info.version;
        ASSERT_RC (
          zseq_kv_watch (s_kv, "key", 3, version, &count, sizeof count, &info),
          ZSEQ_OK);
        cr_assert_gt (info.version, version);
        cr_assert_gt (count, before);
    }
    pthread_join (thread, NULL);
    zseq_kv_destroy (&kv);
}

EVERYWHERE (starts_watches)
{
    char buffer[8];
    zseq_ended_t ended[2];
    ASSERT_RC (
      zseq_start_kv_watch (s_kv, "key", 3, 0, buffer, sizeof buffer, 7),
      ZSEQ_OK);
    ASSERT_RC (zseq_start_kv_put (s_kv, "key", 3, "one", 3, 8), ZSEQ_OK);
    s_collect (ended, 2);
    const zseq_ended_t *watch = &ended[ended[1].tag == 7];
    ASSERT_RC (watch->rc, ZSEQ_OK);
    cr_assert_eq (watch->value, ended[ended[1].tag == 8].value);
    cr_assert_eq (watch->size, 3);
    cr_assert (memcmp (buffer, "one", 3) == 0);
}

static void *
s_watch_nothing (void *arg)
{
    zseq_kv_info_t info;
    (void) arg;
    int rc = zseq_kv_watch (s_kv, "key", 3, 0, NULL, 0, &info);
    cr_assert (rc == ZSEQ_ECLOSED || rc == ZSEQ_ETIMEOUT, "%s",
               zseq_strerror (rc));
    return NULL;
}

EVERYWHERE (destroying_the_client_ends_a_watch)
{
    pthread_t thread;
    ASSERT_RC (zseq_kv_set_timeout (s_kv, 60000), ZSEQ_OK);
    pthread_create (&thread, NULL, s_watch_nothing, NULL);
    zseq_client_destroy (&s_client);
    pthread_join (thread, NULL);
}
