/* api_zones.c: hosted zones and changes. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api_call.h"
#include "domain.h"

#define ZONES_PAGE_MAX 100
#define ZONES_MAX      500

static int by_name(const void *a, const void *b)
{
    const struct zone *x = *(const struct zone *const *)a, *y = *(const struct zone *const *)b;
    struct buf left SL_CLEANUP(buf_clear) = {0};
    struct buf right SL_CLEANUP(buf_clear) = {0};
    int order;

    domain_sort_key(x->name, &left);
    domain_sort_key(y->name, &right);
    order = strcmp(buf_str(&left), buf_str(&right));
    return order ? order : strcmp(x->id, y->id);
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(const struct zone *const *)a)->id, (*(const struct zone *const *)b)->id);
}

static struct zone **sorted(struct api_call *c, int (*order)(const void *, const void *), size_t *n)
{
    struct zone **list;

    *n = 0;
    for (struct zone *z = c->sb->store.zones; z; z = z->next)
        ++*n;
    list = arena_array(&c->mem, *n + 1, sizeof *list);
    *n = 0;
    for (struct zone *z = c->sb->store.zones; z; z = z->next)
        list[(*n)++] = z;
    qsort(list, *n, sizeof *list, order);
    return list;
}

static void add_zone(struct api_call *c, const struct zone *z)
{
    buf_add_str(&c->body, "<HostedZone>");
    api_elementf(c, "Id", "/hostedzone/%s", z->id);
    api_element(c, "Name", z->name);
    api_element(c, "CallerReference", z->caller_reference ? z->caller_reference : z->id);
    buf_add_str(&c->body, "<Config>");
    if (z->comment)
        api_element(c, "Comment", z->comment);
    api_element(c, "PrivateZone", z->is_private ? "true" : "false");
    buf_add_str(&c->body, "</Config>");
    api_elementf(c, "ResourceRecordSetCount", "%zu", zone_table(z)->n);
    if (z->linked_service) {
        buf_add_str(&c->body, "<LinkedService>");
        api_element(c, "ServicePrincipal", z->linked_service);
        buf_add_str(&c->body, "</LinkedService>");
    }
    buf_add_str(&c->body, "</HostedZone>");
}

static void add_delegation(struct api_call *c, const struct zone *z)
{
    size_t first, n = rtable_group(zone_table(z), z->name, RTYPE_NS, &first);

    if (z->is_private) {
        buf_add_str(&c->body,
                    "<VPCs><VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-0sandbox</VPCId>"
                    "</VPC></VPCs>");
        return;
    }
    buf_add_str(&c->body, "<DelegationSet><NameServers>");
    for (size_t i = 0; n && i < zone_table(z)->sets[first]->n_values; i++) {
        const char *server = zone_table(z)->sets[first]->values[i];

        api_elementf(c, "NameServer", "%.*s", (int)(strlen(server) - 1), server);
    }
    buf_add_str(&c->body, "</NameServers></DelegationSet>");
}

void api_list_zones_by_name(struct api_call *c)
{
    const char *dns_name = web_field(&c->mem, c->rq->query, "dnsname");
    const char *id = web_field(&c->mem, c->rq->query, "hostedzoneid");
    struct buf name SL_CLEANUP(buf_clear) = {0}, key SL_CLEANUP(buf_clear) = {0};
    const char *why;
    uint32_t page;
    size_t n, at = 0, end;
    struct zone **list = sorted(c, by_name, &n);

    if (!api_page_size(c, ZONES_PAGE_MAX, &page))
        return;
    if (id && !dns_name) {
        api_fail(c, 400, "InvalidInput", "The hostedzoneid parameter needs the dnsname parameter");
        return;
    }
    if (dns_name && !domain_canonical(dns_name, &name, &why)) {
        api_fail(c, 400, "InvalidDomainName", "%s is not a valid domain name", dns_name);
        return;
    }
    domain_sort_key(buf_str(&name), &key);
    for (; dns_name && at < n; at++) {
        struct buf other SL_CLEANUP(buf_clear) = {0};
        int order;

        domain_sort_key(list[at]->name, &other);
        order = strcmp(buf_str(&other), buf_str(&key));
        if (order > 0 || (order == 0 && (!id || strcmp(list[at]->id, id) >= 0)))
            break;
    }
    end = n - at > page ? at + page : n;
    api_open(c, "ListHostedZonesByNameResponse");
    buf_add_str(&c->body, "<HostedZones>");
    for (size_t i = at; i < end; i++)
        add_zone(c, list[i]);
    buf_add_str(&c->body, "</HostedZones>");
    if (dns_name)
        api_element(c, "DNSName", dns_name);
    if (id)
        api_element(c, "HostedZoneId", id);
    api_element(c, "IsTruncated", end < n ? "true" : "false");
    if (end < n) {
        api_element(c, "NextDNSName", list[end]->name);
        api_element(c, "NextHostedZoneId", list[end]->id);
    }
    api_elementf(c, "MaxItems", "%u", page);
    buf_add_str(&c->body, "</ListHostedZonesByNameResponse>");
}

void api_list_zones(struct api_call *c)
{
    const char *marker = web_field(&c->mem, c->rq->query, "marker");
    uint32_t page;
    size_t n, at = 0, end;
    struct zone **list = sorted(c, by_id, &n);

    if (!api_page_size(c, ZONES_PAGE_MAX, &page))
        return;
    while (marker && at < n && strcmp(list[at]->id, marker) < 0)
        at++;
    end = n - at > page ? at + page : n;
    api_open(c, "ListHostedZonesResponse");
    buf_add_str(&c->body, "<HostedZones>");
    for (size_t i = at; i < end; i++)
        add_zone(c, list[i]);
    buf_add_str(&c->body, "</HostedZones>");
    if (marker)
        api_element(c, "Marker", marker);
    api_element(c, "IsTruncated", end < n ? "true" : "false");
    if (end < n)
        api_element(c, "NextMarker", list[end]->id);
    api_elementf(c, "MaxItems", "%u", page);
    buf_add_str(&c->body, "</ListHostedZonesResponse>");
}

void api_get_zone(struct api_call *c)
{
    const struct zone *z = api_zone(c);

    if (!z)
        return;
    api_open(c, "GetHostedZoneResponse");
    add_zone(c, z);
    add_delegation(c, z);
    buf_add_str(&c->body, "</GetHostedZoneResponse>");
}

static const struct zone *zone_by_reference(const struct store *s, const char *reference)
{
    for (const struct zone *z = s->zones; z; z = z->next) {
        if (z->caller_reference && strcmp(z->caller_reference, reference) == 0)
            return z;
    }
    return NULL;
}

static struct zone *make_zone(struct api_call *c, const struct xml_node *root)
{
    const struct xml_node *name = xml_child(root, "Name");
    const struct xml_node *reference = xml_child(root, "CallerReference");
    const struct xml_node *config = xml_child(root, "HostedZoneConfig");
    const struct xml_node *comment = config ? xml_child(config, "Comment") : NULL;
    const struct xml_node *private_zone = config ? xml_child(config, "PrivateZone") : NULL;
    struct buf stored SL_CLEANUP(buf_clear) = {0};
    const char *why;
    struct zone *z;

    if (strcmp(root->name, "CreateHostedZoneRequest") != 0 || !name || !reference) {
        api_fail(c, 400, "MalformedInput", "%s is not valid, expected CreateHostedZoneRequest",
                 root->name);
        return NULL;
    }
    if (!domain_canonical(name->text, &stored, &why)) {
        api_fail(c, 400, "InvalidDomainName", "%s is not a valid domain name", name->text);
        return NULL;
    }
    if (zone_by_reference(&c->sb->store, reference->text)) {
        api_fail(c, 409, "HostedZoneAlreadyExists",
                 "A hosted zone has already been created with the specified caller reference.");
        return NULL;
    }
    z = store_add_zone(&c->sb->store, NULL, buf_str(&stored));
    z->caller_reference = x_strdup(reference->text);
    z->comment = comment ? x_strdup(comment->text) : NULL;
    z->is_private = private_zone && strcmp(private_zone->text, "true") == 0;
    return z;
}

void api_create_zone(struct api_call *c)
{
    struct buf why SL_CLEANUP(buf_clear) = {0};
    const struct xml_node *root =
        xml_tree_parse(&c->mem, c->rq->body, c->rq->body_len, ROUTE53_NS, &why);
    struct zone *z;
    size_t n;

    sorted(c, by_id, &n);
    if (n >= ZONES_MAX) {
        api_fail(c, 400, "TooManyHostedZones", "Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER");
        return;
    }
    if (!root) {
        api_fail(c, 400, "InvalidInput", "%s", buf_str(&why));
        return;
    }
    z = make_zone(c, root);
    if (!z)
        return;
    c->status = 201;
    c->location =
        arena_printf(&c->mem, "https://route53.amazonaws.com/2013-04-01/hostedzone/%s", z->id);
    snprintf(c->zone_id, sizeof c->zone_id, "%s", z->id);
    api_open(c, "CreateHostedZoneResponse");
    add_zone(c, z);
    api_change_info(c, store_note_change(&c->sb->store, z->id, c->now_us, c->wall_ms));
    add_delegation(c, z);
    buf_add_str(&c->body, "</CreateHostedZoneResponse>");
}

void api_delete_zone(struct api_call *c)
{
    struct zone *z = api_zone(c);

    if (!z)
        return;
    if (zone_table(z)->n > 2) {
        api_fail(
            c, 400, "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets and so cannot "
            "be deleted.");
        return;
    }
    store_drop_zone(&c->sb->store, z);
    api_open(c, "DeleteHostedZoneResponse");
    api_change_info(c, store_note_change(&c->sb->store, c->zone_id, c->now_us, c->wall_ms));
    buf_add_str(&c->body, "</DeleteHostedZoneResponse>");
}

void api_get_change(struct api_call *c)
{
    const struct store_change *change = store_find_change(&c->sb->store, c->id);

    if (!change) {
        api_fail(c, 404, "NoSuchChange", "Could not find resource with ID: %s", c->id);
        return;
    }
    snprintf(c->zone_id, sizeof c->zone_id, "%s", change->zone_id);
    api_open(c, "GetChangeResponse");
    api_change_info(c, change);
    buf_add_str(&c->body, "</GetChangeResponse>");
}
