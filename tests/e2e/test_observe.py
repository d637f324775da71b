#!/usr/bin/env python3
"""`sluice observe`: what name servers answer and resolvers have cached, once and over time. It writes nothing."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time

from cache_kit import Cache
from ramp_kit import NEW, OLD, SUITE, Kit, batches, json, ramp_config
from sandbox import Sandbox, Tap, pair

t = Tap()
TTL = 60
INSIDE = SUITE.replace("www.example.com", "db.inside.example.com")
LOOKING = {"ListHostedZonesByName", "GetHostedZone", "ListResourceRecordSets"}


def config(weights=(90, 10), ttl=TTL, records=None, servers=2):
    c = ramp_config()
    for r, w in zip(c["zones"][0]["records"], weights):
        r.update(weight=w, ttl=ttl)
    c["zones"][0]["records"] += records or []
    c["dns"]["servers"] = [{"delay_ms": 0}] * servers
    return c


def rounds(run):
    return [json.loads(line) for line in run.out.splitlines()]


def by(record, what, name):
    return next(x for x in record[what + "s"] if x[what] == name)


def looks_only(sb, what):
    calls = {e["action"] for e in sb.events("api")}
    t.ok(calls and calls <= LOOKING and not batches(sb), what, calls)


def once():
    with Sandbox(config()) as sb, Kit(sb) as kit, Cache(sb.ready["dns"]) as cache:
        run = kit.run("observe", "--resolver", cache.address, "--format", "json", yes=False)
        doc = json.loads(run.out)
        r = doc["records"][0]
        t.eq(run.process.returncode, 0, "what agrees exits with 0")
        cached = r["resolvers"][0]
        t.ok(doc["agrees"] and cached["side"] in ("old", "new") and TTL - 3 <= cached["left_s"] <= TTL, "a resolver says which side it has and for how long", r)
        t.ok(all(rd for _, _, _, rd in cache.asked), "it is asked for recursion")
        cache.advance(20)
        again = kit.run("observe", "--resolver", cache.address, yes=False)
        left = int(re.search(r"(?:old|new), (\d+) s left", again.out).group(1))
        t.ok(left <= cached["left_s"] - 20, "what is left counts down: %d after %d" % (left, cached["left_s"]))
        t.has(again.out, "last known cache to let go of what it holds: in %d s" % left, "and is summed up")
        t.eq(len(cache.asked), 2, "one look is one question to it")
        t.eq(cached["values"], {"old": OLD, "new": NEW}[cached["side"]], "with the values it has")
        looks_only(sb, "looking once changes nothing and takes no lease")
        for bad in ("resolver.example.com", "127.0.0.1:0"):
            run = kit.run("observe", "--resolver", bad, yes=False)
            t.ok(run.process.returncode == 64 and bad in run.err, "%s is no address of a resolver" % bad, run.err)


def the_plan_names_resolvers():
    with Sandbox(config(weights=(0, 100))) as sb, Cache(sb.ready["dns"]) as cache:
        with Kit(sb, observe="{resolvers: ['%s']}" % cache.address) as kit:
            run = kit.run("observe", yes=False)
            t.has(run.out, "resolver %s: new, " % cache.address, "the plan's resolvers are asked without an option")
            t.has(run.out, "no cache asked holds old", "at 100 % the old side is waited for, and nobody holds it")


def over_time():
    with Sandbox(config()) as sb, Kit(sb) as kit, Cache(sb.ready["dns"]) as cache:
        run = kit.run("observe", "--resolver", cache.address, "--watch", "--every", "1s", "--for", "4s", "--format", "json", yes=False)
        seen = rounds(run)
        t.ok(run.process.returncode == 0 and len(seen) >= 3 and all(d["agrees"] for d in seen), "rounds agree, and the last says how it ends", run.err)
        n = [d["records"][0]["answers"] for d in seen]
        t.ok(n == [20 * (i + 1) for i in range(len(seen))], "answers add up: ten a round and server", n)
        r = seen[-1]["records"][0]
        t.ok(r["low"] <= r["percent"] <= r["high"] and r["written_percent"] == 10, "the share stands in its interval, beside what is written")
        t.ok(0 < len(cache.asked) <= len(seen) + 1, "a resolver is asked about a record at most once a round", cache.asked)
        looks_only(sb, "looking on changes nothing and takes no lease")
        run = kit.run("observe", "--for", "1s", yes=False)
        t.has(run.out, "www.example.com A: new 10 % written, answered ", "without a terminal it says a line a record")
        run = kit.run("observe", "--for", "1s", "-q", yes=False)
        t.eq(run.out, "", "--quiet says nothing while all agree")


def wait_round(run, what, found):
    """Reads rounds until one fits."""
    for line in run.process.stdout:
        doc = json.loads(line)
        if found(doc["records"][0]):
            return doc
    raise AssertionError("never: " + what + "\n" + run.err)


def stale_and_dead():
    with Sandbox(config(weights=(100, 0), servers=3)) as sb, Kit(sb) as kit:
        servers = sb.ready["dns"]
        run = kit.start("observe", "--watch", "--every", "1s", "--format", "json", yes=False)
        wait_round(run, "agreeing", lambda r: all(s["state"] == "agrees" for s in r["servers"]))
        sb.fault(kind="stale", on="dns", server=1)
        sb.change(weights=[{"name": "www.example.com", "type": "A", "set": s, "weight": w} for s, w in (("heroku", 0), ("ec2", 100))])
        doc = wait_round(run, "stale", lambda r: by(r, "server", servers[1])["stale"])
        s = {x["server"]: x for x in doc["records"][0]["servers"]}
        t.ok(s[servers[1]]["state"] == "opposing" and s[servers[1]]["side"] == "old", "a server that answers the weights of before is stale, by name", s)
        t.ok(s[servers[0]]["state"] == s[servers[2]]["state"] == "agrees", "and the others are not", s)
        sb.clear_faults()
        wait_round(run, "healed", lambda r: all(s["state"] == "agrees" for s in r["servers"]))
        t.ok(True, "when it has caught up it agrees again")
        sb.fault(kind="stale", on="dns", server=0)
        sb.change(put=[{"name": "www.example.com", "type": "A", "set": s, "weight": w, "ttl": 90, "values": [v]}
                       for s, w, v in (("heroku", 0, OLD), ("ec2", 100, NEW))])
        doc = wait_round(run, "a TTL of before", lambda r: by(r, "server", servers[0])["stale"])
        t.eq((by(doc["records"][0], "server", servers[0])["state"], by(doc["records"][0], "server", servers[0])["ttl"]), ("ttl", TTL), "so is one with the TTL of before")
        sb.clear_faults()
        wait_round(run, "healed", lambda r: all(s["state"] == "agrees" for s in r["servers"]))
        sb.fault(kind="stale", on="dns", server=2)
        sb.change(put=[{"name": "www.example.com", "type": "A", "set": "ec2", "weight": 100, "ttl": 90, "values": ["127.0.2.9"]}])
        doc = wait_round(run, "values of before", lambda r: by(r, "server", servers[2])["stale"])
        s = by(doc["records"][0], "server", servers[2])
        t.eq((s["state"], s["values"]), ("foreign", NEW), "so is one with the values of before, which are shown")
        sb.clear_faults()
        sb.fault(kind="drop", on="dns", server=1)
        doc = wait_round(run, "silent", lambda r: by(r, "server", servers[1])["state"] == "silent")
        t.ok(True, "a server that does not answer is named")
        run.signal(signal.SIGTERM)
        t.eq(run.wait(), 143, "SIGTERM ends it with 143")
        looks_only(sb, "all the while it only reads")


def stale_share():
    """A share of before, among answers that are all right by themselves."""
    with Sandbox(config(weights=(255, 0))) as sb, Kit(sb) as kit:
        sb.change(weights=[{"name": "www.example.com", "type": "A", "set": "ec2", "weight": 1}])
        run = kit.start("observe", "--watch", "--every", "1s", "--format", "json", yes=False)
        wait_round(run, "agreeing", lambda r: r["answers"])
        sb.fault(kind="stale", on="dns", server=1)
        sb.change(weights=[{"name": "www.example.com", "type": "A", "set": "ec2", "weight": 255}])
        doc = wait_round(run, "a share of before", lambda r: any(s["state"] == "share" and s["stale"] for s in r["servers"]))
        s = by(doc["records"][0], "server", sb.ready["dns"][1])
        t.ok(s["stale"] and s["high"] < 50 and doc["records"][0]["written_percent"] == 50, "a server with the share of before is stale, by its count of answers", s)
        run.signal(signal.SIGINT)
        t.eq(run.wait(), 130, "Ctrl-C ends it with 130")


def resolvers_with_a_will():
    with Sandbox(config(weights=(100, 0), ttl=10)) as sb, Kit(sb) as kit:
        dns = sb.ready["dns"]
        with Cache(dns, floor=30) as floor, Cache(dns, serve_stale=True) as stale, Cache(dns, serve_stale=True, says_so=True) as honest, Cache(dns, silent=True) as dead:
            args = [a for c in (floor, stale, honest, dead) for a in ("--resolver", c.address)]
            run = kit.run("observe", *args, yes=False)
            lines = {c: next(x for x in run.out.splitlines() if "resolver " + c.address in x) for c in (floor, stale, honest, dead)}
            t.has(lines[floor], "where the record says 10: it has a floor, or serves stale", "a floor above the record's TTL is named")
            t.ok("floor" not in lines[stale] and "left" in lines[stale], "one that counts down is not", lines[stale])
            t.has(lines[dead], "does not answer", "a silent resolver is named")
            stale.reachable = honest.reachable = False
            for c in (stale, honest):
                c.advance(60)
            run = kit.run("observe", *args, yes=False)
            lines = {c: next(x for x in run.out.splitlines() if "resolver " + c.address in x) for c in (stale, honest)}
            t.has(lines[honest], "says itself that this is stale (RFC 8767)", "who says that the answer is stale is quoted")
            t.has(lines[stale], "30 s where the record says 10", "who does not is known by its 30 seconds")


def cut_answers():
    """More values than fit a datagram: both the servers and the resolver are asked again by TCP."""
    many = ["192.0.2.%d" % i for i in range(1, 81)]
    records = [{"name": "many.example.com", "type": "A", "set": s, "weight": w, "ttl": TTL, "values": v} for s, w, v in (("heroku", 100, many), ("ec2", 0, [NEW]))]
    with Sandbox(config(records=records)) as sb, Cache(sb.ready["dns"]) as cache:
        with Kit(sb, records="[{name: many.example.com, type: A}]") as kit:
            run = kit.run("observe", "--resolver", cache.address, "--for", "1s", "--format", "json", yes=False)
            doc = rounds(run)[0]
            r = doc["records"][0]
            t.ok(doc["agrees"] and r["answers"] == 20 and r["new"] == 0 and r["resolvers"][0]["side"] == "old", "answers cut by UDP are whole by TCP", run.out + run.err)
            t.ok(all(s["tcp"] >= 10 for s in sb.state()["dns"] if s["role"] == "authoritative"), "and it was TCP", sb.state()["dns"])


def wildcards_and_foreign_bytes():
    records = pair("*.shops.example.com", "CNAME", "a.example.net", "b.example.net", (90, 10), TTL)
    records += pair("note.example.com", "TXT", '"\\033[31mred"', '"new"', (100, 0), TTL)
    for r in records:
        r["set"] = {"old": "heroku", "new": "ec2"}[r["set"]]
    with Sandbox(config(records=records)) as sb, Cache(sb.ready["dns"]) as cache:
        with Kit(sb, records='[{name: "*.shops.example.com", type: CNAME}, {name: note.example.com, type: TXT}]') as kit:
            run = kit.run("observe", "--resolver", cache.address, "--watch", "--every", "1s", "--for", "3s", yes=False)
            asked = {n for _, n, _, _ in cache.asked if n.endswith(".shops.example.com.")}
            t.ok(run.process.returncode == 0 and len(asked) == 1 and asked.pop().startswith("sluice-"), "a wildcard is asked under one made-up name, which stays", run.out + run.err)
            t.ok("\x1b" not in run.out, "no control byte of a value comes out")
            run = kit.run("observe", "--resolver", cache.address, yes=False)
            t.has(run.out, ".shops.example.com., which nobody else asks for", "and that is said")


def private_zones():
    """Of a zone that is private and alone; beside a public one: test_preflight.py."""
    c = config(weights=(100, 0), ttl=1)
    c["zones"].append({"name": "inside.example.com", "id": "Z0INSIDE", "private": True, "records": [
        {"name": "db.inside.example.com", "type": "A", "set": s, "weight": w, "ttl": 1, "values": [v]} for s, w, v in (("heroku", 100, OLD), ("ec2", 0, NEW))]})
    with Sandbox(c) as sb, Kit(sb) as kit:
        alone = dict(records="[{name: db.inside.example.com, type: A}]", route53="{zone: inside.example.com, endpoint_url: '%s'}" % sb.ready["api"])
        kit.write(**alone)
        run = kit.run("observe", yes=False)
        t.ok(run.process.returncode == 11 and "private" in run.err, "with private zones alone there is nothing to look at: 11", run.err)
        kit.write(steps="[100]", bake="1s", verify="dns", suite=INSIDE, **alone)
        run = kit.run("ramp")
        t.ok(run.process.returncode == 11 and "verify: api" in run.err, "a ramp that verifies in DNS is refused, with the line to add", run.err)
        kit.write(steps="[100]", bake="1s", verify="warn", suite=INSIDE, **alone)
        run = kit.run("ramp")
        t.ok(run.process.returncode == 0 and "DNS cannot be asked" in run.err, "`verify: warn` warns of it and goes on", run.err)


class Terminal:
    """sluice at a pseudo terminal of its own."""

    def __init__(self, kit, *args, columns=100, rows=30):
        self.master, self.slave = pty.openpty()
        self.size(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.text, self.lock = b"", threading.Lock()
        argv = [a for a in kit.argv("observe", *args, progress="auto")]
        self.process = subprocess.Popen(argv, env=kit.sb.env(TERM="xterm"), stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def size(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self):
        while True:
            try:
                got = os.read(self.master, 65536)
            except OSError:
                return
            with self.lock:
                self.text += got

    def __len__(self):
        with self.lock:
            return len(self.text)

    def wait_for(self, part, after=0):
        end = time.monotonic() + 60
        while True:
            with self.lock:
                at = self.text.find(part.encode(), after)
            if at >= 0:
                return at + len(part)
            assert time.monotonic() < end and self.process.poll() is None, (part, self.text[-2000:])
            time.sleep(0.01)

    def end(self):
        status = self.process.wait(60)
        end = time.monotonic() + 10
        while b"\x1b[?1049l" not in self.text and time.monotonic() < end:
            time.sleep(0.01)
        self.after = termios.tcgetattr(self.slave)
        return status


def at_a_terminal():
    with Sandbox(config()) as sb, Kit(sb) as kit, Cache(sb.ready["dns"]) as cache:
        term = Terminal(kit, "--watch", "--every", "1s", "--resolver", cache.address)
        at = term.wait_for("round 2, ")
        frames = term.text[:at].split(b"\x1b[?2026h")
        t.ok(b"\x1b[?1049h" in frames[0] and b"\x1b[?25l" in frames[0], "the table has the other screen, without a cursor")
        t.ok(all(f.startswith(b"\x1b[H") and b"\x1b[2J" not in f for f in frames[1:]), "it is written over in place, never wiped: no flicker", frames[-1])
        t.ok(termios.tcgetattr(term.slave)[3] & (termios.ECHO | termios.ICANON) == 0, "typing does not disturb it")
        wide = [re.sub(rb"\x1b\[[?0-9]*[A-Za-z]", b"", line) for f in frames[2:-1] for line in f.split(b"\r\n")]
        t.ok(wide and max(map(len, wide)) < 100, "no line is as wide as the terminal", max(wide, key=len, default=b""))
        t.has(frames[-2].decode(), "agrees", "servers are said to agree")
        term.wait_for("s left", at)
        term.size(50, 6)
        now = len(term)
        at = term.wait_for("\x1b[?2026h", term.wait_for("\x1b[?2026h", now))
        small = term.text[now:at].split(b"\x1b[?2026h")[1]
        lines = [re.sub(rb"\x1b\[[?0-9]*[A-Za-z]", b"", line) for line in small.split(b"\r\n")]
        t.ok(max(map(len, lines)) < 50 and len([x for x in lines if x]) <= 5 and b"2 of 2 serve~" in small, "a smaller window gets a smaller table", small)
        os.write(term.master, b"\x03")
        t.eq(term.end(), 130, "Ctrl-C at the terminal ends it with 130")
        t.ok(term.after == term.before, "the terminal's settings are as before")
        tail = term.text[term.text.rfind(b"\x1b[?1049l"):]
        t.ok(tail.startswith(b"\x1b[?1049l") and term.text.rfind(b"\x1b[?25h") > term.text.rfind(b"\x1b[?25l"), "so are its screen and cursor", tail)
        t.has(tail.decode(), "www.example.com A", "and the last table stays to be read")
        term = Terminal(kit, "--watch")
        term.wait_for("round 1, ")
        os.write(term.master, b"q")
        t.ok(term.end() == 0 and term.after == term.before, "q ends it with what the last round said")


def ctrl_z():
    with Sandbox(config()) as sb, Kit(sb) as kit:
        term = Terminal(kit, "--watch", "--every", "1s")
        term.wait_for("round 1, ")
        term.process.send_signal(signal.SIGTSTP)
        at = term.wait_for("\x1b[?1049l")
        os.waitpid(term.process.pid, os.WUNTRACED)
        t.ok(termios.tcgetattr(term.slave) == term.before, "stopped, it gives the terminal back")
        term.process.send_signal(signal.SIGCONT)
        at = term.wait_for("\x1b[?1049h", at)
        term.wait_for("round ", at)
        term.process.send_signal(signal.SIGINT)
        t.ok(term.end() == 130 and term.after == term.before, "continued, it goes on, and ends as ever")


def main():
    for test in (once, the_plan_names_resolvers, over_time, stale_and_dead, stale_share, resolvers_with_a_will, cut_answers,
                 wildcards_and_foreign_bytes, private_zones, at_a_terminal, ctrl_z):
        test()
    t.done()


if __name__ == "__main__":
    main()
