/* cmd_iam_policy.c: `sluice iam-policy PLAN`: the least IAM policy for a plan. Writes nothing. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "convert.h"
#include "iam_policy.h"
#include "lease.h"
#include "rig.h"
#include "route53.h"
#include "sluice/log.h"

struct gathered {
    struct rig rig;
    struct survey survey; /* with `records: all` */
    struct iam_policy_zone zones[RIG_ZONES_MAX];
    const char *asked[RIG_ZONES_MAX]; /* as the plan names them, each once */
    size_t n;
};

static const char *zone_asked(const struct plan *plan, uint32_t i)
{
    return plan->records[i].zone ? plan->records[i].zone : plan->route53.zone;
}

static bool gather_asked(struct gathered *g, struct err *err)
{
    const struct plan *plan = &g->rig.plan;

    for (uint32_t i = 0; i < plan->records_n; i++) {
        size_t k = 0;

        while (k < g->n && strcmp(g->asked[k], zone_asked(plan, i)) != 0)
            k++;
        if (k < g->n)
            continue;
        if (g->n == RIG_ZONES_MAX)
            return err_set(err, ERR_LIMIT, "the plan names more than %d zones", RIG_ZONES_MAX);
        g->asked[g->n++] = zone_asked(plan, i);
    }
    return true;
}

static bool all_ids(const struct gathered *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (!route53_is_zone_id(g->asked[i]))
            return false;
    return !g->rig.plan.records_all;
}

/* name NULL: not known. */
static void set_zone(struct gathered *g, size_t i, const char *id, const char *name)
{
    const struct plan *plan = &g->rig.plan;
    char *own = name && !plan->lease_name ? lease_record_name(name) : NULL;

    g->zones[i].id = id;
    g->zones[i].lease = plan->lease_off ? NULL
                        : own           ? arena_strdup(&g->rig.mem, own)
                                        : plan->lease_name;
    g->zones[i].lease_like = !plan->lease_off && !g->zones[i].lease;
    g->zones[i].trial = name ? convert_trial_name(&g->rig.mem, name) : NULL;
    free(own);
}

static bool has_address(const struct plan_target *t, int family)
{
    unsigned char raw[16];
    bool any = false;

    for (uint32_t i = 0; i < t->n; i++)
        any = any || inet_pton(family, t->value[i], raw) == 1;
    return any;
}

/* The helper names of a CNAME whose new side has addresses: convert.c. */
static size_t add_helpers(struct gathered *g, const struct plan_record *r,
                          struct iam_policy_record *out)
{
    const struct plan_target *t = r->target ? r->target : g->rig.plan.target;
    size_t n = 0;

    if (!t || t->alias_name || strcmp(r->type, "CNAME") != 0)
        return 0;
    if (has_address(t, AF_INET))
        out[n++] = (struct iam_policy_record){convert_helper_name(&g->rig.mem, r->name), "A"};
    if (has_address(t, AF_INET6))
        out[n++] = (struct iam_policy_record){convert_helper_name(&g->rig.mem, r->name), "AAAA"};
    return n;
}

static void set_records(struct gathered *g, size_t i)
{
    const struct plan *plan = &g->rig.plan;
    struct iam_policy_record *list = arena_array(&g->rig.mem, plan->records_n + 1, sizeof *list);
    struct iam_policy_record *helpers =
        arena_array(&g->rig.mem, 2 * (size_t)plan->records_n + 1, sizeof *helpers);
    size_t n = 0, n_helpers = 0;

    for (uint32_t k = 0; k < plan->records_n; k++) {
        if (strcmp(zone_asked(plan, k), g->asked[i]) != 0)
            continue;
        list[n++] = (struct iam_policy_record){plan->records[k].name, plan->records[k].type};
        n_helpers += add_helpers(g, &plan->records[k], helpers + n_helpers);
    }
    g->zones[i].records = list;
    g->zones[i].n_records = n;
    g->zones[i].helpers = helpers;
    g->zones[i].n_helpers = n_helpers;
}

static void gather_offline(struct gathered *g)
{
    bool like = false;

    for (size_t i = 0; i < g->n; i++) {
        set_zone(g, i, route53_xml_bare_id(g->asked[i]), NULL);
        set_records(g, i);
        like = like || g->zones[i].lease_like;
    }
    log_info("the plan names its zones by id: nobody was asked");
    if (like)
        log_info(
            "the zones' names are not in the plan: any lease name that begins with _sluice. is "
            "allowed; `lease: {name: …}` makes it exact");
}

static bool gather_zones(struct gathered *g, struct err *err)
{
    log_info("looking up the zones' ids in Route 53");
    if (!rig_connect(&g->rig, err))
        return false;
    for (size_t i = 0; i < g->n; i++) {
        struct route53_zone found;

        if (!route53_find_zone(g->rig.route53, g->asked[i], &g->rig.mem, &found, err))
            return false;
        if (found.passed_over)
            log_info("%s: the public zone %s is meant; passed over: %s", g->asked[i], found.id,
                     found.passed_over);
        set_zone(g, i, found.id, found.name);
        set_records(g, i);
    }
    return true;
}

/* `records: all`: those that a ramp begun now would take. */
static bool gather_all(struct gathered *g, struct err *err)
{
    struct iam_policy_record *list;

    log_info("records: all: reading which those are now in Route 53");
    if (!rig_connect(&g->rig, err) || !rig_survey(&g->rig, &g->survey, 0, err))
        return false;
    list = arena_array(&g->rig.mem, g->survey.n_records + 1, sizeof *list);
    for (size_t i = 0; i < g->survey.n_records; i++)
        list[i] = (struct iam_policy_record){g->survey.records[i].name, g->survey.records[i].type};
    g->n = 1;
    g->asked[0] = g->rig.plan.route53.zone;
    set_zone(g, 0, g->rig.zones[0].id, g->rig.zones[0].name);
    g->zones[0].records = list;
    g->zones[0].n_records = g->survey.n_records;
    return g->survey.n_records ||
           err_set(err, ERR_REFUSED, "no weighted group has sets of both sides");
}

static bool gather(struct gathered *g, struct err *err)
{
    if (g->rig.plan.records_all)
        return gather_all(g, err);
    if (!gather_asked(g, err))
        return false;
    if (!all_ids(g))
        return gather_zones(g, err);
    gather_offline(g);
    return true;
}

static void join(struct arena *mem, const struct iam_policy_record **list, size_t *n,
                 const struct iam_policy_record *more, size_t n_more)
{
    struct iam_policy_record *both = arena_array(mem, *n + n_more + 1, sizeof *both);

    if (*n)
        memcpy(both, *list, *n * sizeof *both);
    if (n_more)
        memcpy(both + *n, more, n_more * sizeof *both);
    *list = both;
    *n += n_more;
}

/* Two names of one zone (its id and its name) are one statement: IAM would hold a batch against
 * either, and neither would have all of it. */
static void join_zones(struct gathered *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++) {
        struct iam_policy_zone *z = &g->zones[i], *same = NULL;

        for (size_t k = 0; k < n && !same; k++)
            same = strcmp(g->zones[k].id, z->id) == 0 ? &g->zones[k] : NULL;
        if (!same) {
            g->zones[n++] = *z;
            continue;
        }
        join(&g->rig.mem, &same->records, &same->n_records, z->records, z->n_records);
        join(&g->rig.mem, &same->helpers, &same->n_helpers, z->helpers, z->n_helpers);
    }
    g->n = n;
}

/* The configuration's, which is read from files; where that fails nobody is asked, and the common
 * one is said. */
static const char *partition_of(struct gathered *g)
{
    struct aws_route53 door;
    struct err why = {0};

    if ((g->rig.route53 || aws_config_load(&g->rig.aws, g->rig.plan.route53.profile, &why)) &&
        aws_config_route53(&g->rig.aws, NULL, &door, &why) && door.partition)
        return door.partition;
    log_warn("%s; taking the partition aws", why.text);
    return "aws";
}

static void print(struct gathered *g, bool by_name, unsigned commands)
{
    struct iam_policy policy = {.partition = partition_of(g),
                                .zones = g->zones,
                                .n_zones = g->n,
                                .by_name = by_name,
                                .commands = commands};
    json_t *doc = iam_policy_json(&policy);
    char *text = json_dumps(doc, JSON_INDENT(2)), *compact = json_dumps(doc, JSON_COMPACT);

    puts(text);
    if (commands & IAM_RAMP)
        log_info("statement SluicePreflight is for what `plan` finds only: a ramp does without it");
    if (!g->rig.opts->iam_for)
        log_info("for `ramp` and `rollback`; --allow prepare,finish,release or all for the others");
    if (strlen(compact) > IAM_POLICY_CHARACTERS_MAX)
        log_warn("it has %zu characters, a managed policy holds %d: give the names as patterns "
                 "under ForAllValues:StringLike, or split the plan",
                 strlen(compact), IAM_POLICY_CHARACTERS_MAX);
    free(text);
    free(compact);
    json_decref(doc);
}

int cmd_iam_policy(const struct opts *opts, struct err *err)
{
    struct gathered *g = x_zalloc(sizeof *g);
    unsigned commands = IAM_WALKS;
    bool by_name;

    if ((!opts->iam_for || iam_policy_commands(opts->iam_for, &commands, err)) &&
        rig_load(&g->rig, opts, opts->args[0], false, err) && gather(g, err)) {
        by_name = g->rig.plan.records_all ? !route53_is_zone_id(g->asked[0]) : !all_ids(g);
        join_zones(g);
        print(g, by_name, commands);
    }
    rig_clear(&g->rig);
    free(g);
    return 0;
}
