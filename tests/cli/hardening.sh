#!/bin/bash
#  What zseqd grants other users of its machine, and refuses to start with.
. "${BASH_SOURCE[0]%/*}/lib.sh"

one=(--cluster one --members "$(members a)")
format one a a

#  A file at the path of an ipc endpoint stays, whatever moves the messages.
echo precious >"$work/file"
for kind in zmq native; do
    refuses 1 'something that is no socket has that path: remove it' "$zseqd" \
        start --data "$work/a" --transport $kind --bind "ipc://$work/file"
    holds "the file is there" test "$(cat "$work/file")" = precious
done

#  A port that the system chooses is one that nobody knows.
for port in 0 00 '*' ''; do
    refuses 1 'leaves the port to the system.*a port from 1 to 65535' \
        "$zseqd" start --data "$work/a" --bind "tcp://127.0.0.1:$port"
done

#  Directories that others may write or own are refused, with the command that
#  mends it. What the path leads to is what counts.
ln -s a "$work/link"
for mode in 0777 0770 0707 0720 0702; do
    chmod $mode "$work/a"
    for directory in a link; do
        refuses 1 "other users may write it.*: chmod -R go-w '$work/$directory/'" \
            "$zseqd" start --data "$work/$directory"
    done
    command=$(sed -n 's/.*: \(chmod .*\)/\1/p' "$work/err")
    bash -c "$command"
    start a
    ready a
    stop a
done
chmod 0755 "$work/a"
start a
ready a
stop a
mkdir -m 0777 "$work/shared"
refuses 1 'other users may write it' "$zseqd" format \
    --data "$work/shared" --name a "${one[@]}"
holds "nothing is made" test -z "$(ls "$work/shared")"
if [[ $EUID -eq 0 ]]; then
    chown 12345 "$work/a"
    mends="run the node as user 12345, or: chown -R 0 '$work/a/'"
    for command in start recover; do
        refuses 1 "user 12345 owns it.*$mends" "$zseqd" $command --data "$work/a"
    done
    bash -c "$(sed -n 's/.* or: \(chown .*\)/\1/p' "$work/err")"
    start a
    ready a
    stop a
fi
#  A directory of file: is its users' own affair.
mkdir -m 0777 "$work/local"
answers 1 "$zseq" -u "file:$work/local" next orders

#  What a node makes is its user's alone, whatever it was started with.
(
    umask 0
    "$zseqd" format --data "$work/b" --name b --cluster two \
        --members "$(members b)" >/dev/null
)
umask 0
start b --bind "ipc://$work/socket"
umask 0022
ready b
answers 1 "$zseq" -u "ipc://$work/socket" next orders
holds "only its user may connect" \
    test "$(stat -c %A "$work/socket")" = srwx------
found=$(find "$work/b" -perm /077)
holds "only its user may read what it has written: $found" test -z "$found"

#  No core, and nobody but root may trace it, unless --core-dumps says so.
holds "cores are forbidden" grep -Eq '^Max core file size +0 ' \
    "/proc/${pid[b]}/limits"
stop b
ulimit -S -c "$(ulimit -H -c)"
start b --core-dumps
ready b
[[ -n $ZSEQ_INSTRUMENTED ]] || holds "cores are as the limit says" test \
    "$(awk '/^Max core file size/ { print $5 }' "/proc/${pid[b]}/limits")" = \
    "$(ulimit -S -c | sed 's/blocks//')"
stop b

#  Its user may not trace it. The owner of its files in /proc says so.
if [[ $EUID -eq 0 && -z $ZSEQ_INSTRUMENTED ]] && command -v setpriv >/dev/null
then
    chmod 0711 "$work"
    chown -R 12345 "$work/b"
    chmod a+w "$work/b.log"
    for owner in 0 12345; do
        option=$([[ $owner -eq 0 ]] || echo --core-dumps)
        : >"$work/b.log"
        setpriv --reuid 12345 --clear-groups "$zseqd" start --data "$work/b" \
            $option 2>"$work/b.log" &
        pid[b]=$!
        ready b
        holds "its memory belongs to user $owner" test -r "/proc/${pid[b]}/mem" \
            -a "$(stat -c %u "/proc/${pid[b]}/mem")" = "$owner"
        stop b
    done
    chown -R 0 "$work/b"
fi

#  The connections of two nodes have different names, which libzmq draws: a
#  shim notes the first number that each draws.
if [[ -n $ZSEQ_INSTRUMENTED ]]; then
    verdict
fi
cat >"$work/rand.c" <<'END'
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int
rand (void)
{
    int (*real) (void) = (int (*) (void)) dlsym (RTLD_NEXT, "rand");
    int drawn = real ();
    int fd = open (getenv ("DRAWN"), O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd >= 0) {
        dprintf (fd, "%d\n", drawn);
        close (fd);
    }
    return drawn;
}
END
"$ZSEQ_CC" -D_GNU_SOURCE -shared -fPIC -o "$work/rand.so" "$work/rand.c"
for times in 1 2; do
    : >"$work/b.log"
    DRAWN=$work/drawn$times LD_PRELOAD="$work/rand.so:${LD_PRELOAD-}" \
        "$zseqd" start --data "$work/b" --transport zmq 2>"$work/b.log" &
    pid[b]=$!
    ready b
    stop b
done
holds "both have drawn" test -s "$work/drawn1" -a -s "$work/drawn2"
holds "two nodes draw different names: $(cat "$work/drawn1")" \
    test "$(cat "$work/drawn1")" != "$(cat "$work/drawn2")"
verdict
