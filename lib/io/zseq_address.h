//  Endpoints as the system's addresses.

#ifndef ZSEQ_ADDRESS_H_INCLUDED
#define ZSEQ_ADDRESS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ZSEQ_NETWORK_SIZE 9    //  Bytes of what zseq_address_network writes
#define ZSEQ_HOST_TEXT_MAX 63  //  Bytes of what zseq_address_host writes

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

//  Writes the network that an address of IPv4 or IPv6 belongs to: an address of
//  IPv4, also one that IPv6 holds; the first 64 bits of one of IPv6.
void zseq_address_network (const zseq_address_t *self,
                           uint8_t network[ZSEQ_NETWORK_SIZE]);

//  Writes who has the address, for people; also of an unset one.
void zseq_address_host (const zseq_address_t *self,
                        char text[ZSEQ_HOST_TEXT_MAX + 1]);

#endif
