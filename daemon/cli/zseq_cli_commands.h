//  The commands of zseq, each a row of one table: how it is called, what it
//  takes, the text of its help, and the function that runs it.

#ifndef ZSEQ_CLI_COMMANDS_H_INCLUDED
#define ZSEQ_CLI_COMMANDS_H_INCLUDED

#include "zseq_cli_job.h"

//  The command of that name; NULL: there is none.
const zseq_cli_command_t *zseq_cli_find (const char *name);

//  Prints the help of a command; NULL: of the whole. Returns the exit code.
int zseq_cli_help (const zseq_cli_command_t *command);

//  Prints the library's version. Returns the exit code.
int zseq_cli_version (void);

//  Writes the URI of the private store, for a job that was given none. False:
//  it is not there, and the reason was printed. For init it makes the parents.
bool zseq_cli_private_uri (const zseq_cli_job_t *job, char *uri, size_t size);

//  These run a command, and return the exit code. The job's client has been
//  made, and its options and the number of its arguments have been checked.
int zseq_cli_init (zseq_cli_job_t *job);
int zseq_cli_next (zseq_cli_job_t *job);
int zseq_cli_range (zseq_cli_job_t *job);
int zseq_cli_stream (zseq_cli_job_t *job);
int zseq_cli_peek (zseq_cli_job_t *job);
int zseq_cli_raise (zseq_cli_job_t *job);
int zseq_cli_list (zseq_cli_job_t *job);
int zseq_cli_status (zseq_cli_job_t *job);
int zseq_cli_info (zseq_cli_job_t *job);
int zseq_cli_kv (zseq_cli_job_t *job);
int zseq_cli_flake (zseq_cli_job_t *job);
int zseq_cli_export (zseq_cli_job_t *job);
int zseq_cli_import (zseq_cli_job_t *job);

#endif
