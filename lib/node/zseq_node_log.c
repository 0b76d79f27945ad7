//  Writes the node's log lines; a warning about a peer is logged once until it
//  changes.

#include "zseq_node_private.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 2048

void
zseq_node_log (zseq_node_t *self, zseq_log_level_t level, const char *kind,
               const char *format, ...)
{
    char text[TEXT_MAX];
    va_list list;
    va_start (list, format);
    vsnprintf (text, sizeof text, format, list);
    va_end (list);

    zseq_action_t action = {
      .type = ZSEQ_ACTION_LOG, .level = level, .kind = kind, .text = text};
    self->act (&action, self->arg);
}

void
zseq_node_end (zseq_node_t *self, int status, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list list;
    va_start (list, format);
    vsnprintf (text, sizeof text, format, list);
    va_end (list);

    self->ended = true;
    zseq_action_t action = {
      .type = ZSEQ_ACTION_EXIT, .status = status, .text = text};
    self->act (&action, self->arg);
}

const char *
zseq_node_name (const zseq_node_t *self, uint8_t node)
{
    return self->record.members.member[node].name;
}

bool
zseq_node_log_changed (zseq_node_t *self, uint8_t peer, int warning)
{
    bool anew = self->peer[peer].last_warning != warning;
    self->peer[peer].last_warning = warning;
    return anew;
}
