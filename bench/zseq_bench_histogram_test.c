//  Tests the histogram against a sorted array.

#include "zseq_bench_histogram.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const double s_percents[] = {0.1, 1, 25, 50, 90, 99, 99.9, 100};
#define PERCENTS (sizeof s_percents / sizeof s_percents[0])

static uint64_t
s_random (uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ (*state >> 33);
}

static int
s_compare (const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *) a;
    uint64_t right = *(const uint64_t *) b;
    return left < right ? -1 : left > right;
}

//  Returns the lowest of the sorted values that percent of them do not exceed.
static uint64_t
s_exact (const uint64_t *values, size_t count, double percent)
{
    size_t rank = 1;
    while (rank < count && (double) rank < percent / 100 * (double) count)
        rank++;
    return values[rank - 1];
}

static void
s_check_against_sorting (uint64_t *values, size_t count)
{
    zseq_bench_histogram_t *histogram = calloc (1, sizeof *histogram);
    cr_assert (histogram);
    for (size_t i = 0; i < count; i++)
        zseq_bench_histogram_record (histogram, values[i], 1);
    qsort (values, count, sizeof *values, s_compare);

    cr_assert_eq (histogram->total, count);
    cr_assert_eq (histogram->max, values[count - 1]);
    for (size_t i = 0; i < PERCENTS; i++) {
        uint64_t exact = s_exact (values, count, s_percents[i]);
        uint64_t reported =
          zseq_bench_histogram_percentile (histogram, s_percents[i]);
        cr_assert (
          reported >= exact && reported - exact <= exact / ZSEQ_BENCH_STEPS,
          "%g%% of %zu values: reported %llu, exact %llu", s_percents[i], count,
          (unsigned long long) reported, (unsigned long long) exact);
    }
    free (histogram);
}

Test (histogram, is_within_its_error_of_sorting)
{
    enum { COUNT_MAX = 5000 };
    uint64_t *values = calloc (COUNT_MAX, sizeof *values);
    cr_assert (values);
    uint64_t state = 20120101;
    for (size_t round = 0; round < 200; round++) {
        size_t count = 1 + s_random (&state) % COUNT_MAX;
        //  Values of every magnitude, mixed or mostly of one.
        unsigned shift_max = 1 + (unsigned) (s_random (&state) % 64);
        for (size_t i = 0; i < count; i++)
            values[i] =
              s_random (&state) >> (64 - 1 - s_random (&state) % shift_max);
        s_check_against_sorting (values, count);
    }
    free (values);
}

Test (histogram, holds_at_every_power_of_two)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t power = (uint64_t) 1 << bit;
        uint64_t values[] = {power - 1, power, power + 1};
        s_check_against_sorting (values, 3);
    }
    uint64_t highest[] = {UINT64_MAX, UINT64_MAX - 1, 0};
    s_check_against_sorting (highest, 3);
}

Test (histogram, merged_equals_recorded_in_one)
{
    zseq_bench_histogram_t *all = calloc (1, sizeof *all);
    zseq_bench_histogram_t *part = calloc (3, sizeof *part);
    cr_assert (all && part);
    uint64_t state = 7;
    for (size_t i = 0; i < 3000; i++) {
        uint64_t value = s_random (&state) >> (s_random (&state) % 64);
        uint64_t count = s_random (&state) % 3;
        zseq_bench_histogram_record (all, value, count);
        zseq_bench_histogram_record (&part[i % 3], value, count);
    }
    zseq_bench_histogram_merge (&part[0], &part[1]);
    zseq_bench_histogram_merge (&part[0], &part[2]);
    cr_assert_arr_eq (all, &part[0], sizeof *all);
    free (part);
    free (all);
}

Test (histogram, is_0_when_empty)
{
    zseq_bench_histogram_t *histogram = calloc (1, sizeof *histogram);
    cr_assert (histogram);
    cr_assert_eq (zseq_bench_histogram_percentile (histogram, 50), 0);
    cr_assert_eq (zseq_bench_histogram_percentile (histogram, 100), 0);
    free (histogram);
}

Test (median, is_the_middle_of_the_sorted_values)
{
    double one[] = {3};
    double odd[] = {9, 1, 4};
    double even[] = {8, 2, 1, 4};
    cr_assert_eq (zseq_bench_median (one, 1), 3);
    cr_assert_eq (zseq_bench_median (odd, 3), 4);
    cr_assert_eq (zseq_bench_median (even, 4), 3);
}
