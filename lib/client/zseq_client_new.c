//  The constructor of a client, for each scheme of a URI. It is above all other
//  files of the client, because a flake+ URI needs a client inside the client.

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "zseq_client_private.h"
#include "zseq_client_texts.h"
#include "zseq_detail.h"
#include "zseq_fork.h"

static zseq_client_t *s_new (const zseq_uri_t *uri);

//  Makes the reactor or the source of the URI. False: no memory.
static bool
s_open (zseq_client_t *self)
{
    const zseq_uri_t *uri = &self->uri;
    if (uri->scheme == ZSEQ_SCHEME_MEM)
        self->source = zseq_source_mem_new ();
    else if (!uri->flake)
        self->reactor = zseq_reactor_new (uri);
    else {
        //  With flake+, a client of the URI after the + claims milliseconds.
        zseq_uri_t claims = *uri;
        claims.flake = false;
        zseq_client_t *client =
          uri->scheme == ZSEQ_SCHEME_FLAKE ? NULL : s_new (&claims);
        if (client || uri->scheme == ZSEQ_SCHEME_FLAKE)
            self->source = zseq_source_flake_new (uri, client);
        if (!self->source)
            zseq_client_destroy (&client);
    }
    return self->reactor || self->source;
}

//  Makes a client of a parsed URI. NULL: no memory.
static zseq_client_t *
s_new (const zseq_uri_t *uri)
{
    zseq_client_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    zseq_fork_watch ();
    self->uri = *uri;
    self->forks = zseq_fork_count;
    if (!s_open (self)) {
        free (self);
        return NULL;
    }
    atomic_init (&self->timeout_ms, uri->timeout_ms);
    pthread_mutex_init (&self->lock, NULL);
    self->uses = 1;
    zseq_calls_init (self);
    return self;
}

zseq_client_t *
zseq_client_new (const char *uri)
{
    if (!uri) {
        (void) zseq_detail_fail (ZSEQ_EURI, ZSEQ_TEXT_URI_NULL);
        return NULL;
    }
    zseq_uri_t parsed;
    if (zseq_uri_parse (uri, &parsed) != ZSEQ_OK)
        return NULL;
    zseq_client_t *self = s_new (&parsed);
    if (!self)
        (void) zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_CLIENT);
    return self;
}
