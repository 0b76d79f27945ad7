#include "zseq_disk.h"
#include "zseq_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

//  EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN have the same number and the same
//  flags for "do not write the log".
#define S_SHUTDOWN _IOR ('X', 125, uint32_t)
#define S_NO_LOG_FLUSH 2

#define S_EXT4_SIZE (64l << 20)
#define S_XFS_SIZE (320l << 20)  //  mkfs.xfs takes no less than 300 MB
#define S_DEVICES_MAX 256

struct zseq_disk {
    const char *type;
    const char *point;
    int device;  //  Keeps the loop device
    char path[32];
};

//  Makes a loop device over memory of that size, which vanishes when it is
//  closed.
static int
s_open_device (char *path, size_t path_size, long size)
{
    int control = open ("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int memory = memfd_create ("zseq-disk", MFD_CLOEXEC);
    int device = -1;
    if (control == -1 || memory == -1 || ftruncate (memory, size) == -1)
        goto end;
    //  Another process may be faster.
    for (int tries = 0; tries < S_DEVICES_MAX; tries++) {
        int number = ioctl (control, LOOP_CTL_GET_FREE);
        if (number == -1)
            break;
        snprintf (path, path_size, "/dev/loop%d", number);
        device = open (path, O_RDWR | O_CLOEXEC);
        if (device == -1)
            break;
        struct loop_config config = {.fd = (uint32_t) memory,
                                     .info.lo_flags = LO_FLAGS_AUTOCLEAR};
        if (ioctl (device, LOOP_CONFIGURE, &config) == 0)
            break;
        close (device);
        device = -1;
        if (errno != EBUSY)
            break;
    }

end:
    if (memory != -1)
        close (memory);
    if (control != -1)
        close (control);
    return device;
}

static bool
s_known (const char *type)
{
    const char *modprobe[] = {"modprobe", "-q", type, NULL};
    (void) zseq_process_wait (zseq_process_exec (modprobe, "/dev/null"));
    char *list = zseq_process_read ("/proc/filesystems", 0);
    bool known = strstr (list, type) != NULL;
    free (list);
    return known;
}

bool
zseq_disk_available (const char *type)
{
    assert (type);
    if (unshare (CLONE_NEWNS) == -1 ||
        mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1) {
        printf ("no mounts here: %s\n", strerror (errno));
        return false;
    }
    char path[32];
    int device = s_open_device (path, sizeof path, 1l << 20);
    if (device == -1) {
        printf ("no loop device here: %s\n", strerror (errno));
        return false;
    }
    close (device);
    if (!s_known (type)) {
        printf ("no %s here\n", type);
        return false;
    }
    return true;
}

static void
s_mount (zseq_disk_t *self, bool hard)
{
    //  Only an fsync makes ext4 write, not even a rename.
    const char *options = "";
    if (strcmp (self->type, "ext4") == 0)
        options = hard ? "noauto_da_alloc,commit=300,data=writeback"
                       : "noauto_da_alloc,commit=300,data=ordered";
    if (mount (self->path, self->point, self->type, 0, options) == -1)
        zseq_process_fail ("mount of %s: %s", self->type, strerror (errno));
}

zseq_disk_t *
zseq_disk_new (const char *type, const char *point, const char *log)
{
    assert (type);
    assert (point);
    assert (log);
    zseq_disk_t *self = calloc (1, sizeof *self);
    assert (self);
    self->type = type;
    self->point = point;
    bool xfs = strcmp (type, "xfs") == 0;
    self->device = s_open_device (self->path, sizeof self->path,
                                  xfs ? S_XFS_SIZE : S_EXT4_SIZE);
    if (self->device == -1)
        zseq_process_fail ("loop device: %s", strerror (errno));
    const char *mkxfs[] = {"mkfs.xfs", "-q", "-K", self->path, NULL};
    const char *mkext4[] = {"mkfs.ext4", "-q",
                            "-E",        "nodiscard,lazy_itable_init=0",
                            self->path,  NULL};
    int status =
      zseq_process_wait (zseq_process_exec (xfs ? mkxfs : mkext4, log));
    if (status != 0)
        zseq_process_fail ("mkfs of %s: exit status %d: %s", type, status,
                           zseq_process_read (log, 0));
    s_mount (self, false);
    return self;
}

void
zseq_disk_destroy (zseq_disk_t **self_p)
{
    assert (self_p);
    zseq_disk_t *self = *self_p;
    if (!self)
        return;
    //  A process that still uses it loses it a little later.
    (void) umount2 (self->point, MNT_DETACH);
    close (self->device);
    free (self);
    *self_p = NULL;
}

void
zseq_disk_cut (zseq_disk_t *self)
{
    assert (self);
    int root = open (self->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint32_t flags = S_NO_LOG_FLUSH;
    if (root == -1 || ioctl (root, S_SHUTDOWN, &flags) == -1)
        zseq_process_fail ("shutdown of %s: %s", self->type, strerror (errno));
    close (root);
}

void
zseq_disk_boot (zseq_disk_t *self, bool hard)
{
    assert (self);
    if (umount (self->point) == -1)
        zseq_process_fail ("umount: %s", strerror (errno));
    s_mount (self, hard);
}
