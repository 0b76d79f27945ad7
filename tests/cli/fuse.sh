#!/bin/bash
#  A FUSE file system is refused by default. syncfs does not sync its files.
. "${BASH_SOURCE[0]%/*}/lib.sh"

[[ -w /dev/fuse ]] && command -v bindfs >/dev/null \
    || skip "no bindfs, or no /dev/fuse"
mkdir "$work/below" "$work/fuse"
bindfs "$work/below" "$work/fuse" 2>"$work/err" \
    || skip "bindfs: $(cat "$work/err")"
unmount () {
    umount "$work/fuse" 2>/dev/null || fusermount -u "$work/fuse" \
        || umount -l "$work/fuse"
}
trap 'unmount; clean_up' EXIT

need='type fuse[^ ]*, .*--unsafe-filesystem'
refuses 1 "$need" "$zseq" -u "file:$work/fuse/ids" next orders
refuses 1 "$need" "$zseqd" format --data "$work/fuse/a" --name a --cluster one \
    --members "$(members a)"
holds "nothing is made" test -z "$(ls "$work/below")"

ids=("$zseq" -u "file:$work/fuse/ids?unsafe-filesystem=1")
answers 1 "${ids[@]}" next orders
answers "$(seq 2 100)" "${ids[@]}" next orders -n 99

#  The lock holds, and the watch reports no foreign writes.
"${ids[@]}" stream orders >"$work/stream" 2>"$work/stream.log" &
pid[stream]=$!
wait_until test -s "$work/stream"
rm "$work/fuse/ids/lock"
refuses 2 "in use by process ${pid[stream]}" "${ids[@]}" -t 300 next orders
holds "it makes another" wait_until test -e "$work/fuse/ids/lock"
size=$(wc -c <"$work/stream")
grown () {
    [[ $(wc -c <"$work/stream") -gt $((size + 10000)) ]]
}
holds "it goes on" wait_until grown
mv "$work/fuse/ids" "$work/fuse/moved"
ends stream 2 'moved away'
mv "$work/fuse/moved" "$work/fuse/ids"

#  Many writes are in one group. Each record is synced before it is reported.
for ((name = 0; name < 100; name++)); do
    printf 'many-%d\t%d\n' "$name" $((name + 2))
done | LC_ALL=C sort >"$work/many"
answers "100 sequences: 100 raised, 0 as high already; of others nothing is known" \
    strace -f -y -o "$work/trace" -E ASAN_OPTIONS=detect_leaks=0 \
    -e trace=fsync,syncfs "${ids[@]}" -t 60000 import --partial "$work/many"
holds "syncfs is not relied on" test "$(grep -c syncfs "$work/trace")" -eq 0
holds "each record is synced" test \
    "$(grep -cE 'fsync\([0-9]+<[^>]*/\.tmp-[^>]*>' "$work/trace")" -ge 100
answers "$(cat "$work/many")" "${ids[@]}" list many

verdict
