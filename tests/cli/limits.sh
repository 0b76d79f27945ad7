#!/bin/bash
#  Too few descriptors or threads: the programs say so, and nothing aborts.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  What the limits of sanitizers leave is not what a user's program gets.
[[ -z $ZSEQ_INSTRUMENTED ]] || skip "a build with instruments"

#  The numbers are those of libzmq; test_limits has those of both transports.
export ZSEQ_TRANSPORT=zmq

few='(descriptors|threads) and cannot have them: .*: raise ulimit'

#  with_files COUNT COMMAND...: runs it with that ulimit -n.
with_files () {
    run prlimit --nofile="$1:$1" "${@:2}"
}

#  orderly: the command succeeded, or failed with an error, or status (3) says
#  that it did not reach all nodes; it was neither killed nor not found.
orderly () {
    expectations=$((expectations + 1))
    if [[ $status -gt 3 || ($status -eq 3 && ! -s $work/out) ||
          ($status -ne 0 && $status -ne 3 && ! -s $work/err) ]]; then
        fail "a program ended without an error, with a limit of $1"
        show "${@:2}"
    fi
}

cluster shop a b c
ask=("$zseq" -u "$(uri a b c)" -t 1000)

said=0
drawn=0
refused=0
#  With fewer than five, the loader cannot open the libraries.
for files in {5..40}; do
    for command in "next orders" status; do
        # shellcheck disable=SC2086
        with_files "$files" "${ask[@]}" $command
        orderly "$files" "${ask[@]}" "$command"
        grep -Eq "$few" "$work/err" && said=$((said + 1))
    done
    with_files "$files" "$zseq" -u "file:$work/local" -t 1000 next orders
    orderly "$files" "$zseq" -u file: next
    [[ $status -eq 0 ]] && drawn=$((drawn + 1))
    grep -Eq "$few" "$work/err" && refused=$((refused + 1))
done
holds "the client said what it lacks" test $said -gt 8
holds "a directory that lacked descriptors is made later" \
    test $((drawn + refused)) -eq 36 -a $drawn -gt 9
holds "the nodes still run" kill -0 "${pid[@]}"
refuses 2 '8 more descriptors and cannot have them: .*: raise ulimit -n, which is 8' \
    prlimit --nofile=8:8 "${ask[@]}" next orders
answers 1 prlimit --nofile=40:40 "${ask[@]}" next other

#  A limit on a user's threads does not bind root.
bare () {
    # shellcheck disable=SC2024
    setpriv --reuid=65533 --clear-groups prlimit --nproc="$1" "${@:2}"
}
if [[ $(id -u) -eq 0 ]] && bare 9 true 2>/dev/null; then
    said=0
    for threads in {1..6}; do
        status=0
        bare "$threads" "${ask[@]}" next orders >"$work/out" 2>"$work/err" \
            || status=$?
        orderly "$threads" "${ask[@]}" next orders
        grep -Eq "the process needs 2 more threads and cannot have them: " \
            "$work/err" && said=$((said + 1))
    done
    holds "the client said that it lacks threads" test $said -ge 2
    holds "with enough of them it draws" test $status -eq 0
else
    echo "not run: the limit of threads, which needs root"
fi

for node in a b c; do
    stop $node
done
cluster one z
stop z

#  A node that may have 64 descriptors, so many of which it inherits in use.
crowded () {
    local fd
    ulimit -n 64
    for ((fd = 3; fd < 3 + $1; fd++)); do
        eval "exec $fd</dev/null"
    done
    exec "$zseqd" start --data "$work/z"
}

#  It ends with an error, or votes, and then ends when it is told to.
said=0
voted=0
for files in {34..59}; do
    : >"$work/z.log"
    crowded "$files" >"$work/out" 2>"$work/z.log" &
    pid[z]=$!
    wait_until says_or_ends z 'ready: node z votes'
    says z 'ready: node z votes' && voted=$((voted + 1))
    kill -TERM "${pid[z]}" 2>/dev/null
    status=0
    wait "${pid[z]}" || status=$?
    unset "pid[z]"
    cp "$work/z.log" "$work/err"
    orderly "$files" "$zseqd" start
    grep -Eq "$few" "$work/err" && said=$((said + 1))
done
holds "with enough of them it votes" test $voted -gt 2
refuses 1 'a node needs 64 descriptors and may have 63: raise ulimit -n' \
    prlimit --nofile=63:63 "$zseqd" start --data "$work/z"
holds "the node said what it lacks" test $said -gt 4

verdict
