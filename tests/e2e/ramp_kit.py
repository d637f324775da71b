"""A plan, a suite and a state directory of their own for each test of `sluice` against the sandbox.

    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        run = kit.start("ramp"); run.wait_line("baking"); status = run.wait()
"""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from sandbox import WAIT_SECONDS, program

RUN_SECONDS = 90
OLD, NEW = "127.0.1.1", "127.0.2.1"
PHASE = re.compile(r"^\S+ (\w+)")


def ramp_config(**api):
    """One weighted pair, two fleets, servers that learn of a change within 100 ms."""
    api.setdefault("throttle", None)
    return {
        "zones": [{"name": "example.com", "id": "Z0SANDBOXEXAMPLE", "records": [
            {"name": "www.example.com", "type": "A", "set": "heroku", "weight": 100, "ttl": 1, "values": [OLD]},
            {"name": "www.example.com", "type": "A", "set": "ec2", "weight": 0, "ttl": 1, "values": [NEW]}]}],
        "api": api,
        "dns": {"servers": [{"delay_ms": 20}, {"delay_ms": 100}], "ttl": 1},
        "fleets": [{"name": "old", "addresses": [OLD]}, {"name": "new", "addresses": [NEW]}],
    }


SUITE = """version: 1
base_url: http://www.example.com:%(port)d
defaults: {timeout: 2s, every: 100ms}
checks:
  - name: up
    request: {get: /up}
  - name: home
    request: {get: /}
"""

PLAN = {
    "cutover": "shop",
    "sides": "{old: {set: heroku}, new: {set: ec2}}",
    "records": "[{name: www.example.com, type: A}]",
    "steps": "[1, 10, 50, 100]",
    "bake": "2s",
    "soak": "{for: 1s, rate: 10/s}",
    "verify": "api",
    "smoke": "{suites: [{file: shop.smoke.yaml, budget: {allowed: 10%, unacceptable: 25%}}], rate: 20/s}",
}


class Run:
    """A started sluice; its standard error is read by a thread."""

    def __init__(self, argv, env, stdin=subprocess.DEVNULL, preload=None):
        if preload:
            env = dict(env, LD_PRELOAD=preload)
        self.lines, self.out = [], ""
        self.process = subprocess.Popen(argv, env=env, stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    @property
    def err(self):
        return "\n".join(list(self.lines))

    def wait_line(self, part, seconds=RUN_SECONDS, after=0):
        """The index behind the first line from `after` on that holds part."""
        end = time.monotonic() + seconds
        while True:
            for i, line in enumerate(list(self.lines)):
                if i >= after and part in line:
                    return i + 1
            if self.process.poll() is not None:
                self.thread.join(WAIT_SECONDS)
                for i, line in enumerate(list(self.lines)):
                    if i >= after and part in line:
                        return i + 1
                raise AssertionError("ended with %s before %r:\n%s" % (self.process.returncode, part, self.err))
            if time.monotonic() > end:
                raise AssertionError("no line %r:\n%s" % (part, self.err))
            time.sleep(0.005)

    def wait(self, seconds=RUN_SECONDS):
        try:
            self.out = self._out(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("still running after %d s:\n%s" % (seconds, self.err)) from None
        self.thread.join(WAIT_SECONDS)
        return self.process.returncode

    def _out(self, seconds):
        self.process.wait(seconds)
        return self.process.stdout.read()

    def signal(self, sig):
        self.process.send_signal(sig)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.thread.join(WAIT_SECONDS)


class Kit:
    def __init__(self, sb, suite=SUITE, **plan):
        self.sb = sb
        self.dir = tempfile.mkdtemp(prefix="ramp-")
        self.state = os.path.join(self.dir, "state")
        self.plan_path = os.path.join(self.dir, "plan.yaml")
        self.runs = []
        self.converts = False  # prepare and finish change more than weights
        self.write(suite, **plan)

    def write(self, suite=SUITE, **plan):
        keys = dict(PLAN, route53="{zone: example.com, endpoint_url: '%s', servers: [%s], resolver: '%s'}" % (
            self.sb.ready["api"], ", ".join("'%s'" % s for s in self.sb.ready["dns"]), self.sb.ready["resolver"]))
        keys.update(plan)
        with open(self.plan_path, "w", encoding="utf-8") as f:
            f.write("version: 1\n" + "".join("%s: %s\n" % (k, v) for k, v in keys.items() if v is not None))
        with open(os.path.join(self.dir, "shop.smoke.yaml"), "w", encoding="utf-8") as f:
            f.write(suite % {"port": self.sb.ready["http_port"]})

    def __enter__(self):
        self.before = self.fields()
        return self

    def fields(self):
        """Every set of every zone, byte for byte, but for what a ramp may change: weights, and the lease."""
        return {(z["id"], s["name"], s["type"], s.get("set")): json.dumps({k: v for k, v in s.items() if k != "weight"}, sort_keys=True)
                for z in self.sb.state()["zones"] for s in z["sets"] if not s["name"].startswith("_sluice.")}

    def __exit__(self, kind, *_):
        # Promise 1: whatever the end, nothing but weights and the lease is otherwise than before.
        if kind is None and not self.sb.foreign and not self.converts and self.fields() != self.before:
            raise AssertionError("the zone is not as it was: %s" % sorted(set(self.fields().items()) ^ set(self.before.items()), key=repr))
        for run in self.runs:
            run.kill()
            run.process.stdout.close()
            run.process.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def argv(self, command, *args, plan=True, progress="plain"):
        return [program("sluice"), command, *([self.plan_path] if plan else []), "--state-dir", self.state,
                "--progress", progress, *args]

    def start(self, command, *args, yes=True, plan=True, stdin=subprocess.DEVNULL, preload=None, progress="plain", **env):
        more = ["--yes"] if yes else []
        run = Run(self.argv(command, *more, *args, plan=plan, progress=progress), self.sb.env(**env), stdin, preload)
        self.runs.append(run)
        return run

    def run(self, command, *args, **how):
        run = self.start(command, *args, **how)
        run.wait()
        return run

    def journals(self):
        return sorted(f for f in os.listdir(self.state) if f.endswith(".jsonl")) if os.path.isdir(self.state) else []

    def journal(self):
        """The last journal's lines, decoded."""
        with open(os.path.join(self.state, self.journals()[-1]), encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]


def percents(sb, name="www.example.com.", rtype="A", new="ec2"):
    """The share of new after every change the zone logged, in whole percent, as it moved."""
    shares = []
    for event in sb.events("weights"):
        for group in event["groups"]:
            if group["name"] != name or group["type"] != rtype:
                continue
            w = {s.get("set"): s.get("weight") for s in group["sets"]} if isinstance(group["sets"], list) else group["sets"]
            if None in w:  # simple: before prepare, after finish
                continue
            total = sum(w.values())
            share = round(100 * w[new] / total) if total else None
            if not shares or shares[-1] != share:
                shares.append(share)
    return shares


def batches(sb):
    """The change batches that were applied."""
    return [e for e in sb.events("api") if e["action"] == "ChangeResourceRecordSets" and e.get("applied")]


def record_changes(sb):
    """Applied batches that changed something of a record (not the lease alone, not the taking one)."""
    out = []
    for b in batches(sb):
        weights = {}
        for c in b["changes"]:
            if c["type"] != "TXT":
                weights.setdefault((c["name"], c["type"], c.get("set")), []).append((c["action"], c.get("weight")))
        if any(len({w for _, w in v}) > 1 or v[0][0] == "UPSERT" for v in weights.values()):
            out.append(b)
    return out


def lease_state(sb):
    """"forward", "reverting", "released" or None: what the lease record says."""
    for zone in sb.state()["zones"]:
        for s in zone["sets"]:
            if s["type"] == "TXT" and s["name"].startswith("_sluice."):
                found = re.search(r"state=(\w+)", s["values"][0])
                return found and found.group(1)
    return None


__all__ = [n for n in dir() if not n.startswith("_")] + ["signal"]
