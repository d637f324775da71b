"""What `sluice plan` and `ramp` look at before anything is begun: certificates, and sessions that cross."""
import json
import os
import subprocess

from ramp_kit import *
from sandbox import Sandbox, Tap, program

t = Tap()
NEW2 = "127.0.2.2"
TENANTS = ["a.shops.example.com", "b.shops.example.com"]
TLS_SUITE = SUITE.replace("http://", "https://") + """  - name: post
    request: {post: /up}
    expect: {status: [200, 404, 405]}
"""


class TlsKit(Kit):
    """A kit whose suite asks over https."""

    def write(self, suite=TLS_SUITE, **plan):
        super().write(suite.replace("%(port)d", str(self.sb.ready["https_port"])), **plan)


def tls_config(names=("www.example.com",), days=90, new="good"):
    config = ramp_config()
    config["certificate"] = {"names": list(names), "days": days}
    config["fleets"][1]["certificate"] = new
    return config


def handshakes(sb):
    return tuple(sb.state()["fleets"][f]["handshakes"] for f in ("old", "new"))


def requests(sb):
    return sum(f["total"] for f in sb.state()["fleets"].values())


def found(run):
    return {f["code"]: f for f in json.loads(run.out or '{"findings": []}')["findings"]}


def plan(kit, *args):
    return kit.run("plan", "--format", "json", *args, yes=False)


def bad_certificates_stop_at_the_first():
    for kind, words in (("expired", "has expired"), ("wrong_name", "for another name"), ("self_signed", "is not trusted")):
        with Sandbox(tls_config(new=kind)) as sb, TlsKit(sb, TLS_SUITE) as kit:
            run = plan(kit, "--probe=all")
            t.eq(run.process.returncode, 11, kind + ": a plan says that a ramp would be refused")
            f = found(run).get("certificate_failed", {})
            t.eq((f.get("level"), f.get("where")),
                 ("refuse", "www.example.com at 127.0.2.1:%d" % sb.ready["https_port"]), kind + ": with host and address")
            t.has(f.get("what", ""), words, kind + ": and the reason")
            t.eq((handshakes(sb), requests(sb)), ((0, 1), 0), kind + ": after one handshake with the new side, and no request")
            t.eq(json.loads(run.out)["probes"], [], kind + ": no check was sent")
            run = kit.run("ramp")
            t.eq(run.process.returncode, 11, kind + ": a ramp is refused")
            t.has(run.err, "is not tried again within the hour", kind + ": for what the plan saw")
            t.eq((handshakes(sb), requests(sb), batches(sb)), ((0, 1), 0, []), kind + ": without another handshake or a write")
            t.eq(kit.run("ramp", "--retry-certificates").process.returncode, 11, kind + ": asked to, it looks again")
            t.eq(handshakes(sb), (0, 2), kind + ": once")


def what_is_mended_is_forgotten():
    with Sandbox(tls_config()) as sb, TlsKit(sb, TLS_SUITE, steps="[100]", bake="1s") as kit:
        fault = sb.fault(kind="expired_certificate", on="fleet", fleet="new")
        run = kit.run("ramp")
        t.eq((run.process.returncode, handshakes(sb)), (11, (0, 1)), "a ramp makes one handshake, too, and is refused")
        t.has(run.err, "www.example.com at 127.0.2.1", "with the host")
        with open(os.path.join(kit.state, "handshakes.json"), encoding="utf-8") as f:
            kept = json.load(f)
        t.eq(list(kept["failed"]), ["www.example.com"], "which is remembered in the state directory")
        sb.clear_faults(fault)
        t.eq(plan(kit).process.returncode, 11, "mended, it is still too soon")
        t.eq(handshakes(sb), (0, 1), "and nobody shakes hands")
        t.eq(plan(kit, "--retry-certificates", "--probe=none").process.returncode, 0, "with no probing there is none either")
        t.eq(handshakes(sb), (0, 1), "whatever is retried")
        run = plan(kit, "--retry-certificates")
        t.eq((run.process.returncode, found(run).get("certificate_failed")), (0, None), "until it is told to, and all is well")
        t.eq(kit.run("ramp").process.returncode, 0, "a later ramp need not be told")
        kept["failed"]["www.example.com"]["at"] -= 3600
        with open(os.path.join(kit.state, "handshakes.json"), "w", encoding="utf-8") as f:
            json.dump(kept, f)
        t.eq(plan(kit).process.returncode, 0, "an hour later it is looked at again by itself")
        for text in ("", "[]", '{"failed": 7}', '{"failed": {"www.example.com": {"at": "x"}}}'):
            with open(os.path.join(kit.state, "handshakes.json"), "w", encoding="utf-8") as f:
                f.write(text)
            t.eq(plan(kit).process.returncode, 0, "a file of %r remembers nothing" % text)


def one_name_at_a_time():
    config = tls_config(names=["www.example.com", *TENANTS])
    config["fleets"][1]["addresses"].append(NEW2)
    config["zones"][0]["records"][1]["values"].append(NEW2)
    config["zones"][0]["records"].extend([
        {"name": "*.shops.example.com", "type": "A", "set": "heroku", "weight": 100, "ttl": 1, "values": [OLD]},
        {"name": "*.shops.example.com", "type": "A", "set": "ec2", "weight": 0, "ttl": 1, "values": [NEW, NEW2]}])
    suite = TLS_SUITE.replace("defaults:", "matrix: {tenant: [a, b, c]}\ndefaults:") + """
  - name: find {{tenant}}
    request: {get: "https://{{tenant}}.shops.example.com:%(port)d/"}
"""
    with Sandbox(config) as sb, TlsKit(sb, suite, records="[{name: www.example.com, type: A}, {name: '*.shops.example.com', type: A}]") as kit:
        kit.write(suite, records="[{name: www.example.com, type: A}, {name: '*.shops.example.com', type: A}]")
        run = plan(kit)
        t.eq((run.process.returncode, found(run).get("certificate_failed", {}).get("where")),
             (11, "c.shops.example.com at 127.0.2.1:%d" % sb.ready["https_port"]), "the first name without a certificate is told")
        t.eq(handshakes(sb), (0, 7), "two names at two addresses each, each pair once, then the third: the last")


def ends_soon():
    for days, status in ((8, 0), (6, 11)):
        with Sandbox(tls_config(days=days)) as sb, TlsKit(sb, TLS_SUITE) as kit:
            run = plan(kit)
            t.eq(run.process.returncode, status, "a certificate of %d days left: %d" % (days, status))
            t.eq("certificate_ends" in found(run), status == 11, "by that finding")
            t.eq((found(run).get("certificate_failed"), os.path.exists(kit.state)), (None, False), "which is no failed handshake, and nothing is remembered")
            if status:
                run = kit.run("ramp")
                t.eq((run.process.returncode, batches(sb)), (11, []), "a ramp is refused, too")
                t.has(run.err, "renew it there", "and says what to do")


def a_warning_check_does_not_refuse():
    suite = TLS_SUITE.replace("    request: {get: /up}", "    severity: warn\n    request: {get: /up}") \
        .replace("    request: {get: /}", "    known_bad: true\n    request: {get: /}") \
        .replace("    request: {post: /up}", "    severity: warn\n    request: {post: /up}")
    with Sandbox(tls_config(new="expired")) as sb, TlsKit(sb, suite) as kit:
        kit.write(suite)
        run = plan(kit, "--probe=none")
        t.eq((found(run).get("certificate_failed"), handshakes(sb)), (None, (0, 0)), "checks that are no evidence make no handshakes")


def a_fleet_that_is_down_is_for_the_checks_to_say():
    config = tls_config()
    config["zones"][0]["records"][1]["values"] = ["127.0.9.9"]
    with Sandbox(config) as sb, TlsKit(sb, TLS_SUITE) as kit:
        run = plan(kit)
        t.eq((run.process.returncode, found(run).get("certificate_failed")), (11, None), "refused, but by its checks")
        t.ok(any("refuses connections" in p["text"] for p in json.loads(run.out)["probes"]), "which say so")


def in_the_run_a_bad_certificate_is_not_hammered():
    with Sandbox(tls_config()) as sb, TlsKit(sb, TLS_SUITE, steps="[50, 100]", bake="60s") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        before = handshakes(sb)[1]
        sb.fault(kind="expired_certificate", on="fleet", fleet="new")
        t.eq(run.wait(), 1, "a certificate that goes bad in the run is a breach")
        seen = handshakes(sb)[1] - before
        t.ok(4 <= seen <= 12, "found with a handful of handshakes, at 20 probes a second", seen)
        t.eq(percents(sb), [0, 50, 0], "and gone back from")


# ---- sessions from side to side

SIGN_IN = """version: 1
base_url: http://www.example.com:%(port)d
defaults: {timeout: 2s, every: 100ms}
checks:
  - name: up
    request: {get: /up}
  - name: sign in
    steps:
      - request: {get: /login}
        capture: {csrf: {regex: 'name="csrf-token" content="([^"]+)"'}}
      - request: {post: /session, form: {email: "a@b", password: "PASSWORD", authenticity_token: "{{csrf}}"}}
        expect: {status: 302, header: {location: {ends_with: /dashboard}}}
      - request: {get: /dashboard}
""".replace("PASSWORD", "correct horse")
ORDERS = """  - name: orders
    needs: sign in
    request: {get: /dashboard}
"""
CROSS = SIGN_IN + ORDERS + """  - name: sessions cross
    needs: sign in
    request: {get: /dashboard}
    side: other
"""


def shop(shared):
    config = ramp_config()
    config["shop"] = {"shared_sessions": shared}
    return config


def posts(sb):
    return [e["fleet"] for e in sb.events("fleet") if e["method"] == "POST"]


def sessions_of_the_same_keys_cross():
    with Sandbox(shop(True)) as sb, Kit(sb, CROSS, steps="[100]", bake="1s") as kit:
        run = plan(kit)
        t.eq((run.process.returncode, posts(sb)), (0, []), "a plan sends nothing but GET and HEAD unless asked")
        t.eq(sorted({p["check"] for p in json.loads(run.out)["probes"]}), ["up"], "nor what would need more")
        t.has(run.err, "--probe all", "and says how to have it tried")
        run = plan(kit, "--probe=all")
        t.eq(run.process.returncode, 0, "sessions cross")
        crossed = sorted((p["side"], p["verdict"]) for p in json.loads(run.out)["probes"] if p["check"] == "sessions cross")
        t.eq(crossed, [("new", "pass"), ("old", "pass")], "both ways")
        t.ok("sessions" not in found(run), "and the note is not said")
        since = len(sb.events("fleet"))
        kit.write(CROSS.replace(ORDERS, ""), steps="[100]", bake="1s")
        run = kit.run("ramp")
        t.eq(run.process.returncode, 0, "a ramp completes")
        pages = [e["path"] for e in sb.events("fleet")[since:]]
        t.ok(pages.count("/dashboard") - pages.count("/session") == 2, "each session crossed once, before it began",
             {p: pages.count(p) for p in set(pages)})


def sessions_of_other_keys_are_refused():
    with Sandbox(shop(False)) as sb, Kit(sb, CROSS) as kit:
        run = plan(kit, "--probe=all")
        f = [x for x in json.loads(run.out)["findings"] if x["code"] == "sessions_differ"]
        t.eq((run.process.returncode, [(x["level"], x["where"]) for x in f]), (11, [("refuse", "sessions cross")] * 2), "refused")
        t.eq(sorted(x["what"] for x in f),
             ["the new side does not take a session of the old side: status is 302, expected 2xx",
              "the old side does not take a session of the new side: status is 302, expected 2xx"], "both ways are told")
        t.eq([p["verdict"] for p in json.loads(run.out)["probes"] if p["check"] == "sessions cross"], ["fail"] * 2, "each once, though asked again")
        t.has(f[0]["todo"], "signed with different keys", "with what it means")
        run = kit.run("ramp")
        t.eq((run.process.returncode, batches(sb)), (11, []), "a ramp is refused, and nothing is written")
        t.has(run.err, "the sides do not take each other's sessions", "and says why")
        kit.write(CROSS.replace("    side: other", "    side: other\n    severity: warn"), steps="[100]", bake="1s")
        run = kit.run("ramp")
        t.eq(run.process.returncode, 0, "with severity: warn it is gone on with")
        t.has(run.err, "does not take a session", "and told")


def a_session_that_does_not_begin_says_so():
    with Sandbox(shop(True)) as sb, Kit(sb, CROSS.replace("correct horse", "wrong")) as kit:
        run = plan(kit, "--probe=all")
        f = found(run)
        t.eq((run.process.returncode, f.get("sessions_unseen", {}).get("level"), f.get("sessions_differ")), (11, "refuse", None),
             "a sign in that fails is no difference of keys")
        t.has(f.get("sessions_unseen", {}).get("what", ""), "it needs 'sign in', which did not pass", "and says what failed")


def a_sign_in_without_a_crossing_check_is_told():
    with Sandbox(shop(True)) as sb, Kit(sb, SIGN_IN) as kit:
        f = found(plan(kit))
        t.has(f.get("sessions", {}).get("todo", ""),
              "{name: sessions cross, needs: ['sign in'], request: {get: '/dashboard'}, side: other}", "the note has the check to add")


def smoke_alone_leaves_it_out():
    with Sandbox(shop(True)) as sb, Kit(sb, CROSS) as kit:
        suite = os.path.join(kit.dir, "shop.smoke.yaml")
        at = ["--connect-to", "www.example.com:%d:%s:%d" % (sb.ready["http_port"], NEW, sb.ready["http_port"])]
        for args, status, words in (([], 0, "'sessions cross' is left out"), (["--only", "sessions cross"], 11, "goes from side to side"),
                                    (["--compare", "%s:%d,%s:%d" % (OLD, sb.ready["http_port"], NEW, sb.ready["http_port"])], 0, "is left out")):
            got = subprocess.run([program("smoke/smoke"), suite, *(at if "--compare" not in args else []), *args], env=sb.env(),
                                 capture_output=True, text=True, timeout=60)
            t.eq(got.returncode, status, "smoke %s: %d" % (" ".join(args[:1]), status))
            t.has(got.stderr, words, "with a word")


# ---- zones of one name

def private(records=()):
    return {"name": "example.com", "id": "Z0PRIVATE", "private": True, "records": list(records)}


def by_name(sb):
    return "{zone: example.com, endpoint_url: '%s', resolver: '%s'}" % (sb.ready["api"], sb.ready["resolver"])


def the_public_zone_is_meant():
    config = ramp_config()
    config["zones"].insert(0, private(config["zones"][0]["records"]))
    with Sandbox(config) as sb, Kit(sb, steps="[100]", bake="1s") as kit:
        f = found(plan(kit))
        t.has(f.get("zone_twin", {}).get("what", ""), "Z0PRIVATE (private)", "a plan names the zones passed over")
        run = kit.run("observe", yes=False)
        t.eq(run.process.returncode, 0, "observe looks at the public one")
        t.has(run.err, "passed over: Z0PRIVATE (private)", "and says which it does not")
        run = kit.run("ramp")
        t.eq((run.process.returncode, {b["zone"] for b in batches(sb)}), (0, {"Z0SANDBOXEXAMPLE"}), "a ramp writes to the public one alone")
        t.has(run.err, "Z0PRIVATE (private)", "and names the other, too")


def a_private_zone_alone():
    config = ramp_config()
    config["zones"] = [private(config["zones"][0]["records"])]
    with Sandbox(config) as sb, Kit(sb, steps="[100]", bake="1s") as kit:
        kit.write(route53=by_name(sb), verify="dns", steps="[100]", bake="1s")
        run = plan(kit)
        f = found(run)
        t.eq((run.process.returncode, f.get("private_unseen", {}).get("level")), (11, "refuse"), "verify: dns is refused for a private zone")
        t.has(f.get("private_unseen", {}).get("todo", ""), "verify: api", "with the line to add")
        run = kit.run("observe", yes=False)
        t.eq(run.process.returncode, 11, "observe has nothing to look at")
        t.has(run.err, "passed over: a private zone", "and says why")
        kit.write(route53=by_name(sb), verify="api", steps="[100]", bake="1s")
        run = kit.run("ramp")
        t.eq(run.process.returncode, 0, "verify: api goes on")
        t.has(run.err, "it is a private zone", "with a warning")


def observe_skips_the_private_one():
    config = ramp_config()
    www = config["zones"][0]["records"]
    config["zones"].append({"name": "corp.test", "id": "Z0PRIVATE", "private": True,
                            "records": [dict(r, name="in.corp.test") for r in www]})
    with Sandbox(config) as sb, Kit(sb, records="[{name: www.example.com, type: A}, {name: in.corp.test, type: A, zone: corp.test}]") as kit:
        run = kit.run("observe", "--format", "json", yes=False)
        names = {r["name"].rstrip(".") for r in json.loads(run.out)["records"]}
        t.eq((run.process.returncode, names), (0, {"www.example.com", "in.corp.test"}), "with servers in the plan private zones are asked, too")
        kit.write(records="[{name: www.example.com, type: A}, {name: in.corp.test, type: A, zone: corp.test}]", route53=by_name(sb))
        run = kit.run("observe", yes=False)
        t.has(run.err, "corp.test: passed over: a private zone", "without, they are skipped with a word")
        t.ok("Z0PRIVATE has no name server" not in run.err, "and are no reason to give up", run.err)


# ---- what stands at one name, and the last step

def one_name_one_cname():
    config = ramp_config()
    config["zones"][0]["records"].append({"name": "www.example.com", "type": "CNAME", "ttl": 1, "values": ["old.test"]})
    with Sandbox(config) as sb, Kit(sb) as kit:
        f = found(plan(kit))
        t.eq(f.get("cname_beside", {}).get("level"), "refuse", "a CNAME beside a record of the plan is refused")
        run = kit.run("ramp")
        t.eq((run.process.returncode, [e["action"] for e in sb.events("api") if e["method"] == "POST"]), (11, []), "and nothing is sent")
        t.has(run.err, "delete the CNAME", "with the way out")
    config = ramp_config()
    config["zones"][0]["records"].append({"name": "www.example.com", "type": "A", "ttl": 1, "values": ["127.0.3.1"]})
    with Sandbox(config) as sb, Kit(sb) as kit:
        run = kit.run("ramp")
        t.eq((run.process.returncode, [e["action"] for e in sb.events("api") if e["method"] == "POST"]), (11, []), "a simple record beside weighted ones, too")
        t.has(run.err, "beside weighted sets of its name and type", "in these words")
    config = ramp_config()
    config["zones"][0]["records"] = [{"name": "shop.example.com", "type": "CNAME", "ttl": 1, "values": ["old.test"]},
                                     {"name": "new-shop.example.com", "type": "CNAME", "ttl": 1, "values": ["else.test"]}]
    keys = dict(records="[{name: shop.example.com, type: CNAME}]", sides="{old: {set: heroku}, new: {set: ec2, target: 127.0.2.1}}")
    with Sandbox(config) as sb, Kit(sb, **keys) as kit:
        run = kit.run("prepare")
        t.eq((run.process.returncode, [e["action"] for e in sb.events("api") if e["method"] == "POST"]), (11, []), "prepare does not make addresses beside a CNAME")
        t.has(run.err, "the helper name new-shop.example.com. is a CNAME", "and says where one is")


def no_last_step_without_a_way_back():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[50, 100]", bake="4s") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.fault(kind="status", on="fleet", fleet="old", status=500)
        at = run.wait_line("held")
        t.has(run.err, "no way back", "an old fleet that fails holds the run")
        kit.run("resume")
        run.wait_line("held", after=at, seconds=30)
        t.eq(percents(sb), [0, 50], "the step to 100 % is not taken, nor when a person resumes")
        run.signal(signal.SIGTERM)
        t.ok(run.wait() in (10, 143) and percents(sb) == [0, 50], "and it is left there", run.process.returncode)


for part in (one_name_one_cname, no_last_step_without_a_way_back, the_public_zone_is_meant, a_private_zone_alone, observe_skips_the_private_one, sessions_of_the_same_keys_cross, sessions_of_other_keys_are_refused, a_session_that_does_not_begin_says_so,
             a_sign_in_without_a_crossing_check_is_told, smoke_alone_leaves_it_out, bad_certificates_stop_at_the_first, what_is_mended_is_forgotten, one_name_at_a_time, ends_soon,
             a_warning_check_does_not_refuse, a_fleet_that_is_down_is_for_the_checks_to_say, in_the_run_a_bad_certificate_is_not_hammered):
    try:
        part()
    except AssertionError as e:
        t.ok(False, part.__name__, e)
t.done()
