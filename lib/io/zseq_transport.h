//  The sockets: the one file that knows ZeroMQ. A node binds one ROUTER for
//  all requests; whoever asks nodes has one DEALER, a link, per node.
//  Socket options: lib/doc/wire.md, section 2.
//
//  One thread at a time may use a transport, whichever it is: hand it over
//  under a lock. zseq_transport_fds is made for waiting without that lock.

#ifndef ZSEQ_TRANSPORT_H_INCLUDED
#define ZSEQ_TRANSPORT_H_INCLUDED

#include <poll.h>

#include "zseq_msg.h"

#define ZSEQ_LINKS_MAX (2 * ZSEQ_NODES_MAX)

//  How sockets are. 0: as it is by default, which the number behind says.
typedef struct {
    int queue_max;  //  Messages that may wait to be sent on a connection:
                    //  what it can cost (1024)
    int backlog;    //  Connections that may wait to be accepted (1024)
    int message_size_max;  //  Bytes of a message that is received
                           //  (ZSEQ_MESSAGE_MAX)
    //  Milliseconds.
    int linger_ms;     //  How long a node that ends waits for its last
                       //  replies to leave (200)
    int silence_ms;    //  Until a peer that acknowledges nothing is taken to
                       //  be gone (3000)
    int reconnect_ms;  //  Until a connection is tried again (20)
    int reconnect_ms_max;  //  ... which doubles up to that (1000)
    int connect_ms;        //  How long connecting may take (3000)
    int handshake_ms;      //  ... and the handshake after it (5000)
} zseq_transport_options_t;

typedef struct zseq_transport zseq_transport_t;

//  options are copied; NULL: all by default. Returns NULL when memory or
//  descriptors are out.
zseq_transport_t *zseq_transport_new (const zseq_transport_options_t *options);
void zseq_transport_destroy (zseq_transport_t **self_p);

//  Why the last call failed.
const char *zseq_transport_text (const zseq_transport_t *self);

//  How much may wait in a socket to be received is not bounded: whoever listens
//  to strangers watches over the process's memory, and resets the transport.

//  Binds the ROUTER. Errors: ZSEQ_EINVAL (malformed endpoint), ZSEQ_ELOCKED
//  (another process listens there), ZSEQ_EIO (no permission, no such address).
int zseq_transport_bind (zseq_transport_t *self, const char *endpoint);

//  Closes the ROUTER and all links, with what waits in them. It may take a moment
//  until the endpoint can be bound again.
void zseq_transport_reset (zseq_transport_t *self);

//  Opens link index (0..ZSEQ_LINKS_MAX - 1) to endpoint, in the background;
//  closes what it was before. Errors: ZSEQ_EINVAL (malformed), ZSEQ_EIO.
int zseq_transport_link (zseq_transport_t *self, size_t index,
                         const char *endpoint);
void zseq_transport_unlink (zseq_transport_t *self, size_t index);

//  Sends one frame. Never blocks. Errors: ZSEQ_EAGAIN (not connected now, or
//  its queue is full), nothing sent.
int zseq_transport_send (zseq_transport_t *self, size_t index,
                         const uint8_t *bytes, size_t size);
int zseq_transport_reply (zseq_transport_t *self, const zseq_route_t *route,
                          const uint8_t *bytes, size_t size);

//  Whether link index could take a message now.
bool zseq_transport_ready (zseq_transport_t *self, size_t index);

//  Takes the next frame of link index, or of the ROUTER, which is valid until
//  the next call of either. Messages with another number of frames, or from a
//  routing ID longer than ZSEQ_ROUTE_MAX, are dropped; the ROUTER gives an empty
//  one instead, so that its user can take turns. Errors: ZSEQ_EAGAIN.
int zseq_transport_recv (zseq_transport_t *self, size_t index,
                         const uint8_t **bytes_p, size_t *size_p);
int zseq_transport_recv_request (zseq_transport_t *self, zseq_route_t *route_p,
                                 const uint8_t **bytes_p, size_t *size_p);

//  Fills fds with what to poll for POLLIN: the sockets' descriptors. They tell
//  of edges: before polling, every socket must have been received from until
//  ZSEQ_EAGAIN since the last send or receive. Returns how many, at most
//  ZSEQ_LINKS_MAX + 1.
size_t zseq_transport_fds (const zseq_transport_t *self, struct pollfd *fds);

//  Takes note of what poll found. A socket that was found empty is not asked again
//  before its descriptor has told, or something was sent: each look costs two
//  system calls.
void zseq_transport_heed (zseq_transport_t *self, const struct pollfd *fds,
                          size_t count);

#endif
