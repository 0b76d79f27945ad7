//  zseq-check [--gapless] FILE...: judges a history and prints the figures.
//  Exit status: 0 when it keeps the promises, 1 when not, 2 when a file
//  cannot be read.

#include "zseq_history.h"

#include <stdio.h>
#include <string.h>

int
main (int argc, char **argv)
{
    int file = 1;
    bool gapless = argc > 1 && strcmp (argv[1], "--gapless") == 0;
    if (gapless)
        file++;
    if (file >= argc) {
        fprintf (stderr, "usage: zseq-check [--gapless] FILE...\n");
        return 2;
    }
    zseq_history_t *history = zseq_history_new ();
    int rc = 0;
    for (; file < argc && rc == 0; file++)
        rc = zseq_history_read (history, argv[file]);
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
