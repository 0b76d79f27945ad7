#!/bin/bash
#  Checks the texts for people: each is in a table, used, and expected by a test
#  (texts.py). And that this check finds what it looks for, as does the one of
#  ../run.sh: that the tests have provoked each text.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$ZSEQ_SOURCE" || exit 1
command -v python3 >/dev/null || skip "python3 is not installed"

check=tests/cli/texts.py
"$ZSEQ_BUILD/tests/zseq-texts" >"$work/texts"

#  finds WHAT TEXT: with that line as well, it says WHAT of it.
finds () {
    printf '%b\n' "$2" | cat "$work/texts" - >"$work/more"
    run "$check" "$work/more"
    holds "a text is found: $1" test "$status" -eq 1
    holds "... and told" grep -q "$1" "$work/out"
}

run "$check" "$work/texts"
holds "all texts are expected by a test:
$(cat "$work/out" "$work/err")" test "$status" -eq 0
#  Backwards, as this is a test, too.
finds 'NEW: no test expects it' "NEW\\t$(rev <<<'thguoht reve ydobon tahw')"
finds 'NEW: nothing uses it' 'NEW\tthe disk is full'

#  records COMMAND...: the texts that it uses are in the file seen.
records () {
    head -c 4096 /dev/zero >"$work/record"
    LD_PRELOAD=$ZSEQ_BUILD/tests/zseq-texts-seen.so \
        ZSEQ_TEXTS_SEEN=$work/record run "$@"
    "$ZSEQ_BUILD/tests/zseq-texts" "$work/record" | cut -f 1 >"$work/seen"
}

if [[ -z $ZSEQ_INSTRUMENTED ]]; then
    records "$zseq" nonsense
    holds "a text is recorded" grep -qx CLI_COMMAND_UNKNOWN "$work/seen"
    holds "no other one is" test "$(wc -l <"$work/seen")" -eq 2
    records "$zseq" next
    holds "a phrase is recorded" grep -qx CLI_TOO_FEW "$work/seen"
    records "$zseqd" recover --data "$work/none" --force --floor 1
    holds "a text without conversions is recorded" \
        grep -qx FORCE_NOT_CONFIRMED "$work/seen"

    run "$check" "$work/texts" "$work/texts"
    holds "a text is found that is not needed" \
        grep -q 'SESSION_REFUSED is not needed' "$work/out"
    grep -v CLI_NO_COMMAND "$work/texts" >"$work/seen"
    run "$check" "$work/texts" "$work/seen"
    holds "a text is found that no test provokes" \
        grep -q 'daemon/cli/zseq_cli_texts.h: CLI_NO_COMMAND:' "$work/out"
fi
verdict
