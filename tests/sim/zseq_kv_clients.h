//  Clients of the key-value store of a simulated cluster. They get, put, delete
//  and compare and set, list and watch, with the code of the library, give an
//  op to several coordinators, and give up. The history of what they were told
//  is judged at the end.

#ifndef ZSEQ_KV_CLIENTS_H_INCLUDED
#define ZSEQ_KV_CLIENTS_H_INCLUDED

#include "zseq_kv_call.h"
#include "zseq_kv_history.h"
#include "zseq_kv_list.h"
#include "zseq_sim_cluster.h"

#define ZSEQ_KV_CLIENTS_MAX 6
#define ZSEQ_KV_CLIENTS_FIRST 64  //  The number of the first, in the cluster
#define ZSEQ_KV_CLIENTS_KEYS 3

typedef struct {
    size_t clients;         //  0: none
    size_t keys;            //  1 to ZSEQ_KV_CLIENTS_KEYS
    uint32_t unlisted;      //  Clients that list no keys: a bit each
    uint64_t calls_max;     //  Then no call begins any more
    uint64_t pause_us;      //  Between a client's calls, at most
    uint64_t operation_us;  //  A call lasts so long, at most
    uint64_t least_us;      //  ... and at least
    uint64_t late_us;       //  How late they look at their clocks, at most
    uint64_t rtt_us;        //  What they take for a round trip, at most
    uint64_t watch_us;  //  A watch lasts about so long, at most; 0: none begins
    uint64_t news_us;  //  A watch has a newer version that somebody was told of
                       //  within so long, unless a node that held the watch has
                       //  ended; 0: this is not checked
} zseq_kv_manners_t;

//  A listing of keys, page by page.
typedef struct {
    bool page;             //  The present call is a page
    bool more;             //  The next call is
    size_t prefix;         //  The only key that is listed; KEYS: all are
    size_t after;          //  The first key of the page
    uint64_t count;        //  Keys of a node's page, at most
    uint32_t disputed;     //  Keys to get next: a bit each
    zseq_kv_list_t *list;  //  NULL: none was begun
} zseq_kv_lister_t;

typedef struct {
    bool busy;
    uint32_t handle;  //  In the history; another one after a crash
    zseq_kv_nodes_t nodes;
    zseq_kv_call_t call;
    zseq_kv_lister_t lister;
    uint64_t news_us;      //  When somebody was told of a version that is newer
                           //  than its watch knows; 0: nobody was
    uint64_t processes;    //  Of all nodes, when the call began
    zseq_node_set_t sent;  //  Nodes that the message has reached
    zseq_node_set_t unsent;  //  ... and those that a READ has not reached
    zseq_msg_t msg;          //  ... and the message
    uint64_t begun_us;
    uint64_t deadline_us;
    uint64_t wake_us;   //  When to tick next at the latest
    uint64_t alarm_us;  //  When the alarm rings that was set last
    size_t key;
    zseq_kv_history_kind_t kind;
    uint64_t value;
    //  What the client has seen of each key.
    uint64_t version[ZSEQ_KV_CLIENTS_KEYS];
    uint64_t since[ZSEQ_KV_CLIENTS_KEYS];
} zseq_kv_caller_t;

typedef struct {
    zseq_sim_cluster_t *cluster;
    uint8_t n;
    uint32_t alarm;  //  The first client's
    zseq_kv_manners_t manners;
    zseq_kv_caller_t caller[ZSEQ_KV_CLIENTS_MAX];
    zseq_kv_history_t *history;
    uint64_t request;  //  The last request's ID
    uint64_t value;    //  The last that was written
    uint32_t handles;
    uint64_t calls;    //  Begun
    uint64_t done;     //  ... that had an answer
    uint64_t unknown;  //  ... writes whose outcome is unknown
    uint64_t failed;   //  ... that failed
    uint64_t pages;    //  ... that were pages of listings
    uint64_t watches;  //  ... that were watches
    uint64_t quiet;    //  ... that ended without news
} zseq_kv_clients_t;

//  The alarm of a client is its index, counted from alarm.
void zseq_kv_clients_init (zseq_kv_clients_t *self, zseq_sim_cluster_t *cluster,
                           uint8_t n, uint32_t alarm);
void zseq_kv_clients_term (zseq_kv_clients_t *self);

//  All clients begin to call.
void zseq_kv_clients_begin (zseq_kv_clients_t *self,
                            const zseq_kv_manners_t *manners);
void zseq_kv_clients_alarm (zseq_kv_clients_t *self, size_t client);
void zseq_kv_clients_reply (zseq_kv_clients_t *self, size_t client,
                            const zseq_msg_t *msg);

//  A client loses all state, and begins anew: what it asked for is unknown.
void zseq_kv_clients_crash (zseq_kv_clients_t *self, size_t client);

//  Whether no call is in progress and none will begin.
bool zseq_kv_clients_idle (const zseq_kv_clients_t *self);

//  Judges the history. Reports to the cluster if it breaks a promise.
void zseq_kv_clients_judge (zseq_kv_clients_t *self);

#endif
