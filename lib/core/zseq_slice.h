#ifndef ZSEQ_SLICE_H_INCLUDED
#define ZSEQ_SLICE_H_INCLUDED

#include <stddef.h>

//  Bytes that another object owns, not terminated.
typedef struct {
    const char *data;
    size_t size;
} zseq_slice_t;

#endif
