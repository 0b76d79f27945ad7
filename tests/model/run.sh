#!/bin/bash
#  Checks the models of the protocols, and that each broken rule is found.
#
#      bash tests/model/run.sh --spin
#      bash tests/model/run.sh --walks PROGRAM
#      bash tests/model/run.sh --register PROGRAM
#
#  --spin      zseq.pml, exhaustively; 77 (skipped) if spin or gcc is missing
#  --walks     PROGRAM is zseq-walks, made of walks.c. With ZSEQ_LONG set,
#              100 million walks instead of one
#  --register  PROGRAM is zseq-register, made of register.c. With ZSEQ_LONG set,
#              45 million walks instead of 1.8
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
missed=0

usage () {
    sed -n '2,/^set/s/^#  \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

#  spin.

#  Two clients want the same single ID, once each. The few states leave room for
#  more nodes and more lost disks. fewer has two lost disks and fewer steps.
few=(-DCLAIMS=1 -DFIRST_MAX=1 -DBATCH=1)
fewer=("${few[@]}" -DLOSERS=2 -DFEW_STEPS)

#  search NAME OPTION... [-- OPTION...]: takes options of the model, and of the
#  search. Sets verdict to holds, fails or unfinished, and prints a line.
search () {
    local name=$1 began=$SECONDS status=0 model=() options=()
    shift
    while [[ $# -gt 0 && $1 != -- ]]; do
        model+=("$1")
        shift
    done
    [[ $# -eq 0 ]] || options=("${@:2}")
    [[ ${#options[@]} -gt 0 ]] || options=(-DCOLLAPSE)
    (
        cd "$work"
        rm -f pan*
        spin "${model[@]}" -a "$here/zseq.pml"
        #  Without reduction: no step is independent of any other.
        gcc -O2 -w -DSAFETY -DNOREDUCE -DNOFAIR -DMEMLIM=4000 \
            "${options[@]}" -o pan pan.c
        ./pan -E -m10000 -w24
    ) >"$work/log" 2>&1 || status=$?

    if [[ $status -ne 0 ]] || grep -q 'max search depth' "$work/log"; then
        verdict=unfinished
    elif grep -q 'assertion violated' "$work/log"; then
        verdict=fails
    elif grep -q 'errors: 0' "$work/log" \
        && ! grep -q 'Search not completed' "$work/log"; then
        verdict=holds
    else
        verdict=unfinished
    fi
    printf '%-44s %-10s %9s states %5.0f MB %4s s\n' "$name" "$verdict" \
        "$(awk '/states, stored/ { print $1 }' "$work/log")" \
        "$(awk '/total actual memory/ { print $1 }' "$work/log")" \
        "$((SECONDS - began))"
}

expect () {
    local expected=$1
    shift
    search "$@"
    [[ $verdict != "$expected" ]] || return 0
    echo "... but it should be: $expected; spin says:"
    cat "$work/log"
    missed=$((missed + 1))
}

run_spin () {
    local tool
    for tool in spin gcc; do
        if ! command -v "$tool" >/dev/null; then
            echo "skipped: $tool is not installed"
            exit 77
        fi
    done
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT

    #  An old copy that is put back only adds a step, so runs without it would
    #  check less.
    expect holds "3 nodes, 2 clients with 2 claims each" -DOLD_COPY
    expect holds "3 nodes, slow disks" -DCLAIMS=1 -DOLD_COPY -DSLOW_DISK
    expect holds "3 nodes, 2 lost disks" "${few[@]}" -DLOSERS=2
    expect holds "4 nodes" "${few[@]}" -DN=4 -DOLD_COPY
    if [[ -n ${ZSEQ_LONG:-} ]]; then
        expect holds "5 nodes" "${few[@]}" -DN=5 -DOLD_COPY
    fi

    expect fails CLAIM_UNCHECKED -DCLAIMS=1 -DCLAIM_UNCHECKED
    expect fails ACCEPT_HIGHER -DCLAIMS=1 -DACCEPT_HIGHER
    expect fails VOTES_AT_ONCE -DCLAIMS=1 -DVOTES_AT_ONCE
    expect fails VOTES_EARLY -DCLAIMS=1 -DVOTES_EARLY
    expect fails VOTES_AFTER_RESTART -DCLAIMS=1 -DVOTES_AFTER_RESTART
    expect fails "VOTES_UNCONFIRMED, an old copy" -DCLAIMS=1 -DOLD_COPY \
        -DVOTES_UNCONFIRMED
    expect fails "COPY_DISK, slow disks" -DCLAIMS=1 -DSLOW_DISK -DCOPY_DISK
    expect fails "FENCE_EARLY, slow disks" -DCLAIMS=1 -DSLOW_DISK -DFENCE_EARLY
    expect fails "HALF_W, 2 nodes" -DCLAIMS=1 -DN=2 -DHALF_W
    expect fails "HALF_W, 4 nodes" -DCLAIMS=1 -DN=4 -DHALF_W
    expect fails "HALF_R, 2 nodes" "${few[@]}" -DLOSERS=2 -DN=2 -DHALF_R
    expect fails "HALF_R, 4 nodes" "${few[@]}" -DLOSERS=2 -DN=4 -DHALF_R \
        -DRESTARTS=0
    #  A failure is valid even if states with equal hashes were confused, so
    #  hashes of states are enough.
    expect fails "RECOVERY_UNCHECKED, 5 nodes" "${fewer[@]}" -DN=5 \
        -DFORGOTTEN -DRECOVERY_UNCHECKED -DRESTARTS=0 -- -DHC4
    expect fails "ONE_EPOCH, 5 nodes" "${fewer[@]}" -DN=5 \
        -DCUT_SHORT -DONE_EPOCH -- -DHC4 -DREVERSE -DT_REVERSE
}

#  Walks.

#  caught NAME OPTION...: the walks find the broken rule.
caught () {
    local name=$1 status=0
    shift
    nice "$program" --broken "$name" --walks 40000000 "$@" >"$log" || status=$?
    printf '%-36s %-11s ' "$name" "$*"
    if [[ $status -eq 1 ]]; then
        sed -n '$p' "$log"
    else
        echo "NOT FOUND ($status)"
        missed=$((missed + 1))
    fi
}

draw_seed () {
    seed=$((RANDOM << 30 | RANDOM << 15 | RANDOM))
}

run_walks () {
    program=$1
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    local count=1000000 jobs=1 seed
    draw_seed
    if [[ -n ${ZSEQ_LONG:-} ]]; then
        count=100000000
        jobs=$(nproc)
    fi
    local began=$SECONDS
    "$program" --walks "$count" --jobs "$jobs" --seed "$seed" \
        || missed=$((missed + 1))
    echo "$((SECONDS - began)) s"

    caught CLAIM_UNCHECKED
    caught RECOVERY_UNCHECKED --nodes 5
    caught HALF_R
    caught ONE_EPOCH --nodes 5
    caught ACCEPT_HIGHER
    caught HALF_W
    caught VOTES_AT_ONCE
    caught VOTES_EARLY
    caught VOTES_AFTER_RESTART
    caught VOTES_UNCONFIRMED
    caught COPY_DISK

    caught START_PER_PROCESS --nodes 3
    caught START_UNMET --nodes 3
    caught START_UNNOTED --nodes 3
    caught START_EARLY
    caught STARTS_IGNORED
    caught NOTE_EARLY --nodes 3
    caught NOTES_LOST --nodes 3
    caught FORMATION_BY_VOTERS
    caught FORMATION_UNNOTED
    caught FORMATION_UNOBJECTED
    caught FORMATION_TOGETHER

    caught FLOOR_NOT_TAKEN_AT_START
    caught FORCE_SKIPS_STARTING_PEERS
    caught FORCE_BOUND_BY_TOO_FEW
    #  These take millions of walks.
    if [[ -n ${ZSEQ_LONG:-} ]]; then
        caught HALF_R --nodes 4
        caught CONFIRMED_BY_FEW --nodes 5
        caught FIRST_START_STAYS --nodes 3
        caught FORCE_COUNTS_WHO_RECOVERS_IN_MEMORY --nodes 3
        caught FENCE_EARLY
        caught WAITS_FOR_NOBODY
        caught FORMATION_NOTED_BY_FEW
    fi
}

run_register () {
    local size=--run seed
    [[ -z ${ZSEQ_LONG:-} ]] || size=--long
    draw_seed
    nice "$1" "$size" --seed "$seed" || missed=$((missed + 1))
}

case ${1:-} in
--spin)
    [[ $# -eq 1 ]] || usage
    run_spin
    ;;
--walks)
    [[ $# -eq 2 ]] || usage
    run_walks "$2"
    ;;
--register)
    [[ $# -eq 2 ]] || usage
    run_register "$2"
    ;;
*) usage ;;
esac
[[ $missed -eq 0 ]]
