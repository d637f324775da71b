/* suite_file_more.c: the tables of `certificate:`, `cookie:` and `timing:`. */
#include "suite_file.h"

const char *const file_tls_names[] = {"1.0", "1.1", "1.2", "1.3", NULL};

static const struct schema_field certificate_fields[] = {
    {.key = "days_left",
     .type = SCHEMA_U32,
     SCHEMA_TO(struct file_certificate, days_left),
     SCHEMA_AT(struct file_certificate, days_left_at),
     .min = 1,
     .max = 3650,
     .help = "the certificate is valid for at least so many days more"},
    {.key = "names",
     .type = SCHEMA_STRINGS,
     SCHEMA_TO(struct file_certificate, names),
     SCHEMA_COUNT(struct file_certificate, names_n),
     .flags = SCHEMA_OR_ONE | SCHEMA_ONE_LINE,
     .min = 1,
     .max = 500,
     .help = "host names that it covers"},
    {.key = "subject",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_certificate, subject),
     .help = "its common name: a text, or tests as for a header"},
    {.key = "issuer",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_certificate, issuer),
     .help = "who signed it, as CN=R11,O=Let's Encrypt,C=US: a text, or tests as for a header"},
    {.key = "self_signed",
     .type = SCHEMA_BOOL,
     SCHEMA_TO(struct file_certificate, self_signed),
     SCHEMA_AT(struct file_certificate, self_signed_at)},
    {.key = "chain",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_certificate, chain),
     .help = "how many certificates the server sends: a number, or at_least and at_most"},
    {.key = "chain_days_left",
     .type = SCHEMA_U32,
     SCHEMA_TO(struct file_certificate, chain_days_left),
     SCHEMA_AT(struct file_certificate, chain_at),
     .min = 1,
     .max = 3650,
     .help = "as days_left, of every certificate the server sends"},
};

static bool check_certificate(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct file_certificate *c = out;

    return c->days_left_at || c->names_n || c->subject || c->issuer || c->self_signed_at ||
           c->chain || c->chain_at ||
           doc_fail(node, ctx->err, ERR_FILE, "nothing is expected here");
}

const struct schema file_certificate_schema = {
    SCHEMA_TABLE("certificate", struct file_certificate, certificate_fields),
    SCHEMA_AT(struct file_certificate, at), .check = check_certificate};

static const char *const same_site_names[] = {"", "strict", "lax", "none", NULL};
static const struct schema_field cookie_fields[] = {
    {.key = "exists",
     .type = SCHEMA_BOOL,
     SCHEMA_TO(struct file_cookie, exists),
     SCHEMA_AT(struct file_cookie, exists_at),
     .help = "false: it is not set"},
    {.key = "value",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_cookie, value),
     .help = "a text, or tests as for a header"},
    {.key = "http_only",
     .type = SCHEMA_BOOL,
     SCHEMA_TO(struct file_cookie, http_only),
     SCHEMA_AT(struct file_cookie, http_only_at)},
    {.key = "secure",
     .type = SCHEMA_BOOL,
     SCHEMA_TO(struct file_cookie, secure),
     SCHEMA_AT(struct file_cookie, secure_at)},
    {.key = "same_site",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_cookie, same_site),
     SCHEMA_AT(struct file_cookie, same_site_at),
     .names = same_site_names},
    {.key = "path",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_cookie, path),
     .flags = SCHEMA_ONE_LINE},
    {.key = "domain",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_cookie, domain),
     .flags = SCHEMA_ONE_LINE},
    {.key = "max_age",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_cookie, max_age),
     .help = "seconds it lives, by Max-Age or Expires: a number, or at_least and at_most"},
};
const struct schema file_cookie_schema = {SCHEMA_TABLE("cookie", struct file_cookie, cookie_fields),
                                          SCHEMA_KEY(struct file_cookie, name),
                                          SCHEMA_AT(struct file_cookie, at), .scalar_key = "value"};

#define PHASE(word, phase, text)                                                                   \
    {                                                                                              \
        .key = word, .type = SCHEMA_DURATION, SCHEMA_TO(struct file_timing, ms[phase]),            \
        SCHEMA_AT(struct file_timing, at[phase]), .min = 1, .max = 600000, .help = text            \
    }
static const struct schema_field timing_fields[] = {
    PHASE("dns", SUITE_DNS, "the look-up"),
    PHASE("connect", SUITE_CONNECT, "TCP"),
    PHASE("tls", SUITE_TLS, "the handshake"),
    PHASE("first_byte", SUITE_FIRST_BYTE, "from the start to the first byte of the answer"),
    PHASE("total", SUITE_TOTAL, "from the start to the last byte"),
};
const struct schema file_timing_schema = {
    SCHEMA_TABLE("timing", struct file_timing, timing_fields)};
