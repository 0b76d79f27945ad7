//  Plain TCP with epoll: an echo server and its clients, without ZeroMQ. The
//  floor of whatever speaks over sockets.

#ifndef ZSEQ_BENCH_PLAIN_H_INCLUDED
#define ZSEQ_BENCH_PLAIN_H_INCLUDED

#include "zseq_bench_load.h"

#define ZSEQ_BENCH_PLAIN_NODES_MAX 9

//  Requests and replies have these sizes.
typedef struct {
    size_t request_size;  //  8..ZSEQ_BENCH_PLAIN_SIZE_MAX
    size_t reply_size;    //  The same
} zseq_bench_plain_t;

#define ZSEQ_BENCH_PLAIN_SIZE_MAX 256

//  Makes a socket that listens on loopback. Sets the port. Returns the socket,
//  or -1 with errno set.
int zseq_bench_plain_listen (uint16_t *port_p);

//  Answers each request on connections to that socket, in the thread of the
//  caller. Returns 1 if it cannot go on; else never.
int zseq_bench_plain_serve (const zseq_bench_plain_t *self, int listener);

//  Connects to the n (1..ZSEQ_BENCH_PLAIN_NODES_MAX) ports, for operations that
//  wait for the first w replies. Returns 0; or -1 with the reason in text.
int zseq_bench_plain_open (const zseq_bench_plain_t *self,
                           const uint16_t *ports, size_t n, size_t w,
                           void **context_p, char *text);

//  Asks all servers, and waits for the replies, count times: as
//  zseq_bench_operation_t's repeat and close.
int zseq_bench_plain_repeat (void *context, size_t count, uint64_t *last,
                             char *text);
void zseq_bench_plain_close (void *context);

#endif
