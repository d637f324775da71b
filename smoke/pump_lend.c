/* pump_lend.c: checks that need others. Until all that a stratum needs has passed it is held: no
 * sweep and no turn takes it. A pass lends captures and cookies, by check, row and side; the latest
 * counts. In a sweep what is held waits, and is an error when what it needs did not pass.
 *
 *   pump_sweep ─► held: pending ─┬─ all needed has passed ─► swept
 *                                └─ something did not ─────► a result: "needs 'sign in', which ..."
 */
#include <string.h>

#include "pump_internal.h"

static const struct suite_check *check_of(const struct pump *pump, uint32_t stratum)
{
    const struct pump_stratum *s = &pump->strata[stratum];

    return &pump->suites[s->suite]->checks[s->check];
}

/* The lend of a stratum's k-th need. */
static struct pump_lend *lend_of(const struct pump *pump, uint32_t stratum, size_t k)
{
    const struct pump_stratum *s = &pump->strata[stratum];
    const struct suite *suite = pump->suites[s->suite];
    const struct suite_check *check = &suite->checks[s->check];
    uint32_t lender = check->needs[k];
    uint32_t row = suite_row_of(suite, check, s->row, &suite->checks[lender]);
    uint32_t cell = pump->first_cell[s->suite][lender];

    return cell == RUN_NONE ? NULL : &pump->lends[(size_t)(cell + row) * SUITE_SIDES + s->side];
}

static void set_off(struct pump *pump, uint32_t stratum)
{
    pump->run_strata[stratum].off = pump->holds[stratum].held || pump->holds[stratum].switched;
}

static bool satisfied(const struct pump *pump, uint32_t stratum)
{
    const struct suite_check *check = check_of(pump, stratum);

    for (size_t k = 0; k < check->needs_n; k++) {
        const struct pump_lend *lend = lend_of(pump, stratum, k);

        if (check->stage != SUITE_TEARDOWN && (!lend || !lend->set))
            return false;
    }
    return true;
}

void pump_lend_init(struct pump *pump)
{
    pump->lends = x_calloc((size_t)pump->cells_n * SUITE_SIDES, sizeof *pump->lends);
    pump->holds = x_calloc(pump->strata_n, sizeof *pump->holds);
    for (uint32_t i = 0; i < pump->strata_n; i++) {
        pump->any_needs |= check_of(pump, i)->needs_n > 0;
        pump->holds[i].held = !satisfied(pump, i);
        set_off(pump, i);
    }
}

static void clear_lend(struct pump_lend *lend)
{
    for (uint32_t i = 0; i < lend->values_n; i++)
        buf_wipe(&lend->values[i].data);
    free(lend->values);
    cookie_jar_clear(&lend->jar);
    *lend = (struct pump_lend){0};
}

void pump_lend_free(struct pump *pump)
{
    for (size_t i = 0; pump->lends && i < (size_t)pump->cells_n * SUITE_SIDES; i++)
        clear_lend(&pump->lends[i]);
    free(pump->lends);
    free(pump->holds);
    for (size_t i = 0; pump->first_cell && i < pump->suites_n; i++)
        free(pump->first_cell[i]);
    free(pump->first_cell);
}

/* ---- lending
 * ------------------------------------------------------------------------------------- */

static void keep(struct pump_lend *lend, struct pump_flow *flow)
{
    const struct suite_check *check = flow->scope.check;

    clear_lend(lend);
    lend->set = true;
    lend->values_n = check->slots_n;
    lend->values = x_calloc(check->slots_n + 1, sizeof *lend->values);
    for (uint32_t i = 0; i < check->slots_n; i++) {
        const struct scope_value *from = &flow->scope.values[i];

        lend->values[i].set = from->set;
        buf_add(&lend->values[i].data, buf_str(&from->data), from->data.len);
    }
    lend->jar = flow->jar;
    flow->jar = (struct cookie_jar){0};
}

bool pump_lend_give(struct pump *pump, struct pump_flow *flow, const char **missing)
{
    uint32_t stratum = flow->order.stratum;
    const struct suite_check *check = flow->scope.check;
    const struct suite *suite = flow->scope.suite;

    for (size_t k = 0; k < check->needs_n; k++) {
        const struct suite_check *lender = &suite->checks[check->needs[k]];
        const struct pump_lend *lend = lend_of(pump, stratum, k);

        if (!lend || !lend->set) {
            *missing = lender->name.text;
            if (check->stage == SUITE_TEARDOWN)
                continue;
            return false;
        }
        if (!check->no_jar)
            cookie_jar_add(&flow->jar, &lend->jar);
        for (uint32_t i = 0; i < lend->values_n; i++)
            for (uint32_t to = 0; to < check->slots_n; to++)
                if (lend->values[i].set && strcmp(check->slots[to], lender->slots[i]) == 0) {
                    struct scope_value *v = &flow->scope.values[to];

                    buf_wipe(&v->data);
                    buf_add(&v->data, lend->values[i].data.data, lend->values[i].data.len);
                    v->set = true;
                }
    }
    return true;
}

static bool is_stratum(void *ctx, uint32_t stratum)
{
    return *(const uint32_t *)ctx == stratum;
}

static bool needs_check(const struct suite_check *check, uint32_t lender)
{
    for (size_t k = 0; k < check->needs_n; k++)
        if (check->needs[k] == lender)
            return true;
    return false;
}

static void release(struct pump *pump, uint32_t stratum)
{
    struct pump_hold *h = &pump->holds[stratum];

    h->held = false;
    set_off(pump, stratum);
    if (!h->pending)
        return;
    h->pending = false;
    pump->pending--;
    run_sweep(&pump->run, is_stratum, &stratum);
}

/* A pending stratum whose need did not pass; and so on with what needs it. */
static void give_up(struct pump *pump, uint32_t stratum, const char *name, int64_t now_ms)
{
    const struct pump_stratum *s = &pump->strata[stratum];
    struct probe_result r = {.stratum = stratum,
                             .suite = s->suite,
                             .check = s->check,
                             .row = s->row,
                             .side = s->side,
                             .source = RUN_SWEEP,
                             .verdict = RUN_ERROR,
                             .attempts = 1,
                             .outcome = HTTP_INVALID,
                             .started_ms = now_ms,
                             .ended_ms = now_ms};
    struct buf sentence = {0};

    pump->holds[stratum].pending = false;
    pump->pending--;
    buf_add_str(&sentence, "not asked: it needs '");
    text_add_safe(&sentence, name, strlen(name), FINDING_SHOWN_MAX);
    buf_add_str(&sentence, "', which did not pass");
    r.sentence = buf_take(&sentence);
    r.at = check_of(pump, stratum)->at;
    pump_push_result(pump, &r);
}

/* What of a stratum's k-th need could still pass: it has passed, or some stratum of it is queued,
 * in flight or pending. */
static bool may_come(const struct pump *pump, uint32_t stratum, size_t k)
{
    const struct pump_lend *lend = lend_of(pump, stratum, k);
    const struct pump_stratum *s = &pump->strata[stratum];
    const struct suite_check *check = check_of(pump, stratum);
    const struct suite *suite = pump->suites[s->suite];
    uint32_t lender = check->needs[k];
    uint32_t row = suite_row_of(suite, check, s->row, &suite->checks[lender]);

    if (!lend || lend->set)
        return lend != NULL;
    for (uint32_t i = 0; i < pump->strata_n; i++) {
        const struct pump_stratum *l = &pump->strata[i];

        if (l->check == lender && l->row == row && l->suite == s->suite && l->side == s->side &&
            (pump->holds[i].pending || run_busy(&pump->run, i)))
            return true;
    }
    return false;
}

/* Which of its needs a stratum's check has in `lender`, of the same row and side; false: none. */
static bool find_need(const struct pump *pump, uint32_t stratum, const struct pump_stratum *lender,
                      size_t *k)
{
    const struct pump_stratum *s = &pump->strata[stratum];
    const struct suite *suite = pump->suites[s->suite];
    const struct suite_check *check = &suite->checks[s->check];

    if (s->suite != lender->suite || s->side != lender->side)
        return false;
    for (*k = 0; *k < check->needs_n; (*k)++)
        if (check->needs[*k] == lender->check)
            return suite_row_of(suite, check, s->row, &suite->checks[lender->check]) == lender->row;
    return false;
}

/* Those that wait for a lender hear of its result; those that a failure leaves without hope pass it
 * on. As deep as checks need each other. */
static void tell(struct pump *pump, const struct pump_stratum *lender, bool passed, int64_t now_ms)
{
    for (uint32_t i = 0; i < pump->strata_n; i++) {
        size_t k;

        if (!pump->holds[i].held || (!passed && !pump->holds[i].pending) ||
            !find_need(pump, i, lender, &k))
            continue;
        if (passed) {
            if (satisfied(pump, i))
                release(pump, i);
        } else if (!may_come(pump, i, k)) {
            give_up(pump, i, pump->suites[lender->suite]->checks[lender->check].name.text, now_ms);
            if (check_of(pump, i)->lends)
                tell(pump, &pump->strata[i], false, now_ms);
        }
    }
}

void pump_lend_result(struct pump *pump, struct pump_flow *flow, bool passed, int64_t now_ms)
{
    const struct pump_stratum *s = &pump->strata[flow->order.stratum];

    if (!flow->scope.check->lends)
        return;
    if (passed)
        keep(&pump->lends[(size_t)s->cell * SUITE_SIDES + s->side], flow);
    tell(pump, s, passed, now_ms);
}

static bool is_wanted_lender(void *ctx, uint32_t stratum)
{
    const struct pump *pump = ctx;
    const struct pump_stratum *l = &pump->strata[stratum];

    if (!check_of(pump, stratum)->lends)
        return false;
    for (uint32_t i = 0; i < pump->strata_n; i++)
        if (pump->holds[i].pending && pump->strata[i].suite == l->suite &&
            pump->strata[i].side == l->side && needs_check(check_of(pump, i), l->check))
            return true;
    return false;
}

uint32_t pump_lend_sweep(struct pump *pump, run_filter *filter, void *ctx)
{
    uint32_t n = 0;

    if (!pump->any_needs)
        return 0;
    for (uint32_t i = 0; i < pump->strata_n; i++) {
        struct pump_hold *h = &pump->holds[i];

        if (!h->held || h->switched || h->pending || (filter && !filter(ctx, i)))
            continue;
        h->pending = true;
        pump->pending++;
        n++;
    }
    if (n)
        run_sweep(&pump->run, is_wanted_lender, pump);
    for (uint32_t i = 0; i < pump->strata_n && n; i++) { /* a lender may be switched off */
        const struct suite_check *check = check_of(pump, i);

        for (size_t k = 0; k < check->needs_n && pump->holds[i].pending; k++) {
            const struct pump_stratum *d = &pump->strata[i];

            if (may_come(pump, i, k))
                continue;
            give_up(pump, i, pump->suites[d->suite]->checks[check->needs[k]].name.text,
                    pump->now_ms);
            if (check->lends)
                tell(pump, d, false, pump->now_ms);
        }
    }
    return n;
}

void pump_lend_stop(struct pump *pump)
{
    for (uint32_t i = 0; i < pump->strata_n; i++)
        pump->holds[i].pending = false;
    pump->pending = 0;
}

void pump_switch(struct pump *pump, uint32_t stratum, bool on)
{
    pump->holds[stratum].switched = !on;
    set_off(pump, stratum);
}
