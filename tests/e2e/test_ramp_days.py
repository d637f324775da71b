"""Bad days of `sluice ramp`: another run, keys that end, foreign hands, a machine that is gone; and notices."""
import json
import os
import time

from ramp_kit import *
from sandbox import Sandbox, Tap

t = Tap()


def other_lease():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="30s") as kit, \
            Kit(sb, cutover="other") as second:
        run = kit.start("ramp")
        run.wait_line("baking")
        other = second.run("ramp", "--from-current")
        t.eq(other.process.returncode, 75, "another run's live lease refuses with 75")
        t.has(other.err, "cutover shop", "and says whose it is")
        same = kit.run("ramp")
        t.eq(same.process.returncode, 75, "a second ramp of the same plan here is refused with 75")
        t.eq(percents(sb), [0, 10], "nothing was moved by them")
        words = kit.run("pause", yes=False)
        t.eq(words.process.returncode, 0, "pause reaches the running ramp")
        run.wait_line("paused")
        t.eq(kit.run("resume", yes=False).process.returncode, 0, "resume reaches it")
        seen = run.wait_line("draining")
        back = kit.run("rollback")
        t.eq(back.process.returncode, 0, "rollback tells it to go back and waits for the end")
        t.eq(run.wait(), 0, "the run itself ends with 0: it was asked for")
        t.eq(percents(sb), [0, 10, 0], "and it is back")


def told_without_secrets():
    """Whoever tells a running ramp something need not have what the run needs."""
    suite = SUITE.replace("request: {get: /up}", 'request: {get: /up, headers: {x-word: "{{secret.word}}"}}').replace(
        "checks:", "secrets: {word: {env: SLUICE_TEST_WORD}}\nchecks:")
    with Sandbox(ramp_config()) as sb, Kit(sb, suite=suite, steps="[10, 100]", bake="30s") as kit:
        run = kit.start("ramp", SLUICE_TEST_WORD="open sesame")
        run.wait_line("baking")
        kit.run("pause", yes=False)
        seen = run.wait_line("paused")
        t.eq(kit.run("resume", yes=False).process.returncode, 0, "resume reaches a running ramp without the suites' secrets")
        run.wait_line("draining", after=seen)
        t.eq(kit.run("rollback").process.returncode, 0, "and so does rollback")


def take_over():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="1s") as kit, Kit(sb, cutover="other") as second:
        run = kit.start("ramp")
        run.wait_line("baking")
        run.kill()
        other = second.run("ramp", "--from-current", "--take-over", "--to", "50")
        t.eq(other.process.returncode, 0, "--take-over takes a live lease at once")
        t.eq(percents(sb), [0, 10, 50], "and goes on from where the new side stood")
        dead = kit.start("resume")
        dead.wait_line("held")
        t.has(dead.err, "cutover other", "the run that was deposed says who took the zone, and holds")
        dead.signal(signal.SIGTERM)
        t.ok(dead.wait() in (10, 143), "it can be ended", dead.err)
        t.eq(percents(sb), [0, 10, 50], "and writes nothing")


def short_keys():
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600))
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        run = kit.run("ramp", AWS_CREDENTIAL_EXPIRATION=soon)
        t.eq(run.process.returncode, 11, "credentials that end too soon refuse")
        t.has(run.err, "credentials", "and are named")
        t.eq(batches(sb), [], "nothing is written")


def from_elsewhere():
    """The machine of the run is gone; `sluice rollback` from another one takes the zone over."""
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="30s") as kit, Kit(sb) as elsewhere:
        run = kit.start("ramp")
        run.wait_line("baking")
        run.signal(signal.SIGSTOP)
        back = elsewhere.run("rollback")
        t.eq(back.process.returncode, 0, "rollback works with the plan and credentials only")
        t.eq(percents(sb), [0, 10, 0], "and moves everything back")
        run.signal(signal.SIGCONT)
        time.sleep(4)
        t.eq(percents(sb), [0, 10, 0], "the run that slept writes nothing")
        run.signal(signal.SIGTERM)
        run.wait()


def people():
    """Drift: a foreign weight is seen, held, said, and not overwritten."""
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="3s", max_hold="1h") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.change(weights=[{"name": "www.example.com", "type": "A", "set": "ec2", "weight": 40}])
        run.wait_line("held")
        t.has(run.err, "weight", "a foreign weight is named")
        run.signal(signal.SIGTERM)
        run.wait()
        t.eq(sb.weights("www.example.com", "A")["ec2"], 40, "and not overwritten going forward")


def lease_removed():
    """Somebody deletes the TXT, then the new fleet breaks: it may have been another run's, so a person decides."""
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="60s") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        for s in sb.sets("_sluice.example.com", "TXT").values():
            sb.change(delete=[s])
        sb.fault(on="fleet", kind="status", fleet="new", status=502)
        run.wait_line("unsafe")
        t.has(run.err, "somebody removed the lease record", "it says what is in its way")
        t.eq((percents(sb), lease_state(sb)), ([0, 10], None), "and writes nothing, nor a lease, by itself")
        back = kit.run("rollback")
        t.eq(run.wait(), 1, "told once more to go back, it does: rolled back by its own judgement")
        t.eq(back.process.returncode, 0, "and who asked for it is told 0")
        t.eq((percents(sb), lease_state(sb)), ([0, 10, 0], "released"), "all is back, the lease is given back")


def lease_removed_and_told():
    """Held because the TXT is gone: who says "go back" knows it, so once is enough."""
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="3s") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        for s in sb.sets("_sluice.example.com", "TXT").values():
            sb.change(delete=[s])
        run.wait_line("held")
        t.has(run.err, "the lease record is gone", "it holds and says that the lease is gone")
        t.eq(kit.run("rollback").process.returncode, 0, "told to go back")
        t.eq((run.wait(), percents(sb), lease_state(sb)), (0, [0, 10, 0], "released"), "it is back, with a lease made anew")


def notices():
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        out = os.path.join(kit.dir, "told")
        kit.write(steps="[100]", bake="1s", notify="{command: [sh, -c, 'cat >> %s']}" % out)
        run = kit.start("ramp", progress="json")
        t.eq(run.wait(), 0, "a notify command holds nothing up")
        with open(out, encoding="utf-8") as f:
            told = [json.loads(line) for line in f]
        t.ok("completed" in {n.get("phase") for n in told}, "it is told the end", told)
        lines = [json.loads(line) for line in run.lines]
        t.ok(all({"time", "event", "run", "seq"} <= set(line) for line in lines), "progress lines are JSON")


for part in (other_lease, told_without_secrets, take_over, short_keys, from_elsewhere, people, lease_removed, lease_removed_and_told, notices):
    try:
        part()
    except (AssertionError, KeyError) as e:
        t.ok(False, part.__name__, e)
t.done()
