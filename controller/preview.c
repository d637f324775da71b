#include "preview.h"

#include "health.h"
#include "sluice/text.h"
#include "weights.h"

static const char *const side_names[] = {"old", "new"};

/* What the new side carries when a side's health checks fail, at the ends and at every step; NULL
 * for a record without checks. */
static json_t *health_json(const struct walk *w, const struct survey_record *r)
{
    static const bool cases[][PLAN_SIDES] = {{true, false}, {false, true}, {true, true}};
    const struct plan *plan = &w->rig.plan;
    json_t *shares;
    bool any = false;

    for (size_t i = 0; i < r->n_sets; i++)
        any = any || health_checked(&r->sets[i]);
    if (!any || !r->usable || r->n_sets > WEIGHTS_SETS_MAX)
        return NULL;
    shares = json_array();
    for (uint32_t i = 0; i <= plan->steps_n; i++) {
        uint32_t percent = i ? plan->steps[i - 1].percent : 0;

        json_array_append_new(
            shares, json_pack("{s:i, s:i, s:i, s:i}", "percent", (int)percent, "old_fails_ppm",
                              (int)health_new_ppm(r, percent, cases[0]), "new_fails_ppm",
                              (int)health_new_ppm(r, percent, cases[1]), "both_fail_ppm",
                              (int)health_new_ppm(r, percent, cases[2])));
    }
    return json_pack("{s:b, s:o}", "armed", lint_armed(r, &w->facts), "shares", shares);
}

static json_t *records_json(const struct walk *w)
{
    const struct survey *s = &w->survey;
    json_t *list = json_array();

    for (size_t i = 0; i < s->n_records; i++) {
        const struct survey_record *r = &s->records[i];
        struct buf name SL_CLEANUP(buf_clear) = {0};
        json_t *sets = json_array();

        survey_plain_name(r->name, &name);
        for (size_t k = 0; k < r->n_sets; k++)
            json_array_append_new(
                sets, json_pack("{s:s*, s:s, s:i, s:i}", "set", r->sets[k].set_id, "side",
                                r->side[k] < PLAN_SIDES ? side_names[r->side[k]] : "none", "weight",
                                (int)r->sets[k].weight, "ttl", (int)r->sets[k].ttl));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, s:o, s:o*}", "name",
                                              buf_str(&name), "type", r->type, "zone",
                                              s->zones[r->zone].id, "new_ppm", (int)r->new_ppm,
                                              "sets", sets, "health", health_json(w, r)));
    }
    return list;
}

static json_t *findings_json(const struct survey *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n_findings; i++) {
        const struct survey_finding *f = &s->findings[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", f->id, "level",
                                              survey_level_name(f->level), "where", f->where,
                                              "what", f->what, "todo", f->todo));
    }
    return list;
}

static json_t *gates_json(const struct plan *plan, uint32_t step)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < plan->suites_n; i++) {
        struct plan_gate_figures g;
        int64_t detect = plan_detect_ms(plan, i, 2 * plan->suites[i].unacceptable_ppm);

        plan_gate_figures(plan, i, step, &g);
        json_array_append_new(
            list,
            json_pack("{s:s, s:i, s:i, s:i, s:I, s:I}", "suite",
                      plan->suites[i].file ? plan->suites[i].file : "inline", "n", (int)g.n,
                      "n_needed", (int)g.n_needed, "shown_ppm", (int)g.shown_ppm, "failures_max",
                      g.failures_max == UINT32_MAX ? (json_int_t)-1 : (json_int_t)g.failures_max,
                      "detect_ms", detect == INT64_MAX ? (json_int_t)-1 : (json_int_t)detect));
    }
    return list;
}

/* What a step asks of the API at least: every batch reads its records first, every change is polled
 * until it is in sync, and the lease and all records are then read once more. */
static json_t *calls_json(const struct walk *w, uint32_t batches)
{
    uint32_t reads = w->fence ? fence_step_read_calls(w->fence) + fence_read_calls(w->fence) : 0;

    return json_pack("{s:i, s:i, s:i}", "change", (int)batches, "read_at_least", (int)reads,
                     "sync_at_least", (int)batches);
}

static uint32_t batches_of(const struct walk *w, bool back)
{
    uint32_t n = 0;

    for (uint32_t z = 0; w->fence && z < fence_n_zones(w->fence); z++)
        n += fence_batches(w->fence, z, back);
    return n;
}

/* The longest TTL, without the drain factor: how long resolvers keep what is taken back. */
static int64_t ttl_ms(const struct walk *w)
{
    return w->fence ? (int64_t)fence_ttl_max(w->fence) * 1000 : 0;
}

static json_t *steps_json(const struct walk *w)
{
    const struct plan *plan = &w->rig.plan;
    uint32_t batches = batches_of(w, false);
    int64_t drain = plan_drain_ms(plan, ttl_ms(w)), earliest = 0, latest = 0;
    json_t *list = json_array();

    for (uint32_t i = 0; i < plan->steps_n; i++) {
        const struct plan_step *step = &plan->steps[i];
        struct buf diff SL_CLEANUP(buf_clear) = {0};

        earliest += drain + step->bake_ms;
        latest += PREVIEW_INSYNC_MS + drain + RAMP_EXTEND_MAX * step->bake_ms;
        if (w->fence)
            fence_diff(w->fence, step->percent, &diff);
        json_array_append_new(
            list, json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:b, s:i, s:o, s:s, s:o}", "percent",
                            (int)step->percent, "drain_ms", (json_int_t)drain, "bake_ms",
                            (json_int_t)step->bake_ms, "earliest_end_ms", (json_int_t)earliest,
                            "latest_end_ms", (json_int_t)latest, "rollback_ms",
                            (json_int_t)(PREVIEW_INSYNC_MS + ttl_ms(w)), "approve", step->approve,
                            "change_batches", (int)batches, "api_calls",
                            calls_json(w, batches), "weights",
                            buf_str(&diff), "gates", gates_json(plan, i)));
    }
    return list;
}

/* The smallest failing share that a bake of some step can rule out, a suite. */
static json_t *smallest_json(const struct plan *plan)
{
    json_t *list = json_array();

    for (uint32_t i = 0; plan->strata_n && i < plan->suites_n; i++) {
        struct plan_gate_figures g, best = {.shown_ppm = UINT32_MAX};

        for (uint32_t k = 0; k < plan->steps_n; k++) {
            plan_gate_figures(plan, i, k, &g);
            if (g.shown_ppm < best.shown_ppm)
                best = g;
        }
        json_array_append_new(
            list, json_pack("{s:s, s:i, s:i}", "suite",
                            plan->suites[i].file ? plan->suites[i].file : "inline", "percent",
                            (int)plan->steps[best.step].percent, "ppm", (int)best.shown_ppm));
    }
    return list;
}

json_t *preview_json(const struct walk *w, json_t *probes)
{
    const struct plan *plan = &w->rig.plan;
    int64_t drain = plan_drain_ms(plan, ttl_ms(w));
    int64_t earliest = plan_earliest_ms(plan, drain, 0, plan->steps[plan->steps_n - 1].percent);
    json_t *o =
        json_pack("{s:i, s:s, s:s, s:I, s:I}", "schema", 1, "cutover", plan->cutover, "plan",
                  plan->path, "drain_ms", (json_int_t)drain, "earliest_ms", (json_int_t)earliest);

    json_object_set_new(o, "drift_read_ms", json_integer(plan->read_every_ms));
    json_object_set_new(o, "rollback_batches", json_integer(batches_of(w, true)));
    json_object_set_new(o, "records", records_json(w));
    json_object_set_new(o, "endpoints", endpoints_save(&w->endpoints));
    json_object_set_new(o, "findings", findings_json(&w->survey));
    json_object_set_new(o, "steps", steps_json(w));
    json_object_set_new(o, "smallest", smallest_json(plan));
    json_object_set(o, "probes", probes);
    return o;
}
