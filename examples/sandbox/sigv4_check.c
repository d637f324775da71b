#include "sigv4_check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sluice/arena.h"
#include "sluice/crypto.h"
#include "sluice/text.h"

#define FIELDS_MAX 64
#define HEX_BYTES  (2 * CRYPTO_SHA256_BYTES + 1)

struct claim {
    const char *id, *date, *region, *service, *signed_headers, *signature;
    const char *amz_date;
};

static bool refuse(struct sigv4_verdict *v, int status, const char *code, const char *message)
{
    v->status = status;
    v->code = code;
    if (message != v->message)
        snprintf(v->message, sizeof v->message, "%s", message);
    return false;
}

/* The value of name= in "Credential=a, SignedHeaders=b, Signature=c". */
static const char *part(struct arena *mem, const char *fields, const char *name)
{
    size_t len = strlen(name);

    while (*fields) {
        fields += strspn(fields, " ,");
        if (strncmp(fields, name, len) == 0 && fields[len] == '=')
            return arena_strndup(mem, fields + len + 1, strcspn(fields + len + 1, ", "));
        fields += strcspn(fields, ",");
    }
    return NULL;
}

static bool read_claim(struct arena *mem, const struct web_request *rq, struct claim *c,
                       struct sigv4_verdict *v)
{
    static const char scheme[] = "AWS4-HMAC-SHA256 ";
    const char *header = web_header(rq, "Authorization");
    const char *credential;
    char *slash, *parts[5];

    if (!header)
        return refuse(v, 403, "MissingAuthenticationToken", "Missing Authentication Token");
    if (strncmp(header, scheme, sizeof scheme - 1) != 0)
        return refuse(v, 400, "IncompleteSignature",
                      "Unsupported or missing algorithm in the Authorization header");
    credential = part(mem, header + sizeof scheme - 1, "Credential");
    c->signed_headers = part(mem, header + sizeof scheme - 1, "SignedHeaders");
    c->signature = part(mem, header + sizeof scheme - 1, "Signature");
    c->amz_date = web_header(rq, "X-Amz-Date");
    if (!credential || !c->signed_headers || !c->signature || !c->amz_date) {
        snprintf(v->message, sizeof v->message, "Authorization header requires %s parameter.",
                 !credential     ? "'Credential'"
                 : !c->signature ? "'Signature'"
                 : !c->signed_headers
                     ? "'SignedHeaders'"
                     : "existence of either a 'X-Amz-Date' or a 'Date' header, not another");
        return refuse(v, 400, "IncompleteSignature", v->message);
    }
    parts[0] = (char *)(uintptr_t)credential;
    for (int i = 1; i < 5; i++) {
        slash = strchr(parts[i - 1], '/');
        if (!slash)
            return refuse(v, 400, "IncompleteSignature",
                          "Credential must have exactly 5 slash-delimited elements, e.g. "
                          "keyid/date/region/service/term");
        *slash = '\0';
        parts[i] = slash + 1;
    }
    c->id = parts[0];
    c->date = parts[1];
    c->region = parts[2];
    c->service = parts[3];
    snprintf(v->key_id, sizeof v->key_id, "%s", c->id);
    snprintf(v->date, sizeof v->date, "%s", c->amz_date);
    return strcmp(parts[4], "aws4_request") == 0 ||
           refuse(v, 403, "SignatureDoesNotMatch",
                  "Credential should be scoped with a valid terminator: 'aws4_request'.");
}

static void format_time(int64_t ms, char out[20])
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(out, 20, "%Y%m%dT%H%M%SZ", &tm);
}

static bool check_time(const struct claim *c, int64_t now_ms, struct sigv4_verdict *v)
{
    char now[20], edge[20];
    struct tm tm = {0};
    const char *end = strptime(c->amz_date, "%Y%m%dT%H%M%SZ", &tm);
    int64_t at;

    if (!end || *end || strlen(c->amz_date) != 16)
        return refuse(v, 400, "IncompleteSignature",
                      "Date must be in ISO-8601 'basic format'. See "
                      "http://en.wikipedia.org/wiki/ISO_8601");
    at = (int64_t)timegm(&tm) * 1000;
    format_time(now_ms, now);
    if (at < now_ms - SIGV4_TOLERANCE_MS) {
        format_time(now_ms - SIGV4_TOLERANCE_MS, edge);
        snprintf(v->message, sizeof v->message,
                 "Signature expired: %s is now earlier than %s (%s - 5 min.)", c->amz_date, edge,
                 now);
        return refuse(v, 403, "SignatureDoesNotMatch", v->message);
    }
    if (at > now_ms + SIGV4_TOLERANCE_MS) {
        format_time(now_ms + SIGV4_TOLERANCE_MS, edge);
        snprintf(v->message, sizeof v->message,
                 "Signature not yet current: %s is still later than %s (%s + 5 min.)", c->amz_date,
                 edge, now);
        return refuse(v, 403, "SignatureDoesNotMatch", v->message);
    }
    if (strncmp(c->amz_date, c->date, 8) != 0 || strlen(c->date) != 8) {
        snprintf(
            v->message, sizeof v->message,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP: '%.20s' != '%.8s', from '%.20s'.",
            c->date, c->amz_date, c->amz_date);
        return refuse(v, 403, "SignatureDoesNotMatch", v->message);
    }
    return true;
}

static bool listed(const char *list, const char *name)
{
    size_t len = strlen(name);

    while (*list) {
        size_t word = strcspn(list, ";");

        if (word == len && strncasecmp(list, name, len) == 0)
            return true;
        list += word + (list[word] == ';');
    }
    return false;
}

/* host and every x-amz- header must be signed, or they could be changed on the way. */
static bool check_signed_headers(const struct web_request *rq, const struct claim *c,
                                 struct sigv4_verdict *v)
{
    bool good = listed(c->signed_headers, "host");

    for (size_t i = 0; good && i < rq->n_headers; i++) {
        const char *name = rq->headers[i].name;

        if (strncasecmp(name, "x-amz-", 6) == 0 && !listed(c->signed_headers, name))
            good = false;
    }
    return good || refuse(v, 403, "SignatureDoesNotMatch",
                          "'Host' and every 'x-amz-' header must be a 'SignedHeader' in the AWS "
                          "Authorization.");
}

/* Dot segments and doubled slashes go, a closing slash stays; then each byte of the path as sent is
 * encoded once more (every service but S3). */
static void canonical_path(struct arena *mem, const char *path, struct buf *out)
{
    const char *segments[FIELDS_MAX * 4];
    size_t n = 0;
    bool slash_end = true;

    while (*path) {
        size_t len;

        path += strspn(path, "/");
        len = strcspn(path, "/");
        if (!len)
            break;
        slash_end = path[len] == '/';
        if (len == 2 && strncmp(path, "..", 2) == 0) {
            n -= n > 0;
            slash_end = true;
        } else if (!(len == 1 && *path == '.') && n < ARRAY_LEN(segments)) {
            segments[n++] = arena_strndup(mem, path, len);
        } else {
            slash_end = true;
        }
        path += len;
    }
    for (size_t i = 0; i < n; i++) {
        buf_add_char(out, '/');
        text_add_percent(out, segments[i], strlen(segments[i]), "");
    }
    if (slash_end || !n)
        buf_add_char(out, '/');
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void canonical_query(struct arena *mem, const char *query, struct buf *out)
{
    const char *pairs[FIELDS_MAX];
    size_t n = 0;

    while (*query && n < FIELDS_MAX) {
        size_t len = strcspn(query, "&");
        const char *eq = memchr(query, '=', len);
        size_t name_len = eq ? (size_t)(eq - query) : len;
        char *name = web_decode(mem, query, name_len, false);
        char *value =
            eq ? web_decode(mem, eq + 1, len - name_len - 1, false) : arena_strdup(mem, "");
        struct buf pair SL_CLEANUP(buf_clear) = {0};

        /* \001 sorts below every byte that can follow: by name first, then by value. */
        text_add_percent(&pair, name, strlen(name), "");
        buf_add_char(&pair, '\001');
        text_add_percent(&pair, value, strlen(value), "");
        if (len)
            pairs[n++] = arena_strdup(mem, buf_str(&pair));
        query += len + (query[len] == '&');
    }
    qsort(pairs, n, sizeof pairs[0], compare_text);
    for (size_t i = 0; i < n; i++) {
        char *eq = strchr(pairs[i], '\001');

        *eq = '=';
        if (i)
            buf_add_char(out, '&');
        buf_add_str(out, pairs[i]);
    }
}

static void add_trimmed(struct buf *out, const char *value)
{
    bool blank = false;

    for (; *value; value++) {
        if (*value == ' ' || *value == '\t') {
            blank = true;
            continue;
        }
        if (blank)
            buf_add_char(out, ' ');
        blank = false;
        buf_add_char(out, *value);
    }
}

static bool canonical_headers(const struct web_request *rq, struct arena *mem, const char *list,
                              struct buf *out)
{
    const char *before = "";

    while (*list) {
        size_t len = strcspn(list, ";");
        const char *name = arena_strndup(mem, list, len);
        bool found = false;

        if (strcmp(before, name) >= 0)
            return false;
        buf_addf(out, "%s:", name);
        for (size_t i = 0; i < rq->n_headers; i++) {
            if (strcasecmp(rq->headers[i].name, name) != 0)
                continue;
            if (found)
                buf_add_char(out, ',');
            add_trimmed(out, rq->headers[i].value);
            found = true;
        }
        buf_add_char(out, '\n');
        if (!found)
            return false;
        before = name;
        list += len + (list[len] == ';');
    }
    return true;
}

static bool expected_signature(struct arena *mem, const struct web_request *rq,
                               const struct claim *c, const char *secret, char out[HEX_BYTES])
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    uint8_t key[CRYPTO_SHA256_BYTES];
    char hex[HEX_BYTES];
    char *first;

    buf_addf(&text, "%s\n", rq->method);
    canonical_path(mem, rq->path, &text);
    buf_add_char(&text, '\n');
    canonical_query(mem, rq->query, &text);
    buf_add_char(&text, '\n');
    if (!canonical_headers(rq, mem, c->signed_headers, &text))
        return false;
    crypto_sha256_hex(rq->body, rq->body_len, hex);
    buf_addf(&text, "\n%s\n%s", c->signed_headers, hex);
    crypto_sha256_hex(text.data, text.len, hex);
    buf_reset(&text);
    buf_addf(&text, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", c->amz_date, c->date,
             c->region, c->service, hex);
    first = arena_printf(mem, "AWS4%s", secret);
    crypto_hmac_sha256(first, strlen(first), c->date, strlen(c->date), key);
    crypto_hmac_sha256(key, sizeof key, c->region, strlen(c->region), key);
    crypto_hmac_sha256(key, sizeof key, c->service, strlen(c->service), key);
    crypto_hmac_sha256(key, sizeof key, "aws4_request", 12, key);
    crypto_hmac_sha256_hex(key, sizeof key, text.data, text.len, out);
    return true;
}

static bool check_key(const struct web_request *rq, const struct claim *c,
                      const struct sigv4_key *keys, size_t n, int64_t now_ms,
                      struct sigv4_verdict *v)
{
    static const char invalid[] = "The security token included in the request is invalid.";
    const char *token = web_header(rq, "X-Amz-Security-Token");

    for (size_t i = 0; i < n; i++) {
        if (strcmp(keys[i].id, c->id) == 0)
            v->key = &keys[i];
    }
    if (!v->key || (v->key->token != NULL) != (token != NULL) ||
        (token && strcmp(token, v->key->token) != 0))
        return refuse(v, 403, "InvalidClientTokenId", invalid);
    if (v->key->expires_ms && now_ms >= v->key->expires_ms)
        return refuse(v, 403, "ExpiredToken",
                      "The security token included in the request is expired");
    return true;
}

static bool check_scope(const struct claim *c, const char *region, const char *service,
                        struct sigv4_verdict *v)
{
    if (strcmp(c->region, region) != 0)
        snprintf(v->message, sizeof v->message,
                 "Credential should be scoped to a valid region, not '%s'.", c->region);
    else if (strcmp(c->service, service) != 0)
        snprintf(v->message, sizeof v->message,
                 "Credential should be scoped to correct service: '%s'.", service);
    else
        return true;
    return refuse(v, 403, "SignatureDoesNotMatch", v->message);
}

bool sigv4_check(const struct web_request *rq, const struct sigv4_key *keys, size_t n_keys,
                 const char *region, const char *service, int64_t now_ms, struct sigv4_verdict *v)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    char expected[HEX_BYTES];
    struct claim c = {0};

    *v = (struct sigv4_verdict){0};
    if (!read_claim(&mem, rq, &c, v) || !check_scope(&c, region, service, v) ||
        !check_key(rq, &c, keys, n_keys, now_ms, v) || !check_time(&c, now_ms, v) ||
        !check_signed_headers(rq, &c, v))
        return false;
    if (expected_signature(&mem, rq, &c, v->key->secret, expected) &&
        crypto_equal(expected, strlen(expected), c.signature, strlen(c.signature)))
        return true;
    return refuse(
        v, 403, "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        "details.");
}
