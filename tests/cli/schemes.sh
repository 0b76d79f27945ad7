#!/bin/bash
#  Sources of IDs without a cluster, or from clocks: the very first command,
#  directories, the move to a cluster, flake IDs.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  Without -u and ZSEQ_URI nothing is made: not by a command, an input to
#  import, or an empty directory.
export HOME=$work/home
mkdir "$HOME"
private=$HOME/.local/state/zseq
none="no cluster given: set ZSEQ_URI or -u, or run 'zseq init' .*at $private"
for command in "next orders" "range orders 2" "stream orders" "peek orders" \
               "raise orders 2" list status export import; do
    read -r -a words <<<"$command"
    refuses 1 "$none" "$zseq" "${words[@]}"
    refuses 1 "$none" "$zseq" -u '' "${words[@]}"
done
holds "nothing was made" test -z "$(ls -A "$HOME")"
mkdir -p "$private"
refuses 1 "$none" "$zseq" next orders
holds "nothing was made" test -z "$(ls -A "$private")"

#  Only init makes the private store, and its use is told each time. With a
#  URI nothing is told.
answers "file:$private" "$zseq" init
answers "file:$private" "$zseq" init
last=0
for count in 1 3; do
    run "$zseq" next orders -n $count
    holds "IDs of the private store" \
        test "$status-$(xargs <"$work/out")" = \
        "0-$(seq $((last + 1)) $((last + count)) | xargs)"
    holds "one line names it" test "$(cat "$work/err")" = "zseq: neither -u nor \
ZSEQ_URI is given: this is the private store file:$private"
    last=$((last + count))
done
answers 5 env ZSEQ_URI="$("$zseq" init)" "$zseq" next orders
answers "file:$work/state/zseq" env XDG_STATE_HOME="$work/state" "$zseq" init
holds "below XDG_STATE_HOME" test -f "$work/state/zseq/node"
answers "file:$work/made" "$zseq" -u "file:$work/made" init
holds "where -u says" test -f "$work/made/node"
refuses 1 "init makes a directory.*mem:" "$zseq" -u mem: init
refuses 1 "init makes a directory.*$(uri a)" env ZSEQ_URI="$(uri a)" "$zseq" init
rm "$private/node"
run "$zseq" next orders
holds "a damaged one is not made anew" \
    test "$status-$(grep -c 'zseq/node: missing' "$work/err")-$(wc -c <"$work/out")" \
    = 2-1-0

#  A directory.
ids=("$zseq" -u "file:$work/ids")
answers 1 "${ids[@]}" next orders
answers "$(seq 2 10001)" "${ids[@]}" next orders -n 10000
answers "" "${ids[@]}" raise users 1000000
answers "$(printf 'orders\t10002\nusers\t1000000')" "${ids[@]}" list
answers 1 "$zseq" -u "file://$work/slashes" next orders
answers 10002 "$zseq" -u "file:$work/ids?timeout=1000" peek orders
refuses 2 'no such|missing|parent|mkdir' "$zseq" -u "file:$work/no/parent" next x

#  One process at a time. The next one waits, and reports which process it waits
#  for.
"${ids[@]}" stream orders >"$work/stream" &
pid[stream]=$!
wait_until test -s "$work/stream"
refuses 2 "in use by .*process" "$zseq" -u "file:$work/ids?timeout=300" next orders
kill -KILL "${pid[stream]}"
wait "${pid[stream]}" 2>/dev/null
unset 'pid[stream]'
last=$(tail -n 1 "$work/stream")
run "${ids[@]}" next orders
holds "what was killed is not repeated" test "$(cat "$work/out")" -gt "$last"

#  Damage is reported with advice, and never repaired.
cp -r "$work/ids" "$work/damaged"
record=$(find "$work/damaged/seq" -name orders)
printf 'x' | dd of="$record" bs=1 seek=40 conv=notrunc status=none
cp -r "$work/damaged" "$work/before"
refuses 2 "damaged.*$record" "$zseq" -u "file:$work/damaged" next orders
holds "nothing was changed" diff -r -x lock "$work/damaged" "$work/before"

#  To a cluster, and back again.
cluster shop a b c
ask=("$zseq" -u "$(uri a b c)")
"${ids[@]}" list >"$work/list"
answers "" "${ids[@]}" export -o "$work/export"
answers "2 sequences: 2 raised, 0 as high already" \
    "${ask[@]}" import "$work/export"
answers "$(cat "$work/list")" "${ask[@]}" list
answers "2 sequences: 0 raised, 2 as high already" \
    "${ask[@]}" import "$work/export"
answers 1000000 "${ask[@]}" next users
for ((name = 0; name < 1000; name++)); do
    printf 'many-%d\\x09\\x5c\t%d\n' "$name" $((name + 2))
done | LC_ALL=C sort -t '\' -k 1,1 >"$work/many"
unknown='; of others nothing is known'
answers "1000 sequences: 1000 raised, 0 as high already$unknown" \
    "${ask[@]}" import --partial "$work/many"
answers "$(cat "$work/many")" "${ask[@]}" list many
answers "" "${ask[@]}" export many -o "$work/export"
answers "1000 sequences: 1000 raised, 0 as high already" \
    "${ids[@]}" import "$work/export"
answers "$(cat "$work/many")" "${ids[@]}" list many

#  Memory.
answers "$(seq 1 5)" "$zseq" -u mem: next orders -n 5
answers "" "$zseq" -u mem: list

#  Flake IDs, and their parts.
answers "2025-01-01T00:00:01.000Z worker 3 sequence 5" \
    "$zseq" flake decode $((1000 << 22 | 3 << 12 | 5))
answers "1970-01-01T00:00:01.000Z worker 1 sequence 2" "$zseq" \
    -u 'flake:0?bits=50/2/11&epoch=0' flake decode $((1000 << 13 | 1 << 11 | 2))
refuses 1 'not a whole number' "$zseq" flake decode x
refuses 1 'is not flake decode' "$zseq" flake encode 1
refuses 1 'no ID of that layout' "$zseq" flake decode 5
for from in flake:7 "flake+$(uri a b c)" "flake+file:$work/ids"; do
    expectations=$((expectations + 1))
    run "$zseq" -u "$from" next anything -n 5000
    if [[ $status -ne 0 || $(sort -nu "$work/out" | wc -l) -ne 5000 ]] \
           || ! sort -nc "$work/out"; then
        fail "5,000 rising IDs from $from"
        show "$zseq" -u "$from"
    fi
    run "$zseq" flake decode "$(tail -n 1 "$work/out")"
    holds "of today" grep -Eq "^$(date -u +%Y-%m)" "$work/out"
done
run "$zseq" -u flake:7 next anything
run "$zseq" flake decode "$(cat "$work/out")"
holds "of worker 7" grep -q ' worker 7 ' "$work/out"
refuses 1 'they have no sequence' "$zseq" -u flake:7 peek anything
for from in flake:7 "flake+file:$work/ids"; do
    refuses 2 'the clock shows a time before the epoch.*epoch=4000000000000' \
        "$zseq" -u "$from?epoch=4000000000000&timeout=300" next anything
done
refuses 1 'one by one' "$zseq" -u flake:7 range anything 2
#  A worker's milliseconds far in the future cannot be taken by hand.
refuses 2 'too far from the clock' "${ask[@]}" -t 500 \
    raise "\$flake/41-10-12/1735689600000/7" 9000000000000

#  All worker numbers are taken for half a minute. That is reported at once.
soon=$(($(date +%s%3N) - 1735689600000 + 30000))
answers "" "${ask[@]}" raise "\$flake/40-1-12/1735689600000/0" "$soon"
answers "" "${ask[@]}" raise "\$flake/40-1-12/1735689600000/1" "$soon"
refuses 2 'all 2 worker numbers are in use' \
    "$zseq" -u "flake+$(uri a b c)?bits=40/1/12" next x
verdict
