//  What zseq export writes and zseq import reads: lines of fields, with tabs
//  between them, the first of which says what the line is. Names are escaped as
//  by zseq_text_escape.
//
//      zseq-export 1 cluster=NAME identity=HEX floor=ID time=TIME prefix=PREFIX
//      sequence NAME NEXT
//      key KEY VERSION VALUE
//      end COUNT CHECKSUM
//
//  The first number is the format's version. The floor is where sequences begin
//  that are not listed. Names rise, in the order of their bytes, and so do the
//  keys, which stand behind all sequences. Keys and values are escaped as names
//  are; VALUE may be empty. Readers that know no keys refuse such a line by its
//  kind, so the version is still 1. COUNT is how many lines there are between
//  the first and the last one, CHECKSUM the XXH3 hash of 64 bits, in
//  hexadecimal digits, of every byte before the last line.
//  Pure: no I/O, no clock.

#ifndef ZSEQ_EXPORT_H_INCLUDED
#define ZSEQ_EXPORT_H_INCLUDED

#include <time.h>

#include "zseq.h"

//  Bytes of a line, its line feed included: that of a key, all of it escaped.
#define ZSEQ_EXPORT_LINE_MAX (4 * (ZSEQ_KEY_MAX + ZSEQ_VALUE_MAX) + 64)

//  Room for why an export is refused.
#define ZSEQ_EXPORT_WHY_MAX 1536

//  What the first line says.
typedef struct {
    const char *cluster;
    uint64_t identity;
    uint64_t floor;
    time_t time;
    const char *prefix;  //  Of the names and keys that are exported
} zseq_export_source_t;

typedef struct zseq_export zseq_export_t;

//  A new export. NULL: no memory.
zseq_export_t *zseq_export_new (void);
void zseq_export_destroy (zseq_export_t **self_p);

//  These make the next line, which is valid until the next call: the first one,
//  one for each sequence, one for each key, the last one.
const char *zseq_export_first (zseq_export_t *self,
                               const zseq_export_source_t *source);
const char *zseq_export_sequence (zseq_export_t *self, const char *name,
                                  uint64_t next);
const char *zseq_export_key (zseq_export_t *self, const zseq_kv_entry_t *entry);
const char *zseq_export_last (zseq_export_t *self);

//  Called for each sequence, in the order of the lines. False: no memory.
typedef bool (zseq_import_fn) (const char *name, uint64_t next, size_t line,
                               void *arg);

//  The same for each key.
typedef bool (zseq_import_key_fn) (const zseq_kv_entry_t *entry, size_t line,
                                   void *arg);

typedef struct zseq_import zseq_import_t;

//  A reader of one export. Partial: of the complete lines of an export that was
//  cut off or edited, or of what zseq list prints; nothing says then that these
//  are all. NULL: no memory.
zseq_import_t *zseq_import_new (bool partial, zseq_import_fn *fn,
                                zseq_import_key_fn *key_fn, void *arg);
void zseq_import_destroy (zseq_import_t **self_p);

//  The next bytes, or that there are no more. False: this is refused, and the
//  reader is at its end. Until zseq_import_end has returned true, nothing that
//  fn was told may be believed.
bool zseq_import_feed (zseq_import_t *self, const char *bytes, size_t size);
bool zseq_import_end (zseq_import_t *self);

//  The floor of where it was exported; 0: that is not known.
uint64_t zseq_import_floor (const zseq_import_t *self);

//  Why it was refused and what to do, without a full stop, and the line.
const char *zseq_import_why (const zseq_import_t *self);
size_t zseq_import_line (const zseq_import_t *self);

#endif
