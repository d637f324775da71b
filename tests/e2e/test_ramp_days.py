"""Bad days of `sluice ramp`: another run, a dead network, throttling, lost replies, signals, kills, disks, people."""
import json
import os
import pty
import re
import threading
import time

from ramp_kit import *
from sandbox import Sandbox, Tap

t = Tap()
LEGAL = {0, 1, 10, 50, 100}


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


def bad_network(what, faults, **api):
    with Sandbox(dict(ramp_config(**api), faults=faults)) as sb, Kit(sb, steps="[10, 100]", bake="1s") as kit:
        run = kit.run("ramp")
        t.eq(run.process.returncode, 0, "%s: completes" % what)
        t.eq(percents(sb), [0, 10, 100], "%s: no other share was ever there" % what)


def networks():
    change = dict(on="api", action="ChangeResourceRecordSets")
    bad_network("lost replies", [dict(change, kind="lost_reply", every=3)])
    bad_network("duplicates", [dict(change, kind="duplicate", ms=700)])
    bad_network("throttling", [dict(kind="throttle", on="api", every=3)])
    bad_network("503s", [dict(kind="status", on="api", status=503, every=3)])
    bad_network("resets", [dict(change, kind="reset", nth=3), dict(kind="reset", on="api", action="GetChange", nth=2)])
    bad_network("PENDING for long", [dict(change, kind="pending", ms=3000, nth=3)])


def refused_network():
    with Sandbox(ramp_config()) as sb, Kit(sb, route53="{zone: example.com, endpoint_url: 'http://127.0.0.1:9'}") as kit:
        run = kit.run("ramp")
        t.eq(run.process.returncode, 11, "a network that is down at the start refuses")
        t.eq(sb.events("api"), [], "and nothing was changed")
    with Sandbox(ramp_config()) as sb, \
            Kit(sb, route53="{zone: example.org, endpoint_url: '%s'}" % sb.ready["api"],
                records="[{name: www.example.org, type: A}]") as kit:
        run = kit.run("ramp")
        t.eq(run.process.returncode, 11, "a zone that is not there refuses")
        t.has(run.err, "example.org", "and is named")


def down_at_breach():
    """The API is dead when the breach comes: it is retried until it answers."""
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="10s") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.fault(on="api", kind="reset")
        sb.fault(on="fleet", kind="status", fleet="new", status=502)
        seen = run.wait_line("reverting")
        time.sleep(2)
        t.ok(run.process.poll() is None, "it does not give up")
        sb.clear_faults()
        t.eq(run.wait(), 1, "an API that was down is retried until it answers")
        t.eq(percents(sb), [0, 10, 0], "and then all is back")


def signals():
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="20s") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        at = time.monotonic()
        run.signal(signal.SIGINT)
        t.eq(run.wait(), 130, "Ctrl-C exits with 130")
        t.ok(time.monotonic() - at < 5, "within 5 s")
        t.has(run.out + run.err, "sluice resume", "it says how to go on")
        t.eq(percents(sb), [0, 10], "and leaves the weights")
        again = kit.run("ramp")
        t.eq(again.process.returncode, 11, "a new ramp is refused while one is unfinished")
        kit.write(steps="[10, 100]", bake="21s")
        t.eq(kit.run("resume").process.returncode, 11, "another plan is not the run's")
        kit.write(steps="[10, 100]", bake="20s")
        run = kit.start("resume")
        run.wait_line("baking")
        run.signal(signal.SIGTERM)
        t.eq(run.wait(), 143, "SIGTERM exits with 143")
        back = kit.run("rollback")
        t.eq(back.process.returncode, 0, "rollback goes back with the run that was left")
        t.eq(percents(sb), [0, 10, 0], "and it is back")
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="20s", on="{terminate: rollback}") as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        run.signal(signal.SIGTERM)
        status = run.wait()
        t.eq(percents(sb), [0, 10, 0], "on.terminate: rollback goes back")
        t.eq(status, 143, "and says which signal it obeyed")


def kills():
    for word in ("preflight", "the lease is taken", "applying step 1", "draining", "baking", "applying step 2", "soaking"):
        with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="1s") as kit:
            run = kit.start("ramp")
            run.wait_line(word)
            run.kill()
            run = kit.run("resume")
            if word == "preflight" and run.process.returncode == 11:
                run = kit.run("ramp")
            ok = run.process.returncode == 0
            t.ok(ok, "killed at '%s', resumed: completes" % word, run.err)
            t.eq(percents(sb), [0, 10, 100], "killed at '%s': no other share was ever there" % word)


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


def disks():
    with Sandbox(ramp_config()) as sb, Kit(sb) as kit:
        os.makedirs(kit.state, 0o700)
        os.chmod(kit.state, 0o500)
        if os.geteuid() == 0:
            t.skip("a state directory that cannot be written refuses", "root writes everywhere")
        else:
            run = kit.run("ramp")
            t.eq(run.process.returncode, 11, "a state directory that cannot be written refuses")
        os.chmod(kit.state, 0o700)
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="4s") as kit:
        # A file size limit stands for a full disk: the journal dies at some line.
        run = kit.start("ramp")
        run.wait_line("baking")
        subprocess.run(["prlimit", "--pid", str(run.process.pid), "--fsize=1:1"], check=True)
        run.wait_line("no forward step")
        t.ok(True, "a full disk is said")
        sb.fault(on="fleet", kind="status", fleet="new", status=502)
        status = run.wait()
        t.eq(percents(sb), [0, 10, 0], "a full disk: no step forward, the rollback still goes out")
        t.eq(status, 1, "and is confirmed")


def terminal():
    """On a terminal: it asks, shows a live line, takes keys, and leaves the terminal as it was."""
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="30s") as kit:
        import termios
        primary, secondary = pty.openpty()
        before = termios.tcgetattr(secondary)
        seen = bytearray()
        env = dict(sb.env(), TERM="xterm")
        p = subprocess.Popen(kit.argv("ramp", progress="auto"), env=env, stdin=secondary, stdout=subprocess.PIPE,
                             stderr=secondary, start_new_session=True,
                             preexec_fn=lambda: __import__("fcntl").ioctl(0, termios.TIOCSCTTY, 0))

        def read():
            try:
                while True:
                    seen.extend(os.read(primary, 4096))
            except OSError:
                pass
        threading.Thread(target=read, daemon=True).start()

        def wait_seen(word, seconds=30):
            end = time.monotonic() + seconds
            while word not in bytes(seen):
                if time.monotonic() > end or p.poll() is not None:
                    p.kill()
                    raise AssertionError("not seen: %r in %r" % (word, bytes(seen)[-1500:]))
                time.sleep(0.02)
        wait_seen(b"Only 'yes'")
        t.eq(batches(sb), [], "nothing is written before the answer")
        os.write(primary, b"yes\n")
        wait_seen(b"baking")
        wait_seen(b"left")
        t.ok(b"\r" in seen, "there is a live line")
        os.write(primary, b"p")
        wait_seen(b"paused")
        os.write(primary, b"b")
        wait_seen(b"roll back? y/n")
        os.write(primary, b"y")
        t.eq(p.wait(60), 0, "p pauses, b and y roll back")
        p.stdout.close()
        t.eq(percents(sb), [0, 10, 0], "and it is back")
        t.eq(termios.tcgetattr(secondary)[3], before[3], "the terminal is as it was")
        os.close(secondary)


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


for part in (other_lease, from_elsewhere, networks, refused_network, down_at_breach, signals, kills, people, disks,
             terminal, notices):
    try:
        part()
    except (AssertionError, KeyError) as e:
        t.ok(False, part.__name__, e)
t.done()
