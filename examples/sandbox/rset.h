/* rset.h: one resource record set, and a sorted table of them.
 *
 * Sets never change once they are in a table: an edit makes a new set. So tables of different
 * moments share them, and a snapshot of a zone costs one array of pointers. Both are counted. */
#ifndef SANDBOX_RSET_H
#define SANDBOX_RSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"

/* In alphabetical order: the order of the enum is the order of a listing. */
enum rtype {
    RTYPE_A,
    RTYPE_AAAA,
    RTYPE_CAA,
    RTYPE_CNAME,
    RTYPE_DS,
    RTYPE_HTTPS,
    RTYPE_MX,
    RTYPE_NAPTR,
    RTYPE_NS,
    RTYPE_PTR,
    RTYPE_SOA,
    RTYPE_SPF,
    RTYPE_SRV,
    RTYPE_SSHFP,
    RTYPE_SVCB,
    RTYPE_TLSA,
    RTYPE_TXT,
    RTYPE_COUNT
};

#define RSET_VALUES_MAX      400
#define RSET_VALUE_BYTES_MAX 4000
#define RSET_ID_MAX          128

struct rset {
    unsigned refs;
    char *name; /* stored form (domain.h) */
    char *key;  /* sort key of name */
    enum rtype type;
    char *set_id; /* NULL: a simple set */
    int weight;   /* 0-255; -1: not weighted */
    char *region; /* the other routing policies: kept and listed, never answered by choice */
    char *failover;
    char *continent, *country, *subdivision;
    int multivalue; /* -1: not said */
    int64_t ttl;    /* seconds; -1: alias */
    char **values;
    size_t n_values;
    char *alias_zone; /* NULL: no alias */
    char *alias_name; /* as given */
    bool alias_evaluate;
    char *health_check;
    char *traffic_policy;
};

const char *rtype_name(enum rtype type);
bool rtype_parse(const char *name, enum rtype *out) SL_MUST_CHECK;

struct rset *rset_new(void); /* one reference, weight, ttl and multivalue -1 */
struct rset *rset_ref(struct rset *s);
void rset_unref(struct rset *s); /* NULL is fine */

/* Sets the name; false with Route 53's words for the fault (domain.h). */
bool rset_set_name(struct rset *s, const char *text, const char **why) SL_MUST_CHECK;
void rset_add_value(struct rset *s, const char *value);
void rset_set_values(struct rset *s, char *const *values, size_t n);

/* Order of a listing: reversed name, type, set identifier. */
int rset_compare(const struct rset *a, const struct rset *b);
bool rset_same_group(const struct rset *a, const struct rset *b); /* equal name and type */

/* How a DELETE is compared with what stands: values in any order, CNAME targets without regard to
 * case and a trailing dot, TXT byte for byte; TTL, alias, health check and routing exactly; Weight
 * only where compare_weight. */
bool rset_matches(const struct rset *a, const struct rset *b, bool compare_weight);
bool rset_same_value(enum rtype type, const char *a, const char *b);
bool rset_same_values(const struct rset *a, const struct rset *b);

/* Checks the form of every value. On failure appends Route 53's message to why. Only A, AAAA,
 * CNAME, NS, PTR and TXT are looked into. */
bool rset_check_values(const struct rset *s, struct buf *why) SL_MUST_CHECK;

struct rtable {
    unsigned refs;
    struct rset **sets; /* in order of rset_compare() */
    size_t n, cap;
};

struct rtable *rtable_new(void);
struct rtable *rtable_copy(const struct rtable *t);
struct rtable *rtable_ref(struct rtable *t);
void rtable_unref(struct rtable *t);

/* The first position whose set is not below (key, type, set_id); set_id NULL sorts first. */
size_t rtable_lower(const struct rtable *t, const char *key, const char *name, enum rtype type,
                    const char *set_id);
struct rset *rtable_find(const struct rtable *t, const struct rset *like); /* borrowed or NULL */
/* The group's first position and its length (0: no such name and type). */
size_t rtable_group(const struct rtable *t, const char *name, enum rtype type, size_t *first);
/* All sets of a name, whatever their type. */
size_t rtable_name(const struct rtable *t, const char *name, size_t *first);
void rtable_put(struct rtable *t,
                struct rset *s); /* takes a reference of its own; replaces its like */
void rtable_drop(struct rtable *t, const struct rset *like);

#endif
