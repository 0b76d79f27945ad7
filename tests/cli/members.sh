#!/bin/bash
#  A node moves to another endpoint, and one of its peers is not told: the nodes
#  log that their member lists differ, and zseq status says so until they agree.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  c moves from its own port to d's.
moved () {
    members a b c | sed "s|$(endpoint c)|$(endpoint d)|"
}

#  lines NODE PATTERN: how many lines of the node's log match.
lines () {
    grep -Ec -- "$2" "$work/$1.log"
}

degraded () {
    run "$zseq" -u "$(uri a b)" status
    [[ $status -eq 3 ]] && grep -q 'member lists differ' "$work/out"
}

available () {
    run "$zseq" -u "$(uri a b)" status
    [[ $status -eq 0 ]]
}

cluster shop a b c
holds "with one list all is well" wait_until available
stop c
stop b
start c --members "$(moved)"
start b --members "$(moved)"
ready b c
holds "the status says that lists differ, and exits with 3" wait_until degraded
last=0
take 10 a b
stale="member list differs from peer b's: c is at $(endpoint c) here"
holds "a logs it with both endpoints" wait_until \
    says a "$stale and at $(endpoint d) there"
for node in b c; do
    holds "$node logs it" wait_until says $node "differs from peer a's"
done

#  The table and the JSON say it, each node for itself.
run "$zseq" -u "$(uri a b)" status
holds "the table names who differs" grep -Eq \
    "^b .*voting, member list differs from a's: c at $(endpoint d) here" \
    "$work/out"
run "$zseq" -u "$(uri a b)" status -w json
holds "JSON says that it is degraded" grep -q '"degraded": true' "$work/out"
holds "and how many lists differ" grep -q '"member_lists_differ": "1"' \
    "$work/out"

#  The command that a logs ends it. DIR is a's directory.
command=$(grep -o "on this node zseqd start --data DIR --members '[^']*'" \
    "$work/a.log" | sed "s/.*--members '//; s/'$//")
holds "a logs the list of b" test "$command" = "$(moved)"
stop a
start a --members "$command"
ready a
holds "all is well again" wait_until available
for node in b c; do
    holds "$node logs the end" wait_until \
        says $node "no longer differs from peer a's"
    for pattern in "differs from peer a's: " "no longer differs"; do
        holds "$node logs '$pattern' once" \
            test "$(lines $node "$pattern")" -eq 1
    done
done
holds "a has nothing to log" test "$(lines a differs)" -eq 0
#  The tolerance of faults is back.
crash b
take 10 a b c
verdict
