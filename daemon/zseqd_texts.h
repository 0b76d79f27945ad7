//  What zseqd says to people, but for its help. See lib/README.md, "Texts for
//  people".

#ifndef ZSEQD_TEXTS_H_INCLUDED
#define ZSEQD_TEXTS_H_INCLUDED

#include <inttypes.h>

//  What failed, or was done.
#define ZSEQD_TEXTS(X)                                                         \
    X (FORMAT_NEEDS, "format needs %s")                                        \
    X (FORMAT_TAKES, "format takes only %s")                                   \
    X (FORMAT_CLUSTER, "'%s' is not a name for a cluster: 1 to 63 letters, "   \
                       "digits, '-', '_' and '.'")                             \
    X (FORMAT_NOT_MEMBER, "node '%s' is not in the member list")               \
    X (NO_MEMORY_FORMAT, "zseqd: out of memory\n")                             \
    X (FORMATTED, "formatted %s for node %s of cluster %s (%u members)\n")     \
    X (VERIFY_TAKES, "verify takes only %s")                                   \
    X (SIGNAL, "signal %d (%s%s)%s: %s")                                       \
    X (DESCRIPTORS_FEW, "zseqd: a node needs %d descriptors and may have "     \
                        "%llu: raise ulimit -n (systemd: LimitNOFILE)\n")      \
    X (FORCE_NOT_CONFIRMED, "zseqd: nothing was done\n")                       \
    X (RECOVER_ONLY, "%s belongs to recover")                                  \
    X (FORCE_FLOOR, "%s belong together")                                      \
    X (FORCE_ONLY, "%s belongs to --force")                                    \
    X (BIND_INVALID,                                                           \
       "'%s' is not tcp://HOST:PORT or ipc://PATH, of at most 107 bytes")      \
    X (BIND_NO_PORT,                                                           \
       "'%s' leaves the port to the system, and nobody would find the node: "  \
       "give a port from 1 to 65535")                                          \
    X (NO_MEMORY_SERVER, "out of memory")                                      \
    X (NO_RANDOMNESS, "zseqd: no source of randomness\n")                      \
    X (COMMAND_UNKNOWN, "there is no command '%s'")                            \
    X (COMMAND_MISSING, "a command is missing")                                \
    X (LOG_FLOOD, "%zu more lines of the event \"%s\" were not logged")        \
    X (OPTION_NUMBER, "zseqd: %s '%s' is not a number from %" PRIu64           \
                      " to %" PRIu64 "; see zseqd --help\n")                   \
    X (OPTION_RESERVE,                                                         \
       "--reserve '%s' is not a number of seconds from 0 to 60")               \
    X (OPTION_SCRUB, "--scrub '%s' is not a number of days from 0 to 365")     \
    X (OPTION_LOG_LEVEL,                                                       \
       "--log-level '%s' is not error, warning, info or debug")                \
    X (OPTION_LOG_FORMAT, "--log-format '%s' is not text or json")             \
    X (OPTION_TRANSPORT,                                                       \
       "--transport '%s' is not a transport of this build: zmq or native")     \
    X (OPTION_VALUE, "option %s needs a value")                                \
    X (OPTION_UNKNOWN, "there is no option '%s'")                              \
    X (OPTION_UNEXPECTED, "unexpected '%s'")                                   \
    X (OPTION_MISSING, "%s is missing")                                        \
    X (VERIFY_DAMAGED, "damaged: %s\n")                                        \
    X (VERIFY_NODE_UNKNOWN, "node: not known, its record is not intact\n")     \
    X (VERIFY_NOT_FORMED, "not formed yet\n")                                  \
    X (VERIFY_FURTHEST, "; the furthest goes on at %" PRIu64)                  \
    X (VERIFY_TEMPORARY,                                                       \
       "left by a crash, put right by the next start: %zu\n")                  \
    X (VERIFY_IS_DAMAGED, "%s is DAMAGED (%zu)\n")                             \
    X (VERIFY_IS_INTACT, "%s is intact\n")                                     \
    X (VERIFY_NO_NODE, "damaged: %s\n%s is DAMAGED\n")

//  Parts of other texts.
#define ZSEQD_PARTS(X)                                                         \
    X (SIGNAL_SENDER, " of process %u")                                        \
    X (SIGNAL_IGNORED, "ignored; the node goes on (SIGTERM stops it)")         \
    X (SIGNAL_STOPS, "the node stops")                                         \
    X (SIGNAL_RELOAD,                                                          \
       "there is nothing to reload; the node goes on (SIGTERM stops it)")      \
    X (SEE_HELP, "; see zseqd --help\n")                                       \
    X (VERIFY_NO_VOTE, "does not vote")

#define X(name, text) static const char ZSEQ_TEXT_##name[] = text;
ZSEQD_TEXTS (X)
ZSEQD_PARTS (X)
#undef X

#endif
