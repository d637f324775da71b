/* cmd_ramp.c: `sluice ramp` and `sluice resume`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "crossing.h"
#include "handshake.h"
#include "saved_plan.h"
#include "sluice/crypto.h"
#include "sluice/file.h"
#include "sluice/log.h"
#include "sluice/text.h"
#include "walk.h"

#define LAST_WORDS_MS 1000

/* The percentage of --to must be a step's, and the new side's present share is asked about. */
static bool check_goal(const struct walk *w, uint32_t *goal, struct err *err)
{
    const struct opts *o = w->rig.opts;
    const struct plan *plan = &w->rig.plan;

    *goal = o->to_percent > 100 ? plan->steps[plan->steps_n - 1].percent : o->to_percent;
    if (plan_step_find(plan, *goal) == PLAN_WHOLE)
        return err_set(err, ERR_USAGE, "--to %u: the plan has no step of that percentage", *goal);
    return true;
}

/* The share of the new side has an option of its own, so that nobody's --yes from yesterday takes a
 * half-moved zone for a fresh one. Every other question --yes answers. */
static bool ask_about_findings(const struct walk *w, struct err *err)
{
    bool above = survey_found(&w->survey, "above_target") && !w->rig.opts->from_current;
    size_t others = 0;

    for (size_t i = 0; i < w->survey.n_findings; i++)
        others += w->survey.findings[i].level == SURVEY_ASK &&
                  w->survey.findings[i].code != SURVEY_ABOVE_TARGET;
    if (!above && !others)
        return true;
    walk_say_findings(w, SURVEY_ASK, 0);
    if (above && (w->rig.opts->yes || !isatty(STDIN_FILENO)))
        return err_set(err, ERR_REFUSED,
                       "the new side carries more than rollback_to already; say --from-current");
    return walk_confirm(w, above ? "Begin from where the new side stands?" : "Begin all the same?",
                        err);
}

static bool confirm(const struct walk *w, uint32_t goal, struct err *err)
{
    const struct plan *plan = &w->rig.plan;
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (w->rig.opts->yes)
        return true;
    buf_addf(&text, "%s: %u record%s, steps", plan->cutover, fence_n_records(w->fence),
             fence_n_records(w->fence) == 1 ? "" : "s");
    for (uint32_t i = 0; i < plan->steps_n && plan->steps[i].percent <= goal; i++)
        buf_addf(&text, " %u", plan->steps[i].percent);
    buf_addf(&text, " %%, on breach %s to %u %%. At the first step:\n",
             plan_policy_name(plan->on[PLAN_ON_BREACH]), plan->rollback_to);
    fence_diff(w->fence, plan->steps[0].percent, &text);
    log_block(LOG_LEVEL_INFO, &text);
    return walk_confirm(w, "Begin?", err);
}

/* Says what was found since, and refuses when some of it is in the way. */
static bool heed(const struct walk *w, size_t before, const char *words, struct err *err)
{
    walk_say_findings(w, SURVEY_WARN, before);
    if (survey_clear_of(&w->survey, SURVEY_REFUSE))
        return true;
    walk_say_findings(w, SURVEY_REFUSE, before);
    return err_set(err, ERR_REFUSED, "%s; nothing was changed", words);
}

/* Before any check is sent: it would shake hands, too. */
static bool look_at_certificates(struct walk *w, struct err *err)
{
    size_t before = w->survey.n_findings;

    return handshake_all(w, err) &&
           heed(w, before, "the new side's certificates are not sound", err);
}

/* It signs in, so only when a person has said yes. */
static bool try_sessions(struct walk *w, struct err *err)
{
    size_t before = w->survey.n_findings;

    return crossing_try(w, false, NULL, NULL, err) &&
           heed(w, before, "the sides do not take each other's sessions", err);
}

static bool refuse_second(const struct walk *w, struct err *err)
{
    if (!walk_unfinished(w))
        return true;
    return err_set(err, ERR_REFUSED,
                   "a run of %s is unfinished (%s): go on with `sluice resume %s`, or back with "
                   "`sluice rollback %s`",
                   w->rig.plan.cutover, w->journal_name, w->rig.plan.path, w->rig.plan.path);
}

static int ramp(struct walk *w, const struct opts *opts, struct err *err)
{
    struct ramp_options options = {0};
    const char *path = opts->n_args ? opts->args[0] : NULL;

    if (opts->plan && !saved_plan_load(opts->plan, &w->saved, err))
        return 0;
    if (!path && w->saved)
        path = saved_plan_of(w->saved);
    if (!path) {
        err_set(err, ERR_USAGE, "name a plan, or a saved one with --plan");
        return 0;
    }
    if (!rig_load(&w->rig, opts, path, true, err) || !check_goal(w, &options.goal_percent, err) ||
        !walk_open_state(w, err) || !refuse_second(w, err) || !rig_connect(&w->rig, err) ||
        !walk_survey(w, err))
        return 0;
    log_patience(0); /* a warning that nobody reads must not keep a cutover from its hour */
    walk_say_findings(w, SURVEY_WARN, 0);
    if (!ask_about_findings(w, err) || !walk_prepare(w, err) || !look_at_certificates(w, err))
        return 0;
    walk_say_findings(w, SURVEY_NOTE, 0);
    if (!confirm(w, options.goal_percent, err) || !try_sessions(w, err))
        return 0;
    options.options |=
        opts->from_current || survey_found(&w->survey, "above_target") ? RAMP_OPT_FROM_CURRENT : 0;
    options.options |= isatty(STDIN_FILENO) && isatty(STDERR_FILENO) ? RAMP_OPT_ATTENDED : 0;
    crypto_random(&options.seed, sizeof options.seed);
    if (!walk_begin(w, &options, err))
        return 0;
    return walk_go(w, RAMP_START_FRESH, err);
}

int cmd_ramp(const struct opts *opts, struct err *err)
{
    struct walk *w = walk_new();
    int status = ramp(w, opts, err);

    log_patience(LAST_WORDS_MS);
    walk_free(w, err);
    return status;
}

/* start: RAMP_START_RESUME, or RAMP_START_RECOVER to do what `on: {crash: ...}` says. */
static int go_on(struct walk *w, enum ramp_start start, struct err *err)
{
    if (!walk_open_state(w, err))
        return 0;
    if (!w->have_last) {
        err_set(err, ERR_REFUSED,
                "there is no run of %s to go on with; begin with `sluice ramp %s`",
                w->rig.plan.cutover, w->rig.plan.path);
        return 0;
    }
    if (!walk_unfinished(w)) {
        err_set(err, ERR_REFUSED, "the last run of %s is over (%s); nothing was changed",
                w->rig.plan.cutover,
                json_string_value(json_object_get(w->last.last.state, "phase")));
        return 0;
    }
    if (!rig_connect(&w->rig, err) || !walk_restore(w, true, err))
        return 0;
    return walk_go(w, start, err);
}

/* A word to a ramp that runs here; false when none does. */
static bool tell_running(const struct opts *opts, const char *cutover, const char *word,
                         int *status, struct err *err)
{
    struct buf path SL_CLEANUP(buf_clear) = {0}, answer SL_CLEANUP(buf_clear) = {0},
                    safe SL_CLEANUP(buf_clear) = {0};
    int fd SL_CLEANUP(file_close) = -1;

    if (!opts_state_dir(opts, &path, err))
        return false;
    fd = file_open_dir(buf_str(&path), err);
    if (fd < 0 || !control_ask(fd, cutover, word, 5000, &answer, err))
        return false;
    text_add_safe(&safe, answer.data, answer.len, 300);
    printf("%s\n", buf_str(&safe));
    *status = text_starts_with(answer.data, "ok ") ? 0 : 11;
    return true;
}

/* A ramp that runs here is told first: that takes no secret and no credentials, which whoever says
 * it may not have. */
int cmd_resume(const struct opts *opts, struct err *err)
{
    struct walk *w = walk_new();
    struct buf cutover SL_CLEANUP(buf_clear) = {0};
    struct err no_answer = {0};
    int status = 0;

    if (walk_cutover_of(opts->args[0], &cutover, err) &&
        !tell_running(opts, buf_str(&cutover), "resume", &status, &no_answer) &&
        rig_load(&w->rig, opts, opts->args[0], true, err))
        status = go_on(w, RAMP_START_RESUME, err);
    walk_free(w, err);
    return status;
}

/* For units and boot scripts: what a crash or a reboot left is dealt with as the plan says, and
 * where nothing was left, or somebody runs it already, there is nothing to do. */
int cmd_recover(const struct opts *opts, struct err *err)
{
    struct walk *w = walk_new();
    int status = 0;

    if (rig_load(&w->rig, opts, opts->args[0], true, err) && walk_open_state(w, err)) {
        if (walk_unfinished(w)) {
            file_close(&w->lock_fd); /* go_on() takes it again */
            file_close(&w->state_fd);
            journal_reading_clear(&w->last);
            json_decref(w->kept);
            w->kept = NULL;
            status = go_on(w, RAMP_START_RECOVER, err);
        } else {
            printf("%s: nothing to recover\n", w->rig.plan.cutover);
        }
    }
    walk_free(w, err);
    return status;
}

static int tell(const struct opts *opts, const char *word, struct err *err)
{
    struct buf cutover SL_CLEANUP(buf_clear) = {0};
    int status = 0;

    if (walk_cutover_of(opts->args[0], &cutover, err))
        tell_running(opts, buf_str(&cutover), word, &status, err);
    return status;
}

int cmd_pause(const struct opts *opts, struct err *err)
{
    return tell(opts, "pause", err);
}

int cmd_approve(const struct opts *opts, struct err *err)
{
    return tell(opts, "approve", err);
}
