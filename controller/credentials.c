#include "credentials_inner.h"

#include <stdlib.h>
#include <string.h>

#include "sluice/common.h"

static credentials_provider *const chain[] = {
    credentials_env,      credentials_assume_role, credentials_web_identity,
    credentials_sso,      credentials_shared_file, credentials_login,
    credentials_process,  credentials_config_file, credentials_container,
    credentials_metadata,
};

static credentials_provider *const profile_chain[] = {
    credentials_web_identity, credentials_sso,     credentials_shared_file,
    credentials_login,        credentials_process, credentials_config_file,
};

static enum credentials_found ask(credentials_provider *const *providers, size_t n,
                                  const struct credentials_look *look,
                                  struct credentials_recipe *out, struct err *err)
{
    enum credentials_found found = CREDENTIALS_NONE;

    for (size_t i = 0; i < n && found == CREDENTIALS_NONE; i++)
        found = providers[i](look, out, err);
    if (found == CREDENTIALS_FOUND && !out->profile)
        out->profile = look->profile;
    return found;
}

enum credentials_found credentials_profile_chain(const struct credentials_look *look,
                                                 struct credentials_recipe *out, struct err *err)
{
    return ask(profile_chain, ARRAY_LEN(profile_chain), look, out, err);
}

bool credentials_find(struct aws_config *config, const char *role_arn,
                      struct credentials_recipe *out, struct err *err)
{
    const struct credentials_look look = {.config = config,
                                          .profile = config->profile,
                                          .in_config = config->in_config,
                                          .in_shared = config->in_shared,
                                          .environment = !config->explicit_profile};

    *out = (struct credentials_recipe){0};
    if (role_arn)
        out->roles[out->n_roles++] =
            (struct credentials_role){.arn = arena_strdup(&config->mem, role_arn)};
    switch (ask(chain, ARRAY_LEN(chain), &look, out, err)) {
    case CREDENTIALS_FOUND:
        return true;
    case CREDENTIALS_BROKEN:
        return false;
    case CREDENTIALS_NONE:
        break;
    }
    return err_set(
        err, ERR_DENIED,
        "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or put keys "
        "for profile '%s' into the shared credentials file (the instance metadata service is "
        "turned off by AWS_EC2_METADATA_DISABLED)",
        config->profile);
}

bool credentials_at_hand(const char *profile, struct credentials *out, struct err *err)
{
    struct aws_config config SL_CLEANUP(aws_config_clear) = {0};
    struct credentials_recipe recipe = {0};
    bool ok;

    *out = (struct credentials){0};
    ok = aws_config_load(&config, profile, err) && credentials_find(&config, NULL, &recipe, err);
    if (ok && (recipe.base || recipe.n_roles))
        ok = err_set(err, ERR_REFUSED, "the credentials of profile '%s' have to be fetched",
                     config.profile);
    if (ok) {
        *out = recipe.keys;
        return true;
    }
    credentials_clear(&recipe.keys);
    return false;
}

const struct aws_ini_key *credentials_key(const struct credentials_look *look, const char *name)
{
    const struct aws_ini_key *k = aws_ini_get(look->in_shared, name);

    if (!k || !*k->value)
        k = aws_ini_get(look->in_config, name);
    return k && *k->value ? k : NULL;
}

bool credentials_open_profile(const struct credentials_look *from, const char *profile,
                              struct credentials_look *out)
{
    *out = (struct credentials_look){.config = from->config, .profile = profile};
    aws_config_profile(from->config, profile, &out->in_config, &out->in_shared);
    return out->in_config || out->in_shared;
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
