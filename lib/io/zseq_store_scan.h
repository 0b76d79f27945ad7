//  Lists the directories of a node. Private to loading.

#ifndef ZSEQ_STORE_SCAN_H_INCLUDED
#define ZSEQ_STORE_SCAN_H_INCLUDED

#include "zseq_store_loading.h"

//  A directory's entries. They are read in the order of their inodes.
typedef struct {
    ino_t inode;
    size_t offset;  //  Of its name in the listing's bytes
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

//  Lists the node's directory and seq. Notes temporary files, the buckets, and
//  as damage any other entry of seq. Opens seq as the loading's seq_fd if it
//  exists. Errors: as zseq_store_load; loading has ended.
int zseq_store_scan_directories (zseq_store_loading_t *self);

//  Opens a directory. Anything else under that name is damage. *fd_p is -1
//  then, and if nothing is there.
int zseq_store_scan_open (zseq_store_loading_t *self, zseq_store_finds_t *finds,
                          int parent_fd, const char *name, const char *where,
                          int *fd_p);

//  Lists the directory fd, replacing the listing.
int zseq_store_scan_list (zseq_store_loading_t *self,
                          zseq_store_listing_t *listing, int fd,
                          const char *where);

//  S8: what an earlier process wrote must be on disk before anyone is told of
//  it. Syncs fd if syncfs cannot be trusted.
int zseq_store_scan_settle (zseq_store_loading_t *self, int fd,
                            const char *where);

//  Whether a file's name is that of a temporary file.
bool zseq_store_scan_is_temp (const char *file);

#endif
