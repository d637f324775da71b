/* Small whole runs that are crashed at every call: what happens in each, and how it may end. */
#include <stdio.h>
#include <string.h>

#include "sim.h"
#include "sluice/common.h"

#define ENDS(e) (1u << END_##e)

enum asks { ASKS_NOTHING, ASKS_ROLLBACK, ASKS_PAUSE };

struct sim_scenario {
    const char *name;
    uint32_t zones, records, values;
    uint32_t steps[SIM_STEPS];
    enum sim_fleet fleet;
    struct sim_span bad, outage;      /* of the fleet; of the API */
    uint32_t answers_lost, dns_wrong; /* thousandths, before quiet_ms */
    int64_t quiet_ms;
    enum asks asks;
    int64_t asks_ms, signal_ms;
    bool approve;
    uint32_t subject;     /* the controller that dies */
    int64_t rival_ms;     /* when the second controller starts; 0: there is none */
    bool rival_goes_back; /* `sluice rollback`; else --take-over */
    enum ramp_start restart;
    enum plan_policy on_crash;
    uint32_t ends;       /* of the subject */
    uint32_t ends_crash; /* and these, where it has died */
};

static const struct sim_scenario scenarios[] = {
    {.name = "completes",
     .zones = 1,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .restart = RAMP_START_RESUME,
     .ends = ENDS(COMPLETED)},
    {.name = "breaches",
     .zones = 1,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .fleet = FLEET_NEW_BAD,
     .bad = {12000, INT64_MAX},
     .restart = RAMP_START_RESUME,
     .ends = ENDS(ROLLED_BACK)},
    {.name = "two-zones-two-batches",
     .zones = 2,
     .records = 6,
     .values = SIM_VALUES,
     .steps = {100},
     .restart = RAMP_START_RESUME,
     .ends = ENDS(COMPLETED)},
    {.name = "two-zones-back",
     .zones = 2,
     .records = 4,
     .values = 1,
     .steps = {50, 100},
     .asks = ASKS_ROLLBACK,
     .asks_ms = 20000,
     .restart = RAMP_START_RESUME,
     .ends = ENDS(ROLLED_BACK)},
    {.name = "rollback-asked",
     .zones = 1,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .asks = ASKS_ROLLBACK,
     .asks_ms = 14000,
     .restart = RAMP_START_RESUME,
     .ends = ENDS(ROLLED_BACK)},
    {.name = "reverts-without-api",
     .zones = 1,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .fleet = FLEET_NEW_BAD,
     .bad = {12000, INT64_MAX},
     .outage = {14000, 40000},
     .quiet_ms = 60000,
     .restart = RAMP_START_RESUME,
     .ends = ENDS(ROLLED_BACK)},
    {.name = "answers-lost",
     .zones = 1,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .answers_lost = 400,
     .quiet_ms = 60000,
     .restart = RAMP_START_RESUME,
     .ends = ENDS(COMPLETED)},
    {.name = "paused",
     .zones = 1,
     .records = 1,
     .values = 1,
     .steps = {50, 100},
     .asks = ASKS_PAUSE,
     .asks_ms = 14000,
     .restart = RAMP_START_RESUME,
     .ends = ENDS(COMPLETED)},
    {.name = "held-resumed",
     .zones = 1,
     .records = 1,
     .values = 1,
     .steps = {50, 100},
     .dns_wrong = 1000,
     .quiet_ms = 15000,
     .restart = RAMP_START_RESUME,
     .ends = ENDS(COMPLETED)},
    {.name = "approved",
     .zones = 1,
     .records = 1,
     .values = 1,
     .steps = {50, 100},
     .approve = true,
     .restart = RAMP_START_RESUME,
     .ends = ENDS(COMPLETED)},
    {.name = "terminated",
     .zones = 1,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .signal_ms = 14000,
     .restart = RAMP_START_RESUME,
     .ends = ENDS(COMPLETED)},
    {.name = "takes-over",
     .zones = 2,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .subject = 1,
     .rival_ms = 14000,
     .restart = RAMP_START_RESUME,
     .ends = ENDS(COMPLETED),
     .ends_crash = ENDS(REFUSED)}, /* resumed before it had taken: the lease is another's */
    {.name = "taken-over",
     .zones = 2,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .subject = 0,
     .rival_ms = 14000,
     .restart = RAMP_START_RESUME,
     .ends = ENDS(DEPOSED),
     .ends_crash = ENDS(BUSY)},
    {.name = "back-from-elsewhere",
     .zones = 2,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .subject = 1,
     .rival_ms = 14000,
     .rival_goes_back = true,
     .restart = RAMP_START_ROLLBACK,
     .ends = ENDS(ROLLED_BACK)},
    {.name = "crash-goes-back",
     .zones = 1,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .restart = RAMP_START_RECOVER,
     .on_crash = PLAN_ROLLBACK,
     .ends = ENDS(COMPLETED),
     .ends_crash = ENDS(ROLLED_BACK)},
    {.name = "person-goes-back",
     .zones = 1,
     .records = 2,
     .values = 1,
     .steps = {50, 100},
     .restart = RAMP_START_ROLLBACK,
     .ends = ENDS(COMPLETED),
     .ends_crash = ENDS(ROLLED_BACK)},
};

size_t scenario_count(void)
{
    return ARRAY_LEN(scenarios);
}

const struct sim_scenario *scenario_at(size_t i)
{
    return &scenarios[i];
}

const struct sim_scenario *scenario_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
        if (strlen(scenarios[i].name) == len && memcmp(scenarios[i].name, name, len) == 0)
            return &scenarios[i];
    return NULL;
}

const char *scenario_name(const struct sim_scenario *sc)
{
    return sc->name;
}

/* ---- The world of one
 * ---------------------------------------------------------------------------------- */

/* As short as the gate allows: 27 passes prove a failure rate below 25 %. */
static void plan(struct sim *s, const struct sim_scenario *sc)
{
    struct plan *p = &s->plan;

    for (uint32_t i = 0; i < SIM_STEPS && sc->steps[i]; i++)
        p->steps[p->steps_n++] = (struct plan_step){.percent = sc->steps[i],
                                                    .bake_ms = 10000,
                                                    .approve = sc->approve,
                                                    .on_breach = PLAN_ROLLBACK};
    p->suites[0].unacceptable_ppm = 250000;
    p->soak.for_ms = 5000;
    p->soak.rate_milli = 1000;
    p->rate_milli = 3000;
    p->max_hold_ms = 15 * 60 * 1000;
    p->lease_life_ms = 30000; /* a heartbeat every 10 s */
    p->verify = PLAN_VERIFY_DNS;
    p->on[PLAN_ON_CRASH] = sc->on_crash;
    sim_strata(s, 1);
}

static void rival(struct sim *s, const struct sim_scenario *sc)
{
    struct sim_ctl *c = &s->ctl[1];

    if (!sc->rival_ms)
        return;
    c->start_ms = sc->rival_ms;
    c->start = sc->rival_goes_back ? RAMP_START_ROLLBACK : RAMP_START_FRESH;
    c->take_over = !sc->rival_goes_back;
}

void scenario_build(struct sim *s, const struct sim_scenario *sc, struct sim_crash *crash,
                    bool verbose)
{
    sim_init_blank(s, 1, verbose);
    s->scenario = sc;
    plan(s, sc);
    sim_zones(s, sc->zones, sc->records, sc->values);
    s->fleet = sc->fleet;
    s->bad_from_ms = sc->bad.from_ms;
    s->bad_to_ms = sc->bad.to_ms;
    s->bad_ppm = 1000000;
    if (sc->outage.to_ms)
        s->outage = sc->outage;
    s->chance.done = sc->answers_lost;
    s->dns_wrong = sc->dns_wrong;
    s->quiet_ms = sc->quiet_ms;
    s->pending_ms = 1000;
    s->ctl[0].start_ms = 1000;
    if (sc->signal_ms)
        s->ctl[0].signal_ms = sc->signal_ms;
    rival(s, sc);
    s->ctl[sc->subject].crash = crash;
    sim_begin(s);
}

uint32_t scenario_subject(const struct sim_scenario *sc)
{
    return sc->subject;
}

/* ---- Who acts in it
 * ------------------------------------------------------------------------------------ */

void scenario_reborn(struct sim_ctl *c)
{
    c->start = c->sim->scenario->restart;
    c->start_ms = c->sim->now + 2000;
}

/* An interrupted run is taken up again, as a unit of systemd would. */
void scenario_left(struct sim_ctl *c)
{
    if (ramp_phase(c->ramp) != RAMP_INTERRUPTED)
        return;
    c->over = false;
    scenario_reborn(c);
}

static bool asks_now(const struct sim_ctl *c)
{
    const struct sim_scenario *sc = c->sim->scenario;
    enum ramp_phase phase = ramp_phase(c->ramp);

    if (sc->asks == ASKS_NOTHING || c->tag != sc->subject + 1 || phase == RAMP_PREFLIGHT)
        return false;
    return sc->asks == ASKS_PAUSE ? !c->sim->asked : phase < RAMP_REVERTING;
}

int64_t scenario_person_at(const struct sim_ctl *c)
{
    const struct sim_scenario *sc = c->sim->scenario;
    int64_t now = c->sim->now;

    switch (ramp_phase(c->ramp)) {
    case RAMP_HELD:
    case RAMP_PAUSED:
    case RAMP_APPROVING:
        return now + 3000;
    case RAMP_REVERTING:
    case RAMP_UNSAFE:
        return now + 60000;
    default:
        break;
    }
    if (sc->asks == ASKS_NOTHING || c->tag != sc->subject + 1)
        return INT64_MAX;
    if (sc->asks == ASKS_PAUSE && c->sim->asked)
        return INT64_MAX;
    return sc->asks_ms > now ? sc->asks_ms : now + 1000;
}

void scenario_person(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    const struct sim_scenario *sc = s->scenario;

    switch (ramp_phase(c->ramp)) {
    case RAMP_HELD:
        person_does(c, sc->asks == ASKS_ROLLBACK ? RAMP_DO_ROLLBACK : RAMP_DO_RESUME);
        break;
    case RAMP_PAUSED:
        person_does(c, RAMP_DO_RESUME);
        break;
    case RAMP_APPROVING:
        person_does(c, RAMP_DO_APPROVE);
        break;
    case RAMP_REVERTING:
    case RAMP_UNSAFE:
        person_waits(c);
        break;
    default:
        if (s->now < sc->asks_ms || !asks_now(c))
            break;
        s->asked = 1;
        person_does(c, sc->asks == ASKS_PAUSE ? RAMP_DO_PAUSE : RAMP_DO_ROLLBACK);
        break;
    }
    c->operator_ms = scenario_person_at(c);
}

/* ---- How it may end
 * ------------------------------------------------------------------------------------ */

/* Refused with a request of the dead process still in the air, which takes another run's lease:
 * nothing of the living one can keep it from landing. Its lease runs out, `release` removes it. */
static bool may_leave_lease(const struct sim_ctl *c, enum sim_end end)
{
    const uint32_t clean = ENDS(COMPLETED) | ENDS(ROLLED_BACK) | ENDS(REFUSED);
    bool late = false;

    for (uint32_t i = 0; i < c->crash->died; i++)
        late |= c->crash->at[i].air == AIR_LATE;
    return c->damaged || !(clean & 1u << end) || (end == END_REFUSED && late);
}

const char *scenario_judge(const struct sim *s)
{
    static char text[100];
    const struct sim_scenario *sc = s->scenario;
    const struct sim_ctl *c = &s->ctl[sc->subject];
    uint32_t may = sc->ends;
    enum sim_end end = sim_end(s, sc->subject);

    if (c->crash->died)
        may |= sc->ends_crash;
    if (c->damaged)
        may |= ENDS(ROLLED_BACK);
    snprintf(text, sizeof text, "%s ended %s%s", c->run, sim_end_names[end],
             may & 1u << end ? " and left its lease" : "");
    if (may & 1u << end && (may_leave_lease(c, end) || !check_holds_any(c)))
        return "";
    return text;
}
