#!/bin/bash
#  An installed zseq is found by pkg-config and by CMake, and works.
. "${BASH_SOURCE[0]%/*}/../cli/lib.sh"
[[ -z $ZSEQ_INSTRUMENTED ]] \
    || skip "an instrumented library needs its users instrumented"

outside=$ZSEQ_SOURCE/tests/install/outside
prefix=$work/prefix
nobody='too few nodes are reachable'

run cmake --install "$ZSEQ_BUILD" --prefix "$prefix"
holds "cmake --install: $(cat "$work/err")" test $status -eq 0
for file in bin/zseq bin/zseqd bin/zseq-bench include/zseq.h \
            share/man/man1/zseq.1 share/man/man8/zseqd.8 \
            share/doc/zseq/LICENSE; do
    holds "$file is installed" test -s "$prefix/$file"
done
lib=$(dirname "$(find "$prefix" -name libzseq.a)")
holds "headers of the inside are not" \
    test "$(find "$prefix" -name '*.h' | wc -l)" -eq 1
holds "nor are its archives" test "$(find "$prefix" -name '*.a' | wc -l)" -eq 1
soname=$(readelf -d "$lib/libzseq.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
holds "the library has its soname" \
    test "$soname" = libzseq.so.0 -a -e "$lib/$soname"
holds "what is installed names no directory of the build" \
    test -z "$(grep -rlF "$ZSEQ_BUILD" "$lib/pkgconfig" "$lib/cmake")"
answers "zseq 0.1.0" "$prefix/bin/zseq" --version

#  A pkg-config user, shared and static.
export PKG_CONFIG_PATH=$lib/pkgconfig
answers 0.1.0 pkg-config --modversion zseq
read -r -a cflags < <(pkg-config --cflags zseq)
read -r -a libs < <(pkg-config --libs zseq)
run "$ZSEQ_CC" "${cflags[@]}" "$outside/outside.c" -o "$work/shared" \
    "${libs[@]}"
holds "pkg-config, shared: $(cat "$work/err")" test $status -eq 0
answers "$nobody" env LD_LIBRARY_PATH="$lib" "$work/shared"
read -r -a libs < <(pkg-config --static --libs zseq \
    | sed 's/-lzseq\b/-l:libzseq.a/')
run "$ZSEQ_CC" "${cflags[@]}" "$outside/outside.c" -o "$work/static" \
    "${libs[@]}"
holds "pkg-config, static: $(cat "$work/err")" test $status -eq 0
answers "$nobody" env LD_LIBRARY_PATH= "$work/static"

#  A CMake user, shared and static.
run cmake -S "$outside" -B "$work/outside" -G Ninja \
    -DCMAKE_C_COMPILER="$ZSEQ_CC" -DCMAKE_PREFIX_PATH="$prefix"
holds "find_package: $(cat "$work/err")" test $status -eq 0
run cmake --build "$work/outside"
holds "find_package, build: $(cat "$work/out")" test $status -eq 0
answers "$nobody" "$work/outside/outside"
answers "$nobody" "$work/outside/outside-static"
holds "static is static" \
    test "$(ldd "$work/outside/outside-static" | grep -c libzseq)" -eq 0

verdict
