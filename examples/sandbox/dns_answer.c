#include "dns_answer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <ldns/ldns.h>

#include "domain.h"
#include "sluice/arena.h"

#define CHASE_MAX 8
#define ALIAS_MAX 3
#define ALIAS_TTL 60

struct answering {
    const struct dns_source *src;
    struct arena mem;
    ldns_pkt *pkt;
    const ldns_rdf *qname;
    bool at_qname; /* the owner is the name as it was asked, in its own case */
};

/* RFC 1035 3.1: labels with a length before each. */
static bool stored_name(const ldns_rdf *rdf, struct buf *out)
{
    const uint8_t *p = ldns_rdf_data(rdf), *end = p + ldns_rdf_size(rdf);
    struct buf text SL_CLEANUP(buf_clear) = {0};
    const char *why;

    while (p < end && *p) {
        for (uint8_t n = *p++; n && p < end; n--, p++)
            buf_addf(&text, "\\%03o", *p);
        buf_add_char(&text, '.');
    }
    return domain_canonical(text.len ? buf_str(&text) : ".", out, &why);
}

static void push(struct answering *a, ldns_pkt_section section, const char *owner, int64_t ttl,
                 enum rtype type, const char *rdata)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    ldns_rr *rr = NULL;

    domain_to_zonefile(owner, &text);
    buf_addf(&text, " %lld IN %s %s", (long long)ttl, rtype_name(type), rdata);
    if (ldns_rr_new_frm_str(&rr, buf_str(&text), 0, NULL, NULL) != LDNS_STATUS_OK)
        return;
    if (a->at_qname && section == LDNS_SECTION_ANSWER) {
        ldns_rdf_deep_free(ldns_rr_owner(rr));
        ldns_rr_set_owner(rr, ldns_rdf_clone(a->qname));
    }
    ldns_pkt_push_rr(a->pkt, section, rr);
}

/* Route 53's \ooo are octal, a zone file's are decimal. */
static void text_value(const char *v, struct buf *out)
{
    while (*v) {
        if (v[0] == '\\' && v[1] >= '0' && v[1] <= '3' && v[2] >= '0' && v[2] <= '7' &&
            v[3] >= '0' && v[3] <= '7') {
            buf_addf(out, "\\%03d", (v[1] - '0') * 64 + (v[2] - '0') * 8 + (v[3] - '0'));
            v += 4;
        } else if (v[0] == '\\' && v[1]) {
            buf_add(out, v, 2);
            v += 2;
        } else {
            buf_add_char(out, *v++);
        }
    }
}

static void push_value(struct answering *a, ldns_pkt_section section, const char *owner,
                       int64_t ttl, enum rtype type, const char *value)
{
    struct buf rdata SL_CLEANUP(buf_clear) = {0}, name SL_CLEANUP(buf_clear) = {0};
    const char *why;

    switch (type) {
    case RTYPE_CNAME:
    case RTYPE_NS:
    case RTYPE_PTR:
        if (domain_canonical(value, &name, &why))
            domain_to_zonefile(buf_str(&name), &rdata);
        break;
    case RTYPE_TXT:
    case RTYPE_SPF:
        text_value(value, &rdata);
        break;
    default:
        buf_add_str(&rdata, value);
    }
    push(a, section, owner, ttl, type, buf_str(&rdata));
}

static bool healthy(const struct dns_source *src, const struct rset *s)
{
    return !s->health_check || !json_object_get(src->unhealthy, s->health_check);
}

/* Draws among the sets for which (healthy == want) or any; by weight, or equally among zero
 * weights. NULL when there is none of that kind. */
static const struct rset *draw(const struct dns_source *src, struct rset *const *sets, size_t n,
                               bool any_health, bool zero)
{
    uint64_t sum = 0, at;

    for (size_t i = 0; i < n; i++) {
        if ((any_health || healthy(src, sets[i])) && (sets[i]->weight == 0) == zero)
            sum += zero ? 1 : (uint64_t)sets[i]->weight;
    }
    if (!sum)
        return NULL;
    at = rng_below(src->dice, sum);
    for (size_t i = 0; i < n; i++) {
        uint64_t weight = zero ? 1 : (uint64_t)sets[i]->weight;

        if (!(any_health || healthy(src, sets[i])) || (sets[i]->weight == 0) != zero)
            continue;
        if (at < weight)
            return sets[i];
        at -= weight;
    }
    return NULL;
}

/* Developer guide, "How Route 53 chooses records when health checking is configured": healthy sets
 * with a weight; else healthy zero ones; none healthy counts as all healthy. All zero: equal
 * shares. */
static const struct rset *choose(const struct dns_source *src, struct rset *const *sets, size_t n)
{
    const struct rset *s;

    if (n == 1 || sets[0]->weight < 0)
        return sets[0];
    for (int round = 0; round < 4; round++) {
        s = draw(src, sets, n, round >= 2, round % 2);
        if (s)
            return s;
    }
    return sets[0];
}

static struct zone *zone_of(const struct store *s, const char *name)
{
    struct zone *best = NULL;

    for (struct zone *z = s->zones; z; z = z->next) {
        if (domain_in_zone(name, z->name) && (!best || strlen(z->name) > strlen(best->name)))
            best = z;
    }
    return best;
}

/* A name exists when a set is at it or below it (RFC 8020). */
static bool exists(const struct rtable *t, const char *name)
{
    struct buf key SL_CLEANUP(buf_clear) = {0};
    size_t at;

    domain_sort_key(name, &key);
    at = rtable_lower(t, buf_str(&key), "", RTYPE_A, NULL);
    return at < t->n && strncmp(t->sets[at]->key, buf_str(&key), key.len) == 0;
}

/* The name whose sets answer: itself, or the wildcard at its closest encloser (RFC 4592). NULL:
 * none. */
static const char *source_name(struct answering *a, const struct rtable *t, const char *name,
                               const char *zone)
{
    const char *encloser = name;

    if (exists(t, name))
        return name;
    while ((encloser = domain_parent(encloser)) && domain_in_zone(encloser, zone)) {
        if (exists(t, encloser)) {
            const char *star = arena_printf(&a->mem, "\\052.%s", encloser);

            return exists(t, star) ? star : NULL;
        }
    }
    return NULL;
}

static bool push_host(struct answering *a, const char *owner, const char *name, enum rtype type,
                      int64_t ttl)
{
    const json_t *addresses = json_object_get(a->src->hosts, name);
    unsigned char raw[16];
    json_t *one;
    size_t i;

    json_array_foreach(addresses, i, one)
    {
        const char *text = json_string_value(one);
        bool four = inet_pton(AF_INET, text, raw) == 1;

        if (type == (four ? RTYPE_A : RTYPE_AAAA))
            push_value(a, LDNS_SECTION_ANSWER, owner, ttl, type, text);
    }
    return addresses != NULL;
}

static void push_set(struct answering *a, struct zone *z, const struct rtable *t, const char *owner,
                     const struct rset *s, int depth)
{
    struct buf target SL_CLEANUP(buf_clear) = {0};
    size_t first, n;
    const char *why;

    if (!s->alias_zone) {
        for (size_t i = 0; i < s->n_values; i++)
            push_value(a, LDNS_SECTION_ANSWER, owner, s->ttl, s->type, s->values[i]);
        return;
    }
    if (depth == ALIAS_MAX || !domain_canonical(s->alias_name, &target, &why))
        return;
    if (strcmp(s->alias_zone, z->id) != 0) {
        push_host(a, owner, buf_str(&target), s->type, ALIAS_TTL);
        return;
    }
    n = rtable_group(t, buf_str(&target), s->type, &first);
    if (n)
        push_set(a, z, t, owner, choose(a->src, t->sets + first, n), depth + 1);
}

static void push_soa(struct answering *a, const struct rtable *t, const struct zone *z)
{
    size_t first;

    if (rtable_group(t, z->name, RTYPE_SOA, &first))
        push_value(a, LDNS_SECTION_AUTHORITY, z->name, t->sets[first]->ttl, RTYPE_SOA,
                   t->sets[first]->values[0]);
}

/* Answers from one zone. Returns the next name to look up (a CNAME's target), or NULL. */
static const char *from_zone(struct answering *a, struct zone *z, const char *name, bool known,
                             enum rtype type)
{
    struct rtable *t = zone_view(z, a->src->server, a->src->now_us);
    const char *source = source_name(a, t, name, z->name);
    struct buf target SL_CLEANUP(buf_clear) = {0};
    const struct rset *s;
    const char *why;
    size_t first, n;

    n = source ? rtable_group(t, source, RTYPE_CNAME, &first) : 0;
    if (n && !(known && type == RTYPE_CNAME)) {
        s = choose(a->src, t->sets + first, n);
        push_set(a, z, t, name, s, 0);
        if (known && s->n_values && domain_canonical(s->values[0], &target, &why))
            return arena_strdup(&a->mem, buf_str(&target));
        return NULL;
    }
    n = source && known ? rtable_group(t, source, type, &first) : 0;
    if (n)
        push_set(a, z, t, name, choose(a->src, t->sets + first, n), 0);
    if (!source)
        ldns_pkt_set_rcode(a->pkt, LDNS_RCODE_NXDOMAIN);
    if (!n)
        push_soa(a, t, z);
    return NULL;
}

static void look_up(struct answering *a, const char *name, bool known, enum rtype type)
{
    struct zone *home = NULL;

    a->at_qname = true;
    for (int i = 0; name && i < CHASE_MAX; i++) {
        struct zone *z = zone_of(a->src->store, name);

        if (i && !a->src->resolver && z != home)
            return; /* an authoritative server follows a CNAME inside its zone only */
        if (!z && !a->src->resolver) {
            ldns_pkt_set_rcode(a->pkt, LDNS_RCODE_REFUSED);
            ldns_pkt_set_aa(a->pkt, false);
            return;
        }
        if (!z) {
            if (!push_host(a, name, name, known ? type : RTYPE_SOA, a->src->host_ttl))
                ldns_pkt_set_rcode(a->pkt, LDNS_RCODE_NXDOMAIN);
            return;
        }
        home = z;
        name = from_zone(a, z, name, known, type);
        a->at_qname = false;
    }
}

static bool known_type(ldns_rr_type type, enum rtype *out)
{
    char *text = ldns_rr_type2str(type);
    bool known = text && rtype_parse(text, out);

    free(text);
    return known;
}

static bool to_wire(ldns_pkt *pkt, size_t max, uint8_t **out, size_t *len)
{
    ldns_rr_list *answers, *authority;

    if (ldns_pkt2wire(out, pkt, len) != LDNS_STATUS_OK)
        return false;
    if (!max || *len <= max)
        return true;
    /* RFC 2181 9: with TC, the asker comes again by TCP and ignores the rest. */
    free(*out);
    answers = ldns_pkt_answer(pkt);
    authority = ldns_pkt_authority(pkt);
    ldns_pkt_set_answer(pkt, ldns_rr_list_new());
    ldns_pkt_set_authority(pkt, ldns_rr_list_new());
    ldns_pkt_set_ancount(pkt, 0);
    ldns_pkt_set_nscount(pkt, 0);
    ldns_rr_list_deep_free(answers);
    ldns_rr_list_deep_free(authority);
    ldns_pkt_set_tc(pkt, true);
    return ldns_pkt2wire(out, pkt, len) == LDNS_STATUS_OK;
}

static ldns_pkt *open_answer(const ldns_pkt *query, bool resolver)
{
    ldns_pkt *pkt = ldns_pkt_new();

    ldns_pkt_set_id(pkt, ldns_pkt_id(query));
    ldns_pkt_set_qr(pkt, true);
    ldns_pkt_set_aa(pkt, !resolver);
    ldns_pkt_set_ra(pkt, resolver);
    ldns_pkt_set_rd(pkt, ldns_pkt_rd(query));
    ldns_pkt_set_opcode(pkt, ldns_pkt_get_opcode(query));
    ldns_pkt_push_rr_list(pkt, LDNS_SECTION_QUESTION, ldns_pkt_question(query));
    if (ldns_pkt_edns(query))
        ldns_pkt_set_edns_udp_size(pkt, DNS_UDP_EDNS);
    return pkt;
}

static size_t udp_limit(const ldns_pkt *query)
{
    size_t size = ldns_pkt_edns(query) ? ldns_pkt_edns_udp_size(query) : 0;

    return size < DNS_UDP_PLAIN ? DNS_UDP_PLAIN : size > DNS_UDP_EDNS ? DNS_UDP_EDNS : size;
}

static void answer_question(const struct dns_source *src, ldns_pkt *pkt, const ldns_rr *question)
{
    struct answering a = {.src = src, .pkt = pkt, .qname = ldns_rr_owner(question)};
    struct buf name SL_CLEANUP(buf_clear) = {0};
    enum rtype type = RTYPE_A;
    bool known = known_type(ldns_rr_get_type(question), &type);

    if (ldns_rr_get_class(question) != LDNS_RR_CLASS_IN || !stored_name(a.qname, &name))
        ldns_pkt_set_rcode(pkt, LDNS_RCODE_REFUSED);
    else
        look_up(&a, buf_str(&name), known, type);
    arena_clear(&a.mem);
}

bool dns_answer(const struct dns_source *src, const uint8_t *query, size_t len, bool udp,
                enum dns_refusal refusal, uint8_t **out, size_t *out_len)
{
    ldns_pkt *asked = NULL, *pkt;
    bool ok;

    if (ldns_wire2pkt(&asked, query, len) != LDNS_STATUS_OK)
        return false;
    if (ldns_pkt_qr(asked)) {
        ldns_pkt_free(asked);
        return false;
    }
    pkt = open_answer(asked, src->resolver);
    if (refusal != DNS_ANSWER)
        ldns_pkt_set_rcode(pkt, refusal == DNS_SERVFAIL ? LDNS_RCODE_SERVFAIL : LDNS_RCODE_REFUSED);
    else if (ldns_pkt_get_opcode(asked) != LDNS_PACKET_QUERY)
        ldns_pkt_set_rcode(pkt, LDNS_RCODE_NOTIMPL);
    else if (ldns_rr_list_rr_count(ldns_pkt_question(asked)) != 1)
        ldns_pkt_set_rcode(pkt, LDNS_RCODE_FORMERR);
    else
        answer_question(src, pkt, ldns_rr_list_rr(ldns_pkt_question(asked), 0));
    ok = to_wire(pkt, udp ? udp_limit(asked) : 0, out, out_len);
    /* The question belongs to the query's packet: only its pointers were pushed. */
    ldns_rr_list_free(ldns_pkt_question(pkt));
    ldns_pkt_set_question(pkt, ldns_rr_list_new());
    ldns_pkt_free(pkt);
    ldns_pkt_free(asked);
    return ok;
}
