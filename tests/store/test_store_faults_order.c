//  The order of calls: nothing is acknowledged before everything it needs is
//  synced (S8).

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_faults.h"
#include "zseq_fixture.h"

TestSuite (store_faults_order, .init = fixture_init, .fini = fixture_term);

Test (store_faults_order, acknowledges_after_record_directory_and_journal)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_faults_begin (fixture_node ());
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_OK);
    size_t index = 0;
    ASSERT_LINES (index, "mkdir seq", "fsync .", "mkdir seq/XX", "fsync seq",
                  "create seq/XX/.tmp", "write seq/XX/.tmp",
                  "fsync seq/XX/.tmp", "close seq/XX/.tmp",
                  "rename seq/XX/.tmp seq/XX/orders", "fsync seq/XX",
                  "close seq/XX", "write names", "fsync names",
                  "write names-copy", "fsync names-copy", "complete");
    //  A name that the journal already has.
    cr_assert_eq (fixture_write (store, "orders", 20, true), ZSEQ_OK);
    ASSERT_LINES (index, "create seq/XX/.tmp", "write seq/XX/.tmp",
                  "fsync seq/XX/.tmp", "close seq/XX/.tmp",
                  "exchange seq/XX/.tmp seq/XX/orders", "fsync seq/XX",
                  "close seq/XX", "complete");
    //  From now on there is a spare file.
    cr_assert_eq (fixture_write (store, "orders", 30, true), ZSEQ_OK);
    ASSERT_LINES (index, "write seq/XX/.tmp", "fsync seq/XX/.tmp",
                  "close seq/XX/.tmp", "exchange seq/XX/.tmp seq/XX/orders",
                  "fsync seq/XX", "close seq/XX", "complete");
    size_t count;
    zseq_faults_log (&count);
    cr_assert_eq (index, count);
    zseq_store_destroy (&store);
}

Test (store_faults_order, is_born_journal_first)
{
    fixture_format (fixture_node (), 0);
    zseq_store_t *store = fixture_start ();
    zseq_faults_begin (fixture_node ());
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    zseq_write_t job = {.record = &record};
    zseq_written_t written;
    fixture_submit (store, &job, 1, &written);
    cr_assert_eq (written.status, ZSEQ_OK);
    size_t index = 0;
    ASSERT_LINES (
      index, "create .tmp", "write .tmp", "fsync .tmp", "close .tmp",
      "rename .tmp names-copy", "create .tmp", "write .tmp", "fsync .tmp",
      "close .tmp", "rename .tmp names", "fsync .", "mkdir kv", "fsync .",
      "create kv/.tmp", "write kv/.tmp", "fsync kv/.tmp",
      "rename kv/.tmp kv/journal-00000001", "close kv/journal-00000001",
      "fsync kv", "close kv", "create .tmp", "write .tmp", "fsync .tmp",
      "close .tmp", "rename .tmp node", "fsync .", "complete");
    zseq_store_destroy (&store);
}

Test (store_faults_order, formats_with_directory_and_parent_synced)
{
    zseq_faults_begin (fixture_path (""));
    fixture_format (fixture_node (), 0);
    size_t index = 0;
    ASSERT_LINES (index, "mkdir", "create node/lock", "truncate node/lock",
                  "write node/lock", "create node/.tmp", "write node/.tmp",
                  "fsync node/.tmp", "close node/.tmp",
                  "rename node/.tmp node/node", "fsync node", "fsync .");
}

Test (store_faults_order, makes_a_lost_directory_with_its_parent_synced)
{
    zseq_faults_begin (fixture_path (""));
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_OK);
    zseq_store_destroy (&store);
    size_t index = 0;
    ASSERT_LINES (index, "mkdir", "fsync .", "close .", "create node/lock",
                  "truncate node/lock", "write node/lock", "syncfs node");
}

Test (store_faults_order, opens_nothing_that_it_cannot_sync)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_faults_begin (fixture_node ());
    zseq_faults_fail ("syncfs", 1, EIO, false);
    cr_assert_eq (fixture_check (NULL), ZSEQ_EIO);
    cr_assert (strstr (fixture_text (), "syncfs"));
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store_faults_order, survives_short_and_interrupted_writes)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_faults_begin (fixture_node ());
    zseq_faults_dribble (true);
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_OK);
    zseq_faults_dribble (false);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (fixture_durable_to (&names, "orders"), 10);
    fixture_forget (&names);
    unlink (fixture_find ("orders"));
    cr_assert_eq (fixture_check (NULL), ZSEQ_EDAMAGED);
}
