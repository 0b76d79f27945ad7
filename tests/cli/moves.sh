#!/bin/bash
#  Members move to other endpoints, one after the other, while a client runs.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  c moves from its own port to d's.
moved () {
    members a b c | sed "s|$(endpoint c)|$(endpoint d)|"
}

streamed () {
    [[ $(wc -l <"$work/stream") -gt $1 ]]
}

goes_on () {
    local so_far
    so_far=$(wc -l <"$work/stream")
    wait_until streamed $((so_far + 20))
}

cluster shop a b c
"$zseq" -u "$(uri a)" -t 20000 stream orders --delay 20 >"$work/stream" \
    2>"$work/stream.err" &
pid[stream]=$!
holds "the client draws IDs" goes_on
for node in a b; do
    stop $node
    start $node --members "$(moved)"
    ready $node
    holds "$node says that it was told so" \
        says $node 'endpoints of the member list have changed'
    holds "the client goes on when $node was told where c will be" goes_on
done
#  Longer than a client takes to learn the members again.
for _ in 1 2 3; do
    holds "the client goes on" goes_on
done
stop c
holds "the client goes on without c" goes_on
start c --members "$(moved)"
ready c
holds "the client goes on with c elsewhere" goes_on
#  The client must find c at its new endpoint. Otherwise it has no majority.
crash a
holds "the client has found c" goes_on
crash b
start a
ready a
holds "and a too" goes_on
kill -TERM "${pid[stream]}"
wait "${pid[stream]}"
unset "pid[stream]"
holds "it never complained" test ! -s "$work/stream.err"
holds "and repeated nothing" \
    test "$(sort -n "$work/stream" | uniq -d | wc -l)" -eq 0
verdict
