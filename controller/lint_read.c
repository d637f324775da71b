#include "lint_read.h"

#include <string.h>

#include "route53.h"
#include "sluice/clock.h"
#include "sluice/text.h"

_Static_assert(RIG_ZONES_MAX <= LINT_ZONES_MAX, "a place for each zone");

static void note_unread(struct rig *rig, struct lint_facts *f, enum route53_call call,
                        const struct err *why)
{
    struct buf line SL_CLEANUP(buf_clear) = {0};

    if (f->n_unread == ARRAY_LEN(f->unread))
        return;
    buf_addf(&line, "%s: ", route53_action(call));
    text_add_safe(&line, why->text, strlen(why->text), 300);
    f->unread[f->n_unread++] = arena_strdup(&rig->mem, buf_str(&line));
}

static void read_twins(struct rig *rig, struct lint_facts *f)
{
    for (size_t i = 0; i < rig->n_zones; i++) {
        const struct survey_zone *z = &rig->zones[i];
        struct err why = {0};

        f->twins[i] = z->passed_over;
        if (strcmp(route53_xml_bare_id(z->asked), z->id) == 0 &&
            !route53_find_twins(rig->route53, z->name, z->id, &rig->mem, &f->twins[i], &why))
            note_unread(rig, f, ROUTE53_ZONES_BY_NAME, &why);
    }
}

/* One read by id; false after an entry in unread. gone: AWS says there is none. */
static bool read_one(struct rig *rig, struct lint_facts *f, enum route53_call call, const char *id,
                     struct route53_reply *reply, bool *gone)
{
    const struct route53_ask ask = {.call = call, .id = id};
    struct err why = {0};

    *gone = false;
    if (route53_wait(rig->route53, &ask, reply, &why))
        return true;
    *gone = text_starts_with(reply->code, "NoSuch");
    if (!*gone)
        note_unread(rig, f, call, &why);
    return false;
}

static void read_check(struct rig *rig, struct lint_facts *f, const char *id)
{
    struct route53_reply reply SL_CLEANUP(route53_reply_clear) = {0};
    struct lint_health *h = &f->checks[f->n_checks++];
    struct err why = {0};

    *h = (struct lint_health){.id = id};
    if (read_one(rig, f, ROUTE53_GET_HEALTH_CHECK, id, &reply, &h->gone) &&
        !route53_xml_parse_check(&rig->mem, buf_str(&reply.body), reply.body.len, &h->told, &why)) {
        h->told = (struct route53_check){0};
        note_unread(rig, f, ROUTE53_GET_HEALTH_CHECK, &why);
    }
}

static void read_policy(struct rig *rig, struct lint_facts *f, const char *id)
{
    struct route53_reply reply SL_CLEANUP(route53_reply_clear) = {0};
    struct err why = {0};
    bool gone;

    if (!read_one(rig, f, ROUTE53_GET_POLICY_INSTANCE, id, &reply, &gone))
        return;
    if (route53_xml_parse_policy(&rig->mem, buf_str(&reply.body), reply.body.len,
                                 &f->policies[f->n_policies], &why))
        f->n_policies++;
    else
        note_unread(rig, f, ROUTE53_GET_POLICY_INSTANCE, &why);
}

static bool asked_before(const char **asked, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(asked[i], id) == 0)
            return true;
    return false;
}

/* Every health check and policy instance once, up to a bound: an account's calls are few a second.
 */
static void read_sets(struct rig *rig, const struct survey *s, struct lint_facts *f)
{
    const char *asked[2 * LINT_CHECKS_MAX];
    size_t n = 0, policies = 0;

    for (size_t i = 0; i < s->n_records; i++)
        for (size_t k = 0; k < s->records[i].n_sets; k++) {
            const struct rrset *set = &s->records[i].sets[k];

            if (set->health_check && f->n_checks < LINT_CHECKS_MAX &&
                !asked_before(asked, n, set->health_check)) {
                asked[n++] = set->health_check;
                read_check(rig, f, set->health_check);
            }
            if (set->traffic_policy && policies < LINT_CHECKS_MAX &&
                !asked_before(asked, n, set->traffic_policy)) {
                asked[n++] = set->traffic_policy;
                policies++;
                read_policy(rig, f, set->traffic_policy);
            }
        }
}

/* ---- The suites ---- */

/* "https://{{tenant}}.shops.example.com/find": what stands before the path, without a port. */
static const char *host_of(struct arena *mem, const char *url)
{
    const char *host = strstr(url, "://");
    size_t len;

    if (!host)
        return "";
    host += 3;
    len = strcspn(host, "/?#");
    for (size_t i = len; i-- > 0 && (host[i] == ':' || (host[i] >= '0' && host[i] <= '9'));)
        if (host[i] == ':')
            len = i;
    return arena_strndup(mem, host, len);
}

/* Where a step goes: its own url, or one below the suite's base. */
static const char *url_of(const struct suite *suite, const struct suite_step *step)
{
    const char *own = step->request.url.text, *base = suite->base_url.text;

    if (own && strstr(own, "://"))
        return own;
    return base ? base : "";
}

/* More than one request, something sent, one cookie jar: a session, as far as one can tell. The
 * page that shows it is the last that is got; without one, the home page. */
static const char *flow_of(const struct suite_check *check)
{
    const char *last = "/";
    bool sends = false;

    for (size_t i = 0; i < check->finally_at; i++) {
        const struct suite_request *r = &check->steps[i].request;

        sends = sends || r->method == SUITE_POST;
        if (r->method == SUITE_GET && r->url.text)
            last = r->url.text;
    }
    return sends && check->finally_at > 1 && !check->no_jar ? last : NULL;
}

static struct lint_probe probe_of(struct rig *rig, uint32_t suite, const struct suite_check *check)
{
    struct lint_probe p = {
        .suite = suite,
        .host = "",
        .pin = check->pin,
        .name = check->name.text,
        .flow = flow_of(check),
        .crosses = check->crosses,
        .sides = {[PLAN_OLD] = check->sides[SUITE_OLD], [PLAN_NEW] = check->sides[SUITE_NEW]},
        .required = check->required && !check->known_bad && !check->via_dns && !check->crosses,
    };

    for (size_t i = 0; i < check->steps_n; i++) {
        const struct suite_step *step = &check->steps[i];
        const char *url = url_of(&rig->suites[suite], step);

        if (i == 0)
            p.host = host_of(&rig->mem, url);
        p.https = p.https || text_starts_with(url, "https://");
        p.certificate =
            p.certificate || (step->expect.certificate && step->expect.certificate->days_left);
    }
    return p;
}

static void read_suites(struct rig *rig, struct lint_facts *f)
{
    struct lint_probe *list;
    size_t n = 0;

    for (size_t i = 0; i < rig->suites_n; i++)
        n += rig->suites[i].checks_n;
    list = arena_array(&rig->mem, n ? n : 1, sizeof *list);
    for (uint32_t i = 0; i < rig->suites_n; i++)
        for (size_t k = 0; k < rig->suites[i].checks_n; k++)
            list[f->n_probes++] = probe_of(rig, i, &rig->suites[i].checks[k]);
    f->probes = list;
}

void lint_read(struct rig *rig, const struct survey *s, struct lint_facts *f)
{
    *f = (struct lint_facts){.keys_left_ms = INT64_MAX};
    read_twins(rig, f);
    read_sets(rig, s, f);
    read_suites(rig, f);
    f->skew_ms = route53_skew_ms(rig->route53);
    if (rig_keys_until(rig))
        f->keys_left_ms = rig_keys_until(rig) - clock_wall_ms(&clock_real) - f->skew_ms;
}
