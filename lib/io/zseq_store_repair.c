#include "zseq_store_repair.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_kvstore_make.h"

#define FOLDER "damaged"

void
zseq_store_repair_term (zseq_store_repair_t *self)
{
    assert (self);
    free (self->paths);
    free (self->journal);
    *self = (zseq_store_repair_t){.needed = false};
}

//  Syncs the directory of path if the final syncfs cannot be trusted.
static int
s_sync_parent (zseq_store_disk_t *disk, const char *path)
{
    return disk->sync_each ? zseq_store_disk_sync_parent (disk, path) : ZSEQ_OK;
}

static int
s_make_directory (zseq_store_disk_t *disk, const char *path)
{
    if (mkdirat (disk->fd, path, 0700) == 0)
        return s_sync_parent (disk, path);
    if (errno == EEXIST)
        return ZSEQ_OK;
    return zseq_store_disk_fail_write (disk, path, "mkdir");
}

//  Makes damaged/NUMBER with a free number, so that nothing moved earlier is
//  overwritten.
static int
s_make_folder (zseq_store_repair_t *self, zseq_store_disk_t *disk)
{
    if (self->folder[0])
        return ZSEQ_OK;
    int rc = s_make_directory (disk, FOLDER);
    if (rc != ZSEQ_OK)
        return rc;
    char folder[sizeof self->folder];
    uint32_t number = 1;
    do
        snprintf (folder, sizeof folder, FOLDER "/%" PRIu32, number++);
    while ((rc = mkdirat (disk->fd, folder, 0700)) != 0 && errno == EEXIST);
    if (rc != 0)
        return zseq_store_disk_fail_write (disk, folder, "mkdir");
    memcpy (self->folder, folder, sizeof folder);
    return s_sync_parent (disk, folder);
}

int
zseq_store_repair_move (zseq_store_repair_t *self, zseq_store_disk_t *disk,
                        const char *path)
{
    int rc = s_make_folder (self, disk);
    char to[ZSEQ_STORE_PATH_SIZE];
    for (const char *slash = strchr (path, '/'); rc == ZSEQ_OK && slash;
         slash = strchr (slash + 1, '/')) {
        snprintf (to, sizeof to, "%s/%.*s", self->folder, (int) (slash - path),
                  path);
        rc = s_make_directory (disk, to);
    }
    if (rc != ZSEQ_OK)
        return rc;
    snprintf (to, sizeof to, "%s/%s", self->folder, path);
    if (renameat (disk->fd, path, disk->fd, to) != 0)
        return zseq_store_disk_fail_write (disk, path, ZSEQ_TEXT_STORE_MOVE);
    rc = s_sync_parent (disk, to);
    return rc == ZSEQ_OK ? s_sync_parent (disk, path) : rc;
}

int
zseq_store_repair_begin (zseq_store_repair_t *self, zseq_store_disk_t *disk)
{
    assert (self);
    assert (self->needed);
    if (!self->node)
        return ZSEQ_OK;
    int rc = zseq_store_repair_move (self, disk, "node");
    self->node = rc != ZSEQ_OK;
    return rc;
}

//  Moves damaged files and deletes temporary ones, from where it stopped.
static int
s_clear (zseq_store_repair_t *self, zseq_store_disk_t *disk)
{
    while (self->paths_done < self->paths_size) {
        const char *path = self->paths + self->paths_done;
        int rc = ZSEQ_OK;
        if (*path == ZSEQ_STORE_REPAIR_MOVE)
            rc = zseq_store_repair_move (self, disk, path + 1);
        else if (unlinkat (disk->fd, path + 1, 0) != 0)
            rc = zseq_store_disk_fail_io (disk, path + 1, "delete");
        if (rc != ZSEQ_OK)
            return rc;
        self->paths_done += strlen (path) + 1;
    }
    return ZSEQ_OK;
}

int
zseq_store_repair_end (zseq_store_repair_t *self, zseq_store_disk_t *disk,
                       zseq_store_journal_t *journal,
                       const zseq_record_t *record)
{
    assert (self);
    assert (self->needed);
    int rc = s_clear (self, disk);
    if (rc == ZSEQ_OK && record->identity != 0) {
        zseq_store_header_encode (record->identity, record->self,
                                  self->journal);
        rc = zseq_store_journal_replace (journal, disk, self->journal,
                                         self->journal_size);
    }
    if (rc == ZSEQ_OK && record->identity != 0)
        rc = zseq_kvstore_make_missing (disk, record->identity, record->self);
    if (rc == ZSEQ_OK)
        rc = disk->sync_each ? zseq_store_disk_sync (disk)
                             : zseq_store_disk_sync_all (disk);
    if (rc == ZSEQ_OK)
        zseq_store_repair_term (self);
    return rc;
}
