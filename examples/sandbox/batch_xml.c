#include "batch_xml.h"

#include <string.h>

#include "sluice/text.h"

struct child {
    const char *name;
    bool required, many;
};

static const struct child root_children[] = {{"ChangeBatch", true, false}};
static const struct child batch_children[] = {{"Comment", false, false}, {"Changes", true, false}};
static const struct child changes_children[] = {{"Change", true, true}};
static const struct child change_children[] = {{"Action", true, false},
                                               {"ResourceRecordSet", true, false}};
static const struct child set_children[] = {
    {"Name", true, false},
    {"Type", true, false},
    {"SetIdentifier", false, false},
    {"Weight", false, false},
    {"Region", false, false},
    {"GeoLocation", false, false},
    {"Failover", false, false},
    {"MultiValueAnswer", false, false},
    {"TTL", false, false},
    {"ResourceRecords", false, false},
    {"AliasTarget", false, false},
    {"HealthCheckId", false, false},
    {"TrafficPolicyInstanceId", false, false},
    {"CidrRoutingConfig", false, false},
    {"GeoProximityLocation", false, false},
};
static const struct child records_children[] = {{"ResourceRecord", true, true}};
static const struct child record_children[] = {{"Value", true, false}};
static const struct child alias_children[] = {
    {"HostedZoneId", true, false}, {"DNSName", true, false}, {"EvaluateTargetHealth", true, false}};
static const struct child geo_children[] = {{"ContinentCode", false, false},
                                            {"CountryCode", false, false},
                                            {"SubdivisionCode", false, false}};

static bool fault(struct batch_verdict *v, const char *code, const char *fmt, const char *a,
                  const char *b)
{
    v->code = code;
    /* The format comes from this file and takes the two texts in order. */
    while (*fmt) {
        const char *mark = strchr(fmt, '@');

        if (!mark) {
            buf_add_str(&v->message, fmt);
            break;
        }
        buf_add(&v->message, fmt, (size_t)(mark - fmt));
        buf_add_str(&v->message, a);
        a = b;
        fmt = mark + 1;
    }
    return false;
}

static bool incomplete(const struct xml_node *n, const char *want, struct batch_verdict *v)
{
    return fault(v, "InvalidInput",
                 "Invalid XML ; cvc-complex-type.2.4.b: The content of element '@' is "
                 "not complete. One of '{\"" ROUTE53_NS "\":@}' is expected.",
                 n->name, want);
}

/* Walks children and table together: each child must be the row at hand or a later one. */
static bool in_order(const struct xml_node *n, const struct child *rows, size_t n_rows,
                     struct batch_verdict *v)
{
    size_t at = 0;
    bool met = false; /* the row at hand was there */

    for (const struct xml_node *c = n->first; c; c = c->next) {
        while (at < n_rows && strcmp(rows[at].name, c->name) != 0) {
            if (rows[at].required && !met)
                break;
            at++;
            met = false;
        }
        if (at == n_rows || strcmp(rows[at].name, c->name) != 0 || (met && !rows[at].many))
            return fault(v, "InvalidInput",
                         "Invalid XML ; cvc-complex-type.2.4.a: Invalid content was "
                         "found starting with element '@'. One of '{\"" ROUTE53_NS
                         "\":@}' is expected.",
                         c->name, at < n_rows ? rows[at].name : "nothing");
        met = true;
    }
    for (; at < n_rows; at++, met = false) {
        if (rows[at].required && !met)
            return incomplete(n, rows[at].name, v);
    }
    return true;
}

static bool take_number(const struct xml_node *n, int64_t *out, struct batch_verdict *v)
{
    struct err ignored = {0};

    return text_parse_i64(n->text, 0, INT64_C(99999999999), out, &ignored) ||
           fault(v, "InvalidInput",
                 "Invalid XML ; cvc-datatype-valid.1.2.1: '@' is not a valid value "
                 "for '@'.",
                 n->text, "integer");
}

static bool take_bool(const struct xml_node *n, bool *out, struct batch_verdict *v)
{
    *out = strcmp(n->text, "true") == 0 || strcmp(n->text, "1") == 0;
    return *out || strcmp(n->text, "false") == 0 || strcmp(n->text, "0") == 0 ||
           fault(v, "InvalidInput",
                 "Invalid XML ; cvc-datatype-valid.1.2.1: '@' is not a valid value "
                 "for '@'.",
                 n->text, "boolean");
}

static char *copy_of(const struct xml_node *parent, const char *name)
{
    const struct xml_node *n = xml_child(parent, name);

    return n ? x_strdup(n->text) : NULL;
}

static bool take_records(struct rset *s, const struct xml_node *n, struct batch_verdict *v)
{
    if (!in_order(n, records_children, ARRAY_LEN(records_children), v))
        return false;
    for (const struct xml_node *r = n->first; r; r = r->next) {
        if (!in_order(r, record_children, ARRAY_LEN(record_children), v))
            return false;
        rset_add_value(s, r->first->text);
    }
    return true;
}

static bool take_alias(struct rset *s, const struct xml_node *n, struct batch_verdict *v)
{
    if (!in_order(n, alias_children, ARRAY_LEN(alias_children), v))
        return false;
    s->alias_zone = copy_of(n, "HostedZoneId");
    s->alias_name = copy_of(n, "DNSName");
    return take_bool(xml_child(n, "EvaluateTargetHealth"), &s->alias_evaluate, v);
}

static bool take_geo(struct rset *s, const struct xml_node *n, struct batch_verdict *v)
{
    if (!in_order(n, geo_children, ARRAY_LEN(geo_children), v))
        return false;
    if (!n->first)
        return incomplete(n, "ContinentCode", v);
    s->continent = copy_of(n, "ContinentCode");
    s->country = copy_of(n, "CountryCode");
    s->subdivision = copy_of(n, "SubdivisionCode");
    return true;
}

static bool take_routing(struct rset *s, const struct xml_node *n, struct batch_verdict *v)
{
    const struct xml_node *c;
    int64_t number;
    bool yes;

    if ((c = xml_child(n, "Weight"))) {
        if (!take_number(c, &number, v))
            return false;
        s->weight = number > 100000 ? 100000 : (int)number;
    }
    if ((c = xml_child(n, "MultiValueAnswer"))) {
        if (!take_bool(c, &yes, v))
            return false;
        s->multivalue = yes;
    }
    if ((c = xml_child(n, "GeoLocation")) && !take_geo(s, c, v))
        return false;
    s->region = copy_of(n, "Region");
    s->failover = copy_of(n, "Failover");
    return true;
}

static bool take_set(struct rset *s, const struct xml_node *n, struct batch_verdict *v)
{
    const struct xml_node *c;
    const char *why;

    if (!in_order(n, set_children, ARRAY_LEN(set_children), v))
        return false;
    if (xml_child(n, "CidrRoutingConfig") || xml_child(n, "GeoProximityLocation"))
        return fault(v, "InvalidInput", "The sandbox knows neither @ nor @", "CidrRoutingConfig",
                     "GeoProximityLocation");
    c = xml_child(n, "Type");
    if (!rtype_parse(c->text, &s->type))
        return fault(v, "InvalidInput",
                     "Invalid XML ; cvc-enumeration-valid: Value '@' is not facet-valid "
                     "with respect to enumeration of '@'.",
                     c->text, "RRType");
    c = xml_child(n, "Name");
    if (!rset_set_name(s, c->text, &why))
        return fault(v, "InvalidChangeBatch", "[FATAL problem: @ encountered with '@']", why,
                     c->text);
    s->set_id = copy_of(n, "SetIdentifier");
    s->health_check = copy_of(n, "HealthCheckId");
    s->traffic_policy = copy_of(n, "TrafficPolicyInstanceId");
    if ((c = xml_child(n, "TTL")) && !take_number(c, &s->ttl, v))
        return false;
    if ((c = xml_child(n, "ResourceRecords")) && !take_records(s, c, v))
        return false;
    if ((c = xml_child(n, "AliasTarget")) && !take_alias(s, c, v))
        return false;
    return take_routing(s, n, v);
}

static bool take_change(struct batch *b, const struct xml_node *n, struct batch_verdict *v)
{
    const struct xml_node *action;
    enum change_action what;
    struct rset *s;

    if (!in_order(n, change_children, ARRAY_LEN(change_children), v))
        return false;
    action = xml_child(n, "Action");
    if (!change_action_parse(action->text, &what))
        return fault(v, "InvalidInput",
                     "Invalid XML ; cvc-enumeration-valid: Value '@' is not facet-valid "
                     "with respect to enumeration '@'.",
                     action->text, "[CREATE, DELETE, UPSERT]");
    s = rset_new();
    batch_add(b, what, s);
    return take_set(s, xml_child(n, "ResourceRecordSet"), v);
}

bool batch_from_xml(struct batch *b, const struct xml_node *root, struct batch_verdict *v)
{
    const struct xml_node *n, *changes;

    if (strcmp(root->name, "ChangeResourceRecordSetsRequest") != 0)
        return fault(v, "MalformedInput", "@ is not valid, expected @", root->name,
                     "ChangeResourceRecordSetsRequest");
    if (!in_order(root, root_children, ARRAY_LEN(root_children), v))
        return false;
    n = xml_child(root, "ChangeBatch");
    if (!in_order(n, batch_children, ARRAY_LEN(batch_children), v))
        return false;
    b->comment = copy_of(n, "Comment");
    changes = xml_child(n, "Changes");
    if (!in_order(changes, changes_children, ARRAY_LEN(changes_children), v))
        return false;
    for (n = changes->first; n; n = n->next) {
        if (!take_change(b, n, v))
            return false;
    }
    return true;
}
