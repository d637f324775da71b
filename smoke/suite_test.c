/* suite_test.c: compiles JSON values with templates, predicates and the expectations of a step. */
#include <assert.h>
#include <string.h>

#include "sluice/json.h"
#include "sluice/text.h"
#include "suite_file.h"

/* ---- JSON with templates
 * --------------------------------------------------------------------------- */

struct json_builder {
    struct suite_builder *b;
    struct suite_json_part *parts;
    size_t n, cap;
    struct buf literal; /* waiting to become a part */
    bool plain;         /* no template so far */
};

static void add_part(struct json_builder *j, const struct suite_json_part *part)
{
    if (j->n == j->cap) {
        j->cap = j->cap ? 2 * j->cap : 8;
        j->parts = x_realloc(j->parts, j->cap, sizeof *j->parts);
    }
    j->parts[j->n++] = *part;
}

static void flush_literal(struct json_builder *j)
{
    struct suite_json_part part = {0};

    if (j->literal.len == 0)
        return;
    part.literal = arena_strndup(&j->b->suite->mem, j->literal.data, j->literal.len);
    add_part(j, &part);
    buf_reset(&j->literal);
}

static void add_json_text(struct json_builder *j, const char *s, size_t len)
{
    json_t *text = json_stringn(s, len);

    if (text)
        json_add_compact(&j->literal, text);
    json_decref(text);
}

static bool add_scalar(struct json_builder *j, const struct doc_node *node)
{
    struct suite_json_part part = {.is_string = true};
    struct suite_text text = {.at = node, .text = node->text};
    json_t *value;
    bool is_text;

    if (node->len && strstr(node->text, "{{")) {
        if (!suite_build_text(j->b, &text))
            return false;
        part.tpl = text.tpl;
        j->plain &= template_is_plain(&part.tpl);
        buf_add_char(&j->literal, '"');
        flush_literal(j);
        add_part(j, &part);
        buf_add_char(&j->literal, '"');
        return true;
    }
    value = json_from_doc(node, j->b->err);
    if (!value)
        return false;
    is_text = json_is_string(value);
    if (is_text)
        add_json_text(j, node->text, node->len);
    else
        json_add_compact(&j->literal, value);
    json_decref(value);
    return true;
}

static bool add_node(struct json_builder *j, const struct doc_node *node)
{
    if (node->kind == DOC_SCALAR)
        return add_scalar(j, node);
    buf_add_char(&j->literal, node->kind == DOC_LIST ? '[' : '{');
    for (size_t i = 0; i < node->n; i++) {
        if (i)
            buf_add_char(&j->literal, ',');
        if (node->kind == DOC_MAP) {
            add_json_text(j, node->pairs[i].key->text, node->pairs[i].key->len);
            buf_add_char(&j->literal, ':');
        }
        if (!add_node(j, node->kind == DOC_MAP ? node->pairs[i].value : node->items[i]))
            return false;
    }
    buf_add_char(&j->literal, node->kind == DOC_LIST ? ']' : '}');
    return true;
}

/* Without a name in it the value is made once, here. */
static bool fix_json(struct suite_builder *b, const struct doc_node *node, struct suite_json *out)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err why = {0};

    for (size_t i = 0; i < out->parts_n; i++) {
        if (!out->parts[i].is_string) {
            buf_add_str(&text, out->parts[i].literal);
        } else {
            struct buf raw SL_CLEANUP(buf_clear) = {0};
            struct buf quoted SL_CLEANUP(buf_clear) = {0};
            json_t *value;

            if (!template_expand(&out->parts[i].tpl, NULL, NULL, &raw, NULL, &why))
                return doc_fail(node, b->err, ERR_FILE, "%s", why.text);
            value = json_stringn(buf_str(&raw), raw.len);
            json_add_compact(&quoted, value);
            json_decref(value);
            buf_add(&text, quoted.data + 1, quoted.len - 2);
        }
    }
    out->fixed = json_parse(buf_str(&text), text.len, &why);
    if (!out->fixed)
        return doc_fail(node, b->err, ERR_FILE, "%s", why.text);
    json_array_append_new(b->suite->held, out->fixed);
    return true;
}

bool suite_build_json(struct suite_builder *b, const struct doc_node *node, struct suite_json *out)
{
    struct json_builder j = {.b = b, .plain = true};
    bool ok = add_node(&j, node);

    flush_literal(&j);
    buf_clear(&j.literal);
    out->at = node;
    out->parts_n = j.n;
    if (j.n) {
        struct suite_json_part *parts = arena_array(&b->suite->mem, j.n, sizeof *parts);

        memcpy(parts, j.parts, j.n * sizeof *parts);
        out->parts = parts;
    }
    free(j.parts);
    return ok && (!j.plain || fix_json(b, node, out));
}

/* ---- predicates
 * ------------------------------------------------------------------------------------ */

static bool build_exists(struct suite_builder *b, const struct doc_node *node,
                         struct suite_predicate *p)
{
    if (node->kind != DOC_SCALAR || node->quoted ||
        (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
        return doc_fail(node, b->err, ERR_FILE, "'exists' expects true or false");
    p->flag = node->text[0] == 't';
    return true;
}

static bool build_bound(struct suite_builder *b, const struct doc_node *node,
                        struct suite_predicate *p)
{
    struct err why = {0};

    if (node->kind != DOC_SCALAR || node->quoted || doc_is_empty(node))
        return doc_fail(node, b->err, ERR_FILE, "'%s' expects a number",
                        suite_predicate_name(p->op));
    if (!text_parse_double(node->text, -1e300, 1e300, &p->number, &why))
        return doc_fail(node, b->err, ERR_FILE, "'%s': %s", suite_predicate_name(p->op), why.text);
    return true;
}

bool suite_build_range(struct suite_builder *b, const struct doc_node *node, const char *what,
                       uint32_t *low, uint32_t *high)
{
    struct err why = {0};
    struct suite_predicate range = {0};

    if (node->kind == DOC_MAP) {
        if (!schema_decode(&range, &file_length_schema, node, &b->suite->mem, b->err))
            return false;
        *low = range.low;
        *high = range.high;
        return range.low <= range.high ||
               doc_fail(node, b->err, ERR_FILE, "'at_least' is above 'at_most'");
    }
    if (node->kind != DOC_SCALAR || node->quoted || doc_is_empty(node))
        return doc_fail(node, b->err, ERR_FILE,
                        "'%s' expects a whole number, or a map of at_least and at_most", what);
    if (!text_parse_u32(node->text, 0, UINT32_MAX, low, &why))
        return doc_fail(node, b->err, ERR_FILE, "'%s': %s", what, why.text);
    *high = *low;
    return true;
}

static bool build_predicate(struct suite_builder *b, const struct doc_node *node, bool json,
                            struct suite_predicate *p);

/* A header or body has one text: the target has no pointer. */
static bool build_text_target(struct suite_builder *b, const struct file_target *from,
                              struct suite_predicate *p)
{
    struct suite_target *t = arena_array(&b->suite->mem, 1, sizeof *t);

    t->name = "";
    t->at = from->tests.at;
    p->sub = t;
    p->sub_n = 1;
    return suite_build_tests(b, &from->tests, false, &t->predicates, &t->predicates_n);
}

static bool build_type(struct suite_builder *b, const struct doc_node *node,
                       struct suite_predicate *p)
{
    const struct doc_node *const *items = node->kind == DOC_LIST ? node->items : &node;
    size_t n = node->kind == DOC_LIST ? node->n : 1;

    for (size_t i = 0; i < n; i++) {
        size_t t = 0;

        while (suite_type_names[t] &&
               (items[i]->kind != DOC_SCALAR || strcmp(suite_type_names[t], items[i]->text) != 0))
            t++;
        if (!suite_type_names[t])
            return doc_fail(
                items[i], b->err, ERR_FILE,
                "'type' expects string, number, integer, boolean, null, list or object");
        p->types |= 1u << t;
    }
    return p->types || doc_fail(node, b->err, ERR_FILE, "'type' must not be empty");
}

static bool build_near(struct suite_builder *b, const struct doc_node *node,
                       struct suite_predicate *p)
{
    const struct doc_node *value = doc_get(node, "value"), *within = doc_get(node, "within");
    struct err why = {0};

    if (node->kind != DOC_MAP || node->n != 2 || !value || !within || value->kind != DOC_SCALAR ||
        within->kind != DOC_SCALAR)
        return doc_fail(node, b->err, ERR_FILE, "'near' expects {value: NUMBER, within: NUMBER}");
    if (!text_parse_double(value->text, -1e300, 1e300, &p->number, &why))
        return doc_fail(value, b->err, ERR_FILE, "'value': %s", why.text);
    if (!text_parse_double(within->text, 0, 1e300, &p->within, &why))
        return doc_fail(within, b->err, ERR_FILE, "'within': %s", why.text);
    return true;
}

/* Tests of the value itself, or, where the first key begins with '/', of values inside it. */
static bool build_sub(struct suite_builder *b, const struct doc_node *node, bool json,
                      struct suite_predicate *p)
{
    bool by_pointer =
        json && node->kind == DOC_MAP && node->n && node->pairs[0].key->text[0] == '/';
    struct file_target *targets =
        arena_array(&b->suite->mem, by_pointer ? node->n : 1, sizeof *targets);
    size_t n = by_pointer ? node->n : 1;

    if (++b->sub_depth > SUITE_SUB_DEPTH_MAX)
        return doc_fail(node, b->err, ERR_FILE, "tests inside tests are at most %d deep",
                        SUITE_SUB_DEPTH_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct doc_node *tests = by_pointer ? node->pairs[i].value : node;

        targets[i].name = by_pointer ? node->pairs[i].key->text : "";
        if (!schema_decode(&targets[i].tests,
                           json ? &file_json_tests_schema : &file_text_tests_schema, tests,
                           &b->suite->mem, b->err))
            return false;
        targets[i].tests.at = by_pointer ? node->pairs[i].key : node;
    }
    if (json ? !suite_build_targets(b, targets, n, true, &p->sub, &p->sub_n)
             : !build_text_target(b, targets, p))
        return false;
    b->sub_depth--;
    return true;
}

static bool build_one_of(struct suite_builder *b, const struct doc_node *node, bool json,
                         struct suite_predicate *p)
{
    struct suite_predicate *list;

    if (node->kind != DOC_LIST || node->n == 0)
        return doc_fail(node, b->err, ERR_FILE, "'one_of' expects a list");
    list = arena_array(&b->suite->mem, node->n, sizeof *list);
    for (size_t i = 0; i < node->n; i++) {
        list[i].op = SUITE_EQUALS;
        if (!build_predicate(b, node->items[i], json, &list[i]))
            return false;
    }
    p->choices = list;
    p->choices_n = node->n;
    return true;
}

static bool build_predicate(struct suite_builder *b, const struct doc_node *node, bool json,
                            struct suite_predicate *p)
{
    p->at = node;
    switch (p->op) {
    case SUITE_EQUALS:
        if (json)
            return suite_build_json(b, node, &p->json);
        if (node->kind == DOC_SCALAR && node->quoted && node->len == 0) {
            p->text = (struct suite_text){.at = node, .text = ""};
            return true;
        }
        return suite_build_scalar(b, node, "equals", &p->text);
    case SUITE_CONTAINS:
    case SUITE_STARTS_WITH:
    case SUITE_ENDS_WITH:
        if (node->kind == DOC_SCALAR && node->len == 0)
            return doc_fail(node, b->err, ERR_FILE, "'%s' must not be empty",
                            suite_predicate_name(p->op));
        return suite_build_scalar(b, node, suite_predicate_name(p->op), &p->text);
    case SUITE_MATCHES:
        p->regex = suite_build_regex(b, node);
        return p->regex != NULL;
    case SUITE_EXISTS:
        return build_exists(b, node, p);
    case SUITE_AT_LEAST:
    case SUITE_AT_MOST:
        return build_bound(b, node, p);
    case SUITE_LENGTH:
        return suite_build_range(b, node, "length", &p->low, &p->high);
    case SUITE_TYPE:
        return build_type(b, node, p);
    case SUITE_NEAR:
        return build_near(b, node, p);
    case SUITE_SHAPE:
        p->shape = suite_build_shape(b, node);
        return p->shape != NULL;
    case SUITE_ONE_OF:
        return build_one_of(b, node, json, p);
    case SUITE_ANY:
    case SUITE_ALL:
    case SUITE_NONE:
    case SUITE_NOT:
        return build_sub(b, node, json, p);
    default:
        assert(false);
        return false;
    }
}

/* contains and matches may be lists: every item is a predicate of its own. */
static bool may_be_list(enum suite_predicate_op op)
{
    return op == SUITE_CONTAINS || op == SUITE_MATCHES;
}

bool suite_build_tests(struct suite_builder *b, const struct file_tests *tests, bool json,
                       const struct suite_predicate **out, size_t *out_n)
{
    struct suite_predicate *list;
    size_t n = 0;

    for (size_t op = 0; op < SUITE_PREDICATE_COUNT; op++)
        if (tests->node[op])
            n += may_be_list((enum suite_predicate_op)op) && tests->node[op]->kind == DOC_LIST
                     ? tests->node[op]->n
                     : 1;
    if (n == 0)
        return doc_fail(tests->at, b->err, ERR_FILE, "nothing is expected here");
    list = arena_array(&b->suite->mem, n, sizeof *list);
    n = 0;
    for (size_t op = 0; op < SUITE_PREDICATE_COUNT; op++) {
        const struct doc_node *node = tests->node[op];
        bool is_list;

        if (!node)
            continue;
        is_list = may_be_list((enum suite_predicate_op)op) && node->kind == DOC_LIST;
        for (size_t i = 0; i < (is_list ? node->n : 1); i++) {
            list[n].op = (enum suite_predicate_op)op;
            if (!build_predicate(b, is_list ? node->items[i] : node, json, &list[n]))
                return false;
            n++;
        }
    }
    *out = list;
    *out_n = n;
    return true;
}

/* ---- expectations
 * ---------------------------------------------------------------------------------- */

static bool header_name_ok(const char *name)
{
    /* RFC 9110 section 5.1: a token. */
    for (const char *p = name; *p; p++)
        if (!strchr("!#$%&'*+-.^_`|~", *p) && !(*p >= '0' && *p <= '9') &&
            !(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z'))
            return false;
    return *name;
}

bool suite_build_targets(struct suite_builder *b, const struct file_target *from, size_t n,
                         bool json, const struct suite_target **out, size_t *out_n)
{
    struct suite_target *list = arena_array(&b->suite->mem, n + 1, sizeof *list);

    for (size_t i = 0; i < n; i++) {
        struct err why = {0};

        list[i].name = from[i].name;
        list[i].at = from[i].tests.at;
        if (json && !json_pointer_check_each(from[i].name, &why))
            return doc_fail(list[i].at, b->err, ERR_FILE, "%s", why.text);
        if (!json && !header_name_ok(from[i].name))
            return doc_fail(list[i].at, b->err, ERR_FILE, "this is not a header's name");
        if (!suite_build_tests(b, &from[i].tests, json, &list[i].predicates, &list[i].predicates_n))
            return false;
    }
    *out = list;
    *out_n = n;
    return true;
}

static const struct suite_status success[] = {{200, 299}};
static const struct suite_status any_status[] = {{100, 599}};

static bool build_warn(struct suite_builder *b, const struct file_expect *file,
                       struct suite_expect *out)
{
    struct suite_expect *warn;

    if (!file)
        return true;
    if (file->sse || file->json_lines || file->warn)
        return doc_fail(file->at, b->err, ERR_FILE,
                        "'sse', 'json_lines' and 'warn' cannot stand inside 'warn'");
    warn = arena_array(&b->suite->mem, 1, sizeof *warn);
    if (!suite_build_expect(b, file, NULL, warn))
        return false;
    if (!file->status_at) {
        warn->status = any_status;
        warn->status_n = ARRAY_LEN(any_status);
    }
    out->warn = warn;
    return true;
}

/* `shape:` is one more test of the whole body. */
static bool add_shape(struct suite_builder *b, const struct doc_node *node,
                      struct suite_expect *out)
{
    struct suite_target *list;
    struct suite_predicate *p;

    if (!node)
        return true;
    list = arena_array(&b->suite->mem, out->json_n + 1, sizeof *list);
    p = arena_array(&b->suite->mem, 1, sizeof *p);
    if (out->json_n)
        memcpy(list, out->json, out->json_n * sizeof *list);
    *p = (struct suite_predicate){.op = SUITE_SHAPE, .at = node};
    list[out->json_n] =
        (struct suite_target){.name = "", .at = node, .predicates = p, .predicates_n = 1};
    out->json = list;
    out->json_n++;
    p->shape = suite_build_shape(b, node);
    return p->shape != NULL;
}

bool suite_build_expect(struct suite_builder *b, const struct file_expect *own,
                        const struct file_expect *preset, struct suite_expect *out)
{
    static const struct file_expect nothing;
    const struct file_expect *from;

    own = own ? own : &nothing;
    preset = preset ? preset : &nothing;
    out->at = own->at ? own->at : preset->at;
    from = own->status_at ? own : preset;
    out->status = from->status_at ? from->status.list : success;
    out->status_n = from->status_at ? from->status.n : ARRAY_LEN(success);
    out->status_at = own->status_at; /* what defaults say is not where a reader looks first */
    from = own->headers_at ? own : preset;
    if (!suite_build_targets(b, from->headers, from->headers_n, false, &out->headers,
                             &out->headers_n))
        return false;
    from = own->json_at ? own : preset;
    if (!suite_build_targets(b, from->json, from->json_n, true, &out->json, &out->json_n) ||
        !add_shape(b, own->shape ? own->shape : preset->shape, out))
        return false;
    from = own->body ? own : preset;
    if (from->body && !suite_build_tests(b, from->body, false, &out->body, &out->body_n))
        return false;
    from = own->latency_at ? own : preset;
    out->latency_ms = from->latency_ms;
    out->latency_at = own->latency_at;
    if (!build_warn(b, own->warn ? own->warn : preset->warn, out) ||
        !suite_build_certificate(b, own->certificate ? own->certificate : preset->certificate,
                                 out) ||
        !suite_build_more(b, own, preset, out))
        return false;
    from = own->sse || own->json_lines ? own : preset;
    return suite_build_stream(b, from, out);
}
