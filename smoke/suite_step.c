/* suite_step.c: compiles checks, their steps and requests. */
#include <string.h>

#include "sluice/http.h"
#include "sluice/json.h"
#include "sluice/text.h"
#include "suite_file.h"

#define EVERY_READ_MS   1000
#define EVERY_WRITE_MS  30000
#define EVERY_SIGNED_MS 60000

/* ---- requests
 * -------------------------------------------------------------------------------------- */

/* What a sender of requests decides itself; a file that sets it would send two. */
static const char *const reserved_headers[] = {
    "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "keep-alive"};

static bool header_pair_ok(struct suite_builder *b, const struct schema_entry *entry)
{
    struct err why = {0};
    const struct doc_node *key = entry->key;

    for (size_t i = 0; i < key->len; i++)
        if (!strchr("!#$%&'*+-.^_`|~", key->text[i]) &&
            !(key->text[i] >= '0' && key->text[i] <= '9') &&
            !((key->text[i] | 0x20) >= 'a' && (key->text[i] | 0x20) <= 'z'))
            return doc_fail(key, b->err, ERR_FILE, "this is not a header's name");
    for (size_t i = 0; i < ARRAY_LEN(reserved_headers); i++)
        if (text_eq_nocase(key->text, reserved_headers[i]))
            return doc_fail(key, b->err, ERR_FILE, "'%s' is made by the program itself", key->text);
    if (entry->value->kind == DOC_SCALAR &&
        !template_check_header(key->text, entry->value->text, entry->value->len, &why))
        return doc_fail(entry->value, b->err, ERR_FILE, "%s", why.text);
    return true;
}

static bool has_entry(const struct schema_entry *entries, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (text_eq_nocase(entries[i].key->text, name))
            return true;
    return false;
}

/* The request's own headers, then those of defaults that it does not name. */
static bool build_headers(struct suite_builder *b, const struct file_request *file,
                          struct suite_request *out)
{
    const struct file_defaults *defaults = &b->file->defaults;
    struct schema_entry *all =
        arena_array(&b->suite->mem, file->headers_n + defaults->headers_n + 1, sizeof *all);
    size_t n = 0;

    for (size_t i = 0; i < file->headers_n; i++)
        all[n++] = file->headers[i];
    for (size_t i = 0; i < defaults->headers_n; i++)
        if (!has_entry(file->headers, file->headers_n, defaults->headers[i].key->text))
            all[n++] = defaults->headers[i];
    for (size_t i = 0; i < n; i++)
        if (!header_pair_ok(b, &all[i]))
            return false;
    return suite_build_pairs(b, all, n, "headers", &out->headers, &out->headers_n);
}

/* True when a name that stands before the path is a capture: the third slash begins the path. */
static bool captured_origin(const struct suite_builder *b, const struct template *tpl)
{
    unsigned slashes = 0;

    for (size_t i = 0; i < tpl->parts_n; i++) {
        const struct template_part *part = &tpl->parts[i];

        if (part->is_name) {
            for (size_t k = 0; k < b->slots_n; k++)
                if (strcmp(b->slots[k], part->text) == 0)
                    return true;
            continue;
        }
        for (size_t k = 0; k < part->len; k++)
            if (part->text[k] == '/' && ++slashes == 3)
                return false;
        if (i == 0 && part->text[0] == '/')
            return false;
    }
    return false;
}

static bool build_url(struct suite_builder *b, const struct suite_text *text,
                      struct suite_request *out)
{
    out->url = *text;
    if (text->text[0] == '/' && text->text[1] == '/')
        return doc_fail(text->at, b->err, ERR_FILE, "a url needs its scheme: https:%s", text->text);
    if (text->text[0] != '/' && !text_starts_with(text->text, "http://") &&
        !text_starts_with(text->text, "https://") && !text_starts_with(text->text, "{{"))
        return doc_fail(text->at, b->err, ERR_FILE,
                        "a url begins with '/', 'https://' or 'http://'");
    if (text->text[0] == '/') {
        if (!b->suite->base_url.text)
            return doc_fail(text->at, b->err, ERR_FILE,
                            "a path needs the suite's base_url (or --base-url)");
        b->uses->columns |= b->suite->base_uses.columns;
        b->uses->secrets |= b->suite->base_uses.secrets;
    }
    if (!suite_build_text(b, &out->url))
        return false;
    out->url_foreign = captured_origin(b, &out->url.tpl);
    if (text->text[0] != '/' && template_is_plain(&out->url.tpl)) {
        struct http_url url = {0};
        struct err why = {0};
        bool ok = http_url_parse(&url, text->text, &why);

        http_url_clear(&url);
        if (!ok)
            return doc_fail(text->at, b->err, ERR_FILE, "%s", why.text);
    }
    return true;
}

static bool build_body(struct suite_builder *b, const struct file_request *file,
                       struct suite_request *out)
{
    if (!!file->json + !!file->form_at + !!file->body.at > 1)
        return doc_fail(file->at, b->err, ERR_FILE,
                        "a request has one of 'json', 'form' and 'body'");
    if (file->json) {
        out->body = SUITE_BODY_JSON;
        return suite_build_json(b, file->json, &out->json);
    }
    if (file->form_at) {
        out->body = SUITE_BODY_FORM;
        return suite_build_pairs(b, file->form, file->form_n, "form", &out->form, &out->form_n);
    }
    if (file->body.at) {
        out->body = SUITE_BODY_RAW;
        out->raw = file->body;
        return suite_build_text(b, &out->raw);
    }
    return true;
}

static bool build_credentials(struct suite_builder *b, const struct file_request *file,
                              struct suite_request *out)
{
    if (file->auth && has_entry(file->headers, file->headers_n, "Authorization"))
        return doc_fail(file->auth->at, b->err, ERR_FILE,
                        "'auth' and an Authorization header exclude each other");
    if (file->auth && file->auth->basic) {
        out->auth = SUITE_AUTH_BASIC;
        out->user = file->auth->basic->user;
        out->password = file->auth->basic->password;
    } else if (file->auth) {
        out->auth = SUITE_AUTH_BEARER;
        out->token = file->auth->bearer;
    }
    if (file->sign) {
        out->sign = SUITE_SIGN_STRIPE;
        out->sign_secret = file->sign->secret;
    }
    return suite_build_text(b, &out->token) && suite_build_text(b, &out->user) &&
           suite_build_text(b, &out->password) && suite_build_text(b, &out->sign_secret);
}

static bool build_request(struct suite_builder *b, const struct file_request *file,
                          struct suite_request *out)
{
    const struct file_defaults *defaults = &b->file->defaults;
    size_t methods = 0;

    for (size_t m = 0; m < SUITE_METHOD_COUNT; m++)
        if (file->url[m].at) {
            methods++;
            out->method = (enum suite_method)m;
        }
    if (methods != 1)
        return doc_fail(file->at, b->err, ERR_FILE,
                        "a request needs one of get, head, post, put, patch and delete");
    out->at = file->at;
    out->timeout_ms = file->timeout_ms       ? file->timeout_ms
                      : defaults->timeout_ms ? defaults->timeout_ms
                                             : SUITE_TIMEOUT_MS_DEFAULT;
    out->connect_ms = file->connect_ms       ? file->connect_ms
                      : defaults->connect_ms ? defaults->connect_ms
                                             : SUITE_CONNECT_MS_DEFAULT;
    if (!build_url(b, &file->url[out->method], out) || !build_headers(b, file, out) ||
        !suite_build_pairs(b, file->query, file->query_n, "query", &out->query, &out->query_n) ||
        !build_body(b, file, out) || !build_credentials(b, file, out))
        return false;
    if (out->body != SUITE_BODY_NONE && (out->method == SUITE_GET || out->method == SUITE_HEAD))
        return doc_fail(file->at, b->err, ERR_FILE, "a %s request has no body",
                        suite_method_name(out->method));
    return true;
}

/* ---- captures and steps
 * ---------------------------------------------------------------------------- */

static bool name_taken(const struct suite_builder *b, const char *name)
{
    static const char *const builtin[] = {"side", "run", "uuid", "now"};

    for (size_t i = 0; i < ARRAY_LEN(builtin); i++)
        if (strcmp(name, builtin[i]) == 0)
            return true;
    for (size_t i = 0; i < b->suite->vars_n; i++)
        if (strcmp(name, b->suite->vars[i].name) == 0)
            return true;
    for (size_t i = 0; i < b->suite->columns_n; i++)
        if (strcmp(name, b->suite->columns[i].name) == 0)
            return true;
    return false;
}

/* A later step may capture a name again: it gets the same slot. */
static uint32_t slot_of(const char **slots, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(slots[i], name) == 0)
            return (uint32_t)i;
    slots[*n] = name;
    return (uint32_t)(*n)++;
}

static bool build_capture(struct suite_builder *b, const struct file_capture *file,
                          struct suite_capture *out)
{
    struct err why = {0};

    out->name = file->name;
    out->at = file->at;
    if (!suite_name_ok(file->name))
        return doc_fail(file->at, b->err, ERR_FILE,
                        "'%.80s' cannot be the name of a captured value: "
                        "letters, digits, '_' and '-', beginning with a letter",
                        file->name);
    if (name_taken(b, file->name))
        return doc_fail(file->at, b->err, ERR_FILE, "'%s' is the name of something else already",
                        file->name);
    if (file->json) {
        out->kind = SUITE_CAPTURE_JSON;
        out->from = file->json;
        if (!json_pointer_check(file->json, &why))
            return doc_fail(file->json_at, b->err, ERR_FILE, "%s", why.text);
        return true;
    }
    if (file->header) {
        out->kind = SUITE_CAPTURE_HEADER;
        out->from = file->header;
        return true;
    }
    out->kind = SUITE_CAPTURE_REGEX;
    out->from = file->regex;
    out->regex = suite_build_regex(b, file->regex_at);
    return out->regex != NULL;
}

static bool build_step(struct suite_builder *b, const struct file_step *file, const char **slots,
                       struct suite_step *out)
{
    struct suite_capture *captures =
        arena_array(&b->suite->mem, file->captures_n + 1, sizeof *captures);
    size_t n = b->slots_n;

    if (!build_request(b, file->request, &out->request) ||
        !suite_build_expect(b, file->expect, b->file->defaults.expect, &out->expect))
        return false;
    for (size_t i = 0; i < file->captures_n; i++) {
        if (!build_capture(b, &file->captures[i], &captures[i]))
            return false;
        if (n == SUITE_CAPTURES_MAX)
            return doc_fail(captures[i].at, b->err, ERR_FILE, "more than %d captured values",
                            SUITE_CAPTURES_MAX);
        captures[i].slot = slot_of(slots, &n, captures[i].name);
    }
    out->captures = captures;
    out->captures_n = file->captures_n;
    b->slots_n = n; /* for the steps after this one */
    return true;
}

/* ---- checks
 * ---------------------------------------------------------------------------------------- */

static int64_t least_every(const struct suite_check *check)
{
    int64_t every = EVERY_READ_MS;

    for (size_t i = 0; i < check->steps_n; i++) {
        const struct suite_request *r = &check->steps[i].request;
        int64_t own = r->sign != SUITE_SIGN_NONE                          ? EVERY_SIGNED_MS
                      : r->method == SUITE_GET || r->method == SUITE_HEAD ? EVERY_READ_MS
                                                                          : EVERY_WRITE_MS;

        if (own > every)
            every = own;
    }
    return every;
}

static bool build_steps(struct suite_builder *b, const struct file_check *file,
                        struct suite_check *out)
{
    const struct file_step *from = file->steps ? file->steps : &file->step;
    size_t n = file->steps ? file->steps_n : 1;
    struct suite_step *steps = arena_array(&b->suite->mem, n, sizeof *steps);
    const char **slots = arena_array(&b->suite->mem, SUITE_CAPTURES_MAX, sizeof *slots);

    b->slots = slots;
    b->slots_n = 0;
    out->reads_only = true;
    for (size_t i = 0; i < n; i++) {
        if (!build_step(b, &from[i], slots, &steps[i]))
            return false;
        out->reads_only &=
            steps[i].request.method == SUITE_GET || steps[i].request.method == SUITE_HEAD;
    }
    out->steps = steps;
    out->steps_n = n;
    out->slots = slots;
    out->slots_n = (uint32_t)b->slots_n;
    return true;
}

static bool count_rows(struct suite_builder *b, struct suite_check *out)
{
    uint64_t rows = 1;

    for (size_t i = 0; i < b->suite->columns_n; i++)
        if (out->uses.columns >> i & 1) {
            rows *= b->suite->columns[i].values_n;
            if (rows > SUITE_ROWS_MAX)
                return doc_fail(out->at, b->err, ERR_FILE,
                                "the columns this check uses make more than %d rows",
                                SUITE_ROWS_MAX);
        }
    out->rows_n = (uint32_t)rows;
    return true;
}

bool suite_build_check(struct suite_builder *b, const struct file_check *file,
                       struct suite_check *out)
{
    const struct file_defaults *defaults = &b->file->defaults;
    const struct file_retries *retries = file->retries ? file->retries : defaults->retries;

    b->uses = &out->uses;
    b->slots = NULL;
    b->slots_n = 0;
    out->at = file->at;
    out->name = file->name;
    b->names_only = true;
    if (!suite_build_text(b, &out->name))
        return false;
    b->names_only = false;
    out->tags = file->tags;
    out->tags_n = file->tags_n;
    for (size_t s = 0; s < SUITE_SIDES; s++)
        out->sides[s] = !file->sides_at || file->sides[s];
    out->from_percent = (uint8_t)(file->from_ppm / 10000);
    out->required = file->severity == 0;
    out->known_bad = file->known_bad;
    out->via_dns = file->via == 1;
    out->pin = file->pin;
    out->pin_at = file->pin_at;
    if (out->via_dns && out->pin)
        return doc_fail(file->pin_at, b->err, ERR_FILE, "'pin' and 'via: dns' exclude each other");
    if (retries) {
        out->retries = retries->times;
        out->retry_ms = retries->delay_ms;
    }
    if (!build_steps(b, file, out))
        return false;
    out->every_ms = file->every_ms       ? file->every_ms
                    : defaults->every_ms ? defaults->every_ms
                                         : least_every(out);
    return count_rows(b, out);
}
