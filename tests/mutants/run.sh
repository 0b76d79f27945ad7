#!/bin/bash
#  Plants bugs, one at a time, and sees that a test catches each.
#
#      bash tests/mutants/run.sh [NAME...]
#
#  A mutant is NAME.patch beside this script: a line that says what is wrong,
#  a line "Caught by: TEST..." that names tests of ctest, then the patch. TEST is
#  the name of a program, or of a program and its option: zseq-sim:--crowd. Without
#  names all are run when ZSEQ_LONG is set, else a few. A mutant that does not
#  apply, does not build or is not caught is a failure. Those of lib/core are shown
#  to the simulator, too: the table says which seed was the first to fail, of those
#  from 1 to 2,000, or no.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../.." && pwd)
sample=(claim_counts_old_lives recovery_counts_old_lives one_epoch)

names=("$@")
if [[ ${#names[@]} -eq 0 && -n ${ZSEQ_LONG:-} ]]; then
    for patch in "$here"/*.patch; do
        names+=("$(basename "$patch" .patch)")
    done
elif [[ ${#names[@]} -eq 0 ]]; then
    names=("${sample[@]}")
fi

#  What a mutant tells people is not recorded (../run.sh).
unset ZSEQ_TEXTS_SEEN

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source"
(cd "$source" && tar c --exclude=./build --exclude=./.git .) \
    | tar x -C "$work/source"

tests_of () {
    sed -n 's/^Caught by: //p' "$here/$1.patch"
}

#  Runs a test.
run () {
    local option=${1#*:}
    [[ $1 == *:* ]] || option=
    timeout 300 "$work/build/tests/${1%%:*}" ${option:+"$option"}
}

#  Whether the simulator runs what the mutant changes.
is_simulated () {
    grep -q '^+++ b/lib/\(core\|op\|node\)/' "$here/$1.patch"
}

#  Programs of the tests that are needed, built once without a mutant.
tests=$(for name in "${names[@]}"; do tests_of "$name"; done \
            | tr ' ' '\n' | sort -u)
# shellcheck disable=SC2001
targets=$(sed 's/:.*//' <<<"$tests")
cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS=-O1 >"$work/log"
# shellcheck disable=SC2086
cmake --build "$work/build" --target $targets zseq-sim >"$work/log" \
    || { cat "$work/log"; exit 1; }
for name in $tests; do
    run "$name" >"$work/log" 2>&1 \
        || { cat "$work/log"; echo "$name fails without a mutant"; exit 1; }
done

#  Which test catches the mutant that is planted; 2 if none is built.
caught_by () {
    local test
    # shellcheck disable=SC2001,SC2046
    cmake --build "$work/build" --target $(sed 's/:[^ ]*//g' <<<"$1") zseq-sim \
        >"$work/log" 2>&1 || return 2
    for test in $1; do
        if ! run "$test" >"$work/log" 2>&1; then
            echo "$test: $(sed -n -e 's/.*\[FAIL\] \([^:]*::[^:]*\).*/\1/p' \
                -e 's/^\(seed [0-9]*\): .*/\1/p' "$work/log" | head -n 1)"
            return 0
        fi
    done
    return 1
}

#  What the simulator says of the mutant that is planted.
simulated () {
    if ! is_simulated "$1"; then
        echo -
    elif "$work/build/tests/zseq-sim" --seeds 2000 >"$work/log" 2>&1; then
        echo no
    else
        sed -n 's/^\(seed [0-9]*\): .*/\1/p' "$work/log" | head -n 1 \
            | grep . || echo crash
    fi
}

missed=0
printf '%-34s %-12s %s\n' MUTANT SIMULATOR 'CAUGHT BY'
for name in "${names[@]}"; do
    patch=$here/$name.patch
    status=0
    if ! patch -d "$work/source" -p1 -s --no-backup-if-mismatch <"$patch" \
         >"$work/log" 2>&1; then
        verdict="DOES NOT APPLY: run tests/mutants/remake.py"
        missed=$((missed + 1))
        printf '%-34s %s\n' "$name" "$verdict"
        cat "$work/log"
        exit 1
    fi
    verdict=$(caught_by "$(tests_of "$name")") || status=$?
    case $status in
    0) ;;
    1) verdict="NOBODY" ;;
    *)
        verdict="DOES NOT BUILD"
        cat "$work/log"
        ;;
    esac
    [[ $status -eq 0 ]] || missed=$((missed + 1))
    seed=
    [[ $status -eq 2 ]] || seed=$(simulated "$name")
    printf '%-34s %-12s %s\n' "$name" "$seed" "$verdict"
    patch -d "$work/source" -p1 -s -R --no-backup-if-mismatch <"$patch"
done
echo "${#names[@]} mutants, $missed not caught"
[[ $missed -eq 0 ]]
