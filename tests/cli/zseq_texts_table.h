//  All texts for people (lib/README.md, "Texts for people"), in one array.

#ifndef ZSEQ_TEXTS_TABLE_H_INCLUDED
#define ZSEQ_TEXTS_TABLE_H_INCLUDED

#include <stddef.h>

#include "zseq_cli_texts.h"
#include "zseq_client_texts.h"
#include "zseq_core_texts.h"
#include "zseq_host_texts.h"
#include "zseq_io_texts.h"
#include "zseq_node_texts.h"
#include "zseq_sys_texts.h"
#include "zseqd_texts.h"

typedef struct {
    const char *name;
    const char *text;  //  A format, most of them
} zseq_text_t;

#define ZSEQ_TEXTS_ROW(name, text) {#name, text},
#define ZSEQ_TEXTS_ROW_LOG(name, level, event, text) {#name, text},

static const zseq_text_t zseq_texts[] = {
  ZSEQ_CORE_TEXTS (ZSEQ_TEXTS_ROW)     //
  ZSEQ_SYS_TEXTS (ZSEQ_TEXTS_ROW)      //
  ZSEQ_NODE_LOGS (ZSEQ_TEXTS_ROW_LOG)  //
  ZSEQ_NODE_TEXTS (ZSEQ_TEXTS_ROW)     //
  ZSEQ_NODE_PARTS (ZSEQ_TEXTS_ROW)     //
  ZSEQ_IO_TEXTS (ZSEQ_TEXTS_ROW)       //
  ZSEQ_IO_PARTS (ZSEQ_TEXTS_ROW)       //
  ZSEQ_HOST_LOGS (ZSEQ_TEXTS_ROW_LOG)  //
  ZSEQ_HOST_TEXTS (ZSEQ_TEXTS_ROW)     //
  ZSEQ_HOST_PARTS (ZSEQ_TEXTS_ROW)     //
  ZSEQ_CLIENT_TEXTS (ZSEQ_TEXTS_ROW)   //
  ZSEQ_CLIENT_PARTS (ZSEQ_TEXTS_ROW)   //
  ZSEQD_TEXTS (ZSEQ_TEXTS_ROW)         //
  ZSEQD_PARTS (ZSEQ_TEXTS_ROW)         //
  ZSEQ_CLI_TEXTS (ZSEQ_TEXTS_ROW)      //
  ZSEQ_CLI_PARTS (ZSEQ_TEXTS_ROW)      //
};

#define ZSEQ_TEXTS_COUNT (sizeof zseq_texts / sizeof zseq_texts[0])

#endif
