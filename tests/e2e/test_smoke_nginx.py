#!/usr/bin/python3
"""nginx as a peer: HTTP/2, TLS 1.2 and 1.3, client certificates, gzip, chunks, connections that end; and a small server for redirects,
slow first bytes and a proxy."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import Tap, program  # noqa: E402

RELEASE = threading.Event()
SEEN = []

CONF = """
daemon off; worker_processes 1; error_log stderr error; pid %(dir)s/pid;
events { worker_connections 256; }
http {
  access_log off; types { text/html html; application/json json; } default_type text/plain;
  client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p; fastcgi_temp_path %(dir)s/f; uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
  ssl_certificate %(dir)s/server.pem; ssl_certificate_key %(dir)s/server.key;
  gzip on; gzip_types application/json; gzip_min_length 10;
  server { listen 127.0.0.1:%(p0)d ssl http2; ssl_protocols TLSv1.2; root %(dir)s/www; }
  server { listen 127.0.0.1:%(p1)d ssl http2; ssl_protocols TLSv1.3; root %(dir)s/www; keepalive_requests 3; }
  server { listen 127.0.0.1:%(p2)d ssl; root %(dir)s/www; keepalive_requests 3;
           location /dead { proxy_pass http://127.0.0.1:1; }
           location /chunked { proxy_pass http://127.0.0.1:%(back)d; proxy_http_version 1.1; } }
  server { listen 127.0.0.1:%(p3)d ssl; ssl_client_certificate %(dir)s/ca.pem; ssl_verify_client on; root %(dir)s/www; }
  server { listen 127.0.0.1:%(p4)d; root %(dir)s/www; }
}
"""


class Back(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", **more):
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self):
        SEEN.append(("CONNECT", self.path, dict(self.headers)))
        host, port = self.path.split(":")
        with socket.create_connection((host, int(port))) as out:
            self.send_response(200)
            self.end_headers()
            pump = threading.Thread(target=self.copy, args=(out, self.connection), daemon=True)
            pump.start()
            self.copy(self.connection, out)
            pump.join(5)
        self.close_connection = True

    @staticmethod
    def copy(a, b):
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        SEEN.append(("POST", self.path, dict(self.headers), body))
        if self.path.startswith("/to/"):
            self.reply(int(self.path[4:7]), Location="/end")
        else:
            self.reply(200, body)

    def do_GET(self):
        SEEN.append(("GET", self.path, dict(self.headers)))
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(50):
                self.wfile.write(b"5\r\nhello\r\n")
            self.wfile.write(b"0\r\n\r\n")
        elif self.path.startswith("/hop"):
            n = int(self.path[4:])
            self.reply(302, Location="/hop%d" % (n - 1) if n > 1 else "/end", Set_Cookie="hop%d=1; Path=/" % n)
        elif self.path == "/loop":
            self.reply(302, Location="/pool")
        elif self.path == "/pool":
            self.reply(302, Location="/loop")
        elif self.path.startswith("/away?"):
            self.reply(302, Location=self.path[6:])
        elif self.path == "/metadata":
            self.reply(302, Location="http://169.254.169.254/latest/meta-data/")
        elif self.path == "/silent":
            RELEASE.wait(20)
        else:
            self.reply(200, b"the end")


def main():
    tap = Tap()
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    work = tempfile.TemporaryDirectory(prefix="smoke-nginx-")
    os.chmod(work.name, 0o755)
    d = work.name

    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=d)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "30", "-subj", "/CN=Test CA")
    for name, extra in (("server", "subjectAltName=DNS:www.example.com,IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", name + ".key", "-out", name + ".csr",
                "-subj", "/CN=" + name)
        with open(os.path.join(d, "ext"), "w", encoding="ascii") as f:
            f.write(extra)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", name + ".pem", "-days",
                "20", "-extfile", "ext")
    os.mkdir(os.path.join(d, "www"))
    with open(os.path.join(d, "www/data.json"), "w", encoding="ascii") as f:
        f.write('{"items": [%s]}' % ", ".join(["1234"] * 5000))
    with open(os.path.join(d, "www/ok"), "w", encoding="ascii") as f:
        f.write("fine")
    back = ThreadingHTTPServer(("127.0.0.1", 0), Back)
    back.daemon_threads = True
    threading.Thread(target=back.serve_forever, daemon=True).start()
    other = ThreadingHTTPServer(("127.0.0.1", 0), Back)
    other.daemon_threads = True
    threading.Thread(target=other.serve_forever, daemon=True).start()
    sockets = [socket.socket() for _ in range(5)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = {"p%d" % i: s.getsockname()[1] for i, s in enumerate(sockets)}
    for s in sockets:
        s.close()
    with open(os.path.join(d, "nginx.conf"), "w", encoding="ascii") as f:
        f.write(("" if os.getuid() else "user root;") + CONF % {"dir": d, "back": back.server_address[1], **ports})
    server = subprocess.Popen([nginx, "-p", d, "-c", os.path.join(d, "nginx.conf")], stderr=subprocess.DEVNULL)
    for port in ports.values():
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
    url = {k: "https://127.0.0.1:%d" % v for k, v in ports.items()}
    plain = "http://127.0.0.1:%d" % back.server_address[1]
    far = "http://127.0.0.1:%d" % other.server_address[1]

    def smoke(checks, *args, top=""):
        path = os.path.join(d, "s.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write("version: 1\nbase_url: %s\n%schecks:\n%s" % (plain, top, checks))
        done = subprocess.run([program("smoke/smoke"), "--cacert", os.path.join(d, "ca.pem"), *args, path], text=True, capture_output=True,
                              timeout=60, env={**os.environ, "http_proxy": "http://127.0.0.1:1", "PROXY_PASSWORD": "pr0xy-pass"})
        return done.returncode, done.stdout + done.stderr

    def one(request, expect="{}"):
        return smoke("  - {name: x, request: {%s}, expect: %s}\n" % (request, expect))

    try:
        status, out = one("get: '%s/ok', http: '2'" % url["p0"], "{tls: '1.2', body: {equals: fine}}")
        tap.ok(status == 0, "HTTP/2 over TLS 1.2", out)
        status, out = one("get: '%s/ok', http: '2'" % url["p1"], "{tls: '1.3'}")
        tap.ok(status == 0, "HTTP/2 over TLS 1.3", out)
        status, out = one("get: '%s/ok', http: '1.1'" % url["p1"])
        tap.ok(status == 0, "HTTP/1.1 by choice", out)
        status, out = one("get: '%s/ok', http: '2'" % url["p2"])
        tap.ok(status == 1 and "the answer came over HTTP/1.1, expected HTTP/2" in out, "HTTP/2 demanded of a server without it fails", out)
        status, out = one("get: '%s/data.json', compressed: true" % url["p2"],
                          "{header: {content-encoding: gzip}, json: {/items: {length: 5000}}, size: {at_least: 30000}}")
        tap.ok(status == 0, "gzip on request, undone before it is judged", out)
        status, out = one("get: '%s/data.json'" % url["p2"], "{header: {content-encoding: {exists: false}}, json: {/items/0: 1234}}")
        tap.ok(status == 0, "and none without it", out)
        status, out = one("get: '%s/chunked'" % url["p2"], "{size: 250, body: {matches: '^(hello){50}$'}}")
        tap.ok(status == 0, "a chunked answer", out)
        status, out = one("get: '%s/dead'" % url["p2"])
        tap.ok(status == 1 and "status is 502" in out, "a dead upstream", out)
        tls = "tls: {cert: client.pem, key: client.key, ca: ca.pem}"
        status, out = one("get: '%s/ok', %s" % (url["p3"], tls))
        tap.ok(status == 0, "a client certificate", out)
        status, out = one("get: '%s/ok'" % url["p3"])
        tap.ok(status == 1 and "status is 400" in out, "without it nginx refuses", out)
        status, out = one("get: '%s/ok', tls: {cert: server.csr, key: client.key}" % url["p3"])
        tap.ok(status in (1, 11) and "cert" in out, "a certificate that is none", out)
        status, out = one("get: /, tls: {cert: gone.pem}")
        tap.ok(status == 78 and "gone.pem cannot be read" in out and ":4:" in out, "one that is not there is told with its place", out)
        for port, what in (("p1", "HTTP/2"), ("p2", "HTTP/1.1")):
            rows = "matrix: {n: [%s]}\n" % ", ".join(str(i) for i in range(60))
            status, out = smoke("  - {name: 'n {{n}}', request: {get: '%s/ok?{{n}}'}, expect: {body: {equals: fine}}}\n" % url[port],
                                "--report", "json", "--jobs", "5", top=rows)
            tap.ok(status == 0 and '"passed":60' in out and '"requests":60' in out and '"attempts":2' not in out,
                   "%s: connections that end after three requests cost no check and no second request" % what, [x for x in out.splitlines() if "\"fail\"" in x][:2])

        status, out = one("get: /hop3, follow: 3", "{body: {equals: the end}}")
        tap.ok(status == 0, "redirects are followed as far as they are asked to be", out)
        status, out = one("get: /hop3, follow: 2")
        tap.ok(status == 1 and "one redirect too many, to %s/end" % plain in out, "and not one further", out)
        status, out = one("get: /hop1", "{status: 302}")
        tap.ok(status == 0, "and not at all unless asked", out)
        status, out = one("get: /loop, follow: 5")
        tap.ok(status == 1 and "leads back to %s/loop: a loop" % plain in out, "a loop", out)
        status, out = one("get: /metadata, follow: 5")
        tap.ok(status == 1 and "a link-local address; not followed" in out, "a redirect to where clouds keep credentials", out)
        status, out = one("get: '/away?ftp://x/', follow: 5")
        tap.ok(status == 1 and "Location is no url" in out, "a redirect to no url", out)
        del SEEN[:]
        status, out = one("get: '/away?%s/far', follow: 1, headers: {x-key: k, cookie: a=b}, auth: {bearer: t0ken}" % far)
        sent = [x for x in SEEN if x[1] == "/far"]
        tap.ok(status == 0 and len(sent) == 1 and not {"Authorization", "Cookie", "x-key"} & set(sent[0][2]),
               "no credential goes to another origin", "%s\n%s" % (sent, out))
        del SEEN[:]
        status, out = one("get: '/hop1', follow: 1, auth: {bearer: t0ken}")
        sent = [x for x in SEEN if x[1] == "/end"]
        tap.ok(status == 0 and sent[0][2].get("Authorization") == "Bearer t0ken" and sent[0][2].get("Cookie") == "hop1=1",
               "to the same origin they and the cookies go along", sent)
        for code, method in ((301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")):
            del SEEN[:]
            status, out = one("post: /to/%d, json: {a: 1}, follow: 1" % code)
            tap.ok(status == 0 and SEEN[-1][0] == method and (method == "GET" or SEEN[-1][3] == b'{"a":1}'),
                   "%d: a POST goes on as %s" % (code, method), "%s\n%s" % (SEEN[-1:], out))
        status, out = one("get: '%s/x', follow: 1" % url["p4"].replace("https", "http"), "{status: 404}")
        tap.ok(status == 0, "plain nginx, nothing to follow", out)

        status, out = one("get: /silent, first_byte_timeout: 150ms, timeout: 10s")
        tap.ok(status == 1 and "no byte of an answer came within 150ms" in out, "a deadline for the first byte", out)
        del SEEN[:]
        status, out = smoke("  - {name: x, request: {get: '%s/ok', proxy: 'http://me:{{secret.p}}@127.0.0.1:%d'}}\n"
                            % (url["p0"], back.server_address[1]), top="secrets: {p: {env: PROXY_PASSWORD}}\n")
        tap.ok(status == 0 and SEEN[0][0] == "CONNECT" and "Proxy-Authorization" in SEEN[0][2], "https through a proxy that was named", out)
        status, out = one("get: '%s/ok', proxy: 'http://127.0.0.1:1'" % url["p0"])
        tap.ok(status == 1 and "127.0.0.1:1" in out, "a proxy that is not there", out)
        status, out = one("get: /, proxy: 'socks://x'")
        tap.ok(status == 78 and "a proxy is http://" in out, "one that is none", out)
        status, out = one("get: /, follow: 21")
        tap.ok(status == 78 and "follow" in out, "one past twenty redirects", out)
    finally:
        RELEASE.set()
        server.terminate()
        server.wait(10)
        back.shutdown()
        other.shutdown()
        work.cleanup()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
