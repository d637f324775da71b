"""`sluice ramp` on a bad network: lost and repeated replies, throttling, resets, a dead API, a wrong clock."""
import time
from concurrent.futures import ThreadPoolExecutor

from ramp_kit import *
from sandbox import Sandbox, Tap

t = Tap()


def under(faults, api):
    """One ramp on such a network: its exit status, the shares that were ever there, what it said."""
    with Sandbox(dict(ramp_config(**api), faults=faults)) as sb, Kit(sb, steps="[10, 100]", bake="1s") as kit:
        run = kit.run("ramp")
        return run.process.returncode, percents(sb), run.err


def networks():
    """Side by side: each has a sandbox of its own, and waits nearly all of its time."""
    change = dict(on="api", action="ChangeResourceRecordSets")
    bad = {
        "lost replies": ([dict(change, kind="lost_reply", every=3)], {}),
        "duplicates": ([dict(change, kind="duplicate", ms=700)], {}),
        "throttling": ([dict(kind="throttle", on="api", every=3)], {}),
        "503s": ([dict(kind="status", on="api", status=503, every=3)], {}),
        "resets": ([dict(change, kind="reset", nth=3), dict(kind="reset", on="api", action="GetChange", nth=2)], {}),
        "a clock nine minutes behind": ([], dict(clock_offset_ms=540000)),
        "PENDING for long": ([dict(change, kind="pending", ms=3000, nth=3)], {}),
    }
    with ThreadPoolExecutor(len(bad)) as pool:
        ends = {what: pool.submit(under, *how) for what, how in bad.items()}
    for what, end in ends.items():
        status, shares, said = end.result()
        t.eq(status, 0, "%s: completes" % what)
        t.eq(shares, [0, 10, 100], "%s: no other share was ever there" % what)
        if "clock" in what:
            t.has(said, "behind AWS's: requests are signed with AWS's time", "the wrong clock is told")


def refused_network():
    with Sandbox(ramp_config()) as sb, Kit(sb, route53="{zone: example.com, endpoint_url: 'http://127.0.0.1:9'}") as kit:
        run = kit.run("ramp")
        t.eq(run.process.returncode, 11, "a network that is down at the start refuses")
        t.eq(sb.events("api"), [], "and nothing was changed")
    with Sandbox(ramp_config()) as sb, \
            Kit(sb, route53="{zone: example.org, endpoint_url: '%s'}" % sb.ready["api"],
                records="[{name: www.example.org, type: A}]") as kit:
        run = kit.run("ramp")
        t.eq(run.process.returncode, 11, "a zone that is not there refuses")
        t.has(run.err, "example.org", "and is named")


def down_at_breach():
    """The API is dead when the breach comes: it is retried until it answers."""
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="10s") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.fault(on="api", kind="reset")
        sb.fault(on="fleet", kind="status", fleet="new", status=502)
        seen = run.wait_line("reverting")
        time.sleep(2)
        t.ok(run.process.poll() is None, "it does not give up")
        sb.clear_faults()
        t.eq(run.wait(), 1, "an API that was down is retried until it answers")
        t.eq(percents(sb), [0, 10, 0], "and then all is back")


for part in (networks, refused_network, down_at_breach):
    try:
        part()
    except (AssertionError, KeyError) as e:
        t.ok(False, part.__name__, e)
t.done()
