#include "zseq_parse.h"

#include <assert.h>
#include <string.h>

const char *
zseq_parse_part (const char *text, const char *ends, char *part, size_t size)
{
    assert (text);
    assert (ends);
    assert (part);

    size_t length = strcspn (text, ends);
    if (length >= size)
        return NULL;
    memcpy (part, text, length);
    part[length] = 0;
    return text + length;
}

int
zseq_parse_number (const char *text, int min, int max)
{
    assert (text);
    assert (min >= 0);

    if (!*text || strspn (text, "0123456789") != strlen (text))
        return -1;
    long value = 0;
    for (; *text; text++) {
        value = value * 10 + (*text - '0');
        if (value > max)
            return -1;
    }
    return value < min ? -1 : (int) value;
}
