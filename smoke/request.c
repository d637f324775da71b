/* request.c: the same templates twice: with their values for the server, with marks for the curl
 * line. */
#include "request.h"

#include <string.h>
#include <strings.h>

#include "sign.h"
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
    bool same = other[0] && http_url_parse(&parts, other, &err) &&
                strcmp(parts.scheme, url->scheme) == 0 && strcmp(parts.host, url->host) == 0 &&
                parts.port == url->port;

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

static bool add_header(struct request *out, const char *name, const char *value, size_t len,
                       struct err *err)
{
    if (out->headers_n == REQUEST_HEADERS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d headers", REQUEST_HEADERS_MAX);
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
        if (!add_header(out, pair->name, buf_str(&value), value.len, err))
            return false;
    }
    return true;
}

static bool add_auth(struct request *out, struct scope *scope, const struct suite_request *from,
                     struct err *err)
{
    struct buf raw SL_CLEANUP(buf_wipe) = {0};
    struct buf value SL_CLEANUP(buf_wipe) = {0};

    if (from->auth == SUITE_AUTH_NONE)
        return true;
    if (from->auth == SUITE_AUTH_BEARER) {
        buf_add_str(&value, "Bearer ");
        if (!scope_expand(scope, &from->token.tpl, &value, NULL, err))
            return false;
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
    return add_header(out, "Authorization", buf_str(&value), value.len, err);
}

static bool build_body(struct request *out, struct scope *scope, const struct suite_request *from,
                       struct err *err)
{
    const char *type = NULL;

    buf_init(&out->body, REQUEST_BODY_MAX);
    out->has_body = from->body != SUITE_BODY_NONE;
    switch (from->body) {
    case SUITE_BODY_JSON:
        type = "application/json";
        if (!scope_expand_json(scope, &from->json, &out->body, err))
            return false;
        break;
    case SUITE_BODY_FORM:
        type = "application/x-www-form-urlencoded";
        if (!add_pairs(scope, from->form, from->form_n, '\0', &out->body, err))
            return false;
        break;
    case SUITE_BODY_RAW:
        if (!scope_expand(scope, &from->raw.tpl, &out->body, NULL, err))
            return false;
        break;
    case SUITE_BODY_NONE:
        break;
    }
    if (!buf_ok(&out->body))
        return err_set(err, ERR_LIMIT, "the body is longer than %zu bytes", REQUEST_BODY_MAX);
    return !type || has_header(out, "Content-Type") ||
           add_header(out, "Content-Type", type, strlen(type), err);
}

static bool add_signature(struct request *out, struct scope *scope,
                          const struct suite_request *from, int64_t wall_ms, struct err *err)
{
    struct buf key SL_CLEANUP(buf_wipe) = {0};
    struct buf value SL_CLEANUP(buf_wipe) = {0};

    if (from->sign == SUITE_SIGN_NONE)
        return true;
    if (!scope_expand(scope, &from->sign_secret.tpl, &key, NULL, err))
        return false;
    sign_stripe(&value, buf_str(&key), key.len, wall_ms / 1000, out->body.data, out->body.len);
    return add_header(out, "Stripe-Signature", buf_str(&value), value.len, err);
}

static bool add_cookies(struct request *out, const struct request_around *around, struct err *err)
{
    struct buf value SL_CLEANUP(buf_wipe) = {0};

    if (!around->jar || around->jar->n == 0 || has_header(out, "Cookie"))
        return true;
    cookie_format(around->jar, &out->parts, around->wall_ms, &value);
    return value.len == 0 || add_header(out, "Cookie", buf_str(&value), value.len, err);
}

bool request_build(struct request *out, struct scope *scope, const struct suite_request *from,
                   const struct request_around *around, struct err *err)
{
    return request_build_url(out, scope, from, around->previous, err) &&
           add_own_headers(out, scope, from, err) && add_auth(out, scope, from, err) &&
           build_body(out, scope, from, err) &&
           add_signature(out, scope, from, around->wall_ms, err) && add_cookies(out, around, err);
}

/* ---- shown
 * ----------------------------------------------------------------------------------------- */

/* A shell word: what stands between marks becomes "$NAME". */
static void add_word(struct buf *out, const char *s, size_t len)
{
    const char *end = s + len;

    if (!memchr(s, SCOPE_MARK_BEGIN, len)) {
        text_add_shell(out, s);
        return;
    }
    while (s < end) {
        const char *mark = memchr(s, SCOPE_MARK_BEGIN, (size_t)(end - s));
        const char *close = mark ? memchr(mark, SCOPE_MARK_END, (size_t)(end - mark)) : NULL;
        char *plain;

        if (!close)
            mark = end;
        if (mark > s) {
            plain = x_strndup(s, (size_t)(mark - s));
            text_add_shell(out, plain);
            free(plain);
        }
        if (!close)
            break;
        buf_addf(out, "\"$%.*s\"", (int)(close - mark - 1), mark + 1);
        s = close + 1;
    }
}

static void add_header_word(struct buf *out, const char *name, const char *value)
{
    struct buf word SL_CLEANUP(buf_clear) = {0};

    buf_addf(&word, "%s: %s", name, value);
    buf_add_str(out, " -H ");
    add_word(out, word.data, word.len);
}

static void add_curl_auth(struct buf *out, struct scope *scope, const struct suite_request *from)
{
    struct buf word SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    if (from->auth == SUITE_AUTH_BEARER) {
        if (scope_expand(scope, &from->token.tpl, &word, NULL, &err)) {
            struct buf value SL_CLEANUP(buf_clear) = {0};

            buf_addf(&value, "Bearer %s", buf_str(&word));
            add_header_word(out, "Authorization", buf_str(&value));
        }
    } else if (from->auth == SUITE_AUTH_BASIC) {
        if (!scope_expand(scope, &from->user.tpl, &word, NULL, &err))
            return;
        buf_add_char(&word, ':');
        if (!scope_expand(scope, &from->password.tpl, &word, NULL, &err))
            return;
        buf_add_str(out, " -u ");
        add_word(out, word.data, word.len);
    }
}

static void add_curl_target(struct buf *out, const char *connect_to)
{
    if (!connect_to)
        return;
    buf_add_str(out, " --connect-to ");
    {
        struct buf word SL_CLEANUP(buf_clear) = {0};

        buf_addf(&word, "::%s", connect_to);
        text_add_shell(out, buf_str(&word));
    }
}

void request_add_curl(struct buf *out, struct scope *scope, const struct suite_request *from,
                      const char *previous, const char *connect_to, bool cookies)
{
    static const char cookie_mark[] = {SCOPE_MARK_BEGIN, 'C', 'O', 'O', 'K', 'I', 'E',
                                       SCOPE_MARK_END,   0};
    static const char sign_mark[] = {SCOPE_MARK_BEGIN, 'S', 'I', 'G', 'N', 'A', 'T', 'U', 'R', 'E',
                                     SCOPE_MARK_END,   0};
    struct request request = {0};
    struct err err = {0};
    bool ok;

    scope->marks = true;
    ok = request_build_url(&request, scope, from, previous, &err) &&
         add_own_headers(&request, scope, from, &err) && build_body(&request, scope, from, &err);
    if (ok && request.url.len + request.body.len < REQUEST_CURL_MAX) {
        buf_add_str(out, "curl -sS -i");
        if (from->method == SUITE_HEAD)
            buf_add_str(out, " -I");
        else if (from->method != SUITE_GET && !(from->method == SUITE_POST && request.has_body))
            buf_addf(out, " -X %s", request.method);
        add_curl_target(out, connect_to);
        for (size_t i = 0; i < request.headers_n; i++)
            add_header_word(out, request.headers[i].name, request.headers[i].value);
        add_curl_auth(out, scope, from);
        if (from->sign != SUITE_SIGN_NONE)
            add_header_word(out, "Stripe-Signature", sign_mark);
        if (cookies)
            add_header_word(out, "Cookie", cookie_mark);
        if (request.has_body) {
            buf_add_str(out, " --data-raw ");
            add_word(out, buf_str(&request.body), request.body.len);
        }
        buf_add_char(out, ' ');
        add_word(out, buf_str(&request.url), request.url.len);
    }
    scope->marks = false;
    request_clear(&request);
}

/* Values that are nobody's business even though they are no secrets of the suite. */
static bool is_private(const char *name)
{
    static const char *const names[] = {"Authorization", "Cookie", "Stripe-Signature"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

void request_add_head(struct buf *out, const struct request *request)
{
    buf_addf(out, "%s %s", request->method, request->parts.path);
    if (request->parts.query)
        buf_addf(out, "?%s", request->parts.query);
    buf_addf(out, "\nHost: %s\n", request->parts.host);
    for (size_t i = 0; i < request->headers_n; i++)
        buf_addf(out, "%s: %s\n", request->headers[i].name,
                 is_private(request->headers[i].name) ? "[not shown]" : request->headers[i].value);
}

void request_clear(struct request *request)
{
    for (size_t i = 0; i < request->headers_n; i++) {
        char *value = (char *)(uintptr_t)request->headers[i].value;

        explicit_bzero(value, strlen(value));
    }
    buf_wipe(&request->url);
    buf_wipe(&request->body);
    http_url_clear(&request->parts);
    arena_clear(&request->storage);
    *request = (struct request){0};
}
