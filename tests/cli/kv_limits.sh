#!/bin/bash
#  Keys in many segments of the journal, and in all the memory that they may take.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  value NUMBER: a large value that is known from its number.
value () {
    head -c 49000 /dev/zero | tr '\0' "$(printf %d $(($1 % 10)))"
    printf %d "$1"
}

#  put KEY NUMBER
put () {
    value "$2" | timeout 60 "${kv[@]}" put "$1" - >"$work/out" 2>"$work/err"
}

has_values () {
    local number
    for number in {41..60}; do
        timeout 60 "${kv[@]}" get "key-$((number % 20))" >"$work/out" \
            && cmp "$work/out" <(value $number) || return 1
    done
}

#  Segments of 256 KiB: 60 values fill eleven of them, and 20 keys need four.
zseqd=$ZSEQ_BUILD/tests/zseqd-segments
format many d d
start d
ready d
kv=("$zseq" -u "$(uri d)" -t 30000 kv)
written=yes
for number in {1..60}; do
    put "key-$((number % 20))" $number || written=no
done
holds "all is written" test $written = yes
turned () { [[ ! -e $work/d/kv/journal-00000003 ]]; }
holds "the first segments are not needed any more" wait_until turned
shots=("$work/d/kv"/shard-*)
holds "there are snapshots" test -e "${shots[0]}"
crash d
run "$zseqd" verify --data "$work/d"
holds "what a crash leaves is intact" test $status -eq 0
start d
ready d
holds "a crash loses nothing" has_values
stop d
start d
ready d
holds "nor does a stop" has_values
stop d
run "$zseqd" verify --data "$work/d"
holds "what a stop leaves is intact" test $status -eq 0
shots=("$work/d/kv"/shard-*)
shard=${shots[0]##*/}
printf x | dd of="$work/d/kv/$shard" bs=1 seek=99 conv=notrunc status=none
run "$zseqd" verify --data "$work/d"
holds "verify reads snapshots" grep -q "^damaged: .*kv/$shard: checksum" \
    "$work/out"
segments=("$work/d/kv"/journal-*)
oldest=${segments[0]##*/}
printf x | dd of="$work/d/kv/$oldest" bs=1 seek=99 conv=notrunc status=none
run "$zseqd" verify --data "$work/d"
holds "verify reads segments" grep -q "^damaged: .*kv/$oldest: " "$work/out"
holds "verify reports each" grep -q 'is DAMAGED (2)$' "$work/out"

#  A MiB of memory is full after some 20 values.
zseqd=$ZSEQ_BIN/zseqd
format small e e
start e --kv-memory 1
ready e
kv=("$zseq" -u "$(uri e)" -t 2000 kv)
filled () {
    local number
    for number in {1..30}; do
        put "key-$number" $number || return 0
    done
    return 1
}
holds "the memory is full" filled
holds "the put says what is full" \
    grep -q 'one refused: .*no memory left for keys (zseqd --kv-memory).*may have been done' \
    "$work/err"
#  For a second the node does not try what is as large.
told () {
    local number
    for number in {1..10}; do
        put "more-$number" 1
        grep -q 'no memory left for it: delete keys, or start zseqd with a larger --kv-memory' \
            "$work/err" && return 0
    done
    return 1
}
holds "the next one says what to do" told
kv=("$zseq" -u "$(uri e)" -t 30000 kv)
run "${kv[@]}" put small value
holds "a small value fits" test $status -eq 0
run "${kv[@]}" del key-1
holds "a key can be deleted" test $status -eq 0
run "${kv[@]}" put key-2 small
holds "a value can become smaller" test $status -eq 0
#  More room than the puts take that may be done yet.
for number in {3..16}; do
    run "${kv[@]}" del "key-$number"
done
#  The node refuses what is as large for a second after it was full.
holds "then there is room" wait_until put key-1 1
stop e

#  A node whose peers hold more than it may.
cluster three a b c
kv=("$zseq" -u "$(uri a b c)" -t 30000 kv)
written=yes
#  A put that another node takes over may not know whether it was done.
for number in {1..40}; do
    put "key-$number" $number || put "key-$number" $number \
        || { written=no && cat "$work/err"; }
done
holds "three nodes have the keys" test $written = yes
stop a
rm -r "$work/a/kv"
start a --kv-memory 1
holds "a recovery needs the memory" \
    wait_until says a 'more of the key-value store than this node may: raise --kv-memory'
wait "${pid[a]}"
unset "pid[a]"
start a
ready a
for node in a b c; do
    stop $node
done
verdict
