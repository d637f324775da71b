#include "lint.h"

#include <assert.h>
#include <string.h>

#include "lint_int.h"
#include "survey_names.h"

/* In the order in which they are said. */
static const struct lint lints[] = {
    {{"private_unseen", SURVEY_REFUSE, LINT_RECORDS}, lint_private_unseen},
    {{"apex_cname", SURVEY_REFUSE, LINT_RECORDS}, lint_apex},
    {{"cname_beside", SURVEY_REFUSE, LINT_RECORDS}, lint_cname_beside},
    {{"lease_beside", SURVEY_REFUSE, LINT_RECORDS}, lint_lease_beside},
    {{"health_gone", SURVEY_REFUSE, LINT_RECORDS}, lint_health_gone},
    {{"external_dns", SURVEY_ASK, LINT_RECORDS}, lint_external_dns},
    {{"policy_instance", SURVEY_WARN, LINT_RECORDS}, lint_policy},
    {{"zone_twin", SURVEY_WARN, LINT_RECORDS}, lint_twin},
    {{"family_alone", SURVEY_WARN, LINT_RECORDS}, lint_family},
    {{"service_hints", SURVEY_WARN, LINT_RECORDS}, lint_hints},
    {{"old_named", SURVEY_WARN, LINT_RECORDS}, lint_old_named},
    {{"wildcard_parent", SURVEY_WARN, LINT_RECORDS}, lint_wildcard_parent},
    {{"negative_cache", SURVEY_WARN, LINT_RECORDS}, lint_negative},
    {{"alias_ttl", SURVEY_WARN, LINT_RECORDS}, lint_alias_ttl},
    {{"health_check", SURVEY_WARN, LINT_RECORDS}, lint_health_check},
    {{"health_disabled", SURVEY_WARN, LINT_RECORDS}, lint_health_disabled},
    {{"health_name", SURVEY_WARN, LINT_RECORDS}, lint_health_name},
    {{"no_return_broken", SURVEY_WARN, LINT_RECORDS}, lint_no_return_broken},
    {{"clock", SURVEY_WARN, LINT_RECORDS}, lint_clock},
    {{"keys_end", SURVEY_WARN, LINT_RECORDS}, lint_keys},
    {{"old_unprobed", SURVEY_WARN, LINT_RECORDS}, lint_old_unprobed},
    {{"certificate_unseen", SURVEY_WARN, LINT_RECORDS}, lint_certificate_unseen},
    {{"certificate_days", SURVEY_WARN, LINT_RECORDS}, lint_certificate_days},
    {{"certificate_orders", SURVEY_NOTE, LINT_RECORDS}, lint_certificate_orders},
    {{"not_armed", SURVEY_NOTE, LINT_RECORDS}, lint_not_armed},
    {{"no_return", SURVEY_NOTE, LINT_RECORDS}, lint_no_return},
    {{"external_dns_zone", SURVEY_NOTE, LINT_RECORDS}, lint_external_dns_zone},
    {{"terraform", SURVEY_NOTE, LINT_RECORDS}, lint_terraform},
    {{"target_unwatched", SURVEY_NOTE, LINT_RECORDS}, lint_unwatched},
    {{"share_of_answers", SURVEY_NOTE, LINT_RECORDS}, lint_share},
    {{"sessions", SURVEY_NOTE, LINT_RECORDS}, lint_sessions},
    {{"pools", SURVEY_NOTE, LINT_RECORDS}, lint_pools},
    {{"unread", SURVEY_NOTE, LINT_RECORDS}, lint_unread},
    {{"smallest_rate", SURVEY_NOTE, LINT_STRATA}, lint_smallest},
    {{"certificate_failed", SURVEY_REFUSE, LINT_HANDSHAKES}, lint_certificate_failed},
    {{"certificate_ends", SURVEY_REFUSE, LINT_HANDSHAKES}, lint_certificate_ends},
    {{"certificate_chain", SURVEY_WARN, LINT_HANDSHAKES}, lint_certificate_chain},
};

const struct lint_row *lint_row(size_t i)
{
    return i < ARRAY_LEN(lints) ? &lints[i].is : NULL;
}

void lint_say(struct lint_scene *s, const char *where, const char *todo, const char *fmt, ...)
{
    struct buf what SL_CLEANUP(buf_clear) = {0};
    va_list ap;

    s->n_said++;
    if (s->n_said > LINT_EACH_MAX) {
        if (!s->extra.len)
            buf_add_str(&s->extra, where);
        return;
    }
    va_start(ap, fmt);
    buf_vaddf(&what, fmt, ap);
    va_end(ap);
    survey_add(s->survey, s->row->is.id, s->row->is.level, where, buf_str(&what), todo);
}

static void say_extra(struct lint_scene *s)
{
    struct buf what SL_CLEANUP(buf_clear) = {0};

    if (s->n_said <= LINT_EACH_MAX)
        return;
    buf_addf(&what, "and %zu more like these", s->n_said - LINT_EACH_MAX);
    survey_add(s->survey, s->row->is.id, s->row->is.level, buf_str(&s->extra), buf_str(&what), "");
}

void lint_eval(struct survey *survey, const struct plan *plan, const struct lint_facts *facts,
               enum lint_when when)
{
    assert(survey->n_zones <= LINT_ZONES_MAX);
    for (size_t i = 0; i < ARRAY_LEN(lints); i++) {
        struct lint_scene s = {.survey = survey, .plan = plan, .facts = facts, .row = &lints[i]};

        if (lints[i].is.when != when)
            continue;
        lints[i].look(&s);
        say_extra(&s);
        buf_clear(&s.extra);
    }
}

const char *lint_where(const struct lint_scene *s, const struct survey_record *r)
{
    return survey_where(s->survey->mem, r->name, r->type);
}

const char *lint_safe(const struct lint_scene *s, const char *word)
{
    return survey_safe(s->survey->mem, word);
}

const char *lint_plain(const struct lint_scene *s, const char *listed)
{
    struct buf plain SL_CLEANUP(buf_clear) = {0};

    survey_plain_name(listed, &plain);
    return arena_strdup(s->survey->mem, buf_str(&plain));
}

bool lint_takes_clients(const char *type)
{
    return strcmp(type, "A") == 0 || strcmp(type, "AAAA") == 0 || strcmp(type, "CNAME") == 0;
}

const struct survey_record *lint_record(const struct lint_scene *s, const char *name,
                                        const char *type)
{
    return survey_record_of(s->survey, name, type);
}

bool lint_splits(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->steps_n; i++)
        if (plan->steps[i].percent < 100)
            return true;
    return false;
}
