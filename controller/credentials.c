#include "credentials.h"

#include <stdlib.h>
#include <string.h>

#include "sluice/common.h"

static credentials_provider *const chain[] = {
    credentials_env,         credentials_assume_role, credentials_web_identity,
    credentials_sso,         credentials_shared_file, credentials_process,
    credentials_config_file, credentials_container,
};

bool credentials_find(const struct aws_config *config, struct credentials *out, struct err *err)
{
    *out = (struct credentials){0};
    for (size_t i = 0; i < ARRAY_LEN(chain); i++) {
        enum credentials_found found = chain[i](config, out, err);

        if (found == CREDENTIALS_FOUND)
            return true;
        if (found == CREDENTIALS_BROKEN)
            return false;
    }
    return err_set(
        err, ERR_DENIED,
        "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or put keys "
        "for profile '%s' into the shared credentials file",
        config->profile);
}

bool credentials_load(const char *profile, struct credentials *out, struct err *err)
{
    struct aws_config config SL_CLEANUP(aws_config_clear) = {0};

    *out = (struct credentials){0};
    return aws_config_load(&config, profile, err) && credentials_find(&config, out, err);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool credentials_eq(const struct credentials *a, const struct credentials *b)
{
    return same(a->key_id, b->key_id) && same(a->secret_key, b->secret_key) &&
           same(a->token, b->token);
}

struct credentials credentials_copy(const struct credentials *from)
{
    struct credentials to = *from;

    to.key_id = x_strdup(from->key_id);
    to.secret_key = x_strdup(from->secret_key);
    to.token = x_strdup(from->token);
    return to;
}

static void wipe(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

void credentials_clear(struct credentials *c)
{
    wipe(c->key_id);
    wipe(c->secret_key);
    wipe(c->token);
    *c = (struct credentials){0};
}

static bool check(const char *s, const char *what, struct err *err)
{
    size_t len = strlen(s);

    if (len > CREDENTIALS_BYTES_MAX)
        return err_set(err, ERR_FILE, "the AWS %s is longer than %d bytes", what,
                       CREDENTIALS_BYTES_MAX);
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] == 0x7f)
            return err_set(err, ERR_FILE, "the AWS %s holds a blank or a control character", what);
    return true;
}

bool credentials_set(struct credentials *out, const char *source, const char *key_id,
                     const char *secret_key, const char *token, struct err *err)
{
    if (token && !*token)
        token = NULL;
    if (!check(key_id, "access key id", err) || !check(secret_key, "secret access key", err) ||
        (token && !check(token, "session token", err)))
        return false;
    *out = (struct credentials){.key_id = x_strdup(key_id),
                                .secret_key = x_strdup(secret_key),
                                .token = x_strdup(token),
                                .source = source};
    return true;
}
