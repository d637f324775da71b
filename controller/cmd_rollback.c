/* cmd_rollback.c: `sluice rollback`: back, whoever runs and from wherever this is called. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "sluice/clock.h"
#include "sluice/crypto.h"
#include "sluice/file.h"
#include "sluice/log.h"
#include "walk.h"

#define ASK_AGAIN_MS 300

/* The end of the run that was told to go back, from its journal. */
static int status_of_run(struct walk *w, struct err *err)
{
    char name[JOURNAL_NAME_MAX];
    struct journal_reading r = {0};
    const char *phase;
    bool found;
    int status = 12;

    if (!journal_find(w->state_fd, w->rig.plan.cutover, NULL, name, &found, err) || !found ||
        !journal_load(w->state_fd, name, NULL, NULL, NULL, &r, err))
        return status;
    phase = json_string_value(json_object_get(r.last.state, "phase"));
    if (phase && strcmp(phase, "rolled_back") == 0)
        status = 0;
    else if (phase && strcmp(phase, "refused") == 0)
        status = 11;
    printf("%s: %s\n", w->rig.plan.cutover, phase ? phase : "unknown");
    journal_reading_clear(&r);
    return status;
}

/* A ramp runs here: it is told, and waited for. */
static int through_running(struct walk *w, struct err *err)
{
    const char *word = "rollback";

    if (!walk_confirm(w, "A ramp is running here. Tell it to go back?", err))
        return 0;
    for (;;) {
        struct buf answer SL_CLEANUP(buf_clear) = {0};
        struct err gone = {0};

        if (!control_ask(w->state_fd, w->rig.plan.cutover, word, 5000, &answer, &gone)) {
            if (gone.kind == ERR_TIMEOUT)
                continue;
            if (strcmp(word, "rollback") == 0) {
                *err = gone;
                return 0;
            }
            return status_of_run(w, err);
        }
        word = "status";
        poll(NULL, 0, clock_poll_ms(ASK_AGAIN_MS));
    }
}

/* Without a usable run here: what stands in the zones is read, and goes back to the plan's
 * rollback_to. */
static int from_zones(struct walk *w, struct err *err)
{
    const struct ramp_options options = {.goal_percent =
                                             w->rig.plan.steps[w->rig.plan.steps_n - 1].percent};
    struct ramp_options with_seed = options;
    struct buf text SL_CLEANUP(buf_clear) = {0};
    size_t left_out = 0;
    int status;

    if (!rig_survey(&w->rig, &w->survey, WALK_FOREVER, err))
        return 0;
    walk_say_findings(w, SURVEY_REFUSE, 0);
    for (size_t i = 0; i < w->survey.n_records; i++)
        left_out += !w->survey.records[i].usable;
    if (left_out == w->survey.n_records) {
        err_set(err, ERR_REFUSED, "none of the plan's records can be moved; nothing was changed");
        return 0;
    }
    rig_new_run(w->run);
    w->fence = rig_fence(&w->rig, &w->survey, w->run, err);
    if (!w->fence)
        return 0;
    buf_addf(&text, "%s: back to %u %% on the new side:\n", w->rig.plan.cutover,
             w->rig.plan.rollback_to);
    fence_diff(w->fence, w->rig.plan.rollback_to, &text);
    log_block(LOG_LEVEL_INFO, &text);
    crypto_random(&with_seed.seed, sizeof with_seed.seed);
    if (!walk_confirm(w, "Go back, taking the zone from any run that holds it?", err) ||
        !walk_begin(w, &with_seed, err))
        return 0;
    status = walk_go(w, RAMP_START_ROLLBACK, err);
    if (left_out)
        log_error("%zu of the plan's records could not be moved, see above", left_out);
    return left_out && status == 0 ? 12 : status;
}

static int rollback(struct walk *w, const struct opts *opts, struct err *err)
{
    struct err why = {0};

    if (!rig_load(&w->rig, opts, opts->args[0], false, err))
        return 0;
    if (!walk_open_state(w, &why)) {
        if (why.kind == ERR_BUSY)
            return through_running(w, err);
        log_warn("%s; going back without a journal", why.text);
        file_close(&w->state_fd);
    }
    if (!rig_connect(&w->rig, err))
        return 0;
    if (walk_unfinished(w)) {
        why = (struct err){0};
        if (walk_confirm(w, "Go back with the run that was left here?", err) &&
            walk_restore(w, false, &why))
            return walk_go(w, RAMP_START_ROLLBACK, err);
        if (err->kind != ERR_NONE)
            return 0;
        log_warn("%s; reading the zones instead", why.text);
        fence_free(w->fence);
        w->fence = NULL;
    }
    return from_zones(w, err);
}

int cmd_rollback(const struct opts *opts, struct err *err)
{
    struct walk *w = walk_new();
    int status = rollback(w, opts, err);

    walk_free(w, err);
    return status;
}
