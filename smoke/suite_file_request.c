/* suite_file_request.c: the tables of `request:`. */
#include <string.h>

#include "suite_file.h"

static const struct schema_field basic_fields[] = {
    {.key = "user", FILE_TEXT(struct file_basic, user), .flags = SCHEMA_REQUIRED},
    {.key = "password", FILE_TEXT(struct file_basic, password), .flags = SCHEMA_REQUIRED},
};
static const struct schema basic_schema = {SCHEMA_TABLE("basic", struct file_basic, basic_fields)};

static const char *const send_names[] = {"header", "body", NULL};
static const struct schema_field oauth2_fields[] = {
    {.key = "token_url",
     FILE_TEXT(struct file_oauth2, token_url),
     .flags = SCHEMA_REQUIRED | SCHEMA_ONE_LINE,
     .max = 4096,
     .help = "where the token is fetched; absolute"},
    {.key = "client_id", FILE_TEXT(struct file_oauth2, client_id), .flags = SCHEMA_REQUIRED},
    {.key = "client_secret",
     FILE_TEXT(struct file_oauth2, client_secret),
     .flags = SCHEMA_REQUIRED},
    {.key = "scope", FILE_TEXT(struct file_oauth2, scope)},
    {.key = "audience", FILE_TEXT(struct file_oauth2, audience)},
    {.key = "send",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_oauth2, send),
     .names = send_names,
     .help = "the client's id and secret: in a Basic header, or in the body"},
};
static const struct schema oauth2_schema = {
    SCHEMA_TABLE("oauth2", struct file_oauth2, oauth2_fields)};

static const struct schema_field sigv4_fields[] = {
    {.key = "service", FILE_TEXT(struct file_sigv4, service), .flags = SCHEMA_REQUIRED},
    {.key = "region", FILE_TEXT(struct file_sigv4, region), .flags = SCHEMA_REQUIRED},
    {.key = "access_key", FILE_TEXT(struct file_sigv4, access_key), .flags = SCHEMA_REQUIRED},
    {.key = "secret_key", FILE_TEXT(struct file_sigv4, secret_key), .flags = SCHEMA_REQUIRED},
    {.key = "session_token", FILE_TEXT(struct file_sigv4, session_token)},
};
static const struct schema sigv4_schema = {SCHEMA_TABLE("sigv4", struct file_sigv4, sigv4_fields)};

static const struct schema_field auth_fields[] = {
    {.key = "bearer",
     FILE_TEXT(struct file_auth, bearer),
     .help = "Authorization: Bearer and this"},
    {.key = "basic",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_auth, basic),
     .sub = &basic_schema,
     .help = "user name and password (RFC 7617)"},
    {.key = "oauth2",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_auth, oauth2),
     .sub = &oauth2_schema,
     .help = "client credentials (RFC 6749): a token is fetched once and shared"},
    {.key = "sigv4",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_auth, sigv4),
     .sub = &sigv4_schema,
     .help = "AWS Signature Version 4, any service but s3"},
};

static bool check_auth(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct file_auth *auth = out;

    if (!!auth->bearer.at + !!auth->basic + !!auth->oauth2 + !!auth->sigv4 != 1)
        return doc_fail(node, ctx->err, ERR_FILE,
                        "'auth' needs one of 'bearer', 'basic', 'oauth2' and 'sigv4'");
    return true;
}

const struct schema file_auth_schema = {SCHEMA_TABLE("auth", struct file_auth, auth_fields),
                                        SCHEMA_AT(struct file_auth, at), .check = check_auth};

/* ---- transport
 * ----------------------------------------------------------------------------------- */

const char *const file_http_names[] = {"", "1.1", "2", NULL};

#define FILE_ROW(word, member, text)                                                               \
    {                                                                                              \
        .key = word, .type = SCHEMA_STRING, SCHEMA_TO(struct file_tls, member),                    \
        SCHEMA_AT(struct file_tls, member##_at), .flags = SCHEMA_ONE_LINE, .max = 4096,            \
        .help = text                                                                               \
    }
static const struct schema_field tls_fields[] = {
    FILE_ROW("cert", cert, "the client's certificate, PEM; relative to the suite"),
    FILE_ROW("key", key, "its key, PEM; in the same file unless said"),
    FILE_ROW("ca", ca, "whom to trust, PEM, instead of the system's"),
};
const struct schema file_tls_schema = {SCHEMA_TABLE("tls", struct file_tls, tls_fields)};

static const char *const scheme_names[] = {"stripe", "github", "slack", "standard", "hmac", NULL};
static const char *const hash_names[] = {"sha256", "sha1", "sha512", NULL};
static const char *const encoding_names[] = {"hex", "base64", NULL};
static const struct schema_field sign_fields[] = {
    {.key = "scheme",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_sign, scheme),
     .names = scheme_names,
     .flags = SCHEMA_REQUIRED,
     .help = "whose headers: Stripe's, GitHub's, Slack's, those of Standard Webhooks, or your own "
             "by hash, encoding, over and headers"},
    {.key = "secret",
     FILE_TEXT(struct file_sign, secret),
     .flags = SCHEMA_REQUIRED,
     .help = "the key, as a rule \"{{secret.NAME}}\""},
    {.key = "hash",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_sign, hash),
     .names = hash_names,
     .help = "hmac only"},
    {.key = "encoding",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_sign, encoding),
     .names = encoding_names,
     .help = "hmac only"},
    {.key = "over",
     FILE_TEXT(struct file_sign, over),
     .max = 1000,
     .help = "hmac only: what is signed, a template of {{body}}, {{timestamp}} and {{id}}; "
             "{{body}} unless said"},
    {.key = "headers",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_sign, headers),
     SCHEMA_COUNT(struct file_sign, headers_n),
     .max = SUITE_SIGN_HEADERS_MAX,
     .help = "hmac only: templates of {{signature}}, {{timestamp}} and {{id}}"},
};

static bool check_sign(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct file_sign *sign = out;
    bool hmac = sign->scheme + 1 == SUITE_SIGN_HMAC;

    if (hmac && sign->headers_n == 0)
        return doc_fail(node, ctx->err, ERR_FILE,
                        "the scheme hmac needs 'headers': {X-Signature: \"{{signature}}\"}");
    if (!hmac && (sign->headers_n || sign->over.at || sign->hash || sign->encoding))
        return doc_fail(node, ctx->err, ERR_FILE,
                        "'hash', 'encoding', 'over' and 'headers' belong to the scheme hmac");
    return true;
}

static const struct schema sign_schema = {SCHEMA_TABLE("sign", struct file_sign, sign_fields),
                                          SCHEMA_AT(struct file_sign, at), .check = check_sign};

/* ---- bodies
 * ----------------------------------------------------------------------------------- */

static const struct schema_field body_fields[] = {
    {.key = "text", FILE_TEXT(struct file_body, text), .flags = SCHEMA_EMPTY_OK},
    {.key = "file",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_body, file),
     SCHEMA_AT(struct file_body, file_at),
     .flags = SCHEMA_ONE_LINE,
     .max = 4096,
     .help = "sent as it is; relative to the suite"},
};

static bool check_body(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct file_body *body = out;

    return !body->text.at != !body->file ||
           doc_fail(node, ctx->err, ERR_FILE, "'body' is a text or {file: NAME}");
}

static const struct schema body_schema = {
    SCHEMA_TABLE("request_body", struct file_body, body_fields), .scalar_key = "text",
    .check = check_body};

static const struct schema_field part_fields[] = {
    {.key = "value", FILE_TEXT(struct file_part, value), .flags = SCHEMA_EMPTY_OK},
    {.key = "file",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_part, file),
     SCHEMA_AT(struct file_part, file_at),
     .flags = SCHEMA_ONE_LINE,
     .max = 4096,
     .help = "a file's content; relative to the suite"},
    {.key = "filename",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_part, filename),
     .flags = SCHEMA_ONE_LINE,
     .max = 255,
     .help = "told to the server; the file's own name unless said"},
    {.key = "type",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_part, type),
     .flags = SCHEMA_ONE_LINE,
     .max = 255,
     .help = "its Content-Type; application/octet-stream for a file unless said"},
};

static bool check_part(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct file_part *part = out;

    return !part->value.at != !part->file ||
           doc_fail(node, ctx->err, ERR_FILE, "a part is a text, {value: TEXT} or {file: NAME}");
}

static const struct schema part_schema = {
    SCHEMA_TABLE("part", struct file_part, part_fields), SCHEMA_KEY(struct file_part, name),
    SCHEMA_AT(struct file_part, at), .scalar_key = "value", .check = check_part};

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
    {.key = "cookies",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_request, cookies),
     SCHEMA_COUNT(struct file_request, cookies_n),
     .max = SUITE_COOKIES_MAX,
     .help = "sent with this request, beside those of the flow's jar"},
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
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_request, body),
     .sub = &body_schema,
     .help = "the body as it is, or {file: NAME}; name its Content-Type under headers"},
    {.key = "multipart",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_request, multipart),
     SCHEMA_COUNT(struct file_request, multipart_n),
     SCHEMA_AT(struct file_request, multipart_at),
     .sub = &part_schema,
     .min = 1,
     .max = SUITE_PARTS_MAX,
     .help = "the body, multipart/form-data"},
    {.key = "auth",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_request, auth),
     .sub = &file_auth_schema},
    {.key = "sign",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_request, sign),
     .sub = &sign_schema,
     .help = "signs the body the way a webhook's sender does"},
    {.key = "rejects_unsigned",
     .type = SCHEMA_BOOL,
     SCHEMA_TO(struct file_request, rejects_unsigned),
     SCHEMA_AT(struct file_request, rejects_at),
     .help = "first send it unsigned, wrongly signed and stale, and expect a refusal each time"},
    {.key = "rejected_with",
     .type = SCHEMA_CUSTOM,
     SCHEMA_TO(struct file_request, rejected_with),
     SCHEMA_AT(struct file_request, rejected_with_at),
     .hook = file_decode_status,
     .help = "what counts as a refusal: statuses as in expect; 400, 401 and 403 unless said"},
    FILE_TRANSPORT_ROWS(struct file_request),
};
const struct schema file_request_schema = {
    SCHEMA_TABLE("request", struct file_request, request_fields),
    SCHEMA_AT(struct file_request, at)};
