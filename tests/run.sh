#!/bin/bash
#  Installs what the tests need, builds zseq in several ways and runs all
#  tests. Ends with ctest's summaries; non-zero when anything failed.
#
#      bash tests/run.sh [--quick] [--long]
#
#  --quick  one build (gcc), no sanitizers
#  --long   tests that can go on for longer do (sets ZSEQ_LONG=1)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=
for option in "$@"; do
    case $option in
    --quick) quick=1 ;;
    --long) export ZSEQ_LONG=1 ;;
    *)
        echo "run.sh: unknown option '$option'; there are --quick, --long" >&2
        exit 1
        ;;
    esac
done

#  The tests that tell address sanitizer nothing that others do not: whole clusters
#  whose directories are put back, copied and upgraded, whose power or network is
#  cut, and daemons with planted mistakes. With --long it has all.
addresses=(-E 'cli_(backup|upgrade)|partition_(disks|partial|pauses)')
addresses[1]+='|crash_(calls_[aos]|copies|directories|errors_full|power)'

#  The tests that thread sanitizer can tell most about; with --long it has all.
threads=(-R 'test_(buffer|calls|client|cluster|daemon|load|local|reactor|schemes|session|store)$|zseq-soak|cli_examples|crash_disks|partition_cuts')
if [[ -n ${ZSEQ_LONG:-} ]]; then
    addresses=()
    threads=()
fi

summary=$(mktemp)
log=$(mktemp)
trap 'rm -f "$summary" "$log"' EXIT
failures=0

#  Runs one stage and says how long it took. A failure is counted, and the
#  stages that do not need this one go on.
stage () {
    local title=$1 began=$SECONDS status=0
    shift
    echo "== $title"
    "$@" || status=$?
    if [[ $status -eq 0 ]]; then
        echo "== $title: done, $((SECONDS - began)) s"
    else
        echo "== $title: FAILED ($status), $((SECONDS - began)) s"
        failures=$((failures + 1))
    fi
    return $status
}

#  Configures and builds a preset with warnings as errors, in a directory of
#  its own. Quiet when all is well.
build () {
    local preset=$1 name=$2
    shift 2
    if ! { cmake --preset "$preset" -B "build/$name" -DZSEQ_WERROR=ON "$@" \
               && cmake --build "build/$name"; } >"$log" 2>&1; then
        cat "$log"
        return 1
    fi
}

#  run_tests NAME [OPTION...]: those of a build that ctest's options choose.
run_tests () {
    local status=0
    ctest --test-dir "build/$1" --output-on-failure -j "$(nproc)" "${@:2}" \
        | tee "$log" || status=$?
    {
        echo "$1:"
        sed -n '/tests passed/,$p' "$log"
    } >>"$summary"
    return $status
}

#  Those of build ci-gcc. What its programs tell people is recorded
#  (tests/cli/zseq_texts_seen.c).
seen=$PWD/build/ci-gcc/texts-seen
run_tests_gcc () {
    head -c 4096 /dev/zero >"$seen"
    chmod a+w "$seen"  # Tests run programs as another user, too.
    LD_PRELOAD=$PWD/build/ci-gcc/tests/zseq-texts-seen.so \
        ZSEQ_TEXTS_SEEN=$seen run_tests ci-gcc
}

#  Whether the tests have provoked each text. Without some tests, which were
#  skipped, that is only told.
check_texts () {
    local texts=build/ci-gcc/tests/zseq-texts
    tests/cli/texts.py <("$texts") <("$texts" "$seen") && return
    grep -q '(Skipped)' "$log" || return
    echo "(tests were skipped)"
}

stage "packages" bash .ci/install-packages build test || exit 1
if stage "gcc: build" build release ci-gcc; then
    if stage "gcc: test" run_tests_gcc; then
        stage "gcc: texts" check_texts || true
    fi
fi
if [[ -z $quick ]]; then
    stage "clang: build" build release ci-clang -DCMAKE_C_COMPILER=clang || true
    if stage "asan: build" build asan ci-asan; then
        stage "asan: test" run_tests ci-asan "${addresses[@]}" || true
    fi
    if stage "tsan: build" build tsan ci-tsan; then
        stage "tsan: test" run_tests ci-tsan "${threads[@]}" || true
    fi
fi
echo
echo "== $failures stages failed, $SECONDS s"
cat "$summary"
[[ $failures -eq 0 ]]
