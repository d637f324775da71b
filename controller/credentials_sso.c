/* IAM Identity Center: the portal gives a role's keys for the token that `aws sso login` left in a
 * file. The login itself needs a browser and is not ours. Source: AWS SDKs and Tools Reference
 * Guide, "IAM Identity Center credential provider"; botocore credentials.py (SSOProvider). */
#include <jansson.h>
#include <string.h>

#include "credentials_inner.h"
#include "sluice/clock.h"
#include "sluice/crypto.h"
#include "sluice/file.h"
#include "sluice/json.h"
#include "sluice/text.h"

#define CACHE_MAX  ((size_t)64 * 1024)
#define TRIES      3
#define PAUSE_MS   1000
#define TOTAL_MS   10000
#define CONNECT_MS 5000

/* Where the session's section and the profile both speak, they must agree. */
static bool key_of(const struct credentials_look *look, const struct aws_ini_section *session,
                   const char *name, const char **out, struct err *err)
{
    const struct aws_ini_key *own = credentials_key(look, name);
    const struct aws_ini_key *theirs = session ? aws_ini_get(session, name) : NULL;

    if (own && theirs && *theirs->value && strcmp(own->value, theirs->value) != 0)
        return err_at(err, ERR_FILE, own->pos, "%s is '%s' here and '%s' in the sso-session", name,
                      own->value, theirs->value);
    *out = own ? own->value : theirs && *theirs->value ? theirs->value : NULL;
    return *out || err_set(err, ERR_FILE, "profile '%s' gets its credentials by SSO, but has no %s",
                           look->profile, name);
}

static const char *cache_path(struct arena *mem, const char *what)
{
    uint8_t digest[CRYPTO_SHA1_BYTES];
    struct buf hex SL_CLEANUP(buf_clear) = {0};

    crypto_sha1(what, strlen(what), digest);
    text_add_hex(&hex, digest, sizeof digest);
    return arena_printf(mem, "%s/.aws/sso/cache/%s.json", aws_config_home(), buf_str(&hex));
}

enum credentials_found credentials_sso(const struct credentials_look *look,
                                       struct credentials_recipe *out, struct err *err)
{
    const struct aws_ini_key *named = credentials_key(look, "sso_session");
    const struct aws_ini_section *session = NULL;
    const char *start_url;

    if (!credentials_key(look, "sso_account_id") && !credentials_key(look, "sso_role_name"))
        return CREDENTIALS_NONE;
    if (named) {
        session = aws_ini_find(&look->config->config, "sso-session", named->value);
        if (!session) {
            err_at(err, ERR_FILE, named->pos, "there is no section [sso-session %s]", named->value);
            return CREDENTIALS_BROKEN;
        }
    }
    if (!key_of(look, session, "sso_account_id", &out->sso_account, err) ||
        !key_of(look, session, "sso_role_name", &out->sso_role, err) ||
        !key_of(look, session, "sso_region", &out->sso_region, err) ||
        !key_of(look, session, "sso_start_url", &start_url, err))
        return CREDENTIALS_BROKEN;
    out->base = &credentials_source_sso;
    out->token_file = cache_path(&look->config->mem, named ? named->value : start_url);
    return CREDENTIALS_FOUND;
}

/* ---- Asking the portal ---- */

static bool log_in(const struct credentials_fetch *f, struct err *err, const char *what)
{
    return err_set(err, ERR_DENIED, "%s; run `aws sso login --profile %s`", what,
                   f->recipe.profile);
}

/* "2026-01-01T00:00:00Z"; older tools end it in "UTC". */
static bool parse_end(const char *s, int64_t *out)
{
    size_t len = strlen(s);
    char *copy;
    bool ok;

    if (!text_ends_with(s, "UTC"))
        return text_parse_time_ms(s, out, NULL);
    copy = x_strndup(s, len - 2);
    copy[len - 3] = 'Z';
    ok = text_parse_time_ms(copy, out, NULL);
    free(copy);
    return ok;
}

static bool read_token(const struct credentials_fetch *f, struct buf *out, struct err *err)
{
    struct buf text SL_CLEANUP(buf_wipe) = {0};
    const char *token, *ends;
    json_t *root;
    int64_t ends_ms = 0;
    bool ok = true;

    if (!file_read(&text, f->recipe.token_file, CACHE_MAX, NULL))
        return log_in(f, err, "there is no SSO login on this machine");
    root = json_parse(buf_str(&text), text.len, NULL);
    token = json_string_value(json_object_get(root, "accessToken"));
    ends = json_string_value(json_object_get(root, "expiresAt"));
    if (!token || !*token || !ends || !parse_end(ends, &ends_ms)) {
        ok = err_set(err, ERR_FILE, "%s holds no token that can be read", f->recipe.token_file);
        err_prefix(err, "log in again with `aws sso login --profile %s`: ", f->recipe.profile);
    } else if (ends_ms <= clock_wall_ms(&clock_real)) {
        ok = log_in(f, err, "the SSO login has ended");
    } else {
        buf_add_str(out, token);
    }
    json_decref(root);
    return ok;
}

static bool send(struct credentials_fetch *f, struct err *err)
{
    struct buf token SL_CLEANUP(buf_wipe) = {0}, url SL_CLEANUP(buf_clear) = {0};
    struct http_header header = {"x-amz-sso_bearer_token", NULL};
    struct http_request q = {.headers = &header,
                             .headers_n = 1,
                             .connect_ms = CONNECT_MS,
                             .total_ms = TOTAL_MS,
                             .body_keep = CREDENTIALS_ANSWER_MAX,
                             .body_max = CREDENTIALS_ANSWER_MAX,
                             .version = HTTP_VERSION_1_1};
    struct aws_service portal;

    f->tries = TRIES;
    f->pause_ms = PAUSE_MS;
    if (!read_token(f, &token, err) ||
        !aws_config_sso(&f->config, f->recipe.sso_region, &portal, err))
        return false;
    credentials_fetch_hide(f, "aws_sso_token", buf_str(&token));
    header.value = buf_str(&token);
    buf_addf(&url, "%s/federation/credentials?role_name=", portal.endpoint);
    text_add_percent(&url, f->recipe.sso_role, strlen(f->recipe.sso_role), "");
    buf_add_str(&url, "&account_id=");
    text_add_percent(&url, f->recipe.sso_account, strlen(f->recipe.sso_account), "");
    q.url = buf_str(&url);
    q.ca_file = portal.ca_file;
    credentials_fetch_http(f, &q);
    return true;
}

static bool read_keys(struct credentials_fetch *f, const json_t *root, struct err *why)
{
    const json_t *o = json_object_get(root, "roleCredentials");
    const char *key = json_string_value(json_object_get(o, "accessKeyId"));
    const char *secret = json_string_value(json_object_get(o, "secretAccessKey"));
    const char *token = json_string_value(json_object_get(o, "sessionToken"));
    const json_t *ends = json_object_get(o, "expiration");
    struct credentials keys SL_CLEANUP(credentials_clear) = {0};
    struct err bad = {0};

    if (!key || !*key || !secret || !*secret || !token || !json_is_integer(ends))
        return err_set(why, ERR_PROTOCOL, "the portal's answer lacks some of a role's credentials");
    if (!credentials_set(&keys, "SSO", key, secret, token, &bad))
        return err_set(why, ERR_PROTOCOL, "the portal's answer: %s", bad.text);
    keys.expires_ms = json_integer_value(ends);
    return credentials_fetch_keep(f, &keys, why);
}

static enum credentials_turn took(struct credentials_fetch *f, const struct http_response *r,
                                  struct err *why)
{
    json_t *root;
    bool ok;

    if (r->status == 401) {
        log_in(f, why, "the SSO portal does not accept the login");
        return CREDENTIALS_FAILED;
    }
    if (r->status != 200) {
        enum credentials_turn turn = credentials_fetch_refused(r, why);

        err_prefix(why, "role %s in account %s: ", f->recipe.sso_role, f->recipe.sso_account);
        return turn;
    }
    root = json_parse(buf_str(&r->body), r->body.len, NULL);
    ok = read_keys(f, root, why);
    json_decref(root);
    return ok ? CREDENTIALS_HAVE : CREDENTIALS_FAILED;
}

const struct credentials_source credentials_source_sso = {.name = "SSO", .ask = send, .took = took};
