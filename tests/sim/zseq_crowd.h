//  Clients of a simulated cluster: they claim, peek and raise by the shipped
//  code, let further wishes join a claim before it is sent, are late, crash and
//  give up. What they are told is judged at once.

#ifndef ZSEQ_CROWD_H_INCLUDED
#define ZSEQ_CROWD_H_INCLUDED

#include "zseq_claim.h"
#include "zseq_judge.h"
#include "zseq_peek.h"
#include "zseq_storm.h"

#define ZSEQ_CROWD_CLIENTS 8  //  At most; the storm's others are for guides

typedef enum {
    ZSEQ_CALL_NONE,
    ZSEQ_CALL_CLAIM,
    ZSEQ_CALL_PEEK,
    ZSEQ_CALL_RAISE
} zseq_call_t;

typedef struct {
    zseq_call_t call;
    size_t name;
    uint64_t reached;  //  What had been reached when it began, or was joined
    uint64_t value;    //  Of a raise
    zseq_quorum_t quorum;
    zseq_claim_t claim;
    zseq_peek_t peek;
    zseq_known_t known[ZSEQ_STORM_NAMES];
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
    bool ends;                  //  Some raise sequences to where IDs end
} zseq_manners_t;

typedef struct {
    zseq_storm_t *storm;
    uint8_t n;
    zseq_manners_t manners;
    zseq_caller_t caller[ZSEQ_CROWD_CLIENTS];
    zseq_judge_t judge[ZSEQ_STORM_NAMES];
    uint64_t highest;  //  Nothing that was asked for or peeked is above
    uint64_t request;  //  The last request's ID
    uint64_t calls;    //  Begun
    uint64_t won;      //  Ended well
    uint64_t lost;     //  Ended with an error
    uint64_t claims;   //  ... of those that ended well
} zseq_crowd_t;

void zseq_crowd_init (zseq_crowd_t *self, zseq_storm_t *storm, uint8_t n);
void zseq_crowd_term (zseq_crowd_t *self);

//  All begin to call. Their alarms are numbered as they are.
void zseq_crowd_begin (zseq_crowd_t *self, const zseq_manners_t *manners);
void zseq_crowd_alarm (zseq_crowd_t *self, size_t client);
void zseq_crowd_reply (zseq_crowd_t *self, size_t client,
                       const zseq_msg_t *msg);

//  A client forgets all, and begins anew.
void zseq_crowd_crash (zseq_crowd_t *self, size_t client);

//  Whether no call is under way and no other will begin.
bool zseq_crowd_idle (const zseq_crowd_t *self);

//  As the judge: a call of anybody's has returned.
void zseq_crowd_won_claim (zseq_crowd_t *self, size_t client, size_t name,
                           uint64_t reached, uint64_t first, uint64_t count);
void zseq_crowd_won_peek (zseq_crowd_t *self, size_t client, size_t name,
                          uint64_t reached, uint64_t value);

#endif
