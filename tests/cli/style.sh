#!/bin/bash
#  C files are as clang-format says, scripts as shellcheck says.
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

[[ $expectations -gt 0 ]] || skip "neither is installed"
verdict
