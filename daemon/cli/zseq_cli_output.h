//  What commands print on stdout. All return the exit code.

#ifndef ZSEQ_CLI_OUTPUT_H_INCLUDED
#define ZSEQ_CLI_OUTPUT_H_INCLUDED

#include <stdint.h>

#include <jansson.h>

//  Says on stderr that stdout cannot be written, and why (errno).
int zseq_cli_unwritable (void);

//  Sees to it that all that was printed is written.
int zseq_cli_flush (void);

//  Prints a table of texts in columns: cells of that size, row by row.
int zseq_cli_print_table (const char *cells, size_t cell_size, size_t rows,
                          size_t columns);

//  A number of 64 bits, as a string, since many readers keep 53 bits.
json_t *zseq_cli_json_number (uint64_t number);

//  Sets a member to bytes as text; or, if they are no UTF-8, another one in
//  Base64, whose name ends in _base64.
void zseq_cli_json_bytes (json_t *json, const char *name, const char *data,
                          size_t size);

//  Prints and frees it. NULL: there was no memory for it.
int zseq_cli_print_json (json_t *json);

//  The same without spaces and newlines, and then end.
int zseq_cli_print_json_line (json_t *json, const char *end);

#endif
