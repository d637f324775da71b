/* request_aws.c: from a request to sigv4.h's pairs and back. */
#include "request_aws.h"

#include <string.h>

#include "sluice/sigv4.h"
#include "sluice/text.h"

struct keys { /* expanded */
    struct buf service, region, access_key, secret_key, session_token;
};

static void keys_clear(struct keys *k)
{
    buf_wipe(&k->service);
    buf_wipe(&k->region);
    buf_wipe(&k->access_key);
    buf_wipe(&k->secret_key);
    buf_wipe(&k->session_token);
}

static bool expand_keys(struct keys *out, struct scope *scope, const struct suite_sigv4 *from,
                        struct err *err)
{
    return scope_expand(scope, &from->service.tpl, &out->service, NULL, err) &&
           scope_expand(scope, &from->region.tpl, &out->region, NULL, err) &&
           scope_expand(scope, &from->access_key.tpl, &out->access_key, NULL, err) &&
           scope_expand(scope, &from->secret_key.tpl, &out->secret_key, NULL, err) &&
           scope_expand(scope, &from->session_token.tpl, &out->session_token, NULL, err);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* Percent-decodes a piece of a query; what is no escape stays. */
static const char *decoded(struct arena *mem, const char *s, size_t len)
{
    char *out = arena_alloc(mem, len + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (s[i] == '%' && i + 2 < len && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            out[n++] = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
            i += 2;
        } else {
            out[n++] = s[i];
        }
    }
    out[n] = '\0';
    return out;
}

static bool split_query(struct request *r, struct sigv4_pair *pairs, size_t *n, struct err *err)
{
    const char *p = r->parts.query ? r->parts.query : "";

    *n = 0;
    while (*p) {
        size_t len = strcspn(p, "&");
        const char *eq = memchr(p, '=', len);
        size_t name_len = eq ? (size_t)(eq - p) : len;

        if (*n == SIGV4_PAIRS_MAX)
            return err_set(err, ERR_LIMIT, "more than %d query items cannot be signed",
                           SIGV4_PAIRS_MAX);
        if (len)
            pairs[(*n)++] =
                (struct sigv4_pair){decoded(&r->storage, p, name_len),
                                    eq ? decoded(&r->storage, eq + 1, len - name_len - 1) : ""};
        p += len + (p[len] == '&');
    }
    return true;
}

/* The url once more, with the query as it was signed. */
static void rewrite_url(struct request *r, const struct buf *query)
{
    buf_reset(&r->url);
    buf_addf(&r->url, "%s://%s", r->parts.scheme, r->parts.host);
    if (r->parts.port != (strcmp(r->parts.scheme, "https") == 0 ? 443 : 80))
        buf_addf(&r->url, ":%u", r->parts.port);
    buf_add_str(&r->url, r->parts.path);
    if (query->len)
        buf_addf(&r->url, "?%s", buf_str(query));
}

bool request_sign_aws(struct request *out, struct scope *scope, const struct suite_sigv4 *from,
                      int64_t wall_ms, struct err *err)
{
    struct keys keys SL_CLEANUP(keys_clear) = {0};
    struct buf query SL_CLEANUP(buf_clear) = {0}, value SL_CLEANUP(buf_wipe) = {0};
    struct buf host SL_CLEANUP(buf_clear) = {0};
    struct sigv4_pair pairs[SIGV4_PAIRS_MAX], headers[SIGV4_PAIRS_MAX];
    struct sigv4_scope scope4 = {0};
    struct sigv4_request r = {.method = out->method,
                              .path = out->parts.path,
                              .query = pairs,
                              .headers = headers,
                              .body = out->body.data,
                              .body_len = out->body.len};

    if (!expand_keys(&keys, scope, from, err) || !split_query(out, pairs, &r.n_query, err) ||
        !sigv4_query(pairs, r.n_query, &query, err))
        return false;
    sigv4_date(wall_ms, scope4.date);
    scope4.region = buf_str(&keys.region);
    scope4.service = buf_str(&keys.service);
    if (!request_add_header(out, "X-Amz-Date", scope4.date, strlen(scope4.date), false, err))
        return false;
    if (keys.session_token.len &&
        (!template_check_header("X-Amz-Security-Token", buf_str(&keys.session_token),
                                keys.session_token.len, err) ||
         !request_add_header(out, "X-Amz-Security-Token", buf_str(&keys.session_token),
                             keys.session_token.len, true, err)))
        return false;
    if (out->headers_n + 1 > SIGV4_PAIRS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d headers cannot be signed", SIGV4_PAIRS_MAX);
    for (size_t i = 0; i < out->headers_n; i++)
        headers[i] = (struct sigv4_pair){out->headers[i].name, out->headers[i].value};
    buf_add_str(&host, out->parts.host);
    if (out->parts.port != (strcmp(out->parts.scheme, "https") == 0 ? 443 : 80))
        buf_addf(&host, ":%u", out->parts.port);
    headers[out->headers_n] = (struct sigv4_pair){"Host", buf_str(&host)};
    r.n_headers = out->headers_n + 1;
    if (!sigv4_sign(&r, &scope4, buf_str(&keys.access_key), buf_str(&keys.secret_key), NULL, &value,
                    err) ||
        !template_check_header("Authorization", buf_str(&value), value.len, err) ||
        !request_add_header(out, "Authorization", buf_str(&value), value.len, true, err))
        return false;
    rewrite_url(out, &query);
    out->exact = true;
    return true;
}
