#!/usr/bin/python3
"""Tries on a real, throw-away Route 53 zone what the documentation leaves open, and says what happened.

    tests/live/untried.py ZONE-ID [--endpoint-url URL]

Writes only below sluice-try.<zone>, and removes it again. Uses the AWS CLI with whatever credentials it finds.
Each answer names the switch of examples/sandbox that should agree with it.
"""
import json
import subprocess
import sys


def aws(*args):
    run = subprocess.run(["aws", "--output", "json", *ENDPOINT, "route53", *args], capture_output=True, text=True,
                         check=False)
    return json.loads(run.stdout) if run.returncode == 0 and run.stdout.strip() else None, run.stderr.strip()


def rset(name, set_id, weight, ttl, value):
    return {"Name": name, "Type": "TXT", "SetIdentifier": set_id, "Weight": weight, "TTL": ttl,
            "ResourceRecords": [{"Value": '"%s"' % value}]}


def send(*changes):
    """(applied, error text)"""
    batch = {"Comment": "sluice: trying what is documented nowhere",
             "Changes": [{"Action": a, "ResourceRecordSet": s} for a, s in changes]}
    out, err = aws("change-resource-record-sets", "--hosted-zone-id", ZONE, "--change-batch", json.dumps(batch))
    return out is not None, err


def standing(name):
    out, err = aws("list-resource-record-sets", "--hosted-zone-id", ZONE)
    if out is None:
        sys.exit(err)
    return [s for s in out["ResourceRecordSets"] if s["Name"].rstrip(".") == name]


def clean(name):
    left = standing(name)
    if left:
        send(*[("DELETE", s) for s in left])


def main():
    out, err = aws("get-hosted-zone", "--id", ZONE)
    if out is None:
        sys.exit(err)
    name = "sluice-try." + out["HostedZone"]["Name"].rstrip(".")
    a, b = rset(name, "a", 100, 60, "a"), rset(name, "b", 0, 60, "b")
    clean(name)
    try:
        ok, err = send(("CREATE", a), ("CREATE", b))
        if not ok:
            sys.exit(err)

        ok, err = send(("DELETE", dict(b, Weight=7)), ("CREATE", dict(b, Weight=8)))
        print("DELETE compares Weight:", "no (applied)" if ok else "yes", "| delete_compares_weight |", err)
        if ok:
            send(("DELETE", dict(b, Weight=8)), ("CREATE", b))

        ok, err = send(("DELETE", a), ("DELETE", b), ("CREATE", dict(a, TTL=30)), ("CREATE", dict(b, TTL=30)))
        print("a whole group's TTL in one batch:", "yes" if ok else "no", "| group_ttl_in_one_batch |", err)
        if ok:
            send(("DELETE", dict(a, TTL=30)), ("DELETE", dict(b, TTL=30)), ("CREATE", a), ("CREATE", b))

        ok, err = send(("UPSERT", dict(a, TTL=30)))
        print("UPSERT of one set with another TTL:", "applied" if ok else "refused", "| the sandbox refuses |", err)

        ok, err = send(("DELETE", rset(name, "never", 1, 60, "never")), ("UPSERT", a))
        print("a batch that must fail:", "applied?!" if ok else err.split(":")[0],
              "| run this with credentials that may not UPSERT: AccessDenied means authorisation comes first; "
              "validate_first |", err)
    finally:
        clean(name)


if len(sys.argv) not in (2, 4) or (len(sys.argv) == 4 and sys.argv[2] != "--endpoint-url"):
    sys.exit(__doc__)
ZONE, ENDPOINT = sys.argv[1], sys.argv[2:]
main()
