#include "zseq_members.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_core_texts.h"
#include "zseq_parse.h"

static bool
s_alphanumeric (char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

bool
zseq_label_valid (const char *text)
{
    assert (text);

    if (!s_alphanumeric (text[0]))
        return false;
    size_t size = 0;
    for (; text[size]; size++)
        if (size == ZSEQ_LABEL_MAX ||
            (!s_alphanumeric (text[size]) && !strchr ("-_.", text[size])))
            return false;
    return true;
}

//  Whether a host stands for all addresses of a machine. One can bind to it,
//  but each machine would connect to itself.
static bool
s_wildcard (const char *host, size_t size)
{
    static const char *const wildcards[] = {"*", "0", "0.0.0.0", "[::]"};
    for (size_t index = 0; index < sizeof wildcards / sizeof *wildcards;
         index++)
        if (strlen (wildcards[index]) == size &&
            !memcmp (wildcards[index], host, size))
            return true;
    return false;
}

bool
zseq_endpoint_valid (const char *text)
{
    assert (text);

    if (strlen (text) > ZSEQ_ENDPOINT_MAX ||
        strcspn (text, " \t\r\n,?") != strlen (text))
        return false;
    if (!strncmp (text, "ipc://", 6))
        return text[6] != 0 && strcmp (text + 6, "*") != 0 &&
               strlen (text + 6) <= ZSEQ_IPC_PATH_MAX;
    if (strncmp (text, "tcp://", 6))
        return false;
    const char *host = text + 6;
    const char *colon = strrchr (host, ':');
    return colon && colon > host && !strchr (host, '/') &&
           !s_wildcard (host, (size_t) (colon - host)) &&
           zseq_parse_number (colon + 1, 1, 65535) > 0;
}

bool
zseq_endpoint_local (const char *text)
{
    assert (text);

    if (!strncmp (text, "ipc://", 6))
        return true;
    const char *colon = strrchr (text, ':');
    if (strncmp (text, "tcp://", 6) || colon < text + 6)
        return false;
    char host[ZSEQ_ENDPOINT_MAX + 1];
    if (!zseq_parse_part (text + 6, "", host, sizeof host))
        return false;
    host[colon - (text + 6)] = 0;
    struct in_addr address;
    if (inet_pton (AF_INET, host, &address) == 1)
        return ntohl (address.s_addr) >> 24 == 127;
    return !strcmp (host, "localhost") || !strcmp (host, "[::1]");
}

bool
zseq_endpoint_named (const char *text)
{
    assert (text);

    if (strncmp (text, "tcp://", 6))
        return false;
    const char *host = text + 6;
    return *host && !strchr ("[*:", *host) &&
           host[strspn (host, "0123456789.")] != ':';
}

static int
s_compare_members (const void *a, const void *b)
{
    return strcmp (((const zseq_member_t *) a)->name,
                   ((const zseq_member_t *) b)->name);
}

int
zseq_members_init (zseq_members_t *self, const zseq_member_t *list, size_t n)
{
    assert (self);
    assert (list);

    zseq_members_t members;
    memset (&members, 0, sizeof members);
    if (zseq_quorum_init (&members.quorum, n, 0, 0) != ZSEQ_OK)
        return ZSEQ_EINVAL;
    members.n = (uint8_t) n;
    memcpy (members.member, list, n * sizeof *list);
    qsort (members.member, n, sizeof *list, s_compare_members);
    for (uint8_t index = 0; index < n; index++) {
        const zseq_member_t *member = &members.member[index];
        if (!zseq_label_valid (member->name) || !member->endpoint[0])
            return ZSEQ_EINVAL;
        for (uint8_t before = 0; before < index; before++)
            if (!strcmp (members.member[before].name, member->name) ||
                !strcmp (members.member[before].endpoint, member->endpoint))
                return ZSEQ_EDUPLICATE;
    }
    *self = members;
    return ZSEQ_OK;
}

uint8_t
zseq_members_find (const zseq_members_t *self, const char *name)
{
    assert (self);
    assert (name);

    uint8_t index = 0;
    while (index < self->n && strcmp (self->member[index].name, name))
        index++;
    return index;
}

//  Writes why a member list is refused.
static int
s_fail (char *why, const char *format, ...)
{
    va_list list;
    va_start (list, format);
    vsnprintf (why, ZSEQ_MEMBERS_WHY_MAX, format, list);
    va_end (list);
    return ZSEQ_EINVAL;
}

int
zseq_members_parse (zseq_members_t *self, const char *text,
                    char why[ZSEQ_MEMBERS_WHY_MAX])
{
    assert (self);
    assert (text);
    assert (why);

    zseq_member_t list[ZSEQ_NODES_MAX];
    size_t count = 0;
    for (const char *at = text;; at++) {
        if (count == ZSEQ_NODES_MAX)
            return s_fail (why, ZSEQ_TEXT_MEMBERS_MANY, text, ZSEQ_NODES_MAX);
        zseq_member_t *member = &list[count++];
        memset (member, 0, sizeof *member);
        const char *end =
          zseq_parse_part (at, "=,", member->name, sizeof member->name);
        if (!end || *end != '=' || !zseq_label_valid (member->name))
            return s_fail (why, ZSEQ_TEXT_MEMBERS_MEMBER, text, count,
                           ZSEQ_LABEL_MAX);
        end = zseq_parse_part (end + 1, ",", member->endpoint,
                               sizeof member->endpoint);
        if (!end || !zseq_endpoint_valid (member->endpoint))
            return s_fail (why, ZSEQ_TEXT_MEMBERS_ENDPOINT, text, member->name,
                           ZSEQ_IPC_PATH_MAX);
        for (size_t before = 0; before + 1 < count; before++) {
            if (!strcmp (list[before].name, member->name))
                return s_fail (why, ZSEQ_TEXT_MEMBERS_NAME_TWICE, text,
                               member->name);
            if (!strcmp (list[before].endpoint, member->endpoint))
                return s_fail (why, ZSEQ_TEXT_MEMBERS_ENDPOINT_TWICE, text,
                               member->endpoint, list[before].name,
                               member->name);
        }
        at = end;
        if (!*at)
            break;
    }
    int rc = zseq_members_init (self, list, count);
    assert (rc == ZSEQ_OK);
    return rc;
}
