//  Records which texts for people (lib/README.md, "Texts for people") programs
//  use. It is preloaded (LD_PRELOAD) into all processes of a run of tests, and
//  stands before the functions of libc that format and write: each format, and
//  each string that is an argument of %s, is looked up among the texts.
//
//  The file ZSEQ_TEXTS_SEEN, of 4096 bytes, has a byte for each text, which
//  becomes 1. It is mapped at the start: to record a text then needs no
//  descriptor and no system call, which tests take away or count, and what a
//  killed process has recorded is not lost.

//  The C library must not define what is defined here.
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zseq_texts_table.h"

#define S_FILE_SIZE ((size_t) 4096)
#define S_SLOTS ((size_t) 2048)
#define S_TEXT_SIZE_MAX ((size_t) 512)  //  More than any text has
_Static_assert(ZSEQ_TEXTS_COUNT <= S_FILE_SIZE, "a byte each");
_Static_assert(2 * ZSEQ_TEXTS_COUNT <= S_SLOTS, "half are empty");

int __vsnprintf_chk (char *, size_t, int, size_t, const char *, va_list);
int __snprintf_chk (char *, size_t, int, size_t, const char *, ...);
int __vfprintf_chk (FILE *, int, const char *, va_list);
int __fprintf_chk (FILE *, int, const char *, ...);
int __printf_chk (int, const char *, ...);

typedef int s_vprint_t (FILE *, const char *, va_list);
typedef int s_vsnprint_t (char *, size_t, const char *, va_list);
typedef int s_fputs_t (const char *, FILE *);
typedef int s_puts_t (const char *);
typedef size_t s_fwrite_t (const void *, size_t, size_t, FILE *);

static unsigned char *s_seen;     //  The file; NULL: nothing is recorded
static uint16_t s_slot[S_SLOTS];  //  Index of a text + 1, by its hash; or 0

//  FNV-1a.
static size_t
s_hash (const char *text, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t index = 0; index < size; index++)
        hash = (hash ^ (unsigned char) text[index]) * 16777619u;
    return hash % S_SLOTS;
}

static __attribute__ ((constructor)) void
s_open (void)
{
    const char *path = getenv ("ZSEQ_TEXTS_SEEN");
    int file = path ? open (path, O_RDWR | O_CLOEXEC) : -1;
    if (file == -1)
        return;
    void *map =
      mmap (NULL, S_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close (file);
    if (map == MAP_FAILED)
        return;
    for (uint16_t index = 0; index < ZSEQ_TEXTS_COUNT; index++) {
        const char *text = zseq_texts[index].text;
        size_t at = s_hash (text, strlen (text));
        while (s_slot[at])
            at = (at + 1) % S_SLOTS;
        s_slot[at] = (uint16_t) (index + 1);
    }
    s_seen = map;
}

//  Two texts may be the same: both are recorded.
static void
s_record (const char *text, size_t size)
{
    if (!s_seen || size == 0 || size > S_TEXT_SIZE_MAX)
        return;
    for (size_t at = s_hash (text, size); s_slot[at]; at = (at + 1) % S_SLOTS) {
        const char *known = zseq_texts[s_slot[at] - 1].text;
        if (strncmp (known, text, size) == 0 && !known[size])
            s_seen[s_slot[at] - 1] = 1;
    }
}

static void
s_record_string (const char *text)
{
    s_record (text, strnlen (text, S_TEXT_SIZE_MAX + 1));
}

//  Takes an integer off the list, as the length modifiers of a conversion say.
static void
s_skip_integer (const char *modifiers, size_t size, va_list *list)
{
    if (memchr (modifiers, 'l', size) || memchr (modifiers, 'z', size) ||
        memchr (modifiers, 'j', size) || memchr (modifiers, 't', size))
        (void) va_arg (*list, long long);
    else
        (void) va_arg (*list, int);
}
_Static_assert(sizeof (long) == sizeof (long long), "one kind of long");

//  A number of a conversion, which may be an argument (*). -1: there is none.
static int
s_number (const char **now, va_list *list)
{
    if (**now == '*') {
        (*now)++;
        return va_arg (*list, int);
    }
    int number = -1;
    for (; **now >= '0' && **now <= '9'; (*now)++)
        number = (number < 0 ? 0 : number) * 10 + (**now - '0');
    return number;
}

//  Records a format and the strings among its arguments. It stops at a
//  conversion that it does not know.
static void
s_record_format (const char *format, va_list original)
{
    if (!s_seen)
        return;
    s_record_string (format);
    va_list list;
    va_copy (list, original);
    const char *now = strchr (format, '%');
    for (; now; now = strchr (now, '%')) {
        now++;
        now += strspn (now, "-+ #0'");
        (void) s_number (&now, &list);
        int precision = -1;
        if (*now == '.') {
            now++;
            precision = s_number (&now, &list);
            precision = precision < 0 ? 0 : precision;
        }
        const char *modifiers = now;
        now += strspn (now, "hljzt");
        if (*now == 's') {
            const char *text = va_arg (list, const char *);
            if (text)
                s_record (text,
                          strnlen (text, precision < 0 ? S_TEXT_SIZE_MAX + 1
                                                       : (size_t) precision));
        }
        else if (*now && strchr ("diouxXc", *now))
            s_skip_integer (modifiers, (size_t) (now - modifiers), &list);
        else if (*now && strchr ("eEfFgGaA", *now))
            (void) va_arg (list, double);
        else if (*now == 'p')
            (void) va_arg (list, void *);
        else if (*now != '%' && *now != 'm')
            break;
        now++;
    }
    va_end (list);
}

int
vsnprintf (char *text, size_t size, const char *format, va_list list)
{
    static s_vsnprint_t *next;
    if (!next)
        next = (s_vsnprint_t *) dlsym (RTLD_NEXT, "vsnprintf");
    s_record_format (format, list);
    return next (text, size, format, list);
}

int
snprintf (char *text, size_t size, const char *format, ...)
{
    va_list list;
    va_start (list, format);
    int rc = vsnprintf (text, size, format, list);
    va_end (list);
    return rc;
}

int
vfprintf (FILE *file, const char *format, va_list list)
{
    static s_vprint_t *next;
    if (!next)
        next = (s_vprint_t *) dlsym (RTLD_NEXT, "vfprintf");
    s_record_format (format, list);
    return next (file, format, list);
}

int
fprintf (FILE *file, const char *format, ...)
{
    va_list list;
    va_start (list, format);
    int rc = vfprintf (file, format, list);
    va_end (list);
    return rc;
}

int
printf (const char *format, ...)
{
    va_list list;
    va_start (list, format);
    int rc = vfprintf (stdout, format, list);
    va_end (list);
    return rc;
}

//  What fortified programs (_FORTIFY_SOURCE) call in place of these.

int
__vsnprintf_chk (char *text, size_t size, int flags, size_t room,
                 const char *format, va_list list)
{
    (void) flags;
    if (size > room)
        abort ();
    return vsnprintf (text, size, format, list);
}

int
__snprintf_chk (char *text, size_t size, int flags, size_t room,
                const char *format, ...)
{
    va_list list;
    va_start (list, format);
    int rc = __vsnprintf_chk (text, size, flags, room, format, list);
    va_end (list);
    return rc;
}

int
__vfprintf_chk (FILE *file, int flags, const char *format, va_list list)
{
    (void) flags;
    return vfprintf (file, format, list);
}

int
__fprintf_chk (FILE *file, int flags, const char *format, ...)
{
    (void) flags;
    va_list list;
    va_start (list, format);
    int rc = vfprintf (file, format, list);
    va_end (list);
    return rc;
}

int
__printf_chk (int flags, const char *format, ...)
{
    (void) flags;
    va_list list;
    va_start (list, format);
    int rc = vfprintf (stdout, format, list);
    va_end (list);
    return rc;
}

//  The compiler makes the following of printf and fprintf without conversions.

int
puts (const char *text)
{
    static s_puts_t *next;
    if (!next)
        next = (s_puts_t *) dlsym (RTLD_NEXT, "puts");
    char line[S_TEXT_SIZE_MAX];
    size_t size = strlen (text);
    if (size < sizeof line) {
        memcpy (line, text, size);
        line[size] = '\n';
        s_record (line, size + 1);
    }
    return next (text);
}

int
fputs (const char *text, FILE *file)
{
    static s_fputs_t *next;
    if (!next)
        next = (s_fputs_t *) dlsym (RTLD_NEXT, "fputs");
    s_record_string (text);
    return next (text, file);
}

size_t
fwrite (const void *bytes, size_t size, size_t count, FILE *file)
{
    static s_fwrite_t *next;
    if (!next)
        next = (s_fwrite_t *) dlsym (RTLD_NEXT, "fwrite");
    s_record (bytes, size * count);
    return next (bytes, size, count, file);
}
