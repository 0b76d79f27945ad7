//  A power cut: a model of a disk that keeps no more than it must. A file has
//  the bytes of its last fsync, a directory the entries of its last. Each later
//  change may be there or not. The same for a killed process, of which
//  everything written is there.
//
//      power_begin ();
//      ... calls of the store ...
//      power_cut_everywhere (POWER_ROUNDS, check);

#ifndef ZSEQ_POWER_H_INCLUDED
#define ZSEQ_POWER_H_INCLUDED

#include <stddef.h>

enum { POWER_ROUNDS = 12 };

//  Checks what is on disk after that many completions. what and when, the
//  number of the call after which the power went, are for messages.
typedef void (power_check_fn) (size_t completed, const char *what, size_t when);

//  Starts the model with the content of the node's directory, and the watching.
void power_begin (void);

//  Cuts the power after each logged call, several times: makes the directory as
//  a cut may leave it, and checks it.
void power_cut_everywhere (unsigned rounds, power_check_fn *check);

//  Kills a child at each of its calls, and checks what it leaves. Make prepares
//  the node, play, which counts completions, is what the child does.
void power_kill_everywhere (void (*make) (void),
                            void (*play) (size_t *completed),
                            power_check_fn *check);

#endif
