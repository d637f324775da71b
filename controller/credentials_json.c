/* The JSON that processes, containers and instances hand their keys out in. */
#include <jansson.h>
#include <string.h>

#include "credentials_inner.h"
#include "sluice/text.h"

static const char *text_of(const json_t *root, const char *key, bool needed, bool *ok,
                           struct err *err)
{
    const json_t *v = json_object_get(root, key);

    if (!needed && (!v || json_is_null(v)))
        return NULL;
    if (json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v) &&
        (!needed || json_string_length(v)))
        return json_string_value(v);
    *ok = err_set(err, ERR_PROTOCOL, "%s%s in the answer%s", v ? "" : "no ", key,
                  v ? " is no proper text" : "");
    return NULL;
}

bool credentials_from_json(struct credentials *out, const char *source, const json_t *root,
                           const char *token_key, struct err *err)
{
    bool ok = json_is_object(root) || err_set(err, ERR_PROTOCOL, "the answer is no JSON object");
    const char *key = ok ? text_of(root, "AccessKeyId", true, &ok, err) : NULL;
    const char *secret = ok ? text_of(root, "SecretAccessKey", true, &ok, err) : NULL;
    const char *token = ok ? text_of(root, token_key, false, &ok, err) : NULL;
    const char *expires = ok ? text_of(root, "Expiration", false, &ok, err) : NULL;
    struct err why = {0};

    if (!ok)
        return false;
    if (!credentials_set(out, source, key, secret, token, &why) ||
        (expires && *expires && !text_parse_time_ms(expires, &out->expires_ms, &why))) {
        credentials_clear(out);
        return err_set(err, ERR_PROTOCOL, "the answer's fields: %s", why.text);
    }
    return true;
}
