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

//  Prints and frees it. NULL: there was no memory for it.
int zseq_cli_print_json (json_t *json);

#endif
