#include <string.h>

#include "credentials_inner.h"
#include "sluice/text.h"

enum credentials_found credentials_env(const struct credentials_look *look,
                                       struct credentials_recipe *out, struct err *err)
{
    const char *key = aws_config_env("AWS_ACCESS_KEY_ID");
    const char *secret = aws_config_env("AWS_SECRET_ACCESS_KEY");
    const char *token = aws_config_env("AWS_SESSION_TOKEN");
    const char *expires = aws_config_env("AWS_CREDENTIAL_EXPIRATION");

    if (!look->environment || (!key && !secret))
        return CREDENTIALS_NONE;
    if (!key || !secret) {
        err_set(err, ERR_FILE, "%s is set, but %s is not",
                key ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                key ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
        return CREDENTIALS_BROKEN;
    }
    if (!token)
        token = aws_config_env("AWS_SECURITY_TOKEN");
    if (!credentials_set(&out->keys, "environment", key, secret, token, err)) {
        err_prefix(err, "in the environment: ");
        return CREDENTIALS_BROKEN;
    }
    if (expires && !text_parse_time_ms(expires, &out->keys.expires_ms, err)) {
        err_prefix(err, "AWS_CREDENTIAL_EXPIRATION: ");
        return CREDENTIALS_BROKEN;
    }
    return CREDENTIALS_FOUND;
}
