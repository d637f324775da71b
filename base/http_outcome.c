#include "http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sluice/clock.h"
#include "sluice/text.h"

static const char *const names[] = {
    [HTTP_OK] = "ok",
    [HTTP_DNS] = "dns",
    [HTTP_NO_ROUTE] = "no_route",
    [HTTP_REFUSED] = "refused",
    [HTTP_CONNECT_TIMEOUT] = "connect_timeout",
    [HTTP_TLS_UNTRUSTED] = "tls_untrusted",
    [HTTP_TLS_EXPIRED] = "tls_expired",
    [HTTP_TLS_NAME] = "tls_name",
    [HTTP_TLS_HANDSHAKE] = "tls_handshake",
    [HTTP_TIMEOUT] = "timeout",
    [HTTP_RESET] = "reset",
    [HTTP_PARTIAL] = "partial",
    [HTTP_PROTOCOL] = "protocol",
    [HTTP_TOO_LARGE] = "too_large",
    [HTTP_CANCELLED] = "cancelled",
    [HTTP_INVALID] = "invalid",
};
_Static_assert(ARRAY_LEN(names) == HTTP_OUTCOME_COUNT, "a name for every outcome");

/* What a code of libcurl means before the request could leave, between that and the end of the
 * header, and within the body. What is not listed: invalid, protocol, protocol. The codes that need
 * a second look (connect, time, certificate) are not here. */
static const struct {
    CURLcode code;
    enum http_outcome before, header, body;
} meanings[] = {
    {CURLE_OK, HTTP_OK, HTTP_OK, HTTP_OK},
    {CURLE_COULDNT_RESOLVE_HOST, HTTP_DNS, HTTP_DNS, HTTP_DNS},
    {CURLE_SSL_CONNECT_ERROR, HTTP_TLS_HANDSHAKE, HTTP_RESET, HTTP_PARTIAL},
    {CURLE_SSL_CIPHER, HTTP_TLS_HANDSHAKE, HTTP_TLS_HANDSHAKE, HTTP_PARTIAL},
    {CURLE_SSL_CERTPROBLEM, HTTP_TLS_HANDSHAKE, HTTP_TLS_HANDSHAKE, HTTP_PARTIAL},
    {CURLE_SSL_ISSUER_ERROR, HTTP_TLS_UNTRUSTED, HTTP_TLS_UNTRUSTED, HTTP_PARTIAL},
    {CURLE_GOT_NOTHING, HTTP_RESET, HTTP_RESET, HTTP_PARTIAL},
    {CURLE_SEND_ERROR, HTTP_RESET, HTTP_RESET, HTTP_PARTIAL},
    {CURLE_RECV_ERROR, HTTP_RESET, HTTP_RESET, HTTP_PARTIAL},
    {CURLE_HTTP2_STREAM, HTTP_RESET, HTTP_RESET, HTTP_PARTIAL},
    {CURLE_PARTIAL_FILE, HTTP_RESET, HTTP_RESET, HTTP_PARTIAL},
    {CURLE_OUT_OF_MEMORY, HTTP_INVALID, HTTP_TOO_LARGE,
     HTTP_PROTOCOL}, /* a header line > 100 KiB */
};

const char *http_outcome_name(enum http_outcome outcome)
{
    return (size_t)outcome < ARRAY_LEN(names) ? names[outcome] : "unknown";
}

void http_transfer_say(struct http_transfer *t, enum http_outcome outcome, const char *fmt, ...)
{
    va_list ap;

    t->response.outcome = outcome;
    va_start(ap, fmt);
    vsnprintf(t->response.reason, sizeof t->response.reason, fmt, ap);
    va_end(ap);
}

static int64_t info_us(CURL *easy, CURLINFO what)
{
    curl_off_t value = 0;

    curl_easy_getinfo(easy, what, &value);
    return (int64_t)value;
}

static long info_long(CURL *easy, CURLINFO what)
{
    long value = 0;

    curl_easy_getinfo(easy, what, &value);
    return value;
}

static void take_timing(struct http_transfer *t)
{
    struct http_timing *out = &t->response.timing;

    if (t->response.connects) { /* on a reused connection these are times of nothing */
        int64_t dns = info_us(t->easy, CURLINFO_NAMELOOKUP_TIME_T);
        int64_t tcp = info_us(t->easy, CURLINFO_CONNECT_TIME_T);
        int64_t tls = info_us(t->easy, CURLINFO_APPCONNECT_TIME_T);

        out->dns_us = dns;
        out->connect_us = tcp > dns ? tcp - dns : 0;
        out->tls_us = tls > tcp ? tls - tcp : 0;
    }
    if (t->sent)
        out->first_byte_us = info_us(t->easy, CURLINFO_STARTTRANSFER_TIME_T);
    out->total_us = info_us(t->easy, CURLINFO_TOTAL_TIME_T);
    out->done_at_us = clock_boot_us();
}

/* "203.0.113.5:443", "[2001:db8::1]:443". */
static void say_remote(char out[HTTP_REMOTE_MAX], const char *ip, long port)
{
    bool v6 = strchr(ip, ':') != NULL;
    char digits[8], *d = digits + sizeof digits;
    size_t len = strlen(ip);

    if (len > HTTP_REMOTE_MAX - sizeof digits - 3)
        len = HTTP_REMOTE_MAX - sizeof digits - 3;
    *--d = '\0';
    for (unsigned rest = (uint16_t)port; rest || !*d; rest /= 10)
        *--d = (char)('0' + rest % 10);
    if (v6)
        *out++ = '[';
    memcpy(out, ip, len);
    out += len;
    if (v6)
        *out++ = ']';
    *out++ = ':';
    strcpy(out, d);
}

static void take_facts(struct http_transfer *t)
{
    struct http_response *r = &t->response;
    const char *ip = NULL;
    long version = info_long(t->easy, CURLINFO_HTTP_VERSION);

    r->connects = (uint32_t)info_long(t->easy, CURLINFO_NUM_CONNECTS);
    r->status = (uint16_t)info_long(t->easy, CURLINFO_RESPONSE_CODE);
    if (r->status)
        r->version = version == CURL_HTTP_VERSION_2_0   ? 20
                     : version == CURL_HTTP_VERSION_1_0 ? 10
                                                        : 11;
    curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
    if (ip && ip[0])
        say_remote(r->remote, ip, info_long(t->easy, CURLINFO_PRIMARY_PORT));
    take_timing(t);
}

static void judge_connect(struct http_transfer *t)
{
    int e = (int)info_long(t->easy, CURLINFO_OS_ERRNO);

    if (t->socket_errno == EAFNOSUPPORT) {
        t->socket_errno = 0;
        e = ENETUNREACH;
    }
    if (t->socket_errno)
        http_transfer_say(t, HTTP_INVALID, "cannot make a socket: %s", strerror(t->socket_errno));
    else if (e == ECONNREFUSED)
        http_transfer_say(t, HTTP_REFUSED, "%s refuses connections", t->where);
    else if (e == ETIMEDOUT)
        http_transfer_say(t, HTTP_CONNECT_TIMEOUT, "%s does not answer", t->where);
    else if (e == ENETUNREACH || e == EHOSTUNREACH || e == EADDRNOTAVAIL || e == EACCES)
        http_transfer_say(t, HTTP_NO_ROUTE, "no route from here to %s: %s", t->where, strerror(e));
    else
        http_transfer_say(t, HTTP_REFUSED, "cannot connect to %s: %s", t->where,
                          e ? strerror(e) : t->error);
}

static void judge_time(struct http_transfer *t)
{
    struct buf spent SL_CLEANUP(buf_clear) = {0};
    const char *took;

    text_format_duration(&spent, t->response.timing.total_us / 1000);
    took = buf_str(&spent);
    if (t->sent)
        http_transfer_say(t, HTTP_TIMEOUT, "no whole answer from %s after %s%s", t->where, took,
                          t->header_done ? " (the body did not end)" : "");
    else if (!info_us(t->easy, CURLINFO_NAMELOOKUP_TIME_T))
        http_transfer_say(t, HTTP_DNS, "the address of %s was not found in %s", t->where, took);
    else
        http_transfer_say(t, HTTP_CONNECT_TIMEOUT, "no %s with %s after %s",
                          t->response.remote[0] ? "TLS" : "connection", t->where, took);
}

/* X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH (openssl/x509_vfy.h; part of
 * OpenSSL's fixed interface). libcurl 7.88 compares names itself, before it has stored a verdict,
 * so there only its words tell. */
static void judge_certificate(struct http_transfer *t)
{
    long verdict = info_long(t->easy, CURLINFO_SSL_VERIFYRESULT);

    if (verdict == 9)
        http_transfer_say(t, HTTP_TLS_EXPIRED, "the certificate of %s is not valid yet", t->where);
    else if (verdict == 10)
        http_transfer_say(t, HTTP_TLS_EXPIRED, "the certificate of %s has expired", t->where);
    else if (verdict == 62 || (verdict < 2 && strstr(t->error, "subject name")))
        http_transfer_say(t, HTTP_TLS_NAME, "the certificate of %s is for another name", t->where);
    else
        http_transfer_say(t, HTTP_TLS_UNTRUSTED, "the certificate of %s is not trusted: %s",
                          t->where, t->error[0] ? t->error : "no known issuer");
}

static enum http_outcome look_up(const struct http_transfer *t, CURLcode code)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(meanings); i++)
        if (meanings[i].code == code)
            return !t->sent          ? meanings[i].before
                   : !t->header_done ? meanings[i].header
                                     : meanings[i].body;
    return t->sent ? HTTP_PROTOCOL : HTTP_INVALID;
}

static void judge_rest(struct http_transfer *t, CURLcode code)
{
    enum http_outcome outcome = look_up(t, code);
    const char *detail = t->error[0] ? t->error : curl_easy_strerror(code);

    switch (outcome) {
    case HTTP_OK: /* nearly always, so without printf */
        t->response.outcome = HTTP_OK;
        t->response.reason[0] = '\0';
        break;
    case HTTP_DNS:
        http_transfer_say(t, outcome, "the name in %s has no address", t->where);
        break;
    case HTTP_RESET:
        http_transfer_say(t, outcome, "%s closed the connection without an answer: %s", t->where,
                          detail);
        break;
    case HTTP_PARTIAL:
        http_transfer_say(t, outcome, "%s closed the connection within the body", t->where);
        break;
    case HTTP_TOO_LARGE:
        http_transfer_say(t, outcome, "the header of the answer is too long");
        break;
    case HTTP_TLS_HANDSHAKE:
    case HTTP_TLS_UNTRUSTED:
        http_transfer_say(t, outcome, "no TLS with %s: %s", t->where, detail);
        break;
    case HTTP_PROTOCOL:
        http_transfer_say(t, outcome, "%s does not speak proper HTTP: %s", t->where, detail);
        break;
    default:
        http_transfer_say(t, outcome, "cannot be sent: %s", detail);
    }
}

void http_transfer_judge(struct http_transfer *t, CURLcode code)
{
    take_facts(t);
    if (t->response.stopped)
        http_transfer_say(t, HTTP_OK, "%s", "");
    else if (t->fault != HTTP_OK && code != CURLE_OK)
        return;                                   /* the callback that ended it has said why */
    else if (code == CURLE_OK && !t->header_done) /* libcurl is content with half a header */
        http_transfer_say(t, HTTP_RESET, "%s closed the connection within the header", t->where);
    else if (code == CURLE_COULDNT_CONNECT)
        judge_connect(t);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        judge_time(t);
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        judge_certificate(t);
    else
        judge_rest(t, code);
}
