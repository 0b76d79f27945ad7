//  The disk of the node: what is durable, and the writes in flight, each of
//  which arrives or is refused.

#include "fuzz_node.h"

int
fuzz_compare (const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp (a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

fuzz_file_t *
fuzz_file_of (const char *name, size_t size)
{
    for (size_t index = 0; index < run.file_count; index++)
        if (!fuzz_compare (run.files[index].name, run.files[index].size, name,
                           size))
            return &run.files[index];
    assert (run.file_count < FILES_MAX);
    fuzz_file_t *file = &run.files[run.file_count++];
    memset (file, 0, sizeof *file);
    memcpy (file->name, name, size);
    file->size = size;
    return file;
}

uint64_t
fuzz_durable_next (const fuzz_file_t *file)
{
    uint64_t limit = file->limit;
    if (file->refused && file->refused < limit)
        limit = file->refused;
    for (size_t index = 0; index < run.write_count; index++)
        if (run.writes[index].file == file && run.writes[index].limit < limit)
            limit = run.writes[index].limit;
    return limit > run.disk.floor ? limit : run.disk.floor;
}

uint64_t
fuzz_accepted_next (const fuzz_file_t *file)
{
    uint64_t next = file->answered;
    for (size_t index = 0; index < run.write_count; index++)
        if (run.writes[index].file == file && run.writes[index].next > next)
            next = run.writes[index].next;
    return next;
}

//  Adds an empty write.
static fuzz_write_t *
s_write (void)
{
    assert (run.write_count < sizeof run.writes / sizeof run.writes[0]);
    fuzz_write_t *write = &run.writes[run.write_count++];
    memset (write, 0, sizeof *write);
    return write;
}

void
fuzz_persist (const zseq_action_t *action)
{
    const zseq_sequence_t *sequence = action->sequence;
    fuzz_file_t *file = fuzz_file_of (zseq_sequence_name (sequence),
                                      zseq_sequence_name_size (sequence));
    assert (file);
    for (size_t index = 0; index < run.write_count; index++)
        assert (run.writes[index].file != file);
    //  S8: a write does not lower what was acknowledged.
    assert (action->durable_to >= 1);
    assert (action->durable_to <= ZSEQ_NEXT_MAX);
    assert (action->durable_to >= file->answered ||
            file->answered <= run.disk.floor);
    assert (!sequence->journaled || file->limit);
    assert (!action->deferred || !run.disk.voting);
    fuzz_write_t *write = s_write ();
    write->sequence = action->sequence;
    write->file = file;
    write->limit = action->durable_to;
    write->next = sequence->seq.next < action->durable_to ? sequence->seq.next
                                                          : action->durable_to;
}

void
fuzz_persist_record (const zseq_action_t *action)
{
    fuzz_write_t *write = s_write ();
    write->is_record = true;
    write->record = *action->record;
    write->version = action->version;
}

void
fuzz_persist_keys (const zseq_action_t *action)
{
    fuzz_keys_persist (action->group);
    s_write ()->group = action->group;
}

//  Makes the record durable.
static void
s_record_written (const zseq_record_t *record)
{
    run.starting = run.starting && record->voting;
    if (zseq_incarnation_compare (&record->vector.incarnation[run.disk.self],
                                  &run.disk.vector.incarnation[run.disk.self]))
        run.incarnation_begun = true;
    run.disk = *record;
    zseq_vector_merge (&run.newest, &record->vector);
    run.maybe_disk.members.n = 0;
}

zseq_event_t
fuzz_complete_write (bool refused)
{
    assert (run.write_count);
    fuzz_write_t write = run.writes[0];
    memmove (run.writes, run.writes + 1,
             --run.write_count * sizeof *run.writes);
    zseq_event_t event = {.type = write.group ? ZSEQ_EVENT_KV_PERSISTED
                                  : write.is_record
                                    ? ZSEQ_EVENT_RECORD_PERSISTED
                                    : ZSEQ_EVENT_PERSISTED,
                          .position = write.group ? write.group->position : 0,
                          .sequence = write.sequence,
                          .durable_to = write.limit,
                          .version = write.version,
                          .status = refused ? ZSEQ_ENOSPACE : ZSEQ_OK};
    fuzz_file_t *file = write.file;
    if (write.group) {
        if (!refused)
            fuzz_keys_written (write.group);
    }
    else if (refused && write.is_record)
        run.maybe_disk = write.record;
    else if (refused)
        file->refused = write.limit;
    else if (write.is_record)
        s_record_written (&write.record);
    else {
        file->next = write.next;
        file->limit = write.limit;
        file->refused = 0;
    }
    return event;
}
