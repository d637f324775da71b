#!/usr/bin/python3
"""The program smoke against the sandbox's fleets: the born-from flow, wrong things and their exit statuses."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import SRC, Sandbox, Tap, program, shop_config  # noqa: E402

EXAMPLE = os.path.join(SRC, "examples/shop.smoke.yaml")
OLD, NEW = "127.0.1.1", "127.0.2.1"
PASSWORD, STRIPE = "correct horse", "whsec_sandbox"


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "NO_COLOR", "CLICOLOR", "FORCE_COLOR"))}
    env.update({"SMOKE_PASSWORD": PASSWORD, "STRIPE_WEBHOOK_SECRET": STRIPE, "LC_ALL": "C.UTF-8", **more})
    return env


def smoke(*args, env=None, cwd=None, stdin=None):
    """(status, standard output, standard error)"""
    done = subprocess.run([program("smoke/smoke"), *args], env=env or environment(), cwd=cwd, input=stdin, text=True,
                          capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def fleet(sb, address):
    return ["--cacert", sb.ready["ca"], "--connect-to", "::%s:%d" % (address, sb.ready["https_port"])]


class Files:
    """A directory for suites of a test."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="smoke-")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.dir.cleanup()

    def write(self, name, text):
        path = os.path.join(self.dir.name, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def suite(self, checks, name="s.yaml", **top):
        lines = ["version: 1", "base_url: %s" % top.pop("base_url", "https://www.example.com")]
        lines += ["%s: %s" % (k, json.dumps(v)) for k, v in top.items()]
        return self.write(name, "\n".join(lines) + "\nchecks:\n" + checks)


def good(t, sb):
    for address in (OLD, NEW):
        status, out, err = smoke(*fleet(sb, address), EXAMPLE)
        t.eq(status, 0, "the example passes against " + address)
        t.ok("5 checks: 5 passed; 6 requests" in out, "and says so", out + err)
    status, out, _ = smoke(*fleet(sb, NEW), "--format", "json", EXAMPLE)
    report = json.loads(out)
    t.eq(report["schema"], 1, "the JSON report names its schema")
    t.eq(report["totals"]["passed"], 5, "and counts")
    t.eq([c["row"] for c in report["checks"] if c["row"]], [{"tenant": "acme"}, {"tenant": "globex"}], "and has the rows")
    status, out, err = smoke(*fleet(sb, NEW), "-q", EXAMPLE)
    t.eq((status, out, err), (0, "", ""), "quiet says nothing of what is well")
    status, out, _ = smoke(*fleet(sb, NEW), "--only", "auth", EXAMPLE)
    t.ok(status == 0 and "1 check: 1 passed" in out, "--only takes a tag", out)
    status, out, _ = smoke(*fleet(sb, NEW), "--skip", "tenant*", "--skip", "sign in", EXAMPLE)
    t.ok(status == 0 and "2 checks: 2 passed" in out, "--skip takes patterns", out)
    status, out, _ = smoke("--list", "--only", "tenant acme", EXAMPLE)
    t.eq((status, out.count("\n")), (0, 1), "--list shows what is selected")
    status, out, _ = smoke("--check", EXAMPLE)
    t.ok(status == 0 and "4 checks, 5 with their rows" in out, "--check reads and sends nothing", out)
    hosts = {(e["host"], e["path"]) for e in sb.events("fleet") if e["path"] == "/find"}
    t.eq(hosts, {("acme.shops.example.com", "/find"), ("globex.shops.example.com", "/find")}, "each tenant by its own name")


def bad_fleet(t, sb):
    where = fleet(sb, NEW)
    fault = sb.fault(kind="status", on="fleet", fleet="new", path="/v1/clients", status=502, body="<b>no\n::error::x\n\x1b[31m")
    status, out, err = smoke(*where, EXAMPLE)
    t.eq(status, 1, "a failed check is exit 1")
    t.ok(re.search(r"shop\.smoke\.yaml:\d+:\d+: status is 502, expected 200", out), "with its place and what was met", out)
    t.ok("try       curl -sS -i --connect-to ::127.0.2.1:" in out, "and a curl line", out)
    t.ok(not re.search(r"^\s*::", out, re.M) and "\x1b" not in out, "nothing the server sent begins a line or a colour", out)
    t.ok("5 checks: 4 passed, 1 failed" in out, "the others are told, too", out)
    status, out, _ = smoke(*where, "--format", "json", EXAMPLE)
    failure = [c for c in json.loads(out)["checks"] if c["verdict"] == "fail"][0]["failure"]
    t.eq((failure["met"], failure["expected"], failure["response"]["status"]), ("502", "200", 502), "the JSON report has both")
    sb.clear_faults(fault)
    fault = sb.fault(kind="status", on="fleet", fleet="new", path="/v1/clients", status=429, retry_after=7)
    status, out, _ = smoke(*where, EXAMPLE)
    t.ok(status == 11 and "ERROR" in out, "too many requests is no verdict: exit 11", out)
    sb.clear_faults(fault)
    for kind, words in (("reset", None), ("truncated", None), ("garbage", None), ("wrong_body", None)):
        fault = sb.fault(kind=kind, on="fleet", fleet="new", path="/v1/clients")
        status, out, _ = smoke(*where, "--only", "client search", EXAMPLE)
        t.ok(status == 1 and "FAIL" in out, kind + " is a fail", out)
        sb.clear_faults(fault)
    fault = sb.fault(kind="hang", on="fleet", fleet="new", path="/v1/clients")
    status, out, _ = smoke(*where, "--timeout", "300ms", "--only", "client search", EXAMPLE)
    t.ok(status == 1 and "FAIL" in out, "a hanging server is a fail when --timeout is over", out)
    sb.clear_faults(fault)
    fault = sb.fault(kind="latency", on="fleet", fleet="new", path="/v1/clients", ms=600)
    status, out, _ = smoke(*where, "--only", "client search", EXAMPLE)
    t.ok(status == 1 and "expected at most 400ms" in out, "a slow answer fails its latency", out)
    sb.clear_faults(fault)


def certificates(t, sb, files):
    status, out, err = smoke("--connect-to", "::%s:%d" % (NEW, sb.ready["https_port"]), EXAMPLE)
    t.ok(status == 1 and out.count("FAIL") == 5, "an untrusted certificate fails", out + err)
    for kind in ("expired_certificate", "wrong_name_certificate", "self_signed_certificate"):
        fault = sb.fault(kind=kind, on="fleet", fleet="new")
        status, out, _ = smoke(*fleet(sb, NEW), "--only", "client search", EXAMPLE)
        t.ok(status == 1 and "certificate" in out, kind + " fails", out)
        sb.clear_faults(fault)
    suite = files.suite("  - {name: a, request: {get: /up}, expect: {certificate: {days_left: 365}}}\n")
    status, out, _ = smoke(*fleet(sb, NEW), suite)
    t.ok(status == 1 and re.search(r"the certificate ends in \d+ days, expected at least 365 days", out), "days left", out)


def secrets(t, sb, files):
    wrong = "wrong-password-77"
    status, out, err = smoke(*fleet(sb, NEW), "-v", EXAMPLE, env=environment(SMOKE_PASSWORD=wrong))
    t.ok(status == 1 and wrong not in out + err, "a wrong password fails and is not shown", out + err)
    t.ok('"$PASSWORD"' in out and '"$CSRF"' in out, "the curl line names it", out)
    env = environment()
    del env["SMOKE_PASSWORD"]
    status, out, err = smoke(*fleet(sb, NEW), EXAMPLE, env=env)
    t.ok(status == 78 and re.search(r"shop\.smoke\.yaml:\d+:\d+: .*SMOKE_PASSWORD", err), "a missing secret is exit 78", err)
    status, out, err = smoke(*fleet(sb, NEW), "--only", "client search", EXAMPLE, env=env)
    t.eq(status, 0, "unless no selected check uses it")
    suite = files.suite("  - {name: a, request: {get: '/headers/{{secret.k}}', auth: {basic: {user: u, password: '{{secret.k}}'}}, "
                        "query: {q: '{{secret.k}}'}}, expect: {status: 299, body: {equals: '{{secret.k}}'}}}\n",
                        secrets={"k": {"command": ["printf", "%s\\n", "s3cr&t/val+ue"]}})
    status, out, err = smoke(*fleet(sb, NEW), "-v", "--json", os.path.join(files.dir.name, "r.json"), suite)
    with open(os.path.join(files.dir.name, "r.json"), encoding="utf-8") as f:
        out += f.read()
    forms = ["s3cr&t/val+ue", "s3cr%26t%2Fval%2Bue", "czNjciZ0L3ZhbCt1ZQ", "733363722674"]
    t.ok(status == 1 and not any(f in out + err for f in forms), "no form of a secret in any report", out)


def exit_statuses(t, sb, files):
    where = fleet(sb, NEW)
    up = "  - {name: a, request: {get: /up}}\n"
    cases = [
        (11, "nothing selected", ["--only", "no-such", files.suite(up)], "nothing selected"),
        (11, "a mistyped --skip", ["--skip", "no-such", files.suite(up)], "nothing selected"),
        (64, "an unknown option", ["--base", "x", "x.yaml"], "did you mean '--base-url'?"),
        (64, "no suite at all", [], "no suite named"),
        (64, "an unknown variable", ["--var", "nope=1", files.suite(up)], "no suite has a variable 'nope'"),
        (78, "no such file", ["/nowhere/x.yaml"], "/nowhere/x.yaml"),
        (78, "a directory", [files.dir.name], files.dir.name),
        (78, "an empty file", [files.write("empty.yaml", "")], "empty"),
        (78, "an empty suite", [files.write("none.yaml", "version: 1\nchecks: []\n")], "must not be empty"),
        (78, "a bad suite", [files.write("bad.yaml", "version: 1\nchecks:\n  - {nam: a}\n")], "did you mean 'name'?"),
        (78, "one bad suite of two", [files.suite(up), "/nowhere/y.yaml"], "/nowhere/y.yaml"),
        (78, "a CA file that is not there", ["--cacert", "/nowhere/ca.pem", files.suite(up)], "/nowhere/ca.pem"),
    ]
    for want, name, args, words in cases:
        status, out, err = smoke(*(args if "--cacert" in args or want == 64 else where + args), cwd=files.dir.name)
        t.ok(status == want and words in err and out == "", "%s: exit %d" % (name, want), "%d\n%s%s" % (status, out, err))
    status, out, err = smoke("--connect-to", "::127.0.9.9:1", files.suite(up))
    t.ok(status == 1 and "refused" in out, "a refused connection: exit 1", out + err)
    status, out, err = smoke("--base-url", "https://no-such-host.invalid", files.suite(up))
    t.ok(status == 11 and "is this machine offline?" in out, "no name resolves: exit 11", out + err)
    status, out, err = smoke(*where, files.suite("  - {name: a, request: {get: /status/500}, severity: warn}\n" + up.replace("name: a", "name: b")))
    t.ok(status == 0 and "1 warning" in out, "a warning does not fail the gate", out + err)
    status, out, err = smoke(*where, "--json", "/dev/full", files.suite(up))
    t.ok(status != 0, "a report that cannot be written is no success", "%d %s" % (status, err))
    for args in (["--help"], ["--nonsense", "-h"], ["--version"]):
        status, out, err = smoke(*args)
        t.ok(status == 0 and "smoke" in out and err == "", " ".join(args), out + err)
    status, out, _ = smoke(*where, "-", stdin="version: 1\nbase_url: https://www.example.com\nchecks:\n" + up)
    t.eq(status, 0, "a suite from standard input")


def retries(t, sb, files):
    fault = sb.fault(kind="status", on="fleet", fleet="new", path="/up", status=500, count=2)
    suite = files.suite("  - {name: a, request: {get: /up}, retries: {times: 2, delay: 10ms}}\n")
    status, out, _ = smoke(*fleet(sb, NEW), suite)
    t.ok(status == 0 and "flaky" in out and "(attempt 3)" in out, "a pass after retries is told as flaky", out)
    sb.clear_faults(fault)


def flows(t, sb, files):
    suite = files.suite("""\
  - name: signed in
    steps:
      - request: {get: /login}
        capture: {csrf: {regex: 'name="csrf-token" content="([^"]+)"'}}
      - request: {post: /session, form: {email: "a@b", password: "correct horse", authenticity_token: "{{csrf}}"}}
        expect: {status: 302}
        capture: {where: {header: Location}}
      - request: {get: "{{where}}"}
        expect: {status: 200}
  - name: not signed in
    request: {get: /dashboard}
    expect: {status: [302, 401, 403]}
  - name: bad signature
    request: {post: /webhooks/stripe, json: {id: evt_1}, sign: {scheme: stripe, secret: whsec_wrong}}
    expect: {status: 4xx}
""")
    status, out, err = smoke(*fleet(sb, NEW), suite)
    t.ok(status == 0, "cookies and captures go on to a captured url; a jar is a check's own", out + err)
    status, out, err = smoke(*fleet(sb, NEW), "--var", "who=nobody", files.suite(
        "  - {name: a, request: {get: /v1/clients, query: {q: '{{who}}'}}, expect: {json: {/meta/total: 0}}}\n",
        vars={"who": "acme"}))
    t.ok(status == 0, "--var replaces a variable", out + err)
    status, out, err = smoke("--base-url", "http://%s:%d" % (NEW, sb.ready["http_port"]), files.suite(
        "  - {name: a, request: {get: /up}}\n"))
    t.ok(status == 0, "--base-url replaces the suite's", out + err)


def tenants(t, sb, files):
    names = files.write("tenants.txt", "\n".join("t%d" % i for i in range(40)) + "\n")
    checks = "".join("  - {name: 'c%d {{tenant}}', request: {get: 'https://{{tenant}}.shops.example.com/find'}}\n" % i for i in range(5))
    suite = files.suite(checks, matrix={"tenant": {"file": os.path.basename(names)}})
    status, out, err = smoke(*fleet(sb, NEW), "-q", "-j", "8", suite)
    t.eq((status, out), (0, ""), "200 checks over 40 hosts")


def interrupted(t, sb, files):
    fault = sb.fault(kind="hang", on="fleet", fleet="new", path="/slow")
    suite = files.suite("  - {name: quick, request: {get: /up}}\n  - {name: slow, request: {get: /slow/9}}\n")
    for sig, want in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        p = subprocess.Popen([program("smoke/smoke"), *fleet(sb, NEW), "--progress", "json", suite], env=environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = json.loads(p.stderr.readline())
        p.send_signal(sig)
        out, _ = p.communicate(timeout=20)
        t.ok(first["name"] == "quick" and p.returncode == want and "not run" in out and "interrupted" in out,
             "%s: what is done so far, exit %d" % (sig.name, want), "%d\n%s" % (p.returncode, out))
    sb.clear_faults(fault)


def live_line(t, sb, files):
    fault = sb.fault(kind="latency", on="fleet", fleet="new", path="/up", ms=900)
    suite = files.suite("  - {name: quick, request: {get: /v1/clients}}\n  - {name: late, request: {get: /up}}\n")
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(program("smoke/smoke"), ["smoke", *fleet(sb, NEW), suite], environment(TERM="xterm"))
    seen = b""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            part = os.read(fd, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    t.ok(os.waitstatus_to_exitcode(status) == 0 and b"\r1/2 done  quick\x1b[K" in seen, "a live line on a terminal", repr(seen))
    t.ok(b"\x1b[32mok" in seen and b"\r\x1b[K" in seen, "wiped before the report, which has colours", repr(seen))
    sb.clear_faults(fault)


def main():
    t = Tap()
    config = shop_config()
    config["fleets"] = [{"name": "old", "addresses": [OLD]}, {"name": "new", "addresses": [NEW]}]
    with Sandbox(config) as sb, Files() as files:
        for part, args in ((good, ()), (bad_fleet, ()), (certificates, (files,)), (secrets, (files,)),
                           (exit_statuses, (files,)), (retries, (files,)), (flows, (files,)), (tenants, (files,)),
                           (interrupted, (files,)), (live_line, (files,))):
            print("# " + part.__name__, flush=True)
            try:
                part(t, sb, *args)
            except Exception as e:  # pylint: disable=broad-except
                import traceback
                t.ok(False, "%s runs to its end" % part.__name__, traceback.format_exc() + str(e))
            sb.clear_faults()
    t.done()


main()
