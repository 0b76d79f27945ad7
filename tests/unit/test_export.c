//  Tests the file that zseq export writes and zseq import reads.
//
//  s_export makes an export with the library. s_sign adds a correct last line,
//  with count and checksum, to lines written by hand. s_import reads text in
//  pieces of any size and leaves the result in s_got, or the reason for its
//  refusal in s_why and s_line. Complete files are in the suite export. The
//  suite partial is about zseq import --partial, which takes what is left of a
//  damaged file, and the suite text about escapes and numbers.

#define XXH_INLINE_ALL
#include "zseq_export.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "zseq_text.h"

#define S_TEXT_MAX 8192
#define S_ITEMS_MAX 300

typedef struct {
    size_t count;
    struct {
        char name[ZSEQ_NAME_MAX + 1];
        uint64_t next;
        size_t line;
    } item[S_ITEMS_MAX];
} s_got_t;

static s_got_t s_got;
static uint64_t s_floor;
static char s_why[ZSEQ_EXPORT_WHY_MAX];
static size_t s_line;
static bool s_no_memory;  //  Who imports cannot keep a sequence

static bool
s_keep (const char *name, uint64_t next, size_t line, void *arg)
{
    s_got_t *got = arg;
    if (s_no_memory)
        return false;
    cr_assert_lt (got->count, S_ITEMS_MAX);
    strcpy (got->item[got->count].name, name);
    got->item[got->count].next = next;
    got->item[got->count++].line = line;
    return true;
}

typedef struct {
    size_t count;
    size_t key_size;
    size_t size;
    uint64_t version;
    char key[ZSEQ_KEY_MAX];
    char value[ZSEQ_VALUE_MAX];
} s_got_key_t;

static s_got_key_t s_got_key;  //  The last key

static bool
s_keep_key (const zseq_kv_entry_t *entry, size_t line, void *arg)
{
    (void) line;
    (void) arg;
    if (s_no_memory)
        return false;
    s_got_key.count++;
    s_got_key.key_size = entry->key_size;
    s_got_key.size = entry->size;
    s_got_key.version = entry->version;
    memcpy (s_got_key.key, entry->key, entry->key_size);
    memcpy (s_got_key.value, entry->data, entry->size);
    return true;
}

//  Imports these bytes, piece by piece. A refusal must give a reason.
static bool
s_import (const char *bytes, size_t size, bool partial, size_t piece)
{
    s_got.count = 0;
    s_got_key.count = 0;
    zseq_import_t *import =
      zseq_import_new (partial, s_keep, s_keep_key, &s_got);
    cr_assert (import);
    bool taken = true;
    for (size_t at = 0; at < size && taken; at += piece)
        taken = zseq_import_feed (import, bytes + at,
                                  size - at < piece ? size - at : piece);
    taken = taken && zseq_import_end (import);
    snprintf (s_why, sizeof s_why, "%s", zseq_import_why (import));
    s_line = zseq_import_line (import);
    s_floor = zseq_import_floor (import);
    cr_assert_eq (taken, s_why[0] == '\0', "%s", s_why);
    zseq_import_destroy (&import);
    cr_assert_null (import);
    return taken;
}

static bool
s_takes (const char *text)
{
    return s_import (text, strlen (text), false, SIZE_MAX / 2);
}

static void
s_assert_refused (const char *text, size_t line, const char *why)
{
    cr_assert_not (s_takes (text), "%s", text);
    cr_assert_eq (s_line, line, "line %zu: %s", s_line, s_why);
    cr_assert (strstr (s_why, why), "'%s' and not '%s'", s_why, why);
}

//  Returns an export of the names a, b ..., whose next IDs are 1, 2 ...
static const char *
s_export (size_t names)
{
    static char text[S_TEXT_MAX];
    zseq_export_source_t source = {.cluster = "shop",
                                   .identity = 0x1234,
                                   .floor = 1,
                                   .time = 1764370235,
                                   .prefix = ""};
    zseq_export_t *export = zseq_export_new ();
    cr_assert (export);
    strcpy (text, zseq_export_first (export, &source));
    for (uint64_t next = 1; next <= names; next++) {
        char name[2] = {(char) ('a' + next - 1), 0};
        strcat (text, zseq_export_sequence (export, name, next));
    }
    strcat (text, zseq_export_last (export));
    zseq_export_destroy (&export);
    cr_assert_null (export);
    return text;
}

#define S_FIRST                                                                \
    "zseq-export\t1\tcluster=shop\tidentity=0000000000001234\tfloor=1\t"       \
    "time=2025-11-28T22:50:35Z\tprefix=\n"

//  Returns these lines and a last line that matches them.
static const char *
s_sign (const char *lines, size_t count)
{
    static char text[S_TEXT_MAX];
    int size =
      snprintf (text, sizeof text, "%send\t%zu\t%016" PRIx64 "\n", lines, count,
                (uint64_t) XXH3_64bits (lines, strlen (lines)));
    cr_assert_lt ((size_t) size, sizeof text);
    return text;
}

Test (export, is_lines_of_text)
{
    cr_assert_str_eq (s_export (2),
                      s_sign (S_FIRST "sequence\ta\t1\nsequence\tb\t2\n", 2));
}

Test (export, is_imported)
{
    cr_assert (s_takes (s_export (3)), "%s", s_why);
    cr_assert_eq (s_got.count, 3);
    cr_assert_str_eq (s_got.item[2].name, "c");
    cr_assert_eq (s_got.item[2].next, 3);
    cr_assert_eq (s_got.item[2].line, 4);
    cr_assert (s_takes (s_export (0)), "%s", s_why);
    cr_assert_eq (s_got.count, 0);
}

//  Every byte alone and doubled, and the longest name.
Test (export, keeps_any_name)
{
    static char text[S_ITEMS_MAX * 64 + 8 * ZSEQ_EXPORT_WHY_MAX];
    char longest[ZSEQ_NAME_MAX + 1] = "";
    memset (longest, 0xff, ZSEQ_NAME_MAX);
    char cluster[ZSEQ_LABEL_MAX + 1] = "";
    memset (cluster, '\t', ZSEQ_LABEL_MAX);
    zseq_export_source_t source = {.cluster = cluster,
                                   .identity = UINT64_MAX,
                                   .floor = ZSEQ_ID_MAX,
                                   .prefix = longest};
    zseq_export_t *export = zseq_export_new ();
    strcpy (text, zseq_export_first (export, &source));
    for (unsigned int byte = 1; byte < 256; byte++) {
        char name[3] = {(char) byte, (char) byte, 0};
        strcat (text, zseq_export_sequence (export, name, byte));
    }
    uint64_t most = ZSEQ_ID_MAX + (uint64_t) 1;
    strcat (text, zseq_export_sequence (export, longest, most));
    strcat (text, zseq_export_last (export));
    zseq_export_destroy (&export);

    cr_assert (s_takes (text), "line %zu: %s", s_line, s_why);
    cr_assert_eq (s_got.count, 256);
    for (unsigned int byte = 1; byte < 256; byte++) {
        char name[3] = {(char) byte, (char) byte, 0};
        cr_assert_str_eq (s_got.item[byte - 1].name, name);
        cr_assert_eq (s_got.item[byte - 1].next, byte);
    }
    cr_assert_eq (s_floor, ZSEQ_ID_MAX);
    cr_assert_str_eq (s_got.item[255].name, longest);
    cr_assert_eq (s_got.item[255].next, most);
}

//  The longest key and value, of any bytes.
Test (export, keeps_any_key)
{
    static char text[2 * ZSEQ_EXPORT_LINE_MAX];
    static char value[ZSEQ_VALUE_MAX];
    char key[ZSEQ_KEY_MAX];
    for (size_t index = 0; index < sizeof value; index++)
        value[index] = (char) (index % 256);
    memset (key, 0, sizeof key);
    zseq_export_t *export = zseq_export_new ();
    zseq_export_source_t source = {.cluster = "shop", .floor = 1, .prefix = ""};
    strcpy (text, zseq_export_first (export, &source));
    strcat (text, zseq_export_sequence (export, "z", 7));
    zseq_kv_entry_t entry = {
      .key = key, .key_size = 1, .data = "", .size = 0, .version = 1};
    strcat (text, zseq_export_key (export, &entry));
    entry = (zseq_kv_entry_t){.key = key,
                              .key_size = sizeof key,
                              .data = value,
                              .size = sizeof value,
                              .version = ZSEQ_ID_MAX};
    strcat (text, zseq_export_key (export, &entry));
    strcat (text, zseq_export_last (export));
    zseq_export_destroy (&export);

    cr_assert (s_import (text, strlen (text), false, 100), "%s", s_why);
    cr_assert_eq (s_got.count, 1);
    cr_assert_eq (s_got_key.count, 2);
    cr_assert_eq (s_got_key.version, ZSEQ_ID_MAX);
    cr_assert_eq (s_got_key.key_size, sizeof key);
    cr_assert (memcmp (s_got_key.key, key, sizeof key) == 0);
    cr_assert_eq (s_got_key.size, sizeof value);
    cr_assert (memcmp (s_got_key.value, value, sizeof value) == 0);
}

Test (export, is_refused_with_a_wrong_key)
{
    static const char *const lines[] = {
      "key\t\t7\tvalue\n",   "key\ta\t0\tvalue\n",
      "key\ta\t7\n",         "key\ta\t7\tvalue\t\n",
      "key\t\\\t7\tvalue\n", "key\ta\t9223372036854775808\tvalue\n"};
    for (size_t index = 0; index < sizeof lines / sizeof lines[0]; index++) {
        char text[S_TEXT_MAX];
        snprintf (text, sizeof text, S_FIRST "%s", lines[index]);
        s_assert_refused (s_sign (text, 1), 2,
                          "not a key, its version and its value");
    }
    s_assert_refused (s_sign (S_FIRST "key\tb\t7\t\nkey\ta\t7\t\n", 2), 3,
                      "lie above");
    s_assert_refused (s_sign (S_FIRST "key\ta\t7\t\nkey\ta\t8\t\n", 2), 3,
                      "lie above");
    s_assert_refused (s_sign (S_FIRST "key\ta\t7\t\nsequence\tb\t7\n", 2), 3,
                      "lie above");
}

Test (export, is_refused_when_it_is_cut_anywhere)
{
    const char *text = s_export (3);
    size_t size = strlen (text);
    for (size_t cut = 0; cut < size; cut++)
        for (size_t piece = 1; piece <= size; piece += size - 1) {
            cr_assert_not (s_import (text, cut, false, piece), "%zu", cut);
            cr_assert (strstr (s_why, "export again"), "%s", s_why);
        }
    cr_assert (s_import (text, size, false, 1), "%s", s_why);
}

Test (export, is_refused_when_a_byte_was_changed)
{
    char text[S_TEXT_MAX];
    strcpy (text, s_export (3));
    size_t size = strlen (text);
    for (size_t at = 0; at < size; at++)
        for (unsigned int change = 1; change < 256; change++) {
            text[at] = (char) ((unsigned char) text[at] ^ change);
            cr_assert_not (s_import (text, size, false, size), "%zu: %u", at,
                           change);
            text[at] = (char) ((unsigned char) text[at] ^ change);
        }
    cr_assert (s_import (text, size, false, size), "%s", s_why);
}

Test (export, is_refused_when_a_line_was_lost_or_came_twice)
{
    char text[S_TEXT_MAX];
    const char *whole = s_export (3);
    const char *second = strstr (whole, "sequence\tb");
    const char *third = strstr (whole, "sequence\tc");
    snprintf (text, sizeof text, "%.*s%s", (int) (second - whole), whole,
              third);
    s_assert_refused (text, 4, "as many lines as the last one counts");
    snprintf (text, sizeof text, "%.*s%s", (int) (third - whole), whole,
              second);
    s_assert_refused (text, 4, "it does not lie above the one before");
}

Test (export, is_refused_when_something_follows)
{
    char text[S_TEXT_MAX];
    snprintf (text, sizeof text, "%s\n", s_export (1));
    s_assert_refused (text, 4, "follows the last line");
    snprintf (text, sizeof text, "%s%c", s_export (1), 'x');
    s_assert_refused (text, 4, "follows the last line");
    strcpy (text, s_export (1));
    strcat (text, s_export (2));
    s_assert_refused (text, 4, "follows the last line");
}

Test (export, of_another_kind_is_refused)
{
    s_assert_refused ("", 1, "nothing to import");
    s_assert_refused ("a\t1\nb\t2\n", 1, "zseq export makes one");
    s_assert_refused ("zseq-export\t7\n", 1, "zseq export makes one");
    s_assert_refused ("\xef\xbb\xbf"
                      "zseq-export\t1\n",
                      1, "byte order mark");
    s_assert_refused (s_sign ("zseq-export\t2\tsomething\n", 0), 1, "newer");
    s_assert_refused (s_sign ("zseq-export\tx\t\n", 0), 1, "no version");
    s_assert_refused (s_sign ("zseq-export\t1\tcluster=x\n", 0), 1,
                      "its first line is not one: the export is damaged");
    s_assert_refused (s_sign (S_FIRST "other\ta\t1\n", 1), 2,
                      "'other' is a kind");
    s_assert_refused (s_sign (S_FIRST "\n", 1), 2, "'' is a kind");
    s_assert_refused (s_sign (S_FIRST S_FIRST, 1), 2,
                      "'zseq-export' is a kind");
}

//  The checksum of each file is correct.
Test (export, with_lines_that_are_none_is_refused)
{
    static const char *const lines[] = {"sequence\n",
                                        "sequence\t\t1\n",
                                        "sequence\ta\n",
                                        "sequence\ta\t\n",
                                        "sequence\ta\t0\n",
                                        "sequence\ta\t1\t\n",
                                        "sequence\ta\t-1\n",
                                        "sequence\ta\t 1\n",
                                        "sequence\ta\t1\r\n",
                                        "sequence\ta\\\t1\n",
                                        "sequence\ta\\x00\t1\n",
                                        "sequence\ta\\xF\t1\n",
                                        "sequence\ta\t9223372036854775809\n",
                                        "sequence\ta\t18446744073709551617\n"};
    for (size_t at = 0; at < sizeof lines / sizeof lines[0]; at++) {
        char text[S_TEXT_MAX];
        snprintf (text, sizeof text, "%s%s", S_FIRST, lines[at]);
        cr_assert_not (s_takes (s_sign (text, 1)), "%s", lines[at]);
        cr_assert_eq (s_line, 2);
        cr_assert (at == 0 ||
                   strstr (s_why, "not a name, a tab and its next ID"));
    }
    s_assert_refused (S_FIRST "end\tx\t0\n", 2, "not a count and a checksum");
    s_assert_refused (S_FIRST "end\t0\t0123456789abcdef\n", 2,
                      "the checksum is a different one");
    s_assert_refused (S_FIRST, 2, "the export ends before its last line");
    s_assert_refused (s_sign (S_FIRST "sequence\tb\t1\nsequence\ta\t1\n", 2), 3,
                      "above");
    s_assert_refused (s_sign (S_FIRST "sequence\ta\t1\nsequence\ta\t1\n", 2), 3,
                      "above");
    cr_assert (s_takes (s_sign (S_FIRST "sequence\ta\t1\n", 1)), "%s", s_why);
}

Test (export, with_a_nul_or_a_line_without_end_is_refused)
{
    char text[S_TEXT_MAX];
    strcpy (text, s_sign (S_FIRST "sequence\ta\t1\n", 1));
    size_t size = strlen (text);
    text[strlen (S_FIRST) + 9] = '\0';
    cr_assert_not (s_import (text, size, false, size));
    cr_assert (strstr (s_why, "a NUL byte: "), "%s", s_why);
    static char line[ZSEQ_EXPORT_LINE_MAX + 1];
    memset (line, 'x', sizeof line);
    for (size_t piece = 1; piece <= sizeof line; piece += sizeof line - 1) {
        cr_assert_not (s_import (line, sizeof line, true, piece));
        cr_assert (strstr (s_why, "a line that is too long"), "%s", s_why);
    }
}

//  A name of 255 bytes fits, one of 256 bytes does not.
Test (export, with_a_name_that_is_too_long_is_refused)
{
    char text[S_TEXT_MAX];
    char name[ZSEQ_NAME_MAX + 2] = "";
    memset (name, 'n', ZSEQ_NAME_MAX);
    snprintf (text, sizeof text, "%ssequence\t%s\t1\n", S_FIRST, name);
    cr_assert (s_takes (s_sign (text, 1)), "%s", s_why);
    name[ZSEQ_NAME_MAX] = 'n';
    snprintf (text, sizeof text, "%ssequence\t%s\t1\n", S_FIRST, name);
    cr_assert_not (s_takes (s_sign (text, 1)));
}

Test (export, that_memory_does_not_hold_is_refused)
{
    s_no_memory = true;
    s_assert_refused (s_export (1), 2, "out of memory; import it in parts");
}

//  Partial imports.

Test (partial, takes_the_complete_lines_of_a_cut_export)
{
    const char *text = s_export (3);
    size_t size = strlen (text);
    for (size_t cut = 0; cut <= size; cut++) {
        size_t lines = 0;
        for (size_t at = 0; at < cut; at++)
            lines += text[at] == '\n';
        size_t names = lines < 2 ? 0 : lines > 4 ? 3 : lines - 1;
        cr_assert_eq (s_import (text, cut, true, 7), names > 0, "%zu: %s", cut,
                      s_why);
        if (names > 0)
            cr_assert_eq (s_got.count, names);
        for (size_t at = 0; at < names; at++)
            cr_assert_eq (s_got.item[at].next, at + 1);
    }
}

Test (partial, takes_what_list_prints)
{
    //  The last line has no end, so its number may be cut off. The order does
    //  not matter, and a name may look like a header.
    const char *text = "b\t7\nsequence\t8\na\\x09\t9\nend\t1\nzseq-export\t2\n"
                       "a\t5\na\t12";
    cr_assert (s_import (text, strlen (text), true, 5), "%s", s_why);
    cr_assert_eq (s_got.count, 6);
    cr_assert_str_eq (s_got.item[2].name, "a\t");
    cr_assert_eq (s_got.item[2].line, 3);
    cr_assert_str_eq (s_got.item[4].name, "zseq-export");
    cr_assert_eq (s_got.item[5].next, 5);
    cr_assert_eq (s_floor, 0);
}

Test (partial, refuses_what_is_no_line)
{
    static const char *const texts[] = {"",
                                        "a\t1",
                                        "x\n",
                                        "a\t1\nb\n",
                                        "a\t1\t\n",
                                        S_FIRST,
                                        S_FIRST "x\ty\n",
                                        S_FIRST "sequence\ta\t0\n"};
    for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++)
        cr_assert_not (
          s_import (texts[at], strlen (texts[at]), true, SIZE_MAX / 2), "%s",
          texts[at]);
}

//  An operator has removed lines.
Test (partial, takes_an_export_that_does_not_fit_its_last_line)
{
    const char *text = S_FIRST "sequence\tb\t7\nend\t3\t0123456789abcdef\n";
    cr_assert_not (s_takes (text));
    cr_assert (s_import (text, strlen (text), true, 9), "%s", s_why);
    cr_assert_eq (s_got.count, 1);
}

//  Text.

Test (text, is_the_same_after_it_was_escaped)
{
    char text[256];
    char escaped[4 * 256];
    for (unsigned int byte = 1; byte < 256; byte++)
        text[byte - 1] = (char) byte;
    text[255] = '\0';
    zseq_text_escape (text, escaped, sizeof escaped);
    for (const char *at = escaped; *at; at++)
        cr_assert_geq ((unsigned char) *at, 0x20);
    cr_assert (zseq_text_unescape (escaped));
    cr_assert_str_eq (escaped, text);
}

Test (text, shows_no_character_that_hides_or_turns)
{
    static const char *const unseen[] = {
      "\u00ad", "\u061c", "\u200b", "\u200f",     "\u2028",     "\u202a",
      "\u202e", "\u2060", "\ufeff", "\U000110bd", "\U000e007f", "\u2069"};
    static const char *const seen[] = {"\u00ac", "\u00ae", "\u200a", "\u2010",
                                       "\u2027", "\u202f", "\u2070", "\ufefe"};
    char escaped[64];
    for (size_t at = 0; at < sizeof unseen / sizeof *unseen; at++) {
        zseq_text_escape (unseen[at], escaped, sizeof escaped);
        cr_expect_eq (escaped[0], '\\', "%zu: %s", at, escaped);
        cr_expect_eq (strlen (escaped), 4 * strlen (unseen[at]), "%zu", at);
        cr_assert (zseq_text_unescape (escaped));
        cr_expect_str_eq (escaped, unseen[at]);
    }
    for (size_t at = 0; at < sizeof seen / sizeof *seen; at++)
        cr_expect_str_eq (zseq_text_escape (seen[at], escaped, sizeof escaped),
                          seen[at]);
}

Test (text, holds_whole_numbers_in_their_bounds)
{
    uint64_t value = 77;
    static const char *const none[] = {
      "", "+1", "-1", " 1", "1 ", "1x", "0x1", "18446744073709551616"};
    for (size_t at = 0; at < sizeof none / sizeof none[0]; at++)
        cr_assert_not (zseq_text_number (none[at], 0, UINT64_MAX, &value));
    cr_assert_not (zseq_text_number ("4", 5, 6, &value));
    cr_assert_not (zseq_text_number ("7", 5, 6, &value));
    cr_assert_eq (value, 77);
    cr_assert (
      zseq_text_number ("18446744073709551615", 0, UINT64_MAX, &value));
    cr_assert_eq (value, UINT64_MAX);
}
