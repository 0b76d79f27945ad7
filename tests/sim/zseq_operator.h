//  Who looks after the nodes of a storm: starts again what has ended, and takes
//  care that no more goes wrong than zseq promises to survive.
//
//  What is assumed, and no more: a node loses its disk (or a part of it, or is
//  formatted again, or told to recover) only while a majority of others is
//  intact, so that they can bring it back. An old copy of a directory is put
//  back only if the node has voted in a newer life since, and at any time only
//  so many that N - majority nodes do not all know no newer life of one that
//  lives in an old copy. Once in a run all of this may be ignored for lost
//  disks (a disaster); the operator then recovers by force, with a floor.

#ifndef ZSEQ_OPERATOR_H_INCLUDED
#define ZSEQ_OPERATOR_H_INCLUDED

#include "zseq_crowd.h"

typedef struct {
    zseq_storm_t *storm;
    const zseq_crowd_t *crowd;
    uint8_t n;
    uint64_t down_us;  //  A node is down for that, at most
    bool disaster;     //  More disks were lost than the peers can bring back
    uint32_t alarm;    //  ... and a node's index: a node is to be started
    bool is_kept[ZSEQ_NODES_MAX];
    zseq_storm_disk_t kept[ZSEQ_NODES_MAX];
} zseq_operator_t;

void zseq_operator_init (zseq_operator_t *self, zseq_storm_t *storm,
                         const zseq_crowd_t *crowd, uint8_t n, uint32_t alarm);

//  Ends a node, or it has ended; it will be started again.
void zseq_operator_kill (zseq_operator_t *self, uint8_t node, bool power_cut);
void zseq_operator_ended (zseq_operator_t *self, uint8_t node);

//  Starts a node that is down, as somebody would who has read its last words.
void zseq_operator_start (zseq_operator_t *self, uint8_t node);

//  Whether the node votes, in its newest life, and on an undamaged disk.
bool zseq_operator_intact (zseq_operator_t *self, uint8_t node);

//  What may be done to a node; returns whether it was.
bool zseq_operator_wipe (zseq_operator_t *self, uint8_t node);
bool zseq_operator_damage (zseq_operator_t *self, uint8_t node);
bool zseq_operator_format (zseq_operator_t *self, uint8_t node);
bool zseq_operator_double (zseq_operator_t *self, uint8_t node);
bool zseq_operator_recover (zseq_operator_t *self, uint8_t node);
//  Keeps a copy of a node's disk, as a backup or a snapshot does; puts it back.
bool zseq_operator_keep (zseq_operator_t *self, uint8_t node);
bool zseq_operator_put_back (zseq_operator_t *self, uint8_t node);
//  Wipes so many that their peers cannot bring them back, but not keeps.
bool zseq_operator_ruin (zseq_operator_t *self, uint8_t keeps);

//  Starts all nodes for the first time.
void zseq_operator_begin (zseq_operator_t *self);

//  Waits until all nodes vote, each in the newest life that anybody knows of
//  it. Nothing else may go wrong any more; that they do not come to vote is a
//  broken promise.
void zseq_operator_settle (zseq_operator_t *self, const char *when);

#endif
