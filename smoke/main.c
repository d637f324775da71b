/* main.c: the program smoke. Reads suites, runs what is selected once, reports, and says by its
 * exit status what it came to. */
#include <malloc.h>
#include <signal.h>

#include "cmd.h"
#include "compare.h"
#include "config.h"
#include "listing.h"
#include "loop.h"
#include "outlet.h"
#include "session.h"
#include "sweep.h"
#include "warmup.h"
#include "watch.h"

#define HEAP_STEP (1024 * 1024)

/* The warm-up, then the run itself in its mode. */
static bool run_modes(struct session *s, struct err *err)
{
    bool ready = true, ok = true;

    s->now_ms = clock_boot_ms(&clock_real);
    progress_begin(&s->progress, &s->opts, &s->report, s->now_ms);
    if (s->opts.wait_for_ms)
        ok = warmup_run(s, &ready, err);
    if (ok && ready)
        ok = s->compare       ? compare_run(s, err)
             : s->opts.for_ms ? watch_run(s, err)
                              : sweep_run(s, err);
    if (ok && !s->compare) /* it has a teardown of its own */
        ok = loop_teardown(s, err);
    progress_end(&s->progress);
    s->report.conclusion = buf_str(&s->conclusion);
    return ok;
}

/* The exit status, or -1 with err set. */
static int run_checks(struct session *s, struct err *err)
{
    int64_t started = clock_boot_ms(&clock_real);

    s->report.started_wall_ms = clock_wall_ms(&clock_real);
    if (!session_open(s, err) || !run_modes(s, err))
        return -1;
    s->report.elapsed_ms = clock_boot_ms(&clock_real) - started;
    report_count(&s->report);
    if (s->report.exit_status == 130 && s->terminated)
        s->report.exit_status = 143;
    if (!outlet_reports(s, err)) {
        /* A verdict of "bad" must not be lost behind a full disk. */
        if (s->report.exit_status != 0) {
            log_failure(err);
            return s->report.exit_status;
        }
        return -1;
    }
    return s->report.exit_status;
}

static int check_all(struct session *s, struct err *err)
{
    bool told = false;

    if (cmd_check(&s->opts, &told, err))
        return session_check_given(s, err) ? 0 : -1;
    return told ? err_exit_status(err->kind) : -1;
}

static int session_run(struct session *s, struct err *err)
{
    if (s->opts.command == OPTS_INIT)
        return cmd_init(&s->opts, err) ? 0 : -1;
    if (s->opts.command == OPTS_IMPORT)
        return cmd_import(&s->opts, err) ? 0 : -1;
    if (s->opts.schema)
        return listing_schema(err) ? 0 : -1;
    if (!session_name(s, err))
        return -1;
    if (s->opts.check)
        return check_all(s, err);
    if (!session_load(s, err))
        return -1;
    if (!session_choose(s, err))
        return -1;
    if (s->opts.list)
        return listing_checks(s, err) ? 0 : -1;
    return run_checks(s, err);
}

static int help_or_version(const struct opts *opts, struct err *err)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    if (opts->help)
        opts_add_help(&out);
    else
        buf_add_str(&out, "smoke (sluice) " PACKAGE_VERSION "\n");
    return outlet_write(&out, err) ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct session session = {.signals = -1};
    struct err err = {0};
    int status = -1;

    mallopt(M_TOP_PAD, HEAP_STEP); /* thousands of results come one by one */
    mallopt(M_TRIM_THRESHOLD, 4 * HEAP_STEP);
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
