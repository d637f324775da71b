#!/bin/sh
# docs/faults.md lists the kinds of tests/sim/sim_faults.c, all of them, in the same words and order, and each with runs.
set -u
sim=${builddir:-.}/tests/sim/sim
doc=${srcdir:-.}/docs/faults.md
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
status=0
"$sim" --faults >"$dir/code"
grep '^| [a-z_]* | .* | [0-9]* |' "$doc" >"$dir/rows"
sed 's/^| \([a-z_]*\) | \([^|]*\) |.*/\1 | \2/' "$dir/rows" >"$dir/doc"
n=$(wc -l <"$dir/code")

# check NUMBER WHAT COMMAND...
check() {
    number=$1 what=$2
    shift 2
    if "$@" >"$dir/log" 2>&1; then
        echo "ok $number - $what"
    else
        echo "not ok $number - $what"
        status=1
    fi
    sed 's/^/# /' "$dir/log"
}

none_unmet() {
    ! grep "^| [a-z_]* | [^|]* | 0 |" "$dir/rows"
}

echo "1..3"
check 1 "docs/faults.md lists the kinds of the code" diff "$dir/code" "$dir/doc"
check 2 "there are 40 kinds or more" [ "$n" -ge 40 ]
check 3 "each of them was met" none_unmet
exit $status
