"""smoke against a scripted HTTP server on loopback: the server, a directory for the suite, the program."""
import json
import os
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sandbox import program


class Answers(BaseHTTPRequestHandler):
    """Subclasses answer in do_GET and its like, by reply()."""
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def log_message(self, *_):
        pass

    def reply(self, status, body, more=()):
        """body is sent as JSON; more: further headers, (name, value)."""
        data = json.dumps(body).encode()
        self.send_response(status)
        for k, v in more:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:
            pass  # the program is gone


class Bench:
    """A server of `answers` and a directory; forget() is called before each run."""

    def __init__(self, answers, forget):
        self.server = server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.base = "http://127.0.0.1:%d" % server.server_address[1]
        self.work = tempfile.TemporaryDirectory(prefix="smoke-")
        self.forget = forget

    def write(self, name, text):
        with open(os.path.join(self.work.name, name), "w", encoding="utf-8", newline="") as f:
            f.write(text)

    def start(self, suite, *args):
        self.forget()
        self.write("s.yaml", "version: 1\nbase_url: %s\n%s" % (self.base, suite))
        return subprocess.Popen([program("smoke/smoke"), *args, os.path.join(self.work.name, "s.yaml")], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def smoke(self, suite, *args):
        """The exit status, and what it said."""
        p = self.start(suite, *args)
        out = p.communicate(timeout=60)[0]
        return p.returncode, out

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self.work.cleanup()
