"""No secret in any output of smoke, whatever dress a server gives it and wherever a text is cut."""
import json

from hostile import Hostile, encodings, smoke
from sandbox import Tap

SECRET = "Tr0ub4dor&3/'quo\"te+pl s-ende"
KEY = "-----BEGIN KEY-----\nMIIEvAIBADANBgkqhkiG9w0BAQEF\nAASCBKYwggSiAgEAAoIBAQDB1234\nabcdEFGHijkl\n-----END KEY-----"
LOOKS = ([], ["-v"], ["--format", "json"], ["--progress", "json"], ["--progress", "plain"], ["--json", "/dev/stderr"],
         *(["--report", kind] for kind in ("junit", "tap", "github", "html", "curl", "prometheus")))

# What is sent, as the check's request; the server answers with what it got.
PLACES = {
    "a header": "{get: /echo, headers: {X-A: '{{secret.s}}'}}",
    "the query": "{get: /echo, query: {k: '{{secret.s}}'}}",
    "the path": "{get: '/echo/{{secret.p}}'}",
    "a form": "{post: /echo, form: {k: '{{secret.s}}'}}",
    "JSON": "{post: /echo, json: {k: '{{secret.s}}'}}",
    "a body": "{post: /echo, body: 'xx{{secret.s}}yy'}",
    "a variable": "{post: /echo, body: '{{v}}'}",
    "basic authentication": "{get: /echo, auth: {basic: {user: me, password: '{{secret.s}}'}}}",
    "a bearer token": "{get: /echo, auth: {bearer: '{{secret.s}}'}}",
    "multipart": "{post: /echo, multipart: {k: '{{secret.s}}', f: {value: '{{secret.p}}', filename: x}}}",
    "a signature's key": "{post: /echo, body: '{{secret.p}}', sign: {scheme: stripe, secret: '{{secret.s}}'}}",
    "a SigV4 key": "{get: /echo, auth: {sigv4: {service: x, region: y, access_key: AKIDEXAMPLE, secret_key: '{{secret.s}}', "
                   "session_token: '{{secret.p}}'}}}",
    "an OAuth2 client": "{get: /echo, auth: {oauth2: {token_url: 'http://127.0.0.1:1/t', client_id: me, client_secret: '{{secret.s}}'}}}",
    "a proxy's password": "{get: 'https://127.0.0.1:1/', proxy: 'http://me:{{secret.p}}@127.0.0.1:1'}",
    "several lines": "{post: /echo, body: '{{secret.key}}'}",
    "a cookie": "{get: /echo, headers: {Cookie: 'sid={{secret.p}}'}}",
    "a command's output": "{get: /echo, headers: {X-C: '{{secret.c}}'}}",
    "a host that is none": "{get: 'http://{{secret.p}}.invalid/'}",
    "a closed port": "{get: 'http://127.0.0.1:1/{{secret.p}}'}",
    "a header that cannot be": "{get: /echo, headers: {X-A: '{{secret.key}}'}}",
}
SECRETS = {"s": SECRET, "p": "path-secret-0123456789", "key": KEY, "c": "cmd-secret-0123456789"}
HEAD = ("vars: {v: 'a{{secret.s}}b'}\nsecrets: {s: {env: S}, p: {env: P}, key: {file: key}, "
        "c: {command: [printf, cmd-secret-0123456789]}}\nchecks:\n")
ENV = {"S": SECRET, "P": SECRETS["p"]}


def leaks(text, secrets):
    """What of the secrets can be seen: any dress of all of it, or eight bytes as they are."""
    found = [d for s in secrets for d in encodings(s) if d in text]
    return found + [s[i:i + 8] for s in secrets for i in range(len(s) - 7) if s[i:i + 8] in text]


def main():
    t = Tap()
    with Hostile() as h:
        def run(checks, *args):
            return smoke(HEAD + checks, h.url, *args, env=ENV, files={"key": KEY.encode()})

        for place, request in PLACES.items():
            for look in LOOKS:
                r = run("  - {name: a, request: %s, expect: {body: {equals: x}}}\n" % request, *look)
                t.ok(r.status in (1, 11) and not leaks(r.text.replace("cmd-secret-0123456789]}}", ""), SECRETS.values()),
                     "a secret in %s does not come out (%s)" % (place, " ".join(look) or "text"), r)
        for dressed, what in ((SECRET, "as it is"), (json.dumps(SECRET)[1:-1], "escaped"), (SECRET.encode().hex(), "in hex")):
            for before in (4080, 4066, 3300, 790, 700, 190, 180, 100):
                h.bodies["cut"] = b"z" * before + dressed.encode() + b"z" * 5000
                r = run("  - {name: a, request: {get: /given/cut}, expect: {body: {equals: '{{secret.s}}'}}}\n"
                        "  - {name: b, request: {get: /given/cut}, expect: {json: {/a: 1}}}\n", "--json", "/dev/stderr", "-v")
                known = leaks(r.text, [SECRET])
                if "hex" in what:
                    coded = SECRET.encode().hex()
                    known += [coded[i:i + 12] for i in range(len(coded) - 12) if coded[i:i + 12] in r.text]
                t.ok(r.status == 1 and not known, "nor half of it, %s, after %d bytes" % (what, before), known or r)
        r = run("  - {name: a, steps: [{request: {post: /echo, body: '{{secret.s}}'}, capture: {c: {regex: '(Tr0.*)'}}},"
                " {request: {get: /echo, headers: {X-B: '{{c}}'}, query: {c: '{{c}}'}}, expect: {body: {equals: y}}}]}\n")
        t.ok(r.status == 1 and not leaks(r.text, [SECRET]), "nor when it was captured again", r)
        for value in ("true", "1234", "pass", "name", '","a'):
            r = smoke("secrets: {s: {env: S}}\nchecks:\n - {name: a, request: {post: /echo, body: '{{secret.s}}'},"
                      " expect: {body: {equals: y}}}\n", h.url, "--format", "json", env={"S": value})
            try:
                good = json.loads(r.out)["totals"]["failed"] == 1
            except (ValueError, KeyError) as e:
                good, r = False, "%s\n%s" % (e, r)
            t.ok(good, "JSON stays JSON with the secret %r" % value, r)
    t.done()


main()
