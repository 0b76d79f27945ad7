//  The sockets: the only class that knows ZeroMQ. A node binds one ROUTER for
//  all requests. A client, or a node that sends requests, has one DEALER per
//  node, called a link. Socket options: lib/doc/wire.md, section 2.
//
//  There are two kinds, and each talks to both (lib/doc/transport.md): one uses
//  libzmq, the other is our own.
//
//  A node calls zseq_transport_new and _bind, receives with _recv_request and
//  answers with _reply. The sender of requests calls _new and _link, then _send
//  and _recv, or _drain for all links at once. Both poll the descriptors of
//  zseq_transport_fds with zseq_transport_poll, and pass the result to
//  zseq_transport_note_ready. Before they wait, they call zseq_transport_flush.
//
//  Any thread may use a transport, one at a time: guard the transport with a
//  lock. One thread may poll the descriptors without that lock.

#ifndef ZSEQ_TRANSPORT_H_INCLUDED
#define ZSEQ_TRANSPORT_H_INCLUDED

#include <poll.h>

#include "zseq_address.h"
#include "zseq_curve.h"
#include "zseq_msg.h"

#define ZSEQ_LINKS_MAX (2 * ZSEQ_NODES_MAX)

typedef enum {
    ZSEQ_TRANSPORT_NONE,
    ZSEQ_TRANSPORT_ZMQ,
    ZSEQ_TRANSPORT_NATIVE
} zseq_transport_kind_t;

//  The kind of that name, zmq or native; NONE: this build has none of that
//  name.
zseq_transport_kind_t zseq_transport_kind_find (const char *name);

//  The kind to use: the given one; if that is NONE, what $ZSEQ_TRANSPORT names,
//  by default zmq, if this build has it. NONE: $ZSEQ_TRANSPORT names no kind.
zseq_transport_kind_t zseq_transport_kind_choose (zseq_transport_kind_t given);

//  Options of the sockets. 0 means the default, which is in brackets.
typedef struct {
    zseq_transport_kind_t kind;  //  (As zseq_transport_kind_choose says)
    //  Our key pair, and whom a ROUTER lets in (none). With keys, all
    //  connections have the mechanism CURVE, and who has no keys is refused;
    //  without, who has some is.
    const zseq_curve_keys_t *keys;
    int queue_max;         //  Messages that may wait on a connection to be
                           //  sent, and with the native kind as many that are
                           //  being sent, 512 KiB each: bounds its memory
                           //  (1024)
    int backlog;           //  Connections that may wait to be accepted (4096)
    int message_size_max;  //  Bytes of a received message
                           //  (ZSEQ_MESSAGE_MAX)
    //  Of the native kind only. Connections that a ROUTER has at the same time
    //  (16384), and of these from one address of IPv4 or one network of 64 bits
    //  of IPv6, but for this host's (4096).
    int connections_max;
    int source_max;
    //  Milliseconds.
    int linger_ms;         //  How long a closing ROUTER goes on sending its
                           //  last replies (200)
    int silence_ms;        //  Until a peer that acknowledges nothing counts
                           //  as gone (3000)
    int reconnect_ms;      //  Until a failed connection is retried (20)
    int reconnect_ms_max;  //  The delay doubles up to this (1000)
    int connect_ms;        //  Limit of a connection attempt (3000)
    int handshake_ms;      //  Limit of the handshake after it (5000)
} zseq_transport_options_t;

typedef struct zseq_transport zseq_transport_t;

//  Copies options, keys too; NULL means all defaults. What keys.allow asks, it
//  asks in the thread that receives. Returns NULL when out of memory.
zseq_transport_t *zseq_transport_new (const zseq_transport_options_t *options);
void zseq_transport_destroy (zseq_transport_t **self_p);

//  Why the last call failed.
const char *zseq_transport_text (const zseq_transport_t *self);

//  With libzmq, a socket's input queue is unlimited. A server for untrusted
//  clients watches the process's memory and resets the transport.

//  Binds the ROUTER. Replaces the socket that an ended process has left at the
//  path of an ipc endpoint, and no file of another kind. Errors: ZSEQ_EINVAL
//  (malformed endpoint), ZSEQ_ELOCKED (another process listens there), ZSEQ_EIO
//  (no permission, no such address, a file that is no socket; too few
//  descriptors, threads or watches are left).
int zseq_transport_bind (zseq_transport_t *self, const char *endpoint);

//  Closes the ROUTER and all links, and discards their queued messages. The
//  endpoint may stay bound for a moment.
void zseq_transport_reset (zseq_transport_t *self);

//  Opens link index (0..ZSEQ_LINKS_MAX - 1) to endpoint, in the background, and
//  closes the link that had the index. Errors: ZSEQ_EINVAL (malformed),
//  ZSEQ_EIO (too few descriptors, threads or watches are left).
int zseq_transport_link (zseq_transport_t *self, size_t index,
                         const char *endpoint);
//  With keys: pins the public key of the node that link index goes to from the
//  next _link on. Without a key that is one, _link fails with ZSEQ_EINVAL.
void zseq_transport_pin (zseq_transport_t *self, size_t index,
                         const uint8_t *public_key);

//  What the node has let link index know of why it gets no connection: who is
//  refused for its keys, or for the lack of some, is. NULL: nothing.
const char *zseq_transport_trouble (zseq_transport_t *self, size_t index);

void zseq_transport_unlink (zseq_transport_t *self, size_t index);

//  Sends one frame, at the latest with the next flush. Never blocks. Errors:
//  ZSEQ_EAGAIN (not connected, or the queue is full), nothing sent.
int zseq_transport_send (zseq_transport_t *self, size_t index,
                         const uint8_t *bytes, size_t size);

//  Sends one frame over each link of a set (bit index for link index). Returns
//  the set of links that accepted the frame.
uint32_t zseq_transport_send_all (zseq_transport_t *self, uint32_t links,
                                  const uint8_t *bytes, size_t size);

//  Sends one frame to the sender of a request, as zseq_transport_send does.
int zseq_transport_reply (zseq_transport_t *self, const zseq_route_t *route,
                          const uint8_t *bytes, size_t size);

//  Sends what is left to send. Any thread may call it at any time, also without
//  the lock that guards the transport: the system's calls, which are slow, then
//  delay no thread that waits for the lock. While a thread does so, all others
//  return at once, and that thread sends theirs, too.
void zseq_transport_flush (zseq_transport_t *self);

//  Ends the connections of the ROUTER that take most memory, until half of what
//  they take is free. Returns how many; 0: there are none, or the kind cannot
//  tell.
size_t zseq_transport_shed (zseq_transport_t *self);

//  Whether there is anything to flush.
bool zseq_transport_unflushed (const zseq_transport_t *self);

//  Whether link index could take a message now.
bool zseq_transport_ready (zseq_transport_t *self, size_t index);

//  Takes the next frame of link index, or of the ROUTER. The frame is valid
//  until the next call of either. Drops messages of several frames and messages
//  from a routing ID longer than ZSEQ_ROUTE_MAX. For each message that the
//  ROUTER drops, _recv_request returns an empty frame, so that its caller can
//  do other work in between. Errors: ZSEQ_EAGAIN.
int zseq_transport_recv (zseq_transport_t *self, size_t index,
                         const uint8_t **bytes_p, size_t *size_p);
int zseq_transport_recv_request (zseq_transport_t *self, zseq_route_t *route_p,
                                 const uint8_t **bytes_p, size_t *size_p);

//  The public key that the sender of the last request has proved to have the
//  secret of; NULL: there are no keys, or the last call has returned no
//  request. Valid until the next _recv_request.
const uint8_t *zseq_transport_sender (zseq_transport_t *self);

//  A frame that a link received.
typedef struct {
    size_t index;  //  Of the link
    const uint8_t *bytes;
    size_t size;
} zseq_frame_t;

//  Takes up to ZSEQ_FRAMES_MAX frames of all links, as zseq_transport_recv
//  does. The frames are valid until the next call, even if their links are
//  closed. Returns how many; fewer than ZSEQ_FRAMES_MAX: every link was empty.
#define ZSEQ_FRAMES_MAX 16
size_t zseq_transport_drain (zseq_transport_t *self,
                             zseq_frame_t frames[ZSEQ_FRAMES_MAX]);

//  What has gone over all sockets, without ZeroMQ's own bytes.
typedef struct {
    uint64_t frames_received;
    uint64_t bytes_received;
    uint64_t frames_sent;
    uint64_t bytes_sent;
} zseq_traffic_t;

const zseq_traffic_t *zseq_transport_traffic (const zseq_transport_t *self);

//  Why a ROUTER refuses a connection or ends it.
typedef enum {
    ZSEQ_REFUSAL_FULL,       //  All connections, or descriptors, are in use
    ZSEQ_REFUSAL_SOURCE,     //  Its host has too many
    ZSEQ_REFUSAL_HANDSHAKE,  //  It has not shaken hands in time
    ZSEQ_REFUSAL_PROTOCOL,   //  It does not speak ZMTP as a client does
    ZSEQ_REFUSAL_MEMORY,     //  It takes too much, or none is left for it
    ZSEQ_REFUSALS
} zseq_refusal_reason_t;

typedef struct {
    uint64_t count;
    char host[ZSEQ_HOST_TEXT_MAX + 1];  //  The last one; unset with count 0
} zseq_refusal_t;

//  What a ROUTER has refused and ended for each reason. With libzmq it is not
//  known, and stays 0.
const zseq_refusal_t *zseq_transport_refusals (const zseq_transport_t *self);

//  Fills fds with the sockets' descriptors, to poll for POLLIN. The descriptors
//  are edge-triggered: after any send or receive, receive from every socket
//  until ZSEQ_EAGAIN before the next poll. The native kind has one, from the
//  first bind or link on. Returns how many.
#define ZSEQ_TRANSPORT_FDS_MAX (ZSEQ_LINKS_MAX + 2)
size_t zseq_transport_fds (const zseq_transport_t *self, struct pollfd *fds);

//  Waits as ppoll does, for the descriptors of zseq_transport_fds and any
//  others. One thread at a time; not concurrently with _watch, _unwatch and
//  _reset. It costs one system call, and not two, if all others are watched.
int zseq_transport_poll (zseq_transport_t *self, struct pollfd *fds,
                         size_t count, const struct timespec *timeout);

//  Watches a descriptor that every later poll is for, with POLLIN. Close it
//  after zseq_transport_unwatch, or after the transport is destroyed. May have
//  no effect.
void zseq_transport_watch (zseq_transport_t *self, int fd);
void zseq_transport_unwatch (zseq_transport_t *self, int fd);

//  Notes the result of a poll. The transport reads an empty socket again only
//  after its descriptor was ready here or a message was sent over the socket:
//  each read costs two system calls.
void zseq_transport_note_ready (zseq_transport_t *self,
                                const struct pollfd *fds, size_t count);

#endif
