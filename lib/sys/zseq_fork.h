//  Counts forks. A forked child must not touch what the threads of its parent
//  use. So an object keeps the zseq_fork_count of its making, and belongs to
//  another process once the count differs.

#ifndef ZSEQ_FORK_H_INCLUDED
#define ZSEQ_FORK_H_INCLUDED

//  How many forks lie between the process that first called zseq_fork_watch and
//  this one. Changes only in a child, before fork () returns there.
extern unsigned zseq_fork_count;

//  Starts to count; later calls do nothing. Thread-safe.
void zseq_fork_watch (void);

//  Whether zseq_fork_count is still count. Errors, with zseq_detail set:
//  ZSEQ_EFORKED.
int zseq_fork_check (unsigned count);

#endif
