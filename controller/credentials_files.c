/* Keys of a profile in the shared files. When both have the profile, the credentials file's come
 * first (AWS CLI User Guide, "Configuration and credential file settings"). */
#include <string.h>

#include "credentials_inner.h"

static const struct aws_ini_key *get(const struct aws_ini_section *section, const char *name)
{
    const struct aws_ini_key *k = aws_ini_get(section, name);

    return k && *k->value ? k : NULL;
}

static enum credentials_found from_section(const struct aws_ini_section *section,
                                           const char *source, struct credentials *out,
                                           struct err *err)
{
    const struct aws_ini_key *key = get(section, "aws_access_key_id");
    const struct aws_ini_key *secret = get(section, "aws_secret_access_key");
    const struct aws_ini_key *token = get(section, "aws_session_token");
    struct err why = {0};

    if (!key && !secret)
        return CREDENTIALS_NONE;
    if (!key || !secret) {
        err_at(err, ERR_FILE, key ? key->pos : secret->pos, "[%s] has %s, but no %s", section->name,
               key ? "aws_access_key_id" : "aws_secret_access_key",
               key ? "aws_secret_access_key" : "aws_access_key_id");
        return CREDENTIALS_BROKEN;
    }
    if (!token)
        token = get(section, "aws_security_token");
    if (!credentials_set(out, source, key->value, secret->value, token ? token->value : NULL,
                         &why)) {
        err_at(err, why.kind, key->pos, "%s", why.text);
        return CREDENTIALS_BROKEN;
    }
    return CREDENTIALS_FOUND;
}

enum credentials_found credentials_shared_file(const struct credentials_look *look,
                                               struct credentials_recipe *out, struct err *err)
{
    return from_section(look->in_shared, "shared credentials file", &out->keys, err);
}

enum credentials_found credentials_config_file(const struct credentials_look *look,
                                               struct credentials_recipe *out, struct err *err)
{
    return from_section(look->in_config, "config file", &out->keys, err);
}
