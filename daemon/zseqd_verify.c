//  zseqd verify: reads a directory and reports what is damaged.

#include "zseqd_verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "zseq_store_verify.h"

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
    printf ("damaged: %s\n", text);
}

//  Who the directory belongs to.
static void
s_print_owner (const zseq_store_verified_t *verified)
{
    const zseq_record_t *record = &verified->record;
    if (verified->lost) {
        printf ("node: not known, its record is not intact\n");
        if (verified->identity)
            printf ("cluster: %016" PRIx64 "\n", verified->identity);
        return;
    }
    printf ("node: %s, %s\n", record->members.member[record->self].name,
            record->voting ? "votes" : "does not vote");
    printf ("cluster: %s, ", record->cluster);
    if (verified->identity)
        printf ("%016" PRIx64 "\n", verified->identity);
    else
        printf ("not formed yet\n");
    printf ("format: %u\n", verified->format);
}

static void
s_print (const char *directory, const zseq_store_verified_t *verified,
         const s_seen_t *seen)
{
    s_print_owner (verified);
    printf ("sequences: %zu", seen->names);
    if (seen->names)
        printf ("; the furthest goes on at %" PRIu64, seen->limit_max);
    printf ("\n");
    if (verified->unfinished)
        printf ("left by a crash, put right by the next start: %zu\n",
                verified->unfinished);
    if (verified->damaged)
        printf ("%s is DAMAGED (%zu)\n", directory, verified->damaged);
    else
        printf ("%s is intact\n", directory);
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
        printf ("damaged: %s\n%s is DAMAGED\n", text, directory);
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
