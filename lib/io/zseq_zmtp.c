#include "zseq_zmtp.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

//  Where the greeting has its parts.
#define SIGNATURE_END 9
#define VERSION_AT 10
#define MECHANISM_AT 12
#define MECHANISM_SIZE 20
#define AS_SERVER_AT 32

#define FLAG_MORE 1
#define FLAG_LONG 2
#define FLAG_COMMAND 4
#define SHORT_HEAD 2

#define TTL_SIZE 2
#define CONTEXT_MAX 16

enum { STAGE_GREETING, STAGE_MECHANISM, STAGE_TRAFFIC, STAGE_FAILED };

const uint8_t zseq_zmtp_greeting[ZSEQ_ZMTP_GREETING_SIZE] =
  "\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL";

//  The field of the greeting that says which mechanism it is.
static const uint8_t s_mechanisms[][MECHANISM_SIZE] = {
  [ZSEQ_ZMTP_NULL] = "NULL",
  [ZSEQ_ZMTP_CURVE] = "CURVE",
};

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
                zseq_zmtp_mechanism_t mechanism, size_t message_max)
{
    assert (self);
    memset (self, 0, sizeof *self);
    self->socket = socket;
    self->mechanism = mechanism;
    self->message_max = message_max;
}

void
zseq_zmtp_set_curve (zseq_zmtp_t *self, zseq_curve_t *curve)
{
    assert (self);
    assert (self->mechanism == ZSEQ_ZMTP_CURVE);
    assert (self->stage == STAGE_MECHANISM);
    assert (curve);
    self->curve = curve;
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

static bool
s_has_mechanism (const uint8_t *greeting, zseq_zmtp_mechanism_t mechanism)
{
    return !memcmp (greeting + MECHANISM_AT, s_mechanisms[mechanism],
                    MECHANISM_SIZE);
}

//  What is wrong if the other end has not our mechanism.
static zseq_zmtp_error_t
s_mismatch (const uint8_t *greeting)
{
    if (s_has_mechanism (greeting, ZSEQ_ZMTP_CURVE))
        return ZSEQ_ZMTP_WANTS_KEYS;
    return s_has_mechanism (greeting, ZSEQ_ZMTP_NULL)
             ? ZSEQ_ZMTP_LACKS_KEYS
             : ZSEQ_ZMTP_OTHER_MECHANISM;
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
    if (!s_has_mechanism (bytes, self->mechanism))
        return s_fail (self, s_mismatch (bytes));
    self->stage = STAGE_MECHANISM;
    self->ready_due = self->mechanism == ZSEQ_ZMTP_NULL;
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
static zseq_zmtp_error_t
s_null (const zseq_zmtp_t *self, const zseq_zmtp_event_t *event)
{
    if (!s_is_proper (event))
        return ZSEQ_ZMTP_BAD_COMMAND;
    if (s_is_named (event, "ERROR"))
        return ZSEQ_ZMTP_REFUSED;
    if (!s_is_named (event, "READY"))
        return ZSEQ_ZMTP_OTHER_COMMAND;
    return s_properties (self, event->bytes + 6, event->bytes + event->size);
}

static const zseq_zmtp_error_t s_curve_errors[] = {
  [ZSEQ_CURVE_MALFORMED] = ZSEQ_ZMTP_MALFORMED,
  [ZSEQ_CURVE_FORGED] = ZSEQ_ZMTP_FORGED,
  [ZSEQ_CURVE_REPLAYED] = ZSEQ_ZMTP_REPLAYED,
  [ZSEQ_CURVE_DENIED] = ZSEQ_ZMTP_DENIED,
  [ZSEQ_CURVE_REFUSED] = ZSEQ_ZMTP_REFUSED,
};

//  The mechanism CURVE, whose boxes are opened where they lie.
static zseq_zmtp_error_t
s_curve (zseq_zmtp_t *self, uint8_t *bytes, size_t size)
{
    zseq_curve_properties_t properties;
    zseq_curve_error_t error =
      zseq_curve_take (self->curve, bytes, size, &properties);
    if (error)
        return s_curve_errors[error];
    if (!zseq_curve_ready (self->curve))
        return ZSEQ_ZMTP_OK;
    return s_properties (self, properties.bytes,
                         properties.bytes + properties.size);
}

static zseq_zmtp_event_t
s_mechanism (zseq_zmtp_t *self, uint8_t *bytes, size_t size)
{
    if (size > 0 && bytes[0] <= FLAG_LONG + FLAG_MORE)
        return s_fail (self, ZSEQ_ZMTP_EARLY_MESSAGE);
    zseq_zmtp_event_t event;
    if (!s_frame (self, bytes, size, ZSEQ_ZMTP_COMMAND_MAX, &event))
        return event;
    bool curve = self->mechanism == ZSEQ_ZMTP_CURVE;
    assert (!curve || self->curve);
    zseq_zmtp_error_t error =
      curve ? s_curve (self, bytes + (event.taken - event.size), event.size)
            : s_null (self, &event);
    if (error)
        return s_fail (self, error);
    event.type = ZSEQ_ZMTP_HANDSHAKE;
    if (!curve || zseq_curve_ready (self->curve)) {
        self->stage = STAGE_TRAFFIC;
        event.type = ZSEQ_ZMTP_READY;
    }
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

//  Opens a sealed frame where it lies. Returns its flags as those of a frame in
//  clear.
static zseq_zmtp_error_t
s_open (zseq_zmtp_t *self, uint8_t *bytes, zseq_zmtp_event_t *event,
        uint8_t *flags)
{
    zseq_curve_frame_t frame;
    zseq_curve_error_t error = zseq_curve_open (
      self->curve, bytes + (event->taken - event->size), event->size, &frame);
    if (error)
        return s_curve_errors[error];
    if (*flags & FLAG_MORE)
        return ZSEQ_ZMTP_MALFORMED;
    event->bytes = frame.bytes;
    event->size = frame.size;
    *flags = (frame.flags & ZSEQ_CURVE_MORE ? FLAG_MORE : 0) |
             (frame.flags & ZSEQ_CURVE_COMMAND ? FLAG_COMMAND : 0);
    return *flags == (FLAG_MORE | FLAG_COMMAND) ? ZSEQ_ZMTP_COMMAND_IN_PARTS
                                                : ZSEQ_ZMTP_OK;
}

static zseq_zmtp_event_t
s_traffic (zseq_zmtp_t *self, uint8_t *bytes, size_t size)
{
    zseq_zmtp_event_t event;
    size_t max = self->message_max + (self->curve ? ZSEQ_CURVE_OVERHEAD : 0);
    if (!s_frame (self, bytes, size, max, &event))
        return event;
    uint8_t flags = bytes[0];
    zseq_zmtp_error_t error =
      self->curve ? s_open (self, bytes, &event, &flags) : ZSEQ_ZMTP_OK;
    if (error)
        return s_fail (self, error);
    if (flags & FLAG_COMMAND)
        return s_command (self, event);
    bool more = flags & FLAG_MORE;
    event.type = more || self->in_parts ? ZSEQ_ZMTP_PART : ZSEQ_ZMTP_FRAME;
    self->in_parts = more;
    return event;
}

zseq_zmtp_event_t
zseq_zmtp_next (zseq_zmtp_t *self, uint8_t *bytes, size_t size)
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

void
zseq_zmtp_put_greeting (const zseq_zmtp_t *self,
                        uint8_t bytes[ZSEQ_ZMTP_GREETING_SIZE])
{
    assert (self);
    assert (bytes);

    memcpy (bytes, zseq_zmtp_greeting, ZSEQ_ZMTP_GREETING_SIZE);
    memcpy (bytes + MECHANISM_AT, s_mechanisms[self->mechanism],
            MECHANISM_SIZE);
    bytes[AS_SERVER_AT] =
      self->mechanism == ZSEQ_ZMTP_CURVE && self->socket == ZSEQ_ZMTP_ROUTER;
}

//  Writes the property Socket-Type.
static size_t
s_put_properties (uint8_t *bytes, zseq_zmtp_socket_t socket)
{
    static const char before[] = "\13Socket-Type\0\0\0";
    const char *name = s_sockets[socket].name;
    size_t name_size = strlen (name);
    size_t size = sizeof before - 1;
    memcpy (bytes, before, size);
    bytes[size++] = (uint8_t) name_size;
    memcpy (bytes + size, name, name_size);
    return size + name_size;
}

static size_t
s_put_head (uint8_t *bytes, uint8_t flags, size_t size)
{
    if (size <= UINT8_MAX) {
        bytes[0] = flags;
        bytes[1] = (uint8_t) size;
        return SHORT_HEAD;
    }
    bytes[0] = flags | FLAG_LONG;
    for (size_t at = 0; at < 8; at++)
        bytes[1 + at] = (uint8_t) ((uint64_t) size >> (56 - 8 * at));
    return ZSEQ_ZMTP_HEAD_MAX;
}

static size_t
s_head_size (size_t size)
{
    return size <= UINT8_MAX ? SHORT_HEAD : ZSEQ_ZMTP_HEAD_MAX;
}

size_t
zseq_zmtp_put_ready (uint8_t bytes[ZSEQ_ZMTP_READY_MAX],
                     zseq_zmtp_socket_t socket)
{
    assert (bytes);

    static const char name[] = "\5READY";
    size_t size = sizeof name - 1;
    memcpy (bytes + SHORT_HEAD, name, size);
    size += s_put_properties (bytes + SHORT_HEAD + size, socket);
    return s_put_head (bytes, FLAG_COMMAND, size) + size;
}

size_t
zseq_zmtp_put_handshake (zseq_zmtp_t *self,
                         uint8_t bytes[ZSEQ_ZMTP_HANDSHAKE_MAX])
{
    assert (self);
    assert (bytes);

    if (self->ready_due) {
        self->ready_due = false;
        return zseq_zmtp_put_ready (bytes, self->socket);
    }
    //  Only who is denied is told why it failed.
    bool failed = self->stage == STAGE_FAILED;
    if (!self->curve || (failed && self->error != ZSEQ_ZMTP_DENIED))
        return 0;
    uint8_t own[ZSEQ_CURVE_PROPERTIES_MAX];
    zseq_curve_properties_t properties = {
      .bytes = own, .size = s_put_properties (own, self->socket)};
    uint8_t command[ZSEQ_CURVE_PUT_MAX];
    size_t size = zseq_curve_put (self->curve, command, &properties);
    if (size == 0)
        return 0;
    size_t head_size = s_put_head (bytes, FLAG_COMMAND, size);
    memcpy (bytes + head_size, command, size);
    return head_size + size;
}

size_t
zseq_zmtp_frame_size (const zseq_zmtp_t *self, size_t size)
{
    assert (self);
    if (self->curve)
        size += ZSEQ_CURVE_OVERHEAD;
    return s_head_size (size) + size;
}

//  Writes a frame, which is sealed as a message, whatever it is inside.
static size_t
s_put_frame (zseq_zmtp_t *self, uint8_t *bytes, bool command,
             const uint8_t *contents, size_t size)
{
    assert (self);
    assert (bytes);
    assert (contents || size == 0);

    if (self->curve) {
        size_t head_size = s_put_head (bytes, 0, size + ZSEQ_CURVE_OVERHEAD);
        if (!zseq_curve_seal (self->curve, command ? ZSEQ_CURVE_COMMAND : 0,
                              contents, size, bytes + head_size))
            return 0;
        return head_size + size + ZSEQ_CURVE_OVERHEAD;
    }
    size_t head_size = s_put_head (bytes, command ? FLAG_COMMAND : 0, size);
    if (size)
        memcpy (bytes + head_size, contents, size);
    return head_size + size;
}

size_t
zseq_zmtp_put_message (zseq_zmtp_t *self, uint8_t *bytes,
                       const uint8_t *contents, size_t size)
{
    return s_put_frame (self, bytes, false, contents, size);
}

size_t
zseq_zmtp_put_command (zseq_zmtp_t *self, uint8_t *bytes,
                       const uint8_t *contents, size_t size)
{
    return s_put_frame (self, bytes, true, contents, size);
}

size_t
zseq_zmtp_put_head (uint8_t bytes[ZSEQ_ZMTP_HEAD_MAX], size_t size)
{
    assert (bytes);
    return s_put_head (bytes, 0, size);
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
    memcpy (bytes, name, size);
    if (ping->size)
        memcpy (bytes + size, ping->bytes, ping->size);
    return size + ping->size;
}
