//  What the tests of the key-value store share: a script of random groups on a
//  few keys, and the state that a node has after each of them. A record's
//  version counts the changes of its key, so a loaded state can be compared
//  with what was submitted.

#ifndef ZSEQ_KVSTATE_H_INCLUDED
#define ZSEQ_KVSTATE_H_INCLUDED

#include "zseq_kvstore.h"

enum {
    KVSTATE_KEYS = 8,
    KVSTATE_PROMISES = 2,
    KVSTATE_COUNTERS = KVSTATE_KEYS + KVSTATE_PROMISES,
    KVSTATE_POSITIONS = 2000,
    KVSTATE_PEER = 2  //  That has told groups where its journal ends
};

//  Changes of each key, and then rounds of each promise. An odd counter that is
//  divisible by 5 says that the key was dropped; 0: it never was there.
typedef struct {
    uint16_t counter[KVSTATE_COUNTERS];
} kvstate_counters_t;

//  What was submitted and what the store has said, in shared memory.
typedef struct {
    uint64_t submitted;  //  Positions
    uint64_t durable;    //  ... the last one that was acknowledged
    kvstate_counters_t after[KVSTATE_POSITIONS];
    uint64_t acknowledged;  //  All changes up to that position are durable
    size_t snapshots;
    size_t refused;
    size_t fatal;
    bool after_fatal;                  //  Something else was said after that
    size_t checked;                    //  Pieces that were read back
    size_t pieces;                     //  ... of so many
    size_t damaged;                    //  ... that were damaged
    char damage[ZSEQ_STORE_TEXT_MAX];  //  ... what was said of the first one
} kvstate_report_t;

//  A node's state: what loading reports, and what snapshots are made of.
typedef struct {
    zseq_ballot_t promise[ZSEQ_SHARDS];
    zseq_register_t *reg[KVSTATE_KEYS];
    zseq_journal_end_t heard;  //  By KVSTATE_PEER
} kvstate_t;

void kvstate_term (kvstate_t *self);

//  The state as counters.
kvstate_counters_t kvstate_count (const kvstate_t *self);

zseq_slice_t kvstate_key (size_t key);

//  Small sizes, so that a few groups fill segments.
void kvstate_set_small (zseq_kvstore_t *kv);

//  Opens the node's directory and loads its registers into state. Returns what
//  loading returns, or ZSEQ_EDAMAGED; kvstate_text then has the lines about it.
//  Both stores are null after an error.
int kvstate_open (zseq_store_t **store_p, zseq_kvstore_t **kv_p, uint64_t heard,
                  kvstate_t *state, zseq_kvstore_load_result_t *result);
const char *kvstate_text (void);

//  The same, and closes it again.
int kvstate_check (uint64_t heard, kvstate_counters_t *counters,
                   zseq_kvstore_load_result_t *result);

//  The script: opens the node's directory and writes groups until the store has
//  made that many snapshots and groups groups are written. on_durable: called
//  with each position that is acknowledged, or null.
void kvstate_play (kvstate_report_t *report, size_t snapshots, size_t groups,
                   void (*on_durable) (uint64_t position, void *arg),
                   void *arg);

//  Opens the node's directory, writes groups, calls change. Reads everything
//  back until twice as many pieces as there are in a row are not damaged.
void kvstate_read_back (kvstate_report_t *report, size_t groups,
                        void (*change) (void *arg), void *arg);

//  Opens the node's directory, and reads back so many pieces between groups.
void kvstate_read_back_in_use (kvstate_report_t *report, size_t pieces);

//  A report in memory that is shared with child processes.
kvstate_report_t *kvstate_report_new (void);

//  Submits one group of changes and waits for it; returns its status. Answers
//  no request for a snapshot.
int kvstate_write (zseq_kvstore_t *kv, uint64_t position,
                   const zseq_kv_change_t *changes, size_t count);

//  A record of a key with a value of size bytes.
zseq_register_t *kvstate_register (size_t key, uint64_t version, size_t size);

#endif
