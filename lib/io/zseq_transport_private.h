//  What a kind of transport is. The function zseq_transport_* of the same name
//  checks the arguments, and has the contract.

#ifndef ZSEQ_TRANSPORT_PRIVATE_H_INCLUDED
#define ZSEQ_TRANSPORT_PRIVATE_H_INCLUDED

#include "zseq_transport.h"

typedef struct {
    void (*destroy) (zseq_transport_t *self);
    int (*bind) (zseq_transport_t *self, const char *endpoint);
    void (*reset) (zseq_transport_t *self);
    int (*link) (zseq_transport_t *self, size_t index, const char *endpoint);
    void (*unlink) (zseq_transport_t *self, size_t index);
    int (*send) (zseq_transport_t *self, size_t index, const uint8_t *bytes,
                 size_t size);
    int (*reply) (zseq_transport_t *self, const zseq_route_t *route,
                  const uint8_t *bytes, size_t size);
    bool (*ready) (zseq_transport_t *self, size_t index);
    int (*recv) (zseq_transport_t *self, size_t index, const uint8_t **bytes_p,
                 size_t *size_p);
    int (*recv_request) (zseq_transport_t *self, zseq_route_t *route_p,
                         const uint8_t **bytes_p, size_t *size_p);
    const uint8_t *(*sender) (zseq_transport_t *self);
    const char *(*trouble) (zseq_transport_t *self, size_t index);
    size_t (*drain) (zseq_transport_t *self,
                     zseq_frame_t frames[ZSEQ_FRAMES_MAX]);
    size_t (*fds) (const zseq_transport_t *self, struct pollfd *fds);
    int (*poll) (zseq_transport_t *self, struct pollfd *fds, size_t count,
                 const struct timespec *timeout);      //  NULL: as ppoll
    void (*watch) (zseq_transport_t *self, int fd);    //  NULL: does not
    void (*unwatch) (zseq_transport_t *self, int fd);  //  NULL: does not
    void (*note_ready) (zseq_transport_t *self, const struct pollfd *fds,
                        size_t count);
    void (*flush) (zseq_transport_t *self);   //  NULL: sends all at once
    size_t (*shed) (zseq_transport_t *self);  //  NULL: cannot tell
    //  NULL: there is never any.
    bool (*unflushed) (const zseq_transport_t *self);
} zseq_transport_ops_t;

//  Each kind begins with this struct.
struct zseq_transport {
    const zseq_transport_ops_t *ops;
    zseq_transport_options_t options;  //  All set: no field is 0 but keys
    zseq_curve_keys_t keys;            //  Those of options
    bool pinned[ZSEQ_LINKS_MAX];
    uint8_t server_key[ZSEQ_LINKS_MAX][ZSEQ_CURVE_KEY_SIZE];
    zseq_traffic_t traffic;
    zseq_refusal_t refusal[ZSEQ_REFUSALS];
    char text[512];
};

//  The constructors of the kinds; NULL: no memory. zseq_transport_new sets the
//  options.
zseq_transport_t *zseq_transport_zmq_new (void);
zseq_transport_t *zseq_transport_native_new (void);

//  Keeps the text of why a call failed, and returns rc.
int zseq_transport_fail (zseq_transport_t *self, int rc, const char *format,
                         ...) __attribute__ ((format (printf, 3, 4)));

static inline void
zseq_transport_count_sent (zseq_transport_t *self, size_t size)
{
    self->traffic.frames_sent++;
    self->traffic.bytes_sent += size;
}

static inline void
zseq_transport_count_received (zseq_transport_t *self, size_t size)
{
    self->traffic.frames_received++;
    self->traffic.bytes_received += size;
}

#endif
