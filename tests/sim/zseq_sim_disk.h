//  What a simulated node keeps on its disk: as programs see it, as a power cut
//  would leave it, and what it must never forget.

#ifndef ZSEQ_SIM_DISK_H_INCLUDED
#define ZSEQ_SIM_DISK_H_INCLUDED

#include "zseq_record.h"

#define ZSEQ_SIM_NAMES 6  //  Sequences: "A", "B", ...

typedef struct {
    bool there;    //  A record was written
    bool damaged;  //  ... and cannot be read, or has been removed
    uint64_t next;
    uint64_t durable_to;
} zseq_sim_file_t;

typedef struct {
    bool formatted;     //  There is a node's record
    bool damaged;       //  ... of which nothing can be read
    uint64_t identity;  //  In the journal's header; 0: no journal
    zseq_record_t record;
    zseq_sim_file_t file[ZSEQ_SIM_NAMES];    //  As programs see it
    zseq_sim_file_t synced[ZSEQ_SIM_NAMES];  //  As a power cut leaves it
    uint64_t promised[ZSEQ_SIM_NAMES];  //  The highest next that was answered
                                        //  as durable
} zseq_sim_disk_t;

//  The node's record is written: durable at once, and so is all that was
//  written before. Repairs damage.
void zseq_sim_disk_write_record (zseq_sim_disk_t *self,
                                 const zseq_record_t *record);

//  A sequence's record is written. deferred: a power cut may still lose it.
void zseq_sim_disk_write (zseq_sim_disk_t *self, size_t name, uint64_t next,
                          uint64_t durable_to, bool deferred);

//  What was not synced is lost, damaged or not, as luck has it; else all that
//  programs saw is kept. luck: 64 random bits.
void zseq_sim_disk_end (zseq_sim_disk_t *self, bool power_cut, uint64_t luck);

//  Whether any record of the disk is damaged.
bool zseq_sim_disk_is_damaged (const zseq_sim_disk_t *self);

//  Up to where a name's claims would survive a power cut: floors count.
uint64_t zseq_sim_disk_durable (const zseq_sim_disk_t *self, size_t name);

//  The first name of which less is durable than was promised (S8), or
//  ZSEQ_SIM_NAMES.
size_t zseq_sim_disk_forgotten (const zseq_sim_disk_t *self);

#endif
