#!/usr/bin/python3
"""Ctrl-C and SIGTERM in prepare, finish and release: they end in order and soon, say what stands and what to type
next, and give the lease back unless a change is half done; given again the command goes on."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kill_convert import *  # noqa: E402,F403
from sandbox import Sandbox, Tap  # noqa: E402

STOP_S = 5        # what the program promises
SLACK_S = 30      # a loaded machine may need longer to end it; what is timed is only that it is not the wait itself
LONG_TTL = 600    # a wait that nobody sees the end of here
SOME_TTL = 8      # one in which a fault can be ordered


class Converting(Kit):  # noqa: F405
    def __init__(self, sb, **plan):
        super().__init__(sb, **dict(PLAN_KEYS, **plan))
        self.converts = True


def zones_with(ttl):
    return {zone: [dict(r, ttl=ttl) if r["name"] + "." in NAMES else r for r in rows] for zone, rows in simple_zones().items()}


def stop(run, sig, status, what):
    """Sends it, and expects an end that is not the wait's."""
    began = time.monotonic()
    run.signal(sig)
    got = run.wait()
    took = time.monotonic() - began
    t.eq(got, status, "%s: exit %d" % (what, status))
    t.ok(took < STOP_S + SLACK_S, "%s: soon" % what, took)
    return run


def weighted(sb):
    return {s["name"] for z in sb.state()["zones"] for s in z["sets"] if "weight" in s}


def not_before(sb):
    return [int(re.search(r" nb=(\d+)", s["values"][0]).group(1)) for z in sb.state()["zones"] for s in z["sets"]
            if s["name"].startswith(LEASE)]


def while_it_waits():
    with Sandbox(config_of(zones_with(LONG_TTL))) as sb, Converting(sb) as kit:
        run = kit.start("prepare")
        run.wait_line("waiting until")
        stop(run, signal.SIGINT, 130, "Ctrl-C while prepare waits for the old TTL")
        t.has(run.err, "interrupted: coming to a stop", "it says that it stops")
        t.has(run.err, "stopped while waiting until", "and in what")
        t.has(run.err, "TTLs are lowered, and no record is weighted yet; `sluice prepare %s` goes on from there" % kit.plan_path,
              "and what stands and what to type")
        t.eq(set(leases(sb).values()), {"released"}, "the leases are given back")
        when = not_before(sb)
        t.ok(min(when) > time.time() + LONG_TTL / 2, "and remember until when old answers live", when)
        early = kit.run("prepare", "--no-wait")
        t.eq((early.process.returncode, weighted(sb)), (75, set()), "given again it does not step before that")
        t.eq(not_before(sb), when, "which has not moved")
        sb.clock(offset_ms=(LONG_TTL + 5) * 1000)
        t.eq(kit.run("prepare").process.returncode, 0, "later it goes on at once")
        t.eq(weighted(sb), NAMES, "to its end")

    with Sandbox(config_of(zones_with(LONG_TTL))) as sb, Converting(sb) as kit:
        run = kit.start("prepare")
        run.wait_line("waiting until")
        stop(run, signal.SIGTERM, 143, "SIGTERM while prepare waits")


def while_it_changes():
    """The answer to a batch is kept back: what it did is not known before it comes, or not at all."""
    with Sandbox(config_of(zones_with(SOME_TTL))) as sb, Converting(sb) as kit:
        run = kit.start("prepare")
        run.wait_line("waiting until")
        sb.fault(on="api", kind="latency", action="ChangeResourceRecordSets", ms=1500)
        wait_batch(sb)
        stop(run, signal.SIGINT, 130, "Ctrl-C while a batch is under way")
        t.eq(len(weighted(sb) & {"www.example.com.", "files.example.com."}), 2, "its answer is waited for")
        t.eq(len(weighted(sb)), 2, "and the next one is not begun")
        t.has(run.err, "after 1 of 2 batches", "it says how far it came")
        t.has(run.err, "some records are weighted, the others are not yet, and the lease stays as long; `sluice prepare ", "what stands")
        t.eq(set(leases(sb).values()), {"forward"}, "half done, the leases stay")
        sb.clear_faults()
        t.eq(kit.run("prepare").process.returncode, 0, "given again it goes on, without --take-over")
        t.eq((weighted(sb), set(leases(sb).values())), (NAMES, {"released"}), "to its end")


def without_an_answer():
    with Sandbox(config_of(zones_with(SOME_TTL))) as sb, Converting(sb) as kit:
        run = kit.start("prepare")
        run.wait_line("waiting until")
        sb.fault(on="api", kind="lost_reply", action="ChangeResourceRecordSets")
        wait_batch(sb)
        stop(run, signal.SIGINT, 130, "Ctrl-C while a batch gets no answer at all")
        t.has(run.err, "not known", "it says what is not known")
        t.eq(set(leases(sb).values()), {"forward"}, "and leaves the leases")
        sb.clear_faults()
        t.eq(kit.run("prepare").process.returncode, 0, "given again it finds out and goes on")
        t.eq((weighted(sb), set(leases(sb).values())), (NAMES, {"released"}), "to its end")


def wait_batch(sb):
    """Until the first batch has met the fault."""
    sb.wait_for("the batch", lambda events: any(f["fired"] for f in sb.state()["faults"]), seconds=RUN_SECONDS)


def twice():
    with Sandbox(config_of(zones_with(SOME_TTL))) as sb, Converting(sb) as kit:
        run = kit.start("prepare")
        run.wait_line("waiting until")
        sb.fault(on="api", kind="hang", action="ChangeResourceRecordSets")
        wait_batch(sb)
        run.signal(signal.SIGINT)
        run.wait_line("coming to a stop")
        run.signal(signal.SIGINT)
        t.eq(run.wait(), 130, "a second Ctrl-C")
        t.has(run.err, "left at once", "ends it at once, and says so")
        sb.clear_faults()
        t.eq(kit.run("prepare").process.returncode, 0, "given again it goes on")
        t.eq((weighted(sb), set(leases(sb).values())), (NAMES, {"released"}), "to its end")


def finishing():
    """finish waits six minutes before it removes the lease: everything is done by then."""
    start = moved({z: [s for n, ty, ttl, v in rows for s in pair_of(n, ty, v)] for z, rows in SIMPLE.items()})
    with Sandbox(config_of(start)) as sb, Converting(sb) as kit:
        run = kit.start("finish", "--without-soak")
        run.wait_line("a late request must not find the lease's name free")
        stop(run, signal.SIGTERM, 143, "SIGTERM while finish waits to remove the lease")
        t.has(run.err, "all records are simple; `sluice release %s` goes on from there" % kit.plan_path, "what stands, and what removes it")
        t.eq((weighted(sb), set(leases(sb).values())), (set(), {"released"}), "the records are simple, the leases released")
        run = kit.start("release")
        run.wait_line("waiting until")
        stop(run, signal.SIGINT, 130, "Ctrl-C while release waits")
        sb.clock(offset_ms=2000000)
        t.eq((kit.run("release").process.returncode, leases(sb)), (0, {}), "later release removes them")
        t.eq(kit.run("finish", "--undo").process.returncode, 0, "and finish --undo takes it back")


def pair_of(name, rtype, value):
    return [{"name": name, "type": rtype, "set": s, "weight": w, "ttl": 1, "values": [v]}
            for s, w, v in (("heroku", 100, value), ("ec2", 0, NEW if rtype == "A" else "new-www.example.com"))]


class Notes:
    """A Tap of a part that runs in a process of its own: what it found, to be told in one place."""

    def __init__(self):
        self.found = []

    def ok(self, good, what, detail=""):
        self.found.append((bool(good), what, str(detail)))

    eq, has = Tap.eq, Tap.has


def run_part(case):
    global t
    t = Notes()
    globals()[case["part"]]()
    return {"case": case, "found": t.found}


def main():
    tap = Tap()
    cases = [{"part": p} for p in ("while_it_waits", "while_it_changes", "without_an_answer", "twice", "finishing")]
    for r in side_by_side(run_part, cases, len(cases)):
        for good, what, detail in r.get("found", ()):
            tap.ok(good, what, detail)
        if r.get("faults"):
            tap.ok(False, "%s came to its end" % r["case"]["part"], "\n".join(r["faults"]))
    tap.done()


main()
