//  The details of failed calls. See lib/README.md, "Texts for people".

#ifndef ZSEQ_CLIENT_TEXTS_H_INCLUDED
#define ZSEQ_CLIENT_TEXTS_H_INCLUDED

//  What failed, or was done.
#define ZSEQ_CLIENT_TEXTS(X)                                                   \
    X (ASK_OLD_NODES, "no node that answers knows this question: they speak "  \
                      "older versions than 3, and have to be upgraded")        \
    X (NO_MEMORY_PAGE, "no memory for a page of names")                        \
    X (NO_DESCRIPTOR, "no descriptor is left: %s: raise ulimit -n")            \
    X (NO_MEMORY_CALL_THREAD, "no memory for a thread")                        \
    X (CALL_FIRST_IDS, "the first IDs are being claimed: try again")           \
    X (NO_MEMORY_CALL, "no memory for a call")                                 \
    X (CALL_NOT_OPENED,                                                        \
       "the directory was not opened in time: allow more time")                \
    X (QUORUM_ONLY_CLUSTER, "only a cluster's URI has quorums")                \
    X (PREFIX_LONG, "the prefix is longer than %d bytes")                      \
    X (DECODE_ONLY_FLAKE, "only IDs of flake: and flake+ URIs hold a time")    \
    X (DECODE_NO_ID, "%llu is no ID of that layout")                           \
    X (TIMEOUT_RANGE, "timeout %d ms is not in 1..%d")                         \
    X (COUNT_RANGE, "count %llu is not in 1..2^32")                            \
    X (ID_RANGE, "ID %llu is not in 1..2^63")                                  \
    X (URI_NULL, "the URI is NULL")                                            \
    X (NO_MEMORY_CLIENT, "no memory for a client")                             \
    X (CLUSTER_ANEW, "the nodes answer for another cluster than before: was "  \
                     "the cluster made anew? Make a new client")               \
    X (ANSWERED_LATE,                                                          \
       "%u of %u nodes answered, too late or after other clients' claims: "    \
       "allow more time, or use a larger batch")                               \
    X (ANSWERED_FEW, "%u of %u nodes answered, %u are needed")                 \
    X (CLOCK_BEHIND, "the clock is %llu ms behind the last ID: it was set "    \
                     "back, or IDs come faster than the layout allows")        \
    X (CLOCK_BEFORE_EPOCH,                                                     \
       "the clock shows a time before the epoch: set the clock, or choose an " \
       "earlier epoch than epoch=%llu")                                        \
    X (CLOCK_USED_UP,                                                          \
       "the layout's %u bits of time are used up: choose a later epoch")       \
    X (NAME_SIZE, "a sequence's name has 1 to %d bytes, not %zu")              \
    X (NAME_RESERVED,                                                          \
       "names that begin with %s are reserved for flake workers, and '%s' is " \
       "not one: %sTIME-WORKER-SEQUENCE/EPOCH/WORKER")                         \
    X (NO_MEMORY_HANDLE, "no memory for a handle")                             \
    X (BATCH_RANGE, "batch %llu is above 2^32")                                \
    X (BATCH_ONE, "with batch 1 nothing is ever buffered: set a larger batch") \
    X (BATCH_CLAIMED, "the next range of '%s' is being claimed: try again")    \
    X (SEQUENCE_END, "no ID is left of sequence '%s'")                         \
    X (SEQUENCE_FEW, "fewer than %llu IDs are left of sequence '%s'")          \
    X (QUORUM_RANGE, "r %d or w %d is not in 0..%d")                           \
    X (QUORUM_LATE, "r and w must be set before the client's first call")      \
    X (NO_MEMORY_SOCKETS, "no memory for sockets")                             \
    X (CLUSTER_NOT_FORMED, "cluster %s is not formed yet: all of its nodes "   \
                           "must be up at the same time once")                 \
    X (SESSION_REFUSED,                                                        \
       "%s refuses to identify itself: is it a node of another version?")      \
    X (SESSION_NOT_ZSEQD,                                                      \
       "no node answered: what listens at %s does not speak like zseqd")       \
    X (SESSION_SILENT,                                                         \
       "no node answered at %s%s: %sis zseqd running there, and reachable?")   \
    X (SESSION_QUORUM, "cluster %.*s has %zu nodes: r must be %zu to %zu and " \
                       "w %zu to %zu (or 0), not %d and %d")                   \
    X (SESSION_CLUSTER,                                                        \
       "%s belongs to a cluster named %.*s, not to cluster %s%s")              \
    X (SESSION_DUPLICATE, "%s and %s are both node %s: list each node once")   \
    X (NO_MEMORY_SESSION, "no memory for a session")                           \
    X (LOCAL_SLOW, "directory %s took too long to open: allow more time")      \
    X (LOCAL_QUORUM,                                                           \
       "directory %s is one node: r and w must be 1 (or 0), not %d and %d")    \
    X (NO_MEMORY_LOCAL, "no memory for a local node")                          \
    X (FLAKE_NOT_CONSECUTIVE,                                                  \
       "flake IDs come one by one: they are not consecutive")                  \
    X (FLAKE_NO_SEQUENCE,                                                      \
       "flake IDs are made of the clock: they have no sequence")               \
    X (KEY_SIZE, "a key has 1 to %d bytes, not %zu")                           \
    X (KV_BUFFER_SMALL, "the value has %zu bytes, and the buffer %zu")         \
    X (KV_DEL_NOTHING,                                                         \
       "version 0 means that there is no value, and so nothing to delete")     \
    X (KV_VERSION, "a version is 1 to 2^63 - 1, not %llu")                     \
    X (KV_DELETED, "it was deleted at version %llu%s")                         \
    X (KV_EXISTS, "it is there already, at version %llu%s")                    \
    X (KV_FULL, "a majority of the nodes has no memory left for it: delete "   \
                "keys, or start zseqd with a larger --kv-memory")              \
    X (KV_FORGOTTEN, "the write was sent more than once, and too many others " \
                     "came since: read the key, which is at version %llu")     \
    X (KV_LIST_LONG, "the prefix or the key after which to begin is longer "   \
                     "than %d bytes")                                          \
    X (KV_NONE, "nothing is stored under it%s")                                \
    X (KV_NOT_COORDINATED, "no node has coordinated it in time%s%s")           \
    X (KV_NOT_FLAKE, "flake URIs have no key-value store: use the URI of a "   \
                     "cluster, a file: URI, or mem:")                          \
    X (KV_NO_NEWER, "it had no version above %llu until the deadline")         \
    X (KV_OLD_NODES, "%u of %u nodes are of a version without the key-value "  \
                     "store: upgrade them")                                    \
    X (KV_OTHER_VERSION, "it is at version %llu, not %llu%s")                  \
    X (KV_REFUSED, "a node refuses it%s")                                      \
    X (NO_MEMORY_VALUE, "no memory for a value of %zu bytes")                  \
    X (VALUE_SIZE, "a value has at most %d bytes, not %zu")                    \
    X (URI_BITS,                                                               \
       "URI '%.300s': bits=%s is not TIME/WORKER/SEQUENCE, as 41/10/12")       \
    X (URI_EPOCH, "URI '%.300s': epoch=%s is not a time in Unix milliseconds") \
    X (URI_NOT_KEY_VALUE, "URI '%.300s': option '%s' is not KEY=VALUE")        \
    X (URI_CLUSTER, "URI '%.300s': '%s' is not a cluster's name")              \
    X (URI_LABEL,                                                              \
       "URI '%.300s': label=%s is not 1 to %d ASCII letters, digits or "       \
       "characters of -_.:@/+[]")                                              \
    X (URI_TRANSPORT, "URI '%.300s': transport=%s is not one of this build: "  \
                      "use zmq or native")                                     \
    X (URI_OPTION_UNKNOWN,                                                     \
       "URI '%.300s': there is no option '%s'; there are %stimeout%s")         \
    X (URI_OPTION_RANGE,                                                       \
       "URI '%.300s': option '%s' is not a number from %d to %d")              \
    X (URI_ENDPOINTS, "URI '%.300s' has more than %d endpoints")               \
    X (URI_ENDPOINT, "URI '%.300s': endpoint %zu is not tcp://HOST:PORT, "     \
                     "with no wildcard as HOST, or ipc://PATH, of at most %d " \
                     "bytes (other URIs begin with file:, mem: or flake:)")    \
    X (URI_DUPLICATE, "URI '%.300s' lists %s twice")                           \
    X (URI_DIRECTORY,                                                          \
       "URI '%.300s' names no directory of less than %d bytes: file:DIR")      \
    X (URI_MEM, "URI '%.300s': nothing follows mem:")                          \
    X (URI_WORKER, "URI '%.300s' names no worker: flake:WORKER, a number, or " \
                   "flake+tcp://... for a number that a cluster leases")       \
    X (URI_BITS_SUM, "URI '%.300s': bits of time, worker (%d at most) and "    \
                     "sequence (%d) are %d at most together")                  \
    X (URI_WORKER_RANGE, "URI '%.300s': workers are 0 to %llu with %u bits")   \
    X (URI_OPTION_LONG, "URI '%.300s': an option is too long")                 \
    X (NO_MEMORY_WORKERS, "no memory for a list of workers")                   \
    X (WORKERS_IN_USE, "all %zu worker numbers are in use: end generators, "   \
                       "or choose more worker bits")                           \
    X (WORKERS_NOT_CLAIMED,                                                    \
       "no worker's milliseconds could be claimed: allow more time")           \
    X (WORKERS_FEW, "other processes took each free worker number first: few " \
                    "are left; try again, or choose more worker bits")

//  Parts of other texts.
#define ZSEQ_CLIENT_PARTS(X)                                                   \
    X (NOTHING_CHANGED, "nothing has changed")                                 \
    X (UNREACHABLE, "; not reachable: ")                                       \
    X (NODE_REFUSES, "; node %s refuses: %s")                                  \
    X (NOT_COUNTED, "; answers that do not count: ")                           \
    X (                                                                        \
      SUPERSEDED_ONE,                                                          \
      " (another node knows a newer incarnation of it; does it run on an old " \
      "copy of its directory?)")                                               \
    X (SUPERSEDED_MANY,                                                        \
       " (other nodes know newer incarnations of them; do they run on old "    \
       "copies of their directories?)")                                        \
    X (CLAIM_BURNT, "nothing was handed out, though IDs may have been burnt")  \
    X (CLAIM_OTHERS_FIRST,                                                     \
       "other requests of this client came first: allow more "                 \
       "time, or use a larger batch; %s")                                      \
    X (CLAIM_COORDINATOR, "node %s at %s was asked to claim and has not "      \
                          "answered yet: allow more time; %s")                 \
    X (RAISE_PENDING, "the raise may still take effect")                       \
    X (KV_COPY_LEFT, "; but a copy of the request may be done yet")            \
    X (KV_MAY_BE_WRITTEN, "the write may have been done, or may be done yet")  \
    X (KV_NO_ROOM, "a majority of the nodes has a full disk, or no memory "    \
                   "left for keys (zseqd --kv-memory)")                        \
    X (KV_NOT_WRITTEN, "nothing was written")                                  \
    X (KV_ONE_REFUSED, "; one refused: ")                                      \
    X (SESSION_OTHERS, " or the other endpoints")                              \
    X (SESSION_RESOLVES, "does the name resolve, and ")                        \
    X (SESSION_FIRST, ", which answered first")                                \
    X (URI_OPTIONS_CLUSTER, "cluster, label, r, transport, w and ")            \
    X (URI_OPTIONS_FILE, "unsafe-filesystem and ")                             \
    X (URI_OPTIONS_FLAKE, ", bits and epoch")

#define X(name, text) static const char ZSEQ_TEXT_##name[] = text;
ZSEQ_CLIENT_TEXTS (X)
ZSEQ_CLIENT_PARTS (X)
#undef X

#endif
