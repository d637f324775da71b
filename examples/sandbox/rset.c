#include "rset.h"

#include <arpa/inet.h>
#include <string.h>

#include "domain.h"

static const char *const type_names[] = {
    [RTYPE_A] = "A",     [RTYPE_AAAA] = "AAAA",   [RTYPE_CAA] = "CAA",   [RTYPE_CNAME] = "CNAME",
    [RTYPE_DS] = "DS",   [RTYPE_HTTPS] = "HTTPS", [RTYPE_MX] = "MX",     [RTYPE_NAPTR] = "NAPTR",
    [RTYPE_NS] = "NS",   [RTYPE_PTR] = "PTR",     [RTYPE_SOA] = "SOA",   [RTYPE_SPF] = "SPF",
    [RTYPE_SRV] = "SRV", [RTYPE_SSHFP] = "SSHFP", [RTYPE_SVCB] = "SVCB", [RTYPE_TLSA] = "TLSA",
    [RTYPE_TXT] = "TXT",
};
_Static_assert(ARRAY_LEN(type_names) == RTYPE_COUNT, "a name for every type");

const char *rtype_name(enum rtype type)
{
    return type_names[type];
}

bool rtype_parse(const char *name, enum rtype *out)
{
    for (size_t i = 0; i < ARRAY_LEN(type_names); i++) {
        if (strcmp(name, type_names[i]) == 0) {
            *out = (enum rtype)i;
            return true;
        }
    }
    return false;
}

struct rset *rset_new(void)
{
    struct rset *s = x_zalloc(sizeof *s);

    s->refs = 1;
    s->weight = -1;
    s->multivalue = -1;
    s->ttl = -1;
    return s;
}

struct rset *rset_ref(struct rset *s)
{
    s->refs++;
    return s;
}

static void drop_values(struct rset *s)
{
    for (size_t i = 0; i < s->n_values; i++)
        free(s->values[i]);
    free(s->values);
    s->values = NULL;
    s->n_values = 0;
}

void rset_unref(struct rset *s)
{
    char *owned[11];

    if (!s || --s->refs)
        return;
    drop_values(s);
    memcpy(owned,
           (char *[]){s->name, s->key, s->set_id, s->region, s->failover, s->continent, s->country,
                      s->subdivision, s->alias_zone, s->alias_name, s->health_check},
           sizeof owned);
    for (size_t i = 0; i < ARRAY_LEN(owned); i++)
        free(owned[i]);
    free(s->traffic_policy);
    free(s);
}

bool rset_set_name(struct rset *s, const char *text, const char **why)
{
    struct buf name = {0}, key = {0};

    if (!domain_canonical(text, &name, why)) {
        buf_clear(&name);
        return false;
    }
    domain_sort_key(buf_str(&name), &key);
    free(s->name);
    free(s->key);
    s->name = buf_take(&name);
    s->key = buf_take(&key);
    return true;
}

void rset_add_value(struct rset *s, const char *value)
{
    s->values = x_realloc(s->values, s->n_values + 1, sizeof *s->values);
    s->values[s->n_values++] = x_strdup(value);
}

void rset_set_values(struct rset *s, char *const *values, size_t n)
{
    struct rset old = {.values = s->values, .n_values = s->n_values};

    s->values = NULL;
    s->n_values = 0;
    for (size_t i = 0; i < n; i++)
        rset_add_value(s, values[i]);
    drop_values(&old);
}

static int compare_ids(const char *a, const char *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static int compare_parts(const struct rset *a, const char *key, const char *name, enum rtype type,
                         const char *set_id)
{
    int order = strcmp(a->key, key);

    /* Two names can share a key where a label holds an escaped dot. */
    if (!order)
        order = strcmp(a->name, name);
    if (!order)
        order = (int)a->type - (int)type;
    return order ? order : compare_ids(a->set_id, set_id);
}

int rset_compare(const struct rset *a, const struct rset *b)
{
    return compare_parts(a, b->key, b->name, b->type, b->set_id);
}

bool rset_same_group(const struct rset *a, const struct rset *b)
{
    return a->type == b->type && strcmp(a->name, b->name) == 0;
}

bool rset_same_value(enum rtype type, const char *a, const char *b)
{
    unsigned char x[16], y[16];

    switch (type) {
    case RTYPE_CNAME:
    case RTYPE_NS:
    case RTYPE_PTR:
        return domain_same(a, b);
    case RTYPE_AAAA:
        if (inet_pton(AF_INET6, a, x) == 1 && inet_pton(AF_INET6, b, y) == 1)
            return memcmp(x, y, sizeof x) == 0;
        return strcmp(a, b) == 0;
    default:
        return strcmp(a, b) == 0;
    }
}

bool rset_same_values(const struct rset *a, const struct rset *b)
{
    bool taken[RSET_VALUES_MAX] = {false};

    if (a->n_values != b->n_values || a->n_values > RSET_VALUES_MAX)
        return false;
    for (size_t i = 0; i < a->n_values; i++) {
        size_t k = 0;

        while (k < b->n_values &&
               (taken[k] || !rset_same_value(a->type, a->values[i], b->values[k])))
            k++;
        if (k == b->n_values)
            return false;
        taken[k] = true;
    }
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_alias(const struct rset *a, const struct rset *b)
{
    if (!a->alias_zone || !b->alias_zone)
        return a->alias_zone == b->alias_zone;
    return strcmp(a->alias_zone, b->alias_zone) == 0 && domain_same(a->alias_name, b->alias_name) &&
           a->alias_evaluate == b->alias_evaluate;
}

bool rset_matches(const struct rset *a, const struct rset *b, bool compare_weight)
{
    if ((a->weight < 0) != (b->weight < 0) || (compare_weight && a->weight != b->weight))
        return false;
    return a->ttl == b->ttl && rset_same_values(a, b) && same_alias(a, b) &&
           same_text(a->region, b->region) && same_text(a->failover, b->failover) &&
           same_text(a->continent, b->continent) && same_text(a->country, b->country) &&
           same_text(a->subdivision, b->subdivision) && a->multivalue == b->multivalue &&
           same_text(a->health_check, b->health_check) &&
           same_text(a->traffic_policy, b->traffic_policy);
}

struct rtable *rtable_new(void)
{
    struct rtable *t = x_zalloc(sizeof *t);

    t->refs = 1;
    return t;
}

struct rtable *rtable_ref(struct rtable *t)
{
    t->refs++;
    return t;
}

void rtable_unref(struct rtable *t)
{
    if (!t || --t->refs)
        return;
    for (size_t i = 0; i < t->n; i++)
        rset_unref(t->sets[i]);
    free(t->sets);
    free(t);
}

struct rtable *rtable_copy(const struct rtable *t)
{
    struct rtable *copy = rtable_new();

    copy->n = t->n;
    copy->cap = t->n + 16;
    copy->sets = x_calloc(copy->cap, sizeof(struct rset *));
    for (size_t i = 0; i < t->n; i++)
        copy->sets[i] = rset_ref(t->sets[i]);
    return copy;
}

size_t rtable_lower(const struct rtable *t, const char *key, const char *name, enum rtype type,
                    const char *set_id)
{
    size_t low = 0, high = t->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (compare_parts(t->sets[mid], key, name, type, set_id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct rset *rtable_find(const struct rtable *t, const struct rset *like)
{
    size_t at = rtable_lower(t, like->key, like->name, like->type, like->set_id);

    return at < t->n && rset_compare(t->sets[at], like) == 0 ? t->sets[at] : NULL;
}

size_t rtable_group(const struct rtable *t, const char *name, enum rtype type, size_t *first)
{
    struct buf key SL_CLEANUP(buf_clear) = {0};
    size_t n = 0;

    domain_sort_key(name, &key);
    *first = rtable_lower(t, buf_str(&key), name, type, NULL);
    while (*first + n < t->n && t->sets[*first + n]->type == type &&
           strcmp(t->sets[*first + n]->name, name) == 0)
        n++;
    return n;
}

size_t rtable_name(const struct rtable *t, const char *name, size_t *first)
{
    struct buf key SL_CLEANUP(buf_clear) = {0};
    size_t n = 0;

    domain_sort_key(name, &key);
    *first = rtable_lower(t, buf_str(&key), name, RTYPE_A, NULL);
    while (*first + n < t->n && strcmp(t->sets[*first + n]->name, name) == 0)
        n++;
    return n;
}

void rtable_put(struct rtable *t, struct rset *s)
{
    size_t at = rtable_lower(t, s->key, s->name, s->type, s->set_id);

    rset_ref(s);
    if (at < t->n && rset_compare(t->sets[at], s) == 0) {
        rset_unref(t->sets[at]);
        t->sets[at] = s;
        return;
    }
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        t->sets = x_realloc(t->sets, t->cap, sizeof(struct rset *));
    }
    memmove(t->sets + at + 1, t->sets + at, (t->n - at) * sizeof(struct rset *));
    t->sets[at] = s;
    t->n++;
}

void rtable_drop(struct rtable *t, const struct rset *like)
{
    size_t at = rtable_lower(t, like->key, like->name, like->type, like->set_id);

    if (at >= t->n || rset_compare(t->sets[at], like) != 0)
        return;
    rset_unref(t->sets[at]);
    memmove(t->sets + at, t->sets + at + 1, (t->n - at - 1) * sizeof(struct rset *));
    t->n--;
}
