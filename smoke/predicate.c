/* predicate.c: each predicate on text and on JSON. */
#include "predicate.h"

#include <assert.h>
#include <string.h>

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

bool predicate_text(const struct suite_predicate *p, struct scope *scope, const char *what,
                    const char *text, size_t len, bool cut, struct finding *out)
{
    if (p->op == SUITE_EXISTS)
        return exists(p, what, text != NULL, out);
    if (!text) {
        buf_addf(&out->sentence, "%s is missing", what);
        return fails(out, p);
    }
    if (p->op == SUITE_MATCHES)
        return match(p, scope, what, text, len, cut, out);
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
    default:
        return json_text(p, scope, pointer, value, out);
    }
}
