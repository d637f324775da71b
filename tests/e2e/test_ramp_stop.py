"""`sluice ramp` stopped: by signals, by kill -9 at every phase and resumed; on a terminal; with a full disk."""
import json
import os
import pty
import threading
import time

from ramp_kit import *
from sandbox import Sandbox, Tap

t = Tap()


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
        t.has(kit.run("status", "--format", "json").out, '"unfinished":true', "status says so in the words sluice@.service looks for")
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


def sleeps():
    """SIGSTOP for longer than the bake: what was measured across it is dropped, and the wait starts over."""
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="3s") as kit:
        run = kit.start("ramp")
        at = run.wait_line("baking")
        run.signal(signal.SIGSTOP)
        time.sleep(4)
        t.eq(percents(sb), [0, 10], "a stopped run steps nowhere")
        woken = time.monotonic()
        run.signal(signal.SIGCONT)
        at = run.wait_line("draining", after=at)
        run.wait_line("applying step 2", after=at)
        t.ok(time.monotonic() - woken >= 3, "the bake starts over after a sleep", time.monotonic() - woken)
        t.eq(run.wait(), 0, "and then it completes")


def kills():
    for word in ("preflight", "the lease is taken", "applying step 1", "draining", "baking", "applying step 2", "soaking"):
        with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="1s") as kit:
            run = kit.start("ramp")
            run.wait_line(word)
            run.kill()
            told = kit.run("status", "--format", "json").out
            told = bool(told) and json.loads(told)[0]["unfinished"]
            run = kit.run("resume")
            t.eq(told, run.process.returncode != 11, "killed at '%s': status knows whether resume goes on" % word)
            if word == "preflight" and run.process.returncode == 11:
                run = kit.run("ramp")
            ok = run.process.returncode == 0
            t.ok(ok, "killed at '%s', resumed: completes" % word, run.err)
            t.eq(percents(sb), [0, 10, 100], "killed at '%s': no other share was ever there" % word)


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


for part in (signals, sleeps, kills, disks, terminal):
    try:
        part()
    except (AssertionError, KeyError) as e:
        t.ok(False, part.__name__, e)
t.done()
