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
refuses 1 "is not kv get, put, cas, del, list or watch" "${kv[@]}" take key
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

refuses 1 'arguments for kv list: usage is zseq kv list \[PREFIX\] \[--v' \
    "${kv[@]}" list a b
refuses 1 'too few arguments for kv watch: usage is zseq kv watch KEY \[--after' \
    "${kv[@]}" watch
refuses 1 "kv watch takes no option -v" "${kv[@]}" watch key --values
refuses 1 "kv list takes no option -A" "${kv[@]}" list --after 7
refuses 1 "whole number" "${kv[@]}" watch key --after one
refuses 1 "prefix or the key after which to begin is longer than 255" \
    "${kv[@]}" list "$(head -c 256 /dev/zero | tr '\0' k)"
refuses 1 "1 to 255 bytes" "${kv[@]}" watch ""

#  has_lines FILE COUNT: it has as many.
has_lines () {
    [[ $(wc -l <"$1") -ge $2 ]]
}

#  lists URI: keys and values of any bytes, in byte order. Then follows one.
lists () {
    local kv=("$zseq" -u "$1" -t 30000 kv) first second third signal
    answers "" "${kv[@]}" list
    answers "[]" "${kv[@]}" list -w json
    run "${kv[@]}" put b two
    first=$(cat "$work/out")
    run bash -c 'printf "\\0\\t\\\\\xff" | "$@"' - "${kv[@]}" put $'a\nb' -
    second=$(cat "$work/out")
    run "${kv[@]}" put aa ""
    third=$(cat "$work/out")
    answers 'a\x0ab'$'\t'"$second"$'\naa\t'"$third"$'\nb\t'"$first" \
        "${kv[@]}" list
    answers 'a\x0ab'$'\t'"$second"$'\t\\x00\\x09\\x5c\\xff\naa\t'"$third"$'\t' \
        "${kv[@]}" list a --values
    answers '[
{"key": "a\nb", "version": "'"$second"'", "value_base64": "AAlc/w=="},
{"key": "aa", "version": "'"$third"'", "value": ""}
]' "${kv[@]}" list a --values -w json
    answers '[
{"key": "b", "version": "'"$first"'"}
]' "${kv[@]}" list b -w json
    run bash -c '"$@" list --values >/dev/full' - "${kv[@]}"
    holds "a full disk is told" \
        test "$status-$(grep -c 'No space left' "$work/err")" = 1-1

    answers "$first"$'\ttwo' "${kv[@]}" watch b -n 1
    answers '{"key": "b", "version": "'"$first"'", "value": "two"}' \
        "${kv[@]}" watch b --after $((first - 1)) -n 1 -w json
    refuses 2 "had no version above $first" \
        "${kv[@]}" -t 300 watch b --after "$first"
    run "${kv[@]}" del b
    answers "$(cat "$work/out")" "${kv[@]}" watch b --after "$first" -n 1
    answers '{"key": "b", "version": "'"$(cat "$work/out")"'", "deleted": true}' \
        "${kv[@]}" watch b --after "$first" -n 1 -w json
    run bash -c '"$@" watch aa -n 1 >/dev/full' - "${kv[@]}"
    holds "a full disk is told by a watch" \
        test "$status-$(grep -c 'No space left' "$work/err")" = 1-1
}

#  follows URI: a watch prints versions as they come, until a signal.
follows () {
    local kv=("$zseq" -u "$1" kv) signal count
    for signal in INT TERM; do
        "${kv[@]}" watch flow-$signal >"$work/flow" 2>"$work/flow.log" &
        pid[flow]=$!
        for count in 1 2 3; do
            run "${kv[@]}" put flow-$signal "$count"
            holds "version $count is printed" \
                wait_until has_lines "$work/flow" "$count"
        done
        holds "... with its value" \
            test "$(cut -f 2 "$work/flow" | xargs)" = "1 2 3"
        kill "-$signal" "${pid[flow]}"
        ends flow 0 ''
        holds "SIG$signal ends it without words" test ! -s "$work/flow.log"
    done
}

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
lists "file:$work/listed"
lists "$(uri a b c)"
follows "$(uri a b c)"

#  Without a quorum.
crash b
crash c
refuses 2 "(1 of 3 nodes answered|no node has coordinated it).*nothing has changed" \
    "$zseq" -u "$(uri a b c)" -t 1000 kv get key
refuses 6 "the write may have been done, or may be done yet" \
    "$zseq" -u "$(uri a b c)" -t 1000 kv put key value
crash a

verdict
