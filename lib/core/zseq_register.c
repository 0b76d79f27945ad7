#include "zseq_register.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

zseq_register_t *
zseq_register_new (const zseq_kv_record_t *record)
{
    assert (record);
    assert (record->key.size >= 1);
    assert (record->key.size <= ZSEQ_KEY_MAX);
    assert (record->value.size <= ZSEQ_VALUE_MAX);

    zseq_register_t *self =
      malloc (sizeof *self + record->key.size + record->value.size);
    if (!self)
        return NULL;
    char *bytes = (char *) (self + 1);
    self->owners = 1;
    self->record = *record;
    memcpy (bytes, record->key.data, record->key.size);
    self->record.key.data = bytes;
    bytes += record->key.size;
    if (record->value.size)
        memcpy (bytes, record->value.data, record->value.size);
    self->record.value.data = bytes;
    return self;
}

zseq_register_t *
zseq_register_own (zseq_register_t *self)
{
    assert (self);

    self->owners++;
    return self;
}

void
zseq_register_release (zseq_register_t **self_p)
{
    assert (self_p);

    zseq_register_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    if (--self->owners == 0)
        free (self);
}

size_t
zseq_register_size (const zseq_register_t *self)
{
    assert (self);
    return sizeof *self + self->record.key.size + self->record.value.size;
}
