//  The log of zseqd: a line on standard error for each event, as text or as
//  JSON, with the time or, where systemd's journal reads it, with its priority.
//  A flood of lines about one event is cut short and counted. See LOG in
//  zseqd(8).

#ifndef ZSEQD_LOG_H_INCLUDED
#define ZSEQD_LOG_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zseq.h"
#include "zseq_log.h"

#define ZSEQD_LOG_EVENTS_MAX 32  //  Kinds that are counted apart

//  The lines about one event within a minute.
typedef struct {
    const char *event;  //  NULL: the entry is free
    uint64_t since_us;  //  When the minute began
    size_t written;
    size_t suppressed;
} zseqd_log_flood_t;

typedef struct {
    zseq_log_level_t level;         //  The least grave that is written
    bool json;                      //  An object a line; else text
    bool journal;                   //  systemd's journal reads standard error
    char node[ZSEQ_LABEL_MAX + 1];  //  Of the last line that had one; or empty
    zseqd_log_flood_t flood[ZSEQD_LOG_EVENTS_MAX];
} zseqd_log_t;

//  A log that writes lines of that level and graver ones.
void zseqd_log_init (zseqd_log_t *self, zseq_log_level_t level, bool json);

//  Writes a line, unless it is not grave enough or one of a flood. An error is
//  never one of a flood. A line without a node is that of the last line's.
//  Control characters become '?'. What cannot be written
//  is lost: the node goes on.
void zseqd_log_write (zseqd_log_t *self, const zseq_log_line_t *line);

//  Says how many lines were not written since the last one of their events.
void zseqd_log_end (zseqd_log_t *self);

//  The level of that name (error, warning, info, debug); -1: there is none.
int zseqd_log_level (const char *name);

#endif
