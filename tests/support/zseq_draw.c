//  zseq-draw URI NAME HISTORY CLIENT
//
//  A client that draws IDs with calls and batches chosen at random, goes on
//  after failures, and appends what it is given to a history, until SIGTERM. It
//  is run with libraries of other versions, too. Exit status: 0 when it was
//  ended like that.

#include "zseq_load.h"
#include "zseq_history.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define S_CALL_TIMEOUT_MS 10000

static zseq_load_shared_t *s_shared;

static void
s_stop (int number)
{
    (void) number;
    atomic_store (&s_shared->stop, true);
}

int
main (int argc, char **argv)
{
    if (argc != 5) {
        fprintf (stderr, "usage: zseq-draw URI NAME HISTORY CLIENT\n");
        return 2;
    }
    s_shared = zseq_load_shared_new ();
    struct sigaction action = {.sa_handler = s_stop, .sa_flags = SA_RESTART};
    (void) sigaction (SIGTERM, &action, NULL);
    zseq_load_t load = {.uri = argv[1],
                        .name = argv[2],
                        .history = argv[3],
                        .client = (uint32_t) strtoul (argv[4], NULL, 10),
                        .seed = zseq_history_now_ns (),
                        .timeout_ms = S_CALL_TIMEOUT_MS,
                        .tolerant = true,
                        .shared = s_shared};
    int status = zseq_load_run (&load);
    zseq_load_shared_destroy (&s_shared);
    return status;
}
