//  What more than one file of the store's tests asserts. These fail the test.

#ifndef ZSEQ_ASSERT_H_INCLUDED
#define ZSEQ_ASSERT_H_INCLUDED

#include "zseq_fixture.h"

//  The node is not loaded, for that reason, and the text says so.
void assert_refused (int expected, const char *text);

//  What went wrong in the store last has that in its text.
void assert_text (const zseq_store_t *store, const char *text);

//  So many things are damaged, and each is told. Damage changes nothing by
//  being found, however often. The caller frees names.
void assert_damaged (size_t damaged, fixture_names_t *names);

//  Repairs, writes name (a new one, or one that was damaged), and finds it and
//  so many others again.
void assert_repaired (const char *name, size_t others);

//  The log of zseq_faults from *index_p on is exactly these lines; moves past
//  them.
void assert_lines (size_t *index_p, const char *const *lines, size_t count);

#define ASSERT_LINES(index, ...)                                               \
    do {                                                                       \
        const char *const lines[] = {__VA_ARGS__};                             \
        assert_lines (&index, lines, sizeof lines / sizeof *lines);            \
    } while (0)

#endif
