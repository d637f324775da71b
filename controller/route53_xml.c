#include "route53_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/arena.h"
#include "sluice/common.h"
#include "sluice/text.h"
#include "xml_reader.h"

#define BODY_SHOWN_MAX 300 /* of an error that is no XML */

/* Where the parser stands. The name of an element means something only inside its parent, so a state
 * and a name give the next state; everything not in the table below is skipped with all it holds. */
enum state {
    S_SKIP, /* 0: not in the table */
    S_START,
    S_ZONES_REPLY, S_ZONE_REPLY, S_SETS_REPLY, S_CHANGE_REPLY,
    S_ERROR_REPLY, S_ERROR, S_CODE, S_MESSAGES, S_MESSAGE, S_REQUEST_ID,
    S_ZONES, S_ZONE, S_ZONE_ID, S_ZONE_NAME, S_ZONE_COUNT, S_CONFIG, S_PRIVATE, S_LINKED, S_OWNER,
    S_DELEGATION, S_SERVERS, S_SERVER,
    S_TRUNCATED, S_NEXT_NAME, S_NEXT_TYPE, S_NEXT_ID,
    S_SETS, S_SET, S_NAME, S_TYPE, S_SET_ID, S_WEIGHT, S_TTL, S_VALUES, S_RECORD, S_VALUE,
    S_ALIAS, S_ALIAS_ZONE, S_ALIAS_NAME, S_ALIAS_HEALTH, S_HEALTH_CHECK, S_TRAFFIC_POLICY, S_ROUTING,
    S_CHANGE, S_CHANGE_ID, S_STATUS,
    S_CHECK_REPLY, S_CHECK, S_CHECK_CONFIG, S_CHECK_ID, S_CHECK_TYPE, S_CHECK_ADDRESS, S_CHECK_FQDN,
    S_CHECK_DISABLED, S_CHECK_INVERTED, S_CHECK_INTERVAL, S_CHECK_THRESHOLD,
    S_POLICY_REPLY, S_POLICY, S_POLICY_ID, S_POLICY_OF, S_POLICY_VERSION, S_POLICY_STATE,
    S_COUNT
};

struct edge {
    enum state parent;
    const char *name;
    enum state child;
};

static const struct edge edges[] = {
    {S_START, "ListHostedZonesByNameResponse", S_ZONES_REPLY},
    {S_START, "GetHostedZoneResponse", S_ZONE_REPLY},
    {S_START, "ListResourceRecordSetsResponse", S_SETS_REPLY},
    {S_START, "ChangeResourceRecordSetsResponse", S_CHANGE_REPLY},
    {S_START, "GetChangeResponse", S_CHANGE_REPLY},
    {S_ZONES_REPLY, "HostedZones", S_ZONES},
    {S_ZONES_REPLY, "IsTruncated", S_TRUNCATED},
    {S_ZONES_REPLY, "NextDNSName", S_NEXT_NAME},
    {S_ZONES_REPLY, "NextHostedZoneId", S_NEXT_ID},
    {S_ZONES, "HostedZone", S_ZONE},
    {S_ZONE_REPLY, "HostedZone", S_ZONE},
    {S_ZONE, "Id", S_ZONE_ID},
    {S_ZONE, "Name", S_ZONE_NAME},
    {S_ZONE, "ResourceRecordSetCount", S_ZONE_COUNT},
    {S_ZONE, "Config", S_CONFIG},
    {S_CONFIG, "PrivateZone", S_PRIVATE},
    {S_ZONE, "LinkedService", S_LINKED},
    {S_LINKED, "ServicePrincipal", S_OWNER},
    {S_ZONE_REPLY, "DelegationSet", S_DELEGATION},
    {S_DELEGATION, "NameServers", S_SERVERS},
    {S_SERVERS, "NameServer", S_SERVER},
    {S_SETS_REPLY, "ResourceRecordSets", S_SETS},
    {S_SETS_REPLY, "IsTruncated", S_TRUNCATED},
    {S_SETS_REPLY, "NextRecordName", S_NEXT_NAME},
    {S_SETS_REPLY, "NextRecordType", S_NEXT_TYPE},
    {S_SETS_REPLY, "NextRecordIdentifier", S_NEXT_ID},
    {S_SETS, "ResourceRecordSet", S_SET},
    {S_SET, "Name", S_NAME},
    {S_SET, "Type", S_TYPE},
    {S_SET, "SetIdentifier", S_SET_ID},
    {S_SET, "Weight", S_WEIGHT},
    {S_SET, "TTL", S_TTL},
    {S_SET, "ResourceRecords", S_VALUES},
    {S_VALUES, "ResourceRecord", S_RECORD},
    {S_RECORD, "Value", S_VALUE},
    {S_SET, "AliasTarget", S_ALIAS},
    {S_ALIAS, "HostedZoneId", S_ALIAS_ZONE},
    {S_ALIAS, "DNSName", S_ALIAS_NAME},
    {S_ALIAS, "EvaluateTargetHealth", S_ALIAS_HEALTH},
    {S_SET, "HealthCheckId", S_HEALTH_CHECK},
    {S_SET, "TrafficPolicyInstanceId", S_TRAFFIC_POLICY},
    /* Routing policies sluice never edits; their name is what is kept. */
    {S_SET, "Region", S_ROUTING},
    {S_SET, "GeoLocation", S_ROUTING},
    {S_SET, "Failover", S_ROUTING},
    {S_SET, "MultiValueAnswer", S_ROUTING},
    {S_SET, "CidrRoutingConfig", S_ROUTING},
    {S_SET, "GeoProximityLocation", S_ROUTING},
    {S_CHANGE_REPLY, "ChangeInfo", S_CHANGE},
    {S_CHANGE, "Id", S_CHANGE_ID},
    {S_CHANGE, "Status", S_STATUS},
    {S_START, "GetHealthCheckResponse", S_CHECK_REPLY},
    {S_CHECK_REPLY, "HealthCheck", S_CHECK},
    {S_CHECK, "Id", S_CHECK_ID},
    {S_CHECK, "HealthCheckConfig", S_CHECK_CONFIG},
    {S_CHECK_CONFIG, "Type", S_CHECK_TYPE},
    {S_CHECK_CONFIG, "IPAddress", S_CHECK_ADDRESS},
    {S_CHECK_CONFIG, "FullyQualifiedDomainName", S_CHECK_FQDN},
    {S_CHECK_CONFIG, "Disabled", S_CHECK_DISABLED},
    {S_CHECK_CONFIG, "Inverted", S_CHECK_INVERTED},
    {S_CHECK_CONFIG, "RequestInterval", S_CHECK_INTERVAL},
    {S_CHECK_CONFIG, "FailureThreshold", S_CHECK_THRESHOLD},
    {S_START, "GetTrafficPolicyInstanceResponse", S_POLICY_REPLY},
    {S_POLICY_REPLY, "TrafficPolicyInstance", S_POLICY},
    {S_POLICY, "Id", S_POLICY_ID},
    {S_POLICY, "TrafficPolicyId", S_POLICY_OF},
    {S_POLICY, "TrafficPolicyVersion", S_POLICY_VERSION},
    {S_POLICY, "State", S_POLICY_STATE},
    {S_ERROR_REPLY, "Error", S_ERROR},
    {S_ERROR, "Code", S_CODE},
    {S_ERROR, "Message", S_MESSAGE},
    {S_ERROR_REPLY, "Code", S_CODE},
    {S_ERROR_REPLY, "Message", S_MESSAGE},
    {S_ERROR_REPLY, "Messages", S_MESSAGES},
    {S_MESSAGES, "Message", S_MESSAGE},
    {S_ERROR_REPLY, "RequestId", S_REQUEST_ID},
    {S_ERROR_REPLY, "RequestID", S_REQUEST_ID},
    {S_ERROR, "RequestId", S_REQUEST_ID},
};

struct parse {
    struct xml_reader xml;
    struct arena *mem;
    enum state stack[ROUTE53_XML_DEPTH_MAX];
    enum state want; /* the root a reply must have; S_ERROR_REPLY takes any */
    struct buf text; /* of the innermost element */

    struct route53_zones *zones;
    size_t zones_cap;
    struct route53_zone *zone;
    struct route53_sets *sets;
    struct rrset set; /* being read */
    const char **values;
    size_t n_values, values_cap;
    struct route53_change *change;
    struct route53_check *check;
    struct route53_policy *policy;
    struct route53_error *error;
};

static void stop(struct parse *p, enum err_kind kind, const char *what)
{
    xml_stop(&p->xml, kind, what);
}

static enum state next_state(enum state parent, const char *name)
{
    if (parent == S_SKIP)
        return S_SKIP;
    for (size_t i = 0; i < ARRAY_LEN(edges); i++)
        if (edges[i].parent == parent && strcmp(edges[i].name, name) == 0)
            return edges[i].child;
    return S_SKIP;
}

static struct route53_zone *add_zone(struct parse *p)
{
    struct route53_zones *z = p->zones;

    if (z->n == ROUTE53_XML_ZONES_MAX) {
        stop(p, ERR_LIMIT, "more zones than a page holds");
        return p->zone;
    }
    if (z->n == p->zones_cap) {
        struct route53_zone *more;

        p->zones_cap = p->zones_cap ? p->zones_cap * 2 : 4;
        more = arena_array(p->mem, p->zones_cap, sizeof *more);
        if (z->n)
            memcpy(more, z->zones, z->n * sizeof *more);
        z->zones = more;
    }
    return &z->zones[z->n++];
}

/* The root decides what the rest may be. An older error is named after its code. */
static enum state root_state(struct parse *p, const char *name)
{
    enum state got = next_state(S_START, name);

    if (p->want == S_ERROR_REPLY) {
        if (strcmp(name, "ErrorResponse") != 0)
            snprintf(p->error->code, sizeof p->error->code, "%s", name);
        return S_ERROR_REPLY;
    }
    if (got != p->want) {
        stop(p, ERR_PROTOCOL, "this is not the reply that was asked for");
        return S_SKIP;
    }
    return got;
}

static void on_start(void *user, const char *name)
{
    struct parse *p = user;
    size_t depth = p->xml.depth;
    enum state s = depth > 1 ? next_state(p->stack[depth - 2], name) : root_state(p, name);

    p->stack[depth - 1] = s;
    buf_reset(&p->text);
    if (s == S_SET) {
        p->set = (struct rrset){0};
        p->n_values = 0;
    } else if (s == S_ZONE && p->zones) {
        p->zone = add_zone(p);
    } else if (s == S_ROUTING) {
        p->set.routing = arena_strdup(p->mem, name);
    }
}

static void on_text(void *user, const char *text, size_t len)
{
    struct parse *p = user;

    if (p->stack[p->xml.depth - 1] == S_SKIP)
        return;
    /* A batch of hundreds of changes is refused with a complaint for each in one Message. What an error
     * is rests on its code: of its words as many are kept as fit. */
    if (p->stack[p->xml.depth - 1] == S_MESSAGE && len > p->text.max - p->text.len)
        len = p->text.max - p->text.len;
    buf_add(&p->text, text, len);
    if (!buf_ok(&p->text))
        stop(p, ERR_LIMIT, "a field that is too long");
}

static bool take_bool(struct parse *p)
{
    const char *s = buf_str(&p->text);

    if (strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
        stop(p, ERR_PROTOCOL, "a truth value that is neither true nor false");
    return strcmp(s, "true") == 0;
}

static uint32_t take_u32(struct parse *p, uint32_t max)
{
    struct err why = {0};
    uint32_t n = 0;

    if (!text_parse_u32(buf_str(&p->text), 0, max, &n, &why))
        stop(p, ERR_PROTOCOL, why.text);
    return n;
}

/* Sets of one group share name and type; so do their copies here. */
static const char *take_text(struct parse *p, const char *last)
{
    if (last && strcmp(last, buf_str(&p->text)) == 0)
        return last;
    return arena_strndup(p->mem, buf_str(&p->text), p->text.len);
}

static void take_value(struct parse *p)
{
    if (p->n_values == RRSET_VALUES_MAX) {
        stop(p, ERR_LIMIT, "a set with too many values");
        return;
    }
    if (p->n_values == p->values_cap) {
        p->values_cap = p->values_cap ? p->values_cap * 2 : 16;
        p->values = x_realloc(p->values, p->values_cap, sizeof *p->values);
    }
    p->values[p->n_values++] = take_text(p, NULL);
}

static void finish_set(struct parse *p)
{
    struct route53_sets *s = p->sets;

    if (!p->set.name || !p->set.type) {
        stop(p, ERR_PROTOCOL, "a set without a name or a type");
        return;
    }
    if (s->n == ROUTER_ZONE_SETS_MAX) {
        stop(p, ERR_LIMIT, "more sets than a zone may hold");
        return;
    }
    if (p->n_values) {
        const char **values = arena_array(p->mem, p->n_values, sizeof *values);

        memcpy(values, p->values, p->n_values * sizeof *values);
        p->set.values = values;
        p->set.n_values = p->n_values;
    }
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->sets = x_realloc(s->sets, s->cap, sizeof *s->sets);
    }
    s->sets[s->n++] = p->set;
}

static void end_set_field(struct parse *p, enum state s)
{
    const struct rrset *last = p->sets->n ? &p->sets->sets[p->sets->n - 1] : NULL;

    switch (s) {
    case S_NAME:
        p->set.name = take_text(p, last ? last->name : NULL);
        break;
    case S_TYPE:
        p->set.type = take_text(p, last ? last->type : NULL);
        break;
    case S_SET_ID:
        p->set.set_id = take_text(p, NULL);
        break;
    case S_WEIGHT:
        p->set.weighted = true;
        p->set.weight = take_u32(p, RRSET_WEIGHT_MAX);
        break;
    case S_TTL:
        p->set.has_ttl = true;
        p->set.ttl = take_u32(p, INT32_MAX);
        break;
    case S_VALUE:
        take_value(p);
        break;
    case S_ALIAS_ZONE:
        p->set.alias_zone = take_text(p, NULL);
        break;
    case S_ALIAS_NAME:
        p->set.alias_name = take_text(p, NULL);
        break;
    case S_ALIAS_HEALTH:
        p->set.alias_health = take_bool(p);
        break;
    case S_HEALTH_CHECK:
        p->set.health_check = take_text(p, NULL);
        break;
    case S_TRAFFIC_POLICY:
        p->set.traffic_policy = take_text(p, NULL);
        break;
    default: /* S_SET */
        finish_set(p);
        break;
    }
}

static void end_zone_field(struct parse *p, enum state s)
{
    struct route53_zone *z = p->zone;

    switch (s) {
    case S_ZONE_ID:
        z->id = arena_strdup(p->mem, route53_xml_bare_id(buf_str(&p->text)));
        break;
    case S_ZONE_NAME:
        z->name = take_text(p, NULL);
        break;
    case S_ZONE_COUNT:
        z->n_sets = take_u32(p, UINT32_MAX);
        break;
    case S_PRIVATE:
        z->private_zone = take_bool(p);
        break;
    case S_OWNER:
        z->owner = take_text(p, NULL);
        break;
    case S_SERVER:
        if (z->n_servers == ROUTE53_XML_SERVERS_MAX)
            stop(p, ERR_LIMIT, "a zone with too many name servers");
        else
            z->servers[z->n_servers++] = take_text(p, NULL);
        break;
    default: /* S_ZONE */
        if (!z->id || !z->name)
            stop(p, ERR_PROTOCOL, "a zone without an id or a name");
        break;
    }
}

static void end_page_field(struct parse *p, enum state s)
{
    struct route53_zones *z = p->zones;
    struct route53_sets *r = p->sets;

    if (s == S_TRUNCATED)
        *(z ? &z->truncated : &r->truncated) = take_bool(p);
    else if (s == S_NEXT_NAME)
        *(z ? &z->next_name : &r->next_name) = take_text(p, NULL);
    else if (s == S_NEXT_ID)
        *(z ? &z->next_id : &r->next_id) = take_text(p, NULL);
    else
        r->next_type = take_text(p, NULL);
}

static void end_change_field(struct parse *p, enum state s)
{
    const char *text = buf_str(&p->text);

    if (s == S_STATUS) {
        p->change->insync = strcmp(text, "INSYNC") == 0;
        if (!p->change->insync && strcmp(text, "PENDING") != 0)
            stop(p, ERR_PROTOCOL, "a change status that is neither PENDING nor INSYNC");
        return;
    }
    text = route53_xml_bare_id(text);
    if (strlen(text) >= sizeof p->change->id || !*text)
        stop(p, ERR_PROTOCOL, "a change id of an odd length");
    else
        snprintf(p->change->id, sizeof p->change->id, "%s", text);
}

static void end_check_field(struct parse *p, enum state s)
{
    struct route53_check *c = p->check;

    if (s == S_CHECK_ID)
        c->id = take_text(p, NULL);
    else if (s == S_CHECK_TYPE)
        c->type = take_text(p, NULL);
    else if (s == S_CHECK_ADDRESS)
        c->address = take_text(p, NULL);
    else if (s == S_CHECK_FQDN)
        c->fqdn = take_text(p, NULL);
    else if (s == S_CHECK_DISABLED)
        c->disabled = take_bool(p);
    else if (s == S_CHECK_INVERTED)
        c->inverted = take_bool(p);
    else
        *(s == S_CHECK_INTERVAL ? &c->interval_s : &c->threshold) = take_u32(p, UINT32_MAX);
}

static void end_policy_field(struct parse *p, enum state s)
{
    struct route53_policy *t = p->policy;

    if (s == S_POLICY_VERSION)
        t->version = take_u32(p, UINT32_MAX);
    else
        *(s == S_POLICY_ID   ? &t->id
          : s == S_POLICY_OF ? &t->policy
                             : &t->state) = take_text(p, NULL);
}

static void end_error_field(struct parse *p, enum state s)
{
    struct route53_error *e = p->error;
    const char *text = buf_str(&p->text);
    size_t used = strlen(e->message);

    if (s == S_CODE)
        snprintf(e->code, sizeof e->code, "%s", text);
    else if (s == S_REQUEST_ID)
        snprintf(e->request_id, sizeof e->request_id, "%s", text);
    else
        snprintf(e->message + used, sizeof e->message - used, "%s%s", used ? "; " : "", text);
}

static void on_end(void *user)
{
    struct parse *p = user;
    enum state s = p->stack[p->xml.depth - 1];

    if (s >= S_NAME && s <= S_TRAFFIC_POLICY && s != S_VALUES && s != S_RECORD && s != S_ALIAS)
        end_set_field(p, s);
    else if (s == S_SET)
        end_set_field(p, s);
    else if ((s >= S_ZONE && s <= S_OWNER && s != S_CONFIG && s != S_LINKED) || s == S_SERVER)
        end_zone_field(p, s);
    else if (s >= S_TRUNCATED && s <= S_NEXT_ID)
        end_page_field(p, s);
    else if (s == S_CHANGE_ID || s == S_STATUS)
        end_change_field(p, s);
    else if (s >= S_CHECK_ID && s <= S_CHECK_THRESHOLD)
        end_check_field(p, s);
    else if (s >= S_POLICY_ID && s <= S_POLICY_STATE)
        end_policy_field(p, s);
    else if (s == S_CODE || s == S_MESSAGE || s == S_REQUEST_ID)
        end_error_field(p, s);
    buf_reset(&p->text); /* what follows belongs to the parent */
}

static bool parse_reply(struct parse *p, const char *text, size_t len, struct err *err)
{
    static const struct xml_handlers on = {.sender = "Route 53",
                                           .bytes_max = ROUTE53_XML_BYTES_MAX,
                                           .depth_max = ROUTE53_XML_DEPTH_MAX,
                                           .start = on_start,
                                           .end = on_end,
                                           .text = on_text};
    bool ok;

    p->xml = (struct xml_reader){.on = &on, .user = p};
    buf_init(&p->text, ROUTE53_XML_TEXT_MAX);
    ok = xml_read(&p->xml, text, len, err);
    buf_clear(&p->text);
    free(p->values);
    return ok;
}

bool route53_xml_parse_zones(struct arena *mem, const char *text, size_t len,
                             struct route53_zones *out, struct err *err)
{
    struct parse p = {.mem = mem, .want = S_ZONES_REPLY, .zones = out};

    *out = (struct route53_zones){0};
    return parse_reply(&p, text, len, err);
}

bool route53_xml_parse_zone(struct arena *mem, const char *text, size_t len, struct route53_zone *out,
                            struct err *err)
{
    struct parse p = {.mem = mem, .want = S_ZONE_REPLY, .zone = out};

    *out = (struct route53_zone){0};
    if (!parse_reply(&p, text, len, err))
        return false;
    return out->id || err_set(err, ERR_PROTOCOL, "a reply without a hosted zone in it");
}

bool route53_xml_parse_sets(struct arena *mem, const char *text, size_t len, struct route53_sets *out,
                            struct err *err)
{
    struct parse p = {.mem = mem, .want = S_SETS_REPLY, .sets = out};

    out->truncated = false;
    out->next_name = out->next_type = out->next_id = NULL;
    if (!parse_reply(&p, text, len, err))
        return false;
    if (out->truncated && (!out->next_name || !out->next_type))
        return err_set(err, ERR_PROTOCOL, "a truncated listing that does not say where it goes on");
    return true;
}

void route53_sets_clear(struct route53_sets *s)
{
    free(s->sets);
    *s = (struct route53_sets){0};
}

bool route53_xml_parse_change(const char *text, size_t len, struct route53_change *out,
                              struct err *err)
{
    struct parse p = {.want = S_CHANGE_REPLY, .change = out};

    *out = (struct route53_change){0};
    if (!parse_reply(&p, text, len, err))
        return false;
    return out->id[0] || err_set(err, ERR_PROTOCOL, "a reply without a change id in it");
}

bool route53_xml_parse_check(struct arena *mem, const char *text, size_t len,
                             struct route53_check *out, struct err *err)
{
    struct parse p = {.mem = mem, .want = S_CHECK_REPLY, .check = out};

    *out = (struct route53_check){0};
    if (!parse_reply(&p, text, len, err))
        return false;
    return (out->id && out->type) ||
           err_set(err, ERR_PROTOCOL, "a reply without a health check in it");
}

bool route53_xml_parse_policy(struct arena *mem, const char *text, size_t len,
                              struct route53_policy *out, struct err *err)
{
    struct parse p = {.mem = mem, .want = S_POLICY_REPLY, .policy = out};

    *out = (struct route53_policy){0};
    if (!parse_reply(&p, text, len, err))
        return false;
    return (out->id && out->policy && out->state) ||
           err_set(err, ERR_PROTOCOL, "a reply without a traffic policy instance in it");
}

void route53_xml_parse_error(const char *text, size_t len, int http_status, struct route53_error *out)
{
    struct parse p = {.want = S_ERROR_REPLY, .error = out};
    struct err ignored = {0};

    *out = (struct route53_error){0};
    /* Whatever was read before a fault counts, as long as there is a code or a message: a reply cut off
     * after its Code says enough. An HTML page of a proxy is a root, too, but holds neither. */
    if ((parse_reply(&p, text, len, &ignored) || out->code[0]) &&
        (out->message[0] || out->request_id[0]) && out->code[0]) {
        out->known = true;
        return;
    }
    *out = (struct route53_error){0};
    snprintf(out->code, sizeof out->code, "HTTP %d", http_status);
    if (len > BODY_SHOWN_MAX)
        len = BODY_SHOWN_MAX;
    for (size_t i = 0; i < len && text[i]; i++)
        out->message[i] = text[i];
}

const char *route53_xml_bare_id(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? slash + 1 : id;
}
