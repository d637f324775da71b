#!/usr/bin/python3
"""Steps that always run, retries with growing pauses, cookies given and refused, warnings, rows left out."""
import json
import os
import signal
import subprocess
import sys
import threading
from urllib.parse import urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import Tap  # noqa: E402
from smoke_kit import Answers, Bench  # noqa: E402

SEEN, COUNT, COOKIES = [], {}, {}
STUCK, RELEASE = threading.Event(), threading.Event()
BODY = {"id": 7, "name": "Acme", "tags": ["a", "b"], "owner": {"email": "a@example.com"}, "items": [{"id": 1}, {"id": 2, "note": None}]}


class Server(Answers):
    def answer(self):
        path = urlsplit(self.path).path
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        SEEN.append("%s %s" % (self.command, self.path))
        n = COUNT[path] = COUNT.get(path, 0) + 1
        COOKIES[self.path] = self.headers.get("Cookie")
        status, more, body = 200, [], dict(BODY)
        if path == "/cut" and n < 3:
            self.close_connection = True
            return
        if path == "/thing" and self.command == "POST":
            status, body = 201, {"id": "t-%d" % n}
        elif path in ("/wrong", "/bad-clean"):
            status = 500
        elif path == "/set":
            more = [("Set-Cookie", "sid=jar; Path=/"), ("Set-Cookie", "theme=dark; Path=/")]
        elif path == "/away":
            status, more = 302, [("Location", "http://localhost:%d/landed" % self.server.server_address[1])]
        elif path == "/stuck":
            STUCK.set()
            RELEASE.wait(20)
        self.reply(status, body, more)

    do_GET = do_POST = do_DELETE = answer


def main():
    tap = Tap()

    def forget():
        del SEEN[:]
        COUNT.clear()
        COOKIES.clear()

    bench = Bench(Server, forget)
    write, start, smoke = bench.write, bench.start, bench.smoke

    # finally
    flow = """checks:
  - name: thing
    steps:
      - {request: {post: /thing}, expect: {status: 201}, capture: {thing: {json: /id}}}
      - {request: {get: "%s"}}
    finally:
      - {request: {delete: "/thing/{{thing}}"}}
      - {request: {get: "/log"}}
"""
    status, out = smoke(flow % "/ok")
    tap.ok(status == 0 and SEEN == ["POST /thing", "GET /ok", "DELETE /thing/t-1", "GET /log"], "steps that run last, after a pass", "%s\n%s" % (SEEN, out))
    status, out = smoke(flow % "/wrong")
    tap.ok(status == 1 and SEEN[2:] == ["DELETE /thing/t-1", "GET /log"] and "step 2 of 4: status is 500" in out, "and after a failure, which stays what is told",
           "%s\n%s" % (SEEN, out))
    status, out = smoke((flow % "/ok").replace("/thing}, expect", "/wrong}, expect"))
    tap.ok(status == 1 and SEEN == ["POST /wrong", "GET /log"], "a step that uses what nobody captured is left out, the others run", "%s\n%s" % (SEEN, out))
    status, out = smoke((flow % "/ok").replace('"/log"', '"/bad-clean"'))
    tap.ok(status == 1 and "step 4 of 4: status is 500" in out, "one that fails after a pass is the failure", out)
    status, out = smoke((flow % "/wrong").replace('"/thing/{{thing}}"', '"/bad-clean"'))
    tap.ok(status == 1 and SEEN[-1] == "GET /log" and "step 2 of 4" in out, "one that fails does not stop the next", "%s\n%s" % (SEEN, out))
    status, out = smoke((flow % "/wrong").replace("    steps:", "    retries: {times: 1, delay: 10ms}\n    steps:"))
    tap.ok(status == 1 and SEEN.count("GET /log") == 2 and "DELETE /thing/t-2" in SEEN, "each attempt cleans up after itself", SEEN)
    p = start(flow % "/stuck")
    STUCK.wait(20)
    p.send_signal(signal.SIGINT)
    out = p.communicate(timeout=30)[0]
    tap.ok(p.returncode == 130 and SEEN[-2:] == ["DELETE /thing/t-1", "GET /log"], "also after Ctrl-C", "%s %s\n%s" % (p.returncode, SEEN, out))
    STUCK.clear()
    p = start(flow.replace("/log", "/stuck") % "/wrong")
    STUCK.wait(20)
    for _ in range(100):  # two that wait together are one
        p.send_signal(signal.SIGINT)
        try:
            p.wait(0.05)
            break
        except subprocess.TimeoutExpired:
            pass
    out = p.communicate(timeout=15)[0]
    tap.ok(p.returncode in (1, 130) and _ < 60, "a second signal ends one that hangs", "%s %s\n%s" % (p.returncode, SEEN, out))
    RELEASE.set()
    status, out = smoke("checks:\n  - name: down\n    request: {get: 'http://127.0.0.1:9/x'}\n    finally: [{request: {get: /log}}]\n")
    tap.ok(status == 1 and SEEN == ["GET /log"], "also where no answer came", "%s\n%s" % (SEEN, out))
    status, out = smoke("checks:\n  - name: many\n    steps: [%s]\n    finally: [{request: {get: /}}]\n" % ", ".join(["{request: {get: /}}"] * 50))
    tap.ok(status == 78 and "more than 50 steps in all" in out, "one step too many", out)

    # retries
    one = "checks:\n  - {name: a, retries: {times: 3, delay: 20ms, %s}, request: {get: %s}}\n"
    status, out = smoke(one % ("backoff: 2, jitter: 50%", "/cut"))
    tap.ok(status == 0 and COUNT["/cut"] == 3 and "flaky" in out, "a connection that is cut twice, with backoff and jitter: flaky", out)
    status, out = smoke(one % ("on: network", "/cut"))
    tap.ok(status == 0 and COUNT["/cut"] == 3, "'on: network' tries a cut connection again", out)
    status, out = smoke(one % ("on: network", "/wrong"))
    tap.ok(status == 1 and COUNT["/wrong"] == 1, "but takes a wrong answer for an answer", out)
    status, out = smoke(one % ("on: failure", "/wrong"))
    tap.ok(status == 1 and COUNT["/wrong"] == 4, "without it a wrong answer is asked again", out)
    for wrong, words in (("on: everything", "failure, network"), ("backoff: 0.5", "backoff"), ("jitter: 120%", "jitter")):
        status, out = smoke(one % (wrong, "/wrong"))
        tap.ok(status == 78 and words in out and "s.yaml:4:" in out, "wrong: " + wrong, out)

    # cookies
    two = """vars: {who: bob}
checks:
  - name: flow
%s    steps:
      - {request: {get: /set, cookies: {first: "a-{{who}}"}}}
      - {request: {get: /next, cookies: {sid: mine}}}
      - {request: {get: /last}}
"""
    status, out = smoke(two % "")
    tap.ok(status == 0 and COOKIES["/set"] == "first=a-bob" and COOKIES["/next"] == "sid=mine; theme=dark" and COOKIES["/last"] == "sid=jar; theme=dark",
           "a request's own cookies go beside the jar's, and before one of the same name", COOKIES)
    status, out = smoke(two % "    cookies: off\n")
    tap.ok(status == 0 and COOKIES["/set"] == "first=a-bob" and COOKIES["/next"] == "sid=mine" and COOKIES["/last"] is None, "without a jar only they go", COOKIES)
    status, out = smoke("checks:\n  - {name: a, request: {get: /away, follow: 2, cookies: {sid: secret}}}\n")
    tap.ok(status == 0 and COOKIES["/away"] == "sid=secret" and COOKIES["/landed"] is None, "they do not follow to another origin", COOKIES)
    status, out = smoke("vars: {bad: 'a; admin=1'}\nchecks:\n  - {name: a, request: {get: /, cookies: {sid: '{{bad}}'}}}\n")
    tap.ok(status == 11 and not SEEN and "cookie sid holds a semicolon" in out, "a value cannot bring a second cookie with it", out)
    for wrong, words in (("cookies: {'a b': x}", "cannot be the name of a cookie"), ("cookies: {a: x}, headers: {Cookie: y}", "exclude each other"),
                         ("cookies: {a: [x]}", "cookies")):
        status, out = smoke("checks:\n  - {name: a, request: {get: /, %s}}\n" % wrong)
        tap.ok(status == 78 and words in out, "wrong: " + wrong, out)
    many = ", ".join("c%d: x" % i for i in range(51))
    status, out = smoke("checks:\n  - {name: a, request: {get: /, cookies: {%s}}}\n" % many)
    tap.ok(status == 78 and "50" in out, "one cookie too many", out)

    # warnings
    warn = "checks:\n  - {name: a, request: {get: /}, expect: {%s}}\n  - {name: b, request: {get: /}}\n"
    status, out = smoke(warn % "warn: {json: {/name: Beta}, status: 200}", "--format", "json")
    doc = json.loads(out)
    tap.ok(status == 0 and doc["totals"]["warned"] == 1 and doc["totals"]["passed"] == 1 and doc["checks"][0]["warning"]["line"] == 4 and
           'expected "Beta"' in doc["checks"][0]["warning"]["sentence"], "what is not met of 'warn' is told with its place, and the check passes", out)
    status, out = smoke(warn % "warn: {json: {/name: Beta}}")
    tap.ok(status == 0 and out.startswith("warn    a") and "s.yaml:4:" in out and "1 warning" in out, "in words, too", out)
    for kind, words in (("junit", "<system-out>warning: /name is"), ("tap", "not ok 1 - a # TODO"), ("github", "::warning file="),
                        ("html", "/name is &quot;Acme&quot;"), ("prometheus", "smoke_run_warned 1")):
        status, out = smoke(warn % "warn: {json: {/name: Beta}}", "--report", kind + "=-")
        tap.ok(status == 0 and words in out, "in the %s report" % kind, out[-1500:])
    status, out = smoke(warn % "json: {/name: Beta}, warn: {json: {/id: 8}}")
    tap.ok(status == 1 and "expected 8" not in out and "warn " not in out, "a failure says nothing of warnings", out)
    status, out = smoke(warn % "warn: {shape: {id: string}}")
    tap.ok(status == 0 and "/id is 7, expected the type string" in out, "a shape, too", out)
    status, out = smoke("defaults: {expect: {warn: {json: {/id: 8}}}}\n" + warn % "warn: {json: {/id: 7}}")
    tap.ok(status == 0 and "1 warning" in out and "warn    b" in out, "from defaults, where a check has none", out)
    for wrong in ("warn: {warn: {status: 200}}", "warn: {sse: {count: 1}}"):
        status, out = smoke(warn % wrong)
        tap.ok(status == 78 and "cannot stand inside 'warn'" in out, "wrong: " + wrong, out)

    # shapes
    shape = "checks:\n  - {name: a, request: {get: /}, expect: {%s}}\n"
    for text, sentence in (("shape: {id: integer, name: string, tags: [string], owner: {email: string, phone?: string}, items: [{id: integer, note?: string}]}", None),
                           ("shape: {owner: {email: string, phone: string}}", "/owner/phone is missing, expected the type string"),
                           ("shape: {items: [{id: string}]}", "/items/0/id is 1, expected the type string"),
                           ("json: {/items: {shape: [{id: integer, note: 'string|null'}]}}", "/items/0/note is missing, expected the type string or null"),
                           ("json: {/owner: {shape: [any]}}", '/owner is {"email":"a@example.com"}, expected the type list')):
        status, out = smoke(shape % text)
        tap.ok(status == (1 if sentence else 0) and (not sentence or sentence in out), "%s: %s" % (text, "met" if not sentence else "not met"), out)

    # rows
    rows = """matrix: {tenant: [acme, globex, initech], plan: [pro, free]}
checks:
  - {name: "{{tenant}} {{plan}}", %srequest: {get: "/t/{{tenant}}/{{plan}}"}}
"""
    for rule, want in (("", 6), ("rows: {only: {tenant: [a*, g*]}}, ", 4), ("rows: {except: {tenant: acme, plan: free}}, ", 5),
                       ("rows: {only: {plan: pro}, except: {tenant: '*c*'}}, ", 1)):
        status, out = smoke(rows % rule, "--jobs", "1")
        tap.ok(status == 0 and len(SEEN) == want and out.count("acme free") == (want in (6, 4)), "%s leaves %d" % (rule or "no rule", want), "%s\n%s" % (SEEN, out))
    for rule, words in (("rows: {only: {tenant: zzz}}, ", "leaves no row"), ("rows: {only: {city: x}}, ", "the check uses no column 'city'"),
                        ("rows: {only: [x]}, ", "expected a map of columns")):
        status, out = smoke(rows % rule)
        tap.ok(status == 78 and words in out, "wrong: " + rule, out)
    status, out = smoke(rows % "rows: {only: {plan: pro}}, " + '  - {name: later, needs: "{{tenant}} {{plan}}", request: {get: /}}\n')
    tap.ok(status == 78 and "what others need must run for all of them" in out, "a lender has all its rows", out)
    write("t.txt", "acme\nglobex\ninitech\n")
    file = "matrix: {tenant: {file: t.txt, %s}}\nchecks:\n  - {name: '{{tenant}}', request: {get: '/{{tenant}}'}}\n"
    for rule, want in (("only: '*e*'", ["acme", "globex", "initech"]), ("only: [a*, i*]", ["acme", "initech"]), ("except: a*", ["globex", "initech"])):
        status, out = smoke(file % rule, "--jobs", "1")
        tap.ok(status == 0 and SEEN == ["GET /" + t for t in want], "of a file, " + rule, "%s\n%s" % (SEEN, out))
    status, out = smoke(file % "only: zzz")
    tap.ok(status == 78 and "holds no value that is wanted" in out, "of a file, none left", out)
    write("wide.csv", "Tenant Name,b,c,d,e,f,g,h,i,plan\nacme,1,2,3,4,5,6,7,8,pro\nglobex,1,2,3,4,5,6,7,8,free\n")
    wide = "matrix: {m: {csv: wide.csv, %s}}\nchecks:\n  - {name: '{{tenant}}', request: {get: '/{{tenant}}'}}\n"
    status, out = smoke(wide % "columns: {tenant: Tenant Name}, only: {plan: pro}")
    tap.ok(status == 0 and SEEN == ["GET /acme"], "columns of a wide CSV file, with names of their own", "%s\n%s" % (SEEN, out))
    for rule, words in (("columns: []", "expected [COLUMN, ...]"), ("columns: [zzz]", "the file has no column 'zzz'"), ("columns: {t: b, 'x y': c}", "cannot be the name"),
                        ("only: {plan: pro}", "choose some with 'columns'")):
        status, out = smoke(wide % rule)
        tap.ok(status == 78 and words in out, "wrong: " + rule, out)
    bench.end()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
