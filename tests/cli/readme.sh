#!/bin/bash
#  README.md shows only what is tested: its C is that of the examples, its
#  commands are those of the scripts, and the files it names exist. And
#  tests/README.md names the scripts.
. "${BASH_SOURCE[0]%/*}/lib.sh"
readme=$ZSEQ_SOURCE/README.md
[[ -f $readme ]] || skip "there is no README.md"

#  blocks LANGUAGE: prints the fenced blocks of that language, each ended by a
#  NUL.
blocks () {
    awk -v fence="^\`\`\`$1\$" '
        $0 ~ fence { inside = 1; next }
        inside && /^```$/ { inside = 0; printf "%c", 0; next }
        inside { print }' "$readme"
}

#  contains FILE LINES: the lines are in the file, one after the other.
contains () {
    FILE="$1" TEXT="$2" python3 - <<'END'
import os, sys
text = open(os.environ["FILE"]).read()
sys.exit(0 if os.environ["TEXT"] in text else 1)
END
}

#  Each C block is in an example as it stands. examples.sh runs the examples.
shown_in_an_example () {
    local example
    for example in "$ZSEQ_SOURCE"/examples/*.c; do
        if contains "$example" "$1"; then
            return
        fi
    done
    return 1
}

while IFS= read -r -d '' block; do
    holds "C in README.md is not in examples/*.c: $block" \
        shown_in_an_example "$block"
done < <(blocks c)

#  Each zseq and zseqd command names real commands and options.
while IFS= read -r -d '' block; do
    while read -r program words; do
        for word in $words; do
            if [[ $word =~ ^--[a-z-]+ ]]; then
                word=${BASH_REMATCH[0]}
                holds "README.md: $program has no option $word" \
                    grep -q -- "${word//-/\\\\-}" \
                    "$ZSEQ_SOURCE/lib/man/${program##*/}".[18]
            fi
        done
    done < <(grep -Eo '(^|[ /])zseqd? [^|#;&>]*' <<<"$block" \
        | sed 's/^[ /]*//')
done < <(blocks sh)

#  tests/README.md names each script of this folder.
for script in "$ZSEQ_SOURCE"/tests/cli/*.sh; do
    name=cli/${script##*/}
    holds "tests/README.md does not name $name" \
        grep -qF "\`$name\`" "$ZSEQ_SOURCE/tests/README.md"
done

#  The targets of links exist.
while read -r path; do
    holds "README.md links to $path, which is not there" \
        test -e "$ZSEQ_SOURCE/$path"
done < <(grep -Eo '\]\([^)#]+' "$readme" | sed 's/^](//' | grep -v '://')

#  Options of the build exist.
while read -r option; do
    holds "README.md: the build has no option $option" \
        grep -q "^option ($option " "$ZSEQ_SOURCE/CMakeLists.txt"
done < <(grep -Eo -- '-D[A-Z_]+' "$readme" | sed 's/^-D//')

#  installed: prints what to add to variables for an installation in DIR.
installed () {
    tr '\n' ' ' <"$readme" | grep -Eo '`DIR/[a-z/]+` to `[A-Z_]+`' \
        | tr -d '`' | sed 's/DIR//; s/ to / /'
}

#  With these the programs and the library of an installation are found.
if [[ -z $ZSEQ_INSTRUMENTED ]]; then
    run cmake --install "$ZSEQ_BUILD" --prefix "$work/prefix"
    found=()
    while read -r folder variable; do
        found+=("$variable=$work/prefix$folder:${!variable-}")
    done < <(installed)
    holds "README.md says what to add to three variables" \
        test "${#found[@]}" -eq 3
    answers "zseq 0.1.0" env "${found[@]}" zseq --version
    run env "${found[@]}" bash -c "$ZSEQ_CC \$(pkg-config --cflags zseq) \
        '$ZSEQ_SOURCE/tests/install/outside/outside.c' -o '$work/outside' \
        \$(pkg-config --libs zseq)"
    holds "README.md: a program finds zseq.pc: $(cat "$work/err")" \
        test "$status" -eq 0
    answers 'too few nodes are reachable' env "${found[@]}" "$work/outside"
fi

holds "README.md says to run ldconfig" \
    grep -q 'cmake --install build/release && sudo ldconfig' "$readme"
holds "README.md shows the quick start" \
    grep -q 'bash examples/quickstart.sh' "$readme"
holds "README.md shows how to run the tests" grep -q 'bash tests/run.sh' \
    "$readme"

verdict
