//  The node's record in an open directory, read and written durably with what
//  belongs to it: lib/doc/disk.md, sections 6 and 7. Private to the store.

#ifndef ZSEQ_STORE_NODERECORD_H_INCLUDED
#define ZSEQ_STORE_NODERECORD_H_INCLUDED

#include "zseq_store.h"

//  Reads it, and the format version of the directory. Errors: ZSEQ_EAGAIN
//  (there is none), ZSEQ_EDAMAGED, ZSEQ_EFOREIGN, ZSEQ_EIO.
int zseq_store_noderecord_read (zseq_store_t *self, zseq_record_t *record,
                                uint16_t *format_p);

//  Writes it durably, with what comes before and after it: at the formation an
//  empty journal, after damage the repair. Errors: ZSEQ_ENOSPACE (the old
//  record may stand or the new one), ZSEQ_EIO.
int zseq_store_noderecord_write (zseq_store_t *self,
                                 const zseq_record_t *record);

#endif
