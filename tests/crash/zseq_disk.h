//  A disk whose power can be cut: a file system of its own on a loop device.
//  The device's bytes are an anonymous file in memory, and it is mounted in a
//  mount namespace of the test's own, so that whatever ends the test leaves
//  nothing behind. What goes wrong ends the test (zseq_process_fail).

#ifndef ZSEQ_DISK_H_INCLUDED
#define ZSEQ_DISK_H_INCLUDED

#include <stdbool.h>

typedef struct zseq_disk zseq_disk_t;

//  Gives this process and its children a mount namespace of their own. False,
//  having said why, where disks cannot be had: no right to mount, no loop
//  devices, no such file system.
bool zseq_disk_available (const char *type);

//  A new, empty file system of that type ("ext4", "xfs"), mounted at point,
//  which must be an empty directory and stay valid. What mkfs says goes to
//  the file log.
zseq_disk_t *zseq_disk_new (const char *type, const char *point,
                            const char *log);
void zseq_disk_destroy (zseq_disk_t **self_p);

//  Cuts the power: what the file system has not given to the device yet is
//  lost, all calls on it fail from now on.
void zseq_disk_cut (zseq_disk_t *self);

//  After a cut and the end of all processes that used it: mounts it again, as
//  after a boot. ext4 with its journal in one of two modes, the second one
//  being harder on careless writers (data=writeback).
void zseq_disk_boot (zseq_disk_t *self, bool hard);

#endif
