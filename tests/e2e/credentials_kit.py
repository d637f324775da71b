"""Stand-ins of those who give AWS credentials: STS, the SSO portal, instance metadata, a container's agent.

One server on the loopback; what it answers is a table that a test changes as it goes.

    with Peer() as peer:
        peer.answer["GET /creds"] = lambda rq: (200, container_keys("KEY"))
"""
import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.parse


def later(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Request:
    def __init__(self, handler, body):
        self.method, self.body = handler.command, body
        self.path, _, self.query = handler.path.partition("?")
        self.headers = {k.lower(): v for k, v in handler.headers.items()}
        self.form = dict(urllib.parse.parse_qsl(body.decode("latin-1")))
        self.args = dict(urllib.parse.parse_qsl(self.query))


class Peer:
    """answer: "METHOD /path" -> function of a Request that gives (status, body[, headers]); None hangs until the end."""

    def __init__(self):
        peer = self
        self.answer, self.seen, self.over = {}, [], threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            disable_nagle_algorithm = True
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                rq = Request(self, body)
                peer.seen.append(rq)
                give = peer.answer.get("%s %s" % (rq.method, rq.path))
                got = give(rq) if give else (404, "")
                if got is None:
                    peer.over.wait(60)
                    self.close_connection = True
                    return
                status, text = got[:2]
                data = text.encode() if isinstance(text, str) else json.dumps(text).encode()
                self.send_response(status)
                for name, value in (got[2] if len(got) > 2 else {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = handle_one

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def reset(self):
        self.answer.clear()
        del self.seen[:]

    def wait_seen(self, count, seconds=30):
        end = time.monotonic() + seconds
        while len(self.seen) < count:
            if time.monotonic() > end:
                raise AssertionError("%d requests, not %d" % (len(self.seen), count))
            time.sleep(0.005)


def hmac256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def check_signature(rq, secrets, service="sts"):
    """None when the request is signed well by a key of secrets (id -> secret), else what is wrong."""
    parts = dict(p.strip().split("=", 1) for p in rq.headers["authorization"].split(" ", 1)[1].split(","))
    key, day, region, name, _ = parts["Credential"].split("/")
    names = parts["SignedHeaders"].split(";")
    if name != service or key not in secrets:
        return "signed for %s by %s" % (name, key)
    canonical = "\n".join([rq.method, rq.path, rq.query,
                           "".join("%s:%s\n" % (n, rq.headers[n]) for n in names), ";".join(names),
                           hashlib.sha256(rq.body).hexdigest()])
    scope = "/".join([day, region, name, "aws4_request"])
    text = "\n".join(["AWS4-HMAC-SHA256", rq.headers["x-amz-date"], scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    k = ("AWS4" + secrets[key]).encode()
    for part in (day, region, name, "aws4_request"):
        k = hmac256(k, part)
    good = hmac256(k, text).hex()
    return None if good == parts["Signature"] else "signature %s, not %s" % (parts["Signature"], good)


def sts_keys(action, key, secret, token, seconds=3600):
    return ('<%sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%sResult><Credentials>'
            "<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken>"
            "<Expiration>%s</Expiration></Credentials></%sResult></%sResponse>" % (
                action, action, key, secret, token, later(seconds), action, action))


def sts_error(code, message):
    return ('<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code>'
            "<Message>%s</Message></Error><RequestId>1</RequestId></ErrorResponse>" % (code, message))


def json_keys(key, secret, token, seconds=3600, name="Token", **more):
    return dict({"AccessKeyId": key, "SecretAccessKey": secret, name: token, "Expiration": later(seconds)}, **more)
