//  zseq-crash-kills
//
//  SIGKILL to one node, or to all at once, at any time under load, often while
//  the first claims of many new names are under way. The nodes come back by
//  themselves.

#include "zseq_crash.h"

#include <stdio.h>

#define S_ROUNDS 80
#define S_NAMES 1600
#define S_NEW_NAMES 20

int
main (void)
{
    zseq_crash_options_t options = {
      .processes = 4, .threads = 3, .names = S_NAMES, .names_open = 8};
    zseq_crash_t *crash = zseq_crash_new (&options);
    zseq_crash_restart (crash);
    zseq_crash_load (crash);
    zseq_crash_progress (crash);
    uint64_t kills = 0;
    uint64_t at_once = 0;
    bool good = true;
    while (good && !zseq_crash_over (crash, S_ROUNDS)) {
        zseq_crash_let_run (crash, 1u << zseq_crash_below (crash, 9));
        uint32_t open = zseq_crash_names_open (crash);
        if (zseq_crash_below (crash, 2) == 0 && open + S_NEW_NAMES <= S_NAMES) {
            zseq_crash_open_names (crash, open + S_NEW_NAMES);
            zseq_crash_let_run (crash, 16);
        }
        size_t node = zseq_crash_below (crash, 2 * ZSEQ_CRASH_NODES);
        if (node < ZSEQ_CRASH_NODES) {
            zseq_crash_kill (crash, node);
            kills++;
            zseq_crash_let_run (crash, 1u << zseq_crash_below (crash, 6));
        }
        else {
            zseq_crash_kill_all (crash);
            kills += ZSEQ_CRASH_NODES;
            at_once++;
        }
        zseq_crash_restart (crash);
        zseq_crash_progress (crash);
        good = zseq_crash_turn_over (crash);
    }
    if (good)
        good = zseq_crash_judge (crash);
    printf ("%lu kills, %lu times all at once\n", kills, at_once);
    zseq_crash_report (crash);
    if (good)
        zseq_crash_destroy (&crash);
    return good ? 0 : 1;
}
