//  Steps of the node, and the ends of its writes.

#include "fuzz_node.h"
#include "zseq_flake.h"

void
fuzz_step (zseq_event_t *event)
{
    if (run.ended)
        return;
    event->now_us = run.now_us;
    event->wall_ms = ZSEQ_FLAKE_EPOCH_MS + run.now_us / 1000;
    fuzz_note_confirmations ();
    if (zseq_node_state (run.node) == ZSEQ_STATE_VOTING)
        run.is_forced = false;
    zseq_node_step (run.node, event);
}

void
fuzz_event (zseq_event_type_t type)
{
    zseq_event_t event = {.type = type};
    fuzz_step (&event);
}

void
fuzz_written (bool refused)
{
    if (run.write_count == 0 || run.ended)
        return;
    zseq_event_t event = fuzz_complete_write (refused);
    fuzz_step (&event);
}

void
fuzz_write_all (void)
{
    fuzz_event (ZSEQ_EVENT_FLUSH);
    while (run.write_count && !run.ended)
        fuzz_written (false);
}
