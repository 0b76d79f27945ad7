#!/bin/bash
#  zseqd verify of directories that are intact, damaged, in use, or of no node.
. "${BASH_SOURCE[0]%/*}/lib.sh"

tree () {
    (cd "$work/$1" && find . -print -type f -exec sha256sum {} + | sort)
}

format shop a a
run "$zseqd" verify --data "$work/a"
holds "a directory that was just formatted is intact" test "$status" -eq 0
holds "... and not formed" grep -q '^cluster: shop, not formed yet$' "$work/out"
start a
ready a
run "$zseq" -u "$(uri a)" next orders
run "$zseq" -u "$(uri a)" raise bills 700

#  A running node.
run "$zseqd" verify --data "$work/a"
holds "what is in use is not looked at" test "$status" -eq 3
holds "... which is said" grep -q 'in use' "$work/err"
stop a

#  A lock on the directory or on the lock file suffices, and neither is written.
for lock in a a/lock; do
    run flock "$work/$lock" "$zseqd" verify --data "$work/a"
    holds "the lock of $lock keeps verify out" test "$status" -eq 3
    holds "... which is said" grep -q 'in use' "$work/err"
    run flock -s "$work/$lock" "$zseqd" verify --data "$work/a"
    holds "the lock of $lock is shared" test "$status" -eq 0
done

#  Nothing is changed, and the summary names the node and its cluster.
tree a >"$work/a.tree"
run "$zseqd" verify --data "$work/a"
holds "a directory of a node that was stopped is intact" test "$status" -eq 0
holds "... and nothing was changed" diff <(tree a) "$work/a.tree"
for line in '^node: a, votes$' '^cluster: shop, [0-9a-f]\{16\}$' '^format: 3$' \
    '^sequences: 2; the furthest goes on at 700$' 'a is intact$'; do
    holds "verify says $line" grep -q -- "$line" "$work/out"
done

#  Damage is one line each.
cp -a "$work/a" "$work/b"
rm "$work"/b/seq/*/orders
printf x | dd of="$work/b/names" bs=1 seek=30 conv=notrunc 2>"$work/err"
tree b >"$work/b.tree"
run "$zseqd" verify --data "$work/b"
holds "damage has a status of its own" test "$status" -eq 2
holds "a lost record is named" grep -q '^damaged: .*/orders: missing' "$work/out"
holds "a corrupt journal is named" grep -q '^damaged: .*b/names: ' "$work/out"
holds "no more is damaged" test "$(grep -c ^damaged: "$work/out")" -eq 2
holds "the last line says how many" grep -q 'b is DAMAGED (2)$' "$work/out"
holds "... and nothing was changed" diff <(tree b) "$work/b.tree"
rm "$work/b/node"
run "$zseqd" verify --data "$work/b"
holds "damage without a node's record" test "$status" -eq 2
holds "a lost node's record is named" grep -q '^damaged: .*b/node: missing' \
    "$work/out"

#  What a crash leaves, and a journal of another cluster.
cp -a "$work/a" "$work/c"
printf x >"$work/c/.tmp-1-1"
run "$zseqd" verify --data "$work/c"
holds "what a crash has left is counted" \
    grep -q '^left by a crash, put right by the next start: 1$' "$work/out"
cluster other z
stop z
cp "$work/z/names" "$work/c/names"
run "$zseqd" verify --data "$work/c"
holds "another cluster's journal is damage" test "$status" -eq 2
holds "... and told as such" grep -q '/c is DAMAGED$' "$work/out"

#  Unreadable input.
for option in --force --insecure --unsafe-filesystem --name=a --cluster=shop \
    "--members=$(members a)" --bind=tcp://127.0.0.1:1 --names-max=9 \
    --memory-max=64 --kv-memory=1 --reserve=1 --scrub=1 --floor=9 --lost=b --wait=1; do
    refuses 1 'verify takes only --data' "$zseqd" verify --data "$work/a" \
        "$option"
done
run "$zseqd" verify --data "$work/none"
holds "no directory" test "$status" -eq 1
mkdir "$work/empty"
run "$zseqd" verify --data "$work/empty"
holds "an empty directory" test "$status" -eq 1
holds "nothing was made in it" test -z "$(ls -A "$work/empty")"
verdict
