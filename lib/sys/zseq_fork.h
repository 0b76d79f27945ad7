//  Forks. A child must not touch what its parent's threads are using: what is
//  made notes zseq_fork_count, and belongs to another process once that differs.

#ifndef ZSEQ_FORK_H_INCLUDED
#define ZSEQ_FORK_H_INCLUDED

//  How many forks lie between the first process and this one, since the first
//  call of zseq_fork_watch. Changes only in a child, before fork returns there.
extern unsigned zseq_fork_count;

//  Starts counting; once it does, does nothing. Thread-safe.
void zseq_fork_watch (void);

//  ZSEQ_OK, or ZSEQ_EFORKED with zseq_detail set: whether count is still the
//  same.
int zseq_fork_check (unsigned count);

#endif
