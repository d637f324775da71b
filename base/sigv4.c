#include "sluice/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sluice/common.h"
#include "sluice/crypto.h"
#include "sluice/text.h"

#define ALGORITHM   "AWS4-HMAC-SHA256"
#define TERMINATOR  "aws4_request"
#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* Names and values of one encoded pair live in one buffer as "name\0value\0". */
struct encoded {
    const char *name, *value;
};

void sigv4_date(int64_t unix_ms, char out[SIGV4_DATE_SIZE])
{
    int64_t seconds = unix_ms / 1000;
    struct tm tm;
    time_t t;

    if (seconds < 0)
        seconds = 0;
    if (seconds > LAST_SECOND)
        seconds = LAST_SECOND;
    t = (time_t)seconds;
    gmtime_r(&t, &tm);
    strftime(out, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

static int by_name_then_value(const void *a, const void *b)
{
    const struct encoded *x = a, *y = b;
    int c = strcmp(x->name, y->name);

    return c ? c : strcmp(x->value, y->value);
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

bool sigv4_query(const struct sigv4_pair *query, size_t n, struct buf *out, struct err *err)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct encoded pairs[SIGV4_PAIRS_MAX];
    size_t at[SIGV4_PAIRS_MAX][2];

    if (n > SIGV4_PAIRS_MAX)
        return err_set(err, ERR_LIMIT, "a request with %zu query pairs, at most %d are signed", n,
                       SIGV4_PAIRS_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *value = or_empty(query[i].value);

        at[i][0] = text.len;
        text_add_percent(&text, query[i].name, strlen(query[i].name), "");
        buf_add_char(&text, '\0');
        at[i][1] = text.len;
        text_add_percent(&text, value, strlen(value), "");
        buf_add_char(&text, '\0');
    }
    if (!buf_ok(&text))
        return err_set(err, ERR_LIMIT, "the query string is too long to sign");
    for (size_t i = 0; i < n; i++) /* only now: the buffer moved while it grew */
        pairs[i] = (struct encoded){text.data + at[i][0], text.data + at[i][1]};
    /* Encoded text is ASCII, so strcmp() orders by code point as the standard asks. */
    if (n)
        qsort(pairs, n, sizeof pairs[0], by_name_then_value);
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s%s=%s", i ? "&" : "", pairs[i].name, pairs[i].value);
    return true;
}

/* Dot segments and empty segments go, a trailing slash stays; then every byte but unreserved ones
 * and the slash is encoded again, so "%20" on the wire is signed as "%2520". */
static bool add_path(const char *path, struct buf *out, struct err *err)
{
    const char *start[SIGV4_SEGMENTS_MAX];
    size_t length[SIGV4_SEGMENTS_MAX], n = 0, len = strlen(path);

    for (const char *p = path; *p;) {
        size_t width = strcspn(p, "/");

        if (width == 2 && p[0] == '.' && p[1] == '.') {
            if (n)
                n--;
        } else if (width && !(width == 1 && p[0] == '.')) {
            if (n == SIGV4_SEGMENTS_MAX)
                return err_set(err, ERR_LIMIT, "a request path of more than %d segments",
                               SIGV4_SEGMENTS_MAX);
            start[n] = p;
            length[n++] = width;
        }
        p += width;
        if (*p)
            p++;
    }
    if (!len || path[0] == '/')
        buf_add_char(out, '/');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(out, '/');
        text_add_percent(out, start[i], length[i], "");
    }
    if (n && path[len - 1] == '/')
        buf_add_char(out, '/');
    return true;
}

/* What intermediaries and the transport set or change; signing it would break the signature.
 * Source: botocore auth.py and the AWS SDKs' common list. Authorization is the result itself. */
static bool is_unsigned(const char *name)
{
    static const char *const names[] = {
        "authorization",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (text_eq_nocase(name, names[i]))
            return true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Trimmed, inner runs of blanks one blank. */
static void add_header_value(struct buf *out, const char *value)
{
    bool started = false, gap = false;

    for (; *value; value++) {
        if (is_blank(*value)) {
            gap = started;
            continue;
        }
        if (gap)
            buf_add_char(out, ' ');
        buf_add_char(out, *value);
        started = true;
        gap = false;
    }
}

struct header {
    const char *name; /* as given */
    const char *value;
    size_t order;
};

static int compare_nocase(const char *a, const char *b)
{
    for (;; a++, b++) {
        unsigned char x = (unsigned char)*a, y = (unsigned char)*b;

        if (x >= 'A' && x <= 'Z')
            x = (unsigned char)(x + 32);
        if (y >= 'A' && y <= 'Z')
            y = (unsigned char)(y + 32);
        if (x != y || !x)
            return (x > y) - (x < y);
    }
}

/* By name; repeated ones in the order given, which is the order their values are joined in. */
static int by_header_name(const void *a, const void *b)
{
    const struct header *x = a, *y = b;
    int c = compare_nocase(x->name, y->name);

    return c ? c : (x->order > y->order) - (x->order < y->order);
}

static void add_lower(struct buf *out, const char *s)
{
    for (; *s; s++)
        buf_add_char(out, *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s);
}

static bool add_headers(const struct sigv4_request *request, struct buf *out, struct buf *names,
                        struct err *err)
{
    struct header sorted[SIGV4_PAIRS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < request->n_headers; i++) {
        if (is_unsigned(request->headers[i].name))
            continue;
        if (n == SIGV4_PAIRS_MAX)
            return err_set(err, ERR_LIMIT, "a request of more than %d signed headers",
                           SIGV4_PAIRS_MAX);
        sorted[n] =
            (struct header){request->headers[i].name, or_empty(request->headers[i].value), i};
        n++;
    }
    if (n)
        qsort(sorted, n, sizeof sorted[0], by_header_name);
    for (size_t i = 0; i < n; i++) {
        if (i && compare_nocase(sorted[i].name, sorted[i - 1].name) == 0) {
            buf_add_char(out, ',');
        } else {
            if (i) {
                buf_add_char(out, '\n');
                buf_add_char(names, ';');
            }
            add_lower(out, sorted[i].name);
            buf_add_char(out, ':');
            add_lower(names, sorted[i].name);
        }
        add_header_value(out, sorted[i].value);
    }
    buf_add_str(out, "\n");
    return true;
}

static void add_hash(struct buf *out, const void *data, size_t len)
{
    unsigned char hash[CRYPTO_SHA256_BYTES];

    crypto_sha256(len ? data : "", len, hash);
    text_add_hex(out, hash, sizeof hash);
}

bool sigv4_canonical_request(const struct sigv4_request *request, struct buf *out,
                             struct buf *signed_headers, struct err *err)
{
    size_t names_at = signed_headers->len;

    for (const char *m = request->method; *m; m++)
        buf_add_char(out, *m >= 'a' && *m <= 'z' ? (char)(*m - 32) : *m);
    buf_add_char(out, '\n');
    if (!add_path(request->path, out, err))
        return false;
    buf_add_char(out, '\n');
    if (!sigv4_query(request->query, request->n_query, out, err))
        return false;
    buf_add_char(out, '\n');
    if (!add_headers(request, out, signed_headers, err))
        return false;
    buf_addf(out, "\n%s\n", buf_str(signed_headers) + names_at);
    add_hash(out, request->body, request->body_len);
    if (!buf_ok(out) || !buf_ok(signed_headers))
        return err_set(err, ERR_LIMIT, "the request is too long to sign");
    return true;
}

static void add_scope(struct buf *out, const struct sigv4_scope *scope)
{
    buf_addf(out, "%.8s/%s/%s/" TERMINATOR, scope->date, scope->region, scope->service);
}

void sigv4_string_to_sign(const struct sigv4_scope *scope, const char *canonical_request,
                          size_t len, struct buf *out)
{
    buf_addf(out, ALGORITHM "\n%s\n", scope->date);
    add_scope(out, scope);
    buf_add_char(out, '\n');
    add_hash(out, canonical_request, len);
}

void sigv4_signature(const struct sigv4_scope *scope, const char *secret_key,
                     const char *string_to_sign, size_t len, char hex[SIGV4_HEX_SIZE])
{
    struct buf first = {0}, text = {0};
    unsigned char key[CRYPTO_SHA256_BYTES], next[CRYPTO_SHA256_BYTES];
    const char *const chain[] = {scope->region, scope->service, TERMINATOR};

    buf_addf(&first, "AWS4%s", secret_key);
    crypto_hmac_sha256(first.data, first.len, scope->date, 8, key);
    for (size_t i = 0; i < ARRAY_LEN(chain); i++) {
        crypto_hmac_sha256(key, sizeof key, chain[i], strlen(chain[i]), next);
        memcpy(key, next, sizeof key);
    }
    crypto_hmac_sha256(key, sizeof key, string_to_sign, len, next);
    text_add_hex(&text, next, sizeof next);
    snprintf(hex, SIGV4_HEX_SIZE, "%s", buf_str(&text));
    explicit_bzero(key, sizeof key);
    buf_clear(&text);
    buf_wipe(&first);
}

void sigv4_authorization(const struct sigv4_scope *scope, const char *key_id,
                         const char *signed_headers, const char *signature, struct buf *out)
{
    buf_addf(out, ALGORITHM " Credential=%s/", key_id);
    add_scope(out, scope);
    buf_addf(out, ", SignedHeaders=%s, Signature=%s", signed_headers, signature);
}

bool sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope,
                const char *key_id, const char *secret_key, struct buf *canonical, struct buf *out,
                struct err *err)
{
    struct buf first SL_CLEANUP(buf_clear) = {0}, second SL_CLEANUP(buf_clear) = {0};
    struct buf names SL_CLEANUP(buf_clear) = {0};
    char hex[SIGV4_HEX_SIZE];

    if (!sigv4_canonical_request(request, &first, &names, err))
        return false;
    sigv4_string_to_sign(scope, first.data, first.len, &second);
    sigv4_signature(scope, secret_key, second.data, second.len, hex);
    sigv4_authorization(scope, key_id, buf_str(&names), hex, out);
    if (canonical)
        buf_add(canonical, first.data, first.len);
    return buf_ok(out) || err_set(err, ERR_LIMIT, "the signature does not fit its buffer");
}
