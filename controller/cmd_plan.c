/* cmd_plan.c: `sluice plan`: what stands, what is in the way, what a ramp would do and when. Writes
 * nothing. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "health.h"
#include "sluice/clock.h"
#include "sluice/file.h"
#include "sluice/log.h"
#include "sluice/text.h"
#include "walk.h"
#include "weights.h"

#define PROBE_TURN_MS 1000

static const char *const side_names[] = {"old", "new"};

/* ---- Probing once
 * ----------------------------------------------------------------------------------- */

static bool reads_only(void *ctx, uint32_t stratum)
{
    return pump_stratum(ctx, stratum)->reads_only;
}

static void take_result(json_t *out, const struct pump *pump, const struct probe_result *r)
{
    static const char *const verdicts[] = {
        [RUN_PASS] = "pass", [RUN_FAIL] = "fail", [RUN_ERROR] = "error"};
    struct buf title SL_CLEANUP(buf_clear) = {0}, text SL_CLEANUP(buf_clear) = {0};
    const char *address = pump_endpoint_address(pump, r->stratum);
    json_t *o;

    pump_title(pump, r->stratum, &title);
    text_add_safe(&text, r->sentence ? r->sentence : "", r->sentence ? strlen(r->sentence) : 0,
                  400);
    secret_redact_sink(&text);
    o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:I}", "check", buf_str(&title), "side",
                  suite_side_names[r->side], "verdict", verdicts[r->verdict], "text",
                  buf_str(&text), "required", pump_stratum(pump, r->stratum)->required,
                  "latency_us", (json_int_t)r->latency_us);
    if (address)
        json_object_set_new(o, "endpoint", json_string(address));
    json_array_append_new(out, o);
}

static bool probe_once(struct walk *w, json_t *out, struct err *err)
{
    bool all = w->rig.opts->probe == OPTS_PROBE_ALL;
    struct probe_result r;
    struct http_done done;

    if (w->rig.opts->probe == OPTS_PROBE_NONE)
        return true;
    pump_sweep(w->pump, all ? NULL : reads_only, w->pump);
    for (;;) {
        int64_t now = clock_boot_ms(&clock_real), wake;

        pump_tick(w->pump, now);
        while (pump_next(w->pump, &r)) {
            take_result(out, w->pump, &r);
            probe_result_clear(&r);
        }
        if (pump_idle(w->pump))
            return true;
        wake = pump_wake_at(w->pump, now);
        wake = wake - now > PROBE_TURN_MS ? PROBE_TURN_MS : wake - now;
        if (!http_wait(w->rig.http, NULL, 0, wake > 0 ? (int)wake : 0, err))
            return false;
        now = clock_boot_ms(&clock_real);
        while (http_next(w->rig.http, &done))
            if (!pump_take(w->pump, &done, now))
                rig_http(&w->rig, &done, now);
    }
}

/* ---- What there is to say, as JSON
 * ------------------------------------------------------------------ */

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

static json_t *endpoints_json(const struct endpoints *e)
{
    return endpoints_save(e);
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

static json_t *steps_json(const struct walk *w)
{
    const struct plan *plan = &w->rig.plan;
    json_t *list = json_array();

    for (uint32_t i = 0; i < plan->steps_n; i++) {
        struct buf diff SL_CLEANUP(buf_clear) = {0};
        uint32_t batches = 0;

        if (w->fence)
            fence_diff(w->fence, plan->steps[i].percent, &diff);
        for (uint32_t z = 0; w->fence && z < fence_n_zones(w->fence); z++)
            batches += fence_batches(w->fence, z, false);
        json_array_append_new(list,
                              json_pack("{s:i, s:I, s:b, s:i, s:s, s:o}", "percent",
                                        (int)plan->steps[i].percent, "bake_ms",
                                        (json_int_t)plan->steps[i].bake_ms, "approve",
                                        plan->steps[i].approve, "change_batches", (int)batches,
                                        "weights", buf_str(&diff), "gates", gates_json(plan, i)));
    }
    return list;
}

static json_t *describe(const struct walk *w, json_t *probes)
{
    const struct plan *plan = &w->rig.plan;
    int64_t drain = w->fence ? plan_drain_ms(plan, (int64_t)fence_ttl_max(w->fence) * 1000) : 0;
    int64_t earliest = plan_earliest_ms(plan, drain, 0, plan->steps[plan->steps_n - 1].percent);
    json_t *o =
        json_pack("{s:i, s:s, s:s, s:I, s:I}", "schema", 1, "cutover", plan->cutover, "plan",
                  plan->path, "drain_ms", (json_int_t)drain, "earliest_ms", (json_int_t)earliest);
    uint32_t back = 0;

    for (uint32_t z = 0; w->fence && z < fence_n_zones(w->fence); z++)
        back += fence_batches(w->fence, z, true);
    json_object_set_new(o, "rollback_batches", json_integer(back));
    json_object_set_new(o, "records", records_json(w));
    json_object_set_new(o, "endpoints", endpoints_json(&w->endpoints));
    json_object_set_new(o, "findings", findings_json(&w->survey));
    json_object_set_new(o, "steps", steps_json(w));
    json_object_set(o, "probes", probes);
    return o;
}

/* ---- The same for people
 * ---------------------------------------------------------------------------- */

static const char *str(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static long long num(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

static void text_records(const json_t *doc, struct buf *out)
{
    const json_t *r, *set;
    size_t i, k;

    buf_add_str(out, "Records\n");
    json_array_foreach(json_object_get(doc, "records"), i, r)
    {
        buf_addf(out, "  %s %s  new %lld.%02lld %%\n", str(r, "name"), str(r, "type"),
                 num(r, "new_ppm") / 10000, num(r, "new_ppm") / 100 % 100);
        json_array_foreach(json_object_get(r, "sets"), k, set)
        {
            buf_addf(out, "    %-4s ", str(set, "side"));
            text_add_safe(out, str(set, "set"), strlen(str(set, "set")), 128);
            buf_addf(out, "  weight %lld  ttl %lld s\n", num(set, "weight"), num(set, "ttl"));
        }
    }
    buf_add_str(out, "Endpoints\n");
    json_array_foreach(json_object_get(doc, "endpoints"), i, r)
    {
        buf_addf(out, "  %-4s ", json_string_value(json_array_get(r, 0)));
        for (size_t part = 1; part < 3; part++) {
            const char *s = json_string_value(json_array_get(r, part));

            text_add_safe(out, s, strlen(s), 255);
            buf_add_char(out, part == 1 ? ' ' : '\n');
        }
    }
}

static void text_steps(const json_t *doc, struct buf *out)
{
    const json_t *step, *gate;
    size_t i, k;

    buf_add_str(out, "Steps\n");
    json_array_foreach(json_object_get(doc, "steps"), i, step)
    {
        buf_addf(out, "  %lld %%: %lld change batch%s, drain ", num(step, "percent"),
                 num(step, "change_batches"), num(step, "change_batches") == 1 ? "" : "es");
        text_format_duration(out, num(doc, "drain_ms"));
        buf_add_str(out, ", bake ");
        text_format_duration(out, num(step, "bake_ms"));
        buf_addf(out, "%s\n",
                 json_is_true(json_object_get(step, "approve")) ? ", then a person approves" : "");
        json_array_foreach(json_object_get(step, "gates"), k, gate)
        {
            buf_addf(out,
                     "    gate %s: %lld probes of the new side, %lld needed without a failure; "
                     "shows less than ",
                     str(gate, "suite"), num(gate, "n"), num(gate, "n_needed"));
            text_format_ppm(out, (uint32_t)num(gate, "shown_ppm"));
            buf_add_str(out, " failing");
            if (num(gate, "detect_ms") >= 0) {
                buf_add_str(out, "; twice the unacceptable is noticed in about ");
                text_format_duration(out, num(gate, "detect_ms") / 1000 * 1000);
            }
            buf_add_char(out, '\n');
        }
        for (const char *line = str(step, "weights"); *line;) {
            size_t len = strcspn(line, "\n");

            buf_addf(out, "    %.*s\n", (int)len, line);
            line += len + (line[len] == '\n');
        }
    }
    buf_add_str(out, "Done at the earliest after ");
    text_format_duration(out, num(doc, "earliest_ms"));
    buf_addf(out, ", plus INSYNC and verification; going back is %lld change batch%s.\n",
             num(doc, "rollback_batches"), num(doc, "rollback_batches") == 1 ? "" : "es");
}

static void text_probes(const json_t *doc, struct buf *out)
{
    const json_t *p;
    size_t i;

    if (!json_array_size(json_object_get(doc, "probes")))
        return;
    buf_add_str(out, "Probes\n");
    json_array_foreach(json_object_get(doc, "probes"), i, p)
    {
        buf_addf(out, "  %-5s %-4s ", strcmp(str(p, "verdict"), "pass") == 0 ? "ok" : "FAIL",
                 str(p, "side"));
        text_add_safe(out, str(p, "check"), strlen(str(p, "check")), 200);
        buf_addf(out, " at %s%s%s\n", str(p, "endpoint"), *str(p, "text") ? ": " : "",
                 str(p, "text"));
    }
}

static void text_findings(const json_t *doc, struct buf *out)
{
    const json_t *f;
    size_t i;

    if (json_array_size(json_object_get(doc, "findings")))
        buf_add_str(out, "Findings\n");
    json_array_foreach(json_object_get(doc, "findings"), i, f)
    {
        buf_addf(out, "  %s: %s: %s\n    %s\n", str(f, "level"), str(f, "where"), str(f, "what"),
                 str(f, "todo"));
    }
}

static void print(const struct walk *w, const json_t *doc)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    if (w->rig.opts->format == OPTS_FORMAT_JSON) {
        char *text = json_dumps(doc, JSON_COMPACT);

        buf_addf(&out, "%s\n", text);
        free(text);
    } else {
        buf_addf(&out, "%s: %s\n", w->rig.plan.cutover, w->rig.plan.path);
        text_records(doc, &out);
        if (w->fence)
            text_steps(doc, &out);
        text_probes(doc, &out);
        text_findings(doc, &out);
    }
    secret_redact_sink(&out);
    fputs(buf_str(&out), stdout);
}

/* ---- Making records weighted
 * ------------------------------------------------------------------------ */

static bool write_batches(const struct walk *w, struct err *err)
{
    const char *file = w->rig.opts->make_weighted;
    size_t files = 0;

    for (size_t z = 0; z < w->rig.n_zones; z++) {
        struct buf batch SL_CLEANUP(buf_clear) = {0}, name SL_CLEANUP(buf_clear) = {0};
        size_t n = survey_make_weighted(&w->survey, &w->rig.plan, (uint32_t)z, &batch);

        if (!n)
            continue;
        buf_add_str(&name, file);
        if (files++ && strcmp(file, "-") != 0)
            buf_addf(&name, ".%s", w->rig.zones[z].id);
        if (!file_write(buf_str(&name), batch.data, batch.len, err))
            return false;
        log_info(
            "%zu record%s of zone %s: aws route53 change-resource-record-sets --hosted-zone-id %s "
            "--change-batch file://%s",
            n, n == 1 ? "" : "s", w->rig.zones[z].id, w->rig.zones[z].id, buf_str(&name));
    }
    if (!files)
        return err_set(err, ERR_REFUSED, "--make-weighted: no record of the plan is a simple one");
    return true;
}

/* ---- The command
 * ------------------------------------------------------------------------------------ */

/* A required check that fails or cannot be judged would refuse the ramp. */
static size_t probes_in_the_way(const json_t *probes)
{
    const json_t *p;
    size_t i, n = 0;

    json_array_foreach(probes, i, p)
    {
        n += json_is_true(json_object_get(p, "required")) && strcmp(str(p, "verdict"), "pass") != 0;
    }
    return n;
}

static bool look(struct walk *w, json_t *probes, struct err *err)
{
    if (!rig_survey(&w->rig, &w->survey, 0, err))
        return false;
    if (w->rig.opts->make_weighted)
        return write_batches(w, err);
    walk_lint(w);
    /* With something in the way there is nothing sound to probe or to count. */
    if (!survey_clear_of(&w->survey, SURVEY_REFUSE))
        return true;
    return walk_prepare(w, err) && probe_once(w, probes, err);
}

static int judge(const struct walk *w, const json_t *probes, struct err *err)
{
    const struct opts *o = w->rig.opts;
    size_t failing = probes_in_the_way(probes);
    struct buf diff SL_CLEANUP(buf_clear) = {0};

    if (!survey_clear_of(&w->survey, SURVEY_REFUSE)) {
        err_set(err, ERR_REFUSED, "a ramp of this plan would be refused; see the findings");
        return 0;
    }
    if (failing) {
        err_set(err, ERR_REFUSED,
                "%zu required probe%s not pass; a ramp of this plan would be refused", failing,
                failing == 1 ? " does" : "s do");
        return 0;
    }
    fence_diff(w->fence, w->rig.plan.steps[w->rig.plan.steps_n - 1].percent, &diff);
    return o->detailed_exitcode && diff.len ? 2 : 0;
}

int cmd_plan(const struct opts *opts, struct err *err)
{
    struct walk *w = walk_new();
    json_t *probes = json_array();
    int status = 0;

    if (rig_load(&w->rig, opts, opts->args[0], !opts->make_weighted, err) &&
        rig_connect(&w->rig, err) && look(w, probes, err) && !opts->make_weighted) {
        json_t *doc = describe(w, probes);

        print(w, doc);
        json_decref(doc);
        status = judge(w, probes, err);
    }
    json_decref(probes);
    walk_free(w, err);
    return status;
}
