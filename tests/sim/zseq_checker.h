//  What clients may see of a sequence, whatever happens to the nodes: no ID
//  comes twice (P1), and no ID lies below one that was handed out, peeked or
//  raised to before the call began (P2). So no ID is lost.

#ifndef ZSEQ_CHECKER_H_INCLUDED
#define ZSEQ_CHECKER_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t first;
    uint64_t count;
} zseq_grant_t;

typedef struct {
    zseq_grant_t *grant;  //  Ascending
    size_t grant_count;
    size_t grant_capacity;
    uint64_t reached;  //  No claim that begins now gets an ID below
    uint64_t calls;
} zseq_checker_t;

void zseq_checker_init (zseq_checker_t *self);
void zseq_checker_term (zseq_checker_t *self);

//  A call has returned that began when reached was as given. Returns NULL, or
//  the promise that is broken.
const char *zseq_checker_claim (zseq_checker_t *self, uint64_t reached,
                                uint64_t first, uint64_t count);
const char *zseq_checker_peek (zseq_checker_t *self, uint64_t reached,
                               uint64_t value);
void zseq_checker_raise (zseq_checker_t *self, uint64_t value);

#endif
