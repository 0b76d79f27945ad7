//  Standard output, checked: an ID that was not written must not pass as given.

#include "zseq_cli_output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
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

int
zseq_cli_print_json (json_t *json)
{
    if (!json) {
        fprintf (stderr, "zseq: %s\n", zseq_strerror (ZSEQ_ENOMEM));
        return ZSEQ_CLI_FAILED;
    }
    int result = ZSEQ_CLI_DONE;
    if (json_dumpf (json, stdout, JSON_INDENT (2)) < 0 || puts ("") < 0)
        result = zseq_cli_unwritable ();
    json_decref (json);
    return result;
}
