#include "zseq_store_verify.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_kvstore_load.h"
#include "zseq_kvstore_make.h"
#include "zseq_store_guard.h"
#include "zseq_store_load.h"

static bool
s_is_there (const zseq_store_disk_t *disk, const char *file)
{
    return faccessat (disk->fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

//  Whether the directory looks like a node's, by the names in it.
static int
s_check_directory (zseq_store_disk_t *disk)
{
    static const char *const files[] = {"node", "lock", ZSEQ_STORE_NAMES,
                                        ZSEQ_STORE_COPY, "seq"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (s_is_there (disk, files[i]))
            return ZSEQ_OK;
    return zseq_store_disk_fail (disk, ZSEQ_EAGAIN, ".",
                                 ZSEQ_TEXT_VERIFY_NOT_NODE);
}

//  Reads the node's record. Errors: ZSEQ_EDAMAGED (also if it is missing),
//  ZSEQ_EFOREIGN, ZSEQ_EIO.
static int
s_read_node (zseq_store_disk_t *disk, zseq_store_verified_t *verified)
{
    int fd = -1;
    size_t size;
    int rc = zseq_store_disk_open (disk, "node", O_RDONLY, &fd, &size);
    if (rc == ZSEQ_EAGAIN)
        return zseq_store_disk_fail (disk, ZSEQ_EDAMAGED, "node", "missing");
    if (rc != ZSEQ_OK)
        return rc;
    uint8_t bytes[ZSEQ_STORE_RECORD_MAX + 1];
    zseq_store_disk_forget (disk, fd);
    ssize_t got = zseq_store_read_all (fd, bytes, sizeof bytes);
    zseq_store_close (&fd);
    if (got < 0)
        return zseq_store_disk_fail_io (disk, "node", "read");
    if (got > ZSEQ_STORE_RECORD_MAX)
        return zseq_store_disk_fail (disk, ZSEQ_EDAMAGED, "node",
                                     ZSEQ_TEXT_RECORD_LONG);
    const char *what;
    rc = zseq_store_node_decode (&verified->record, bytes, (size_t) got,
                                 &verified->format, &what);
    return rc == ZSEQ_OK ? rc : zseq_store_disk_fail (disk, rc, "node", what);
}

//  Notes the device. Any file system can be read, and what was written to it
//  need not be durable.
static int
s_note_device (zseq_store_disk_t *disk)
{
    struct stat info;
    if (fstat (disk->fd, &info) != 0)
        return zseq_store_disk_fail_io (disk, ".", "stat");
    disk->device = info.st_dev;
    return ZSEQ_OK;
}

//  Reads the registers, and adds what is wrong with them to result.
static int
s_verify_kv (zseq_store_disk_t *disk,
             const zseq_store_load_callbacks_t *callbacks,
             const zseq_record_t *record, zseq_store_load_result_t *result)
{
    zseq_kvstore_load_callbacks_t kv_callbacks = {.damage = callbacks->damage,
                                                  .arg = callbacks->arg};
    zseq_kvstore_found_t found;
    //  A new kv may not be in its place yet.
    bool unplaced = zseq_kvstore_is_unplaced (disk);
    int directory_fd = disk->fd;
    if (unplaced)
        disk->fd = zseq_kvstore_open_renewal (disk);
    int rc = ZSEQ_OK;
    if (disk->fd < 0)
        rc = zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_RENEWAL, "open");
    else {
        rc = zseq_kvstore_read (disk, record->identity, record->self, 0,
                                &kv_callbacks, &found);
        zseq_kvstore_ledger_term (&found.ledger);
    }
    if (unplaced)
        zseq_store_close (&disk->fd);
    disk->fd = directory_fd;
    if (rc != ZSEQ_OK)
        return rc;
    result->damaged += found.result.damaged;
    result->unfinished += found.result.unfinished + unplaced;
    if (result->damaged > 0)
        result->unfinished = 0;
    return ZSEQ_OK;
}

//  Reads the node's record and then the rest.
static int
s_verify (zseq_store_disk_t *disk, const zseq_store_load_callbacks_t *callbacks,
          zseq_store_verified_t *verified)
{
    int rc = s_check_directory (disk);
    if (rc == ZSEQ_OK)
        rc = s_read_node (disk, verified);
    verified->lost = rc == ZSEQ_EDAMAGED;
    if (verified->lost && callbacks->damage)
        callbacks->damage (disk->why, callbacks->arg);
    if (rc != ZSEQ_OK && !verified->lost)
        return rc;
    zseq_store_expected_t expected = {.node = ZSEQ_STORE_NODE_UNKNOWN,
                                      .lost = true};
    if (!verified->lost)
        expected = (zseq_store_expected_t){verified->record.identity,
                                           verified->record.self, false,
                                           verified->format};
    zseq_store_load_result_t result;
    rc = zseq_store_read (disk, NULL, NULL, &expected, callbacks, &result);
    if (rc != ZSEQ_OK)
        return rc;
    if (!verified->lost && verified->format >= ZSEQ_STORE_FORMAT &&
        verified->record.identity != 0) {
        rc = s_verify_kv (disk, callbacks, &verified->record, &result);
        if (rc != ZSEQ_OK)
            return rc;
    }
    verified->damaged = result.damaged;
    verified->unfinished = result.unfinished;
    verified->identity = result.identity;
    return ZSEQ_OK;
}

int
zseq_store_verify (const char *directory,
                   const zseq_store_load_callbacks_t *callbacks,
                   zseq_store_verified_t *verified_p, char *text)
{
    assert (directory);
    assert (callbacks);
    assert (callbacks->name);
    assert (verified_p);
    assert (text);
    zseq_store_disk_t disk = {
      .path = (char *) directory, .fd = -1, .cold = true};
    zseq_store_verified_t verified = {.lost = false};
    zseq_store_guard_t guard;
    zseq_store_guard_init (&guard);
    int rc = zseq_store_guard_open (&guard, &disk);
    if (rc == ZSEQ_OK)
        rc = zseq_store_guard_share (&guard, &disk);
    if (rc == ZSEQ_OK)
        rc = s_note_device (&disk);
    if (rc == ZSEQ_OK)
        rc = s_verify (&disk, callbacks, &verified);
    zseq_store_guard_release (&guard, &disk);
    if (rc == ZSEQ_OK)
        *verified_p = verified;
    else
        snprintf (text, ZSEQ_STORE_TEXT_MAX, "%s", disk.why);
    return rc;
}
