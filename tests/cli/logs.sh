#!/bin/bash
#  The log of zseqd: its forms and levels, what it says of each event, and that
#  a flood is cut short.
. "${BASH_SOURCE[0]%/*}/lib.sh"

time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z'

#  every_line NODE PATTERN: the log has lines, and each is like that.
every_line () {
    [[ -s $work/$1.log ]] && ! grep -Evx -- "$2" "$work/$1.log"
}

#  tells NODE PATTERN: a line of the log is like that.
tells () {
    holds "node $1 logs '$2'" wait_until says "$1" "$2"
}

#  Text, with the time; each end has its reason.
format one a a
start a
ready a
kill -HUP "${pid[a]}"
tells a 'signal 1 .*nothing to reload'
stop a
holds "each line has time, level and node" \
    every_line a "$time (info|warning) zseqd a: .+"
tells a "signal 15 \(SIGTERM\) of process $$: the node stops"
holds "the last line says that it has stopped" \
    grep -q 'zseqd a: stopped$' <(tail -n 1 "$work/a.log")

#  JSON, an object a line.
start a --log-format json
ready a
stop a
holds "each line is an object" every_line a \
    "\{\"time\":\"$time\",\"level\":\"info\",\"node\":\"a\",\"event\":\"[a-z]+\",\"message\":\".+\"\}"
tells a '"event":"ready"'
tells a '"event":"end","message":"stopped"'

#  Under systemd, which adds the time itself, a priority instead.
: >"$work/a.log"
JOURNAL_STREAM=$(stat -L -c %d:%i "$work/a.log") start a
ready a
stop a
holds "each line has its priority" every_line a '<6>zseqd a: .+'
JOURNAL_STREAM=1:2 start a
ready a
stop a
holds "a log that was redirected has the time" every_line a "$time .+"

#  Levels. An error is always there, with the node as far as it is known.
start a --log-level warning
wait_until "$zseq" -u "$(uri a)" next orders >"$work/out"
stop a
holds "nothing was worth a warning" test ! -s "$work/a.log"
refuses 1 "^$time error zseqd a: .*belongs to node a, not to b" \
    "$zseqd" start --data "$work/a" --name b --log-level error
refuses 1 "^$time error zseqd: nothing is there yet: $work/none: " "$zseqd" start \
    --data "$work/none"
refuses 1 "^$time error zseqd b: nothing is there yet: $work/none: " "$zseqd" start \
    --data "$work/none" --name b
refuses 1 '"level":"error","node":null,"event":"end"' "$zseqd" start \
    --data "$work/none" --log-format json
refuses 1 "'loud' is not error" "$zseqd" start --data "$work/a" \
    --log-level loud
refuses 1 "'xml' is not text or json" "$zseqd" start --data "$work/a" \
    --log-format xml
mkdir "$work/"$'two\nlines'
refuses 1 "error zseqd: nothing is there yet: $work/two\?lines: " "$zseqd" start \
    --data "$work/"$'two\nlines'
run "$zseqd" start --data "$work/"$'b\xffd' --log-format json
holds "a path that is no UTF-8 is told in ASCII" grep -q 'b?d' "$work/err"

#  A node that loses its directory says which, and that it ends.
start a
ready a
mv "$work/a" "$work/elsewhere"
ends a 1 "error zseqd a: the node ends: $work/a"
mv "$work/elsewhere" "$work/a"

#  Peers that go and come, and the quorum with them.
for name in x y z; do
    format three $name x y z
    start $name
done
ready x y z
tells x 'info zseqd x: peer y at tcp://.* is up'
crash z
tells x 'warning zseqd x: peer z at tcp://.* is down: .* for [0-9]+ s'
tells y 'warning zseqd y: peer z at tcp://.* is down: .* for [0-9]+ s'
holds "two of three are a quorum" test "$(grep -c quorum "$work/x.log")" -eq 0
stop y
tells x 'warning zseqd x: quorum lost: 1 of 3 .*, 2 are needed.* z is down'
start y
tells x 'info zseqd x: quorum regained, after [0-9]+ s: 2 of 3 nodes vote'
start z
tells x 'info zseqd x: peer z is up again, after [0-9]+ s'
holds "each is told once" \
    test "$(grep -Ec 'quorum|z .* is down|z is up' "$work/x.log")" -eq 4

#  A full disk, here a limit of the size of files. The log goes through a pipe,
#  which has none. The node says when it begins and when it ends, though nobody
#  asks it for IDs then; its status says so, too, and the error of a client that
#  needs it.
if command -v prlimit >/dev/null; then
    stop y
    : >"$work/y.log"
    "$zseqd" start --data "$work/y" 2> >(cat >>"$work/y.log") &
    pid[y]=$!
    ready y
    crash z
    three=("$zseq" -u "$(uri x y z)" -t 1500)
    prlimit --pid "${pid[y]}" --fsize=0:
    refuses 2 'disk is full: 1 of 3 .*node y refuses: the disk is full; not reachable: z' \
        "${three[@]}" next fresh
    tells y "warning zseqd y: .*refuses claims.*$work/y/.*: File too large"
    run "${three[@]}" status
    holds "its status says so" \
        grep -q '^y .* voting, refuses claims: File too large ' "$work/out"
    prlimit --pid "${pid[y]}" --fsize=unlimited:
    tells y 'info zseqd y: the disk takes what the node writes again'
    run "${three[@]}" status
    holds "and that it is over" grep -Eq '^y [^ ]* *[^ ]* *voting  ' "$work/out"
    run "${three[@]}" next fresh
    holds "it hands out IDs again" test "$status" -eq 0
    start z
fi

#  No room for more names.
stop y
start y --names-max 1
ready y
run "$zseq" -u "$(uri x y)" next another
run "$zseq" -u "$(uri x y)" next third
tells y 'warning zseqd y: .*refuses new sequences: it holds 1,'
stop x
stop y
stop z

#  Nor for all that the peers hold.
start x
start z
rm -r "${work:?}/y"
mkdir "$work/y"
start y --names-max 1 --name y --cluster three --members "$(members x y z)"
ends y 1 'error zseqd y: .*the peers hold more names than this node may'
stop x
stop z

#  More damage than is told.
start a
ready a
for number in {1..25}; do
    printf '%s\t2\n' "name-$number"
done >"$work/names"
run "$zseq" -u "$(uri a)" import --partial "$work/names"
stop a
cp -a "$work/a" "$work/damaged"
for file in "$work"/damaged/seq/*/name-*; do
    printf x | dd of="$file" bs=1 seek=30 conv=notrunc 2>"$work/err"
done
run "$zseqd" start --data "$work/damaged"
holds "damage is told in 20 lines and a number" \
    grep -q 'warning zseqd a: 5 more things are damaged' "$work/err"
holds "20 are told" test "$(grep -c 'warning zseqd a: .*/name-' "$work/err")" -eq 20

#  No descriptor is left, and then some are.
if command -v prlimit >/dev/null; then
    start a --scrub 0
    ready a
    prlimit --pid "${pid[a]}" --nofile=3:
    tells a 'warning zseqd a: all descriptors are used up: nobody can connect, and'
    prlimit --pid "${pid[a]}" --nofile=256:
    tells a 'info zseqd a: descriptors are free again'
    holds "each is told once" test "$(grep -c descriptors "$work/a.log")" -eq 2
    stop a
fi

#  A flood: each of these signals is worth a line.
start a
ready a
signals=(HUP USR1 USR2 ALRM VTALRM PROF IO)
for number in $(seq "$(kill -l RTMIN)" "$(kill -l RTMAX)"); do
    signals+=("$number")
done
for signal in "${signals[@]}"; do
    kill -"$signal" "${pid[a]}"
done
#  SIGTERM would overtake those that the node has not taken yet.
holds "it takes all signals" wait_until \
    grep -Eq '^ShdPnd:\s*0+$' "/proc/${pid[a]}/status"
stop a
holds "30 lines of an event in a minute" \
    test "$(grep -c 'zseqd a: signal .* goes on' "$work/a.log")" -eq 30
tells a 'signal 10 .*: ignored; the node goes on .SIGTERM stops it.'
tells a "$((${#signals[@]} - 30)) more lines of the event \"signal\" were not"

verdict
