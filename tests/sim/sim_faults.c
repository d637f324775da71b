/* The catalogue: names and words of every kind, which of them a seed draws, and how runs that met
 * one ended. */
#include "sim_faults.h"

#include <stdio.h>

#include "sim.h"
#include "sluice/common.h"

const struct sim_fault_row sim_faults[FAULT_COUNT] = {
    [FAULT_REQUEST_LOST] = {"request_lost", "a change never arrives, and no answer comes"},
    [FAULT_REPLY_LOST] = {"reply_lost", "a change is applied, its answer is lost"},
    [FAULT_REQUEST_LATE] = {"request_late",
                            "a change without an answer lands up to five minutes later"},
    [FAULT_REQUEST_TWICE] = {"request_twice",
                             "a change is answered, and its copy arrives once more later"},
    [FAULT_REQUEST_DIES] = {"request_dies",
                            "the process dies with a request in the air, which dies with it or "
                            "lands behind the restart"},
    [FAULT_THROTTLED] = {"throttled", "Throttling, of changes, readings and polls"},
    [FAULT_PRIOR_REQUEST] = {"prior_request", "PriorRequestNotComplete"},
    [FAULT_REFUSED_UNEXPLAINED] = {"refused_unexplained",
                                   "InvalidChangeBatch that nothing in the zone explains"},
    [FAULT_RECORD_REFUSED] = {"record_refused",
                              "every batch with one certain record is refused for a while"},
    [FAULT_SERVER_ERROR] = {"server_error", "503, and nothing was done"},
    [FAULT_SERVER_ERROR_DONE] = {"server_error_done", "500, and the change was made"},
    [FAULT_ANSWER_SLOW] = {"answer_slow", "an answer takes up to nine seconds"},
    [FAULT_ANSWER_UNDATED] = {"answer_undated",
                              "an answer comes without its Date header, which is Route 53's clock"},
    [FAULT_API_OUTAGE] = {"api_outage", "nothing reaches the API for up to three minutes"},
    [FAULT_READING_LOST] = {"reading_lost", "a listing, or its answer, is lost"},
    [FAULT_READING_TORN] = {"reading_torn", "the zone changes between two pages of one listing"},
    [FAULT_READING_SHORT] = {"reading_short",
                             "a listing of a range does not show the last record of it"},
    [FAULT_POLL_LOST] = {"poll_lost", "a GetChange, or its answer, is lost"},
    [FAULT_CHANGE_FORGOTTEN] = {"change_forgotten", "GetChange answers NoSuchChange"},
    [FAULT_PENDING_LONG] = {"pending_long", "INSYNC takes two to five minutes"},
    [FAULT_PENDING_ENDLESS] = {"pending_endless",
                               "INSYNC takes 6 to 18 minutes: long past the alert"},
    [FAULT_WEIGHT_NOT_COMPARED] = {"weight_not_compared",
                                   "DELETE does not compare Weight, as seen in the wild"},
    [FAULT_NEVER_ALLOWED] = {"never_allowed", "the policy has no ChangeResourceRecordSets at all"},
    [FAULT_DENIED_MID_RUN] = {"denied_mid_run", "AccessDenied to every change for a while"},
    [FAULT_DENIED_IN_ONE_ZONE] = {"denied_in_one_zone",
                                  "AccessDenied to changes of one zone, while the other moves"},
    [FAULT_CREDENTIALS_EXPIRED] = {"credentials_expired",
                                   "ExpiredToken to everything until they are renewed"},
    [FAULT_CREDENTIALS_SHORT] = {"credentials_short",
                                 "those in hand end before the next step would"},
    [FAULT_EDITED_WEIGHT] = {"edited_weight", "somebody sets another weight"},
    [FAULT_EDITED_VALUE] = {"edited_value", "somebody points a set elsewhere"},
    [FAULT_EDITED_TTL] = {"edited_ttl", "somebody changes the TTL of a group"},
    [FAULT_EDITED_HEALTH_CHECK] = {"edited_health_check",
                                   "somebody attaches a health check to a set"},
    [FAULT_SET_REMOVED] = {"set_removed", "somebody deletes a set of a record"},
    [FAULT_SET_ADDED] = {"set_added", "somebody adds a third weighted set to a record"},
    [FAULT_RECORD_SIMPLE] = {"record_simple", "somebody replaces both sets by one simple record"},
    [FAULT_REAPPLIED] = {"reapplied", "a tool puts every record back as it was before the run"},
    [FAULT_LEASE_REMOVED] = {"lease_removed", "somebody deletes the lease record"},
    [FAULT_LEASE_UNREADABLE] = {"lease_unreadable",
                                "somebody overwrites the lease with a text that is none"},
    [FAULT_LEASE_TTL] = {"lease_ttl", "somebody changes the TTL of the lease record"},
    [FAULT_RIVAL_RAMP] = {"rival_ramp", "a second machine begins a ramp of the same plan"},
    [FAULT_RIVAL_ROLLBACK] = {"rival_rollback",
                              "`sluice rollback` from a machine without the journal"},
    [FAULT_RIVAL_TAKES_OVER] = {"rival_takes_over", "a second machine ramps with --take-over"},
    [FAULT_CRASH] = {"crash", "the process dies before or after a call of its shell"},
    [FAULT_CRASH_IN_RECOVERY] = {"crash_in_recovery",
                                 "it dies again within ten seconds of its restart"},
    [FAULT_FROZEN] = {"frozen", "the process, or its machine, sleeps up to a life of the lease"},
    [FAULT_FROZEN_PAST_LEASE] = {"frozen_past_lease",
                                 "it sleeps longer than its lease lives, and wakes"},
    [FAULT_TERMINATED] = {"terminated", "SIGTERM in the middle of a run"},
    [FAULT_FORCED_OUT] = {"forced_out",
                          "SIGTERM comes, what is in flight is not answered in four seconds"},
    [FAULT_NOBODY_THERE] =
        {"nobody_there",
         "nobody looks at a run that is held, paused or going back, for 20 minutes"},
    [FAULT_FSYNC_SLOW] = {"fsync_slow", "a forward write waits seconds for the disk"},
    [FAULT_FSYNC_HANGS] = {"fsync_hangs", "fsync does not come back within ten seconds"},
    [FAULT_FSYNC_FAILS] = {"fsync_fails", "fsync answers EIO: the journal is dead"},
    [FAULT_DISK_FULL] = {"disk_full", "ENOSPC: half a line is written, and no more"},
    [FAULT_LINES_LOST] = {"lines_lost", "lines that were not synced are gone after a crash"},
    [FAULT_LINE_TORN] = {"line_torn", "the last line is cut in the middle by a crash"},
    [FAULT_LINES_REORDERED] = {"lines_reordered",
                               "a later line is on the disk, one before it is not: both are dropped, "
                               "like a torn tail"},
    [FAULT_JOURNAL_GARBLED] = {"journal_garbled",
                               "a synced line cannot be read any more (a bad sector, an editor): no "
                               "step rests on it, and a rollback reads the zones instead"},
    [FAULT_CLOCK_WRONG] = {"clock_wrong",
                           "the machine's clock is up to a day off when the process starts"},
    [FAULT_CLOCK_STEPS] = {"clock_steps",
                           "the wall clock steps by up to a day while a schedule is in force"},
    [FAULT_NEW_BAD] = {"new_bad", "the new fleet fails a share of everything"},
    [FAULT_ONE_CHECK_BAD] = {"one_check_bad", "one check fails on the new fleet, always"},
    [FAULT_BOTH_BAD] = {"both_bad", "both fleets fail alike"},
    [FAULT_OLD_BAD] = {"old_bad", "the old fleet fails: there is no way back"},
    [FAULT_FLAPPING] = {"flapping", "the new fleet is good and bad in turns"},
    [FAULT_NEW_SLOW] = {"new_slow", "the new fleet answers rightly, and five times slower"},
    [FAULT_NETWORK_GONE] = {"network_gone",
                            "nothing can be reached from here: neither fleet, nor the API"},
    [FAULT_PROBES_BLIND] = {"probes_blind", "probes end without a verdict (429, no route)"},
    [FAULT_PROBES_HANG] = {"probes_hang", "probes and their repeats never end"},
    [FAULT_DNS_DISAGREES] = {"dns_disagrees",
                             "the DNS servers do not answer as written, or not at all"},
    [FAULT_DNS_SLOW] = {"dns_slow", "asking the DNS servers takes minutes"},
};

void fault_met(struct sim *s, enum sim_fault kind)
{
    s->met[kind] = true;
}

/* ---- How they ended
 * ------------------------------------------------------------------------------------- */

void catalogue_add(struct sim_catalogue *c, const struct sim *s)
{
    enum sim_end end = sim_end(s, 0);

    _Static_assert(END_COUNT <= ARRAY_LEN(c->ends[0]), "a column for every end");
    for (int k = 0; k < FAULT_COUNT; k++)
        if (s->met[k]) {
            c->runs[k]++;
            c->ends[k][end]++;
        }
}

bool catalogue_print(const struct sim_catalogue *c)
{
    bool all = true;

    printf("| kind | what happens | runs |");
    for (int e = 0; e < END_COUNT; e++)
        printf(" %s |", sim_end_names[e]);
    printf("\n|---|---|--:|");
    for (int e = 0; e < END_COUNT; e++)
        printf("--:|");
    printf("\n");
    for (int k = 0; k < FAULT_COUNT; k++) {
        printf("| %s | %s | %llu |", sim_faults[k].name, sim_faults[k].text,
               (unsigned long long)c->runs[k]);
        for (int e = 0; e < END_COUNT; e++)
            printf(" %llu |", (unsigned long long)c->ends[k][e]);
        printf("\n");
        all &= c->runs[k] > 0;
    }
    for (int k = 0; k < FAULT_COUNT; k++)
        if (c->runs[k] == 0)
            printf("%s was never met\n", sim_faults[k].name);
    return all;
}

void catalogue_names(void)
{
    for (int k = 0; k < FAULT_COUNT; k++)
        printf("%s | %s\n", sim_faults[k].name, sim_faults[k].text);
}

/* ---- What a seed draws
 * ---------------------------------------------------------------------------------- */

static struct sim_span span(struct sim *s, uint32_t thousandths, int64_t from_max, int64_t long_max)
{
    struct sim_span w = {.from_ms = INT64_MAX, .to_ms = INT64_MAX};

    if (!sim_chance(s, thousandths))
        return w;
    w.from_ms = (int64_t)sim_random(s, (uint64_t)from_max);
    w.to_ms = w.from_ms + 1000 + (int64_t)sim_random(s, (uint64_t)long_max);
    return w;
}

static void draw_requests(struct sim *s)
{
    struct sim_chances *p = &s->chance;
    const struct {
        uint32_t *chance, most;
    } each[] = {{&p->lost, 120},      {&p->reply, 120},    {&p->late, 120},   {&p->twice, 120},
                {&p->throttled, 120}, {&p->prior, 120},    {&p->refused, 20}, {&p->server, 120},
                {&p->done, 120},      {&p->torn, 200},     {&p->cut, 300},    {&p->slow, 150},
                {&p->undated, 500},   {&p->forgotten, 400}};

    if (sim_chance(s, 700))
        for (size_t i = 0; i < ARRAY_LEN(each); i++)
            *each[i].chance = sim_chance(s, 350) ? (uint32_t)sim_random(s, each[i].most) : 0;
    if (sim_chance(s, 20))
        p->forgotten = 1000;
    s->outage = span(s, 150, 400000, 180000);
    s->denied = span(s, 100, 200000, 120000);
    if (s->denied.from_ms != INT64_MAX && s->n_zones > 1 && sim_chance(s, 600))
        s->denied_zone = (uint32_t)sim_random(s, s->n_zones);
    if (sim_chance(s, 15))
        s->denied = (struct sim_span){.from_ms = 0, .to_ms = INT64_MAX};
    s->expired = span(s, 40, 400000, 180000);
    s->faulty = span(s, 60, 300000, 400000);
    s->faulty_record = (uint32_t)sim_random(s, s->n_records);
    s->pending_ms = (int64_t)sim_random(s, 20000);
    if (sim_chance(s, 80))
        s->pending_ms = 200000;
    else if (sim_chance(s, 10))
        s->pending_ms = 12 * 60 * 1000;
}

static void draw_fleets(struct sim *s)
{
    s->fleet =
        sim_chance(s, 550) ? FLEET_GOOD : (enum sim_fleet)(1 + sim_random(s, FLEET_COUNT - 1));
    s->bad_from_ms = (int64_t)sim_random(s, 300000);
    s->bad_to_ms = s->fleet == FLEET_BOTH_BAD || s->fleet == FLEET_OLD_BAD || sim_chance(s, 300)
                       ? s->bad_from_ms + 20000 + (int64_t)sim_random(s, 300000)
                       : INT64_MAX;
    s->bad_ppm = sim_chance(s, 600) ? 1000000 : 100000 + (uint32_t)sim_random(s, 700000);
    s->new_slow = span(s, 40, 200000, 300000);
    s->gone = span(s, 60, 150000, 60000);
    s->blind = span(s, 40, 300000, 120000);
    s->hung = span(s, 40, 300000, 150000);
    s->dns_slow = span(s, 50, 200000, 300000);
    s->dns_wrong = sim_chance(s, 300) ? 20 + (uint32_t)sim_random(s, 100) : 0;
}

static void draw_clock(struct sim *s)
{
    int64_t day = 24 * 3600 * 1000;

    s->closes_ms = INT64_MAX;
    if (sim_chance(s, 80))
        s->clock_wrong_ms = (int64_t)sim_random(s, 2 * (uint64_t)day) - day;
    if (sim_chance(s, 60)) {
        s->closes_ms = (int64_t)sim_random(s, (uint64_t)day);
        for (uint32_t i = 0; i < SIM_CTLS; i++)
            if (sim_chance(s, 700)) {
                s->ctl[i].step_ms = (int64_t)sim_random(s, 400000);
                s->ctl[i].step_by_ms = (int64_t)sim_random(s, 2 * (uint64_t)day) - day;
            }
    }
}

static void draw_disk(struct sim *s, struct sim_ctl *c)
{
    c->fsync_ms = 1 + (int64_t)sim_random(s, 20);
    if (sim_chance(s, 60)) {
        c->slow_from_ms = (int64_t)sim_random(s, 200000);
        c->slow_ms = 2000 + (int64_t)sim_random(s, sim_chance(s, 600) ? 7900 : 30000);
    }
    if (sim_chance(s, 40)) {
        c->disk_bad_ms = (int64_t)sim_random(s, 300000);
        c->disk_full = sim_chance(s, 500);
    }
}

static void draw_ctl(struct sim *s, struct sim_ctl *c)
{
    int64_t life = s->plan.lease_life_ms;

    draw_disk(s, c);
    if (sim_chance(s, 450)) {
        c->crashes_left = 1 + (int32_t)sim_random(s, 5);
        c->points_left = (int32_t)sim_random(s, sim_chance(s, 400) ? 400 : 6000) + 1;
    }
    if (sim_chance(s, 100)) {
        c->freeze_at_ms = (int64_t)sim_random(s, 400000);
        c->frozen_until_ms =
            c->freeze_at_ms + 2500 +
            (int64_t)sim_random(s, sim_chance(s, 300) ? 2 * (uint64_t)life : 60000);
    }
    if (sim_chance(s, 80))
        c->signal_ms = (int64_t)sim_random(s, 400000);
    if (sim_chance(s, 200))
        c->operator_ms = (int64_t)sim_random(s, 400000);
    c->keys = span(s, 40, 300000, 300000);
}

static void draw_rivals(struct sim *s)
{
    s->ctl[0].start_ms = 1000;
    for (uint32_t i = 1; i < SIM_CTLS - 1; i++) {
        struct sim_ctl *c = &s->ctl[i];

        if (!sim_chance(s, 200))
            continue;
        c->start_ms = 1000 + (int64_t)sim_random(s, 500000);
        c->start = sim_chance(s, 400) ? RAMP_START_ROLLBACK : RAMP_START_FRESH;
        c->take_over = c->start == RAMP_START_FRESH && sim_chance(s, 400);
    }
}

void faults_draw(struct sim *s)
{
    s->denied_zone = s->faulty_record = UINT32_MAX;
    s->quiet_ms = 60000 + (int64_t)sim_random(s, 15 * 60 * 1000);
    draw_requests(s);
    draw_fleets(s);
    for (uint32_t i = 0; i < SIM_CTLS; i++)
        draw_ctl(s, &s->ctl[i]);
    draw_clock(s);
    draw_rivals(s);
    s->nobody = sim_chance(s, 25);
    s->foreign_ms = INT64_MAX;
    if (sim_chance(s, 250)) {
        s->foreign_left = 1 + (uint32_t)sim_random(s, 3);
        s->foreign_ms = (int64_t)sim_random(s, 400000);
    }
}
