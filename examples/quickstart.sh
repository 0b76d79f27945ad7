#!/bin/bash
#  Three nodes and two clients on this machine: builds zseq and starts a
#  cluster in a temporary directory. Two clients with different batch sizes
#  take IDs of one sequence while the script kills a node with SIGKILL and
#  restarts it. Then the script counts the IDs that occur twice.
#
#      bash examples/quickstart.sh [--keep]
#
#  The script ends everything that it starts. With --keep it leaves the nodes
#  running, and prints how to use and how to end them. ZSEQ_BIN may name a
#  directory that holds zseqd and zseq; then it installs and builds nothing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
phase=2500  # IDs that each client takes before the next thing happens
began=$SECONDS

keep=
for option in "$@"; do
    case $option in
    --keep) keep=1 ;;
    *)
        echo "quickstart.sh: unknown option '$option'; there is --keep" >&2
        exit 1
        ;;
    esac
done

directory=
declare -A pid=()  # What was started and still runs, by name

say () {
    printf '%3ds  %s\n' $((SECONDS - began)) "$*"
}

fail () {
    say "FAILED: $*" >&2
    exit 1
}

#  Sends a signal to a process of this script and waits for its end. Returns
#  its exit status.
finish () {
    local one=${pid[$1]} status=0
    unset "pid[$1]"
    kill "-$2" "$one" 2>/dev/null || true
    wait "$one" 2>/dev/null || status=$?
    return $status
}

clean_up () {
    local status=$? name
    trap '' INT TERM
    for name in "${!pid[@]}"; do
        finish "$name" KILL || true
    done
    if [[ -n $directory ]]; then
        rm -rf "$directory"
    fi
    exit $status
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

#  Repeats a command until it succeeds, for a minute at most.
wait_until () {
    local deadline=$((SECONDS + 60)) name
    until "$@"; do
        for name in "${!pid[@]}"; do
            if ! kill -0 "${pid[$name]}" 2>/dev/null; then
                cat "$directory/$name.log" >&2
                fail "$name has ended by itself"
            fi
        done
        [[ $SECONDS -lt $deadline ]] || fail "waited a minute for: $*"
        sleep 0.05
    done
}

#  Picks a loopback port without a listener.
free_port () {
    while true; do
        port=$((20000 + RANDOM % 12000))
        if [[ " ${ports[*]} " != *" $port "* ]] \
               && ! (: </dev/tcp/127.0.0.1/$port) 2>/dev/null; then
            ports+=("$port")
            return
        fi
    done
}

#  A node that is kept must not keep this script's output open.
start_node () {
    : >"$directory/$1.log"
    "$bin/zseqd" start --data "$directory/$1" \
        </dev/null >"$directory/$1.log" 2>&1 &
    pid[$1]=$!
}

node_ready () {
    grep -q "ready: node $1 votes" "$directory/$1.log"
}

start_client () {
    : >"$directory/$1.ids"  #  Exists before a client is up
    "$bin/zseq" -u "$uri" stream orders --batch "$2" --delay 1 \
        >"$directory/$1.ids" 2>"$directory/$1.log" &
    pid[$1]=$!
}

ids_taken () {
    wc -l <"$directory/$1.ids"
}

has_taken () {
    [[ $(ids_taken "$1") -ge $2 ]]
}

#  Waits until each client has taken as many more IDs as a phase needs.
wait_for_clients () {
    local one other
    one=$(($(ids_taken one) + phase))
    other=$(($(ids_taken other) + phase))
    wait_until has_taken one $one
    wait_until has_taken other $other
    say "  client one has $(ids_taken one) IDs," \
        "client other has $(ids_taken other)"
}

bin=${ZSEQ_BIN:-}
if [[ -z $bin ]]; then
    say "installing what is missing to build zseq"
    bash "$root/.ci/install-packages" build
    say "building"
    cd "$root"
    log=$(mktemp)
    if ! { cmake --preset release -B build/quickstart -DZSEQ_TESTS=OFF \
               && cmake --build build/quickstart --target zseqd zseq_cli; } \
             >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        fail "zseq does not build"
    fi
    rm -f "$log"
    bin=$root/build/quickstart/bin
fi
bin=$(cd "$bin" && pwd)

directory=$(mktemp -d "${TMPDIR:-/tmp}/zseq-quickstart.XXXXXX")
ports=()
members=
uri=
for node in a b c; do
    free_port
    members+=${members:+,}$node=tcp://127.0.0.1:$port
    uri+=${uri:+,}tcp://127.0.0.1:$port
done
say "three new nodes, $members"
for node in a b c; do
    "$bin/zseqd" format --data "$directory/$node" --name $node \
        --cluster quickstart --members "$members" >"$directory/$node.log"
done
for node in a b c; do
    start_node $node
done
for node in a b c; do
    wait_until node_ready $node
done
say "all three vote"

say "two clients take IDs of one sequence, 1000 and 1250 at a time"
start_client one 1000
start_client other 1250
wait_for_clients

finish c KILL || true
say "node c was killed with SIGKILL; the clients go on"
wait_for_clients

start_node c
wait_until node_ready c
say "node c is back and votes"
wait_for_clients

for client in one other; do
    finish $client TERM \
        || fail "client $client: $(cat "$directory/$client.log")"
done
"$bin/zseq" -u "$uri" status
if [[ -z $keep ]]; then
    for node in a b c; do
        finish $node TERM || fail "node $node: $(cat "$directory/$node.log")"
    done
fi

for client in one other; do
    sort -n -u -c "$directory/$client.ids" \
        || fail "the IDs of client $client do not rise"
done
ids=$(cat "$directory/one.ids" "$directory/other.ids" | wc -l)
duplicates=$(cat "$directory/one.ids" "$directory/other.ids" \
    | sort -n | uniq -d | wc -l)
say "verdict: $ids IDs, duplicates $duplicates"
[[ $duplicates -eq 0 ]] || exit 1

if [[ -n $keep ]]; then
    say "the nodes go on, with their data and logs in $directory"
    cat <<END

Use them:

    export ZSEQ_URI=$uri
    export PATH=$bin:\$PATH
    zseq next orders
    zseq status

End them, then remove their data:

    kill ${pid[a]} ${pid[b]} ${pid[c]}
    rm -r $directory
END
    pid=()
    directory=
fi
