//  What commands print on stdout. All return the exit code.

#ifndef ZSEQ_CLI_OUTPUT_H_INCLUDED
#define ZSEQ_CLI_OUTPUT_H_INCLUDED

#include <jansson.h>

//  Says on stderr that stdout cannot be written, and why (errno).
int zseq_cli_unwritable (void);

//  Sees to it that all that was printed is written.
int zseq_cli_flush (void);

//  Prints and frees it. NULL: there was no memory for it.
int zseq_cli_print_json (json_t *json);

#endif
