//  zseqd verify: reads a directory and reports what is damaged.

#include "zseqd_verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "zseq_store_verify.h"
#include "zseqd_texts.h"

//  What reading has found.
typedef struct {
    size_t names;
    uint64_t limit_max;
} s_seen_t;

static int
s_take_name (const char *name, size_t size, uint64_t next, uint64_t limit,
             void *arg)
{
    s_seen_t *seen = arg;
    (void) name;
    (void) size;
    (void) next;
    seen->names++;
    if (limit > seen->limit_max)
        seen->limit_max = limit;
    return ZSEQ_OK;
}

static void
s_take_damage (const char *text, void *arg)
{
    (void) arg;
    printf (ZSEQ_TEXT_VERIFY_DAMAGED, text);
}

//  Who the directory belongs to.
static void
s_print_owner (const zseq_store_verified_t *verified)
{
    const zseq_record_t *record = &verified->record;
    if (verified->lost) {
        printf (ZSEQ_TEXT_VERIFY_NODE_UNKNOWN);
        if (verified->identity)
            printf ("cluster: %016" PRIx64 "\n", verified->identity);
        return;
    }
    printf ("node: %s, %s\n", record->members.member[record->self].name,
            record->voting ? "votes" : ZSEQ_TEXT_VERIFY_NO_VOTE);
    printf ("cluster: %s, ", record->cluster);
    if (verified->identity)
        printf ("%016" PRIx64 "\n", verified->identity);
    else
        printf (ZSEQ_TEXT_VERIFY_NOT_FORMED);
    printf ("format: %u\n", verified->format);
}

static void
s_print (const char *directory, const zseq_store_verified_t *verified,
         const s_seen_t *seen)
{
    s_print_owner (verified);
    printf ("sequences: %zu", seen->names);
    if (seen->names)
        printf (ZSEQ_TEXT_VERIFY_FURTHEST, seen->limit_max);
    printf ("\n");
    if (verified->unfinished)
        printf (ZSEQ_TEXT_VERIFY_TEMPORARY, verified->unfinished);
    if (verified->damaged)
        printf (ZSEQ_TEXT_VERIFY_IS_DAMAGED, directory, verified->damaged);
    else
        printf (ZSEQ_TEXT_VERIFY_IS_INTACT, directory);
}

int
zseqd_verify (const char *directory)
{
    s_seen_t seen = {0};
    zseq_store_load_callbacks_t callbacks = {
      .name = s_take_name, .damage = s_take_damage, .arg = &seen};
    zseq_store_verified_t verified;
    char text[ZSEQ_STORE_TEXT_MAX];
    int rc = zseq_store_verify (directory, &callbacks, &verified, text);
    if (rc == ZSEQ_EFOREIGN) {
        printf (ZSEQ_TEXT_VERIFY_NO_NODE, text, directory);
        return fflush (stdout) ? 1 : ZSEQD_DAMAGED;
    }
    if (rc != ZSEQ_OK) {
        (void) fflush (stdout);
        fprintf (stderr, "zseqd: %s: %s\n", zseq_strerror (rc), text);
        return rc == ZSEQ_ELOCKED ? ZSEQD_IN_USE : 1;
    }
    s_print (directory, &verified, &seen);
    if (fflush (stdout))
        return 1;
    return verified.damaged ? ZSEQD_DAMAGED : 0;
}
