#!/bin/bash
#  Bad input to zseq, the command line.
. "${BASH_SOURCE[0]%/*}/lib.sh"

cluster one a
ask=("$zseq" -u "$(uri a)" -t 2000)

#  The command line itself.
refuses 1 '^zseq: no command given; see zseq --help$' "$zseq"
refuses 1 "unknown command 'nxet'" "$zseq" nxet
refuses 1 "unknown command ''" "$zseq" ''
refuses 1 "unknown option '--colour'" "${ask[@]}" next orders --colour
refuses 1 "unknown option '-x'" "${ask[@]}" next -x orders
refuses 1 "'--help=me'" "${ask[@]}" next --help=me
refuses 1 "'-n' needs a value" "${ask[@]}" next orders -n
refuses 1 "'--batch' needs a value" "${ask[@]}" next orders --batch
refuses 1 'too few arguments for next' "${ask[@]}" next
refuses 1 'too few arguments for range' "${ask[@]}" range orders
refuses 1 'too few arguments for raise' "${ask[@]}" raise orders
refuses 1 'too many arguments for next' "${ask[@]}" next orders 5
refuses 1 'too many arguments for status' "${ask[@]}" status now
refuses 1 'peek takes no option -n' "${ask[@]}" peek orders -n 5
refuses 1 'next takes no option -d' "${ask[@]}" next orders --delay 5
refuses 1 "'yaml' is neither table nor json .kv: raw, json." "${ask[@]}" status -w yaml

#  Numbers.
for count in 0 -1 +1 '' ' 1' 1x 1e3 0x10 9223372036854775808 \
             18446744073709551616 99999999999999999999999; do
    refuses 1 '--count .* from 1 to 9223372036854775807' \
        "${ask[@]}" next orders -n "$count"
    refuses 1 '--count .* from 1 to' "${ask[@]}" stream orders -n "$count"
    refuses 1 '--batch .* from 1 to 4294967296' \
        "${ask[@]}" next orders --batch "$count"
    refuses 1 'count .* from 1 to 4294967296' \
        "${ask[@]}" range orders -- "$count"
    refuses 1 '--timeout .* from 1 to 86400000' \
        "${ask[@]}" -t "$count" peek orders
done
refuses 1 "'-1' .a number has no sign" "${ask[@]}" range orders -1
refuses 1 'from 1 to 4294967296' "${ask[@]}" range orders 4294967297
for id in 0 -1 9223372036854775809; do
    refuses 1 'ID .* from 1 to 9223372036854775808' \
        "${ask[@]}" raise orders -- "$id"
done
refuses 1 '--delay .* from 0 to' "${ask[@]}" stream orders --delay -1

#  Names.
long=$(printf 'n%.0s' {1..256})
for command in "next NAME" "range NAME 1" "stream NAME" "peek NAME" \
               "raise NAME 1"; do
    read -r -a words <<<"$command"
    for name in '' "$long"; do
        words[1]=$name
        refuses 1 'name.*(1 to|255)|(1 to|255).*name' "${ask[@]}" "${words[@]}"
    done
done
refuses 1 'prefix.*255|255.*prefix' "${ask[@]}" list "$long"
answers 1 "${ask[@]}" peek orders

#  Reserved names: a malformed one is refused at once, without asking a node;
#  no command takes IDs of any.
flake='$flake/41-10-12/1735689600000'
for worker in 7 1024; do
    refuses 1 'reserved for the flake IDs' "${ask[@]}" next "$flake/$worker"
    refuses 1 'reserved for the flake IDs' "${ask[@]}" range "$flake/$worker" 1
    refuses 1 'reserved for the flake IDs' "${ask[@]}" stream "$flake/$worker"
done
wrong='reserved.*TIME-WORKER-SEQUENCE'
refuses 1 "$wrong" "$zseq" -u "$(uri z)" peek "$flake/1024"
refuses 1 "$wrong" "$zseq" -u "$(uri z)" raise "$flake/1024" 1
answers 1 "${ask[@]}" peek "$flake/7"

#  At the end of the sequence nothing is handed out, and the remaining IDs stay.
answers "" "${ask[@]}" raise orders 9223372036854775800
refuses 2 'at its end' "${ask[@]}" range orders 9
refuses 2 'at its end' "${ask[@]}" next orders -n 9
answers "$(seq 9223372036854775800 9223372036854775803)" \
    "${ask[@]}" next orders -n 4
answers "$(seq 9223372036854775804 9223372036854775807)" \
    "${ask[@]}" next orders -n 4 --batch 1000
refuses 2 'at its end' "${ask[@]}" next orders
refuses 2 'at its end' "${ask[@]}" next orders --batch 10
refuses 2 'at its end' "${ask[@]}" stream orders

#  The cluster: malformed, unreachable, or the wrong one.
refuses 1 'no cluster given.*no .HOME' env -u HOME "$zseq" next orders
refuses 1 'no cluster given.*no .HOME' env HOME=home "$zseq" -u '' next orders
refuses 1 'cannot make the directory /proc/no' env HOME=/proc/no "$zseq" init
refuses 1 'no cluster given.*cannot be part' env HOME='/tmp/a?b' "$zseq" next x
: >"$work/file"
refuses 1 'no cluster given.*cannot be used: Not a directory' \
    env XDG_STATE_HOME="$work/file" "$zseq" next orders
for bad in a tcp:// tcp://127.0.0.1 tcp://127.0.0.1:0 tcp://127.0.0.1:65536 \
           tcp://127.0.0.1:x udp://127.0.0.1:1 ',' "$(uri a)," ",$(uri a)" \
           "$(uri a),$(uri a)" 'tcp://*:19001' tcp://0.0.0.0:19001 ipc:// "$(uri a)?" "$(uri a)?colour=red" \
           "$(uri a)?w" "$(uri a)?w=-1" "$(uri a)?w=10" "$(uri a)?timeout=0" \
           "$(uri a)?cluster=" "$(uri a b c d e f g h i j)"; do
    refuses 1 "malformed URI: .*" "$zseq" -u "$bad" next orders
done
refuses 1 'R or W' "$zseq" -u "$(uri a)?w=2" next orders
refuses 2 'wrong cluster.*other' "$zseq" -u "$(uri a)?cluster=other" \
    next orders
answers 1 "$zseq" -u "$(uri a)?cluster=one&timeout=5000&r=1&w=1" next named

#  An unreachable node costs the deadline, and no processor time meanwhile.
refuses 2 'too few nodes.*nothing has changed' "$zseq" -u "$(uri z)" -t 300 \
    peek orders
refuses 2 'no node answered at .* or the other endpoints: ' \
    "$zseq" -u "$(uri y z)" -t 300 next orders
refuses 2 'too few nodes' "$zseq" -u "$(uri z)" -t 300 next orders
refuses 2 'too few nodes' "$zseq" -u "ipc://$work/none" -t 300 next orders
refuses 2 'too few nodes.*does the name resolve' \
    "$zseq" -u tcp://name.invalid:19001 -t 300 next orders
refuses 2 'no node answered at [^ ]+: is zseqd running' \
    "$zseq" -u "$(uri z)" -t 300 next orders
refuses 2 'too few nodes' "$zseq" -u "$(uri z)" -t 300 status
TIMEFORMAT='%U %S'
{ time "$zseq" -u "$(uri y z)" -t 4000 next orders 2>/dev/null; } \
    2>"$work/time"
holds "waiting for no node takes less than a quarter of the processor" \
    awk '{ exit !($1 + $2 < 1) }' "$work/time"

#  A process listens there that is no node.
python3 - "$address" <<'END' &
import socket, sys
server = socket.create_server((sys.argv[1], 19030))
kept = []
while True:
    connection = server.accept()[0]
    connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    kept.append(connection)
END
pid[listener]=$!
listening () {
    (: <"/dev/tcp/$address/19030") 2>/dev/null
}
wait_until listening
refuses 2 'too few nodes' "$zseq" -u "tcp://$address:19030" -t 500 next orders

stop a
verdict
