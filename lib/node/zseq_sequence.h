//  A node's replica of a sequence: an entry of the node's table of names.
//  zseq_sequence_table makes the table, zseq_sequence_insert the entry.

#ifndef ZSEQ_SEQUENCE_H_INCLUDED
#define ZSEQ_SEQUENCE_H_INCLUDED

#include "zseq_reservation.h"
#include "zseq_table.h"

//  One name. Its address holds as long as the table.
typedef struct zseq_sequence {
    zseq_entry_t entry;  //  First: the table knows only this
    zseq_seq_t seq;
    uint64_t durable_to;  //  Claims up to it are durable: next on disk, or more
                          //  that is reserved; 0 if none
    uint32_t waiting;  //  Requests that wait for the disk: the first, 0 if none
    uint32_t waiting_last;        //  ... and the last
    struct zseq_sequence *dirty;  //  Next in the list of those to persist
    struct zseq_sequence
      *reserved;  //  Next in the list of those with a reservation
    struct zseq_request_queue *queue;  //  Its queue at the coordinator, or NULL
    zseq_reservation_t reservation;
    bool queued;       //  It is in the list of those to persist
    bool writing;      //  A write of it is in flight
    bool first_write;  //  ... of a name that is on no disk
    bool journaled;    //  Its name is in the names journal
    bool listed;       //  It is in the list of those with a reservation
    bool shrinking;    //  The next write stores a smaller reservation
} zseq_sequence_t;

//  A table of at most names_max (at least 1) sequences. NULL: no memory.
zseq_table_t *zseq_sequence_table (size_t names_max);

//  The sequence of that name, or NULL. As zseq_table_find.
zseq_sequence_t *zseq_sequence_find (const zseq_table_t *table,
                                     const char *name, size_t size);

//  The sequence of that name, made with next 1 and nothing durable if there is
//  none. As zseq_table_insert.
int zseq_sequence_insert (zseq_table_t *table, const char *name, size_t size,
                          zseq_sequence_t **sequence_p);

//  Its name, terminated, and how many bytes that has.
static inline const char *
zseq_sequence_name (const zseq_sequence_t *self)
{
    return zseq_entry_name (&self->entry);
}

static inline uint8_t
zseq_sequence_name_size (const zseq_sequence_t *self)
{
    return self->entry.name_size;
}

#endif
