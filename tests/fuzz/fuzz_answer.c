/* What a server answers, as a talk takes it: a stream, lines of JSON, an MCP visit, a handshake, a
 * redirect, cookies and every expectation. The first byte chooses the step; up to a line of dashes
 * headers; then the body, cut at will.
 *
 * seeds: tests/data/answer */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compare_answers.h"
#include "talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS_MAX 20
#define ROUNDS_MAX 12

static const char suite_text[] =
    "version: 1\nbase_url: https://h.example\nchecks:\n"
    "  - {name: a, request: {post: /s, json: {}}, expect: {sse: {first_event: 1s, between: 1s, "
    "text: {at: /a/0/b, "
    "matches: x}, each: {/*/k: {type: string}}, last: end}}}\n"
    "  - {name: b, request: {get: /l}, expect: {json_lines: {each: {/ok: true}, count: {at_least: "
    "1, at_most: 9}}}}\n"
    "  - {name: c, mcp: {url: /mcp, tool: t, tools: [u], arguments: {q: 1}}, expect: {json: "
    "{/isError: false}}}\n"
    "  - {name: d, websocket: {url: /ws, protocols: [p]}}\n"
    "  - {name: e, request: {get: /r, follow: 5}, expect: {status: [2xx, 3xx], redirect: "
    "{contains: h}, cookie: {c: "
    "{http_only: true, max_age: {at_least: 1}, same_site: lax, value: {not: {matches: '^x'}}}}}}\n"
    "  - {name: f, request: {get: /j}, expect: {header: {x: {one_of: [a, b]}}, body: {not: "
    "{contains: no}}, json: "
    "{/items: {any: {/id: 1}, all: {/id: {near: {value: 1, within: 2}}}, none: {/bad: true}}, "
    "/*/x: {exists: false}}, "
    "size: {at_most: 100}}, capture: {v: {json: /v}, w: {regex: 'a(b)?'}, c: {cookie: c}}}\n"
    "  - {name: g, request: {get: /g, cookies: {a: b}}, expect: {shape: {id: integer, 'n?': "
    "string|null, l: [{a: [any]}]}, warn: {header: {x: {exists: true}}, json: {/l/*/a: {length: "
    "1}}}}}\n";

static struct suite suite;

static void load(void)
{
    struct buf text = {0};
    struct err err = {0};
    const struct doc *doc;

    buf_add_str(&text, suite_text);
    doc = doc_parse(&suite.doc_mem, "fuzz", &text, &err);
    if (!doc || !suite_decode(&suite, doc_root(doc), "", NULL, &err))
        abort();
    buf_clear(&text);
}

/* "name: value" lines into fields; what is left is the body. */
static size_t read_fields(char *text, struct http_field *fields, char **body)
{
    size_t n = 0;

    while (*text && strncmp(text, "--", 2) != 0 && n < FIELDS_MAX) {
        char *end = strchrnul(text, '\n'), *colon = memchr(text, ':', (size_t)(end - text));
        char *next = *end ? end + 1 : end;

        *end = '\0';
        if (colon) {
            *colon = '\0';
            fields[n++] = (struct http_field){text, colon + 1};
        }
        text = next;
    }
    *body = text;
    return n;
}

static void visit(uint32_t check, char *text, const char *end, uint16_t status)
{
    struct http_field fields[FIELDS_MAX];
    struct scope scope = {.suite = &suite,
                          .check = &suite.checks[check],
                          .side = "new",
                          .run = "r",
                          .uuid = "u",
                          .now = "1"};
    struct cookie_jar jar = {0};
    struct oauth oauth = {0};
    struct talk talk = {0};
    char *body;
    size_t n = read_fields(text, fields, &body);
    enum talk_next next = TALK_SEND;

    scope.values = x_calloc(scope.check->slots_n + 1, sizeof *scope.values);
    talk_begin(&talk, &scope.check->steps[0]);
    for (int i = 0; i < ROUNDS_MAX && next != TALK_DONE; i++) {
        struct request request = {0};
        struct talk_ctx ctx = {.step = &scope.check->steps[0],
                               .scope = &scope,
                               .jar = &jar,
                               .request = &request,
                               .oauth = &oauth,
                               .previous = "",
                               .now_ms = 1000};
        struct http_response r = {
            .outcome = HTTP_OK, .status = status, .version = 11, .fields = fields, .fields_n = n};
        struct answer answer = {.response = &r};
        struct finding finding = {0};
        struct err err = {0};

        if (!talk_build(&talk, &ctx, &request, &err)) {
            request_clear(&request);
            break;
        }
        buf_add(&r.body, body, (size_t)(end - body));
        r.body_bytes = r.body.len;
        answer.url = buf_str(&request.url);
        for (size_t at = 0; talk_streams(&talk) && at < r.body.len; at += 5)
            if (!talk_data(&talk, r.body.data + at, r.body.len - at < 5 ? r.body.len - at : 5,
                           1000))
                break;
        next = talk_take(&talk, &ctx, &answer, &finding);
        if (next == TALK_DONE && finding.verdict != RUN_PASS && finding.sentence.len == 0)
            abort(); /* whoever fails says why */
        for (const char *p = buf_str(&finding.sentence); *p; p++)
            if ((unsigned char)*p < 0x20)
                abort(); /* nothing foreign reaches a terminal raw */
        finding_clear(&finding);
        answer_clear(&answer);
        buf_clear(&r.body);
        request_clear(&request);
    }
    talk_clear(&talk);
    cookie_jar_clear(&jar);
    scope_clear(&scope);
}

static void count(void *ctx, uint32_t step, const char *what, const char *old, const char *new)
{
    (void)step;
    if (!*what || !*old || !*new)
        abort(); /* a difference has a name, and two sides */
    ++*(size_t *)ctx;
}

/* The answer beside itself, and beside one without its last bytes and first header. */
static void compare(char *text, const char *end)
{
    struct http_field fields[FIELDS_MAX];
    struct compare_headers headers = {0};
    struct compare_answers a = {0}, b = {0};
    char *body;
    size_t n = read_fields(text, fields, &body), there = 0, back = 0, none = 0;
    struct http_response r = {.outcome = HTTP_OK, .status = 200, .fields = fields, .fields_n = n};
    struct pump_answer answer = {.url = "https://h.example/at/here", .response = &r};
    struct err err = {0};

    if (!compare_headers_parse(&headers, NULL, &err))
        abort();
    buf_add(&r.body, body, (size_t)(end - body));
    compare_answers_take(&a, &headers, &answer);
    buf_cut(&r.body, r.body.len - r.body.len / 8);
    r.fields += n > 0;
    r.fields_n -= n > 0;
    compare_answers_take(&b, &headers, &answer);
    compare_answers(&a, &a, &headers, true, count, &none);
    compare_answers(&a, &b, &headers, true, count, &there);
    compare_answers(&b, &a, &headers, true, count, &back);
    if (none != 0 || there != back)
        abort();
    buf_clear(&r.body);
    compare_answers_clear(&a);
    compare_answers_clear(&b);
    compare_headers_clear(&headers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t statuses[] = {200, 200, 101, 302, 404};
    char *text;

    if (size < 3 || size > 16384)
        return 0;
    if (!suite.checks_n)
        load();
    text = x_strndup("", 0);
    free(text);
    text = x_malloc(size);
    memcpy(text, data + 2, size - 2);
    text[size - 2] = '\0';
    if (data[0] == 255)
        compare(text, text + size - 2);
    else
        visit(data[0] % (uint32_t)suite.checks_n, text, text + size - 2, statuses[data[1] % 5]);
    free(text);
    return 0;
}
