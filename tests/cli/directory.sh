#!/bin/bash
#  A directory in use is moved or replaced, and files in it are deleted or
#  written by other processes. Also descriptors, limits and signals of the
#  process that uses it.
. "${BASH_SOURCE[0]%/*}/lib.sh"

#  client NAME DIR: streams IDs from file:DIR into $work/NAME.out.
client () {
    : >"$work/$1.out"
    "$zseq" -u "file:$2" stream orders >"$work/$1.out" 2>"$work/$1.log" &
    pid[$1]=$!
    wait_until test -s "$work/$1.out"
}

#  The lock file is deleted under a client and under a node. The directory stays
#  in use. (Once it did not: 451 of 1,300 IDs came twice.)
client one "$work/d"
rm "$work/d/lock"
refuses 2 "in use by process ${pid[one]}" "$zseq" -u "file:$work/d?timeout=300" \
    next orders
refuses 1 "in use by process ${pid[one]}" "$zseqd" start --data "$work/d"
holds "it makes another" wait_until test -e "$work/d/lock"
kill -TERM "${pid[one]}"
wait "${pid[one]}" 2>/dev/null
unset 'pid[one]'
run "$zseq" -u "file:$work/d" next orders
holds "nothing is repeated" \
    test "$(cat "$work/out")" -gt "$(tail -n 1 "$work/one.out")"

#  Draws an ID of a, above those before. A busy machine may burn some.
last=0
take () {
    run "${ask[@]}" next orders
    holds "IDs rise: $(cat "$work/out" "$work/err")" \
        test "$status" -eq 0 -a "$(cat "$work/out")" -gt "$last"
    last=$(cat "$work/out")
}

format one a a
start a
ready a
ask=("$zseq" -u "$(uri a)")
take
rm "$work/a/lock"
refuses 1 "in use by process ${pid[a]}" "$zseqd" start --data "$work/a"
refuses 2 "in use by process ${pid[a]}" "$zseq" -u "file:$work/a?timeout=300" \
    next orders
take
holds "it makes another" wait_until test -e "$work/a/lock"

#  Backups and operators touch files: the node goes on.
cp -al "$work/a" "$work/links"
chmod 0640 "$work/a/node" "$work/a/names"
touch "$work/a/node" "$work/a/lock"
cp -p "$work/a/lock" "$work/copy"
mv "$work/copy" "$work/a/lock"
for _ in 1 2 3 4 5; do
    take
done

#  The directory is moved away from an idle node, which ends.
mv "$work/a" "$work/away"
ends a 1 "$work/a: moved away"
holds "it says what to do" says a 'put it back and start again'
mv "$work/away" "$work/a"
start a
ready a
take

#  ... or from a busy node; or another one takes its place; or another process
#  writes in it.
busy () {
    start a --reserve 0
    ready a
    "${ask[@]}" -t 1000 stream orders >"$work/busy" 2>/dev/null &
    pid[busy]=$!
    wait_until test -s "$work/busy"
}
idle () {
    wait "${pid[busy]}" 2>/dev/null
    unset 'pid[busy]'
}
cp -a "$work/a" "$work/other"
stop a
for from in nothing other; do
    busy
    mv "$work/a" "$work/away"
    [[ $from = nothing ]] || cp -a "$work/$from" "$work/a"
    ends a 1 'moved away|another directory'
    idle
    rm -rf "${work:?}/a"
    mv "$work/away" "$work/a"
done
busy
cp "$work/other/names" "$work/copy"
mv "$work/copy" "$work/a/names"
ends a 1 'names: written, moved or removed by another process'
idle

#  A client whose directory is moved away fails, and hands out no more IDs.
client one "$work/d"
mv "$work/d" "$work/away"
ends one 2 'd: moved away'
mv "$work/away" "$work/d"
run "$zseq" -u "file:$work/d" next orders
holds "nothing is repeated" \
    test "$(cat "$work/out")" -gt "$(tail -n 1 "$work/one.out")"

#  A path that is a link, and a relative path.
ln -s d "$work/link"
answers 1 "$zseq" -u "file:$work/link" next linked
answers 2 env -C "$work" "$zseq" -u file:./link next linked
format one b b
ln -s b "$work/c"
pid[b]=$(cd "$work" || exit 1; : >b.log
         "$zseqd" start --data ./c 2>b.log >/dev/null & echo $!)
wait_until says b 'ready: node b votes'
answers 1 "$zseq" -u "$(uri b)" next orders
kill -TERM "${pid[b]}"
holds "it stops" wait_until says b stopped
unset 'pid[b]'

#  Standard input, output and error are all closed. Nothing is written to a file
#  or socket that has their number.
start b <&- >&-
ready b
stop b
"$zseqd" start --data "$work/b" <&- >&- 2>&- &
pid[b]=$!
holds "it serves" wait_until "$zseq" -u "$(uri b)" -t 1000 next orders \
    >/dev/null 2>&1
holds "its lock file holds no log" \
    test "$(grep -cvE '^[0-9]+ [0-9a-f]{16}$' "$work/b/lock")" -eq 0
stop b
"$zseq" -u "file:$work/d" next closed <&- >&- 2>&-
answers 2 "$zseq" -u "file:$work/d" next closed

#  A limit on file sizes is like a full disk: a write that does not fit is
#  refused, and the node goes on. Nor does a full log file stop it.
: >"$work/b.log"
(ulimit -f 1; exec "$zseqd" start --data "$work/b" --reserve 0) 2>"$work/b.log" &
pid[b]=$!
ready b
name=$(printf 'n%.0s' {1..200})
for ((i = 0; i < 8; i++)); do
    run "$zseq" -u "$(uri b)" next "$name$i"
done
holds "there is a limit" test "$status" -eq 2
holds "it is told as a full disk" grep -q 'disk is full' "$work/err"
run "$zseq" -u "$(uri b)" next "${name}0"
holds "the node goes on" test "$status" -eq 0 -a "$(cat "$work/out")" -gt 1
stop b
(ulimit -f 0; exec "$zseq" -u "file:$work/d" next new) >"$work/out" 2>&1
status=$?
holds "a client fails, and is not killed: $status" test $status -eq 2

#  Signals without a meaning to a node are each logged once. Others stop it.
for signal in HUP USR1 USR2 ALRM VTALRM PROF IO STKFLT RTMIN RTMAX; do
    [[ -n ${pid[b]-} ]] || { start b; ready b; }
    kill -"$signal" "${pid[b]}"
    wait_until says b "signal $(kill -l $signal) "
    kill -"$signal" "${pid[b]}"
    run "$zseq" -u "$(uri b)" peek "${name}0"
    holds "it serves after SIG$signal" test "$status" -eq 0
done
holds "SIGHUP reloads nothing" says b 'SIGHUP.*nothing to reload'
holds "each is told once" test "$(grep -c 'goes on' "$work/b.log")" -eq 10
for signal in INT QUIT PWR XCPU; do
    [[ -n ${pid[b]-} ]] || { start b; ready b; }
    kill -$signal "${pid[b]}"
    ends b 0 stopped
done

#  File systems on which locks do not hold between machines, by a fake statfs.
if [[ -n $ZSEQ_INSTRUMENTED ]]; then
    verdict
fi
cat >"$work/statfs.c" <<'END'
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/statfs.h>
int
fstatfs (int fd, struct statfs *info)
{
    int (*real) (int, struct statfs *) = dlsym (RTLD_NEXT, "fstatfs");
    int rc = real (fd, info);
    info->f_type = strtol (getenv ("TYPE"), NULL, 0);
    return rc;
}
END
"$ZSEQ_CC" -D_GNU_SOURCE -shared -fPIC -o "$work/statfs.so" "$work/statfs.c"
while read -r type name; do
    as=(env TYPE="$type" LD_PRELOAD="$work/statfs.so:${LD_PRELOAD-}")
    need="type $name, .*--unsafe-filesystem"
    refuses 1 "$need" "${as[@]}" "$zseqd" format --data "$work/$name" --name a \
        --cluster one --members "$(members a)"
    holds "nothing is made" test ! -e "$work/$name"
    refuses 1 "$need" "${as[@]}" "$zseq" -u "file:$work/$name" next orders
    holds "nothing is made" test ! -e "$work/$name"
    for command in start recover; do
        refuses 1 "$need" "${as[@]}" "$zseqd" $command --data "$work/b"
    done
    answers 1 "${as[@]}" "$zseq" -u "file:$work/$name?unsafe-filesystem=1" \
        next orders
    answers 2 "${as[@]}" "$zseq" \
        -u "file:$work/$name?timeout=5000&unsafe-filesystem=1" next orders
    refuses 1 "$need" "${as[@]}" "$zseq" \
        -u "file:$work/$name?unsafe-filesystem=0" next orders
done <<END
0x6969 nfs
0xff534d42 cifs
0xfe534d42 smb2
0x01021997 9p
END
: >"$work/b.log"
"${as[@]}" "$zseqd" start --data "$work/b" --unsafe-filesystem 2>"$work/b.log" &
pid[b]=$!
ready b
stop b

verdict
