//  A directory for the files that a fuzz target reads, in memory if possible.
//  It is made with the first path, and removed when the process ends.

#ifndef ZSEQ_FUZZ_DIRECTORY_H_INCLUDED
#define ZSEQ_FUZZ_DIRECTORY_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

//  Returns the path of a file in it; "": its own. Valid until the next call.
const char *zseq_fuzz_directory_path (const char *file);

//  Writes a file, whose folder must be there.
void zseq_fuzz_directory_put (const char *file, const uint8_t *bytes,
                              size_t size);

//  Makes a folder; removes it with all that is in it.
void zseq_fuzz_directory_make (const char *folder);
void zseq_fuzz_directory_remove (const char *folder);

#endif
