#!/bin/bash
#  examples/quickstart.sh --keep leaves a cluster that works and ends as it
#  says. ctest runs it without --keep as well.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  Whatever goes wrong, no node of the quick start is left.
nodes=()
end_nodes () {
    local id
    for id in "${nodes[@]}"; do
        #  Only if the process is still ours: ids are used again.
        [[ /proc/$id/exe -ef $zseqd ]] && kill -KILL "$id"
    done
    clean_up
}
trap end_nodes EXIT

#  Its directory is inside this test's.
export TMPDIR=$work
refuses 1 "unknown option '--keeps'; there is --keep" \
    bash "$ZSEQ_SOURCE/examples/quickstart.sh" --keeps
#  The pipe ends only when no node has it open.
run bash -o pipefail -c 'bash "$1" --keep | cat' - \
    "$ZSEQ_SOURCE/examples/quickstart.sh"
holds "it ends well" test "$status" -eq 0
[[ $status -eq 0 ]] || show quickstart.sh --keep
holds "no ID came twice" grep -q 'verdict: .* duplicates 0$' "$work/out"
#  Only what is ours is ended, whatever the script printed.
while read -r id; do
    [[ /proc/$id/exe -ef $zseqd ]] && nodes+=("$id")
done < <(sed -n 's/^    kill //p' "$work/out" | tr ' ' '\n')
holds "it tells the process ids of three nodes" test "${#nodes[@]}" -eq 3
[[ ${#nodes[@]} -eq 3 ]] || verdict

#  Runs the lines that it shows, as a user does: those to use the nodes, then
#  those to end them.
sed -n '/^Use them/,/^End them/s/^    //p' "$work/out" >"$work/use"
sed -n '/^End them/,$s/^    kill /kill /p' "$work/out" >"$work/end"
sed -n '/^End them/,$s/^    rm /rm /p' "$work/out" >"$work/remove"
data=$(sed 's/^rm -r //' "$work/remove")
holds "the data is kept" test -d "$data/a" -a -d "$data/b" -a -d "$data/c"
run bash -eu "$work/use"
holds "a client gets an ID" grep -qx '[0-9][0-9]*' "$work/out"
holds "all three nodes vote: $(cat "$work/out" "$work/err")" \
    test "$status-$(grep -Ec '^[abc] .* voting ' "$work/out")" = 0-3

all_gone () {
    local id
    for id in "${nodes[@]}"; do
        [[ ! -e /proc/$id ]] || return 1
    done
}

run bash -eu "$work/end"
holds "the nodes can be told to end" test "$status" -eq 0
holds "they end" wait_until all_gone
for node in a b c; do
    holds "node $node stopped: $(cat "$data/$node.log")" \
        grep -q 'stopp' "$data/$node.log"
done
run bash -eu "$work/remove"
holds "nothing is left" test ! -e "$data"

verdict
