#!/bin/bash
#  seeds.sh DOCUMENT FOLDER: puts the bytes of the wire document's examples into
#  the folder, a file each, and nothing else.
set -euo pipefail
document=$1
folder=$2

rm -rf -- "$folder"
mkdir -p -- "$folder"
#  An example's bytes are its lines of pairs of digits.
awk '/^```example$/ { inside = 1; count++; next }
    /^```$/ { inside = 0 }
    inside && /^[0-9a-f][0-9a-f]( [0-9a-f][0-9a-f])*$/ { print count, $0 }' \
    "$document" |
    while read -r number bytes; do
        printf '%b' "\\x${bytes// /\\x}" >>"$folder/$number"
    done
test -e "$folder/1"
