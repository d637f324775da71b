/* report_runs.c: what many runs of each check came to, for people and machines. Times are from a
 * histogram: good to about five in a hundred. */
#include <inttypes.h>
#include <string.h>

#include "report_runs.h"
#include "sluice/text.h"
#include "tally.h"

static double ms(const struct tally *t, uint32_t percent)
{
    return (double)budget_latency_quantile_us(&t->latency, percent) / 1000;
}

void report_runs_text(const struct report *r, bool quiet, struct buf *out)
{
    if (r->tallies && !quiet)
        buf_addf(out, "\n%8s %8s %8s %8s %8s %8s %8s\n", "runs", "failed", "errors", "flaky",
                 "p50 ms", "p95 ms", "p99 ms");
    for (size_t i = 0; r->tallies && !quiet && i < r->entries_n; i++) {
        const struct tally *t = &r->tallies[i];
        struct buf title SL_CLEANUP(buf_clear) = {0};

        pump_title(r->pump, r->entries[i].result.stratum, &title);
        buf_addf(out, "%8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8.1f %8.1f %8.1f  ",
                 t->runs, t->failed, t->errors, t->flaky, ms(t, 50), ms(t, 95), ms(t, 99));
        text_add_safe(out, buf_str(&title), title.len, 300);
        buf_add_char(out, '\n');
    }
    if (r->conclusion && r->conclusion[0])
        buf_addf(out, "%s\n", r->conclusion);
}

json_t *report_runs_json(const struct report *r, const struct report_entry *e)
{
    const struct tally *t = &r->tallies[e - r->entries];
    json_t *o = json_object();

    json_object_set_new(o, "runs", json_integer((json_int_t)t->runs));
    json_object_set_new(o, "passed", json_integer((json_int_t)t->passed));
    json_object_set_new(o, "failed", json_integer((json_int_t)t->failed));
    json_object_set_new(o, "errors", json_integer((json_int_t)t->errors));
    json_object_set_new(o, "flaky", json_integer((json_int_t)t->flaky));
    json_object_set_new(o, "p50_us", json_integer(budget_latency_quantile_us(&t->latency, 50)));
    json_object_set_new(o, "p95_us", json_integer(budget_latency_quantile_us(&t->latency, 95)));
    json_object_set_new(o, "p99_us", json_integer(budget_latency_quantile_us(&t->latency, 99)));
    return o;
}
