#!/bin/bash
#  Runs the experiments that README.md shows: its blocks of shell, one after the
#  other, with this test's address in place of 127.0.0.1.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  The README's nodes are children of its own script.
end_nodes () {
    local file id
    for file in "$work"/*.pid; do
        [[ -e $file ]] || continue
        id=$(cat "$file")
        #  Only if the process is still ours: ids are used again.
        [[ $(readlink "/proc/$id/cwd") == "$work" ]] && kill -KILL "$id"
    done
    clean_up
}
trap end_nodes EXIT

awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside' \
    "$ZSEQ_SOURCE/README.md" | sed "s/127\.0\.0\.1/$address/g" >"$work/script"
holds "README.md has experiments" test -s "$work/script"

cd "$work" || exit 1
run env PATH="$ZSEQ_BIN:$PATH" bash -eu script
holds "they end well" test "$status" -eq 0
[[ $status -eq 0 ]] || show bash script

#  The IDs that the blocks print.
grep -x '[0-9 ]*' out >numbers
line () {
    sed -n "$1p" numbers
}
for at in 1 2 3 4; do
    holds "ID $at comes as number $at" test "$(line $at)" = $at
done
holds "the range is 5 to 1004" grep -qx '5 1004' out
holds "peek shows 1005" test "$(line 6)" = 1005
holds "the list shows orders" grep -qx $'orders\t1005' out
holds "the import tells of one sequence" \
    grep -qx '1 sequence: 0 raised, 1 as high already' out
holds "the flake ID is told apart" \
    grep -qx '2025-01-01T00:16:40.000Z worker 3 sequence 1' out
for at in 1005 1006 1007; do
    holds "with a node killed, $at follows" grep -qx $at out
done
holds "the status shows b as not reachable" \
    grep -Eq '^b .*(unreachable|not reachable)' out
holds "and exits with 3" grep -qx 'exit status 3' out
holds "with two nodes killed, zseq fails with 2" grep -qx 'exit status 2' out
holds "and says how many there are" grep -q '1 of 3 nodes answered' err
holds "with a file removed, zseqd says what is missing" \
    grep -q "orders: missing" b.log
holds "and recovers" grep -q "ready: node b votes .*incarnation 2" b.log
holds "with its disk lost, it does so again" \
    grep -q "ready: node b votes .*incarnation 3" b.log

#  After the stream, and after the file was removed, IDs rise.
last=$(tail -n 1 numbers)
before=$(tail -n 2 numbers | head -n 1)
streamed=$(sort -n stream.log | tail -n 1)
holds "$before is above the $streamed of the stream" test "$before" -gt "$streamed"
holds "$last is above $before" test "$last" -gt "$before"
[[ $failures -eq 0 ]] || tail -n 20 "$work"/?.log
verdict
