#include "rrset.h"

#include <string.h>

#include "sluice/arena.h"
#include "sluice/buf.h"

#define LABELS_MAX 128

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* One byte of a listed name: *c is the byte, *escaped whether it was written as \ooo (so that an
 * escaped dot does not end a label). Returns how many characters were read, 0 at the end. */
static size_t next_byte(const char *s, char *c, bool *escaped)
{
    *escaped = false;
    if (!*s)
        return 0;
    if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' &&
        s[3] <= '7') {
        *c = lower((char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0')));
        *escaped = true;
        return 4;
    }
    *c = lower(*s);
    return 1;
}

bool rrset_name_eq(const char *a, const char *b)
{
    for (;;) {
        char x = 0, y = 0;
        bool ex, ey;
        size_t n = next_byte(a, &x, &ex), m = next_byte(b, &y, &ey);

        /* A single trailing dot makes no difference. */
        if (n && x == '.' && !ex && !a[1])
            n = 0;
        if (m && y == '.' && !ey && !b[1])
            m = 0;
        if (!n || !m)
            return n == m;
        if (x != y || (x == '.' && ex != ey))
            return false;
        a += n;
        b += m;
    }
}

uint32_t rrset_name_hash(const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    bool escaped;
    char c;

    for (size_t n; (n = next_byte(name, &c, &escaped)); name += n)
        if (!(c == '.' && !escaped && !name[1]))
            h = (h ^ (unsigned char)c) * 16777619u;
    return h;
}

/* Starts of the labels of s, left to right; the root's empty label is left out. */
static size_t labels(const char *s, const char *starts[LABELS_MAX])
{
    size_t n = 0;
    bool at_start = true, escaped;
    char c;

    for (size_t used; n < LABELS_MAX && (used = next_byte(s, &c, &escaped)); s += used) {
        if (at_start)
            starts[n++] = s;
        at_start = c == '.' && !escaped;
    }
    return n;
}

/* Route 53 sorts the reversed name as a string, dots and all: what ends a label counts as '.', and
 * '-' and its neighbours stand before it (API reference, ListResourceRecordSets). */
static int compare_label(const char *a, const char *b)
{
    for (;;) {
        char x = 0, y = 0;
        bool ex = false, ey = false;
        size_t n = next_byte(a, &x, &ex), m = next_byte(b, &y, &ey);
        bool end_a = !n || (x == '.' && !ex), end_b = !m || (y == '.' && !ey);

        if (end_a && end_b)
            return 0;
        if (end_a)
            x = '.';
        if (end_b)
            y = '.';
        if (x != y)
            return (unsigned char)x < (unsigned char)y ? -1 : 1;
        if (end_a || end_b) /* an escaped dot against the end */
            return end_a ? -1 : 1;
        a += n;
        b += m;
    }
}

static int compare_names(const char *a, const char *b)
{
    const char *la[LABELS_MAX], *lb[LABELS_MAX];
    size_t n, m;

    if (strcmp(a, b) == 0) /* mostly so: the sets of one record */
        return 0;
    n = labels(a, la);
    m = labels(b, lb);
    for (size_t i = 1; i <= n && i <= m; i++) {
        int c = compare_label(la[n - i], lb[m - i]);

        if (c)
            return c;
    }
    return n == m ? 0 : n < m ? -1 : 1;
}

int rrset_compare(const struct rrset *a, const struct rrset *b)
{
    int c = compare_names(a->name, b->name);

    if (c == 0)
        c = strcmp(a->type, b->type);
    return c ? c : strcmp(a->set_id ? a->set_id : "", b->set_id ? b->set_id : "");
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_values(const struct rrset *a, const struct rrset *b)
{
    if (a->n_values != b->n_values)
        return false;
    for (size_t i = 0; i < a->n_values; i++)
        if (!same(a->values[i], b->values[i]))
            return false;
    return true;
}

const char *rrset_difference(const struct rrset *a, const struct rrset *b)
{
    if (!same(a->routing, b->routing) || a->weighted != b->weighted ||
        !same(a->traffic_policy, b->traffic_policy))
        return "routing";
    if (a->weight != b->weight)
        return "weight";
    if (!same_values(a, b))
        return "value";
    if (a->has_ttl != b->has_ttl || a->ttl != b->ttl)
        return "ttl";
    if (!same(a->health_check, b->health_check))
        return "health check";
    if (!same(a->alias_zone, b->alias_zone) || !same(a->alias_name, b->alias_name) ||
        a->alias_health != b->alias_health)
        return "alias target";
    return NULL;
}

bool rrset_eq(const struct rrset *a, const struct rrset *b, bool with_weight)
{
    struct rrset copy = *b;

    if (!with_weight)
        copy.weight = a->weight;
    return rrset_name_eq(a->name, b->name) && same(a->type, b->type) &&
           same(a->set_id, b->set_id) && !rrset_difference(a, &copy);
}

struct rrset rrset_copy(struct arena *mem, const struct rrset *from)
{
    struct rrset to = *from;

    to.name = arena_strdup(mem, from->name);
    to.type = arena_strdup(mem, from->type);
    to.set_id = arena_strdup(mem, from->set_id);
    to.alias_zone = arena_strdup(mem, from->alias_zone);
    to.alias_name = arena_strdup(mem, from->alias_name);
    to.health_check = arena_strdup(mem, from->health_check);
    to.traffic_policy = arena_strdup(mem, from->traffic_policy);
    to.routing = arena_strdup(mem, from->routing);
    if (from->n_values) {
        const char **values = arena_array(mem, from->n_values, sizeof *values);

        for (size_t i = 0; i < from->n_values; i++)
            values[i] = arena_strdup(mem, from->values[i]);
        to.values = values;
    }
    return to;
}

size_t rrset_elements(const struct rrset *s)
{
    return s->n_values ? s->n_values : 1;
}

size_t rrset_characters(const struct rrset *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_values; i++)
        n += strlen(s->values[i]);
    return n;
}

void rrset_plain_name(const char *listed, struct buf *out)
{
    size_t len = strlen(listed);

    if (len > 1 && listed[len - 1] == '.')
        len--;
    for (size_t i = 0; i < len; i++) {
        const char *p = listed + i;

        if (*p == '\\' && i + 3 < len && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
            p[3] >= '0' && p[3] <= '7') {
            buf_add_char(out, (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0')));
            i += 3;
        } else {
            buf_add_char(out, *p);
        }
    }
}
