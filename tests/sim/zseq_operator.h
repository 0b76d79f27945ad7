//  The operator of a cluster: starts nodes that have ended, and takes
//  care that no more goes wrong than zseq promises to survive.
//
//  What is assumed, and no more: a node loses its disk (or a part of it, or is
//  formatted again, or told to recover) only while a majority of others is
//  intact, so that they can bring it back.
//
//  An old copy of a directory, or one as format left it, is put back at any
//  time, if a peer remembers an incarnation or a start of the node that came
//  later. It is up only while one of these is, and they hear each other, until
//  it has found out; or while so many remember that the others cannot let it
//  vote; or for less than a second. Where no node remembers any more, the
//  operator makes it recover.
//
//  Once in a run disks are lost that peers cannot bring back (a disaster), or
//  all are restored from a backup of one time; the operator then recovers by
//  force. The floor is above all that was asked for or peeked; or any, if those
//  that are left and up know all that was ever answered. After a backup was
//  restored, a node is started only while one that has the floor is up, and
//  they hear each other.

#ifndef ZSEQ_OPERATOR_H_INCLUDED
#define ZSEQ_OPERATOR_H_INCLUDED

#include "zseq_clients.h"

//  What the operator knows of a node's directory.
typedef struct {
    bool is_kept;  //  A copy of it is
    zseq_sim_disk_t kept;
    bool is_backed_up;  //  Another one, made of all at one time
    zseq_sim_disk_t backup;
    bool old;  //  An old copy was put back, of that incarnation, and of a
    zseq_incarnation_t incarnation;  //  start no later than that
    uint64_t start;                  //
    uint8_t guard;                   //  Who remembers better, or has the floor;
    uint32_t guard_process;          //  else itself
    uint64_t alone_until_us;         //  It may be up without one until then
    bool forced;           //  The last process recovered by force, and the
    zseq_record_t before;  //  record was that
    uint64_t forced_us;    //  ... when it began
} zseq_charge_t;

typedef struct {
    zseq_sim_cluster_t *cluster;
    const zseq_clients_t *clients;
    uint8_t n;
    uint64_t down_us;  //  A node is down for that, at most
    bool disaster;     //  More disks were lost than the peers can bring back
    bool restored;     //  ... or all were restored
    uint8_t first;     //  ... and the node that is forced first
    uint64_t floor;    //  ... with that floor
    uint64_t highest_floor;  //  Of all that were forced
    uint16_t gone;   //  Whose disks are lost, and which stay down until a node
                     //  was forced, a bit each
    bool named;      //  They are named as lost
    bool calm;       //  Nothing goes wrong any more
    uint32_t alarm;  //  ... and a node's index: a node is to be started
    zseq_charge_t charge[ZSEQ_NODES_MAX];
} zseq_operator_t;

void zseq_operator_init (zseq_operator_t *self, zseq_sim_cluster_t *cluster,
                         const zseq_clients_t *clients, uint8_t n,
                         uint32_t alarm);

//  Ends a node, or it has ended; it will be started again.
void zseq_operator_kill (zseq_operator_t *self, uint8_t node, bool power_cut);
void zseq_operator_ended (zseq_operator_t *self, uint8_t node);

//  Starts a node that is down, as an operator does who has read its last log
//  line.
void zseq_operator_start (zseq_operator_t *self, uint8_t node);

//  Whether the node votes, in its newest incarnation, and on an undamaged disk.
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
//  The same of a directory as format left it.
bool zseq_operator_put_unformed (zseq_operator_t *self, uint8_t node);
//  A second process is started elsewhere, on a copy of the disk; the first one
//  may be paused until then.
bool zseq_operator_copy (zseq_operator_t *self, uint8_t node,
                         uint64_t paused_until_us);
//  A node that nothing ails recovers by force.
bool zseq_operator_force (zseq_operator_t *self, uint8_t node);
//  Wipes so many that their peers cannot bring them back, but not keeps. At
//  times all are first ended by a power cut.
bool zseq_operator_ruin (zseq_operator_t *self, uint8_t keeps);
//  Copies all disks; or puts all back, and recovers first by force.
bool zseq_operator_back_up (zseq_operator_t *self);
bool zseq_operator_restore (zseq_operator_t *self, uint8_t first);

//  As the cluster's hook of that name.
bool zseq_operator_covered (zseq_operator_t *self, uint8_t node);

//  Starts all nodes for the first time.
void zseq_operator_begin (zseq_operator_t *self);

//  After a power cut of all, a majority is started, and must come to vote;
//  then the others.
void zseq_operator_start_some (zseq_operator_t *self);

//  Waits until all nodes vote, each in the newest incarnation that any node
//  knows of it. Nothing else may go wrong any more; that they do not come to
//  vote is a broken promise.
void zseq_operator_settle (zseq_operator_t *self, const char *when);

#endif
