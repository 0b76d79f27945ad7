#!/bin/bash
#  Keys on a damaged disk and on full disks.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  Reads what a command prints.
of () {
    run "$@"
    cat "$work/out"
}

#  A node whose keys are damaged recovers; the others have them.
cluster net a b c
kv=("$zseq" -u "$(uri a b c)" -t 30000 kv)
version=$(of "${kv[@]}" put key one)
stop a
segment=$work/a/kv/journal-00000001
printf x | dd of="$segment" bs=1 seek=8 conv=notrunc status=none
run "$zseqd" verify --data "$work/a"
holds "verify finds the damage" test $status -eq 2
start a
ready a
holds "the node names the damaged file" says a 'kv/journal-00000001: '
holds "the node recovers" says a 'recovers.*its directory is damaged'
answers one "${kv[@]}" get key
run "${kv[@]}" cas key "$version" two
holds "a quorum without it goes on" test $status -eq 0

#  cut_end FILE COUNT: cuts the last batches off a segment of a journal.
cut_end () {
    local at=43 offsets=()
    while [[ $(od -An -c -j $at -N 4 "$1") =~ z\ +s\ +q\ +k ]]; do
        offsets+=("$at")
        at=$((at + 32 + $(od -An -tu4 -j $((at + 4)) -N 4 "$1")))
    done
    truncate -s "${offsets[-$2]}" "$1"
}

#  A disk that has confirmed writes and lost them: peers have heard of these.
for number in {1..30}; do
    run "${kv[@]}" put "key-$number" "value-$number"
done
stop a
cut_end "$(ls "$work"/a/kv/journal-* | tail -1)" 12
run "$zseqd" verify --data "$work/a"
holds "verify finds a journal without its end whole" test $status -eq 0
start a
ready a
holds "the node has noticed" says a 'recovers.*journal in its directory kv has lost its end'
stop b
wrong=0
for number in {1..30}; do
    [[ $(of "${kv[@]}" get "key-$number") == "value-$number" ]] || wrong=$number
done
holds "the node that lost its end and another have all keys" test $wrong -eq 0
stop a
start b
start a
ready a
holds "a whole journal is not taken for one without its end" \
    test "$(grep -c 'recovers' "$work/a.log")" -eq 0
for node in a b c; do
    stop $node
    rm -r "${work:?}/$node"
done

#  All that tells the cluster of a node is lost but its keys: by force they count.
cluster lost a b c
kv=("$zseq" -u "$(uri a b c)" -t 30000 kv)
run "${kv[@]}" put key one
stop a
rm "$work"/a/{node,names,names-copy}
force=("$zseqd" recover --data "$work/a" --name a --cluster lost
    --members "$(members a b c)" --force --wait 2 --floor 100)
holds "its keys are found by force" "${force[@]}" <<<yes 2>"$work/err"
holds "nothing of them was damaged" test ! -e "$work/a/damaged/1/kv"
start a
ready a
stop b
answers one "${kv[@]}" get key
for node in a c; do
    stop $node
done
rm -r "${work:?}"/{a,b,c}

cluster single d
run "$zseq" -u "$(uri d)" -t 30000 kv put key one
stop d

#  A recovery by force keeps what is intact of a damaged kv.
: >"$work/d/kv/strange"
run "$zseqd" verify --data "$work/d"
holds "verify finds a file that does not belong there" \
    grep -q '^damaged: .*kv/strange: unexpected' "$work/out"
force=("$zseqd" recover --data "$work/d" --force --wait 0 --floor 100)
holds "it is recovered by force" "${force[@]}" <<<yes 2>"$work/err"
start d
ready d
answers one "$zseq" -u "$(uri d)" -t 30000 kv get key
holds "what was damaged was moved" test -e "$work/d/damaged/1/kv/strange"
holds "nothing is left of the making" test ! -e "$work/d/kv-new"
stop d
run "$zseqd" verify --data "$work/d"
holds "the new kv is intact" test $status -eq 0
mkdir "$work/d/kv-new"
mv "$work/d/kv" "$work/d/kv-new/kv"
run "$zseqd" verify --data "$work/d"
holds "verify reads a new kv that is not in its place" test $status -eq 0
holds "... and says so" grep -q 'left by a crash.*: 1$' "$work/out"
start d
ready d
answers one "$zseq" -u "$(uri d)" -t 30000 kv get key
stop d

#  A directory cannot be recovered.
local=("$zseq" -u "file:$work/local" -t 30000 kv)
run "${local[@]}" put key one
printf x | dd of="$work/local/kv/journal-00000001" bs=1 seek=8 conv=notrunc \
    status=none
refuses 2 'kv/journal-00000001: .*nothing was changed' "${local[@]}" get key

#  Full disks.
mkdir "$work/small" "$work/large"
if [[ $(id -u) -ne 0 ]] \
       || ! mount -t tmpfs -o size=1m zseq-test "$work/small" 2>/dev/null
then
    echo "skipped: a full disk (it takes a mount, which is not allowed here)"
    verdict
fi
trap 'umount -l "$work/small" "$work/large" 2>/dev/null; clean_up' EXIT
mount -t tmpfs -o size=64m zseq-test "$work/large"
mkdir "$work/small/a" "$work/large/b"
ln -s "$work/small/a" "$work/a"
ln -s "$work/large/b" "$work/b"
cluster net a b c
head -c 49152 /dev/zero >"$work/value"

#  full NODE: puts keys until the node says that its disk is full. Each put is
#  done, also one that another node takes over from it.
number=0
full () {
    for ((; number < 400; number++)); do
        timeout 60 "${kv[@]}" put "key-$number" - <"$work/value" >"$work/out" \
            2>"$work/err" || { put=$? && cat "$work/err"; }
        ! says "$1" 'refuses to write keys.*No space left' || return 0
    done
    return 1
}
put=0
version=$(of "${kv[@]}" put key one)
holds "a small disk is full" full a
holds "the other two go on" test $put -eq 0
dd if=/dev/zero of="$work/large/filler" bs=4k status=none 2>/dev/null
kv=("$zseq" -u "$(uri a b c)" -t 2000 kv)
holds "a second disk is full" full b
#  What was cut off leaves room for some.
refused () {
    run "${kv[@]}" put "other-$((number++))" - <"$work/value"
    [[ $status -ne 0 ]]
}
holds "without a quorum no put is done" wait_until refused
answers one "${kv[@]}" get key
holds "the nodes go on" kill -0 "${pid[a]}" "${pid[b]}" "${pid[c]}"
run "$zseq" -u "$(uri a b c)" status
holds "status says why" grep -q 'refuses writes of keys: No space left' "$work/out"
rm "$work/large/filler"
kv=("$zseq" -u "$(uri a b c)" -t 30000 kv)
holds "with room again a put is done" wait_until timeout 60 "${kv[@]}" put key \
    three >"$work/out"
holds "and the node says so" wait_until says b 'takes the keys that the node writes again'
for node in a b c; do
    stop $node
done
for node in a b c; do
    start $node
done
ready a b c
answers three "${kv[@]}" get key
for node in a b c; do
    stop $node
done

verdict
