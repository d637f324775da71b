/* request.c: the same templates twice: with their values for the server, with marks for the curl
 * line. */
#include "request.h"

#include <string.h>
#include <strings.h>

#include "request_aws.h"
#include "sluice/secret.h"
#include "sluice/text.h"

static const char marks_kept[] = {SCOPE_MARK_BEGIN, SCOPE_MARK_END, '\0'};

/* ---- url
 * ------------------------------------------------------------------------------------------- */

static bool add_pairs(struct scope *scope, const struct suite_pair *pairs, size_t n, char first,
                      struct buf *out, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct buf value SL_CLEANUP(buf_wipe) = {0};

        if (!scope_expand(scope, &pairs[i].value.tpl, &value, NULL, err))
            return false;
        if (i || first)
            buf_add_char(out, i ? '&' : first);
        text_add_percent(out, pairs[i].name, strlen(pairs[i].name), "");
        buf_add_char(out, '=');
        text_add_percent(out, buf_str(&value), value.len, scope->marks ? marks_kept : "");
    }
    return true;
}

/* A path is added to base_url as it stands there; what a template gave is a reference (RFC 3986
 * section 5) seen from the flow's last url, as a browser sees a Location. */
static bool expand_url(struct scope *scope, const struct suite_request *from, const char *previous,
                       struct buf *out, struct err *err)
{
    struct buf own SL_CLEANUP(buf_wipe) = {0};

    if (!scope_expand(scope, &from->url.tpl, &own, NULL, err))
        return false;
    if (from->url.text[0] == '/') {
        if (!scope_expand(scope, &scope->suite->base_url.tpl, out, NULL, err))
            return false;
        while (out->len && out->data[out->len - 1] == '/')
            buf_cut(out, out->len - 1);
        buf_add(out, own.data, own.len);
        return true;
    }
    if (scope->marks || text_starts_with(buf_str(&own), "http://") ||
        text_starts_with(buf_str(&own), "https://")) {
        buf_add_str(out, buf_str(&own));
        return true;
    }
    if (!previous[0]) {
        struct buf base SL_CLEANUP(buf_wipe) = {0};

        if (!scope->suite->base_url.text)
            return err_set(err, ERR_REFUSED, "the url has no scheme and the suite no base_url");
        return scope_expand(scope, &scope->suite->base_url.tpl, &base, NULL, err) &&
               http_url_resolve(out, buf_str(&base), buf_str(&own), err);
    }
    return http_url_resolve(out, previous, buf_str(&own), err);
}

static bool same_origin(const struct http_url *url, const char *other)
{
    struct http_url parts = {0};
    struct err err = {0};
    bool same =
        other[0] && http_url_parse(&parts, other, &err) && http_url_same_origin(&parts, url);

    http_url_clear(&parts);
    return same;
}

/* A server must not be able to send the flow, and what it carries, elsewhere. */
static bool origin_allowed(struct request *out, struct scope *scope, const char *previous,
                           struct err *err)
{
    struct buf base SL_CLEANUP(buf_wipe) = {0};

    if (same_origin(&out->parts, previous))
        return true;
    if (scope->suite->base_url.text &&
        scope_expand(scope, &scope->suite->base_url.tpl, &base, NULL, err) &&
        same_origin(&out->parts, buf_str(&base)))
        return true;
    return err_set(err, ERR_REFUSED,
                   "the captured url leads to %s://%s, where this flow has not been",
                   out->parts.scheme, out->parts.host);
}

static bool add_query(struct scope *scope, const struct suite_request *from, struct buf *url,
                      struct err *err)
{
    const char *text = buf_str(url);
    size_t cut = strcspn(text, "#");

    buf_cut(url, cut);
    return add_pairs(scope, from->query, from->query_n, strchr(buf_str(url), '?') ? '&' : '?', url,
                     err);
}

bool request_build_url(struct request *out, struct scope *scope, const struct suite_request *from,
                       const char *previous, struct err *err)
{
    out->method = suite_method_name(from->method);
    buf_init(&out->url, HTTP_URL_MAX);
    if (!expand_url(scope, from, previous, &out->url, err))
        return false;
    if (strlen(buf_str(&out->url)) != out->url.len) /* the rest would be left out without a word */
        return err_set(err, ERR_REFUSED, "url with a NUL byte in it");
    if (!add_query(scope, from, &out->url, err))
        return false;
    if (!buf_ok(&out->url))
        return err_set(err, ERR_LIMIT, "the url is longer than %d bytes", HTTP_URL_MAX);
    if (scope->marks)
        return true;
    if (!http_url_parse(&out->parts, buf_str(&out->url), err))
        return false;
    return !from->url_foreign || origin_allowed(out, scope, previous, err);
}

/* ---- headers and body
 * ------------------------------------------------------------------------------ */

bool request_add_header(struct request *out, const char *name, const char *value, size_t len,
                        bool hidden, struct err *err)
{
    if (out->headers_n == REQUEST_HEADERS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d headers", REQUEST_HEADERS_MAX);
    out->hidden[out->headers_n] = hidden;
    out->headers[out->headers_n++] =
        (struct http_header){.name = name, .value = arena_strndup(&out->storage, value, len)};
    return true;
}

static bool has_header(const struct request *out, const char *name)
{
    for (size_t i = 0; i < out->headers_n; i++)
        if (strcasecmp(out->headers[i].name, name) == 0)
            return true;
    return false;
}

static bool add_own_headers(struct request *out, struct scope *scope,
                            const struct suite_request *from, struct err *err)
{
    for (size_t i = 0; i < from->headers_n; i++) {
        const struct suite_pair *pair = &from->headers[i];
        struct buf value SL_CLEANUP(buf_wipe) = {0};

        if (!scope_expand(scope, &pair->value.tpl, &value, NULL, err))
            return false;
        if (!scope->marks && !template_check_header(pair->name, buf_str(&value), value.len, err))
            return false;
        if (!request_add_header(out, pair->name, buf_str(&value), value.len, false, err))
            return false;
    }
    return true;
}

static bool add_auth(struct request *out, struct scope *scope, const struct suite_request *from,
                     const struct request_around *around, struct err *err)
{
    struct buf raw SL_CLEANUP(buf_wipe) = {0};
    struct buf value SL_CLEANUP(buf_wipe) = {0};

    if (from->auth == SUITE_AUTH_NONE || from->auth == SUITE_AUTH_SIGV4)
        return true;
    if (from->auth == SUITE_AUTH_BEARER) {
        buf_add_str(&value, "Bearer ");
        if (!scope_expand(scope, &from->token.tpl, &value, NULL, err))
            return false;
    } else if (from->auth == SUITE_AUTH_OAUTH2) {
        buf_addf(&value, "Bearer %s", around->token ? around->token : "");
    } else {
        if (!scope_expand(scope, &from->user.tpl, &raw, NULL, err))
            return false;
        if (memchr(buf_str(&raw), ':', raw.len)) /* RFC 7617 section 2 */
            return err_set(err, ERR_REFUSED, "the user name of 'auth' holds a colon");
        buf_add_char(&raw, ':');
        if (!scope_expand(scope, &from->password.tpl, &raw, NULL, err))
            return false;
        buf_add_str(&value, "Basic ");
        text_add_base64(&value, raw.data, raw.len);
    }
    if (!template_check_header("Authorization", buf_str(&value), value.len, err))
        return false;
    return request_add_header(out, "Authorization", buf_str(&value), value.len, true, err);
}

/* ---- bodies
 * ----------------------------------------------------------------------------------- */

/* A quoted string of Content-Disposition, as browsers write it (WHATWG HTML section 4.10.21.8). */
static void add_quoted(struct buf *out, const char *s)
{
    for (; *s; s++)
        if (*s == '"' || *s == '\r' || *s == '\n')
            buf_addf(out, "%%%02X", (unsigned char)*s);
        else
            buf_add_char(out, *s);
}

static bool add_parts(struct request *out, struct scope *scope, const struct suite_request *from,
                      struct err *err)
{
    char uuid[CRYPTO_UUID_CHARS + 1];
    struct buf type SL_CLEANUP(buf_clear) = {0};

    crypto_uuid4(uuid); /* 122 random bits: no part holds it */
    buf_addf(&type, "multipart/form-data; boundary=smoke-%s", uuid);
    for (size_t i = 0; i < from->multipart_n; i++) {
        const struct suite_part *part = &from->multipart[i];

        buf_addf(&out->body, "--smoke-%s\r\nContent-Disposition: form-data; name=\"", uuid);
        add_quoted(&out->body, part->name);
        if (part->filename) {
            buf_add_str(&out->body, "\"; filename=\"");
            add_quoted(&out->body, part->filename);
        }
        buf_add_str(&out->body, "\"\r\n");
        if (part->type)
            buf_addf(&out->body, "Content-Type: %s\r\n", part->type);
        buf_add_str(&out->body, "\r\n");
        if (part->data)
            buf_add(&out->body, part->data, part->len);
        else if (!scope_expand(scope, &part->value.tpl, &out->body, NULL, err))
            return false;
        buf_add_str(&out->body, "\r\n");
    }
    buf_addf(&out->body, "--smoke-%s--\r\n", uuid);
    return request_add_header(out, "Content-Type", buf_str(&type), type.len, false, err);
}

static bool build_body(struct request *out, struct scope *scope, const struct suite_request *from,
                       struct err *err)
{
    const char *type = NULL;
    bool ok = true;

    buf_init(&out->body, REQUEST_BODY_MAX);
    out->has_body = from->body != SUITE_BODY_NONE;
    switch (from->body) {
    case SUITE_BODY_JSON:
        type = "application/json";
        ok = scope_expand_json(scope, &from->json, &out->body, err);
        break;
    case SUITE_BODY_FORM:
        type = "application/x-www-form-urlencoded";
        ok = add_pairs(scope, from->form, from->form_n, '\0', &out->body, err);
        break;
    case SUITE_BODY_RAW:
        ok = scope_expand(scope, &from->raw.tpl, &out->body, NULL, err);
        break;
    case SUITE_BODY_FILE:
        buf_add(&out->body, from->file_data, from->file_len);
        break;
    case SUITE_BODY_MULTIPART:
        ok = scope->marks || add_parts(out, scope, from, err);
        break;
    case SUITE_BODY_NONE:
        break;
    }
    if (!ok)
        return false;
    if (!buf_ok(&out->body))
        return err_set(err, ERR_LIMIT, "the body is longer than %zu bytes", REQUEST_BODY_MAX);
    return !type || has_header(out, "Content-Type") ||
           request_add_header(out, "Content-Type", type, strlen(type), false, err);
}

bool request_build_plain(struct request *out, struct scope *scope, const struct suite_request *from,
                         struct err *err)
{
    return add_own_headers(out, scope, from, err) && build_body(out, scope, from, err);
}

/* ---- signatures
 * -------------------------------------------------------------------------------- */

static bool add_signature(struct request *out, struct scope *scope,
                          const struct suite_request *from, const struct request_around *around,
                          struct err *err)
{
    struct buf key SL_CLEANUP(buf_wipe) = {0};
    struct sign_headers made SL_CLEANUP(sign_headers_clear) = {0};
    struct sign_message message = {.unix_s = around->wall_ms / 1000, .id = scope->uuid};

    if (from->sign.scheme == SUITE_SIGN_NONE)
        return true;
    if (!scope_expand(scope, &from->sign.secret.tpl, &key, NULL, err))
        return false;
    message.secret = buf_str(&key);
    message.secret_len = key.len;
    message.body = out->body.data;
    message.body_len = out->body.len;
    if (!sign_make(&made, &from->sign, &message, around->forgery, err))
        return false;
    for (size_t i = 0; i < made.n; i++) {
        const struct sign_header *h = &made.list[i];

        if (!template_check_header(h->name, buf_str(&h->value), h->value.len, err) ||
            !request_add_header(out, h->name, buf_str(&h->value), h->value.len, true, err))
            return false;
    }
    return true;
}

/* A cookie-octet is no control, blank, quote, comma, semicolon or backslash (RFC 6265
 * section 4.1.1); servers take all but what would end the value, and so does this. */
static bool add_own_cookies(struct scope *scope, const struct suite_request *from,
                            const char *names[SUITE_COOKIES_MAX], struct buf *out, struct err *err)
{
    for (size_t i = 0; i < from->cookies_n; i++) {
        struct buf value SL_CLEANUP(buf_wipe) = {0};

        names[i] = from->cookies[i].name;
        if (!scope_expand(scope, &from->cookies[i].value.tpl, &value, NULL, err))
            return false;
        if (!scope->marks && memchr(buf_str(&value), ';', value.len))
            return err_set(err, ERR_REFUSED, "the value of cookie %s holds a semicolon", names[i]);
        buf_addf(out, "%s%s=", out->len ? "; " : "", names[i]);
        buf_add(out, buf_str(&value), value.len);
    }
    return true;
}

/* The suite's own go first, and the jar's of the same names stay behind. What a redirect leads to
 * at another origin gets the jar's alone. */
static bool add_cookies(struct request *out, struct scope *scope, const struct suite_request *from,
                        const struct request_around *around, struct err *err)
{
    struct buf value SL_CLEANUP(buf_wipe) = {0};
    const char *names[SUITE_COOKIES_MAX];
    bool own = from->cookies_n > 0 && !around->bare;

    if (has_header(out, "Cookie"))
        return true;
    if (own && !add_own_cookies(scope, from, names, &value, err))
        return false;
    if (around->jar)
        cookie_format(around->jar, &out->parts, around->wall_ms, names, own ? from->cookies_n : 0,
                      &value);
    if (!template_check_header("Cookie", buf_str(&value), value.len, err))
        return false;
    return value.len == 0 ||
           request_add_header(out, "Cookie", buf_str(&value), value.len, true, err);
}

static bool add_extra(struct request *out, const struct request_around *around, struct err *err)
{
    if (around->method)
        out->method = around->method;
    for (size_t i = 0; i < around->extra_n; i++) {
        const struct http_header *h = &around->extra[i];

        if (!has_header(out, h->name) &&
            (!template_check_header(h->name, h->value, strlen(h->value), err) ||
             !request_add_header(out, h->name, h->value, strlen(h->value), false, err)))
            return false;
    }
    return true;
}

static bool set_json(struct request *out, const struct buf *body, struct err *err)
{
    static const char type[] = "application/json";

    buf_init(&out->body, REQUEST_BODY_MAX);
    buf_add(&out->body, body->data, body->len);
    out->has_body = true;
    return has_header(out, "Content-Type") ||
           request_add_header(out, "Content-Type", type, strlen(type), false, err);
}

/* Where a redirect leads. The query stands in it already. */
static bool build_redirected(struct request *out, struct scope *scope,
                             const struct suite_request *from, const struct request_around *around,
                             struct err *err)
{
    out->method = around->method ? around->method : suite_method_name(from->method);
    buf_init(&out->url, HTTP_URL_MAX);
    buf_init(&out->body, REQUEST_BODY_MAX);
    buf_add_str(&out->url, around->url);
    if (!http_url_parse(&out->parts, buf_str(&out->url), err))
        return false;
    if (!around->bare &&
        (!add_own_headers(out, scope, from, err) || !add_auth(out, scope, from, around, err)))
        return false;
    if (!around->bare && !around->no_body &&
        (!build_body(out, scope, from, err) || !add_signature(out, scope, from, around, err)))
        return false;
    return add_cookies(out, scope, from, around, err) &&
           (around->bare || from->auth != SUITE_AUTH_SIGV4 ||
            request_sign_aws(out, scope, from->sigv4, around->wall_ms, err));
}

static bool add_proxy(struct request *out, struct scope *scope, const struct suite_request *from,
                      struct err *err)
{
    return !from->proxy.text || scope_expand(scope, &from->proxy.tpl, &out->proxy, NULL, err);
}

bool request_build(struct request *out, struct scope *scope, const struct suite_request *from,
                   const struct request_around *around, struct err *err)
{
    if (!add_proxy(out, scope, from, err))
        return false;
    if (around->url)
        return build_redirected(out, scope, from, around, err);
    return request_build_url(out, scope, from, around->previous, err) &&
           add_own_headers(out, scope, from, err) && add_extra(out, around, err) &&
           add_auth(out, scope, from, around, err) &&
           (around->json ? set_json(out, around->json, err) : build_body(out, scope, from, err)) &&
           add_signature(out, scope, from, around, err) &&
           add_cookies(out, scope, from, around, err) &&
           (from->auth != SUITE_AUTH_SIGV4 ||
            request_sign_aws(out, scope, from->sigv4, around->wall_ms, err));
}

void request_clear(struct request *request)
{
    for (size_t i = 0; i < request->headers_n; i++) {
        char *value = (char *)(uintptr_t)request->headers[i].value;

        explicit_bzero(value, strlen(value));
    }
    buf_wipe(&request->url);
    buf_wipe(&request->body);
    buf_wipe(&request->proxy);
    http_url_clear(&request->parts);
    arena_clear(&request->storage);
    memset(request->headers, 0, request->headers_n * sizeof *request->headers);
    memset(request->hidden, 0, request->headers_n * sizeof *request->hidden);
    request->headers_n = 0; /* the rest of these lists is zero as it was: they are long */
    request->method = NULL;
    request->has_body = request->upgrade = request->exact = false;
}
