#include "zseq_power.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zseq_faults.h"
#include "zseq_fixture.h"

enum { FILES_MAX = 1000, ENTRIES_MAX = 1000, BYTES_MAX = 4608 };

typedef struct {
    size_t size;
    uint8_t bytes[BYTES_MAX];
} s_bytes_t;

typedef struct {
    bool directory;
    s_bytes_t now;
    s_bytes_t synced;
} s_inode_t;

typedef struct {
    char path[320];  //  Below the node's directory
    int now;         //  Its file, or -1
    int synced;
} s_entry_t;

typedef struct {
    size_t files;
    s_inode_t file[FILES_MAX];
    size_t entries;
    s_entry_t entry[ENTRIES_MAX];
} s_disk_t;

static s_disk_t s_disk;

static s_entry_t *
s_disk_entry (const char *path)
{
    for (size_t i = 0; i < s_disk.entries; i++)
        if (strcmp (s_disk.entry[i].path, path) == 0)
            return &s_disk.entry[i];
    cr_assert_lt (s_disk.entries, ENTRIES_MAX);
    s_entry_t *entry = &s_disk.entry[s_disk.entries++];
    strcpy (entry->path, path);
    entry->now = -1;
    entry->synced = -1;
    return entry;
}

static s_entry_t *
s_disk_create (const char *path, bool directory)
{
    cr_assert_lt (s_disk.files, FILES_MAX);
    s_inode_t *file = &s_disk.file[s_disk.files];
    memset (file, 0, sizeof *file);
    file->directory = directory;
    s_entry_t *entry = s_disk_entry (path);
    entry->now = (int) s_disk.files++;
    return entry;
}

//  Whether path is an entry of directory itself.
static bool
s_is_in (const char *path, const char *directory)
{
    const char *slash = strrchr (path, '/');
    if (strcmp (directory, ".") == 0)
        return !slash;
    size_t size = strlen (directory);
    return slash && (size_t) (slash - path) == size &&
           strncmp (path, directory, size) == 0;
}

static void
s_disk_sync (const char *path)
{
    s_entry_t *self = strcmp (path, ".") == 0 ? NULL : s_disk_entry (path);
    if (self && !s_disk.file[self->now].directory) {
        s_disk.file[self->now].synced = s_disk.file[self->now].now;
        return;
    }
    for (size_t i = 0; i < s_disk.entries; i++)
        if (s_is_in (s_disk.entry[i].path, path))
            s_disk.entry[i].synced = s_disk.entry[i].now;
}

static void
s_disk_sync_all (void)
{
    for (size_t i = 0; i < s_disk.entries; i++)
        s_disk.entry[i].synced = s_disk.entry[i].now;
    for (size_t i = 0; i < s_disk.files; i++)
        s_disk.file[i].synced = s_disk.file[i].now;
}

static void
s_disk_apply (const zseq_call_t *call)
{
    if (strcmp (call->call, "create") == 0)
        s_disk_create (call->path, false);
    else if (strcmp (call->call, "mkdir") == 0)
        s_disk_create (call->path, true);
    else if (strcmp (call->call, "fsync") == 0 ||
             strcmp (call->call, "fdatasync") == 0)
        s_disk_sync (call->path);
    else if (strcmp (call->call, "syncfs") == 0)
        s_disk_sync_all ();
    else if (strcmp (call->call, "rename") == 0) {
        s_entry_t *from = s_disk_entry (call->path);
        s_disk_entry (call->to)->now = from->now;
        from->now = -1;
    }
    else if (strcmp (call->call, "exchange") == 0) {
        s_entry_t *from = s_disk_entry (call->path);
        s_entry_t *to = s_disk_entry (call->to);
        int file = from->now;
        from->now = to->now;
        to->now = file;
    }
    else if (strcmp (call->call, "unlink") == 0)
        s_disk_entry (call->path)->now = -1;
    else if (strcmp (call->call, "write") == 0) {
        s_bytes_t *bytes = &s_disk.file[s_disk_entry (call->path)->now].now;
        size_t end = (size_t) call->offset + call->size;
        cr_assert_leq (end, BYTES_MAX);
        memcpy (bytes->bytes + call->offset, call->data, call->size);
        if (end > bytes->size)
            bytes->size = end;
    }
    else if (strcmp (call->call, "truncate") == 0)
        s_disk.file[s_disk_entry (call->path)->now].now.size =
          (size_t) call->offset;
}

//  Chooses for a change that the disk need not keep: 0 drops it, 1 keeps it,
//  otherwise at random.
static bool
s_choose (int choice, unsigned *seed)
{
    return choice < 2 ? choice == 1 : rand_r (seed) % 2 == 0;
}

//  Writes to path what a cut leaves of the file.
static void
s_disk_restore_file (const s_inode_t *file, const char *path, int choice,
                     unsigned *seed)
{
    s_bytes_t bytes = s_choose (choice, seed) ? file->now : file->synced;
    //  Overwritten bytes may be there in part.
    size_t part =
      choice == 2 ? (size_t) rand_r (seed) % (file->now.size + 1) : 0;
    for (size_t i = 0; i < part && i < bytes.size; i++)
        bytes.bytes[i] = file->now.bytes[i];
    //  A file that grew may end anywhere in between, or with zeros.
    if (choice == 2 && file->now.size > file->synced.size) {
        bytes = file->now;
        size_t grown = file->now.size - file->synced.size;
        bytes.size = file->synced.size + (size_t) rand_r (seed) % (grown + 1);
        if (rand_r (seed) % 4 == 0) {
            memset (bytes.bytes + bytes.size, 0, file->now.size - bytes.size);
            bytes.size = file->now.size;
        }
    }
    fixture_put (path, bytes.bytes, bytes.size);
}

//  Makes the node's directory as a power cut now may leave it.
static void
s_disk_restore (int choice, unsigned seed)
{
    fixture_remove (fixture_node ());
    mkdir (fixture_node (), 0700);
    //  A directory's entry comes before its contents.
    for (size_t i = 0; i < s_disk.entries; i++) {
        const s_entry_t *entry = &s_disk.entry[i];
        int index = s_choose (choice, &seed) ? entry->now : entry->synced;
        if (index < 0)
            continue;
        char parent[320];
        strcpy (parent, entry->path);
        char *slash = strrchr (parent, '/');
        if (slash) {
            *slash = 0;
            if (!fixture_exists (fixture_file (parent)))
                continue;
        }
        const s_inode_t *file = &s_disk.file[index];
        if (file->directory)
            mkdir (fixture_file (entry->path), 0700);
        else
            s_disk_restore_file (file, fixture_file (entry->path), choice,
                                 &seed);
    }
}

//  Everything in the node's directory is there for good.
static void
s_disk_add (const char *parent)
{
    DIR *stream = opendir (parent[0] ? fixture_file (parent) : fixture_node ());
    cr_assert_not_null (stream);
    const struct dirent *entry;
    while ((entry = readdir (stream))) {
        if (strcmp (entry->d_name, ".") == 0 ||
            strcmp (entry->d_name, "..") == 0)
            continue;
        char path[320];
        snprintf (path, sizeof path, "%.40s%s%.255s", parent,
                  parent[0] ? "/" : "", entry->d_name);
        struct stat info;
        cr_assert_eq (lstat (fixture_file (path), &info), 0);
        s_entry_t *made = s_disk_create (path, S_ISDIR (info.st_mode));
        if (S_ISDIR (info.st_mode)) {
            s_disk_add (path);
            continue;
        }
        s_bytes_t *bytes = &s_disk.file[made->now].now;
        uint8_t *content = fixture_read (fixture_file (path), &bytes->size);
        cr_assert_leq (bytes->size, BYTES_MAX);
        memcpy (bytes->bytes, content, bytes->size);
        free (content);
    }
    closedir (stream);
}

void
power_begin (void)
{
    memset (&s_disk, 0, sizeof s_disk);
    s_disk_add ("");
    s_disk_sync_all ();
    zseq_faults_begin (fixture_node ());
}

//  Whether to cut after the call: not where an earlier cut covers it, and after
//  only some of the calls of many records, of each kind.
static bool
s_is_of_interest (const zseq_call_t *log, size_t index, size_t count)
{
    if (strcmp (log[index].call, "close") == 0)
        return false;
    return count < 250 || strncmp (log[index].path, "seq/", 4) != 0 ||
           strstr (log[index].call, "sync") || index % 4 == 0;
}

void
power_cut_everywhere (unsigned rounds, power_check_fn *check)
{
    zseq_faults_stop ();
    size_t count;
    const zseq_call_t *log = zseq_faults_log (&count);
    size_t completed = 0;
    for (size_t i = 0; i < count; i++) {
        //  The lock was there: opening it made nothing.
        if (strcmp (log[i].path, "lock") == 0)
            continue;
        s_disk_apply (&log[i]);
        completed += strcmp (log[i].call, "complete") == 0;
        if (!s_is_of_interest (log, i, count))
            continue;
        for (unsigned round = 0;
             round < (rounds + ZSEQ_FAULTS_STRIDE - 1) / ZSEQ_FAULTS_STRIDE;
             round++) {
            unsigned seed = (unsigned) (rounds * i + round) * 2654435761u;
            s_disk_restore (round < 2 ? (int) round : 2, seed);
            check (completed, zseq_faults_line (i), i);
        }
    }
}

void
power_kill_everywhere (void (*make) (void), void (*play) (size_t *completed),
                       power_check_fn *check)
{
    size_t *completed = mmap (NULL, sizeof *completed, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq (completed, MAP_FAILED);
    bool died = true;
    size_t when = 1;
    for (; died; when += ZSEQ_FAULTS_STRIDE) {
        if (fixture_exists (fixture_node ()))
            fixture_remove (fixture_node ());
        make ();
        *completed = 0;
        pid_t child = fork ();
        if (child == 0) {
            zseq_faults_begin (fixture_node ());
            zseq_faults_kill (when, true);
            play (completed);
            _exit (0);
        }
        int status;
        cr_assert_eq (waitpid (child, &status, 0), child);
        died = !WIFEXITED (status);
        if (died)
            cr_assert_eq (WTERMSIG (status), SIGKILL);
        check (*completed, "killed at", when);
    }
    cr_assert_gt (when, 20);
}
