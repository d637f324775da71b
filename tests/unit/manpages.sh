#!/bin/sh
# The man pages say what the programs do: every command and option is in sluice(1) and nothing else is, every key
# of the plan's schema is in sluice.yaml(5), and the example there passes `sluice check`.
set -u
srcdir=${srcdir:-.} builddir=${builddir:-.}
sluice=$builddir/sluice
man=$srcdir/docs/man
n=0 status=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

result() { # result GOOD WHAT
    n=$((n + 1))
    if [ "$1" = yes ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; status=1; fi
}

commands=$("$sluice" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
{
    "$sluice" --help
    for c in $commands; do "$sluice" help "$c"; done
} | grep -o -- '^ *\(-[a-z], \)\?--[a-z-]*' | grep -o -- '--[a-z-]*' | sort -u >"$work/have"
grep -o '^\*.*' "$man/sluice.1.scd" | grep -o -- '\*--[a-z-]*\*' | tr -d '*' | sort -u >"$work/told"
result "$([ -n "$commands" ] && [ -s "$work/have" ] && echo yes)" "the program lists its commands and options"
result "$(diff "$work/have" "$work/told" >"$work/diff" && echo yes)" "sluice(1) has every option and no other"
sed 's/^/# /' "$work/diff"
missing=
for c in $commands; do grep -q "^\*$c\*" "$man/sluice.1.scd" || missing="$missing $c"; done
result "$([ -z "$missing" ] && echo yes)" "sluice(1) has every command"
[ -z "$missing" ] || echo "# missing:$missing"

missing=
keys=$(grep -o '"[a-z_]*": *{' "$srcdir/docs/schema/plan.schema.json" | grep -o '[a-z_]*' | sort -u)
for k in $keys; do
    case $k in properties | definitions | items | side | step | record | budget | suite) continue ;; esac
    grep -q "\*$k\*" "$man/sluice.yaml.5.scd" || missing="$missing $k"
done
result "$([ -n "$keys" ] && [ -z "$missing" ] && echo yes)" "sluice.yaml(5) has every key"
[ -z "$missing" ] || echo "# missing:$missing"

awk '/^```/ { on = !on; next } on' "$man/sluice.yaml.5.scd" >"$work/plan.yaml"
cat >"$work/shop.smoke.yaml" <<'YAML'
version: 1
base_url: https://www.example.com
checks:
  - {name: up, request: {get: /up}}
  - {name: files, request: {get: "https://files.example.com/up"}}
YAML
result "$("$sluice" check "$work/plan.yaml" >"$work/check" 2>&1 && echo yes)" "the example plan passes sluice check"
sed 's/^/# /' "$work/check"
echo "1..$n"
exit $status
