"""Careless and hostile surroundings of `sluice ramp`: nobody reads its words, full outputs, closed descriptors,
limits on file sizes, Ctrl-Z, rights taken away."""
import contextlib
import fcntl
import os
import pty
import subprocess
import termios
import threading
import time

from ramp_kit import *
from sandbox import Sandbox, Tap

t = Tap()
F_SETPIPE_SZ = 1031


def stuck_pipe():
    """A pipe that is full and never read."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 512)
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer


def nobody_reads(sb, kit):
    reader, writer = stuck_pipe()
    p = subprocess.Popen(kit.argv("ramp", "--yes"), env=sb.env(), stdout=subprocess.DEVNULL, stderr=writer)
    sb.wait_for("the first step", lambda _: percents(sb) == [0, 10], 30)
    sb.fault(on="fleet", kind="status", fleet="new", status=502)
    t.eq(p.wait(40), 1, "words that nobody reads hold no rollback up")
    t.eq(percents(sb), [0, 10, 0], "and all is back")
    os.close(reader)
    os.close(writer)


def stopped_terminal(sb, kit):
    """Ctrl-S in a terminal, and then a breach."""
    primary, secondary = pty.openpty()
    p = subprocess.Popen(kit.argv("ramp", "--yes", progress="auto"), env=dict(sb.env(), TERM="xterm"), stdin=secondary,
                         stdout=subprocess.DEVNULL, stderr=secondary, start_new_session=True,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.set_blocking(primary, False)

    def drain():
        try:
            while True:
                os.read(primary, 65536)
        except OSError:
            pass
    end = time.monotonic() + 30
    while percents(sb) != [0, 10] and time.monotonic() < end:
        drain()
        time.sleep(0.05)
    termios.tcflow(secondary, termios.TCOOFF)
    sb.fault(on="fleet", kind="status", fleet="new", status=502)
    t.eq(p.wait(40), 1, "a terminal held with Ctrl-S holds no rollback up")
    t.eq(percents(sb), [0, 10, 0], "and all is back, too")
    termios.tcflow(secondary, termios.TCOON)
    os.close(primary)
    os.close(secondary)


def suspended(sb, kit):
    primary, secondary = pty.openpty()
    before = termios.tcgetattr(secondary)[3]
    p = subprocess.Popen(kit.argv("ramp", "--yes", progress="auto"), env=dict(sb.env(), TERM="xterm"), stdin=secondary,
                         stdout=subprocess.DEVNULL, stderr=secondary, start_new_session=True,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    seen = bytearray()

    def read():
        try:
            while True:
                seen.extend(os.read(primary, 4096))
        except OSError:
            pass
    threading.Thread(target=read, daemon=True).start()

    def until(what, found):
        end = time.monotonic() + 20
        while not found():
            if time.monotonic() > end:
                p.kill()
                raise AssertionError("%s: %r" % (what, bytes(seen)[-400:]))
            time.sleep(0.02)

    def state():
        with open("/proc/%d/stat" % p.pid, encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0]
    until("a live line", lambda: b"left" in seen)
    os.write(primary, b"\x1a")
    until("stopped", lambda: state() == "T")
    t.eq(termios.tcgetattr(secondary)[3], before, "Ctrl-Z stops it and gives the terminal back")
    p.send_signal(signal.SIGCONT)
    until("the keyboard again", lambda: termios.tcgetattr(secondary)[3] != before)
    os.write(primary, b"\x03")
    t.eq(p.wait(10), 130, "and it goes on with the keyboard in hand")
    os.close(secondary)


def outputs(sb, kit):
    with open("/dev/full", "w", encoding="ascii") as full:
        p = subprocess.run(kit.argv("ramp", "--yes"), env=sb.env(), stdout=full, stderr=subprocess.PIPE, text=True)
    t.eq(p.returncode, 0, "a completed cutover is one, though its result could not be printed")
    t.has(p.stderr, "standard output", "which is said")


def closed(sb, kit):
    p = subprocess.run(["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *kit.argv("ramp", "--yes")], env=sb.env())
    t.eq(p.returncode, 0, "it works with all three descriptors closed")
    t.eq(percents(sb), [0, 100], "as ever")
    t.ok(all("event" in line for line in kit.journal()), "and the journal holds its lines only")


def file_limit(sb, kit):
    p = subprocess.run(["prlimit", "--fsize=0:0", *kit.argv("ramp", "--yes")], env=sb.env(), stderr=subprocess.PIPE,
                       text=True)
    t.ok(p.returncode == 11, "no room for a journal at all: refused", (p.returncode, p.stderr))
    t.eq(batches(sb), [], "and nothing was written")


def no_getchange(sb, kit):
    run = kit.start("ramp")
    run.wait_line("asking on")
    t.has(run.err, "GetChange", "a right to ask for changes that is missing is said")
    run.signal(signal.SIGTERM)
    t.eq(run.wait(), 143, "and it can be left")


def unconfirmed(sb, kit):
    run = kit.start("ramp")
    run.wait_line("baking")
    sb.fault(on="api", kind="reset")
    sb.fault(on="fleet", kind="status", fleet="new", status=502)
    run.wait_line("on its way")
    run.signal(signal.SIGTERM)
    run.wait_line("another signal")
    run.signal(signal.SIGTERM)
    t.eq(run.wait(), 12, "left before it was confirmed: unsafe")
    t.ok("carries 0 %" not in run.out and "not confirmed" in run.out, "and no share is claimed", run.out)


def lease_overwritten(sb, kit):
    """Somebody else's text where the lease was, and then a breach: it is not ours to write over."""
    run = kit.start("ramp")
    run.wait_line("baking")
    sb.change(put=[{"name": "_sluice.example.com", "type": "TXT", "ttl": 60, "values": ['"hello"']}])
    sb.fault(on="fleet", kind="status", fleet="new", status=502)
    run.wait_line("another run took")
    run.wait_line("landed")
    t.has(run.err, "landed for 0 of 1 records only", "a rollback that landed nowhere is not said to have landed")
    t.eq(percents(sb), [0, 10], "the lease of a stranger is not written over")
    run.kill()
    t.eq(kit.run("rollback").process.returncode, 0, "a person's rollback takes the zone")
    t.eq(percents(sb), [0, 10, 0], "and goes back")


SHORT = {"steps": "[100]", "bake": "1s"}
LONG = {"steps": "[10, 100]", "bake": "20s"}
PARTS = [(nobody_reads, LONG, {}), (stopped_terminal, LONG, {}), (suspended, LONG, {}), (outputs, SHORT, {}),
         (closed, SHORT, {}), (file_limit, SHORT, {}), (no_getchange, LONG, {"deny": [{"action": "GetChange"}]}),
         (unconfirmed, LONG, {}), (lease_overwritten, LONG, {})]


def one(part, sb, kit):
    try:
        part(sb, kit)
    except (AssertionError, KeyError, subprocess.TimeoutExpired) as e:
        t.ok(False, part.__name__, e)


with contextlib.ExitStack() as stack:  # the sandboxes from this thread, which they end with
    threads = []
    for part, plan, api in PARTS:
        sb = stack.enter_context(Sandbox(ramp_config(**api)))
        kit = stack.enter_context(Kit(sb, **plan))
        threads.append(threading.Thread(target=one, args=(part, sb, kit)))
        threads[-1].start()
    for thread in threads:
        thread.join()
t.done()
