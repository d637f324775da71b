"""Drills of hours, on the scaled clock: a change that stays PENDING for one, and leases that are past their time."""
from drill_kit import *
from scaled_clock import ScaledClock

HOUR_MS = 3600 * 1000
# Seconds a second: while a run moves (a hiccup of the kernel must not look like a suspended machine, nor a busy disk like a dead
# one), and while it only waits.
MOVING, WAITING = 12, 80
HOURS = dict(steps="[10, 100]", bake="60s", soak="{for: 60s, rate: 1/s}", on="{slow: ignore}",
             smoke="{suites: [{file: shop.smoke.yaml, budget: {allowed: 10%, unacceptable: 25%, consecutive_failures: 6}}], rate: 2/s}")
CHECKS = SUITE.replace("timeout: 2s, every: 100ms", "timeout: 30s, every: 1s")
LIFE_S = 600
PATIENCE = 240


def hours_kit(sb, **keys):
    return Kit(sb, suite=CHECKS, **dict(HOURS, **keys))


def until(clock, seconds, run=None):
    """Goes on when so many seconds of the scaled clock have passed."""
    end = clock.now_us() + seconds * 1000000
    while clock.now_us() < end:
        if run and run.process.poll() is not None:
            raise AssertionError("it has ended with %d:\n%s" % (run.process.returncode, run.err))
        time.sleep(0.02)


def between(sb, first, last, what):
    """Events of a kind of which the request came between two others."""
    return [e for e in sb.events("api") if first["us_done"] < e["us_first"] < last["us_first"] and e["action"] == what]


def pending_step(sb, run):
    """The first step's batch, which stays PENDING."""
    sb.fault(kind="pending", on="api", comment=" forward", nth=2, ms=HOUR_MS)
    run.wait_line("applying step 1")
    return lambda: [e for e in batches(sb) if kind_of(e) == "forward"][1]


@drill("hours: a step stays PENDING for an hour")
def pending_forward(d):
    with ScaledClock(MOVING) as clock, Sandbox(ramp_config()) as sb, hours_kit(sb) as kit:
        run = kit.start("ramp")
        step = pending_step(sb, run)
        sb.wait_for("the step", lambda _: percents(sb)[-1:] == [10])
        clock.rate(WAITING)
        run.wait_line("Route 53 still says PENDING", PATIENCE)
        until(clock, 3000, run)
        d.lacks(run.err, "draining", "no drain has begun after 50 minutes")
        probes = [e for e in sb.events("fleet") if e["us_done"] > clock.now_us() - 600e6]
        d.ok({e["fleet"] for e in probes} == {"old", "new"} and len(probes) > 50, "both fleets are probed on", len(probes))
        run.wait_line("draining", PATIENCE)
        clock.rate(MOVING)
        d.eq(run.wait(PATIENCE), 0, "it completes")
        first, second = step(), [e for e in batches(sb) if kind_of(e) == "forward"][2]
        d.ok(second["us_first"] - first["us_done"] > 3600e6, "the next step came after the hour", (second["us_first"] - first["us_done"]) / 1e6)
        asked = between(sb, first, second, "GetChange")
        d.ok(100 < len(asked) < 700, "it asked on, no more often than every 5 seconds", len(asked))
        d.ok(len(between(sb, first, second, "ListResourceRecordSets")) > 30, "and watched for drift")
        beats = [e for e in batches(sb) if kind_of(e) == "renew" and first["us_done"] < e["us_first"] < second["us_first"]]
        d.ok(10 <= len(beats) <= 25, "the lease was renewed every 200 seconds or so", len(beats))
        d.eq(percents(sb), [0, 10, 100], "by the plan's steps")
        ended(d, sb, 100, "released")


@drill("hours: the fleet breaks while a step is PENDING for an hour, and the rollback is too")
def pending_both(d):
    with ScaledClock(MOVING) as clock, Sandbox(ramp_config()) as sb, hours_kit(sb) as kit:
        run = kit.start("ramp")
        pending_step(sb, run)
        sb.fault(kind="pending", on="api", comment=" rollback", nth=1, ms=HOUR_MS)
        sb.wait_for("the step", lambda _: percents(sb)[-1:] == [10])
        until(clock, 120, run)
        sb.fault(**BROKEN)
        broken = clock.now_us()
        run.wait_line("the rollback has landed")
        landed = [e for e in batches(sb) if kind_of(e) == "rollback"][0]
        d.ok(landed["us_first"] - broken < 120e6, "the breach was seen and the rollback sent, step PENDING or not", (landed["us_first"] - broken) / 1e6)
        clock.rate(WAITING)
        run.wait_line("Route 53 still says PENDING", PATIENCE)
        until(clock, 3000, run)
        d.lacks(run.err, "the rollback is confirmed", "50 minutes later it is not confirmed")
        d.eq(run.wait(PATIENCE), 1, "it is, once INSYNC was seen")
        d.ok(clock.now_us() - landed["us_done"] > 3600e6, "after the hour", (clock.now_us() - landed["us_done"]) / 1e6)
        d.eq(percents(sb), [0, 10, 0], "there and back")
        ended(d, sb, 0, "released")


@drill("hours: stopped while the rollback is PENDING", sample=True)
def pending_stopped(d):
    with ScaledClock(MOVING) as clock, Sandbox(ramp_config()) as sb, hours_kit(sb) as kit:
        sb.fault(kind="pending", on="api", comment=" rollback", nth=1, ms=-1)
        run = kit.start("ramp")
        run.wait_line("baking", PATIENCE)
        sb.fault(**BROKEN)
        run.wait_line("the rollback has landed", PATIENCE)
        clock.rate(WAITING)
        until(clock, 1800, run)
        clock.rate(MOVING)
        d.eq(stop(run, signal.SIGTERM), 12, "unsafe until INSYNC was seen: exit 12")
        d.has(run.out, "is not confirmed", "and no share is claimed")
        sb.sync()
        back = kit.run("rollback")
        d.eq(back.process.returncode, 0, "`sluice rollback` confirms it")
        ended(d, sb, 0, "released")


@drill("hours: somebody edits a record while a step is PENDING")
def pending_drift(d):
    with ScaledClock(MOVING) as clock, Sandbox(ramp_config()) as sb, hours_kit(sb) as kit:
        run = kit.start("ramp")
        pending_step(sb, run)
        sb.wait_for("the step", lambda _: percents(sb)[-1:] == [10])
        until(clock, 600, run)
        edited = dict(sb.sets("www.example.com", "A")["ec2"], values=["127.0.2.9"])
        sb.change(put=[edited])
        at = clock.now_us()
        run.wait_line("somebody else changed", PATIENCE)
        d.ok(clock.now_us() - at < 120e6, "it is seen", (clock.now_us() - at) / 1e6)
        run.wait_line("held", PATIENCE)
        run.signal(signal.SIGTERM)
        d.eq(run.wait(), 10, "held, and left so")
        d.eq(sb.sets("www.example.com", "A")["ec2"]["values"], ["127.0.2.9"], "nobody wrote over it")
        ended(d, sb, 10, "forward")


# --- a lease past its time

def expire(sb, clock):
    """Until the lease that stands there is past its time."""
    value = [s["values"][0] for z in sb.state()["zones"] for s in z["sets"] if s["name"].startswith(LEASE)][0]
    end = int(re.search(r"exp=(\d+)", value).group(1))
    clock.rate(WAITING)
    while clock.wall() < end + 5:
        time.sleep(0.02)
    clock.rate(MOVING)


@drill("lease: a dead run's is watched for a whole life, then taken", sample=True)
def dead(d):
    with ScaledClock(MOVING) as clock, Sandbox(ramp_config()) as sb, hours_kit(sb) as kit, hours_kit(sb, cutover="newer") as second:
        first = kit.start("ramp")
        first.wait_line("baking")
        first.kill()
        expire(sb, clock)
        since, n = clock.now_us(), len(batches(sb))
        run = second.start("ramp", "--from-current")
        run.wait_line("is past its time", PATIENCE)
        d.has(run.err, "cutover shop, run ", "it says whose")
        clock.rate(WAITING)
        until(clock, LIFE_S / 2, run)
        d.eq(len(batches(sb)), n, "half a life later nothing was written")
        clock.rate(MOVING)
        run.wait_line("the lease is taken", PATIENCE)
        taken = batches(sb)[n]
        d.eq(kind_of(taken), "over", "the lease is taken over alone")
        d.ok(LIFE_S * 1e6 <= taken["us_first"] - since < (LIFE_S + 120) * 1e6, "after a whole life", (taken["us_first"] - since) / 1e6)
        d.eq(run.wait(PATIENCE), 0, "and the ramp completes")
        ended(d, sb, 100, "released")


@drill("lease: its run wakes up while it is watched, and writes it", sample=True)
def alive(d):
    with ScaledClock(MOVING) as clock, Sandbox(ramp_config()) as sb, hours_kit(sb) as kit, hours_kit(sb, cutover="newer") as second:
        first = kit.start("ramp")
        first.wait_line("baking")
        first.signal(signal.SIGSTOP)
        expire(sb, clock)
        run = second.start("ramp", "--from-current")
        run.wait_line("is past its time", PATIENCE)
        clock.rate(WAITING)
        until(clock, LIFE_S / 2, run)
        clock.rate(MOVING)
        first.signal(signal.SIGCONT)
        d.eq(run.wait(PATIENCE), 75, "the second is refused with 75")
        d.has(run.err, "another run holds the lease", "it says that there is another run")
        d.eq([e for e in sb.events("api") if (e.get("comment") or "").startswith("sluice newer")], [], "and has written nothing")
        d.eq(first.wait(PATIENCE), 0, "the first completes")
        d.eq(percents(sb), [0, 10, 100], "by its steps")
        ended(d, sb, 100, "released")
