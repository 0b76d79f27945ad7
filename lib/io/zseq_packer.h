//  Sends messages over a transport, several in one frame where that is possible
//  (zseq_pack). A frame costs system calls and wake-ups on both sides, whatever
//  it holds.
//
//  The owner adds the messages of a round, then flushes. A message leaves at
//  the latest with the flush, except on a link that is held: while the other
//  end has not answered the last frame, more messages for it wait and share the
//  next one, as in Nagle's algorithm (RFC 896), but for HOLD_US at most. So the
//  frames become larger the more a processor has to do. Messages to one place
//  keep their order.

#ifndef ZSEQ_PACKER_H_INCLUDED
#define ZSEQ_PACKER_H_INCLUDED

#include "zseq_transport.h"

typedef struct zseq_packer zseq_packer_t;

//  The transport must stay. NULL: no memory.
zseq_packer_t *zseq_packer_new (zseq_transport_t *transport);
void zseq_packer_destroy (zseq_packer_t **self_p);

//  Adds a message to a link. It is lost if the link cannot take a frame at the
//  flush.
void zseq_packer_send (zseq_packer_t *self, size_t link, const uint8_t *bytes,
                       size_t size);

//  Passes a message for the sender of a request to the transport, or adds it to
//  the pack of that sender: if packed, which says that the request was packed,
//  or if there is such a pack. It is lost if the sender has gone or does not
//  read.
void zseq_packer_reply (zseq_packer_t *self, const zseq_route_t *route,
                        bool packed, const uint8_t *bytes, size_t size);

//  A frame has come over a link.
void zseq_packer_note_heard (zseq_packer_t *self, size_t link);

//  Sends all that was added, and flushes the transport. hold: leaves out links
//  that have not answered.
void zseq_packer_flush (zseq_packer_t *self, bool hold, uint64_t now_us);

//  When to flush again; UINT64_MAX: nothing is held.
uint64_t zseq_packer_wake_us (const zseq_packer_t *self);

#endif
