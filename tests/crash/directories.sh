#!/bin/bash
#  Wrong directories: two of three lost, two swapped, one with parts of another
#  node's, a copy in use elsewhere.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh" || exit 1

#  The content of a directory, except the lock, which names its last process.
tree () {
    (cd "$work/$1" && find . -print -type f ! -name lock -exec sha256sum {} + \
        | sort)
}

#  untouched NODE: its directory is as it was when its tree was noted.
untouched () {
    holds "the directory of $1 is untouched" \
        diff <(tree "$1") "$work/$1.tree"
}

#  lost NODE [OPTION...]: starts the node on the rest of its directory.
lost () {
    local name=$1
    shift
    start "$name" --name "$name" --cluster shop --members "$(members a b c)" \
        "$@"
}

#  refused NODE: it stops, as the directory is not its own, and touches nothing.
refused () {
    ends "$1" 1 'another node|belongs to'
    [[ -z ${pid[$1]-} ]] || crash "$1"
    untouched "$1"
}

cluster shop a b c
take 50
for name in one two three four five; do
    run "$zseq" -u "$(uri a b c)" next $name -n 10
done

#  Two of three disks are lost at once: no node knows which IDs were handed out,
#  and none may guess.
stop b
stop c
cp -a "$work/b" "$work/b.kept"
cp -a "$work/c" "$work/c.kept"
rm -r "${work:?}/b" "${work:?}/c"
lost b
lost c
for name in b c; do
    holds "$name says which nodes it waits for" wait_until \
        says $name 'voting peers'
done
refuses 2 'too few nodes|deadline' "$zseq" -u "$(uri a b c)" -t 3000 next orders
refuses 2 'too few nodes|deadline' "$zseq" -u "$(uri a b c)" -t 3000 \
    peek orders
two_recover () {
    run "$zseq" -u "$(uri a b c)" status
    [[ $(grep -c recovering "$work/out") -eq 2 ]]
}
holds "status shows that two recover" wait_until two_recover
for name in b c; do
    holds "$name does not vote" test "$(grep -c ready: "$work/$name.log")" -eq 0
    stop $name
    rm -r "${work:?}/$name"
    mv "$work/$name.kept" "$work/$name"
    start $name
done
ready b c
take 50

#  Two nodes' directories are swapped, then swapped back.
stop a
stop b
mv "$work/a" "$work/x"
mv "$work/b" "$work/a"
mv "$work/x" "$work/b"
for name in a b; do
    tree $name >"$work/$name.tree"
    lost $name
    refused $name
done
mv "$work/a" "$work/x"
mv "$work/b" "$work/a"
mv "$work/x" "$work/b"

#  mixed PATH: b is refused as long as PATH in its directory is a's.
mixed () {
    cp -a "$work/b/$1" "$work/part"
    cp -a "$work/a/$1" "$work/b/$1"
    tree b >"$work/b.tree"
    start b
    refused b
    cp -a "$work/part" "$work/b/$1"
}
mixed node
mixed names
mixed names-copy
mixed "$(cd "$work/b" && echo seq/*/orders)"
start a
start b
ready a b
take 50

#  A second process under b's name, with an empty directory: it notices and
#  stops, without a vote, and b continues.
mkdir "$work/d"
start d --name b --cluster shop --members "$(members a b c)" \
    --bind "$(endpoint d)"
holds "the second b recovers" wait_until says d 'recovers'
take 200
ends d 1 'already runs as node'
holds "the second b has not voted" \
    test "$(grep -c ready: "$work/d.log")" -eq 0
holds "the first b goes on" kill -0 "${pid[b]}"
stop c
take 50
start c
ready c

#  And one with a copy of b's directory, of the same incarnation: its peers find
#  another process at b's endpoint and log that.
cp -a "$work/b" "$work/e"
start e --bind "$(endpoint e)"
take 200
ends e 1 'already runs as node'
holds "the first b goes on" kill -0 "${pid[b]}"
stop c
take 50
stop a
stop b

verdict
