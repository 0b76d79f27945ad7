#include "zseq_codec_private.h"

#include <assert.h>
#include <string.h>

//  Elements of an answer that refuses, and of a key in a READ, a FETCH and a
//  LIST reply.
#define REFUSED_SIZE 3
#define READ_SIZE 7
#define FETCHED_SIZE 9
#define LISTED_SIZE 7

//  Elements of a record in a KV_COPY reply.
#define COPIED_SIZE 9

#define FLAG_TOMBSTONE 1u
#define FLAG_COPIED 2u
#define FLAGS_MAX 3u

#define STATUS_MAX 255

//  Parts of several bodies.

static void
s_put_key (msgpack_packer *packer, zseq_slice_t key)
{
    zseq_codec_put_blob (packer, key, 1, ZSEQ_KEY_MAX);
}

static bool
s_take_key (zseq_codec_cursor_t *self, zseq_slice_t *key)
{
    return zseq_codec_take_blob (self, 1, ZSEQ_KEY_MAX, key);
}

static void
s_put_version (msgpack_packer *packer, uint64_t version, uint64_t version_min)
{
    zseq_codec_put_uint (packer, version, version_min, ZSEQ_KV_VERSION_MAX);
}

static bool
s_take_version (zseq_codec_cursor_t *self, uint64_t version_min,
                uint64_t *version_p)
{
    return zseq_codec_take_uint (self, version_min, ZSEQ_KV_VERSION_MAX,
                                 version_p);
}

static void
s_put_ballot (msgpack_packer *packer, const zseq_ballot_t *ballot,
              uint32_t round_min)
{
    zseq_codec_put_uint (packer, ballot->round, round_min, ZSEQ_ROUND_MAX);
    zseq_codec_put_uint (packer, ballot->proposer, 0, UINT64_MAX);
}

static bool
s_take_ballot (zseq_codec_cursor_t *self, uint32_t round_min,
               zseq_ballot_t *ballot)
{
    uint64_t round;
    if (!zseq_codec_take_uint (self, round_min, ZSEQ_ROUND_MAX, &round) ||
        !zseq_codec_take_uint (self, 0, UINT64_MAX, &ballot->proposer))
        return false;
    ballot->round = (uint32_t) round;
    return true;
}

static void
s_put_keys (msgpack_packer *packer, const zseq_slice_t *keys, size_t count)
{
    assert (count >= 1);
    assert (count <= ZSEQ_PAGE_MAX);

    msgpack_pack_array (packer, count);
    for (size_t index = 0; index < count; index++)
        s_put_key (packer, keys[index]);
}

static bool
s_take_keys (zseq_codec_cursor_t *self, const zseq_slice_t **keys_p,
             size_t *count_p)
{
    *keys_p = self->storage->keys;
    if (!zseq_codec_take_array (self, 1, ZSEQ_PAGE_MAX, count_p))
        return false;
    for (size_t index = 0; index < *count_p; index++)
        if (!s_take_key (self, &self->storage->keys[index]))
            return false;
    return true;
}

static void
s_put_dedup (msgpack_packer *packer, const zseq_kv_record_t *record)
{
    assert (record->dedup_count <= ZSEQ_DEDUP_MAX);

    msgpack_pack_array (packer, 2u * record->dedup_count);
    for (size_t index = 0; index < record->dedup_count; index++) {
        const zseq_dedup_t *dedup = &record->dedup[index];
        assert (index == 0 || dedup[-1].version < dedup->version);
        zseq_codec_put_uint (packer, dedup->op, 1, UINT64_MAX);
        s_put_version (packer, dedup->version, 1);
    }
}

//  Strictly ascending by version.
static bool
s_take_dedup (zseq_codec_cursor_t *self, zseq_kv_record_t *record)
{
    size_t size;
    if (!zseq_codec_take_array (self, 0, 2 * ZSEQ_DEDUP_MAX, &size) || size % 2)
        return false;
    record->dedup_count = (uint8_t) (size / 2);
    for (size_t index = 0; index < record->dedup_count; index++) {
        zseq_dedup_t *dedup = &record->dedup[index];
        if (!zseq_codec_take_uint (self, 1, UINT64_MAX, &dedup->op) ||
            !s_take_version (self, 1, &dedup->version) ||
            (index > 0 && dedup[-1].version >= dedup->version))
            return false;
    }
    return true;
}

//  A tombstone has no value.
static void
s_put_value (msgpack_packer *packer, const zseq_kv_record_t *record)
{
    zseq_codec_put_blob (packer, record->value, 0,
                         record->tombstone ? 0 : ZSEQ_VALUE_MAX);
}

static bool
s_take_value (zseq_codec_cursor_t *self, zseq_kv_record_t *record)
{
    return zseq_codec_take_blob (
      self, 0, record->tombstone ? 0 : ZSEQ_VALUE_MAX, &record->value);
}

//  A record of key, without proposal and anything else that may follow.
static zseq_kv_record_t
s_empty (void)
{
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, (zseq_slice_t){"", 0}, 0);
    record.value = (zseq_slice_t){"", 0};
    return record;
}

//  The node that sends a request, its incarnation, and the position that it
//  tells.

static void
s_put_teller (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->node, 0, ZSEQ_NODES_MAX - 1);
    zseq_codec_put_uint (packer, msg->end.incarnation.counter, 1, UINT64_MAX);
    msgpack_pack_uint64 (packer, msg->end.incarnation.random);
    msgpack_pack_uint64 (packer, msg->end.position);
}

static bool
s_take_teller (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    zseq_journal_end_t *end = &msg->end;
    return zseq_codec_take_node (self, &msg->node) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX,
                                 &end->incarnation.counter) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX,
                                 &end->incarnation.random) &&
           zseq_codec_take_uint (self, 0, UINT64_MAX, &end->position);
}

//  The position that a reply tells.

static void
s_put_position (msgpack_packer *packer, const zseq_msg_t *msg)
{
    msgpack_pack_uint64 (packer, msg->end.position);
}

static bool
s_take_position (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_uint (self, 0, UINT64_MAX, &msg->end.position);
}

//  Answers.

static void
s_put_refused (msgpack_packer *packer, const zseq_kv_answer_t *answer)
{
    assert (answer->status <= 0);

    zseq_codec_put_uint (packer, (uint64_t) -answer->status, 0, STATUS_MAX);
    s_put_ballot (packer, &answer->promise, 0);
}

static bool
s_take_refused (zseq_codec_cursor_t *self, zseq_kv_answer_t *answer)
{
    uint64_t status;
    if (!zseq_codec_take_uint (self, 0, STATUS_MAX, &status) ||
        !s_take_ballot (self, 0, &answer->promise))
        return false;
    answer->status = -(int) status;
    return true;
}

//  The answers of a PROMISE or an ACCEPT reply.
static void
s_put_answers (msgpack_packer *packer, const zseq_kv_answer_t *answers,
               size_t count)
{
    assert (count >= 1);
    assert (count <= ZSEQ_PAGE_MAX);

    msgpack_pack_array (packer, count);
    for (size_t index = 0; index < count; index++) {
        msgpack_pack_array (packer, REFUSED_SIZE);
        s_put_refused (packer, &answers[index]);
    }
}

static bool
s_take_answers (zseq_codec_cursor_t *self, size_t count_min, size_t count_max,
                const zseq_kv_answer_t **answers_p, size_t *count_p)
{
    size_t size;
    *answers_p = self->storage->answers;
    if (!zseq_codec_take_array (self, count_min, count_max, count_p))
        return false;
    for (size_t index = 0; index < *count_p; index++)
        if (!zseq_codec_take_array (self, REFUSED_SIZE, REFUSED_SIZE, &size) ||
            !s_take_refused (self, &self->storage->answers[index]))
            return false;
    return true;
}

static unsigned
s_flags (const zseq_kv_record_t *record)
{
    return (record->tombstone ? FLAG_TOMBSTONE : 0) |
           (record->copied ? FLAG_COPIED : 0);
}

static bool
s_take_flags (zseq_codec_cursor_t *self, zseq_kv_record_t *record)
{
    uint64_t flags;
    if (!zseq_codec_take_uint (self, 0, FLAGS_MAX, &flags))
        return false;
    record->tombstone = flags & FLAG_TOMBSTONE;
    record->copied = flags & FLAG_COPIED;
    return true;
}

//  A record behind its ballot. whole: with from and dedup.
static void
s_put_behind_ballot (msgpack_packer *packer, const zseq_kv_record_t *record,
                     bool whole)
{
    zseq_codec_put_uint (packer, record->proposal.seq, 0, UINT64_MAX);
    zseq_codec_put_uint (packer, s_flags (record), 0, FLAGS_MAX);
    s_put_version (packer, record->version, 0);
    if (whole) {
        s_put_version (packer, record->from, 0);
        s_put_dedup (packer, record);
    }
    s_put_value (packer, record);
}

//  What a node shows of a key. whole: with from and dedup.
static void
s_put_shown (msgpack_packer *packer, const zseq_kv_record_t *record, bool whole)
{
    msgpack_pack_array (packer, whole ? FETCHED_SIZE : READ_SIZE);
    zseq_codec_put_uint (packer, ZSEQ_OK, 0, 0);
    s_put_ballot (packer, &record->proposal.ballot, 0);
    s_put_behind_ballot (packer, record, whole);
}

static bool
s_take_behind_ballot (zseq_codec_cursor_t *self, zseq_kv_record_t *record,
                      bool whole)
{
    if (!zseq_codec_take_uint (self, 0, UINT64_MAX, &record->proposal.seq) ||
        !s_take_flags (self, record) ||
        !s_take_version (self, 0, &record->version))
        return false;
    if (whole && (!s_take_version (self, 0, &record->from) ||
                  !s_take_dedup (self, record)))
        return false;
    return s_take_value (self, record);
}

//  The body of a READ or FETCH reply.
static void
s_put_all_shown (msgpack_packer *packer, const zseq_kv_answer_t *answers,
                 const zseq_kv_record_t *records, size_t count, bool whole)
{
    assert (count >= 1);
    assert (count <= ZSEQ_PAGE_MAX);

    msgpack_pack_array (packer, count);
    for (size_t index = 0; index < count; index++)
        if (answers[index].status == ZSEQ_OK)
            s_put_shown (packer, &records[index], whole);
        else {
            msgpack_pack_array (packer, REFUSED_SIZE);
            s_put_refused (packer, &answers[index]);
        }
}

//  The number of elements tells whether it is refused.
static bool
s_take_one_shown (zseq_codec_cursor_t *self, zseq_kv_answer_t *answer,
                  zseq_kv_record_t *record, bool whole)
{
    size_t size;
    size_t shown_size = whole ? FETCHED_SIZE : READ_SIZE;
    if (!zseq_codec_take_array (self, REFUSED_SIZE, shown_size, &size) ||
        !s_take_refused (self, answer))
        return false;
    *record = s_empty ();
    if (size == REFUSED_SIZE)
        return answer->status != ZSEQ_OK;
    record->proposal.ballot = answer->promise;
    answer->promise = (zseq_ballot_t){0, 0};
    return size == shown_size && answer->status == ZSEQ_OK &&
           s_take_behind_ballot (self, record, whole);
}

static bool
s_take_all_shown (zseq_codec_cursor_t *self, bool whole,
                  const zseq_kv_answer_t **answers_p,
                  const zseq_kv_record_t **records_p, size_t *count_p)
{
    *answers_p = self->storage->answers;
    *records_p = self->storage->records;
    if (!zseq_codec_take_array (self, 1, ZSEQ_PAGE_MAX, count_p))
        return false;
    for (size_t index = 0; index < *count_p; index++)
        if (!s_take_one_shown (self, &self->storage->answers[index],
                               &self->storage->records[index], whole))
            return false;
    return true;
}

//  KV_READ.

static void
s_put_read_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_keys (packer, msg->kv_read.keys, msg->kv_read.key_count);
    zseq_codec_put_bool (packer, msg->kv_read.stale);
    s_put_version (packer, msg->kv_read.least, 0);
}

static bool
s_take_read_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_keys (self, &msg->kv_read.keys, &msg->kv_read.key_count) &&
           zseq_codec_take_bool (self, &msg->kv_read.stale) &&
           s_take_version (self, 0, &msg->kv_read.least);
}

static void
s_put_read_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_all_shown (packer, msg->kv_read.answers, msg->kv_read.records,
                     msg->kv_read.answer_count, false);
}

static bool
s_take_read_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_all_shown (self, false, &msg->kv_read.answers,
                             &msg->kv_read.records, &msg->kv_read.answer_count);
}

const zseq_codec_op_t zseq_codec_op_kv_read = {
  .put_request = s_put_read_request,
  .take_request = s_take_read_request,
  .request_size = 3,
  .put_reply = s_put_read_reply,
  .take_reply = s_take_read_reply,
  .reply_size = 1,
};

//  KV_WRITE and KV_SETTLE.

static void
s_put_write_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    const zseq_kv_op_t *op = &msg->kv_write.op;
    assert (op->type != ZSEQ_KV_DEL || op->value.size == 0);

    s_put_key (packer, msg->name);
    zseq_codec_put_uint (packer, op->type, ZSEQ_KV_PUT, ZSEQ_KV_DEL);
    zseq_codec_put_uint (packer, op->op, 1, UINT64_MAX);
    s_put_version (packer, op->since, 0);
    zseq_codec_put_bool (packer, op->conditional);
    s_put_version (packer, op->expected, 0);
    zseq_codec_put_blob (packer, op->value, 0, ZSEQ_VALUE_MAX);
    zseq_codec_put_uint (packer, msg->kv_write.timeout_us, 1, UINT64_MAX);
    zseq_codec_put_bool (packer, msg->kv_write.relayed);
}

static bool
s_take_write_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    zseq_kv_op_t *op = &msg->kv_write.op;
    uint64_t type;
    if (!s_take_key (self, &msg->name) ||
        !zseq_codec_take_uint (self, ZSEQ_KV_PUT, ZSEQ_KV_DEL, &type) ||
        !zseq_codec_take_uint (self, 1, UINT64_MAX, &op->op) ||
        !s_take_version (self, 0, &op->since) ||
        !zseq_codec_take_bool (self, &op->conditional) ||
        !s_take_version (self, 0, &op->expected) ||
        !zseq_codec_take_blob (
          self, 0, type == ZSEQ_KV_DEL ? 0 : ZSEQ_VALUE_MAX, &op->value))
        return false;
    op->type = (zseq_kv_type_t) type;
    return zseq_codec_take_uint (self, 1, UINT64_MAX,
                                 &msg->kv_write.timeout_us) &&
           zseq_codec_take_bool (self, &msg->kv_write.relayed);
}

static void
s_put_write_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_version (packer, msg->kv_write.version, 0);
    s_put_version (packer, msg->kv_write.floor, 0);
}

static bool
s_take_write_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_version (self, 0, &msg->kv_write.version) &&
           s_take_version (self, 0, &msg->kv_write.floor);
}

const zseq_codec_op_t zseq_codec_op_kv_write = {
  .put_request = s_put_write_request,
  .take_request = s_take_write_request,
  .request_size = 9,
  .put_reply = s_put_write_reply,
  .take_reply = s_take_write_reply,
  .reply_size = 2,
};

static void
s_put_settle_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_key (packer, msg->name);
    zseq_codec_put_uint (packer, msg->kv_write.timeout_us, 1, UINT64_MAX);
    zseq_codec_put_bool (packer, msg->kv_write.relayed);
}

static bool
s_take_settle_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_key (self, &msg->name) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX,
                                 &msg->kv_write.timeout_us) &&
           zseq_codec_take_bool (self, &msg->kv_write.relayed);
}

static void
s_put_settle_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_write_reply (packer, msg);
    zseq_codec_put_blob (packer, msg->kv_write.value, 0, ZSEQ_VALUE_MAX);
}

static bool
s_take_settle_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_write_reply (self, msg) &&
           zseq_codec_take_blob (self, 0, ZSEQ_VALUE_MAX, &msg->kv_write.value);
}

const zseq_codec_op_t zseq_codec_op_kv_settle = {
  .put_request = s_put_settle_request,
  .take_request = s_take_settle_request,
  .request_size = 3,
  .put_reply = s_put_settle_reply,
  .take_reply = s_take_settle_reply,
  .reply_size = 3,
};

//  KV_LIST.

static void
s_put_list_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_blob (packer, msg->kv_list.prefix, 0, ZSEQ_KEY_MAX);
    zseq_codec_put_blob (packer, msg->kv_list.after, 0, ZSEQ_KEY_MAX);
    zseq_codec_put_uint (packer, msg->kv_list.count, 1, UINT64_MAX);
    zseq_codec_put_bool (packer, msg->kv_list.values);
}

static bool
s_take_list_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return zseq_codec_take_blob (self, 0, ZSEQ_KEY_MAX, &msg->kv_list.prefix) &&
           zseq_codec_take_blob (self, 0, ZSEQ_KEY_MAX, &msg->kv_list.after) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX, &msg->kv_list.count) &&
           zseq_codec_take_bool (self, &msg->kv_list.values);
}

static void
s_put_list_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    const zseq_kv_record_t *records = msg->kv_list.records;
    size_t count = msg->kv_list.record_count;
    assert (count <= ZSEQ_PAGE_MAX);

    msgpack_pack_array (packer, count);
    for (size_t index = 0; index < count; index++) {
        const zseq_kv_record_t *record = &records[index];
        assert (index == 0 ||
                zseq_slice_compare (record[-1].key, record->key) < 0);
        msgpack_pack_array (packer, LISTED_SIZE);
        s_put_key (packer, record->key);
        s_put_ballot (packer, &record->proposal.ballot, 1);
        zseq_codec_put_uint (packer, record->proposal.seq, 1, UINT64_MAX);
        zseq_codec_put_uint (packer, s_flags (record), 0, FLAGS_MAX);
        s_put_version (packer, record->version, 1);
        s_put_value (packer, record);
    }
    zseq_codec_put_blob (packer, msg->kv_list.through, 0, ZSEQ_KEY_MAX);
}

static bool
s_take_listed (zseq_codec_cursor_t *self, zseq_kv_record_t *record)
{
    size_t size;
    *record = s_empty ();
    return zseq_codec_take_array (self, LISTED_SIZE, LISTED_SIZE, &size) &&
           s_take_key (self, &record->key) &&
           s_take_ballot (self, 1, &record->proposal.ballot) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX, &record->proposal.seq) &&
           s_take_flags (self, record) &&
           s_take_version (self, 1, &record->version) &&
           s_take_value (self, record);
}

static bool
s_take_list_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    zseq_kv_record_t *records = self->storage->records;
    msg->kv_list.records = records;
    if (!zseq_codec_take_array (self, 0, ZSEQ_PAGE_MAX,
                                &msg->kv_list.record_count))
        return false;
    for (size_t index = 0; index < msg->kv_list.record_count; index++)
        if (!s_take_listed (self, &records[index]) ||
            (index > 0 && zseq_slice_compare (records[index - 1].key,
                                              records[index].key) >= 0))
            return false;
    return zseq_codec_take_blob (self, 0, ZSEQ_KEY_MAX, &msg->kv_list.through);
}

const zseq_codec_op_t zseq_codec_op_kv_list = {
  .put_request = s_put_list_request,
  .take_request = s_take_list_request,
  .request_size = 4,
  .put_reply = s_put_list_reply,
  .take_reply = s_take_list_reply,
  .reply_size = 2,
};

//  KV_WATCH.

static void
s_put_watch_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_key (packer, msg->name);
    s_put_version (packer, msg->kv_watch.above, 0);
    zseq_codec_put_uint (packer, msg->kv_watch.timeout_us, 1, UINT64_MAX);
}

static bool
s_take_watch_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_key (self, &msg->name) &&
           s_take_version (self, 0, &msg->kv_watch.above) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX,
                                 &msg->kv_watch.timeout_us);
}

static void
s_put_watch_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_version (packer, msg->kv_watch.version, 0);
}

static bool
s_take_watch_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_version (self, 0, &msg->kv_watch.version);
}

const zseq_codec_op_t zseq_codec_op_kv_watch = {
  .put_request = s_put_watch_request,
  .take_request = s_take_watch_request,
  .request_size = 3,
  .put_reply = s_put_watch_reply,
  .take_reply = s_take_watch_reply,
  .reply_size = 1,
};

//  KV_PROMISE.

static size_t
s_count_shards (uint64_t shards)
{
    size_t count = 0;
    for (; shards; shards &= shards - 1)
        count++;
    return count;
}

static void
s_put_promise_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_teller (packer, msg);
    s_put_ballot (packer, &msg->kv_promise.ballot, 1);
    zseq_codec_put_uint (packer, msg->kv_promise.shards, 1, UINT64_MAX);
}

static bool
s_take_promise_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_teller (self, msg) &&
           s_take_ballot (self, 1, &msg->kv_promise.ballot) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX, &msg->kv_promise.shards);
}

static void
s_put_promise_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    assert (msg->kv_promise.answer_count ==
            s_count_shards (msg->kv_promise.shards));

    s_put_position (packer, msg);
    zseq_codec_put_uint (packer, msg->kv_promise.shards, 1, UINT64_MAX);
    s_put_answers (packer, msg->kv_promise.answers,
                   msg->kv_promise.answer_count);
}

static bool
s_take_promise_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    if (!s_take_position (self, msg) ||
        !zseq_codec_take_uint (self, 1, UINT64_MAX, &msg->kv_promise.shards))
        return false;
    size_t count = s_count_shards (msg->kv_promise.shards);
    return s_take_answers (self, count, count, &msg->kv_promise.answers,
                           &msg->kv_promise.answer_count);
}

const zseq_codec_op_t zseq_codec_op_kv_promise = {
  .put_request = s_put_promise_request,
  .take_request = s_take_promise_request,
  .request_size = 7,
  .put_reply = s_put_promise_reply,
  .take_reply = s_take_promise_reply,
  .reply_size = 3,
};

//  KV_FETCH.

static void
s_put_fetch_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_teller (packer, msg);
    s_put_ballot (packer, &msg->kv_fetch.ballot, 1);
    s_put_keys (packer, msg->kv_fetch.keys, msg->kv_fetch.key_count);
}

static bool
s_take_fetch_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_teller (self, msg) &&
           s_take_ballot (self, 1, &msg->kv_fetch.ballot) &&
           s_take_keys (self, &msg->kv_fetch.keys, &msg->kv_fetch.key_count);
}

static void
s_put_fetch_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_position (packer, msg);
    s_put_all_shown (packer, msg->kv_fetch.answers, msg->kv_fetch.records,
                     msg->kv_fetch.answer_count, true);
}

static bool
s_take_fetch_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_position (self, msg) &&
           s_take_all_shown (self, true, &msg->kv_fetch.answers,
                             &msg->kv_fetch.records,
                             &msg->kv_fetch.answer_count);
}

const zseq_codec_op_t zseq_codec_op_kv_fetch = {
  .put_request = s_put_fetch_request,
  .take_request = s_take_fetch_request,
  .request_size = 7,
  .put_reply = s_put_fetch_reply,
  .take_reply = s_take_fetch_reply,
  .reply_size = 2,
};

//  KV_ACCEPT. All records are of one ballot, which stands before them.

static void
s_put_accept_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    const zseq_kv_record_t *records = msg->kv_accept.records;
    size_t count = msg->kv_accept.record_count;
    assert (count >= 1);
    assert (count <= ZSEQ_PAGE_MAX);

    s_put_teller (packer, msg);
    s_put_ballot (packer, &records->proposal.ballot, 1);
    msgpack_pack_array (packer, count);
    for (size_t index = 0; index < count; index++) {
        const zseq_kv_record_t *record = &records[index];
        assert (!record->copied);
        assert (zseq_ballot_compare (&record->proposal.ballot,
                                     &records->proposal.ballot) == 0);
        msgpack_pack_array (packer, 7);
        s_put_key (packer, record->key);
        zseq_codec_put_uint (packer, record->proposal.seq, 1, UINT64_MAX);
        zseq_codec_put_bool (packer, record->tombstone);
        s_put_version (packer, record->version, 1);
        s_put_version (packer, record->from, 0);
        s_put_dedup (packer, record);
        s_put_value (packer, record);
    }
}

static bool
s_take_accepted (zseq_codec_cursor_t *self, const zseq_ballot_t *ballot,
                 zseq_kv_record_t *record)
{
    size_t size;
    *record = s_empty ();
    record->proposal.ballot = *ballot;
    return zseq_codec_take_array (self, 7, 7, &size) &&
           s_take_key (self, &record->key) &&
           zseq_codec_take_uint (self, 1, UINT64_MAX, &record->proposal.seq) &&
           zseq_codec_take_bool (self, &record->tombstone) &&
           s_take_version (self, 1, &record->version) &&
           s_take_version (self, 0, &record->from) &&
           s_take_dedup (self, record) && s_take_value (self, record);
}

static bool
s_take_accept_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    zseq_ballot_t ballot;
    msg->kv_accept.records = self->storage->records;
    if (!s_take_teller (self, msg) || !s_take_ballot (self, 1, &ballot) ||
        !zseq_codec_take_array (self, 1, ZSEQ_PAGE_MAX,
                                &msg->kv_accept.record_count))
        return false;
    for (size_t index = 0; index < msg->kv_accept.record_count; index++)
        if (!s_take_accepted (self, &ballot, &self->storage->records[index]))
            return false;
    return true;
}

static void
s_put_accept_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    s_put_position (packer, msg);
    s_put_answers (packer, msg->kv_accept.answers, msg->kv_accept.answer_count);
}

static bool
s_take_accept_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    return s_take_position (self, msg) &&
           s_take_answers (self, 1, ZSEQ_PAGE_MAX, &msg->kv_accept.answers,
                           &msg->kv_accept.answer_count);
}

const zseq_codec_op_t zseq_codec_op_kv_accept = {
  .put_request = s_put_accept_request,
  .take_request = s_take_accept_request,
  .request_size = 7,
  .put_reply = s_put_accept_reply,
  .take_reply = s_take_accept_reply,
  .reply_size = 2,
};

//  KV_CHOSEN. There is no reply.

static void
s_put_chosen_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    size_t count = msg->kv_chosen.chosen_count;
    assert (count >= 1);
    assert (count <= ZSEQ_PAGE_MAX);

    s_put_teller (packer, msg);
    msgpack_pack_array (packer, count);
    for (size_t index = 0; index < count; index++) {
        const zseq_kv_chosen_t *chosen = &msg->kv_chosen.chosen[index];
        msgpack_pack_array (packer, 4);
        s_put_key (packer, chosen->key);
        s_put_ballot (packer, &chosen->proposal.ballot, 1);
        zseq_codec_put_uint (packer, chosen->proposal.seq, 1, UINT64_MAX);
    }
}

static bool
s_take_chosen_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    size_t size;
    msg->kv_chosen.chosen = self->storage->chosen;
    if (!s_take_teller (self, msg) ||
        !zseq_codec_take_array (self, 1, ZSEQ_PAGE_MAX,
                                &msg->kv_chosen.chosen_count))
        return false;
    for (size_t index = 0; index < msg->kv_chosen.chosen_count; index++) {
        zseq_kv_chosen_t *chosen = &self->storage->chosen[index];
        if (!zseq_codec_take_array (self, 4, 4, &size) ||
            !s_take_key (self, &chosen->key) ||
            !s_take_ballot (self, 1, &chosen->proposal.ballot) ||
            !zseq_codec_take_uint (self, 1, UINT64_MAX, &chosen->proposal.seq))
            return false;
    }
    return true;
}

const zseq_codec_op_t zseq_codec_op_kv_chosen = {
  .put_request = s_put_chosen_request,
  .take_request = s_take_chosen_request,
  .request_size = 5,
};

//  KV_COPY.

static void
s_put_copy_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_recovery (packer, msg);
    zseq_codec_put_bool (packer, msg->kv_copy.recovery.forced);
    zseq_codec_put_uint (packer, msg->kv_copy.shard, 0, ZSEQ_SHARDS - 1);
    zseq_codec_put_blob (packer, msg->kv_copy.after, 0, ZSEQ_KEY_MAX);
}

static bool
s_take_copy_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    zseq_msg_recovery_t *recovery = &msg->kv_copy.recovery;
    uint64_t shard;
    if (!zseq_codec_take_recovery (self, &msg->node, recovery) ||
        !zseq_codec_take_bool (self, &recovery->forced) ||
        !zseq_codec_take_uint (self, 0, ZSEQ_SHARDS - 1, &shard))
        return false;
    msg->kv_copy.shard = (uint8_t) shard;
    return zseq_codec_take_blob (self, 0, ZSEQ_KEY_MAX, &msg->kv_copy.after);
}

static void
s_put_copy_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    const zseq_msg_kv_copy_t *copy = &msg->kv_copy;
    assert (copy->record_count <= ZSEQ_PAGE_MAX);

    zseq_codec_put_uint (packer, copy->process, 0, UINT64_MAX);
    zseq_codec_put_uint (packer, copy->keys, 0, UINT64_MAX);
    msgpack_pack_array (packer, copy->record_count);
    for (size_t index = 0; index < copy->record_count; index++) {
        const zseq_kv_record_t *record = &copy->records[index];
        assert (record->proposal.seq >= 1);
        msgpack_pack_array (packer, COPIED_SIZE);
        s_put_key (packer, record->key);
        s_put_ballot (packer, &record->proposal.ballot, 1);
        s_put_behind_ballot (packer, record, true);
    }
    zseq_codec_put_bool (packer, copy->more);
}

static bool
s_is_above (zseq_slice_t key, zseq_slice_t other)
{
    size_t shared = key.size < other.size ? key.size : other.size;
    int order = memcmp (key.data, other.data, shared);
    return order > 0 || (order == 0 && key.size > other.size);
}

static bool
s_take_copied (zseq_codec_cursor_t *self, zseq_kv_record_t *record)
{
    size_t size;
    *record = s_empty ();
    return zseq_codec_take_array (self, COPIED_SIZE, COPIED_SIZE, &size) &&
           s_take_key (self, &record->key) &&
           s_take_ballot (self, 1, &record->proposal.ballot) &&
           s_take_behind_ballot (self, record, true) &&
           record->proposal.seq > 0 && record->version > 0;
}

//  Strictly ascending by key.
static bool
s_take_copy_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    zseq_msg_kv_copy_t *copy = &msg->kv_copy;
    zseq_kv_record_t *records = self->storage->records;
    copy->records = records;
    if (!zseq_codec_take_uint (self, 0, UINT64_MAX, &copy->process) ||
        !zseq_codec_take_uint (self, 0, UINT64_MAX, &copy->keys) ||
        !zseq_codec_take_array (self, 0, ZSEQ_PAGE_MAX, &copy->record_count))
        return false;
    for (size_t index = 0; index < copy->record_count; index++)
        if (!s_take_copied (self, &records[index]) ||
            (index > 0 &&
             !s_is_above (records[index].key, records[index - 1].key)))
            return false;
    //  A page that says that more follow says after what.
    return zseq_codec_take_bool (self, &copy->more) &&
           (copy->record_count > 0 || !copy->more);
}

const zseq_codec_op_t zseq_codec_op_kv_copy = {
  .put_request = s_put_copy_request,
  .take_request = s_take_copy_request,
  .request_size = 6,
  .put_reply = s_put_copy_reply,
  .take_reply = s_take_copy_reply,
  .reply_size = 4,
};

//  KV_PROMISES.

static void
s_put_promises_request (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_recovery (packer, msg);
    zseq_codec_put_bool (packer, msg->kv_promises.recovery.forced);
}

static bool
s_take_promises_request (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    zseq_msg_recovery_t *recovery = &msg->kv_promises.recovery;
    return zseq_codec_take_recovery (self, &msg->node, recovery) &&
           zseq_codec_take_bool (self, &recovery->forced);
}

//  What the node has heard of the members' journals.
static void
s_put_heard (msgpack_packer *packer, const zseq_msg_t *msg)
{
    msgpack_pack_array (packer, 3u * msg->vector.n);
    for (uint8_t node = 0; node < msg->vector.n; node++) {
        const zseq_journal_end_t *end = &msg->kv_promises.heard[node];
        msgpack_pack_uint64 (packer, end->incarnation.counter);
        msgpack_pack_uint64 (packer, end->incarnation.random);
        msgpack_pack_uint64 (packer, end->position);
    }
}

static bool
s_take_heard (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    size_t size;
    if (!zseq_codec_take_array (self, 3, 3 * ZSEQ_NODES_MAX, &size) ||
        size != 3u * msg->vector.n)
        return false;
    for (uint8_t node = 0; node < msg->vector.n; node++) {
        zseq_journal_end_t *end = &msg->kv_promises.heard[node];
        if (!zseq_codec_take_uint (self, 0, UINT64_MAX,
                                   &end->incarnation.counter) ||
            !zseq_codec_take_uint (self, 0, UINT64_MAX,
                                   &end->incarnation.random) ||
            !zseq_codec_take_uint (self, 0, UINT64_MAX, &end->position))
            return false;
    }
    return true;
}

static void
s_put_promises_reply (msgpack_packer *packer, const zseq_msg_t *msg)
{
    zseq_codec_put_uint (packer, msg->kv_promises.process, 0, UINT64_MAX);
    msgpack_pack_array (packer, 2 * ZSEQ_SHARDS);
    for (size_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        s_put_ballot (packer, &msg->kv_promises.promises[shard], 0);
    s_put_heard (packer, msg);
}

static bool
s_take_promises_reply (zseq_codec_cursor_t *self, zseq_msg_t *msg)
{
    size_t size;
    msg->kv_promises.promises = self->storage->promises;
    if (!zseq_codec_take_uint (self, 0, UINT64_MAX,
                               &msg->kv_promises.process) ||
        !zseq_codec_take_array (self, 2 * ZSEQ_SHARDS, 2 * ZSEQ_SHARDS, &size))
        return false;
    for (size_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        if (!s_take_ballot (self, 0, &self->storage->promises[shard]))
            return false;
    return s_take_heard (self, msg);
}

const zseq_codec_op_t zseq_codec_op_kv_promises = {
  .put_request = s_put_promises_request,
  .take_request = s_take_promises_request,
  .request_size = 4,
  .put_reply = s_put_promises_reply,
  .take_reply = s_take_promises_reply,
  .reply_size = 3,
};
