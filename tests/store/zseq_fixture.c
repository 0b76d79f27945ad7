//  What the store's tests share: zseq_fixture.h.
//
//  fixture_init makes a temporary directory for each test, in memory if
//  possible; fixture_term removes it. The node is in "node" below it.

#include "zseq_fixture.h"

#include <assert.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "zseq_collect.h"
#include "zseq_faults.h"

static char s_root[128];
static char s_node[160];
static char s_text[16 * ZSEQ_STORE_TEXT_MAX];

const char *const fixture_three[3] = {"one", "three", "two"};

void
fixture_init (void)
{
    //  Memory is enough: zseq_power.c models what a disk keeps.
    const char *tmp = getenv ("TMPDIR");
    if (!tmp)
        tmp = access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf (s_root, sizeof s_root, "%.64s/zseq-store-XXXXXX", tmp);
    assert (mkdtemp (s_root));
    snprintf (s_node, sizeof s_node, "%s/node", s_root);
    zseq_faults_fast (true);
}

static int
s_remove (const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void) info;
    (void) flag;
    (void) ftw;
    return remove (path);
}

void
fixture_remove (const char *path)
{
    int rc = nftw (path, s_remove, 16, FTW_DEPTH | FTW_PHYS);
    assert (rc == 0);
}

void
fixture_term (void)
{
    zseq_faults_end ();
    fixture_remove (s_root);
}

const char *
fixture_node (void)
{
    return s_node;
}

static char *
s_buffer (void)
{
    static char buffer[8][640];
    static unsigned next;
    return buffer[next++ % 8];
}

const char *
fixture_path (const char *file)
{
    char *path = s_buffer ();
    snprintf (path, 640, "%s/%s", s_root, file);
    return path;
}

const char *
fixture_file (const char *file)
{
    char *path = s_buffer ();
    snprintf (path, 640, "%s/%s", s_node, file);
    return path;
}

void
fixture_record (zseq_record_t *record, uint64_t identity)
{
    const zseq_member_t members[] = {{"a", "tcp://127.0.0.1:19001"},
                                     {"b", "tcp://127.0.0.1:19002"},
                                     {"c", "ipc:///run/zseq/c"}};
    zseq_members_t all;
    int rc = zseq_members_init (&all, members, 3);
    assert (rc == ZSEQ_OK);
    rc = zseq_record_init (record, "test", "b", &all, 0xb0b);
    assert (rc == ZSEQ_OK);
    record->identity = identity;
    record->voting = identity != 0;
    record->vector.start[record->self] = (zseq_start_t){4, 0x57a};
    record->start_voted = true;
}

void
fixture_format (const char *directory, uint64_t identity)
{
    zseq_record_t record;
    fixture_record (&record, identity);
    zseq_store_t *store = zseq_store_new (directory);
    int rc = zseq_store_format (store, &record);
    assert (rc == ZSEQ_OK);
    zseq_store_destroy (&store);
}

void
fixture_make_node (void)
{
    fixture_format (s_node, FIXTURE_IDENTITY);
}

void
fixture_node_with (const char *const *names, size_t count)
{
    fixture_make_node ();
    zseq_store_t *store = fixture_start ();
    for (size_t i = 0; i < count; i++) {
        int rc = fixture_write (store, names[i], 10, false);
        assert (rc == ZSEQ_OK);
    }
    zseq_store_destroy (&store);
}

static void
s_remove_kv (void)
{
    if (fixture_exists (fixture_file ("kv")))
        fixture_remove (fixture_file ("kv"));
}

void
fixture_age_to_2 (void)
{
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("node"), &size);
    assert (bytes[8] == 3);
    bytes[8] = 2;
    fixture_seal (bytes, size);
    fixture_put (fixture_file ("node"), bytes, size);
    free (bytes);
    s_remove_kv ();
}

//  A node's record of format 1 has no starts and no vote of its own start.
void
fixture_age (void)
{
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("node"), &size);
    const size_t starts = 3 * 16 + 1;
    const size_t tail = 1 + 8 + 8;
    const size_t seal = 8;
    assert (bytes[8] == 3);
    bytes[8] = 1;
    //  The size of the value follows an empty name.
    bytes[22] = (uint8_t) (bytes[22] - starts);
    memmove (bytes + size - seal - tail - starts, bytes + size - seal - tail,
             tail);
    size -= starts;
    fixture_seal (bytes, size);
    fixture_put (fixture_file ("node"), bytes, size);
    free (bytes);
    unlink (fixture_file ("names-copy"));
    s_remove_kv ();
}

static int
s_take (const char *name, size_t size, uint64_t next, uint64_t durable_to,
        void *arg)
{
    fixture_names_t *names = arg;
    if ((names->count & (names->count + 1)) == 0) {
        names->found =
          realloc (names->found, (2 * names->count + 2) * sizeof *names->found);
        assert (names->found);
    }
    memcpy (names->found[names->count].name, name, size);
    names->found[names->count].name[size] = 0;
    names->found[names->count].size = size;
    names->found[names->count].next = next;
    names->found[names->count].durable_to = durable_to;
    names->count++;
    return ZSEQ_OK;
}

static void
s_take_damage (const char *text, void *arg)
{
    fixture_names_t *names = arg;
    names->reported++;
    size_t size = strlen (s_text);
    snprintf (s_text + size, sizeof s_text - size, "%s\n", text);
}

static void
s_take_progress (size_t count, size_t total, void *arg)
{
    (void) count;
    (void) total;
    ((fixture_names_t *) arg)->progress++;
}

int
fixture_load (zseq_store_t *store, fixture_names_t *names)
{
    fixture_names_t mine;
    fixture_names_t *found = names ? names : &mine;
    memset (found, 0, sizeof *found);
    s_text[0] = 0;
    int rc = zseq_store_open (store, &found->record);
    found->lost = rc == ZSEQ_EDAMAGED;
    if (found->lost) {
        s_take_damage (zseq_store_text (store), found);
        rc = zseq_store_open_lost (store, 1);
    }
    zseq_store_load_callbacks_t callbacks = {s_take, s_take_damage,
                                             s_take_progress, found};
    zseq_store_load_result_t result = {0};
    if (rc == ZSEQ_OK)
        rc = zseq_store_load (store, &callbacks, &result);
    found->damaged = result.damaged;
    found->identity = result.identity;
    found->converted = result.converted;
    if (rc != ZSEQ_OK)
        snprintf (s_text, sizeof s_text, "%s", zseq_store_text (store));
    else if (result.damaged > 0)
        rc = ZSEQ_EDAMAGED;
    if (!names)
        fixture_forget (&mine);
    return rc;
}

void
fixture_forget (fixture_names_t *names)
{
    free (names->found);
    memset (names, 0, sizeof *names);
}

zseq_store_t *
fixture_start (void)
{
    zseq_store_t *store = zseq_store_new (s_node);
    int rc = fixture_load (store, NULL);
    if (rc != ZSEQ_OK)
        fprintf (stderr, "%s\n", s_text);
    assert (rc == ZSEQ_OK);
    rc = zseq_store_start (store);
    assert (rc == ZSEQ_OK);
    return store;
}

zseq_store_t *
fixture_running (void)
{
    fixture_make_node ();
    zseq_store_t *store = fixture_start ();
    int rc = fixture_write (store, "orders", 10, false);
    assert (rc == ZSEQ_OK);
    return store;
}

int
fixture_repair (zseq_store_t **store_p)
{
    zseq_store_t *store = zseq_store_new (s_node);
    *store_p = NULL;
    fixture_names_t names;
    int rc = fixture_load (store, &names);
    zseq_record_t record;
    fixture_record (&record,
                    names.identity ? names.identity : FIXTURE_IDENTITY);
    record.voting = false;
    record.vector.incarnation[1].counter = 2;
    fixture_forget (&names);
    if (rc == ZSEQ_OK || rc == ZSEQ_EDAMAGED)
        rc = zseq_store_start (store);
    if (rc != ZSEQ_OK) {
        zseq_store_destroy (&store);
        return rc;
    }
    *store_p = store;
    return fixture_write_record (store, &record);
}

int
fixture_check (fixture_names_t *names)
{
    zseq_store_t *store = zseq_store_new (s_node);
    int rc = fixture_load (store, names);
    zseq_store_destroy (&store);
    return rc;
}

const char *
fixture_text (void)
{
    return s_text;
}

uint64_t
fixture_durable_to (const fixture_names_t *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp (names->found[i].name, name) == 0)
            return names->found[i].durable_to;
    return 0;
}

void
fixture_submit (zseq_store_t *store, const zseq_write_t *writes, size_t count,
                zseq_written_t *written)
{
    int rc = zseq_store_submit (store, writes, count);
    assert (rc == ZSEQ_OK);
    collect_wait (store, written, count);
}

int
fixture_write_record (zseq_store_t *store, const zseq_record_t *record)
{
    zseq_write_t write = {.record = record};
    zseq_written_t written;
    fixture_submit (store, &write, 1, &written);
    assert (written.record);
    return written.status;
}

int
fixture_write (zseq_store_t *store, const char *name, uint64_t limit,
               bool journaled)
{
    zseq_write_t write = {.name = name,
                          .name_size = (uint8_t) strlen (name),
                          .journaled = journaled,
                          .next = limit,
                          .durable_to = limit};
    zseq_written_t written;
    fixture_submit (store, &write, 1, &written);
    assert (!written.record);
    assert (written.durable_to == limit);
    return written.status;
}

void
fixture_write_numbered (zseq_store_t *store, size_t first, size_t count,
                        bool deferred)
{
    char (*name)[16] = calloc (count, sizeof *name);
    zseq_write_t *writes = calloc (count, sizeof *writes);
    zseq_written_t *written = calloc (count, sizeof *written);
    assert (name);
    assert (writes);
    assert (written);
    for (size_t i = 0; i < count; i++) {
        snprintf (name[i], sizeof name[i], "name-%zu", first + i);
        writes[i] = (zseq_write_t){.name = name[i],
                                   .name_size = (uint8_t) strlen (name[i]),
                                   .deferred = deferred,
                                   .next = 1,
                                   .durable_to = first + i + 1};
    }
    fixture_submit (store, writes, count, written);
    for (size_t i = 0; i < count; i++)
        assert (written[i].status == ZSEQ_OK);
    free (written);
    free (writes);
    free (name);
}

int
fixture_read_back (zseq_store_t *store, zseq_check_type_t type,
                   const char *name, uint64_t limit, bool *more_p)
{
    zseq_check_t check = {.type = type,
                          .name = name,
                          .name_size = name ? (uint8_t) strlen (name) : 0,
                          .durable_to = limit,
                          .owner = store};
    int rc = zseq_store_check (store, &check);
    assert (rc == ZSEQ_OK);
    zseq_written_t written;
    collect_wait (store, &written, 1);
    assert (written.check);
    assert (written.owner == store);
    if (more_p)
        *more_p = written.more;
    return written.status;
}

static const char *s_wanted;
static char s_found[640];

static int
s_match (const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void) info;
    if (flag == FTW_F && strcmp (path + ftw->base, s_wanted) == 0)
        snprintf (s_found, sizeof s_found, "%.600s", path);
    return 0;
}

const char *
fixture_find (const char *file)
{
    s_wanted = file;
    s_found[0] = 0;
    nftw (fixture_file ("seq"), s_match, 16, FTW_PHYS);
    return s_found[0] ? s_found : NULL;
}

void
fixture_seal (uint8_t *bytes, size_t size)
{
    uint64_t hash = XXH3_64bits (bytes, size - 8);
    for (size_t i = 0; i < 8; i++)
        bytes[size - 8 + i] = (uint8_t) (hash >> (8 * i));
}

uint8_t *
fixture_read (const char *path, size_t *size_p)
{
    FILE *file = fopen (path, "rb");
    assert (file);
    uint8_t *bytes = malloc (1 << 20);
    assert (bytes);
    *size_p = fread (bytes, 1, 1 << 20, file);
    fclose (file);
    return bytes;
}

void
fixture_put (const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen (path, "wb");
    assert (file);
    size_t written = size ? fwrite (bytes, 1, size, file) : 0;
    assert (written == size);
    int rc = fclose (file);
    assert (rc == 0);
}

void
fixture_corrupt (const char *path)
{
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    bytes[size / 2] ^= 1;
    fixture_put (path, bytes, size);
    free (bytes);
}

static uint64_t s_sum;

static int
s_add (const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void) ftw;
    uint64_t sum = (uint64_t) flag;
    if (strcmp (path + ftw->base, "lock") == 0)
        return 0;
    for (const char *c = path; *c; c++)
        sum = (sum ^ (uint8_t) *c) * 0x100000001b3u;
    if (flag == FTW_F && S_ISREG (info->st_mode)) {
        size_t size;
        uint8_t *bytes = fixture_read (path, &size);
        for (size_t i = 0; i < size; i++)
            sum = (sum ^ bytes[i]) * 0x100000001b3u;
        sum += size;
        free (bytes);
    }
    s_sum += sum * 0x9e3779b97f4a7c15u;
    return 0;
}

uint64_t
fixture_sum (const char *path)
{
    s_sum = 0;
    int rc = nftw (path, s_add, 16, FTW_PHYS);
    assert (rc == 0);
    return s_sum;
}

bool
fixture_exists (const char *path)
{
    struct stat info;
    return lstat (path, &info) == 0;
}

size_t
fixture_count (const char *path, const char *prefix)
{
    DIR *stream = opendir (path);
    assert (stream);
    size_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir (stream)))
        if (strcmp (entry->d_name, ".") != 0 &&
            strcmp (entry->d_name, "..") != 0 &&
            strncmp (entry->d_name, prefix, strlen (prefix)) == 0)
            count++;
    closedir (stream);
    return count;
}
