#!/bin/bash
#  Checks style: C files are formatted by clang-format, scripts pass shellcheck,
#  no line of C has more than 80 columns, and no old word comes back
#  (lib/doc/design.md, section 2).
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$ZSEQ_SOURCE" || exit 1

#  The project's files of these names, which need not be committed yet.
find_files () {
    mapfile -d '' files < <(find . -path ./build -prune -o -path ./.git -prune \
        -o -type f \( "$@" \) -print0)
}

if command -v clang-format >/dev/null; then
    find_files -name '*.[ch]'
    holds "clang-format" clang-format --dry-run -Werror "${files[@]}"
else
    echo "skipped: clang-format is not installed"
fi
if command -v shellcheck >/dev/null; then
    find_files -name '*.sh' -o -path './.ci/run' -o -path './.ci/install-*'
    holds "shellcheck" shellcheck -x -P SCRIPTDIR -S warning "${files[@]}"
else
    echo "skipped: shellcheck is not installed"
fi

find_files -name '*.[ch]'
expectations=$((expectations + 1))
wide=$(LC_ALL=C.UTF-8 grep -nE '^.{81,}' "${files[@]}")
[[ -z $wide ]] || fail "lines over 80 columns: $wide"

#  Words that an identifier does not have, as one of its parts: the field has a
#  word for each.
old='riders?|wish|wishes|errands?|drinkers?|drinks?|thirst|thirsty|hungry'
old+='|company|flights?|boards?|leaps?|paces?|earnest|warming|heeds?'
old+='|pump|nudge|restless|crowds?|crowded|patience|harm|complaint'
old+='|kin|unkin|strangers?|pursues?|rivals?|refuted|life|lives|born|births?'
old+='|engines?|embedded|replica|tells?|told'
#  ... and whole names: plain English, each, but not for these.
old_names='zseq_(lines?|links?|want|probe|rendezvous)(_[a-z_]+)?'
expectations=$((expectations + 1))
#  Tests are named by plain sentences.
found=$(sed -E '/^Test \(/d; s|//.*||; s/"([^"\\]|\\.)*"//g' "${files[@]}" \
    | grep -oE '[A-Za-z_][A-Za-z0-9_]+' | sort -u | grep -E -e "^$old_names\$" \
        -e "(^|_)($old|$(tr a-z A-Z <<<"$old"))(_|\$)")
[[ -z $found ]] || fail "old words in identifiers:" $found

#  Private words, which no prose has either.
private='riders?|errands?|drinkers?|heed(s|ed|ing)?|kin|thirst(y)?'
mapfile -d '' files < <(find . -path ./build -prune -o -path ./.git -prune \
    -o -path ./tests/cli/style.sh -prune -o -type f \
    \( -name '*.[ch]' -o -name '*.md' -o -name '*.sh' -o -name '*.py' \
    -o -name '*.[18]' -o -name '*.patch' \) -print0)
expectations=$((expectations + 1))
found=$(grep -nwiE "$private" "${files[@]}")
[[ -z $found ]] || fail "private words: $found"

[[ $expectations -gt 0 ]] || skip "neither is installed"
verdict
