#!/usr/bin/python3
"""sluice's Route 53 client against the sandbox: what is signed is believed, what goes wrong is told apart.

Drives tests/e2e/r53_probe. Prints TAP. Nothing sleeps; everything stays on the loopback.
"""

import json
import os
import subprocess
import sys
import tempfile
import traceback
import urllib.request

BUILD = os.environ.get("builddir", ".")
SANDBOX = os.path.join(BUILD, "sluice-sandbox")
PROBE = os.path.join(BUILD, "tests/e2e/r53_probe")
ZONE = "Z1EXAMPLE"


def record(name, kind, values, **more):
    return dict({"name": name, "type": kind, "ttl": 60, "values": values}, **more)


def big_zone():
    """650 sets, among them a group across the border of the first page (300)."""
    records = [record("r%03d.big.example.com" % i, "A", ["192.0.2.1"]) for i in range(250)]
    records += [record("s.big.example.com", "A", ["192.0.2.%d" % (i + 1)], set="set-%03d" % i, weight=i % 256)
                for i in range(100)]
    records += [record("t%03d.big.example.com" % i, "TXT", ['"%d"' % i]) for i in range(298)]
    return records


CONFIG = {
    "zones": [
        {"name": "example.com", "id": ZONE, "records": [
            record("www.example.com", "CNAME", ["old.example.net"], set="heroku & co", weight=100),
            record("www.example.com", "CNAME", ["new.example.net"], set="ec2", weight=0),
            record("*.shops.example.com", "A", ["192.0.2.7"], set="a", weight=3, health_check="hc-1"),
            {"name": "alias.example.com", "type": "A", "set": "lb", "weight": 7,
             "alias": {"zone": "Z35SXDOTRQ7X7K", "name": "lb-1.us-east-1.elb.amazonaws.com", "evaluate": True}},
            record("text.example.com", "TXT", ['"a <b> & \\"c\\""', '"two" "strings"']),
            record("geo.example.com", "A", ["192.0.2.8"], set="here", region="eu-central-1")]},
        {"name": "twice.example.com", "id": "Z2PUBLIC", "records": []},
        {"name": "twice.example.com", "id": "Z2PRIVATE", "private": True, "records": []},
        {"name": "owned.example.com", "id": "Z3OWNED", "linked_service": "servicediscovery.amazonaws.com",
         "records": []},
        {"name": "big.example.com", "id": "Z4BIG", "records": big_zone()}],
    "api": {"keys": [{"id": "AKIDEXAMPLE", "secret": "secret/key+1", "token": "session=token/1"},
                     {"id": "AKIDREADER", "secret": "reader"}],
            "deny": [{"action": "ChangeResourceRecordSets", "key": "AKIDREADER"}], "throttle": None},
    "dns": {"servers": [{"delay_ms": 0}]},
    "fleets": [],
}


class Sandbox:
    def __init__(self, directory):
        config, ready = os.path.join(directory, "config.json"), os.path.join(directory, "ready.json")
        with open(config, "w") as f:
            json.dump(CONFIG, f)
        self.process = subprocess.Popen([SANDBOX, "--config", config, "--ready", ready, "--exit-with-parent"],
                                        stdout=subprocess.PIPE)
        self.ready = json.loads(self.process.stdout.readline())

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.ready["control"] + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")

    def fault(self, **fault):
        self.call("POST", "/faults", dict({"on": "api"}, **fault))

    def clear(self):
        self.call("DELETE", "/faults")
        self.call("POST", "/clock", {"offset_ms": 0})

    def seq(self):
        return self.call("GET", "/state")["log_seq"]

    def api_since(self, seq):
        return [e for e in self.call("GET", "/log?since=%d" % seq) if e["event"] == "api"]

    def stop(self):
        self.process.terminate()
        return self.process.wait(10)


class Probe:
    """One process of r53_probe; env overrides the environment it gets."""

    def __init__(self, sandbox, **env):
        own = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        own.update({"AWS_ENDPOINT_URL": sandbox.ready["api"], "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
                    "AWS_SECRET_ACCESS_KEY": "secret/key+1", "AWS_SESSION_TOKEN": "session=token/1",
                    "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"})
        own.update(env)
        self.process = subprocess.Popen([PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=own)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.process.stdin.close()
        status = self.process.wait(10)
        assert why[0] or status == 0, "r53_probe ended with %d" % status

    def ask(self, op, **more):
        self.process.stdin.write(json.dumps(dict({"op": op}, **more)).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def list(self, zone=ZONE, **more):
        return self.ask("list", zone=zone, **more)

    def group(self, name="www.example.com", kind="CNAME", zone=ZONE):
        answer = self.list(zone, name=name, type=kind, only_name=True, only_type=True)
        assert answer["outcome"] == "ok", answer
        return answer["sets"]

    def change(self, *changes, zone=ZONE, **more):
        return self.ask("change", zone=zone, changes=list(changes), **more)


def upsert(s, weight):
    return {"action": "UPSERT", "set": s, "weight": weight}


def swap(s, weight):
    return [{"action": "DELETE", "set": s}, {"action": "CREATE", "set": s, "weight": weight}]


def weights(sets):
    return {s["set"]: s["weight"] for s in sets}


def equal(got, wanted):
    assert got == wanted, "got %r, wanted %r" % (got, wanted)


def test_zones_are_found_by_name_and_by_id(sb):
    with Probe(sb) as p:
        zone = p.ask("find", zone="example.com")
        equal((zone["id"], zone["name"], zone["private"]), (ZONE, "example.com.", False))
        assert zone["servers"], zone
        equal(p.ask("find", zone=ZONE)["id"], ZONE)
        equal(p.ask("find", zone="xample.com")["exit"], 11)
        missing = p.ask("find", zone="Z0NOSUCH")
        equal(missing["exit"], 11)
        assert "NoSuchHostedZone" in missing["error"], missing
        twice = p.ask("find", zone="twice.example.com")
        equal(twice["exit"], 11)
        assert "Z2PUBLIC (public)" in twice["error"] and "Z2PRIVATE (private)" in twice["error"], twice
        owned = p.ask("find", zone="owned.example.com")
        assert "servicediscovery.amazonaws.com" in owned["error"], owned


def test_every_field_of_a_set_is_read(sb):
    with Probe(sb) as p:
        sets = {(s["name"], s.get("set")): s for s in p.list()["sets"]}
        wild = sets["\\052.shops.example.com.", "a"]
        equal((wild["weight"], wild["health_check"], wild["ttl"]), (3, "hc-1", 60))
        alias = sets["alias.example.com.", "lb"]
        equal(alias["alias"]["evaluate"], True)
        assert "ttl" not in alias and alias["values"] == [], alias
        equal(sets["text.example.com.", None]["values"], ['"a <b> & \\"c\\""', '"two" "strings"'])
        equal(sets["geo.example.com.", "here"]["routing"], "Region")


def test_every_kind_of_set_is_sent_back_as_listed(sb):
    with Probe(sb) as p:
        before = p.list()["sets"]
        ours = [s for s in before if "weight" in s or s["name"] == "text.example.com."]
        answer = p.change(*[c for s in ours for c in
                            [{"action": "DELETE", "set": s}, {"action": "CREATE", "set": s}]])
        equal((answer["outcome"], answer["message"]), ("ok", ""))
        equal(p.list()["sets"], before)


def test_650_sets_come_in_pages(sb):
    with Probe(sb) as p:
        seq = sb.seq()
        answer = p.list("Z4BIG")
        equal(answer["outcome"], "ok")
        equal(len(answer["sets"]), 650)  # with the zone's SOA and NS
        keys = [(s["name"], s["type"], s.get("set")) for s in answer["sets"]]
        equal(len(set(keys)), 650)
        equal([e["action"] for e in sb.api_since(seq)], ["ListResourceRecordSets"] * 3)
        equal(len(p.group("s.big.example.com", "A", "Z4BIG")), 100)


def test_a_swap_changes_weights_and_a_stale_one_is_refused(sb):
    with Probe(sb) as p:
        sets = p.group()
        before = weights(sets)
        first = p.change(*[c for s in sets for c in swap(s, 50)], comment="to 50 <%>")
        equal(first["outcome"], "ok")
        assert first["change_id"] and first["signed_ms"] and first["sent_boot_us"], first
        equal(weights(p.group()), {"heroku & co": 50, "ec2": 50})
        stale = dict(sets[0], values=["elsewhere.example.net"])
        again = p.change(*swap(stale, 1))
        equal((again["outcome"], again["code"]), ("refused", "InvalidChangeBatch"))
        assert "do not match the current values" in again["message"], again
        equal(weights(p.group()), {"heroku & co": 50, "ec2": 50})
        equal(p.change(*[upsert(s, before[s["set"]]) for s in sets], urgent=True)["outcome"], "ok")
        equal(weights(p.group()), before)


def test_a_change_is_pending_then_in_sync(sb):
    with Probe(sb) as p:
        sb.fault(kind="pending", action="ChangeResourceRecordSets", ms=-1, count=1)
        answer = p.change(upsert(p.group()[0], 9))
        equal((answer["outcome"], answer["insync"]), ("ok", False))
        equal(p.ask("sync", id=answer["change_id"])["insync"], False)
        sb.call("POST", "/sync", {})
        equal(p.ask("sync", id=answer["change_id"])["insync"], True)
        equal(p.ask("sync", id="C0NOSUCHCHANGE")["outcome"], "missing")


def test_a_wrong_secret_is_denied(sb):
    with Probe(sb, AWS_SECRET_ACCESS_KEY="wrong") as p:
        seq = sb.seq()
        answer = p.list()
        equal((answer["outcome"], answer["code"]), ("denied", "SignatureDoesNotMatch"))
        assert answer["message"].startswith("route53:ListResourceRecordSets: "), answer
        equal(len(sb.api_since(seq)), 1)
        equal(p.ask("find", zone=ZONE)["exit"], 77)
    with Probe(sb, AWS_SESSION_TOKEN="") as p:
        equal(p.list()["outcome"], "denied")
    with Probe(sb, AWS_ACCESS_KEY_ID="AKIDNOBODY") as p:
        equal(p.list()["outcome"], "denied")


def test_a_policy_is_told_by_action(sb):
    with Probe(sb, AWS_ACCESS_KEY_ID="AKIDREADER", AWS_SECRET_ACCESS_KEY="reader", AWS_SESSION_TOKEN="") as p:
        answer = p.change(upsert(p.group()[0], 9))
        equal((answer["outcome"], answer["code"]), ("denied", "AccessDenied"))
        assert answer["message"].startswith("route53:ChangeResourceRecordSets: "), answer


def test_a_clock_ten_minutes_off_is_corrected(sb):
    for offset in (600_000, -600_000):
        sb.call("POST", "/clock", {"offset_ms": offset})
        with Probe(sb) as p:
            seq = sb.seq()
            answer = p.list(name="www.example.com", type="CNAME", only_name=True, only_type=True)
            equal(answer["outcome"], "ok")
            equal(len(sb.api_since(seq)), 2)  # refused, then right
            seq = sb.seq()
            change = p.change(upsert(answer["sets"][0], 8))
            equal(change["outcome"], "ok")
            equal(len(sb.api_since(seq)), 1)  # and right from then on
            assert abs(change["signed_ms"] - change["date_ms"]) < 5000, change
        sb.clear()


def test_throttling_is_busy(sb):
    with Probe(sb) as p:
        first = p.group()[0]
        for code in ("Throttling", "PriorRequestNotComplete"):
            sb.fault(kind="throttle", code=code, count=1)
            seq = sb.seq()
            answer = p.change(upsert(first, 7))
            equal((answer["outcome"], answer["code"]), ("busy", code))
            equal(len(sb.api_since(seq)), 1)
        sb.fault(kind="throttle", action="ListHostedZonesByName", count=2)
        equal(p.ask("find", zone="example.com")["id"], ZONE)


def test_a_throttled_page_is_asked_again(sb):
    with Probe(sb) as p:
        sb.fault(kind="throttle", action="ListResourceRecordSets", nth=2)
        answer = p.list("Z4BIG")
        equal((answer["outcome"], len(answer.get("sets", []))), ("ok", 650))


def test_what_may_have_landed_is_unknown(sb):
    with Probe(sb) as p:
        first = next(s for s in p.group() if s["set"] == "ec2")
        for number, fault in enumerate([{"kind": "status", "status": 500}, {"kind": "status", "status": 503},
                                        {"kind": "reset"}, {"kind": "garbage"}]):
            sb.fault(action="ChangeResourceRecordSets", count=1, **fault)
            seq = sb.seq()
            answer = p.change(upsert(first, 20 + number))
            equal(answer["outcome"], "unknown")
            equal(len(sb.api_since(seq)), 1)  # not repeated on another connection
            assert answer["sent_boot_us"] and answer["code"], answer
        sb.fault(kind="lost_reply", action="ChangeResourceRecordSets", count=1)
        answer = p.change(upsert(first, 33), urgent=True)
        equal(answer["outcome"], "unknown")
        equal(weights(p.group())["ec2"], 33)  # it had landed


def test_nobody_there_is_unknown_and_never_sent(sb):
    with Probe(sb, AWS_ENDPOINT_URL="http://127.0.0.1:1") as p:
        answer = p.list()
        equal((answer["outcome"], answer["code"], answer["sent_boot_us"]), ("unknown", "refused", 0))


def test_tls_is_verified_with_the_bundle_named(sb):
    with Probe(sb, AWS_ENDPOINT_URL=sb.ready["api_https"]) as p:
        answer = p.list()
        equal((answer["outcome"], answer["code"]), ("unknown", "tls_untrusted"))
    with Probe(sb, AWS_ENDPOINT_URL=sb.ready["api_https"], AWS_CA_BUNDLE=sb.ready["ca"]) as p:
        equal(p.list()["outcome"], "ok")


def main():
    if not os.access(SANDBOX, os.X_OK):
        print("1..0 # SKIP the sandbox was not built")
        return 0
    tests = [(n, f) for n, f in globals().items() if n.startswith("test_")]
    failed = 0
    print("1..%d" % (len(tests) + 1))
    with tempfile.TemporaryDirectory() as directory:
        sb = Sandbox(directory)
        for number, (name, test) in enumerate(tests, 1):
            try:
                test(sb)
                verdict = "ok"
            except Exception:
                verdict, failed = "not ok", failed + 1
                print("# " + traceback.format_exc().replace("\n", "\n# "))
            print("%s %d - %s" % (verdict, number, name[5:].replace("_", " ")), flush=True)
            sb.clear()
        stopped = sb.stop() == 0
        print("%s %d - the sandbox ends well" % ("ok" if stopped else "not ok", len(tests) + 1))
    return 1 if failed or not stopped else 0


if __name__ == "__main__":
    sys.exit(main())
