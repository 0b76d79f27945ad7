//  What the codec's files share:
//
//      zseq_codec_cursor.c    walks the bytes of a frame
//      zseq_codec_value.c     writes (put) and reads (take) values, with bounds
//      zseq_codec_sequence.c  bodies of READ CLAIM RAISE NEXT LIST INFO
//      zseq_codec_peer.c      bodies of INTRODUCE FENCE COPY
//      zseq_codec_status.c    bodies of HELLO STATUS
//      zseq_codec_kv.c        bodies of the key-value store's ops
//      zseq_codec.c           the frame around a body; finds the op
//
//  To add an op, write its functions and its zseq_codec_op_t, put and take side
//  by side, and add a case to zseq_codec.c.

#ifndef ZSEQ_CODEC_PRIVATE_H_INCLUDED
#define ZSEQ_CODEC_PRIVATE_H_INCLUDED

#include <msgpack.h>

#include "zseq_codec.h"

//  msgpack-c's unpacker allocates as many elements as an array's header
//  declares, before they arrive and even if they never do. So a cursor walks
//  the frame instead: it does not allocate, does not recurse, and takes no more
//  than the bytes that are there.
typedef struct {
    const uint8_t *at;
    size_t left;
    zseq_codec_t *storage;  //  For lists
} zseq_codec_cursor_t;

typedef enum {
    ZSEQ_TOKEN_OTHER,  //  Used by no message
    ZSEQ_TOKEN_NEVER,  //  Not MessagePack
    ZSEQ_TOKEN_BOOL,
    ZSEQ_TOKEN_UINT,
    ZSEQ_TOKEN_INT,
    ZSEQ_TOKEN_BYTES,
    ZSEQ_TOKEN_ARRAY,
    ZSEQ_TOKEN_MAP,
    ZSEQ_TOKEN_EXT,
} zseq_codec_token_type_t;

typedef struct {
    zseq_codec_token_type_t type;
    uint64_t value;       //  Number, size in bytes, or count of elements
    const uint8_t *data;  //  The bytes of ZSEQ_TOKEN_BYTES
} zseq_codec_token_t;

//  Reads the next token: only the header of an array or a map, all of anything
//  else. False: the bytes end, or are not MessagePack.
bool zseq_codec_cursor_take (zseq_codec_cursor_t *self,
                             zseq_codec_token_t *token);

//  Skips count values, however deeply nested.
bool zseq_codec_cursor_skip (zseq_codec_cursor_t *self, uint64_t count);

//  Values. A put asserts the bounds that its take checks. A take returns
//  whether the next value has that type and is within the bounds.

void zseq_codec_put_uint (msgpack_packer *packer, uint64_t value,
                          uint64_t value_min, uint64_t value_max);
bool zseq_codec_take_uint (zseq_codec_cursor_t *self, uint64_t value_min,
                           uint64_t value_max, uint64_t *value_p);

void zseq_codec_put_bool (msgpack_packer *packer, bool value);
bool zseq_codec_take_bool (zseq_codec_cursor_t *self, bool *value_p);

//  An array's header; msgpack_pack_array writes it.
bool zseq_codec_take_array (zseq_codec_cursor_t *self, size_t size_min,
                            size_t size_max, size_t *size_p);

//  Bytes without NUL. A name is written as a bin, a text as a str; both are
//  read from either.
void zseq_codec_put_name (msgpack_packer *packer, zseq_slice_t name,
                          size_t size_min);
void zseq_codec_put_text (msgpack_packer *packer, zseq_slice_t text,
                          size_t size_min, size_t size_max);
bool zseq_codec_take_bytes (zseq_codec_cursor_t *self, size_t size_min,
                            size_t size_max, zseq_slice_t *slice_p);

//  Bytes of any kind, as keys and values are; written as a bin.
void zseq_codec_put_blob (msgpack_packer *packer, zseq_slice_t blob,
                          size_t size_min, size_t size_max);
bool zseq_codec_take_blob (zseq_codec_cursor_t *self, size_t size_min,
                           size_t size_max, zseq_slice_t *slice_p);

void zseq_codec_put_state (msgpack_packer *packer, zseq_state_t state);
bool zseq_codec_take_state (zseq_codec_cursor_t *self, zseq_state_t *state_p);

//  A node's number, below ZSEQ_NODES_MAX; zseq_codec_put_uint writes it.
bool zseq_codec_take_node (zseq_codec_cursor_t *self, uint8_t *node_p);

//  The incarnations of a vector. Its starts are not among them and are read as
//  0.
void zseq_codec_put_vector (msgpack_packer *packer,
                            const zseq_vector_t *vector);
bool zseq_codec_take_vector (zseq_codec_cursor_t *self, zseq_vector_t *vector);

//  A cluster's name and members: of HELLO, with their endpoints, or of
//  INTRODUCE.
void zseq_codec_put_cluster (msgpack_packer *packer,
                             const zseq_msg_members_t *members, bool endpoints);
bool zseq_codec_take_cluster (zseq_codec_cursor_t *self,
                              zseq_msg_members_t *members, bool endpoints);

//  The body of a LIST or COPY reply: items, and whether more follow.
void zseq_codec_put_page (msgpack_packer *packer, const zseq_msg_page_t *page);
bool zseq_codec_take_page (zseq_codec_cursor_t *self, zseq_msg_page_t *page);

//  The endpoints of a member list, without the names.
void zseq_codec_put_endpoints (msgpack_packer *packer,
                               const zseq_msg_members_t *members);
bool zseq_codec_take_endpoints (zseq_codec_cursor_t *self,
                                zseq_msg_members_t *members);

//  The node that recovers, and its new incarnation.
void zseq_codec_put_recovery (msgpack_packer *packer, const zseq_msg_t *msg);
bool zseq_codec_take_recovery (zseq_codec_cursor_t *self, uint8_t *node_p,
                               zseq_msg_recovery_t *recovery);

//  One element that a later version of the document adds to the body of a
//  reply.
typedef struct {
    bool (*has) (const zseq_msg_t *msg);
    void (*put) (msgpack_packer *packer, const zseq_msg_t *msg);
    bool (*take) (zseq_codec_cursor_t *self, zseq_msg_t *msg);
} zseq_codec_addition_t;

#define ZSEQ_ADDITIONS_MAX 3

//  The bodies of one op: how to put and take them, and how many elements they
//  have. Without put_request and take_request a request has no body; without
//  put_reply and take_reply there is no reply but a refusal; without the
//  functions of the extension a reply has none.
typedef struct {
    void (*put_request) (msgpack_packer *packer, const zseq_msg_t *msg);
    bool (*take_request) (zseq_codec_cursor_t *self, zseq_msg_t *msg);
    size_t request_size;
    //  One element that later versions add to a request; only nodes that are
    //  known to take it get it.
    bool (*has_request_addition) (const zseq_msg_t *msg);
    void (*put_request_addition) (msgpack_packer *packer,
                                  const zseq_msg_t *msg);
    bool (*take_request_addition) (zseq_codec_cursor_t *self, zseq_msg_t *msg);
    void (*put_reply) (msgpack_packer *packer, const zseq_msg_t *msg);
    bool (*take_reply) (zseq_codec_cursor_t *self, zseq_msg_t *msg);
    size_t reply_size;
    //  What later versions of the document add to the body of a reply.
    bool (*extended) (const zseq_msg_t *msg);  //  Whether msg has it; NULL: all
                                               //  have
    void (*put_extension) (msgpack_packer *packer, const zseq_msg_t *msg);
    bool (*take_extension) (zseq_codec_cursor_t *self, zseq_msg_t *msg);
    size_t extension_size;
    //  What still later versions add behind it, one after the other: who has
    //  one has those before it.
    zseq_codec_addition_t addition[ZSEQ_ADDITIONS_MAX];
    //  One element that later versions add to a refusal without a body.
    bool (*has_refusal) (const zseq_msg_t *msg);  //  Whether msg has it
    void (*put_refusal) (msgpack_packer *packer, const zseq_msg_t *msg);
    bool (*take_refusal) (zseq_codec_cursor_t *self, zseq_msg_t *msg);
    bool forcible;  //  May be of version 2; its request then has one
                    //  more element, which put_ and take_request handle
} zseq_codec_op_t;

extern const zseq_codec_op_t zseq_codec_op_hello;
extern const zseq_codec_op_t zseq_codec_op_read;
extern const zseq_codec_op_t zseq_codec_op_claim;
extern const zseq_codec_op_t zseq_codec_op_raise;
extern const zseq_codec_op_t zseq_codec_op_next;
extern const zseq_codec_op_t zseq_codec_op_list;
extern const zseq_codec_op_t zseq_codec_op_status;
extern const zseq_codec_op_t zseq_codec_op_introduce;
extern const zseq_codec_op_t zseq_codec_op_fence;
extern const zseq_codec_op_t zseq_codec_op_copy;
extern const zseq_codec_op_t zseq_codec_op_info;
extern const zseq_codec_op_t zseq_codec_op_kv_read;
extern const zseq_codec_op_t zseq_codec_op_kv_write;
extern const zseq_codec_op_t zseq_codec_op_kv_settle;
extern const zseq_codec_op_t zseq_codec_op_kv_list;
extern const zseq_codec_op_t zseq_codec_op_kv_watch;
extern const zseq_codec_op_t zseq_codec_op_kv_promise;
extern const zseq_codec_op_t zseq_codec_op_kv_fetch;
extern const zseq_codec_op_t zseq_codec_op_kv_accept;
extern const zseq_codec_op_t zseq_codec_op_kv_chosen;
extern const zseq_codec_op_t zseq_codec_op_kv_copy;
extern const zseq_codec_op_t zseq_codec_op_kv_promises;

#endif
