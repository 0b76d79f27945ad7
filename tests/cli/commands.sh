#!/bin/bash
#  Runs every command with all nodes up, with one down, and with two down.
. "${BASH_SOURCE[0]%/*}/lib.sh"

cluster shop a b c
ask=("$zseq" -u "$(uri a b c)")

#  next: dense from 1 on, in ranges or through a buffer.
answers 1 "${ask[@]}" next orders
answers 2 "${ask[@]}" next orders
answers "$(seq 3 12)" "${ask[@]}" next orders -n 10
answers 13 "${ask[@]}" peek orders
answers "$(seq 13 5012)" "${ask[@]}" next -n 5000 orders
answers 5013 "${ask[@]}" peek orders
answers "$(seq 1 250)" "${ask[@]}" next buffered -n 250 --batch 100
run "${ask[@]}" peek buffered
holds "a batch takes whole batches" test "$(cat "$work/out")" -ge 301
answers 1 env ZSEQ_URI="$(uri a b c)" "$zseq" next by-environment
answers 1 "$zseq" next by-option --uri="$(uri b)" --timeout=5000

#  A name that would turn or hide what a terminal shows: escaped where people
#  read it; in JSON by JSON's rules, once.
turns=$(printf 'turn\u202eed\x1b[1m')
answers 1 "${ask[@]}" next "$turns"
answers "$(printf 'turn\\xe2\\x80\\xaeed\\x1b[1m\t2')" "${ask[@]}" list turn
run "${ask[@]}" info "$turns" -w json
holds "JSON escapes a name once" \
    grep -qF '"sequence": "turn\u202Eed\u001B[1m"' "$work/out"
run "${ask[@]}" info "$(printf 'broken\xff')" -w json
holds "JSON has bytes that are no text in base 64" \
    grep -qF '"sequence_base64": "YnJva2Vu/w=="' "$work/out"

#  range
answers "1 1" "${ask[@]}" range ranges 1
answers "2 1001" "${ask[@]}" range ranges 1000
answers "1002 4294968297" "${ask[@]}" range ranges 4294967296
answers 4294968298 "${ask[@]}" next ranges

#  stream: to a count, to a signal, to a closed pipe.
answers "$(seq 1 20)" "${ask[@]}" stream flow -n 20
answers "$(seq 21 23)" "${ask[@]}" stream flow -n 3 --delay 1
answers "$(seq 1 7)" "${ask[@]}" stream buffer -n 7 --batch 5
run "${ask[@]}" stream flow -n 4977 --batch auto
holds "an automatic batch goes on above" test "$(head -n 1 "$work/out")" -gt 23
holds "... in order" sort -n -u -c "$work/out"
holds "... to the count" test "$(wc -l <"$work/out")" -eq 4977

has_lines () {
    [[ $(wc -l <"$1") -ge $2 ]]
}
for signal in INT TERM; do
    "${ask[@]}" stream endless --batch 10 --delay 1 \
        >"$work/endless.$signal" 2>"$work/endless.log" &
    pid[endless]=$!
    wait_until has_lines "$work/endless.$signal" 30
    kill "-$signal" "${pid[endless]}"
    ends endless 0 ''
    holds "SIG$signal leaves whole lines" \
        test "$(tail -c 1 "$work/endless.$signal" | od -An -c | tr -d ' ')" = '\n'
done
run bash -c '"$@" stream endless | head -n 1; exit "${PIPESTATUS[0]}"' \
    - "${ask[@]}"
holds "a closed pipe ends a stream without words" \
    test "$status-$(wc -l <"$work/out")-$(wc -c <"$work/err")" = 1-1-0

#  peek and raise
answers 1 "${ask[@]}" peek untouched
answers "" "${ask[@]}" raise raised 1000
answers 1000 "${ask[@]}" peek raised
answers 1000 "${ask[@]}" next raised
answers "" "${ask[@]}" raise raised 5
answers 1001 "${ask[@]}" next raised
answers "" "${ask[@]}" raise end 9223372036854775807
answers 9223372036854775807 "${ask[@]}" next end
answers 9223372036854775808 "${ask[@]}" peek end

#  list: in byte order, one line a name, whatever bytes the name has.
for name in '../../x' / . .. % %2F 'grüße' $'a\nb' 'a\b' -n $'\xff\xc2\x9b' \
            "$(printf 'n%.0s' {1..255})"; do
    answers 1 "${ask[@]}" next -- "$name"
    answers 2 "${ask[@]}" next -- "$name"
done
answers "$(printf 'r%s\n' $'aised\t1002' $'anges\t4294968299')" \
    "${ask[@]}" list r
answers $'../../x\t3' "${ask[@]}" list ../
answers $'%\t3\n%2F\t3' "${ask[@]}" list %
answers $'a\\x0ab\t3\na\\x5cb\t3' "${ask[@]}" list a
answers $'grüße\t3' "${ask[@]}" list grü
answers $'\\xff\\xc2\\x9b\t3' "${ask[@]}" list $'\xff'
answers "" "${ask[@]}" list nobody
run "${ask[@]}" list
grep -v '\\' "$work/out" | LC_ALL=C sort -c
holds "list is in byte order" test $? -eq 0
holds "list names every sequence" test "$(wc -l <"$work/out")" -eq 23
holds "no name has left the directory" \
    test "$(find "$work" -mindepth 1 -maxdepth 1 -type d | wc -l)" -eq 3

#  status
run "${ask[@]}" status
holds "status has a line for each node and three more" \
    test "$status-$(wc -l <"$work/out")" = 0-6
holds "status says that all vote" grep -qx 'available: all nodes vote' "$work/out"
holds "status names the cluster" \
    grep -Eq '^cluster shop, identity [0-9a-f]{16}, N 3, R 2, W 2$' "$work/out"
holds "status shows that all vote" \
    test "$(grep -Ec '^[abc] +tcp://[^ ]+ +voting +1 +[0-9]+ +0 +4 +[0-9]+ us +[0-9]+ +[1-9][0-9]* +0$' \
            "$work/out")" -eq 3
run "${ask[@]}" status -w json
identity=$(grep -Eo '"identity": "[0-9a-f]{16}"' "$work/out")
holds "JSON has the identity as a string" test -n "$identity"
holds "JSON has incarnations as strings" \
    test "$(grep -c '"incarnation": "1"' "$work/out")" -eq 3
holds "JSON has what each node counts, as strings" \
    test "$(grep -Ec '"(ids|uptime_us|bytes_received)": "[1-9][0-9]*"' \
            "$work/out")" -eq 9
holds "JSON has rates and connections" \
    test "$(grep -Ec '"((ids|claims|refusals)_per_second|active_connections)": "[0-9]+"' \
            "$work/out")" -eq 12
holds "JSON has the connections that each node closed, by reason" \
    test "$(grep -Ec '"closed_(full|source|handshake|protocol|memory)": "0"' \
            "$work/out")" -eq 15
holds "JSON has W" grep -q '"w": 2' "$work/out"

#  health CODE AVAILABLE DEGRADED VERDICT: the exit code of status, in the table
#  and in JSON, and what both say.
health () {
    run "${short[@]}" status
    holds "status exits with $1 and says $4" \
        test "$status-$(sed -n 's/^\([a-z]*\): .*/\1/p' "$work/out")" = "$1-$4"
    run "${short[@]}" status -w json
    holds "status -w json exits with $1" test "$status" -eq "$1"
    holds "JSON says whether it is available and degraded" test "$(sed -nE \
        's/^ *"(available|degraded)": (.*),/\2/p' "$work/out" | xargs)" = "$2 $3"
}
short=("${ask[@]}" -t 1000)
health 0 true false available

#  info
answers 1 "${ask[@]}" next watched
answers "2 1001" "${ask[@]}" range watched 1000
run "${ask[@]}" info watched
holds "info tells what is next" \
    test "$status-$(head -n 1 "$work/out")" = '0-sequence watched, next 1002'
holds "info has a line for each node, two of which know all claims" \
    test "$(grep -Ec '^[abc] +1002 +0 +[0-9]+ +[0-9]+\.[0-9]{3} s ago +(zseq\[[0-9]+\]@[^ ]+|node [abc])$' \
            "$work/out")" -ge 2
run "${ask[@]}" info untouched
holds "info of a name that was never claimed" \
    test "$status-$(grep -Ec '^[abc] +1 +0 +0 +- +-$' "$work/out")" = 0-3
run "${ask[@]}" info watched -w json
holds "JSON has what is next as a string" grep -q '^  "next": "1002"' "$work/out"
holds "JSON has what nodes know" \
    test "$(grep -Ec '"(behind|ids_per_second)": "[0-9]+"' "$work/out")" -eq 6
holds "JSON has whose the last claim was" \
    test "$(grep -Ec '"last_claim_by": "zseq\[[0-9]+\]@' "$work/out")" -ge 1
answers 1002 "$zseq" -u "$(uri a b c)?label=web-17" next watched
run "${ask[@]}" info watched
holds "info shows the label of the URI" \
    test "$(grep -Ec '^[abc] +1003 .* s ago +web-17$' "$work/out")" -ge 1
answers 1003 "$zseq" -u "$(uri a b c)?label=" next watched
run "${ask[@]}" info watched
holds "an empty label tells nothing" \
    test "$(grep -Ec '^[abc] +1004 .* s ago +-$' "$work/out")" -ge 1
refuses 1 'transport=udp is not one of this build: use zmq or native' \
    "$zseq" -u "$(uri a b c)?transport=udp" next watched
for kind in zmq native; do
    run "$zseq" -u "$(uri a b c)?transport=$kind" peek watched
    holds "transport=$kind" test "$status" = 0
done
ZSEQ_TRANSPORT=udp refuses 1 "TRANSPORT is 'udp', and this build has no such" \
    "$zseq" -u "$(uri a b c)" next watched
refuses 1 'label=web 17 is not 1 to 63 ASCII letters' \
    "$zseq" -u "$(uri a b c)?label=web 17" next watched
answers $'sequence watched, next 1\nNODE   NEXT  BEHIND  IDS/S  LAST CLAIM  LAST CLAIM BY
local  1     0       0      -           -' "$zseq" -u mem: info watched
refuses 1 'name' "${ask[@]}" info ""

#  Help and version need no cluster.
run "$zseq" --help
holds "help" grep -q '^usage: zseq' "$work/out"
for command in init next range stream peek raise list status info export import; do
    run "$zseq" $command --help
    holds "help of $command" \
        test "$status-$(grep -c "^usage: .* $command" "$work/out")" = 0-1
    holds "the manual has $command" \
        grep -Eq "^\\.(B|BR) \"?$command" "$ZSEQ_SOURCE/lib/man/zseq.1"
done
run "$zseq" --version
holds "version" grep -Eq '^zseq [0-9]+\.[0-9]+\.[0-9]+$' "$work/out"

#  A failed write of the output is reported.
for arguments in "next sink -n 10" "range sink 5" "stream sink" "peek sink" \
                 "list" "export" "status" "status -w json" "info untouched" \
                 "--help"; do
    run bash -c "\"\$@\" $arguments >/dev/full" - "${ask[@]}"
    holds "$arguments >/dev/full fails and says so" \
        test "$status-$(grep -c 'No space left' "$work/err")" = 1-1
    burnt=0
    [[ $arguments == *sink* && $arguments != peek* ]] && burnt=1
    holds "$arguments >/dev/full says whether IDs are burnt" \
        test "$(grep -c 'is burnt' "$work/err")" -eq $burnt
done
#  Lines of eight bytes. An eventfd with the closed descriptor's number would
#  accept them.
answers "" "${ask[@]}" raise closed 1000000
run bash -c '"$@" stream closed -n 3 >&-' - "${ask[@]}"
holds "a closed standard output is noticed" \
    test "$status-$(grep -c 'cannot write to standard output' "$work/err")" = 1-1

#  With one node down, whichever, everything works, and IDs rise.
last=5012
for node in a b c; do
    crash $node
    run "${ask[@]}" next orders -n 5
    holds "IDs with node $node down" test $status -eq 0
    holds "they rise" sort -n -u -c "$work/out"
    holds "they are above the last" test "$(head -n 1 "$work/out")" -gt $last
    last=$(tail -n 1 "$work/out")
    answers $((last + 1)) "${ask[@]}" peek orders
    answers "" "${ask[@]}" raise orders $((last + 2))
    last=$((last + 1))
    run "${ask[@]}" range orders 10
    holds "a range with node $node down" \
        test "$(cat "$work/out")" = "$((last + 1)) $((last + 10))"
    last=$((last + 10))
    run "${ask[@]}" list ord
    holds "list with node $node down" \
        test "$(cat "$work/out")" = $'orders\t'$((last + 1))
    run "${ask[@]}" status
    holds "status shows that node $node is down" \
        grep -Eq "^$node +tcp://[^ ]+ +unreachable +- +- +-" "$work/out"
    health 3 true true degraded
    run bash -c '"$@" status >/dev/full' - "${ask[@]}"
    holds "its output that is lost is told first" test "$status" -eq 1
    run "${ask[@]}" info orders
    holds "info with node $node down" \
        test "$status-$(head -n 1 "$work/out")-$(grep -Ec "^$node +- +- +- +- +-$" \
            "$work/out")" = "0-sequence orders, next $((last + 1))-1"
    start $node
    ready $node
done

#  With two nodes down, each command fails at its deadline at the latest.
crash a
crash b
unavailable='too few nodes|deadline'
refuses 2 "$unavailable" "${short[@]}" next orders
refuses 2 "$unavailable" "${short[@]}" next orders -n 10 --batch 5
refuses 2 "$unavailable" "${short[@]}" range orders 5
refuses 2 "$unavailable" "${short[@]}" stream orders
refuses 2 "$unavailable" "${short[@]}" peek orders
refuses 2 "$unavailable" "${short[@]}" raise orders 9000
refuses 2 "$unavailable" "${short[@]}" list
refuses 2 "$unavailable" "${short[@]}" export
run "${short[@]}" status
holds "status works with one node" \
    test "$status-$(grep -c unreachable "$work/out")" = 2-2
health 2 false false unavailable
run "${short[@]}" info orders
holds "info tells what one node knows" test \
    "$status-$(head -n 1 "$work/out")-$(grep -Ec '^c +[0-9]+ +0 ' "$work/out")" \
    = '2-sequence orders, next not known-1'
start a
ready a
run "${ask[@]}" next orders
holds "with two nodes again it goes on" \
    test "$status" -eq 0 -a "$(cat "$work/out")" -gt $last

stop a
stop c
verdict
