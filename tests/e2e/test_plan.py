"""`sluice plan` and its lints against the sandbox: what it finds, what it asks for, and that it writes nothing."""
import fnmatch
import json
import os

from ramp_kit import *
from sandbox import Sandbox, Tap, tag

t = Tap()
NEW_CHECK, OLD_CHECK = "aaaaaaaa-0000-4000-8000-00000000000n", "aaaaaaaa-0000-4000-8000-00000000000o"
HERITAGE = '"heritage=external-dns,external-dns/owner=blue,external-dns/resource=ingress/shop/web"'


def zone_text(sb):
    """All zones as they stand, to the byte."""
    return json.dumps(sb.state()["zones"], sort_keys=True)


def reads_only(sb, before, what):
    t.eq(zone_text(sb), before, what + ": the zone is as it was, to the byte")
    t.eq([e["action"] for e in sb.events("api") if e["method"] != "GET"], [], what + ": nothing but GET was sent")


def records(config):
    return config["zones"][0]["records"]


def found(run):
    """id -> finding of a plan in JSON."""
    return {f["code"]: f for f in json.loads(run.out or '{"findings": []}')["findings"]}


def plan(config, *args, **keys):
    with Sandbox(config) as sb, Kit(sb, **keys) as kit:
        before = zone_text(sb)
        run = kit.run("plan", "--format", "json", *args, yes=False)
        reads_only(sb, before, "plan")
        return run, sb.events("api")


def shows_lints():
    config = ramp_config()
    config["health_checks"] = [
        {"id": NEW_CHECK, "type": "HTTP", "fqdn": "www.example.com", "interval": 10},
        {"id": OLD_CHECK, "type": "HTTP", "address": OLD, "disabled": True}]
    records(config)[0]["health_check"] = OLD_CHECK
    records(config)[1]["health_check"] = NEW_CHECK
    records(config).extend([
        {"name": "example.com", "type": "MX", "ttl": 60, "values": ["10 mail.example.com"]},
        {"name": "mail.example.com", "type": "A", "ttl": 60, "values": [OLD]},
        {"name": "www.example.com", "type": "AAAA", "ttl": 60, "values": ["2001:db8::1"]},
        {"name": "a-www.example.com", "type": "TXT", "ttl": 60, "values": [HERITAGE]}])
    run, calls = plan(config)
    f = found(run)
    t.eq(run.process.returncode, 0, "warnings and questions do not refuse a plan")
    for what, level in (("health_check", "warn"), ("health_disabled", "warn"), ("health_name", "warn"),
                        ("old_named", "warn"), ("family_alone", "warn"), ("external_dns", "ask"),
                        ("certificate_unseen", "warn"), ("pools", "note"), ("not_armed", "note")):
        t.eq(f.get(what, {}).get("level"), level, "%s is a %s" % (what, level))
        t.ok(f.get(what, {}).get("todo"), "%s says what to do" % what)
    t.has(f.get("old_named", {}).get("what", ""), "mail.example.com A", "the record that names the old side is named")
    t.has(f.get("health_check", {}).get("what", ""), "at 100 %: old fails 100%, new fails 0%, both 100%",
          "the truth table is told")
    t.eq([c["target"] for c in calls if c["action"] == "GetHealthCheck"],
         ["/2013-04-01/healthcheck/" + x for x in (NEW_CHECK, OLD_CHECK)], "each health check was asked for once")
    health = json.loads(run.out)["records"][0].get("health", {})
    t.eq(health.get("armed"), False, "the record is not armed")
    t.eq([r for r in health.get("shares", []) if r["percent"] == 10],
         [{"percent": 10, "old_fails_ppm": 1000000, "new_fails_ppm": 0, "both_fail_ppm": 100000}],
         "the table is there for programs, too")


def text_shows_lints():
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        run = kit.run("plan", yes=False)
        t.has(run.out, "note: shop: clients with connection pools", "text has the notes")
        t.has(run.out, "ignore_changes", "and the line for Terraform")


def gone_check_is_refused():
    config = ramp_config()
    records(config)[1]["health_check"] = NEW_CHECK
    run, _ = plan(config)
    t.eq(run.process.returncode, 11, "a health check that is gone refuses")
    t.eq(found(run).get("health_gone", {}).get("level"), "refuse", "by that finding")
    with Sandbox(config) as sb, Kit(sb) as kit:
        run = kit.run("ramp")
        t.eq(run.process.returncode, 11, "and refuses a ramp")
        t.has(run.err, NEW_CHECK, "which names it")
        t.eq(batches(sb), [], "and nothing was written")


def unread_is_said():
    config = ramp_config(deny=[{"action": "GetHealthCheck"}])
    config["health_checks"] = [{"id": NEW_CHECK, "type": "TCP", "address": NEW}]
    records(config)[1]["health_check"] = NEW_CHECK
    run, _ = plan(config)
    t.eq(run.process.returncode, 0, "a read that AWS does not allow stops nothing")
    t.has(found(run).get("unread", {}).get("what", ""), "route53:GetHealthCheck", "and is named")


def twins_are_told():
    config = ramp_config()
    config["zones"].append({"name": "example.com", "id": "Z0PRIVATE", "private": True, "records": []})
    with Sandbox(config) as sb, Kit(sb) as kit:
        route53 = "{zone: Z0SANDBOXEXAMPLE, endpoint_url: '%s', resolver: '%s'}" % (sb.ready["api"], sb.ready["resolver"])
        kit.write(route53=route53)
        run = kit.run("plan", "--format", "json", yes=False)
        t.has(found(run).get("zone_twin", {}).get("what", ""), "Z0PRIVATE (private)", "a private twin is named")
    run, calls = plan(ramp_config())
    t.ok("zone_twin" not in found(run), "a zone alone has none")
    t.eq(len([c for c in calls if c["action"] == "ListHostedZonesByName"]), 1, "and costs no further call")


def policy_is_told():
    config = ramp_config()
    config["traffic_policy_instances"] = [
        {"id": "t-1", "zone": "Z0SANDBOXEXAMPLE", "name": "www.example.com.", "policy": "p-9", "version": 4}]
    records(config)[:] = [{"name": "www.example.com", "type": "A", "ttl": 1, "values": [OLD], "traffic_policy": "t-1"}]
    run, _ = plan(config)
    t.eq(run.process.returncode, 11, "a traffic policy's record refuses")
    t.has(found(run).get("policy_instance", {}).get("what", ""), "p-9, version 4, state Applied", "and its policy is told")


def ramp_heeds():
    config = ramp_config()
    records(config).append({"name": "www.example.com", "type": "TXT", "ttl": 60, "values": [HERITAGE]})
    with Sandbox(config) as sb, Kit(sb, steps="[100]") as kit:
        run = kit.run("ramp", yes=False)
        t.eq(run.process.returncode, 64, "a question without anybody to answer it begins nothing")
        t.has(run.err, "external-dns (owner blue)", "the question is said")
        t.eq(batches(sb), [], "and nothing is written")
        run = kit.run("ramp", "--to", "100")
        t.eq(run.process.returncode, 0, "--yes answers it")
        t.has(run.err, "external-dns (owner blue)", "and it is still said")
        t.ok("connection pools" not in run.err, "notes are not said", run.err)


def findings_are_events():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[100]", bake="1s") as kit:
        run = kit.run("ramp", progress="json")
        lines = [json.loads(line) for line in run.lines]
        told = {e["code"]: e["level"] for e in lines if e["event"] == "finding"}
        t.eq((told.get("certificate_unseen"), told.get("pools")), ("warn", "note"), "with --progress json findings are events")
        t.ok(all({"time", "run", "seq", "cutover"} <= set(e) for e in lines), "of the usual form")


def sandbox_reads():
    config = ramp_config()
    config["health_checks"] = [{"id": "h-1", "type": "HTTPS", "fqdn": "a<b", "port": 443}]
    with Sandbox(config) as sb:
        status, _, body = sb.call("GET", "/2013-04-01/healthcheck/h-1")
        t.eq((status, tag(body, "FullyQualifiedDomainName"), tag(body, "Port")), (200, "a<b", "443"), "a check is read")
        status, _, body = sb.call("GET", "/2013-04-01/healthcheck/h-2")
        t.eq((status, tag(body, "Code")), (404, "NoSuchHealthCheck"), "one that is not there is 404")
        status, _, body = sb.call("GET", "/2013-04-01/trafficpolicyinstance/t-2")
        t.eq((status, tag(body, "Code")), (404, "NoSuchTrafficPolicyInstance"), "so is a policy instance")


# ---- iam-policy

NAMES, TYPES, ACTIONS = ("route53:ChangeResourceRecordSets" + k for k in ("NormalizedRecordNames", "RecordTypes", "Actions"))


def as_list(x):
    return x if isinstance(x, list) else [x]


def allows(policy, action, resource, keys):
    """IAM's evaluation, as far as this policy goes: one statement must hold for the whole request."""
    for s in policy["Statement"]:
        if "route53:" + action not in as_list(s["Action"]) or \
                not any(fnmatch.fnmatchcase(resource, r) for r in as_list(s["Resource"])):
            continue
        good = True
        for operator, wanted in s.get("Condition", {}).items():
            for key, values in wanted.items():
                have = keys.get(key)
                if operator == "Null":
                    good = good and (have is None) == (values == "true")
                else:
                    like = operator == "ForAllValues:StringLike"
                    good = good and all(any(fnmatch.fnmatchcase(h, v) if like else h == v for v in values)
                                        for h in have or [])
        if good:
            return True
    return False


def request_of(call):
    """(action, resource, condition keys) of a logged call."""
    kind = {"GetChange": "change", "GetHealthCheck": "healthcheck"}.get(call["action"], "hostedzone")
    resource = "arn:aws:route53:::%s/%s" % (kind, call.get("zone", ""))
    if call["action"] == "GetChange":
        resource = "arn:aws:route53:::change/" + call["target"].rsplit("/", 1)[1]
    keys = {}
    if call["action"] == "ChangeResourceRecordSets":
        keys = {NAMES: {c["name"].rstrip(".") for c in call["changes"]}, TYPES: {c["type"] for c in call["changes"]},
                ACTIONS: {c["action"] for c in call["changes"]}}
    return call["action"], resource, keys


def is_enough(sb, policy, what, since=0):
    calls = [c for c in sb.events("api") if c["seq"] > since]
    t.eq([c["action"] for c in calls if not allows(policy, *request_of(c))], [], what + ": the policy allows every call")
    used = {NAMES: set(), TYPES: set(), ACTIONS: set()}
    for c in calls:
        for key, values in request_of(c)[2].items():
            used[key] |= values
    change = [s for s in policy["Statement"] if s["Action"] == "route53:ChangeResourceRecordSets"]
    equals = change[0]["Condition"]["ForAllValues:StringEquals"]
    t.eq({k: set(v) for k, v in equals.items()}, used, what + ": and nothing that no call needs")


def policy_is_the_least():
    config = ramp_config()
    records(config).extend([
        {"name": "*.shops.example.com", "type": "CNAME", "set": "heroku", "weight": 100, "ttl": 1, "values": ["old.test"]},
        {"name": "*.shops.example.com", "type": "CNAME", "set": "ec2", "weight": 0, "ttl": 1, "values": ["new.test"]}])
    keys = dict(records="[{name: www.example.com, type: A}, {name: '*.shops.example.com', type: CNAME}]",
                steps="[10, 100]", bake="1s")
    config["dns"]["hosts"] = {"old.test": [OLD], "new.test": [NEW]}
    with Sandbox(config) as sb, Kit(sb, **keys) as kit:
        before = zone_text(sb)
        run = kit.run("iam-policy", yes=False)
        t.eq(run.process.returncode, 0, "iam-policy prints a policy")
        t.has(run.err, "looking up", "and says that it asks")
        reads_only(sb, before, "iam-policy")
        policy = json.loads(run.out or "{}")
        t.eq(kit.run("ramp").process.returncode, 0, "a ramp completes")
        sb.change(weights=[{"name": n, "type": ty, "set": s, "weight": w} for n, ty in (
            ("www.example.com", "A"), ("*.shops.example.com", "CNAME")) for s, w in (("heroku", 1), ("ec2", 1))])
        t.eq(kit.run("rollback").process.returncode, 0, "and a rollback is confirmed")
        is_enough(sb, policy, "ramp and rollback")


def policy_of_conversions():
    config = ramp_config()
    config["dns"]["hosts"] = {"old.test": [OLD]}
    records(config)[0]["ttl"] = records(config)[1]["ttl"] = 3
    records(config).append({"name": "*.shops.example.com", "type": "CNAME", "ttl": 3, "values": ["old.test"]})
    keys = dict(records="[{name: www.example.com, type: A}, {name: '*.shops.example.com', type: CNAME}]", prepare="{ttl: 1s}",
                sides="{old: {set: heroku}, new: {set: ec2, target: ['%s', '::ffff:%s']}}" % (NEW, NEW), steps="[100]", bake="1s")

    def policy(kit, what):
        run = kit.run("iam-policy", "--allow", what, yes=False)
        t.eq(run.process.returncode, 0, "iam-policy --allow " + what)
        return json.loads(run.out or "{}")

    with Sandbox(config) as sb, Kit(sb, **keys) as kit:
        kit.converts = True
        both, release, everything = (policy(kit, w) for w in ("prepare,finish", "release", "all"))
        t.eq([s["Sid"] for s in both["Statement"]], ["SluiceRead", "SluiceSync", "SluiceChangeZ0SANDBOXEXAMPLE", "SluiceFindZone"], "what `plan` asks for is not in it")
        since = sb.events()[-1]["seq"]
        t.eq([kit.run(*args).process.returncode for args in (("prepare",), ("prepare", "--undo"), ("prepare",))], [0, 0, 0], "prepare, its undo, prepare")
        sb.change(weights=[{"name": n, "type": ty, "set": s, "weight": w} for n, ty in (
            ("www.example.com", "A"), ("*.shops.example.com", "CNAME")) for s, w in (("heroku", 0), ("ec2", 1))])
        t.eq([kit.run("finish", *args).process.returncode for args in (("--without-soak", "--no-wait"), ("--undo",), ("--without-soak", "--no-wait"))],
             [0, 0, 0], "finish, its undo, finish")
        is_enough(sb, both, "prepare and finish", since)
        sb.clock(offset_ms=400000)
        later = sb.events()[-1]["seq"]
        t.eq(kit.run("release").process.returncode, 0, "release")
        calls = [c for c in sb.events("api") if c["seq"] > later]
        t.eq([c["action"] for c in calls if not allows(release, *request_of(c))], [], "release: the policy allows every call")
        t.eq([s["Sid"] for s in release["Statement"]], ["SluiceRead", "SluiceChangeZ0SANDBOXEXAMPLE", "SluiceFindZone"], "and no more than the lease")
        t.eq([c["action"] for c in sb.events("api") if c["seq"] > since and not allows(everything, *request_of(c))], [], "all: allows every call of all")
        ramp = json.loads(kit.run("iam-policy", yes=False).out or "{}")
        denied = {c["name"].split(".")[0] for e in sb.events("api") if e["seq"] > since and not allows(ramp, *request_of(e)) for c in e["changes"]}
        t.ok({"_sluice-try", "new-wildcard"} <= denied, "a ramp's policy does not reach as far", denied)
        run = kit.run("iam-policy", "--allow", "prepare,fnish", yes=False)
        t.eq(run.process.returncode, 64, "a word that is no command: 64")


def policy_offline():
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        kit.write(route53="{zone: Z0SANDBOXEXAMPLE, endpoint_url: 'http://127.0.0.1:1'}")
        run = kit.run("iam-policy", yes=False, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
        t.eq((run.process.returncode, sb.events("api")), (0, []), "with zone ids nobody is asked, nor are there keys")
        t.has(run.err, "nobody was asked", "and it says so")
        t.has(run.out, '"_sluice.*"', "the lease is a pattern")
        run = kit.run("iam-policy", "--allow", "prepare", yes=False)
        t.has(run.out, '"_sluice-try.*"', "and so is the trial of prepare")
        kit.write(route53="{zone: Z0SANDBOXEXAMPLE}", lease="{name: _sluice.example.com}")
        run = kit.run("iam-policy", yes=False, AWS_DEFAULT_REGION="cn-north-1")
        t.has(run.out, '"_sluice.example.com"', "unless the plan names it")
        t.has(run.out, "arn:aws-cn:route53:::hostedzone/Z0SANDBOXEXAMPLE", "the partition is the region's")


def denials_name_what_is_missing():
    for deny, words in (({"change": "UPSERT"}, "not allowed: UPSERT of www.example.com A; `sluice iam-policy`"),
                        ({"type": "TXT"}, "not allowed: CREATE of _sluice.example.com TXT;")):
        config = ramp_config(deny=[dict(deny, action="ChangeResourceRecordSets")])
        with Sandbox(config) as sb, Kit(sb) as kit:
            run = kit.run("ramp")
            t.eq(run.process.returncode, 77, "a right that is missing: 77")
            t.has(run.err, words, "and it is named")


# ---- saved plans

def save(kit, *args):
    out = os.path.join(kit.dir, "agreed.json")
    run = kit.run("plan", "-o", out, *args, yes=False)
    return run, out


def saved_plan_is_walked():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="1s") as kit:
        before = zone_text(sb)
        run, out = save(kit, "--detailed-exitcode")
        t.eq(run.process.returncode, 2, "a plan with changes that is saved still says 2")
        reads_only(sb, before, "plan -o")
        with open(out, encoding="utf-8") as f:
            doc = json.load(f)
        t.eq([(r["name"], {s["id"]: s["weight"] for s in r["sets"]}) for r in doc["records"]],
             [("www.example.com", {"ec2": 0, "heroku": 100})], "it holds what stands")
        t.eq([s["percent"] for s in doc["seen"]["steps"]], [10, 100], "and what was shown")
        run = kit.start("ramp", "--plan", out, plan=False)
        t.eq(run.wait(), 0, "ramp --plan needs no other word")
        t.eq(percents(sb), [0, 10, 100], "and walks it")
        again = kit.run("ramp", "--plan", out, plan=False)
        t.eq(again.process.returncode, 11, "a second time it refuses")
        t.has(again.err, "www.example.com A: set 'ec2': weight was 0, is", "and says the field, what it was and is")
        t.eq(percents(sb), [0, 10, 100], "and moves nothing")


def saved_plan_is_refused():
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        _, out = save(kit)
        writes = len(batches(sb))

        def refuses(words, what):
            run = kit.run("ramp", "--plan", out)
            t.eq(run.process.returncode, 11, what + ": refused")
            t.has(run.err, words, what + ": said")
            t.eq(len(batches(sb)), writes, what + ": nothing was written")

        sb.change(put=[dict(s, ttl=30) for s in sb.sets("www.example.com", "A").values()])
        refuses("set 'heroku': ttl was 1, is 30", "a TTL")
        sb.change(put=[dict(s, ttl=1) for s in sb.sets("www.example.com", "A").values()])
        sb.change(put=[{"name": "www.example.com", "type": "A", "set": "other", "weight": 1, "ttl": 1, "values": ["127.0.3.1"]}])
        refuses("set 'other' was not there", "a third set")
        sb.change(delete=[{"name": "www.example.com", "type": "A", "set": "other"}])
        sb.change(put=[{"name": "www.example.com", "type": "TXT", "ttl": 60, "values": [HERITAGE]}])
        refuses("external_dns is new", "a new question")
        sb.change(delete=[{"name": "www.example.com", "type": "TXT"}])
        suite = os.path.join(kit.dir, "shop.smoke.yaml")
        with open(suite, "a", encoding="utf-8") as f:
            f.write("# edited\n")
        refuses("shop.smoke.yaml: the suite was changed", "a suite")
        kit.write(steps="[50, 100]")
        refuses("the plan file was changed", "a plan")
        with open(out, "r+", encoding="utf-8") as f:
            text = f.read().replace('"weight": 0', '"weight": 1')
            f.seek(0)
            f.write(text)
        run = kit.run("ramp", "--plan", out)
        t.eq((run.process.returncode, run.err.count("sluice: ")), (78, 1), "an edited file: one error, 78")
        run = kit.run("ramp", "--plan", kit.plan_path)
        t.eq(run.process.returncode, 78, "a file of another kind: 78")
        run = kit.run("ramp", plan=False)
        t.eq(run.process.returncode, 64, "neither plan nor saved plan: 64")


def refused_plans_are_not_saved():
    config = ramp_config()
    records(config)[1]["values"] = [OLD]
    with Sandbox(config) as sb, Kit(sb) as kit:
        run, out = save(kit)
        t.eq((run.process.returncode, os.path.exists(out)), (11, False), "a plan that would be refused is not saved")


def times_and_calls():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="1s", drain_factor="2") as kit:
        doc = json.loads(kit.run("plan", "--format", "json", yes=False).out)
        first, second = doc["steps"]
        t.eq((first["drain_ms"], first["earliest_end_ms"], second["earliest_end_ms"]), (2000, 3000, 6000), "the earliest ends")
        t.eq((first["latest_end_ms"], second["latest_end_ms"]), (65000, 130000), "the latest: INSYNC and three bakes more")
        t.eq(first["rollback_ms"], 61000, "a rollback: INSYNC and the TTL")
        t.has(first["weights"], "ec2", "the weights by set")
        t.eq(len(doc["smallest"]), 1, "the smallest rate of each suite")
        run = kit.start("ramp", "--to", "10")
        t.eq(run.wait(), 0, "a step is walked")
        log = sb.events("api")
        at = next(i for i, e in enumerate(log) if e.get("request_id") == record_changes(sb)[-1]["request_id"])
        end = next(i for i, e in enumerate(log) if i > at and e["action"] == "ChangeResourceRecordSets")
        calls = [e["action"] for e in log[at - 1:end]]
        told = first["api_calls"]
        t.eq(calls.count("ChangeResourceRecordSets"), told["change"], "as many changes as told")
        t.ok(calls.count("ListResourceRecordSets") >= told["read_at_least"] and
             calls.count("GetChange") >= told["sync_at_least"], "and at least as many readings", (calls, told))
        text = kit.run("plan", yes=False).out
        for words in ("ends between 3s and 1m5s after the first write", "going back reaches everybody within 1m1s",
                      "API calls: 1 change, at least", "The smallest failing share that"):
            t.has(text, words, "people are told: " + words)


def check_writes_nothing():
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        before = zone_text(sb)
        t.eq(kit.run("check", yes=False).process.returncode, 0, "check passes")
        reads_only(sb, before, "check")
        t.eq(sb.events("api"), [], "and asks nobody")


for part in (saved_plan_is_walked, saved_plan_is_refused, refused_plans_are_not_saved, times_and_calls,
             check_writes_nothing, policy_is_the_least, policy_of_conversions, policy_offline, denials_name_what_is_missing, sandbox_reads, shows_lints, text_shows_lints, gone_check_is_refused, unread_is_said, twins_are_told,
             policy_is_told, ramp_heeds, findings_are_events):
    try:
        part()
    except AssertionError as e:
        t.ok(False, part.__name__, e)
t.done()
