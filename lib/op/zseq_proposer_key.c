#include "zseq_proposer_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  Keys whose bases are kept in case they are asked for again, and the memory
//  of these bases.
#define IDLE_MAX 4096
#define IDLE_BYTES_MAX (16u << 20)

static int
s_compare (const zseq_proposer_key_t *left, const zseq_proposer_key_t *right)
{
    size_t size =
      left->key.size < right->key.size ? left->key.size : right->key.size;
    int order = memcmp (left->key.data, right->key.data, size);
    return order ? order
                 : (left->key.size > right->key.size) -
                     (left->key.size < right->key.size);
}

RB_GENERATE_INTERNAL (zseq_proposer_tree, zseq_proposer_key, tree, s_compare,
                      __attribute__ ((unused)) static)

static size_t
s_base_size (const zseq_proposer_key_t *key)
{
    return (key->base ? zseq_register_size (key->base) : 0) +
           zseq_op_ids_size (&key->op_ids);
}

static void
s_forget_shown (zseq_proposer_key_t *self)
{
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++)
        zseq_register_release (&self->shown[node].held);
}

static void
s_destroy (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    RB_REMOVE (zseq_proposer_tree, &self->keys, key);
    s_forget_shown (key);
    zseq_register_release (&key->base);
    zseq_op_ids_term (&key->op_ids);
    free (key);
}

//  Leaves the list that the key's state names.
static void
s_unlist (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    if (key->state == KEY_READY)
        TAILQ_REMOVE (&self->ready, key, link);
    if (key->state == KEY_IDLE) {
        TAILQ_REMOVE (&self->idle, key, link);
        self->idle_count--;
        self->idle_bytes -= s_base_size (key);
    }
}

//  Lists a key for which no message is under way.
static void
s_list (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    if (key->waiting.first || key->refused.first) {
        key->state = KEY_READY;
        TAILQ_INSERT_TAIL (&self->ready, key, link);
        return;
    }
    key->state = KEY_IDLE;
    TAILQ_INSERT_TAIL (&self->idle, key, link);
    self->idle_count++;
    self->idle_bytes += s_base_size (key);
}

zseq_proposer_key_t *
zseq_proposer_key_of (zseq_proposer_t *self, zseq_slice_t key)
{
    zseq_proposer_key_t wanted = {.key = key};
    zseq_proposer_key_t *found =
      RB_FIND (zseq_proposer_tree, &self->keys, &wanted);
    if (found)
        return found;
    found = calloc (1, sizeof *found + key.size);
    if (!found)
        return NULL;
    memcpy (found + 1, key.data, key.size);
    found->key.data = (const char *) (found + 1);
    found->key.size = key.size;
    found->shard = zseq_kv_shard (key);
    zseq_kv_requests_init (&found->waiting);
    zseq_kv_requests_init (&found->proposed);
    zseq_proposer_turn_init (found);
    RB_INSERT (zseq_proposer_tree, &self->keys, found);
    found->state = KEY_IDLE;
    TAILQ_INSERT_TAIL (&self->idle, found, link);
    self->idle_count++;
    return found;
}

void
zseq_proposer_key_wait (zseq_proposer_t *self, zseq_proposer_key_t *key,
                        zseq_kv_request_t *request)
{
    request->arrival = ++self->arrival;
    self->requests++;
    zseq_kv_requests_append (&key->waiting, request);
    if (key->state == KEY_IDLE) {
        s_unlist (self, key);
        s_list (self, key);
    }
}

void
zseq_proposer_key_ask (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    assert (key->state == KEY_READY);
    s_unlist (self, key);
    key->state = KEY_ASKED;
}

void
zseq_proposer_key_release (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    if (key->state == KEY_ASKED) {
        key->message->waiting--;
        key->message = NULL;
        s_forget_shown (key);
        zseq_kv_requests_prepend (&key->waiting, &key->proposed);
    }
    else
        s_unlist (self, key);
    s_list (self, key);
}

//  A key that waits in KEY_IDLE is counted by the size of its base.
static void
s_set_base (zseq_proposer_key_t *key, zseq_register_t *base, bool known)
{
    zseq_register_release (&key->base);
    key->base = base;
    key->known = known;
    key->shown_arrival = 0;
    key->unsettled = false;
}

void
zseq_proposer_key_rebase (zseq_proposer_key_t *self, zseq_register_t *base)
{
    assert (self->state != KEY_IDLE);
    s_set_base (self, base, true);
}

void
zseq_proposer_key_propose (zseq_proposer_key_t *self, size_t count)
{
    while (count-- > 0) {
        zseq_kv_request_t *request = zseq_kv_requests_take (&self->waiting);
        request->tried = true;
        zseq_kv_requests_append (&self->proposed, request);
    }
}

void
zseq_proposer_key_end_ballot (zseq_proposer_t *self, uint8_t shard)
{
    zseq_proposer_key_t *key;
    RB_FOREACH (key, zseq_proposer_tree, &self->keys)
    {
        if (key->shard != shard)
            continue;
        if (key->state == KEY_IDLE)
            self->idle_bytes -= s_base_size (key);
        s_set_base (key, NULL, false);
        zseq_op_ids_term (&key->op_ids);
        zseq_proposer_turn_cancel (key);
        if (key->state == KEY_ASKED)
            zseq_proposer_key_release (self, key);
    }
}

void
zseq_proposer_key_pass (zseq_proposer_t *self, uint8_t shard, uint8_t node)
{
    zseq_proposer_key_t *key;
    RB_FOREACH (key, zseq_proposer_tree, &self->keys)
    {
        if (key->shard != shard || key->state != KEY_READY)
            continue;
        zseq_kv_request_t *request = key->waiting.first;
        zseq_kv_requests_init (&key->waiting);
        while (request) {
            zseq_kv_request_t *following = request->following;
            if (self->hooks.pass (self->hooks.arg, node, request))
                self->requests--;
            else
                zseq_kv_requests_append (&key->waiting, request);
            request = following;
        }
        zseq_proposer_key_release (self, key);
    }
}

void
zseq_proposer_key_finish (zseq_proposer_t *self, zseq_proposer_key_t *key,
                          zseq_kv_request_t *request)
{
    request->floor = zseq_ballot_floor (&self->shard[key->shard].ballot);
    self->requests--;
    self->hooks.done (self->hooks.arg, request);
}

static void
s_expire (zseq_proposer_t *self, zseq_proposer_key_t *key,
          zseq_kv_requests_t *requests)
{
    zseq_kv_request_t **place = &requests->first;
    while (*place) {
        zseq_kv_request_t *request = *place;
        if (self->now_us < request->deadline_us) {
            place = &request->following;
            continue;
        }
        *place = request->following;
        request->status = ZSEQ_ETIMEOUT;
        zseq_proposer_key_finish (self, key, request);
    }
    requests->end = place;
}

void
zseq_proposer_key_expire_all (zseq_proposer_t *self)
{
    zseq_proposer_key_t *key;
    RB_FOREACH (key, zseq_proposer_tree, &self->keys)
    {
        if (key->state == KEY_IDLE)
            continue;
        s_expire (self, key, &key->waiting);
        s_expire (self, key, &key->refused);
        s_expire (self, key, &key->proposed);
        if (key->waiting.first || key->proposed.first)
            continue;
        //  Nobody waits for the message any more. What it proposed stays the
        //  base (K4), and may not be chosen.
        if (key->state == KEY_ASKED && key->message->op == ZSEQ_OP_KV_ACCEPT)
            key->unsettled = true;
        zseq_proposer_key_release (self, key);
    }
}

bool
zseq_proposer_key_too_many (const zseq_proposer_t *self)
{
    return self->idle_count > 2 * IDLE_MAX ||
           self->idle_bytes > 2 * IDLE_BYTES_MAX;
}

void
zseq_proposer_key_tidy (zseq_proposer_t *self)
{
    zseq_proposer_key_t *key = TAILQ_FIRST (&self->idle);
    while (key &&
           (self->idle_count > IDLE_MAX || self->idle_bytes > IDLE_BYTES_MAX)) {
        zseq_proposer_key_t *later = TAILQ_NEXT (key, link);
        //  A message under way for other keys may name it. And while the ballot
        //  lasts, a base that may not be chosen cannot be fetched again (K4).
        if (key->messages == 0 && !(key->unsettled && key->base)) {
            s_unlist (self, key);
            s_destroy (self, key);
        }
        key = later;
    }
}

void
zseq_proposer_key_end_all (zseq_proposer_t *self, int status)
{
    zseq_proposer_key_t *key;
    RB_FOREACH (key, zseq_proposer_tree, &self->keys)
    {
        zseq_proposer_turn_cancel (key);
        zseq_kv_requests_prepend (&key->waiting, &key->proposed);
        zseq_kv_request_t *request = key->waiting.first;
        zseq_kv_requests_init (&key->waiting);
        while (request) {
            zseq_kv_request_t *following = request->following;
            request->status = status;
            zseq_proposer_key_finish (self, key, request);
            request = following;
        }
        if (key->state != KEY_IDLE)
            zseq_proposer_key_release (self, key);
    }
}

void
zseq_proposer_key_destroy_all (zseq_proposer_t *self)
{
    zseq_proposer_key_t *key = RB_MIN (zseq_proposer_tree, &self->keys);
    while (key) {
        zseq_proposer_key_t *next =
          RB_NEXT (zseq_proposer_tree, &self->keys, key);
        s_destroy (self, key);
        key = next;
    }
}
