#!/bin/bash
#  Bad input to zseqd, and directories and endpoints that zseqd must refuse.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  bad PATTERN OPTION...: format fails, and makes no directory.
bad () {
    local pattern=$1
    shift
    refuses 1 "$pattern" "$zseqd" format --data "$work/none" "$@"
    holds "a refused format leaves no directory" test ! -e "$work/none"
}

#  The command line itself.
refuses 1 'command is missing' "$zseqd"
refuses 1 "no command 'run'" "$zseqd" run
refuses 1 "no option '--colour'" "$zseqd" start --colour
refuses 1 '--data needs a value' "$zseqd" start --data
refuses 1 '--data is missing' "$zseqd" start
refuses 1 "unexpected 'more'" "$zseqd" start --data "$work/none" more
refuses 1 "--transport 'udp' is not a transport of this build" \
    "$zseqd" start --data "$work/none" --transport udp
for count in 0 -1 '' 1x 99999999999999999999; do
    refuses 1 '--names-max' "$zseqd" start --data "$work/none" \
        --names-max "$count"
    refuses 1 '--memory-max' "$zseqd" start --data "$work/none" \
        --memory-max "$count"
done
for count in 0 -1 '' 1x 1048577; do
    refuses 1 '--kv-memory' "$zseqd" start --data "$work/none" \
        --kv-memory "$count"
done
for option in --help --version; do
    run "$zseqd" $option
    holds "$option" test "$status-$(wc -c <"$work/err")" = 0-0
done

for command in start format recover verify; do
    for option in --help -h; do
        run "$zseqd" $command $option
        holds "$command $option" \
            test "$status-$(grep -c '^usage: zseqd' "$work/out")" = 0-1
    done
done

#  A directory without a node in it.
mkdir "$work/bare"
for command in start recover; do
    refuses 1 'nothing is there yet: .*bare: the directory is empty' \
        "$zseqd" $command --data "$work/bare"
done

#  Member lists and names.
good=(--cluster shop --members "$(members a b c)")
bad 'format needs --name' "${good[@]}"
bad 'format needs .*--members' --name a --cluster shop
bad "'d' is not in the member list" --name d "${good[@]}"
for name in '' -a .a 'a b' a/b 'grün' "$(printf 'n%.0s' {1..64})"; do
    bad 'is not a name for a cluster' --name a --cluster "$name" \
        --members "$(members a)"
    bad "member 1 is not NAME=ENDPOINT" --name a --cluster shop \
        --members "$name=$(endpoint a)"
done
here=$(endpoint a)
while IFS='|' read -r list pattern; do
    bad "$pattern" --name a --cluster shop --members "$list"
done <<END
|member 1 is not NAME=ENDPOINT
a|member 1 is not NAME=ENDPOINT
$here|member 1 is not NAME=ENDPOINT
a=$here,|member 2 is not NAME=ENDPOINT
,a=$here|member 1 is not NAME=ENDPOINT
a=$here,,b=$(endpoint b)|member 2 is not NAME=ENDPOINT
a=$here,a=$(endpoint b)|names a twice
a=$here,b=$here|gives $here to a and to b
a=|endpoint of a is not
a=here|endpoint of a is not
a=tcp://|endpoint of a is not
a=tcp://$address|endpoint of a is not
a=tcp://$address:0|endpoint of a is not
a=tcp://$address:65536|endpoint of a is not
a=tcp://$address:1x|endpoint of a is not
a=udp://$address:19001|endpoint of a is not
a=ipc://|endpoint of a is not
a=ipc://*|endpoint of a is not
a=ipc:///$(printf 'x%.0s' {1..107})|at most 107 bytes
a=tcp://*:19001|endpoint of a is not .*no wildcard
a=tcp://0.0.0.0:19001|endpoint of a is not .*no wildcard
a=tcp://0:19001|endpoint of a is not .*no wildcard
a=tcp://[::]:19001|endpoint of a is not .*no wildcard
$(members a b c d e f g h i j)|more than 9 members
END
for option in --insecure --force --bind=tcp://127.0.0.1:1 --names-max=9 \
    --transport=native --memory-max=64 --kv-memory=1 --reserve=1 --scrub=1 --floor=9 --lost=b --wait=1; do
    bad 'format takes only' --name a "${good[@]}" "$option"
done
answers "formatted $work/i for node i of cluster big (9 members)" \
    "$zseqd" format --data "$work/i" --name i --cluster big \
    --members "$(members i h g f e d c b a)"

for seconds in -1 x 61 ''; do
    refuses 1 "--reserve '$seconds' is not a number of seconds from 0 to 60" \
        "$zseqd" start --data "$work/none" --reserve "$seconds"
done

#  A name that does not resolve is told as one.
run "$zseqd" format --data "$work/named" --name a --cluster shop \
    --members a=tcp://name.invalid:19001
refuses 1 'name name.invalid does not resolve .*--bind tcp://ADDRESS:19001' \
    "$zseqd" start --data "$work/named" --insecure

#  Paths at which no directory can be made.
refuses 1 "$work/deep/none" "$zseqd" format --data "$work/deep/none" --name a \
    "${good[@]}"
: >"$work/file"
refuses 1 "$work/file" "$zseqd" format --data "$work/file" --name a \
    "${good[@]}"
mkdir "$work/used"
: >"$work/used/precious"
refuses 1 'not empty' "$zseqd" format --data "$work/used" --name a "${good[@]}"
holds "what was there is there" test "$(ls "$work/used")" = precious
mkdir "$work/empty"
answers "formatted $work/empty for node a of cluster shop (3 members)" \
    "$zseqd" format --data "$work/empty" --name a "${good[@]}"
refuses 1 'not empty' "$zseqd" format --data "$work/empty" --name a \
    "${good[@]}"

#  A node that starts on an empty directory never starts at 1. It recovers, for
#  which it needs its name, the members, and peers that vote.
mkdir "$work/nothing"
for directory in nothing absent; do
    what='If its cluster is new, make the directory with zseqd format'
    refuses 1 "$directory.*$what.*--name, --cluster and --members" \
        "$zseqd" start --data "$work/$directory"
    refuses 1 '--force' "$zseqd" start --data "$work/$directory" --name a \
        --cluster one --members "$(members a)"
done
start nothing --name a "${good[@]}"
wait_until grep -q 'node a recovers: ' "$work/nothing.log"
holds "a node without data writes no record" \
    test ! -s "$work/nothing/node"
stop nothing
refuses 1 'node z is not among the members' \
    "$zseqd" recover --data "$work/nothing" --name z "${good[@]}"
"$zseqd" recover --data "$work/nothing" --name a "${good[@]}" \
    2>"$work/nothing.log" &
pid[nothing]=$!
wait_until grep -q 'node a recovers: ' "$work/nothing.log"
kill -TERM "${pid[nothing]}"
ends nothing 1 'error zseqd a: stopped before the node had recovered'
refuses 1 "$work/used" "$zseqd" start --data "$work/used"
holds "what was there is there" test "$(ls "$work/used")" = precious

#  A formatted node, and options of start that must agree with its directory.
format one a a
start a
ready a
ask=("$zseq" -u "$(uri a)")
answers 1 "${ask[@]}" next orders
refuses 1 "$work/a.*(${pid[a]})" "$zseqd" start --data "$work/a"
refuses 1 'not empty' "$zseqd" format --data "$work/a" --name a \
    --cluster one --members "$(members a)"
answers 2 "${ask[@]}" next orders
stop a
refuses 1 'belongs to node a, not to b' "$zseqd" start --data "$work/a" \
    --name b
refuses 1 'belongs to cluster one, not to two' "$zseqd" start \
    --data "$work/a" --cluster two
refuses 1 'formatted for 1 members, --members has 2' "$zseqd" start \
    --data "$work/a" --members "$(members a b)"
refuses 1 'member a, which --members' "$zseqd" start --data "$work/a" \
    --members "$(members b)"
refuses 1 "'a=' *: *member 1|endpoint of a is not" "$zseqd" start \
    --data "$work/a" --members a=
start a --name a --cluster one --members "a=$(endpoint m)"
ready a
answers 3 "$zseq" -u "$(uri m)" next orders
stop a

#  Addresses that it may bind.
refuses 1 "0\\.0\\.0\\.0:19001.*--insecure" "$zseqd" start --data "$work/a" \
    --bind tcp://0.0.0.0:19001
refuses 1 "--insecure" "$zseqd" start --data "$work/a" --bind 'tcp://*:19001'
refuses 1 "--insecure" "$zseqd" start --data "$work/a" \
    --members a=tcp://10.255.255.1:19001
refuses 1 "127\.0\.0\.1\.example\.invalid:19001" "$zseqd" start \
    --data "$work/a" --bind tcp://127.0.0.1.example.invalid:19001
refuses 1 "'here' is not tcp" "$zseqd" start --data "$work/a" --bind here
refuses 1 "192\\.0\\.2\\.1:19001" "$zseqd" start --data "$work/a" --insecure \
    --bind tcp://192.0.2.1:19001
#  No name, as it has digits only, and no address.
refuses 1 'no address or interface of this machine; correct it' "$zseqd" start \
    --data "$work/a" --insecure --bind tcp://1.2.3.4.5:19001
refuses 1 'it has more than 255 bytes' "$zseqd" start --data "$work/a" \
    --insecure --bind "tcp://$(printf %0300d 0 | tr 0 x):19001"
start a --bind "ipc://$work/a.ipc"
ready a
answers 4 "$zseq" -u "ipc://$work/a.ipc" next orders
format other b b
stop a
#  A member that has moved stays there.
start a
ready a
answers 5 "$zseq" -u "$(uri m)" next orders
stop a
start a --members "$(members a)"
ready a
refuses 1 "$(endpoint a)" "$zseqd" start --data "$work/b" \
    --bind "$(endpoint a)"
kill -INT "${pid[a]}"
ends a 0 ''

#  A process that was killed may hold the directory or the endpoint a moment
#  longer.
start a
ready a
pid[before]=${pid[a]}
mv "$work/a.log" "$work/before.log"
start a
holds "it waits for who has the directory" \
    wait_until says_or_ends a 'in use by process.*; waiting 3 s for it to end'
crash before
ready a
stop a
start b --bind "$(endpoint a)"
ready b
start a
holds "it waits for who has the endpoint" \
    wait_until says_or_ends a 'cannot bind.*; waiting 3 s'
crash b
ready a
stop a
start b --bind "ipc://$work/socket"
ready b
start a --bind "ipc://$work/socket"
holds "it waits for who has the path" wait_until says_or_ends a \
    'cannot bind ipc:.*: a process listens there.*; waiting 3 s'
crash b
ready a
stop a

#  A limit on names is enforced and reported.
start a --names-max 2
ready a
answers 1 "${ask[@]}" next second
refuses 2 'as much as it may' "${ask[@]}" -t 500 next third
answers 6 "${ask[@]}" next orders
stop a
refuses 1 'holds more than 1 sequences: raise --names-max' \
    "$zseqd" start --data "$work/a" --names-max 1

#  Damage is reported by file. A single node has no peer to recover from, and
#  does not vote until the operator passes a floor.
cp -a "$work/a" "$work/a.good"
: >"$work/a/node"
refuses 1 "$work/a/node.*--name" "$zseqd" start --data "$work/a"
rm "$work/a/node"
refuses 1 "$work/a/node.*--name" "$zseqd" start --data "$work/a"
rm -r "$work/a"
cp -a "$work/a.good" "$work/a"
rm "$work/a/names"
refuses 1 'recover --force' "$zseqd" start --data "$work/a"
holds "what is missing is named" grep -q "$work/a/names: missing" "$work/err"
force=("$zseqd" recover --data "$work/a" --wait 0 --force --floor)
refuses 1 'zseqd: --force and --floor belong together; see zseqd --help$' \
    "$zseqd" recover --data "$work/a" --force
refuses 1 'belong together' "$zseqd" recover --data "$work/a" --floor 9
for option in --lost=b --wait=1; do
    refuses 1 "${option%=*} belongs to --force" "$zseqd" start \
        --data "$work/a" "$option"
done
refuses 1 'belongs to recover' "$zseqd" start --data "$work/a" --force \
    --floor 9
says_to () {
    "${@:2}" <<<"$1"
}
export -f says_to
refuses 1 'nothing was done' "${force[@]}" 1000
refuses 1 'nothing was done' bash -c 'says_to no "$@"' - "${force[@]}" 1000
refuses 1 "'b' is not the name of a peer of node a" \
    bash -c 'says_to yes "$@"' - "${force[@]}" 1000 --lost b
refuses 1 'recover --force' "$zseqd" start --data "$work/a"
run bash -c 'says_to yes "$@"' - "${force[@]}" 1000
holds "a recovery by force ends when it is done" test "$status" -eq 0
holds "it has said what it may cost" grep -q 'AGAIN' "$work/err"
start a
ready a
answers 1000 "${ask[@]}" next orders
answers 1000 "${ask[@]}" next second
answers 1001 "${ask[@]}" next orders
stop a

#  A spare file that something else has replaced.
format shop x x
start x --reserve 0
ready x
for next in 100 200; do
    answers '' "$zseq" -u "$(uri x)" raise orders $next
done
spare=$(find "$work/x/seq" -type f ! -name orders)
ln -sf none "$spare"
run "$zseq" -u "$(uri x)" -t 2000 raise orders 300
ends x 1 '/orders: open a temporary file: Too many levels of symbolic links'

#  A client of a cluster that is made anew.
format shop y y
start y
ready y
"$zseq" -u "$(uri y)" -t 5000 stream orders --delay 20 >"$work/stream" \
    2>"$work/stream.err" &
pid[stream]=$!
holds "a client draws IDs" wait_until test -s "$work/stream"
crash y
rm -r "$work/y"
format shop y y
start y
holds "the client ends" wait_until gone stream
unset "pid[stream]"
holds "it says why" grep -q 'for another cluster than before: was the cluster made anew' "$work/stream.err"
stop y

verdict
