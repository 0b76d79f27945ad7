//  Tests the codec with the examples of the wire document, whole and damaged.
//
//  The examples come from lib/doc/wire.md itself, so that the document and the
//  codec cannot differ. Each has a title, the message in the document's
//  notation, and its bytes. The first tests check that notation and bytes are
//  the same message, and that the codec reads and writes exactly these bytes.
//  The others cut, extend and corrupt the bytes: the codec must never read past
//  their end, and msgpack-c must be able to read whatever the codec accepts.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "test_codec_notation.h"
#include "test_random.h"
#include "zseq_pack.h"

//  The examples of the wire document.

typedef struct {
    char kind[16];
    char title[128];
    char notation[1024];  //  Empty if the bytes are not one value
    uint8_t bytes[1024];
    size_t size;
} s_example_t;

#define EXAMPLES_MAX 130
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

//  Unpacks a packed frame of requests, and packs these again.
static void
s_check_packed (const s_example_t *example)
{
    zseq_pack_t *pack = calloc (1, sizeof *pack);
    zseq_unpacker_t unpacker;
    zseq_unpacker_init (&unpacker, example->bytes, example->size);
    cr_expect (unpacker.packed, "%s", example->title);
    const uint8_t *message;
    size_t size;
    while (zseq_unpacker_next (&unpacker, &message, &size)) {
        test_decoded_t decoded;
        test_decode (&decoded, false, message, size);
        cr_expect (decoded.rc == ZSEQ_OK, "%s", example->title);
        uint8_t bytes[sizeof example->bytes];
        size = zseq_codec_encode (&decoded.msg, bytes, sizeof bytes);
        cr_assert (zseq_pack_add (pack, bytes, size));
        test_decoded_term (&decoded);
    }
    const uint8_t *frame;
    size = zseq_pack_take (pack, &frame);
    cr_expect (size == example->size && !memcmp (frame, example->bytes, size),
               "%s", example->title);
    free (pack);
}

TestSuite (codec_document, .init = s_read_document);

Test (codec_document, document_has_examples_of_every_op_both_ways)
{
    size_t requests[256] = {0};
    size_t replies[256] = {0};
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        test_decoded_t decoded;
        test_decode (&decoded, s_is_reply (example), example->bytes,
                     example->size);
        if (s_is (example, "request"))
            requests[decoded.msg.op]++;
        else if (s_is (example, "reply") && decoded.msg.status == ZSEQ_OK)
            replies[decoded.msg.op]++;
        test_decoded_term (&decoded);
    }
    for (size_t index = 0; index < test_op_count; index++) {
        cr_expect (requests[test_ops[index]] > 0, "op %d", test_ops[index]);
        if (test_ops[index] != ZSEQ_OP_KV_CHOSEN)  //  It has no reply
            cr_expect (replies[test_ops[index]] > 0, "op %d", test_ops[index]);
    }
}

Test (codec_document, reads_every_example_as_the_document_says)
{
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        test_decoded_t decoded;
        test_decode (&decoded, s_is_reply (example), example->bytes,
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
        else if (s_is (example, "packed"))
            s_check_packed (example);
        else {
            cr_expect (s_is (example, "request") || s_is (example, "reply") ||
                         s_is (example, "accepted"),
                       "%s", example->kind);
            cr_expect (decoded.rc == ZSEQ_OK, "%s", example->title);
        }
        test_decoded_term (&decoded);
    }
}

Test (codec_document, writes_every_example_as_the_document_says)
{
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        if (!s_is (example, "request") && !s_is (example, "reply"))
            continue;
        test_decoded_t decoded;
        test_decode (&decoded, s_is_reply (example), example->bytes,
                     example->size);
        test_bytes_t text = {0};
        test_print_msg (&text, &decoded.msg);
        cr_expect_str_eq (test_text (&text), example->notation);
        test_free (&text);

        uint8_t bytes[sizeof example->bytes];
        size_t size = zseq_codec_encode (&decoded.msg, bytes, sizeof bytes);
        cr_expect (size == example->size &&
                     !memcmp (bytes, example->bytes, size),
                   "%s", example->title);
        test_decoded_term (&decoded);
    }
}

Test (codec_document, notation_of_every_example_is_what_msgpack_reads)
{
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        if (!example->notation[0])
            continue;
        test_bytes_t text = {0};
        cr_expect (test_msgpack_reads (example->bytes, example->size, &text));
        cr_expect_str_eq (test_text (&text), example->notation);
        test_free (&text);
    }
}

Test (codec_document, document_has_the_numbers_of_all_errors)
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

Test (codec_document, refuses_every_truncation_of_every_example)
{
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        for (size_t size = 0; size < example->size; size++) {
            test_decoded_t decoded;
            test_decode (&decoded, s_is_reply (example), example->bytes, size);
            cr_expect (decoded.rc == ZSEQ_EPROTOCOL, "%s, %zu bytes",
                       example->title, size);
            test_decoded_term (&decoded);
        }
    }
}

Test (codec_document, refuses_bytes_left_over)
{
    for (size_t index = 0; index < s_example_count; index++) {
        s_example_t *example = &s_examples[index];
        test_decoded_t decoded;
        example->bytes[example->size] = 0;
        test_decode (&decoded, s_is_reply (example), example->bytes,
                     example->size + 1);
        cr_expect (decoded.rc == ZSEQ_EPROTOCOL, "%s", example->title);
        test_decoded_term (&decoded);
    }
}

//  Checks that a damaged message which the codec accepts is a MessagePack value
//  to msgpack-c, too, and can be encoded again. Otherwise decoder and encoder
//  disagree about what is valid.
static void
s_check_damaged (bool reply, const uint8_t *bytes, size_t size)
{
    test_decoded_t decoded;
    test_decode (&decoded, reply, bytes, size);
    if (decoded.rc == ZSEQ_OK) {
        test_bytes_t text = {0};
        cr_assert (test_msgpack_reads (bytes, size, &text));
        test_free (&text);

        uint8_t again[2048];
        size_t size_again =
          zseq_codec_encode (&decoded.msg, again, sizeof again);
        cr_assert (size_again > 0);
        test_decoded_t read_again;
        test_decode (&read_again, reply, again, size_again);
        cr_assert (read_again.rc == ZSEQ_OK);
        test_decoded_term (&read_again);
    }
    test_decoded_term (&decoded);
}

Test (codec_document, survives_every_corruption_of_a_byte_of_every_example)
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

Test (codec_document, survives_random_damage)
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
                //  Removes bytes, or duplicates some.
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

Test (codec_document, writes_nothing_past_the_room_it_has)
{
    for (size_t index = 0; index < s_example_count; index++) {
        const s_example_t *example = &s_examples[index];
        if (!s_is (example, "request") && !s_is (example, "reply"))
            continue;
        test_decoded_t decoded;
        test_decode (&decoded, s_is_reply (example), example->bytes,
                     example->size);
        for (size_t size = 0; size <= example->size; size++) {
            uint8_t *bytes = malloc (size);
            size_t expected = size == example->size ? size : 0;
            cr_expect (zseq_codec_encode (&decoded.msg, bytes, size) ==
                       expected);
            free (bytes);
        }
        test_decoded_term (&decoded);
    }
}
