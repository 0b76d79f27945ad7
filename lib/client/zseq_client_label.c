#include "zseq_client_label.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHARACTERS                                                             \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"           \
    "-_.:@/+[]"

bool
zseq_client_label_valid (const char *text)
{
    assert (text);

    size_t size = strlen (text);
    return size >= 1 && size <= ZSEQ_LABEL_MAX &&
           strspn (text, CHARACTERS) == size;
}

void
zseq_client_label_default (char label[ZSEQ_LABEL_MAX + 1])
{
    assert (label);

    char host[256] = "";
    if (gethostname (host, sizeof host - 1) == -1)
        strcpy (host, "unknown");
    host[strcspn (host, ".")] = 0;
    (void) snprintf (label, ZSEQ_LABEL_MAX + 1, "%.22s[%ld]@%.27s",
                     program_invocation_short_name, (long) getpid (), host);
    for (size_t at = 0; label[at]; at++)
        if (!strchr (CHARACTERS, label[at]))
            label[at] = '_';
}
