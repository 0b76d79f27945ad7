//  The native transport's parts. Private to zseq_transport_native.c, which has
//  the descriptors and the time, to zseq_native_router.c, the node's side, and
//  to zseq_native_link.c, the client's.
//
//  One epoll holds all sockets, and a timer for whatever is due: it is the only
//  descriptor that an owner polls.

#ifndef ZSEQ_NATIVE_H_INCLUDED
#define ZSEQ_NATIVE_H_INCLUDED

#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "zseq_address.h"
#include "zseq_channel.h"
#include "zseq_lookup.h"
#include "zseq_sources.h"
#include "zseq_transport_private.h"

#define ZSEQ_NATIVE_NEVER UINT64_MAX
#define ZSEQ_NATIVE_AT_ONCE 1
#define ZSEQ_NATIVE_EVENTS_MAX 64
#define ZSEQ_NATIVE_WATCHED_MAX 4
#define ZSEQ_NATIVE_RETIRED_MAX (ZSEQ_LINKS_MAX + ZSEQ_FRAMES_MAX)

//  Whose descriptor it is: in epoll's data, with an index and a count of how
//  often that index was taken, since events may be of one that has ended.
typedef enum {
    ZSEQ_NATIVE_WATCHED,
    ZSEQ_NATIVE_TIMER,
    ZSEQ_NATIVE_LISTENER,
    ZSEQ_NATIVE_CONNECTION,
    ZSEQ_NATIVE_LINK
} zseq_native_owner_t;

static inline uint64_t
zseq_native_key (zseq_native_owner_t owner, uint32_t index, uint32_t count)
{
    return (uint64_t) owner << 56 | (uint64_t) index << 32 | count;
}

//  A connection that a ROUTER has.
typedef struct zseq_native_connection {
    zseq_channel_t channel;
    uint32_t slot;
    uint64_t id;            //  No other connection ever has it
    uint64_t until_us;      //  Of the handshake
    bool shaken;            //  The handshake is done
    bool queued;            //  In the queue of those that may have frames
    bool dirty;             //  In the list of those that have something to send
    zseq_source_t *source;  //  NULL: it is of this host
    TAILQ_ENTRY (zseq_native_connection) queue;
    TAILQ_ENTRY (zseq_native_connection) handshake;
    TAILQ_ENTRY (zseq_native_connection) dirty_list;
} zseq_native_connection_t;

TAILQ_HEAD (zseq_native_list, zseq_native_connection);

typedef struct {
    int fd;     //  That listens; -1: none
    int spare;  //  A descriptor to hang up with when there are no others
    bool paused;
    uint64_t resume_us;
    char path[108];  //  Of an ipc endpoint, to remove
    zseq_native_connection_t **slot;
    uint32_t *unused;  //  A stack of slots
    size_t unused_count;
    size_t slots;
    size_t count;
    uint64_t last_id;
    struct zseq_native_list queue;
    struct zseq_native_list handshakes;  //  By their deadlines
    struct zseq_native_list dirty;
    zseq_native_connection_t *sender;  //  Of what was received last
    zseq_sources_t sources;
} zseq_native_router_t;

typedef enum {
    ZSEQ_NATIVE_UNUSED,
    ZSEQ_NATIVE_WAITING,    //  For the next attempt
    ZSEQ_NATIVE_RESOLVING,  //  For its host's address
    ZSEQ_NATIVE_CONNECTING,
    ZSEQ_NATIVE_SHAKING,  //  The handshake is under way
    ZSEQ_NATIVE_CONNECTED
} zseq_native_state_t;

//  What the other end has let a link know of why it gets no connection.
typedef enum {
    ZSEQ_NATIVE_NO_TROUBLE,
    ZSEQ_NATIVE_WANTS_KEYS,  //  It has keys, and we have none
    ZSEQ_NATIVE_LACKS_KEYS,  //  It has none, and we have some
    ZSEQ_NATIVE_OTHER_KEY,   //  Its key is another one than the pinned
    ZSEQ_NATIVE_HUNG_UP,     //  ... before its greeting was complete
    ZSEQ_NATIVE_DENIED       //  It does not let our key in
} zseq_native_trouble_t;

typedef struct {
    zseq_channel_t channel;
    zseq_native_state_t state;
    int fd;  //  CONNECTING: the socket, which is not the channel's yet
    uint32_t count;
    unsigned failures;
    uint64_t due_us;  //  When the state ends
    zseq_lookup_t *lookup;
    bool ended;  //  The node will send no more: what comes is the rest
    bool given;  //  Frames in its buffer are in use
    zseq_native_trouble_t trouble;            //  Of the last attempt
    uint8_t server_key[ZSEQ_CURVE_KEY_SIZE];  //  With keys: the node's
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];
} zseq_native_link_t;

typedef struct {
    zseq_transport_t transport;
    int epoll;
    int timer;
    uint64_t armed_us;   //  When the timer is due
    uint64_t looked_us;  //  When epoll was asked last
    bool quiet;          //  There is nothing new, unless a poll says otherwise
    bool looked;         //  In this turn
    bool connected;      //  A link has connected since the last poll
    int watched[ZSEQ_NATIVE_WATCHED_MAX];  //  The owner's own descriptors
    size_t watched_count;
    //  What a poll has found. Written without the owner's lock, by the only
    //  thread that polls; then taken by the same thread, with the lock.
    struct epoll_event found[ZSEQ_NATIVE_EVENTS_MAX];
    size_t found_count;
    zseq_native_router_t router;
    zseq_native_link_t link[ZSEQ_LINKS_MAX];
    size_t next_link;
    atomic_uint dirty_links;  //  A set: those with something to send
    bool untimed;             //  The timer may be due too late
    //  Buffers with frames in use, of links that are closed or read on.
    uint8_t *retired[ZSEQ_NATIVE_RETIRED_MAX];
    size_t retired_count;
} zseq_native_t;

//  Of zseq_transport_native.c.

uint64_t zseq_native_now_us (void);

//  Makes epoll and the timer, unless they are there. Errors: ZSEQ_EIO, with the
//  transport's text set.
int zseq_native_open (zseq_native_t *self);

//  Adds, changes or removes a descriptor in epoll. False, with errno: the
//  system watches no more descriptors.
bool zseq_native_watch (zseq_native_t *self, int operation, int fd,
                        uint32_t events, uint64_t key);

//  Keeps the text that says of an endpoint that it cannot be watched, and
//  returns ZSEQ_EIO.
int zseq_native_fail_watch (zseq_native_t *self, const char *endpoint);

//  Of zseq_native_router.c.

void zseq_native_router_init (zseq_native_t *self);
int zseq_native_router_bind (zseq_native_t *self, const char *endpoint);
void zseq_native_router_close (zseq_native_t *self);
void zseq_native_router_accept (zseq_native_t *self);
void zseq_native_router_event (zseq_native_t *self, uint32_t slot,
                               uint32_t count, uint32_t events);
//  Ends what is overdue. Returns when something is due next.
uint64_t zseq_native_router_expire (zseq_native_t *self, uint64_t now_us);
int zseq_native_router_recv (zseq_native_t *self, zseq_route_t *route_p,
                             const uint8_t **bytes_p, size_t *size_p);
//  The public key of the sender of what was received last; NULL: none.
const uint8_t *zseq_native_router_sender (const zseq_native_t *self);
int zseq_native_router_reply (zseq_native_t *self, const zseq_route_t *route,
                              const uint8_t *bytes, size_t size);
void zseq_native_router_flush (zseq_native_t *self);
//  Ends the connections that hold the most memory, until half of it is left.
//  Returns how many.
size_t zseq_native_router_shed (zseq_native_t *self);

//  Of zseq_native_link.c.

void zseq_native_link_init (zseq_native_link_t *self);
void zseq_native_link_term (zseq_native_link_t *self);
int zseq_native_link_open (zseq_native_t *self, size_t index,
                           const char *endpoint);
void zseq_native_link_close (zseq_native_t *self, size_t index);
void zseq_native_link_event (zseq_native_t *self, size_t index, uint32_t count,
                             uint32_t events);
uint64_t zseq_native_link_expire (zseq_native_t *self, size_t index,
                                  uint64_t now_us);
//  Takes the next frame; reads for it, but not without end. Errors:
//  ZSEQ_EAGAIN.
int zseq_native_link_recv (zseq_native_t *self, size_t index,
                           const uint8_t **bytes_p, size_t *size_p);
//  See zseq_transport_trouble.
const char *zseq_native_link_trouble (const zseq_native_t *self, size_t index);
bool zseq_native_link_ready (zseq_native_t *self, size_t index);
int zseq_native_link_send (zseq_native_t *self, size_t index,
                           const uint8_t *bytes, size_t size);

#endif
