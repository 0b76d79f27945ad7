//  Requests go into the node by _send; its replies wait in a buffer, each with
//  its size in front, until _recv takes them. There are no peers, so damage
//  that a cluster would repair is an error here, whose text says how to go on.
//
//  See zseq_local.h for how to use it.

#include "zseq_local.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zseq_clock.h"
#include "zseq_codec.h"
#include "zseq_detail.h"
#include "zseq_host.h"
#include "zseq_host_texts.h"
#include "zseq_limits.h"
#include "zseq_store.h"

#define TICK_US 20000
//  What an open directory needs, with the files of a write to each store.
#define DESCRIPTORS 20
#define THREADS 2

struct zseq_local {
    char *directory;
    bool unsafe;  //  The directory may be on any file system
    zseq_host_t *host;
    bool started;      //  The stores write
    uint64_t tick_us;  //  When to tick next
    //  Replies not taken yet, each behind its size: bytes [taken, used).
    uint8_t *replies;
    size_t replies_size;
    size_t taken;
    size_t used;
    zseq_codec_t request;
    zseq_codec_t reply;
    uint8_t bytes[ZSEQ_MESSAGE_MAX];  //  The reply taken last
};

zseq_local_t *
zseq_local_new (const char *directory, bool unsafe)
{
    assert (directory);

    zseq_local_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->unsafe = unsafe;
    self->directory = strdup (directory);
    if (!self->directory)
        zseq_local_destroy (&self);
    return self;
}

//  Replies.

//  Makes the buffer fit one more reply of any size. False: no memory.
static bool
s_reserve (zseq_local_t *self)
{
    size_t size = self->used + sizeof (size_t) + ZSEQ_MESSAGE_MAX;
    if (size <= self->replies_size)
        return true;
    uint8_t *replies = realloc (self->replies, 2 * size);
    if (!replies)
        return false;
    self->replies = replies;
    self->replies_size = 2 * size;
    return true;
}

//  Buffers a reply of the node.
static void
s_act (const zseq_action_t *action, void *arg)
{
    zseq_local_t *self = arg;
    //  There is no peer to ask. Without memory the reply is dropped, as a
    //  network drops some.
    if (action->type != ZSEQ_ACTION_REPLY || !s_reserve (self))
        return;
    uint8_t *at = self->replies + self->used;
    size_t size =
      zseq_codec_encode (action->msg, at + sizeof size, ZSEQ_MESSAGE_MAX);
    assert (size);
    memcpy (at, &size, sizeof size);
    self->used += sizeof size + size;
}

//  Opening.

//  Copies zseq_detail, so that the next detail can quote it.
static const char *
s_detail (char text[ZSEQ_STORE_TEXT_MAX])
{
    snprintf (text, ZSEQ_STORE_TEXT_MAX, "%s", zseq_detail ());
    return text;
}

//  Fails and says how to continue when there is no peer to recover from. lost:
//  the node's record is lost, so the command has to say which node this is.
static int
s_fail_damaged (const zseq_local_t *self, const char *what, bool lost)
{
    return zseq_detail_fail (
      ZSEQ_EDAMAGED, ZSEQ_TEXT_LOCAL_LOST, what, self->directory,
      lost ? " --name " ZSEQ_LOCAL_NODE " --cluster " ZSEQ_LOCAL_CLUSTER
             " --members " ZSEQ_LOCAL_NODE "=" ZSEQ_LOCAL_ENDPOINT
           : "");
}

//  Makes the record of a new directory.
static void
s_first_record (zseq_record_t *record)
{
    const zseq_member_t member = {.name = ZSEQ_LOCAL_NODE,
                                  .endpoint = ZSEQ_LOCAL_ENDPOINT};
    uint64_t random;
    randombytes_buf (&random, sizeof random);
    zseq_members_t members;
    int rc = zseq_members_init (&members, &member, 1);
    assert (rc == ZSEQ_OK);
    rc = zseq_record_init (record, ZSEQ_LOCAL_CLUSTER, member.name, &members,
                           random);
    assert (rc == ZSEQ_OK);
}

static int
s_open_record (zseq_local_t *self)
{
    zseq_record_t first;
    s_first_record (&first);
    int rc = zseq_host_open_or_format (self->host, &first);
    char text[ZSEQ_STORE_TEXT_MAX];
    return rc == ZSEQ_EDAMAGED ? s_fail_damaged (self, s_detail (text), true)
                               : rc;
}

//  Refuses the directory of a node with peers, or of one that must recover.
static int
s_check_record (const zseq_local_t *self)
{
    const zseq_record_t *record = zseq_host_record (self->host);
    if (record->members.n > 1)
        return zseq_detail_fail (ZSEQ_EFOREIGN, ZSEQ_TEXT_LOCAL_CLUSTER,
                                 self->directory,
                                 record->members.member[record->self].name,
                                 record->cluster, record->members.n);
    if (!zseq_record_incomplete (record))
        return ZSEQ_OK;
    char text[ZSEQ_STORE_TEXT_MAX];
    snprintf (text, sizeof text, ZSEQ_TEXT_LOCAL_RECOVERY, self->directory);
    return s_fail_damaged (self, text, false);
}

//  Runs the node until it votes, or with stops until it is idle.
static int
s_run (zseq_local_t *self, bool stops, uint64_t until_us)
{
    zseq_node_t *node = zseq_host_node (self->host);
    while (true) {
        size_t taken = zseq_host_take_written (self->host);
        zseq_host_flush (self->host);
        int rc = zseq_host_exit (self->host);
        if (rc != ZSEQ_OK)
            return zseq_detail_fail (rc, "%s",
                                     zseq_host_exit_text (self->host));
        if (stops ? zseq_node_idle (node)
                  : zseq_node_state (node) == ZSEQ_STATE_VOTING)
            return ZSEQ_OK;
        if (taken)
            continue;
        uint64_t now_us = zseq_clock_now_us ();
        if (now_us >= until_us)
            return zseq_detail_fail (ZSEQ_ETIMEOUT, ZSEQ_TEXT_LOCAL_DISK_SLOW,
                                     self->directory);
        struct timespec left = zseq_clock_timespec (until_us - now_us);
        struct pollfd fd = {.fd = zseq_host_fd (self->host), .events = POLLIN};
        int count = ppoll (&fd, 1, stops ? NULL : &left, NULL);
        assert (count >= 0 || errno == EINTR);
    }
}

int
zseq_local_open (zseq_local_t *self, uint64_t wait_us)
{
    assert (self);
    assert (!self->host);

    if (sodium_init () == -1)
        return zseq_detail_fail (ZSEQ_EIO, ZSEQ_TEXT_HOST_NO_RANDOMNESS);
    //  A format that fails halfway leaves a directory that looks damaged.
    char missing[ZSEQ_DETAIL_MAX];
    if (!zseq_limits_leave (DESCRIPTORS, THREADS, missing, sizeof missing))
        return zseq_detail_fail (ZSEQ_EIO, ZSEQ_TEXT_LOCAL_DIRECTORY,
                                 self->directory, missing);
    zseq_host_options_t options = {.directory = self->directory,
                                   .names_max = ZSEQ_NAMES_MAX_DEFAULT,
                                   .reserve_us = ZSEQ_RESERVE_US_DEFAULT,
                                   .scrub_us = ZSEQ_SCRUB_US_DEFAULT,
                                   .kv_bytes_max = ZSEQ_KV_BYTES_MAX_DEFAULT,
                                   .wait_us = wait_us,
                                   .unsafe = self->unsafe,
                                   .act = s_act,
                                   .arg = self};
    self->host = zseq_host_new (&options);
    if (!self->host)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_DIRECTORY,
                                 self->directory);
    int rc = s_open_record (self);
    if (rc == ZSEQ_OK)
        rc = s_check_record (self);
    if (rc == ZSEQ_OK)
        rc = zseq_host_load (self->host);
    if (rc == ZSEQ_OK && zseq_host_damage (self->host))
        rc = s_fail_damaged (self, zseq_host_damage (self->host), false);
    if (rc == ZSEQ_OK)
        rc = zseq_host_start (self->host);
    if (rc != ZSEQ_OK)
        return rc;
    self->started = true;
    zseq_event_t event = {.type = ZSEQ_EVENT_TICK};
    zseq_host_step (self->host, &event);
    return s_run (self, false, zseq_clock_now_us () + wait_us);
}

void
zseq_local_destroy (zseq_local_t **self_p)
{
    assert (self_p);

    zseq_local_t *self = *self_p;
    if (!self)
        return;
    if (self->started) {
        zseq_event_t event = {.type = ZSEQ_EVENT_STOP};
        zseq_host_step (self->host, &event);
        //  IDs whose write fails are burnt, as after a crash.
        (void) s_run (self, true, UINT64_MAX);
    }
    zseq_host_destroy (&self->host);
    free (self->replies);
    free (self->directory);
    free (self);
    *self_p = NULL;
}

const zseq_record_t *
zseq_local_record (const zseq_local_t *self)
{
    assert (self);
    return zseq_node_record (zseq_host_node (self->host));
}

//  Serving.

int
zseq_local_send (zseq_local_t *self, const uint8_t *bytes, size_t size)
{
    assert (self);
    assert (bytes);

    //  S8: reserved IDs are granted without a write, so a failure of the disk
    //  has to be noticed first.
    (void) zseq_host_take_written (self->host);
    if (zseq_host_exit (self->host))
        return ZSEQ_EAGAIN;
    zseq_msg_t msg;
    if (zseq_codec_decode_request (&self->request, bytes, size, &msg) !=
        ZSEQ_OK)
        return ZSEQ_OK;
    zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST,
                          .sender = {.type = ZSEQ_SENDER_LOCAL},
                          .msg = &msg};
    zseq_host_step (self->host, &event);
    return ZSEQ_OK;
}

bool
zseq_local_recv (zseq_local_t *self, zseq_msg_t *msg, bool *seen_p)
{
    assert (self);
    assert (msg);
    assert (seen_p);

    if (self->taken == self->used) {
        self->taken = self->used = 0;
        if (zseq_host_take_written (self->host))
            *seen_p = true;
        zseq_host_flush (self->host);
    }
    if (self->taken == self->used || zseq_host_exit (self->host))
        return false;
    //  The caller uses the reply while more replies come, which moves the
    //  bytes.
    size_t size;
    memcpy (&size, self->replies + self->taken, sizeof size);
    memcpy (self->bytes, self->replies + self->taken + sizeof size, size);
    self->taken += sizeof size + size;
    *seen_p = true;
    int rc = zseq_codec_decode_reply (&self->reply, self->bytes, size, msg);
    assert (rc == ZSEQ_OK);
    return true;
}

void
zseq_local_tick (zseq_local_t *self, uint64_t now_us)
{
    assert (self);

    if (now_us < self->tick_us &&
        now_us < zseq_node_wake_us (zseq_host_node (self->host)))
        return;
    self->tick_us = now_us + TICK_US;
    zseq_event_t event = {.type = ZSEQ_EVENT_TICK};
    zseq_host_step (self->host, &event);
}

uint64_t
zseq_local_wake_us (const zseq_local_t *self)
{
    assert (self);

    if (zseq_host_exit (self->host))
        return UINT64_MAX;
    if (self->taken < self->used)
        return 0;
    return zseq_node_wake_us (zseq_host_node (self->host));
}

size_t
zseq_local_fds (const zseq_local_t *self, struct pollfd *fds)
{
    assert (self);
    assert (fds);

    fds[0] = (struct pollfd){.fd = zseq_host_fd (self->host), .events = POLLIN};
    return 1;
}

int
zseq_local_failure (const zseq_local_t *self, const char **text_p)
{
    assert (self);
    assert (text_p);

    *text_p = zseq_host_exit_text (self->host);
    return zseq_host_exit (self->host);
}
