#!/usr/bin/python3
"""A cutover with TTLs of an hour that is rolled back at each step, and undone at each stage (see test_hours_forward.py)."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hours_kit import *  # noqa: E402,F403

t = Tap()


def back_at_each_step():
    with ScaledClock(WAITING) as clock, Sandbox(hours_config()) as sb, Converting(sb, suite=HOURS_SUITE, **dict(HOURS_PLAN, soak="{for: 2m, rate: 1/s}")) as kit:
        before = zone(sb)
        client = Client(sb)
        began = clock.now_us()
        t.eq(kit.run("prepare").process.returncode, 0, "prepare")
        weighted = zone(sb)
        for step, state in ((1, "baking"), (10, "draining"), (50, "verifying"), (100, "soaking")):
            clock.rate(MOVING)
            client.sides("old", "new")
            ramp = kit.start("ramp")
            seen = ramp.wait_line("%d %%" % step, seconds=PATIENCE)
            ramp.wait_line(state, seconds=PATIENCE, after=seen - 1)
            t.eq(kit.run("rollback").process.returncode, 0, "rolled back while %s at %d %%" % (state, step))
            client.sides("old")
            t.eq(ramp.wait(PATIENCE), 0, "the ramp ends with it")
            t.eq(zone(sb), weighted, "and the zone is as prepared, byte for byte")
        t.eq(lease_state(sb), "released", "the lease is given back")

        client.sides("old", "new")
        t.eq(kit.start("ramp").wait(PATIENCE), 0, "a ramp after all these completes")
        client.sides("new")
        groups = zone(sb)
        clock.rate(WAITING)
        t.eq(kit.run("finish", "--no-wait").process.returncode, 0, "finish")
        t.eq((kit.run("finish", "--undo").process.returncode, zone(sb)), (0, groups), "finish --undo brings the groups back")
        client.sides("old", "new")
        t.eq(kit.run("rollback").process.returncode, 0, "rollback without a run")
        client.sides("old")
        t.eq(zone(sb), weighted, "is as prepared again")
        t.eq(kit.run("prepare", "--undo").process.returncode, 0, "prepare --undo")
        t.eq(zone(sb), before, "the zone is as it was before all, byte for byte, its TTLs of an hour included")
        took = (clock.now_us() - began) / 1e6
        rate = client.end()
        asked(t, client, rate, took)


back_at_each_step()
sys.exit(t.done())
