/* shape.c: reading shapes off values, fitting and comparing them. */
#include "shape.h"

#include <string.h>

#include "sluice/json.h"

#define BIT(t)   (1u << (t))
#define TYPE_ALL (BIT(SUITE_TYPE_COUNT) - 1)

void shape_add_types(struct buf *out, uint32_t types)
{
    size_t begin = out->len;

    if ((types & TYPE_ALL) == TYPE_ALL) {
        buf_add_str(out, "any");
        return;
    }
    for (unsigned t = 0; t < SUITE_TYPE_COUNT; t++)
        if (types & BIT(t))
            buf_addf(out, "%s%s", out->len > begin ? " or " : "", suite_type_names[t]);
}

/* The types a value is of: an integer is a number, too. */
static uint32_t types_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return BIT(SUITE_TYPE_STRING);
    case JSON_INTEGER:
        return BIT(SUITE_TYPE_INTEGER) | BIT(SUITE_TYPE_NUMBER);
    case JSON_REAL:
        return BIT(SUITE_TYPE_NUMBER);
    case JSON_TRUE:
    case JSON_FALSE:
        return BIT(SUITE_TYPE_BOOLEAN);
    case JSON_ARRAY:
        return BIT(SUITE_TYPE_LIST);
    case JSON_OBJECT:
        return BIT(SUITE_TYPE_OBJECT);
    case JSON_NULL:
    default:
        return BIT(SUITE_TYPE_NULL);
    }
}

/* Appends a reference token (RFC 6901 section 4). */
static void add_token(struct buf *where, const char *name)
{
    buf_add_char(where, '/');
    for (const char *p = name; *p; p++) {
        if (*p == '~')
            buf_add_str(where, "~0");
        else if (*p == '/')
            buf_add_str(where, "~1");
        else
            buf_add_char(where, *p);
    }
}

/* ---- fitting
 * --------------------------------------------------------------------------------------- */

struct fit {
    struct buf *where;
    const json_t *met;
    const struct shape *wanted;
};

static bool fits(struct fit *f, const struct shape *shape, const json_t *value);

static bool fits_keys(struct fit *f, const struct shape *shape, const json_t *value)
{
    for (size_t i = 0; i < shape->keys_n; i++) {
        const struct shape_key *key = &shape->keys[i];
        const json_t *inner = json_object_get(value, key->name);
        size_t len = f->where->len;

        if (key->optional && (!inner || json_is_null(inner)))
            continue;
        add_token(f->where, key->name);
        if (!inner) {
            f->met = NULL;
            f->wanted = key->shape;
            return false;
        }
        if (!fits(f, key->shape, inner))
            return false;
        buf_cut(f->where, len);
    }
    return true;
}

static bool fits(struct fit *f, const struct shape *shape, const json_t *value)
{
    f->met = value;
    f->wanted = shape;
    if (!(types_of(value) & shape->types))
        return false;
    for (size_t i = 0; shape->item && i < json_array_size(value); i++) {
        size_t len = f->where->len;

        buf_addf(f->where, "/%zu", i);
        if (!fits(f, shape->item, json_array_get(value, i)))
            return false;
        buf_cut(f->where, len);
    }
    return !json_is_object(value) || fits_keys(f, shape, value);
}

bool shape_fits(const struct shape *shape, const json_t *value, const char *pointer,
                struct buf *where, const json_t **met, const struct shape **wanted)
{
    struct fit f = {.where = where};
    bool ok;

    buf_add_str(where, pointer);
    ok = fits(&f, shape, value);
    *met = f.met;
    *wanted = f.wanted;
    return ok;
}

/* ---- reading one off a value
 * ----------------------------------------------------------------------- */

struct seen { /* a shape that still grows; it begins with what it becomes */
    struct shape shape;
    size_t objects; /* laid over each other here */
    struct seen_key *first, *last;
    struct seen *items;
};

struct seen_key {
    const char *name;
    size_t times;
    struct seen *seen;
    struct seen_key *next;
};

struct reader {
    struct arena *mem;
    size_t nodes;
};

static struct seen *new_seen(struct reader *r)
{
    return arena_array(r->mem, 1, sizeof(struct seen));
}

static struct seen_key *key_of(struct reader *r, struct seen *s, struct seen_key **hint,
                               const char *name)
{
    struct seen_key *k = *hint; /* objects of one list have their keys in one order, as a rule */

    if (!k || strcmp(k->name, name) != 0)
        for (k = s->first; k && strcmp(k->name, name) != 0;)
            k = k->next;
    if (!k) {
        k = arena_array(r->mem, 1, sizeof *k);
        k->name = arena_strdup(r->mem, name);
        k->seen = new_seen(r);
        if (s->last)
            s->last->next = k;
        else
            s->first = k;
        s->last = k;
    }
    *hint = k->next;
    return k;
}

static void lay(struct reader *r, struct seen *s, const json_t *value)
{
    uint32_t types = types_of(value);

    if (r->nodes++ >= SHAPE_NODES_MAX)
        return;
    s->shape.types |= json_is_integer(value) ? BIT(SUITE_TYPE_INTEGER) : types;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (!s->items)
                s->items = new_seen(r);
            lay(r, s->items, json_array_get(value, i));
        }
    } else if (json_is_object(value)) {
        json_t *object = (json_t *)(uintptr_t)value; /* jansson's iterators want it so */
        struct seen_key *hint = s->first;

        s->objects++;
        for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
            struct seen_key *k = key_of(r, s, &hint, json_object_iter_key(it));

            k->times++;
            lay(r, k->seen, json_object_iter_value(it));
        }
    }
}

/* What has grown becomes a shape, in place. */
static const struct shape *settle(struct reader *r, struct seen *s)
{
    struct shape_key *keys;
    size_t n = 0;

    for (struct seen_key *k = s->first; k; k = k->next)
        n++;
    keys = arena_array(r->mem, n + 1, sizeof *keys);
    n = 0;
    for (struct seen_key *k = s->first; k; k = k->next)
        keys[n++] = (struct shape_key){k->name, k->times < s->objects, settle(r, k->seen)};
    s->shape.keys = keys;
    s->shape.keys_n = n;
    s->shape.item = s->items ? settle(r, s->items) : NULL;
    return &s->shape;
}

const struct shape *shape_of(struct arena *mem, const json_t *value)
{
    struct reader r = {.mem = mem};
    struct seen *root = new_seen(&r);

    lay(&r, root, value);
    return r.nodes > SHAPE_NODES_MAX ? NULL : settle(&r, root);
}

/* ---- comparing
 * ------------------------------------------------------------------------------------- */

struct comparison {
    struct buf where;
    shape_differs_fn *fn;
    void *ctx;
    bool stopped;
};

static const struct shape_key *find_key(const struct shape *s, const char *name)
{
    for (size_t i = 0; i < s->keys_n; i++)
        if (strcmp(s->keys[i].name, name) == 0)
            return &s->keys[i];
    return NULL;
}

static void tell(struct comparison *c, const char *a, const char *b)
{
    if (!c->stopped)
        c->stopped = !c->fn(c->ctx, buf_str(&c->where), a, b);
}

static void add_presence(struct buf *out, const struct shape *object, const struct shape_key *key)
{
    if (!key)
        buf_add_str(out, "missing");
    else if (key->optional && object->keys_n)
        buf_add_str(out, "sometimes missing");
    else
        shape_add_types(out, key->shape->types);
}

static void compare(struct comparison *c, const struct shape *a, const struct shape *b);

static void compare_key(struct comparison *c, const struct shape *a, const struct shape *b,
                        const char *name)
{
    const struct shape_key *ka = find_key(a, name), *kb = find_key(b, name);
    struct buf wa SL_CLEANUP(buf_clear) = {0}, wb SL_CLEANUP(buf_clear) = {0};
    size_t len = c->where.len;

    add_token(&c->where, name);
    if (!ka || !kb || ka->optional != kb->optional) {
        add_presence(&wa, a, ka);
        add_presence(&wb, b, kb);
        tell(c, buf_str(&wa), buf_str(&wb));
    }
    if (ka && kb)
        compare(c, ka->shape, kb->shape);
    buf_cut(&c->where, len);
}

static void compare(struct comparison *c, const struct shape *a, const struct shape *b)
{
    if (a->types != b->types && a->types && b->types) {
        struct buf wa SL_CLEANUP(buf_clear) = {0}, wb SL_CLEANUP(buf_clear) = {0};

        shape_add_types(&wa, a->types);
        shape_add_types(&wb, b->types);
        tell(c, buf_str(&wa), buf_str(&wb));
    }
    if (a->item && b->item) {
        size_t len = c->where.len;

        buf_add_str(&c->where, "/*");
        compare(c, a->item, b->item);
        buf_cut(&c->where, len);
    }
    if (!(a->types & b->types & BIT(SUITE_TYPE_OBJECT)))
        return;
    for (size_t i = 0; i < a->keys_n && !c->stopped; i++)
        compare_key(c, a, b, a->keys[i].name);
    for (size_t i = 0; i < b->keys_n && !c->stopped; i++)
        if (!find_key(a, b->keys[i].name))
            compare_key(c, a, b, b->keys[i].name);
}

void shape_compare(const struct shape *a, const struct shape *b, shape_differs_fn *fn, void *ctx)
{
    struct comparison c = {.fn = fn, .ctx = ctx};

    compare(&c, a, b);
    buf_clear(&c.where);
}
