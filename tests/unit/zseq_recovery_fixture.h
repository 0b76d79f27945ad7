//  What the tests of recovery share: a simulated cluster, which of its nodes
//  reach each other, and clients that claim by hand.

#ifndef ZSEQ_RECOVERY_FIXTURE_H_INCLUDED
#define ZSEQ_RECOVERY_FIXTURE_H_INCLUDED

#include "zseq_claim.h"
#include "zseq_testbed.h"

//  A client with a request, mostly a claim of [1, 11), that the test sends to
//  one node after the other.
typedef struct {
    zseq_claim_t claim;
    zseq_msg_t msg;
    char name[48];
    size_t answered;  //  Nodes that replied
    int status;       //  Status of the last reply
    uint64_t next;    //  next of the last reply
} fixture_client_t;

//  The simulated cluster, and how many nodes it has.
extern zseq_testbed_t *fixture_world;
extern uint8_t fixture_n;

//  Whether COPY gets through.
extern bool fixture_copy;

//  Connects a and b, or disconnects them.
void fixture_set (uint8_t a, uint8_t b, bool open);

//  The same for HELLO only.
void fixture_set_hello (uint8_t a, uint8_t b, bool open);

//  Stops all messages between nodes but HELLO.
void fixture_close_all (void);

//  Lets all messages through.
void fixture_open_all (void);

//  Makes a cluster of n nodes that has formed. It has no clients.
void fixture_setup (size_t n);

//  Forgets all clients. There is room for 512.
void fixture_forget_clients (void);

//  Runs count rounds.
void fixture_rounds (size_t count);

//  Makes a client with a request of that op for name.
fixture_client_t *fixture_client (zseq_op_t op, const char *name);

//  Makes a client with a claim.
fixture_client_t *fixture_claim (const char *name, uint64_t first,
                                 uint64_t count);

//  Sends the client's request to a node, and runs a round.
void fixture_send (fixture_client_t *self, uint8_t node);

//  Returns whether a quorum has accepted the client's claim.
bool fixture_won (const fixture_client_t *self);

//  Returns the next of name that a node answers to READ.
uint64_t fixture_read (const char *name, uint8_t node);

//  Destroys a node's disk and starts the node.
void fixture_lose (uint8_t node);

//  Returns the counter of of's incarnation that node at knows.
uint64_t fixture_incarnation (uint8_t of, uint8_t at);

//  Claims [1, 11) of name at every node except without (fixture_n: none).
void fixture_fill (const char *name, uint8_t without);

#endif
