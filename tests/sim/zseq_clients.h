//  Clients of a simulated cluster. They draw IDs, by claims of their own and
//  through coordinators, and peek and raise, all with the code of the library.
//  Several requests may share a claim. Clients look at their clocks late, crash
//  and give up. Each result is checked at once.

#ifndef ZSEQ_CLIENTS_H_INCLUDED
#define ZSEQ_CLIENTS_H_INCLUDED

#include "zseq_checker.h"
#include "zseq_batcher.h"
#include "zseq_peek.h"
#include "zseq_sim_cluster.h"

#define ZSEQ_CLIENTS_MAX 8  //  The cluster's other clients are for scenarios

typedef enum {
    ZSEQ_CALL_NONE,
    ZSEQ_CALL_CLAIM,
    ZSEQ_CALL_PEEK,
    ZSEQ_CALL_RAISE
} zseq_call_t;

#define ZSEQ_CLIENTS_REQUESTS 4  //  Requests of one client at a time

typedef struct zseq_clients zseq_clients_t;

//  A request for IDs.
typedef struct {
    zseq_request_t request;
    struct zseq_caller *caller;
    bool pending;
    size_t name;
    uint64_t reached;  //  What had been reached when it began
} zseq_sim_request_t;

typedef struct zseq_caller {
    zseq_clients_t *clients;
    zseq_call_t call;
    size_t name;
    uint64_t reached;      //  What had been reached when it began
    uint64_t value;        //  Of a raise
    uint64_t deadline_us;  //  Of the requests of a claim
    zseq_quorum_t quorum;
    zseq_batcher_t *batcher;
    zseq_request_queue_t *queue[ZSEQ_SIM_NAMES];
    zseq_sim_request_t sim_request[ZSEQ_CLIENTS_REQUESTS];
    zseq_peek_t peek;
} zseq_caller_t;

//  How clients behave.
typedef struct {
    size_t clients;
    size_t names;
    uint64_t calls_max;         //  Then no call begins any more
    uint64_t pause_us;          //  Between a client's calls, at most
    uint64_t late_us;           //  How late they look at their clocks, at most
    uint64_t operation_min_us;  //  A call lasts for this time at least ...
    uint64_t operation_us;      //  ... and for so much longer, at most
    uint64_t rtt_us;            //  What they take for a round trip, at most
    bool large_quorums;         //  Some clients use larger quorums
    uint64_t alone;             //  How many of a hundred clients never
                                //  delegate
    bool ends;                  //  Some raise sequences to near the last ID
} zseq_manners_t;

struct zseq_clients {
    zseq_sim_cluster_t *cluster;
    uint8_t n;
    zseq_manners_t manners;
    zseq_caller_t caller[ZSEQ_CLIENTS_MAX];
    zseq_checker_t checker[ZSEQ_SIM_NAMES];
    uint64_t highest;    //  The highest ID asked for or peeked
    uint64_t request;    //  The last request's ID
    uint64_t calls;      //  Calls begun
    uint64_t won;        //  ... that succeeded
    uint64_t lost;       //  ... that failed
    uint64_t claims;     //  Requests for IDs that succeeded
    uint64_t delegated;  //  NEXT messages sent
};

void zseq_clients_init (zseq_clients_t *self, zseq_sim_cluster_t *cluster,
                        uint8_t n);
void zseq_clients_term (zseq_clients_t *self);

//  All clients begin to call. The alarm of a client is its index.
void zseq_clients_begin (zseq_clients_t *self, const zseq_manners_t *manners);
void zseq_clients_alarm (zseq_clients_t *self, size_t client);
void zseq_clients_reply (zseq_clients_t *self, size_t client,
                         const zseq_msg_t *msg);

//  A client loses all state, and begins anew.
void zseq_clients_crash (zseq_clients_t *self, size_t client);

//  Returns whether no call is in progress and none will begin.
bool zseq_clients_idle (const zseq_clients_t *self);

//  Returns a number that is above all IDs asked for.
uint64_t zseq_clients_highest (const zseq_clients_t *self);

//  Reports to the checker that a call of any client has returned.
void zseq_clients_won_claim (zseq_clients_t *self, size_t client, size_t name,
                             uint64_t reached, uint64_t first, uint64_t count);
void zseq_clients_won_peek (zseq_clients_t *self, size_t client, size_t name,
                            uint64_t reached, uint64_t value);

#endif
