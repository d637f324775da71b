#!/usr/bin/python3
"""Where sluice gets AWS credentials: every provider good and broken, against stand-ins on the loopback.

Runs `sluice plan` and `sluice ramp` against the sandbox, which knows which key signed what. Prints TAP.
"""
import hashlib
import json
import os
import pty
import select
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from credentials_kit import *  # noqa: E402
from ramp_kit import *  # noqa: E402
from sandbox import Sandbox, Tap  # noqa: E402

t = Tap()
BASE, BASE_SECRET = "AKIDBASEKEY", "base/secret+of/the-caller"
ONE, ONE_SECRET, ONE_TOKEN = "ASIAFIRST", "first/session+secret", "first-session-token/+="
TWO, TWO_SECRET, TWO_TOKEN = "ASIASECOND", "second/session+secret", "second-session-token/+="
ROLE = "arn:aws:iam::123456789012:role/ramp"
INNER = "arn:aws:iam::123456789012:role/inner"
SECRETS = [BASE_SECRET, ONE_SECRET, ONE_TOKEN, TWO_SECRET, TWO_TOKEN, "bearer-token-1", "metadata-token-1",
           "agent-token-1", "identity-token-1"]


def config(**first):
    api = {"keys": [{"id": BASE, "secret": BASE_SECRET}, dict({"id": ONE, "secret": ONE_SECRET, "token": ONE_TOKEN}, **first),
                    {"id": TWO, "secret": TWO_SECRET, "token": TWO_TOKEN}]}
    return ramp_config(**api)


class Home:
    """A home directory with AWS files in it, and the environment that goes with it."""

    def __init__(self, kit, aws="", shared="", **env):
        self.dir = kit.dir
        os.makedirs(os.path.join(self.dir, ".aws/sso/cache"), exist_ok=True)
        self.write(".aws/config", aws)
        self.write(".aws/credentials", shared)
        self.env = dict({"HOME": self.dir, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
                         "AWS_CONFIG_FILE": "", "AWS_SHARED_CREDENTIALS_FILE": ""}, **env)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path


def keys_used(sb, since):
    return sorted({e["access_key"] for e in sb.events("api", since)})


def plan(sb, kit, home):
    since = sb.state()["log_seq"]
    run = kit.start("plan", "--probe", "none", yes=False, **home.env)
    status = run.wait()
    return status, run, keys_used(sb, since)


def good(sb, kit, home, key, what):
    status, run, used = plan(sb, kit, home)
    t.ok(status == 0 and used == [key], what, "%d %r\n%s" % (status, used, run.err))
    clean(run, what)


def broken(sb, kit, home, status, part, what):
    have, run, used = plan(sb, kit, home)
    t.ok(have == status and part in run.err and not used, what, "%d %r\n%s" % (have, used, run.err))
    clean(run, what)


def clean(run, what):
    shown = [s for s in SECRETS if s in run.err or s in run.out]
    if shown:
        t.ok(False, what + ": no secret is shown", shown)


def processes(sb, kit, peer):
    home = Home(kit)
    script = home.write("helper", "#!/bin/sh\necho complaint-%s >&2\n[ \"$1\" = 'two words' ] || exit 9\n"
                        "cat <<'END'\n%s\nEND\n" % (ONE_SECRET, json.dumps(
                            json_keys(ONE, ONE_SECRET, ONE_TOKEN, name="SessionToken", Version=1))))
    os.chmod(script, 0o700)
    home.write(".aws/config", '[default]\ncredential_process = "%s" "two words"\n' % script)
    good(sb, kit, home, ONE, "a process gives keys; its words are split without a shell")
    home.write(".aws/config", '[default]\ncredential_process = "%s" two words\n' % script)
    broken(sb, kit, home, 77, "exited with 9", "a process that fails is said, its complaint is not shown")
    home.write(".aws/config", "[default]\ncredential_process = /bin/echo no json\n")
    broken(sb, kit, home, 11, "no JSON", "a process that prints something else is said")


def containers(sb, kit, peer):
    url = peer.url + "/creds"
    home = Home(kit, AWS_CONTAINER_CREDENTIALS_FULL_URI=url, AWS_CONTAINER_AUTHORIZATION_TOKEN="agent-token-1")
    peer.answer["GET /creds"] = lambda rq: (200, json_keys(ONE, ONE_SECRET, ONE_TOKEN))
    good(sb, kit, home, ONE, "a container's agent gives keys")
    t.eq(peer.seen[-1].headers.get("authorization"), "agent-token-1", "it was asked with the token of the environment")
    token = home.write("token", "agent-token-of-the-file")
    home.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = token
    good(sb, kit, home, ONE, "the token of the file wins")
    t.eq(peer.seen[-1].headers.get("authorization"), "agent-token-of-the-file", "over that of the environment")
    home.write("token", "agent\r\nX-Forged: 1")
    broken(sb, kit, home, 78, "holds a line break", "a token with a line break is refused")
    home.write("token", "t")
    peer.answer["GET /creds"] = lambda rq: (403, {"code": "Denied", "message": "no such\x1b task"})
    broken(sb, kit, home, 77, "HTTP status 403, Denied: no such\\x1b task", "the agent's refusal is shown, made safe")
    replies = [(500, ""), (200, json_keys(ONE, ONE_SECRET, ONE_TOKEN))]
    peer.answer["GET /creds"] = lambda rq: replies.pop(0)
    good(sb, kit, home, ONE, "an agent that stumbles is asked again")
    peer.answer["GET /creds"] = lambda rq: (200, {"AccessKeyId": ONE})
    broken(sb, kit, home, 11, "no SecretAccessKey in the answer", "half an answer is said")
    home.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://192.0.2.1/creds"
    broken(sb, kit, home, 78, "neither https nor this machine", "another host is not asked by plain http")


def instances(sb, kit, peer):
    roles = "/latest/meta-data/iam/security-credentials/"

    def with_token(body):
        return lambda rq: (200, body) if rq.headers.get("x-aws-ec2-metadata-token") == "metadata-token-1" else (401, "")

    home = Home(kit, AWS_EC2_METADATA_DISABLED="", AWS_EC2_METADATA_SERVICE_ENDPOINT=peer.url + "/")
    peer.answer["PUT /latest/api/token"] = lambda rq: (200, "metadata-token-1")
    peer.answer["GET " + roles] = with_token("ramp-role\n")
    peer.answer["GET " + roles + "ramp-role"] = with_token(json_keys(ONE, ONE_SECRET, ONE_TOKEN, Code="Success"))
    good(sb, kit, home, ONE, "an instance's role gives keys, by version 2")
    t.eq(peer.seen[-3].headers.get("x-aws-ec2-metadata-token-ttl-seconds"), "21600", "for a session of six hours")
    peer.answer["GET " + roles + "ramp-role"] = with_token({"Code": "AssumeRoleUnauthorizedAccess"})
    broken(sb, kit, home, 77, "AssumeRoleUnauthorizedAccess", "a role without keys is said")
    peer.answer["GET " + roles] = with_token("")
    broken(sb, kit, home, 77, "no role is attached", "an instance without a role is said")
    seen = len(peer.seen)
    peer.answer["PUT /latest/api/token"] = lambda rq: (403, "")
    broken(sb, kit, home, 77, "only IMDSv2 is spoken", "version 1 is not fallen back to")
    t.eq(len(peer.seen), seen + 1, "nothing is asked without a token")
    peer.answer["PUT /latest/api/token"] = lambda rq: None
    broken(sb, kit, home, 77, "no AWS credentials are configured for profile 'default'; instance metadata: ", "one that does not answer in a second is given up")
    replies = [(500, ""), (200, "metadata-token-1")]
    peer.answer["PUT /latest/api/token"] = lambda rq: replies.pop(0)
    peer.answer["GET " + roles] = with_token("ramp-role")
    peer.answer["GET " + roles + "ramp-role"] = with_token(json_keys(ONE, ONE_SECRET, ONE_TOKEN))
    home.env["AWS_METADATA_SERVICE_NUM_ATTEMPTS"] = "2"
    good(sb, kit, home, ONE, "as many attempts are made as were asked for")
    home.env["AWS_EC2_METADATA_DISABLED"] = "TRUE"
    seen = len(peer.seen)
    broken(sb, kit, home, 77, "AWS_EC2_METADATA_DISABLED", "nothing anywhere says so")
    t.eq(len(peer.seen), seen, "and a service that is turned off is not asked")


def sts(peer, given=(ONE, ONE_SECRET, ONE_TOKEN), wrong=None):
    """STS that checks signatures; the inner role's keys are those of ONE, the outer's those of TWO."""
    def answer(rq):
        fault = check_signature(rq, {BASE: BASE_SECRET, ONE: ONE_SECRET})
        if fault:
            return 403, sts_error("SignatureDoesNotMatch", fault)
        if wrong:
            return wrong
        return 200, sts_keys("AssumeRole", *(given if rq.form["RoleArn"] != INNER else (ONE, ONE_SECRET, ONE_TOKEN)))
    peer.answer["POST /"] = answer


def roles(sb, kit, peer):
    shared = "[base]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % (BASE, BASE_SECRET)
    home = Home(kit, "[default]\nrole_arn = %s\nsource_profile = base\nexternal_id = x&y\nduration_seconds = 1800\n"
                "role_session_name = me@work\n" % ROLE, shared, AWS_ENDPOINT_URL_STS=peer.url, AWS_REGION="eu-central-1")
    sts(peer)
    good(sb, kit, home, ONE, "a role is taken with a source profile's keys")
    form = peer.seen[-1].form
    t.eq({k: form.get(k) for k in ("Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId")},
         {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": ROLE, "RoleSessionName": "me@work",
          "DurationSeconds": "1800", "ExternalId": "x&y"}, "with what the profile says")
    t.has(peer.seen[-1].headers["authorization"], "/eu-central-1/sts/aws4_request", "signed for STS in the region")
    sts(peer, (TWO, TWO_SECRET, TWO_TOKEN))
    home.write(".aws/config", "[default]\nrole_arn = %s\nsource_profile = inner\n[profile inner]\nrole_arn = %s\n"
               "source_profile = base\n" % (ROLE, INNER))
    good(sb, kit, home, TWO, "a role is taken with another role's keys")
    t.eq([r.form["RoleArn"] for r in peer.seen[-2:]], [INNER, ROLE], "the inner one first")
    t.eq(peer.seen[-1].headers.get("x-amz-security-token"), ONE_TOKEN, "and its session token goes with the second call")
    home.write(".aws/config", "[default]\nrole_arn = %s\ncredential_source = Environment\n" % ROLE)
    sts(peer)
    env = dict(home.env)
    home.env.update(AWS_ACCESS_KEY_ID=BASE, AWS_SECRET_ACCESS_KEY=BASE_SECRET)
    good(sb, kit, home, BASE, "keys of the environment come before the profile's role")
    kit.write(route53="{zone: example.com, endpoint_url: '%s', profile: default}" % sb.ready["api"])
    good(sb, kit, home, ONE, "unless the plan names the profile; its credential_source reads them")
    kit.write(route53="{zone: example.com, endpoint_url: '%s', role_arn: '%s'}" % (sb.ready["api"], ROLE))
    good(sb, kit, home, ONE, "the plan's role is taken with what the chain gives")
    home.env = env
    kit.write()
    home.write(".aws/config", "[default]\nrole_arn = %s\nsource_profile = base\n" % ROLE)
    sts(peer, wrong=(403, sts_error("AccessDenied", "User: base is not authorized to perform: sts:AssumeRole")))
    broken(sb, kit, home, 77, "trust policy", "STS's refusal is shown, with what to look at")
    sts(peer, wrong=(200, "<html/>"))
    broken(sb, kit, home, 11, "assume role: ", "an answer that is none of STS's is said")
    replies = [(400, sts_error("Throttling", "Rate exceeded")),
               (200, sts_keys("AssumeRole", ONE, ONE_SECRET, ONE_TOKEN))]
    peer.answer["POST /"] = lambda rq: replies.pop(0)
    good(sb, kit, home, ONE, "STS that is busy is asked again")
    home.write(".aws/config", "[default]\nrole_arn = %s\nsource_profile = a\n[profile a]\nrole_arn = %s\n"
               "source_profile = default\n" % (ROLE, INNER))
    broken(sb, kit, home, 78, "leads back to profile 'default'", "a circle of source profiles is an error")


def mfa(sb, kit, peer):
    serial = "arn:aws:iam::123456789012:mfa/me"
    home = Home(kit, "[default]\nrole_arn = %s\nsource_profile = base\nmfa_serial = %s\n" % (ROLE, serial),
                "[base]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % (BASE, BASE_SECRET),
                AWS_ENDPOINT_URL_STS=peer.url)
    sts(peer)
    broken(sb, kit, home, 11, "no terminal to ask at", "a role that needs an MFA code is refused without a terminal")
    t.eq(len(peer.seen), 0, "before STS is asked")
    master, slave = pty.openpty()
    process = subprocess.Popen(kit.argv("plan", "--probe", "none"), env=sb.env(**home.env), stdin=slave,
                               stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    said = b""
    while b"Code of the MFA device" not in said and select.select([master], [], [], WAIT_SECONDS)[0]:
        said += os.read(master, 4096)
    os.write(master, b"123456\n")
    try:
        process.communicate(timeout=WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    t.eq(process.returncode, 0, "at a terminal it is asked for")
    os.close(master)
    t.eq((peer.seen[-1].form.get("SerialNumber"), peer.seen[-1].form.get("TokenCode")), (serial, "123456"),
         "and handed to STS")


def web_identities(sb, kit, peer):
    home = Home(kit, AWS_ENDPOINT_URL_STS=peer.url, AWS_ROLE_ARN=ROLE, AWS_ROLE_SESSION_NAME="pod-1")
    home.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = home.write("identity", "identity-token-1\n")
    peer.answer["POST /"] = lambda rq: (200, sts_keys("AssumeRoleWithWebIdentity", ONE, ONE_SECRET, ONE_TOKEN))
    good(sb, kit, home, ONE, "an identity token gives a role's keys")
    rq = peer.seen[-1]
    t.eq((rq.form["Action"], rq.form["WebIdentityToken"], rq.form["RoleArn"], rq.form["RoleSessionName"]),
         ("AssumeRoleWithWebIdentity", "identity-token-1", ROLE, "pod-1"), "with the token of the file")
    t.ok("authorization" not in rq.headers, "and without a signature")
    peer.answer["POST /"] = lambda rq: (400, sts_error("ExpiredTokenException", "Token expired: identity-token-1"))
    broken(sb, kit, home, 77, "ExpiredTokenException", "STS's refusal is shown, without the token")
    home.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = os.path.join(home.dir, "gone")
    broken(sb, kit, home, 78, "web identity: the token file", "a missing token file is said")
    home.env.update(AWS_WEB_IDENTITY_TOKEN_FILE=os.path.join(home.dir, "identity"), AWS_ROLE_ARN="")
    broken(sb, kit, home, 78, "set AWS_ROLE_ARN", "a token without a role is said")


def sso(sb, kit, peer):
    start = "https://d-1.example.com/start"
    common = "sso_account_id = 123456789012\nsso_role_name = Ramp Er\n"
    session = ("[profile shop]\nsso_session = work\n" + common +
               "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = %s\n" % start)
    legacy = "[profile shop]\nsso_region = eu-west-1\nsso_start_url = %s\n" % start + common
    home = Home(kit, session, AWS_PROFILE="shop", AWS_ENDPOINT_URL_SSO=peer.url)

    def login(name, ends):
        home.write(".aws/sso/cache/%s.json" % hashlib.sha1(name.encode()).hexdigest(),
                   json.dumps({"accessToken": "bearer-token-1", "expiresAt": ends, "region": "eu-west-1"}))

    broken(sb, kit, home, 77, "run `aws sso login --profile shop`", "without a login one is told to log in")
    login("work", later(-1))
    broken(sb, kit, home, 77, "the SSO login has ended; run `aws sso login --profile shop`", "also when it has ended")
    login("work", later(3600))
    keys = {"accessKeyId": ONE, "secretAccessKey": ONE_SECRET, "sessionToken": ONE_TOKEN,
            "expiration": int((time.time() + 3600) * 1000)}
    peer.answer["GET /federation/credentials"] = lambda rq: (200, {"roleCredentials": keys})
    good(sb, kit, home, ONE, "the SSO portal gives keys for a session's login")
    rq = peer.seen[-1]
    t.eq((rq.headers.get("x-amz-sso_bearer_token"), rq.args),
         ("bearer-token-1", {"role_name": "Ramp Er", "account_id": "123456789012"}), "asked with its token")
    home.write(".aws/config", legacy)
    login(start, later(3600).replace("Z", "UTC"))
    good(sb, kit, home, ONE, "and for a login of the older kind")
    peer.answer["GET /federation/credentials"] = lambda rq: (401, {"message": "Session token not found or invalid"})
    broken(sb, kit, home, 77, "run `aws sso login --profile shop`", "a login the portal does not accept says the same")
    peer.answer["GET /federation/credentials"] = lambda rq: (403, {"message": "No access"})
    broken(sb, kit, home, 77, "role Ramp Er in account 123456789012: HTTP status 403, No access", "no access is shown")


def mixed(sb, kit, peer):
    home = Home(kit, "[default]\nlogin_session = x\n")
    broken(sb, kit, home, 78, "login_session", "what this version cannot do is refused by name")


# --- in the middle of a ramp

EARLY = 900 + 300  # need and the time ahead of it, but for the drain


def agent(peer, first_seconds, then):
    """A container's agent: the first time ONE, which lives that long; from then on what `then` says."""
    def answer(rq):
        return (200, json_keys(ONE, ONE_SECRET, ONE_TOKEN, first_seconds)) if len(peer.seen) == 1 else then()
    peer.answer["GET /creds"] = answer
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": peer.url + "/creds"}


def second():
    return 200, json_keys(TWO, TWO_SECRET, TWO_TOKEN)


def secrets_in_state(kit):
    text = "".join(open(os.path.join(kit.state, f), encoding="utf-8").read() for f in kit.journals())
    return [s for s in SECRETS if s in text]


def renewed():
    with Peer() as peer, Sandbox(config(expires_in_s=7)) as sb, Kit(sb, steps="[10, 50, 100]") as kit:
        home = Home(kit, **agent(peer, EARLY + 4, second))
        run = kit.start("ramp", **home.env)
        run.wait_line("fresh AWS credentials")
        t.eq(run.wait(), 0, "credentials that end in the middle of a ramp are renewed before, and it completes")
        t.eq(percents(sb), [0, 10, 50, 100], "step by step")
        t.eq([e for e in sb.events("api") if e["status"] == 403], [], "no request was signed with what had ended")
        t.eq(sb.events("api")[-1]["access_key"], TWO, "the last ones were signed with the new ones")
        t.eq(secrets_in_state(kit), [], "the journal holds none of them")
        clean(run, "a renewal")


def refused_in_between():
    """The service calls them expired, whatever they said: others are fetched at once."""
    with Peer() as peer, Sandbox(config()) as sb, Kit(sb, steps="[10, 100]", bake="3s") as kit:
        home = Home(kit, **agent(peer, 7200, second))
        run = kit.start("ramp", **home.env)
        run.wait_line("baking")
        sb.fault(kind="status", on="api", key=ONE, status=403, code="ExpiredToken", message="expired")
        back = kit.start("rollback", **home.env)
        back.wait()
        t.eq(run.wait(), 0, "keys that the service calls expired are replaced, and the rollback that found it is confirmed")
        t.eq(percents(sb), [0, 10, 0], "it is back")
        t.has(run.err, "fresh AWS credentials", "and that is said")


def failing_in_rollback():
    """The agent does not answer any more when the new fleet breaks: nothing waits for it."""
    with Peer() as peer, Sandbox(config()) as sb, Kit(sb, steps="[10, 100]", bake="30s") as kit:
        home = Home(kit, **agent(peer, EARLY - 60, lambda: None))
        run = kit.start("ramp", **home.env)
        run.wait_line("baking")
        peer.wait_seen(2)
        sb.fault(kind="status", on="fleet", fleet="new", status=500)
        t.eq(run.wait(), 1, "a rollback while a renewal hangs goes out and is verified")
        t.eq(percents(sb), [0, 10, 0], "the weights are back")
        t.eq(keys_used(sb, 0), [ONE], "signed with those that were in hand")
        t.ok("cannot be renewed" in run.err, "that they cannot be renewed was said", run.err)


def held_and_going_on():
    with Peer() as peer, Sandbox(config()) as sb, Kit(sb, steps="[10, 100]", bake="2s") as kit:
        state = {"good": False}
        home = Home(kit, **agent(peer, 900 + 6, lambda: second() if state["good"] else (403, {"message": "not now"})))
        run = kit.start("ramp", **home.env)
        run.wait_line("the credentials end too soon")
        t.has(run.err, "cannot be renewed", "a renewal that fails is said")
        t.has(run.err, "not now", "with why")
        t.has(run.err, "held", "and once they would not live for a drain and 15 minutes the run holds")
        state["good"] = True
        t.eq(run.wait(), 0, "it goes on by itself when they are renewed")
        t.eq(percents(sb), [0, 10, 100], "to the end")


def one_by_one():
    with Peer() as peer, Sandbox(config()) as sb, Kit(sb) as kit:
        for test in (processes, containers, instances, roles, mfa, web_identities, sso, mixed):
            peer.reset()
            kit.write()
            test(sb, kit, peer)


for part in (one_by_one, renewed, refused_in_between, failing_in_rollback, held_and_going_on):
    if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
        part()
t.done()
