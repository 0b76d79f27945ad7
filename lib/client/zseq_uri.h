//  A client's URI: where its IDs come from.

#ifndef ZSEQ_URI_H_INCLUDED
#define ZSEQ_URI_H_INCLUDED

#include "zseq_flake.h"
#include "zseq_members.h"
#include "zseq_transport.h"

#define ZSEQ_PATH_SIZE 1024  //  Bytes of a directory's path, and the NUL

//  Where IDs come from.
typedef enum {
    ZSEQ_SCHEME_CLUSTER,  //  Nodes at endpoints
    ZSEQ_SCHEME_FILE,     //  A local node, in path
    ZSEQ_SCHEME_MEM,      //  Memory
    ZSEQ_SCHEME_FLAKE     //  The clock and worker
} zseq_scheme_t;

typedef struct {
    zseq_scheme_t scheme;
    bool flake;  //  IDs are flake IDs: scheme claims their milliseconds, or is
                 //  ZSEQ_SCHEME_FLAKE
    char path[ZSEQ_PATH_SIZE];
    bool unsafe;  //  path may be on any file system
    uint32_t worker;
    zseq_flake_layout_t layout;
    char endpoint[ZSEQ_NODES_MAX][ZSEQ_ENDPOINT_MAX + 1];
    size_t endpoints;
    char cluster[ZSEQ_LABEL_MAX + 1];  //  Empty: any
    bool labelled;                     //  label is there, perhaps empty
    char label[ZSEQ_LABEL_MAX + 1];    //  What the client tells nodes; empty:
                                       //  nothing
    zseq_transport_kind_t transport;   //  NONE: as $ZSEQ_TRANSPORT says
    int r;                             //  0: the smallest that is safe
    int w;
    int timeout_ms;
} zseq_uri_t;

//  Reads a client's URI, as zseq_client_new describes it. Errors, with
//  zseq_detail set: ZSEQ_EURI.
int zseq_uri_parse (const char *text, zseq_uri_t *uri);

#endif
