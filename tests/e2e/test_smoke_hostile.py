"""smoke against servers that misbehave and people who do: exit status, time, and what is said."""
import os
import signal
import socket
import subprocess
import tempfile
import time

from hostile import Hostile, smoke
from sandbox import Tap, program

# path, status, a part of the finding; every request may take a second
ANSWERS = (
    ("/ok", 0, "1 passed"), ("/hang", 1, "no whole answer"), ("/drip", 1, "the body did not end"),
    ("/driphead", 1, "no whole answer"), ("/reset", 1, "closed the connection without an answer"),
    ("/close", 1, "closed the connection without an answer"), ("/resetmid", 1, "closed the connection within the body"),
    ("/early", 1, "closed the connection within the body"), ("/halfhead", 1, "closed the connection within the header"),
    ("/big", 1, "the body of the answer is above"), ("/bigchunked", 1, "the body of the answer is above"),
    ("/bomb", 0, "1 passed"), ("/headers", 1, "the header of the answer is above"),
    ("/longheader", 1, "the header of the answer is too long"), ("/continue", 1, "the header of the answer is above"),
    ("/status/HTTP/1.1_abc", 1, "does not speak proper HTTP"), ("/status/HTTP/9.9_200_OK", 1, "does not speak proper HTTP"),
    ("/status/HTTP/1.1_99999_x", 1, "does not speak proper HTTP"), ("/status/HTTP/1.1_101_x", 1, "(status 101)"),
    ("/status/ICY_200_OK", 1, "does not speak proper HTTP"), ("/garbage", 1, "does not speak proper HTTP"),
    ("/redirect", 1, "status is 302, expected 2xx"), ("/429", 11, "asks for fewer requests"), ("/deep", 0, "1 passed"),
)

# A flow whose first answer is captured whole as "t"; the second request, exit status, a part of the finding.
CAPTURED = (
    (b"abc", "{get: /echo, query: {c: '{{t}}'}}", 0, "2 requests"),
    (b"/ok", "{get: '{{t}}'}", 0, "2 requests"),
    (b"http://localhost:9/steal", "{get: '{{t}}'}", 11, "where this flow has not been"),
    (b"//localhost:9/steal", "{get: '{{t}}'}", 11, "where this flow has not been"),
    (b"@localhost:9/", "{get: 'http://127.0.0.1{{t}}'}", 11, "user name"),
    (b"/ok\r\nX: y", "{get: '{{t}}'}", 11, "control byte"),
    (b"a\0b", "{get: '/echo/{{t}}'}", 11, "NUL"),
    (b"a\0b", "{get: /echo, headers: {X: '{{t}}'}}", 11, "control byte 0x00"),
    (b"x" * 20000, "{get: '{{t}}'}", 1, "longer than 16 KiB"),
)

REGEX_SECONDS = 3


def answers(t, h):
    for path, status, words in ANSWERS:
        r = smoke("checks:\n  - {name: a, request: {get: '%s', timeout: %s}}\n" % (path, "1s" if status else "8s"), h.url)
        t.ok(r.status == status and words in r.text and "runtime error" not in r.text and r.seconds < 10,
             "%s: %d, %s" % (path, status, words), r)


def captured(t, h):
    for body, request, status, words in CAPTURED:
        h.bodies["t"] = body
        r = smoke("checks:\n  - {name: a, steps: [{request: {get: /given/t}, capture: {t: {regex: '(?s).*'}}}, {request: %s}]}\n"
                  % request, h.url)
        t.ok(r.status == status and words in r.text and "offline" not in r.text,
             "%r captured into %s: %d, %s" % (body[:30], request, status, words), r)
    t.ok(not any(b"steal" in head for head in h.heads), "no server sends a flow elsewhere")


def patterns(t, h):
    h.bodies["a"] = b"a" * (1 << 20)
    for pattern in ("a.*[bc]", "(a+)+[^a]x?\\d$", "(?s)a(.*)\\1[bc]"):
        for test in ("expect: {body: {matches: '%s'}}", "capture: {x: {regex: '%s'}}"):
            r = smoke("checks:\n  - {name: a, request: {get: /given/a}, %s}\n" % (test % pattern), h.url, timeout=30)
            t.ok(r.status == 11 and "too many steps" in r.text and r.seconds < REGEX_SECONDS,
                 "%s gives up early and judges nothing" % (test % pattern), r)
    r = smoke("checks:\n  - {name: a, request: {get: /given/a}, expect: {body: {matches: '(?s).*ready'}}}\n", h.url)
    t.ok(r.status == 1, "a plain pattern on a long page is a failure as ever", r)


def lists(t, h):
    suite = "matrix: {t: {file: t.txt}}\nchecks:\n  - {name: 'x {{t}}', request: {get: '/echo/{{t}}'}}\n"
    r = smoke(suite, h.url, "--list", files={"t.txt": b"\xef\xbb\xbfacme \t\r\n  # c\r\n\r\n  globex\r\n"})
    t.eq((r.status, [line.split("  ")[0] for line in r.out.splitlines()]), (0, ["x acme", "x globex"]),
         "a list with a byte order mark, CRLF, blanks and indents")
    for data in (b"a\nb\0\nc\n", b"\n# only\n", b"", b"\xff\xfea\0\n\0", b"a\x1bb\n"):
        r = smoke(suite, h.url, files={"t.txt": data})
        t.ok(r.status == 78 and "t.txt" in r.text, "a list %r is refused whole" % data, r)


def offline(t, h):
    none = "  - {name: n, request: {get: 'http://nobody.invalid/'}}\n"
    r = smoke("checks:\n" + none, h.url)
    t.ok(r.status == 11 and "offline" in r.text, "a name without address and nothing else: offline, 11", r)
    r = smoke("checks:\n" + none + "  - {name: a, request: {get: /ok}}\n", h.url)
    t.ok(r.status == 1 and "offline" not in r.text, "beside an answer it is a failure", r)
    h.bodies["t"] = b"/ok\r\nX: y"
    r = smoke("checks:\n" + none + "  - {name: a, steps: [{request: {get: /given/t}, capture: {t: {regex: '(?s).*'}}},"
              " {request: {get: '{{t}}'}}]}\n", h.url)
    t.ok(r.status == 1 and "offline" not in r.text, "also beside a flow that broke after its first answer", r)
    r = smoke("checks:\n  - {name: a, request: {get: /}}\n", "http://169.254.169.254")
    t.ok(r.status == 11 and "link-local" in r.text and "offline" not in r.text, "a link-local address is refused", r)
    r = smoke("checks:\n  - {name: a, request: {get: /}}\n", "http://b\u00fccher.example")
    t.ok(r.status == 78 and "xn--" in r.text, "a host that is not ASCII is refused with what to write", r)


def parallel(t, h):
    rows = ",".join(str(i) for i in range(12))
    suite = "matrix: {t: [%s]}\nchecks:\n  - {name: a, request: {get: '/slow/{{t}}', timeout: 2s}, expect: {latency: 1s}}\n" % rows
    r = smoke(suite, h.url, "-j", "1")
    t.ok(r.status == 0 and r.seconds > 2.9, "waiting for a place counts as neither latency nor time-out", r)
    h.accepted = 0
    r = smoke(suite, h.url, "-j", "4")
    t.ok(r.status == 0 and h.accepted == 4 and r.seconds > 0.7, "four at once on four connections", "%d\n%r" % (h.accepted, r))
    r = smoke("checks:\n  - {name: z, request: {get: /slow}}\n  - {name: a, request: {get: /ok}}\n", h.url)
    t.eq([line.split()[1] for line in r.out.splitlines()[:2]], ["z", "a"], "results stand in the file's order")
    r = smoke(suite.replace("12", "60"), h.url, "-j", "50", prefix=("sh", "-c", 'ulimit -n 12; exec "$0" "$@"'))
    t.ok(r.status in (0, 11), "few descriptors are an error or no matter, never a failure of the server", r)


def interrupted(t, h):
    def run(suite, number, ready):
        with tempfile.TemporaryDirectory() as where:
            with open(os.path.join(where, "s.yaml"), "w", encoding="utf-8") as f:
                f.write("version: 1\nbase_url: %s\n" % h.url + suite)
            p = subprocess.Popen([program("smoke/smoke"), "s.yaml"], cwd=where, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
            deadline = time.monotonic() + 10
            while not ready(where) and time.monotonic() < deadline:
                time.sleep(0.01)
            begun = time.monotonic()
            p.send_signal(number)
            out = p.communicate(timeout=20)[0].decode()
            return p.returncode, out, time.monotonic() - begun

    def hangs(_):
        return any(head.startswith(b"GET /hang") for head in h.heads)

    for number, first, status in ((signal.SIGINT, "/ok", 130), (signal.SIGTERM, "/ok", 143), (signal.SIGINT, "/reset", 1)):
        h.heads.clear()
        have, out, seconds = run("checks:\n  - {name: a, request: {get: %s}}\n  - {name: b, request: {get: '/hang/x'}}\n"
                                 % first, number, lambda w: hangs(w) and len(h.heads) == 2)
        t.ok(have == status and "interrupted" in out and seconds < 2, "signal %d after %s: %d at once" % (number, first, status),
             "%d %.1f\n%s" % (have, seconds, out))
    have, out, seconds = run("secrets: {s: {command: [sh, -c, 'touch \"$TMPDIR/here\" 2>/dev/null; touch here; sleep 9']}}\n"
                             "checks:\n  - {name: b, request: {get: '/hang/{{secret.s}}'}}\n", signal.SIGINT,
                             lambda where: os.path.exists(os.path.join(where, "here")))
    t.ok(have in (-signal.SIGINT, 130) and seconds < 2, "Ctrl-C is obeyed while a secret's command runs", "%d %.1f\n%s" % (have, seconds, out))


def outputs(t, h):
    suite = "checks:\n  - {name: a, request: {get: %s}}\n"
    for path, file, status in (("/ok", "/dev/full", 11), ("/reset", "/dev/full", 1), ("/ok", "/nowhere/x.json", 11)):
        r = smoke(suite % path, h.url, "--json", file)
        t.ok(r.status == status and "cannot write" in r.err, "--json %s with %s: %d" % (file, path, status), r)
    with open("/dev/full", "w", encoding="utf-8") as full:
        for path, status in (("/ok", 11), ("/reset", 1)):
            r = smoke(suite % path, h.url, stdout=full)
            t.ok(r.status == status and "cannot write" in r.err, "a full standard output with %s: %d" % (path, status), r)
    r = smoke("checks:\n  - {name: a, request: {get: /escape}, expect: {header: {x-esc: \"\\u202ey\"}, body: {equals: z}}}\n"
              "  - {name: b, tags: [\"t\\u202e\"], request: {get: /escape}, expect: {body: {equals: \"\\u202ey\"}}}\n", h.url, "-v", "--json", "/dev/stderr")
    bad = [c for c in r.text if (ord(c) < 32 and c != "\n") or 0x7f <= ord(c) < 0xa0 or c == "\u202e"]
    t.ok(r.status == 1 and not bad and not any(line.startswith("::") for line in r.text.splitlines()),
         "no control byte comes out, nor an order to a CI system", "%r\n%r" % (bad, r))


def main():
    t = Tap()
    with Hostile() as h:
        for part in (answers, captured, patterns, lists, offline, parallel, interrupted, outputs):
            part(t, h)
    try:
        with Hostile(socket.AF_INET6, "::1") as h:
            r = smoke("checks:\n  - {name: a, request: {get: /ok}}\n", h.url)
            t.ok(r.status == 0, "an IPv6 literal", r)
    except OSError as e:
        t.skip("an IPv6 literal", e)
    t.done()


main()
