//  A line of a node's log: how grave it is, which kind of event it tells, and
//  the text. Who writes the line adds the time.

#ifndef ZSEQ_LOG_H_INCLUDED
#define ZSEQ_LOG_H_INCLUDED

typedef enum {
    ZSEQ_LOG_ERROR,    //  The node ends, or cannot start
    ZSEQ_LOG_WARNING,  //  Somebody has to act, or should know
    ZSEQ_LOG_INFO,     //  What goes on
    ZSEQ_LOG_DEBUG     //  Each change that a peer reports of itself
} zseq_log_level_t;

typedef struct {
    zseq_log_level_t level;
    const char *event;  //  The kind, a constant word; zseqd(8) lists them
    const char *node;   //  Whose line it is; NULL: not known yet
    const char *text;   //  For a person, without a line end
} zseq_log_line_t;

//  A table of texts gives level, event and text of each line that is logged.
//  This makes them constants ...
#define ZSEQ_LOG_TEXT(name, level, event, text)                                \
    static const zseq_log_level_t ZSEQ_LEVEL_##name = ZSEQ_LOG_##level;        \
    static const char ZSEQ_EVENT_##name[] = event;                             \
    static const char ZSEQ_TEXT_##name[] = text;

//  ... and this gives all three of them to a function that logs.
#define ZSEQ_LOG(name) ZSEQ_LEVEL_##name, ZSEQ_EVENT_##name, ZSEQ_TEXT_##name

#endif
