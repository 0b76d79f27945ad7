//  Files of keys, as czmq's zcert and pyzmq write them (ZPL, rfc.zeromq.org, 4;
//  keys in Z85, 32): NAME.key has the public key, NAME.key_secret both keys.
//
//      curve
//          public-key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
//          secret-key = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
//
//  Other sections, names and comments are passed over.

#ifndef ZSEQ_KEYFILE_H_INCLUDED
#define ZSEQ_KEYFILE_H_INCLUDED

#include "zseq_curve.h"

#define ZSEQ_KEYFILE_MAX 16384      //  Bytes of a file
#define ZSEQ_KEYFILE_TEXT_MAX 41    //  A key in Z85, and a NUL
#define ZSEQ_KEYFILE_ERROR_MAX 512  //  Bytes of why a call failed

//  Writes a key in Z85.
void zseq_keyfile_text (const uint8_t key[ZSEQ_CURVE_KEY_SIZE],
                        char text[ZSEQ_KEYFILE_TEXT_MAX]);

//  Makes a key pair.
void zseq_keyfile_draw (zseq_curve_pair_t *pair);

//  Reads a file's contents. Without a secret key in it, the pair's is 0, and
//  secret_p false. Returns NULL, else what is wrong, and *line_p where: from 1
//  on, or 0, the whole.
const char *zseq_keyfile_parse (const char *bytes, size_t size,
                                zseq_curve_pair_t *pair, bool *secret_p,
                                unsigned *line_p);

//  Reads a file with both keys, which no other user may read. Errors, with
//  error set: ZSEQ_EIO (it cannot be read), ZSEQ_EINVAL (it holds something
//  else, or others may read it).
int zseq_keyfile_read_secret (const char *path, zseq_curve_pair_t *pair,
                              char error[ZSEQ_KEYFILE_ERROR_MAX]);

//  Reads a file's public key. Errors as above.
int zseq_keyfile_read_public (const char *path,
                              uint8_t key[ZSEQ_CURVE_KEY_SIZE],
                              char error[ZSEQ_KEYFILE_ERROR_MAX]);

//  Writes name.key and name.key_secret, which its owner may read only; neither
//  may be there. Errors, with error set: ZSEQ_EIO; then neither is there.
int zseq_keyfile_write (const char *name, const zseq_curve_pair_t *pair,
                        char error[ZSEQ_KEYFILE_ERROR_MAX]);

#endif
