//  What people write: member lists, endpoints, URIs.

#ifndef ZSEQ_CONFIG_H_INCLUDED
#define ZSEQ_CONFIG_H_INCLUDED

#include "zseq_flake.h"
#include "zseq_record.h"

//  Functions that fail have called zseq_detail_fail.

//  Whether text is an endpoint that can be connected to: tcp://HOST:PORT with
//  a port in 1..65535, or ipc://PATH.
bool zseq_config_endpoint_valid (const char *text);

//  Whether an endpoint is out of other machines' reach: ipc, or tcp on a
//  loopback address.
bool zseq_config_endpoint_local (const char *text);

//  Reads "a=tcp://...,b=tcp://..." into members, which has room for
//  ZSEQ_NODES_MAX. Errors: ZSEQ_EINVAL.
int zseq_config_members (const char *text, zseq_member_t *members,
                         size_t *count_p);

#define ZSEQ_PATH_SIZE 1024  //  Bytes of a directory's path, and the NUL

//  Where IDs come from.
typedef enum {
    ZSEQ_SCHEME_CLUSTER,  //  Nodes at endpoints
    ZSEQ_SCHEME_FILE,     //  A node of our own, in path
    ZSEQ_SCHEME_MEM,      //  Memory
    ZSEQ_SCHEME_FLAKE     //  The clock and worker
} zseq_scheme_t;

typedef struct {
    zseq_scheme_t scheme;
    bool flake;  //  IDs are flake IDs, in milliseconds claimed by scheme; or it
                 //  is ZSEQ_SCHEME_FLAKE
    char path[ZSEQ_PATH_SIZE];
    bool unsafe;  //  It may be on any file system
    uint32_t worker;
    zseq_flake_layout_t layout;
    char endpoint[ZSEQ_NODES_MAX][ZSEQ_ENDPOINT_MAX + 1];
    size_t endpoints;
    char cluster[ZSEQ_LABEL_MAX + 1];  //  Empty: any
    int r;                             //  0: the smallest that is safe
    int w;
    int timeout_ms;
} zseq_uri_t;

//  Reads a client's URI, as zseq_client_new describes it. Errors: ZSEQ_EURI.
int zseq_config_uri (const char *text, zseq_uri_t *uri);

#endif
