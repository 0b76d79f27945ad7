//  Prints all texts for people (lib/README.md, "Texts for people"), one a line:
//  its name, a tab, and its format, with spaces in place of line ends. With the
//  file that zseq_texts_seen.c has written: only those that programs used.

#include <stdio.h>

#include "zseq_texts_table.h"

static void
s_print (const zseq_text_t *text)
{
    printf ("%s\t", text->name);
    for (const char *now = text->text; *now; now++)
        putchar (*now == '\n' ? ' ' : *now);
    putchar ('\n');
}

int
main (int argc, char **argv)
{
    FILE *seen = NULL;
    if (argc == 2) {
        seen = fopen (argv[1], "re");
        if (!seen) {
            perror (argv[1]);
            return 1;
        }
    }
    for (size_t index = 0; index < ZSEQ_TEXTS_COUNT; index++)
        if (!seen || getc (seen) == 1)
            s_print (&zseq_texts[index]);
    if (seen)
        fclose (seen);
    return fflush (stdout) ? 1 : 0;
}
