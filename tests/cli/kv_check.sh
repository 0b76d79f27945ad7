#!/bin/bash
#  zseq-check kv judges the histories in tests/support/kv as their first lines
#  say: "#good", or "#RULE LINE [OTHER]", the rule that is broken and the lines
#  that contradict each other.
. "${BASH_SOURCE[0]%/*}/lib.sh"

check=$ZSEQ_BUILD/tests/zseq-check

#  judge STATUS FILE...: its output is in the file out.
judge () {
    expectations=$((expectations + 1))
    run "$check" kv "${@:2}"
    [[ $status -eq $1 && ! -s $work/err ]] && return
    fail "expected status $1"
    show "$check" kv "${@:2}"
}

count=0
for file in "$ZSEQ_SOURCE"/tests/support/kv/*.kv; do
    count=$((count + 1))
    IFS='# ' read -r _ rule line other <"$file"
    if [[ $rule == good ]]; then
        judge 0 "$file"
        holds "$file is good" grep -qx good "$work/out"
        continue
    fi
    judge 1 "$file"
    pattern="^$rule: key cart: $file:$line \\[.*\\] "
    [[ -z $other ]] || pattern+=".* $file:$other \\["
    holds "$file: $pattern" grep -q -- "$pattern" "$work/out"
    holds "$file breaks one rule" grep -qx 'violations 1' "$work/out"
    holds "$file is bad" test "$(tail -n 1 "$work/out")" = BAD
done
holds "histories were judged" test "$count" -ge 17

#  Several files are one history; - is the standard input.
judge 0 "$ZSEQ_SOURCE/tests/support/kv/good.kv" /dev/null
holds "two files" grep -qx 'operations 12' "$work/out"
expectations=$((expectations + 1))
"$check" kv - <"$ZSEQ_SOURCE/tests/support/kv/good.kv" | grep -qx good \
    || fail "the standard input is not read"

printf '1 put cart 1 10 20 done - 5\n' >"$work/malformed.kv"
refuses 2 "malformed.kv:1: malformed line" "$check" kv "$work/malformed.kv"
refuses 2 "none.kv: No such file" "$check" kv "$work/none.kv"
refuses 2 "zseq-check kv FILE" "$check" kv
verdict
