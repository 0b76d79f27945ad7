//  What the limits of the process and the system leave: descriptors, threads.
//  libzmq 4.3.4 aborts the process when it cannot make what it needs. So we
//  check beforehand. Other threads of the process may use up what was found
//  here, and nothing prevents that: keep little time between check and use.

#ifndef ZSEQ_LIMITS_H_INCLUDED
#define ZSEQ_LIMITS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

//  Whether the process can open that many more descriptors, and run that many
//  more threads, 0 to ZSEQ_LIMITS_MAX each. If not, writes what is missing, and
//  what to do, into text.
#define ZSEQ_LIMITS_MAX 20
bool zseq_limits_leave (size_t descriptors, size_t threads, char *text,
                        size_t text_size);

#endif
