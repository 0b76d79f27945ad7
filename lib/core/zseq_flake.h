//  Flake IDs: milliseconds since an epoch, a worker's number and a sequence, in
//  one number. The milliseconds of each worker's number are a sequence of their
//  own, under a reserved name, so that a cluster never hands out a millisecond
//  of a worker twice, whatever any clock shows. Source: lib/doc/design.md,
//  section 9, and lib/doc/wire.md, section 17.

#ifndef ZSEQ_FLAKE_H_INCLUDED
#define ZSEQ_FLAKE_H_INCLUDED

#include <stdatomic.h>

#include "zseq.h"

#define ZSEQ_FLAKE_TIME_BITS 41
#define ZSEQ_FLAKE_WORKER_BITS 10
#define ZSEQ_FLAKE_SEQUENCE_BITS 12
#define ZSEQ_FLAKE_EPOCH_MS 1735689600000u  //  2025-01-01T00:00:00Z

#define ZSEQ_FLAKE_BITS_MAX 63  //  Of an ID
#define ZSEQ_FLAKE_WORKER_BITS_MAX 20
#define ZSEQ_FLAKE_SEQUENCE_BITS_MAX 32
#define ZSEQ_FLAKE_EPOCH_MS_MAX 253402300799999u  //  The end of the year 9999

//  How far beyond its own clock a node lets a reserved name be claimed.
#define ZSEQ_FLAKE_AHEAD_MS 60000

#define ZSEQ_FLAKE_PREFIX "$flake/"
#define ZSEQ_FLAKE_NAME_SIZE 64  //  Bytes of the longest name, and the NUL

//  What an ID is made of, the time in its highest bits. Two layouts share no
//  name, so that they never share a worker either. Milliseconds count from the
//  layout's epoch where they are not called Unix milliseconds, and begin at 1.
typedef struct {
    uint8_t time_bits;      //  1 or more
    uint8_t worker_bits;    //  1..ZSEQ_FLAKE_WORKER_BITS_MAX
    uint8_t sequence_bits;  //  1..ZSEQ_FLAKE_SEQUENCE_BITS_MAX
    uint64_t epoch_ms;      //  Unix milliseconds, 0..ZSEQ_FLAKE_EPOCH_MS_MAX
} zseq_flake_layout_t;

//  The default layout.
void zseq_flake_layout_init (zseq_flake_layout_t *self);

//  Whether every field is in its bounds, and the bits are ZSEQ_FLAKE_BITS_MAX
//  at most together. All other functions require that. Errors: ZSEQ_EINVAL.
int zseq_flake_layout_check (const zseq_flake_layout_t *self);

//  Whether two layouts are equal in all their fields.
bool zseq_flake_layout_same (const zseq_flake_layout_t *self,
                             const zseq_flake_layout_t *other);

//  How many milliseconds, workers, and IDs per millisecond the layout has: the
//  first value that does not fit.
uint64_t zseq_flake_ms_end (const zseq_flake_layout_t *layout);
uint64_t zseq_flake_worker_end (const zseq_flake_layout_t *layout);
uint64_t zseq_flake_sequence_end (const zseq_flake_layout_t *layout);

//  Milliseconds of a time in Unix milliseconds; 0 up to the epoch.
uint64_t zseq_flake_ms (const zseq_flake_layout_t *layout, uint64_t unix_ms);

//  The ID of ms (1 or more, and all three below their end).
uint64_t zseq_flake_encode (const zseq_flake_layout_t *layout, uint64_t ms,
                            uint32_t worker, uint32_t sequence);

//  Takes an ID apart. Errors: ZSEQ_EINVAL (no ID of that layout).
int zseq_flake_decode (const zseq_flake_layout_t *layout, uint64_t id,
                       uint64_t *unix_ms_p, uint32_t *worker_p,
                       uint32_t *sequence_p);

//  Writes the reserved name of that worker's milliseconds, such as
//  "$flake/41-10-12/1735689600000/17", terminated, into ZSEQ_FLAKE_NAME_SIZE
//  bytes. Returns its size without the NUL.
size_t zseq_flake_name (const zseq_flake_layout_t *layout, uint32_t worker,
                        char *name);

//  Whether a name is reserved, well-formed or not.
bool zseq_flake_reserved (const char *name, size_t size);

//  What a reserved name stands for. Errors: ZSEQ_EINVAL (malformed: not what
//  zseq_flake_name writes for any layout and worker).
int zseq_flake_parse (const char *name, size_t size,
                      zseq_flake_layout_t *layout_p, uint32_t *worker_p);

//  Whether a node whose wall clock shows that time (Unix milliseconds; 0: not
//  known) allows a claim of the milliseconds below end_ms.
bool zseq_flake_claimable (const zseq_flake_layout_t *layout, uint64_t end_ms,
                           uint64_t wall_ms);

//  A generator hands out the IDs of one worker, in milliseconds that it holds.
//  Any number of threads may call its functions at once, except _init. None
//  waits.
typedef struct {
    zseq_flake_layout_t layout;
    uint32_t worker;
    _Atomic uint64_t last;    //  The last ID's milliseconds and sequence, or
                              //  what is one below the first
    _Atomic uint64_t end_ms;  //  It holds the milliseconds below
} zseq_flake_t;

//  A generator for a worker below worker_end, which holds the milliseconds
//  [first_ms, end_ms), none of which any generator has used before: claimed
//  in the worker's name, or the worker's alone by the user's word. 1 <=
//  first_ms. Drops the part of the range that does not fit the layout.
void zseq_flake_init (zseq_flake_t *self, const zseq_flake_layout_t *layout,
                      uint32_t worker, uint64_t first_ms, uint64_t end_ms);

//  Takes an ID, above all that the generator has handed out before. Its time is
//  now_ms, or the last ID's, if that is the same; it is never above now_ms.
//  Errors, nothing taken:
//    ZSEQ_EAGAIN      there may be one when the clock shows *until_ms_p, which
//                     is above now_ms: those of this millisecond are used up,
//                     the clock has stepped back, or the range has not begun
//    ZSEQ_EEXHAUSTED  the range has ended, or the generator is closed: there is
//                     none unless the range is extended
int zseq_flake_take (zseq_flake_t *self, uint64_t now_ms, uint64_t *id_p,
                     uint64_t *until_ms_p);

//  The generator holds the milliseconds below end_ms, too. Never shrinks its
//  range.
void zseq_flake_extend (zseq_flake_t *self, uint64_t end_ms);

//  Closes the generator: it never hands out an ID again. Returns the first of
//  its milliseconds that was never used, which may be the end of its range; 0
//  if it was closed before.
uint64_t zseq_flake_close (zseq_flake_t *self);

#endif
