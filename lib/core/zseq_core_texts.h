//  What these files say to people. See lib/README.md, "Texts for people".

#ifndef ZSEQ_CORE_TEXTS_H_INCLUDED
#define ZSEQ_CORE_TEXTS_H_INCLUDED

//  What failed, or was done.
#define ZSEQ_CORE_TEXTS(X)                                                     \
    X (UNKNOWN_ERROR, "unknown error")                                         \
    X (MEMBERS_MANY, "member list '%s' has more than %d members")              \
    X (MEMBERS_MEMBER,                                                         \
       "member list '%s': member %zu is not NAME=ENDPOINT, with a name of 1 "  \
       "to %d letters, digits, '-', '_' and '.'")                              \
    X (MEMBERS_ENDPOINT, "member list '%s': the endpoint of %s is not "        \
                         "tcp://HOST:PORT, with a host that others reach and " \
                         "no wildcard, or ipc://PATH, of at most %d bytes")    \
    X (MEMBERS_NAME_TWICE, "member list '%s' names %s twice")                  \
    X (MEMBERS_ENDPOINT_TWICE, "member list '%s' gives %s to %s and to %s")

#define X(name, text) static const char ZSEQ_TEXT_##name[] = text;
ZSEQ_CORE_TEXTS (X)
#undef X

#endif
