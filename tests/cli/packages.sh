#!/bin/bash
#  .ci/install-packages installs what is missing, and shows what apt prints
#  only when apt fails. apt-get, dpkg-query and sudo are the test's own.
. "${BASH_SOURCE[0]%/*}/lib.sh"

mkdir "$work/bin" "$work/ci" "$work/ci/packages"
cp "$ZSEQ_SOURCE/.ci/install-packages" "$work/ci"
printf '%s\n' here >"$work/ci/packages/one"
printf '%s\n' here absent other >"$work/ci/packages/two"
cat >"$work/bin/dpkg-query" <<'END'
#!/bin/bash
[[ ${!#} == here ]] && printf installed
END
cat >"$work/bin/sudo" <<'END'
#!/bin/bash
exec "$@"
END
cat >"$work/bin/apt-get" <<END
#!/bin/bash
echo "noise of apt-get"
echo "more noise" >&2
echo "\$*" >>"$work/asked"
[[ " \$* " != *" \${APT_FAILS:-nothing} "* ]]
END
chmod +x "$work"/bin/*
export PATH=$work/bin:$PATH

answers "" bash "$work/ci/install-packages" one
holds "apt is not asked for what is installed" test ! -e "$work/asked"
answers "installing absent other" bash "$work/ci/install-packages" one two
holds "apt is asked for what is missing, and only that" \
    grep -q ' install .* absent other$' "$work/asked"
for step in update install; do
    run env APT_FAILS=$step bash "$work/ci/install-packages" two
    holds "a failure to $step is one" test "$status" -eq 1
    holds "what apt said is shown" \
        grep -qx -e 'noise of apt-get' -e 'more noise' "$work/err"
    holds "and what was to be installed" \
        grep -qx 'apt-get cannot install absent other' "$work/err"
done

#  The lists name packages that Debian knows, each once, in order.
for list in build test; do
    holds "$list is sorted" sort -c -u "$ZSEQ_SOURCE/.ci/packages/$list"
done

verdict
