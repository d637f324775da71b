"""`kill -9` of `sluice ramp` at chosen moments, then `sluice resume`: the sandbox's log is the witness.

A preloaded library (shim.c) kills the process before, inside or after its nth request, answer or journal
line; others die at seeded random times, some of them several times. Every log must then show: at each change
weights that are those before, after or the target, never all zero; no step without a whole drain and bake
before it in one life of the process; no change without its intent on disk; nothing touched but the plan's
records and the lease; and an end that is allowed.

    test_kill.py [--all] [--seed N] [--jobs N] [--only WORD]

Ten of the points by default, all with --all. The logs are kept, and it is said where."""
import argparse
import json
import os
import random
import shutil
import signal
import time

from proof_kit import *

CASE_SECONDS = 110
KILLED = -signal.SIGKILL
SCENARIOS = {
    # what the plan moves, and whether the new fleet fails once it is at 10 %
    "forward": dict(first=(), second=None, fails=False),
    "back": dict(first=(), second=None, fails=True),
    "large": dict(first=many(MANY), second=(), fails=True),
}


def points():
    """Every point: (scenario, how). how: a SHIM_KILL, with the SHIM_DEAF that goes with it; or times."""
    out = []

    def shim(scenario, kill, deaf=None, then=()):
        out.append((scenario, {"kill": kill, "deaf": deaf, "then": list(then)}))

    def call(scenario, word, n, moments=("before", "half", "sent", "answer")):
        for moment in moments:
            shim(scenario, "post-%s:%d:%s</Comment>" % (moment, n, word))

    for n in (1, 2, 3):
        call("forward", "forward", n)
    for word in ("lease", "proof", "release"):
        call("forward", word, 1)
    for n in range(1, 15):
        shim("forward", "get-%s:%d" % ("answer" if n % 2 else "sent", n))
    for n in range(1, 25):
        shim("forward", "line-%s:%d" % (("before", "half", "after")[n % 3], n))
    for n in (2, 4, 6, 8, 10, 12):
        shim("forward", "sync-after:%d" % n)
    # Dead again in the resume, before it has learnt anything.
    shim("forward", "post-sent:1:forward</Comment>", then=["get-before:6"])
    shim("forward", "post-answer:1:lease</Comment>", then=["get-sent:6", "get-answer:7"])
    shim("forward", "post-sent:3:forward</Comment>", then=["get-before:1", "get-answer:2"])
    shim("back", "post-sent:1:rollback</Comment>", '"reverting"', ["post-sent:1:rollback</Comment>", "get-sent:1"])
    call("back", "rollback", 1)
    call("back", "release", 1)
    call("back", "forward", 2, ("sent", "answer"))
    shim("back", 'post-sent:1:rollback</Comment>', '"reverting"')
    shim("back", 'post-answer:1:rollback</Comment>', '"reverting"')
    shim("back", 'post-before:1:release</Comment>', '"reverting"')
    for moment in ("before", "half", "after"):
        shim("back", 'line-%s:1:"phase":"reverting"' % moment)
        shim("back", 'line-%s:1:"phase":"rolled_back"' % moment)
    for n in (1, 2, 3):
        call("large", "rollback", n)
    shim("large", "post-sent:1:rollback</Comment>", '"reverting"')
    shim("large", "post-answer:1:rollback</Comment>", '"reverting"')
    shim("large", "post-before:2:rollback</Comment>", '"reverting"')
    for n in range(1, 7):
        call("large", "forward", n, ("sent", "answer"))
    call("large", "lease", 2, ("sent", "answer"))
    call("large", "release", 2, ("sent", "answer"))
    return out


def random_times(seed, count):
    """Deaths at random times: one to four lives of some seconds each."""
    rng = random.Random(seed)
    out = []
    for _ in range(count):
        scenario = rng.choice(["forward", "forward", "back", "large"])
        longest = 14 if scenario == "large" else 9
        out.append((scenario, {"times": [round(rng.uniform(0.1, longest), 3) for _ in range(rng.randint(1, 4))]}))
    return out


def label(scenario, how):
    if "times" in how:
        return "%s, killed after %s s" % (scenario, " and ".join("%.1f" % x for x in how["times"]))
    return "%s, %s%s" % (scenario, ", again ".join([how["kill"], *how.get("then", ())]).replace("</Comment>", ""),
                         ", journal deaf" if how["deaf"] else "")


class Case:
    def __init__(self, case):
        self.scenario, self.how, self.where = case["scenario"], case["how"], case["dir"]
        self.shim = case["shim"]
        what = SCENARIOS[self.scenario]
        self.fails = what["fails"]
        self.names = plan_names(what["first"], what["second"])
        self.config = zone_config(what["first"])
        self.plan = short_plan(records=plan_records(what["first"], what["second"]))
        self.lives, self.outs, self.deaths, self.faults = [], [], [], []
        self.failing = False

    def live(self, sb, kit, command, env=None, seconds=None):
        """One life of the process: its status. Dies after `seconds`, if given. Meanwhile the new fleet goes bad."""
        preload = self.shim if env else None
        born, end = now_us(), time.monotonic() + CASE_SECONDS
        run = kit.start(command, preload=preload, **(env or {}))
        die_at = None if seconds is None else time.monotonic() + seconds
        while run.process.poll() is None:
            if die_at and time.monotonic() >= die_at:
                os.kill(run.process.pid, signal.SIGKILL)
            if time.monotonic() > end:
                run.kill()
                raise AssertionError("%s still runs after %d s:\n%s" % (command, CASE_SECONDS, run.err))
            if self.fails and not self.failing and self.is_time(standing(sb, self.names)):
                sb.fault(**NEW_FAILS)
                self.failing = True
            time.sleep(0.03)
        status = run.wait()
        self.lives.append((born, now_us()))
        self.outs.append("$ sluice %s\n%s%s[%d]\n" % (command, run.err + "\n" if run.err else "", run.out, status))
        if status == KILLED:
            self.note_death(sb, kit)
        return status

    def is_time(self, at):
        """The new fleet goes bad at 10 %: all records there, or (deaths at random times) the first of them."""
        return 10 in at if "times" in self.how else at == {10}

    def note_death(self, sb, kit):
        """What was known where when it died."""
        time.sleep(0.15)  # the kernel still delivers what was sent
        calls = [e for e in sb.events("api")]
        lines = kit.journal() if kit.journals() else []
        back = [e for e in calls if kind_of(e) == "rollback"]
        self.deaths.append({
            "last_call": kind_of(calls[-1]) if calls else "none", "phase": lines[-1]["state"]["phase"] if lines else "none",
            "rollback_unjournaled": bool(back) and not any(l["state"]["phase"] in ("reverting", "rolled_back") for l in lines),
            "between_batches": any(e.get("applied") for e in back) and len(standing(sb, self.names)) > 1})

    def go_on(self, sb, kit, **how):
        """Resumes; begins anew where it had not come to the point of taking the lease."""
        status = self.live(sb, kit, "resume", **how)
        if status == 11 and ("there is no run" in self.outs[-1] or "is over (preflight)" in self.outs[-1]):
            status = self.live(sb, kit, "ramp", **how)
        return status

    @staticmethod
    def lines(kit):
        return kit.journal() if kit.journals() else []

    def run(self):
        with Sandbox(self.config) as sb, Kit(sb, **self.plan) as kit:
            try:
                self.walk(sb, kit)
                self.check(sb, kit)
            except AssertionError as e:
                self.faults.append(str(e))
            finally:
                self.keep(sb, kit)
        return {"case": {"scenario": self.scenario, "how": self.how}, "faults": self.faults, "deaths": self.deaths,
                "dir": self.where}

    def walk(self, sb, kit):
        if "times" in self.how:
            status = self.live(sb, kit, "ramp", seconds=self.how["times"][0])
            for seconds in self.how["times"][1:]:
                if status == KILLED:
                    status = self.go_on(sb, kit, seconds=seconds)
        else:
            env = {"SHIM_KILL": self.how["kill"]}
            if self.how["deaf"]:
                env["SHIM_DEAF"] = self.how["deaf"]
            status = self.live(sb, kit, "ramp", env)
            for kill in self.how.get("then", ()):
                if status == KILLED:
                    status = self.go_on(sb, kit, env={"SHIM_KILL": kill})
        if status == KILLED:
            status = self.go_on(sb, kit)
        self.status = status

    def check(self, sb, kit):
        events = sb.events()
        want_status, want_at = (1, {0}) if self.fails else (0, {100})
        lines = self.lines(kit)
        if self.status == 11 and lines and lines[-1]["state"]["core"]["over"] and "is over" in self.outs[-1]:
            self.status = lines[-1]["state"]["core"]["exit_status"]  # it had ended before it died
        if self.status != want_status:
            self.faults.append("ended with %d, not %d" % (self.status, want_status))
        if standing(sb, self.names) != want_at:
            self.faults.append("the records stand at %r" % standing(sb, self.names))
        if set(leases(sb).values()) != {"released"}:
            self.faults.append("leases: %r" % leases(sb))
        if bystanders(sb, self.config, self.names):
            self.faults.append("touched: %r" % bystanders(sb, self.config, self.names))
        self.faults += check_changes(events, self.config, self.names, backwards=self.fails)
        self.faults += check_waits(events, self.names, self.lives)
        if [l["seq"] for l in lines] != list(range(1, len(lines) + 1)):
            self.faults.append("the journal has a gap")
        self.faults += check_intents(events, self.names, lines)

    def keep(self, sb, kit):
        os.makedirs(self.where)
        shutil.copy(sb.log_path, os.path.join(self.where, "sandbox.jsonl"))
        for name in kit.journals():
            shutil.copy(os.path.join(kit.state, name), self.where)
        shutil.copy(kit.plan_path, self.where)
        with open(os.path.join(self.where, "said"), "w", encoding="utf-8") as f:
            f.write("%s\n\n%s" % (label(self.scenario, self.how), "\n".join(self.outs)))
            f.write("\ndeaths: %s\nlives: %r\n" % (json.dumps(self.deaths), self.lives))
            f.write("".join("fault: %s\n" % x for x in self.faults))


def one(case):
    return Case(case).run()


def choose(args):
    """Three that are always there (a rollback sent and not recorded; between the batches of one; a step sent
    and not recorded, three times), and a sample."""
    every = points() + random_times(args.seed, 16)
    if args.only:
        return [p for p in every if args.only in label(*p)]
    if args.all:
        return every
    rng = random.Random(args.seed)
    fixed = [("back", {"kill": "post-sent:1:rollback</Comment>", "deaf": '"reverting"'}),
             ("large", {"kill": "post-sent:2:rollback</Comment>", "deaf": None}),
             ("forward", {"kill": "post-sent:3:forward</Comment>", "deaf": None, "then": ["get-before:1", "get-answer:2"]})]
    by = lambda scenario: [p for p in points() if p[0] == scenario and p not in fixed]
    return fixed + rng.sample(by("forward"), 3) + rng.sample(by("back"), 2) + rng.sample(random_times(args.seed, 16), 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SLUICE_SEED", "1")))
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--only")
    args = parser.parse_args()
    t = Tap()
    shim = build_shim()
    if not shim:
        print("1..0 # SKIP no C compiler")
        return
    kept = keep_dir("kill")
    chosen = choose(args)
    print("# seed %d, %d points, logs in %s" % (args.seed, len(chosen), kept), flush=True)
    # The long ones first, so that none is left running alone.
    chosen.sort(key=lambda p: p[0] != "large")
    cases = [dict(scenario=s, how=h, shim=shim, dir=os.path.join(kept, "%03d" % i)) for i, (s, h) in enumerate(chosen)]
    deaths, missed = [], []
    try:
        for r in side_by_side(one, cases, args.jobs):
            what = label(r["case"]["scenario"], r["case"]["how"])
            t.ok(not r["faults"], what, "\n".join(r["faults"]) + "\nsee %s" % r.get("dir"))
            deaths += r.get("deaths", [])
            if not r.get("deaths"):
                missed.append(what)
    finally:
        shutil.rmtree(os.path.dirname(shim), ignore_errors=True)
    for what in missed:
        print("# not reached: %s" % what)
    print("# killed %d times; last request before it: %s" % (len(deaths), ", ".join(
        "%s %d" % (k, sum(d["last_call"] == k for d in deaths)) for k in sorted({d["last_call"] for d in deaths}))))
    if not args.only:
        t.ok(len(deaths) >= (50 if args.all else 8), "it was killed often enough", len(deaths))
        t.ok(any(d["rollback_unjournaled"] for d in deaths), "once between a rollback's sending and its journal line")
        t.ok(any(d["between_batches"] for d in deaths), "once between a rollback's batches")
    t.done()


main()
