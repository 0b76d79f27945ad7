//  The loading of a directory, under way: what its steps share. The steps, in
//  their order, each in a file of its own:
//
//      zseq_store_replay     the names journal and its copy
//      zseq_store_scan       directories, and what does not belong in them
//      zseq_store_sequences  sequence records, with several threads
//      zseq_store_match      what journal, records and node's record say together
//      zseq_store_tidy       what a crash or damage has left to do
//
//  zseq_store_load.c runs them. Private to these.

#ifndef ZSEQ_STORE_LOADING_H_INCLUDED
#define ZSEQ_STORE_LOADING_H_INCLUDED

#include <pthread.h>
#include <stdatomic.h>

#include "zseq_store_finds.h"
#include "zseq_store_load.h"

typedef struct {
    zseq_store_disk_t *disk;
    const zseq_store_expected_t *expected;
    const zseq_store_load_callbacks_t *callbacks;
    zseq_store_finds_t finds;  //  The calling thread's, then all threads'

    int seq_fd;
    char bucket[ZSEQ_STORE_BUCKET_COUNT][3];
    size_t bucket_count;
    _Atomic uint64_t identity;  //  Of all that is intact; 0: nothing yet
    _Atomic uint8_t node;       //  The same; ZSEQ_STORE_NODE_UNKNOWN
    atomic_size_t bucket_next;  //  The directory to be taken next
    atomic_size_t count;        //  Records read
    atomic_bool stop;           //  Something failed
    pthread_mutex_t mutex;
    pthread_cond_t news;  //  A thread ends, or there is progress
    size_t running;       //  Under the mutex, like the next one
    int rc;               //  What failed first; its text is the disk's

    zseq_store_pair_t pair;  //  The names journal and its copy
    zseq_store_name_t *entry;
    size_t entry_count;
    size_t entry_capacity;
} zseq_store_loading_t;

//  Ends loading for that reason: first come, first told. Returns rc. The second
//  is for a call that failed with errno, the third for no memory.
int zseq_store_loading_stop (zseq_store_loading_t *self, int rc,
                             const char *where, const char *what);
int zseq_store_loading_stop_call (zseq_store_loading_t *self, const char *where,
                                  const char *call);
int zseq_store_loading_stop_memory (zseq_store_loading_t *self);

//  Adds to finds what is damaged, in a few words that stay valid, or the path
//  of a temporary file. Errors: ZSEQ_ENOMEM (loading has ended).
int zseq_store_loading_note_damage (zseq_store_loading_t *self,
                                    zseq_store_finds_t *finds,
                                    const char *where, const char *what,
                                    bool there);
int zseq_store_loading_note_temp (zseq_store_loading_t *self,
                                  zseq_store_finds_t *finds, const char *where);

//  Whether that is who everything else here belongs to. Where the node's
//  record does not say which cluster, the first that is intact does.
bool zseq_store_loading_ours (zseq_store_loading_t *self, uint64_t identity,
                              uint8_t node);

#endif
