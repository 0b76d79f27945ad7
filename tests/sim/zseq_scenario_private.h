//  The steps that schedules and their scripts share.

#ifndef ZSEQ_SCENARIO_PRIVATE_H_INCLUDED
#define ZSEQ_SCENARIO_PRIVATE_H_INCLUDED

#include "zseq_scenario.h"

#define ROUND_US 20000  //  A message and its reply take less

void zseq_scenario_pass (zseq_scenario_t *self, uint64_t us);
zseq_state_t zseq_scenario_state (const zseq_scenario_t *self, uint8_t node);

//  Disconnects all nodes from each other.
void zseq_scenario_close_all (zseq_scenario_t *self);

//  Sends a competitor's request to a node, once. A node that does not vote may
//  get it again.
void zseq_scenario_send (zseq_scenario_t *self, size_t index, uint8_t node);

void zseq_scenario_restart (zseq_scenario_t *self, uint8_t node);
void zseq_scenario_lose (zseq_scenario_t *self, uint8_t node);

//  Copies a node's disk, or puts the copy back.
void zseq_scenario_put_back (zseq_scenario_t *self, uint8_t node);

//  Puts a node's disk back as format left it.
void zseq_scenario_put_unformed (zseq_scenario_t *self, uint8_t node);

//  Starts a second process on a copy of a node's disk. The first one pauses.
void zseq_scenario_copy (zseq_scenario_t *self, uint8_t node,
                         uint64_t pause_rounds);

//  Puts all disks back as they were copied, and forces that node.
void zseq_scenario_restore (zseq_scenario_t *self, uint8_t first);

//  No write reaches a node's disk for a while.
void zseq_scenario_stick (zseq_scenario_t *self, uint8_t node);

void zseq_scenario_random_step (zseq_scenario_t *self);

//  Draws a script for that many nodes. NULL: there is none.
const char *zseq_scenario_script (zseq_scenario_t *self);

//  Takes the steps of a script, sometimes with random steps in between.
void zseq_scenario_follow (zseq_scenario_t *self, const char *text);

//  The script of a cluster that forms.
extern const char zseq_scenario_formation[];

#endif
