#include "zseq_curve.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define KEY ZSEQ_CURVE_KEY_SIZE
#define MAC crypto_box_MACBYTES
#define NONCE crypto_box_NONCEBYTES
#define SHORT_NONCE 8
#define LONG_NONCE 16

//  Where the commands have their fields, and how long they are.
#define HELLO_VERSION_AT 6
#define HELLO_PADDING_AT 8
#define HELLO_PADDING 72
#define HELLO_KEY_AT 80
#define HELLO_NONCE_AT 112
#define HELLO_BOX_AT 120
#define HELLO_ZEROS 64
#define HELLO_SIZE (HELLO_BOX_AT + MAC + HELLO_ZEROS)

#define WELCOME_NONCE_AT 8
#define WELCOME_BOX_AT 24
#define WELCOME_HELD (KEY + ZSEQ_CURVE_COOKIE_SIZE)
#define WELCOME_SIZE (WELCOME_BOX_AT + MAC + WELCOME_HELD)

#define INITIATE_COOKIE_AT 9
#define INITIATE_NONCE_AT 105
#define INITIATE_BOX_AT 113
#define INITIATE_HELD (KEY + LONG_NONCE + VOUCH_SIZE)  //  And metadata
#define INITIATE_SIZE (INITIATE_BOX_AT + MAC + INITIATE_HELD)

#define COOKIE_HELD (2 * KEY)
#define VOUCH_HELD (2 * KEY)
#define VOUCH_SIZE (MAC + VOUCH_HELD)

#define READY_NONCE_AT 6
#define READY_BOX_AT 14
#define READY_SIZE (READY_BOX_AT + MAC)

#define ERROR_REASON_AT 6

#define MESSAGE_NONCE_AT 8
#define MESSAGE_BOX_AT 16
#define MESSAGE_FLAGS_AT (MESSAGE_BOX_AT + MAC)

_Static_assert(HELLO_SIZE == 200, "as RFC 26 says");
_Static_assert(WELCOME_SIZE == 168, "as RFC 26 says");
_Static_assert(INITIATE_SIZE == 257, "as RFC 26 says");
_Static_assert(READY_SIZE == 30, "as RFC 26 says");
_Static_assert(MESSAGE_FLAGS_AT + 1 == ZSEQ_CURVE_OVERHEAD, "as RFC 26 says");
_Static_assert(INITIATE_SIZE + ZSEQ_CURVE_PROPERTIES_MAX == ZSEQ_CURVE_PUT_MAX,
               "INITIATE is the longest");
_Static_assert(KEY == crypto_box_PUBLICKEYBYTES, "as libsodium says");
_Static_assert(KEY == crypto_box_BEFORENMBYTES, "as libsodium says");
_Static_assert(KEY == crypto_secretbox_KEYBYTES, "as libsodium says");

enum {
    CLIENT_HELLO,  //  Sends it next
    CLIENT_AWAITS_WELCOME,
    CLIENT_INITIATE,  //  Sends it next
    CLIENT_AWAITS_READY,
    CLIENT_READY,
    SERVER_AWAITS_HELLO,
    SERVER_WELCOME,  //  Sends it next
    SERVER_AWAITS_INITIATE,
    SERVER_ALLOWED,  //  Sends READY next
    SERVER_READY,
    SERVER_DENIED,  //  Sends ERROR next
    FAILED
};

static void
s_long_nonce (uint8_t nonce[NONCE], const char *prefix, const uint8_t *rest)
{
    memcpy (nonce, prefix, NONCE - LONG_NONCE);
    memcpy (nonce + NONCE - LONG_NONCE, rest, LONG_NONCE);
}

static uint64_t
s_number (const uint8_t *bytes)
{
    uint64_t number = 0;
    for (size_t at = 0; at < SHORT_NONCE; at++)
        number = number << 8 | bytes[at];
    return number;
}

static void
s_short_nonce (uint8_t nonce[NONCE], const char *prefix, const uint8_t *rest)
{
    memcpy (nonce, prefix, NONCE - SHORT_NONCE);
    memcpy (nonce + NONCE - SHORT_NONCE, rest, SHORT_NONCE);
}

//  Counts up, and writes the number into the command. No nonce is ever used
//  twice: the counter never wraps.
static void
s_use_nonce (zseq_curve_t *self, const char *prefix, uint8_t *bytes,
             uint8_t nonce[NONCE])
{
    assert (self->sent < UINT64_MAX);
    self->sent++;
    for (size_t at = 0; at < SHORT_NONCE; at++)
        bytes[at] = (uint8_t) (self->sent >> (56 - 8 * at));
    s_short_nonce (nonce, prefix, bytes);
}

bool
zseq_curve_usable (const uint8_t *public_key)
{
    assert (public_key);

    static const uint8_t any[KEY] = {1};
    uint8_t shared[KEY];
    return crypto_box_beforenm (shared, public_key, any) == 0;
}

void
zseq_curve_init_client (zseq_curve_t *self, const zseq_curve_keys_t *keys,
                        const uint8_t *server_key)
{
    assert (self);
    assert (keys);
    assert (server_key);

    memset (self, 0, sizeof *self);
    self->keys = keys;
    self->stage = CLIENT_HELLO;
    memcpy (self->peer, server_key, KEY);
    crypto_box_keypair (self->short_term.client.public_key,
                        self->short_term.client.secret_key);
    int rc = crypto_box_beforenm (self->shared, server_key,
                                  self->short_term.client.secret_key);
    assert (rc == 0);
}

void
zseq_curve_init_server (zseq_curve_t *self, const zseq_curve_keys_t *keys)
{
    assert (self);
    assert (keys);

    memset (self, 0, sizeof *self);
    self->keys = keys;
    self->stage = SERVER_AWAITS_HELLO;
}

void
zseq_curve_term (zseq_curve_t *self)
{
    assert (self);
    sodium_memzero (self, sizeof *self);
    self->stage = FAILED;
    self->error = ZSEQ_CURVE_MALFORMED;
}

bool
zseq_curve_ready (const zseq_curve_t *self)
{
    assert (self);
    return self->stage == CLIENT_READY || self->stage == SERVER_ALLOWED ||
           self->stage == SERVER_READY;
}

bool
zseq_curve_welcomed (const zseq_curve_t *self)
{
    assert (self);
    return self->stage == CLIENT_INITIATE || self->stage == CLIENT_AWAITS_READY;
}

static zseq_curve_error_t
s_fail (zseq_curve_t *self, zseq_curve_error_t error)
{
    zseq_curve_term (self);
    self->error = error;
    return error;
}

//  Whether a command has that name, which stands behind its length.
static bool
s_is_named (const uint8_t *bytes, size_t size, const char *name)
{
    size_t name_size = 1 + (uint8_t) name[0];
    return size >= name_size && !memcmp (bytes, name, name_size);
}

//  Whether the other end's nonce is the next one. Nothing is lost on the way,
//  so a gap is a message that someone has taken out.
static bool
s_follows (zseq_curve_t *self, const uint8_t *bytes)
{
    uint64_t number = s_number (bytes);
    if (self->received == UINT64_MAX || number != self->received + 1)
        return false;
    self->received = number;
    return true;
}

//  The client's HELLO: only who has the server's secret key opens it.
static size_t
s_put_hello (zseq_curve_t *self, uint8_t *bytes)
{
    static const uint8_t zeros[HELLO_ZEROS];
    uint8_t nonce[NONCE];
    memcpy (bytes, "\5HELLO\1", HELLO_PADDING_AT);
    memset (bytes + HELLO_PADDING_AT, 0, HELLO_PADDING);
    memcpy (bytes + HELLO_KEY_AT, self->short_term.client.public_key, KEY);
    s_use_nonce (self, "CurveZMQHELLO---", bytes + HELLO_NONCE_AT, nonce);
    crypto_box_easy_afternm (bytes + HELLO_BOX_AT, zeros, sizeof zeros, nonce,
                             self->shared);
    self->stage = CLIENT_AWAITS_WELCOME;
    return HELLO_SIZE;
}

static zseq_curve_error_t
s_take_hello (zseq_curve_t *self, const uint8_t *bytes, size_t size)
{
    if (!s_is_named (bytes, size, "\5HELLO") || size != HELLO_SIZE ||
        bytes[HELLO_VERSION_AT] != 1 || bytes[HELLO_VERSION_AT + 1] != 0 ||
        !sodium_is_zero (bytes + HELLO_PADDING_AT, HELLO_PADDING))
        return s_fail (self, ZSEQ_CURVE_MALFORMED);
    uint8_t nonce[NONCE];
    uint8_t zeros[HELLO_ZEROS];
    s_short_nonce (nonce, "CurveZMQHELLO---", bytes + HELLO_NONCE_AT);
    if (crypto_box_beforenm (self->shared, bytes + HELLO_KEY_AT,
                             self->keys->pair.secret_key) != 0 ||
        crypto_box_open_easy_afternm (zeros, bytes + HELLO_BOX_AT,
                                      MAC + sizeof zeros, nonce,
                                      self->shared) != 0 ||
        !sodium_is_zero (zeros, sizeof zeros))
        return s_fail (self, ZSEQ_CURVE_FORGED);
    memcpy (self->short_term.server.client_key, bytes + HELLO_KEY_AT, KEY);
    self->received = s_number (bytes + HELLO_NONCE_AT);
    self->stage = SERVER_WELCOME;
    return ZSEQ_CURVE_OK;
}

//  Writes a cookie for the client's short-term key and the server's, of which
//  only its holder then knows.
static void
s_put_cookie (zseq_curve_t *self, const uint8_t *secret_key,
              uint8_t cookie[ZSEQ_CURVE_COOKIE_SIZE])
{
    uint8_t held[COOKIE_HELD];
    uint8_t nonce[NONCE];
    memcpy (held, self->short_term.server.client_key, KEY);
    memcpy (held + KEY, secret_key, KEY);
    randombytes_buf (self->short_term.server.cookie_key, KEY);
    randombytes_buf (cookie, LONG_NONCE);
    s_long_nonce (nonce, "COOKIE--", cookie);
    crypto_secretbox_easy (cookie + LONG_NONCE, held, sizeof held, nonce,
                           self->short_term.server.cookie_key);
    sodium_memzero (held, sizeof held);
    sodium_memzero (self->short_term.server.client_key, KEY);
}

static size_t
s_put_welcome (zseq_curve_t *self, uint8_t *bytes)
{
    uint8_t secret_key[KEY];
    uint8_t held[WELCOME_HELD];
    uint8_t nonce[NONCE];
    crypto_box_keypair (held, secret_key);
    s_put_cookie (self, secret_key, held + KEY);
    sodium_memzero (secret_key, sizeof secret_key);
    memcpy (bytes, "\7WELCOME", WELCOME_NONCE_AT);
    randombytes_buf (bytes + WELCOME_NONCE_AT, LONG_NONCE);
    s_long_nonce (nonce, "WELCOME-", bytes + WELCOME_NONCE_AT);
    crypto_box_easy_afternm (bytes + WELCOME_BOX_AT, held, sizeof held, nonce,
                             self->shared);
    sodium_memzero (self->shared, sizeof self->shared);
    self->stage = SERVER_AWAITS_INITIATE;
    return WELCOME_SIZE;
}

static zseq_curve_error_t
s_take_welcome (zseq_curve_t *self, const uint8_t *bytes, size_t size)
{
    if (!s_is_named (bytes, size, "\7WELCOME") || size != WELCOME_SIZE)
        return s_fail (self, ZSEQ_CURVE_MALFORMED);
    uint8_t held[WELCOME_HELD];
    uint8_t nonce[NONCE];
    s_long_nonce (nonce, "WELCOME-", bytes + WELCOME_NONCE_AT);
    if (crypto_box_open_easy_afternm (held, bytes + WELCOME_BOX_AT,
                                      MAC + sizeof held, nonce,
                                      self->shared) != 0 ||
        crypto_box_beforenm (self->shared, held,
                             self->short_term.client.secret_key) != 0)
        return s_fail (self, ZSEQ_CURVE_FORGED);
    sodium_memzero (self->short_term.client.secret_key, KEY);
    memcpy (self->short_term.client.server_key, held, KEY);
    memcpy (self->short_term.client.cookie, held + KEY, ZSEQ_CURVE_COOKIE_SIZE);
    self->stage = CLIENT_INITIATE;
    return ZSEQ_CURVE_OK;
}

//  Writes the vouch, a nonce and a box: whoever has the client's key says that
//  the short-term key is its own, to this server only.
static void
s_put_vouch (const zseq_curve_t *self, uint8_t *vouch)
{
    uint8_t held[VOUCH_HELD];
    uint8_t nonce[NONCE];
    memcpy (held, self->short_term.client.public_key, KEY);
    memcpy (held + KEY, self->peer, KEY);
    randombytes_buf (vouch, LONG_NONCE);
    s_long_nonce (nonce, "VOUCH---", vouch);
    int rc = crypto_box_easy (vouch + LONG_NONCE, held, sizeof held, nonce,
                              self->short_term.client.server_key,
                              self->keys->pair.secret_key);
    //  The server's key was used before.
    assert (rc == 0);
}

static size_t
s_put_initiate (zseq_curve_t *self, uint8_t *bytes,
                const zseq_curve_properties_t *properties)
{
    uint8_t nonce[NONCE];
    uint8_t *held = bytes + INITIATE_BOX_AT + MAC;
    memcpy (bytes, "\10INITIATE", INITIATE_COOKIE_AT);
    memcpy (bytes + INITIATE_COOKIE_AT, self->short_term.client.cookie,
            ZSEQ_CURVE_COOKIE_SIZE);
    s_use_nonce (self, "CurveZMQINITIATE", bytes + INITIATE_NONCE_AT, nonce);
    memcpy (held, self->keys->pair.public_key, KEY);
    s_put_vouch (self, held + KEY);
    memcpy (held + INITIATE_HELD, properties->bytes, properties->size);
    crypto_box_easy_afternm (bytes + INITIATE_BOX_AT, held,
                             INITIATE_HELD + properties->size, nonce,
                             self->shared);
    sodium_memzero (&self->short_term, sizeof self->short_term);
    self->stage = CLIENT_AWAITS_READY;
    return INITIATE_SIZE + properties->size;
}

//  Opens the cookie: it holds the client's short-term key and our own, which
//  nobody has kept.
static bool
s_open_cookie (zseq_curve_t *self, const uint8_t *cookie,
               uint8_t held[COOKIE_HELD])
{
    uint8_t nonce[NONCE];
    s_long_nonce (nonce, "COOKIE--", cookie);
    int rc = crypto_secretbox_open_easy (
      held, cookie + LONG_NONCE, ZSEQ_CURVE_COOKIE_SIZE - LONG_NONCE, nonce,
      self->short_term.server.cookie_key);
    sodium_memzero (&self->short_term, sizeof self->short_term);
    return rc == 0;
}

//  Whether the key that the client names has vouched for its short-term key,
//  and for this server.
static bool
s_is_vouched (const zseq_curve_t *self, const uint8_t *initiate,
              const uint8_t cookie[COOKIE_HELD])
{
    uint8_t held[VOUCH_HELD];
    uint8_t nonce[NONCE];
    const uint8_t *vouch = initiate + KEY;
    s_long_nonce (nonce, "VOUCH---", vouch);
    return crypto_box_open_easy (held, vouch + LONG_NONCE, VOUCH_SIZE, nonce,
                                 initiate, cookie + KEY) == 0 &&
           sodium_memcmp (held, cookie, KEY) == 0 &&
           sodium_memcmp (held + KEY, self->keys->pair.public_key, KEY) == 0;
}

static zseq_curve_error_t
s_open_initiate (zseq_curve_t *self, uint8_t *bytes, size_t size,
                 const uint8_t cookie[COOKIE_HELD])
{
    if (!s_follows (self, bytes + INITIATE_NONCE_AT))
        return ZSEQ_CURVE_REPLAYED;
    uint8_t nonce[NONCE];
    s_short_nonce (nonce, "CurveZMQINITIATE", bytes + INITIATE_NONCE_AT);
    uint8_t *held = bytes + INITIATE_BOX_AT + MAC;
    if (crypto_box_beforenm (self->shared, cookie, cookie + KEY) != 0 ||
        crypto_box_open_detached_afternm (held, held, bytes + INITIATE_BOX_AT,
                                          size - INITIATE_BOX_AT - MAC, nonce,
                                          self->shared) != 0 ||
        !s_is_vouched (self, held, cookie))
        return ZSEQ_CURVE_FORGED;
    memcpy (self->peer, held, KEY);
    return ZSEQ_CURVE_OK;
}

static zseq_curve_error_t
s_take_initiate (zseq_curve_t *self, uint8_t *bytes, size_t size,
                 zseq_curve_properties_t *properties)
{
    if (!s_is_named (bytes, size, "\10INITIATE") || size < INITIATE_SIZE)
        return s_fail (self, ZSEQ_CURVE_MALFORMED);
    uint8_t cookie[COOKIE_HELD];
    if (!s_open_cookie (self, bytes + INITIATE_COOKIE_AT, cookie))
        return s_fail (self, ZSEQ_CURVE_FORGED);
    zseq_curve_error_t error = s_open_initiate (self, bytes, size, cookie);
    sodium_memzero (cookie, sizeof cookie);
    if (error)
        return s_fail (self, error);
    if (self->keys->allow && !self->keys->allow (self->keys->arg, self->peer)) {
        (void) s_fail (self, ZSEQ_CURVE_DENIED);
        self->stage = SERVER_DENIED;
        return ZSEQ_CURVE_DENIED;
    }
    properties->bytes = bytes + INITIATE_SIZE;
    properties->size = size - INITIATE_SIZE;
    self->stage = SERVER_ALLOWED;
    return ZSEQ_CURVE_OK;
}

static size_t
s_put_ready (zseq_curve_t *self, uint8_t *bytes,
             const zseq_curve_properties_t *properties)
{
    uint8_t nonce[NONCE];
    memcpy (bytes, "\5READY", READY_NONCE_AT);
    s_use_nonce (self, "CurveZMQREADY---", bytes + READY_NONCE_AT, nonce);
    crypto_box_easy_afternm (bytes + READY_BOX_AT, properties->bytes,
                             properties->size, nonce, self->shared);
    self->stage = SERVER_READY;
    return READY_SIZE + properties->size;
}

static zseq_curve_error_t
s_take_ready (zseq_curve_t *self, uint8_t *bytes, size_t size,
              zseq_curve_properties_t *properties)
{
    if (!s_is_named (bytes, size, "\5READY") || size < READY_SIZE)
        return s_fail (self, ZSEQ_CURVE_MALFORMED);
    uint8_t nonce[NONCE];
    s_short_nonce (nonce, "CurveZMQREADY---", bytes + READY_NONCE_AT);
    uint8_t *held = bytes + READY_SIZE;
    if (crypto_box_open_detached_afternm (held, held, bytes + READY_BOX_AT,
                                          size - READY_SIZE, nonce,
                                          self->shared) != 0)
        return s_fail (self, ZSEQ_CURVE_FORGED);
    self->received = s_number (bytes + READY_NONCE_AT);
    properties->bytes = held;
    properties->size = size - READY_SIZE;
    self->stage = CLIENT_READY;
    return ZSEQ_CURVE_OK;
}

//  What a server says whose user does not know the client's key. RFC 27 has the
//  number, and libzmq knows it.
static size_t
s_put_error (zseq_curve_t *self, uint8_t *bytes)
{
    static const char error[] = "\5ERROR\3"
                                "400";
    memcpy (bytes, error, sizeof error - 1);
    self->stage = FAILED;
    return sizeof error - 1;
}

//  Whether the command is a proper ERROR, which is in clear: anyone on the way
//  may have sent it, who could also have cut the connection.
static bool
s_is_error (const uint8_t *bytes, size_t size)
{
    return s_is_named (bytes, size, "\5ERROR") && size > ERROR_REASON_AT &&
           bytes[ERROR_REASON_AT] == size - ERROR_REASON_AT - 1;
}

zseq_curve_error_t
zseq_curve_take (zseq_curve_t *self, uint8_t *bytes, size_t size,
                 zseq_curve_properties_t *properties)
{
    assert (self);
    assert (bytes || size == 0);
    assert (properties);

    if (self->error)
        return self->error;
    switch (self->stage) {
    case SERVER_AWAITS_HELLO:
        return s_take_hello (self, bytes, size);
    case SERVER_AWAITS_INITIATE:
        return s_take_initiate (self, bytes, size, properties);
    case CLIENT_AWAITS_WELCOME:
    case CLIENT_AWAITS_READY:
        if (s_is_error (bytes, size))
            return s_fail (self, ZSEQ_CURVE_REFUSED);
        return self->stage == CLIENT_AWAITS_WELCOME
                 ? s_take_welcome (self, bytes, size)
                 : s_take_ready (self, bytes, size, properties);
    default:
        return s_fail (self, ZSEQ_CURVE_MALFORMED);
    }
}

size_t
zseq_curve_put (zseq_curve_t *self, uint8_t bytes[ZSEQ_CURVE_PUT_MAX],
                const zseq_curve_properties_t *properties)
{
    assert (self);
    assert (bytes);
    assert (properties);
    assert (properties->size <= ZSEQ_CURVE_PROPERTIES_MAX);

    switch (self->stage) {
    case CLIENT_HELLO:
        return s_put_hello (self, bytes);
    case CLIENT_INITIATE:
        return s_put_initiate (self, bytes, properties);
    case SERVER_WELCOME:
        return s_put_welcome (self, bytes);
    case SERVER_ALLOWED:
        return s_put_ready (self, bytes, properties);
    case SERVER_DENIED:
        return s_put_error (self, bytes);
    default:
        return 0;
    }
}

//  The prefixes of the two directions differ, so that no message comes back to
//  its sender as the other end's.
static const char *
s_message_prefix (const zseq_curve_t *self, bool ours)
{
    bool client = self->stage == CLIENT_READY;
    return client == ours ? "CurveZMQMESSAGEC" : "CurveZMQMESSAGES";
}

bool
zseq_curve_seal (zseq_curve_t *self, uint8_t flags, const uint8_t *bytes,
                 size_t size, uint8_t *sealed)
{
    assert (self);
    assert (self->stage == CLIENT_READY || self->stage == SERVER_READY);
    assert (bytes || size == 0);
    assert (sealed);

    if (self->sent == UINT64_MAX)
        return false;
    uint8_t nonce[NONCE];
    memcpy (sealed, "\7MESSAGE", MESSAGE_NONCE_AT);
    s_use_nonce (self, s_message_prefix (self, true), sealed + MESSAGE_NONCE_AT,
                 nonce);
    sealed[MESSAGE_FLAGS_AT] = flags;
    if (size)
        memcpy (sealed + ZSEQ_CURVE_OVERHEAD, bytes, size);
    crypto_box_easy_afternm (sealed + MESSAGE_BOX_AT, sealed + MESSAGE_FLAGS_AT,
                             1 + size, nonce, self->shared);
    return true;
}

zseq_curve_error_t
zseq_curve_open (zseq_curve_t *self, uint8_t *bytes, size_t size,
                 zseq_curve_frame_t *frame_p)
{
    assert (self);
    assert (bytes || size == 0);
    assert (frame_p);

    if (self->error)
        return self->error;
    assert (zseq_curve_ready (self));
    if (!s_is_named (bytes, size, "\7MESSAGE") || size < ZSEQ_CURVE_OVERHEAD)
        return s_fail (self, ZSEQ_CURVE_MALFORMED);
    if (!s_follows (self, bytes + MESSAGE_NONCE_AT))
        return s_fail (self, ZSEQ_CURVE_REPLAYED);
    uint8_t nonce[NONCE];
    uint8_t *held = bytes + MESSAGE_FLAGS_AT;
    s_short_nonce (nonce, s_message_prefix (self, false),
                   bytes + MESSAGE_NONCE_AT);
    if (crypto_box_open_detached_afternm (held, held, bytes + MESSAGE_BOX_AT,
                                          size - MESSAGE_FLAGS_AT, nonce,
                                          self->shared) != 0)
        return s_fail (self, ZSEQ_CURVE_FORGED);
    if (held[0] & ~(ZSEQ_CURVE_MORE | ZSEQ_CURVE_COMMAND))
        return s_fail (self, ZSEQ_CURVE_MALFORMED);
    *frame_p = (zseq_curve_frame_t){.flags = held[0],
                                    .bytes = bytes + ZSEQ_CURVE_OVERHEAD,
                                    .size = size - ZSEQ_CURVE_OVERHEAD};
    return ZSEQ_CURVE_OK;
}
