"""prepare, finish, their undo and release, killed and given again: no journal, but a sequence of calls over two
zones. Whatever was killed where, the same command once more must end where one that nobody disturbed ends,
and no DNS client may ever see an empty or a foreign answer."""
import os
import shutil
import threading

from kill_kit import *
from sandbox import dns

HOST = "tidy-fern-1.herokudns.test"
LOWER_TTL = 1
# The TTLs differ, so that a wait which forgets the longer one is seen to be too short.
SIMPLE = {"example.com": [("www.example.com", "CNAME", 5, HOST), ("files.example.com", "A", 5, OLD)],
          "example.net": [("www.example.net", "A", 2, OLD), ("api.example.net", "A", 2, OLD)]}
IDS = {"example.com": "Z0SANDBOXEXAMPLE", "example.net": "Z0SECONDEXAMPLE"}
NAMES = {n + "." for rows in SIMPLE.values() for n, *_ in rows}
HELPERS = {"new-www.example.com."}
ALLOWED = {"www.example.com": {HOST + ".", "new-www.example.com.", NEW}, "files.example.com": {OLD, NEW},
           "www.example.net": {OLD, NEW}, "api.example.net": {OLD, NEW}}
BYSTANDER = {"name": "mail.%s", "type": "A", "ttl": 300, "values": ["192.0.2.25"]}
PLAN_KEYS = dict(
    records="[" + ", ".join("{name: %s, type: %s, zone: %s}" % (n, t, z) for z, rows in SIMPLE.items() for n, t, *_ in rows) + "]",
    sides="{old: {set: heroku}, new: {set: ec2, target: %s}}" % NEW, prepare="{ttl: %ds}" % LOWER_TTL, steps="[100]", bake="1s")
COMMANDS = {  # scenario -> arguments; each begins where another that was not disturbed has ended
    "prepare": ["prepare"],
    "prepare, undone": ["prepare", "--undo"],
    "finish": ["finish", "--without-soak", "--no-wait"],
    "finish, undone": ["finish", "--undo"],
    "release": ["release"],
}
CLIENT_S = 0.03  # between two rounds of questions


def config_of(zones):
    c = ramp_config()
    c["zones"] = [{"name": name, "id": IDS[name], "records": records} for name, records in zones.items()]
    c["dns"]["hosts"] = {HOST: [OLD]}
    return c


def simple_zones():
    return {zone: [{"name": n, "type": t, "ttl": ttl, "values": [v]} for n, t, ttl, v in rows] +
            [dict(BYSTANDER, name=BYSTANDER["name"] % zone)] for zone, rows in SIMPLE.items()}


def zones_of(sb):
    """What stands, as records of a sandbox's config."""
    return {z["name"].rstrip("."): [s for s in z["sets"] if s["type"] not in ("SOA", "NS")] for z in sb.state()["zones"]}


def end_of(sb):
    """What stands, comparable: every set, and what the leases say beside their numbers."""
    out = []
    for zone, sets in zones_of(sb).items():
        for s in sets:
            if s["name"].startswith(LEASE):
                s = dict(s, values=re.findall(r"\b(?:state|ttl|step)=\S+", s["values"][0]))
            out.append(json.dumps(dict(s, zone=zone), sort_keys=True))
    return sorted(out)


def moved(zones):
    """All the traffic on the new side, as after a ramp."""
    return {zone: [dict(s, weight=100 - s["weight"]) if "weight" in s else s for s in sets] for zone, sets in zones.items()}


class Client(threading.Thread):
    """Asks a server after the other for every name, from before the first life to after the last."""

    def __init__(self, servers):
        super().__init__(daemon=True)
        self.servers, self.bad, self.n, self.over = servers, [], 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(CLIENT_S):
            server = self.servers[self.n % len(self.servers)]
            for name, allowed in ALLOWED.items():
                a = dns(server, name, "A")
                values = {r[3] for r in a.answer if r[0] == name + "."} if a else {"no answer"}
                if a is None or a.rcode != "NOERROR" or not values or not values <= allowed:
                    self.bad.append("%s: %s %s" % (name, a and a.rcode, sorted(values)))
            self.n += 1

    def end(self):
        self.over.set()
        self.join(60)
        return self.bad


class ConvertCase(Life):
    """case beside what Life takes: zones (config records it begins with), files (a state directory's, or None),
    clock (how far Route 53's is set on, milliseconds), end (what must stand in the end; None: whatever)."""

    def run(self):
        case = self.case
        config, args = config_of(case["zones"]), COMMANDS[self.scenario]
        with Sandbox(config) as sb, Kit(sb, **PLAN_KEYS) as kit:
            kit.converts = True
            if case["files"]:
                shutil.copytree(case["files"], kit.state)
                os.chmod(kit.state, 0o700)
            if case["clock"]:
                sb.clock(offset_ms=case["clock"])
            client = Client(sb.ready["dns"])
            try:
                status = self.live(sb, kit, args)
                while status == KILLED:
                    status = self.live(sb, kit, args)
                self.faults += client.end()[:5]
                self.check(sb, config, status)
            except AssertionError as e:
                self.faults.append(str(e))
            finally:
                self.keep(sb, kit)
            more = {}
            if not case.get("kills") and case.get("save"):
                if os.path.isdir(kit.state):
                    shutil.copytree(kit.state, case["save"], ignore=shutil.ignore_patterns("*.lock", "*.sock"))
                more = dict(zones=zones_of(sb), end=end_of(sb))
            return self.result(**more)

    def note_death(self, sb, kit):
        calls = sb.events("api")
        self.deaths.append({"last_call": calls[-1]["action"] if calls else "none", "phase": self.scenario})

    def check(self, sb, config, status):
        if status != 0:
            self.faults.append("ended with %d" % status)
        end = end_of(sb)
        if self.case["end"] is not None and end != self.case["end"]:
            self.faults.append("ends elsewhere: %s" % sorted(set(end) ^ set(self.case["end"])))
        if bystanders(sb, config, NAMES | HELPERS):
            self.faults.append("touched: %r" % bystanders(sb, config, NAMES | HELPERS))
        self.faults += check_fenced(sb.events("api")) + check_old_ttls(sb.events("api"))


def check_fenced(calls):
    """Nothing but the plan's records, its helpers and the lease; every batch carries the lease."""
    faults = []
    for e in calls:
        if not e.get("applied"):
            continue
        touched = {c["name"] for c in e["changes"]}
        strange = {n for n in touched if n not in NAMES | HELPERS and not n.startswith(LEASE)}
        if strange:
            faults.append("%d: touches %s" % (e["seq"], sorted(strange)))
        if not any(n.startswith(LEASE) for n in touched):
            faults.append("%d: a batch without the lease" % e["seq"])
    return faults


def check_old_ttls(calls):
    """No record is made weighted before the TTL that was lowered is over."""
    faults, old = [], {}
    for e in calls:
        if not e.get("applied"):
            continue
        made = {(c["name"], c["type"]): c for c in e["changes"] if c["action"] == "CREATE" and "set" not in c}
        gone = {(c["name"], c["type"]): c for c in e["changes"] if c["action"] == "DELETE" and "set" not in c}
        for key, c in gone.items():
            if key in made and key[1] != "TXT" and made[key]["ttl"] < c["ttl"]:
                old[key] = (c["ttl"], e["us_done"])
            elif key in old and key not in made:
                ttl, since = old[key]
                if e["us_first"] - since < ttl * 1000000:
                    faults.append("%s was made weighted %d ms after its TTL of %d s was lowered" % (
                        key[0], (e["us_first"] - since) // 1000, ttl))
    return faults


def undisturbed(case):
    """The wanted ones (those that another begins from among them), one after the other, each counted: {scenario: {zones, files, clock, end, calls}}."""
    out, faults, after = {}, [], {}
    for scenario in case["wanted"]:
        zones, files, clock = simple_zones(), None, 0
        if scenario == "finish":
            zones = moved(after["prepare"]["zones"])
        elif scenario != "prepare":
            zones = after[scenario.partition(",")[0] if "undone" in scenario else "finish"]["zones"]
        if scenario == "finish, undone":
            files = after["finish"]["files"]
        if scenario == "release":
            clock = 2000000  # the lease was written more than six minutes ago, whatever its life
        where = os.path.join(case["dir"], scenario.replace(", ", "-"))
        run = dict(case, scenario=scenario, zones=zones, files=files, clock=clock, end=None, dir=where,
                   save=os.path.join(where, "state"))
        result = ConvertCase(run).run()
        faults += ["%s: %s" % (scenario, f) for f in result["faults"]]
        if result["faults"]:
            break
        after[scenario] = dict(zones=result["zones"], files=run["save"])
        out[scenario] = dict(zones=zones, files=files, clock=clock, end=result["end"], counted=result["counted"])
    return {"case": case, "faults": faults, "deaths": [], "counted": None, "scenarios": out}


__all__ = [n for n in dir() if not n.startswith("_")]
