//  Prints all texts for people (lib/README.md, "Texts for people"), one a line:
//  its name, a tab, and its format, with spaces in place of line ends.

#include <stdio.h>

#include "zseq_cli_texts.h"
#include "zseq_client_texts.h"
#include "zseq_core_texts.h"
#include "zseq_host_texts.h"
#include "zseq_io_texts.h"
#include "zseq_node_texts.h"
#include "zseq_sys_texts.h"
#include "zseqd_texts.h"

static void
s_print (const char *name, const char *text)
{
    printf ("%s\t", name);
    for (; *text; text++)
        putchar (*text == '\n' ? ' ' : *text);
    putchar ('\n');
}

#define TEXT(name, text) s_print (#name, text);
#define LOG(name, level, event, text) s_print (#name, text);

int
main (void)
{
    ZSEQ_CORE_TEXTS (TEXT)
    ZSEQ_SYS_TEXTS (TEXT)
    ZSEQ_NODE_LOGS (LOG)
    ZSEQ_NODE_TEXTS (TEXT)
    ZSEQ_NODE_PARTS (TEXT)
    ZSEQ_IO_TEXTS (TEXT)
    ZSEQ_IO_PARTS (TEXT)
    ZSEQ_HOST_LOGS (LOG)
    ZSEQ_HOST_TEXTS (TEXT)
    ZSEQ_HOST_PARTS (TEXT)
    ZSEQ_CLIENT_TEXTS (TEXT)
    ZSEQ_CLIENT_PARTS (TEXT)
    ZSEQD_TEXTS (TEXT)
    ZSEQD_PARTS (TEXT)
    ZSEQ_CLI_TEXTS (TEXT)
    ZSEQ_CLI_PARTS (TEXT)
    return fflush (stdout) ? 1 : 0;
}
