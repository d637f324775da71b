/* report_prometheus.c: a file for node_exporter's textfile collector (Prometheus text format). */
#include <string.h>

#include "report_words.h"

static void add_labels(struct buf *out, const struct report *r, const struct report_entry *e)
{
    const struct pump_stratum *s = pump_stratum(r->pump, e->result.stratum);
    struct buf title SL_CLEANUP(buf_clear) = {0};

    report_title(r, e, &title);
    buf_add_str(out, "{suite=\"");
    report_add_label(out, r->suites[s->suite]->path);
    buf_add_str(out, "\",check=\"");
    report_add_label(out, buf_str(&title));
    buf_add_char(out, '"');
}

static void add_head(struct buf *out, const char *name, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static double success(const struct report *r, const struct report_entry *e)
{
    (void)r;
    return e->result.verdict == RUN_PASS;
}

static double required(const struct report *r, const struct report_entry *e)
{
    return pump_stratum(r->pump, e->result.stratum)->required;
}

static double attempts(const struct report *r, const struct report_entry *e)
{
    (void)r;
    return e->result.attempts;
}

static double duration(const struct report *r, const struct report_entry *e)
{
    (void)r;
    return (double)e->result.latency_us / 1e6;
}

static double status(const struct report *r, const struct report_entry *e)
{
    (void)r;
    return e->result.status;
}

static const struct {
    const char *name, *help;
    double (*value)(const struct report *r, const struct report_entry *e);
} checks[] = {
    {"smoke_check_success", "1 when the check passed", success},
    {"smoke_check_required", "1 when the check must pass", required},
    {"smoke_check_attempts", "attempts made; above 1 with success is flaky", attempts},
    {"smoke_check_duration_seconds", "time of all its requests", duration},
    {"smoke_check_status", "status of its last answer, 0 without one", status},
};

static void add_phases(struct buf *out, const struct report *r)
{
    static const char name[] = "smoke_check_phase_seconds";

    add_head(out, name, "phases of the check's last request, each from its start to its end");
    for (size_t i = 0; i < r->entries_n; i++) {
        const struct report_entry *e = &r->entries[i];
        const struct probe_exchange *x;

        if (!e->done || e->result.exchanges_n == 0)
            continue;
        x = &e->result.exchanges[e->result.exchanges_n - 1];
        {
            const struct {
                const char *phase;
                int64_t us;
            } rows[] = {{"dns", x->dns_us},
                        {"connect", x->connect_us},
                        {"tls", x->tls_us},
                        {"first_byte", x->first_byte_us},
                        {"total", x->total_us}};

            for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
                buf_add_str(out, name);
                add_labels(out, r, e);
                buf_addf(out, ",phase=\"%s\"} %.6f\n", rows[k].phase, (double)rows[k].us / 1e6);
            }
        }
    }
}

static void add_run(struct buf *out, const struct report *r)
{
    const struct {
        const char *name, *help;
        double value;
    } rows[] = {
        {"smoke_run_exit_status", "exit status of the last run", r->exit_status},
        {"smoke_run_timestamp_seconds", "when the last run began",
         (double)r->started_wall_ms / 1000},
        {"smoke_run_duration_seconds", "how long it took", (double)r->elapsed_ms / 1000},
        {"smoke_run_requests", "requests it made", (double)r->requests},
        {"smoke_run_passed", "checks that passed", (double)r->passed},
        {"smoke_run_flaky", "checks that passed after a retry", (double)r->flaky},
        {"smoke_run_failed", "checks that failed", (double)r->failed},
        {"smoke_run_errors", "checks that could not be judged", (double)r->errors},
        {"smoke_run_warned", "checks that failed and need not pass", (double)r->warned},
        {"smoke_run_not_run", "checks that were not run", (double)r->not_run},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        add_head(out, rows[i].name, rows[i].help);
        buf_addf(out, "%s %.3f\n", rows[i].name, rows[i].value);
    }
}

void report_prometheus(const struct report *r, struct buf *out)
{
    for (size_t m = 0; m < ARRAY_LEN(checks); m++) {
        add_head(out, checks[m].name, checks[m].help);
        for (size_t i = 0; i < r->entries_n; i++) {
            if (!r->entries[i].done)
                continue;
            buf_add_str(out, checks[m].name);
            add_labels(out, r, &r->entries[i]);
            buf_addf(out, "} %.6g\n", checks[m].value(r, &r->entries[i]));
        }
    }
    add_phases(out, r);
    add_run(out, r);
}
