#ifndef ZSEQ_SLICE_H_INCLUDED
#define ZSEQ_SLICE_H_INCLUDED

#include <stddef.h>
#include <string.h>

//  Bytes that another object owns, not terminated.
typedef struct {
    const char *data;
    size_t size;
} zseq_slice_t;

//  Compares bytes, from left to right; if one slice is the beginning of the
//  other, the shorter comes first. Below 0, 0 or above, as memcmp.
static inline int
zseq_slice_compare (zseq_slice_t a, zseq_slice_t b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared ? memcmp (a.data, b.data, shared) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

#endif
