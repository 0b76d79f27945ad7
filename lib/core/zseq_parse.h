//  Pieces of what people write: parts between separators, decimal numbers.

#ifndef ZSEQ_PARSE_H_INCLUDED
#define ZSEQ_PARSE_H_INCLUDED

#include <stddef.h>

//  Copies the part of text before the first of the characters in ends to
//  part, a buffer of size bytes, and terminates it. Returns where the part
//  ends in text, or NULL if it does not fit.
const char *zseq_parse_part (const char *text, const char *ends, char *part,
                             size_t size);

//  A decimal number from min (0 at least) to max and nothing else, or -1.
int zseq_parse_number (const char *text, int min, int max);

#endif
