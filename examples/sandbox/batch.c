#include "batch.h"

#include <stdio.h>
#include <string.h>

#include "domain.h"

static const char *const action_names[] = {
    [CHANGE_CREATE] = "CREATE",
    [CHANGE_DELETE] = "DELETE",
    [CHANGE_UPSERT] = "UPSERT",
};
_Static_assert(ARRAY_LEN(action_names) == CHANGE_ACTION_COUNT, "a name for every action");

/* Sets met in this batch, by identity: an open hash, at most half full. */
#define SEEN_SLOTS 4096
_Static_assert(SEEN_SLOTS >= 2 * BATCH_CHANGES_MAX, "the hash stays half empty");

struct trial {
    const struct batch_rules *rules;
    const struct rtable *before;
    struct rtable *table;
    const struct change **seen;
    struct buf *faults;
    size_t n_faults;
};

const char *change_action_name(enum change_action action)
{
    return action_names[action];
}

bool change_action_parse(const char *name, enum change_action *out)
{
    for (size_t i = 0; i < ARRAY_LEN(action_names); i++) {
        if (strcmp(name, action_names[i]) == 0) {
            *out = (enum change_action)i;
            return true;
        }
    }
    return false;
}

void batch_add(struct batch *b, enum change_action action, struct rset *set)
{
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 16;
        b->changes = x_realloc(b->changes, b->cap, sizeof *b->changes);
    }
    b->changes[b->n++] = (struct change){action, set};
}

void batch_clear(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        rset_unref(b->changes[i].set);
    free(b->changes);
    free(b->comment);
    *b = (struct batch){0};
}

void batch_verdict_clear(struct batch_verdict *v)
{
    buf_clear(&v->message);
    *v = (struct batch_verdict){0};
}

static bool input_fault(struct batch_verdict *v, const struct change *c, const char *what)
{
    v->code = "InvalidInput";
    buf_addf(&v->message,
             "Invalid request: %s in Change with [Action=%s, Name=%s, Type=%s, SetIdentifier=%s]",
             what, action_names[c->action], c->set->name, rtype_name(c->set->type),
             c->set->set_id ? c->set->set_id : "null");
    return false;
}

static bool model_fault(struct batch_verdict *v, size_t at, const char *value, const char *member,
                        const char *rule)
{
    v->code = "InvalidInput";
    buf_addf(
        &v->message,
        "1 validation error detected: Value '%s' at 'changeBatch.changes.%zu.member.%s' failed "
        "to satisfy constraint: %s",
        value, at + 1, member, rule);
    return false;
}

static int routing_count(const struct rset *s)
{
    return (s->weight >= 0) + (s->region != NULL) + (s->failover != NULL) + (s->multivalue >= 0) +
           (s->continent || s->country || s->subdivision);
}

static bool check_body(const struct change *c, struct batch_verdict *v)
{
    const struct rset *s = c->set;
    bool plain = s->ttl >= 0 && s->n_values > 0;
    int ways = plain + (s->alias_zone != NULL) + (s->traffic_policy != NULL);
    bool half = !plain && (s->ttl >= 0 || s->n_values > 0);

    if (ways == 1 && !half)
        return true;
    return input_fault(
        v, c,
        ways == 0 && !half
            ? "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
              "TrafficPolicyInstanceId], but found none"
        : half && ways == 0
            ? (s->ttl < 0 ? "Missing field 'TTL'" : "Missing field 'ResourceRecords'")
            : "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
              "TrafficPolicyInstanceId], but found more than one");
}

static bool check_routing(const struct change *c, struct batch_verdict *v)
{
    int ways = routing_count(c->set);

    if (ways && !c->set->set_id)
        return input_fault(v, c, "Missing field 'SetIdentifier'");
    if (c->set->set_id && ways != 1)
        return input_fault(v, c,
                           ways ? "Expected exactly one of [Weight, Region, Failover, "
                                  "GeoLocation, MultiValueAnswer], but found more than one"
                                : "Expected exactly one of [Weight, Region, Failover, GeoLocation, "
                                  "MultiValueAnswer], "
                                  "but found none");
    return true;
}

static bool check_bounds(const struct change *c, size_t at, struct batch_verdict *v)
{
    const struct rset *s = c->set;
    char number[32];

    if (s->weight > 255) {
        snprintf(number, sizeof number, "%d", s->weight);
        return model_fault(v, at, number, "resourceRecordSet.weight",
                           "Member must have value less than or equal to 255");
    }
    if (s->ttl > INT32_MAX) {
        snprintf(number, sizeof number, "%lld", (long long)s->ttl);
        return model_fault(v, at, number, "resourceRecordSet.tTL",
                           "Member must have value less than or equal to 2147483647");
    }
    if (s->set_id && (!*s->set_id || strlen(s->set_id) > RSET_ID_MAX))
        return model_fault(v, at, s->set_id, "resourceRecordSet.setIdentifier",
                           *s->set_id ? "Member must have length less than or equal to 128"
                                      : "Member must have length greater than or equal to 1");
    if (s->n_values > RSET_VALUES_MAX)
        return model_fault(v, at, "", "resourceRecordSet.resourceRecords",
                           "Member must have length less than or equal to 400");
    for (size_t i = 0; i < s->n_values; i++) {
        if (strlen(s->values[i]) > RSET_VALUE_BYTES_MAX)
            return model_fault(v, at, s->values[i], "resourceRecordSet.resourceRecords.value",
                               "Member must have length less than or equal to 4000");
    }
    return true;
}

bool batch_check(const struct batch *b, struct batch_verdict *v)
{
    if (!b->n) {
        v->code = "InvalidInput";
        buf_add_str(&v->message,
                    "1 validation error detected: Value '[]' at 'changeBatch.changes' "
                    "failed to satisfy constraint: Member must have length greater than "
                    "or equal to 1");
        return false;
    }
    if (b->comment && strlen(b->comment) > BATCH_COMMENT_MAX) {
        v->code = "InvalidInput";
        buf_add_str(&v->message,
                    "1 validation error detected: Value at 'changeBatch.comment' failed "
                    "to satisfy constraint: Member must have length less than or equal "
                    "to 256");
        return false;
    }
    for (size_t i = 0; i < b->n; i++) {
        if (!check_bounds(&b->changes[i], i, v) || !check_routing(&b->changes[i], v) ||
            !check_body(&b->changes[i], v))
            return false;
    }
    return true;
}

static void count(const struct batch *b, struct batch_verdict *v)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct rset *s = b->changes[i].set;
        uint32_t times = b->changes[i].action == CHANGE_UPSERT ? 2 : 1;

        /* An alias set counts as one element (developer guide, quotas). */
        v->elements += times * (uint32_t)(s->n_values ? s->n_values : 1);
        for (size_t k = 0; k < s->n_values; k++)
            v->characters += times * (uint32_t)strlen(s->values[k]);
    }
}

static void open_fault(struct trial *t)
{
    buf_add_str(t->faults, t->n_faults++ ? ", " : "[");
}

static void add_words(struct trial *t, const char *verb, const struct rset *s, const char *what)
{
    open_fault(t);
    buf_addf(t->faults, "Tried to %s resource record set [name='%s', type='%s'", verb, s->name,
             rtype_name(s->type));
    if (s->set_id)
        buf_addf(t->faults, ", set identifier='%s'", s->set_id);
    buf_addf(t->faults, "] but %s", what);
}

static void add_group_fault(struct trial *t, const struct rset *s, const char *what)
{
    open_fault(t);
    buf_addf(t->faults, "RRSet with DNS name %s, type %s", s->name, rtype_name(s->type));
    if (s->set_id)
        buf_addf(t->faults, ", SetIdentifier %s", s->set_id);
    buf_addf(t->faults, " cannot be created as %s", what);
}

static uint32_t identity_hash(const struct rset *s)
{
    uint32_t h = 2166136261U;

    for (const char *p = s->name; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619U;
    h = (h ^ (uint32_t)s->type) * 16777619U;
    for (const char *p = s->set_id ? s->set_id : ""; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619U;
    return h;
}

/* The only way to name a set twice in a batch is to delete it and then to create it. */
static bool seen_before(struct trial *t, const struct change *c)
{
    uint32_t at = identity_hash(c->set) % SEEN_SLOTS;

    while (t->seen[at] && rset_compare(t->seen[at]->set, c->set) != 0)
        at = (at + 1) % SEEN_SLOTS;
    if (t->seen[at] && !(t->seen[at]->action == CHANGE_DELETE && c->action == CHANGE_CREATE)) {
        open_fault(t);
        buf_addf(t->faults,
                 "The request contains an invalid set of changes for a resource record "
                 "set '%s %s'",
                 rtype_name(c->set->type), c->set->name);
        return true;
    }
    t->seen[at] = c;
    return false;
}

static bool is_apex(const struct trial *t, const struct rset *s)
{
    return strcmp(s->name, t->rules->zone_name) == 0;
}

static void try_delete(struct trial *t, const struct rset *s)
{
    const struct rset *now = rtable_find(t->table, s);

    if (!now) {
        add_words(t, "delete", s, "it was not found");
        return;
    }
    if (!rset_matches(now, s, t->rules->delete_compares_weight)) {
        add_words(t, "delete", s, "the values provided do not match the current values");
        return;
    }
    if (is_apex(t, s) && (s->type == RTYPE_NS || s->type == RTYPE_SOA)) {
        open_fault(t);
        buf_addf(t->faults,
                 s->type == RTYPE_NS
                     ? "A HostedZone must contain at least one NS record for the zone itself."
                     : "A HostedZone must contain exactly one SOA record.");
        return;
    }
    rtable_drop(t->table, s);
}

/* CNAME stands alone at its name (RFC 1034 3.6.2), and never at the apex. */
static bool cname_fits(struct trial *t, const struct rset *s)
{
    size_t first, n = rtable_name(t->table, s->name, &first);

    if (s->type == RTYPE_CNAME && is_apex(t, s)) {
        open_fault(t);
        buf_addf(t->faults,
                 "RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s",
                 s->name, t->rules->zone_name);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        enum rtype there = t->table->sets[first + i]->type;

        if (there == s->type || (there != RTYPE_CNAME && s->type != RTYPE_CNAME))
            continue;
        open_fault(t);
        if (s->type == RTYPE_CNAME)
            buf_addf(t->faults,
                     "RRSet of type CNAME with DNS name %s is not permitted as it conflicts "
                     "with other records with the same DNS name in zone %s",
                     s->name, t->rules->zone_name);
        else
            buf_addf(t->faults,
                     "RRSet of type %s with DNS name %s is not permitted because a "
                     "conflicting RRSet of type CNAME with the same DNS name already exists "
                     "in zone %s",
                     rtype_name(s->type), s->name, t->rules->zone_name);
        return false;
    }
    return true;
}

/* Nobody has tried whether Route 53 looks at a group as it was when the batch came. */
static bool ttl_stays(struct trial *t, const struct rset *s)
{
    size_t first, n = t->rules->group_ttl_fixed && s->weight >= 0 && s->ttl >= 0
                          ? rtable_group(t->before, s->name, s->type, &first)
                          : 0;

    for (size_t i = 0; i < n; i++) {
        const struct rset *o = t->before->sets[first + i];

        if (rset_compare(o, s) == 0 || o->weight < 0 || o->ttl < 0 || o->ttl == s->ttl)
            continue;
        add_group_fault(t, s, "weighted sets must contain the same TTL.");
        return false;
    }
    return true;
}

static bool group_fits(struct trial *t, const struct rset *s)
{
    size_t first, others = 0, n = rtable_group(t->table, s->name, s->type, &first);

    for (size_t i = 0; i < n; i++) {
        const struct rset *o = t->table->sets[first + i];

        if (rset_compare(o, s) == 0)
            continue;
        others++;
        if (!s->set_id)
            add_group_fault(t, s, "other RRSets exist with the same name and type.");
        else if (s->weight >= 0 && o->weight < 0)
            add_group_fault(t, s, "a non-weighted set exists with the same name and type.");
        else if (s->weight < 0 && o->weight >= 0)
            add_group_fault(t, s, "a weighted set exists with the same name and type.");
        else if (!o->set_id)
            add_group_fault(t, s, "a simple set exists with the same name and type.");
        else if (s->weight >= 0 && s->ttl >= 0 && o->ttl >= 0 && s->ttl != o->ttl)
            add_group_fault(t, s, "weighted sets must contain the same TTL.");
        else
            continue;
        return false;
    }
    if (others >= GROUP_SETS_MAX) {
        add_group_fault(t, s, "the limit of 100 sets with the same name and type is reached.");
        return false;
    }
    return true;
}

/* An alias into the zone needs its target to stand when its turn comes. */
static bool alias_fits(struct trial *t, const struct rset *s)
{
    struct buf target SL_CLEANUP(buf_clear) = {0};
    const char *why, *fault = NULL;
    size_t first;

    if (!s->alias_zone || strcmp(s->alias_zone, t->rules->zone_id) != 0)
        return true;
    if (!domain_canonical(s->alias_name, &target, &why) ||
        !domain_in_zone(buf_str(&target), t->rules->zone_name))
        fault = "the alias target name does not lie within the target zone";
    else if (strcmp(buf_str(&target), s->name) == 0)
        fault = "an alias cannot target itself";
    else if (!rtable_group(t->table, buf_str(&target), s->type, &first))
        fault = "that target was not found";
    if (!fault)
        return true;
    open_fault(t);
    buf_addf(t->faults, "Tried to create an alias that targets %s, type %s in zone %s, but %s",
             buf_str(&target), rtype_name(s->type), s->alias_zone, fault);
    return false;
}

static void put(struct trial *t, const struct rset *s)
{
    const struct rset *old = rtable_find(t->before, s);
    struct rset *fresh = rset_ref((struct rset *)s);

    /* A change of nothing but a trailing dot or case is no change: the old spelling stays. */
    if (old && rset_same_values(old, s))
        rset_set_values(fresh, old->values, old->n_values);
    rtable_put(t->table, fresh);
    rset_unref(fresh);
}

static void try_put(struct trial *t, const struct change *c)
{
    const struct rset *s = c->set;
    struct buf why SL_CLEANUP(buf_clear) = {0};

    if (!domain_in_zone(s->name, t->rules->zone_name)) {
        open_fault(t);
        buf_addf(t->faults, "RRSet with DNS name %s is not permitted in zone %s", s->name,
                 t->rules->zone_name);
        return;
    }
    if (!rset_check_values(s, &why)) {
        open_fault(t);
        buf_add_str(t->faults, buf_str(&why));
        return;
    }
    if (c->action == CHANGE_CREATE && rtable_find(t->table, s)) {
        add_words(t, "create", s, "it already exists");
        return;
    }
    if (cname_fits(t, s) && group_fits(t, s) && ttl_stays(t, s) && alias_fits(t, s))
        put(t, s);
}

static bool limits_kept(const struct batch *b, struct batch_verdict *v)
{
    count(b, v);
    if (b->n > BATCH_CHANGES_MAX || v->elements > BATCH_ELEMENTS_MAX)
        buf_addf(&v->message, "[Number of records limit of %d exceeded.]", BATCH_ELEMENTS_MAX);
    else if (v->characters > BATCH_CHARACTERS_MAX)
        buf_addf(&v->message, "[Number of characters limit of %d exceeded.]", BATCH_CHARACTERS_MAX);
    else
        return true;
    v->code = "InvalidChangeBatch";
    return false;
}

struct rtable *batch_apply(const struct batch *b, const struct rtable *before,
                           const struct batch_rules *rules, struct batch_verdict *v)
{
    struct trial t = {.rules = rules, .before = before, .faults = &v->message};

    if (!limits_kept(b, v))
        return NULL;
    t.table = rtable_copy(before);
    t.seen = x_calloc(SEEN_SLOTS, sizeof(struct change *));
    for (size_t i = 0; i < b->n; i++) {
        const struct change *c = &b->changes[i];

        if (seen_before(&t, c))
            continue;
        if (c->action == CHANGE_DELETE)
            try_delete(&t, c->set);
        else
            try_put(&t, c);
    }
    free(t.seen);
    if (!t.n_faults && t.table->n > ZONE_SETS_MAX) {
        open_fault(&t);
        buf_addf(t.faults, "The hosted zone would hold more than %d resource record sets",
                 ZONE_SETS_MAX);
    }
    if (!t.n_faults)
        return t.table;
    buf_add_char(t.faults, ']');
    v->code = "InvalidChangeBatch";
    rtable_unref(t.table);
    return NULL;
}
