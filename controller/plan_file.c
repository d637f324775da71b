#include "plan_file.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "plan_schema.h"
#include "sluice/buf.h"
#include "sluice/text.h"

#define FAULT_TEXT_MAX 256

/* ---- From the file's struct to the plan
 * ------------------------------------------------------------ */

static void take_sets(struct plan_sets *sets, const struct plan_file_side *side)
{
    sets->n = (uint32_t)side->ids_n;
    assert(sets->n <= PLAN_SIDE_SETS_MAX);
    for (uint32_t i = 0; i < sets->n; i++)
        sets->id[i] = side->ids[i];
}

static void take_records(struct plan *plan, const struct plan_file *file, struct arena *mem)
{
    struct plan_record *list =
        arena_array(mem, file->records.n ? file->records.n : 1, sizeof *list);

    for (size_t i = 0; i < file->records.n; i++) {
        const struct plan_file_record *from = &file->records.list[i];

        list[i].zone = from->zone;
        list[i].name = from->name;
        list[i].type = plan_types[from->type];
        for (int side = 0; side < PLAN_SIDES; side++)
            take_sets(&list[i].sets[side], &from->sides.side[side]);
        list[i].target = from->sides.side[PLAN_NEW].target;
    }
    plan->records = list;
    plan->records_n = (uint32_t)file->records.n;
    plan->records_all = file->records.all;
}

static void take_steps(struct plan *plan, const struct plan_file *file)
{
    plan->steps_n = (uint32_t)file->steps_n;
    for (uint32_t i = 0; i < plan->steps_n; i++) {
        const struct plan_file_step *from = &file->steps[i];
        struct plan_step *step = &plan->steps[i];

        step->percent = from->percent;
        step->bake_ms = from->bake_at ? from->bake_ms : file->bake_ms;
        step->approve = from->approve;
        step->on_breach = (enum plan_policy)(from->on_breach_at ? from->on_breach
                                                                : file->on.word[PLAN_ON_BREACH]);
    }
}

/* A suite's file is looked for beside the plan, wherever sluice was started. */
static const char *beside(struct arena *mem, const char *path, const char *file)
{
    const char *slash = strrchr(path, '/');

    if (file[0] == '/' || !slash)
        return file;
    return arena_printf(mem, "%.*s/%s", (int)(slash - path), path, file);
}

static void take_suites(struct plan *plan, const struct plan_file *file, struct arena *mem)
{
    plan->suites_n = (uint32_t)file->smoke.suites_n;
    for (uint32_t i = 0; i < plan->suites_n; i++) {
        const struct plan_file_suite *from = &file->smoke.suites[i];
        struct plan_suite *suite = &plan->suites[i];

        suite->file = from->file ? beside(mem, plan->path, from->file) : NULL;
        suite->inline_doc = from->inline_at;
        suite->allowed_ppm = from->budget.allowed_ppm;
        suite->unacceptable_ppm = from->budget.unacceptable_ppm;
        suite->failure_limit = from->budget.failure_limit;
        suite->consecutive_failures = from->budget.consecutive_failures;
    }
    plan->rate_milli = file->smoke.rate_milli;
}

/* A window is kept in whole seconds: it opens no earlier and closes no later than the file says. */
static void take_schedule(struct plan *plan, const struct plan_file *file)
{
    if (file->schedule.not_before_at)
        plan->not_before_s = (file->schedule.not_before_ms + 999) / 1000;
    if (file->schedule.not_after_at)
        plan->not_after_s = file->schedule.not_after_ms / 1000;
}

static void take_route53(struct plan *plan, const struct plan_file *file)
{
    plan->route53.zone = file->route53.zone;
    plan->route53.profile = file->route53.profile;
    plan->route53.role_arn = file->route53.role_arn;
    plan->route53.endpoint_url = file->route53.endpoint_url;
    plan->route53.resolver = file->route53.resolver;
    plan->route53.rate_milli = file->route53.rate_milli;
    plan->route53.servers_n = (uint32_t)file->route53.servers_n;
    for (uint32_t i = 0; i < plan->route53.servers_n; i++)
        plan->route53.server[i] = file->route53.servers[i];
}

static void take_observe(struct plan *plan, const struct plan_file *file)
{
    plan->observe.resolvers_n = (uint32_t)file->observe.resolvers_n;
    for (uint32_t i = 0; i < plan->observe.resolvers_n; i++)
        plan->observe.resolver[i] = file->observe.resolvers[i];
}

static void take(struct plan *plan, const struct plan_file *file, struct arena *mem)
{
    plan->cutover = file->cutover;
    take_route53(plan, file);
    take_observe(plan, file);
    for (int side = 0; side < PLAN_SIDES; side++)
        take_sets(&plan->sides[side], &file->sides.side[side]);
    plan->target = file->sides.side[PLAN_NEW].target;
    plan->prepare_ttl_s = (uint32_t)(file->prepare_ttl_ms / 1000);
    take_records(plan, file, mem);
    take_steps(plan, file);
    plan->rollback_to = file->rollback_to;
    plan->soak.for_ms = file->soak.for_ms;
    plan->soak.rate_milli = file->soak.rate_milli;
    plan->soak.on_breach = (enum plan_policy)file->soak.on_breach;
    take_suites(plan, file, mem);
    for (int on = 0; on < PLAN_ON_COUNT; on++)
        plan->on[on] = (enum plan_policy)file->on.word[on];
    plan->max_hold_ms = file->max_hold_ms;
    take_schedule(plan, file);
    plan->notify_command_n = (uint32_t)file->notify_command_n;
    for (uint32_t i = 0; i < plan->notify_command_n; i++)
        plan->notify_command[i] = file->notify_command[i];
    plan->verify = (enum plan_verify)file->verify;
    plan->drain_factor_milli = (uint32_t)(file->drain_factor * 1000 + 0.5);
    plan->lease_off = file->lease.off;
    plan->lease_name = file->lease.name;
    if (file->lease.life_ms)
        plan->lease_life_ms = file->lease.life_ms;
}

/* ---- Where a finding stands, and what it says
 * ------------------------------------------------------ */

enum place {
    AT_ROOT,
    AT_CUTOVER,
    AT_RECORDS,
    AT_RECORD,
    AT_RECORD_TYPE,
    AT_SIDES,
    AT_STEPS,
    AT_STEP,
    AT_STEP_BAKE,
    AT_STEP_POLICY,
    AT_ROLLBACK_TO,
    AT_SMOKE,
    AT_SUITE,
    AT_ALLOWED,
    AT_UNACCEPTABLE,
    AT_RATE,
    AT_SOAK_RATE,
    AT_SOAK_POLICY,
    AT_POLICY,
    AT_SCHEDULE,
    AT_DRAIN_FACTOR,
    AT_LEASE_LIFE,
    AT_MAX_HOLD,
};

static const enum place places[] = {
    [PLAN_FAULT_NO_CUTOVER] = AT_CUTOVER,
    [PLAN_FAULT_NO_ZONE] = AT_RECORD,
    [PLAN_FAULT_NO_RECORDS] = AT_RECORDS,
    [PLAN_FAULT_TOO_MANY_RECORDS] = AT_RECORDS,
    [PLAN_FAULT_RECORD_TWICE] = AT_RECORD,
    [PLAN_FAULT_RECORD_TYPE] = AT_RECORD_TYPE,
    [PLAN_FAULT_NO_SETS] = AT_SIDES,
    [PLAN_FAULT_SIDES_SHARE_SET] = AT_RECORD,
    [PLAN_FAULT_NO_STEPS] = AT_STEPS,
    [PLAN_FAULT_STEP_RANGE] = AT_STEP,
    [PLAN_FAULT_STEP_ORDER] = AT_STEP,
    [PLAN_FAULT_STEP_BAKE] = AT_STEP_BAKE,
    [PLAN_FAULT_STEP_POLICY] = AT_STEP_POLICY,
    [PLAN_FAULT_ROLLBACK_TO] = AT_ROLLBACK_TO,
    [PLAN_FAULT_NO_SUITES] = AT_SMOKE,
    [PLAN_FAULT_ALLOWED_RANGE] = AT_ALLOWED,
    [PLAN_FAULT_ALLOWED_HALF] = AT_ALLOWED,
    [PLAN_FAULT_UNACCEPTABLE_RANGE] = AT_UNACCEPTABLE,
    [PLAN_FAULT_RATE] = AT_RATE,
    [PLAN_FAULT_SOAK_RATE] = AT_SOAK_RATE,
    [PLAN_FAULT_SOAK_POLICY] = AT_SOAK_POLICY,
    [PLAN_FAULT_POLICY] = AT_POLICY,
    [PLAN_FAULT_SCHEDULE_ORDER] = AT_SCHEDULE,
    [PLAN_FAULT_SCHEDULE_SHORT] = AT_SCHEDULE,
    [PLAN_FAULT_DRAIN_FACTOR] = AT_DRAIN_FACTOR,
    [PLAN_FAULT_LEASE_LIFE] = AT_LEASE_LIFE,
    [PLAN_FAULT_MAX_HOLD] = AT_MAX_HOLD,
    [PLAN_FAULT_TOO_MANY_STRATA] = AT_SMOKE,
    [PLAN_FAULT_STRATUM_SIDE] = AT_SUITE,
    [PLAN_FAULT_BAKE_SHORT] = AT_STEP,
    [PLAN_FAULT_GATE_BLIND] = AT_STEP,
};
_Static_assert(ARRAY_LEN(places) == PLAN_FAULT_COUNT, "a place for every fault");

static const struct doc_node *record_node(const struct plan_file *file, enum place place,
                                          uint32_t i)
{
    if (file->records.all)
        return file->records_at;
    if (i >= file->records.n)
        return file->sides_at ? file->sides_at : file->records_at;
    return place == AT_RECORD_TYPE ? file->records.list[i].type_at : file->records.list[i].at;
}

static const struct doc_node *side_node(const struct plan_file *file, uint32_t i)
{
    const struct doc_node *side = i < PLAN_SIDES ? file->sides.side[i].at : NULL;

    return side ? side : file->sides_at;
}

static const struct doc_node *step_node(const struct plan_file *file, enum place place, uint32_t i)
{
    const struct plan_file_step *step;

    if (i >= file->steps_n)
        return file->steps_at;
    step = &file->steps[i];
    if (place == AT_STEP_BAKE)
        return step->bake_at ? step->bake_at : file->bake_at;
    if (place == AT_STEP_POLICY && step->on_breach_at)
        return step->on_breach_at;
    return step->percent_at;
}

static const struct doc_node *suite_node(const struct plan_file *file, enum place place, uint32_t i)
{
    const struct plan_file_suite *suite;
    const struct doc_node *at;

    if (i >= file->smoke.suites_n)
        return file->smoke.at;
    suite = &file->smoke.suites[i];
    if (place == AT_SUITE)
        return suite->at;
    at = place == AT_ALLOWED ? suite->budget.allowed_at : suite->budget.unacceptable_at;
    if (!at && place == AT_ALLOWED) /* the preset of the one is too much for the other */
        at = suite->budget.unacceptable_at;
    return at ? at : suite->at;
}

static const struct doc_node *find_node(const struct plan_file *file, enum place place, uint32_t i)
{
    switch (place) {
    case AT_ROOT:
        return file->root;
    case AT_CUTOVER:
        return file->cutover_at;
    case AT_RECORDS:
        return file->records_at;
    case AT_RECORD:
    case AT_RECORD_TYPE:
        return record_node(file, place, i);
    case AT_SIDES:
        return side_node(file, i);
    case AT_STEPS:
        return file->steps_at;
    case AT_STEP:
    case AT_STEP_BAKE:
    case AT_STEP_POLICY:
        return step_node(file, place, i);
    case AT_ROLLBACK_TO:
        return file->rollback_to_at;
    case AT_SMOKE:
        return file->smoke.at;
    case AT_SUITE:
    case AT_ALLOWED:
    case AT_UNACCEPTABLE:
        return suite_node(file, place, i);
    case AT_RATE:
        return file->smoke.rate_at;
    case AT_SOAK_RATE:
        return file->soak.rate_at;
    case AT_SOAK_POLICY:
        return file->soak.on_breach_at;
    case AT_POLICY:
        return i < PLAN_ON_COUNT ? file->on.word_at[i] : NULL;
    case AT_SCHEDULE:
        return file->schedule.not_after_at ? file->schedule.not_after_at : file->schedule.at;
    case AT_DRAIN_FACTOR:
        return file->drain_factor_at;
    case AT_LEASE_LIFE:
        return file->lease.life_at;
    case AT_MAX_HOLD:
        return file->max_hold_at;
    }
    return NULL;
}

const struct doc_node *plan_file_suite_node(const struct plan_file *file, uint32_t i)
{
    assert(i < file->smoke.suites_n);
    return file->smoke.suites[i].file_at ? file->smoke.suites[i].file_at : file->smoke.suites[i].at;
}

/* Names are the same without their last dot and in any case. */
static bool same_name(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);

    n -= n && a[n - 1] == '.';
    m -= m && b[m - 1] == '.';
    return n == m && strncasecmp(a, b, n) == 0;
}

static void say_twice(const struct plan *plan, const struct plan_file *file, uint32_t i,
                      char out[FAULT_TEXT_MAX])
{
    const struct plan_record *record = &plan->records[i];

    for (uint32_t k = 0; k < i; k++)
        if (same_name(plan->records[k].name, record->name) &&
            strcmp(plan->records[k].type, record->type) == 0) {
            snprintf(out, FAULT_TEXT_MAX, "record %.120s %s stands here twice, first in line %u",
                     record->name, record->type, file->records.list[k].at->pos.line);
            return;
        }
}

/* The sentence of the table, with the figures where they help. */
static void say(const struct plan *plan, const struct plan_file *file,
                const struct plan_finding *found, char out[FAULT_TEXT_MAX])
{
    struct buf a SL_CLEANUP(buf_clear) = {0}, b SL_CLEANUP(buf_clear) = {0};
    uint32_t i = found->index;

    snprintf(out, FAULT_TEXT_MAX, "%s", plan_fault_text(found->fault));
    if (found->fault == PLAN_FAULT_STEP_ORDER && i > 0 && i < plan->steps_n) {
        snprintf(out, FAULT_TEXT_MAX, "steps must grow: %u comes after %u", plan->steps[i].percent,
                 plan->steps[i - 1].percent);
    } else if (found->fault == PLAN_FAULT_RECORD_TWICE && i < plan->records_n) {
        say_twice(plan, file, i, out);
    } else if (found->fault == PLAN_FAULT_NO_ZONE && plan->records_all) {
        snprintf(out, FAULT_TEXT_MAX, "'records: all' needs the key 'zone' in route53");
    } else if (found->fault == PLAN_FAULT_NO_SETS && i < PLAN_SIDES) {
        snprintf(out, FAULT_TEXT_MAX, "'sides' names no set for the %s side",
                 i == PLAN_OLD ? "old" : "new");
    } else if (found->fault == PLAN_FAULT_ROLLBACK_TO && plan->steps_n) {
        snprintf(out, FAULT_TEXT_MAX, "'rollback_to' %u must be below the first step, %u",
                 plan->rollback_to, plan->steps[0].percent);
    } else if (found->fault == PLAN_FAULT_ALLOWED_HALF && i < plan->suites_n) {
        text_format_ppm(&a, plan->suites[i].allowed_ppm);
        text_format_ppm(&b, plan->suites[i].unacceptable_ppm);
        snprintf(out, FAULT_TEXT_MAX, "allowed %s is above half of unacceptable %s", buf_str(&a),
                 buf_str(&b));
    }
}

/* ---- Checks that need the file's words
 * ------------------------------------------------------------- */

/* Hands an error to the sink, if there is one; true when another may follow. */
static bool hand_over(struct schema_sink *sink, struct err *err, struct err *first)
{
    if (first->kind == ERR_NONE)
        *first = *err;
    if (!sink || sink->n >= SCHEMA_ERRORS_MAX)
        return false;
    sink->n++;
    sink->add(sink->self, err);
    err_clear(err);
    return true;
}

static bool is_inside(const char *name, const char *zone)
{
    size_t n = strlen(name), m = strlen(zone);

    n -= n && name[n - 1] == '.';
    m -= m && zone[m - 1] == '.';
    return m <= n && strncasecmp(name + n - m, zone, m) == 0 && (m == n || name[n - m - 1] == '.');
}

/* A zone given by its name tells which records cannot be in it; an id tells nothing here. */
static void check_zones(const struct plan *plan, const struct plan_file *file,
                        struct schema_sink *sink, struct err *err, struct err *first)
{
    for (uint32_t i = 0; i < plan->records_n; i++) {
        const char *zone = plan->records[i].zone ? plan->records[i].zone : plan->route53.zone;

        if (!zone || zone[0] == '/' || !strchr(zone, '.') || is_inside(plan->records[i].name, zone))
            continue;
        doc_fail(file->records.list[i].name_at, err, ERR_FILE,
                 "'%.120s' is not in the zone '%.120s'", plan->records[i].name, zone);
        if (!hand_over(sink, err, first))
            return;
    }
}

bool plan_file_check(const struct plan *plan, const struct plan_file *file,
                     struct schema_sink *sink, struct err *err)
{
    struct plan_findings found = {.n = 0};
    struct err work = {0}, first = {0};
    bool more = true;

    plan_check(plan, &found);
    for (uint32_t i = 0; more && i < found.n; i++) {
        const struct plan_finding *f = &found.item[i];
        const struct doc_node *node = find_node(file, places[f->fault], f->index);
        char text[FAULT_TEXT_MAX];

        say(plan, file, f, text);
        doc_fail(node ? node : file->root, &work, ERR_FILE, "%s", text);
        more = hand_over(sink, &work, &first);
    }
    if (more)
        check_zones(plan, file, sink, &work, &first);
    if (first.kind != ERR_NONE && err && err->kind == ERR_NONE)
        *err = first;
    return first.kind == ERR_NONE;
}

bool plan_decode(struct plan *plan, struct arena *mem, const struct doc *doc,
                 struct schema_sink *sink, const struct plan_file **file, struct err *err)
{
    struct plan_file *read = arena_alloc(mem, sizeof *read);

    plan_init(plan);
    plan->path = doc->path;
    if (!schema_decode_all(read, &plan_file_schema, doc_root(doc), mem, NULL, sink, err))
        return false;
    take(plan, read, mem);
    if (file)
        *file = read;
    return plan_file_check(plan, read, sink, err);
}

bool plan_load_all(struct plan *plan, struct arena *mem, const char *path, struct schema_sink *sink,
                   const struct plan_file **file, struct err *err)
{
    const struct doc *doc = doc_load(mem, path, err);

    if (!doc && sink && err) {
        sink->n++;
        sink->add(sink->self, err);
    }
    return doc && plan_decode(plan, mem, doc, sink, file, err);
}

bool plan_load(struct plan *plan, struct arena *mem, const char *path, struct err *err)
{
    return plan_load_all(plan, mem, path, NULL, NULL, err);
}

json_t *plan_schema_json(void)
{
    return schema_to_json(&plan_file_schema, "a sluice plan");
}
