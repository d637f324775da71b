/* rrset.h: one resource record set as Route 53 lists it, and what compares and copies it.
 *
 * sluice never invents a field: what is sent back is what was read, with another Weight. So every field
 * is kept byte for byte as listed (names with their octal escapes and trailing dot, TXT values with their
 * quotes). Strings are borrowed from the arena that the listing lives in. Source: Route 53 API reference,
 * ResourceRecordSet, 2013-04-01. */
#ifndef SLUICE_RRSET_H
#define SLUICE_RRSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;

#define RRSET_WEIGHT_MAX     255
#define RRSET_GROUP_SETS_MAX 100 /* sets of one name and type */
#define RRSET_VALUES_MAX     400 /* values of one set */

struct rrset {
    const char *name;    /* "www.example.com.", "\\052.shops.example.com." */
    const char *type;    /* "A", "CNAME", ... */
    const char *set_id;  /* SetIdentifier; NULL for a simple record */
    bool weighted;       /* Weight was listed */
    uint32_t weight;     /* 0 to 255 */
    bool has_ttl;        /* false for alias sets */
    uint32_t ttl;        /* seconds */
    const char *const *values; /* as listed, in order; NULL for alias sets */
    size_t n_values;
    const char *alias_zone;    /* AliasTarget/HostedZoneId; NULL when this is no alias */
    const char *alias_name;    /* AliasTarget/DNSName */
    bool alias_health;         /* AliasTarget/EvaluateTargetHealth */
    const char *health_check;  /* HealthCheckId or NULL */
    const char *traffic_policy; /* TrafficPolicyInstanceId or NULL: such a set is never edited */
    const char *routing;       /* the routing policy when it is neither simple nor weighted ("Region",
                                  "Failover", "GeoLocation", ...), else NULL: never edited */
};

/* True when every field is equal; weights only when with_weight. Names compare as rrset_name_eq(). */
bool rrset_eq(const struct rrset *a, const struct rrset *b, bool with_weight);

/* The first field in which two sets of one name, type and id differ, as a word for people ("weight",
 * "value", "ttl", "health check", "alias target", "routing"), or NULL when they are equal. */
const char *rrset_difference(const struct rrset *a, const struct rrset *b);

/* DNS names without regard to case, trailing dot and octal escapes (\052 is *). */
bool rrset_name_eq(const char *a, const char *b);
/* Equal names have equal hashes. */
uint32_t rrset_name_hash(const char *name);

/* A listed name as people and Host headers write it: octal escapes read, no final dot. Appends. */
void rrset_plain_name(const char *listed, struct buf *out);

/* Orders by name (labels from the right), type, set id: Route 53's listing order. */
int rrset_compare(const struct rrset *a, const struct rrset *b);

/* A copy whose strings live in mem. */
struct rrset rrset_copy(struct arena *mem, const struct rrset *from);

/* What Route 53 counts of one set in a batch (Developer Guide, quotas on ChangeResourceRecordSets):
 * ResourceRecord elements (1 for an alias) and characters over all values. */
size_t rrset_elements(const struct rrset *s);
size_t rrset_characters(const struct rrset *s);

#endif
