"""What the proofs of kills, latency and fencing share: larger plans, the preloaded shim, cases side by side,
and what must be true of every log of the sandbox.

Each case runs in a process of its own, for a sandbox ends with the thread that started it."""
import contextlib
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

from ramp_kit import *
from sandbox import Sandbox, Tap, program

LEASE = "_sluice."
STEPS = [10, 100]
BAKE_S, TTL_S = 1, 1
GATE_PROBES = 11  # (1 - 25 %)^11 <= 5 %: what the gate wants of the plan below at least
MANY = 300        # two-set records: more than the 249 that go into one batch


def now_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def build_shim():
    """Compiles shim.c into a directory of its own; the caller removes it. None without a compiler."""
    where = tempfile.mkdtemp(prefix="shim-")
    out = os.path.join(where, "shim.so")
    cc = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    if not cc:
        return None
    subprocess.run([cc, "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-pthread", "-o", out,
                    os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim.c"), "-ldl"], check=True)
    return out


def keep_dir(name):
    """Where logs are kept: below $out (tests/run.sh sets it), else in a temporary directory."""
    base = os.environ.get("out")
    where = os.path.join(base, name) if base else tempfile.mkdtemp(prefix="sluice-%s-" % name)
    shutil.rmtree(where, ignore_errors=True)
    os.makedirs(where)
    return where


# --- zones and plans

def many(count, zone="example.com"):
    """count weighted pairs r000.zone and on."""
    return ["r%03d.%s" % (i, zone) for i in range(count)]


def pairs(names):
    return [{"name": n, "type": "A", "set": s, "weight": w, "ttl": TTL_S, "values": [v]}
            for n in names for s, w, v in (("heroku", 100, OLD), ("ec2", 0, NEW))]


def zone_config(first=(), second=(), **api):
    """www in example.com and in example.net, names of `first` and `second` beside them, and records of nobody's."""
    config = ramp_config(**api)
    config["zones"][0]["records"] += pairs(first) + [
        {"name": "mail.example.com", "type": "A", "ttl": 300, "values": ["192.0.2.25"]},
        {"name": "example.com", "type": "MX", "ttl": 300, "values": ["10 mail.example.com."]},
        {"name": "other.example.com", "type": "A", "set": "heroku", "weight": 7, "ttl": 60, "values": ["192.0.2.7"]},
        {"name": "other.example.com", "type": "A", "set": "ec2", "weight": 3, "ttl": 60, "values": ["192.0.2.8"]}]
    config["zones"].append({"name": "example.net", "id": "Z0SECONDEXAMPLE",
                            "records": pairs(["www.example.net", *second])})
    return config


def plan_records(first=(), second=None):
    """The plan's `records`: www and `first` of example.com; with second also www.example.net and those."""
    rows = ["{name: %s, type: A}" % n for n in ("www.example.com", *first)]
    if second is not None:
        rows += ["{name: %s, type: A, zone: example.net}" % n for n in ("www.example.net", *second)]
    return "[" + ", ".join(rows) + "]"


def plan_names(first=(), second=None):
    return {n + "." for n in ("www.example.com", *first, *(() if second is None else ("www.example.net", *second)))}


def short_plan(**keys):
    """10 and 100 %, bake 1 s; a new fleet that fails is found after some probes."""
    return dict({"steps": str(STEPS), "bake": "%ds" % BAKE_S, "soak": "{for: 1s, rate: 10/s}", "smoke":
                 "{suites: [{file: shop.smoke.yaml, budget: {allowed: 10%, unacceptable: 25%,"
                 " consecutive_failures: 6}}], rate: 20/s}"}, **keys)


NEW_FAILS = dict(on="fleet", kind="status", fleet="new", status=502)


# --- reading the log

def kind_of(event):
    """forward, rollback, lease, proof, release …: what a batch says it is; else the action."""
    return (event.get("comment") or "").rpartition(" ")[2] or event["action"]


def levels_of(config):
    """(name, type) -> {set: weight} of all weighted groups."""
    out = {}
    for zone in config["zones"]:
        for r in zone["records"]:
            if "weight" in r:
                out.setdefault((r["name"].rstrip(".") + ".", r["type"]), {})[r["set"]] = r["weight"]
    return out


def lease_values(event, action):
    return [v for c in event["changes"] if c["type"] == "TXT" and c["name"].startswith(LEASE) and c["action"] == action
            for v in c["values"]]


def check_changes(events, config, names, allowed=(0, 10, 100), backwards=True):
    """What must be true of every applied change; returns the faults as text."""
    faults = []
    sound = {(r["name"].rstrip(".") + ".", r["type"], r.get("set")): (r.get("ttl"), r.get("values"))
             for z in config["zones"] for r in z["records"]}
    levels = {k: v for k, v in levels_of(config).items() if k[0] in names}
    percent = {k: 0 for k in levels}
    order = list(allowed)
    generation = {}
    for e in events:
        if e["event"] == "api" and e.get("applied"):
            for c in e["changes"]:
                lease = c["type"] == "TXT" and c["name"].startswith(LEASE)
                if not lease and c["name"] not in names:
                    faults.append("%d: touches %s %s" % (e["seq"], c["name"], c["type"]))
            made = lease_values(e, "CREATE")
            if len(made) != 1 or (len(lease_values(e, "DELETE")) != 1 and kind_of(e) != "lease"):
                faults.append("%d: a batch that does not carry the lease" % e["seq"])
            else:
                gen = int(re.search(r"gen=(\d+)", made[0]).group(1))
                if gen <= generation.get(e["zone"], 0):
                    faults.append("%d: generation %d again" % (e["seq"], gen))
                generation[e["zone"]] = gen
        if e["event"] != "weights" or e.get("by") == "foreign":
            continue
        for g in e["groups"]:
            key = (g["name"], g["type"])
            if key not in levels:
                continue
            w = {s["set"]: s["weight"] for s in g["sets"]}
            if set(w) != {"heroku", "ec2"} or sum(w.values()) == 0:
                faults.append("%d: %s stands at %r" % (e["seq"], g["name"], w))
                continue
            for s in g["sets"]:
                if (s.get("ttl"), s.get("values")) != sound[(g["name"], g["type"], s["set"])]:
                    faults.append("%d: %s has changed in more than Weight: %r" % (e["seq"], g["name"], s))
            p = 100 * w["ec2"] / sum(w.values())
            was = percent[key]
            if p not in allowed:
                faults.append("%d: %s at %g %%" % (e["seq"], g["name"], p))
                continue
            if p < was and not (backwards and p == 0):
                faults.append("%d: %s went from %g back to %g %%" % (e["seq"], g["name"], was, p))
            if p > was and order.index(p) != order.index(was) + 1:
                faults.append("%d: %s went from %g to %g %%" % (e["seq"], g["name"], was, p))
            percent[key] = p
        if not (backwards and 0 in percent.values()) and len(set(percent.values())) > 2:
            faults.append("%d: more than two steps at once: %r" % (e["seq"], sorted(set(percent.values()))))
    return faults


def forward_moves(events, names):
    """[(first, last)]: the api events of the batches that brought the first and the last record to each step."""
    by_request = {e["request_id"]: e for e in events if e["event"] == "api" and e.get("applied")}
    moves, percent = {}, {}
    for e in events:
        if e["event"] != "weights" or e["by"] not in by_request:
            continue
        for g in e["groups"]:
            if g["name"] not in names or g["type"] == "TXT":
                continue
            w = {s["set"]: s["weight"] for s in g["sets"]}
            p = round(100 * w["ec2"] / (sum(w.values()) or 1))
            if p > percent.get(g["name"], 0):
                batch = by_request[e["by"]]
                first, _ = moves.get(p, (batch, batch))
                moves[p] = (first, batch)
            percent[g["name"]] = p
    return moves


def check_waits(events, names, lives, steps=STEPS):
    """No wait and no gate was skipped: before each later step one life of the process saw a whole drain and
    bake of the step before, with the probes its gate needs. lives: [(start, end)] in microseconds."""
    faults = []
    moves = forward_moves(events, names)
    probes = [e for e in events if e["event"] == "fleet" and e["fleet"] == "new" and e["status"] == 200]
    for before, after in zip(steps, steps[1:]):
        if after not in moves:
            continue
        start = moves[before][1]["us_done"]
        at = moves[after][0]["us_first"]
        whole = (TTL_S + BAKE_S) * 1000000
        for born, died in lives:
            a, b = max(start, born), min(at, died)
            if b - a < whole:
                continue
            # What the gate counts begins when the drain ends; a slow machine bakes for longer than the plan says.
            seen = [p for p in probes if a + TTL_S * 1000000 <= p["us_done"] <= b]
            if len(seen) >= GATE_PROBES and {p["path"] for p in seen} >= {"/", "/up"}:
                break
        else:
            faults.append("the step to %d %% came %d ms after that to %d %%, in no life a whole wait: %r" % (
                after, (at - start) // 1000, before, [((max(a, start) - start) // 1000, (min(b, at) - start) // 1000)
                                                      for a, b in lives]))
    return faults


def check_intents(events, names, lines):
    """Each step's apply stood in the journal before its first batch was seen."""
    faults = []
    for percent, (first, _) in sorted(forward_moves(events, names).items()):
        # wall_ms is read when the request is whole (us_last), not when it has been answered (us_done).
        wall = first["wall_ms"] - (first["us_last"] - first["us_first"]) // 1000
        known = [l for l in lines if any(a.get("kind") == "apply" and a.get("percent") == percent for a in l["actions"])]
        if not known or journal_ms(known[0]) > wall:
            faults.append("the step to %d %% was written before its intent" % percent)
    return faults


def journal_ms(line):
    import datetime
    t = datetime.datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return round(t.timestamp() * 1000)


def bystanders(sb, config, names):
    """Records of nobody's plan that are not as they were."""
    def plain(r):
        return (r["name"].rstrip(".") + ".", r["type"], r.get("set"), r.get("weight"), r.get("ttl"), tuple(r.get("values") or ()))
    have = {plain(s) for z in sb.state()["zones"] for s in z["sets"]
            if s["type"] not in ("SOA", "NS") and s["name"] not in names and not s["name"].startswith(LEASE)}
    want = {plain(r) for z in config["zones"] for r in z["records"]
            if r["name"].rstrip(".") + "." not in names and not r["name"].startswith(LEASE)}
    return have ^ want


def standing(sb, names):
    """The percentages the plan's groups stand at, as a set."""
    groups = {}
    for z in sb.state()["zones"]:
        for s in z["sets"]:
            if s["name"] in names and "weight" in s:
                groups.setdefault((s["name"], s["type"]), {})[s["set"]] = s["weight"]
    return {100 * w["ec2"] / (sum(w.values()) or 1) for w in groups.values()}


def leases(sb):
    """zone name -> state word of its lease record."""
    out = {}
    for z in sb.state()["zones"]:
        for s in z["sets"]:
            if s["type"] == "TXT" and s["name"].startswith(LEASE):
                out[z["name"]] = re.search(r"state=(\w+)", s["values"][0]).group(1)
    return out


# --- cases side by side

def _guarded(job):
    function, case = job
    try:
        return function(case)
    except BaseException as e:  # a worker that dies silently would hang the pool
        if isinstance(e, KeyboardInterrupt):
            raise
        return {"case": case, "faults": [traceback.format_exc()]}


def side_by_side(function, cases, jobs):
    """function(case) in processes of their own, `jobs` at a time; yields results as they come."""
    context = multiprocessing.get_context("fork")
    sys.stdout.flush()
    with context.Pool(min(jobs, len(cases)) or 1, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(_guarded, [(function, c) for c in cases], chunksize=1)


@contextlib.contextmanager
def beside(function, case):
    """Runs function(case) in one process beside what the block does; .get(seconds) waits for its result."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        yield pool.apply_async(_guarded, [(function, case)])


def quantiles(values):
    """p50, p90, p99 and the largest, by the nearest rank."""
    v = sorted(values)
    rank = lambda p: v[min(len(v) - 1, max(0, -(-len(v) * p // 100) - 1))]
    return {"p50": rank(50), "p90": rank(90), "p99": rank(99), "max": v[-1]}


__all__ = [n for n in dir() if not n.startswith("_")]
