/* suite_file_expect.c: the tables of `expect:`. */
#include <string.h>

#include "suite_file.h"

/* ---- expectations
 * ---------------------------------------------------------------------------------- */

static bool status_of(const struct doc_node *node, struct suite_status *out)
{
    const char *s = node->text;

    if (node->kind != DOC_SCALAR || node->len != 3 || s[0] < '1' || s[0] > '5')
        return false;
    if (strcmp(s + 1, "xx") == 0) {
        out->low = (uint16_t)((s[0] - '0') * 100);
        out->high = (uint16_t)(out->low + 99);
        return true;
    }
    if (s[1] < '0' || s[1] > '9' || s[2] < '0' || s[2] > '9')
        return false;
    out->low = out->high = (uint16_t)((s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0'));
    return true;
}

bool file_decode_status(struct schema_ctx *ctx, const struct schema_field *field,
                        const struct doc_node *node, void *out)
{
    const struct doc_node *const *items = node->kind == DOC_LIST ? node->items : &node;
    size_t n = node->kind == DOC_LIST ? node->n : 1;
    struct suite_status *list = arena_array(ctx->mem, n + 1, sizeof *list);

    if (n == 0)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' must not be empty", field->key);
    for (size_t i = 0; i < n; i++)
        if (!status_of(items[i], &list[i]))
            return doc_fail(items[i], ctx->err, ERR_FILE,
                            "'%s' expects a status (200), a class (2xx) or a list of them",
                            field->key);
    *(struct file_status *)out = (struct file_status){list, n};
    return true;
}

#define TEST(word, op, text)                                                                       \
    {                                                                                              \
        .key = word, .type = SCHEMA_NODE, SCHEMA_TO(struct file_tests, node[op]), .help = text     \
    }
#define TEST_EQUALS TEST("equals", SUITE_EQUALS, "exactly this")
#define TEST_CONTAINS                                                                              \
    TEST("contains", SUITE_CONTAINS, "this text, or each of a list, somewhere in it")
#define TEST_MATCHES                                                                               \
    TEST("matches", SUITE_MATCHES, "a Perl-compatible pattern, or a list, found in it")
#define TEST_EXISTS TEST("exists", SUITE_EXISTS, "true: it is there; false: it is not")

#define TEST_NOT    TEST("not", SUITE_NOT, "these tests do not all hold")
#define TEST_ONE_OF TEST("one_of", SUITE_ONE_OF, "equals one of this list")

static const struct schema_field header_fields[] = {
    TEST_NOT,
    TEST_ONE_OF,
    TEST_EQUALS,
    TEST_CONTAINS,
    TEST_MATCHES,
    TEST("starts_with", SUITE_STARTS_WITH, "begins with this text"),
    TEST("ends_with", SUITE_ENDS_WITH, "ends with this text"),
    TEST_EXISTS,
};
const struct schema file_text_tests_schema = {
    SCHEMA_TABLE("header_tests", struct file_tests, header_fields),
    SCHEMA_AT(struct file_tests, at), .scalar_key = "equals"};

static const struct schema_field body_fields[] = {
    TEST_EQUALS,
    TEST_CONTAINS,
    TEST_MATCHES,
    TEST("starts_with", SUITE_STARTS_WITH, "begins with this text"),
    TEST("ends_with", SUITE_ENDS_WITH, "ends with this text"),
    TEST_NOT,
};
static const struct schema body_tests = {SCHEMA_TABLE("body_tests", struct file_tests, body_fields),
                                         SCHEMA_AT(struct file_tests, at)};

static const struct schema_field json_fields[] = {
    TEST_NOT,
    TEST_ONE_OF,
    TEST("type", SUITE_TYPE,
         "string, number, integer, boolean, null, list or object, or a list of them"),
    TEST("near", SUITE_NEAR, "{value: 3.14, within: 0.01}"),
    TEST("any", SUITE_ANY, "at least one item of the list holds these tests, or these by pointer"),
    TEST("all", SUITE_ALL, "every item does, and there is one"),
    TEST("none", SUITE_NONE, "no item does"),
    TEST("starts_with", SUITE_STARTS_WITH, "begins with this text"),
    TEST("ends_with", SUITE_ENDS_WITH, "ends with this text"),
    TEST_EQUALS,
    TEST_CONTAINS,
    TEST_MATCHES,
    TEST("at_least", SUITE_AT_LEAST, "a number not below this"),
    TEST("at_most", SUITE_AT_MOST, "a number not above this"),
    TEST_EXISTS,
    TEST("length", SUITE_LENGTH,
         "how many items, keys or characters: a number, or at_least and at_most"),
    TEST("shape", SUITE_SHAPE,
         "types and keys, no values: integer, string|null, [string], {id: integer, note?: string}"),
};
const struct schema file_json_tests_schema = {
    SCHEMA_TABLE("json_tests", struct file_tests, json_fields), SCHEMA_AT(struct file_tests, at),
    .scalar_key = "equals", .list_key = "equals"};

static const struct schema_field length_fields[] = {
    {.key = "at_least", .type = SCHEMA_U32, SCHEMA_TO(struct suite_predicate, low), .preset = "0"},
    {.key = "at_most",
     .type = SCHEMA_U32,
     SCHEMA_TO(struct suite_predicate, high),
     .preset = "4294967295"},
};
const struct schema file_length_schema = {
    SCHEMA_TABLE("length", struct suite_predicate, length_fields)};

/* The rows of a target are those of its tests: their structs begin one pointer later. */
static bool decode_targets(struct schema_ctx *ctx, const struct schema *tests,
                           const struct doc_node *node, const struct file_target **out, size_t *n)
{
    struct file_target *list;

    if (node->kind != DOC_MAP || node->n == 0)
        return doc_fail(node, ctx->err, ERR_FILE, "expected a map here, not %s",
                        doc_kind_name(node));
    list = arena_array(ctx->mem, node->n, sizeof *list);
    for (size_t i = 0; i < node->n; i++) {
        list[i].name = node->pairs[i].key->text;
        if (!schema_decode_sub(ctx, tests, node->pairs[i].value, &list[i].tests))
            return false;
        list[i].tests.at = node->pairs[i].key;
    }
    *out = list;
    *n = node->n;
    return true;
}

bool file_decode_json_targets(struct schema_ctx *ctx, const struct doc_node *node,
                              const struct file_target **out, size_t *n)
{
    return decode_targets(ctx, &file_json_tests_schema, node, out, n);
}

static bool decode_headers(struct schema_ctx *ctx, const struct schema_field *field,
                           const struct doc_node *node, void *out)
{
    struct file_expect *expect = (struct file_expect *)((char *)out - field->offset);

    return decode_targets(ctx, &file_text_tests_schema, node, &expect->headers, &expect->headers_n);
}

static bool decode_json(struct schema_ctx *ctx, const struct schema_field *field,
                        const struct doc_node *node, void *out)
{
    struct file_expect *expect = (struct file_expect *)((char *)out - field->offset);

    return decode_targets(ctx, &file_json_tests_schema, node, &expect->json, &expect->json_n);
}

static const struct schema_field expect_fields[] = {
    {.key = "status",
     .type = SCHEMA_CUSTOM,
     SCHEMA_TO(struct file_expect, status),
     SCHEMA_AT(struct file_expect, status_at),
     .hook = file_decode_status,
     .help = "a status (200), a class (2xx) or a list of them; 2xx unless defaults say otherwise"},
    {.key = "header",
     .type = SCHEMA_CUSTOM,
     SCHEMA_TO(struct file_expect, headers),
     SCHEMA_AT(struct file_expect, headers_at),
     .hook = decode_headers,
     .help =
         "by name: a text, or tests (equals, contains, matches, starts_with, ends_with, exists)"},
    {.key = "body",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_expect, body),
     .sub = &body_tests},
    {.key = "json",
     .type = SCHEMA_CUSTOM,
     SCHEMA_TO(struct file_expect, json),
     SCHEMA_AT(struct file_expect, json_at),
     .hook = decode_json,
     .help = "by JSON pointer: a value, or tests (equals, contains, matches, at_least, at_most, "
             "exists, length)"},
    {.key = "shape",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_expect, shape),
     .help = "of the JSON body, types and keys, no values: {id: integer, note?: string, tags: "
             "[string]}; keys with ? may be missing or null"},
    {.key = "latency",
     .type = SCHEMA_DURATION,
     SCHEMA_TO(struct file_expect, latency_ms),
     SCHEMA_AT(struct file_expect, latency_at),
     .min = 1,
     .max = 600000,
     .help = "from the start of the request to the end of its answer, at most"},
    {.key = "certificate",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_expect, certificate),
     .sub = &file_certificate_schema},
    {.key = "cookie",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_expect, cookies),
     SCHEMA_COUNT(struct file_expect, cookies_n),
     SCHEMA_AT(struct file_expect, cookies_at),
     .sub = &file_cookie_schema,
     .max = 50,
     .help = "by name, what the answer's Set-Cookie must be like"},
    {.key = "redirect",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_expect, redirect),
     .help = "where Location leads, as an absolute url: a text, or tests as for a header"},
    {.key = "size",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_expect, size),
     .help = "bytes of the body: a number, or at_least and at_most"},
    {.key = "sha256",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_expect, sha256),
     SCHEMA_AT(struct file_expect, sha256_at),
     .min = 64,
     .max = 64,
     .help = "of the body, in hex"},
    {.key = "timing",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_expect, timing),
     .sub = &file_timing_schema,
     .help = "phases of the request, at most; 0 on a connection that was kept"},
    {.key = "tls",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_expect, tls),
     SCHEMA_AT(struct file_expect, tls_at),
     .names = file_tls_names,
     .help = "the TLS version, at least: \"1.2\", \"1.3\""},
    {.key = "sse",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_expect, sse),
     .sub = &file_sse_schema,
     .help = "the answer is a stream of server-sent events"},
    {.key = "json_lines",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_expect, json_lines),
     .sub = &file_json_lines_schema,
     .help = "the answer is one JSON value a line"},
    {.key = "warn",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_expect, warn),
     .sub = &file_expect_schema,
     .help = "the same keys again: what is not met of them is a warning, and the check passes"},
};
const struct schema file_expect_schema = {SCHEMA_TABLE("expect", struct file_expect, expect_fields),
                                          SCHEMA_AT(struct file_expect, at)};
