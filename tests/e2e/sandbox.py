"""Starts and stops sluice-sandbox for a test, talks to its control port, speaks DNS and SigV4 to it.

Own DNS and SigV4 code, standard library only: the tests must not share a mistake with the program.

    with Sandbox(config) as sb:
        sb.ready["api"]; sb.state(); sb.fault(kind="throttle", on="api"); sb.events("api")
"""
import datetime
import hashlib
import hmac
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

SRC = os.path.abspath(os.environ.get("srcdir", os.path.join(os.path.dirname(__file__), "../..")))
BUILD = os.path.abspath(os.environ.get("builddir", os.path.join(SRC, "build")))
NS = "https://route53.amazonaws.com/doc/2013-04-01/"
READY_SECONDS = 20
WAIT_SECONDS = 15


def program(name):
    """The built program's path: $NAME_BIN, else the build directory."""
    named = os.environ.get(name.upper().replace("-", "_") + "_BIN")
    path = named or os.path.join(BUILD, name)
    if not os.access(path, os.X_OK):
        raise SystemExit("1..0 # SKIP %s is not built" % name)
    return path


def shop_config():
    """examples/sandbox/shop.json as a dict, to be changed at will."""
    with open(os.path.join(SRC, "examples/sandbox/shop.json"), encoding="utf-8") as f:
        return json.load(f)


def bare_config(records=(), zone="example.com", delay_ms=0, **api):
    """One zone and nothing else; servers learn of a change after delay_ms."""
    api.setdefault("throttle", None)
    return {"zones": [{"name": zone, "id": "Z0SANDBOXEXAMPLE", "records": list(records)}], "api": api,
            "dns": {"servers": [{"delay_ms": delay_ms}] * 4}}


def pair(name, rtype, old, new, weights=(100, 0), ttl=2):
    """A weighted pair: sets "old" and "new"."""
    return [{"name": name, "type": rtype, "set": s, "weight": w, "ttl": ttl, "values": [v]}
            for s, w, v in (("old", weights[0], old), ("new", weights[1], new))]


class Sandbox:
    """A running sandbox in a directory of its own, which is removed at the end.

    Start it from the main thread: it ends with the thread that started it (PR_SET_PDEATHSIG)."""

    def __init__(self, config, seed=1, log_fleets=True, args=()):
        self.dir = tempfile.mkdtemp(prefix="sandbox-")
        self.log_path = os.path.join(self.dir, "log.jsonl")
        self.process = None
        self.foreign = False  # somebody else changed the zone
        try:
            self._start(config, seed, log_fleets, args)
        except BaseException:
            self.stop()
            raise

    def _start(self, config, seed, log_fleets, args):
        path = config
        if not isinstance(config, str):
            path = os.path.join(self.dir, "config.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump(config, f)
        command = [program("sluice-sandbox"), "--config", path, "--state", os.path.join(self.dir, "state"),
                   "--seed", str(seed), "--log", self.log_path, "--exit-with-parent", *args]
        if log_fleets:
            command.append("--log-fleets")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the sandbox did not start: " + self.process.stderr.read())
        self.ready = json.loads(line)
        self.zone_id = self.ready["zones"][0]["id"] if self.ready["zones"] else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it; returns its exit status."""
        status = None
        if self.process:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                status = self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()
            self.process = None
        shutil.rmtree(self.dir, ignore_errors=True)
        return status

    def env(self, **more):
        """An environment for AWS clients: these credentials, this endpoint, nothing of the user's."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        env.update(AWS_ACCESS_KEY_ID=self.ready["access_key"], AWS_SECRET_ACCESS_KEY=self.ready["secret_key"],
                   AWS_DEFAULT_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true",
                   AWS_CONFIG_FILE=os.path.join(self.dir, "no-config"),
                   AWS_SHARED_CREDENTIALS_FILE=os.path.join(self.dir, "no-credentials"),
                   AWS_ENDPOINT_URL_ROUTE_53=self.ready["api"], SSL_CERT_FILE=self.ready["ca"])
        env.update(more)
        return env

    # --- control

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        rq = urllib.request.Request(self.ready["control"] + path, data=data, method=method)
        try:
            with urllib.request.urlopen(rq, timeout=WAIT_SECONDS) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as e:
            raise RuntimeError("%s %s: %s" % (method, path, e.read().decode())) from None

    def state(self):
        return self.control("GET", "/state")

    def fault(self, **fault):
        """Adds a fault, returns its id."""
        return self.control("POST", "/faults", fault)["ids"][0]

    def clear_faults(self, fault_id=None):
        self.control("DELETE", "/faults" + ("?id=%d" % fault_id if fault_id else ""))

    def change(self, zone=None, **edits):
        """The foreign hand: put=[...], delete=[...], weights=[...]."""
        self.foreign = True
        return self.control("POST", "/change", dict(edits, zone=zone or self.zone_id))

    def release(self, held_id=None):
        return self.control("POST", "/release", {"id": held_id} if held_id else {})["released"]

    def sync(self):
        return self.control("POST", "/sync", {})["synced"]

    def clock(self, offset_ms=None, date_skew_ms=None):
        """What is left out stays; a skewed Date header misleads clients, an offset moves the service."""
        what = {"offset_ms": offset_ms, "date_skew_ms": date_skew_ms}
        return self.control("POST", "/clock", {k: v for k, v in what.items() if v is not None})

    def end_key(self, key, seconds=0):
        """The session of this access key ends so many seconds from now."""
        self.control("POST", "/keys", {"id": key, "expires_in_s": seconds})

    def events(self, kind=None, since=0):
        log = self.control("GET", "/log?since=%d" % since)
        return [e for e in log if kind is None or e["event"] == kind]

    def wait_for(self, what, found, seconds=WAIT_SECONDS):
        """Asks the log until found(events) is true; returns what it returned."""
        end = time.monotonic() + seconds
        while True:
            result = found(self.events())
            if result:
                return result
            if time.monotonic() > end:
                raise AssertionError("waited in vain for " + what)
            time.sleep(0.01)

    def sets(self, name, rtype):
        """set identifier -> record, as it stands now."""
        name = name.rstrip(".").replace("*", "\\052") + "."
        return {s.get("set", ""): s for z in self.state()["zones"] for s in z["sets"]
                if s["name"] == name and s["type"] == rtype}

    def weights(self, name, rtype):
        return {k: s["weight"] for k, s in self.sets(name, rtype).items()}

    # --- the API, signed here

    def call(self, method, path, query="", body=b"", **how):
        """A signed call: (status, headers, body). how: see sign()."""
        url = urllib.parse.urlsplit(self.ready["api"])
        headers = sign(method, path, query, body, url.netloc, how.pop("key", self.ready["access_key"]),
                       how.pop("secret", self.ready["secret_key"]), **how)
        target = self.ready["api"] + path + ("?" + query if query else "")
        rq = urllib.request.Request(target, data=body or None, method=method, headers=headers)
        try:
            with urllib.request.urlopen(rq, timeout=WAIT_SECONDS) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read().decode()

    def batch(self, changes, zone=None, comment=None, **how):
        path = "/2013-04-01/hostedzone/%s/rrset/" % (zone or self.zone_id)
        self.foreign = True
        return self.call("POST", path, body=batch_xml(changes, comment), **how)


def sign(method, path, query, body, host, key, secret, token=None, at=None, region="us-east-1",
         service="route53"):
    """The headers of AWS Signature Version 4; at is Unix seconds."""
    t = datetime.datetime.fromtimestamp(time.time() if at is None else at, datetime.timezone.utc)
    stamp, day = t.strftime("%Y%m%dT%H%M%SZ"), t.strftime("%Y%m%d")
    headers = {"host": host, "x-amz-date": stamp}
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    pairs = sorted(tuple(p.partition("=")[::2]) for p in query.split("&") if p)
    canonical = "\n".join([method, path, "&".join("%s=%s" % p for p in pairs),
                           "".join("%s:%s\n" % (n, headers[n]) for n in sorted(headers)), names,
                           hashlib.sha256(body).hexdigest()])
    scope = "/".join([day, region, service, "aws4_request"])
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    k = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        k = hmac.new(k, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(k, text.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        key, scope, names, signature)
    return headers


def escape(text):
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def set_xml(s):
    """A RECORD of the sandbox's JSON as a ResourceRecordSet, in the service's order."""
    parts = ["<Name>%s</Name><Type>%s</Type>" % (escape(s["name"]), s["type"])]
    for key, tag in (("set", "SetIdentifier"), ("weight", "Weight"), ("region", "Region"),
                     ("failover", "Failover"), ("ttl", "TTL")):
        if key in s:
            parts.append("<%s>%s</%s>" % (tag, escape(s[key]), tag))
    if s.get("values"):
        parts.append("<ResourceRecords>%s</ResourceRecords>" % "".join(
            "<ResourceRecord><Value>%s</Value></ResourceRecord>" % escape(v) for v in s["values"]))
    if "alias" in s:
        a = s["alias"]
        parts.append("<AliasTarget><HostedZoneId>%s</HostedZoneId><DNSName>%s</DNSName>"
                     "<EvaluateTargetHealth>%s</EvaluateTargetHealth></AliasTarget>" % (
                         a["zone"], a["name"], "true" if a.get("evaluate") else "false"))
    if "health_check" in s:
        parts.append("<HealthCheckId>%s</HealthCheckId>" % escape(s["health_check"]))
    return "<ResourceRecordSet>%s</ResourceRecordSet>" % "".join(parts)


def batch_xml(changes, comment=None):
    """changes: [(action, record)] -> the body of ChangeResourceRecordSets."""
    return ('<ChangeResourceRecordSetsRequest xmlns="%s"><ChangeBatch>%s<Changes>%s</Changes></ChangeBatch>'
            "</ChangeResourceRecordSetsRequest>" % (
                NS, "" if comment is None else "<Comment>%s</Comment>" % escape(comment),
                "".join("<Change><Action>%s</Action>%s</Change>" % (a, set_xml(s))
                        for a, s in changes))).encode()


def tag(xml, name):
    """The text of the first element of that name, or None."""
    found = re.search("<%s>(.*?)</%s>" % (name, name), xml, re.S)
    return found and found.group(1).replace("&lt;", "<").replace("&gt;", ">").replace(
        "&quot;", '"').replace("&amp;", "&")


# --- DNS (RFC 1035)

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "TXT": 16, "AAAA": 28}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


def _name(data, at):
    labels, end = [], None
    while data[at]:
        if data[at] >= 192:
            end = end or at + 2
            at = (data[at] & 63) * 256 + data[at + 1]
            continue
        labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
        at += 1 + data[at]
    return ".".join(labels) + ".", end or at + 1


def _rdata(data, at, length, rtype):
    if rtype == "A":
        return socket.inet_ntop(socket.AF_INET, data[at:at + 4])
    if rtype == "AAAA":
        return socket.inet_ntop(socket.AF_INET6, data[at:at + 16])
    if rtype in ("CNAME", "NS", "SOA"):
        return _name(data, at)[0]
    if rtype == "TXT":
        texts, end = [], at + length
        while at < end:
            texts.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
            at += 1 + data[at]
        return "".join(texts)
    return data[at:at + length]


class Answer:
    """rcode, aa, tc, ra; answer and authority as [(owner, type, ttl, value)]; size in bytes."""

    def __init__(self, data):
        self.id, flags, nq, na, nn, nx = struct.unpack(">6H", data[:12])
        self.rcode = RCODES.get(flags & 15, flags & 15)
        self.aa, self.tc, self.ra = bool(flags & 0x400), bool(flags & 0x200), bool(flags & 0x80)
        self.size, at = len(data), 12
        for _ in range(nq):
            at = _name(data, at)[1] + 4
        names = {v: k for k, v in TYPES.items()}
        self.sections = []
        self.edns = False
        for count in (na, nn, nx):
            records = []
            for _ in range(count):
                owner, at = _name(data, at)
                rtype, _cls, ttl, length = struct.unpack(">HHIH", data[at:at + 10])
                at += 10
                self.edns |= rtype == 41
                rtype = names.get(rtype, rtype)
                records.append((owner, rtype, ttl, _rdata(data, at, length, rtype)))
                at += length
            self.sections.append(records)
        self.answer, self.authority = self.sections[0], self.sections[1]

    def values(self, rtype=None):
        return [r[3] for r in self.answer if rtype in (None, r[1])]


def dns_query_bytes(name, rtype, edns=0, rd=False):
    data = struct.pack(">6H", random.getrandbits(16), 0x100 if rd else 0, 1, 0, 0, 1 if edns else 0)
    for label in name.rstrip(".").split("."):
        data += bytes([len(label)]) + label.encode()
    data += b"\0" + struct.pack(">HH", TYPES[rtype], 1)
    if edns:
        data += b"\0" + struct.pack(">HHIH", 41, edns, 0, 0)
    return data


def dns(server, name, rtype, edns=0, tcp=False, rd=False, timeout=5):
    """One query to "host:port"; None when no answer comes."""
    host, _, port = server.rpartition(":")
    data = dns_query_bytes(name, rtype, edns, rd)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect((host, int(port)))
        try:
            if not tcp:
                s.send(data)
                return Answer(s.recv(65535))
            s.sendall(struct.pack(">H", len(data)) + data)
            got = b""
            while len(got) < 2 or len(got) < 2 + struct.unpack(">H", got[:2])[0]:
                more = s.recv(65535)
                if not more:
                    return None
                got += more
            return Answer(got[2:])
        except (socket.timeout, ConnectionError):
            return None


class Tap:
    """Test Anything Protocol: t = Tap(); t.ok(cond, "a sentence"); t.done()."""

    def __init__(self):
        self.n = self.failed = 0

    def ok(self, good, what, detail=""):
        self.n += 1
        self.failed += not good
        print("%s %d - %s" % ("ok" if good else "not ok", self.n, what), flush=True)
        if not good and detail != "":
            print("\n".join("# " + line for line in str(detail).splitlines()[:40]), flush=True)
        return good

    def eq(self, have, want, what):
        return self.ok(have == want, what, "have %r\nwant %r" % (have, want))

    def has(self, text, part, what):
        return self.ok(part in (text or ""), what, "no %r in %r" % (part, text))

    def skip(self, what, why):
        self.n += 1
        print("ok %d - %s # SKIP %s" % (self.n, what, why), flush=True)

    def done(self):
        print("1..%d" % self.n, flush=True)
        raise SystemExit(1 if self.failed else 0)
