//  A worker's number that a cluster has leased to this process, and the flake
//  IDs of its milliseconds: where flake+URI takes its IDs from.
//
//  The lease claims a second's worth of milliseconds at a time, from the
//  sequence of its worker: the reserved name of lib/doc/design.md, section 9.
//  It claims the next second in the background when half of the last one is
//  gone. It changes to another worker when somebody else claims from the same
//  one.
//
//  Any number of threads may take IDs. One at a time is at work; the others
//  wait for it.

#ifndef ZSEQ_WORKER_LEASE_H_INCLUDED
#define ZSEQ_WORKER_LEASE_H_INCLUDED

#include "zseq_flake.h"

typedef struct zseq_worker_lease zseq_worker_lease_t;

//  A lease that has no worker yet. It claims through claims, which must outlive
//  it, and whose timeout it sets. Does no I/O. NULL: no memory.
zseq_worker_lease_t *zseq_worker_lease_new (const zseq_flake_layout_t *layout,
                                            zseq_client_t *claims);

//  No thread may be at work on it. In a forked child, what belongs to the
//  parent is left alone.
void zseq_worker_lease_destroy (zseq_worker_lease_t **self_p);

//  Takes an ID, and a worker first if it has none. Waits until deadline_us, of
//  the monotonic clock, at most. Errors, with zseq_detail set: ZSEQ_ETIMEOUT
//  (no milliseconds could be claimed), ZSEQ_ECLOCK (the clock is too far
//  behind), ZSEQ_EFULL (no worker is free), ZSEQ_EBUSY (others were faster to
//  take each that was), ZSEQ_EEXHAUSTED (the layout's time is used up),
//  ZSEQ_ENOMEM, and those of zseq_client_list, zseq_raise and zseq_next_range.
int zseq_worker_lease_take (zseq_worker_lease_t *self, uint64_t deadline_us,
                            uint64_t *id_p);

#endif
