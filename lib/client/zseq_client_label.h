//  What a client calls itself, for the people who run the nodes.

#ifndef ZSEQ_CLIENT_LABEL_H_INCLUDED
#define ZSEQ_CLIENT_LABEL_H_INCLUDED

#include <stdbool.h>

#include "zseq.h"

//  Whether a URI may give that label: 1 to ZSEQ_LABEL_MAX ASCII letters, digits
//  and characters of -_.:@/+[].
bool zseq_client_label_valid (const char *text);

//  Writes the label of a client whose URI gives none: program[pid]@host. What
//  is too long is cut, and other characters become _.
void zseq_client_label_default (char label[ZSEQ_LABEL_MAX + 1]);

#endif
