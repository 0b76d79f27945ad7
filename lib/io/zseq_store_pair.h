//  The names journal and its copy as they lie on the disk, read and held
//  against each other: lib/doc/disk.md, sections 5 and 7. Private to the store.

#ifndef ZSEQ_STORE_PAIR_H_INCLUDED
#define ZSEQ_STORE_PAIR_H_INCLUDED

#include "zseq_store_journal.h"

//  One of the two files. What is wrong with it is told in a few words.
typedef struct {
    uint8_t *bytes;
    size_t capacity;
    size_t size;
    size_t end;   //  Where its whole batches end; 0: its header is not intact
    size_t last;  //  Where the last of them begins; end, if there is none
    bool there;   //  Something bears its name
    const char *damage;  //  NULL: nothing is wrong
} zseq_store_image_t;

//  All zeros: nothing was read yet.
typedef struct {
    zseq_store_image_t names;
    zseq_store_image_t copy;
} zseq_store_pair_t;

void zseq_store_pair_term (zseq_store_pair_t *self);

//  Reads both. What cannot be a journal is damage, and not an error. The header
//  that is intact and known to this zseq is told to ours, with the file's name,
//  which returns ZSEQ_EDAMAGED to take it for damage, or another value than
//  ZSEQ_OK to end all. Errors: ZSEQ_EFOREIGN,
//  ZSEQ_ENOMEM, ZSEQ_EIO, and that value.
typedef int (zseq_store_pair_ours_fn) (uint64_t identity, uint8_t node,
                                       const char *file, void *arg);
int zseq_store_pair_read (zseq_store_pair_t *self, zseq_store_disk_t *disk,
                          zseq_store_pair_ours_fn *ours, void *arg);

//  What a crash can leave and damage cannot be mistaken for: after an append
//  to names and before that to the copy, or in either. Else says what is
//  damaged. format: that of the directory, of which 1 knew no copy, so that
//  one is there only when its conversion was cut short.
void zseq_store_pair_judge (zseq_store_pair_t *self, uint16_t format);

//  Makes both end where the whole batches of names do, durably, so that the
//  journal can be appended to. The pair was judged, and nothing is damaged.
//  Of format 1 the journal is left without a copy. Errors: ZSEQ_ENOSPACE,
//  ZSEQ_EIO.
int zseq_store_pair_mend (const zseq_store_pair_t *self,
                          zseq_store_disk_t *disk,
                          zseq_store_journal_t *journal, uint16_t format);

//  Whether zseq_store_pair_mend would change anything.
bool zseq_store_pair_even (const zseq_store_pair_t *self);

#endif
