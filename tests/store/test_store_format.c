//  The format on disk: the names of files, and the bytes that the document
//  shows.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_example.h"
#include "zseq_fixture.h"

TestSuite (store_format, .init = fixture_init, .fini = fixture_term);

Test (store_format, keeps_every_name_apart_and_within_its_directory)
{
    enum { FIXED = 13, COUNT = FIXED + 255 + 255 + 2 + 3000 };
    static char name[COUNT][ZSEQ_NAME_MAX + 1];
    static const char *const fixed[FIXED] = {
      ".",         "..",  "../../x", "/", "%",        "%2E",   "~",
      "h\xc3\xa9", "a.b", "A",       "a", ".tmp-1-1", "node\n"};
    size_t count = 0;
    for (; count < FIXED; count++)
        strcpy (name[count], fixed[count]);
    //  Each byte alone, unless it was used already, and 255 times.
    for (int byte = 1; byte < 256; byte++) {
        char one[2] = {(char) byte, 0};
        if (!strchr (".%/~Aa", byte))
            strcpy (name[count++], one);
        memset (name[count++], byte, ZSEQ_NAME_MAX);
    }
    //  Long names that differ in their last byte.
    for (char last = 'x'; last <= 'y'; last++) {
        memset (name[count], 'q', ZSEQ_NAME_MAX);
        name[count++][ZSEQ_NAME_MAX - 1] = last;
    }
    //  Random names of characters that could be mistaken for an encoding.
    unsigned seed = 4711;
    while (count < COUNT - 20) {
        size_t size = 3 + (size_t) rand_r (&seed) % 4;
        for (size_t i = 0; i < size; i++)
            name[count][i] = "%~.2E5Fa/"[rand_r (&seed) % 9];
        name[count][size] = 0;
        bool twice = false;
        for (size_t i = 0; i < count && !twice; i++)
            twice = strcmp (name[i], name[count]) == 0;
        count += !twice;
    }

    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    static zseq_write_t writes[COUNT];
    static zseq_written_t written[COUNT];
    for (size_t i = 0; i < count; i++)
        writes[i] = (zseq_write_t){.name = name[i],
                                   .name_size = (uint8_t) strlen (name[i]),
                                   .next = i + 1,
                                   .durable_to = i + 1};
    fixture_submit (store, writes, count, written);
    zseq_store_destroy (&store);

    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (names.count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq (fixture_durable_to (&names, name[i]), i + 1, "%s",
                      name[i]);
        if (i > 0)
            cr_assert_lt (strcmp (names.found[i - 1].name, names.found[i].name),
                          0);
    }
    fixture_forget (&names);
    cr_assert_eq (fixture_count (fixture_path (""), ""), 1);
    cr_assert_eq (fixture_count (fixture_node (), ""), 6);
}

Test (store_format, gives_readable_names_to_files)
{
    static const struct {
        const char *name;
        const char *file;
    } cases[] = {{"orders-2024_EU.v1", "orders-2024_EU.v1"},
                 {"a b", "a%20b"},
                 {".", "%2E"},
                 {"../../x", "%2E.%2F..%2Fx"},
                 {"%2E", "%252E"},
                 {"~", "%7E"},
                 {"h\xc3\xa9", "h%C3%A9"}};
    enum { COUNT = sizeof cases / sizeof *cases };
    const char *names[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        names[i] = cases[i].name;
    fixture_node_with (names, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert_not_null (fixture_find (cases[i].file), "%s", cases[i].file);
}

Test (store_format, hashes_a_name_from_one_byte_past_the_limit_on)
{
    char longest[182];
    memset (longest, 'a', sizeof longest);
    longest[180] = 0;
    char longer[182];
    memset (longer, 'a', sizeof longer);
    longer[181] = 0;
    char bytes[ZSEQ_NAME_MAX + 1];
    memset (bytes, 1, ZSEQ_NAME_MAX);
    bytes[ZSEQ_NAME_MAX] = 0;
    fixture_node_with ((const char *[]){longest, longer, bytes}, 3);
    cr_assert_not_null (fixture_find (longest));
    cr_assert_null (fixture_find (longer));
    //  BLAKE2b as from Python's hashlib, after the readable part: 100 bytes, or
    //  99 where a character of three bytes would not fit.
    strcpy (longer + 100, "~4c97d0046304ee465aeaf86091aa8e65");
    cr_assert_not_null (fixture_find (longer));
    char file[200] = "";
    for (int i = 0; i < 33; i++)
        strcat (file, "%01");
    strcat (file, "~37c7e7aaf682f9b6e25e4a8859e359ed");
    cr_assert_not_null (fixture_find (file));
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

//  The bytes in the document are those of the store.

static void
s_assert_example (const char *title, const char *path)
{
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    assert_example (title, bytes, size);
    free (bytes);
}

Test (store_format, writes_the_bytes_that_the_document_shows)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_write_t writes[] = {
      {.name = "orders", .name_size = 6, .next = 42, .durable_to = 1042},
      {.name = "h\xc3\xa9", .name_size = 3, .next = 1, .durable_to = 1}};
    zseq_written_t written[2];
    fixture_submit (store, writes, 2, written);
    zseq_store_destroy (&store);
    s_assert_example ("Example: a sequence's record", fixture_find ("orders"));
    s_assert_example ("Example: a node's record", fixture_file ("node"));
    s_assert_example ("Example: a names journal", fixture_file ("names"));
    s_assert_example ("Example: a names journal", fixture_file ("names-copy"));
}
