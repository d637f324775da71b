"""`sluice ramp` against the sandbox: it completes, it backs out, it refuses; the zone's log is the witness."""
import json
import os
import time

from ramp_kit import *
from sandbox import Sandbox, Tap, pair

t = Tap()
NEW_DOWN = dict(on="fleet", kind="status", fleet="new", status=502)


def completes():
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        run = kit.start("ramp", "--format", "json")
        status = run.wait()
        t.eq(status, 0, "a sound ramp exits with 0")
        t.eq(percents(sb), [0, 1, 10, 50, 100], "it walked 1/10/50/100 %, exactly")
        t.eq(sb.weights("www.example.com", "A"), {"heroku": 0, "ec2": 100}, "all traffic is on the new side")
        t.eq(lease_state(sb), "released", "the lease is released")
        if run.out:
            t.eq(json.loads(run.out).get("phase"), "completed", "the result on standard output says so")
        for b in batches(sb):
            if not any(c["type"] == "TXT" and c["action"] == "CREATE" for c in b["changes"]):
                t.ok(False, "every batch carries the lease", b)
        lines = kit.journal()
        t.eq([l["seq"] for l in lines], list(range(1, len(lines) + 1)), "the journal has no gap")
        # Promise 2: every forward action stands in the journal before the zone logs its batch.
        at = {l["state"]["percent"] for l in lines}
        t.ok({0, 1, 10, 50, 100} <= at, "the journal knows every step", at)
        kit2 = kit.run("status", plan=False, yes=False)
        t.has(kit2.out, "completed", "status shows the end")
        again = kit.run("resume")
        t.eq(again.process.returncode, 11, "resuming a finished run is refused")


def backs_out():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="10s") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.fault(**NEW_DOWN)
        t.eq(run.wait(), 1, "a breach exits with 1")
        t.eq(percents(sb), [0, 10, 0], "it went from 10 % back to 0")
        t.eq(sb.weights("www.example.com", "A"), {"heroku": 100, "ec2": 0}, "the weights are as before")
        t.eq(lease_state(sb), "released", "the lease is released")
        t.has(run.err, "rolled_back", "the end is said")
        back = record_changes(sb)[-1]
        t.ok(all(c["action"] == "UPSERT" for c in back["changes"] if c["type"] != "TXT"), "a rollback is of UPSERTs")


def both_fleets():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="10s", max_hold="1s",
                                           on="{held_too_long: hold}") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.fault(on="fleet", kind="status", status=502)
        run.wait_line("held")
        run.signal(signal.SIGTERM)
        status = run.wait()
        t.ok(status in (10, 143), "both fleets failing holds", status)
        t.eq(percents(sb), [0, 10], "and moves nothing")


def refused(what, config, status, word, **plan):
    with Sandbox(config) as sb, Kit(sb, **plan) as kit:
        run = kit.run("ramp")
        t.eq(run.process.returncode, status, "%s: exit %d" % (what, status))
        t.has(run.err, word, "%s: says what it met" % what)
        t.eq(batches(sb), [], "%s: nothing was written" % what)


def refusals():
    records = lambda c: c["zones"][0]["records"]
    c = ramp_config()
    records(c)[:] = [{"name": "www.example.com", "type": "A", "ttl": 1, "values": [OLD]}]
    refused("a simple record", c, 11, "simple record")
    c = ramp_config()
    records(c).append({"name": "www.example.com", "type": "A", "set": "other", "weight": 3, "ttl": 1,
                       "values": ["127.0.3.1"]})
    refused("a third set", c, 11, "other")
    c = ramp_config()
    records(c)[1]["ttl"] = 5
    refused("unequal TTLs", c, 11, "TTL")
    c = ramp_config()
    records(c)[0]["weight"] = 0
    refused("all weights 0", c, 11, "all its weights are 0")
    c = ramp_config()
    records(c)[1]["values"] = [OLD]
    refused("sides alike", c, 11, "same place")
    c = ramp_config()
    records(c)[1]["weight"] = 50
    refused("the new side above rollback_to", c, 11, "--from-current")
    c = ramp_config()
    c["faults"] = [NEW_DOWN]
    with Sandbox(c) as sb, Kit(sb) as kit:
        run = kit.run("ramp")
        t.eq(run.process.returncode, 11, "new failing in preflight is refused")
        t.eq(record_changes(sb), [], "new failing in preflight: no record was changed")
    c = ramp_config(deny=[{"action": "ListResourceRecordSets"}])
    refused("AWS refusing to list", c, 77, "")
    c = ramp_config(deny=[{"action": "ChangeResourceRecordSets", "change": "UPSERT"}])
    with Sandbox(c) as sb, Kit(sb) as kit:
        run = kit.run("ramp")
        t.eq(run.process.returncode, 77, "no right to roll back is refused with 77")
        t.eq(record_changes(sb), [], "no right to roll back: no record was changed")


def bad_plan():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 5]") as kit:
        run = kit.run("ramp")
        t.eq(run.process.returncode, 78, "a bad plan exits with 78")
        t.ok("plan.yaml:" in run.err and "^" in run.err, "with its line and a caret", run.err)
        t.eq(sb.events("api"), [], "and nobody is asked")


def unattended():
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        run = kit.run("ramp", yes=False)
        t.eq(run.process.returncode, 64, "without a terminal and without --yes nothing begins")
        t.has(run.err, "--yes", "the flag is named")
        t.eq(batches(sb), [], "and nothing is written")
        run = kit.run("ramp", "--to", "7")
        t.eq(run.process.returncode, 64, "--to a percentage that is no step is refused")


def stops_at_goal():
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        run = kit.run("ramp", "--to", "10")
        t.eq(run.process.returncode, 0, "--to 10 reaches its goal")
        t.eq(percents(sb), [0, 1, 10], "and stops there")


def approved():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[{percent: 10, approve: true}, 100]", bake="1s") as kit:
        run = kit.start("ramp")
        run.wait_line("approving")
        t.eq(percents(sb), [0, 10], "a step with approve waits for a person")
        t.eq(kit.run("approve", yes=False).process.returncode, 0, "approve reaches the run")
        t.eq(run.wait(), 0, "and it goes on")
        t.eq(percents(sb), [0, 10, 100], "to the end")


def at_a_time():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[100]", bake="1s") as kit:
        at = time.time() + 4
        run = kit.run("ramp", "--at", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)))
        t.eq(run.process.returncode, 0, "--at waits and then completes")
        t.has(run.err, "nothing is written before 20", "and says until when")
        first = batches(sb)[0]["wall_ms"]
        t.ok(first >= int(at) * 1000 - 50, "nothing is written before its time", "%d < %d" % (first, at * 1000))


def quiet():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[100]", bake="1s") as kit:
        run = kit.run("ramp", "-q")
        t.eq((run.process.returncode, run.err, run.out), (0, "", ""), "-q says nothing when all is well")


def in_dns():
    """The born-from shape: a CNAME pair whose new target is a helper name, an A pair, an AAAA pair; DNS is asked."""
    suite = SUITE + """  - name: file
    request: {get: "http://files.example.com:%(port)d/up"}
"""
    with Sandbox(os.path.join(os.environ.get("srcdir", "."), "examples/sandbox/shop.json")) as sb, \
            Kit(sb, suite=suite, verify="dns", steps="[10, 100]", bake="1s",
                records="[{name: www.example.com, type: CNAME}, {name: files.example.com, type: A}, "
                        "{name: files.example.com, type: AAAA}]") as kit:
        run = kit.run("ramp")
        t.ok(run.process.returncode == 0, "the shop moves, seen in DNS", run.err)
        for name, rtype in (("www", "CNAME"), ("files", "A"), ("files", "AAAA")):
            t.eq(percents(sb, name + ".example.com.", rtype), [0, 10, 100], "%s %s moved with the others" % (name, rtype))
        t.has(run.err, "verifying", "it was verified")
        t.ok(sum(s["udp"] for s in sb.state()["dns"]) > 100, "by asking the name servers")


def plan_looks():
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        run = kit.run("plan", "--format", "json", yes=False)
        t.eq(run.process.returncode, 0, "plan exits with 0")
        doc = json.loads(run.out or "{}")
        t.eq([s["percent"] for s in doc.get("steps", [])], [1, 10, 50, 100], "it shows the steps")
        t.eq({p["verdict"] for p in doc.get("probes", [])}, {"pass"}, "it probed both sides once")
        t.eq(kit.run("plan", "--detailed-exitcode", yes=False).process.returncode, 2, "--detailed-exitcode says 2")
        t.eq([e for e in sb.events("api") if e["method"] == "POST"], [], "and nothing was written")
    c = ramp_config()
    c["zones"][0]["records"] = [{"name": "www.example.com", "type": "A", "ttl": 1, "values": [OLD]}]
    with Sandbox(c) as sb, Kit(sb) as kit:
        out = os.path.join(kit.dir, "batch.json")
        run = kit.run("plan", "--make-weighted", out, yes=False)
        t.eq(run.process.returncode, 0, "--make-weighted writes its batch")
        with open(out, encoding="utf-8") as f:
            batch = json.load(f)
        t.eq([c["Action"] for c in batch["Changes"]], ["DELETE", "CREATE"], "of a DELETE and a CREATE")
        if not os.path.exists("/usr/bin/aws"):
            t.skip("the AWS CLI takes it", "no AWS CLI")
        else:
            kit.converts = True
            cli = subprocess.run(["/usr/bin/aws", "--endpoint-url", sb.ready["api"], "route53", "change-resource-record-sets", "--hosted-zone-id", sb.zone_id,
                                  "--change-batch", "file://" + out], env=sb.env(), capture_output=True, text=True)
            t.ok(cli.returncode == 0, "the AWS CLI takes it", cli.stderr)
            t.eq(sb.weights("www.example.com", "A"), {"heroku": 100}, "and the record is weighted, all on old")


for part in (completes, backs_out, both_fleets, refusals, bad_plan, unattended, stops_at_goal, approved, at_a_time, quiet, in_dns,
             plan_looks):
    try:
        part()
    except AssertionError as e:
        t.ok(False, part.__name__, e)
t.done()
