/* Kinds of credentials that are configured by name but that sluice cannot fetch yet. Each stands at
 * its place in the chain, so that a profile which asks for a role is never signed with the keys
 * behind it. */
#include "credentials.h"

/* A key of the profile in either file. */
static const struct aws_ini_key *find(const struct aws_config *config, const char *name)
{
    const struct aws_ini_key *k = aws_ini_get(config->in_shared, name);

    if (k && *k->value)
        return k;
    return aws_config_get(config, name);
}

static enum credentials_found refuse_key(const struct aws_config *config, const char *name,
                                         struct err *err)
{
    const struct aws_ini_key *k = find(config, name);

    if (!k)
        return CREDENTIALS_NONE;
    err_at(err, ERR_FILE, k->pos,
           "profile '%s' gets its credentials by %s, which this version cannot do; give it keys by "
           "AWS_ACCESS_KEY_ID and so on",
           config->profile, name);
    return CREDENTIALS_BROKEN;
}

static enum credentials_found refuse_variable(const char *name, struct err *err)
{
    if (!aws_config_env(name))
        return CREDENTIALS_NONE;
    err_set(err, ERR_FILE,
            "%s asks for credentials of a kind this version cannot fetch; give keys by "
            "AWS_ACCESS_KEY_ID and so on",
            name);
    return CREDENTIALS_BROKEN;
}

enum credentials_found credentials_assume_role(const struct aws_config *config,
                                               struct credentials *out, struct err *err)
{
    (void)out;
    return refuse_key(config, "role_arn", err);
}

enum credentials_found credentials_web_identity(const struct aws_config *config,
                                                struct credentials *out, struct err *err)
{
    enum credentials_found found = refuse_key(config, "web_identity_token_file", err);

    (void)out;
    if (found != CREDENTIALS_NONE || config->explicit_profile)
        return found;
    return refuse_variable("AWS_WEB_IDENTITY_TOKEN_FILE", err);
}

enum credentials_found credentials_sso(const struct aws_config *config, struct credentials *out,
                                       struct err *err)
{
    enum credentials_found found = refuse_key(config, "sso_session", err);

    (void)out;
    return found == CREDENTIALS_NONE ? refuse_key(config, "sso_start_url", err) : found;
}

enum credentials_found credentials_process(const struct aws_config *config, struct credentials *out,
                                           struct err *err)
{
    (void)out;
    return refuse_key(config, "credential_process", err);
}

enum credentials_found credentials_container(const struct aws_config *config,
                                             struct credentials *out, struct err *err)
{
    enum credentials_found found = refuse_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", err);

    (void)out;
    (void)config;
    return found == CREDENTIALS_NONE ? refuse_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", err)
                                     : found;
}
