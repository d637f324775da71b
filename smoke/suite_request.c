/* suite_request.c: compiles requests. */
#include <string.h>

#include "sluice/http.h"
#include "sluice/text.h"
#include "suite_file.h"

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

bool suite_build_request(struct suite_builder *b, const struct file_request *file,
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
