#!/usr/bin/python3
"""Signed webhooks, tokens and bodies against a server that verifies them with its own code."""
import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import Tap, program  # noqa: E402

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
SEEN = []


def mac(over, secret=SECRET, digest="sha256"):
    return hmac.new(secret.encode() if isinstance(secret, str) else secret, over, digest)


def fresh(stamp):
    return stamp.isdigit() and abs(time.time() - int(stamp)) < 300


def stripe(h, body):
    fields = dict(p.split("=", 1) for p in h.get("Stripe-Signature", "").split(",") if "=" in p)
    return fresh(fields.get("t", "")) and hmac.compare_digest(
        mac(fields["t"].encode() + b"." + body).hexdigest(), fields.get("v1", ""))


def github(h, body):
    return hmac.compare_digest("sha256=" + mac(body).hexdigest(), h.get("X-Hub-Signature-256", ""))


def slack(h, body):
    stamp = h.get("X-Slack-Request-Timestamp", "")
    return fresh(stamp) and hmac.compare_digest(
        "v0=" + mac(b"v0:" + stamp.encode() + b":" + body).hexdigest(), h.get("X-Slack-Signature", ""))


def standard(h, body):
    stamp, ident = h.get("webhook-timestamp", ""), h.get("webhook-id", "")
    key = base64.b64decode(SECRET[6:])
    want = "v1," + base64.b64encode(mac(ident.encode() + b"." + stamp.encode() + b"." + body, key).digest()).decode()
    return bool(ident) and fresh(stamp) and hmac.compare_digest(want, h.get("webhook-signature", ""))


def own(h, body):
    stamp = h.get("X-Time", "")
    want = base64.b64encode(mac(stamp.encode() + b"|" + body, digest="sha512").digest()).decode()
    return fresh(stamp) and hmac.compare_digest("sig=" + want, h.get("X-Own", ""))


SCHEMES = {"stripe": stripe, "github": github, "slack": slack, "standard": standard, "own": own}


def aws_ok(handler, body):
    """Verifies Signature Version 4 as the service would, from what is on the wire."""
    h, auth = handler.headers, handler.headers.get("Authorization", "")
    if not auth.startswith("AWS4-HMAC-SHA256 "):
        return False
    fields = dict(p.strip().split("=", 1) for p in auth[17:].split(","))
    key_id, day, region, service, _ = fields["Credential"].split("/")
    url = urlsplit(handler.path)
    canonical = "\n".join(
        [handler.command, url.path, url.query]
        + ["%s:%s" % (n, " ".join(h[n].split())) for n in fields["SignedHeaders"].split(";")]
        + ["", fields["SignedHeaders"], hashlib.sha256(body).hexdigest()])
    scope = "/".join([day, region, service, "aws4_request"])
    text = "\n".join(["AWS4-HMAC-SHA256", h["X-Amz-Date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + b"aws-secret-key"
    for part in (day, region, service, "aws4_request"):
        key = mac(part.encode(), key).digest()
    return key_id == "AKIDEXAMPLE" and mac(text.encode(), key).hexdigest() == fields["Signature"] and \
        {"host", "x-amz-date"} <= set(fields["SignedHeaders"].split(";"))


class Server(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True
    tokens = 0

    def log_message(self, *_):
        pass

    def answer(self, status, data=None):
        body = json.dumps(data if data is not None else {}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.handle_any(b"")

    def do_POST(self):
        self.handle_any(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def handle_any(self, body):
        path = urlsplit(self.path).path
        kind, _, rest = path.strip("/").partition("/")
        SEEN.append((path, dict(self.headers), body))
        if kind == "hook":
            self.answer(200 if SCHEMES[rest](self.headers, body) else 401)
        elif kind == "careless":
            self.answer(200)
        elif kind == "crashes":
            self.answer(200 if github(self.headers, body) else 500)
        elif kind == "unstamped":  # verifies, but takes any time
            fields = dict(p.split("=", 1) for p in self.headers.get("Stripe-Signature", "").split(",") if "=" in p)
            good = "v1" in fields and mac(fields["t"].encode() + b"." + body).hexdigest() == fields["v1"]
            self.answer(200 if good else 400)
        elif path == "/token":
            form = {k: v[0] for k, v in parse_qs(body.decode()).items()}
            basic = base64.b64decode(self.headers.get("Authorization", "Basic ")[6:]).decode().split(":")
            client = tuple(unquote(x) for x in basic) if len(basic) == 2 else (form.get("client_id"), form.get("client_secret"))
            if form.get("grant_type") != "client_credentials" or client != ("smoke:er", "s3cret/&x"):
                self.answer(401, {"error": "invalid_client", "error_description": "who are you"})
            else:
                Server.tokens += 1
                self.answer(200, {"access_token": "tok-%s-secret" % form.get("scope"), "token_type": "Bearer",
                                  "expires_in": 3600})
        elif path == "/tokened":
            self.answer(200 if self.headers.get("Authorization") == "Bearer tok-read-secret" else 401,
                        {"echo": self.headers.get("Authorization", "")})
        elif kind == "aws":
            self.answer(200 if aws_ok(self, body) else 403)
        elif path == "/upload":
            head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
            parts = {p.get_param("name", header="content-disposition"): [p.get_filename(), p.get_content_type(),
                                                                         p.get_payload(decode=True).decode("latin-1")]
                     for p in BytesParser().parsebytes(head + body).get_payload()}
            self.answer(200, parts)
        elif path == "/raw":
            self.answer(200, {"sha256": hashlib.sha256(body).hexdigest(), "type": self.headers.get("Content-Type")})
        else:
            self.answer(404)


def main():
    tap = Tap()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = "http://127.0.0.1:%d" % server.server_address[1]
    work = tempfile.TemporaryDirectory(prefix="smoke-sign-")
    env = {"PATH": os.environ["PATH"], "HOOK": SECRET, "CLIENT": "s3cret/&x", "AWS_KEY": "aws-secret-key", "LC_ALL": "C.UTF-8"}

    def smoke(checks, *args):
        path = os.path.join(work.name, "s.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write("version: 1\nbase_url: %s\nsecrets: {hook: {env: HOOK}, client: {env: CLIENT}, aws: {env: AWS_KEY}}\n"
                    "checks:\n%s" % (base, checks))
        done = subprocess.run([program("smoke/smoke"), *args, path], env=env, text=True, capture_output=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def hook(path, sign, **more):
        request = {"post": path, "json": {"id": "evt_{{uuid}}"}, "sign": sign, **more}
        return '  - {name: %s, request: %s}\n' % (path.strip("/").replace("/", " "), json.dumps(request))

    secret = "{{secret.hook}}"
    signs = {n: {"scheme": n, "secret": secret} for n in ("stripe", "github", "slack", "standard")}
    signs["own"] = {"scheme": "hmac", "secret": secret, "hash": "sha512", "encoding": "base64", "over": "{{timestamp}}|{{body}}",
                    "headers": {"X-Own": "sig={{signature}}", "X-Time": "{{timestamp}}"}}
    for name, sign in signs.items():
        del SEEN[:]
        status, out = smoke(hook("/hook/" + name, sign))
        tap.ok(status == 0 and len(SEEN) == 1, "%s: a receiver that verifies takes it" % name, out)
        del SEEN[:]
        status, out = smoke(hook("/hook/" + name, sign, rejects_unsigned=True))
        want = 3 if name == "github" else 4
        tap.ok(status == 0 and len(SEEN) == want, "%s: unsigned, wrongly signed%s are refused, then it is taken"
               % (name, "" if name == "github" else " and stale"), "%d requests\n%s" % (len(SEEN), out))
    status, out = smoke(hook("/careless", signs["stripe"], rejects_unsigned=True))
    tap.ok(status == 1 and "the unsigned webhook was accepted: status 200, expected 400, 401 or 403" in out,
           "a receiver that takes anything fails", out)
    status, out = smoke(hook("/unstamped", signs["stripe"], rejects_unsigned=True))
    tap.ok(status == 1 and "the stale webhook was accepted" in out, "one that takes an old signature fails", out)
    status, out = smoke(hook("/crashes", signs["github"], rejects_unsigned=True))
    tap.ok(status == 1 and "status 500" in out and "a crash is no refusal" in out, "one that crashes fails", out)
    status, out = smoke(hook("/crashes", signs["github"], rejects_unsigned=True, rejected_with=["5xx"]))
    tap.ok(status == 0, "what counts as a refusal can be said", out)

    oauth = {"token_url": base + "/token", "client_id": "smoke:er", "client_secret": "{{secret.client}}", "scope": "read"}

    def tokened(name, **more):
        return "  - {name: %s, request: %s}\n" % (name, json.dumps({"get": "/tokened", "auth": {"oauth2": {**oauth, **more}}}))

    status, out = smoke("".join(tokened("t%d" % i) for i in range(5)), "--jobs", "1")
    tap.ok(status == 0 and Server.tokens == 1, "five checks share one access token", "%d tokens\n%s" % (Server.tokens, out))
    status, out = smoke(tokened("in the body", send="body"))
    tap.ok(status == 0, "the client's secret can go in the body", out)
    status, out = smoke(tokened("wrong", client_id="other"))
    tap.ok(status == 11 and "no access token: the token url answers with status 401: invalid_client, who are you" in out,
           "a refused client is an error, told apart from the check", out)
    status, out = smoke("  - {name: echo, request: %s, expect: {status: 418}}\n"
                        % json.dumps({"get": "/tokened", "auth": {"oauth2": oauth}}), "-v")
    tap.ok(status == 1 and "tok-read-secret" not in out and "s3cret/&x" not in out, "the token is shown nowhere", out)

    aws = {"service": "execute-api", "region": "eu-central-1", "access_key": "AKIDEXAMPLE", "secret_key": "{{secret.aws}}"}
    status, out = smoke("  - {name: aws, request: %s}\n  - {name: post, request: %s}\n" % (
        json.dumps({"get": "/aws/items?b=2&a=x%20y&a=", "auth": {"sigv4": aws}}),
        json.dumps({"post": "/aws/items", "json": {"a": 1}, "auth": {"sigv4": {**aws, "session_token": "abcdef"}}})))
    tap.ok(status == 0, "a service that verifies Signature Version 4 takes it", out)

    with open(os.path.join(work.name, "logo.bin"), "wb") as f:
        f.write(bytes(range(256)))
    status, out = smoke("""  - name: upload
    request:
      post: /upload
      multipart: {title: 'a "b"', logo: {file: logo.bin}, note: {value: "{{side}}", type: text/x-note, filename: n.txt}}
    expect: {json: {/title: [null, text/plain, 'a "b"'], /logo/0: logo.bin, /logo/1: application/octet-stream,
                    /note: [n.txt, text/x-note, new]}}
  - name: file
    request: {post: /raw, body: {file: logo.bin}, headers: {content-type: image/x}}
    expect: {json: {/sha256: "%s", /type: image/x}}
""" % hashlib.sha256(bytes(range(256))).hexdigest())
    tap.ok(status == 0, "multipart and file bodies arrive byte for byte", out)
    status, out = smoke("  - {name: x, request: {post: /raw, body: {file: gone.bin}}}\n")
    tap.ok(status == 78 and "gone.bin" in out and ":5:" in out, "a body's file that is not there is told with its place", out)
    with open(os.path.join(work.name, "big.bin"), "wb") as f:
        f.truncate(1024 * 1024 + 1)
    status, out = smoke("  - {name: x, request: {post: /raw, body: {file: big.bin}}}\n")
    tap.ok(status == 78 and "big.bin" in out, "one past 1 MiB is refused", out)
    server.shutdown()
    work.cleanup()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
