//  The examples of lib/doc/disk.md. The test must be compiled with
//  ZSEQ_DISK_MD, its path.

#ifndef ZSEQ_EXAMPLE_H_INCLUDED
#define ZSEQ_EXAMPLE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

//  Fails the test unless the bytes of the block that begins after a line with
//  title are these.
void assert_example (const char *title, const uint8_t *bytes, size_t size);

#endif
