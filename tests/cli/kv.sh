#!/bin/bash
#  The command kv: what it prints, what its exit codes say, and bad use of it.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  mem: begins empty with each command.
kv=("$zseq" -u mem: kv)

answers 1 "${kv[@]}" put key value
answers 1 "${kv[@]}" put key value --if 0
answers 1 "${kv[@]}" cas key 0 value
answers 1 "${kv[@]}" put -- --key --value
answers 1 bash -c 'head -c 49152 /dev/zero | "$@"' - "${kv[@]}" put key -
answers 1 bash -c '"$@" </dev/null' - "${kv[@]}" put key -
answers 1 "${kv[@]}" put "$(head -c 255 /dev/zero | tr '\0' k)" ""

#  What is not there.
refuses 4 "no such key.*nothing is stored under it" "${kv[@]}" get key
refuses 4 "no such key" "${kv[@]}" get key --stale -w json
refuses 4 "no such key" "${kv[@]}" del key
refuses 4 "no such key" "${kv[@]}" del key --if 7
refuses 4 "no such key" "${kv[@]}" cas key 7 value
refuses 4 "no such key" "${kv[@]}" put key value --if 7

#  Bad use.
refuses 1 "is not kv get, put, cas or del" "${kv[@]}" take key
refuses 1 \
    'too few arguments for kv put: usage is zseq kv put KEY VALUE\|- \[--if' \
    "${kv[@]}" put key
refuses 1 "usage is zseq kv cas KEY VERSION VALUE" "${kv[@]}" cas key 1
refuses 1 "usage is zseq kv del KEY .--if VERSION" "${kv[@]}" del key value
refuses 1 'too many arguments for kv get: usage is zseq kv get KEY \[--stale\] \[-w' \
    "${kv[@]}" get key value
refuses 1 "kv cas takes no option -i" "${kv[@]}" cas key 1 value --if 1
refuses 1 "kv put takes no option -s" "${kv[@]}" put key value --stale
refuses 1 "kv get takes no option -i" "${kv[@]}" get key --if 1
refuses 1 "whole number" "${kv[@]}" put key value --if one
refuses 1 "whole number" "${kv[@]}" cas key -- -1 value
refuses 1 "kv writes raw or json" "${kv[@]}" get key -w table
refuses 1 "status writes table or json" "$zseq" -u mem: status -w raw
refuses 1 "a key has 1 to 255 bytes, not 0" "${kv[@]}" get ""
refuses 1 "1 to 255 bytes" "${kv[@]}" get "$(head -c 256 /dev/zero | tr '\0' k)"
refuses 1 "there is no value, and so nothing to delete" "${kv[@]}" del key --if 0
refuses 1 "a value has at most 49152 bytes, not 49153" \
    bash -c 'head -c 49153 /dev/zero | "$@"' - "${kv[@]}" put key -
refuses 1 "zseq: cannot read the standard input: Is a dir" \
    bash -c '"$@" </' - "${kv[@]}" put key -
refuses 1 "flake URIs have no key-value store: use" \
    "$zseq" -u flake:1 kv get key

#  stores URI: works as a store that keeps what it is given.
stores () {
    local kv=("$zseq" -u "$1" -t 30000 kv) first second
    run "${kv[@]}" put key one
    first=$(cat "$work/out")
    holds "put prints a version" [ "$first" -ge 1 ]
    answers one "${kv[@]}" get key
    refuses 5 "it is there already, at version $first" \
        "${kv[@]}" put key two --if 0
    run "${kv[@]}" cas key "$first" two
    second=$(cat "$work/out")
    holds "the version rises" [ "$second" -gt "$first" ]
    answers two "${kv[@]}" get key --stale
    refuses 5 "it is at version $second, not $first" \
        "${kv[@]}" del key --if "$first"
    answers "{
  \"key\": \"key\",
  \"version\": \"$second\",
  \"value\": \"two\"
}" "${kv[@]}" get key -w json
    run "${kv[@]}" del key --if "$second"
    holds "a deletion has a version" [ "$(cat "$work/out")" -gt "$second" ]
    refuses 4 "no such key.*it was deleted at version $(cat "$work/out")" \
        "${kv[@]}" get key
}

stores "file:$work/local"
cluster net a b c
stores "$(uri a b c)"

#  Without a quorum.
crash b
crash c
refuses 2 "1 of 3 nodes answered.*nothing has changed" \
    "$zseq" -u "$(uri a b c)" -t 1000 kv get key
refuses 6 "the write may have been done, or may be done yet" \
    "$zseq" -u "$(uri a b c)" -t 1000 kv put key value
crash a

verdict
