"""What the tests of a whole cutover share: simple records, a zone to compare, a DNS client that asks all the time."""
import threading
import time

from ramp_kit import *
from sandbox import dns

HOST = "tidy-fern-1.herokudns.test"
OLD6, NEW6 = "::ffff:127.0.1.1", "::ffff:127.0.2.1"
RECORDS = "[{name: www.example.com, type: CNAME}, {name: files.example.com, type: A}, {name: files.example.com, type: AAAA}]"
SIDES = "{old: {set: heroku}, new: {set: ec2, target: ['%s', '%s']}}" % (NEW, NEW6)


def simple(cname_ttl, a_ttl, aaaa_ttl):
    """The records of a service on the old fleet, and one that is none of ours."""
    return [{"name": "www.example.com", "type": "CNAME", "ttl": cname_ttl, "values": [HOST]},
            {"name": "files.example.com", "type": "A", "ttl": a_ttl, "values": [OLD]},
            {"name": "files.example.com", "type": "AAAA", "ttl": aaaa_ttl, "values": [OLD6]},
            {"name": "mail.example.com", "type": "A", "ttl": 300, "values": ["192.0.2.9"]}]


class Converting(Kit):
    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.converts = True


def config(records):
    c = ramp_config()
    c["zones"][0]["records"] = [dict(r) for r in records]
    c["dns"]["hosts"] = {HOST: [OLD]}
    return c


def zone(sb, lease=False):
    """What stands, as sorted tuples; the lease left out unless asked for."""
    return sorted((s["name"], s["type"], s.get("set"), s.get("weight"), s.get("ttl"), tuple(s.get("values", ())), str(s.get("alias")))
                  for z in sb.state()["zones"] for s in z["sets"] if (lease or not s["name"].startswith("_sluice")) and s["type"] not in ("NS", "SOA"))


class Client(threading.Thread):
    """Asks every server in turn for every name, from before the first change to after the last one. An answer is good if it
    is there and of a side that may be answered when the question leaves: see sides()."""

    # The first is a CNAME until `finish` puts the helper's addresses at the name itself: one question for A shows either.
    NAMES = {("www.example.com", "A"): {"old": {HOST + "."}, "new": {"new-www.example.com.", NEW}},
             ("files.example.com", "A"): {"old": {OLD}, "new": {NEW}},
             ("files.example.com", "AAAA"): {"old": {OLD6}, "new": {NEW6}}}

    def __init__(self, sb):
        super().__init__(daemon=True)
        self.servers, self.bad, self.n, self.over = sb.ready["dns"], [], 0, threading.Event()
        self.allowed, self.seen = ("old",), {"old": 0, "new": 0}
        self.began = time.monotonic()
        self.start()

    def sides(self, *allowed):
        """From now on these may be answered: narrowed once all servers have the change, widened before it."""
        self.allowed = allowed

    def run(self):
        while not self.over.wait(0.008):
            for server in self.servers:
                for (name, rtype), values in self.NAMES.items():
                    allowed = self.allowed
                    a = dns(server, name, rtype)
                    self.n += 1
                    got = {r[3] for r in a.answer if r[0] == name + "."} if a else set()
                    side = [k for k, v in values.items() if got and got <= v]
                    if not a or a.rcode != "NOERROR" or not set(side) & set(allowed):
                        self.bad.append((name, rtype, a and a.rcode, got, allowed))
                    for k in side:
                        self.seen[k] += 1

    def end(self):
        """Questions a second, all in all."""
        self.over.set()
        self.join(30)
        return self.n / (time.monotonic() - self.began)


__all__ = [n for n in dir() if not n.startswith("_")]
