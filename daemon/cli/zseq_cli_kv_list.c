//  zseq kv list: a key a line, or an array of JSON, which is written as keys
//  come: a listing may be larger than the memory.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zseq_cli_kv.h"
#include "zseq_cli_output.h"
#include "zseq_text.h"

typedef struct {
    const zseq_cli_job_t *job;
    size_t count;
    int status;
} s_list_t;

static int
s_print_line (const s_list_t *self, const zseq_kv_entry_t *entry)
{
    static char value[4 * ZSEQ_VALUE_MAX + 1];
    char key[4 * ZSEQ_KEY_MAX + 1];
    zseq_text_escape_bytes (entry->key, entry->key_size, key, sizeof key);
    zseq_text_escape_bytes (entry->data, entry->size, value, sizeof value);
    return printf ("%s\t%" PRIu64 "%s%s\n", key, entry->version,
                   self->job->values ? "\t" : "", value) < 0
             ? zseq_cli_unwritable ()
             : ZSEQ_CLI_DONE;
}

static int
s_print_element (const s_list_t *self, const zseq_kv_entry_t *entry)
{
    json_t *json = json_object ();
    if (json) {
        zseq_cli_json_bytes (json, "key", entry->key, entry->key_size);
        json_object_set_new (json, "version",
                             zseq_cli_json_number (entry->version));
        if (self->job->values)
            zseq_cli_json_bytes (json, "value", entry->data, entry->size);
    }
    if (fputs (self->count ? ",\n" : "[\n", stdout) < 0) {
        json_decref (json);
        return zseq_cli_unwritable ();
    }
    return zseq_cli_print_json_line (json, "");
}

static int
s_print (const zseq_kv_entry_t *entry, void *arg)
{
    s_list_t *self = arg;
    self->status = self->job->json ? s_print_element (self, entry)
                                   : s_print_line (self, entry);
    self->count++;
    return self->status;
}

int
zseq_cli_kv_list (zseq_cli_job_t *job, zseq_kv_t *kv)
{
    const char *prefix = job->arguments > 0 ? job->argument[0] : "";
    s_list_t self = {.job = job, .status = ZSEQ_CLI_DONE};
    int rc =
      job->values
        ? zseq_kv_list (kv, prefix, strlen (prefix), NULL, 0, s_print, &self)
        : zseq_kv_keys (kv, prefix, strlen (prefix), NULL, 0, s_print, &self);
    if (self.status != ZSEQ_CLI_DONE)
        return self.status;
    //  An array that is not ended shows that the listing is not complete.
    if (rc != ZSEQ_OK)
        return zseq_cli_failed (job, rc);
    if (job->json && fputs (self.count ? "\n]\n" : "[]\n", stdout) < 0)
        return zseq_cli_unwritable ();
    return ZSEQ_CLI_DONE;
}
