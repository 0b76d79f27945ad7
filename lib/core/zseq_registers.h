//  All registers and promises of a node: the acceptor of Paxos, for every key
//  at once. Source: Lamport, "Paxos Made Simple" (2001), section 2.2, and
//  lib/doc/kv.md, K2 and K3.
//
//  A change counts in memory at once and is in the open group, until
//  zseq_registers_submit hands the group over to be written. Several groups may
//  be in flight. zseq_registers_complete says of each, in their order, that it
//  is durable or that the disk has refused it.
//
//  So there are two states, what was accepted and what is durable of it.
//
//  - What was accepted decides what else may be accepted. It is shown to a
//    proposer (FETCH), but not before it is durable: the caller waits for the
//    group with that position.
//  - A read shows what is durable, and never has to wait. A node has accepted
//    something, as far as others can tell, when that is durable. What is
//    durable never goes back: groups become durable in order, and each holds
//    of a key what was newest. An ACCEPT is answered when its group is
//    durable; so from then on every read shows that record or a later one.
//
//  If the disk refuses a group, what it held and is still the newest returns to
//  the open group. Until it is durable it is shown to nobody, and a later
//  FETCH waits for it: else a proposer could miss a record that then became
//  durable below the promise.
//
//  A node that recovers forgets its registers (zseq_registers_clear), takes
//  those of its peers (_copy, _raise), and has all of them written (_settle).
//
//  Not thread-safe.

#ifndef ZSEQ_REGISTERS_H_INCLUDED
#define ZSEQ_REGISTERS_H_INCLUDED

#include "zseq_kv_group.h"

typedef struct zseq_registers zseq_registers_t;

//  No registers, and no promises. bytes_max: memory that the registers may
//  take; above it, only tombstones and what is no larger than what it replaces
//  are accepted. NULL: no memory.
zseq_registers_t *zseq_registers_new (uint64_t bytes_max);
void zseq_registers_destroy (zseq_registers_t **self_p);

//  Loading, before the first change: what is on disk, in the order in which it
//  was written. last: the position of the last group. A shard's promise is at
//  least the ballot of each of its records: whoever accepts a ballot has
//  promised it. Errors: ZSEQ_ENOMEM.
int zseq_registers_load (zseq_registers_t *self,
                         const zseq_kv_record_t *record);
void zseq_registers_load_promise (zseq_registers_t *self, uint8_t shard,
                                  const zseq_ballot_t *promise);
//  A tombstone of that version was dropped. The key is, if that proposal is
//  what was loaded of it last.
void zseq_registers_load_dropped (zseq_registers_t *self, zseq_slice_t key,
                                  const zseq_proposal_t *proposal,
                                  uint64_t version);
//  What was loaded of the shard is void.
void zseq_registers_load_cleared (zseq_registers_t *self, uint8_t shard);
void zseq_registers_load_position (zseq_registers_t *self, uint64_t last);

//  The end of loading, if the disk is to be made anew: the first group begins
//  by clearing all shards, and zseq_registers_settle writes what was loaded.
void zseq_registers_load_damaged (zseq_registers_t *self);

//  K2: promises a ballot in a shard; promises the same again. Errors:
//  ZSEQ_EBALLOT: a higher one is promised. ZSEQ_EINVAL: its round is more than
//  ZSEQ_ROUND_RISE_MAX above the promise, and above what a peer has promised.
int zseq_registers_prepare (zseq_registers_t *self, uint8_t shard,
                            const zseq_ballot_t *ballot);

//  A peer has promised that ballot.
void zseq_registers_note_peer (zseq_registers_t *self, uint8_t shard,
                               const zseq_ballot_t *ballot);

//  K3: accepts a copy of a record with a proposal, or the same again, which is
//  then no longer marked as copied. Errors: ZSEQ_EBALLOT: its ballot is not the
//  promise. ZSEQ_ECONFLICT: a higher proposal was accepted. ZSEQ_EFULL,
//  ZSEQ_ENOMEM. A refused record changes nothing.
int zseq_registers_accept (zseq_registers_t *self,
                           const zseq_kv_record_t *record);

//  K13, and the node does not vote.

//  Forgets all registers and promises. The open group has nothing but the
//  clearing of all shards, at its beginning. Groups in flight change nothing
//  any more. If the disk refuses a group that clears, that is not tried again:
//  the node has to end.
void zseq_registers_clear (zseq_registers_t *self);

//  Keeps a peer's record if no higher proposal of its key is known, and raises
//  the promise to its ballot. Errors: ZSEQ_EFULL, ZSEQ_ENOMEM.
int zseq_registers_copy (zseq_registers_t *self,
                         const zseq_kv_record_t *record);

//  Raises the promise of a shard to that ballot if it is lower.
void zseq_registers_raise (zseq_registers_t *self, uint8_t shard,
                           const zseq_ballot_t *ballot);

//  When nothing is copied any more: adds promises and registers that are not
//  durable to the open group, from cursor on until the group has so many bytes
//  (a group that clears: all), and moves cursor. A register is marked as copied
//  if its ballot is not the promise. Errors: ZSEQ_ENOMEM: call it again.
int zseq_registers_settle (zseq_registers_t *self, zseq_kv_cursor_t *cursor,
                           size_t bytes_max);

//  The promise of a shard, and the durable one, which may be lower.
const zseq_ballot_t *zseq_registers_promise (const zseq_registers_t *self,
                                             uint8_t shard);
const zseq_ballot_t *
zseq_registers_durable_promise (const zseq_registers_t *self, uint8_t shard);

//  K12: the highest version of a tombstone that was dropped in a shard; 0: none
//  was. And takes over that one of that version was, from the disk or from a
//  peer.
uint64_t zseq_registers_dropped (const zseq_registers_t *self, uint8_t shard);
void zseq_registers_raise_dropped (zseq_registers_t *self, uint8_t shard,
                                   uint64_t version);

//  The position of the group that makes the promise durable; 0: it is.
uint64_t zseq_registers_promise_position (const zseq_registers_t *self,
                                          uint8_t shard);

//  A key. The registers are valid until the next change or completion, or for
//  their owners.
typedef struct {
    zseq_register_t *accepted;  //  NULL: absent
    zseq_register_t *durable;   //  What a power cut would leave; NULL: absent
    uint64_t position;  //  The group that makes accepted durable; 0: it is
    bool chosen;        //  durable was chosen
} zseq_registers_view_t;

void zseq_registers_find (const zseq_registers_t *self, zseq_slice_t key,
                          zseq_registers_view_t *view);

//  That proposal of key was chosen. Forgotten when the process ends.
void zseq_registers_choose (zseq_registers_t *self, zseq_slice_t key,
                            const zseq_proposal_t *proposal);

//  Views of the first keys of a shard, in byte order, that are above after
//  (empty: all); at most max. Returns how many.
size_t zseq_registers_page (const zseq_registers_t *self, uint8_t shard,
                            zseq_slice_t after, zseq_registers_view_t *views,
                            size_t max);

//  The same of the keys of all shards that begin with prefix.
size_t zseq_registers_list (const zseq_registers_t *self, zseq_slice_t prefix,
                            zseq_slice_t after, zseq_registers_view_t *views,
                            size_t max);

//  The position of the open group; how many changes it has, and the memory that
//  its registers take.
uint64_t zseq_registers_open_position (const zseq_registers_t *self);
size_t zseq_registers_open_count (const zseq_registers_t *self);
size_t zseq_registers_open_bytes (const zseq_registers_t *self);

//  Closes the open group, which has changes, and opens the next. The caller
//  hands the group back to zseq_registers_complete, or destroys it. NULL: no
//  memory, and nothing has changed.
zseq_kv_group_t *zseq_registers_submit (zseq_registers_t *self);

//  A group is durable (ZSEQ_OK), or the disk has refused it (any other status).
//  Groups complete in the order of their positions. Destroys the group.
void zseq_registers_complete (zseq_registers_t *self, zseq_kv_group_t **group_p,
                              int status);

//  How many keys there are, tombstones too, and the memory that they take.
size_t zseq_registers_count (const zseq_registers_t *self);
uint64_t zseq_registers_bytes (const zseq_registers_t *self);

#endif
