//  What the files of zseq_kv_history share.
//
//  zseq_kv_history.c        the object: keys, operations, reports
//  zseq_kv_history_text.c   files
//  zseq_kv_chain.c          one key: order by version, against time and itself
//  zseq_kv_unplaced.c       one key: what shows no version
//  zseq_kv_supply.c         one key: what unknown writes have to explain

#ifndef ZSEQ_KV_HISTORY_PRIVATE_H_INCLUDED
#define ZSEQ_KV_HISTORY_PRIVATE_H_INCLUDED

#include "zseq_kv_history.h"

#define ZSEQ_KV_NEVER UINT64_MAX  //  The end of what does not end

//  Positions that are not versions, which are all below.
#define ZSEQ_KV_NOWHERE UINT64_MAX       //  An unknown write that no get showed
#define ZSEQ_KV_SILENT (UINT64_MAX - 1)  //  A stale absence that says nothing
#define ZSEQ_KV_LATE (UINT64_MAX - 2)    //  Below what was settled

//  What was shown and nobody is known to have written.
typedef struct {
    bool tombstone;               //  A tombstone is needed, else a value
    bool over_value;              //  The key exists before it
    bool spare;                   //  A version between the two is free
    uint64_t after;               //  Version of what is before
    uint64_t by_ns;               //  Whatever explains it began by then
    zseq_kv_history_op_t op;      //  Shows it
    zseq_kv_history_op_t before;  //  Shows what is before
    bool any_before;              //  ... if anything is
} zseq_kv_need_t;

//  A version that was settled.
typedef struct {
    uint64_t version;
    uint64_t value;
    bool has_value;  //  Else a tombstone, an absence, or not known
} zseq_kv_old_t;

//  The state of a key at a version.
typedef struct {
    bool any;      //  Something was shown up to here
    bool present;  //  The key exists
    uint64_t version;
    uint64_t written;         //  The last write's version is not below it
    zseq_kv_history_op_t op;  //  Shows it
} zseq_kv_state_t;

//  What a client saw that was settled.
typedef struct {
    bool any;
    zseq_kv_history_op_t op;  //  Shows the highest version
    uint64_t end_ns;          //  The earliest end of anything
} zseq_kv_seen_t;

typedef struct {
    bool used;                 //  Something was added
    zseq_kv_history_op_t *op;  //  Not settled
    size_t count;
    size_t capacity;
    zseq_kv_need_t *need;  //  By version
    size_t need_count;
    size_t need_capacity;
    zseq_kv_state_t settled;  //  The state after what was settled
    zseq_kv_old_t *old;       //  A ring
    uint64_t old_count;       //  Settled so far; the newest is before it
    zseq_kv_seen_t *seen;     //  By client
    size_t seen_count;
} zseq_kv_key_t;

//  A place in the order: of a write, a read, or an expected version.
typedef enum {
    ZSEQ_KV_WRITE,
    ZSEQ_KV_READ,
    ZSEQ_KV_EXPECT
} zseq_kv_entry_kind_t;

typedef struct {
    uint64_t version;
    uint32_t index;  //  Of the operation
    uint32_t kind;   //  zseq_kv_entry_kind_t
} zseq_kv_entry_t;

//  The entries of a version.
typedef struct {
    uint64_t version;
    size_t first;
    size_t count;
    //  Earliest end of what is at this version or above.
    uint64_t end_ns;
    bool present;      //  The key exists
    uint64_t written;  //  The last write's version is not below it
    //  Latest begin of what comes before an absence that is read here.
    uint64_t begin_ns;
} zseq_kv_point_t;

//  What ended by then, at the highest of its versions.
typedef struct {
    uint64_t end_ns;
    size_t point;  //  Its index
} zseq_kv_ended_t;

//  An unknown write of a value, or of a tombstone.
typedef struct {
    uint64_t value;
    uint32_t index;
} zseq_kv_unknown_t;

//  Of each client, the earliest end above the version where the sweep is.
typedef struct {
    uint64_t end_ns;
    uint64_t stamp;  //  Which sweep
    const zseq_kv_history_op_t *op;
} zseq_kv_handle_t;

struct zseq_kv_history {
    zseq_kv_key_t *key;
    size_t key_count;  //  All keys' numbers are below it
    size_t key_capacity;
    zseq_kv_verdict_t *verdict;
    bool *client_seen;
    size_t client_capacity;

    //  Names and files, if there are any.
    char **name;
    size_t name_count;
    size_t name_capacity;
    uint32_t *name_slot;  //  Hash table: index + 1, 0: free
    size_t name_slots;
    char **path;
    size_t path_count;
    size_t path_capacity;
    char text[512];

    //  For the key that is judged.
    zseq_kv_entry_t *entry;
    size_t entry_count;
    size_t entry_capacity;
    zseq_kv_point_t *point;
    size_t point_count;
    size_t point_capacity;
    zseq_kv_unknown_t *unknown;  //  By value
    size_t unknown_count;
    size_t unknown_capacity;
    uint64_t *version;  //  By operation: its position
    size_t version_capacity;
    zseq_kv_ended_t *ended;  //  By end
    size_t ended_count;
    size_t ended_capacity;
    zseq_kv_handle_t *handle;
    size_t handle_capacity;
    uint64_t stamp;
};

//  Returns an array that has capacity for count members, moved if need be; new
//  members are zeros. Memory for a test: without it there is no test.
void *zseq_kv_history_reserve (void *array, size_t *capacity, size_t count,
                               size_t size);

//  Counts a violation of a rule by op, which contradicts other (or NULL), and,
//  as long as there is room, says what it is.
void zseq_kv_history_violation (zseq_kv_history_t *self, zseq_kv_rule_t rule,
                                const char *what,
                                const zseq_kv_history_op_t *other,
                                const zseq_kv_history_op_t *op);

//  Judges a key. Before ZSEQ_KV_NEVER: up to what is complete, which is then
//  forgotten; zseq_kv_history_settle says what is.
void zseq_kv_chain_check (zseq_kv_history_t *self, zseq_kv_key_t *key,
                          uint64_t before_ns);

//  Finds positions for what shows no version, once all else has a position and
//  is grouped by points: enters what has to be in the order, and judges what
//  does not. Only what is at a version below the limit will be settled: lowers
//  the limit to where what still runs may be. Returns the earliest end of what
//  has ended, has no position yet, and will not be below the limit.
uint64_t zseq_kv_unplaced_enter (zseq_kv_history_t *self, zseq_kv_key_t *key,
                                 uint64_t before_ns, uint64_t *limit_p);

//  Enters an operation at a position.
void zseq_kv_chain_enter (zseq_kv_history_t *self, uint64_t version,
                          size_t index, zseq_kv_entry_kind_t kind);

//  Explains all needs of a key by unknown writes that have no version, which
//  self->version says.
void zseq_kv_supply_check (zseq_kv_history_t *self, const zseq_kv_key_t *key);

//  Leaves out unknown writes that have a second line.
void zseq_kv_history_join_lines (zseq_kv_key_t *key);

static inline bool
zseq_kv_is_write (const zseq_kv_history_op_t *op)
{
    return op->kind >= ZSEQ_KV_HISTORY_PUT;
}

//  A done write, or an unknown one.
static inline bool
zseq_kv_is_done (const zseq_kv_history_op_t *op)
{
    return zseq_kv_is_write (op) && (op->outcome == ZSEQ_KV_HISTORY_DONE ||
                                     op->outcome == ZSEQ_KV_HISTORY_UNKNOWN);
}

static inline bool
zseq_kv_shows_value (const zseq_kv_history_op_t *op)
{
    return !zseq_kv_is_write (op) && op->outcome == ZSEQ_KV_HISTORY_DONE;
}

//  Writes if one version is there.
static inline bool
zseq_kv_expects_version (const zseq_kv_history_op_t *op)
{
    return (op->kind == ZSEQ_KV_HISTORY_CAS && op->expected != 0) ||
           (op->kind == ZSEQ_KV_HISTORY_DEL &&
            op->expected != ZSEQ_KV_HISTORY_ANY);
}

//  Writes if there is no key.
static inline bool
zseq_kv_expects_absence (const zseq_kv_history_op_t *op)
{
    return op->kind == ZSEQ_KV_HISTORY_CAS && op->expected == 0;
}

//  A key that a listing left out. It shows no version.
static inline bool
zseq_kv_is_left_out (const zseq_kv_history_op_t *op)
{
    return op->kind == ZSEQ_KV_HISTORY_LIST &&
           op->outcome == ZSEQ_KV_HISTORY_ENOKEY;
}

static inline bool
zseq_kv_is_unplaced (const zseq_kv_history_op_t *op)
{
    return zseq_kv_is_left_out (op) || op->outcome == ZSEQ_KV_HISTORY_QUIET;
}

//  Whether its handle has seen what it shows.
static inline bool
zseq_kv_is_seen (const zseq_kv_history_op_t *op)
{
    return op->kind != ZSEQ_KV_HISTORY_LIST &&
           op->outcome <= ZSEQ_KV_HISTORY_ENOKEY;
}

static inline bool
zseq_kv_is_stale_absence (const zseq_kv_history_op_t *op)
{
    return op->kind == ZSEQ_KV_HISTORY_STALE &&
           op->outcome == ZSEQ_KV_HISTORY_ENOKEY;
}

static inline uint64_t
zseq_kv_end_ns (const zseq_kv_history_op_t *op)
{
    return op->outcome == ZSEQ_KV_HISTORY_UNKNOWN ? ZSEQ_KV_NEVER : op->end_ns;
}

#endif
