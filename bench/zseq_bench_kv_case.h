//  The cases of the key-value store: operation, clients, keys, sizes.

#ifndef ZSEQ_BENCH_KV_CASE_H_INCLUDED
#define ZSEQ_BENCH_KV_CASE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZSEQ_BENCH_KV_NAME_MAX 48
#define ZSEQ_BENCH_KV_KEYS 1000  //  Of a case with many

typedef enum {
    ZSEQ_BENCH_KV_PUT,
    ZSEQ_BENCH_KV_GET,    //  Linearizable
    ZSEQ_BENCH_KV_STALE,  //  zseq_kv_stale; etcd: serializable
    ZSEQ_BENCH_KV_CAS,    //  Gets a key, and stores it if its version is the
                          //  same, until that succeeds
} zseq_bench_kv_op_t;

typedef struct {
    char name[ZSEQ_BENCH_KV_NAME_MAX];
    zseq_bench_kv_op_t op;
    size_t clients;
    size_t connections;  //  That they share evenly
    size_t keys;         //  Chosen at random; 0: each client has one of its own
    size_t size;         //  Of a value, bytes
    uint64_t requests;   //  Of all clients, who make as many each, whole
                         //  ones; 0: for so many seconds
    bool kill;           //  A node, in the middle of the window
} zseq_bench_kv_case_t;

size_t zseq_bench_kv_case_count (void);
zseq_bench_kv_case_t zseq_bench_kv_case_at (size_t index);

//  Whether the pattern, or NULL, chooses it. Cases of many requests, and of a
//  kill, only if it begins as they do.
bool zseq_bench_kv_case_chosen (const zseq_bench_kv_case_t *self,
                                const char *pattern);

//  As the option of zseq-bench-etcd.
const char *zseq_bench_kv_op_name (zseq_bench_kv_op_t op);

#endif
