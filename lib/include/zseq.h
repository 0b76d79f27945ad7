//  zseq: strictly increasing 64-bit IDs from a cluster without a leader, and a
//  key-value store on the same nodes.
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
//  come back through _p arguments, which a failure leaves untouched, unless the
//  function says otherwise.
//
//  Caveats
//
//  - Threads. Clients and handles are thread-safe, but no thread may use a
//    handle while another thread destroys it: each call on the handle must have
//    returned. That holds for the zseq_start_ calls, too, which another thread
//    may collect before they return. To end calls that wait, destroy the
//    client. The library starts threads of its own: those of libzmq, if that
//    is used, and some for background work and for the disk of file:.
//  - Signals. The library's threads block every signal, and the library
//    installs no signal handler. A blocking call that a signal interrupts goes
//    on until its deadline.
//  - Fork. Clients and handles do not survive fork (): in the child every call
//    fails with ZSEQ_EFORKED, so that the child never hands out what its parent
//    has buffered. Destroying them is allowed there, and frees memory. Make a
//    new client in the child, whichever thread forked it. With file:, a child
//    that has not called exec keeps the directory locked after its parent was
//    killed.
//  - Descriptors and threads. A client of a cluster needs two threads, and
//    seven descriptors and two for each node; file: needs a thread and twelve
//    descriptors. With transport=native a cluster needs no thread, but one for
//    each name of a host while it is resolved, and three descriptors and one
//    for each node. libzmq ends the process by abort () when it cannot have
//    what it needs. So the library tries to have as much before it starts
//    libzmq, with the client's first call, and before each new socket, and
//    fails with ZSEQ_EIO if it cannot. Another thread that takes the last of
//    them in the moment after that can still bring the abort about.
//  - Never close descriptors that are not yours, as closefrom (3) does, unless
//    exec follows: a descriptor of the library, or of libzmq, that is closed
//    while a client uses it ends the process by abort (), before the library
//    writes into what has its number next.
//  - Exit. A process may exit while threads wait or draw, and without
//    destroying its clients. Buffered IDs are burnt.
//  - One client per file: directory. A second one, of this process or another,
//    waits up to three seconds for the directory, and then its calls fail with
//    ZSEQ_ELOCKED.
//  - Never remove the file "lock" of a directory. That unlocks nothing: the
//    lock is on the directory itself, and ends with the process that holds it.
//  - Network file systems. file: refuses a directory on a network or FUSE file
//    system, because its locks may not hold for all that can reach it. With
//    unsafe-filesystem=1, you have to make sure that only one process uses the
//    directory at a time; if two do, IDs come twice.
//  - Clocks. flake:WORKER trusts its user: give each number to one process at a
//    time, forked children included, and never set the clock back between two
//    of them. With flake+ a clock cannot make IDs come twice, but a clock that
//    was set back, or is more than a minute ahead of the nodes' clocks, makes
//    calls wait or fail (ZSEQ_ECLOCK). No other IDs depend on a clock.
//  - Reserved names. Names that begin with "$flake/" hold the milliseconds of
//    flake workers. Do not claim or raise them: a worker's milliseconds that
//    you take are of no use to its generator. zseq_new refuses malformed ones.

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
#define ZSEQ_KEY_MAX 255      //  Bytes in a key, at least 1
#define ZSEQ_VALUE_MAX 49152  //  Bytes in a value: 48 KiB

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
    X (EAGAIN, 10, "nothing is there yet")                                     \
    X (EFORKED, 11, "the handle belongs to the parent process")                \
    X (ENOTVOTING, 12, "the node does not vote")                               \
    X (ENOSPACE, 13, "the disk is full")                                       \
    X (EBUSY, 14, "the node is busy")                                          \
    X (EFULL, 15, "the node holds as much as it may")                          \
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
    X (ECLOCK, 26, "too far from the clock")                                   \
    X (ECLOSED, 27, "the client is closed")                                    \
    X (ENOKEY, 28, "there is no such key")                                     \
    X (EVERSION, 29, "the key has another version")                            \
    X (EBALLOT, 30, "a node has promised a higher ballot")                     \
    X (EFORGOTTEN, 31, "the write may have been applied and forgotten")        \
    X (EVALUE, 32, "the value is too large")

enum {
    ZSEQ_OK = 0,
#define X(name, number, text) ZSEQ_##name = -(number),
    ZSEQ_ERRORS (X)
#undef X
};

//  The text of an error, for any number; a constant, never NULL.
ZSEQ_EXPORT
const char *zseq_strerror (int rc);

//  The detail of this thread's last failed call: which node, name or argument
//  failed, and what to do next. One line without a full stop; empty if there is
//  nothing to add. Valid until this thread's next failed call.
ZSEQ_EXPORT
const char *zseq_detail (void);

//  The error of this thread's last failed call, for functions that return a
//  pointer.
ZSEQ_EXPORT
int zseq_errno (void);

//  The version of the library at run time. Each pointer may be NULL.
ZSEQ_EXPORT
void zseq_version (int *major_p, int *minor_p, int *patch_p);

//  A client: where IDs come from. Its sequence handles share it.

typedef struct zseq_client zseq_client_t;

//  A new client for uri, which chooses where IDs come from:
//
//      tcp://HOST:PORT,ipc://PATH,...  a cluster: 1 to 9 endpoints of its
//                      nodes. One reachable endpoint is enough: the client
//                      learns the others from that node.
//      file:DIR        a durable node inside this process, without server and
//                      socket, in a directory that one client uses at a time.
//                      The first call makes the directory if its parent exists.
//                      While another process uses the directory, the first call
//                      waits up to three seconds, and the client's other calls
//                      wait for the first. Once the directory was moved,
//                      replaced, or written by others in use, every call fails
//                      (ZSEQ_EIO). zseq_detail says what to do about a damaged
//                      directory.
//      mem:            the memory of this client; the IDs end with the client
//      flake:WORKER    flake IDs: milliseconds, that worker's number, and a
//                      sequence number within the millisecond. They rise within
//                      a process, and are unique if no two processes have the
//                      same number at a time and no clock is set back between
//                      two of them. All names share the same IDs.
//      flake+URI       the same, with a worker's number leased from the cluster
//                      or directory of a tcp://, ipc:// or file: URI: unique
//                      whatever clocks do. The first call takes a free number
//                      (ZSEQ_EFULL: there is none)
//
//  then optionally a '?' and options joined by '&':
//
//      timeout=MS      as zseq_client_set_timeout
//      cluster=NAME    refuses to work with a cluster of another name
//      label=TEXT      what the client calls itself, 1 to ZSEQ_LABEL_MAX ASCII
//                      letters, digits and characters of -_.:@/+[]. Nodes keep
//                      it in memory, and zseq_info tells it to anyone who asks
//                      whose the last claim of a sequence was. Default
//                      program[pid]@host; empty: tells nothing
//      transport=KIND  what moves messages to nodes: zmq, which is libzmq, or
//                      native, zseq's own; nodes serve both. Default:
//                      $ZSEQ_TRANSPORT, else zmq, if the build has it
//      r=R  w=W        replies that a read and a write wait for
//      unsafe-filesystem=1  allows DIR of file: to be on a network or FUSE file
//                      system, which is refused otherwise (ZSEQ_EINVAL): if its
//                      locks do not hold for all that reach DIR, IDs come twice
//      bits=T/W/S      the bits of a flake ID: time, worker (20 at most),
//                      sequence (32), 63 together at most; default 41/10/12
//      epoch=MS        when the time of flake IDs begins, in Unix milliseconds;
//                      default 1735689600000
//
//  mem: and flake: keep no buffer: all that a batch changes is that
//  zseq_try_next may be used. Flake IDs come one by one, without range, peek,
//  raise or list (ZSEQ_EINVAL), and have no key-value store. Does no I/O.
//  Returns NULL when uri is malformed (ZSEQ_EURI) or memory runs out
//  (ZSEQ_ENOMEM); see zseq_errno and zseq_detail.
ZSEQ_EXPORT
zseq_client_t *zseq_client_new (const char *uri);

//  Destroys a client and nulls the pointer; accepts a null client. Calls of
//  other threads on the client and its handles end soon, and all later calls on
//  its handles fail: ZSEQ_ECLOSED. Destroy the handles before or after; only
//  with the last of them end the client's connections, its threads, and its
//  lock on a directory. Of the calls on the client itself, zseq_client_status
//  and zseq_client_list may be under way, and none may begin.
ZSEQ_EXPORT
void zseq_client_destroy (zseq_client_t **self_p);

//  How long a call may take, in milliseconds, 1 to ZSEQ_TIMEOUT_MS_MAX, for
//  this client's calls and for handles made from now on. Default 5000.
//  Errors: ZSEQ_EINVAL.
ZSEQ_EXPORT
int zseq_client_set_timeout (zseq_client_t *self, int timeout_ms);

//  How many nodes a read (r) and a write (w) wait for; 0 is the default, the
//  smallest safe number: w = N/2 + 1, r = N - N/2. Larger numbers cost
//  availability. Call it before the client's first call that needs the cluster.
//  Errors: ZSEQ_EINVAL if out of 0..9 or after that first call. If a number
//  does not fit N (design.md, S2), later calls fail with ZSEQ_EQUORUM.
ZSEQ_EXPORT
int zseq_client_set_quorum (zseq_client_t *self, int r, int w);

typedef struct {
    uint64_t issued;       //  IDs handed out to callers
    uint64_t claims;       //  Claims that succeeded
    uint64_t attempts;     //  Claims that were sent, first tries and retries
    uint64_t conflicts;    //  Attempts that another client's claim beat
    uint64_t timeouts;     //  Attempts given up because replies were late
    uint64_t burnt;        //  IDs claimed or perhaps claimed, never handed out
    uint64_t round_trips;  //  Attempts of every kind that were answered
    uint64_t rtt_us;       //  Typical round trip for a quorum, microseconds
} zseq_stats_t;

//  The client's counters since zseq_client_new. Never blocks for long.
//  Errors: ZSEQ_EFORKED.
ZSEQ_EXPORT
int zseq_client_stats (zseq_client_t *self, zseq_stats_t *stats_p);

//  What one node reports about itself.

#define ZSEQ_COUNTERS_MAX 40
#define ZSEQ_COUNTER_NAME_MAX 31

//  Something that a node counts since its process began, or measures now.
//  zseqd(8) lists them; nodes of other versions may have others.
typedef struct {
    char name[ZSEQ_COUNTER_NAME_MAX + 1];
    uint64_t value;
} zseq_counter_t;

typedef struct {
    char name[ZSEQ_LABEL_MAX + 1];
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];
    bool reachable;        //  It answered in time; else the rest is unset
    bool voting;           //  It takes part in claims and reads
    char state[128];       //  "voting", also with what it refuses behind it
                           //  (its disk is full) or what troubles it (no
                           //  descriptor is left); or why it does not vote
    uint64_t incarnation;  //  Of its disk, from 1; rises with each recovery
    uint64_t sequences;    //  How many names it holds
    uint64_t burnt;        //  Reserved IDs that it lost, at most, when it last
                           //  ended without being stopped
    uint64_t rtt_us;       //  Round trip of this question, microseconds
    uint64_t version;      //  The highest protocol version that it speaks; 0
                           //  for mem:, which speaks none
    uint64_t claims;       //  CLAIMs accepted since its process began
    uint64_t conflicts;    //  ... and refused, as another client was faster
    size_t counters;       //  How many there are in counter
    zseq_counter_t counter[ZSEQ_COUNTERS_MAX];
} zseq_node_status_t;

typedef struct {
    char cluster[ZSEQ_LABEL_MAX + 1];  //  The cluster's name
    uint64_t identity;                 //  Its identity, 0 before it is formed
    size_t nodes;                      //  N
    size_t r;                          //  Replies that a read waits for
    size_t w;                          //  Replies that a write waits for
    zseq_node_status_t node[ZSEQ_NODES_MAX];
} zseq_status_t;

//  Asks every node for its status. Waits for slow nodes until the deadline, one
//  second at most. ZSEQ_OK if at least one node answered. Errors:
//  ZSEQ_EUNAVAILABLE, ZSEQ_ECLUSTER, ZSEQ_EDUPLICATE, ZSEQ_EQUORUM,
//  ZSEQ_EIO, ZSEQ_ENOMEM, ZSEQ_EFORKED, ZSEQ_ECLOSED.
ZSEQ_EXPORT
int zseq_client_status (zseq_client_t *self, zseq_status_t *status_p);

//  Called once per name, in byte order, with the lowest ID that the nodes asked
//  have not seen claimed. Return 0 to go on, anything else to end the listing.
//  Must not call this client.
typedef int (zseq_list_fn) (const char *name, uint64_t next, void *arg);

//  Takes apart a flake ID of that client's layout: its time in Unix
//  milliseconds, its worker's number, and its number within the millisecond.
//  Errors: ZSEQ_EINVAL (the client's URI makes no flake IDs, or id is none of
//  that layout).
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
//  but NUL. The handle begins with the client's timeout and batch 1. Does no
//  I/O: a sequence exists from its first claim on. Returns NULL when the name
//  is empty, too long, or reserved and malformed (ZSEQ_EINVAL), or memory runs
//  out (ZSEQ_ENOMEM).
ZSEQ_EXPORT
zseq_t *zseq_new (zseq_client_t *client, const char *name);

//  Destroys a handle and nulls the pointer; accepts a null handle. Burns the
//  IDs left in its buffer.
ZSEQ_EXPORT
void zseq_destroy (zseq_t **self_p);

//  How many IDs a claim takes, up to ZSEQ_COUNT_MAX. Batch 1 (or 0) keeps no
//  buffer, so that every ID is above all IDs handed out by anyone before the
//  call began. A larger batch buffers what it claims, and claims the next range
//  in the background when half of the last one is gone. It gives up the order
//  between clients: IDs rise within this handle and are unique everywhere.
//  ZSEQ_BATCH_AUTO claims as many IDs as are taken in ten milliseconds, or in
//  twice the time of a claim, but no more than were taken in the last 100 ms,
//  nor than 2^24; it keeps no buffer while less than one ID is. (Where claims
//  take long, two IDs in the time of four claims are a batch.) So a load that
//  stops leaves at most two batches unused. The rest of a range that came a
//  second ago is burnt, which every 64th ID checks. Setting 0 or 1 burns what
//  is buffered and being claimed. Errors: ZSEQ_EINVAL, ZSEQ_EFORKED.
ZSEQ_EXPORT
int zseq_set_batch (zseq_t *self, uint64_t batch);

//  How long a call on this handle may take, milliseconds, 1 to
//  ZSEQ_TIMEOUT_MS_MAX. Errors: ZSEQ_EINVAL.
ZSEQ_EXPORT
int zseq_set_timeout (zseq_t *self, int timeout_ms);

//  The next ID, 1 to ZSEQ_ID_MAX. Blocks until the deadline at most. After each
//  of these errors nothing was handed out, and a retry is safe:
//    ZSEQ_EUNAVAILABLE   fewer than W nodes were reachable and voting (IDs
//                        may have been burnt on those that were)
//    ZSEQ_ETIMEOUT       W nodes were reachable, but too slow or too contended
//                        (IDs may have been burnt)
//    ZSEQ_EEXHAUSTED     no ID is left below 2^63
//    ZSEQ_ENOSPACE, ZSEQ_EBUSY, ZSEQ_EFULL  until the deadline, so many nodes
//                        refused for that reason that fewer than W were left
//    ZSEQ_ECLUSTER, ZSEQ_EDUPLICATE, ZSEQ_EQUORUM  the client is set up
//                        wrongly; it stays so
//    ZSEQ_EPROTOCOL      the nodes speak another version
//    ZSEQ_ECLOCK         flake IDs: the clock was set back by more than what is
//                        left until the deadline, or is far ahead of the nodes'
//    ZSEQ_EIO            too few descriptors or threads are left; or, as
//    ZSEQ_EDAMAGED, ZSEQ_ELOCKED, ZSEQ_EFOREIGN  file: the directory cannot be
//                        used; what to do is in zseq_detail
//    ZSEQ_ENOMEM, ZSEQ_EFORKED, ZSEQ_ECLOSED
//  For the messages, see lib/doc/wire.md, section 6.
ZSEQ_EXPORT
int zseq_next (zseq_t *self, uint64_t *id_p);

//  Takes count consecutive IDs, 1 to ZSEQ_COUNT_MAX, from first_p on, never
//  from the buffer: they lie above every ID that anyone was given before the
//  call began. Errors: ZSEQ_EINVAL and those of zseq_next; a range that does
//  not fit below 2^63 is ZSEQ_EEXHAUSTED even where a smaller one would fit.
ZSEQ_EXPORT
int zseq_next_range (zseq_t *self, uint64_t count, uint64_t *first_p);

//  Takes count IDs, 1 to ZSEQ_COUNT_MAX, into ids, as count calls of zseq_next
//  do: they rise, and unless threads share the handle, the handle hands out
//  none between them. An error burns the IDs taken so far. Errors: ZSEQ_EINVAL,
//  those of zseq_next.
ZSEQ_EXPORT
int zseq_take (zseq_t *self, uint64_t *ids, size_t count);

//  The next buffered ID, without waiting. Errors: ZSEQ_EAGAIN (nothing is
//  buffered; the next range is being claimed), ZSEQ_EINVAL (batch 1 never
//  buffers), and, once, the error of a claim that has failed since the last
//  call, as of zseq_next.
ZSEQ_EXPORT
int zseq_try_next (zseq_t *self, uint64_t *id_p);

//  The lowest ID that was never claimed, 1 to 2^63: all IDs handed out before
//  the call began are below it, all claims begun after it returned are at or
//  above it, and later peeks never return less. Takes nothing. Errors: those of
//  zseq_next but ZSEQ_EEXHAUSTED. Source: design.md, S6.
ZSEQ_EXPORT
int zseq_peek (zseq_t *self, uint64_t *next_p);

//  What one node knows of a sequence.
typedef struct {
    char name[ZSEQ_LABEL_MAX + 1];
    bool known;         //  It has told in time; else the rest is unset: it is
                        //  unreachable, does not vote, or is of an old version
    uint64_t next;      //  The lowest ID never claimed there; it may lag
    uint64_t rate;      //  IDs claimed there in the last second, about
    uint64_t since_us;  //  Microseconds since the last claim there; 0: it
                        //  remembers none
    char claimant[ZSEQ_LABEL_MAX + 1];  //  What the client of that claim calls
                                        //  itself, any bytes; "node NAME": a
                                        //  node claimed for clients; empty: not
                                        //  known
} zseq_node_info_t;

typedef struct {
    size_t nodes;  //  N
    zseq_node_info_t node[ZSEQ_NODES_MAX];
} zseq_info_t;

//  Asks every node what it knows of the sequence, for people to look at:
//  zseq_peek says what is next. Takes and changes nothing. Waits for slow nodes
//  until the deadline, one second at most. ZSEQ_OK if at least one node has
//  told. Errors: those of zseq_peek; ZSEQ_EPROTOCOL also if all nodes that
//  answer are of a version before 3.
ZSEQ_EXPORT
int zseq_info (zseq_t *self, zseq_info_t *info_p);

//  Makes sure that every ID handed out by calls that begin after this one
//  returned is at least id, 1 to 2^63 (which ends the sequence). Never lowers:
//  an id at or below the next one changes nothing. Burns the IDs below id that
//  this client's handles on the sequence have buffered or are claiming; does
//  not reach the buffers of other clients. Errors: ZSEQ_EINVAL, and those of
//  zseq_peek; after ZSEQ_ETIMEOUT or ZSEQ_EUNAVAILABLE the raise may or may not
//  take effect.
ZSEQ_EXPORT
int zseq_raise (zseq_t *self, uint64_t id);

//  The key-value store: a value of up to ZSEQ_VALUE_MAX bytes under each key.
//  It is on the nodes of a cluster, in the directory of file:, or in the memory
//  of the client of mem:. A cluster of nodes of an older version has none:
//  calls there fail with ZSEQ_EPROTOCOL.
//
//  Each key is linearizable: a get returns what the last put that ended before
//  it began has stored, or what a later one has. Nothing is promised of several
//  keys together. A value has a version, 1 to 2^63 - 1. The versions of a key
//  only rise, also over deletions and a recovery by force, but do not count up
//  by one: a version may be far above the one before it. So a version is
//  a condition for the next write (zseq_kv_cas), and a fence: whoever has the
//  higher version came later.
//
//  A write is done exactly once, or it fails. The library sends it again, to
//  other nodes, until it knows the outcome or the deadline passes. A failed
//  write was not done, and will not be, unless zseq_kv_unknown says true.

typedef struct zseq_kv zseq_kv_t;

typedef struct {
    size_t size;       //  Bytes in the value; 0: there is none
    uint64_t version;  //  Of the value, or of its deletion; 0: the key was
                       //  never used, or its deletion is forgotten
} zseq_kv_info_t;

//  Any version, as a condition.
#define ZSEQ_KV_ANY UINT64_MAX

//  A handle on the client's key-value store, which begins with the client's
//  timeout. Does no I/O. Returns NULL: ZSEQ_EINVAL (a flake URI has no store),
//  ZSEQ_ENOMEM, ZSEQ_EFORKED, ZSEQ_ECLOSED; see zseq_errno.
ZSEQ_EXPORT
zseq_kv_t *zseq_kv_new (zseq_client_t *client);

//  Destroys a handle and nulls the pointer; accepts a null handle.
ZSEQ_EXPORT
void zseq_kv_destroy (zseq_kv_t **self_p);

//  As zseq_set_timeout.
ZSEQ_EXPORT
int zseq_kv_set_timeout (zseq_kv_t *self, int timeout_ms);

//  Gets the value of a key, 1 to ZSEQ_KEY_MAX bytes of any kind, into a buffer;
//  one of ZSEQ_VALUE_MAX bytes holds any value, and NULL and 0 are allowed.
//  Blocks until the deadline at most. Changes nothing. Errors:
//    ZSEQ_ENOKEY         there is no value; sets *info_p
//    ZSEQ_EVALUE         the buffer is too small and was left alone; sets
//                        *info_p, which has the value's size
//    ZSEQ_EUNAVAILABLE, ZSEQ_ETIMEOUT  too few nodes, more than half of them,
//                        were reachable and voting, or they were too slow
//    ZSEQ_EBUSY          until the deadline, the nodes had too much to do
//    ZSEQ_EPROTOCOL      the nodes are of a version without the store
//    ZSEQ_EINVAL, and those of zseq_next from ZSEQ_ECLUSTER on
ZSEQ_EXPORT
int zseq_kv_get (zseq_kv_t *self, const void *key, size_t key_size,
                 void *buffer, size_t buffer_size, zseq_kv_info_t *info_p);

//  The same from one node, which takes less time and does less work: the value
//  may be an older one. It was the key's value once, and is not older than any
//  that this handle has got or put before. Falls back to zseq_kv_get where the
//  node cannot promise that.
ZSEQ_EXPORT
int zseq_kv_stale (zseq_kv_t *self, const void *key, size_t key_size,
                   void *buffer, size_t buffer_size, zseq_kv_info_t *info_p);

//  Stores a value of 0 to ZSEQ_VALUE_MAX bytes under a key. version_p may be
//  NULL. Blocks until the deadline at most. Errors:
//    ZSEQ_EVALUE         the value is too large
//    ZSEQ_EUNAVAILABLE, ZSEQ_ETIMEOUT  as of zseq_kv_get; see zseq_kv_unknown
//    ZSEQ_EFORGOTTEN     the write was sent again, and so many others came
//                        since that nobody remembers it: zseq_kv_unknown says
//                        true. Sets *version_p to the key's version
//    ZSEQ_EFULL          a majority of the nodes has no memory left for it;
//                        nothing was written
//    ZSEQ_ENOSPACE, ZSEQ_EBUSY  until the deadline, the nodes refused for
//                        that reason
//    ZSEQ_EEXHAUSTED     no version is left
//    ZSEQ_EPROTOCOL, ZSEQ_EINVAL and others as of zseq_kv_get
ZSEQ_EXPORT
int zseq_kv_put (zseq_kv_t *self, const void *key, size_t key_size,
                 const void *data, size_t size, uint64_t *version_p);

//  The same, if the key has the expected version; expected 0: if it has no
//  value. With ZSEQ_KV_ANY it is zseq_kv_put. Further errors, which set
//  *version_p to the version that the key has instead:
//    ZSEQ_EVERSION       the key has another version; or, with 0, a value
//    ZSEQ_ENOKEY         it has no value, and so not the expected version
ZSEQ_EXPORT
int zseq_kv_cas (zseq_kv_t *self, const void *key, size_t key_size,
                 uint64_t expected, const void *data, size_t size,
                 uint64_t *version_p);

//  The same, and where the key has another version, gets the value of that
//  into a buffer, as zseq_kv_get does: what is read, changed and stored in a
//  loop takes one call a try. Sets *info_p to what the key then has, where
//  zseq_kv_cas sets *version_p; after ZSEQ_EFORGOTTEN it does not tell the
//  size. On ZSEQ_EVERSION a buffer smaller than info_p->size was left alone.
//  The buffer may be that of data.
ZSEQ_EXPORT
int zseq_kv_cas_or_get (zseq_kv_t *self, const void *key, size_t key_size,
                        uint64_t expected, const void *data, size_t size,
                        void *buffer, size_t buffer_size,
                        zseq_kv_info_t *info_p);

//  Deletes the value of a key, if it has the expected version, or with
//  ZSEQ_KV_ANY whichever it has. Sets *version_p, which may be NULL, to the
//  version of the deletion. Errors: those of zseq_kv_cas; ZSEQ_EINVAL also if
//  expected is 0.
ZSEQ_EXPORT
int zseq_kv_del (zseq_kv_t *self, const void *key, size_t key_size,
                 uint64_t expected, uint64_t *version_p);

//  A key of a listing. Valid during the call of the function that gets it.
typedef struct {
    const void *key;
    size_t key_size;
    const void *data;  //  Its value; NULL of zseq_kv_keys
    size_t size;
    uint64_t version;
} zseq_kv_entry_t;

//  Gets an entry. Returns 0 to go on, or anything else to end the listing. May
//  make calls of its own.
typedef int (zseq_kv_list_fn) (const zseq_kv_entry_t *entry, void *arg);

//  Passes the keys that begin with a prefix (0 to ZSEQ_KEY_MAX bytes; 0: all)
//  and come after a key (0 bytes: all) to fn, in byte order, with their values.
//  Deleted keys are left out. Each entry is what zseq_kv_get would have
//  returned at some time during the call, and no key is left out that had a
//  value throughout; but the entries are of no one instant. What a listing
//  shows is not among what zseq_kv_stale has to reach. To resume a listing,
//  pass its last key as after. Takes memory for one page, however many keys
//  there are. Blocks, but for fn, until the deadline at most for each page of
//  up to 256 keys. Returns ZSEQ_OK also if fn has ended it. Errors: those of
//  zseq_kv_get but ZSEQ_ENOKEY and ZSEQ_EVALUE; ZSEQ_ENOMEM.
ZSEQ_EXPORT
int zseq_kv_list (zseq_kv_t *self, const void *prefix, size_t prefix_size,
                  const void *after, size_t after_size, zseq_kv_list_fn *fn,
                  void *arg);

//  The same without the values, which are not sent then.
ZSEQ_EXPORT
int zseq_kv_keys (zseq_kv_t *self, const void *prefix, size_t prefix_size,
                  const void *after, size_t after_size, zseq_kv_list_fn *fn,
                  void *arg);

//  Waits until a key has a version above after_version, and gets it as
//  zseq_kv_get does. after_version is that of what is known: of a value, or of
//  a deletion; 0: none is. Deletions count: ZSEQ_ENOKEY, with their version in
//  *info_p; that is 0 if the key was deleted and the nodes no longer know when,
//  after which to watch on from 0. To follow a key, pass the last version each
//  time: the versions only rise, and the last one always comes; values between
//  may be skipped. Takes nodes no work while nothing happens. Further errors:
//    ZSEQ_ETIMEOUT       until the deadline there was no such version
ZSEQ_EXPORT
int zseq_kv_watch (zseq_kv_t *self, const void *key, size_t key_size,
                   uint64_t after_version, void *buffer, size_t buffer_size,
                   zseq_kv_info_t *info_p);

//  Tells a handle a version of a key, 1 to 2^63 - 1, that was seen elsewhere:
//  by another handle or process, or in a store that the key is moved from.
//  It is then as if this handle had got it: its writes of the key have higher
//  versions, until it has got or put a thousand other keys, and its stale gets
//  show no older ones. Does no I/O. Later writes
//  fail with ZSEQ_EINVAL if the version is 2^52 or more above all that the
//  nodes know. Errors: ZSEQ_EINVAL, ZSEQ_EFORKED, ZSEQ_ECLOSED.
ZSEQ_EXPORT
int zseq_kv_note (zseq_kv_t *self, const void *key, size_t key_size,
                  uint64_t version);

//  Whether this thread's last failed call was a write that may have been done,
//  or may be done yet. To find out, get the key: once a later version is there,
//  the write will not be done any more if it was a zseq_kv_cas with a version.
//  (After ZSEQ_ENOKEY or ZSEQ_EVERSION it says true only if a node that did not
//  answer may still do it, once the condition holds.)
ZSEQ_EXPORT
bool zseq_kv_unknown (void);

//  The asynchronous form: start calls, poll the client's descriptor, and
//  collect the calls that have ended. Starting and collecting never wait for a
//  node, a clock or a directory; a thread of the library waits where that is
//  needed. A call ends within its handle's timeout; a call that waits for a
//  worker may be half a second late, one that waits for a directory three
//  seconds. Destroying a handle cancels its calls: those that have not ended
//  never do.

typedef struct {
    uint64_t tag;      //  The tag that it was started with
    int rc;            //  What the blocking call would return
    uint64_t value;    //  The ID, the first of the range, or the peeked ID;
                       //  unset for a raise. The version of a key-value call,
                       //  also if the blocking call sets it with its error
    size_t size;       //  Bytes in the value that was found: of a get, or
                       //  with ZSEQ_EVERSION
    bool unknown;      //  As zseq_kv_unknown
    char detail[512];  //  As zseq_detail
} zseq_ended_t;

//  A descriptor that polls readable while there are calls to collect. It is
//  valid as long as the client; never read or close it. -1: ZSEQ_EIO (no
//  descriptor is left), ZSEQ_EFORKED; see zseq_errno.
ZSEQ_EXPORT
int zseq_client_fd (zseq_client_t *self);

//  These start a call as zseq_next, zseq_next_range, zseq_peek and zseq_raise;
//  tag comes back with its end. A raise holds for calls that begin after it was
//  collected. Errors, after which nothing was started: ZSEQ_EINVAL,
//  ZSEQ_ENOMEM, ZSEQ_EFORKED.
ZSEQ_EXPORT
int zseq_start_next (zseq_t *self, uint64_t tag);
ZSEQ_EXPORT
int zseq_start_range (zseq_t *self, uint64_t count, uint64_t tag);
ZSEQ_EXPORT
int zseq_start_peek (zseq_t *self, uint64_t tag);
ZSEQ_EXPORT
int zseq_start_raise (zseq_t *self, uint64_t id, uint64_t tag);

//  The same for the key-value store: as zseq_kv_get, _stale, _put, _cas,
//  _cas_or_get, _del, _watch.
//  Key and data are copied. buffer is written until the call was collected or
//  the handle was destroyed, and has to be there as long. Destroying the handle
//  cancels its calls: a write that was started may be done nevertheless.
ZSEQ_EXPORT
int zseq_start_kv_get (zseq_kv_t *self, const void *key, size_t key_size,
                       void *buffer, size_t buffer_size, uint64_t tag);
ZSEQ_EXPORT
int zseq_start_kv_stale (zseq_kv_t *self, const void *key, size_t key_size,
                         void *buffer, size_t buffer_size, uint64_t tag);
ZSEQ_EXPORT
int zseq_start_kv_put (zseq_kv_t *self, const void *key, size_t key_size,
                       const void *data, size_t size, uint64_t tag);
ZSEQ_EXPORT
int zseq_start_kv_cas (zseq_kv_t *self, const void *key, size_t key_size,
                       uint64_t expected, const void *data, size_t size,
                       uint64_t tag);
ZSEQ_EXPORT
int zseq_start_kv_cas_or_get (zseq_kv_t *self, const void *key, size_t key_size,
                              uint64_t expected, const void *data, size_t size,
                              void *buffer, size_t buffer_size, uint64_t tag);
ZSEQ_EXPORT
int zseq_start_kv_del (zseq_kv_t *self, const void *key, size_t key_size,
                       uint64_t expected, uint64_t tag);

ZSEQ_EXPORT
int zseq_start_kv_watch (zseq_kv_t *self, const void *key, size_t key_size,
                         uint64_t after_version, void *buffer,
                         size_t buffer_size, uint64_t tag);

//  Takes up to count ended calls, the first to end first. Returns how many; 0
//  in a forked child.
ZSEQ_EXPORT
size_t zseq_client_collect (zseq_client_t *self, zseq_ended_t *ended,
                            size_t count);

#ifdef __cplusplus
}
#endif
#endif
