//  The store from outside: opening, formatting, refusals, error texts, many
//  names and groups of writes. The files test_store_*.c test its parts through
//  the same calls.

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_faults.h"
#include "zseq_fixture.h"
#include "zseq_seq.h"

TestSuite (store, .init = fixture_init, .fini = fixture_term);

//  Opening and formatting.

Test (store, opens_what_was_formatted)
{
    zseq_record_t written;
    fixture_record (&written, 0);
    written.vector.incarnation[0].counter = 7;
    written.vector.incarnation[2].random = UINT64_MAX;
    written.floor = ZSEQ_NEXT_MAX;
    written.floor_reserved = 17;
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &written), ZSEQ_OK);
    zseq_record_t found;
    cr_assert_eq (zseq_store_open (store, &found), ZSEQ_OK);
    zseq_store_destroy (&store);
    cr_assert_null (store);
    zseq_store_destroy (&store);

    cr_assert_eq (found.identity, 0);
    cr_assert_str_eq (found.cluster, "test");
    cr_assert_eq (found.self, written.self);
    cr_assert_eq (found.members.n, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq (found.members.member[i].name,
                          written.members.member[i].name);
        cr_assert_str_eq (found.members.member[i].endpoint,
                          written.members.member[i].endpoint);
    }
    cr_assert (zseq_vector_equal (&found.vector, &written.vector));
    cr_assert (!found.voting);
    cr_assert_eq (found.floor, ZSEQ_NEXT_MAX);
    cr_assert_eq (found.floor_reserved, 17);
}

Test (store, keeps_a_record_with_everything_at_its_limit)
{
    char label[ZSEQ_NODES_MAX][ZSEQ_LABEL_MAX + 1];
    zseq_member_t members[ZSEQ_NODES_MAX];
    memset (members, 0, sizeof members);
    for (int i = 0; i < ZSEQ_NODES_MAX; i++) {
        memset (label[i], 'a' + i, ZSEQ_LABEL_MAX);
        label[i][ZSEQ_LABEL_MAX] = 0;
        strcpy (members[i].name, label[i]);
        memset (members[i].endpoint, 'e', ZSEQ_ENDPOINT_MAX);
        members[i].endpoint[0] = (char) ('0' + i);
    }
    zseq_members_t all;
    cr_assert_eq (zseq_members_init (&all, members, ZSEQ_NODES_MAX), ZSEQ_OK);
    zseq_record_t written;
    cr_assert_eq (zseq_record_init (&written, label[3], label[8], &all, 1),
                  ZSEQ_OK);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &written), ZSEQ_OK);
    zseq_record_t found;
    cr_assert_eq (zseq_store_open (store, &found), ZSEQ_OK);
    cr_assert_eq (found.self, 8);
    for (size_t i = 0; i < ZSEQ_NODES_MAX; i++)
        cr_assert_str_eq (found.members.member[i].endpoint,
                          members[i].endpoint);
    zseq_store_destroy (&store);

    //  One byte too many.
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("node"), &size);
    bytes[size] = 0;
    fixture_put (fixture_file ("node"), bytes, size + 1);
    free (bytes);
    store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open (store, &found), ZSEQ_EDAMAGED);
    cr_assert (strstr (zseq_store_text (store), "too long"));
    zseq_store_destroy (&store);
}

Test (store, tells_an_empty_directory_from_a_damaged_one)
{
    assert_refused (ZSEQ_EAGAIN, "no such directory");
    cr_assert (!fixture_exists (fixture_node ()));
    mkdir (fixture_node (), 0700);
    assert_refused (ZSEQ_EAGAIN, "empty");
    cr_assert_eq (fixture_count (fixture_node (), ""), 0);
}

Test (store, leaves_a_directory_that_is_not_a_nodes_alone)
{
    mkdir (fixture_node (), 0700);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    zseq_record_t record;
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open (store, &record), ZSEQ_EDAMAGED);
    assert_text (store,
                 "no node's record: not a node's directory, or the record");
    cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_EFOREIGN);
    assert_text (store, "not a node's directory: it has no lock, no node's");
    cr_assert_eq (fixture_count (fixture_node (), ""), 1);
    zseq_store_destroy (&store);
    fixture_record (&record, 0);
    store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_EEXIST);
    cr_assert (strstr (zseq_store_text (store), "not empty"));
    cr_assert_eq (fixture_count (fixture_node (), ""), 1);
    zseq_store_destroy (&store);
}

Test (store, does_not_format_twice)
{
    fixture_format (fixture_node (), 0);
    zseq_record_t record;
    fixture_record (&record, 0);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_EEXIST);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store, does_not_make_parents)
{
    zseq_record_t record;
    fixture_record (&record, 0);
    zseq_store_t *store = zseq_store_new (fixture_path ("none/node"));
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_EIO);
    cr_assert (strstr (zseq_store_text (store), "parent does not exist"));
    zseq_store_destroy (&store);
}

Test (store, notices_a_deleted_node_record)
{
    fixture_node_with (NULL, 0);
    unlink (fixture_file ("node"));
    assert_refused (ZSEQ_EDAMAGED, "missing");
}

Test (store, is_locked_for_another_process_which_is_told_whose_it_is)
{
    fixture_format (fixture_node (), 0);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (fixture_load (store, NULL), ZSEQ_OK);
    char owner[64];
    snprintf (owner, sizeof owner, "process %ld", (long) getpid ());
    pid_t child = fork ();
    if (child == 0) {
        bool ok = fixture_check (NULL) == ZSEQ_ELOCKED &&
                  strstr (fixture_text (), owner);
        _exit (ok ? 0 : 1);
    }
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store, keeps_strangers_out_of_what_it_makes)
{
    fixture_node_with ((const char *[]){"orders"}, 1);
    struct stat info;
    stat (fixture_node (), &info);
    cr_assert_eq (info.st_mode & 0777, 0700);
    stat (fixture_find ("orders"), &info);
    cr_assert_eq (info.st_mode & 077, 0);
}

//  Many names.

Test (store, tells_of_progress)
{
    enum { COUNT = 100000 };
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    fixture_write_numbered (store, 0, COUNT, true);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, COUNT);
    cr_assert_geq (names.progress, 1);
    cr_assert_leq (names.progress, 2);
    for (size_t i = 1; i < COUNT; i++)
        cr_assert (strcmp (names.found[i - 1].name, names.found[i].name) < 0);
    fixture_forget (&names);
}

Test (store, needs_few_descriptors)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    struct rlimit limit = {128, 128};
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
    zseq_store_t *store = fixture_start ();
    fixture_write_numbered (store, 0, 4096, false);
    fixture_write_numbered (store, 4096, 31, false);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (names.count, 4127);
    fixture_forget (&names);
}

Test (store, finds_out_itself_what_directories_do_not_tell)
{
    fixture_node_with (fixture_three, 3);
    zseq_faults_typeless (true);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    mkdir (fixture_file (".tmp-dir"), 0700);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    cr_assert (!fixture_exists (fixture_file (".tmp-1-1")));
    char path[700];
    snprintf (path, sizeof path, "%s.link", fixture_find ("one"));
    cr_assert_eq (symlink ("one", path), 0);
    assert_refused (ZSEQ_EDAMAGED, "one.link: not a regular file");
    unlink (path);
    mkfifo (path, 0600);
    assert_refused (ZSEQ_EDAMAGED, "one.link: not a regular file");
}

//  Groups.

Test (store, completes_a_thousand_writes_in_order_with_few_syncs)
{
    enum { COUNT = 1000 };
    static char name[COUNT][16];
    static zseq_write_t writes[COUNT];
    static zseq_written_t written[COUNT];
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    for (size_t i = 0; i < COUNT; i++) {
        snprintf (name[i], sizeof name[i], "name-%zu", i);
        writes[i] = (zseq_write_t){.name = name[i],
                                   .name_size = (uint8_t) strlen (name[i]),
                                   .next = i + 1,
                                   .durable_to = i + 2,
                                   .tag = i,
                                   .owner = name[i]};
    }
    zseq_faults_begin (fixture_node ());
    fixture_submit (store, writes, COUNT, written);
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert_eq (written[i].status, ZSEQ_OK);
        cr_assert_eq (written[i].tag, i);
        cr_assert_eq (written[i].durable_to, i + 2);
        cr_assert_eq (written[i].owner, name[i]);
    }
    struct pollfd fd = {zseq_store_fd (store), POLLIN, 0};
    cr_assert_eq (poll (&fd, 1, 0), 0);
    cr_assert_eq (zseq_store_collect (store, written, COUNT), 0);

    size_t fsyncs = 0;
    size_t all = 0;
    size_t count;
    zseq_faults_log (&count);
    for (size_t i = 0; i < count; i++) {
        fsyncs += strncmp (zseq_faults_line (i), "fsync", 5) == 0;
        all += strcmp (zseq_faults_line (i), "syncfs .") == 0;
    }
    cr_assert_eq (fsyncs, 2);
    cr_assert_eq (all, 2);
    zseq_faults_end ();
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, COUNT);
    fixture_forget (&names);
}

Test (store, takes_more_writes_than_a_group_holds)
{
    enum { COUNT = 10000 };
    static char name[COUNT][16];
    static zseq_write_t writes[COUNT];
    static zseq_written_t written[COUNT];
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    for (size_t i = 0; i < COUNT; i++) {
        snprintf (name[i], sizeof name[i], "name-%zu", i);
        writes[i] = (zseq_write_t){.name = name[i],
                                   .name_size = (uint8_t) strlen (name[i]),
                                   .next = 1,
                                   .durable_to = i + 1,
                                   .tag = i};
    }
    //  Nothing is collected in between, and all submitted writes are finished.
    for (size_t i = 0; i < COUNT; i += 100)
        cr_assert_eq (zseq_store_submit (store, writes + i, 100), ZSEQ_OK);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, COUNT);
    fixture_forget (&names);

    //  Journals without any entries are completed in several batches.
    uint8_t header[27];
    FILE *file = fopen (fixture_file ("names"), "rb");
    cr_assert_eq (fread (header, 1, 27, file), 27);
    fclose (file);
    fixture_put (fixture_file ("names"), header, 27);
    fixture_put (fixture_file ("names-copy"), header, 27);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    store = fixture_start ();
    for (size_t i = 0; i < COUNT; i++)
        writes[i].journaled = true;
    fixture_submit (store, writes, COUNT, written);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert_eq (written[i].tag, i);
    zseq_store_destroy (&store);
    unlink (fixture_find ("name-9999"));
    assert_refused (ZSEQ_EDAMAGED, "name-9999: missing");
}

static int
s_refuse (const char *name, size_t size, uint64_t next, uint64_t durable_to,
          void *arg)
{
    (void) next;
    (void) name;
    (void) size;
    (void) durable_to;
    return ++*(int *) arg == 2 ? ZSEQ_EFULL : ZSEQ_OK;
}

Test (store, stops_loading_when_the_caller_refuses)
{
    fixture_node_with (fixture_three, 3);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    zseq_record_t record;
    cr_assert_eq (zseq_store_open (store, &record), ZSEQ_OK);
    int calls = 0;
    zseq_store_load_callbacks_t callbacks = {.name = s_refuse, .arg = &calls};
    zseq_store_load_result_t found;
    cr_assert_eq (zseq_store_load (store, &callbacks, &found), ZSEQ_EFULL);
    cr_assert_eq (calls, 2);
    zseq_store_destroy (&store);
}

//  A disk that really is full: a tiny tmpfs, unmounted when this process ends.

Test (store, goes_on_when_a_full_disk_has_room_again)
{
    mkdir (fixture_path ("disk"), 0700);
    if (unshare (CLONE_NEWNS) != 0 ||
        mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount ("none", fixture_path ("disk"), "tmpfs", 0, "size=128k") != 0)
        cr_skip_test ("mounting a tmpfs needs root");
    const char *directory = fixture_path ("disk/node");
    fixture_format (directory, FIXTURE_IDENTITY);
    zseq_store_t *store = zseq_store_new (directory);
    cr_assert_eq (fixture_load (store, NULL), ZSEQ_OK);
    cr_assert_eq (zseq_store_start (store), ZSEQ_OK);
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_OK);

    int fd = open (fixture_path ("disk/junk"), O_WRONLY | O_CREAT, 0600);
    static const char junk[512];
    while (write (fd, junk, sizeof junk) > 0)
        ;
    cr_assert_eq (errno, ENOSPC);
    cr_assert_eq (fixture_write (store, "orders", 20, true), ZSEQ_ENOSPACE);
    cr_assert_eq (fixture_write (store, "bills", 20, false), ZSEQ_ENOSPACE);
    cr_assert_str_eq (zseq_store_text (store), "");
    close (fd);
    unlink (fixture_path ("disk/junk"));
    cr_assert_eq (fixture_write (store, "orders", 20, true), ZSEQ_OK);
    cr_assert_eq (fixture_write (store, "bills", 30, false), ZSEQ_OK);
    zseq_store_destroy (&store);

    store = zseq_store_new (directory);
    fixture_names_t names;
    cr_assert_eq (fixture_load (store, &names), ZSEQ_OK);
    cr_assert_eq (fixture_durable_to (&names, "orders"), 20);
    cr_assert_eq (fixture_durable_to (&names, "bills"), 30);
    fixture_forget (&names);
    zseq_store_destroy (&store);
    umount (fixture_path ("disk"));
}
