//  The wrapped system calls: zseq_faults.h.
//
//  Each __wrap_ function finds the path below the root (s_resolve),
//  counts the call, fails or kills the process if it is that call's turn, and
//  otherwise makes the real call and logs it.

#include "zseq_faults.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define CALLS_MAX 100000

int __real_openat (int fd, const char *path, int flags, ...);
int __real_mkdir (const char *path, mode_t mode);
int __real_mkdirat (int fd, const char *path, mode_t mode);
ssize_t __real_pwrite (int fd, const void *bytes, size_t size, off_t offset);
ssize_t __real_write (int fd, const void *bytes, size_t size);
ssize_t __real_read (int fd, void *bytes, size_t size);
struct dirent *__real_readdir (DIR *stream);
int __real_fsync (int fd);
int __real_fdatasync (int fd);
int __real_syncfs (int fd);
int __real_close (int fd);
int __real_renameat (int from_fd, const char *from, int to_fd, const char *to);
int __real_renameat2 (int from_fd, const char *from, int to_fd, const char *to,
                      unsigned flags);
int __real_unlinkat (int fd, const char *path, int flags);
int __real_ftruncate (int fd, off_t size);
int __real_fstatfs (int fd, struct statfs *info);

int __wrap_openat (int fd, const char *path, int flags, ...);
int __wrap_mkdir (const char *path, mode_t mode);
int __wrap_mkdirat (int fd, const char *path, mode_t mode);
ssize_t __wrap_pwrite (int fd, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_write (int fd, const void *bytes, size_t size);
ssize_t __wrap_read (int fd, void *bytes, size_t size);
struct dirent *__wrap_readdir (DIR *stream);
int __wrap_fsync (int fd);
int __wrap_fdatasync (int fd);
int __wrap_syncfs (int fd);
int __wrap_close (int fd);
int __wrap_renameat (int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat2 (int from_fd, const char *from, int to_fd, const char *to,
                      unsigned flags);
int __wrap_unlinkat (int fd, const char *path, int flags);
int __wrap_ftruncate (int fd, off_t size);
int __wrap_fstatfs (int fd, struct statfs *info);

static struct {
    pthread_mutex_t mutex;
    bool fast;
    bool typeless;
    unsigned long filesystem;
    bool on;
    char root[PATH_MAX];
    zseq_call_t *log;
    size_t count;
    size_t seen;
    size_t kill_at;
    bool torn;
    bool dribble;
    unsigned dribbled;
    char fail_call[16];
    size_t fail_at;
    size_t fail_seen;
    int fail_error;
    bool fail_repeat;
    zseq_call_t failed;
} s_faults = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void
zseq_faults_begin (const char *root)
{
    zseq_faults_end ();
    assert (realpath (root, s_faults.root));
    s_faults.log = calloc (CALLS_MAX, sizeof *s_faults.log);
    assert (s_faults.log);
    s_faults.on = true;
}

void
zseq_faults_stop (void)
{
    s_faults.on = false;
}

void
zseq_faults_end (void)
{
    for (size_t i = 0; i < s_faults.count; i++)
        free (s_faults.log[i].data);
    free (s_faults.log);
    bool fast = s_faults.fast;
    unsigned long filesystem = s_faults.filesystem;
    memset (&s_faults, 0, sizeof s_faults);
    pthread_mutex_init (&s_faults.mutex, NULL);
    s_faults.fast = fast;
    s_faults.filesystem = filesystem;
}

void
zseq_faults_fail (const char *call, size_t when, int error, bool repeat)
{
    snprintf (s_faults.fail_call, sizeof s_faults.fail_call, "%s",
              call ? call : "");
    s_faults.fail_at = when;
    s_faults.fail_seen = 0;
    s_faults.fail_error = error;
    s_faults.fail_repeat = repeat;
    s_faults.failed.call = NULL;
}

void
zseq_faults_kill (size_t when, bool torn)
{
    s_faults.kill_at = when;
    s_faults.torn = torn;
}

void
zseq_faults_dribble (bool on)
{
    s_faults.dribble = on;
}

void
zseq_faults_fast (bool on)
{
    s_faults.fast = on;
}

void
zseq_faults_typeless (bool on)
{
    s_faults.typeless = on;
}

void
zseq_faults_filesystem (unsigned long type)
{
    s_faults.filesystem = type;
}

size_t
zseq_faults_seen (void)
{
    return s_faults.seen;
}

const zseq_call_t *
zseq_faults_failed (void)
{
    return s_faults.failed.call ? &s_faults.failed : NULL;
}

const zseq_call_t *
zseq_faults_log (size_t *count_p)
{
    *count_p = s_faults.count;
    return s_faults.log;
}

//  Leaves "seq/XX/.tmp" of "seq/5b/.tmp-123-4".
static void
s_generalize (char *path)
{
    if (strncmp (path, "seq/", 4) == 0 && strlen (path) >= 6 &&
        (path[6] == '/' || path[6] == 0))
        memcpy (path + 4, "XX", 2);
    char *temp = strstr (path, ".tmp-");
    if (temp)
        temp[strlen (".tmp")] = 0;
}

const char *
zseq_faults_line (size_t index)
{
    static char line[700];
    zseq_call_t call = s_faults.log[index];
    s_generalize (call.path);
    s_generalize (call.to);
    snprintf (line, sizeof line, "%s%s%s%s%s", call.call,
              call.path[0] ? " " : "", call.path, call.to[0] ? " " : "",
              call.to);
    return line;
}

//  Finds the path of name in fd's directory, or of fd itself, below the root.
//  Returns whether it is there.
static bool
s_resolve (int fd, const char *name, char *path, size_t size)
{
    if (!s_faults.on)
        return false;
    char link[64];
    char full[PATH_MAX + 320];
    snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink (link, full, PATH_MAX);
    if (length < 0)
        return false;
    full[length] = 0;
    if (name)
        snprintf (full + length, sizeof full - (size_t) length, "/%s", name);
    size_t root = strlen (s_faults.root);
    if (strncmp (full, s_faults.root, root) != 0 ||
        (full[root] != '/' && full[root] != 0))
        return false;
    snprintf (path, size, "%.300s", full[root] ? full + root + 1 : ".");
    return true;
}

//  Counts a call. Returns the error that it has to fail with, or 0.
static int
s_enter (const zseq_call_t *call)
{
    pthread_mutex_lock (&s_faults.mutex);
    int error = 0;
    s_faults.seen++;
    if (s_faults.seen == s_faults.kill_at &&
        !(s_faults.torn && strcmp (call->call, "write") == 0))
        kill (getpid (), SIGKILL);
    if (s_faults.fail_at > 0 &&
        (!s_faults.fail_call[0] ||
         strcmp (s_faults.fail_call, call->call) == 0)) {
        s_faults.fail_seen++;
        if (s_faults.fail_seen == s_faults.fail_at ||
            (s_faults.fail_repeat && s_faults.fail_seen > s_faults.fail_at)) {
            error = s_faults.fail_error;
            if (!s_faults.failed.call)
                s_faults.failed = *call;
        }
    }
    pthread_mutex_unlock (&s_faults.mutex);
    return error;
}

static void
s_leave (const zseq_call_t *call, const void *data)
{
    pthread_mutex_lock (&s_faults.mutex);
    assert (s_faults.count < CALLS_MAX);
    zseq_call_t *entry = &s_faults.log[s_faults.count++];
    *entry = *call;
    if (data) {
        entry->data = malloc (call->size);
        assert (entry->data);
        memcpy (entry->data, data, call->size);
    }
    pthread_mutex_unlock (&s_faults.mutex);
}

//  Enter, call, leave: for calls that return 0 on success.
#define S_WATCH(call, real)                                                    \
    do {                                                                       \
        int error = s_enter (&(call));                                         \
        if (error) {                                                           \
            errno = error;                                                     \
            return -1;                                                         \
        }                                                                      \
        int rc = (real);                                                       \
        if (rc >= 0)                                                           \
            s_leave (&(call), NULL);                                           \
        return rc;                                                             \
    } while (0)

int
__wrap_openat (int fd, const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list args;
        va_start (args, flags);
        mode = va_arg (args, mode_t);
        va_end (args);
    }
    zseq_call_t call = {.call = flags & O_CREAT ? "create" : "open"};
    if (!s_resolve (fd, path, call.path, sizeof call.path))
        return __real_openat (fd, path, flags, mode);
    //  Opening an existing file leaves no trace in the log.
    int error = s_enter (&call);
    if (error) {
        errno = error;
        return -1;
    }
    int opened = __real_openat (fd, path, flags, mode);
    if (opened >= 0 && flags & O_CREAT)
        s_leave (&call, NULL);
    return opened;
}

int
__wrap_mkdir (const char *path, mode_t mode)
{
    zseq_call_t call = {.call = "mkdir"};
    if (!s_faults.on ||
        strncmp (path, s_faults.root, strlen (s_faults.root)) != 0)
        return __real_mkdir (path, mode);
    S_WATCH (call, __real_mkdir (path, mode));
}

int
__wrap_mkdirat (int fd, const char *path, mode_t mode)
{
    zseq_call_t call = {.call = "mkdir"};
    if (!s_resolve (fd, path, call.path, sizeof call.path))
        return __real_mkdirat (fd, path, mode);
    S_WATCH (call, __real_mkdirat (fd, path, mode));
}

ssize_t
__wrap_pwrite (int fd, const void *bytes, size_t size, off_t offset)
{
    zseq_call_t call = {.call = "write", .offset = offset};
    if (!s_resolve (fd, NULL, call.path, sizeof call.path))
        return __real_pwrite (fd, bytes, size, offset);
    int error = s_enter (&call);
    if (error) {
        //  A disk that fills up takes the first half.
        (void) !__real_pwrite (fd, bytes, size / 2, offset);
        errno = error;
        return -1;
    }
    if (s_faults.seen == s_faults.kill_at) {
        (void) !__real_pwrite (fd, bytes, size / 2, offset);
        kill (getpid (), SIGKILL);
    }
    if (s_faults.dribble && ++s_faults.dribbled % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    ssize_t written =
      __real_pwrite (fd, bytes, s_faults.dribble ? 1 : size, offset);
    if (written >= 0) {
        call.size = (size_t) written;
        s_leave (&call, bytes);
    }
    return written;
}

ssize_t
__wrap_write (int fd, const void *bytes, size_t size)
{
    char link[64];
    char path[64] = "";
    snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
    if (!s_faults.on || readlink (link, path, sizeof path - 1) < 0 ||
        !strstr (path, "eventfd"))
        return __real_write (fd, bytes, size);
    zseq_call_t call = {.call = "complete"};
    (void) s_enter (&call);
    s_leave (&call, NULL);
    return __real_write (fd, bytes, size);
}

ssize_t
__wrap_read (int fd, void *bytes, size_t size)
{
    zseq_call_t call = {.call = "read"};
    int error =
      s_resolve (fd, NULL, call.path, sizeof call.path) ? s_enter (&call) : 0;
    if (!error)
        return __real_read (fd, bytes, size);
    errno = error;
    return -1;
}

struct dirent *
__wrap_readdir (DIR *stream)
{
    struct dirent *entry = __real_readdir (stream);
    if (entry && s_faults.typeless)
        entry->d_type = DT_UNKNOWN;
    return entry;
}

int
__wrap_fsync (int fd)
{
    zseq_call_t call = {.call = "fsync"};
    if (!s_resolve (fd, NULL, call.path, sizeof call.path))
        return s_faults.fast ? 0 : __real_fsync (fd);
    S_WATCH (call, s_faults.fast ? 0 : __real_fsync (fd));
}

int
__wrap_fdatasync (int fd)
{
    zseq_call_t call = {.call = "fdatasync"};
    if (!s_resolve (fd, NULL, call.path, sizeof call.path))
        return s_faults.fast ? 0 : __real_fdatasync (fd);
    S_WATCH (call, s_faults.fast ? 0 : __real_fdatasync (fd));
}

int
__wrap_syncfs (int fd)
{
    zseq_call_t call = {.call = "syncfs"};
    if (!s_resolve (fd, NULL, call.path, sizeof call.path))
        return s_faults.fast ? 0 : __real_syncfs (fd);
    S_WATCH (call, s_faults.fast ? 0 : __real_syncfs (fd));
}

int
__wrap_close (int fd)
{
    zseq_call_t call = {.call = "close"};
    if (!s_resolve (fd, NULL, call.path, sizeof call.path))
        return __real_close (fd);
    int error = s_enter (&call);
    int rc = __real_close (fd);
    if (rc == 0 && !error)
        s_leave (&call, NULL);
    if (!error)
        return rc;
    errno = error;
    return -1;
}

int
__wrap_renameat (int from_fd, const char *from, int to_fd, const char *to)
{
    zseq_call_t call = {.call = "rename"};
    if (!s_resolve (from_fd, from, call.path, sizeof call.path) ||
        !s_resolve (to_fd, to, call.to, sizeof call.to))
        return __real_renameat (from_fd, from, to_fd, to);
    S_WATCH (call, __real_renameat (from_fd, from, to_fd, to));
}

int
__wrap_renameat2 (int from_fd, const char *from, int to_fd, const char *to,
                  unsigned flags)
{
    assert (flags == RENAME_EXCHANGE);
    zseq_call_t call = {.call = "exchange"};
    if (!s_resolve (from_fd, from, call.path, sizeof call.path) ||
        !s_resolve (to_fd, to, call.to, sizeof call.to))
        return __real_renameat2 (from_fd, from, to_fd, to, flags);
    S_WATCH (call, __real_renameat2 (from_fd, from, to_fd, to, flags));
}

int
__wrap_unlinkat (int fd, const char *path, int flags)
{
    zseq_call_t call = {.call = "unlink"};
    if (!s_resolve (fd, path, call.path, sizeof call.path))
        return __real_unlinkat (fd, path, flags);
    S_WATCH (call, __real_unlinkat (fd, path, flags));
}

int
__wrap_ftruncate (int fd, off_t size)
{
    zseq_call_t call = {.call = "truncate", .offset = size};
    if (!s_resolve (fd, NULL, call.path, sizeof call.path))
        return __real_ftruncate (fd, size);
    S_WATCH (call, __real_ftruncate (fd, size));
}

int
__wrap_fstatfs (int fd, struct statfs *info)
{
    int rc = __real_fstatfs (fd, info);
    if (rc == 0 && s_faults.filesystem)
        info->f_type = (__typeof__ (info->f_type)) s_faults.filesystem;
    return rc;
}
