//  zseq kv: values of the key-value store. Values are bytes of any kind; so get
//  and put leave them as they are, and in JSON they are text or Base64.

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "zseq_cli_commands.h"
#include "zseq_cli_kv.h"
#include "zseq_cli_output.h"
#include "zseq_cli_texts.h"

//  The arguments that follow the verb are the job's.
typedef struct {
    const char *name;
    const char *options;  //  Beside -u and -t
    int arguments_min;
    int arguments_max;
    const char *usage;
    int (*run) (zseq_cli_job_t *job, zseq_kv_t *kv);
} s_verb_t;

static int
s_get_json (const char *key, const char *value, const zseq_kv_info_t *info)
{
    json_t *json = json_object ();
    if (json) {
        zseq_cli_json_bytes (json, "key", key, strlen (key));
        json_object_set_new (json, "version",
                             zseq_cli_json_number (info->version));
        zseq_cli_json_bytes (json, "value", value, info->size);
    }
    return zseq_cli_print_json (json);
}

static int
s_get (zseq_cli_job_t *job, zseq_kv_t *kv)
{
    static char value[ZSEQ_VALUE_MAX];
    const char *key = job->argument[0];
    zseq_kv_info_t info;
    int rc =
      job->stale
        ? zseq_kv_stale (kv, key, strlen (key), value, sizeof value, &info)
        : zseq_kv_get (kv, key, strlen (key), value, sizeof value, &info);
    if (rc != ZSEQ_OK)
        return zseq_cli_failed (job, rc);
    if (job->json)
        return s_get_json (key, value, &info);
    return fwrite (value, 1, info.size, stdout) == info.size
             ? ZSEQ_CLI_DONE
             : zseq_cli_unwritable ();
}

//  Ends a write: prints its version, or says why it failed.
static int
s_written (zseq_cli_job_t *job, int rc, uint64_t version)
{
    if (rc != ZSEQ_OK)
        return zseq_cli_failed (job, rc);
    return printf ("%" PRIu64 "\n", version) < 0 ? zseq_cli_unwritable ()
                                                 : ZSEQ_CLI_DONE;
}

//  Reads the standard input to its end. One byte more than a value may have
//  shows that it is too large. False: that failed, and was said.
static bool
s_read (char *value, size_t size_max, size_t *size_p)
{
    *size_p = fread (value, 1, size_max, stdin);
    if (!ferror (stdin))
        return true;
    fprintf (stderr, ZSEQ_TEXT_KV_UNREADABLE, strerror (errno));
    return false;
}

//  Stores the value that an argument is or stands for.
static int
s_store (zseq_cli_job_t *job, zseq_kv_t *kv, uint64_t expected,
         const char *argument)
{
    static char input[ZSEQ_VALUE_MAX + 1];
    const char *key = job->argument[0];
    const char *value = argument;
    size_t size = strlen (argument);
    if (strcmp (argument, "-") == 0) {
        value = input;
        if (!s_read (input, sizeof input, &size))
            return ZSEQ_CLI_MISUSED;
    }
    uint64_t version = 0;
    int rc =
      zseq_kv_cas (kv, key, strlen (key), expected, value, size, &version);
    return s_written (job, rc, version);
}

static uint64_t
s_expected (const zseq_cli_job_t *job)
{
    return strchr (job->given, 'i') ? job->expected : ZSEQ_KV_ANY;
}

static int
s_put (zseq_cli_job_t *job, zseq_kv_t *kv)
{
    return s_store (job, kv, s_expected (job), job->argument[1]);
}

static int
s_cas (zseq_cli_job_t *job, zseq_kv_t *kv)
{
    uint64_t expected;
    if (!zseq_cli_number (job, "version", job->argument[1], 0, ZSEQ_ID_MAX,
                          &expected))
        return ZSEQ_CLI_MISUSED;
    return s_store (job, kv, expected, job->argument[2]);
}

static int
s_del (zseq_cli_job_t *job, zseq_kv_t *kv)
{
    const char *key = job->argument[0];
    uint64_t version = 0;
    int rc = zseq_kv_del (kv, key, strlen (key), s_expected (job), &version);
    return s_written (job, rc, version);
}

static const s_verb_t s_verbs[] = {
  {"get", "sw", 1, 1, ZSEQ_TEXT_KV_USAGE_GET, s_get},
  {"put", "i", 2, 2, ZSEQ_TEXT_KV_USAGE_PUT, s_put},
  {"cas", "", 3, 3, ZSEQ_TEXT_KV_USAGE_CAS, s_cas},
  {"del", "i", 1, 1, ZSEQ_TEXT_KV_USAGE_DEL, s_del},
  {"list", "vw", 0, 1, ZSEQ_TEXT_KV_USAGE_LIST, zseq_cli_kv_list},
  {"watch", "Anw", 1, 1, ZSEQ_TEXT_KV_USAGE_WATCH, zseq_cli_kv_watch},
};

//  Finds the verb and checks what it was given. NULL: that is wrong, and was
//  said.
static const s_verb_t *
s_choose (const zseq_cli_job_t *job)
{
    const s_verb_t *verb = NULL;
    for (size_t index = 0; index < sizeof s_verbs / sizeof s_verbs[0]; index++)
        if (strcmp (s_verbs[index].name, job->argument[0]) == 0)
            verb = &s_verbs[index];
    if (!verb) {
        zseq_cli_misused (job, ZSEQ_TEXT_KV_VERB_UNKNOWN, job->argument[0]);
        return NULL;
    }
    for (const char *letter = job->given; *letter; letter++)
        if (!strchr ("ut", *letter) && !strchr (verb->options, *letter)) {
            zseq_cli_misused (job, ZSEQ_TEXT_KV_OPTION_OF_VERB, verb->name,
                              *letter);
            return NULL;
        }
    int arguments = job->arguments - 1;
    if (arguments >= verb->arguments_min && arguments <= verb->arguments_max)
        return verb;
    zseq_cli_misused (job, ZSEQ_TEXT_KV_ARGUMENTS,
                      arguments < verb->arguments_min ? ZSEQ_TEXT_CLI_TOO_FEW
                                                      : ZSEQ_TEXT_CLI_TOO_MANY,
                      verb->name, verb->usage);
    return NULL;
}

int
zseq_cli_kv (zseq_cli_job_t *job)
{
    const s_verb_t *verb = s_choose (job);
    if (!verb)
        return ZSEQ_CLI_MISUSED;
    job->argument++;
    job->arguments--;
    zseq_kv_t *kv = zseq_kv_new (job->client);
    if (!kv)
        return zseq_cli_failed (job, zseq_errno ());
    int status = verb->run (job, kv);
    zseq_kv_destroy (&kv);
    return status;
}
