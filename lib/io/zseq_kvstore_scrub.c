#include "zseq_kvstore_scrub.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_kvstore_shot.h"
#include "zseq_store_scrub.h"

//  A batch has no more bytes than that.
#define BATCH_MAX                                                              \
    (ZSEQ_KVSTORE_BATCH_FRAME + ZSEQ_KVSTORE_PAYLOAD_MAX +                     \
     ZSEQ_KVSTORE_EXTRA_SIZE)

//  A piece of a file.
typedef struct {
    zseq_store_disk_t *disk;
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    int fd;
    uint64_t file_size;
    uint8_t *bytes;
    size_t size;
} s_piece_t;

bool
zseq_kvstore_scrub_init (zseq_kvstore_scrub_t *self, size_t piece)
{
    assert (self);
    *self =
      (zseq_kvstore_scrub_t){.piece = piece, .sum = zseq_kvstore_sum_new ()};
    return self->sum != NULL;
}

void
zseq_kvstore_scrub_term (zseq_kvstore_scrub_t *self)
{
    assert (self);
    zseq_kvstore_sum_destroy (&self->sum);
}

size_t
zseq_kvstore_scrub_pieces (const zseq_kvstore_scrub_t *self,
                           const zseq_kvstore_ledger_t *ledger)
{
    assert (self);
    assert (ledger);
    uint64_t pieces = 0;
    for (size_t i = 0; i < ZSEQ_SHARDS; i++)
        pieces += (ledger->snapshot[i] + self->piece - 1) / self->piece;
    for (size_t i = 0; i < ledger->count; i++)
        pieces += ledger->segment[i].size / self->piece + 1;
    return (size_t) pieces;
}

static int
s_damaged (const s_piece_t *piece, const char *what)
{
    return zseq_store_disk_fail (piece->disk, ZSEQ_EDAMAGED, piece->where,
                                 what);
}

static int
s_open (s_piece_t *piece)
{
    int rc = zseq_store_scrub_open (piece->disk, piece->where, &piece->fd);
    if (rc != ZSEQ_OK)
        return rc;
    struct stat info;
    if (fstat (piece->fd, &info) != 0)
        return zseq_store_scrub_fail (piece->disk, piece->where, "stat");
    piece->file_size = (uint64_t) info.st_size;
    return ZSEQ_OK;
}

//  Reads size bytes from at on, as they are on the disk.
static int
s_read (s_piece_t *piece, uint64_t at, size_t size)
{
    free (piece->bytes);
    piece->size = size;
    piece->bytes = malloc (size);
    if (!piece->bytes)
        return ZSEQ_EAGAIN;
    (void) posix_fadvise (piece->fd, (off_t) at, (off_t) size,
                          POSIX_FADV_DONTNEED);
    ssize_t got = pread (piece->fd, piece->bytes, size, (off_t) at);
    if (got < 0)
        return zseq_store_scrub_fail (piece->disk, piece->where, "read");
    return (size_t) got == size ? ZSEQ_OK
                                : s_damaged (piece, ZSEQ_TEXT_SCRUB_CUT_OFF);
}

static void
s_term_piece (s_piece_t *piece)
{
    zseq_store_close (&piece->fd);
    free (piece->bytes);
}

static size_t
s_smaller (uint64_t one, uint64_t other)
{
    return (size_t) (one < other ? one : other);
}

//  Snapshots.

//  Reads the next piece of a snapshot.
static int
s_read_snapshot (zseq_kvstore_scrub_t *self, s_piece_t *piece,
                 const zseq_kvstore_ledger_t *ledger)
{
    uint64_t size = ledger->snapshot[self->shard];
    int rc = s_open (piece);
    if (rc == ZSEQ_OK && piece->file_size != size)
        rc = s_damaged (piece, ZSEQ_TEXT_SCRUB_DIFFERS);
    if (rc == ZSEQ_OK)
        rc = s_read (piece, self->at, s_smaller (self->piece, size - self->at));
    if (rc != ZSEQ_OK)
        return rc;
    zseq_kvstore_sum_add (self->sum, piece->bytes, piece->size);
    self->at += piece->size;
    if (self->at == size &&
        zseq_kvstore_sum_value (self->sum) != ledger->sum[self->shard])
        return s_damaged (piece, ZSEQ_TEXT_SCRUB_DIFFERS);
    return ZSEQ_OK;
}

static int
s_step_snapshot (zseq_kvstore_scrub_t *self, s_piece_t *piece,
                 zseq_kvstore_ledger_t *ledger)
{
    if (self->position != ledger->base.snapshot[self->shard])
        self->at = 0;
    if (self->at == 0) {
        self->position = ledger->base.snapshot[self->shard];
        zseq_kvstore_sum_reset (self->sum);
    }
    zseq_kvstore_shot_where (self->shard, piece->where);
    int rc = s_read_snapshot (self, piece, ledger);
    if (rc == ZSEQ_EDAMAGED)
        zseq_kvstore_ledger_lose_snapshot (ledger, self->shard);
    if (rc == ZSEQ_EDAMAGED || self->at == ledger->snapshot[self->shard]) {
        self->at = 0;
        self->shard++;
    }
    return rc;
}

//  Segments.

//  Reads a segment's header.
static int
s_read_header (zseq_kvstore_scrub_t *self, s_piece_t *piece,
               const zseq_kvstore_journal_t *journal)
{
    int rc = s_read (piece, 0, ZSEQ_KVSTORE_HEADER_SIZE);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_kvstore_header_t header;
    const char *what;
    if (zseq_kvstore_header_decode (&header, piece->bytes, piece->size,
                                    &what) != ZSEQ_OK)
        return s_damaged (piece, what);
    if (header.identity != journal->identity || header.node != journal->node ||
        header.number != self->number)
        return s_damaged (piece, ZSEQ_TEXT_SCRUB_DIFFERS);
    self->salt = header.salt;
    self->at = ZSEQ_KVSTORE_HEADER_SIZE;
    return ZSEQ_OK;
}

//  Reads some of what is between at and end: a whole batch, or more.
static int
s_read_batches (zseq_kvstore_scrub_t *self, s_piece_t *piece, uint64_t end)
{
    uint64_t left = end - self->at;
    int rc = s_read (piece, self->at, s_smaller (self->piece, left));
    if (rc != ZSEQ_OK)
        return rc;
    size_t size = zseq_kvstore_batch_claim (piece->bytes, piece->size);
    if (size <= piece->size || size > BATCH_MAX || size > left)
        return ZSEQ_OK;
    return s_read (piece, self->at, size);
}

//  Compares the batches that a piece has.
static int
s_take_batches (zseq_kvstore_scrub_t *self, const s_piece_t *piece)
{
    size_t done = 0;
    zseq_kvstore_whole_t batch;
    while (zseq_kvstore_batch_read (&batch, self->salt, piece->bytes + done,
                                    piece->size - done)) {
        if (self->begun &&
            (batch.before != self->checksum || batch.position < self->position))
            return s_damaged (piece, ZSEQ_TEXT_KV_BATCH_GAP);
        self->begun = true;
        self->checksum = batch.checksum;
        self->position = batch.position;
        done += batch.size;
    }
    self->at += done;
    return done > 0 ? ZSEQ_OK : s_damaged (piece, ZSEQ_TEXT_SCRUB_DIFFERS);
}

//  Reads the next piece of a segment that ends at end.
static int
s_read_segment (zseq_kvstore_scrub_t *self, s_piece_t *piece,
                const zseq_kvstore_journal_t *journal, uint64_t end)
{
    int rc = s_open (piece);
    if (rc == ZSEQ_OK && self->at == 0)
        rc = s_read_header (self, piece, journal);
    if (rc == ZSEQ_OK && self->at < end)
        rc = s_read_batches (self, piece, end);
    if (rc == ZSEQ_OK && self->at < end)
        rc = s_take_batches (self, piece);
    return rc;
}

//  Goes on with the segment of that number. follows: the one before was read to
//  its end.
static void
s_begin_segment (zseq_kvstore_scrub_t *self, uint64_t number, bool follows)
{
    self->begun = self->begun && follows;
    self->number = number;
    self->at = 0;
}

static void
s_begin_pass (zseq_kvstore_scrub_t *self)
{
    self->shard = 0;
    self->number = 0;
    self->at = 0;
    self->begun = false;
}

//  The first segment that is not known to be damaged.
static uint64_t
s_first_segment (const zseq_kvstore_ledger_t *ledger)
{
    uint64_t oldest = ledger->segment[0].number;
    return ledger->bad_to < oldest ? oldest : ledger->bad_to + 1;
}

static int
s_step_segment (zseq_kvstore_scrub_t *self, s_piece_t *piece,
                const zseq_kvstore_journal_t *journal,
                zseq_kvstore_ledger_t *ledger)
{
    uint64_t oldest = ledger->segment[0].number;
    uint64_t newest = ledger->segment[ledger->count - 1].number;
    if (self->number < s_first_segment (ledger))
        s_begin_segment (self, s_first_segment (ledger), false);
    if (self->number > newest) {
        s_begin_pass (self);
        return ZSEQ_OK;
    }
    uint64_t end = ledger->segment[self->number - oldest].size;
    zseq_kvstore_journal_where (self->number, piece->where);
    int rc = s_read_segment (self, piece, journal, end);
    if (rc == ZSEQ_EDAMAGED)
        zseq_kvstore_ledger_lose_segment (ledger, self->number);
    if (rc == ZSEQ_EAGAIN || (rc == ZSEQ_OK && self->at < end))
        return rc;
    if (self->number < newest)
        s_begin_segment (self, self->number + 1, rc == ZSEQ_OK);
    else
        s_begin_pass (self);
    return rc;
}

int
zseq_kvstore_scrub_step (zseq_kvstore_scrub_t *self,
                         const zseq_kvstore_journal_t *journal,
                         zseq_kvstore_ledger_t *ledger)
{
    assert (self);
    assert (journal);
    assert (ledger);
    assert (ledger->count > 0);
    self->disk = *journal->disk;
    s_piece_t piece = {.disk = &self->disk, .fd = -1};
    while (self->shard < ZSEQ_SHARDS &&
           (ledger->snapshot[self->shard] == 0 || ledger->bad[self->shard])) {
        self->shard++;
        self->at = 0;
    }
    int rc = self->shard < ZSEQ_SHARDS
               ? s_step_snapshot (self, &piece, ledger)
               : s_step_segment (self, &piece, journal, ledger);
    s_term_piece (&piece);
    return rc;
}
