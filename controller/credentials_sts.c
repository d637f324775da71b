/* STS by its query protocol: a form out, XML back. Source: STS API reference 2011-06-15. */
#include "credentials_sts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route53_xml.h"
#include "sluice/clock.h"
#include "sluice/sigv4.h"
#include "sluice/text.h"
#include "sts_xml.h"

#define TRIES       3
#define PAUSE_MS    1000
#define TOTAL_MS    10000
#define CONNECT_MS  5000
#define HEADERS_MAX 4
#define SKEW_MIN_MS (4 * 60 * 1000) /* proves that a refused signature was the clock's fault */

bool credentials_sts_check_session(const char *name)
{
    size_t len = strlen(name);

    return len >= 2 && len <= CREDENTIALS_SESSION_MAX &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-") ==
               len;
}

void credentials_sts_add(struct buf *form, const char *name, const char *value)
{
    if (!value)
        return;
    buf_addf(form, "&%s=", name);
    text_add_percent(form, value, strlen(value), "");
}

void credentials_sts_form(struct buf *form, const char *action, const struct credentials_role *role)
{
    char own[CREDENTIALS_SESSION_MAX + 1], seconds[16];

    /* It shows up in CloudTrail as who acted: ours, and told apart from another run's. */
    snprintf(own, sizeof own, "sluice-%lld", (long long)(clock_wall_ms(&clock_real) / 1000));
    snprintf(seconds, sizeof seconds, "%u", role->duration_s);
    buf_addf(form, "Action=%s&Version=2011-06-15", action);
    credentials_sts_add(form, "RoleArn", role->arn);
    credentials_sts_add(form, "RoleSessionName", role->session_name ? role->session_name : own);
    credentials_sts_add(form, "DurationSeconds", role->duration_s ? seconds : NULL);
}

static bool authorize(struct credentials_fetch *f, const struct aws_service *sts, const char *host,
                      struct http_header *headers, size_t *n, char date[SIGV4_DATE_SIZE],
                      const struct buf *form, struct buf *authorization, struct err *err)
{
    struct sigv4_scope scope = {.region = sts->region, .service = "sts"};
    struct sigv4_pair pairs[HEADERS_MAX + 1];
    struct sigv4_request request = {
        .method = "POST", .path = "/", .headers = pairs, .body = form->data, .body_len = form->len};

    sigv4_date(clock_wall_ms(&clock_real) + f->skew_ms, scope.date);
    memcpy(date, scope.date, SIGV4_DATE_SIZE);
    headers[(*n)++] = (struct http_header){"X-Amz-Date", date};
    if (f->keys.token)
        headers[(*n)++] = (struct http_header){"X-Amz-Security-Token", f->keys.token};
    for (size_t i = 0; i < *n; i++)
        pairs[i] = (struct sigv4_pair){headers[i].name, headers[i].value};
    pairs[*n] = (struct sigv4_pair){"Host", host}; /* libcurl writes it from the url */
    request.n_headers = *n + 1;
    if (!sigv4_sign(&request, &scope, f->keys.key_id, f->keys.secret_key, NULL, authorization, err))
        return false;
    headers[(*n)++] = (struct http_header){"Authorization", buf_str(authorization)};
    return true;
}

bool credentials_sts_send(struct credentials_fetch *f, const struct credentials_role *role,
                          const struct buf *form, bool sign, struct err *err)
{
    struct buf url SL_CLEANUP(buf_clear) = {0}, authorization SL_CLEANUP(buf_wipe) = {0};
    struct http_header headers[HEADERS_MAX] = {
        {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
    struct http_request q = {.method = "POST",
                             .headers = headers,
                             .headers_n = 1,
                             .body = form->data,
                             .body_len = form->len,
                             .connect_ms = CONNECT_MS,
                             .total_ms = TOTAL_MS,
                             .body_keep = STS_XML_BYTES_MAX,
                             .body_max = STS_XML_BYTES_MAX,
                             .version = HTTP_VERSION_1_1,
                             .exact = true};
    char date[SIGV4_DATE_SIZE];
    struct aws_service sts;
    char *host;
    bool ok;

    f->tries = TRIES;
    f->pause_ms = PAUSE_MS;
    if (!aws_config_sts(&f->config, role->arn, &sts, err))
        return false;
    host = aws_config_host(sts.endpoint);
    ok = !sign || authorize(f, &sts, host, headers, &q.headers_n, date, form, &authorization, err);
    buf_addf(&url, "%s/", sts.endpoint);
    q.url = buf_str(&url);
    q.ca_file = sts.ca_file;
    if (ok)
        credentials_fetch_http(f, &q);
    free(host);
    return ok;
}

/* A signature that was refused while the service's clock differs from ours is worth one more. */
static bool learn_skew(struct credentials_fetch *f, const struct http_response *r, const char *code)
{
    static const char *const codes[] = {"RequestExpired", "SignatureDoesNotMatch",
                                        "InvalidSignatureException", "RequestTimeTooSkewed"};
    const char *date = http_response_find(r, "Date");
    int64_t date_ms, skew_ms;

    if (f->skewed || !date || !text_parse_http_date_ms(date, &date_ms, NULL))
        return false;
    skew_ms = date_ms - clock_wall_ms(&clock_real);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (strcmp(code, codes[i]) == 0 && llabs(skew_ms) >= SKEW_MIN_MS) {
            f->skewed = true;
            f->skew_ms = skew_ms;
            return true;
        }
    return false;
}

static enum credentials_turn refused(struct credentials_fetch *f,
                                     const struct credentials_role *role,
                                     const struct http_response *r, struct err *why)
{
    static const char *const passing[] = {"Throttling", "ThrottlingException",
                                          "RequestLimitExceeded", "IDPCommunicationError"};
    struct buf said SL_CLEANUP(buf_clear) = {0};
    struct route53_error e;
    bool again = r->status >= 500 || r->status == 429;

    route53_xml_parse_error(buf_str(&r->body), r->body.len, r->status, &e);
    for (size_t i = 0; i < ARRAY_LEN(passing); i++)
        again = again || strcmp(e.code, passing[i]) == 0;
    text_add_safe(&said, e.code, strlen(e.code), ROUTER_CODE_MAX);
    buf_add_str(&said, ": ");
    text_add_safe(&said, e.message, strlen(e.message), CREDENTIALS_SHOWN_MAX);
    again = learn_skew(f, r, e.code) || again;
    err_set(why, again ? ERR_NET : ERR_DENIED, "STS does not give %s: %s%s", role->arn,
            buf_str(&said),
            strcmp(e.code, "AccessDenied") == 0 ? "; the role's trust policy must name who asks, "
                                                  "and that one's own policy must allow it"
                                                : "");
    return again ? CREDENTIALS_AGAIN : CREDENTIALS_FAILED;
}

enum credentials_turn credentials_sts_took(struct credentials_fetch *f,
                                           const struct credentials_role *role, const char *source,
                                           const struct http_response *r, struct err *why)
{
    struct sts_keys got SL_CLEANUP(sts_xml_clear) = {0};
    struct credentials keys SL_CLEANUP(credentials_clear) = {0};
    bool ok;

    if (r->status != 200)
        return refused(f, role, r, why);
    ok = sts_xml_parse(buf_str(&r->body), r->body.len, &got, why) &&
         credentials_set(&keys, source, buf_str(&got.key_id), buf_str(&got.secret_key),
                         buf_str(&got.token), why) &&
         text_parse_time_ms(buf_str(&got.expiration), &keys.expires_ms, why) &&
         credentials_fetch_keep(f, &keys, why);
    if (ok)
        return CREDENTIALS_HAVE;
    if (why->kind == ERR_FILE) /* it is no file's fault */
        why->kind = ERR_PROTOCOL;
    err_prefix(why, "%s: ", role->arn);
    return CREDENTIALS_FAILED;
}
