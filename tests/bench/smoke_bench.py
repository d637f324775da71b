#!/usr/bin/python3
"""Times `smoke` against the bare libcurl loop of bare_loop.c, in interleaved pairs, on an nginx of its own.

    tests/bench/smoke_bench.py [--build DIR] [--pairs N] [ROW ...]     rows: many one tenants; all by default

Each pair runs both, one right after the other, in alternating order. Printed: the median of the pairs' ratios, the interval that
holds it with 95 % (order statistics), both medians in ms, peak memory of smoke, and connections as nginx counted them."""
import argparse
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CONF = """
daemon off; worker_processes 1; worker_rlimit_nofile 8192; error_log stderr error; pid %(d)s/pid; %(user)s
events { worker_connections 4096; }
http {
  access_log off; default_type text/plain; keepalive_requests 1000000; keepalive_timeout 300s; http2_max_requests_dummy_off;
  client_body_temp_path %(d)s/b; proxy_temp_path %(d)s/p; fastcgi_temp_path %(d)s/f; uwsgi_temp_path %(d)s/u; scgi_temp_path %(d)s/s;
  ssl_certificate %(d)s/server.pem; ssl_certificate_key %(d)s/server.key; ssl_protocols TLSv1.3;
  server { listen 127.0.0.1:%(p1)d ssl backlog=4096; location / { return 200 "hello, results for you"; } }
  server { listen 127.0.0.1:%(p2)d ssl http2 backlog=4096; location / { return 200 "hello, results for you"; } }
  server { listen 127.0.0.1:%(p3)d; location / { stub_status; } }
}
""".replace(" http2_max_requests_dummy_off;", "")


def interval(values):
    """Order statistics of the median: the sign test's 95 % interval."""
    v, n = sorted(values), len(values)
    k, p = 0, 0.5 ** n
    total, c = p, 1
    while total <= 0.025 and k < n // 2:
        k += 1
        c = c * (n - k + 1) // k
        total += c * 0.5 ** n
    return v[max(k - 1, 0)], v[min(n - k, n - 1)]


class Bench:
    def __init__(self, build):
        self.work = tempfile.TemporaryDirectory(prefix="smoke-bench-")
        self.d = self.work.name
        os.chmod(self.d, 0o755)
        self.smoke, self.bare = os.path.join(build, "smoke/smoke"), os.path.join(build, "tests/bench/bare_loop")
        for args in (["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key", "-out",
                      "ca.pem", "-days", "30", "-subj", "/CN=Bench CA"],
                     ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "server.key", "-out", "s.csr",
                      "-subj", "/CN=bench"]):
            subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=self.d)
        self.write("ext", "subjectAltName=IP:127.0.0.1,DNS:*.tenants.example.com")
        subprocess.run(["openssl", "x509", "-req", "-in", "s.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem",
                        "-days", "20", "-extfile", "ext"], check=True, capture_output=True, cwd=self.d)
        sockets = [socket.socket() for _ in range(3)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        self.port = {str(i + 1): s.getsockname()[1] for i, s in enumerate(sockets)}
        for s in sockets:
            s.close()
        self.write("nginx.conf", CONF % {"d": self.d, "user": "" if os.getuid() else "user root;", **{"p" + k: v for k, v in self.port.items()}})
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.nginx = subprocess.Popen([nginx, "-p", self.d, "-c", os.path.join(self.d, "nginx.conf")])
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port["2"]), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        self.ca = os.path.join(self.d, "ca.pem")

    def write(self, name, text):
        with open(os.path.join(self.d, name), "w", encoding="ascii") as f:
            f.write(text)
        return os.path.join(self.d, name)

    def connections(self):
        with socket.create_connection(("127.0.0.1", self.port["3"])) as s:
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            text = b""
            while True:
                part = s.recv(4096)
                if not part:
                    break
                text += part
        return int(text.split(b"requests\n")[1].split()[0])

    def timed(self, argv, stdin):
        with open(stdin, encoding="ascii") as f:
            began = time.perf_counter()
            p = subprocess.Popen(argv, stdin=f, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            _, status, usage = os.wait4(p.pid, 0)
            ms = (time.perf_counter() - began) * 1000
        if status != 0:
            sys.exit("%s ended with %d: %s" % (argv[0], status, p.stderr.read().decode()[:500]))
        p.stderr.close()
        return ms, usage.ru_maxrss

    def row(self, name, version, pairs, jobs, urls, suite, to="-"):
        listing, path = self.write("urls", "\n".join(urls) + "\n"), self.write("s.yaml", suite)
        ours = [self.smoke, "--quiet", "--progress", "quiet", "--jobs", str(jobs), "--cacert", self.ca, path]
        if to != "-":
            ours[1:1] = ["--connect-to", to]
        theirs = [self.bare, self.ca, str(jobs), version, to, "results for \\w+"]
        ratios, a, b, peak, floor = [], [], [], 0, 0
        before = self.connections()
        self.timed(ours, "/dev/null")
        ours_n = self.connections() - before - 1
        self.timed(theirs, listing)
        theirs_n = self.connections() - before - ours_n - 2
        for i in range(pairs):
            both = {}
            for which in ((0, 1) if i % 2 else (1, 0)):
                both[which] = self.timed(ours, "/dev/null") if which == 0 else self.timed(theirs, listing)
            peak, floor = max(peak, both[0][1]), max(floor, both[1][1])
            a.append(both[0][0])
            b.append(both[1][0])
            ratios.append(both[0][0] / both[1][0])
        low, high = interval(ratios)
        print("%-34s HTTP/%s  ratio %.3f [%.3f, %.3f]  smoke %.1f ms, bare loop %.1f ms, %d pairs; peak %.1f and %.1f MiB; connections %d and %d"
              % (name, version if version == "2" else "1.1", statistics.median(ratios), low, high, statistics.median(a), statistics.median(b),
                 pairs, peak / 1024, floor / 1024, ours_n, theirs_n), flush=True)

    def end(self):
        self.nginx.terminate()
        self.nginx.wait(10)
        self.work.cleanup()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default=os.environ.get("builddir", os.path.join(HERE, "../..")))
    ap.add_argument("--pairs", type=int, default=21)
    ap.add_argument("rows", nargs="*", default=["many", "one", "tenants"])
    args = ap.parse_args()
    bench = Bench(args.build)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    expect = "expect: {status: 200, body: {matches: 'results for \\w+'}}"
    try:
        for version in ("1", "2"):
            http = "http: '%s'" % ("2" if version == "2" else "1.1")
            base = "https://127.0.0.1:%d" % bench.port[version]
            head = "version: 1\ndefaults: {%s}\nbase_url: %s\n" % (http, base)
            if "many" in args.rows:
                bench.write("n.txt", "\n".join(str(i) for i in range(20000)) + "\n")
                bench.row("20,000 checks, 20 at once", version, args.pairs, 20, ["%s/x?%d" % (base, i) for i in range(20000)],
                          head + "matrix: {n: {file: n.txt}}\nchecks:\n  - {name: 'n {{n}}', request: {get: '/x?{{n}}'}, %s}\n" % expect)
            if "one" in args.rows:
                bench.row("one check, start to exit", version, max(args.pairs, 41), 1, [base + "/x"],
                          head + "checks:\n  - {name: one, request: {get: /x}, %s}\n" % expect)
            if "tenants" in args.rows:
                bench.write("t.txt", "\n".join("t%d" % i for i in range(200)) + "\n")
                bench.row("2,000 checks, 200 tenant hosts", version, args.pairs, 20,
                          ["https://t%d.tenants.example.com/x?%d" % (t, c) for c in range(10) for t in range(200)],
                          head + "matrix: {t: {file: t.txt}, c: [%s]}\nchecks:\n  - {name: '{{t}} {{c}}', request: {get: "
                          "'https://{{t}}.tenants.example.com/x?{{c}}'}, %s}\n" % (", ".join(str(c) for c in range(10)), expect),
                          "::127.0.0.1:%d" % bench.port[version])
    finally:
        bench.end()


if __name__ == "__main__":
    main()
