//  A planted mistake for the power cuts to find: in the daemon
//  zseqd-careless, directories are never synced, nor are whole file systems.
//  Linked with --wrap=fsync and --wrap=syncfs.

#include <sys/stat.h>

int __real_fsync (int fd);
int __wrap_fsync (int fd);
int __wrap_syncfs (int fd);

int
__wrap_fsync (int fd)
{
    struct stat status;
    if (fstat (fd, &status) == 0 && S_ISDIR (status.st_mode))
        return 0;
    return __real_fsync (fd);
}

int
__wrap_syncfs (int fd)
{
    (void) fd;
    return 0;
}
