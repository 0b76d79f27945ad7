#!/bin/bash
#  Old directories: one as format left it, one whose incarnation is still the
#  newest, one that is in use elsewhere; and a majority of lost directories
#  while no node votes. S11.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh" || exit 1

#  put_back NODE: restores the directory that was kept.
put_back () {
    rm -r "${work:?}/$1"
    cp -a "$work/$1.kept" "$work/$1"
}

keep () {
    rm -rf "${work:?}/$1.kept"
    cp -a "$work/$1" "$work/$1.kept"
}

#  forced STATUS PATTERN OPTION...: b's recovery by force ends with these. A slow a may
#  have missed the last IDs, which b and c have handed out; so the floor is above them.
forced () {
    local code=$1 pattern=$2
    shift 2
    expectations=$((expectations + 1))
    status=0
    echo yes | timeout 60 "$zseqd" recover --data "$work/b" --name b \
        --cluster shop --members "$(members a b c)" --force \
        --floor "$((last + 1))" --wait 2 "$@" >"$work/out" 2>"$work/err" || status=$?
    if [[ $status -ne $code ]] || ! grep -Eq -- "$pattern" "$work/err"; then
        fail "expected status $code and '$pattern' of a recovery by force"
        show "$zseqd" recover --force "$@"
    fi
}

for name in a b c; do
    format shop $name a b c
done
keep b
for name in a b c; do
    start $name
done
ready a b c

#  a votes and misses the IDs that b and c hand out. b's directory is restored
#  as format left it, and c is down: a alone must not be enough.
stop a
take 5 b c
start a
ready a
stop c
crash b
put_back b
start b
holds "a directory as format left it is found out" \
    wait_until says b 'knows a later start of it'
holds "it does not vote on the word of one" \
    test "$(grep -c ready: "$work/b.log")" -eq 0
refuses 2 'too few nodes|deadline' "$zseq" -u "$(uri a b c)" -t 2000 next orders
start c
ready c b
take 5 a b

#  A copy of a's directory runs elsewhere while a is paused: no node sees it.
keep a
mv "$work/a.kept" "$work/d"
kill -STOP "${pid[a]}"
start d --bind "$(endpoint d)"
take 5 b c
holds "the copy is told that its peers do not reach it" \
    wait_until says d 'does not reach this process of node a'
kill -CONT "${pid[a]}"
ends d 1 'already runs as node'
holds "the copy has not voted" test "$(grep -c ready: "$work/d.log")" -eq 0
take 5 a b c

#  A snapshot of a from before its last start, of its newest incarnation.
stop a
keep a
start a
ready a
stop c
take 5 a b
start c
ready c
stop a
stop b
put_back a
start a
holds "a snapshot from before the last start is found out" \
    wait_until says a 'knows a later start of it'
holds "it does not vote" test "$(grep -c ready: "$work/a.log")" -eq 0
start b
ready b a
take 5 a c

#  All nodes lose power, two lose their disks; the third starts, without a vote.
for name in a b c; do
    crash $name
done
rm -r "${work:?}/b" "${work:?}/c"
start a
holds "a starts" wait_until says a 'node a starts'
forced 1 'do not answer: c'
holds "nothing was done" test ! -e "$work/b/node"
forced 0 'recovered' --lost c
start b
ready a b
take 5 a b
start c --name c --cluster shop --members "$(members a b c)"
ready c
take 5 b c

verdict
