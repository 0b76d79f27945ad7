//  Guided walks of the protocol that zseq.pml models, where exhaustion cannot
//  reach: 2 to 7 nodes, disks that are lost again and again, and old
//  incarnations that go on answering. Source: lib/doc/design.md, sections 3 to
//  7. README.md explains the model.
//
//      zseq-walks [--walks COUNT] [--seed SEED] [--jobs COUNT]
//                 [--nodes N] [--broken NAME] [--trace]
//
//  Walk k has the seed SEED + k, and --seed with --walks 1 --trace shows it.
//  The program exits with 0 if no walk hands out an ID twice or out of order,
//  else with 1 and the first seed that does.

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "walks.h"

static const char *const s_broken_name[BROKEN_MAX] = {
  [NOTHING] = "NOTHING",
  [CLAIM_UNCHECKED] = "CLAIM_UNCHECKED",
  [RECOVERY_UNCHECKED] = "RECOVERY_UNCHECKED",
  [HALF_R] = "HALF_R",
  [ONE_EPOCH] = "ONE_EPOCH",
  [ACCEPT_HIGHER] = "ACCEPT_HIGHER",
  [HALF_W] = "HALF_W",
  [VOTES_AT_ONCE] = "VOTES_AT_ONCE",
  [VOTES_EARLY] = "VOTES_EARLY",
  [VOTES_AFTER_RESTART] = "VOTES_AFTER_RESTART",
  [VOTES_UNCONFIRMED] = "VOTES_UNCONFIRMED",
  [CONFIRMED_BY_FEW] = "CONFIRMED_BY_FEW",
  [COPY_DISK] = "COPY_DISK",
  [FENCE_EARLY] = "FENCE_EARLY",
  [START_PER_PROCESS] = "START_PER_PROCESS",
  [START_UNMET] = "START_UNMET",
  [START_UNNOTED] = "START_UNNOTED",
  [STARTS_IGNORED] = "STARTS_IGNORED",
  [FIRST_START_STAYS] = "FIRST_START_STAYS",
  [NOTE_EARLY] = "NOTE_EARLY",
  [START_EARLY] = "START_EARLY",
  [NOTES_LOST] = "NOTES_LOST",
  [WAITS_FOR_NOBODY] = "WAITS_FOR_NOBODY",
  [FORMATION_BY_VOTERS] = "FORMATION_BY_VOTERS",
  [FORMATION_NOTED_BY_FEW] = "FORMATION_NOTED_BY_FEW",
  [FORMATION_UNNOTED] = "FORMATION_UNNOTED",
  [FORMATION_UNOBJECTED] = "FORMATION_UNOBJECTED",
  [FORMATION_TOGETHER] = "FORMATION_TOGETHER",
  [FLOOR_NOT_TAKEN_AT_START] = "FLOOR_NOT_TAKEN_AT_START",
  [FORCE_SKIPS_STARTING_PEERS] = "FORCE_SKIPS_STARTING_PEERS",
  [FORCE_BOUND_BY_TOO_FEW] = "FORCE_BOUND_BY_TOO_FEW",
  [FORCE_COUNTS_WHO_RECOVERS_IN_MEMORY] = "FORCE_COUNTS_WHO_RECOVERS_IN_MEMORY",
};

walks_t walk;

typedef struct {
    uint64_t walks;
    uint64_t jobs;
    uint64_t seed;
} s_options_t;

//  The number of nodes of a walk. Those in which faults were found come most
//  often.
static const uint8_t s_often[] = {2, 3, 3, 4, 4, 5, 5, 5, 6, 7};

//  Draws the size of the cluster, and sets up nodes that vote.
static void
s_setup (uint64_t seed)
{
    walk.random = seed * 0xd1342543de82ef95u;
    walk.n = walk.nodes ? walk.nodes : s_often[walks_draw (sizeof s_often)];
    walk.w =
      (uint8_t) (walk.broken == HALF_W && walk.n % 2 == 0 ? walk.n / 2
                                                          : walk.n / 2 + 1);
    walk.r =
      (uint8_t) (walk.broken == HALF_R && walk.n % 2 == 0 ? walk.n / 2
                                                          : walk.n / 2 + 1);
    //  One number for the cluster cannot show which incarnation has ended.
    walk.confirms = walk.n / 2;
    if (walk.broken == CONFIRMED_BY_FEW && walk.confirms)
        walk.confirms--;
    if (walk.broken == VOTES_UNCONFIRMED || walk.broken == ONE_EPOCH)
        walk.confirms = 0;
    walk.instance_count = walk.n;
    walk.process_count = 0;
    walk.start_count = walk.n;
    memset (walk.genuine, 1, sizeof walk.genuine);
    walk.genuine[DISPUTED] = false;
    memset (walk.noted, 0, sizeof walk.noted);
    memset (walk.counted, 0, sizeof walk.counted);
    for (uint8_t node = 0; node < walk.n; node++) {
        walks_format (&walk.instance[node], node, true);
        walk.current[node] = node;
    }
    memset (walk.newest_voter, 0, sizeof walk.newest_voter);
    walk.copied = NODES_MAX;
    walk.floor_known = false;
    walk.incarnation_count = 0;
    walk.claim_count = 0;
    walk.handed_out = 0;
    walk.top = 1;
    walk.wrong = NULL;
}

//  Takes one walk: draws its kind, then its steps.
static void
s_walk (uint64_t seed)
{
    s_setup (seed);
    if (walks_has_old_incarnations () && walk.confirms && walks_chance (8)) {
        TRACE ("seed %llu: %u nodes\n", (unsigned long long) seed, walk.n);
        walks_walk_up ();
        return;
    }
    uint64_t won = walk.sum.won;
    uint64_t recovered = walk.sum.recovered;
    uint32_t theirs = walks_some_of (walks_all_nodes (), walk.w);
    //  The sides share as few nodes as possible.
    uint32_t mine = walks_all_nodes () & ~theirs;
    mine |=
      walks_some_of (theirs, walk.w - (unsigned) __builtin_popcount (mine));
    TRACE ("seed %llu: %u nodes, sides %02x and %02x\n",
           (unsigned long long) seed, walk.n, theirs, mine);

    if (walks_has_old_incarnations () && walks_chance (8)) {
        if (walks_chance (2))
            walks_walk_restore (theirs, mine);
        else
            walks_walk_force (theirs, mine);
        return;
    }
    if (walks_has_old_incarnations () && walks_chance (3)) {
        if (walks_chance (2))
            walks_walk_starts (theirs, mine);
        else
            walks_walk_formation (theirs, mine);
        return;
    }
    walks_walk_disks (theirs, mine);
    if (walk.sum.won >= won + 2 && walk.sum.recovered > recovered)
        walk.sum.twice++;
}

//  Prints the options. Returns the exit status.
static int
s_usage (void)
{
    fprintf (stderr, "usage: zseq-walks [--walks COUNT] [--seed SEED] "
                     "[--jobs COUNT] [--nodes N] [--broken NAME] "
                     "[--trace]\nNAME:");
    for (int broken = 1; broken < BROKEN_MAX; broken++)
        fprintf (stderr, " %s", s_broken_name[broken]);
    fprintf (stderr, "\n");
    return 2;
}

//  Prints what the walks of this job have done.
static void
s_print_sum (uint64_t walks)
{
    double share = 100.0 / (double) walks;
    printf ("job: %llu disks lost, %llu restarts, %llu old copies put back, "
            "%llu recoveries; %llu copies elsewhere, %llu starts, %llu "
            "formations; %llu "
            "acceptances of old incarnations; %llu recoveries by force; %llu "
            "claims won, "
            "in %.0f %% of walks two or more and a recovery\n",
            (unsigned long long) walk.sum.lost,
            (unsigned long long) walk.sum.restarted,
            (unsigned long long) walk.sum.put_back,
            (unsigned long long) walk.sum.recovered,
            (unsigned long long) walk.sum.elsewhere,
            (unsigned long long) walk.sum.started,
            (unsigned long long) walk.sum.formed,
            (unsigned long long) walk.sum.old_votes,
            (unsigned long long) walk.sum.forced,
            (unsigned long long) walk.sum.won, share * (double) walk.sum.twice);
}

//  Takes every walk whose index is job modulo the number of jobs.
static int
s_run (const s_options_t *options, uint64_t job)
{
    for (uint64_t index = job; index < options->walks; index += options->jobs) {
        uint64_t seed = options->seed + index;
        s_walk (seed);
        if (!walk.wrong)
            continue;
        printf ("walk %llu, seed %llu, %u nodes: %s\n",
                (unsigned long long) index + 1, (unsigned long long) seed,
                walk.n, walk.wrong);
        return 1;
    }
    s_print_sum (options->walks / options->jobs + 1);
    return 0;
}

//  Takes the name of a broken protocol. Returns whether there is one.
static bool
s_take_broken (const char *value)
{
    for (int broken = 0; broken < BROKEN_MAX; broken++)
        if (!strcmp (value, s_broken_name[broken]))
            walk.broken = (walks_broken_t) broken;
    return walk.broken != NOTHING;
}

//  Takes an option with its value. Returns whether there is one.
static bool
s_take_option (s_options_t *options, const char *name, const char *value)
{
    if (!strcmp (name, "--walks"))
        options->walks = strtoull (value, NULL, 0);
    else if (!strcmp (name, "--seed"))
        options->seed = strtoull (value, NULL, 0);
    else if (!strcmp (name, "--jobs"))
        options->jobs = strtoull (value, NULL, 0);
    else if (!strcmp (name, "--nodes"))
        walk.nodes = (uint8_t) strtoul (value, NULL, 0);
    else
        return !strcmp (name, "--broken") && s_take_broken (value);
    return true;
}

//  Reads the options. Returns whether they are valid.
static bool
s_parse (int argc, char *argv[], s_options_t *options)
{
    *options = (s_options_t){.walks = 1000000, .jobs = 1, .seed = 1};
    for (int arg = 1; arg < argc; arg++) {
        const char *name = argv[arg];
        const char *value = arg + 1 < argc ? argv[arg + 1] : NULL;
        if (!strcmp (name, "--trace")) {
            walk.trace = true;
            continue;
        }
        if (!value || !s_take_option (options, name, value))
            return false;
        arg++;
    }
    return options->jobs >= 1 && options->jobs <= 64 && walk.nodes != 1 &&
           walk.nodes <= NODES_MAX;
}

int
main (int argc, char *argv[])
{
    s_options_t options;
    if (!s_parse (argc, argv, &options))
        return s_usage ();
    printf ("%llu walks from seed %llu\n", (unsigned long long) options.walks,
            (unsigned long long) options.seed);
    fflush (stdout);
    for (uint64_t job = 1; job < options.jobs; job++) {
        pid_t pid = fork ();
        if (pid < 0) {
            perror ("fork");
            return 2;
        }
        if (pid == 0)
            return s_run (&options, job);
    }
    int rc = s_run (&options, 0);
    fflush (stdout);
    int status;
    while (wait (&status) > 0)
        if (!WIFEXITED (status) || WEXITSTATUS (status) != 0)
            rc = 1;
    return rc;
}
