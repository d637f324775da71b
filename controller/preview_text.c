/* preview_text.c: the preview for people. */
#include <string.h>

#include "preview.h"
#include "sluice/text.h"

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

/* Offsets from the first write; what INSYNC and a person take is in the latest only as far as it
 * can be known. */
static void text_times(const json_t *step, struct buf *out)
{
    const json_t *calls = json_object_get(step, "api_calls");

    buf_add_str(out, "    ends between ");
    text_format_duration(out, num(step, "earliest_end_ms"));
    buf_add_str(out, " and ");
    text_format_duration(out, num(step, "latest_end_ms"));
    buf_add_str(out, " after the first write, unless held; going back reaches everybody within ");
    text_format_duration(out, num(step, "rollback_ms"));
    buf_addf(out, "\n    API calls: %lld change, at least %lld reading and %lld polling INSYNC\n",
             num(calls, "change"), num(calls, "read_at_least"), num(calls, "sync_at_least"));
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
        text_times(step, out);
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
    json_array_foreach(json_object_get(doc, "smallest"), i, gate)
    {
        buf_addf(out, "The smallest failing share that %s can rule out is ", str(gate, "suite"));
        text_format_ppm(out, (uint32_t)num(gate, "ppm"));
        buf_addf(out, ", at %lld %%.\n", num(gate, "percent"));
    }
    buf_add_str(out, "Done at the earliest after ");
    text_format_duration(out, num(doc, "earliest_ms"));
    buf_addf(out,
             ", plus INSYNC and verification; going back is %lld change batch%s.\n"
             "All records are read for foreign changes every ",
             num(doc, "rollback_batches"), num(doc, "rollback_batches") == 1 ? "" : "es");
    text_format_duration(out, num(doc, "drift_read_ms"));
    buf_add_str(out, ".\n");
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

void preview_text(const json_t *doc, bool steps, struct buf *out)
{
    buf_addf(out, "%s: %s\n", str(doc, "cutover"), str(doc, "plan"));
    text_records(doc, out);
    if (steps)
        text_steps(doc, out);
    text_probes(doc, out);
    text_findings(doc, out);
}
