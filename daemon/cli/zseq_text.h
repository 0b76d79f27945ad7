//  Text that others wrote, one line of well-formed UTF-8 whatever its bytes.

#ifndef ZSEQ_TEXT_H_INCLUDED
#define ZSEQ_TEXT_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZSEQ_TEXT_MARK "\xef\xbb\xbf"  //  U+FEFF, the byte order mark

//  Copies text to out[0..size), so that it is one line of well-formed UTF-8
//  and cannot drive a terminal: other bytes, characters that are not seen or
//  turn the text, and the backslash become \xHH.
//  What does not fit is cut off. Returns out.
const char *zseq_text_escape (const char *text, char *out, size_t size);

//  The opposite, in place. False: text has a backslash that begins no \xHH, or
//  one that stands for NUL; then what text holds is undefined.
bool zseq_text_unescape (char *text);

//  The same for bytes of any kind, NUL among them. size_p: of what text holds
//  then, which a NUL follows.
const char *zseq_text_escape_bytes (const void *data, size_t size, char *out,
                                    size_t out_size);
bool zseq_text_unescape_bytes (char *text, size_t *size_p);

//  Reads a whole number in min..max: digits and nothing else. False: it is
//  none.
bool zseq_text_number (const char *text, uint64_t min, uint64_t max,
                       uint64_t *value_p);

#endif
