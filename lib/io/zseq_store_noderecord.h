//  Reads and writes the node's record in an open directory, durably and with
//  what belongs to it: lib/doc/disk.md, sections 6 and 7. Private to the store.

#ifndef ZSEQ_STORE_NODERECORD_H_INCLUDED
#define ZSEQ_STORE_NODERECORD_H_INCLUDED

#include "zseq_store.h"

//  Reads the record and the directory's format version. Errors: ZSEQ_EAGAIN (no
//  record), ZSEQ_EDAMAGED, ZSEQ_EFOREIGN, ZSEQ_EIO.
int zseq_store_noderecord_read (zseq_store_t *self, zseq_record_t *record,
                                uint16_t *format_p);

//  Writes the record durably. At the formation of the cluster it first writes
//  an empty journal; after damage it carries out the repair. Errors:
//  ZSEQ_ENOSPACE (the old or the new record may stand), ZSEQ_EIO.
int zseq_store_noderecord_write (zseq_store_t *self,
                                 const zseq_record_t *record);

#endif
