#!/bin/bash
#  A seed is always the same run: its trace is the same byte by byte, alone or
#  after other seeds. A broken promise ends the program, which prints a command
#  that repeats the run.
#
#      trace.sh ZSEQ-SIM ZSEQ-SIM-WITH-A-MISTAKE
set -euo pipefail
program=$1
mistaken=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail () {
    echo "trace.sh: $*" >&2
    exit 1
}

#  Prints the events of a run, without the program's own messages.
trace () {
    "$program" --trace "$@" | grep -E '^ *[0-9]+\.[0-9]{6}  '
}

for seed in 11 12 13 14 15; do
    trace --seed "$seed" >"$work/$seed"
    trace --seed "$seed" | cmp - "$work/$seed" || fail "seed $seed differs"
    [[ $(wc -l <"$work/$seed") -gt 100 ]] || fail "seed $seed tells nothing"
done
trace --seed 11 --seeds 5 >"$work/all"
cat "$work"/1[1-5] | cmp - "$work/all" || fail "seeds depend on each other"
! cmp -s "$work/11" "$work/12" || fail "two seeds are the same run"

for seed in 3 5; do
    trace --crowd --clients 40 --seed "$seed" >"$work/$seed"
    trace --crowd --clients 40 --seed "$seed" | cmp - "$work/$seed" \
        || fail "seed $seed of a crowd differs"
done

status=0
"$mistaken" --seeds 2000 >"$work/found" || status=$?
[[ $status -eq 1 ]] || fail "the mistake was not found: status $status"
found=$(sed -n 's/^seed [0-9]*: //p' "$work/found")
replay=$(sed -n 's/^replay: //p' "$work/found")
[[ -n $found && -n $replay ]] || fail "no sentence, or no command"
#  shellcheck disable=SC2086
again=$($replay | sed -n 's/^seed [0-9]*: //p' || true)
[[ $again == "$found" ]] || fail "'$replay' finds '$again', not '$found'"
echo "found: $found"
