/* check_more.c: certificates, TLS, cookies, redirects, sizes and phases. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check.h"
#include "cookie.h"
#include "predicate.h"
#include "sluice/text.h"

#define DAY_MS INT64_C(86400000)

static bool fails(struct finding *out, enum run_verdict verdict, const struct doc_node *at)
{
    out->verdict = verdict;
    out->at = at;
    return false;
}

static bool all_text(const struct suite_predicate *list, size_t n, struct scope *scope,
                     const char *what, const char *text, struct finding *out)
{
    for (size_t i = 0; i < n; i++)
        if (!predicate_text(&list[i], scope, what, text, text ? strlen(text) : 0, false, out))
            return false;
    return true;
}

/* ---- certificate
 * --------------------------------------------------------------------------------- */

static bool eval_days(const char *what, int64_t ends_ms, const struct answer *answer, uint32_t days,
                      const struct doc_node *at, struct finding *out)
{
    int64_t left = ends_ms - answer->wall_ms;

    if (days == 0 || left >= days * DAY_MS)
        return true;
    buf_addf(&out->met, "%lld days", (long long)(left / DAY_MS));
    buf_addf(&out->expected, "at least %u days", days);
    buf_addf(&out->sentence, "%s ends in %s, expected %s", what, buf_str(&out->met),
             buf_str(&out->expected));
    return fails(out, RUN_FAIL, at);
}

static bool eval_name(const struct suite_certificate *c, const struct crypto_cert *cert,
                      struct scope *scope, const struct suite_text *name, struct finding *out)
{
    struct buf host SL_CLEANUP(buf_wipe) = {0};
    struct err err = {0};

    if (!scope_expand(scope, &name->tpl, &host, NULL, &err)) {
        buf_add_str(&out->sentence, err.text);
        return fails(out, RUN_ERROR, c->at);
    }
    if (crypto_cert_covers(cert, buf_str(&host)))
        return true;
    buf_add_str(&out->sentence, "the certificate does not cover ");
    finding_add_shown(&out->sentence, scope->secrets, buf_str(&host), host.len);
    buf_add_str(&out->sentence, "; its names are ");
    for (size_t k = 0; k < cert->sans_n && k < 8; k++) {
        buf_add_str(&out->sentence, k ? ", " : "");
        finding_add_shown(&out->sentence, scope->secrets, cert->sans[k], strlen(cert->sans[k]));
    }
    buf_add_str(&out->sentence, cert->sans_n == 0 ? "none" : cert->sans_n > 8 ? ", ..." : "");
    return fails(out, RUN_FAIL, c->at);
}

static bool eval_names(const struct suite_certificate *c, const struct crypto_cert *cert,
                       struct scope *scope, struct finding *out)
{
    for (size_t i = 0; i < c->names_n; i++)
        if (!eval_name(c, cert, scope, &c->names[i], out))
            return false;
    return true;
}

static bool eval_chain(const struct suite_certificate *c, const struct crypto_cert *cert,
                       struct finding *out)
{
    if (c->chain_high == 0 || (cert->chain_n >= c->chain_low && cert->chain_n <= c->chain_high))
        return true;
    buf_addf(&out->met, "%u", cert->chain_n);
    buf_addf(&out->sentence, "the server sends %u certificate%s, expected ", cert->chain_n,
             cert->chain_n == 1 ? "" : "s");
    if (c->chain_low == c->chain_high)
        buf_addf(&out->expected, "%u", c->chain_low);
    else
        buf_addf(&out->expected, "%u to %u", c->chain_low, c->chain_high);
    buf_add_str(&out->sentence, buf_str(&out->expected));
    return fails(out, RUN_FAIL, c->chain_at);
}

bool check_certificate(const struct suite_step *step, struct scope *scope, struct answer *answer,
                       struct finding *out)
{
    const struct suite_certificate *c = step->expect.certificate;
    const struct crypto_cert *cert = &answer->response->certificate;

    if (!cert->sha256[0]) {
        buf_add_str(&out->sentence, "there is no certificate: the connection is not TLS");
        return fails(out, RUN_FAIL, c->days_left_at ? c->days_left_at : c->at);
    }
    if (c->self_signed >= 0 && c->self_signed != cert->self_signed) {
        buf_addf(&out->sentence, "the certificate is %sself-signed",
                 cert->self_signed ? "" : "not ");
        return fails(out, RUN_FAIL, c->at);
    }
    return eval_days("the certificate", cert->not_after_ms, answer, c->days_left, c->days_left_at,
                     out) &&
           eval_names(c, cert, scope, out) &&
           all_text(c->subject, c->subject_n, scope, "the certificate's subject", cert->subject_cn,
                    out) &&
           all_text(c->issuer, c->issuer_n, scope, "the certificate's issuer", cert->issuer, out) &&
           eval_chain(c, cert, out) &&
           eval_days("a certificate of the chain", cert->chain_ends_ms, answer, c->chain_days_left,
                     c->chain_at, out);
}

/* ---- TLS and phases
 * ------------------------------------------------------------------------------ */

static bool eval_tls(const struct suite_more *m, const struct http_response *r, struct finding *out)
{
    static const char *const names[] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
    int version = 0;

    if (m->tls_least == 0)
        return true;
    for (int i = 0; r->tls_version && i < (int)ARRAY_LEN(names); i++)
        if (strcmp(names[i], r->tls_version) == 0)
            version = 10 + i;
    if (version >= m->tls_least)
        return true;
    buf_add_str(&out->met, r->tls_version ? r->tls_version : "no TLS");
    buf_addf(&out->expected, "at least %s", names[m->tls_least - 10]);
    buf_addf(&out->sentence, "the connection is %s, expected %s", buf_str(&out->met),
             buf_str(&out->expected));
    return fails(out, RUN_FAIL, m->tls_at);
}

static bool eval_phases(const struct suite_more *m, const struct http_response *r,
                        struct finding *out)
{
    const struct {
        const char *what;
        int64_t us;
    } phases[] = {
        [SUITE_DNS] = {"the look-up", r->timing.dns_us},
        [SUITE_CONNECT] = {"connecting", r->timing.connect_us},
        [SUITE_TLS] = {"the TLS handshake", r->timing.tls_us},
        [SUITE_FIRST_BYTE] = {"the first byte", r->timing.first_byte_us},
        [SUITE_TOTAL] = {"the answer", r->timing.total_us},
    };

    _Static_assert(ARRAY_LEN(phases) == SUITE_PHASE_COUNT, "a value for every phase");
    for (size_t i = 0; i < SUITE_PHASE_COUNT; i++) {
        if (m->phases_ms[i] == 0 || phases[i].us <= m->phases_ms[i] * 1000)
            continue;
        text_format_duration(&out->met, (phases[i].us + 999) / 1000);
        buf_add_str(&out->expected, "at most ");
        text_format_duration(&out->expected, m->phases_ms[i]);
        buf_addf(&out->sentence, "%s took %s, expected %s", phases[i].what, buf_str(&out->met),
                 buf_str(&out->expected));
        return fails(out, RUN_FAIL, m->phases_at[i]);
    }
    return true;
}

/* ---- cookies
 * ------------------------------------------------------------------------------------- */

static bool cookie_fails(const struct suite_cookie *c, struct finding *out, const char *why)
{
    buf_addf(&out->sentence, "cookie %s %s", c->name, why);
    return fails(out, RUN_FAIL, c->at);
}

static bool eval_flag(const struct suite_cookie *c, const struct http_response *r, int wanted,
                      const char *attribute, struct finding *out)
{
    const char *value;
    size_t len;
    bool has = cookie_find_attribute(r, c->name, attribute, &value, &len);

    if (wanted < 0 || wanted == has)
        return true;
    buf_addf(&out->sentence, "cookie %s is %s%s, expected %s", c->name, has ? "" : "not ",
             attribute, wanted ? "it to be" : "it not to be");
    return fails(out, RUN_FAIL, c->at);
}

static bool eval_attribute(const struct suite_cookie *c, const struct http_response *r,
                           const char *wanted, const char *attribute, bool any_case,
                           const struct scope *scope, struct finding *out)
{
    const char *value = "";
    size_t len = 0;
    bool has = cookie_find_attribute(r, c->name, attribute, &value, &len);

    if (!wanted ||
        (has && strlen(wanted) == len &&
         (any_case ? strncasecmp(value, wanted, len) : strncmp(value, wanted, len)) == 0))
        return true;
    buf_addf(&out->sentence, "cookie %s has ", c->name);
    if (has) {
        buf_addf(&out->sentence, "%s=", attribute);
        finding_add_shown(&out->sentence, scope->secrets, value, len);
    } else {
        buf_addf(&out->sentence, "no %s", attribute);
    }
    buf_addf(&out->sentence, ", expected %s", wanted);
    return fails(out, RUN_FAIL, c->at);
}

/* Max-Age goes before Expires (RFC 6265 section 5.3). False: it ends with the session. */
static bool age_of(const struct suite_cookie *c, const struct answer *answer, int64_t *seconds)
{
    const char *value;
    char text[64];
    size_t len;
    struct err err = {0};
    int64_t ends;

    if (cookie_find_attribute(answer->response, c->name, "Max-Age", &value, &len)) {
        *seconds = strtoll(value, NULL, 10);
        return true;
    }
    if (!cookie_find_attribute(answer->response, c->name, "Expires", &value, &len) ||
        len >= sizeof text)
        return false;
    memcpy(text, value, len);
    text[len] = '\0';
    for (char *p = text; *p; p++)
        if (*p == '-')
            *p = ' ';
    if (!text_parse_http_date_ms(text, &ends, &err))
        return false;
    *seconds = (ends - answer->wall_ms) / 1000;
    return true;
}

static bool eval_age(const struct suite_cookie *c, const struct answer *answer, struct finding *out)
{
    int64_t seconds;

    if (c->age_high_s == 0)
        return true;
    if (!age_of(c, answer, &seconds))
        return cookie_fails(c, out, "ends with the session, expected an age");
    if (seconds >= c->age_low_s && seconds <= c->age_high_s)
        return true;
    buf_addf(&out->met, "%lld", (long long)seconds);
    buf_addf(&out->sentence, "cookie %s lives %lld seconds, expected ", c->name,
             (long long)seconds);
    if (seconds < c->age_low_s)
        buf_addf(&out->expected, "at least %lld", (long long)c->age_low_s);
    else
        buf_addf(&out->expected, "at most %lld", (long long)c->age_high_s);
    buf_add_str(&out->sentence, buf_str(&out->expected));
    return fails(out, RUN_FAIL, c->at);
}

static bool eval_cookie(const struct suite_cookie *c, struct scope *scope,
                        const struct answer *answer, struct finding *out)
{
    static const char *const sites[] = {NULL, "strict", "lax", "none"};
    const struct http_response *r = answer->response;
    struct buf what SL_CLEANUP(buf_clear) = {0}, text SL_CLEANUP(buf_wipe) = {0};
    const char *value;
    size_t len;

    if (!cookie_find_set(r, c->name, &value, &len))
        return c->absent || cookie_fails(c, out, "is not set");
    if (c->absent)
        return cookie_fails(c, out, "is set, expected none");
    buf_addf(&what, "cookie %s", c->name);
    buf_add(&text, value, len);
    return all_text(c->value, c->value_n, scope, buf_str(&what), buf_str(&text), out) &&
           eval_flag(c, r, c->http_only, "HttpOnly", out) &&
           eval_flag(c, r, c->secure, "Secure", out) &&
           eval_attribute(c, r, sites[c->same_site], "SameSite", true, scope, out) &&
           eval_attribute(c, r, c->path, "Path", false, scope, out) &&
           eval_attribute(c, r, c->domain, "Domain", true, scope, out) && eval_age(c, answer, out);
}

/* ---- redirect, size, hash
 * ------------------------------------------------------------------------ */

static bool eval_redirect(const struct suite_more *m, struct scope *scope,
                          const struct answer *answer, struct finding *out)
{
    const char *location = http_response_find(answer->response, "Location");
    struct buf to SL_CLEANUP(buf_wipe) = {0};
    struct err err = {0};

    if (m->redirect_n == 0)
        return true;
    if (location && !http_url_resolve(&to, answer->url ? answer->url : "", location, &err)) {
        buf_add_str(&out->sentence, "Location is no url: '");
        finding_add_shown(&out->sentence, scope->secrets, location, strlen(location));
        buf_add_char(&out->sentence, '\'');
        return fails(out, RUN_FAIL, m->redirect[0].at);
    }
    return all_text(m->redirect, m->redirect_n, scope, "the redirect's target",
                    location ? buf_str(&to) : NULL, out);
}

static bool eval_size(const struct suite_more *m, const struct http_response *r,
                      struct finding *out)
{
    if (m->size_high == 0 || (r->body_bytes >= m->size_low && r->body_bytes <= m->size_high))
        return true;
    buf_addf(&out->met, "%llu bytes", (unsigned long long)r->body_bytes);
    if (r->body_bytes < m->size_low)
        buf_addf(&out->expected, "at least %llu", (unsigned long long)m->size_low);
    else
        buf_addf(&out->expected, "at most %llu", (unsigned long long)m->size_high);
    buf_addf(&out->sentence, "the body has %s, expected %s", buf_str(&out->met),
             buf_str(&out->expected));
    return fails(out, RUN_FAIL, m->size_at);
}

static bool eval_sha256(const struct suite_more *m, const struct http_response *r,
                        struct finding *out)
{
    char hex[2 * CRYPTO_SHA256_BYTES + 1];

    if (!m->sha256)
        return true;
    if (r->truncated) {
        buf_addf(&out->sentence,
                 "the body is longer than the %zu bytes that are kept: it cannot be "
                 "hashed",
                 r->body.len);
        return fails(out, RUN_ERROR, m->sha256_at);
    }
    crypto_sha256_hex(buf_str(&r->body), r->body.len, hex);
    if (strcasecmp(hex, m->sha256) == 0)
        return true;
    buf_add_str(&out->met, hex);
    buf_add_str(&out->expected, m->sha256);
    buf_addf(&out->sentence, "the body's SHA-256 is %s, expected %s", hex, m->sha256);
    return fails(out, RUN_FAIL, m->sha256_at);
}

bool check_more(const struct suite_step *step, struct scope *scope, struct answer *answer,
                struct finding *out)
{
    const struct suite_more *m = step->expect.more;
    const struct http_response *r = answer->response;

    for (size_t i = 0; i < m->cookies_n; i++)
        if (!eval_cookie(&m->cookies[i], scope, answer, out))
            return false;
    return eval_redirect(m, scope, answer, out) && eval_size(m, r, out) && eval_sha256(m, r, out) &&
           eval_tls(m, r, out) && eval_phases(m, r, out);
}
