#!/bin/sh
# The main job in three scenes against the local stand-in for Route 53 (examples/sandbox), no account needed:
#
#   1  a ramp 1/10/50/100 % that completes
#   2  the new fleet starts failing at 10 %, and sluice backs out by itself
#   3  smoke alone, as a gate, against the new fleet
#
# Installs what is missing (Debian 12), builds into out/demo, takes about a minute. Everything it starts is
# stopped when it ends; all traffic stays on the loopback interface.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
build=${SLUICE_BUILD:-$top/out/demo}

if [ ! -x "$build/sluice" ] || [ -z "${SLUICE_BUILD:-}" ]; then
    ./bootstrap --no-configure
    mkdir -p "$build"
    echo "demo: building into ${build#"$top"/}" >&2
    (cd "$build" && { [ -f Makefile ] || ../../configure -q; } && make -s -j"$(nproc)") >"$build/build.log" 2>&1 ||
        { tail -n 30 "$build/build.log" >&2; echo "demo: the build failed, see $build/build.log" >&2; exit 1; }
fi
for program in sluice smoke/smoke sluice-sandbox; do
    [ -x "$build/$program" ] || { echo "demo: $build/$program is missing" >&2; exit 1; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/sluice-demo.XXXXXX")
sandbox=
stop_sandbox() {
    [ -z "$sandbox" ] || { kill "$sandbox" 2>/dev/null || true; wait "$sandbox" 2>/dev/null || true; }
    sandbox=
}
finish() {
    status=$?
    trap - EXIT
    stop_sandbox
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

field() { # field NAME: a value of the ready line
    sed -n 's/.*"'"$1"'": *"\{0,1\}\([^",}]*\).*/\1/p' "$work/ready.json"
}

# scene NUMBER WORDS: a fresh sandbox, plan and suite.
scene() {
    stop_sandbox
    rm -rf "$work/state" "$work/ready.json"
    printf '\n=== %s. %s ===\n\n' "$1" "$2"
    "$build/sluice-sandbox" --config examples/sandbox/shop.json --seed "$1" --exit-with-parent \
        --log "$work/log.$1.jsonl" --ready "$work/ready.json" >/dev/null &
    sandbox=$!
    tries=0
    until [ -s "$work/ready.json" ]; do
        tries=$((tries + 1))
        { [ $tries -lt 100 ] && kill -0 "$sandbox" 2>/dev/null; } || { echo "demo: the sandbox did not start" >&2; exit 1; }
        sleep 0.1
    done
    servers=$(sed -n 's/.*"dns": *\[\([^]]*\)\].*/\1/p' "$work/ready.json")
    for file in plan shop.smoke; do
        sed -e "s|@API@|$(field api)|; s|@SERVERS@|$servers|; s|@RESOLVER@|$(field resolver)|" \
            -e "s|@HTTPS_PORT@|$(field https_port)|" "examples/demo/$file.yaml.in" >"$work/$file.yaml"
    done
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY SSL_CERT_FILE DEMO_PASSWORD DEMO_STRIPE_SECRET SLUICE_STATE_DIR
    AWS_ACCESS_KEY_ID=$(field access_key)
    AWS_SECRET_ACCESS_KEY=$(field secret_key)
    SSL_CERT_FILE=$(field ca)
    DEMO_PASSWORD="correct horse"
    DEMO_STRIPE_SECRET=whsec_sandbox
    SLUICE_STATE_DIR=$work/state
}

# expect STATUS COMMAND...: runs it and says what came of it.
expect() {
    want=$1
    shift
    status=0
    "$@" || status=$?
    if [ "$status" -ne "$want" ]; then
        echo "demo: exit status $status, $want was expected" >&2
        exit 1
    fi
    echo "(exit status $status)"
}

shares() {
    echo
    echo "What the sandbox's name servers answer now:"
    "$build/sluice" observe "$work/plan.yaml"
}

# break_new_fleet_at PERCENT: waits until the zone gives the new set that weight, then orders errors.
break_new_fleet_at() {
    tries=0
    while [ $tries -lt 600 ]; do
        weight=$(curl -s "$(field control)/state" | tr '{' '\n' |
            sed -n 's/.*"www.example.com.".*"ec2".*"weight": *\([0-9]*\).*/\1/p' | head -n 1)
        if [ "${weight:-0}" -ge "$1" ]; then
            curl -s -X POST "$(field control)/faults" -H 'Content-Type: application/json' \
                -d '{"kind": "status", "on": "fleet", "fleet": "new", "status": 500}' >/dev/null
            echo "demo: >>> the new fleet answers 500 from now on <<<" >&2
            return
        fi
        tries=$((tries + 1))
        sleep 0.1
    done
}

scene 1 "a ramp that completes"
"$build/sluice" check "$work/plan.yaml"
expect 0 "$build/sluice" ramp --yes "$work/plan.yaml"
shares

scene 2 "the new fleet goes bad at 10 %, sluice backs out"
break_new_fleet_at 10 &
watcher=$!
expect 1 "$build/sluice" ramp --yes "$work/plan.yaml"
wait "$watcher"
shares

scene 3 "smoke alone, as a gate, against the new fleet"
expect 0 "$build/smoke/smoke" --connect-to "::127.0.2.1:" "$work/shop.smoke.yaml"
printf '\nThe demo is over: one ramp completed, one backed out, one gate passed.\n'
