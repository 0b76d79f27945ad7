//  Counts connections by the network that they come from: an IPv4 address, or
//  the 64 bits of an IPv6 address that its provider gives to one site, which
//  chooses the other 64 itself. The time of a call does not depend on how many
//  there are: a hash with a key that nobody knows spreads the networks, also if
//  somebody chooses them.

#ifndef ZSEQ_SOURCES_H_INCLUDED
#define ZSEQ_SOURCES_H_INCLUDED

#include <sodium.h>
#include <stddef.h>
#include <sys/queue.h>

#include "zseq_address.h"

typedef struct zseq_source {
    size_t count;  //  Of its connections
    uint8_t network[ZSEQ_NETWORK_SIZE];
    LIST_ENTRY (zseq_source) same_bucket;
} zseq_source_t;

LIST_HEAD (zseq_source_bucket, zseq_source);

typedef struct {
    struct zseq_source_bucket *bucket;  //  NULL: none are allocated
    size_t buckets;                     //  A power of two
    uint8_t key[crypto_shorthash_KEYBYTES];
} zseq_sources_t;

//  For that many connections, or more. False: no memory.
bool zseq_sources_init (zseq_sources_t *self, size_t connections);

//  Frees it; all connections have left.
void zseq_sources_term (zseq_sources_t *self);

//  Counts one more connection of the address's network. Its count is then at
//  least 1. NULL: no memory.
zseq_source_t *zseq_sources_enter (zseq_sources_t *self,
                                   const zseq_address_t *address);

//  Counts one less. The last one frees the source.
void zseq_sources_leave (zseq_source_t *source);

#endif
