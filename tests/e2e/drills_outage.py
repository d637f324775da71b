"""Drills: the control plane answers nothing, or too much, in every state of a ramp; replies that are lost after the change."""
from drill_kit import *

DEAD = {"black hole": dict(kind="hang", on="api", ms=600000), "resets": dict(kind="reset", on="api"),
        "throttle storm": dict(kind="throttle", on="api"), "503s": dict(kind="status", on="api", status=503)}
LIMITED = dict(kind="status", on="fleet", status=429)
STATES = ("applying", "verifying", "draining", "baking", "approving", "paused", "held", "soaking", "reverting")
KEYS_OF = {"approving": dict(steps="[{percent: 10, approve: true}, 100]"), "verifying": dict(verify="dns"),
           "held": dict(on="{inconclusive: hold}", max_hold="10m")}


def reach(sb, kit, run, state):
    """Brings the run to a state and leaves it there for as long as the fleets are well."""
    if state == "verifying":
        run.wait_line("the lease is taken")
        for server in (0, 1):
            sb.fault(kind="drop", on="dns", server=server)
    if state == "held":
        run.wait_line("baking")
        limited = sb.fault(**LIMITED)
        run.wait_line("held")
        sb.clear_faults(limited)
    if state == "paused":
        run.wait_line("baking")
        if kit.run("pause", "shop", plan=False, yes=False).process.returncode != 0:
            raise AssertionError("it cannot be paused")
    if state == "reverting":
        run.wait_line("baking")
    else:
        run.wait_line(state)


def dead_and_broken(d, how, state):
    """The API dies as a state begins, then the new fleet breaks: it goes on trying, says what stands, and is back once
    the API is."""
    with Sandbox(ramp_config()) as sb, Kit(sb, **dict(PLAN_OF, **KEYS_OF.get(state, {}))) as kit:
        run = kit.start("ramp")
        reach(sb, kit, run, state)
        dead = DEAD[how]
        if state == "reverting":  # from the rollback's first request on
            sb.fault(**dict(dead, comment=" rollback"))
        else:
            sb.fault(**dead)
        sb.fault(**BROKEN)
        run.wait_line("reverting")
        if state == "reverting":
            sb.fault(**dead)
        at = run.wait_line("UNSAFE")
        d.ok(run.process.poll() is None, "it goes on trying", run.err[-500:])
        d.ok(any("reverting" not in line and state in line for line in run.lines) or state == "reverting",
             "the state was reached", run.err)
        before = len([e for e in sb.events("api") if kind_of(e) == "rollback"])
        sb.wait_for("another try", lambda events: len([e for e in events if e["event"] == "api" and kind_of(e) == "rollback"]) > before, 40)
        sb.clear_faults()
        d.eq(run.wait(), 1, "rolled back once the API answers")
        run.wait_line("the rollback is confirmed", after=at)
        ended(d, sb, 0, "released")


def dead_and_sound(d, how, state):
    """The API dies and comes back, both fleets are well: the ramp completes, no wait is cut short."""
    with Sandbox(ramp_config()) as sb, Kit(sb, **PLAN_OF) as kit:
        born = now_us()
        run = kit.start("ramp")
        run.wait_line(state)
        sb.fault(**DEAD[how], count=6)
        d.eq(run.wait(), 0, "it completes")
        d.eq(percents(sb), [0, 10, 100], "by the plan's steps")
        d.eq(check_waits(sb.events(), {"www.example.com."}, [(born, now_us())]), [], "no wait was cut short")
        ended(d, sb, 100, "released")


for _state in STATES:
    for _how in ("black hole", "throttle storm"):
        drill("outage: %s while %s, and then the fleet breaks" % (_how, _state), _how, _state)(dead_and_broken)
for _how in ("resets", "503s"):
    drill("outage: %s while baking, and then the fleet breaks" % _how, _how, "baking")(dead_and_broken)
for _how, _state in (("resets", "applying"), ("throttle storm", "applying"), ("503s", "baking")):
    drill("outage: %s while %s, for a while" % (_how, _state), _how, _state)(dead_and_sound)


@drill("outage: stopped while unsafe", sample=True)
def stopped_unsafe(d):
    """A rollback that cannot be confirmed and is stopped says so by its exit, and what to type; also to somebody who
    presses Ctrl-C once more while it leaves (which a notify command that takes its time draws out)."""
    with Sandbox(ramp_config()) as sb, Kit(sb, **dict(PLAN_OF, notify="{command: [/bin/sleep, '1']}")) as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        sb.fault(**DEAD["resets"])
        sb.fault(**BROKEN)
        run.wait_line("UNSAFE")
        run.signal(signal.SIGINT)
        run.wait_line("another signal")
        run.signal(signal.SIGINT)
        run.wait_line("leaving now")
        run.signal(signal.SIGINT)
        d.eq(run.wait(), 12, "exit 12")
        d.has(run.out, "is not confirmed", "and what stands is said")
        files = [f for f in os.listdir(kit.state) if f.startswith("rollback-")]
        d.ok(files, "the change batch for the AWS CLI lies in the state directory", os.listdir(kit.state))
        sb.clear_faults()
        d.eq(kit.run("rollback").process.returncode, 0, "and `sluice rollback` ends it")
        ended(d, sb, 0, "released")


@drill("outage: the way back for the AWS CLI", sample=True)
def cli_batch(d):
    """The rollback file does what it says when the AWS CLI sends it: here, the same bytes by hand."""
    with Sandbox(ramp_config()) as sb, Kit(sb, **PLAN_OF) as kit:
        run = kit.start("ramp")
        run.wait_line("baking")
        run.kill()
        name = [f for f in os.listdir(kit.state) if f.startswith("rollback-")][0]
        with open(os.path.join(kit.state, name), encoding="utf-8") as f:
            batch = json.load(f)
        changes = [(c["Action"], {"name": c["ResourceRecordSet"]["Name"], "type": c["ResourceRecordSet"]["Type"],
                                  "set": c["ResourceRecordSet"]["SetIdentifier"], "weight": c["ResourceRecordSet"]["Weight"],
                                  "ttl": c["ResourceRecordSet"]["TTL"], "values": [v["Value"] for v in c["ResourceRecordSet"]["ResourceRecords"]]})
                   for c in batch["Changes"]]
        d.eq(sb.batch(changes)[0], 200, "the file in the state directory is a good change batch")
        ended(d, sb, 0, "forward")


# --- the change is made, the reply is lost

LOST = {  # what it says it is -> (word of the comment, which of them, does the fleet break?)
    "the lone CREATE of the lease": ("lease", 1, False), "the first taking batch": ("forward", 1, False),
    "the second taking batch": ("forward", 2, False), "the proof of the way back": ("proof", 1, False),
    "a step's first chunk": ("forward", 3, False), "a step's second chunk": ("forward", 4, False),
    "a heartbeat": ("renew", 1, False), "the rollback's first chunk": ("rollback", 1, True),
    "the rollback's second chunk": ("rollback", 2, True), "the release": ("release", 1, False)}


def lost(d, what):
    word, nth, fails = LOST[what]
    keys = dict(lease="{life: 1m}", bake="22s") if word == "renew" else {}
    config = zone_config(many(MANY))
    with Sandbox(config) as sb, Kit(sb, **dict(PLAN_OF, records=plan_records(many(MANY)), **keys)) as kit:
        fault = sb.fault(kind="lost_reply", on="api", action="ChangeResourceRecordSets", comment=" " + word, nth=nth)
        run = kit.start("ramp")
        if fails:
            run.wait_line("baking")
            sb.fault(**BROKEN)
        d.eq(run.wait(), 1 if fails else 0, "it comes to its end")
        d.eq(fired(sb, fault), 1, "the reply was lost")
        d.eq(check_changes(sb.events(), config, plan_names(many(MANY))), [], "every change is a step's, and carries the lease")
        made = [v for e in batches(sb) for v in lease_values(e, "CREATE")]
        d.eq(len(made), len(set(made)), "no batch landed twice")
        ended(d, sb, 0 if fails else 100, "released", **{"www.example.net": 0})


for _what in LOST:
    drill("lost reply: %s" % _what, _what)(lost)
