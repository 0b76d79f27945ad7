//  The members of a cluster: their names and endpoints, as people write them.

#ifndef ZSEQ_MEMBERS_H_INCLUDED
#define ZSEQ_MEMBERS_H_INCLUDED

#include "zseq.h"

typedef struct {
    char name[ZSEQ_LABEL_MAX + 1];
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];
} zseq_member_t;

//  Whether text is a name for a node or a cluster: 1 to ZSEQ_LABEL_MAX of
//  letters, digits, '-', '_' and '.', beginning with a letter or digit.
bool zseq_label_valid (const char *text);

//  Whether text is an endpoint that can be connected to: tcp://HOST:PORT with
//  a port in 1..65535, or ipc://PATH.
bool zseq_endpoint_valid (const char *text);

//  Whether an endpoint is out of other machines' reach: ipc, or tcp on a
//  loopback address.
bool zseq_endpoint_local (const char *text);

#define ZSEQ_MEMBERS_WHY_MAX 1024  //  Bytes of why a list is refused, and NUL

//  Reads "a=tcp://...,b=tcp://..." into members, which has room for
//  ZSEQ_NODES_MAX. Errors: ZSEQ_EINVAL, and why says which member is wrong.
int zseq_members_parse (const char *text, zseq_member_t *members,
                        size_t *count_p, char why[ZSEQ_MEMBERS_WHY_MAX]);

#endif
