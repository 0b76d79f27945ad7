//  The table of commands, with the help of each.

#include "zseq_cli_commands.h"

#include <stdio.h>
#include <string.h>

#include "zseq_cli_output.h"

static const zseq_cli_command_t s_commands[] = {
  {"init", "init",
   "Makes a private store of IDs, a directory, and prints its URI. Without -u\n"
   "and $ZSEQ_URI, commands use file:$XDG_STATE_HOME/zseq, else\n"
   "file:$HOME/.local/state/zseq, once init has made it.\n",
   "", 0, 0, zseq_cli_init},
  {"next", "next NAME [-n COUNT] [--batch B]",
   "Prints the next ID of sequence NAME, or the next COUNT IDs, one per\n"
   "line. Without --batch they come in ranges of what is wanted, and nothing\n"
   "is burnt.\n"
   "\n"
   "  -n, --count COUNT   how many IDs (1)\n"
   "  -b, --batch B       take B IDs at a time, or (auto) as many as their "
   "rate\n"
   "                      suggests; those left over are burnt\n",
   "nb", 1, 1, zseq_cli_next},
  {"range", "range NAME COUNT",
   "Takes COUNT consecutive IDs of sequence NAME, 1 to 4294967296, and\n"
   "prints the first and the last on one line.\n",
   "", 2, 2, zseq_cli_range},
  {"stream", "stream NAME [--batch B] [--delay MS] [-n COUNT]",
   "Prints IDs of sequence NAME, one per line, until COUNT of them, or until\n"
   "SIGINT, SIGTERM or the end of the reader.\n"
   "\n"
   "  -n, --count COUNT   how many IDs (no end)\n"
   "  -b, --batch B       take B IDs at a time, or (auto) as many as their "
   "rate\n"
   "                      suggests; those left over are burnt\n"
   "  -d, --delay MS      wait between two IDs\n",
   "nbd", 1, 1, zseq_cli_stream},
  {"peek", "peek NAME",
   "Prints the lowest ID of sequence NAME that was never claimed. Takes\n"
   "nothing.\n",
   "", 1, 1, zseq_cli_peek},
  {"raise", "raise NAME ID",
   "Makes sure that sequence NAME hands out nothing below ID from now on, 1\n"
   "to 9223372036854775808, which ends it. Never goes back.\n",
   "", 2, 2, zseq_cli_raise},
  {"list", "list [PREFIX]",
   "Prints the sequences whose names begin with PREFIX: name, tab, next ID.\n"
   "In a name, control characters, bytes that are not UTF-8 and the\n"
   "backslash are printed as \\xHH.\n",
   "", 0, 1, zseq_cli_list},
  {"status", "status [-w table|json]",
   "Asks every node of the cluster how it is. Exits with 0 if all vote, with\n"
   "3 if not all do but IDs are handed out, and with 2 if too few do.\n"
   "\n"
   "  -w, --write-out F   table or json (table)\n",
   "w", 0, 0, zseq_cli_status},
  {"info", "info NAME [-w table|json]",
   "Prints the next ID of sequence NAME, and what every node knows of it:\n"
   "its own next, how far that lags behind, how many IDs a second are\n"
   "claimed, and how long ago the last claim was.\n"
   "\n"
   "  -w, --write-out F   table or json (table)\n",
   "w", 1, 1, zseq_cli_info},
  {"export", "export [PREFIX] [-o FILE]",
   "Writes out the sequences whose names begin with PREFIX and their next "
   "IDs,\n"
   "and the keys that begin with it, for import: once no client uses them\n"
   "there, 'zseq -u FROM export | zseq -u TO import' moves them.\n"
   "\n"
   "  -o, --output FILE   write to FILE, which appears when it is complete\n",
   "o", 0, 1, zseq_cli_export},
  {"import", "import [FILE] [--add COUNT] [--partial] [--replace]",
   "Raises sequences to where they stood elsewhere, as FILE or the standard\n"
   "input says, which export has written; it may be repeated. Nothing is done\n"
   "unless the export is complete and undamaged. Prints how many there were,\n"
   "how many were raised, and how many were as high already. Stores keys,\n"
   "with versions above those of the export, unless they are newer here.\n"
   "\n"
   "  -a, --add COUNT     raise each by COUNT more, since IDs may have been\n"
   "                      taken after the export\n"
   "  -p, --partial       take the complete lines of an export that was cut "
   "off\n"
   "                      or edited, or of what list prints: you know what is\n"
   "                      missing, and that its IDs would repeat\n"
   "  -r, --replace       store keys that are newer here, too: what they have\n"
   "                      here is lost\n",
   "apr", 0, 1, zseq_cli_import},
  {"kv", "kv get|put|cas|del|list|watch ...",
   "Values of up to 49152 bytes under keys of 1 to 255 bytes.\n"
   "\n"
   "  kv get KEY [--stale] [-w raw|json]  prints the value as it is; in JSON "
   "with\n"
   "                      its version, and in Base64 what is not UTF-8\n"
   "  kv put KEY VALUE [--if VERSION]     stores a value, prints its version\n"
   "  kv cas KEY VERSION VALUE            the same, if the key has VERSION\n"
   "  kv del KEY [--if VERSION]           deletes the value, prints the "
   "version\n"
   "                      of the deletion\n"
   "  kv list [PREFIX] [--values] [-w raw|json]   prints keys: key, tab,\n"
   "                      version, and with --values tab and value, escaped "
   "as\n"
   "                      zseq list does\n"
   "  kv watch KEY [--after VERSION] [-n COUNT] [-w raw|json]   prints each\n"
   "                      newer version: version, tab, value, escaped; of a\n"
   "                      deletion only the version\n"
   "\n"
   "VALUE - is the standard input. VERSION 0: the key must have no value. "
   "Exit\n"
   "codes: 4 the key has no value, 5 it has another version, 6 the write may\n"
   "have been done or may be done yet.\n"
   "\n"
   "  -s, --stale         ask one node; the value may be an older one\n"
   "  -i, --if VERSION    only if the key has that version\n"
   "  -v, --values        list the values, too\n"
   "  -A, --after VERSION print what is above that version (0)\n"
   "  -n, --count COUNT   end after so many versions (no end)\n"
   "  -w, --write-out F   raw or json (raw)\n",
   "siwvAn", 1, 4, zseq_cli_kv},
  {"flake", "flake decode ID [-w table|json]",
   "Prints the time, worker and sequence number that a flake ID is made of.\n"
   "Other layouts than the usual one are told by -u, as in\n"
   "-u 'flake:0?bits=41/10/12&epoch=1735689600000'.\n"
   "\n"
   "  -w, --write-out F   table or json (table)\n",
   "w", 2, 2, zseq_cli_flake},
};

#define S_COMMANDS (sizeof s_commands / sizeof s_commands[0])

static const char s_common_help[] =
  "  -u, --uri URI       where IDs come from ($ZSEQ_URI, else the private\n"
  "                      store that init has made): a cluster\n"
  "                      tcp://HOST:PORT,..., a directory file:DIR, clocks\n"
  "                      flake:WORKER or flake+tcp://..., or mem:\n"
  "  -t, --timeout MS    how long one request may take (5000)\n"
  "  -h, --help          this text, also of each command\n";

const zseq_cli_command_t *
zseq_cli_find (const char *name)
{
    for (size_t index = 0; index < S_COMMANDS; index++)
        if (strcmp (s_commands[index].name, name) == 0)
            return &s_commands[index];
    return NULL;
}

int
zseq_cli_help (const zseq_cli_command_t *command)
{
    if (command) {
        printf ("usage: zseq [-u URI] [-t MS] %s\n\n%s%s%s", command->usage,
                command->help, command->options[0] ? "" : "\n", s_common_help);
        return zseq_cli_flush ();
    }
    printf (
      "usage: zseq [-u URI] [-t MS] COMMAND ...\n\n"
      "Strictly increasing 64-bit IDs, and a key-value store, from a cluster "
      "or\nwithout one.\n\n");
    for (size_t index = 0; index < S_COMMANDS; index++)
        printf ("  zseq %s\n", s_commands[index].usage);
    printf ("\n%s  -V, --version       the library's version\n"
            "\nA name that begins with '-' goes behind '--'. Exit codes: 0, "
            "1 bad use,\n2 unavailable, timed out or refused by the "
            "cluster; status: 3 if not all nodes vote,\nor their member "
            "lists differ; kv: 4 no value, 5 another version, 6 the\nwrite "
            "may have been done.\n",
            s_common_help);
    return zseq_cli_flush ();
}

int
zseq_cli_version (void)
{
    int major;
    int minor;
    int patch;
    zseq_version (&major, &minor, &patch);
    printf ("zseq %d.%d.%d\n", major, minor, patch);
    return zseq_cli_flush ();
}
