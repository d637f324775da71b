/* drive_act.c: what the machine asks for, done. */
#include <stdio.h>
#include <string.h>

#include "drive_inner.h"
#include "fence_ramp.h"
#include "ramp_state.h"
#include "sluice/file.h"
#include "sluice/text.h"

void drive_perform(struct drive *d, const struct ramp_action *a)
{
    switch (a->kind) {
    case RAMP_ACT_TAKE:
        if (d->s.rig->opts->take_over && !a->take_over)
            fence_take(d->s.fence, a->op_id, FENCE_TAKE_OVER, d->now_ms);
        else
            fence_ramp_perform(d->s.fence, a, d->now_ms);
        break;
    case RAMP_ACT_READ:
    case RAMP_ACT_APPLY:
    case RAMP_ACT_ROLLBACK:
    case RAMP_ACT_RELEASE:
        fence_ramp_perform(d->s.fence, a, d->now_ms);
        break;
    case RAMP_ACT_VERIFY:
        drive_verify_start(d, a);
        break;
    case RAMP_ACT_PROBES:
        drive_probes_act(d, a);
        break;
    case RAMP_ACT_ASK:
        drive_ask(d, a);
        break;
    case RAMP_ACT_NOTIFY:
        drive_say_notice(d, a);
        break;
    case RAMP_ACT_EXIT:
    case RAMP_ACT_COUNT:
        break;
    }
}

/* ---- Asking DNS
 * ------------------------------------------------------------------------------------- */

static void verified(struct drive *d, enum ramp_outcome outcome)
{
    struct ramp_event done = {.kind = RAMP_EV_DONE};

    done.done.op_id = d->verify_op;
    done.done.outcome = outcome;
    verify_free(d->verify);
    d->verify = NULL;
    d->verify_op = 0;
    drive_later(d, &done);
}

void drive_verify_start(struct drive *d, const struct ramp_action *a)
{
    uint32_t tests = OBSERVE_SHARES_MAX * d->plan->steps_n;
    struct err err = {0};

    verify_free(d->verify);
    d->verify = NULL;
    d->verify_op = a->op_id;
    if (!d->s.servers) {
        verified(d, RAMP_OK);
        return;
    }
    d->verify = verify_start(d->s.fence, d->s.servers, tests,
                             (uint64_t)d->s.ramp->core.seed + a->op_id, d->now_ms, &err);
    if (d->verify)
        return;
    view_event(d->s.view, VIEW_BAD, d->wall_ms, "verify", NULL, "DNS cannot be asked: %s",
               err.text);
    verified(d, d->plan->verify == PLAN_VERIFY_WARN ? RAMP_OK : RAMP_FAILED);
}

void drive_verify_step(struct drive *d)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    enum observe_verdict verdict;
    bool warn = d->plan->verify == PLAN_VERIFY_WARN;

    if (!d->verify || !verify_step(d->verify, d->now_ms))
        return;
    verdict = verify_verdict(d->verify);
    verify_findings(d->verify, &text, DRIVE_FINDINGS_SAID);
    if (text.len)
        view_event(d->s.view, verdict == OBSERVE_PASS || warn ? VIEW_INFO : VIEW_BAD, d->wall_ms,
                   "verify", NULL, "DNS: %s", buf_str(&text));
    verified(d, verdict == OBSERVE_PASS || warn ? RAMP_OK : RAMP_FAILED);
}

/* ---- Forward writes and the disk
 * -------------------------------------------------------------------- */

/* Those whose line is on disk may go. */
void drive_release_waiting(struct drive *d)
{
    uint64_t synced = journal_synced(d->s.journal);
    struct ramp_action ready[DRIVE_WAITING_MAX];
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < d->n_waiting; i++) {
        if (d->waiting[i].seq <= synced)
            ready[n++] = d->waiting[i].action;
        else
            d->waiting[kept++] = d->waiting[i];
    }
    d->n_waiting = kept;
    for (size_t i = 0; i < n; i++)
        drive_perform(d, &ready[i]);
}

/* The journal will not keep what waits: nothing of it is done, and no forward step follows. */
void drive_fail_waiting(struct drive *d, const char *why)
{
    struct ramp_event dead = {.kind = RAMP_EV_JOURNAL_DEAD};
    struct drive_waiting waiting[DRIVE_WAITING_MAX];
    size_t n = d->n_waiting;

    memcpy(waiting, d->waiting, n * sizeof *waiting);
    d->n_waiting = 0;
    d->journal_dead = true;
    view_event(d->s.view, VIEW_BAD, d->wall_ms, "journal", NULL,
               "%s: no forward step from now on; a rollback still works", why);
    for (size_t i = 0; i < n; i++) {
        struct ramp_event done = {.kind = RAMP_EV_DONE};

        done.done.op_id = waiting[i].action.op_id;
        done.done.outcome = RAMP_NOT_SENT;
        drive_event(d, &done);
    }
    drive_event(d, &dead);
}

/* rollback-<zone>-<k>.json: the way back for the AWS CLI. The journal's writer has the disk's patience:
 * a full zone has twenty of them, and a step after them waits, but no probe and no rollback. */
static void write_rollback_files(struct drive *d)
{
    for (uint32_t z = 0; d->s.journal && z < fence_n_zones(d->s.fence); z++)
        for (uint32_t k = 0;; k++) {
            struct buf text SL_CLEANUP(buf_clear) = {0};
            char name[128];

            if (!fence_rollback_file(d->s.fence, z, k, &text))
                break;
            snprintf(name, sizeof name, "rollback-%s-%u.json", fence_zone_id(d->s.fence, z), k);
            journal_put_file(d->s.journal, name, &text);
        }
}

static void keep_baseline(struct drive *d)
{
    write_rollback_files(d);
    drive_journal(
        d, json_pack("{s:s, s:o}", "kind", "baseline", "baseline", fence_save_baseline(d->s.fence)),
        NULL, false);
}

void drive_fence_event(struct drive *d, const struct fence_event *fe)
{
    struct ramp_event ev;

    if (fe->kind == FENCE_TAKEN || fe->kind == FENCE_BASELINE)
        keep_baseline(d);
    drive_say_fence(d, fe);
    if (fence_ramp_event(d->s.fence, fe, &ev))
        drive_event(d, &ev);
}
