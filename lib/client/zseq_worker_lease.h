//  A worker's number that a cluster leases to this process, and the flake IDs
//  of its milliseconds: where flake+URI takes its IDs from.
//
//  The lease claims the milliseconds of a second at a time, from the sequence
//  of its worker: the reserved name of lib/doc/design.md, section 9. It claims
//  the next second in the background when half of the last one is gone. It
//  changes to another worker when another process claims from the sequence of
//  this one.
//
//  Any number of threads may take IDs. One of them works on the lease at a
//  time; the others wait for it.

#ifndef ZSEQ_WORKER_LEASE_H_INCLUDED
#define ZSEQ_WORKER_LEASE_H_INCLUDED

#include "zseq_flake.h"

typedef struct zseq_worker_lease zseq_worker_lease_t;

//  Makes a lease without a worker, and does no I/O. The lease claims through
//  claims, which must outlive it and whose timeout it sets. NULL: no memory.
zseq_worker_lease_t *zseq_worker_lease_new (const zseq_flake_layout_t *layout,
                                            zseq_client_t *claims);

//  No thread may use the lease any more. In a forked child, leaves alone what
//  belongs to the parent.
void zseq_worker_lease_destroy (zseq_worker_lease_t **self_p);

//  Takes an ID, and a worker first if the lease has none. Waits until
//  deadline_us of the monotonic clock, at most. Errors, with zseq_detail set:
//  ZSEQ_ETIMEOUT (no milliseconds could be claimed), ZSEQ_ECLOCK (the clock is
//  too far behind), ZSEQ_EFULL (no worker is free), ZSEQ_EBUSY (other processes
//  took each free one first), ZSEQ_EEXHAUSTED (the layout's time is used up),
//  ZSEQ_ENOMEM, and those of zseq_client_list, zseq_raise and zseq_next_range.
int zseq_worker_lease_take (zseq_worker_lease_t *self, uint64_t deadline_us,
                            uint64_t *id_p);

#endif
