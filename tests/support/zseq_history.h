//  What clients were given, and whether that keeps zseq's promises: unique,
//  ordered, and without gaps where nothing failed.
//
//  A history is a text file of one line per operation that handed something
//  out; failed calls are not in it:
//
//      KIND CLIENT START END FIRST COUNT
//
//  KIND is a letter (zseq_history_kind_t), the others are decimal numbers,
//  separated by single spaces. Operations stand in any order.

#ifndef ZSEQ_HISTORY_H_INCLUDED
#define ZSEQ_HISTORY_H_INCLUDED

#include "zseq.h"

#define ZSEQ_HISTORY_CLIENTS_MAX (1u << 20)
#define ZSEQ_HISTORY_OPERATIONS_MAX 0xffffffffu
#define ZSEQ_HISTORY_TEXT_MAX 4096

typedef enum {
    ZSEQ_HISTORY_UNBUFFERED = 'u',  //  IDs that were claimed for this call
    ZSEQ_HISTORY_BUFFERED = 'b',    //  IDs that may come from a buffer
    ZSEQ_HISTORY_PEEK = 'p',
    ZSEQ_HISTORY_RAISE = 'r',
} zseq_history_kind_t;

typedef struct {
    uint64_t start_ns;  //  Clock just before the call
    uint64_t end_ns;    //  Clock just after it returned
    uint64_t first;     //  First ID; or what a peek returned, a raise was given
    uint64_t count;     //  How many IDs; 0 for a peek and a raise
    uint32_t client;    //  The handle, below ZSEQ_HISTORY_CLIENTS_MAX
    zseq_history_kind_t kind;
} zseq_history_op_t;

//  CLOCK_MONOTONIC, which all processes of a machine share.
uint64_t zseq_history_now_ns (void);

//  Writes a history. One writer per thread; several processes may append to
//  one file, but one that may be killed should have a file of its own: the
//  kernel may cut its last write short, which a reader forgives only at the
//  end of a file. Lines leave in blocks, whole.

typedef struct zseq_history_writer zseq_history_writer_t;

//  Appends to the file at path. NULL, with errno set, if it does not open.
zseq_history_writer_t *zseq_history_writer_new (const char *path);

//  Writes what is left, closes the file, nulls the pointer.
void zseq_history_writer_destroy (zseq_history_writer_t **self_p);

//  Adds an operation. A write that fails ends the process.
void zseq_history_writer_put (zseq_history_writer_t *self,
                              const zseq_history_op_t *op);

//  Lets all lines leave now, so that a kill does not lose them.
void zseq_history_writer_flush (zseq_history_writer_t *self);

//  A history in memory.

typedef struct zseq_history zseq_history_t;

zseq_history_t *zseq_history_new (void);
void zseq_history_destroy (zseq_history_t **self_p);

//  Adds an operation, which is copied.
void zseq_history_add (zseq_history_t *self, const zseq_history_op_t *op);

//  Adds the operations of a file. A last line without its newline was cut off
//  by the death of its writer and is left out. Returns 0, or -1 when the file
//  cannot be read or a line is malformed; zseq_history_text says which.
int zseq_history_read (zseq_history_t *self, const char *path);
const char *zseq_history_text (const zseq_history_t *self);

//  The rules. "Ended before" is strict: equal times are no order.
typedef enum {
    //  IDs lie in 1..ZSEQ_ID_MAX, values in 1..2^63, counts are as their kind
    //  wants them, no call ends before it starts. What breaks this rule is
    //  left out of the others.
    ZSEQ_RULE_RANGE,
    //  No ID is handed out twice.
    ZSEQ_RULE_UNIQUE,
    //  An unbuffered call's IDs, and what a peek returns, are not below what
    //  an operation of any client ended with before the call began: above
    //  every ID, at or above every peek and raise.
    ZSEQ_RULE_ORDER,
    //  IDs of one handle are above those, and at or above the raises, that it
    //  ended with before the call began.
    ZSEQ_RULE_HANDLE,
    //  IDs are 1, 2, 3, ... without a gap: a single client, never disturbed.
    ZSEQ_RULE_GAPLESS,
    ZSEQ_RULES
} zseq_rule_t;

typedef struct {
    uint64_t operations;
    uint64_t clients;
    uint64_t ids;                    //  IDs handed out
    uint64_t duplicates;             //  ... of which had been before
    uint64_t gaps;                   //  IDs below the highest, never handed out
    uint64_t violations;             //  Of all rules
    uint64_t violation[ZSEQ_RULES];  //  By rule
    char text[ZSEQ_HISTORY_TEXT_MAX];  //  The first ones, a few of each rule
} zseq_verdict_t;

//  Judges the history by all rules, of which ZSEQ_RULE_GAPLESS only if it is
//  asked for. Takes O(n log n). Returns whether there is no violation.
bool zseq_history_check (zseq_history_t *self, bool gapless,
                         zseq_verdict_t *verdict);

#endif
