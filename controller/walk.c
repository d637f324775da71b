#include "walk.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "desk.h"
#include "fence_ramp.h"
#include "lint_read.h"
#include "plan_file.h"
#include "ramp_state.h"
#include "saved_plan.h"
#include "sluice/clock.h"
#include "sluice/crypto.h"
#include "sluice/file.h"
#include "sluice/log.h"
#include "sluice/text.h"

#define CAME_SAID_MAX 20
#define ANSWER_MAX 64

struct walk *walk_new(void)
{
    struct walk *w = x_zalloc(sizeof *w);

    w->state_fd = w->lock_fd = -1;
    w->ramp = x_zalloc(sizeof *w->ramp);
    return w;
}

static void redact(struct err *err)
{
    struct buf text SL_CLEANUP(buf_wipe) = {0};

    buf_add_str(&text, err->text);
    secret_redact_sink(&text);
    snprintf(err->text, sizeof err->text, "%s", buf_str(&text));
}

void walk_free(struct walk *w, struct err *err)
{
    redact(err);
    journal_close(w->journal, DRIVE_LEAVE_MS);
    pump_free(w->pump);
    fence_free(w->fence);
    endpoints_clear(&w->endpoints);
    verify_servers_clear(&w->servers);
    journal_reading_clear(&w->last);
    json_decref(w->saved);
    json_decref(w->kept);
    rig_clear(&w->rig);
    file_close(&w->lock_fd);
    file_close(&w->state_fd);
    free(w->ramp);
    free(w);
}

/* ---- The state directory
 * ---------------------------------------------------------------------------- */

/* Lines with a baseline: the newest of each member wins. */
static bool keep_baseline(void *ctx, const struct journal_line *line)
{
    static const char *const members[] = {"baseline", "endpoints", "servers", "plan_hash", "run"};
    json_t *kept = ctx;

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *value = json_object_get(line->event, members[i]);

        if (value)
            json_object_set(kept, members[i], value);
    }
    return true;
}

bool walk_open_state(struct walk *w, struct err *err)
{
    struct buf path SL_CLEANUP(buf_clear) = {0};
    const char *cutover = w->rig.plan.cutover;
    char host[64] = "", note[160];
    bool found;

    if (!opts_state_dir(w->rig.opts, &path, err))
        return false;
    w->state_fd = file_open_dir(buf_str(&path), err);
    if (w->state_fd < 0)
        return false;
    gethostname(host, sizeof host - 1);
    snprintf(note, sizeof note, "pid %ld on %s", (long)getpid(), host);
    w->lock_fd = journal_lock(w->state_fd, cutover, note, err);
    if (w->lock_fd < 0)
        return false;
    if (!journal_find(w->state_fd, cutover, w->rig.opts->run, w->journal_name, &found, err))
        return false;
    if (!found)
        return !w->rig.opts->run || err_set(err, ERR_REFUSED, "there is no run %.60s of %s here",
                                            w->rig.opts->run, cutover);
    w->kept = json_object();
    /* A journal without one whole line is a run that never was. */
    w->have_last = journal_load(w->state_fd, w->journal_name, "\"baseline\":", keep_baseline,
                                w->kept, &w->last, NULL);
    return true;
}

static int64_t number(const json_t *core, const char *key)
{
    return json_integer_value(json_object_get(core, key));
}

bool walk_unfinished(const struct walk *w)
{
    return w->have_last && walk_state_unfinished(w->last.last.state);
}

bool walk_state_unfinished(const json_t *state)
{
    const json_t *core = json_object_get(state, "core");
    int64_t phase = number(core, "phase");

    if (!core)
        return false;
    /* Before the lease was asked for nothing of it can stand anywhere. */
    if (!number(core, "written") && !number(core, "taken") &&
        number(core, "op_kind") != RAMP_ACT_TAKE &&
        (phase == RAMP_PREFLIGHT || phase == RAMP_INTERRUPTED))
        return false;
    /* Held, interrupted and unsafe are ends of a process, not of a run. */
    return !number(core, "over") || (phase != RAMP_COMPLETED && phase != RAMP_ROLLED_BACK &&
                                     phase != RAMP_REFUSED && phase != RAMP_DEPOSED);
}

/* ---- Looking
 * ---------------------------------------------------------------------------------------- */

/* With --progress json every line is an event; before the run has begun its number is 0. */
static void say_json(const struct walk *w, const struct survey_finding *f)
{
    struct buf line SL_CLEANUP(buf_clear) = {0}, time SL_CLEANUP(buf_clear) = {0};
    json_t *o;
    char *text;

    text_format_time(&time, clock_wall_ms(&clock_real), true);
    o = json_pack("{s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "schema", 1, "seq", 0,
                  "time", buf_str(&time), "cutover", w->rig.plan.cutover, "run", w->run, "event",
                  "finding", "text", f->what, "code", f->id, "level", survey_level_name(f->level),
                  "where", f->where, "todo", f->todo);
    text = json_dumps(o, JSON_COMPACT);
    buf_addf(&line, "%s\n", text ? text : "{}");
    free(text);
    json_decref(o);
    secret_redact_sink(&line);
    log_write(line.data, line.len);
}

void walk_say_findings(const struct walk *w, enum survey_level level, size_t from)
{
    static const char *const words[SURVEY_LEVEL_COUNT] = {[SURVEY_REFUSE] = "refused",
                                                          [SURVEY_ASK] = "to be confirmed",
                                                          [SURVEY_WARN] = "warning",
                                                          [SURVEY_NOTE] = "note"};

    for (size_t i = from; i < w->survey.n_findings; i++) {
        const struct survey_finding *f = &w->survey.findings[i];
        const char *joint = *f->todo ? "; " : "";

        if (f->level != level)
            continue;
        if (w->rig.opts->progress == OPTS_PROGRESS_JSON && !w->rig.opts->quiet)
            say_json(w, f);
        else if (level == SURVEY_NOTE)
            log_detail("%s: %s: %s%s%s", words[level], f->where, f->what, joint, f->todo);
        else if (level == SURVEY_WARN)
            log_warn("%s: %s%s%s", f->where, f->what, joint, f->todo);
        else
            log_error("%s: %s: %s%s%s", words[level], f->where, f->what, joint, f->todo);
    }
}

void walk_lint(struct walk *w)
{
    lint_read(&w->rig, &w->survey, &w->facts);
    lint_eval(&w->survey, &w->rig.plan, &w->facts, LINT_RECORDS);
}

/* What is otherwise goes before what is in the way: it says why. */
static bool check_saved(struct walk *w, struct err *err)
{
    struct buf lines SL_CLEANUP(buf_clear) = {0};
    bool ok = !w->saved || saved_plan_check(w, w->saved, &lines, err);

    for (char *line = lines.data, *end; line && *line; line = end + 1) {
        end = line + strcspn(line, "\n");
        log_error("%.*s", (int)(end - line), line);
        if (!*end)
            break;
    }
    /* It was for this moment only; a full zone's is large, and a run is long. */
    json_object_del(w->saved, "records");
    json_object_del(w->saved, "seen");
    return ok;
}

/* What `prepare` left in the lease holds on every machine: no step before the old TTL is over. */
static void obey_lease(struct walk *w)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    int64_t now_s = clock_wall_ms(&clock_real) / 1000, not_before_s;
    uint32_t ttl_was;

    desk_remembered(&w->rig, now_s, &ttl_was, &not_before_s);
    if (not_before_s <= now_s || not_before_s <= w->rig.plan.not_before_s)
        return;
    w->rig.plan.not_before_s = not_before_s;
    text_format_time(&text, not_before_s * 1000, false);
    log_info("no step before %s: until then resolvers may hold answers with the old TTL of %u s",
             buf_str(&text), ttl_was);
}

bool walk_survey(struct walk *w, struct err *err)
{
    size_t n = 0;

    if (!rig_survey(&w->rig, &w->survey, 0, err))
        return false;
    walk_lint(w);
    if (!check_saved(w, err))
        return false;
    walk_say_findings(w, SURVEY_REFUSE, 0);
    for (size_t i = 0; i < w->survey.n_findings; i++)
        n += w->survey.findings[i].level == SURVEY_REFUSE;
    if (n)
        return err_set(err, ERR_REFUSED, "%s: %zu finding%s in the way; nothing was changed",
                       w->rig.plan.path, n, n == 1 ? " is" : "s are");
    obey_lease(w);
    return true;
}

/* A run that is to verify in DNS must be able to: better known now than at the first step. */
static bool ask_dns(struct walk *w, struct err *err)
{
    struct buf findings SL_CLEANUP(buf_clear) = {0};
    enum observe_verdict verdict;
    bool warn = w->rig.plan.verify == PLAN_VERIFY_WARN;
    struct err why = {0};

    rig_servers(&w->rig, &w->servers);
    if (!verify_now(w->fence, &w->servers, &verdict, &findings, &why)) {
        if (warn) {
            log_warn("DNS cannot be asked: %s", why.text);
            return true;
        }
        *err = why;
        return err_prefix(err, "`verify: api` in the plan does without DNS: ");
    }
    if (verdict == OBSERVE_NO_SERVER && !warn)
        return err_set(
            err, ERR_REFUSED,
            "no name server of the zone answers from here (%s); add `verify: api` to the "
            "plan to do without",
            buf_str(&findings));
    if (findings.len)
        log_warn("DNS: %s", buf_str(&findings));
    return true;
}

bool walk_prepare(struct walk *w, struct err *err)
{
    rig_new_run(w->run);
    if (!endpoints_from_survey(&w->endpoints, &w->survey, rig_resolve, &w->rig, err))
        return false;
    endpoints_drop_unreachable_family(&w->endpoints);
    if (w->endpoints.n_unrouted)
        log_warn("%zu endpoint%s not probed: there is no route from here to %s",
                 w->endpoints.n_unrouted, w->endpoints.n_unrouted == 1 ? " is" : "s are",
                 w->endpoints.unrouted);
    w->fence = rig_fence(&w->rig, &w->survey, w->run, err);
    if (!w->fence)
        return false;
    if (rig_keys_short(&w->rig, clock_wall_ms(&clock_real),
                       drive_keys_need_ms(w->fence, &w->rig.plan)))
        return err_set(
            err, ERR_REFUSED,
            "the AWS credentials end before a drain and 15 minutes are over; renew them, or "
            "ask for longer ones (duration_seconds of a role)");
    w->pump = rig_pump(&w->rig, &w->endpoints, w->run, err);
    if (w->pump)
        lint_eval(&w->survey, &w->rig.plan, &w->facts, LINT_STRATA);
    return w->pump && (w->rig.plan.verify == PLAN_VERIFY_API || ask_dns(w, err));
}

/* ---- Beginning and going on
 * ------------------------------------------------------------------------- */

static void append(struct walk *w, json_t *event, bool sync)
{
    json_t *actions = json_array(), *state = ramp_state_save(w->ramp, &w->rig.plan);

    json_object_set_new(state, "run", json_string(w->run));
    json_object_set_new(state, "cutover", json_string(w->rig.plan.cutover));
    json_object_set_new(state, "plan", json_string(w->rig.plan.path));
    json_object_set_new(state, "fence", fence_save(w->fence));
    journal_append(w->journal, clock_wall_ms(&clock_real), event, actions, state, sync);
    json_decref(actions);
    json_decref(state);
    json_decref(event);
}

bool walk_begin(struct walk *w, const struct ramp_options *options, struct err *err)
{
    char name[JOURNAL_NAME_MAX];

    /* What was read has been judged, and the fence has copies of the records: a run of weeks need not
     * keep whole zones beside them. */
    w->survey = (struct survey){0};
    rig_forget_zones(&w->rig);
    ramp_init(w->ramp, &w->rig.plan, options);
    if (w->state_fd < 0)
        return true; /* a rollback where no state can be kept */
    if (!journal_name(name, w->rig.plan.cutover, w->run, err))
        return false;
    w->journal = journal_create(w->state_fd, name, NULL, err);
    if (!w->journal)
        return false;
    append(w,
           json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "kind", "begin", "run", w->run,
                     "sluice", PACKAGE_VERSION, "plan", w->rig.plan.path, "plan_hash",
                     w->rig.plan_hash, "endpoints", endpoints_save(&w->endpoints), "servers",
                     verify_servers_save(&w->servers), "baseline", fence_save_baseline(w->fence)),
           true);
    return true;
}

static bool restore_ramp(struct walk *w, struct err *err)
{
    struct ramp_core *core = x_zalloc(sizeof *core);
    bool ok = ramp_state_load(w->last.last.state, core, err);

    if (ok) {
        core->options &= ~(int64_t)RAMP_OPT_ATTENDED;
        if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
            core->options |= RAMP_OPT_ATTENDED;
        ok = ramp_restore(w->ramp, &w->rig.plan, core) ||
             err_set(err, ERR_REFUSED,
                     "the journal's numbers are no state of this plan; `sluice rollback %s` "
                     "needs only the plan",
                     w->rig.plan.path);
    }
    free(core);
    return ok;
}

/* A step is written after its line is on disk, so the last line may be older than the last write:
 * what the line's machine was about to write is as much ours as what its fence had written. */
static void expect_step(struct walk *w)
{
    const json_t *core = json_object_get(w->last.last.state, "core");
    json_t *fence = json_object_get(w->last.last.state, "fence");
    int64_t step = number(core, "step");

    if (number(core, "op_kind") == RAMP_ACT_APPLY && step >= 0 && step < w->rig.plan.steps_n &&
        json_is_object(fence))
        json_object_set_new(fence, "percent_to", json_integer(w->rig.plan.steps[step].percent));
}

bool walk_restore(struct walk *w, bool probes, struct err *err)
{
    const char *hash = json_string_value(json_object_get(w->kept, "plan_hash"));
    const char *run = json_string_value(json_object_get(w->kept, "run"));

    if (w->last.end == JOURNAL_DAMAGED)
        return err_set(err, ERR_REFUSED,
                       "the journal %s is damaged at line %llu: no step forward can rest on it; "
                       "`sluice rollback "
                       "%s` needs only the plan",
                       w->journal_name, (unsigned long long)w->last.bad_line, w->rig.plan.path);
    if (!hash || strcmp(hash, w->rig.plan_hash) != 0)
        return err_set(
            err, ERR_REFUSED,
            "%s is not the plan this run was begun with; put it back, or go back with `sluice "
            "rollback %s`",
            w->rig.plan.path, w->rig.plan.path);
    snprintf(w->run, sizeof w->run, "%s", run ? run : "");
    expect_step(w);
    w->fence = rig_fence_restore(&w->rig, w->run, json_object_get(w->kept, "baseline"),
                                 json_object_get(w->last.last.state, "fence"), err);
    if (!w->fence)
        return false;
    if (probes) {
        if (!endpoints_load(&w->endpoints, json_object_get(w->kept, "endpoints"), err) ||
            !verify_servers_load(&w->servers, json_object_get(w->kept, "servers"), err))
            return false;
        w->pump = rig_pump(&w->rig, &w->endpoints, w->run, err);
        if (!w->pump)
            return false;
    }
    if (!restore_ramp(w, err))
        return false;
    fence_ramp_expect(w->fence, &w->rig.plan, &w->ramp->core);
    w->journal = journal_continue(w->state_fd, w->journal_name, &w->last, NULL, err);
    return w->journal != NULL;
}

static bool is_ours(const struct fence *f, const char *zone_id, const struct survey_record *r)
{
    for (uint32_t i = 0; i < fence_n_records(f); i++)
        if (strcmp(fence_zone_id(f, fence_record_zone(f, i)), zone_id) == 0 &&
            rrset_name_eq(fence_record_name(f, i), r->name) &&
            strcmp(fence_record_type(f, i), r->type) == 0)
            return true;
    return false;
}

/* `records: all` is the list of preflight: who came since then was not moved, and should know. */
static void say_who_came(void *ctx, const struct survey *s)
{
    const struct walk *w = ctx;
    size_t n = 0;

    for (size_t i = 0; i < s->n_records; i++) {
        const struct survey_record *r = &s->records[i];
        struct buf name SL_CLEANUP(buf_clear) = {0};

        if (is_ours(w->fence, s->zones[r->zone].id, r) || n++ >= CAME_SAID_MAX)
            continue;
        survey_plain_name(r->name, &name);
        log_warn("%s %s came since preflight and was not moved; its new side has %u.%02u %%",
                 buf_str(&name), r->type, r->new_ppm / 10000, r->new_ppm % 10000 / 100);
    }
    if (n > CAME_SAID_MAX)
        log_warn("%zu more records came since preflight and were not moved", n - CAME_SAID_MAX);
}

static bool is_at_its_end(const struct ramp *r)
{
    return ramp_phase(r) == RAMP_COMPLETED || ramp_phase(r) == RAMP_ROLLED_BACK;
}

int walk_go(struct walk *w, enum ramp_start start, struct err *err)
{
    const char *cutover = w->rig.plan.cutover;
    struct err ignored = {0};
    struct drive_setup setup = {
        .rig = &w->rig,
        .fence = w->fence,
        .pump = w->pump,
        .ramp = w->ramp,
        .journal = w->journal,
        .view = view_new(w->rig.opts, cutover, w->run, true),
        .notify = notify_new(&w->rig.plan),
        .servers = w->rig.plan.verify != PLAN_VERIFY_API && w->servers.n ? &w->servers : NULL,
        .run = w->run,
        .start = start,
        .at_ms = w->rig.opts->at_ms,
    };
    int status;

    if (w->state_fd >= 0) {
        setup.control = control_new(w->state_fd, cutover, &ignored);
        if (!setup.control)
            log_warn("%s; pause, resume and approve cannot reach this run", ignored.text);
    }
    status = drive_run(&setup, err);
    /* The socket goes last but the journal: who waits for the end of this run reads it then. */
    journal_close(w->journal, DRIVE_LEAVE_MS);
    w->journal = NULL;
    view_free(setup.view);
    notify_free(setup.notify);
    control_free(setup.control);
    if (err->kind == ERR_NONE)
        drive_print_result(&setup, status);
    if (err->kind == ERR_NONE && w->rig.plan.records_all && is_at_its_end(w->ramp) &&
        !rig_peek(&w->rig, say_who_came, w, &ignored))
        log_detail("whether records came meanwhile is not known: %s", ignored.text);
    return status;
}

/* ---- People
 * ----------------------------------------------------------------------------------------- */

bool walk_confirm(const struct walk *w, const char *question, struct err *err)
{
    char answer[ANSWER_MAX] = "";

    if (w->rig.opts->yes)
        return true;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return err_set(err, ERR_USAGE, "there is nobody to ask: say --yes");
    fprintf(stderr, "%s Only 'yes' will do it: ", question);
    fflush(stderr);
    if (!fgets(answer, sizeof answer, stdin) || strcmp(answer, "yes\n") != 0)
        return err_set(err, ERR_REFUSED, "not confirmed; nothing was changed");
    return true;
}

bool walk_cutover_of(const char *word, struct buf *out, struct err *err)
{
    struct arena mem = {0};
    struct plan plan;
    bool ok;

    if (!strchr(word, '/') && !strchr(word, '.') && access(word, F_OK) < 0) {
        buf_add_str(out, word);
        return true;
    }
    ok = plan_load(&plan, &mem, word, err);
    if (ok)
        buf_add_str(out, plan.cutover);
    arena_clear(&mem);
    return ok;
}
