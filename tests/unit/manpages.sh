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

commands=$("$sluice" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
{
    "$sluice" --help
    for c in $commands; do "$sluice" help "$c"; done
} | grep -o -- '^ *\(-[a-z], \)\?--[a-z-]*' | grep -o -- '--[a-z-]*' | sort -u >"$work/have"
grep -o '^\*.*' "$man/sluice.1.scd" | grep -o -- '\*--[a-z-]*\*' | tr -d '*' | sort -u >"$work/told"
result "$([ -n "$commands" ] && [ -s "$work/have" ] && echo yes)" "the program lists its commands and options"
result "$(diff "$work/have" "$work/told" >"$work/diff" && echo yes)" "sluice(1) has every option and no other"
sed 's/^/# /' "$work/diff"
echo "$commands" | grep -v '^ *$' | sort >"$work/have"
echo help >>"$work/have"
sed -n '/^# COMMANDS/,/^# OPTIONS/s/^\*\([a-z-]*\)\*.*/\1/p' "$man/sluice.1.scd" >"$work/told"
result "$(sort -o "$work/have" "$work/have" && sort "$work/told" | diff "$work/have" - >"$work/diff" && echo yes)" "sluice(1) has every command and no other"
sed 's/^/# /' "$work/diff"

# Every key under the heading of the map it belongs to, with its default and its words.
/usr/bin/env python3 - "$srcdir/docs/schema/plan.schema.json" "$man/sluice.yaml.5.scd" >"$work/diff" 2>&1 <<'PYTHON'
import json, re, sys
schema, text = json.load(open(sys.argv[1])), open(sys.argv[2], encoding="utf-8").read()
maps = dict(schema["definitions"], plan=schema)
for m in maps:  # a map that a single word may stand for
    maps[m] = next((x for x in [maps[m], *maps[m].get("anyOf", [])] if "properties" in x), {})
have = {(m, k): v for m in maps for k, v in maps[m].get("properties", {}).items()}
assert len(have) > 40, "the schema has few keys"
told = {}
for part in re.split(r"^## ", text.split("# KEYS\n")[1].split("\n# SEE")[0], flags=re.M)[1:]:
    for key, rest in re.findall(r"^\*([a-z0-9_]+)\*(.*\n(?:\t.*\n)+)", part, flags=re.M):
        told[part.split("\n")[0], key] = rest
faults = ["not told: %s.%s" % k for k in sorted(have.keys() - told.keys())]
faults += ["no such key: %s.%s" % k for k in sorted(told.keys() - have.keys())]
for key in have.keys() & told.keys():
    rest = " ".join(told[key].split())
    if "default" in have[key] and not re.search(r"Default %s\." % re.escape(str(have[key]["default"])), rest):
        faults.append("%s.%s: its default is %s" % (*key, have[key]["default"]))
    faults += ["%s.%s: %s is not told" % (*key, w) for w in have[key].get("enum", []) if "*%s*" % w not in rest]
    for bound in ("minimum", "maximum", "maxItems"):
        n = have[key].get(bound)
        if n is not None and not re.search(r"\b%s\b" % n, rest.replace(",", "")) and n not in (1, 1000000):
            faults.append("%s.%s: %s %s is not told" % (*key, bound, n))
    required = key[1] in maps[key[0]].get("required", [])
    if required != ("Required" in rest) and key[0] != "plan":
        faults.append("%s.%s is %srequired" % (*key, "" if required else "not "))
print("\n".join(faults))
sys.exit(bool(faults))
PYTHON
result "$([ $? -eq 0 ] && echo yes)" "sluice.yaml(5) has every key of each map with its default, range and words, and no other"
sed 's/^/# /' "$work/diff"

# The runbook has every reason a state can have.
sed -n 's/^ *\[RAMP_WHY_[A-Z_]*\] = {"\([a-z_]*\)".*/\1/p' "$srcdir/controller/ramp_names.c" | grep -vx none | sort >"$work/have"
sed -n '/^## Why/,$s/^| `\([a-z_]*\)` |.*/\1/p' "$srcdir/docs/runbook.md" | sort -u >"$work/told"
result "$([ -s "$work/have" ] && diff "$work/have" "$work/told" >"$work/diff" && echo yes)" "the runbook has every reason and no other"
sed 's/^/# /' "$work/diff"
missing=
for state in completed rolled_back refused interrupted deposed held unsafe; do
    sed -n '/^## What a run ends with/,/^## Why/p' "$srcdir/docs/runbook.md" | grep -q "^| [*]*\`$state\`" || missing="$missing $state"
done
result "$([ -z "$missing" ] && echo yes)" "the runbook has every end"
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
# smoke(1) and smoke.yaml(5): the same.
smoke=$builddir/smoke/smoke
"$smoke" --help | grep -o -- '^ *\(-[a-zA-Z], \)\?--[a-z-]*' | grep -o -- '--[a-z-]*' | sort -u >"$work/have"
grep -o '^\*.*' "$man/smoke.1.scd" | grep -o -- '\*--[a-z-]*\*' | tr -d '*' | sort -u >"$work/told"
result "$([ -s "$work/have" ] && diff "$work/have" "$work/told" >"$work/diff" && echo yes)" "smoke(1) has every option and no other"
sed 's/^/# /' "$work/diff"
/usr/bin/env python3 - "$srcdir/docs/schema/smoke.schema.json" "$man/smoke.yaml.5.scd" >"$work/diff" 2>&1 <<'PYTHON'
import json, re, sys
schema, text = json.load(open(sys.argv[1])), open(sys.argv[2], encoding="utf-8").read()
keys = set()
def walk(node):
    if isinstance(node, dict):
        for k, v in node.get("properties", {}).items():
            keys.add(k)
        for v in node.values():
            walk(v)
    elif isinstance(node, list):
        for v in node:
            walk(v)
walk(schema)
assert len(keys) > 100, "the schema has few keys"
words = set(re.findall(r"[a-z0-9_]+", text))
faults = ["not told: %s" % k for k in sorted(keys - words)]
print("\n".join(faults))
sys.exit(bool(faults))
PYTHON
result "$([ $? -eq 0 ] && echo yes)" "smoke.yaml(5) tells of every key"
sed 's/^/# /' "$work/diff"
awk '/^```/ { on = !on; next } on' "$man/smoke.yaml.5.scd" >"$work/s.yaml"
result "$("$smoke" --check "$work/s.yaml" >"$work/check" 2>&1 && echo yes)" "the example suite passes smoke --check"
sed 's/^/# /' "$work/check"

echo "1..$n"
exit $status
