"""Drills: another run takes the zone, and then the new fleet breaks for the run that had it."""
from drill_kit import *

# What breaks is looked at by the first run alone, so that the second one has no reason to go back.
FIRST = """version: 1
base_url: http://www.example.com:%(port)d
defaults: {timeout: 2s, every: 100ms}
checks:
  - name: up
    request: {get: /up}
  - name: sign in
    request: {get: /login}
"""
SECOND = """version: 1
base_url: http://www.example.com:%(port)d
defaults: {timeout: 2s, every: 100ms}
checks:
  - name: up
    request: {get: /up}
"""
LOGIN_FAILS = dict(BROKEN, path="/login")


def calls_of(sb, cutover, since=0):
    """The change batches this cutover has sent, landed or not."""
    return [e for e in sb.events("api", since) if e["action"] == "ChangeResourceRecordSets"
            and (e.get("comment") or "").startswith("sluice %s " % cutover)]


def take_over(sb, kit, second):
    """The second run takes what it wants, from where it stands, and bakes."""
    run = second.start("ramp", "--take-over", "--from-current")
    run.wait_line("the lease is taken")
    return run, sb.state()["log_seq"]


def holder(second):
    """The second run's name, from its journal."""
    return second.journals()[-1].split(".", 1)[1].rsplit(".", 1)[0]


@drill("deposed: another run takes the zone, and the fleet breaks before it is known", False)
@drill("deposed: another run takes the zone, and the fleet breaks once it is known", True)
def one_zone(d, known):
    with Sandbox(ramp_config()) as sb, Kit(sb, suite=FIRST, **dict(PLAN_OF, bake="60s", lease="{life: 1m}")) as kit, \
            Kit(sb, suite=SECOND, **dict(PLAN_OF, cutover="newer", bake="10s")) as second:
        first = kit.start("ramp")
        first.wait_line("baking")
        other, since = take_over(sb, kit, second)
        if known:
            first.wait_line("another run took")
            since = sb.state()["log_seq"]
        sb.fault(**LOGIN_FAILS)
        first.wait_line("breach")
        d.eq(other.wait(), 0, "the other run completes")
        d.eq(first.wait(150), 10, "the first ends with 10")
        d.has(first.out, "deposed", "as deposed")
        d.has(first.err, "run " + holder(second), "and has said who holds the zone")
        wrote = calls_of(sb, "shop", since)
        d.eq([e for e in wrote if e.get("applied")], [], "it has changed nothing since")
        said = [i for i, line in enumerate(first.lines) if "another run took" in line or line.split(" ", 2)[1:2] == ["breach:"]]
        if known or "another run took" in first.lines[said[0]]:
            d.eq(wrote, [], "nor tried to")
        else:
            d.ok(wrote and all(e["code"] == "InvalidChangeBatch" for e in wrote), "what it tried before it knew was refused by the fence",
                 [e["code"] for e in wrote])
        d.eq(percents(sb), [0, 10, 100], "the other run's steps stand")
        ended(d, sb, 100, "released")


@drill("deposed: in one of two zones, and the fleet breaks")
def two_zones_one_taken(d):
    records = "[{name: www.example.net, type: A}]"
    with Sandbox(zone_config()) as sb, \
            Kit(sb, suite=FIRST, **dict(PLAN_OF, bake="60s", lease="{life: 1m}", records=plan_records((), ()))) as kit, \
            Kit(sb, suite=SECOND.replace("example.com", "example.net"), **dict(PLAN_OF, cutover="newer", bake="10s", records=records,
                route53=route53_of(sb, "example.net"))) as second:
        first = kit.start("ramp")
        first.wait_line("baking")
        other, _ = take_over(sb, kit, second)
        first.wait_line("another run took")
        since = sb.state()["log_seq"]
        sb.fault(**LOGIN_FAILS)
        first.wait_line("the rollback has landed")
        d.eq(other.wait(), 0, "the other run completes")
        d.eq(first.wait(150), 10, "the first ends with 10")
        d.has(first.out, "deposed", "as deposed")
        d.has(first.err, "run " + holder(second), "and has said who holds the zone")
        d.eq({e["zone"] for e in calls_of(sb, "shop", since)}, {"Z0SANDBOXEXAMPLE"}, "it has written in its own zone alone")
        d.eq(percents(sb), [0, 10, 0], "which it has brought back")
        d.eq(percents(sb, name="www.example.net."), [0, 10, 100], "in the other one the other run's steps stand")
        ended(d, sb, 0, {"example.com.": "reverting", "example.net.": "released"}, **{"www.example.net": 100})


def route53_of(sb, zone):
    return "{zone: %s, endpoint_url: '%s', servers: [%s], resolver: '%s'}" % (
        zone, sb.ready["api"], ", ".join("'%s'" % s for s in sb.ready["dns"]), sb.ready["resolver"])


@drill("deposed: by a hand that writes another run's lease, the fleet breaks, and it is stopped", sample=True)
def stopped(d):
    with Sandbox(ramp_config()) as sb, Kit(sb, **dict(PLAN_OF, bake="20s")) as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        lease = [s for z in sb.state()["zones"] for s in z["sets"] if s["name"].startswith(LEASE)][0]
        value = re.sub(r"owner=\w+ gen=(\d+)", lambda m: "owner=00112233445566ff gen=%d" % (int(m.group(1)) + 1000), lease["values"][0])
        sb.change(put=[dict(lease, values=[re.sub(r"run=\S+", "run=another-run", value)])])
        n = len(batches(sb))
        sb.fault(**BROKEN)
        run.wait_line("another-run")
        d.eq(stop(run, signal.SIGTERM), 12, "stopped: exit 12, for it is not back")
        d.eq(len(batches(sb)), n, "not one batch of it was applied any more")
        d.lacks(run.out, "by hand: aws", "and nobody is told to write over the other run by hand")
        ended(d, sb, 10, "forward")
