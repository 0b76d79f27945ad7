//  The store itself, which zseq_store.c (open, format, lock), _noderecord.c,
//  _group.c and _writer.c share. Private to these.
//
//  Whoever works on the disk owns everything but the queue: the caller's
//  thread until zseq_store_start, the store's own from then on. The queue, the
//  completions and the flag stopping are under the mutex.

#ifndef ZSEQ_STORE_PRIVATE_H_INCLUDED
#define ZSEQ_STORE_PRIVATE_H_INCLUDED

#include <pthread.h>

#include "zseq_store_group.h"
#include "zseq_store_guard.h"
#include "zseq_store_load.h"

struct zseq_store {
    //  The directory.
    zseq_store_disk_t disk;
    zseq_store_journal_t journal;
    zseq_store_repair_t repair;      //  What loading found to be repaired
    zseq_store_guard_t guard;        //  Of the open directory
    zseq_store_expected_t expected;  //  As the node's record on disk has it
    zseq_record_t record;            //  ... in full
    bool node_there;  //  There is a node's record, though damaged
    bool loaded;
    bool fatal;     //  Nothing more is written
    bool unsynced;  //  Deferred writes came since the last syncfs
    int seq_fd;     //  -1 until needed
    int bucket_fd[ZSEQ_STORE_BUCKET_COUNT];  //  Open: this group renamed a file
                                             //  in it
    zseq_store_spares_t spares[ZSEQ_STORE_BUCKET_COUNT];

    //  The writer.
    bool started;
    bool told_fatal;  //  A fatal completion was collected
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping;
    int event_fd;
    zseq_store_job_t *waiting;  //  Submitted, not yet taken up
    size_t waiting_count;
    size_t waiting_capacity;
    bool check_waiting;       //  Submitted, not yet done
    zseq_check_t check;       //  The thread's own while it waits
    size_t check_passed;      //  Groups that have been written since
    off_t check_offset;       //  Where in the journals to go on
    zseq_store_disk_t scrub;  //  The directory, for what is read back
    char check_text[ZSEQ_STORE_TEXT_MAX];  //  What is wrong
    zseq_store_job_t *group;               //  The thread's own: taken up
    size_t group_capacity;
    size_t outstanding;    //  Submitted and not yet collected
    zseq_written_t *done;  //  Completed: [done_first, done_first + done_count)
    size_t done_first;
    size_t done_count;
    size_t done_capacity;  //  At least outstanding
};

#endif
