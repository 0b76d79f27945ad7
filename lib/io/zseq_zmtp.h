//  ZMTP, the protocol of ZeroMQ's connections (rfc.zeromq.org, 23 and 37), as
//  far as a ROUTER and a DEALER need it: versions 3.0 and 3.1, the mechanisms
//  NULL and CURVE. Pure: bytes in, events out; it allocates nothing and keeps
//  no bytes.
//
//      zseq_zmtp_t zmtp;
//      zseq_zmtp_init (&zmtp, ZSEQ_ZMTP_ROUTER, ZSEQ_ZMTP_NULL,
//                      ZSEQ_MESSAGE_MAX);
//      ... send zseq_zmtp_put_greeting, and whenever bytes have come:
//      for (;;) {
//          zseq_zmtp_event_t event = zseq_zmtp_next (&zmtp, at, size);
//          if (event.type == ZSEQ_ZMTP_SHORT)
//              break;
//          at += event.taken;
//          size -= event.taken;
//          ... send zseq_zmtp_put_handshake, unless it is empty
//          if (event.type == ZSEQ_ZMTP_FAILED)
//              break;
//      }
//
//  Both ends send their greeting at once. After the other's greeting comes the
//  mechanism: of NULL one READY of each; what CURVE does there is in
//  zseq_curve.h. After that, traffic. With CURVE, each frame of the traffic is
//  sealed; what is in it is the same as with NULL.

#ifndef ZSEQ_ZMTP_H_INCLUDED
#define ZSEQ_ZMTP_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zseq_curve.h"

#define ZSEQ_ZMTP_GREETING_SIZE 64
#define ZSEQ_ZMTP_HEAD_MAX 9    //  Bytes before those of a frame
#define ZSEQ_ZMTP_READY_MAX 64  //  Bytes of our READY
#define ZSEQ_ZMTP_PONG_MAX 24   //  Bytes of a PONG, without a head
#define ZSEQ_ZMTP_HANDSHAKE_MAX (ZSEQ_ZMTP_HEAD_MAX + ZSEQ_CURVE_PUT_MAX)
#define ZSEQ_ZMTP_COMMAND_MAX 4096  //  Bytes of a command in the handshake

//  What we are. The other end has to be what a socket of this type talks to.
//  With CURVE, the ROUTER is the server.
typedef enum { ZSEQ_ZMTP_DEALER, ZSEQ_ZMTP_ROUTER } zseq_zmtp_socket_t;

typedef enum { ZSEQ_ZMTP_NULL, ZSEQ_ZMTP_CURVE } zseq_zmtp_mechanism_t;

typedef enum {
    ZSEQ_ZMTP_SHORT,      //  Needs more bytes
    ZSEQ_ZMTP_GREETED,    //  The greeting is complete
    ZSEQ_ZMTP_HANDSHAKE,  //  The handshake goes on
    ZSEQ_ZMTP_READY,      //  The handshake is done: traffic may begin
    ZSEQ_ZMTP_FRAME,      //  A message of one frame
    ZSEQ_ZMTP_PART,       //  A frame of a message of several: drop it
    ZSEQ_ZMTP_PING,       //  Answer with a PONG of these bytes
    ZSEQ_ZMTP_COMMAND,    //  A command that asks for nothing
    ZSEQ_ZMTP_FAILED      //  Close the connection; no more bytes are read
} zseq_zmtp_event_type_t;

//  Why a connection fails.
typedef enum {
    ZSEQ_ZMTP_OK,
    ZSEQ_ZMTP_NOT_ZMTP,          //  The bytes do not begin as ZMTP does
    ZSEQ_ZMTP_OLD_VERSION,       //  ZMTP before 3.0
    ZSEQ_ZMTP_OTHER_MECHANISM,   //  Neither NULL nor CURVE
    ZSEQ_ZMTP_WANTS_KEYS,        //  It has CURVE, and we have NULL
    ZSEQ_ZMTP_LACKS_KEYS,        //  It has NULL, and we have CURVE
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
    ZSEQ_ZMTP_REFUSED,           //  The other end sent ERROR
    ZSEQ_ZMTP_MALFORMED,         //  As ZSEQ_CURVE_MALFORMED
    ZSEQ_ZMTP_FORGED,            //  As ZSEQ_CURVE_FORGED
    ZSEQ_ZMTP_REPLAYED,          //  As ZSEQ_CURVE_REPLAYED
    ZSEQ_ZMTP_DENIED             //  As ZSEQ_CURVE_DENIED
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
    zseq_zmtp_mechanism_t mechanism;
    zseq_zmtp_error_t error;  //  Of FAILED
    bool in_parts;            //  The last frame was not its message's last
    bool ready_due;           //  READY of NULL is to be sent
    size_t message_max;
    zseq_curve_t *curve;  //  Of CURVE, once it is set
} zseq_zmtp_t;

//  message_max: bytes of a frame's contents, at most.
void zseq_zmtp_init (zseq_zmtp_t *self, zseq_zmtp_socket_t socket,
                     zseq_zmtp_mechanism_t mechanism, size_t message_max);

//  With CURVE, after GREETED: its state, which is new. It must outlive self.
void zseq_zmtp_set_curve (zseq_zmtp_t *self, zseq_curve_t *curve);

//  What the input begins with: all bytes that have come and were not taken.
//  The event's bytes lie in the input, where sealed ones are opened in place.
//  After FAILED it is FAILED again.
zseq_zmtp_event_t zseq_zmtp_next (zseq_zmtp_t *self, uint8_t *bytes,
                                  size_t size);

//  What to send. These write bytes and return how many.

void zseq_zmtp_put_greeting (const zseq_zmtp_t *self,
                             uint8_t bytes[ZSEQ_ZMTP_GREETING_SIZE]);

//  The frame of the handshake that is due; 0: none is.
size_t zseq_zmtp_put_handshake (zseq_zmtp_t *self,
                                uint8_t bytes[ZSEQ_ZMTP_HANDSHAKE_MAX]);

//  A frame of traffic with these contents: a message of one frame, or a command
//  (without its head). bytes has room for zseq_zmtp_frame_size bytes. 0: no
//  more can be sent, and the connection has to end.
size_t zseq_zmtp_frame_size (const zseq_zmtp_t *self, size_t size);
size_t zseq_zmtp_put_message (zseq_zmtp_t *self, uint8_t *bytes,
                              const uint8_t *contents, size_t size);
size_t zseq_zmtp_put_command (zseq_zmtp_t *self, uint8_t *bytes,
                              const uint8_t *contents, size_t size);

//  The contents of a PONG.
size_t zseq_zmtp_put_pong (uint8_t bytes[ZSEQ_ZMTP_PONG_MAX],
                           const zseq_zmtp_event_t *ping);

//  Parts of these, for tests: the greeting and READY of NULL; and the head of a
//  message of one frame.
extern const uint8_t zseq_zmtp_greeting[ZSEQ_ZMTP_GREETING_SIZE];
size_t zseq_zmtp_put_ready (uint8_t bytes[ZSEQ_ZMTP_READY_MAX],
                            zseq_zmtp_socket_t socket);
size_t zseq_zmtp_put_head (uint8_t bytes[ZSEQ_ZMTP_HEAD_MAX], size_t size);

#endif
