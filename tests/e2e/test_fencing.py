"""Requests that land late: the fence's promise, from outside.

The sandbox takes a request, answers nothing and keeps it (fault `late`, held). sluice goes on as it must after a
lost answer. Later, when the run has given its lease away, or when a newer run holds the zone, the held
request is let go and lands with its good signature. Each must be refused by the zone's own rules
(InvalidChangeBatch: the lease value it DELETEs is gone, or the one it CREATEs stands), and nothing may
have changed.

Kinds: the lone CREATE of the lease, the batch that takes, one that moves forward, one that goes back. Places: the first
zone, the second zone, the second batch of a zone. Then: after the release; after a newer run has begun; and after the
run was killed and another machine took the zones over to go back.

    test_fencing.py [--jobs N] [--only WORD]"""
import argparse
import os
import shutil
import signal

from proof_kit import *

ZONE_1, ZONE_2 = "/2013-04-01/hostedzone/Z0SANDBOXEXAMPLE", "/2013-04-01/hostedzone/Z0SECONDEXAMPLE"
PLACES = {
    "first zone": dict(path=ZONE_1, skip=0),
    "second zone": dict(path=ZONE_2, skip=0),
    "second batch": dict(path=ZONE_1, skip=1),
}
# what of the run is held: a part of the batch's comment, and how many of that kind go before it in a zone of one batch
KINDS = {"lease": ("lease", 0), "take": ("forward", 0), "forward": ("forward", 1), "rollback": ("rollback", 0)}
WHENS = ("after the release", "under a newer run", "after a takeover")


def cases():
    out = []
    for kind in KINDS:
        for place in PLACES:
            if kind == "lease" and place == "second batch":
                continue  # it stands alone
            for when in WHENS:
                if when == "after a takeover" and kind not in ("take", "forward"):
                    continue
                out.append(dict(kind=kind, place=place, when=when))
    return out


def label(case):
    return "%s, %s, %s" % (case["kind"], case["place"], case["when"])


class Case:
    def __init__(self, case):
        self.kind, self.place, self.when, self.dir = case["kind"], case["place"], case["when"], case["dir"]
        self.first = many(MANY) if self.place == "second batch" else ()
        self.names = plan_names(self.first, ())
        self.config = zone_config(self.first)
        self.records = plan_records(self.first, ())
        self.faults, self.said = [], []

    def hold(self, sb):
        """Keeps the one request this is about."""
        word, before = KINDS[self.kind]
        place = PLACES[self.place]
        batches_a_move = 2 if self.place == "second batch" else 1
        self.fault = dict(kind="late", on="api", action="ChangeResourceRecordSets", comment=" " + word, path=place["path"],
                          hold=True, nth=1 + before * batches_a_move + place["skip"])
        sb.fault(**self.fault)

    def held(self, sb):
        return [e for e in sb.events("held")]

    def wait_held(self, sb, run):
        end = time.monotonic() + 60
        while not self.held(sb):
            if time.monotonic() > end or run.process.poll() is not None:
                raise AssertionError("nothing was held:\n%s" % run.err)
            time.sleep(0.02)

    def expect(self, run, status, what):
        self.said.append("%s [%d]\n%s\n%s" % (what, run.process.returncode, run.err, run.out))
        if run.process.returncode != status:
            self.faults.append("%s: ended with %d, not %d:\n%s" % (what, run.process.returncode, status, run.err))

    def release(self, sb):
        """Lets the held go; each must be refused, and the zones stay as they are."""
        before = self.picture(sb)
        since = sb.state()["log_seq"]
        ids = [e["held"] for e in self.held(sb)]
        if len(ids) != 1:
            self.faults.append("%d requests were held" % len(ids))
        sb.release()
        landed = [e for e in sb.events("api", since=since) if e.get("held") in ids]
        if len(landed) != len(ids):
            self.faults.append("%d of %d landed" % (len(landed), len(ids)))
        for e in landed:
            if e.get("applied") or e["code"] != "InvalidChangeBatch":
                self.faults.append("it was not refused: %s %s %s" % (e["status"], e["code"], e["message"]))
        if self.when != "under a newer run" and self.picture(sb) != before:
            self.faults.append("something has changed")
        if [e for e in sb.events("weights", since=since) if e["by"] in {x["request_id"] for x in landed}]:
            self.faults.append("weights were written")

    @staticmethod
    def picture(sb):
        return [[s for s in z["sets"] if s["type"] not in ("SOA", "NS")] for z in sb.state()["zones"]]

    def plan(self, **keys):
        return short_plan(records=self.records, **keys)

    def run(self):
        with Sandbox(self.config) as sb, Kit(sb, **self.plan()) as kit:
            try:
                self.walk(sb, kit)
                self.check(sb)
            except AssertionError as e:
                self.faults.append(str(e))
            os.makedirs(self.dir)
            shutil.copy(sb.log_path, os.path.join(self.dir, "sandbox.jsonl"))
            with open(os.path.join(self.dir, "said"), "w", encoding="utf-8") as f:
                f.write("%s, %s, %s\n\n%s\n%s" % (self.kind, self.place, self.when, "\n".join(self.said), "\n".join(self.faults)))
        return {"faults": self.faults, "dir": self.dir}

    def walk(self, sb, kit):
        if self.kind != "rollback":
            self.hold(sb)
        run = kit.start("ramp")
        if self.when == "after a takeover":
            return self.taken_over(sb, kit, run)
        if self.kind == "rollback":
            run.wait_line("baking")
            self.hold(sb)
            sb.fault(**NEW_FAILS)
        run.wait()
        self.expect(run, 1 if self.kind == "rollback" else 0, "the run")
        sb.clear_faults()
        if self.when == "after the release":
            if set(leases(sb).values()) != {"released"}:
                self.faults.append("leases: %r" % leases(sb))
            return self.release(sb)
        self.newer(sb)

    def newer(self, sb):
        """Another run takes the zones; the old request lands while it bakes; it goes on to its end."""
        more = [] if self.kind == "rollback" else ["--from-current"]
        steps = "[10, 100]" if self.kind == "rollback" else "[100]"
        with Kit(sb, **self.plan(steps=steps, bake="3s", cutover="newer")) as second:
            run = second.start("ramp", *more)
            run.wait_line("the lease is taken")
            run.wait_line("baking")
            self.release(sb)
            run.wait()
            self.expect(run, 0, "the newer run")
            if "held" in run.err:
                self.faults.append("the newer run saw drift:\n%s" % run.err)

    def taken_over(self, sb, kit, run):
        """Its machine dies while the request is on the way; somebody goes back from another one."""
        self.wait_held(sb, run)
        run.kill()
        sb.clear_faults()
        with Kit(sb, **self.plan()) as elsewhere:
            back = elsewhere.run("rollback")
            self.expect(back, 0, "rollback from elsewhere")
        self.release(sb)
        if standing(sb, self.names) != {0}:
            self.faults.append("the records stand at %r" % standing(sb, self.names))

    def check(self, sb):
        if bystanders(sb, self.config, self.names):
            self.faults.append("touched: %r" % bystanders(sb, self.config, self.names))
        want = {0} if self.when == "after a takeover" or (self.kind == "rollback" and self.when == "after the release") else {100}
        if standing(sb, self.names) != want:
            self.faults.append("at the end the records stand at %r" % standing(sb, self.names))
        self.faults += check_changes(sb.events(), self.config, self.names)


def one(case):
    return Case(case).run()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=14)
    parser.add_argument("--only")
    args = parser.parse_args()
    t = Tap()
    program("sluice")
    kept = keep_dir("fencing")
    chosen = [c for c in cases() if not args.only or args.only in label(c)]
    chosen.sort(key=lambda c: (c["place"] != "second batch", c["when"] != "under a newer run"))
    print("# %d requests, logs in %s" % (len(chosen), kept), flush=True)
    for i, c in enumerate(chosen):
        c["dir"] = os.path.join(kept, "%02d" % i)
    results = side_by_side(one_labelled, chosen, args.jobs)
    for r in results:
        t.ok(not r["faults"], "late: " + label(r["case"]), "\n".join(r["faults"]) + "\nsee %s" % r.get("dir"))
    t.done()


def one_labelled(case):
    return dict(one(case), case=case)


main()
