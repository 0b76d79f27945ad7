#include "zseq_lookup.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "zseq.h"
#include "zseq_members.h"

//  The owner and the thread share it; the last of them frees it.
struct zseq_lookup {
    pthread_mutex_t lock;
    int users;
    int fd;
    int rc;
    zseq_address_t address;
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];
};

static void
s_release (zseq_lookup_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool last = --self->users == 0;
    pthread_mutex_unlock (&self->lock);
    if (!last)
        return;
    if (self->fd >= 0)
        close (self->fd);
    pthread_mutex_destroy (&self->lock);
    free (self);
}

static void *
s_run (void *arg)
{
    zseq_lookup_t *self = arg;
    zseq_address_t address;
    int rc = zseq_address_resolve (&address, self->endpoint);
    pthread_mutex_lock (&self->lock);
    self->address = address;
    self->rc = rc == ZSEQ_OK ? rc : ZSEQ_EIO;
    pthread_mutex_unlock (&self->lock);
    uint64_t one = 1;
    ssize_t size = write (self->fd, &one, sizeof one);
    assert (size == sizeof one);
    s_release (self);
    return NULL;
}

static bool
s_start (zseq_lookup_t *self)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    bool started = pthread_create (&thread, NULL, s_run, self) == 0;
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach (thread);
    return started;
}

zseq_lookup_t *
zseq_lookup_new (const char *endpoint)
{
    assert (endpoint);

    zseq_lookup_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    pthread_mutex_init (&self->lock, NULL);
    snprintf (self->endpoint, sizeof self->endpoint, "%s", endpoint);
    self->rc = ZSEQ_EAGAIN;
    self->users = 2;
    self->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->fd >= 0 && s_start (self))
        return self;
    self->users = 1;
    s_release (self);
    return NULL;
}

void
zseq_lookup_destroy (zseq_lookup_t **self_p)
{
    assert (self_p);

    if (*self_p)
        s_release (*self_p);
    *self_p = NULL;
}

int
zseq_lookup_fd (const zseq_lookup_t *self)
{
    assert (self);
    return self->fd;
}

int
zseq_lookup_take (zseq_lookup_t *self, zseq_address_t *address_p)
{
    assert (self);
    assert (address_p);

    pthread_mutex_lock (&self->lock);
    int rc = self->rc;
    if (rc == ZSEQ_OK)
        *address_p = self->address;
    pthread_mutex_unlock (&self->lock);
    return rc;
}
