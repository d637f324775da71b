#!/usr/bin/env python3
"""Foreign hands in the records of a running `sluice ramp`: every kind of edit is said and held on and stays; a record that
was made simple holds up no other on the way back; with `records: all` records that come and go are listed only."""
from ramp_kit import *
from sandbox import Sandbox, Tap

t = Tap()
WWW = "www.example.com"
HEALTH = "11111111-2222-3333-4444-555555555555"


def group(name, ttl=1):
    return [{"name": name, "type": "A", "set": s, "weight": w, "ttl": ttl, "values": [v]} for s, w, v in (("heroku", 100, OLD), ("ec2", 0, NEW))]


def config(*names):
    c = ramp_config()
    for name in names:
        c["zones"][0]["records"] += group(name)
    return c


def set_of(sb, name, which, **change):
    s = dict(sb.sets(name, "A")[which], **change)
    s["name"] = name
    return s


def gone(name, *which):
    return {"delete": [{"name": name, "type": "A", "set": s} for s in which]}


def every_kind():
    kinds = {
        "weight": lambda sb: {"weights": [{"name": WWW, "type": "A", "set": "ec2", "weight": 77}]},
        "ttl": lambda sb: {"put": [set_of(sb, WWW, s, ttl=2) for s in ("heroku", "ec2")]},
        "value": lambda sb: {"put": [set_of(sb, WWW, "ec2", values=["127.0.2.2"])]},
        "health check": lambda sb: {"put": [set_of(sb, WWW, "ec2", health_check=HEALTH)]},
        "a set was added": lambda sb: {"put": [set_of(sb, WWW, "ec2", set="third", values=["127.0.2.3"], weight=3)]},
        "a set is gone": lambda sb: gone(WWW, "ec2"),
    }
    for word, edit in kinds.items():
        with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="1s", max_hold="1h") as kit:
            run = kit.start("ramp")
            run.wait_line("baking")
            sb.change(**edit(sb))
            edited = sb.sets(WWW, "A")
            run.wait_line("held at")
            t.ok(any(" held " in line and word in line for line in run.lines), "a foreign %s is held on, by name" % word, run.err)
            run.signal(signal.SIGTERM)
            run.wait()
            t.eq(sb.sets(WWW, "A"), edited, "and what was edited (%s) stays as it was left" % word)


def made_simple():
    """Two others beside it, one before and one behind it in the zone's order."""
    with Sandbox(config("aaa.example.com", "zzz.example.com")) as sb, \
            Kit(sb, records="[{name: aaa.example.com, type: A}, {name: www.example.com, type: A}, {name: zzz.example.com, type: A}]",
                steps="[50, 100]", bake="20s") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.change(put=[{"name": WWW, "type": "A", "ttl": 1, "values": ["127.0.1.9"]}], **gone(WWW, "heroku", "ec2"))
        sb.fault(kind="status", on="fleet", fleet="new", status=500)
        run.wait_line("cannot be confirmed")
        run.wait_line("UNSAFE")
        sb.wait_for("the others", lambda _: all(sb.weights(n, "A")["ec2"] == 0 for n in ("aaa.example.com", "zzz.example.com")))
        t.ok(all(sb.weights(n, "A")["heroku"] > 0 for n in ("aaa.example.com", "zzz.example.com")), "the others are back on the old side")
        told = [line for line in run.lines if "cannot be confirmed" in line]
        t.ok(all("www.example.com A" in line for line in told) and any("no longer weighted" in line for line in told), "that one is named, and what it is now", told)
        t.eq([s["values"] for s in sb.sets(WWW, "A").values()], [["127.0.1.9"]], "and it is not touched")
        run.signal(signal.SIGTERM)
        run.wait_line("another signal")
        run.signal(signal.SIGTERM)
        t.eq(run.wait(), 12, "stopped, the run is unsafe: 12")


def churn():
    names = ["a.shop.example.com", "b.shop.example.com", "c.shop.example.com"]
    with Sandbox(config(*names)) as sb, Kit(sb, records="all", steps="[10, 50, 100]", bake="1s", verify="dns") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.change(put=group("d.shop.example.com"), **gone("b.shop.example.com", "heroku", "ec2"))
        t.eq(run.wait(), 0, "with `records: all` records that come and go hold nothing")
        t.ok(sum("left out from now on: b.shop.example.com A" in line for line in run.lines) == 1, "who left is said, once", run.err)
        t.has(run.err, "d.shop.example.com A came since preflight and was not moved; its new side has 0.00 %", "who came is said")
        t.ok(all(sb.weights(n, "A")["heroku"] == 0 for n in (WWW, names[0], names[2])), "all others have moved")
        t.eq(sb.weights("d.shop.example.com", "A"), {"heroku": 100, "ec2": 0}, "who came was not")
        t.eq(sb.sets("b.shop.example.com", "A"), {}, "and who left was not made again")
    with Sandbox(config(*names)) as sb, Kit(sb, records="all", steps="[10, 100]", bake="20s") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.change(**gone("b.shop.example.com", "heroku", "ec2"))
        sb.fault(kind="status", on="fleet", fleet="new", status=500)
        t.eq(run.wait(), 1, "nor does one that left make a rollback unsafe")
        t.ok(all(sb.weights(n, "A")["ec2"] == 0 for n in (WWW, names[0], names[2])), "the others are back")
    with Sandbox(config(*names)) as sb, Kit(sb, records="[{name: www.example.com, type: A}, {name: b.shop.example.com, type: A}]", steps="[10, 100]", bake="1s", max_hold="1h") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.change(**gone("b.shop.example.com", "heroku", "ec2"))
        run.wait_line("held")
        t.has(run.err, "a set is gone", "a record that the plan names is missed")


for part in (every_kind, made_simple, churn):
    try:
        part()
    except (AssertionError, KeyError) as e:
        t.ok(False, part.__name__, e)
t.done()
