//  A planted bug that the power cuts must find: the daemon zseqd-careless never
//  syncs directories or whole file systems. Linked with --wrap=fsync and
//  --wrap=syncfs.

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
