#!/bin/bash
#  Pure code calls nothing but functions for memory and strings. The shared
#  library exports only the public API.
. "${BASH_SOURCE[0]%/*}/lib.sh"

header=$ZSEQ_SOURCE/lib/include/zseq.h
public=$(grep -Eo '\bzseq_[a-z_]+ \(' "$header" | grep -v '_fn (' \
    | tr -d ' (' | sort -u)
exported=$(nm -D --defined-only "$ZSEQ_LIB/libzseq.so" \
    | awk '{ print $3 }' | sort -u)
expectations=$((expectations + 1))
if [[ $exported != "$public" ]]; then
    fail "libzseq.so exports other than zseq.h declares (< exported)"
    diff <(echo "$exported") <(echo "$public")
fi

if [[ -n $ZSEQ_INSTRUMENTED ]]; then
    echo "skipped: what is pure (this build is instrumented)"
    verdict
fi
pure=("$ZSEQ_LIB"/libzseq_{core,op,node}.a)
undefined=$(comm -23 \
    <(nm --undefined-only "${pure[@]}" | awk 'NF == 2 { print $2 }' | sort -u) \
    <(nm --defined-only "${pure[@]}" | awk 'NF == 3 { print $3 }' | sort -u))
expectations=$((expectations + 1))
strange=$(grep -vxEf <(grep -v '^#' "$ZSEQ_SOURCE/tests/cli/symbols.allow") \
    <<<"$undefined")
if [[ -n $strange ]]; then
    fail "core, op and node use symbols that symbols.allow does not list: $strange"
fi
holds "core, op and node were read" grep -qx memcpy <<<"$undefined"

verdict
