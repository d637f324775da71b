#!/usr/bin/python3
"""How many API calls moving many records takes: tests/bench/full_zone.py over 520 records, which is three batches, counted
exactly. What it costs in time and memory is the benchmark's to say, not a test's."""
import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../bench"))
import full_zone  # noqa: E402
from sandbox import Tap  # noqa: E402

t = Tap()
RECORDS, STEPS = 520, 2
BATCHES = 3      # 249 + 249 + 22 records
READ_BEFORE = 5  # pages of 300 sets: two, two and one
PAGES = 4        # 1040 sets
ARGS = argparse.Namespace(records=RECORDS, zones=1, list=False, verify="api", account=None)


def counts(events):
    """(batches by their last word, polls, listings of the lease, other listings)"""
    batches, polls, leases, pages = {}, 0, 0, 0
    for e in events:
        if e["action"] == "ChangeResourceRecordSets":
            word = e["comment"].split(" ")[-1]
            batches[word] = batches.get(word, 0) + 1
        elif e["action"] == "GetChange":
            polls += 1
        elif "name=_sluice." in e["target"]:
            leases += 1
        elif e["action"] == "ListResourceRecordSets":
            pages += 1
    return batches, polls, leases, pages


def stretch(events, after, until=None):
    """From behind the last batch with this word to before the first with that."""
    words = [(e.get("comment") or "").split(" ")[-1] for e in events]
    start = len(words) - words[::-1].index(after)
    return events[start:words.index(until, start) if until else None]


def walk():
    bench = full_zone.Bench(ARGS, 50)
    with bench.open(delay_ms=0):
        kit = bench.kit
        told = json.loads(full_zone.whole(bench.sb, kit.argv("plan", "--format", "json", progress="quiet"), bench.sb.env())[2])
        t.eq(told["steps"][0]["api_calls"], {"change": BATCHES, "read_at_least": READ_BEFORE + PAGES + 1, "sync_at_least": BATCHES},
             "plan tells what a step asks for")
        t.eq((told["rollback_batches"], told["drift_read_ms"]), (BATCHES, 30000), "and a rollback")
        t.eq({k: v for k, v in full_zone.least(RECORDS, 1).items()},
             {"change": BATCHES, "read": READ_BEFORE + PAGES + 1, "poll": BATCHES}, "which is the least that the limits allow")
        bench.ramp()
        t.eq(bench.status, 0, "two steps, and a rollback that was asked for")
        events = bench.sb.events("api")
        batches, polls, leases, pages = counts(stretch(events, "proof", "rollback"))
        t.eq(batches, {"forward": STEPS * BATCHES}, "a step is as many batches as hold its records")
        t.eq(polls, STEPS * BATCHES, "every change is polled once when it is in sync at once")
        t.ok(leases >= 1 + STEPS and pages == STEPS * READ_BEFORE + leases * PAGES,
             "right before each batch its records are read, and each whole reading takes so many pages and one for the lease", (leases, pages))
        batches, polls, leases, pages = counts(events[events.index(stretch(events, "proof", "rollback")[-1]) + 1:])
        t.eq((batches, polls), ({"rollback": BATCHES, "release": 1}, BATCHES), "a rollback is as many batches")
        t.eq((leases, pages), (1, 2 * PAGES), "confirmed by one listing; at the end the whole zone is listed for records that came meanwhile")
        t.eq(sum(e["code"] == "Throttling" for e in events), 0, "never more a second than the plan allows")


def elsewhere():
    bench = full_zone.Bench(ARGS, 50)
    with bench.open(weights=(50, 50), delay_ms=0):
        run = bench.kit.run("rollback")
        t.eq(run.process.returncode, 0, "a rollback where no state is")
        batches, polls, leases, pages = counts(bench.sb.events("api"))
        t.eq(batches, {"lease": 1, "rollback": BATCHES, "release": 1}, "takes the lease and as many batches")
        t.eq((polls, leases, pages), (BATCHES, 2, 3 * PAGES), "one listing before it, one that confirms it, and the zone's at the end")


def throttled():
    """An account with a call a second left: a rollback is not sent again and again meanwhile, and nothing else takes its turn."""
    bench = full_zone.Bench(ARGS, 50)
    with bench.open(weights=(50, 50), delay_ms=0):
        bench.sb.fault(kind="throttle", on="api", action="ChangeResourceRecordSets", comment="rollback", count=4)
        run = bench.kit.run("rollback")
        t.eq(run.process.returncode, 0, "a rollback that is throttled four times")
        batches = counts(bench.sb.events("api"))[0]
        t.eq(batches, {"lease": 1, "rollback": BATCHES + 4, "release": 1}, "sends four batches more, no others")


walk()
elsewhere()
throttled()
t.done()
