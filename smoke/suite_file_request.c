/* suite_file_request.c: the tables of `request:`. */
#include <string.h>

#include "suite_file.h"

static const struct schema_field basic_fields[] = {
    {.key = "user", FILE_TEXT(struct file_basic, user), .flags = SCHEMA_REQUIRED},
    {.key = "password", FILE_TEXT(struct file_basic, password), .flags = SCHEMA_REQUIRED},
};
static const struct schema basic_schema = {SCHEMA_TABLE("basic", struct file_basic, basic_fields)};

static const struct schema_field auth_fields[] = {
    {.key = "bearer",
     FILE_TEXT(struct file_auth, bearer),
     .help = "Authorization: Bearer and this"},
    {.key = "basic",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_auth, basic),
     .sub = &basic_schema,
     .help = "user name and password (RFC 7617)"},
};

static bool check_auth(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct file_auth *auth = out;

    if (!auth->bearer.at == !auth->basic)
        return doc_fail(node, ctx->err, ERR_FILE, "'auth' needs either 'bearer' or 'basic'");
    return true;
}

static const struct schema auth_schema = {SCHEMA_TABLE("auth", struct file_auth, auth_fields),
                                          SCHEMA_AT(struct file_auth, at), .check = check_auth};

static const char *const scheme_names[] = {"stripe", NULL};
static const struct schema_field sign_fields[] = {
    {.key = "scheme",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_sign, scheme),
     .names = scheme_names,
     .flags = SCHEMA_REQUIRED,
     .help = "stripe: Stripe-Signature with t= and v1="},
    {.key = "secret",
     FILE_TEXT(struct file_sign, secret),
     .flags = SCHEMA_REQUIRED,
     .help = "the key, as a rule \"{{secret.NAME}}\""},
};
static const struct schema sign_schema = {SCHEMA_TABLE("sign", struct file_sign, sign_fields)};

#define URL(word, method)                                                                          \
    {                                                                                              \
        .key = word, FILE_TEXT(struct file_request, url[method]), .flags = SCHEMA_ONE_LINE,        \
        .max = 4096, .help = "the url, absolute or a path below base_url"                          \
    }

static const struct schema_field request_fields[] = {
    URL("get", SUITE_GET),
    URL("head", SUITE_HEAD),
    URL("post", SUITE_POST),
    URL("put", SUITE_PUT),
    URL("patch", SUITE_PATCH),
    URL("delete", SUITE_DELETE),
    {.key = "headers",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_request, headers),
     SCHEMA_COUNT(struct file_request, headers_n),
     .max = 100},
    {.key = "query",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_request, query),
     SCHEMA_COUNT(struct file_request, query_n),
     .max = 100,
     .help = "added to the url, percent-encoded"},
    {.key = "json",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_request, json),
     .help = "the body; plain scalars are typed as in JSON, quoted ones are texts"},
    {.key = "form",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_request, form),
     SCHEMA_COUNT(struct file_request, form_n),
     SCHEMA_AT(struct file_request, form_at),
     .max = 1000,
     .help = "the body, application/x-www-form-urlencoded"},
    {.key = "body",
     FILE_TEXT(struct file_request, body),
     .flags = SCHEMA_EMPTY_OK,
     .help = "the body as it is; name its Content-Type under headers"},
    {.key = "auth",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_request, auth),
     .sub = &auth_schema},
    {.key = "sign",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_request, sign),
     .sub = &sign_schema,
     .help = "signs the body the way a webhook's sender does"},
    {.key = "timeout",
     .type = SCHEMA_DURATION,
     SCHEMA_TO(struct file_request, timeout_ms),
     .min = 1,
     .max = 600000,
     .help = "for the whole answer; 10s unless defaults say otherwise"},
    {.key = "connect_timeout",
     .type = SCHEMA_DURATION,
     SCHEMA_TO(struct file_request, connect_ms),
     .min = 1,
     .max = 600000,
     .help = "for look-up, TCP and TLS; 5s unless defaults say otherwise"},
};
const struct schema file_request_schema = {
    SCHEMA_TABLE("request", struct file_request, request_fields),
    SCHEMA_AT(struct file_request, at)};
