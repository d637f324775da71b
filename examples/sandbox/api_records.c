/* api_records.c: listing and changing record sets. */
#include <string.h>

#include "api_call.h"
#include "domain.h"

static void add_alias(struct api_call *c, const struct rset *s)
{
    struct buf name SL_CLEANUP(buf_clear) = {0};
    const char *why;

    buf_add_str(&c->body, "<AliasTarget>");
    api_element(c, "HostedZoneId", s->alias_zone);
    if (domain_canonical(s->alias_name, &name, &why))
        api_element(c, "DNSName", buf_str(&name));
    else
        api_element(c, "DNSName", s->alias_name);
    api_element(c, "EvaluateTargetHealth", s->alias_evaluate ? "true" : "false");
    buf_add_str(&c->body, "</AliasTarget>");
}

static void add_routing(struct api_call *c, const struct rset *s)
{
    if (s->set_id)
        api_element(c, "SetIdentifier", s->set_id);
    if (s->weight >= 0)
        api_elementf(c, "Weight", "%d", s->weight);
    if (s->region)
        api_element(c, "Region", s->region);
    if (s->continent || s->country || s->subdivision) {
        buf_add_str(&c->body, "<GeoLocation>");
        if (s->continent)
            api_element(c, "ContinentCode", s->continent);
        if (s->country)
            api_element(c, "CountryCode", s->country);
        if (s->subdivision)
            api_element(c, "SubdivisionCode", s->subdivision);
        buf_add_str(&c->body, "</GeoLocation>");
    }
    if (s->failover)
        api_element(c, "Failover", s->failover);
    if (s->multivalue >= 0)
        api_element(c, "MultiValueAnswer", s->multivalue ? "true" : "false");
}

static void add_set(struct api_call *c, const struct rset *s)
{
    buf_add_str(&c->body, "<ResourceRecordSet>");
    api_element(c, "Name", s->name);
    api_element(c, "Type", rtype_name(s->type));
    add_routing(c, s);
    if (s->ttl >= 0)
        api_elementf(c, "TTL", "%lld", (long long)s->ttl);
    if (s->n_values) {
        buf_add_str(&c->body, "<ResourceRecords>");
        for (size_t i = 0; i < s->n_values; i++) {
            buf_add_str(&c->body, "<ResourceRecord>");
            api_element(c, "Value", s->values[i]);
            buf_add_str(&c->body, "</ResourceRecord>");
        }
        buf_add_str(&c->body, "</ResourceRecords>");
    }
    if (s->alias_zone)
        add_alias(c, s);
    if (s->health_check)
        api_element(c, "HealthCheckId", s->health_check);
    if (s->traffic_policy)
        api_element(c, "TrafficPolicyInstanceId", s->traffic_policy);
    buf_add_str(&c->body, "</ResourceRecordSet>");
}

/* Where the listing starts: at or after name, type, identifier. */
static bool find_start(struct api_call *c, const struct rtable *t, size_t *at)
{
    const char *name = web_field(&c->mem, c->rq->query, "name");
    const char *type = web_field(&c->mem, c->rq->query, "type");
    const char *id = web_field(&c->mem, c->rq->query, "identifier");
    struct buf stored SL_CLEANUP(buf_clear) = {0}, key SL_CLEANUP(buf_clear) = {0};
    enum rtype first = RTYPE_A;
    const char *why;

    *at = 0;
    if ((type && !name) || (id && !type)) {
        api_fail(c, 400, "InvalidInput",
                 type && !name ? "The input is not valid: type was given without name"
                               : "The input is not valid: identifier was given without type");
        return false;
    }
    if (!name)
        return true;
    if (!domain_canonical(name, &stored, &why)) {
        api_fail(c, 400, "InvalidInput", "FATAL problem: %s encountered with '%s'", why, name);
        return false;
    }
    if (type && !rtype_parse(type, &first)) {
        api_fail(c, 400, "InvalidInput",
                 "1 validation error detected: Value '%s' at 'startRecordType' failed to satisfy "
                 "constraint: Member must satisfy enum value set",
                 type);
        return false;
    }
    domain_sort_key(buf_str(&stored), &key);
    *at = rtable_lower(t, buf_str(&key), buf_str(&stored), first, id);
    return true;
}

void api_list_records(struct api_call *c)
{
    const struct zone *z = api_zone(c);
    const struct rtable *t;
    uint32_t page;
    size_t at, end;

    if (!z || !api_page_size(c, c->rules->page_max, &page))
        return;
    t = zone_table(z);
    if (!find_start(c, t, &at))
        return;
    end = t->n - at > page ? at + page : t->n;
    api_open(c, "ListResourceRecordSetsResponse");
    buf_add_str(&c->body, "<ResourceRecordSets>");
    for (size_t i = at; i < end; i++)
        add_set(c, t->sets[i]);
    buf_add_str(&c->body, "</ResourceRecordSets>");
    api_element(c, "IsTruncated", end < t->n ? "true" : "false");
    if (end < t->n) {
        const struct rset *next = t->sets[end];

        api_element(c, "NextRecordName", next->name);
        api_element(c, "NextRecordType", rtype_name(next->type));
        /* Only where the page ends inside a group of several sets. */
        if (next->set_id && end > at && rset_same_group(next, t->sets[end - 1]))
            api_element(c, "NextRecordIdentifier", next->set_id);
    }
    api_elementf(c, "MaxItems", "%u", page);
    buf_add_str(&c->body, "</ListResourceRecordSetsResponse>");
}

static bool parse(struct api_call *c)
{
    struct buf why SL_CLEANUP(buf_clear) = {0};
    const struct xml_node *root =
        xml_tree_parse(&c->mem, c->rq->body, c->rq->body_len, ROUTE53_NS, &why);

    if (!root) {
        api_fail(c, 400, "InvalidInput", "%s", buf_str(&why));
        return false;
    }
    if (batch_from_xml(&c->batch, root, &c->verdict))
        return true;
    api_fail(c, 400, c->verdict.code, "%s", buf_str(&c->verdict.message));
    return false;
}

static bool allowed(struct api_call *c)
{
    for (size_t i = 0; i < c->batch.n; i++) {
        if (!api_allowed(c, &c->batch.changes[i]))
            return false;
    }
    return true;
}

/* The two things that need nothing of the zone's records; false after a refusal. */
static bool ready(struct api_call *c, const struct zone *z)
{
    struct store *s = &c->sb->store;

    if (z->linked_service) {
        api_fail(c, 403, "AccessDenied", "The hosted zone %s is managed by %s", z->id,
                 z->linked_service);
        return false;
    }
    if (!api_bucket_take(&c->rules->changes, (double)c->batch.n, c->now_us)) {
        api_fail(c, 400, "Throttling", "Rate exceeded");
        return false;
    }
    if (s->prior_request_us && z->last_change_us != INT64_MIN &&
        c->now_us - z->last_change_us < s->prior_request_us) {
        api_fail(c, 400, "PriorRequestNotComplete",
                 "The request was rejected because Route 53 was still processing a prior request.");
        return false;
    }
    return true;
}

void api_change_records(struct api_call *c)
{
    struct zone *z = api_zone(c);
    const struct store_change *change;

    if (!z || !parse(c))
        return;
    if (!c->rules->validate_first && !allowed(c))
        return;
    if (!batch_check(&c->batch, &c->verdict)) {
        api_fail(c, 400, c->verdict.code, "%s", buf_str(&c->verdict.message));
        return;
    }
    if (!ready(c, z))
        return;
    if (c->rules->validate_first) {
        struct batch_rules rules = {z->name, z->id, c->sb->store.delete_compares_weight,
                                    c->sb->store.group_ttl_fixed};
        struct batch_verdict v = {0};
        struct rtable *t = batch_apply(&c->batch, zone_table(z), &rules, &v);
        bool denied = t && !allowed(c);

        rtable_unref(t);
        batch_verdict_clear(&v);
        if (denied)
            return;
    }
    change =
        store_apply(&c->sb->store, z, &c->batch, c->pending_us, c->now_us, c->wall_ms, &c->verdict);
    if (!change) {
        api_fail(c, 400, c->verdict.code, "%s", buf_str(&c->verdict.message));
        return;
    }
    api_open(c, "ChangeResourceRecordSetsResponse");
    api_change_info(c, change);
    buf_add_str(&c->body, "</ChangeResourceRecordSetsResponse>");
}
