/* cmd_plan.c: `sluice plan`: what stands, what is in the way, what a ramp would do and when. Writes
 * nothing. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "crossing.h"
#include "handshake.h"
#include "preview.h"
#include "saved_plan.h"
#include "sluice/file.h"
#include "sluice/log.h"
#include "sluice/text.h"
#include "walk.h"

/* ---- Probing once
 * ----------------------------------------------------------------------------------- */

static bool reads_only(void *ctx, uint32_t stratum)
{
    return sounding_reads_only(ctx, stratum);
}

struct taking {
    const struct pump *pump;
    json_t *out;
};

static void take_result(void *ctx, const struct probe_result *r)
{
    const struct taking *t = ctx;
    const struct pump *pump = t->pump;
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
    json_array_append_new(t->out, o);
}

static bool probe_once(struct walk *w, json_t *out, struct err *err)
{
    bool all = w->rig.opts->probe == OPTS_PROBE_ALL;
    struct taking t = {w->pump, out};

    if (!sounding_take(w, all ? NULL : reads_only, w, take_result, &t, err))
        return false;
    if (!all && crossing_writes(w))
        log_info("whether each side takes the other's sessions is tried with --probe all, and by "
                 "`sluice ramp`");
    return crossing_try(w, !all, take_result, &t, err);
}

static void print(const struct walk *w, const json_t *doc)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    if (w->rig.opts->format == OPTS_FORMAT_JSON) {
        char *text = json_dumps(doc, JSON_COMPACT);

        buf_addf(&out, "%s\n", text);
        free(text);
    } else {
        preview_text(doc, w->fence != NULL, &out);
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
        const char *verdict = json_string_value(json_object_get(p, "verdict"));

        n += json_is_true(json_object_get(p, "required")) && strcmp(verdict, "pass") != 0;
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
    if (!walk_prepare(w, err))
        return false;
    if (w->rig.opts->probe == OPTS_PROBE_NONE)
        return true;
    return handshake_all(w, err) &&
           (!survey_clear_of(&w->survey, SURVEY_REFUSE) || probe_once(w, probes, err));
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

/* A plan whose ramp would be refused is not one to keep. */
static int finish(const struct walk *w, const json_t *doc, const json_t *probes, struct err *err)
{
    const char *out = w->rig.opts->out;
    int status;

    if (!out || strcmp(out, "-") != 0)
        print(w, doc);
    status = judge(w, probes, err);
    if (!out || err->kind != ERR_NONE)
        return status;
    if (!saved_plan_write(w, doc, out, err))
        return 0;
    if (strcmp(out, "-") != 0)
        log_info("saved; `sluice ramp --plan %s` begins only while all of this still stands", out);
    return status;
}

int cmd_plan(const struct opts *opts, struct err *err)
{
    struct walk *w = walk_new();
    json_t *probes = json_array();
    int status = 0;

    if (rig_load(&w->rig, opts, opts->args[0], !opts->make_weighted, err) &&
        rig_connect(&w->rig, err) && look(w, probes, err) && !opts->make_weighted) {
        json_t *doc = preview_json(w, probes);

        status = finish(w, doc, probes, err);
        json_decref(doc);
    }
    json_decref(probes);
    walk_free(w, err);
    return status;
}
