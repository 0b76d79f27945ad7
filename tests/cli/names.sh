#!/bin/bash
#  Members that are host names, as in compose files and StatefulSets. The names
#  are those of an /etc/hosts, and of a name server, of the script's own.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  In namespaces with files and a loopback of their own, as root there.
if [[ -z ${ZSEQ_NAMES-} ]]; then
    own=(unshare --mount --net)
    [[ $(id -u) -eq 0 ]] || own+=(--map-root-user)
    "${own[@]}" ip link set lo up 2>/dev/null \
        || skip "there are no namespaces, or no iproute2"
    rm -rf "$work"
    ZSEQ_NAMES=1 exec "${own[@]}" bash "${BASH_SOURCE[0]}"
fi

endpoint () {
    printf 'tcp://%s.zseq-test:%d' "$1" $((19000 + $(printf '%d' "'$1") - 96))
}

#  resolve NAME ADDRESS...: has the names resolve to these addresses from now
#  on.
resolve () {
    {
        echo '127.0.0.1 localhost'
        printf '%s %s.zseq-test\n' "$@"
    } >"$work/hosts"
}

streamed () {
    [[ $(wc -l <"$work/stream") -gt $1 ]]
}

goes_on () {
    local so_far
    so_far=$(wc -l <"$work/stream")
    wait_until streamed $((so_far + 20))
}

elsewhere=127.$((192 + ($$ >> 16) % 32)).${address#127.*.}
resolve "$address" a "$address" b "$address" c 192.0.2.1 d
mount --bind "$work/hosts" /etc/hosts
ip link set lo up

#  A node that is bound at a name may be reached from other machines.
format shop a a b c
refuses 1 "a\.zseq-test:19001 can be reached.*--insecure" "$zseqd" start \
    --data "$work/a"
format shop b a b c
format shop c a b c
for node in a b c; do
    start $node --insecure
done
ready a b c
for node in a b c; do
    bound=tcp://$address:$(endpoint $node | sed 's/.*://')
    holds "$node says where it is bound" \
        says $node "$(endpoint $node) is bound at $bound"
    holds "and warns that this is loopback" says $node 'warning.*give --bind'
done
: >"$work/stream"
"$zseq" -u "$(uri a b c)" -t 20000 stream orders --delay 20 >"$work/stream" \
    2>"$work/stream.err" &
pid[stream]=$!
holds "a client draws IDs" goes_on

#  c is started on another machine, which has its name now. Nobody else is told.
crash c
for node in a b; do
    holds "$node misses c" wait_until says $node "peer c at .* is down"
done
resolve "$address" a "$address" b "$elsewhere" c
start c --insecure
ready c
holds "c is bound elsewhere" \
    says c "$(endpoint c) is bound at tcp://$elsewhere:19003"
for node in a b; do
    holds "$node has found c" wait_until says $node "peer c is up again"
done
crash a
holds "the client has found c" goes_on
holds "it never complained" test ! -s "$work/stream.err"
run "$zseq" -u "$(uri c)" next orders
holds "another client finds c by its name" test "$status" -eq 0
crash b
stop c

#  c is gone, its name is in no list, and the name server is silent: whoever
#  asks waits for long. The other two need no answer.
python3 - "$address" <<'END' &
import signal, socket, sys
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind((sys.argv[1], 53))
signal.pause()
END
pid[server]=$!
echo "nameserver $address" >"$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf
for node in a b; do
    start $node --insecure
done
ready a b
resolve "$address" a "$address" b
for node in a b; do
    holds "$node misses c" wait_until says $node "peer c at .* is down"
done
last=0
for _ in 1 2 3 4 5; do
    take 10 a b
done
for node in a b; do
    holds "$node did not miss the other" \
        test "$(grep -c 'peer [ab] at .* is down' "$work/$node.log")" -eq 0
    stop $node
done
kill "${pid[server]}"
wait "${pid[server]}" 2>/dev/null
unset "pid[server]"

#  Names that cannot be bound. What to do is part of the error.
advice="--bind tcp://ADDRESS:19003 .*--bind 'tcp://\*:19003'"
resolve 192.0.2.1 c
refuses 1 "c.zseq-test resolves to 192\.0\.2\.1, which is no .*$advice" \
    "$zseqd" start --data "$work/c" --insecure
echo >"$work/resolv.conf"
resolve "$address" a
refuses 1 "name c.zseq-test does not resolve .*$advice" \
    "$zseqd" start --data "$work/c" --insecure
start c --insecure --bind "tcp://$elsewhere:19003"
holds "with --bind it starts" wait_until says c 'peer a at .* is down'
stop c

#  Of several addresses it takes one of this machine.
resolve 192.0.2.1 c "$elsewhere" c
start c --insecure
holds "one of two addresses is its own" wait_until \
    says c "is bound at tcp://$elsewhere:19003"
stop c

#  Of one that other machines reach it does not warn.
ip address add 192.0.2.3/32 dev lo
resolve 192.0.2.3 c
start c --insecure
holds "it is bound at an address that others reach" wait_until \
    says c 'info zseqd c: .* is bound at tcp://192\.0\.2\.3:19003$'
stop c
verdict
