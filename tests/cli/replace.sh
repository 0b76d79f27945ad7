#!/bin/bash
#  Runs the commands of lib/doc/replace.md, as the page shows them: a node's
#  machine is lost, and another one takes its place. Only paths and addresses
#  are the script's own.
. "${BASH_SOURCE[0]%/*}/lib.sh"
page=$ZSEQ_SOURCE/lib/doc/replace.md

#  Each machine has an address of its own, as on the page.
machine () {
    printf '127.%d.%s' $(($1 * 32 + ($$ >> 16) % 32)) "${address#127.*.}"
}

endpoint () {
    printf 'tcp://%s:19001' "$(machine $(($(printf '%d' "'$1") - 96)))"
}

#  Writes each block of commands of the page to $work/block/N.
mkdir "$work/block"
awk -v to="$work/block/" '
    /^```sh$/ { block = to (++count); next }
    /^```$/ { block = "" }
    block { print > block }' "$page"
sed -i "s|/var/lib/zseq|$work|g" "$work"/block/*
for at in 1 2 3 4; do
    sed -i "s|10\.0\.0\.$at:|$(machine $at):|g" "$work"/block/*
done

#  The programs, as the commands find them. Starting a node does not wait, as if
#  a service manager did it.
zseqd () {
    [[ $1 == start ]] || return 1
    start "${3##*/}" "${@:4}"
}

zseq () {
    run "$zseq" "$@"
}

#  by_the_page TEXT: runs the next block of the page, which must contain TEXT.
block=0
by_the_page () {
    block=$((block + 1))
    holds "block $block of the page has '$1'" \
        grep -qF -- "$1" "$work/block/$block"
    # shellcheck source=/dev/null
    . "$work/block/$block"
}

streamed () {
    [[ $(wc -l <"$work/stream") -gt $1 ]]
}

goes_on () {
    local so_far
    so_far=$(wc -l <"$work/stream")
    wait_until streamed $((so_far + 20))
}

#  A cluster in use. All three machines are its own.
for name in a b c; do
    format shop $name a b c
done
for name in a b c; do
    start $name
done
ready a b c
take 100 a b c
: >"$work/stream"
"$zseq" -u "$(uri a b c)" -t 20000 stream orders --delay 20 >"$work/stream" \
    2>"$work/stream.err" &
pid[stream]=$!
holds "a client draws IDs" goes_on

#  The machine of c is lost, with its disk.
crash c
mv "$work/c" "$work/lost"
holds "the client goes on without c" goes_on

by_the_page "--data $work/c --name c --cluster shop"
for name in a b; do
    holds "c says that the list of $name is old" wait_until \
        says c "member list differs from peer $name's"
done
holds "c does not vote" test "$(grep -c 'ready:' "$work/c.log")" -eq 0
stop a
by_the_page "--data $work/a --members"
ready a
holds "the client goes on when a has the new list" goes_on
holds "c waits for b" wait_until says c 'recover'
stop b
by_the_page "--data $work/b --members"
ready b c
holds "the client goes on when b has it, too" goes_on

checked () {
    # shellcheck source=/dev/null
    . "$work/block/4"
    [[ $status -eq 0 ]]
}
by_the_page 'status'
holds "the status exits with 0 in the end" wait_until checked
holds "c is at its new machine" \
    grep -q "^c  *tcp://$(machine 4):19001  *voting  *2 " "$work/out"

#  What c has copied counts: without a, no ID comes twice. The client that runs
#  finds c, and so does one that knows the old endpoint.
crash a
holds "the running client has found c" goes_on
kill -TERM "${pid[stream]}"
wait "${pid[stream]}"
unset "pid[stream]"
holds "it never complained" test ! -s "$work/stream.err"
start a
ready a
crash b
by_the_page 'next orders'
holds "a URI with the old endpoint works" test "$status" -eq 0
{
    cat "$work/stream"
    cat "$work/out"
} >"$work/ids"
holds "IDs rise, and none comes twice" sort -nuc "$work/ids"
start b
ready b

#  The old machine comes back, with its directory and its old list.
old=$(members a b c)
start lost --members "$old"
ends lost 1 'another process already runs as node c'
holds "it never voted" test "$(grep -c 'ready:' "$work/lost.log")" -eq 0

#  The same steps with a disk that was saved: here to the first address.
crash c
start c --members "$old"
for name in a b; do
    stop $name
    start $name --members "$old"
    ready $name
done
ready c
holds "c has lost nothing" says c 'ready: node c votes .*incarnation 2'
holds "the page has no other commands" test ! -e "$work/block/$((block + 1))"
verdict
