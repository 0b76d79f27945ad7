#!/bin/bash
#  Checks the texts for people: each is in a table, used, and expected by a test
#  (texts.py). And that this check finds what it looks for.
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
verdict
