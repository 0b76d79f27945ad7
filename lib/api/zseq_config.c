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

//  "41/10/12".
static int
s_uri_bits (const char *text, const char *value, zseq_flake_layout_t *layout)
{
    uint8_t *bits[] = {&layout->time_bits, &layout->worker_bits,
                       &layout->sequence_bits};
    const char *at = value;
    for (size_t part = 0; part < 3; part++, at++) {
        char digits[4];
        at = s_part (at, "/", digits, sizeof digits);
        int number = at ? s_number (digits, 1, ZSEQ_FLAKE_BITS_MAX) : -1;
        if (number < 0 || *at != (part < 2 ? '/' : 0))
            return zseq_detail_fail (
              ZSEQ_EURI,
              "URI '%.300s': bits=%s is not TIME/WORKER/SEQUENCE, as 41/10/12",
              text, value);
        *bits[part] = (uint8_t) number;
    }
    return ZSEQ_OK;
}

static int
s_uri_epoch (const char *text, const char *value, zseq_flake_layout_t *layout)
{
    errno = 0;
    layout->epoch_ms = strtoull (value, NULL, 10);
    if (*value && strspn (value, "0123456789") == strlen (value) && !errno &&
        layout->epoch_ms <= ZSEQ_FLAKE_EPOCH_MS_MAX)
        return ZSEQ_OK;
    return zseq_detail_fail (
      ZSEQ_EURI, "URI '%.300s': epoch=%s is not a time in Unix milliseconds",
      text, value);
}

static int
s_uri_option (const char *text, const char *option, zseq_uri_t *uri)
{
    const char *value = strchr (option, '=');
    if (!value)
        return zseq_detail_fail (ZSEQ_EURI,
                                 "URI '%.300s': option '%s' is not KEY=VALUE",
                                 text, option);
    char key[24] = "";
    (void) s_part (option, "=", key, sizeof key);
    value++;
    bool cluster = uri->scheme == ZSEQ_SCHEME_CLUSTER;
    bool file = uri->scheme == ZSEQ_SCHEME_FILE;
    int number = -1;
    if (!strcmp (key, "timeout"))
        number = uri->timeout_ms = s_number (value, 1, ZSEQ_TIMEOUT_MS_MAX);
    else if (cluster && !strcmp (key, "r"))
        number = uri->r = s_number (value, 0, ZSEQ_NODES_MAX);
    else if (cluster && !strcmp (key, "w"))
        number = uri->w = s_number (value, 0, ZSEQ_NODES_MAX);
    else if (cluster && !strcmp (key, "cluster")) {
        if (!zseq_label_valid (value))
            return zseq_detail_fail (
              ZSEQ_EURI, "URI '%.300s': '%s' is not a cluster's name", text,
              value);
        strcpy (uri->cluster, value);
        return ZSEQ_OK;
    }
    else if (file && !strcmp (key, "unsafe-filesystem")) {
        number = s_number (value, 0, 1);
        uri->unsafe = number == 1;
    }
    else if (uri->flake && !strcmp (key, "bits"))
        return s_uri_bits (text, value, &uri->layout);
    else if (uri->flake && !strcmp (key, "epoch"))
        return s_uri_epoch (text, value, &uri->layout);
    else
        return zseq_detail_fail (
          ZSEQ_EURI,
          "URI '%.300s': there is no option '%s'; there are %stimeout%s", text,
          option,
          cluster ? "cluster, r, w and "
          : file  ? "unsafe-filesystem and "
                  : "",
          uri->flake ? ", bits and epoch" : "");
    if (number < 0)
        return zseq_detail_fail (
          ZSEQ_EURI, "URI '%.300s': option '%s' is out of range", text, option);
    return ZSEQ_OK;
}

//  Endpoints of a cluster. Each of these moves *at_p to the options.
static int
s_uri_cluster (const char *text, const char **at_p, zseq_uri_t *uri)
{
    for (;; (*at_p)++) {
        if (uri->endpoints == ZSEQ_NODES_MAX)
            return zseq_detail_fail (ZSEQ_EURI,
                                     "URI '%.300s' has more than %d endpoints",
                                     text, ZSEQ_NODES_MAX);
        char *endpoint = uri->endpoint[uri->endpoints++];
        const char *end = s_part (*at_p, ",?", endpoint, ZSEQ_ENDPOINT_MAX + 1);
        if (!end || !zseq_config_endpoint_valid (endpoint))
            return zseq_detail_fail (
              ZSEQ_EURI,
              "URI '%.300s': endpoint %zu is not tcp://HOST:PORT or ipc://PATH "
              "(other URIs begin with file:, mem: or flake:)",
              text, uri->endpoints);
        for (size_t before = 0; before + 1 < uri->endpoints; before++)
            if (!strcmp (uri->endpoint[before], endpoint))
                return zseq_detail_fail (
                  ZSEQ_EURI, "URI '%.300s' lists %s twice", text, endpoint);
        *at_p = end;
        if (**at_p != ',')
            return ZSEQ_OK;
    }
}

static int
s_uri_file (const char *text, const char **at_p, zseq_uri_t *uri)
{
    uri->scheme = ZSEQ_SCHEME_FILE;
    //  RFC 8089 writes file:///DIR, too.
    if (!strncmp (*at_p, "///", 3))
        *at_p += 2;
    *at_p = s_part (*at_p, "?", uri->path, sizeof uri->path);
    if (*at_p && uri->path[0] && strncmp (uri->path, "//", 2))
        return ZSEQ_OK;
    return zseq_detail_fail (
      ZSEQ_EURI,
      "URI '%.300s' names no directory of less than %d bytes: file:DIR", text,
      ZSEQ_PATH_SIZE);
}

static int
s_uri_mem (const char *text, const char **at_p, zseq_uri_t *uri)
{
    uri->scheme = ZSEQ_SCHEME_MEM;
    if (!**at_p || **at_p == '?')
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EURI,
                             "URI '%.300s': nothing follows mem:", text);
}

static int
s_uri_flake (const char *text, const char **at_p, zseq_uri_t *uri)
{
    uri->scheme = ZSEQ_SCHEME_FLAKE;
    char digits[16];
    *at_p = s_part (*at_p, "?", digits, sizeof digits);
    int worker =
      *at_p ? s_number (digits, 0, (1 << ZSEQ_FLAKE_WORKER_BITS_MAX) - 1) : -1;
    if (worker < 0)
        return zseq_detail_fail (
          ZSEQ_EURI,
          "URI '%.300s' names no worker: flake:WORKER, a "
          "number, or flake+tcp://... for one that a "
          "cluster makes sure of",
          text);
    uri->worker = (uint32_t) worker;
    return ZSEQ_OK;
}

//  Whether text begins with prefix; moves *at_p behind it.
static bool
s_begins (const char **at_p, const char *prefix)
{
    size_t size = strlen (prefix);
    if (strncmp (*at_p, prefix, size))
        return false;
    *at_p += size;
    return true;
}

static int
s_uri_flake_check (const char *text, const zseq_uri_t *uri)
{
    if (zseq_flake_layout_check (&uri->layout) != ZSEQ_OK)
        return zseq_detail_fail (ZSEQ_EURI,
                                 "URI '%.300s': bits of time, worker (%d at "
                                 "most) and sequence (%d) are "
                                 "%d at most together",
                                 text, ZSEQ_FLAKE_WORKER_BITS_MAX,
                                 ZSEQ_FLAKE_SEQUENCE_BITS_MAX,
                                 ZSEQ_FLAKE_BITS_MAX);
    if (uri->worker >= zseq_flake_worker_end (&uri->layout))
        return zseq_detail_fail (
          ZSEQ_EURI, "URI '%.300s': workers are 0 to %llu with %u bits", text,
          (unsigned long long) zseq_flake_worker_end (&uri->layout) - 1,
          uri->layout.worker_bits);
    return ZSEQ_OK;
}

int
zseq_config_uri (const char *text, zseq_uri_t *uri)
{
    assert (text);
    assert (uri);

    memset (uri, 0, sizeof *uri);
    uri->timeout_ms = ZSEQ_TIMEOUT_MS_DEFAULT;
    zseq_flake_layout_init (&uri->layout);
    const char *at = text;
    int rc;
    if (s_begins (&at, "flake:")) {
        uri->flake = true;
        rc = s_uri_flake (text, &at, uri);
    }
    else if (s_begins (&at, "mem:"))
        rc = s_uri_mem (text, &at, uri);
    else {
        uri->flake = s_begins (&at, "flake+");
        rc = s_begins (&at, "file:") ? s_uri_file (text, &at, uri)
                                     : s_uri_cluster (text, &at, uri);
    }
    while (rc == ZSEQ_OK && *at) {
        char option[ZSEQ_LABEL_MAX + 16];
        at = s_part (at + 1, "&", option, sizeof option);
        rc = at ? s_uri_option (text, option, uri)
                : zseq_detail_fail (
                    ZSEQ_EURI, "URI '%.300s': an option is too long", text);
    }
    return rc == ZSEQ_OK && uri->flake ? s_uri_flake_check (text, uri) : rc;
}
