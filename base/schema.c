#include "sluice/schema.h"

#include <assert.h>
#include <float.h>
#include <string.h>

#include "sluice/text.h"

#define DURATION_MAX_MS ((int64_t)366 * 24 * 3600 * 1000)
#define RATE_MAX_MILLI  1000000u
#define KEYS_SHOWN_MAX  20 /* known keys listed when none is near */

typedef bool decoder(struct schema_ctx *ctx, const struct schema_field *f,
                     const struct doc_node *node, void *out);

static const struct schema_field *find_field(const struct schema *schema, const char *key)
{
    for (size_t i = 0; i < schema->n_fields; i++)
        if (strcmp(schema->fields[i].key, key) == 0)
            return &schema->fields[i];
    return NULL;
}

static void *member(void *base, size_t offset)
{
    return (char *)base + offset;
}

static bool wrong_kind(struct schema_ctx *ctx, const struct schema_field *f,
                       const struct doc_node *node, const char *expected)
{
    if (doc_is_empty(node))
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' has no value; expected %s", f->key,
                        expected);
    if (node->kind == DOC_SCALAR)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' expects %s, not the text '%.80s'", f->key,
                        expected, node->text);
    return doc_fail(node, ctx->err, ERR_FILE, "'%s' expects %s, not %s", f->key, expected,
                    doc_kind_name(node));
}

static bool need_scalar(struct schema_ctx *ctx, const struct schema_field *f,
                        const struct doc_node *node, const char *expected)
{
    if (node->kind != DOC_SCALAR || doc_is_empty(node))
        return wrong_kind(ctx, f, node, expected);
    return true;
}

/* Numbers and booleans are plain: "5" in quotes is a text to everything else that reads YAML. */
static bool need_plain(struct schema_ctx *ctx, const struct schema_field *f,
                       const struct doc_node *node, const char *expected)
{
    if (!need_scalar(ctx, f, node, expected))
        return false;
    if (node->quoted)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' expects %s, not a text in quotes", f->key,
                        expected);
    return true;
}

/* Gives a failure of text_parse_*() its key and place. */
static bool place(struct schema_ctx *ctx, const struct schema_field *f, const struct doc_node *node,
                  const struct err *why)
{
    return doc_fail(node, ctx->err, why->kind, "'%s': %s", f->key, why->text);
}

static bool is_one_line(const struct doc_node *node)
{
    for (size_t i = 0; i < node->len; i++)
        if ((unsigned char)node->text[i] < 0x20 || node->text[i] == 0x7f)
            return false;
    return true;
}

static bool check_text(struct schema_ctx *ctx, const struct schema_field *f,
                       const struct doc_node *node, int64_t min, int64_t max)
{
    if (!need_scalar(ctx, f, node, "a text"))
        return false;
    if (node->len == 0 && !(f->flags & SCHEMA_EMPTY_OK))
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' must not be empty", f->key);
    if ((int64_t)node->len < min)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' is shorter than %lld bytes", f->key,
                        (long long)min);
    if ((int64_t)node->len > (max ? max : SCHEMA_STRING_MAX))
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' is longer than %lld bytes", f->key,
                        (long long)(max ? max : SCHEMA_STRING_MAX));
    if ((f->flags & SCHEMA_ONE_LINE) && !is_one_line(node))
        return doc_fail(node, ctx->err, ERR_FILE,
                        "'%s' must be one line without control characters", f->key);
    return true;
}

static bool decode_string(struct schema_ctx *ctx, const struct schema_field *f,
                          const struct doc_node *node, void *out)
{
    if (!check_text(ctx, f, node, f->min, f->max))
        return false;
    *(const char **)out = node->text;
    return true;
}

static bool decode_bool(struct schema_ctx *ctx, const struct schema_field *f,
                        const struct doc_node *node, void *out)
{
    if (!need_plain(ctx, f, node, "true or false"))
        return false;
    if (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0)
        return wrong_kind(ctx, f, node, "true or false");
    *(bool *)out = node->text[0] == 't';
    return true;
}

static bool decode_u32(struct schema_ctx *ctx, const struct schema_field *f,
                       const struct doc_node *node, void *out)
{
    uint32_t max = f->min || f->max ? (uint32_t)f->max : UINT32_MAX;
    struct err why = {0};

    return need_plain(ctx, f, node, "a whole number") &&
           (text_parse_u32(node->text, (uint32_t)f->min, max, out, &why) ||
            place(ctx, f, node, &why));
}

static bool decode_i64(struct schema_ctx *ctx, const struct schema_field *f,
                       const struct doc_node *node, void *out)
{
    bool bound = f->min || f->max;
    struct err why = {0};

    return need_plain(ctx, f, node, "a whole number") &&
           (text_parse_i64(node->text, bound ? f->min : INT64_MIN, bound ? f->max : INT64_MAX, out,
                           &why) ||
            place(ctx, f, node, &why));
}

static bool decode_double(struct schema_ctx *ctx, const struct schema_field *f,
                          const struct doc_node *node, void *out)
{
    bool bound = f->min || f->max;
    struct err why = {0};

    return need_plain(ctx, f, node, "a number") &&
           (text_parse_double(node->text, bound ? (double)f->min : -DBL_MAX,
                              bound ? (double)f->max : DBL_MAX, out, &why) ||
            place(ctx, f, node, &why));
}

static bool decode_duration(struct schema_ctx *ctx, const struct schema_field *f,
                            const struct doc_node *node, void *out)
{
    struct err why = {0};

    return need_scalar(ctx, f, node, "a duration such as 30s or 5m") &&
           (text_parse_duration_ms(node->text, f->min, f->max ? f->max : DURATION_MAX_MS, out,
                                   &why) ||
            place(ctx, f, node, &why));
}

static bool decode_percent(struct schema_ctx *ctx, const struct schema_field *f,
                           const struct doc_node *node, void *out)
{
    struct err why = {0};

    return need_scalar(ctx, f, node, "a percentage such as 1%") &&
           (text_parse_percent_ppm(node->text, (uint32_t)f->min,
                                   f->max ? (uint32_t)f->max : 1000000u, out, &why) ||
            place(ctx, f, node, &why));
}

static bool decode_rate(struct schema_ctx *ctx, const struct schema_field *f,
                        const struct doc_node *node, void *out)
{
    struct err why = {0};

    return need_scalar(ctx, f, node, "a rate such as 5/s") &&
           (text_parse_rate_milli(node->text, f->max ? (uint32_t)f->max : RATE_MAX_MILLI, out,
                                  &why) ||
            place(ctx, f, node, &why));
}

static bool decode_time(struct schema_ctx *ctx, const struct schema_field *f,
                        const struct doc_node *node, void *out)
{
    struct err why = {0};

    return need_scalar(ctx, f, node, "a time such as 2027-02-03T02:00:00+01:00") &&
           (text_parse_time_ms(node->text, out, &why) || place(ctx, f, node, &why));
}

static void add_words(struct buf *out, const char *const *names)
{
    size_t shown = 0;

    for (; *names; names++)
        if (**names)
            buf_addf(out, "%s%s", shown++ ? ", " : "", *names);
}

static bool decode_enum(struct schema_ctx *ctx, const struct schema_field *f,
                        const struct doc_node *node, void *out)
{
    struct buf words SL_CLEANUP(buf_clear) = {0};
    const char *near;
    size_t n;

    add_words(&words, f->names);
    if (!need_scalar(ctx, f, node, buf_str(&words)))
        return false;
    for (n = 0; f->names[n]; n++)
        if (node->len && strcmp(f->names[n], node->text) == 0) {
            *(int *)out = (int)n;
            return true;
        }
    near = text_nearest(node->text, f->names, n);
    for (size_t i = 0; i < n; i++)
        if (node->len && text_eq_nocase(f->names[i], node->text))
            near = f->names[i];
    if (near && *near)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' cannot be '%.80s'; did you mean '%s'?",
                        f->key, node->text, near);
    return doc_fail(node, ctx->err, ERR_FILE, "'%s' cannot be '%.80s'; expected one of: %s", f->key,
                    node->text, buf_str(&words));
}

static bool check_count(struct schema_ctx *ctx, const struct schema_field *f,
                        const struct doc_node *node, size_t n)
{
    int64_t max = f->max ? f->max : SCHEMA_LIST_MAX;

    if ((int64_t)n < f->min && n == 0)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' must not be empty", f->key);
    if ((int64_t)n < f->min)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' has %zu items, at least %lld are needed",
                        f->key, n, (long long)f->min);
    if ((int64_t)n > max)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' has %zu items, at most %lld are allowed",
                        f->key, n, (long long)max);
    return true;
}

/* The nodes of a list row: the list's, or the one that stands for it. */
static bool need_items(struct schema_ctx *ctx, const struct schema_field *f,
                       const struct doc_node *const *node, const struct doc_node *const **items,
                       size_t *n)
{
    if ((*node)->kind == DOC_LIST) {
        *items = (*node)->items;
        *n = (*node)->n;
    } else if ((f->flags & SCHEMA_OR_ONE) && !doc_is_empty(*node)) {
        *items = node;
        *n = 1;
    } else {
        return wrong_kind(ctx, f, *node, "a list");
    }
    return check_count(ctx, f, *node, *n);
}

static bool decode_strings(struct schema_ctx *ctx, const struct schema_field *f,
                           const struct doc_node *node, void *out, size_t *count)
{
    const struct doc_node *const *items;
    const char **list;
    size_t n;

    if (!need_items(ctx, f, &node, &items, &n))
        return false;
    list = arena_array(ctx->mem, n ? n : 1, sizeof *list);
    for (size_t i = 0; i < n; i++) {
        if (!check_text(ctx, f, items[i], 0, 0))
            return false;
        list[i] = items[i]->text;
    }
    *(const char *const **)out = list;
    *count = n;
    return true;
}

/* True when decoding may go on after a failure: the error is handed to the sink. An inner failure
 * that was handed over already left err empty. */
static bool go_on(struct schema_ctx *ctx)
{
    if (!ctx->sink || ctx->sink->n >= SCHEMA_ERRORS_MAX)
        return false;
    if (ctx->err->kind == ERR_NONE)
        return true;
    if (ctx->sink->n == 0)
        *ctx->first = *ctx->err;
    ctx->sink->n++;
    ctx->sink->add(ctx->sink->self, ctx->err);
    err_clear(ctx->err);
    return true;
}

static bool decode_list(struct schema_ctx *ctx, const struct schema_field *f,
                        const struct doc_node *node, void *out, size_t *count)
{
    const struct doc_node *const *items;
    size_t n;
    bool ok = true;
    char *list;

    if (!need_items(ctx, f, &node, &items, &n))
        return false;
    list = arena_array(ctx->mem, n ? n : 1, f->sub->size);
    for (size_t i = 0; i < n; i++)
        if (!schema_decode_sub(ctx, f->sub, items[i], list + i * f->sub->size)) {
            ok = false;
            if (!go_on(ctx))
                return false;
        }
    *(void **)out = list;
    *count = n;
    return ok;
}

static bool decode_free_map(struct schema_ctx *ctx, const struct schema_field *f,
                            const struct doc_node *node, void *out, size_t *count)
{
    size_t size = f->sub ? f->sub->size : sizeof(struct schema_entry);
    bool ok = true;
    char *list;

    if (node->kind != DOC_MAP)
        return wrong_kind(ctx, f, node, "a map");
    if (!check_count(ctx, f, node, node->n))
        return false;
    list = arena_array(ctx->mem, node->n ? node->n : 1, size);
    for (size_t i = 0; i < node->n; i++) {
        void *item = list + i * size;

        if (!f->sub) {
            *(struct schema_entry *)item =
                (struct schema_entry){node->pairs[i].key, node->pairs[i].value};
            continue;
        }
        if (f->sub->key)
            *(const char **)member(item, f->sub->key - 1) = node->pairs[i].key->text;
        if (!schema_decode_sub(ctx, f->sub, node->pairs[i].value, item)) {
            ok = false;
            if (!go_on(ctx))
                return false;
        }
    }
    *(void **)out = list;
    *count = node->n;
    return ok;
}

static decoder *const scalar_decoders[SCHEMA_TYPE_COUNT] = {
    [SCHEMA_STRING] = decode_string,   [SCHEMA_BOOL] = decode_bool,
    [SCHEMA_U32] = decode_u32,         [SCHEMA_I64] = decode_i64,
    [SCHEMA_DOUBLE] = decode_double,   [SCHEMA_DURATION] = decode_duration,
    [SCHEMA_PERCENT] = decode_percent, [SCHEMA_RATE] = decode_rate,
    [SCHEMA_TIME] = decode_time,       [SCHEMA_ENUM] = decode_enum,
};

static bool decode_value(struct schema_ctx *ctx, const struct schema_field *f,
                         const struct doc_node *node, void *base)
{
    void *out = member(base, f->offset);
    size_t spare, *count = f->count ? member(base, f->count - 1) : &spare;
    void *sub;

    switch (f->type) {
    case SCHEMA_STRINGS:
        return decode_strings(ctx, f, node, out, count);
    case SCHEMA_LIST:
        return decode_list(ctx, f, node, out, count);
    case SCHEMA_FREE_MAP:
        return decode_free_map(ctx, f, node, out, count);
    case SCHEMA_MAP:
        return schema_decode_sub(ctx, f->sub, node, out);
    case SCHEMA_MAP_PTR:
        sub = arena_alloc(ctx->mem, f->sub->size);
        *(void **)out = sub;
        return schema_decode_sub(ctx, f->sub, node, sub);
    case SCHEMA_NODE:
        *(const struct doc_node **)out = node;
        return true;
    case SCHEMA_CUSTOM:
        return f->hook(ctx, f, node, out);
    default:
        assert(scalar_decoders[f->type]);
        return scalar_decoders[f->type](ctx, f, node, out);
    }
}

bool schema_decode_field(struct schema_ctx *ctx, const struct schema_field *f,
                         const struct doc_node *node, void *base)
{
    if (f->at)
        *(const struct doc_node **)member(base, f->at - 1) = node;
    return decode_value(ctx, f, node, base);
}

static bool unknown_key(struct schema_ctx *ctx, const struct schema *schema,
                        const struct doc_node *key)
{
    struct buf words SL_CLEANUP(buf_clear) = {0};
    const char **names = arena_array(ctx->mem, schema->n_fields + 1, sizeof *names);
    const char *near;

    for (size_t i = 0; i < schema->n_fields; i++)
        names[i] = schema->fields[i].key;
    near = text_nearest(key->text, names, schema->n_fields);
    if (near)
        return doc_fail(key, ctx->err, ERR_FILE, "unknown key '%.80s' in %s; did you mean '%s'?",
                        key->text, schema->name, near);
    if (schema->n_fields > KEYS_SHOWN_MAX)
        return doc_fail(key, ctx->err, ERR_FILE, "unknown key '%.80s' in %s", key->text,
                        schema->name);
    add_words(&words, names);
    return doc_fail(key, ctx->err, ERR_FILE, "unknown key '%.80s' in %s; known: %s", key->text,
                    schema->name, buf_str(&words));
}

/* A preset is read like a value in the file, so the table cannot hold one the file could not. */
static bool use_preset(struct schema_ctx *ctx, const struct schema_field *f,
                       const struct doc_node *where, void *base)
{
    struct doc_node *node = arena_alloc(ctx->mem, sizeof *node);

    *node = (struct doc_node){.kind = DOC_SCALAR, .pos = where->pos, .doc = where->doc};
    node->text = f->preset;
    node->len = strlen(f->preset);
    return decode_value(ctx, f, node, base);
}

/* Fills in what the file left out; `seen` tells which rows it had. Inside an absent map nothing is
 * required. */
static bool fill_absent(struct schema_ctx *ctx, const struct schema *schema,
                        const struct doc_node *node, const bool *seen, void *base)
{
    bool ok = true;

    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct schema_field *f = &schema->fields[i];
        bool fine = true;

        if (seen && seen[i])
            continue;
        if (f->preset)
            fine = use_preset(ctx, f, node, base);
        else if (f->type == SCHEMA_MAP && !(f->flags & SCHEMA_REQUIRED))
            fine = fill_absent(ctx, f->sub, node, NULL, member(base, f->offset));
        else if (seen && (f->flags & SCHEMA_REQUIRED))
            fine =
                doc_fail(node, ctx->err, ERR_FILE, "%s needs the key '%s'", schema->name, f->key);
        if (!fine) {
            ok = false;
            if (!go_on(ctx))
                return false;
        }
    }
    return ok;
}

static bool decode_pairs(struct schema_ctx *ctx, const struct schema *schema,
                         const struct doc_node *node, bool *seen, void *out)
{
    bool ok = true;

    for (size_t i = 0; i < node->n; i++) {
        const struct doc_node *key = node->pairs[i].key;
        const struct schema_field *f = find_field(schema, key->text);

        if (f)
            seen[f - schema->fields] = true;
        if (f ? schema_decode_field(ctx, f, node->pairs[i].value, out)
              : unknown_key(ctx, schema, key))
            continue;
        ok = false;
        if (!go_on(ctx))
            return false;
    }
    return ok;
}

/* The row a value without keys stands for, or NULL. */
static const struct schema_field *short_form(const struct schema *schema,
                                             const struct doc_node *node)
{
    const char *key = node->kind == DOC_SCALAR ? schema->scalar_key
                      : node->kind == DOC_LIST ? schema->list_key
                                               : NULL;

    return key && !doc_is_empty(node) ? find_field(schema, key) : NULL;
}

bool schema_decode_sub(struct schema_ctx *ctx, const struct schema *schema,
                       const struct doc_node *node, void *out)
{
    const struct schema_field *only = short_form(schema, node);
    bool *seen = arena_array(ctx->mem, schema->n_fields, sizeof *seen);
    bool ok;

    if (schema->at)
        *(const struct doc_node **)member(out, schema->at - 1) = node;
    if (only) {
        seen[only - schema->fields] = true;
        ok = schema_decode_field(ctx, only, node, out);
    } else if (node->kind == DOC_MAP) {
        ok = decode_pairs(ctx, schema, node, seen, out);
    } else {
        return doc_fail(node, ctx->err, ERR_FILE, "expected a map (%s) here, not %s", schema->name,
                        doc_kind_name(node));
    }
    if (!ok && ctx->err->kind != ERR_NONE && !go_on(ctx))
        return false;
    ok = fill_absent(ctx, schema, node, seen, out) && ok;
    return ok && (!schema->check || schema->check(ctx, node, out));
}

bool schema_decode(void *out, const struct schema *schema, const struct doc_node *node,
                   struct arena *mem, struct err *err)
{
    return schema_decode_all(out, schema, node, mem, NULL, NULL, err);
}

bool schema_decode_all(void *out, const struct schema *schema, const struct doc_node *node,
                       struct arena *mem, void *user, struct schema_sink *sink, struct err *err)
{
    struct err work = {0}, first = {0};
    struct schema_ctx ctx = {.mem = mem, .err = &work, .sink = sink, .first = &first, .user = user};

    if (schema_decode_sub(&ctx, schema, node, out))
        return true;
    go_on(&ctx); /* the last one: a check's, or the root's own */
    if (err && err->kind == ERR_NONE)
        *err = first.kind != ERR_NONE ? first : work;
    return false;
}
