#!/bin/sh
#  The order of the store's system calls as the kernel sees them, and what the
#  store reports for a name when one of them fails. Exits with 77, "skipped", if
#  strace is missing or may not trace.
#
#      strace.sh ZSEQ-STORE-WRITER

set -eu
writer=$1
#  LeakSanitizer does not work in a traced process.
export ASAN_OPTIONS=detect_leaks=0
if ! strace -o /dev/null true 2>/dev/null; then
    echo "skipped: strace does not work here"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
calls=openat,mkdirat,pwrite64,fsync,close,renameat,ftruncate,write

"$writer" "$work/node" format
strace -f -y -e trace="$calls" -o "$work/trace" \
    "$writer" "$work/node" write orders orders >/dev/null

#  From the first mkdir on, each call without its numbers.
sed -n '/mkdirat/,$p' "$work/trace" | sed -E \
    -e '/O_CREAT/!{/openat/d}' \
    -e '/close\(/{/\.tmp-/!d}' \
    -e '/write\(1</d; /write\(2</d' \
    -e 's/^[0-9]+ +//' \
    -e 's/seq\/[0-9a-f]{2}/seq\/XX/g' \
    -e 's/"[0-9a-f]{2}", 0700/"XX", 0700/' \
    -e 's/\.tmp-[0-9]+-[0-9]+/.tmp/g' \
    -e "s|$work/node|NODE|g" \
    -e 's/eventfd:[^>]*>/eventfd>/' \
    -e 's/pwrite64\([0-9]+(<[^>]*>).*/pwrite64 \1/' \
    -e 's/write\([0-9]+<.*eventfd.*/complete/' \
    -e 's/(fsync|close)\([0-9]+(<[^>]*>).*/\1 \2/' \
    -e 's/mkdirat\([0-9]+(<[^>]*>), "([^"]*)".*/mkdirat \1 \2/' \
    -e 's/openat\([0-9]+(<[^>]*>), "([^"]*)".*/create \1 \2/' \
    -e 's/renameat\([0-9]+(<[^>]*>), "([^"]*)", [^,]*, "([^"]*)".*/renameat \1 \2 \3/' \
    -e '/^\+\+\+/d' >"$work/seen"

cat >"$work/wanted" <<END
mkdirat <NODE> seq
fsync <NODE>
mkdirat <NODE/seq> XX
fsync <NODE/seq>
create <NODE/seq/XX> .tmp
pwrite64 <NODE/seq/XX/.tmp>
fsync <NODE/seq/XX/.tmp>
close <NODE/seq/XX/.tmp>
renameat <NODE/seq/XX> .tmp orders
fsync <NODE/seq/XX>
pwrite64 <NODE/names>
fsync <NODE/names>
pwrite64 <NODE/names-copy>
fsync <NODE/names-copy>
complete
create <NODE/seq/XX> .tmp
pwrite64 <NODE/seq/XX/.tmp>
fsync <NODE/seq/XX/.tmp>
close <NODE/seq/XX/.tmp>
renameat <NODE/seq/XX> .tmp orders
fsync <NODE/seq/XX>
pwrite64 <NODE/names>
fsync <NODE/names>
pwrite64 <NODE/names-copy>
fsync <NODE/names-copy>
complete
END
diff -u "$work/wanted" "$work/seen"

#  The same with each fsync failing in turn: every name reported durable is
#  found again, and none is reported durable after the failure. Three names take
#  at most sixteen fsyncs: five each, and one for the directory seq.
failures=0
for when in $(seq 1 18); do
    rm -rf "$work/node"
    "$writer" "$work/node" format
    status=0
    strace -f -o "$work/trace" -e trace=fsync,write \
        -e inject=fsync:error=EIO:when="$when" \
        "$writer" "$work/node" write a b c \
        >"$work/said" 2>/dev/null || status=$?
    grep -q INJECTED "$work/trace" || continue
    failures=$((failures + 1))
    if [ "$status" -ne 1 ]; then
        echo "fsync $when failed, and the writer ended with $status"
        exit 1
    fi
    if sed '1,/INJECTED/d' "$work/trace" | grep -q durable; then
        echo "fsync $when failed, and a name was called durable"
        exit 1
    fi
    "$writer" "$work/node" write
    while read -r name _; do
        if ! find "$work/node/seq" -name "$name" | grep -q .; then
            echo "fsync $when failed, and $name is lost"
            exit 1
        fi
    done <"$work/said"
done
if [ "$failures" -lt 14 ]; then
    echo "only $failures calls of fsync were made to fail"
    exit 1
fi
