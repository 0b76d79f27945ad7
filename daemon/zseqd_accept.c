//  The accept4 that libzmq calls, in place of the one of libc. Without a free
//  descriptor, libzmq 4.3.4 aborts if the node's endpoint is ipc, and else asks
//  again without a pause, while the connection waits. This one holds a
//  descriptor in reserve, gives it to the connection, and closes that. The
//  server logs that none is left.

#include "zseqd_accept.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

//  Not sys/socket.h, whose accept4 has a type of its own.
__attribute__ ((visibility ("default"))) int
accept4 (int listener, void *address, void *size, int flags);

//  Only libzmq's single I/O thread uses these once the sockets are open.
static int s_reserve = -1;

static void
s_hold (void)
{
    if (s_reserve == -1)
        s_reserve = open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

void
zseqd_accept_init (void)
{
    s_hold ();
}

//  Hangs up on the next connection.
static void
s_refuse (int listener, int flags)
{
    if (s_reserve == -1)
        return;
    close (s_reserve);
    s_reserve = -1;
    int fd = (int) syscall (SYS_accept4, listener, NULL, NULL, flags);
    if (fd != -1)
        close (fd);
}

int
accept4 (int listener, void *address, void *size, int flags)
{
    s_hold ();
    int fd = (int) syscall (SYS_accept4, listener, address, size, flags);
    if (fd != -1 || (errno != EMFILE && errno != ENFILE))
        return fd;
    s_refuse (listener, flags);
    s_hold ();
    //  Of the two, the one that libzmq knows for each kind of endpoint.
    errno = ENFILE;
    return -1;
}
