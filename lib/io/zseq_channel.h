//  A ZMTP connection over a socket: what has come and was not taken yet, and an
//  outbox. The native transport's links and a node's connections are channels.
//
//  The input is one buffer: as long as it holds a whole frame, nothing more is
//  read, so that a sender waits for its receiver. Until the other end's
//  greeting is complete, a channel allocates nothing.
//
//  With keys, the mechanism is CURVE, and each message is sealed as it is put
//  into the outbox: in the order in which they are sent.

#ifndef ZSEQ_CHANNEL_H_INCLUDED
#define ZSEQ_CHANNEL_H_INCLUDED

#include "zseq_outbox.h"
#include "zseq_transport.h"
#include "zseq_zmtp.h"

typedef struct {
    int fd;  //  The outbox's; -1: closed
    zseq_zmtp_t zmtp;
    uint8_t *bytes;  //  NULL: none are allocated
    size_t capacity;
    size_t at;      //  Bytes of these that were taken
    size_t size;    //  Bytes of these that have come
    size_t needed;  //  ... that the next event needs, from at on
    bool readable;  //  The system has more
    zseq_outbox_t outbox;
    const zseq_curve_keys_t *keys;  //  NULL: none
    const uint8_t *server_key;      //  Of a DEALER's other end
    zseq_curve_t *curve;            //  NULL: no keys, or no greeting yet
    uint8_t greeting[ZSEQ_ZMTP_GREETING_SIZE];
} zseq_channel_t;

//  keep: as zseq_outbox_init.
void zseq_channel_init (zseq_channel_t *self, size_t keep);
void zseq_channel_term (zseq_channel_t *self);

//  Has keys from the next open on. Both must outlive self. server_key: of the
//  other end if that is the server, else NULL.
void zseq_channel_set_keys (zseq_channel_t *self, const zseq_curve_keys_t *keys,
                            const uint8_t *server_key);

//  Opens it on a connected socket, as zseq_outbox_open, and sends the greeting.
void zseq_channel_open (zseq_channel_t *self, int fd, int epoll, uint64_t key,
                        zseq_zmtp_socket_t socket,
                        const zseq_transport_options_t *options);

//  Closes the socket. Returns the buffer of the input, which the caller frees
//  when the frames in it are not in use any more; NULL: there is none.
uint8_t *zseq_channel_close (zseq_channel_t *self);

//  Reads once, into the buffer. Frames in it become invalid. Errors:
//  ZSEQ_EAGAIN (nothing has come), ZSEQ_EIO (the connection has ended, or no
//  memory is left).
int zseq_channel_read (zseq_channel_t *self);

//  Goes on in a new buffer. Returns the one before, whose frames stay valid,
//  and which the caller frees; NULL: no memory, nothing has changed.
uint8_t *zseq_channel_renew (zseq_channel_t *self);

//  Drops what comes, as long as the system has any, so that a close does not
//  take back what was sent.
void zseq_channel_discard (zseq_channel_t *self);

//  Whether the connection has ended, and all that had come was taken.
bool zseq_channel_at_end (const zseq_channel_t *self);

//  Takes the next event from the buffer. Answers all that the handshake asks
//  for, and a PING; after an answer of the handshake, the outbox is not empty.
zseq_zmtp_event_t zseq_channel_next (zseq_channel_t *self);

//  The public key that the other end has proved to have the secret of; NULL:
//  there are no keys. Only after READY.
const uint8_t *zseq_channel_peer (const zseq_channel_t *self);

//  Frees the buffer if all of it was taken.
void zseq_channel_trim (zseq_channel_t *self);

//  Adds a message to the outbox, after a flush if that is full. Errors:
//  ZSEQ_EAGAIN, nothing added. A connection whose nonces are used up is shut
//  down.
int zseq_channel_put (zseq_channel_t *self, const uint8_t *bytes, size_t size);

//  Whether it could take a message now.
bool zseq_channel_ready (zseq_channel_t *self);

//  Sets what a connection over TCP needs: no delay, and an end when the other
//  host does not acknowledge for silence_ms. Sockets of a listening one inherit
//  that.
void zseq_channel_set_tcp (int fd, int silence_ms);

#endif
