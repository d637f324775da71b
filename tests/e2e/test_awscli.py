#!/usr/bin/python3
"""Debian's AWS CLI against the sandbox: makes a zone and two weighted sets, lists, UPSERTs, is refused a
wrong DELETE, waits for INSYNC."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sandbox import SRC, Sandbox, Tap, bare_config, dns  # noqa: E402

AWS = os.environ.get("AWS_CLI", "/usr/bin/aws")


def aws(sb, *args):
    """(exit status, parsed output, error text)"""
    run = subprocess.run([AWS, "--endpoint-url", sb.ready["api"], "--output", "json", "route53", *args],
                         env=sb.env(), capture_output=True, text=True, timeout=120, check=False)
    return run.returncode, json.loads(run.stdout) if run.stdout.strip() else None, run.stderr


def change(action, set_id, weight, value, ttl=60):
    return {"Action": action, "ResourceRecordSet": {
        "Name": "www.shop.example", "Type": "CNAME", "SetIdentifier": set_id, "Weight": weight, "TTL": ttl,
        "ResourceRecords": [{"Value": value}]}}


def batch(*changes):
    return json.dumps({"Comment": "from the AWS CLI", "Changes": changes})


def main():
    t = Tap()
    if not os.access(AWS, os.X_OK):
        print("1..0 # SKIP no AWS CLI at " + AWS)
        return
    # INSYNC before the waiter's first question: it asks only every 30 seconds.
    config = dict(bare_config(delay_ms=20), health_checks=[{"id": "h-1", "type": "TCP", "address": "192.0.2.1"}],
                  traffic_policy_instances=[{"id": "t-1", "zone": "Z0SANDBOXEXAMPLE", "name": "www.example.com.",
                                             "policy": "p-1", "version": 2}])
    with Sandbox(config) as sb:
        status, out, err = aws(sb, "create-hosted-zone", "--name", "shop.example", "--caller-reference", "one")
        t.ok(status == 0 and out["HostedZone"]["Name"] == "shop.example.", "a zone is created", err)
        zone = out["HostedZone"]["Id"].rsplit("/", 1)[1]
        t.eq(len(out["DelegationSet"]["NameServers"]), 4, "it has four name servers")
        status, out, err = aws(sb, "create-hosted-zone", "--name", "shop.example", "--caller-reference", "one")
        t.has(err, "(HostedZoneAlreadyExists)", "the same caller reference again is refused")

        status, out, err = aws(sb, "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", batch(
            change("CREATE", "old", 100, "tidy-fern-1.herokudns.test"),
            change("CREATE", "new", 0, "new-www.shop.example")))
        t.ok(status == 0 and out["ChangeInfo"]["Status"] == "PENDING", "two weighted sets are created, PENDING", err)
        change_id = out["ChangeInfo"]["Id"]
        status, out, err = aws(sb, "wait", "resource-record-sets-changed", "--id", change_id)
        t.eq((status, err), (0, ""), "the waiter sees INSYNC")

        status, out, err = aws(sb, "list-resource-record-sets", "--hosted-zone-id", zone)
        sets = [s for s in out["ResourceRecordSets"] if s["Type"] == "CNAME"]
        t.eq([(s["SetIdentifier"], s["Weight"], s["TTL"]) for s in sets], [("new", 0, 60), ("old", 100, 60)],
             "both are listed, the zero weight with them")
        status, out, err = aws(sb, "list-resource-record-sets", "--hosted-zone-id", zone, "--page-size", "1")
        t.eq(len(out["ResourceRecordSets"]), 4, "pages of one set each give the same four")

        status, out, err = aws(sb, "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", batch(
            change("UPSERT", "new", 10, "new-www.shop.example")))
        t.ok(status == 0, "an UPSERT changes a weight", err)
        aws(sb, "wait", "resource-record-sets-changed", "--id", out["ChangeInfo"]["Id"])
        t.eq(sb.weights("www.shop.example", "CNAME"), {"old": 100, "new": 10}, "and only that one")

        status, out, err = aws(sb, "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", batch(
            change("DELETE", "new", 10, "elsewhere.shop.example")))
        t.ok(status != 0, "a DELETE with another value is refused")
        t.has(err, "An error occurred (InvalidChangeBatch) when calling the ChangeResourceRecordSets operation: "
              "[Tried to delete resource record set [name='www.shop.example.', type='CNAME', set identifier='new'] "
              "but the values provided do not match the current values]", "in the service's words")
        t.eq(sb.weights("www.shop.example", "CNAME"), {"old": 100, "new": 10}, "nothing changed by it")
        t.ok(dns(sb.ready["dns"][0], "www.shop.example", "CNAME").answer, "DNS serves the new zone")

        status, out, err = aws(sb, "list-hosted-zones-by-name", "--dns-name", "shop.example")
        t.eq([z["Name"] for z in out["HostedZones"]], ["shop.example."],
             "zones are listed by name, reversed, from there on")
        status, out, err = aws(sb, "get-hosted-zone", "--id", zone)
        t.eq(out["HostedZone"]["ResourceRecordSetCount"], 4, "the zone counts its sets")
        status, out, err = aws(sb, "delete-hosted-zone", "--id", zone)
        t.has(err, "(HostedZoneNotEmpty)", "a zone with records cannot be deleted")
        aws(sb, "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", batch(
            change("DELETE", "new", 10, "new-www.shop.example"),
            change("DELETE", "old", 100, "tidy-fern-1.herokudns.test")))
        status, out, err = aws(sb, "delete-hosted-zone", "--id", zone)
        t.ok(status == 0, "an empty one can", err)
        status, out, err = aws(sb, "get-hosted-zone", "--id", zone)
        t.has(err, "(NoSuchHostedZone)", "and is gone")
        status, out, err = aws(sb, "get-health-check", "--health-check-id", "h-1")
        t.eq((out or {}).get("HealthCheck", {}).get("HealthCheckConfig", {}).get("FailureThreshold"), 3,
             "a health check is read")
        status, out, err = aws(sb, "get-health-check", "--health-check-id", "h-2")
        t.has(err, "(NoSuchHealthCheck)", "one that is not there is told")
        status, out, err = aws(sb, "get-traffic-policy-instance", "--id", "t-1")
        t.eq((out or {}).get("TrafficPolicyInstance", {}).get("TrafficPolicyVersion"), 2, "so is a policy instance")
        live = os.path.join(SRC, "tests/live/untried.py")
        run = subprocess.run([sys.executable, live, "Z0SANDBOXEXAMPLE", "--endpoint-url", sb.ready["api"]],
                             env=sb.env(PATH=os.path.dirname(AWS) + ":/usr/bin:/bin"), capture_output=True, text=True,
                             timeout=300, check=False)
        t.ok("DELETE compares Weight: yes" in run.stdout and "batch: yes" in run.stdout and
             "another TTL: refused" in run.stdout, "the script for a live zone finds the sandbox's switches",
             run.stdout + run.stderr)
        t.eq(len(sb.state()["zones"][0]["sets"]), 2, "and leaves nothing in the zone")
        t.eq(sb.stop(), 0, "SIGTERM ends the sandbox with status 0")
    t.done()


main()
