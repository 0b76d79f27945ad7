//  Tests the mechanism CURVE: both ends against vectors that were computed
//  without zseq, and against each other, with each byte changed, each command
//  repeated, and the stream split at each byte. Randomness comes from the test.

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "test_curve_vectors.h"
#include "zseq_curve.h"
#include "zseq_msg.h"
#include "zseq_zmtp.h"

#define KEY ZSEQ_CURVE_KEY_SIZE
//  Where each end's randomness begins.
#define CLIENT_SEED 0
#define SERVER_SEED 100

//  libsodium's randomness: byte k is 7 k + 1.

static size_t s_drawn;

static const char *
s_source_name (void)
{
    return "test";
}

static void
s_source_fill (void *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++)
        ((uint8_t *) bytes)[at] = (uint8_t) (7 * s_drawn++ + 1);
}

static uint32_t
s_source_word (void)
{
    uint32_t word;
    s_source_fill (&word, sizeof word);
    return word;
}

static randombytes_implementation s_source = {.implementation_name =
                                                s_source_name,
                                              .random = s_source_word,
                                              .buf = s_source_fill};

//  Both ends, each with its place in the randomness.

typedef struct {
    uint8_t bytes[ZSEQ_CURVE_PUT_MAX];
    size_t size;
} s_command_t;

static zseq_curve_keys_t s_client_keys;
static zseq_curve_keys_t s_server_keys;
static zseq_curve_t s_client;
static zseq_curve_t s_server;
static size_t s_client_drawn;
static size_t s_server_drawn;
static zseq_curve_properties_t s_properties;

static const uint8_t s_dealer[] = "\13Socket-Type\0\0\0\6DEALER";
static const uint8_t s_router[] = "\13Socket-Type\0\0\0\6ROUTER";

static void
s_set_pair (zseq_curve_pair_t *pair, uint8_t first)
{
    for (uint8_t at = 0; at < KEY; at++)
        pair->secret_key[at] = (uint8_t) (first + at);
    crypto_scalarmult_base (pair->public_key, pair->secret_key);
}

static void
s_begin (void)
{
    s_drawn = CLIENT_SEED;
    zseq_curve_init_client (&s_client, &s_client_keys,
                            s_server_keys.pair.public_key);
    s_client_drawn = s_drawn;
    zseq_curve_init_server (&s_server, &s_server_keys);
    s_server_drawn = SERVER_SEED;
}

static void
s_init (void)
{
    randombytes_set_implementation (&s_source);
    cr_assert_geq (sodium_init (), 0);
    memset (&s_client_keys, 0, sizeof s_client_keys);
    memset (&s_server_keys, 0, sizeof s_server_keys);
    s_set_pair (&s_client_keys.pair, 1);
    s_set_pair (&s_server_keys.pair, 101);
    s_begin ();
}

TestSuite (curve, .init = s_init);

static s_command_t
s_put_client (void)
{
    s_command_t command;
    zseq_curve_properties_t own = {s_dealer, sizeof s_dealer - 1};
    s_drawn = s_client_drawn;
    command.size = zseq_curve_put (&s_client, command.bytes, &own);
    s_client_drawn = s_drawn;
    return command;
}

static s_command_t
s_put_server (void)
{
    s_command_t command;
    zseq_curve_properties_t own = {s_router, sizeof s_router - 1};
    s_drawn = s_server_drawn;
    command.size = zseq_curve_put (&s_server, command.bytes, &own);
    s_server_drawn = s_drawn;
    return command;
}

//  Gives a command, in an allocation of exactly its size, to one end.
static zseq_curve_error_t
s_give (zseq_curve_t *self, const s_command_t *command)
{
    uint8_t *bytes = malloc (command->size ? command->size : 1);
    cr_assert (bytes);
    memcpy (bytes, command->bytes, command->size);
    s_properties.size = 0;
    zseq_curve_error_t error =
      zseq_curve_take (self, bytes, command->size, &s_properties);
    if (error)
        cr_assert_eq (
          zseq_curve_take (self, bytes, command->size, &s_properties), error);
    free (bytes);
    return error;
}

//  Shakes hands up to a step: 1 HELLO, 2 WELCOME, 3 INITIATE, 4 READY. Returns
//  that step's command, which was not given to the other end yet.
static s_command_t
s_shake (int steps)
{
    s_begin ();
    s_command_t command = s_put_client ();
    for (int step = 2; step <= steps; step++) {
        bool by_server = step % 2 == 0;
        cr_assert_eq (s_give (by_server ? &s_server : &s_client, &command),
                      ZSEQ_CURVE_OK);
        command = by_server ? s_put_server () : s_put_client ();
    }
    return command;
}

static void
s_connect (void)
{
    s_command_t ready = s_shake (4);
    cr_assert_eq (s_give (&s_client, &ready), ZSEQ_CURVE_OK);
    cr_assert (zseq_curve_ready (&s_client));
    cr_assert (zseq_curve_ready (&s_server));
}

static zseq_curve_t *
s_taker (int step)
{
    return step % 2 == 1 ? &s_server : &s_client;
}

//  A sealed message of up to 32 bytes.
static s_command_t
s_seal (zseq_curve_t *self, uint8_t flags, const char *text)
{
    s_command_t command;
    size_t size = strlen (text);
    cr_assert (zseq_curve_seal (self, flags, (const uint8_t *) text, size,
                                command.bytes));
    command.size = size + ZSEQ_CURVE_OVERHEAD;
    return command;
}

static zseq_curve_frame_t s_frame;
static uint8_t s_opened[ZSEQ_CURVE_PUT_MAX];

static zseq_curve_error_t
s_open (zseq_curve_t *self, const s_command_t *command)
{
    uint8_t *bytes = malloc (command->size ? command->size : 1);
    cr_assert (bytes);
    memcpy (bytes, command->bytes, command->size);
    zseq_curve_error_t error =
      zseq_curve_open (self, bytes, command->size, &s_frame);
    if (!error)
        memcpy (s_opened, s_frame.bytes, s_frame.size);
    free (bytes);
    return error;
}

//  What both ends say.

static void
s_assert_hex (const s_command_t *command, const char *hex)
{
    char text[2 * ZSEQ_CURVE_PUT_MAX + 1];
    sodium_bin2hex (text, sizeof text, command->bytes, command->size);
    cr_assert_str_eq (text, hex);
}

Test (curve, sends_the_bytes_that_the_rfc_says)
{
    static const char *const vectors[] = {s_hello, s_welcome, s_initiate,
                                          s_ready};
    for (int step = 1; step <= 4; step++) {
        s_command_t command = s_shake (step);
        s_assert_hex (&command, vectors[step - 1]);
    }
    s_connect ();
    s_command_t sealed = s_seal (&s_client, 0, "to the server");
    s_assert_hex (&sealed, s_to_server);
    sealed = s_seal (&s_server, ZSEQ_CURVE_COMMAND, "to the client");
    s_assert_hex (&sealed, s_to_client);
}

Test (curve, tells_each_end_what_the_other_one_is)
{
    s_command_t initiate = s_shake (3);
    cr_assert (!zseq_curve_ready (&s_server));
    cr_assert (zseq_curve_welcomed (&s_client));
    uint8_t *bytes = initiate.bytes;
    cr_assert_eq (
      zseq_curve_take (&s_server, bytes, initiate.size, &s_properties),
      ZSEQ_CURVE_OK);
    cr_assert_eq (s_properties.size, sizeof s_dealer - 1);
    cr_assert_arr_eq (s_properties.bytes, s_dealer, sizeof s_dealer - 1);
    cr_assert_arr_eq (s_server.peer, s_client_keys.pair.public_key, KEY);
    s_command_t ready = s_put_server ();
    cr_assert_eq (
      zseq_curve_take (&s_client, ready.bytes, ready.size, &s_properties),
      ZSEQ_CURVE_OK);
    cr_assert_eq (s_properties.size, sizeof s_router - 1);
    cr_assert_arr_eq (s_properties.bytes, s_router, sizeof s_router - 1);
    cr_assert_arr_eq (s_client.peer, s_server_keys.pair.public_key, KEY);
}

Test (curve, has_nothing_to_say_out_of_turn)
{
    s_begin ();
    cr_assert_eq (s_put_server ().size, 0);
    cr_assert_gt (s_put_client ().size, 0);
    cr_assert_eq (s_put_client ().size, 0);
    s_connect ();
    cr_assert_eq (s_put_client ().size, 0);
    cr_assert_eq (s_put_server ().size, 0);
}

Test (curve, carries_frames_both_ways)
{
    static const uint8_t flags[] = {0, ZSEQ_CURVE_MORE, ZSEQ_CURVE_COMMAND};
    s_connect ();
    for (size_t index = 0; index < 30; index++) {
        bool up = index % 2 == 0;
        const char *text = index % 5 ? "some text" : "";
        s_command_t sealed =
          s_seal (up ? &s_client : &s_server, flags[index % 3], text);
        cr_assert_eq (s_open (up ? &s_server : &s_client, &sealed),
                      ZSEQ_CURVE_OK);
        cr_assert_eq (s_frame.flags, flags[index % 3]);
        cr_assert_eq (s_frame.size, strlen (text));
        cr_assert (!memcmp (s_opened, text, s_frame.size));
    }
}

Test (curve, carries_a_message_of_the_longest_size)
{
    s_connect ();
    uint8_t *text = malloc (ZSEQ_MESSAGE_MAX);
    uint8_t *sealed = malloc (ZSEQ_MESSAGE_MAX + ZSEQ_CURVE_OVERHEAD);
    cr_assert (text && sealed);
    memset (text, 'x', ZSEQ_MESSAGE_MAX);
    cr_assert (zseq_curve_seal (&s_client, 0, text, ZSEQ_MESSAGE_MAX, sealed));
    cr_assert_eq (zseq_curve_open (&s_server, sealed,
                                   ZSEQ_MESSAGE_MAX + ZSEQ_CURVE_OVERHEAD,
                                   &s_frame),
                  ZSEQ_CURVE_OK);
    cr_assert_eq (s_frame.size, ZSEQ_MESSAGE_MAX);
    cr_assert (!memcmp (s_frame.bytes, text, ZSEQ_MESSAGE_MAX));
    free (text);
    free (sealed);
}

//  What was changed on the way.

Test (curve, refuses_a_handshake_with_any_byte_changed)
{
    for (int step = 1; step <= 4; step++) {
        size_t size = s_shake (step).size;
        for (size_t at = 0; at < size; at++) {
            s_command_t command = s_shake (step);
            //  Of a public key, the highest bit means nothing.
            command.bytes[at] ^= (uint8_t) (1 << at % 7);
            cr_assert_neq (s_give (s_taker (step), &command), ZSEQ_CURVE_OK,
                           "step %d, byte %zu", step, at);
            cr_assert (!zseq_curve_ready (s_taker (step)));
        }
    }
}

Test (curve, refuses_a_handshake_of_any_other_length)
{
    for (int step = 1; step <= 4; step++) {
        size_t size = s_shake (step).size;
        for (size_t length = 0; length < size; length++) {
            s_command_t command = s_shake (step);
            command.size = length;
            cr_assert_neq (s_give (s_taker (step), &command), ZSEQ_CURVE_OK,
                           "step %d, length %zu", step, length);
        }
        s_command_t command = s_shake (step);
        if (command.size == sizeof command.bytes)
            continue;
        command.bytes[command.size++] = 0;
        cr_assert_neq (s_give (s_taker (step), &command), ZSEQ_CURVE_OK);
    }
}

Test (curve, refuses_a_message_with_any_byte_changed)
{
    s_connect ();
    size_t size = s_seal (&s_client, 0, "text").size;
    for (size_t at = 0; at < size; at++) {
        s_connect ();
        s_command_t sealed = s_seal (&s_client, 0, "text");
        sealed.bytes[at] ^= (uint8_t) (1 << at % 8);
        cr_assert_neq (s_open (&s_server, &sealed), ZSEQ_CURVE_OK, "%zu", at);
        s_connect ();
        sealed = s_seal (&s_client, 0, "text");
        sealed.size = at;
        cr_assert_neq (s_open (&s_server, &sealed), ZSEQ_CURVE_OK, "%zu", at);
    }
}

Test (curve, refuses_commands_out_of_turn)
{
    for (int step = 1; step <= 4; step++)
        for (int other = 1; other <= 4; other++) {
            if (other == step)
                continue;
            s_command_t early = s_shake (other);
            (void) s_shake (step);
            cr_assert_eq (s_give (s_taker (step), &early), ZSEQ_CURVE_MALFORMED,
                          "%d for %d", other, step);
        }
    s_command_t hello = s_shake (1);
    s_connect ();
    cr_assert_eq (s_give (&s_server, &hello), ZSEQ_CURVE_MALFORMED);
}

Test (curve, refuses_flags_that_do_not_exist)
{
    for (int bit = 2; bit < 8; bit++) {
        s_connect ();
        s_command_t sealed = s_seal (&s_client, (uint8_t) (1 << bit), "");
        cr_assert_eq (s_open (&s_server, &sealed), ZSEQ_CURVE_MALFORMED);
    }
}

//  What was recorded and sent again.

Test (curve, refuses_messages_again_or_out_of_order)
{
    s_connect ();
    s_command_t first = s_seal (&s_client, 0, "first");
    s_command_t second = s_seal (&s_client, 0, "second");
    cr_assert_eq (s_open (&s_server, &second), ZSEQ_CURVE_REPLAYED);
    s_connect ();
    first = s_seal (&s_client, 0, "first");
    cr_assert_eq (s_open (&s_server, &first), ZSEQ_CURVE_OK);
    cr_assert_eq (s_open (&s_server, &first), ZSEQ_CURVE_REPLAYED);
    //  It is the end of the connection.
    second = s_seal (&s_client, 0, "second");
    cr_assert_eq (s_open (&s_server, &second), ZSEQ_CURVE_REPLAYED);
}

Test (curve, refuses_its_own_messages)
{
    s_connect ();
    s_command_t sealed = s_seal (&s_server, 0, "down");
    cr_assert_eq (s_open (&s_client, &sealed), ZSEQ_CURVE_OK);
    //  Its number is the next one of the server, too.
    sealed = s_seal (&s_client, 0, "up");
    cr_assert_eq (s_open (&s_client, &sealed), ZSEQ_CURVE_FORGED);
}

Test (curve, refuses_what_opened_another_connection)
{
    s_command_t initiate = s_shake (3);
    s_command_t hello = s_shake (1);
    s_server_drawn = SERVER_SEED + 1;
    cr_assert_eq (s_give (&s_server, &hello), ZSEQ_CURVE_OK);
    (void) s_put_server ();
    cr_assert_eq (s_give (&s_server, &initiate), ZSEQ_CURVE_FORGED);
}

Test (curve, uses_no_nonce_twice)
{
    s_connect ();
    s_client.sent = s_server.received = UINT64_MAX - 1;
    s_command_t last = s_seal (&s_client, 0, "last");
    uint8_t bytes[ZSEQ_CURVE_OVERHEAD + 1];
    cr_assert (
      !zseq_curve_seal (&s_client, 0, (const uint8_t *) "x", 1, bytes));
    cr_assert (
      !zseq_curve_seal (&s_client, 0, (const uint8_t *) "x", 1, bytes));
    cr_assert_eq (s_open (&s_server, &last), ZSEQ_CURVE_OK);
    //  After the last number none follows, and not 0 either.
    s_client.sent = 0;
    last = s_seal (&s_client, 0, "again");
    memset (last.bytes + 8, 0, 8);
    cr_assert_eq (s_open (&s_server, &last), ZSEQ_CURVE_REPLAYED);
}

//  Who has other keys.

Test (curve, refuses_a_client_that_takes_it_for_another_server)
{
    uint8_t other[KEY];
    crypto_scalarmult_base (other, s_client_keys.pair.secret_key);
    zseq_curve_init_client (&s_client, &s_client_keys, other);
    s_command_t hello = s_put_client ();
    cr_assert_eq (s_give (&s_server, &hello), ZSEQ_CURVE_FORGED);
    cr_assert_eq (s_put_server ().size, 0);
}

Test (curve, refuses_a_client_that_has_not_the_secret_of_its_key)
{
    (void) s_shake (2);
    s_client_keys.pair.secret_key[5] ^= 1;
    s_command_t initiate = s_shake (3);
    cr_assert_eq (s_give (&s_server, &initiate), ZSEQ_CURVE_FORGED);
}

//  A vouch is good for one short-term key and one server.
Test (curve, refuses_a_vouch_for_anything_else)
{
    for (int what = 0; what < 2; what++) {
        s_command_t welcome = s_shake (2);
        cr_assert_eq (s_give (&s_client, &welcome), ZSEQ_CURVE_OK);
        uint8_t *vouched =
          what ? s_client.peer : s_client.short_term.client.public_key;
        vouched[3] ^= 1;
        s_command_t initiate = s_put_client ();
        cr_assert_eq (s_give (&s_server, &initiate), ZSEQ_CURVE_FORGED);
    }
}

static const uint8_t *s_allowed;

static bool
s_allow (void *arg, const uint8_t *public_key)
{
    cr_assert_eq (arg, &s_allowed);
    return !memcmp (s_allowed, public_key, KEY);
}

Test (curve, lets_in_whom_its_user_allows)
{
    s_server_keys.allow = s_allow;
    s_server_keys.arg = &s_allowed;
    s_allowed = s_client_keys.pair.public_key;
    s_connect ();
    s_allowed = s_server_keys.pair.public_key;
    s_command_t initiate = s_shake (3);
    cr_assert_eq (s_give (&s_server, &initiate), ZSEQ_CURVE_DENIED);
    cr_assert (!zseq_curve_ready (&s_server));
    s_command_t error = s_put_server ();
    cr_assert_eq (error.size, 10);
    cr_assert_arr_eq (error.bytes,
                      "\5ERROR\3"
                      "400",
                      10);
    cr_assert_eq (s_put_server ().size, 0);
    cr_assert_eq (s_give (&s_client, &error), ZSEQ_CURVE_REFUSED);
}

Test (curve, takes_a_proper_error_only)
{
    s_command_t error = {.bytes = "\5ERROR\3"
                                  "40",
                         .size = 9};
    (void) s_shake (1);
    cr_assert_eq (s_give (&s_client, &error), ZSEQ_CURVE_MALFORMED);
    (void) s_shake (1);
    error.size = 6;
    cr_assert_eq (s_give (&s_client, &error), ZSEQ_CURVE_MALFORMED);
    (void) s_shake (1);
    error = (s_command_t){.bytes = "\5ERROR\0", .size = 7};
    cr_assert_eq (s_give (&s_client, &error), ZSEQ_CURVE_REFUSED);
    //  A client says none.
    s_begin ();
    cr_assert_eq (s_give (&s_server, &error), ZSEQ_CURVE_MALFORMED);
}

//  With these, whoever knows no secret knows what both ends share.
static const uint8_t s_weak[][KEY] = {
  {0},
  {1},
  {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
   0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
   0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
};

Test (curve, uses_no_key_that_is_none)
{
    for (size_t index = 0; index < sizeof s_weak / sizeof *s_weak; index++) {
        cr_assert (!zseq_curve_usable (s_weak[index]));
        s_command_t hello = s_shake (1);
        memcpy (hello.bytes + 80, s_weak[index], KEY);
        cr_assert_eq (s_give (&s_server, &hello), ZSEQ_CURVE_FORGED);
    }
    cr_assert (zseq_curve_usable (s_client_keys.pair.public_key));
    cr_assert (zseq_curve_usable (s_server_keys.pair.public_key));
}

//  What is kept in memory.

static bool
s_keeps (const zseq_curve_t *self, const uint8_t *secret)
{
    return memmem (self, sizeof *self, secret, KEY) != NULL;
}

Test (curve, keeps_no_secret_longer_than_it_is_used)
{
    uint8_t client_short[KEY];
    uint8_t server_short[KEY];
    s_drawn = CLIENT_SEED;
    s_source_fill (client_short, KEY);
    s_drawn = SERVER_SEED;
    s_source_fill (server_short, KEY);
    s_command_t hello = s_shake (1);
    cr_assert (s_keeps (&s_client, client_short));
    s_command_t welcome = s_shake (2);
    //  All that the server knows of the client is in the cookie.
    cr_assert (!s_keeps (&s_server, server_short));
    cr_assert (!s_keeps (&s_server, hello.bytes + 80));
    cr_assert (sodium_is_zero (s_server.shared, KEY));
    uint8_t cookie_key[KEY];
    memcpy (cookie_key, s_server.short_term.server.cookie_key, KEY);
    cr_assert_eq (s_give (&s_client, &welcome), ZSEQ_CURVE_OK);
    cr_assert (!s_keeps (&s_client, client_short));
    s_command_t initiate = s_put_client ();
    cr_assert_eq (s_give (&s_server, &initiate), ZSEQ_CURVE_OK);
    cr_assert (!s_keeps (&s_server, cookie_key));
    cr_assert (!s_keeps (&s_server, server_short));
}

Test (curve, wipes_all_secrets_at_the_end)
{
    s_connect ();
    s_command_t sealed = s_seal (&s_client, 0, "text");
    cr_assert_eq (s_open (&s_server, &sealed), ZSEQ_CURVE_OK);
    uint8_t shared[KEY];
    memcpy (shared, s_server.shared, KEY);
    cr_assert (s_keeps (&s_client, shared));
    zseq_curve_term (&s_client);
    cr_assert (!s_keeps (&s_client, shared));
    cr_assert_eq (s_open (&s_server, &sealed), ZSEQ_CURVE_REPLAYED);
    cr_assert (!s_keeps (&s_server, shared));
}

//  As the mechanism of ZMTP.

typedef struct {
    zseq_zmtp_t zmtp;
    zseq_curve_t curve;
    char events[64];  //  A letter each
    size_t count;
    uint8_t said[2048];  //  What it has sent
    size_t size;
} s_end_t;

static const char s_letters[] = {
  [ZSEQ_ZMTP_SHORT] = '-', [ZSEQ_ZMTP_GREETED] = 'g',
  [ZSEQ_ZMTP_READY] = 'r', [ZSEQ_ZMTP_HANDSHAKE] = 'h',
  [ZSEQ_ZMTP_FRAME] = 'f', [ZSEQ_ZMTP_PART] = 'p',
  [ZSEQ_ZMTP_PING] = 'i',  [ZSEQ_ZMTP_COMMAND] = 'c',
  [ZSEQ_ZMTP_FAILED] = '!'};

static void
s_open_end (s_end_t *self, zseq_zmtp_socket_t socket)
{
    memset (self, 0, sizeof *self);
    zseq_zmtp_init (&self->zmtp, socket, ZSEQ_ZMTP_CURVE, 64);
    zseq_zmtp_put_greeting (&self->zmtp, self->said);
    self->size = ZSEQ_ZMTP_GREETING_SIZE;
}

static void
s_answer (s_end_t *self, const zseq_zmtp_event_t *event)
{
    //  The same for each event, whatever came before it.
    bool client = self->zmtp.socket == ZSEQ_ZMTP_DEALER;
    s_drawn = client ? CLIENT_SEED : SERVER_SEED;
    if (event->type == ZSEQ_ZMTP_GREETED) {
        if (client)
            zseq_curve_init_client (&self->curve, &s_client_keys,
                                    s_server_keys.pair.public_key);
        else
            zseq_curve_init_server (&self->curve, &s_server_keys);
        zseq_zmtp_set_curve (&self->zmtp, &self->curve);
    }
    self->size +=
      zseq_zmtp_put_handshake (&self->zmtp, self->said + self->size);
    cr_assert_leq (self->size, sizeof self->said);
}

//  Takes events until the input, an allocation of exactly its size, is too
//  short. Returns how many bytes were taken.
static size_t
s_take (s_end_t *self, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc (size ? size : 1);
    cr_assert (copy);
    if (size)
        memcpy (copy, bytes, size);
    size_t taken = 0;
    for (;;) {
        zseq_zmtp_event_t event =
          zseq_zmtp_next (&self->zmtp, copy + taken, size - taken);
        if (event.type == ZSEQ_ZMTP_SHORT)
            break;
        self->events[self->count++] = s_letters[event.type];
        taken += event.taken;
        s_answer (self, &event);
        if (event.type == ZSEQ_ZMTP_FAILED)
            break;
    }
    free (copy);
    return taken;
}

static s_end_t s_dealer_end;
static s_end_t s_router_end;

//  Shakes hands, as two connected ends.
static void
s_shake_ends (void)
{
    s_open_end (&s_dealer_end, ZSEQ_ZMTP_DEALER);
    s_open_end (&s_router_end, ZSEQ_ZMTP_ROUTER);
    size_t up = 0;
    size_t down = 0;
    for (int turn = 0; turn < 3; turn++) {
        up += s_take (&s_router_end, s_dealer_end.said + up,
                      s_dealer_end.size - up);
        down += s_take (&s_dealer_end, s_router_end.said + down,
                        s_router_end.size - down);
    }
    cr_assert_str_eq (s_router_end.events, "ghr");
    cr_assert_str_eq (s_dealer_end.events, "ghr");
}

static void
s_say (s_end_t *self, bool command, const char *text)
{
    uint8_t *bytes = self->said + self->size;
    size_t size = strlen (text);
    size_t frame_size = zseq_zmtp_frame_size (&self->zmtp, size);
    cr_assert_leq (self->size + frame_size, sizeof self->said);
    cr_assert_eq ((command ? zseq_zmtp_put_command : zseq_zmtp_put_message) (
                    &self->zmtp, bytes, (const uint8_t *) text, size),
                  frame_size);
    self->size += frame_size;
}

//  A copy of an end takes what the other end has said, in two pieces.
static void
s_split (zseq_zmtp_socket_t socket, const s_end_t *other, size_t at,
         const char *events)
{
    static s_end_t self;
    s_open_end (&self, socket);
    size_t taken = s_take (&self, other->said, at);
    (void) s_take (&self, other->said + taken, other->size - taken);
    cr_assert_str_eq (self.events, events, "split at %zu", at);
}

Test (curve, is_the_same_however_the_stream_is_split)
{
    s_shake_ends ();
    for (int times = 0; times < 2; times++) {
        s_say (&s_dealer_end, false, "request");
        s_say (&s_dealer_end, true, "\4PINGxx");
        s_say (&s_router_end, true, "\4PONG");
        s_say (&s_router_end, false, "");
    }
    for (size_t at = 0; at <= s_dealer_end.size; at++)
        s_split (ZSEQ_ZMTP_ROUTER, &s_dealer_end, at, "ghrfifi");
    for (size_t at = 0; at <= s_router_end.size; at++)
        s_split (ZSEQ_ZMTP_DEALER, &s_router_end, at, "ghrcfcf");
}

Test (curve, bounds_what_is_inside_a_sealed_frame)
{
    char text[66];
    memset (text, 'x', sizeof text);
    text[64] = 0;
    s_shake_ends ();
    size_t before = s_dealer_end.size;
    s_say (&s_dealer_end, false, text);
    (void) s_take (&s_router_end, s_dealer_end.said + before,
                   s_dealer_end.size - before);
    cr_assert_str_eq (s_router_end.events, "ghrf");
    text[64] = 'x';
    text[65] = 0;
    before = s_dealer_end.size;
    s_say (&s_dealer_end, false, text);
    (void) s_take (&s_router_end, s_dealer_end.said + before,
                   s_dealer_end.size - before);
    cr_assert_str_eq (s_router_end.events, "ghrf!");
    cr_assert_eq (s_router_end.zmtp.error, ZSEQ_ZMTP_TOO_LONG);
}

//  Its parts belong together whatever the frames outside say.
Test (curve, refuses_parts_in_clear)
{
    s_shake_ends ();
    size_t before = s_dealer_end.size;
    s_say (&s_dealer_end, false, "text");
    s_dealer_end.said[before] |= 1;
    (void) s_take (&s_router_end, s_dealer_end.said + before,
                   s_dealer_end.size - before);
    cr_assert_eq (s_router_end.zmtp.error, ZSEQ_ZMTP_MALFORMED);
}

Test (curve, refuses_messages_in_clear)
{
    static const uint8_t clear[] = "\0\4text";
    s_shake_ends ();
    (void) s_take (&s_router_end, clear, 6);
    cr_assert_eq (s_router_end.zmtp.error, ZSEQ_ZMTP_MALFORMED);
}

Test (curve, says_nothing_more_to_one_of_another_socket_type)
{
    s_shake_ends ();
    s_open_end (&s_router_end, ZSEQ_ZMTP_ROUTER);
    s_command_t initiate = s_shake (2);
    cr_assert_eq (s_give (&s_client, &initiate), ZSEQ_CURVE_OK);
    zseq_curve_properties_t other = {
      (const uint8_t *) "\13Socket-Type\0\0\0\3SUB", 19};
    s_drawn = s_client_drawn;
    initiate.size = zseq_curve_put (&s_client, initiate.bytes, &other);
    size_t taken =
      s_take (&s_router_end, s_dealer_end.said, ZSEQ_ZMTP_GREETING_SIZE + 202);
    cr_assert_eq (taken, ZSEQ_ZMTP_GREETING_SIZE + 202);
    size_t said = s_router_end.size;
    uint8_t frame[ZSEQ_ZMTP_HANDSHAKE_MAX] = {6,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              (uint8_t) (initiate.size >> 8),
                                              (uint8_t) initiate.size};
    memcpy (frame + 9, initiate.bytes, initiate.size);
    (void) s_take (&s_router_end, frame, 9 + initiate.size);
    cr_assert_str_eq (s_router_end.events, "gh!");
    cr_assert_eq (s_router_end.zmtp.error, ZSEQ_ZMTP_OTHER_SOCKET);
    cr_assert_eq (s_router_end.size, said);
}

Test (curve, tells_who_has_keys_from_who_has_none)
{
    zseq_zmtp_t zmtp;
    uint8_t bytes[ZSEQ_ZMTP_GREETING_SIZE];
    s_open_end (&s_router_end, ZSEQ_ZMTP_ROUTER);
    cr_assert_eq (s_router_end.said[32], 1);
    zseq_zmtp_init (&zmtp, ZSEQ_ZMTP_DEALER, ZSEQ_ZMTP_NULL, 64);
    cr_assert_eq (
      zseq_zmtp_next (&zmtp, s_router_end.said, ZSEQ_ZMTP_GREETING_SIZE).type,
      ZSEQ_ZMTP_FAILED);
    cr_assert_eq (zmtp.error, ZSEQ_ZMTP_WANTS_KEYS);
    memcpy (bytes, zseq_zmtp_greeting, sizeof bytes);
    (void) s_take (&s_router_end, bytes, sizeof bytes);
    cr_assert_str_eq (s_router_end.events, "!");
    cr_assert_eq (s_router_end.zmtp.error, ZSEQ_ZMTP_LACKS_KEYS);
}
