//  Clients of a simulated cluster: they draw IDs, by claims of their own and by
//  asking coordinators, peek and raise by the shipped code, let further wishes
//  join a claim before it is sent, are late, crash and give up. What they are
//  told is judged at once.

#ifndef ZSEQ_CROWD_H_INCLUDED
#define ZSEQ_CROWD_H_INCLUDED

#include "zseq_judge.h"
#include "zseq_lines.h"
#include "zseq_peek.h"
#include "zseq_storm.h"

#define ZSEQ_CROWD_CLIENTS 8  //  At most; the storm's others are for guides

typedef enum {
    ZSEQ_CALL_NONE,
    ZSEQ_CALL_CLAIM,
    ZSEQ_CALL_PEEK,
    ZSEQ_CALL_RAISE
} zseq_call_t;

#define ZSEQ_CROWD_WISHES 4  //  That a client may have at once

typedef struct zseq_crowd zseq_crowd_t;

//  A wish for IDs.
typedef struct {
    zseq_rider_t rider;
    struct zseq_caller *caller;
    bool pending;
    size_t name;
    uint64_t reached;  //  What had been reached when it began
} zseq_wish_t;

typedef struct zseq_caller {
    zseq_crowd_t *crowd;
    zseq_call_t call;
    size_t name;
    uint64_t reached;      //  What had been reached when it began
    uint64_t value;        //  Of a raise
    uint64_t deadline_us;  //  Of a claim's wishes
    zseq_quorum_t quorum;
    zseq_lines_t *lines;
    zseq_line_t *line[ZSEQ_STORM_NAMES];
    zseq_wish_t wish[ZSEQ_CROWD_WISHES];
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

struct zseq_crowd {
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
    uint64_t errands;  //  Coordinators asked
};

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

//  No ID that was asked for is that high.
uint64_t zseq_crowd_highest (const zseq_crowd_t *self);

//  As the judge: a call of anybody's has returned.
void zseq_crowd_won_claim (zseq_crowd_t *self, size_t client, size_t name,
                           uint64_t reached, uint64_t first, uint64_t count);
void zseq_crowd_won_peek (zseq_crowd_t *self, size_t client, size_t name,
                          uint64_t reached, uint64_t value);

#endif
