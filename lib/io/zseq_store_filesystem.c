#include "zseq_store_filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "zseq_io_texts.h"

//  A REFUSED file system may grant one lock to two hosts or mounts, or take a
//  lock from a process whose writes still succeed. On a WHOLE one, syncfs is
//  known to write all files, directories and renames to the disk, and to report
//  a failure.
typedef enum { REFUSED, WHOLE } s_trust_t;

//  A type of statfs (2). Not all are in linux/magic.h.
typedef struct {
    unsigned long type;
    const char *name;
    s_trust_t trust;
} s_filesystem_t;

static const s_filesystem_t s_filesystems[] = {
  //  ext2 writes all its buffers; ext3 and ext4 commit the journal after the
  //  data.
  {0xef53, "ext4", WHOLE},
  {0x58465342, "xfs", WHOLE},    //  Data, then the log, forced
  {0x9123683e, "btrfs", WHOLE},  //  Commits the transaction, of all subvolumes
  {0xf2f52010, "f2fs", WHOLE},   //  A checkpoint
  {0xca451a4e, "bcachefs", WHOLE},    //  Flushes the journal after the data
  {0x2fc12fc1, "zfs", WHOLE},         //  Commits the intent log
  {0x794c7630, "overlayfs", WHOLE},   //  Syncs the upper file system
  {0x01021994, "tmpfs", WHOLE},       //  Lost at shutdown, as expected
  {0x858458f6, "ramfs", WHOLE},       //  The same
  {0x6969, "nfs", REFUSED},           //  A lease; other hosts only if set up so
  {0x517b, "smb", REFUSED},           //  Locks of one host only
  {0xff534d42, "cifs", REFUSED},      //  The same, or a lease
  {0xfe534d42, "smb2", REFUSED},      //  The same
  {0x01021997, "9p", REFUSED},        //  Locks of one guest only
  {0x5346414f, "afs", REFUSED},       //  Locks of one host only
  {0x6b414653, "afs", REFUSED},       //  A lease
  {0x73757245, "coda", REFUSED},      //  Writes while it is disconnected
  {0x564c, "ncp", REFUSED},           //  Locks of one host only
  {0x00c36400, "ceph", REFUSED},      //  A lease
  {0x0bd00bd0, "lustre", REFUSED},    //  Locks of one host, unless told to
  {0x47504653, "gpfs", REFUSED},      //  A lease
  {0x20030528, "orangefs", REFUSED},  //  Locks of one host only
  {0x786f4256, "vboxsf", REFUSED},    //  Locks of one guest only
  {0xbacbacbc, "vmhgfs", REFUSED},    //  The same
  //  These share locks unless mounted with localflocks or lock_nolock, and
  //  fence a host that lost its locks if fencing is set up. Neither shows here.
  {0x01161970, "gfs2", REFUSED},
  {0x7461636f, "ocfs2", REFUSED},
  //  Any server: the kernel alone answers locks and syncfs unless the server
  //  asks for them, and most do not. virtiofs is FUSE, too.
  {0x65735546, "fuse", REFUSED}};

//  The file system's type as in its mount, which names the server behind FUSE:
//  "fuse.sshfs". False: unknown.
static bool
s_mounted_as (dev_t device, char *type, size_t size)
{
    FILE *mounts = fopen ("/proc/self/mountinfo", "re");
    if (!mounts)
        return false;
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    while (!found && getline (&line, &capacity, mounts) > 0) {
        unsigned major_number;
        unsigned minor_number;
        const char *rest = strstr (line, " - ");
        if (!rest ||
            sscanf (line, "%*u %*u %u:%u", &major_number, &minor_number) != 2 ||
            makedev (major_number, minor_number) != device)
            continue;
        rest += strlen (" - ");
        snprintf (type, size, "%.*s", (int) strcspn (rest, " "), rest);
        found = true;
    }
    free (line);
    (void) fclose (mounts);  //  Only read
    return found;
}

//  Refuses a file system of that type; the text says what to do.
static int
s_refuse (zseq_store_disk_t *disk, const char *name)
{
    char type[64];
    if (strcmp (name, "fuse") != 0 ||
        !s_mounted_as (disk->device, type, sizeof type))
        snprintf (type, sizeof type, "%s", name);
    char what[512];
    snprintf (what, sizeof what, ZSEQ_TEXT_FILESYSTEM_REFUSED, type);
    return zseq_store_disk_fail (disk, ZSEQ_EINVAL, ".", what);
}

int
zseq_store_filesystem_check (zseq_store_disk_t *disk)
{
    struct stat info;
    struct statfs filesystem;
    if (fstat (disk->fd, &info) != 0)
        return zseq_store_disk_fail_io (disk, ".", "stat");
    if (fstatfs (disk->fd, &filesystem) != 0)
        return zseq_store_disk_fail_io (disk, ".", "statfs");
    disk->device = info.st_dev;
    disk->sync_each = true;
    for (size_t i = 0; i < sizeof s_filesystems / sizeof *s_filesystems; i++) {
        //  Some types are negative where the kernel's type is a signed int.
        if ((filesystem.f_type & 0xffffffff) != (long) s_filesystems[i].type)
            continue;
        if (s_filesystems[i].trust == WHOLE)
            disk->sync_each = false;
        else if (!disk->unsafe)
            return s_refuse (disk, s_filesystems[i].name);
    }
    return ZSEQ_OK;
}

int
zseq_store_filesystem_private (zseq_store_disk_t *disk)
{
    struct stat info;
    if (fstat (disk->fd, &info) != 0)
        return zseq_store_disk_fail_io (disk, ".", "stat");
    char what[ZSEQ_STORE_TEXT_MAX];
    unsigned user = geteuid ();
    //  The path ends in a slash, so that it leads through a symbolic link.
    if (info.st_uid != user && info.st_uid != 0)
        snprintf (what, sizeof what, ZSEQ_TEXT_DIRECTORY_OWNER, info.st_uid,
                  user, info.st_uid, user, disk->path);
    else if (info.st_mode & (S_IWGRP | S_IWOTH))
        snprintf (what, sizeof what, ZSEQ_TEXT_DIRECTORY_WRITABLE, disk->path);
    else
        return ZSEQ_OK;
    return zseq_store_disk_fail (disk, ZSEQ_EINVAL, ".", what);
}

int
zseq_store_filesystem_same (zseq_store_disk_t *disk, int fd, const char *name,
                            const char *where)
{
    struct stat info;
    if (fstatat (fd, name, &info, 0) != 0)
        return errno == ENOENT ? ZSEQ_EAGAIN
                               : zseq_store_disk_fail_io (disk, where, "stat");
    if (info.st_dev == disk->device)
        return ZSEQ_OK;
    return zseq_store_disk_fail (disk, ZSEQ_EINVAL, where,
                                 ZSEQ_TEXT_FILESYSTEM_ELSEWHERE);
}
