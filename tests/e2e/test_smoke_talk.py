#!/usr/bin/python3
"""Event streams, JSON lines, MCP and WebSocket handshakes: good servers, and each way in which one can be bad."""
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import Tap, program  # noqa: E402

RELEASE = threading.Event()  # what a hanging answer waits for
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CALLS = []


def delta(word):
    return "data: %s\n\n" % json.dumps({"choices": [{"delta": {"content": word}}]})


class Server(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def log_message(self, *_):
        pass

    def start(self, status, kind, length=None, **more):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def say(self, text):
        self.wfile.write(text.encode())
        self.wfile.flush()

    def whole(self, status, data, kind="application/json", **more):
        body = data.encode() if isinstance(data, str) else json.dumps(data).encode()
        self.start(status, kind, len(body), **more)
        self.wfile.write(body)

    def do_DELETE(self):
        CALLS.append("DELETE " + self.headers.get("Mcp-Session-Id", ""))
        self.whole(200, {})

    def do_GET(self):
        path = urlsplit(self.path).path
        CALLS.append(path)
        if path.startswith("/never"):
            return self.whole(200, {"state": "running"})
        if path.startswith("/guarded"):
            return self.whole(200 if self.headers.get("Authorization", "").startswith("Bearer tok-") else 401, {})
        if path.startswith("/lines"):
            self.start(200, "application/x-ndjson")
            self.say('{"n": 1, "ok": true}\n{"n": 2, "ok": %s}\n%s{"n": 3, "ok": true}'
                     % ("false" if "bad" in path else "true", "not json\n" if "broken" in path else ""))
        elif path.startswith("/ws"):
            accept = base64.b64encode(hashlib.sha1((self.headers.get("Sec-WebSocket-Key", "") + GUID).encode()).digest()).decode()
            if self.headers.get("Upgrade") != "websocket" or "no" in path:
                return self.whole(200, "hello", "text/plain")
            more = {"Upgrade": "websocket", "Sec_WebSocket_Accept": accept if "wrong" not in path else "bm9wZQ=="}
            if "phoenix" in path:
                more["Sec_WebSocket_Protocol"] = "phoenix"
            self.send_response(101)
            self.send_header("Connection", "Upgrade")
            for name, value in more.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.flush()
            RELEASE.wait(20)  # a socket stays open
            self.close_connection = True
        else:
            self.whole(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        if path == "/token":
            CALLS.append(path)
            return self.whole(200, {"access_token": "tok-%d" % len(CALLS), "token_type": "Bearer", "expires_in": 3600})
        if path.startswith("/sse"):
            getattr(self, path[1:].replace("/", "_"))()
        elif path.startswith("/mcp"):
            self.mcp(path[5:], json.loads(body))
        else:
            self.whole(404, {})

    # event streams
    def sse_good(self):
        self.start(200, "text/event-stream; charset=utf-8")
        self.say(": hello\n\n" + delta("po") + delta("ng") + "data: [DONE]\n\n")
        RELEASE.wait(20)  # the client must not wait for this

    def sse_silent(self):
        self.start(200, "text/event-stream")
        RELEASE.wait(20)

    def sse_stalls(self):
        self.start(200, "text/event-stream")
        self.say(delta("po") + delta("ng"))
        RELEASE.wait(20)

    def sse_short(self):
        self.start(200, "text/event-stream")
        self.say(delta("po"))

    def sse_empty(self):
        self.start(200, "text/event-stream")

    def sse_json(self):
        self.whole(200, {"error": "no stream today"})

    def sse_401(self):
        self.whole(401, {"error": "who"})

    def sse_huge(self):
        self.start(200, "text/event-stream")
        try:
            self.say("data: " + "x" * 300000 + "\n\n")
        except OSError:
            pass

    def sse_named(self):
        self.start(200, "text/event-stream")
        self.say("event: ping\ndata: {}\n\nevent: delta\ndata: hi\n\nevent: delta\ndata: you\n\n")

    def sse_full(self):  # as much text as is kept, and one byte more
        self.start(200, "text/event-stream")
        self.say(("data: %s\n\n" % ("x" * 1024)) * 256)

    def sse_fuller(self):
        self.sse_full()
        self.say("data: y\n\n")

    # MCP
    def mcp(self, kind, rpc):
        method, ident = rpc["method"], rpc.get("id")
        CALLS.append(method)
        if kind == "gone":
            return self.whole(404, {})
        if method != "initialize" and kind.startswith("session") and self.headers.get("Mcp-Session-Id") != "s-1":
            return self.whole(400, {})
        if method != "initialize" and self.headers.get("MCP-Protocol-Version") != "2025-06-18":
            return self.whole(400, {})
        if method == "notifications/initialized":
            return self.whole(202, "", "text/plain")
        if method == "initialize":
            version = "1999-01-01" if kind == "old" else "2025-06-18"
            result = {"protocolVersion": version, "capabilities": {}, "serverInfo": {"name": "t", "version": "1"}}
            if kind == "noinfo":
                del result["serverInfo"]
        elif method == "tools/list" and kind == "pages" and "cursor" not in rpc["params"]:
            result = {"tools": [{"name": "other"}], "nextCursor": "p2"}
        elif method == "tools/list" and kind.startswith("many"):
            page = int(rpc["params"].get("cursor") or "1")
            result = {"tools": [{"name": "find_client"}], **({"nextCursor": str(page + 1)} if page < int(kind[4:]) else {})}
        elif method == "tools/list" and kind.startswith("cursor") and "cursor" not in rpc["params"]:
            result = {"tools": [], "nextCursor": "c" * int(kind[6:])}
        elif method == "tools/list":
            result = {"tools": [] if kind == "notool" else [{"name": "find_client"}, {"name": "other"}]}
        elif kind == "rpcerror":
            return self.whole(200, {"jsonrpc": "2.0", "id": ident, "error": {"code": -32602, "message": "bad q"}})
        else:
            result = {"content": [{"type": "text", "text": "found " + rpc["params"]["arguments"].get("q", "")}],
                      "isError": kind == "iserror"}
        reply = {"jsonrpc": "1.0" if kind == "rpc1" else "2.0", "id": 99 if kind == "wrongid" else ident, "result": result}
        if kind.startswith("long") and method == "initialize":
            return self.whole(200, reply, Mcp_Session_Id="s" * int(kind[4:]))
        more = {"Mcp_Session_Id": "s-1"} if kind.startswith("session") and method == "initialize" else {}
        if not kind.endswith("sse"):
            return self.whole(200, reply, **more)
        self.start(200, "text/event-stream", **more)
        self.say('event: message\ndata: {"jsonrpc": "2.0", "method": "notifications/progress"}\n\ndata: %s\n\n' % json.dumps(reply))
        RELEASE.wait(20)  # the client leaves as soon as it has its reply


def main():
    tap = Tap()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = "http://127.0.0.1:%d" % server.server_address[1]
    work = tempfile.TemporaryDirectory(prefix="smoke-talk-")

    def smoke(checks, *args):
        path = os.path.join(work.name, "s.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write("version: 1\nbase_url: %s\ndefaults: {timeout: 5s}\nchecks:\n%s" % (base, checks))
        done = subprocess.run([program("smoke/smoke"), *args, path], text=True, capture_output=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def sse(path, expect="first_event: 3s, text: {at: /choices/0/delta/content, equals: pong}, last: '[DONE]'"):
        return smoke("  - {name: x, request: {post: %s, json: {prompt: ping}}, expect: {sse: {%s}}}\n" % (path, expect))

    def bad(result, sentence, what):
        tap.ok(result[0] == 1 and sentence in result[1], what, result[1])

    status, out = sse("/sse/good")
    tap.ok(status == 0, "a stream is read to its last event and left", out)
    bad(sse("/sse/silent", "first_event: 200ms"), "no event came within 200ms", "no first event in time")
    bad(sse("/sse/stalls", "between: 200ms, last: '[DONE]'"), "nothing came for 200ms after event 2", "a stall between events")
    bad(sse("/sse/short"), "the stream ended after 1 events without '[DONE]'", "an early end")
    bad(sse("/sse/empty", "count: {at_least: 1}"), "0 events came, expected at least 1", "no event at all")
    bad(sse("/sse/json"), "the answer is no event stream: its Content-Type is application/json", "JSON where a stream was expected")
    bad(sse("/sse/401"), "status is 401", "the status goes first")
    bad(sse("/sse/good", "text: {at: /choices/0/delta/content, contains: pang}, last: '[DONE]'"), "the joined text is 'pong'",
        "the joined text is told")
    bad(sse("/sse/good", "count: 5, last: '[DONE]'"), "3 events came, expected 5", "the count is told")
    status, out = sse("/sse/huge", "count: 1")
    tap.ok(status == 11 and "longer than 262144 bytes" in out, "an event past 256 KiB is an error", out)
    status, out = sse("/sse/named", "event: delta, count: 2, text: {equals: hiyou}")
    tap.ok(status == 0, "events are chosen by name", out)
    status, out = sse("/sse/stalls", "stop_after: 2, text: {at: /choices/0/delta/content, equals: pong}")
    tap.ok(status == 0, "reading stops after as many as are wanted", out)

    def lines(path, expect):
        return smoke("  - {name: x, request: {get: %s}, expect: {json_lines: {%s}}}\n" % (path, expect))

    status, out = lines("/lines", "first_line: 2s, count: 3, each: {/ok: true, /n: {at_least: 1}}")
    tap.ok(status == 0, "lines of JSON, the last without a newline", out)
    bad(lines("/lines/bad", "each: {/ok: true}"), "line 2: /ok is false, expected true", "the line that does not hold is told")
    bad(lines("/lines/broken", "count: 4"), "line 3: it is not JSON", "a line that is no JSON is told")

    def mcp(kind, expect="json: {/isError: false, /content/0/text: found acme}", more=""):
        del CALLS[:]
        return smoke("  - {name: x, mcp: {url: /mcp/%s, tool: find_client, arguments: {q: acme}%s}, expect: {%s}}\n" % (kind, more, expect))

    every = ["initialize", "notifications/initialized", "tools/list", "tools/call"]
    for kind in ("json", "sse", "session", "session-sse"):
        status, out = mcp(kind)
        want = every + ["DELETE s-1"] * kind.startswith("session")
        tap.ok(status == 0 and CALLS == want, "mcp %s: a whole visit" % kind, "%s\n%s" % (CALLS, out))
    status, out = mcp("pages", more=", tools: [other, find_client]")
    tap.ok(status == 0 and CALLS.count("tools/list") == 2, "the list of tools is read page by page", out)
    bad(mcp("pages", more=", tools: [third]"), "tools/list: the server has no tool 'third'", "a tool that is missing")
    bad(mcp("notool"), "tools/list: the server has no tool 'find_client'", "the tool to call is missing")
    bad(mcp("rpcerror"), "tools/call: the server answers with JSON-RPC error -32602, 'bad q'", "a JSON-RPC error is told as such")
    bad(mcp("gone"), "initialize: status is 404, expected 200", "and an HTTP error as such")
    bad(mcp("iserror"), "/isError is true, expected false", "and a tool's own error as such")
    bad(mcp("wrongid"), "no reply to this request", "a reply with another id")
    bad(mcp("rpc1"), 'does not say "jsonrpc": "2.0"', "another version of JSON-RPC")
    bad(mcp("old"), "protocol version '1999-01-01'", "a protocol version nobody knows")
    bad(mcp("noinfo"), "initialize: the result has no serverInfo", "a result without serverInfo")
    status, out = smoke("  - {name: x, mcp: {url: /mcp/json}, expect: {json: {/tools: {length: 2}}}}\n")
    tap.ok(status == 0, "without a tool the list is what is judged", out)

    # one past each limit
    status, out = sse("/sse/full", "count: 256")
    tap.ok(status == 0, "256 KiB of joined text", out)
    status, out = sse("/sse/fuller", "count: 257, text: {contains: x}")
    tap.ok(status == 11 and "the text of all, is longer than 262144 bytes" in out, "and one byte more", out)
    status, out = mcp("many20")
    tap.ok(status == 0 and CALLS.count("tools/list") == 20, "20 pages of tools", out)
    bad(mcp("many21"), "the list of tools has more than 20 pages", "and one page more")
    status, out = mcp("long1024")
    tap.ok(status == 0 and CALLS[-1] == "DELETE " + "s" * 1024, "a session id of 1024 bytes", out)
    bad(mcp("long1025"), "Mcp-Session-Id is longer than 1024 bytes", "and of one byte more")
    status, out = mcp("cursor4096")
    tap.ok(status == 0, "a cursor of 4096 bytes", out)
    bad(mcp("cursor4097"), "nextCursor is longer than 4096 bytes", "and of one byte more")
    del CALLS[:]
    status, out = smoke("  - {name: x, until: {within: 60s, every: 10ms}, request: {get: /never}, expect: {json: {/state: done}}}\n")
    tap.ok(status == 1 and CALLS.count("/never") == 200 and "after 200 requests" in out, "a poll ends at 200 requests", "%d %s" % (len(CALLS), out))
    guarded = "  - {name: c%d, request: {get: '/guarded/%d', auth: {oauth2: {token_url: '" + base + "/token', client_id: 'id%d', client_secret: hidden}}}}\n"
    for n, fetched in ((64, 64), (65, 66)):  # with one too many the first token has given way when it is wanted again
        del CALLS[:]
        status, out = smoke("".join(guarded % (i, i, i) for i in range(n)) + guarded % (n, n, 0), "--jobs", "1")
        tap.ok(status == 0 and CALLS.count("/token") == fetched, "%d access tokens are kept at once" % n, "%d %s" % (CALLS.count("/token"), out))

    def ws(path, more=""):
        return smoke('  - {name: x, websocket: {url: "%s"%s}}\n' % (base.replace("http", "ws") + path, more))

    status, out = ws("/ws?vsn=2.0.0")
    tap.ok(status == 0, "a websocket handshake is done with the headers", out)
    status, out = ws("/ws/phoenix", ", protocols: [phoenix, other], origin: 'https://www.example.com'")
    tap.ok(status == 0, "with a protocol that was offered", out)
    bad(ws("/ws/phoenix", ", protocols: [graphql-ws]"), "chose the protocol 'phoenix', which was not offered", "one that was not")
    bad(ws("/ws", ", protocols: [phoenix]"), "chose none of the protocols offered (phoenix)", "none of those offered")
    bad(ws("/ws/wrong"), "does not belong to the key", "a wrong accept key")
    bad(ws("/ws/no"), "status is 200, expected 101", "no switch at all")
    for checks, words in (
            ("  - {name: x, mcp: {url: /m, arguments: {a: 1}}}\n", "'arguments' needs 'tool'"),
            ("  - {name: x, mcp: {url: /m}, request: {get: /}}\n", "one of 'request', 'mcp' and 'websocket'"),
            ("  - {name: x, mcp: {url: /m, tool: t}, expect: {sse: {count: 1}}}\n", "for the answers of plain requests"),
            ("  - {name: x, request: {get: /}, expect: {sse: {count: 1}, json_lines: {count: 1}}}\n", "either 'sse' or 'json_lines'"),
            ("  - {name: x, request: {get: /}, expect: {sse: {text: {at: nope, equals: x}}}}\n", "JSON pointer")):
        status, out = smoke(checks)
        tap.ok(status == 78 and words in out and ":5:" in out, "a suite that says too much: " + words, out)
    RELEASE.set()
    server.shutdown()
    work.cleanup()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
