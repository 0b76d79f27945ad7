//  Clients of a simulated cluster: they draw IDs, by claims of their own and by
//  asking coordinators, peek and raise by the shipped code, let further
//  requests join a claim before it is sent, are late, crash and give up. What
//  they are told is checked at once.

#ifndef ZSEQ_CLIENTS_H_INCLUDED
#define ZSEQ_CLIENTS_H_INCLUDED

#include "zseq_checker.h"
#include "zseq_batcher.h"
#include "zseq_peek.h"
#include "zseq_sim_cluster.h"

#define ZSEQ_CLIENTS_MAX 8  //  At most; the cluster's others are for scenarios

typedef enum {
    ZSEQ_CALL_NONE,
    ZSEQ_CALL_CLAIM,
    ZSEQ_CALL_PEEK,
    ZSEQ_CALL_RAISE
} zseq_call_t;

#define ZSEQ_CLIENTS_REQUESTS 4  //  That a client may have at once

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
    uint64_t deadline_us;  //  Of a claim's requests
    zseq_quorum_t quorum;
    zseq_batcher_t *batcher;
    zseq_request_queue_t *queue[ZSEQ_SIM_NAMES];
    zseq_sim_request_t sim_request[ZSEQ_CLIENTS_REQUESTS];
    zseq_peek_t peek;
} zseq_caller_t;

//  How they go about it.
typedef struct {
    size_t clients;
    size_t names;
    uint64_t calls_max;         //  No more are begun
    uint64_t pause_us;          //  Between a client's calls, at most
    uint64_t late_us;           //  They look at their clocks that late, at most
    uint64_t operation_min_us;  //  A call's deadline is after that ...
    uint64_t operation_us;      //  ... and by so much later, at most
    uint64_t rtt_us;            //  What they think a round trip takes, at most
    bool large_quorums;         //  Some ask for more than the majority
    uint64_t alone;             //  Of a hundred clients so many ask no
                                //  coordinators
    bool ends;                  //  Some raise sequences to where IDs end
} zseq_manners_t;

struct zseq_clients {
    zseq_sim_cluster_t *cluster;
    uint8_t n;
    zseq_manners_t manners;
    zseq_caller_t caller[ZSEQ_CLIENTS_MAX];
    zseq_checker_t checker[ZSEQ_SIM_NAMES];
    uint64_t highest;    //  Nothing that was asked for or peeked is above
    uint64_t request;    //  The last request's ID
    uint64_t calls;      //  Begun
    uint64_t won;        //  Ended well
    uint64_t lost;       //  Ended with an error
    uint64_t claims;     //  ... of those that ended well
    uint64_t delegated;  //  Coordinators asked
};

void zseq_clients_init (zseq_clients_t *self, zseq_sim_cluster_t *cluster,
                        uint8_t n);
void zseq_clients_term (zseq_clients_t *self);

//  All begin to call. Their alarms are numbered as they are.
void zseq_clients_begin (zseq_clients_t *self, const zseq_manners_t *manners);
void zseq_clients_alarm (zseq_clients_t *self, size_t client);
void zseq_clients_reply (zseq_clients_t *self, size_t client,
                         const zseq_msg_t *msg);

//  A client forgets all, and begins anew.
void zseq_clients_crash (zseq_clients_t *self, size_t client);

//  Whether no call is under way and no other will begin.
bool zseq_clients_idle (const zseq_clients_t *self);

//  No ID that was asked for is that high.
uint64_t zseq_clients_highest (const zseq_clients_t *self);

//  As the checker: a call of any client has returned.
void zseq_clients_won_claim (zseq_clients_t *self, size_t client, size_t name,
                             uint64_t reached, uint64_t first, uint64_t count);
void zseq_clients_won_peek (zseq_clients_t *self, size_t client, size_t name,
                            uint64_t reached, uint64_t value);

#endif
