//  Passes files to a fuzz target, once each, as a plain test: replay_NAME
//  FILE-OR-FOLDER... A violation ends the process. Each file is named before it
//  runs.

#include <assert.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "zseq_fuzz.h"

static size_t s_count;

//  Only libFuzzer mutates.
size_t
LLVMFuzzerMutate (uint8_t *data, size_t size, size_t size_max)
{
    (void) data;
    (void) size_max;
    return size;
}

static void
s_replay_file (const char *path, size_t size)
{
    FILE *file = fopen (path, "rb");
    uint8_t *bytes = malloc (size ? size : 1);
    assert (bytes);
    if (!file || fread (bytes, 1, size, file) != size) {
        perror (path);
        exit (EXIT_FAILURE);
    }
    fclose (file);
    printf ("%s\n", path);
    fflush (stdout);
    LLVMFuzzerTestOneInput (bytes, size);
    free (bytes);
    s_count++;
}

static void
s_replay (const char *path)
{
    struct stat info;
    if (stat (path, &info) == -1) {
        perror (path);
        exit (EXIT_FAILURE);
    }
    if (!S_ISDIR (info.st_mode)) {
        s_replay_file (path, (size_t) info.st_size);
        return;
    }
    struct dirent **entries;
    int count = scandir (path, &entries, NULL, alphasort);
    if (count == -1) {
        perror (path);
        exit (EXIT_FAILURE);
    }
    for (int index = 0; index < count; index++) {
        char inner[PATH_MAX];
        snprintf (inner, sizeof inner, "%s/%s", path, entries[index]->d_name);
        if (entries[index]->d_name[0] != '.')
            s_replay (inner);
        free (entries[index]);
    }
    free (entries);
}

int
main (int argc, char **argv)
{
    for (int index = 1; index < argc; index++)
        s_replay (argv[index]);
    printf ("%zu inputs\n", s_count);
    if (s_count == 0)
        fprintf (stderr, "%s: no input at all\n", argv[0]);
    return s_count ? EXIT_SUCCESS : EXIT_FAILURE;
}
