/* main.c: the program smoke. Reads suites, runs what is selected once, reports, and says by its
 * exit status what it came to. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config.h"
#include "opts.h"
#include "progress.h"
#include "report.h"
#include "select.h"
#include "sluice/file.h"
#include "sluice/text.h"

#define REPORT_BYTES_MAX   ((size_t)256 * 1024 * 1024)
#define CONNECTIONS_MIN    256
#define CONNECTIONS_MAX    4096
#define KEPT_EXCHANGES_MAX 200 /* failures that keep request and response: memory has a ceiling */

struct session {
    struct opts opts;
    struct suite *suites[OPTS_LIST_MAX];
    size_t suites_n;
    bool *chosen[OPTS_LIST_MAX];
    struct secret_set *secrets;
    struct http *http;
    struct pump *pump;
    struct report report;
    uint32_t *entry_of; /* stratum to report entry; RUN_NONE: not selected */
    struct progress progress;
    size_t exchanges;
    int signals; /* signalfd */
    bool terminated;
};

/* ---- suites
 * ---------------------------------------------------------------------------------------- */

static bool check_given(struct session *s, struct err *err)
{
    const char *names[200], *near;
    size_t n = 0;

    for (size_t i = 0; i < s->opts.given_n; i++) {
        if (s->opts.given[i].used)
            continue;
        for (size_t k = 0; k < s->suites_n; k++)
            for (size_t v = 0; v < s->suites[k]->vars_n && n < ARRAY_LEN(names); v++)
                names[n++] = s->suites[k]->vars[v].name;
        near = text_nearest(s->opts.given[i].name, names, n);
        return near ? err_set(err, ERR_USAGE,
                              "--var: no suite has a variable '%s'; did you mean '%s'?",
                              s->opts.given[i].name, near)
                    : err_set(err, ERR_USAGE, "--var: no suite has a variable '%s'",
                              s->opts.given[i].name);
    }
    return true;
}

static bool load_suites(struct session *s, struct err *err)
{
    struct suite_options options = {
        .base_url = s->opts.base_url, .given = s->opts.given, .given_n = s->opts.given_n};

    if (s->opts.suites_n == 0) {
        if (access("smoke.yaml", R_OK) != 0)
            return err_set(err, ERR_USAGE,
                           "no suite named, and there is no smoke.yaml here; see smoke --help");
        s->opts.suites[s->opts.suites_n++] = "smoke.yaml";
    }
    for (size_t i = 0; i < s->opts.suites_n; i++) {
        s->suites[i] = x_zalloc(sizeof *s->suites[i]);
        s->suites_n++;
        if (!suite_load(s->suites[i], s->opts.suites[i], &options, err))
            return false;
    }
    return check_given(s, err);
}

static bool choose_checks(struct session *s, struct err *err)
{
    size_t chosen = 0;

    if (!select_check_words(&s->opts, s->suites, s->suites_n, err))
        return false;
    for (size_t i = 0; i < s->suites_n; i++) {
        s->chosen[i] = x_calloc(s->suites[i]->checks_n, sizeof *s->chosen[i]);
        for (size_t c = 0; c < s->suites[i]->checks_n; c++) {
            s->chosen[i][c] = select_check(&s->opts, s->suites[i], &s->suites[i]->checks[c]);
            chosen += s->chosen[i][c];
        }
    }
    return chosen > 0 ||
           err_set(err, ERR_REFUSED, "nothing selected: --only and --skip leave no check");
}

/* ---- looking only
 * ---------------------------------------------------------------------------------- */

static bool write_out(struct buf *text, struct err *err)
{
    if (!buf_ok(text))
        return err_set(err, ERR_LIMIT, "the report is larger than %zu bytes", REPORT_BYTES_MAX);
    return file_write("-", buf_str(text), text->len, err);
}

static bool list_checks(struct session *s, struct err *err)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    buf_init(&out, REPORT_BYTES_MAX);
    for (size_t i = 0; i < s->suites_n; i++)
        for (size_t c = 0; c < s->suites[i]->checks_n; c++) {
            const struct suite_check *check = &s->suites[i]->checks[c];

            for (uint32_t row = 0; row < check->rows_n; row++) {
                struct buf title SL_CLEANUP(buf_clear) = {0};

                if (!select_row(&s->opts, s->suites[i], check, row))
                    continue;
                suite_title(s->suites[i], check, row, &title);
                text_add_safe(&out, buf_str(&title), title.len, 300);
                for (size_t t = 0; t < check->tags_n; t++) {
                    buf_add_str(&out, t ? ", " : "  [");
                    text_add_safe(&out, check->tags[t], strlen(check->tags[t]), 300);
                    buf_add_str(&out, t + 1 == check->tags_n ? "]" : "");
                }
                buf_add_str(&out, "  ");
                text_add_safe(&out, s->suites[i]->path, strlen(s->suites[i]->path), 1000);
                buf_addf(&out, ":%u\n", check->at->pos.line);
            }
        }
    return write_out(&out, err);
}

static bool check_suites(struct session *s, struct err *err)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    for (size_t i = 0; i < s->suites_n; i++) {
        size_t rows = 0;

        for (size_t c = 0; c < s->suites[i]->checks_n; c++)
            rows += s->suites[i]->checks[c].rows_n;
        buf_addf(&out, "%s: %zu check%s, %zu with their rows\n", s->suites[i]->path,
                 s->suites[i]->checks_n, s->suites[i]->checks_n == 1 ? "" : "s", rows);
    }
    return s->opts.quiet || write_out(&out, err);
}

static bool print_schema(struct err *err)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};
    json_t *schema = suite_schema_json();
    char *text = json_dumps(schema, JSON_INDENT(2));

    buf_addf(&out, "%s\n", text ? text : "");
    free(text);
    json_decref(schema);
    return write_out(&out, err);
}

/* ---- running
 * --------------------------------------------------------------------------------------- */

static bool watch_signals(struct session *s, struct err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_set(err, ERR_IO, "sigprocmask: %s", strerror(errno));
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals >= 0 || err_set(err, ERR_IO, "signalfd: %s", strerror(errno));
}

static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static bool open_pump(struct session *s, struct err *err)
{
    struct http_config config = {.ca_file = s->opts.cacert, .user_agent = "smoke/" PACKAGE_VERSION};
    struct pump_options options = {.secrets = s->secrets,
                                   .jobs = s->opts.jobs,
                                   .connect_to = s->opts.connect_to,
                                   .connect_to_n = s->opts.connect_to_n,
                                   .side = s->opts.side_given ? s->opts.side : SUITE_NEW,
                                   .side_only = s->opts.side_given,
                                   .timeout_ms = s->opts.timeout_ms,
                                   .chosen = (const bool *const *)s->chosen};
    size_t cells = s->opts.jobs;

    if (s->opts.cacert && access(s->opts.cacert, R_OK) != 0)
        return err_set(err, ERR_FILE, "--cacert %s: %s", s->opts.cacert, strerror(errno));
    s->secrets = secret_new();
    secret_set_sink(s->secrets);
    options.secrets = s->secrets;
    if (!suite_secrets_load(s->suites, (const bool *const *)s->chosen, s->suites_n, s->secrets,
                            err))
        return false;
    for (size_t i = 0; i < s->suites_n; i++)
        for (size_t c = 0; c < s->suites[i]->checks_n; c++)
            cells += s->chosen[i][c] ? s->suites[i]->checks[c].rows_n : 0;
    config.connections_max = cells < CONNECTIONS_MIN   ? CONNECTIONS_MIN
                             : cells > CONNECTIONS_MAX ? CONNECTIONS_MAX
                                                       : cells;
    raise_descriptors();
    s->http = http_new(&config, err);
    if (!s->http)
        return false;
    s->pump = pump_new(s->suites, s->suites_n, s->http, &options, err);
    return s->pump != NULL;
}

static bool stratum_selected(void *ctx, uint32_t stratum)
{
    const struct session *s = ctx;

    return s->entry_of[stratum] != RUN_NONE;
}

static bool prepare_report(struct session *s, struct err *err)
{
    uint32_t n = pump_strata_n(s->pump);

    s->report.suites = s->suites;
    s->report.suites_n = s->suites_n;
    s->report.pump = s->pump;
    s->report.entries = x_calloc(n, sizeof *s->report.entries);
    s->entry_of = x_calloc(n, sizeof *s->entry_of);
    for (uint32_t i = 0; i < n; i++) {
        const struct pump_stratum *p = pump_stratum(s->pump, i);
        const struct suite *suite = s->suites[p->suite];

        s->entry_of[i] = RUN_NONE;
        if ((s->opts.only_n || s->opts.skip_n) &&
            !select_row(&s->opts, suite, &suite->checks[p->check], p->row))
            continue;
        s->entry_of[i] = (uint32_t)s->report.entries_n;
        s->report.entries[s->report.entries_n++].result.stratum = i;
    }
    return s->report.entries_n > 0 || err_set(err, ERR_REFUSED, "nothing selected");
}

/* After so many failures the next ones keep their sentence and curl line only. */
static void drop_exchange(struct probe_result *r)
{
    char **const owned[] = {&r->request_head, &r->request_body, &r->response_head,
                            &r->response_body};

    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(*owned[i]);
        *owned[i] = NULL;
    }
}

static void take_results(struct session *s)
{
    struct probe_result result;

    while (pump_next(s->pump, &result)) {
        struct report_entry *e = &s->report.entries[s->entry_of[result.stratum]];

        if (result.verdict != RUN_PASS && ++s->exchanges > KEPT_EXCHANGES_MAX)
            drop_exchange(&result);
        e->result = result;
        e->done = true;
        progress_result(&s->progress, e);
    }
}

/* True when a signal came. */
static bool take_signal(struct session *s)
{
    struct signalfd_siginfo info;

    if (read(s->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return false;
    s->terminated = info.ssi_signo == SIGTERM;
    return true;
}

static int wait_ms(int64_t wake, int64_t draw, int64_t now)
{
    int64_t at = wake < draw ? wake : draw;

    if (at == INT64_MAX)
        return -1;
    return at <= now ? 0 : at - now > 60000 ? 60000 : (int)(at - now);
}

static bool run_all(struct session *s, struct err *err)
{
    struct pollfd fds[1] = {{.fd = s->signals, .events = POLLIN}};
    int64_t now = clock_boot_ms(&clock_real);

    progress_begin(&s->progress, &s->opts, &s->report, now);
    pump_sweep(s->pump, stratum_selected, s);
    while (!pump_idle(s->pump)) {
        struct http_done done;

        pump_tick(s->pump, now);
        if (!http_wait(s->http, fds, 1,
                       wait_ms(pump_wake_at(s->pump, now), progress_tick(&s->progress, now), now),
                       err))
            return false;
        now = clock_boot_ms(&clock_real);
        while (http_next(s->http, &done))
            if (!pump_take(s->pump, &done, now))
                http_response_clear(&done.response);
        take_results(s);
        if ((fds[0].revents & POLLIN) && take_signal(s)) {
            s->report.interrupted = true;
            break; /* what flies is not waited for */
        }
    }
    progress_end(&s->progress);
    return true;
}

static bool write_reports(struct session *s, struct err *err)
{
    struct report_text_options text = {
        .color = log_use_color(STDOUT_FILENO), .quiet = s->opts.quiet, .verbose = s->opts.verbose};
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct buf json SL_CLEANUP(buf_clear) = {0};
    bool ok = true;

    buf_init(&out, REPORT_BYTES_MAX);
    buf_init(&json, REPORT_BYTES_MAX);
    if (s->opts.format == OPTS_FORMAT_JSON || s->opts.json_file)
        report_json(&s->report, &json);
    if (s->opts.json_file)
        ok = buf_ok(&json) ? file_write(s->opts.json_file, buf_str(&json), json.len, err)
                           : err_set(err, ERR_LIMIT, "the JSON report is too large");
    if (s->opts.format == OPTS_FORMAT_JSON)
        return write_out(&json, err) && ok;
    report_text(&s->report, &text, &out);
    return (out.len == 0 || write_out(&out, err)) && ok;
}

/* The exit status, or -1 with err set. */
static int run_checks(struct session *s, struct err *err)
{
    int64_t started = clock_boot_ms(&clock_real);

    s->report.started_wall_ms = clock_wall_ms(&clock_real);
    /* Signals are watched last: while a secret's command runs they end the program as they always
     * do. */
    if (!open_pump(s, err) || !watch_signals(s, err) || !prepare_report(s, err) || !run_all(s, err))
        return -1;
    s->report.elapsed_ms = clock_boot_ms(&clock_real) - started;
    report_count(&s->report);
    if (s->report.exit_status == 130 && s->terminated)
        s->report.exit_status = 143;
    if (!write_reports(s, err)) {
        /* A verdict of "bad" must not be lost behind a full disk. */
        if (s->report.exit_status != 0) {
            log_failure(err);
            return s->report.exit_status;
        }
        return -1;
    }
    return s->report.exit_status;
}

static void session_clear(struct session *s)
{
    pump_free(s->pump);
    http_free(s->http);
    for (size_t i = 0; i < s->report.entries_n; i++)
        if (s->report.entries[i].done)
            probe_result_clear(&s->report.entries[i].result);
    free(s->report.entries);
    free(s->entry_of);
    for (size_t i = 0; i < s->suites_n; i++) {
        suite_clear(s->suites[i]);
        free(s->suites[i]);
        free(s->chosen[i]);
    }
    secret_free(s->secrets);
    file_close(&s->signals);
    opts_clear(&s->opts);
}

static int session_run(struct session *s, struct err *err)
{
    if (s->opts.schema)
        return print_schema(err) ? 0 : -1;
    if (!load_suites(s, err))
        return -1;
    if (s->opts.check)
        return check_suites(s, err) ? 0 : -1;
    if (!choose_checks(s, err))
        return -1;
    if (s->opts.list)
        return list_checks(s, err) ? 0 : -1;
    return run_checks(s, err);
}

static int help_or_version(const struct opts *opts, struct err *err)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    if (opts->help)
        opts_add_help(&out);
    else
        buf_add_str(&out, "smoke (sluice) " PACKAGE_VERSION "\n");
    return write_out(&out, err) ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct session session = {.signals = -1};
    struct err err = {0};
    int status = -1;

    signal(SIGPIPE, SIG_IGN);
    secret_forbid_dumps();
    log_init("smoke", LOG_LEVEL_INFO, LOG_COLOR_AUTO);
    if (opts_parse(&session.opts, argc, argv, &err)) {
        log_init("smoke", session.opts.quiet ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
                 session.opts.color);
        status = session.opts.help || session.opts.version ? help_or_version(&session.opts, &err)
                                                           : session_run(&session, &err);
    }
    if (status < 0) {
        log_failure(&err);
        status = err_exit_status(err.kind);
    }
    session_clear(&session);
    return status;
}
