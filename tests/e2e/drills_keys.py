"""Drills: the session of the credentials ends in the middle of a rollback of two batches.

Keys come from a stand-in of a container's agent, from a credential_process, or from a file; the sandbox ends the first
session between the two batches, and from then on answers ExpiredToken."""
from credentials_kit import Peer, json_keys
from drill_kit import *

ONE = ("ASIAFIRST", "first/session+secret", "first-session-token/+=")
TWO = ("ASIASECOND", "second/session+secret", "second-session-token/+=")
EARLY_S = 900 + 300  # keys that live shorter are asked for anew


def config():
    return zone_config(many(MANY), keys=[dict(zip(("id", "secret", "token"), k)) for k in (ONE, TWO)])


class Home:
    """Where the program finds its keys; give() says which it would find now (None: nobody answers, "no": refused)."""

    def __init__(self, kit, peer, source):
        self.dir, self.peer, self.source, self.keys = kit.dir, peer, source, ONE
        os.makedirs(os.path.join(self.dir, ".aws"), exist_ok=True)
        self.env = {"HOME": self.dir, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONFIG_FILE": "",
                    "AWS_SHARED_CREDENTIALS_FILE": ""}
        if source == "container":
            self.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = peer.url + "/creds"
            peer.answer["GET /creds"] = self.answer
        if source == "process":
            self.write(".aws/config", "[default]\ncredential_process = /bin/cat %s/keys\n" % self.dir)
        self.give(ONE, 7200)

    def answer(self, _rq):
        if self.keys is None:
            return None
        return (403, {"message": "not now"}) if self.keys == "no" else (200, json_keys(*self.keys, self.life))

    def give(self, keys, life=7200):
        self.keys, self.life = keys, life
        if self.source == "process":
            self.write("keys", "not now\n" if keys == "no" else json.dumps(json_keys(*keys, life, name="SessionToken", Version=1)))
        if self.source == "file":
            self.write(".aws/credentials", "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n" % keys)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(path + ".new", path)


def half_way(sb, run):
    """Breaks the new fleet; the first batch of the rollback lands, the second is refused for as long as the fault is
    there. Returns it."""
    run.wait_line("baking")
    busy = sb.fault(kind="throttle", on="api", comment=" rollback", from_nth=2)
    sb.fault(**BROKEN)
    sb.wait_for("the second batch", lambda _: fired(sb, busy) >= 1, 40)
    return busy


def backs(sb):
    return [e for e in sb.events("api") if kind_of(e) == "rollback"]


def no_secret(d, kit, run):
    said = run.err + run.out + "".join(open(os.path.join(kit.state, f), encoding="utf-8").read() for f in os.listdir(kit.state)
                                       if not f.endswith(".sock"))
    d.ok(not [s for k in (ONE, TWO) for s in k[1:] if s in said], "no secret is in its words, its journal or its files")


def at_end(d, sb, kit, run, share=0, lease="released"):
    no_secret(d, kit, run)
    d.eq(check_changes(sb.events(), config(), plan_names(many(MANY))), [], "every change is a step's or a way back, and carries the lease")
    if share is not None:
        ended(d, sb, share, lease, **{"www.example.net": 0})


@drill("keys: end in mid-rollback, a container's agent has new ones", "container", sample=True)
@drill("keys: end in mid-rollback, a process has new ones", "process")
@drill("keys: end in mid-rollback, a person put new ones into the file", "file")
def renewed(d, source):
    with Peer() as peer, Sandbox(config()) as sb, Kit(sb, **dict(PLAN_OF, records=plan_records(many(MANY)))) as kit:
        home = Home(kit, peer, source)
        run = kit.start("ramp", **home.env)
        busy = half_way(sb, run)
        sb.end_key(ONE[0])
        home.give(TWO)
        sb.clear_faults(busy)
        d.eq(run.wait(), 1, "rolled back and confirmed")
        refused = [e for e in sb.events("api") if e["status"] == 403]
        d.ok(refused and all(e["code"] == "ExpiredToken" for e in refused), "the session ended", [e["code"] for e in refused])
        landed = [e for e in backs(sb) if e.get("applied")]
        d.eq([e["access_key"] for e in landed], [ONE[0], TWO[0]], "the first batch bears the old keys, the second the new ones")
        d.ok(landed[1]["us_first"] - refused[0]["us_done"] < 10000000, "new keys were found and used at once",
             (landed[1]["us_first"] - refused[0]["us_done"]) / 1e6)
        at_end(d, sb, kit, run)


@drill("keys: good ones are used while a renewal hangs")
def not_waited_for(d):
    """They live too short for another step, so others are asked for, and nobody answers: no rollback waits for that."""
    with Peer() as peer, Sandbox(config()) as sb, Kit(sb, **dict(PLAN_OF, records=plan_records(many(MANY)), bake="60s")) as kit:
        home = Home(kit, peer, "container")
        home.give(ONE, EARLY_S - 60)
        run = kit.start("ramp", **home.env)
        run.wait_line("applying")
        home.give(None)
        peer.wait_seen(2, 90)
        busy = half_way(sb, run)
        sb.clear_faults(busy)
        d.eq(run.wait(), 1, "rolled back and confirmed")
        d.eq({e["access_key"] for e in sb.events("api")}, {ONE[0]}, "by the keys in hand")
        first, second = [e for e in backs(sb) if e.get("applied")]
        d.ok(second["us_first"] - first["us_done"] < 10000000, "nothing was waited for", (second["us_first"] - first["us_done"]) / 1e6)
        at_end(d, sb, kit, run)


def by_hand(d, kit, run):
    """It says what to type: the AWS CLI with the files that lie there."""
    d.has(run.err, "cannot be confirmed", "it says that it cannot be confirmed")
    d.has(run.err, "UNSAFE", "and calls that unsafe")
    found = re.search(r"aws route53 change-resource-record-sets --hosted-zone-id (\S+) --change-batch file://(\S+)", run.err)
    if not d.ok(found, "with the AWS CLI's command", run.err[-1500:]):
        return
    d.eq(found.group(1), "Z0SANDBOXEXAMPLE", "for the zone")
    with open(found.group(2), encoding="utf-8") as f:
        d.eq({c["Action"] for c in json.load(f)["Changes"]}, {"UPSERT"}, "and a file that is there")
    d.has(run.err, "rollback-Z0SANDBOXEXAMPLE-1.json", "and its second batch")


@drill("keys: end in mid-rollback, others only after a while", "container")
@drill("keys: end in mid-rollback, others only after a while, from a process", "process")
def late(d, source):
    with Peer() as peer, Sandbox(config()) as sb, Kit(sb, **dict(PLAN_OF, records=plan_records(many(MANY)))) as kit:
        home = Home(kit, peer, source)
        run = kit.start("ramp", **home.env)
        busy = half_way(sb, run)
        home.give("no")
        sb.end_key(ONE[0])
        sb.clear_faults(busy)
        run.wait_line("UNSAFE")
        by_hand(d, kit, run)
        run.wait_line("cannot be renewed")
        n = len(backs(sb))
        sb.wait_for("more tries", lambda _: len(backs(sb)) > n + 3, 60)
        d.ok(run.process.poll() is None, "it goes on trying")
        d.eq(percents(sb, name="r299.example.com."), [0, 10], "the second batch's records stand where they stood")
        home.give(TWO)
        since = now_us()
        d.eq(run.wait(), 1, "rolled back and confirmed once there are keys")
        last = [e for e in backs(sb) if e.get("applied")][-1]
        d.ok(last["access_key"] == TWO[0] and last["us_first"] - since < 15000000, "and soon after", (last["us_first"] - since) / 1e6)
        run.wait_line("fresh AWS credentials")
        at_end(d, sb, kit, run)


@drill("keys: end in mid-rollback, and no others ever", sample=True)
def never(d):
    with Peer() as peer, Sandbox(config()) as sb, Kit(sb, **dict(PLAN_OF, records=plan_records(many(MANY)))) as kit:
        home = Home(kit, peer, "container")
        run = kit.start("ramp", **home.env)
        busy = half_way(sb, run)
        home.give("no")
        sb.end_key(ONE[0])
        sb.clear_faults(busy)
        run.wait_line("UNSAFE")
        by_hand(d, kit, run)
        d.eq(stop(run, signal.SIGTERM), 12, "stopped: exit 12")
        d.has(run.out, "is not confirmed", "and no share is claimed")
        d.has(run.out, "aws route53 change-resource-record-sets", "the result names the AWS CLI's command, too")
        d.eq(leases(sb)["example.com."], "reverting", "the lease says that it was going back")
        at_end(d, sb, kit, run, share=None)
        home.give(TWO)
        back = kit.run("rollback", **home.env)
        d.eq(back.process.returncode, 0, "`sluice rollback` with other keys ends it")
        at_end(d, sb, kit, back)
