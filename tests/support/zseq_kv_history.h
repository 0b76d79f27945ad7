//  What clients were told by the key-value store, and whether that keeps its
//  promises: each key is linearizable, versions rise, each write is done at
//  most once, and stale gets of a handle do not go back.
//
//  A key is a register. Each write, a tombstone too, has a version above
//  those of the writes before it, and each answer shows a version. So the
//  order of what was answered is known, and nothing has to be searched:
//
//  1. An operation's position is its version; a write comes before the
//     operations that show it. An absence that shows version f is after all
//     writes up to f and before all above.
//  2. An order by position that also respects time exists if, and only if, no
//     operation began after one with a later position had ended: positions are
//     a weak order, so a cycle with the order of time has two members. The
//     highest positions come first in a sweep that keeps the earliest end.
//  3. What an operation does needs its neighbours in that order only. A read
//     shows the value of the write at its version. A condition holds if the
//     position before is the version expected; with 0, if the key is absent
//     there. A refusal is a read.
//  4. An unknown write may have been done at any time after its begin, at any
//     version that is free, once or never. If a get shows its value, it has
//     that version. The others are only good to explain what was seen and
//     nobody is known to have written: a version that a refusal or a
//     condition shows ("exists"), and an absence after a value. What explains
//     something must begin before anything at or above it ended. This bound
//     rises with the version, so an unknown write that can explain something
//     can also explain all that is needed later. Then what is most restricted
//     goes first, and by exchange nothing is lost:
//       - An unknown write that expects version e fits behind e only, where
//         one write fits: it costs nothing.
//       - An absence takes an unknown delete.
//       - Exists after absence takes a write that expects no key, or else an
//         unconditional one.
//       - Exists after a value takes an unconditional write, or else a delete
//         and a write that expects no key, if two versions are free.
//       - Where only one is free it needs an unconditional write, so these
//         are reserved first, the latest begin that fits to each.
//  5. What a listing left out, and a watch that ended without news, say
//     something of the key and show no version. The lowest position that suits
//     them restricts the others least: it is not below what ended before they
//     began, and this bound rises with the begin, so the lowest positions are
//     in the order of time among themselves, too.
//       - A listing that left a key out needs a position where the key is
//         absent, and nothing up to there that began after the page ended.
//       - A watch without news needs a position not above the version it knew.
//
//  So the verdict is exact for histories in which a key is absent at first,
//  the values of a key's unknown writes differ, every write that may have been
//  done is there, and an unknown write expects only versions that an answer
//  showed. One that expects another is taken as never done: it could only be
//  a lucky guess. And where an unknown delete of the key began in time, it is
//  taken as the reason why a listing left the key out, whatever else it has to
//  explain. zseq_kv_history_settle gives up one thing more.
//
//  A stale get may have read at any time before it ended, but not below what
//  its handle had seen of the key when it began. A stale absence of a handle
//  that had seen nothing says nothing: its version is no position. What a
//  listing shows is nothing that its handle has seen.

#ifndef ZSEQ_KV_HISTORY_H_INCLUDED
#define ZSEQ_KV_HISTORY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ZSEQ_KV_HISTORY_CLIENTS_MAX (1u << 20)
#define ZSEQ_KV_HISTORY_KEYS_MAX (1u << 28)
#define ZSEQ_KV_HISTORY_KEY_SIZE_MAX 255
#define ZSEQ_KV_HISTORY_TEXT_MAX 16384

//  Versions of a key that are kept for stale gets after a settle.
#define ZSEQ_KV_HISTORY_OLD_MAX 4096

//  A delete that expects any version, and the version of a key that a listing
//  left out.
#define ZSEQ_KV_HISTORY_ANY UINT64_MAX

typedef enum {
    ZSEQ_KV_HISTORY_GET,
    ZSEQ_KV_HISTORY_STALE,
    ZSEQ_KV_HISTORY_LIST,   //  What a page of a listing says of one key
    ZSEQ_KV_HISTORY_WATCH,  //  A get of a version above the one it expects
    ZSEQ_KV_HISTORY_PUT,
    ZSEQ_KV_HISTORY_CAS,
    ZSEQ_KV_HISTORY_DEL,
    ZSEQ_KV_HISTORY_KINDS
} zseq_kv_history_kind_t;

typedef enum {
    ZSEQ_KV_HISTORY_DONE,
    ZSEQ_KV_HISTORY_EVERSION,  //  Not done: the key has the version answered
    ZSEQ_KV_HISTORY_ENOKEY,    //  Not done: there is no key
    ZSEQ_KV_HISTORY_QUIET,     //  A watch: there was no newer version
    ZSEQ_KV_HISTORY_REFUSED,   //  Not done, which says nothing of the key
    ZSEQ_KV_HISTORY_UNKNOWN,   //  Done, or not, or done later
    ZSEQ_KV_HISTORY_OUTCOMES
} zseq_kv_history_outcome_t;

typedef struct {
    uint64_t begin_ns;  //  Clock just before the call
    uint64_t end_ns;    //  Clock just after it returned; unknown ones: any
    uint64_t id;        //  The op id; only reports and files use it
    uint64_t expected;  //  cas: 0 for no key; del: or ZSEQ_KV_HISTORY_ANY;
                        //  watch: the version that it knew, or 0
    uint64_t version;   //  Answered; of an absence, see zseq_kv_get
    uint64_t value;     //  Written or read
    uint32_t key;       //  Below ZSEQ_KV_HISTORY_KEYS_MAX, best small
    uint32_t client;    //  The handle, below ZSEQ_KV_HISTORY_CLIENTS_MAX
    uint32_t line;      //  In its file, from 1; 0: not from a file
    uint16_t file;      //  Index of the file
    uint8_t kind;       //  zseq_kv_history_kind_t
    uint8_t outcome;    //  zseq_kv_history_outcome_t
} zseq_kv_history_op_t;

//  The rules. "Ended before" is strict: equal times are no order.
typedef enum {
    //  An operation is possible by itself: it ends after it began, its outcome
    //  is one of its kind, a written version is not 0. Values of a key's
    //  unknown writes differ. What breaks this rule is left out of the others.
    ZSEQ_KV_RULE_FORM,
    //  No two writes have one version.
    ZSEQ_KV_RULE_VERSION,
    //  A value shown with a version is what the write of that version wrote.
    ZSEQ_KV_RULE_VALUE,
    //  A write has one version only: it was not done twice.
    ZSEQ_KV_RULE_ONCE,
    //  No operation shows less than one that ended before it began; no get
    //  shows a write that began after it ended.
    ZSEQ_KV_RULE_ORDER,
    //  A condition that held had its version right before the write; one that
    //  did not hold had not.
    ZSEQ_KV_RULE_CHAIN,
    //  The key is absent where an operation says so, or expects it: nothing
    //  was written, or it was deleted.
    ZSEQ_KV_RULE_ABSENT,
    //  A version that was shown was written by somebody.
    ZSEQ_KV_RULE_WRITER,
    //  A stale get shows no less than its handle had seen when it began.
    ZSEQ_KV_RULE_HANDLE,
    //  A watch shows a version above the one it knew, or an absence that is
    //  news. If it ends without, no newer one was shown before it began.
    ZSEQ_KV_RULE_WATCH,
    ZSEQ_KV_RULES
} zseq_kv_rule_t;

typedef struct {
    uint64_t operations;  //  Added, without what FORM left out
    uint64_t keys;
    uint64_t clients;
    uint64_t unknown;  //  Writes whose outcome is unknown ...
    uint64_t found;    //  ... of which a get showed the value
    //  Stale gets of versions that were forgotten after a settle.
    uint64_t uncompared;
    uint64_t violations;                  //  Of all rules
    uint64_t violation[ZSEQ_KV_RULES];    //  By rule
    char text[ZSEQ_KV_HISTORY_TEXT_MAX];  //  The first, a few of each rule
} zseq_kv_verdict_t;

typedef struct zseq_kv_history zseq_kv_history_t;

zseq_kv_history_t *zseq_kv_history_new (void);
void zseq_kv_history_destroy (zseq_kv_history_t **self_p);

//  Adds an operation, which is copied, in any order. Takes 64 bytes until it
//  is settled; a get or write that says nothing takes none.
void zseq_kv_history_add (zseq_kv_history_t *self,
                          const zseq_kv_history_op_t *op);

//  Judges and forgets what is complete, so that a long history fits into
//  memory. Every operation that began before before_ns must have been added.
//  So before_ns is the begin of the oldest call that still runs, or now. What
//  stays of a key: what is not complete, unknown writes that no get showed, the
//  last ZSEQ_KV_HISTORY_OLD_MAX versions, and one operation of each client. A
//  stale get that is added later and shows less than what is complete is
//  compared with that; where it does not suffice, uncompared is counted. No
//  other verdict changes. Not for histories from files.
void zseq_kv_history_settle (zseq_kv_history_t *self, uint64_t before_ns);

//  Judges the rest. Takes O(n log n) of each key's operations. Returns whether
//  there is no violation. Only destroy may follow.
bool zseq_kv_history_check (zseq_kv_history_t *self,
                            zseq_kv_verdict_t *verdict);

//  Histories as text: tests/histories.md.

//  Adds the operations of a file, "-" is the standard input. A last line
//  without its newline was cut off by the death of its writer and is left out.
//  Of a write with two lines, the unknown one is left out when the history is
//  checked. Returns 0, or -1 when the file cannot be read or a line is
//  malformed; zseq_kv_history_text says which.
int zseq_kv_history_read (zseq_kv_history_t *self, const char *path);
const char *zseq_kv_history_text (const zseq_kv_history_t *self);

//  Writes an operation as a line. The key is name, or its number if NULL.
void zseq_kv_history_print (const zseq_kv_history_op_t *op, const char *name,
                            FILE *out);

#endif
