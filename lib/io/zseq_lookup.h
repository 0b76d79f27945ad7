//  Asks for the address of an endpoint whose host is a name, in a thread of its
//  own: a name server that does not answer delays nobody else.

#ifndef ZSEQ_LOOKUP_H_INCLUDED
#define ZSEQ_LOOKUP_H_INCLUDED

#include "zseq_address.h"

typedef struct zseq_lookup zseq_lookup_t;

//  NULL: no memory, no descriptor, or no thread.
zseq_lookup_t *zseq_lookup_new (const char *endpoint);

//  Does not wait for the thread, which ends later.
void zseq_lookup_destroy (zseq_lookup_t **self_p);

//  A descriptor that polls readable when the lookup is done.
int zseq_lookup_fd (const zseq_lookup_t *self);

//  Errors: ZSEQ_EAGAIN (not done), ZSEQ_EIO (the name has no IPv4 address).
int zseq_lookup_take (zseq_lookup_t *self, zseq_address_t *address_p);

#endif
