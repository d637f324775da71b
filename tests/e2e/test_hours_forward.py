#!/usr/bin/python3
"""A whole cutover at real sizes: TTLs of an hour, a soak of half an hour, six minutes before a lease goes.

The programs of the test build live a minute in a second or two, the sandbox alike (scaled_clock.py). A DNS client asks every
server for every name all the time, in the kernel's seconds."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hours_kit import *  # noqa: E402,F403

t = Tap()


def whole_way():
    with ScaledClock(WAITING) as clock, Sandbox(hours_config()) as sb, Converting(sb, suite=HOURS_SUITE, **HOURS_PLAN) as kit:
        before = zone(sb)
        client = Client(sb)
        began = clock.now_us()
        t.eq(kit.run("prepare").process.returncode, 0, "prepare")
        changes = [b for b in batches(sb) if any(c["type"] != "TXT" for c in b["changes"])]
        gap = (changes[-1]["us_first"] - changes[0]["us_done"]) / 1e6
        t.ok(len(changes) == 2 and gap >= 3600, "the old TTL of an hour is waited out between its two batches", gap)
        t.eq(sb.weights("www.example.com", "CNAME"), {"heroku": 100, "ec2": 0}, "weighted, all on old")
        t.eq({s["ttl"] for s in sb.sets("files.example.com", "A").values()}, {60}, "with the TTL of the plan")

        clock.rate(MOVING)
        client.sides("old", "new")
        ramp = kit.start("ramp")
        ramp.wait_line("soaking", seconds=PATIENCE)
        client.sides("new")
        soak = clock.now_us()
        t.eq(ramp.wait(PATIENCE), 0, "the ramp completes")
        t.ok(clock.now_us() - soak >= 1790e6, "after its soak of half an hour", (clock.now_us() - soak) / 1e6)
        t.eq(percents(sb, "files.example.com."), [0, 1, 10, 50, 100], "by the plan's steps")
        moved = [b["us_done"] for b in record_changes(sb)][-4:]
        t.ok(all(b - a >= 120e6 for a, b in zip(moved, moved[1:])), "a drain and a bake of a minute each lie between two of them",
             [(b - a) / 1e6 for a, b in zip(moved, moved[1:])])

        clock.rate(WAITING)
        finish = kit.run("finish", "--ttl", "1h")
        t.eq(finish.process.returncode, 0, "finish")
        want = sorted([("files.example.com.", "A", None, None, 3600, (NEW,), "None"), ("files.example.com.", "AAAA", None, None, 3600, (NEW6,), "None"),
                       ("www.example.com.", "A", None, None, 3600, (NEW,), "None"), ("www.example.com.", "AAAA", None, None, 3600, (NEW6,), "None"),
                       ("mail.example.com.", "A", None, None, 300, ("192.0.2.9",), "None")])
        t.eq(zone(sb, lease=True), want, "simple records of the new side with a TTL of an hour, no helper name, no lease")
        t.ok(before != want and [r for r in want if r[0].startswith("mail")] == [r for r in before if r[0].startswith("mail")], "nothing else was touched")
        took = (clock.now_us() - began) / 1e6
        rate = client.end()
        asked(t, client, rate, took)


whole_way()
sys.exit(t.done())
