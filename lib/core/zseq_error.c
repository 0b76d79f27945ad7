#include "zseq.h"
#include "zseq_core_texts.h"

const char *
zseq_strerror (int rc)
{
    switch (rc) {
    case ZSEQ_OK:
        return "success";
#define X(name, number, text)                                                  \
    case ZSEQ_##name:                                                          \
        return text;
        ZSEQ_ERRORS (X)
#undef X
    default:
        return ZSEQ_TEXT_UNKNOWN_ERROR;
    }
}
