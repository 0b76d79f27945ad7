#include "zseq_zmtp.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

//  Where the greeting has its parts.
#define SIGNATURE_END 9
#define VERSION_AT 10
#define MECHANISM_AT 12
#define MECHANISM_SIZE 20

#define FLAG_MORE 1
#define FLAG_LONG 2
#define FLAG_COMMAND 4
#define SHORT_HEAD 2

#define TTL_SIZE 2
#define CONTEXT_MAX 16

enum { STAGE_GREETING, STAGE_MECHANISM, STAGE_TRAFFIC, STAGE_FAILED };

const uint8_t zseq_zmtp_greeting[ZSEQ_ZMTP_GREETING_SIZE] =
  "\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL";

//  The name of a socket type, and those that it talks to.
static const struct {
    const char *name;
    const char *others[3];
} s_sockets[] = {
  [ZSEQ_ZMTP_DEALER] = {"DEALER", {"ROUTER", "DEALER", "REP"}},
  [ZSEQ_ZMTP_ROUTER] = {"ROUTER", {"DEALER", "ROUTER", "REQ"}},
};

void
zseq_zmtp_init (zseq_zmtp_t *self, zseq_zmtp_socket_t socket,
                size_t message_max)
{
    assert (self);
    memset (self, 0, sizeof *self);
    self->socket = socket;
    self->message_max = message_max;
}

static zseq_zmtp_event_t
s_fail (zseq_zmtp_t *self, zseq_zmtp_error_t error)
{
    self->stage = STAGE_FAILED;
    self->error = error;
    return (zseq_zmtp_event_t){.type = ZSEQ_ZMTP_FAILED};
}

static zseq_zmtp_event_t
s_need (size_t needed)
{
    return (zseq_zmtp_event_t){.type = ZSEQ_ZMTP_SHORT, .needed = needed};
}

//  Refuses a greeting as soon as a byte of it shows that it is none of ours.
static zseq_zmtp_event_t
s_greeting (zseq_zmtp_t *self, const uint8_t *bytes, size_t size)
{
    if ((size > 0 && bytes[0] != 0xff) ||
        (size > SIGNATURE_END && !(bytes[SIGNATURE_END] & 1)))
        return s_fail (self, ZSEQ_ZMTP_NOT_ZMTP);
    if (size > VERSION_AT && bytes[VERSION_AT] < 3)
        return s_fail (self, ZSEQ_ZMTP_OLD_VERSION);
    if (size < ZSEQ_ZMTP_GREETING_SIZE)
        return s_need (ZSEQ_ZMTP_GREETING_SIZE);
    if (memcmp (bytes + MECHANISM_AT, zseq_zmtp_greeting + MECHANISM_AT,
                MECHANISM_SIZE))
        return s_fail (self, ZSEQ_ZMTP_OTHER_MECHANISM);
    self->stage = STAGE_MECHANISM;
    return (zseq_zmtp_event_t){.type = ZSEQ_ZMTP_GREETED,
                               .taken = ZSEQ_ZMTP_GREETING_SIZE};
}

static uint64_t
s_number (const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t at = 0; at < size; at++)
        number = number << 8 | bytes[at];
    return number;
}

//  Reads a frame of at most max bytes. The event has the frame's bytes, and no
//  type yet, unless it is SHORT or FAILED.
static bool
s_frame (zseq_zmtp_t *self, const uint8_t *bytes, size_t size, size_t max,
         zseq_zmtp_event_t *event)
{
    *event = s_need (SHORT_HEAD);
    if (size == 0)
        return false;
    uint8_t flags = bytes[0];
    if (flags & ~(FLAG_MORE | FLAG_LONG | FLAG_COMMAND)) {
        *event = s_fail (self, ZSEQ_ZMTP_RESERVED_FLAGS);
        return false;
    }
    if ((flags & FLAG_COMMAND) && (flags & FLAG_MORE)) {
        *event = s_fail (self, ZSEQ_ZMTP_COMMAND_IN_PARTS);
        return false;
    }
    size_t head = flags & FLAG_LONG ? ZSEQ_ZMTP_HEAD_MAX : SHORT_HEAD;
    *event = s_need (head);
    if (size < head)
        return false;
    uint64_t length = s_number (bytes + 1, head - 1);
    if (length > max) {
        *event = s_fail (self, ZSEQ_ZMTP_TOO_LONG);
        return false;
    }
    *event = s_need (head + (size_t) length);
    if (size - head < length)
        return false;
    *event = (zseq_zmtp_event_t){.taken = head + (size_t) length,
                                 .bytes = bytes + head,
                                 .size = (size_t) length};
    return true;
}

//  Whether a command has that name, which stands behind its length.
static bool
s_is_named (const zseq_zmtp_event_t *command, const char *name)
{
    size_t size = strlen (name);
    return command->bytes[0] == size &&
           !memcmp (command->bytes + 1, name, size);
}

static bool
s_is_proper (const zseq_zmtp_event_t *command)
{
    return command->size > 0 && command->bytes[0] > 0 &&
           command->bytes[0] < command->size;
}

static bool
s_fits (const zseq_zmtp_t *self, const uint8_t *type, size_t size)
{
    const char *const *others = s_sockets[self->socket].others;
    for (size_t index = 0; index < 3; index++)
        if (strlen (others[index]) == size &&
            !memcmp (others[index], type, size))
            return true;
    return false;
}

//  Reads the properties of READY: the length of a name, the name; the length of
//  a value in four bytes, the value. Only Socket-Type counts.
static zseq_zmtp_error_t
s_properties (const zseq_zmtp_t *self, const uint8_t *at, const uint8_t *end)
{
    static const char wanted[] = "Socket-Type";
    bool found = false;
    while (at < end) {
        size_t name_size = *at++;
        if (name_size == 0 || (size_t) (end - at) < name_size + 4)
            return ZSEQ_ZMTP_BAD_METADATA;
        const uint8_t *name = at;
        at += name_size;
        uint64_t size = s_number (at, 4);
        at += 4;
        if ((size_t) (end - at) < size)
            return ZSEQ_ZMTP_BAD_METADATA;
        if (name_size == sizeof wanted - 1 &&
            !strncasecmp ((const char *) name, wanted, name_size)) {
            if (found)
                return ZSEQ_ZMTP_BAD_METADATA;
            found = true;
            if (!s_fits (self, at, (size_t) size))
                return ZSEQ_ZMTP_OTHER_SOCKET;
        }
        at += size;
    }
    return found ? ZSEQ_ZMTP_OK : ZSEQ_ZMTP_NO_SOCKET_TYPE;
}

//  The mechanism NULL: READY, or ERROR.
static zseq_zmtp_event_t
s_mechanism (zseq_zmtp_t *self, const uint8_t *bytes, size_t size)
{
    if (size > 0 && bytes[0] <= FLAG_LONG + FLAG_MORE)
        return s_fail (self, ZSEQ_ZMTP_EARLY_MESSAGE);
    zseq_zmtp_event_t event;
    if (!s_frame (self, bytes, size, ZSEQ_ZMTP_COMMAND_MAX, &event))
        return event;
    if (!s_is_proper (&event))
        return s_fail (self, ZSEQ_ZMTP_BAD_COMMAND);
    if (s_is_named (&event, "ERROR"))
        return s_fail (self, ZSEQ_ZMTP_REFUSED);
    if (!s_is_named (&event, "READY"))
        return s_fail (self, ZSEQ_ZMTP_OTHER_COMMAND);
    zseq_zmtp_error_t error =
      s_properties (self, event.bytes + 6, event.bytes + event.size);
    if (error)
        return s_fail (self, error);
    self->stage = STAGE_TRAFFIC;
    event.type = ZSEQ_ZMTP_READY;
    return event;
}

static zseq_zmtp_event_t
s_command (zseq_zmtp_t *self, zseq_zmtp_event_t event)
{
    event.type = ZSEQ_ZMTP_COMMAND;
    if (!s_is_proper (&event))
        return s_fail (self, ZSEQ_ZMTP_BAD_COMMAND);
    if (s_is_named (&event, "ERROR"))
        return s_fail (self, ZSEQ_ZMTP_REFUSED);
    if (!s_is_named (&event, "PING"))
        return event;
    size_t before = 1 + strlen ("PING") + TTL_SIZE;
    if (event.size < before || event.size > before + CONTEXT_MAX)
        return s_fail (self, ZSEQ_ZMTP_BAD_PING);
    event.type = ZSEQ_ZMTP_PING;
    event.bytes += before;
    event.size -= before;
    return event;
}

static zseq_zmtp_event_t
s_traffic (zseq_zmtp_t *self, const uint8_t *bytes, size_t size)
{
    zseq_zmtp_event_t event;
    if (!s_frame (self, bytes, size, self->message_max, &event))
        return event;
    if (bytes[0] & FLAG_COMMAND)
        return s_command (self, event);
    bool more = bytes[0] & FLAG_MORE;
    event.type = more || self->in_parts ? ZSEQ_ZMTP_PART : ZSEQ_ZMTP_FRAME;
    self->in_parts = more;
    return event;
}

zseq_zmtp_event_t
zseq_zmtp_next (zseq_zmtp_t *self, const uint8_t *bytes, size_t size)
{
    assert (self);
    assert (bytes || size == 0);

    switch (self->stage) {
    case STAGE_GREETING:
        return s_greeting (self, bytes, size);
    case STAGE_MECHANISM:
        return s_mechanism (self, bytes, size);
    case STAGE_TRAFFIC:
        return s_traffic (self, bytes, size);
    default:
        return s_fail (self, self->error);
    }
}

size_t
zseq_zmtp_put_ready (uint8_t bytes[ZSEQ_ZMTP_READY_MAX],
                     zseq_zmtp_socket_t socket)
{
    assert (bytes);

    static const char before[] = "\5READY\13Socket-Type\0\0\0";
    const char *name = s_sockets[socket].name;
    size_t name_size = strlen (name);
    size_t size = sizeof before - 1;
    memcpy (bytes + SHORT_HEAD, before, size);
    bytes[SHORT_HEAD + size++] = (uint8_t) name_size;
    memcpy (bytes + SHORT_HEAD + size, name, name_size);
    size += name_size;
    bytes[0] = FLAG_COMMAND;
    bytes[1] = (uint8_t) size;
    return SHORT_HEAD + size;
}

size_t
zseq_zmtp_put_head (uint8_t bytes[ZSEQ_ZMTP_HEAD_MAX], size_t size)
{
    assert (bytes);

    if (size <= UINT8_MAX) {
        bytes[0] = 0;
        bytes[1] = (uint8_t) size;
        return SHORT_HEAD;
    }
    bytes[0] = FLAG_LONG;
    for (size_t at = 0; at < 8; at++)
        bytes[1 + at] = (uint8_t) ((uint64_t) size >> (56 - 8 * at));
    return ZSEQ_ZMTP_HEAD_MAX;
}

size_t
zseq_zmtp_put_pong (uint8_t bytes[ZSEQ_ZMTP_PONG_MAX],
                    const zseq_zmtp_event_t *ping)
{
    assert (bytes);
    assert (ping);
    assert (ping->size <= CONTEXT_MAX);

    static const char name[] = "\4PONG";
    size_t size = sizeof name - 1;
    memcpy (bytes + SHORT_HEAD, name, size);
    if (ping->size)
        memcpy (bytes + SHORT_HEAD + size, ping->bytes, ping->size);
    size += ping->size;
    bytes[0] = FLAG_COMMAND;
    bytes[1] = (uint8_t) size;
    return SHORT_HEAD + size;
}
