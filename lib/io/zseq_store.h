//  The disk: records by atomic rename, the names journal, the lock. Only the
//  files zseq_store*.c know directories and fsync. Bytes and order are
//  specified in lib/doc/disk.md; S8 of lib/doc/design.md is upheld here.

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

//  Lets the directory be on any file system, also one whose locks or syncs are
//  not to be trusted (disk.md, section 9). Before all that follow.
void zseq_store_allow_unsafe (zseq_store_t *self);

//  What went wrong in the last call that failed, with the file's name and
//  what to do, on one line. After zseq_store_start empty, until a fatal
//  completion has been collected.
const char *zseq_store_text (const zseq_store_t *self);

//  Makes the directory (and not its parents) for a new node and writes its
//  record, durably. The directory may exist and must be empty. The store is as
//  new again afterwards, and not locked. Errors: ZSEQ_EEXIST (nothing was
//  touched), ZSEQ_ELOCKED (a process is about to format it), ZSEQ_EINVAL (the
//  file system is not to be trusted), ZSEQ_ENOSPACE and ZSEQ_EIO (what was made
//  stays, and is neither formatted again nor opened before it is removed).
int zseq_store_format (zseq_store_t *self, const zseq_record_t *record);

//  Locks the directory until _destroy, syncs its file system (syncfs) and reads
//  the node's record, which the caller checks before it lets zseq_store_load
//  change anything. Errors: ZSEQ_ELOCKED, ZSEQ_EDAMAGED (no record, or it is
//  damaged), ZSEQ_EFOREIGN (of a format that is not known here), ZSEQ_EIO,
//  ZSEQ_EINVAL (the file system is not to be trusted), ZSEQ_ENOSPACE (no room
//  for the lock file); ZSEQ_EAGAIN when there is no directory or it is empty.
//  Where there is neither lock file nor record nothing is touched.
int zseq_store_open (zseq_store_t *self, zseq_record_t *record_p);

//  The same, but a directory that is empty or not there is made and formatted
//  with the record first, as zseq_store_format does, unless first is NULL. Of
//  two processes that come at the same time one does it, and the other gets
//  ZSEQ_ELOCKED.
int zseq_store_open_or_format (zseq_store_t *self, const zseq_record_t *first,
                               zseq_record_t *record_p);

//  After zseq_store_open has failed with ZSEQ_EAGAIN or ZSEQ_EDAMAGED: opens
//  the directory all the same, for a node (that index among its members) that
//  lost its record and is to be recovered. Makes the directory, and not its
//  parents, if there is none. The identity is that of whatever intact record
//  or journal is found by zseq_store_load. Errors: ZSEQ_ELOCKED (also when
//  another process has written an intact record since), ZSEQ_EIO,
//  ZSEQ_ENOSPACE; ZSEQ_EFOREIGN (there is something, but neither lock nor
//  record nor journal: not a node's directory; nothing is touched. Or the
//  record is of a format that is not known here).
int zseq_store_open_lost (zseq_store_t *self, uint8_t node);

//  What loading tells, each called by the thread that called zseq_store_load.
typedef struct {
    //  An intact record, in byte order of the names. Another value than
    //  ZSEQ_OK ends loading and is returned.
    int (*name) (const char *name, size_t size, uint64_t next,
                 uint64_t durable_to, void *arg);
    //  Something that is damaged, a line that names the file. Before all
    //  names. Not called for a node's record that was lost, of which the text
    //  of zseq_store_open has told. May be null.
    void (*damage) (const char *text, void *arg);
    //  Every 50000 records: how many were read, of how many that the journal
    //  speaks of (which may be fewer). May be null.
    void (*progress) (size_t count, size_t total, void *arg);
    void *arg;
} zseq_store_load_callbacks_t;

typedef struct {
    size_t damaged;     //  Things that are damaged, a lost node's record among
                        //  them; 0: all is well
    uint64_t identity;  //  Of the node's record, or else of what was found; 0:
                        //  nothing was
    size_t unfinished;  //  Things that a crash had left; 0 with damage
    bool converted;     //  The directory was of format 1, and is no more
} zseq_store_load_result_t;

//  Reads journal and sequence records, with several threads, and tells the
//  callbacks. When all is well, it then deletes stale temporary files, cuts off an
//  append to the journal that was never acknowledged, completes the journal's
//  copy, adds entries for records that lack one (first claims cut short), and
//  converts a directory of format 1, before it returns. Damage (a corrupt
//  record, a journaled name without one, a missing or corrupt journal or copy
//  of it, things that do not belong there, a node's record older than the rest)
//  changes nothing yet: the next node's record that is written, which must not
//  say that the node votes and must bear result_p's identity if there is one,
//  repairs it. Once that is durable, what is damaged is moved to the folder
//  `damaged`, temporary files are deleted, and a new journal of all intact
//  names is put in place, before anything else is written. The same holds after
//  zseq_store_open_lost. When that record is refused (ZSEQ_ENOSPACE), the next
//  one repairs what is left. Errors: ZSEQ_EFOREIGN (a record of another node or
//  cluster, or of a format that is not known here; nothing was changed),
//  ZSEQ_EINVAL (a directory in it is on another file system; the same),
//  ZSEQ_EIO, ZSEQ_ENOSPACE, ZSEQ_ENOMEM. Before zseq_store_start.
int zseq_store_load (zseq_store_t *self,
                     const zseq_store_load_callbacks_t *callbacks,
                     zseq_store_load_result_t *result_p);

//  One thing to write. With record: the node's record, and before it an empty
//  journal if there is none yet (identity no longer 0). Else a sequence's
//  record, which needs a node's record with an identity that is durable, and no
//  damage that is not repaired; 1 <= next <= limit <= ZSEQ_NEXT_MAX. name must
//  stay valid until the completion. A deferred write is not synced: it lasts
//  once a node's record that was submitted after its completion is durable. A
//  syncfs comes before that, as before any other write that is not deferred.
//  Deferred writes are submitted apart from others, or are synced like them. A
//  write of a name must not be deferred after one of it that was not.
typedef struct {
    const zseq_record_t *record;  //  Copied by submit; or NULL
    const char *name;
    uint8_t name_size;
    bool journaled;  //  The name is in the journal already
    bool deferred;   //  See above; the node does not vote
    uint64_t next;
    uint64_t limit;
    uint64_t tag;  //  Given back with the completion
    void *owner;   //  The same
} zseq_write_t;

typedef struct {
    bool record;
    bool check;  //  It was one of zseq_store_check, whose statuses it has
    bool more;   //  Of that: the journals have more pieces
    uint64_t limit;
    uint64_t tag;
    void *owner;
    int status;  //  ZSEQ_OK: durable. ZSEQ_ENOSPACE: not written, the old value
                 //  may stand or the new one. ZSEQ_EIO: fatal, the node must
                 //  end without acknowledging anything more; this may come
                 //  though nothing was submitted
} zseq_written_t;

//  Starts the thread that writes. It also looks, before the completions of a
//  group appear and each second without one, whether the directory is still the
//  one at its path and nobody else has written it; if not, that is fatal.
//  Errors: ZSEQ_ENOMEM, ZSEQ_EIO (descriptors are out).
int zseq_store_start (zseq_store_t *self);

//  Hands writes over, never blocking on the disk. All that is waiting when the
//  thread comes round is one group (4096 writes at most): all records are
//  written and synced (one by one when they are few, by one syncfs when they
//  are 32 or more), renamed, their directories synced, new names journaled in
//  one batch, node's records written, and then the completions appear in the
//  order of submission. One write per name at a time: the caller waits for its
//  completion. Errors: ZSEQ_ENOMEM, nothing taken.
int zseq_store_submit (zseq_store_t *self, const zseq_write_t *writes,
                       size_t count);

//  One thing to read back, from the disk itself, and to hold against what was
//  written; done when no group waits, or after a thousand groups. One at a
//  time, of a node that votes. name must stay valid until the completion.
typedef enum {
    ZSEQ_CHECK_SEQUENCE,  //  That record; its limit is no lower
    ZSEQ_CHECK_NODE,      //  The node's record
    ZSEQ_CHECK_JOURNAL    //  The next piece of the names journal and its copy
} zseq_check_type_t;

typedef struct {
    zseq_check_type_t type;
    const char *name;  //  Of a sequence that is journaled, else NULL
    uint8_t name_size;
    uint64_t limit;  //  What is durable
    void *owner;     //  Given back with the completion
} zseq_check_t;

//  Its completion, with those of writes, has the status ZSEQ_OK, ZSEQ_EDAMAGED
//  (zseq_store_check_text says what is wrong; a record is to be written again,
//  a journal was if the other one is intact), ZSEQ_EAGAIN (it could not be
//  told) or ZSEQ_EIO (fatal). A write of that name that is submitted meanwhile
//  makes it mean nothing. Errors: ZSEQ_ENOMEM.
int zseq_store_check (zseq_store_t *self, const zseq_check_t *check);

//  Until the next check is submitted.
const char *zseq_store_check_text (const zseq_store_t *self);

//  A descriptor that polls readable while completions wait.
int zseq_store_fd (const zseq_store_t *self);

//  Takes up to count completions. Never blocks. After the last one the
//  descriptor is quiet again.
size_t zseq_store_collect (zseq_store_t *self, zseq_written_t *written,
                           size_t count);

#endif
