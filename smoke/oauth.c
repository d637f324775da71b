/* oauth.c: see oauth.h. */
#include "oauth.h"

#include <string.h>

#include "sluice/json.h"
#include "sluice/text.h"

/* ---- the kept ones
 * ------------------------------------------------------------------------------ */

/* Says which token it is without holding the client's secret. Empty where a name has no value yet.
 */
static char *key_of(struct scope *scope, const struct suite_oauth2 *from)
{
    const struct suite_text *const texts[] = {&from->token_url, &from->client_id,
                                              &from->client_secret, &from->scope, &from->audience};
    struct buf all SL_CLEANUP(buf_wipe) = {0};
    char hex[2 * CRYPTO_SHA256_BYTES + 1];
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (!scope_expand(scope, &texts[i]->tpl, &all, NULL, &err))
            return x_strdup("");
        buf_add_char(&all, '\0');
    }
    crypto_sha256_hex(all.data, all.len, hex);
    return x_strdup(hex);
}

static struct oauth_token *find(const struct oauth *oauth, const char *key)
{
    for (size_t i = 0; i < oauth->n; i++)
        if (strcmp(oauth->list[i].key, key) == 0)
            return (struct oauth_token *)(uintptr_t)&oauth->list[i];
    return NULL;
}

const char *oauth_find(const struct oauth *oauth, struct scope *scope,
                       const struct suite_oauth2 *from, int64_t now_ms)
{
    char *key = key_of(scope, from);
    const struct oauth_token *token = find(oauth, key);

    free(key);
    return token && token->until_ms - OAUTH_MARGIN_MS > now_ms ? buf_str(&token->value) : NULL;
}

static void drop(struct oauth_token *token)
{
    free(token->key);
    buf_wipe(&token->value);
    *token = (struct oauth_token){0};
}

static struct oauth_token *place_for(struct oauth *oauth, const char *key)
{
    struct oauth_token *token = find(oauth, key);

    if (!token && oauth->n < OAUTH_TOKENS_MAX)
        token = &oauth->list[oauth->n++];
    if (!token) {
        token = oauth->list;
        for (size_t i = 1; i < oauth->n; i++)
            if (oauth->list[i].until_ms < token->until_ms)
                token = &oauth->list[i];
    }
    drop(token);
    token->key = x_strdup(key);
    return token;
}

void oauth_clear(struct oauth *oauth)
{
    for (size_t i = 0; i < oauth->n; i++)
        drop(&oauth->list[i]);
    oauth->n = 0;
}

/* ---- fetching
 * ----------------------------------------------------------------------------------- */

static bool add_field(struct buf *body, struct scope *scope, const char *name,
                      const struct suite_text *text, struct err *err)
{
    struct buf value SL_CLEANUP(buf_wipe) = {0};

    if (!text->text)
        return true;
    if (!scope_expand(scope, &text->tpl, &value, NULL, err))
        return false;
    buf_addf(body, "&%s=", name);
    text_add_percent(body, buf_str(&value), value.len, "");
    return true;
}

/* RFC 6749 section 2.3.1: both are form-encoded before they become user name and password. */
static bool add_client(struct request *out, struct scope *scope, const struct suite_oauth2 *from,
                       struct err *err)
{
    struct buf id SL_CLEANUP(buf_wipe) = {0}, secret SL_CLEANUP(buf_wipe) = {0};
    struct buf pair SL_CLEANUP(buf_wipe) = {0}, value SL_CLEANUP(buf_wipe) = {0};

    if (!scope_expand(scope, &from->client_id.tpl, &id, NULL, err) ||
        !scope_expand(scope, &from->client_secret.tpl, &secret, NULL, err))
        return false;
    text_add_percent(&pair, buf_str(&id), id.len, "");
    buf_add_char(&pair, ':');
    text_add_percent(&pair, buf_str(&secret), secret.len, "");
    buf_add_str(&value, "Basic ");
    text_add_base64(&value, pair.data, pair.len);
    return request_add_header(out, "Authorization", buf_str(&value), value.len, true, err);
}

bool oauth_build(struct request *out, struct scope *scope, const struct suite_oauth2 *from,
                 struct err *err)
{
    static const char form[] = "application/x-www-form-urlencoded", json[] = "application/json";

    out->method = "POST";
    buf_init(&out->url, HTTP_URL_MAX);
    buf_init(&out->body, REQUEST_BODY_MAX);
    out->has_body = true;
    buf_add_str(&out->body, "grant_type=client_credentials");
    return scope_expand(scope, &from->token_url.tpl, &out->url, NULL, err) &&
           http_url_parse(&out->parts, buf_str(&out->url), err) &&
           request_add_header(out, "Content-Type", form, strlen(form), false, err) &&
           request_add_header(out, "Accept", json, strlen(json), false, err) &&
           add_field(&out->body, scope, "scope", &from->scope, err) &&
           add_field(&out->body, scope, "audience", &from->audience, err) &&
           (from->in_body
                ? add_field(&out->body, scope, "client_id", &from->client_id, err) &&
                      add_field(&out->body, scope, "client_secret", &from->client_secret, err)
                : add_client(out, scope, from, err));
}

static bool refused(struct scope *scope, const struct suite_oauth2 *from, struct finding *out,
                    const char *why, const char *foreign)
{
    out->verdict = RUN_ERROR;
    out->at = from->token_url.at;
    buf_addf(&out->sentence, "no access token: %s", why);
    if (foreign)
        finding_add_shown(&out->sentence, scope->secrets, foreign, strlen(foreign));
    return false;
}

/* RFC 6749 section 5.2: error and error_description. */
static bool say_error(struct scope *scope, const struct suite_oauth2 *from, const json_t *root,
                      uint16_t status, struct finding *out)
{
    const char *error = json_string_value(json_object_get(root, "error"));
    const char *more = json_string_value(json_object_get(root, "error_description"));
    struct buf why SL_CLEANUP(buf_clear) = {0};

    buf_addf(&why, "the token url answers with status %u%s", status, error ? ": " : "");
    refused(scope, from, out, buf_str(&why), error);
    if (error && more) {
        buf_add_str(&out->sentence, ", ");
        finding_add_shown(&out->sentence, scope->secrets, more, strlen(more));
    }
    return false;
}

bool oauth_take(struct oauth *oauth, struct scope *scope, const struct suite_oauth2 *from,
                struct answer *answer, struct secret_set *secrets, int64_t now_ms,
                struct finding *out)
{
    const struct http_response *r = answer->response;
    const json_t *root, *value, *life;
    struct oauth_token *token;
    struct err err = {0};
    char *key;

    if (r->outcome != HTTP_OK)
        return refused(scope, from, out, "", r->reason);
    root = answer_json(answer);
    if (r->status != 200)
        return say_error(scope, from, root, r->status, out);
    value = json_object_get(root, "access_token");
    if (!json_is_string(value) || json_string_length(value) == 0 ||
        json_string_length(value) > OAUTH_TOKEN_BYTES_MAX)
        return refused(scope, from, out, "the answer of the token url has no access_token", NULL);
    if (!template_check_header("the token", json_string_value(value), json_string_length(value),
                               &err))
        return refused(scope, from, out, "it holds bytes that no header can hold", NULL);
    life = json_object_get(root, "expires_in");
    key = key_of(scope, from);
    token = place_for(oauth, key);
    free(key);
    buf_add(&token->value, json_string_value(value), json_string_length(value));
    token->until_ms = now_ms + (json_is_integer(life) && json_integer_value(life) > 0 &&
                                        json_integer_value(life) < 366 * 86400
                                    ? json_integer_value(life) * 1000
                                    : OAUTH_LIFE_MS_DEFAULT);
    if (token->until_ms - now_ms <= OAUTH_MARGIN_MS) /* it must serve the request it was made for */
        token->until_ms = now_ms + OAUTH_MARGIN_MS + 1000;
    if (secrets)
        secret_taint(secrets, "access_token", token->value.data, token->value.len);
    return true;
}
