/* drive_say.c: what people, scripts and the notify command are told. */
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

#include "drive_inner.h"
#include "fence_ramp.h"
#include "sluice/log.h"
#include "sluice/text.h"

void drive_tell(struct drive *d, const char *kind, const char *text, json_t *detail)
{
    struct buf time SL_CLEANUP(buf_clear) = {0};
    json_t *o;

    text_format_time(&time, d->wall_ms, true);
    o = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "schema", 1, "time", buf_str(&time),
                  "cutover", d->plan->cutover, "run", d->s.run, "event", kind, "text", text,
                  "phase", ramp_phase_name(ramp_phase(d->s.ramp)), "percent",
                  (int)ramp_percent(d->s.ramp, d->plan));
    if (detail)
        json_object_update_missing(o, detail);
    json_decref(detail);
    notify_send(d->s.notify, o);
    json_decref(o);
}

static void add_stratum(const struct drive *d, uint32_t index, struct buf *out)
{
    struct buf title SL_CLEANUP(buf_clear) = {0};

    if (!d->s.pump || index >= d->strata_n)
        return;
    pump_title(d->s.pump, index, &title);
    buf_add_str(out, ": ");
    text_add_safe(out, buf_str(&title), title.len, 200);
    if (d->strata[index].sentence) {
        buf_add_str(out, ": ");
        text_add_safe(out, d->strata[index].sentence, strlen(d->strata[index].sentence), 300);
    }
}

static void add_drift(uint32_t bits, struct buf *out)
{
    static const struct {
        uint32_t bit;
        const char *word;
    } words[] = {{RAMP_DRIFT_WEIGHT, "weight"},
                 {RAMP_DRIFT_TTL, "ttl"},
                 {RAMP_DRIFT_VALUE, "value"},
                 {RAMP_DRIFT_HEALTH_CHECK, "health check"},
                 {RAMP_DRIFT_SET_GONE, "a set is gone"},
                 {RAMP_DRIFT_SET_ADDED, "a set was added"},
                 {RAMP_DRIFT_LEASE, "lease"},
                 {RAMP_DRIFT_OTHER, "another field"}};
    const char *separator = ": ";

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (bits & words[i].bit) {
            buf_addf(out, "%s%s", separator, words[i].word);
            separator = ", ";
        }
}

void drive_why_text(const struct drive *d, enum ramp_why why, uint32_t index, struct buf *out)
{
    buf_add_str(out, ramp_why_text(why));
    switch (why) {
    case RAMP_WHY_CONFIRMED:
    case RAMP_WHY_NEW_FAILS:
    case RAMP_WHY_BOTH_FAIL:
    case RAMP_WHY_OLD_FAILS:
        add_stratum(d, index, out);
        break;
    case RAMP_WHY_CUSUM:
    case RAMP_WHY_GATE:
    case RAMP_WHY_FAILURE_LIMIT:
    case RAMP_WHY_CONSECUTIVE:
    case RAMP_WHY_INCONCLUSIVE:
        if (index < d->plan->suites_n && d->plan->suites[index].file)
            buf_addf(out, ": %s", d->plan->suites[index].file);
        break;
    case RAMP_WHY_DRIFT:
        add_drift(index, out);
        break;
    default:
        break;
    }
}

static enum view_level level_of(enum ramp_phase phase)
{
    switch (phase) {
    case RAMP_COMPLETED:
    case RAMP_ROLLED_BACK:
        return VIEW_GOOD;
    case RAMP_HELD:
    case RAMP_REVERTING:
    case RAMP_UNSAFE:
    case RAMP_REFUSED:
    case RAMP_DEPOSED:
        return VIEW_BAD;
    default:
        return VIEW_INFO;
    }
}

static void add_wait(const struct drive *d, struct buf *out)
{
    int64_t until = d->s.ramp->core.wait_until_ms;

    if (until == INT64_MAX || until <= d->now_ms)
        return;
    buf_add_str(out, ", ");
    text_format_duration(out, (until - d->now_ms) / 100 * 100);
}

void drive_say_phase(struct drive *d)
{
    enum ramp_phase phase = ramp_phase(d->s.ramp);
    uint32_t index, step = (uint32_t)(d->s.ramp->core.step + 1);
    enum ramp_why why = ramp_why(d->s.ramp, &index);
    struct buf text SL_CLEANUP(buf_clear) = {0};
    json_t *detail;

    if (phase == d->phase && step == d->step_said)
        return;
    d->phase = phase;
    d->step_said = step;
    buf_addf(&text, "%s", ramp_phase_name(phase));
    if (phase == RAMP_APPLYING && step)
        buf_addf(&text, " step %u of %u: %u %%", step, d->plan->steps_n,
                 d->plan->steps[step - 1].percent);
    else
        buf_addf(&text, " %s %u %%", phase == RAMP_REVERTING || phase == RAMP_UNSAFE ? "to" : "at",
                 ramp_percent(d->s.ramp, d->plan));
    if (phase == RAMP_DRAINING || phase == RAMP_BAKING || phase == RAMP_SOAKING)
        add_wait(d, &text);
    if (why != RAMP_WHY_NONE) {
        buf_add_str(&text, " (");
        drive_why_text(d, why, index, &text);
        buf_add_char(&text, ')');
    }
    detail = json_pack("{s:s, s:s, s:i, s:i}", "phase", ramp_phase_name(phase), "why",
                       ramp_why_name(why), "percent", (int)ramp_percent(d->s.ramp, d->plan), "step",
                       (int)step);
    view_event(d->s.view, level_of(phase), d->wall_ms, "phase", json_incref(detail), "%s",
               buf_str(&text));
    drive_tell(d, "phase", buf_str(&text), detail);
}

/* The way back for other hands: the files are there since the lease was taken. */
static bool add_by_hand(const struct drive_setup *s, uint32_t zone, struct buf *out)
{
    struct buf dir SL_CLEANUP(buf_clear) = {0};
    struct err ignored = {0};
    const char *id = fence_zone_id(s->fence, zone);
    uint32_t n = fence_batches(s->fence, zone, true);

    if (!s->journal || !fence_zone_is_unsafe(s->fence, zone) ||
        !opts_state_dir(s->rig->opts, &dir, &ignored))
        return false;
    buf_addf(out,
             "aws route53 change-resource-record-sets --hosted-zone-id %s --change-batch file://",
             id);
    text_add_safe(out, buf_str(&dir), dir.len, 1000);
    buf_addf(out, "/rollback-%s-0.json", id);
    if (n > 1)
        buf_addf(out, " and so on, to rollback-%s-%u.json", id, n - 1);
    return true;
}

static void say_by_hand(const struct drive *d)
{
    for (uint32_t z = 0; z < fence_n_zones(d->s.fence); z++) {
        struct buf text SL_CLEANUP(buf_clear) = {0};

        if (add_by_hand(&d->s, z, &text))
            view_event(d->s.view, VIEW_BAD, d->wall_ms, "by_hand", NULL,
                       "should this run not come through: %s", buf_str(&text));
    }
}

void drive_say_notice(struct drive *d, const struct ramp_action *a)
{
    static const char *const words[RAMP_NOTICE_COUNT] = {
        [RAMP_NOTICE_HELD] = "held: a person is needed",
        [RAMP_NOTICE_BREACH] = "breach",
        [RAMP_NOTICE_UNSAFE] = "UNSAFE: the weights are not confirmed",
        [RAMP_NOTICE_PENDING] = "Route 53 still says PENDING; waiting on",
        [RAMP_NOTICE_JOURNAL] = "the journal is dead: no forward step",
        [RAMP_NOTICE_RELEASE_FAILED] = "the lease could not be released and is left in the zone",
        [RAMP_NOTICE_SIGNAL_AGAIN] =
            "a rollback is under way; another signal leaves it unconfirmed",
    };
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (a->notice == RAMP_NOTICE_PHASE || !words[a->notice])
        return; /* drive_say_phase() says it with more */
    buf_add_str(&text, words[a->notice]);
    if (a->why != RAMP_WHY_NONE) {
        buf_add_str(&text, ": ");
        drive_why_text(d, a->why, a->index, &text);
    }
    view_event(d->s.view, VIEW_BAD, d->wall_ms, ramp_notice_name(a->notice),
               json_pack("{s:s}", "why", ramp_why_name(a->why)), "%s", buf_str(&text));
    if (a->notice == RAMP_NOTICE_UNSAFE)
        say_by_hand(d);
    drive_tell(d, ramp_notice_name(a->notice), buf_str(&text),
               json_pack("{s:s}", "why", ramp_why_name(a->why)));
}

static void add_record(const struct drive *d, const struct fence_event *fe, struct buf *out)
{
    struct buf name SL_CLEANUP(buf_clear) = {0};

    if (fe->record == FENCE_NONE) {
        if (fe->zone != FENCE_NONE)
            buf_addf(out, " zone %s", fence_zone_id(d->s.fence, fe->zone));
        return;
    }
    survey_plain_name(fence_record_name(d->s.fence, fe->record), &name);
    buf_add_char(out, ' ');
    text_add_safe(out, buf_str(&name), name.len, 255);
    buf_addf(out, " %s", fence_record_type(d->s.fence, fe->record));
    if (fe->set_id) {
        buf_add_str(out, " set ");
        text_add_safe(out, fe->set_id, strlen(fe->set_id), 128);
    }
    if (fe->field)
        buf_addf(out, ": %s", fe->field);
}

static void add_lease(const struct fence_event *fe, struct buf *out)
{
    struct buf until SL_CLEANUP(buf_clear) = {0};

    if (!fe->has_lease)
        return;
    text_format_time(&until, fe->lease.expires_s * 1000, false);
    buf_addf(out, ": cutover %s, run %s, until %s%s", fe->lease.cutover, fe->lease.run,
             buf_str(&until), fe->expired ? " (past)" : "");
}

void drive_say_fence(struct drive *d, const struct fence_event *fe)
{
    static const struct {
        const char *text;
        enum view_level level;
    } words[FENCE_EVENT_COUNT] = {
        [FENCE_TAKEN] = {"the lease is taken, both ways are proven", VIEW_INFO},
        [FENCE_BUSY] = {"another run holds the lease", VIEW_BAD},
        [FENCE_DENIED] = {"AWS refuses", VIEW_BAD},
        [FENCE_INVALID] = {"Route 53 refuses the request", VIEW_BAD},
        [FENCE_APPLIED] = {"written", VIEW_DETAIL},
        [FENCE_INSYNC] = {"in sync", VIEW_DETAIL},
        [FENCE_WAITING] = {"no answer from Route 53 yet, asking on", VIEW_INFO},
        [FENCE_DRIFT] = {"somebody else changed", VIEW_BAD},
        [FENCE_ABSENT] = {"the lease record is gone:", VIEW_BAD},
        [FENCE_DEPOSED] = {"another run took", VIEW_BAD},
        [FENCE_OURS_AGAIN] = {"ours again:", VIEW_INFO},
        [FENCE_DEPOSED_END] = {"the zone stayed with another run for a whole life:", VIEW_BAD},
        [FENCE_REVERTING] = {"our lease says that a rollback was begun; it goes on", VIEW_BAD},
        [FENCE_READ] = {"read, all as last written", VIEW_DETAIL},
        [FENCE_UNREAD] = {"the records cannot be read", VIEW_BAD},
        [FENCE_BACK_SENT] = {"the rollback is on its way", VIEW_INFO},
        [FENCE_BACK_LANDED] = {"the rollback has landed", VIEW_INFO},
        [FENCE_BACK] = {"the rollback is confirmed", VIEW_INFO},
        [FENCE_UNSAFE] = {"cannot be confirmed:", VIEW_BAD},
        [FENCE_RELEASED] = {"the lease is released", VIEW_DETAIL},
        [FENCE_GONE] = {"gone from the zone, and left out from now on:", VIEW_INFO},
        [FENCE_BASELINE] = {"rollback files written anew", VIEW_DETAIL},
        [FENCE_WATCHING] = {"the lease of another run is past its time; it is taken once it was "
                            "watched for a whole life:",
                            VIEW_INFO},
    };
    enum view_level level;
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (!words[fe->kind].text)
        return;
    if (fe->kind == FENCE_BACK_SENT) { /* said once a rollback, not at every try */
        if (d->back_said == fe->op_id)
            return;
        d->back_said = fe->op_id;
    }
    level = words[fe->kind].level;
    if (fe->kind == FENCE_BACK_LANDED && fe->n_done < fe->n_all) {
        level = VIEW_BAD;
        buf_addf(&text, "the rollback has landed for %u of %u records only", fe->n_done, fe->n_all);
    } else if (fe->kind == FENCE_TAKEN && d->s.start == RAMP_START_ROLLBACK) {
        buf_add_str(&text, "the lease is taken"); /* a rollback proves nothing first: it goes */
    } else {
        buf_add_str(&text, words[fe->kind].text);
    }
    add_record(d, fe, &text);
    add_lease(fe, &text);
    if (fe->text[0])
        buf_addf(&text, ": %s", fe->text);
    view_event(d->s.view, level, d->wall_ms, fence_event_name(fe->kind),
               json_pack("{s:i, s:i}", "done", (int)fe->n_done, "all", (int)fe->n_all), "%s",
               buf_str(&text));
}

/* A check is spoken of when its verdict changes, not every time. */
void drive_say_result(struct drive *d, const struct probe_result *r, enum ramp_verdict verdict)
{
    struct drive_stratum *s = &d->strata[r->stratum];
    struct buf title SL_CLEANUP(buf_clear) = {0}, text SL_CLEANUP(buf_clear) = {0};
    bool changed = s->last != verdict + 1;
    bool first_pass = !s->last && verdict == RAMP_PASS;

    s->last = (uint8_t)(verdict + 1);
    if (verdict != RAMP_PASS && r->sentence) {
        free(s->sentence);
        s->sentence = x_strdup(r->sentence);
    }
    if (!changed || first_pass)
        return;
    pump_title(d->s.pump, r->stratum, &title);
    buf_addf(&text, "%s %s ",
             verdict == RAMP_PASS   ? "ok"
             : verdict == RAMP_FAIL ? "FAIL"
                                    : "error",
             suite_side_names[r->side]);
    text_add_safe(&text, buf_str(&title), title.len, 200);
    if (verdict != RAMP_PASS && r->sentence) {
        buf_add_str(&text, ": ");
        text_add_safe(&text, r->sentence, strlen(r->sentence), 300);
    }
    view_event(
        d->s.view, verdict == RAMP_FAIL ? VIEW_BAD : VIEW_INFO, d->wall_ms, "check",
        json_pack("{s:s, s:i}", "side", suite_side_names[r->side], "stratum", (int)r->stratum),
        "%s", buf_str(&text));
}

/* Whether the share that is told is known to stand there: not while something is on its way. */
static bool is_confirmed(enum ramp_phase phase)
{
    return phase != RAMP_REVERTING && phase != RAMP_UNSAFE && phase != RAMP_APPLYING;
}

static void print_result(const struct drive_setup *s, int status)
{
    const struct plan *plan = &s->rig->plan;
    enum ramp_phase phase = ramp_phase(s->ramp);
    enum ramp_why why = ramp_why(s->ramp, NULL);
    uint32_t percent = ramp_percent(s->ramp, plan);

    if (s->rig->opts->format == OPTS_FORMAT_JSON) {
        json_t *o = json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:b, s:i}", "schema", 1, "cutover",
                              plan->cutover, "run", s->run, "phase", ramp_phase_name(phase), "why",
                              ramp_why_name(why), "percent", (int)percent, "confirmed",
                              (int)is_confirmed(phase), "exit_status", status);

        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
        return;
    }
    if (s->rig->opts->quiet && status == 0)
        return;
    printf("%s: %s (%s); ", plan->cutover, ramp_phase_name(phase), ramp_why_text(why));
    if (phase == RAMP_UNSAFE || phase == RAMP_REVERTING)
        printf("going back to %u %% is not confirmed: the new side may still carry what it had\n",
               percent);
    else if (phase == RAMP_APPLYING)
        printf("the new side carries %u %%, or what the step it was in had written\n", percent);
    else
        printf("the new side carries %u %%\n", percent);
    if (status == 0 || phase == RAMP_ROLLED_BACK || phase == RAMP_REFUSED)
        return;
    printf("go on: sluice resume %s\ngo back: sluice rollback %s\n", plan->path, plan->path);
    for (uint32_t z = 0; z < fence_n_zones(s->fence); z++) {
        struct buf text SL_CLEANUP(buf_clear) = {0};

        if (add_by_hand(s, z, &text))
            printf("by hand: %s\n", buf_str(&text));
    }
}

/* What the run came to is its exit status: a full disk behind standard output does not turn a
 * completed cutover into "nothing changed". */
void drive_print_result(const struct drive_setup *s, int status)
{
    print_result(s, status);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    __fpurge(stdout);
    clearerr(stdout);
    log_warn("cannot write to standard output; the exit status holds all the same");
}
