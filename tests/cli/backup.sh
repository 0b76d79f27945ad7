#!/bin/bash
#  Runs the commands of zseqd(8), BACKUP, as the page shows them, each block
#  once. No ID repeats after any restore. Only paths and endpoints are the
#  script's own.
. "${BASH_SOURCE[0]%/*}/lib.sh"
page=$ZSEQ_SOURCE/lib/man/zseqd.8
floor=1000000       # As on the page
declare -A last=()  # By name, the highest ID that was handed out

#  Writes each block of commands of the section to $work/block/N, as a reader
#  sees it.
read_page () {
    mkdir "$work/block"
    awk -v section="$1" -v to="$work/block/" '
        /^\.SH / { inside = $0 == ".SH " section }
        inside && /^\.nf/ { block = to (++count); next }
        /^\.fi/ { block = "" }
        block { print > block }' "$page"
    sed -i -e 's/\\e/\\/g; s/\\-/-/g; s/\\(aq/'\''/g' \
        -e "s|/var/lib/zseq|$work|g; s|/var/lib/orders|$work/orders|g" \
        -e "s|-C /var/lib |-C $work |; s|/var/backups|$work/backups|g" \
        "$work"/block/*
}

#  The programs, as the commands find them in the reader's shell. Starting a
#  node does not wait, as if a service manager did it.
zseqd () {
    if [[ $1 == start ]]; then
        local name=${3##*/}
        start "$name" "${@:4}"
    else
        "$zseqd" "$@" 2>>"$work/recover.log"
    fi
}

zseq () {
    "$zseq" "$@"
}

#  by_the_page TEXT [SED]: runs the next block of the page, which must contain
#  TEXT, after renaming its nodes by SED. Leaves its output in the file out.
block=0
by_the_page () {
    local text=$1 sed=${2-}
    block=$((block + 1))
    expectations=$((expectations + 1))
    [[ -z $sed ]] || sed -i "$sed" "$work/block/$block"
    if ! grep -qF -- "$text" "$work/block/$block"; then
        fail "block $block of the page has no '$text'"
    fi
    # shellcheck source=/dev/null
    if ! . "$work/block/$block" >"$work/out"; then
        fail "block $block of the page fails:" "$(cat "$work/block/$block")"
        cat "$work/recover.log"
    fi
}

#  rise LEAST NAME: the IDs in the file out are at least LEAST, and above all
#  earlier IDs of that name.
rise () {
    local least=$1 name=$2 id
    [[ $least -gt ${last[$name]-0} ]] || least=$((${last[$name]} + 1))
    expectations=$((expectations + 1))
    [[ -s $work/out ]] || fail "there are no IDs of $name"
    while read -r id; do
        [[ $id -ge $least ]] || fail "ID $id of $name is below $least"
        least=$((id + 1))
    done <"$work/out"
    last[$name]=$((least - 1))
}

#  draw LEAST NAME [OPTION...]: draws IDs, which rise.
draw () {
    run "$zseq" -u "$uri" next "${@:2}"
    [[ $status -eq 0 ]] || show "$zseq" -u "$uri" next "${@:2}"
    rise "$1" "$2"
}

#  saved NODE...: a cluster whose nodes were copied after nine IDs were drawn.
#  Five more are drawn after the copies.
saved () {
    local name
    members=$(members "$@")
    uri=$(uri "$@")
    last=()
    cluster shop "$@"
    draw 1 orders -n 9
    for name in "$@"; do
        stop "$name"
        tar -C "$work" -cf "$work/backups/$name.tar" "$name"
        start "$name"
    done
    ready "$@"
    draw 10 orders -n 5
}

#  perish NODE...: all nodes crash at once.
perish () {
    local name
    for name in "$@"; do
        crash "$name"
    done
}

streamed () {
    [[ $(wc -l <"$work/stream") -gt $1 ]]
}

mkdir "$work/backups"
read_page BACKUP

#  A node is saved while it runs and hands out IDs.
#  shellcheck disable=SC2034  #  The page's commands use it
members=$(members a b c)
uri=$(uri a b c)
export ZSEQ_URI=$uri
cluster shop a b c
"$zseq" stream orders >"$work/stream" &
pid[stream]=$!
holds "IDs are drawn" wait_until streamed 100
block=1
# shellcheck source=/dev/null
. "$work/block/1" 2>/dev/null || holds "tar says that files changed" \
    test $? -eq 1
holds "IDs are drawn meanwhile" wait_until streamed \
    $(($(wc -l <"$work/stream") + 100))
kill "${pid[stream]}"
wait "${pid[stream]}"
unset "pid[stream]"
last[orders]=$(tail -n 1 "$work/stream")
draw 1 orders
by_the_page 'zseq list'
holds "the page's figure is the next ID" test "$(cat "$work/out")" -gt \
    "${last[orders]}"

#  One node recovers without its copy, and one from it.
crash a
by_the_page '--members'
ready a
crash b  # What b knows, a must have
draw 1 orders -n 9
start b
ready b
crash a
by_the_page 'recover --data'
ready a
crash c
draw 1 orders -n 9
perish a b

#  All three nodes are restored from copies that are five IDs old. A node that
#  is asked later has taken the floor, too.
rm -r "$work"/[abc]
saved a b c
perish a b c
by_the_page '--force'
ready a b c
crash a
draw $floor orders
draw $floor fresh
start a
ready a
draw $floor orders

#  The same, with the copy of a alone.
perish a b c
by_the_page '--lost b'
ready a b c
crash a
draw $floor other
perish b c

#  An operator who has not read the page forces only a, after restoring all. The
#  command reports what is wrong and does nothing. If the operator insists, no
#  ID is lost as long as a is there first.
force=(recover --data "$work/a" --force --wait 0 --floor "$floor")
#  shellcheck disable=SC2120  #  holds calls it with arguments
recover_a () {
    "$zseqd" "${force[@]}" "$@" <<<yes
}
export -f recover_a
rm -r "$work"/[abc]
saved a b c
perish a b c
rm -r "$work"/[abc]
for name in a b c; do
    tar -C "$work" -xf "$work/backups/$name.tar"
done
cp -a "$work/a/node" "$work/node"
holds "force on one alone says who has to be there" \
    grep -q 'or say --lost b,c' <(recover_a 2>&1)
holds "and changes nothing" cmp "$work/node" "$work/a/node"
holds "it does so if told that they are lost" recover_a --lost b,c 2>/dev/null
start a
start b
ready a b
start c
ready c
crash a
draw $floor orders
perish b c

#  Clusters of one and of two nodes.
rm -r "$work"/[abc]
saved a
perish a
by_the_page '--force'
ready a
draw $floor orders
perish a
rm -r "$work/a"
saved a b
perish a b
by_the_page '--force'
ready a b
draw $floor orders
crash a
by_the_page '--floor 1'
ready a b
draw $floor orders

#  A directory without a cluster.
uri=file:$work/orders
last=()
draw 1 orders -n 9
tar -C "$work" -cf "$work/backups/orders.tar" orders
draw 10 orders -n 5
by_the_page 'file:'
rise $floor orders
draw $floor orders

holds "the page has no other commands" test ! -e "$work/block/$((block + 1))"
verdict
