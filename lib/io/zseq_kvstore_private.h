//  The key-value store itself, shared by zseq_kvstore.c (loading) and
//  zseq_kvstore_writer.c (the thread). Private to these.
//
//  The thread that works on the disk owns everything except the queue: the
//  caller's thread until zseq_kvstore_start, the store's thread from then on.
//  The mutex guards the queue and the completions.

#ifndef ZSEQ_KVSTORE_PRIVATE_H_INCLUDED
#define ZSEQ_KVSTORE_PRIVATE_H_INCLUDED

#include <pthread.h>

#include "zseq_kvstore_ledger.h"
#include "zseq_kvstore_load.h"
#include "zseq_kvstore_scrub.h"
#include "zseq_kvstore_shot.h"
#include "zseq_store_guard.h"

//  A group, and later its completion.
typedef struct zseq_kvstore_job zseq_kvstore_job_t;
struct zseq_kvstore_job {
    zseq_kvstore_job_t *next;
    const zseq_kv_group_t *group;  //  The caller's
    uint64_t position;             //  ... its position
    int status;
};

//  Groups in their order.
typedef struct {
    zseq_kvstore_job_t *first;
    zseq_kvstore_job_t *last;
} zseq_kvstore_queue_t;

//  How far the snapshot of a shard has come. There is one at a time.
typedef enum {
    ZSEQ_KVSTORE_SHOT_NONE,
    ZSEQ_KVSTORE_SHOT_DUE,    //  The caller has to be asked
    ZSEQ_KVSTORE_SHOT_ASKED,  //  The caller was asked
    ZSEQ_KVSTORE_SHOT_GIVEN,  //  The caller has answered
    ZSEQ_KVSTORE_SHOT_BEGUN,  //  The thread writes
    ZSEQ_KVSTORE_SHOT_DONE    //  The caller has to be told
} zseq_kvstore_shot_state_t;

//  Of the piece that is to be read back.
typedef enum {
    ZSEQ_KVSTORE_CHECK_NONE,
    ZSEQ_KVSTORE_CHECK_ASKED,  //  The caller has asked for it
    ZSEQ_KVSTORE_CHECK_DONE    //  The caller has to be told
} zseq_kvstore_check_state_t;

struct zseq_kvstore {
    //  The directory.
    zseq_store_disk_t disk;   //  The node's directory, its last error
    zseq_store_disk_t aside;  //  The directory of a new kv, until it is placed
    zseq_store_guard_t guard;
    zseq_kvstore_sizes_t sizes;
    zseq_kvstore_journal_t journal;
    zseq_kvstore_ledger_t ledger;
    zseq_kvstore_shot_t shot;
    zseq_kvstore_scrub_t scrub;
    bool loaded;   //  zseq_kvstore_load has succeeded
    bool damaged;  //  ... with damage: kv is made anew with the first group
    bool fatal;    //  The store writes nothing more

    //  The writer's.
    zseq_kvstore_batch_t batch;       //  Under construction
    size_t shard_bytes[ZSEQ_SHARDS];  //  Entries of each shard in it
    uint64_t batch_position;          //  Of the last group that is whole in it
    uint64_t batch_last;       //  Of the last one that has any part in it
    uint64_t processed;        //  Position of the last group, refused or not
    uint64_t written;          //  Bytes of all batches
    bool used;                 //  A group was written
    bool sealed;               //  The last batch on disk is of no group
    bool full;                 //  The disk was full; wait for the next group
    uint64_t oldest;           //  The oldest segment on disk
    uint64_t oldest_recorded;  //  The oldest that is needed, by the journal
    size_t zeros_owed;         //  Bytes of zeros to write though groups wait
    size_t shot_owed;          //  Bytes of the snapshot to write, the same
    uint64_t shot_since;       //  Bytes of its shard's entries since it began
    uint64_t shot_retry;       //  No snapshot before so many bytes are written
    unsigned checked;          //  Writes since a piece was read back

    //  The queue.
    bool started;         //  The thread runs
    bool reported_fatal;  //  A fatal completion was collected
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;  //  There is work, or the thread must end
    bool stopping;
    int event_fd;        //  Readable while there are completions
    uint64_t submitted;  //  Position of the last group; the caller's
    zseq_kvstore_queue_t waiting;
    zseq_kvstore_queue_t done;
    bool failed;  //  A failure without a group is to be reported
    zseq_kvstore_shot_state_t shot_state;
    uint8_t shot_shard;
    zseq_kvstore_shot_source_t shot_source;  //  While given
    int shot_status;                         //  Once done
    char refusal[ZSEQ_STORE_TEXT_MAX];
    zseq_kvstore_check_state_t check_state;
    int check_status;  //  Once done
    size_t check_pieces;
    char check_text[ZSEQ_STORE_TEXT_MAX];
};

//  Sets other sizes, before loading. For tests.
void zseq_kvstore_set_sizes (zseq_kvstore_t *self,
                             const zseq_kvstore_sizes_t *sizes);

//  Ends the thread, if it was started, after it has written all submitted
//  groups, and frees the queue.
void zseq_kvstore_writer_term (zseq_kvstore_t *self);

#endif
