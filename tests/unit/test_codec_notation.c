//  Messages as text and as bytes (see the header for the notation).
//
//  There are two printers. test_msgpack_reads prints the bytes as msgpack-c
//  reads them, and knows nothing of zseq. test_print_msg prints the fields of a
//  decoded message in the order of the wire document, and knows nothing of
//  bytes. If both texts are equal, the codec agrees with the document. Between
//  them, test_pack makes bytes of text, by msgpack-c, and test_decode makes a
//  message of bytes, by the codec.

#include "test_codec_notation.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <msgpack.h>

const zseq_op_t test_ops[] = {
  ZSEQ_OP_HELLO,     ZSEQ_OP_READ,       ZSEQ_OP_CLAIM,      ZSEQ_OP_RAISE,
  ZSEQ_OP_NEXT,      ZSEQ_OP_LIST,       ZSEQ_OP_STATUS,     ZSEQ_OP_INTRODUCE,
  ZSEQ_OP_FENCE,     ZSEQ_OP_COPY,       ZSEQ_OP_INFO,       ZSEQ_OP_KV_READ,
  ZSEQ_OP_KV_WRITE,  ZSEQ_OP_KV_SETTLE,  ZSEQ_OP_KV_PROMISE, ZSEQ_OP_KV_FETCH,
  ZSEQ_OP_KV_ACCEPT, ZSEQ_OP_KV_CHOSEN,  ZSEQ_OP_KV_LIST,    ZSEQ_OP_KV_WATCH,
  ZSEQ_OP_KV_COPY,   ZSEQ_OP_KV_PROMISES};
const size_t test_op_count = sizeof test_ops / sizeof *test_ops;

void
test_append (test_bytes_t *self, const void *data, size_t size)
{
    if (self->size + size > self->room) {
        self->room = 2 * (self->size + size);
        self->data = realloc (self->data, self->room);
        cr_assert (self->data);
    }
    if (size > 0)
        memcpy (self->data + self->size, data, size);
    self->size += size;
}

static int
s_append_packed (void *self, const char *data, size_t size)
{
    test_append (self, data, size);
    return 0;
}

void
test_print (test_bytes_t *self, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start (list, format);
    int size = vsnprintf (text, sizeof text, format, list);
    va_end (list);
    cr_assert (size >= 0 && (size_t) size < sizeof text);
    test_append (self, text, (size_t) size);
}

const char *
test_text (test_bytes_t *self)
{
    test_append (self, "", 1);
    self->size--;
    return (const char *) self->data;
}

void
test_free (test_bytes_t *self)
{
    free (self->data);
    memset (self, 0, sizeof *self);
}

//  Printing a value that msgpack-c has read.

static void
s_print_quoted (test_bytes_t *text, const char *sigil, const char *data,
                size_t size)
{
    test_print (text, "%s\"", sigil);
    for (size_t index = 0; index < size; index++) {
        uint8_t byte = (uint8_t) data[index];
        bool plain = byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
        test_print (text, plain ? "%c" : "\\x%02x", byte);
    }
    test_print (text, "\"");
}

static void
s_print_object (test_bytes_t *text, const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        test_print (text, "nil");
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        test_print (text, object->via.boolean ? "true" : "false");
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        test_print (text, "%" PRIu64, object->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        test_print (text, "%" PRId64, object->via.i64);
        break;
    case MSGPACK_OBJECT_STR:
        s_print_quoted (text, "", object->via.str.ptr, object->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        s_print_quoted (text, "b", object->via.bin.ptr, object->via.bin.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
        test_print (text, "[");
        for (uint32_t index = 0; index < object->via.array.size; index++) {
            test_print (text, index ? ", " : "");
            s_print_object (text, &object->via.array.ptr[index]);
        }
        test_print (text, "]");
        break;
    default:
        test_print (text, "?");
        break;
    }
}

bool
test_msgpack_reads (const uint8_t *bytes, size_t size, test_bytes_t *text)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    size_t offset = 0;
    bool read = msgpack_unpack_next (&unpacked, (const char *) bytes, size,
                                     &offset) == MSGPACK_UNPACK_SUCCESS &&
                offset == size;
    if (read)
        s_print_object (text, &unpacked.data);
    msgpack_unpacked_destroy (&unpacked);
    return read;
}

//  Packing.

static const char *s_pack_value (msgpack_packer *packer, const char *at);

static const char *
s_pack_array (msgpack_packer *packer, const char *at)
{
    size_t depth = 0;
    size_t count = at[1] == ']' ? 0 : 1;
    const char *scan = at;
    do {
        depth += *scan == '[';
        depth -= *scan == ']';
        count += *scan == ',' && depth == 1;
        scan++;
    } while (depth > 0);

    msgpack_pack_array (packer, count);
    at++;
    while (*at != ']') {
        at = s_pack_value (packer, at);
        while (*at == ',' || *at == ' ')
            at++;
    }
    return at + 1;
}

static const char *
s_pack_letters (msgpack_packer *packer, const char *at)
{
    char *end;
    size_t size = strtoul (at + 1, &end, 10);
    char letters[70000];
    cr_assert (size <= sizeof letters);
    memset (letters, 'x', size);
    if (*at == 'n')
        msgpack_pack_bin_with_body (packer, letters, size);
    else
        msgpack_pack_str_with_body (packer, letters, size);
    return end;
}

static const char *
s_pack_raw (msgpack_packer *packer, const char *at)
{
    for (at++; isxdigit ((unsigned char) *at); at += 2) {
        char digits[3] = {at[0], at[1], 0};
        char byte = (char) strtoul (digits, NULL, 16);
        packer->callback (packer->data, &byte, 1);
    }
    return at;
}

static const char *
s_pack_value (msgpack_packer *packer, const char *at)
{
    if (*at == '[')
        return s_pack_array (packer, at);
    if (*at == 'x')
        return s_pack_raw (packer, at);
    if (*at == '"' || (*at == 'b' && at[1] == '"')) {
        const char *data = strchr (at, '"') + 1;
        const char *end = strchr (data, '"');
        size_t size = (size_t) (end - data);
        if (*at == 'b')
            msgpack_pack_bin_with_body (packer, data, size);
        else
            msgpack_pack_str_with_body (packer, data, size);
        return end + 1;
    }
    if (!strncmp (at, "true", 4)) {
        msgpack_pack_true (packer);
        return at + 4;
    }
    if (!strncmp (at, "false", 5)) {
        msgpack_pack_false (packer);
        return at + 5;
    }
    if (!strncmp (at, "nil", 3)) {
        msgpack_pack_nil (packer);
        return at + 3;
    }
    if (*at == 'n' || *at == 's')
        return s_pack_letters (packer, at);

    char *end;
    if (*at == '-')
        msgpack_pack_int64 (packer, strtoll (at, &end, 10));
    else
        msgpack_pack_uint64 (packer, strtoull (at, &end, 10));
    cr_assert (end != at, "no value at: %s", at);
    return end;
}

void
test_pack (test_bytes_t *bytes, const char *notation)
{
    msgpack_packer packer;
    msgpack_packer_init (&packer, bytes, s_append_packed);
    bytes->size = 0;
    const char *end = s_pack_value (&packer, notation);
    cr_assert (*end == 0, "not the end: %s", end);
}

void
test_decode (test_decoded_t *self, bool reply, const uint8_t *bytes,
             size_t size)
{
    self->bytes = malloc (size);
    if (size > 0)
        memcpy (self->bytes, bytes, size);
    //  A field that the codec leaves unset must not look valid.
    memset (&self->msg, 0xa5, sizeof self->msg);
    memset (&self->codec, 0xa5, sizeof self->codec);
    self->rc = reply ? zseq_codec_decode_reply (&self->codec, self->bytes, size,
                                                &self->msg)
                     : zseq_codec_decode_request (&self->codec, self->bytes,
                                                  size, &self->msg);
    cr_assert (self->rc == ZSEQ_OK || self->rc == ZSEQ_EPROTOCOL);
    cr_assert (self->msg.reply == reply);
}

void
test_decoded_term (test_decoded_t *self)
{
    free (self->bytes);
}

int
test_decode_notation (bool reply, const char *notation, uint64_t *request_p)
{
    test_bytes_t bytes = {0};
    test_pack (&bytes, notation);
    test_decoded_t decoded;
    test_decode (&decoded, reply, bytes.data, bytes.size);
    *request_p = decoded.msg.request;
    test_decoded_term (&decoded);
    test_free (&bytes);
    return decoded.rc;
}

//  Printing a message.

static void
s_print_slice (test_bytes_t *text, const char *sigil, zseq_slice_t slice)
{
    s_print_quoted (text, sigil, slice.data, slice.size);
}

static void
s_print_vector (test_bytes_t *text, const zseq_vector_t *vector)
{
    test_print (text, "[");
    for (uint8_t node = 0; node < vector->n; node++)
        test_print (text, "%s%" PRIu64 ", %" PRIu64, node ? ", " : "",
                    vector->incarnation[node].counter,
                    vector->incarnation[node].random);
    test_print (text, "]");
}

static void
s_print_starts (test_bytes_t *text, const zseq_vector_t *vector)
{
    test_print (text, ", [");
    for (uint8_t node = 0; node < vector->n; node++)
        test_print (text, "%s%" PRIu64 ", %" PRIu64, node ? ", " : "",
                    vector->start[node].counter, vector->start[node].random);
    test_print (text, "]");
}

static void
s_print_cluster (test_bytes_t *text, const zseq_msg_members_t *members,
                 bool endpoints)
{
    s_print_slice (text, "", members->cluster_name);
    test_print (text, ", ");
    test_print (text, "[");
    for (size_t index = 0; index < members->member_count; index++) {
        test_print (text, "%s%s", index ? ", " : "", endpoints ? "[" : "");
        s_print_slice (text, "", members->member[index].name);
        if (endpoints) {
            test_print (text, ", ");
            s_print_slice (text, "", members->member[index].endpoint);
            test_print (text, "]");
        }
    }
    test_print (text, "]");
}

static void
s_print_endpoints (test_bytes_t *text, const zseq_msg_members_t *members)
{
    test_print (text, ", [");
    for (size_t index = 0; index < members->member_count; index++) {
        test_print (text, "%s", index ? ", " : "");
        s_print_slice (text, "", members->member[index].endpoint);
    }
    test_print (text, "]");
}

static void
s_print_page (test_bytes_t *text, const zseq_msg_page_t *page)
{
    test_print (text, "[");
    for (size_t index = 0; index < page->item_count; index++) {
        test_print (text, "%s[", index ? ", " : "");
        s_print_slice (text, "b", page->items[index].name);
        test_print (text, ", %" PRIu64 "]", page->items[index].next);
    }
    test_print (text, page->more ? "], true" : "], false");
}

//  The key-value store.

static void
s_print_ballot (test_bytes_t *text, const zseq_ballot_t *ballot)
{
    test_print (text, "%" PRIu32 ", %" PRIu64, ballot->round, ballot->proposer);
}

static void
s_print_keys (test_bytes_t *text, const zseq_slice_t *keys, size_t count)
{
    test_print (text, "[");
    for (size_t index = 0; index < count; index++) {
        test_print (text, index ? ", " : "");
        s_print_slice (text, "b", keys[index]);
    }
    test_print (text, "]");
}

static void
s_print_dedup (test_bytes_t *text, const zseq_kv_record_t *record)
{
    test_print (text, "[");
    for (size_t index = 0; index < record->dedup_count; index++)
        test_print (text, "%s%" PRIu64 ", %" PRIu64, index ? ", " : "",
                    record->dedup[index].op, record->dedup[index].version);
    test_print (text, "], ");
}

static void
s_print_accept (test_bytes_t *text, const zseq_msg_kv_accept_t *accept)
{
    s_print_ballot (text, &accept->records->proposal.ballot);
    test_print (text, ", [");
    for (size_t index = 0; index < accept->record_count; index++) {
        const zseq_kv_record_t *record = &accept->records[index];
        test_print (text, index ? ", [" : "[");
        s_print_slice (text, "b", record->key);
        test_print (text, ", %" PRIu64 ", %s, %" PRIu64 ", %" PRIu64 ", ",
                    record->proposal.seq, record->tombstone ? "true" : "false",
                    record->version, record->from);
        s_print_dedup (text, record);
        s_print_slice (text, "b", record->value);
        test_print (text, "]");
    }
    test_print (text, "]");
}

static void
s_print_chosen (test_bytes_t *text, const zseq_msg_kv_chosen_t *msg)
{
    test_print (text, "[");
    for (size_t index = 0; index < msg->chosen_count; index++) {
        test_print (text, index ? ", [" : "[");
        s_print_slice (text, "b", msg->chosen[index].key);
        test_print (text, ", ");
        s_print_ballot (text, &msg->chosen[index].proposal.ballot);
        test_print (text, ", %" PRIu64 "]", msg->chosen[index].proposal.seq);
    }
    test_print (text, "]");
}

static void
s_print_list (test_bytes_t *text, const zseq_msg_kv_list_t *list)
{
    s_print_slice (text, "b", list->prefix);
    test_print (text, ", ");
    s_print_slice (text, "b", list->after);
    test_print (text, ", %" PRIu64 ", %s", list->count,
                list->values ? "true" : "false");
}

static void
s_print_listed (test_bytes_t *text, const zseq_msg_kv_list_t *list)
{
    test_print (text, "[");
    for (size_t index = 0; index < list->record_count; index++) {
        const zseq_kv_record_t *record = &list->records[index];
        test_print (text, index ? ", [" : "[");
        s_print_slice (text, "b", record->key);
        test_print (text, ", ");
        s_print_ballot (text, &record->proposal.ballot);
        test_print (text, ", %" PRIu64 ", %d, %" PRIu64 ", ",
                    record->proposal.seq,
                    (record->tombstone ? 1 : 0) + (record->copied ? 2 : 0),
                    record->version);
        s_print_slice (text, "b", record->value);
        test_print (text, "]");
    }
    test_print (text, "], ");
    s_print_slice (text, "b", list->through);
}

static void
s_print_write (test_bytes_t *text, const zseq_msg_t *msg)
{
    const zseq_kv_op_t *op = &msg->kv_write.op;
    s_print_slice (text, "b", msg->name);
    if (msg->op == ZSEQ_OP_KV_WRITE) {
        test_print (text, ", %d, %" PRIu64 ", %" PRIu64 ", %s, %" PRIu64 ", ",
                    op->type, op->op, op->since,
                    op->conditional ? "true" : "false", op->expected);
        s_print_slice (text, "b", op->value);
    }
    test_print (text, ", %" PRIu64 ", %s", msg->kv_write.timeout_us,
                msg->kv_write.relayed ? "true" : "false");
}

//  Who sends a request, and what it tells.
static void
s_print_teller (test_bytes_t *text, const zseq_msg_t *msg)
{
    test_print (text, "%u, %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", ", msg->node,
                msg->end.incarnation.counter, msg->end.incarnation.random,
                msg->end.position);
}

//  Whether it was a request of the key-value store.
static bool
s_print_kv_request (test_bytes_t *text, const zseq_msg_t *msg)
{
    if (msg->op == ZSEQ_OP_KV_READ) {
        s_print_keys (text, msg->kv_read.keys, msg->kv_read.key_count);
        test_print (text, ", %s, %" PRIu64,
                    msg->kv_read.stale ? "true" : "false", msg->kv_read.least);
    }
    else if (msg->op == ZSEQ_OP_KV_WRITE || msg->op == ZSEQ_OP_KV_SETTLE)
        s_print_write (text, msg);
    else if (msg->op == ZSEQ_OP_KV_PROMISE) {
        s_print_teller (text, msg);
        s_print_ballot (text, &msg->kv_promise.ballot);
        test_print (text, ", %" PRIu64, msg->kv_promise.shards);
    }
    else if (msg->op == ZSEQ_OP_KV_FETCH) {
        s_print_teller (text, msg);
        s_print_ballot (text, &msg->kv_fetch.ballot);
        test_print (text, ", ");
        s_print_keys (text, msg->kv_fetch.keys, msg->kv_fetch.key_count);
    }
    else if (msg->op == ZSEQ_OP_KV_ACCEPT) {
        s_print_teller (text, msg);
        s_print_accept (text, &msg->kv_accept);
    }
    else if (msg->op == ZSEQ_OP_KV_CHOSEN) {
        s_print_teller (text, msg);
        s_print_chosen (text, &msg->kv_chosen);
    }
    else if (msg->op == ZSEQ_OP_KV_LIST)
        s_print_list (text, &msg->kv_list);
    else if (msg->op == ZSEQ_OP_KV_WATCH) {
        s_print_slice (text, "b", msg->name);
        test_print (text, ", %" PRIu64 ", %" PRIu64, msg->kv_watch.above,
                    msg->kv_watch.timeout_us);
    }
    else
        return false;
    return true;
}

static void
s_print_answers (test_bytes_t *text, const zseq_kv_answer_t *answers,
                 size_t count)
{
    test_print (text, "[");
    for (size_t index = 0; index < count; index++) {
        test_print (text, "%s[%d, ", index ? ", " : "", -answers[index].status);
        s_print_ballot (text, &answers[index].promise);
        test_print (text, "]");
    }
    test_print (text, "]");
}

//  A record behind its ballot. whole: with from and dedup.
static void
s_print_behind_ballot (test_bytes_t *text, const zseq_kv_record_t *record,
                       bool whole)
{
    test_print (text, ", %" PRIu64 ", %d, %" PRIu64 ", ", record->proposal.seq,
                record->tombstone + 2 * record->copied, record->version);
    if (whole) {
        test_print (text, "%" PRIu64 ", ", record->from);
        s_print_dedup (text, record);
    }
    s_print_slice (text, "b", record->value);
}

static void
s_print_copied (test_bytes_t *text, const zseq_msg_kv_copy_t *copy)
{
    test_print (text, "%" PRIu64 ", %" PRIu64 ", [", copy->process, copy->keys);
    for (size_t index = 0; index < copy->record_count; index++) {
        const zseq_kv_record_t *record = &copy->records[index];
        test_print (text, index ? ", [" : "[");
        s_print_slice (text, "b", record->key);
        test_print (text, ", ");
        s_print_ballot (text, &record->proposal.ballot);
        s_print_behind_ballot (text, record, true);
        test_print (text, "]");
    }
    test_print (text, "], %s", copy->more ? "true" : "false");
}

static void
s_print_promises (test_bytes_t *text, const zseq_msg_kv_promises_t *promises,
                  uint8_t n)
{
    test_print (text, "%" PRIu64 ", [", promises->process);
    for (size_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        test_print (text, shard ? ", " : "");
        s_print_ballot (text, &promises->promises[shard]);
    }
    test_print (text, "], [");
    for (uint8_t node = 0; node < n; node++) {
        const zseq_journal_end_t *end = &promises->heard[node];
        test_print (text, "%s%" PRIu64 ", %" PRIu64 ", %" PRIu64,
                    node ? ", " : "", end->incarnation.counter,
                    end->incarnation.random, end->position);
    }
    test_print (text, "]");
}

//  Of a READ, or of a FETCH, whose records are whole.
static void
s_print_shown (test_bytes_t *text, const zseq_kv_answer_t *answers,
               const zseq_kv_record_t *records, size_t count, bool whole)
{
    test_print (text, "[");
    for (size_t index = 0; index < count; index++) {
        const zseq_kv_record_t *record = &records[index];
        bool shown = answers[index].status == ZSEQ_OK;
        test_print (text, "%s[%d, ", index ? ", " : "", -answers[index].status);
        s_print_ballot (text, shown ? &record->proposal.ballot
                                    : &answers[index].promise);
        if (shown)
            s_print_behind_ballot (text, record, whole);
        test_print (text, "]");
    }
    test_print (text, "]");
}

static void
s_print_request_body (test_bytes_t *text, const zseq_msg_t *msg)
{
    if (msg->op == ZSEQ_OP_STATUS ||
        (msg->op == ZSEQ_OP_HELLO && !msg->hello.label.size))
        return;
    test_print (text, ", ");
    if (s_print_kv_request (text, msg))
        return;
    if (msg->op == ZSEQ_OP_HELLO) {
        s_print_slice (text, "", msg->hello.label);
        return;
    }
    if (msg->op == ZSEQ_OP_INTRODUCE) {
        test_print (text, "%u, ", msg->node);
        s_print_cluster (text, &msg->introduce.members, false);
        test_print (text, ", %d, ", msg->introduce.state);
        s_print_vector (text, &msg->vector);
        test_print (text, ", %" PRIu64, msg->introduce.process);
        return;
    }
    const zseq_msg_recovery_t *recovery = zseq_msg_recovery (msg);
    if (recovery) {
        test_print (text, "%u, %" PRIu64 ", %" PRIu64, msg->node,
                    recovery->incarnation.counter,
                    recovery->incarnation.random);
        if (msg->op == ZSEQ_OP_COPY) {
            test_print (text, ", ");
            s_print_slice (text, "b", msg->copy.after);
        }
        if (msg->version == 2 || zseq_op_is_kv (msg->op))
            test_print (text, recovery->forced ? ", true" : ", false");
        if (msg->op == ZSEQ_OP_KV_COPY) {
            test_print (text, ", %u, ", msg->kv_copy.shard);
            s_print_slice (text, "b", msg->kv_copy.after);
        }
        return;
    }
    s_print_slice (text, "b",
                   msg->op == ZSEQ_OP_LIST ? msg->list.prefix : msg->name);
    if (msg->op == ZSEQ_OP_CLAIM)
        test_print (text, ", %" PRIu64 ", %" PRIu64, msg->claim.first,
                    msg->claim.count);
    if (msg->op == ZSEQ_OP_RAISE)
        test_print (text, ", %" PRIu64, msg->raise.to);
    if (msg->op == ZSEQ_OP_NEXT)
        test_print (text, ", %" PRIu64 ", %" PRIu64 ", %" PRIu64,
                    msg->next.count, msg->next.count_min, msg->next.timeout_us);
    if (msg->op == ZSEQ_OP_LIST) {
        test_print (text, ", ");
        s_print_slice (text, "b", msg->list.after);
        test_print (text, ", %" PRIu64, msg->list.count);
    }
}

static void
s_print_counters (test_bytes_t *text, const zseq_msg_t *msg)
{
    for (size_t index = 0; index < msg->node_status.counter_count; index++) {
        const zseq_msg_counter_t *counter = &msg->node_status.counter[index];
        test_print (text, index ? ", " : ", [");
        s_print_slice (text, "", counter->name);
        test_print (text, ", %" PRIu64, counter->value);
    }
    if (msg->node_status.counter_count)
        test_print (text, "]");
}

static void
s_print_reply_body (test_bytes_t *text, const zseq_msg_t *msg)
{
    test_print (text, ", ");
    switch (msg->op) {
    case ZSEQ_OP_HELLO:
        s_print_cluster (text, &msg->hello.members, true);
        test_print (text, ", %d", msg->hello.state);
        if (msg->hello.speaks > 1)
            test_print (text, ", %" PRIu64 ", %s", msg->hello.speaks,
                        msg->hello.holds_vote ? "true" : "false");
        break;
    case ZSEQ_OP_READ:
        test_print (text, "%" PRIu64 ", %s, %s", msg->read.next,
                    msg->contended ? "true" : "false",
                    msg->read.none_waits ? "true" : "false");
        break;
    case ZSEQ_OP_RAISE:
        test_print (text, "%" PRIu64, msg->raise.next);
        break;
    case ZSEQ_OP_CLAIM:
        test_print (text,
                    "%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %s, %s, %" PRIu64,
                    msg->claim.next, msg->claim.first, msg->claim.count,
                    msg->congested ? "true" : "false",
                    msg->contended ? "true" : "false", msg->claim.last_count);
        break;
    case ZSEQ_OP_NEXT:
        test_print (text, "%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %s",
                    msg->next.first, msg->next.count, msg->next.served,
                    msg->congested ? "true" : "false");
        break;
    case ZSEQ_OP_INFO:
        test_print (text, "%" PRIu64 ", %" PRIu64 ", %" PRIu64, msg->info.next,
                    msg->info.rate, msg->info.since_us);
        if (msg->info.claimant.size) {
            test_print (text, ", ");
            s_print_slice (text, "", msg->info.claimant);
        }
        break;
    case ZSEQ_OP_LIST:
    case ZSEQ_OP_COPY:
        s_print_page (text, zseq_msg_page (msg));
        break;
    case ZSEQ_OP_STATUS:
        test_print (text, "%d, ", msg->node_status.state);
        s_print_slice (text, "", msg->node_status.reason);
        test_print (text, ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64,
                    msg->node_status.sequences, msg->node_status.claims,
                    msg->node_status.conflicts, msg->node_status.burnt);
        s_print_counters (text, msg);
        break;
    case ZSEQ_OP_INTRODUCE:
        test_print (text, "%d, %" PRIu64, msg->introduce.state,
                    msg->introduce.process);
        if (!msg->extended)
            break;
        s_print_starts (text, &msg->vector);
        test_print (text, ", %" PRIu64 ", %" PRIu64 ", %" PRIu64,
                    msg->introduce.seen, msg->introduce.floor,
                    msg->introduce.floor_reserved);
        if (msg->introduce.speaks)
            test_print (text, ", %" PRIu64, msg->introduce.speaks);
        if (msg->introduce.speaks && msg->introduce.members.member_count)
            s_print_endpoints (text, &msg->introduce.members);
        if (msg->introduce.speaks > 3 && msg->introduce.members.member_count)
            test_print (text, ", %" PRIu64, msg->introduce.heard);
        break;
    case ZSEQ_OP_FENCE:
        test_print (text, "%" PRIu64 ", %" PRIu64 ", %" PRIu64,
                    msg->fence.floor, msg->fence.floor_reserved,
                    msg->fence.sequences);
        if (msg->extended)
            s_print_starts (text, &msg->vector);
        break;
    case ZSEQ_OP_KV_READ:
        s_print_shown (text, msg->kv_read.answers, msg->kv_read.records,
                       msg->kv_read.answer_count, false);
        break;
    case ZSEQ_OP_KV_WRITE:
    case ZSEQ_OP_KV_SETTLE:
        test_print (text, "%" PRIu64 ", %" PRIu64, msg->kv_write.version,
                    msg->kv_write.floor);
        if (msg->op == ZSEQ_OP_KV_WRITE)
            break;
        test_print (text, ", ");
        s_print_slice (text, "b", msg->kv_write.value);
        break;
    case ZSEQ_OP_KV_PROMISE:
        test_print (text, "%" PRIu64 ", %" PRIu64 ", ", msg->end.position,
                    msg->kv_promise.shards);
        s_print_answers (text, msg->kv_promise.answers,
                         msg->kv_promise.answer_count);
        break;
    case ZSEQ_OP_KV_FETCH:
        test_print (text, "%" PRIu64 ", ", msg->end.position);
        s_print_shown (text, msg->kv_fetch.answers, msg->kv_fetch.records,
                       msg->kv_fetch.answer_count, true);
        break;
    case ZSEQ_OP_KV_ACCEPT:
        test_print (text, "%" PRIu64 ", ", msg->end.position);
        s_print_answers (text, msg->kv_accept.answers,
                         msg->kv_accept.answer_count);
        break;
    case ZSEQ_OP_KV_LIST:
        s_print_listed (text, &msg->kv_list);
        break;
    case ZSEQ_OP_KV_WATCH:
        test_print (text, "%" PRIu64, msg->kv_watch.version);
        break;
    case ZSEQ_OP_KV_COPY:
        s_print_copied (text, &msg->kv_copy);
        break;
    case ZSEQ_OP_KV_PROMISES:
        s_print_promises (text, &msg->kv_promises, msg->vector.n);
        break;
    case ZSEQ_OP_KV_CHOSEN:
        cr_assert_fail ("there is no reply to CHOSEN");
        break;
    }
}

bool
test_has_body (zseq_op_t op, int status)
{
    if (op == ZSEQ_OP_CLAIM)
        return status == 0 || status == ZSEQ_ECONFLICT ||
               status == ZSEQ_EEXHAUSTED;
    if (op == ZSEQ_OP_KV_WRITE)
        return status == 0 || status == ZSEQ_ENOKEY ||
               status == ZSEQ_EVERSION || status == ZSEQ_EFORGOTTEN;
    if (op == ZSEQ_OP_KV_SETTLE)
        return status == 0 || status == ZSEQ_ENOKEY;
    return status == 0;
}

void
test_print_msg (test_bytes_t *text, const zseq_msg_t *msg)
{
    test_print (text, "[%u, %d, %" PRIu64 ", %" PRIu64, msg->version, msg->op,
                msg->request, msg->cluster);
    if (!msg->reply)
        s_print_request_body (text, msg);
    else {
        test_print (text, ", %d, %u, ", -msg->status, msg->node);
        s_print_vector (text, &msg->vector);
        if (test_has_body (msg->op, msg->status))
            s_print_reply_body (text, msg);
        if (msg->op == ZSEQ_OP_NEXT && msg->status == ZSEQ_EBUSY)
            test_print (text, ", %" PRIu64, msg->next.retry_us);
    }
    test_print (text, "]");
}
