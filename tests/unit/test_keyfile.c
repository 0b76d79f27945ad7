//  Tests the files of keys: what czmq and pyzmq write is read, czmq reads what
//  we write, and what is wrong is refused with where and why.

#include <criterion/criterion.h>
#include <czmq.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq.h"
#include "zseq_keyfile.h"

//  A pair of RFC 26's authors.
#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

static char s_folder[] = "/tmp/zseq-keyfile.XXXXXX";
static char s_error[ZSEQ_KEYFILE_ERROR_MAX];
static zseq_curve_pair_t s_pair;

static const char *
s_path (const char *name)
{
    static char path[2][128];
    static size_t next;
    next = !next;
    snprintf (path[next], sizeof path[next], "%s/%s", s_folder, name);
    return path[next];
}

static void
s_init (void)
{
    cr_assert_geq (sodium_init (), 0);
    cr_assert (mkdtemp (s_folder));
    zseq_keyfile_draw (&s_pair);
}

static void
s_fini (void)
{
    char command[64];
    snprintf (command, sizeof command, "rm -r %s", s_folder);
    cr_assert_eq (system (command), 0);
}

TestSuite (keyfile, .init = s_init, .fini = s_fini);

static const char *
s_save (const char *name, const char *text, mode_t mode)
{
    const char *path = s_path (name);
    FILE *file = fopen (path, "w");
    cr_assert (file);
    fputs (text, file);
    fclose (file);
    chmod (path, mode);
    return path;
}

Test (keyfile, writes_keys_as_libzmq_does)
{
    for (int times = 0; times < 200; times++) {
        char ours[ZSEQ_KEYFILE_TEXT_MAX];
        char theirs[ZSEQ_KEYFILE_TEXT_MAX];
        zseq_keyfile_draw (&s_pair);
        zseq_keyfile_text (s_pair.public_key, ours);
        zmq_z85_encode (theirs, s_pair.public_key, 32);
        cr_assert_str_eq (ours, theirs);
    }
}

Test (keyfile, reads_what_it_has_written)
{
    zseq_curve_pair_t read;
    uint8_t key[ZSEQ_CURVE_KEY_SIZE];
    umask (0);
    for (int times = 0; times < 50; times++) {
        zseq_keyfile_draw (&s_pair);
        cr_assert_eq (zseq_keyfile_write (s_path ("a"), &s_pair, s_error),
                      ZSEQ_OK, "%s", s_error);
        struct stat status;
        cr_assert_eq (stat (s_path ("a.key_secret"), &status), 0);
        cr_assert_eq (status.st_mode & 0777, 0600);
        cr_assert_eq (
          zseq_keyfile_read_secret (s_path ("a.key_secret"), &read, s_error),
          ZSEQ_OK, "%s", s_error);
        cr_assert (!memcmp (&read, &s_pair, sizeof read));
        cr_assert_eq (zseq_keyfile_read_public (s_path ("a.key"), key, s_error),
                      ZSEQ_OK, "%s", s_error);
        cr_assert_arr_eq (key, s_pair.public_key, sizeof key);
        //  The secret is in one of them only.
        cr_assert_eq (
          zseq_keyfile_read_secret (s_path ("a.key"), &read, s_error),
          ZSEQ_EINVAL);
        unlink (s_path ("a.key"));
        unlink (s_path ("a.key_secret"));
    }
}

Test (keyfile, writes_over_no_file)
{
    (void) s_save ("b.key", "mine", 0644);
    cr_assert_eq (zseq_keyfile_write (s_path ("b"), &s_pair, s_error),
                  ZSEQ_EIO);
    cr_assert (strstr (s_error, "b.key: File exists"));
    //  Nor leaves the other one.
    cr_assert_neq (access (s_path ("b.key_secret"), F_OK), 0);
    cr_assert_eq (access (s_path ("b.key"), F_OK), 0);
    (void) s_save ("c.key_secret", "mine", 0600);
    cr_assert_eq (zseq_keyfile_write (s_path ("c"), &s_pair, s_error),
                  ZSEQ_EIO);
    cr_assert (strstr (s_error, "c.key_secret: File exists"));
    cr_assert_neq (access (s_path ("c.key"), F_OK), 0);
}

//  Others' files.

Test (keyfile, reads_what_czmq_writes)
{
    zseq_curve_pair_t read;
    uint8_t key[ZSEQ_CURVE_KEY_SIZE];
    zcert_t *cert = zcert_new ();
    zcert_set_meta (cert, "name", "%s", "one # of many");
    zcert_set_meta (cert, "public-key", "%s", "not this");
    cr_assert_eq (zcert_save (cert, s_path ("czmq")), 0);
    cr_assert_eq (zseq_keyfile_read_public (s_path ("czmq"), key, s_error),
                  ZSEQ_OK, "%s", s_error);
    cr_assert_arr_eq (key, zcert_public_key (cert), sizeof key);
    cr_assert_eq (
      zseq_keyfile_read_secret (s_path ("czmq_secret"), &read, s_error),
      ZSEQ_OK, "%s", s_error);
    cr_assert_arr_eq (read.secret_key, zcert_secret_key (cert), 32);
    zcert_destroy (&cert);
}

Test (keyfile, czmq_reads_what_it_writes)
{
    cr_assert_eq (zseq_keyfile_write (s_path ("d"), &s_pair, s_error), ZSEQ_OK);
    zcert_t *cert = zcert_load (s_path ("d.key"));
    cr_assert (cert);
    cr_assert_arr_eq (zcert_public_key (cert), s_pair.public_key, 32);
    zcert_destroy (&cert);
    cert = zcert_load (s_path ("d.key_secret"));
    cr_assert (cert);
    cr_assert_arr_eq (zcert_secret_key (cert), s_pair.secret_key, 32);
    zcert_destroy (&cert);
}

//  As zmq.auth.create_certificates does, with metadata that is not quoted.
Test (keyfile, reads_what_pyzmq_writes)
{
    zseq_curve_pair_t read;
    const char *path = s_save (
      "pyzmq.key_secret",
      "#   ****  Generated on 2026-11-30 22:10:00.000000 by pyzmq  ****\n"
      "#   ZeroMQ CURVE **Secret** Certificate\n"
      "#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its "
      "permissions.\n"
      "\n"
      "metadata\n"
      "    name = worker 7\n"
      "curve\n"
      "    public-key = \"" PUBLIC "\"\n"
      "    secret-key = \"" SECRET "\"\n",
      0600);
    cr_assert_eq (zseq_keyfile_read_secret (path, &read, s_error), ZSEQ_OK,
                  "%s", s_error);
    char text[ZSEQ_KEYFILE_TEXT_MAX];
    zseq_keyfile_text (read.secret_key, text);
    cr_assert_str_eq (text, SECRET);
}

Test (keyfile, reads_a_file_however_it_is_laid_out)
{
    static const char *const files[] = {
      "curve\n\tpublic-key='" PUBLIC "'",
      "curve # section\r\n  public-key\t=  \"" PUBLIC "\"  # mine\r\n",
      "curve\n  other = 1\n\n  public-key = \"" PUBLIC "\"\nnext\n"
      "  public-key = 1\n",
      "next\n  public-key = 1\ncurve\n  public-key-2 = 1\n  public-key = "
      "\"" PUBLIC "\"\n",
    };
    for (size_t index = 0; index < sizeof files / sizeof *files; index++) {
        zseq_curve_pair_t read;
        bool secret;
        unsigned line;
        const char *error = zseq_keyfile_parse (
          files[index], strlen (files[index]), &read, &secret, &line);
        cr_assert_null (error, "%zu: %s", index, error);
        cr_assert (!secret);
        char text[ZSEQ_KEYFILE_TEXT_MAX];
        zseq_keyfile_text (read.public_key, text);
        cr_assert_str_eq (text, PUBLIC);
    }
}

//  What is refused.

#define BEGIN "curve\n    public-key = \""

Test (keyfile, says_where_and_what_is_wrong)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *error;
    } cases[] = {
      {"", 0, "holds no public key: it needs a section curve, and in that"},
      {"public-key = \"" PUBLIC "\"\n", 0, "holds no public key"},
      {"metadata\n  public-key = \"" PUBLIC "\"\n", 0, "holds no public key"},
      {BEGIN PUBLIC "\n", 2, "a key has to follow, as = \"...\""},
      {"curve\n  public-key\n", 2, "a key has to follow"},
      {"curve\n  public-key = " PUBLIC "\n", 2, "a key has to follow"},
      {"curve\n  public-key = \n", 2, "a key has to follow"},
      {BEGIN PUBLIC "\" x\n", 2, "a key has to follow"},
      {BEGIN PUBLIC "x\"\n", 2, "no key: it has 40 characters of Z85"},
      {BEGIN "\"\n", 2, "no key: it has 40"},
      {BEGIN "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{h~D\"\n", 2, "no key: "},
      {BEGIN "#####$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n", 2, "no key: "},
      {BEGIN "0000000000000000000000000000000000000000\"\n", 0, "no key: "},
      {BEGIN PUBLIC "\"\n  public-key = \"" PUBLIC "\"\n", 3,
       "the key is there for a second time: remove one"},
      {BEGIN PUBLIC "\"\n  secret-key = \"" PUBLIC "\"\n", 0,
       "the secret key is not that of the public key: use the file as"},
    };
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        zseq_curve_pair_t pair;
        bool secret;
        unsigned line;
        const char *error = zseq_keyfile_parse (
          cases[index].text, strlen (cases[index].text), &pair, &secret, &line);
        cr_assert (error && strstr (error, cases[index].error), "%zu: %s",
                   index, error);
        cr_assert_eq (line, cases[index].line, "%zu: %u", index, line);
    }
}

static void
s_assert_refused (const char *path, int rc, const char *text)
{
    zseq_curve_pair_t pair;
    memset (&pair, 1, sizeof pair);
    cr_assert_eq (zseq_keyfile_read_secret (path, &pair, s_error), rc);
    cr_assert (strstr (s_error, text), "%s", s_error);
    cr_assert (sodium_is_zero ((const uint8_t *) &pair, sizeof pair));
}

Test (keyfile, refuses_a_secret_that_others_may_read)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0601};
    static const char file[] =
      BEGIN PUBLIC "\"\n    secret-key = \"" SECRET "\"\n";
    for (size_t index = 0; index < sizeof modes / sizeof *modes; index++) {
        const char *path = s_save ("open.key_secret", file, modes[index]);
        char text[256];
        snprintf (text, sizeof text,
                  "%s: others may read the secret key: chmod 600 %s", path,
                  path);
        s_assert_refused (path, ZSEQ_EINVAL, text);
    }
}

Test (keyfile, refuses_what_is_no_file_of_keys)
{
    s_assert_refused (s_path ("none"), ZSEQ_EIO, "none: No such file");
    s_assert_refused (s_folder, ZSEQ_EINVAL, "not a regular file");
    cr_assert_eq (mkfifo (s_path ("fifo"), 0600), 0);
    s_assert_refused (s_path ("fifo"), ZSEQ_EINVAL, "not a regular file");
    s_assert_refused (s_save ("public", BEGIN PUBLIC "\"\n", 0600), ZSEQ_EINVAL,
                      "holds no secret key: give the file NAME.key_secret");
    s_assert_refused (s_save ("two", BEGIN PUBLIC "\n", 0600), ZSEQ_EINVAL,
                      "two:2: a key has to follow");
    static char longest[ZSEQ_KEYFILE_MAX + 2];
    memset (longest, '\n', sizeof longest - 1);
    s_assert_refused (s_save ("long", longest, 0600), ZSEQ_EINVAL,
                      "too long for a file of keys");
    longest[ZSEQ_KEYFILE_MAX] = 0;
    s_assert_refused (s_save ("just", longest, 0600), ZSEQ_EINVAL,
                      "holds no public key");
}
