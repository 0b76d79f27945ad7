//  Standard output, checked: an ID that was not written must not pass as given.

#include "zseq_cli_output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_cli_job.h"
#include "zseq_cli_texts.h"

//  A closed pipe needs no words: the reader has seen enough. An interrupted
//  write is the end of a stream.
int
zseq_cli_unwritable (void)
{
    if (errno == EINTR && zseq_cli_stopped)
        return ZSEQ_CLI_DONE;
    if (errno != EPIPE)
        fprintf (stderr, ZSEQ_TEXT_CLI_UNWRITABLE, strerror (errno),
                 zseq_cli_took ? ZSEQ_TEXT_CLI_BURNT : "");
    return ZSEQ_CLI_MISUSED;
}

int
zseq_cli_flush (void)
{
    return fflush (stdout) == 0 ? ZSEQ_CLI_DONE : zseq_cli_unwritable ();
}

int
zseq_cli_print_table (const char *cells, size_t cell_size, size_t rows,
                      size_t columns)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++) {
            int width = 0;
            for (size_t other = 0; other < rows; other++) {
                const char *cell =
                  cells + (other * columns + column) * cell_size;
                int size = (int) strlen (cell);
                if (width < size)
                    width = size;
            }
            bool last = column + 1 == columns;
            if (printf ("%-*s%s", last ? 0 : width,
                        cells + (row * columns + column) * cell_size,
                        last ? "\n" : "  ") < 0)
                return zseq_cli_unwritable ();
        }
    return ZSEQ_CLI_DONE;
}

json_t *
zseq_cli_json_number (uint64_t number)
{
    char text[24];
    (void) snprintf (text, sizeof text, "%" PRIu64, number);
    return json_string (text);
}

//  Encodes bytes by RFC 4648. NULL: no memory; else the caller frees it.
static char *
s_base64 (const char *data, size_t size)
{
    static const char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc ((size + 2) / 3 * 4 + 1);
    if (!text)
        return NULL;
    char *out = text;
    for (size_t index = 0; index < size; index += 3) {
        size_t left = size - index;
        uint32_t bits = (uint32_t) (unsigned char) data[index] << 16;
        if (left > 1)
            bits |= (uint32_t) (unsigned char) data[index + 1] << 8;
        if (left > 2)
            bits |= (unsigned char) data[index + 2];
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[bits & 63] : '=';
    }
    *out = '\0';
    return text;
}

void
zseq_cli_json_bytes (json_t *json, const char *name, const char *data,
                     size_t size)
{
    json_t *text = json_stringn (data, size);
    if (text) {
        json_object_set_new (json, name, text);
        return;
    }
    char other[32];
    (void) snprintf (other, sizeof other, "%s_base64", name);
    char *encoded = s_base64 (data, size);
    if (encoded)
        json_object_set_new (json, other, json_string (encoded));
    free (encoded);
}

//  flags: Jansson's.
static int
s_print_json (json_t *json, size_t flags, const char *end)
{
    if (!json) {
        fprintf (stderr, "zseq: %s\n", zseq_strerror (ZSEQ_ENOMEM));
        return ZSEQ_CLI_FAILED;
    }
    int result = ZSEQ_CLI_DONE;
    //  A terminal shows no character that hides or turns the text.
    flags |= JSON_ENSURE_ASCII;
    if (json_dumpf (json, stdout, flags) < 0 || fputs (end, stdout) < 0)
        result = zseq_cli_unwritable ();
    json_decref (json);
    return result;
}

int
zseq_cli_print_json (json_t *json)
{
    return s_print_json (json, JSON_INDENT (2), "\n");
}

int
zseq_cli_print_json_line (json_t *json, const char *end)
{
    return s_print_json (json, 0, end);
}
