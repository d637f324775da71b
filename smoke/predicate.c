/* predicate.c: each predicate on text and on JSON. */
#include "predicate.h"

#include <assert.h>
#include <string.h>

#include "shape.h"
#include "sluice/json.h"
#include "sluice/text.h"

static bool fails(struct finding *out, const struct suite_predicate *p)
{
    out->verdict = RUN_FAIL;
    out->at = p->at;
    return false;
}

static bool errs(struct finding *out, const struct suite_predicate *p)
{
    out->verdict = RUN_ERROR;
    out->at = p->at;
    return false;
}

static void add_quoted(struct buf *out, const struct scope *scope, const char *s, size_t len)
{
    buf_add_char(out, '\'');
    finding_add_shown(out, scope->secrets, s, len);
    buf_add_char(out, '\'');
}

/* "header location is '/login', expected …" and the two values on their own. */
static void say_text(struct finding *out, const struct suite_predicate *p,
                     const struct scope *scope, const char *what, const char *text, size_t len,
                     const char *wanted, size_t wanted_len)
{
    static const char *const phrases[SUITE_PREDICATE_COUNT] = {
        [SUITE_EQUALS] = "expected",
        [SUITE_CONTAINS] = "expected it to contain",
        [SUITE_MATCHES] = "expected it to match",
        [SUITE_STARTS_WITH] = "expected it to start with",
        [SUITE_ENDS_WITH] = "expected it to end with",
    };

    buf_addf(&out->sentence, "%s is ", what);
    if (len == 0)
        buf_add_str(&out->sentence, "empty");
    else
        add_quoted(&out->sentence, scope, text, len);
    buf_addf(&out->sentence, ", %s ", phrases[p->op]);
    add_quoted(&out->sentence, scope, wanted, wanted_len);
    finding_add_shown(&out->met, scope->secrets, text, len);
    buf_addf(&out->expected, "%s ", suite_predicate_name(p->op));
    finding_add_shown(&out->expected, scope->secrets, wanted, wanted_len);
}

static bool match(const struct suite_predicate *p, const struct scope *scope, const char *what,
                  const char *text, size_t len, bool cut, struct finding *out)
{
    switch (regex_find(p->regex, text, len, NULL, 0)) {
    case REGEX_MATCH:
        return true;
    case REGEX_LIMIT:
        buf_addf(&out->sentence, "%s could not be searched: the pattern needs too many steps",
                 what);
        return errs(out, p);
    case REGEX_NO_MATCH:
    default:
        break;
    }
    if (cut) {
        buf_addf(&out->sentence,
                 "%s is longer than the %zu bytes that are kept, and they do not match", what, len);
        return errs(out, p);
    }
    say_text(out, p, scope, what, text, len, p->at->text, p->at->len);
    return fails(out, p);
}

static bool holds(enum suite_predicate_op op, const char *text, size_t len, const char *wanted,
                  size_t n)
{
    switch (op) {
    case SUITE_EQUALS:
        return len == n && memcmp(text, wanted, n) == 0;
    case SUITE_CONTAINS:
        return memmem(text, len, wanted, n) != NULL;
    case SUITE_STARTS_WITH:
        return len >= n && memcmp(text, wanted, n) == 0;
    case SUITE_ENDS_WITH:
        return len >= n && memcmp(text + len - n, wanted, n) == 0;
    default:
        assert(false);
        return false;
    }
}

static bool compare(const struct suite_predicate *p, struct scope *scope, const char *what,
                    const char *text, size_t len, bool cut, struct finding *out)
{
    struct buf wanted SL_CLEANUP(buf_wipe) = {0};
    struct err err = {0};

    if (!scope_expand(scope, &p->text.tpl, &wanted, NULL, &err)) {
        buf_addf(&out->sentence, "%s", err.text);
        return errs(out, p);
    }
    if (holds(p->op, text, len, buf_str(&wanted), wanted.len))
        return true;
    if (cut) {
        buf_addf(&out->sentence,
                 "%s is longer than the %zu bytes that are kept, and they do not hold it", what,
                 len);
        return errs(out, p);
    }
    say_text(out, p, scope, what, text, len, buf_str(&wanted), wanted.len);
    return fails(out, p);
}

static bool exists(const struct suite_predicate *p, const char *what, bool there,
                   struct finding *out)
{
    if (there == p->flag)
        return true;
    buf_addf(&out->sentence, p->flag ? "%s is missing" : "%s is there, expected none", what);
    return fails(out, p);
}

static void add_choices(struct buf *out, const struct suite_predicate *p)
{
    for (size_t i = 0; i < p->choices_n; i++)
        buf_addf(out, "%s%.60s",
                 i == 0                  ? ""
                 : i + 1 == p->choices_n ? " or "
                                         : ", ",
                 p->choices[i].at->kind == DOC_SCALAR ? p->choices[i].at->text : "...");
}

static bool text_one_of(const struct suite_predicate *p, struct scope *scope, const char *what,
                        const char *text, size_t len, bool cut, struct finding *out)
{
    for (size_t i = 0; i < p->choices_n; i++) {
        struct finding ignored SL_CLEANUP(finding_clear) = {0};

        if (compare(&p->choices[i], scope, what, text, len, cut, &ignored))
            return true;
    }
    buf_addf(&out->sentence, "%s is ", what);
    add_quoted(&out->sentence, scope, text, len);
    buf_add_str(&out->sentence, ", expected ");
    add_choices(&out->sentence, p);
    finding_add_shown(&out->met, scope->secrets, text, len);
    add_choices(&out->expected, p);
    return fails(out, p);
}

/* "not": fails when everything inside holds, and is undecided when something inside is. */
static bool is_not(const struct suite_predicate *p, bool held, const struct finding *inner,
                   const char *what, struct finding *out)
{
    if (!held && inner->verdict == RUN_ERROR) {
        buf_add_str(&out->sentence, buf_str(&inner->sentence));
        return errs(out, p);
    }
    if (!held)
        return true;
    buf_addf(&out->sentence, "%s is what it must not be", what);
    return fails(out, p);
}

static bool text_not(const struct suite_predicate *p, struct scope *scope, const char *what,
                     const char *text, size_t len, bool cut, struct finding *out)
{
    struct finding inner SL_CLEANUP(finding_clear) = {0};
    const struct suite_target *t = p->sub;
    bool held = true;

    for (size_t i = 0; held && i < t->predicates_n; i++)
        held = predicate_text(&t->predicates[i], scope, what, text, len, cut, &inner);
    if (!is_not(p, held, &inner, what, out)) {
        if (out->verdict == RUN_FAIL && text) {
            buf_add_str(&out->sentence, ": ");
            add_quoted(&out->sentence, scope, text, len);
        }
        return false;
    }
    return true;
}

bool predicate_text(const struct suite_predicate *p, struct scope *scope, const char *what,
                    const char *text, size_t len, bool cut, struct finding *out)
{
    if (p->op == SUITE_EXISTS)
        return exists(p, what, text != NULL, out);
    if (p->op == SUITE_NOT)
        return text_not(p, scope, what, text, len, cut, out);
    if (!text) {
        buf_addf(&out->sentence, "%s is missing", what);
        return fails(out, p);
    }
    if (p->op == SUITE_MATCHES)
        return match(p, scope, what, text, len, cut, out);
    if (p->op == SUITE_ONE_OF)
        return text_one_of(p, scope, what, text, len, cut, out);
    return compare(p, scope, what, text, len, cut, out);
}

/* ---- JSON
 * ------------------------------------------------------------------------------------------ */

static const char *const json_kinds[] = {
    [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a text",
    [JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "true",
    [JSON_FALSE] = "false",      [JSON_NULL] = "null",
};

static void add_json(struct buf *out, const struct scope *scope, const json_t *value)
{
    struct buf line SL_CLEANUP(buf_wipe) = {0};

    json_add_compact(&line, value);
    finding_add_shown(out, scope->secrets, buf_str(&line), line.len);
}

static void say_json(struct finding *out, const struct scope *scope, const char *pointer,
                     const json_t *value)
{
    buf_addf(&out->sentence, "%s is ", pointer[0] ? pointer : "the JSON body");
    add_json(&out->sentence, scope, value);
    add_json(&out->met, scope, value);
}

static bool equals_json(const struct suite_predicate *p, struct scope *scope, const char *pointer,
                        const json_t *value, struct finding *out)
{
    struct buf text SL_CLEANUP(buf_wipe) = {0};
    struct err err = {0};
    json_t *wanted = json_incref(p->json.fixed);
    bool same;

    if (!wanted && scope_expand_json(scope, &p->json, &text, &err))
        wanted = json_parse(buf_str(&text), text.len, &err);
    if (!wanted) {
        buf_addf(&out->sentence, "%s", err.text);
        return errs(out, p);
    }
    same = json_same(value, wanted);
    if (!same) {
        say_json(out, scope, pointer, value);
        buf_add_str(&out->sentence, ", expected ");
        add_json(&out->sentence, scope, wanted);
        add_json(&out->expected, scope, wanted);
    }
    json_decref(wanted);
    return same || fails(out, p);
}

static bool bound(const struct suite_predicate *p, const struct scope *scope, const char *pointer,
                  const json_t *value, struct finding *out)
{
    const char *word = p->op == SUITE_AT_LEAST ? "at least" : "at most";
    double met = json_is_number(value) ? json_number_value(value) : 0;

    if (json_is_number(value) && (p->op == SUITE_AT_LEAST ? met >= p->number : met <= p->number))
        return true;
    say_json(out, scope, pointer, value);
    buf_addf(&out->sentence, ", expected %s%s %s", json_is_number(value) ? "" : "a number of ",
             word, p->at->text);
    buf_addf(&out->expected, "%s %s", word, p->at->text);
    return fails(out, p);
}

/* Characters of a text: every byte that does not go on with one (RFC 3629). */
static size_t characters(const json_t *text)
{
    const char *s = json_string_value(text);
    size_t n = 0;

    for (size_t i = 0; i < json_string_length(text); i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

static bool length(const struct suite_predicate *p, const char *pointer, const json_t *value,
                   struct finding *out)
{
    size_t n;

    if (!json_is_array(value) && !json_is_object(value) && !json_is_string(value)) {
        buf_addf(&out->sentence, "%s is %s, which has no length", pointer,
                 json_kinds[json_typeof(value)]);
        return fails(out, p);
    }
    n = json_is_array(value)    ? json_array_size(value)
        : json_is_object(value) ? json_object_size(value)
                                : characters(value);
    if (n >= p->low && n <= p->high)
        return true;
    buf_addf(&out->sentence, "%s has length %zu, expected ", pointer[0] ? pointer : "the JSON body",
             n);
    buf_addf(&out->met, "%zu", n);
    if (p->low == p->high)
        buf_addf(&out->expected, "%u", p->low);
    else if (p->high == UINT32_MAX)
        buf_addf(&out->expected, "at least %u", p->low);
    else if (p->low == 0)
        buf_addf(&out->expected, "at most %u", p->high);
    else
        buf_addf(&out->expected, "%u to %u", p->low, p->high);
    buf_add_str(&out->sentence, buf_str(&out->expected));
    return fails(out, p);
}

static bool has_type(const json_t *value, enum suite_type type)
{
    switch (type) {
    case SUITE_TYPE_STRING:
        return json_is_string(value);
    case SUITE_TYPE_NUMBER:
        return json_is_number(value);
    case SUITE_TYPE_INTEGER:
        return json_is_integer(value);
    case SUITE_TYPE_BOOLEAN:
        return json_is_boolean(value);
    case SUITE_TYPE_NULL:
        return json_is_null(value);
    case SUITE_TYPE_LIST:
        return json_is_array(value);
    case SUITE_TYPE_OBJECT:
        return json_is_object(value);
    default:
        return false;
    }
}

static bool type_of(const struct suite_predicate *p, const struct scope *scope, const char *pointer,
                    const json_t *value, struct finding *out)
{
    bool first = true;

    for (unsigned t = 0; t < SUITE_TYPE_COUNT; t++)
        if (p->types >> t & 1 && has_type(value, (enum suite_type)t))
            return true;
    say_json(out, scope, pointer, value);
    for (unsigned t = 0; t < SUITE_TYPE_COUNT; t++)
        if (p->types >> t & 1) {
            buf_addf(&out->expected, "%s%s", first ? "" : " or ", suite_type_names[t]);
            first = false;
        }
    buf_addf(&out->sentence, ", expected the type %s", buf_str(&out->expected));
    return fails(out, p);
}

static bool has_shape(const struct suite_predicate *p, const struct scope *scope, const char *pointer,
                      const json_t *value, struct finding *out)
{
    struct buf where SL_CLEANUP(buf_clear) = {0};
    const struct shape *wanted;
    const json_t *met;

    if (shape_fits(p->shape, value, pointer, &where, &met, &wanted))
        return true;
    if (where.len)
        finding_add_shown(&out->sentence, scope->secrets, buf_str(&where), where.len);
    else
        buf_add_str(&out->sentence, "the JSON body");
    shape_add_types(&out->expected, wanted->types);
    if (met) {
        buf_add_str(&out->sentence, " is ");
        add_json(&out->sentence, scope, met);
        add_json(&out->met, scope, met);
    } else {
        buf_add_str(&out->sentence, " is missing");
    }
    buf_addf(&out->sentence, ", expected the type %s", buf_str(&out->expected));
    return fails(out, p);
}

static bool near(const struct suite_predicate *p, const struct scope *scope, const char *pointer,
                 const json_t *value, struct finding *out)
{
    double met = json_number_value(value);

    if (json_is_number(value) && met >= p->number - p->within && met <= p->number + p->within)
        return true;
    say_json(out, scope, pointer, value);
    buf_addf(&out->expected, "%.17g within %.17g", p->number, p->within);
    buf_addf(&out->sentence, ", expected %s%s", json_is_number(value) ? "" : "a number, ",
             buf_str(&out->expected));
    return fails(out, p);
}

static bool json_one_of(const struct suite_predicate *p, struct scope *scope, const char *pointer,
                        const json_t *value, struct finding *out)
{
    for (size_t i = 0; i < p->choices_n; i++) {
        struct finding ignored SL_CLEANUP(finding_clear) = {0};

        if (equals_json(&p->choices[i], scope, pointer, value, &ignored))
            return true;
    }
    say_json(out, scope, pointer, value);
    add_choices(&out->expected, p);
    buf_addf(&out->sentence, ", expected %s", buf_str(&out->expected));
    return fails(out, p);
}

static bool all_hold(const struct suite_predicate *p, struct scope *scope, const json_t *value,
                     struct finding *out)
{
    for (size_t i = 0; i < p->sub_n; i++)
        if (!predicate_target(&p->sub[i], scope, value, out))
            return false;
    return true;
}

static void copy_inner(struct finding *out, const struct finding *inner)
{
    buf_add_str(&out->sentence, buf_str(&inner->sentence));
    buf_add_str(&out->met, buf_str(&inner->met));
    buf_add_str(&out->expected, buf_str(&inner->expected));
}

/* any, all, none: of a list. One that cannot be judged makes the whole so. */
static bool items(const struct suite_predicate *p, struct scope *scope, const char *pointer,
                  const json_t *value, struct finding *out)
{
    const char *name = pointer[0] ? pointer : "the JSON body";
    size_t n = json_array_size(value), held = 0;

    if (!json_is_array(value)) {
        buf_addf(&out->sentence, "%s is %s, expected a list", name, json_kinds[json_typeof(value)]);
        return fails(out, p);
    }
    for (size_t i = 0; i < n; i++) {
        struct finding inner SL_CLEANUP(finding_clear) = {0};
        bool holds = all_hold(p, scope, json_array_get(value, i), &inner);

        held += holds;
        if (!holds && inner.verdict == RUN_ERROR) {
            copy_inner(out, &inner);
            return errs(out, p);
        }
        if (holds == (p->op == SUITE_ALL))
            continue;
        if (p->op == SUITE_ANY)
            return true;
        buf_addf(&out->sentence, "item %zu of %s ", i, name);
        if (p->op == SUITE_NONE)
            buf_add_str(&out->sentence, "is what none may be");
        else
            buf_add_str(&out->sentence, "does not hold: ");
        copy_inner(out, &inner);
        return fails(out, p);
    }
    if (p->op == SUITE_NONE || (p->op == SUITE_ALL && n > 0))
        return true;
    buf_addf(&out->met, "%zu of %zu items", held, n);
    buf_addf(&out->sentence,
             n ? "none of the %2$zu items of %1$s is as expected" : "%1$s is an empty list", name,
             n);
    return fails(out, p);
}

static bool json_not(const struct suite_predicate *p, struct scope *scope, const char *pointer,
                     const json_t *value, struct finding *out)
{
    struct finding inner SL_CLEANUP(finding_clear) = {0};
    bool held = true;

    if (p->sub_n == 1 && p->sub[0].name[0] == '\0') /* of the value itself, which may be missing */
        for (size_t i = 0; held && i < p->sub[0].predicates_n; i++)
            held = predicate_json(&p->sub[0].predicates[i], scope, pointer, value, &inner);
    else
        held = value && all_hold(p, scope, value, &inner);
    return is_not(p, held, &inner, pointer[0] ? pointer : "the JSON body", out);
}

struct each {
    const struct suite_target *t;
    struct scope *scope;
    struct finding *out;
    size_t n;
};

static bool test_each(void *ctx, const char *where, const json_t *value)
{
    struct each *e = ctx;

    e->n++;
    for (size_t k = 0; k < e->t->predicates_n; k++)
        if (!predicate_json(&e->t->predicates[k], e->scope, where, value, e->out))
            return false;
    return true;
}

bool predicate_target(const struct suite_target *t, struct scope *scope, const json_t *root,
                      struct finding *out)
{
    struct each e = {.t = t, .scope = scope, .out = out};

    if (!strstr(t->name, "/*")) {
        const json_t *value = json_pointer_get(root, t->name);

        for (size_t k = 0; k < t->predicates_n; k++)
            if (!predicate_json(&t->predicates[k], scope, t->name, value, out))
                return false;
        return true;
    }
    if (!json_pointer_each(root, t->name, test_each, &e))
        return false;
    for (size_t k = 0; e.n == 0 && k < t->predicates_n; k++)
        if (!predicate_json(&t->predicates[k], scope, t->name, NULL, out))
            return false;
    return true;
}

/* matches and contains on JSON look at the text of a string, and at the compact form of anything
 * else. */
static bool json_text(const struct suite_predicate *p, struct scope *scope, const char *pointer,
                      const json_t *value, struct finding *out)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (json_is_string(value))
        buf_add(&text, json_string_value(value), json_string_length(value));
    else
        json_add_compact(&text, value);
    return predicate_text(p, scope, pointer[0] ? pointer : "the JSON body", buf_str(&text),
                          text.len, false, out);
}

bool predicate_json(const struct suite_predicate *p, struct scope *scope, const char *pointer,
                    const json_t *value, struct finding *out)
{
    if (p->op == SUITE_EXISTS)
        return exists(p, pointer, value != NULL, out);
    if (p->op == SUITE_NOT)
        return json_not(p, scope, pointer, value, out);
    if (!value) {
        buf_addf(&out->sentence, "%s is missing", pointer);
        return fails(out, p);
    }
    switch (p->op) {
    case SUITE_EQUALS:
        return equals_json(p, scope, pointer, value, out);
    case SUITE_AT_LEAST:
    case SUITE_AT_MOST:
        return bound(p, scope, pointer, value, out);
    case SUITE_LENGTH:
        return length(p, pointer, value, out);
    case SUITE_TYPE:
        return type_of(p, scope, pointer, value, out);
    case SUITE_NEAR:
        return near(p, scope, pointer, value, out);
    case SUITE_SHAPE:
        return has_shape(p, scope, pointer, value, out);
    case SUITE_ONE_OF:
        return json_one_of(p, scope, pointer, value, out);
    case SUITE_ANY:
    case SUITE_ALL:
    case SUITE_NONE:
        return items(p, scope, pointer, value, out);
    default:
        return json_text(p, scope, pointer, value, out);
    }
}
