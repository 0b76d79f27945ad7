//  The members of a cluster: their names and endpoints, as people write them,
//  and which of them are a quorum.

#ifndef ZSEQ_MEMBERS_H_INCLUDED
#define ZSEQ_MEMBERS_H_INCLUDED

#include "zseq_quorum.h"

typedef struct {
    char name[ZSEQ_LABEL_MAX + 1];
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];
} zseq_member_t;

typedef struct {
    uint8_t n;
    zseq_member_t member[ZSEQ_NODES_MAX];  //  Ascending by name
    zseq_quorum_t quorum;                  //  Of all of them
} zseq_members_t;

//  Whether text is a name for a node or a cluster: 1 to ZSEQ_LABEL_MAX of
//  letters, digits, '-', '_' and '.', beginning with a letter or digit.
bool zseq_label_valid (const char *text);

//  Bytes of the path of an ipc endpoint: sockaddr_un holds it with its NUL.
#define ZSEQ_IPC_PATH_MAX 107

//  Whether text is an endpoint that can be connected to: tcp://HOST:PORT with
//  a port in 1..65535 and a HOST that is no wildcard (*, 0, 0.0.0.0, [::]), or
//  ipc://PATH with a PATH of at most ZSEQ_IPC_PATH_MAX bytes, and not *.
bool zseq_endpoint_valid (const char *text);

//  Whether other machines cannot reach an endpoint: ipc, or tcp on a loopback
//  address.
bool zseq_endpoint_local (const char *text);

//  Whether the host of an endpoint is a name, to be resolved, and no address,
//  wildcard or path.
bool zseq_endpoint_named (const char *text);

//  Sets self to the n members of list, in any order, with the smallest quorums
//  that are safe. Errors, self untouched: ZSEQ_EINVAL (a bad label, an empty
//  endpoint, or n not in 1..ZSEQ_NODES_MAX), ZSEQ_EDUPLICATE (a name or an
//  endpoint twice).
int zseq_members_init (zseq_members_t *self, const zseq_member_t *list,
                       size_t n);

//  The index of the member of that name; n: there is none.
uint8_t zseq_members_find (const zseq_members_t *self, const char *name);

#define ZSEQ_MEMBERS_WHY_MAX 1024  //  Bytes of why a list is refused, and NUL

//  Sets self to what "a=tcp://...,b=tcp://..." says, as _init does. Errors,
//  self untouched: ZSEQ_EINVAL, and why says which member is wrong.
int zseq_members_parse (zseq_members_t *self, const char *text,
                        char why[ZSEQ_MEMBERS_WHY_MAX]);

#endif
