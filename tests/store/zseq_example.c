#include "zseq_example.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

//  Reads the hexadecimal bytes of a block that begins after a line "title".
static size_t
s_example (const char *title, uint8_t *bytes)
{
    FILE *file = fopen (ZSEQ_DISK_MD, "r");
    cr_assert (file);
    char line[256];
    bool within = false;
    size_t size = 0;
    while (fgets (line, sizeof line, file)) {
        if (!within) {
            within = strstr (line, title) != NULL;
            continue;
        }
        const char *at = line + strspn (line, " ");
        if (size > 0 && !isxdigit ((unsigned char) *at))
            break;
        //  Bytes are one space apart; text after two spaces is explanation.
        unsigned byte;
        while (isxdigit ((unsigned char) at[0]) &&
               isxdigit ((unsigned char) at[1]) &&
               sscanf (at, "%2x", &byte) == 1) {
            bytes[size++] = (uint8_t) byte;
            at += at[2] == ' ' ? 3 : 2;
        }
    }
    fclose (file);
    return size;
}

void
assert_example (const char *title, const uint8_t *bytes, size_t size)
{
    uint8_t expected[1024];
    size_t expected_size = s_example (title, expected);
    cr_assert_gt (expected_size, 0, "%s has no bytes", title);
    for (size_t i = 0; i < size && i < expected_size; i++)
        cr_assert_eq (bytes[i], expected[i], "%s: byte %zu is %02x, not %02x",
                      title, i, bytes[i], expected[i]);
    cr_assert_eq (size, expected_size);
}
