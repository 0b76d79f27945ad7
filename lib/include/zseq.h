//  zseq: strictly increasing 64-bit IDs from a cluster without a leader.
//
//  This header is the whole public API and its manual.
//
//      zseq_client_t *client = zseq_client_new ("tcp://10.0.0.1:19001,"
//                                               "tcp://10.0.0.2:19001");
//      zseq_t *orders = zseq_new (client, "orders");
//      uint64_t id;
//      int rc = zseq_next (orders, &id);
//      if (rc != ZSEQ_OK)
//          fprintf (stderr, "%s: %s\n", zseq_strerror (rc), zseq_detail ());
//      zseq_destroy (&orders);
//      zseq_client_destroy (&client);
//
//  Functions that can fail return ZSEQ_OK (0) or a negative ZSEQ_E...; results
//  come back through _p arguments, which are left untouched on failure.
//
//  Handles are thread-safe, except that a handle must not be destroyed while
//  another thread uses it. A handle does not survive fork (): in the child
//  every call fails with ZSEQ_EFORKED, so that the child never hands out what
//  its parent's buffer holds; destroying is allowed there and frees memory.
//
//  The library starts threads of its own (libzmq's and one for background
//  work), all with every signal blocked. It installs no signal handler. A
//  blocking call that is interrupted by a signal goes on until its deadline.

#ifndef ZSEQ_H_INCLUDED
#define ZSEQ_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZSEQ_VERSION_MAJOR 0
#define ZSEQ_VERSION_MINOR 1
#define ZSEQ_VERSION_PATCH 0

#ifndef ZSEQ_EXPORT
#define ZSEQ_EXPORT __attribute__ ((visibility ("default")))
#endif

//  Limits.

#define ZSEQ_NAME_MAX 255            //  Bytes in a sequence's name, at least 1
#define ZSEQ_COUNT_MAX 0x100000000u  //  IDs that one claim may take: 2^32
#define ZSEQ_ID_MAX 0x7fffffffffffffffu  //  The last ID: 2^63 - 1
#define ZSEQ_NODES_MAX 9                 //  Nodes in a cluster, at least 1
#define ZSEQ_ENDPOINT_MAX 255            //  Bytes in an endpoint
#define ZSEQ_LABEL_MAX 63                //  Bytes in a node's, cluster's name
#define ZSEQ_TIMEOUT_MS_MAX 86400000     //  A day
#define ZSEQ_TIMEOUT_MS_DEFAULT 5000

//  Errors: name, number, text. This table makes the enum below and the texts
//  of zseq_strerror; a node's reply carries the same number, positive, as its
//  status (lib/doc/wire.md, section 4). Numbers are never reused.

#define ZSEQ_ERRORS(X)                                                         \
    X (EINVAL, 1, "invalid argument")                                          \
    X (ENOMEM, 2, "out of memory")                                             \
    X (ECONFLICT, 3, "another client was faster")                              \
    X (EEXHAUSTED, 4, "the sequence is at its end")                            \
    X (EQUORUM, 5, "R or W is out of range")                                   \
    X (ECLUSTER, 6, "the wrong cluster")                                       \
    X (EDUPLICATE, 7, "a node is listed twice")                                \
    X (EUNAVAILABLE, 8, "too few nodes are reachable")                         \
    X (ETIMEOUT, 9, "the deadline passed")                                     \
    X (EAGAIN, 10, "nothing is buffered yet")                                  \
    X (EFORKED, 11, "the handle belongs to the parent process")                \
    X (ENOTVOTING, 12, "the node does not vote")                               \
    X (ENOSPACE, 13, "the disk is full")                                       \
    X (EBUSY, 14, "the node is busy")                                          \
    X (EFULL, 15, "the node holds as many sequences as it may")                \
    X (EPROTOCOL, 16, "the message is malformed or not understood")            \
    X (EMEMBERS, 17, "the member list is a different one")                     \
    X (EREFORMATTED, 18, "the node was formatted again over a lost disk")      \
    X (ESUPERSEDED, 19, "a newer incarnation of the node exists")              \
    X (EURI, 20, "malformed URI")                                              \
    X (EIO, 21, "input or output failed")                                      \
    X (EDAMAGED, 22, "data is missing or damaged")                             \
    X (ELOCKED, 23, "in use by another process")                               \
    X (EEXIST, 24, "the directory is not empty")                               \
    X (EFOREIGN, 25, "the directory belongs to another node or cluster")       \
    X (ECLOCK, 26, "too far from the clock")

enum {
    ZSEQ_OK = 0,
#define X(name, number, text) ZSEQ_##name = -(number),
    ZSEQ_ERRORS (X)
#undef X
};

//  The text of an error, for any number; a constant, never NULL.
ZSEQ_EXPORT
const char *zseq_strerror (int rc);

//  What exactly failed in the last call of this library on this thread that
//  failed: which node, name or argument, and what to do next. One line
//  without a full stop; empty if there is nothing to add. Valid until this
//  thread's next call that fails.
ZSEQ_EXPORT
const char *zseq_detail (void);

//  The error of the last call that failed on this thread, for those functions
//  that return a pointer.
ZSEQ_EXPORT
int zseq_errno (void);

//  Version of the library at run time. Each pointer may be NULL.
ZSEQ_EXPORT
void zseq_version (int *major_p, int *minor_p, int *patch_p);

//  A client: what IDs come from, shared by its sequence handles.

typedef struct zseq_client zseq_client_t;

//  A new client for uri, which chooses where IDs come from:
//
//      tcp://HOST:PORT,ipc://PATH,...  a cluster: 1 to 9 endpoints of its
//                      nodes. One that is reachable is enough: the others are
//                      learnt from it.
//      file:DIR        a durable node inside this process, no server and no
//                      socket, in a directory that one client at a time uses.
//                      It is made with the first call if its parent is there;
//                      where another process uses it, that call may wait up to
//                      three seconds, and others of the client for it. When it is
//                      moved, replaced or written by others in use, calls fail
//                      from then on (ZSEQ_EIO).
//                      What is to be done about a damaged one, zseq_detail says.
//      mem:            this client's memory; it ends with it
//      flake:WORKER    flake IDs: milliseconds, that worker's number, and a
//                      sequence number within the millisecond. They rise within
//                      a process, and are unique if no two processes have the
//                      same number at a time and no clock is set back between
//                      two of them. All names share the same IDs.
//      flake+URI       the same, of tcp://, ipc:// or file:, which makes sure
//                      of the worker: unique whatever clocks do. Its first call
//                      takes a number that is free (ZSEQ_EFULL: none is)
//
//  then optionally a '?' and options joined by '&':
//
//      timeout=MS      as zseq_client_set_timeout
//      cluster=NAME    refuse to work with a cluster of another name
//      r=R  w=W        replies that a read and a write wait for
//      unsafe-filesystem=1  let DIR of file: be on a network or FUSE file system,
//                      which is refused otherwise (ZSEQ_EINVAL): if its locks do
//                      not hold for all that reach DIR, IDs come twice
//      bits=T/W/S      a flake ID's bits: time, worker (20 at most), sequence
//                      (32), 63 in all (41/10/12)
//      epoch=MS        when its time begins, Unix milliseconds (1735689600000)
//
//  mem: and flake: keep no buffer: a batch changes nothing but that
//  zseq_try_next may be used. Flake IDs come one by one, with no range, peek,
//  raise or list (ZSEQ_EINVAL). Does no I/O. Returns NULL when uri is malformed
//  (ZSEQ_EURI) or memory is out (ZSEQ_ENOMEM); see zseq_errno and zseq_detail.
ZSEQ_EXPORT
zseq_client_t *zseq_client_new (const char *uri);

//  Destroys a client and nulls the pointer; a null client is accepted. Its
//  sequence handles must have been destroyed before.
ZSEQ_EXPORT
void zseq_client_destroy (zseq_client_t **self_p);

//  How long a call may take, in milliseconds, 1 to ZSEQ_TIMEOUT_MS_MAX, for
//  this client's calls and for handles made from now on. Default 5000.
//  Errors: ZSEQ_EINVAL.
ZSEQ_EXPORT
int zseq_client_set_timeout (zseq_client_t *self, int timeout_ms);

//  How many nodes a read (r) and a write (w) wait for; 0 is the default, the
//  smallest that is safe: w = N/2 + 1, r = N - N/2. Before the client's first
//  call that needs the cluster. Larger values cost availability. Errors:
//  ZSEQ_EINVAL if out of 0..9 or after that first call. What does not fit N
//  (design.md, S2) fails in later calls as ZSEQ_EQUORUM.
ZSEQ_EXPORT
int zseq_client_set_quorum (zseq_client_t *self, int r, int w);

typedef struct {
    uint64_t issued;       //  IDs handed out to callers
    uint64_t claims;       //  Claims that succeeded
    uint64_t attempts;     //  Claims that were sent, first tries and retries
    uint64_t conflicts;    //  Attempts that another client's claim beat
    uint64_t timeouts;     //  Attempts given up because replies were late
    uint64_t burnt;        //  IDs claimed or perhaps claimed, never handed out
    uint64_t round_trips;  //  Attempts of every kind that got their replies
    uint64_t rtt_us;       //  Typical round trip for a quorum, microseconds
} zseq_stats_t;

//  Counters since the client was made. Never blocks for long.
//  Errors: ZSEQ_EFORKED.
ZSEQ_EXPORT
int zseq_client_stats (zseq_client_t *self, zseq_stats_t *stats_p);

//  What one node says of itself.

typedef struct {
    char name[ZSEQ_LABEL_MAX + 1];
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];
    bool reachable;        //  It answered in time; else what follows is unset
    bool voting;           //  It takes part in claims and reads
    char state[128];       //  "voting", or why it does not vote
    uint64_t incarnation;  //  Its life with its disk, from 1
    uint64_t sequences;    //  How many names it holds
    uint64_t burnt;        //  IDs at most that were reserved on it, and lost,
                           //  when it last ended without being stopped
    uint64_t rtt_us;       //  Round trip of this question, microseconds
    uint64_t version;      //  Of the protocol, the highest that it speaks; 0
                           //  of mem:, which speaks none
} zseq_node_status_t;

typedef struct {
    char cluster[ZSEQ_LABEL_MAX + 1];  //  The cluster's name
    uint64_t identity;                 //  Its identity, 0 before its birth
    size_t nodes;                      //  N
    size_t r;                          //  Replies that a read waits for
    size_t w;                          //  Replies that a write waits for
    zseq_node_status_t node[ZSEQ_NODES_MAX];
} zseq_status_t;

//  Asks every node how it is, waiting for the slow ones until the deadline,
//  one second at most. ZSEQ_OK if at least one node answered. Errors:
//  ZSEQ_EUNAVAILABLE, ZSEQ_ECLUSTER, ZSEQ_EDUPLICATE, ZSEQ_EQUORUM,
//  ZSEQ_ENOMEM, ZSEQ_EFORKED.
ZSEQ_EXPORT
int zseq_client_status (zseq_client_t *self, zseq_status_t *status_p);

//  Called once per name, in byte order, with the lowest ID that the nodes
//  asked have not seen claimed; other than 0 ends the listing. It must not
//  call this client.
typedef int (zseq_list_fn) (const char *name, uint64_t next, void *arg);

//  What a flake ID of that client's layout is made of: its time in Unix
//  milliseconds, its worker's number, and its number among those of that
//  millisecond. Errors: ZSEQ_EINVAL (other URIs' IDs hold no time, or it is no
//  ID of that layout).
ZSEQ_EXPORT
int zseq_client_decode (const zseq_client_t *self, uint64_t id,
                        uint64_t *unix_ms_p, uint32_t *worker_p,
                        uint32_t *sequence_p);

//  Lists the sequences whose names begin with prefix ("" for all), from R
//  nodes: a name whose first claim ended before the call began is listed.
//  Errors: ZSEQ_EINVAL (prefix longer than ZSEQ_NAME_MAX), those of
//  zseq_peek.
ZSEQ_EXPORT
int zseq_client_list (zseq_client_t *self, const char *prefix, zseq_list_fn *fn,
                      void *arg);

//  A handle on one sequence of IDs.

typedef struct zseq zseq_t;

//  A batch that follows the rate at which IDs are taken.
#define ZSEQ_BATCH_AUTO UINT64_MAX

//  A handle on the sequence of that name: 1 to ZSEQ_NAME_MAX bytes, any byte
//  but NUL. It begins with the client's timeout and batch 1. Does no I/O: a
//  sequence comes to be with its first claim. Returns NULL when the name is
//  empty or too long (ZSEQ_EINVAL) or memory is out (ZSEQ_ENOMEM).
ZSEQ_EXPORT
zseq_t *zseq_new (zseq_client_t *client, const char *name);

//  Destroys a handle and nulls the pointer; a null handle is accepted. IDs
//  still in its buffer are burnt.
ZSEQ_EXPORT
void zseq_destroy (zseq_t **self_p);

//  How many IDs a claim takes: 1 (also written 0) keeps no buffer, so that
//  every ID is above all IDs handed out by anyone before the call began. A
//  larger batch keeps what it claimed, fetches the next range in the
//  background when half of the last one is gone, and costs order between
//  clients: its IDs rise within this handle and are unique everywhere. Up to
//  ZSEQ_COUNT_MAX. ZSEQ_BATCH_AUTO: as many as are taken in about ten
//  milliseconds, 2^24 at most, and none ahead while less than one is; what is
//  left of a range that came a second ago is burnt, which is noticed
//  with every 64th ID. Setting 0 or 1 burns what is buffered and on its way.
//  Errors: ZSEQ_EINVAL, ZSEQ_EFORKED.
ZSEQ_EXPORT
int zseq_set_batch (zseq_t *self, uint64_t batch);

//  How long a call on this handle may take, milliseconds, 1 to
//  ZSEQ_TIMEOUT_MS_MAX. Errors: ZSEQ_EINVAL.
ZSEQ_EXPORT
int zseq_set_timeout (zseq_t *self, int timeout_ms);

//  The next ID, 1 to ZSEQ_ID_MAX. Blocks until the deadline at most. Errors,
//  after any of which nothing was handed out and a retry is safe:
//    ZSEQ_EUNAVAILABLE   fewer than W nodes were reachable and voting (IDs
//                        may have been burnt on those that were)
//    ZSEQ_ETIMEOUT       W nodes were there, too slow or too contended (IDs
//                        may have been burnt)
//    ZSEQ_EEXHAUSTED     no ID is left below 2^63
//    ZSEQ_ENOSPACE, ZSEQ_EBUSY, ZSEQ_EFULL  so many nodes refused for that
//                        reason until the deadline that W were not left
//    ZSEQ_ECLUSTER, ZSEQ_EDUPLICATE, ZSEQ_EQUORUM  the client is set up
//                        wrongly; it stays so
//    ZSEQ_EPROTOCOL      the nodes speak another version
//    ZSEQ_ECLOCK         flake IDs: the clock was set back by more than what is
//                        left until the deadline, or is far ahead of the nodes'
//    ZSEQ_EIO, ZSEQ_EDAMAGED, ZSEQ_ELOCKED, ZSEQ_EFOREIGN  file: the directory
//                        cannot be used; what to do is in zseq_detail
//    ZSEQ_ENOMEM, ZSEQ_EFORKED
//  See lib/doc/wire.md, section 6, for what is sent.
ZSEQ_EXPORT
int zseq_next (zseq_t *self, uint64_t *id_p);

//  Takes count consecutive IDs, 1 to ZSEQ_COUNT_MAX, from first_p on, never
//  from the buffer: they lie above every ID that anyone was given before the
//  call began. Errors: ZSEQ_EINVAL and those of zseq_next; a range that does
//  not fit below 2^63 is ZSEQ_EEXHAUSTED even where a smaller one would fit.
ZSEQ_EXPORT
int zseq_next_range (zseq_t *self, uint64_t count, uint64_t *first_p);

//  Takes count IDs, 1 to ZSEQ_COUNT_MAX, into ids: as count calls of zseq_next,
//  rising, with no others of this handle among them unless it is shared by
//  threads. After an error those that were taken are burnt. Errors:
//  ZSEQ_EINVAL, those of zseq_next.
ZSEQ_EXPORT
int zseq_take (zseq_t *self, uint64_t *ids, size_t count);

//  The next buffered ID, without waiting. With none at hand: ZSEQ_EAGAIN, and
//  the next range is on its way (so with batch 1, where nothing is ever
//  buffered, always ZSEQ_EINVAL). If fetching has failed since the last call,
//  its error is returned once, as of zseq_next.
ZSEQ_EXPORT
int zseq_try_next (zseq_t *self, uint64_t *id_p);

//  The lowest ID that was never claimed, 1 to 2^63: all IDs handed out before
//  the call began are below it, all claims begun after it returned at or
//  above it, and later peeks never go back. Takes nothing. Errors: those of
//  zseq_next but ZSEQ_EEXHAUSTED. Source: design.md, S6.
ZSEQ_EXPORT
int zseq_peek (zseq_t *self, uint64_t *next_p);

//  Makes sure that every ID handed out by calls that begin after this one
//  returned is at least id, 1 to 2^63 (which ends the sequence). Never goes
//  back: with an id that has been passed it changes nothing. What all handles
//  of this client on that sequence have in their buffers, or on its way, below
//  id is burnt; other clients' buffers are not reached. Errors: ZSEQ_EINVAL,
//  and those of zseq_peek; after ZSEQ_ETIMEOUT or ZSEQ_EUNAVAILABLE the raise
//  may or may not come to hold.
ZSEQ_EXPORT
int zseq_raise (zseq_t *self, uint64_t id);

//  The asynchronous form: start calls, poll the client's descriptor, collect
//  what has ended. Starting and collecting never wait for a node, a clock or a
//  directory: a thread of the library does where that is needed. A call ends in
//  the time that its handle's timeout allows. Destroying a handle calls its
//  calls off: those that have not ended never do. (Those that wait for a worker
//  or a directory may end half a second late, and up to three seconds.)

typedef struct {
    uint64_t tag;      //  As it was started with
    int rc;            //  As the call of the same name returns it
    uint64_t value;    //  The ID, the first of the range, or what is next;
                       //  nothing of a raise
    char detail[512];  //  As zseq_detail
} zseq_ended_t;

//  A descriptor that polls readable while calls wait to be collected; never to
//  be read or closed by the caller, whom it serves as long as the client.
//  -1: ZSEQ_EIO (no descriptor is left), ZSEQ_EFORKED; see zseq_errno.
ZSEQ_EXPORT
int zseq_client_fd (zseq_client_t *self);

//  Start a call as zseq_next, zseq_next_range, zseq_peek and zseq_raise, which
//  ends with the tag. A raise holds for calls that begin after it was collected.
//  Errors, after which it never ends: ZSEQ_EINVAL, ZSEQ_ENOMEM, ZSEQ_EFORKED.
ZSEQ_EXPORT
int zseq_start_next (zseq_t *self, uint64_t tag);
ZSEQ_EXPORT
int zseq_start_range (zseq_t *self, uint64_t count, uint64_t tag);
ZSEQ_EXPORT
int zseq_start_peek (zseq_t *self, uint64_t tag);
ZSEQ_EXPORT
int zseq_start_raise (zseq_t *self, uint64_t id, uint64_t tag);

//  Takes up to count calls that have ended, in the order in which they did.
//  Returns how many; in a forked child none.
ZSEQ_EXPORT
size_t zseq_client_collect (zseq_client_t *self, zseq_ended_t *ended,
                            size_t count);

#ifdef __cplusplus
}
#endif
#endif
