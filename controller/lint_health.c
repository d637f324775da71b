/* lint_health.c: health checks on the plan's sets: what they do to the answers, and whether they
 * would take the new side out while nobody is there to do it. */
#include <string.h>

#include "health.h"
#include "lint_int.h"
#include "sluice/text.h"
#include "weights.h"

static bool can_be_looked_at(const struct survey_record *r)
{
    return r->usable && r->n_sets <= WEIGHTS_SETS_MAX;
}

static bool has_check(const struct survey_record *r)
{
    for (size_t i = 0; i < r->n_sets; i++)
        if (health_checked(&r->sets[i]))
            return true;
    return false;
}

static const struct lint_health *told_of(const struct lint_facts *f, const struct rrset *set)
{
    for (size_t i = 0; set->health_check && i < f->n_checks; i++)
        if (strcmp(f->checks[i].id, set->health_check) == 0)
            return &f->checks[i];
    return NULL;
}

static void add_case(struct buf *out, const struct survey_record *r, uint32_t percent,
                     const char *who, bool old_fails, bool new_fails)
{
    const bool failing[PLAN_SIDES] = {[PLAN_OLD] = old_fails, [PLAN_NEW] = new_fails};

    buf_addf(out, "%s%s ", out->len ? ", " : "", who);
    text_format_ppm(out, health_new_ppm(r, percent, failing));
}

/* The table at the ends and at the first step: what the new side gets when a check fails. */
static void add_table(struct buf *out, const struct survey_record *r, uint32_t percent)
{
    struct buf row SL_CLEANUP(buf_clear) = {0};

    add_case(&row, r, percent, "old fails", true, false);
    add_case(&row, r, percent, "new fails", false, true);
    add_case(&row, r, percent, "both", true, true);
    buf_addf(out, "%sat %u %%: %s", out->len ? "; " : "", percent, buf_str(&row));
}

void lint_health_check(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];
        struct buf table SL_CLEANUP(buf_clear) = {0};
        uint32_t first = s->plan->steps_n ? s->plan->steps[0].percent : 50;

        if (!can_be_looked_at(r) || !has_check(r))
            continue;
        add_table(&table, r, 0);
        if (first < 100)
            add_table(&table, r, first);
        add_table(&table, r, 100);
        lint_say(s, lint_where(s, r),
                 "know it: a set with weight 0 comes alive when all others fail, and shares in "
                 "DNS are only warned about for this record",
                 "it has health checks, which go before the weights; the new side then carries: %s",
                 buf_str(&table));
    }
}

void lint_health_gone(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        for (size_t k = 0; k < r->n_sets; k++) {
            const struct lint_health *h = told_of(s->facts, &r->sets[k]);

            if (h && h->gone)
                lint_say(s, lint_where(s, r), "take the health check off the set first",
                         "set '%s' hangs on health check %s, which does not exist: Route 53 "
                         "refuses every change of it",
                         lint_safe(s, r->sets[k].set_id ? r->sets[k].set_id : ""),
                         lint_safe(s, h->id));
        }
    }
}

void lint_health_disabled(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        for (size_t k = 0; k < r->n_sets; k++) {
            const struct lint_health *h = told_of(s->facts, &r->sets[k]);

            if (h && h->told.disabled)
                lint_say(s, lint_where(s, r), "enable it, or take it off the set",
                         "health check %s of set '%s' is disabled: it counts as %s whatever "
                         "happens",
                         lint_safe(s, h->id),
                         lint_safe(s, r->sets[k].set_id ? r->sets[k].set_id : ""),
                         h->told.inverted ? "unhealthy" : "healthy");
        }
    }
}

/* The checkers look such a name up themselves and are answered with either side. */
static bool asks_shared_name(const struct survey_record *r, const struct lint_health *h)
{
    return h->told.fqdn && !h->told.address && rrset_name_eq(h->told.fqdn, r->name);
}

void lint_health_name(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        for (size_t k = 0; k < r->n_sets; k++) {
            const struct lint_health *h = told_of(s->facts, &r->sets[k]);

            if (h && asks_shared_name(r, h))
                lint_say(s, lint_where(s, r),
                         "give the check the side's own address or name, with this name as the "
                         "Host only",
                         "health check %s of set '%s' looks up the record's own name, so it checks "
                         "whichever side it is answered with",
                         lint_safe(s, h->id),
                         lint_safe(s, r->sets[k].set_id ? r->sets[k].set_id : ""));
        }
    }
}

bool lint_armed(const struct survey_record *r, const struct lint_facts *facts)
{
    for (size_t i = 0; i < r->n_sets; i++) {
        const struct lint_health *h = told_of(facts, &r->sets[i]);

        if (r->side[i] == PLAN_NEW && h && (h->gone || h->told.disabled || asks_shared_name(r, h)))
            return false;
    }
    return health_armed(r);
}

void lint_not_armed(struct lint_scene *s)
{
    const struct survey_record *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        if (!can_be_looked_at(r) || !lint_takes_clients(r->type) || lint_armed(r, s->facts))
            continue;
        n++;
        first = first ? first : r;
    }
    if (n)
        lint_say(s, lint_where(s, first),
                 "a health check on every set of both sides, by the side's own address, 10 s and 3 "
                 "failures, goes back by itself within about 30 s and the TTL",
                 "going back without the controller is not armed for %zu record%s: should Route "
                 "53's API be down, a bad new side keeps its share until it is back",
                 n, n == 1 ? "" : "s");
}
