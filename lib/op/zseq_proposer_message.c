#include "zseq_proposer_private.h"

#include <assert.h>
#include <stdlib.h>

//  How long to wait before a message is sent again: some round trips.
#define PAUSE_RTTS 4
#define PAUSE_US_MIN 20000
#define PAUSE_US_MAX 500000

static size_t
s_size (const zseq_proposer_key_t *key, const zseq_register_t *proposed)
{
    return proposed ? zseq_register_size (proposed) : key->key.size;
}

//  A message of that op and ballot that the key may join; a new one if there is
//  none. NULL: no memory.
static zseq_proposer_message_t *
s_unsent (zseq_proposer_t *self, zseq_op_t op, const zseq_ballot_t *ballot,
          size_t size)
{
    zseq_proposer_message_t *message;
    TAILQ_FOREACH_REVERSE (message, &self->messages, zseq_proposer_messages,
                           link)
    {
        if (message->request != 0)
            break;
        if (message->op == op &&
            zseq_ballot_compare (&message->ballot, ballot) == 0 &&
            message->item_count < ZSEQ_PAGE_MAX &&
            message->bytes + size <= BYTES_MAX)
            return message;
    }
    message = calloc (1, sizeof *message);
    if (!message)
        return NULL;
    message->op = op;
    message->ballot = *ballot;
    TAILQ_INSERT_TAIL (&self->messages, message, link);
    return message;
}

bool
zseq_proposer_message_add (zseq_proposer_t *self, zseq_proposer_key_t *key,
                           zseq_register_t *proposed)
{
    zseq_op_t op = proposed ? ZSEQ_OP_KV_ACCEPT : ZSEQ_OP_KV_FETCH;
    size_t size = s_size (key, proposed);
    zseq_proposer_message_t *message =
      s_unsent (self, op, &self->shard[key->shard].ballot, size);
    if (!message)
        return false;
    message->item[message->item_count] =
      (zseq_proposer_item_t){.key = key, .proposed = proposed};
    message->bytes += size;
    message->waiting++;
    key->messages++;
    key->message = message;
    key->item = message->item_count++;
    key->asked_arrival = self->arrival;
    zseq_tally_init (&key->tally, self->quorum.n);
    key->full = 0;
    zseq_proposer_key_ask (self, key);
    return true;
}

static void
s_free (zseq_proposer_t *self, zseq_proposer_message_t *message)
{
    TAILQ_REMOVE (&self->messages, message, link);
    for (size_t item = 0; item < message->item_count; item++) {
        message->item[item].key->messages--;
        zseq_register_release (&message->item[item].proposed);
    }
    free (message);
}

//  Sends a message to one node, after the promises that it takes.
static void
s_send (zseq_proposer_t *self, zseq_proposer_message_t *message, uint8_t node)
{
    zseq_msg_t msg = {.op = message->op, .request = message->request};

    zseq_proposer_ballot_ask (self, node, &message->ballot);
    for (size_t item = 0; item < message->item_count; item++)
        if (message->op == ZSEQ_OP_KV_ACCEPT)
            self->records[item] = message->item[item].proposed->record;
        else
            self->names[item] = message->item[item].key->key;
    if (message->op == ZSEQ_OP_KV_ACCEPT) {
        msg.kv_accept.records = self->records;
        msg.kv_accept.record_count = message->item_count;
    }
    else {
        msg.kv_fetch.ballot = message->ballot;
        msg.kv_fetch.keys = self->names;
        msg.kv_fetch.key_count = message->item_count;
    }
    (void) self->hooks.ask (self->hooks.arg, node, &msg);
}

//  Sends it to the nodes that owe a reply. The own node may reply meanwhile.
static void
s_send_all (zseq_proposer_t *self, zseq_proposer_message_t *message)
{
    for (uint8_t node = 0; node < self->quorum.n; node++)
        if (!zseq_node_set_has (message->answered, node))
            s_send (self, message, node);
}

bool
zseq_proposer_message_send_all (zseq_proposer_t *self)
{
    zseq_proposer_message_t *message;
    bool any = false;
    TAILQ_FOREACH (message, &self->messages, link)
    {
        if (message->request != 0)
            continue;
        message->request = self->hooks.draw (self->hooks.arg);
        message->sent_us = self->now_us;
        message->pause_us = PAUSE_RTTS * self->rtt_us;
        if (message->pause_us < PAUSE_US_MIN)
            message->pause_us = PAUSE_US_MIN;
        message->again_us = self->now_us + message->pause_us;
        s_send_all (self, message);
        any = true;
    }
    return any;
}

void
zseq_proposer_message_hasten (zseq_proposer_t *self,
                              zseq_proposer_message_t *message, uint8_t node)
{
    if (zseq_node_set_has (message->hastened, node))
        return;
    zseq_node_set_add (&message->hastened, node);
    zseq_proposer_ballot_unask (self, node, &message->ballot);
    s_send (self, message, node);
}

static void
s_send_again (zseq_proposer_t *self, zseq_proposer_message_t *message)
{
    message->pause_us *= 2;
    if (message->pause_us > PAUSE_US_MAX)
        message->pause_us = PAUSE_US_MAX;
    message->again_us = self->now_us + message->pause_us;
    message->hastened = 0;
    //  S4: what a node said in an incarnation that has ended does not count.
    for (size_t item = 0; item < message->item_count; item++) {
        const zseq_proposer_key_t *key = message->item[item].key;
        if (key->message == message && key->item == item)
            message->answered &= zseq_tally_nodes (&key->tally, ZSEQ_OK);
    }
    for (uint8_t node = 0; node < self->quorum.n; node++)
        if (!zseq_node_set_has (message->answered, node))
            zseq_proposer_ballot_unask (self, node, &message->ballot);
    s_send_all (self, message);
}

void
zseq_proposer_message_send_again (zseq_proposer_t *self)
{
    zseq_proposer_message_t *message;
    TAILQ_FOREACH (message, &self->messages, link)
    if (message->request != 0 && message->waiting > 0 &&
        self->now_us >= message->again_us)
        s_send_again (self, message);
}

void
zseq_proposer_message_tidy (zseq_proposer_t *self)
{
    zseq_proposer_message_t *message = TAILQ_FIRST (&self->messages);
    while (message) {
        zseq_proposer_message_t *next = TAILQ_NEXT (message, link);
        if (message->waiting == 0)
            s_free (self, message);
        message = next;
    }
}

zseq_proposer_message_t *
zseq_proposer_message_find (zseq_proposer_t *self, uint64_t request)
{
    zseq_proposer_message_t *message;
    TAILQ_FOREACH (message, &self->messages, link)
    if (message->request == request)
        return message;
    return NULL;
}

void
zseq_proposer_message_destroy_all (zseq_proposer_t *self)
{
    zseq_proposer_message_t *message;
    while ((message = TAILQ_FIRST (&self->messages)) != NULL)
        s_free (self, message);
}
