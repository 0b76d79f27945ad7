//  A node: events in, actions out. It never waits, sends, writes, reads a
//  clock or draws randomness; the same state and event always give the same
//  actions. Source: lib/doc/design.md, sections 2 and 3.

#ifndef ZSEQ_NODE_H_INCLUDED
#define ZSEQ_NODE_H_INCLUDED

#include "zseq_msg.h"
#include "zseq_table.h"

//  Where a reply goes: a ROUTER's routing ID. Opaque to the core.
#define ZSEQ_ROUTE_MAX 15
typedef struct {
    uint8_t size;
    uint8_t id[ZSEQ_ROUTE_MAX];
} zseq_route_t;

typedef enum {
    ZSEQ_EVENT_REQUEST,      //  msg came from route
    ZSEQ_EVENT_PEER_REPLY,   //  msg came from peer
    ZSEQ_EVENT_FLUSH,        //  All that waited has been taken in
    ZSEQ_EVENT_TICK,         //  Time has passed
    ZSEQ_EVENT_PERSISTED,    //  entry is durable up to limit, and journaled
    ZSEQ_EVENT_NOT_PERSISTED, //  entry could not be written: status says why
    ZSEQ_EVENT_RECORD_PERSISTED, //  The node's record of that version is
    ZSEQ_EVENT_STOP              //  Accept nothing more
} zseq_event_type_t;

typedef struct {
    zseq_event_type_t type;
    uint64_t now_us;
    zseq_route_t route;
    const zseq_msg_t *msg;
    uint8_t peer;
    zseq_entry_t *entry;
    uint64_t limit;
    int status;
    uint64_t version; //  As the action had it
} zseq_event_t;

typedef enum {
    ZSEQ_ACTION_REPLY,   //  Send msg to route
    ZSEQ_ACTION_ASK,     //  Send msg to peer; a loss is made good by a later one
    ZSEQ_ACTION_PERSIST, //  Write entry's limit, then journal its name if need
                         //  be, then tell PERSISTED or NOT_PERSISTED
    ZSEQ_ACTION_PERSIST_RECORD, //  Write record, then tell RECORD_PERSISTED
    ZSEQ_ACTION_LOG,            //  Tell the operator text
    ZSEQ_ACTION_EXIT            //  Tell the operator text and end with status
} zseq_action_type_t;

typedef struct {
    zseq_action_type_t type;
    zseq_route_t route;
    uint8_t peer;
    zseq_msg_t msg;
    zseq_entry_t *entry;
    uint64_t limit;
    zseq_record_t record;
    uint64_t version;
    int status;
    char text[512];
} zseq_action_t;

//  Takes one action; called during a step, in order. The action and what it
//  points at are valid only during the call. It must not step the node.
typedef void (zseq_action_fn) (const zseq_action_t *action, void *arg);

typedef struct {
    size_t names_max;   //  Names that the node holds at most
    size_t waiting_max; //  Requests that may wait for the disk at once
} zseq_node_limits_t;

typedef struct zseq_node zseq_node_t;

//  A node with that record, which is copied. act is called with arg.
zseq_node_t *zseq_node_new (const zseq_record_t *record,
                            const zseq_node_limits_t *limits,
                            zseq_action_fn *act, void *arg);
void zseq_node_destroy (zseq_node_t **self_p);

//  A record that was found on disk, intact, before the first step: next
//  becomes limit. Errors: ZSEQ_EFULL, ZSEQ_ENOMEM.
int zseq_node_load (zseq_node_t *self, const char *name, size_t size,
                    uint64_t limit, bool journaled);

//  One step.
void zseq_node_step (zseq_node_t *self, const zseq_event_t *event);

//  Whether no request waits and no write is in flight: after STOP, the node
//  may end.
bool zseq_node_idle (const zseq_node_t *self);

zseq_state_t zseq_node_state (const zseq_node_t *self);

#endif
