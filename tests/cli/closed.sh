#!/bin/bash
#  Connections that a node of the native transport refuses or ends: its log says
#  why and from where, once a minute, and its status counts them.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  counts NODE REASON COUNT: its status has counted that many.
counts () {
    run "$zseq" -u "$(uri "$1")" status -w json
    grep -q "\"closed_$2\": \"$3\"" "$work/out"
}

#  tells NODE PATTERN: a line of the log is like that.
tells () {
    holds "node $1 logs '$2'" wait_until says "$1" "connections closed: $2"
}

#  How many connections there may be is an option, which libzmq does not obey.
format one a a
for option in --connections-max --connections-per-source; do
    refuses 1 'need --transport native: libzmq does not count' "$zseqd" \
        start --data "$work/a" --transport zmq $option 5
    for count in 0 -1 x 1048577; do
        refuses 1 "$option '$count' is not a number from 1 to 1048576" \
            "$zseqd" start --data "$work/a" $option "$count"
    done
done
start a --transport native --connections-max 2
ready a
port=$(endpoint a)
port=${port##*:}
for count in 1 2 3 4; do
    exec {fd}<>"/dev/tcp/$address/$port"
    fds[count]=$fd
done
holds "the oldest without a handshake has given way" \
    wait_until says a 'connections closed: .*'
for count in 1 2 3 4; do
    fd=${fds[count]}
    exec {fd}>&-
done
stop a

start a --transport native
ready a
port=$(endpoint a)
port=${port##*:}

#  One that says nothing, for the end of this test.
exec {silent}<>"/dev/tcp/$address/$port"

#  Four that are no clients.
for count in 1 2 3 4; do
    exec {fd}<>"/dev/tcp/$address/$port"
    printf 'GET / HTTP/1.1\r\n\r\n' >&"$fd"
    holds "the node counts it" wait_until counts a protocol "$count"
    exec {fd}>&-
done
tells a '1, the last one from 127\..*: what came is not what a client of zseq sends'
holds "one line a minute tells of them" \
    test "$(grep -c 'is not what a client' "$work/a.log")" -eq 1
run "$zseq" -u "$(uri a)" status
holds "the table has their sum" grep -Eq '^a .* 4$' "$work/out"

#  Where another host can be played: it has a quarter of the descriptors.
if unshare -n true 2>/dev/null && command -v ip >/dev/null; then
    format two b b
    : >"$work/b.log"
    # shellcheck disable=SC2016
    unshare -n bash -c 'ip link set lo up
        ip address add 10.83.0.1/32 dev lo
        ulimit -n 64
        exec "$@"' - "$zseqd" start --data "$work/b" --transport native \
        --bind tcp://10.83.0.1:19001 --insecure 2>"$work/b.log" &
    pid[b]=$!
    ready b
    # shellcheck disable=SC2016
    nsenter -t "${pid[b]}" -n bash -c 'for count in {1..20}; do
            exec {fd}<>/dev/tcp/10.83.0.1/19001
        done 2>/dev/null
        exec sleep 60' &
    tells b '[0-9]+, the last one from 10\.83\.0\.1: that host or network has as many as it may'
    kill $!
    wait $! 2>/dev/null
    stop b
else
    echo "skipped: no network namespace can be made"
fi

holds "the node counts who does not shake hands" wait_until counts a handshake 1
tells a '1, the last one from 127\..*: the other end has not shaken hands in time'
exec {silent}>&-
stop a
verdict
