//  What a build with thread sanitizer needs: how it reports, what it must leave
//  out, and addresses at which Criterion's memory can be. Part of every program
//  of such a build, and of no other.

#include <stdint.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define VISIBLE __attribute__ ((visibility ("default")))

VISIBLE const char *__tsan_default_options (void);
VISIBLE const char *__tsan_default_suppressions (void);
VISIBLE int mincore (void *address, size_t size, unsigned char *vector);
VISIBLE void *mmap64 (void *address, size_t size, int prot, int flags, int fd,
                      off64_t offset);
void *__interceptor_mmap64 (void *address, size_t size, int prot, int flags,
                            int fd, off64_t offset);

//  The first report ends the program, so that a test fails that ignores what
//  its child returns. Tests fork from programs that have threads.
const char *
__tsan_default_options (void)
{
    return "halt_on_error=1 second_deadlock_stack=1 die_after_fork=0";
}

//  Neither library is instrumented. libzmq hands memory from thread to thread
//  by atomic operations of its own, which the sanitizer does not see, so that
//  it takes what libzmq and, below it, libstdc++ do with that memory for races.
//  Our code meets none of it but through zmq_msg_t's that it owns. The same of
//  what it calls: libsodium opens messages in that memory, and libpgm counts in
//  which contexts it is.
const char *
__tsan_default_suppressions (void)
{
    return "called_from_lib:libzmq.so.5\n"
           "race:libzmq.so\n"
           "race:libstdc++.so\n"
           "race:libsodium.so\n"
           "race:libpgm-5\n";
}

//  Criterion puts memory that its processes share at addresses below those that
//  the sanitizer leaves to programs; this moves them, always by the same way.

#define LOWEST 0x7e8000000000
#define MOVED 0x7e9000000000
#define KEPT 0x007ffffff000

static void *
s_move (void *address)
{
    uintptr_t at = (uintptr_t) address;
    return at && at < LOWEST ? (void *) (MOVED + (at & KEPT)) : address;
}

int
mincore (void *address, size_t size, unsigned char *vector)
{
    return (int) syscall (SYS_mincore, s_move (address), size, vector);
}

void *
mmap64 (void *address, size_t size, int prot, int flags, int fd, off64_t offset)
{
    return __interceptor_mmap64 (s_move (address), size, prot, flags, fd,
                                 offset);
}
