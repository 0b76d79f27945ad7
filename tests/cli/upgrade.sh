#!/bin/bash
#  A rolling upgrade under load. Three nodes of the version before the disk and
#  wire formats changed are upgraded, one after the other, while clients of both
#  versions draw IDs. The old version comes from this repository's history.
. "${BASH_SOURCE[0]%/*}/lib.sh"

old_commit=aa4234e04f7c81b6306d0429ac3519d0d8477cfa
old=$ZSEQ_BUILD/upgrade
new_zseqd=$zseqd
[[ $ZSEQ_INSTRUMENTED != thread ]] \
    || skip "the old library is not instrumented for the thread sanitizer"
git -C "$ZSEQ_SOURCE" cat-file -e "$old_commit^{commit}" 2>/dev/null \
    || skip "commit $old_commit is not here: a tarball, or a shallow clone"

#  Builds the old version, once per build directory.
build_old () {
    rm -rf "$old.new"
    mkdir "$old.new" "$old.new/source" || return
    git -C "$ZSEQ_SOURCE" archive "$old_commit" lib daemon bench examples \
        CMakeLists.txt | tar -x -C "$old.new/source" || return
    cmake -S "$old.new/source" -B "$old.new" -G Ninja -DBUILD_TESTING=OFF \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS=-O1 \
        -DCMAKE_C_FLAGS_RELEASE= -DCMAKE_C_COMPILER="$ZSEQ_CC" \
        -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON || return
    cmake --build "$old.new" --target zseqd zseq_cli zseq || return
    mv "$old.new" "$old"
}
if [[ ! -x $old/bin/zseqd ]] && ! build_old >"$work/build.log" 2>&1; then
    tail -n 40 "$work/build.log"
    fail "the old version does not build"
    verdict
fi

#  new NODE, old NODE [OPTION...]: starts it with that version, and waits until
#  it votes.
new () {
    zseqd=$new_zseqd start "$@"
    ready "$1"
}

#  What the old version tells people is not recorded (../run.sh).
old () {
    ZSEQ_TEXTS_SEEN='' zseqd=$old/bin/zseqd start "$@"
    ready "$1"
}

#  client NUMBER [LIBRARIES]: draws IDs until the end, buffered and unbuffered.
client () {
    LD_LIBRARY_PATH=${2-} "$ZSEQ_BUILD/tests/zseq-draw" "$(uri a b c)" orders \
        "$work/$1.history" "$1" 2>"$work/client$1.log" &
    pid[client$1]=$!
}

drew () {
    [[ $(wc -l <"$work/$1.history") -gt $2 ]]
}

#  Each client makes progress, and so does a new client of each version.
goes_on () {
    local number
    local -a so_far=()
    for number in 1 2 3 4; do
        so_far[number]=$(wc -l <"$work/$number.history")
    done
    for number in 1 2 3 4; do
        holds "client $number goes on: $1" \
            wait_until drew "$number" $((so_far[number] + 2))
    done
    holds "a new client is served: $1" \
        "$zseq" -u "$(uri a b c)" -t 20000 next orders >"$work/out"
    holds "an old client is served: $1" \
        env ZSEQ_TEXTS_SEEN= "$old/bin/zseq" -u "$(uri a b c)" -t 20000 next orders >"$work/out"
}

#  speak VERSION NUMBER: status shows that many nodes of that version.
speak () {
    [[ $("$zseq" -u "$(uri a b c)" status \
        | grep -Ec "^[abc] .* +$1 +[0-9]+ us( .*)?\$") -eq $2 ]]
}

#  Lists a directory's contents, except the lock, which only names its last
#  owner.
tree () {
    (cd "$work/$1" && find . -print -type f ! -name lock -exec sha256sum {} + \
        | sort)
}

#  Options for a node that has lost its directory.
whole=(--cluster shop --members "$(members a b c)")

ZSEQ_TEXTS_SEEN='' zseqd=$old/bin/zseqd cluster shop a b c
for number in 1 2 3 4; do
    : >"$work/$number.history"
done
client 1
client 2
ZSEQ_TEXTS_SEEN='' client 3 "$old/lib"
ZSEQ_TEXTS_SEEN='' client 4 "$old/lib"
goes_on "three old nodes"
holds "the old library draws, too" \
    grep -q "$old/lib/libzseq" "/proc/${pid[client3]}/maps"
crash b
old b
goes_on "an old node was killed"

stop a
new a
goes_on "a is new"
crash a
new a
crash c
old c
goes_on "a new and an old node were killed"
stop a
rm -r "$work/a"
new a --name a "${whole[@]}"
goes_on "a new node has recovered from old ones"

#  A downgrade is refused.
stop a
tree a >"$work/a.tree"
refuses 1 'of a format version that is not known here' \
    env ZSEQ_TEXTS_SEEN= "$old/bin/zseqd" start --data "$work/a"
holds "the old zseqd leaves the directory alone" \
    diff "$work/a.tree" <(tree a)
goes_on "the other two, which are old"
refuses 2 'they speak older versions than 3, and have to be upgraded' \
    "$zseq" -u "$(uri b c)" -t 2000 info orders
new a

stop b
new b
goes_on "a and b are new"
holds "status shows two new nodes" speak 4 2
holds "and an old one" speak 1 1
run "$zseq" -u "$(uri a b c)" info orders
holds "info shows what the new nodes know" test "$(grep -Ec \
    '^[ab] +[0-9]+ +[0-9]+ .*ago( .*)?$|^c +- +- +- +-( .*)?$' "$work/out")" -eq 3
crash c
rm -r "$work/c"
old c --name c "${whole[@]}"
crash a
goes_on "an old node has recovered from new ones, one of which was killed"
new a
crash b
goes_on "an old and a new node are alone"
new b

crash c
new c
goes_on "all are new"
holds "status shows it" speak 4 3

#  Only new nodes know that this directory is older than the last start.
stop a
cp -a "$work/a" "$work/a.copy"
new a
stop a
rm -r "$work/a"
mv "$work/a.copy" "$work/a"
new a
holds "an old copy is found out" wait_until says a 'recovers'
for name in a b c; do
    crash $name
    new $name
done
goes_on "all new ones were killed"

for number in 1 2 3 4; do
    kill -TERM "${pid[client$number]}"
    status=0
    wait "${pid[client$number]}" || status=$?
    unset "pid[client$number]"
    holds "client $number ends well" test $status -eq 0
done
holds "no ID came twice, none out of order" \
    "$ZSEQ_BUILD/tests/zseq-check" "$work"/*.history
verdict
