/* cmd_observe.c: `sluice observe`: what the zones' own name servers answer now, beside what Route 53 lists.
 * Asks each server for each record; shares are sampled on a few. Writes nothing. */
#include <math.h>
#include <stdio.h>

#include "command.h"
#include "sluice/clock.h"
#include "sluice/crypto.h"
#include "sluice/json.h"
#include "sluice/log.h"
#include "sluice/secret.h"
#include "walk.h"

#define FINDINGS_SAID_MAX 50
#define EXIT_DISAGREES    10

/* Answers of one record, all servers together. */
static struct observe_tally sum(const struct observe *o, size_t record, size_t servers)
{
    struct observe_tally all = {0};

    for (size_t s = 0; s < servers; s++) {
        const struct observe_tally *t = observe_tally(o, record, s);

        for (size_t k = 0; k < OBSERVE_KINDS; k++)
            all.count[k] += t->count[k];
        all.ttl_wrong += t->ttl_wrong;
        all.silent += t->silent;
    }
    return all;
}

static json_t *record_json(const struct observe_request *q, const struct observe *o, size_t record)
{
    const struct observe_record *r = &q->records[record];
    struct observe_tally t = sum(o, record, q->servers_n);
    uint32_t told = t.count[OBSERVE_IS_OLD] + t.count[OBSERVE_IS_NEW];
    struct buf name SL_CLEANUP(buf_clear) = {0};
    double share = observe_share(r);
    json_t *out;

    survey_plain_name(r->name, &name);
    out = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i}", "name", buf_str(&name), "type", r->type, "old",
                    (int)t.count[OBSERVE_IS_OLD], "new", (int)t.count[OBSERVE_IS_NEW], "other",
                    (int)(t.count[OBSERVE_IS_FOREIGN] + t.count[OBSERVE_IS_EMPTY] + t.count[OBSERVE_IS_UNSURE] +
                          t.count[OBSERVE_IS_LAME]),
                    "silent", (int)t.silent);
    if (share >= 0)
        json_object_set_new(out, "written_percent", json_real(share * 100));
    if (told)
        json_object_set_new(out, "answered_percent", json_real(100.0 * t.count[OBSERVE_IS_NEW] / told));
    return out;
}

static json_t *report(const struct verify *v)
{
    json_t *records = json_array();
    const struct observe_request *q;
    const struct observe *o;
    struct buf findings SL_CLEANUP(buf_clear) = {0};
    json_t *out;

    for (size_t z = 0; verify_part(v, z, &q, &o); z++)
        for (size_t r = 0; o && r < q->records_n; r++)
            json_array_append_new(records, record_json(q, o, r));
    verify_findings(v, &findings, FINDINGS_SAID_MAX);
    out = json_pack("{s:i, s:b, s:o}", "schema", 1, "agrees", verify_verdict(v) == OBSERVE_PASS, "records", records);
    if (findings.len)
        json_object_set_new(out, "findings", json_string(buf_str(&findings)));
    return out;
}

static int number(const json_t *record, const char *key)
{
    return (int)json_integer_value(json_object_get(record, key));
}

static void print(const struct opts *opts, const json_t *doc)
{
    const json_t *records = json_object_get(doc, "records"), *r;
    struct buf out SL_CLEANUP(buf_clear) = {0};
    size_t i;

    if (opts->format == OPTS_FORMAT_JSON) {
        json_add_compact(&out, doc);
        buf_add_char(&out, '\n');
    } else {
        json_array_foreach(records, i, r)
        {
            buf_addf(&out, "%-36s %-5s new %5.1f %% written, ", json_string_value(json_object_get(r, "name")),
                     json_string_value(json_object_get(r, "type")),
                     json_number_value(json_object_get(r, "written_percent")));
            if (json_object_get(r, "answered_percent"))
                buf_addf(&out, "%5.1f %% of %d answers", json_number_value(json_object_get(r, "answered_percent")),
                         number(r, "old") + number(r, "new"));
            else
                buf_add_str(&out, "no answer of either side");
            if (number(r, "other") + number(r, "silent"))
                buf_addf(&out, "; %d other, %d silent", number(r, "other"), number(r, "silent"));
            buf_add_char(&out, '\n');
        }
        if (json_object_get(doc, "findings"))
            buf_addf(&out, "%s\n", json_string_value(json_object_get(doc, "findings")));
    }
    secret_redact_sink(&out);
    fputs(buf_str(&out), stdout);
}

/* Records of private zones are left out, where the plan names no servers that answer for them. */
static bool skip_private(struct walk *w, struct err *err)
{
    size_t left = 0;

    for (size_t i = 0; i < w->rig.n_zones; i++) {
        const struct survey_zone *z = &w->rig.zones[i];

        if (z->passed_over)
            log_info("%s: the public zone %s is looked at; passed over: %s", z->asked, z->id,
                     z->passed_over);
        if (z->private_zone && !w->rig.plan.route53.servers_n)
            log_warn("%s: skipped: a private zone answers inside its VPCs only; from there, name a "
                     "resolver under `route53: {servers: [...]}`",
                     z->asked);
    }
    for (size_t i = 0; i < w->survey.n_records; i++) {
        struct survey_record *r = &w->survey.records[i];

        if (w->rig.zones[r->zone].private_zone && !w->rig.plan.route53.servers_n)
            r->usable = false;
        left += r->usable;
    }
    return left || err_set(err, ERR_REFUSED, "there is nothing to observe from here");
}

static struct verify *ask(struct walk *w, struct err *err)
{
    uint64_t seed;

    if (!rig_survey(&w->rig, &w->survey, 0, err))
        return NULL;
    walk_say_findings(w, SURVEY_REFUSE, 0);
    if (!skip_private(w, err))
        return NULL;
    w->fence = rig_fence(&w->rig, &w->survey, "observe", err);
    if (!w->fence)
        return NULL;
    rig_servers(&w->rig, &w->servers);
    crypto_random(&seed, sizeof seed);
    return verify_start(w->fence, &w->servers, 0, seed, clock_boot_ms(&clock_real), err);
}

int cmd_observe(const struct opts *opts, struct err *err)
{
    struct walk *w = walk_new();
    struct verify *v = NULL;
    int status = 0;

    if (rig_load(&w->rig, opts, opts->args[0], false, err) && rig_connect(&w->rig, err))
        v = ask(w, err);
    if (v) {
        json_t *doc;

        verify_wait(v);
        doc = report(v);
        print(opts, doc);
        json_decref(doc);
        if (verify_verdict(v) != OBSERVE_PASS)
            status = EXIT_DISAGREES;
    }
    verify_free(v);
    walk_free(w, err);
    return status;
}
