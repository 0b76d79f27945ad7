//  Histories of keys as text: tests/histories.md has the format.

#include "zseq_kv_history_private.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define S_FIELDS 10

enum {
    S_CLIENT,
    S_KIND,
    S_KEY,
    S_ID,
    S_BEGIN,
    S_END,
    S_OUTCOME,
    S_EXPECTED,
    S_VERSION,
    S_VALUE
};

static const char *s_kind[ZSEQ_KV_HISTORY_KINDS] = {
  [ZSEQ_KV_HISTORY_GET] = "get",   [ZSEQ_KV_HISTORY_STALE] = "stale",
  [ZSEQ_KV_HISTORY_LIST] = "list", [ZSEQ_KV_HISTORY_WATCH] = "watch",
  [ZSEQ_KV_HISTORY_PUT] = "put",   [ZSEQ_KV_HISTORY_CAS] = "cas",
  [ZSEQ_KV_HISTORY_DEL] = "del",
};

//  Any other error is a refusal.
static const char *s_outcome[ZSEQ_KV_HISTORY_OUTCOMES] = {
  [ZSEQ_KV_HISTORY_DONE] = "done",
  [ZSEQ_KV_HISTORY_EVERSION] = "EVERSION",
  [ZSEQ_KV_HISTORY_ENOKEY] = "ENOKEY",
  [ZSEQ_KV_HISTORY_QUIET] = "quiet",
  [ZSEQ_KV_HISTORY_REFUSED] = "EREFUSED",
  [ZSEQ_KV_HISTORY_UNKNOWN] = "unknown",
};

//  Which fields an operation has; the others are "-".

static bool
s_has_expected (const zseq_kv_history_op_t *op)
{
    return op->kind == ZSEQ_KV_HISTORY_CAS ||
           op->kind == ZSEQ_KV_HISTORY_WATCH || zseq_kv_expects_version (op);
}

static bool
s_has_version (const zseq_kv_history_op_t *op)
{
    return op->outcome <= ZSEQ_KV_HISTORY_ENOKEY && !zseq_kv_is_left_out (op);
}

static bool
s_has_value (const zseq_kv_history_op_t *op)
{
    if (zseq_kv_is_write (op))
        return op->kind != ZSEQ_KV_HISTORY_DEL;
    return zseq_kv_shows_value (op);
}

static void
s_print_number (bool any, uint64_t number, FILE *out)
{
    if (any)
        fprintf (out, " %" PRIu64, number);
    else
        fprintf (out, " -");
}

void
zseq_kv_history_print (const zseq_kv_history_op_t *op, const char *name,
                       FILE *out)
{
    assert (op);
    assert (out);
    fprintf (out, "%u %s ", op->client, s_kind[op->kind]);
    if (name)
        fprintf (out, "%s", name);
    else
        fprintf (out, "%u", op->key);
    fprintf (out, " %" PRIu64 " %" PRIu64, op->id, op->begin_ns);
    s_print_number (op->outcome != ZSEQ_KV_HISTORY_UNKNOWN, op->end_ns, out);
    fprintf (out, " %s", s_outcome[op->outcome]);
    s_print_number (s_has_expected (op), op->expected, out);
    s_print_number (s_has_version (op), op->version, out);
    s_print_number (s_has_value (op), op->value, out);
}

//  Names of keys.

static uint64_t
s_hash (const char *name)
{
    //  FNV-1a.
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char) *name) * 0x100000001b3u;
    return hash;
}

static uint32_t *
s_find_slot (zseq_kv_history_t *self, const char *name)
{
    size_t at = s_hash (name) & (self->name_slots - 1);
    while (self->name_slot[at] &&
           strcmp (self->name[self->name_slot[at] - 1], name) != 0)
        at = (at + 1) & (self->name_slots - 1);
    return &self->name_slot[at];
}

static void
s_widen (zseq_kv_history_t *self)
{
    if (self->name_count * 2 < self->name_slots)
        return;
    free (self->name_slot);
    size_t slots = self->name_slots ? self->name_slots * 2 : 1024;
    size_t none = 0;
    self->name_slot =
      zseq_kv_history_reserve (NULL, &none, slots, sizeof *self->name_slot);
    self->name_slots = slots;
    for (size_t index = 0; index < self->name_count; index++)
        *s_find_slot (self, self->name[index]) = (uint32_t) index + 1;
}

static char *
s_copy (const char *text)
{
    size_t none = 0;
    size_t size = strlen (text) + 1;
    char *copy = zseq_kv_history_reserve (NULL, &none, size, 1);
    memcpy (copy, text, size);
    return copy;
}

static uint32_t
s_number_of_key (zseq_kv_history_t *self, const char *name)
{
    s_widen (self);
    uint32_t *slot = s_find_slot (self, name);
    if (*slot == 0) {
        self->name =
          zseq_kv_history_reserve (self->name, &self->name_capacity,
                                   self->name_count + 1, sizeof *self->name);
        self->name[self->name_count++] = s_copy (name);
        *slot = (uint32_t) self->name_count;
    }
    return *slot - 1;
}

//  Lines.

//  Decimal, without a sign or a leading zero.
static bool
s_take_number (const char *text, uint64_t *number_p)
{
    uint64_t number = 0;
    if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t) (*text - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *number_p = number;
    return true;
}

//  A number where the operation has one, else "-".
static bool
s_take_optional (const char *text, bool any, uint64_t *number_p)
{
    return any ? s_take_number (text, number_p) : strcmp (text, "-") == 0;
}

static bool
s_take_word (const char *text, const char **word, size_t count,
             uint8_t *index_p)
{
    for (size_t index = 0; index < count; index++) {
        if (strcmp (text, word[index]) != 0)
            continue;
        *index_p = (uint8_t) index;
        return true;
    }
    return false;
}

static bool
s_take_outcome (const char *text, uint8_t *outcome_p)
{
    if (s_take_word (text, s_outcome, ZSEQ_KV_HISTORY_OUTCOMES, outcome_p))
        return true;
    *outcome_p = ZSEQ_KV_HISTORY_REFUSED;
    return text[0] == 'E' && text[1] != '\0' &&
           text[strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static bool
s_take_expected (const char *text, zseq_kv_history_op_t *op)
{
    if (op->kind == ZSEQ_KV_HISTORY_DEL && strcmp (text, "-") == 0) {
        op->expected = ZSEQ_KV_HISTORY_ANY;
        return true;
    }
    bool any = op->kind == ZSEQ_KV_HISTORY_CAS ||
               op->kind == ZSEQ_KV_HISTORY_DEL ||
               op->kind == ZSEQ_KV_HISTORY_WATCH;
    return s_take_optional (text, any, &op->expected) &&
           op->expected != ZSEQ_KV_HISTORY_ANY;
}

//  Cuts a line at its single spaces.
static bool
s_split (char *line, const char *field[S_FIELDS])
{
    for (size_t index = 0; index < S_FIELDS; index++) {
        size_t size = strcspn (line, " \n");
        char end = index == S_FIELDS - 1 ? '\n' : ' ';
        if (size == 0 || line[size] != end)
            return false;
        line[size] = '\0';
        field[index] = line;
        line += size + 1;
    }
    return *line == '\0';
}

static bool
s_parse (zseq_kv_history_t *self, char *line, zseq_kv_history_op_t *op)
{
    const char *field[S_FIELDS];
    uint64_t client;
    if (!s_split (line, field) || !s_take_number (field[S_CLIENT], &client) ||
        client >= ZSEQ_KV_HISTORY_CLIENTS_MAX ||
        !s_take_word (field[S_KIND], s_kind, ZSEQ_KV_HISTORY_KINDS,
                      &op->kind) ||
        strlen (field[S_KEY]) > ZSEQ_KV_HISTORY_KEY_SIZE_MAX ||
        !s_take_number (field[S_ID], &op->id) ||
        !s_take_number (field[S_BEGIN], &op->begin_ns) ||
        !s_take_outcome (field[S_OUTCOME], &op->outcome))
        return false;
    bool ended =
      op->outcome != ZSEQ_KV_HISTORY_UNKNOWN || strcmp (field[S_END], "-") != 0;
    if (!s_take_optional (field[S_END], ended, &op->end_ns) ||
        !s_take_expected (field[S_EXPECTED], op) ||
        !s_take_optional (field[S_VERSION], s_has_version (op), &op->version) ||
        !s_take_optional (field[S_VALUE], s_has_value (op), &op->value))
        return false;
    if (zseq_kv_is_left_out (op))
        op->version = ZSEQ_KV_HISTORY_ANY;
    op->client = (uint32_t) client;
    op->key = s_number_of_key (self, field[S_KEY]);
    return true;
}

static bool
s_take_line (zseq_kv_history_t *self, char *line, size_t size, uint32_t number)
{
    if (line[0] == '#' || line[0] == '\n')
        return true;
    zseq_kv_history_op_t op = {.line = number,
                               .file = (uint16_t) (self->path_count - 1)};
    if (strlen (line) != size || !s_parse (self, line, &op))
        return false;
    zseq_kv_history_add (self, &op);
    return true;
}

static int
s_read (zseq_kv_history_t *self, const char *path, FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;
    uint32_t number = 0;
    ssize_t size;
    int rc = 0;
    while (rc == 0 && (size = getline (&line, &capacity, file)) > 0) {
        number++;
        if (line[size - 1] != '\n')
            break;
        if (!s_take_line (self, line, (size_t) size, number)) {
            snprintf (self->text, sizeof self->text, "%s:%u: malformed line",
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
    return rc;
}

int
zseq_kv_history_read (zseq_kv_history_t *self, const char *path)
{
    assert (self);
    assert (path);
    assert (self->path_count < UINT16_MAX);
    FILE *file = strcmp (path, "-") == 0 ? stdin : fopen (path, "re");
    if (!file) {
        snprintf (self->text, sizeof self->text, "%s: %s", path,
                  strerror (errno));
        return -1;
    }
    self->path =
      zseq_kv_history_reserve (self->path, &self->path_capacity,
                               self->path_count + 1, sizeof *self->path);
    self->path[self->path_count++] = s_copy (path);
    int rc = s_read (self, path, file);
    if (file != stdin)
        fclose (file);
    return rc;
}

const char *
zseq_kv_history_text (const zseq_kv_history_t *self)
{
    assert (self);
    return self->text;
}

//  Writes with two lines.

static int
s_compare_write (const void *a_, const void *b_)
{
    const zseq_kv_history_op_t *a = a_;
    const zseq_kv_history_op_t *b = b_;
    if (a->client != b->client)
        return a->client < b->client ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static zseq_kv_history_op_t *
s_find_write (zseq_kv_history_op_t *unknown, size_t count,
              const zseq_kv_history_op_t *op)
{
    if (count == 0)
        return NULL;
    return bsearch (op, unknown, count, sizeof *unknown, s_compare_write);
}

void
zseq_kv_history_join_lines (zseq_kv_key_t *key)
{
    assert (key);
    zseq_kv_history_op_t *unknown = NULL;
    size_t capacity = 0;
    size_t count = 0;
    size_t kept = 0;
    for (size_t index = 0; index < key->count; index++) {
        if (key->op[index].outcome == ZSEQ_KV_HISTORY_UNKNOWN) {
            unknown = zseq_kv_history_reserve (unknown, &capacity, count + 1,
                                               sizeof *unknown);
            unknown[count++] = key->op[index];
        }
        else
            key->op[kept++] = key->op[index];
    }
    key->count = kept;
    if (count > 1)
        qsort (unknown, count, sizeof *unknown, s_compare_write);
    kept = 0;
    for (size_t index = 0; index < key->count; index++) {
        const zseq_kv_history_op_t *op = &key->op[index];
        zseq_kv_history_op_t *first =
          zseq_kv_is_write (op) ? s_find_write (unknown, count, op) : NULL;
        //  Equal ones are left out by the next loop.
        for (; first && first > unknown && s_compare_write (first - 1, op) == 0;
             first--)
            continue;
        if (first)
            first->outcome = ZSEQ_KV_HISTORY_REFUSED;
        if (op->outcome != ZSEQ_KV_HISTORY_REFUSED)
            key->op[kept++] = *op;
    }
    for (size_t index = 0; index < count; index++)
        if (unknown[index].outcome == ZSEQ_KV_HISTORY_UNKNOWN &&
            (index == 0 ||
             s_compare_write (&unknown[index - 1], &unknown[index]) != 0))
            key->op[kept++] = unknown[index];
    key->count = kept;
    free (unknown);
}
