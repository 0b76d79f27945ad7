#include "zseq_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "zseq_io_texts.h"
#include "zseq_members.h"
#include "zseq_parse.h"

//  Each kind of address, as the system has it.
static struct sockaddr_in *
s_v4 (zseq_address_t *self)
{
    return (struct sockaddr_in *) (void *) &self->any;
}

static struct sockaddr_in6 *
s_v6 (zseq_address_t *self)
{
    return (struct sockaddr_in6 *) (void *) &self->any;
}

//  Reads a path. As for libzmq, @ begins a name that is no path but abstract:
//  it has no file, and ends with the socket.
static int
s_parse_path (zseq_address_t *self, const char *path)
{
    struct sockaddr_un *address = (struct sockaddr_un *) (void *) &self->any;
    size_t size = strlen (path);
    if (!*path || !strcmp (path, "@") || size >= sizeof address->sun_path)
        return ZSEQ_EINVAL;
    address->sun_family = AF_UNIX;
    strcpy (address->sun_path, path);
    self->size = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + size);
    if (path[0] == '@')
        address->sun_path[0] = 0;
    else
        self->size++;
    return ZSEQ_OK;
}

//  Reads the host [ADDRESS], with the number or name of a zone, if it has one.
static int
s_parse_v6 (zseq_address_t *self, char *host)
{
    struct sockaddr_in6 *address = s_v6 (self);
    size_t size = strlen (host);
    if (host[size - 1] != ']')
        return ZSEQ_EINVAL;
    host[size - 1] = 0;
    char *zone = strchr (host, '%');
    if (zone) {
        *zone++ = 0;
        address->sin6_scope_id = if_nametoindex (zone);
        if (!address->sin6_scope_id)
            address->sin6_scope_id = (uint32_t) strtoul (zone, NULL, 10);
    }
    address->sin6_family = AF_INET6;
    self->size = sizeof *address;
    return inet_pton (AF_INET6, host + 1, &address->sin6_addr) == 1
             ? ZSEQ_OK
             : ZSEQ_EINVAL;
}

//  Takes the first IPv4 address of an interface.
static int
s_find_interface (zseq_address_t *self, const char *name)
{
    struct ifaddrs *list;
    if (getifaddrs (&list) != 0)
        return ZSEQ_EAGAIN;
    int rc = ZSEQ_EAGAIN;
    for (const struct ifaddrs *at = list; at && rc != ZSEQ_OK;
         at = at->ifa_next)
        if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET &&
            !strcmp (at->ifa_name, name)) {
            memcpy (&self->any, at->ifa_addr, sizeof (struct sockaddr_in));
            rc = ZSEQ_OK;
        }
    freeifaddrs (list);
    return rc;
}

static int
s_parse_host (zseq_address_t *self, char *host, bool binds)
{
    if (host[0] == '[')
        return s_parse_v6 (self, host);
    struct sockaddr_in *address = s_v4 (self);
    address->sin_family = AF_INET;
    self->size = sizeof *address;
    if (binds && !strcmp (host, "*"))
        return ZSEQ_OK;
    //  As libzmq does, takes 127.1 for 127.0.0.1.
    if (inet_aton (host, &address->sin_addr) == 1)
        return ZSEQ_OK;
    if (!*host || strpbrk (host, "*/:") ||
        (!binds && host[strspn (host, "0123456789.")] == 0))
        return ZSEQ_EINVAL;
    return binds ? s_find_interface (self, host) : ZSEQ_EAGAIN;
}

static void
s_set_port (zseq_address_t *self, int port)
{
    if (self->any.ss_family == AF_INET6)
        s_v6 (self)->sin6_port = htons ((uint16_t) port);
    else
        s_v4 (self)->sin_port = htons ((uint16_t) port);
}

//  Splits tcp://HOST:PORT. The port is 0 if the system chooses it.
static int
s_split (const char *endpoint, bool binds, char host[ZSEQ_ENDPOINT_MAX + 1],
         int *port_p)
{
    const char *colon = strrchr (endpoint, ':');
    if (strncmp (endpoint, "tcp://", 6) || colon < endpoint + 6 ||
        strlen (endpoint) > ZSEQ_ENDPOINT_MAX)
        return ZSEQ_EINVAL;
    int size = (int) (colon - endpoint - 6);
    snprintf (host, ZSEQ_ENDPOINT_MAX + 1, "%.*s", size, endpoint + 6);
    if (binds && !strcmp (colon + 1, "*"))
        *port_p = 0;
    else
        *port_p = zseq_parse_number (colon + 1, binds ? 0 : 1, 65535);
    return *port_p < 0 ? ZSEQ_EINVAL : ZSEQ_OK;
}

int
zseq_address_parse (zseq_address_t *self, const char *endpoint, bool binds)
{
    assert (self);
    assert (endpoint);

    memset (self, 0, sizeof *self);
    if (!strncmp (endpoint, "ipc://", 6))
        return s_parse_path (self, endpoint + 6);
    char host[ZSEQ_ENDPOINT_MAX + 1];
    int port;
    if (s_split (endpoint, binds, host, &port) != ZSEQ_OK)
        return ZSEQ_EINVAL;
    int rc = s_parse_host (self, host, binds);
    s_set_port (self, port);
    return rc;
}

int
zseq_address_resolve (zseq_address_t *self, const char *endpoint)
{
    assert (self);
    assert (endpoint);

    char host[ZSEQ_ENDPOINT_MAX + 1];
    int port;
    if (s_split (endpoint, false, host, &port) != ZSEQ_OK)
        return ZSEQ_EINVAL;
    static const struct addrinfo hints = {.ai_family = AF_INET,
                                          .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    if (getaddrinfo (host, NULL, &hints, &list) != 0)
        return ZSEQ_EIO;
    memset (self, 0, sizeof *self);
    memcpy (&self->any, list->ai_addr, list->ai_addrlen);
    self->size = list->ai_addrlen;
    s_set_port (self, port);
    freeaddrinfo (list);
    return ZSEQ_OK;
}

static const struct sockaddr_in *
s_const_v4 (const zseq_address_t *self)
{
    return (const struct sockaddr_in *) (const void *) &self->any;
}

static const struct in6_addr *
s_const_v6 (const zseq_address_t *self)
{
    return &((const struct sockaddr_in6 *) (const void *) &self->any)
              ->sin6_addr;
}

//  The four bytes of an address of IPv4; NULL: it is none.
static const uint8_t *
s_v4_bytes (const zseq_address_t *self)
{
    if (self->any.ss_family == AF_INET)
        return (const uint8_t *) &s_const_v4 (self)->sin_addr;
    if (self->any.ss_family == AF_INET6 &&
        IN6_IS_ADDR_V4MAPPED (s_const_v6 (self)))
        return s_const_v6 (self)->s6_addr + 12;
    return NULL;
}

bool
zseq_address_local (const zseq_address_t *self)
{
    assert (self);

    if (self->any.ss_family == AF_UNIX)
        return true;
    const uint8_t *v4 = s_v4_bytes (self);
    return v4 ? v4[0] == 127 : IN6_IS_ADDR_LOOPBACK (s_const_v6 (self)) != 0;
}

void
zseq_address_network (const zseq_address_t *self,
                      uint8_t network[ZSEQ_NETWORK_SIZE])
{
    assert (self);
    assert (self->any.ss_family != AF_UNIX);
    assert (network);

    const uint8_t *v4 = s_v4_bytes (self);
    memset (network, 0, ZSEQ_NETWORK_SIZE);
    network[0] = v4 ? 4 : 6;
    memcpy (network + 1, v4 ? v4 : s_const_v6 (self)->s6_addr, v4 ? 4 : 8);
}

void
zseq_address_host (const zseq_address_t *self,
                   char text[ZSEQ_HOST_TEXT_MAX + 1])
{
    assert (self);
    assert (text);

    const uint8_t *v4 = s_v4_bytes (self);
    const char *written = NULL;
    if (v4)
        written = inet_ntop (AF_INET, v4, text, ZSEQ_HOST_TEXT_MAX + 1);
    else if (self->any.ss_family == AF_INET6)
        written =
          inet_ntop (AF_INET6, s_const_v6 (self), text, ZSEQ_HOST_TEXT_MAX + 1);
    if (!written)
        strcpy (text, self->any.ss_family == AF_UNIX ? ZSEQ_TEXT_HOST_OWN
                                                     : ZSEQ_TEXT_HOST_GONE);
}
