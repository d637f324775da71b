"""From the breach to the first byte of the rollback call, by the sandbox's own clock and log.

The breach is known when the answer of the last failing probe has left the sandbox (us_done of its fleet line); the
call has begun when its first byte is seen (us_first). SLUICE_ROLLBACKS rollbacks, one at a time (10; tests/long.sh:
100), then the same with an fsync that hangs from the breach on.
"""
import os
import shutil
import subprocess
import tempfile

from ramp_kit import *
from sandbox import Sandbox, Tap

t = Tap()
ROLLBACKS = int(os.environ.get("SLUICE_ROLLBACKS", "10"))
LIMIT_MS = 1000
HANG = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
int fsync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    while (access(getenv("HANG_WHEN"), F_OK) == 0)
        usleep(10000);
    return real(fd);
}
"""


def back_once(preload=None, marker=None):
    """Milliseconds from breach to call, or raises."""
    smoke = PLAN["smoke"].replace("unacceptable: 25%", "unacceptable: 25%, failure_limit: 3")
    with Sandbox(ramp_config()) as sb, Kit(sb, steps="[10, 100]", bake="20s", smoke=smoke) as kit:
        env = {"HANG_WHEN": marker} if marker else {}
        run = kit.start("ramp", preload=preload, **env)
        run.wait_line("baking")
        if marker:
            open(marker, "w").close()
        sb.fault(on="fleet", kind="status", fleet="new", status=502)
        sb.wait_for("the rollback", lambda events: [e for e in events if e["event"] == "api" and any(
            c["action"] == "UPSERT" for c in e.get("changes", [])) and e.get("applied")], 60)
        if marker:
            t.eq(percents(sb), [0, 10, 0], "the rollback is out while fsync hangs")
            os.unlink(marker)
        status = run.wait()
        if status != 1:
            raise AssertionError("exit %d\n%s" % (status, run.err))
        events = sb.events()
    # The refused batch that proves the way back is of UPSERTs too; the rollback is the first after the fault.
    fault = next(e for e in events if e["event"] == "control" and "fault" in str(e.get("what")))
    back = next(e for e in events if e["event"] == "api" and e["seq"] > fault["seq"] and any(
        c["action"] == "UPSERT" for c in e.get("changes", [])))
    failed = [e for e in events if e["event"] == "fleet" and e["fleet"] == "new" and e["status"] == 502 and
              e["us_done"] <= back["us_first"]]
    third = failed[2]
    return (back["us_first"] - third["us_done"]) / 1000


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


def measure():
    times = []
    for _ in range(ROLLBACKS):
        times.append(back_once())
    print("# breach to first byte, ms, n %d: min %.2f median %.2f p99 %.2f max %.2f" % (
        len(times), min(times), percentile(times, 50), percentile(times, 99), max(times)), flush=True)
    t.ok(max(times) <= LIMIT_MS, "every rollback leaves within a second of the breach", times)


def hanging():
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
    if not compiler:
        t.skip("a rollback while fsync hangs", "no compiler")
        return
    work = tempfile.mkdtemp(prefix="hang-")
    try:
        source, library = os.path.join(work, "hang.c"), os.path.join(work, "hang.so")
        with open(source, "w", encoding="utf-8") as f:
            f.write(HANG)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        ms = back_once(library, os.path.join(work, "hang-now"))
        print("# with fsync hanging: %.2f ms" % ms, flush=True)
        t.ok(ms <= LIMIT_MS, "it leaves as soon when fsync hangs", ms)
    finally:
        shutil.rmtree(work, ignore_errors=True)


for part in (measure, hanging):
    try:
        part()
    except AssertionError as e:
        t.ok(False, part.__name__, e)
t.done()
