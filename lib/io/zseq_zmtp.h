//  ZMTP, the protocol of ZeroMQ's connections (rfc.zeromq.org, 23 and 37), as
//  far as a ROUTER and a DEALER need it: versions 3.0 and 3.1, the mechanism
//  NULL. Pure: bytes in, events out; it allocates nothing and keeps no bytes.
//
//      zseq_zmtp_t zmtp;
//      zseq_zmtp_init (&zmtp, ZSEQ_ZMTP_ROUTER, ZSEQ_MESSAGE_MAX);
//      ... send zseq_zmtp_greeting, and whenever bytes have come:
//      for (;;) {
//          zseq_zmtp_event_t event = zseq_zmtp_next (&zmtp, at, size);
//          if (event.type == ZSEQ_ZMTP_SHORT || event.type == ZSEQ_ZMTP_FAILED)
//              break;
//          at += event.taken;
//          size -= event.taken;
//      }
//
//  Both ends send their greeting at once. After the other's greeting comes the
//  mechanism, here one READY of each; after that, traffic. A mechanism is the
//  stage between greeting and traffic, and no other stage knows of it.

#ifndef ZSEQ_ZMTP_H_INCLUDED
#define ZSEQ_ZMTP_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZSEQ_ZMTP_GREETING_SIZE 64
#define ZSEQ_ZMTP_HEAD_MAX 9        //  Bytes before those of a frame
#define ZSEQ_ZMTP_READY_MAX 64      //  Bytes of our READY
#define ZSEQ_ZMTP_PONG_MAX 24       //  Bytes of a PONG
#define ZSEQ_ZMTP_COMMAND_MAX 4096  //  Bytes of a command in the handshake

//  What we are. The other end has to be what a socket of this type talks to.
typedef enum { ZSEQ_ZMTP_DEALER, ZSEQ_ZMTP_ROUTER } zseq_zmtp_socket_t;

typedef enum {
    ZSEQ_ZMTP_SHORT,    //  Needs more bytes
    ZSEQ_ZMTP_GREETED,  //  The greeting is complete: send READY
    ZSEQ_ZMTP_READY,    //  The handshake is done: traffic may begin
    ZSEQ_ZMTP_FRAME,    //  A message of one frame
    ZSEQ_ZMTP_PART,     //  A frame of a message of several: drop it
    ZSEQ_ZMTP_PING,     //  Answer with a PONG of these bytes
    ZSEQ_ZMTP_COMMAND,  //  A command that asks for nothing
    ZSEQ_ZMTP_FAILED    //  Close the connection; no more bytes are read
} zseq_zmtp_event_type_t;

//  Why a connection fails.
typedef enum {
    ZSEQ_ZMTP_OK,
    ZSEQ_ZMTP_NOT_ZMTP,          //  The bytes do not begin as ZMTP does
    ZSEQ_ZMTP_OLD_VERSION,       //  ZMTP before 3.0
    ZSEQ_ZMTP_OTHER_MECHANISM,   //  Another mechanism than NULL
    ZSEQ_ZMTP_RESERVED_FLAGS,    //  A frame has flags that do not exist
    ZSEQ_ZMTP_TOO_LONG,          //  A frame exceeds its limit
    ZSEQ_ZMTP_COMMAND_IN_PARTS,  //  A command has the flag MORE
    ZSEQ_ZMTP_EARLY_MESSAGE,     //  A message came before READY
    ZSEQ_ZMTP_BAD_COMMAND,       //  A command without a name
    ZSEQ_ZMTP_OTHER_COMMAND,     //  Another command than READY before traffic
    ZSEQ_ZMTP_BAD_METADATA,      //  READY holds no proper list of properties
    ZSEQ_ZMTP_NO_SOCKET_TYPE,    //  READY lacks Socket-Type
    ZSEQ_ZMTP_OTHER_SOCKET,      //  A socket of a type that does not fit ours
    ZSEQ_ZMTP_BAD_PING,          //  A PING without a time, or too long
    ZSEQ_ZMTP_REFUSED            //  The other end sent ERROR
} zseq_zmtp_error_t;

typedef struct {
    zseq_zmtp_event_type_t type;
    size_t taken;          //  Bytes of the input that the event used up
    size_t needed;         //  SHORT: bytes that the input must have, at least
    const uint8_t *bytes;  //  FRAME, PART: its bytes. PING: what PONG repeats
    size_t size;
} zseq_zmtp_event_t;

typedef struct {
    uint8_t stage;
    zseq_zmtp_socket_t socket;
    zseq_zmtp_error_t error;  //  Of FAILED
    bool in_parts;            //  The last frame was not its message's last
    size_t message_max;
} zseq_zmtp_t;

//  message_max: bytes of a frame's contents, at most.
void zseq_zmtp_init (zseq_zmtp_t *self, zseq_zmtp_socket_t socket,
                     size_t message_max);

//  What the input begins with: all bytes that have come and were not taken.
//  The event's bytes lie in the input. After FAILED it is FAILED again.
zseq_zmtp_event_t zseq_zmtp_next (zseq_zmtp_t *self, const uint8_t *bytes,
                                  size_t size);

//  What to send.

extern const uint8_t zseq_zmtp_greeting[ZSEQ_ZMTP_GREETING_SIZE];

//  These write bytes and return how many. A head is followed by the frame's
//  size bytes, of a message of one frame.
size_t zseq_zmtp_put_ready (uint8_t bytes[ZSEQ_ZMTP_READY_MAX],
                            zseq_zmtp_socket_t socket);
size_t zseq_zmtp_put_head (uint8_t bytes[ZSEQ_ZMTP_HEAD_MAX], size_t size);
size_t zseq_zmtp_put_pong (uint8_t bytes[ZSEQ_ZMTP_PONG_MAX],
                           const zseq_zmtp_event_t *ping);

#endif
