#!/bin/bash
#  Runs nodes, a recovery, the command line and the examples under valgrind: no
#  uninitialised memory is read, and none leaks.
. "${BASH_SOURCE[0]%/*}/lib.sh"

command -v valgrind >/dev/null || skip "valgrind is not installed"
[[ -z $ZSEQ_INSTRUMENTED ]] || skip "valgrind does not run instrumented builds"

#  wrap PROGRAM: makes $work/PROGRAM, which runs the program under valgrind.
wrap () {
    local name
    name=$(basename "$1")
    cat >"$work/$name" <<EOF
#!/bin/sh
exec valgrind --quiet --leak-check=full --error-exitcode=99 \\
    --log-file="$work/valgrind.$name.%p" "$1" "\$@"
EOF
    chmod +x "$work/$name"
}

#  What valgrind has found in any of them.
findings () {
    cat "$work"/valgrind.*
}

nothing_found () {
    [[ -z $(findings) ]]
}

for program in "$zseqd" "$zseq" "$ZSEQ_BIN"/example-*; do
    wrap "$program"
done
zseqd=$work/zseqd
zseq=$work/zseq

cluster prod a b c
export ZSEQ_URI
ZSEQ_URI=$(uri a b c)
answers 1 "$zseq" next orders
answers $'2\n3\n4' "$zseq" next orders -n 3
answers 5 "$zseq" peek orders
for program in "$work"/example-*; do
    run "$program" "$ZSEQ_URI"
    holds "$(basename "$program") succeeds" test "$status" -eq 0
done
run "$zseq" status
holds "status succeeds" test "$status" -eq 0
run "$zseq" next orders -t 0
holds "bad use is refused" test "$status" -ne 0

#  A file is lost, and the node recovers.
stop b
rm "$work"/b/seq/*/*
start b
ready b
holds "b recovers" says b "incarnation 2"
run "$zseq" list
holds "list succeeds" test "$status" -eq 0
stop a
stop b
stop c
holds "valgrind finds nothing" nothing_found
findings | head -n 60
verdict
