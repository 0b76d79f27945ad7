//  Takes operations in, by key, and says what is wrong with them.

#include "zseq_kv_history_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define S_TEXTS_MAX 4  //  Violations told per rule

void *
zseq_kv_history_reserve (void *array, size_t *capacity, size_t count,
                         size_t size)
{
    assert (capacity);
    if (count <= *capacity)
        return array;
    size_t next = *capacity * 2 > count ? *capacity * 2 : count;
    char *moved = reallocarray (array, next, size);
    if (!moved) {
        fprintf (stderr, "kv history: out of memory\n");
        abort ();
    }
    memset (moved + *capacity * size, 0, (next - *capacity) * size);
    *capacity = next;
    return moved;
}

zseq_kv_history_t *
zseq_kv_history_new (void)
{
    size_t none = 0;
    zseq_kv_history_t *self =
      zseq_kv_history_reserve (NULL, &none, 1, sizeof *self);
    none = 0;
    self->verdict =
      zseq_kv_history_reserve (NULL, &none, 1, sizeof *self->verdict);
    return self;
}

static void
s_key_term (zseq_kv_key_t *key)
{
    free (key->op);
    free (key->need);
    free (key->old);
    free (key->seen);
}

void
zseq_kv_history_destroy (zseq_kv_history_t **self_p)
{
    assert (self_p);
    zseq_kv_history_t *self = *self_p;
    if (!self)
        return;
    for (size_t index = 0; index < self->key_count; index++)
        s_key_term (&self->key[index]);
    for (size_t index = 0; index < self->name_count; index++)
        free (self->name[index]);
    for (size_t index = 0; index < self->path_count; index++)
        free (self->path[index]);
    free (self->key);
    free (self->verdict);
    free (self->client_seen);
    free (self->name);
    free (self->name_slot);
    free (self->path);
    free (self->entry);
    free (self->point);
    free (self->unknown);
    free (self->version);
    free (self->handle);
    free (self->ended);
    free (self);
    *self_p = NULL;
}

static const char *s_rule[ZSEQ_KV_RULES] = {
  [ZSEQ_KV_RULE_FORM] = "form",     [ZSEQ_KV_RULE_VERSION] = "version",
  [ZSEQ_KV_RULE_VALUE] = "value",   [ZSEQ_KV_RULE_ONCE] = "once",
  [ZSEQ_KV_RULE_ORDER] = "order",   [ZSEQ_KV_RULE_CHAIN] = "chain",
  [ZSEQ_KV_RULE_ABSENT] = "absent", [ZSEQ_KV_RULE_WRITER] = "writer",
  [ZSEQ_KV_RULE_HANDLE] = "handle", [ZSEQ_KV_RULE_WATCH] = "watch",
};

static void
s_print_op (const zseq_kv_history_t *self, const zseq_kv_history_op_t *op,
            FILE *out)
{
    const char *name = op->key < self->name_count ? self->name[op->key] : NULL;
    if (op->line)
        fprintf (out, "%s:%u ", self->path[op->file], op->line);
    fprintf (out, "[");
    zseq_kv_history_print (op, name, out);
    fprintf (out, "]");
}

void
zseq_kv_history_violation (zseq_kv_history_t *self, zseq_kv_rule_t rule,
                           const char *what, const zseq_kv_history_op_t *other,
                           const zseq_kv_history_op_t *op)
{
    assert (self);
    assert (op);
    zseq_kv_verdict_t *verdict = self->verdict;
    verdict->violations++;
    if (++verdict->violation[rule] > S_TEXTS_MAX)
        return;
    char *text = verdict->text + strlen (verdict->text);
    FILE *out = fmemopen (
      text, sizeof verdict->text - (size_t) (text - verdict->text), "w");
    if (!out)
        return;
    if (op->key < self->name_count)
        fprintf (out, "%s: key %s: ", s_rule[rule], self->name[op->key]);
    else
        fprintf (out, "%s: key %u: ", s_rule[rule], op->key);
    s_print_op (self, op, out);
    fprintf (out, " %s", what);
    if (other) {
        fprintf (out, " ");
        s_print_op (self, other, out);
    }
    fprintf (out, "\n");
    fclose (out);
}

static const char *
s_wrong_outcome (const zseq_kv_history_op_t *op)
{
    switch (op->outcome) {
    case ZSEQ_KV_HISTORY_QUIET:
        return op->kind == ZSEQ_KV_HISTORY_WATCH
                 ? NULL
                 : "is no watch, and found nothing new";
    case ZSEQ_KV_HISTORY_EVERSION:
        if (zseq_kv_expects_version (op) || zseq_kv_expects_absence (op))
            return NULL;
        return "expects no version, and got EVERSION";
    case ZSEQ_KV_HISTORY_ENOKEY:
        if (op->kind == ZSEQ_KV_HISTORY_PUT || zseq_kv_expects_absence (op))
            return "needs no key, and got ENOKEY";
        return NULL;
    default:
        return NULL;
    }
}

//  Returns what is wrong with an operation by itself, or NULL.
static const char *
s_impossible (const zseq_kv_history_op_t *op)
{
    bool answered = op->outcome <= ZSEQ_KV_HISTORY_ENOKEY;
    if (op->begin_ns > op->end_ns && op->outcome != ZSEQ_KV_HISTORY_UNKNOWN)
        return "ends before it begins";
    if (op->kind == ZSEQ_KV_HISTORY_DEL && op->expected == 0)
        return "deletes what must not exist";
    if (op->outcome < ZSEQ_KV_HISTORY_ENOKEY && op->version == 0)
        return "has version 0, which nothing has";
    if (zseq_kv_is_left_out (op))
        return op->version == ZSEQ_KV_HISTORY_ANY
                 ? NULL
                 : "is left out of a listing with a version";
    if (answered && op->version >= ZSEQ_KV_LATE)
        return "has a version that is too high";
    return s_wrong_outcome (op);
}

//  Returns how an operation contradicts itself, and by which rule; or NULL.
static const char *
s_absurd (const zseq_kv_history_op_t *op, zseq_kv_rule_t *rule_p)
{
    *rule_p = ZSEQ_KV_RULE_CHAIN;
    if (op->outcome == ZSEQ_KV_HISTORY_EVERSION && op->version == op->expected)
        return "was refused, and is told the version that it expects";
    *rule_p = ZSEQ_KV_RULE_WATCH;
    if (op->kind != ZSEQ_KV_HISTORY_WATCH)
        return NULL;
    //  The version of an absence is 0 where nobody knows of a deletion.
    bool news =
      op->version > op->expected || (op->outcome == ZSEQ_KV_HISTORY_ENOKEY &&
                                     op->version == 0 && op->expected > 0);
    return op->outcome <= ZSEQ_KV_HISTORY_ENOKEY && !news
             ? "shows nothing newer than what it knew"
             : NULL;
}

static void
s_note_client (zseq_kv_history_t *self, uint32_t client)
{
    self->client_seen =
      zseq_kv_history_reserve (self->client_seen, &self->client_capacity,
                               (size_t) client + 1, sizeof (bool));
    if (!self->client_seen[client])
        self->verdict->clients++;
    self->client_seen[client] = true;
}

static zseq_kv_key_t *
s_key (zseq_kv_history_t *self, uint32_t number)
{
    self->key = zseq_kv_history_reserve (
      self->key, &self->key_capacity, (size_t) number + 1, sizeof *self->key);
    if (self->key_count <= number)
        self->key_count = (size_t) number + 1;
    return &self->key[number];
}

void
zseq_kv_history_add (zseq_kv_history_t *self, const zseq_kv_history_op_t *op)
{
    assert (self);
    assert (op);
    assert (op->client < ZSEQ_KV_HISTORY_CLIENTS_MAX);
    assert (op->key < ZSEQ_KV_HISTORY_KEYS_MAX);
    assert (op->kind < ZSEQ_KV_HISTORY_KINDS);
    assert (op->outcome < ZSEQ_KV_HISTORY_OUTCOMES);

    s_note_client (self, op->client);
    zseq_kv_key_t *key = s_key (self, op->key);
    self->verdict->keys += !key->used;
    key->used = true;
    const char *what = s_impossible (op);
    if (what) {
        zseq_kv_history_violation (self, ZSEQ_KV_RULE_FORM, what, NULL, op);
        return;
    }
    self->verdict->operations++;
    zseq_kv_rule_t rule;
    what = s_absurd (op, &rule);
    if (what) {
        zseq_kv_history_violation (self, rule, what, NULL, op);
        return;
    }
    bool unknown = op->outcome == ZSEQ_KV_HISTORY_UNKNOWN;
    bool refused = op->outcome == ZSEQ_KV_HISTORY_REFUSED;
    if ((refused && self->path_count == 0) ||
        (!zseq_kv_is_write (op) && (refused || unknown)))
        return;
    assert (key->count < UINT32_MAX);
    key->op = zseq_kv_history_reserve (key->op, &key->capacity, key->count + 1,
                                       sizeof *key->op);
    key->op[key->count++] = *op;
}

void
zseq_kv_history_settle (zseq_kv_history_t *self, uint64_t before_ns)
{
    assert (self);
    assert (before_ns < ZSEQ_KV_NEVER);
    assert (self->path_count == 0);
    for (size_t index = 0; index < self->key_count; index++)
        if (self->key[index].count > 0)
            zseq_kv_chain_check (self, &self->key[index], before_ns);
}

bool
zseq_kv_history_check (zseq_kv_history_t *self, zseq_kv_verdict_t *verdict)
{
    assert (self);
    assert (verdict);
    for (size_t index = 0; index < self->key_count; index++) {
        zseq_kv_key_t *key = &self->key[index];
        if (self->path_count > 0)
            zseq_kv_history_join_lines (key);
        if (key->count > 0 || key->need_count > 0)
            zseq_kv_chain_check (self, key, ZSEQ_KV_NEVER);
        s_key_term (key);
        memset (key, 0, sizeof *key);
    }
    *verdict = *self->verdict;
    return verdict->violations == 0;
}
