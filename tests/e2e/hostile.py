"""A web server that does what it should not, one thread a connection, and a way to run smoke against it.

    with Hostile() as h:
        r = smoke("checks:\n  - {name: a, request: {get: /drip}}\n", h.url)
        r.status, r.out, r.err, r.seconds
"""
import base64
import gzip
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

from sandbox import program

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s"


def plain(body, headers=b""):
    """A whole answer with this body."""
    return PLAIN % (len(body), headers, body)


def flood(c, block, times):
    """Sends until the other side has had enough."""
    try:
        for _ in range(times):
            c.sendall(block)
    except OSError:
        pass


def reset(c):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Hostile:
    """Routes are methods: r_NAME(connection, request head, request body) for /NAME or /NAME/..."""

    def __init__(self, family=socket.AF_INET, address="127.0.0.1"):
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.bind((address, 0))
        self.listener.listen(512)
        self.port = self.listener.getsockname()[1]
        self.url = "http://%s:%d" % ("[%s]" % address if family == socket.AF_INET6 else address, self.port)
        self.heads, self.accepted, self.lock = [], 0, threading.Lock()
        self.bodies = {}
        self.over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        data = b""
        with c:
            try:
                while True:
                    while b"\r\n\r\n" not in data:
                        more = c.recv(65536)
                        if not more:
                            return
                        data += more
                    head, _, data = data.partition(b"\r\n\r\n")
                    want = 0
                    for line in head.lower().split(b"\r\n"):
                        if line.startswith(b"content-length:"):
                            want = int(line.split(b":")[1])
                    while len(data) < want:
                        data += c.recv(65536)
                    body, data = data[:want], data[want:]
                    name = head.split(b" ")[1].decode("latin-1").lstrip("/").split("/")[0].split("?")[0]
                    with self.lock:
                        self.heads.append(head)
                    if not getattr(self, "r_" + name, self.r_ok)(c, head, body):
                        return
            except OSError:
                return

    def r_ok(self, c, head, body):
        c.sendall(plain(b"hello"))
        return True

    def r_given(self, c, head, body):
        """A body that a test has put into self.bodies."""
        c.sendall(plain(self.bodies[head.split(b" ")[1].decode().split("/")[2]]))
        return True

    def r_echo(self, c, head, body):
        c.sendall(plain(head + b"\n\n" + body))
        return True

    def r_slow(self, c, head, body):
        self.over.wait(0.25)
        c.sendall(plain(b"hello"))
        return True

    def r_hang(self, c, head, body):
        self.over.wait(20)

    def r_drip(self, c, head, body):
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not self.over.wait(0.05):
            c.sendall(b"x")

    def r_driphead(self, c, head, body):
        c.sendall(b"HTTP/1.1 200 OK\r\n")
        while not self.over.wait(0.05):
            c.sendall(b"X-A: 1\r\n")

    def r_reset(self, c, head, body):
        reset(c)

    def r_close(self, c, head, body):
        pass

    def r_resetmid(self, c, head, body):
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        reset(c)

    def r_early(self, c, head, body):
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    def r_halfhead(self, c, head, body):
        c.sendall(b"HTTP/1.1 200 OK\r\nX-Half")

    def r_big(self, c, head, body):
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        flood(c, b"x" * (1 << 20), 1024)

    def r_bigchunked(self, c, head, body):
        c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        flood(c, b"100000\r\n" + b"x" * (1 << 20) + b"\r\n", 1024)

    def r_bomb(self, c, head, body):
        c.sendall(plain(gzip.compress(b"\0" * (32 << 20)), b"Content-Encoding: gzip\r\n"))
        return True

    def r_headers(self, c, head, body):
        c.sendall(b"HTTP/1.1 200 OK\r\n")
        flood(c, b"X-Some-Header: value\r\n" * 100, 100)
        c.sendall(b"Content-Length: 2\r\n\r\nok")

    def r_longheader(self, c, head, body):
        c.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        flood(c, b"y" * 65536, 64)

    def r_continue(self, c, head, body):
        flood(c, b"HTTP/1.1 100 Continue\r\n\r\n", 1000000)

    def r_status(self, c, head, body):
        """/status/LINE: answers with that status line, '_' for a blank."""
        line = head.split(b" ")[1].split(b"/", 2)[2].replace(b"_", b" ")
        c.sendall(line + b"\r\nContent-Length: 0\r\n\r\n")

    def r_garbage(self, c, head, body):
        c.sendall(bytes(range(256)) * 8)

    def r_escape(self, c, head, body):
        text = b"\x1b[31mred\x1b]0;title\x07 \xe2\x80\xae bidi \xc2\x9b c1 \x00 nul\r\n::error::fooled\n"
        c.sendall(plain(text, b"X-Esc: \x1b[2J\xe2\x80\xaeevil\r\nX-Nl: a\x0bb\r\n"))
        return True

    def r_cookie(self, c, head, body):
        c.sendall(plain(b"ok", b"Set-Cookie: sid=Cookie-Value-0123456789\r\nSet-Cookie: far=1; Domain=example.org\r\n"))
        return True

    def r_redirect(self, c, head, body):
        c.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/elsewhere\r\nContent-Length: 0\r\n\r\n" % self.port)
        return True

    def r_429(self, c, head, body):
        c.sendall(b"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
        return True

    def r_json(self, c, head, body):
        c.sendall(plain(json.dumps({"a": [1, {"b/c": None, "~": "x", "": 0}], "n": 12345678901234567890,
                                    "big": 9007199254740993, "s": "text"}).encode()))
        return True

    def r_deep(self, c, head, body):
        c.sendall(plain(b"[" * 100000 + b"]" * 100000))
        return True

    def r_post(self, c, head, body):
        c.sendall(plain(b"got %d" % len(body)))
        return True


class Result:
    """What one run of smoke came to."""

    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds

    @property
    def text(self):
        return self.out + self.err

    def __repr__(self):
        return "status %d, %.2f s\n%s\n%s" % (self.status, self.seconds, self.out, self.err)


def smoke(suite, url=None, *args, env=None, files=None, stdin=None, stdout=subprocess.PIPE, timeout=60, prefix=()):
    """Runs the suite (a text below "version: 1"; None: none, args say all) in a directory of its own."""
    where = tempfile.mkdtemp(prefix="smoke-")
    clean = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "LC_ALL", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
    clean.update(env or {})
    command = [*prefix, program("smoke/smoke")]
    try:
        for name, data in (files or {}).items():
            with open(os.path.join(where, name), "wb") as f:
                f.write(data)
        if suite is not None:
            text = "version: 1\n" + ("base_url: %s\n" % url if url else "") + suite
            with open(os.path.join(where, "suite.yaml"), "w", encoding="utf-8") as f:
                f.write(text)
            command.append("suite.yaml")
        begun = time.monotonic()
        p = subprocess.Popen(command + list(args), cwd=where, env=clean, stdout=stdout, stderr=subprocess.PIPE,
                             stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL)
        out, err = p.communicate(stdin, timeout)
        return Result(p.returncode, (out or b"").decode("utf-8", "surrogateescape"),
                      err.decode("utf-8", "surrogateescape"), time.monotonic() - begun)
    finally:
        shutil.rmtree(where, ignore_errors=True)


def encodings(secret):
    """Every dress a secret may come in: raw, base64 (each alignment's sure core), percent, hex."""
    raw = secret.encode()
    dresses = {secret, raw.hex(), raw.hex().upper(), "".join("%%%02X" % b for b in raw), "".join("%%%02x" % b for b in raw)}
    for pad in range(3):
        coded = base64.b64encode(b"x" * pad + raw).decode()
        dresses.add(coded[4 if pad else 0:len(coded) // 4 * 4 - 4])
    return [d for d in dresses if len(d) >= 6]
