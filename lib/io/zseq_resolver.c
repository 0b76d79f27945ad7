#include "zseq_resolver.h"

#include <arpa/inet.h>
#include <assert.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_members.h"

//  Whether an address is one of this machine. Only a bind tells: a socket of
//  datagrams takes a free port, and nobody hears of it.
static bool
s_is_here (const struct sockaddr_in *address)
{
    int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return false;
    struct sockaddr_in any_port = *address;
    any_port.sin_port = 0;
    bool here = bind (fd, (struct sockaddr *) &any_port, sizeof any_port) == 0;
    close (fd);
    return here;
}

static bool
s_is_loopback (const struct sockaddr_in *address)
{
    return ntohl (address->sin_addr.s_addr) >> 24 == 127;
}

//  The best address to bind; NULL: none is of this machine.
static const struct sockaddr_in *
s_choose (const struct addrinfo *list)
{
    const struct sockaddr_in *found = NULL;
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        const struct sockaddr_in *address =
          (const struct sockaddr_in *) (const void *) at->ai_addr;
        if (s_is_here (address) && (!found || s_is_loopback (found)))
            found = address;
    }
    return found;
}

static void
s_text (const struct sockaddr_in *address, char text[INET_ADDRSTRLEN])
{
    (void) inet_ntop (AF_INET, &address->sin_addr, text, INET_ADDRSTRLEN);
}

int
zseq_resolver_bindable (const char *endpoint, char bound[ZSEQ_ENDPOINT_MAX + 1],
                        char why[ZSEQ_RESOLVER_WHY_MAX])
{
    assert (endpoint);
    assert (bound);
    assert (why);

    if (strlen (endpoint) > ZSEQ_ENDPOINT_MAX) {
        snprintf (why, ZSEQ_RESOLVER_WHY_MAX, ZSEQ_TEXT_ENDPOINT_LONG,
                  ZSEQ_ENDPOINT_MAX);
        return ZSEQ_EIO;
    }
    strcpy (bound, endpoint);
    const char *colon = strrchr (endpoint, ':');
    if (!zseq_endpoint_named (endpoint) || colon < endpoint + 6)
        return ZSEQ_OK;
    char host[ZSEQ_ENDPOINT_MAX + 1];
    snprintf (host, sizeof host, "%.*s", (int) (colon - endpoint - 6),
              endpoint + 6);
    //  An interface goes before a host of that name, as in libzmq.
    if (if_nametoindex (host))
        return ZSEQ_OK;

    static const struct addrinfo hints = {.ai_family = AF_INET,
                                          .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int rc = getaddrinfo (host, NULL, &hints, &list);
    if (rc != 0) {
        snprintf (why, ZSEQ_RESOLVER_WHY_MAX, ZSEQ_TEXT_HOST_UNKNOWN, host,
                  gai_strerror (rc));
        return ZSEQ_EIO;
    }
    const struct sockaddr_in *address = s_choose (list);
    char text[INET_ADDRSTRLEN];
    if (address) {
        s_text (address, text);
        snprintf (bound, ZSEQ_ENDPOINT_MAX + 1, "tcp://%s%s", text, colon);
    }
    else {
        s_text ((const void *) list->ai_addr, text);
        snprintf (why, ZSEQ_RESOLVER_WHY_MAX, ZSEQ_TEXT_HOST_ELSEWHERE, host,
                  text);
    }
    freeaddrinfo (list);
    return address ? ZSEQ_OK : ZSEQ_EIO;
}
