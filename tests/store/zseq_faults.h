//  Watches the store's system calls: the linker sends them here first (--wrap),
//  to be logged, made to fail, or made the last of the process. Only calls on
//  paths below a root count, and writes to an eventfd, which are the store's
//  completions.

#ifndef ZSEQ_FAULTS_H_INCLUDED
#define ZSEQ_FAULTS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

//  Every call is tried; with address sanitizer, which takes eight times as
//  long, one in three.
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

//  The process dies by SIGKILL before the when-th call, or with torn after half
//  of that write.
void zseq_faults_kill (size_t when, bool torn);

//  Writes take one byte at a time, and every other one is interrupted.
void zseq_faults_dribble (bool on);

//  fsync and syncfs succeed at once: for tests that do not depend on them.
void zseq_faults_fast (bool on);

//  Directories do not give the types of their entries.
void zseq_faults_typeless (bool on);

//  All file systems have that type of statfs; 0: their own.
void zseq_faults_filesystem (unsigned long type);

//  The number of calls, successful or not.
size_t zseq_faults_seen (void);

//  The call that was made to fail, with its path, or NULL.
const zseq_call_t *zseq_faults_failed (void);

const zseq_call_t *zseq_faults_log (size_t *count_p);

//  Call number index in one line, "fsync seq/XX/.tmp", without the parts that
//  differ between names and runs.
const char *zseq_faults_line (size_t index);

#endif
