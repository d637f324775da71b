/* suite_request.c: compiles requests. */
#include <string.h>

#include "sign.h"
#include "sluice/file.h"
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

/* ---- bodies
 * ----------------------------------------------------------------------------------- */

static bool read_sent_file(struct suite_builder *b, const char *name, const struct doc_node *at,
                           const char **data, size_t *len)
{
    struct buf text SL_CLEANUP(buf_wipe) = {0};
    struct err why = {0};

    if (!file_read(&text, suite_beside(b, name), SUITE_BODY_FILE_MAX, &why))
        return doc_fail(at, b->err, ERR_FILE, "%s", why.text);
    *data = arena_strndup(&b->suite->mem, buf_str(&text), text.len);
    *len = text.len;
    return true;
}

static bool build_part(struct suite_builder *b, const struct file_part *file,
                       struct suite_part *out)
{
    const char *slash;

    out->name = file->name;
    out->filename = file->filename;
    out->type = file->type;
    out->value = file->value;
    if (!file->file)
        return suite_build_text(b, &out->value);
    slash = strrchr(file->file, '/');
    if (!out->filename)
        out->filename = slash ? slash + 1 : file->file;
    if (!out->type)
        out->type = "application/octet-stream";
    return read_sent_file(b, file->file, file->file_at, &out->data, &out->len);
}

static bool build_multipart(struct suite_builder *b, const struct file_request *file,
                            struct suite_request *out)
{
    struct suite_part *parts = arena_array(&b->suite->mem, file->multipart_n, sizeof *parts);

    out->body = SUITE_BODY_MULTIPART;
    out->multipart = parts;
    out->multipart_n = file->multipart_n;
    for (size_t i = 0; i < file->multipart_n; i++)
        if (!build_part(b, &file->multipart[i], &parts[i]))
            return false;
    return true;
}

static bool build_body(struct suite_builder *b, const struct file_request *file,
                       struct suite_request *out)
{
    if (!!file->json + !!file->form_at + !!file->body + !!file->multipart_at > 1)
        return doc_fail(file->at, b->err, ERR_FILE,
                        "a request has one of 'json', 'form', 'body' and 'multipart'");
    if (file->json) {
        out->body = SUITE_BODY_JSON;
        return suite_build_json(b, file->json, &out->json);
    }
    if (file->form_at) {
        out->body = SUITE_BODY_FORM;
        return suite_build_pairs(b, file->form, file->form_n, "form", &out->form, &out->form_n);
    }
    if (file->multipart_at)
        return build_multipart(b, file, out);
    if (file->body && file->body->file) {
        out->body = SUITE_BODY_FILE;
        out->file = file->body->file;
        return read_sent_file(b, file->body->file, file->body->file_at, &out->file_data,
                              &out->file_len);
    }
    if (file->body) {
        out->body = SUITE_BODY_RAW;
        out->raw = file->body->text;
        return suite_build_text(b, &out->raw);
    }
    return true;
}

/* ---- credentials and signatures
 * ---------------------------------------------------------------- */

static bool build_oauth2(struct suite_builder *b, const struct file_oauth2 *file,
                         struct suite_request *out)
{
    struct suite_oauth2 *o = arena_array(&b->suite->mem, 1, sizeof *o);
    const char *url = file->token_url.text;

    *o = (struct suite_oauth2){.token_url = file->token_url,
                               .client_id = file->client_id,
                               .client_secret = file->client_secret,
                               .scope = file->scope,
                               .audience = file->audience,
                               .in_body = file->send == 1};
    out->auth = SUITE_AUTH_OAUTH2;
    out->oauth2 = o;
    if (!text_starts_with(url, "https://") && !text_starts_with(url, "http://") &&
        !text_starts_with(url, "{{"))
        return doc_fail(file->token_url.at, b->err, ERR_FILE,
                        "'token_url' begins with 'https://' or 'http://'");
    return suite_build_text(b, &o->token_url) && suite_build_text(b, &o->client_id) &&
           suite_build_text(b, &o->client_secret) && suite_build_text(b, &o->scope) &&
           suite_build_text(b, &o->audience);
}

static bool build_sigv4(struct suite_builder *b, const struct file_sigv4 *file,
                        struct suite_request *out)
{
    struct suite_sigv4 *s = arena_array(&b->suite->mem, 1, sizeof *s);

    *s = (struct suite_sigv4){.service = file->service,
                              .region = file->region,
                              .access_key = file->access_key,
                              .secret_key = file->secret_key,
                              .session_token = file->session_token};
    out->auth = SUITE_AUTH_SIGV4;
    out->sigv4 = s;
    if (strcmp(file->service.text, "s3") == 0)
        return doc_fail(file->service.at, b->err, ERR_FILE,
                        "s3 signs its paths in another way, which is not built");
    return suite_build_text(b, &s->service) && suite_build_text(b, &s->region) &&
           suite_build_text(b, &s->access_key) && suite_build_text(b, &s->secret_key) &&
           suite_build_text(b, &s->session_token);
}

static bool build_auth(struct suite_builder *b, const struct file_request *file,
                       struct suite_request *out)
{
    const struct file_auth *auth = file->auth;

    if (!auth)
        return true;
    if (has_entry(file->headers, file->headers_n, "Authorization"))
        return doc_fail(auth->at, b->err, ERR_FILE,
                        "'auth' and an Authorization header exclude each other");
    if (auth->oauth2)
        return build_oauth2(b, auth->oauth2, out);
    if (auth->sigv4)
        return build_sigv4(b, auth->sigv4, out);
    if (auth->basic) {
        out->auth = SUITE_AUTH_BASIC;
        out->user = auth->basic->user;
        out->password = auth->basic->password;
        return suite_build_text(b, &out->user) && suite_build_text(b, &out->password);
    }
    out->auth = SUITE_AUTH_BEARER;
    out->token = auth->bearer;
    return suite_build_text(b, &out->token);
}

struct sign_names {
    bool signature; /* {{signature}} is known here */
};

static bool sign_name_known(void *ctx, const char *name, const char **suggestion)
{
    const struct sign_names *names = ctx;

    *suggestion = NULL;
    return sign_knows(name) && (names->signature || strcmp(name, "signature") != 0);
}

/* A template over the scheme's own names, not the suite's. */
static bool build_sign_text(struct suite_builder *b, struct suite_text *text, bool signature)
{
    struct sign_names names = {signature};
    struct pos pos = text->at ? text->at->pos : (struct pos){0};

    if (text->at && text->at->quoted)
        pos.col++;
    if (template_parse(&text->tpl, &b->suite->mem, text->text, pos, sign_name_known, &names,
                       b->err))
        return true;
    if (text->at)
        err_add_snippet(b->err, text->at->doc->text, text->at->doc->len);
    return false;
}

static bool build_sign_headers(struct suite_builder *b, const struct file_sign *file,
                               struct suite_signing *out)
{
    struct suite_pair *pairs = arena_array(&b->suite->mem, file->headers_n + 1, sizeof *pairs);

    for (size_t i = 0; i < file->headers_n; i++) {
        const struct schema_entry *entry = &file->headers[i];

        if (!header_pair_ok(b, entry))
            return false;
        if (entry->value->kind != DOC_SCALAR || doc_is_empty(entry->value))
            return doc_fail(entry->value, b->err, ERR_FILE, "'%s' expects a text",
                            entry->key->text);
        pairs[i].name = entry->key->text;
        pairs[i].value = (struct suite_text){.at = entry->value, .text = entry->value->text};
        if (!build_sign_text(b, &pairs[i].value, true))
            return false;
    }
    out->headers = pairs;
    out->headers_n = file->headers_n;
    return true;
}

static bool build_sign(struct suite_builder *b, const struct file_request *file,
                       struct suite_request *out)
{
    static const struct suite_status refusals[] = {{400, 400}, {401, 401}, {403, 403}};
    const struct file_sign *sign = file->sign;

    if (!sign)
        return !(file->rejects_unsigned || file->rejected_with_at) ||
               doc_fail(file->rejects_at ? file->rejects_at : file->rejected_with_at, b->err,
                        ERR_FILE,
                        "this needs 'sign' beside it: what is never signed cannot be "
                        "refused for that");
    out->sign = (struct suite_signing){.scheme = (enum suite_sign)(sign->scheme + 1),
                                       .secret = sign->secret,
                                       .hash = (enum suite_sign_hash)sign->hash,
                                       .encoding = (enum suite_sign_encoding)sign->encoding,
                                       .over = sign->over};
    if (!out->sign.over.text)
        out->sign.over.text = "{{body}}";
    if (file->rejects_unsigned) {
        out->rejects_at = file->rejects_at;
        out->rejected_with = file->rejected_with_at ? file->rejected_with.list : refusals;
        out->rejected_with_n = file->rejected_with_at ? file->rejected_with.n : ARRAY_LEN(refusals);
    }
    return suite_build_text(b, &out->sign.secret) && build_sign_text(b, &out->sign.over, false) &&
           build_sign_headers(b, sign, &out->sign);
}

static bool build_cookies(struct suite_builder *b, const struct file_request *file,
                          struct suite_request *out)
{
    for (size_t i = 0; i < file->cookies_n; i++) {
        const struct doc_node *key = file->cookies[i].key;

        /* RFC 6265 section 4.1.1: a token. */
        if (!key->text[0] || strpbrk(key->text, " \t()<>@,;:\\\"/[]?={}"))
            return doc_fail(key, b->err, ERR_FILE, "this cannot be the name of a cookie");
        if (has_entry(file->headers, file->headers_n, "Cookie"))
            return doc_fail(key, b->err, ERR_FILE,
                            "'cookies' and a header 'Cookie' exclude each other");
    }
    return suite_build_pairs(b, file->cookies, file->cookies_n, "cookies", &out->cookies,
                             &out->cookies_n);
}

bool suite_build_request(struct suite_builder *b, const struct file_request *file,
                         struct suite_request *out)
{
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
    if (!suite_build_transport(b, &file->transport, &b->file->defaults.transport, out) ||
        !build_url(b, &file->url[out->method], out) || !build_headers(b, file, out) ||
        !build_cookies(b, file, out) ||
        !suite_build_pairs(b, file->query, file->query_n, "query", &out->query, &out->query_n) ||
        !build_body(b, file, out) || !build_auth(b, file, out) || !build_sign(b, file, out))
        return false;
    if (out->body != SUITE_BODY_NONE && (out->method == SUITE_GET || out->method == SUITE_HEAD))
        return doc_fail(file->at, b->err, ERR_FILE, "a %s request has no body",
                        suite_method_name(out->method));
    return true;
}
