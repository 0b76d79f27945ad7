#!/bin/bash
#  The picture of the layers in lib/README.md is the include graph: each arrow
#  stands for an include, each include for an arrow, and all arrows point
#  downward. Every file that the page names exists.
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$ZSEQ_SOURCE/lib" || exit 1

#  The picture: one layer a line, from the top down, as "LAYER -> LAYER...". A
#  line may have several layers that do not include each other.
picture=$(sed -n '/^```layers$/,/^```$/p' README.md | grep -v '^```')
holds "the picture was read" grep -q . <<<"$picture"

drawn=$(awk '{ for (i = 3; i <= NF; i++) print $1, $i }' <<<"$picture" | sort -u)
rank=$(awk '{ print $1, NR }' <<<"$picture")

#  Which folder's files include which folder's headers.
included=$(grep -HE '^#include "' ./*/*.[ch] \
    | sed -nE 's|^\./([a-z]+)/[^:]*:#include "([^"]+)".*|\1 \2|p' \
    | while read -r from header; do
        to=$(find . -maxdepth 2 -name "$header" -printf '%h\n')
        echo "$from ${to#./}"
    done | awk '$1 != $2 && $2 != "include"' | sort -u)
holds "includes were read" grep -q '^client op$' <<<"$included"

expectations=$((expectations + 1))
if [[ $drawn != "$included" ]]; then
    fail "the picture is not the include graph (< picture, > includes)"
    diff <(echo "$drawn") <(echo "$included")
fi

upward=$(awk 'NR == FNR { rank[$1] = $2; next }
    !($2 in rank) || rank[$2] <= rank[$1]' <(echo "$rank") <(echo "$drawn"))
expectations=$((expectations + 1))
[[ -z $upward ]] || fail "an arrow does not point downward: $upward"

is_there () {
    compgen -G "$1" >/dev/null
}

#  Files are named as `FOLDER/FILE`, with the layer's folder or with ../.
while read -r path; do
    holds "lib/README.md names $path" is_there "$path"
done < <(grep -oE '`[a-z./]+/[a-z_*]*(\.[a-z]+)?`' README.md | tr -d '`' | sort -u)

verdict
