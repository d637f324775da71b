#!/usr/bin/python3
"""AWS outage drills: the control plane is gone in every state of a ramp, and the new fleet breaks meanwhile.

    tests/e2e/test_drills.py [--all]        --all: every state and kind of outage, about six minutes"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ramp_kit import *  # noqa: E402,F403
from sandbox import Sandbox, Tap  # noqa: E402

t = Tap()
DEAD = {"black hole": dict(kind="hang", on="api", ms=600000), "resets": dict(kind="reset", on="api"),
        "throttle storm": dict(kind="throttle", on="api"), "503s": dict(kind="status", on="api", status=503)}
BROKEN = dict(on="fleet", kind="status", fleet="new", status=502)
PLAN_OF = dict(steps="[10, 100]", bake="3s", soak="{for: 4s, rate: 20/s}")


def shares(sb):
    """No share but those of the plan was ever there."""
    return set(percents(sb)) <= {0, 10, 100}


def dead_and_broken(how, state):
    """The API dies as a state begins, then the new fleet does: it goes on trying, says what stands, and is back once the API is."""
    with Sandbox(ramp_config()) as sb, Kit(sb, **PLAN_OF) as kit:
        run = kit.start("ramp")
        run.wait_line(state)
        sb.fault(**DEAD[how])
        sb.fault(**BROKEN)
        run.wait_line("reverting")
        run.wait_line("unsafe")
        t.ok(run.process.poll() is None, "%s while %s: it goes on trying" % (how, state), run.err[-500:])
        sb.clear_faults()
        t.eq(run.wait(), 1, "%s while %s: rolled back once the API answers" % (how, state))
        t.ok(shares(sb) and percents(sb)[-1] == 0, "%s while %s: only shares of the plan, and back at 0" % (how, state), percents(sb))
        t.eq(lease_state(sb), "released", "%s while %s: the lease is given back" % (how, state))


def dead_and_sound(how, state):
    """The API dies and comes back, both fleets are well: the ramp completes, no wait is cut short."""
    with Sandbox(ramp_config()) as sb, Kit(sb, **PLAN_OF) as kit:
        run = kit.start("ramp")
        run.wait_line(state)
        sb.fault(**DEAD[how], count=6)
        status = run.wait()
        t.eq(status, 0, "%s while %s, for a while: it completes" % (how, state))
        t.eq(percents(sb), [0, 10, 100], "%s while %s: by the plan's steps" % (how, state))


def stop(run, sig):
    """A first signal asks, a second one insists; two that wait together are one."""
    while run.process.poll() is None:
        run.signal(sig)
        try:
            run.process.wait(0.1)
        except subprocess.TimeoutExpired:
            pass
    return run.wait()


def stopped_unsafe():
    """A rollback that cannot be confirmed and is stopped says so by its exit, and what to type."""
    with Sandbox(ramp_config()) as sb, Kit(sb, **PLAN_OF) as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.fault(**DEAD["resets"])
        sb.fault(**BROKEN)
        run.wait_line("unsafe")
        t.eq(stop(run, signal.SIGINT), 12, "stopped while unsafe: exit 12")
        files = [f for f in os.listdir(kit.state) if f.startswith("rollback-")]
        t.ok(files, "the change batch for the AWS CLI lies in the state directory", os.listdir(kit.state))
        sb.clear_faults()
        t.eq(kit.run("rollback").process.returncode, 0, "and `sluice rollback` ends it")
        t.eq(sb.weights("www.example.com", "A"), {"heroku": 100, "ec2": 0}, "all on old")


def cli_batch():
    """The rollback file does what it says when the AWS CLI sends it: here, the same bytes by hand."""
    with Sandbox(ramp_config()) as sb, Kit(sb, **PLAN_OF) as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        run.kill()
        name = [f for f in os.listdir(kit.state) if f.startswith("rollback-")][0]
        with open(os.path.join(kit.state, name), encoding="utf-8") as f:
            batch = json.load(f)
        changes = [(c["Action"], {"name": c["ResourceRecordSet"]["Name"], "type": c["ResourceRecordSet"]["Type"],
                                  "set": c["ResourceRecordSet"]["SetIdentifier"], "weight": c["ResourceRecordSet"]["Weight"],
                                  "ttl": c["ResourceRecordSet"]["TTL"], "values": [v["Value"] for v in c["ResourceRecordSet"]["ResourceRecords"]]})
                   for c in batch["Changes"]]
        status, _, body = sb.batch(changes)
        t.eq(status, 200, "the file in the state directory is a good change batch")
        t.eq(sb.weights("www.example.com", "A"), {"heroku": 100, "ec2": 0}, "and brings all back")


def deposed_and_broken():
    """Another run takes the zone, then the fleet breaks: nothing more is written by the first."""
    with Sandbox(ramp_config()) as sb, Kit(sb, **dict(PLAN_OF, bake="20s")) as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        lease = [s for z in sb.state()["zones"] for s in z["sets"] if s["name"].startswith("_sluice.")][0]
        value = re.sub(r"owner=\w+ gen=(\d+)", lambda m: "owner=00112233445566ff gen=%d" % (int(m.group(1)) + 1000), lease["values"][0])
        value = re.sub(r"run=\S+", "run=another-run", value)
        sb.change(put=[dict(lease, values=[value])])
        n = len(batches(sb))
        sb.fault(**BROKEN)
        run.wait_line("another-run")
        status = stop(run, signal.SIGTERM)
        t.ok(status in (10, 12, 143), "deposed and broken: exit %d" % status, run.err[-600:])
        t.eq(len(batches(sb)), n, "and not one batch of the first run was applied any more")


if "--all" in sys.argv:
    for how in DEAD:
        dead_and_broken(how, "baking")
    for state in ("applying", "draining", "soaking"):
        dead_and_broken("resets", state)
    for how in ("resets", "throttle storm"):
        dead_and_sound(how, "applying")
    dead_and_sound("503s", "baking")
stopped_unsafe()
cli_batch()
deposed_and_broken()
sys.exit(t.done())
