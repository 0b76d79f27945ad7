#  What the scripts of this folder share: clusters of real nodes, and
#  expectations. It is sourced. CMakeLists.txt sets the variables ZSEQ_*.
# shellcheck shell=bash disable=SC2034
set -uo pipefail
unset ZSEQ_URI XDG_STATE_HOME

zseqd=$ZSEQ_BIN/zseqd
zseq=$ZSEQ_BIN/zseq

work=$(mktemp -d "${TMPDIR:-/tmp}/zseq-cli.XXXXXX")
declare -A pid=()  # Nodes that were started and not yet waited for
failures=0
expectations=0

#  All of 127.0.0.0/8 is this machine. With an address that no other running
#  script uses, every port is free.
address=127.$((64 + ($$ >> 16) % 64)).$((($$ >> 8) % 256)).$(($$ % 256))

clean_up () {
    local name
    for name in "${!pid[@]}"; do
        kill -KILL "${pid[$name]}" 2>/dev/null || true
        wait "${pid[$name]}" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail () {
    failures=$((failures + 1))
    printf 'FAILED: %s\n' "$*"
}

#  Ends the script with its result.
verdict () {
    echo "$expectations expectations, $failures failed"
    [[ $failures -eq 0 && $expectations -gt 0 ]]
    exit
}

#  Ends the script as skipped (SKIP_RETURN_CODE).
skip () {
    echo "skipped: $*"
    exit 77
}

#  Runs a command, for a minute at most. Sets status, and leaves its output in
#  the files out and err.
run () {
    status=0
    timeout 60 "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

show () {
    printf '  command: %q' "$1"
    shift
    printf ' %q' "$@"
    printf '\n  status %s\n' "$status"
    head -n 12 "$work/out" | head -c 2000 | sed 's/^/  out: /'
    head -n 12 "$work/err" | head -c 2000 | sed 's/^/  err: /'
}

#  answers TEXT COMMAND...: it succeeds, prints exactly TEXT, and no error.
answers () {
    local text=$1
    shift
    expectations=$((expectations + 1))
    run "$@"
    if [[ $status -ne 0 || $(cat "$work/out") != "$text" \
              || -s $work/err ]]; then
        fail "expected success and '${text:0:300}'"
        show "$@"
    fi
}

#  refuses STATUS PATTERN COMMAND...: it fails with STATUS, and prints only
#  errors, the last of which matches. zseq prints a single one.
refuses () {
    local code=$1 pattern=$2
    shift 2
    expectations=$((expectations + 1))
    run "$@"
    if [[ $status -ne $code || -s $work/out ]] \
           || [[ $1 == "$zseq" && $(wc -l <"$work/err") -ne 1 ]] \
           || ! tail -n 1 "$work/err" | grep -Eq -- "$pattern"; then
        fail "expected status $code and an error like '$pattern'"
        show "$@"
    fi
}

#  holds TITLE COMMAND...: the command succeeds.
holds () {
    local title=$1
    shift
    expectations=$((expectations + 1))
    "$@" || fail "$title"
}

#  Repeats a command until it succeeds, for a minute at most.
wait_until () {
    local deadline=$((SECONDS + 60))
    until "$@"; do
        [[ $SECONDS -lt $deadline ]] || return 1
        sleep 0.02
    done
}

#  endpoint NODE: prints its endpoint. Each name has a port of its own, which is
#  the same in all clusters of a script.
endpoint () {
    printf 'tcp://%s:%d' "$address" $((19000 + $(printf '%d' "'$1") - 96))
}

#  members NODE...: prints a=tcp://...,b=tcp://..., as --members takes it.
members () {
    local name list=
    for name in "$@"; do
        list+=${list:+,}$name=$(endpoint "$name")
    done
    printf '%s' "$list"
}

#  uri NODE...: prints the endpoints, as a URI has them.
uri () {
    members "$@" | sed 's/[a-z]=//g'
}

#  format CLUSTER NODE MEMBER...: makes the node's directory $work/NODE.
format () {
    local cluster=$1 name=$2
    shift 2
    run "$zseqd" format --data "$work/$name" --name "$name" \
        --cluster "$cluster" --members "$(members "$@")"
    if [[ $status -ne 0 ]]; then
        fail "node $name cannot be formatted"
        show "$zseqd" format
    fi
}

#  start NODE [OPTION...]: starts it, with its log in $work/NODE.log.
start () {
    local name=$1
    shift
    : >"$work/$name.log"
    "$zseqd" start --data "$work/$name" "$@" 2>"$work/$name.log" &
    pid[$name]=$!
}

says () {
    [[ -z $2 ]] || grep -Eq -- "$2" "$work/$1.log"
}

says_or_ends () {
    says "$@" || ! kill -0 "${pid[$1]}" 2>/dev/null
}

#  ready NODE...: waits until each of them votes.
ready () {
    local name
    for name in "$@"; do
        wait_until says_or_ends "$name" "ready: node $name votes"
        if ! says "$name" "ready: node $name votes"; then
            fail "node $name does not vote"
            cat "$work/$name.log"
        fi
    done
}

gone () {
    ! kill -0 "${pid[$1]}" 2>/dev/null
}

#  ends NODE STATUS PATTERN: it ends by itself, with that status and log.
ends () {
    local name=$1 code=$2 pattern=$3 status=0
    expectations=$((expectations + 1))
    if ! wait_until gone "$name"; then
        fail "node $name does not end, but should have said '$pattern'"
        cat "$work/$name.log"
        return
    fi
    wait "${pid[$name]}" || status=$?
    unset "pid[$name]"
    if [[ $status -ne $code ]] || ! says "$name" "$pattern"; then
        fail "node $name: status $status, expected $code and '$pattern'"
        cat "$work/$name.log"
    fi
}

#  stop NODE: ends it by SIGTERM, with status 0.
stop () {
    kill -TERM "${pid[$1]}"
    ends "$1" 0 ''
}

#  crash NODE: ends it by SIGKILL.
crash () {
    kill -KILL "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null
    unset "pid[$1]"
}

#  cluster NAME NODE...: formats and starts a new cluster, and waits until it
#  votes.
cluster () {
    local cluster=$1 name
    shift
    for name in "$@"; do
        format "$cluster" "$name" "$@"
    done
    for name in "$@"; do
        start "$name"
    done
    ready "$@"
}

#  take COUNT [NODE...]: draws COUNT IDs of orders from these nodes, or from a,
#  b and c. They must be above all IDs that were taken before.
last=0
take () {
    local count=$1 id
    shift
    [[ $# -gt 0 ]] || set -- a b c
    run "$zseq" -u "$(uri "$@")" next orders -n "$count"
    expectations=$((expectations + 1))
    if [[ $status -ne 0 || $(wc -l <"$work/out") -ne $count ]]; then
        fail "IDs cannot be taken"
        show "$zseq" next
    fi
    while read -r id; do
        [[ $id -gt $last ]] || fail "ID $id came after $last"
        last=$id
    done <"$work/out"
}
