//  What a node counts for its operator, since its process began, and what it
//  measures now, such as how many peers' member lists differ from its own. A
//  STATUS reply carries them all under these names; to add one, add a line
//  here, and count. Source: lib/doc/wire.md, section 12, which lists them too.

#ifndef ZSEQ_COUNTERS_H_INCLUDED
#define ZSEQ_COUNTERS_H_INCLUDED

#include <stdint.h>

#define ZSEQ_COUNTERS(X)                                                       \
    X (uptime_us)                                                              \
    X (member_lists_differ)                                                    \
    X (requests)                                                               \
    X (ids)                                                                    \
    X (refused_not_voting)                                                     \
    X (refused_exhausted)                                                      \
    X (refused_no_space)                                                       \
    X (refused_names_full)                                                     \
    X (refused_busy)                                                           \
    X (refused_malformed)                                                      \
    X (refused_other)                                                          \
    X (delegated_requests)                                                     \
    X (delegated_ids)                                                          \
    X (coordinator_claims)                                                     \
    X (coordinator_conflicts)                                                  \
    X (coordinator_burnt)                                                      \
    X (keys)                                                                   \
    X (key_bytes)                                                              \
    X (key_reads)                                                              \
    X (key_promises)                                                           \
    X (key_accepts)                                                            \
    X (frames_received)                                                        \
    X (bytes_received)                                                         \
    X (frames_sent)                                                            \
    X (bytes_sent)                                                             \
    X (closed_full)                                                            \
    X (closed_source)                                                          \
    X (closed_handshake)                                                       \
    X (closed_protocol)                                                        \
    X (closed_memory)                                                          \
    X (ids_per_second)                                                         \
    X (claims_per_second)                                                      \
    X (refusals_per_second)                                                    \
    X (active_connections)

typedef struct {
#define X(name) uint64_t name;
    ZSEQ_COUNTERS (X)
#undef X
} zseq_counters_t;

#endif
