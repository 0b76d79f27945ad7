//  zseqd as a process: its exit codes and messages, which directories and
//  member lists it refuses, and, seen by strace, that it answers a claim only
//  after the claim is durable (S8).

#include "zseq_cluster.h"
#include "zseq_process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t
s_claim (const char *uri, const char *name, uint64_t count)
{
    zseq_client_t *client = zseq_client_new (uri);
    zseq_t *seq = zseq_new (client, name);
    uint64_t first = 0;
    int rc = zseq_next_range (seq, count, &first);
    cr_assert_eq (rc, ZSEQ_OK, "%s: %s", zseq_strerror (rc), zseq_detail ());
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
    return first;
}

static void
s_assert_logged (const zseq_cluster_t *cluster, size_t node, const char *text)
{
    cr_assert (zseq_cluster_logged (cluster, node, text), "no \"%s\"", text);
}

static void
s_end_on (int signal)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (cluster);
    s_claim (zseq_cluster_uri (cluster), "orders", 10);
    for (size_t node = 0; node < 3; node++)
        cr_assert_eq (zseq_cluster_stop (cluster, node, signal), 0);
    zseq_cluster_destroy (&cluster);
}

Test (daemon, ends_with_0_on_sigterm)
{
    s_end_on (SIGTERM);
}

Test (daemon, ends_with_0_on_sigint)
{
    s_end_on (SIGINT);
}

Test (daemon, ends_with_0_on_sigterm_before_its_formation)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_spawn (cluster, 0);
    zseq_status_t status;
    zseq_client_t *client = zseq_client_new (zseq_cluster_uri (cluster));
    int rc;
    do
        rc = zseq_client_status (client, &status);
    while (rc == ZSEQ_EUNAVAILABLE);
    cr_assert_eq (rc, ZSEQ_OK, "%s", zseq_detail ());
    zseq_client_destroy (&client);
    cr_assert_eq (zseq_cluster_stop (cluster, 0, SIGTERM), 0);
    zseq_cluster_destroy (&cluster);
}

Test (daemon, refuses_a_directory_that_another_one_uses)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 1, NULL);
    zseq_cluster_start_all (cluster);
    const char *directory = zseq_cluster_directory (cluster, 0);
    off_t offset = zseq_process_size (zseq_cluster_log (cluster, 0));
    cr_assert_neq (
      zseq_cluster_run (cluster, 0, "start", "--data", directory, NULL), 0);
    char *log = zseq_process_read (zseq_cluster_log (cluster, 0), offset);
    cr_assert (strstr (log, directory), "%s", log);
    cr_assert (strstr (log, zseq_strerror (ZSEQ_ELOCKED)), "%s", log);
    free (log);
    //  The first one still works.
    cr_assert_eq (s_claim (zseq_cluster_uri (cluster), "orders", 1), 1);
    zseq_cluster_destroy (&cluster);
}

Test (daemon, formats_no_directory_twice)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 1, NULL);
    const char *directory = zseq_cluster_directory (cluster, 0);
    cr_assert_neq (zseq_cluster_run (cluster, 0, "format", "--data", directory,
                                     "--name", "a", "--cluster", "net",
                                     "--members",
                                     zseq_cluster_members (cluster), NULL),
                   0);
    s_assert_logged (cluster, 0, directory);
    s_assert_logged (cluster, 0, zseq_strerror (ZSEQ_EEXIST));
    zseq_cluster_start_all (cluster);
    zseq_cluster_destroy (&cluster);
}

Test (daemon, never_begins_at_1_in_an_empty_directory)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (cluster);
    s_claim (zseq_cluster_uri (cluster), "orders", 10);
    zseq_cluster_kill (cluster, 2);
    zseq_cluster_lose (cluster, 2);
    const char *directory = zseq_cluster_directory (cluster, 2);
    cr_assert_neq (
      zseq_cluster_run (cluster, 2, "start", "--data", directory, NULL), 0);
    s_assert_logged (cluster, 2, directory);
    cr_assert_neq (access (directory, F_OK), 0);
    zseq_cluster_destroy (&cluster);
}

Test (daemon, formatted_again_over_a_lost_disk_is_objected_to)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (cluster);
    s_claim (zseq_cluster_uri (cluster), "orders", 10);
    zseq_cluster_kill (cluster, 2);
    zseq_cluster_lose (cluster, 2);
    zseq_cluster_format (cluster, 2);
    zseq_cluster_spawn (cluster, 2);
    cr_assert_neq (zseq_cluster_wait (cluster, 2), 0);
    s_assert_logged (cluster, 2, "another incarnation of node c");
    s_assert_logged (cluster, 2, "formatted again over a lost disk");
    cr_assert_gt (s_claim (zseq_cluster_uri (cluster), "orders", 1), 10);
    zseq_cluster_destroy (&cluster);
}

Test (daemon, formatted_again_before_all_were_seen_is_objected_to)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_spawn (cluster, 0);
    zseq_cluster_spawn (cluster, 1);
    //  Two nodes have seen each other when they miss only the third.
    zseq_client_t *client =
      zseq_client_new (zseq_cluster_endpoint (cluster, 0));
    zseq_status_t status = {0};
    while (!strstr (status.node[0].state, "has not met c"))
        (void) zseq_client_status (client, &status);
    zseq_client_destroy (&client);
    zseq_cluster_kill (cluster, 1);
    zseq_cluster_lose (cluster, 1);
    zseq_cluster_format (cluster, 1);
    zseq_cluster_spawn (cluster, 1);
    cr_assert_neq (zseq_cluster_wait (cluster, 1), 0);
    s_assert_logged (cluster, 1, "formatted again over a lost disk");
    zseq_cluster_destroy (&cluster);
}

//  The node that is answered first ends. The other may have its own answer by
//  then, and end too; or it may not, and wait. Both log why, and neither votes.
Test (daemon, formatted_with_another_member_list_says_so)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 2, NULL);
    char members[ZSEQ_CLUSTER_URI_MAX];
    snprintf (members, sizeof members, "%s,c=tcp://127.0.0.1:9",
              zseq_cluster_members (cluster));
    zseq_cluster_lose (cluster, 1);
    int status = zseq_cluster_run (
      cluster, 1, "format", "--data", zseq_cluster_directory (cluster, 1),
      "--name", "b", "--cluster", "net", "--members", members, NULL);
    cr_assert_eq (status, 0);
    zseq_cluster_spawn (cluster, 0);
    zseq_cluster_spawn (cluster, 1);

    size_t ended = zseq_cluster_wait_any (cluster, &status);
    cr_assert_neq (status, 0);
    (void) zseq_cluster_stop (cluster, 1 - ended, SIGTERM);
    for (size_t node = 0; node < 2; node++) {
        s_assert_logged (cluster, node, "another member list");
        cr_assert_not (zseq_cluster_logged (cluster, node, "ready"));
    }
    zseq_cluster_destroy (&cluster);
}

Test (daemon, refuses_the_directory_of_another_node_or_cluster)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 2, NULL);
    const char *directory = zseq_cluster_directory (cluster, 0);
    const char *members = zseq_cluster_members (cluster);
    cr_assert_neq (zseq_cluster_run (cluster, 0, "start", "--data", directory,
                                     "--name", "b", NULL),
                   0);
    s_assert_logged (cluster, 0, "belongs to node a, not to b");
    cr_assert_neq (zseq_cluster_run (cluster, 0, "start", "--data", directory,
                                     "--cluster", "other", NULL),
                   0);
    s_assert_logged (cluster, 0, "belongs to cluster net, not to other");
    char more[ZSEQ_CLUSTER_URI_MAX];
    snprintf (more, sizeof more, "%s,c=tcp://127.0.0.1:9", members);
    cr_assert_neq (zseq_cluster_run (cluster, 0, "start", "--data", directory,
                                     "--members", more, NULL),
                   0);
    s_assert_logged (cluster, 0, "was formatted for 2 members");
    zseq_cluster_start_all (cluster);
    zseq_cluster_destroy (&cluster);
}

Test (daemon, refuses_malformed_member_lists)
{
    static const char *bad[] = {
      "",
      ",",
      "a",
      "a=",
      "=tcp://127.0.0.1:9",
      "a=tcp://127.0.0.1",
      "a=tcp://127.0.0.1:0",
      "a=tcp://127.0.0.1:65536",
      "a=tcp://:9",
      "a=udp://127.0.0.1:9",
      "a=127.0.0.1:9",
      "a=tcp://127.0.0.1:9,",
      "a=tcp://127.0.0.1:9,b",
      "a=tcp://127.0.0.1:9,a=tcp://127.0.0.1:10",
      "a=tcp://127.0.0.1:9,b=tcp://127.0.0.1:9",
      "b=tcp://127.0.0.1:9,c=tcp://127.0.0.1:10",
      "a=tcp://127.0.0.1:9,-=tcp://127.0.0.1:10",
      ("a=tcp://h:1,b=tcp://h:2,c=tcp://h:3,d=tcp://h:4,e=tcp://h:5,"
       "f=tcp://h:6,g=tcp://h:7,h=tcp://h:8,i=tcp://h:9,j=tcp://h:10"),
    };
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 1, NULL);
    char directory[256];
    snprintf (directory, sizeof directory, "%s/new",
              zseq_cluster_path (cluster));
    for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++) {
        cr_assert_eq (zseq_cluster_run (cluster, 0, "format", "--data",
                                        directory, "--name", "a", "--cluster",
                                        "net", "--members", bad[index], NULL),
                      1, "%s", bad[index]);
        cr_assert_neq (access (directory, F_OK), 0, "%s", bad[index]);
    }
    zseq_cluster_destroy (&cluster);
}

//  The order of system calls, as strace shows it.

typedef struct {
    int pid;
    size_t start;  //  Lines where it began and ended
    size_t end;
    char text[2048];
} s_call_t;

#define S_CALLS_MAX 512
#define S_RUNNING SIZE_MAX

typedef struct {
    s_call_t call[S_CALLS_MAX];
    size_t count;
    char *trace;
} s_trace_t;

//  A line begins with the thread's number. Where threads run at the same time,
//  a call is cut in two: "... <unfinished ...>" and "<... write resumed> ...".
static void
s_trace_line (s_trace_t *self, size_t number, const char *line)
{
    int pid = 0;
    int skip = 0;
    if (sscanf (line, "%d %n", &pid, &skip) != 1)
        return;
    line += skip;
    if (strncmp (line, "<... ", 5) == 0) {
        for (size_t index = self->count; index > 0; index--) {
            s_call_t *call = &self->call[index - 1];
            if (call->pid == pid && call->end == S_RUNNING) {
                call->end = number;
                return;
            }
        }
        return;
    }
    cr_assert_lt (self->count, S_CALLS_MAX);
    s_call_t *call = &self->call[self->count++];
    bool running =
      strstr (line, " <unfinished ...>") || strstr (line, " <detached ...>");
    call->pid = pid;
    call->start = number;
    call->end = running ? S_RUNNING : number;
    snprintf (call->text, sizeof call->text, "%s", line);
}

static void
s_trace_read (s_trace_t *self, const char *path)
{
    memset (self, 0, sizeof *self);
    self->trace = zseq_process_read (path, 0);
    char *text = strdup (self->trace);
    char *rest = text;
    char *line;
    for (size_t number = 1; (line = strsep (&rest, "\n")); number++)
        s_trace_line (self, number, line);
    free (text);
}

//  The first call after line number after that begins with one of the names,
//  separated by blanks, and contains text.
static const s_call_t *
s_trace_find (const s_trace_t *self, size_t after, const char *names,
              const char *text)
{
    for (size_t index = 0; index < self->count; index++) {
        const s_call_t *call = &self->call[index];
        char name[64];
        snprintf (name, sizeof name, " %.*s ", (int) strcspn (call->text, "("),
                  call->text);
        if (call->start > after && strstr (names, name) &&
            strstr (call->text, text))
            return call;
    }
    cr_assert_fail ("no%s with %s after line %zu of\n%s", names, text, after,
                    self->trace);
    return NULL;
}

#define S_OPEN " openat "
#define S_WRITE " write pwrite64 writev pwritev "
#define S_SYNC " fsync "
#define S_RENAME " rename renameat renameat2 "
#define S_SEND " sendto sendmsg write writev "

//  The name of the temporary file that openat made.
static void
s_temporary (const s_call_t *open, char *name, size_t size)
{
    const char *begin = strchr (open->text, '"');
    cr_assert (begin, "%s", open->text);
    const char *end = strchr (begin + 1, '"');
    cr_assert (end, "%s", open->text);
    for (const char *slash = begin; slash < end; slash++)
        if (*slash == '/')
            begin = slash;
    snprintf (name, size, "%.*s", (int) (end - begin - 1), begin + 1);
}

//  The directory of a file that fsync was called on: "fsync(7</dir/file>".
static void
s_directory_of (const s_call_t *sync, char *directory, size_t size)
{
    const char *begin = strchr (sync->text, '<');
    cr_assert (begin, "%s", sync->text);
    const char *end = strrchr (begin, '/');
    cr_assert (end, "%s", sync->text);
    snprintf (directory, size, "%.*s>", (int) (end - begin), begin);
}

//  S8, seen from outside. The claim's count can be found in the reply's bytes.
#define S_TELLTALE 0x01020304
#define S_TELLTALE_BYTES "\\xce\\x01\\x02\\x03\\x04"

static void
s_assert_durable_before_reply (const s_trace_t *trace)
{
    char name[256];
    char text[512];
    const s_call_t *call = s_trace_find (trace, 0, S_OPEN, "O_EXCL");
    cr_assert (strstr (call->text, "O_NOFOLLOW"), "%s", call->text);
    s_temporary (call, name, sizeof name);

    snprintf (text, sizeof text, "/%s>", name);
    call = s_trace_find (trace, call->start, S_WRITE, text);
    call = s_trace_find (trace, call->end, S_SYNC, text);
    char directory[512];
    s_directory_of (call, directory, sizeof directory);
    snprintf (text, sizeof text, "%s\"", name);
    call = s_trace_find (trace, call->end, S_RENAME, text);
    const s_call_t *durable =
      s_trace_find (trace, call->end, S_SYNC, directory);

    //  Then the name, which is new, in the journal.
    call = s_trace_find (trace, durable->end, S_WRITE, "/names>");
    call = s_trace_find (trace, call->end, S_SYNC, "/names>");
    call = s_trace_find (trace, call->end, S_WRITE, "/names-copy>");
    call = s_trace_find (trace, call->end, S_SYNC, "/names-copy>");

    //  Nothing with these bytes left before.
    const s_call_t *reply = NULL;
    for (size_t index = 0; index < trace->count && !reply; index++)
        if (strstr (trace->call[index].text, "TCP:[") &&
            strstr (trace->call[index].text, S_TELLTALE_BYTES))
            reply = &trace->call[index];
    cr_assert (reply, "no reply in\n%s", trace->trace);
    cr_assert_gt (reply->start, call->end, "replied too early:\n%s",
                  trace->trace);
}

Test (daemon, replies_after_write_fsync_rename_and_fsync_of_the_directory)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 1, NULL);
    zseq_cluster_start_all (cluster);
    const char *uri = zseq_cluster_uri (cluster);
    s_claim (uri, "before", 1);

    char path[256];
    char log[256];
    char pid[16];
    snprintf (path, sizeof path, "%s/trace", zseq_cluster_path (cluster));
    snprintf (log, sizeof log, "%s/strace.log", zseq_cluster_path (cluster));
    snprintf (pid, sizeof pid, "%d", zseq_cluster_pid (cluster, 0));
    const char *argv[] = {
      "strace",
      "-f",
      "-yy",
      "-x",
      "-s",
      "512",
      "-o",
      path,
      "-e",
      "trace=openat,write,pwrite64,writev,pwritev,fsync,rename,renameat,"
      "renameat2,sendto,sendmsg",
      "-p",
      pid,
      NULL};
    pid_t strace = zseq_process_exec (argv, log);
    if (!zseq_process_says (strace, log, 0, "attached")) {
        char *why = zseq_process_read (log, 0);
        zseq_process_wait (strace);
        zseq_cluster_destroy (&cluster);
        cr_skip_test ("strace does not work here: %s", why);
    }
    cr_assert_eq (s_claim (uri, "traced", S_TELLTALE), 1);
    kill (strace, SIGINT);
    zseq_process_wait (strace);

    static s_trace_t trace;
    s_trace_read (&trace, path);
    s_assert_durable_before_reply (&trace);
    free (trace.trace);
    zseq_cluster_destroy (&cluster);
}
