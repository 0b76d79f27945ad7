//  Host names in endpoints that a node binds. libzmq resolves the name of an
//  endpoint each time that it connects, and binds addresses and interfaces
//  only.

#ifndef ZSEQ_RESOLVER_H_INCLUDED
#define ZSEQ_RESOLVER_H_INCLUDED

#include "zseq.h"

#define ZSEQ_RESOLVER_WHY_MAX 768  //  Bytes of why a name is refused, and NUL

//  Sets bound to what to bind for endpoint: an address of this machine to which
//  its host's name resolves, if possible one that other machines reach; or
//  endpoint itself, if its host is an address, an interface or a wildcard.
//  IPv4 only, as for names to which libzmq connects. May wait for a name
//  server. Errors: ZSEQ_EIO, and why says what the name resolves to, or that
//  endpoint is too long.
int zseq_resolver_bindable (const char *endpoint,
                            char bound[ZSEQ_ENDPOINT_MAX + 1],
                            char why[ZSEQ_RESOLVER_WHY_MAX]);

#endif
