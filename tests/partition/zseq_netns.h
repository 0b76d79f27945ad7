//  Hosts on one machine: network namespaces on a bridge in yet another one,
//  each with an address of its own, and whatever can be wrong between them.
//  Nothing reaches the world outside, and none of it has a name there: the
//  namespaces, and the files, are gone when this process and its children
//  are, however they end. What goes wrong here ends the test
//  (zseq_process_fail).

#ifndef ZSEQ_NETNS_H_INCLUDED
#define ZSEQ_NETNS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#define ZSEQ_NETNS_HOSTS_MAX 16
#define ZSEQ_NETNS_SKIPPED 77  //  Exit status of a test that cannot run here

typedef struct zseq_netns zseq_netns_t;

//  So many hosts (1..ZSEQ_NETNS_HOSTS_MAX) that reach each other. Ends the
//  process with ZSEQ_NETNS_SKIPPED, and says why, where that cannot be had. One
//  at a time; this process moves to the namespaces, before it has threads.
zseq_netns_t *zseq_netns_new (size_t hosts);

//  The processes on its hosts must have ended.
void zseq_netns_destroy (zseq_netns_t **self_p);

//  A directory for the test's files.
const char *zseq_netns_path (const zseq_netns_t *self);

//  A host's address, as text; owned by self.
const char *zseq_netns_address (const zseq_netns_t *self, size_t host);

//  Processes that are started from now on live on that host; or not any more.
void zseq_netns_enter (zseq_netns_t *self, size_t host);
void zseq_netns_leave (zseq_netns_t *self);

//  Whether packets are lost on their way between two hosts, in one direction.
//  Comes to be with the next apply, which changes everything at once.
void zseq_netns_block (zseq_netns_t *self, size_t from, size_t to);
void zseq_netns_unblock_all (zseq_netns_t *self);
void zseq_netns_apply (zseq_netns_t *self);

//  Takes a host's link down or up, at once.
void zseq_netns_set_up (zseq_netns_t *self, size_t host, bool up);

//  Lets a host send and receive so many kbit per second; 0: without a limit.
//  Returns false where the kernel cannot.
bool zseq_netns_set_speed (zseq_netns_t *self, size_t host, unsigned kbit);

//  Whether packets come through, whatever their speed, and both ways.
bool zseq_netns_connected (const zseq_netns_t *self, size_t one, size_t other);

#endif
