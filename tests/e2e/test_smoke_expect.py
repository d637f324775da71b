#!/usr/bin/python3
"""Every expectation twice: once met, once not, with the sentence that is told. Captures of every kind."""
import hashlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import Tap, program  # noqa: E402

DATA = {"id": 7, "pi": 3.1416, "name": "Acme Ltd", "ok": True, "none": None, "empty": [], "tags": ["new", "hot"],
        "items": [{"id": 1, "name": "one", "price": 1.5}, {"id": 2, "name": "two", "price": 2}], "map": {"a": 1, "b": 2}}
BODY = json.dumps(DATA).encode()


class Server(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def log_message(self, *_):
        pass

    def do_GET(self):
        status = 302 if self.path == "/moved" else 200
        if self.path.startswith("/echo"):
            body = json.dumps({"q": self.path.split("=", 1)[1]}).encode()
        else:
            body = b"x" * 2000000 if self.path == "/big" else BODY
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "sid=s3ss10n; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=3600")
        self.send_header("Set-Cookie", "theme=dark; path=/app; domain=example.com; SameSite=None")
        self.send_header("Location", "../login?from=/moved#top")
        self.end_headers()
        self.wfile.write(body)


def main():
    tap = Tap()
    work = tempfile.TemporaryDirectory(prefix="smoke-expect-")
    key, cert = os.path.join(work.name, "key.pem"), os.path.join(work.name, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                    "-out", cert, "-days", "30", "-subj", "/CN=shop.example.com", "-addext",
                    "subjectAltName=DNS:shop.example.com,DNS:*.tenants.example.com,IP:127.0.0.1"], check=True, capture_output=True)
    servers = []
    for tls in (False, True):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    plain, secure = ("%s://127.0.0.1:%d" % (("http", "https")[i], s.server_address[1]) for i, s in enumerate(servers))

    def smoke(checks, *args):
        path = os.path.join(work.name, "s.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write("version: 1\nbase_url: %s\nchecks:\n%s" % (plain, checks))
        done = subprocess.run([program("smoke/smoke"), "--cacert", cert, *args, path], text=True, capture_output=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    sha = hashlib.sha256(BODY).hexdigest()
    table = [  # what, expectation; None: met, else the sentence
        ("json: {/items: {any: {/name: two}}}", None),
        ("json: {/items: {any: {/name: three}}}", "none of the 2 items of /items is as expected"),
        ("json: {/items: {all: {/id: {at_least: 1}, /name: {type: string}}}}", None),
        ("json: {/items: {all: {/id: {at_most: 1}}}}", "item 1 of /items does not hold: /id is 2, expected at most 1"),
        ("json: {/items: {none: {/name: three}}}", None),
        ("json: {/items: {none: {/name: one}}}", "item 0 of /items is what none may be"),
        ("json: {/tags: {any: hot, all: {length: 3}}}", None),
        ("json: {/empty: {all: 1}}", "/empty is an empty list"),
        ("json: {/empty: {none: 1}}", None),
        ("json: {/name: {any: 1}}", "/name is a text, expected a list"),
        ("json: {/id: {type: integer}, /pi: {type: number}, /name: {type: string}, /ok: {type: boolean}, /none: {type: 'null'}, "
         "/tags: {type: list}, /map: {type: object}}", None),
        ("json: {/id: {type: [string, 'null']}}", "/id is 7, expected the type string or null"),
        ("json: {/pi: {near: {value: 3.14, within: 0.01}}}", None),
        ("json: {/pi: {near: {value: 3, within: 0.1}}}", "/pi is 3.1416, expected 3 within 0.1"),
        ("json: {/id: {one_of: [5, 7]}}", None),
        ("json: {/id: {one_of: [5, 6]}}", "/id is 7, expected 5 or 6"),
        ("json: {/id: {not: 8}, /gone: {not: {exists: true}}}", None),
        ("json: {/id: {not: {at_least: 5}}}", "/id is what it must not be"),
        ("json: {/name: {starts_with: Acme, ends_with: Ltd}}", None),
        ("json: {/items/*/price: {type: number}, /items/*/id: {at_least: 1}, /map/*: {at_most: 2}}", None),
        ("json: {/items/*/name: {matches: '^o'}}", "/items/1/name is 'two'"),
        ("json: {/gone/*/id: {at_least: 1}}", "/gone/*/id is missing"),
        ("json: {/gone/*/id: {exists: false}}", None),
        ("json: {/tags/*: {exists: false}}", "/tags/0 is there, expected none"),
        ("body: {not: {contains: error}, starts_with: '{'}", None),
        ("body: {not: {contains: Acme}}", "body is what it must not be"),
        ("header: {content-type: {one_of: [text/html, application/json]}, x-gone: {not: {exists: true}}}", None),
        ("header: {content-type: {one_of: [text/html, text/plain]}}", "expected text/html or text/plain"),
        ("header: {content-type: {not: {matches: json}}}", "header content-type is what it must not be: 'application/json'"),
        ("size: {at_least: 10, at_most: 1000}", None),
        ("size: 5", "the body has %d bytes, expected at most 5" % len(BODY)),
        ("sha256: %s" % sha, None),
        ("sha256: %s" % ("0" * 64), "the body's SHA-256 is %s" % sha),
        ("cookie: {sid: {http_only: true, secure: true, same_site: lax, path: /, max_age: {at_least: 3600, at_most: 3600}}}", None),
        ("cookie: {sid: s3ss10n, theme: {value: {starts_with: da}, domain: example.com, path: /app, same_site: none}, no: {exists: false}}", None),
        ("cookie: {theme: {http_only: true}}", "cookie theme is not HttpOnly, expected it to be"),
        ("cookie: {sid: {secure: false}}", "cookie sid is Secure, expected it not to be"),
        ("cookie: {sid: {same_site: strict}}", "cookie sid has SameSite=Lax, expected strict"),
        ("cookie: {sid: {path: /app}}", "cookie sid has Path=/, expected /app"),
        ("cookie: {sid: {max_age: {at_most: 60}}}", "cookie sid lives 3600 seconds, expected at most 60"),
        ("cookie: {theme: {max_age: {at_least: 1}}}", "cookie theme ends with the session"),
        ("cookie: {gone: {secure: true}}", "cookie gone is not set"),
        ("cookie: {sid: {exists: false}}", "cookie sid is set, expected none"),
        ("cookie: {sid: {value: {matches: '^x'}}}", "cookie sid is 's3ss10n'"),
        ("redirect: '%s/login?from=/moved'" % plain, None),
        ("redirect: {ends_with: /logout}", "the redirect's target is '%s/login?from=/moved'" % plain),
        ("timing: {connect: 5s, first_byte: 5s, total: 5s, dns: 5s, tls: 5s}", None),
        ("tls: '1.2'", "the connection is no TLS, expected at least TLSv1.2"),
        ("certificate: {days_left: 5}", "the connection is not TLS"),
    ]
    for expect, sentence in table:
        status, out = smoke("  - {name: x, request: {get: /moved}, expect: {status: 302, %s}}\n" % expect)
        good = status == 0 if sentence is None else status == 1 and sentence in out
        tap.ok(good, "%s: %s" % (expect[:100], "met" if sentence is None else "not met"), out)
    table = [
        ("certificate: {days_left: 10, names: [shop.example.com, acme.tenants.example.com, 127.0.0.1], self_signed: true, chain: 1, "
         "chain_days_left: 20, subject: shop.example.com, issuer: {contains: CN=shop}}", None),
        ("certificate: {days_left: 60}", "the certificate ends in 29 days, expected at least 60 days"),
        ("certificate: {names: a.b.tenants.example.com}", "does not cover a.b.tenants.example.com; its names are shop.example.com"),
        ("certificate: {names: 'a.{{side}}.example.com'}", "does not cover a.new.example.com"),
        ("certificate: {self_signed: false}", "the certificate is self-signed"),
        ("certificate: {chain: {at_least: 2, at_most: 3}}", "the server sends 1 certificate, expected 2 to 3"),
        ("certificate: {chain_days_left: 90}", "a certificate of the chain ends in 29 days"),
        ("certificate: {issuer: {contains: Encrypt}}", "the certificate's issuer is 'CN=shop.example.com'"),
        ("tls: '1.2'", None),
        ("tls: '1.3'", "the connection is TLSv1.2, expected at least TLSv1.3"),
    ]
    for expect, sentence in table:
        status, out = smoke("  - {name: x, request: {get: '%s/'}, expect: {%s}}\n" % (secure, expect))
        good = status == 0 if sentence is None else status == 1 and sentence in out
        tap.ok(good, "%s: %s" % (expect[:100], "met" if sentence is None else "not met"), out)
    status, out = smoke("""  - name: flow
    steps:
      - request: {get: "%s/"}
        capture: {sid: {cookie: sid}, code: {status: true}, days: {certificate: days_left}, cn: {certificate: subject}}
      - request: {get: "%s/echo?q={{sid}}-{{code}}-{{days}}-{{cn}}"}
        expect: {json: {/q: "s3ss10n-200-29-shop.example.com"}}
""" % (secure, secure))
    tap.ok(status == 0, "captures of cookie, status and certificate", out)
    status, out = smoke("  - {name: x, request: {get: /}, capture: {c: {cookie: gone}}}\n")
    tap.ok(status == 1 and "'c' could not be captured: the answer sets no such cookie" in out, "a cookie that is not there", out)
    status, out = smoke("  - {name: x, request: {get: /big}, expect: {sha256: %s}}\n" % sha)
    tap.ok(status == 11 and "cannot be hashed" in out, "a body longer than what is kept is an error, not a failure", out)
    status, out = smoke("  - {name: x, request: {get: /}, expect: {body: {not: {matches: '(a+)+$|(([a-z]+.)+[0-9])+!'}}}}\n")
    tap.ok(status in (0, 11), "a pattern that needs too many steps inside 'not' is no failure", out)
    for expect, words in (("json: {/a: {type: text}}", "'type' expects"), ("json: {/a: {near: 3}}", "'near' expects"),
                          ("json: {/a: {one_of: 3}}", "'one_of' expects a list"), ("sha256: zz", "sha256"),
                          ("certificate: {}", "nothing is expected here"), ("tls: '1.4'", "tls"),
                          ("json: {/a: %s1%s}" % ("{not: " * 9, "}" * 9), "at most 8 deep"),
                          ("cookie: {a: {max_age: soon}}", "max_age")):
        status, out = smoke("  - {name: x, request: {get: /}, expect: {%s}}\n" % expect)
        tap.ok(status == 78 and words in out and ":4:" in out, "a suite that is wrong: %s" % expect, out)
    for server in servers:
        server.shutdown()
    work.cleanup()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
