#!/bin/bash
#  Follows one call through the code: builds the library so that it reports
#  each function, starts three nodes, takes IDs without a buffer, and counts
#  what the client did for each.
#
#      bash bench/walk.sh [--calls N] [--by-pair] [--clock] [...]
#
#  All options but --calls are walk.py's: see --help. ZSEQ_WALK_BUILD may name
#  the directory to build in.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

calls=50
if [[ ${1:-} == --calls ]]; then
    calls=$2
    shift 2
fi

build=${ZSEQ_WALK_BUILD:-$root/build/walk}
mkdir -p "$build"
if ! { cmake -S "$root" -B "$build" -G Ninja -DZSEQ_TESTS=OFF \
             -DCMAKE_BUILD_TYPE=None \
             -DCMAKE_C_FLAGS='-O0 -g -finstrument-functions' \
           && cmake --build "$build" -j2 --target zseq zseqd \
           && cc -std=c11 -D_GNU_SOURCE -O1 -g -Wall -Wextra \
                 -I "$root/lib/include" "$root/bench/zseq_walk.c" \
                 -o "$build/zseq_walk" -rdynamic -L "$build/lib" -lzseq \
                 -Wl,-rpath,"$build/lib"; } >"$build/walk.log" 2>&1; then
    cat "$build/walk.log" >&2
    exit 1
fi

#  Nodes come and go as in the tests of the programs.
ZSEQ_BIN=$build/bin
. "$root/tests/cli/lib.sh"
for node in a b c; do
    format walk $node a b c
done
for node in a b c; do
    start $node --reserve 0
done
ready a b c
[[ $failures -eq 0 ]] || exit 1
timeout 60 "$build/zseq_walk" "$(uri a b c)" "$calls" >"$work/steps" || exit 1
python3 "$root/bench/walk.py" "$build/lib/libzseq.so" "$@" <"$work/steps"
