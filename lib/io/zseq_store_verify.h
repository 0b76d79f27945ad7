//  Looking at a node's directory without changing anything in it, for zseqd
//  verify: lib/doc/disk.md, section 12.

#ifndef ZSEQ_STORE_VERIFY_H_INCLUDED
#define ZSEQ_STORE_VERIFY_H_INCLUDED

#include "zseq_store.h"

typedef struct {
    bool lost;             //  There is no intact node's record; damage has
                           //  told why
    zseq_record_t record;  //  Else this is it
    uint16_t format;       //  Its version, that of the directory; 0: lost
    size_t damaged;        //  Things that are damaged; 0: all is intact
    size_t unfinished;  //  Things that a crash has left, which the next start
                        //  puts right; 0 with damage
    uint64_t identity;  //  As in zseq_store_load_result_t
} zseq_store_verified_t;

//  Reads all of the directory as a start does, but from the disk where the
//  system has it in memory, and tells the callbacks, of a damaged node's record,
//  too. Changes nothing; keeps nodes from starting meanwhile. text has room for
//  ZSEQ_STORE_TEXT_MAX bytes and says what went wrong. Errors: ZSEQ_EAGAIN (no
//  directory, or an empty one), ZSEQ_ELOCKED (a process uses it), ZSEQ_EFOREIGN
//  (not a node's directory; or what is of different nodes or clusters, or of a
//  format that is not known here), ZSEQ_EINVAL (a part of it is on another file
//  system), ZSEQ_EIO, ZSEQ_ENOMEM.
int zseq_store_verify (const char *directory,
                       const zseq_store_load_callbacks_t *callbacks,
                       zseq_store_verified_t *verified_p, char *text);

#endif
