#!/usr/bin/python3
"""The whole way: simple records, prepared, ramped, finished, and taken back at each stage, while a DNS client asks all the time."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cutover_kit import *  # noqa: E402,F403
from sandbox import Sandbox, Tap  # noqa: E402

t = Tap()
SIMPLE = simple(3, 3, 2)
PLAN_OF = dict(records=RECORDS, sides=SIDES, prepare="{ttl: 1s}", steps="[50, 100]", bake="1s")


def later(kit, *args):
    """Given again for as long as it says to come back later."""
    for _ in range(60):
        status = kit.run(*args).process.returncode
        if status != 75:
            break
    return status


def not_before(sb):
    return int(re.search(r" nb=(\d+)", sb.sets("_sluice.example.com", "TXT")[""]["values"][0]).group(1))


def story():
    with Sandbox(config(SIMPLE)) as sb, Converting(sb, **PLAN_OF) as kit:
        before = zone(sb)
        client = Client(sb)
        run = kit.start("prepare")
        t.eq(run.wait(), 0, "prepare ends with 0")
        t.has(run.err, "waiting until", "it waits until the old TTL is over")
        t.eq(sb.weights("www.example.com", "CNAME"), {"heroku": 100, "ec2": 0}, "a CNAME is weighted, all on old")
        t.eq({k: (s["weight"], s["ttl"], s["values"]) for k, s in sb.sets("files.example.com", "A").items()},
             {"heroku": (100, 1, [OLD]), "ec2": (0, 1, [NEW])}, "an A record, with the TTL lowered")
        t.eq(sb.sets("files.example.com", "AAAA")["ec2"]["values"], [NEW6], "and its AAAA twin")
        t.eq(sb.sets("new-www.example.com", "A")[""]["values"], [NEW], "a helper name has the new side's addresses")
        t.eq([r for r in zone(sb) if r[0] == "mail.example.com."], [r for r in before if r[0] == "mail.example.com."], "nothing else was touched")
        changes = [b for b in batches(sb) if any(c["type"] != "TXT" for c in b["changes"])]
        t.eq(len(changes), 2, "two batches: the TTLs, the conversion")
        gap = changes[1]["us_first"] - changes[0]["us_done"]
        t.ok(gap >= 3000000, "at least the old TTL apart", gap)
        t.ok(all(any(c["type"] == "TXT" and c["action"] == "CREATE" for c in b["changes"]) for b in batches(sb)), "every batch carries the lease")
        t.eq(lease_state(sb), "released", "the lease is released")
        again = kit.run("prepare")
        t.eq((again.process.returncode, len(batches(sb))), (0, len(batches(sb))), "prepare again does nothing")
        t.has(again.out, "prepared: 3 records are weighted", "and says so")
        refuse = kit.run("finish")
        t.eq(refuse.process.returncode, 11, "finish before the ramp is refused")
        t.has(refuse.err, "the old side still gets traffic", "because old still has traffic")

        client.sides("old", "new")
        ramp = kit.run("ramp")
        t.eq(ramp.process.returncode, 0, "the ramp completes")
        client.sides("new")
        groups, waited = zone(sb), not_before(sb)
        finish = kit.run("finish", "--no-wait", "--ttl", "2s")
        t.eq(finish.process.returncode, 0, "finish ends with 0")

        def want(ttl):
            return sorted([("files.example.com.", "A", None, None, ttl, (NEW,), "None"), ("files.example.com.", "AAAA", None, None, ttl, (NEW6,), "None"),
                           ("www.example.com.", "A", None, None, ttl, (NEW,), "None"), ("www.example.com.", "AAAA", None, None, ttl, (NEW6,), "None"),
                           ("mail.example.com.", "A", None, None, 300, ("192.0.2.9",), "None")])

        t.eq(zone(sb), want(2), "simple records of the new side, no helper, nothing else touched")
        t.eq(lease_state(sb), "released", "the lease stays for now")
        early = kit.run("release", "--no-wait")
        t.eq(lease_state(sb), "released", "and is not removed within six minutes")
        back = kit.run("finish", "--undo")
        t.eq((back.process.returncode, zone(sb)), (0, groups), "finish --undo brings back what stood before, byte for byte")
        t.eq(kit.run("finish", "--undo").process.returncode, 0, "a second undo finds nothing to do")
        t.eq(zone(sb), groups, "and does nothing")
        t.has(sb.sets("_sluice.example.com", "TXT")[""]["values"][0], " ttl=3 ", "the lease still remembers the TTL from before prepare")
        t.ok(not_before(sb) > waited, "and that what lives longer than the groups is waited out", (waited, not_before(sb)))
        t.eq(later(kit, "finish", "--no-wait", "--ttl", "2s"), 0, "and finish again")
        t.eq([kit.run("finish", "--undo").process.returncode, zone(sb)], [0, groups], "the undo of a second finish, beside the files of the first")
        t.eq(later(kit, "finish", "--no-wait", "--ttl", "5m"), 0, "and finish for good")
        sb.clock(offset_ms=400000)
        free = kit.run("release")
        t.eq((free.process.returncode, lease_state(sb)), (0, None), "six minutes later the lease is removed")
        t.eq(zone(sb, lease=True), want(300), "no trace is left")
        t.eq(kit.run("release").process.returncode, 0, "release without a lease is no error")
        rate = client.end()
        t.eq(client.bad, [], "not one empty or foreign answer in %d" % client.n)
        t.ok(rate >= 200, "asked %d times a second" % rate)


def undone():
    with Sandbox(config(SIMPLE)) as sb, Converting(sb, **PLAN_OF) as kit:
        before = zone(sb)
        client = Client(sb)
        t.eq(kit.run("prepare").process.returncode, 0, "prepare")
        client.sides("old", "new")
        run = kit.run("ramp", "--to", "50")
        t.eq(sb.weights("files.example.com", "A"), {"heroku": 50, "ec2": 50}, "half way")
        no = kit.run("prepare", "--undo")
        t.eq(no.process.returncode, 11, "prepare --undo with traffic on new is refused")
        t.ok("still gets traffic" in no.err or "is not over" in no.err, "with the reason", no.err)
        t.eq(kit.run("rollback").process.returncode, 0, "rolled back")
        client.sides("old")
        t.eq(kit.run("prepare", "--undo").process.returncode, 0, "prepare --undo")
        after = zone(sb)
        # The lease remembers one TTL, the longest: it is what all records get back.
        t.eq([r[:4] + r[5:] for r in after], [r[:4] + r[5:] for r in before], "the records are as before")
        t.eq([r[4] for r in after if r[0] != "files.example.com." or r[1] != "AAAA"], [r[4] for r in before if r[0] != "files.example.com." or r[1] != "AAAA"],
             "with the TTLs from before")
        client.end()
        t.eq(client.bad, [], "not one empty or foreign answer in %d" % client.n)


def refusals():
    def refused(what, word, records=SIMPLE, status=11, args=(), **plan):
        with Sandbox(config(records)) as sb, Converting(sb, **dict(PLAN_OF, **plan)) as kit:
            before = zone(sb, lease=True)
            run = kit.run("prepare", *args)
            t.eq(run.process.returncode, status, "%s: exit %d" % (what, status))
            t.has(run.err, word, "%s: says why" % what)
            t.eq(zone(sb, lease=True), before, "%s: nothing was written" % what)

    refused("no target", "does not say where the new side is", sides="{old: {set: heroku}, new: {set: ec2}}")
    refused("no IPv6 address", "has no IPv6 address", sides="{old: {set: heroku}, new: {set: ec2, target: 127.0.2.1}}")
    refused("a host name for an A record", "has no IPv4 address", sides="{old: {set: heroku}, new: {set: ec2, target: lb.example.net}}")
    refused("an alias beside a CNAME", "nothing stands beside a CNAME",
            sides="{old: {set: heroku}, new: {set: ec2, target: {alias: lb.example.net, zone: Z35SXDOTRQ7X7K}}}")
    refused("a helper name that is taken", "the helper name new-www.example.com. has another A record",
            SIMPLE + [{"name": "new-www.example.com", "type": "A", "ttl": 9, "values": ["192.0.2.1"]}])
    refused("a record that is not there", "there is no such record", SIMPLE[:1])
    refused("target on the old side", "'target' is for the new side", status=78, sides="{old: {set: heroku, target: 192.0.2.1}, new: {set: ec2}}")
    refused("no lease", "nothing fences these changes", lease="off")
    with Sandbox(config(SIMPLE + [{"name": "_sluice.example.com", "type": "TXT", "ttl": 60, "values": [lease("forward", 600)]}])) as sb, Converting(sb, **PLAN_OF) as kit:
        before = zone(sb, lease=True)
        run = kit.run("prepare")
        t.eq((run.process.returncode, zone(sb, lease=True)), (75, before), "another run's lease: exit 75, nothing written")
        t.has(run.err, "run other-run of other holds the zone", "says who holds it")
        run = kit.run("release")
        t.eq((run.process.returncode, zone(sb, lease=True)), (75, before), "release leaves it, too")
        t.eq(kit.run("prepare", "--take-over").process.returncode, 0, "--take-over takes it")


def lease(state, left_s):
    return '"sluice1 cutover=other run=other-run owner=%s gen=1801616400 state=%s exp=%d back=0 step=10 plan=9c1185a5c5e9 ttl=0 nb=0 nonce=00112233445566aa"' % (
        "9f00112233445566" if state != "released" else "-", state, time.time() + left_s)


def remembers():
    """Stopped while it waits, and given again: no batch comes twice, no wait is shortened; a ramp obeys it, too."""
    with Sandbox(config(SIMPLE)) as sb, Converting(sb, **PLAN_OF) as kit:
        run = kit.run("prepare", "--no-wait")
        t.eq(run.process.returncode, 75, "--no-wait: come back later")
        t.eq({s["ttl"] for s in sb.sets("files.example.com", "A").values()}, {1}, "the TTLs are lowered")
        t.eq(kit.run("prepare").process.returncode, 0, "given again it waits for the rest and goes on")
        changes = [b for b in batches(sb) if any(c["type"] != "TXT" for c in b["changes"])]
        t.eq(len(changes), 2, "two batches in all")
    with Sandbox(config(SIMPLE)) as sb, Converting(sb, **PLAN_OF) as kit:
        run = kit.start("prepare")
        run.wait_line("waiting until")
        run.kill()
        here, kit.state = kit.state, kit.state + "-elsewhere"
        run = kit.run("prepare")
        t.eq(run.process.returncode, 75, "killed while it waits: its lease stands, for another machine")
        kit.state = here
        t.eq(kit.run("prepare").process.returncode, 0, "where it died it is known to be dead: given again it goes on")
    with Sandbox(config(SIMPLE)) as sb, Converting(sb, **PLAN_OF) as kit:
        run = kit.start("prepare")
        run.wait_line("waiting until")
        run.kill()
        kit.state += "-elsewhere"
        t.eq(kit.run("prepare", "--take-over").process.returncode, 0, "--take-over goes on elsewhere")
    value = lease("released", 0).replace("cutover=other", "cutover=shop").replace("ttl=0 nb=0", "ttl=3600 nb=%d" % (time.time() + 4))
    c = ramp_config()
    c["zones"][0]["records"].append({"name": "_sluice.example.com", "type": "TXT", "ttl": 60, "values": [value]})
    with Sandbox(c) as sb, Kit(sb, steps="[100]", bake="1s") as kit:
        began = time.time()
        run = kit.run("ramp")
        t.eq(run.process.returncode, 0, "a ramp with a wait left over completes")
        t.ok("not before" in run.err or time.time() - began >= 4, "after it has waited for it", run.err[-800:])
        t.ok(sb.state() is not None and "ttl=3600" in str(sb.sets("_sluice.example.com", "TXT")), "and the lease still remembers the TTL")


def recovers():
    for policy, status, share in (("resume", 0, 100), ("rollback", None, 0), ("hold", None, 10)):
        with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="2s", on="{crash: %s}" % policy) as kit:
            t.eq(kit.run("recover").process.returncode, 0, "%s: nothing to recover" % policy)
            run = kit.start("ramp")
            run.wait_line("baking")
            run.kill()
            run = kit.start("recover")
            if policy == "hold":
                run.wait_line("held")
                run.signal(signal.SIGTERM)
            got = run.wait()
            t.ok(got == status if status is not None else got in (0, 1, 10, 143), "%s: exit %s" % (policy, got), run.err[-600:])
            t.eq(sb.weights("www.example.com", "A")["ec2"], share, "%s: the new side has %d %%" % (policy, share))


CHECK = "aaaaaaaa-0000-4000-8000-00000000000h"


def grouped():
    """A weighted group already, of three sets, one with a health check and one of neither side, and a long TTL."""
    c = ramp_config()
    c["health_checks"] = [{"id": CHECK, "type": "TCP", "address": OLD}]
    c["zones"][0]["records"] = [
        {"name": "www.example.com", "type": "A", "set": "heroku", "weight": 100, "ttl": 4, "values": [OLD], "health_check": CHECK},
        {"name": "www.example.com", "type": "A", "set": "ec2", "weight": 0, "ttl": 4, "values": [NEW]},
        {"name": "www.example.com", "type": "A", "set": "canary", "weight": 1, "ttl": 4, "values": ["127.0.3.1"]}]
    return c


def tried_first():
    plan = dict(records="[{name: www.example.com, type: A}]", prepare="{ttl: 1s}")
    with Sandbox(grouped()) as sb, Converting(sb, **plan) as kit:
        before = zone(sb)
        run = kit.run("prepare")
        t.eq(run.process.returncode, 0, "a whole group's TTL is lowered")
        t.has(run.err, "a change of TTL is tried first on 3 sets of _sluice-try.example.com., removed again", "the trial is told beforehand")
        t.eq(zone(sb), [r[:4] + (1,) + r[5:] for r in before], "nothing but the TTL is otherwise, and the trial is gone")
        seen = [[(c["action"], c["name"].split(".")[0], c.get("ttl")) for c in b["changes"] if not c["name"].startswith("_sluice.")] for b in batches(sb)]
        n = 3
        t.eq([b for b in seen if b],
             [[("CREATE", "_sluice-try", 4)] * n, [("DELETE", "_sluice-try", 4)] * n + [("CREATE", "_sluice-try", 1)] * n, [("DELETE", "_sluice-try", 1)] * n,
              [("DELETE", "www", 4)] * n + [("CREATE", "www", 1)] * n], "made, changed in one batch, removed; then the group in one batch")
        again = kit.run("prepare")
        t.eq((again.process.returncode, len([b for b in seen if b])), (0, 4), "prepare again does nothing")
    c = grouped()
    c["api"]["group_ttl_in_one_batch"] = False
    with Sandbox(c) as sb, Converting(sb, **plan) as kit:
        before = zone(sb)
        run = kit.run("prepare")
        t.eq((run.process.returncode, zone(sb)), (11, before), "where Route 53 refuses the trial, prepare does, and leaves nothing behind")
        t.has(run.err, "weighted sets must contain the same TTL", "in its words")
        t.has(run.err, "no record of the plan was changed", "and says what was changed")
        t.eq([b for b in batches(sb) if any(x["name"].startswith("www") for x in b["changes"])], [], "no batch touched the plan's record")
    with Sandbox(grouped()) as sb, Converting(sb, **plan) as kit:
        sb.fault(kind="hang", on="api", action="ChangeResourceRecordSets", nth=3, count=1)
        run = kit.start("prepare")
        sb.wait_for("the trial", lambda events: any(e["event"] == "api" and any(x["name"].startswith("_sluice-try") for x in e.get("changes", ())) for e in events))
        run.kill()
        kit.run("prepare", "--take-over")
        t.eq([r for r in zone(sb) if "try" in r[0]], [], "what a prepare that was killed left of it, the next removes")
        t.eq({r[4] for r in zone(sb)}, {1}, "and goes on")


for part in (story, undone, refusals, remembers, recovers, tried_first):
    part()
sys.exit(t.done())
