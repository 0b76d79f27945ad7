#!/bin/bash
#  Nodes and clients of both transports in one cluster: a node changes its
#  transport and changes back, clients of either draw IDs that rise, and pyzmq
#  talks to both (transports.py).
. "${BASH_SOURCE[0]%/*}/lib.sh"

format shop a a b c
format shop b a b c
format shop c a b c
start a --transport zmq
start b --transport native
ZSEQ_TRANSPORT=native start c
ready a b c

#  draw: takes IDs by clients of both kinds.
draw () {
    local kind
    for kind in zmq native; do
        ZSEQ_TRANSPORT=$kind take 5
    done
}

draw
for name in a b c; do
    for kind in native zmq; do
        stop "$name"
        start "$name" --transport "$kind"
        ready "$name"
        draw
    done
done

#  The URI goes before the environment, and the option of zseqd, too.
ZSEQ_TRANSPORT=udp run "$zseq" -u "$(uri a b c)?transport=native" peek orders
holds "the URI goes before the environment" test "$status" = 0
stop b
ZSEQ_TRANSPORT=udp start b --transport native
ready b
stop c
ZSEQ_TRANSPORT=udp start c
ends c 1 "TRANSPORT is 'udp', and this build has no such transport"
start c
ready c
draw

#  pyzmq at a node of each kind; and a ROUTER of pyzmq that a client of each
#  kind asks.
if python3=$(command -v /usr/bin/python3) && "$python3" -c 'import zmq' 2>/dev/null; then
    for name in a b; do
        run "$python3" "$ZSEQ_SOURCE/tests/cli/transports.py" ask "$(endpoint "$name")"
        holds "pyzmq asks node $name: $(tail -n 1 "$work/err")" test "$status" = 0
    done
    for kind in zmq native; do
        run "$python3" "$ZSEQ_SOURCE/tests/cli/transports.py" answer \
            "$(endpoint d)" "$zseq" -u "$(endpoint d)?transport=$kind" -t 10000 status
        holds "a client of $kind asks pyzmq: $(tail -n 1 "$work/err")" \
            test "$status" = 0
    done
else
    echo "skipped: pyzmq is not installed"
fi

for name in a b c; do
    stop "$name"
done
verdict
