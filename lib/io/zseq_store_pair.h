//  Reads the names journal and its copy and compares them: lib/doc/disk.md,
//  sections 5 and 7. Private to the store.
//
//  _read reads both files, _judge decides what is damage and what a crash left,
//  _mend makes both end alike.

#ifndef ZSEQ_STORE_PAIR_H_INCLUDED
#define ZSEQ_STORE_PAIR_H_INCLUDED

#include "zseq_store_journal.h"

//  The content of one of the two files.
typedef struct {
    uint8_t *bytes;   //  All of the file
    size_t capacity;  //  Bytes that are mapped
    size_t size;
    size_t end;          //  Where its whole batches end; 0: bad header
    size_t last;         //  Where the last one begins; end if none
    bool there;          //  The name exists
    const char *damage;  //  What is wrong, in a few words; or NULL
} zseq_store_image_t;

//  All zeros: nothing was read yet.
typedef struct {
    zseq_store_image_t names;
    zseq_store_image_t copy;
} zseq_store_pair_t;

void zseq_store_pair_term (zseq_store_pair_t *self);

//  Reads both. A file that cannot be a journal is damage, not an error. Calls
//  ours with the identity and node of each valid header, and the file's name;
//  ours returns ZSEQ_EDAMAGED to count the file as damage, or another value
//  than ZSEQ_OK to stop. Errors: ZSEQ_EFOREIGN, ZSEQ_ENOMEM, ZSEQ_EIO, and the
//  value of ours.
typedef int (zseq_store_pair_ours_fn) (uint64_t identity, uint8_t node,
                                       const char *file, void *arg);
int zseq_store_pair_read (zseq_store_pair_t *self, zseq_store_disk_t *disk,
                          zseq_store_pair_ours_fn *ours, void *arg);

//  Decides what is damage. A crash can only leave an append that reached names
//  and not the copy, or part of one. Everything else is damage. format is that
//  of the directory; format 1 had no copy, so a copy is there only after an
//  interrupted conversion.
void zseq_store_pair_judge (zseq_store_pair_t *self, uint16_t format);

//  Makes both end where the whole batches of names end, durably, so that the
//  journal can be appended to. The pair was judged, and nothing is damaged.
//  Makes no copy in a directory of format 1. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO.
int zseq_store_pair_mend (const zseq_store_pair_t *self,
                          zseq_store_disk_t *disk,
                          zseq_store_journal_t *journal, uint16_t format);

//  Whether zseq_store_pair_mend would change anything.
bool zseq_store_pair_even (const zseq_store_pair_t *self);

#endif
