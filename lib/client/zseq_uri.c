#include "zseq_uri.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_client_label.h"
#include "zseq_client_texts.h"
#include "zseq_detail.h"
#include "zseq_parse.h"

//  Reads the bits of a layout, such as "41/10/12".
static int
s_uri_bits (const char *text, const char *value, zseq_flake_layout_t *layout)
{
    uint8_t *bits[] = {&layout->time_bits, &layout->worker_bits,
                       &layout->sequence_bits};
    const char *at = value;
    for (size_t part = 0; part < 3; part++, at++) {
        char digits[4];
        at = zseq_parse_part (at, "/", digits, sizeof digits);
        int number =
          at ? zseq_parse_number (digits, 1, ZSEQ_FLAKE_BITS_MAX) : -1;
        if (number < 0 || *at != (part < 2 ? '/' : 0))
            return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_BITS, text,
                                     value);
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
    return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_EPOCH, text, value);
}

static int
s_uri_cluster_name (const char *text, const char *value, zseq_uri_t *uri)
{
    if (!zseq_label_valid (value))
        return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_CLUSTER, text, value);
    strcpy (uri->cluster, value);
    return ZSEQ_OK;
}

static int
s_uri_label (const char *text, const char *value, zseq_uri_t *uri)
{
    if (*value && !zseq_client_label_valid (value))
        return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_LABEL, text, value,
                                 ZSEQ_LABEL_MAX);
    uri->labelled = true;
    strcpy (uri->label, value);
    return ZSEQ_OK;
}

static int
s_uri_transport (const char *text, const char *value, zseq_uri_t *uri)
{
    uri->transport = zseq_transport_kind_find (value);
    if (uri->transport == ZSEQ_TRANSPORT_NONE)
        return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_TRANSPORT, text,
                                 value);
    return ZSEQ_OK;
}

//  Reads the number of an option.
static int
s_uri_number (const char *text, const char *option, const char *value, int min,
              int max, int *number_p)
{
    int number = zseq_parse_number (value, min, max);
    if (number < 0)
        return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_OPTION_RANGE, text,
                                 option, min, max);
    *number_p = number;
    return ZSEQ_OK;
}

//  Reads KEY=VALUE.
static int
s_uri_option (const char *text, const char *option, zseq_uri_t *uri)
{
    const char *value = strchr (option, '=');
    if (!value)
        return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_NOT_KEY_VALUE, text,
                                 option);
    char key[24] = "";
    (void) zseq_parse_part (option, "=", key, sizeof key);
    value++;
    bool cluster = uri->scheme == ZSEQ_SCHEME_CLUSTER;
    bool file = uri->scheme == ZSEQ_SCHEME_FILE;
    if (!strcmp (key, "timeout"))
        return s_uri_number (text, option, value, 1, ZSEQ_TIMEOUT_MS_MAX,
                             &uri->timeout_ms);
    if (cluster && !strcmp (key, "r"))
        return s_uri_number (text, option, value, 0, ZSEQ_NODES_MAX, &uri->r);
    if (cluster && !strcmp (key, "w"))
        return s_uri_number (text, option, value, 0, ZSEQ_NODES_MAX, &uri->w);
    if (cluster && !strcmp (key, "cluster"))
        return s_uri_cluster_name (text, value, uri);
    if (cluster && !strcmp (key, "label"))
        return s_uri_label (text, value, uri);
    if (cluster && !strcmp (key, "transport"))
        return s_uri_transport (text, value, uri);
    if (file && !strcmp (key, "unsafe-filesystem")) {
        int unsafe = 0;
        int rc = s_uri_number (text, option, value, 0, 1, &unsafe);
        uri->unsafe = unsafe == 1;
        return rc;
    }
    if (uri->flake && !strcmp (key, "bits"))
        return s_uri_bits (text, value, &uri->layout);
    if (uri->flake && !strcmp (key, "epoch"))
        return s_uri_epoch (text, value, &uri->layout);
    return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_OPTION_UNKNOWN, text,
                             option,
                             cluster ? ZSEQ_TEXT_URI_OPTIONS_CLUSTER
                             : file  ? ZSEQ_TEXT_URI_OPTIONS_FILE
                                     : "",
                             uri->flake ? ZSEQ_TEXT_URI_OPTIONS_FLAKE : "");
}

//  Reads the endpoints of a cluster. Each of these parsers moves *at_p to the
//  options.
static int
s_uri_cluster (const char *text, const char **at_p, zseq_uri_t *uri)
{
    for (;; (*at_p)++) {
        if (uri->endpoints == ZSEQ_NODES_MAX)
            return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_ENDPOINTS, text,
                                     ZSEQ_NODES_MAX);
        char *endpoint = uri->endpoint[uri->endpoints++];
        const char *end =
          zseq_parse_part (*at_p, ",?", endpoint, ZSEQ_ENDPOINT_MAX + 1);
        if (!end || !zseq_endpoint_valid (endpoint))
            return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_ENDPOINT, text,
                                     uri->endpoints, ZSEQ_IPC_PATH_MAX);
        for (size_t before = 0; before + 1 < uri->endpoints; before++)
            if (!strcmp (uri->endpoint[before], endpoint))
                return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_DUPLICATE,
                                         text, endpoint);
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
    *at_p = zseq_parse_part (*at_p, "?", uri->path, sizeof uri->path);
    if (*at_p && uri->path[0] && strncmp (uri->path, "//", 2))
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_DIRECTORY, text,
                             ZSEQ_PATH_SIZE);
}

static int
s_uri_mem (const char *text, const char **at_p, zseq_uri_t *uri)
{
    uri->scheme = ZSEQ_SCHEME_MEM;
    if (!**at_p || **at_p == '?')
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_MEM, text);
}

static int
s_uri_flake (const char *text, const char **at_p, zseq_uri_t *uri)
{
    uri->scheme = ZSEQ_SCHEME_FLAKE;
    char digits[16];
    *at_p = zseq_parse_part (*at_p, "?", digits, sizeof digits);
    int worker =
      *at_p
        ? zseq_parse_number (digits, 0, (1 << ZSEQ_FLAKE_WORKER_BITS_MAX) - 1)
        : -1;
    if (worker < 0)
        return zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_WORKER, text);
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
        return zseq_detail_fail (
          ZSEQ_EURI, ZSEQ_TEXT_URI_BITS_SUM, text, ZSEQ_FLAKE_WORKER_BITS_MAX,
          ZSEQ_FLAKE_SEQUENCE_BITS_MAX, ZSEQ_FLAKE_BITS_MAX);
    if (uri->worker >= zseq_flake_worker_end (&uri->layout))
        return zseq_detail_fail (
          ZSEQ_EURI, ZSEQ_TEXT_URI_WORKER_RANGE, text,
          (unsigned long long) zseq_flake_worker_end (&uri->layout) - 1,
          uri->layout.worker_bits);
    return ZSEQ_OK;
}

int
zseq_uri_parse (const char *text, zseq_uri_t *uri)
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
        at = zseq_parse_part (at + 1, "&", option, sizeof option);
        rc = at ? s_uri_option (text, option, uri)
                : zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_OPTION_LONG, text);
    }
    return rc == ZSEQ_OK && uri->flake ? s_uri_flake_check (text, uri) : rc;
}
