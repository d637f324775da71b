#!/usr/bin/python3
"""What moving a full zone costs: a real `sluice ramp` over 4,990 two-set records (9,980 sets; with SOA, NS, lease and what
prepare may add that is Route 53's 10,000) in the sandbox, whose account allows so many requests a second and no more.

    tests/bench/full_zone.py [--records N] [--zones 1|2] [--rate R ...] [--list] [--verify dns|api] [COMMAND ...]

COMMAND: ramp (default), plan, status, rollback (from another machine: no state directory), convert (prepare, its undo, and
finish, over N simple records); or all. --list writes the records into the plan; without it the plan says `records: all`.

A line a stretch: API calls by kind beside the least that Route 53's limits allow, seconds from the first request's first
byte to the last one's answer, own CPU (all threads, /proc/PID/task/*/schedstat), peak memory so far (VmHWM). Calls and
times are the sandbox's. Nothing here is a test; tests/e2e/test_full_zone.py holds the counts of 500 records."""
import argparse
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../e2e"))
import sandbox  # noqa: E402
from sandbox import Sandbox  # noqa: E402
from ramp_kit import Kit  # noqa: E402

OLD, NEW = "127.0.1.1", "127.0.2.1"
ZONES = (("example.com", "Z0SANDBOXEXAMPLE"), ("example.net", "Z1SANDBOXEXAMPLE"))
PER_BATCH = 249  # (1000 elements - 2 of the lease) / (2 sets, each once deleted and once created)
PAGE = 300
SECONDS = 240
SUITE = """version: 1
base_url: http://www.example.com:%(port)d
defaults: {timeout: 2s, every: 100ms}
checks:
  - name: up
    request: {get: /up}
"""


def ceil(a, b):
    return -(-a // b)


def names(records, zone):
    return ["www." + zone] + ["t%04d.shops.%s" % (i, zone) for i in range(1, records)]


def config(records, zones, rate, weights=(100, 0), delay_ms=100):
    """Zones of so many records, simple ones without weights; the account's bucket holds one second's worth of requests."""
    out = []
    for zone, ident in ZONES[:zones]:
        sets = []
        for name in names(records, zone):
            old = {"name": name, "type": "A", "ttl": 1, "values": [OLD]}
            sets.append(dict(old, set="heroku", weight=weights[0]) if weights else old)
            if weights:
                sets.append({"name": name, "type": "A", "set": "ec2", "weight": weights[1], "ttl": 1, "values": [NEW]})
        out.append({"name": zone, "id": ident, "records": sets})
    return {"zones": out, "api": {"throttle": {"rate": rate, "burst": max(5, rate)} if rate else None},
            "dns": {"servers": [{"delay_ms": delay_ms}] * 4, "ttl": 1},
            "fleets": [{"name": "old", "addresses": [OLD]}, {"name": "new", "addresses": [NEW]}]}


def plan(sb, args, rate, **more):
    keys = {
        "route53": "{zone: example.com, endpoint_url: '%s', servers: [%s], resolver: '%s'%s}" % (
            sb.ready["api"], ", ".join("'%s'" % s for s in sb.ready["dns"]), sb.ready["resolver"],
            ", rate: %g/s" % rate if rate else ""),
        "records": "all", "steps": "[1, {percent: 50, bake: 5m}]", "bake": "4s", "soak": None, "verify": args.verify,
        "smoke": "{suites: [{file: shop.smoke.yaml, budget: {allowed: 10%, unacceptable: 25%}}], rate: 10/s}",
    }
    if args.list or args.zones > 1:
        keys["records"] = "[" + ", ".join("{name: %s, type: A, zone: %s}" % (n, z) for z, _ in ZONES[:args.zones]
                                          for n in names(args.records, z)) + "]"
    keys.update(more)
    return keys


def proc(pid):
    """(CPU seconds, peak MiB) of a live process."""
    ns = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        try:
            with open(path, encoding="ascii") as f:
                ns += int(f.read().split()[0])
        except OSError:
            pass
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        peak = re.search(r"VmHWM:\s+(\d+)", f.read())  # a zombie has none
    return ns / 1e9, int(peak.group(1)) / 1024 if peak else 0


def least(records, zones, simple=False):
    """The least a step asks: each batch reads its records right before (pages of 300 sets), its change is polled once, and
    one listing of all records and the lease says that it stands."""
    per = zones * (records // PER_BATCH)
    rest = records % PER_BATCH
    return {"change": per + zones * bool(rest),
            "read": per * ceil(2 * PER_BATCH, PAGE) + zones * ceil(2 * rest, PAGE) + zones * (ceil(2 * records, PAGE) + 1),
            "poll": per + zones * bool(rest)}


KINDS = {"ChangeResourceRecordSets": "change", "ListResourceRecordSets": "read", "GetChange": "poll"}


def count(events):
    out = {"change": 0, "read": 0, "poll": 0, "other": 0, "refused": 0}
    for e in events:
        out[KINDS.get(e["action"], "other")] += 1
        out["refused"] += e.get("code") in ("Throttling", "PriorRequestNotComplete")
    return out


def calls_since(sb, at):
    """The API calls in the sandbox's log behind this byte of it: its control port would be asked for megabytes of weights."""
    with open(sb.log_path, "rb") as f:
        f.seek(at)
        lines = f.read().split(b"\n")[:-1]
    return [json.loads(line) for line in lines if b'"event":"api"' in line]


class Stretch:
    """Between two lines of a run: its calls, and what it cost."""

    def __init__(self, sb, pid):
        self.sb, self.pid = sb, pid
        self.at = os.path.getsize(sb.log_path)
        self.start, self.peak = proc(pid)

    def sample(self):
        """False when the process has ended: then the last sample stands."""
        now = proc(self.pid)
        if now[1]:
            self.cpu, self.peak = now[0] - self.start, now[1]
        return bool(now[1])

    def end(self):
        self.sample()
        return self.tally()

    def tally(self):
        self.events = calls_since(self.sb, self.at)
        self.calls = count(self.events)
        us = [e["us_first"] for e in self.events] + [e["us_done"] for e in self.events]
        self.seconds = (max(us) - min(us)) / 1e6 if us else 0
        return self


def say(what, s, floor=None):
    cells = []
    for kind in ("change", "read", "poll"):
        cells.append("%s %d%s" % (kind, s.calls[kind], " (%d)" % floor[kind] if floor else ""))
    print("%-34s %s, other %d, refused %d; %.1f s; CPU %.2f s; peak %.1f MiB" % (
        what, ", ".join(cells), s.calls["other"], s.calls["refused"], s.seconds, s.cpu, s.peak), flush=True)


# A process inherits its parent's peak over fork and exec: this one is small (10 MiB), which is the least that can be told.
WAITER = """import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, u = os.wait4(pid, 0)
with os.fdopen(3, "w") as f:
    f.write("%d %f %d" % (os.waitstatus_to_exitcode(status), u.ru_utime + u.ru_stime, u.ru_maxrss))
"""


def whole(sb, argv, env):
    """A command from start to end: (exit status, Stretch, what it said)."""
    at = os.path.getsize(sb.log_path)
    with tempfile.TemporaryFile() as told:
        def three():
            os.dup2(told.fileno(), 3)

        run = subprocess.run(["/usr/bin/python3", "-S", "-E", "-c", WAITER, *argv], env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, close_fds=False, preexec_fn=three, check=True)
        told.seek(0)
        status, cpu, peak = told.read().split()
    s = Stretch.__new__(Stretch)
    s.sb, s.at, s.cpu, s.peak = sb, at, float(cpu), int(peak) / 1024
    return int(status), s.tally(), run.stdout.decode(errors="replace")


class Bench:
    def __init__(self, args, rate):
        self.args, self.rate = args, rate
        self.floor = least(args.records, args.zones)
        self.label = "%d x %d at %g/s" % (args.zones, args.records, rate)

    def open(self, weights=(100, 0), delay_ms=100, **more):
        self.sb = Sandbox(config(self.args.records, self.args.zones, self.args.account or self.rate, weights, delay_ms),
                          log_fleets=False)
        self.kit = Kit(self.sb, SUITE, **plan(self.sb, self.args, self.rate, **more))
        self.kit.converts = True  # the kit's own comparison reads the zone as a whole; not needed here
        return self

    def __enter__(self):
        self.kit.__enter__()
        return self

    def __exit__(self, *how):
        self.kit.__exit__(*how)
        self.sb.stop()

    def ramp(self):
        """{"step to 1 %", ..., "rollback to 0 %"}: a stretch each. A line is read a moment after it was written, so a call or two
        may be counted one stretch too early."""
        found = {}
        run = self.kit.start("ramp")
        run.wait_line("preflight", SECONDS)
        s = Stretch(self.sb, run.process.pid)
        at = run.wait_line("both ways are proven", SECONDS)
        found["preflight, lease, proofs"] = s.end()
        for percent in (1, 50):
            at = run.wait_line("applying step", SECONDS, at)
            s = Stretch(self.sb, run.process.pid)
            at = run.wait_line("ing at", SECONDS, at)  # verifying, or draining with verify: api
            found["step to %d %%" % percent] = s.end()
            s = Stretch(self.sb, run.process.pid)
            run.wait_line("baking at", SECONDS, at - 1)
            found["DNS, drain at %d %%" % percent] = s.end()
        s = Stretch(self.sb, run.process.pid)
        back = self.kit.start("rollback")
        run.wait_line("reverting to", SECONDS, at)
        while s.sample() and run.process.poll() is None:
            time.sleep(0.005)
        back.wait(SECONDS)
        found["rollback to 0 %"] = s.end()
        self.status = run.wait(SECONDS)
        self.run = run
        return found


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default=os.environ.get("builddir", os.path.join(HERE, "../..")))
    ap.add_argument("--records", type=int, default=4990)
    ap.add_argument("--zones", type=int, default=1)
    ap.add_argument("--rate", type=float, nargs="+", default=[5, 10], help="the plan's, and the account's; 0: the default, unthrottled")
    ap.add_argument("--account", type=float, help="what the account allows, when that is not the plan's rate")
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--verify", default="dns")
    ap.add_argument("commands", nargs="*", default=["ramp"])
    args = ap.parse_args()
    sandbox.BUILD = os.path.abspath(args.build)
    if "all" in args.commands:
        args.commands = ["ramp", "plan", "rollback", "convert"]
    for rate in args.rate:
        bench = Bench(args, rate)
        for command in args.commands:
            globals()["do_" + command](bench)


def do_ramp(bench):
    with bench.open():
        for what, s in bench.ramp().items():
            say(bench.label + ", " + what, s, bench.floor if what.startswith("step") else None)
        command(bench, "status")


def do_plan(bench):
    with bench.open():
        command(bench, "plan")


def command(bench, *words):
    status, s, said = whole(bench.sb, bench.kit.argv(words[0], *words[1:], progress="quiet"), bench.sb.env())
    say("%s, %s (exit %d)" % (bench.label, " ".join(words), status), s)
    if status:
        print(said[-1500:])


def do_rollback(bench):
    """Where no run's state is: the plan and credentials are enough."""
    with bench.open(weights=(50, 50)):
        command(bench, "rollback", "--yes")


def do_convert(bench):
    sides = "{old: {set: heroku}, new: {set: ec2, target: '%s'}}" % NEW
    listed = "[" + ", ".join("{name: %s, type: A%s}" % (n, ", zone: " + z if bench.args.zones > 1 else "")
                             for z, _ in ZONES[:bench.args.zones] for n in names(bench.args.records, z)) + "]"
    with bench.open(weights=None, sides=sides, records=listed):
        command(bench, "prepare", "--yes")
        command(bench, "prepare", "--undo", "--yes")
    with bench.open(weights=(0, 100), sides=sides, records=listed):
        command(bench, "finish", "--no-wait", "--without-soak", "--yes")


if __name__ == "__main__":
    main()
