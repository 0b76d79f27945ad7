//  A process that has used up its descriptors: the client's calls fail and say
//  so, and the process goes on.

#include "zseq_cluster.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES 256     //  That the process may open
#define LEFT_MAX 24u  //  With so many left, all goes well

static zseq_cluster_t *s_cluster;
static int s_files[FILES];
static size_t s_count;

//  Opens all descriptors but that many.
static void
s_leave (size_t left)
{
    s_count = 0;
    int fd;
    while ((fd = open ("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        s_files[s_count++] = fd;
    cr_assert_geq (s_count, left);
    while (left--)
        close (s_files[--s_count]);
}

static void
s_close_files (void)
{
    while (s_count)
        close (s_files[--s_count]);
}

//  Draws with that many descriptors left, and again with all of them. Returns
//  how the first draw ended.
static int
s_draw (const char *uri, size_t left)
{
    s_leave (left);
    zseq_client_t *client = zseq_client_new (uri);
    cr_assert (client, "%s", zseq_detail ());
    (void) zseq_client_set_timeout (client, 300);
    zseq_t *seq = zseq_new (client, "orders");
    cr_assert (seq, "%s", zseq_detail ());
    uint64_t id;
    int rc = zseq_next (seq, &id);
    cr_assert (rc == ZSEQ_OK || strstr (zseq_detail (), "raise ulimit -n"),
               "%s, %zu left: %s: %s", uri, left, zseq_strerror (rc),
               zseq_detail ());
    if (zseq_client_fd (client) < 0)
        cr_assert (strstr (zseq_detail (), "no descriptor is left: Too many"));
    (void) zseq_start_next (seq, 1);
    s_close_files ();
    zseq_destroy (&seq);

    seq = zseq_new (client, "orders");
    cr_assert_eq (zseq_set_timeout (seq, 60000), ZSEQ_OK);
    int again = zseq_next (seq, &id);
    cr_assert_eq (again, ZSEQ_OK, "%s, %zu were left: %s: %s", uri, left,
                  zseq_strerror (again), zseq_detail ());
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
    return rc;
}

static void
s_draw_with_few (const char *uri)
{
    for (size_t left = 0; left < LEFT_MAX; left++) {
        int rc = s_draw (uri, left);
        cr_assert (left > 0 || rc == ZSEQ_EIO);
    }
    cr_assert_eq (s_draw (uri, LEFT_MAX), ZSEQ_OK);
}

static void
s_open (void)
{
    s_cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (s_cluster);
    struct rlimit limit;
    cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = FILES;
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
}

static void
s_close (void)
{
    zseq_cluster_destroy (&s_cluster);
}

TestSuite (limits, .init = s_open, .fini = s_close);

Test (limits, of_descriptors_do_no_harm_to_a_client_of_a_cluster)
{
    s_draw_with_few (zseq_cluster_uri (s_cluster));
}

Test (limits, of_descriptors_do_no_harm_to_a_worker_of_a_cluster)
{
    char uri[ZSEQ_CLUSTER_URI_MAX + 16];
    snprintf (uri, sizeof uri, "flake+%s", zseq_cluster_uri (s_cluster));
    s_draw_with_few (uri);
}

Test (limits, of_descriptors_do_no_harm_to_a_directory)
{
    char uri[ZSEQ_CLUSTER_URI_MAX + 16];
    snprintf (uri, sizeof uri, "file:%s/local", zseq_cluster_path (s_cluster));
    s_draw_with_few (uri);
}
