#!/bin/bash
#  Moves sequences and keys by export and import. Only a complete, undamaged export is
#  accepted, and nothing is raised before all of it was read.
. "${BASH_SOURCE[0]%/*}/lib.sh"

damaged='export again'
ids=("$zseq" -u "file:$work/ids")
to=("$zseq" -u "file:$work/to")
answers "" "${ids[@]}" raise orders 10002
answers "" "${ids[@]}" raise $'t\tab\\' 7

#  Lines for grep. The first and the last show that the export is complete.
run "${ids[@]}" export
cp "$work/out" "$work/export"
holds "it has a first line" grep -Pq '^zseq-export\t1\tcluster=file\t'`
    `'identity=[0-9a-f]{16}\tfloor=1\ttime=[-0-9]{10}T[:0-9]{8}Z\tprefix=$' \
    "$work/export"
holds "... a line of each sequence" \
    test "$(grep ^sequence "$work/export")" \
    = $'sequence\torders\t10002\nsequence\tt\\x09ab\\x5c\t7'
holds "... and a last line" grep -Pq '^end\t2\t[0-9a-f]{16}$' "$work/export"

#  untouched TITLE: nothing was raised; not even a directory was made.
untouched () {
    holds "$1 raises nothing" test ! -e "$work/to"
}

#  refuses_input PATTERN [OPTION...]: import refuses $work/input.
refuses_input () {
    local pattern=$1
    shift
    refuses 1 "import: .*input, line [0-9]+: .*$pattern.*nothing was imported" \
        "${to[@]}" import "$work/input" "$@"
}

#  Some bytes are damaged. test_export damages every byte.
size=$(wc -c <"$work/export")
for cut in $(seq 0 19 "$size") $((size - 1)); do
    head -c "$cut" "$work/export" >"$work/input"
    refuses_input "$damaged"
done
untouched "an export that was cut anywhere"
for ((at = 0; at < size; at += 29)); do
    cp "$work/export" "$work/input"
    printf '\377' | dd of="$work/input" bs=1 seek="$at" conv=notrunc status=none
    refuses_input ''
done
untouched "an export with another byte"
cat "$work/export" "$work/export" >"$work/input"
refuses_input 'one export at a time'
{ cat "$work/export"; echo; } >"$work/input"
refuses_input 'one export at a time'
"${ids[@]}" list >"$work/input"
refuses_input 'zseq export makes one'
sed 's/^sequence\torders/other\torders/' "$work/export" >"$work/input"
refuses_input "'other' is a kind"
sed 's/^sequence\torders/key\torders/' "$work/export" >"$work/input"
refuses_input 'not a key, its version and its value'
sed 's/export\t1/export\t2/' "$work/export" >"$work/input"
refuses_input 'newer one'
printf '%200000s\n' x >"$work/input"
refuses_input 'too long'
refuses 1 '.stdin., line 1: .*nothing to import' "${to[@]}" import
refuses 1 '.stdin., line 1: .*nothing to import' \
    bash -c '"$@" 2>&1 <&- | cat >&2; exit "${PIPESTATUS[0]}"' - "${to[@]}" import
refuses 1 'cannot read: Is a directory' "${to[@]}" import "$work"
refuses 1 'cannot open' "${to[@]}" import "$work/none"
untouched "none of these"

#  Nobody is there to raise them.
refuses 2 'export, line [23]: too few nodes .*; 0 of 2 sequences and keys are there: import again' \
    "$zseq" -u "$(uri z)" -t 300 import "$work/export"

#  A complete export is accepted, repeatedly, and never lowers a sequence.
answers "2 sequences: 2 raised, 0 as high already" \
    "${to[@]}" import "$work/export"
answers 10002 "${to[@]}" next orders
answers "" "${to[@]}" raise $'t\tab\\' 8
answers "2 sequences: 0 raised, 2 as high already" \
    "${to[@]}" import "$work/export"
answers $'orders\t10003\nt\\x09ab\\x5c\t8' "${to[@]}" list
run "${ids[@]}" export o
holds "a prefix is in the first line" grep -q $'\tprefix=o$' "$work/out"
cp "$work/out" "$work/input"
answers "1 sequence: 0 raised, 1 as high already" "${to[@]}" import "$work/input"
run "${ids[@]}" export nobody
cp "$work/out" "$work/input"
answers "0 sequences: 0 raised, 0 as high already" \
    "${to[@]}" import "$work/input"

#  With a margin.
answers "2 sequences: 2 raised, 0 as high already" \
    "${to[@]}" import "$work/export" --add 1000
answers $'orders\t11002\nt\\x09ab\\x5c\t1007' "${to[@]}" list
cp "$work/export" "$work/input"
refuses_input 'margin reaches beyond' --add $((2 ** 62 + (2 ** 62 - 10001)))
refuses 1 '--add .* from 1 to' "${to[@]}" import --add 0 "$work/export"
refuses 1 'export takes no option -a' "${ids[@]}" export --add 1
answers $'orders\t11002\nt\\x09ab\\x5c\t1007' "${to[@]}" list
answers "2 sequences: 2 raised, 0 as high already" "${to[@]}" \
    import "$work/export" --add $((2 ** 62 + (2 ** 62 - 10002)))
answers 9223372036854775808 "${to[@]}" peek orders
run "${to[@]}" export orders
cp "$work/out" "$work/input"
answers "1 sequence: 0 raised, 1 as high already" \
    "${to[@]}" import "$work/input" -a 5

#  --partial: the operator knows that the export is incomplete.
part=("$zseq" -u "file:$work/part")
head -c -40 "$work/export" >"$work/input"
answers "1 sequence: 1 raised, 0 as high already; of others nothing is known" \
    "${part[@]}" import --partial "$work/input"
answers $'orders\t10002' "${part[@]}" list
printf 'orders\t10005\nusers\t12' >"$work/input"
answers "1 sequence: 1 raised, 0 as high already; of others nothing is known" \
    "${part[@]}" import -p "$work/input"
answers $'orders\t10005' "${part[@]}" list
printf 'good\t7\nbad\n' >"$work/input"
refuses 1 'input, line 2: not a name' "${part[@]}" import -p "$work/input"
printf 'bad\\x00\t7\n' >"$work/input"
refuses 1 'input, line 1: not a name' "${part[@]}" import -p "$work/input"
#  A byte order mark, as editors add it, is no part of the first name. A name
#  that begins with one is escaped.
printf '\xef\xbb\xbforders\t7\n' >"$work/input"
refuses 1 'input, line 1: .*byte order mark' "${part[@]}" import -p "$work/input"
answers 1 "$zseq" -u "file:$work/marks" next $'\xef\xbb\xbfa'
"$zseq" -u "file:$work/marks" list >"$work/input"
answers '\xef\xbb\xbfa'$'\t2' cat "$work/input"
answers "1 sequence: 0 raised, 1 as high already; of others nothing is known" \
    "$zseq" -u "file:$work/marks" import -p "$work/input"
printf 'half' >"$work/input"
refuses 1 'no complete line' "${part[@]}" import -p "$work/input"
answers $'orders\t10005' "${part[@]}" list

#  Keys, of any bytes, with their versions. A key that is newer here stays.
kv=("$zseq" -u "file:$work/keys" kv)
run "${kv[@]}" put b two
run bash -c 'printf "\\0\\t\\\\\xff" | "$@"' - "${kv[@]}" put $'a\nb' -
version=$(cat "$work/out")
run "${kv[@]}" put empty ""
answers "" "$zseq" -u "file:$work/keys" raise orders 7
answers "" "$zseq" -u "file:$work/keys" export -o "$work/keyed"
holds "a key is a line, escaped" \
    grep -Fqx 'key'$'\t''a\x0ab'$'\t'"$version"$'\t''\x00\x09\x5c\xff' "$work/keyed"
holds "the last line counts all" grep -q $'^end\t4\t' "$work/keyed"
moved=("$zseq" -u "file:$work/moved")
answers $'1 sequence: 1 raised, 0 as high already
3 keys: 3 stored, 0 there already, 0 newer here' \
    "${moved[@]}" import "$work/keyed"
answers two "${moved[@]}" kv get b
run bash -c '"$@" kv get a$'"'\nb'"' | od -An -tx1' - "${moved[@]}"
holds "its bytes arrive" test "$(xargs <"$work/out")" = "00 09 5c ff"
run "${moved[@]}" kv list a
holds "its version is above the old one" \
    test "$(cut -f 2 "$work/out")" -gt "$version"
answers $'1 sequence: 0 raised, 1 as high already
3 keys: 0 stored, 3 there already, 0 newer here' \
    "${moved[@]}" import "$work/keyed"
run "${moved[@]}" kv put b three
run "${moved[@]}" kv del empty
run "${moved[@]}" import "$work/keyed"
holds "newer keys stay" test "$(tail -n 1 "$work/out")" \
    = "3 keys: 0 stored, 1 there already, 2 newer here"
holds "... and are named" test "$(grep -Ec \
    "line [0-9]+: the key '(b|empty)' is at version [0-9]+ here, not below" \
    "$work/err")" -eq 2
answers three "${moved[@]}" kv get b

#  ... unless it is to be replaced, by a version that is newer still.
run "${moved[@]}" kv list b
newer=$(cut -f 2 "$work/out")
run "${moved[@]}" import --replace "$work/keyed"
holds "newer keys are replaced" test "$(tail -n 1 "$work/out")" \
    = "3 keys: 2 stored, 1 there already, 0 newer here"
holds "... and are named" test "$(grep -Ec \
    "line [0-9]+: the key '(b|empty)' was at version [0-9]+ here, not below [0-9]+, and was" \
    "$work/err")" -eq 2
answers two "${moved[@]}" kv get b
answers "" "${moved[@]}" kv get empty
run "${moved[@]}" kv list b
holds "... by a newer version" test "$(cut -f 2 "$work/out")" -gt "$newer"
answers $'1 sequence: 0 raised, 1 as high already
3 keys: 0 stored, 3 there already, 0 newer here' \
    "${moved[@]}" import -r "$work/keyed"
run "${moved[@]}" kv del empty
run "${moved[@]}" export e
holds "a prefix holds for keys" test "$(grep -c ^key "$work/out")" -eq 0
run "${moved[@]}" export b
holds "... of which it is the beginning" test "$(grep -c ^key "$work/out")" -eq 1
head -n 3 "$work/keyed" >"$work/input"
answers $'1 sequence: 1 raised, 0 as high already; of others nothing is known
1 key: 1 stored, 0 there already, 0 newer here; of others nothing is known' \
    "$zseq" -u "file:$work/some" import -p "$work/input"

#  To a file, which gets its name when it is complete.
answers "" "${ids[@]}" export -o "$work/file"
holds "a file is what stdout is" test "$(grep ^sequence "$work/file")" \
    = "$(grep ^sequence "$work/export")"
ln -s file "$work/link"
answers "" "${ids[@]}" export orders --output "$work/link"
holds "a link stays one" test -L "$work/link"
holds "... to what is new" test "$(grep -c ^sequence "$work/file")" = 1
mkfifo "$work/fifo"
refuses 1 'not a regular file: without -o, the export goes to standard' "${ids[@]}" export -o "$work/fifo"
refuses 1 'cannot write to .*none' "${ids[@]}" export -o "$work/none/file"
run bash -c '"$@" export >/dev/full' - "${ids[@]}"
holds "a full disk is told" \
    test "$status-$(grep -c 'No space left.*not complete' "$work/err")" = 1-1

#  A missing directory or node is an error, not an empty export.
refuses 1 'there is no directory' "$zseq" -u "file:$work/nowhere" export
holds "... nor made" test ! -e "$work/nowhere"
mkdir "$work/nowhere"
refuses 1 'there is no directory' "$zseq" -u "file:$work/nowhere" export
refuses 2 'too few nodes' "$zseq" -u "$(uri z)" -t 300 export
cp "$work/file" "$work/before"
refuses 2 'too few nodes' "$zseq" -u "$(uri z)" -t 300 export -o "$work/file"
holds "an old file stays" cmp "$work/file" "$work/before"
holds "... and nothing beside it" test -z "$(find "$work" -name 'file.*')"
refuses 1 'they have no sequence' "$zseq" -u flake:7 export

#  A floor: names that are not listed begin there, and must not begin lower.
rm "$work/part/seq/"*/orders
run bash -c '"$@" <<<yes' - "$zseqd" recover --data "$work/part" --wait 0 \
    --bind "ipc://$work/socket" --force --floor 500
holds "a floor is given" test "$status" -eq 0
answers "" "${part[@]}" export -o "$work/floor"
refuses 1 'begin at the floor 500 there, and at 1 here' \
    "${ids[@]}" import "$work/floor"
run "${part[@]}" import "$work/floor"
holds "it is taken where the floor is as high" test "$status" -eq 0
run "${ids[@]}" import --partial "$work/floor"
holds "... and with --partial" test "$status" -eq 0

#  3,000 names, more than fit in a pipe, all arrive.
cluster shop a
ask=("$zseq" -u "$(uri a)")
long=$(printf 'n%.0s' {1..50})
for ((name = 1000; name < 4000; name++)); do
    printf '%s-%d\t%d\n' "$long" "$name" $((name + 2))
done >"$work/many"
unknown='; of others nothing is known'
answers "3000 sequences: 3000 raised, 0 as high already$unknown" \
    "${ask[@]}" import --partial "$work/many"
answers "" "${ask[@]}" export -o "$work/export"
holds "all are exported" test "$(grep -c ^sequence "$work/export")" -eq 3000
answers "3000 sequences: 0 raised, 3000 as high already" \
    "${ask[@]}" import "$work/export"

#  400 keys, more than a page has and than are under way together.
for ((key = 1000; key < 1400; key++)); do
    printf 'key\t%d\t%d\tvalue\n' "$key" "$((key + (7 << 32)))"
done | cat <(head -n 1 "$work/export") - >"$work/many-keys"
run "${ask[@]}" import --partial "$work/many-keys"
holds "all keys are stored" test "$(tail -n 1 "$work/out")" \
    = "400 keys: 400 stored, 0 there already, 0 newer here$unknown"
answers "" "${ask[@]}" export 1 -o "$work/exported-keys"
holds "... and exported" test "$(grep -c ^key "$work/exported-keys")" -eq 400
holds "... at higher versions" awk -F '\t' \
    '$1 == "key" && $3 <= $2 + 7 * 2^32 { exit 1 }' "$work/exported-keys"

#  A worker's milliseconds: a margin does not exceed what nodes accept, and
#  milliseconds that clocks have passed need no margin.
now=$(($(date +%s%3N) - 1735689600000))
answers "" "${ask[@]}" raise "\$flake/41-10-12/1735689600000/3" $((now + 1000))
answers "" "${ask[@]}" raise "\$flake/41-10-12/1735689600000/4" 5
answers "" "${ask[@]}" export "\$flake/" -o "$work/workers"
answers "2 sequences: 2 raised, 0 as high already" \
    "${ask[@]}" import --add 1000000000 "$work/workers"
run "${ask[@]}" peek "\$flake/41-10-12/1735689600000/3"
then=$(cat "$work/out")
holds "a worker is raised by less than a minute" \
    test "$then" -gt $((now + 10000)) \
    -a "$then" -le $(($(date +%s%3N) - 1735689600000 + 60000))
answers 1000000005 "${ask[@]}" peek "\$flake/41-10-12/1735689600000/4"

#  cut_off COMMAND: its node dies while the command writes into a full pipe.
cut_off () {
    local reader first
    status=0
    mkfifo "$work/pipe"
    "${ask[@]}" -t 500 "$@" >"$work/pipe" 2>"$work/err" &
    pid[writer]=$!
    exec {reader}<"$work/pipe"
    IFS= read -r -u "$reader" first
    crash a
    { printf '%s\n' "$first"; cat <&"$reader"; } >"$work/input"
    exec {reader}<&-
    rm "$work/pipe"
    wait "${pid[writer]}" || status=$?
    unset 'pid[writer]'
    start a
    ready a
}
cut_off list
holds "a list that is cut off fails" \
    test "$status-$(grep -c 'too few nodes' "$work/err")" = 2-1
holds "... after some names" test "$(wc -l <"$work/input")" -lt 3000
cut_off export
holds "an export that is cut off fails" \
    test "$status-$(grep -c 'too few nodes' "$work/err")" = 2-1
holds "... after some names" test "$(grep -c ^sequence "$work/input")" -gt 1
holds "... without a last line" bash -c '! grep -q ^end "$1"' - "$work/input"
refuses_input 'cut off'
stop a
verdict
