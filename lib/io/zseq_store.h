//  The store: a node's directory on disk. It holds the node's own record, one
//  record for each sequence, the names journal and its copy, and the lock.
//  Records are replaced by an atomic rename. Only the files zseq_store*.c know
//  directories and fsync. lib/doc/disk.md specifies the bytes and the order of
//  writing. The store upholds S8 of lib/doc/design.md.
//
//  A node calls zseq_store_new, then zseq_store_open (zseq_store_open_lost to
//  recover), zseq_store_load, zseq_store_start. From then on it submits writes
//  and checks, polls zseq_store_fd, and collects the completions.
//  zseq_store_destroy ends all of it. zseq_store_format makes a directory for a
//  new node.
//
//  One thread makes all calls. The store's own thread writes.

#ifndef ZSEQ_STORE_H_INCLUDED
#define ZSEQ_STORE_H_INCLUDED

#include "zseq_record.h"

#define ZSEQ_STORE_TEXT_MAX 1024  //  Bytes in an error's text

typedef struct zseq_store zseq_store_t;

//  Makes a store for that directory and does not touch the directory yet. NULL:
//  no memory.
zseq_store_t *zseq_store_new (const char *directory);

//  Ends the store's thread after it has finished all submitted writes, releases
//  the lock and frees everything. Nulls the pointer, accepts null.
void zseq_store_destroy (zseq_store_t **self_p);

//  Accepts any file system, even one whose locks or syncs cannot be trusted
//  (disk.md, section 9). Call it before any of the following calls.
void zseq_store_allow_unsafe (zseq_store_t *self);

//  Refuses a directory that users other than this process's or root own, or may
//  write: they could change what the node has promised. Call it before any of
//  the following calls.
void zseq_store_refuse_shared (zseq_store_t *self);

//  Says on one line what went wrong in the last call that failed, with the
//  file's name and what to do. After zseq_store_start the text is empty until a
//  fatal completion has been collected.
const char *zseq_store_text (const zseq_store_t *self);

//  Makes the directory (but not its parents) for a new node and writes the
//  node's record, durably. The directory may exist but must be empty.
//  Afterwards the store is as new, and not locked. Errors: ZSEQ_EEXIST (not
//  empty; nothing was touched), ZSEQ_ELOCKED (another process is about to
//  format it), ZSEQ_EINVAL (the file system cannot be trusted, or the directory
//  is shared and must not be), ZSEQ_ENOSPACE
//  and ZSEQ_EIO (what was made stays; the directory can be neither formatted
//  nor opened before it is removed).
int zseq_store_format (zseq_store_t *self, const zseq_record_t *record);

//  Locks the directory until _destroy, syncs its file system (syncfs) and reads
//  the node's record. The caller checks the record before zseq_store_load may
//  change anything. Touches nothing if there is neither a lock file nor a
//  record. Errors: ZSEQ_ELOCKED, ZSEQ_EDAMAGED (the record is missing or
//  damaged), ZSEQ_EFOREIGN (unknown format), ZSEQ_EIO, ZSEQ_EINVAL (the file
//  system cannot be trusted, or the directory is shared and must not be),
//  ZSEQ_ENOSPACE (no space for the lock file),
//  ZSEQ_EAGAIN (no directory, or an empty one).
int zseq_store_open (zseq_store_t *self, zseq_record_t *record_p);

//  The same, but first makes and formats the directory with the record first if
//  it is missing or empty, as zseq_store_format does. With first NULL it is
//  zseq_store_open. If two processes call it at the same time, one formats and
//  the other gets ZSEQ_ELOCKED.
int zseq_store_open_or_format (zseq_store_t *self, const zseq_record_t *first,
                               zseq_record_t *record_p);

//  Opens the directory of a node whose record is missing or damaged, so that
//  the node can be recovered. Call it after zseq_store_open has failed with
//  ZSEQ_EAGAIN or ZSEQ_EDAMAGED. node is the node's index among its members.
//  Makes a missing directory, but not its parents. zseq_store_load takes the
//  identity from the intact records and journals that it reads. Errors:
//  ZSEQ_ELOCKED (also if another process has written an intact record since),
//  ZSEQ_EIO, ZSEQ_ENOSPACE, ZSEQ_EFOREIGN (not a node's directory: it has
//  contents, but neither lock nor record nor journal; nothing is touched. Or
//  the record has an unknown format).
int zseq_store_open_lost (zseq_store_t *self, uint8_t node);

//  What loading reports. The thread that calls zseq_store_load makes all calls.
typedef struct {
    //  An intact record. The calls come in byte order of the names. A result
    //  other than ZSEQ_OK ends loading and is returned.
    int (*name) (const char *name, size_t size, uint64_t next,
                 uint64_t durable_to, void *arg);
    //  One damaged thing: a line that names the file. All these calls come
    //  before the names. Not called for the node's own record, which the text
    //  of zseq_store_open describes. May be null.
    void (*damage) (const char *text, void *arg);
    //  Called every 50000 records: count records were read, of the total that
    //  the journal lists (total may be too low). May be null.
    void (*progress) (size_t count, size_t total, void *arg);
    void *arg;
} zseq_store_load_callbacks_t;

typedef struct {
    size_t damaged;  //  Damaged things, the node's record included; 0: all is
                     //  well
    uint64_t identity;   //  Of the node's record, else of the intact files; 0:
                         //  there are none
    size_t unfinished;   //  Leftovers of a crash; 0 with damage
    uint16_t converted;  //  The format that it was converted from; 0: none
} zseq_store_load_result_t;

//  Reads the journals and the sequence records, with several threads, and
//  reports what it reads to callbacks. Call it before zseq_store_start.
//
//  If nothing is damaged, it then deletes stale temporary files, cuts off an
//  append to the journal that was never acknowledged, completes the journal's
//  copy, adds entries for records without one (interrupted first claims), and
//  converts a directory of an older format.
//
//  Damage is a corrupt record, a journaled name without a record, a missing or
//  corrupt journal or copy, an unexpected file, or a node's record older than
//  the rest. With damage, loading changes nothing. The next node's record that
//  is written starts the repair. That record must not say that the node votes
//  and must bear result_p's identity if there is one. Once the record is
//  durable, the store moves damaged things to the folder `damaged`, deletes
//  temporary files, and puts a new journal of all intact names in place, before
//  it writes anything else. The same holds after zseq_store_open_lost. If that
//  record is refused (ZSEQ_ENOSPACE), the next one continues the repair.
//
//  Errors: ZSEQ_EFOREIGN (a record of another node or cluster, or of an unknown
//  format; nothing was changed), ZSEQ_EINVAL (a directory in it is on another
//  file system; nothing was changed), ZSEQ_EIO, ZSEQ_ENOSPACE, ZSEQ_ENOMEM.
int zseq_store_load (zseq_store_t *self,
                     const zseq_store_load_callbacks_t *callbacks,
                     zseq_store_load_result_t *result_p);

//  One thing to write. With record it is the node's record; the store writes an
//  empty journal first if there is none yet (the identity is no longer 0).
//  Otherwise it is a sequence's record: the node's record must be durable with
//  an identity, all damage repaired, and 1 <= next <= durable_to <=
//  ZSEQ_NEXT_MAX. name must stay valid until the completion.
//
//  A deferred write is not synced. It becomes durable with a node's record that
//  is submitted after the write's completion; the store calls syncfs before
//  that record, as before any other write that is not deferred. Submit deferred
//  writes apart from others, or they are synced as well. Never defer a write of
//  a name after a write of that name that was not deferred.
typedef struct {
    const zseq_record_t *record;  //  Copied by submit; or NULL
    const char *name;
    uint8_t name_size;
    bool journaled;  //  The journal already has the name
    bool deferred;   //  Not synced; only while the node does not vote
    uint64_t next;
    uint64_t durable_to;
    uint64_t tag;  //  Given back with the completion
    void *owner;   //  Given back, too
} zseq_write_t;

typedef struct {
    bool record;
    bool check;  //  Completes a check; see zseq_store_check for status
    bool more;   //  The checked journals have more pieces
    uint64_t durable_to;
    uint64_t tag;
    void *owner;
    int status;  //  ZSEQ_OK: durable. ZSEQ_ENOSPACE: refused; the old or the
                 //  new value may stand. ZSEQ_EIO: fatal, the node must
                 //  stop without acknowledging anything more; this may
                 //  come without a submitted write
} zseq_written_t;

//  Starts the thread that writes. Before the completions of a group appear, and
//  after each second without a group, the thread also checks that the directory
//  is still the one at its path and that no other process has written it. A
//  failed check is fatal. Errors: ZSEQ_ENOMEM, ZSEQ_EIO (out of descriptors).
int zseq_store_start (zseq_store_t *self);

//  Hands writes over without blocking on the disk. All writes that wait when
//  the thread is free form one group (at most 4096 writes). The thread writes
//  and syncs all records (one by one below 32 records, else with one syncfs),
//  renames them, syncs their directories, journals new names in one batch, and
//  writes node's records. Then the completions appear, in the order of
//  submission. Submit one write per name at a time and wait for its completion.
//  Errors: ZSEQ_ENOMEM, nothing taken.
int zseq_store_submit (zseq_store_t *self, const zseq_write_t *writes,
                       size_t count);

//  One thing to read back from the disk itself and to compare with what was
//  written. The thread runs a check when no group waits, or after a thousand
//  groups. One check at a time, and only of a node that votes. name must stay
//  valid until the completion.
typedef enum {
    ZSEQ_CHECK_SEQUENCE,  //  A sequence's record: its durable_to is no lower
    ZSEQ_CHECK_NODE,      //  The node's record
    ZSEQ_CHECK_JOURNAL    //  The next piece of the names journal and its copy
} zseq_check_type_t;

typedef struct {
    zseq_check_type_t type;
    const char *name;  //  Of a journaled sequence, else NULL
    uint8_t name_size;
    uint64_t durable_to;  //  The durable_to that the disk must hold
    void *owner;          //  Given back with the completion
} zseq_check_t;

//  Submits a check. Its completion comes with those of writes and has the
//  status ZSEQ_OK, ZSEQ_EDAMAGED (zseq_store_check_text says what is wrong; the
//  caller writes a record again, the store has already rewritten a journal if
//  the other one is intact), ZSEQ_EAGAIN (the check could not run) or ZSEQ_EIO
//  (fatal). The result is void if a write of the same name was submitted
//  meanwhile. Errors: ZSEQ_ENOMEM.
int zseq_store_check (zseq_store_t *self, const zseq_check_t *check);

//  What the last check found wrong. Valid until the next check is submitted.
const char *zseq_store_check_text (const zseq_store_t *self);

//  Copies what the system said to the last write that was refused, with the
//  file's name: at least that of the completions with ZSEQ_ENOSPACE that were
//  collected last. text has ZSEQ_STORE_TEXT_MAX bytes.
void zseq_store_refusal (zseq_store_t *self, char *text);

//  A descriptor that polls readable while there are completions.
int zseq_store_fd (const zseq_store_t *self);

//  Takes up to count completions. Never blocks. The descriptor is no longer
//  readable after the last one.
size_t zseq_store_collect (zseq_store_t *self, zseq_written_t *written,
                           size_t count);

#endif
