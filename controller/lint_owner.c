/* lint_owner.c: who else writes these records. */
#include <string.h>
#include <strings.h>

#include "lint_int.h"
#include "sluice/text.h"

#define HERITAGE      "heritage=external-dns"
#define OWNER         "external-dns/owner="
#define OWNER_MAX     63
#define PREFIX_JOINTS "-._"

static const char *heritage_of(const struct rrset *set)
{
    for (size_t i = 0; strcmp(set->type, "TXT") == 0 && i < set->n_values; i++)
        if (strstr(set->values[i], HERITAGE))
            return set->values[i];
    return NULL;
}

static const char *owner_of(const struct lint_scene *s, const char *heritage)
{
    const char *at = strstr(heritage, OWNER);
    size_t len;

    if (!at)
        return "unknown";
    at += strlen(OWNER);
    len = strcspn(at, ",\"");
    return lint_safe(s, arena_strndup(s->survey->mem, at, len < OWNER_MAX ? len : OWNER_MAX));
}

/* external-dns writes its TXT record at the record's own name, or at "cname-www.example.com", or
 * behind a prefix of the operator's choice ("dns-www…", "owner.www…"). */
static bool is_of(const char *txt_name, const char *name)
{
    size_t a = strlen(txt_name), b = strlen(name);

    if (a < b || strcasecmp(txt_name + a - b, name) != 0)
        return false;
    return a == b || strchr(PREFIX_JOINTS, txt_name[a - b - 1]);
}

/* The heritage record of r; NULL when there is none. */
static const char *claim_on(const struct lint_scene *s, const struct survey_record *r)
{
    const struct survey_zone *z = &s->survey->zones[r->zone];
    const char *plain = lint_plain(s, r->name);

    for (size_t i = 0; i < z->n_sets; i++) {
        const char *heritage = heritage_of(&z->sets[i]);

        if (heritage && is_of(lint_plain(s, z->sets[i].name), plain))
            return heritage;
    }
    return NULL;
}

static size_t count_heritage(const struct survey_zone *z, const char **first)
{
    size_t n = 0;

    for (size_t i = 0; i < z->n_sets; i++) {
        const char *heritage = heritage_of(&z->sets[i]);

        if (heritage && !n++)
            *first = heritage;
    }
    return n;
}

/* A zone without any heritage record is the common case: one pass over it answers for all. */
static bool zone_has_heritage(const struct lint_scene *s, uint32_t zone)
{
    const char *first;

    return count_heritage(&s->survey->zones[zone], &first) > 0;
}

void lint_external_dns(struct lint_scene *s)
{
    bool any[LINT_ZONES_MAX];

    for (uint32_t z = 0; z < s->survey->n_zones; z++)
        any[z] = zone_has_heritage(s, z);
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];
        const char *heritage = any[r->zone] && r->n_sets ? claim_on(s, r) : NULL;

        if (heritage)
            lint_say(s, lint_where(s, r),
                     "take the record from external-dns (its TXT record deleted, the source's "
                     "annotations gone, or `--policy=create-only`), or scale it to 0 for the run",
                     "external-dns (owner %s) keeps this record: its next round puts the weights "
                     "back to what the cluster says, and the run holds",
                     owner_of(s, heritage));
    }
}

void lint_external_dns_zone(struct lint_scene *s)
{
    for (uint32_t z = 0; z < s->survey->n_zones; z++) {
        const char *first = NULL;
        size_t n = count_heritage(&s->survey->zones[z], &first);

        if (n && !survey_found(s->survey, "external_dns"))
            lint_say(s, lint_safe(s, s->survey->zones[z].asked),
                     "see that none of its sources names a record of the plan",
                     "external-dns (owner %s) works in this zone: %zu heritage record%s, none of "
                     "them of a record of the plan",
                     owner_of(s, first), n, n == 1 ? "" : "s");
    }
}

/* Nothing in the zone tells of Terraform; so it is said unless somebody else owns the record. */
void lint_terraform(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        if (!r->n_sets || !r->sets[0].weighted || (zone_has_heritage(s, r->zone) && claim_on(s, r)))
            continue;
        lint_say(s, lint_where(s, r),
                 "lifecycle { ignore_changes = [weighted_routing_policy] } in every set's "
                 "resource (examples/terraform/ignore_changes.tf)",
                 "if Terraform or Pulumi keeps it, the next apply puts the old weights back");
        return;
    }
}

void lint_policy(struct lint_scene *s)
{
    for (size_t i = 0; i < s->survey->n_records; i++) {
        const struct survey_record *r = &s->survey->records[i];

        for (size_t k = 0; k < s->facts->n_policies; k++) {
            const struct route53_policy *p = &s->facts->policies[k];

            if (!r->n_sets || !r->sets[0].traffic_policy ||
                strcmp(r->sets[0].traffic_policy, p->id) != 0)
                continue;
            lint_say(s, lint_where(s, r),
                     "deleting its set leaves the instance, which is charged for: delete the "
                     "instance, then create weighted sets",
                     "its traffic policy is %s, version %u, state %s", lint_safe(s, p->policy),
                     p->version, lint_safe(s, p->state));
        }
    }
}
