#include "zseq_sequence.h"

#include <assert.h>

zseq_table_t *
zseq_sequence_table (size_t names_max)
{
    return zseq_table_new (names_max, sizeof (zseq_sequence_t));
}

zseq_sequence_t *
zseq_sequence_find (const zseq_table_t *table, const char *name, size_t size)
{
    return (zseq_sequence_t *) zseq_table_find (table, name, size);
}

int
zseq_sequence_insert (zseq_table_t *table, const char *name, size_t size,
                      zseq_sequence_t **sequence_p)
{
    assert (sequence_p);

    zseq_entry_t *entry;
    int rc = zseq_table_insert (table, name, size, &entry);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_sequence_t *self = (zseq_sequence_t *) entry;
    //  A new entry is all zero; next is never less than 1.
    if (!self->seq.next)
        zseq_seq_init (&self->seq, 1);
    *sequence_p = self;
    return ZSEQ_OK;
}
