//  The store itself, shared by zseq_store.c (open, format, lock),
//  zseq_store_noderecord.c, zseq_store_group.c and zseq_store_writer.c. Private
//  to these.
//
//  The thread that works on the disk owns everything except the queue: the
//  caller's thread until zseq_store_start, the store's thread from then on. The
//  mutex guards the queue, the completions and the flag stopping.

#ifndef ZSEQ_STORE_PRIVATE_H_INCLUDED
#define ZSEQ_STORE_PRIVATE_H_INCLUDED

#include <pthread.h>

#include "zseq_store_group.h"
#include "zseq_store_guard.h"
#include "zseq_store_load.h"

struct zseq_store {
    //  The directory.
    zseq_store_disk_t disk;          //  Its path, file and last error
    zseq_store_journal_t journal;    //  The names journal and its copy
    zseq_store_repair_t repair;      //  The damage that loading found
    zseq_store_guard_t guard;        //  Of the open directory
    zseq_store_expected_t expected;  //  As in the node's record on disk
    zseq_record_t record;            //  The node's record itself
    bool node_there;                 //  A damaged node's record exists
    bool loaded;                     //  zseq_store_load has succeeded
    bool fatal;                      //  The store writes nothing more
    bool unsynced;  //  Deferred writes came since the last syncfs
    int seq_fd;     //  -1 until needed
    int bucket_fd[ZSEQ_STORE_BUCKET_COUNT];  //  Open if this group renamed a
                                             //  file in it
    zseq_store_spares_t spares[ZSEQ_STORE_BUCKET_COUNT];  //  Of each bucket

    //  The writer.
    bool started;         //  The thread runs
    bool reported_fatal;  //  A fatal completion was collected
    pthread_t thread;
    pthread_mutex_t mutex;      //  Of the queue and the completions
    pthread_cond_t wake;        //  There is work, or the thread must end
    bool stopping;              //  The thread ends after what is queued
    int event_fd;               //  Readable while there are completions
    zseq_store_job_t *waiting;  //  Submitted; the thread has not taken them
    size_t waiting_count;
    size_t waiting_capacity;
    bool check_waiting;       //  A check was submitted and is not done
    zseq_check_t check;       //  The check; the thread's while it waits
    size_t check_passed;      //  Groups written since it was submitted
    off_t check_offset;       //  Where the next check of the journals starts
    zseq_store_disk_t scrub;  //  The directory as checks read it
    char check_text[ZSEQ_STORE_TEXT_MAX];  //  What the last check found wrong
    char refusal[ZSEQ_STORE_TEXT_MAX];  //  To the last write that was refused
    zseq_store_job_t *group;            //  The thread's: jobs it has taken
    size_t group_capacity;
    size_t outstanding;    //  Submitted and not yet collected
    zseq_written_t *done;  //  Completed: [done_first, done_first + done_count)
    size_t done_first;
    size_t done_count;
    size_t done_capacity;  //  At least outstanding
};

#endif
