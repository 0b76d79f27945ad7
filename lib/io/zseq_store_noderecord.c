#include "zseq_store_noderecord.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_kvstore_make.h"
#include "zseq_store_private.h"

int
zseq_store_noderecord_read (zseq_store_t *self, zseq_record_t *record,
                            uint16_t *format_p)
{
    assert (self);
    assert (record);
    assert (format_p);
    int fd;
    size_t size;
    int rc = zseq_store_disk_open (&self->disk, "node", O_RDONLY, &fd, &size);
    if (rc != ZSEQ_OK)
        return rc;
    uint8_t bytes[ZSEQ_STORE_RECORD_MAX];
    //  S8: sync before reading, as for every file that syncfs has not reached.
    if (self->disk.sync_each && fsync (fd) != 0)
        rc = zseq_store_disk_fail_io (&self->disk, "node", "fsync");
    ssize_t got = zseq_store_read_all (fd, bytes, sizeof bytes);
    if (rc == ZSEQ_OK && got < 0)
        rc = zseq_store_disk_fail_io (&self->disk, "node", "read");
    else if (size > sizeof bytes)
        rc = zseq_store_disk_fail (&self->disk, ZSEQ_EDAMAGED, "node",
                                   ZSEQ_TEXT_RECORD_LONG);
    zseq_store_close (&fd);
    if (rc != ZSEQ_OK)
        return rc;
    const char *what;
    rc = zseq_store_node_decode (record, bytes, (size_t) got, format_p, &what);
    if (rc != ZSEQ_OK)
        return zseq_store_disk_fail (&self->disk, rc, "node", what);
    zseq_store_guard_node (&self->guard, &self->disk, bytes, (size_t) got);
    return ZSEQ_OK;
}

//  Writes an empty journal, its copy, and an empty kv. They must be durable
//  before a record that says that the cluster is formed.
static int
s_create_journals (zseq_store_t *self, const zseq_record_t *record)
{
    uint8_t bytes[ZSEQ_STORE_HEADER_SIZE];
    size_t size =
      zseq_store_header_encode (record->identity, record->self, bytes);
    int rc =
      zseq_store_journal_replace (&self->journal, &self->disk, bytes, size);
    if (rc == ZSEQ_OK)
        rc = zseq_store_disk_sync (&self->disk);
    if (rc == ZSEQ_OK)
        rc = zseq_kvstore_make (&self->disk, record->identity, record->self);
    return rc;
}

int
zseq_store_noderecord_write (zseq_store_t *self, const zseq_record_t *record)
{
    assert (self);
    assert (record);
    assert (record->self < record->members.n &&
            record->members.n <= ZSEQ_NODES_MAX);
    assert (self->expected.identity == 0 ||
            record->identity == self->expected.identity);
    zseq_store_repair_t *repair = &self->repair;
    int rc = ZSEQ_OK;
    if (repair->needed) {
        //  S5: a damaged node must not vote, even if the repair fails.
        assert (!record->voting);
        assert (record->self == self->expected.node);
        assert (repair->identity == 0 || record->identity == repair->identity);
        rc = zseq_store_repair_begin (repair, &self->disk);
        zseq_store_guard_node (&self->guard, &self->disk, NULL, 0);
    }
    else if (self->expected.identity == 0 && record->identity != 0)
        rc = s_create_journals (self, record);
    if (rc != ZSEQ_OK)
        return rc;

    uint8_t bytes[ZSEQ_STORE_RECORD_MAX];
    size_t size = zseq_store_node_encode (record, bytes);
    rc = zseq_store_disk_replace (&self->disk, "node", bytes, size);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_store_guard_node (&self->guard, &self->disk, bytes, size);
    rc = zseq_store_disk_sync (&self->disk);
    if (rc != ZSEQ_OK)
        return rc;
    self->expected = (zseq_store_expected_t){record->identity, record->self,
                                             false, ZSEQ_STORE_FORMAT};
    self->record = *record;
    if (repair->needed)
        rc =
          zseq_store_repair_end (repair, &self->disk, &self->journal, record);
    return rc;
}
