//  Child processes of a test. They die with the thread that started them, so
//  start them from the main thread. What goes wrong here ends the test: it
//  prints why and exits with status 1.

#ifndef ZSEQ_PROCESS_H_INCLUDED
#define ZSEQ_PROCESS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

//  How long anything may take before the test is considered stuck.
#define ZSEQ_PROCESS_WAIT_MS 120000

#define ZSEQ_PROCESSES_MAX 16

//  Ends the test.
void zseq_process_fail (const char *format, ...)
  __attribute__ ((format (printf, 1, 2), noreturn));

//  A copy of this process that runs body and exits with what it returns.
//  Start it before this process has any client: threads are not copied.
pid_t zseq_process_fork (int (*body) (void *arg), void *arg);

//  Whether a child that is forked from a process with threads can go on. Not
//  with the address sanitizer: its allocator's locks stay in the child as
//  threads had them that are not there, and a process that needs one waits for
//  ever.
bool zseq_process_forks_threads (void);

//  Runs argv, which ends with NULL; its first entry is searched in PATH. Its
//  standard error is appended to the file log, its output thrown away.
pid_t zseq_process_exec (const char *const *argv, const char *log);

//  Waits until the process ends; returns its exit status, or 128 plus the
//  number of the signal that ended it.
int zseq_process_wait (pid_t pid);

//  Waits until one of the processes, of which those that are 0 are passed
//  over, ends; returns its index. It is still to be waited for.
size_t zseq_process_any (const pid_t *pids, size_t count);

//  Waits until the file contains text at or after offset, woken by each
//  write. Returns false if the process ended before that.
bool zseq_process_says (pid_t pid, const char *log, off_t offset,
                        const char *text);

//  The content of a file from offset on, terminated; the caller frees it.
char *zseq_process_read (const char *path, off_t offset);

//  Bytes in the file, 0 if there is none.
off_t zseq_process_size (const char *path);

#endif
