//  Assertions that several files of the store's tests share. They fail the
//  test.

#ifndef ZSEQ_ASSERT_H_INCLUDED
#define ZSEQ_ASSERT_H_INCLUDED

#include "zseq_fixture.h"

//  Loading fails with that error and that text.
void assert_refused (int expected, const char *text);

//  The store's error text contains text.
void assert_text (const zseq_store_t *store, const char *text);

//  Loading reports that many damaged things, and changes nothing by doing so,
//  however often. The caller frees names.
void assert_damaged (size_t damaged, fixture_names_t *names);

//  Repairs, writes name (a new or a damaged one), and then finds it and that
//  many others.
void assert_repaired (const char *name, size_t others);

//  The log of zseq_faults from *index_p on is exactly these lines; advances
//  *index_p past them.
void assert_lines (size_t *index_p, const char *const *lines, size_t count);

#define ASSERT_LINES(index, ...)                                               \
    do {                                                                       \
        const char *const lines[] = {__VA_ARGS__};                             \
        assert_lines (&index, lines, sizeof lines / sizeof *lines);            \
    } while (0)

#endif
