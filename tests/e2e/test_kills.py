"""`kill -9` of `sluice ramp` at many points, then `resume`: every end state allowed, no share that was not meant.

A point is the k-th API call of a run (also of a run that is rolling back, so among them the moments between a
rollback's sending and its journal line, and between its batches), or a moment in time. SLUICE_KILLS says how
many (10; tests/long.sh: 60), SLUICE_SEED which. A failure names its point.
"""
import os
import random
import time

from ramp_kit import *
from sandbox import Sandbox, Tap

t = Tap()
KILLS = int(os.environ.get("SLUICE_KILLS", "10"))
SEED = int(os.environ.get("SLUICE_SEED", "1"))
CALLS_FORWARD, CALLS_BACK = 22, 9


def calls(sb):
    return sum(1 for e in sb.events("api"))


def until(run, found, seconds=60):
    """Waits for found(); False when the run ended first."""
    end = time.monotonic() + seconds
    while not found():
        if run.process.poll() is not None:
            return False
        if time.monotonic() > end:
            raise AssertionError("waited in vain:\n" + run.err)
        time.sleep(0.002)
    return True


def two_batches(config):
    """So many records that a step and a rollback are two batches each."""
    for i in range(140):
        for s, w, v in (("heroku", 100, "127.0.1.%d"), ("ec2", 0, "127.0.2.%d")):
            config["zones"][0]["records"].append(
                {"name": "r%03d.example.com" % i, "type": "A", "set": s, "weight": w, "ttl": 1,
                 "values": [v % (2 + i % 250)]})
    return config


def kill_at(rng, number):
    breach = rng.random() < 0.6
    many = breach and rng.random() < 0.4
    k = rng.randint(0, CALLS_BACK + (4 if many else 0)) if breach else rng.randint(1, CALLS_FORWARD)
    nap = rng.choice([0, 0, 0.001, 0.003, 0.01, 0.05])
    what = "point %d (%s%s, call %d, %g s)" % (number, "breach" if breach else "forward", ", two batches" if many else "", k, nap)
    config = ramp_config()
    plan = dict(steps="[10, 100]", bake="1s", soak="{for: 1s, rate: 10/s}")
    if many:
        two_batches(config)
        plan["records"] = "all"
    if breach:
        plan["bake"] = "20s"
        plan["smoke"] = PLAN["smoke"].replace("unacceptable: 25%", "unacceptable: 25%, failure_limit: 3")
    with Sandbox(config) as sb, Kit(sb, **plan) as kit:
        run = kit.start("ramp")
        if breach:
            run.wait_line("baking")
            base = calls(sb)
            sb.fault(on="fleet", kind="status", fleet="new", status=502)
            run.wait_line("reverting")
        else:
            base = 0
        if until(run, lambda: calls(sb) >= base + k):
            time.sleep(nap)
        run.kill()
        ended = run.process.returncode
        if ended == -9:
            run = kit.run("resume")
            if run.process.returncode == 11 and not record_changes(sb):
                run = kit.run("ramp")
            if run.process.returncode == 11 and "is over" in run.err:
                ended, status = None, (1 if breach else 0)
            else:
                status = run.process.returncode
        else:
            status = ended
        shares = percents(sb)
        want = (1, [0, 10, 0]) if breach else (0, [0, 10, 100])
        good = status == want[0] and shares == want[1] and lease_state(sb) == "released"
        t.ok(good, what, "status %s, shares %s, lease %s\n%s" % (status, shares, lease_state(sb), run.err))


rng = random.Random(SEED)
for number in range(KILLS):
    try:
        kill_at(rng, number)
    except AssertionError as e:
        t.ok(False, "point %d of seed %d" % (number, SEED), e)
t.done()
