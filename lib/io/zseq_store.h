//  The disk: records by atomic rename, the names journal, the lock. The one
//  file that knows directories and fsync. Bytes and order are specified in
//  lib/doc/disk.md; S8 of lib/doc/design.md is upheld here.

#ifndef ZSEQ_STORE_H_INCLUDED
#define ZSEQ_STORE_H_INCLUDED

#include "zseq_record.h"

#define ZSEQ_STORE_TEXT_MAX 1024  //  Bytes in an error's text

typedef struct zseq_store zseq_store_t;

//  A store for that directory, which is not touched yet. NULL: no memory.
zseq_store_t *zseq_store_new (const char *directory);

//  Ends the store's thread after it has finished what was submitted, gives
//  the lock back, frees everything. Nulls the pointer, accepts null.
void zseq_store_destroy (zseq_store_t **self_p);

//  What went wrong in the last call that failed, with the file's name and
//  what to do, on one line. After zseq_store_start empty, until a fatal
//  completion has been collected.
const char *zseq_store_text (const zseq_store_t *self);

//  Makes the directory (and not its parents) for a new node and writes its
//  record, durably. The directory may exist and must be empty. The store is
//  as new again afterwards, and not locked. Errors: ZSEQ_EEXIST (nothing was
//  touched), ZSEQ_ENOSPACE and ZSEQ_EIO (what was made stays, and is neither
//  formatted again nor opened before it is removed).
int zseq_store_format (zseq_store_t *self, const zseq_record_t *record);

//  Locks the directory, syncs its file system (syncfs) and reads the node's
//  record, which the caller checks before it lets zseq_store_load change
//  anything. Errors: ZSEQ_ELOCKED, ZSEQ_EDAMAGED (no record, or it is
//  damaged), ZSEQ_EFOREIGN (of a format that is not known here), ZSEQ_EIO,
//  ZSEQ_ENOSPACE (no room for the lock); ZSEQ_EAGAIN when there is no
//  directory or it is empty. Where there is neither lock nor record nothing
//  is touched.
int zseq_store_open (zseq_store_t *self, zseq_record_t *record_p);

//  One name that was found; limit is what its record holds.
typedef int (zseq_store_load_fn) (const char *name, size_t size, uint64_t limit,
                                  void *arg);

//  Reads journal and sequence records, calls load for each name in byte order,
//  then deletes stale temporary files, cuts off the journal's last batch if it
//  is bad, and adds entries for records that lack one (first claims cut
//  short), all before it returns. load's other value than ZSEQ_OK ends it and
//  is returned. Errors: ZSEQ_EDAMAGED (a record is corrupt, or a journaled
//  name has none, or the journal is missing or corrupt), ZSEQ_EFOREIGN (a
//  record of another node or cluster, or of a format that is not known here),
//  ZSEQ_EIO, ZSEQ_ENOSPACE, ZSEQ_ENOMEM. Until all has been found good nothing
//  is changed. After zseq_store_open, before zseq_store_start.
int zseq_store_load (zseq_store_t *self, zseq_store_load_fn *load, void *arg);

//  One thing to write. With record: the node's record, and before it an empty
//  journal if the cluster was just born (identity no longer 0). Else a
//  sequence's record, which needs a load that succeeded, and a node's record
//  with an identity that is durable; 1 <= next <= limit <= ZSEQ_NEXT_MAX. name
//  must stay valid until the completion.
typedef struct {
    const zseq_record_t *record;  //  Copied by submit; or NULL
    const char *name;
    uint8_t name_size;
    bool journaled;  //  The name is in the journal already
    uint64_t next;
    uint64_t limit;
    uint64_t tag;  //  Given back with the completion
    void *owner;   //  The same
} zseq_write_t;

typedef struct {
    bool record;
    uint64_t limit;
    uint64_t tag;
    void *owner;
    int status;  //  ZSEQ_OK: durable. ZSEQ_ENOSPACE: not written, the old value
                 //  may stand or the new one. ZSEQ_EIO: fatal, the node must
                 //  end without acknowledging anything more
} zseq_written_t;

//  Starts the thread that writes. Errors: ZSEQ_ENOMEM, ZSEQ_EIO (descriptors
//  are out).
int zseq_store_start (zseq_store_t *self);

//  Hands writes over, never blocking on the disk. All that is waiting when the
//  thread comes round is one group (4096 writes at most): each record is
//  written, its directory synced once per group, new names journaled in one
//  batch, and then the completions appear in the order of submission. One
//  write per name at a time: the caller waits for its completion. Errors:
//  ZSEQ_ENOMEM, nothing taken.
int zseq_store_submit (zseq_store_t *self, const zseq_write_t *writes,
                       size_t count);

//  A descriptor that polls readable while completions wait.
int zseq_store_fd (const zseq_store_t *self);

//  Takes up to count completions. Never blocks. After the last one the
//  descriptor is quiet again.
size_t zseq_store_collect (zseq_store_t *self, zseq_written_t *written,
                           size_t count);

#endif
