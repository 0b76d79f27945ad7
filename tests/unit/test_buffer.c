//  Tests the buffer of a handle.
//
//  Most tests drive it with one thread. They check exactly which IDs it hands
//  out and how many it burns: s_setup makes a buffer with one range, s_add adds
//  another, s_assert_take takes an ID and s_assert_dry checks that none is
//  left.
//
//  The last two tests (s_run) let many threads take IDs while another thread
//  adds ranges, raises the floor and drains. Each ID goes to at most one
//  thread, each thread sees rising IDs, and every ID that was added is handed
//  out or burnt.

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "test_random.h"
#include "zseq_buffer.h"

static zseq_buffer_t s_buffer;

//  Cuts and adds the range [first, end). Returns how many IDs that burns.
static uint64_t
s_add (uint64_t first, uint64_t end)
{
    zseq_range_t range = {first, end};
    uint64_t burnt = zseq_buffer_cut (&s_buffer, &range);
    zseq_buffer_add (&s_buffer, &range);
    return burnt;
}

//  Makes a buffer with one range and a low-water mark at half of it.
static void
s_setup (uint64_t first, uint64_t end)
{
    zseq_buffer_init (&s_buffer);
    cr_assert_eq (s_add (first, end), 0);
    cr_assert (zseq_buffer_next_range (&s_buffer, (end - first) / 2));
}

static void
s_assert_take (uint64_t expected)
{
    uint64_t id = 0;
    zseq_buffer_level_t level;
    cr_assert (zseq_buffer_take (&s_buffer, &id, &level));
    cr_assert_eq (id, expected, "%lu instead of %lu", id, expected);
}

//  Checks that the buffer is empty. Taking from an empty buffer must draw no
//  ticket: a range has only 2^32 tickets.
static void
s_assert_dry (void)
{
    uint64_t id = 77;
    zseq_buffer_level_t level;
    uint64_t ticket = s_buffer.ticket;
    cr_assert (!zseq_buffer_take (&s_buffer, &id, &level));
    cr_assert_eq (id, 77);
    cr_assert_eq (s_buffer.ticket, ticket);
    cr_assert_eq (zseq_buffer_left (&s_buffer), 0);
}

static void
s_assert_take_all (uint64_t first, uint64_t end)
{
    for (uint64_t id = first; id < end; id++)
        s_assert_take (id);
    s_assert_dry ();
}

Test (buffer, is_empty_at_first)
{
    zseq_buffer_init (&s_buffer);
    s_assert_dry ();
    cr_assert (!zseq_buffer_next_range (&s_buffer, 1));
    s_assert_dry ();
    cr_assert_eq (zseq_buffer_issued (&s_buffer), 0);
    cr_assert_eq (zseq_buffer_drain (&s_buffer), 0);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, 100, 1), 0);
}

Test (buffer, hands_out_a_range_in_order_and_no_more)
{
    s_setup (10, 15);
    for (uint64_t left = 5; left > 0; left--) {
        cr_assert_eq (zseq_buffer_left (&s_buffer), left);
        s_assert_take (15 - left);
        cr_assert_eq (zseq_buffer_issued (&s_buffer), 6 - left);
    }
    for (int again = 0; again < 100; again++)
        s_assert_dry ();
    cr_assert (!zseq_buffer_next_range (&s_buffer, 1));
    cr_assert_eq (zseq_buffer_issued (&s_buffer), 5);
}

Test (buffer, hands_out_the_highest_ids_there_are)
{
    uint64_t end = (uint64_t) 1 << 63;
    s_setup (end - 3, end);
    s_assert_take_all (end - 3, end);
}

Test (buffer, moves_on_only_when_a_range_is_used_up)
{
    s_setup (1, 3);
    cr_assert_eq (s_add (5, 6), 0);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    s_assert_take (1);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    s_assert_take_all (2, 3);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    s_assert_take_all (5, 6);
    cr_assert (!zseq_buffer_next_range (&s_buffer, 1));
}

Test (buffer, hands_out_queued_ranges_from_the_lowest_on)
{
    zseq_buffer_init (&s_buffer);
    s_add (30, 32);
    s_add (20, 21);
    s_add (40, 41);
    s_add (10, 12);
    cr_assert_eq (s_buffer.queued, ZSEQ_BUFFER_QUEUE_MAX);
    static const uint64_t ids[] = {10, 11, 20, 30, 31, 40};
    for (size_t index = 0; index < sizeof ids / sizeof ids[0]; index++) {
        cr_assert (zseq_buffer_next_range (&s_buffer, 0));
        s_assert_take (ids[index]);
    }
    cr_assert (!zseq_buffer_next_range (&s_buffer, 0));
}

Test (buffer, uses_its_slots_again_and_again)
{
    zseq_buffer_init (&s_buffer);
    for (uint64_t first = 1; first < 1000 * ZSEQ_BUFFER_SLOTS; first += 3) {
        cr_assert_eq (s_add (first, first + 3), 0);
        cr_assert (zseq_buffer_next_range (&s_buffer, 1));
        s_assert_take_all (first, first + 3);
    }
}

//  Takes all IDs. Returns how many were left when the buffer was low, or
//  UINT64_MAX if it never was.
static uint64_t
s_find_low (void)
{
    uint64_t found = UINT64_MAX;
    uint64_t id;
    zseq_buffer_level_t level;
    while (zseq_buffer_take (&s_buffer, &id, &level)) {
        if (level != ZSEQ_BUFFER_LOW)
            continue;
        cr_assert_eq (found, UINT64_MAX, "low twice");
        found = zseq_buffer_left (&s_buffer);
    }
    return found;
}

Test (buffer, is_low_at_one_id_of_each_range)
{
    zseq_buffer_init (&s_buffer);
    uint64_t first = 1;
    for (uint64_t size = 1; size < 20; size++)
        for (uint64_t low_water = 1; low_water < 25; low_water++) {
            s_add (first, first + size);
            first += size;
            cr_assert (zseq_buffer_next_range (&s_buffer, low_water));
            //  A range that is no larger than the mark is low at its first ID.
            cr_assert_eq (s_find_low (),
                          (low_water < size ? low_water : size) - 1);
        }
}

Test (buffer, is_never_low_without_a_low_water_mark)
{
    zseq_buffer_init (&s_buffer);
    s_add (1, 10);
    cr_assert (zseq_buffer_next_range (&s_buffer, 0));
    cr_assert_eq (s_find_low (), UINT64_MAX);
}

Test (buffer, is_low_again_in_what_a_raised_floor_leaves)
{
    s_setup (1, 101);
    s_assert_take (1);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, 91, 5), 89);
    cr_assert_eq (s_find_low (), 4);
}

Test (buffer, says_when_to_look_and_when_it_is_low)
{
    static const zseq_buffer_level_t expected[] = {
      ZSEQ_BUFFER_ENOUGH, ZSEQ_BUFFER_ENOUGH, ZSEQ_BUFFER_ENOUGH,
      ZSEQ_BUFFER_LOOK,   ZSEQ_BUFFER_ENOUGH, ZSEQ_BUFFER_ENOUGH,
      ZSEQ_BUFFER_ENOUGH, ZSEQ_BUFFER_LOW,    ZSEQ_BUFFER_ENOUGH,
      ZSEQ_BUFFER_ENOUGH, ZSEQ_BUFFER_ENOUGH, ZSEQ_BUFFER_LOOK};
    zseq_buffer_init (&s_buffer);
    s_buffer.mask = 3;
    s_add (1, 13);
    cr_assert (zseq_buffer_next_range (&s_buffer, 5));
    for (size_t i = 0; i < 12; i++) {
        uint64_t id;
        zseq_buffer_level_t level;
        cr_assert (zseq_buffer_take (&s_buffer, &id, &level));
        cr_assert_eq (level, expected[i]);
    }
}

//  S9: each thread sees rising IDs.
Test (buffer, cuts_what_lies_below_an_id_that_was_handed_out)
{
    s_setup (10, 12);
    s_assert_take_all (10, 12);
    cr_assert_eq (s_add (5, 12), 7);
    cr_assert (!zseq_buffer_next_range (&s_buffer, 1));
    cr_assert_eq (s_add (5, 14), 7);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    s_assert_take_all (12, 14);
}

//  S9: the rest of the current range comes first.
Test (buffer, cuts_what_lies_below_the_end_of_the_current_range)
{
    s_setup (10, 20);
    cr_assert_eq (s_add (1, 5), 4);
    cr_assert_eq (s_add (15, 25), 5);
    s_assert_take_all (10, 20);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    s_assert_take_all (20, 25);
    cr_assert (!zseq_buffer_next_range (&s_buffer, 1));
}

//  S9: IDs of a drained range were not handed out, so nothing is cut.
Test (buffer, keeps_a_range_below_one_that_was_drained)
{
    s_setup (10, 20);
    s_assert_take (10);
    cr_assert_eq (zseq_buffer_drain (&s_buffer), 9);
    cr_assert_eq (s_add (5, 15), 6);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    s_assert_take_all (11, 15);
}

//  S9.
Test (buffer, cuts_what_lies_below_ids_handed_out_beside_it)
{
    zseq_buffer_init (&s_buffer);
    zseq_buffer_note_issued (&s_buffer, 100, 7);
    cr_assert_eq (zseq_buffer_issued (&s_buffer), 7);
    cr_assert_eq (s_add (90, 110), 10);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    zseq_buffer_note_issued (&s_buffer, 50, 1);
    s_assert_take_all (100, 110);
    cr_assert_eq (zseq_buffer_issued (&s_buffer), 18);
    cr_assert_eq (s_add (109, 111), 1);
}

//  S9.
Test (buffer, raises_the_floor_of_all_ranges)
{
    s_setup (10, 20);
    s_add (20, 30);
    s_add (40, 50);
    s_add (60, 70);
    s_assert_take (10);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, 45, 1), 9 + 10 + 5);
    s_assert_take_all (45, 50);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    s_assert_take_all (60, 70);
    cr_assert_eq (zseq_buffer_issued (&s_buffer), 16);
}

Test (buffer, raises_the_floor_to_the_middle_of_the_current_range)
{
    s_setup (10, 20);
    s_add (20, 22);
    s_assert_take (10);
    s_assert_take (11);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, 15, 1), 3);
    cr_assert_eq (zseq_buffer_left (&s_buffer), 5);
    s_assert_take_all (15, 20);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    s_assert_take_all (20, 22);
}

Test (buffer, burns_nothing_above_the_raised_floor)
{
    s_setup (10, 20);
    s_assert_take (10);
    s_assert_take (11);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, 5, 1), 0);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, 10, 1), 0);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, 12, 1), 0);
    cr_assert_eq (zseq_buffer_issued (&s_buffer), 2);
    s_assert_take_all (12, 20);
}

Test (buffer, burns_everything_below_the_raised_floor)
{
    s_setup (10, 20);
    s_add (30, 40);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, 40, 1), 20);
    s_assert_dry ();
    cr_assert (!zseq_buffer_next_range (&s_buffer, 1));
    cr_assert_eq (s_add (35, 41), 5);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    s_assert_take_all (40, 41);
}

Test (buffer, cuts_a_range_on_its_way_below_the_raised_floor)
{
    zseq_buffer_init (&s_buffer);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, 15, 1), 0);
    cr_assert_eq (s_add (1, 11), 10);
    cr_assert (!zseq_buffer_next_range (&s_buffer, 1));
    cr_assert_eq (s_add (11, 21), 4);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    s_assert_take_all (15, 21);
}

Test (buffer, queues_what_a_raised_floor_leaves)
{
    s_setup (10, 20);
    for (uint64_t first = 20; s_buffer.queued < ZSEQ_BUFFER_QUEUE_MAX - 1;
         first += 10)
        s_add (first, first + 10);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, 15, 1), 5);
    cr_assert_eq (s_buffer.queued, ZSEQ_BUFFER_QUEUE_MAX - 1);
    s_assert_take_all (15, 20);
}

Test (buffer, burns_what_it_holds_when_it_is_drained)
{
    s_setup (10, 20);
    s_add (30, 40);
    s_add (50, 51);
    s_assert_take (10);
    cr_assert_eq (zseq_buffer_drain (&s_buffer), 9 + 10 + 1);
    s_assert_dry ();
    cr_assert (!zseq_buffer_next_range (&s_buffer, 1));
    cr_assert_eq (zseq_buffer_drain (&s_buffer), 0);
    cr_assert_eq (zseq_buffer_issued (&s_buffer), 1);
    //  S9: a drained buffer still knows which IDs were handed out.
    cr_assert_eq (s_add (5, 12), 6);
}

//  A range has 2^32 tickets.
Test (buffer, divides_a_range_of_more_than_2_to_the_31)
{
    const uint64_t half = (uint64_t) 1 << 31;
    zseq_buffer_init (&s_buffer);
    s_add (1, 1 + 2 * half);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    cr_assert_eq (zseq_buffer_left (&s_buffer), half);
    s_assert_take (1);
    cr_assert_eq (zseq_buffer_raise_floor (&s_buffer, half, 1), half - 2);
    s_assert_take_all (half, half + 1);
    cr_assert (zseq_buffer_next_range (&s_buffer, 1));
    cr_assert_eq (zseq_buffer_left (&s_buffer), half);
    s_assert_take (half + 1);
    cr_assert_eq (zseq_buffer_drain (&s_buffer), half - 1);
    cr_assert_eq (zseq_buffer_issued (&s_buffer), 3);
}

//  Many threads.

#define TAKERS 6
#define IDS_MAX 12000000u
#define SIZE_MAX_OF_RANGE 256
#define LOW_WATER 4

typedef struct {
    pthread_t thread;
    uint64_t taken;
    uint64_t lows;
} s_taker_t;

static pthread_mutex_t s_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint8_t *s_seen;  //  How often each ID was handed out
static atomic_bool s_over;

//  The body of a taker: takes IDs as a handle does, until the owner adds no
//  more.
static void *
s_take_on (void *arg)
{
    s_taker_t *self = arg;
    uint64_t last = 0;
    while (true) {
        bool over = s_over;
        uint64_t id = 0;
        zseq_buffer_level_t level = ZSEQ_BUFFER_ENOUGH;
        if (zseq_buffer_take (&s_buffer, &id, &level)) {
            cr_assert_gt (id, last, "%lu after %lu", id, last);
            cr_assert_lt (id, IDS_MAX);
            cr_assert_eq (atomic_fetch_add (&s_seen[id], 1), 0, "%lu twice",
                          id);
            last = id;
            self->taken++;
            self->lows += level == ZSEQ_BUFFER_LOW;
            continue;
        }
        pthread_mutex_lock (&s_lock);
        bool more = zseq_buffer_next_range (&s_buffer, LOW_WATER);
        pthread_mutex_unlock (&s_lock);
        if (!more && over)
            return NULL;
        if (!more)
            sched_yield ();
    }
}

//  What the owner did to the buffer.
typedef struct {
    uint64_t ranges;
    uint64_t added;  //  IDs in them
    uint64_t burnt;
} s_deeds_t;

//  Adds a range. If rough, sometimes adds two, in the wrong order. Returns
//  where the next range may begin.
static uint64_t
s_add_next (uint64_t first, uint64_t *seed, s_deeds_t *deeds, bool rough)
{
    uint64_t size =
      LOW_WATER + 1 + test_random_below (seed, SIZE_MAX_OF_RANGE - LOW_WATER);
    //  The range that was claimed first may arrive last.
    uint64_t gap = rough && test_random_below (seed, 8) == 0
                     ? test_random_below (seed, SIZE_MAX_OF_RANGE)
                     : 0;
    deeds->ranges++;
    deeds->added += size;
    deeds->burnt += s_add (first + gap, first + gap + size);
    if (gap) {
        deeds->ranges++;
        deeds->added += gap;
        deeds->burnt += s_add (first, first + gap);
    }
    return first + gap + size;
}

//  Sometimes drains the buffer or raises its floor.
static void
s_disturb (uint64_t first, uint64_t *seed, s_deeds_t *deeds)
{
    uint64_t what = test_random_below (seed, 64);
    if (what == 0)
        deeds->burnt += zseq_buffer_drain (&s_buffer);
    else if (what < 16) {
        //  Mostly inside the buffered ranges.
        uint64_t back = test_random_below (seed, 2 * SIZE_MAX_OF_RANGE);
        uint64_t floor = first > back ? first - back : 1;
        deeds->burnt += zseq_buffer_raise_floor (&s_buffer, floor, LOW_WATER);
    }
}

//  Runs the takers and the owner until every ID was handed out or burnt.
static s_deeds_t
s_run (s_taker_t *takers, bool rough)
{
    zseq_buffer_init (&s_buffer);
    s_seen = calloc (IDS_MAX, 1);
    cr_assert (s_seen);
    for (size_t index = 0; index < TAKERS; index++) {
        takers[index] = (s_taker_t){.taken = 0};
        cr_assert_eq (pthread_create (&takers[index].thread, NULL, s_take_on,
                                      &takers[index]),
                      0);
    }
    s_deeds_t deeds = {0};
    uint64_t seed = 7;
    uint64_t first = 1;
    while (first < IDS_MAX - 2 * SIZE_MAX_OF_RANGE) {
        pthread_mutex_lock (&s_lock);
        bool queue_is_short = s_buffer.queued < 2;
        if (queue_is_short)
            first = s_add_next (first, &seed, &deeds, rough);
        if (queue_is_short && rough)
            s_disturb (first, &seed, &deeds);
        pthread_mutex_unlock (&s_lock);
        if (!queue_is_short)
            sched_yield ();
    }
    s_over = true;
    for (size_t index = 0; index < TAKERS; index++)
        pthread_join (takers[index].thread, NULL);
    s_assert_dry ();
    free (s_seen);
    return deeds;
}

//  Checks that each added ID was handed out or burnt, except the IDs of tickets
//  whose thread was suspended for long. Returns how many those are.
static uint64_t
s_account (const s_deeds_t *deeds, uint64_t taken)
{
    uint64_t issued = zseq_buffer_issued (&s_buffer);
    cr_assert_eq (issued + deeds->burnt, deeds->added);
    cr_assert_leq (taken, issued);
    //  Few IDs may be lost.
    cr_assert_lt (issued - taken, deeds->added / 100);
    return issued - taken;
}

Test (buffer, hands_each_id_to_one_thread_only)
{
    s_taker_t takers[TAKERS];
    s_deeds_t deeds = s_run (takers, true);
    uint64_t taken = 0;
    for (size_t index = 0; index < TAKERS; index++)
        taken += takers[index].taken;
    cr_assert_gt (taken, deeds.added / 4);
    cr_assert_gt (deeds.burnt, 0);
    (void) s_account (&deeds, taken);
}

Test (buffer, is_low_for_one_thread_of_each_range)
{
    s_taker_t takers[TAKERS];
    s_deeds_t deeds = s_run (takers, false);
    uint64_t taken = 0;
    uint64_t lows = 0;
    for (size_t index = 0; index < TAKERS; index++) {
        taken += takers[index].taken;
        lows += takers[index].lows;
    }
    cr_assert_eq (deeds.burnt, 0);
    uint64_t lost = s_account (&deeds, taken);
    cr_assert_leq (lows, deeds.ranges);
    cr_assert_geq (lows + lost, deeds.ranges);
}
