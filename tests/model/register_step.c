//  Random steps. How often which comes is drawn for each walk.

#include "register.h"

static int s_faults;      //  Of 1000 steps
static int s_new_ops;     //  Of 8
static int s_puts;        //  Of 100 operations
static int s_overwrites;  //  ... puts and deletions

void
register_draw_weights (void)
{
    static const int s_of_1000[] = {0, 40, 150, 400};
    s_faults = s_of_1000[register_draw (4)];
    s_new_ops = 1 + register_draw (8);
    s_puts = 20 + register_draw (50);
    s_overwrites = s_puts + register_draw (95 - s_puts);
}

static void
s_begin_op (void)
{
    if (register_draw (8) >= s_new_ops)
        return;
    int draw = register_draw (100);
    register_begin_op (draw < s_puts         ? PUT
                       : draw < s_overwrites ? DELETE
                                             : SETTLE);
}

//  Restarts a node, at times after its journal has lost its end.
static void
s_restart (int node)
{
    if (!walk.restarts_left)
        return;
    walk.restarts_left--;
    int lost = 0;
    if (walk.cuts_left && register_votes (node) &&
        register_down () < walk.n - walk.majority) {
        walk.cuts_left--;
        lost = 1 + register_draw (4);
    }
    register_restart (node, lost);
    if (register_chance (2))
        register_crash (node);
}

//  Lets every node that does not vote take a step towards its vote.
static void
s_go_on (int peer, int other)
{
    for (int node = 0; node < walk.n; node++)
        switch (walk.node[node].phase) {
        case ASKING:
            register_ask (node, peer);
            break;
        case STARTING:
            register_confirm (node, peer);
            break;
        case COPYING:
            if (register_chance (2))
                register_ask_fence (node, peer);
            else
                register_copy (node, other);
            break;
        case VOTING:
            break;
        }
}

static void
s_fault (void)
{
    int draw = register_draw (100);
    int node = register_draw (walk.n);
    if (draw < 7)
        register_lose (node);
    else if (draw < 13)
        s_restart (node);
    else if (draw < 18)
        register_keep_copy (node);
    else if (draw < 23)
        register_put_back (node);
    else if (draw >= 26)
        s_go_on (node, register_draw (walk.n));
    else if (walk.fence_count)
        register_late_fence (register_draw (walk.fence_count), node);
}

//  Mostly the disk is quick.
static void
s_sync (int node)
{
    if (!register_chance (3))
        register_sync (node);
}

static void
s_promise (int node)
{
    if (!walk.ballot_count)
        return;
    register_promise (register_draw_newest (walk.ballot_count), node);
    s_sync (node);
}

static void
s_accept (int node)
{
    if (!walk.accept_count)
        return;
    register_accept (register_draw_newest (walk.accept_count), node,
                     register_chance (6));
    s_sync (node);
}

static void
s_deliver_late (void)
{
    if (walk.reply_count)
        register_deliver_reply (&walk.reply[register_draw (walk.reply_count)]);
}

static void
s_stale (int node)
{
    if (walk.chosen_count && register_chance (2))
        register_learn_chosen (register_draw_newest (walk.chosen_count), node);
    else
        register_read_stale (node);
}

static void
s_drop (int node)
{
    if (walk.drop_count)
        register_drop (register_draw_newest (walk.drop_count), node);
}

void
register_propose_any (int index)
{
    if (!walk.op_count)
        return;
    int op = register_draw_newest (walk.op_count);
    if (!walk.op[op].done ||
        (walk.op[op].kind != SETTLE && register_chance (4)))
        register_propose (index, op);
}

//  A step of a coordinator. Three of them duel.
static void
s_coordinate (int draw, int index)
{
    if (draw < 30) {
        if (!walk.coordinator[index].ballot || register_chance (6))
            register_ask_promises (index);
    }
    else if (draw < 150) {
        register_fetch (index, register_draw (walk.n));
        register_fetch (index, register_draw (walk.n));
    }
    else if (draw < 250)
        register_propose_any (index);
    else if (draw < 265)
        register_give_up (index);
    else
        register_crash (index);
}

//  A message to a node, a reply, or a sync.
static void
s_deliver (int draw, int node)
{
    if (draw < 120)
        s_promise (node);
    else if (draw < 330)
        s_accept (node);
    else if (draw < 345)
        s_deliver_late ();
    else
        register_sync (node);
}

static void
s_read_or_collect (int draw, int node)
{
    if (draw < 47)
        register_read (register_draw (READERS), node);
    else if (draw < 57)
        s_stale (node);
    else if (draw < 127) {
        register_collect (node);
        register_collect (register_draw (walk.n));
    }
    else
        s_drop (node);
}

void
register_step (void)
{
    walk.now++;
    if (register_draw (1000) < s_faults) {
        s_fault ();
        return;
    }
    int draw = register_draw (870);
    int node = register_draw (walk.n);
    if (draw < 60)
        s_begin_op ();
    else if (draw < 333)
        s_coordinate (draw - 60, register_draw (3));
    else if (draw < 693)
        s_deliver (draw - 333, node);
    else
        s_read_or_collect (draw - 693, node);
}
