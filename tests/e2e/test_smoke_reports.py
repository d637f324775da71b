#!/usr/bin/python3
"""Every kind of report, read by the tools it is made for, and a server that would like to write in it."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import SRC, Tap, program  # noqa: E402

SECRET = "hunter22-secret"
EVIL = ("\n::error file=x::pwned\n  ::add-mask::all\n##[error]pwned ##vso[task.complete]\r\n::stop-commands::t\x1b[31m red\x07\n"
        "]]> <script>alert(1)</script> \"'& | `code` \ufffe\uffff # TODO \\ --- ... %s\n" % SECRET).encode("utf-8", "surrogatepass") \
    + b"\xff\xfe invalid \xc0\x80 utf-8"


class Server(BaseHTTPRequestHandler):
    tries = 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        status, body = 200, b"fine"
        if self.path == "/evil":
            status, body = 500, EVIL
        elif self.path == "/soft":
            status = 404
        elif self.path == "/flaky":
            Server.tries += 1
            status = 200 if Server.tries > 1 else 503
        elif self.path == "/429":
            status = 429
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/evil":
            self.send_header("X-Evil", "::error::head")
        self.end_headers()
        self.wfile.write(body)


class Page(HTMLParser):
    void = {"meta", "link", "br"}

    def __init__(self):
        super().__init__()
        self.stack, self.bad, self.tags, self.text = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.bad.append(tag)

    def handle_data(self, data):
        self.text += data


def main():
    tap = Tap()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    work = tempfile.TemporaryDirectory(prefix="smoke-reports-")
    suite = os.path.join(work.name, "a,b%c.yaml")
    with open(suite, "w", encoding="utf-8") as f:
        f.write("""version: 1
base_url: http://127.0.0.1:%d
secrets: {key: {env: KEY}}
checks:
  - {name: fine, request: {get: /}}
  - {name: "bad # | <b> :: 100%%, done", request: {get: /evil, headers: {x-key: "{{secret.key}}"}}}
  - {name: soft, severity: warn, request: {get: /soft}}
  - {name: wobbly, retries: {times: 2, delay: 1ms}, request: {get: /flaky}}
  - {name: busy, request: {get: /429}}
""" % server.server_address[1])
    env = {"PATH": os.environ["PATH"], "KEY": SECRET, "LC_ALL": "C.UTF-8"}
    kinds = ("text", "json", "junit", "tap", "tap13", "github", "html", "curl", "prometheus")
    at = {k: os.path.join(work.name, "out." + k) for k in kinds}
    summary = os.path.join(work.name, "summary.md")
    with open(summary, "w", encoding="utf-8") as f:
        f.write("before\n")

    def smoke(*args, **more):
        return subprocess.run([program("smoke/smoke"), *args], env={**env, **more}, capture_output=True, timeout=60)

    done = smoke(*("--report=%s=%s" % (k, at[k]) for k in kinds), suite, GITHUB_STEP_SUMMARY=summary)
    tap.ok(done.returncode == 1, "reports of all kinds at once", done.stderr.decode())
    text = {k: open(at[k], "rb").read() for k in kinds}
    text["stdout"], text["summary"] = done.stdout, open(summary, "rb").read()
    for kind, data in text.items():
        plain = data.decode("utf-8")  # must be UTF-8
        tap.ok(SECRET not in plain and not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", plain),
               "%s: UTF-8, no control byte, no secret" % kind, plain[:2000])
    for kind in ("text", "stdout", "tap", "curl", "junit", "html"):
        lines = text[kind].decode().splitlines()
        tap.ok(not [x for x in lines if x.lstrip().startswith("::")], "%s: no line is a workflow command" % kind)
    for kind in ("text", "stdout", "tap", "junit", "github"):
        tap.ok(b"##[" not in text[kind] and b"##vso" not in text[kind], "%s: nor an order in the older form" % kind)
    lint = subprocess.run(["xmllint", "--noout", "--schema", os.path.join(SRC, "docs/schema/smoke-junit.xsd"), at["junit"]],
                          capture_output=True, text=True)
    tap.ok(lint.returncode == 0, "junit: valid by its schema", lint.stderr)
    tap.ok(b'tests="5" failures="1" errors="1" skipped="0"' in text["junit"] and text["junit"].count(b"<flakyFailure") == 1,
           "junit: counts, and flaky apart", text["junit"].decode())
    tap.ok(text["tap"].split(b"\n", 1)[1] == text["tap13"].split(b"\n", 1)[1], "tap: version 14 differs in its first line only")
    runner = os.path.join(work.name, "t.sh")
    with open(runner, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\ncat '%s'\n" % at["tap13"])
    os.chmod(runner, 0o755)
    prove = subprocess.run(["prove", "--exec", "/bin/sh", runner], capture_output=True, text=True)
    tap.ok("Failed 2/5 subtests" in prove.stdout and "Parse errors" not in prove.stdout, "tap13: prove reads it", prove.stdout + prove.stderr)
    commands = text["github"].decode().splitlines()
    tap.ok(len(commands) == 4 and all(re.match(r"::(error|warning) file=\S+a%2Cb%25c\.yaml,line=\d+,col=\d+,title=[^:,]*::", c)
                                      for c in commands), "github: one annotation each for what did not pass", commands)
    table = [x for x in text["summary"].decode().splitlines() if x.startswith("|")]
    tap.ok(text["summary"].startswith(b"before\n") and len(table) == 6 and all(len(re.findall(r"(?<!\\)\|", x)) == 5 for x in table),
           "github: the summary is added, and its cells stay cells", table)
    page = Page()
    page.feed(text["html"].decode())
    names = {t for t, _ in page.tags}
    tap.ok(not page.stack and not page.bad and "script" not in names and "alert(1)" in page.text, "html: well formed, and what was sent is text")
    tap.ok(not [a for _, at_ in page.tags for k, a in at_.items() if k in ("src", "href") and not a.startswith("data:")],
           "html: nothing is fetched")
    tap.ok(len([1 for t, a in page.tags if t == "details" and "open" in a]) == 3, "html: what did not pass stands open")
    syntax = subprocess.run(["sh", "-n", at["curl"]], capture_output=True, text=True)
    tap.ok(syntax.returncode == 0 and text["curl"].count(b"\ncurl ") == 3, "curl: a shell script of what did not pass", syntax.stderr)
    sample = re.compile(r'^[a-z_]+(\{([a-z_]+="(\\.|[^"\\\n])*",?)*\})? [-0-9.e+]+$')
    lines = text["prometheus"].decode().splitlines()
    tap.ok(all(x.startswith("# ") or sample.match(x) for x in lines) and "smoke_run_failed 1.000" in lines, "prometheus: the text format")
    report = json.loads(text["json"])
    wobbly = [c for c in report["checks"] if c["name"] == "wobbly"][0]
    tap.ok(wobbly["exchanges"][0]["status"] == 200 and wobbly["exchanges"][0]["total_us"] > 0, "json: every request with its phases", wobbly)

    for args, words in ((["--report", "junti=x"], "did you mean 'junit'"), (["--report", "junit="], "KIND=FILE"),
                        (["--report", "tap", "--report", "junit"], "only one report"),
                        (["--report", "tap", "--format", "json"], "only one report"),
                        (["--json", "-", "--report", "tap"], "only one report"), (["--json", "x", "--report", "tap=x"], "two reports go to x"),
                        (["--report", "tap=x", "--report", "junit=x"], "two reports go to x")):
        done = smoke(*args, suite)
        tap.ok(done.returncode == 64 and words in done.stderr.decode(), "wrong: %s" % " ".join(args), done.stderr.decode())
    done = smoke(*(["--report", "tap=/x"] * 21), suite)
    tap.ok(done.returncode == 64 and b"more than 20 times" in done.stderr, "one report past 20")
    done = smoke("--report", "junit=%s/none/x.xml" % work.name, "--report", "tap=%s/late.tap" % work.name, suite)
    tap.ok(done.returncode == 1 and b"none/x.xml" in done.stderr and os.path.exists(work.name + "/late.tap"),
           "a report that cannot be written costs neither the verdict nor the others", done.stderr.decode())
    done = smoke("--report", "github", suite, GITHUB_STEP_SUMMARY="/nonexistent/x")
    tap.ok(done.returncode == 1 and done.stdout.count(b"\n::") + done.stdout.startswith(b"::") == 3 and b"/nonexistent/x" in done.stderr,
           "a summary that cannot be added costs no annotation", done.stdout.decode() + done.stderr.decode())
    done = smoke("--report", "junit=/dev/full", "--only", "fine", suite)
    tap.ok(done.returncode == 11, "a full disk is no pass", done.stderr.decode())
    done = smoke("--report", "tap", suite)
    tap.ok(done.stdout.startswith(b"TAP version 14\n1..5\n"), "a report on standard output stands there alone")

    chromium = shutil.which("chromium")
    if chromium:
        shot = os.environ.get("SLUICE_SCREENSHOT") or os.path.join(work.name, "page.png")
        look = subprocess.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                               "--disable-background-networking", "--disable-component-update", "--disable-sync",
                               "--enable-logging=stderr", "--user-data-dir=" + os.path.join(work.name, "profile"),
                               "--window-size=1100,1400", "--screenshot=" + shot, "file://" + at["html"]],
                              capture_output=True, text=True, timeout=120)
        tap.ok(os.path.getsize(shot) > 10000 and "CONSOLE" not in look.stderr, "html: a browser shows it without an error", look.stderr)
    else:
        tap.skip("html: a browser shows it without an error", "chromium is not installed")
    server.shutdown()
    work.cleanup()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
