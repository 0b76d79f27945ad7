//  CURVE, the mechanism of ZMTP that encrypts and authenticates
//  (rfc.zeromq.org, 26), for both ends. Pure, but for the randomness that it
//  draws from libsodium: commands in, commands out. lib/doc/security.md says
//  which keys and nonces there are, and what each protects.
//
//      client                                server
//      init_client                           init_server
//      put: HELLO         ------------>      take
//      take               <------------      put: WELCOME
//      put: INITIATE      ------------>      take, which asks whom to allow
//      take               <------------      put: READY, or ERROR
//      seal, open         <----------->      open, seal
//
//  Commands are without the frame's head, which is zseq_zmtp's. Call
//  sodium_init before.

#ifndef ZSEQ_CURVE_H_INCLUDED
#define ZSEQ_CURVE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZSEQ_CURVE_KEY_SIZE 32
#define ZSEQ_CURVE_PROPERTIES_MAX 64  //  Bytes of ours
#define ZSEQ_CURVE_PUT_MAX 321        //  Bytes of a command of ours
#define ZSEQ_CURVE_COOKIE_SIZE 96
//  Bytes by which a sealed message is longer than what it holds.
#define ZSEQ_CURVE_OVERHEAD 33

typedef struct {
    uint8_t public_key[ZSEQ_CURVE_KEY_SIZE];
    uint8_t secret_key[ZSEQ_CURVE_KEY_SIZE];
} zseq_curve_pair_t;

//  Whether a server lets in who has proved to have the secret of that public
//  key.
typedef bool (zseq_curve_allow_fn) (void *arg, const uint8_t *public_key);

//  What one end has: a key pair; and as a server, whom it lets in.
typedef struct {
    zseq_curve_pair_t pair;
    zseq_curve_allow_fn *allow;  //  NULL: whoever has a key pair
    void *arg;
} zseq_curve_keys_t;

//  Why a connection fails.
typedef enum {
    ZSEQ_CURVE_OK,
    ZSEQ_CURVE_MALFORMED,  //  Another command than the one that is due, or a
                           //  field of it has no such value
    ZSEQ_CURVE_FORGED,     //  A box does not open, or does not hold what it
                           //  has to: another key, or another sender
    ZSEQ_CURVE_REPLAYED,   //  A nonce does not follow the one before
    ZSEQ_CURVE_DENIED,     //  The client's key is not allowed: _put has ERROR
    ZSEQ_CURVE_REFUSED     //  The server has sent ERROR
} zseq_curve_error_t;

//  What a client keeps until INITIATE is sent, and a server until it comes.
//  The server keeps nothing of the client, and not its own short-term key
//  either: both are in the cookie. The cookie's key is the connection's, and
//  good for one INITIATE, so that no recorded handshake opens another
//  connection.
typedef union {
    struct {
        uint8_t public_key[ZSEQ_CURVE_KEY_SIZE];
        uint8_t secret_key[ZSEQ_CURVE_KEY_SIZE];
        uint8_t server_key[ZSEQ_CURVE_KEY_SIZE];
        uint8_t cookie[ZSEQ_CURVE_COOKIE_SIZE];
    } client;
    struct {
        uint8_t client_key[ZSEQ_CURVE_KEY_SIZE];  //  Until WELCOME is sent
        uint8_t cookie_key[ZSEQ_CURVE_KEY_SIZE];
    } server;
} zseq_curve_short_t;

typedef struct {
    const zseq_curve_keys_t *keys;
    uint8_t stage;
    zseq_curve_error_t error;
    uint64_t sent;      //  The short nonce that was sent last; 0: none
    uint64_t received;  //  ... that came last
    //  The secret of both ends: of HELLO and WELCOME, then of all that follows.
    uint8_t shared[ZSEQ_CURVE_KEY_SIZE];
    //  The other end's public key. A server knows it when it is ready.
    uint8_t peer[ZSEQ_CURVE_KEY_SIZE];
    zseq_curve_short_t short_term;
} zseq_curve_t;

//  Whether a public key is one: with some few strings of bytes, every secret is
//  the same.
bool zseq_curve_usable (const uint8_t *public_key);

//  keys must outlive self. A client's server_key has to be usable.
void zseq_curve_init_client (zseq_curve_t *self, const zseq_curve_keys_t *keys,
                             const uint8_t *server_key);
void zseq_curve_init_server (zseq_curve_t *self, const zseq_curve_keys_t *keys);

//  Wipes all secrets.
void zseq_curve_term (zseq_curve_t *self);

//  Whether the handshake is done. A server then still has READY to put.
bool zseq_curve_ready (const zseq_curve_t *self);

//  Whether the server has proved to a client, which is not ready yet, that it
//  has its secret key.
bool zseq_curve_welcomed (const zseq_curve_t *self);

//  Takes a command of the handshake, and opens the box in it in place. If the
//  handshake is done, properties are the metadata of the other end, within
//  bytes. After an error it is that error again.
typedef struct {
    const uint8_t *bytes;
    size_t size;
} zseq_curve_properties_t;

zseq_curve_error_t zseq_curve_take (zseq_curve_t *self, uint8_t *bytes,
                                    size_t size,
                                    zseq_curve_properties_t *properties);

//  Writes the command that is due, with properties as our metadata (at most
//  ZSEQ_CURVE_PROPERTIES_MAX bytes). Returns its size; 0: none is due.
size_t zseq_curve_put (zseq_curve_t *self, uint8_t bytes[ZSEQ_CURVE_PUT_MAX],
                       const zseq_curve_properties_t *properties);

//  A frame inside a MESSAGE.
#define ZSEQ_CURVE_MORE 1
#define ZSEQ_CURVE_COMMAND 2

//  Seals size bytes into size + ZSEQ_CURVE_OVERHEAD bytes at sealed. False: all
//  nonces are used up, and nothing was written; the connection has to end.
bool zseq_curve_seal (zseq_curve_t *self, uint8_t flags, const uint8_t *bytes,
                      size_t size, uint8_t *sealed);

typedef struct {
    uint8_t flags;
    const uint8_t *bytes;
    size_t size;
} zseq_curve_frame_t;

//  Opens a MESSAGE in place: the frame's bytes lie within bytes. After an error
//  it is that error again.
zseq_curve_error_t zseq_curve_open (zseq_curve_t *self, uint8_t *bytes,
                                    size_t size, zseq_curve_frame_t *frame_p);

#endif
