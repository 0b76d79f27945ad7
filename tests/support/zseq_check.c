//  zseq-check [--gapless] FILE...: judges a history of IDs.
//  zseq-check kv FILE...: judges a history of keys; "-" is the standard input.
//
//  Prints the figures, and the violations with the operations that contradict
//  each other. Exit status: 0 when the history keeps the promises, 1 when not,
//  2 when a file cannot be read.

#include "zseq_history.h"
#include "zseq_kv_history.h"

#include <stdio.h>
#include <string.h>

static int
s_check_kv (int count, char **path)
{
    zseq_kv_history_t *history = zseq_kv_history_new ();
    int rc = 0;
    for (int index = 0; index < count && rc == 0; index++)
        rc = zseq_kv_history_read (history, path[index]);
    if (rc != 0) {
        fprintf (stderr, "zseq-check: %s\n", zseq_kv_history_text (history));
        zseq_kv_history_destroy (&history);
        return 2;
    }
    zseq_kv_verdict_t verdict;
    bool good = zseq_kv_history_check (history, &verdict);
    printf ("operations %lu\nclients %lu\nkeys %lu\nunknown %lu\nfound %lu\n"
            "violations %lu\n%s%s\n",
            verdict.operations, verdict.clients, verdict.keys, verdict.unknown,
            verdict.found, verdict.violations, verdict.text,
            good ? "good" : "BAD");
    zseq_kv_history_destroy (&history);
    return good ? 0 : 1;
}

static int
s_check_ids (int count, char **path, bool gapless)
{
    zseq_history_t *history = zseq_history_new ();
    int rc = 0;
    for (int index = 0; index < count && rc == 0; index++)
        rc = zseq_history_read (history, path[index]);
    if (rc != 0) {
        fprintf (stderr, "zseq-check: %s\n", zseq_history_text (history));
        zseq_history_destroy (&history);
        return 2;
    }
    zseq_verdict_t verdict;
    bool good = zseq_history_check (history, gapless, &verdict);
    printf ("operations %lu\nclients %lu\nIDs %lu\nduplicates %lu\n"
            "gaps %lu\nviolations %lu\n%s%s\n",
            verdict.operations, verdict.clients, verdict.ids,
            verdict.duplicates, verdict.gaps, verdict.violations, verdict.text,
            good ? "good" : "BAD");
    zseq_history_destroy (&history);
    return good ? 0 : 1;
}

int
main (int argc, char **argv)
{
    int file = 1;
    bool kv = argc > 1 && strcmp (argv[1], "kv") == 0;
    bool gapless = argc > 1 && strcmp (argv[1], "--gapless") == 0;
    if (kv || gapless)
        file++;
    if (file >= argc) {
        fprintf (stderr, "usage: zseq-check [--gapless] FILE...\n"
                         "       zseq-check kv FILE...\n");
        return 2;
    }
    if (kv)
        return s_check_kv (argc - file, argv + file);
    return s_check_ids (argc - file, argv + file, gapless);
}
