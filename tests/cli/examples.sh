#!/bin/bash
#  Runs the example programs against three nodes.
. "${BASH_SOURCE[0]%/*}/lib.sh"

cluster shop a b c
uri=$(uri a b c)

answers 1 "$ZSEQ_BIN/example-next" "$uri"
answers 2 env ZSEQ_URI="$uri" "$ZSEQ_BIN/example-next"

run "$ZSEQ_BIN/example-batch" "$uri"
holds "batch takes its IDs" grep -qx '10000 IDs from 1 to 10000' "$work/out"
claims=$(sed -n 's/^\([0-9]*\) claims$/\1/p' "$work/out")
holds "in a dozen claims" test "$status" -eq 0 -a "${claims:-0}" -ge 10 \
    -a "${claims:-0}" -le 14

answers "8 threads took 800 IDs, 0 duplicates" "$ZSEQ_BIN/example-threads" \
    "$uri"

crash b
run "$ZSEQ_BIN/example-next" "$uri"
holds "next with a node down" test "$status-$(cat "$work/out")" = 0-3
crash a
run timeout 30 "$ZSEQ_BIN/example-next" "$uri?timeout=500"
holds "next with two nodes down says why" \
    test "$status-$(grep -Ec 'too few|deadline' "$work/err")" = 1-1

verdict
