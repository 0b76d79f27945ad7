//  What clients call themselves, so that INFO can name who made a name's last
//  claim. A client tells its label by HELLO, and a node introduces itself; the
//  node keeps the labels in a table of fixed size, by hashes of the
//  connections. Where two connections have the same slot, the last one to tell
//  has it, and claims of the other one have no label.
//
//  A label is what the sender says. Nothing depends on it.

#include "zseq_node_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void
zseq_node_labels_note (zseq_node_t *self, const zseq_sender_t *sender,
                       zseq_slice_t label)
{
    assert (label.size <= ZSEQ_LABEL_MAX);

    if (sender->type != ZSEQ_SENDER_CONNECTION || !label.size)
        return;
    uint64_t hash = zseq_sender_hash (sender);
    zseq_node_label_t *slot = &self->labels[hash % ZSEQ_LABELS];
    slot->sender = hash;
    slot->label.size = (uint8_t) label.size;
    memcpy (slot->label.text, label.data, label.size);
}

void
zseq_node_labels_note_peer (zseq_node_t *self, const zseq_sender_t *sender,
                            uint8_t peer)
{
    char text[ZSEQ_LABEL_MAX + 1];
    snprintf (text, sizeof text, "node %.*s",
              (int) (sizeof text - sizeof "node "),
              zseq_node_name (self, peer));
    zseq_node_labels_note (self, sender, (zseq_slice_t){text, strlen (text)});
}

zseq_label_t
zseq_node_labels_find (const zseq_node_t *self, const zseq_sender_t *sender)
{
    uint64_t hash = zseq_sender_hash (sender);
    const zseq_node_label_t *slot = &self->labels[hash % ZSEQ_LABELS];
    if (sender->type == ZSEQ_SENDER_CONNECTION && slot->sender == hash)
        return slot->label;
    return (zseq_label_t){0};
}
