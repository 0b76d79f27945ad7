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
refuses 4 "no such key" "${kv[@]}" get key
refuses 4 "no such key" "${kv[@]}" get key --stale -w json
refuses 4 "no such key" "${kv[@]}" del key
refuses 4 "no such key" "${kv[@]}" del key --if 7
refuses 4 "no such key" "${kv[@]}" cas key 7 value
refuses 4 "no such key" "${kv[@]}" put key value --if 7

#  Bad use.
refuses 1 "is not kv get, put, cas or del" "${kv[@]}" take key
refuses 1 "too few arguments for kv put" "${kv[@]}" put key
refuses 1 "too many arguments for kv get" "${kv[@]}" get key value
refuses 1 "kv cas takes no option -i" "${kv[@]}" cas key 1 value --if 1
refuses 1 "kv put takes no option -s" "${kv[@]}" put key value --stale
refuses 1 "kv get takes no option -i" "${kv[@]}" get key --if 1
refuses 1 "whole number" "${kv[@]}" put key value --if one
refuses 1 "whole number" "${kv[@]}" cas key -- -1 value
refuses 1 "kv writes raw or json" "${kv[@]}" get key -w table
refuses 1 "status writes table or json" "$zseq" -u mem: status -w raw
refuses 1 "1 to 255 bytes" "${kv[@]}" get ""
refuses 1 "1 to 255 bytes" "${kv[@]}" get "$(head -c 256 /dev/zero | tr '\0' k)"
refuses 1 "nothing to delete" "${kv[@]}" del key --if 0
refuses 1 "at most 49152 bytes" \
    bash -c 'head -c 49153 /dev/zero | "$@"' - "${kv[@]}" put key -
refuses 1 "cannot read" bash -c '"$@" </' - "${kv[@]}" put key -
refuses 1 "no key-value store" "$zseq" -u flake:1 kv get key

verdict
