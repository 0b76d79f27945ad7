//  The codec against the wire document, against msgpack-c, and against bytes
//  that nobody meant to send.

#include "zseq_codec.h"

#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <msgpack.h>

#include "test_random.h"
#include "zseq_seq.h"

#define UINT_MAX_TEXT "18446744073709551615"
#define NEXT_MAX_TEXT "9223372036854775808"
#define ID_MAX_TEXT "9223372036854775807"
#define COUNT_MAX_TEXT "4294967296"

//  Text and bytes that grow.

typedef struct {
    uint8_t *data;
    size_t size;
    size_t room;
} s_bytes_t;

static void
s_append (s_bytes_t *self, const void *data, size_t size)
{
    if (self->size + size > self->room) {
        self->room = 2 * (self->size + size);
        self->data = realloc (self->data, self->room);
        cr_assert (self->data);
    }
    if (size > 0)
        memcpy (self->data + self->size, data, size);
    self->size += size;
}

static int
s_append_packed (void *self, const char *data, size_t size)
{
    s_append (self, data, size);
    return 0;
}

__attribute__ ((format (printf, 2, 3))) static void
s_print (s_bytes_t *self, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start (list, format);
    int size = vsnprintf (text, sizeof text, format, list);
    va_end (list);
    cr_assert (size >= 0 && (size_t) size < sizeof text);
    s_append (self, text, (size_t) size);
}

static const char *
s_text (s_bytes_t *self)
{
    s_append (self, "", 1);
    self->size--;
    return (const char *) self->data;
}

static void
s_free (s_bytes_t *self)
{
    free (self->data);
    memset (self, 0, sizeof *self);
}

//  The notation of the wire document, section 1.5, as msgpack-c reads it.

static void
s_print_quoted (s_bytes_t *text, const char *sigil, const char *data,
                size_t size)
{
    s_print (text, "%s\"", sigil);
    for (size_t index = 0; index < size; index++) {
        uint8_t byte = (uint8_t) data[index];
        bool plain = byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
        s_print (text, plain ? "%c" : "\\x%02x", byte);
    }
    s_print (text, "\"");
}

static void
s_print_object (s_bytes_t *text, const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        s_print (text, "nil");
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        s_print (text, object->via.boolean ? "true" : "false");
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        s_print (text, "%" PRIu64, object->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        s_print (text, "%" PRId64, object->via.i64);
        break;
    case MSGPACK_OBJECT_STR:
        s_print_quoted (text, "", object->via.str.ptr, object->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        s_print_quoted (text, "b", object->via.bin.ptr, object->via.bin.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
        s_print (text, "[");
        for (uint32_t index = 0; index < object->via.array.size; index++) {
            s_print (text, index ? ", " : "");
            s_print_object (text, &object->via.array.ptr[index]);
        }
        s_print (text, "]");
        break;
    default:
        s_print (text, "?");
        break;
    }
}

//  Whether msgpack-c reads these bytes as one value; text is that value.
static bool
s_msgpack_reads (const uint8_t *bytes, size_t size, s_bytes_t *text)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    size_t offset = 0;
    bool read = msgpack_unpack_next (&unpacked, (const char *) bytes, size,
                                     &offset) == MSGPACK_UNPACK_SUCCESS &&
                offset == size;
    if (read)
        s_print_object (text, &unpacked.data);
    msgpack_unpacked_destroy (&unpacked);
    return read;
}

//  Writes a message that is given in that notation, where moreover
//    n12    is a bin of 12 bytes, s12 a str of 12 letters
//    x0a0b  is the bytes 0a 0b as they are, counted as one element
static const char *s_pack_value (msgpack_packer *packer, const char *at);

static const char *
s_pack_array (msgpack_packer *packer, const char *at)
{
    size_t depth = 0;
    size_t count = at[1] == ']' ? 0 : 1;
    const char *scan = at;
    do {
        depth += *scan == '[';
        depth -= *scan == ']';
        count += *scan == ',' && depth == 1;
        scan++;
    } while (depth > 0);

    msgpack_pack_array (packer, count);
    at++;
    while (*at != ']') {
        at = s_pack_value (packer, at);
        while (*at == ',' || *at == ' ')
            at++;
    }
    return at + 1;
}

static const char *
s_pack_letters (msgpack_packer *packer, const char *at)
{
    char *end;
    size_t size = strtoul (at + 1, &end, 10);
    char letters[70000];
    cr_assert (size <= sizeof letters);
    memset (letters, 'x', size);
    if (*at == 'n')
        msgpack_pack_bin_with_body (packer, letters, size);
    else
        msgpack_pack_str_with_body (packer, letters, size);
    return end;
}

static const char *
s_pack_raw (msgpack_packer *packer, const char *at)
{
    for (at++; isxdigit ((unsigned char) *at); at += 2) {
        char digits[3] = {at[0], at[1], 0};
        char byte = (char) strtoul (digits, NULL, 16);
        packer->callback (packer->data, &byte, 1);
    }
    return at;
}

static const char *
s_pack_value (msgpack_packer *packer, const char *at)
{
    if (*at == '[')
        return s_pack_array (packer, at);
    if (*at == 'x')
        return s_pack_raw (packer, at);
    if (*at == '"' || (*at == 'b' && at[1] == '"')) {
        const char *data = strchr (at, '"') + 1;
        const char *end = strchr (data, '"');
        size_t size = (size_t) (end - data);
        if (*at == 'b')
            msgpack_pack_bin_with_body (packer, data, size);
        else
            msgpack_pack_str_with_body (packer, data, size);
        return end + 1;
    }
    if (!strncmp (at, "true", 4)) {
        msgpack_pack_true (packer);
        return at + 4;
    }
    if (!strncmp (at, "false", 5)) {
        msgpack_pack_false (packer);
        return at + 5;
    }
    if (!strncmp (at, "nil", 3)) {
        msgpack_pack_nil (packer);
        return at + 3;
    }
    if (*at == 'n' || *at == 's')
        return s_pack_letters (packer, at);

    char *end;
    if (*at == '-')
        msgpack_pack_int64 (packer, strtoll (at, &end, 10));
    else
        msgpack_pack_uint64 (packer, strtoull (at, &end, 10));
    cr_assert (end != at, "no value at: %s", at);
    return end;
}

static void
s_pack (s_bytes_t *bytes, const char *notation)
{
    msgpack_packer packer;
    msgpack_packer_init (&packer, bytes, s_append_packed);
    bytes->size = 0;
    const char *end = s_pack_value (&packer, notation);
    cr_assert (*end == 0, "not the end: %s", end);
}

//  A decoded message with the bytes that it points at: exactly its bytes, so
//  that the sanitizer sees a read past their end.
typedef struct {
    uint8_t *bytes;
    zseq_codec_t codec;
    zseq_msg_t msg;
    int rc;
} s_decoded_t;

static void
s_decode (s_decoded_t *self, bool reply, const uint8_t *bytes, size_t size)
{
    self->bytes = malloc (size);
    if (size > 0)
        memcpy (self->bytes, bytes, size);
    //  What the codec does not set must not look like something.
    memset (&self->msg, 0xa5, sizeof self->msg);
    memset (&self->codec, 0xa5, sizeof self->codec);
    self->rc = reply ? zseq_codec_decode_reply (&self->codec, self->bytes, size,
                                                &self->msg)
                     : zseq_codec_decode_request (&self->codec, self->bytes,
                                                  size, &self->msg);
    cr_assert (self->rc == ZSEQ_OK || self->rc == ZSEQ_EPROTOCOL);
    cr_assert (self->msg.reply == reply);
}

static void
s_decoded_term (s_decoded_t *self)
{
    free (self->bytes);
}

static int
s_decode_notation (bool reply, const char *notation, uint64_t *request_p)
{
    s_bytes_t bytes = {0};
    s_pack (&bytes, notation);
    s_decoded_t decoded;
    s_decode (&decoded, reply, bytes.data, bytes.size);
    *request_p = decoded.msg.request;
    s_decoded_term (&decoded);
    s_free (&bytes);
    return decoded.rc;
}

//  The same notation from a message, by what the document says of each op.

static void
s_print_slice (s_bytes_t *text, const char *sigil, zseq_slice_t slice)
{
    s_print_quoted (text, sigil, slice.data, slice.size);
}

static void
s_print_vector (s_bytes_t *text, const zseq_vector_t *vector)
{
    s_print (text, "[");
    for (uint8_t node = 0; node < vector->n; node++)
        s_print (text, "%s%" PRIu64 ", %" PRIu64, node ? ", " : "",
                 vector->life[node].counter, vector->life[node].random);
    s_print (text, "]");
}

static void
s_print_starts (s_bytes_t *text, const zseq_vector_t *vector)
{
    s_print (text, ", [");
    for (uint8_t node = 0; node < vector->n; node++)
        s_print (text, "%s%" PRIu64 ", %" PRIu64, node ? ", " : "",
                 vector->start[node].counter, vector->start[node].random);
    s_print (text, "]");
}

static void
s_print_members (s_bytes_t *text, const zseq_msg_t *msg)
{
    s_print (text, "[");
    for (size_t index = 0; index < msg->member_count; index++) {
        bool hello = msg->op == ZSEQ_OP_HELLO;
        s_print (text, "%s%s", index ? ", " : "", hello ? "[" : "");
        s_print_slice (text, "", msg->member[index].name);
        if (hello) {
            s_print (text, ", ");
            s_print_slice (text, "", msg->member[index].endpoint);
            s_print (text, "]");
        }
    }
    s_print (text, "]");
}

static void
s_print_items (s_bytes_t *text, const zseq_msg_t *msg)
{
    s_print (text, "[");
    for (size_t index = 0; index < msg->item_count; index++) {
        s_print (text, "%s[", index ? ", " : "");
        s_print_slice (text, "b", msg->items[index].name);
        s_print (text, ", %" PRIu64 "]", msg->items[index].next);
    }
    s_print (text, "]");
}

static void
s_print_request_body (s_bytes_t *text, const zseq_msg_t *msg)
{
    if (msg->op == ZSEQ_OP_HELLO || msg->op == ZSEQ_OP_STATUS)
        return;
    s_print (text, ", ");
    if (msg->op == ZSEQ_OP_INTRODUCE) {
        s_print (text, "%u, ", msg->node);
        s_print_slice (text, "", msg->cluster_name);
        s_print (text, ", ");
        s_print_members (text, msg);
        s_print (text, ", %d, ", msg->state);
        s_print_vector (text, &msg->vector);
        s_print (text, ", %" PRIu64, msg->process);
        return;
    }
    if (msg->op == ZSEQ_OP_FENCE || msg->op == ZSEQ_OP_COPY) {
        s_print (text, "%u, %" PRIu64 ", %" PRIu64, msg->node,
                 msg->life.counter, msg->life.random);
        if (msg->op == ZSEQ_OP_COPY) {
            s_print (text, ", ");
            s_print_slice (text, "b", msg->after);
        }
        if (msg->version == 2)
            s_print (text, msg->forced ? ", true" : ", false");
        return;
    }
    s_print_slice (text, "b", msg->name);
    if (msg->op == ZSEQ_OP_CLAIM)
        s_print (text, ", %" PRIu64 ", %" PRIu64, msg->first, msg->count);
    if (msg->op == ZSEQ_OP_RAISE)
        s_print (text, ", %" PRIu64, msg->next);
    if (msg->op == ZSEQ_OP_NEXT)
        s_print (text, ", %" PRIu64 ", %" PRIu64 ", %" PRIu64, msg->count,
                 msg->count_min, msg->patience_us);
    if (msg->op == ZSEQ_OP_LIST) {
        s_print (text, ", ");
        s_print_slice (text, "b", msg->after);
        s_print (text, ", %" PRIu64, msg->count);
    }
}

static void
s_print_reply_body (s_bytes_t *text, const zseq_msg_t *msg)
{
    s_print (text, ", ");
    switch (msg->op) {
    case ZSEQ_OP_HELLO:
        s_print_slice (text, "", msg->cluster_name);
        s_print (text, ", ");
        s_print_members (text, msg);
        s_print (text, ", %d", msg->state);
        if (msg->speaks > 1)
            s_print (text, ", %" PRIu64 ", %s", msg->speaks,
                     msg->holds_vote ? "true" : "false");
        break;
    case ZSEQ_OP_READ:
    case ZSEQ_OP_RAISE:
        s_print (text, "%" PRIu64, msg->next);
        break;
    case ZSEQ_OP_CLAIM:
        s_print (text, "%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %s", msg->next,
                 msg->first, msg->count, msg->crowded ? "true" : "false");
        break;
    case ZSEQ_OP_NEXT:
        s_print (text, "%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %s", msg->first,
                 msg->count, msg->served, msg->crowded ? "true" : "false");
        break;
    case ZSEQ_OP_LIST:
    case ZSEQ_OP_COPY:
        s_print_items (text, msg);
        s_print (text, msg->more ? ", true" : ", false");
        break;
    case ZSEQ_OP_STATUS:
        s_print (text, "%d, ", msg->state);
        s_print_slice (text, "", msg->reason);
        s_print (text, ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64,
                 msg->sequences, msg->claims, msg->conflicts, msg->burnt);
        break;
    case ZSEQ_OP_INTRODUCE:
        s_print (text, "%d, %" PRIu64, msg->state, msg->process);
        if (!msg->extended)
            break;
        s_print_starts (text, &msg->vector);
        s_print (text, ", %" PRIu64 ", %" PRIu64 ", %" PRIu64, msg->met,
                 msg->floor, msg->floor_reserved);
        break;
    case ZSEQ_OP_FENCE:
        s_print (text, "%" PRIu64 ", %" PRIu64 ", %" PRIu64, msg->floor,
                 msg->floor_reserved, msg->sequences);
        if (msg->extended)
            s_print_starts (text, &msg->vector);
        break;
    }
}

static void
s_print_msg (s_bytes_t *text, const zseq_msg_t *msg)
{
    s_print (text, "[%u, %d, %" PRIu64 ", %" PRIu64, msg->version, msg->op,
             msg->request, msg->cluster);
    if (!msg->reply)
        s_print_request_body (text, msg);
    else {
        s_print (text, ", %d, %u, ", -msg->status, msg->node);
        s_print_vector (text, &msg->vector);
        bool body =
          msg->status == 0 ||
          (msg->op == ZSEQ_OP_CLAIM &&
           (msg->status == ZSEQ_ECONFLICT || msg->status == ZSEQ_EEXHAUSTED));
        if (body)
            s_print_reply_body (text, msg);
    }
    s_print (text, "]");
}

//  The examples of the wire document.

typedef struct {
    char kind[16];
    char title[128];
    char notation[1024];  //  Empty if the bytes are not one value
    uint8_t bytes[1024];
    size_t size;
} s_example_t;

#define EXAMPLES_MAX 100
static s_example_t s_examples[EXAMPLES_MAX];
static size_t s_example_count;

static void
s_read_hex (s_example_t *example, const char *line)
{
    int used;
    unsigned byte;
    while (sscanf (line, " %2x%n", &byte, &used) == 1) {
        cr_assert (example->size < sizeof example->bytes);
        example->bytes[example->size++] = (uint8_t) byte;
        line += used;
    }
    cr_assert (*line == '\n', "not hexadecimal: %s", line);
}

static void
s_read_example_line (s_example_t *example, const char *line)
{
    if (!example->kind[0]) {
        int read =
          sscanf (line, "%15[a-z]: %127[^\n]", example->kind, example->title);
        cr_assert (read == 2, "not a title: %s", line);
    }
    else if (*line == '[' || *line == ' ' || !strcmp (line, "1\n")) {
        size_t used = strlen (example->notation);
        snprintf (example->notation + used, sizeof example->notation - used,
                  "%s%.*s", used ? " " : "",
                  (int) strcspn (line + strspn (line, " "), "\n"),
                  line + strspn (line, " "));
    }
    else
        s_read_hex (example, line);
}

static void
s_read_document (void)
{
    FILE *file = fopen (ZSEQ_WIRE_DOCUMENT, "r");
    cr_assert (file, "cannot open %s", ZSEQ_WIRE_DOCUMENT);
    char line[256];
    bool inside = false;
    s_example_count = 0;
    while (fgets (line, sizeof line, file)) {
        if (inside && !strcmp (line, "```\n")) {
            inside = false;
            s_example_count++;
        }
        else if (inside)
            s_read_example_line (&s_examples[s_example_count], line);
        else if (!strcmp (line, "```example\n")) {
            cr_assert (s_example_count < EXAMPLES_MAX);
            inside = true;
        }
    }
    cr_assert (!inside);
    fclose (file);
}

static const zseq_op_t s_ops[] = {
  ZSEQ_OP_HELLO, ZSEQ_OP_READ, ZSEQ_OP_CLAIM,  ZSEQ_OP_RAISE,
  ZSEQ_OP_NEXT,  ZSEQ_OP_LIST, ZSEQ_OP_STATUS, ZSEQ_OP_INTRODUCE,
  ZSEQ_OP_FENCE, ZSEQ_OP_COPY};
#define OPS (sizeof s_ops / sizeof *s_ops)

static bool
s_is (const s_example_t *example, const char *kind)
{
    return !strcmp (example->kind, kind);
}

static bool
s_is_reply (const s_example_t *example)
{
    return s_is (example, "reply") || s_is (example, "accepted") ||
           s_is (example, "ignored");
}

TestSuite (codec, .init = s_read_document);

Test (codec, document_has_examples_of_every_op_both_ways)
{
    size_t requests[256] = {0};
    size_t replies[256] = {0};
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        s_decoded_t decoded;
        s_decode (&decoded, s_is_reply (example), example->bytes,
                  example->size);
        if (s_is (example, "request"))
            requests[decoded.msg.op]++;
        else if (s_is (example, "reply") && decoded.msg.status == ZSEQ_OK)
            replies[decoded.msg.op]++;
        s_decoded_term (&decoded);
    }
    for (size_t index = 0; index < OPS; index++) {
        cr_expect (requests[s_ops[index]] > 0, "op %d", s_ops[index]);
        cr_expect (replies[s_ops[index]] > 0, "op %d", s_ops[index]);
    }
}

Test (codec, reads_every_example_as_the_document_says)
{
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        s_decoded_t decoded;
        s_decode (&decoded, s_is_reply (example), example->bytes,
                  example->size);
        if (s_is (example, "refused")) {
            cr_expect (decoded.rc == ZSEQ_EPROTOCOL, "%s", example->title);
            cr_expect (decoded.msg.request != 0, "%s", example->title);
        }
        else if (s_is (example, "dropped")) {
            cr_expect (decoded.rc == ZSEQ_EPROTOCOL, "%s", example->title);
            cr_expect (decoded.msg.request == 0, "%s", example->title);
        }
        else if (s_is (example, "ignored"))
            cr_expect (decoded.rc == ZSEQ_EPROTOCOL, "%s", example->title);
        else {
            cr_expect (s_is (example, "request") || s_is (example, "reply") ||
                         s_is (example, "accepted"),
                       "%s", example->kind);
            cr_expect (decoded.rc == ZSEQ_OK, "%s", example->title);
        }
        s_decoded_term (&decoded);
    }
}

Test (codec, writes_every_example_as_the_document_says)
{
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        if (!s_is (example, "request") && !s_is (example, "reply"))
            continue;
        s_decoded_t decoded;
        s_decode (&decoded, s_is_reply (example), example->bytes,
                  example->size);
        s_bytes_t text = {0};
        s_print_msg (&text, &decoded.msg);
        cr_expect_str_eq (s_text (&text), example->notation);
        s_free (&text);

        uint8_t bytes[sizeof example->bytes];
        size_t size = zseq_codec_encode (&decoded.msg, bytes, sizeof bytes);
        cr_expect (size == example->size &&
                     !memcmp (bytes, example->bytes, size),
                   "%s", example->title);
        s_decoded_term (&decoded);
    }
}

Test (codec, notation_of_every_example_is_what_msgpack_reads)
{
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        if (!example->notation[0])
            continue;
        s_bytes_t text = {0};
        cr_expect (s_msgpack_reads (example->bytes, example->size, &text));
        cr_expect_str_eq (s_text (&text), example->notation);
        s_free (&text);
    }
}

Test (codec, document_has_the_numbers_of_all_errors)
{
    static const struct {
        int number;
        const char *name;
    } errors[] = {
#define X(name, number, text) {number, #name},
      ZSEQ_ERRORS (X)
#undef X
    };
    bool found[sizeof errors / sizeof *errors] = {false};

    FILE *file = fopen (ZSEQ_WIRE_DOCUMENT, "r");
    cr_assert (file);
    char line[256];
    bool inside = false;
    while (fgets (line, sizeof line, file)) {
        if (!strncmp (line, "## ", 3))
            inside = !strncmp (line, "## 4.", 5);
        int number;
        char name[32];
        if (!inside || sscanf (line, "| %d | %31[A-Z] ", &number, name) != 2 ||
            number == 0)
            continue;
        bool known = false;
        for (size_t index = 0; index < sizeof errors / sizeof *errors; index++)
            if (errors[index].number == number &&
                !strcmp (errors[index].name, name))
                known = found[index] = true;
        cr_expect (known, "%s", line);
    }
    fclose (file);
    for (size_t index = 0; index < sizeof errors / sizeof *errors; index++)
        cr_expect (found[index], "%s", errors[index].name);
}

//  Damaged messages.

Test (codec, refuses_every_truncation_of_every_example)
{
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        for (size_t size = 0; size < example->size; size++) {
            s_decoded_t decoded;
            s_decode (&decoded, s_is_reply (example), example->bytes, size);
            cr_expect (decoded.rc == ZSEQ_EPROTOCOL, "%s, %zu bytes",
                       example->title, size);
            s_decoded_term (&decoded);
        }
    }
}

Test (codec, refuses_bytes_left_over)
{
    for (size_t index = 0; index < s_example_count; index++) {
        s_example_t *example = &s_examples[index];
        s_decoded_t decoded;
        example->bytes[example->size] = 0;
        s_decode (&decoded, s_is_reply (example), example->bytes,
                  example->size + 1);
        cr_expect (decoded.rc == ZSEQ_EPROTOCOL, "%s", example->title);
        s_decoded_term (&decoded);
    }
}

//  Whatever is read must be a value to msgpack-c too, and something that can
//  be written: else reader and writer disagree about what is valid.
static void
s_check_damaged (bool reply, const uint8_t *bytes, size_t size)
{
    s_decoded_t decoded;
    s_decode (&decoded, reply, bytes, size);
    if (decoded.rc == ZSEQ_OK) {
        s_bytes_t text = {0};
        cr_assert (s_msgpack_reads (bytes, size, &text));
        s_free (&text);

        uint8_t again[2048];
        size_t size_again =
          zseq_codec_encode (&decoded.msg, again, sizeof again);
        cr_assert (size_again > 0);
        s_decoded_t read_again;
        s_decode (&read_again, reply, again, size_again);
        cr_assert (read_again.rc == ZSEQ_OK);
        s_decoded_term (&read_again);
    }
    s_decoded_term (&decoded);
}

Test (codec, survives_every_corruption_of_a_byte_of_every_example)
{
    for (size_t index = 0; index < s_example_count; index++) {
        s_example_t *example = &s_examples[index];
        for (size_t at = 0; at < example->size; at++) {
            uint8_t byte = example->bytes[at];
            for (unsigned value = 0; value < 256; value++) {
                example->bytes[at] = (uint8_t) value;
                s_check_damaged (s_is_reply (example), example->bytes,
                                 example->size);
            }
            example->bytes[at] = byte;
        }
    }
}

Test (codec, survives_random_damage)
{
    const uint64_t seed = 1;
    uint64_t state = seed;
    cr_log_info ("seed %" PRIu64, seed);
    for (int round = 0; round < 100000; round++) {
        const s_example_t *example =
          &s_examples[test_random_below (&state, s_example_count)];
        uint8_t bytes[sizeof example->bytes];
        memcpy (bytes, example->bytes, sizeof bytes);
        size_t size = example->size;
        for (uint64_t edits = 1 + test_random_below (&state, 4); edits > 0;
             edits--) {
            size_t at = test_random_below (&state, size);
            if (test_random_below (&state, 3) == 0) {
                //  Take bytes out, or let some come twice.
                size_t from = test_random_below (&state, size);
                memmove (bytes + at, bytes + from, size - from);
                size = size - from + at;
                if (size == 0 || size > 512)
                    size = 1;
            }
            else
                bytes[at] = (uint8_t) test_random (&state);
        }
        s_check_damaged (s_is_reply (example), bytes, size);
    }
}

//  Bounds.

#define OK "ok"
#define REFUSED "refused"
#define DROPPED "dropped"

typedef struct {
    const char *notation;
    const char *outcome;
} s_case_t;

static void
s_check_cases (bool reply, const s_case_t *cases, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        uint64_t request;
        int rc = s_decode_notation (reply, cases[index].notation, &request);
        const char *outcome = rc == ZSEQ_OK ? OK : request ? REFUSED : DROPPED;
        cr_expect_str_eq (outcome, cases[index].outcome, "%s: %s",
                          cases[index].notation, outcome);
    }
}

#define CHECK(reply, cases)                                                    \
    s_check_cases (reply, cases, sizeof (cases) / sizeof *(cases))

Test (codec, holds_the_head_of_a_request_to_its_bounds)
{
    static const s_case_t cases[] = {
      {"[1, 1, 1, 0]", OK},
      {"[1, 1, " UINT_MAX_TEXT ", " UINT_MAX_TEXT "]", OK},
      {"[1, 1, 0, 0]", DROPPED},
      {"[1, 1, -1, 0]", DROPPED},
      {"[1, 1, 1, -1]", DROPPED},
      {"[1, 1, 1, nil]", DROPPED},
      {"[1, 1, xcb3ff0000000000000, 0]", DROPPED},
      {"[1, 1, b\"1\", 0]", DROPPED},
      {"[1, 1, [1], 0]", DROPPED},
      {"[1, 1, true, 0]", DROPPED},
      {"[0, 1, 1, 0]", REFUSED},
      {"[2, 1, 1, 0]", REFUSED},
      {"[" UINT_MAX_TEXT ", 1, 1, 0]", REFUSED},
      {"[-1, 1, 1, 0]", DROPPED},
      {"[1, 0, 1, 0]", DROPPED},
      {"[1, 5, 1, 0]", REFUSED},
      {"[1, 11, 1, 0]", REFUSED},
      {"[1, 255, 1, 0]", REFUSED},
      {"[1, 256, 1, 0]", DROPPED},
      {"[1, -1, 1, 0]", DROPPED},
      {"[]", DROPPED},
      {"[1]", DROPPED},
      {"[1, 1]", DROPPED},
      {"[1, 1, 1]", DROPPED},
      {"1", DROPPED},
      {"nil", DROPPED},
      {"x8401010101", DROPPED},
      {"xc1", DROPPED},
    };
    CHECK (false, cases);
}

Test (codec, holds_the_body_of_a_request_to_its_bounds)
{
    static const s_case_t cases[] = {
      //  READ
      {"[1, 2, 7, 9, n1]", OK},
      {"[1, 2, 7, 9, n255]", OK},
      {"[1, 2, 7, 9, s255]", OK},
      {"[1, 2, 7, 9, n0]", REFUSED},
      {"[1, 2, 7, 9, n256]", REFUSED},
      {"[1, 2, 7, 9, xc40100]", REFUSED},
      {"[1, 2, 7, 9, xc403610062]", REFUSED},
      {"[1, 2, 7, 9, xc403ff0162]", OK},
      {"[1, 2, 7, 9, 1]", REFUSED},
      {"[1, 2, 7, 9, nil]", REFUSED},
      {"[1, 2, 7, 9, [n1]]", REFUSED},
      {"[1, 2, 7, 9]", REFUSED},
      {"[1, 2, 7, 9, n1, 1]", REFUSED},
      //  CLAIM
      {"[1, 3, 7, 9, n1, 1, 1]", OK},
      {"[1, 3, 7, 9, n1, 0, 1]", REFUSED},
      {"[1, 3, 7, 9, n1, -1, 1]", REFUSED},
      {"[1, 3, 7, 9, n1, " ID_MAX_TEXT ", 1]", OK},
      {"[1, 3, 7, 9, n1, " NEXT_MAX_TEXT ", 1]", REFUSED},
      {"[1, 3, 7, 9, n1, 1, 0]", REFUSED},
      {"[1, 3, 7, 9, n1, 1, -1]", REFUSED},
      {"[1, 3, 7, 9, n1, 1, " COUNT_MAX_TEXT "]", OK},
      {"[1, 3, 7, 9, n1, 1, 4294967297]", REFUSED},
      {"[1, 3, 7, 9, n1, " ID_MAX_TEXT ", " COUNT_MAX_TEXT "]", OK},
      {"[1, 3, 7, 9, n1, 1]", REFUSED},
      {"[1, 3, 7, 9, n1, 1, 1, 1]", REFUSED},
      //  RAISE
      {"[1, 4, 7, 9, n1, 1]", OK},
      {"[1, 4, 7, 9, n1, 0]", REFUSED},
      {"[1, 4, 7, 9, n1, " NEXT_MAX_TEXT "]", OK},
      {"[1, 4, 7, 9, n1, 9223372036854775809]", REFUSED},
      {"[1, 4, 7, 9, n1, 1, 1]", REFUSED},
      //  NEXT
      {"[1, 5, 7, 9, n1, 1, 1, 1]", OK},
      {"[1, 5, 7, 9, n255, " COUNT_MAX_TEXT ", " COUNT_MAX_TEXT
       ", 18446744073709551615]",
       OK},
      {"[1, 5, 7, 9, n0, 1, 1, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 0, 1, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 4294967297, 1, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 7, 0, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 7, 8, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 1, 1, 0]", REFUSED},
      {"[1, 5, 7, 9, n1, 1, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 1, 1, 1, 1]", REFUSED},
      //  LIST
      {"[1, 6, 7, 9, n0, n0, 1]", OK},
      {"[1, 6, 7, 9, n255, n255, 256]", OK},
      {"[1, 6, 7, 9, s0, s0, 1]", OK},
      {"[1, 6, 7, 9, n256, n0, 1]", REFUSED},
      {"[1, 6, 7, 9, n0, n256, 1]", REFUSED},
      {"[1, 6, 7, 9, n0, xc40100, 1]", REFUSED},
      {"[1, 6, 7, 9, n0, n0, 0]", REFUSED},
      {"[1, 6, 7, 9, n0, n0, " UINT_MAX_TEXT "]", OK},
      {"[1, 6, 7, 9, n0, n0]", REFUSED},
      {"[1, 6, 7, 9, n0, n0, 1, 1]", REFUSED},
      //  HELLO and STATUS
      {"[1, 1, 7, 9, 1]", REFUSED},
      {"[1, 7, 7, 9]", OK},
      {"[1, 7, 7, 9, nil]", REFUSED},
    };
    CHECK (false, cases);
}

Test (codec, holds_an_introduction_to_its_bounds)
{
    static const s_case_t cases[] = {
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 1, [1, 2], 7]", OK},
      {"[1, 8, 7, 0, 0, b\"c\", [b\"a\"], 1, [1, 2], 7]", OK},
      {"[1, 8, 7, 0, 0, s63, [s63], 5, [0, 0], 7]", OK},
      {"[1, 8, 7, 0, 0, s64, [s63], 5, [0, 0], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, s63, [s64], 5, [0, 0], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, s0, [s1], 1, [0, 0], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, s1, [s0], 1, [0, 0], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"-c\", [\"a\"], 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c c\", [\"a\"], 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [xa26100], 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 0, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 7, [1, 2], 7]", REFUSED},
      //  The node is one of the members, and the vector has one life for each.
      {"[1, 8, 7, 0, 1, \"c\", [\"a\", \"b\"], 1, [1, 2, 3, 4], 7]", OK},
      {"[1, 8, 7, 0, 2, \"c\", [\"a\", \"b\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 9, \"c\", [\"a\", \"b\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 256, \"c\", [\"a\", \"b\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 1, \"c\", [\"a\", \"b\"], 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\", \"b\"], 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 1, [], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [], 1, [], 7]", REFUSED},
      //  Names ascend.
      {"[1, 8, 7, 0, 0, \"c\", [\"b\", \"a\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\", \"a\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\", \"aa\"], 1, [1, 2, 3, 4], 7]", OK},
      {"[1, 8, 7, 0, 0, \"c\", [\"aa\", \"a\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"B\", \"a\"], 1, [1, 2, 3, 4], 7]", OK},
      //  Nine nodes, and ten.
      {"[1, 8, 7, 0, 8, \"c\", [s1, s2, s3, s4, s5, s6, s7, s8, s9], 1, "
       "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 7]",
       OK},
      {"[1, 8, 7, 0, 8, \"c\", [s1, s2, s3, s4, s5, s6, s7, s8, s9, s10], 1, "
       "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 7]",
       REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 1, [1, 2], 7, 1]", REFUSED},
    };
    CHECK (false, cases);
}

Test (codec, holds_a_fence_and_a_copy_to_their_bounds)
{
    static const s_case_t cases[] = {
      //  FENCE
      {"[1, 9, 7, 9, 0, 1, 0]", OK},
      {"[1, 9, 7, 0, 0, 1, 0]", OK},
      {"[1, 9, 7, 9, 8, " UINT_MAX_TEXT ", " UINT_MAX_TEXT "]", OK},
      {"[1, 9, 7, 9, 9, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 256, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, -1, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, 1]", REFUSED},
      {"[1, 9, 7, 9, 0, -1, 1]", REFUSED},
      {"[1, 9, 7, 9, 0, 1, -1]", REFUSED},
      {"[1, 9, 7, 9, 0, 1, nil]", REFUSED},
      {"[1, 9, 7, 9, 0, [1, 2], 1]", REFUSED},
      {"[1, 9, 7, 9, 0, 1]", REFUSED},
      {"[1, 9, 7, 9, 0, 1, 2, n0]", REFUSED},
      //  COPY
      {"[1, 10, 7, 9, 0, 1, 0, n0]", OK},
      {"[1, 10, 7, 9, 0, 1, 0, s0]", OK},
      {"[1, 10, 7, 9, 8, 1, 0, n255]", OK},
      {"[1, 10, 7, 9, 9, 1, 0, n255]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, 0, n0]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, -1, n0]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, n256]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, xc40100]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, 1]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, n0, 1]", REFUSED},
      //  Only these two are of version 2.
      {"[2, 9, 7, 9, 0, 1, 0, true]", OK},
      {"[2, 9, 7, 9, 0, 1, 0, false]", OK},
      {"[2, 9, 7, 9, 0, 1, 0, 1]", REFUSED},
      {"[2, 9, 7, 9, 0, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 1, 0, true]", REFUSED},
      {"[3, 9, 7, 9, 0, 1, 0, true]", REFUSED},
      {"[2, 10, 7, 9, 0, 1, 0, n0, true]", OK},
      {"[2, 10, 7, 9, 0, 1, 0, n0]", REFUSED},
      {"[2, 10, 7, 9, 0, 1, 0, n0, nil]", REFUSED},
      {"[2, 2, 7, 9, n1]", REFUSED},
      {"[2, 8, 7, 0, 0, \"c\", [\"a\"], 1, [1, 2], 7]", REFUSED},
    };
    CHECK (false, cases);
}

Test (codec, holds_what_version_2_adds_to_its_bounds)
{
    static const s_case_t cases[] = {
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 3, 2, true]", OK},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 3, 0, true]",
       REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 3, 2, 1]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 3, 3, false, nil]",
       OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7]", OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1]", OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, nil]", OK},
      //  As many starts as lives.
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0, 0, 0], 0, 1, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2, 3, 4], 3, 7, [0, 0], 0, 1, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0], 0, 1, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, -1], 0, 1, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], -1, 1, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 0, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 0]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 9223372036854775809, 1]",
       REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, 0, [4, 5]]", OK},
      {"[2, 9, 7, 9, 0, 0, [1, 2], 1, 1, 0, [4, 5]]", OK},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, 0, [4]]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, 0, 4]", REFUSED},
    };
    CHECK (true, cases);
}

Test (codec, holds_the_head_of_a_reply_to_its_bounds)
{
    static const s_case_t cases[] = {
      {"[1, 2, 7, 9, 12, 0, [1, 2]]", OK},
      {"[1, 2, 0, 9, 12, 0, [1, 2]]", DROPPED},
      {"[2, 2, 7, 9, 12, 0, [1, 2]]", REFUSED},
      //  Unknown statuses, and unknown ops that were refused, are kept.
      {"[1, 2, 7, 9, 255, 0, [1, 2]]", OK},
      {"[1, 2, 7, 9, 256, 0, [1, 2]]", REFUSED},
      {"[1, 2, 7, 9, -1, 0, [1, 2]]", REFUSED},
      {"[1, 2, 7, 9, 4294967308, 0, [1, 2]]", REFUSED},
      {"[1, 11, 7, 9, 16, 0, [1, 2]]", OK},
      {"[1, 11, 7, 9, 0, 0, [1, 2]]", REFUSED},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1]", REFUSED},
      {"[1, 256, 7, 9, 16, 0, [1, 2]]", DROPPED},
      {"[1, 2, 7, 9, 12, 1, [1, 2]]", REFUSED},
      {"[1, 2, 7, 9, 12, 1, [1, 2, 3, 4]]", OK},
      {"[1, 2, 7, 9, 12, 256, [1, 2, 3, 4]]", REFUSED},
      {"[1, 2, 7, 9, 12, 0, []]", REFUSED},
      {"[1, 2, 7, 9, 12, 0, [1]]", REFUSED},
      {"[1, 2, 7, 9, 12, 0, [1, 2, 3]]", REFUSED},
      {"[1, 2, 7, 9, 12, 0, [0, 0]]", OK},
      {"[1, 2, 7, 9, 12, 0, [" UINT_MAX_TEXT ", " UINT_MAX_TEXT "]]", OK},
      {"[1, 2, 7, 9, 12, 0, [1, -2]]", REFUSED},
      {"[1, 2, 7, 9, 12, 8, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
       "1, 1]]",
       OK},
      {"[1, 2, 7, 9, 12, 8, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
       "1, 1, 1, 1]]",
       REFUSED},
      {"[1, 2, 7, 9, 12, 0]", REFUSED},
    };
    CHECK (true, cases);
}

Test (codec, holds_the_body_of_a_reply_to_its_bounds)
{
    static const s_case_t cases[] = {
      //  READ and RAISE
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 0]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], " NEXT_MAX_TEXT "]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 9223372036854775809]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2]]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 0]", REFUSED},
      //  CLAIM, whose refusals may have a body
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1, false]", OK},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1, true]", OK},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 0, 1, 1, true]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 0, 1, true]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 0, true]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1, 1]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1, nil]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, " NEXT_MAX_TEXT ", 1, true]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 4294967297, true]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1]", REFUSED},
      {"[1, 3, 7, 9, 3, 0, [1, 2], " NEXT_MAX_TEXT ", " ID_MAX_TEXT
       ", " COUNT_MAX_TEXT ", true]",
       OK},
      {"[1, 3, 7, 9, 3, 0, [1, 2]]", REFUSED},
      {"[1, 3, 7, 9, 4, 0, [1, 2], 2, 1, 1, false]", OK},
      {"[1, 3, 7, 9, 4, 0, [1, 2]]", REFUSED},
      {"[1, 3, 7, 9, 12, 0, [1, 2]]", OK},
      {"[1, 4, 7, 9, 3, 0, [1, 2]]", OK},
      //  NEXT
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 1, 1, false]", OK},
      {"[1, 5, 7, 9, 0, 0, [1, 2], " ID_MAX_TEXT ", " COUNT_MAX_TEXT
       ", 18446744073709551615, true]",
       OK},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 0, 1, 1, true]", REFUSED},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 0, 1, true]", REFUSED},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 4294967297, 1, true]", REFUSED},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 1, 0, true]", REFUSED},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 1, 1, 0]", REFUSED},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 1, 1]", REFUSED},
      {"[1, 5, 7, 9, 4, 0, [1, 2]]", OK},
      //  LIST
      {"[1, 6, 7, 9, 0, 0, [1, 2], [], false]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [], 0]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [], nil]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1]], true]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n255, " NEXT_MAX_TEXT "]], true]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n256, 1]], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n0, 1]], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 0]], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1]], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1, 1]], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [n1, 1], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1], [n2, 1]], false]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1], [s2, 1]], false]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n2, 1], [n1, 1]], false]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1], [n1, 2]], false]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[xc401ff, 1], [n1, 2]], false]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1], [xc401ff, 1]], false]", OK},
      //  HELLO
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 3]", OK},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", s255]], 3]", OK},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", s256]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", s0]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", xa100]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[s64, \"e\"]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [\"a\"], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\"]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 0]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 7]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"\", [[\"a\", \"e\"]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"], [\"b\", \"e\"]], "
       "3]",
       REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2, 3, 4], \"c\", [[\"a\", \"e\"], "
       "[\"b\", \"e\"]], 3]",
       OK},
      {"[1, 1, 7, 9, 0, 0, [1, 2, 3, 4], \"c\", [[\"b\", \"e\"], "
       "[\"a\", \"e\"]], 3]",
       REFUSED},
      //  STATUS
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, 0]", OK},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 5, s127, " UINT_MAX_TEXT ", " UINT_MAX_TEXT
       ", " UINT_MAX_TEXT ", " UINT_MAX_TEXT "]",
       OK},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s128, 0, 0, 0, 0]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 0, s0, 0, 0, 0, 0]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 7, s0, 0, 0, 0, 0]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, -1, 0]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, -1]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0]", REFUSED},
      //  INTRODUCE
      {"[1, 8, 7, 9, 0, 0, [1, 2], 5, " UINT_MAX_TEXT "]", OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 7, 7]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 5, -1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 5]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2]]", REFUSED},
      //  FENCE, which only has a body when it was granted
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, 0]", OK},
      {"[1, 9, 7, 9, 0, 0, [1, 2], " NEXT_MAX_TEXT ", " NEXT_MAX_TEXT
       ", " UINT_MAX_TEXT "]",
       OK},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 0, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 0, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 9223372036854775809, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 9223372036854775809, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, -1]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2]]", REFUSED},
      {"[1, 9, 7, 9, 10, 0, [1, 2]]", OK},
      {"[1, 9, 7, 9, 19, 1, [1, 2, 3, 4]]", OK},
      {"[1, 9, 7, 9, 10, 1, [1, 2]]", REFUSED},
      //  Its vector has as many lives as it likes: who asked knows better.
      {"[1, 9, 7, 9, 0, 8, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
       "1, 1], 1, 1, 0]",
       OK},
      {"[1, 9, 7, 9, 0, 0, [1, 2, 3], 1, 1, 0]", REFUSED},
      //  COPY
      {"[1, 10, 7, 9, 0, 0, [1, 2], [], false]", OK},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [], true]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [], 1]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n1, 1]], true]", OK},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n255, " NEXT_MAX_TEXT "]], true]", OK},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n256, 1]], true]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n0, 1]], true]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n1, 0]], true]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n2, 1], [n1, 1]], false]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n1, 1], [n1, 2]], false]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n1, 1]]]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2]]", REFUSED},
      {"[1, 10, 7, 9, 19, 0, [1, 2]]", OK},
      {"[1, 10, 7, 9, 0, 8, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
       "1, 1], [], false]",
       OK},
    };
    CHECK (true, cases);
}

//  Elements that a later version may add to a reply.
Test (codec, passes_over_well_formed_extra_elements_of_a_reply_only)
{
    static const s_case_t cases[] = {
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, nil, true, -1, s3, n3, [], [1, [2]]]",
       OK},
      {"[1, 2, 7, 9, 12, 0, [1, 2], 1, 2, 3]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xca00000000]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xcb0000000000000000]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xe0]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xd080, xd18000, xd280000000]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xd38000000000000000]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xd40500, xd5050000]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xd60500000000]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xd7050000000000000000]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, "
       "xd80500000000000000000000000000000000]",
       OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xc70005, xc7010500, xc800010500]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xc9000000010500]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, x80, x8101c0, xde00010102]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xdf0000000101a161]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, x8101, 5]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xc1]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, [xc1]]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xca000000]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xc70105]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xd80500]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, x91]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xddffffffff]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xddffffffffddffffffffddffffffff]",
       REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xdfffffffff]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xc9ffffffff05]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, xdbffffffff]", REFUSED},
    };
    CHECK (true, cases);
}

//  A page of that many items, all of which are there.
static int
s_decode_page (zseq_op_t op, int count)
{
    s_bytes_t notation = {0};
    s_print (&notation, "[1, %d, 7, 9, 0, 0, [1, 2], [", op);
    for (int item = 0; item < count; item++)
        s_print (&notation, "%s[xa2%02x%02x, 1]", item ? ", " : "",
                 1 + item / 16, 1 + item % 16);
    s_print (&notation, "], false]");
    uint64_t request;
    int rc = s_decode_notation (true, s_text (&notation), &request);
    s_free (&notation);
    return rc;
}

Test (codec, takes_no_more_items_than_a_page_has)
{
    const zseq_op_t ops[] = {ZSEQ_OP_LIST, ZSEQ_OP_COPY};
    for (size_t index = 0; index < sizeof ops / sizeof *ops; index++) {
        cr_expect (s_decode_page (ops[index], ZSEQ_PAGE_MAX) == ZSEQ_OK);
        cr_expect (s_decode_page (ops[index], ZSEQ_PAGE_MAX + 1) ==
                   ZSEQ_EPROTOCOL);
    }
}

//  An array of 2^32 - 1 elements in five bytes, and other boasts.
Test (codec, believes_no_declared_size)
{
    static const s_case_t requests[] = {
      {"xddffffffff", DROPPED},
      {"xddffffffff010107", DROPPED},
      {"xddffffffff01010709", REFUSED},
      {"xdcffff01010709", REFUSED},
      {"xdfffffffff01010709", DROPPED},
      {"[1, 2, 7, 9, xc6ffffffff]", REFUSED},
      {"[1, 2, 7, 9, xdbffffffff61]", REFUSED},
      {"[1, 2, 7, 9, xc5ffff61]", REFUSED},
      {"[1, 2, 7, 9, xc4ff61]", REFUSED},
      {"[1, 2, 7, 9, xddffffffff]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", xddffffffff, 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 1, xddffffffff, 7]", REFUSED},
      {"xddffffffff0109070900010a", REFUSED},
      {"[1, 9, 7, 9, 0, 1, xddffffffff]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, xddffffffff]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, xc6ffffffff]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, xdbffffffff61]", REFUSED},
    };
    CHECK (false, requests);
    static const s_case_t replies[] = {
      {"xddffffffff0102070900009201020a", REFUSED},
      {"[1, 2, 7, 9, 0, 0, xddffffffff, 1]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], xddffffffff, false]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [xddffffffff], false]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", xddffffffff, 3]", REFUSED},
      {"xddffffffff0109070900009201020101", REFUSED},
      {"[1, 9, 7, 9, 0, 0, xddffffffff, 1, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, xddffffffff]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], xddffffffff, false]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], xdcffff, false]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [xddffffffff], false]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[xc6ffffffff, 1]], false]", REFUSED},
    };
    CHECK (true, replies);
}

Test (codec, accepts_every_format_of_arrays_and_bytes)
{
    static const s_case_t requests[] = {
      {"x9401010709", OK},
      {"xdc000401010709", OK},
      {"xdd0000000401010709", OK},
      {"[1, 2, 7, 9, xa161]", OK},
      {"[1, 2, 7, 9, xd90161]", OK},
      {"[1, 2, 7, 9, xda000161]", OK},
      {"[1, 2, 7, 9, xdb0000000161]", OK},
      {"[1, 2, 7, 9, xc40161]", OK},
      {"[1, 2, 7, 9, xc5000161]", OK},
      {"[1, 2, 7, 9, xc60000000161]", OK},
    };
    CHECK (false, requests);
    static const s_case_t replies[] = {
      {"[1, 2, 7, 9, 12, 0, xdc00020102]", OK},
      {"[1, 2, 7, 9, 12, 0, xdd000000020102]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], xdd00000001dc0002a16101, false]", OK},
    };
    CHECK (true, replies);
}

static void
s_check_width (uint8_t tag, size_t width, uint64_t value, uint64_t expected)
{
    s_bytes_t bytes = {0};
    const uint8_t head[] = {0x94, 1, 1};
    s_append (&bytes, head, sizeof head);
    s_append (&bytes, &tag, 1);
    for (size_t index = width; index > 0; index--) {
        uint8_t byte = (uint8_t) (value >> (8 * (index - 1)));
        s_append (&bytes, &byte, 1);
    }
    s_append (&bytes, "", 1);
    s_decoded_t decoded;
    s_decode (&decoded, false, bytes.data, bytes.size);
    cr_expect (decoded.msg.request == expected, "%02x %" PRIx64, tag, value);
    cr_expect ((decoded.rc == ZSEQ_OK) == (expected != 0));
    s_decoded_term (&decoded);
    s_free (&bytes);
}

Test (codec, accepts_every_format_of_a_number_that_is_not_negative)
{
    for (unsigned bits = 0; bits < 64; bits++)
        for (int low = -1; low <= 1; low++) {
            uint64_t value = ((uint64_t) 1 << bits) + (uint64_t) low;
            for (unsigned power = 0; power < 4; power++) {
                size_t width = (size_t) 1 << power;
                if (width < 8 && value >> (8 * width))
                    continue;
                bool negative = value >> (8 * width - 1);
                s_check_width ((uint8_t) (0xcc + power), width, value, value);
                s_check_width ((uint8_t) (0xd0 + power), width, value,
                               negative ? 0 : value);
            }
        }
    for (unsigned tag = 0; tag < 0x80; tag++)
        s_check_width ((uint8_t) tag, 0, 0, tag);
    for (unsigned tag = 0xe0; tag < 0x100; tag++)
        s_check_width ((uint8_t) tag, 0, 0, 0);
}

//  A valid reply up to its extra elements, of which there is one.
static const uint8_t s_reply_head[] = {0x99, 1, 2, 7, 9, 0, 0, 0x92, 1, 2, 1};

static int
s_decode_padded (uint8_t filler, size_t size, uint8_t last)
{
    uint8_t *bytes = malloc (size);
    memset (bytes, filler, size);
    memcpy (bytes, s_reply_head, sizeof s_reply_head);
    bytes[size - 1] = last;
    s_decoded_t decoded;
    s_decode (&decoded, true, bytes, size);
    free (bytes);
    s_decoded_term (&decoded);
    return decoded.rc;
}

Test (codec, nesting_costs_nothing)
{
    cr_expect (s_decode_padded (0x91, ZSEQ_MESSAGE_MAX, 0xc0) == ZSEQ_OK);
    cr_expect (s_decode_padded (0x91, ZSEQ_MESSAGE_MAX, 0x91) ==
               ZSEQ_EPROTOCOL);
    cr_expect (s_decode_padded (0x81, ZSEQ_MESSAGE_MAX, 0xc0) ==
               ZSEQ_EPROTOCOL);
}

Test (codec, refuses_a_message_longer_than_the_longest)
{
    cr_expect (s_decode_padded (0x91, ZSEQ_MESSAGE_MAX, 0xc0) == ZSEQ_OK);
    cr_expect (s_decode_padded (0x91, ZSEQ_MESSAGE_MAX + 1, 0xc0) ==
               ZSEQ_EPROTOCOL);
}

Test (codec, echoes_no_request_of_a_message_longer_than_the_longest)
{
    uint8_t bytes[ZSEQ_MESSAGE_MAX + 1] = {0x94, 1, 1, 7, 9};
    s_decoded_t decoded;
    s_decode (&decoded, false, bytes, ZSEQ_MESSAGE_MAX);
    cr_expect (decoded.rc == ZSEQ_EPROTOCOL);
    cr_expect (decoded.msg.request == 7);
    s_decoded_term (&decoded);
    s_decode (&decoded, false, bytes, ZSEQ_MESSAGE_MAX + 1);
    cr_expect (decoded.rc == ZSEQ_EPROTOCOL);
    cr_expect (decoded.msg.request == 0);
    s_decoded_term (&decoded);
}

Test (codec, says_what_a_refusal_has_to_echo)
{
    static const char *notations[] = {
      "[2, 77, 123456789012, 9]",
      "[1, 77, 123456789012, 9]",
      "[1, 77, 123456789012, 9, xc1]",
      "[" UINT_MAX_TEXT ", 77, 123456789012, 9, 1, 2, 3]",
    };
    for (size_t index = 0; index < sizeof notations / sizeof *notations;
         index++) {
        s_bytes_t bytes = {0};
        s_pack (&bytes, notations[index]);
        s_decoded_t decoded;
        s_decode (&decoded, false, bytes.data, bytes.size);
        cr_expect (decoded.rc == ZSEQ_EPROTOCOL);
        cr_expect ((int) decoded.msg.op == 77);
        cr_expect (decoded.msg.request == 123456789012);
        cr_expect (decoded.msg.cluster == 9);
        s_free (&bytes);

        //  The refusal can be written, and read by who asked.
        zseq_msg_t refusal = decoded.msg;
        refusal.reply = true;
        refusal.status = ZSEQ_EPROTOCOL;
        refusal.node = 0;
        refusal.vector.n = 1;
        refusal.vector.life[0] = (zseq_incarnation_t){1, 2};
        s_decoded_term (&decoded);
        uint8_t again[64];
        size_t size = zseq_codec_encode (&refusal, again, sizeof again);
        s_decode (&decoded, true, again, size);
        cr_expect (decoded.rc == ZSEQ_OK);
        cr_expect (decoded.msg.status == ZSEQ_EPROTOCOL);
        cr_expect ((int) decoded.msg.op == 77);
        s_decoded_term (&decoded);
    }
}

Test (codec, leaves_no_field_unset)
{
    s_bytes_t bytes = {0};
    s_pack (&bytes, "[1, 3, 7, 9, 12, 0, [1, 2]]");
    s_decoded_t decoded;
    s_decode (&decoded, true, bytes.data, bytes.size);
    const zseq_msg_t *msg = &decoded.msg;
    cr_expect (decoded.rc == ZSEQ_OK);
    cr_expect (msg->status == ZSEQ_ENOTVOTING);
    cr_expect (msg->name.size == 0 && msg->after.size == 0);
    cr_expect (msg->first == 0 && msg->count == 0 && msg->next == 0);
    cr_expect (!msg->more && msg->item_count == 0 && msg->member_count == 0);
    cr_expect (msg->cluster_name.size == 0 && msg->reason.size == 0);
    cr_expect (msg->sequences == 0 && msg->claims == 0 && msg->conflicts == 0);
    cr_expect (msg->count_min == 0 && msg->patience_us == 0 &&
               msg->served == 0 && !msg->crowded);
    cr_expect (msg->burnt == 0 && msg->process == 0 && msg->floor == 0 &&
               msg->floor_reserved == 0);
    cr_expect (!msg->extended && msg->met == 0 && msg->speaks == 1 &&
               !msg->forced && !msg->holds_vote);
    cr_expect (msg->life.counter == 0 && msg->life.random == 0);
    s_decoded_term (&decoded);

    s_pack (&bytes, "[1, 1, 7, 9]");
    s_decode (&decoded, false, bytes.data, bytes.size);
    cr_expect (msg->status == ZSEQ_OK && msg->node == 0 && msg->vector.n == 0);
    s_decoded_term (&decoded);
    s_free (&bytes);
}

Test (codec, only_claims_have_a_body_when_refused)
{
    for (int op = 1; op <= 10; op++)
        for (int status = 0; status <= 255; status++) {
            bool body =
              status == 0 || (op == 3 && (status == 3 || status == 4));
            cr_expect (zseq_msg_has_body ((zseq_op_t) op, -status) == body);
        }
}

//  Random messages.

typedef struct {
    uint64_t random;
    char text[ZSEQ_PAGE_MAX * ZSEQ_NAME_MAX + 8192];
    size_t used;
    zseq_item_t items[ZSEQ_PAGE_MAX];
} s_maker_t;

//  Numbers of every size, not only large ones.
static uint64_t
s_make_uint (s_maker_t *self, uint64_t value_min, uint64_t value_max)
{
    uint64_t value =
      test_random (&self->random) >> test_random_below (&self->random, 64);
    if (test_random_below (&self->random, 8) == 0)
        return test_random_below (&self->random, 2) ? value_min : value_max;
    if (value < value_min || value > value_max)
        value = value_max - value_min == UINT64_MAX
                  ? value
                  : value_min + value % (value_max - value_min + 1);
    return value;
}

static zseq_slice_t
s_make_bytes (s_maker_t *self, size_t size_min, size_t size_max)
{
    size_t size = (size_t) s_make_uint (self, size_min, size_max);
    char *data = self->text + self->used;
    cr_assert (self->used + size <= sizeof self->text);
    self->used += size;
    for (size_t index = 0; index < size; index++)
        data[index] = (char) (1 + test_random_below (&self->random, 255));
    return (zseq_slice_t){data, size};
}

static zseq_slice_t
s_make_label (s_maker_t *self)
{
    static const char letters[] = "abcXYZ019-_.";
    zseq_slice_t slice = s_make_bytes (self, 1, ZSEQ_LABEL_MAX);
    char *data = self->text + (slice.data - self->text);
    for (size_t index = 0; index < slice.size; index++)
        data[index] =
          letters[test_random_below (&self->random, index ? 12 : 9)];
    return slice;
}

static int
s_compare_slices (zseq_slice_t a, zseq_slice_t b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = memcmp (a.data, b.data, shared);
    if (order == 0)
        order = (a.size > b.size) - (a.size < b.size);
    return order;
}

static int
s_compare_items (const void *a, const void *b)
{
    return s_compare_slices (((const zseq_item_t *) a)->name,
                             ((const zseq_item_t *) b)->name);
}

static int
s_compare_members (const void *a, const void *b)
{
    return s_compare_slices (((const zseq_msg_member_t *) a)->name,
                             ((const zseq_msg_member_t *) b)->name);
}

static void
s_make_items (s_maker_t *self, zseq_msg_t *msg)
{
    size_t made = (size_t) test_random_below (&self->random, 20);
    for (size_t index = 0; index < made; index++) {
        self->items[index].name = s_make_bytes (self, 1, ZSEQ_NAME_MAX);
        self->items[index].next = s_make_uint (self, 1, ZSEQ_NEXT_MAX);
    }
    qsort (self->items, made, sizeof *self->items, s_compare_items);
    size_t kept = 0;
    for (size_t index = 0; index < made; index++)
        if (kept == 0 ||
            s_compare_items (&self->items[kept - 1], &self->items[index]) < 0)
            self->items[kept++] = self->items[index];
    msg->items = self->items;
    msg->item_count = kept;
    msg->more = kept > 0 && test_random_below (&self->random, 2);
}

static void
s_make_members (s_maker_t *self, zseq_msg_t *msg)
{
    //  The index at the front keeps them apart.
    for (size_t index = 0; index < msg->vector.n; index++) {
        zseq_slice_t label = s_make_label (self);
        self->text[label.data - self->text] = (char) ('0' + index);
        msg->member[index].name = label;
        msg->member[index].endpoint = s_make_bytes (self, 1, ZSEQ_ENDPOINT_MAX);
    }
    msg->member_count = msg->vector.n;
    qsort (msg->member, msg->member_count, sizeof *msg->member,
           s_compare_members);
}

static void
s_make_msg (s_maker_t *self, zseq_msg_t *msg)
{
    self->used = 0;
    memset (msg, 0, sizeof *msg);
    msg->op = s_ops[test_random_below (&self->random, OPS)];
    msg->reply = test_random_below (&self->random, 2);
    msg->request = s_make_uint (self, 1, UINT64_MAX);
    msg->cluster = s_make_uint (self, 0, UINT64_MAX);
    if (msg->reply && test_random_below (&self->random, 2))
        msg->status = -(int) s_make_uint (self, 0, 255);
    msg->vector.n =
      (uint8_t) (1 + test_random_below (&self->random, ZSEQ_NODES_MAX));
    msg->node = (uint8_t) test_random_below (&self->random, msg->vector.n);
    for (uint8_t node = 0; node < msg->vector.n; node++) {
        msg->vector.life[node].counter = s_make_uint (self, 0, UINT64_MAX);
        msg->vector.life[node].random = s_make_uint (self, 0, UINT64_MAX);
        msg->vector.start[node].counter = s_make_uint (self, 0, UINT64_MAX);
        msg->vector.start[node].random = s_make_uint (self, 0, UINT64_MAX);
    }
    bool fences = msg->op == ZSEQ_OP_FENCE || msg->op == ZSEQ_OP_COPY;
    msg->version = fences && test_random_below (&self->random, 2) ? 2 : 1;
    bool list = msg->op == ZSEQ_OP_LIST;
    msg->name = s_make_bytes (self, list ? 0 : 1, ZSEQ_NAME_MAX);
    msg->after = s_make_bytes (self, 0, ZSEQ_NAME_MAX);
    msg->first = s_make_uint (self, 1, ZSEQ_ID_MAX);
    msg->count = s_make_uint (self, 1, list ? UINT64_MAX : ZSEQ_COUNT_MAX);
    msg->count_min = s_make_uint (self, 1, msg->count);
    msg->patience_us = s_make_uint (self, 1, UINT64_MAX);
    msg->served = s_make_uint (self, 1, UINT64_MAX);
    msg->crowded = test_random_below (&self->random, 2);
    msg->next = s_make_uint (self, 1, ZSEQ_NEXT_MAX);
    s_make_items (self, msg);
    msg->cluster_name = s_make_label (self);
    s_make_members (self, msg);
    msg->state = (zseq_state_t) (1 + test_random_below (&self->random, 6));
    msg->reason = s_make_bytes (self, 0, ZSEQ_REASON_MAX);
    msg->sequences = s_make_uint (self, 0, UINT64_MAX);
    msg->claims = s_make_uint (self, 0, UINT64_MAX);
    msg->conflicts = s_make_uint (self, 0, UINT64_MAX);
    msg->burnt = s_make_uint (self, 0, UINT64_MAX);
    msg->process = s_make_uint (self, 0, UINT64_MAX);
    msg->life.counter = s_make_uint (self, 1, UINT64_MAX);
    msg->life.random = s_make_uint (self, 0, UINT64_MAX);
    msg->floor = s_make_uint (self, 1, ZSEQ_NEXT_MAX);
    msg->floor_reserved = s_make_uint (self, 1, ZSEQ_NEXT_MAX);
    msg->extended = test_random_below (&self->random, 2);
    msg->met = s_make_uint (self, 0, UINT64_MAX);
    msg->speaks = s_make_uint (self, 1, UINT64_MAX);
    msg->forced = test_random_below (&self->random, 2);
    msg->holds_vote = test_random_below (&self->random, 2);
}

Test (codec, reads_what_it_wrote_and_so_does_msgpack)
{
    const uint64_t seed = 2;
    static s_maker_t maker;
    maker.random = seed;
    cr_log_info ("seed %" PRIu64, seed);
    for (int round = 0; round < 20000; round++) {
        zseq_msg_t msg;
        s_make_msg (&maker, &msg);
        static uint8_t bytes[ZSEQ_MESSAGE_MAX];
        size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
        s_bytes_t written = {0};
        s_print_msg (&written, &msg);

        s_decoded_t decoded;
        s_decode (&decoded, msg.reply, bytes, size);
        s_bytes_t read = {0};
        if (decoded.rc == ZSEQ_OK)
            s_print_msg (&read, &decoded.msg);
        cr_assert_str_eq (s_text (&read), s_text (&written), "round %d", round);

        s_bytes_t unpacked = {0};
        cr_assert (s_msgpack_reads (bytes, size, &unpacked));
        cr_assert_str_eq (s_text (&unpacked), s_text (&written), "round %d",
                          round);
        s_decoded_term (&decoded);
        s_free (&written);
        s_free (&read);
        s_free (&unpacked);
    }
}

Test (codec, writes_nothing_past_the_room_it_has)
{
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        if (!s_is (example, "request") && !s_is (example, "reply"))
            continue;
        s_decoded_t decoded;
        s_decode (&decoded, s_is_reply (example), example->bytes,
                  example->size);
        for (size_t size = 0; size <= example->size; size++) {
            uint8_t *bytes = malloc (size);
            size_t expected = size == example->size ? size : 0;
            cr_expect (zseq_codec_encode (&decoded.msg, bytes, size) ==
                       expected);
            free (bytes);
        }
        s_decoded_term (&decoded);
    }
}

//  A page of the longest names is cut by the node; should it not be, the codec
//  says that it does not fit.
static void
s_check_page (zseq_op_t op)
{
    static char names[ZSEQ_PAGE_MAX][ZSEQ_NAME_MAX];
    static zseq_item_t items[ZSEQ_PAGE_MAX];
    for (size_t index = 0; index < ZSEQ_PAGE_MAX; index++) {
        memset (names[index], 'x', ZSEQ_NAME_MAX);
        names[index][0] = (char) ('a' + index / 26);
        names[index][1] = (char) ('a' + index % 26);
        items[index].name = (zseq_slice_t){names[index], ZSEQ_NAME_MAX};
        items[index].next = ZSEQ_NEXT_MAX;
    }
    zseq_msg_t msg = {.op = op,
                      .reply = true,
                      .request = 7,
                      .vector.n = 1,
                      .items = items,
                      .item_count = ZSEQ_PAGE_MAX};
    static uint8_t bytes[ZSEQ_MESSAGE_MAX];
    cr_expect (zseq_codec_encode (&msg, bytes, sizeof bytes) == 0);
    msg.item_count = 240;
    size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
    cr_expect (size > 0);
    s_decoded_t decoded;
    s_decode (&decoded, true, bytes, size);
    cr_expect (decoded.rc == ZSEQ_OK);
    cr_expect (decoded.msg.item_count == 240);
    s_decoded_term (&decoded);
}

Test (codec, says_that_a_page_does_not_fit)
{
    s_check_page (ZSEQ_OP_LIST);
    s_check_page (ZSEQ_OP_COPY);
}

static zseq_msg_t
s_claim (void)
{
    return (zseq_msg_t){.op = ZSEQ_OP_CLAIM,
                        .request = 7,
                        .name = {"x", 1},
                        .first = 1,
                        .count = 1};
}

Test (codec, asserts_that_it_writes_no_request_0, .signal = SIGABRT)
{
    uint8_t bytes[64];
    zseq_msg_t msg = s_claim ();
    msg.request = 0;
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}

Test (codec, asserts_that_it_writes_no_claim_of_nothing, .signal = SIGABRT)
{
    uint8_t bytes[64];
    zseq_msg_t msg = s_claim ();
    msg.count = 0;
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}

Test (codec, asserts_that_it_writes_no_unknown_request, .signal = SIGABRT)
{
    uint8_t bytes[64];
    zseq_msg_t msg = s_claim ();
    msg.op = (zseq_op_t) 5;
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}

Test (codec, asserts_that_it_writes_no_fence_of_no_life, .signal = SIGABRT)
{
    uint8_t bytes[64];
    const zseq_msg_t msg = {.op = ZSEQ_OP_FENCE, .request = 7};
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}

Test (codec, asserts_that_it_writes_no_copy_of_no_life, .signal = SIGABRT)
{
    uint8_t bytes[64];
    const zseq_msg_t msg = {.op = ZSEQ_OP_COPY, .request = 7};
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}

Test (codec, asserts_that_it_writes_no_floor_of_0, .signal = SIGABRT)
{
    uint8_t bytes[64];
    const zseq_msg_t msg = {.op = ZSEQ_OP_FENCE,
                            .reply = true,
                            .request = 7,
                            .vector.n = 1,
                            .floor_reserved = 1};
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}
