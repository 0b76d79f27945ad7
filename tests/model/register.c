//  Walks of the register protocol of lib/doc/kv.md: one key in one shard, 3 to
//  5 nodes, lost disks, recoveries, restarts, journals that lose their end, old
//  copies of directories, coordinators that crash and duel, messages that are
//  late, repeated or lost. README.md explains the model.
//
//      zseq-register --run | --long
//      zseq-register [--walks COUNT] [--seed SEED] [--nodes N]
//                    [--schedule none|all|NAME] [--broken NAME] [--trace]
//                    [--count]
//
//  Walk k has the seed SEED + k, and --seed with --walks 1 --trace shows it.
//  --run and --long check the right rules, and that each broken rule is found.
//  The program exits with 0 if nothing is wrong, else with 1.

#include <stdlib.h>
#include <time.h>

#include "register.h"

#define STEPS 350
//  Walks of each kind of the right rules: for --run and for --long.
#define WALKS_OF_RUN 200000
#define WALKS_OF_LONG 5000000
//  ... of a broken rule that may be needed to find it
#define WALKS_UNTIL_FOUND 200000
//  Schedules besides those with a name.
#define SCHEDULE_NONE (-1)
#define SCHEDULE_ALL (-2)
#define NO_SCHEDULE (-3)

static const char *const s_broken_name[BROKEN_MAX] = {
  [RIGHT] = "RIGHT",
  [PROPOSAL_REUSED] = "PROPOSAL_REUSED",
  [PROMISE_EARLY] = "PROMISE_EARLY",
  [ACCEPTED_EARLY] = "ACCEPTED_EARLY",
  [ACCEPT_BELOW_PROMISE] = "ACCEPT_BELOW_PROMISE",
  [COLLECT_BY_MAJORITY] = "COLLECT_BY_MAJORITY",
  [DROP_UNDER_ANY_PROMISE] = "DROP_UNDER_ANY_PROMISE",
  [DROP_IN_SAME_ROUND] = "DROP_IN_SAME_ROUND",
  [COLLECT_COPIED] = "COLLECT_COPIED",
  [COLLECT_UNCHECKED] = "COLLECT_UNCHECKED",
  [READ_COUNTS_COPIED] = "READ_COUNTS_COPIED",
  [READ_TAKES_HIGHEST] = "READ_TAKES_HIGHEST",
  [READ_MIXES_ABSENCES] = "READ_MIXES_ABSENCES",
  [READ_UNCHECKED] = "READ_UNCHECKED",
  [FETCH_UNCHECKED] = "FETCH_UNCHECKED",
  [ACCEPT_UNCHECKED] = "ACCEPT_UNCHECKED",
  [RECOVERY_UNCHECKED] = "RECOVERY_UNCHECKED",
  [PROMISE_NOT_COPIED] = "PROMISE_NOT_COPIED",
  [PROMISE_COPIED_EARLY] = "PROMISE_COPIED_EARLY",
  [RECOVERY_KEEPS_OWN] = "RECOVERY_KEEPS_OWN",
  [OPS_NOT_REMEMBERED] = "OPS_NOT_REMEMBERED",
  [SINCE_IGNORED] = "SINCE_IGNORED",
  [OPS_KEPT] = "OPS_KEPT",
  [FROM_NOTHING] = "FROM_NOTHING",
  [DROPPED_LATER] = "DROPPED_LATER",
  [DROPPED_NOT_COPIED] = "DROPPED_NOT_COPIED",
  [DROPPED_COPIED_EARLY] = "DROPPED_COPIED_EARLY",
  [SINCE_ABOVE_BALLOT] = "SINCE_ABOVE_BALLOT",
  [VERSION_BELOW_FLOOR] = "VERSION_BELOW_FLOOR",
  [FOUND_OP_DONE] = "FOUND_OP_DONE",
  [START_UNCONFIRMED] = "START_UNCONFIRMED",
  [BASE_KEPT] = "BASE_KEPT",
  [STALE_UNCHOSEN] = "STALE_UNCHOSEN",
  [SHOWN_EARLY] = "SHOWN_EARLY",
  [COPY_DURABLE] = "COPY_DURABLE",
  [TAIL_IGNORED] = "TAIL_IGNORED",
  [POSITION_EARLY] = "POSITION_EARLY",
  [POSITION_OUTLIVES] = "POSITION_OUTLIVES",
  [TAIL_UNCOVERED] = "TAIL_UNCOVERED",
};

register_walk_t walk;

//  What to walk.
typedef struct {
    register_broken_t broken;
    int nodes;
    int schedule;
    uint64_t walks;
    uint64_t seed;
    bool counts;  //  Goes on after a walk that is wrong
} s_plan_t;

static const char *s_wrong;  //  The fault of the last walk that was wrong

const char *
register_ballot_text (int ballot)
{
    static char text[4][24];
    static int turn;
    char *self = text[turn++ % 4];
    snprintf (self, sizeof text[0], "%d.%d", register_round_of (ballot),
              ballot & ((1 << ROUND_SHIFT) - 1));
    return self;
}

const char *
register_proposal_text (int proposal)
{
    static char text[4][36];
    static int turn;
    char *self = text[turn++ % 4];
    snprintf (self, sizeof text[0], "%s.%d",
              register_ballot_text (register_ballot_of (proposal)),
              proposal & ((1 << BALLOT_SHIFT) - 1));
    return self;
}

//  Sets up a cluster whose nodes vote and hold nothing.
static void
s_setup (const s_plan_t *plan, uint64_t seed)
{
    register_sum_t sum = walk.sum;
    bool trace = walk.trace;
    memset (&walk, 0, sizeof walk);
    walk.sum = sum;
    walk.trace = trace;
    walk.broken = plan->broken;
    walk.n = plan->nodes;
    walk.majority = walk.n / 2 + 1;
    walk.random = seed * 0xd1342543de82ef95u;
    walk.value_count = 1;
    walk.value[0].deleted = true;
    walk.losses_left = register_draw (7);
    walk.restarts_left = register_draw (5);
    walk.copies_left = register_draw (3);
    walk.cuts_left = register_draw (3);
    register_draw_weights ();
    for (int node = 0; node < walk.n; node++) {
        register_form (node);
        walk.coordinator[node].proposer = ++walk.proposer_count;
    }
}

static int
s_schedule_count (void)
{
    int count = 0;
    while (register_schedule_name (count))
        count++;
    return count;
}

static void
s_walk (const s_plan_t *plan, uint64_t seed)
{
    s_setup (plan, seed);
    TRACE ("seed %llu: %d nodes", (unsigned long long) seed, walk.n);
    if (plan->schedule == SCHEDULE_ALL)
        register_follow (register_draw (s_schedule_count ()));
    else if (plan->schedule != SCHEDULE_NONE)
        register_follow (plan->schedule);
    else
        for (int left = STEPS / 2 + register_draw (STEPS);
             left > 0 && !walk.wrong; left--)
            register_step ();
}

static const char *
s_schedule_text (int schedule)
{
    return schedule == SCHEDULE_NONE  ? "random"
           : schedule == SCHEDULE_ALL ? "all schedules"
                                      : register_schedule_name (schedule);
}

static double
s_seconds (void)
{
    return (double) clock () / CLOCKS_PER_SEC;
}

//  Takes these walks. Returns how many it took until one was wrong; 0: none.
static uint64_t
s_search (const s_plan_t *plan)
{
    uint64_t first = 0;
    for (uint64_t index = 0; index < plan->walks; index++) {
        s_walk (plan, plan->seed + index);
        if (!walk.wrong)
            continue;
        walk.sum.wrong++;
        s_wrong = walk.wrong;
        if (!first)
            first = index + 1;
        if (!plan->counts)
            break;
    }
    return first;
}

//  Prints what the walks have done.
static void
s_print_sum (void)
{
    const register_sum_t *sum = &walk.sum;
    printf (
      "  %llu walks wrong, %llu writes done, %llu reads, %llu settled, %llu "
      "stale, %llu "
      "ops found again, %llu recoveries, %llu old copies, %llu drops, "
      "%llu journals cut, %llu journals found to be short\n",
      (unsigned long long) sum->wrong, (unsigned long long) sum->written,
      (unsigned long long) sum->read, (unsigned long long) sum->settled,
      (unsigned long long) sum->stale_read, (unsigned long long) sum->found,
      (unsigned long long) sum->recovered, (unsigned long long) sum->put_back,
      (unsigned long long) sum->dropped, (unsigned long long) sum->cut,
      (unsigned long long) sum->cut_found);
}

//  Takes the walks of a plan and prints what came of them. Returns whether
//  nothing was wrong.
static bool
s_follow_plan (const s_plan_t *plan)
{
    double began = s_seconds ();
    memset (&walk.sum, 0, sizeof walk.sum);
    uint64_t found = s_search (plan);
    printf ("%-22s N=%d %-20s ", s_broken_name[plan->broken], plan->nodes,
            s_schedule_text (plan->schedule));
    if (found)
        printf ("walk %llu, seed %llu, %.2f s: %s\n",
                (unsigned long long) found,
                (unsigned long long) (plan->seed + found - 1),
                s_seconds () - began, s_wrong);
    else
        printf ("%llu walks, %.2f s: nothing wrong\n",
                (unsigned long long) plan->walks, s_seconds () - began);
    fflush (stdout);
    return !found;
}

//  A broken rule, and where it is found quickly.
typedef struct {
    register_broken_t broken;
    int nodes;
    const char *schedule;
} s_case_t;

static const s_case_t s_case[] = {
  {PROPOSAL_REUSED, 3, "none"},
  {PROMISE_EARLY, 3, "forgotten-promise"},
  {ACCEPTED_EARLY, 3, "none"},
  {ACCEPT_BELOW_PROMISE, 3, "none"},
  {COLLECT_BY_MAJORITY, 3, "missed-tombstone"},
  {DROP_UNDER_ANY_PROMISE, 3, "late-accept"},
  {DROP_IN_SAME_ROUND, 3, "written-again"},
  {COLLECT_COPIED, 3, "copied-tombstone"},
  {COLLECT_UNCHECKED, 3, "lost-tombstone"},
  {READ_COUNTS_COPIED, 3, "copied-below"},
  {READ_TAKES_HIGHEST, 3, "none"},
  {READ_MIXES_ABSENCES, 3, "none"},
  {READ_UNCHECKED, 3, "lost-while-read"},
  {FETCH_UNCHECKED, 3, "lost-promise"},
  {ACCEPT_UNCHECKED, 3, "lost-acceptance"},
  {RECOVERY_UNCHECKED, 5, "forgotten-fence"},
  {PROMISE_NOT_COPIED, 3, "uncopied-promise"},
  {PROMISE_COPIED_EARLY, 3, "dropped-while-copied"},
  {RECOVERY_KEEPS_OWN, 3, "dropped-in-copy"},
  {OPS_NOT_REMEMBERED, 3, "none"},
  {SINCE_IGNORED, 3, "none"},
  {OPS_KEPT, 3, "none"},
  {FROM_NOTHING, 3, "op-collected"},
  {DROPPED_LATER, 3, "dropped-then-cut"},
  {DROPPED_NOT_COPIED, 3, "dropped-then-lost"},
  {DROPPED_COPIED_EARLY, 3, "drop-undone"},
  {SINCE_ABOVE_BALLOT, 3, "later-floor"},
  {VERSION_BELOW_FLOOR, 3, "written-again"},
  {FOUND_OP_DONE, 3, "none"},
  {START_UNCONFIRMED, 3, "early-and-old"},
  {BASE_KEPT, 3, "none"},
  {STALE_UNCHOSEN, 3, "none"},
  {SHOWN_EARLY, 3, "unsynced-read"},
  {COPY_DURABLE, 3, "unsynced-copy"},
  {TAIL_IGNORED, 3, "tail-lost"},
  {POSITION_EARLY, 3, "tail-unsynced"},
  {POSITION_OUTLIVES, 3, "tail-anew"},
  {TAIL_UNCOVERED, 3, "tail-own-vote"},
  {TAIL_UNCOVERED, 3, "tail-client-read"},
  {TAIL_UNCOVERED, 3, "tail-other-peer"},
  {TAIL_UNCOVERED, 3, "tail-peer-restarts"},
  {TAIL_UNCOVERED, 3, "tail-late-reply"},
};

//  Returns the schedule of that name, or NO_SCHEDULE.
static int
s_schedule_of (const char *name)
{
    if (!strcmp (name, "none"))
        return SCHEDULE_NONE;
    if (!strcmp (name, "all"))
        return SCHEDULE_ALL;
    for (int index = 0; register_schedule_name (index); index++)
        if (!strcmp (name, register_schedule_name (index)))
            return index;
    return NO_SCHEDULE;
}

//  Checks that the right rules hold, in so many walks of each kind.
static bool
s_check_right (uint64_t walks, uint64_t seed)
{
    s_plan_t plan = {.walks = walks, .seed = seed};
    static const char *const s_kind[] = {"none", "guided", "all"};
    bool ok = true;
    for (plan.nodes = 3; plan.nodes <= NODES_MAX; plan.nodes++)
        for (int kind = 0; kind < 3; kind++) {
            plan.schedule = s_schedule_of (s_kind[kind]);
            ok &= s_follow_plan (&plan);
            s_print_sum ();
        }
    return ok;
}

//  Checks that each broken rule is found.
static bool
s_check_broken (uint64_t seed)
{
    bool ok = true;
    int count = (int) (sizeof s_case / sizeof s_case[0]);
    for (int index = 0; index < count; index++) {
        const s_case_t *of = &s_case[index];
        s_plan_t plan = {.broken = of->broken,
                         .nodes = of->nodes,
                         .schedule = s_schedule_of (of->schedule),
                         .walks = WALKS_UNTIL_FOUND,
                         .seed = seed};
        if (s_follow_plan (&plan)) {
            printf ("... but it should be found\n");
            ok = false;
        }
    }
    return ok;
}

//  Prints the options. Returns the exit status.
static int
s_usage (void)
{
    fprintf (stderr,
             "usage: zseq-register --run | --long [--seed SEED]\n"
             "       zseq-register [--walks COUNT] [--seed SEED] [--nodes N] "
             "[--schedule none|all|NAME] [--broken NAME] [--trace] [--count]\n"
             "broken rules:");
    for (int broken = 1; broken < BROKEN_MAX; broken++)
        fprintf (stderr, " %s", s_broken_name[broken]);
    fprintf (stderr, "\nschedules:");
    for (int index = 0; register_schedule_name (index); index++)
        fprintf (stderr, " %s", register_schedule_name (index));
    fprintf (stderr, "\n");
    return 2;
}

static bool
s_take_broken (s_plan_t *plan, const char *value)
{
    for (int broken = 0; broken < BROKEN_MAX; broken++)
        if (!strcmp (value, s_broken_name[broken])) {
            plan->broken = (register_broken_t) broken;
            return true;
        }
    return false;
}

//  Takes an option with its value. Returns whether there is one.
static bool
s_take_option (s_plan_t *plan, const char *name, const char *value)
{
    if (!strcmp (name, "--walks"))
        plan->walks = strtoull (value, NULL, 0);
    else if (!strcmp (name, "--seed"))
        plan->seed = strtoull (value, NULL, 0);
    else if (!strcmp (name, "--nodes"))
        plan->nodes = (int) strtoul (value, NULL, 0);
    else if (!strcmp (name, "--schedule"))
        plan->schedule = s_schedule_of (value);
    else
        return !strcmp (name, "--broken") && s_take_broken (plan, value);
    return plan->nodes >= 3 && plan->nodes <= NODES_MAX &&
           plan->schedule != NO_SCHEDULE;
}

//  Reads the options. *walks_of_run_p stays if a plan is given. Returns whether
//  they are valid.
static bool
s_parse (int argc, char *argv[], s_plan_t *plan, uint64_t *walks_of_run_p)
{
    for (int arg = 1; arg < argc; arg++) {
        const char *name = argv[arg];
        const char *value = arg + 1 < argc ? argv[arg + 1] : NULL;
        if (!strcmp (name, "--trace"))
            walk.trace = true;
        else if (!strcmp (name, "--count"))
            plan->counts = true;
        else if (!strcmp (name, "--run"))
            *walks_of_run_p = WALKS_OF_RUN;
        else if (!strcmp (name, "--long"))
            *walks_of_run_p = WALKS_OF_LONG;
        else if (!value || !s_take_option (plan, name, value))
            return false;
        else
            arg++;
    }
    return true;
}

int
main (int argc, char *argv[])
{
    s_plan_t plan = {
      .nodes = 3, .schedule = SCHEDULE_NONE, .walks = 100000, .seed = 1};
    uint64_t walks_of_run = 0;
    if (!s_parse (argc, argv, &plan, &walks_of_run))
        return s_usage ();
    if (walks_of_run) {
        bool ok = s_check_right (walks_of_run, plan.seed);
        ok &= s_check_broken (plan.seed);
        return ok ? 0 : 1;
    }
    bool ok = s_follow_plan (&plan);
    s_print_sum ();
    return ok ? 0 : 1;
}
