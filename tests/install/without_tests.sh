#!/bin/bash
#  With -DZSEQ_TESTS=OFF zseq builds without tests/ and without the libraries
#  that only tests need, from the packages of .ci/packages/build; and with
#  -DZSEQ_ZMQ=OFF without libzmq.
. "${BASH_SOURCE[0]%/*}/../cli/lib.sh"
[[ -z $ZSEQ_INSTRUMENTED ]] || skip "the plain build says as much"

#  A pkg-config that notes the libraries that it is asked for, and finds none
#  that only tests need.
cat >"$work/pkg-config" <<END
#!/bin/bash
for word in "\$@"; do
    [[ \$word == -* ]] || echo "\${word%% *}" >>"$work/asked"
    [[ \$word != *criterion* && \$word != *czmq* ]] || exit 1
    [[ -z \${WITHOUT_ZMQ:-} || \$word != *zmq* ]] || exit 1
done
exec $(command -v pkg-config) "\$@"
END
chmod +x "$work/pkg-config"

mkdir "$work/source"
cp -r "$ZSEQ_SOURCE"/{CMakeLists.txt,CMakePresets.json,LICENSE,README.md} \
    "$ZSEQ_SOURCE"/{lib,daemon,bench,examples,bindings} "$work/source"
cd "$work" || exit 1
run env PKG_CONFIG="$work/pkg-config" cmake -S source -B build -G Ninja \
    -DZSEQ_TESTS=OFF -DCMAKE_BUILD_TYPE=None -DCMAKE_C_COMPILER="$ZSEQ_CC"
holds "it configures" test "$status" -eq 0
[[ $status -eq 0 ]] || show cmake
run ctest --test-dir build -N
holds "it has no tests" grep -qx 'Total Tests: 0' out
status=0
timeout 240 cmake --build build >out 2>&1 </dev/null || status=$?
holds "it builds" test "$status" -eq 0
[[ $status -eq 0 ]] || show cmake --build
answers "zseq 0.1.0" build/bin/zseq --version
for program in zseqd zseq-bench example-next; do
    holds "$program is built" test -x "build/bin/$program"
done

#  The libraries of the list are those that the build asks for.
if command -v dpkg >/dev/null; then
    sort -u asked | while read -r module; do
        module=${module%%[<>=]*}
        dpkg -S "$(pkg-config --variable=pcfiledir "$module")/$module.pc"
    done 2>/dev/null | sed 's/:.*//' | sort -u >packages
    grep '^lib' "$ZSEQ_SOURCE/.ci/packages/build" | sort >listed
    holds "the packages are those of .ci/packages/build: $(diff packages listed)" \
        cmp -s packages listed
fi

#  Without libzmq.
mkdir lean
cd lean || exit 1
run env WITHOUT_ZMQ=1 PKG_CONFIG="$work/pkg-config" cmake -S ../source -B build \
    -G Ninja -DZSEQ_TESTS=OFF -DZSEQ_ZMQ=OFF -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_C_COMPILER="$ZSEQ_CC"
holds "it configures without libzmq" test "$status" -eq 0
[[ $status -eq 0 ]] || show cmake
status=0
timeout 240 cmake --build build >out 2>&1 </dev/null || status=$?
holds "it builds without libzmq" test "$status" -eq 0
[[ $status -eq 0 ]] || show cmake --build
zseqd=$work/lean/build/bin/zseqd
zseq=$work/lean/build/bin/zseq
holds "nothing is linked to libzmq" \
    bash -c "! ldd '$zseqd' '$zseq' build/lib/libzseq.so | grep libzmq"
refuses 1 "'zmq' is not a transport of this build" \
    "$zseqd" start --data "$work/none" --transport zmq
cluster lean a
answers 1 "$zseq" -u "$(endpoint a)" next orders
#  Of the build that has libzmq, over libzmq.
answers 2 "$work/build/bin/zseq" -u "$(endpoint a)?transport=zmq" next orders
stop a

verdict
