#!/usr/bin/python3
"""The suite of the case this was born from, against the sandbox's new fleet: it passes, and each thing that breaks is found."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import SRC, Sandbox, Tap, program, shop_config  # noqa: E402

SUITE = os.path.join(SRC, "examples/leaving-heroku.smoke.yaml")
NEW = "127.0.2.1"


def main():
    tap = Tap()
    with Sandbox(shop_config()) as sb:
        env = {"PATH": os.environ["PATH"], "SMOKE_PASSWORD": "correct horse", "STRIPE_WEBHOOK_SECRET": "whsec_sandbox", "LC_ALL": "C.UTF-8"}

        def smoke(*args, **more):
            done = subprocess.run([program("smoke/smoke"), "--cacert", sb.ready["ca"], "--connect-to", "::%s:%d" % (NEW, sb.ready["https_port"]),
                                   "--report", "json", *args, SUITE], env={**env, **more}, text=True, capture_output=True, timeout=90)
            try:
                checks = {c["name"]: c for c in json.loads(done.stdout)["checks"]}
            except ValueError:
                checks = {}
            return done.returncode, checks, done.stdout[:500] + done.stderr

        status, checks, out = smoke()
        bad = {n: c.get("failure", {}).get("sentence") for n, c in checks.items() if c["verdict"] != "pass"}
        tap.ok(status == 0 and len(checks) == 47, "every check passes against the new fleet", "%s %d %s\n%s" % (status, len(checks), bad, out))
        status, checks, out = smoke("--only", "auth", SMOKE_PASSWORD="another one")
        tap.ok(status == 1 and checks["sign in"]["verdict"] == "fail", "a password that does not work is found", out)
        status, checks, out = smoke("--only", "webhooks", STRIPE_WEBHOOK_SECRET="whsec_other")
        tap.ok(status == 1 and [c["verdict"] for c in checks.values()] == ["fail"], "a webhook secret that is another is found", out)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
