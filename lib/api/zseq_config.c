#include "zseq_config.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_detail.h"

//  The part of text before the first of the given characters is copied into
//  part. Returns where it ends, or NULL if it does not fit.
static const char *
s_part (const char *text, const char *ends, char *part, size_t size)
{
    size_t length = strcspn (text, ends);
    if (length >= size)
        return NULL;
    memcpy (part, text, length);
    part[length] = 0;
    return text + length;
}

//  A decimal number from min to max and nothing else, or -1.
static int
s_number (const char *text, int min, int max)
{
    if (!*text || strspn (text, "0123456789") != strlen (text))
        return -1;
    errno = 0;
    unsigned long value = strtoul (text, NULL, 10);
    if (errno || value < (unsigned long) min || value > (unsigned long) max)
        return -1;
    return (int) value;
}

bool
zseq_config_endpoint_valid (const char *text)
{
    assert (text);

    if (strlen (text) > ZSEQ_ENDPOINT_MAX ||
        strcspn (text, " \t\r\n,?") != strlen (text))
        return false;
    if (!strncmp (text, "ipc://", 6))
        return text[6] != 0;
    if (strncmp (text, "tcp://", 6))
        return false;
    const char *host = text + 6;
    const char *colon = strrchr (host, ':');
    return colon && colon > host && !strchr (host, '/') &&
           s_number (colon + 1, 1, 65535) > 0;
}

bool
zseq_config_endpoint_local (const char *text)
{
    assert (text);

    if (!strncmp (text, "ipc://", 6))
        return true;
    const char *colon = strrchr (text, ':');
    if (strncmp (text, "tcp://", 6) || colon < text + 6)
        return false;
    char host[ZSEQ_ENDPOINT_MAX + 1];
    if (!s_part (text + 6, "", host, sizeof host))
        return false;
    host[colon - (text + 6)] = 0;
    struct in_addr address;
    if (inet_pton (AF_INET, host, &address) == 1)
        return ntohl (address.s_addr) >> 24 == 127;
    return !strcmp (host, "localhost") || !strcmp (host, "[::1]");
}

int
zseq_config_members (const char *text, zseq_member_t *members, size_t *count_p)
{
    assert (text);
    assert (members);
    assert (count_p);

    size_t count = 0;
    for (const char *at = text;; at++) {
        if (count == ZSEQ_NODES_MAX)
            return zseq_detail_fail (
              ZSEQ_EINVAL, "member list '%s' has more than %d members", text,
              ZSEQ_NODES_MAX);
        zseq_member_t *member = &members[count++];
        memset (member, 0, sizeof *member);
        const char *end = s_part (at, "=,", member->name, sizeof member->name);
        if (!end || *end != '=' || !zseq_label_valid (member->name))
            return zseq_detail_fail (
              ZSEQ_EINVAL,
              "member list '%s': member %zu is not NAME=ENDPOINT, with a name "
              "of 1 to %d letters, digits, '-', '_' and '.'",
              text, count, ZSEQ_LABEL_MAX);
        end = s_part (end + 1, ",", member->endpoint, sizeof member->endpoint);
        if (!end || !zseq_config_endpoint_valid (member->endpoint))
            return zseq_detail_fail (
              ZSEQ_EINVAL,
              "member list '%s': the endpoint of %s is not tcp://HOST:PORT or "
              "ipc://PATH",
              text, member->name);
        for (size_t before = 0; before + 1 < count; before++) {
            if (!strcmp (members[before].name, member->name))
                return zseq_detail_fail (ZSEQ_EINVAL,
                                         "member list '%s' names %s twice",
                                         text, member->name);
            if (!strcmp (members[before].endpoint, member->endpoint))
                return zseq_detail_fail (
                  ZSEQ_EINVAL, "member list '%s' gives %s to %s and to %s",
                  text, member->endpoint, members[before].name, member->name);
        }
        at = end;
        if (!*at)
            break;
    }
    *count_p = count;
    return ZSEQ_OK;
}

static int
s_uri_option (const char *text, const char *option, zseq_uri_t *uri)
{
    const char *value = strchr (option, '=');
    if (!value)
        return zseq_detail_fail (
          ZSEQ_EURI, "URI '%s': option '%s' is not KEY=VALUE", text, option);
    size_t size = (size_t) (value++ - option);
    int number = -1;
    if (size == 7 && !strncmp (option, "cluster", size)) {
        if (!zseq_label_valid (value))
            return zseq_detail_fail (
              ZSEQ_EURI, "URI '%s': '%s' is not a cluster's name", text, value);
        strcpy (uri->cluster, value);
        return ZSEQ_OK;
    }
    if (size == 1 && *option == 'r')
        number = uri->r = s_number (value, 0, ZSEQ_NODES_MAX);
    else if (size == 1 && *option == 'w')
        number = uri->w = s_number (value, 0, ZSEQ_NODES_MAX);
    else if (size == 7 && !strncmp (option, "timeout", size))
        number = uri->timeout_ms = s_number (value, 1, ZSEQ_TIMEOUT_MS_MAX);
    else
        return zseq_detail_fail (
          ZSEQ_EURI,
          "URI '%s': there is no option '%s'; there are cluster, r, w and "
          "timeout",
          text, option);
    if (number < 0)
        return zseq_detail_fail (
          ZSEQ_EURI, "URI '%s': option '%s' is out of range", text, option);
    return ZSEQ_OK;
}

int
zseq_config_uri (const char *text, zseq_uri_t *uri)
{
    assert (text);
    assert (uri);

    memset (uri, 0, sizeof *uri);
    uri->timeout_ms = ZSEQ_TIMEOUT_MS_DEFAULT;
    const char *at = text;
    for (;; at++) {
        if (uri->endpoints == ZSEQ_NODES_MAX)
            return zseq_detail_fail (ZSEQ_EURI,
                                     "URI '%s' has more than %d endpoints",
                                     text, ZSEQ_NODES_MAX);
        char *endpoint = uri->endpoint[uri->endpoints++];
        const char *end = s_part (at, ",?", endpoint, ZSEQ_ENDPOINT_MAX + 1);
        if (!end || !zseq_config_endpoint_valid (endpoint))
            return zseq_detail_fail (
              ZSEQ_EURI,
              "URI '%s': endpoint %zu is not tcp://HOST:PORT or ipc://PATH",
              text, uri->endpoints);
        for (size_t before = 0; before + 1 < uri->endpoints; before++)
            if (!strcmp (uri->endpoint[before], endpoint))
                return zseq_detail_fail (ZSEQ_EURI, "URI '%s' lists %s twice",
                                         text, endpoint);
        at = end;
        if (*at != ',')
            break;
    }
    while (*at) {
        char option[ZSEQ_LABEL_MAX + 16];
        const char *end = s_part (at + 1, "&", option, sizeof option);
        if (!end)
            return zseq_detail_fail (ZSEQ_EURI,
                                     "URI '%s': an option is too long", text);
        int rc = s_uri_option (text, option, uri);
        if (rc != ZSEQ_OK)
            return rc;
        at = end;
    }
    return ZSEQ_OK;
}
