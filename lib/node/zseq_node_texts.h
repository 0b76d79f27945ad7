//  What a node says to people: in its log, when it ends, in its status. See
//  lib/README.md, "Texts for people".

#ifndef ZSEQ_NODE_TEXTS_H_INCLUDED
#define ZSEQ_NODE_TEXTS_H_INCLUDED

#include "zseq_log.h"

//  Lines of the log.
#define ZSEQ_NODE_LOGS(X)                                                      \
    X (WAITS_TO_FORM, INFO, "start",                                           \
       "node %s waits until its cluster forms: all %u nodes must be up at "    \
       "the same time once")                                                   \
    X (DISK_REFUSES, WARNING, "disk",                                          \
       "the node refuses claims that need its disk, which takes no more: %s; " \
       "make room")                                                            \
    X (RECORD_REFUSED_LATER, WARNING, "disk",                                  \
       "the node's record cannot be written: %s; make room on the disk, or "   \
       "raise the limit of open files; until then peers that start may have "  \
       "to wait")                                                              \
    X (DISK_ACCEPTS, INFO, "disk",                                             \
       "the disk takes what the node writes again")                            \
    X (DISK_REFUSES_KEYS, WARNING, "disk",                                     \
       "the node refuses to write keys, as its disk takes no more: %s; make "  \
       "room")                                                                 \
    X (DISK_ACCEPTS_KEYS, INFO, "disk",                                        \
       "the disk takes the keys that the node writes again")                   \
    X (FLOORS_TAKEN, INFO, "floor",                                            \
       "node %s takes over the floors of peer %s: no sequence goes on below "  \
       "%llu")                                                                 \
    X (INTRODUCTION_REFUSED, WARNING, "peer",                                  \
       "refused an introduction as node %.*s of cluster %.*s: it has another " \
       "member list (%zu members) or cluster name, or this node's own name. "  \
       "If that is a node of yours, compare its member list with this one's; " \
       "else ignore it: anybody can send one")                                 \
    X (PEER_REFUSES, WARNING, "peer", "peer %s at %s refuses this node: %s")   \
    X (PEER_ANOTHER, WARNING, "peer",                                          \
       "peer %s at %s is not the one this node has met: it was formatted "     \
       "again over a lost disk, or is an old copy, and must be recovered: "    \
       "see zseqd recover")                                                    \
    X (PEER_DISBELIEVED, WARNING, "peer",                                      \
       "peer %s at %s says that node %s is in incarnation %llu, which no "     \
       "node reaches: this node believes nothing of that reply; find out "     \
       "which process answers there")                                          \
    X (PEER_RECOVERS, INFO, "peer",                                            \
       "peer %s begins incarnation %llu: it recovers")                         \
    X (PEER_NOT_THERE, WARNING, "peer",                                        \
       "peer %s is not who answers at %s: that is another node, or one of "    \
       "another cluster, or it was formatted again over a lost disk and must " \
       "be recovered; check the endpoints")                                    \
    X (PEER_DOES_NOT_REACH, WARNING, "peer",                                   \
       "peer %s does not reach this process of node %s at %s: it must be "     \
       "reachable there, and not run elsewhere as well, to vote")              \
    X (MEMBERS_DIFFER, WARNING, "members",                                     \
       "member list differs from peer %s's: %s. Stop the node whose list is "  \
       "wrong and start it again with the other's: on this node "              \
       "zseqd start --data DIR --members '%s', or on %s zseqd start --data "   \
       "DIR "                                                                  \
       "--members '%s'")                                                       \
    X (MEMBERS_AGREE, INFO, "members",                                         \
       "member list no longer differs from peer %s's")                         \
    X (RECOVERS, WARNING, "recovery", "node %s recovers: %s")                  \
    X (RECOVERY_COPIED, INFO, "recovery",                                      \
       "recovering: %llu of %llu names copied from %s")                        \
    X (RECOVERY_WAITS, WARNING, "recovery", "node %s cannot vote yet: %s")     \
    X (RECOVERY_FOREIGN_PEER, WARNING, "peer",                                 \
       "who answers for peer %s at %s is another node, or one of another "     \
       "cluster: check the endpoints")                                         \
    X (RECOVERY_NOT_REACHED, WARNING, "peer",                                  \
       "peer %s does not reach node %s at %s: it must be reachable there to "  \
       "recover")                                                              \
    X (NAMES_FULL, WARNING, "names",                                           \
       "the node refuses new sequences: it holds %zu, as many as it may; "     \
       "start it with a larger --names-max")                                   \
    X (                                                                        \
      STARTS, INFO, "start",                                                   \
      "node %s starts: it votes once %u of its %u peers have noted that, and " \
      "none that answers knows a later start or a newer incarnation of it")    \
    X (READY, INFO, "ready",                                                   \
       "ready: node %s votes (cluster %s of %u, incarnation %llu, %zu "        \
       "sequences)")                                                           \
    X (BURNT, INFO, "burnt",                                                   \
       "burnt %llu IDs at most, which were reserved when the node last ended " \
       "without being stopped")                                                \
    X (PEER_DOWN, WARNING, "peer",                                             \
       "peer %s at %s is down: it has not answered for %llu s")                \
    X (PEER_UP_AGAIN, INFO, "peer", "peer %s is up again, after %llu s")       \
    X (PEER_UP, INFO, "peer", "peer %s at %s is up")                           \
    X (PEER_STATE, DEBUG, "peer", "peer %s %s")                                \
    X (QUORUM_LOST, WARNING, "quorum",                                         \
       "quorum lost: %u of %u nodes vote, %u are needed, and no claim "        \
       "succeeds: %s")                                                         \
    X (QUORUM_REGAINED, INFO, "quorum",                                        \
       "quorum regained, after %llu s: %u of %u nodes vote")

//  What failed, or was done.
#define ZSEQ_NODE_TEXTS(X)                                                     \
    X (RECORD_REFUSED,                                                         \
       "the node's record cannot be written: %s; make room on the disk, or "   \
       "raise the limit of open files, then recover again")                    \
    X (DISK_NO_RECOVERY, "the node cannot recover, as its disk takes no "      \
                         "more: %s; make room, then recover again")            \
    X (FORCE_SILENT,                                                           \
       "%u of %u peers have to know of this recovery, and these do not "       \
       "answer: %s. Start them, with an empty directory if need be; or say "   \
       "--lost %s if their directories are gone for good")                     \
    X (FORCE_NOT_VOTING,                                                       \
       "%u of %u peers have to know of this recovery, and these do not vote "  \
       "now, but may do so later with what is on their disks: %s. Let them "   \
       "vote first; or stop them and start them again without recovery")       \
    X (FORCE_NOT_COPIED,                                                       \
       "peer %s has answered, and holds what may be held nowhere else, but "   \
       "was not copied from: see to it that it runs, reaches node %s at %s, "  \
       "and is not older than this zseqd; then recover again")                 \
    X (PEER_FORMATTED, "peer %s at %s was formatted with another member list " \
                       "or cluster name: format one of the two again")         \
    X (COPY_RUNS, "peer %s knows a %s of node %s, for the second time: "       \
                  "another process runs under its name; stop one of the two")  \
    X (INCARNATION_OTHER,                                                      \
       "peer %s knows another incarnation of node %s: this directory was "     \
       "formatted again over a lost disk, or copied, and must be recovered: "  \
       "see zseqd recover")                                                    \
    X (PROCESS_OTHER,                                                          \
       "another process already runs as node %s: peer %s finds it at the "     \
       "endpoint that the peer's member list gives; stop one of the two, and " \
       "compare the two member lists")                                         \
    X (                                                                        \
      RECOVERIES_MANY,                                                         \
      "node %s has begun %u recoveries, and each time a newer incarnation of " \
      "it was there already: other processes run under its name; stop them")   \
    X (RECOVERY_NO_QUORUM,                                                     \
       "it takes %u voting peers to recover, and in a cluster of %u there "    \
       "are %u: see zseqd recover --force")                                    \
    X (RECOVERY_NOBODY_KNOWS,                                                  \
       "no peer that answers knows the cluster, and nothing is left on this "  \
       "disk. Start every node that may hold something and try again; if "     \
       "none does, format a new cluster and raise its sequences above all "    \
       "IDs that were handed out")                                             \
    X (INCARNATIONS_USED_UP,                                                   \
       "node %s has had all incarnations that there are")                      \
    X (RECOVERY_FOREIGN,                                                       \
       "the directory of node %s belongs to another cluster than its peers, "  \
       "and is left untouched: check the directory and the member list")       \
    X (RECOVERY_NAMES_MANY,                                                    \
       "the peers hold more names than this node may: raise --names-max")      \
    X (RECOVERY_KEYS_MANY,                                                     \
       "the peers hold more of the key-value store than this node may: raise " \
       "--kv-memory")                                                          \
    X (NO_MEMORY_RECOVERY, "no memory for what the peers hold")

//  Parts of other texts.
#define ZSEQ_NODE_PARTS(X)                                                     \
    X (RECOVER_UNFINISHED, "its last recovery was not finished")               \
    X (DISK_FULL, "the disk is full")                                          \
    X (COPY_IS_OLD,                                                            \
       "peer %s knows a %s of it, so this is an old copy of its directory")    \
    X (JOURNAL_END_LOST,                                                       \
       "the journal in its directory kv has lost its end, after group %llu, "  \
       "as peer %s has heard of group %llu: check the disk, which has lost "   \
       "what it had confirmed")                                                \
    X (COPY_INCARNATION, "newer incarnation")                                  \
    X (COPY_START, "later start")                                              \
    X (STATUS_REFUSES_CLAIMS, "refuses claims: ")                              \
    X (STATUS_NO_NOTES, "cannot note starts of peers: ")                       \
    X (STATUS_REFUSES_KEYS, "refuses writes of keys: ")                        \
    X (STATUS_REFUSES_NAMES, "refuses new names: it holds its maximum")        \
    X (STATUS_STARTING, "starting: not noted yet by")                          \
    X (STATUS_FORMING_UNMET, "formation: has not met")                         \
    X (STATUS_FORMING_UNNOTED, "formation: not noted yet by")                  \
    X (STATUS_FORMING_UNEQUAL, "formation: not all have met the same nodes:")  \
    X (STATUS_WRITING, "recovering: writing")                                  \
    X (STATUS_RECOVERING, "recovering: %s %u of %u voting peers; lacks")       \
    X (STATUS_MEMBERS, "%smember list differs from ")                          \
    X (STATUS_MEMBER_AT, " at %s here, at %s there")                           \
    X (MEMBER_IS_AT, "%s%s is at %s here and at %s there")                     \
    X (STATUS_COPIED, "copied from")                                           \
    X (PEER_UNKNOWN, "has not said what it does")                              \
    X (PEER_WAITS, "waits for the formation")                                  \
    X (PEER_IS_DOWN, "is down")                                                \
    X (SELF_NO_VOTE, "(this node) does not vote")

ZSEQ_NODE_LOGS (ZSEQ_LOG_TEXT)

#define X(name, text) static const char ZSEQ_TEXT_##name[] = text;
ZSEQ_NODE_TEXTS (X)
ZSEQ_NODE_PARTS (X)
#undef X

#endif
