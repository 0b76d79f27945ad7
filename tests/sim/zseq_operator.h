//  The operator of a cluster starts nodes that have ended, and lets no more go
//  wrong than zseq promises to survive.
//
//  A node loses its disk or a part of it, is formatted again or told to
//  recover, only while a majority of other nodes is intact, so that they can
//  bring it back.
//
//  An old copy of a directory, or a directory as format left it, may be put
//  back if a peer remembers a later incarnation or start of the node. The node
//  then runs in one of these cases: one such peer is up and hears it, until it
//  has learnt that its directory is old; so many peers remember that the others
//  cannot let it vote; or it is up for less than a second. If no node remembers
//  any more, the operator makes it recover.
//
//  Once in a run more disks are lost than peers can bring back (a disaster), or
//  all disks are restored from a backup of one time. Then the operator recovers
//  by force. The floor is above all IDs that were asked for or peeked; it may
//  be any if the intact nodes that are up know all that was ever answered.
//  After a restore, a node is started only while a node that has the floor is
//  up and hears it.

#ifndef ZSEQ_OPERATOR_H_INCLUDED
#define ZSEQ_OPERATOR_H_INCLUDED

#include "zseq_clients.h"

//  What the operator knows of a node's directory.
typedef struct {
    bool is_kept;  //  There is a copy of it
    zseq_sim_disk_t kept;
    bool is_backed_up;  //  ... and one in a backup of all
    zseq_sim_disk_t backup;
    bool old;                        //  An old copy was put back, of this
    zseq_incarnation_t incarnation;  //  incarnation and a start not
    uint64_t start;                  //  later than this
    uint8_t guard;                   //  The peer that warns it, or has the
    uint32_t guard_process;          //  floor; else the node itself
    uint64_t alone_until_us;         //  It may be up without a guard until then
    bool forced;                     //  The last process recovered by force,
    zseq_record_t before;            //  ... from this record
    uint64_t forced_us;              //  ... and began then
} zseq_charge_t;

typedef struct {
    zseq_sim_cluster_t *cluster;
    const zseq_clients_t *clients;
    uint8_t n;
    uint64_t down_us;  //  A node is down for that, at most
    bool disaster;     //  More disks were lost than the peers can bring back
    bool restored;     //  ... or all were restored
    uint8_t first;     //  ... and this node is forced first
    uint64_t floor;    //  ... with this floor
    uint64_t highest_floor;  //  Of all forced floors
    uint16_t gone;           //  Nodes whose disks are lost, a bit each. They
                             //  stay down until a node was forced
    bool named;              //  The operator names them as lost
    bool calm;               //  No fault happens any more
    uint32_t alarm;          //  Plus a node's index: start the node
    zseq_charge_t charge[ZSEQ_NODES_MAX];
} zseq_operator_t;

void zseq_operator_init (zseq_operator_t *self, zseq_sim_cluster_t *cluster,
                         const zseq_clients_t *clients, uint8_t n,
                         uint32_t alarm);

//  zseq_operator_kill ends a node. zseq_operator_ended reports that it has
//  ended. The operator will start it again.
void zseq_operator_kill (zseq_operator_t *self, uint8_t node, bool power_cut);
void zseq_operator_ended (zseq_operator_t *self, uint8_t node);

//  Starts a node that is down, as an operator does after reading its last log
//  line.
void zseq_operator_start (zseq_operator_t *self, uint8_t node);

//  Returns whether the node votes in its newest incarnation on an undamaged
//  disk.
bool zseq_operator_intact (zseq_operator_t *self, uint8_t node);

//  Faults of a node. Each returns whether the operator allowed it.
bool zseq_operator_wipe (zseq_operator_t *self, uint8_t node);
bool zseq_operator_damage (zseq_operator_t *self, uint8_t node);
//  Its registers lose groups at the end of their journal that a peer has heard
//  of: the node must notice that before it votes.
bool zseq_operator_shorten (zseq_operator_t *self, uint8_t node);
bool zseq_operator_format (zseq_operator_t *self, uint8_t node);
bool zseq_operator_double (zseq_operator_t *self, uint8_t node);
bool zseq_operator_recover (zseq_operator_t *self, uint8_t node);
//  Keeps a copy of a node's disk, as a backup or a snapshot does, and puts it
//  back.
bool zseq_operator_keep (zseq_operator_t *self, uint8_t node);
bool zseq_operator_put_back (zseq_operator_t *self, uint8_t node);
//  Puts back a directory as format left it.
bool zseq_operator_put_unformed (zseq_operator_t *self, uint8_t node);
//  Starts a second process elsewhere, on a copy of the disk. The first process
//  may be paused until then.
bool zseq_operator_copy (zseq_operator_t *self, uint8_t node,
                         uint64_t paused_until_us);
//  Recovers an intact node by force.
bool zseq_operator_force (zseq_operator_t *self, uint8_t node);
//  Wipes so many disks that the peers cannot bring them back, but not the disk
//  of keeps. Sometimes a power cut ends all nodes first.
bool zseq_operator_ruin (zseq_operator_t *self, uint8_t keeps);
//  Copies all disks. Or puts all back, and recovers first by force.
bool zseq_operator_back_up (zseq_operator_t *self);
bool zseq_operator_restore (zseq_operator_t *self, uint8_t first);

//  The cluster's hook of that name.
bool zseq_operator_covered (zseq_operator_t *self, uint8_t node);

//  Starts all nodes for the first time.
void zseq_operator_begin (zseq_operator_t *self);

//  Starts a majority after a power cut of all nodes. It must come to vote. Then
//  the other nodes may start.
void zseq_operator_start_some (zseq_operator_t *self);

//  Waits until all nodes vote, each in the newest incarnation that any node
//  knows of it. No fault may happen any more. It is a broken promise if they do
//  not come to vote.
void zseq_operator_settle (zseq_operator_t *self, const char *when);

#endif
