//  Inspects a node's directory without changing anything in it, for zseqd
//  verify: lib/doc/disk.md, section 12.

#ifndef ZSEQ_STORE_VERIFY_H_INCLUDED
#define ZSEQ_STORE_VERIFY_H_INCLUDED

#include "zseq_store.h"

typedef struct {
    bool lost;             //  The node's record is missing or damaged; the
                           //  damage callback got the reason
    zseq_record_t record;  //  The node's record, unless lost
    uint16_t format;       //  The directory's format version; 0: lost
    size_t damaged;        //  Damaged things; 0: all is intact
    size_t unfinished;     //  Leftovers of a crash, which the next start
                           //  clears up; 0 with damage
    uint64_t identity;     //  As in zseq_store_load_result_t
} zseq_store_verified_t;

//  Reads the whole directory as a start does, but from the disk and not from
//  cached memory, and reports to callbacks, also about a damaged node's record.
//  Changes nothing. No node can start meanwhile. text has ZSEQ_STORE_TEXT_MAX
//  bytes and receives what went wrong. Errors: ZSEQ_EAGAIN (no directory, or an
//  empty one), ZSEQ_ELOCKED (in use by a process), ZSEQ_EFOREIGN (not a node's
//  directory, or files of different nodes or clusters, or an unknown format),
//  ZSEQ_EINVAL (a part of it is on another file system), ZSEQ_EIO, ZSEQ_ENOMEM.
int zseq_store_verify (const char *directory,
                       const zseq_store_load_callbacks_t *callbacks,
                       zseq_store_verified_t *verified_p, char *text);

#endif
