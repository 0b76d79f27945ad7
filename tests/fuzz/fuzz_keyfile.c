//  Fuzzes the parser of files of keys: any bytes. It reads nothing outside
//  them, and what it has read can be written and read again.

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_fuzz.h"
#include "zseq_keyfile.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    zseq_curve_pair_t pair;
    zseq_curve_pair_t again;
    bool secret;
    unsigned line;
    //  An allocation of exactly its size.
    char *bytes = malloc (size ? size : 1);
    assert (bytes);
    if (size)
        memcpy (bytes, data, size);
    const char *error = zseq_keyfile_parse (bytes, size, &pair, &secret, &line);
    free (bytes);
    assert (line <= size + 1);
    if (error)
        return 0;
    char public_key[ZSEQ_KEYFILE_TEXT_MAX];
    char secret_key[ZSEQ_KEYFILE_TEXT_MAX];
    char text[256];
    zseq_keyfile_text (pair.public_key, public_key);
    zseq_keyfile_text (pair.secret_key, secret_key);
    snprintf (text, sizeof text, "curve\n  public-key = \"%s\"\n%s%s%s",
              public_key, secret ? "  secret-key = \"" : "",
              secret ? secret_key : "", secret ? "\"\n" : "");
    bool secret_again;
    error =
      zseq_keyfile_parse (text, strlen (text), &again, &secret_again, &line);
    assert (!error);
    assert (secret == secret_again && !memcmp (&pair, &again, sizeof pair));
    return 0;
}
