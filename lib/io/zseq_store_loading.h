//  The state that the steps of loading share. The steps in order, each in a
//  file of its own:
//
//      zseq_store_replay     reads the names journal and its copy
//      zseq_store_scan       lists directories, notes unexpected files
//      zseq_store_sequences  reads sequence records, with several threads
//      zseq_store_match      compares journal, records and node's record
//      zseq_store_tidy       clears up after a crash, or plans the repair
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
    zseq_store_finds_t finds;  //  The calling thread's, later those of all

    int seq_fd;
    char bucket[ZSEQ_STORE_BUCKET_COUNT][3];
    size_t bucket_count;
    _Atomic uint64_t identity;  //  Of the intact files; 0: unknown yet
    _Atomic uint8_t node;       //  The same; or ZSEQ_STORE_NODE_UNKNOWN
    atomic_size_t bucket_next;  //  The next directory to read
    atomic_size_t count;        //  Records read
    atomic_bool stop;           //  A step failed
    pthread_mutex_t mutex;
    pthread_cond_t news;  //  A thread has ended or made progress
    size_t running;       //  Threads; under the mutex, as is rc
    int rc;               //  The first failure; disk has its text

    zseq_store_pair_t pair;  //  The names journal and its copy
    zseq_store_name_t *entry;
    size_t entry_count;
    size_t entry_capacity;
} zseq_store_loading_t;

//  Ends loading and returns rc. The first reason stands. _stop_call is for a
//  call that failed with errno, _stop_memory for lack of memory.
int zseq_store_loading_stop (zseq_store_loading_t *self, int rc,
                             const char *where, const char *what);
int zseq_store_loading_stop_call (zseq_store_loading_t *self, const char *where,
                                  const char *call);
int zseq_store_loading_stop_memory (zseq_store_loading_t *self);

//  Adds damage, described by a static text, or the path of a temporary file to
//  finds. Errors: ZSEQ_ENOMEM (loading has ended).
int zseq_store_loading_note_damage (zseq_store_loading_t *self,
                                    zseq_store_finds_t *finds,
                                    const char *where, const char *what,
                                    bool there);
int zseq_store_loading_note_temp (zseq_store_loading_t *self,
                                  zseq_store_finds_t *finds, const char *where);

//  Whether a file's node and cluster are the expected ones. If the node's
//  record does not name the cluster, the first intact file sets it.
bool zseq_store_loading_ours (zseq_store_loading_t *self, uint64_t identity,
                              uint8_t node);

#endif
