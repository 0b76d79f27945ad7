//  In how much of the last second something was busy: the disk, while any
//  write is in flight. What is longer ago counts less and less.

#ifndef ZSEQ_BUSY_H_INCLUDED
#define ZSEQ_BUSY_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

//  Zeroed: it was idle so far.
typedef struct {
    uint64_t since_us;  //  busy_ns is as of then
    uint64_t busy_ns;   //  Of the second before
    bool busy;          //  Since then
} zseq_busy_t;

//  From now on it is busy, or idle. Time does not go back.
void zseq_busy_set (zseq_busy_t *self, bool busy, uint64_t now_us);

//  How much of the last second it was busy, about: 0..1000000.
uint64_t zseq_busy_us (const zseq_busy_t *self, uint64_t now_us);

#endif
