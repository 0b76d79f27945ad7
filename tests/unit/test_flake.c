//  Tests flake IDs: layouts, reserved names, and the generator.
//
//  The first suites check arithmetic: the bounds of a layout, the parts of an
//  ID, the reserved names and how they are parsed, and which milliseconds a
//  node lets a client claim. The suite flake is about the generator.
//  s_generator makes one that has claimed the milliseconds [first_ms, end_ms),
//  and s_take takes an ID at a given time, so that a test decides what the
//  clock shows. A random test compares the generator with a simple model. The
//  last tests run threads against it, with a clock that also goes back.

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "test_random.h"
#include "zseq_flake.h"

//  Layouts.

static zseq_flake_layout_t
s_usual (void)
{
    zseq_flake_layout_t layout;
    zseq_flake_layout_init (&layout);
    return layout;
}

static int
s_check (unsigned time_bits, unsigned worker_bits, unsigned sequence_bits,
         uint64_t epoch_ms)
{
    zseq_flake_layout_t layout = {(uint8_t) time_bits, (uint8_t) worker_bits,
                                  (uint8_t) sequence_bits, epoch_ms};
    return zseq_flake_layout_check (&layout);
}

Test (flake_layout, is_that_of_snowflake_since_2025_unless_told_otherwise)
{
    zseq_flake_layout_t layout = s_usual ();
    cr_expect_eq (layout.time_bits, 41);
    cr_expect_eq (layout.worker_bits, 10);
    cr_expect_eq (layout.sequence_bits, 12);
    cr_expect_eq (layout.epoch_ms, 1735689600000);
    cr_expect_eq (zseq_flake_layout_check (&layout), ZSEQ_OK);
}

Test (flake_layout, has_a_bound_for_each_part_and_for_all)
{
    cr_expect_eq (s_check (1, 1, 1, 0), ZSEQ_OK);
    cr_expect_eq (s_check (0, 1, 1, 0), ZSEQ_EINVAL);
    cr_expect_eq (s_check (1, 0, 1, 0), ZSEQ_EINVAL);
    cr_expect_eq (s_check (1, 1, 0, 0), ZSEQ_EINVAL);
    cr_expect_eq (s_check (61, 1, 1, 0), ZSEQ_OK);
    cr_expect_eq (s_check (62, 1, 1, 0), ZSEQ_EINVAL);
    cr_expect_eq (s_check (255, 255, 255, 0), ZSEQ_EINVAL);
    cr_expect_eq (s_check (41, 20, 2, 0), ZSEQ_OK);
    cr_expect_eq (s_check (41, 20, 3, 0), ZSEQ_EINVAL);
    cr_expect_eq (s_check (40, 21, 2, 0), ZSEQ_EINVAL);
    cr_expect_eq (s_check (30, 1, 32, 0), ZSEQ_OK);
    cr_expect_eq (s_check (29, 1, 33, 0), ZSEQ_EINVAL);
    cr_expect_eq (s_check (41, 10, 12, 253402300799999), ZSEQ_OK);
    cr_expect_eq (s_check (41, 10, 12, 253402300800000), ZSEQ_EINVAL);
}

Test (flake_layout, counts_milliseconds_from_its_epoch)
{
    zseq_flake_layout_t layout = s_usual ();
    cr_expect_eq (zseq_flake_ms (&layout, 0), 0);
    cr_expect_eq (zseq_flake_ms (&layout, 1735689600000), 0);
    cr_expect_eq (zseq_flake_ms (&layout, 1735689600001), 1);
}

//  IDs.

Test (flake_id, has_the_time_above_the_worker_above_the_sequence)
{
    zseq_flake_layout_t layout = s_usual ();
    cr_expect_eq (zseq_flake_encode (&layout, 1, 0, 0), (uint64_t) 1 << 22);
    cr_expect_eq (zseq_flake_encode (&layout, 5, 3, 7),
                  ((uint64_t) 5 << 22) + (3 << 12) + 7);
    cr_expect_eq (
      zseq_flake_encode (&layout, ((uint64_t) 1 << 41) - 1, 1023, 4095),
      ZSEQ_ID_MAX);
}

Test (flake_id, is_decoded_to_what_it_was_made_of)
{
    uint64_t random = 20261121;
    for (size_t round = 0; round < 100000; round++) {
        zseq_flake_layout_t layout = {
          (uint8_t) test_random_below (&random, 70),
          (uint8_t) test_random_below (&random, 22),
          (uint8_t) test_random_below (&random, 34),
          test_random_below (&random, 253402300800000)};
        if (zseq_flake_layout_check (&layout) != ZSEQ_OK)
            continue;
        //  The bounds of each part come often.
        uint64_t ms_end = zseq_flake_ms_end (&layout);
        uint64_t part[3] = {
          1 + test_random_below (&random, ms_end - 1),
          test_random_below (&random, zseq_flake_worker_end (&layout)),
          test_random_below (&random, zseq_flake_sequence_end (&layout))};
        if (test_random_below (&random, 4) == 0)
            part[0] = test_random_below (&random, 2) ? 1 : ms_end - 1;
        if (test_random_below (&random, 4) == 0)
            part[1] = zseq_flake_worker_end (&layout) - 1;
        if (test_random_below (&random, 4) == 0)
            part[2] = zseq_flake_sequence_end (&layout) - 1;

        uint64_t id = zseq_flake_encode (&layout, part[0], (uint32_t) part[1],
                                         (uint32_t) part[2]);
        cr_assert_leq (id, ZSEQ_ID_MAX);
        uint64_t unix_ms;
        uint32_t worker;
        uint32_t sequence;
        cr_assert_eq (
          zseq_flake_decode (&layout, id, &unix_ms, &worker, &sequence),
          ZSEQ_OK);
        cr_assert_eq (unix_ms, layout.epoch_ms + part[0]);
        cr_assert_eq (worker, part[1]);
        cr_assert_eq (sequence, part[2]);
    }
}

Test (flake_id, that_no_generator_makes_is_not_decoded)
{
    zseq_flake_layout_t layout = s_usual ();
    uint64_t unix_ms = 77;
    uint32_t worker = 78;
    uint32_t sequence = 79;
    uint64_t ids[] = {0, 1, ((uint64_t) 1 << 22) - 1, ZSEQ_ID_MAX + 1,
                      UINT64_MAX};
    for (size_t index = 0; index < sizeof ids / sizeof *ids; index++)
        cr_expect_eq (
          zseq_flake_decode (&layout, ids[index], &unix_ms, &worker, &sequence),
          ZSEQ_EINVAL);
    layout.time_bits = 40;
    cr_expect_eq (
      zseq_flake_decode (&layout, ZSEQ_ID_MAX, &unix_ms, &worker, &sequence),
      ZSEQ_EINVAL);
    cr_expect_eq (unix_ms, 77);
    cr_expect_eq (worker, 78);
    cr_expect_eq (sequence, 79);
    cr_expect_eq (zseq_flake_decode (&layout, (uint64_t) 1 << 22, &unix_ms,
                                     &worker, &sequence),
                  ZSEQ_OK);
    cr_expect_eq (unix_ms, 1735689600001);
}

//  Names.

static int
s_parse (const char *name, zseq_flake_layout_t *layout, uint32_t *worker)
{
    return zseq_flake_parse (name, strlen (name), layout, worker);
}

Test (flake_name, says_layout_epoch_and_worker)
{
    zseq_flake_layout_t layout = s_usual ();
    char name[ZSEQ_FLAKE_NAME_SIZE];
    cr_expect_eq (zseq_flake_name (&layout, 17, name), strlen (name));
    cr_expect_str_eq (name, "$flake/41-10-12/1735689600000/17");

    uint32_t worker;
    memset (&layout, 0, sizeof layout);
    cr_assert_eq (s_parse (name, &layout, &worker), ZSEQ_OK);
    cr_expect_eq (layout.time_bits, 41);
    cr_expect_eq (layout.worker_bits, 10);
    cr_expect_eq (layout.sequence_bits, 12);
    cr_expect_eq (layout.epoch_ms, 1735689600000);
    cr_expect_eq (worker, 17);
}

Test (flake_name, of_the_largest_numbers_fits)
{
    zseq_flake_layout_t layout = {11, 20, 32, ZSEQ_FLAKE_EPOCH_MS_MAX};
    char name[ZSEQ_FLAKE_NAME_SIZE];
    zseq_flake_name (&layout, (1 << 20) - 1, name);
    cr_expect_str_eq (name, "$flake/11-20-32/253402300799999/1048575");
    uint32_t worker;
    cr_expect_eq (s_parse (name, &layout, &worker), ZSEQ_OK);
    cr_expect_eq (worker, 1048575);
}

Test (flake_name, is_reserved_whatever_follows_the_prefix)
{
    cr_expect (zseq_flake_reserved ("$flake/", 7));
    cr_expect (zseq_flake_reserved ("$flake/?", 8));
    cr_expect_not (zseq_flake_reserved ("$flake/", 6));
    cr_expect_not (zseq_flake_reserved ("$flake", 6));
    cr_expect_not (zseq_flake_reserved ("$Flake/41-10-12/0/1", 19));
    cr_expect_not (zseq_flake_reserved ("flake/41-10-12/0/1", 18));
    cr_expect_not (zseq_flake_reserved ("", 0));
}

Test (flake_name, has_one_spelling)
{
    static const char *const malformed[] = {
      "orders",
      "$flake",
      "$flake/",
      "$flake/41",
      "$flake/41-10",
      "$flake/41-10-12",
      "$flake/41-10-12/",
      "$flake/41-10-12/0",
      "$flake/41-10-12/0/",
      "$flake/41-10-12//1",
      "$flake/-10-12/0/1",
      "$flake/41--12/0/1",
      "$flake/041-10-12/0/1",
      "$flake/41-010-12/0/1",
      "$flake/41-10-012/0/1",
      "$flake/41-10-12/00/1",
      "$flake/41-10-12/01735689600000/1",
      "$flake/41-10-12/0/01",
      "$flake/41-10-12/0/00",
      "$flake/+41-10-12/0/1",
      "$flake/ 41-10-12/0/1",
      "$flake/41-10-12/0/1 ",
      "$flake/41-10-12/0/1/",
      "$flake/41-10-12/0/1/2",
      "$flake/41-10-12/0/1x",
      "$flake/41-10-12/0/-1",
      "$flake/41-10-12/-1/1",
      "$flake/41-10-12/0x0/1",
      "$flake/41.10.12/0/1",
      "$flake/41-10-12-0-1",
      "$flake/41/10/12/0/1",
      "$flake//41-10-12/0/1",
      //  Out of bounds.
      "$flake/0-10-12/0/1",
      "$flake/41-0-12/0/0",
      "$flake/41-10-0/0/1",
      "$flake/42-10-12/0/1",
      "$flake/40-21-2/0/1",
      "$flake/20-10-33/0/1",
      "$flake/41-10-12/253402300800000/1",
      "$flake/41-10-12/0/1024",
      //  Equal to valid names modulo 2^8, 2^32 and 2^64.
      "$flake/297-10-12/0/1",
      "$flake/41-266-12/0/1",
      "$flake/41-10-268/0/1",
      "$flake/41-10-12/0/4294967297",
      "$flake/41-10-12/18446744073709551616/1",
      "$flake/41-10-12/0/18446744073709551617",
    };
    zseq_flake_layout_t layout;
    uint32_t worker;
    for (size_t index = 0; index < sizeof malformed / sizeof *malformed;
         index++)
        cr_expect_eq (s_parse (malformed[index], &layout, &worker), ZSEQ_EINVAL,
                      "%s", malformed[index]);
    cr_expect_eq (
      zseq_flake_parse ("$flake/41-10-12/0/1", 20, &layout, &worker),
      ZSEQ_EINVAL, "a NUL at its end");
    cr_expect_eq (
      zseq_flake_parse ("$flake/41-10-12/0/17", 19, &layout, &worker), ZSEQ_OK);
    cr_expect_eq (worker, 1, "what follows is not read");
    char name[ZSEQ_NAME_MAX + 1];
    memset (name, '1', sizeof name);
    memcpy (name, "$flake/41-10-12/0/", 18);
    for (size_t size = 22; size < sizeof name; size++)
        cr_expect_eq (zseq_flake_parse (name, size, &layout, &worker),
                      ZSEQ_EINVAL);
}

Test (flake_name, that_was_changed_anywhere_is_another_or_none)
{
    uint64_t random = 20261121;
    static const char bytes[] = "0123456789-/$ ";
    for (size_t round = 0; round < 100000; round++) {
        zseq_flake_layout_t layout = s_usual ();
        uint32_t worker = (uint32_t) test_random_below (&random, 1024);
        char name[ZSEQ_FLAKE_NAME_SIZE];
        char changed[ZSEQ_FLAKE_NAME_SIZE];
        size_t size = zseq_flake_name (&layout, worker, name);
        memcpy (changed, name, size);
        changed[test_random_below (&random, size)] =
          bytes[test_random_below (&random, sizeof bytes)];
        if (zseq_flake_parse (changed, size, &layout, &worker) != ZSEQ_OK)
            continue;
        cr_assert_eq (zseq_flake_name (&layout, worker, name), size);
        cr_assert (!memcmp (name, changed, size));
    }
}

//  What a node lets a client claim.

Test (flake_claim, reaches_a_minute_beyond_the_clock_and_no_further)
{
    zseq_flake_layout_t layout = s_usual ();
    uint64_t wall_ms = layout.epoch_ms + 5000;
    cr_expect (zseq_flake_claimable (&layout, 1, wall_ms));
    cr_expect (zseq_flake_claimable (&layout, 65000, wall_ms));
    cr_expect_not (zseq_flake_claimable (&layout, 65001, wall_ms));
    cr_expect_not (zseq_flake_claimable (&layout, UINT64_MAX, wall_ms));
}

Test (flake_claim, goes_by_the_epoch_of_the_name)
{
    zseq_flake_layout_t layout = s_usual ();
    layout.epoch_ms = 0;
    uint64_t wall_ms = ZSEQ_FLAKE_EPOCH_MS + 5000;
    cr_expect (zseq_flake_claimable (&layout, wall_ms + 60000, wall_ms));
    cr_expect_not (zseq_flake_claimable (&layout, wall_ms + 60001, wall_ms));
}

Test (flake_claim, is_of_nothing_with_a_clock_that_is_not_known)
{
    zseq_flake_layout_t layout = {41, 10, 12, 0};
    cr_expect_not (zseq_flake_claimable (&layout, 1, 0));
    cr_expect (zseq_flake_claimable (&layout, 1, 1));
    cr_expect_not (zseq_flake_claimable (&layout, 1, UINT64_MAX));
}

Test (flake_claim, is_of_nothing_long_before_the_epoch)
{
    zseq_flake_layout_t layout = s_usual ();
    cr_expect_not (zseq_flake_claimable (&layout, 1, layout.epoch_ms - 60000));
    cr_expect (zseq_flake_claimable (&layout, 1, layout.epoch_ms - 59999));
    cr_expect_not (zseq_flake_claimable (&layout, 2, layout.epoch_ms - 59999));
    cr_expect_not (zseq_flake_claimable (&layout, 1, 1));
    cr_expect_not (zseq_flake_claimable (&layout, 1, UINT64_MAX));
}

//  The generator.

typedef struct {
    zseq_flake_t flake;
    uint64_t id;
    uint64_t until_ms;
} s_generator_t;

//  Makes the generator of worker 3, in a layout with four IDs in a millisecond
//  and 2^20 milliseconds.
static s_generator_t
s_generator (uint64_t first_ms, uint64_t end_ms)
{
    zseq_flake_layout_t layout = {20, 10, 2, ZSEQ_FLAKE_EPOCH_MS};
    s_generator_t self = {.id = 0, .until_ms = 0};
    zseq_flake_init (&self.flake, &layout, 3, first_ms, end_ms);
    return self;
}

static int
s_take (s_generator_t *self, uint64_t now_ms)
{
    return zseq_flake_take (&self->flake, now_ms, &self->id, &self->until_ms);
}

static uint64_t
s_id (uint64_t ms, uint32_t sequence)
{
    zseq_flake_layout_t layout = {20, 10, 2, ZSEQ_FLAKE_EPOCH_MS};
    return zseq_flake_encode (&layout, ms, 3, sequence);
}

Test (flake, counts_within_a_millisecond_and_begins_anew_with_the_next)
{
    s_generator_t self = s_generator (100, 200);
    for (uint64_t ms = 120; ms < 123; ms++)
        for (uint32_t sequence = 0; sequence < 3; sequence++) {
            cr_assert_eq (s_take (&self, ms), ZSEQ_OK);
            cr_assert_eq (self.id, s_id (ms, sequence));
        }
}

Test (flake, waits_for_the_next_millisecond_when_one_is_used_up)
{
    s_generator_t self = s_generator (100, 200);
    for (uint32_t sequence = 0; sequence < 4; sequence++)
        cr_assert_eq (s_take (&self, 120), ZSEQ_OK);
    cr_assert_eq (self.id, s_id (120, 3));
    for (size_t round = 0; round < 3; round++) {
        cr_assert_eq (s_take (&self, 120), ZSEQ_EAGAIN);
        cr_expect_eq (self.until_ms, 121);
        cr_expect_eq (self.id, s_id (120, 3), "untouched");
    }
    cr_assert_eq (s_take (&self, 121), ZSEQ_OK);
    cr_expect_eq (self.id, s_id (121, 0));
}

Test (flake, waits_for_a_clock_that_stepped_back)
{
    s_generator_t self = s_generator (100, 200);
    cr_assert_eq (s_take (&self, 120), ZSEQ_OK);
    cr_assert_eq (s_take (&self, 119), ZSEQ_EAGAIN);
    cr_expect_eq (self.until_ms, 120);
    cr_assert_eq (s_take (&self, 0), ZSEQ_EAGAIN);
    cr_expect_eq (self.until_ms, 120);
    cr_assert_eq (s_take (&self, 120), ZSEQ_OK);
    cr_expect_eq (self.id, s_id (120, 1), "nothing was lost");
}

Test (flake, of_a_used_up_millisecond_and_a_clock_behind_waits_for_the_next_one)
{
    s_generator_t self = s_generator (100, 200);
    for (uint32_t sequence = 0; sequence < 4; sequence++)
        cr_assert_eq (s_take (&self, 120), ZSEQ_OK);
    cr_assert_eq (s_take (&self, 110), ZSEQ_EAGAIN);
    cr_expect_eq (self.until_ms, 121);
}

Test (flake, waits_until_its_range_begins)
{
    s_generator_t self = s_generator (100, 200);
    cr_assert_eq (s_take (&self, 99), ZSEQ_EAGAIN);
    cr_expect_eq (self.until_ms, 100);
    cr_assert_eq (s_take (&self, 100), ZSEQ_OK);
    cr_expect_eq (self.id, s_id (100, 0));
}

Test (flake, begins_with_the_first_millisecond_of_all)
{
    s_generator_t self = s_generator (1, 200);
    cr_assert_eq (s_take (&self, 0), ZSEQ_EAGAIN);
    cr_expect_eq (self.until_ms, 1);
    cr_assert_eq (s_take (&self, 1), ZSEQ_OK);
    cr_expect_eq (self.id, s_id (1, 0));
}

Test (flake, does_not_leave_its_range)
{
    s_generator_t self = s_generator (100, 200);
    cr_assert_eq (s_take (&self, 200), ZSEQ_EEXHAUSTED);
    cr_assert_eq (s_take (&self, UINT64_MAX), ZSEQ_EEXHAUSTED);
    for (uint32_t sequence = 0; sequence < 4; sequence++)
        cr_assert_eq (s_take (&self, 199), ZSEQ_OK);
    cr_assert_eq (self.id, s_id (199, 3));
    cr_assert_eq (s_take (&self, 199), ZSEQ_EEXHAUSTED, "not worth waiting");
    cr_assert_eq (s_take (&self, 50), ZSEQ_EEXHAUSTED);
    cr_expect_eq (self.until_ms, 0, "untouched");
}

Test (flake, goes_on_in_a_range_that_was_extended)
{
    s_generator_t self = s_generator (100, 200);
    cr_assert_eq (s_take (&self, 250), ZSEQ_EEXHAUSTED);
    zseq_flake_extend (&self.flake, 300);
    cr_assert_eq (s_take (&self, 250), ZSEQ_OK);
    cr_expect_eq (self.id, s_id (250, 0));
    zseq_flake_extend (&self.flake, 200);
    cr_assert_eq (s_take (&self, 299), ZSEQ_OK, "never less");
    cr_assert_eq (s_take (&self, 300), ZSEQ_EEXHAUSTED);
}

Test (flake, that_holds_nothing_issues_nothing)
{
    s_generator_t self = s_generator (100, 100);
    cr_assert_eq (s_take (&self, 100), ZSEQ_EEXHAUSTED);
    self = s_generator (100, 50);
    cr_assert_eq (s_take (&self, 100), ZSEQ_EEXHAUSTED);
    cr_assert_eq (s_take (&self, 40), ZSEQ_EEXHAUSTED);
    cr_expect_eq (zseq_flake_close (&self.flake), 100);
}

Test (flake, ends_where_the_time_bits_end)
{
    uint64_t ms_end = 1 << 20;
    s_generator_t self = s_generator (100, UINT64_MAX);
    cr_assert_eq (s_take (&self, ms_end), ZSEQ_EEXHAUSTED);
    cr_assert_eq (s_take (&self, UINT64_MAX), ZSEQ_EEXHAUSTED);
    for (uint32_t sequence = 0; sequence < 4; sequence++) {
        cr_assert_eq (s_take (&self, ms_end - 1), ZSEQ_OK);
        cr_assert_eq (self.id, s_id (ms_end - 1, sequence));
    }
    cr_assert_eq (s_take (&self, ms_end - 1), ZSEQ_EEXHAUSTED);
    zseq_flake_extend (&self.flake, UINT64_MAX);
    cr_assert_eq (s_take (&self, ms_end), ZSEQ_EEXHAUSTED);
    cr_expect_eq (zseq_flake_close (&self.flake), ms_end);

    self = s_generator (((uint64_t) 1 << 62) + 100, UINT64_MAX);
    cr_assert_eq (s_take (&self, 0), ZSEQ_EEXHAUSTED);
    cr_assert_eq (s_take (&self, 100), ZSEQ_EEXHAUSTED);
    cr_assert_eq (s_take (&self, UINT64_MAX), ZSEQ_EEXHAUSTED);
}

Test (flake, reaches_the_last_id_of_each_layout)
{
    static const zseq_flake_layout_t layouts[] = {
      {1, 1, 1, 0}, {61, 1, 1, 0}, {30, 1, 32, 0}, {11, 20, 32, 0}};
    for (size_t index = 0; index < sizeof layouts / sizeof *layouts; index++) {
        const zseq_flake_layout_t *layout = &layouts[index];
        uint32_t worker = (uint32_t) zseq_flake_worker_end (layout) - 1;
        uint64_t last_ms = zseq_flake_ms_end (layout) - 1;
        zseq_flake_t flake;
        zseq_flake_init (&flake, layout, worker, last_ms, UINT64_MAX);
        uint64_t id = 0;
        uint64_t until_ms;
        if (layout->sequence_bits == 32)
            atomic_store (&flake.last,
                          (last_ms << 32) + ((uint64_t) UINT32_MAX - 2));
        for (size_t left = 2; left > 0; left--)
            cr_assert_eq (zseq_flake_take (&flake, last_ms, &id, &until_ms),
                          ZSEQ_OK);
        unsigned bits = (unsigned) layout->time_bits + layout->worker_bits +
                        layout->sequence_bits;
        cr_expect_eq (id, ((uint64_t) 1 << bits) - 1);
        cr_expect_eq (zseq_flake_take (&flake, last_ms, &id, &until_ms),
                      ZSEQ_EEXHAUSTED);
    }
}

Test (flake, issues_nothing_once_it_is_closed)
{
    s_generator_t self = s_generator (100, 200);
    cr_assert_eq (s_take (&self, 120), ZSEQ_OK);
    cr_expect_eq (zseq_flake_close (&self.flake), 121, "120 was used");
    zseq_flake_extend (&self.flake, 1000);
    for (uint64_t ms = 0; ms < 1100; ms++)
        cr_assert_eq (s_take (&self, ms), ZSEQ_EEXHAUSTED);
    cr_expect_eq (zseq_flake_close (&self.flake), 0, "the second time");
}

Test (flake, says_what_it_never_used)
{
    s_generator_t self = s_generator (100, 200);
    cr_expect_eq (zseq_flake_close (&self.flake), 100);
    self = s_generator (100, 200);
    for (uint32_t sequence = 0; sequence < 4; sequence++)
        cr_assert_eq (s_take (&self, 150), ZSEQ_OK);
    cr_expect_eq (zseq_flake_close (&self.flake), 151);
    self = s_generator (100, 200);
    cr_assert_eq (s_take (&self, 199), ZSEQ_OK);
    cr_expect_eq (zseq_flake_close (&self.flake), 200);
}

//  Compares the generator with a simple model.
Test (flake, does_what_its_contract_says)
{
    uint64_t random = 20261121;
    for (size_t round = 0; round < 2000; round++) {
        uint64_t first_ms = 1 + test_random_below (&random, 20);
        uint64_t end_ms = test_random_below (&random, 40);
        s_generator_t self = s_generator (first_ms, end_ms);
        uint64_t last_ms = 0;  //  0: none was issued
        uint32_t sequence = 0;
        for (size_t step = 0; step < 100; step++) {
            if (test_random_below (&random, 20) == 0) {
                uint64_t to_ms = test_random_below (&random, 60);
                zseq_flake_extend (&self.flake, to_ms);
                if (end_ms < to_ms)
                    end_ms = to_ms;
            }
            uint64_t now_ms =
              step / 3 + test_random_below (&random, 8) - (step > 9 ? 3 : 0);
            uint64_t ms = last_ms;
            uint32_t at = sequence + 1;
            if (last_ms == 0) {
                ms = first_ms;
                at = 0;
            }
            else if (at == 4) {
                ms = last_ms + 1;
                at = 0;
            }
            if (ms < now_ms) {
                ms = now_ms;
                at = 0;
            }
            int rc = s_take (&self, now_ms);
            if (ms >= end_ms)
                cr_assert_eq (rc, ZSEQ_EEXHAUSTED);
            else if (ms > now_ms) {
                cr_assert_eq (rc, ZSEQ_EAGAIN);
                cr_assert_eq (self.until_ms, ms);
            }
            else {
                cr_assert_eq (rc, ZSEQ_OK);
                cr_assert_eq (self.id, s_id (ms, at));
                last_ms = ms;
                sequence = at;
            }
        }
        cr_assert_eq (zseq_flake_close (&self.flake),
                      last_ms ? last_ms + 1 : first_ms);
    }
}

//  Threads.

#define TAKERS 4
#ifdef ZSEQ_TSAN
#define IDS_EACH 25000
#define ROUNDS 2
#define CLOSINGS 200
#else
#define IDS_EACH 250000
#define ROUNDS 8
#define CLOSINGS 4000
#endif
//  In the layout of the tests with threads.
#define TIME_SHIFT 12

typedef struct {
    zseq_flake_t flake;
    pthread_barrier_t ready;
    _Atomic uint64_t now_ms;
    _Atomic bool over;
} s_shared_t;

typedef struct {
    s_shared_t *shared;
    uint64_t *ids;
    size_t count;
    bool falls;   //  An ID was not above the thread's last one
    bool future;  //  An ID's time was above the clock's
} s_taker_t;

//  Moves the clock forward, and sometimes back.
static void *
s_clock (void *arg)
{
    s_shared_t *shared = arg;
    uint64_t random = 20261121;
    pthread_barrier_wait (&shared->ready);
    while (!atomic_load (&shared->over)) {
        uint64_t now_ms = atomic_load (&shared->now_ms);
        uint64_t back = test_random_below (&random, 20);
        if (test_random_below (&random, 4) == 0 && now_ms > back)
            atomic_store (&shared->now_ms, now_ms - back);
        else
            atomic_store (&shared->now_ms,
                          now_ms + 1 + test_random_below (&random, 8));
        sched_yield ();
    }
    return NULL;
}

static void *
s_taking (void *arg)
{
    s_taker_t *self = arg;
    s_shared_t *shared = self->shared;
    pthread_barrier_wait (&shared->ready);
    while (self->count < IDS_EACH) {
        uint64_t id;
        uint64_t until_ms;
        uint64_t now_ms = atomic_load (&shared->now_ms);
        int rc = zseq_flake_take (&shared->flake, now_ms, &id, &until_ms);
        if (rc == ZSEQ_EEXHAUSTED)
            break;
        if (rc == ZSEQ_EAGAIN) {
            sched_yield ();
            continue;
        }
        if (self->count && id <= self->ids[self->count - 1])
            self->falls = true;
        if (id >> TIME_SHIFT > now_ms)
            self->future = true;
        self->ids[self->count++] = id;
    }
    return NULL;
}

static int
s_compare (const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *) a;
    uint64_t second = *(const uint64_t *) b;
    return (first > second) - (first < second);
}

//  Runs the takers against one generator. The clock moves slowly enough that
//  they use up milliseconds and compete for the next one.
static void
s_many_at_once (void)
{
    s_shared_t shared;
    zseq_flake_layout_t layout = {50, 2, TIME_SHIFT - 2, ZSEQ_FLAKE_EPOCH_MS};
    zseq_flake_init (&shared.flake, &layout, 1, 1, UINT64_MAX);
    atomic_init (&shared.now_ms, 1);
    atomic_init (&shared.over, false);
    cr_assert_eq (pthread_barrier_init (&shared.ready, NULL, TAKERS + 1), 0);
    pthread_t clock;
    cr_assert_eq (pthread_create (&clock, NULL, s_clock, &shared), 0);
    pthread_t threads[TAKERS];
    s_taker_t takers[TAKERS];
    uint64_t *ids = malloc (TAKERS * IDS_EACH * sizeof *ids);
    cr_assert_not_null (ids);
    for (size_t index = 0; index < TAKERS; index++) {
        takers[index] =
          (s_taker_t){.shared = &shared, .ids = ids + index * IDS_EACH};
        int rc =
          pthread_create (&threads[index], NULL, s_taking, &takers[index]);
        cr_assert_eq (rc, 0);
    }
    for (size_t index = 0; index < TAKERS; index++) {
        pthread_join (threads[index], NULL);
        cr_expect_eq (takers[index].count, IDS_EACH);
        cr_expect_not (takers[index].falls);
        cr_expect_not (takers[index].future);
    }
    atomic_store (&shared.over, true);
    pthread_join (clock, NULL);
    pthread_barrier_destroy (&shared.ready);
    qsort (ids, TAKERS * IDS_EACH, sizeof *ids, s_compare);
    for (size_t index = 1; index < TAKERS * IDS_EACH; index++)
        cr_assert_lt (ids[index - 1], ids[index], "twice");
    free (ids);
}

//  On few processors takers seldom compete, hence several rounds.
Test (flake, gives_threads_unique_ids_that_rise_whatever_the_clock_does)
{
    for (size_t round = 0; round < ROUNDS; round++)
        s_many_at_once ();
}

//  Generators that are closed one after the other while threads take IDs from
//  them.
typedef struct {
    zseq_flake_t flake[CLOSINGS];
    uint64_t unused_ms[CLOSINGS];
    _Atomic uint64_t now_ms;
    _Atomic uint64_t taken;
} s_closed_t;

typedef struct {
    s_closed_t *shared;
    uint64_t used_ms[CLOSINGS];
} s_user_t;

static void *
s_using (void *arg)
{
    s_user_t *self = arg;
    s_closed_t *shared = self->shared;
    for (size_t index = 0; index < CLOSINGS; index++) {
        int rc = ZSEQ_OK;
        while (rc != ZSEQ_EEXHAUSTED) {
            uint64_t id;
            uint64_t until_ms;
            rc =
              zseq_flake_take (&shared->flake[index],
                               atomic_load (&shared->now_ms), &id, &until_ms);
            if (rc != ZSEQ_OK)
                continue;
            self->used_ms[index] = id >> TIME_SHIFT;
            atomic_fetch_add (&shared->taken, 1);
        }
    }
    return NULL;
}

Test (flake, that_is_closed_has_told_the_truth_of_what_it_never_used)
{
    s_closed_t *shared = calloc (1, sizeof *shared);
    s_user_t *users = calloc (TAKERS, sizeof *users);
    cr_assert_not_null (shared);
    cr_assert_not_null (users);
    zseq_flake_layout_t layout = {50, TIME_SHIFT - 1, 1, ZSEQ_FLAKE_EPOCH_MS};
    for (size_t index = 0; index < CLOSINGS; index++)
        zseq_flake_init (&shared->flake[index], &layout, 1, 1, UINT64_MAX);
    atomic_init (&shared->now_ms, 1);
    atomic_init (&shared->taken, 0);
    pthread_t threads[TAKERS];
    for (size_t index = 0; index < TAKERS; index++) {
        users[index].shared = shared;
        int rc = pthread_create (&threads[index], NULL, s_using, &users[index]);
        cr_assert_eq (rc, 0);
    }
    //  Each is closed while a thread takes from it and finds a new millisecond.
    for (size_t index = 0; index < CLOSINGS; index++) {
        uint64_t taken = atomic_load (&shared->taken);
        while (atomic_load (&shared->taken) < taken + 2)
            atomic_fetch_add (&shared->now_ms, 1);
        atomic_fetch_add (&shared->now_ms, 1);
        shared->unused_ms[index] = zseq_flake_close (&shared->flake[index]);
    }
    for (size_t index = 0; index < TAKERS; index++)
        pthread_join (threads[index], NULL);
    for (size_t index = 0; index < CLOSINGS; index++) {
        uint64_t used_ms = 0;
        for (size_t user = 0; user < TAKERS; user++)
            if (used_ms < users[user].used_ms[index])
                used_ms = users[user].used_ms[index];
        cr_assert_eq (shared->unused_ms[index], used_ms + 1);
    }
    free (users);
    free (shared);
}
