//  A loop in which a thread waits for descriptors, each with a handler, and for
//  a time. Each part of a program adds its own descriptors and needs to know of
//  no other:
//
//      zseq_loop_add (loop, fd, POLLIN, s_take_connection, self);
//      for (;;)
//          zseq_loop_wait (loop, zseq_clock_now_us () + 20000);
//
//  One thread at a time may use a loop. It owns no descriptor.

#ifndef ZSEQ_LOOP_H_INCLUDED
#define ZSEQ_LOOP_H_INCLUDED

#include <poll.h>
#include <stdint.h>
#include <time.h>

typedef struct zseq_loop zseq_loop_t;

//  Called with what poll found in revents: some of the events waited for, or
//  POLLERR, POLLHUP, POLLNVAL. A handler may add and remove descriptors, its
//  own and others. The loop calls no handler of a removed descriptor, and that
//  of an added one only after the next wait.
typedef void (zseq_loop_fn) (int fd, short revents, void *arg);

//  Waits as ppoll does.
typedef int (zseq_loop_poll_fn) (struct pollfd *fds, size_t count,
                                 const struct timespec *timeout, void *arg);

//  NULL: no memory.
zseq_loop_t *zseq_loop_new (void);
void zseq_loop_destroy (zseq_loop_t **self_p);

//  Has the loop wait in poll, and not in ppoll.
void zseq_loop_set_poll (zseq_loop_t *self, zseq_loop_poll_fn *poll, void *arg);

//  Adds fd, which must not be in the loop, and poll's events to wait for. With
//  a NULL handler, events only end the wait. Errors: ZSEQ_ENOMEM.
int zseq_loop_add (zseq_loop_t *self, int fd, short events,
                   zseq_loop_fn *handler, void *arg);

//  Removes fd; call it before you close fd. Ignores a descriptor that is not in
//  the loop.
void zseq_loop_remove (zseq_loop_t *self, int fd);

//  Waits until there are events, or until zseq_clock_now_us reaches until_us;
//  with a time in the past, such as 0, only polls. Then calls the handlers in
//  the order of their addition. A signal does not end the wait.
void zseq_loop_wait (zseq_loop_t *self, uint64_t until_us);

#endif
