"""One `sluice ramp` that is killed once or more and gone on with, and what must be true of it then.

A case is a dict: scenario; kills, one a life: [event of shim.c, what becomes of the disk or None]; deaf, a
SHIM_DEAF of the first life; or times, seconds after which a life ends; shim; dir, for the logs. Without kills it
is an undisturbed run, which counts what can be hit."""
import json
import os
import random
import shutil
import signal
import time

from disk_kit import Disk
from proof_kit import *

CASE_SECONDS = 600  # of one life; it takes ten on an idle machine
KILLED = -signal.SIGKILL
TRIES = 3           # how many summaries and polls there are differs from run to run
SCENARIOS = {
    # what the plan moves, and whether the new fleet fails once it is at 10 %
    "forward": dict(first=(), second=None, fails=False),
    "back": dict(first=(), second=None, fails=True),
    "large": dict(first=many(MANY), second=(), fails=True),
}


def label(case):
    if "times" in case:
        return "%s, killed after %s s" % (case["scenario"], " and ".join("%.1f" % x for x in case["times"]))
    kills = [k.replace("</Comment>", "") + (", disk: " + disk if disk else "") for k, disk in case.get("kills", ())]
    return "%s, %s%s" % (case["scenario"], ", again ".join(kills) or "undisturbed", ", journal deaf" if case.get("deaf") else "")


def count_events(path):
    """What a life did: requests to the API, writes and syncs of the journal."""
    seen = {"call-before": 0, "line-before": 0, "sync-before": 0}
    with open(path, encoding="utf-8") as f:
        for line in f:
            _, event, n = line.split()
            if event in seen:
                seen[event] = max(seen[event], int(n))
    return dict(calls=seen["call-before"], writes=seen["line-before"], syncs=seen["sync-before"])


class Life:
    """What all cases have in common: starting a command under the shim, waiting for its end, keeping the logs."""

    def __init__(self, case):
        self.case, self.scenario = case, case["scenario"]
        self.kills = [list(k) for k in case.get("kills", ())]
        self.lives, self.outs, self.deaths, self.faults = [], [], [], []
        self.rng = random.Random(repr((case["scenario"], case.get("kills"), case.get("times"))))
        self.counted = None

    def env(self, kit, first):
        """The next kill's; counting where there is none. (environment, what the disk does then)"""
        if not self.case.get("kills") and "times" not in self.case:
            return {"SHIM_LOG": os.path.join(kit.dir, "shim.log")}, None
        kill, power = self.kills[0] if self.kills else (None, None)
        env = {"SHIM_DISK": self.disk.record}
        if kill:
            env["SHIM_KILL"] = kill
        if first and self.case.get("deaf"):
            env["SHIM_DEAF"] = self.case["deaf"]
        return env, power

    def live(self, sb, kit, args, seconds=None):
        """One life of the process: its status."""
        if not self.lives:
            self.disk = Disk(kit.state)
        self.disk.begin()
        env, power = self.env(kit, not self.lives)
        born, end = now_us(), time.monotonic() + CASE_SECONDS
        run = kit.start(*args, preload=self.case["shim"], **env)
        die_at = None if seconds is None else time.monotonic() + seconds
        while run.process.poll() is None:
            if die_at and time.monotonic() >= die_at:
                os.kill(run.process.pid, signal.SIGKILL)
            if time.monotonic() > end:
                run.kill()
                raise AssertionError("%s still runs after %d s:\n%s" % (args, CASE_SECONDS, run.err))
            self.meanwhile(sb)
            time.sleep(0.05)
        status = run.wait()
        self.lives.append((born, now_us()))
        self.outs.append("$ sluice %s\n%s%s[%d]\n" % (" ".join(args), run.err + "\n" if run.err else "", run.out, status))
        if status == KILLED:
            self.kills[:1] = []
            time.sleep(0.15)  # the kernel still delivers what was sent
            self.note_death(sb, kit)
            if power:
                self.disk.power_off(power, self.rng)
        elif "SHIM_LOG" in env:
            self.counted = count_events(env["SHIM_LOG"])
        return status

    def meanwhile(self, sb):
        pass

    def result(self, **more):
        return dict({"case": self.case, "faults": self.faults, "deaths": self.deaths, "counted": self.counted}, **more)

    def keep(self, sb, kit):
        """What was said; the logs of those that failed."""
        where = self.case["dir"]
        os.makedirs(where, exist_ok=True)
        if self.faults:
            shutil.copy(sb.log_path, os.path.join(where, "sandbox.jsonl"))
            for name in kit.journals():
                shutil.copy(os.path.join(kit.state, name), where)
            shutil.copy(kit.plan_path, where)
        with open(os.path.join(where, "said"), "w", encoding="utf-8") as f:
            f.write("%s\n\n%s" % (label(self.case), "\n".join(self.outs)))
            f.write("\ndisk: %s\ndeaths: %s\nlives: %r\n" % (self.disk.said, json.dumps(self.deaths), self.lives))
            f.write("".join("fault: %s\n" % x for x in self.faults))
        self.disk.end()


class RampCase(Life):
    def __init__(self, case):
        super().__init__(case)
        what = SCENARIOS[self.scenario]
        self.fails = what["fails"]
        self.names = plan_names(what["first"], what["second"])
        self.config = zone_config(what["first"])
        self.plan = short_plan(records=plan_records(what["first"], what["second"]))
        self.failing = False
        self.looked = 0

    def meanwhile(self, sb):
        """The new fleet goes bad once it has its 10 %; where lives end at any time, once a part of it has."""
        if not self.fails or self.failing or time.monotonic() < self.looked:
            return
        at = standing(sb, self.names)
        self.looked = time.monotonic() + 0.1
        if at == {10} or 100 in at or ("times" in self.case and 10 in at):
            sb.fault(**NEW_FAILS)
            self.failing = True

    def note_death(self, sb, kit):
        """What was known where when it died."""
        calls = [e for e in sb.events("api")]
        lines = self.lines(kit)
        back = [e for e in calls if kind_of(e) == "rollback"]
        self.deaths.append({
            "last_call": kind_of(calls[-1]) if calls else "none", "phase": lines[-1]["state"]["phase"] if lines else "none",
            "rollback_unjournaled": bool(back) and not any(l["state"]["phase"] in ("reverting", "rolled_back") for l in lines),
            "between_batches": any(e.get("applied") for e in back) and len(standing(sb, self.names)) > 1})

    def go_on(self, sb, kit, **how):
        """Resumes; begins anew where it had not come to the point of taking the lease."""
        status = self.live(sb, kit, ["resume"], **how)
        if status == 11 and ("there is no run" in self.outs[-1] or "is over (preflight)" in self.outs[-1]):
            status = self.live(sb, kit, ["ramp"], **how)
        return status

    @staticmethod
    def lines(kit):
        """The journal's whole lines; of a torn or shredded one those before the damage."""
        out = []
        if not kit.journals():
            return out
        with open(os.path.join(kit.state, kit.journals()[-1]), "rb") as f:
            for line in f:
                try:
                    out.append(json.loads(line))
                except ValueError:
                    break
        return out

    def run(self):
        with Sandbox(self.config) as sb, Kit(sb, **self.plan) as kit:
            try:
                self.walk(sb, kit)
                self.check(sb, kit)
            except AssertionError as e:
                self.faults.append(str(e))
            finally:
                self.keep(sb, kit)
        return self.result()

    def walk(self, sb, kit):
        times = list(self.case.get("times", ()))
        status = self.live(sb, kit, ["ramp"], seconds=times.pop(0) if times else None)
        while status == KILLED and (times or self.kills):
            status = self.go_on(sb, kit, seconds=times.pop(0) if times else None)
        self.kills = []
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
        self.faults += self.disk.lost()


def run_case(make, case):
    """A point that this run did not come to (there are fewer summaries or polls in it) is tried again."""
    for _ in range(TRIES):
        result = make(case).run()
        if result["faults"] or result["deaths"] or not case.get("kills"):
            break
    return result


__all__ = [n for n in dir() if not n.startswith("_")]
