//  The key-value store on disk: what a node holds of registers, in one journal
//  for all shards and a snapshot for each. It lies in the directory kv of a
//  node's directory, beside the sequences' store. lib/doc/disk.md, section 14,
//  specifies the bytes and the order of writing. The store upholds S8 of
//  lib/doc/design.md.
//
//  A node whose zseq_store_t is open calls zseq_kvstore_new,
//  zseq_kvstore_load once its record has an identity, and zseq_kvstore_start.
//  From then on it submits groups, polls zseq_kvstore_fd, collects the
//  completions, and answers those that ask for a snapshot.
//
//  One thread makes all calls. The store's own thread writes; it shares nothing
//  with the thread that writes sequences.

#ifndef ZSEQ_KVSTORE_H_INCLUDED
#define ZSEQ_KVSTORE_H_INCLUDED

#include "zseq_kv_group.h"
#include "zseq_store.h"

typedef struct zseq_kvstore zseq_kvstore_t;

//  Makes a store in the directory of store, which must be open and must outlive
//  it. Touches nothing yet. NULL: no memory.
zseq_kvstore_t *zseq_kvstore_new (const zseq_store_t *store);

//  Whether there is anything in kv's place. Before loading.
bool zseq_kvstore_is_there (const zseq_kvstore_t *self);

//  Ends the store's thread after it has written all submitted groups, and frees
//  everything. A snapshot that is under way is abandoned. Completions that were
//  not collected are discarded, and the registers of their groups are the
//  caller's again. Nulls the pointer, accepts null.
void zseq_kvstore_destroy (zseq_kvstore_t **self_p);

//  Says on one line what went wrong in the last call that failed, with the
//  file's name. After zseq_kvstore_start the text is empty until a fatal
//  completion has been collected.
const char *zseq_kvstore_text (const zseq_kvstore_t *self);

//  What loading reports, in the order in which it was written: what comes later
//  replaces what came before. The slices are valid during the call. A result
//  other than ZSEQ_OK ends loading and is returned. Each may be null.
typedef struct {
    int (*promise) (uint8_t shard, const zseq_ballot_t *ballot,
                    uint64_t dropped, void *arg);
    int (*record) (uint8_t shard, const zseq_kv_record_t *record, void *arg);
    int (*dropped) (uint8_t shard, zseq_slice_t key,
                    const zseq_proposal_t *proposal, uint64_t version,
                    void *arg);
    //  All that was reported of the shard is void.
    int (*cleared) (uint8_t shard, void *arg);
    //  What a node has told this one.
    int (*heard) (uint8_t node, const zseq_journal_end_t *end, void *arg);
    //  One damaged thing: a line that names the file.
    void (*damage) (const char *text, void *arg);
    void *arg;
} zseq_kvstore_load_callbacks_t;

typedef struct {
    size_t damaged;     //  Damaged things; 0: all is well
    size_t unfinished;  //  Leftovers of a crash; 0 with damage
    uint64_t position;  //  Where the journal ends: of the last group in it
    uint64_t identity;  //  As given; or if that was 0, what the files say. 0:
                        //  no file does; then only _destroy may follow
} zseq_kvstore_load_result_t;

//  Reads snapshots and journal. identity and node are those of the node's
//  record; identity is 0 if that is lost. heard is the highest position that
//  peers know from this node's replies, if the caller has asked them: a journal
//  that ends below is damaged. With 0 (unknown) the caller compares result_p's
//  position with what peers say before the node votes.
//
//  If nothing is damaged, loading then cuts off a batch that was not finished,
//  and deletes temporary files and segments that are not needed.
//
//  With damage, loading changes nothing. What was reported is what is intact,
//  and may lack anything: only a recovery by force may use it. Once a record
//  that says that the node does not vote is durable, the first group that the
//  node submits must clear all shards, and have nothing before that. The store
//  then moves the directory kv to the folder `damaged` and makes a new one.
//  Positions begin at 1 again.
//
//  Call it once; after an error only _text and _destroy. Errors: ZSEQ_EFOREIGN
//  (files of another node or cluster, or of an unknown format), ZSEQ_EINVAL (kv
//  is on another file system), ZSEQ_EIO, ZSEQ_ENOMEM, and what a callback
//  returned.
int zseq_kvstore_load (zseq_kvstore_t *self, uint64_t identity, uint8_t node,
                       uint64_t heard,
                       const zseq_kvstore_load_callbacks_t *callbacks,
                       zseq_kvstore_load_result_t *result_p);

//  Starts the thread that writes. Before the completions of a group appear, and
//  after each second without a group, it also checks that the directory is
//  still the one at its path and that no other process has written it. A failed
//  check is fatal. Errors: ZSEQ_ENOMEM, ZSEQ_EIO (out of descriptors).
int zseq_kvstore_start (zseq_kvstore_t *self);

//  Hands a group over without blocking on the disk. Its position is above those
//  of all groups before, and above the one that loading found. It has changes,
//  and is the caller's to release once it is complete. All groups that wait
//  when the thread is free are written with one sync. Groups complete in the
//  order of submission. Errors: ZSEQ_ENOMEM, nothing taken.
int zseq_kvstore_submit (zseq_kvstore_t *self, const zseq_kv_group_t *group);

typedef enum {
    ZSEQ_KVSTORE_WRITTEN,  //  A group: position, status
    ZSEQ_KVSTORE_DUE,      //  A shard needs a snapshot: the caller answers with
                           //  zseq_kvstore_snapshot
    ZSEQ_KVSTORE_SNAPPED,  //  The snapshot of shard is made, or given up: its
                           //  registers are needed no more. status
    ZSEQ_KVSTORE_CHECKED,  //  A piece was read back: status, pieces
    ZSEQ_KVSTORE_FAILED    //  The store failed without a submitted group
} zseq_kvstore_done_type_t;

typedef struct {
    zseq_kvstore_done_type_t type;
    uint8_t shard;
    uint64_t position;
    int status;  //  ZSEQ_OK: durable. ZSEQ_ENOSPACE: refused; all, a part or
                 //  nothing of the group may be on disk. ZSEQ_EIO: fatal, the
                 //  node must stop without acknowledging anything more.
                 //  ZSEQ_EDAMAGED: what was read back is not what was written
    size_t pieces;  //  That all files have, at present
} zseq_kvstore_done_t;

//  Answers the last ZSEQ_KVSTORE_DUE: the shard's promise, its highest dropped
//  version and its registers in the order of their keys, as of the last
//  submitted group. Array and registers are the caller's until
//  ZSEQ_KVSTORE_SNAPPED.
void zseq_kvstore_snapshot (zseq_kvstore_t *self, uint8_t shard,
                            const zseq_ballot_t *promise, uint64_t dropped,
                            zseq_register_t *const *registers, size_t count);

//  Reads back the next piece of the files when no group waits, or after a
//  thousand writes, and completes as ZSEQ_KVSTORE_CHECKED; only then may it be
//  called again. The status is ZSEQ_OK, ZSEQ_EAGAIN (it could not be read now)
//  or ZSEQ_EDAMAGED; zseq_kvstore_check_text then copies a line about it, with
//  the file's name, and the store replaces what is damaged by new snapshots.
//  text has ZSEQ_STORE_TEXT_MAX bytes. Source: lib/doc/disk.md, section 14.7.
void zseq_kvstore_check (zseq_kvstore_t *self);
void zseq_kvstore_check_text (zseq_kvstore_t *self, char *text);

//  Copies what the system said to the last write that was refused, with the
//  file's name. text has ZSEQ_STORE_TEXT_MAX bytes.
void zseq_kvstore_refusal (zseq_kvstore_t *self, char *text);

//  A descriptor that polls readable while there are completions.
int zseq_kvstore_fd (const zseq_kvstore_t *self);

//  Takes up to count completions. Never blocks. The descriptor is no longer
//  readable after the last one.
size_t zseq_kvstore_collect (zseq_kvstore_t *self, zseq_kvstore_done_t *done,
                             size_t count);

#endif
