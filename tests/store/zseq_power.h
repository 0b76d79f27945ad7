//  The power goes: a model of a disk that keeps no more than it must. A file
//  has the bytes of its last fsync, a directory the entries of its last. What
//  came since may be there or not, each for itself. And the same for a process
//  that is killed, after which all that it has written is there.
//
//      power_begin ();
//      ... calls of the store ...
//      power_cut_everywhere (POWER_ROUNDS, check);

#ifndef ZSEQ_POWER_H_INCLUDED
#define ZSEQ_POWER_H_INCLUDED

#include <stddef.h>

enum { POWER_ROUNDS = 12 };

//  Checks what is on disk after so many completions. What, and the number when,
//  are for messages: the call after which the power went.
typedef void (power_check_fn) (size_t completed, const char *what, size_t when);

//  The model begins with what is in the node's directory now, and watching too.
void power_begin (void);

//  Cuts the power after the calls that were logged, several times each: the
//  directory is made as a cut may leave it, and checked.
void power_cut_everywhere (unsigned rounds, power_check_fn *check);

//  Kills a child at each of its calls, and checks what it leaves. Make prepares
//  the node, play, which counts completions, is what the child does.
void power_kill_everywhere (void (*make) (void),
                            void (*play) (size_t *completed),
                            power_check_fn *check);

#endif
