/* session.c: see session.h. */
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "compare.h"
#include "config.h"
#include "select.h"
#include "sluice/file.h"
#include "sluice/log.h"
#include "sluice/text.h"

#define CONNECTIONS_MIN 256
#define CONNECTIONS_MAX 4096

/* ---- suites
 * ---------------------------------------------------------------------------------------- */

bool session_check_given(const struct session *s, struct err *err)
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

bool session_name(struct session *s, struct err *err)
{
    if (s->opts.suites_n > 0)
        return true;
    if (access("smoke.yaml", R_OK) != 0)
        return err_set(err, ERR_USAGE,
                       "no suite named, and there is no smoke.yaml here; see smoke --help");
    s->opts.suites[s->opts.suites_n++] = "smoke.yaml";
    return true;
}

bool session_load(struct session *s, struct err *err)
{
    struct suite_options options = {
        .base_url = s->opts.base_url, .given = s->opts.given, .given_n = s->opts.given_n};

    if (s->opts.compare[SUITE_NEW] && opts_compare_is_url(s->opts.compare[SUITE_NEW]))
        options.base_url = s->opts.compare[SUITE_NEW];
    for (size_t i = 0; i < s->opts.suites_n; i++) {
        s->suites[i] = x_zalloc(sizeof *s->suites[i]);
        s->suites_n++;
        if (!suite_load(s->suites[i], s->opts.suites[i], &options, err))
            return false;
    }
    return session_check_given(s, err);
}

/* What a chosen check needs runs too, and so do setup and teardown of its suite. */
static void add_needed(struct session *s, size_t suite)
{
    const struct suite *su = s->suites[suite];
    bool any = false, again = true;

    s->needed[suite] = x_calloc(su->checks_n, sizeof *s->needed[suite]);
    for (size_t c = 0; c < su->checks_n; c++)
        any |= s->chosen[suite][c] && su->checks[c].stage == SUITE_MAIN;
    for (size_t c = 0; c < su->checks_n; c++)
        if (su->checks[c].stage != SUITE_MAIN)
            s->chosen[suite][c] = s->needed[suite][c] = any;
    while (again) {
        again = false;
        for (size_t c = 0; c < su->checks_n; c++)
            for (size_t k = 0; s->chosen[suite][c] && k < su->checks[c].needs_n; k++) {
                uint32_t need = su->checks[c].needs[k];

                again |= !s->needed[suite][need];
                s->chosen[suite][need] = s->needed[suite][need] = true;
            }
    }
}

bool session_choose(struct session *s, struct err *err)
{
    const struct suite_check *crossing = NULL;
    size_t chosen = 0;

    if (!select_check_words(&s->opts, s->suites, s->suites_n, err))
        return false;
    for (size_t i = 0; i < s->suites_n; i++) {
        s->chosen[i] = x_calloc(s->suites[i]->checks_n, sizeof *s->chosen[i]);
        for (size_t c = 0; c < s->suites[i]->checks_n; c++) {
            const struct suite_check *check = &s->suites[i]->checks[c];

            if (check->crosses) { /* there is one side here, or one at a time */
                crossing = check;
                continue;
            }
            s->chosen[i][c] =
                select_check(&s->opts, s->suites[i], check) &&
                (!s->opts.compare[0] || (check->sides[SUITE_OLD] && check->sides[SUITE_NEW]));
            chosen += s->chosen[i][c];
        }
        add_needed(s, i);
    }
    if (crossing)
        log_warn(
            "'%.80s' is left out: its session goes from one side to the other (`side: other`), "
            "which takes a plan: `sluice plan --probe all`, `sluice ramp`",
            crossing->name.text);
    if (!chosen && crossing)
        return err_set(err, ERR_REFUSED, "nothing selected: what is left goes from side to side");
    return chosen > 0 ||
           err_set(err, ERR_REFUSED, "nothing selected: --only and --skip leave no check");
}

/* ---- the engine
 * ------------------------------------------------------------------------------------ */

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

/* The pump of one side of --compare. Its target stands behind what --connect-to says. */
static bool open_side(struct session *s, const struct pump_options *common, enum suite_side side,
                      struct pump **out, struct err *err)
{
    struct pump_options options = *common;
    struct pump_connect_to *list = x_calloc(common->connect_to_n + 1, sizeof *list);
    const char *where = s->opts.compare[side];
    bool is_url = opts_compare_is_url(where), ok = true;
    struct suite *const *suites = s->suites;

    for (size_t i = 0; i < common->connect_to_n; i++)
        list[i] = common->connect_to[i];
    options.connect_to = list;
    options.side = side;
    options.keep_all = true;
    options.on_answer = compare_answer;
    options.on_answer_ctx = compare_answer_ctx(s->compare, side);
    if (!is_url)
        list[options.connect_to_n++] = (struct pump_connect_to){.host = "", .target = where};
    for (size_t i = 0; ok && is_url && i < s->suites_n; i++) {
        s->sides[side][i] = x_zalloc(sizeof *s->sides[side][i]);
        ok = suite_rebase(s->sides[side][i], s->suites[i], where, err);
        suites = s->sides[side];
    }
    if (ok)
        *out = pump_new(suites, s->suites_n, s->http, &options, err);
    free(list);
    return ok && *out;
}

static bool open_sides(struct session *s, const struct pump_options *options, struct err *err)
{
    s->compare = compare_new(s->opts.compare_headers, s->secrets, err);
    return s->compare && open_side(s, options, SUITE_OLD, &s->old_pump, err) &&
           open_side(s, options, SUITE_NEW, &s->pump, err);
}

static bool open_pump(struct session *s, struct err *err)
{
    struct http_config config = {.ca_file = s->opts.cacert, .user_agent = "smoke/" PACKAGE_VERSION};
    struct pump_options options = {.secrets = s->secrets,
                                   .jobs = s->opts.jobs,
                                   .host_jobs = s->opts.host_jobs,
                                   .rate_milli = s->opts.rate_milli,
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
    if (s->opts.compare[0])
        return open_sides(s, &options, err);
    s->pump = pump_new(s->suites, s->suites_n, s->http, &options, err);
    return s->pump != NULL;
}

static bool prepare_report(struct session *s, struct err *err)
{
    uint32_t n = pump_strata_n(s->pump);

    s->report.suites = s->suites;
    s->report.suites_n = s->suites_n;
    s->report.pump = s->pump;
    s->report.entries = x_calloc(n, sizeof *s->report.entries);
    s->entry_of = x_calloc(n, sizeof *s->entry_of);
    s->report.fail_on_flaky = s->opts.fail_on_flaky;
    for (int i = 0; i < SUITE_SIDES; i++)
        s->report.compared[i] = s->opts.compare[i];
    if (s->opts.repeat > 1 || s->opts.for_ms)
        s->report.tallies = s->tallies = x_calloc(n, sizeof *s->tallies);
    for (uint32_t i = 0; i < n; i++) {
        const struct pump_stratum *p = pump_stratum(s->pump, i);
        const struct suite *suite = s->suites[p->suite];

        s->entry_of[i] = RUN_NONE;
        if ((s->opts.only_n || s->opts.skip_n) && !s->needed[p->suite][p->check] &&
            !select_row(&s->opts, suite, &suite->checks[p->check], p->row))
            continue;
        s->entry_of[i] = (uint32_t)s->report.entries_n;
        s->report.entries[s->report.entries_n++].result.stratum = i;
    }
    return s->report.entries_n > 0 || err_set(err, ERR_REFUSED, "nothing selected");
}

bool session_open(struct session *s, struct err *err)
{
    /* Signals are watched last: while a secret's command runs they end the program as they always
     * do. */
    return open_pump(s, err) && watch_signals(s, err) && prepare_report(s, err);
}

void session_clear(struct session *s)
{
    pump_free(s->pump);
    pump_free(s->old_pump);
    compare_free(s->compare);
    http_free(s->http);
    for (size_t i = 0; i < s->report.entries_n; i++)
        if (s->report.entries[i].done)
            probe_result_clear(&s->report.entries[i].result);
    free(s->report.entries);
    free(s->tallies);
    buf_clear(&s->conclusion);
    free(s->entry_of);
    for (size_t i = 0; i < s->suites_n; i++) {
        for (int side = 0; side < SUITE_SIDES; side++)
            free(s->sides[side][i]); /* its content is the suite's */
        suite_clear(s->suites[i]);
        free(s->suites[i]);
        free(s->chosen[i]);
        free(s->needed[i]);
    }
    secret_free(s->secrets);
    file_close(&s->signals);
    opts_clear(&s->opts);
}
