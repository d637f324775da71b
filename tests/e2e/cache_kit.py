"""A caching resolver for tests of `sluice observe`: loopback only, UDP and TCP, asks the sandbox's own name servers.

It keeps each answer for its TTL and hands it out with what is left. Its clock can be put forward, so that no test
waits. What resolvers do with a will of their own can be switched on: a floor for TTLs, and serving stale (RFC 8767).

    with Cache(sb.ready["dns"]) as cache:
        cache.address; cache.asked; cache.advance(30)
"""
import random
import socket
import struct
import threading
import time

from sandbox import _name, dns_query_bytes

STALE_TTL = 30


class Cache:
    def __init__(self, servers, floor=0, serve_stale=False, says_so=False, silent=False):
        self.servers, self.floor, self.serve_stale, self.says_so, self.silent = servers, floor, serve_stale, says_so, silent
        self.known, self.skew, self.asked, self.reachable = {}, 0.0, [], True
        self.lock = threading.Lock()
        while True:
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.udp.bind(("127.0.0.1", 0))
            try:
                self.tcp.bind(self.udp.getsockname())
                break
            except OSError:
                self.udp.close()
                self.tcp.close()
        self.tcp.listen(8)
        self.address = "127.0.0.1:%d" % self.udp.getsockname()[1]
        self.threads = [threading.Thread(target=t, daemon=True) for t in (self._udp, self._tcp)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        for s in (self.udp, self.tcp):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def advance(self, seconds):
        with self.lock:
            self.skew += seconds

    def _now(self):
        return time.monotonic() + self.skew

    def _udp(self):
        while True:
            try:
                query, who = self.udp.recvfrom(4096)
                if not query:
                    return
                reply = self.answer(query)
                if reply:
                    if len(reply) > 1232:  # what sluice offers: cut to the question, TC set
                        end = self._question(query)[2]
                        reply = reply[:2] + bytes([reply[2] | 2]) + reply[3:4] + b"\0\1" + b"\0" * 6 + reply[12:end]
                    self.udp.sendto(reply, who)
            except (OSError, ValueError):
                return

    def _tcp(self):
        while True:
            try:
                conn, _ = self.tcp.accept()
                with conn:
                    conn.settimeout(5)
                    query = conn.recv(4096)
                    reply = self.answer(query[2:])
                    if reply:
                        conn.sendall(struct.pack(">H", len(reply)) + reply)
            except (OSError, ValueError):
                return

    @staticmethod
    def _question(query):
        name, at = _name(query, 12)
        return name.lower(), struct.unpack(">H", query[at:at + 2])[0], at + 4

    def answer(self, query):
        name, rtype, end = self._question(query)
        with self.lock:
            self.asked.append((time.monotonic(), name, rtype, bool(query[2] & 1)))
            if self.silent or not query[2] & 1:
                return None
            now, stale = self._now(), False
            found = self.known.get((name, rtype))
            if not found or now >= found[1]:
                fresh = self._fetch(name, rtype) if self.reachable else None
                if fresh:
                    found = self.known[name, rtype] = fresh
                elif found and self.serve_stale:
                    stale = True
                else:
                    found = None
            if not found:
                return query[:2] + b"\x81\x82" + b"\0\1" + b"\0" * 6 + query[12:end]
            records, until = found
            left = STALE_TTL if stale else int(until - now)
            body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", t, 1, left, len(data)) + data for t, data in records)
            option = struct.pack(">HHH", 15, 2, 3) if stale and self.says_so else b""
            opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, len(option)) + option
            return query[:2] + b"\x81\x80" + struct.pack(">4H", 1, len(records), 0, 1) + query[12:end] + body + opt

    def _fetch(self, name, rtype):
        """One of the authoritative servers, by TCP so that nothing is cut: (records of that name, when they end)."""
        host, _, port = random.choice(self.servers).rpartition(":")
        types = {1: "A", 5: "CNAME", 28: "AAAA", 16: "TXT"}
        query = dns_query_bytes(name, types[rtype])
        try:
            with socket.create_connection((host, int(port)), 5) as s:
                s.sendall(struct.pack(">H", len(query)) + query)
                got = b""
                while len(got) < 2 or len(got) < 2 + struct.unpack(">H", got[:2])[0]:
                    more = s.recv(65535)
                    if not more:
                        return None
                    got += more
        except OSError:
            return None
        data = got[2:]
        if data[3] & 15:
            return None
        at, records, ttl = self._question(data)[2], [], None
        for _ in range(struct.unpack(">H", data[6:8])[0]):
            at = _name(data, at)[1]
            t, _cls, one, length = struct.unpack(">HHIH", data[at:at + 10])
            records.append((t, data[at + 10:at + 10 + length]))
            ttl = one if ttl is None else min(ttl, one)
            at += 10 + length
        return (records, self._now() + max(ttl, self.floor)) if records else None
