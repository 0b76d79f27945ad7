#include "zseq_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

//  An inner node tells its two sides apart by one bit: of the byte at index,
//  counted over the name with its terminating NUL, so that no name is a
//  prefix of another. mask has the bit set. A pointer with the lowest bit set
//  is an inner node, else an entry.
typedef struct {
    uintptr_t side[2];
    uint16_t index;
    uint8_t mask;
} s_branch_t;

//  The index: as many buckets as names, in segments that never move. The first
//  has SEGMENT, each of the others as many as all before it.
#define SEGMENT 64u
#define SEGMENTS_MAX 32
//  Entries of a bucket that a lookup compares before it falls back to the tree.
#define LOOKS_MAX 8

struct zseq_table {
    uintptr_t root;
    size_t count;
    size_t entries_max;
    size_t entry_size;
    zseq_entry_t **segment[SEGMENTS_MAX];
    size_t buckets;  //  In use
};

static bool
s_inner (uintptr_t link)
{
    return link & 1;
}

static s_branch_t *
s_branch (uintptr_t link)
{
    return (s_branch_t *) (link - 1);
}

static zseq_entry_t *
s_entry (uintptr_t link)
{
    return (zseq_entry_t *) link;
}

//  The byte of a name at index; 0 at and after its end.
static uint8_t
s_byte (const char *name, size_t size, size_t index)
{
    return index < size ? (uint8_t) name[index] : 0;
}

static int
s_side (const s_branch_t *branch, const char *name, size_t size)
{
    return (s_byte (name, size, branch->index) & branch->mask) != 0;
}

//  The entry that shares the longest run of bits with name.
static zseq_entry_t *
s_nearest (const zseq_table_t *self, const char *name, size_t size)
{
    uintptr_t link = self->root;
    while (s_inner (link)) {
        s_branch_t *branch = s_branch (link);
        link = branch->side[s_side (branch, name, size)];
    }
    return s_entry (link);
}

//  The index.

static zseq_entry_t **
s_bucket_at (const zseq_table_t *self, size_t number)
{
    if (number < SEGMENT)
        return &self->segment[0][number];
    unsigned high = 63 - (unsigned) __builtin_clzll (number / SEGMENT);
    return &self->segment[high + 1][number - ((size_t) SEGMENT << high)];
}

//  The bucket of a name, of that many buckets.
static size_t
s_bucket_number (const char *name, size_t size, size_t buckets)
{
    uint64_t hash = XXH3_64bits (name, size);
    unsigned high = 63 - (unsigned) __builtin_clzll (buckets);
    size_t number = hash & (((size_t) 2 << high) - 1);
    return number < buckets ? number : number - ((size_t) 1 << high);
}

//  Adds a bucket, which takes its share of another one's entries. Without
//  memory the index stays as it is.
static void
s_split (zseq_table_t *self)
{
    size_t number = self->buckets;
    unsigned high = 63 - (unsigned) __builtin_clzll (number);
    if (number >= SEGMENT && number == (size_t) 1 << high) {
        unsigned segment =
          high + 1 - (63 - (unsigned) __builtin_clzll (SEGMENT));
        if (segment == SEGMENTS_MAX)
            return;
        self->segment[segment] = calloc (number, sizeof (zseq_entry_t *));
        if (!self->segment[segment])
            return;
    }
    self->buckets++;
    zseq_entry_t **from = s_bucket_at (self, number - ((size_t) 1 << high));
    zseq_entry_t **to = s_bucket_at (self, number);
    while (*from) {
        zseq_entry_t *entry = *from;
        if (s_bucket_number (zseq_entry_name (entry), entry->name_size,
                             self->buckets) != number) {
            from = &entry->bucket;
            continue;
        }
        *from = entry->bucket;
        entry->bucket = *to;
        *to = entry;
    }
}

static void
s_index (zseq_table_t *self, zseq_entry_t *entry)
{
    zseq_entry_t **bucket =
      s_bucket_at (self, s_bucket_number (zseq_entry_name (entry),
                                          entry->name_size, self->buckets));
    entry->bucket = *bucket;
    *bucket = entry;
    if (self->count > self->buckets)
        s_split (self);
}

//  Finds a name in the index; *entry_p is NULL if there is none. False: only
//  the tree knows.
static bool
s_look_up (const zseq_table_t *self, const char *name, size_t size,
           zseq_entry_t **entry_p)
{
    zseq_entry_t *entry =
      *s_bucket_at (self, s_bucket_number (name, size, self->buckets));
    for (unsigned looks = 0; entry && looks < LOOKS_MAX; looks++) {
        if (entry->name_size == size &&
            !memcmp (zseq_entry_name (entry), name, size))
            break;
        entry = entry->bucket;
        if (looks + 1 == LOOKS_MAX && entry)
            return false;
    }
    *entry_p = entry;
    return true;
}

zseq_table_t *
zseq_table_new (size_t entries_max, size_t entry_size)
{
    assert (entries_max >= 1);
    assert (entry_size >= sizeof (zseq_entry_t));
    assert (entry_size <= UINT16_MAX);

    zseq_table_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->entries_max = entries_max;
    self->entry_size = entry_size;
    //  The index holds every name, so that a name missing there does not exist.
    self->buckets = SEGMENT;
    self->segment[0] = calloc (SEGMENT, sizeof (zseq_entry_t *));
    if (!self->segment[0])
        zseq_table_destroy (&self);
    return self;
}

//  Not recursive: walks an inner node's left side first, and keeps the way back
//  in the nodes themselves.
void
zseq_table_destroy (zseq_table_t **self_p)
{
    assert (self_p);

    zseq_table_t *self = *self_p;
    if (!self)
        return;

    uintptr_t pending = self->root;
    while (pending) {
        if (!s_inner (pending)) {
            free (s_entry (pending));
            break;
        }
        s_branch_t *branch = s_branch (pending);
        uintptr_t left = branch->side[0];
        if (s_inner (left)) {
            //  Rotate: the left child's right side takes this one's left.
            s_branch_t *child = s_branch (left);
            branch->side[0] = child->side[1];
            child->side[1] = pending;
            pending = left;
        }
        else {
            pending = branch->side[1];
            free (s_entry (left));
            free (branch);
        }
    }
    for (size_t index = 0; index < SEGMENTS_MAX; index++)
        free (self->segment[index]);
    free (self);
    *self_p = NULL;
}

size_t
zseq_table_count (const zseq_table_t *self)
{
    assert (self);
    return self->count;
}

zseq_entry_t *
zseq_table_find (const zseq_table_t *self, const char *name, size_t size)
{
    assert (self);
    assert (name);
    assert (size >= 1);
    assert (size <= ZSEQ_NAME_MAX);

    if (!self->root)
        return NULL;
    zseq_entry_t *entry;
    if (s_look_up (self, name, size, &entry))
        return entry;
    entry = s_nearest (self, name, size);
    if (entry->name_size != size ||
        memcmp (zseq_entry_name (entry), name, size))
        return NULL;
    return entry;
}

//  Allocates the owner's struct with the name right behind it.
static zseq_entry_t *
s_entry_new (const zseq_table_t *self, const char *name, size_t size)
{
    zseq_entry_t *entry = calloc (1, self->entry_size + size + 1);
    if (!entry)
        return NULL;
    entry->name_at = (uint16_t) self->entry_size;
    entry->name_size = (uint8_t) size;
    memcpy ((char *) entry + entry->name_at, name, size);
    return entry;
}

//  Inserts entry into the tree, where its name first differs from nearest's.
static int
s_hang_in (zseq_table_t *self, zseq_entry_t *entry, const zseq_entry_t *nearest)
{
    const char *name = zseq_entry_name (entry);
    size_t size = entry->name_size;
    size_t index = 0;
    while (s_byte (name, size, index) ==
           s_byte (zseq_entry_name (nearest), nearest->name_size, index))
        index++;

    uint8_t differs =
      s_byte (name, size, index) ^
      s_byte (zseq_entry_name (nearest), nearest->name_size, index);
    uint8_t mask = 0x80;
    while (!(differs & mask))
        mask >>= 1;

    s_branch_t *branch = malloc (sizeof *branch);
    if (!branch)
        return ZSEQ_ENOMEM;
    branch->index = (uint16_t) index;
    branch->mask = mask;

    //  Above the first inner node that looks at a later bit.
    uintptr_t *link_p = &self->root;
    while (s_inner (*link_p)) {
        s_branch_t *above = s_branch (*link_p);
        if (above->index > index ||
            (above->index == index && above->mask < mask))
            break;
        link_p = &above->side[s_side (above, name, size)];
    }
    int side = s_side (branch, name, size);
    branch->side[side] = (uintptr_t) entry;
    branch->side[!side] = *link_p;
    *link_p = (uintptr_t) branch | 1;
    return ZSEQ_OK;
}

int
zseq_table_insert (zseq_table_t *self, const char *name, size_t size,
                   zseq_entry_t **entry_p)
{
    assert (self);
    assert (name);
    assert (size >= 1);
    assert (size <= ZSEQ_NAME_MAX);
    assert (!memchr (name, 0, size));
    assert (entry_p);

    zseq_entry_t *known = zseq_table_find (self, name, size);
    if (known) {
        *entry_p = known;
        return ZSEQ_OK;
    }
    if (self->count == self->entries_max)
        return ZSEQ_EFULL;

    zseq_entry_t *nearest = self->root ? s_nearest (self, name, size) : NULL;
    zseq_entry_t *entry = s_entry_new (self, name, size);
    if (!entry)
        return ZSEQ_ENOMEM;
    if (!nearest)
        self->root = (uintptr_t) entry;
    else if (s_hang_in (self, entry, nearest) != ZSEQ_OK) {
        free (entry);
        return ZSEQ_ENOMEM;
    }
    self->count++;
    s_index (self, entry);
    *entry_p = entry;
    return ZSEQ_OK;
}

//  The branch above the entry goes with it: what is on its other side takes the
//  branch's place.
void
zseq_table_remove (zseq_table_t *self, zseq_entry_t *entry)
{
    assert (self);
    assert (entry);

    const char *name = zseq_entry_name (entry);
    uintptr_t *above_p = NULL;
    uintptr_t *link_p = &self->root;
    while (s_inner (*link_p)) {
        above_p = link_p;
        s_branch_t *branch = s_branch (*link_p);
        link_p = &branch->side[s_side (branch, name, entry->name_size)];
    }
    assert (s_entry (*link_p) == entry);
    if (above_p) {
        s_branch_t *branch = s_branch (*above_p);
        *above_p = branch->side[link_p == &branch->side[0]];
        free (branch);
    }
    else
        self->root = 0;

    zseq_entry_t **bucket = s_bucket_at (
      self, s_bucket_number (name, entry->name_size, self->buckets));
    while (*bucket != entry)
        bucket = &(*bucket)->bucket;
    *bucket = entry->bucket;
    self->count--;
    free (entry);
}

//  An ascending walk; the inner nodes whose right side is still to come lie on
//  a stack, one per bit of a name at most.
typedef struct {
    uintptr_t stack[(ZSEQ_NAME_MAX + 1) * 8 + 1];
    size_t depth;
} s_walk_t;

static zseq_entry_t *
s_walk_next (s_walk_t *walk)
{
    if (walk->depth == 0)
        return NULL;
    uintptr_t link = walk->stack[--walk->depth];
    while (s_inner (link)) {
        s_branch_t *branch = s_branch (link);
        walk->stack[walk->depth++] = branch->side[1];
        link = branch->side[0];
    }
    return s_entry (link);
}

//  Fills the stack with the subtrees that hold entries at or above name: they
//  lie to the right of the first bit in which name differs from the entry
//  nearest to it.
static void
s_walk_from (const zseq_table_t *self, s_walk_t *walk, const char *name,
             size_t size)
{
    walk->depth = 0;
    if (!self->root)
        return;
    const zseq_entry_t *nearest = s_nearest (self, name, size);
    size_t index = 0;
    while (index <= size &&
           s_byte (name, size, index) ==
             s_byte (zseq_entry_name (nearest), nearest->name_size, index))
        index++;

    uint8_t mine = s_byte (name, size, index);
    uint8_t theirs =
      s_byte (zseq_entry_name (nearest), nearest->name_size, index);
    bool equal = index > size;
    uint8_t mask = 0x80;
    while (!equal && !((mine ^ theirs) & mask))
        mask >>= 1;

    uintptr_t link = self->root;
    while (s_inner (link)) {
        s_branch_t *branch = s_branch (link);
        if (!equal && (branch->index > index ||
                       (branch->index == index && branch->mask < mask)))
            break;
        int side = s_side (branch, name, size);
        if (side == 0)
            walk->stack[walk->depth++] = branch->side[1];
        link = branch->side[side];
    }
    //  All of this subtree is on the same side of name as nearest is.
    if (equal || mine < theirs)
        walk->stack[walk->depth++] = link;
}

size_t
zseq_table_page (const zseq_table_t *self, const char *prefix,
                 size_t prefix_size, const char *after, size_t after_size,
                 zseq_entry_t **entries, size_t count)
{
    assert (self);
    assert (prefix || prefix_size == 0);
    assert (after || after_size == 0);
    assert (entries || count == 0);

    bool from_after = after_size > 0;
    if (from_after && prefix_size > 0) {
        size_t shared = after_size < prefix_size ? after_size : prefix_size;
        int order = memcmp (after, prefix, shared);
        from_after = order > 0 || (order == 0 && after_size >= prefix_size);
    }

    s_walk_t walk;
    if (from_after)
        s_walk_from (self, &walk, after, after_size);
    else
        s_walk_from (self, &walk, prefix_size ? prefix : "", prefix_size);

    size_t found = 0;
    while (found < count) {
        zseq_entry_t *entry = s_walk_next (&walk);
        if (!entry)
            break;
        if (from_after && entry->name_size == after_size &&
            !memcmp (zseq_entry_name (entry), after, after_size))
            continue;
        if (entry->name_size < prefix_size ||
            (prefix_size &&
             memcmp (zseq_entry_name (entry), prefix, prefix_size)))
            break;
        entries[found++] = entry;
    }
    return found;
}
