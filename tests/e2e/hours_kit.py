"""A cutover of hours on the scaled clock: its zone, plan and suite."""
from cutover_kit import *
from sandbox import Sandbox, Tap
from scaled_clock import ScaledClock

HOUR = 3600
# Seconds a second. While sluice only waits, fast; while it ramps, so that the kernel's own hiccups stay below the two seconds
# between two turns of the loop that a step takes for a suspended machine.
WAITING, MOVING = 240, 25
PATIENCE = 300
# slow: ignore, because latencies of a loaded machine, 25 times as long, are no evidence.
HOURS_PLAN = dict(records=RECORDS, on="{slow: ignore}", sides=SIDES, prepare="{ttl: 60s}", steps="[1, 10, 50, 100]", bake="60s", soak="{for: 30m, rate: 1/s}",
                  verify="dns", smoke="{suites: [{file: shop.smoke.yaml, budget: {allowed: 10%, unacceptable: 25%}}], rate: 2/s}")
HOURS_SUITE = SUITE.replace("timeout: 2s, every: 100ms", "timeout: 30s, every: 1s")


def hours_config():
    """Servers that learn of a change within a minute, as Route 53's do: each change is PENDING so long."""
    c = config(simple(HOUR, HOUR, HOUR))
    c["dns"]["servers"] = [{"delay_ms": 5000}, {"delay_ms": 20000}, {"delay_ms": 20000}, {"delay_ms": 40000}]
    return c


def asked(t, client, rate, took):
    """The end of the story: what the DNS client saw."""
    t.eq(client.bad[:20], [], "not one empty, failed or foreign answer in %d" % client.n)
    t.ok(client.seen["new"] > 0 and client.seen["old"] > 0, "both sides were answered in their time", client.seen)
    t.ok(rate >= 200, "asked %d times a second" % rate)
    print("# %.0f minutes of the plan's time, %d questions, %d a second" % (took / 60, client.n, rate))


__all__ = [n for n in dir() if not n.startswith("_")]
