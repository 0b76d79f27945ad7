#!/bin/bash
#  Clusters that were set up wrongly, and a full disk.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  Two nodes that were formatted with different member lists.
format shop a a b c
format shop b a b d
start a
start b
holds "a node says that the member lists differ" wait_until \
    grep -q 'another member list' "$work/a.log" "$work/b.log"
refuses 2 'too few nodes|deadline' "$zseq" -u "$(uri a b)" -t 500 next orders
for node in a b; do
    if gone $node; then
        ends $node 1 'another member list'
    else
        stop $node
    fi
    rm -r "${work:?}/$node"
done

#  The same members in another order are the same list.
format shop a a b c
format shop b c b a
format shop c b a c
start a
start b
wait_for_c () {
    [[ $("$zseq" -u "$(uri a b)" status | grep -c 'formation: has not met c') -eq 2 ]]
}
holds "two of three are not enough to form" wait_until wait_for_c
run "$zseq" -u "$(uri a b)" status
holds "before it forms a cluster has no identity" \
    grep -q 'shop, not formed yet, N 3' "$work/out"
run "$zseq" -u "$(uri a b)" status -w json
holds "nor in JSON" grep -q '"identity": null' "$work/out"
refuses 2 'cluster shop is not formed yet: all of its nodes must be up' \
    "$zseq" -u "$(uri a b c)" -t 500 next orders
start c
ready a b c
ask=("$zseq" -u "$(uri a b c)")
answers "$(seq 1 100)" "${ask[@]}" next orders -n 100

#  A node that is formatted a second time, over a lost disk.
stop c
rm -r "$work/c"
format shop c a b c
start c
ends c 1 'formatted again'
holds "it never voted" test "$(grep -c 'ready:' "$work/c.log")" -eq 0
answers "$(seq 101 110)" "${ask[@]}" next orders -n 10
crash b
refuses 2 'too few nodes|deadline' "${ask[@]}" -t 500 next orders
refuses 2 'nothing has changed|the raise may still take effect' \
    "${ask[@]}" -t 500 raise raised 500
start b
ready b

#  Another cluster, a node listed twice, and other mistakes in a URI.
cluster other z
refuses 2 'belongs to a cluster named [a-z]+, not to cluster [a-z]+, which answered' "$zseq" -u "$(uri a z)" \
    next orders
refuses 2 'wrong cluster.*(market|shop)' "$zseq" \
    -u "$(uri a)?cluster=market" next orders
refuses 1 'R or W' "$zseq" -u "$(uri a)?w=1" next orders
refuses 1 'R or W' "$zseq" -u "$(uri a)?r=1" next orders
refuses 1 'R or W' "$zseq" -u "$(uri a)?w=4" next orders
refuses 2 'too few nodes|deadline' "$zseq" -u "$(uri a)?w=3&timeout=500" \
    next orders
IFS=. read -r one two three four <<<"$address"
again=tcp://$one.$two.$((three * 256 + four)):$(endpoint a | sed 's/.*://')
refuses 1 'are both node [ab]: list each node once' "$zseq" -u "$(uri a b),$again" next orders
stop z
stop a
stop b

#  On a full disk the request is refused, the node goes on, and no ID repeats.
mkdir "$work/small"
if [[ $(id -u) -ne 0 ]] \
       || ! mount -t tmpfs -o size=512k zseq-test "$work/small" 2>/dev/null
then
    echo "skipped: a full disk (it takes a mount, which is not allowed here)"
    verdict
fi
trap 'umount -l "$work/small"; clean_up' EXIT
run "$zseqd" format --data "$work/small/s" --name s --cluster tight \
    --members "$(members s)"
ln -s "$work/small/s" "$work/s"
start s
ready s
tight=("$zseq" -u "$(uri s)" -t 1000)
answers "$(seq 1 10)" "${tight[@]}" next orders -n 10
dd if=/dev/zero of="$work/small/filler" bs=4k status=none 2>/dev/null
refuses 2 'the disk is full' "${tight[@]}" next fresh
refuses 2 'the disk is full' "${tight[@]}" next orders
holds "the node goes on" kill -0 "${pid[s]}"
rm "$work/small/filler"
run "${tight[@]}" next orders
holds "with room again it hands out IDs" test $status -eq 0
holds "and none again" test "$(cat "$work/out")" -gt 10
last=$(cat "$work/out")
run "${tight[@]}" next fresh
holds "and takes new names" test $status -eq 0
stop s
start s
ready s
run "${tight[@]}" next orders
holds "and none again after a restart" test "$(cat "$work/out")" -gt "$last"
stop s
run "$zseqd" format --data "$work/small/t" --name t --cluster tight \
    --members "$(members t)"
dd if=/dev/zero of="$work/small/filler" bs=1k status=none 2>/dev/null
refuses 1 'the disk is full' "$zseqd" format --data "$work/small/u" --name u \
    --cluster tight --members "$(members u)"

verdict
