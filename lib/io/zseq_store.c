//  Opening, formatting and locking a directory. The work after that is done
//  elsewhere:
//
//      zseq_store_load.c        reads a directory
//      zseq_store_repair.c      repairs it
//      zseq_store_writer.c      the thread that writes, a group at a time
//      zseq_store_group.c       writes a group
//      zseq_store_noderecord.c  reads and writes the node's record
//      zseq_store_format.c      makes the bytes
//      zseq_store_disk.c        handles files
//
//  zseq_store.h tells in which order to call it. Bytes and the order of
//  operations are those of lib/doc/disk.md.

#include "zseq_store.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_store_convert.h"
#include "zseq_store_filesystem.h"
#include "zseq_store_noderecord.h"
#include "zseq_store_private.h"
#include "zseq_store_signals.h"
#include "zseq_store_writer.h"

zseq_store_t *
zseq_store_new (const char *directory)
{
    assert (directory);
    zseq_store_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->disk.fd = -1;
    zseq_store_guard_init (&self->guard);
    self->seq_fd = -1;
    self->event_fd = -1;
    for (size_t i = 0; i < ZSEQ_STORE_BUCKET_COUNT; i++)
        self->bucket_fd[i] = -1;
    self->disk.path = strdup (directory);
    if (!zseq_store_journal_init (&self->journal) || !self->disk.path) {
        zseq_store_destroy (&self);
        return NULL;
    }
    return self;
}

//  Closes the directory and returns the store to its state when new.
static void
s_close_all (zseq_store_t *self)
{
    zseq_store_journal_close (&self->journal);
    zseq_store_close (&self->seq_fd);
    zseq_store_guard_release (&self->guard, &self->disk);  //  Last
    memset (&self->expected, 0, sizeof self->expected);
}

void
zseq_store_destroy (zseq_store_t **self_p)
{
    assert (self_p);
    zseq_store_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    zseq_store_writer_term (self);
    s_close_all (self);
    zseq_store_repair_term (&self->repair);
    zseq_store_journal_term (&self->journal);
    free (self->disk.path);
    free (self);
}

void
zseq_store_allow_unsafe (zseq_store_t *self)
{
    assert (self);
    self->disk.unsafe = true;
}

void
zseq_store_refuse_shared (zseq_store_t *self)
{
    assert (self);
    self->disk.guarded = true;
}

const char *
zseq_store_text (const zseq_store_t *self)
{
    assert (self);
    //  The text belongs to the thread while it runs.
    return self->started && !self->reported_fatal ? "" : self->disk.why;
}

//  What the directory contains.
typedef struct {
    size_t count;
    bool lock;
    bool node;
    bool names;
} s_content_t;

//  Notes what the open directory contains.
static int
s_list_content (zseq_store_t *self, s_content_t *content)
{
    int fd = zseq_store_openat (self->disk.fd, ".", O_RDONLY | O_DIRECTORY);
    DIR *stream = fd < 0 ? NULL : fdopendir (fd);
    if (!stream) {
        int rc = zseq_store_disk_fail_io (&self->disk, ".", "open");
        zseq_store_close (&fd);
        return rc;
    }
    memset (content, 0, sizeof *content);
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir (stream))) {
        if (strcmp (entry->d_name, ".") != 0 &&
            strcmp (entry->d_name, "..") != 0)
            content->count++;
        content->lock |= strcmp (entry->d_name, "lock") == 0;
        content->node |= strcmp (entry->d_name, "node") == 0;
        content->names |= strcmp (entry->d_name, ZSEQ_STORE_NAMES) == 0 ||
                          strcmp (entry->d_name, ZSEQ_STORE_COPY) == 0;
        errno = 0;
    }
    int rc =
      errno == 0 ? ZSEQ_OK : zseq_store_disk_fail_io (&self->disk, ".", "read");
    (void) closedir (stream);  //  Nothing was written
    return rc;
}

//  Opens and locks the directory without changing anything in it. With made_p
//  it makes a missing directory first. Errors: ZSEQ_EAGAIN (no directory),
//  ZSEQ_ELOCKED, ZSEQ_EINVAL (its file system), ZSEQ_ENOSPACE, ZSEQ_EIO.
static int
s_enter_directory (zseq_store_t *self, bool *made_p)
{
    bool made = made_p && mkdir (self->disk.path, 0700) == 0;
    if (made_p && !made && errno == ENOENT)
        return zseq_store_disk_fail (&self->disk, ZSEQ_EIO, ".",
                                     ZSEQ_TEXT_STORE_NO_PARENT);
    if (made_p && !made && errno != EEXIST)
        return zseq_store_disk_fail_write (&self->disk, ".", "mkdir");
    int rc = zseq_store_guard_open (&self->guard, &self->disk);
    if (rc == ZSEQ_OK) {
        rc = zseq_store_filesystem_check (&self->disk);
        if (rc == ZSEQ_EINVAL && made)
            (void) rmdir (self->disk.path);  //  Refused even if this fails
    }
    if (rc == ZSEQ_OK && self->disk.guarded)
        rc = zseq_store_filesystem_private (&self->disk);
    if (rc == ZSEQ_OK)
        rc = zseq_store_guard_hold (&self->guard, &self->disk);
    if (made_p && rc == ZSEQ_OK)
        *made_p = made;
    return made_p && rc == ZSEQ_EAGAIN ? ZSEQ_EIO : rc;
}

//  Syncs the parent, so that the directory itself is durable.
static int
s_sync_parent (zseq_store_t *self)
{
    int fd = zseq_store_openat (self->disk.fd, "..", O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return zseq_store_disk_fail_io (&self->disk, "..", "open");
    int rc = ZSEQ_OK;
    if (!zseq_store_sync_directory (fd))
        rc = zseq_store_disk_fail_io (&self->disk, "..", "fsync");
    zseq_store_close (&fd);
    return rc;
}

//  Refuses to format a directory with contents.
static int
s_fail_not_empty (zseq_store_t *self)
{
    return zseq_store_disk_fail (&self->disk, ZSEQ_EEXIST, ".",
                                 ZSEQ_TEXT_STORE_FORMAT_NOT_EMPTY);
}

//  Formats the directory with record; zseq_store_format without the signals.
static int
s_format_node (zseq_store_t *self, const zseq_record_t *record)
{
    bool made = false;
    int rc = s_enter_directory (self, &made);
    s_content_t content = {0};
    if (rc == ZSEQ_OK)
        rc = s_list_content (self, &content);
    //  A lock held by another process matters only if nothing else is wrong.
    else if (rc == ZSEQ_ELOCKED && s_list_content (self, &content) != ZSEQ_OK)
        return ZSEQ_EIO;
    if (content.count > 0)
        return s_fail_not_empty (self);
    if (rc == ZSEQ_OK)
        rc = zseq_store_guard_sign (&self->guard, &self->disk);
    if (rc == ZSEQ_OK)
        rc = zseq_store_noderecord_write (self, record);
    return rc == ZSEQ_OK && made ? s_sync_parent (self) : rc;
}

int
zseq_store_format (zseq_store_t *self, const zseq_record_t *record)
{
    assert (self);
    assert (record);
    assert (self->disk.fd < 0);
    self->disk.why[0] = 0;
    zseq_store_signals_t signals;
    zseq_store_signals_block (&signals);
    int rc = s_format_node (self, record);
    zseq_store_signals_restore (&signals);
    s_close_all (self);
    return rc;
}

//  Signs the locked directory and syncs what an earlier process wrote. If the
//  sync fails, the store does not continue. If syncfs cannot be trusted, each
//  file is synced before it is read.
static int
s_take_directory (zseq_store_t *self)
{
    int rc = zseq_store_guard_sign (&self->guard, &self->disk);
    if (rc != ZSEQ_OK || !self->disk.sync_each)
        return rc == ZSEQ_OK ? zseq_store_disk_sync_all (&self->disk) : rc;
    rc = zseq_store_disk_sync (&self->disk);
    return rc == ZSEQ_OK ? s_sync_parent (self) : rc;
}

//  Opens the directory and reads the node's record. With first, formats a
//  missing or empty directory with that record.
static int
s_open_node (zseq_store_t *self, const zseq_record_t *first,
             zseq_record_t *record, uint16_t *format_p)
{
    bool made = false;
    int rc = s_enter_directory (self, first ? &made : NULL);
    s_content_t content;
    if (rc == ZSEQ_OK)
        rc = s_list_content (self, &content);
    if (rc != ZSEQ_OK)
        return rc;
    bool empty = content.count == 0;
    if (empty && !first)
        return zseq_store_disk_fail (&self->disk, ZSEQ_EAGAIN, ".",
                                     ZSEQ_TEXT_STORE_EMPTY);
    //  Never write into a directory that is not a node's.
    if (!empty && !content.lock && !content.node)
        return zseq_store_disk_fail (&self->disk, ZSEQ_EDAMAGED, ".",
                                     ZSEQ_TEXT_STORE_NO_RECORD);
    rc = s_take_directory (self);
    if (rc == ZSEQ_OK && empty)
        rc = zseq_store_noderecord_write (self, first);
    if (rc == ZSEQ_OK && made)
        rc = s_sync_parent (self);
    if (rc == ZSEQ_OK)
        rc = zseq_store_noderecord_read (self, record, format_p);
    if (rc == ZSEQ_EAGAIN)
        return zseq_store_disk_fail (&self->disk, ZSEQ_EDAMAGED, "node",
                                     ZSEQ_TEXT_STORE_NO_JOURNAL);
    return rc;
}

int
zseq_store_open_or_format (zseq_store_t *self, const zseq_record_t *first,
                           zseq_record_t *record_p)
{
    assert (self);
    assert (record_p);
    assert (self->disk.fd < 0);
    self->disk.why[0] = 0;
    uint16_t format;
    zseq_store_signals_t signals;
    zseq_store_signals_block (&signals);
    int rc = s_open_node (self, first, &self->record, &format);
    zseq_store_signals_restore (&signals);
    if (rc != ZSEQ_OK) {
        s_close_all (self);
        return rc;
    }
    const zseq_record_t *record = &self->record;
    self->expected =
      (zseq_store_expected_t){record->identity, record->self, false, format};
    *record_p = *record;
    return ZSEQ_OK;
}

int
zseq_store_open (zseq_store_t *self, zseq_record_t *record_p)
{
    return zseq_store_open_or_format (self, NULL, record_p);
}

//  Opens the directory of a node without an intact record.
static int
s_open_lost (zseq_store_t *self)
{
    bool made = false;
    int rc = s_enter_directory (self, &made);
    if (rc == ZSEQ_OK && made)
        rc = s_sync_parent (self);
    s_content_t content;
    if (rc == ZSEQ_OK)
        rc = s_list_content (self, &content);
    if (rc != ZSEQ_OK)
        return rc;
    if (content.count > 0 && !content.lock && !content.node && !content.names)
        return zseq_store_disk_fail (&self->disk, ZSEQ_EFOREIGN, ".",
                                     ZSEQ_TEXT_STORE_NOT_NODE);
    rc = s_take_directory (self);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_record_t record;
    uint16_t format;
    rc = zseq_store_noderecord_read (self, &record, &format);
    self->node_there = rc == ZSEQ_EDAMAGED;
    if (rc == ZSEQ_EAGAIN || rc == ZSEQ_EDAMAGED)
        return ZSEQ_OK;
    if (rc == ZSEQ_OK)
        rc = zseq_store_disk_fail (&self->disk, ZSEQ_ELOCKED, ".",
                                   ZSEQ_TEXT_STORE_RECOVERED);
    return rc;
}

int
zseq_store_open_lost (zseq_store_t *self, uint8_t node)
{
    assert (self);
    assert (node < ZSEQ_NODES_MAX);
    assert (self->disk.fd < 0);
    self->disk.why[0] = 0;
    zseq_store_signals_t signals;
    zseq_store_signals_block (&signals);
    int rc = s_open_lost (self);
    zseq_store_signals_restore (&signals);
    if (rc != ZSEQ_OK) {
        s_close_all (self);
        return rc;
    }
    self->expected = (zseq_store_expected_t){0, node, true, 0};
    self->disk.why[0] = 0;
    return ZSEQ_OK;
}

int
zseq_store_load (zseq_store_t *self,
                 const zseq_store_load_callbacks_t *callbacks,
                 zseq_store_load_result_t *result_p)
{
    assert (self);
    assert (callbacks);
    assert (callbacks->name);
    assert (result_p);
    assert (self->disk.fd >= 0);
    assert (!self->loaded);
    self->disk.why[0] = 0;
    zseq_store_signals_t signals;
    zseq_store_signals_block (&signals);
    int rc = zseq_store_read (&self->disk, &self->journal, &self->repair,
                              &self->expected, callbacks, result_p);
    uint16_t format = self->expected.format;
    if (rc == ZSEQ_OK && !self->expected.lost && !self->repair.needed &&
        format < ZSEQ_STORE_FORMAT) {
        rc = zseq_store_convert (&self->disk, &self->journal, &self->guard,
                                 &self->record, format);
        self->expected.format = ZSEQ_STORE_FORMAT;
        result_p->converted = rc == ZSEQ_OK ? format : 0;
    }
    zseq_store_signals_restore (&signals);
    self->repair.node = self->repair.needed && self->node_there;
    self->loaded = rc == ZSEQ_OK;
    return rc;
}
