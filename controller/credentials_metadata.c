/* The role of the EC2 instance we run on, by version 2 of its metadata service: a token, the role's
 * name, its keys. Version 1, which any forged request could read, is never asked. It is last in the
 * chain, so it is asked even where nothing speaks for it. Sources: EC2 User Guide, "Use the
 * Instance Metadata Service"; AWS SDKs and Tools Reference Guide, "IMDS credential provider". */
#include <jansson.h>
#include <string.h>

#include "credentials_inner.h"
#include "sluice/json.h"
#include "sluice/text.h"

#define ENDPOINT       "http://169.254.169.254"
#define ENDPOINT_IPV6  "http://[fd00:ec2::254]"
#define TOKEN_TTL_S    "21600"
#define ROLES          "/latest/meta-data/iam/security-credentials/"
#define TIMEOUT_S      1
#define TIMEOUT_S_MAX  60
#define TRIES_MAX      20
#define ROLE_BYTES_MAX 256

enum { STAGE_TOKEN, STAGE_ROLE, STAGE_KEYS };

static bool number(const struct aws_config *c, const char *variable, const char *key, uint32_t max,
                   uint32_t *out, struct err *err)
{
    const char *s = aws_config_setting(c, variable, key);

    return !s || text_parse_u32(s, 1, max, out, err) || err_prefix(err, "%s: ", variable);
}

static bool endpoint(struct aws_config *c, const char **out, struct err *err)
{
    const char *url =
        aws_config_setting(c, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
    const char *mode = aws_config_setting(c, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                                          "ec2_metadata_service_endpoint_mode");
    struct http_url parts = {0};
    size_t len;

    if (mode && !text_eq_nocase(mode, "ipv4") && !text_eq_nocase(mode, "ipv6"))
        return err_set(err, ERR_FILE,
                       "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is '%s', neither IPv4 nor IPv6",
                       mode);
    if (!url)
        url = mode && text_eq_nocase(mode, "ipv6") ? ENDPOINT_IPV6 : ENDPOINT;
    if (!http_url_parse(&parts, url, err))
        return err_prefix(err, "AWS_EC2_METADATA_SERVICE_ENDPOINT: ");
    http_url_clear(&parts);
    len = strlen(url);
    while (len && url[len - 1] == '/')
        len--;
    *out = arena_strndup(&c->mem, url, len);
    return true;
}

enum credentials_found credentials_metadata(const struct credentials_look *look,
                                            struct credentials_recipe *out, struct err *err)
{
    const char *disabled = aws_config_env("AWS_EC2_METADATA_DISABLED");
    uint32_t timeout_s = TIMEOUT_S;

    if (disabled && text_eq_nocase(disabled, "true"))
        return CREDENTIALS_NONE;
    out->base = &credentials_source_metadata;
    out->tries = 1;
    out->last_resort = true;
    if (!endpoint(look->config, &out->url, err) ||
        !number(look->config, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout",
                TIMEOUT_S_MAX, &timeout_s, err) ||
        !number(look->config, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts",
                TRIES_MAX, &out->tries, err))
        return CREDENTIALS_BROKEN;
    out->timeout_ms = timeout_s * 1000;
    return CREDENTIALS_FOUND;
}

static bool send(struct credentials_fetch *f, struct err *err)
{
    struct buf url SL_CLEANUP(buf_clear) = {0};
    struct http_header header = {"X-aws-ec2-metadata-token", buf_str(&f->word)};
    struct http_request q = {.headers = &header,
                             .headers_n = 1,
                             .connect_ms = f->recipe.timeout_ms,
                             .total_ms = f->recipe.timeout_ms,
                             .body_keep = CREDENTIALS_ANSWER_MAX,
                             .body_max = CREDENTIALS_ANSWER_MAX,
                             .version = HTTP_VERSION_1_1,
                             .link_local = true};

    (void)err;
    f->tries = f->recipe.tries;
    if (f->stage == STAGE_TOKEN) {
        header = (struct http_header){"X-aws-ec2-metadata-token-ttl-seconds", TOKEN_TTL_S};
        q.method = "PUT";
        buf_addf(&url, "%s/latest/api/token", f->recipe.url);
    } else {
        buf_addf(&url, "%s" ROLES, f->recipe.url);
        text_add_percent(&url, buf_str(&f->detail), f->detail.len, "+=,@");
    }
    q.url = buf_str(&url);
    credentials_fetch_http(f, &q);
    return true;
}

static enum credentials_turn took_token(struct credentials_fetch *f, const struct http_response *r,
                                        struct err *why)
{
    if (r->status != 200) {
        enum credentials_turn turn = credentials_fetch_refused(r, why);

        err_prefix(why, "no session token (only IMDSv2 is spoken; from a container the hop limit "
                        "must be 2): ");
        return turn;
    }
    buf_wipe(&f->word);
    buf_add(&f->word, r->body.data, r->body.len);
    credentials_fetch_hide(f, "aws_metadata_token", buf_str(&f->word));
    return CREDENTIALS_NEXT;
}

static enum credentials_turn took_role(struct credentials_fetch *f, const struct http_response *r,
                                       struct err *why)
{
    size_t len = strcspn(buf_str(&r->body), "\r\n");

    if (r->status == 404 || (r->status == 200 && !len)) {
        err_set(why, ERR_DENIED, "no role is attached to this instance");
        return CREDENTIALS_FAILED;
    }
    if (r->status != 200)
        return credentials_fetch_refused(r, why);
    if (len > ROLE_BYTES_MAX) {
        err_set(why, ERR_PROTOCOL, "a role's name of %zu bytes", len);
        return CREDENTIALS_FAILED;
    }
    buf_reset(&f->detail);
    buf_add(&f->detail, r->body.data, len);
    return CREDENTIALS_NEXT;
}

/* Keys that have ended are handed on: the service shows them while it cannot get newer ones, and
 * they may still be accepted. How long they live is looked at by whoever uses them. */
static enum credentials_turn took_keys(struct credentials_fetch *f, const struct http_response *r,
                                       struct err *why)
{
    json_t *root;
    const json_t *code;
    struct credentials keys = {0};
    bool ok = true;

    if (r->status != 200)
        return credentials_fetch_refused(r, why);
    root = json_parse(buf_str(&r->body), r->body.len, NULL);
    code = json_object_get(root, "Code");
    if (code && (!json_is_string(code) || strcmp(json_string_value(code), "Success") != 0)) {
        struct buf said SL_CLEANUP(buf_clear) = {0};

        json_add_shown(&said, code, CREDENTIALS_SHOWN_MAX);
        ok = err_set(why, ERR_DENIED, "the instance's role has no keys: %s", buf_str(&said));
    }
    ok = ok && credentials_from_json(&keys, "instance metadata", root, "Token", why);
    json_decref(root);
    if (!ok)
        return CREDENTIALS_FAILED;
    credentials_clear(&f->keys);
    f->keys = keys;
    return CREDENTIALS_HAVE;
}

static enum credentials_turn took(struct credentials_fetch *f, const struct http_response *r,
                                  struct err *why)
{
    if (f->stage == STAGE_TOKEN)
        return took_token(f, r, why);
    return f->stage == STAGE_ROLE ? took_role(f, r, why) : took_keys(f, r, why);
}

const struct credentials_source credentials_source_metadata = {
    .name = "instance metadata", .ask = send, .took = took};
