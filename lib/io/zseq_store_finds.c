#include "zseq_store_finds.h"

#include <string.h>

void
zseq_store_finds_term (zseq_store_finds_t *self)
{
    zseq_store_chunk_free (&self->chunks);
    zseq_store_memory_unmap (self->record,
                             self->record_capacity * sizeof *self->record);
    zseq_store_memory_unmap (self->damage,
                             self->damage_capacity * sizeof *self->damage);
    zseq_store_memory_unmap (self->temp,
                             self->temp_capacity * sizeof *self->temp);
}

int
zseq_store_name_compare (const zseq_store_name_t *a, const zseq_store_name_t *b)
{
    int order =
      memcmp (a->name, b->name, a->size < b->size ? a->size : b->size);
    if (order != 0)
        return order;
    return (a->size > b->size) - (a->size < b->size);
}

//  Merges two sorted runs.
static void
s_merge_runs (const zseq_store_name_t *a, size_t a_count,
              const zseq_store_name_t *b, size_t b_count, zseq_store_name_t *to)
{
    while (a_count > 0 && b_count > 0)
        if (zseq_store_name_compare (b, a) < 0) {
            *to++ = *b++;
            b_count--;
        }
        else {
            *to++ = *a++;
            a_count--;
        }
    memcpy (to, a, a_count * sizeof *a);
    memcpy (to + a_count, b, b_count * sizeof *b);
}

bool
zseq_store_name_sort (zseq_store_name_t **names_p, size_t *capacity_p,
                      size_t count)
{
    //  A merge sort, as qsort would take its memory from the heap.
    zseq_store_name_t *other = NULL;
    size_t other_capacity = 0;
    if (count < 2)
        return true;
    if (!zseq_store_memory_reserve ((void **) &other, &other_capacity, count,
                                    sizeof *other))
        return false;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t i = 0; i < count; i += 2 * run) {
            size_t left = count - i;
            size_t a = left < run ? left : run;
            size_t b = left - a < run ? left - a : run;
            s_merge_runs (*names_p + i, a, *names_p + i + a, b, other + i);
        }
        zseq_store_name_t *sorted = other;
        size_t sorted_capacity = other_capacity;
        other = *names_p;
        other_capacity = *capacity_p;
        *names_p = sorted;
        *capacity_p = sorted_capacity;
    }
    zseq_store_memory_unmap (other, other_capacity * sizeof *other);
    return true;
}
