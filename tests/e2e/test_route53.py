#!/usr/bin/python3
"""sluice's Route 53 client against the sandbox: what is signed is believed, what goes wrong is told apart.

Drives tests/e2e/r53_probe. Prints TAP. Nothing sleeps; everything stays on the loopback.
"""

import json
import os
import subprocess
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import Sandbox, Tap, program  # noqa: E402

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
        {"name": "twice.example.com", "id": "Z3PUBLIC", "records": []},
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


def api_calls(sb, since):
    return sb.events("api", since)


def seq(sb):
    return sb.state()["log_seq"]


def clear(sb):
    sb.clear_faults()
    sb.clock(0)


class Probe:
    """One process of r53_probe; env overrides the environment it gets."""

    def __init__(self, sb, **env):
        own = sb.env(AWS_SESSION_TOKEN=sb.ready["session_token"])
        own.update(env)
        self.process = subprocess.Popen([program("tests/e2e/r53_probe")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=own)

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
        assert "Z2PUBLIC (public)" in twice["error"] and "Z3PUBLIC (public)" in twice["error"] and "Z2PRIVATE (private)" in twice["error"], twice
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
        before = seq(sb)
        answer = p.list("Z4BIG")
        equal(answer["outcome"], "ok")
        equal(len(answer["sets"]), 650)  # with the zone's SOA and NS
        keys = [(s["name"], s["type"], s.get("set")) for s in answer["sets"]]
        equal(len(set(keys)), 650)
        equal([e["action"] for e in api_calls(sb, before)], ["ListResourceRecordSets"] * 3)
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
        sb.fault(on="api", kind="pending", action="ChangeResourceRecordSets", ms=-1, count=1)
        answer = p.change(upsert(p.group()[0], 9))
        equal((answer["outcome"], answer["insync"]), ("ok", False))
        equal(p.ask("sync", id=answer["change_id"])["insync"], False)
        sb.sync()
        equal(p.ask("sync", id=answer["change_id"])["insync"], True)
        equal(p.ask("sync", id="C0NOSUCHCHANGE")["outcome"], "missing")


def test_a_wrong_secret_is_denied(sb):
    with Probe(sb, AWS_SECRET_ACCESS_KEY="wrong") as p:
        before = seq(sb)
        answer = p.list()
        equal((answer["outcome"], answer["code"]), ("denied", "SignatureDoesNotMatch"))
        assert answer["message"].startswith("route53:ListResourceRecordSets: "), answer
        equal(len(api_calls(sb, before)), 1)
        equal(p.ask("find", zone=ZONE)["exit"], 77)
    with Probe(sb, AWS_SESSION_TOKEN="") as p:
        equal(p.list()["outcome"], "denied")
    with Probe(sb, AWS_ACCESS_KEY_ID="AKIDNOBODY") as p:
        equal(p.list()["outcome"], "denied")


def test_a_policy_is_told_by_action(sb):
    with Probe(sb, AWS_ACCESS_KEY_ID="AKIDREADER", AWS_SECRET_ACCESS_KEY="reader", AWS_SESSION_TOKEN="") as p:
        answer = p.change(upsert(p.group()[0], 9))
        equal((answer["outcome"], answer["code"]), ("denied", "AccessDenied"))
        assert answer["message"].startswith("not allowed: UPSERT of www.example.com CNAME; "), answer
        assert "; route53:ChangeResourceRecordSets: " in answer["message"], answer


def test_a_clock_ten_minutes_off_is_corrected(sb):
    for offset in (600_000, -600_000):
        sb.clock(offset)
        with Probe(sb) as p:
            before = seq(sb)
            answer = p.list(name="www.example.com", type="CNAME", only_name=True, only_type=True)
            equal(answer["outcome"], "ok")
            equal(len(api_calls(sb, before)), 2)  # refused, then right
            before = seq(sb)
            change = p.change(upsert(answer["sets"][0], 8))
            equal(change["outcome"], "ok")
            equal(len(api_calls(sb, before)), 1)  # and right from then on
            assert abs(change["signed_ms"] - change["date_ms"]) < 5000, change
        clear(sb)


def test_throttling_is_busy(sb):
    with Probe(sb) as p:
        first = p.group()[0]
        for code in ("Throttling", "PriorRequestNotComplete"):
            sb.fault(on="api", kind="throttle", code=code, count=1)
            before = seq(sb)
            answer = p.change(upsert(first, 7))
            equal((answer["outcome"], answer["code"]), ("busy", code))
            equal(len(api_calls(sb, before)), 1)
        sb.fault(on="api", kind="throttle", action="ListHostedZonesByName", count=2)
        equal(p.ask("find", zone="example.com")["id"], ZONE)


def test_a_throttled_page_is_asked_again(sb):
    with Probe(sb) as p:
        sb.fault(on="api", kind="throttle", action="ListResourceRecordSets", nth=2)
        answer = p.list("Z4BIG")
        equal((answer["outcome"], len(answer.get("sets", []))), ("ok", 650))


def test_what_may_have_landed_is_unknown(sb):
    with Probe(sb) as p:
        first = next(s for s in p.group() if s["set"] == "ec2")
        for number, fault in enumerate([{"kind": "status", "status": 500}, {"kind": "status", "status": 503},
                                        {"kind": "reset"}, {"kind": "garbage"}]):
            sb.fault(on="api", action="ChangeResourceRecordSets", count=1, **fault)
            before = seq(sb)
            answer = p.change(upsert(first, 20 + number))
            equal(answer["outcome"], "unknown")
            equal(len(api_calls(sb, before)), 1)  # not repeated on another connection
            assert answer["sent_boot_us"] and answer["code"], answer
        sb.fault(on="api", kind="lost_reply", action="ChangeResourceRecordSets", count=1)
        answer = p.change(upsert(first, 33), urgent=True)
        equal(answer["outcome"], "unknown")
        equal(weights(p.group())["ec2"], 33)  # it had landed


def test_nobody_there_is_unknown_and_never_sent(sb):
    with Probe(sb, AWS_ENDPOINT_URL_ROUTE_53="http://127.0.0.1:1") as p:
        answer = p.list()
        equal((answer["outcome"], answer["code"], answer["sent_boot_us"]), ("unknown", "refused", 0))


def test_tls_is_verified_with_the_bundle_named(sb):
    with Probe(sb, AWS_ENDPOINT_URL_ROUTE_53=sb.ready["api_https"], SSL_CERT_FILE="") as p:
        answer = p.list()
        equal((answer["outcome"], answer["code"]), ("unknown", "tls_untrusted"))
    with Probe(sb, AWS_ENDPOINT_URL_ROUTE_53=sb.ready["api_https"], SSL_CERT_FILE="", AWS_CA_BUNDLE=sb.ready["ca"]) as p:
        equal(p.list()["outcome"], "ok")


def main():
    tests = [(n, f) for n, f in globals().items() if n.startswith("test_")]
    tap = Tap()
    program("tests/e2e/r53_probe")
    with Sandbox(CONFIG) as sb:
        for name, test in tests:
            why = ""
            try:
                test(sb)
            except Exception:
                why = traceback.format_exc()
            tap.ok(not why, name[5:].replace("_", " "), why)
            clear(sb)
        tap.eq(sb.stop(), 0, "the sandbox ends well")
    tap.done()


if __name__ == "__main__":
    main()
