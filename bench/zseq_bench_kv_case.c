//  The cases are few lists multiplied with each other: a name says all.

#include "zseq_bench_kv_case.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define SIZE 24
#define MANY ZSEQ_BENCH_KV_KEYS
#define CASE(text, what, count, lines, key_count)                              \
    {                                                                          \
        .name = text, .op = ZSEQ_BENCH_KV_##what, .clients = count,            \
        .connections = lines, .keys = key_count, .size = SIZE                  \
    }

static const zseq_bench_kv_case_t s_plain[] = {
  CASE ("put-1", PUT, 1, 1, MANY),
  CASE ("put-32", PUT, 32, 32, MANY),
  CASE ("put-32-shared", PUT, 32, 1, MANY),
  CASE ("put-32-own-key", PUT, 32, 32, 0),
  CASE ("put-32-one-key", PUT, 32, 32, 1),
  CASE ("get-1", GET, 1, 1, MANY),
  CASE ("get-32", GET, 32, 32, MANY),
  CASE ("get-32-shared", GET, 32, 1, MANY),
  CASE ("get-32-one-key", GET, 32, 32, 1),
  CASE ("stale-1", STALE, 1, 1, MANY),
  CASE ("stale-32", STALE, 32, 32, MANY),
  CASE ("cas-1", CAS, 1, 1, 1),
  CASE ("cas-32-one-key", CAS, 32, 32, 1),
  CASE ("cas-32-shared", CAS, 32, 1, 1),
};

#define PLAIN (sizeof s_plain / sizeof s_plain[0])

//  Sizes and requests: of each operation, with one client and with 32.
static const zseq_bench_kv_op_t s_ops[] = {ZSEQ_BENCH_KV_PUT, ZSEQ_BENCH_KV_GET,
                                           ZSEQ_BENCH_KV_STALE};
static const size_t s_clients[] = {1, 32};
static const size_t s_sizes[] = {256, 1024, 4096, 16384};
static const uint64_t s_requests[] = {1000, 10000, 100000};

#define SIZES (2 * 2 * 4)
#define REQUESTS (3 * 2 * 3)
#define KILLS (2 * 2)

size_t
zseq_bench_kv_case_count (void)
{
    return PLAIN + SIZES + REQUESTS + KILLS;
}

const char *
zseq_bench_kv_op_name (zseq_bench_kv_op_t op)
{
    static const char *const name[] = {"put", "get", "stale", "cas"};
    assert (op < sizeof name / sizeof name[0]);
    return name[op];
}

static zseq_bench_kv_case_t
s_case (zseq_bench_kv_op_t op, size_t clients)
{
    return (zseq_bench_kv_case_t){
      .op = op,
      .clients = clients,
      .connections = clients,
      .keys = MANY,
      .size = SIZE,
    };
}

//  Names it PREFIX-OPERATION-CLIENTS, and what follows.
static void
s_name (zseq_bench_kv_case_t *self, const char *prefix, uint64_t number)
{
    int size = snprintf (self->name, sizeof self->name, "%s-%s-%zu", prefix,
                         zseq_bench_kv_op_name (self->op), self->clients);
    assert (size > 0 && (size_t) size < sizeof self->name);
    if (number > 0)
        snprintf (self->name + size, sizeof self->name - (size_t) size, "-%llu",
                  (unsigned long long) number);
}

zseq_bench_kv_case_t
zseq_bench_kv_case_at (size_t index)
{
    assert (index < zseq_bench_kv_case_count ());
    if (index < PLAIN)
        return s_plain[index];
    index -= PLAIN;
    zseq_bench_kv_case_t self;
    if (index < SIZES) {
        self = s_case (s_ops[index / 8], s_clients[index / 4 % 2]);
        self.size = s_sizes[index % 4];
        s_name (&self, "size", self.size);
        return self;
    }
    index -= SIZES;
    if (index < REQUESTS) {
        self = s_case (s_ops[index / 6], s_clients[index / 3 % 2]);
        self.requests = s_requests[index % 3];
        s_name (&self, "requests", self.requests);
        return self;
    }
    index -= REQUESTS;
    self = s_case (s_ops[index / 2], s_clients[index % 2]);
    self.kill = true;
    s_name (&self, "kill", 0);
    return self;
}

bool
zseq_bench_kv_case_chosen (const zseq_bench_kv_case_t *self,
                           const char *pattern)
{
    assert (self);
    const char *meant = self->kill           ? "kill"
                        : self->requests > 0 ? "requests"
                                             : "";
    if (!pattern)
        return *meant == '\0';
    return strncmp (pattern, meant, strlen (meant)) == 0 &&
           fnmatch (pattern, self->name, 0) == 0;
}
