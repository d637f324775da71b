"""What the AWS outage drills share: how they are listed and run side by side, what each must show at its end, and a
plan of two zones with hundreds of records.

A drill is a function of Notes; it takes them as a Tap and builds its own sandbox and kit. It runs in a process of its
own, for a sandbox ends with the thread that started it."""
import argparse
import os
import sys

from proof_kit import *

DRILLS = []  # (label, function, arguments, in the fast sample?)
BROKEN = NEW_FAILS
SHARES = {0, 10, 100}
PLAN_OF = dict(steps="[10, 100]", bake="3s", soak="{for: 4s, rate: 20/s}")


class Notes:
    """A Tap that only remembers: [(good, what, detail)]."""

    def __init__(self):
        self.list = []

    def ok(self, good, what, detail=""):
        self.list.append((bool(good), what, str(detail)))
        return good

    def eq(self, have, want, what):
        return self.ok(have == want, what, "have %r\nwant %r" % (have, want))

    def has(self, text, part, what):
        return self.ok(part in (text or ""), what, "no %r in %s" % (part, text))

    def lacks(self, text, part, what):
        return self.ok(part not in (text or ""), what, "%r in %s" % (part, text))

    def skip(self, what, why):
        self.list.append((True, what + " # SKIP " + why, ""))


def drill(label, *args, sample=False):
    """Lists a drill, once for each set of arguments."""
    def add(function):
        DRILLS.append((label, function, args, sample))
        return function
    return add


def ended(d, sb, share, lease, **zones):
    """The end of every drill: no share but the plan's was ever there, the last one stands, and what the lease says.

    zones: names that stand elsewhere, as {name: share}. (That nothing but weights and the lease has changed, byte for
    byte, is seen by the kit as it closes.)"""
    names = {s["name"] for z in sb.state()["zones"] for s in z["sets"] if "weight" in s and not s["name"].startswith("other.")}
    seen = {n: percents(sb, name=n) or [0] for n in names}
    d.ok(all(set(v) <= SHARES for v in seen.values()), "no share but the plan's was ever there", seen)
    wrong = {n: v for n, v in seen.items() if v[-1] != zones.get(n.rstrip("."), share)}
    d.ok(not wrong, "in the end it stands at %s %%" % share, wrong)
    have = leases(sb)
    want = lease if isinstance(lease, dict) else dict.fromkeys(have, lease)
    d.eq(have, want, "the lease: %s" % lease)


def fired(sb, fault_id):
    """How often a fault has struck."""
    return [f["fired"] for f in sb.state()["faults"] if f["id"] == fault_id][0]


def stop(run, sig):
    """A first signal asks, a second one insists; two that wait together are one."""
    while run.process.poll() is None:
        run.signal(sig)
        try:
            run.process.wait(0.1)
        except subprocess.TimeoutExpired:
            pass
    return run.wait()


def two_zones(**api):
    """www in two zones; the first has so many more that its batches are two. With a plan for it."""
    first = many(MANY)
    return zone_config(first, **api), dict(PLAN_OF, records=plan_records(first, ()))


def _one(case):
    d, began = Notes(), time.monotonic()
    label, function, args = case
    try:
        function(d, *args)
    except (AssertionError, RuntimeError, KeyError, IndexError) as e:
        d.ok(False, "it runs to its end", "%s: %s" % (type(e).__name__, e))
    return {"label": label, "notes": d.list, "seconds": time.monotonic() - began}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--only")
    args = parser.parse_args()
    program("sluice"), program("sluice-sandbox")
    t, began = Tap(), time.monotonic()
    chosen = [c for c in DRILLS if (args.only in c[0] if args.only else args.all or c[3])]
    took = []
    for r in side_by_side(_one, [c[:3] for c in chosen], args.jobs):
        if "notes" not in r:
            t.ok(False, r["case"][0], "\n".join(r["faults"]))
            continue
        took.append((r["seconds"], r["label"]))
        for good, what, detail in r["notes"]:
            t.ok(good, "%s: %s" % (r["label"], what), detail)
    print("# %d of %d drills, %d checks, %d s" % (len(took), len(DRILLS), t.n, time.monotonic() - began))
    print("# the longest: " + ", ".join("%s (%d s)" % (label, s) for s, label in sorted(took, reverse=True)[:3]))
    kinds = [c[0].partition(":")[0] for c in chosen]
    print("# " + ", ".join("%s %d" % (k, kinds.count(k)) for k in sorted(set(kinds))))
    t.done()


__all__ = [n for n in dir() if not n.startswith("_")] + ["signal"]
