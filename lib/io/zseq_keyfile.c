#include "zseq_keyfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq.h"
#include "zseq_io_texts.h"

#define Z85_SIZE (ZSEQ_KEYFILE_TEXT_MAX - 1)
#define Z85_GROUP 5
#define PATH_MAX_SIZE 4096
#define BLANKS " \t\r"

static const char s_digits[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               ".-:+=^!/*?&<>()[]{}@%$#";

void
zseq_keyfile_text (const uint8_t key[ZSEQ_CURVE_KEY_SIZE],
                   char text[ZSEQ_KEYFILE_TEXT_MAX])
{
    assert (key);
    assert (text);

    for (size_t group = 0; group < Z85_SIZE / Z85_GROUP; group++) {
        const uint8_t *bytes = key + 4 * group;
        uint32_t value = (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 |
                         (uint32_t) bytes[2] << 8 | bytes[3];
        for (size_t at = Z85_GROUP; at-- > 0; value /= 85)
            text[Z85_GROUP * group + at] = s_digits[value % 85];
    }
    text[Z85_SIZE] = 0;
}

//  Reads a key in Z85. False: it is none.
static bool
s_read_key (const char *text, size_t size, uint8_t *key)
{
    if (size != Z85_SIZE)
        return false;
    for (size_t group = 0; group < Z85_SIZE / Z85_GROUP; group++) {
        uint64_t value = 0;
        for (size_t at = 0; at < Z85_GROUP; at++) {
            char letter = text[Z85_GROUP * group + at];
            const char *digit = letter ? strchr (s_digits, letter) : NULL;
            if (!digit)
                return false;
            value = 85 * value + (uint64_t) (digit - s_digits);
        }
        if (value > UINT32_MAX)
            return false;
        for (size_t at = 0; at < 4; at++)
            key[4 * group + at] = (uint8_t) (value >> (24 - 8 * at));
    }
    return true;
}

void
zseq_keyfile_draw (zseq_curve_pair_t *pair)
{
    assert (pair);
    crypto_box_keypair (pair->public_key, pair->secret_key);
}

//  A file that is read.
typedef struct {
    zseq_curve_pair_t *pair;
    bool in_curve;  //  The section
    bool has_public;
    bool has_secret;
} s_parser_t;

static size_t
s_skip (const char *text, size_t size, size_t at)
{
    while (at < size && memchr (BLANKS, text[at], strlen (BLANKS)))
        at++;
    return at;
}

//  Whether a line ends at a place, but for a comment.
static bool
s_ends (const char *text, size_t size, size_t at)
{
    at = s_skip (text, size, at);
    return at == size || text[at] == '#';
}

//  Takes a key's value: = "...". Both quotes may be single. NULL: it is one.
static const char *
s_value (const char *text, size_t size, bool *has, uint8_t *key)
{
    if (*has)
        return ZSEQ_TEXT_KEYFILE_TWICE;
    size_t at = s_skip (text, size, 0);
    if (at == size || text[at] != '=')
        return ZSEQ_TEXT_KEYFILE_NO_VALUE;
    at = s_skip (text, size, at + 1);
    if (at == size || (text[at] != '"' && text[at] != '\''))
        return ZSEQ_TEXT_KEYFILE_NO_VALUE;
    const char *begin = text + at + 1;
    const char *end = memchr (begin, text[at], size - at - 1);
    if (!end || !s_ends (text, size, (size_t) (end + 1 - text)))
        return ZSEQ_TEXT_KEYFILE_NO_VALUE;
    *has = s_read_key (begin, (size_t) (end - begin), key);
    return *has ? NULL : ZSEQ_TEXT_KEYFILE_NOT_KEY;
}

//  The length of a name.
static size_t
s_name_size (const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && text[at] != '=' && text[at] != '#' &&
           !memchr (BLANKS, text[at], strlen (BLANKS)))
        at++;
    return at;
}

static bool
s_is (const char *text, size_t size, const char *name)
{
    return size == strlen (name) && !memcmp (text, name, size);
}

static const char *
s_line (s_parser_t *self, const char *text, size_t size)
{
    size_t indent = s_skip (text, size, 0);
    if (s_ends (text, size, 0))
        return NULL;
    const char *name = text + indent;
    size_t name_size = s_name_size (name, size - indent);
    if (indent == 0) {
        self->in_curve = s_is (name, name_size, "curve");
        return NULL;
    }
    const char *rest = name + name_size;
    size_t rest_size = size - indent - name_size;
    if (self->in_curve && s_is (name, name_size, "public-key"))
        return s_value (rest, rest_size, &self->has_public,
                        self->pair->public_key);
    if (self->in_curve && s_is (name, name_size, "secret-key"))
        return s_value (rest, rest_size, &self->has_secret,
                        self->pair->secret_key);
    return NULL;
}

//  What is wrong with the keys that were found; NULL: nothing.
static const char *
s_check (const s_parser_t *self)
{
    if (!self->has_public)
        return ZSEQ_TEXT_KEYFILE_NO_PUBLIC;
    if (!zseq_curve_usable (self->pair->public_key))
        return ZSEQ_TEXT_KEYFILE_NOT_KEY;
    if (!self->has_secret)
        return NULL;
    uint8_t key[ZSEQ_CURVE_KEY_SIZE];
    crypto_scalarmult_base (key, self->pair->secret_key);
    return memcmp (key, self->pair->public_key, sizeof key)
             ? ZSEQ_TEXT_KEYFILE_NO_PAIR
             : NULL;
}

const char *
zseq_keyfile_parse (const char *bytes, size_t size, zseq_curve_pair_t *pair,
                    bool *secret_p, unsigned *line_p)
{
    assert (bytes || size == 0);
    assert (pair);
    assert (secret_p);
    assert (line_p);

    s_parser_t self = {.pair = pair};
    memset (pair, 0, sizeof *pair);
    *line_p = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr (bytes + at, '\n', size - at);
        size_t length = end ? (size_t) (end - bytes) - at : size - at;
        ++*line_p;
        const char *error = s_line (&self, bytes + at, length);
        if (error)
            return error;
        at += length + 1;
    }
    *line_p = 0;
    *secret_p = self.has_secret;
    return s_check (&self);
}

static int
s_fail (char *error, int rc, const char *path, const char *text)
{
    snprintf (error, ZSEQ_KEYFILE_ERROR_MAX, "%s: %s", path, text);
    return rc;
}

//  Reads an open file. private_only: no other user may read it.
static int
s_read_open (int fd, const char *path, bool private_only, char *bytes,
             size_t *size_p, char *error)
{
    struct stat status;
    if (fstat (fd, &status) == -1)
        return s_fail (error, ZSEQ_EIO, path, strerror (errno));
    if (!S_ISREG (status.st_mode))
        return s_fail (error, ZSEQ_EINVAL, path, ZSEQ_TEXT_STORE_NOT_REGULAR);
    if (private_only && (status.st_mode & 077)) {
        snprintf (error, ZSEQ_KEYFILE_ERROR_MAX, ZSEQ_TEXT_KEYFILE_READABLE,
                  path, path);
        return ZSEQ_EINVAL;
    }
    for (*size_p = 0; *size_p <= ZSEQ_KEYFILE_MAX;) {
        ssize_t size =
          read (fd, bytes + *size_p, ZSEQ_KEYFILE_MAX + 1 - *size_p);
        if (size == 0)
            return ZSEQ_OK;
        if (size == -1 && errno != EINTR)
            return s_fail (error, ZSEQ_EIO, path, strerror (errno));
        *size_p += size > 0 ? (size_t) size : 0;
    }
    return s_fail (error, ZSEQ_EINVAL, path, ZSEQ_TEXT_KEYFILE_LONG);
}

static int
s_read (const char *path, bool private_only, zseq_curve_pair_t *pair,
        bool *secret_p, char *error)
{
    //  A FIFO would wait for someone who writes.
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1)
        return s_fail (error, ZSEQ_EIO, path, strerror (errno));
    char bytes[ZSEQ_KEYFILE_MAX + 1];
    size_t size = 0;
    unsigned line;
    int rc = s_read_open (fd, path, private_only, bytes, &size, error);
    close (fd);
    const char *text =
      rc == ZSEQ_OK ? zseq_keyfile_parse (bytes, size, pair, secret_p, &line)
                    : NULL;
    sodium_memzero (bytes, size);
    if (!text)
        return rc;
    if (line == 0)
        return s_fail (error, ZSEQ_EINVAL, path, text);
    snprintf (error, ZSEQ_KEYFILE_ERROR_MAX, "%s:%u: %s", path, line, text);
    return ZSEQ_EINVAL;
}

int
zseq_keyfile_read_secret (const char *path, zseq_curve_pair_t *pair,
                          char error[ZSEQ_KEYFILE_ERROR_MAX])
{
    assert (path);
    assert (pair);
    assert (error);

    bool secret;
    int rc = s_read (path, true, pair, &secret, error);
    if (rc == ZSEQ_OK && !secret)
        rc = s_fail (error, ZSEQ_EINVAL, path, ZSEQ_TEXT_KEYFILE_NO_SECRET);
    if (rc != ZSEQ_OK)
        sodium_memzero (pair, sizeof *pair);
    return rc;
}

int
zseq_keyfile_read_public (const char *path, uint8_t key[ZSEQ_CURVE_KEY_SIZE],
                          char error[ZSEQ_KEYFILE_ERROR_MAX])
{
    assert (path);
    assert (key);
    assert (error);

    bool secret;
    zseq_curve_pair_t pair;
    int rc = s_read (path, false, &pair, &secret, error);
    if (rc == ZSEQ_OK)
        memcpy (key, pair.public_key, sizeof pair.public_key);
    sodium_memzero (&pair, sizeof pair);
    return rc;
}

//  Writes a file that is new, and synced. Else it is not there.
static int
s_write (const char *path, mode_t mode, const char *bytes, char *error)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd == -1)
        return s_fail (error, ZSEQ_EIO, path, strerror (errno));
    size_t size = strlen (bytes);
    size_t written = 0;
    errno = 0;
    while (written < size && (errno == 0 || errno == EINTR)) {
        errno = 0;
        ssize_t rc = write (fd, bytes + written, size - written);
        written += rc > 0 ? (size_t) rc : 0;
    }
    bool done = written == size && fsync (fd) == 0;
    int reason = errno;
    if (close (fd) == 0 && done)
        return ZSEQ_OK;
    (void) unlink (path);
    return s_fail (error, ZSEQ_EIO, path, strerror (reason ? reason : errno));
}

int
zseq_keyfile_write (const char *name, const zseq_curve_pair_t *pair,
                    char error[ZSEQ_KEYFILE_ERROR_MAX])
{
    assert (name);
    assert (pair);
    assert (error);

    char path[PATH_MAX_SIZE];
    char secret_path[PATH_MAX_SIZE];
    char public_key[ZSEQ_KEYFILE_TEXT_MAX];
    char secret_key[ZSEQ_KEYFILE_TEXT_MAX];
    char bytes[512];
    if ((size_t) snprintf (path, sizeof path, "%s.key", name) >= sizeof path ||
        (size_t) snprintf (secret_path, sizeof secret_path, "%s.key_secret",
                           name) >= sizeof secret_path)
        return s_fail (error, ZSEQ_EIO, name, strerror (ENAMETOOLONG));
    zseq_keyfile_text (pair->public_key, public_key);
    zseq_keyfile_text (pair->secret_key, secret_key);
    snprintf (bytes, sizeof bytes,
              "#   The secret key: give it to nobody.\n"
              "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n",
              public_key, secret_key);
    int rc = s_write (secret_path, 0600, bytes, error);
    sodium_memzero (bytes, sizeof bytes);
    sodium_memzero (secret_key, sizeof secret_key);
    if (rc != ZSEQ_OK)
        return rc;
    snprintf (bytes, sizeof bytes,
              "#   The public key: whoever has it may know it.\n"
              "curve\n    public-key = \"%s\"\n",
              public_key);
    rc = s_write (path, 0644, bytes, error);
    if (rc != ZSEQ_OK)
        (void) unlink (secret_path);
    return rc;
}
