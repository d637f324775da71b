#!/usr/bin/python3
"""Every stage of sluice's signer against botocore's, on generated requests.

The same seed gives the same requests; SLUICE_SEED picks another, SLUICE_REQUESTS how many. Prints TAP.
"""

import base64
import json
import os
import random
import subprocess
import sys
import time

try:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials
except ImportError:
    print("1..0 # SKIP python3-botocore is not installed")
    sys.exit(0)

SEED = int(os.environ.get("SLUICE_SEED", "20130401"))
REQUESTS = int(os.environ.get("SLUICE_REQUESTS", "400"))
PROGRAM = os.path.join(os.environ.get("builddir", "."), "tests/e2e/sigv4_stages")

SEGMENTS = ["2013-04-01", "hostedzone", "Z0123456789ABC", "rrset", "", ".", "..", "a%20b", "%5C052",
            "é", "日本", "a+b", "a b", "~x", "x=y", "a;b", "*", "a:b", "@", "%2F", "$&", "..."]
NAMES = ["name", "type", "identifier", "maxitems", "dnsname", "Name", "a", "A", "ä", "x-y", "k ey", "k+"]
VALUES = ["", "www.example.com.", "\\052.shops.example.com.", "A", "CNAME", "300", "a b", "a+b", "a/b",
          "a=b", "a&b", "100%", "é", "~-_.", "heroku:old", "\\101", "日本", "%20"]
HEADERS = ["Content-Type", "X-Amz-Meta", "x-amz-a", "X-Amz-A-B", "X-Zeta", "Accept", "Cache-Control"]
HEADER_VALUES = ["text/xml", "  lead", "trail  ", "a   b", "a\tb", "", "   ", '"quoted  text"', "a,b", "1"]
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"]
BODIES = [b"", b"x", b"<a>&amp;</a>", bytes(range(256)), b"y" * 70000, "é".encode()]
REGIONS = ["us-east-1", "cn-northwest-1", "us-gov-west-1", "eusc-de-east-1"]
HOSTS = ["route53.amazonaws.com", "127.0.0.1:41234", "localhost:8080", "[::1]:5353"]


def generate(rng):
    """One request as plain data, as sigv4_stages reads it."""
    path = "/" + "/".join(rng.choice(SEGMENTS) for _ in range(rng.randrange(0, 7)))
    if rng.random() < 0.3:
        path += "/"
    headers = [["Host", rng.choice(HOSTS)]]
    for _ in range(rng.randrange(0, 6)):
        headers.append([rng.choice(HEADERS), rng.choice(HEADER_VALUES)])
    if rng.random() < 0.3:
        headers.append([rng.choice(["Expect", "User-Agent", "X-Amzn-Trace-Id"]), "left out"])
    now = rng.randrange(1_400_000_000, 2_000_000_000)
    headers.append(["X-Amz-Date", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))])
    if rng.random() < 0.5:
        headers.append(["X-Amz-Security-Token", "tok/en+%d==" % rng.randrange(10**9)])
    rng.shuffle(headers)
    query = [[rng.choice(NAMES), rng.choice(VALUES)] for _ in range(rng.randrange(0, 7))]
    body = rng.choice(BODIES)
    return {"method": rng.choice(METHODS), "path": path, "query": query, "headers": headers,
            "body": base64.b64encode(body).decode(), "time_ms": now * 1000 + rng.randrange(1000),
            "region": rng.choice(REGIONS), "service": "route53",
            "key_id": "AKIA%016d" % rng.randrange(10**9),
            "secret_key": "".join(rng.choice("abcXYZ019/+=") for _ in range(40))}


def expected(data):
    """What botocore makes of it, stage by stage."""
    headers = HTTPHeaders()
    for name, value in data["headers"]:
        headers.add_header(name, value)
    host = next(v for k, v in data["headers"] if k == "Host")
    request = AWSRequest(method=data["method"], url="https://" + host + data["path"],
                         params=[tuple(p) for p in data["query"]],
                         data=base64.b64decode(data["body"]))
    request.headers = headers
    stamp = next(v for k, v in data["headers"] if k == "X-Amz-Date")
    request.context["timestamp"] = stamp
    auth = SigV4Auth(Credentials(data["key_id"], data["secret_key"]), data["service"], data["region"])
    canonical = auth.canonical_request(request)
    to_sign = auth.string_to_sign(request, canonical)
    signature = auth.signature(to_sign, request)
    auth._inject_signature_to_request(request, signature)
    return {"date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(data["time_ms"] // 1000)),
            "query": auth.canonical_query_string(request), "canonical_request": canonical,
            "string_to_sign": to_sign, "signature": signature,
            "authorization": request.headers["Authorization"]}


def main():
    rng = random.Random(SEED)
    requests = [generate(rng) for _ in range(REQUESTS)]
    text = "".join(json.dumps(r) + "\n" for r in requests)
    run = subprocess.run([PROGRAM], input=text.encode(), stdout=subprocess.PIPE, timeout=60)
    got = [json.loads(line) for line in run.stdout.splitlines()]
    stages = ["date", "query", "canonical_request", "string_to_sign", "signature", "authorization"]
    print("1..%d" % (len(stages) + 2))
    print("%s 1 - the program answers all %d requests" %
          ("ok" if run.returncode == 0 and len(got) == REQUESTS else "not ok", REQUESTS))
    differ = {stage: [] for stage in stages}
    odd = {"dots": 0, "encoded": 0, "repeated query key": 0, "repeated header": 0, "token": 0, "wildcard": 0}
    for index, (data, ours) in enumerate(zip(requests, got)):
        theirs = expected(data)
        for stage in stages:
            if ours[stage] != theirs[stage]:
                differ[stage].append((index, theirs[stage], ours[stage]))
        keys, names = [k for k, _ in data["query"]], [k.lower() for k, _ in data["headers"]]
        odd["dots"] += "/../" in data["path"] or "//" in data["path"]
        odd["encoded"] += "%" in data["path"]
        odd["repeated query key"] += len(set(keys)) < len(keys)
        odd["repeated header"] += len(set(names)) < len(names)
        odd["token"] += "x-amz-security-token" in names
        odd["wildcard"] += any("\\052" in v for _, v in data["query"])
    for number, stage in enumerate(stages, 2):
        print("%s %d - %s: equal to botocore's on %d requests (seed %d)" %
              ("not ok" if differ[stage] else "ok", number, stage, len(got), SEED))
        for index, theirs, ours in differ[stage][:3]:
            print("# request %d: %s" % (index, json.dumps(requests[index])[:1000]))
            print("# botocore %r\n# sluice   %r" % (theirs, ours))
    rare = [k for k, n in odd.items() if n < 10]
    print("%s %d - the odd cases are among them: %s" %
          ("not ok" if rare else "ok", len(stages) + 2, ", ".join("%s %d" % p for p in odd.items())))
    failed = rare or run.returncode or len(got) != REQUESTS or any(differ.values())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
