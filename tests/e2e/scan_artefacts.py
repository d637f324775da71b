#!/usr/bin/python3
"""Looks through what a test run left behind for the secrets its tests planted, as they are and encoded.

    tests/e2e/scan_artefacts.py DIRECTORY...

First it proves that it finds each of them in every dress."""
import base64
import html
import json
import os
import sys
from urllib.parse import quote

# What tests/e2e/test_smoke_*.py plant, in headers, bodies, urls, cookies, captures, commands, keys and proxies.
PLANTED = ["Tr0ub4dor&3/'quo\"te+pl s-ende", "path-secret-0123456789", "hunter22-secret", "s3cret/&x", "pr0xy-pass", "aws-secret-key",
           "tok-read-secret", "MIIEvAIBADANBgkqhkiG9w0BAQEF", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "correct horse", "whsec_sandbox",
           "abcdEFGHijkl"]


def dresses(secret):
    raw = secret.encode()
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(json.dumps(secret)[1:-1])[1:-1]
    yield html.escape(secret)
    yield quote(secret, safe="")
    yield quote(secret, safe="/")
    yield quote(quote(secret, safe=""), safe="")
    yield quote(secret, safe="").replace("%20", "+")
    yield raw.hex()
    yield raw.hex().upper()
    for pad in range(3):  # base64 of a text in which the secret stands anywhere
        for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
            coded = alphabet(b"x" * pad + raw).decode().rstrip("=")
            yield coded[(0, 2, 3)[pad]:len(coded) - (1 if (pad + len(raw)) % 3 else 0)]


def find(data):
    return [(s, d) for s in PLANTED for d in dresses(s) if len(d) > 7 and d.encode() in data]


def main():
    n = failed = files = 0
    for secret in PLANTED:
        n += 1
        good = all(find(("before " + d + " after").encode()) for d in dresses(secret))
        failed += not good
        print("%s %d - the scan finds planted secret %d in every dress" % ("ok" if good else "not ok", n, n))
    for top in sys.argv[1:]:
        for where, _, names in os.walk(top):
            for name in names:
                with open(os.path.join(where, name), "rb") as f:
                    found = find(f.read())
                files += 1
                for secret, dress in found:
                    n, failed = n + 1, failed + 1
                    print("not ok %d - %s holds a planted secret: %r" % (n, os.path.join(where, name), dress))
    n += 1
    print("%s %d - no planted secret in %d files" % ("ok" if files and not failed else "not ok", n, files))
    print("1..%d" % n)
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
