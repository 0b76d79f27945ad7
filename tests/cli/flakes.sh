#!/bin/bash
#  Ten generators share four worker numbers, while they are killed, stopped and
#  started again, and while their clocks jump: no ID comes twice. The argument
#  is the number of seconds.
. "${BASH_SOURCE[0]%/*}/lib.sh"

seconds=${1:-20}
[[ ${ZSEQ_LONG:-} == 1 && $# -eq 0 ]] && seconds=300
generators=10
library=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
[[ -n $library ]] || skip "libfaketime is not installed"
[[ -z ${ZSEQ_INSTRUMENTED:-} ]] || skip "libfaketime and sanitizers do not mix"
seed=${ZSEQ_TEST_SEED:-$RANDOM}
RANDOM=$seed
echo "ZSEQ_TEST_SEED=$seed"

cluster shop a b c
ids="flake+$(uri a b c)?bits=41/2/12&timeout=1000"
processes=0 kills=0 stops=0 jumps=0 ends=0

#  set_clock GENERATOR TENTHS: sets its clock that many tenths of a second off.
set_clock () {
    local tenths=$2
    printf '%+d.%ds\n' $((tenths / 10)) $((tenths < 0 ? -tenths % 10 : tenths % 10)) \
        >"$work/clock.new"
    mv "$work/clock.new" "$work/clock.$1"
}

#  begin GENERATOR: starts its next process, which writes a file of its own.
begin () {
    processes=$((processes + 1))
    LD_PRELOAD=$library:${LD_PRELOAD-} FAKETIME_TIMESTAMP_FILE=$work/clock.$1 \
        FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
        "$zseq" -u "$ids" stream all --delay 1 \
        >"$work/ids.$processes" 2>>"$work/errors" &
    pid[g$1]=$!
}

#  The shell would report each process that was killed.
exec 3>&2 2>/dev/null
for ((g = 0; g < generators; g++)); do
    set_clock "$g" 0
    begin "$g"
done
end=$((SECONDS + seconds))
while [[ $SECONDS -lt $end ]]; do
    g=$((RANDOM % generators))
    case $((RANDOM % 4)) in
    0)  kill -KILL "${pid[g$g]}" 2>/dev/null
        kills=$((kills + 1)) ;;
    1)  #  For a while: its range may end meanwhile, and another may take it.
        stopped=${pid[g$g]}
        kill -STOP "$stopped" 2>/dev/null
        (sleep "$((RANDOM % 3)).$((RANDOM % 10))"
         kill -CONT "$stopped" 2>/dev/null) &
        stops=$((stops + 1)) ;;
    *)  set_clock "$g" $((RANDOM % 61 - 30))
        jumps=$((jumps + 1)) ;;
    esac
    #  How long a fault lasts.
    sleep 0.05
    for ((g = 0; g < generators; g++)); do
        kill -0 "${pid[g$g]}" 2>/dev/null && continue
        wait "${pid[g$g]}" 2>/dev/null
        ends=$((ends + 1))
        begin "$g"
    done
done
for ((g = 0; g < generators; g++)); do
    kill -KILL "${pid[g$g]}" 2>/dev/null
    wait "${pid[g$g]}" 2>/dev/null
    unset "pid[g$g]"
done
exec 2>&3
#  An incomplete line is no ID. The IDs of a process rise.
for ((number = 1; number <= processes; number++)); do
    [[ -s $work/ids.$number ]] || continue
    cp "$work/ids.$number" "$work/whole"
    [[ -z $(tail -c 1 "$work/ids.$number") ]] || sed -i '$d' "$work/whole"
    sort -nuc "$work/whole" 2>/dev/null || fail "the IDs of process $number do not rise"
    cat "$work/whole" >>"$work/all"
done
count=$(wc -l <"$work/all")
echo "$seconds s, $generators generators, 4 workers: $count IDs, $processes processes," \
    "$ends ended, $kills killed, $stops stopped, $jumps clocks set"
sed -E 's/.*: (([a-z ]+)): .*/\1/' "$work/errors" | sort | uniq -c | sort -rn \
    | head -n 5
holds "no ID twice" test -z "$(sort "$work/all" | uniq -d | head -n 1)"
holds "IDs came" test "$count" -gt $((seconds * 100))
workers=$(awk '{ print int ($1 / 4096) % 4 }' "$work/all" | sort -u | wc -l)
holds "of all four workers" test "$workers" -eq 4
verdict
