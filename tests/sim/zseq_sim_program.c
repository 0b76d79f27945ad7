#include "zseq_sim_program.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WELL_US UINT64_C (60000000)
#define STEP_US 10000

static uint64_t
s_number (const char *program, const char *text)
{
    char *end;
    uint64_t value = strtoull (text, &end, 10);
    if (*end || end == text) {
        fprintf (stderr, "%s: not a number: %s\n", program, text);
        exit (2);
    }
    return value;
}

zseq_sim_options_t
zseq_sim_program_options (int argc, char **argv)
{
    static const struct option options[] = {
      {"seeds", required_argument, NULL, 'n'},
      {"seed", required_argument, NULL, 's'},
      {"trace", no_argument, NULL, 't'},
      {NULL, 0, NULL, 0}};
    zseq_sim_options_t self = {.first = 1, .count = 100};
    int option;
    while ((option = getopt_long (argc, argv, "", options, NULL)) != -1) {
        if (option == 'n')
            self.count = s_number (argv[0], optarg);
        else if (option == 's') {
            self.first = s_number (argv[0], optarg);
            self.count = 1;
        }
        else if (option == 't')
            self.trace = true;
        else
            exit (2);
    }
    return self;
}

void
zseq_sim_program_settle (zseq_sim_cluster_t *cluster, uint8_t n)
{
    assert (cluster);
    uint64_t until_us = zseq_sim_cluster_now_us (cluster) + WELL_US;
    for (uint8_t node = 0; node < n;) {
        if (zseq_sim_cluster_state (cluster, node) == ZSEQ_STATE_VOTING) {
            node++;
            continue;
        }
        if (zseq_sim_cluster_now_us (cluster) >= until_us)
            zseq_sim_cluster_broken (cluster, "node %c does not vote",
                                     'a' + node);
        zseq_sim_cluster_run (cluster,
                              zseq_sim_cluster_now_us (cluster) + STEP_US);
    }
}

bool
zseq_sim_program_covered (uint8_t node, void *arg)
{
    (void) node;
    (void) arg;
    return true;
}

void
zseq_sim_program_broken (const char *text, void *arg)
{
    assert (text);
    assert (arg);
    printf ("seed %" PRIu64 ": %s\n", *(const uint64_t *) arg, text);
    exit (1);
}
