#include "zseq_store_convert.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>

#include "zseq_kvstore_make.h"

//  Replaces a file durably, by all steps of a record.
static int
s_replace (zseq_store_disk_t *disk, const char *file, const uint8_t *bytes,
           size_t size)
{
    int rc = zseq_store_disk_replace (disk, file, bytes, size);
    return rc == ZSEQ_OK ? zseq_store_disk_sync (disk) : rc;
}

//  Copies the node's record, as it is, to node.format1 or 2.
static int
s_keep_record (zseq_store_disk_t *disk, uint16_t format)
{
    uint8_t bytes[ZSEQ_STORE_RECORD_MAX];
    char kept[32];
    snprintf (kept, sizeof kept, "node.format%u", format);
    int fd = -1;
    size_t size;
    int rc = zseq_store_disk_open (disk, "node", O_RDONLY, &fd, &size);
    ssize_t got =
      rc == ZSEQ_OK ? zseq_store_read_all (fd, bytes, sizeof bytes) : 0;
    zseq_store_close (&fd);
    if (got < 0)
        return zseq_store_disk_fail_io (disk, "node", "read");
    //  An earlier read got all of it.
    if (rc != ZSEQ_OK || (size_t) got != size)
        return zseq_store_disk_fail (disk, ZSEQ_EIO, "node", "vanished");
    return s_replace (disk, kept, bytes, size);
}

//  Writes the node's record in the current format.
static int
s_write_record (zseq_store_disk_t *disk, zseq_store_guard_t *guard,
                const zseq_record_t *record)
{
    uint8_t bytes[ZSEQ_STORE_RECORD_MAX];
    size_t size = zseq_store_node_encode (record, bytes);
    int rc = zseq_store_disk_replace (disk, "node", bytes, size);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_store_guard_node (guard, disk, bytes, size);
    return zseq_store_disk_sync (disk);
}

int
zseq_store_convert (zseq_store_disk_t *disk, zseq_store_journal_t *journal,
                    zseq_store_guard_t *guard, const zseq_record_t *record,
                    uint16_t format)
{
    assert (disk);
    assert (journal);
    assert (guard);
    assert (record);
    assert (format < ZSEQ_STORE_FORMAT);
    int rc = ZSEQ_OK;
    bool formed = record->identity != 0;
    if (formed && format == 1)
        rc = zseq_store_journal_copy (journal, disk);
    if (rc == ZSEQ_OK && formed && format == 1)
        rc = zseq_store_disk_sync (disk);
    if (rc == ZSEQ_OK && formed)
        rc = zseq_kvstore_make (disk, record->identity, record->self);
    if (rc == ZSEQ_OK)
        rc = s_keep_record (disk, format);
    return rc == ZSEQ_OK ? s_write_record (disk, guard, record) : rc;
}
