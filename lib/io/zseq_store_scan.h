//  Listing the directories of a node. Private to loading.

#ifndef ZSEQ_STORE_SCAN_H_INCLUDED
#define ZSEQ_STORE_SCAN_H_INCLUDED

#include "zseq_store_loading.h"

//  A directory's entries, to be read in the order of their inodes.
typedef struct {
    ino_t inode;
    size_t offset;  //  Of its name in bytes
    bool regular;
    bool directory;
} zseq_store_file_t;

typedef struct {
    zseq_store_file_t *file;
    size_t count;
    size_t count_capacity;
    char *bytes;
    size_t size;
    size_t size_capacity;
} zseq_store_listing_t;

void zseq_store_listing_term (zseq_store_listing_t *self);

//  Notes the temporary files of the node's directory, and lists seq: opens it
//  as the loading's seq_fd, if it is there, and notes its directories, and as
//  damage what else lies in it. Errors: as zseq_store_load; loading has ended.
int zseq_store_scan_directories (zseq_store_loading_t *self);

//  Opens a directory. Where there is something else in its place, that is
//  damage; *fd_p is -1 then, and where there is nothing.
int zseq_store_scan_open (zseq_store_loading_t *self, zseq_store_finds_t *finds,
                          int parent_fd, const char *name, const char *where,
                          int *fd_p);

//  Lists the directory fd anew.
int zseq_store_scan_list (zseq_store_loading_t *self,
                          zseq_store_listing_t *listing, int fd,
                          const char *where);

//  S8: what an earlier process wrote is on disk before anyone is told of it.
//  Where that is not known of all that the file system holds, it is made so of
//  this.
int zseq_store_scan_settle (zseq_store_loading_t *self, int fd,
                            const char *where);

//  Whether a temporary file may be called that.
bool zseq_store_scan_is_temp (const char *file);

#endif
