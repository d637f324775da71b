#!/usr/bin/python3
"""The running modes of smoke against a server whose faults are scripted: repeats, budgets, warm-up, bounds, signals."""
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import Tap, program  # noqa: E402


class Server:
    """Answers GET as `answer(path, n)` says, n counting from 1: a status, or None to hang until the end."""

    def __init__(self, answer, port=0):
        self.answer, self.lock, self.counts = answer, threading.Lock(), {}
        self.flying = self.most = 0
        self.times, self.over = [], threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

            def do_GET(self):
                with outer.lock:
                    outer.flying += 1
                    outer.most = max(outer.most, outer.flying)
                    outer.times.append(time.monotonic())
                    n = outer.counts[self.path] = outer.counts.get(self.path, 0) + 1
                status = outer.answer(self.path, n)
                if status is None:
                    outer.over.wait(20)
                with outer.lock:
                    outer.flying -= 1
                self.send_response(status or 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a client that goes away

        self.http = Threads(("127.0.0.1", port), Handler)
        self.url = "http://127.0.0.1:%d" % self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.http.shutdown()
        self.http.server_close()


def suite(directory, checks):
    path = os.path.join(directory, "s.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("version: 1\nchecks:\n" + "".join("  - {name: c%d, every: 100ms, request: {get: %s}%s}\n" % (i, c[0], c[1])
                                                  for i, c in enumerate(checks)))
    return path


def start(*args):
    return subprocess.Popen([program("smoke/smoke"), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "LC_ALL": "C.UTF-8"})


def smoke(*args):
    child = start(*args)
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


def report(*args):
    status, out, err = smoke("--format", "json", *args)
    try:
        return status, json.loads(out)
    except ValueError:
        return status, {"bad": out + err}


def repeats(t, d):
    with Server(lambda path, n: 500 if n == 2 else 200) as s:
        path = suite(d, [("/a", ""), ("/b", "")])
        status, r = report("-b", s.url, "--repeat", "3", path)
        t.eq(status, 1, "a check that failed once in three runs fails")
        t.eq([(c["runs"]["runs"], c["runs"]["passed"], c["runs"]["failed"]) for c in r["checks"]], [(3, 2, 1)] * 2,
             "and every run is counted")
        t.ok(s.times[-1] - s.times[0] >= 0.15, "`every` is kept between two sweeps")
    with Server(lambda path, n: 200) as s:
        status, out, _ = smoke("-b", s.url, "--repeat", "3", path)
        t.ok(status == 0 and "p95" in out, "clean repeats pass and say percentiles", out)


def flaky(t, d):
    path = suite(d, [("/a", ", retries: {times: 1, delay: 1ms}")])
    with Server(lambda path, n: 500 if n == 1 else 200) as s:
        t.eq(smoke("-b", s.url, "--fail-on-flaky", path)[0], 1, "--fail-on-flaky: a pass after a retry is exit 1")
    with Server(lambda path, n: 500 if n == 1 else 200) as s:
        t.eq(smoke("-b", s.url, path)[0], 0, "and without it exit 0")


def bounds(t, d):
    path = suite(d, [("/%d" % i, "") for i in range(12)])
    gate = threading.Barrier(3)

    def three_together(path, n):
        gate.wait(10)  # breaks with more than three at once never, with fewer by its time
        return 200
    with Server(three_together) as s:
        status = smoke("-b", s.url, "-j", "12", "--jobs-per-host", "3", path)[0]
        t.eq((status, s.most), (0, 3), "--jobs-per-host holds, and is used to the full")
    with Server(lambda path, n: 200) as s:
        status = smoke("-b", s.url, "--rate", "40/s", path)[0]
        t.ok(status == 0 and s.times[-1] - s.times[0] >= 0.2, "--rate spreads the starts", str(s.times))


def fail_fast(t, d):
    path = suite(d, [("/%d" % i, "") for i in range(5)])
    with Server(lambda path, n: 500 if path == "/1" else 200) as s:
        status, r = report("-b", s.url, "-j", "1", "--fail-fast", path)
        t.eq((status, [c["verdict"] for c in r["checks"]]), (1, ["pass", "fail"] + ["not_run"] * 3),
             "--fail-fast leaves the rest as not run")


def in_file_order(t, d):
    path = suite(d, [("/%d" % i, "") for i in range(6)])
    first = threading.Event()

    def last_first(path, n):
        if path == "/5":
            first.set()
        elif not first.wait(10):
            return 500
        return 200
    with Server(last_first) as s:
        status, _, err = smoke("-b", s.url, "--progress", "plain", path)
        lines = [line.split()[:3] for line in err.splitlines()]
        t.eq((status, lines), (0, [["%d/6" % (i + 1), "ok", "c%d" % i] for i in range(6)]),
             "plain progress is in file order whatever ends first")
    with Server(lambda path, n: 200) as s:
        status, r = report("-b", s.url, "--repeat", "3", path)
        t.eq((status, r["totals"]["requests"]), (0, 18), "the requests of all repeats are counted")


def budgets(t, d):
    path = suite(d, [("/%d" % i, "") for i in range(20)])
    with Server(lambda path, n: 200) as s:
        status, r = report("-b", s.url, "--for", "1s", "--rate", "100/s", path)
        t.eq(status, 0, "a clean second at 100/s keeps the budget")
        t.ok(r["conclusion"].startswith("the budget is kept"), "and says why", str(r["conclusion"]))
        t.ok(59 <= r["totals"]["requests"] or sum(c["runs"]["runs"] for c in r["checks"]) >= 59, "over enough probes")
        status, r = report("-b", s.url, "--for", "100ms", "--rate", "50/s", path)
        t.ok(status == 10 and ("did not run" in r["conclusion"]), "a check that never ran decides nothing", r["conclusion"])
        few = suite(d, [("/a", ""), ("/b", "")])
        status, r = report("-b", s.url, "--for", "300ms", "--rate", "50/s", few)
        path = suite(d, [("/%d" % i, "") for i in range(20)])
        t.eq(status, 10, "too few probes to tell are undecided")
        t.ok("it takes 59 probes" in r["conclusion"], "and it says how many it takes", r["conclusion"])
    with Server(lambda path, n: 500) as s:
        begin = time.monotonic()
        status, r = report("-b", s.url, "--for", "60s", "--rate", "100/s", path)
        t.eq(status, 1, "an outage is a breach")
        t.ok(time.monotonic() - begin < 20, "which ends the run at once")
        t.ok(r["conclusion"].startswith("the budget is broken"), "and says why", r["conclusion"])
    with Server(lambda path, n: 500 if path == "/3" else 200) as s:
        status, out, _ = smoke("-b", s.url, "--for", "1s", "--rate", "100/s", "--budget", "unacceptable=25%", path)
        t.ok(status == 1 and "'c3' failed its last" in out, "one check of twenty that always fails is found", out)
    with Server(lambda path, n: 429) as s:
        t.eq(smoke("-b", s.url, "--for", "300ms", "--rate", "100/s", path)[0], 11, "only errors are no data: 11")


def warm_up(t, d):
    path = suite(d, [("/deep", ""), ("/a", "")])
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    child = start("-b", "http://127.0.0.1:%d" % port, "--wait-for", "30s", path)
    line = child.stderr.readline()
    t.ok("waiting for 'c0'" in line, "the warm-up says what it waits for", line)
    probe.close()
    with Server(lambda path, n: 503 if path == "/deep" and n <= 2 else 200, port) as s:
        out, err = child.communicate(timeout=30)
        t.eq((child.returncode, s.counts.get("/deep")), (0, 4),
             "then the real run begins with the first success")
        t.ok(err.count("waiting for") <= 2, "one line a reason, not one an ask", err)
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    status, r = report("-b", "http://127.0.0.1:%d" % probe.getsockname()[1], "--wait-for", "600ms", path)
    probe.close()
    t.eq((status, [c["verdict"] for c in r["checks"]]), (1, ["not_run"] * 2), "never up: exit 1, and nothing was run")
    t.ok(r["conclusion"].startswith("not ready after 600ms: waited for 'c0'"), "and says so", r["conclusion"])


def signals(t, d):
    path = suite(d, [("/a, timeout: 30s", ""), ("/b", "")])
    modes = ([], ["--repeat", "5"], ["--for", "60s"], ["--wait-for", "60s"])
    for mode in modes:
        for sig, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            came = threading.Event()

            def hang(path, n, came=came):  # this turn's: a thread of the last server may still be here
                came.set()
            with Server(hang) as s:
                child = start("-b", s.url, "--format", "json", *mode, path)
                came.wait(20)
                child.send_signal(sig)
                out, err = child.communicate(timeout=20)
                r = json.loads(out or "{}")
                t.eq((child.returncode, r.get("interrupted")), (status, True),
                     "%s in mode %s gives a report and %d" % (sig.name, mode or "plain", status))


def wrong_lines(t, d):
    path = suite(d, [("/a", "")])
    for args in (["--repeat", "0"], ["--repeat", "10001"], ["--rate", "1001/s"], ["--rate", "0/s"], ["--jobs-per-host", "1001"],
                 ["--for", "99ms"], ["--for", "25h"], ["--wait-for", "25h"], ["--budget", "allowed=1%"],
                 ["--for", "1s", "--repeat", "2"], ["--for", "1s", "--budget", "allowed=3%"],
                 ["--for", "1s", "--budget", "wrong=3%"], ["--for", "1s", "--fail-fast"]):
        status, out, err = smoke("-b", "http://127.0.0.1:1", *args, path)
        t.eq((status, out, err.count("\n")), (64, "", 1), "%s is one clear error" % " ".join(args))


def main():
    t = Tap()
    with tempfile.TemporaryDirectory(prefix="smoke-") as d:
        for part in (repeats, flaky, bounds, fail_fast, in_file_order, budgets, warm_up, signals, wrong_lines):
            print("# %s" % part.__name__)
            part(t, d)
    t.done()


main()
