/* sign.c: one function a scheme. */
#include "sign.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sluice/crypto.h"
#include "sluice/text.h"

typedef bool make_headers(struct sign_headers *out, const struct suite_signing *signing,
                          const struct sign_message *m, struct err *err);

static struct buf *next_value(struct sign_headers *out, const char *name)
{
    assert(out->n < SUITE_SIGN_HEADERS_MAX);
    out->list[out->n] = (struct sign_header){.name = name};
    return &out->list[out->n++].value;
}

static void add_mac(struct buf *out, const char *before, const struct sign_message *m)
{
    struct buf text SL_CLEANUP(buf_wipe) = {0};
    char hex[2 * CRYPTO_SHA256_BYTES + 1];

    buf_add_str(&text, before);
    if (m->body_len)
        buf_add(&text, m->body, m->body_len);
    crypto_hmac_sha256_hex(m->secret, m->secret_len, buf_str(&text), text.len, hex);
    buf_add_str(out, hex);
}

static bool make_stripe(struct sign_headers *out, const struct suite_signing *signing,
                        const struct sign_message *m, struct err *err)
{
    struct buf *value = next_value(out, "Stripe-Signature");
    char before[32];

    (void)signing;
    (void)err;
    snprintf(before, sizeof before, "%lld.", (long long)m->unix_s);
    buf_addf(value, "t=%lld,v1=", (long long)m->unix_s);
    add_mac(value, before, m);
    return true;
}

static bool make_github(struct sign_headers *out, const struct suite_signing *signing,
                        const struct sign_message *m, struct err *err)
{
    struct buf *value = next_value(out, "X-Hub-Signature-256");

    (void)signing;
    (void)err;
    buf_add_str(value, "sha256=");
    add_mac(value, "", m);
    return true;
}

static bool make_slack(struct sign_headers *out, const struct suite_signing *signing,
                       const struct sign_message *m, struct err *err)
{
    struct buf *value;
    char before[40];

    (void)signing;
    (void)err;
    buf_addf(next_value(out, "X-Slack-Request-Timestamp"), "%lld", (long long)m->unix_s);
    value = next_value(out, "X-Slack-Signature");
    snprintf(before, sizeof before, "v0:%lld:", (long long)m->unix_s);
    buf_add_str(value, "v0=");
    add_mac(value, before, m);
    return true;
}

static bool make_standard(struct sign_headers *out, const struct suite_signing *signing,
                          const struct sign_message *m, struct err *err)
{
    struct buf key SL_CLEANUP(buf_wipe) = {0}, text SL_CLEANUP(buf_wipe) = {0};
    const char *secret = m->secret;
    size_t len = m->secret_len;
    uint8_t mac[CRYPTO_SHA256_BYTES];
    struct err why = {0};
    struct buf *value;

    (void)signing;
    if (len > 6 && memcmp(secret, "whsec_", 6) == 0) {
        secret += 6;
        len -= 6;
    }
    if (!text_parse_base64(secret, len, &key, &why) || key.len == 0)
        return err_set(err, ERR_REFUSED,
                       "the secret of 'sign' is no base64, as the scheme standard wants it");
    buf_add_str(next_value(out, "webhook-id"), m->id);
    buf_addf(next_value(out, "webhook-timestamp"), "%lld", (long long)m->unix_s);
    value = next_value(out, "webhook-signature");
    buf_addf(&text, "%s.%lld.", m->id, (long long)m->unix_s);
    if (m->body_len)
        buf_add(&text, m->body, m->body_len);
    crypto_hmac_sha256(key.data, key.len, text.data, text.len, mac);
    buf_add_str(value, "v1,");
    text_add_base64(value, mac, sizeof mac);
    return true;
}

/* ---- by templates
 * ---------------------------------------------------------------------------- */

struct names { /* what stands for the scheme's own names */
    const struct sign_message *m;
    char stamp[24];
    const char *signature;
};

bool sign_knows(const char *name)
{
    static const char *const known[] = {"body", "timestamp", "id", "signature"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(name, known[i]) == 0)
            return true;
    return false;
}

static bool find_name(void *ctx, const char *name, struct template_value *value)
{
    const struct names *n = ctx;

    if (strcmp(name, "body") == 0) {
        value->data = n->m->body_len ? n->m->body : "";
        value->len = n->m->body_len;
        return true;
    }
    value->data = strcmp(name, "timestamp") == 0 ? n->stamp
                  : strcmp(name, "id") == 0      ? n->m->id
                                                 : n->signature;
    value->len = strlen(value->data);
    return true;
}

static bool make_hmac(struct sign_headers *out, const struct suite_signing *signing,
                      const struct sign_message *m, struct err *err)
{
    static const enum crypto_hash hashes[] = {CRYPTO_SHA256, CRYPTO_SHA1, CRYPTO_SHA512};
    struct names names = {.m = m, .signature = ""};
    struct buf over SL_CLEANUP(buf_wipe) = {0}, signature SL_CLEANUP(buf_wipe) = {0};
    uint8_t mac[CRYPTO_HASH_BYTES_MAX];
    size_t n;

    snprintf(names.stamp, sizeof names.stamp, "%lld", (long long)m->unix_s);
    if (!template_expand(&signing->over.tpl, find_name, &names, &over, NULL, err))
        return false;
    n = crypto_hmac(hashes[signing->hash], m->secret, m->secret_len, buf_str(&over), over.len, mac);
    if (signing->encoding == SUITE_SIGN_BASE64)
        text_add_base64(&signature, mac, n);
    else
        text_add_hex(&signature, mac, n);
    names.signature = buf_str(&signature);
    for (size_t i = 0; i < signing->headers_n; i++)
        if (!template_expand(&signing->headers[i].value.tpl, find_name, &names,
                             next_value(out, signing->headers[i].name), NULL, err))
            return false;
    return true;
}

/* ---- the schemes
 * ----------------------------------------------------------------------------- */

static const struct scheme {
    make_headers *make;
    const char *headers[4];
    bool stamped;
} schemes[] = {
    [SUITE_SIGN_NONE] = {NULL, {NULL}, false},
    [SUITE_SIGN_STRIPE] = {make_stripe, {"Stripe-Signature"}, true},
    [SUITE_SIGN_GITHUB] = {make_github, {"X-Hub-Signature-256"}, false},
    [SUITE_SIGN_SLACK] = {make_slack, {"X-Slack-Request-Timestamp", "X-Slack-Signature"}, true},
    [SUITE_SIGN_STANDARD] = {make_standard,
                             {"webhook-id", "webhook-timestamp", "webhook-signature"},
                             true},
    [SUITE_SIGN_HMAC] = {make_hmac, {NULL}, false},
};
_Static_assert(ARRAY_LEN(schemes) == SUITE_SIGN_COUNT, "a row for every scheme");

const char *sign_header_name(const struct suite_signing *signing, size_t i)
{
    if (signing->scheme == SUITE_SIGN_HMAC)
        return i < signing->headers_n ? signing->headers[i].name : NULL;
    return i < ARRAY_LEN(schemes[0].headers) ? schemes[signing->scheme].headers[i] : NULL;
}

bool sign_is_stamped(const struct suite_signing *signing)
{
    return schemes[signing->scheme].stamped ||
           (signing->scheme == SUITE_SIGN_HMAC && template_uses(&signing->over.tpl, "timestamp"));
}

const char *sign_forgery_name(enum sign_forgery forgery)
{
    static const char *const names[] = {
        [SIGN_TRUE] = "signed",
        [SIGN_UNSIGNED] = "unsigned",
        [SIGN_WRONG] = "wrongly signed",
        [SIGN_STALE] = "stale",
    };

    _Static_assert(ARRAY_LEN(names) == SIGN_FORGERY_COUNT, "a name for every forgery");
    return names[forgery];
}

bool sign_make(struct sign_headers *out, const struct suite_signing *signing,
               const struct sign_message *message, enum sign_forgery forgery, struct err *err)
{
    struct sign_message m = *message;
    struct buf other SL_CLEANUP(buf_wipe) = {0};
    uint8_t digest[CRYPTO_SHA256_BYTES];

    if (forgery == SIGN_UNSIGNED || signing->scheme == SUITE_SIGN_NONE)
        return true;
    if (forgery == SIGN_WRONG) { /* a key of the same form that nobody has */
        crypto_sha256(m.secret, m.secret_len, digest);
        text_add_base64(&other, digest, sizeof digest);
        m.secret = other.data;
        m.secret_len = other.len;
    }
    if (forgery == SIGN_STALE)
        m.unix_s -= SIGN_STALE_S;
    return schemes[signing->scheme].make(out, signing, &m, err);
}

void sign_headers_clear(struct sign_headers *headers)
{
    for (size_t i = 0; i < headers->n; i++)
        buf_wipe(&headers->list[i].value);
    *headers = (struct sign_headers){0};
}
