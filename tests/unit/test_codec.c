//  Tests the codec with random messages, with every format of a number, and
//  with messages that no implementation may write.
//
//  The first tests decode messages made byte by byte. The second part makes
//  random valid messages (s_maker_t) and checks that the decoder and msgpack-c
//  both read back what the encoder wrote (test_codec_notation.h). Bounds are in
//  test_codec_bounds.c, the examples of wire.md and damaged messages in
//  test_codec_document.c.

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "test_codec_notation.h"
#include "test_random.h"
#include "zseq_seq.h"

#define UINT_MAX_TEXT "18446744073709551615"

static void
s_check_width (uint8_t tag, size_t width, uint64_t value, uint64_t expected)
{
    test_bytes_t bytes = {0};
    const uint8_t head[] = {0x94, 1, 1};
    test_append (&bytes, head, sizeof head);
    test_append (&bytes, &tag, 1);
    for (size_t index = width; index > 0; index--) {
        uint8_t byte = (uint8_t) (value >> (8 * (index - 1)));
        test_append (&bytes, &byte, 1);
    }
    test_append (&bytes, "", 1);
    test_decoded_t decoded;
    test_decode (&decoded, false, bytes.data, bytes.size);
    cr_expect (decoded.msg.request == expected, "%02x %" PRIx64, tag, value);
    cr_expect ((decoded.rc == ZSEQ_OK) == (expected != 0));
    test_decoded_term (&decoded);
    test_free (&bytes);
}

Test (codec, accepts_every_format_of_a_number_that_is_not_negative)
{
    for (unsigned bits = 0; bits < 64; bits++)
        for (int low = -1; low <= 1; low++) {
            uint64_t value = ((uint64_t) 1 << bits) + (uint64_t) low;
            for (unsigned power = 0; power < 4; power++) {
                size_t width = (size_t) 1 << power;
                if (width < 8 && value >> (8 * width))
                    continue;
                bool negative = value >> (8 * width - 1);
                s_check_width ((uint8_t) (0xcc + power), width, value, value);
                s_check_width ((uint8_t) (0xd0 + power), width, value,
                               negative ? 0 : value);
            }
        }
    for (unsigned tag = 0; tag < 0x80; tag++)
        s_check_width ((uint8_t) tag, 0, 0, tag);
    for (unsigned tag = 0xe0; tag < 0x100; tag++)
        s_check_width ((uint8_t) tag, 0, 0, 0);
}

//  A valid reply up to its single extra element.
static const uint8_t s_reply_head[] = {0x99, 1, 4, 7, 9, 0, 0, 0x92, 1, 2, 1};

static int
s_decode_padded (uint8_t filler, size_t size, uint8_t last)
{
    uint8_t *bytes = malloc (size);
    memset (bytes, filler, size);
    memcpy (bytes, s_reply_head, sizeof s_reply_head);
    bytes[size - 1] = last;
    test_decoded_t decoded;
    test_decode (&decoded, true, bytes, size);
    free (bytes);
    test_decoded_term (&decoded);
    return decoded.rc;
}

Test (codec, nesting_costs_nothing)
{
    cr_expect (s_decode_padded (0x91, ZSEQ_MESSAGE_MAX, 0xc0) == ZSEQ_OK);
    cr_expect (s_decode_padded (0x91, ZSEQ_MESSAGE_MAX, 0x91) ==
               ZSEQ_EPROTOCOL);
    cr_expect (s_decode_padded (0x81, ZSEQ_MESSAGE_MAX, 0xc0) ==
               ZSEQ_EPROTOCOL);
}

Test (codec, refuses_a_message_longer_than_the_longest)
{
    cr_expect (s_decode_padded (0x91, ZSEQ_MESSAGE_MAX, 0xc0) == ZSEQ_OK);
    cr_expect (s_decode_padded (0x91, ZSEQ_MESSAGE_MAX + 1, 0xc0) ==
               ZSEQ_EPROTOCOL);
}

Test (codec, echoes_no_request_of_a_message_longer_than_the_longest)
{
    uint8_t bytes[ZSEQ_MESSAGE_MAX + 1] = {0x94, 1, 1, 7, 9};
    test_decoded_t decoded;
    test_decode (&decoded, false, bytes, ZSEQ_MESSAGE_MAX);
    cr_expect (decoded.rc == ZSEQ_EPROTOCOL);
    cr_expect (decoded.msg.request == 7);
    test_decoded_term (&decoded);
    test_decode (&decoded, false, bytes, ZSEQ_MESSAGE_MAX + 1);
    cr_expect (decoded.rc == ZSEQ_EPROTOCOL);
    cr_expect (decoded.msg.request == 0);
    test_decoded_term (&decoded);
}

Test (codec, says_what_a_refusal_has_to_echo)
{
    static const char *notations[] = {
      "[2, 77, 123456789012, 9]",
      "[1, 77, 123456789012, 9]",
      "[1, 77, 123456789012, 9, xc1]",
      "[" UINT_MAX_TEXT ", 77, 123456789012, 9, 1, 2, 3]",
    };
    for (size_t index = 0; index < sizeof notations / sizeof *notations;
         index++) {
        test_bytes_t bytes = {0};
        test_pack (&bytes, notations[index]);
        test_decoded_t decoded;
        test_decode (&decoded, false, bytes.data, bytes.size);
        cr_expect (decoded.rc == ZSEQ_EPROTOCOL);
        cr_expect ((int) decoded.msg.op == 77);
        cr_expect (decoded.msg.request == 123456789012);
        cr_expect (decoded.msg.cluster == 9);
        test_free (&bytes);

        //  The refusal can be encoded, and the client can decode it.
        zseq_msg_t refusal = decoded.msg;
        refusal.reply = true;
        refusal.status = ZSEQ_EPROTOCOL;
        refusal.node = 0;
        refusal.vector.n = 1;
        refusal.vector.incarnation[0] = (zseq_incarnation_t){1, 2};
        test_decoded_term (&decoded);
        uint8_t again[64];
        size_t size = zseq_codec_encode (&refusal, again, sizeof again);
        test_decode (&decoded, true, again, size);
        cr_expect (decoded.rc == ZSEQ_OK);
        cr_expect (decoded.msg.status == ZSEQ_EPROTOCOL);
        cr_expect ((int) decoded.msg.op == 77);
        test_decoded_term (&decoded);
    }
}

Test (codec, leaves_no_field_unset)
{
    test_bytes_t bytes = {0};
    test_pack (&bytes, "[1, 3, 7, 9, 12, 0, [1, 2]]");
    test_decoded_t decoded;
    test_decode (&decoded, true, bytes.data, bytes.size);
    const zseq_msg_t *msg = &decoded.msg;
    cr_expect (decoded.rc == ZSEQ_OK);
    cr_expect (msg->status == ZSEQ_ENOTVOTING);
    cr_expect (msg->name.size == 0 && !msg->congested && !msg->extended);
    cr_expect (msg->claim.first == 0 && msg->claim.count == 0 &&
               msg->claim.next == 0);
    test_decoded_term (&decoded);

    test_pack (&bytes, "[1, 8, 7, 9, 0, 0, [1, 2], 3, 4]");
    test_decode (&decoded, true, bytes.data, bytes.size);
    cr_expect (decoded.rc == ZSEQ_OK && !msg->extended);
    cr_expect (msg->introduce.members.member_count == 0 &&
               msg->introduce.members.cluster_name.size == 0);
    cr_expect (msg->introduce.seen == 0 && msg->introduce.floor == 0 &&
               msg->introduce.floor_reserved == 0);
    test_decoded_term (&decoded);

    test_pack (&bytes, "[1, 1, 7, 9, 0, 0, [1, 2], \"c\", "
                       "[[\"a\", \"e\"]], 3]");
    test_decode (&decoded, true, bytes.data, bytes.size);
    cr_expect (decoded.rc == ZSEQ_OK);
    cr_expect (msg->hello.speaks == 1 && !msg->hello.holds_vote);
    test_decoded_term (&decoded);

    test_pack (&bytes, "[1, 9, 7, 9, 0, 3, 4]");
    test_decode (&decoded, false, bytes.data, bytes.size);
    cr_expect (decoded.rc == ZSEQ_OK && !msg->fence.recovery.forced);
    test_decoded_term (&decoded);

    test_pack (&bytes, "[1, 1, 7, 9]");
    test_decode (&decoded, false, bytes.data, bytes.size);
    cr_expect (msg->status == ZSEQ_OK && msg->node == 0 && msg->vector.n == 0);
    test_decoded_term (&decoded);
    test_free (&bytes);
}

//  The elements of an encoded message.
static size_t
s_elements (const zseq_msg_t *msg)
{
    uint8_t bytes[64];
    cr_assert_gt (zseq_codec_encode (msg, bytes, sizeof bytes), 0);
    cr_assert_eq (bytes[0] & 0xf0, 0x90);
    return bytes[0] & 0x0f;
}

Test (codec, only_claims_and_writes_have_a_body_when_refused)
{
    const size_t head = 7;
    const zseq_msg_claim_t claim = {.first = 1, .count = 1, .next = 1};
    zseq_msg_t msg = {.reply = true, .request = 1, .vector = {.n = 1}};
    for (size_t index = 0; index < test_op_count; index++)
        for (int status = 1; status <= 255; status++) {
            zseq_op_t op = test_ops[index];
            size_t body = 0;
            msg.op = op;
            msg.status = -status;
            memset (&msg.claim, 0, sizeof msg.claim);
            memset (&msg.kv_write, 0, sizeof msg.kv_write);
            if (op == ZSEQ_OP_CLAIM && (status == 3 || status == 4)) {
                msg.claim = claim;
                body = 6;
            }
            if (op == ZSEQ_OP_KV_WRITE &&
                (status == 28 || status == 29 || status == 31))
                body = 2;
            if (op == ZSEQ_OP_KV_SETTLE && status == 28)
                body = 3;
            //  A busy coordinator says when to ask again.
            if (op == ZSEQ_OP_NEXT && status == 14)
                body = 1;
            cr_expect_eq (s_elements (&msg), head + body);
        }
}

Test (codec, reads_no_reply_to_a_message_that_has_none)
{
    uint64_t request;
    cr_expect_eq (
      test_decode_notation (true, "[1, 24, 7, 9, 0, 0, [1, 2]]", &request),
      ZSEQ_EPROTOCOL);
    cr_expect_eq (
      test_decode_notation (true, "[1, 24, 7, 9, 16, 0, [1, 2]]", &request),
      ZSEQ_OK);
}

//  Random messages.

typedef struct {
    uint64_t random;
    char text[ZSEQ_PAGE_MAX * ZSEQ_NAME_MAX + 8192];
    size_t used;
    zseq_item_t items[ZSEQ_PAGE_MAX];
    zseq_msg_member_t members[ZSEQ_NODES_MAX];
    zseq_slice_t keys[ZSEQ_PAGE_MAX];
    zseq_kv_record_t records[ZSEQ_PAGE_MAX];
    zseq_kv_answer_t answers[ZSEQ_PAGE_MAX];
    zseq_kv_chosen_t chosen[ZSEQ_PAGE_MAX];
    zseq_ballot_t promises[ZSEQ_SHARDS];
} s_maker_t;

//  Draws a number of random magnitude, so that small ones come as often as
//  large ones.
static uint64_t
s_make_uint (s_maker_t *self, uint64_t value_min, uint64_t value_max)
{
    uint64_t value =
      test_random (&self->random) >> test_random_below (&self->random, 64);
    if (test_random_below (&self->random, 8) == 0)
        return test_random_below (&self->random, 2) ? value_min : value_max;
    if (value < value_min || value > value_max)
        value = value_max - value_min == UINT64_MAX
                  ? value
                  : value_min + value % (value_max - value_min + 1);
    return value;
}

static zseq_slice_t
s_make_bytes (s_maker_t *self, size_t size_min, size_t size_max)
{
    size_t size = (size_t) s_make_uint (self, size_min, size_max);
    char *data = self->text + self->used;
    cr_assert (self->used + size <= sizeof self->text);
    self->used += size;
    for (size_t index = 0; index < size; index++)
        data[index] = (char) (1 + test_random_below (&self->random, 255));
    return (zseq_slice_t){data, size};
}

static zseq_slice_t
s_make_label (s_maker_t *self)
{
    static const char letters[] = "abcXYZ019-_.";
    zseq_slice_t slice = s_make_bytes (self, 1, ZSEQ_LABEL_MAX);
    char *data = self->text + (slice.data - self->text);
    for (size_t index = 0; index < slice.size; index++)
        data[index] =
          letters[test_random_below (&self->random, index ? 12 : 9)];
    return slice;
}

static int
s_compare_slices (zseq_slice_t a, zseq_slice_t b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = memcmp (a.data, b.data, shared);
    if (order == 0)
        order = (a.size > b.size) - (a.size < b.size);
    return order;
}

static int
s_compare_items (const void *a, const void *b)
{
    return s_compare_slices (((const zseq_item_t *) a)->name,
                             ((const zseq_item_t *) b)->name);
}

static int
s_compare_members (const void *a, const void *b)
{
    return s_compare_slices (((const zseq_msg_member_t *) a)->name,
                             ((const zseq_msg_member_t *) b)->name);
}

static zseq_msg_page_t
s_make_page (s_maker_t *self)
{
    size_t made = (size_t) test_random_below (&self->random, 20);
    for (size_t index = 0; index < made; index++) {
        self->items[index].name = s_make_bytes (self, 1, ZSEQ_NAME_MAX);
        self->items[index].next = s_make_uint (self, 1, ZSEQ_NEXT_MAX);
    }
    qsort (self->items, made, sizeof *self->items, s_compare_items);
    size_t kept = 0;
    for (size_t index = 0; index < made; index++)
        if (kept == 0 ||
            s_compare_items (&self->items[kept - 1], &self->items[index]) < 0)
            self->items[kept++] = self->items[index];
    return (zseq_msg_page_t){.items = self->items,
                             .item_count = kept,
                             .more = kept > 0 &&
                                     test_random_below (&self->random, 2)};
}

static zseq_msg_members_t
s_make_members (s_maker_t *self, size_t count)
{
    zseq_slice_t cluster_name = s_make_label (self);
    //  The index in front makes the labels differ.
    for (size_t index = 0; index < count; index++) {
        zseq_slice_t label = s_make_label (self);
        self->text[label.data - self->text] = (char) ('0' + index);
        self->members[index].name = label;
        self->members[index].endpoint =
          s_make_bytes (self, 1, ZSEQ_ENDPOINT_MAX);
    }
    qsort (self->members, count, sizeof *self->members, s_compare_members);
    return (zseq_msg_members_t){.cluster_name = cluster_name,
                                .member = self->members,
                                .member_count = count};
}

static zseq_state_t
s_make_state (s_maker_t *self)
{
    return (zseq_state_t) (1 + test_random_below (&self->random, 6));
}

static zseq_msg_recovery_t
s_make_recovery (s_maker_t *self)
{
    return (zseq_msg_recovery_t){
      .incarnation = {.counter = s_make_uint (self, 1, UINT64_MAX),
                      .random = s_make_uint (self, 0, UINT64_MAX)},
      .forced = test_random_below (&self->random, 2)};
}

//  Sets the fields of ops on sequences.
static void
s_make_sequence_fields (s_maker_t *self, zseq_msg_t *msg)
{
    uint64_t first = s_make_uint (self, 1, ZSEQ_ID_MAX);
    uint64_t count = s_make_uint (self, 1, ZSEQ_COUNT_MAX);
    uint64_t next = s_make_uint (self, 1, ZSEQ_NEXT_MAX);
    if (msg->op == ZSEQ_OP_READ)
        msg->read = (zseq_msg_read_t){
          .next = next, .none_waits = test_random_below (&self->random, 2)};
    else if (msg->op == ZSEQ_OP_CLAIM)
        msg->claim = (zseq_msg_claim_t){
          .first = first,
          .count = count,
          .next = next,
          .last_count = s_make_uint (self, 0, ZSEQ_COUNT_MAX)};
    else if (msg->op == ZSEQ_OP_RAISE)
        msg->raise = (zseq_msg_raise_t){
          .to = s_make_uint (self, 1, ZSEQ_NEXT_MAX), .next = next};
    else if (msg->op == ZSEQ_OP_NEXT)
        msg->next =
          (zseq_msg_next_t){.count = count,
                            .count_min = s_make_uint (self, 1, count),
                            .timeout_us = s_make_uint (self, 1, UINT64_MAX),
                            .first = first,
                            .served = s_make_uint (self, 1, UINT64_MAX),
                            .retry_us = s_make_uint (self, 0, UINT64_MAX)};
    else if (msg->op == ZSEQ_OP_LIST)
        msg->list =
          (zseq_msg_list_t){.prefix = s_make_bytes (self, 0, ZSEQ_NAME_MAX),
                            .after = s_make_bytes (self, 0, ZSEQ_NAME_MAX),
                            .count = s_make_uint (self, 1, UINT64_MAX),
                            .page = s_make_page (self)};
    else if (msg->op == ZSEQ_OP_INFO)
        msg->info =
          (zseq_msg_info_t){.next = next,
                            .rate = s_make_uint (self, 0, UINT64_MAX),
                            .since_us = s_make_uint (self, 0, UINT64_MAX),
                            .claimant = s_make_bytes (self, 0, ZSEQ_LABEL_MAX)};
}

//  Sets the fields of the other ops.
static void
s_make_node_fields (s_maker_t *self, zseq_msg_t *msg)
{
    if (msg->op == ZSEQ_OP_HELLO)
        msg->hello = (zseq_msg_hello_t){
          .label = s_make_bytes (self, 0, ZSEQ_LABEL_MAX),
          .members = s_make_members (self, msg->vector.n),
          .state = s_make_state (self),
          .speaks = s_make_uint (self, 1, UINT64_MAX),
          .holds_vote = test_random_below (&self->random, 2)};
    else if (msg->op == ZSEQ_OP_STATUS)
        msg->node_status =
          (zseq_msg_status_t){.state = s_make_state (self),
                              .reason = s_make_bytes (self, 0, ZSEQ_REASON_MAX),
                              .sequences = s_make_uint (self, 0, UINT64_MAX),
                              .claims = s_make_uint (self, 0, UINT64_MAX),
                              .conflicts = s_make_uint (self, 0, UINT64_MAX),
                              .burnt = s_make_uint (self, 0, UINT64_MAX)};
    else if (msg->op == ZSEQ_OP_INTRODUCE) {
        msg->introduce = (zseq_msg_introduce_t){
          .members = s_make_members (self, msg->vector.n),
          .state = s_make_state (self),
          .process = s_make_uint (self, 0, UINT64_MAX),
          .seen = s_make_uint (self, 0, UINT64_MAX),
          .floor = s_make_uint (self, 1, ZSEQ_NEXT_MAX),
          .floor_reserved = s_make_uint (self, 1, ZSEQ_NEXT_MAX),
          .speaks = test_random_below (&self->random, 2)
                      ? s_make_uint (self, 3, UINT64_MAX)
                      : 0};
        if (msg->reply && test_random_below (&self->random, 2))
            msg->introduce.members.member_count = 0;
    }
    else if (msg->op == ZSEQ_OP_FENCE)
        msg->fence = (zseq_msg_fence_t){
          .recovery = s_make_recovery (self),
          .floor = s_make_uint (self, 1, ZSEQ_NEXT_MAX),
          .floor_reserved = s_make_uint (self, 1, ZSEQ_NEXT_MAX),
          .sequences = s_make_uint (self, 0, UINT64_MAX)};
    else if (msg->op == ZSEQ_OP_COPY)
        msg->copy =
          (zseq_msg_copy_t){.recovery = s_make_recovery (self),
                            .after = s_make_bytes (self, 0, ZSEQ_NAME_MAX),
                            .page = s_make_page (self)};
}

//  The key-value store. Its keys and values may hold any byte; these are short,
//  as bounds are tested elsewhere.

static zseq_slice_t
s_make_blob (s_maker_t *self, size_t size_min, size_t size_max)
{
    zseq_slice_t slice = s_make_bytes (self, size_min, size_max);
    if (slice.size)
        self->text[slice.data - self->text] = 0;
    return slice;
}

static zseq_ballot_t
s_make_ballot (s_maker_t *self, uint32_t round_min)
{
    return (zseq_ballot_t){
      .round = (uint32_t) s_make_uint (self, round_min, ZSEQ_ROUND_MAX),
      .proposer = s_make_uint (self, 0, UINT64_MAX)};
}

static void
s_make_record (s_maker_t *self, zseq_kv_record_t *record, bool shown)
{
    zseq_kv_record_init (record, s_make_blob (self, 1, 40), 0);
    record->proposal =
      (zseq_proposal_t){s_make_ballot (self, shown ? 0 : 1),
                        s_make_uint (self, shown ? 0 : 1, UINT64_MAX)};
    record->tombstone = test_random_below (&self->random, 4) == 0;
    record->copied = shown && test_random_below (&self->random, 2);
    record->version = s_make_uint (self, shown ? 0 : 1, ZSEQ_KV_VERSION_MAX);
    record->from = s_make_uint (self, 0, ZSEQ_KV_VERSION_MAX);
    record->value = s_make_blob (self, 0, record->tombstone ? 0 : 100);
    uint64_t version = 0;
    size_t count = (size_t) s_make_uint (self, 0, ZSEQ_DEDUP_MAX);
    for (size_t index = 0; index < count; index++) {
        version = s_make_uint (self, version + 1,
                               ZSEQ_KV_VERSION_MAX - ZSEQ_DEDUP_MAX + index);
        record->dedup[index].version = version;
        record->dedup[index].op = s_make_uint (self, 1, UINT64_MAX);
    }
    record->dedup_count = (uint8_t) count;
}

static void
s_make_answers (s_maker_t *self, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        self->answers[index] =
          (zseq_kv_answer_t){.status = test_random_below (&self->random, 2)
                                         ? -(int) s_make_uint (self, 0, 255)
                                         : ZSEQ_OK,
                             .promise = s_make_ballot (self, 0)};
        s_make_record (self, &self->records[index], true);
    }
}

static void
s_make_accept (s_maker_t *self, zseq_msg_kv_accept_t *accept, size_t count)
{
    zseq_ballot_t ballot = s_make_ballot (self, 1);
    for (size_t index = 0; index < count; index++) {
        s_make_record (self, &self->records[index], false);
        self->records[index].proposal.ballot = ballot;
    }
    *accept = (zseq_msg_kv_accept_t){.records = self->records,
                                     .record_count = count,
                                     .answers = self->answers,
                                     .answer_count = count};
}

static void
s_make_write (s_maker_t *self, zseq_msg_kv_write_t *write)
{
    bool del = test_random_below (&self->random, 2);
    *write = (zseq_msg_kv_write_t){
      .op = {.type = del ? ZSEQ_KV_DEL : ZSEQ_KV_PUT,
             .op = s_make_uint (self, 1, UINT64_MAX),
             .since = s_make_uint (self, 0, ZSEQ_KV_VERSION_MAX),
             .conditional = test_random_below (&self->random, 2),
             .expected = s_make_uint (self, 0, ZSEQ_KV_VERSION_MAX),
             .value = s_make_blob (self, 0, del ? 0 : 1000)},
      .timeout_us = s_make_uint (self, 1, UINT64_MAX),
      .relayed = test_random_below (&self->random, 2),
      .version = s_make_uint (self, 0, ZSEQ_KV_VERSION_MAX),
      .floor = s_make_uint (self, 0, ZSEQ_KV_VERSION_MAX),
      .value = s_make_blob (self, 0, 1000)};
}

static void
s_make_chosen (s_maker_t *self, zseq_msg_kv_chosen_t *chosen, size_t count)
{
    for (size_t index = 0; index < count; index++)
        self->chosen[index] = (zseq_kv_chosen_t){
          s_make_blob (self, 1, 40),
          {s_make_ballot (self, 1), s_make_uint (self, 1, UINT64_MAX)}};
    *chosen = (zseq_msg_kv_chosen_t){self->chosen, count};
}

static void
s_make_list (s_maker_t *self, zseq_msg_kv_list_t *list, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        zseq_kv_record_t *record = &self->records[index];
        s_make_record (self, record, false);
        record->copied = test_random_below (&self->random, 2);
        //  Ascending: each key begins with its place.
        char *key = self->text + self->used;
        key[0] = (char) index;
        memcpy (key + 1, record->key.data, record->key.size);
        record->key = (zseq_slice_t){key, record->key.size + 1};
        self->used += record->key.size;
    }
    *list =
      (zseq_msg_kv_list_t){.prefix = s_make_blob (self, 0, ZSEQ_KEY_MAX),
                           .after = s_make_blob (self, 0, ZSEQ_KEY_MAX),
                           .count = s_make_uint (self, 1, UINT64_MAX),
                           .values = test_random_below (&self->random, 2),
                           .records = self->records,
                           .record_count = count,
                           .through = s_make_blob (self, 0, ZSEQ_KEY_MAX)};
}

static void
s_make_copy (s_maker_t *self, zseq_msg_kv_copy_t *copy, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        zseq_kv_record_t *record = &self->records[index];
        s_make_record (self, record, false);
        record->copied = test_random_below (&self->random, 2);
        //  Ascending.
        char *key = (char *) record->key.data;
        key[0] = (char) index;
    }
    *copy = (zseq_msg_kv_copy_t){.recovery = s_make_recovery (self),
                                 .shard = (uint8_t) s_make_uint (self, 0, 63),
                                 .after = s_make_blob (self, 0, 40),
                                 .process = s_make_uint (self, 0, UINT64_MAX),
                                 .keys = s_make_uint (self, 0, UINT64_MAX),
                                 .records = self->records,
                                 .record_count = count,
                                 .more = count &&
                                         test_random_below (&self->random, 2)};
}

static zseq_journal_end_t
s_make_end (s_maker_t *self)
{
    return (zseq_journal_end_t){
      {s_make_uint (self, 1, UINT64_MAX), s_make_uint (self, 0, UINT64_MAX)},
      s_make_uint (self, 0, UINT64_MAX)};
}

static void
s_make_promises (s_maker_t *self, zseq_msg_kv_promises_t *promises, uint8_t n)
{
    for (size_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        self->promises[shard] = s_make_ballot (self, 0);
    *promises =
      (zseq_msg_kv_promises_t){.recovery = s_make_recovery (self),
                               .process = s_make_uint (self, 0, UINT64_MAX),
                               .promises = self->promises};
    for (uint8_t node = 0; node < n; node++)
        promises->heard[node] = s_make_end (self);
}

static void
s_make_kv_fields (s_maker_t *self, zseq_msg_t *msg)
{
    size_t count = 1 + (size_t) test_random_below (&self->random, 20);
    uint64_t shards = s_make_uint (self, 1, UINT64_MAX);
    bool promise = msg->op == ZSEQ_OP_KV_PROMISE;
    if (promise)
        count = (size_t) __builtin_popcountll (shards);
    for (size_t index = 0; index < count; index++)
        self->keys[index] = s_make_blob (self, 1, 40);
    s_make_answers (self, msg->reply ? count : 0);
    msg->end = s_make_end (self);
    if (msg->op == ZSEQ_OP_KV_READ)
        msg->kv_read = (zseq_msg_kv_read_t){
          .keys = self->keys,
          .key_count = count,
          .stale = test_random_below (&self->random, 2),
          .least = s_make_uint (self, 0, ZSEQ_KV_VERSION_MAX),
          .answers = self->answers,
          .records = self->records,
          .answer_count = count};
    else if (promise)
        msg->kv_promise =
          (zseq_msg_kv_promise_t){.ballot = s_make_ballot (self, 1),
                                  .shards = shards,
                                  .answers = self->answers,
                                  .answer_count = count};
    else if (msg->op == ZSEQ_OP_KV_FETCH)
        msg->kv_fetch = (zseq_msg_kv_fetch_t){.ballot = s_make_ballot (self, 1),
                                              .keys = self->keys,
                                              .key_count = count,
                                              .answers = self->answers,
                                              .records = self->records,
                                              .answer_count = count};
    else if (msg->op == ZSEQ_OP_KV_ACCEPT)
        s_make_accept (self, &msg->kv_accept, count);
    else if (msg->op == ZSEQ_OP_KV_CHOSEN)
        s_make_chosen (self, &msg->kv_chosen, count);
    else if (msg->op == ZSEQ_OP_KV_LIST)
        s_make_list (self, &msg->kv_list, count - 1);
    else if (msg->op == ZSEQ_OP_KV_WATCH)
        msg->kv_watch = (zseq_msg_kv_watch_t){
          .above = s_make_uint (self, 0, ZSEQ_KV_VERSION_MAX),
          .timeout_us = s_make_uint (self, 1, UINT64_MAX),
          .version = s_make_uint (self, 0, ZSEQ_KV_VERSION_MAX)};
    else if (msg->op == ZSEQ_OP_KV_COPY)
        s_make_copy (self, &msg->kv_copy, count - 1);
    else if (msg->op == ZSEQ_OP_KV_PROMISES)
        s_make_promises (self, &msg->kv_promises, msg->vector.n);
    else if (msg->op == ZSEQ_OP_KV_WRITE || msg->op == ZSEQ_OP_KV_SETTLE)
        s_make_write (self, &msg->kv_write);
}

static void
s_make_msg (s_maker_t *self, zseq_msg_t *msg)
{
    self->used = 0;
    memset (msg, 0, sizeof *msg);
    msg->op = test_ops[test_random_below (&self->random, test_op_count)];
    msg->reply = test_random_below (&self->random, 2);
    msg->request = s_make_uint (self, 1, UINT64_MAX);
    msg->cluster = s_make_uint (self, 0, UINT64_MAX);
    if (msg->reply && test_random_below (&self->random, 2))
        msg->status = -(int) s_make_uint (self, 0, 255);
    if (msg->op == ZSEQ_OP_KV_CHOSEN && msg->status == ZSEQ_OK)
        msg->reply = false;
    msg->vector.n =
      (uint8_t) (1 + test_random_below (&self->random, ZSEQ_NODES_MAX));
    msg->node = (uint8_t) test_random_below (&self->random, msg->vector.n);
    for (uint8_t node = 0; node < msg->vector.n; node++) {
        msg->vector.incarnation[node].counter =
          s_make_uint (self, 0, UINT64_MAX);
        msg->vector.incarnation[node].random =
          s_make_uint (self, 0, UINT64_MAX);
        msg->vector.start[node].counter = s_make_uint (self, 0, UINT64_MAX);
        msg->vector.start[node].random = s_make_uint (self, 0, UINT64_MAX);
    }
    bool fences = msg->op == ZSEQ_OP_FENCE || msg->op == ZSEQ_OP_COPY;
    msg->version = fences && test_random_below (&self->random, 2) ? 2 : 1;
    msg->name = s_make_bytes (self, 1, ZSEQ_NAME_MAX);
    msg->congested = test_random_below (&self->random, 2);
    msg->contended = test_random_below (&self->random, 2);
    msg->extended = test_random_below (&self->random, 2);
    s_make_sequence_fields (self, msg);
    s_make_node_fields (self, msg);
    s_make_kv_fields (self, msg);
}

Test (codec, reads_what_it_wrote_and_so_does_msgpack)
{
    const uint64_t seed = 2;
    static s_maker_t maker;
    maker.random = seed;
    cr_log_info ("seed %" PRIu64, seed);
    for (int round = 0; round < 20000; round++) {
        zseq_msg_t msg;
        s_make_msg (&maker, &msg);
        static uint8_t bytes[ZSEQ_MESSAGE_MAX];
        size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
        test_bytes_t written = {0};
        test_print_msg (&written, &msg);

        test_decoded_t decoded;
        test_decode (&decoded, msg.reply, bytes, size);
        test_bytes_t read = {0};
        if (decoded.rc == ZSEQ_OK)
            test_print_msg (&read, &decoded.msg);
        cr_assert_str_eq (test_text (&read), test_text (&written), "round %d",
                          round);

        test_bytes_t unpacked = {0};
        cr_assert (test_msgpack_reads (bytes, size, &unpacked));
        cr_assert_str_eq (test_text (&unpacked), test_text (&written),
                          "round %d", round);
        test_decoded_term (&decoded);
        test_free (&written);
        test_free (&read);
        test_free (&unpacked);
    }
}

//  A node never makes a page of the longest names that exceeds a message. If it
//  did, the codec reports that the page does not fit.
static void
s_check_page (zseq_op_t op)
{
    static char names[ZSEQ_PAGE_MAX][ZSEQ_NAME_MAX];
    static zseq_item_t items[ZSEQ_PAGE_MAX];
    for (size_t index = 0; index < ZSEQ_PAGE_MAX; index++) {
        memset (names[index], 'x', ZSEQ_NAME_MAX);
        names[index][0] = (char) ('a' + index / 26);
        names[index][1] = (char) ('a' + index % 26);
        items[index].name = (zseq_slice_t){names[index], ZSEQ_NAME_MAX};
        items[index].next = ZSEQ_NEXT_MAX;
    }
    zseq_msg_t msg = {.op = op, .reply = true, .request = 7, .vector.n = 1};
    zseq_msg_page_t *page =
      op == ZSEQ_OP_COPY ? &msg.copy.page : &msg.list.page;
    page->items = items;
    page->item_count = ZSEQ_PAGE_MAX;
    static uint8_t bytes[ZSEQ_MESSAGE_MAX];
    cr_expect (zseq_codec_encode (&msg, bytes, sizeof bytes) == 0);
    page->item_count = 240;
    size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
    cr_expect (size > 0);
    test_decoded_t decoded;
    test_decode (&decoded, true, bytes, size);
    cr_expect (decoded.rc == ZSEQ_OK);
    cr_expect (zseq_msg_page (&decoded.msg)->item_count == 240);
    test_decoded_term (&decoded);
}

Test (codec, says_that_a_page_does_not_fit)
{
    s_check_page (ZSEQ_OP_LIST);
    s_check_page (ZSEQ_OP_COPY);
}

static zseq_msg_t
s_claim (void)
{
    return (zseq_msg_t){.op = ZSEQ_OP_CLAIM,
                        .request = 7,
                        .name = {"x", 1},
                        .claim = {.first = 1, .count = 1}};
}

Test (codec, asserts_that_it_writes_no_request_0, .signal = SIGABRT)
{
    uint8_t bytes[64];
    zseq_msg_t msg = s_claim ();
    msg.request = 0;
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}

Test (codec, asserts_that_it_writes_no_claim_of_nothing, .signal = SIGABRT)
{
    uint8_t bytes[64];
    zseq_msg_t msg = s_claim ();
    msg.claim.count = 0;
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}

Test (codec, asserts_that_it_writes_no_unknown_request, .signal = SIGABRT)
{
    uint8_t bytes[64];
    zseq_msg_t msg = s_claim ();
    msg.op = (zseq_op_t) 5;
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}

Test (codec, asserts_that_it_writes_no_fence_of_no_incarnation,
      .signal = SIGABRT)
{
    uint8_t bytes[64];
    const zseq_msg_t msg = {.op = ZSEQ_OP_FENCE, .request = 7};
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}

//  A record of a key of its own, and as large as a record can be.
Test (codec, writes_the_largest_record_of_a_recovery)
{
    static char key[ZSEQ_KEY_MAX];
    static char value[ZSEQ_VALUE_MAX];
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, (zseq_slice_t){key, sizeof key}, 0);
    record.proposal =
      (zseq_proposal_t){{ZSEQ_ROUND_MAX, UINT64_MAX}, UINT64_MAX};
    record.copied = true;
    record.version = record.from = ZSEQ_KV_VERSION_MAX;
    record.value = (zseq_slice_t){value, sizeof value};
    record.dedup_count = ZSEQ_DEDUP_MAX;
    for (uint64_t index = 0; index < ZSEQ_DEDUP_MAX; index++)
        record.dedup[index] = (zseq_dedup_t){.op = UINT64_MAX,
                                             .version = ZSEQ_KV_VERSION_MAX -
                                                        ZSEQ_DEDUP_MAX + index};
    zseq_msg_t msg = {.op = ZSEQ_OP_KV_COPY,
                      .reply = true,
                      .request = UINT64_MAX,
                      .cluster = UINT64_MAX,
                      .vector = {.n = ZSEQ_NODES_MAX},
                      .kv_copy = {.process = UINT64_MAX,
                                  .keys = UINT64_MAX,
                                  .records = &record,
                                  .record_count = 1,
                                  .more = true}};
    static uint8_t bytes[ZSEQ_MESSAGE_MAX];
    cr_assert_gt (zseq_codec_encode (&msg, bytes, sizeof bytes),
                  (size_t) ZSEQ_VALUE_MAX);
}

Test (codec, asserts_that_it_writes_no_copy_of_no_incarnation,
      .signal = SIGABRT)
{
    uint8_t bytes[64];
    const zseq_msg_t msg = {.op = ZSEQ_OP_COPY, .request = 7};
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}

Test (codec, asserts_that_it_writes_no_floor_of_0, .signal = SIGABRT)
{
    uint8_t bytes[64];
    const zseq_msg_t msg = {.op = ZSEQ_OP_FENCE,
                            .reply = true,
                            .request = 7,
                            .vector.n = 1,
                            .fence = {.floor_reserved = 1}};
    zseq_codec_encode (&msg, bytes, sizeof bytes);
}
