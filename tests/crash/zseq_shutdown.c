//  Checks whether the sync of a directory reports that the file system has shut
//  down earlier and discarded the directory's changes.

#include "zseq_disk.h"
#include "zseq_process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_store_disk.h"

#define SKIPPED 77

int
main (int argc, char **argv)
{
    if (argc != 2) {
        fprintf (stderr, "usage: zseq-shutdown ext4|xfs\n");
        return 2;
    }
    if (!zseq_disk_available (argv[1]))
        return SKIPPED;
    char point[] = "/tmp/zseq-shutdown-XXXXXX";
    char log[64];
    if (!mkdtemp (point))
        zseq_process_fail ("mkdtemp: %m");
    snprintf (log, sizeof log, "%s.log", point);
    zseq_disk_t *disk = zseq_disk_new (argv[1], point, log);
    int directory = open (point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int file = openat (directory, ".tmp", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (directory == -1 || file == -1 || write (file, "a", 1) != 1 ||
        fsync (file) != 0 || renameat (directory, ".tmp", directory, "a") != 0)
        zseq_process_fail ("%s: %m", point);
    if (!zseq_store_sync_directory (directory))
        zseq_process_fail ("sync of a directory that is well: %m");
    if (renameat (directory, "a", directory, "b") != 0)
        zseq_process_fail ("rename: %m");
    zseq_disk_cut (disk);
    bool synced = zseq_store_sync_directory (directory);
    close (file);
    close (directory);
    zseq_disk_destroy (&disk);
    unlink (log);
    rmdir (point);
    printf ("%s: %s\n", argv[1], synced ? "SYNCED, and lost" : "it tells");
    return synced ? 1 : 0;
}
