//  Writes and reads histories, and checks them, rule by rule.

#include "zseq_history.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define S_LINE_MAX 128
#define S_BLOCK_SIZE 32768
#define S_TEXTS_MAX 4  //  Violations told per rule

uint64_t
zseq_history_now_ns (void)
{
    struct timespec now;
    int rc = clock_gettime (CLOCK_MONOTONIC, &now);
    assert (rc == 0);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

//  Memory for a test; without it there is no test.
static void *
s_memory (void *old, size_t count, size_t size)
{
    void *memory = reallocarray (old, count, size);
    if (!memory) {
        fprintf (stderr, "history: out of memory\n");
        abort ();
    }
    return memory;
}

struct zseq_history_writer {
    int fd;
    size_t size;               //  Bytes waiting in block
    char block[S_BLOCK_SIZE];  //  Whole lines
};

zseq_history_writer_t *
zseq_history_writer_new (const char *path)
{
    assert (path);
    int fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd == -1)
        return NULL;
    zseq_history_writer_t *self = s_memory (NULL, 1, sizeof *self);
    self->fd = fd;
    self->size = 0;
    return self;
}

void
zseq_history_writer_flush (zseq_history_writer_t *self)
{
    assert (self);
    size_t done = 0;
    while (done < self->size) {
        ssize_t rc = write (self->fd, self->block + done, self->size - done);
        if (rc == -1 && errno == EINTR)
            continue;
        if (rc == -1) {
            perror ("history: write");
            abort ();
        }
        done += (size_t) rc;
    }
    self->size = 0;
}

void
zseq_history_writer_destroy (zseq_history_writer_t **self_p)
{
    assert (self_p);
    zseq_history_writer_t *self = *self_p;
    if (!self)
        return;
    zseq_history_writer_flush (self);
    close (self->fd);
    free (self);
    *self_p = NULL;
}

static int
s_print (const zseq_history_op_t *op, char *line, size_t size)
{
    return snprintf (line, size, "%c %u %lu %lu %lu %lu\n", (char) op->kind,
                     op->client, op->start_ns, op->end_ns, op->first,
                     op->count);
}

void
zseq_history_writer_put (zseq_history_writer_t *self,
                         const zseq_history_op_t *op)
{
    assert (self);
    assert (op);
    if (self->size > S_BLOCK_SIZE - S_LINE_MAX)
        zseq_history_writer_flush (self);
    int size = s_print (op, self->block + self->size, S_LINE_MAX);
    assert (size > 0 && size < S_LINE_MAX);
    self->size += (size_t) size;
}

struct zseq_history {
    zseq_history_op_t *ops;
    size_t count;
    size_t count_max;
    uint32_t clients;  //  All clients' numbers are below it
    char text[512];
};

zseq_history_t *
zseq_history_new (void)
{
    zseq_history_t *self = s_memory (NULL, 1, sizeof *self);
    memset (self, 0, sizeof *self);
    return self;
}

void
zseq_history_destroy (zseq_history_t **self_p)
{
    assert (self_p);
    zseq_history_t *self = *self_p;
    if (!self)
        return;
    free (self->ops);
    free (self);
    *self_p = NULL;
}

void
zseq_history_add (zseq_history_t *self, const zseq_history_op_t *op)
{
    assert (self);
    assert (op);
    assert (op->client < ZSEQ_HISTORY_CLIENTS_MAX);
    assert (self->count < ZSEQ_HISTORY_OPERATIONS_MAX);
    if (self->count == self->count_max) {
        self->count_max = self->count_max ? self->count_max * 2 : 1024;
        self->ops = s_memory (self->ops, self->count_max, sizeof *self->ops);
    }
    self->ops[self->count++] = *op;
    if (self->clients <= op->client)
        self->clients = op->client + 1;
}

const char *
zseq_history_text (const zseq_history_t *self)
{
    assert (self);
    return self->text;
}

//  Reads a decimal number and the character that ends it, as strict as the
//  format: no sign, no blank, no leading zero.
static bool
s_number (const char **text_p, char end, uint64_t *number_p)
{
    const char *text = *text_p;
    uint64_t number = 0;
    if (text[0] == '0' && text[1] != end)
        return false;
    if (*text == end)
        return false;
    for (; *text != end; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t) (*text - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *text_p = text + 1;
    *number_p = number;
    return true;
}

static bool
s_parse (const char *line, zseq_history_op_t *op)
{
    uint64_t client;
    if (line[0] == '\0' || !strchr ("ubpr", line[0]) || line[1] != ' ')
        return false;
    op->kind = (zseq_history_kind_t) line[0];
    line += 2;
    if (!s_number (&line, ' ', &client) || client >= ZSEQ_HISTORY_CLIENTS_MAX ||
        !s_number (&line, ' ', &op->start_ns) ||
        !s_number (&line, ' ', &op->end_ns) ||
        !s_number (&line, ' ', &op->first) ||
        !s_number (&line, '\n', &op->count))
        return false;
    op->client = (uint32_t) client;
    return *line == '\0';
}

int
zseq_history_read (zseq_history_t *self, const char *path)
{
    assert (self);
    assert (path);
    FILE *file = fopen (path, "re");
    if (!file) {
        snprintf (self->text, sizeof self->text, "%s: %s", path,
                  strerror (errno));
        return -1;
    }
    int rc = 0;
    char *line = NULL;
    size_t line_size = 0;
    size_t number = 0;
    ssize_t size;
    while (rc == 0 && (size = getline (&line, &line_size, file)) > 0) {
        zseq_history_op_t op;
        number++;
        if (line[size - 1] != '\n')
            break;
        if (strlen (line) == (size_t) size && s_parse (line, &op))
            zseq_history_add (self, &op);
        else {
            snprintf (self->text, sizeof self->text, "%s:%zu: malformed line",
                      path, number);
            rc = -1;
        }
    }
    if (rc == 0 && ferror (file)) {
        snprintf (self->text, sizeof self->text, "%s: %s", path,
                  strerror (errno));
        rc = -1;
    }
    free (line);
    fclose (file);
    return rc;
}

static const char *s_rule[ZSEQ_RULES] = {
  [ZSEQ_RULE_RANGE] = "range",     [ZSEQ_RULE_UNIQUE] = "unique",
  [ZSEQ_RULE_ORDER] = "order",     [ZSEQ_RULE_HANDLE] = "handle",
  [ZSEQ_RULE_GAPLESS] = "gapless",
};

//  Counts a violation between op and an earlier one (or NULL) and, as long as
//  there is room, says what it is. Times are told from op's start, so that the
//  eye can compare them.
static void
s_violation (zseq_verdict_t *verdict, zseq_rule_t rule, const char *what,
             const zseq_history_op_t *earlier, const zseq_history_op_t *op)
{
    verdict->violations++;
    if (++verdict->violation[rule] > S_TEXTS_MAX)
        return;
    char *text = verdict->text + strlen (verdict->text);
    FILE *out = fmemopen (
      text, sizeof verdict->text - (size_t) (text - verdict->text), "w");
    if (!out)
        return;
    fprintf (out, "%s: %s:", s_rule[rule], what);
    const zseq_history_op_t *both[2] = {earlier, op};
    for (size_t index = 0; index < 2; index++) {
        if (!both[index])
            continue;
        char line[S_LINE_MAX];
        s_print (both[index], line, sizeof line);
        line[strcspn (line, "\n")] = '\0';
        fprintf (out, "%s [%s] (client %u, %lu + %lu, %+ld to %+ld ns)",
                 index && earlier ? " then" : "", line, both[index]->client,
                 both[index]->first, both[index]->count,
                 (int64_t) (both[index]->start_ns - op->start_ns),
                 (int64_t) (both[index]->end_ns - op->start_ns));
    }
    fprintf (out, "\n");
    fclose (out);
}

static bool
s_hands_out (const zseq_history_op_t *op)
{
    return op->kind == ZSEQ_HISTORY_UNBUFFERED ||
           op->kind == ZSEQ_HISTORY_BUFFERED;
}

//  The value that later operations must not be below.
static uint64_t
s_top (const zseq_history_op_t *op)
{
    return op->first + op->count;
}

static bool
s_in_range (const zseq_history_op_t *op)
{
    const uint64_t next_max = ZSEQ_ID_MAX + 1;
    if (op->start_ns > op->end_ns || op->first < 1 || op->first > next_max)
        return false;
    if (!s_hands_out (op))
        return op->count == 0;
    return op->count >= 1 && op->count <= ZSEQ_COUNT_MAX &&
           op->count <= next_max - op->first;
}

//  An operation in an order by key.
typedef struct {
    uint64_t key;
    uint32_t index;
} s_ranked_t;

static int
s_compare (const void *a_, const void *b_)
{
    const s_ranked_t *a = a_;
    const s_ranked_t *b = b_;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static uint64_t
s_by_start (const zseq_history_op_t *op)
{
    return op->start_ns;
}

static uint64_t
s_by_end (const zseq_history_op_t *op)
{
    return op->end_ns;
}

static uint64_t
s_by_first (const zseq_history_op_t *op)
{
    return op->first;
}

static s_ranked_t *
s_rank (const zseq_history_t *self, const uint32_t *kept, size_t count,
        uint64_t (*key) (const zseq_history_op_t *op))
{
    s_ranked_t *ranked = s_memory (NULL, count + 1, sizeof *ranked);
    for (size_t index = 0; index < count; index++) {
        ranked[index].key = key (&self->ops[kept[index]]);
        ranked[index].index = kept[index];
    }
    qsort (ranked, count, sizeof *ranked, s_compare);
    return ranked;
}

//  Walks the IDs upwards: what begins below the highest end so far overlaps
//  the operation that reached there.
static void
s_check_ids (const zseq_history_t *self, const uint32_t *kept, size_t count,
             bool gapless, zseq_verdict_t *verdict)
{
    s_ranked_t *ranked = s_rank (self, kept, count, s_by_first);
    const zseq_history_op_t *highest = NULL;
    uint64_t top = 1;
    for (size_t index = 0; index < count; index++) {
        const zseq_history_op_t *op = &self->ops[ranked[index].index];
        if (!s_hands_out (op))
            continue;
        verdict->ids += op->count;
        if (op->first < top) {
            uint64_t overlap = top - op->first;
            verdict->duplicates += overlap < op->count ? overlap : op->count;
            s_violation (verdict, ZSEQ_RULE_UNIQUE, "IDs handed out twice",
                         highest, op);
        }
        if (op->first > top) {
            verdict->gaps += op->first - top;
            if (gapless)
                s_violation (verdict, ZSEQ_RULE_GAPLESS, "a gap", highest, op);
        }
        if (s_top (op) > top) {
            top = s_top (op);
            highest = op;
        }
    }
    free (ranked);
}

//  The ended operation that later ones must not be below.
typedef struct {
    const zseq_history_op_t *all;      //  Of any client
    const zseq_history_op_t **handle;  //  Of each client, peeks aside
} s_floor_t;

static void
s_floor_lift (s_floor_t *floor, const zseq_history_op_t *op)
{
    if (!floor->all || s_top (op) > s_top (floor->all))
        floor->all = op;
    const zseq_history_op_t **handle = &floor->handle[op->client];
    if (op->kind != ZSEQ_HISTORY_PEEK &&
        (!*handle || s_top (op) > s_top (*handle)))
        *handle = op;
}

//  Walks through time: at each start, all that ended before is in the floor.
static void
s_check_order (const zseq_history_t *self, const uint32_t *kept, size_t count,
               zseq_verdict_t *verdict)
{
    s_ranked_t *start = s_rank (self, kept, count, s_by_start);
    s_ranked_t *end = s_rank (self, kept, count, s_by_end);
    s_floor_t floor = {NULL, calloc (self->clients + 1, sizeof (void *))};
    assert (floor.handle);
    size_t ended = 0;
    for (size_t index = 0; index < count; index++) {
        const zseq_history_op_t *op = &self->ops[start[index].index];
        for (; end[ended].key < op->start_ns; ended++)
            s_floor_lift (&floor, &self->ops[end[ended].index]);
        const zseq_history_op_t *handle = floor.handle[op->client];
        if ((op->kind == ZSEQ_HISTORY_UNBUFFERED ||
             op->kind == ZSEQ_HISTORY_PEEK) &&
            floor.all && op->first < s_top (floor.all))
            s_violation (verdict, ZSEQ_RULE_ORDER, "a later call got less",
                         floor.all, op);
        if (s_hands_out (op) && handle && op->first < s_top (handle))
            s_violation (verdict, ZSEQ_RULE_HANDLE,
                         "a later call of the same handle got less", handle,
                         op);
    }
    free (floor.handle);
    free (end);
    free (start);
}

bool
zseq_history_check (zseq_history_t *self, bool gapless, zseq_verdict_t *verdict)
{
    assert (self);
    assert (verdict);
    memset (verdict, 0, sizeof *verdict);
    verdict->operations = self->count;

    uint32_t *kept = s_memory (NULL, self->count + 1, sizeof *kept);
    bool *seen = calloc (self->clients + 1, sizeof *seen);
    assert (seen);
    size_t count = 0;
    for (size_t index = 0; index < self->count; index++) {
        const zseq_history_op_t *op = &self->ops[index];
        if (!seen[op->client])
            verdict->clients++;
        seen[op->client] = true;
        if (s_in_range (op))
            kept[count++] = (uint32_t) index;
        else
            s_violation (verdict, ZSEQ_RULE_RANGE, "impossible", NULL, op);
    }
    free (seen);
    s_check_ids (self, kept, count, gapless, verdict);
    s_check_order (self, kept, count, verdict);
    free (kept);
    return verdict->violations == 0;
}
