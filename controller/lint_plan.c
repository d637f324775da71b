/* lint_plan.c: what the plan, its suites and this machine make likely. */
#include <string.h>

#include "lint_int.h"
#include "sluice/text.h"
#include "weights.h"

#define CLOCK_WARN_MS 60000
#define KEYS_SPARE_MS (15 * 60 * 1000)

static bool moves_clients(const struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++)
        if (lint_takes_clients(s->survey->records[i].type))
            return true;
    return false;
}

void lint_pools(struct lint_scene *s)
{
    if (moves_clients(s))
        lint_say(s, s->plan->cutover,
                 "before the old fleet goes, see its connections end: close them from its side "
                 "(`Connection: close`, GOAWAY) and restart callers that cache for ever",
                 "clients with connection pools, and JVMs that cache names for ever, do not ask "
                 "DNS again: they stay on the old side whatever the weights say");
}

void lint_share(struct lint_scene *s)
{
    if (moves_clients(s) && lint_splits(s->plan))
        lint_say(
            s, s->plan->cutover,
            "read a step as a share of DNS answers; the gates rest on pinned probes, not on it",
            "a step's share is one of answers, not of users: a few large resolvers carry most "
            "of them, and %u %% of answers can be none of the users or a third",
            s->plan->steps[0].percent);
}

/* Where a check tries it, that says more than a note can. */
void lint_sessions(struct lint_scene *s)
{
    const char *todo =
        "share the session store and the signing keys, and try both ways: a cookie and "
        "a form token of the old side at the new one, and back";
    const struct lint_probe *flow = NULL;
    struct buf snippet SL_CLEANUP(buf_clear) = {0};

    for (size_t i = 0; i < s->facts->n_probes; i++) {
        const struct lint_probe *p = &s->facts->probes[i];

        if (p->crosses)
            return;
        if (!flow && p->flow && p->name)
            flow = p;
    }
    if (!moves_clients(s) || !lint_splits(s->plan))
        return;
    if (flow) {
        buf_addf(&snippet,
                 "share the session store and the signing keys; a check beside '%s' tries it both "
                 "ways before anything is begun: {name: sessions cross, needs: ['%s'], request: "
                 "{get: '%s'}, side: other}",
                 lint_safe(s, flow->name), lint_safe(s, flow->name), lint_safe(s, flow->flow));
        todo = buf_str(&snippet);
    }
    lint_say(s, s->plan->cutover, todo,
             "while both sides have a share a user may meet the one, then the other: with keys "
             "of their own they log each other's users out");
}

/* ---- The point of no return ---- */

static uint32_t first_holding(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->steps_n; i++)
        if (plan->steps[i].on_breach == PLAN_HOLD)
            return i;
    return PLAN_WHOLE;
}

void lint_no_return(struct lint_scene *s)
{
    uint32_t i = first_holding(s->plan);

    if (i != PLAN_WHOLE)
        lint_say(s, s->plan->cutover,
                 "have somebody at hand from that step on; `sluice rollback` still goes back when "
                 "it is asked to",
                 "from %u %% on a breach holds and does not go back by itself",
                 s->plan->steps[i].percent);
}

void lint_no_return_broken(struct lint_scene *s)
{
    const struct plan *plan = s->plan;
    uint32_t i = first_holding(plan);
    bool back = i != PLAN_WHOLE && plan->soak.on_breach == PLAN_ROLLBACK &&
                plan->steps[plan->steps_n - 1].percent == 100;

    if (i == PLAN_WHOLE)
        return;
    for (uint32_t k = i + 1; k < plan->steps_n; k++)
        if (plan->steps[k].on_breach == PLAN_ROLLBACK) {
            lint_say(s, plan->cutover, "say `on_breach: hold` at every step behind the first",
                     "a breach holds at %u %% and goes back at %u %%: what cannot be undone at the "
                     "one cannot at the other",
                     plan->steps[i].percent, plan->steps[k].percent);
            return;
        }
    if (back)
        lint_say(s, plan->cutover, "say `soak: {on_breach: hold}` too",
                 "a breach holds at %u %%, but in the soak it goes back", plan->steps[i].percent);
}

/* ---- This machine ---- */

void lint_clock(struct lint_scene *s)
{
    int64_t skew = s->facts->skew_ms;
    struct buf by SL_CLEANUP(buf_clear) = {0};

    if (skew > -CLOCK_WARN_MS && skew < CLOCK_WARN_MS)
        return;
    text_format_duration(&by, (skew < 0 ? -skew : skew) / 1000 * 1000);
    lint_say(
        s, "this machine", "set the clock",
        "its clock is %s %s AWS's: requests are signed with AWS's time, but a schedule or --at "
        "follows this clock",
        buf_str(&by), skew < 0 ? "ahead of" : "behind");
}

static int64_t drain_of(const struct lint_scene *s)
{
    uint32_t ttl = 0;

    for (size_t i = 0; i < s->survey->n_records; i++)
        for (size_t k = 0; k < s->survey->records[i].n_sets; k++) {
            const struct rrset *set = &s->survey->records[i].sets[k];
            uint32_t mine = set->has_ttl ? set->ttl : 60;

            ttl = mine > ttl ? mine : ttl;
        }
    return plan_drain_ms(s->plan, (int64_t)ttl * 1000);
}

void lint_keys(struct lint_scene *s)
{
    int64_t left = s->facts->keys_left_ms, need;
    struct buf have SL_CLEANUP(buf_clear) = {0}, want SL_CLEANUP(buf_clear) = {0};

    if (left == INT64_MAX || !s->plan->steps_n)
        return;
    need = plan_earliest_ms(s->plan, drain_of(s), 0, s->plan->steps[s->plan->steps_n - 1].percent) +
           KEYS_SPARE_MS;
    if (left >= need)
        return;
    text_format_duration(&have, (left > 0 ? left : 0) / 1000 * 1000);
    text_format_duration(&want, need / 1000 * 1000);
    lint_say(s, "this machine",
             "hand it keys that live longer, or see that they are renewed where it reads them",
             "the credentials end in %s, the run with its way back needs at least %s; without "
             "fresher ones it will hold",
             buf_str(&have), buf_str(&want));
}

void lint_old_unprobed(struct lint_scene *s)
{
    for (uint32_t i = 0; i < s->plan->suites_n; i++) {
        bool probed = false, any = false;

        for (size_t k = 0; k < s->facts->n_probes; k++) {
            const struct lint_probe *p = &s->facts->probes[k];

            any = any || p->suite == i;
            probed = probed || (p->suite == i && p->required && p->sides[PLAN_OLD]);
        }
        if (any && !probed)
            lint_say(s, s->plan->suites[i].file ? lint_safe(s, s->plan->suites[i].file) : "smoke",
                     "let its checks run on both sides (`sides: [old, new]`), and keep the old "
                     "fleet as large as it is until `sluice finish`",
                     "no required check of this suite looks at the old side: a rollback could land "
                     "on a fleet that is gone");
    }
}

/* ---- What the numbers can show ---- */

void lint_smallest(struct lint_scene *s)
{
    for (uint32_t i = 0; s->plan->strata_n && i < s->plan->suites_n; i++) {
        struct plan_gate_figures g, best = {0};
        struct buf shown SL_CLEANUP(buf_clear) = {0}, allowed SL_CLEANUP(buf_clear) = {0};

        for (uint32_t k = 0; k < s->plan->steps_n; k++) {
            plan_gate_figures(s->plan, i, k, &g);
            if (!k || g.shown_ppm < best.shown_ppm)
                best = g;
        }
        if (best.shown_ppm <= s->plan->suites[i].allowed_ppm)
            continue;
        text_format_ppm(&shown, best.shown_ppm);
        text_format_ppm(&allowed, s->plan->suites[i].allowed_ppm);
        lint_say(s, s->plan->suites[i].file ? lint_safe(s, s->plan->suites[i].file) : "smoke",
                 "bake longer or probe faster to see less",
                 "the smallest failing share a bake of this plan can rule out is %s (%u probes "
                 "without a failure at %u %%); between that and the %s allowed it is blind",
                 buf_str(&shown), best.n, s->plan->steps[best.step].percent, buf_str(&allowed));
    }
}

void lint_unread(struct lint_scene *s)
{
    for (size_t i = 0; i < s->facts->n_unread; i++)
        lint_say(s, s->plan->cutover,
                 "`sluice iam-policy` prints what this plan's role is asked to allow",
                 "not looked at: %s", s->facts->unread[i]);
}
