#include "zseq_kv_coordinator.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "zseq_kv_times.h"

//  How long a client may be waited for, whatever it says.
#define TIMEOUT_US_MAX 60000000

//  Senders that are distinguished; one may hold a SENDER_SHARE-th of all
//  places.
#define SENDERS_MAX 4096
#define SENDER_SHARE 4

//  A request of a client.
typedef struct s_write {
    zseq_kv_request_t request;  //  First: a pointer to it points to the write
    zseq_sender_t sender;
    zseq_op_t op;
    uint64_t request_id;
    bool relayed;        //  It was passed on once, or came from a node
    uint64_t passed;     //  Request ID under which it was; 0: it was not
    bool owed;           //  ... and has not replied
    bool was_tried;      //  The op had been proposed before that
    uint64_t passed_us;  //  ... until when the node may be silent
    TAILQ_ENTRY (s_write) link;  //  Of those that were
    zseq_slice_t key;            //  Behind this struct, as the op's value
} s_write_t;

TAILQ_HEAD (s_writes, s_write);

struct zseq_kv_coordinator {
    zseq_kv_coordinator_hooks_t hooks;
    zseq_proposer_t *proposer;
    uint64_t own_shards;
    size_t requests;
    size_t requests_max;
    size_t bytes;
    size_t bytes_max;
    struct s_writes passed;         //  To other nodes, the oldest first
    uint64_t now_us;                //  As of the call
    uint32_t waiting[SENDERS_MAX];  //  Requests of senders with that hash
};

static bool
s_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    zseq_kv_coordinator_t *self = arg;
    return self->hooks.ask (self->hooks.arg, node, msg);
}

static uint64_t
s_draw (void *arg)
{
    zseq_kv_coordinator_t *self = arg;
    return self->hooks.draw (self->hooks.arg);
}

static size_t
s_sender_slot (const zseq_sender_t *sender)
{
    return zseq_sender_hash (sender) % SENDERS_MAX;
}

static void
s_answer (zseq_kv_coordinator_t *self, const s_write_t *write)
{
    const zseq_kv_request_t *request = &write->request;
    zseq_msg_t msg = {
      .op = write->op,
      .reply = true,
      .request = write->request_id,
      .status = request->status,
      .kv_write = {.version = request->version,
                   .floor = request->floor,
                   .value = request->value},
    };
    self->hooks.answer (self->hooks.arg, &write->sender, &msg);
}

//  Whether the answer is final. While another node may still judge the op, a
//  condition that does not hold may hold there, unless its version has passed.
static bool
s_is_final (const s_write_t *write)
{
    const zseq_kv_op_t *op = &write->request.op;
    switch (write->request.status) {
    case ZSEQ_ETIMEOUT:
        return false;
    //  The client takes it that such a node has not looked at the op.
    case ZSEQ_ENOTVOTING:
        return !write->request.tried;
    case ZSEQ_ENOKEY:
    case ZSEQ_EVERSION:
        return !write->owed || op->type == ZSEQ_KV_GET ||
               (op->conditional && op->expected != 0 &&
                write->request.version > op->expected);
    default:
        return true;
    }
}

static void
s_done (void *arg, zseq_kv_request_t *request)
{
    zseq_kv_coordinator_t *self = arg;
    s_write_t *write = (s_write_t *) request;
    //  A client without an answer asks another node, or gives up.
    if (s_is_final (write))
        s_answer (self, write);
    self->waiting[s_sender_slot (&write->sender)]--;
    self->requests--;
    self->bytes -= request->op.value.size;
    free (write);
}

//  K6: instead of fighting with a node that has the shard's ballot, it passes
//  the request on to it, once.
static bool
s_pass (void *arg, uint8_t node, zseq_kv_request_t *request)
{
    zseq_kv_coordinator_t *self = arg;
    s_write_t *write = (s_write_t *) request;
    if (write->relayed || self->now_us >= request->deadline_us)
        return false;
    zseq_msg_t msg = {
      .op = write->op,
      .request = s_draw (self),
      .name = write->key,
      .kv_write = {.op = request->op,
                   .timeout_us = request->deadline_us - self->now_us,
                   .relayed = true},
    };
    if (!self->hooks.pass (self->hooks.arg, node, &msg))
        return false;
    write->relayed = true;
    write->was_tried = request->tried;
    request->tried = true;
    write->passed = msg.request;
    write->passed_us = self->now_us + ZSEQ_KV_PASSED_US;
    TAILQ_INSERT_TAIL (&self->passed, write, link);
    return true;
}

//  K6: a shard stays with the node that has its ballot, until the node that
//  comes first in the shard's ranking takes it.
static bool
s_pass_to_holder (zseq_kv_coordinator_t *self, s_write_t *write,
                  const zseq_ballot_t *promise)
{
    uint8_t shard = zseq_kv_shard (write->key);
    return promise->round != 0 && !(self->own_shards >> shard & 1) &&
           s_pass (self, zseq_ballot_node (promise), &write->request);
}

//  The node to which it was passed on does not serve it.
static void
s_take_back (zseq_kv_coordinator_t *self, s_write_t *write, bool replied)
{
    TAILQ_REMOVE (&self->passed, write, link);
    write->passed = 0;
    write->owed = !replied;
    if (zseq_proposer_add (self->proposer, write->key, &write->request,
                           self->now_us) == ZSEQ_OK)
        return;
    write->request.status = ZSEQ_ETIMEOUT;
    s_done (self, &write->request);
}

//  Whether that status is an answer to the client, whoever it comes from.
static bool
s_decides (const s_write_t *write, int status)
{
    switch (status) {
    case ZSEQ_OK:
    case ZSEQ_EINVAL:
    case ZSEQ_EEXHAUSTED:
    case ZSEQ_EFULL:
    case ZSEQ_ENOSPACE:
        return true;
    //  What was proposed here before may still be taken up.
    case ZSEQ_ENOKEY:
    case ZSEQ_EVERSION:
    case ZSEQ_EFORGOTTEN:
        return !write->was_tried;
    default:
        return false;
    }
}

static void
s_passed_reply (zseq_kv_coordinator_t *self, const zseq_msg_t *msg)
{
    s_write_t *write;
    TAILQ_FOREACH (write, &self->passed, link)
    if (write->passed == msg->request)
        break;
    if (!write)
        return;
    if (!s_decides (write, msg->status)) {
        s_take_back (self, write, true);
        return;
    }
    TAILQ_REMOVE (&self->passed, write, link);
    //  EFULL says that it was not proposed.
    write->request.status = msg->status == ZSEQ_EFULL && write->was_tried
                              ? ZSEQ_ENOSPACE
                              : msg->status;
    write->request.version = msg->kv_write.version;
    write->request.floor = msg->kv_write.floor;
    write->request.value = msg->kv_write.value;
    s_done (self, &write->request);
}

//  Takes back what was passed on and not answered in time.
static void
s_passed_tick (zseq_kv_coordinator_t *self)
{
    s_write_t *write;
    while ((write = TAILQ_FIRST (&self->passed)) != NULL &&
           self->now_us >= write->passed_us)
        s_take_back (self, write, false);
}

zseq_kv_coordinator_t *
zseq_kv_coordinator_new (const zseq_kv_coordinator_options_t *options,
                         const zseq_kv_coordinator_hooks_t *hooks)
{
    assert (options);
    assert (hooks);
    assert (hooks->ask);
    assert (hooks->draw);
    assert (hooks->answer);
    assert (hooks->pass);

    zseq_kv_coordinator_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->hooks = *hooks;
    self->own_shards = options->proposer.own_shards;
    self->requests_max = options->requests_max;
    self->bytes_max = options->bytes_max;
    zseq_proposer_hooks_t inner = {.arg = self,
                                   .ask = s_ask,
                                   .done = s_done,
                                   .draw = s_draw,
                                   .pass = s_pass};
    TAILQ_INIT (&self->passed);
    self->proposer = zseq_proposer_new (&options->proposer, &inner);
    if (!self->proposer)
        zseq_kv_coordinator_destroy (&self);
    return self;
}

void
zseq_kv_coordinator_destroy (zseq_kv_coordinator_t **self_p)
{
    assert (self_p);

    zseq_kv_coordinator_t *self = *self_p;
    if (!self)
        return;
    if (self->proposer)
        zseq_kv_coordinator_end (self, ZSEQ_ETIMEOUT);
    zseq_proposer_destroy (&self->proposer);
    free (self);
    *self_p = NULL;
}

//  Whether a request of that sender and size may wait.
static bool
s_has_room (const zseq_kv_coordinator_t *self, const zseq_sender_t *sender,
            size_t size)
{
    return self->requests < self->requests_max &&
           self->waiting[s_sender_slot (sender)] <=
             self->requests_max / SENDER_SHARE &&
           size <= self->bytes_max - self->bytes;
}

int
zseq_kv_coordinator_write (zseq_kv_coordinator_t *self,
                           const zseq_sender_t *sender, const zseq_msg_t *msg,
                           const zseq_ballot_t *promise, uint64_t now_us)
{
    assert (self);
    assert (sender);
    assert (msg);
    assert (promise);

    self->now_us = now_us;
    const zseq_msg_kv_write_t *body = &msg->kv_write;
    size_t size = body->op.value.size;
    if (!s_has_room (self, sender, size))
        return ZSEQ_EBUSY;
    s_write_t *write = calloc (1, sizeof *write + msg->name.size + size);
    if (!write)
        return ZSEQ_EBUSY;
    char *bytes = (char *) (write + 1);
    memcpy (bytes, msg->name.data, msg->name.size);
    write->key = (zseq_slice_t){bytes, msg->name.size};
    bytes += msg->name.size;
    write->relayed = write->request.relayed = body->relayed;
    write->sender = *sender;
    write->op = msg->op;
    write->request_id = msg->request;
    write->request.op = body->op;
    write->request.op.value.data = bytes;
    if (size > 0)
        memcpy (bytes, body->op.value.data, size);
    write->request.deadline_us =
      now_us +
      (body->timeout_us < TIMEOUT_US_MAX ? body->timeout_us : TIMEOUT_US_MAX);
    zseq_proposer_note (self->proposer, zseq_kv_shard (write->key), promise);
    if (!s_pass_to_holder (self, write, promise) &&
        zseq_proposer_add (self->proposer, write->key, &write->request,
                           now_us) != ZSEQ_OK) {
        free (write);
        return ZSEQ_EBUSY;
    }
    self->requests++;
    self->bytes += size;
    self->waiting[s_sender_slot (sender)]++;
    return ZSEQ_OK;
}

void
zseq_kv_coordinator_note (zseq_kv_coordinator_t *self, uint8_t shard,
                          const zseq_ballot_t *promise)
{
    assert (self);
    zseq_proposer_note (self->proposer, shard, promise);
}

void
zseq_kv_coordinator_reply (zseq_kv_coordinator_t *self, const zseq_msg_t *msg,
                           uint64_t now_us)
{
    assert (self);
    assert (msg);

    self->now_us = now_us;
    if (msg->op == ZSEQ_OP_KV_WRITE || msg->op == ZSEQ_OP_KV_SETTLE)
        s_passed_reply (self, msg);
    else
        zseq_proposer_reply (self->proposer, msg, now_us);
}

void
zseq_kv_coordinator_flush (zseq_kv_coordinator_t *self, uint64_t now_us)
{
    assert (self);
    self->now_us = now_us;
    zseq_proposer_flush (self->proposer, now_us);
}

void
zseq_kv_coordinator_tick (zseq_kv_coordinator_t *self, uint64_t now_us)
{
    assert (self);
    self->now_us = now_us;
    s_passed_tick (self);
    zseq_proposer_tick (self->proposer, now_us);
}

uint64_t
zseq_kv_coordinator_wake_us (const zseq_kv_coordinator_t *self)
{
    assert (self);
    uint64_t wake_us = zseq_proposer_wake_us (self->proposer);
    const s_write_t *passed = TAILQ_FIRST (&self->passed);
    return passed && passed->passed_us < wake_us ? passed->passed_us : wake_us;
}

const zseq_proposer_stats_t *
zseq_kv_coordinator_stats (const zseq_kv_coordinator_t *self)
{
    assert (self);
    return zseq_proposer_stats (self->proposer);
}

void
zseq_kv_coordinator_end (zseq_kv_coordinator_t *self, int status)
{
    assert (self);
    s_write_t *write;
    while ((write = TAILQ_FIRST (&self->passed)) != NULL) {
        TAILQ_REMOVE (&self->passed, write, link);
        write->request.status = ZSEQ_ETIMEOUT;
        s_done (self, &write->request);
    }
    zseq_proposer_end (self->proposer, status);
}
