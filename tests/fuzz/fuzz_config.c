//  Fuzzes texts that users write: an endpoint, a member list, a URI. Whatever
//  is accepted reads back as it was written, and is usable in the rest of zseq.
//
//  An input is the text.

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_record.h"
#include "zseq_client_label.h"
#include "zseq_uri.h"
#include "zseq_fuzz.h"

//  The accepted text, printed again.
static char
  s_again[ZSEQ_NODES_MAX * (ZSEQ_LABEL_MAX + 1 + ZSEQ_ENDPOINT_MAX + 1) + 1];

static size_t
s_write (size_t used, const char *text)
{
    size_t size = strlen (text);
    assert (used + size < sizeof s_again);
    memcpy (s_again + used, text, size + 1);
    return used + size;
}

static void
s_check_endpoint (const char *endpoint)
{
    size_t size = strlen (endpoint);
    assert (zseq_endpoint_valid (endpoint));
    assert (size >= 1);
    assert (size <= ZSEQ_ENDPOINT_MAX);
    bool ipc = !strncmp (endpoint, "ipc://", 6);
    assert (ipc || !strncmp (endpoint, "tcp://", 6));
    //  A host that only looks like an address of this machine must not count as
    //  one.
    if (!ipc && zseq_endpoint_local (endpoint)) {
        const char *host = endpoint + 6;
        assert (!strncmp (host, "127.", 4) ||
                !strncmp (host, "localhost:", 10) ||
                !strncmp (host, "[::1]:", 6));
        assert (strspn (host, "0123456789.") ==
                  (size_t) (strchr (host, ':') - host) ||
                *host == 'l' || *host == '[');
    }
}

static void
s_check_members (const char *text)
{
    zseq_members_t members;
    char why[ZSEQ_MEMBERS_WHY_MAX];
    int rc = zseq_members_parse (&members, text, why);
    assert (rc == ZSEQ_OK || rc == ZSEQ_EINVAL);
    if (rc != ZSEQ_OK)
        return;

    assert (members.n >= 1);
    assert (members.n <= ZSEQ_NODES_MAX);
    size_t used = 0;
    for (uint8_t index = 0; index < members.n; index++) {
        const zseq_member_t *member = &members.member[index];
        assert (!index || strcmp (member[-1].name, member->name) < 0);
        assert (zseq_members_find (&members, member->name) == index);
        s_check_endpoint (member->endpoint);
        used = s_write (used, index ? "," : "");
        size_t start = used;
        used = s_write (used, member->name);
        used = s_write (used, "=");
        used = s_write (used, member->endpoint);
        assert (strstr (text, s_again + start));
    }
    assert (strlen (s_again) == strlen (text));
    zseq_record_t record;
    rc = zseq_record_init (&record, "cluster", members.member[0].name, &members,
                           1);
    assert (rc == ZSEQ_OK);
    assert (record.self == 0);
}

static void
s_check_uri (const char *text)
{
    static zseq_uri_t uri;
    int rc = zseq_uri_parse (text, &uri);
    assert (rc == ZSEQ_OK || rc == ZSEQ_EURI);
    if (rc != ZSEQ_OK)
        return;

    assert (uri.endpoints >= 1);
    assert (uri.endpoints <= ZSEQ_NODES_MAX);
    size_t used = 0;
    for (size_t index = 0; index < uri.endpoints; index++) {
        s_check_endpoint (uri.endpoint[index]);
        used = s_write (used, index ? "," : "");
        used = s_write (used, uri.endpoint[index]);
    }
    assert (!strncmp (s_again, text, used));
    assert (text[used] == 0 || text[used] == '?');
    assert (!uri.cluster[0] || zseq_label_valid (uri.cluster));
    assert (!uri.label[0] || zseq_client_label_valid (uri.label));
    assert (uri.r >= 0);
    assert (uri.r <= ZSEQ_NODES_MAX);
    assert (uri.w >= 0);
    assert (uri.w <= ZSEQ_NODES_MAX);
    assert (uri.timeout_ms >= 1);
    assert (uri.timeout_ms <= ZSEQ_TIMEOUT_MS_MAX);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    zseq_fuzz_t input = {data, size};
    char *text = zseq_fuzz_text (&input);
    if (zseq_endpoint_valid (text))
        s_check_endpoint (text);
    //  Also for text that is no endpoint.
    (void) zseq_endpoint_local (text);
    s_check_members (text);
    s_check_uri (text);
    free (text);
    return 0;
}
