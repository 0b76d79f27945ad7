//  The local node of a file: URI: all calls of a client on a directory, without
//  a server and without sockets. In order: a fresh directory, all calls, other
//  processes that use the directory, zseqd on the same directory, directories
//  that are damaged or belong to something else, and disks that fail.
//
//  Each test runs in a temporary directory of its own (s_root).

#include "zseq_cluster.h"
#include "zseq_process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define S_PATH_MAX 256

//  The test's temporary directory.

static char s_root[] = "/tmp/zseq-local-XXXXXX";

static void
s_set_up (void)
{
    cr_assert (mkdtemp (s_root));
}

static int
s_remove (const char *path, const struct stat *status, int type,
          struct FTW *walk)
{
    (void) status;
    (void) type;
    (void) walk;
    return remove (path);
}

static void
s_remove_all (const char *path)
{
    nftw (path, s_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void
s_tear_down (void)
{
    s_remove_all (s_root);
}

TestSuite (local, .init = s_set_up, .fini = s_tear_down);

//  A client of the directory of that name, and a handle.
typedef struct {
    char path[S_PATH_MAX];  //  The directory's
    zseq_client_t *client;
    zseq_t *orders;
} s_node_t;

static void
s_open_path (s_node_t *self, const char *path, const char *options)
{
    char uri[S_PATH_MAX + 64];
    snprintf (self->path, sizeof self->path, "%s", path);
    snprintf (uri, sizeof uri, "file:%s?%s", path, options);
    self->client = zseq_client_new (uri);
    cr_assert (self->client, "%s", zseq_detail ());
    self->orders = zseq_new (self->client, "orders");
    cr_assert (self->orders);
}

static void
s_open (s_node_t *self, const char *name)
{
    char path[S_PATH_MAX];
    snprintf (path, sizeof path, "%s/%s", s_root, name);
    s_open_path (self, path, "timeout=60000");
}

static void
s_close (s_node_t *self)
{
    zseq_destroy (&self->orders);
    zseq_client_destroy (&self->client);
}

static uint64_t
s_next (s_node_t *self)
{
    uint64_t id = 0;
    int rc = zseq_next (self->orders, &id);
    cr_assert_eq (rc, ZSEQ_OK, "%s: %s", zseq_strerror (rc), zseq_detail ());
    return id;
}

static uint64_t
s_peek (s_node_t *self)
{
    uint64_t next = 0;
    int rc = zseq_peek (self->orders, &next);
    cr_assert_eq (rc, ZSEQ_OK, "%s: %s", zseq_strerror (rc), zseq_detail ());
    return next;
}

//  Checks that the next ID is refused with that error and detail.
static void
s_assert_fails (s_node_t *self, int error, const char *what)
{
    uint64_t id = 0;
    int rc = zseq_next (self->orders, &id);
    cr_assert_eq (rc, error, "%s: %s", zseq_strerror (rc), zseq_detail ());
    cr_assert (strstr (zseq_detail (), what), "no \"%s\" in: %s", what,
               zseq_detail ());
    cr_assert_eq (id, 0);
}

Test (local, begins_at_1_where_nothing_is)
{
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 1);
    cr_assert_eq (s_next (&node), 2);
    s_close (&node);
}

Test (local, begins_at_1_in_an_empty_directory)
{
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (mkdir (node.path, 0700), 0);
    cr_assert_eq (s_next (&node), 1);
    s_close (&node);
}

Test (local, is_dense_over_close_and_reopen)
{
    uint64_t expected = 1;
    for (size_t run = 0; run < 4; run++) {
        s_node_t node;
        s_open (&node, "ids");
        //  Enough for a reserve, which must be given back.
        for (size_t count = 0; count < 2000; count++)
            cr_assert_eq (s_next (&node), expected++);
        s_close (&node);
    }
}

Test (local, does_nothing_before_the_first_call)
{
    s_node_t node;
    s_open (&node, "ids");
    s_close (&node);
    cr_assert_neq (access (node.path, F_OK), 0);
}

Test (local, makes_no_parents)
{
    s_node_t node;
    s_open (&node, "no/ids");
    s_assert_fails (&node, ZSEQ_EIO, "parent does not exist");
    s_assert_fails (&node, ZSEQ_EIO, node.path);
    //  The call may be repeated.
    char parent[S_PATH_MAX];
    snprintf (parent, sizeof parent, "%s/no", s_root);
    cr_assert_eq (mkdir (parent, 0700), 0);
    cr_assert_eq (s_next (&node), 1);
    s_close (&node);
}

Test (local, refuses_what_is_no_directory)
{
    s_node_t node;
    s_open (&node, "ids");
    int fd = open (node.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_neq (fd, -1);
    close (fd);
    s_assert_fails (&node, ZSEQ_EIO, node.path);
    s_close (&node);
}

Test (local, takes_no_quorum_but_1)
{
    s_node_t node;
    s_open (&node, "ids");
    //  Each by itself: one node cannot give two replies.
    cr_assert_eq (zseq_client_set_quorum (node.client, 2, 0), ZSEQ_OK);
    s_assert_fails (&node, ZSEQ_EQUORUM, "one node");
    cr_assert_eq (zseq_client_set_quorum (node.client, 0, 2), ZSEQ_OK);
    s_assert_fails (&node, ZSEQ_EQUORUM, "one node");
    cr_assert_eq (zseq_client_set_quorum (node.client, 1, 1), ZSEQ_OK);
    cr_assert_eq (s_next (&node), 1);
    s_close (&node);
}

//  All calls.

Test (local, claims_ranges)
{
    s_node_t node;
    s_open (&node, "ids");
    uint64_t first;
    cr_assert_eq (zseq_next_range (node.orders, 1000, &first), ZSEQ_OK);
    cr_assert_eq (first, 1);
    cr_assert_eq (zseq_next_range (node.orders, ZSEQ_COUNT_MAX, &first),
                  ZSEQ_OK);
    cr_assert_eq (first, 1001);
    cr_assert_eq (s_next (&node), 1001 + (uint64_t) ZSEQ_COUNT_MAX);
    s_close (&node);
}

Test (local, peeks)
{
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (s_peek (&node), 1);
    s_next (&node);
    cr_assert_eq (s_peek (&node), 2);
    s_close (&node);
    s_open (&node, "ids");
    cr_assert_eq (s_peek (&node), 2);
    s_close (&node);
}

Test (local, raises_and_never_lowers)
{
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (zseq_raise (node.orders, 1000), ZSEQ_OK);
    cr_assert_eq (zseq_raise (node.orders, 10), ZSEQ_OK);
    s_close (&node);
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 1000);
    s_close (&node);
}

Test (local, ends_at_the_last_id)
{
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (zseq_raise (node.orders, ZSEQ_ID_MAX), ZSEQ_OK);
    cr_assert_eq (s_next (&node), ZSEQ_ID_MAX);
    s_assert_fails (&node, ZSEQ_EEXHAUSTED, "orders");
    s_close (&node);
    s_open (&node, "ids");
    s_assert_fails (&node, ZSEQ_EEXHAUSTED, "orders");
    cr_assert_eq (s_peek (&node), ZSEQ_ID_MAX + 1);
    s_close (&node);
}

typedef struct {
    size_t count;
    char text[64];
} s_listed_t;

static int
s_list_one (const char *name, uint64_t next, void *arg)
{
    s_listed_t *self = arg;
    self->count++;
    snprintf (self->text, sizeof self->text, "%s %" PRIu64, name, next);
    return 0;
}

Test (local, lists)
{
    s_node_t node;
    s_open (&node, "ids");
    s_listed_t listed = {0, ""};
    cr_assert_eq (zseq_client_list (node.client, "", s_list_one, &listed),
                  ZSEQ_OK);
    cr_assert_eq (listed.count, 0);
    //  More than one page.
    for (size_t index = 0; index < 600; index++) {
        char name[16];
        snprintf (name, sizeof name, "name%zu", index);
        zseq_t *seq = zseq_new (node.client, name);
        uint64_t id;
        cr_assert_eq (zseq_next (seq, &id), ZSEQ_OK, "%s", zseq_detail ());
        zseq_destroy (&seq);
    }
    s_next (&node);
    cr_assert_eq (zseq_client_list (node.client, "", s_list_one, &listed),
                  ZSEQ_OK);
    cr_assert_eq (listed.count, 601);
    cr_assert_str_eq (listed.text, "orders 2");
    s_close (&node);
}

Test (local, reports_its_status)
{
    s_node_t node;
    s_open (&node, "ids");
    s_next (&node);
    zseq_status_t status;
    cr_assert_eq (zseq_client_status (node.client, &status), ZSEQ_OK);
    cr_assert_str_eq (status.cluster, "file");
    cr_assert_neq (status.identity, 0);
    cr_assert_eq (status.nodes, 1);
    cr_assert_eq (status.r, 1);
    cr_assert_eq (status.w, 1);
    cr_assert_str_eq (status.node[0].name, "local");
    cr_assert_str_eq (status.node[0].state, "voting");
    cr_assert_eq (status.node[0].sequences, 1);
    char endpoint[S_PATH_MAX + 8];
    snprintf (endpoint, sizeof endpoint, "file:%s", node.path);
    cr_assert_str_eq (status.node[0].endpoint, endpoint);
    s_close (&node);
}

Test (local, buffers)
{
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (zseq_set_batch (node.orders, 100), ZSEQ_OK);
    uint64_t last = 0;
    for (size_t count = 0; count < 5000; count++) {
        uint64_t id = s_next (&node);
        cr_assert_gt (id, last);
        last = id;
    }
    s_close (&node);
    s_open (&node, "ids");
    cr_assert_gt (s_next (&node), last);
    s_close (&node);
}

#define S_THREADS 8
#define S_THREAD_IDS 500

typedef struct {
    zseq_client_t *client;
    uint64_t id[S_THREAD_IDS];
} s_thread_t;

static void *
s_draw (void *arg)
{
    s_thread_t *self = arg;
    zseq_t *orders = zseq_new (self->client, "orders");
    for (size_t index = 0; index < S_THREAD_IDS; index++)
        if (zseq_next (orders, &self->id[index]) != ZSEQ_OK)
            zseq_process_fail ("%s", zseq_detail ());
    zseq_destroy (&orders);
    return NULL;
}

static int
s_compare (const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a;
    uint64_t y = *(const uint64_t *) b;
    return x < y ? -1 : x > y;
}

Test (local, gives_no_id_to_two_threads)
{
    static s_thread_t thread[S_THREADS];
    static uint64_t ids[S_THREADS * S_THREAD_IDS];
    s_node_t node;
    s_open (&node, "ids");
    pthread_t handle[S_THREADS];
    for (size_t index = 0; index < S_THREADS; index++) {
        thread[index].client = node.client;
        pthread_create (&handle[index], NULL, s_draw, &thread[index]);
    }
    for (size_t index = 0; index < S_THREADS; index++) {
        pthread_join (handle[index], NULL);
        memcpy (ids + index * S_THREAD_IDS, thread[index].id,
                sizeof thread[index].id);
    }
    s_close (&node);
    size_t count = sizeof ids / sizeof *ids;
    qsort (ids, count, sizeof *ids, s_compare);
    for (size_t index = 1; index < count; index++)
        cr_assert_gt (ids[index], ids[index - 1]);
}

//  Other processes.

typedef struct {
    _Atomic uint64_t last;  //  ID that was handed out
    _Atomic uint64_t count;
    int begun[2];   //  The child says that it has an ID
    int may_go[2];  //  ... and this one lets it go on
    const char *directory;
    uint64_t until;  //  IDs until it kills itself; 0: never
} s_shared_t;

static s_shared_t *
s_shared_new (void)
{
    s_shared_t *self = mmap (NULL, sizeof *self, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq (self, MAP_FAILED);
    cr_assert_eq (pipe2 (self->begun, O_CLOEXEC), 0);
    cr_assert_eq (pipe2 (self->may_go, O_CLOEXEC), 0);
    self->directory = "ids";
    return self;
}

static void
s_await (int fd)
{
    char byte;
    if (read (fd, &byte, 1) != 1)
        zseq_process_fail ("nothing to read");
}

static void
s_signal (int fd)
{
    if (write (fd, "", 1) != 1)
        zseq_process_fail ("cannot write");
}

static int
s_draw_until_killed (void *arg)
{
    s_shared_t *shared = arg;
    s_node_t node;
    s_open (&node, shared->directory);
    do {
        shared->last = s_next (&node);
        if (++shared->count == 1)
            s_signal (shared->begun[1]);
    } while (shared->count != shared->until);
    return kill (getpid (), SIGKILL);
}

Test (local, repeats_no_id_after_a_kill)
{
    static const uint64_t until[] = {1, 2, 100, 3000, 0, 0, 0, 0};
    s_shared_t *shared = s_shared_new ();
    uint64_t last = 0;
    for (size_t index = 0; index < sizeof until / sizeof *until; index++) {
        shared->until = until[index];
        shared->count = 0;
        pid_t pid = zseq_process_fork (s_draw_until_killed, shared);
        s_await (shared->begun[0]);
        if (until[index] == 0)
            kill (pid, SIGKILL);
        cr_assert_eq (zseq_process_wait (pid), 128 + SIGKILL);
        cr_assert_gt (shared->last, last);
        s_node_t node;
        s_open (&node, "ids");
        last = s_next (&node);
        cr_assert_gt (last, shared->last);
        s_close (&node);
    }
}

static int
s_hold (void *arg)
{
    s_shared_t *shared = arg;
    s_node_t node;
    s_open (&node, "ids");
    shared->last = s_next (&node);
    s_signal (shared->begun[1]);
    s_await (shared->may_go[0]);
    s_close (&node);
    return 0;
}

Test (local, is_for_one_process_at_a_time)
{
    s_shared_t *shared = s_shared_new ();
    pid_t pid = zseq_process_fork (s_hold, shared);
    s_await (shared->begun[0]);
    char path[S_PATH_MAX];
    snprintf (path, sizeof path, "%s/ids", s_root);
    s_node_t node;
    s_open_path (&node, path, "timeout=50");
    char owner[32];
    snprintf (owner, sizeof owner, "process %d", pid);
    s_assert_fails (&node, ZSEQ_ELOCKED, owner);
    s_signal (shared->may_go[1]);
    cr_assert_eq (zseq_process_wait (pid), 0);
    //  The same client may repeat its call.
    cr_assert_eq (zseq_set_timeout (node.orders, 60000), ZSEQ_OK);
    cr_assert_eq (s_next (&node), 2);
    s_close (&node);
}

static int
s_draw_one (void *arg)
{
    s_shared_t *shared = arg;
    s_node_t node;
    s_open (&node, shared->directory);
    s_await (shared->may_go[0]);
    uint64_t id;
    int rc;
    do
        rc = zseq_next (node.orders, &id);
    while (rc == ZSEQ_ELOCKED);
    if (rc != ZSEQ_OK)
        zseq_process_fail ("%s", zseq_detail ());
    atomic_fetch_add (&shared->last, id);
    s_close (&node);
    return 0;
}

Test (local, is_made_by_one_of_several_first_clients)
{
    for (size_t round = 0; round < 40; round++) {
        s_shared_t *shared = s_shared_new ();
        char directory[16];
        snprintf (directory, sizeof directory, "ids%zu", round);
        shared->directory = directory;
        pid_t pid[4];
        for (size_t index = 0; index < 4; index++)
            pid[index] = zseq_process_fork (s_draw_one, shared);
        for (size_t index = 0; index < 4; index++)
            s_signal (shared->may_go[1]);
        for (size_t index = 0; index < 4; index++)
            cr_assert_eq (zseq_process_wait (pid[index]), 0);
        cr_assert_eq (shared->last, 1 + 2 + 3 + 4);
        close (shared->begun[0]);
        close (shared->begun[1]);
        close (shared->may_go[0]);
        close (shared->may_go[1]);
        munmap (shared, sizeof *shared);
    }
}

Test (local, is_left_alone_by_a_forked_child)
{
    if (!zseq_process_forks_threads ())
        cr_skip_test ("no fork with threads in this build");
    s_node_t node;
    s_open (&node, "ids");
    //  With a reserve, which a stop would give back.
    for (uint64_t id = 1; id <= 2000; id++)
        cr_assert_eq (s_next (&node), id);
    pid_t pid = fork ();
    if (pid == 0) {
        uint64_t id;
        int rc = zseq_next (node.orders, &id);
        s_close (&node);
        _exit (rc == ZSEQ_EFORKED ? 0 : 1);
    }
    cr_assert_eq (zseq_process_wait (pid), 0);
    cr_assert_eq (s_next (&node), 2001);
    s_close (&node);
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 2002);
    s_close (&node);
}

Test (local, opens_no_socket)
{
    char path[S_PATH_MAX];
    char uri[S_PATH_MAX];
    char trace[S_PATH_MAX];
    char log[S_PATH_MAX];
    snprintf (path, sizeof path, "%s/ids", s_root);
    snprintf (uri, sizeof uri, "file:%s/ids", s_root);
    snprintf (trace, sizeof trace, "%s/trace", s_root);
    snprintf (log, sizeof log, "%s/log", s_root);
    const char *nothing[] = {"strace", "-o", "/dev/null", "true", NULL};
    if (zseq_process_wait (zseq_process_exec (nothing, log)))
        cr_skip_test ("strace does not work here");
    //  Leaks cannot be looked for under strace.
    const char *argv[] = {
      "strace", "-f",  "-E", "ASAN_OPTIONS=detect_leaks=0",
      "-o",     trace, "-e", "trace=mkdir,socket,socketpair,connect",
      ZSEQ_CLI, "-u",  uri,  "next",
      "orders", NULL};
    cr_assert_eq (zseq_process_wait (zseq_process_exec (argv, log)), 0, "%s",
                  zseq_process_read (log, 0));
    char *calls = zseq_process_read (trace, 0);
    cr_assert (strstr (calls, path), "%s", calls);
    cr_assert_not (strstr (calls, "socket"), "%s", calls);
    cr_assert_not (strstr (calls, "connect"), "%s", calls);
    free (calls);
}

//  zseqd with the same directory.

Test (local, takes_turns_with_zseqd)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 1, NULL);
    s_node_t node;
    s_open_path (&node, zseq_cluster_directory (cluster, 0), "timeout=60000");
    cr_assert_eq (s_next (&node), 1);
    zseq_status_t status;
    cr_assert_eq (zseq_client_status (node.client, &status), ZSEQ_OK);
    cr_assert_str_eq (status.cluster, "net");
    s_close (&node);

    zseq_cluster_start_all (cluster);
    zseq_client_t *client = zseq_client_new (zseq_cluster_uri (cluster));
    zseq_t *orders = zseq_new (client, "orders");
    uint64_t id;
    cr_assert_eq (zseq_next (orders, &id), ZSEQ_OK, "%s", zseq_detail ());
    cr_assert_eq (id, 2);
    zseq_destroy (&orders);
    zseq_client_destroy (&client);
    cr_assert_eq (zseq_cluster_stop (cluster, 0, SIGTERM), 0);

    s_open_path (&node, zseq_cluster_directory (cluster, 0), "timeout=60000");
    cr_assert_eq (s_next (&node), 3);
    s_close (&node);
    zseq_cluster_destroy (&cluster);
}

Test (local, makes_what_zseqd_serves)
{
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 1);
    s_close (&node);

    zseq_cluster_t *cluster = zseq_cluster_new ("net", 1, NULL);
    char members[S_PATH_MAX];
    char log[S_PATH_MAX];
    snprintf (members, sizeof members, "local=ipc://%s/socket", s_root);
    snprintf (log, sizeof log, "%s/log", s_root);
    const char *argv[] = {zseq_cluster_zseqd (cluster),
                          "start",
                          "--data",
                          node.path,
                          "--members",
                          members,
                          NULL};
    pid_t pid = zseq_process_exec (argv, log);
    cr_assert (zseq_process_says (pid, log, 0, "ready"));
    zseq_client_t *client = zseq_client_new (members + strlen ("local="));
    zseq_t *orders = zseq_new (client, "orders");
    uint64_t id;
    cr_assert_eq (zseq_next (orders, &id), ZSEQ_OK, "%s", zseq_detail ());
    cr_assert_eq (id, 2);
    zseq_destroy (&orders);
    zseq_client_destroy (&client);
    kill (pid, SIGTERM);
    cr_assert_eq (zseq_process_wait (pid), 0);
    zseq_cluster_destroy (&cluster);

    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 3);
    s_close (&node);
}

//  What is damaged or not ours.

//  A directory's files, with all that is in them but the lock's owner.
static char s_image[65536];
static size_t s_image_size;

static void
s_image_add (const void *bytes, size_t size)
{
    cr_assert_leq (s_image_size + size, sizeof s_image);
    memcpy (s_image + s_image_size, bytes, size);
    s_image_size += size;
}

//  The content of a file, to be freed.
static char *
s_read (const char *path, size_t *size_p)
{
    struct stat status;
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq (fstat (fd, &status), 0);
    *size_p = (size_t) status.st_size;
    char *bytes = malloc (*size_p + 1);
    cr_assert_eq (read (fd, bytes, *size_p), status.st_size);
    close (fd);
    return bytes;
}

static int
s_image_file (const char *path, const struct stat *status, int type,
              struct FTW *walk)
{
    const char *name = path + walk->base;
    s_image_add (path, strlen (path) + 1);
    if (type != FTW_F || !strcmp (name, "lock"))
        return 0;
    s_image_add (&status->st_ino, sizeof status->st_ino);
    s_image_add (&status->st_mtim, sizeof status->st_mtim);
    size_t size;
    char *content = s_read (path, &size);
    s_image_add (content, size);
    free (content);
    return 0;
}

//  An image of the directory, to be freed.
static char *
s_image_new (const char *path, size_t *size_p)
{
    s_image_size = 0;
    nftw (path, s_image_file, 16, FTW_PHYS);
    char *image = malloc (s_image_size);
    memcpy (image, s_image, s_image_size);
    *size_p = s_image_size;
    return image;
}

static void
s_write (const char *path, const char *bytes, size_t size)
{
    int fd = open (path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert_neq (fd, -1);
    cr_assert_eq (write (fd, bytes, size), (ssize_t) size);
    close (fd);
}

//  Checks that the directory is refused and left unchanged.
static void
s_assert_refused (const char *directory, int error, const char *what)
{
    size_t before_size, after_size;
    char *before = s_image_new (directory, &before_size);
    s_node_t node;
    s_open_path (&node, directory, "timeout=60000");
    s_assert_fails (&node, error, what);
    s_close (&node);
    char *after = s_image_new (directory, &after_size);
    cr_assert (before_size == after_size &&
                 !memcmp (before, after, before_size),
               "changed by: %s", zseq_detail ());
    free (before);
    free (after);
}

static void
s_assert_damaged (const char *directory, const char *file)
{
    s_assert_refused (directory, ZSEQ_EDAMAGED, file);
    cr_assert (strstr (zseq_detail (), "zseqd recover --data "), "%s",
               zseq_detail ());
    cr_assert (strstr (zseq_detail (), " --force --floor N"), "%s",
               zseq_detail ());
}

//  A directory with two sequences, each journaled with a batch of its own.
static void
s_make (char *directory)
{
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 1);
    zseq_t *other = zseq_new (node.client, "other");
    uint64_t id;
    cr_assert_eq (zseq_next (other, &id), ZSEQ_OK);
    zseq_destroy (&other);
    s_close (&node);
    strcpy (directory, node.path);
}

//  Damages the file in every way up to end, which is its end if it is 0: every
//  truncation, and a bit of each byte.
static void
s_damage (const char *file, size_t end)
{
    char directory[S_PATH_MAX];
    char path[2 * S_PATH_MAX];
    s_make (directory);
    snprintf (path, sizeof path, "%s/%s", directory, file);
    size_t size;
    char *bytes = s_read (path, &size);
    cr_assert_gt (size, end);
    end = end ? end : size;
    for (size_t at = 0; at < end; at++) {
        s_write (path, bytes, at);
        s_assert_damaged (directory, path);
        char bit = (char) (1 << at % 8);
        bytes[at] = (char) (bytes[at] ^ bit);
        s_write (path, bytes, size);
        s_assert_damaged (directory, path);
        bytes[at] = (char) (bytes[at] ^ bit);
    }
    s_write (path, bytes, size);
    free (bytes);
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 2);
    s_close (&node);
}

Test (local, refuses_a_damaged_record)
{
    s_damage ("seq/fb/orders", 0);
}

Test (local, refuses_a_damaged_node)
{
    s_damage ("node", 0);
}

Test (local, refuses_damaged_names)
{
    s_damage ("names", 0);
}

//  All but the last batch.
Test (local, refuses_a_damaged_copy_of_the_names)
{
    s_damage ("names-copy", 27 + 24);
}

//  Neither hides the other, in whatever way the journal is cut or damaged.
Test (local, refuses_a_lost_record_and_damaged_names)
{
    char directory[S_PATH_MAX];
    char path[2 * S_PATH_MAX];
    s_make (directory);
    snprintf (path, sizeof path, "%s/seq/fb/orders", directory);
    cr_assert_eq (unlink (path), 0);
    static const char *const file[] = {"names", "names-copy"};
    for (size_t index = 0; index < 2; index++) {
        snprintf (path, sizeof path, "%s/%s", directory, file[index]);
        size_t size;
        char *bytes = s_read (path, &size);
        cr_assert_eq (size, 27 + 24 + 23);
        for (size_t at = 0; at < size; at++) {
            s_write (path, bytes, at);
            s_assert_damaged (directory, directory);
            bytes[at] = (char) (bytes[at] ^ 0x10);
            s_write (path, bytes, size);
            s_assert_damaged (directory, directory);
            bytes[at] = (char) (bytes[at] ^ 0x10);
        }
        s_write (path, bytes, size);
        free (bytes);
    }
}

//  An append that was cut short: it never reached the copy.
Test (local, mends_the_last_batch_of_the_names)
{
    char directory[S_PATH_MAX];
    char path[2 * S_PATH_MAX];
    char copy[2 * S_PATH_MAX];
    s_make (directory);
    snprintf (path, sizeof path, "%s/names", directory);
    snprintf (copy, sizeof copy, "%s/names-copy", directory);
    size_t size;
    char *bytes = s_read (path, &size);
    for (size_t at = 27 + 24; at < size; at++) {
        s_write (path, bytes, at);
        s_write (copy, bytes, 27 + 24);
        s_node_t node;
        s_open (&node, "ids");
        cr_assert_eq (s_next (&node), 2 + at - 27 - 24);
        s_close (&node);
    }
    free (bytes);
}

Test (local, refuses_a_directory_that_lacks_a_file)
{
    static const char *const file[] = {"seq/fb/orders", "names", "names-copy",
                                       "node"};
    for (size_t index = 0; index < 4; index++) {
        char directory[S_PATH_MAX];
        char path[2 * S_PATH_MAX];
        s_make (directory);
        snprintf (path, sizeof path, "%s/%s", directory, file[index]);
        cr_assert_eq (unlink (path), 0);
        s_assert_damaged (directory, path);
        s_remove_all (directory);
    }
}

//  Recovers the directory as the error says; lost: the node's record was lost.
static void
s_recover (const char *file, bool lost)
{
    char directory[S_PATH_MAX];
    char path[2 * S_PATH_MAX];
    s_make (directory);
    snprintf (path, sizeof path, "%s/%s", directory, file);
    cr_assert_eq (truncate (path, 20), 0);
    s_assert_damaged (directory, path);
    char *command = strdup (strstr (zseq_detail (), "zseqd recover"));
    cr_assert_eq (strstr (command, "--members") != NULL, lost);
    //  The command gets a number as its floor, and a socket of the test to
    //  bind.
    size_t size = strlen (command);
    cr_assert_eq (command[size - 1], 'N');
    command[size - 1] = 0;
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 1, NULL);
    char line[4 * S_PATH_MAX];
    snprintf (line, sizeof line,
              "echo yes | %s%s50 --bind 'ipc://%s/socket' >&2",
              zseq_cluster_zseqd (cluster), command + strlen ("zseqd"), s_root);
    free (command);
    char log[S_PATH_MAX];
    snprintf (log, sizeof log, "%s/log", s_root);
    const char *argv[] = {"sh", "-c", line, NULL};
    cr_assert_eq (zseq_process_wait (zseq_process_exec (argv, log)), 0, "%s",
                  zseq_process_read (log, 0));
    zseq_cluster_destroy (&cluster);
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 50);
    s_close (&node);
}

Test (local, is_recovered_from_a_damaged_record_as_it_says)
{
    s_recover ("seq/fb/orders", false);
}

Test (local, is_recovered_from_a_damaged_node_as_it_says)
{
    s_recover ("node", true);
}

Test (local, refuses_the_directory_of_a_node_with_peers)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (cluster);
    for (size_t node = 0; node < 3; node++)
        zseq_cluster_stop (cluster, node, SIGTERM);
    s_assert_refused (zseq_cluster_directory (cluster, 0), ZSEQ_EFOREIGN,
                      "node a of cluster net");
    zseq_cluster_start_all (cluster);
    zseq_cluster_destroy (&cluster);
}

Test (local, refuses_a_directory_of_something_else)
{
    s_node_t node;
    char path[2 * S_PATH_MAX];
    s_open (&node, "ids");
    cr_assert_eq (mkdir (node.path, 0700), 0);
    snprintf (path, sizeof path, "%s/letter", node.path);
    int fd = open (path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close (fd);
    s_close (&node);
    s_assert_refused (node.path, ZSEQ_EDAMAGED, "not a node's directory");
}

//  Disks that fail.

Test (local, refuses_while_the_disk_is_full)
{
    if (unshare (CLONE_NEWNS) == -1 ||
        mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
        mount ("tmpfs", s_root, "tmpfs", 0, "size=256k") == -1)
        cr_skip_test ("no file system can be mounted here");
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 1);

    char path[S_PATH_MAX];
    static const char page[4096];
    snprintf (path, sizeof path, "%s/full", s_root);
    int fd = open (path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    while (write (fd, page, sizeof page) > 0)
        continue;
    close (fd);
    zseq_t *other = zseq_new (node.client, "other");
    cr_assert_eq (zseq_set_timeout (other, 1000), ZSEQ_OK);
    uint64_t id;
    int rc = zseq_next (other, &id);
    cr_assert_eq (rc, ZSEQ_ENOSPACE, "%s: %s", zseq_strerror (rc),
                  zseq_detail ());

    cr_assert_eq (unlink (path), 0);
    rc = zseq_next (other, &id);
    cr_assert_eq (rc, ZSEQ_OK, "%s", zseq_detail ());
    uint64_t last = s_next (&node);
    cr_assert_gt (last, 1);
    zseq_destroy (&other);
    s_close (&node);
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), last + 1);
    s_close (&node);
    cr_assert_eq (umount (s_root), 0);
}

Test (local, fails_every_call_once_the_disk_has_failed)
{
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 1);
    char path[2 * S_PATH_MAX];
    snprintf (path, sizeof path, "%s/seq", node.path);
    s_remove_all (path);
    zseq_t *other = zseq_new (node.client, "other");
    uint64_t id;
    for (size_t count = 0; count < 3; count++) {
        cr_assert_eq (zseq_next (other, &id), ZSEQ_EIO);
        cr_assert (strstr (zseq_detail (), path), "%s", zseq_detail ());
        s_assert_fails (&node, ZSEQ_EIO, path);
        cr_assert_eq (zseq_peek (node.orders, &id), ZSEQ_EIO);
    }
    zseq_status_t status;
    cr_assert_eq (zseq_client_status (node.client, &status), ZSEQ_EIO);
    zseq_destroy (&other);
    s_close (&node);
}

//  Reserved IDs need no write that would fail; a second without a write shows
//  the failure.
Test (local, fails_every_call_once_its_directory_was_moved_away, .timeout = 60)
{
    s_node_t node;
    s_open (&node, "ids");
    cr_assert_eq (s_next (&node), 1);
    char moved[2 * S_PATH_MAX];
    snprintf (moved, sizeof moved, "%s/moved", s_root);
    cr_assert_eq (rename (node.path, moved), 0);
    uint64_t id;
    int rc;
    do
        rc = zseq_next (node.orders, &id);
    while (rc == ZSEQ_OK);
    cr_assert_eq (rc, ZSEQ_EIO, "%d", rc);
    s_assert_fails (&node, ZSEQ_EIO, "moved away");
    cr_assert_eq (zseq_peek (node.orders, &id), ZSEQ_EIO);
    s_close (&node);
}
