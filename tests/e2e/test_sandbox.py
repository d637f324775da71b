#!/usr/bin/python3
"""The sandbox itself: signatures, throttling, late and lost requests, DNS shares, fleets and their faults."""
import gzip
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import zlib
from email.utils import parsedate_to_datetime

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import (NS, Sandbox, Tap, bare_config, batch_xml, dns, dns_query_bytes,  # noqa: E402
                     pair, program, shop_config, sign, tag)

LIST = "/2013-04-01/hostedzone/Z0SANDBOXEXAMPLE/rrset"
WWW = pair("www.example.com", "CNAME", "old.test", "new.test")


def with_weight(record, weight, **more):
    return dict(record, weight=weight, **more)


def swap(old, new):
    """DELETE both as they are, CREATE both with other weights."""
    return [("DELETE", old[0]), ("DELETE", old[1]), ("CREATE", new[0]), ("CREATE", new[1])]


def signatures(t):
    keys = [{"id": "AKIDLONG", "secret": "s1"}, {"id": "ASIATOKEN", "secret": "s2", "token": "tok"},
            {"id": "ASIAOLD", "secret": "s3", "token": "tok3", "expires_in_s": 1}]
    with Sandbox(bare_config(WWW, keys=keys)) as sb:
        status, headers, body = sb.call("GET", LIST)
        t.eq(status, 200, "a well signed request is answered")
        t.ok(re.fullmatch("[0-9a-f-]{36}", headers["x-amzn-RequestId"]), "with a request id")
        t.ok(headers["Date"].endswith("GMT"), "and a date")
        now = time.time()
        cases = [
            ("another secret", dict(secret="wrong"), "SignatureDoesNotMatch",
             "The request signature we calculated does not match"),
            ("an unknown key", dict(key="AKIDNOBODY"), "InvalidClientTokenId",
             "The security token included in the request is invalid."),
            ("a token the key has not", dict(token="x"), "InvalidClientTokenId", "is invalid."),
            ("a missing token", dict(key="ASIATOKEN", secret="s2"), "InvalidClientTokenId", "is invalid."),
            ("another region", dict(region="eu-west-1"), "SignatureDoesNotMatch",
             "Credential should be scoped to a valid region, not 'eu-west-1'."),
            ("another service", dict(service="dns"), "SignatureDoesNotMatch",
             "Credential should be scoped to correct service: 'route53'."),
            ("a signature of 5 minutes and 5 seconds ago", dict(at=now - 305), "SignatureDoesNotMatch",
             "Signature expired: "),
            ("one of 5 minutes and 5 seconds ahead", dict(at=now + 305), "SignatureDoesNotMatch",
             "Signature not yet current: "),
        ]
        for what, how, code, message in cases:
            status, _, body = sb.call("GET", LIST, **how)
            t.ok(status == 403 and tag(body, "Code") == code and message in tag(body, "Message"),
                 what + " is refused", body)
        t.ok("<Type>Sender</Type>" in body and NS in body, "in the service's shape", body)
        t.ok(re.search(r"is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 5 min\.\)", body),
             "the message names both times", body)
        for what, how in [("4 minutes 50 seconds old", dict(at=now - 290)), ("4:50 ahead", dict(at=now + 290)),
                          ("a session token", dict(key="ASIATOKEN", secret="s2", token="tok"))]:
            t.eq(sb.call("GET", LIST, **how)[0], 200, what + " is taken")
        sb.clock(2000)
        status, _, body = sb.call("GET", LIST, key="ASIAOLD", secret="s3", token="tok3")
        t.eq((status, tag(body, "Code")), (403, "ExpiredToken"), "a session that is over is refused")
        sb.end_key("ASIATOKEN", 60)
        t.eq(sb.call("GET", LIST, key="ASIATOKEN", secret="s2", token="tok")[0], 200, "one that is to end in a minute is not")
        sb.end_key("ASIATOKEN")
        status, _, body = sb.call("GET", LIST, key="ASIATOKEN", secret="s2", token="tok")
        t.eq((status, tag(body, "Code")), (403, "ExpiredToken"), "one that was ended on order is")

        sb.clock(10 * 60 * 1000)
        status, headers, body = sb.call("GET", LIST)
        t.has(tag(body, "Message"), "Signature expired", "the sandbox's clock decides")
        t.eq(sb.call("GET", LIST, at=time.time() + 600)[0], 200, "and its Date header tells by how much")
        sb.clock(0, date_skew_ms=-86400000)
        date = parsedate_to_datetime(sb.call("GET", LIST)[1]["Date"]).timestamp()
        t.ok(abs(date - time.time() + 86400) < 5, "the Date header can be wrong by itself", date)

        url = urllib.parse.urlsplit(sb.ready["api"])
        good = sign("GET", LIST, "", b"", url.netloc, sb.ready["access_key"], sb.ready["secret_key"])

        def raw(headers, path=LIST):
            c = http.client.HTTPConnection(url.netloc, timeout=10)
            c.request("GET", path, headers=headers)
            answer = c.getresponse()
            text = answer.read().decode()
            c.close()
            return answer.status, tag(text, "Code")

        t.eq(raw(good), (200, None), "the bare headers are enough")
        t.eq(raw(dict(good, **{"X-Amz-Extra": "1"})), (403, "SignatureDoesNotMatch"),
             "an x-amz- header that is not signed is refused")
        t.eq(raw(good, LIST + "?maxitems=1"), (403, "SignatureDoesNotMatch"), "a query changed on the way is refused")
        t.eq(raw({}), (403, "MissingAuthenticationToken"), "no signature at all is refused")
        t.eq(raw({"Authorization": "AWS4-HMAC-SHA256 Credential=a"}), (400, "IncompleteSignature"),
             "half a signature, too")
        query = "name=%5C052.example.com&type=CNAME&maxitems=5"
        t.eq(sb.call("GET", LIST, query)[0], 200, "an unsorted query is signed sorted")


def listing(t):
    names = ["a.example.com", "*.example.com", "b.a.example.com", "Z.example.com"]
    records = [r for n in names for r in pair(n, "A", "192.0.2.1", "192.0.2.2", ttl=60)]
    many = [{"name": "m.example.com", "type": "A", "set": "s%03d" % i, "weight": 1, "ttl": 60,
             "values": ["192.0.2.1"]} for i in range(100)]
    with Sandbox(bare_config(records + many)) as sb:
        got, query, pages = [], "maxitems=3", 0
        while True:
            status, _, body = sb.call("GET", LIST, query)
            got += re.findall(r"<Name>(.*?)</Name><Type>(.*?)</Type>(?:<SetIdentifier>(.*?)</SetIdentifier>)?", body)
            pages += 1
            if tag(body, "IsTruncated") != "true" or status != 200 or pages > 200:
                break
            query = "&".join("%s=%s" % (k, urllib.parse.quote(v, safe="")) for k, v in (
                ("identifier", tag(body, "NextRecordIdentifier")), ("maxitems", "3"),
                ("name", tag(body, "NextRecordName")), ("type", tag(body, "NextRecordType"))) if v)
        t.eq(len(got), 2 + 8 + 100, "pages of three bring every set")
        t.eq(len(set(got)), len(got), "and none twice")
        t.eq([n for i, (n, _, _) in enumerate(got) if i == 0 or got[i - 1][0] != n],
             ["example.com.", "\\052.example.com.", "a.example.com.", "b.a.example.com.", "m.example.com.",
              "z.example.com."], "in the order of reversed labels, escaped")
        for query, code in [("type=A", "InvalidInput"), ("identifier=x&name=a.example.com", "InvalidInput"),
                            ("maxitems=0", "InvalidInput"), ("maxitems=x", "InvalidInput"),
                            ("name=a..b", "InvalidInput"), ("name=a.example.com&type=NOPE", "InvalidInput")]:
            status, _, body = sb.call("GET", LIST, query)
            t.eq((status, tag(body, "Code")), (400, code), "?%s is refused" % query)
        t.eq(tag(sb.call("GET", LIST, "maxitems=5000")[2], "MaxItems"), "300", "a page holds 300 at most")
        status, _, body = sb.call("GET", "/2013-04-01/hostedzone/ZNOPE/rrset")
        t.eq((status, tag(body, "Code")), (404, "NoSuchHostedZone"), "an unknown zone is 404")
        status, _, body = sb.call("GET", "/2013-04-01/change/CNOPE")
        t.eq((status, tag(body, "Code")), (404, "NoSuchChange"), "an unknown change is 404")


def changes(t):
    with Sandbox(bare_config(WWW, delay_ms=60000)) as sb:
        status, _, body = sb.batch(swap(WWW, [with_weight(WWW[0], 99), with_weight(WWW[1], 1)]), comment="step <1>")
        t.eq((status, tag(body, "Status"), tag(body, "Comment")), (200, "PENDING", "step <1>"),
             "DELETE and CREATE swap two weights in one batch")
        change = tag(body, "Id")
        api, weights = sb.events("api")[-1], sb.events("weights")[-1]
        t.eq([(c["action"], c["set"], c["weight"]) for c in api["changes"]],
             [("DELETE", "old", 100), ("DELETE", "new", 0), ("CREATE", "old", 99), ("CREATE", "new", 1)],
             "the log has every change")
        t.ok(api["applied"] and api["comment"] == "step <1>" and api["us_first"] <= api["us_last"] <= api["us_done"],
             "its comment and times", api)
        t.eq((weights["by"], [(s["set"], s["weight"]) for s in weights["groups"][0]["sets"]]),
             (api["request_id"], [("new", 1), ("old", 99)]), "and the group as it stands")
        t.eq(tag(sb.call("GET", "/2013-04-01" + change)[2], "Status"), "PENDING", "GetChange says PENDING")
        t.eq(dns(sb.ready["dns"][3], "www.example.com", "CNAME").values(), ["old.test."], "DNS does not know yet")
        t.eq(sb.sync(), 1, "a control call brings it forward")
        t.eq(tag(sb.call("GET", "/2013-04-01" + change)[2], "Status"), "INSYNC", "GetChange says INSYNC")
        status, _, body = sb.batch(swap(WWW, WWW))
        t.eq((status, tag(body, "Code")), (400, "InvalidChangeBatch"), "the same swap again is refused")
        t.has(tag(body, "Message"), "set identifier='old'] but the values provided do not match the current values, "
              "Tried to delete", "each fault is named")
        t.eq(sb.weights("www.example.com", "CNAME"), {"old": 99, "new": 1}, "nothing changed")
        body = batch_xml([("UPSERT", WWW[0])]).replace(b"<Weight>", b"<wEIGHT>").replace(b"</Weight>", b"</wEIGHT>")
        status, _, text = sb.call("POST", LIST + "/", body=body)
        t.eq((status, tag(text, "Code")), (400, "InvalidInput"), "an unknown element is refused")
        t.has(tag(text, "Message"), "starting with element 'wEIGHT'", "and named")

    deny = [{"change": "UPSERT", "name": "www.example.com", "type": "CNAME"}, {"action": "GetHostedZone"}]
    bad = [("DELETE", with_weight(WWW[0], 1)), ("UPSERT", WWW[1])]
    with Sandbox(bare_config(WWW, deny=deny, prior_request_ms=60000)) as sb:
        status, _, body = sb.batch(bad)
        t.eq((status, tag(body, "Code")), (403, "AccessDenied"), "authorisation comes before validation")
        t.has(tag(body, "Message"), "is not authorized to perform: route53:ChangeResourceRecordSets on resource: "
              "arn:aws:route53:::hostedzone/Z0SANDBOXEXAMPLE", "and says what was asked of what")
        t.eq(sb.call("GET", "/2013-04-01/hostedzone/Z0SANDBOXEXAMPLE")[0], 403, "an action can be denied")
        t.eq(sb.batch([("DELETE", WWW[1])])[0], 200, "another change is allowed")
        status, _, body = sb.batch([("CREATE", WWW[1])])
        t.eq((status, tag(body, "Code")), (400, "PriorRequestNotComplete"), "the zone is busy for a while")
    with Sandbox(bare_config(WWW, deny=deny, validate_first=True)) as sb:
        t.eq(tag(sb.batch(bad)[2], "Code"), "InvalidChangeBatch", "a switch puts validation first")
    with Sandbox(bare_config(WWW, throttle={"rate": 0.001, "burst": 5})) as sb:
        got = [tag(sb.call("GET", LIST)[2], "Code") for _ in range(7)]
        t.eq(got, [None] * 5 + ["Throttling"] * 2, "five calls empty a bucket of five")


def bad_days(t):
    new = [with_weight(WWW[0], 90), with_weight(WWW[1], 10)]
    with Sandbox(bare_config(WWW)) as sb:
        sb.fault(kind="status", on="api", action="ListResourceRecordSets", status=503, code="ServiceUnavailable", count=1)
        sb.fault(kind="throttle", on="api", nth=2)
        got = [sb.call("GET", LIST)[0::2] for _ in range(3)]
        t.eq([(s, tag(b, "Code")) for s, b in got], [(503, "ServiceUnavailable"), (400, "Throttling"), (200, None)],
             "faults come at their call")
        sb.clear_faults()
        sb.fault(kind="throttle", on="api", from_nth=2, count=2)
        t.eq([sb.call("GET", LIST)[0] for _ in range(4)], [200, 400, 400, 200], "and stay from a call on, so often")
        sb.clear_faults()

        def lost(**fault):
            sb.fault(on="api", action="ChangeResourceRecordSets", count=1, **fault)
            try:
                sb.batch(swap(WWW, new))
                return "answered"
            except (ConnectionError, http.client.HTTPException, OSError):
                return "lost"

        t.eq(lost(kind="lost_reply"), "lost", "a reply is lost")
        t.eq(sb.weights("www.example.com", "CNAME"), {"old": 90, "new": 10}, "after the batch was applied")
        sb.change(weights=[{"name": "www.example.com", "type": "CNAME", "set": "old", "weight": 100},
                           {"name": "www.example.com", "type": "CNAME", "set": "new", "weight": 0}])
        t.eq(sb.weights("www.example.com", "CNAME"), {"old": 100, "new": 0}, "the foreign hand needs no leave")
        t.eq(sb.events("foreign")[-1]["changes"][0]["weight"], 100, "but is in the log")
        t.eq(lost(kind="truncated"), "lost", "a reply is cut in the middle")
        t.eq(sb.weights("www.example.com", "CNAME"), {"old": 90, "new": 10}, "after the batch was applied")
        t.eq(sb.batch(swap(new, WWW))[0], 200, "and the next call is whole")
        t.eq(lost(kind="reset"), "lost", "a connection is reset")
        t.eq(sb.weights("www.example.com", "CNAME"), {"old": 100, "new": 0}, "before anything happened")

        t.eq(lost(kind="late", hold=True), "lost", "a request is held back")
        t.eq(sb.weights("www.example.com", "CNAME"), {"old": 100, "new": 0}, "and has not landed")
        held = sb.events("held")[-1]
        t.eq((held["signature"], len(sb.state()["api"]["held"])), ("good", 1), "it is waiting")
        t.eq(sb.release(held["held"]), 1, "it is let go")
        landed = sb.events("api")[-1]
        t.ok(landed["held"] == held["held"] and landed["applied"], "and lands", landed)
        t.eq(sb.weights("www.example.com", "CNAME"), {"old": 90, "new": 10}, "with effect")
        sb.fault(kind="late", on="api", action="ChangeResourceRecordSets", count=1, hold=True)
        try:
            sb.batch(swap(new, WWW))
        except (ConnectionError, http.client.HTTPException, OSError):
            pass
        sb.clock(301000)
        sb.release()
        landed = sb.events("api")[-1]
        t.eq((landed["status"], landed["code"], landed["applied"]), (403, "SignatureDoesNotMatch", False),
             "what lands after more than five minutes is refused")
        sb.clock(0)
        sb.fault(kind="late", on="api", action="ChangeResourceRecordSets", count=1, ms=30)
        try:
            sb.batch(swap(new, WWW))
        except (ConnectionError, http.client.HTTPException, OSError):
            pass
        sb.wait_for("the late batch", lambda log: log[-2].get("applied") and log[-2]["fault"] == "late")
        t.eq(sb.weights("www.example.com", "CNAME"), {"old": 100, "new": 0}, "a late one lands by itself in time")
        sb.fault(kind="duplicate", on="api", action="ChangeResourceRecordSets", count=1, ms=0)
        t.eq(sb.batch(swap(WWW, new))[0], 200, "a request that arrives twice is answered once")
        again = sb.wait_for("the copy", lambda log: [e for e in log if e["event"] == "api" and e.get("held") == 4])
        t.eq(again[0]["code"], "InvalidChangeBatch", "and its copy finds other values")

        sb.fault(kind="pending", on="api", ms=-1, count=1)
        body = sb.batch(swap(new, WWW))[2]
        t.eq(tag(body, "Status"), "PENDING", "a change can stay PENDING")
        t.eq(sb.sync(), 1, "until told otherwise")
        sb.fault(kind="latency", on="api", ms=80, count=1)
        start = time.monotonic()
        t.eq(sb.call("GET", LIST)[0], 200, "a slow call is answered")
        t.ok(time.monotonic() - start >= 0.08, "slowly")
        fault = sb.fault(kind="hang", on="api")
        with socket.create_connection(sb.ready["api"][7:].split(":")) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            s.settimeout(0.1)
            try:
                t.ok(not s.recv(1), "a black hole answers")
            except socket.timeout:
                t.ok(True, "a black hole never answers")
        sb.clear_faults(fault)
        t.eq(sb.call("GET", LIST)[0], 200, "and is gone when cleared")


def same_seed(t):
    def run(seed):
        with Sandbox(bare_config(pair("www.example.com", "A", "192.0.2.1", "192.0.2.2", (60, 40))), seed=seed) as sb:
            draws = [dns(sb.ready["dns"][0], "www.example.com", "A").values()[0][-1] for _ in range(64)]
            change = tag(sb.batch([("UPSERT", pair("x.example.com", "A", "192.0.2.3", "192.0.2.4")[0])])[2], "Id")
            return "".join(draws), change
    first = run(5)
    t.eq(run(5), first, "the same seed draws the same answers and ids")
    t.ok(run(6) != first, "another seed draws others")


def name_servers(t):
    long_text = ['"%s"' % ("x" * 250) for _ in range(6)]
    records = WWW + pair("a.example.com", "A", "192.0.2.1", "192.0.2.2", (90, 10)) + \
        pair("even.example.com", "A", "192.0.2.1", "192.0.2.2", (0, 0)) + \
        pair("hc.example.com", "A", "192.0.2.1", "192.0.2.2", (10, 0)) + [
            {"name": "*.shops.example.com", "type": "CNAME", "ttl": 60, "values": ["a.example.com"]},
            {"name": "here.shops.example.com", "type": "TXT", "ttl": 60, "values": ['"here \\101"']},
            {"name": "alias.example.com", "type": "A", "alias": {"zone": "Z0SANDBOXEXAMPLE", "name": "a.example.com"}},
            {"name": "elb.example.com", "type": "A", "alias": {"zone": "ZELB", "name": "lb.amazon.test"}},
            {"name": "six.example.com", "type": "AAAA", "ttl": 60, "values": ["2001:db8::1"]},
            {"name": "a.very.deep.example.com", "type": "A", "ttl": 60, "values": ["192.0.2.5"]},
            {"name": "long.example.com", "type": "TXT", "ttl": 60, "values": [" ".join(long_text)]}]
    for r in records:
        if r["name"] == "hc.example.com" and r["set"] == "old":
            r["health_check"] = "hc-1"
    config = bare_config(records)
    config["dns"]["hosts"] = {"old.test": ["127.0.1.1", "2001:db8::7"], "lb.amazon.test": ["192.0.2.8"]}
    config["dns"]["servers"] = [{"delay_ms": 0}, {"delay_ms": 0}, {"delay_ms": 0}, {"delay_ms": 60000}]
    with Sandbox(config) as sb:
        servers, resolver = sb.ready["dns"], sb.ready["resolver"]

        def share(name, n=400):
            return sum(dns(servers[i % 3], name, "A").values()[0] == "192.0.2.2" for i in range(n)) / n

        s = share("a.example.com", 1200)
        t.ok(0.06 <= s <= 0.14, "weights 90 and 10 are answered as such (%.3f)" % s, s)
        t.eq(share("hc.example.com", 100), 0, "a weight of zero is never drawn beside another")
        s = share("even.example.com")
        t.ok(0.40 <= s <= 0.60, "all zero means equal shares (%.3f)" % s, s)
        sb.control("POST", "/health", {"id": "hc-1", "healthy": False})
        t.eq(share("hc.example.com", 50), 1, "a zero weight steps in when all others are unhealthy")
        sb.control("POST", "/health", {"id": "hc-1", "healthy": True})
        t.eq(share("hc.example.com", 50), 0, "and back")

        a = dns(servers[0], "WWW.example.COM", "CNAME")
        t.eq((a.answer, a.aa, a.rcode), ([("WWW.example.COM.", "CNAME", 2, "old.test.")], True, "NOERROR"),
             "a CNAME, in the asker's spelling, with authority")
        t.eq(dns(servers[0], "www.example.com", "A").values(), ["old.test."], "an address query finds the CNAME alone")
        a = dns(resolver, "www.example.com", "A", rd=True)
        t.eq((a.values(), a.ra), (["old.test.", "127.0.1.1"], True), "the resolver follows it to the host")
        t.eq(dns(resolver, "old.test", "AAAA", rd=True).values(), ["2001:db8::7"], "and knows both families")
        t.eq(dns(resolver, "nobody.test", "A", rd=True).rcode, "NXDOMAIN", "an unknown host does not exist")
        t.eq(dns(servers[0], "old.test", "A").rcode, "REFUSED", "a foreign zone is refused by a name server")
        a = dns(servers[0], "any.shops.example.com", "A")
        t.eq((a.answer[0], a.answer[1][1]), (("any.shops.example.com.", "CNAME", 60, "a.example.com."), "A"),
             "a wildcard answers, and its target in the zone with it")
        a = dns(servers[0], "here.shops.example.com", "A")
        t.eq((a.rcode, a.answer, a.authority[0][1]), ("NOERROR", [], "SOA"), "a name with other types hides the wildcard")
        t.eq(dns(servers[0], "here.shops.example.com", "TXT").values(), ["here A"], "octal escapes in text are bytes")
        a = dns(servers[0], "nope.example.com", "A")
        t.eq((a.rcode, a.authority[0][1]), ("NXDOMAIN", "SOA"), "what is not there is denied with a SOA")
        t.eq(dns(servers[0], "very.deep.example.com", "A").rcode, "NOERROR", "a name above others exists")
        t.ok(dns(servers[0], "alias.example.com", "A").answer[0][0] == "alias.example.com.", "an alias answers as itself")
        t.eq(dns(servers[0], "elb.example.com", "A").answer, [("elb.example.com.", "A", 60, "192.0.2.8")],
             "an alias to elsewhere has 60 seconds")
        t.eq(dns(servers[0], "six.example.com", "AAAA").values(), ["2001:db8::1"], "IPv6")
        t.eq(len(dns(servers[0], "example.com", "NS").answer), 4, "four name servers")

        a = dns(servers[0], "long.example.com", "TXT")
        t.ok(a.tc and not a.answer and a.size <= 512, "more than 512 bytes are cut, with TC", vars(a))
        t.eq(len(dns(servers[0], "long.example.com", "TXT", tcp=True).values()[0]), 1500, "TCP brings them whole")
        a = dns(servers[0], "long.example.com", "TXT", edns=4096)
        t.ok(not a.tc and len(a.values()[0]) == 1500 and a.edns, "so does EDNS", vars(a))

        sb.batch([("UPSERT", with_weight(WWW[0], 0)), ("UPSERT", with_weight(WWW[1], 100))])
        t.eq([dns(s, "www.example.com", "CNAME").values()[0] for s in servers],
             ["new.test."] * 3 + ["old.test."], "each server learns in its own time")
        sb.sync()
        t.eq(dns(servers[3], "www.example.com", "CNAME").values(), ["new.test."], "the last one, too")
        sb.fault(kind="stale", on="dns", server=1)
        sb.change(weights=[{"name": "www.example.com", "type": "CNAME", "set": "old", "weight": 100},
                           {"name": "www.example.com", "type": "CNAME", "set": "new", "weight": 0}])
        t.eq([dns(s, "www.example.com", "CNAME").values()[0] for s in servers[:3]],
             ["old.test.", "new.test.", "old.test."], "a stale server stays behind")
        sb.clear_faults()
        t.eq(dns(servers[1], "www.example.com", "CNAME").values(), ["old.test."], "until it is cleared")
        sb.fault(kind="drop", on="dns", server=0)
        sb.fault(kind="servfail", on="dns", server=2)
        t.eq(dns(servers[0], "www.example.com", "CNAME", timeout=0.1), None, "a server drops queries")
        t.eq(dns(servers[2], "www.example.com", "CNAME").rcode, "SERVFAIL", "another fails")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            host, port = servers[1].split(":")
            for junk in (b"", b"\0", b"\xff" * 12, dns_query_bytes("www.example.com", "A")[:-3], os.urandom(400)):
                s.sendto(junk, (host, int(port)))
        t.ok(dns(servers[1], "www.example.com", "CNAME").answer, "junk harms nobody")
        t.ok(sb.state()["dns"][0]["udp"] > 400, "queries are counted")


class Shop:
    """One connection a request, pinned to an address."""

    def __init__(self, sb, address, tls=False):
        self.sb, self.address, self.tls = sb, address, tls

    def __call__(self, method, path, body=None, host="www.example.com", timeout=10, **headers):
        port = self.sb.ready["https_port" if self.tls else "http_port"]
        c = http.client.HTTPConnection(host, port, timeout=timeout)
        c.sock = socket.create_connection((self.address, port), timeout)
        if self.tls:
            context = ssl.create_default_context(cafile=self.sb.ready["ca"])
            c.sock = context.wrap_socket(c.sock, server_hostname=host)
        c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = c.getresponse()
        data = answer.read()
        c.close()
        return answer.status, answer.headers, data


def pages(t):
    config = shop_config()
    config["shop"]["api_token"] = "let-me-in"
    config["shop"]["token_ms"] = 1
    with Sandbox(config) as sb:
        old, new, tls = Shop(sb, "127.0.1.2"), Shop(sb, "127.0.2.1"), Shop(sb, "127.0.2.1", True)
        t.eq(old("GET", "/up")[1]["X-Served-By"], "old", "the old fleet answers on its addresses")
        t.eq(new("GET", "/")[1]["X-Served-By"], "new", "the new one on its own, same port")
        t.eq(tls("GET", "/find?q=shoes", host="acme.shops.example.com")[2].count(b"Results for shoes"), 1,
             "over TLS, under a wildcard name")
        t.eq(old("HEAD", "/up")[0::2], (200, b""), "HEAD has no body")
        t.eq((old("POST", "/up")[0], old("GET", "/nope")[0], old("GET", "/status/418")[0]), (405, 404, 418),
             "405, 404 and any status")

        status, headers, body = new("GET", "/login")
        csrf = re.search(rb'name="csrf-token" content="([^"]+)"', body).group(1).decode()
        cookie = headers["Set-Cookie"].split(";")[0]
        form = {"email": "a@b.c", "password": "correct horse", "authenticity_token": csrf}

        def post(**over):
            return new("POST", "/session", urllib.parse.urlencode(dict(form, **over)), Cookie=cookie,
                       Content_Type="application/x-www-form-urlencoded")

        t.eq((post(password="x")[0], post(authenticity_token="x")[0]), (401, 422), "sign-in looks at both")
        status, headers, _ = post()
        t.ok(status == 302 and headers["Location"].endswith("/dashboard"), "and leads to the dashboard")
        signed_in = headers["Set-Cookie"].split(";")[0]
        t.eq((new("GET", "/dashboard", Cookie=cookie)[0], new("GET", "/dashboard", Cookie=signed_in)[0]), (302, 200),
             "which wants the new cookie")
        t.eq(new("GET", "/v1/clients?q=acme")[0], 401, "the clients want a token")
        data = json.loads(new("GET", "/v1/clients?q=acme", Authorization="Bearer let-me-in")[2])
        t.eq((data["data"][0]["name"], data["meta"]["total"]), ("Acme Ltd", 1), "and are found")
        _, headers, body = new("POST", "/v1/assist", '{"prompt":"ping"}')
        t.ok(headers["Content-Type"] == "text/event-stream" and body.endswith(b"data: [DONE]\n\n"), "the assistant streams")
        t.eq("".join(json.loads(e[5:])["choices"][0]["delta"]["content"] for e in re.findall("data:.*", body.decode())
                     if "[DONE]" not in e), "pong from the assistant", "word by word")

        accept = {"Accept": "application/json, text/event-stream"}

        def rpc(method, params=None, **headers):
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
            if method.startswith("notifications/"):
                del body["id"]
            status, got, data = new("POST", "/mcp", json.dumps(body), **accept, **headers)
            return status, got, json.loads(data) if data else None

        _, headers, got = rpc("initialize", {"protocolVersion": "2025-06-18"})
        session = {"Mcp_Session_Id": headers["Mcp-Session-Id"]}
        t.eq(got["result"]["protocolVersion"], "2025-06-18", "the tool server starts a session")
        t.eq(rpc("notifications/initialized", **session)[0], 202, "takes a notification")
        t.eq(rpc("tools/list", **session)[2]["result"]["tools"][0]["name"], "find_client", "lists its tool")
        got = rpc("tools/call", {"name": "find_client", "arguments": {"q": "acme"}}, **session)[2]["result"]
        t.ok(got["isError"] is False and "Acme Ltd" in got["content"][0]["text"], "and calls it", got)
        t.eq((rpc("tools/list")[0], rpc("tools/list", Mcp_Session_Id="x")[0], new("POST", "/mcp", "{}")[0]),
             (400, 404, 406), "no session, a wrong one, no Accept")

        body = '{"id":"evt_1"}'

        def stripe(at, secret="whsec_sandbox", extra=""):
            mac = hmac.new(secret.encode(), ("%d.%s" % (at, body)).encode(), hashlib.sha256).hexdigest()
            return new("POST", "/webhooks/stripe", body, Stripe_Signature="t=%d,%sv1=%s" % (at, extra, mac))[0]

        now = int(time.time())
        t.eq([stripe(now), stripe(now, extra="v1=00,"), stripe(now - 310), stripe(now + 310), stripe(now, "x")],
             [200, 200, 400, 400, 400], "the webhook checks signature and age")
        t.eq(new("POST", "/webhooks/stripe", body)[0], 400, "and wants one")
        t.eq(gzip.decompress(new("GET", "/gzip")[2]), b"squeezed\n", "gzip")
        t.eq(len(new("GET", "/bytes/100000")[2]), 100000, "bytes by number")
        t.eq(new("GET", "/redirect?to=/up")[1]["Location"], "/up", "a redirect")
        t.eq(len(new("GET", "/headers/90")[1].keys()) > 90, True, "many headers")
        with socket.create_connection(("127.0.2.1", sb.ready["http_port"])) as s:
            s.sendall(b"GET /up HTTP/1.1\r\nHost: x\r\n\r\nPOST /v1/assist HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"pro\r\nb\r\nmpt\": \"hi\"}\r\n0\r\n\r\n")
            got = b""
            while more := s.recv(65536):
                got += more
        t.ok(got.count(b"HTTP/1.1 200") == 2 and b"[DONE]" in got, "two requests on one connection, one chunked", got)


def fleet_faults(t):
    with Sandbox(shop_config()) as sb:
        old, new, tls = Shop(sb, "127.0.1.1"), Shop(sb, "127.0.2.1"), Shop(sb, "127.0.2.1", True)

        def fault(**f):
            sb.clear_faults()
            sb.fault(on="fleet", fleet="new", **f)

        def broken(call, *args, **kw):
            try:
                call(*args, **kw)
                return None
            except Exception as e:  # pylint: disable=broad-except
                return type(e).__name__

        fault(kind="status", status=429, retry_after=7, path="/find")
        status, headers, _ = new("GET", "/find")
        t.eq((status, headers["Retry-After"], new("GET", "/up")[0], old("GET", "/find")[0]), (429, "7", 200, 200),
             "a status, for one path of one fleet")
        fault(kind="status", status=500, probability=0.3)
        n = sum(new("GET", "/up")[0] == 500 for _ in range(200))
        t.ok(35 <= n <= 85, "three in ten fail (%d of 200)" % n)
        fault(kind="wrong_body", body="not the shop")
        t.eq(new("GET", "/up")[0::2], (200, b"not the shop"), "another body")
        fault(kind="reset")
        t.eq(broken(new, "GET", "/up"), "ConnectionResetError", "a reset")
        fault(kind="truncated")
        t.eq(broken(new, "GET", "/up"), "IncompleteRead", "half a body")
        fault(kind="garbage")
        t.eq(broken(new, "GET", "/up"), "BadStatusLine", "no HTTP")
        fault(kind="hang")
        t.ok(broken(new, "GET", "/up", timeout=0.1) in ("timeout", "TimeoutError"), "no answer")
        fault(kind="slow_loris", ms=20)
        t.ok(broken(new, "GET", "/up", timeout=1) in ("IncompleteRead", "timeout", "TimeoutError"), "byte by byte")
        fault(kind="latency", ms=60)
        start = time.monotonic()
        new("GET", "/up")
        t.ok(time.monotonic() - start >= 0.06, "late")
        fault(kind="flood", bytes=3000000)
        t.eq(len(new("GET", "/up")[2]), 3000000, "a flood")
        fault(kind="bomb", bytes=5000000)
        _, headers, data = new("GET", "/up")
        size = len(zlib.decompressobj(31).decompress(data))
        t.ok(headers["Content-Encoding"] == "gzip" and len(data) < 50000 and size >= 5000000,
             "a bomb: %d bytes become %d" % (len(data), size))
        for kind, word in [("expired_certificate", "expired"), ("wrong_name_certificate", "Hostname mismatch"),
                           ("self_signed_certificate", "self-signed")]:
            fault(kind=kind)
            try:
                tls("GET", "/up")
                t.ok(False, kind)
            except ssl.SSLError as e:
                t.has(str(e), word, "a certificate: " + kind)
        sb.clear_faults()
        t.eq(tls("GET", "/up")[0], 200, "all is well again")
        now = sb.state()["up_ms"]
        sb.fault(kind="status", on="fleet", status=502, from_ms=now + 150, to_ms=now + 300)
        seen = []
        while sb.state()["up_ms"] < now + 320:
            status = new("GET", "/up")[0]
            if not seen or seen[-1] != status:
                seen.append(status)
        t.eq(seen, [200, 502, 200], "a window of time opens and closes")
        counts = {(r["path"], r["status"]): r["n"] for r in sb.state()["fleets"]["new"]["requests"]}
        t.ok(counts[("/find", 429)] == 1 and counts[("/up", 500)] == n, "requests are counted by path and status", counts)
        t.ok(sb.events("fleet")[-1]["fleet"] == "new", "and logged when asked for")


def many_clients(t):
    """Eight threads at once: no answer is mixed up."""
    with Sandbox(shop_config(), log_fleets=False) as sb:
        bad = []

        def work(fleet, address):
            shop = Shop(sb, address)
            for i in range(40):
                status, headers, data = shop("GET", "/bytes/%d" % (i * 997))
                if (status, headers["X-Served-By"], len(data)) != (200, fleet, i * 997):
                    bad.append((fleet, i, status))
        threads = [threading.Thread(target=work, args=a) for a in [("old", "127.0.1.1"), ("new", "127.0.2.1")] * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        t.eq(bad, [], "320 answers to eight clients")
        t.eq(sb.events("fleet"), [], "fleet requests are only counted unless asked for")


def command_line(t):
    def run(*args):
        r = subprocess.run([program("sluice-sandbox"), *args], capture_output=True, text=True, timeout=20, check=False)
        return r.returncode, r.stderr

    t.eq(run("--help")[0], 0, "--help")
    t.eq(run()[0], 64, "no config is a usage error")
    t.eq(run("--config", "/nonexistent/x.json")[0], 78, "a missing config is 78")
    with Sandbox(bare_config()) as sb:
        def config(text):
            path = os.path.join(sb.dir, "bad.json")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            return run("--config", path)
        status, err = config('{"zones": [],\n "colour": 1}')
        t.ok(status == 78 and "colour" in err, "an unknown key is an error", err)
        status, err = config('{"zones": [}')
        t.ok(status == 78 and "bad.json:1:" in err, "bad JSON is shown with its place", err)
        status, err = config('{"zones": [{"name": "e.com", "records": [{"name": "a.e.com", "type": "A", "ttl": 1,'
                             ' "values": ["x"]}]}]}')
        t.ok(status == 78 and "not a valid IPv4 address" in err, "a bad record, too", err)
        left = sb.ready["state"]
        t.ok(os.path.exists(os.path.join(left, "ca.pem")), "the authority is on disk while it runs")
        sb.process.terminate()
        sb.process.wait()
        t.eq(os.listdir(left), [], "and gone at the end")


def main():
    t = Tap()
    for part in (signatures, listing, changes, bad_days, same_seed, name_servers, pages, fleet_faults, many_clients,
                 command_line):
        print("# " + part.__name__, flush=True)
        try:
            part(t)
        except Exception as e:  # pylint: disable=broad-except
            import traceback
            t.ok(False, "%s runs to its end" % part.__name__, traceback.format_exc() + str(e))
    t.done()


main()
