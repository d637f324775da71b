#!/usr/bin/python3
"""smoke --compare: two fleets asked at the same instant, and what differs."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import Tap, program  # noqa: E402

SEEN, STUCK, RELEASE = [], threading.Event(), threading.Event()
BODY = {"id": 1, "name": "x", "items": [{"a": 1}]}


class Server(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def log_message(self, *_):
        pass

    def answer(self):
        side = self.server.side
        new = side == "new"
        path = urlsplit(self.path).path
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        SEEN.append((side, self.command, self.path, self.headers.get("Authorization"), data, time.monotonic()))
        status, more, body, kind = 200, [], json.dumps(BODY), "application/json"
        if path == "/shape" and new:
            body = '{"id": "1", "items": [{"a": 1}, {"b": 2}]}'
        elif path == "/gone" and new:
            status = 404
        elif path == "/was-gone" and not new:
            status = 404
        elif path == "/kind":
            kind = "text/html" if new else "text/html; charset=utf-8"
            body = "<p>"
        elif path == "/html" and new:
            body = "<p>"
        elif path == "/login":
            body = json.dumps({"token": "tok-%s-t0ps3cret" % side})
        elif path == "/private":
            status = 200 if self.headers.get("Authorization") == "Bearer tok-%s-t0ps3cret" % side else 403
        elif path == "/moved":
            status = 302
            more = [("Location", "http://%s/next?from=moved" % self.headers["Host"]), ("Set-Cookie", "b=%s; Path=/" % side),
                    ("Set-Cookie", "a=1; Path=/; Expires=%s GMT; HttpOnly" % side)]
            if new:
                more.reverse()
        elif path == "/cookie":
            more = [("Set-Cookie", "sid=%s; Path=/; Secure%s" % (side, "" if new else "; HttpOnly"))]
        elif path == "/elsewhere":
            status, more = 302, [("Location", "https://%s.example.net/" % side)]
        elif path == "/secret":
            more = [("X-Key", "s3cr3t-v4lue-%s" % side)]
        elif path == "/hostile" and new:
            body = '{"id": 1, "name": "x", "items": [], "\\u001b[31m</p><script>": 1}'
            more = [("Vary", "\x1b[31m::error::")]
        elif path == "/slow":
            if new:
                time.sleep(0.02)
        elif path == "/stuck" and new:
            STUCK.set()
            RELEASE.wait(20)
        elif path == "/big":
            body = json.dumps({"list": list(range(6000)), "id": "x" if new else 1})
        out = body.encode()
        self.send_response(status)
        for k, v in more:
            self.send_header(k, v)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        try:
            self.wfile.write(out)
        except OSError:
            pass  # the program is gone

    do_GET = do_POST = do_DELETE = answer


def serve(side):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads, server.side = True, side
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, "127.0.0.1:%d" % server.server_address[1]


def main():
    tap = Tap()
    (old_server, old), (new_server, new) = serve("old"), serve("new")
    urls = "http://%s,http://%s" % (old, new)
    work = tempfile.TemporaryDirectory(prefix="smoke-compare-")
    path = os.path.join(work.name, "s.yaml")

    def start(suite, *args, env=None):
        del SEEN[:]
        with open(path, "w", encoding="utf-8") as f:
            f.write("version: 1\n" + suite)
        return subprocess.Popen([program("smoke/smoke"), *args, path], text=True, env={**os.environ, **(env or {})},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def smoke(suite, *args, env=None):
        p = start(suite, *args, env=env)
        out = p.communicate(timeout=60)[0]
        return p.returncode, out

    def one(url, more=""):
        return "checks:\n  - {name: a, request: {get: %s}%s}\n" % (url, more)

    # the same
    status, out = smoke(one("/same"), "--compare", urls)
    tap.ok(status == 0 and sorted(s[0] for s in SEEN) == ["new", "old"] and "0 of 1 check differ" in out and "1 passed" in out, "two that answer alike", out)
    gap = abs(SEEN[0][5] - SEEN[1][5])
    tap.ok(gap < 0.5, "asked at the same instant (%.1f ms apart)" % (gap * 1000), SEEN)
    status, out = smoke("base_url: http://shop.example.com\n" + one("/same"), "--compare", "%s,%s" % (old, new))
    tap.ok(status == 0 and len(SEEN) == 2, "by where to connect to, with the suite's own name", out)
    status, out = smoke("base_url: http://%s\n" % old + one("/same"), "--compare", "http://%s,%s" % (old, new))
    tap.ok(status == 0 and sorted(s[0] for s in SEEN) == ["new", "old"], "a url on one side, a target on the other", "%s\n%s" % (SEEN, out))

    # what differs
    for url, more, line in (("/shape", "", "JSON /id: old integer, new string"), ("/shape", "", "JSON /name: old string, new missing"),
                            ("/gone", ", expect: {status: [200, 404]}", "status: old 200, new 404"),
                            ("/kind", "", "header content-type: old text/html; charset=utf-8, new text/html"),
                            ("/html", "", "the body: old JSON, new no JSON"),
                            ("/cookie", "", "header set-cookie: old sid; path=/; secure; httponly, new sid; path=/; secure"),
                            ("/elsewhere", ", expect: {status: 302}", "header location: old https://old.example.net/, new https://new.example.net/")):
        status, out = smoke(one(url, more), "--compare", urls)
        tap.ok(status == 1 and line in out and "1 of 1 check differs" in out, line, out)
    status, out = smoke(one("/moved", ", expect: {status: 302}"), "--compare", urls)
    tap.ok(status == 0, "a Location at the own origin, cookies' values, times and order are no difference", out)
    status, out = smoke(one("/kind"), "--compare", urls, "--compare-headers", "vary")
    tap.ok(status == 0, "only the headers that are named", out)
    status, out = smoke(one("/big"), "--compare", urls)
    tap.ok(status == 0, "a body of more values than have a shape is not compared", out)
    status, out = smoke(one("/gone"), "--compare", urls)
    tap.ok(status == 1 and "old passes, new fails: status is 404, expected 2xx" in out, "a check that only new fails", out)
    status, out = smoke(one("/was-gone"), "--compare", urls)
    tap.ok(status == 1 and "old fails, new passes: status is 404, expected 2xx" in out, "a check that only old fails", out)
    status, out = smoke(one("/same", ", expect: {status: 204}"), "--compare", urls)
    tap.ok(status == 1 and "both fail: status is 200, expected 204" in out and "0 of 1 check differ" in out, "one that both fail is told, and no difference", out)
    status, out = smoke(one("/gone", ", severity: warn"), "--compare", urls)
    tap.ok(status == 0 and out.startswith("warn"), "a check that need not pass need not be the same", out)
    status, out = smoke(one("/same"), "--compare", "http://127.0.0.1:9,http://" + new)
    tap.ok(status == 1 and "old fails, new passes" in out and "refused" in out, "old is down", out)
    status, out = smoke(one("/same"), "--compare", "http://127.0.0.1:9,http://127.0.0.1:9")
    tap.ok(status in (1, 11) and "both" in out, "both are down", out)

    # reports
    status, out = smoke(one("/shape"), "--compare", urls, "--format", "json")
    doc = json.loads(out)
    tap.ok(doc["compared"] == {"old": "http://" + old, "new": "http://" + new} and
           {"step": 1, "what": "JSON /id", "old": "integer", "new": "string"} in doc["checks"][0]["differences"] and
           doc["checks"][0]["failure"]["sentence"].startswith("JSON /id is string on new, integer on old; and 3 more"), "as JSON", out)
    for kind, words in (("junit", "JSON /id is string on new"), ("tap", "not ok 1 - a"), ("github", "::error file="), ("html", "JSON /name: old string, new missing")):
        status, out = smoke(one("/shape"), "--compare", urls, "--report", kind + "=-")
        tap.ok(status == 1 and words in out, "as " + kind, out[-2000:])
    for kind in ("text", "json", "github", "html"):
        status, out = smoke(one("/hostile"), "--compare", urls, "--report", kind + "=-")
        tap.ok(status == 1 and "\x1b" not in out and (kind != "html" or "</p><script>" not in out) and
               not any(line.startswith("::error::") for line in out.splitlines()), "foreign bytes are harmless: " + kind, out[-1500:])
    status, out = smoke("secrets: {key: {env: KEY}, other: {env: OTHER}}\nchecks:\n  - {name: a, request: {get: /secret, headers: {a: '{{secret.key}}', b: '{{secret.other}}'}}}\n",
                        "--compare", urls, "--compare-headers", "x-key", env={"KEY": "s3cr3t-v4lue-old", "OTHER": "s3cr3t-v4lue-new"})
    tap.ok(status == 1 and "s3cr3t" not in out and "header x-key" in out, "a secret in a header that differs is not shown", out)

    # flows
    flow = """setup:
  - {name: make, request: {post: /thing, json: {who: "{{side}}"}}}
teardown:
  - {name: clean, request: {delete: /thing}}
checks:
  - {name: private, needs: sign in, request: {get: /private, auth: {bearer: "{{token}}"}}}
  - {name: sign in, request: {get: /login}, capture: {token: {json: /token}}}
  - name: steps
    every: 100ms
    steps: [{request: {get: /same}}, {request: {get: /shape}}, {request: {get: /same}}]
    finally: [{request: {delete: /mine}}]
"""
    status, out = smoke(flow, "--compare", urls)
    by = {side: [s[2] for s in SEEN if s[0] == side] for side in ("old", "new")}
    tap.ok(status == 1 and "2 failed" not in out and "JSON /id: old integer, new string (step 2)" in out, "logins of each side's own, steps by number", out)
    tap.ok(all(by[s][0] == "/thing" and by[s][-1] == "/thing" and by[s].index("/login") < by[s].index("/private") and "/mine" in by[s] for s in by) and
           {s[4] for s in SEEN if s[1] == "POST"} == {'{"who":"old"}', '{"who":"new"}'}, "setup first and teardown last on both, {{side}} is each one's", by)
    status, out = smoke(flow, "--compare", urls, "--repeat", "2")
    tap.ok(status == 1 and [s[2] for s in SEEN].count("/thing") == 4 and [s[2] for s in SEEN].count("/login") == 4, "repeats, but setup and teardown once", out)
    status, out = smoke("checks:\n" + "".join("  - {name: c%d, request: {get: '/%s?%d'}}\n" % (i, "gone" if i == 2 else "same", i) for i in range(50)),
                        "--compare", urls, "--fail-fast", "--jobs", "1")
    tap.ok(status == 1 and len(SEEN) < 12 and "stopped at the first" in out, "--fail-fast", "%d\n%s" % (len(SEEN), out))
    status, out = smoke("matrix: {t: [a, b, c]}\nchecks:\n  - {name: '{{t}}', request: {get: '/{{t}}'}}\n  - {name: only old, sides: old, request: {get: /o}}\n",
                        "--compare", urls, "--only", "b")
    tap.ok(status == 0 and [s[2] for s in SEEN] == ["/b", "/b"], "chosen rows", SEEN)
    status, out = smoke(one("/same") + "  - {name: only old, sides: old, request: {get: /o}}\n", "--compare", urls)
    tap.ok(status == 0 and all(s[2] == "/same" for s in SEEN) and "1 check:" in out, "a check of one side alone is left out", out)
    p = start(flow.replace("{get: /shape}", "{get: /stuck}"), "--compare", urls)
    STUCK.wait(20)
    p.send_signal(signal.SIGINT)
    out = p.communicate(timeout=30)[0]
    by = {side: [s[1] + s[2] for s in SEEN if s[0] == side] for side in ("old", "new")}
    tap.ok(p.returncode in (1, 130) and all("DELETE/thing" in by[s] and "DELETE/mine" in by[s] for s in by), "Ctrl-C: both sides are cleaned up", "%s %s\n%s" % (p.returncode, by, out))
    RELEASE.set()

    # latency
    status, out = smoke(one("/slow"), "--compare", urls, "--repeat", "12")
    tap.ok(status == 1 and "the median latency: old " in out and "1 of 1 check differs" in out, "new is slower", out)
    status, out = smoke(one("/slow"), "--compare", ",".join(reversed(urls.split(","))), "--repeat", "12")
    tap.ok(status == 0, "new is faster", out)
    status, out = smoke(one("/slow"), "--compare", urls, "--repeat", "4")
    tap.ok(status == 0 and "latency is compared with --repeat 5 or more" in out, "too few to tell", out)

    # the command line
    for args, words in ((["--compare", "a"], "expects OLD,NEW"), (["--compare", "a,b,c"], "expects OLD,NEW"), (["--compare", "ftp://a,b"], "is no url"),
                        (["--compare", "a/b,c"], "no url and no HOST"), (["--compare", "a:99999,c"], "no url and no HOST"),
                        (["--compare", "a,b", "--for", "1s"], "exclude each other"), (["--compare", "a,b", "--var", "side=old"], "exclude each other"),
                        (["--compare", urls, "--base-url", "http://x"], "leave out --base-url"), (["--compare-headers", "x"], "is for --compare"),
                        (["--compare", urls, "--compare-headers", "a b"], "expects NAME,NAME"), (["--compare", urls, "--compare-headers", "a,,b"], "expects NAME,NAME"),
                        (["--compare", urls, "--compare-headers", ",".join("h%d" % i for i in range(51))], "more than 50")):
        status, out = smoke(one("/same"), *args)
        tap.ok(status == 64 and words in out and not SEEN, "wrong: %s" % " ".join(args)[:80], out)
    for server in (old_server, new_server):
        server.shutdown()
    work.cleanup()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
