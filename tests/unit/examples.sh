#!/bin/sh
# What stands in examples/ works: plans and suites are read without a fault, systemd accepts the units, the service goes on
# with an unfinished run and else begins one, and the Kamal hook asks every host and fails when one does.
set -u
srcdir=${srcdir:-.} builddir=${builddir:-.}
examples=$srcdir/examples
n=0 status=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

result() { # result GOOD WHAT
    n=$((n + 1))
    if [ "$1" = yes ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; status=1; fi
}
told() { sed 's/^/# /' "$1"; }

for plan in "$examples"/*.plan.yaml; do
    result "$("$builddir/sluice" check "$plan" >"$work/out" 2>&1 && echo yes)" "$(basename "$plan") has no fault"
    told "$work/out"
done
for suite in "$examples"/*.smoke.yaml; do
    result "$("$builddir/smoke/smoke" --check "$suite" >"$work/out" 2>&1 && echo yes)" "$(basename "$suite") has no fault"
    told "$work/out"
done

if command -v systemd-analyze >/dev/null 2>&1; then
    systemd-analyze verify --man=no "$examples/systemd/sluice@.service" "$examples/systemd/sluice@.timer" "$examples/systemd/smoke@.service" "$examples/systemd/smoke@.timer" >"$work/out" 2>&1
    grep -E "(sluice|smoke)@" "$work/out" >"$work/ours" # other units of this machine may have faults of their own
    result "$([ ! -s "$work/ours" ] && echo yes)" "systemd finds no fault in the units"
    told "$work/ours"
else
    n=$((n + 1))
    echo "ok $n - systemd finds no fault in the units # SKIP there is no systemd-analyze"
fi

# A sluice and a smoke that say what they are asked; both are only found by PATH.
mkdir "$work/bin"
cat >"$work/bin/sluice" <<'SH'
#!/bin/sh
if [ "$1" = status ]; then printf '%s\n' "$FAKE_STATUS"; else echo "$@"; fi
SH
cat >"$work/bin/smoke" <<'SH'
#!/bin/sh
echo "$@" >>"$FAKE_LOG"
case $2 in *bad*) exit 11 ;; esac
SH
chmod +x "$work/bin/sluice" "$work/bin/smoke"
PATH=$work/bin:$PATH
export PATH FAKE_LOG="$work/log" FAKE_STATUS=

start=$(sed -n "s/^ExecStart=\/bin\/sh -c '\(.*\)'\$/\1/p" "$examples/systemd/sluice@.service" | sed 's/%i/shop/g')
result "$([ -n "$start" ] && [ "$(sh -c "$start")" = "ramp --yes shop.plan.yaml" ] && echo yes)" "the service begins a run"
FAKE_STATUS='[{"cutover":"shop","unfinished":false}]'
result "$([ "$(sh -c "$start")" = "ramp --yes shop.plan.yaml" ] && echo yes)" "after one that is over, too"
FAKE_STATUS='[{"cutover":"shop","unfinished":true}]'
result "$([ "$(sh -c "$start")" = "recover --yes shop.plan.yaml" ] && echo yes)" "and goes on with an unfinished one"

hook=$examples/kamal/hooks/post-deploy
result "$([ -x "$hook" ] && echo yes)" "the Kamal hook can be executed"
: >"$work/log"
KAMAL_HOSTS=203.0.113.5,2001:db8::5 sh "$hook" >"$work/out" 2>&1
result "$([ $? -eq 0 ] && echo yes)" "the hook passes when smoke does on every host"
printf '%s\n' "--connect-to ::203.0.113.5 --var side=new config/shop.smoke.yaml" \
    "--connect-to ::[2001:db8::5] --var side=new config/shop.smoke.yaml" >"$work/wanted"
result "$(diff "$work/log" "$work/wanted" >"$work/diff" && echo yes)" "every host is asked by itself"
told "$work/diff"
: >"$work/log"
KAMAL_HOSTS=bad.example,203.0.113.6 sh "$hook" >"$work/out" 2>&1
result "$([ $? -eq 11 ] && [ "$(wc -l <"$work/log")" -eq 2 ] && echo yes)" "one host that fails fails the hook, and the others are asked all the same"
env -u KAMAL_HOSTS -u SMOKE_HOSTS sh "$hook" >"$work/out" 2>&1
result "$([ $? -eq 1 ] && echo yes)" "no host is no pass"
echo "1..$n"
exit $status
