//  Tests the parser of ZMTP: what it makes of a stream, however it is split,
//  and which error each malformed stream is. No sockets.

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_msg.h"
#include "zseq_zmtp.h"

//  As libzmq 4.3.4 sends it.
#define GREETING                                                               \
    "\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define FILLER                                                                 \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define DEALER_READY                                                           \
    "\4\x29\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\0"
#define ROUTER_READY "\4\x1c\5READY\13Socket-Type\0\0\0\6ROUTER"

#define STREAM_MAX 131072

typedef struct {
    uint8_t bytes[STREAM_MAX];
    size_t size;
} s_stream_t;

static s_stream_t s_stream;

static void
s_add (const char *bytes, size_t size)
{
    cr_assert_leq (s_stream.size + size, sizeof s_stream.bytes);
    memcpy (s_stream.bytes + s_stream.size, bytes, size);
    s_stream.size += size;
}

//  Adds a literal without its NUL.
#define ADD(literal) s_add (literal, sizeof literal - 1)

static void
s_greet (void)
{
    s_stream.size = 0;
    ADD (GREETING FILLER);
    cr_assert_eq (s_stream.size, ZSEQ_ZMTP_GREETING_SIZE);
}

static void
s_begin (void)
{
    s_greet ();
    ADD (DEALER_READY);
}

//  What the events of a stream were: a letter each, and all bytes of frames.
typedef struct {
    char events[256];
    size_t count;
    uint8_t bytes[STREAM_MAX];
    size_t size;
    zseq_zmtp_error_t error;
} s_result_t;

static const char s_letters[] = {
  [ZSEQ_ZMTP_SHORT] = '-',   [ZSEQ_ZMTP_GREETED] = 'g', [ZSEQ_ZMTP_READY] = 'r',
  [ZSEQ_ZMTP_FRAME] = 'f',   [ZSEQ_ZMTP_PART] = 'p',    [ZSEQ_ZMTP_PING] = 'i',
  [ZSEQ_ZMTP_COMMAND] = 'c', [ZSEQ_ZMTP_FAILED] = '!'};

static void
s_note (s_result_t *self, const zseq_zmtp_event_t *event)
{
    cr_assert_lt (self->count, sizeof self->events - 1);
    self->events[self->count++] = s_letters[event->type];
    if (event->type != ZSEQ_ZMTP_FRAME && event->type != ZSEQ_ZMTP_PING)
        return;
    cr_assert_leq (self->size + event->size, sizeof self->bytes);
    if (event->size)
        memcpy (self->bytes + self->size, event->bytes, event->size);
    self->size += event->size;
}

//  Takes events until the input, an allocation of exactly its size, is too
//  short. Returns how many bytes were taken.
static size_t
s_take (zseq_zmtp_t *zmtp, const uint8_t *bytes, size_t size,
        s_result_t *result)
{
    uint8_t *copy = malloc (size ? size : 1);
    cr_assert (copy);
    if (size)
        memcpy (copy, bytes, size);
    size_t taken = 0;
    for (;;) {
        zseq_zmtp_event_t event =
          zseq_zmtp_next (zmtp, copy + taken, size - taken);
        if (event.type == ZSEQ_ZMTP_SHORT) {
            cr_assert_gt (event.needed, size - taken);
            break;
        }
        s_note (result, &event);
        if (event.type == ZSEQ_ZMTP_FAILED)
            break;
        cr_assert_gt (event.taken, 0);
        taken += event.taken;
        cr_assert_leq (taken, size);
    }
    free (copy);
    return taken;
}

//  Parses the stream in two pieces.
static void
s_split (size_t at, s_result_t *result)
{
    zseq_zmtp_t zmtp;
    zseq_zmtp_init (&zmtp, ZSEQ_ZMTP_ROUTER, ZSEQ_ZMTP_NULL, ZSEQ_MESSAGE_MAX);
    result->count = result->size = 0;
    size_t taken = s_take (&zmtp, s_stream.bytes, at, result);
    if (!result->count || result->events[result->count - 1] != '!')
        (void) s_take (&zmtp, s_stream.bytes + taken, s_stream.size - taken,
                       result);
    result->events[result->count] = 0;
    result->error = zmtp.error;
}

static s_result_t s_whole;
static s_result_t s_parts;

//  The events of the stream, which are the same however it is split in two. An
//  error may be noticed earlier.
static const char *
s_events (void)
{
    s_split (s_stream.size, &s_whole);
    for (size_t at = 0; at < s_stream.size; at++) {
        s_split (at, &s_parts);
        cr_assert_str_eq (s_parts.events, s_whole.events, "split at %zu", at);
        cr_assert_eq (s_parts.size, s_whole.size);
        cr_assert_arr_eq (s_parts.bytes, s_whole.bytes, s_whole.size);
    }
    return s_whole.events;
}

//  The stream's error.
static zseq_zmtp_error_t
s_error (void)
{
    const char *events = s_events ();
    cr_assert_eq (events[s_whole.count - 1], '!', "%s", events);
    return s_whole.error;
}

Test (zmtp, reads_a_stream_split_at_any_byte)
{
    s_begin ();
    ADD ("\0\1a\0\0\1\1x\1\1y\0\1z\0\2bc");
    ADD ("\4\x0b\4PING\0\0ping\4\5\4PONG\4\x0b\11SUBSCRIBEx");
    ADD ("\2\0\0\0\0\0\0\0\3def\6\0\0\0\0\0\0\0\7\4PING\0\0\0\1g");
    cr_assert_str_eq (s_events (), "grffpppficcfif");
    cr_assert_eq (s_whole.size, 11);
    cr_assert_arr_eq (s_whole.bytes, "abcpingdefg", 11);
}

Test (zmtp, reads_a_stream_byte_by_byte)
{
    s_begin ();
    ADD ("\0\1a\4\7\4PING\0\0\1\0\0\1x\0\1b");
    zseq_zmtp_t zmtp;
    zseq_zmtp_init (&zmtp, ZSEQ_ZMTP_ROUTER, ZSEQ_ZMTP_NULL, ZSEQ_MESSAGE_MAX);
    memset (&s_whole, 0, sizeof s_whole);
    size_t taken = 0;
    for (size_t size = 1; size <= s_stream.size; size++)
        taken += s_take (&zmtp, s_stream.bytes + taken, size - taken, &s_whole);
    cr_assert_eq (taken, s_stream.size);
    cr_assert_str_eq (s_whole.events, "grfippf");
}

Test (zmtp, takes_frames_of_any_size_up_to_the_limit)
{
    static const size_t sizes[] = {
      0, 1, 254, 255, 256, ZSEQ_MESSAGE_MAX - 1, ZSEQ_MESSAGE_MAX};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        s_begin ();
        uint8_t head[ZSEQ_ZMTP_HEAD_MAX];
        size_t head_size = zseq_zmtp_put_head (head, sizes[index]);
        cr_assert_eq (head_size, sizes[index] < 256 ? 2 : 9);
        s_add ((const char *) head, head_size);
        memset (s_stream.bytes + s_stream.size, 'x', sizes[index]);
        s_stream.size += sizes[index];
        s_split (s_stream.size, &s_whole);
        cr_assert_str_eq (s_whole.events, "grf");
        cr_assert_eq (s_whole.size, sizes[index]);
    }
}

Test (zmtp, understands_its_own_greeting_and_ready)
{
    for (int router = 0; router < 2; router++) {
        s_stream.size = 0;
        s_add ((const char *) zseq_zmtp_greeting, sizeof zseq_zmtp_greeting);
        uint8_t ready[ZSEQ_ZMTP_READY_MAX];
        s_add ((const char *) ready,
               zseq_zmtp_put_ready (ready, router ? ZSEQ_ZMTP_ROUTER
                                                  : ZSEQ_ZMTP_DEALER));
        cr_assert_str_eq (s_events (), "gr");
    }
}

Test (zmtp, writes_what_libzmq_writes)
{
    static const char greeting[] = GREETING FILLER;
    cr_assert_arr_eq (zseq_zmtp_greeting, greeting, sizeof zseq_zmtp_greeting);
    uint8_t ready[ZSEQ_ZMTP_READY_MAX];
    static const char router[] = ROUTER_READY;
    cr_assert_eq (zseq_zmtp_put_ready (ready, ZSEQ_ZMTP_ROUTER),
                  sizeof router - 1);
    cr_assert_arr_eq (ready, router, sizeof router - 1);
}

Test (zmtp, answers_a_ping_with_its_context)
{
    uint8_t pong[ZSEQ_ZMTP_PONG_MAX];
    zseq_zmtp_event_t ping = {.bytes = (const uint8_t *) "0123456789abcdef",
                              .size = 16};
    cr_assert_eq (zseq_zmtp_put_pong (pong, &ping), 21);
    cr_assert_arr_eq (pong, "\4PONG0123456789abcdef", 21);
    ping.size = 0;
    cr_assert_eq (zseq_zmtp_put_pong (pong, &ping), 5);
    cr_assert_arr_eq (pong, "\4PONG", 5);
    zseq_zmtp_t zmtp;
    uint8_t frame[16];
    zseq_zmtp_init (&zmtp, ZSEQ_ZMTP_ROUTER, ZSEQ_ZMTP_NULL, ZSEQ_MESSAGE_MAX);
    cr_assert_eq (zseq_zmtp_frame_size (&zmtp, 5), 7);
    cr_assert_eq (zseq_zmtp_put_command (&zmtp, frame, pong, 5), 7);
    cr_assert_arr_eq (frame, "\4\5\4PONG", 7);
}

Test (zmtp, accepts_the_sockets_that_a_router_talks_to)
{
    static const char *const types[] = {"DEALER", "ROUTER", "REQ"};
    for (size_t index = 0; index < 3; index++) {
        s_greet ();
        size_t size = strlen (types[index]);
        uint8_t head[] = {4, (uint8_t) (22 + size)};
        s_add ((const char *) head, 2);
        ADD ("\5READY\13socket-type\0\0\0");
        uint8_t length = (uint8_t) size;
        s_add ((const char *) &length, 1);
        s_add (types[index], size);
        cr_assert_str_eq (s_events (), "gr");
    }
}

//  Errors. Each stream is as short as shows it.

static zseq_zmtp_error_t
s_error_of (const char *bytes, size_t size)
{
    s_add (bytes, size);
    return s_error ();
}

#define ERROR_OF(literal) s_error_of (literal, sizeof literal - 1)

Test (zmtp, refuses_what_is_not_zmtp_at_its_first_byte)
{
    s_stream.size = 0;
    cr_assert_eq (ERROR_OF ("G"), ZSEQ_ZMTP_NOT_ZMTP);
    s_stream.size = 0;
    cr_assert_eq (ERROR_OF ("\1"), ZSEQ_ZMTP_NOT_ZMTP);
    s_stream.size = 0;
    cr_assert_eq (ERROR_OF ("\xff\0\0\0\0\0\0\0\1\x7e"), ZSEQ_ZMTP_NOT_ZMTP);
}

Test (zmtp, refuses_versions_before_3)
{
    s_stream.size = 0;
    cr_assert_eq (ERROR_OF ("\xff\0\0\0\0\0\0\0\1\x7f\2"),
                  ZSEQ_ZMTP_OLD_VERSION);
    s_stream.size = 0;
    cr_assert_eq (ERROR_OF ("\xff\0\0\0\0\0\0\0\1\x7f\0"),
                  ZSEQ_ZMTP_OLD_VERSION);
}

Test (zmtp, takes_later_versions_for_its_own)
{
    s_begin ();
    s_stream.bytes[10] = 4;
    s_stream.bytes[11] = 9;
    cr_assert_str_eq (s_events (), "gr");
}

Test (zmtp, refuses_other_mechanisms)
{
    static const char *const others[] = {"PLAIN", "CURVEX", "", "NULLX", "NUL"};
    for (size_t index = 0; index < 5; index++) {
        s_greet ();
        memset (s_stream.bytes + 12, 0, 20);
        memcpy (s_stream.bytes + 12, others[index], strlen (others[index]));
        cr_assert_eq (s_error (), ZSEQ_ZMTP_OTHER_MECHANISM, "%s",
                      others[index]);
    }
}

Test (zmtp, refuses_frames_with_other_flags)
{
    s_greet ();
    cr_assert_eq (ERROR_OF ("\x08"), ZSEQ_ZMTP_RESERVED_FLAGS);
    s_begin ();
    cr_assert_eq (ERROR_OF ("\x80"), ZSEQ_ZMTP_RESERVED_FLAGS);
    s_greet ();
    cr_assert_eq (ERROR_OF ("\5"), ZSEQ_ZMTP_COMMAND_IN_PARTS);
    s_begin ();
    cr_assert_eq (ERROR_OF ("\7"), ZSEQ_ZMTP_COMMAND_IN_PARTS);
}

Test (zmtp, refuses_a_frame_past_its_limit_by_its_head)
{
    s_begin ();
    cr_assert_eq (ERROR_OF ("\2\0\0\0\0\0\1\0\1"), ZSEQ_ZMTP_TOO_LONG);
    s_begin ();
    cr_assert_eq (ERROR_OF ("\3\xff\xff\xff\xff\xff\xff\xff\xff"),
                  ZSEQ_ZMTP_TOO_LONG);
    s_greet ();
    cr_assert_eq (ERROR_OF ("\6\0\0\0\0\0\0\x10\1"), ZSEQ_ZMTP_TOO_LONG);
}

Test (zmtp, refuses_messages_before_ready)
{
    s_greet ();
    cr_assert_eq (ERROR_OF ("\0\1a"), ZSEQ_ZMTP_EARLY_MESSAGE);
}

Test (zmtp, refuses_commands_without_a_name)
{
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\0"), ZSEQ_ZMTP_BAD_COMMAND);
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\1\0"), ZSEQ_ZMTP_BAD_COMMAND);
    s_begin ();
    cr_assert_eq (ERROR_OF ("\4\3\5abc"), ZSEQ_ZMTP_BAD_COMMAND);
}

Test (zmtp, refuses_other_commands_before_ready)
{
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\7\4PING\0\0"), ZSEQ_ZMTP_OTHER_COMMAND);
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\6\5HELLO"), ZSEQ_ZMTP_OTHER_COMMAND);
}

Test (zmtp, refuses_malformed_properties)
{
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\7\5READY\0"), ZSEQ_ZMTP_BAD_METADATA);
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\x0a\5READY\1a\0\0"), ZSEQ_ZMTP_BAD_METADATA);
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\x0c\5READY\1a\0\0\0\1"),
                  ZSEQ_ZMTP_BAD_METADATA);
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\x0c\5READY\1a\xff\xff\xff\xff"),
                  ZSEQ_ZMTP_BAD_METADATA);
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\x32\5READY\13Socket-Type\0\0\0\6DEALER"
                            "\13Socket-Type\0\0\0\6DEALER"),
                  ZSEQ_ZMTP_BAD_METADATA);
}

Test (zmtp, refuses_sockets_that_do_not_fit)
{
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\6\5READY"), ZSEQ_ZMTP_NO_SOCKET_TYPE);
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\x19\5READY\13Socket-Type\0\0\0\3SUB"),
                  ZSEQ_ZMTP_OTHER_SOCKET);
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\x1b\5READY\13Socket-Type\0\0\0\5DEALE"),
                  ZSEQ_ZMTP_OTHER_SOCKET);
}

Test (zmtp, refuses_malformed_pings)
{
    s_begin ();
    cr_assert_eq (ERROR_OF ("\4\6\4PING\0"), ZSEQ_ZMTP_BAD_PING);
    s_begin ();
    cr_assert_eq (ERROR_OF ("\4\x18\4PING\0\0"
                            "0123456789abcdefg"),
                  ZSEQ_ZMTP_BAD_PING);
}

Test (zmtp, ends_when_the_other_end_refuses)
{
    s_greet ();
    cr_assert_eq (ERROR_OF ("\4\x0a\5ERROR\3bad"), ZSEQ_ZMTP_REFUSED);
    s_begin ();
    cr_assert_eq (ERROR_OF ("\4\6\5ERROR"), ZSEQ_ZMTP_REFUSED);
}

Test (zmtp, reads_nothing_more_after_an_error)
{
    zseq_zmtp_t zmtp;
    zseq_zmtp_init (&zmtp, ZSEQ_ZMTP_ROUTER, ZSEQ_ZMTP_NULL, ZSEQ_MESSAGE_MAX);
    uint8_t get[] = "GET";
    zseq_zmtp_event_t event = zseq_zmtp_next (&zmtp, get, 3);
    cr_assert_eq (event.type, ZSEQ_ZMTP_FAILED);
    s_begin ();
    event = zseq_zmtp_next (&zmtp, s_stream.bytes, s_stream.size);
    cr_assert_eq (event.type, ZSEQ_ZMTP_FAILED);
    cr_assert_eq (zmtp.error, ZSEQ_ZMTP_NOT_ZMTP);
}
