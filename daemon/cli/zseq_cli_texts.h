//  What zseq says to people, but for its help and what it is asked for. See
//  lib/README.md, "Texts for people".

#ifndef ZSEQ_CLI_TEXTS_H_INCLUDED
#define ZSEQ_CLI_TEXTS_H_INCLUDED

#include <inttypes.h>

//  What failed, or was done.
#define ZSEQ_CLI_TEXTS(X)                                                      \
    X (CLI_WRITE_OUT,                                                          \
       "--write-out '%s' is neither table nor json (kv: raw, json)")           \
    X (CLI_WRITES, "%s writes %s or json")                                     \
    X (CLI_OPTION_VALUE, "option '%s' needs a value")                          \
    X (CLI_OPTION_LETTER, "unknown option '-%c'%s")                            \
    X (CLI_OPTION_UNKNOWN, "unknown option '%s'")                              \
    X (CLI_COMMAND_UNKNOWN, "unknown command '%s'")                            \
    X (CLI_OPTION_OF_COMMAND, "%s takes no option -%c")                        \
    X (CLI_ARGUMENTS, "%s arguments for %s: usage is zseq %s")                 \
    X (CLI_NO_COMMAND, "no command given")                                     \
    X (EXPORT_UNWRITABLE, "zseq: export: cannot write to %s: %s; the export "  \
                          "is not complete: export again\n")                   \
    X (EXPORT_NOT_REGULAR, "%s is not a regular file: without -o, the export " \
                           "goes to standard output")                          \
    X (EXPORT_NO_DIRECTORY, "there is no directory to export at %s")           \
    X (FLAKE_NOT_DECODE, "flake %s is not flake decode")                       \
    X (CLI_RESERVED, "'%s' is reserved for the flake IDs of a worker: only "   \
                     "peek and raise take it")                                 \
    X (IMPORT_REFUSED,                                                         \
       "zseq: import: %s, line %zu: %s (nothing was imported)\n")              \
    X (IMPORT_FAILED, "zseq: import: %s, line %zu: %s%s%s; %zu of %zu "        \
                      "sequences and keys are there: import again\n")          \
    X (IMPORT_NOT_OPENED, "cannot open %s: %s")                                \
    X (IMPORT_DONE, "%zu sequence%s: %zu raised, %zu as high already%s\n")     \
    X (IMPORT_KEYS, "%zu key%s: %zu stored, %zu there already, %zu newer "     \
                    "here%s\n")                                                \
    X (IMPORT_NEWER,                                                           \
       "zseq: import: %s, line %zu: the key '%s' is at version %" PRIu64 " "   \
       "here, not below %" PRIu64 ", and stays as it is\n")                    \
    X (IMPORT_REPLACED,                                                        \
       "zseq: import: %s, line %zu: the key '%s' was at version %" PRIu64 " "  \
       "here, not below %" PRIu64 ", and was replaced\n")                      \
    X (KV_ARGUMENTS, "%s arguments for kv %s: usage is zseq kv %s")            \
    X (KV_OPTION_OF_VERB, "kv %s takes no option -%c")                         \
    X (KV_UNREADABLE, "zseq: cannot read the standard input: %s\n")            \
    X (KV_VERB_UNKNOWN, "kv %s is not kv get, put, cas, del, "                 \
                        "list or watch")                                       \
    X (PRIVATE_NO_HOME, "no cluster given: set ZSEQ_URI or -u (there is no "   \
                        "private store, as there is no $HOME)")                \
    X (PRIVATE_NO_URI, "no cluster given: set ZSEQ_URI or -u (there is no "    \
                       "private store, as '%s' cannot be part of a URI)")      \
    X (PRIVATE_NO_PARENT, "cannot make the directory %s: %s")                  \
    X (PRIVATE_USED, "zseq: neither -u nor ZSEQ_URI is given: this is the "    \
                     "private store %s\n")                                     \
    X (PRIVATE_UNUSABLE, "no cluster given: set ZSEQ_URI or -u (the private "  \
                         "store %s cannot be used: %s)")                       \
    X (PRIVATE_NONE, "no cluster given: set ZSEQ_URI or -u, or run 'zseq "     \
                     "init' to make a private store at %s")                    \
    X (INIT_NOT_FILE, "init makes a directory, and '%s' is not file:DIR")      \
    X (CLI_MISUSED, "zseq: %s; see zseq %s%s--help\n")                         \
    X (CLI_NUMBER,                                                             \
       "%s '%s' is not a whole number from %" PRIu64 " to %" PRIu64)           \
    X (CLI_UNWRITABLE, "zseq: cannot write to standard output: %s%s\n")

//  Parts of other texts.
#define ZSEQ_CLI_PARTS(X)                                                      \
    X (CLI_NO_SIGN, " (a number has no sign)")                                 \
    X (CLI_TOO_FEW, "too few")                                                 \
    X (CLI_TOO_MANY, "too many")                                               \
    X (EXPORT_STDOUT, "standard output")                                       \
    X (IMPORT_UNREADABLE, "cannot read: %s")                                   \
    X (IMPORT_FLOOR, "names that are not listed begin at the floor %" PRIu64   \
                     " there, and at %" PRIu64                                 \
                     " here: give the nodes here that floor by zseqd recover " \
                     "--force, or raise such names by hand and use --partial") \
    X (IMPORT_MARGIN, "the margin reaches beyond the sequence's end, 2^63: "   \
                      "choose a smaller --add")                                \
    X (IMPORT_PARTIAL, "; of others nothing is known")                         \
    X (INFO_NOT_KNOWN, "not known")                                            \
    X (CLI_BURNT, "; what was not printed is burnt")                           \
    X (KV_USAGE_CAS, "cas KEY VERSION VALUE|-")                                \
    X (KV_USAGE_DEL, "del KEY [--if VERSION]")                                 \
    X (KV_USAGE_GET, "get KEY [--stale] [-w raw|json]")                        \
    X (KV_USAGE_LIST, "list [PREFIX] [--values] [-w raw|json]")                \
    X (KV_USAGE_WATCH, "watch KEY [--after VERSION] [-n COUNT] [-w raw|json]") \
    X (KV_USAGE_PUT, "put KEY VALUE|- [--if VERSION]")                         \
    X (STATUS_DEGRADED,                                                        \
       "degraded: IDs are handed out, but not all nodes vote")                 \
    X (STATUS_LISTS_DIFFER,                                                    \
       "degraded: all nodes vote, but their member lists differ")              \
    X (STATUS_AVAILABLE, "available: all nodes vote")                          \
    X (STATUS_UNAVAILABLE, "unavailable: too few nodes vote to hand out IDs")  \
    X (STATUS_NOT_FORMED, "not formed yet")                                    \
    X (IMPORT_DAMAGED, "%s: the export is damaged; export again")              \
    X (IMPORT_NO_VERSION, "its first line says no version")                    \
    X (IMPORT_VERSION, "the export has a format that this zseq does not "      \
                       "know; import it with a newer one")                     \
    X (IMPORT_FIRST_LINE, "its first line is not one")                         \
    X (IMPORT_NOT_SEQUENCE, "not a name, a tab and its next ID")               \
    X (IMPORT_NOT_KEY, "not a key, its version and its value")                 \
    X (IMPORT_ORDER, "it does not lie above the one before")                   \
    X (IMPORT_NO_MEMORY,                                                       \
       "out of memory; import it in parts, as exported by prefixes")           \
    X (IMPORT_NOT_LAST, "not a count and a checksum")                          \
    X (IMPORT_COUNT, "there are not as many lines as the last one counts")     \
    X (IMPORT_CHECKSUM, "the checksum is a different one")                     \
    X (IMPORT_KIND, "'%s' is a kind of line that this zseq does not know: "    \
                    "import it with a newer one; or the export is damaged")    \
    X (IMPORT_NUL, "a NUL byte")                                               \
    X (IMPORT_MARK,                                                            \
       "the file begins with a byte order mark, which no zseq wrote and "      \
       "which would become part of a name: save it without one")               \
    X (IMPORT_NOT_EXPORT,                                                      \
       "this is not an export: zseq export makes one; what zseq list prints "  \
       "is only taken by --partial, as nothing says that it is all")           \
    X (IMPORT_MORE, "something follows the last line of the export; import "   \
                    "one export at a time")                                    \
    X (IMPORT_LINE_LONG, "a line that is too long")                            \
    X (IMPORT_NO_LINE, "no complete line of a sequence")                       \
    X (IMPORT_EMPTY,                                                           \
       "there is nothing to import: the export has failed; export again")      \
    X (IMPORT_CUT_OFF,                                                         \
       "the export ends before its last line: it was cut off; export again, "  \
       "or take its complete lines by --partial")

#define X(name, text) static const char ZSEQ_TEXT_##name[] = text;
ZSEQ_CLI_TEXTS (X)
ZSEQ_CLI_PARTS (X)
#undef X

#endif
