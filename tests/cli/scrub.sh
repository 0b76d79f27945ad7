#!/bin/bash
#  A running node notices damage on its disk, logs it, and writes the data
#  again.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  flip FILE OFFSET: changes a byte in place.
flip () {
    printf '\377' | dd of="$1" bs=1 seek="$2" conv=notrunc 2>"$work/err"
}

#  told PATTERN: the node logs it before long.
told () {
    holds "the log says $1" wait_until says a "warning zseqd a: .*$1"
}

for days in -1 x 366 ''; do
    refuses 1 "--scrub '$days' is not a number of days from 0 to 365" "$zseqd" start --data "$work/none" --scrub "$days"
done

format shop a a
start a --scrub 0.000001
ready a
for name in bills orders shops; do
    answers '' "$zseq" -u "$(uri a)" raise $name 100
done
"$zseq" -u "$(uri a)" -t 20000 stream orders --delay 2 >"$work/stream" \
    2>"$work/stream.err" &
pid[stream]=$!

flip "$work"/a/seq/*/bills 36
told '/bills: checksum does not match; it is written again'
rm "$work"/a/seq/*/shops
told '/shops: missing; it is written again'
truncate -s 7 "$work"/a/seq/*/bills
told '/bills: too short for a record; it is written again'
flip "$work/a/names" 30
told '/names: differs from its copy; it was written again'
mended () {
    [[ $(grep -c '/names: differs from its copy; it was written again' \
        "$work/a.log") -eq 2 ]]
}
flip "$work/a/names-copy" 30
holds "the log says it of a copy" wait_until mended
#  A damaged record keeps its file's times. A record that another process wrote
#  does not, and the node ends (directory.sh).
kill -STOP "${pid[a]}"
touch -r "$work/a/node" "$work/times"
flip "$work/a/node" 40
touch -r "$work/times" "$work/a/node"
kill -CONT "${pid[a]}"
told '/node: not what was written last; it is written again'

#  Keys: the journal, which a snapshot then replaces, and that snapshot.
run "$zseq" -u "$(uri a)" kv put color red
holds "a key is stored" test "$status" -eq 0
flip "$work/a/kv/journal-00000001" 200
told '/kv/journal-00000001: .*; it is written again'
snapshots () { compgen -G "$work/a/kv/shard-??"; }
gone () { [[ ! -e $work/a/kv/journal-00000001 ]] && snapshots >"$work/shots"; }
holds "a snapshot replaces the segment" wait_until gone
rm "$(head -n 1 "$work/shots")"
told '/kv/shard-..: missing; it is written again'
holds "the snapshot is there again" wait_until snapshots

#  After the repair, no undamaged file is reported.
so_far=$(wc -l <"$work/stream")
streamed () { [[ $(wc -l <"$work/stream") -gt $((so_far + 300)) ]]; }
count=$(grep -c "The disk does not keep" "$work/a.log")
holds "the client goes on" wait_until streamed
holds "eight things were damaged" test "$count" -eq 8
holds "nothing more was" \
    test "$(grep -c "The disk does not keep" "$work/a.log")" -eq 8
kill -TERM "${pid[stream]}"
wait "${pid[stream]}"
unset "pid[stream]"
holds "the client never complained" test ! -s "$work/stream.err"
crash a
run "$zseqd" verify --data "$work/a"
holds "nothing is damaged any more" test "$status" -eq 0
start a --scrub 0
ready a
answers 100 "$zseq" -u "$(uri a)" next bills
answers 100 "$zseq" -u "$(uri a)" next shops
answers red "$zseq" -u "$(uri a)" kv get color
stop a
verdict
