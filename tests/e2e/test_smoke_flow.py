#!/usr/bin/python3
"""What checks lend to each other, what runs before and after all, polling, and rows out of CSV files."""
import os
import signal
import sys
import threading
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import Tap  # noqa: E402
from smoke_kit import Answers, Bench  # noqa: E402

SEEN, RELEASE, STUCK = [], threading.Event(), threading.Event()
COUNT = {}


class Server(Answers):
    def do_GET(self):
        url = urlsplit(self.path)
        q = {k: v[0] for k, v in parse_qs(url.query).items()}
        SEEN.append(self.path)
        n = COUNT[self.path] = COUNT.get(self.path, 0) + 1
        status, body, more = 200, {"ok": True, "n": n}, []
        if url.path == "/login":
            user = q.get("user", "bob")
            status, body = (200, {"token": "tok-" + user}) if user != "bad" else (401, {})
            more.append(("Set-Cookie", "sid=%s; Path=/" % user))
        elif url.path == "/private":
            good = self.headers.get("Authorization") == "Bearer tok-" + q.get("user", "bob") and \
                "sid=" + q.get("user", "bob") in self.headers.get("Cookie", "")
            status = 200 if good else 403
        elif url.path == "/job":
            body = {"state": "done" if n >= 4 else "running"}
        elif url.path == "/stuck":
            STUCK.set()
            RELEASE.wait(20)
        elif url.path == "/fail":
            status = 500
        self.reply(status, body, more)


LOGIN = "  - {name: sign in, request: {get: /login}, capture: {token: {json: /token}}}\n"
PRIVATE = '  - {name: private %d, needs: sign in, request: {get: "/private?%d", auth: {bearer: "{{token}}"}}}\n'


def main():
    tap = Tap()

    def forget():
        del SEEN[:]
        COUNT.clear()

    bench = Bench(Server, forget)
    work, write, start, smoke = bench.work, bench.write, bench.start, bench.smoke

    # a shared login
    checks = "".join(PRIVATE % (i, i) for i in range(5)) + LOGIN
    status, out = smoke("checks:\n" + checks)
    tap.ok(status == 0 and COUNT["/login"] == 1 and SEEN[0] == "/login", "one login lends its token and its cookie to five checks", out)
    status, out = smoke("checks:\n" + checks, "--only", "private 3")
    tap.ok(status == 0 and sorted(SEEN) == ["/login", "/private?3"], "a chosen check brings what it needs", "%s\n%s" % (SEEN, out))
    status, out = smoke("checks:\n" + checks, "--repeat", "3")
    tap.ok(status == 0 and COUNT["/login"] == 3, "repeats sign in again, and go on", out)
    bad = checks.replace("/login}", "/login?user=bad}")
    status, out = smoke("checks:\n" + bad)
    tap.ok(status == 1 and SEEN == ["/login?user=bad"] and out.count("not asked: it needs 'sign in', which did not pass") == 5,
           "a login that fails is one failure; the others are not asked", out)
    status, out = smoke("checks:\n" + bad + '  - {name: last, needs: private 1, request: {get: /}}\n')
    tap.ok(status == 1 and "not asked: it needs 'private 1', which did not pass" in out, "nor is what needs these", out)
    rows = """matrix: {user: [ann, bob, eve]}
checks:
  - {name: "in {{user}}", request: {get: "/login?user={{user}}"}, capture: {token: {json: /token}}}
  - {name: own, needs: "in {{user}}", request: {get: "/private?user={{user}}", auth: {bearer: "{{token}}"}}}
  - {name: "chain", needs: own, request: {get: "/private?user={{user}}&again=1", auth: {bearer: "{{token}}"}}}
"""
    status, out = smoke(rows)
    tap.ok(status == 0 and len(SEEN) == 9, "each row borrows from its own row, and lends on", out)
    status, out = smoke("checks:\n" + checks, "--for", "400ms", "--rate", "100/s")
    tap.ok(status in (0, 10) and "FAIL" not in out and "ERROR" not in out and SEEN[0] == "/login", "a budget over many probes waits for the login", out)
    for suite, words in (("checks:\n" + PRIVATE % (1, 1), "no check is named 'sign in'"),
                         ("checks:\n  - {name: a, needs: b, request: {get: /}}\n  - {name: b, needs: a, request: {get: /}}\n", "need each other"),
                         ("checks:\n" + LOGIN + "  - {name: x, needs: sing in, request: {get: /}}\n", "did you mean 'sign in'"),
                         ("setup:\n" + LOGIN + "checks:\n  - {name: x, needs: sign in, request: {get: /}}\n", "setup goes before all"),
                         ("checks:\n" + LOGIN + '  - {name: x, request: {get: "/{{token}}"}}\n', "unknown variable {{token}}")):
        status, out = smoke(suite)
        tap.ok(status == 78 and words in out and "s.yaml:" in out, "wrong: " + words, out)

    # setup and teardown
    around = "setup:\n" + LOGIN + '  - {name: make, request: {get: "/make?{{token}}"}}\n' \
        "teardown:\n  - {name: clean, request: {get: \"/clean?{{token}}\"}}\nchecks:\n"
    status, out = smoke(around + '  - {name: a, request: {get: "/a?{{token}}"}}\n  - {name: b, request: {get: /b}}\n')
    tap.ok(status == 0 and SEEN[:2] == ["/login", "/make?tok-bob"] and SEEN[-1] == "/clean?tok-bob" and "/a?tok-bob" in SEEN,
           "setup first, in order, teardown last", SEEN)
    status, out = smoke(around + "  - {name: a, request: {get: /fail}}\n  - {name: b, request: {get: /b}}\n", "--fail-fast", "--jobs", "1")
    tap.ok(status == 1 and SEEN[-1] == "/clean?tok-bob" and "/b" not in SEEN, "teardown also after --fail-fast", "%s\n%s" % (SEEN, out))
    status, out = smoke(around.replace("/make?", "/fail?") + "  - {name: a, request: {get: /a}}\n")
    tap.ok(status == 1 and "/a" not in SEEN and SEEN[-1] == "/clean?tok-bob" and "it needs 'make'" in out,
           "a setup that fails: nothing is asked, and cleaned up all the same", "%s\n%s" % (SEEN, out))
    status, out = smoke(around + "  - {name: a, request: {get: /a}}\n", "--repeat", "3")
    tap.ok(status == 0 and COUNT["/login"] == 1 and COUNT["/a"] == 3 and COUNT["/clean?tok-bob"] == 1, "once, however often the rest runs", out)
    p = start(around + "  - {name: a, request: {get: /stuck, timeout: 20s}}\n")
    STUCK.wait(20)
    p.send_signal(signal.SIGINT)
    out = p.communicate(timeout=30)[0]
    tap.ok(p.returncode == 130 and SEEN[-1] == "/clean?tok-bob", "teardown also after Ctrl-C", "%s %s\n%s" % (p.returncode, SEEN, out))
    RELEASE.set()

    # polling
    status, out = smoke("checks:\n  - {name: job, until: {within: 5s, every: 10ms}, request: {get: /job}, expect: {json: {/state: done}}}\n")
    tap.ok(status == 0 and COUNT["/job"] == 4, "asked again until it is met", out)
    status, out = smoke("checks:\n  - {name: job, until: {within: 120ms, every: 20ms, backoff: 2}, request: {get: /x}, expect: {json: {/n: 99}}}\n")
    tap.ok(status == 1 and "requests in" in out and "/n is" in out and 3 <= COUNT["/x"] <= 4, "and not for ever; pauses grow", "%s\n%s" % (COUNT, out))
    status, out = smoke("""checks:
  - name: flow
    steps:
      - {request: {get: /login}, capture: {token: {json: /token}}}
      - {until: {within: 5s, every: 10ms}, request: {get: "/job"}, expect: {json: {/state: done}}, capture: {s: {json: /state}}}
      - {request: {get: "/after?{{s}}&{{token}}"}}
""")
    tap.ok(status == 0 and SEEN[-1] == "/after?done&tok-bob", "inside a flow, too", SEEN)
    status, out = smoke("checks:\n  - {name: x, until: {every: 1s}, request: {get: /x}}\n")
    tap.ok(status == 78 and "within" in out, "until needs an end", out)

    # CSV
    write("tenants.csv", '\ufefftenant,plan,note\r\nacme,pro,"a, ""b"""\r\n\r\nglobex,free,\nhooli,pro-x,c\n')
    one = '  - {name: "{{tenant}} {{plan}}", request: {get: "/t?{{tenant}}&{{plan}}", query: {n: "{{note}}"}}}\n'
    status, out = smoke("matrix: {tenants: {csv: tenants.csv}}\nchecks:\n" + one, "--jobs", "1")
    tap.ok(status == 0 and SEEN == ["/t?acme&pro&n=a%2C%20%22b%22", "/t?globex&free&n=", "/t?hooli&pro-x&n=c"], "columns of a CSV file vary together", SEEN)
    status, out = smoke("matrix: {tenants: {csv: tenants.csv, only: {plan: [pro*]}, except: {tenant: hooli}}}\nchecks:\n" + one)
    tap.ok(status == 0 and len(SEEN) == 1 and "acme" in SEEN[0], "rows are chosen", SEEN)
    status, out = smoke("matrix: {tenants: {csv: tenants.csv}, side2: [x, y]}\nchecks:\n" + one.replace("{{plan}}\"", "{{plan}} {{side2}}\"", 1))
    tap.ok(status == 0 and len(SEEN) == 6, "and combined with other columns", SEEN)
    write("cols.csv", "tenant,plan\nx,1\n")
    for text, words in (("a,b\n1\n", "bad.csv:2: another number of fields"), ('a\n"x\n', "bad.csv:2: a quote is opened"), ('a\n"x"y\n', "text behind"),
                        ("a,a\n1,2\n", "two columns are named 'a'"), ("a\n", "gives no row"), ("a b\n1\n", "'a b' cannot be the name of a column"),
                        ("a\n\x01\n", "control characters"), (",".join("c%d" % i for i in range(9)) + "\n", "more than 8 columns"),
                        ("a\n" + "x" * 1025 + "\n", "1024 bytes"), ("a\n" + "x" * 5000 + "\n", "4096 bytes"),
                        ("a\n" + "x\n" * 50001, "more than 50000 rows")):
        write("bad.csv", text)
        status, out = smoke('matrix: {m: {csv: bad.csv}}\nchecks:\n  - {name: x, request: {get: /}}\n')
        tap.ok(status == 78 and words in out, "a CSV file that is wrong: " + words, out[:300])
    status, out = smoke("matrix: {m: {csv: tenants.csv, only: {plam: x}}}\nchecks:\n" + one)
    tap.ok(status == 78 and "the file has no column 'plam'" in out, "a rule for no column", out)
    status, out = smoke("matrix: {m: {csv: tenants.csv}, n: {csv: cols.csv}}\nchecks:\n" + one)
    tap.ok(status == 78 and "'tenant' is a matrix column already" in out, "two files with one column", out)
    # includes
    os.mkdir(os.path.join(work.name, "sub"))
    write("sub/login.yaml", "version: 1\nvars: {who: bob}\ninclude: deep.yaml\nchecks:\n" + LOGIN)
    write("sub/deep.yaml", 'version: 1\nchecks:\n  - {name: deep, request: {get: "/deep"}}\n')
    status, out = smoke("include: [sub/login.yaml]\nchecks:\n" + PRIVATE % (1, 1) + '  - {name: me, request: {get: "/me?{{who}}"}}\n', "--jobs", "1")
    tap.ok(status == 0 and {"/login", "/deep", "/private?1", "/me?bob"} == set(SEEN), "checks and variables of other files", "%s\n%s" % (SEEN, out))
    write("sub/deep.yaml", "version: 1\ninclude: login.yaml\nchecks:\n  - {name: deep, request: {get: /deep}}\n")
    status, out = smoke("include: sub/login.yaml\nchecks:\n" + LOGIN)
    tap.ok(status == 78 and "sub/login.yaml includes itself, by way of" in out, "files that include each other", out)
    write("sub/deep.yaml", "version: 1\nchecks:\n  - {name: deep, request: {gte: /deep}}\n")
    status, out = smoke("include: sub/deep.yaml\nchecks:\n" + LOGIN)
    tap.ok(status == 78 and "sub/deep.yaml:3:" in out, "an error in one is told with its own place", out)
    write("sub/deep.yaml", "version: 1\nbase_url: http://x.example\nchecks:\n  - {name: deep, request: {get: /deep}}\n")
    status, out = smoke("include: sub/deep.yaml\nchecks:\n" + LOGIN)
    tap.ok(status == 78 and "belong to the suite that includes" in out, "one that speaks for the whole suite", out)
    status, out = smoke("include: gone.yaml\nchecks:\n" + LOGIN)
    tap.ok(status == 78 and "gone.yaml" in out and "s.yaml:3:" in out, "one that is not there", out)
    write("sub/deep.yaml", "version: 1\nchecks:\n  - {name: sign in, request: {get: /deep}}\n")
    status, out = smoke("include: sub/deep.yaml\nchecks:\n" + LOGIN)
    tap.ok(status == 78 and "a second check of this name" in out, "one with a name that is taken", out)
    for i in range(10):
        write("d%d.yaml" % i, "version: 1\ninclude: d%d.yaml\nchecks:\n  - {name: d%d, request: {get: /}}\n" % (i + 1, i))
    status, out = smoke("include: d0.yaml\nchecks:\n" + LOGIN)
    tap.ok(status == 78 and "more than 8 files deep" in out, "nine deep", out)
    bench.end()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
