//  What the store's tests share: a temporary directory, a node in it, and calls
//  that submit and wait.

#ifndef ZSEQ_FIXTURE_H_INCLUDED
#define ZSEQ_FIXTURE_H_INCLUDED

#include "zseq_store.h"

#define FIXTURE_IDENTITY 0x1122334455667788u

//  Makes a directory, to be removed by fixture_term, and syncs nothing.
void fixture_init (void);
void fixture_term (void);

//  The node's directory: "node" in that directory, not created yet.
const char *fixture_node (void);

//  A path in that directory, or of a file of the node. Consecutive calls use
//  eight buffers in turn.
const char *fixture_path (const char *file);
const char *fixture_file (const char *file);

//  The node's record: node 1 of three, with that identity.
void fixture_record (zseq_record_t *record, uint64_t identity);

//  Formats a node at directory; identity 0: its cluster is not formed yet.
void fixture_format (const char *directory, uint64_t identity);

//  Formats a node of a formed cluster at the node's directory.
void fixture_make_node (void);

//  The same, and writes names, each with limit 10, one group per name.
void fixture_node_with (const char *const *names, size_t count);

//  Names to write, in byte order.
extern const char *const fixture_three[3];

//  Bytes of the last batch of a journal of these, which holds "three" or "two",
//  whichever was written last.
#define FIXTURE_LAST_SIZE (8 + 2 + sizeof "two" - 1 + 8)

//  Turns the node's directory into one of format 1, as zseqd wrote it before
//  there was a copy of the names journal, or of format 2, before there was a
//  directory kv.
void fixture_age (void);
void fixture_age_to_2 (void);

//  What loading reported.
typedef struct {
    size_t count;
    struct {
        char name[ZSEQ_NAME_MAX + 1];
        size_t size;
        uint64_t next;
        uint64_t durable_to;
    } * found;  //  In the order of loading
    size_t damaged;
    size_t reported;  //  Lines about damage
    size_t progress;
    uint64_t identity;
    bool lost;             //  The node's record was missing or damaged
    unsigned converted;    //  The format that it was converted from, or 0
    zseq_record_t record;  //  The node's record, unless lost
} fixture_names_t;

//  Opens the directory, as lost if necessary, and loads it. With damage returns
//  ZSEQ_EDAMAGED, and fixture_text has the lines about it.
int fixture_load (zseq_store_t *store, fixture_names_t *names);
void fixture_forget (fixture_names_t *names);

//  Opens a store at the node's directory, loads and starts it.
zseq_store_t *fixture_start (void);

//  The same with a new node of a formed cluster that has written "orders" with
//  limit 10.
zseq_store_t *fixture_running (void);

//  Opens a store there, loads and starts it, and repairs it by writing a record
//  of the node that does not vote. Returns the completion's status, or an
//  earlier error, and then the store is null.
int fixture_repair (zseq_store_t **store_p);

//  Opens and loads, and closes again; the text stays in fixture_text.
int fixture_check (fixture_names_t *names);
const char *fixture_text (void);

//  The durable_to that loading found for name, or 0.
uint64_t fixture_durable_to (const fixture_names_t *names, const char *name);

//  Submits writes and waits for all their completions.
void fixture_submit (zseq_store_t *store, const zseq_write_t *writes,
                     size_t count, zseq_written_t *written);

//  Writes the node's record; returns the completion's status.
int fixture_write_record (zseq_store_t *store, const zseq_record_t *record);

//  Writes one record; returns the completion's status.
int fixture_write (zseq_store_t *store, const char *name, uint64_t limit,
                   bool journaled);

//  Writes count new names "name-FIRST" and so on in one group, each with a
//  limit one above its number. Aborts the test unless all completions are good.
void fixture_write_numbered (zseq_store_t *store, size_t first, size_t count,
                             bool deferred);

//  Reads back a sequence's record, or with NULL the node's record or a piece of
//  the journals; returns the completion's status. more_p: or NULL.
int fixture_read_back (zseq_store_t *store, zseq_check_type_t type,
                       const char *name, uint64_t limit, bool *more_p);

//  The path of the file of a record, below seq; NULL when there is none. The
//  buffer is always the same.
const char *fixture_find (const char *file);

//  Corrects the checksum at the end after a test has changed bytes.
void fixture_seal (uint8_t *bytes, size_t size);

//  Files, whole. Reading allocates.
uint8_t *fixture_read (const char *path, size_t *size_p);
void fixture_put (const char *path, const void *bytes, size_t size);
bool fixture_exists (const char *path);

//  Flips a bit in the middle of a file.
void fixture_corrupt (const char *path);

//  Removes a directory and what is in it.
void fixture_remove (const char *path);

//  A hash over everything below path: names, kinds, bytes.
uint64_t fixture_sum (const char *path);

//  Counts entries of a directory whose names begin with prefix.
size_t fixture_count (const char *path, const char *prefix);

#endif
