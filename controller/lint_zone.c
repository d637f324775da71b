/* lint_zone.c: what else stands in the zone, beside the plan's records. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lease.h"
#include "lint_int.h"
#include "survey_names.h"
#include "sluice/text.h"

#define ALIAS_TTL_S  60 /* what Route 53 answers with for an alias to an AWS resource */
#define NEEDLES_MAX  64
#define NAMES_SHOWN  3
#define NEEDLE_SHORT 4 /* "::1": too short to be told from other text */

static const struct survey_zone *zone_of(const struct lint_scene *s, const struct survey_record *r)
{
    return &s->survey->zones[r->zone];
}

/* The sets of a record's name that stand around its group in the listing, of other types: [from,
 * to). */
static void neighbours(const struct lint_scene *s, const struct survey_record *r, size_t *from,
                       size_t *to)
{
    const struct survey_zone *z = zone_of(s, r);

    *from = (size_t)(r->sets - z->sets);
    *to = *from + r->n_sets;
    while (*from > 0 && rrset_name_eq(z->sets[*from - 1].name, r->name))
        --*from;
    while (*to < z->n_sets && rrset_name_eq(z->sets[*to].name, r->name))
        ++*to;
}

/* Route 53 asks for one TTL a group; beside an alias, whose TTL is not ours, the sets would be
 * cached for different times, and the one cached longer gets more than its share. */
void lint_alias_ttl(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];
        bool alias = false;
        uint32_t ttl = ALIAS_TTL_S;

        for (size_t k = 0; k < r->n_sets; k++) {
            alias = alias || r->sets[k].alias_name;
            ttl = r->sets[k].has_ttl ? r->sets[k].ttl : ttl;
        }
        if (alias && ttl != ALIAS_TTL_S)
            lint_say(s, lint_where(s, r), "give the sets that are no alias a TTL of 60",
                     "it has an alias, answered with a TTL of 60 seconds, beside sets of %u: what "
                     "is cached longer carries more than its weight says",
                     ttl);
    }
}

/* How long a resolver keeps "there is no such name": RFC 2308, section 5. False without a SOA. */
static bool negative_ttl(const struct survey_zone *z, uint32_t *seconds)
{
    for (size_t i = 0; i < z->n_sets; i++) {
        const struct rrset *set = &z->sets[i];
        const char *last;

        if (strcmp(set->type, "SOA") != 0 || !set->n_values || !rrset_name_eq(set->name, z->name))
            continue;
        last = strrchr(set->values[0], ' ');
        if (!last || !text_parse_u32(last + 1, 0, INT32_MAX, seconds, NULL))
            return false;
        *seconds = set->ttl < *seconds ? set->ttl : *seconds;
        return true;
    }
    return false;
}

void lint_negative(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];
        uint32_t seconds;

        if (!r->n_sets && negative_ttl(zone_of(s, r), &seconds) && seconds)
            lint_say(s, lint_where(s, r),
                     "create it, and ask for it or send anybody there only after that time",
                     "a resolver that asked for it while it is not there keeps that answer for %u "
                     "seconds (the zone's SOA)",
                     seconds);
    }
}

void lint_apex(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        if (strcmp(r->type, "CNAME") == 0 && rrset_name_eq(r->name, zone_of(s, r)->name))
            lint_say(s, lint_where(s, r),
                     "use A and AAAA sets there: with addresses, or as aliases (AliasTarget) of "
                     "what the CNAME would name",
                     "the name of the zone itself cannot have a CNAME record");
    }
}

/* RFC 1034, section 3.6.2: a CNAME is alone at its name. Route 53 refuses every batch that would
 * leave it otherwise, and a ramp's CREATEs are such. */
void lint_cname_beside(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];
        bool cname = strcmp(r->type, "CNAME") == 0;
        size_t from, to;

        if (!r->n_sets)
            continue;
        neighbours(s, r, &from, &to);
        for (; from < to; from++) {
            const char *other = zone_of(s, r)->sets[from].type;

            if (strcmp(other, r->type) == 0 || (!cname && strcmp(other, "CNAME") != 0))
                continue;
            lint_say(s, lint_where(s, r),
                     cname ? "delete the other records of this name, or give it address sets or "
                             "aliases instead of the CNAME"
                           : "delete the CNAME, or move that instead of these",
                     "a CNAME cannot stand beside other records, and this name has one of type %s "
                     "too: Route 53 would refuse every change of it",
                     other);
            break;
        }
    }
}

/* The lease is a TXT record: its name must not be a CNAME's. */
void lint_lease_beside(struct lint_scene *s)
{
    for (size_t i = 0; !s->plan->lease_off && i < s->survey->n_zones; i++) {
        const struct survey_zone *z = &s->survey->zones[i];
        char *own = s->plan->lease_name ? NULL : lease_record_name(z->name);
        const char *name = own ? own : s->plan->lease_name;

        for (size_t k = 0; k < z->n_sets; k++)
            if (strcmp(z->sets[k].type, "CNAME") == 0 && rrset_name_eq(z->sets[k].name, name)) {
                lint_say(s, survey_where(s->survey->mem, z->sets[k].name, z->sets[k].type),
                         "delete it, or say `lease: {name: ...}` in the plan",
                         "the lease, a TXT record, is to stand here, and nothing stands beside a "
                         "CNAME");
                break;
            }
        free(own);
    }
}

/* A private zone has no name servers of its own; a resolver of its VPCs asks it, and gives what it
 * holds in its cache. Only whoever names servers in the plan knows better. */
void lint_private_unseen(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_zones; i++)
        if (s->survey->zones[i].private_zone && s->plan->verify == PLAN_VERIFY_DNS &&
            !s->plan->route53.servers_n)
            lint_say(s, lint_safe(s, s->survey->zones[i].asked),
                     "say `verify: api` in the plan, or name servers that answer for it under "
                     "`route53: {servers: [...]}`",
                     "it is a private zone, which no name server answers for outside its VPCs: "
                     "`verify: dns` could see nothing");
}

/* The plan moves records of a twin, too: then somebody thought of it. */
static bool twin_is_planned(const struct lint_scene *s, size_t zone)
{
    for (size_t i = 0; i < s->survey->n_zones; i++)
        if (i != zone && strstr(s->facts->twins[zone], s->survey->zones[i].id))
            return true;
    return false;
}

void lint_twin(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_zones; i++)
        if (s->facts->twins[i] && !twin_is_planned(s, i))
            lint_say(s, lint_safe(s, s->survey->zones[i].asked),
                     "move the records of the other zone too (`zone:` at a record names it), or "
                     "know that its clients stay where they are",
                     "there is another zone of this name, %s: who asks inside a private zone's VPC "
                     "is answered by that one",
                     s->facts->twins[i]);
}

/* ---- What clients use beside the plan's records ---- */

void lint_family(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];
        const char *other = strcmp(r->type, "A") == 0      ? "AAAA"
                            : strcmp(r->type, "AAAA") == 0 ? "A"
                                                           : NULL;
        size_t from, to;

        if (!other || !r->n_sets || lint_record(s, r->name, other) ||
            survey_found(s->survey, "type_left"))
            continue;
        neighbours(s, r, &from, &to);
        for (; from < to; from++)
            if (strcmp(zone_of(s, r)->sets[from].type, other) == 0) {
                lint_say(s, lint_where(s, r),
                         "make it weighted with sets of both sides and add it to the plan, or "
                         "delete it",
                         "it has %s records that are not in the plan: clients of that family stay "
                         "where these lead, and happy eyeballs hides it",
                         other);
                break;
            }
    }
}

void lint_hints(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];
        size_t from, to;

        if (!lint_takes_clients(r->type) || !r->n_sets)
            continue;
        neighbours(s, r, &from, &to);
        for (; from < to; from++) {
            const struct rrset *set = &zone_of(s, r)->sets[from];

            if ((strcmp(set->type, "HTTPS") != 0 && strcmp(set->type, "SVCB") != 0) ||
                lint_record(s, set->name, set->type))
                continue;
            lint_say(s, lint_where(s, r),
                     "take address hints and targets out of it, or move it with the plan",
                     "it has a record of type %s that is not in the plan: browsers may follow its "
                     "target or its address hints instead",
                     set->type);
            break;
        }
    }
}

void lint_wildcard_parent(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];
        const char *plain = lint_plain(s, r->name);

        if (!r->n_sets || !text_starts_with(plain, "*."))
            continue;
        for (const struct rrset *set = survey_first(s->survey, r->zone, plain + 2); set;
             set = survey_next(s->survey, r->zone, set)) {
            if (!lint_takes_clients(set->type) || lint_record(s, set->name, set->type))
                continue;
            lint_say(s, lint_where(s, r), "add it to the plan if it is to move",
                     "a wildcard does not answer for %s itself, whose %s record is not in the plan",
                     lint_safe(s, plain + 2), set->type);
            break;
        }
    }
}

/* ---- The old side under other names ---- */

struct needles {
    const char *text[NEEDLES_MAX];
    size_t len[NEEDLES_MAX];
    size_t n;
};

static void add_needle(struct needles *n, const char *value)
{
    size_t len = strlen(value);

    len -= len && value[len - 1] == '.';
    if (n->n == NEEDLES_MAX || len < NEEDLE_SHORT)
        return;
    for (size_t i = 0; i < n->n; i++)
        if (n->len[i] == len && strncasecmp(n->text[i], value, len) == 0)
            return;
    n->text[n->n] = value;
    n->len[n->n++] = len;
}

static struct needles old_values(const struct lint_scene *s)
{
    struct needles n = {0};

    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        for (size_t k = 0; k < r->n_sets; k++) {
            if (r->side[k] != PLAN_OLD || !lint_takes_clients(r->type))
                continue;
            if (r->sets[k].alias_name)
                add_needle(&n, r->sets[k].alias_name);
            for (size_t v = 0; v < r->sets[k].n_values; v++)
                add_needle(&n, r->sets[k].values[v]);
        }
    }
    return n;
}

/* A letter, digit or hyphen goes on with a name or a number. In IPv6 so does a colon; in a name a
 * dot before it ("not-" + "old.example.net" is another name), but not one behind it, where it may
 * end. */
static bool goes_on(char c, bool six)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '_' ||
           (six && c == ':');
}

static bool names(const char *text, const struct needles *n)
{
    for (size_t i = 0; i < n->n; i++) {
        bool six = memchr(n->text[i], ':', n->len[i]) != NULL;

        for (const char *p = text; *p; p++) {
            char after;

            if (strncasecmp(p, n->text[i], n->len[i]) != 0)
                continue;
            after = p[n->len[i]];
            if (after == '.' && goes_on(p[n->len[i] + 1], six))
                continue;
            if ((p == text || !(goes_on(p[-1], six) || p[-1] == '.')) && !goes_on(after, six))
                return true;
        }
    }
    return false;
}

static bool set_names(const struct rrset *set, const struct needles *n)
{
    if (set->alias_name && names(set->alias_name, n))
        return true;
    for (size_t i = 0; i < set->n_values; i++)
        if (names(set->values[i], n))
            return true;
    return false;
}

static void mark_planned(const struct lint_scene *s, uint32_t zone, bool *planned)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        for (size_t k = 0; r->zone == zone && k < r->n_sets; k++)
            planned[(size_t)(r->sets - s->survey->zones[zone].sets) + k] = true;
    }
}

void lint_old_named(struct lint_scene *s)
{
    const struct needles n = old_values(s);

    for (uint32_t z = 0; n.n && z < s->survey->n_zones; z++) {
        const struct survey_zone *zone = &s->survey->zones[z];
        bool *planned = x_calloc(zone->n_sets + 1, sizeof *planned);
        struct buf shown SL_CLEANUP(buf_clear) = {0};
        size_t count = 0;

        mark_planned(s, z, planned);
        for (size_t i = 0; i < zone->n_sets; i++) {
            if (planned[i] || !set_names(&zone->sets[i], &n))
                continue;
            if (count++ < NAMES_SHOWN)
                buf_addf(&shown, "%s%s", count > 1 ? ", " : "",
                         survey_where(s->survey->mem, zone->sets[i].name, zone->sets[i].type));
        }
        free(planned);
        if (count)
            lint_say(s, lint_safe(s, zone->asked),
                     "add them to the plan, or change them before the old fleet goes",
                     "%zu record set%s outside the plan name%s an address or target of the old "
                     "side: %s%s",
                     count, count == 1 ? "" : "s", count == 1 ? "s" : "", buf_str(&shown),
                     count > NAMES_SHOWN ? ", …" : "");
    }
}

/* The hash of the plan and every field of its records are watched; what stands behind a target's
 * name is not. */
void lint_unwatched(struct lint_scene *s)
{
    const struct survey_record *first = NULL;
    const char *target = NULL;
    size_t n = 0;

    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        for (size_t k = 0; k < r->n_sets; k++) {
            const char *to = r->sets[k].alias_name ? r->sets[k].alias_name
                             : strcmp(r->type, "CNAME") == 0 && r->sets[k].n_values
                                 ? r->sets[k].values[0]
                                 : NULL;

            if (!to)
                continue;
            n++;
            target = target ? target : to;
            first = first ? first : r;
        }
    }
    if (n)
        lint_say(s, lint_where(s, first),
                 "let nobody change what they lead to during the run; the probes follow the "
                 "addresses found at its start",
                 "%zu set%s of the plan lead%s to a name, such as %s, whose own records are not "
                 "watched for changes",
                 n, n == 1 ? "" : "s", n == 1 ? "s" : "", lint_safe(s, target));
}
