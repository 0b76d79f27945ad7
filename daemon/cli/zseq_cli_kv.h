//  Verbs of zseq kv that have files of their own. They return the exit code.

#ifndef ZSEQ_CLI_KV_H_INCLUDED
#define ZSEQ_CLI_KV_H_INCLUDED

#include "zseq_cli_job.h"

int zseq_cli_kv_list (zseq_cli_job_t *job, zseq_kv_t *kv);
int zseq_cli_kv_watch (zseq_cli_job_t *job, zseq_kv_t *kv);

#endif
