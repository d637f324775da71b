"""Drills: this machine's clock is 10 minutes wrong, or becomes so in the middle of a run (Debian's libfaketime).

Only CLOCK_REALTIME is shifted: waits are counted on the boottime clock, which no time service steps."""
import calendar
import glob

from drill_kit import *

WRONG_S = 600
FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + glob.glob("/usr/lib*/faketime/libfaketimeMT.so.1")), None)
CLEAR = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


class Clock:
    """The wall clock of a preloaded program: real time plus what was last set."""

    def __init__(self, kit):
        self.path = os.path.join(kit.dir, "clock")

    def set(self, seconds):
        with open(self.path + ".new", "w", encoding="ascii") as f:
            f.write("%+d\n" % seconds)
        os.rename(self.path + ".new", self.path)

    def env(self):
        return dict(CLEAR, FAKETIME_TIMESTAMP_FILE=self.path, FAKETIME_NO_CACHE="1")


def missing(d):
    if not FAKETIME:
        d.skip("with the clock wrong", "libfaketime is not installed")
    return not FAKETIME


def start(kit, command, shift, *args, **env):
    return kit.start(command, *args, preload=FAKETIME, **dict(CLEAR, FAKETIME="%+d" % shift, **env))


def seconds(stamp):
    """20270203T020000Z as Unix seconds."""
    return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))


def good_signatures(d, sb, since=0):
    """What was taken was signed with AWS's time; what was refused was refused for its clock alone."""
    calls = [e for e in sb.events("api", since) if e["status"]]
    off = [e["signed_at"] for e in calls if e["status"] == 200 and abs(seconds(e["signed_at"]) - e["wall_ms"] / 1000) > 60]
    d.ok(not off, "every request that was taken bears AWS's time", off[:3])
    refused = [e for e in calls if e["status"] == 403]
    d.ok(all(e["code"] == "SignatureDoesNotMatch" for e in refused), "the clock was all that was refused", [e["code"] for e in refused])
    return refused


def expiries(d, sb, life_s=600):
    """Every lease ends one life after it was written, in Route 53's time."""
    off = [int(re.search(r"exp=(\d+)", v).group(1)) - e["wall_ms"] / 1000 - life_s
           for e in batches(sb) for v in lease_values(e, "CREATE") if "state=" in v]
    d.ok(off and all(abs(x) < 60 for x in off), "every lease's end is told in Route 53's time", off)


@drill("clock: 10 minutes ahead", +WRONG_S, False, sample=True)
@drill("clock: 10 minutes behind", -WRONG_S, False)
@drill("clock: 10 minutes ahead, and the fleet breaks", +WRONG_S, True)
@drill("clock: 10 minutes behind, and the fleet breaks", -WRONG_S, True, sample=True)
def wrong(d, shift, fails):
    if missing(d):
        return
    with Sandbox(ramp_config()) as sb, Kit(sb, **PLAN_OF) as kit:
        born = now_us()
        run = start(kit, "ramp", shift)
        run.wait_line("the lease is taken")
        d.ok(re.search(r"this machine: its clock is (9m5\ds|10m0?\d?s?) (ahead of|behind) AWS's", run.err), "preflight warns of the clock", run.err)
        d.has(run.err, "ahead of AWS" if shift > 0 else "behind AWS", "and says which way it is wrong")
        run.wait_line("baking")
        if fails:
            sb.fault(**BROKEN)
        d.eq(run.wait(), 1 if fails else 0, "it comes to its end")
        d.eq(percents(sb), [0, 10, 0] if fails else [0, 10, 100], "by the plan")
        refused = good_signatures(d, sb)
        d.ok(1 <= len(refused) <= 4, "the first signature was refused, and the Date header believed", len(refused))
        expiries(d, sb)
        d.eq(check_waits(sb.events(), {"www.example.com."}, [(born, now_us())]), [], "no wait was cut short")
        d.ok(abs(said_at(run.lines[-1]) - time.time() - shift) < 120, "the clock was wrong indeed", run.lines[-1])
        ended(d, sb, 0 if fails else 100, "released")


def said_at(line):
    """Unix seconds by the clock of who said this line."""
    return seconds(line.split()[0].replace("-", "").replace(":", ""))


# --- it jumps in mid-run

def jumping(d, jumps, fails, seen):
    """jumps: [(state, seconds)]. The clock is moved as the run comes to the state."""
    if missing(d):
        return
    with Sandbox(ramp_config()) as sb, Kit(sb, **PLAN_OF) as kit:
        clock, born, at = Clock(kit), now_us(), 0
        clock.set(0)
        run = kit.start("ramp", preload=FAKETIME, **clock.env())
        for state, by in jumps:
            at = run.wait_line(state, after=at)
            clock.set(by)
        if fails:
            sb.fault(**BROKEN)
        d.eq(run.wait(), 1 if fails else 0, "it comes to its end")
        d.eq(percents(sb), seen, "by the plan")
        refused = good_signatures(d, sb)
        d.ok(1 <= len(refused) <= 4 * len(jumps), "signatures were refused after the jump, and mended", len(refused))
        for e in refused:
            again = [x for x in sb.events("api") if x["action"] == e["action"] and x["us_first"] > e["us_done"] and x["status"] == 200]
            d.ok(again and again[0]["us_first"] - e["us_done"] < 1000000, "what was refused was signed again at once",
                 again and again[0]["us_first"] - e["us_done"])
        expiries(d, sb)
        d.eq(check_waits(sb.events(), {"www.example.com."}, [(born, now_us())]), [], "no wait was cut short")
        d.ok(abs(said_at(run.lines[-1]) - time.time() - jumps[-1][1]) < 120, "the clock had jumped indeed", run.lines[-1])
        held = [line for line in run.lines if " held" in line]
        d.ok(not held, "and nobody was bothered", held)
        ended(d, sb, seen[-1], "released")


for _by in (WRONG_S, -WRONG_S):
    for _state in ("applying step 1", "draining", "baking", "soaking"):
        drill("clock jump: %+d minutes while %s" % (_by // 60, _state), [(_state, _by)], False, [0, 10, 100],
              sample=(_state, _by) == ("baking", WRONG_S))(jumping)
    drill("clock jump: %+d minutes, and the fleet breaks" % (_by // 60), [("baking", _by)], True, [0, 10, 0])(jumping)
drill("clock jump: there and back, twice", [("draining", WRONG_S), ("baking", 0), ("applying step 2", -WRONG_S), ("soaking", 0)], False,
      [0, 10, 100])(jumping)


@drill("clock jump: +10 minutes in the middle of a rollback, under a throttle storm", WRONG_S, "throttle")
@drill("clock jump: -10 minutes in the middle of a rollback, under a throttle storm", -WRONG_S, "throttle")
@drill("clock jump: +10 minutes in the middle of a rollback, in a black hole", WRONG_S, "reset")
@drill("clock jump: -10 minutes in the middle of a rollback, in a black hole", -WRONG_S, "reset")
def jump_in_rollback(d, by, kind):
    """The first batch has landed, nothing else comes through for a while, and meanwhile the clock jumps. Throttled, it
    is told the time; otherwise its next signature is wrong."""
    if missing(d):
        return
    config = zone_config(many(MANY))
    with Sandbox(config) as sb, Kit(sb, **dict(PLAN_OF, records=plan_records(many(MANY)))) as kit:
        clock = Clock(kit)
        clock.set(0)
        run = kit.start("ramp", preload=FAKETIME, **clock.env())
        run.wait_line("baking")
        busy = sb.fault(kind=kind, on="api", comment=" rollback", from_nth=2)
        sb.fault(**BROKEN)
        sb.wait_for("the second batch", lambda _: fired(sb, busy) >= 1, 40)
        gone = sb.fault(kind=kind, on="api")
        clock.set(by)
        n = fired(sb, busy)
        sb.wait_for("more tries", lambda _: fired(sb, busy) >= n + 2, 40)
        sb.clear_faults(gone)
        sb.clear_faults(busy)
        d.eq(run.wait(), 1, "it is rolled back and confirmed")
        refused = good_signatures(d, sb)
        if kind == "throttle":
            d.eq(refused, [], "no signature was refused: what was throttled had told the time")
        else:
            d.ok(1 <= len(refused) <= 4, "signatures were refused after the jump, and mended", len(refused))
        expiries(d, sb)
        ended(d, sb, 0, "released", **{"www.example.net": 0})
