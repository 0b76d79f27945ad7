//  What runs a node says this to people. See lib/README.md, "Texts for people".

#ifndef ZSEQ_HOST_TEXTS_H_INCLUDED
#define ZSEQ_HOST_TEXTS_H_INCLUDED

#include "zseq_log.h"

//  Lines of the log.
#define ZSEQ_HOST_LOGS(X)                                                      \
    X (NODE_ENDS, ERROR, "end", "the node ends: %s")                           \
    X (WAITS_FOR_OTHER, WARNING, "start", "%s; waiting %llu s for it to end")  \
    X (LOADING, INFO, "start", "loading: %zu of %zu names")                    \
    X (DAMAGES_MORE, WARNING, "damage", "%zu more things are damaged")         \
    X (CONVERTED, WARNING, "start",                                            \
       "directory %s was of format %u and has been converted: an older "       \
       "zseqd refuses it from now on")                                         \
    X (SCRUB_DAMAGE, WARNING, "damage",                                        \
       "%s%s. The disk does not keep what was written, or something else "     \
       "changes it: check the disk")                                           \
    X (DAMAGE, WARNING, "damage", "%s")                                        \
    X (ENDPOINTS_CHANGED, INFO, "start",                                       \
       "endpoints of the member list have changed")                            \
    X (BOUND, INFO, "start", "%s is bound at %s")                              \
    X (BOUND_ONLY_HERE, WARNING, "start",                                      \
       "%s is bound at %s, which other machines do not reach: if they have "   \
       "to, give --bind with another address")                                 \
    X (DESCRIPTORS_USED_UP, WARNING, "descriptors",                            \
       "all descriptors are used up: nobody can connect, and writes are "      \
       "refused; raise the limit of open files")                               \
    X (DESCRIPTORS_FREE, INFO, "descriptors", "descriptors are free again")    \
    X (CONNECTIONS_ACCEPTED, INFO, "memory", "connections are accepted again") \
    X (MEMORY_FULL, WARNING, "memory",                                         \
       "waiting messages take too much memory (--memory-max): closing all "    \
       "connections, which may connect again")                                 \
    X (CONNECTIONS_ENDED, WARNING, "memory",                                   \
       "ending the %zu heaviest connections: what they send and do not read "  \
       "takes more than --memory-max allows")                                  \
    X (CONNECTIONS_REFUSED, WARNING, "memory", "%s")                           \
    X (CONNECTIONS_CLOSED, WARNING, "connections",                             \
       "connections closed: %llu, the last one from %s: %s")                   \
    X (ENDS, ERROR, "end", "%s")                                               \
    X (FAILS, ERROR, "end", "%s: %s")                                          \
    X (RECOVERED, INFO, "end", "recovered") X (STOPPED, INFO, "end", "stopped")

//  What failed, or was done.
#define ZSEQ_HOST_TEXTS(X)                                                     \
    X (NO_MEMORY_WRITES, "no memory for what the node writes")                 \
    X (NO_MEMORY_NODE, "no memory for the node's sequences")                   \
    X (NO_MEMORY_KEYS, "no memory for the node's keys")                        \
    X (KV_NOT_EMPTY,                                                           \
       "kv: what the node has just made is not empty: check the disk")         \
    X (NAMES_MANY, "directory %s holds more than %zu sequences: zseqd can "    \
                   "run it, with a larger --names-max")                        \
    X (LOCAL_LOST, "%s; nothing was changed: restore a copy of the directory " \
                   "that was made after its last use, or continue with what "  \
                   "is left, from an ID N that is above every ID handed out: " \
                   "zseqd recover --data %s%s --force --floor N")              \
    X (LOCAL_CLUSTER, "directory %s belongs to node %s of cluster %s, which "  \
                      "has %u nodes: only zseqd can run it")                   \
    X (LOCAL_RECOVERY, "%s/node: the node's last recovery was not finished")   \
    X (LOCAL_DISK_SLOW,                                                        \
       "directory %s: the disk takes too long: allow more time")               \
    X (HOST_NO_POLL, "directory %s: cannot wait for its writes: %s")           \
    X (HOST_NO_RANDOMNESS, "no source of randomness")                          \
    X (LOCAL_DIRECTORY, "directory %s: %s")                                    \
    X (NO_MEMORY_DIRECTORY, "no memory for directory %s")                      \
    X (DIRECTORY_MEMBERS,                                                      \
       "directory %s was formatted for %u members, --members has %u")          \
    X (DIRECTORY_MEMBER, "directory %s was formatted with a member %s, which " \
                         "--members does not name")                            \
    X (DIRECTORY_NODE, "directory %s belongs to node %s, not to %s")           \
    X (DIRECTORY_CLUSTER, "directory %s belongs to cluster %s, not to %s")     \
    X (DIRECTORY_WHICH, "%s. %sTo recover it from its peers, say which node "  \
                        "it is: --name, --cluster and --members")              \
    X (DIRECTORY_NOT_MEMBER,                                                   \
       "node %s is not among the members, or the cluster's name is not valid") \
    X (LOST_NOT_PEER, "'%.*s' is not the name of a peer of node %s")           \
    X (NAMES_MANY_RAISE,                                                       \
       "directory %s holds more than %zu sequences: raise --names-max")        \
    X (NO_MEMORY_SERVER_SOCKETS, "no memory for sockets")                      \
    X (CONNECTIONS_UNCOUNTED,                                                  \
       "--connections-max and --connections-per-source need --transport "      \
       "native: libzmq does not count connections")                            \
    X (BIND_UNPROTECTED, "%s can be reached from other machines, and nothing " \
                         "protects it: bind a loopback or ipc endpoint, or "   \
                         "give --insecure on a network that you trust")        \
    X (BIND_UNRESOLVED,                                                        \
       "cannot bind %s: %s; correct it, or give --bind tcp://ADDRESS%s with "  \
       "an address of this machine, or --bind 'tcp://*%s' for all of them")    \
    X (NO_MEMORY_DESCRIPTOR, "no memory for a descriptor")                     \
    X (RECOVERY_STOPPED, "stopped before the node had recovered")

//  Parts of other texts.
#define ZSEQ_HOST_PARTS(X)                                                     \
    X (SCRUB_REPAIRS, "; it is written again")                                 \
    X (DIRECTORY_NEW,                                                          \
       "If its cluster is new, make the directory with zseqd format. ")        \
    X (STATUS_DESCRIPTORS, "all descriptors are used up: nobody can connect")  \
    X (STATUS_CLOSED,                                                          \
       "closed all connections within the last minute: waiting messages "      \
       "took too much memory")                                                 \
    X (CLOSED_FULL, "as many as may connect are connected, or hold all "       \
                    "descriptors: raise the limit of open files")              \
    X (CLOSED_SOURCE,                                                          \
       "that host or network has as many as it may: see whose they are")       \
    X (CLOSED_HANDSHAKE, "the other end has not shaken hands in time")         \
    X (CLOSED_PROTOCOL, "what came is not what a client of zseq sends: see "   \
                        "what connects there")                                 \
    X (CLOSED_MEMORY, "they took too much memory, or none was left for them: " \
                      "see --memory-max")                                      \
    X (RECOVER_DAMAGED, "its directory is damaged")                            \
    X (RECOVER_REQUESTED, "it was told to")

ZSEQ_HOST_LOGS (ZSEQ_LOG_TEXT)

#define X(name, text) static const char ZSEQ_TEXT_##name[] = text;
ZSEQ_HOST_TEXTS (X)
ZSEQ_HOST_PARTS (X)
#undef X

#endif
