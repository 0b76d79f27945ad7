#include "zseq_fuzz_directory.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char s_root[64];

static int
s_remove (const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void) info;
    (void) type;
    (void) walk;
    return remove (path);
}

static void
s_remove_tree (const char *path)
{
    //  It need not be there.
    (void) nftw (path, s_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void
s_remove_root (void)
{
    s_remove_tree (s_root);
}

static void
s_make_root (void)
{
    const char *parent = access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf (s_root, sizeof s_root, "%s/zseq-fuzz-XXXXXX", parent);
    char *made = mkdtemp (s_root);
    assert (made);
    atexit (s_remove_root);
}

const char *
zseq_fuzz_directory_path (const char *file)
{
    static char path[320];
    assert (file);
    if (!s_root[0])
        s_make_root ();
    snprintf (path, sizeof path, "%s%s%s", s_root, *file ? "/" : "", file);
    return path;
}

void
zseq_fuzz_directory_put (const char *file, const uint8_t *bytes, size_t size)
{
    assert (bytes);
    int fd = open (zseq_fuzz_directory_path (file),
                   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert (fd != -1);
    ssize_t written = size ? write (fd, bytes, size) : 0;
    assert (written == (ssize_t) size);
    close (fd);
}

void
zseq_fuzz_directory_make (const char *folder)
{
    int rc = mkdir (zseq_fuzz_directory_path (folder), 0700);
    assert (rc == 0);
}

void
zseq_fuzz_directory_remove (const char *folder)
{
    s_remove_tree (zseq_fuzz_directory_path (folder));
}
