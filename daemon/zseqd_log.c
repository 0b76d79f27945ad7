//  Lines go out with one write each. The minute of an event begins with its
//  first line; the line after the minute says how many were suppressed.

#include "zseqd_log.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "zseq_clock.h"
#include "zseqd_texts.h"

#define TEXT_MAX 2048
#define TIME_SIZE 32
//  Lines about one event within FLOOD_US. A damaged directory has some 20.
#define FLOOD_MAX 30
#define FLOOD_US 60000000

//  By level: the name, and the priority of syslog(3).
static const char *const s_level_name[] = {"error", "warning", "info", "debug"};
static const int s_priority[] = {3, 4, 6, 7};

#define LEVELS (sizeof s_level_name / sizeof *s_level_name)

//  Whether standard error is the stream that systemd has connected with its
//  journal: systemd.exec(5), $JOURNAL_STREAM. A redirection of standard error
//  leaves the variable behind.
static bool
s_journal (void)
{
    const char *stream = getenv ("JOURNAL_STREAM");
    uintmax_t device;
    uintmax_t inode;
    struct stat status;
    return stream && sscanf (stream, "%ju:%ju", &device, &inode) == 2 &&
           fstat (STDERR_FILENO, &status) == 0 && status.st_dev == device &&
           status.st_ino == inode;
}

void
zseqd_log_init (zseqd_log_t *self, zseq_log_level_t level, bool json)
{
    assert (self);

    *self = (zseqd_log_t){.level = level, .json = json};
    self->journal = s_journal ();
}

int
zseqd_log_level (const char *name)
{
    assert (name);

    for (size_t level = 0; level < LEVELS; level++)
        if (!strcmp (name, s_level_name[level]))
            return (int) level;
    return -1;
}

//  The time as in RFC 3339, in UTC.
static void
s_time (char *text)
{
    struct timespec now;
    struct tm utc;
    char seconds[TIME_SIZE - 8];
    if (clock_gettime (CLOCK_REALTIME, &now) || !gmtime_r (&now.tv_sec, &utc) ||
        !strftime (seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc)) {
        snprintf (text, TIME_SIZE, "-");
        return;
    }
    snprintf (text, TIME_SIZE, "%s.%03dZ", seconds,
              (int) (now.tv_nsec / 1000000));
}

//  Copies text so that it stays one line. ascii: only ASCII remains.
static void
s_clean (const char *text, bool ascii, char *clean)
{
    size_t size = 0;
    for (; text[size] && size < TEXT_MAX - 1; size++) {
        unsigned char c = (unsigned char) text[size];
        bool bad = c < ' ' || c == 0x7f || (ascii && c > 0x7f);
        clean[size] = bad ? '?' : text[size];
    }
    clean[size] = 0;
}

static void
s_write_text (const zseqd_log_t *self, zseq_log_level_t level,
              const char *prefix, const char *text)
{
    char now[TIME_SIZE + 16] = "";
    if (!self->journal) {
        s_time (now);
        snprintf (now + strlen (now), 16, " %s ", s_level_name[level]);
    }
    char bytes[TEXT_MAX + 256];
    snprintf (bytes, sizeof bytes, "%s%szseqd%s%s: %s\n", prefix, now,
              self->node[0] ? " " : "", self->node, text);
    (void) fputs (bytes, stderr);  //  There is nowhere else to say it
}

static void
s_write_json (const zseqd_log_t *self, const zseq_log_line_t *line,
              const char *prefix, const char *text)
{
    char now[TIME_SIZE];
    s_time (now);
    //  A path may be no UTF-8, which JSON cannot hold.
    char ascii[TEXT_MAX];
    s_clean (text, true, ascii);
    json_t *message = json_string (text);
    if (!message)
        message = json_string (ascii);
    json_t *object = json_pack ("{s:s, s:s, s:s?, s:s, s:o}", "time", now,
                                "level", s_level_name[line->level], "node",
                                self->node[0] ? self->node : NULL, "event",
                                line->event, "message", message);
    char *bytes = json_dumps (object, JSON_COMPACT);
    if (bytes)
        (void) fprintf (stderr, "%s%s\n", prefix, bytes);  //  As above
    free (bytes);
    json_decref (object);
}

static void
s_write (const zseqd_log_t *self, const zseq_log_line_t *line)
{
    char text[TEXT_MAX];
    s_clean (line->text, false, text);
    char prefix[8] = "";
    if (self->journal)
        snprintf (prefix, sizeof prefix, "<%d>", s_priority[line->level]);
    if (self->json)
        s_write_json (self, line, prefix, text);
    else
        s_write_text (self, line->level, prefix, text);
}

//  The entry of an event. There are more entries than events.
static zseqd_log_flood_t *
s_flood (zseqd_log_t *self, const char *event)
{
    size_t at = 0;
    while (self->flood[at].event && strcmp (self->flood[at].event, event))
        at++;
    assert (at < ZSEQD_LOG_EVENTS_MAX);
    self->flood[at].event = event;
    return &self->flood[at];
}

static void
s_write_suppressed (const zseqd_log_t *self, const zseqd_log_flood_t *flood)
{
    char text[128];
    snprintf (text, sizeof text, ZSEQ_TEXT_LOG_FLOOD, flood->suppressed,
              flood->event);
    zseq_log_line_t line = {
      .level = ZSEQ_LOG_WARNING, .event = flood->event, .text = text};
    s_write (self, &line);
}

//  Writes how many lines were suppressed, if any, and begins a new minute.
static void
s_begin_minute (const zseqd_log_t *self, zseqd_log_flood_t *flood,
                uint64_t now_us)
{
    if (flood->suppressed)
        s_write_suppressed (self, flood);
    flood->since_us = now_us;
    flood->written = flood->suppressed = 0;
}

void
zseqd_log_write (zseqd_log_t *self, const zseq_log_line_t *line)
{
    assert (self);
    assert (line);

    if (line->node)
        snprintf (self->node, sizeof self->node, "%s", line->node);
    if (line->level > self->level)
        return;
    if (line->level == ZSEQ_LOG_ERROR) {
        s_write (self, line);
        return;
    }
    zseqd_log_flood_t *flood = s_flood (self, line->event);
    uint64_t now_us = zseq_clock_now_us ();
    if (now_us - flood->since_us >= FLOOD_US)
        s_begin_minute (self, flood, now_us);
    if (flood->written < FLOOD_MAX) {
        flood->written++;
        s_write (self, line);
    }
    else
        flood->suppressed++;
}

void
zseqd_log_end (zseqd_log_t *self)
{
    assert (self);

    for (size_t at = 0; at < ZSEQD_LOG_EVENTS_MAX; at++)
        if (self->flood[at].event)
            s_begin_minute (self, &self->flood[at], 0);
}
