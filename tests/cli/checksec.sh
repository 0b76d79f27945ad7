#!/bin/bash
#  The programs and the library are hardened, by the rules of checksec: full
#  RELRO, a stack canary, no executable stack, PIE, fortified calls, no RPATH
#  but that of the build.
. "${BASH_SOURCE[0]%/*}/lib.sh"
[[ -n $ZSEQ_HARDENED ]] || skip "this build is not hardened"
command -v readelf >/dev/null || skip "readelf is not installed"

#  lacks FILE: prints which of the properties it does not have.
lacks () {
    local file=$1 headers dynamic symbols
    headers=$(readelf -W -h -l "$file")
    dynamic=$(readelf -W -d "$file")
    symbols=$(readelf -W --dyn-syms "$file")
    grep -q 'GNU_RELRO' <<<"$headers" || echo "RELRO"
    grep -Eq 'BIND_NOW|FLAGS_1.*NOW' <<<"$dynamic" || echo "immediate binding"
    grep -Eq 'GNU_STACK .* RW +0x' <<<"$headers" || echo "a plain stack"
    grep -Eq 'Type: +DYN' <<<"$headers" || echo "PIE"
    grep -Eq 'Requesting program interpreter' <<<"$headers" \
        && { grep -Eq 'FLAGS_1.*PIE' <<<"$dynamic" || echo "PIE"; }
    grep -q '__stack_chk_fail' <<<"$symbols" || echo "a canary"
    grep -Eq '__[a-z]+_chk(@|$| )' <<<"$symbols" || echo "fortified calls"
}

for file in "$zseqd" "$zseq" "$ZSEQ_LIB/libzseq.so"; do
    found=$(lacks "$file")
    holds "${file##*/} lacks nothing: $found" test -z "$found"
done

#  What is built without is found.
echo 'int main (void) { return 0; }' >"$work/plain.c"
"$ZSEQ_CC" -fno-pie -no-pie -Wl,-z,norelro,-z,lazy,-z,execstack \
    -fno-stack-protector -o "$work/plain" "$work/plain.c" 2>/dev/null
found=$(lacks "$work/plain" | sort -u)
holds "all is lacking in a plain program: $found" \
    test "$(wc -l <<<"$found")" -eq 6
verdict
