//  What the tests of recovery share: a cluster in a simulated world, who
//  reaches whom in it, and clients that claim by hand.

#ifndef ZSEQ_RECOVERY_FIXTURE_H_INCLUDED
#define ZSEQ_RECOVERY_FIXTURE_H_INCLUDED

#include "zseq_claim.h"
#include "zseq_testbed.h"

//  A claim of [1, 11), sent to one node after the other.
typedef struct {
    zseq_claim_t claim;
    zseq_msg_t msg;
    char name[48];
    size_t answered;  //  Nodes that replied
    int status;       //  The last one's status
    uint64_t next;    //  ... and next
} fixture_client_t;

//  The cluster, and how many nodes it has.
extern zseq_testbed_t *fixture_world;
extern uint8_t fixture_n;

//  Whether COPY gets through.
extern bool fixture_copy;

//  Lets a and b reach each other from now on, or not.
void fixture_set (uint8_t a, uint8_t b, bool open);

//  The same by HELLO.
void fixture_set_hello (uint8_t a, uint8_t b, bool open);

//  Nothing gets through but HELLO.
void fixture_close_all (void);

//  All gets through.
void fixture_open_all (void);

//  A cluster of n nodes that was born, and no clients.
void fixture_setup (size_t n);

//  Forgets all clients: there is room for 512.
void fixture_forget_clients (void);

//  That many rounds.
void fixture_rounds (size_t count);

//  A client with a request of that op for name.
fixture_client_t *fixture_client (zseq_op_t op, const char *name);

//  A client with a claim.
fixture_client_t *fixture_claim (const char *name, uint64_t first,
                                 uint64_t count);

//  Sends its request to a node, and waits for a round.
void fixture_send (fixture_client_t *self, uint8_t node);

//  Whether its claim has won.
bool fixture_won (const fixture_client_t *self);

//  What a node answers to READ.
uint64_t fixture_read (const char *name, uint8_t node);

//  A node loses its disk, and starts.
void fixture_lose (uint8_t node);

//  The incarnation of a node that another one knows.
uint64_t fixture_incarnation (uint8_t of, uint8_t at);

//  Claims [1, 11) of name at every node but without (fixture_n: none).
void fixture_fill (const char *name, uint8_t without);

#endif
