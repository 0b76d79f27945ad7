//  Keys of libzmq's sockets (lib/doc/security.md): CURVE at both ends, the
//  answers to libzmq's question whom to let in (ZAP, rfc.zeromq.org, 27), and
//  what a link's monitor says of a handshake that has failed.

#ifndef ZSEQ_ZMQ_KEYS_H_INCLUDED
#define ZSEQ_ZMQ_KEYS_H_INCLUDED

#include "zseq_curve.h"

//  Descriptors that a monitor takes.
#define ZSEQ_ZMQ_MONITOR_DESCRIPTORS 2

//  Makes a ROUTER a server, before it is bound. False: this libzmq would let
//  everyone in if nobody answers.
bool zseq_zmq_keys_serve (void *router, const zseq_curve_keys_t *keys);

//  Makes a DEALER a client of the server with that key, before it connects.
void zseq_zmq_keys_connect (void *dealer, const zseq_curve_keys_t *keys,
                            const uint8_t *server_key);

//  The socket on which libzmq asks, of all ROUTERs of a context; NULL, with
//  errno: there is none. Make it before the first ROUTER, and close it with
//  zmq_close.
void *zseq_zmq_keys_open_zap (void *context);

//  Answers what has been asked.
void zseq_zmq_keys_answer (void *zap, const zseq_curve_keys_t *keys);

//  Finds the key of a received frame's sender. It has to be that of the
//  message's contents.
bool zseq_zmq_keys_sender (void *frame, uint8_t key[ZSEQ_CURVE_KEY_SIZE]);

//  A link's monitor, until the link has shaken hands.
typedef enum {
    ZSEQ_ZMQ_NO_NEWS,
    ZSEQ_ZMQ_SHAKEN,    //  The handshake is done
    ZSEQ_ZMQ_DENIED,    //  The node does not allow the key
    ZSEQ_ZMQ_MISMATCH,  //  The node has no keys
    ZSEQ_ZMQ_HUNG_UP    //  ... or cannot open what was sealed for it
} zseq_zmq_news_t;

//  The socket that says it; NULL: there is none. number: of no other monitor of
//  the context.
void *zseq_zmq_keys_watch (void *context, void *dealer, unsigned number);

//  What is new.
zseq_zmq_news_t zseq_zmq_keys_news (void *monitor);

//  Before the DEALER is closed.
void zseq_zmq_keys_unwatch (void *dealer, void *monitor);

#endif
