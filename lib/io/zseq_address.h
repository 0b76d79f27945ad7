//  Endpoints as the system's addresses.

#ifndef ZSEQ_ADDRESS_H_INCLUDED
#define ZSEQ_ADDRESS_H_INCLUDED

#include <stdbool.h>
#include <sys/socket.h>

typedef struct {
    struct sockaddr_storage any;
    socklen_t size;
} zseq_address_t;

//  Reads an endpoint to bind, or one to connect to. An endpoint to bind may
//  also have the host *, the name of an interface, and the port *. Errors:
//  ZSEQ_EINVAL (malformed), ZSEQ_EAGAIN (its host is a name, which only a name
//  server may know).
int zseq_address_parse (zseq_address_t *self, const char *endpoint, bool binds);

//  Reads the endpoint, whose host is a name, after asking for its IPv4 address.
//  May wait for a name server. Errors: ZSEQ_EINVAL, ZSEQ_EIO (no address).
int zseq_address_resolve (zseq_address_t *self, const char *endpoint);

//  Whether it is of this host alone: loopback, or a path.
bool zseq_address_local (const zseq_address_t *self);

#endif
