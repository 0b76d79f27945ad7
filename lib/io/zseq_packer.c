#include "zseq_packer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_pack.h"

//  How long a link is held at most: several round trips within a data centre,
//  so that one who does not answer delays nobody else's claims for long.
#define HOLD_US 2000
//  Senders of requests whose replies can be packed at the same time.
#define ROUTES_MAX 32

typedef struct {
    zseq_pack_t pack;
    bool unanswered;   //  Nothing was heard since the last frame
    uint64_t sent_us;  //  When that was sent
} s_link_t;

typedef struct {
    zseq_route_t route;
    zseq_pack_t pack;
} s_route_t;

struct zseq_packer {
    zseq_transport_t *transport;
    s_link_t link[ZSEQ_LINKS_MAX];
    s_route_t route[ROUTES_MAX];
    size_t route_count;  //  Entries in use since the last flush
    size_t next_route;   //  To send when all entries are in use
    uint64_t wake_us;
};

zseq_packer_t *
zseq_packer_new (zseq_transport_t *transport)
{
    assert (transport);

    zseq_packer_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->transport = transport;
    self->wake_us = UINT64_MAX;
    return self;
}

void
zseq_packer_destroy (zseq_packer_t **self_p)
{
    assert (self_p);

    free (*self_p);
    *self_p = NULL;
}

static void
s_send_link (zseq_packer_t *self, size_t index)
{
    zseq_pack_t *pack = &self->link[index].pack;
    if (!pack->count)
        return;
    const uint8_t *frame;
    size_t size = zseq_pack_take (pack, &frame);
    (void) zseq_transport_send (self->transport, index, frame, size);
}

void
zseq_packer_send (zseq_packer_t *self, size_t link, const uint8_t *bytes,
                  size_t size)
{
    assert (self);
    assert (link < ZSEQ_LINKS_MAX);
    assert (bytes);

    zseq_pack_t *pack = &self->link[link].pack;
    if (zseq_pack_add (pack, bytes, size))
        return;
    s_send_link (self, link);
    if (!zseq_pack_add (pack, bytes, size))
        (void) zseq_transport_send (self->transport, link, bytes, size);
}

static void
s_send_route (zseq_packer_t *self, s_route_t *entry)
{
    if (!entry->pack.count)
        return;
    const uint8_t *frame;
    size_t size = zseq_pack_take (&entry->pack, &frame);
    (void) zseq_transport_reply (self->transport, &entry->route, frame, size);
}

//  The entry of a route; NULL: it has none.
static s_route_t *
s_find (zseq_packer_t *self, const zseq_route_t *route)
{
    for (size_t index = 0; index < self->route_count; index++) {
        s_route_t *entry = &self->route[index];
        if (entry->route.size == route->size &&
            !memcmp (entry->route.id, route->id, route->size))
            return entry;
    }
    return NULL;
}

//  Makes an entry for a route that has none.
static s_route_t *
s_make (zseq_packer_t *self, const zseq_route_t *route)
{
    s_route_t *entry;
    if (self->route_count < ROUTES_MAX)
        entry = &self->route[self->route_count++];
    else {
        entry = &self->route[self->next_route];
        self->next_route = (self->next_route + 1) % ROUTES_MAX;
        s_send_route (self, entry);
    }
    entry->route = *route;
    return entry;
}

void
zseq_packer_reply (zseq_packer_t *self, const zseq_route_t *route, bool packed,
                   const uint8_t *bytes, size_t size)
{
    assert (self);
    assert (route);
    assert (bytes);

    s_route_t *entry = s_find (self, route);
    if (!entry && packed)
        entry = s_make (self, route);
    if (entry && zseq_pack_add (&entry->pack, bytes, size))
        return;
    if (entry)
        s_send_route (self, entry);
    if (!entry || !zseq_pack_add (&entry->pack, bytes, size))
        (void) zseq_transport_reply (self->transport, route, bytes, size);
}

void
zseq_packer_note_heard (zseq_packer_t *self, size_t link)
{
    assert (self);
    assert (link < ZSEQ_LINKS_MAX);
    self->link[link].unanswered = false;
}

void
zseq_packer_flush (zseq_packer_t *self, bool hold, uint64_t now_us)
{
    assert (self);

    self->wake_us = UINT64_MAX;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        s_link_t *link = &self->link[index];
        if (!link->pack.count)
            continue;
        uint64_t until_us = link->sent_us + HOLD_US;
        if (hold && link->unanswered && now_us < until_us) {
            if (self->wake_us > until_us)
                self->wake_us = until_us;
            continue;
        }
        s_send_link (self, index);
        link->unanswered = true;
        link->sent_us = now_us;
    }
    for (size_t index = 0; index < self->route_count; index++)
        s_send_route (self, &self->route[index]);
    self->route_count = 0;
    zseq_transport_flush (self->transport);
}

uint64_t
zseq_packer_wake_us (const zseq_packer_t *self)
{
    assert (self);
    return self->wake_us;
}
