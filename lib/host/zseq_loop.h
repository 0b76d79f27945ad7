//  What a thread waits for: descriptors, each with a handler, and a time.
//  Whoever has a descriptor adds it, and need not know who else waits:
//
//      zseq_loop_add (loop, fd, POLLIN, s_take_connection, self);
//      for (;;)
//          zseq_loop_wait (loop, zseq_clock_now_us () + 20000);
//
//  One thread at a time may use a loop. It owns no descriptor.

#ifndef ZSEQ_LOOP_H_INCLUDED
#define ZSEQ_LOOP_H_INCLUDED

#include <stdint.h>

typedef struct zseq_loop zseq_loop_t;

//  Called with what poll found: of events, or POLLERR, POLLHUP, POLLNVAL. It
//  may add and remove descriptors, its own and others; those that it removes
//  are not handled any more, those that it adds not before the next wait.
typedef void (zseq_loop_fn) (int fd, short revents, void *arg);

//  NULL: no memory.
zseq_loop_t *zseq_loop_new (void);
void zseq_loop_destroy (zseq_loop_t **self_p);

//  From now on waits for events (poll's) of fd, too, which was not added yet.
//  handler NULL: they end the wait, and that is all. Errors: ZSEQ_ENOMEM.
int zseq_loop_add (zseq_loop_t *self, int fd, short events,
                   zseq_loop_fn *handler, void *arg);

//  Not any more. To be called before fd is closed; one that was not added is
//  ignored.
void zseq_loop_remove (zseq_loop_t *self, int fd);

//  Waits until there are events, or until that time of zseq_clock_now_us; one
//  that has passed, as 0: only looks. Then calls the handlers, in the order in
//  which they were added. Signals do not end it.
void zseq_loop_wait (zseq_loop_t *self, uint64_t until_us);

#endif
