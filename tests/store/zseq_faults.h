//  The store's system calls, watched: the linker sends them here first
//  (--wrap), where they are logged, made to fail, or made the process's last.
//  Nobody else's calls are counted: only those on paths below a root, and
//  writes to an eventfd, which are the store's completions.

#ifndef ZSEQ_FAULTS_H_INCLUDED
#define ZSEQ_FAULTS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

//  Every call is tried, and with address sanitizer, which takes eight times as
//  long, one of three.
#if defined __SANITIZE_ADDRESS__
#define ZSEQ_FAULTS_STRIDE 3
#else
#define ZSEQ_FAULTS_STRIDE 1
#endif

//  One call that succeeded.
typedef struct {
    const char *call;  //  create, mkdir, write, fsync, syncfs, close, rename,
                       //  unlink, truncate, complete
    char path[320];    //  Below the root
    char to[320];      //  Of a rename
    off_t offset;      //  Of a write; the size of a truncate
    size_t size;       //  Of a write
    uint8_t *data;     //  The same
} zseq_call_t;

//  Watches calls below root from now on, with an empty log.
void zseq_faults_begin (const char *root);

//  Stops watching; the log stays.
void zseq_faults_stop (void);

//  Stops watching and frees the log.
void zseq_faults_end (void);

//  The when-th call (from 1) whose name is call (NULL: any) fails with error.
//  With repeat, all later ones too.
void zseq_faults_fail (const char *call, size_t when, int error, bool repeat);

//  The process dies by SIGKILL at the when-th call: before it, or if torn and
//  it is a write, after half of it.
void zseq_faults_kill (size_t when, bool torn);

//  Writes take one byte at a time, and every other one is interrupted.
void zseq_faults_dribble (bool on);

//  fsync and syncfs succeed at once: for tests that do not ask about them.
void zseq_faults_fast (bool on);

//  Directories do not tell what kind their entries are of.
void zseq_faults_typeless (bool on);

//  All file systems are of that type, a number of statfs; 0: of their own.
void zseq_faults_filesystem (unsigned long type);

//  Calls seen, whether they succeeded or not.
size_t zseq_faults_seen (void);

//  The call that was made to fail: its name and path, or NULL if none was.
const zseq_call_t *zseq_faults_failed (void);

const zseq_call_t *zseq_faults_log (size_t *count_p);

//  Call number index in one line, "fsync seq/XX/.tmp": without what differs
//  from name to name and from run to run.
const char *zseq_faults_line (size_t index);

#endif
