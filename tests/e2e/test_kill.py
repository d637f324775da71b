"""`kill -9` of the real program at every journal write and every API call, and on from there: the sandbox's log
is the witness.

First a run of each scenario that nobody disturbs is counted: requests to the API, writes and syncs of the journal.
Then each of them is a point, once: a preloaded library (shim.c) kills the process before, inside or after its nth
request, answer, journal write or sync; and each journal write and sync a second time, with the power off: the disk
then keeps of what was not synced nothing, a part, zeros, or sectors in any order (disk_kit.py). Pairs of points
kill it again in the recovery. Some more points die at random times, or while the journal's disk hangs.

Every log must then show, of a ramp: at each change weights that are those before, after or the target, never all
zero; no step without a whole drain and bake before it in one life of the process; no change without its intent on
disk; nothing touched but the plan's records and the lease; nothing lost that was synced; and an end that is allowed.
Of prepare, finish, their undo and release (kill_convert.py): the end of a run that nobody disturbed, no wait for an
old TTL cut short, no record but the plan's, and a DNS client that never saw an empty or a foreign answer.

    test_kill.py [--all] [--pairs N] [--seed N] [--jobs N] [--only WORD]

A dozen of the points and four pairs by default; all points with --all, so many pairs with --pairs. The logs of what
fails are kept, and it is said where."""
import argparse
import os
import random
import shutil
import time

from disk_kit import TAILS
from kill_convert import COMMANDS, ConvertCase, undisturbed
from kill_kit import *

CALL_MOMENTS = ("before", "half", "sent", "answer")
LINE_MOMENTS = ("before", "half", "after")
RAMPS = list(SCENARIOS)
SAMPLE = {"forward": 3, "back": 2, "prepare": 1, "finish": 1}  # and its powers, below


def points_of(scenario, counted, seed):
    """[(what it is, kills)]: every request, write and sync of that scenario once, then those of the disk again with
    the power off. The moments go round, and where they begin is the seed's."""
    moment = lambda of, n: of[(n + seed) % len(of)]
    out = [("call", [["call-%s:%d" % (moment(CALL_MOMENTS, n), n), None]]) for n in range(1, counted["calls"] + 1)]
    out += [("write", [["line-%s:%d" % (moment(LINE_MOMENTS, n), n), None]]) for n in range(1, counted["writes"] + 1)]
    out += [("write", [["sync-after:%d" % n, None]]) for n in range(1, counted["syncs"] + 1)]
    out += [("power", [["line-after:%d" % n, moment(TAILS, n)]]) for n in range(1, counted["writes"] + 1)]
    out += [("power", [["sync-before:%d" % n, moment(TAILS, n + 1)]]) for n in range(1, counted["syncs"] + 1)]
    if counted["writes"]:
        out += [("power", [[kill, "names"]]) for kill in ("new-after:1", "sync-before:1", "post-answer:1:lease</Comment>")]
    elif scenario == "finish":  # what it keeps for its undo
        out += [("power", [["call-sent:%d" % n, "names"]]) for n in range(1, counted["calls"] + 1)]
    return [dict(scenario=scenario, what=what, kills=kills) for what, kills in out]


def special_points():
    """What counting does not find: a rollback that is sent while the journal's disk hangs, and deaths between its batches."""
    deaf = lambda scenario, *kills: dict(scenario=scenario, what="special", kills=[[k, None] for k in kills], deaf='"reverting"')
    rollback = "post-%s:%d:rollback</Comment>"
    return [deaf("back", rollback % ("sent", 1)), deaf("back", rollback % ("answer", 1)),
            deaf("back", "post-before:1:release</Comment>"), deaf("back", rollback % ("sent", 1), rollback % ("sent", 1), "get-sent:1"),
            deaf("large", rollback % ("sent", 1)), deaf("large", rollback % ("answer", 1)), deaf("large", rollback % ("before", 2)),
            dict(scenario="large", what="special", kills=[[rollback % ("sent", 2), None]])]


def random_times(seed, count):
    """Deaths at random times: one to four lives of some seconds each."""
    rng = random.Random(seed)
    out = []
    for _ in range(count):
        scenario = rng.choice(["forward", "forward", "back", "large"])
        longest = 14 if scenario == "large" else 9
        out.append(dict(scenario=scenario, what="time", times=[round(rng.uniform(0.1, longest), 3) for _ in range(rng.randint(1, 4))]))
    return out


def seeded_pairs(counts, seed, n):
    """n runs that are killed at any point, and again in the recovery, which is shorter than the run. Every third
    death takes the power with it."""
    rng = random.Random("pairs %d" % seed)
    weights = [{"forward": 6, "back": 6, "large": 2}.get(s, 1) for s in counts]

    def drawn(scenario, share):
        counted = counts[scenario]
        what = rng.choices(("calls", "writes", "syncs"), (counted["calls"], counted["writes"], counted["syncs"]))[0]
        k = rng.randint(1, max(1, int(counted[what] * share)))
        power = rng.choice(TAILS) if rng.random() < 1 / 3 and scenario in RAMPS else None
        if what == "calls":
            return ["call-%s:%d" % (rng.choice(CALL_MOMENTS), k), power]
        if what == "syncs":
            return ["sync-%s:%d" % (rng.choice(("before", "after")), k), power]
        return ["line-%s:%d" % (rng.choice(LINE_MOMENTS), k), power]

    out = []
    for _ in range(n):
        scenario = rng.choices(list(counts), weights)[0]
        out.append(dict(scenario=scenario, what="pair", kills=[drawn(scenario, 1), drawn(scenario, 0.6)]))
    return out


def one(case):
    if case["what"] == "count":
        return undisturbed(case) if case["scenario"] == "conversions" else RampCase(case).run()
    return run_case(RampCase if case["scenario"] in RAMPS else ConvertCase, case)


def count(t, scenarios, shim, kept, jobs):
    """{scenario: what an undisturbed run did}, and how each conversion begins and ends."""
    wanted = list(COMMANDS) if "large" in scenarios else ["prepare", "finish"]
    cases = [dict(scenario=s, what="count", wanted=wanted, shim=shim, dir=os.path.join(kept, "count-" + s)) for s in scenarios]
    counts, conversions = {}, {}
    for r in side_by_side(one, cases, max(jobs, len(cases))):
        scenario = r["case"]["scenario"]
        t.ok(not r["faults"], "%s, undisturbed" % scenario, "\n".join(r["faults"]) + "\nsee %s" % r["case"]["dir"])
        if r["faults"]:
            continue
        if scenario == "conversions":
            conversions = r["scenarios"]
            counts.update({s: conversions[s]["counted"] for s in wanted})
        else:
            counts[scenario] = r["counted"]
    for scenario in counts:
        conversions.get(scenario, {}).pop("counted", None)
    return {s: counts[s] for s in [*RAMPS, *COMMANDS] if s in counts}, conversions


def choose(args, counts):
    """All; or three that are always there and a sample of each kind; and the pairs."""
    every = [p for s in counts for p in points_of(s, counts[s], args.seed)]
    rest = special_points() + random_times(args.seed, 16)
    paired = seeded_pairs(counts, args.seed, args.pairs if args.pairs is not None else 0 if args.all else 4)
    if args.only:
        return [p for p in every + rest + paired if args.only in label(p)]
    if args.all:
        return every + rest + paired
    if args.pairs is not None:
        return paired
    rng = random.Random(args.seed)
    kind = lambda scenario, *whats: [p for p in every if p["scenario"] == scenario and p["what"] in whats]
    sample = [p for s, n in SAMPLE.items() for p in rng.sample(kind(s, "call", "write"), n)]
    sample += rng.sample(kind("forward", "power"), 2) + rng.sample(kind("back", "power"), 1)
    quick = [p for p in rest if p["what"] == "time" and p["scenario"] != "large"]
    return [rest[0], special_points()[-1]] + sample + rng.sample(quick, 1) + paired


def say_counts(counts, chosen, args):
    total = lambda key: sum(c[key] for c in counts.values())
    for s, c in counts.items():
        print("# %s: %d journal writes and %d syncs, %d API calls" % (s, c["writes"], c["syncs"], c["calls"]))
    n = {what: sum(p["what"] == what for p in chosen) for what in ("call", "write", "power", "special", "time", "pair")}
    print("# %d journal writes, %d syncs, %d API calls%s: %d points; with the power off: %d; beside them: %d special, %d at random times, %d pairs"
          % (total("writes"), total("syncs"), total("calls"), ", each once" if args.all and not args.only else ", a sample",
             n["call"] + n["write"], n["power"], n["special"], n["time"], n["pair"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SLUICE_SEED", "1")))
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--only")
    args = parser.parse_args()
    t, began = Tap(), time.monotonic()
    shim = build_shim()
    if not shim:
        print("1..0 # SKIP no C compiler")
        return
    kept = keep_dir("kill")
    whole = args.all or args.pairs is not None or args.only
    print("# seed %d, logs in %s" % (args.seed, kept), flush=True)
    try:
        counts, conversions = count(t, [*RAMPS, "conversions"] if whole else ["forward", "back", "conversions"], shim, kept, args.jobs)
        chosen = choose(args, counts) if counts else []
        say_counts(counts, chosen, args)
        # The long ones first, so that none is left running alone.
        chosen.sort(key=lambda p: p["scenario"] != "large")
        cases = [dict(p, shim=shim, dir=os.path.join(kept, "%04d" % i), **conversions.get(p["scenario"], {})) for i, p in enumerate(chosen)]
        results = run_all(t, cases, args.jobs)
    finally:
        shutil.rmtree(os.path.dirname(shim), ignore_errors=True)
    judge(t, args, results)
    print("# %d s, %d jobs" % (time.monotonic() - began, args.jobs))
    t.done()


def run_all(t, cases, jobs):
    results = []
    for r in side_by_side(one, cases, jobs):
        t.ok(not r["faults"], label(r["case"]), "\n".join(r["faults"]) + "\nsee %s" % r["case"]["dir"])
        results.append(r)
        if not r.get("deaths"):
            print("# not reached: %s" % label(r["case"]), flush=True)
    return results


def judge(t, args, results):
    deaths = [d for r in results for d in r.get("deaths", [])]
    planned = [r for r in results if r["case"].get("kills")]
    reached = [r for r in planned if r.get("deaths")]
    pairs = [r for r in planned if r["case"]["what"] == "pair"]
    print("# killed %d times; last request before it: %s" % (len(deaths), ", ".join(
        "%s %d" % (k, sum(d["last_call"] == k for d in deaths)) for k in sorted({d["last_call"] for d in deaths}))))
    print("# %d of %d points reached; of %d pairs %d died twice" % (
        len(reached), len(planned), len(pairs), sum(len(r.get("deaths", [])) > 1 for r in pairs)))
    if args.only:
        return
    # The last summary and the last poll of the run that was counted are not in every run.
    t.ok(len(planned) - len(reached) <= max(2, 0.05 * len(planned)), "the points were reached",
         "%d of %d" % (len(reached), len(planned)))
    if pairs:
        t.ok(any(len(r.get("deaths", [])) > 1 for r in pairs), "a pair died twice")
    if args.pairs is None or args.all:
        t.ok(any(d.get("rollback_unjournaled") for d in deaths), "once between a rollback's sending and its journal line")
        t.ok(any(d.get("between_batches") for d in deaths), "once between a rollback's batches")


main()
