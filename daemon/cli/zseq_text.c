//  Escapes names for people and scripts, and reads numbers.

#include "zseq_text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "zseq_cli_texts.h"

//  Characters that are not seen, or turn, hide or break the text around them:
//  category Cf of Unicode 15, and the separators of lines and paragraphs. A
//  character of the first and of the last number, each in UTF-8.
static const char *const s_unseen[][2] = {
  {"\u00ad", "\u00ad"},         {"\u0600", "\u0605"},
  {"\u061c", "\u061c"},         {"\u06dd", "\u06dd"},
  {"\u070f", "\u070f"},         {"\u0890", "\u0891"},
  {"\u08e2", "\u08e2"},         {"\u180e", "\u180e"},
  {"\u200b", "\u200f"},         {"\u2028", "\u202e"},
  {"\u2060", "\u206f"},         {"\ufeff", "\ufeff"},
  {"\ufff9", "\ufffb"},         {"\U000110bd", "\U000110bd"},
  {"\U000110cd", "\U000110cd"}, {"\U00013430", "\U0001343f"},
  {"\U0001bca0", "\U0001bca3"}, {"\U0001d173", "\U0001d17a"},
  {"\U000e0000", "\U000e007f"}};

//  UTF-8 sorts as the numbers of its characters do.
static bool
s_is_unseen (const char *character, size_t size)
{
    for (size_t index = 0; index < sizeof s_unseen / sizeof *s_unseen; index++)
        if (strlen (s_unseen[index][0]) == size &&
            memcmp (character, s_unseen[index][0], size) >= 0 &&
            memcmp (character, s_unseen[index][1], size) <= 0)
            return true;
    return false;
}

//  Bytes of the UTF-8 character at text, of which left bytes are left, that is
//  safe to print, or 0: not well formed (Unicode 15, table 3-7), a control
//  character, or one that is not seen.
static size_t
s_printable_size (const char *text, size_t left)
{
    const unsigned char *byte = (const unsigned char *) text;
    if (byte[0] < 0x80)
        return byte[0] >= 0x20 && byte[0] != 0x7f ? 1 : 0;
    size_t size;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (byte[0] >= 0xc2 && byte[0] <= 0xdf) {
        size = 2;
        if (byte[0] == 0xc2)
            low = 0xa0;
    }
    else if (byte[0] >= 0xe0 && byte[0] <= 0xef) {
        size = 3;
        if (byte[0] == 0xe0)
            low = 0xa0;
        if (byte[0] == 0xed)
            high = 0x9f;
    }
    else if (byte[0] >= 0xf0 && byte[0] <= 0xf4) {
        size = 4;
        if (byte[0] == 0xf0)
            low = 0x90;
        if (byte[0] == 0xf4)
            high = 0x8f;
    }
    else
        return 0;
    if (size > left || byte[1] < low || byte[1] > high)
        return 0;
    for (size_t index = 2; index < size; index++)
        if ((byte[index] & 0xc0) != 0x80)
            return 0;
    return s_is_unseen (text, size) ? 0 : size;
}

const char *
zseq_text_escape_bytes (const void *data, size_t size, char *out,
                        size_t out_size)
{
    assert (data || size == 0);
    assert (out);
    assert (out_size > 0);
    const char *text = data;
    size_t used = 0;
    while (size > 0) {
        char item[8];
        size_t taken = s_printable_size (text, size);
        size_t item_size = taken;
        if (taken == 0 || *text == '\\') {
            (void) snprintf (item, sizeof item, "\\x%02x",
                             (unsigned int) (unsigned char) *text);
            taken = 1;
            item_size = 4;
        }
        else
            memcpy (item, text, item_size);
        if (used + item_size >= out_size)
            break;
        memcpy (out + used, item, item_size);
        used += item_size;
        text += taken;
        size -= taken;
    }
    out[used] = '\0';
    return out;
}

const char *
zseq_text_escape (const char *text, char *out, size_t size)
{
    assert (text);
    return zseq_text_escape_bytes (text, strlen (text), out, size);
}

//  The value of a hexadecimal digit; -1: it is none.
static int
s_digit (char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool
zseq_text_unescape_bytes (char *text, size_t *size_p)
{
    assert (text);
    assert (size_p);
    char *out = text;
    for (const char *at = text; *at; out++) {
        if (*at != '\\') {
            *out = *at++;
            continue;
        }
        if (at[1] != 'x' || s_digit (at[2]) < 0 || s_digit (at[3]) < 0)
            return false;
        *out = (char) (16 * s_digit (at[2]) + s_digit (at[3]));
        at += 4;
    }
    *out = '\0';
    *size_p = (size_t) (out - text);
    return true;
}

bool
zseq_text_unescape (char *text)
{
    size_t size;
    return zseq_text_unescape_bytes (text, &size) && strlen (text) == size;
}

bool
zseq_text_number (const char *text, uint64_t min, uint64_t max,
                  uint64_t *value_p)
{
    assert (text);
    assert (value_p);
    uint64_t value = 0;
    bool valid = *text != '\0';
    for (const char *digit = text; *digit && valid; digit++) {
        valid = *digit >= '0' && *digit <= '9';
        if (valid && value > (UINT64_MAX - (uint64_t) (*digit - '0')) / 10)
            valid = false;
        else if (valid)
            value = value * 10 + (uint64_t) (*digit - '0');
    }
    if (!valid || value < min || value > max)
        return false;
    *value_p = value;
    return true;
}
